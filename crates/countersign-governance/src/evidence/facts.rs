//! The facts that a pack is made of, and the files that carry them. Everything else in a pack follows
//! from these, so that it can be made again from them and compared.

use super::{
    PackFault,
    archive::Files,
    lines::{document, joined, split},
};
use countersign_model::{
    FunctionName, GrantId, Holder, Subject, Timestamp,
    catalog::Tag,
    ids::EntryId,
    json::canonical,
    record::{Entry, Event, GrantChange},
    review::{Campaign, Item},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::collections::{BTreeMap, BTreeSet};

/// All that a pack says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Facts {
    /// The campaign.
    pub(crate) campaign: Campaign,
    /// Who of the holders is an agent, by the catalog of the opening.
    pub(crate) agents: BTreeSet<Subject>,
    /// Its items, in the order of their grants' ids.
    pub(crate) items: Vec<Item>,
    /// Grants in scope that were made while it ran (R3).
    pub(crate) made_meanwhile: Vec<MadeMeanwhile>,
    /// Who was told.
    pub(crate) notices: Vec<Told>,
    /// What the logs say of it.
    pub(crate) entries: Vec<Line>,
    /// The report of its close: the canonical JSON whose digest the ledger has.
    pub(crate) report: Option<String>,
}

/// A grant in scope that was made while a campaign ran, as the report of the close has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MadeMeanwhile {
    pub(crate) grant: GrantId,
    pub(crate) version: u32,
    /// `group:NAME`, or a subject.
    pub(crate) holder: String,
    #[serde(default)]
    pub(crate) functions: Vec<FunctionName>,
    #[serde(default)]
    pub(crate) tags: Vec<Tag>,
    #[serde(default)]
    pub(crate) reason: String,
    pub(crate) made_by: Subject,
    pub(crate) made_at: Timestamp,
}

/// What somebody was told, over one channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Told {
    pub(crate) notice: String,
    pub(crate) kind: String,
    pub(crate) to: String,
    pub(crate) title: String,
    pub(crate) made_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) read_at: Option<Timestamp>,
    /// `console` where it stands in the inbox only.
    pub(crate) channel: String,
    pub(crate) delivery: String,
    pub(crate) state: String,
    pub(crate) attempts: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ended_at: Option<Timestamp>,
    pub(crate) answer: String,
    pub(crate) error: String,
}

/// An entry of a log with its proof.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Line {
    pub(crate) id: EntryId,
    pub(crate) gateway: String,
    pub(crate) index: u64,
    /// The very bytes that the log has.
    pub(crate) entry: String,
    /// The log's verifier key; absent while no checkpoint covers the entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) vkey: Option<String>,
    /// The C2SP tlog-proof.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) proof: Option<String>,
}

/// The campaign's file: with what of the catalog the tables need.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CampaignFile {
    campaign: Campaign,
    agents: BTreeSet<Subject>,
}

impl Line {
    /// What the entry says.
    pub(crate) fn read(&self) -> Option<Entry> {
        serde_json::from_str(&self.entry).ok()
    }
}

impl Facts {
    /// The files that carry the facts, each thing on a line of its own.
    pub(crate) fn files(&self) -> Files {
        let campaign =
            CampaignFile { campaign: self.campaign.clone(), agents: self.agents.clone() };
        let mut files: Files = [
            (CAMPAIGN, document(&campaign)),
            (ITEMS, joined(&self.items)),
            (MADE_MEANWHILE, joined(&self.made_meanwhile)),
            (NOTICES, joined(&self.notices)),
            (ENTRIES, joined(&self.entries)),
        ]
        .map(|(name, text)| (name.to_owned(), text.into_bytes()))
        .into();
        if let Some(report) = &self.report {
            files.insert(REPORT.to_owned(), format!("{report}\n").into_bytes());
        }
        files
    }

    /// Reads the facts again.
    pub(crate) fn read(files: &Files) -> Result<Self, Vec<PackFault>> {
        let mut faults = Vec::new();
        let campaign = one::<CampaignFile>(files, CAMPAIGN, &mut faults);
        let items = many(files, ITEMS, &mut faults);
        let made_meanwhile = many(files, MADE_MEANWHILE, &mut faults);
        let notices = many(files, NOTICES, &mut faults);
        let entries = many(files, ENTRIES, &mut faults);
        let report = match files.get(REPORT).map(|it| text(it)) {
            None => None,
            Some(Some(text)) => Some(text.strip_suffix('\n').unwrap_or(text).to_owned()),
            Some(None) => {
                faults.push(PackFault::of(REPORT, Some(1), "is no UTF-8"));
                None
            }
        };
        let Some(CampaignFile { campaign, agents }) = campaign.filter(|_| faults.is_empty()) else {
            return Err(faults);
        };
        Ok(Self { campaign, agents, items, made_meanwhile, notices, entries, report })
    }

