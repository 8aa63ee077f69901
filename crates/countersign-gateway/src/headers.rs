//! Which headers pass, in either direction. What is not known to be harmless does not.

use countersign_model::catalog::Target;
use http::{HeaderMap, HeaderName, header};

/// On every answer: the call's id.
pub(crate) const CALL: &str = "countersign-call";
/// On every answer: the reason code.
pub(crate) const REASON: &str = "countersign-reason";
/// On a request: the caller's own name for the session that the call belongs to.
pub(crate) const SESSION: &str = "countersign-session";

/// Request headers that pass to every target. Everything else passes only where a target's
/// `forward_headers` names it.
const REQUEST: [&str; 20] = [
    "accept",
    "accept-charset",
    "accept-language",
    "baggage",
    "cache-control",
    "content-language",
    "content-type",
    "idempotency-key",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-unmodified-since",
    "last-event-id",
    "pragma",
    "prefer",
    "range",
    "traceparent",
    "tracestate",
    "user-agent",
    "x-request-id",
];

/// Answer headers that never pass: hop by hop (RFC 9110 §7.6.1), the target's own cookies and
/// challenges, which are between it and the gateway, and promises about the target's host.
const RESPONSE_NEVER: [HeaderName; 14] = [
    header::CONNECTION,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::SET_COOKIE,
    header::WWW_AUTHENTICATE,
    header::STRICT_TRANSPORT_SECURITY,
    header::ALT_SVC,
    header::PUBLIC_KEY_PINS,
    header::SERVER,
    header::VIA,
];

/// Answer headers that describe the bytes as the target sent them.
const OF_UNMASKED_BYTES: [&str; 8] = [
    "content-length",
    "content-encoding",
    "content-md5",
    "digest",
    "content-digest",
    "repr-digest",
    "accept-ranges",
    "etag",
];

/// What an answer's bytes are, compared with what the target sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bytes {
    /// The same.
    AsSent,
    /// Masked or decoded.
    Changed,
}

/// The headers of a request that a target gets.
pub(crate) fn request(from: &HeaderMap, target: &Target, answer: Bytes) -> HeaderMap {
    let mut out = HeaderMap::with_capacity(REQUEST.len());
    let named = connection_named(from);
    for (name, value) in from {
        let text = name.as_str();
        let passes = REQUEST.contains(&text)
            || target.forward_headers.iter().any(|it| match it.strip_suffix('*') {
                Some(stem) => text.starts_with(stem),
                None => it == text,
            });
        // A part of an answer can't be masked as the whole would be.
        let range = answer == Bytes::Changed && text == "range";
        if passes && !range && !named.iter().any(|it| it == text) {
            out.append(name.clone(), value.clone());
        }
    }
    out
}

/// The headers of an answer that the caller gets.
pub(crate) fn response(from: &HeaderMap, answer: Bytes) -> HeaderMap {
    let mut out = HeaderMap::with_capacity(from.len());
    let named = connection_named(from);
    for (name, value) in from {
        let text = name.as_str();
        let gone = RESPONSE_NEVER.contains(name)
            || text == "keep-alive"
            || text.starts_with("countersign-")
            || named.iter().any(|it| it == text)
            || answer == Bytes::Changed && OF_UNMASKED_BYTES.contains(&text);
        if !gone {
            out.append(name.clone(), value.clone());
        }
    }
    out
}

/// Headers that `Connection` names are hop by hop too.
fn connection_named(from: &HeaderMap) -> Vec<String> {
    from.get_all(header::CONNECTION)
        .iter()
        .filter_map(|it| it.to_str().ok())
        .flat_map(|it| it.split(','))
        .map(|it| it.trim().to_ascii_lowercase())
        .collect()
}

#[cfg(test)]
mod tests;
