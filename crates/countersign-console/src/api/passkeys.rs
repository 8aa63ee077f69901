//! `/api/v1/me/passkeys` and `/api/v1/me/signatures`: somebody's own passkeys, and what the console's
//! script asks before it turns to the browser's. Both are ended by forms.

use crate::{
    asker::Asker,
    console::Console,
    passkeys::{self, SignedThing},
    problem::Problem,
    strict::Strict,
};
use axum::{
    Extension, Json,
    extract::{Path, State},
};
use countersign_governance::PasskeyRow;
use countersign_model::{Digest, PasskeyId, passkey::SignedKind};
use http::HeaderMap;
use serde::Deserialize;
use serde_json::{Value, json};

/// Nothing is said along.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

/// What is to be signed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    kind: SignedKind,
    digest: Digest,
}

/// `GET /api/v1/me/passkeys`.
pub(crate) async fn list(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
) -> Result<Json<Value>, Problem> {
    let passkeys = console.governance().passkeys(&asker.actor).await?;
    Ok(Json(json!({ "passkeys": passkeys })))
}

/// `POST /api/v1/me/passkeys/options`.
pub(crate) async fn begin_registration(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    headers: HeaderMap,
    Strict(Nothing {}): Strict<Nothing>,
) -> Result<Json<Value>, Problem> {
    passkeys::begin_registration(&console, &asker, &headers).await.map(Json)
}

/// `POST /api/v1/me/signatures/options`.
pub(crate) async fn begin_signing(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    headers: HeaderMap,
    Strict(Wanted { kind, digest }): Strict<Wanted>,
) -> Result<Json<Value>, Problem> {
    match kind {
        SignedKind::ReviewSignOff | SignedKind::Approval | SignedKind::Trial => {}
        SignedKind::Registration => {
            return Err(Problem::invalid(
                "A registration is begun at /api/v1/me/passkeys/options.",
            ));
        }
    }
    let thing = SignedThing { kind, digest };
    passkeys::begin_signing(&console, &asker, &headers, thing).await.map(Json)
}

/// `POST /api/v1/me/passkeys/{id}/remove`.
pub(crate) async fn remove(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Path(id): Path<String>,
    Strict(Nothing {}): Strict<Nothing>,
) -> Result<Json<PasskeyRow>, Problem> {
    let id: PasskeyId = id.parse().map_err(|_| Problem::not_found("passkey"))?;
    Ok(Json(console.governance().remove_passkey(&asker.actor, id).await?))
}
