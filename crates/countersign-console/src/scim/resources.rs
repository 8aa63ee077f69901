//! Users and groups, one by one.

use super::{
    Provider, Scim, answer,
    error::ScimError,
    group::{self, GROUP_SCHEMA},
    list::Shown,
    patch::{self, ENTERPRISE},
    user::{self, USER_SCHEMA},
};
use axum::{
    Extension,
    body::Bytes,
    extract::{Path, RawQuery, State},
    response::{IntoResponse, Response},
};
use countersign_governance::{Active, DirectoryError, DirectoryKey, DirectoryKind, DirectoryRow};
use countersign_model::json;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::{Value, json};
use std::{collections::BTreeSet, sync::Arc};

type Whose = Extension<Arc<Provider>>;
type Answered = Result<Response, ScimError>;

/// How often a PATCH that meets another change looks again.
const TRIES_MAX: u32 = 4;

pub(super) async fn add_user(
    State(scim): State<Scim>,
    Extension(provider): Whose,
    headers: HeaderMap,
    body: Bytes,
) -> Answered {
    let said = read(&headers, &body)?;
    let facts = user::facts(&provider, &said, Active::Yes)?;
    let row = scim.0.governance.add_user(&provider.directory, facts).await?;
    scim.created(&provider, DirectoryKind::User, &row).await
}

