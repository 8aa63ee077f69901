//! `GET /api/v1/me`: who the caller of the API is, as the gateway sees them, what they are here and
//! why, and the grants that reach them.

use crate::{
    asker::{Asker, Credential},
    console::Console,
};
use axum::{Extension, Json, extract::State};
use countersign_governance::GrantView;
use countersign_model::approval::Standing;
use serde_json::{Map, Value, json};

/// The asker.
pub(crate) async fn show(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
) -> Json<Value> {
    let governance = console.governance();
    let (actor, caller) = (&asker.actor, &asker.caller);
    let held = governance.held_roles(caller);
    let roles: Vec<&str> = held.iter().map(|it| it.role.name()).collect();
    let because: Map<String, Value> =
        held.iter().map(|it| (it.role.name().to_owned(), json!(it.because))).collect();
    let grants = governance.grants_of(caller);
    let more = grants.len().saturating_sub(GRANTS_MAX);
    let grants: Vec<Value> = grants.iter().take(GRANTS_MAX).map(short).collect();
    Json(json!({
        "subject": actor.subject(),
        "name": actor.name,
        "email": caller.email,
        "kind": actor.person.kind,
        "standing": match actor.person.standing {
            Standing::Good => "good",
            Standing::Suspended => "suspended",
        },
        "issuer": caller.issuer,
        "client": caller.client,
        "actors": caller.actors,
        "groups": caller.groups,
        "told_groups": actor.person.told,
        "scopes": caller.scopes,
        "roles": roles,
        "because": because,
        "proved_by": match asker.credential {
            Credential::Bearer => "token",
            Credential::Cookie { .. } => "session",
        },
        "expires_at": caller.expires_at,
        "grants": grants,
        "grants_more": more,
    }))
}

fn short(view: &GrantView) -> Value {
    let grant = &view.grant;
    json!({
        "id": grant.id,
        "holder": grant.holder,
        "functions": view.functions,
        "tags": grant.tags,
        "expires_at": grant.expires_at,
    })
}

/// Grants that are listed; the others are counted.
const GRANTS_MAX: usize = 50;
