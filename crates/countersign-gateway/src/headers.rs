//! Which headers pass, in either direction. What is not known to be harmless does not.

use countersign_model::CallId;
use countersign_model::{
    Function,
    catalog::{Target, headers::never_passes, raw::HttpVersion},
};
use http::{HeaderMap, HeaderName, HeaderValue, header};

/// On every answer: the call's id.
pub(crate) static CALL: HeaderName = HeaderName::from_static("countersign-call");
/// On every answer: the reason code.
pub(crate) static REASON: HeaderName = HeaderName::from_static("countersign-reason");
/// On a request: the caller's own name for the session that the call belongs to.
pub(crate) static SESSION: HeaderName = HeaderName::from_static("countersign-session");
/// On a request: its W3C trace.
pub(crate) static TRACE: HeaderName = HeaderName::from_static("traceparent");

/// Request headers that pass to every target. Everything else passes only where a target's
/// `forward_headers` names it.
const REQUEST: [&str; 21] = [
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
    "if-range",
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
const RESPONSE_NEVER: [&str; 27] = [
    "accept-ch",
    "alt-svc",
    "authentication-info",
    "clear-site-data",
    "connection",
    "expect-ct",
    "keep-alive",
    "nel",
    "origin-agent-cluster",
    "proxy-authenticate",
    "proxy-authentication-info",
    "proxy-authorization",
    "proxy-connection",
    "public-key-pins",
    "public-key-pins-report-only",
    "report-to",
    "reporting-endpoints",
    "server",
    "service-worker-allowed",
    "set-cookie",
    "set-cookie2",
    "strict-transport-security",
    "te",
    "transfer-encoding",
    "upgrade",
    "via",
    "www-authenticate",
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

/// The headers of a request that a target gets, but for those that the gateway makes itself.
/// A header that is an argument passes as that argument only, and not beside it.
pub(crate) fn request(
    from: &HeaderMap,
    target: &Target,
    function: &Function,
    answer: Bytes,
) -> HeaderMap {
    // Room for those that the gateway adds.
    let mut out = HeaderMap::with_capacity(from.len() + 4);
    let named = connection_named(from);
    for (name, value) in from {
        let text = name.as_str();
        let passes = REQUEST.contains(&text) || is_forwarded(target, text);
        // A part of an answer can't be masked as the whole would be.
        let range = answer == Bytes::Changed && matches!(text, "range" | "if-range");
        let argument = function.http.headers.values().any(|it| **it == *text);
        if passes
            && !range
            && !argument
            && !never_passes(text)
            && !named.iter().any(|it| it == text)
        {
            out.append(name.clone(), value.clone());
        }
    }
    if takes_trailers(from) {
        out.insert(header::TE, HeaderValue::from_static("trailers"));
        // RFC 9110 §10.1.4. HTTP/2 has no `Connection` (RFC 9113 §8.2.2).
        if target.http_version != HttpVersion::Http2 {
            out.insert(header::CONNECTION, HeaderValue::from_static("te"));
        }
    }
    out
}

/// A call's id as a header's value.
pub(crate) fn call(call: CallId) -> Option<HeaderValue> {
    // An identifier is letters and digits.
    HeaderValue::from_maybe_shared(bytes::Bytes::from(call.to_string())).ok()
}

/// Whether the target's `forward_headers` name a header. Where it came from is what a caller must
/// not be able to say, so only the full name lets such a header through.
fn is_forwarded(target: &Target, name: &str) -> bool {
    target.forward_headers.iter().any(|it| match it.strip_suffix('*') {
        Some(stem) => name.starts_with(stem) && !name.starts_with("x-forwarded-"),
        None => it == name,
    })
}

/// Whether the caller says that it takes trailers (RFC 9110 §10.1.4).
fn takes_trailers(from: &HeaderMap) -> bool {
    let listed = from.get_all(header::TE).iter().filter_map(|it| it.to_str().ok());
    listed.flat_map(|it| it.split(',')).any(|it| it.trim().eq_ignore_ascii_case("trailers"))
}

/// The headers of an answer that the caller gets.
pub(crate) fn response(from: &HeaderMap, answer: Bytes) -> HeaderMap {
    let mut out = HeaderMap::with_capacity(from.len());
    let named = connection_named(from);
    for (name, value) in from {
        let text = name.as_str();
        let gone = RESPONSE_NEVER.contains(&text)
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
