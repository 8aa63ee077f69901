//! `GET /.well-known/countersign`: what `countersign login` must know before it can sign in.

use crate::{console::Console, problem::Problem};
use axum::{Json, extract::State};
use serde_json::{Value, json};

/// For anyone: nothing here is secret.
pub(crate) async fn show(State(console): State<Console>) -> Result<Json<Value>, Problem> {
    let doors = &console.parts.cli;
    let Some(first) = doors.first() else { return Err(Problem::not_found("way to sign in")) };
    let issuers: Vec<Value> = doors
        .iter()
        .map(|door| {
            json!({
                "name": door.name,
                "issuer": door.issuer,
                "cli_client_id": door.client_id,
                "scopes": door.scopes,
            })
        })
        .collect();
    Ok(Json(json!({
        "issuer": first.issuer,
        "cli_client_id": first.client_id,
        "resource": console.parts.resource,
        "scopes": first.scopes,
        "issuers": issuers,
        "console": console.address("/console"),
    })))
}
