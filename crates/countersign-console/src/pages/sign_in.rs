//! Signing in and out. The memory of a sign-in in progress travels in a sealed cookie of the same
//! browser; what comes back is believed only with it.

use crate::{
    console::{Console, fill},
    cookie::Cookie,
    frame::{Frame, page},
    problem::Problem,
    return_to,
    samples::{Sample, Say},
    text::Text,
    web_session::{self, Proved},
};
use askama::Template;
use axum::{
    extract::{Path, Query, RawQuery, State},
    response::{IntoResponse, Redirect, Response},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use countersign_identity::{Callback, Pending, Round, SignedIn, SigninRefused};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};

/// The choice of identity providers.
#[derive(Debug, Template)]
#[template(path = "sign_in.html")]
pub(crate) struct SignInPage {
    frame: Frame,
    doors: Vec<Door>,
}

/// One identity provider.
#[derive(Debug)]
pub(crate) struct Door {
    name: Text,
    href: String,
}

/// Where to go afterwards, and what the page says.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Wanted {
    pub(super) return_to: Option<String>,
    said: Option<String>,
    /// Whether the provider is to ask anew who it is, however lately it did: for what is signed.
    anew: Option<String>,
}

impl Wanted {
    /// How the provider is asked.
    pub(super) fn round(&self) -> Round {
        if self.anew.is_some() { Round::Anew } else { Round::Ordinary }
    }
}

/// What is kept in the cookie, sealed, while the browser is at the identity provider.
#[derive(Debug, Serialize, Deserialize)]
struct Memory {
    pending: Pending,
    return_to: String,
}

