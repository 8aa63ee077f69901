//! The ledger's page: its head, and how anyone verifies it.

use crate::{
    asker::Asker,
    console::Console,
    frame::{Frame, Place, page},
    problem::Problem,
    proof,
    samples::{Sample, Say, frame},
    text::Text,
    view::{Chip, Tone},
};
use askama::Template;
use axum::{Extension, extract::State, response::Response};
use countersign_ledger::{Head, Health};

/// The head of the ledger.
#[derive(Debug, Template)]
#[template(path = "ledger.html")]
pub(crate) struct LedgerPage {
    frame: Frame,
    size: u64,
    checkpoint_size: u64,
    health: Chip,
    root: String,
    checkpoint: Option<Text>,
    vkey: Option<Text>,
    command: Text,
}

/// `GET /console/ledger`.
pub(crate) async fn show(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
) -> Result<Response, Problem> {
    let head = console.governance().ledger().try_head();
    let files = proof::head_files(&console).await;
    page(&LedgerPage::new(
        Frame::new("Ledger", Place::Ledger, asker.signed()),
        &head,
        files.checkpoint.map(Text::block),
        files.vkey,
    ))
}

impl LedgerPage {
    fn new(frame: Frame, head: &Head, checkpoint: Option<Text>, vkey: Option<String>) -> Self {
        let key = vkey.as_deref().unwrap_or("VERIFIER-KEY").trim().to_owned();
        Self {
            frame,
            size: head.size,
            checkpoint_size: head.checkpoint_size,
            health: health(head.health),
            root: proof::base64(&head.checkpoint_root),
            checkpoint,
            vkey: vkey.map(Text::block),
            command: Text::block(format!("countersign ledger verify DIRECTORY --vkey '{key}'")),
        }
    }
}

/// How the ledger does, in a word.
pub(crate) fn health(of: Health) -> Chip {
    match of {
        Health::Writable => Chip { label: "writable", tone: Tone::Good },
        Health::CheckpointLate => Chip { label: "checkpoint late", tone: Tone::Wait },
        Health::NotWritable => Chip { label: "not writable: calls are refused", tone: Tone::Bad },
        Health::Closed => Chip { label: "closed", tone: Tone::Bad },
    }
}

impl Sample for LedgerPage {
    const NAME: &'static str = "ledger";

    fn samples(say: Say) -> Vec<Self> {
        let head = |health| Head {
            size: 18_204,
            checkpoint_size: 18_190,
            checkpoint_root: [0x5A; 32],
            health,
        };
        let note = "gateway.acme.example/ledger\n18190\nWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlo=\n\n— gateway.acme.example/ledger 8NtjqaFzB1Yx0Q==\n";
        let page = |health, checkpoint, vkey| {
            Self::new(frame("Ledger", Place::Ledger, say), &head(health), checkpoint, vkey)
        };
        let vkey = say("gateway.acme.example/ledger+f0db63a9+AWp4yRb0").plain();
        vec![
            page(Health::Writable, Some(Text::block(note)), Some(vkey)),
            page(Health::NotWritable, None, None),
        ]
    }
}
