//! `/api/v1/denials`: what stands over grants.

use crate::{asker::Asker, console::Console, problem::Problem, strict::Strict};
use axum::{
    Extension, Json,
    extract::{Path, State},
};
use countersign_governance::NewDenial;
use countersign_model::{Denial, DenialId};
use serde::Deserialize;
use serde_json::{Value, json};

/// Why a denial is lifted.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Lift {
    why: String,
}

/// `GET /api/v1/denials`.
pub(crate) async fn list(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
) -> Json<Value> {
    Json(json!({ "denials": console.governance().denials(&asker.actor) }))
}

/// `POST /api/v1/denials`.
pub(crate) async fn add(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Strict(new): Strict<NewDenial>,
) -> Result<Json<Denial>, Problem> {
    Ok(Json(console.governance().deny(&asker.actor, new).await?))
}

/// `POST /api/v1/denials/{id}/lift`.
pub(crate) async fn lift(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Path(id): Path<String>,
    Strict(because): Strict<Lift>,
) -> Result<Json<Value>, Problem> {
    let absent = || Problem::not_found("denial");
    let id: DenialId = id.parse().map_err(|_| absent())?;
    let seen = console.governance().denials(&asker.actor);
    if !seen.iter().any(|it| it.id == id) {
        return Err(absent());
    }
    console.governance().lift_denial(&asker.actor, id, &because.why).await?;
    Ok(Json(json!({ "lifted": id })))
}
