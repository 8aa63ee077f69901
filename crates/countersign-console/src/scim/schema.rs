//! What this door can do, as a directory reads it (RFC 7643 §5 to §7).

use super::{
    Scim, answer, error::ScimError, group::GROUP_SCHEMA, list::listed, patch::ENTERPRISE,
    user::USER_SCHEMA,
};
use axum::{
    extract::{Path, State},
    response::Response,
};
use countersign_governance::RESOURCES_MAX;
use http::StatusCode;
use serde_json::{Value, json};

pub(super) async fn configuration(State(scim): State<Scim>) -> Response {
    let no = json!({ "supported": false });
    let body = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
        "patch": { "supported": true },
        "bulk": { "supported": false, "maxOperations": 0, "maxPayloadSize": 0 },
        "filter": { "supported": true, "maxResults": RESOURCES_MAX },
        "changePassword": no,
        "sort": no,
        "etag": { "supported": true },
        "authenticationSchemes": [{
            "type": "oauthbearertoken",
            "name": "Bearer token",
            "description": "The token that the configuration names for this directory",
            "primary": true,
        }],
        "meta": {
            "resourceType": "ServiceProviderConfig",
            "location": format!("{}/ServiceProviderConfig", scim.0.base),
        },
    });
    answer(StatusCode::OK, &body)
}

pub(super) async fn resource_types(State(scim): State<Scim>) -> Response {
    answer(StatusCode::OK, &listed(&types(&scim)))
}

pub(super) async fn resource_type(
    State(scim): State<Scim>,
    Path(name): Path<String>,
) -> Result<Response, ScimError> {
    one(types(&scim), &name)
}

pub(super) async fn schemas(State(scim): State<Scim>) -> Response {
    answer(StatusCode::OK, &listed(&all(&scim)))
}

pub(super) async fn schema(
    State(scim): State<Scim>,
    Path(name): Path<String>,
) -> Result<Response, ScimError> {
    one(all(&scim), &name)
}

fn one(all: Vec<Value>, name: &str) -> Result<Response, ScimError> {
    let named = |it: &Value| {
        it.get("id").and_then(Value::as_str).is_some_and(|it| it.eq_ignore_ascii_case(name))
    };
    let found = all.into_iter().find(named).ok_or_else(ScimError::not_found)?;
    Ok(answer(StatusCode::OK, &found))
}

fn types(scim: &Scim) -> Vec<Value> {
    let kind = |name: &str, place: &str, schema: &str, extensions: Value| {
        json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
            "id": name,
            "name": name,
            "endpoint": place,
            "schema": schema,
            "schemaExtensions": extensions,
            "meta": {
                "resourceType": "ResourceType",
                "location": format!("{}/ResourceTypes/{name}", scim.0.base),
            },
        })
    };
    let enterprise = json!([{ "schema": ENTERPRISE, "required": false }]);
    vec![
        kind("User", "/Users", USER_SCHEMA, enterprise),
        kind("Group", "/Groups", GROUP_SCHEMA, json!([])),
    ]
}

fn all(scim: &Scim) -> Vec<Value> {
    let schema = |id: &str, name: &str, attributes: Value| {
        json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"],
            "id": id,
            "name": name,
            "attributes": attributes,
            "meta": {
                "resourceType": "Schema",
                "location": format!("{}/Schemas/{id}", scim.0.base),
            },
        })
    };
    let text = |name: &str| attribute(name, "string", Many::No, json!([]));
    let value = |extra: &[&str]| {
        let names = ["value"].iter().chain(extra);
        names.map(|it| text(it)).collect::<Vec<_>>()
    };
    let name = ["formatted", "familyName", "givenName", "middleName"].map(text);
    let user = json!([
        unique("userName"),
        attribute("name", "complex", Many::No, json!(name)),
        text("displayName"),
        text("nickName"),
        text("title"),
        text("userType"),
        text("preferredLanguage"),
        text("locale"),
        text("timezone"),
        attribute("active", "boolean", Many::No, json!([])),
        attribute("emails", "complex", Many::Yes, json!(value(&["type", "display"]))),
        attribute("phoneNumbers", "complex", Many::Yes, json!(value(&["type", "display"]))),
    ]);
    let group = json!([
        unique("displayName"),
        attribute("members", "complex", Many::Yes, json!(value(&["$ref", "type"]))),
    ]);
    let names = ["employeeNumber", "costCenter", "organization", "division", "department"];
    let manager = ["value", "$ref", "displayName"].map(text);
    let manager = attribute("manager", "complex", Many::No, json!(manager));
    let enterprise: Vec<Value> = names.map(text).into_iter().chain([manager]).collect();
    let enterprise = json!(enterprise);
    vec![
        schema(USER_SCHEMA, "User", user),
        schema(GROUP_SCHEMA, "Group", group),
        schema(ENTERPRISE, "EnterpriseUser", enterprise),
    ]
}

/// Whether an attribute has several values.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Many {
    Yes,
    No,
}

/// A text that every resource has, and no two have the same.
fn unique(name: &str) -> Value {
    let mut attribute = attribute(name, "string", Many::No, json!([]));
    if let Some(members) = attribute.as_object_mut() {
        members.insert("required".to_owned(), json!(true));
        members.insert("uniqueness".to_owned(), json!("server"));
    }
    attribute
}

fn attribute(name: &str, kind: &str, many: Many, within: Value) -> Value {
    let mut attribute = json!({
        "name": name,
        "type": kind,
        "multiValued": many == Many::Yes,
        "required": false,
        "caseExact": false,
        "mutability": "readWrite",
        "returned": "default",
        "uniqueness": "none",
    });
    if let Some(members) = attribute.as_object_mut().filter(|_| kind == "complex") {
        members.insert("subAttributes".to_owned(), within);
    }
    attribute
}
