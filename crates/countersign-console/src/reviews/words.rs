//! Items and campaigns in plain words, for the pages and for the command line alike.

use crate::view::{Chip, Tone};
use countersign_model::{
    CampaignId, Holder, Snapshot, Span,
    review::{
        CampaignOrigin, CampaignState, Item, ItemResult, ItemState, ReviewVerdict,
        campaign::ReviewEvent,
        item::{Advice, ItemSnapshot},
        schedule::{Scope, StageMode},
    },
};

/// What an item is about, and what it was used for, in one line of two sentences.
pub(crate) fn line(item: &Item, snapshot: &Snapshot) -> String {
    let of = &item.snapshot;
    let like = match (of.peers.hold, of.peers.use_it) {
        (0, _) => String::new(),
        (1, used) => {
            format!("; the one like it {}", if used == 0 { "does not use it" } else { "uses it" })
        }
        (hold, used) => format!("; {used} of {hold} like it use it"),
    };
    format!("{}. {}{like}.", may_call(of, snapshot), used(of))
}

/// `The dunning agent (answered for by riley) may call billing.refunds.create with amount at most 100`.
fn may_call(of: &ItemSnapshot, snapshot: &Snapshot) -> String {
    let names = of.functions.iter().map(ToString::to_string);
    let names: Vec<String> = match names.len() {
        0 => of.grant.functions.iter().map(ToString::to_string).collect(),
        _ => names.collect(),
    };
    let within: Vec<String> = of.grant.constraints.iter().map(|it| constraint(it)).collect();
    let within = match within.as_slice() {
        [] => String::new(),
        some => format!(" with {}", some.join(" and ")),
    };
    format!("{} may call {}{within}", holder(&of.grant.holder, snapshot), few(&names))
}

/// Who holds a grant; of an agent, who answers for it.
pub(crate) fn holder(holder: &Holder, snapshot: &Snapshot) -> String {
    match holder {
        Holder::Group(group) => format!("Every member of {group}"),
        Holder::Subject(subject) => match snapshot.agents().get(subject) {
            None => subject.to_string(),
            Some(agent) => {
                let named = !agent.name.is_empty();
                let name = if named { agent.name.as_str() } else { subject.as_str() };
                format!("{name} (answered for by {})", agent.sponsor)
            }
        },
    }
}

/// The first three names and how many more there are.
fn few(names: &[String]) -> String {
    match names {
        [] => "nothing of the catalog".to_owned(),
        [one] => one.clone(),
        [one, two] => format!("{one} and {two}"),
        [one, two, three] => format!("{one}, {two} and {three}"),
        [one, two, rest @ ..] => format!("{one}, {two} and {} more functions", rest.len()),
    }
}

/// `args.amount <= 100.0` as `amount at most 100.0`; what is not as simple stays what it is.
pub(crate) fn constraint(cel: &str) -> String {
    let simple = || {
        let rest = cel.trim().strip_prefix("args.")?;
        let (name, rest) = rest.split_once(' ')?;
        let (operator, value) = rest.trim().split_once(' ')?;
        let plain = |it: char| it.is_ascii_alphanumeric() || "_.".contains(it);
        let is_value =
            !value.is_empty() && !["&&", "||", "args.", "?"].iter().any(|it| value.contains(it));
        if !name.chars().all(plain) || !is_value {
            return None;
        }
        let words = match operator {
            "<=" => "at most",
            "<" => "below",
            ">=" => "at least",
            ">" => "above",
            "==" => "only",
            "in" => "one of",
            _ => return None,
        };
        Some(format!("{name} {words} {}", value.trim()))
    };
    simple().unwrap_or_else(|| format!("`{cel}`"))
}

/// `Used 14 times in 90 days, last on 2026-11-20`.
fn used(of: &ItemSnapshot) -> String {
    let usage = &of.usage;
    // A grant that is younger than the look-back was counted from when it was made.
    let counted = days(usage.until.since(usage.since.max(of.grant.made_at)));
    let since_made = usage.since <= of.grant.made_at;
    let last = usage.last_used_at.map(|it| format!(", last on {}", it.date())).unwrap_or_default();
    let mut text = match usage.used {
        0 if since_made => {
            format!("Not used since it was made on {}", of.grant.made_at.date())
        }
        0 if usage.last_used_at.is_none() => format!("Not used in {counted}"),
        0 => format!("Not used in {counted}{last}"),
        1 => format!("Used once in {counted}{last}"),
        times => format!("Used {times} times in {counted}{last}"),
    };
    if let Some(widened) = usage.widened {
        text.push_str(&format!(", widened on {}", widened.at.date()));
        if usage.used > 0 {
            text.push_str(&format!(" and {} since", times(widened.used)));
        }
    }
    let denied: u64 = usage.denied.values().sum();
    match denied {
        0 => {}
        1 => text.push_str(", and refused once"),
        times => text.push_str(&format!(", and refused {times} times")),
    }
    text
}

fn times(calls: u64) -> String {
    match calls {
        0 => "not used".to_owned(),
        1 => "used once".to_owned(),
        times => format!("used {times} times"),
    }
}

/// A length of time in days.
pub(crate) fn days(span: Span) -> String {
    match (span.millis() + DAY_MS / 2) / DAY_MS {
        ..=0 => "less than a day".to_owned(),
        1 => "one day".to_owned(),
        days => format!("{days} days"),
    }
}

