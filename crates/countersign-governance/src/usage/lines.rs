//! The entries of the ledger that counting reads: intents, outcomes, refusals and a gateway's start. They
//! are read by their few members that count, which costs a tenth of reading them whole.

use countersign_model::{
    CallId, FunctionName, GrantId, GrantRef, Reason, Subject, Timestamp, record::GatewayState,
};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// What counting makes of an entry.
#[derive(Debug)]
pub(crate) enum Line {
    /// A call left.
    Intent(CallId, Intent),
    /// A call ended.
    Outcome(CallId, Outcome),
    /// A call did not run.
    Refused(Refused),
    /// The gateway began: what was open before has no outcome.
    Started,
    /// Something else.
    Other,
    /// It begins like one of these, and can't be read.
    Unreadable,
}

/// A call that left. Kept in the store as JSON while it has no outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Intent {
    pub(crate) at: Timestamp,
    pub(crate) function: FunctionName,
    /// Each grant that carried it, once, and who used it.
    pub(crate) grants: Vec<(GrantId, Subject)>,
    /// Approvals that it used: 0 or 1.
    pub(crate) approvals: u64,
}

impl Intent {
    /// As the store keeps it.
    pub(crate) fn to_text(&self) -> String {
        // Texts and numbers always serialise.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads what the store kept.
    pub(crate) fn from_text(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }
}

/// How a call ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) status: u16,
    pub(crate) masked: u64,
}

/// A call of somebody known that did not run.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) at: Timestamp,
    pub(crate) subject: Subject,
    pub(crate) function: Option<FunctionName>,
    pub(crate) reason: Reason,
}

impl Line {
    /// Reads an entry.
    pub(crate) fn of(entry: &[u8]) -> Self {
        let read = match kind(entry) {
            Some(b"call.intent") => intent(entry),
            Some(b"call.outcome") => outcome(entry),
            Some(b"call.refused") => refused(entry),
            Some(b"gateway") => gateway(entry),
            Some(_) => return Self::Other,
            None => None,
        };
        read.unwrap_or(Self::Unreadable)
    }

    /// The id of an entry.
    pub(crate) fn id(entry: &[u8]) -> Option<String> {
        #[derive(Deserialize)]
        struct Raw {
            id: String,
        }
        serde_json::from_slice::<Raw>(entry).ok().map(|it| it.id)
    }

    /// The time of an entry.
    pub(crate) fn at(entry: &[u8]) -> Option<Timestamp> {
        #[derive(Deserialize)]
        struct Raw {
            at: Timestamp,
        }
        serde_json::from_slice::<Raw>(entry).ok().map(|it| it.at)
    }
}

/// What kind of entry it is. Every entry begins with its form, id, time and type, none of which holds a
/// quotation mark.
fn kind(entry: &[u8]) -> Option<&[u8]> {
    let head = entry.get(..HEAD_BYTES).unwrap_or(entry);
    let at = head.windows(TYPE.len()).position(|it| it == TYPE)?;
    let rest = head.get(at + TYPE.len()..)?;
    let end = rest.iter().position(|it| *it == b'"')?;
    rest.get(..end)
}

const TYPE: &[u8] = b"\"type\":\"";
const HEAD_BYTES: usize = 160;

fn intent(entry: &[u8]) -> Option<Line> {
    #[derive(Deserialize)]
    struct Raw<'a> {
        at: Timestamp,
        call: CallId,
        #[serde(borrow)]
        subject: Cow<'a, str>,
        #[serde(default)]
        actors: Vec<Subject>,
        #[serde(borrow)]
        function: Cow<'a, str>,
        grants: Vec<GrantRef>,
        #[serde(default)]
        approval: Option<serde::de::IgnoredAny>,
    }
    let raw: Raw<'_> = serde_json::from_slice(entry).ok()?;
    // The subject's grant stands first, then that of each actor.
    let users = std::iter::once(Subject::new(raw.subject)).chain(raw.actors);
    let mut grants: Vec<(GrantId, Subject)> = Vec::with_capacity(raw.grants.len());
    for (grant, user) in raw.grants.into_iter().zip(users) {
        if grants.iter().all(|(known, _)| *known != grant.id) {
            grants.push((grant.id, user));
        }
    }
    let intent = Intent {
        at: raw.at,
        function: FunctionName::new(raw.function),
        grants,
        approvals: u64::from(raw.approval.is_some()),
    };
    Some(Line::Intent(raw.call, intent))
}

fn outcome(entry: &[u8]) -> Option<Line> {
    #[derive(Deserialize)]
    struct Raw {
        call: CallId,
        status: u16,
        masked: u64,
    }
    let Raw { call, status, masked } = serde_json::from_slice(entry).ok()?;
    Some(Line::Outcome(call, Outcome { status, masked }))
}

fn refused(entry: &[u8]) -> Option<Line> {
    #[derive(Deserialize)]
    struct Raw {
        at: Timestamp,
        subject: Subject,
        #[serde(default)]
        function: Option<FunctionName>,
        reason: Reason,
    }
    let Raw { at, subject, function, reason } = serde_json::from_slice(entry).ok()?;
    Some(Line::Refused(Refused { at, subject, function, reason }))
}

fn gateway(entry: &[u8]) -> Option<Line> {
    #[derive(Deserialize)]
    struct Raw {
        now: GatewayState,
    }
    let Raw { now } = serde_json::from_slice(entry).ok()?;
    Some(match now {
        GatewayState::Started => Line::Started,
        GatewayState::Stopped => Line::Other,
    })
}
