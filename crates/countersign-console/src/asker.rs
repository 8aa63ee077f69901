//! Who asks: a signed-in browser or a program with a bearer token, as an actor.

use crate::{
    console::Console,
    frame::{Signed, role_words},
    problem::Problem,
    text::Text,
    web_session,
};
use axum::response::{IntoResponse, Response};
use countersign_governance::Actor;
use countersign_identity::{Asked, Blame, Peer, Presented, Thumbprint, challenge};
use countersign_model::{Caller, Timestamp};
use http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts};
use std::sync::Arc;

/// Who asks.
#[derive(Clone, Debug)]
pub(crate) struct Asker {
    /// As governance judges them.
    pub(crate) actor: Actor,
    /// As they proved it: with its chain, its issuer, and when that ends.
    pub(crate) caller: Arc<Caller>,
    /// How they proved it.
    pub(crate) credential: Credential,
    /// Notices that they have not read; counted for pages only.
    pub(crate) unread: u64,
    /// When they last proved themself at their provider, if it is known.
    pub(crate) signed_in_at: Option<Timestamp>,
}

/// How an asker proved who they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Credential {
    /// With the session's cookie, which a browser sends by itself: every change needs the token.
    Cookie {
        /// The token that forms and scripts carry.
        csrf: String,
    },
    /// With a token, which nothing sends by itself.
    Bearer,
}

impl Asker {
    /// For the frame of a page.
    pub(crate) fn signed(&self) -> Signed {
        Signed {
            name: Text::line(self.actor.name.clone()),
            subject: Text::of(self.actor.subject()),
            roles: role_words(&self.actor.roles),
            csrf: match &self.credential {
                Credential::Cookie { csrf } => csrf.clone(),
                Credential::Bearer => String::new(),
            },
            sees_people: self.actor.sees_everything(),
            unread: self.unread,
        }
    }
}

/// The signed-in browser, if the cookie is a live session's.
pub(crate) async fn by_cookie(
    console: &Console,
    headers: &HeaderMap,
) -> Result<Option<Asker>, Problem> {
    let Some(found) = web_session::find(console, headers).await? else { return Ok(None) };
    let actor = console.governance().actor(&found.caller);
    let caller = Arc::new(found.caller);
    let (credential, signed_in_at) = (Credential::Cookie { csrf: found.csrf }, found.proved_at);
    Ok(Some(Asker { actor, caller, credential, signed_in_at, unread: 0 }))
}

/// Whose token it is, or the answer that says why not.
pub(crate) async fn by_token(console: &Console, parts: &Parts) -> Result<Asker, Response> {
    let refuse = |refused: countersign_identity::Refused| {
        let problem = match refused.blame() {
            Blame::Caller => Problem::new(
                StatusCode::UNAUTHORIZED,
                refused.code(),
                refused.sentence(),
                "Sign in with `countersign login`, and send the new token.",
            ),
            Blame::Issuer | Blame::Gateway => Problem::unavailable(refused.sentence()),
            Blame::Others => Problem::new(
                StatusCode::TOO_MANY_REQUESTS,
                refused.code(),
                refused.sentence(),
                "Try again in a moment, with the same token.",
            ),
        };
        let metadata = console.address("/.well-known/oauth-protected-resource");
        let mut response = problem.into_response();
        if response.status() == StatusCode::UNAUTHORIZED
            && let Ok(value) = HeaderValue::from_str(&challenge(&metadata, Some(&refused)))
        {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, value);
        }
        if let Some(wait) = refused.retry_after() {
            // Whole seconds, rounded up (RFC 9110 §10.2.3).
            let seconds = wait.millis().max(0).saturating_add(999) / 1000;
            let seconds = HeaderValue::from(seconds.unsigned_abs());
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        if let Some(Ok(nonce)) = refused.nonce().map(HeaderValue::from_str) {
            response.headers_mut().insert("dpop-nonce", nonce);
        }
        response
    };
    let (method, path) = (&parts.method, parts.uri.path());
    let asked = Asked { method, home: &console.home, host: None, path };
    let presented = Presented::of(&parts.headers, asked).map_err(refuse)?;
    let presented = presented
        .over(parts.extensions.get::<Thumbprint>().copied())
        .sent_by(parts.extensions.get::<Peer>().copied());
    let proved = console.parts.verifier.identify(presented).await.map_err(refuse)?;
    let actor = console.governance().actor(proved.caller());
    let signed_in_at = proved.caller().issued.authenticated_at;
    Ok(Asker {
        actor,
        caller: proved.into(),
        credential: Credential::Bearer,
        signed_in_at,
        unread: 0,
    })
}
