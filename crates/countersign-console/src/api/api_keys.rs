//! `/api/v1/api-keys`. The key itself is in one answer, once.

use crate::{
    asker::Asker, console::Console, pages::api_keys::rules, problem::Problem, strict::Strict,
};
use axum::{
    Extension, Json,
    extract::{Path, State},
};
use countersign_governance::{ApiKeyRow, NewApiKey};
use countersign_identity::new_api_key;
use countersign_model::ApiKeyId;
use serde::Deserialize;
use serde_json::{Value, json};

/// Why a key ends.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Revoke {
    why: String,
}

/// `GET /api/v1/api-keys`.
pub(crate) async fn list(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
) -> Result<Json<Value>, Problem> {
    let keys = console.governance().api_keys(&asker.actor).await?;
    Ok(Json(json!({ "api_keys": keys })))
}

/// `POST /api/v1/api-keys`.
pub(crate) async fn add(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Strict(new): Strict<NewApiKey>,
) -> Result<Json<Value>, Problem> {
    let rules = rules(&console)?;
    let governance = console.governance();
    let (secret, digest) = new_api_key(governance.entropy());
    let key = governance.add_api_key(&asker.actor, rules, new, digest).await?;
    Ok(Json(json!({ "api_key": key, "secret": secret.reveal() })))
}

/// `POST /api/v1/api-keys/{id}/revoke`.
pub(crate) async fn revoke(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Path(id): Path<String>,
    Strict(wanted): Strict<Revoke>,
) -> Result<Json<ApiKeyRow>, Problem> {
    let id: ApiKeyId = id.parse().map_err(|_| Problem::not_found("API key"))?;
    Ok(Json(console.governance().revoke_api_key(&asker.actor, id, &wanted.why).await?))
}
