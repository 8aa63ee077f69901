//! `/api/v1/sessions`. Looking at one stands in the ledger.

use crate::{
    asker::Asker,
    console::Console,
    problem::Problem,
    recordings::{self, Bookmark, Looked, Wanted},
};
use axum::{
    Extension, Json,
    extract::{Path, Query, State},
};
use countersign_model::{SessionId, Subject};
use serde::Deserialize;
use serde_json::{Value, json};

/// Which to list.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Filter {
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
    Query(wanted): Query<Filter>,
) -> Result<Json<Value>, Problem> {
    let subject = (!wanted.subject.is_empty()).then(|| Subject::new(wanted.subject));
    let limit = if wanted.limit == 0 { LIST_DEFAULT } else { wanted.limit.min(LIST_MAX) };
    let (sessions, next) =
        recordings::list(&console, &asker, subject, wanted.before, limit).await?;
    Ok(Json(json!({ "sessions": sessions, "next": next })))
}

/// Which of its calls.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Part {
    #[serde(default)]
    limit: usize,
    after: Option<Bookmark>,
}

/// `GET /api/v1/sessions/{id}`. `next` is what `after` has to be for the next calls, if there are more.
pub(crate) async fn show(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Path(id): Path<String>,
    Query(part): Query<Part>,
) -> Result<Json<Value>, Problem> {
    let limit = if part.limit == 0 { CALLS_MAX } else { part.limit.min(CALLS_MAX) };
    let viewed = recordings::view(&console, &asker, &id, Wanted::Calls(part.after, limit)).await?;
    let read = viewed.read;
    let calls: Vec<_> = read.calls.into_iter().map(|it| it.exchange).collect();
    let index = match read.looked {
        Looked::Index => "whole",
        Looked::Time => "missing",
        Looked::Both => "unchecked",
    };
    Ok(Json(json!({
        "session": viewed.session,
        "calls": calls,
        "unseen": read.unseen,
        "unreadable": read.unreadable,
        "absent_segments": read.absent,
        "index": index,
        "next": read.next,
    })))
}

const LIST_DEFAULT: usize = 50;
const LIST_MAX: usize = 500;
/// Calls of a session in one answer.
const CALLS_MAX: usize = 1_000;
