//! Requests for grants: a list, one request with its answers, and the form that asks.

use super::{function, grant_preview::PreviewPart};
use crate::{
    api::grant_requests::one,
    asker::Asker,
    console::Console,
    frame::{Frame, Place, page},
    gate::Fields,
    problem::{Problem, sentence},
    rules,
    samples::{Sample, Say, at, frame},
    text::Text,
    view::{Chip, Moment, Tone},
};
use askama::Template;
use axum::{
    Extension,
    extract::{Path, Query, State},
    response::{IntoResponse, Redirect, Response},
};
use countersign_governance::{
    ArgumentsFrom, GrantRequestFilter, GrantRequestView, NewGrantRequest,
};
use countersign_model::{
    FunctionName, Subject, Timestamp,
    grant::{GrantRequestState, Terms},
};
use http::StatusCode;
use serde::Deserialize;

/// Requests that the reader may see.
#[derive(Debug, Template)]
#[template(path = "grant_requests.html")]
pub(crate) struct GrantRequestsPage {
    frame: Frame,
    requests: Vec<Line>,
    is_all: bool,
}

#[derive(Debug)]
struct Line {
    id: String,
    holder: Text,
    functions: Text,
    reason: Text,
    asked_by: Text,
    asked_at: Moment,
    state: Chip,
    may_answer: bool,
}

/// One request.
#[derive(Debug, Template)]
#[template(path = "grant_request.html")]
pub(crate) struct GrantRequestPage {
    frame: Frame,
    id: String,
    holder: Text,
    reason: Text,
    state: Chip,
    ended: Option<Text>,
    /// The grant that it became.
    grant: Option<String>,
    renews: Option<String>,
    functions: Vec<Wanted>,
    constraints: Vec<Text>,
    rate: Option<Text>,
    ends: Option<Moment>,
    asked_by: Text,
    asked_at: Moment,
    lapses: Moment,
    yes: Vec<Said>,
    may_answer: bool,
    may_withdraw: bool,
    /// What it would let through, for whoever answers it.
    preview: Option<PreviewPart>,
    is_preview_whole: bool,
    typed: Typed,
}

/// What an answer is narrowed to, as far as it is written.
#[derive(Debug, Default)]
struct Typed {
    constraints: String,
    expires: String,
    comment: String,
}

#[derive(Debug)]
struct Wanted {
    name: Text,
    plain: String,
    href: String,
    is_open: bool,
    is_dropped: bool,
}

#[derive(Debug)]
struct Said {
    by: Text,
    at: Moment,
    comment: Text,
}

/// The form that asks.
#[derive(Debug, Template)]
#[template(path = "grant_ask.html")]
pub(crate) struct GrantAskPage {
    frame: Frame,
    fault: Option<Text>,
    agents: Vec<Text>,
    subject: String,
    functions: String,
    reason: String,
    constraints: String,
    expires: String,
}

/// Which requests.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Which {
    #[serde(default)]
    state: String,
}

/// What the form is begun with.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Begun {
    #[serde(default)]
    function: String,
}

/// What just happened.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Happened {
    said: Option<String>,
}

/// `GET /console/grant-requests`.
pub(crate) async fn list(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Query(which): Query<Which>,
) -> Result<Response, Problem> {
    let is_all = which.state == "all";
    let filter = if is_all { GrantRequestFilter::All } else { GrantRequestFilter::Pending };
    let requests = console.governance().grant_requests(&asker.actor, filter).await?;
    page(&GrantRequestsPage {
        frame: Frame::new("Requests for grants", Place::Grants, asker.signed()),
        requests: requests.iter().map(|it| Line::of(it, console.now())).collect(),
        is_all,
    })
}

/// `GET /console/grant-requests/ask`.
pub(crate) async fn ask(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Query(begun): Query<Begun>,
) -> Result<Response, Problem> {
    page(&GrantAskPage {
        functions: Text::line(begun.function).plain(),
        ..GrantAskPage::empty(&console, &asker)
    })
}

