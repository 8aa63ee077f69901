//! Verifying a pack, offline: its form, its sums, what it says against what the ledger's entries say,
//! and the entries against the logs that have them. Reads a stranger's bytes; believes a key only as far
//! as the caller knows it.

use super::{
    archive::{self, Files},
    digests,
    facts::{CAMPAIGN, ENTRIES, Facts, ITEMS, Line, REPORT},
    reconcile,
    render::{self, LINES, MANIFEST, SUMS, VERSION},
    tables::{Backing, as_given},
};
use countersign_identity::verify_signed;
use countersign_ledger::verify_proof;
use countersign_model::{
    Digest, Timestamp,
    passkey::SignedKind,
    record::{
        Event, PasskeyChange, PasskeyChanged, ReviewChange, ReviewSignOffProof, ReviewSignedOff,
    },
    review::{Answer, CampaignState, Covers, ItemState, SignOff, SignOffProof},
};
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

/// What a pack is verified against.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PackOptions {
    /// The verifier keys that logs may have; any key when empty.
    pub vkeys: Vec<String>,
}

/// What was verified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PackVerified {
    /// The campaign.
    pub campaign: String,
    /// What people call it.
    pub title: String,
    /// Where it stands.
    pub state: String,
    /// How many items.
    pub items: u64,
    /// How many answers count.
    pub answers: u64,
    /// How many entries of the ledger are proved.
    pub entries: u64,
    /// The keys of the logs that have them.
    pub vkeys: Vec<String>,
    /// What could not be checked, and why; nothing, where all was.
    pub unchecked: Vec<String>,
}

/// Something that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PackFault {
    /// In which file; `archive` for the archive itself.
    pub file: String,
    /// In which line, from 1.
    pub line: Option<usize>,
    /// What.
    pub what: String,
}

impl PackFault {
    pub(crate) fn of(file: &str, line: Option<usize>, what: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line, what: what.into() }
    }
}

impl fmt::Display for PackFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.file, self.what),
            None => write!(f, "{}: {}", self.file, self.what),
        }
    }
}

/// Verifies a pack.
///
/// # Errors
/// Everything that does not hold, as far as it was looked for; never empty.
pub fn verify_pack(bytes: &[u8], options: &PackOptions) -> Result<PackVerified, Vec<PackFault>> {
    let (directory, files) = archive::read(bytes)
        .map_err(|fault| vec![PackFault::of("archive", None, fault.to_string())])?;
    let mut faults = sums(&files);
    let facts = match Facts::read(&files) {
        Ok(facts) => facts,
        Err(more) => {
            faults.extend(more);
            return Err(faults);
        }
    };
    let mut unchecked = Vec::new();
    if directory != facts.campaign.id.to_string() {
        faults.push(PackFault::of("archive", None, "its directory is another campaign's"));
    }
    faults.extend(made_again(&files, &facts, &mut unchecked));
    let said = Said::of(&facts, &mut faults);
    faults.extend(opening(&facts, &said));
    faults.extend(answers(&facts));
    faults.extend(sign_offs(&facts, &said, &mut unchecked));
    faults.extend(closing(&facts, &said));
    let (entries, vkeys) = proofs(&facts, options, &mut faults, &mut unchecked);
    if !faults.is_empty() {
        return Err(faults);
    }
    let counting = facts.items.iter().flat_map(|it| &it.answers).filter(|it| it.counts());
    Ok(PackVerified {
        campaign: facts.campaign.id.to_string(),
        title: facts.campaign.title.clone(),
        state: facts.campaign.state.name().to_owned(),
        items: number(facts.items.len()),
        answers: number(counting.count()),
        entries,
        vkeys: vkeys.into_iter().collect(),
        unchecked,
    })
}

