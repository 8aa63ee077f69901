//! A session's page: its calls in order. Looking at it stands in the ledger.

use crate::{
    asker::Asker,
    console::Console,
    frame::{Frame, Place, page},
    problem::Problem,
    recordings::{self, Bookmark, Looked, Recorded, Viewed, Wanted},
    samples::{Sample, Say, at, frame},
    text::Text,
    view::{Chip, Moment, Second, Tone},
};
use askama::Template;
use axum::{
    Extension,
    extract::{Path, Query, State},
    response::Response,
};
use countersign_model::Reason;
use serde::Deserialize;

/// One session and its calls.
#[derive(Debug, Template)]
#[template(path = "session.html")]
pub(crate) struct SessionPage {
    frame: Frame,
    id: String,
    title: Text,
    subject: Text,
    actors: Vec<Text>,
    began: Moment,
    last: Moment,
    count: u64,
    refused: u64,
    erased: Option<String>,
    unseen: usize,
    unreadable: usize,
    absent: usize,
    notes: Vec<&'static str>,
    is_later: bool,
    next: Option<String>,
    calls: Vec<CallLine>,
}

#[derive(Debug)]
struct CallLine {
    id: String,
    place: String,
    at: Second,
    function: Text,
    decision: Chip,
    status: u16,
    took_ms: u64,
    masked: u64,
}

/// Where to go on.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct From {
    after: Option<Bookmark>,
}

/// `GET /console/sessions/{id}`.
pub(crate) async fn show(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Path(id): Path<String>,
    Query(from): Query<From>,
) -> Result<Response, Problem> {
    let wanted = Wanted::Calls(from.after, CALLS_MAX);
    let viewed = recordings::view(&console, &asker, &id, wanted).await?;
    let frame = Frame::new("Session", Place::Sessions, asker.signed());
    page(&SessionPage::of(frame, &viewed, from.after))
}

impl SessionPage {
    fn of(frame: Frame, viewed: &Viewed, after: Option<Bookmark>) -> Self {
        let (session, read) = (&viewed.session, &viewed.read);
        let erased = session.erased_at.map(|at| {
            format!("Its recordings were erased on {}. The ledger's proofs stay.", at.date())
        });
        let late = (erased.is_none() && session.refused > 0).then_some(NOT_RUN);
        let looked = match read.looked {
            _ if erased.is_some() => None,
            Looked::Index => None,
            Looked::Time if read.calls.is_empty() => None,
            Looked::Time => Some(BY_TIME),
            Looked::Both => Some(BY_BOTH),
        };
        let next = read.next.map(|it| format!("/console/sessions/{}?after={it}", session.id));
        Self {
            frame,
            id: session.id.to_string(),
            title: Text::line(session.title.clone()),
            subject: Text::of(&session.subject),
            actors: session.actors.iter().map(Text::of).collect(),
            began: Moment(session.started_at),
            last: Moment(session.last_at),
            count: session.calls,
            refused: session.refused,
            erased,
            unseen: read.unseen,
            unreadable: read.unreadable,
            absent: read.absent,
            notes: [late, looked].into_iter().flatten().collect(),
            is_later: after.is_some(),
            next,
            calls: read.calls.iter().map(CallLine::of).collect(),
        }
    }
}

impl CallLine {
    fn of(recorded: &Recorded) -> Self {
        let exchange = &recorded.exchange;
        Self {
            id: exchange.call.to_string(),
            place: recorded.at.to_string(),
            at: Second(exchange.at),
            function: Text::of(&exchange.function),
            decision: decision(exchange.reason),
            status: exchange.status,
            took_ms: exchange.took_ms,
            masked: exchange.masked,
        }
    }
}

