//! Reads a request's body as far as the function's form wants it, within its limit.

use crate::respond::{Stop, Told};
use bytes::Bytes;
use countersign_model::{Reason, Span, catalog::BodyKind};
use http::{HeaderMap, header};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};
use std::time::Duration;

/// A request's body.
#[derive(Debug)]
pub(crate) enum Content {
    /// There is none.
    None,
    /// JSON text, not yet parsed.
    Json(Bytes),
    /// Form text, not yet parsed.
    Form(Bytes),
    /// Passes as it comes.
    Stream(Incoming, u64),
}

/// Reads a body whole, unless it is to be streamed; one that is not here `within` its time is refused.
pub(crate) async fn body(
    kind: BodyKind,
    headers: &HeaderMap,
    body: Incoming,
    bytes_max: u64,
    within: Duration,
) -> Result<Content, Stop> {
    if body.size_hint().exact().is_some_and(|bytes| bytes > bytes_max) {
        return Err(too_large(bytes_max));
    }
    if body.is_end_stream() {
        return Ok(Content::None);
    }
    match kind {
        BodyKind::None => Err(ambiguous("it has a body, and the function takes none")),
        BodyKind::Stream => Ok(Content::Stream(body, bytes_max)),
        BodyKind::Json => {
            if !is_json(headers) {
                return Err(ambiguous("its Content-Type is not application/json"));
            }
            collect(body, bytes_max, within).await.map(Content::Json)
        }
        BodyKind::Form => {
            if media_type(headers) != Some("application/x-www-form-urlencoded".to_owned()) {
                return Err(ambiguous("its Content-Type is not application/x-www-form-urlencoded"));
            }
            collect(body, bytes_max, within).await.map(Content::Form)
        }
    }
}

async fn collect(body: Incoming, bytes_max: u64, within: Duration) -> Result<Bytes, Stop> {
    let limit = usize::try_from(bytes_max).unwrap_or(usize::MAX);
    let whole = tokio::time::timeout(within, Limited::new(body, limit).collect()).await;
    match whole {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large(bytes_max)),
        Ok(Err(_)) => Err(ambiguous("its body broke off")),
        Err(_) => Err(ambiguous(&format!(
            "its body did not arrive whole within {}",
            Span::from_millis(i64::try_from(within.as_millis()).unwrap_or(i64::MAX))
        ))),
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    media_type(headers).is_some_and(|it| {
        it == "application/json" || it.starts_with("application/") && it.ends_with("+json")
    })
}

/// The media type, lower case; `None` if it is absent, or names a charset other than UTF-8.
fn media_type(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    let mut parts = text.split(';');
    let media_type = parts.next()?.trim().to_ascii_lowercase();
    let utf8 = parts.all(|parameter| match parameter.trim().split_once('=') {
        Some((name, value)) if name.eq_ignore_ascii_case("charset") => {
            value.trim_matches('"').eq_ignore_ascii_case("utf-8")
        }
        Some(_) | None => true,
    });
    utf8.then_some(media_type)
}

fn ambiguous(what: &str) -> Stop {
    Stop::new(Reason::RequestAmbiguous, Told::ambiguous(what))
}

fn too_large(bytes_max: u64) -> Stop {
    Stop::say(
        Reason::RequestTooLarge,
        &format!("The request is larger than {bytes_max} bytes."),
        "Send less at once, or ask an administrator to raise the target's limit.",
    )
}
