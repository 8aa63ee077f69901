//! An item's page: everything that its snapshot knows of a grant, what changed since, what was said about
//! it, and what narrowing it would do.

use crate::{
    asker::Asker,
    console::Console,
    frame::{Frame, Place, page},
    problem::Problem,
    reviews::{
        self,
        line::{self, Line, Reduction, Seen},
        words,
    },
    rules,
    samples::{Sample, Say, at, frame},
    text::Text,
    view::{self, Moment},
};
use askama::Template;
use axum::{
    Extension,
    extract::{Path, Query, State},
    response::Response,
};
use countersign_governance::ItemView;
use countersign_model::{
    FunctionName, Snapshot,
    grant::GrantOrigin,
    review::{
        Answer, Campaign, Item, ItemState, ReviewVerdict,
        usage::{ArgumentUsage, FunctionUsage},
    },
};
use serde::Deserialize;

/// One item.
#[derive(Debug, Template)]
#[template(path = "review_item.html")]
pub(crate) struct ReviewItemPage {
    frame: Frame,
    campaign: String,
    /// Where a form leads back to.
    back: &'static str,
    title: Text,
    line: Line,
    standing: Text,
    /// What is different now (R1).
    since: Vec<Text>,
    functions: Vec<FunctionLine>,
    arguments: Vec<ArgumentLine>,
    arguments_note: Option<Text>,
    facts: Facts,
    denied: Vec<(Text, u64)>,
    used_by: Vec<(Text, u64)>,
    more_used_by: u64,
    answers: Vec<AnswerLine>,
    reviewers: Vec<(Text, Text)>,
    may_hand: bool,
}

/// A function of the grant, and its use.
#[derive(Debug)]
struct FunctionLine {
    name: Text,
    href: String,
    used: u64,
    last: Option<Moment>,
    stays: Option<&'static str>,
}

/// An argument, what it was and what it may be.
#[derive(Debug)]
struct ArgumentLine {
    function: Text,
    name: Text,
    used: Text,
    allowed: Text,
}

#[derive(Debug)]
struct Facts {
    holder: Text,
    constraints: Vec<Text>,
    rate: Option<Text>,
    ends: Option<Moment>,
    origin: Text,
    failed: u64,
    approvals: u64,
    counted: Text,
    peers: Text,
    digest: String,
    grant: String,
    version: u32,
}

#[derive(Debug)]
struct AnswerLine {
    by: Text,
    at: Moment,
    said: Text,
    reason: Text,
    notes: Vec<&'static str>,
    void: Option<Text>,
}

/// What just happened.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Said {
    said: Option<String>,
}

/// `GET /console/reviews/{id}/items/{grant}`.
pub(crate) async fn show(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Path((id, grant)): Path<(String, String)>,
    Query(said): Query<Said>,
) -> Result<Response, Problem> {
    let view = reviews::item(&console, &asker, &id, &grant).await?;
    let campaign = reviews::campaign(&console, &asker, &id).await?.campaign;
    let title = format!("{} – item of a review", view.item.snapshot.grant.holder);
    let notice = super::review_acts::notice(said.said.as_deref());
    let frame = Frame::new(Text::line(title).plain(), Place::Reviews, asker.signed());
    page(&ReviewItemPage::of(frame.with_notice(notice), &view, &campaign, &asker, &console))
}

impl ReviewItemPage {
    fn of(
        frame: Frame,
        view: &ItemView,
        campaign: &Campaign,
        asker: &Asker,
        console: &Console,
    ) -> Self {
        let (item, me) = (&view.item, asker.actor.subject());
        let of = &item.snapshot;
        let snapshot = console.governance().policy().load();
        let now = console.now();
        let seen = Seen { campaign, snapshot: &snapshot, reader: me, now };
        let line = Line::of(item, &seen);
        let is_owner = *me == campaign.rules.owner || asker.actor.is_administrator();
        let is_open = matches!(item.state, ItemState::Open | ItemState::Suspended { .. });
        let usage = &of.usage;
        Self {
            frame,
            campaign: campaign.id.to_string(),
            back: "item",
            title: Text::line(campaign.title.clone()),
            standing: standing(item),
            since: line::sentences(&view.since_snapshot),
            functions: functions(item, line.reduction.as_ref()),
            arguments: arguments(item),
            arguments_note: arguments_note(item),
            facts: Facts::of(item, &snapshot),
            denied: usage.denied.iter().map(|(why, n)| (Text::line(why.clone()), *n)).collect(),
            used_by: usage.subjects.iter().map(|(who, n)| (Text::of(who), *n)).collect(),
            more_used_by: usage.more_subjects,
            answers: item.answers.iter().map(AnswerLine::of).collect(),
            reviewers: item
                .reviewers
                .iter()
                .map(|it| (Text::of(&it.subject), Text::line(it.why.clone())))
                .collect(),
            may_hand: is_owner
                && is_open
                && !asker.actor.is_auditor()
                && campaign.state.takes_answers(),
            line,
        }
    }
}

