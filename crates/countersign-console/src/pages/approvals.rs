//! The list of approvals: what waits for its reader on top.

use crate::{
    approvals,
    asker::Asker,
    console::Console,
    frame::{Frame, Place, page},
    problem::Problem,
    samples::{Sample, Say, at, frame},
    text::Text,
    view::{self, Chip, Moment, Tone},
};
use askama::Template;
use axum::{Extension, extract::State, response::Response};
use countersign_governance::ApprovalFilter;
use countersign_model::{Approval, ApprovalState, Sensitivity, Timestamp};

/// Approvals that wait, and past ones.
#[derive(Debug, Template)]
#[template(path = "approvals.html")]
pub(crate) struct ApprovalsPage {
    frame: Frame,
    yours: Vec<Line>,
    others: Vec<Line>,
    past: Vec<Line>,
    waiting_ids: String,
}

/// An approval in a list.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) id: String,
    pub(crate) function: Text,
    pub(crate) caller: Text,
    pub(crate) summary: Text,
    pub(crate) sensitivity: Chip,
    pub(crate) state: Chip,
    pub(crate) opened: Moment,
    pub(crate) left: Option<String>,
}

/// `GET /console/approvals`.
pub(crate) async fn list(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
) -> Result<Response, Problem> {
    let now = console.now();
    let waiting = waiting(&console, &asker).await?;
    let past = ApprovalFilter { states: names(&PAST), limit: PAST_MAX, ..Default::default() };
    let past = approvals::list(&console, &asker, past).await?;
    let (yours, others): (Vec<_>, Vec<_>) =
        waiting.iter().partition(|it| may_answer(it, &asker, now));
    page(&ApprovalsPage {
        frame: Frame::new("Approvals", Place::Approvals, asker.signed()),
        yours: yours.into_iter().map(|it| Line::of(it, now)).collect(),
        others: others.into_iter().map(|it| Line::of(it, now)).collect(),
        past: past.iter().map(|it| Line::of(it, now)).collect(),
        waiting_ids: ids(&waiting),
    })
}

/// What waits and may be seen, as the API lists it too.
pub(crate) async fn waiting(console: &Console, asker: &Asker) -> Result<Vec<Approval>, Problem> {
    let filter =
        ApprovalFilter { states: names(&["pending"]), limit: WAITING_MAX, ..Default::default() };
    approvals::list(console, asker, filter).await
}

/// Whether an answer of this person would count.
pub(crate) fn may_answer(approval: &Approval, asker: &Asker, now: Timestamp) -> bool {
    matches!(approval.state, ApprovalState::Pending)
        && now < approval.answer_by
        && !asker.actor.is_auditor()
        && approval.eligible(&asker.actor.person).is_ok()
        && !approval.votes.iter().any(|it| it.by == *asker.actor.subject())
}

/// For the script, which loads the page again when they change.
pub(crate) fn ids(waiting: &[Approval]) -> String {
    let ids: Vec<String> = waiting.iter().map(|it| it.id.to_string()).collect();
    ids.join(" ")
}

fn names(states: &[&str]) -> Vec<String> {
    states.iter().map(|it| (*it).to_owned()).collect()
}

impl Line {
    pub(crate) fn of(approval: &Approval, now: Timestamp) -> Self {
        let call = &approval.call;
        let pending = matches!(approval.state, ApprovalState::Pending);
        let left = (pending && approval.answer_by > now)
            .then(|| view::span_words(approval.answer_by.since(now)));
        let caller = match call.caller.actors.first() {
            None => call.caller.subject.to_string(),
            Some(actor) => format!("{actor}, for {}", call.caller.subject),
        };
        Self {
            id: approval.id.to_string(),
            function: Text::of(&call.function),
            caller: Text::line(caller),
            summary: view::summary(&call.shown, &call.hidden),
            sensitivity: view::sensitivity(call.sensitivity),
            state: view::approval_state(&approval.state),
            opened: Moment(approval.opened_at),
            left,
        }
    }

    pub(crate) fn sample(say: Say, state: Chip, left: Option<&str>) -> Self {
        Self {
            id: "apr_01KB0C6Q2N5V8JX3W7T4R9M1ZD".to_owned(),
            function: say("billing.refunds.create"),
            caller: say("agent:dunning, for riley@acme.example"),
            summary: say("amount = 900, currency = EUR, customer = c_81, …"),
            sensitivity: view::sensitivity(Sensitivity::High),
            state,
            opened: Moment(at(-3)),
            left: left.map(str::to_owned),
        }
    }
}

/// States in which nobody is asked any more.
const PAST: [&str; 9] = [
    "approved",
    "denied",
    "expired",
    "cancelled",
    "revoked",
    "redeeming",
    "executed",
    "failed",
    "outcome_unknown",
];
const WAITING_MAX: u32 = 500;
const PAST_MAX: u32 = 100;

impl Sample for ApprovalsPage {
    const NAME: &'static str = "approvals";

    fn samples(say: Say) -> Vec<Self> {
        let chip = |label, tone| Chip { label, tone };
        let waits = || Line::sample(say, chip("waiting", Tone::Wait), Some("12 min"));
        let page = |yours, others, past| Self {
            frame: frame("Approvals", Place::Approvals, say),
            yours,
            others,
            past,
            waiting_ids: String::new(),
        };
        vec![
            page(
                vec![waits(), waits()],
                vec![waits()],
                vec![
                    Line::sample(say, chip("executed", Tone::Good), None),
                    Line::sample(say, chip("denied", Tone::Bad), None),
                    Line::sample(say, chip("expired", Tone::Calm), None),
                ],
            ),
            page(Vec::new(), Vec::new(), vec![Line::sample(say, chip("failed", Tone::Bad), None)]),
        ]
    }
}
