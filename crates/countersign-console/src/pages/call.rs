//! A call's page: the masked request and answer, why it ran, and what the ledger proves of it.

use super::session::decision;
use crate::{
    asker::Asker,
    console::Console,
    frame::{Frame, Place, page},
    problem::Problem,
    proof,
    recordings::{self, Bookmark, Wanted},
    samples::{Sample, Say, at, frame},
    text::Text,
    view::{self, Chip, Moment},
};
use askama::Template;
use axum::{
    Extension,
    extract::{Path, Query, State},
    response::Response,
};
use countersign_governance::SessionRow;
use countersign_model::{CallId, Reason, exchange::Exchange};
use serde::Deserialize;
use serde_json::{Value, json};

/// One recorded call.
#[derive(Debug, Template)]
#[template(path = "call.html")]
pub(crate) struct CallPage {
    frame: Frame,
    id: String,
    session: String,
    session_title: Text,
    function: Text,
    decision: Chip,
    meaning: &'static str,
    reason: &'static str,
    at: Moment,
    took_ms: u64,
    subject: Text,
    actors: Vec<Text>,
    client: Option<Text>,
    issuer: Text,
    grants: Vec<(String, u32)>,
    approval: Option<String>,
    method: Text,
    path: Text,
    arguments: Text,
    hidden_count: usize,
    status: u16,
    bytes: u64,
    masked: u64,
    is_cut: bool,
    headers: Vec<(Text, Text)>,
    response: Option<Text>,
    proof: Vec<proof::Line>,
}

/// Where the call's recording is, which spares looking for it.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Where {
    at: Option<Bookmark>,
}

/// `GET /console/sessions/{id}/calls/{call}`.
pub(crate) async fn show(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Path((id, call)): Path<(String, String)>,
    Query(place): Query<Where>,
) -> Result<Response, Problem> {
    let absent = || Problem::not_found("call");
    let call: CallId = call.parse().map_err(|_| absent())?;
    let wanted = Wanted::Call(call, place.at);
    let viewed = recordings::view(&console, &asker, &id, wanted).await?;
    let found = viewed.read.calls.into_iter().next().ok_or_else(absent)?;
    let (recorded, proof) = proof::of(&console, found).await?;
    let title = Text::line(format!("{} – call", recorded.exchange.function)).plain();
    let frame = Frame::new(title, Place::Sessions, asker.signed());
    page(&CallPage::of(frame, &viewed.session, &recorded.exchange, proof))
}

impl CallPage {
    fn of(
        frame: Frame,
        session: &SessionRow,
        exchange: &Exchange,
        proof: Vec<proof::Line>,
    ) -> Self {
        let headers = exchange.headers.iter();
        Self {
            frame,
            id: exchange.call.to_string(),
            session: session.id.to_string(),
            session_title: Text::line(session.title.clone()),
            function: Text::of(&exchange.function),
            decision: decision(exchange.reason),
            meaning: exchange.reason.meaning(),
            reason: exchange.reason.code(),
            at: Moment(exchange.at),
            took_ms: exchange.took_ms,
            subject: Text::of(&exchange.who.subject),
            actors: exchange.who.actors.iter().map(Text::of).collect(),
            client: exchange.who.client.as_deref().map(Text::line),
            issuer: Text::line(exchange.who.issuer.as_ref()),
            grants: exchange.grants.iter().map(|it| (it.id.to_string(), it.version)).collect(),
            approval: exchange.approval.map(|it| it.to_string()),
            method: Text::line(&*exchange.method),
            path: Text::line(&*exchange.path),
            arguments: view::pretty(&exchange.arguments),
            hidden_count: exchange.hidden.len(),
            status: exchange.status,
            bytes: exchange.bytes,
            masked: exchange.masked,
            is_cut: exchange.cut,
            headers: headers.map(|(k, v)| (Text::line(&**k), Text::line(&**v))).collect(),
            response: exchange.response.as_deref().map(body),
            proof,
        }
    }
}

/// The body as people read it: JSON with line breaks, if it is that; at most so much of it.
fn body(text: &str) -> Text {
    if text.len() <= PRETTY_BYTES_MAX
        && let Ok(value) = serde_json::from_str::<Value>(text)
        && (value.is_object() || value.is_array())
    {
        return view::pretty(&value);
    }
    let short: String = text.chars().take(SHOWN_CHARS_MAX).collect();
    let more = if short.len() < text.len() { "\n…" } else { "" };
    Text::block(format!("{short}{more}"))
}

/// Beyond this a body is shown as it is.
const PRETTY_BYTES_MAX: usize = 512 * 1024;
/// What a page shows of a body that is no JSON.
const SHOWN_CHARS_MAX: usize = 256 * 1024;

impl Sample for CallPage {
    const NAME: &'static str = "call";

    fn samples(say: Say) -> Vec<Self> {
        let arguments = json!({"amount": 900, "customer": "c_81", "iban": "DE**"});
        let answer = json!({"id": "rf_19", "customer": {"name": "██", "email": "a***@example.net"}, "state": "booked"});
        let say_block = |it: &Value| say(&format!("{it:#}")).into_block();
        let page = |reason: Reason, status, response, proof| Self {
            frame: frame("billing.refunds.create – call", Place::Sessions, say),
            id: "call_01KB0C6Q2N5V8JX3W7T4R9M1ZG".to_owned(),
            session: "ses_01KB0C6Q2N5V8JX3W7T4R9M1ZF".to_owned(),
            session_title: say("dunning run 2026-11-22"),
            function: say("billing.refunds.create"),
            decision: decision(reason),
            meaning: reason.meaning(),
            reason: reason.code(),
            at: Moment(at(-38)),
            took_ms: 41,
            subject: say("riley@acme.example"),
            actors: vec![say("agent:dunning")],
            client: Some(say("dunning-worker")),
            issuer: say("acme"),
            grants: vec![("grt_01KB0C6Q2N5V8JX3W7T4R9M1ZE".to_owned(), 3)],
            approval: Some("apr_01KB0C6Q2N5V8JX3W7T4R9M1ZD".to_owned()),
            method: say("POST"),
            path: say("/v1/customers/{customer}/refunds"),
            arguments: say_block(&arguments),
            hidden_count: 1,
            status,
            bytes: 211,
            masked: 2,
            is_cut: false,
            headers: vec![(say("content-type"), say("application/json"))],
            response,
            proof,
        };
        let proof = vec![
            proof::good("Caller, function, grants and approval match the ledger entry #18190."),
            proof::open(
                "The ledger commits to the arguments as they ran; masked ones can't be compared.",
            ),
            proof::good("The recording matches the ledger entry #18193, byte for byte."),
            proof::good("Entry #18190 is in the signed tree of 18204 entries."),
        ];
        let broken = vec![proof::bad("The recording does not match the ledger entry #18193.")];
        vec![
            page(Reason::Approved, 201, Some(say_block(&answer)), proof),
            page(Reason::TargetTimeout, 0, None, broken),
        ]
    }
}
