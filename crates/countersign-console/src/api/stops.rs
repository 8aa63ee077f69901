//! `/api/v1/stops`: what is stopped, stopping it, and letting it go on.

use crate::{asker::Asker, console::Console, problem::Problem, strict::Strict};
use axum::{Extension, Json, extract::State};
use countersign_governance::Stops;
use countersign_model::{FunctionName, Subject, TargetName, snapshot::KillScope};
use serde::Deserialize;

/// What to stop, or to let go on.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Stop {
    scope: Scope,
    why: String,
}

/// `"everything"`, `{"target": …}`, `{"function": …}` or `{"subject": …}`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Scope {
    Everything,
    Target(TargetName),
    Function(FunctionName),
    Subject(Subject),
}

/// What a stop acts on, as governance names it.
enum Acts {
    Calls(KillScope),
    Subject(Subject),
}

impl Scope {
    fn acts(self) -> Acts {
        match self {
            Self::Everything => Acts::Calls(KillScope::Everything),
            Self::Target(name) => Acts::Calls(KillScope::Target(name)),
            Self::Function(name) => Acts::Calls(KillScope::Function(name)),
            Self::Subject(subject) => Acts::Subject(subject),
        }
    }
}

/// `GET /api/v1/stops`.
pub(crate) async fn list(State(console): State<Console>) -> Json<Stops> {
    Json(console.governance().stops())
}

/// `POST /api/v1/stops`.
pub(crate) async fn stop(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Strict(wanted): Strict<Stop>,
) -> Result<Json<Stops>, Problem> {
    let governance = console.governance();
    match wanted.scope.acts() {
        Acts::Calls(scope) => governance.kill(&asker.actor, scope, &wanted.why).await?,
        Acts::Subject(subject) => governance.suspend(&asker.actor, &subject, &wanted.why).await?,
    }
    Ok(Json(governance.stops()))
}

/// `POST /api/v1/stops/resume`.
pub(crate) async fn resume(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Strict(wanted): Strict<Stop>,
) -> Result<Json<Stops>, Problem> {
    let governance = console.governance();
    match wanted.scope.acts() {
        Acts::Calls(scope) => governance.unkill(&asker.actor, scope, &wanted.why).await?,
        Acts::Subject(subject) => governance.resume(&asker.actor, &subject, &wanted.why).await?,
    }
    Ok(Json(governance.stops()))
}
