//! What to do with a grant, and why (R17): a function of what it was used for. Only calls that ran and
//! succeeded count as use; denied attempts are said and never counted; too little data says so.

use super::{
    item::{Advice, Change, Peers, Recommendation},
    reduce::why_reduce,
    usage::GrantUsage,
};
use crate::{Catalog, Grant, Span, Timestamp};

/// All that a recommendation rests on.
#[derive(Clone, Copy, Debug)]
pub struct RecommendInput<'a> {
    /// The grant as it stands.
    pub grant: &'a Grant,
    /// What it was used for within the look-back, and since its last widening.
    pub usage: &'a GrantUsage,
    /// The catalog that stands.
    pub catalog: &'a Catalog,
    /// Others of the same kind who can call the same functions.
    pub peers: Peers,
    /// Whether the holder, and who answers for them, are there.
    pub standing: HolderStanding,
    /// How far back use counts.
    pub look_back: Span,
    /// When this is asked.
    pub now: Timestamp,
}

/// Whether the holder of a grant, and who answers for them, are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HolderStanding {
    /// As far as anybody told.
    There,
    /// The holder left.
    HolderLeft,
    /// Whoever answers for the agent that holds it left.
    SponsorLeft,
}

/// Peers from which on what all of them do says something.
const PEERS_MIN: u64 = 3;
/// How late counting may be before it says nothing of what is unused.
pub const LATE_MAX: Span = Span::from_days(1);

/// Says what to do with a grant. The reasons are never empty; the first is the weightiest.
pub fn recommend(input: &RecommendInput<'_>) -> Recommendation {
    let (advice, mut reasons) = weigh(input);
    reasons.extend(beside(input));
    Recommendation { advice, reasons }
}

fn weigh(input: &RecommendInput<'_>) -> (Advice, Vec<Change>) {
    let RecommendInput { grant, usage, standing, .. } = input;
    match standing {
        HolderStanding::There => {}
        HolderStanding::HolderLeft => {
            let sentence = format!("{} has left.", grant.holder);
            return (Advice::Revoke, vec![change("holder_left", sentence)]);
        }
        HolderStanding::SponsorLeft => {
            let sentence = format!("Whoever answers for {} has left.", grant.holder);
            return (Advice::Revoke, vec![change("sponsor_left", sentence)]);
        }
    }
    match (counted(usage), missing(input)) {
        (0, Some(missing)) if all_peers_use_it(input.peers) => {
            (Advice::Certify, vec![peers_use_it(input.peers), missing])
        }
        (0, Some(missing)) => (Advice::NoData, vec![missing]),
        (0, None) => (Advice::Revoke, vec![unused(input)]),
        (_, Some(missing)) => (Advice::Certify, vec![used(input), missing]),
        (_, None) => used_all_along(input),
    }
}

/// Calls that say something of the grant as it is: of one that was widened, those since then.
fn counted(usage: &GrantUsage) -> u64 {
    usage.widened.map_or(usage.used, |it| it.used)
}

/// A grant that could be judged by a whole look-back, and was used.
fn used_all_along(input: &RecommendInput<'_>) -> (Advice, Vec<Change>) {
    let why = why_reduce(input.grant, input.usage, input.catalog);
    let weighty = |it: &Change| matches!(it.code.as_str(), "functions_unused" | "few_values");
    let why: Vec<Change> = why.into_iter().filter(weighty).collect();
    if why.is_empty() {
        return (Advice::Certify, vec![used(input)]);
    }
    (Advice::Reduce, why.into_iter().chain([used(input)]).collect())
}