/// Each file against the sums, and the sums against each other. What was changed is named by its line.
fn sums(files: &Files) -> Vec<PackFault> {
    let mut faults = Vec::new();
    for name in [SUMS, LINES, MANIFEST] {
        if !files.contains_key(name) {
            faults.push(PackFault::of(name, None, "is missing"));
        }
    }
    let listed = by_name(files, SUMS, |line| line.split_once("  ").map(|(sum, name)| (name, sum)));
    let short = by_name(files, LINES, |line| line.split_once(' '));
    for (of, named) in [(SUMS, &listed), (LINES, &short)] {
        for (name, (_, at)) in named.iter().filter(|(name, _)| !files.contains_key(**name)) {
            let what = format!("names {name:?}, which is not there");
            faults.push(PackFault::of(of, Some(*at), what));
        }
    }
    let mut is_whole = true;
    for (name, bytes) in files.iter().filter(|(name, _)| *name != SUMS) {
        let sum = Digest::of(bytes).to_string();
        match listed.get(name.as_str()) {
            None => faults.push(PackFault::of(name, None, "is not named by SHA256SUMS")),
            Some((said, _)) if *said == sum => {}
            Some((_, at)) => {
                let fault = changed(files, name, bytes, *at, short.get(name.as_str()));
                is_whole &= fault.file == SUMS;
                faults.push(fault);
            }
        }
    }
    // Where a file was changed, that was said.
    if is_whole {
        for (name, text) in [(SUMS, render::sums(files)), (LINES, render::line_sums(files))] {
            let found = files.get(name).map(Vec::as_slice).unwrap_or_default();
            faults.extend(first_difference(name, found, text.as_bytes()));
        }
    }
    faults
}

/// Lines of a file of sums, by the name that each is about, with their numbers.
fn by_name<'f>(
    files: &'f Files,
    file: &str,
    split: impl Fn(&'f str) -> Option<(&'f str, &'f str)>,
) -> BTreeMap<&'f str, (&'f str, usize)> {
    let text = files.get(file).and_then(|it| std::str::from_utf8(it).ok()).unwrap_or("");
    let lines = text.lines().enumerate();
    lines
        .filter_map(|(place, line)| split(line).map(|(name, it)| (name, (it, place + 1))))
        .collect()
}

/// A file that is not what its sum says: the line that was changed, or else the sum was.
fn changed(
    files: &Files,
    name: &str,
    bytes: &[u8],
    at: usize,
    short: Option<&(&str, usize)>,
) -> PackFault {
    let sum = || PackFault::of(SUMS, Some(at), format!("is not the sum of {name}"));
    if name == LINES {
        let is_good = bytes == render::line_sums(files).as_bytes();
        return if is_good { sum() } else { PackFault::of(LINES, None, "was changed") };
    }
    let one: Files = [(name.to_owned(), bytes.to_vec())].into();
    let found = render::line_sums(&one);
    let found: Vec<&str> = found.trim_end().split(' ').skip(1).collect();
    let said: Vec<&str> = short.map(|(it, _)| it.split(' ').collect()).unwrap_or_default();
    if found == said {
        return sum();
    }
    let same = found.iter().zip(&said).take_while(|(a, b)| a == b).count();
    PackFault::of(name, Some(same + 1), "was changed")
}

/// The first line in which two texts differ.
fn first_difference(name: &str, found: &[u8], expected: &[u8]) -> Option<PackFault> {
    if found == expected {
        return None;
    }
    let same =
        render::lines(found).zip(render::lines(expected)).take_while(|(a, b)| a == b).count();
    Some(PackFault::of(name, Some(same + 1), "is not what follows from the other files"))
}