/// What the gateway decided and how it went, in a word; the code stands on the call's page.
pub(crate) fn decision(reason: Reason) -> Chip {
    let (label, tone) = match reason {
        Reason::Granted => ("forwarded", Tone::Good),
        Reason::GrantOverdueWarned => ("forwarded, overdue", Tone::Wait),
        Reason::Approved => ("approved", Tone::Good),
        Reason::OutcomeUnknown => ("outcome unknown", Tone::Bad),
        Reason::CallerGone => ("caller gone", Tone::Wait),
        Reason::CutBySuspension
        | Reason::CutByRevoke
        | Reason::CutByDeactivation
        | Reason::CutBySessionEnd
        | Reason::CutByExpiry
        | Reason::CutByDenial
        | Reason::CutByKillSwitch
        | Reason::CutByNoOwner => ("cut", Tone::Bad),
        Reason::Draining
        | Reason::Overloaded
        | Reason::Unidentified
        | Reason::RequestAmbiguous
        | Reason::RequestTooLarge
        | Reason::NotCatalogued
        | Reason::PolicyStale
        | Reason::KillSwitch
        | Reason::SubjectSuspended
        | Reason::SubjectDeactivated
        | Reason::SponsorDeactivated
        | Reason::NoLivingOwner
        | Reason::NoGrant
        | Reason::GrantExpired
        | Reason::GrantRevoked
        | Reason::GrantSuspended
        | Reason::Denied
        | Reason::SeparationOfDuties
        | Reason::MissingScope
        | Reason::ArgumentsInvalid
        | Reason::OutsideConstraints
        | Reason::RateLimited
        | Reason::BlockedByRule
        | Reason::GrantOverdue
        | Reason::ApprovalRequired
        | Reason::ApprovalDenied
        | Reason::ApprovalExpired
        | Reason::ApprovalUsed
        | Reason::ApprovalCancelled
        | Reason::TooManyHeld
        | Reason::LedgerUnavailable
        | Reason::StoreUnavailable
        | Reason::TargetUnreachable
        | Reason::TargetTimeout
        | Reason::TargetBroken
        | Reason::ResponseTooLarge
        | Reason::UnmaskableResponse => (reason.code(), Tone::Bad),
    };
    Chip { label, tone }
}

/// Calls on one page.
const CALLS_MAX: usize = 200;
const NOT_RUN: &str = "Calls that did not run have no recording: they stand in the ledger.";
const BY_TIME: &str = "The index of recordings does not say where this session's are, so all recordings \
                       of that time were looked through.";
const BY_BOTH: &str = "The index of recordings is being compared with them since the gateway started, so \
                       all recordings from that time on were looked through.";

impl Sample for SessionPage {
    const NAME: &'static str = "session";

    fn samples(say: Say) -> Vec<Self> {
        let call = |minutes, function: &str, reason, status| CallLine {
            id: "call_01KB0C6Q2N5V8JX3W7T4R9M1ZG".to_owned(),
            place: "3-4711-0".to_owned(),
            at: Second(at(minutes)),
            function: say(function),
            decision: decision(reason),
            status,
            took_ms: 41,
            masked: 3,
        };
        let page = |calls, erased: Option<&str>, unseen, unreadable| Self {
            frame: frame("Session", Place::Sessions, say),
            id: "ses_01KB0C6Q2N5V8JX3W7T4R9M1ZF".to_owned(),
            title: say("dunning run 2026-11-22"),
            subject: say("riley@acme.example"),
            actors: vec![say("agent:dunning")],
            began: Moment(at(-40)),
            last: Moment(at(-12)),
            count: 18,
            refused: 2,
            erased: erased.map(str::to_owned),
            unseen,
            unreadable,
            absent: unreadable,
            notes: vec![NOT_RUN, BY_TIME],
            is_later: unseen > 0,
            next: (unseen > 0).then(|| {
                "/console/sessions/ses_01KB0C6Q2N5V8JX3W7T4R9M1ZF?after=3-90-0".to_owned()
            }),
            calls,
        };
        vec![
            page(
                vec![
                    call(-40, "billing.invoices.list", Reason::Granted, 200),
                    call(-38, "billing.refunds.create", Reason::Approved, 201),
                    call(-12, "customers.get", Reason::UnmaskableResponse, 200),
                ],
                None,
                2,
                0,
            ),
            page(Vec::new(), Some("Its recordings were erased on 2026-11-21."), 0, 1),
        ]
    }
}
