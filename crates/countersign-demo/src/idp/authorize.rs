//! `/authorize`: checks what a client asks for, shows "Who are you today?", and sends the person back
//! with a code. An address that the client did not register is never redirected to.

use super::{
    CODE_SECONDS, Client, ClientKind, Idp, SignIn,
    bounded::Full,
    guard::{content_security_policy, is_cross_site},
    page,
    token::Code,
    tokens::granted_scopes,
};
use axum::{
    Form,
    extract::{
        Query, State,
        rejection::{FormRejection, QueryRejection},
    },
    response::{IntoResponse, Redirect, Response},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use countersign_model::Span;
use http::{HeaderMap, StatusCode, header::CONTENT_SECURITY_POLICY};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

/// The longest value of one parameter, in bytes.
const PARAMETER_BYTES_MAX: usize = 4_096;

/// An authorization request as sent, and, on the way back from our own page, who was chosen. Serde
/// refuses a parameter that is there twice, as RFC 6749 §3.1 asks.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    client_id: Option<String>,
    redirect_uri: Option<String>,
    response_type: Option<String>,
    response_mode: Option<String>,
    scope: Option<String>,
    state: Option<String>,
    nonce: Option<String>,
    code_challenge: Option<String>,
    code_challenge_method: Option<String>,
    prompt: Option<String>,
    resource: Option<String>,
    request: Option<String>,
    request_uri: Option<String>,
    /// Whose button was pressed; empty for "nobody".
    chosen: Option<String>,
}

/// A request that may be answered with a code.
struct Accepted<'a> {
    client: &'a Client,
    redirect_uri: &'a str,
    code_challenge: &'a str,
}

