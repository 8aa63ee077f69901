//! `/api/v1/reviews/…/evidence`, samples and numbers. Taking evidence and drawing a sample stand in the
//! ledger; who may is judged by governance.

use crate::{asker::Asker, console::Console, problem::Problem};
use axum::{
    Extension, Json,
    extract::{Path, Query, State},
    response::{IntoResponse, Response},
};
use countersign_governance::{ReviewNumbers, SampleView};
use countersign_model::CampaignId;
use http::{HeaderName, HeaderValue, header};
use serde::Deserialize;

/// `GET /api/v1/reviews/{campaign}/evidence`: the archive, with its digest (RFC 9530).
pub(crate) async fn pack(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Path(campaign): Path<String>,
) -> Result<Response, Problem> {
    let governance = console.governance();
    if let Err(error) = governance.prove_soon(&console.parts.ledger_directory).await {
        // The pack says which entries have no proof yet.
        tracing::warn!(%error, "entries can't be proved yet");
    }
    let pack = governance.evidence_pack(&asker.actor, id(&campaign)?).await?;
    let attachment = format!("attachment; filename=\"{}\"", pack.name);
    let digest = format!("sha-256=:{}:", crate::proof::base64(&pack.digest.0));
    let text = |it: &str| HeaderValue::from_str(it).map_err(|_| Problem::internal());
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/x-tar")),
        (header::CONTENT_DISPOSITION, text(&attachment)?),
        (CONTENT_DIGEST, text(&digest)?),
        (UNPROVEN, HeaderValue::from(pack.unproven)),
    ];
    Ok((headers, pack.bytes).into_response())
}

/// Which sample.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    size: u32,
    seed: String,
}

/// `GET /api/v1/reviews/{campaign}/sample`.
pub(crate) async fn sample(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Path(campaign): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<Json<SampleView>, Problem> {
    let campaign = id(&campaign)?;
    let Wanted { size, seed } = wanted;
    Ok(Json(console.governance().sample_items(&asker.actor, campaign, &seed, size).await?))
}

/// Of which campaign; of the newest ones when absent.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Of {
    campaign: Option<CampaignId>,
}

/// `GET /api/v1/reviews/numbers`.
pub(crate) async fn numbers(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Query(of): Query<Of>,
) -> Result<Json<ReviewNumbers>, Problem> {
    Ok(Json(console.governance().review_numbers(&asker.actor, of.campaign).await?))
}

fn id(campaign: &str) -> Result<CampaignId, Problem> {
    campaign.parse().map_err(|_| Problem::not_found("campaign"))
}

const CONTENT_DIGEST: HeaderName = HeaderName::from_static("content-digest");
/// How many entries of the ledger have no proof yet.
const UNPROVEN: HeaderName = HeaderName::from_static("countersign-unproven");