/// Everything that follows from the facts must be what follows from them.
fn made_again(files: &Files, facts: &Facts, unchecked: &mut Vec<String>) -> Vec<PackFault> {
    let again = render::files(facts);
    let version = serde_json::to_string(VERSION).unwrap_or_default();
    let manifest = files.get(MANIFEST).map(|it| String::from_utf8_lossy(it)).unwrap_or_default();
    if !manifest.contains(&format!("\"version\":{version}")) {
        unchecked.push(format!(
            "the pack is of another version than {VERSION}: its tables were not made again; verify.py compares them"
        ));
        return Vec::new();
    }
    let mut faults = Vec::new();
    for (name, bytes) in &again {
        match files.get(name) {
            Some(found) => faults.extend(first_difference(name, found, bytes)),
            None => faults.push(PackFault::of(name, None, "is missing")),
        }
    }
    let more = files.keys().filter(|it| !again.contains_key(*it));
    faults.extend(more.map(|it| PackFault::of(it, None, "is no file of a pack")));
    faults
}

/// What the entries say.
#[derive(Default)]
struct Said {
    opened: Vec<countersign_model::record::ReviewOpened>,
    signed_off: Vec<ReviewSignedOff>,
    closed: Vec<countersign_model::record::ReviewClosed>,
    passkeys: Vec<(Timestamp, PasskeyChanged)>,
    texts: BTreeSet<Digest>,
}

impl Said {
    fn of(facts: &Facts, faults: &mut Vec<PackFault>) -> Self {
        let mut said = Self::default();
        let mut given: BTreeSet<_> = BTreeSet::new();
        for item in &facts.items {
            let digests = item.answers.iter().map(|it| (item.grant, as_given(it).digest()));
            given.extend(digests);
        }
        for (place, line) in facts.entries.iter().enumerate() {
            let at = Some(place + 2);
            let mut bad = |what: &str| faults.push(PackFault::of(ENTRIES, at, what));
            let Some(entry) = line.read().filter(|it| it.id == line.id) else {
                bad("is no entry of this name");
                continue;
            };
            let mut of = |campaign| {
                if campaign != facts.campaign.id {
                    bad("is about another campaign");
                }
            };
            match entry.event {
                Event::ReviewOpened(it) => {
                    of(it.campaign);
                    said.opened.push(*it);
                }
                Event::ReviewDecided(it) => {
                    of(it.campaign);
                    if it.answer.is_some_and(|answer| !given.contains(&(it.grant, answer))) {
                        bad("backs an answer that is not in items.json");
                    }
                }
                Event::ReviewChanged(it) => {
                    of(it.campaign);
                    if it.change == ReviewChange::Addendum {
                        said.texts.extend(it.text);
                    }
                }
                Event::ReviewSignedOff(it) => {
                    of(it.campaign);
                    said.signed_off.push(it);
                }
                Event::ReviewClosed(it) => {
                    of(it.campaign);
                    said.closed.push(it);
                }
                Event::PasskeyChanged(it) => said.passkeys.push((entry.at, it)),
                Event::GrantChanged(_) | Event::NoticeSent(_) => {}
                Event::ReviewEvidence(_)
                | Event::GrantRequested(_)
                | Event::GrantRequestChanged(_)
                | Event::DenialChanged(_)
                | Event::CallIntent(_)
                | Event::CallOutcome(_)
                | Event::CallRefused(_)
                | Event::ApprovalOpened(_)
                | Event::ApprovalChanged(_)
                | Event::CatalogApplied(_)
                | Event::StopChanged(_)
                | Event::MembershipChanged(_)
                | Event::ApiKeyChanged(_)
                | Event::DelegateChanged(_)
                | Event::RecordViewed(_)
                | Event::TokenAsked(_)
                | Event::Gateway(_) => bad("is an entry that no pack has"),
            }
        }
        said
    }
}