fn standing(item: &Item) -> Text {
    Text::line(match &item.state {
        ItemState::Open => "It waits for an answer.".to_owned(),
        ItemState::Suspended { at } => format!(
            "Nobody answered by the due date: the grant is suspended since {}, until somebody answers.",
            at.date()
        ),
        ItemState::Moot { at, how } => {
            format!("The grant ended otherwise ({how}), seen on {}.", at.date())
        }
        ItemState::Decided(outcome) => {
            let by: Vec<String> = outcome.by.iter().map(ToString::to_string).collect();
            let by = if by.is_empty() { "by rule".to_owned() } else { by.join(", ") };
            let verified = match outcome.verified_at {
                Some(at) => format!(" Every gateway serves it since {at}."),
                None => String::new(),
            };
            let result = words::result(outcome.result).label;
            format!("{result}, {}, by {by}.{verified}", outcome.at.date())
                .replacen("by by", "by", 1)
        }
    })
}

/// Every function that the grant reached, those that were used most first.
fn functions(item: &Item, reduction: Option<&Reduction>) -> Vec<FunctionLine> {
    let usage = &item.snapshot.usage.functions;
    let none = FunctionUsage::default();
    let mut lines: Vec<FunctionLine> = item
        .snapshot
        .functions
        .iter()
        .map(|name| {
            let used = usage.get(name).unwrap_or(&none);
            let label = Text::of(name);
            let stays =
                reduction.map(|it| if it.functions.contains(&label) { "stays" } else { "goes" });
            FunctionLine {
                href: super::function::href(name),
                name: label,
                used: used.used,
                last: used.last_used_at.map(Moment),
                stays,
            }
        })
        .collect();
    lines.sort_by_key(|it| std::cmp::Reverse(it.used));
    lines
}

/// What arguments were, beside what they may be.
fn arguments(item: &Item) -> Vec<ArgumentLine> {
    let of = &item.snapshot;
    let row = |function: &FunctionName, name: &str, used: &ArgumentUsage| ArgumentLine {
        function: Text::of(function),
        name: Text::line(name),
        used: used_values(used),
        allowed: allowed(&of.grant.constraints, name),
    };
    let all = of.usage.functions.iter().flat_map(|(function, used)| {
        used.arguments.iter().map(move |(name, values)| row(function, name, values))
    });
    all.take(ARGUMENTS_SHOWN).collect()
}

fn arguments_note(item: &Item) -> Option<Text> {
    let functions = &item.snapshot.usage.functions;
    let (used, seen) = functions
        .values()
        .fold((0_u64, 0_u64), |(used, seen), it| (used + it.used, seen + it.arguments_seen));
    (seen < used).then(|| Text::line(format!("The arguments of {seen} of {used} calls were seen.")))
}

/// The values that an argument had: each with its count, or from where to where.
fn used_values(used: &ArgumentUsage) -> Text {
    if used.hidden {
        return Text::line("hidden by the catalog's masks");
    }
    let values = used
        .values
        .iter()
        .map(|(value, calls)| format!("{} ({calls})", view::value_text(value).plain()));
    let mut parts: Vec<String> = values.collect();
    if used.more_values {
        parts.push("others".to_owned());
    }
    if let (Some(least), Some(greatest)) = (used.least, used.greatest) {
        parts.push(format!("from {least} to {greatest}"));
    }
    Text::line(parts.join(", "))
}

/// The constraints of the grant that speak of an argument.
fn allowed(constraints: &[String], name: &str) -> Text {
    let named = format!("args.{name}");
    let speaks = |it: &&String| {
        it.match_indices(&named).any(|(at, found)| {
            let after = it.get(at + found.len()..).and_then(|rest| rest.chars().next());
            after.is_none_or(|it| !it.is_ascii_alphanumeric() && it != '_')
        })
    };
    let found: Vec<String> = constraints.iter().filter(speaks).cloned().collect();
    Text::line(if found.is_empty() {
        "whatever the function takes".to_owned()
    } else {
        found.join(" and ")
    })
}

