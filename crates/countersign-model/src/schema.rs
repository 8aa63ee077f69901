//! Input schemas: JSON Schema 2020-12 over a function's arguments object.

use serde_json::{Map, Value, json};
use std::fmt;

/// A compiled input schema.
pub struct InputSchema {
    value: Value,
    validator: jsonschema::Validator,
}

/// How deep a schema may nest.
const SCHEMA_DEPTH_MAX: usize = 32;

impl InputSchema {
    /// Compiles a schema. It must describe an object, and refers to nothing outside itself.
    pub fn compile(value: Value) -> Result<Self, BadSchema> {
        if depth(&value) > SCHEMA_DEPTH_MAX {
            return Err(BadSchema(format!("nests deeper than {SCHEMA_DEPTH_MAX}")));
        }
        if value.get("type").and_then(Value::as_str) != Some("object") {
            return Err(BadSchema("must say `type: object`: arguments are an object".to_owned()));
        }
        let validator = jsonschema::options()
            .with_draft(jsonschema::Draft::Draft202012)
            .should_validate_formats(true)
            .build(&value)
            .map_err(|error| BadSchema(format!("{error} (at {})", error.instance_path())))?;
        Ok(Self { value, validator })
    }

    /// The schema as written.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// The schema of one argument, if it is named under `properties`.
    pub fn property(&self, name: &str) -> Option<&Value> {
        self.value.get("properties")?.get(name)
    }

    /// Names under `properties`.
    pub fn properties(&self) -> impl Iterator<Item = &str> {
        let properties = self.value.get("properties").and_then(Value::as_object);
        properties.into_iter().flat_map(Map::keys).map(String::as_str)
    }

    /// Whether arguments beyond `properties` are refused.
    pub fn is_closed(&self) -> bool {
        let closed = |key| self.value.get(key) == Some(&Value::Bool(false));
        closed("additionalProperties") || closed("unevaluatedProperties")
    }

    /// Checks an arguments object. The fault names the place and the rule, never the value.
    pub fn validate(&self, arguments: &Value) -> Result<(), Violation> {
        if self.validator.is_valid(arguments) {
            return Ok(());
        }
        let error = self.validator.iter_errors(arguments).next();
        Err(error.map_or_else(
            || Violation { place: String::new(), rule: "schema".to_owned() },
            |error| Violation {
                place: error.instance_path().to_string(),
                rule: error.masked_with("the value").to_string(),
            },
        ))
    }
}

impl fmt::Debug for InputSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "InputSchema({})", self.value)
    }
}

/// The schema of a function that declares none: its path's variables, as strings, and no more.
pub fn of_variables(names: &[&str]) -> Value {
    let properties: Map<String, Value> =
        names.iter().map(|name| ((*name).to_owned(), json!({"type": "string"}))).collect();
    json!({"type": "object", "properties": properties, "required": names, "additionalProperties": false})
}

/// Checks that a result schema is one.
pub fn check_result(value: &Value) -> Result<(), BadSchema> {
    jsonschema::options()
        .with_draft(jsonschema::Draft::Draft202012)
        .build(value)
        .map(drop)
        .map_err(|error| BadSchema(error.to_string()))
}

/// Why a value is no usable schema.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadSchema(pub String);

/// Where arguments break their schema, and which rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {rule}", if place.is_empty() { "the arguments" } else { place })]
pub struct Violation {
    /// JSON pointer into the arguments; empty for the whole.
    pub place: String,
    /// What the schema wants there.
    pub rule: String,
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}
