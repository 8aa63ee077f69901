//! `/api/v1/grant-requests`: asking for grants, and answering.

use crate::{asker::Asker, console::Console, problem::Problem, strict::Strict};
use axum::{
    Extension, Json,
    extract::{Path, Query, State},
};
use countersign_governance::{
    ArgumentsFrom, GrantPreview, GrantRequestFilter, GrantRequestView, NewGrantRequest,
};
use countersign_model::{
    GrantRequestId, Span,
    grant::{GrantRequest, Terms},
};
use serde::Deserialize;
use serde_json::{Value, json};

/// Which requests.
#[derive(Debug, Deserialize)]
pub(crate) struct Which {
    #[serde(default)]
    state: String,
}

/// A yes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Approve {
    /// What is to be granted, if less than was asked for.
    #[serde(default)]
    terms: Option<Terms>,
    #[serde(default)]
    comment: String,
}

/// A no.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Deny {
    why: String,
}

/// What a preview is of.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Preview {
    /// What would be granted, if less than was asked for.
    #[serde(default)]
    terms: Option<Terms>,
    #[serde(default)]
    look_back: Option<Span>,
}

/// Nothing to say.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

/// `GET /api/v1/grant-requests`.
pub(crate) async fn list(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Query(which): Query<Which>,
) -> Result<Json<Value>, Problem> {
    let filter = match which.state.as_str() {
        "" | "pending" => GrantRequestFilter::Pending,
        "all" => GrantRequestFilter::All,
        _ => return Err(Problem::invalid("A list of requests is of pending or of all.")),
    };
    let requests = console.governance().grant_requests(&asker.actor, filter).await?;
    Ok(Json(json!({ "grant_requests": requests })))
}

/// `POST /api/v1/grant-requests`.
pub(crate) async fn add(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Strict(new): Strict<NewGrantRequest>,
) -> Result<Json<GrantRequest>, Problem> {
    Ok(Json(console.governance().request_grant(&asker.actor, new).await?))
}

/// `GET /api/v1/grant-requests/{id}`.
pub(crate) async fn show(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Path(id): Path<String>,
) -> Result<Json<GrantRequestView>, Problem> {
    one(&console, &asker, &id).await.map(Json)
}

/// `POST /api/v1/grant-requests/{id}/preview`.
pub(crate) async fn preview(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Path(id): Path<String>,
    Strict(Preview { terms, look_back }): Strict<Preview>,
) -> Result<Json<GrantPreview>, Problem> {
    let id = one(&console, &asker, &id).await?.request.id;
    let from = ArgumentsFrom::Recordings(&console.parts.recordings_directory);
    let governance = console.governance();
    let told = governance.preview_grant_request(&asker.actor, id, terms, look_back, from).await?;
    Ok(Json(told))
}

/// `POST /api/v1/grant-requests/{id}/approve`.
pub(crate) async fn approve(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Path(id): Path<String>,
    Strict(yes): Strict<Approve>,
) -> Result<Json<GrantRequest>, Problem> {
    let id = one(&console, &asker, &id).await?.request.id;
    let governance = console.governance();
    let comment = &yes.comment;
    Ok(Json(governance.approve_grant_request(&asker.actor, id, yes.terms, comment).await?))
}

/// `POST /api/v1/grant-requests/{id}/deny`.
pub(crate) async fn deny(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Path(id): Path<String>,
    Strict(no): Strict<Deny>,
) -> Result<Json<GrantRequest>, Problem> {
    let id = one(&console, &asker, &id).await?.request.id;
    Ok(Json(console.governance().deny_grant_request(&asker.actor, id, &no.why).await?))
}

/// `POST /api/v1/grant-requests/{id}/withdraw`.
pub(crate) async fn withdraw(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Path(id): Path<String>,
    Strict(Nothing {}): Strict<Nothing>,
) -> Result<Json<GrantRequest>, Problem> {
    let id = one(&console, &asker, &id).await?.request.id;
    Ok(Json(console.governance().withdraw_grant_request(&asker.actor, id).await?))
}

/// A request that an asker may see.
pub(crate) async fn one(
    console: &Console,
    asker: &Asker,
    id: &str,
) -> Result<GrantRequestView, Problem> {
    let id: GrantRequestId = id.parse().map_err(|_| Problem::not_found("request"))?;
    match console.governance().grant_request(&asker.actor, id).await {
        Err(countersign_governance::GrantError::NotFound) => Err(Problem::not_found("request")),
        other => Ok(other?),
    }
}
