//! `/api/v1/approvals`. The sealed arguments are never given out; what is shown is masked.

use crate::{
    approvals, asker::Asker, console::Console, pages::approvals::may_answer, problem::Problem,
    strict::Strict,
};
use axum::{
    Extension, Json,
    extract::{Path, Query, State},
};
use countersign_governance::ApprovalFilter;
use countersign_model::{Approval, ApprovalId, FunctionName, Verdict};
use serde::Deserialize;
use serde_json::{Value, json};

/// Which to list.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Wanted {
    /// States by name, with commas between them; any when empty.
    #[serde(default)]
    state: String,
    #[serde(default)]
    function: String,
    #[serde(default)]
    limit: u32,
    before: Option<ApprovalId>,
}

/// What a person adds to an answer.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Comment {
    #[serde(default)]
    comment: Option<String>,
}

/// `GET /api/v1/approvals`.
pub(crate) async fn list(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Value>, Problem> {
    let states = wanted.state.split(',').map(str::trim).filter(|it| !it.is_empty());
    let filter = ApprovalFilter {
        states: states.map(str::to_owned).collect(),
        function: (!wanted.function.is_empty()).then(|| FunctionName::new(wanted.function)),
        limit: wanted.limit,
        before: wanted.before,
    };
    let found = approvals::list(&console, &asker, filter).await?;
    let shown: Vec<Value> = found.iter().map(|it| document(it, &console, &asker)).collect();
    Ok(Json(json!({ "approvals": shown })))
}

/// `GET /api/v1/approvals/{id}`.
pub(crate) async fn show(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let approval = approvals::one(&console, &asker, &id).await?;
    Ok(Json(document(&approval, &console, &asker)))
}

/// `POST /api/v1/approvals/{id}/approve`.
pub(crate) async fn approve(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Path(id): Path<String>,
    Strict(said): Strict<Comment>,
) -> Result<Json<Value>, Problem> {
    vote(&console, &asker, &id, Verdict::Approve, said).await
}

/// `POST /api/v1/approvals/{id}/deny`.
pub(crate) async fn deny(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Path(id): Path<String>,
    Strict(said): Strict<Comment>,
) -> Result<Json<Value>, Problem> {
    vote(&console, &asker, &id, Verdict::Deny, said).await
}

async fn vote(
    console: &Console,
    asker: &Asker,
    id: &str,
    verdict: Verdict,
    said: Comment,
) -> Result<Json<Value>, Problem> {
    let id = approvals::one(console, asker, id).await?.id;
    let comment = said.comment.unwrap_or_default();
    let approval = console.governance().vote(&asker.actor, id, verdict, &comment).await?;
    Ok(Json(document(&approval, console, asker)))
}

fn document(approval: &Approval, console: &Console, asker: &Asker) -> Value {
    let mut document = json!(approval);
    if let Some(call) = document.get_mut("call").and_then(Value::as_object_mut) {
        call.remove("sealed");
    }
    if let Some(members) = document.as_object_mut() {
        let may_answer = may_answer(approval, asker, console.now());
        members.insert("may_answer".to_owned(), may_answer.into());
        let page = console.address(&format!("/console/approvals/{}", approval.id));
        members.insert("page".to_owned(), page.into());
    }
    document
}
