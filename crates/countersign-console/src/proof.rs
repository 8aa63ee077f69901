//! What the ledger says about a recorded call, checked and not believed: the commitment against the
//! recording, and the entry against the signed tree.

use crate::{
    console::Console,
    problem::Problem,
    recordings::Recorded,
    view::{Chip, Tone},
};
use countersign_ledger::{Hash, Head, commitment, entries_from, inclusion_proof, verify_proof};
use countersign_model::{
    Digest, Span, Timestamp,
    exchange::Exchange,
    json,
    record::{CallIntent, CallOutcome, Entry, Event, Who},
};
use serde::Serialize;
use std::path::Path;

/// One thing that was checked.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Line {
    #[serde(skip)]
    pub(crate) chip: Chip,
    /// What was checked, and what came of it: words and numbers of ours only.
    pub(crate) words: String,
}

/// The signed head and the public key, as they stand beside the log.
#[derive(Debug, Default)]
pub(crate) struct HeadFiles {
    pub(crate) checkpoint: Option<String>,
    pub(crate) vkey: Option<String>,
}

/// Reads the head's files.
pub(crate) async fn head_files(console: &Console) -> HeadFiles {
    let directory = &console.parts.ledger_directory;
    let (checkpoint, vkey) = tokio::join!(
        tokio::fs::read_to_string(directory.join("checkpoint")),
        tokio::fs::read_to_string(directory.join("log.vkey")),
    );
    HeadFiles { checkpoint: checkpoint.ok(), vkey: vkey.ok() }
}

/// A digest as C2SP writes it.
pub(crate) fn base64(hash: &Hash) -> String {
    use base64::{Engine, engine::general_purpose::STANDARD};
    STANDARD.encode(hash)
}

/// Checks a recorded call against the ledger of this gateway.
pub(crate) async fn of(
    console: &Console,
    recorded: Recorded,
) -> Result<(Recorded, Vec<Line>), Problem> {
    let directory = console.parts.ledger_directory.clone();
    let head = console.governance().ledger().try_head();
    let checked = tokio::task::spawn_blocking(move || {
        let lines = check(&directory, &head, &recorded);
        (recorded, lines)
    });
    checked.await.map_err(|_| Problem::internal())
}

fn check(directory: &Path, head: &Head, recorded: &Recorded) -> Vec<Line> {
    let exchange = &recorded.exchange;
    let Ok((intent, outcome)) = find(directory, head, exchange) else {
        return vec![bad("The ledger can't be read here; verify a copy of it offline.")];
    };
    let mut lines = Vec::new();
    match &intent {
        None => lines.push(open("No intent of this call was found in this gateway's ledger.")),
        Some((found, intent)) => lines.extend(check_intent(found, intent, exchange)),
    }
    match &outcome {
        None => lines.push(open("No outcome of this call was found in this gateway's ledger.")),
        Some((found, outcome)) => lines.push(check_outcome(found, outcome, recorded)),
    }
    let found = intent.map(|(it, _)| it).into_iter().chain(outcome.map(|(it, _)| it));
    lines.extend(found.map(|it| check_signed(directory, &it)));
    lines
}

fn check_intent(found: &Found, intent: &CallIntent, exchange: &Exchange) -> Vec<Line> {
    let index = found.index;
    let same = intent.session == exchange.session
        && intent.function == exchange.function
        && intent.grants == exchange.grants
        && intent.approval == exchange.approval
        && who(&intent.who) == who(&exchange.who);
    let mut lines = vec![if same {
        good(format!("Caller, function, grants and approval match the ledger entry #{index}."))
    } else {
        bad(format!("The recording does not say what the ledger entry #{index} says."))
    }];
    let mut canonical = Vec::new();
    json::canonical_into(&exchange.arguments, &mut canonical);
    let matches = Digest(commitment(&exchange.salt.0, &canonical)) == intent.arguments;
    lines.push(match (matches, exchange.hidden.is_empty()) {
        (true, _) => good(format!("The arguments match the ledger entry #{index}.")),
        (false, false) => {
            open("The ledger commits to the arguments as they ran; masked ones can't be compared.")
        }
        (false, true) => bad(format!("The arguments do not match the ledger entry #{index}.")),
    });
    lines
}

fn check_outcome(found: &Found, outcome: &CallOutcome, recorded: &Recorded) -> Line {
    let index = found.index;
    let own = Digest(commitment(&recorded.exchange.salt.0, &recorded.payload));
    match outcome.recording {
        Some(committed) if committed == own && outcome.status == recorded.exchange.status => {
            good(format!("The recording matches the ledger entry #{index}, byte for byte."))
        }
        Some(_) => bad(format!("The recording does not match the ledger entry #{index}.")),
        None => bad(format!("The ledger entry #{index} commits to no recording.")),
    }
}