/// The snapshot: each item against its digest, all of them against the opening, that against the ledger.
fn opening(facts: &Facts, said: &Said) -> Vec<PackFault> {
    let mut faults = Vec::new();
    let campaign = &facts.campaign;
    for (place, item) in facts.items.iter().enumerate() {
        let line = Some(place + 2);
        if item.snapshot.digest() != item.digest || item.snapshot.grant.id != item.grant {
            let what = "the snapshot is not the one that its digest is of";
            faults.push(PackFault::of(ITEMS, line, what));
        }
        if item.campaign != campaign.id {
            faults.push(PackFault::of(ITEMS, line, "is an item of another campaign"));
        }
    }
    if !facts.items.is_sorted_by(|a, b| a.grant < b.grant) {
        let what = "the items are not in order, or one stands twice";
        faults.push(PackFault::of(ITEMS, None, what));
    }
    let Some(opening) = &campaign.opening else { return faults };
    let snapshot = digests::snapshot(&facts.items);
    let scope = digests::scope(campaign);
    if snapshot != opening.digest || opening.items != number(facts.items.len()) {
        let what = "the items are not those of the opening: one is missing, changed or more";
        faults.push(PackFault::of(ITEMS, None, what));
    }
    if scope != opening.scope {
        let what = "scope and rules are not those of the opening";
        faults.push(PackFault::of(CAMPAIGN, Some(1), what));
    }
    let backed = said.opened.iter().any(|it| {
        it.digest == snapshot
            && it.scope == scope
            && it.items == opening.items
            && it.excluded == opening.excluded
            && it.epoch == opening.epoch
            && it.catalog == opening.catalog
    });
    if !backed {
        let what = "no entry of the ledger has this opening";
        faults.push(PackFault::of(CAMPAIGN, Some(1), what));
    }
    faults
}

/// Every decision is in the ledger.
fn answers(facts: &Facts) -> Vec<PackFault> {
    let backing = Backing::of(facts);
    let mut faults = Vec::new();
    for (place, item) in facts.items.iter().enumerate() {
        let line = Some(place + 2);
        for answer in item.answers.iter().filter(|it| it.verdict.decides()) {
            if backing.answer(item.grant, answer).is_none() {
                let what = format!("no entry of the ledger backs the answer of {}", answer.by);
                faults.push(PackFault::of(ITEMS, line, what));
            }
        }
        if let ItemState::Decided(outcome) = &item.state
            && outcome.by.is_empty()
            && backing.rule(item.grant).is_none()
        {
            let what = "no entry of the ledger backs what the rule decided";
            faults.push(PackFault::of(ITEMS, line, what));
        }
    }
    faults
}

/// Sign-offs and addenda, against the decisions and the ledger (R16).
fn sign_offs(facts: &Facts, said: &Said, unchecked: &mut Vec<String>) -> Vec<PackFault> {
    let mut faults = Vec::new();
    for sign_off in &facts.campaign.sign_offs {
        let SignOff { by, covers, items, digest, proof, .. } = sign_off;
        let proof = ReviewSignOffProof::from(proof);
        let backed = said.signed_off.iter().any(|it| {
            it.by == *by
                && it.covers == *covers
                && it.items == *items
                && it.digest == *digest
                && it.proof == proof
        });
        if !backed {
            let what = format!("no entry of the ledger backs the sign-off of {by}");
            faults.push(PackFault::of(CAMPAIGN, Some(1), what));
        }
        faults.extend(passkey(facts, said, sign_off));
        if digests::covered(&facts.items, sign_off) == (*items, *digest) {
            continue;
        }
        let own = |it: &Answer| it.by == *by && it.at <= sign_off.at && it.void.is_some();
        let reopened = facts.items.iter().flat_map(|it| &it.answers).any(own);
        if *covers == Covers::Own && reopened {
            unchecked.push(format!(
                "the sign-off of {by}: an item was opened again, so its digest can't be made again"
            ));
        } else {
            let what = format!("the decisions are not those that {by} signed for");
            faults.push(PackFault::of(ITEMS, None, what));
        }
    }
    for addendum in &facts.campaign.addenda {
        if !said.texts.contains(&Digest::of(addendum.text.as_bytes())) {
            let what = format!("no entry of the ledger backs the addendum of {}", addendum.by);
            faults.push(PackFault::of(CAMPAIGN, Some(1), what));
        }
    }
    faults
}

