//! The list of grants: who may call what, and how fresh the review is.

use crate::{
    asker::Asker,
    console::Console,
    frame::{Frame, Place, page},
    problem::Problem,
    samples::{Sample, Say, at, frame},
    sight,
    text::Text,
    view::{Chip, Moment, Tone},
};
use askama::Template;
use axum::{
    Extension,
    extract::{Query, State},
    response::Response,
};
use countersign_governance::{FreshnessView, GrantFilter, GrantStanding, GrantView};
use countersign_model::{FunctionName, Group, Subject, Timestamp, grant::Ended};
use serde::Deserialize;

/// Grants that the reader may see.
#[derive(Debug, Template)]
#[template(path = "grants.html")]
pub(crate) struct GrantsPage {
    frame: Frame,
    subject: String,
    function: String,
    states: Vec<(&'static str, bool)>,
    grants: Vec<GrantLine>,
    cut: usize,
    may_add: bool,
}

/// A grant in a list.
#[derive(Debug)]
pub(crate) struct GrantLine {
    pub(crate) id: String,
    pub(crate) holder: Text,
    pub(crate) calls: Text,
    pub(crate) more: usize,
    pub(crate) reason: Text,
    pub(crate) freshness: Chip,
    pub(crate) until: Option<Moment>,
    pub(crate) ends: Option<Moment>,
}

/// What the list is narrowed to.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Filter {
    #[serde(default)]
    subject: String,
    #[serde(default)]
    function: String,
    #[serde(default)]
    state: String,
}

/// `GET /console/grants`.
pub(crate) async fn list(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Query(filter): Query<Filter>,
) -> Result<Response, Problem> {
    let snapshot = console.governance().policy().load();
    let (grants, cut) = lines(&console, &asker, &filter.parse()?);
    page(&GrantsPage {
        frame: Frame::new("Grants", Place::Grants, asker.signed()),
        subject: Text::line(filter.subject.clone()).plain(),
        function: Text::line(filter.function.clone()).plain(),
        states: STATES.map(|it| (it, it == filter.state)).to_vec(),
        grants,
        cut,
        may_add: sight::may_grant_any(&asker.actor, &snapshot),
    })
}

/// Grants that an asker may see, and how many more there are.
pub(crate) fn lines(
    console: &Console,
    asker: &Asker,
    filter: &GrantFilter,
) -> (Vec<GrantLine>, usize) {
    let found = visible(console, asker, filter);
    let now = console.now();
    let cut = found.len().saturating_sub(LINES_MAX);
    (found.iter().take(LINES_MAX).map(|it| GrantLine::of(it, now)).collect(), cut)
}

/// Grants that an asker may see.
pub(crate) fn visible(console: &Console, asker: &Asker, filter: &GrantFilter) -> Vec<GrantView> {
    let snapshot = console.governance().policy().load();
    let mut found = console.governance().grants(filter);
    found.retain(|it| sight::grant(&asker.actor, &snapshot, it));
    found
}

impl Filter {
    /// As governance takes it. A holder is a subject, or a group behind `group:`.
    pub(crate) fn parse(&self) -> Result<GrantFilter, Problem> {
        let (subject, function) = (self.subject.trim(), self.function.trim());
        let group = subject.strip_prefix("group:");
        let state = match self.state.as_str() {
            "" => None,
            "active" => Some(GrantStanding::Active),
            "due" => Some(GrantStanding::Due),
            "overdue" => Some(GrantStanding::Overdue),
            "suspended" => Some(GrantStanding::Suspended),
            "ended" => Some(GrantStanding::Ended),
            _ => {
                return Err(Problem::invalid(
                    "A grant's state is one of active, due, overdue, suspended and ended.",
                ));
            }
        };
        Ok(GrantFilter {
            subject: (group.is_none() && !subject.is_empty()).then(|| Subject::from(subject)),
            group: group.map(Group::from),
            function: (!function.is_empty()).then(|| FunctionName::from(function)),
            state,
        })
    }
}

