//! `/api/v1/sessions`. Looking at one stands in the ledger.

use crate::{asker::Asker, console::Console, problem::Problem, recordings};
use axum::{
    Extension, Json,
    extract::{Path, Query, State},
};
use countersign_model::{SessionId, Subject};
use serde::Deserialize;
use serde_json::{Value, json};

/// Which to list.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Wanted {
    #[serde(default)]
    subject: String,
    #[serde(default)]
    limit: usize,
    before: Option<SessionId>,
}

/// `GET /api/v1/sessions`. `next` is what `before` has to be for the next page, if there is one.
pub(crate) async fn list(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Value>, Problem> {
    let subject = (!wanted.subject.is_empty()).then(|| Subject::new(wanted.subject));
    let limit = if wanted.limit == 0 { LIST_DEFAULT } else { wanted.limit.min(LIST_MAX) };
    let (sessions, next) =
        recordings::list(&console, &asker, subject, wanted.before, limit).await?;
    Ok(Json(json!({ "sessions": sessions, "next": next })))
}

/// `GET /api/v1/sessions/{id}`.
pub(crate) async fn show(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let viewed = recordings::view(&console, &asker, &id).await?;
    let calls: Vec<_> = viewed.calls.into_iter().map(|it| it.exchange).collect();
    Ok(Json(json!({
        "session": viewed.session,
        "calls": calls,
        "unseen": viewed.unseen,
        "unreadable": viewed.unreadable,
        "cut": viewed.is_cut,
    })))
}

const LIST_DEFAULT: usize = 50;
const LIST_MAX: usize = 500;
