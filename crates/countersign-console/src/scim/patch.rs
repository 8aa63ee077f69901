//! Operations of PATCH (RFC 7644 §3.5.2) on a resource's JSON, in the forms that Okta, Entra ID and
//! others really send: `Add` for `add`, dotted names without a path, values of a filter that has none
//! yet. All of a request's operations take effect, or none.

use super::{
    error::ScimError,
    filter::{self, Attribute, Filter, Path, member},
};
use serde_json::{Map, Value};

/// Operations in one request at most.
pub(crate) const OPERATIONS_MAX: usize = 1_000;
/// Values that one attribute has at most, but for a group's members.
const VALUES_MAX: usize = 200;

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Add,
    Replace,
    Remove,
}

/// One operation.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Operation {
    pub(crate) what: What,
    pub(crate) path: Option<Path>,
    pub(crate) value: Value,
}

/// Reads the body of a PATCH.
pub(crate) fn operations(body: &Value) -> Result<Vec<Operation>, ScimError> {
    let schemas = member(body, "schemas").and_then(Value::as_array);
    if !schemas.is_some_and(|it| it.iter().any(|it| it == PATCH_SCHEMA)) {
        return Err(ScimError::invalid_syntax("the body is no PatchOp message"));
    }
    let operations = member(body, "operations").and_then(Value::as_array);
    let operations = operations.ok_or_else(|| ScimError::invalid_syntax("no Operations"))?;
    if operations.is_empty() || operations.len() > OPERATIONS_MAX {
        return Err(ScimError::invalid_value(format!("send 1 to {OPERATIONS_MAX} operations")));
    }
    let mut read = Vec::with_capacity(operations.len());
    for operation in operations {
        self::read(operation, &mut read)?;
    }
    Ok(read)
}

fn read(operation: &Value, into: &mut Vec<Operation>) -> Result<(), ScimError> {
    let op = member(operation, "op").and_then(Value::as_str).unwrap_or_default();
    let what = match op.to_ascii_lowercase().as_str() {
        "add" => What::Add,
        "replace" => What::Replace,
        "remove" => What::Remove,
        _ => return Err(ScimError::invalid_syntax("op is add, replace or remove")),
    };
    let value = member(operation, "value").cloned().unwrap_or(Value::Null);
    match (member(operation, "path"), what) {
        (Some(Value::String(text)), _) if !text.is_empty() => {
            into.push(Operation { what, path: Some(path(text)?), value });
            Ok(())
        }
        (None | Some(Value::Null | Value::String(_)), What::Add | What::Replace) => {
            let Value::Object(members) = value else {
                return Err(ScimError::invalid_value("without a path the value is an object"));
            };
            for (name, value) in members {
                into.push(Operation { what, path: Some(path(&name)?), value });
            }
            if into.len() > OPERATIONS_MAX {
                return Err(ScimError::invalid_value(format!(
                    "at most {OPERATIONS_MAX} attributes in one request"
                )));
            }
            Ok(())
        }
        (None | Some(Value::Null | Value::String(_)), What::Remove) => {
            Err(ScimError::new(400, Some("noTarget"), "remove needs a path"))
        }
        (Some(_), _) => Err(ScimError::invalid_path("the path is no text")),
    }
}

/// A path, which may be an extension's name alone.
fn path(text: &str) -> Result<Path, ScimError> {
    if text.eq_ignore_ascii_case(ENTERPRISE) {
        let attribute = Attribute { extension: None, name: ENTERPRISE.to_owned(), within: None };
        return Ok(Path { attribute, which: None });
    }
    filter::path(text).map_err(|fault| ScimError::invalid_path(format!("the path: {fault}")))
}

/// Does one operation to a resource.
pub(crate) fn apply(
    operation: &Operation,
    resource: &mut Map<String, Value>,
) -> Result<(), ScimError> {
    let Some(path) = &operation.path else { return Ok(()) };
    let attribute = &path.attribute;
    refuse_read_only(attribute)?;
    let members = match &attribute.extension {
        None => resource,
        Some(urn) => inner(resource, urn, operation.what)?,
    };
    match &path.which {
        Some(which) => apply_where(operation, which, attribute, members),
        None => match &attribute.within {
            None => set(operation, &attribute.name, members),
            Some(within) => within_one(operation, &attribute.name, within, members),
        },
    }
}

/// `id` and what is made here is not to be written; `schemas` and `meta` follow by themselves.
fn refuse_read_only(attribute: &Attribute) -> Result<(), ScimError> {
    if attribute.is("id") || attribute.name.eq_ignore_ascii_case("groups") {
        return Err(ScimError::new(400, Some("mutability"), "this attribute is read only"));
    }
    Ok(())
}

/// The object under a name, made where something is put into it.
fn inner<'m>(
    members: &'m mut Map<String, Value>,
    name: &str,
    what: What,
) -> Result<&'m mut Map<String, Value>, ScimError> {
    let key = key_of(members, name);
    if !members.contains_key(&key) && what == What::Remove {
        return Err(ScimError::new(400, Some("noTarget"), "there is no such attribute"));
    }
    let value = members.entry(key).or_insert_with(|| Value::Object(Map::new()));
    value.as_object_mut().ok_or_else(|| ScimError::invalid_path("the attribute has no attributes"))
}