/// What a passkey signed, against what it should have signed and against whose the ledger says it was.
fn passkey(facts: &Facts, said: &Said, sign_off: &SignOff) -> Option<PackFault> {
    let SignOffProof::Passkey { passkey: signed } = &sign_off.proof else { return None };
    let SignOff { by, at, covers, items, digest, .. } = sign_off;
    let fault = |what: String| Some(PackFault::of(CAMPAIGN, Some(1), what));
    let digest = SignOff::signed_digest(facts.campaign.id, by, *covers, *items, digest);
    let (party, _) = match verify_signed(signed, SignedKind::ReviewSignOff, &digest) {
        Ok(verified) => verified,
        Err(refused) => {
            let code = refused.code();
            return fault(format!("the passkey of {by} did not sign this: {code}"));
        }
    };
    let key = Digest::of(&signed.proof.public_key.0);
    let credential = signed.proof.credential.text();
    let mut changes = said.passkeys.iter().filter(|(when, it)| {
        let is_its = it.subject == *by && it.credential == credential && it.public_key == key;
        it.passkey == signed.passkey && is_its && it.party == party.id() && when <= at
    });
    let in_force = match (changes.next(), changes.next()) {
        (Some((_, first)), None) => first.change == PasskeyChange::Added,
        (Some(_), Some(_)) | (None, _) => false,
    };
    if in_force {
        return None;
    }
    fault(format!("no entry of the ledger says that the passkey is {by}'s"))
}

/// The close: the report against the ledger, and the numbers against each other.
fn closing(facts: &Facts, said: &Said) -> Vec<PackFault> {
    let mut faults: Vec<PackFault> = reconcile::of(facts)
        .faults
        .into_iter()
        .map(|it| PackFault::of("population.json", Some(1), it))
        .collect();
    let report = match &facts.campaign.state {
        CampaignState::Closed { report, .. } | CampaignState::SignedOff { report, .. } => report,
        CampaignState::Opening
        | CampaignState::Open
        | CampaignState::Stopped { .. }
        | CampaignState::Grace { .. } => return faults,
    };
    let found = facts.report.as_ref().map(|it| Digest::of(it.as_bytes()));
    if found != Some(*report) || !said.closed.iter().any(|it| it.report == *report) {
        faults.push(PackFault::of(REPORT, Some(1), "is not the report that the ledger has"));
    }
    let meanwhile = number(facts.made_meanwhile.len());
    if let Some(closed) = said.closed.last().filter(|it| it.made_meanwhile != meanwhile) {
        let counted = closed.made_meanwhile;
        let what = format!("lists {meanwhile} grants, and the ledger counted {counted}");
        faults.push(PackFault::of("made_meanwhile.json", None, what));
    }
    faults
}

/// Every entry in its log, under a signed checkpoint.
fn proofs(
    facts: &Facts,
    options: &PackOptions,
    faults: &mut Vec<PackFault>,
    unchecked: &mut Vec<String>,
) -> (u64, BTreeSet<String>) {
    let (mut entries, mut vkeys, mut waiting) = (0, BTreeSet::new(), 0_u64);
    for (place, line) in facts.entries.iter().enumerate() {
        let Line { entry, index, vkey, proof, .. } = line;
        let mut bad = |what: String| faults.push(PackFault::of(ENTRIES, Some(place + 2), what));
        let (Some(vkey), Some(proof)) = (vkey, proof) else {
            waiting += 1;
            continue;
        };
        if !options.vkeys.is_empty() && !options.vkeys.contains(vkey) {
            bad("is of a log with another key than the given ones".to_owned());
            continue;
        }
        match verify_proof(proof, entry.as_bytes(), vkey) {
            Ok(proven) if proven.index == *index => {
                entries += 1;
                vkeys.insert(vkey.clone());
            }
            Ok(_) => bad("the proof is of another entry".to_owned()),
            Err(fault) => bad(fault.to_string()),
        }
    }
    if waiting > 0 {
        unchecked.push(format!("{waiting} entries of the ledger have no proof yet"));
    }
    (entries, vkeys)
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
