//! The door of a target: its own credential or nothing, and a count of who came. Never lets a second
//! `Authorization` value pass, whichever of the two is right.

use super::problem::problem;
use crate::Secret;
use aws_lc_rs::digest::{SHA256, digest};
use axum::{
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::Response,
};
use http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{AUTHORIZATION, WWW_AUTHENTICATE},
};
use serde::Serialize;
use std::{
    collections::BTreeMap,
    fmt::Write,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// What a target saw since it began. For tests, and for whoever wants to see that nothing leaks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// Calls with the right credential, by method and route, such as `GET /v1/customers/{customer}`.
    /// Unknown routes count as `unknown`.
    pub calls: BTreeMap<String, u64>,
    /// Calls without the right credential.
    pub refused: u64,
    /// The SHA-256 of the last `Authorization` value seen, right or wrong, in hexadecimal.
    pub last_authorization_sha256: Option<String>,
    /// Refunds that were paid out; only the billing target has any.
    pub refunds_executed: u64,
}

impl Counters {
    /// Calls with the right credential, all routes together.
    pub fn calls_total(&self) -> u64 {
        self.calls.values().sum()
    }
}

/// The counters, shared between a target and its door.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally(Arc<Mutex<Counters>>);

impl Tally {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Counters> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn read(&self) -> Counters {
        self.lock().clone()
    }
}

/// What stands at the door.
#[derive(Debug, Clone)]
pub(crate) struct Door {
    pub(crate) credential: Secret,
    pub(crate) tally: Tally,
}

pub(crate) async fn check(State(door): State<Door>, request: Request, next: Next) -> Response {
    let sha256 = request
        .headers()
        .get(AUTHORIZATION)
        .map(|value| hexadecimal(digest(&SHA256, value.as_bytes()).as_ref()));
    let welcome = offered(request.headers()).is_some_and(|it| door.credential.matches(it));
    {
        let mut counters = door.tally.lock();
        if sha256.is_some() {
            counters.last_authorization_sha256 = sha256;
        }
        if welcome {
            let calls = counters.calls.entry(route_of(&request)).or_default();
            *calls = calls.saturating_add(1);
        } else {
            counters.refused = counters.refused.saturating_add(1);
        }
    }
    if welcome {
        return next.run(request).await;
    }
    let text = "this API only accepts its own credential; call it through Countersign";
    let mut response = problem(StatusCode::UNAUTHORIZED, text);
    response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    response
}

/// The one bearer token that was offered.
fn offered(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (value, None) = (values.next()?, values.next()) else { return None };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token)
}

/// Method and route, without the prefix that the router is nested under. Never the path itself,
/// which could be anything, so that the map stays small.
fn route_of(request: &Request) -> String {
    let route = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    let route = route.and_then(|route| match route.split_once("/v1/") {
        Some((_, rest)) => Some(format!("/v1/{rest}")),
        None => route.ends_with("/counters").then(|| "/counters".to_owned()),
    });
    match (route, request.method().as_str()) {
        (Some(route), method @ ("GET" | "POST" | "DELETE")) => format!("{method} {route}"),
        (Some(_) | None, _) => "unknown".to_owned(),
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap_or_default();
        text
    })
}