pub(super) async fn show_user(
    State(scim): State<Scim>,
    Extension(provider): Whose,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Answered {
    scim.show(&provider, DirectoryKind::User, &id, query.as_deref(), &headers).await
}

pub(super) async fn put_user(
    State(scim): State<Scim>,
    Extension(provider): Whose,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Answered {
    let said = read(&headers, &body)?;
    let before = scim.found(&provider, DirectoryKind::User, &id).await?;
    refuse_stale(&headers, &before)?;
    let facts = user::facts(&provider, &said, activity(&before))?;
    let row = scim.0.governance.write_user(&provider.directory, &before, facts).await?;
    scim.whole(&provider, DirectoryKind::User, &row, StatusCode::OK).await
}

pub(super) async fn patch_user(
    State(scim): State<Scim>,
    Extension(provider): Whose,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Answered {
    let operations = patch::operations(&read(&headers, &body)?)?;
    let mut tries_left = TRIES_MAX;
    loop {
        let before = scim.found(&provider, DirectoryKind::User, &id).await?;
        refuse_stale(&headers, &before)?;
        let mut resource = user::document(&before);
        for operation in &operations {
            patch::apply(operation, &mut resource)?;
        }
        let facts = user::facts(&provider, &Value::Object(resource), activity(&before))?;
        tries_left -= 1;
        match scim.0.governance.write_user(&provider.directory, &before, facts).await {
            Err(DirectoryError::Changed) if tries_left > 0 => {}
            written => {
                return scim.whole(&provider, DirectoryKind::User, &written?, StatusCode::OK).await;
            }
        }
    }
}

pub(super) async fn delete_user(
    State(scim): State<Scim>,
    Extension(provider): Whose,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Answered {
    let before = scim.found(&provider, DirectoryKind::User, &id).await?;
    refuse_stale(&headers, &before)?;
    scim.0.governance.remove_user(&provider.directory, &before).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub(super) async fn add_group(
    State(scim): State<Scim>,
    Extension(provider): Whose,
    headers: HeaderMap,
    body: Bytes,
) -> Answered {
    let said = read(&headers, &body)?;
    let facts = group::facts(&provider, &said, group::members(&said)?)?;
    let row = scim.0.governance.add_group(&provider.directory, facts).await?;
    scim.created(&provider, DirectoryKind::Group, &row).await
}

pub(super) async fn show_group(
    State(scim): State<Scim>,
    Extension(provider): Whose,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Answered {
    scim.show(&provider, DirectoryKind::Group, &id, query.as_deref(), &headers).await
}

pub(super) async fn put_group(
    State(scim): State<Scim>,
    Extension(provider): Whose,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Answered {
    let said = read(&headers, &body)?;
    let before = scim.found(&provider, DirectoryKind::Group, &id).await?;
    refuse_stale(&headers, &before)?;
    let facts = group::facts(&provider, &said, group::members(&said)?)?;
    let row = scim.0.governance.write_group(&provider.directory, &before, facts).await?;
    scim.whole(&provider, DirectoryKind::Group, &row, StatusCode::OK).await
}

pub(super) async fn patch_group(
    State(scim): State<Scim>,
    Extension(provider): Whose,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Answered {
    let operations = patch::operations(&read(&headers, &body)?)?;
    let mut tries_left = TRIES_MAX;
    loop {
        let before = scim.found(&provider, DirectoryKind::Group, &id).await?;
        refuse_stale(&headers, &before)?;
        let mut resource = user::document(&before);
        let members = scim.0.governance.directory_members(&provider.directory, &id).await?;
        let mut members: BTreeSet<String> =
            members.users.into_iter().chain(members.groups).collect();
        for operation in &operations {
            group::apply(operation, &mut resource, &mut members)?;
        }
        let facts = group::facts(&provider, &Value::Object(resource), members)?;
        tries_left -= 1;
        match scim.0.governance.write_group(&provider.directory, &before, facts).await {
            Err(DirectoryError::Changed) if tries_left > 0 => {}
            // A group may be large, and nobody reads it here (RFC 7644 §3.5.2).
            written => {
                let tag = version(&written?);
                return Ok((StatusCode::NO_CONTENT, [(header::ETAG, tag)]).into_response());
            }
        }
    }
}

pub(super) async fn delete_group(
    State(scim): State<Scim>,
    Extension(provider): Whose,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Answered {
    let before = scim.found(&provider, DirectoryKind::Group, &id).await?;
    refuse_stale(&headers, &before)?;
    scim.0.governance.remove_group(&provider.directory, &before).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

impl Scim {
    async fn found(
        &self,
        provider: &Provider,
        kind: DirectoryKind,
        id: &str,
    ) -> Result<DirectoryRow, ScimError> {
        let key = DirectoryKey::Id(id);
        let row = self.0.governance.directory_row(&provider.directory, kind, key).await?;
        row.ok_or_else(ScimError::not_found)
    }

    async fn show(
        &self,
        provider: &Provider,
        kind: DirectoryKind,
        id: &str,
        query: Option<&str>,
        headers: &HeaderMap,
    ) -> Answered {
        let shown = Shown::of(query)?;
        let row = self.found(provider, kind, id).await?;
        let tag = version(&row);
        if headers.get(header::IF_NONE_MATCH).is_some_and(|it| *it == tag) {
            return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response());
        }
        let resource = self.resource(provider, kind, &row, &shown).await?;
        Ok(([(header::ETAG, tag)], answer(StatusCode::OK, &resource)).into_response())
    }

    async fn created(
        &self,
        provider: &Provider,
        kind: DirectoryKind,
        row: &DirectoryRow,
    ) -> Answered {
        let mut response = self.whole(provider, kind, row, StatusCode::CREATED).await?;
        if let Ok(place) = HeaderValue::from_str(&self.place(kind, &row.id)) {
            response.headers_mut().insert(header::LOCATION, place);
        }
        Ok(response)
    }

    async fn whole(
        &self,
        provider: &Provider,
        kind: DirectoryKind,
        row: &DirectoryRow,
        status: StatusCode,
    ) -> Answered {
        let resource = self.resource(provider, kind, row, &Shown::default()).await?;
        Ok(([(header::ETAG, version(row))], answer(status, &resource)).into_response())
    }

    /// A resource as a directory reads it.
    pub(super) async fn resource(
        &self,
        provider: &Provider,
        kind: DirectoryKind,
        row: &DirectoryRow,
        shown: &Shown,
    ) -> Result<Value, ScimError> {
        let governance = &self.0.governance;
        let directory = &provider.directory;
        let mut members = user::document(row);
        let mut schemas = vec![match kind {
            DirectoryKind::User => USER_SCHEMA,
            DirectoryKind::Group => GROUP_SCHEMA,
        }];
        if members.contains_key(ENTERPRISE) {
            schemas.push(ENTERPRISE);
        }
        let name = match kind {
            DirectoryKind::User => "groups",
            DirectoryKind::Group => "members",
        };
        if shown.shows(name) {
            let all: Vec<Value> = match kind {
                DirectoryKind::User => {
                    let groups = governance.directory_groups_of(directory, &row.id).await?;
                    let place = |id| self.place(DirectoryKind::Group, id);
                    groups.iter().map(|id| json!({ "value": id, "$ref": place(id) })).collect()
                }
                DirectoryKind::Group => {
                    let all = governance.directory_members(directory, &row.id).await?;
                    let users = all.users.iter().map(|id| (DirectoryKind::User, "User", id));
                    let groups = all.groups.iter().map(|id| (DirectoryKind::Group, "Group", id));
                    let one = |(kind, name, id): (_, &str, &String)| json!({ "value": id, "$ref": self.place(kind, id), "type": name });
                    users.chain(groups).map(one).collect()
                }
            };
            members.insert(name.to_owned(), all.into());
        }
        members.retain(|name, _| shown.shows(name));
        members.insert("schemas".to_owned(), json!(schemas));
        members.insert("id".to_owned(), json!(row.id));
        let meta = json!({
            "resourceType": match kind {
                DirectoryKind::User => "User",
                DirectoryKind::Group => "Group",
            },
            "created": row.made_at,
            "lastModified": row.changed_at,
            "location": self.place(kind, &row.id),
            "version": tag(row),
        });
        members.insert("meta".to_owned(), meta);
        Ok(Value::Object(members))
    }

    fn place(&self, kind: DirectoryKind, id: &str) -> String {
        let kind = match kind {
            DirectoryKind::User => "Users",
            DirectoryKind::Group => "Groups",
        };
        format!("{}/{kind}/{id}", self.0.base)
    }
}

/// The body of a request.
fn read(headers: &HeaderMap, body: &[u8]) -> Result<Value, ScimError> {
    let named = headers.get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok()).unwrap_or("");
    let named = named.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    if !matches!(named.as_str(), "application/scim+json" | "application/json") {
        return Err(ScimError::new(415, None, "send application/scim+json"));
    }
    let limits = json::Limits { depth_max: 12, ..json::Limits::default() };
    let value = json::parse(body, limits)
        .map_err(|fault| ScimError::invalid_syntax(format!("the body is no JSON: {fault}")))?;
    let members = value.as_object().ok_or_else(|| ScimError::invalid_syntax("no JSON object"))?;
    let names: BTreeSet<String> = members.keys().map(|it| it.to_ascii_lowercase()).collect();
    // What two readers of names could read differently is refused.
    if names.len() == members.len() {
        Ok(value)
    } else {
        Err(ScimError::invalid_syntax("an attribute stands twice, in other letters"))
    }
}

/// Whether a user may work, as it is kept.
fn activity(row: &DirectoryRow) -> Active {
    match user::document(row).get("active") {
        Some(Value::Bool(true)) => Active::Yes,
        Some(_) | None => Active::No,
    }
}

fn tag(row: &DirectoryRow) -> String {
    format!("W/\"{}\"", row.revision)
}

fn version(row: &DirectoryRow) -> HeaderValue {
    HeaderValue::from_str(&tag(row)).unwrap_or(HeaderValue::from_static("W/\"0\""))
}

/// Who names a version writes that version or nothing (RFC 7644 §3.14).
fn refuse_stale(headers: &HeaderMap, row: &DirectoryRow) -> Result<(), ScimError> {
    let Some(wanted) = headers.get(header::IF_MATCH) else { return Ok(()) };
    let tag = tag(row);
    let same = wanted.to_str().is_ok_and(|it| {
        it == "*" || it.split(',').any(|it| it.trim() == tag || format!("W/{}", it.trim()) == tag)
    });
    if same { Ok(()) } else { Err(ScimError::stale()) }
}
