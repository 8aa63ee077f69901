//! `/api/v1/delegates`: who stands in for whom in reviews.

use crate::{asker::Asker, console::Console, problem::Problem, strict::Strict};
use axum::{Extension, Json, extract::State};
use countersign_governance::NewDelegation;
use countersign_model::{Subject, review::Delegation};
use serde::Deserialize;
use serde_json::{Value, json};

/// Whose delegation ends.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct End {
    of: Subject,
}

/// `GET /api/v1/delegates`.
pub(crate) async fn list(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
) -> Result<Json<Value>, Problem> {
    let delegates = console.governance().delegations(&asker.actor).await?;
    Ok(Json(json!({ "delegates": delegates })))
}

/// `POST /api/v1/delegates`.
pub(crate) async fn set(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Strict(new): Strict<NewDelegation>,
) -> Result<Json<Delegation>, Problem> {
    Ok(Json(console.governance().set_delegate(&asker.actor, new).await?))
}

/// `POST /api/v1/delegates/end`.
pub(crate) async fn end(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Strict(wanted): Strict<End>,
) -> Result<Json<Value>, Problem> {
    console.governance().end_delegate(&asker.actor, Some(wanted.of.clone())).await?;
    Ok(Json(json!({ "ended": wanted.of })))
}
