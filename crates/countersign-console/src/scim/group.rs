//! A group: from what a directory writes to what is kept, and back. Its members are kept apart: they
//! may be thousands.

use super::{
    Provider,
    error::ScimError,
    filter::{Filter, member},
    patch::{self, Operation, What},
    user::text,
};
use countersign_governance::{GroupFacts, GroupRules};
use serde_json::{Map, Value};
use std::{collections::BTreeSet, sync::Arc};

/// Members of a group at most.
const MEMBERS_MAX: usize = 20_000;

pub(crate) const GROUP_SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";

const KEPT: [&str; 2] = ["displayName", "externalId"];

/// What a directory says of a group. Without `members` it has these.
pub(crate) fn facts(
    provider: &Provider,
    said: &Value,
    members: BTreeSet<String>,
) -> Result<GroupFacts, ScimError> {
    let mut kept = Map::new();
    for name in KEPT {
        if let Some(value) = member(said, name).filter(|it| !it.is_null()) {
            kept.insert(name.to_owned(), value.clone());
        }
    }
    let name = text(&kept, "displayName")?
        .ok_or_else(|| ScimError::invalid_value("displayName is missing"))?;
    if members.len() > MEMBERS_MAX {
        return Err(too_many());
    }
    let is_foreign = |it: &Arc<GroupRules>| it.named(&name).is_none();
    if provider.directory.groups.as_ref().is_some_and(is_foreign) {
        return Err(ScimError::invalid_value("this name belongs to another source of groups"));
    }
    Ok(GroupFacts {
        external_id: text(&kept, "externalId")?,
        name: name.to_lowercase(),
        here: name,
        document: Value::Object(kept).to_string(),
        members,
    })
}

/// The ids of the members that a directory names: users and groups.
pub(crate) fn members(said: &Value) -> Result<BTreeSet<String>, ScimError> {
    match member(said, "members") {
        None | Some(Value::Null) => Ok(BTreeSet::new()),
        Some(value) => ids(value),
    }
}

fn ids(value: &Value) -> Result<BTreeSet<String>, ScimError> {
    let wrong = || ScimError::invalid_value("a member has a value: the id of a user or group");
    let one = |it: &Value| {
        let id = member(it, "value").unwrap_or(it).as_str().filter(|it| !it.is_empty());
        id.map(str::to_owned).ok_or_else(wrong)
    };
    match value.as_array() {
        Some(items) if items.len() > MEMBERS_MAX => Err(too_many()),
        Some(items) => items.iter().map(one).collect(),
        None => Ok([one(value)?].into()),
    }
}

/// Does an operation to a group.
pub(crate) fn apply(
    operation: &Operation,
    resource: &mut Map<String, Value>,
    members: &mut BTreeSet<String>,
) -> Result<(), ScimError> {
    let of_members =
        operation.path.as_ref().filter(|it| it.attribute.name.eq_ignore_ascii_case("members"));
    let Some(path) = of_members else { return patch::apply(operation, resource) };
    match (&path.which, operation.what) {
        (Some(which), What::Remove) => {
            members.retain(|id| !which.holds(&serde_json::json!({ "value": id })));
        }
        (Some(which), What::Add | What::Replace) => {
            let Filter::Compares(..) = which else {
                return Err(ScimError::invalid_path("members are added by their value"));
            };
            let id = which.must_equal("value");
            let id = id.ok_or_else(|| ScimError::new(400, Some("noTarget"), "no such member"))?;
            members.insert(id.to_owned());
        }
        (None, What::Add) => members.extend(ids(&operation.value)?),
        (None, What::Replace) => *members = ids(&operation.value)?,
        (None, What::Remove) if is_nothing(&operation.value) => members.clear(),
        (None, What::Remove) => {
            let gone = ids(&operation.value)?;
            members.retain(|id| !gone.contains(id));
        }
    }
    if members.len() > MEMBERS_MAX { Err(too_many()) } else { Ok(()) }
}

fn is_nothing(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(Vec::is_empty)
}

fn too_many() -> ScimError {
    ScimError::invalid_value(format!("a group has at most {MEMBERS_MAX} members"))
}
