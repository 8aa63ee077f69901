//! The tables of a pack, as auditors know them. Functions of the facts; nothing here says more than
//! those do.

use super::{
    facts::{Facts, MadeMeanwhile},
    lines::{Csv, seconds_between},
    reconcile,
};
use countersign_model::{
    Digest, FunctionName, GrantId, Holder, Timestamp,
    ids::EntryId,
    record::Event,
    review::{Answer, Item, ItemResult, ItemState, ReviewVerdict},
};
use std::collections::BTreeMap;

/// Which entry of the ledger backs which decision.
pub(crate) struct Backing {
    answers: BTreeMap<(GrantId, Digest), EntryId>,
    rules: BTreeMap<GrantId, EntryId>,
}

impl Backing {
    pub(crate) fn of(facts: &Facts) -> Self {
        let (mut answers, mut rules) = (BTreeMap::new(), BTreeMap::new());
        for line in &facts.entries {
            let Some(entry) = line.read() else { continue };
            if let Event::ReviewDecided(decided) = entry.event
                && decided.campaign == facts.campaign.id
            {
                match decided.answer {
                    Some(answer) => {
                        answers.insert((decided.grant, answer), entry.id);
                    }
                    None => {
                        rules.insert(decided.grant, entry.id);
                    }
                }
            }
        }
        Self { answers, rules }
    }

    /// The entry of an answer: it has the answer's digest as it was given.
    pub(crate) fn answer(&self, grant: GrantId, answer: &Answer) -> Option<EntryId> {
        self.answers.get(&(grant, as_given(answer).digest())).copied()
    }

    /// The entry of what a rule decided.
    pub(crate) fn rule(&self, grant: GrantId) -> Option<EntryId> {
        self.rules.get(&grant).copied()
    }
}

/// An answer as it was given: whether it still counts was said later.
pub(crate) fn as_given(answer: &Answer) -> Answer {
    Answer { void: None, ..answer.clone() }
}

/// One row for each answer, and for each item that nobody answered.
pub(crate) fn decisions(facts: &Facts) -> String {
    let backing = Backing::of(facts);
    let mut table = Csv::new(&DECISIONS);
    for item in &facts.items {
        for answer in &item.answers {
            table.row(&answered(facts, item, answer, backing.answer(item.grant, answer)));
        }
        if !item.answers.iter().any(Answer::counts) {
            table.row(&unanswered(facts, item, backing.rule(item.grant)));
        }
    }
    table.text()
}

/// The columns of `decisions.csv`.
pub(crate) const DECISIONS: [&str; 21] = [
    "campaign",
    "grant",
    "version",
    "holder",
    "holder kind",
    "functions",
    "sensitivity",
    "stage",
    "decision",
    "reason",
    "reviewer",
    "time",
    "recommendation",
    "against recommendation",
    "evidence shown sha256",
    "decided together",
    "counts",
    "effect",
    "in force at",
    "verified at",
    "ledger entry",
];

fn answered(facts: &Facts, item: &Item, answer: &Answer, entry: Option<EntryId>) -> Vec<String> {
    let mut row = about(facts, item, answer.version);
    row.extend([
        (answer.stage + 1).to_string(),
        verdict(&answer.verdict),
        answer.reason.clone(),
        answer.by.to_string(),
        answer.at.to_string(),
        item.snapshot.recommendation.advice.name().to_owned(),
        yes(answer.against),
        item.digest.to_string(),
        answer.together.to_string(),
        answer.void.clone().unwrap_or_else(|| yes(answer.counts())),
    ]);
    row.extend(effect(item));
    row.push(entry.map_or_else(String::new, |it| it.to_string()));
    row
}

fn unanswered(facts: &Facts, item: &Item, entry: Option<EntryId>) -> Vec<String> {
    let mut row = about(facts, item, item.snapshot.grant.version);
    let (decision, at) = match &item.state {
        ItemState::Decided(outcome) => (outcome.result.name(), Some(outcome.at)),
        ItemState::Suspended { at } => ("suspended", Some(*at)),
        ItemState::Moot { at, .. } => ("moot", Some(*at)),
        ItemState::Open => ("none yet", None),
    };
    row.extend([
        String::new(),
        decision.to_owned(),
        String::new(),
        "(nobody)".to_owned(),
        moment(at),
        item.snapshot.recommendation.advice.name().to_owned(),
        String::new(),
        item.digest.to_string(),
        String::new(),
        String::new(),
    ]);
    row.extend(effect(item));
    row.push(entry.map_or_else(String::new, |it| it.to_string()));
    row
}

