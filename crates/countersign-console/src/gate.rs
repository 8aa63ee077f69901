//! The guard of each route: who asks, whether they may, and whether a change was meant by them and
//! not by another site. Nothing behind it runs before.

use crate::{
    asker::{self, Asker, Credential},
    console::Console,
    problem::Problem,
    web_session,
};
use axum::{
    extract::{FromRequest, RawForm, Request, State},
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
};
use countersign_model::approval::Standing;
use http::{HeaderMap, Method, StatusCode, Uri, header, request::Parts};
use std::{collections::BTreeMap, sync::Arc};

/// How a route is entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    /// A page: a signed-in browser.
    Page,
    /// The management API: a bearer token, or a signed-in browser's script.
    Api,
    /// Nobody has to say who they are.
    Open,
}

/// Who may enter. What they then see or may do of a thing is judged for each thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// Anyone.
    Anyone,
    /// Whoever proved who they are and is not suspended.
    SignedIn,
    /// Administrators and auditors.
    Reader,
    /// Administrators.
    Administrator,
}

/// What a route is for. An auditor enters none that changes something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// It looks, or ends nothing but the asker's own session.
    Looks,
    /// It changes something.
    Changes,
}

/// A route's guard.
#[derive(Clone, Debug)]
pub(crate) struct Gate {
    pub(crate) console: Console,
    pub(crate) door: Door,
    pub(crate) who: Who,
    pub(crate) act: Act,
}

/// The fields of a form that passed the guard.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields(Arc<BTreeMap<String, String>>);

impl Fields {
    /// A field without white space around it; empty if it is not there.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.0.get(name).map_or("", |it| it.trim())
    }
}