impl Facts {
    fn of(item: &Item, snapshot: &Snapshot) -> Self {
        let (of, grant, usage) = (&item.snapshot, &item.snapshot.grant, &item.snapshot.usage);
        let origin = match &grant.origin {
            GrantOrigin::Direct => format!("made {} by {}", grant.made_at.date(), grant.made_by),
            GrantOrigin::Request { asked_by, approved_by, .. } => {
                let yes: Vec<String> = approved_by.iter().map(ToString::to_string).collect();
                let yes = yes.join(", ");
                format!("asked for by {asked_by}, approved by {yes}, {}", grant.made_at.date())
            }
            GrantOrigin::File { name } => format!("the catalog file's grant {name}"),
        };
        let (hold, use_it) = (of.peers.hold, of.peers.use_it);
        Self {
            holder: Text::line(words::holder(&grant.holder, snapshot)),
            constraints: grant.constraints.iter().map(|it| Text::line(it.clone())).collect(),
            rate: grant.rate.map(|it| Text::line(rules::rate(it))),
            ends: grant.expires_at.map(Moment),
            origin: Text::line(origin),
            failed: usage.failed,
            approvals: usage.approvals,
            counted: Text::line(format!("{} to {}", usage.since.date(), usage.until.date())),
            peers: Text::line(match hold {
                0 => "nobody else of the same kind may call these functions".to_owned(),
                _ => format!("{use_it} of {hold} of the same kind who may call these use them"),
            }),
            digest: item.digest.to_string(),
            grant: item.grant.to_string(),
            version: grant.version,
        }
    }
}

impl AnswerLine {
    fn of(answer: &Answer) -> Self {
        let said = match &answer.verdict {
            ReviewVerdict::HandOn { to } => format!("handed it on to {to}"),
            ReviewVerdict::Reduce { functions, constraints } => {
                let names = functions.iter().map(ToString::to_string);
                let parts: Vec<String> = names.chain(constraints.iter().cloned()).collect();
                format!("reduced it to {}", parts.join(", "))
            }
            verdict
            @ (ReviewVerdict::Certify | ReviewVerdict::Revoke | ReviewVerdict::DontKnow) => {
                words::said(verdict).to_owned()
            }
        };
        let against = answer.against.then_some("against the recommendation");
        let together = (answer.together > 1).then_some("together with others");
        Self {
            by: Text::of(&answer.by),
            at: Moment(answer.at),
            said: Text::line(said),
            reason: Text::line(answer.reason.clone()),
            notes: against.into_iter().chain(together).collect(),
            void: answer.void.as_ref().map(|it| Text::line(it.clone())),
        }
    }
}

const ARGUMENTS_SHOWN: usize = 200;

impl Sample for ReviewItemPage {
    const NAME: &'static str = "review-item";

    fn samples(say: Say) -> Vec<Self> {
        let facts = || Facts {
            holder: say("the dunning agent (answered for by riley)"),
            constraints: vec![say("args.amount <= 100.0")],
            rate: Some(say("20 calls in 1h")),
            ends: Some(Moment(at(90_000))),
            origin: say("made 2026-03-01 by sam"),
            failed: 2,
            approvals: 3,
            counted: say("2026-09-01 to 2026-11-30"),
            peers: say("7 of 9 of the same kind who may call these use them"),
            digest: "3f7c1f0e5b9a".repeat(5),
            grant: "grt_01KB0C6Q2N5V8JX3W7T4R9M1Z1".to_owned(),
            version: 3,
        };
        let page = |line: Line, since: Vec<Text>| Self {
            frame: frame("agent:dunning – item of a review", Place::Reviews, say),
            campaign: Line::SAMPLE_CAMPAIGN.to_owned(),
            back: "item",
            title: say("Money functions, fourth quarter"),
            line,
            standing: say("It waits for an answer."),
            since,
            functions: vec![FunctionLine {
                name: say("billing.refunds.create"),
                href: "/console/catalog/billing.refunds.create".to_owned(),
                used: 14,
                last: Some(Moment(at(-900))),
                stays: Some("stays"),
            }],
            arguments: vec![ArgumentLine {
                function: say("billing.refunds.create"),
                name: say("amount"),
                used: say("40 (9), 90 (5), from 40 to 90"),
                allowed: say("args.amount <= 100.0"),
            }],
            arguments_note: Some(say("The arguments of 12 of 14 calls were seen.")),
            facts: facts(),
            denied: vec![(say("constraint"), 3)],
            used_by: vec![(say("agent:dunning"), 14)],
            more_used_by: 2,
            answers: vec![AnswerLine {
                by: say("max@acme.example"),
                at: Moment(at(-500)),
                said: say("handed it on to olivia@acme.example"),
                reason: say("she knows the process"),
                notes: vec!["against the recommendation"],
                void: Some(say("changed")),
            }],
            reviewers: vec![(say("olivia@acme.example"), say("owner"))],
            may_hand: true,
        };
        let answered = Line {
            may_answer: false,
            said: Some(say("You kept it")),
            undo: Some(Moment(at(15))),
            reduction: None,
            ..Line::sample(say, "2")
        };
        vec![
            page(Line::sample(say, "1"), vec![say("It reaches billing.exports now.")]),
            page(answered, Vec::new()),
        ]
    }
}
