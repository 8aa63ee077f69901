//! Path, query, headers and body become one arguments object.

use super::{
    outgoing::{Outgoing, from_arguments, from_streamed, with_body},
    path,
    read::Content,
};
use crate::respond::{Stop, Told};
use bytes::Bytes;
use countersign_model::{
    Function, Reason,
    catalog::BodyKind,
    json::{self, Limits},
};
use http::HeaderMap;
use serde_json::{Map, Value};

/// Arguments of a call in the target's own form.
pub(super) fn from_request(
    function: &Function,
    variables: Vec<(String, String)>,
    query: Option<&str>,
    headers: &HeaderMap,
    content: Content,
) -> Result<(Value, Outgoing), Stop> {
    let mut arguments = Map::new();
    for (name, text) in variables {
        insert(function, &mut arguments, &name, typed(function, &name, &text)?)?;
    }
    let pairs = path::query(query.unwrap_or("")).map_err(|it| ambiguous(&it.to_string()))?;
    let known = |name: &str| function.http.query.contains(name);
    insert_pairs(function, &mut arguments, pairs, "query parameter", known)?;
    for (name, header) in &function.http.headers {
        let mut values = headers.get_all(header.as_ref()).iter();
        let Some(value) = values.next() else { continue };
        if values.next().is_some() {
            return Err(ambiguous(&format!("it has more than one {header}")));
        }
        let text = value.to_str().map_err(|_| ambiguous(&format!("its {header} is no text")))?;
        insert(function, &mut arguments, name, typed(function, name, text)?)?;
    }
    let original = match content {
        Content::None => None,
        Content::Json(bytes) => {
            for (name, value) in members(&bytes)? {
                refuse_placed(function, &name)?;
                insert(function, &mut arguments, &name, value)?;
            }
            Some(bytes)
        }
        Content::Form(bytes) => {
            if bytes.len() > path::PAIRS_BYTES_MAX {
                return Err(form_too_large());
            }
            let text =
                std::str::from_utf8(&bytes).map_err(|_| ambiguous("its form is not UTF-8"))?;
            let pairs = path::form(text).map_err(|it| ambiguous(&it.to_string()))?;
            let known =
                |name: &str| function.input.property(name).is_some() && !placed(function, name);
            insert_pairs(function, &mut arguments, pairs, "form field", known)?;
            None
        }
        Content::Stream(body, bytes_max) => {
            let arguments = Value::Object(arguments);
            let outgoing = from_streamed(function, &arguments, body, bytes_max)?;
            return Ok((arguments, outgoing));
        }
    };
    let arguments = Value::Object(arguments);
    // The bytes as they came say the same as the arguments: the strict reader took them.
    let outgoing = with_body(function, &arguments, original)?;
    Ok((arguments, outgoing))
}

/// Arguments of a uniform call.
pub(super) fn from_uniform(
    function: &Function,
    query: Option<&str>,
    content: Content,
) -> Result<(Value, Outgoing), Stop> {
    if query.is_some_and(|it| !it.is_empty()) {
        return Err(ambiguous("a uniform call has its arguments in the body, not in the query"));
    }
    let arguments = match content {
        Content::None => Map::new(),
        Content::Json(bytes) => members(&bytes)?,
        Content::Form(_) | Content::Stream(_, _) => return Err(ambiguous("its body is not JSON")),
    };
    let arguments = Value::Object(arguments);
    let outgoing = from_arguments(function, &arguments)?;
    Ok((arguments, outgoing))
}

fn members(bytes: &Bytes) -> Result<Map<String, Value>, Stop> {
    match json::parse(bytes, Limits::default()) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Err(ambiguous("its body is not a JSON object")),
        Err(fault) => Err(ambiguous(&format!("its JSON body: {fault}"))),
    }
}

