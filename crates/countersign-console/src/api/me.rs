//! `GET /api/v1/me`: who the caller of the API is, as the gateway sees them.

use crate::asker::Asker;
use axum::{Extension, Json};
use serde_json::{Value, json};

/// The asker.
pub(crate) async fn show(Extension(asker): Extension<Asker>) -> Json<Value> {
    let actor = &asker.actor;
    Json(json!({
        "subject": actor.subject(),
        "name": actor.name,
        "kind": actor.person.kind,
        "groups": actor.person.groups,
        "roles": actor.roles,
    }))
}
