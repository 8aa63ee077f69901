//! `countersign api-keys`: keys of agents that can get no token. A new key is printed once, alone on
//! standard output, so that it can go straight to where it is kept.

use super::moment;
use crate::{
    api::Api,
    cli::{ApiKeysCommand, End, Shared},
    clock,
    exit::Failure,
    output::{self, RED, styled},
    table::Table,
};
use countersign_model::Timestamp;
use serde_json::{Value, json};

pub(super) async fn run(command: ApiKeysCommand, shared: &Shared) -> Result<(), Failure> {
    let api = Api::open(shared).await?;
    match command {
        ApiKeysCommand::Create { subject, purpose, scopes, expires } => {
            let expires_at = match expires {
                End::At(moment) => moment,
                End::After(span) => clock::clock().now().plus(span),
            };
            let document = json!({
                "subject": subject, "purpose": purpose, "scopes": scopes, "expires_at": expires_at,
            });
            made(&api.post("/api-keys", &document).await?, shared)
        }
        ApiKeysCommand::List => list(&api.get("/api-keys").await?, shared),
        ApiKeysCommand::Revoke { id, why } => {
            let path = format!("/api-keys/{id}/revoke");
            let answer: Value = api.post(&path, &json!({"why": why})).await?;
            if shared.json {
                return output::json(&answer);
            }
            let revoked = styled(RED, "revoked");
            output::line(&format!("{id}: {revoked}; it opens nothing in five seconds"))
        }
    }
}

fn made(answer: &Value, shared: &Shared) -> Result<(), Failure> {
    if shared.json {
        return output::json(answer);
    }
    let field = |pointer: &str| super::text(answer, pointer);
    output::note(&format!(
        "{} speaks for {} until {}. It is shown once:",
        field("/api_key/id"),
        field("/api_key/subject"),
        moment(&field("/api_key/expires_at")),
    ));
    output::line(&field("/secret"))
}

fn list(answer: &Value, shared: &Shared) -> Result<(), Failure> {
    if shared.json {
        return output::json(answer);
    }
    let now = clock::clock().now();
    let mut table = Table::new(["key", "agent", "for", "scopes", "state", "last used", "ends"]);
    for key in super::list(answer, "/api_keys") {
        let field = |pointer: &str| super::text(key, pointer);
        let ends = field("/expires_at");
        let has_ended = ends.parse::<Timestamp>().is_ok_and(|it| it <= now);
        let state = match key.get("revoked") {
            Some(Value::Object(_)) => "revoked",
            Some(_) | None if has_ended => "expired",
            Some(_) | None => "good",
        };
        let used = field("/last_used_at");
        table.row([
            field("/id").into(),
            field("/subject").into(),
            field("/purpose").into(),
            super::joined(key, "/scopes").into(),
            state.into(),
            if used.is_empty() { "never".into() } else { moment(&used).into() },
            moment(&ends).into(),
        ]);
    }
    output::write(&table.render("There are no API keys that you may see."))
}
