//! `/api/v1/access`: why somebody may call a function, or may not, and who holds what nobody may
//! hold both of.

use crate::{asker::Asker, console::Console, problem::Problem};
use axum::{
    Extension, Json,
    extract::{Query, State},
};
use countersign_governance::{AccessAnswer, AccessQuestion};
use serde::Deserialize;
use serde_json::{Value, json};

/// Whose access to what.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    pub(crate) subject: String,
    #[serde(default)]
    pub(crate) function: String,
    /// Who acts for them, the nearest first, with commas between them.
    #[serde(default)]
    pub(crate) actors: String,
}

impl Asked {
    /// The question, if it is one.
    pub(crate) fn question(&self) -> Option<AccessQuestion> {
        let (subject, function) = (self.subject.trim(), self.function.trim());
        let actors: Vec<&str> =
            self.actors.split(',').map(str::trim).filter(|it| !it.is_empty()).collect();
        if subject.is_empty() || function.is_empty() || actors.len() > ACTORS_MAX {
            return None;
        }
        Some(AccessQuestion {
            subject: subject.into(),
            actors: actors.into_iter().map(Into::into).collect(),
            function: function.into(),
        })
    }
}

/// `GET /api/v1/access/explain`.
pub(crate) async fn explain(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Query(asked): Query<Asked>,
) -> Result<Json<AccessAnswer>, Problem> {
    let question = asked
        .question()
        .ok_or_else(|| Problem::invalid("Name a subject and a function: ?subject=…&function=…."))?;
    Ok(Json(console.governance().explain_access(&asker.actor, question).await?))
}

/// `GET /api/v1/access/conflicts`.
pub(crate) async fn conflicts(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
) -> Result<Json<Value>, Problem> {
    Ok(Json(json!({ "conflicts": console.governance().access_conflicts(&asker.actor) })))
}

/// Identities that act for somebody, at most.
const ACTORS_MAX: usize = 8;