/// Repeated names become an array where the schema says array, and are refused elsewhere.
fn insert_pairs(
    function: &Function,
    arguments: &mut Map<String, Value>,
    pairs: Vec<(String, String)>,
    what: &str,
    known: impl Fn(&str) -> bool,
) -> Result<(), Stop> {
    for (name, text) in pairs {
        if !known(&name) {
            let name: String = name.chars().take(64).collect();
            return Err(invalid(
                function,
                &format!("there is no {what} `{}`", name.escape_debug()),
            ));
        }
        if kind(function, &name) != Some("array") {
            insert(function, arguments, &name, typed(function, &name, &text)?)?;
            continue;
        }
        let items = function.input.property(&name).and_then(|it| it.get("items"));
        let item = typed_as(function, &name, &text, items.and_then(|it| type_of(it)))?;
        match arguments.entry(name).or_insert_with(|| Value::Array(Vec::new())) {
            Value::Array(list) => list.push(item),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Object(_) => return Err(ambiguous("an argument is given twice")),
        }
    }
    Ok(())
}

fn insert(
    function: &Function,
    arguments: &mut Map<String, Value>,
    name: &str,
    value: Value,
) -> Result<(), Stop> {
    match arguments.insert(name.to_owned(), value) {
        None => Ok(()),
        Some(_) => Err(invalid(function, &format!("`{}` is given twice", name.escape_debug()))),
    }
}

/// Whether an argument has its place outside the body.
fn placed(function: &Function, name: &str) -> bool {
    let http = &function.http;
    http.query.contains(name)
        || http.headers.contains_key(name)
        || http.path.variables().any(|it| it == name)
}

fn refuse_placed(function: &Function, name: &str) -> Result<(), Stop> {
    if placed(function, name) {
        let what = format!("`{}` does not belong in the body", name.escape_debug());
        return Err(invalid(function, &what));
    }
    Ok(())
}

fn kind<'f>(function: &'f Function, name: &str) -> Option<&'f str> {
    function.input.property(name).and_then(type_of)
}

/// The first type of a schema that is not null.
fn type_of(schema: &Value) -> Option<&str> {
    match schema.get("type")? {
        Value::String(kind) => Some(kind),
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).find(|it| *it != "null"),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    }
}

/// Text of a path, query or header as the schema types it. Only the canonical form is taken, so
/// that the value and the text say the same.
fn typed(function: &Function, name: &str, text: &str) -> Result<Value, Stop> {
    typed_as(function, name, text, kind(function, name))
}

fn typed_as(
    function: &Function,
    name: &str,
    text: &str,
    kind: Option<&str>,
) -> Result<Value, Stop> {
    let wrong =
        |wanted: &str| invalid(function, &format!("`{}` is no {wanted}", name.escape_debug()));
    match kind {
        Some("integer" | "number") => {
            let number = json::parse(text.as_bytes(), Limits::default())
                .ok()
                .filter(|it| it.is_number() && json::canonical(it) == text);
            number.ok_or_else(|| wrong("number in plain form"))
        }
        Some("boolean") => match text {
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            _ => Err(wrong("boolean; write true or false")),
        },
        Some(_) | None => Ok(Value::String(text.to_owned())),
    }
}

fn ambiguous(what: &str) -> Stop {
    Stop::new(Reason::RequestAmbiguous, Told::ambiguous(what))
}

fn form_too_large() -> Stop {
    let kibibytes = path::PAIRS_BYTES_MAX / 1024;
    Stop::say(
        Reason::RequestTooLarge,
        &format!("The form is larger than {kibibytes} KiB, which no form may be."),
        "Send less at once, or call the function under /call/ with JSON.",
    )
}

pub(super) fn invalid(function: &Function, what: &str) -> Stop {
    Stop::say(
        Reason::ArgumentsInvalid,
        &format!("The arguments of {} are not valid: {what}.", function.name),
        &format!("Correct the arguments; GET /tools shows the schema of {}.", function.name),
    )
}

/// Whether a function's arguments beyond path, query and headers travel in a body.
pub(super) fn has_body(function: &Function) -> bool {
    match function.http.body {
        BodyKind::Json | BodyKind::Form => true,
        BodyKind::None | BodyKind::Stream => false,
    }
}

pub(super) fn stands_in_body(function: &Function, name: &str) -> bool {
    !placed(function, name)
}

#[cfg(test)]
mod tests;