/// Why use within the look-back is not known whole, if it is not.
fn missing(input: &RecommendInput<'_>) -> Option<Change> {
    let RecommendInput { grant, usage, look_back, now, .. } = input;
    let from = now.minus(*look_back);
    if usage.until < now.minus(LATE_MAX) {
        let sentence = format!(
            "Calls are counted until {} only: what was used since then is not known.",
            usage.until.date()
        );
        Some(change("counting_late", sentence))
    } else if let Some(widened) = usage.widened.filter(|it| it.at > from && it.at > grant.made_at) {
        let before = match usage.used.saturating_sub(widened.used) {
            0 => String::new(),
            before => format!(" Before that it was used {}.", times(before)),
        };
        let sentence = format!(
            "It was widened on {}, and use counts since then only, of {} that are looked at: too short to \
             say that something is unused.{before}",
            widened.at.date(),
            days(*look_back)
        );
        Some(change("widened", sentence))
    } else if grant.made_at > from {
        let sentence = format!(
            "It is as it is since {}, and {} are looked at: too short to say that something is unused.",
            grant.made_at.date(),
            days(*look_back)
        );
        Some(change("young", sentence))
    } else if usage.since > from {
        let sentence = format!(
            "Calls are counted since {} only, and {} are looked at: too short to say that something is unused.",
            usage.since.date(),
            days(*look_back)
        );
        Some(change("counting_short", sentence))
    } else {
        None
    }
}

fn unused(input: &RecommendInput<'_>) -> Change {
    let last = match input.usage.last_used_at {
        Some(last) => format!("it was used last on {}", last.date()),
        None => "it was never used".to_owned(),
    };
    let sentence = format!("Not used in {}; {last}.", days(input.look_back));
    change("unused", sentence)
}

fn used(input: &RecommendInput<'_>) -> Change {
    let RecommendInput { usage, look_back, now, .. } = input;
    let widened = usage.widened.map(|it| it.at);
    let from = usage.since.max(now.minus(*look_back)).max(widened.unwrap_or_default()).date();
    let last = usage.last_used_at.map_or_else(String::new, |it| format!(", last on {}", it.date()));
    change("used", format!("Used {} since {from}{last}.", times(counted(usage))))
}

fn times(calls: u64) -> String {
    match calls {
        1 => "once".to_owned(),
        several => format!("{several} times"),
    }
}

/// What is worth knowing whatever the advice.
fn beside(input: &RecommendInput<'_>) -> Vec<Change> {
    let RecommendInput { usage, peers, .. } = input;
    let mut out = Vec::new();
    if usage.failed > 0 {
        let sentence =
            format!("{} failed at the target and don't count as use.", calls(usage.failed));
        out.push(change("failed", sentence));
    }
    let denied: u64 = usage.denied.values().sum();
    if denied > 0 {
        let sentence = format!(
            "{} of the holder to these functions did not run, and don't count as use.",
            calls(denied)
        );
        out.push(change("denied", sentence));
    }
    if all_peers_use_it(*peers) && usage.used > 0 {
        out.push(peers_use_it(*peers));
    } else if peers.hold >= PEERS_MIN && !all_peers_use_it(*peers) {
        let sentence = format!("Of {} others who hold it, {} use it.", peers.hold, peers.use_it);
        out.push(change("peers", sentence));
    } else if peers.hold >= PEERS_MIN && usage.used == 0 && missing(input).is_none() {
        out.push(peers_use_it(*peers));
    }
    out
}

fn all_peers_use_it(peers: Peers) -> bool {
    peers.hold >= PEERS_MIN && peers.use_it >= peers.hold
}

fn peers_use_it(peers: Peers) -> Change {
    change("peers_use_it", format!("All {} others who hold it use it.", peers.hold))
}

fn calls(number: u64) -> String {
    match number {
        1 => "1 call".to_owned(),
        several => format!("{several} calls"),
    }
}

fn days(span: Span) -> String {
    match span.millis() / Span::from_days(1).millis() {
        1 => "1 day".to_owned(),
        days if days > 1 => format!("{days} days"),
        _ => span.to_string(),
    }
}

fn change(code: &str, sentence: String) -> Change {
    Change { code: code.to_owned(), sentence }
}

#[cfg(test)]
mod tests;
