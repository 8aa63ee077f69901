//! `GET /.well-known/countersign`: what `countersign login` must know before it can sign in.

use crate::{console::Console, problem::Problem};
use axum::{Json, extract::State};
use serde_json::{Value, json};

/// For anyone: nothing here is secret.
pub(crate) async fn show(State(console): State<Console>) -> Result<Json<Value>, Problem> {
    let Some(cli) = &console.parts.cli else { return Err(Problem::not_found("way to sign in")) };
    Ok(Json(json!({
        "issuer": cli.issuer,
        "cli_client_id": cli.client_id,
        "resource": console.parts.resource,
        "scopes": cli.scopes,
        "console": console.address("/console"),
    })))
}