/// `POST /console/grant-requests`.
pub(crate) async fn add(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Extension(fields): Extension<Fields>,
) -> Result<Response, Problem> {
    let added = match read(&fields) {
        Ok(new) => {
            let added = console.governance().request_grant(&asker.actor, new).await;
            added.map_err(Problem::from)
        }
        Err(problem) => Err(problem),
    };
    let problem = match added {
        Ok(request) => {
            let to = format!("/console/grant-requests/{}?said=asked", request.id);
            return Ok(Redirect::to(&to).into_response());
        }
        Err(problem) => problem,
    };
    let is_typed =
        [StatusCode::BAD_REQUEST, StatusCode::UNPROCESSABLE_ENTITY, StatusCode::CONFLICT];
    if !is_typed.contains(&problem.status) {
        return Err(problem);
    }
    let typed = |name: &str| Text::block(fields.text(name).replace("\r\n", "\n")).plain();
    let mut response = page(&GrantAskPage {
        fault: Some(Text::line(problem.detail)),
        subject: typed("subject"),
        functions: typed("functions"),
        reason: typed("reason"),
        constraints: typed("constraints"),
        expires: typed("expires"),
        ..GrantAskPage::empty(&console, &asker)
    })?;
    *response.status_mut() = problem.status;
    Ok(response)
}

/// `GET /console/grant-requests/{id}`.
pub(crate) async fn show(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Path(id): Path<String>,
    Query(happened): Query<Happened>,
) -> Result<Response, Problem> {
    let view = one(&console, &asker, &id).await?;
    let notice = match happened.said.as_deref() {
        Some("asked") => Some("The functions' owners are asked."),
        Some("approved") => Some("Your yes is kept."),
        Some("denied") => Some("The request is denied."),
        Some("withdrawn") => Some("The request is withdrawn."),
        Some(_) | None => None,
    };
    let frame = Frame::new("A request for a grant", Place::Grants, asker.signed());
    let mut shown = GrantRequestPage::of(frame.with_notice(notice), &view, console.now());
    if view.may_answer {
        // Looking at the page reads no recordings: whoever wants that says so.
        let (governance, id) = (console.governance(), view.request.id);
        let from = ArgumentsFrom::Nowhere;
        match governance.preview_grant_request(&asker.actor, id, None, None, from).await {
            Ok(told) => shown.preview = Some(PreviewPart::of(&told)),
            Err(error) => tracing::warn!(%error, "what a request would let through can't be told"),
        }
    }
    page(&shown)
}

/// `POST /console/grant-requests/{id}/preview`: the request with what it would let through, as the form
/// narrows it, by what is recorded.
pub(crate) async fn preview(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Extension(fields): Extension<Fields>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let view = one(&console, &asker, &id).await?;
    let terms = narrower(&fields, &view.request.terms)?;
    let from = ArgumentsFrom::Recordings(&console.parts.recordings_directory);
    let (governance, id) = (console.governance(), view.request.id);
    let told = governance.preview_grant_request(&asker.actor, id, terms, None, from).await?;
    let frame = Frame::new("A request for a grant", Place::Grants, asker.signed());
    let mut shown = GrantRequestPage::of(frame, &view, console.now());
    for wanted in &mut shown.functions {
        wanted.is_dropped = fields.text(&format!("drop:{}", wanted.plain)) == "yes";
    }
    let typed = |name: &str| Text::block(fields.text(name).replace("\r\n", "\n")).plain();
    page(&GrantRequestPage {
        preview: Some(PreviewPart::of(&told)),
        is_preview_whole: true,
        typed: Typed {
            constraints: typed("constraints"),
            expires: typed("expires"),
            comment: typed("comment"),
        },
        ..shown
    })
}

/// `POST /console/grant-requests/{id}/approve`.
pub(crate) async fn approve(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Extension(fields): Extension<Fields>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let request = one(&console, &asker, &id).await?.request;
    let terms = narrower(&fields, &request.terms)?;
    let (governance, comment) = (console.governance(), fields.text("comment"));
    governance.approve_grant_request(&asker.actor, request.id, terms, comment).await?;
    let to = format!("/console/grant-requests/{}?said=approved", request.id);
    Ok(Redirect::to(&to).into_response())
}

/// `POST /console/grant-requests/{id}/deny`.
pub(crate) async fn deny(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Extension(fields): Extension<Fields>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let id = one(&console, &asker, &id).await?.request.id;
    console.governance().deny_grant_request(&asker.actor, id, fields.text("why")).await?;
    Ok(Redirect::to(&format!("/console/grant-requests/{id}?said=denied")).into_response())
}

/// `POST /console/grant-requests/{id}/withdraw`.
pub(crate) async fn withdraw(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let id = one(&console, &asker, &id).await?.request.id;
    console.governance().withdraw_grant_request(&asker.actor, id).await?;
    Ok(Redirect::to(&format!("/console/grant-requests/{id}?said=withdrawn")).into_response())
}

