//! What becomes of a grant after it was made: `/api/v1/grants/{id}/…`.

use crate::{asker::Asker, console::Console, pages::grant, problem::Problem, strict::Strict};
use axum::{
    Extension, Json,
    extract::{Path, State},
};
use countersign_governance::TransferredGrant;
use countersign_model::{Grant, Holder, Timestamp, grant::Terms};
use serde::Deserialize;
use serde_json::{Value, json};

/// Other terms, for the version that was seen.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Change {
    version: u32,
    terms: Terms,
}

/// Another end.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Renew {
    expires_at: Timestamp,
}

/// Another holder.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Transfer {
    to: Holder,
    why: String,
}

/// A reason.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Because {
    why: String,
}

/// Nothing to say.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

/// `POST /api/v1/grants/{id}/narrow`.
pub(crate) async fn narrow(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Path(id): Path<String>,
    Strict(to): Strict<Change>,
) -> Result<Json<Grant>, Problem> {
    let id = grant::one(&console, &asker, &id)?.grant.id;
    let done = console.governance().narrow_grant(&asker.actor, id, to.version, to.terms).await?;
    Ok(Json(done))
}

/// `POST /api/v1/grants/{id}/change`.
pub(crate) async fn change(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Path(id): Path<String>,
    Strict(to): Strict<Change>,
) -> Result<Json<Grant>, Problem> {
    let id = grant::one(&console, &asker, &id)?.grant.id;
    let done = console.governance().widen_grant(&asker.actor, id, to.version, to.terms).await?;
    Ok(Json(done))
}

/// `POST /api/v1/grants/{id}/renew`.
pub(crate) async fn renew(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Path(id): Path<String>,
    Strict(to): Strict<Renew>,
) -> Result<Json<Grant>, Problem> {
    let id = grant::one(&console, &asker, &id)?.grant.id;
    Ok(Json(console.governance().renew_grant(&asker.actor, id, to.expires_at).await?))
}

/// `POST /api/v1/grants/{id}/transfer`.
pub(crate) async fn transfer(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Path(id): Path<String>,
    Strict(to): Strict<Transfer>,
) -> Result<Json<TransferredGrant>, Problem> {
    let id = grant::one(&console, &asker, &id)?.grant.id;
    Ok(Json(console.governance().transfer_grant(&asker.actor, id, to.to, &to.why).await?))
}

/// `POST /api/v1/grants/{id}/suspend`.
pub(crate) async fn suspend(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Path(id): Path<String>,
    Strict(because): Strict<Because>,
) -> Result<Json<Grant>, Problem> {
    let id = grant::one(&console, &asker, &id)?.grant.id;
    Ok(Json(console.governance().suspend_grant(&asker.actor, id, &because.why).await?))
}

/// `POST /api/v1/grants/{id}/resume`.
pub(crate) async fn resume(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Path(id): Path<String>,
    Strict(Nothing {}): Strict<Nothing>,
) -> Result<Json<Grant>, Problem> {
    let id = grant::one(&console, &asker, &id)?.grant.id;
    Ok(Json(console.governance().resume_grant(&asker.actor, id).await?))
}

/// `POST /api/v1/grants/{id}/restore`.
pub(crate) async fn restore(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Path(id): Path<String>,
    Strict(Nothing {}): Strict<Nothing>,
) -> Result<Json<Grant>, Problem> {
    let id = grant::one(&console, &asker, &id)?.grant.id;
    Ok(Json(console.governance().restore_grant(&asker.actor, id).await?))
}

/// `GET /api/v1/grants/{id}/history`.
pub(crate) async fn history(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let id = grant::one(&console, &asker, &id)?.grant.id;
    Ok(Json(json!({ "steps": console.governance().grant_history(id).await? })))
}
