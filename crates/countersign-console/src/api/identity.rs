//! How a token is judged, step by step. Whoever shows a token is told about that one; administrators
//! and auditors may ask about another, which is neither kept nor written into any log.

use crate::{
    asker::{Asker, Credential},
    console::Console,
    problem::Problem,
    strict::Strict,
    web_session,
};
use axum::{Extension, Json, extract::State};
use countersign_identity::{Explanation, SignInNotes};
use countersign_model::Subject;
use http::{HeaderMap, header};
use serde::Serialize;
use serde_json::Value;

/// What came of a token, and what the catalog says of whom it names.
#[derive(Debug, Serialize)]
pub(crate) struct Explained {
    #[serde(flatten)]
    explanation: Explanation,
    /// Who answers for the caller, where the catalog registers it as an agent: then it is one here,
    /// whatever the token makes of it.
    sponsor: Option<Subject>,
}

impl Explained {
    fn of(console: &Console, explanation: Explanation) -> Self {
        let snapshot = console.governance().policy().load();
        let caller = explanation.outcome.as_ref().ok();
        let agent = caller.and_then(|it| snapshot.agents().get(&it.subject));
        Self { sponsor: agent.map(|it| it.sponsor.clone()), explanation }
    }
}

/// `GET /api/v1/me/explanation`: the token that the request came with, or the sign-in of the browser's
/// session.
pub(crate) async fn own(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    headers: HeaderMap,
) -> Result<Json<Explained>, Problem> {
    // The guard has read the header strictly already.
    let sent = headers.get(header::AUTHORIZATION).and_then(|it| it.to_str().ok());
    match (&asker.credential, sent.and_then(|it| it.split_once(' '))) {
        (Credential::Bearer, Some((_, token))) => {
            let explained = console.parts.verifier.explain(token.trim_start()).await;
            Ok(Json(Explained::of(&console, explained)))
        }
        (Credential::Bearer, None) => Err(Problem::not_found("token")),
        (Credential::Cookie { .. }, _) => {
            let notes = web_session::notes(&console, &headers).await?;
            let (notes, _) = notes.ok_or_else(|| Problem::not_found("explanation"))?;
            let SignInNotes { steps, unread, left_out: _ } = notes;
            let outcome = Ok(asker.caller);
            Ok(Json(Explained::of(&console, Explanation { steps, unread, outcome })))
        }
    }
}

/// `POST /api/v1/identity/explain`: the token of the body, `{"token": "…"}`. The token is not a
/// credential here: nobody is signed in by it.
pub(crate) async fn explain(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    // What can't be read is not quoted: it may be the token.
    Strict(body): Strict<Value>,
) -> Result<Json<Explained>, Problem> {
    let token = body.get("token").and_then(Value::as_str);
    let token = token.ok_or_else(|| Problem::invalid("The body has no text `token`."))?;
    let explained = console.parts.verifier.explain(token.trim()).await;
    let outcome = explained.outcome.as_ref().map_or_else(|refused| refused.code(), |_| "accepted");
    tracing::info!(by = %asker.actor.subject(), outcome, "a token was explained");
    Ok(Json(Explained::of(&console, explained)))
}
