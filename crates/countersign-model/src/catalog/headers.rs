//! Which request headers belong to nobody who calls: they frame the message, or speak between two
//! neighbours. A catalog that places one is refused, and a gateway sends none.

/// Whether a request header is between the caller and the gateway, or between the gateway and the
/// target, so that it never passes and no argument is sent as one. The name is in lower case.
pub fn never_passes(name: &str) -> bool {
    REQUEST_NEVER.contains(&name) || name.starts_with(OWN) || name == CLIENT_CERTIFICATE
}

/// Whether a header frames the message or belongs to one connection (RFC 9110 §7.6.1, RFC 9112
/// §6), so that not even a target's credential may stand in it. The name is in lower case.
pub fn frames(name: &str) -> bool {
    FRAMING.contains(&name) || name.starts_with(OWN)
}

/// Whether a name that may end in `*` covers a header that never passes.
pub(crate) fn covers_one_that_never_passes(pattern: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(stem) => {
            never_passes(stem)
                || OWN.starts_with(stem)
                || REQUEST_NEVER.iter().any(|it| it.starts_with(stem))
        }
        None => never_passes(pattern),
    }
}

/// What some proxies call `client-cert`. No `*` lets it pass either.
const CLIENT_CERTIFICATE: &str = "x-forwarded-client-cert";

/// The gateway's own headers begin so.
const OWN: &str = "countersign-";

const REQUEST_NEVER: [&str; 26] = [
    "accept-encoding",
    "authorization",
    // RFC 9440: whoever ended TLS says it, and that is the gateway.
    "client-cert",
    "client-cert-chain",
    "connection",
    "content-encoding",
    "content-length",
    "cookie",
    "dpop",
    "expect",
    "forwarded",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-original-url",
    "x-rewrite-url",
];

const FRAMING: [&str; 12] = [
    "connection",
    "content-encoding",
    "content-length",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

#[cfg(test)]
mod tests;
