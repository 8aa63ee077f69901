//! The device flow (RFC 8628): a terminal shows a short code, a person types it on a page, says who
//! they are, and the terminal gets tokens. The page never acts on GET.

use super::{
    Client, ClientKind, DEVICE_INTERVAL_SECONDS, DEVICE_SECONDS, Idp, SignIn,
    bounded::Found,
    guard::is_cross_site,
    key_of, page,
    token_request::{TokenError, authenticated},
    tokens::granted_scopes,
};
use axum::{
    Form, Json,
    extract::{
        Query, State,
        rejection::{FormRejection, QueryRejection},
    },
    response::{IntoResponse, Response},
};
use countersign_model::{Entropy, Span, Timestamp};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::json;

/// Consonants that are not mistaken for one another, and make no words (RFC 8628 §6.1).
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
const USER_CODE_LETTERS: usize = 8;

/// A device that waits for its person.
#[derive(Debug)]
pub(crate) struct Device {
    client_id: String,
    user_code: String,
    requested: String,
    interval: Span,
    asked_at: Option<Timestamp>,
    answer: Answer,
}

#[derive(Debug)]
enum Answer {
    Pending,
    Approved(SignIn),
    Denied,
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct Begin {
    client_id: Option<String>,
    client_secret: Option<String>,
    scope: Option<String>,
}

/// What our own page sends: a code, and once the person has seen what it belongs to, a choice.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Typed {
    user_code: Option<String>,
    /// Whose button was pressed; empty for "nobody".
    chosen: Option<String>,
}

/// RFC 8628 §3.1.
pub(crate) async fn begin(
    State(idp): State<Idp>,
    headers: HeaderMap,
    asked: Result<Form<Begin>, FormRejection>,
) -> Response {
    let Ok(Form(asked)) = asked else {
        return TokenError::InvalidRequest("the form can't be read").into_response();
    };
    let secret = asked.client_secret.as_deref();
    let client = match authenticated(&idp, &headers, asked.client_id.as_deref(), secret) {
        Ok(client) if matches!(client.kind, ClientKind::Cli) => client,
        Ok(_) => return TokenError::UnauthorizedClient.into_response(),
        Err(error) => return error.into_response(),
    };
    let (device_code, key) = idp.fresh_secret();
    let user_code = user_code(&idp.0.entropy);
    let now = idp.now();
    let device = Device {
        client_id: client.id.clone(),
        user_code: user_code.clone(),
        requested: asked.scope.unwrap_or_default(),
        interval: Span::from_seconds(DEVICE_INTERVAL_SECONDS),
        asked_at: None,
        answer: Answer::Pending,
    };
    let ends_at = now.plus(Span::from_seconds(DEVICE_SECONDS));
    if idp.waiting().devices.insert(key, device, ends_at, now).is_err() {
        return TokenError::Unavailable.into_response();
    }
    let page = format!("{}/device", idp.0.issuer.text);
    Json(json!({
        "device_code": device_code,
        "user_code": user_code,
        "verification_uri": page,
        "verification_uri_complete": format!("{page}?user_code={user_code}"),
        "expires_in": DEVICE_SECONDS,
        "interval": DEVICE_INTERVAL_SECONDS,
    }))
    .into_response()
}

/// The field for the code; or, if the code is in the address, what it belongs to.
pub(crate) async fn ask(
    State(idp): State<Idp>,
    typed: Result<Query<Typed>, QueryRejection>,
) -> Response {
    match typed.map(|Query(typed)| typed.user_code) {
        Ok(Some(user_code)) => confirm(&idp, &user_code),
        Ok(None) => page::type_code(&idp, page::Attempt::First).into_response(),
        Err(_) => page::problem(&idp, StatusCode::BAD_REQUEST, "The request was not understood."),
    }
}