/// Where a campaign stands.
pub(crate) fn campaign_state(of: &CampaignState) -> Chip {
    match of {
        CampaignState::Opening => Chip { label: "opening", tone: Tone::Calm },
        CampaignState::Open => Chip { label: "open", tone: Tone::Wait },
        CampaignState::Stopped { .. } => Chip { label: "stopped", tone: Tone::Bad },
        CampaignState::Grace { .. } => Chip { label: "past due", tone: Tone::Bad },
        CampaignState::Closed { .. } => Chip { label: "closed", tone: Tone::Calm },
        CampaignState::SignedOff { .. } => Chip { label: "signed off", tone: Tone::Good },
    }
}

/// Where an item stands.
pub(crate) fn item_state(of: &ItemState) -> Chip {
    match of {
        ItemState::Open => Chip { label: "open", tone: Tone::Wait },
        ItemState::Decided(outcome) => result(outcome.result),
        ItemState::Suspended { .. } => Chip { label: "suspended", tone: Tone::Bad },
        ItemState::Moot { .. } => Chip { label: "ended otherwise", tone: Tone::Calm },
    }
}

/// What became of an item.
pub(crate) fn result(of: ItemResult) -> Chip {
    match of {
        ItemResult::Certified => Chip { label: "kept", tone: Tone::Good },
        ItemResult::Reduced => Chip { label: "reduced", tone: Tone::Good },
        ItemResult::Revoked => Chip { label: "revoked", tone: Tone::Bad },
        ItemResult::NotReviewed => Chip { label: "not reviewed", tone: Tone::Wait },
        ItemResult::EndedByRule => Chip { label: "ended by rule", tone: Tone::Bad },
    }
}

/// The name of a result or a recommendation, as governance counts by it, for people.
pub(crate) fn counted(name: &str) -> &'static str {
    match name {
        "certified" => "kept",
        "reduced" => "reduced",
        "revoked" => "revoked",
        "not_reviewed" => "not reviewed",
        "ended_by_rule" => "ended by rule",
        "certify" => "keep",
        "reduce" => "reduce",
        "revoke" => "revoke",
        _ => "too little is known",
    }
}

/// What is recommended.
pub(crate) fn advice(of: Advice) -> Chip {
    match of {
        Advice::Certify => Chip { label: "keep", tone: Tone::Good },
        Advice::Reduce => Chip { label: "reduce", tone: Tone::Wait },
        Advice::Revoke => Chip { label: "revoke", tone: Tone::Bad },
        Advice::NoData => Chip { label: "too little is known", tone: Tone::Calm },
    }
}

/// What somebody said, in the past.
pub(crate) fn said(verdict: &ReviewVerdict) -> &'static str {
    match verdict {
        ReviewVerdict::Certify => "kept it",
        ReviewVerdict::Reduce { .. } => "reduced it",
        ReviewVerdict::Revoke => "revoked it",
        ReviewVerdict::HandOn { .. } => "handed it on",
        ReviewVerdict::DontKnow => "did not know",
    }
}

/// What opened a campaign.
pub(crate) fn origin(of: &CampaignOrigin) -> String {
    match of {
        CampaignOrigin::Schedule { name, date } => format!("the schedule {name}, for {date}"),
        CampaignOrigin::ByHand { by } => format!("{by}, by hand"),
        CampaignOrigin::Event { what, grant } => {
            let what = match what {
                ReviewEvent::ContractDrifted => "a function has another contract",
                ReviewEvent::SensitivityRose => "a function became more sensitive",
                ReviewEvent::SponsorChanged => "the agent has another sponsor",
                ReviewEvent::BreakGlass => "break-glass was used",
                ReviewEvent::UsedAfterIdle => "it was used after a long idle",
            };
            format!("an event about {grant}: {what}")
        }
    }
}

/// Which grants a campaign reviews.
pub(crate) fn scope(of: &Scope) -> String {
    let mut parts = Vec::new();
    let mut add = |what: &str, names: Vec<String>| {
        if !names.is_empty() {
            parts.push(format!("{what} {}", names.join(", ")));
        }
    };
    add("that reach", of.functions.iter().map(ToString::to_string).collect());
    add("with the tag", of.tags.iter().map(ToString::to_string).collect());
    let levels = of.sensitivities.iter().map(|it| crate::view::sensitivity(*it).label.to_owned());
    add("of sensitivity", levels.collect());
    add("on", of.targets.iter().map(ToString::to_string).collect());
    add("of the group", of.groups.iter().map(ToString::to_string).collect());
    add("of", of.holders.iter().map(ToString::to_string).collect());
    add("", of.grants.iter().map(ToString::to_string).collect());
    if of.agents {
        parts.push("of agents".to_owned());
    }
    match parts.as_slice() {
        [] => "all active grants".to_owned(),
        some => format!("active grants {}", some.join(", ")),
    }
}

/// How many of a stage's reviewers must answer.
pub(crate) fn mode(of: StageMode) -> String {
    match of {
        StageMode::AnyOne => "one of them is enough".to_owned(),
        StageMode::All => "each of them".to_owned(),
        StageMode::Quorum(people) => format!("{people} different people"),
    }
}

/// A campaign's page.
pub(crate) fn href(id: CampaignId) -> String {
    format!("/console/reviews/{id}")
}

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
