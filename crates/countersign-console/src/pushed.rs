//! What identity providers push, and nobody signs in for: logout tokens (OpenID Connect Back-Channel
//! Logout 1.0) and security events (RFC 8935). A push proves itself by its signature; few are looked
//! at at once, each is short, and what it says is done before it counts as used.

use crate::console::Console;
use axum::{
    body::{Body, to_bytes},
    extract::{Path, Request, State},
    response::{IntoResponse, Response},
};
use countersign_governance::Unavailable;
use countersign_identity::{Act, EventRefused, Logout, LogoutRefused, Peer, Presented, Received};
use countersign_model::{Subject, Timestamp, Whose};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::{Value, json};
use std::{collections::BTreeMap, time::Duration};
use tokio::{sync::SemaphorePermit, time::timeout};

/// A push that was not taken.
#[derive(Debug)]
enum Push {
    /// It will not be taken later either.
    Refused { status: StatusCode, error: &'static str, code: &'static str, text: String },
    /// It may be taken later.
    NotNow(&'static str),
}

/// `POST /sign-out/back-channel/{issuer}`: somebody's session ended at the issuer.
pub(crate) async fn logout(
    State(console): State<Console>,
    Path(issuer): Path<String>,
    request: Request,
) -> Response {
    match take_logout(&console, &issuer, request).await {
        Ok(()) => StatusCode::OK.into_response(),
        Err(push) => push.answer(|error, code, text| {
            json!({"error": error, "error_description": format!("{code}: {text}")})
        }),
    }
}

async fn take_logout(console: &Console, issuer: &str, request: Request) -> Result<(), Push> {
    let sign_in = console.sign_in(issuer).ok_or_else(|| Push::Refused {
        status: StatusCode::NOT_FOUND,
        error: "invalid_request",
        code: "issuer_unknown",
        text: "nobody signs in here with an issuer of this name".to_owned(),
    })?;
    let _turn = turn(console).await?;
    let (headers, body) = request.into_parts();
    is_of_type(&headers.headers, "application/x-www-form-urlencoded")?;
    let body = read(body).await?;
    let token = form_field(&body, "logout_token").ok_or_else(|| malformed("no logout_token"))?;
    let sent = Presented::bearer(&token).sent_by(headers.extensions.get::<Peer>().copied());
    let logout = sign_in.judge_logout(sent).await.map_err(|it| logout_refused(issuer, &it))?;
    let Logout { issuer: name, whose, before, .. } = &logout;
    let by = Subject::new(format!("issuer:{name}"));
    end(console, &by, whose, *before, "signed out at the identity provider").await?;
    logout.used(&console.parts.once).await.map_err(|it| logout_refused(issuer, &it))
}

/// `POST /ssf/events`: a transmitter tells of security events (RFC 8935 §2).
pub(crate) async fn events(State(console): State<Console>, request: Request) -> Response {
    match take_events(&console, request).await {
        Ok(()) => StatusCode::ACCEPTED.into_response(),
        Err(push) => push.answer(
            |error, code, text| json!({"err": error, "description": format!("{code}: {text}")}),
        ),
    }
}

async fn take_events(console: &Console, request: Request) -> Result<(), Push> {
    let receiver = console.parts.events.as_ref().filter(|it| !it.is_empty());
    let receiver = receiver.ok_or_else(|| event_refused(&EventRefused::IssuerUnknown))?;
    let _turn = turn(console).await?;
    let (head, body) = request.into_parts();
    is_of_type(&head.headers, "application/secevent+jwt")?;
    let body = read(body).await?;
    let token = std::str::from_utf8(&body).map_err(|_| malformed("the body is no token"))?;
    let given = head.headers.get(header::AUTHORIZATION).and_then(|it| it.to_str().ok());
    let sent = Presented::bearer(token.trim());
    let sent = sent.sent_by(head.extensions.get::<Peer>().copied());
    let received = receiver.judge(given, sent).await;
    let received = received.map_err(|it| event_refused(&it))?;
    let by = Subject::new(format!("events:{}", received.transmitter));
    for act in &received.acts {
        act_on(console, &by, &received, act).await?;
    }
    received.used(&console.parts.once).await.map_err(|it| event_refused(&it))?;
    // What it said is done. That it was heard is for who watches the stream.
    let now = console.governance().clock().now();
    if let Err(error) = console.governance().store().hear(&received.transmitter, now).await {
        tracing::warn!(%error, transmitter = received.transmitter, "an event came, unnoted");
    }
    Ok(())
}

async fn act_on(
    console: &Console,
    by: &Subject,
    received: &Received,
    act: &Act,
) -> Result<(), Push> {
    let transmitter = &received.transmitter;
    match act {
        Act::EndSessions { whose, before, event } => {
            end(console, by, whose, *before, &format!("{event} of {transmitter}")).await
        }
        Act::Suspend { whose, before, subject, known_as } => {
            let why = format!("account-disabled of {transmitter}");
            let mut subjects: Vec<Subject> = subject.iter().cloned().collect();
            if let (None, Some((issuer, name))) = (subject, known_as) {
                let found = console.governance().subjects_signed_in(issuer, name).await;
                subjects = found.map_err(|it| unavailable(&it))?;
                if subjects.is_empty() {
                    tracing::warn!(transmitter, "a disabled account has no known subject here");
                }
            }
            for subject in &subjects {
                let suspended = console.governance().suspend_for(by, subject, &why).await;
                suspended.map_err(|it| unavailable(&it))?;
            }
            end(console, by, whose, *before, &why).await
        }
        Act::Verified => {
            tracing::info!(transmitter, "the stream of security events works");
            Ok(())
        }
        Act::Ignored(event) => {
            tracing::info!(transmitter, event, "nothing follows from a security event");
            Ok(())
        }
    }
}

async fn end(
    console: &Console,
    by: &Subject,
    whose: &[Whose],
    before: Timestamp,
    why: &str,
) -> Result<(), Push> {
    let ended = console.governance().end_sessions(by, whose, before, why).await;
    let ended = ended.map_err(|it| unavailable(&it))?;
    tracing::info!(%by, browsers = ended.browsers, cut_offs = ended.cut_offs, why, "sessions end");
    Ok(())
}

/// A place among the few pushes that are looked at at once.
async fn turn(console: &Console) -> Result<SemaphorePermit<'_>, Push> {
    match timeout(TURN_WITHIN, console.pushes.acquire()).await {
        Ok(Ok(turn)) => Ok(turn),
        Ok(Err(_)) | Err(_) => Err(Push::NotNow("too many pushes at once")),
    }
}

