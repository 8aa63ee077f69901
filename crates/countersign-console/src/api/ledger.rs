//! `GET /api/v1/ledger`: the head of this gateway's log, and what it is verified with.

use crate::{console::Console, proof};
use axum::{Json, extract::State};
use countersign_ledger::Health;
use serde_json::{Value, json};

/// The head.
pub(crate) async fn show(State(console): State<Console>) -> Json<Value> {
    let head = console.governance().ledger().try_head();
    let files = proof::head_files(&console).await;
    let health = match head.health {
        Health::Writable => "writable",
        Health::CheckpointLate => "checkpoint_late",
        Health::NotWritable => "not_writable",
        Health::Closed => "closed",
    };
    Json(json!({
        "head": {
            "size": head.size,
            "checkpoint_size": head.checkpoint_size,
            "checkpoint_root": proof::base64(&head.checkpoint_root),
            "health": health,
        },
        "checkpoint": files.checkpoint,
        "vkey": files.vkey.map(|it| it.trim().to_owned()),
    }))
}
