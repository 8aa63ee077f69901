//! How a token is judged, step by step. Whoever shows a token is told about that one; administrators
//! and auditors may ask about another, which is neither kept nor written into any log.

use crate::{
    asker::{Asker, Credential},
    console::Console,
    problem::Problem,
    strict::Strict,
};
use axum::{Extension, Json, extract::State};
use countersign_identity::Explanation;
use http::{HeaderMap, header};
use serde_json::Value;

/// `GET /api/v1/me/explanation`: the token that the request came with.
pub(crate) async fn own(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    headers: HeaderMap,
) -> Result<Json<Explanation>, Problem> {
    // The guard has read the header strictly already.
    let sent = headers.get(header::AUTHORIZATION).and_then(|it| it.to_str().ok());
    match (&asker.credential, sent.and_then(|it| it.split_once(' '))) {
        (Credential::Bearer, Some((_, token))) => {
            Ok(Json(console.parts.verifier.explain(token.trim_start()).await))
        }
        (Credential::Bearer | Credential::Cookie { .. }, _) => Err(Problem::not_found("token")),
    }
}

/// `POST /api/v1/identity/explain`: the token of the body, `{"token": "…"}`. The token is not a
/// credential here: nobody is signed in by it.
pub(crate) async fn explain(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    // What can't be read is not quoted: it may be the token.
    Strict(body): Strict<Value>,
) -> Result<Json<Explanation>, Problem> {
    let token = body.get("token").and_then(Value::as_str);
    let token = token.ok_or_else(|| Problem::invalid("The body has no text `token`."))?;
    let explained = console.parts.verifier.explain(token.trim()).await;
    let outcome = explained.outcome.as_ref().map_or_else(|refused| refused.code(), |_| "accepted");
    tracing::info!(by = %asker.actor.subject(), outcome, "a token was explained");
    Ok(Json(explained))
}
