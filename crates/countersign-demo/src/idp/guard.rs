//! What every request meets first, and every answer carries: this machine only, no caching, no
//! scripts. Never looks at tokens or forms.

use super::{Idp, config::is_loopback};
use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{
    HeaderMap, HeaderName, HeaderValue, StatusCode, Uri,
    header::{
        CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, ORIGIN, REFERRER_POLICY,
        X_CONTENT_TYPE_OPTIONS,
    },
};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Refuses hosts other than loopback, so that no name on the web can be made to point here (DNS
/// rebinding), and sets the headers that a page of a sign-in needs.
pub(crate) async fn guard(State(idp): State<Idp>, request: Request, next: Next) -> Response {
    let mut response = match asked_host(request.headers(), request.uri()) {
        Some(host) if is_loopback(&host) => next.run(request).await,
        Some(_) | None => refusal().into_response(),
    };
    let headers = response.headers_mut();
    let policy = content_security_policy(&idp, None);
    headers.entry(CONTENT_SECURITY_POLICY).or_insert(policy);
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // Not `no-referrer`: with it, browsers send `Origin: null` with our own forms.
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    response
}

/// The page policy: nothing but our own style sheet and forms. `returns_to` is the origin that the
/// sign-in's form ends at, since browsers hold the redirect after a form to `form-action` as well.
pub(crate) fn content_security_policy(idp: &Idp, returns_to: Option<&str>) -> HeaderValue {
    let returns_to = returns_to.unwrap_or(&idp.0.issuer.origin);
    let policy = format!(
        "default-src 'none'; style-src 'self'; form-action 'self' {returns_to}; base-uri 'none'; \
         frame-ancestors 'none'"
    );
    HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
}

/// Whether a browser says that another site sent this request. Programs say nothing.
pub(crate) fn is_cross_site(idp: &Idp, headers: &HeaderMap) -> bool {
    if let Some(site) = headers.get(SEC_FETCH_SITE)
        && !matches!(site.as_bytes(), b"same-origin" | b"none")
    {
        return true;
    }
    let Some(origin) = headers.get(ORIGIN) else { return false };
    let own = |host: &str| format!("http://{host}");
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).map(own);
    origin.to_str().map_or(true, |origin| {
        origin != idp.0.issuer.origin && host.is_none_or(|host| host != origin)
    })
}

/// The host that the request is for: `Host`, or HTTP/2's `:authority`. Two of them are none.
fn asked_host(headers: &HeaderMap, uri: &Uri) -> Option<String> {
    let mut hosts = headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().ok().map(str::to_owned),
        (Some(_), Some(_)) => None,
        (None, _) => uri.authority().map(ToString::to_string),
    }
}

fn refusal() -> (StatusCode, &'static str) {
    let text = "the demo identity provider answers on loopback only; call it as 127.0.0.1\n";
    (StatusCode::FORBIDDEN, text)
}