/// `GET /console/sign-in`: straight on where there is no choice and somebody wants to go somewhere.
pub(crate) async fn choose(
    State(console): State<Console>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Problem> {
    let back = return_to::safe(wanted.return_to.as_deref());
    let anew = match wanted.round() {
        Round::Ordinary => "",
        Round::Anew => "&anew=yes",
    };
    let doors: Vec<Door> = console
        .parts
        .sign_ins
        .iter()
        .enumerate()
        .map(|(place, (name, _))| Door {
            name: Text::line(name.clone()),
            href: format!("/console/sign-in/{place}?return_to={}{anew}", encode(back)),
        })
        .chain(console.parts.saml.iter().map(|it| Door {
            name: Text::line(it.name().to_owned()),
            href: format!("/console/saml/{}/begin?return_to={}{anew}", it.name(), encode(back)),
        }))
        .collect();
    if let ([only], true) = (doors.as_slice(), wanted.return_to.is_some()) {
        return Ok(Redirect::to(&only.href).into_response());
    }
    let notice = match wanted.said.as_deref() {
        Some("out") => Some("You are signed out."),
        Some("everywhere") => Some("You are signed out, here and at your identity provider."),
        Some(_) | None => None,
    };
    page(&SignInPage { frame: Frame::stranger("Sign in").with_notice(notice), doors })
}

/// `GET /console/sign-in/{issuer}`: to the identity provider.
pub(crate) async fn begin(
    State(console): State<Console>,
    Path(place): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Problem> {
    let absent = || Problem::not_found("identity provider");
    let place: usize = place.parse().map_err(|_| absent())?;
    let (_, sign_in) = console.parts.sign_ins.get(place).ok_or_else(absent)?;
    let entropy = console.governance().entropy();
    let redirect_uri = console.address(CALLBACK);
    let begun = sign_in.begin_round(&redirect_uri, wanted.round(), entropy).await;
    let (url, pending) = begun.map_err(|it| refused(&it))?;
    let return_to = return_to::safe(wanted.return_to.as_deref()).to_owned();
    let memory = serde_json::to_vec(&Memory { pending, return_to });
    let memory = memory.map_err(|_| Problem::internal())?;
    let sealed = console.governance().master().seal(CONTEXT, &memory, &mut fill(entropy));
    let sealed = URL_SAFE_NO_PAD.encode(sealed.map_err(|_| Problem::internal())?);
    let cookie = Cookie::SignIn.set(&sealed, SIGN_IN_SECONDS, console.scheme);
    with_cookies(Redirect::to(&url), [cookie])
}

/// `GET /console/sign-in/callback`: back from the identity provider. Makes a session, and decides
/// nothing else.
pub(crate) async fn callback(
    State(console): State<Console>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let clear = Cookie::SignIn.clear(console.scheme);
    match finish(&console, &query.unwrap_or_default(), &headers).await {
        Ok((session, return_to)) => with_cookies(Redirect::to(&return_to), [session, clear]),
        Err(problem) => with_cookies(problem, [clear]),
    }
}

async fn finish(
    console: &Console,
    query: &str,
    headers: &HeaderMap,
) -> Result<(Option<HeaderValue>, String), Problem> {
    let memory = remembered(console, headers).ok_or_else(|| {
        Problem::new(
            StatusCode::BAD_REQUEST,
            "sign_in_unknown",
            "This sign-in was not begun in this browser, or took too long.",
            format!("Begin again at {}.", console.address("/console/sign-in")),
        )
    })?;
    let callback = Callback::from_query(query).map_err(|it| refused(&it.into()))?;
    let sign_in = console
        .sign_in(memory.pending.issuer())
        .ok_or_else(|| Problem::not_found("identity provider"))?;
    let signed_in = sign_in.finish(memory.pending, &callback).await.map_err(|it| refused(&it))?;
    let SignedIn { caller, notes, kept, proved_at, .. } = signed_in;
    let proved = Proved { caller, notes, tokens: Some(kept), ends: None, proved_at };
    let session = web_session::begin(console, headers, proved).await?;
    Ok((session, return_to::safe(Some(&memory.return_to)).to_owned()))
}

fn remembered(console: &Console, headers: &HeaderMap) -> Option<Memory> {
    let cookie = Cookie::SignIn.read(headers, console.scheme)?;
    let sealed = URL_SAFE_NO_PAD.decode(cookie).ok()?;
    let opened = console.governance().master().open(CONTEXT, &sealed).ok()?;
    serde_json::from_slice(&opened).ok()
}

fn refused(why: &SigninRefused) -> Problem {
    let source = std::error::Error::source(why).map(ToString::to_string);
    tracing::warn!(code = why.code(), %why, source, "a sign-in was refused");
    let text = why.to_string();
    Problem::new(
        StatusCode::FORBIDDEN,
        why.code(),
        format!("You were not signed in: {text}."),
        "Try again at /console/sign-in; if it stays so, tell an administrator this code.",
    )
}

pub(super) fn with_cookies<const N: usize>(
    answer: impl IntoResponse,
    cookies: [Option<HeaderValue>; N],
) -> Result<Response, Problem> {
    let mut response = answer.into_response();
    for cookie in cookies {
        let cookie = cookie.ok_or_else(Problem::internal)?;
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// For a query: a path of ours has few characters that need it.
fn encode(path: &str) -> String {
    path.replace('%', "%25").replace('&', "%26").replace('+', "%2B").replace('?', "%3F")
}

const CALLBACK: &str = "/console/sign-in/callback";
const CONTEXT: &[u8] = b"console/sign-in/v1";
/// As long as a pending sign-in lives.
pub(super) const SIGN_IN_SECONDS: i64 = 600;

impl Sample for SignInPage {
    const NAME: &'static str = "sign-in";

    fn samples(say: Say) -> Vec<Self> {
        let page = |names: &[&str], notice| Self {
            frame: Frame::stranger("Sign in").with_notice(notice),
            doors: names
                .iter()
                .map(|name| Door { name: say(name), href: "/console/sign-in/0".to_owned() })
                .collect(),
        };
        vec![page(&["acme"], Some("You are signed out.")), page(&["acme", "partners"], None)]
    }
}