/// The name as it is written in the resource, or as it is asked for.
fn key_of(members: &Map<String, Value>, name: &str) -> String {
    let known = members.keys().find(|it| it.eq_ignore_ascii_case(name));
    known.cloned().unwrap_or_else(|| name.to_owned())
}

fn set(
    operation: &Operation,
    name: &str,
    members: &mut Map<String, Value>,
) -> Result<(), ScimError> {
    let key = key_of(members, name);
    match (operation.what, members.get_mut(&key), &operation.value) {
        (What::Remove, Some(Value::Array(items)), Value::Array(gone)) if !gone.is_empty() => {
            items.retain(|item| !gone.iter().any(|it| same_value(item, it)));
        }
        (What::Remove, _, _) | (What::Replace, _, Value::Null) => {
            members.remove(&key);
        }
        (What::Add, Some(Value::Array(items)), new) => {
            let new = new.as_array().cloned().unwrap_or_else(|| vec![new.clone()]);
            for item in new {
                if !items.contains(&item) {
                    items.push(item);
                }
            }
            if items.len() > VALUES_MAX {
                return Err(ScimError::invalid_value(format!("at most {VALUES_MAX} values")));
            }
        }
        (What::Add | What::Replace, Some(Value::Object(old)), Value::Object(new)) => {
            for (name, value) in new {
                let key = key_of(old, name);
                old.insert(key, value.clone());
            }
        }
        (What::Add, _, Value::Null) => return Err(ScimError::invalid_value("add needs a value")),
        (What::Add | What::Replace, _, value) => {
            members.insert(key, value.clone());
        }
    }
    Ok(())
}

/// An attribute within a plain one: `name.givenName`; of several, in each of them.
fn within_one(
    operation: &Operation,
    name: &str,
    within: &str,
    members: &mut Map<String, Value>,
) -> Result<(), ScimError> {
    let key = key_of(members, name);
    if let Some(Value::Array(items)) = members.get_mut(&key) {
        for item in items.iter_mut().filter_map(Value::as_object_mut) {
            set(operation, within, item)?;
        }
        return Ok(());
    }
    set(operation, within, inner(members, name, operation.what)?)
}

/// Values that a filter chooses.
fn apply_where(
    operation: &Operation,
    which: &Filter,
    attribute: &Attribute,
    members: &mut Map<String, Value>,
) -> Result<(), ScimError> {
    let key = key_of(members, &attribute.name);
    if !members.contains_key(&key) && operation.what == What::Remove {
        return Ok(());
    }
    let found = members.entry(key).or_insert_with(|| Value::Array(Vec::new()));
    let several = || ScimError::invalid_path("the attribute has not several values");
    let found = found.as_array_mut().ok_or_else(several)?;
    match (operation.what, &attribute.within) {
        (What::Remove, None) => found.retain(|it| !which.holds(it)),
        (What::Remove | What::Add | What::Replace, within) => {
            let mut chosen = 0_usize;
            for item in found.iter_mut().filter(|it| which.holds(it)) {
                chosen += 1;
                change(operation, within.as_deref(), item)?;
            }
            if chosen == 0 && operation.what != What::Remove {
                found.push(made(operation, which, within.as_deref())?);
            }
        }
    }
    if found.len() > VALUES_MAX {
        return Err(ScimError::invalid_value(format!("at most {VALUES_MAX} values")));
    }
    Ok(())
}

fn change(operation: &Operation, within: Option<&str>, item: &mut Value) -> Result<(), ScimError> {
    let members = item
        .as_object_mut()
        .ok_or_else(|| ScimError::invalid_path("the values have no attributes"))?;
    match (within, &operation.value) {
        (Some(within), _) => set(operation, within, members),
        (None, Value::Object(new)) => {
            for (name, value) in new {
                let key = key_of(members, name);
                members.insert(key, value.clone());
            }
            Ok(())
        }
        (None, _) => Err(ScimError::invalid_value("the value is an object")),
    }
}

/// `emails[type eq "work"].value` where there is none yet: Entra ID means that one is made.
fn made(operation: &Operation, which: &Filter, within: Option<&str>) -> Result<Value, ScimError> {
    let none = || ScimError::new(400, Some("noTarget"), "no value is such");
    let mut item = Map::new();
    for (name, value) in which.as_members().ok_or_else(none)? {
        item.insert(name.to_owned(), value.clone());
    }
    let mut item = Value::Object(item);
    change(operation, within, &mut item)?;
    Ok(item)
}

/// Whether a value is the one that is named, by its `value` alone.
fn same_value(item: &Value, named: &Value) -> bool {
    match (member(item, "value"), member(named, "value")) {
        (Some(a), Some(b)) => a == b,
        _ => item == named,
    }
}

pub(crate) const PATCH_SCHEMA: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
pub(crate) const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