/// Proves that the entry is in the signed tree.
fn check_signed(directory: &Path, found: &Found) -> Line {
    let index = found.index;
    let Ok(vkey) = std::fs::read_to_string(directory.join("log.vkey")) else {
        return open("The verifier key can't be read here.");
    };
    let proven = inclusion_proof(directory, index)
        .ok()
        .map(|proof| verify_proof(&proof, &found.bytes, vkey.trim()));
    match proven {
        Some(Ok(proven)) => good(format!(
            "Entry #{index} is in the signed tree of {} entries.",
            proven.checkpoint.size
        )),
        Some(Err(_)) => bad(format!("Entry #{index} is not what the signed tree holds.")),
        None => open("The newest entries are not signed yet; a checkpoint follows in a second."),
    }
}

/// An entry of the log.
#[derive(Debug)]
struct Found {
    index: u64,
    bytes: Vec<u8>,
}

type Pair = (Option<(Found, CallIntent)>, Option<(Found, CallOutcome)>);

/// Looks for intent and outcome of a call. Entries stand nearly in the order of their times, so the
/// beginning is found by halving, and the rest by reading on.
fn find(
    directory: &Path,
    head: &Head,
    exchange: &Exchange,
) -> Result<Pair, countersign_ledger::Fault> {
    let from = exchange.at.minus(SLACK);
    let took = i64::try_from(exchange.took_ms).unwrap_or(i64::MAX);
    let until = exchange.at.plus(Span::from_millis(took)).plus(SLACK);
    let (mut low, mut high) = (0, head.size);
    while low < high {
        let middle = low + (high - low) / 2;
        match time_at(directory, middle)? {
            Some(at) if at >= from => high = middle,
            Some(_) => low = middle + 1,
            None => high = middle,
        }
    }
    let (mut intent, mut outcome) = (None, None);
    for entry in entries_from(directory, low)?.take(ENTRIES_MAX) {
        let (index, bytes) = entry?;
        let Ok(entry) = serde_json::from_slice::<Entry>(&bytes) else { continue };
        if entry.at > until {
            break;
        }
        match entry.event {
            Event::CallIntent(it) if it.call == exchange.call => {
                intent = Some((Found { index, bytes }, *it));
            }
            Event::CallOutcome(it) if it.call == exchange.call => {
                outcome = Some((Found { index, bytes }, it));
            }
            Event::CallIntent(_)
            | Event::CallOutcome(_)
            | Event::CallRefused(_)
            | Event::ApprovalOpened(_)
            | Event::ApprovalChanged(_)
            | Event::GrantChanged(_)
            | Event::CatalogApplied(_)
            | Event::GrantRequested(_)
            | Event::GrantRequestChanged(_)
            | Event::DenialChanged(_)
            | Event::StopChanged(_)
            | Event::MembershipChanged(_)
            | Event::ApiKeyChanged(_)
            | Event::DelegateChanged(_)
            | Event::PasskeyChanged(_)
            | Event::RecordViewed(_)
            | Event::TokenAsked(_)
            | Event::ReviewOpened(_)
            | Event::ReviewDecided(_)
            | Event::ReviewChanged(_)
            | Event::ReviewSignedOff(_)
            | Event::ReviewClosed(_)
            | Event::ReviewEvidence(_)
            | Event::NoticeSent(_)
            | Event::Gateway(_) => {}
        }
        if intent.is_some() && outcome.is_some() {
            break;
        }
    }
    Ok((intent, outcome))
}

fn time_at(directory: &Path, index: u64) -> Result<Option<Timestamp>, countersign_ledger::Fault> {
    let first = entries_from(directory, index)?.next().transpose()?;
    let entry = first.and_then(|(_, bytes)| serde_json::from_slice::<Entry>(&bytes).ok());
    Ok(entry.map(|it| it.at))
}

fn who(who: &Who) -> (&str, Vec<&str>, Option<&str>, &str) {
    let actors = who.actors.iter().map(countersign_model::Subject::as_str).collect();
    (who.subject.as_str(), actors, who.client.as_deref(), &who.issuer)
}

pub(crate) fn good(words: impl Into<String>) -> Line {
    Line { chip: Chip { label: "verified", tone: Tone::Good }, words: words.into() }
}

pub(crate) fn bad(words: impl Into<String>) -> Line {
    Line { chip: Chip { label: "does not match", tone: Tone::Bad }, words: words.into() }
}

pub(crate) fn open(words: impl Into<String>) -> Line {
    Line { chip: Chip { label: "not checked", tone: Tone::Wait }, words: words.into() }
}

/// How far the times of neighbouring entries may be out of order.
const SLACK: Span = Span::from_seconds(120);
/// Entries that are read on for one call.
const ENTRIES_MAX: usize = 200_000;
