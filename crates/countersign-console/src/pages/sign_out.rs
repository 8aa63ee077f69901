//! Signing out: here at once, and then at the identity provider, where it has a place for that
//! (OpenID Connect RP-Initiated Logout 1.0). Otherwise the next sign-in would ask for nothing.

use super::sign_in::with_cookies;
use crate::{
    asker::Asker,
    console::Console,
    cookie::Cookie,
    frame::{Frame, page},
    problem::Problem,
    samples::{Sample, Say},
    text::Text,
    web_session::{self, Ended},
};
use askama::Template;
use axum::{
    Extension,
    extract::{Query, State},
    response::{Redirect, Response},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use countersign_identity::SignIn;
use http::HeaderMap;
use serde::Deserialize;

/// The way on to the identity provider. A redirect would be no way: the policy of our pages lets no
/// form lead to another site.
#[derive(Debug, Template)]
#[template(path = "sign_out.html")]
pub(crate) struct SignOutPage {
    frame: Frame,
    issuer: Text,
    href: String,
}

/// What the identity provider sends back.
#[derive(Debug, Deserialize)]
pub(crate) struct Back {
    state: Option<String>,
}

/// `POST /console/sign-out`.
pub(crate) async fn out(
    State(console): State<Console>,
    Extension(_): Extension<Asker>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let ended = web_session::end(&console, &headers).await?;
    let forget = web_session::forget(console.scheme);
    let Some((issuer, href, state)) = leave(&console, ended).await else {
        return with_cookies(Redirect::to("/console/sign-in?said=out"), [forget]);
    };
    let frame = Frame::stranger("Sign out");
    let answer = page(&SignOutPage { frame, issuer: Text::line(issuer), href })?;
    let remember = Cookie::SignOut.set(&state, SIGN_OUT_SECONDS, console.scheme);
    with_cookies(answer, [forget, remember])
}

/// `GET /console/sign-in/signed-out`: back from the identity provider. Whatever it says, the session
/// here has ended before.
pub(crate) async fn back(
    State(console): State<Console>,
    Query(back): Query<Back>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let expected = Cookie::SignOut.read(&headers, console.scheme).unwrap_or_default();
    let given = back.state.unwrap_or_default();
    let is_ours = !given.is_empty() && web_session::same_token(&given, &expected);
    let said = if is_ours { "everywhere" } else { "out" };
    let to = Redirect::to(&format!("/console/sign-in?said={said}"));
    with_cookies(to, [Cookie::SignOut.clear(console.scheme)])
}

/// The issuer's name, its address to sign out at, and what it will bring back.
async fn leave(console: &Console, ended: Option<Ended>) -> Option<(String, String, String)> {
    let Ended { issuer, tokens } = ended?;
    let (sign_in, tokens) = (console.sign_in(&issuer)?, tokens?);
    revoke(sign_in.clone(), tokens.clone());
    let state = URL_SAFE_NO_PAD.encode(console.governance().entropy().bytes::<32>());
    let back = console.address(BACK);
    match sign_in.end_session_url(&tokens.id_token, &back, &state).await {
        Ok(url) => Some((issuer.to_string(), url?, state)),
        Err(error) => {
            tracing::warn!(code = error.code(), "nobody is signed out at the identity provider");
            None
        }
    }
}

/// The refresh token is wanted by nobody any more. Nobody waits for this: it ends by itself too.
fn revoke(sign_in: SignIn, tokens: countersign_identity::Kept) {
    drop(tokio::spawn(async move {
        if let Err(error) = sign_in.revoke(&tokens).await {
            tracing::warn!(code = error.code(), "a refresh token was not revoked");
        }
    }));
}

/// Where the identity provider leads back to; it has to know this address.
const BACK: &str = "/console/sign-in/signed-out";
const SIGN_OUT_SECONDS: i64 = 600;

impl Sample for SignOutPage {
    const NAME: &'static str = "sign-out";

    fn samples(say: Say) -> Vec<Self> {
        vec![Self {
            frame: Frame::stranger("Sign out"),
            issuer: say("acme"),
            href: "https://login.acme.example/end?client_id=console&state=abc".to_owned(),
        }]
    }
}
