//! Arguments of `countersign notices`.

use clap::Subcommand;
use countersign_model::NoticeId;

/// `countersign notices …`.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum NoticesCommand {
    /// List what you were told, newest first
    List {
        /// Only what you have not read
        #[arg(long)]
        unread: bool,
    },
    /// Show a notice and mark it as read; without one, mark all
    Read {
        /// The notice
        id: Option<NoticeId>,
    },
    /// List what became of notices over each channel; for administrators and auditors
    Deliveries {
        /// Only in this state: queued, sending, sent, failed, `given_up`, withdrawn
        #[arg(long, value_name = "STATE")]
        state: Option<String>,
    },
    /// Send a test over every channel, and say what became of it
    Test {
        /// To whom; to yourself by default
        #[arg(long, value_name = "SUBJECT")]
        to: Option<String>,
    },
}
