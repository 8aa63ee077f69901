//! `/api/v1/grants`.

use crate::{
    asker::Asker,
    console::Console,
    pages::{
        grant, grant_usage,
        grants::{self, Filter},
    },
    problem::Problem,
    strict::Strict,
};
use axum::{
    Extension, Json,
    extract::{Path, Query, State},
};
use countersign_governance::{
    ArgumentsFrom, GrantEvidence, GrantPreview, GrantView, NewGrant, WantedGrant,
};
use countersign_model::Grant;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What a certification is of.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Certify {
    version: u32,
}

/// Why a grant ends.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Revoke {
    why: String,
}

/// `GET /api/v1/grants`.
pub(crate) async fn list(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Query(filter): Query<Filter>,
) -> Result<Json<Value>, Problem> {
    Ok(Json(json!({ "grants": grants::visible(&console, &asker, &filter.parse()?) })))
}

/// `POST /api/v1/grants`.
pub(crate) async fn add(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Strict(new): Strict<NewGrant>,
) -> Result<Json<Grant>, Problem> {
    Ok(Json(console.governance().add_grant(&asker.actor, new).await?))
}

/// `POST /api/v1/grants/preview`.
pub(crate) async fn preview(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Strict(wanted): Strict<WantedGrant>,
) -> Result<Json<GrantPreview>, Problem> {
    let from = ArgumentsFrom::Recordings(&console.parts.recordings_directory);
    Ok(Json(console.governance().preview_grant(&asker.actor, wanted, from).await?))
}

/// A grant, and what is known of its use.
#[derive(Debug, Serialize)]
pub(crate) struct Shown {
    #[serde(flatten)]
    view: GrantView,
    /// Absent while the store can't be read.
    #[serde(flatten)]
    evidence: Option<GrantEvidence>,
}

/// `GET /api/v1/grants/{id}`.
pub(crate) async fn show(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Path(id): Path<String>,
) -> Result<Json<Shown>, Problem> {
    let view = grant::one(&console, &asker, &id)?;
    let evidence = grant_usage::evidence(&console, &asker, &view).await;
    Ok(Json(Shown { view, evidence }))
}

/// `POST /api/v1/grants/{id}/certify`.
pub(crate) async fn certify(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Path(id): Path<String>,
    Strict(wanted): Strict<Certify>,
) -> Result<Json<Grant>, Problem> {
    let id = grant::one(&console, &asker, &id)?.grant.id;
    Ok(Json(console.governance().certify_grant(&asker.actor, id, wanted.version).await?))
}

/// `POST /api/v1/grants/{id}/revoke`.
pub(crate) async fn revoke(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Path(id): Path<String>,
    Strict(wanted): Strict<Revoke>,
) -> Result<Json<Grant>, Problem> {
    let id = grant::one(&console, &asker, &id)?.grant.id;
    Ok(Json(console.governance().revoke_grant(&asker.actor, id, &wanted.why).await?))
}