/// A typed code, or a choice.
pub(crate) async fn answer(
    State(idp): State<Idp>,
    headers: HeaderMap,
    typed: Result<Form<Typed>, FormRejection>,
) -> Response {
    let Ok(Form(Typed { user_code: Some(user_code), chosen })) = typed else {
        return page::problem(&idp, StatusCode::BAD_REQUEST, "The request was not understood.");
    };
    if is_cross_site(&idp, &headers) {
        return page::problem(&idp, StatusCode::FORBIDDEN, "Another site sent this form.");
    }
    let Some(chosen) = chosen else { return confirm(&idp, &user_code) };
    let now = idp.now();
    let person = idp.person(&chosen);
    let mut waiting = idp.waiting();
    let Some(device) = waiting.devices.find_by(now, |it| it.is_asked_by(&user_code)) else {
        drop(waiting);
        return unknown_code(&idp);
    };
    device.answer = match person {
        Some(person) => Answer::Approved(SignIn {
            client_id: device.client_id.clone(),
            subject: person.subject.clone(),
            scopes: granted_scopes(&device.requested, &person.scopes),
            nonce: None,
            signed_in_at: now,
            family: idp.0.entropy.bytes(),
        }),
        None => Answer::Denied,
    };
    drop(waiting);
    let (title, text) = match person {
        Some(person) => (
            format!("You are signed in as {}", person.name),
            "Go back to your terminal; it goes on by itself. You can close this page.",
        ),
        None => (
            "Nobody was signed in".to_owned(),
            "The terminal was told no. You can close this page.",
        ),
    };
    page::message(&idp, StatusCode::OK, &title, text).into_response()
}

/// The sign-in that a device code leads to (RFC 8628 §3.4, §3.5). An approval is used once.
pub(crate) fn redeem(idp: &Idp, client: &Client, code: &str) -> Result<SignIn, TokenError> {
    let (key, now) = (key_of(code), idp.now());
    let mut waiting = idp.waiting();
    let device = match waiting.devices.find(&key, now) {
        Found::Live(device) if device.client_id == client.id => device,
        Found::Expired => return Err(TokenError::ExpiredToken),
        Found::Live(_) | Found::Absent => {
            return Err(TokenError::InvalidGrant("the device code is not known"));
        }
    };
    let too_soon = device.asked_at.is_some_and(|before| now.since(before) < device.interval);
    device.asked_at = Some(now);
    let outcome = match &device.answer {
        Answer::Pending if too_soon => {
            device.interval = Span::from_millis(device.interval.millis().saturating_add(5_000));
            return Err(TokenError::SlowDown);
        }
        Answer::Pending => return Err(TokenError::AuthorizationPending),
        Answer::Denied => Err(TokenError::AccessDenied),
        Answer::Approved(sign_in) => Ok(sign_in.clone()),
    };
    waiting.devices.remove(&key);
    outcome
}

impl Device {
    /// Whether this pending device showed the code that somebody typed, however they typed it.
    fn is_asked_by(&self, typed: &str) -> bool {
        let letters = |text: &str| {
            let letters = text.chars().filter(char::is_ascii_alphabetic);
            letters.map(|it| it.to_ascii_uppercase()).collect::<String>()
        };
        matches!(self.answer, Answer::Pending) && letters(typed) == letters(&self.user_code)
    }
}

fn confirm(idp: &Idp, user_code: &str) -> Response {
    let now = idp.now();
    let found = idp
        .waiting()
        .devices
        .find_by(now, |it| it.is_asked_by(user_code))
        .map(|device| (device.client_id.clone(), device.user_code.clone()));
    match found {
        Some((client_id, user_code)) => {
            let client = idp.client(&client_id).map_or(client_id.as_str(), |it| it.name.as_str());
            page::confirm_device(idp, client, &user_code).into_response()
        }
        None => unknown_code(idp),
    }
}

fn unknown_code(idp: &Idp) -> Response {
    (StatusCode::NOT_FOUND, page::type_code(idp, page::Attempt::Again)).into_response()
}

/// `BCDF-GHJK`: 20⁸ codes, which live for ten minutes on one machine.
fn user_code(entropy: &Entropy) -> String {
    let mut code = String::with_capacity(USER_CODE_LETTERS + 1);
    let mut letters = 0;
    while letters < USER_CODE_LETTERS {
        for byte in entropy.bytes::<16>() {
            // 240 is a multiple of 20; what is above would favour the first letters.
            let letter = LETTERS.get(usize::from(byte % 20)).filter(|_| byte < 240);
            let Some(letter) = letter.filter(|_| letters < USER_CODE_LETTERS) else { continue };
            if letters == USER_CODE_LETTERS / 2 {
                code.push('-');
            }
            code.push(char::from(*letter));
            letters += 1;
        }
    }
    code
}
