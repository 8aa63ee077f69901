//! Signing in with a SAML provider: by an address, or by a page that posts itself there, the one form of
//! the console that leads to another site. The memory of the request travels in a sealed cookie of the same
//! browser, and a response is believed only with it, unless the configuration takes what a provider
//! begins. The one page that another site may post to: it makes a session, and decides nothing else.

use super::sign_in::{SIGN_IN_SECONDS, Wanted, with_cookies};
use crate::{
    console::{Console, fill},
    cookie::Cookie,
    finish::FormAction,
    frame::{Frame, page},
    problem::Problem,
    return_to,
    samples::{Sample, Say},
    text::Text,
    web_session::{self, Proved},
};
use askama::Template;
use axum::{
    Extension,
    body::to_bytes,
    extract::{Path, Query, Request, State},
    response::{IntoResponse, Redirect, Response},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use countersign_identity::{
    Begun, SamlAnswer, SamlFault, SamlPending, SamlRefused, SamlRequest, SamlRequestForm,
    SamlSignIn, SamlSignedIn,
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};

/// What is kept in the cookie, sealed, while the browser is at the provider.
#[derive(Debug, Serialize, Deserialize)]
struct Memory {
    pending: SamlPending,
    return_to: String,
    /// The session that the browser has meanwhile: its own cookie stays away from what another site
    /// posts.
    session: Option<String>,
}

/// What posts a request to the provider.
#[derive(Debug, Template)]
#[template(path = "saml_request.html")]
pub(crate) struct SamlRequestPage {
    frame: Frame,
    name: Text,
    site: Text,
    action: String,
    saml_request: String,
}

impl SamlRequestPage {
    fn new(name: Text, form: SamlRequestForm) -> Self {
        Self {
            frame: Frame::stranger("On to your identity provider"),
            name,
            site: Text::line(form.site),
            action: form.action,
            saml_request: form.saml_request,
        }
    }
}

/// `GET /console/saml/{issuer}/begin`: to the provider.
pub(crate) async fn begin(
    State(console): State<Console>,
    Path(name): Path<String>,
    Query(wanted): Query<Wanted>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let provider = by_name(&console, &name)?;
    let entropy = console.governance().entropy();
    let (request, pending) =
        provider.begin_round(wanted.round(), entropy).await.map_err(|it| refused(&name, &it))?;
    let return_to = return_to::safe(wanted.return_to.as_deref()).to_owned();
    let session = web_session::named(&headers, console.scheme);
    let memory = serde_json::to_vec(&Memory { pending, return_to, session });
    let memory = memory.map_err(|_| Problem::internal())?;
    let sealed = console.governance().master().seal(CONTEXT, &memory, &mut fill(entropy));
    let sealed = URL_SAFE_NO_PAD.encode(sealed.map_err(|_| Problem::internal())?);
    let cookie = Cookie::Saml.set(&sealed, SIGN_IN_SECONDS, console.scheme);
    match request {
        SamlRequest::Address(url) => with_cookies(Redirect::to(&url), [cookie]),
        SamlRequest::Form(form) => {
            let onward = FormAction::at(&form.site);
            let page = page(&SamlRequestPage::new(Text::line(name), form))?;
            with_cookies((Extension(onward), page), [cookie])
        }
    }
}

/// `GET /console/saml/{issuer}/metadata`: who we are, for the provider.
pub(crate) async fn metadata(
    State(console): State<Console>,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    let document = by_name(&console, &name)?.metadata();
    let kind = HeaderValue::from_static("application/samlmetadata+xml");
    Ok(([(header::CONTENT_TYPE, kind)], document).into_response())
}

/// `POST /console/saml/{issuer}/response`: back from the provider.
pub(crate) async fn finish(
    State(console): State<Console>,
    Path(name): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let clear = Cookie::Saml.clear(console.scheme);
    match finished(&console, &name, request).await {
        Ok((session, return_to)) => with_cookies(Redirect::to(&return_to), [session, clear]),
        Err(problem) => with_cookies(problem, [clear]),
    }
}

async fn finished(
    console: &Console,
    name: &str,
    request: Request,
) -> Result<(Option<HeaderValue>, String), Problem> {
    let provider = by_name(console, name)?;
    let (parts, body) = request.into_parts();
    let memory = remembered(console, &parts.headers);
    let body = to_bytes(body, SamlAnswer::BYTES_MAX).await;
    let body = body.map_err(|_| refused(name, &SamlFault::ResponseTooLarge.into()))?;
    let answer = SamlAnswer::from_form(&body).map_err(|it| refused(name, &it))?;
    let pending = memory.as_ref().map(|it| &it.pending);
    let signed_in = provider.finish(pending, &answer, &console.parts.once).await;
    let signed_in = signed_in.map_err(|it| refused(name, &it))?;
    if let Some(earlier) = memory.as_ref().and_then(|it| it.session.as_deref()) {
        web_session::end_named(console, earlier).await?;
    }
    let SamlSignedIn { caller, notes, session_ends, begun, proved_at } = signed_in;
    let proved_at = Some(proved_at);
    let proved = Proved { caller, notes, tokens: None, ends: session_ends, proved_at };
    let session = web_session::begin_beside(console, proved).await?;
    let wanted = match begun {
        Begun::Here => memory.as_ref().map(|it| it.return_to.as_str()),
        Begun::AtProvider => answer.relay_state(),
    };
    Ok((session, return_to::safe(wanted).to_owned()))
}

fn remembered(console: &Console, headers: &HeaderMap) -> Option<Memory> {
    let cookie = Cookie::Saml.read(headers, console.scheme)?;
    let sealed = URL_SAFE_NO_PAD.decode(cookie).ok()?;
    let opened = console.governance().master().open(CONTEXT, &sealed).ok()?;
    serde_json::from_slice(&opened).ok()
}

fn by_name<'c>(console: &'c Console, name: &str) -> Result<&'c SamlSignIn, Problem> {
    let found = console.parts.saml.iter().find(|it| it.name() == name);
    found.ok_or_else(|| Problem::not_found("identity provider"))
}

fn refused(provider: &str, why: &SamlRefused) -> Problem {
    let (code, detail) = (why.code(), why.detail());
    tracing::warn!(provider, code, detail, "a sign-in by SAML was refused");
    let passes = [
        SamlFault::TooBusy,
        SamlFault::MetadataUnavailable,
        SamlFault::RequestNotMade,
        SamlFault::RegisterUnavailable,
    ];
    let status = if passes.contains(&why.fault()) {
        StatusCode::SERVICE_UNAVAILABLE
    } else {
        StatusCode::FORBIDDEN
    };
    Problem::new(
        status,
        why.code(),
        format!("You were not signed in. {}", why.sentence()),
        "Try again at /console/sign-in; if it stays so, tell an administrator this code.",
    )
}

const CONTEXT: &[u8] = b"console/saml/v1";

impl Sample for SamlRequestPage {
    const NAME: &'static str = "saml-request";

    fn samples(say: Say) -> Vec<Self> {
        vec![Self {
            frame: Frame::stranger("On to your identity provider"),
            name: say("acme"),
            site: say("https://idp.acme.example"),
            action: "https://idp.acme.example/sso?a=1&b=2".to_owned(),
            saml_request: "PHNhbWxwOkF1dGhuUmVxdWVzdA==".to_owned(),
        }]
    }
}
