//! `/api/v1/catalog`: the catalog as people wrote it, and changing it.

use crate::{asker::Asker, console::Console, problem::Problem, strict::Strict};
use axum::{Extension, Json, extract::State};
use countersign_governance::{Applied, Plan};
use countersign_model::{Digest, catalog::raw::RawCatalog};
use serde::Deserialize;
use serde_json::{Value, json};

/// What to apply.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Apply {
    catalog: RawCatalog,
    /// Only if the catalog in force is this one.
    #[serde(default)]
    base: Option<Digest>,
}

/// `GET /api/v1/catalog`.
pub(crate) async fn show(State(console): State<Console>) -> Json<Value> {
    let snapshot = console.governance().policy().load();
    Json(json!({
        "digest": snapshot.catalog().digest,
        "epoch": snapshot.epoch(),
        "catalog": *console.governance().catalog(),
        "unowned": console.governance().unowned(),
    }))
}

/// `POST /api/v1/catalog/plan`.
pub(crate) async fn plan(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Strict(raw): Strict<RawCatalog>,
) -> Result<Json<Plan>, Problem> {
    Ok(Json(console.governance().plan_catalog(&asker.actor, &raw).await?))
}

/// `POST /api/v1/catalog/apply`.
pub(crate) async fn apply(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Strict(wanted): Strict<Apply>,
) -> Result<Json<Applied>, Problem> {
    let applied = console.governance().apply_catalog(&asker.actor, wanted.catalog, wanted.base);
    Ok(Json(applied.await?))
}
