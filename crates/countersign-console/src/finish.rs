//! What every answer gets on its way out: the headers that keep a browser from doing more than the
//! page means, and a page or a document in place of a bare error.

use crate::{
    asker::Asker,
    console::{Console, Scheme},
    frame::{self, Frame, Place},
    pages::error::ErrorPage,
    problem::Problem,
};
use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use http::{HeaderName, HeaderValue, header};

/// Where the one form of a page may lead that leads to another site. Goes with the page as an extension;
/// without it, forms lead to the console alone.
#[derive(Clone, Debug)]
pub(crate) struct FormAction(String);

impl FormAction {
    /// A site: scheme, host and port.
    pub(crate) fn at(site: &str) -> Self {
        Self(site.to_owned())
    }
}

/// Finishes an answer.
pub(crate) async fn finish(
    State(console): State<Console>,
    request: Request,
    next: Next,
) -> Response {
    let is_page = request.uri().path().starts_with("/console");
    let mut response = with_body(next.run(request).await, is_page);
    let policy = match response.extensions_mut().remove::<FormAction>() {
        None => policy("'self'"),
        Some(FormAction(site)) => policy(&site),
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    for (name, value) in ALWAYS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    match console.scheme {
        Scheme::Https => {
            headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(HSTS));
        }
        Scheme::Http => {}
    }
    response
}

fn policy(form_action: &str) -> HeaderValue {
    let policy = format!(
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; \
         connect-src 'self'; form-action {form_action}; base-uri 'none'; frame-ancestors 'none'"
    );
    HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
}

/// The answer, with a body that says what went wrong if something did.
fn with_body(mut response: Response, is_page: bool) -> Response {
    let status = response.status();
    let problem = response.extensions_mut().remove::<Problem>();
    if problem.is_none() && !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let is_finished = problem.is_none()
        && response.headers().get(header::CONTENT_TYPE).is_some_and(|it| {
            it == "application/problem+json"
                || it == "application/json"
                || it.as_bytes().starts_with(b"text/html")
        });
    if is_finished {
        return response;
    }
    let problem = problem.unwrap_or_else(|| Problem::of_status(status));
    let asker = response.extensions_mut().remove::<Asker>();
    let mut answer = if is_page { as_page(&problem, asker.as_ref()) } else { problem.as_json() };
    *answer.status_mut() = problem.status;
    for name in KEPT {
        for value in response.headers().get_all(&name) {
            answer.headers_mut().append(&name, value.clone());
        }
    }
    answer
}

fn as_page(problem: &Problem, asker: Option<&Asker>) -> Response {
    let heading = ErrorPage::heading(problem.status);
    let frame = match asker {
        Some(asker) => Frame::new(heading, Place::Elsewhere, asker.signed()),
        None => Frame::stranger(heading),
    };
    let page = ErrorPage::new(frame, problem);
    frame::page(&page).unwrap_or_else(|_| problem.as_json())
}

const ALWAYS: [(HeaderName, &str); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "same-origin"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];
/// Two years, as browsers' preload lists ask; subdomains are the operator's to decide.
const HSTS: &str = "max-age=63072000";
/// Headers of a bare error that its page or document keeps.
const KEPT: [HeaderName; 5] = [
    header::WWW_AUTHENTICATE,
    header::SET_COOKIE,
    header::ALLOW,
    header::RETRY_AFTER,
    HeaderName::from_static("dpop-nonce"),
];
