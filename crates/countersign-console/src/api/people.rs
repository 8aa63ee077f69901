//! `/api/v1/people`.

use crate::{
    asker::Asker,
    console::Console,
    people::{self, Filter, Seen},
    problem::Problem,
};
use axum::{
    Extension, Json,
    extract::{Path, Query, State},
};
use serde_json::{Value, json};

/// `GET /api/v1/people`. `next` is what `after` has to be for the next page, if there is one.
pub(crate) async fn list(
    State(console): State<Console>,
    Query(filter): Query<Filter>,
) -> Result<Json<Value>, Problem> {
    let page = people::list(&console, &filter).await?;
    let next = page.next.as_ref().map(people::bookmark);
    Ok(Json(json!({ "people": page.people, "next": next })))
}

/// `GET /api/v1/people/{subject}`. `shown` says whether it is all that is known, or what whoever sees a
/// grant of theirs is told.
pub(crate) async fn show(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Path(subject): Path<String>,
) -> Result<Json<Value>, Problem> {
    Ok(Json(match people::one(&console, &asker, &subject).await? {
        Seen::Whole(mut person) => {
            let more = person.grants.len().saturating_sub(GRANTS_MAX);
            person.grants.truncate(GRANTS_MAX);
            json!({ "shown": "all", "person": person, "grants_more": more })
        }
        Seen::Grants(line, mut grants) => {
            let more = grants.len().saturating_sub(GRANTS_MAX);
            grants.truncate(GRANTS_MAX);
            let person = json!({
                "subject": line.subject,
                "name": line.name,
                "standing": line.standing,
                "grants": grants,
            });
            json!({ "shown": "grants", "person": person, "grants_more": more })
        }
    }))
}

/// Grants that are listed; the others are counted.
const GRANTS_MAX: usize = 200;
