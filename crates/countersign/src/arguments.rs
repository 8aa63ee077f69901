//! Arguments of a call as people type them: `key=text`, `key:=json`, `@file.json`. A later one
//! replaces an earlier one of the same key. Reads the files that are named, and nothing else.

use crate::exit::Failure;
use countersign_model::json;
use serde_json::{Map, Value};
use std::fs;

/// The arguments object.
///
/// # Errors
/// The first text that is none of the three forms.
pub(crate) fn parse(typed: &[String]) -> Result<Value, Failure> {
    let mut arguments = Map::new();
    for text in typed {
        if let Some(file) = text.strip_prefix('@') {
            arguments.extend(object_in(file)?);
            continue;
        }
        let Some((key, value)) = text.split_once('=') else {
            return Err(Failure::usage(format!("`{text}` is no argument"))
                .next("write key=text, key:=json or @file.json"));
        };
        let (key, value) = match key.strip_suffix(':') {
            Some(key) => (key, strict(value, key)?),
            None => (key, Value::String(value.to_owned())),
        };
        if key.is_empty() {
            return Err(Failure::usage(format!("`{text}` has no key")));
        }
        arguments.insert(key.to_owned(), value);
    }
    Ok(Value::Object(arguments))
}

/// Texts that the function's input schema wants as numbers or truth values, read as such:
/// `amount=40` is a number where the schema says so.
pub(crate) fn fit(arguments: Value, schema: Option<&Value>) -> Value {
    let Value::Object(members) = arguments else { return arguments };
    let typed = |key: &str| schema?.get("properties")?.get(key)?.get("type")?.as_str();
    let fitted = members.into_iter().map(|(key, value)| {
        let fitted = match (&value, typed(&key)) {
            (Value::String(text), Some("number" | "integer" | "boolean" | "array" | "object")) => {
                json::parse(text.as_bytes(), json::Limits::default()).unwrap_or(value)
            }
            (_, _) => value,
        };
        (key, fitted)
    });
    Value::Object(fitted.collect())
}

fn object_in(file: &str) -> Result<Map<String, Value>, Failure> {
    let text = fs::read_to_string(file)
        .map_err(|error| Failure::usage(format!("{file} can't be read: {error}")))?;
    if let Value::Object(members) = strict(&text, file)? {
        return Ok(members);
    }
    Err(Failure::usage(format!("{file} holds no JSON object")))
}

/// JSON as the gateway reads it: no duplicate keys, no ambiguous numbers.
fn strict(text: &str, place: &str) -> Result<Value, Failure> {
    json::parse(text.as_bytes(), json::Limits::default())
        .map_err(|error| Failure::usage(format!("{place}: not JSON that can be sent: {error}")))
}

#[cfg(test)]
mod tests;