/// What the form narrows, if anything: functions that are still ticked, more constraints, an
/// earlier end.
fn narrower(fields: &Fields, before: &Terms) -> Result<Option<Terms>, Problem> {
    let kept = |name: &&FunctionName| fields.text(&format!("drop:{name}")) != "yes";
    let functions: Vec<FunctionName> = before.functions.iter().filter(kept).cloned().collect();
    if functions.is_empty() {
        return Err(Problem::invalid("Nothing would be left; deny the request instead."));
    }
    let mut terms = before.reduced(&functions, &lines(fields, "constraints"));
    if let Some(at) = date(fields.text("expires"))? {
        terms.expires_at = Some(at);
    }
    Ok((terms != *before).then_some(terms))
}

fn lines(fields: &Fields, name: &str) -> Vec<String> {
    let lines = fields.text(name).lines().map(|it| it.trim().to_owned());
    lines.filter(|it| !it.is_empty()).collect()
}

fn date(text: &str) -> Result<Option<Timestamp>, Problem> {
    if text.is_empty() {
        return Ok(None);
    }
    let date = text.parse::<Timestamp>();
    date.map(Some).map_err(|fault| Problem::invalid(sentence(&fault.to_string())))
}

fn read(fields: &Fields) -> Result<NewGrantRequest, Problem> {
    let subject = fields.text("subject");
    let functions = fields.text("functions").replace(',', " ");
    Ok(NewGrantRequest {
        subject: (!subject.is_empty()).then(|| Subject::from(subject)),
        functions: functions.split_whitespace().map(FunctionName::from).collect(),
        reason: fields.text("reason").to_owned(),
        constraints: lines(fields, "constraints"),
        rate: None,
        expires_at: date(fields.text("expires"))?,
        renews: None,
    })
}

fn chip(view: &GrantRequestView, now: Timestamp) -> Chip {
    let (label, tone) = match &view.request.state {
        GrantRequestState::Pending if view.request.waits(now) => ("waits", Tone::Wait),
        GrantRequestState::Pending | GrantRequestState::Lapsed { .. } => ("lapsed", Tone::Calm),
        GrantRequestState::Approved { .. } => ("approved", Tone::Good),
        GrantRequestState::Denied { .. } => ("denied", Tone::Bad),
        GrantRequestState::Withdrawn { .. } => ("withdrawn", Tone::Calm),
    };
    Chip { label, tone }
}

impl Line {
    fn of(view: &GrantRequestView, now: Timestamp) -> Self {
        let request = &view.request;
        let names: Vec<&str> = request.terms.functions.iter().map(|it| it.as_str()).collect();
        Self {
            id: request.id.to_string(),
            holder: Text::of(&request.holder),
            functions: Text::line(names.join(", ")),
            reason: Text::line(request.reason.clone()),
            asked_by: Text::of(&request.asked_by),
            asked_at: Moment(request.asked_at),
            state: chip(view, now),
            may_answer: view.may_answer,
        }
    }
}

impl GrantRequestPage {
    fn of(frame: Frame, view: &GrantRequestView, now: Timestamp) -> Self {
        let request = &view.request;
        let ended = match &request.state {
            GrantRequestState::Denied { by, why, .. } => Some(format!("{by} said no: {why}")),
            GrantRequestState::Pending
            | GrantRequestState::Approved { .. }
            | GrantRequestState::Withdrawn { .. }
            | GrantRequestState::Lapsed { .. } => None,
        };
        let grant = match &request.state {
            GrantRequestState::Approved { grant, .. } => Some(grant.id.to_string()),
            GrantRequestState::Pending
            | GrantRequestState::Denied { .. }
            | GrantRequestState::Withdrawn { .. }
            | GrantRequestState::Lapsed { .. } => None,
        };
        let wanted = request.terms.functions.iter().map(|name| Wanted {
            name: Text::of(name),
            plain: Text::of(name).plain(),
            href: function::href(name),
            is_open: view.open.contains(name),
            is_dropped: false,
        });
        Self {
            frame,
            id: request.id.to_string(),
            holder: Text::of(&request.holder),
            reason: Text::line(request.reason.clone()),
            state: chip(view, now),
            ended: ended.map(Text::line),
            grant,
            renews: request.renews.map(|it| it.to_string()),
            functions: wanted.collect(),
            constraints: request
                .terms
                .constraints
                .iter()
                .map(|it| Text::line(it.clone()))
                .collect(),
            rate: request.terms.rate.map(|it| Text::line(rules::rate(it))),
            ends: request.terms.expires_at.map(Moment),
            asked_by: Text::of(&request.asked_by),
            asked_at: Moment(request.asked_at),
            lapses: Moment(request.lapses_at),
            yes: request
                .yes
                .iter()
                .map(|it| Said {
                    by: Text::of(&it.by),
                    at: Moment(it.at),
                    comment: Text::line(it.comment.clone()),
                })
                .collect(),
            may_answer: view.may_answer,
            may_withdraw: view.may_withdraw,
            preview: None,
            is_preview_whole: false,
            typed: Typed::default(),
        }
    }
}