impl GrantLine {
    pub(crate) fn of(view: &GrantView, now: Timestamp) -> Self {
        let grant = &view.grant;
        let tags = grant.tags.iter().map(|it| format!("everything tagged {it}"));
        let names = grant.functions.iter().map(ToString::to_string);
        let mut calls: Vec<String> = tags.chain(names).collect();
        let more = calls.len().saturating_sub(NAMES_SHOWN);
        calls.truncate(NAMES_SHOWN);
        let (freshness, until) = standing(view, now);
        Self {
            id: grant.id.to_string(),
            holder: Text::of(&grant.holder),
            calls: Text::line(calls.join(", ")),
            more,
            reason: Text::line(grant.reason.clone()),
            freshness,
            until,
            ends: grant.expires_at.map(Moment),
        }
    }

    pub(crate) fn samples(say: Say) -> Vec<Self> {
        let line = |holder: &str, label, tone, until: Option<i64>| Self {
            id: "grt_01KB0C6Q2N5V8JX3W7T4R9M1ZE".to_owned(),
            holder: say(holder),
            calls: say("billing.refunds.create, billing.invoices.list"),
            more: 2,
            reason: say("Refunds for complaints, process FIN-12"),
            freshness: Chip { label, tone },
            until: until.map(|it| Moment(at(it))),
            ends: until.map(|it| Moment(at(it * 2))),
        };
        vec![
            line("group:support", "fresh", Tone::Good, Some(90_000)),
            line("riley@acme.example", "due", Tone::Wait, Some(9_000)),
            line("agent:dunning", "overdue", Tone::Bad, None),
            line("mo@acme.example", "revoked", Tone::Calm, None),
        ]
    }
}

/// How a grant stands, all its functions together: the worst of them, and until when it is so.
pub(crate) fn standing(view: &GrantView, now: Timestamp) -> (Chip, Option<Moment>) {
    match view.grant.ended(now) {
        Some(Ended::Revoked { .. }) => return (Chip { label: "revoked", tone: Tone::Calm }, None),
        Some(Ended::Suspended { .. }) => {
            return (Chip { label: "suspended", tone: Tone::Bad }, None);
        }
        Some(Ended::Expired { .. }) => return (Chip { label: "expired", tone: Tone::Calm }, None),
        None => {}
    }
    for wanted in [FreshnessView::Overdue, FreshnessView::Due, FreshnessView::Fresh] {
        let mut of = view.functions.iter().filter(|it| it.freshness == wanted).peekable();
        if of.peek().is_some() {
            let until = of.filter_map(|it| it.until).min();
            let until = (wanted != FreshnessView::Overdue).then_some(until).flatten();
            return (chip(wanted), until.map(Moment));
        }
    }
    (Chip { label: "reaches nothing", tone: Tone::Calm }, None)
}

/// A freshness in a word.
pub(crate) fn chip(of: FreshnessView) -> Chip {
    match of {
        FreshnessView::Fresh => Chip { label: "fresh", tone: Tone::Good },
        FreshnessView::Due => Chip { label: "due", tone: Tone::Wait },
        FreshnessView::Overdue => Chip { label: "overdue", tone: Tone::Bad },
        FreshnessView::Ended => Chip { label: "ended", tone: Tone::Calm },
    }
}

const STATES: [&str; 6] = ["", "active", "due", "overdue", "suspended", "ended"];
const LINES_MAX: usize = 500;
const NAMES_SHOWN: usize = 3;

impl Sample for GrantsPage {
    const NAME: &'static str = "grants";

    fn samples(say: Say) -> Vec<Self> {
        let page = |subject: &str, grants, cut, may_add| Self {
            frame: frame("Grants", Place::Grants, say),
            subject: say(subject).plain(),
            function: String::new(),
            states: STATES.map(|it| (it, it == "due")).to_vec(),
            grants,
            cut,
            may_add,
        };
        vec![
            page("", GrantLine::samples(say), 0, true),
            page("nobody@acme.example", Vec::new(), 0, false),
        ]
    }
}