fn about(facts: &Facts, item: &Item, version: u32) -> Vec<String> {
    vec![
        item.campaign.to_string(),
        item.grant.to_string(),
        version.to_string(),
        item.snapshot.grant.holder.to_string(),
        facts.kind(&item.snapshot.grant.holder).to_owned(),
        names(&item.snapshot.functions),
        item.snapshot.sensitivity.to_string(),
    ]
}

/// What became of the grant, when that was in force, and when every gateway was seen to serve it.
fn effect(item: &Item) -> [String; 3] {
    match &item.state {
        ItemState::Decided(outcome) => {
            [outcome.result.name().to_owned(), outcome.at.to_string(), moment(outcome.verified_at)]
        }
        ItemState::Suspended { at } => ["suspended".to_owned(), at.to_string(), String::new()],
        ItemState::Moot { at, how } => [format!("moot: {how}"), at.to_string(), String::new()],
        ItemState::Open => ["waits".to_owned(), String::new(), String::new()],
    }
}

fn verdict(of: &ReviewVerdict) -> String {
    match of {
        ReviewVerdict::Certify | ReviewVerdict::Revoke | ReviewVerdict::DontKnow => {
            of.name().to_owned()
        }
        ReviewVerdict::HandOn { to } => format!("{} to {to}", of.name()),
        ReviewVerdict::Reduce { functions, constraints } => {
            let mut text = of.name().to_owned();
            if !functions.is_empty() {
                text.push_str(&format!(" to {}", names(functions)));
            }
            if !constraints.is_empty() {
                text.push_str(&format!(" where {}", constraints.join(" and ")));
            }
            text
        }
    }
}

/// Decisions that count and are against the recommendation (R17).
pub(crate) fn against(facts: &Facts) -> String {
    let columns = ["grant", "holder", "functions", "sensitivity", "recommendation", "because"];
    let more = ["decision", "reason", "reviewer", "time"];
    let mut table = Csv::new(&[columns.as_slice(), &more].concat());
    for item in &facts.items {
        let recommendation = &item.snapshot.recommendation;
        let because: Vec<&str> =
            recommendation.reasons.iter().map(|it| it.sentence.as_str()).collect();
        for answer in item.answers.iter().filter(|it| it.against && it.counts()) {
            table.row(&[
                item.grant.to_string(),
                item.snapshot.grant.holder.to_string(),
                names(&item.snapshot.functions),
                item.snapshot.sensitivity.to_string(),
                recommendation.advice.name().to_owned(),
                because.join(" "),
                verdict(&answer.verdict),
                answer.reason.clone(),
                answer.by.to_string(),
                answer.at.to_string(),
            ]);
        }
    }
    table.text()
}

/// What was wanted of grants that had to change, and how long it took.
pub(crate) fn remediation(facts: &Facts) -> String {
    let mut table = Csv::new(&[
        "grant",
        "holder",
        "wanted",
        "wanted by",
        "wanted at",
        "in force at",
        "seconds until in force",
        "verified on every gateway at",
        "seconds until verified",
    ]);
    for item in &facts.items {
        let ItemState::Decided(outcome) = &item.state else { continue };
        match outcome.result {
            ItemResult::Reduced | ItemResult::Revoked | ItemResult::EndedByRule => {}
            ItemResult::Certified | ItemResult::NotReviewed => continue,
        }
        let asked = item.answers.iter().filter(|it| it.counts()).filter(|it| match it.verdict {
            ReviewVerdict::Reduce { .. } | ReviewVerdict::Revoke => true,
            ReviewVerdict::Certify | ReviewVerdict::HandOn { .. } | ReviewVerdict::DontKnow => {
                false
            }
        });
        // What the last of them said made it so.
        let wanted = asked.map(|it| it.at).max().unwrap_or(outcome.at);
        let by: Vec<String> = outcome.by.iter().map(ToString::to_string).collect();
        let by = if by.is_empty() { "(the rule)".to_owned() } else { by.join(" ") };
        table.row(&[
            item.grant.to_string(),
            item.snapshot.grant.holder.to_string(),
            outcome.result.name().to_owned(),
            by,
            wanted.to_string(),
            outcome.at.to_string(),
            seconds_between(wanted, outcome.at),
            moment(outcome.verified_at),
            outcome.verified_at.map_or_else(String::new, |it| seconds_between(wanted, it)),
        ]);
    }
    table.text()
}

