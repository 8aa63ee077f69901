//! What leaves for the target, made from the arguments that were decided on.

use super::arguments::{has_body, invalid, stands_in_body};
use crate::respond::Stop;
use bytes::Bytes;
use countersign_model::{
    Function,
    catalog::{BodyKind, headers::never_passes},
    json,
};
use hyper::body::Incoming;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};

/// A request below a target's URL.
#[derive(Debug)]
pub(crate) struct Outgoing {
    /// Path below the target's own, beginning with a slash, and the query.
    pub(crate) path_and_query: String,
    /// Headers that are arguments: names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    /// What stands in the body.
    pub(crate) body: OutgoingBody,
}

/// A request's body as it leaves.
#[derive(Debug)]
pub(crate) enum OutgoingBody {
    /// None.
    None,
    /// JSON text.
    Json(Bytes),
    /// Form text.
    Form(Bytes),
    /// Bytes as they come, at most so many.
    Stream(Incoming, u64),
}

/// RFC 3986 unreserved characters stand for themselves in a query.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The request that says exactly these arguments.
pub(crate) fn from_arguments(function: &Function, arguments: &Value) -> Result<Outgoing, Stop> {
    with_body(function, arguments, None)
}

/// The request that says exactly these arguments, with the JSON text that said them, if there is
/// one: it is sent on unchanged, so that a signature over it holds.
pub(super) fn with_body(
    function: &Function,
    arguments: &Value,
    original: Option<Bytes>,
) -> Result<Outgoing, Stop> {
    let empty = Map::new();
    let members = arguments.as_object().unwrap_or(&empty);
    let (path_and_query, headers) = head(function, members)?;
    let in_body = || members.iter().filter(|(name, _)| stands_in_body(function, name));
    if !has_body(function)
        && let Some((name, _)) = in_body().next()
    {
        let what = format!("there is no argument `{}`", name.escape_debug());
        return Err(invalid(function, &what));
    }
    let body = match (function.http.body, original) {
        (_, Some(bytes)) => OutgoingBody::Json(bytes),
        _ if in_body().next().is_none() => OutgoingBody::None,
        (BodyKind::Json, None) => {
            let body: Map<String, Value> =
                in_body().map(|(name, value)| (name.clone(), value.clone())).collect();
            let mut bytes = Vec::new();
            json::canonical_into(&Value::Object(body), &mut bytes);
            OutgoingBody::Json(bytes.into())
        }
        (BodyKind::Form, None) => {
            let mut text = String::new();
            for (name, value) in in_body() {
                push_pairs(function, &mut text, name, value)?;
            }
            OutgoingBody::Form(text.into())
        }
        (BodyKind::None | BodyKind::Stream, None) => OutgoingBody::None,
    };
    Ok(Outgoing { path_and_query, headers, body })
}

/// The request with a body that passes as it comes.
pub(super) fn from_streamed(
    function: &Function,
    arguments: &Value,
    body: Incoming,
    bytes_max: u64,
) -> Result<Outgoing, Stop> {
    let outgoing = from_arguments(function, arguments)?;
    Ok(Outgoing { body: OutgoingBody::Stream(body, bytes_max), ..outgoing })
}

type Head = (String, Vec<(String, String)>);

fn head(function: &Function, members: &Map<String, Value>) -> Result<Head, Stop> {
    let http = &function.http;
    let mut path = http
        .path
        .fill(|name| members.get(name).and_then(text))
        .map_err(|missing| invalid(function, &missing.to_string()))?;
    let mut query = String::new();
    for name in &http.query {
        if let Some(value) = members.get(name.as_ref()) {
            push_pairs(function, &mut query, name, value)?;
        }
    }
    if !query.is_empty() {
        path.push('?');
        path.push_str(&query);
    }
    let mut headers = Vec::new();
    for (name, header) in &http.headers {
        let Some(value) = members.get(name.as_ref()) else { continue };
        let text = text(value).filter(|it| fits_header(header, it));
        let text = text.ok_or_else(|| {
            invalid(function, &format!("`{name}` can't stand in the header {header}"))
        })?;
        headers.push((header.to_string(), text));
    }
    Ok((path, headers))
}

/// The path that a call with these arguments was sent to.
pub(crate) fn path_sent(function: &Function, arguments: &Value) -> Option<String> {
    function.http.path.fill(|name| arguments.get(name).and_then(text)).ok()
}

/// Whether a value stands in a header as it is: servers drop blanks around it, and what the target
/// reads must be what was decided on.
fn fits_header(header: &str, text: &str) -> bool {
    !never_passes(header)
        && text.trim_matches(' ') == text
        && text.bytes().all(|it| (b' '..=b'~').contains(&it))
}

/// A value as text where only text can stand; lists and objects can't.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(json::canonical(value)),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn push_pairs(
    function: &Function,
    out: &mut String,
    name: &str,
    value: &Value,
) -> Result<(), Stop> {
    let values = match value {
        Value::Array(items) => items.iter().collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
            vec![value]
        }
    };
    for value in values {
        let text = text(value).ok_or_else(|| {
            invalid(function, &format!("`{name}` can't stand in a query or form"))
        })?;
        if !out.is_empty() {
            out.push('&');
        }
        out.extend(utf8_percent_encode(name, QUERY));
        out.push('=');
        out.extend(utf8_percent_encode(&text, QUERY));
    }
    Ok(())
}