    /// `agent`, `subject` or `group`.
    pub(crate) fn kind(&self, holder: &Holder) -> &'static str {
        match holder {
            Holder::Subject(subject) if self.agents.contains(subject) => "agent",
            Holder::Subject(_) => "subject",
            Holder::Group(_) => "group",
        }
    }

    /// The same of a holder as the report writes it.
    pub(crate) fn kind_of(&self, holder: &str) -> &'static str {
        match holder.strip_prefix("group:") {
            Some(group) => self.kind(&Holder::Group(group.into())),
            None => self.kind(&Holder::Subject(holder.into())),
        }
    }

    /// Grants of items that ended while the campaign ran, by the ledger: the last of what happened to
    /// them was an end; or by date.
    pub(crate) fn ended(&self) -> BTreeMap<GrantId, &'static str> {
        let mut last: BTreeMap<GrantId, GrantChange> = BTreeMap::new();
        for line in &self.entries {
            if let Some(Event::GrantChanged(changed)) = line.read().map(|it| it.event) {
                last.insert(changed.grant, changed.change);
            }
        }
        let closed = self.campaign.state.closed_at();
        let items = self.items.iter().filter_map(|item| {
            let how = last.get(&item.grant).and_then(|it| over(*it));
            let expires = item.snapshot.grant.expires_at;
            let expired = || closed.zip(expires).filter(|(closed, at)| at <= closed);
            how.or_else(|| expired().map(|_| "expired")).map(|how| (item.grant, how))
        });
        items.collect()
    }
}

/// How a grant is over after a change, if it is.
const fn over(change: GrantChange) -> Option<&'static str> {
    match change {
        GrantChange::Revoked => Some("revoked"),
        GrantChange::Transferred => Some("transferred"),
        GrantChange::Made
        | GrantChange::Certified
        | GrantChange::Uncertified
        | GrantChange::Narrowed
        | GrantChange::Widened
        | GrantChange::Renewed
        | GrantChange::Suspended
        | GrantChange::Resumed
        | GrantChange::Restored => None,
    }
}

/// A document on one line, which must be the canonical text of what it says.
fn one<T: DeserializeOwned + Serialize>(
    files: &Files,
    name: &str,
    faults: &mut Vec<PackFault>,
) -> Option<T> {
    let text = files.get(name).and_then(|it| text(it));
    let Some(text) = text else {
        faults.push(PackFault::of(name, None, "is missing, or no UTF-8"));
        return None;
    };
    let read = serde_json::from_str::<T>(text).ok().filter(|it| document(it) == text);
    if read.is_none() {
        faults.push(PackFault::of(name, Some(1), "is not what a pack has there"));
    }
    read
}

/// A list with one thing a line, each in the canonical text of what it says.
fn many<T: DeserializeOwned + Serialize>(
    files: &Files,
    name: &str,
    faults: &mut Vec<PackFault>,
) -> Vec<T> {
    let Some(text) = files.get(name).and_then(|it| text(it)) else {
        faults.push(PackFault::of(name, None, "is missing, or no UTF-8"));
        return Vec::new();
    };
    let Some(lines) = split(text) else {
        faults.push(PackFault::of(name, Some(1), "is no list with one thing a line"));
        return Vec::new();
    };
    let mut found = Vec::new();
    for (place, line) in lines.into_iter().enumerate() {
        let value = serde_json::from_str::<T>(line)
            .ok()
            .filter(|it| serde_json::to_value(it).is_ok_and(|value| canonical(&value) == line));
        match value {
            Some(value) => found.push(value),
            None => {
                faults.push(PackFault::of(name, Some(place + 2), "is not what a pack has there"));
            }
        }
    }
    found
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

pub(crate) const CAMPAIGN: &str = "campaign.json";
pub(crate) const ITEMS: &str = "items.json";
pub(crate) const MADE_MEANWHILE: &str = "made_meanwhile.json";
pub(crate) const NOTICES: &str = "notices.json";
pub(crate) const ENTRIES: &str = "ledger/entries.json";
pub(crate) const REPORT: &str = "report.json";