/// Grants in scope that were made while the campaign ran: nobody reviewed them in it (R3).
pub(crate) fn made_meanwhile(facts: &Facts) -> String {
    let mut table = Csv::new(&[
        "grant",
        "version",
        "holder",
        "holder kind",
        "functions",
        "tags",
        "made by",
        "made at",
        "reason",
        "reviewed in this campaign",
    ]);
    for made in &facts.made_meanwhile {
        let MadeMeanwhile { grant, version, holder, functions, tags, reason, made_by, made_at } =
            made;
        let tags: Vec<String> = tags.iter().map(ToString::to_string).collect();
        table.row(&[
            grant.to_string(),
            version.to_string(),
            holder.clone(),
            facts.kind_of(holder).to_owned(),
            names(functions),
            tags.join(" "),
            made_by.to_string(),
            made_at.to_string(),
            reason.clone(),
            "no".to_owned(),
        ]);
    }
    table.text()
}

/// Who was told what, how, when, and with what answer.
pub(crate) fn notices(facts: &Facts) -> String {
    let mut table = Csv::new(&[
        "notice", "kind", "to", "title", "made at", "read at", "channel", "delivery", "state",
        "attempts", "ended at", "answer", "error",
    ]);
    for told in &facts.notices {
        table.row(&[
            told.notice.clone(),
            told.kind.clone(),
            told.to.clone(),
            told.title.clone(),
            told.made_at.to_string(),
            moment(told.read_at),
            told.channel.clone(),
            told.delivery.clone(),
            told.state.clone(),
            told.attempts.to_string(),
            moment(told.ended_at),
            told.answer.clone(),
            told.error.clone(),
        ]);
    }
    table.text()
}

/// Each grant that was in scope at the opening or at the close.
pub(crate) fn population(facts: &Facts) -> String {
    let mut table = Csv::new(&[
        "grant",
        "version",
        "holder",
        "holder kind",
        "functions",
        "sensitivity",
        "at opening",
        "at closing",
        "what happened",
    ]);
    let ended = facts.ended();
    let is_closed = facts.campaign.state.closed_at().is_some();
    for item in &facts.items {
        let mut row = about(facts, item, item.snapshot.grant.version);
        row.remove(0);
        let how = ended.get(&item.grant);
        let closing = if is_closed { yes(how.is_none()) } else { "not closed yet".to_owned() };
        let [effect, ..] = effect(item);
        row.extend([yes(true), closing, how.map_or(effect, |it| (*it).to_owned())]);
        table.row(&row);
    }
    for made in &facts.made_meanwhile {
        table.row(&[
            made.grant.to_string(),
            made.version.to_string(),
            made.holder.clone(),
            facts.kind_of(&made.holder).to_owned(),
            names(&made.functions),
            String::new(),
            yes(false),
            yes(true),
            "made meanwhile".to_owned(),
        ]);
    }
    table.text()
}

/// The counts of the population, as a document.
pub(crate) fn counts(facts: &Facts) -> serde_json::Value {
    serde_json::to_value(reconcile::of(facts)).unwrap_or_default()
}

pub(crate) fn names(functions: &[FunctionName]) -> String {
    let names: Vec<&str> = functions.iter().map(FunctionName::as_str).collect();
    names.join(" ")
}

pub(crate) fn holder(of: &Holder) -> String {
    of.to_string()
}

fn moment(at: Option<Timestamp>) -> String {
    at.map_or_else(String::new, |it| it.to_string())
}

fn yes(it: bool) -> String {
    (if it { "yes" } else { "no" }).to_owned()
}