async fn read(body: Body) -> Result<bytes::Bytes, Push> {
    match timeout(BODY_WITHIN, to_bytes(body, BODY_BYTES_MAX)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(_)) => Err(malformed("the body is longer than 64 KiB, or broke off")),
        Err(_) => Err(malformed("the body did not arrive in time")),
    }
}

fn is_of_type(headers: &HeaderMap, wanted: &str) -> Result<(), Push> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok()).unwrap_or("");
    let kind = kind.split(';').next().unwrap_or("").trim();
    if kind.eq_ignore_ascii_case(wanted) {
        return Ok(());
    }
    Err(Push::Refused {
        status: StatusCode::UNSUPPORTED_MEDIA_TYPE,
        error: "invalid_request",
        code: "content_type",
        text: format!("the body must be of type {wanted}"),
    })
}

/// A field of a form; `None` if it is there twice, or not at all.
fn form_field(body: &[u8], wanted: &str) -> Option<String> {
    let fields: Option<BTreeMap<String, String>> = crate::gate::form_fields(body);
    fields?.remove(wanted)
}

fn malformed(text: &str) -> Push {
    Push::Refused {
        status: StatusCode::BAD_REQUEST,
        error: "invalid_request",
        code: "invalid_request",
        text: text.to_owned(),
    }
}

fn logout_refused(issuer: &str, refused: &LogoutRefused) -> Push {
    let cause = std::error::Error::source(refused).map(ToString::to_string);
    tracing::warn!(code = refused.code(), issuer, cause, "a logout token was refused");
    if refused.is_passing() {
        return Push::NotNow("the token can't be judged at the moment");
    }
    let (code, text) = (refused.code(), refused.to_string());
    Push::Refused { status: StatusCode::BAD_REQUEST, error: "invalid_request", code, text }
}

fn event_refused(refused: &EventRefused) -> Push {
    let cause = std::error::Error::source(refused).map(ToString::to_string);
    tracing::warn!(code = refused.code(), cause, "a security event was refused");
    if refused.is_passing() {
        return Push::NotNow("the token can't be judged at the moment");
    }
    let status = match refused {
        EventRefused::Stranger => StatusCode::UNAUTHORIZED,
        EventRefused::IssuerUnknown
        | EventRefused::Token(_)
        | EventRefused::ClaimNotAllowed(_)
        | EventRefused::NoName
        | EventRefused::TooOld
        | EventRefused::EventMalformed(_)
        | EventRefused::SubjectNotUnderstood(_)
        | EventRefused::SubjectNotAccepted
        | EventRefused::Used
        | EventRefused::Register(_) => StatusCode::BAD_REQUEST,
    };
    let (error, code, text) = (refused.error(), refused.code(), refused.to_string());
    Push::Refused { status, error, code, text }
}

fn unavailable(error: &Unavailable) -> Push {
    tracing::warn!(code = error.code(), %error, "a push could not be acted on");
    Push::NotNow("what it asks for can't be written at the moment")
}

impl Push {
    fn answer(self, document: impl Fn(&str, &str, &str) -> Value) -> Response {
        let (status, document) = match self {
            Self::Refused { status, error, code, text } => (status, document(error, code, &text)),
            Self::NotNow(text) => {
                let status = StatusCode::SERVICE_UNAVAILABLE;
                (status, document("temporarily_unavailable", "unavailable", text))
            }
        };
        let mut response = (status, document.to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        }
        if status == StatusCode::UNAUTHORIZED {
            // RFC 9110 §15.5.2 wants one; which scheme was agreed upon is nobody else's affair.
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// Pushes that are looked at at once: each costs one signature at most.
pub(crate) const AT_ONCE_MAX: usize = 8;
const TURN_WITHIN: Duration = Duration::from_secs(2);
const BODY_WITHIN: Duration = Duration::from_secs(10);
const BODY_BYTES_MAX: usize = 64 * 1024;