/// Runs what is behind the guard, or says why not.
pub(crate) async fn check(State(gate): State<Gate>, mut request: Request, next: Next) -> Response {
    let asker = match gate.door {
        Door::Open => return next.run(request).await,
        Door::Page => match asker::by_cookie(&gate.console, request.headers()).await {
            Ok(Some(asker)) => with_unread(&gate.console, asker).await,
            Ok(None) => return to_sign_in(&request),
            Err(problem) => return problem.into_response(),
        },
        Door::Api => {
            let (parts, body) = request.into_parts();
            let asker = match api_asker(&gate.console, &parts).await {
                Ok(asker) => asker,
                Err(refused) => return refused,
            };
            request = Request::from_parts(parts, body);
            asker
        }
    };
    let mut response = match admit(&gate, &asker, request).await {
        Ok(mut request) => {
            request.extensions_mut().insert(asker.clone());
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    };
    response.extensions_mut().insert(asker);
    response
}

/// The asker with the count that every page shows. A store that can't be read is said by the page.
async fn with_unread(console: &Console, asker: Asker) -> Asker {
    let unread = console.governance().notices_unread(&asker.actor).await.unwrap_or_default();
    Asker { unread, ..asker }
}

async fn api_asker(console: &Console, parts: &Parts) -> Result<Asker, Response> {
    let headers = &parts.headers;
    // A request with both means its token: the cookie comes along by itself.
    if !headers.contains_key(header::AUTHORIZATION)
        && let Some(asker) =
            asker::by_cookie(console, headers).await.map_err(IntoResponse::into_response)?
    {
        return Ok(asker);
    }
    asker::by_token(console, parts).await
}

/// The request, if it may go on.
async fn admit(gate: &Gate, asker: &Asker, request: Request) -> Result<Request, Problem> {
    let request = match (request.method(), &asker.credential) {
        (&Method::GET | &Method::HEAD, _) | (_, Credential::Bearer) => request,
        (_, Credential::Cookie { csrf }) => {
            if !is_own_site(&gate.console, request.headers()) {
                return Err(other_site());
            }
            match gate.door {
                Door::Api => {
                    let given = request.headers().get(CSRF_HEADER).and_then(|it| it.to_str().ok());
                    if !given.is_some_and(|it| web_session::same_token(it, csrf)) {
                        return Err(other_site());
                    }
                    request
                }
                Door::Page | Door::Open => with_form(request, csrf).await?,
            }
        }
    };
    match asker.actor.person.standing {
        Standing::Good => {}
        Standing::Suspended if request.uri().path() == SIGN_OUT => {}
        Standing::Suspended => {
            return Err(Problem::forbidden(
                "You are suspended, so nothing is shown to you here.",
                "Ask an administrator why, and to lift the suspension.",
            ));
        }
    }
    if gate.act == Act::Changes && asker.actor.is_auditor() {
        return Err(Problem::forbidden(
            "An auditor sees everything and changes nothing.",
            "Ask who answers for it; to act yourself, leave the group of auditors.",
        ));
    }
    let (may, wanted) = match gate.who {
        Who::Anyone | Who::SignedIn => (true, ""),
        Who::Reader => (asker.actor.sees_everything(), "an administrator or auditor"),
        Who::Administrator => (asker.actor.is_administrator(), "an administrator"),
    };
    if may {
        Ok(request)
    } else {
        Err(Problem::forbidden(
            format!("This is for {wanted} only."),
            format!("Ask {wanted} to do it, or for the role."),
        ))
    }
}

/// Reads the form, whose token must be the session's, and leaves its fields with the request.
async fn with_form(request: Request, csrf: &str) -> Result<Request, Problem> {
    let (parts, body) = request.into_parts();
    let rest = parts.clone();
    let RawForm(bytes) = RawForm::from_request(Request::from_parts(parts, body), &())
        .await
        .map_err(|rejected| Problem::of_status(rejected.status()))?;
    let fields = form_fields(&bytes)
        .ok_or_else(|| Problem::invalid("The form says something twice, or says too much."))?;
    let given = fields.get("csrf").map_or("", String::as_str);
    if !web_session::same_token(given, csrf) {
        return Err(other_site());
    }
    let mut request = Request::from_parts(rest, axum::body::Body::empty());
    request.extensions_mut().insert(Fields(Arc::new(fields)));
    Ok(request)
}

pub(crate) fn form_fields(bytes: &[u8]) -> Option<BTreeMap<String, String>> {
    if bytes.len() > FORM_BYTES_MAX {
        return None;
    }
    // The query of an address and a form are written alike.
    let query = std::str::from_utf8(bytes).ok()?;
    let uri = Uri::builder().path_and_query(format!("/?{query}")).build().ok()?;
    let pairs = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&uri).ok()?.0;
    let count = pairs.len();
    let fields: BTreeMap<String, String> = pairs.into_iter().collect();
    (fields.len() == count).then_some(fields)
}

/// Whether the browser says that the request comes from a page of this console. A browser that
/// says nothing is not believed.
fn is_own_site(console: &Console, headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).map(|it| it.to_str().unwrap_or(""));
    match (text("sec-fetch-site"), text("origin")) {
        (Some(site), None) => site == "same-origin",
        (Some(site), Some(origin)) => site == "same-origin" && origin != "null",
        (None, Some(origin)) => !origin.is_empty() && origin == console.origin,
        (None, None) => false,
    }
}

fn other_site() -> Problem {
    Problem::new(
        StatusCode::FORBIDDEN,
        "cross_site",
        "The request did not come from a page of this console, or the page is from before you signed in.",
        "Go back, reload the page, and try again.",
    )
}

/// To the sign-in page, and back afterwards. What a form said is not kept.
fn to_sign_in(request: &Request) -> Response {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Problem::new(
            StatusCode::UNAUTHORIZED,
            "signed_out",
            "You are not signed in any more. Nothing was changed.",
            "Sign in, and do it again.",
        )
        .into_response();
    }
    let wanted = request.uri().path_and_query().map_or("/console", |it| it.as_str());
    let mut encoded = String::with_capacity(wanted.len());
    for byte in wanted.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    Redirect::to(&format!("/console/sign-in?return_to={encoded}")).into_response()
}

/// What a script of the console sends with a change.
const CSRF_HEADER: &str = "x-countersign-csrf";
const SIGN_OUT: &str = "/console/sign-out";
const FORM_BYTES_MAX: usize = 64 * 1024;

#[cfg(test)]
mod tests;