impl GrantAskPage {
    fn empty(console: &Console, asker: &Asker) -> Self {
        let snapshot = console.governance().policy().load();
        let me = asker.actor.subject();
        let mine = snapshot.agents().values().filter(|it| it.sponsor == *me);
        Self {
            frame: Frame::new("Ask for a grant", Place::Grants, asker.signed()),
            fault: None,
            agents: mine.map(|it| Text::of(&it.subject)).collect(),
            subject: String::new(),
            functions: String::new(),
            reason: String::new(),
            constraints: String::new(),
            expires: String::new(),
        }
    }
}

impl Sample for GrantRequestsPage {
    const NAME: &'static str = "grant-requests";

    fn samples(say: Say) -> Vec<Self> {
        let line = |may_answer| Line {
            id: "grq_01KB0C6Q2N5V8JX3W7T4R9M1ZE".to_owned(),
            holder: say("agent:dunning"),
            functions: say("billing.refunds.create, billing.invoices.list"),
            reason: say("Reminders for the quarter"),
            asked_by: say("riley@acme.example"),
            asked_at: Moment(at(-2_000)),
            state: Chip { label: "waits", tone: Tone::Wait },
            may_answer,
        };
        let page = |requests, is_all| Self {
            frame: frame("Requests for grants", Place::Grants, say),
            requests,
            is_all,
        };
        vec![page(vec![line(true), line(false)], true), page(vec![], false)]
    }
}

impl Sample for GrantRequestPage {
    const NAME: &'static str = "grant-request";

    fn samples(say: Say) -> Vec<Self> {
        let wanted = |name: &str, is_open| Wanted {
            name: say(name),
            plain: say(name).plain(),
            href: function::href(&FunctionName::from(name)),
            is_open,
            is_dropped: is_open,
        };
        let page = |ended: Option<Text>, may| Self {
            frame: frame("A request for a grant", Place::Grants, say),
            id: "grq_01KB0C6Q2N5V8JX3W7T4R9M1ZE".to_owned(),
            holder: say("agent:dunning"),
            reason: say("Reminders for the quarter"),
            state: Chip { label: "waits", tone: Tone::Wait },
            grant: ended.is_none().then(|| "grt_01KB0C6Q2N5V8JX3W7T4R9M1ZE".to_owned()),
            renews: ended.is_none().then(|| "grt_01KB0C6Q2N5V8JX3W7T4R9M1ZE".to_owned()),
            ended,
            functions: vec![
                wanted("billing.refunds.create", true),
                wanted("billing.invoices.list", false),
            ],
            constraints: vec![say("args.amount <= 50.0")],
            rate: Some(say("20 calls in 1h")),
            ends: Some(Moment(at(90_000))),
            asked_by: say("riley@acme.example"),
            asked_at: Moment(at(-2_000)),
            lapses: Moment(at(18_000)),
            yes: vec![Said {
                by: say("olga@acme.example"),
                at: Moment(at(-1_000)),
                comment: say("fine for a quarter"),
            }],
            may_answer: may,
            may_withdraw: may,
            preview: may.then(|| PreviewPart::sample(say)),
            is_preview_whole: false,
            typed: Typed { constraints: say("args.amount <= 20.0").plain(), ..Typed::default() },
        };
        vec![page(None, true), page(Some(say("olga@acme.example said no: ask for less")), false)]
    }
}

impl Sample for GrantAskPage {
    const NAME: &'static str = "grant-ask";

    fn samples(say: Say) -> Vec<Self> {
        let page = |fault: Option<Text>| Self {
            frame: frame("Ask for a grant", Place::Grants, say),
            fault,
            agents: vec![say("agent:dunning")],
            subject: say("agent:dunning").plain(),
            functions: say("billing.refunds.create").plain(),
            reason: say("Refunds for complaints").plain(),
            constraints: say("args.amount <= 100.0").plain(),
            expires: String::new(),
        };
        vec![page(None), page(Some(say("functions: no function `billing.refund`.")))]
    }
}