/// Why a request is not answered with a code.
enum Refused<'a> {
    /// Nothing says where to return to safely: the person is told, nobody else.
    OnThePage(&'static str),
    /// The client is told (RFC 6749 §4.1.2.1).
    ToTheClient { redirect_uri: &'a str, error: &'static str, description: &'static str },
}

pub(crate) async fn ask(
    State(idp): State<Idp>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Response {
    let Ok(Query(asked)) = asked else { return unreadable(&idp) };
    match check(&idp, &asked) {
        Ok(accepted) => who_are_you(&idp, &asked, &accepted),
        Err(refused) => refuse(&idp, &asked, &refused),
    }
}

pub(crate) async fn answer(
    State(idp): State<Idp>,
    headers: HeaderMap,
    asked: Result<Form<Asked>, FormRejection>,
) -> Response {
    let Ok(Form(asked)) = asked else { return unreadable(&idp) };
    let accepted = match check(&idp, &asked) {
        Ok(accepted) => accepted,
        Err(refused) => return refuse(&idp, &asked, &refused),
    };
    // OpenID Connect Core §3.1.2.1 lets a client post its request; the choice is ours alone to send.
    let Some(chosen) = &asked.chosen else { return who_are_you(&idp, &asked, &accepted) };
    if is_cross_site(&idp, &headers) {
        return page::problem(&idp, StatusCode::FORBIDDEN, "Another site sent this form.");
    }
    let refuse_with = |error, description| {
        let redirect_uri = accepted.redirect_uri;
        refuse(&idp, &asked, &Refused::ToTheClient { redirect_uri, error, description })
    };
    let Some(person) = idp.person(chosen) else {
        return refuse_with("access_denied", "nobody signed in");
    };
    let sign_in = SignIn {
        client_id: accepted.client.id.clone(),
        subject: person.subject.clone(),
        scopes: granted_scopes(asked.scope.as_deref().unwrap_or_default(), &person.scopes),
        nonce: asked.nonce.clone(),
        signed_in_at: idp.now(),
        family: idp.0.entropy.bytes(),
    };
    match keep_code(&idp, &accepted, sign_in) {
        Ok(code) => back(&idp, &asked, accepted.redirect_uri, &[("code", &code)]),
        Err(Full) => refuse_with("temporarily_unavailable", "too many sign-ins are under way"),
    }
}

fn check<'a>(idp: &'a Idp, asked: &'a Asked) -> Result<Accepted<'a>, Refused<'a>> {
    let page = Refused::OnThePage;
    if too_long(asked) {
        return Err(page("A parameter of the request is too long."));
    }
    let client = asked.client_id.as_deref().and_then(|id| idp.client(id));
    let client = client.ok_or(page("The application that sent you here is not known."))?;
    let redirect_uri = asked.redirect_uri.as_deref().filter(|it| may_redirect(client, it));
    let redirect_uri = redirect_uri.ok_or(page(
        "The application asks to return to an address that is not registered for it.",
    ))?;
    let refused = |error, description| Refused::ToTheClient { redirect_uri, error, description };
    if asked.request.is_some() {
        return Err(refused("request_not_supported", "request objects are not taken"));
    }
    if asked.request_uri.is_some() {
        return Err(refused("request_uri_not_supported", "request objects are not taken"));
    }
    match asked.response_type.as_deref() {
        Some("code") => {}
        Some(_) => return Err(refused("unsupported_response_type", "response_type must be code")),
        None => return Err(refused("invalid_request", "response_type is missing")),
    }
    if asked.response_mode.as_deref().is_some_and(|mode| mode != "query") {
        return Err(refused("invalid_request", "response_mode must be query"));
    }
    // RFC 7636 §4.4.1; `plain`, also as the default, is refused.
    let code_challenge = match (asked.code_challenge.as_deref(), &asked.code_challenge_method) {
        (Some(challenge), Some(method)) if method == "S256" && is_s256(challenge) => challenge,
        (None, _) => return Err(refused("invalid_request", "code_challenge is missing")),
        (Some(_), _) => {
            return Err(refused("invalid_request", "code_challenge must be an S256 challenge"));
        }
    };
    if !is_ours(idp, asked.resource.as_deref()) {
        return Err(refused("invalid_target", "that resource is not known here"));
    }
    if asked.prompt.as_deref() == Some("none") {
        return Err(refused("login_required", "this provider always asks who you are"));
    }
    Ok(Accepted { client, redirect_uri, code_challenge })
}

/// Whether a resource indicator (RFC 8707) names the gateway or something beneath it. Tokens carry
/// the gateway's own identifier either way.
pub(crate) fn is_ours(idp: &Idp, resource: Option<&str>) -> bool {
    let Some(resource) = resource else { return true };
    let beneath = resource.strip_prefix(idp.0.audience.as_str());
    beneath.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn too_long(asked: &Asked) -> bool {
    let Asked {
        client_id,
        redirect_uri,
        response_type,
        response_mode,
        scope,
        state,
        nonce,
        code_challenge,
        code_challenge_method,
        prompt,
        resource,
        request: _,
        request_uri: _,
        chosen,
    } = asked;
    [client_id, redirect_uri, response_type, response_mode, scope, state, nonce]
        .into_iter()
        .chain([code_challenge, code_challenge_method, prompt, resource, chosen])
        .flatten()
        .any(|value| value.len() > PARAMETER_BYTES_MAX)
}

fn is_s256(challenge: &str) -> bool {
    challenge.len() == 43 && URL_SAFE_NO_PAD.decode(challenge).is_ok()
}

fn may_redirect(client: &Client, redirect_uri: &str) -> bool {
    match &client.kind {
        ClientKind::Cli => is_own_callback(redirect_uri),
        ClientKind::Web { redirect_uris, .. } => redirect_uris.iter().any(|it| it == redirect_uri),
        ClientKind::Agent { .. } => false,
    }
}

/// `http://127.0.0.1:ANY/callback` (RFC 8252 §7.3), the port written as a port is.
pub(crate) fn is_own_callback(redirect_uri: &str) -> bool {
    redirect_uri
        .strip_prefix("http://127.0.0.1:")
        .and_then(|rest| rest.strip_suffix("/callback"))
        .is_some_and(|port| {
            !port.starts_with(['0', '+']) && port.parse::<u16>().is_ok_and(|port| port > 0)
        })
}

fn who_are_you(idp: &Idp, asked: &Asked, accepted: &Accepted<'_>) -> Response {
    let fields = [
        ("client_id", &asked.client_id),
        ("redirect_uri", &asked.redirect_uri),
        ("response_type", &asked.response_type),
        ("response_mode", &asked.response_mode),
        ("scope", &asked.scope),
        ("state", &asked.state),
        ("nonce", &asked.nonce),
        ("code_challenge", &asked.code_challenge),
        ("code_challenge_method", &asked.code_challenge_method),
        ("resource", &asked.resource),
    ];
    let fields: Vec<(&str, &str)> = fields
        .into_iter()
        .filter_map(|(name, value)| value.as_deref().map(|value| (name, value)))
        .collect();
    let policy = content_security_policy(idp, origin_of(accepted.redirect_uri).as_deref());
    let page = page::who_are_you(idp, &accepted.client.name, &fields);
    ([(CONTENT_SECURITY_POLICY, policy)], page).into_response()
}

fn origin_of(address: &str) -> Option<String> {
    let uri: http::Uri = address.parse().ok()?;
    Some(format!("{}://{}", uri.scheme_str()?, uri.authority()?))
}

fn keep_code(idp: &Idp, accepted: &Accepted<'_>, sign_in: SignIn) -> Result<String, Full> {
    let (secret, key) = idp.fresh_secret();
    let code = Code {
        sign_in,
        redirect_uri: accepted.redirect_uri.to_owned(),
        code_challenge: accepted.code_challenge.to_owned(),
        redeemed: false,
    };
    let now = idp.now();
    let ends_at = now.plus(Span::from_seconds(CODE_SECONDS));
    idp.waiting().codes.insert(key, code, ends_at, now)?;
    Ok(secret)
}

fn refuse(idp: &Idp, asked: &Asked, refused: &Refused<'_>) -> Response {
    match refused {
        Refused::OnThePage(text) => page::problem(idp, StatusCode::BAD_REQUEST, text),
        Refused::ToTheClient { redirect_uri, error, description } => {
            let answer = [("error", *error), ("error_description", *description)];
            back(idp, asked, redirect_uri, &answer)
        }
    }
}

fn unreadable(idp: &Idp) -> Response {
    let text = "The request was not understood: a parameter is there twice, or is no text.";
    page::problem(idp, StatusCode::BAD_REQUEST, text)
}

/// Back to the client, with its state and with who answers (RFC 9207).
fn back(idp: &Idp, asked: &Asked, redirect_uri: &str, answer: &[(&str, &str)]) -> Response {
    let mut answer = answer.to_vec();
    answer.extend(asked.state.as_deref().map(|state| ("state", state)));
    answer.push(("iss", &idp.0.issuer.text));
    Redirect::to(&with_query(redirect_uri, &answer)).into_response()
}

/// An address with more query parameters.
pub(crate) fn with_query(address: &str, parameters: &[(&str, &str)]) -> String {
    let mut address = address.to_owned();
    for (name, value) in parameters {
        address.push(if address.contains('?') { '&' } else { '?' });
        address.push_str(name);
        address.push('=');
        address.extend(utf8_percent_encode(value, NON_ALPHANUMERIC));
    }
    address
}
