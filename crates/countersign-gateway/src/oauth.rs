//! The authorization server of this installation: `/oauth/token`, its keys and its metadata
//! (RFC 6749, RFC 8414). It makes short-lived tokens for agents that act for people, and no others.
//!
//! Each one that asks proves itself with a token of a configured issuer: there are no client secrets
//! here, nobody registers, and nothing is remembered of who asked but what the ledger says. Whoever
//! shows a key or certificate to hold gets a token that is worth nothing without it. No token leaves
//! before its entry is durable, and none is ever written down.

mod answer;
mod ask;
mod saml;
mod write;

use crate::{Body, Inner, accept, resolve};
use answer::{Blamed, TokenRefused, answered, document};
use ask::{ActorShown, Ask, SubjectAs, Wanted};
use countersign_identity::{
    Actor, Algorithm, Asked, Asserted, CertificateBinding, ClientTerms, Confirmation, Exchanged,
    OwnIssuer, Party, Peer, Possession, Presented, Refused, ShownAs, Terms, Thumbprint, Use,
    UseOnce, assert_identity, exchange,
};
use countersign_model::{
    FunctionName, Span,
    catalog::{BodyKind, Rate},
    decide::Taken,
    record::TokenGrant,
};
use http::{Method, Request, Response, header, request::Parts};
use hyper::body::Incoming;
use serde_json::{Value, json};
use std::ops::Deref;
use tokio::sync::Semaphore;

/// What the authorization server keeps while it runs.
#[derive(Debug)]
pub(crate) struct Oauth {
    used_once: UseOnce,
    in_hand: Semaphore,
}

/// What somebody asks of the authorization server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Page {
    Token,
    Keys,
    Metadata,
}

impl Oauth {
    /// Assertions are remembered in this register: another gateway takes none of them again.
    pub(crate) fn new(used_once: UseOnce) -> Self {
        Self { used_once, in_hand: Semaphore::new(IN_HAND_MAX) }
    }
}

/// Whether a request is for the authorization server. Under a target's host name every path is the
/// target's own; an odd host is refused as a call.
pub(crate) fn asks(inner: &Inner, request: &Request<Incoming>) -> Option<Page> {
    let page = match request.uri().path() {
        "/oauth/token" => Page::Token,
        "/oauth/jwks" => Page::Keys,
        "/.well-known/oauth-authorization-server" => Page::Metadata,
        _ => return None,
    };
    inner.verifier.own()?;
    let host = accept::host(request.uri(), request.headers()).ok()?;
    let snapshot = inner.governance.policy().load();
    let is_targets =
        host.is_some_and(|it| inner.routes.of(&snapshot).target_of_host(&it).is_some());
    (!is_targets).then_some(page)
}

/// Answers a request to the authorization server.
pub(crate) async fn answer(
    inner: &Inner,
    page: Page,
    request: Request<Incoming>,
) -> Response<Body> {
    let Some(own) = inner.verifier.own() else {
        return TokenRefused::unavailable().into_response();
    };
    match (page, request.method()) {
        (Page::Token, &Method::POST) => match token(inner, own, request).await {
            Ok(response) => response,
            Err(refused) => {
                tracing::info!(code = refused.code(), detail = refused.detail(), "no token given");
                refused.into_response()
            }
        },
        (Page::Token, _) => TokenRefused::method().into_response(),
        (Page::Keys, &Method::GET | &Method::HEAD) => document(own.key_set()),
        (Page::Metadata, &Method::GET | &Method::HEAD) => document(&metadata(own)),
        (Page::Keys | Page::Metadata, _) => TokenRefused::method().into_response(),
    }
}

/// RFC 8414 §2. There is no authorization endpoint, so there are no response types.
fn metadata(own: &OwnIssuer) -> Value {
    let url = own.url();
    json!({
        "issuer": url,
        "token_endpoint": format!("{url}/oauth/token"),
        "jwks_uri": format!("{url}/oauth/jwks"),
        "response_types_supported": [],
        "grant_types_supported": [ask::TOKEN_EXCHANGE, ask::JWT_BEARER, ask::JWT_DPOP],
        // Who asks proves itself with a token of its issuer, as actor_token or client_assertion, which is
        // no registered method; or by what it signs with a key that the catalog has of it.
        "token_endpoint_auth_methods_supported": ["none", "private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": Algorithm::PROOFS.map(Algorithm::name),
        "dpop_signing_alg_values_supported": Algorithm::PROOFS.map(Algorithm::name),
        "tls_client_certificate_bound_access_tokens": match own.settings().certificates {
            CertificateBinding::AsTheActors => false,
            CertificateBinding::WheneverShown => true,
        },
        "authorization_grant_profiles_supported": ["urn:ietf:params:oauth:grant-profile:id-jag"],
    })
}

async fn token(
    inner: &Inner,
    own: &OwnIssuer,
    request: Request<Incoming>,
) -> Result<Response<Body>, TokenRefused> {
    let Ok(_place) = inner.oauth.in_hand.try_acquire() else {
        return Err(TokenRefused::too_many(Span::from_seconds(1)));
    };
    if !inner.governance.policy().is_current(inner.now()) {
        return Err(TokenRefused::unavailable());
    }
    let (parts, body) = request.into_parts();
    if parts.headers.contains_key(header::AUTHORIZATION) {
        return Err(TokenRefused::client_secret());
    }
    let within = inner.limits.body_within.duration();
    let form = BodyKind::Form;
    let content = resolve::body(form, &parts.headers, body, FORM_BYTES_MAX, within);
    let Wanted { ask, wishes } = ask::read(content.await, own.url())?;
    let (how, actor) = match &ask {
        Ask::Exchange { actor, .. } => (TokenGrant::TokenExchange, actor),
        Ask::Assertion { client, .. } => (TokenGrant::IdentityAssertion, client),
    };
    let peer = parts.extensions.get::<Peer>().copied();
    let by = match actor {
        ActorShown::Token(_) => Blamed::actor_of(how),
        ActorShown::Assertion(_) => Blamed::Client,
    };
    let actor = prove_actor(inner, own, actor, peer).await;
    let actor = actor.map_err(|refused| not_proved(&refused, by))?;
    // Whoever has no actor's token has no proof looked at.
    let possession = possession(inner, &parts).map_err(|it| TokenRefused::not_held(&it))?;
    let actor = possession.of(actor).map_err(|refused| not_proved(&refused, by))?;
    take_rate(inner, &actor)?;
    let asked = write::Asked { how, actor: &actor };
    let confirmation = match inner.verifier.confirm(possession, &actor).await {
        Ok(confirmation) => confirmation,
        Err(refused) => {
            let refused = TokenRefused::not_held(&refused);
            return Err(write::refusal(inner, &asked, None, refused).await);
        }
    };

    let subject = match prove_subject(inner, own, &ask, peer).await {
        Ok(subject) => subject,
        Err(refused) => return Err(write::refusal(inner, &asked, None, refused).await),
    };
    let (subject, confirmation) = match held(&ask, subject.clone(), confirmation) {
        Ok(held) => held,
        Err(refused) => {
            return Err(write::refusal(inner, &asked, Some(&subject), refused).await);
        }
    };
    let judged = match judged(inner, own, &asked, &subject, &wishes) {
        Ok(exchanged) => use_once(inner, &subject).await.map(|()| exchanged),
        Err(refused) => Err(refused),
    };
    match judged {
        Ok(exchanged) => issue(inner, own, &asked, &subject, &exchanged, &confirmation).await,
        Err(refused) => Err(write::refusal(inner, &asked, Some(&subject), refused).await),
    }
}

/// Who asks: a registered agent by what it signed itself, or anybody by a token of its issuer.
async fn prove_actor(
    inner: &Inner,
    own: &OwnIssuer,
    shown: &ActorShown,
    peer: Option<Peer>,
) -> Result<Party, Refused> {
    let text = match shown {
        ActorShown::Token(text) | ActorShown::Assertion(text) => text.reveal(),
    };
    let presented = Presented::bearer(text).sent_by(peer);
    let client = match shown {
        ActorShown::Token(_) => None,
        ActorShown::Assertion(_) => inner.verifier.client_named(text)?,
    };
    let Some(client) = client else {
        return inner.verifier.prove_party(presented, ShownAs::AccessToken).await;
    };
    let snapshot = inner.governance.policy().load();
    let terms =
        ClientTerms { agent: snapshot.agents().get(&client), own, once: &inner.oauth.used_once };
    inner.verifier.prove_client(presented, terms).await
}

/// What the request shows to hold: a key, by its proof, and the connection's certificate.
fn possession(inner: &Inner, parts: &Parts) -> Result<Possession, Refused> {
    let asked =
        Asked { method: &parts.method, home: &inner.home, host: None, path: parts.uri.path() };
    let certificate = parts.extensions.get::<Thumbprint>().copied();
    let peer = parts.extensions.get::<Peer>().copied();
    inner.verifier.possession(&parts.headers, asked, (certificate, peer))
}

/// Whom the subject's token names, proved as what it is shown as.
async fn prove_subject(
    inner: &Inner,
    own: &OwnIssuer,
    ask: &Ask,
    peer: Option<Peer>,
) -> Result<Party, TokenRefused> {
    let (subject, shown_as, how) = match ask {
        Ask::Exchange { subject, subject_as: SubjectAs::Saml, .. } => {
            return saml::prove(inner, subject.reveal()).await;
        }
        Ask::Exchange { subject, subject_as: SubjectAs::Token(shown_as), .. } => {
            (subject, *shown_as, TokenGrant::TokenExchange)
        }
        Ask::Assertion { assertion, .. } => {
            let shown_as = ShownAs::IdentityAssertion { issuer: own.url() };
            (assertion, shown_as, TokenGrant::IdentityAssertion)
        }
    };
    let subject = Presented::bearer(subject.reveal()).sent_by(peer);
    let proved = inner.verifier.prove_party(subject, shown_as).await;
    proved.map_err(|refused| not_proved(&refused, Blamed::subject_of(how)))
}

/// Whom a token is asked for: a user by their token, by a SAML assertion, or by an identity provider's
/// assertion, with what that is bound to shown.
enum For {
    User(Party),
    Saml(Party),
    Asserted(Asserted),
}

impl Deref for For {
    type Target = Party;

    fn deref(&self) -> &Party {
        match self {
            Self::User(party) | Self::Saml(party) => party,
            Self::Asserted(asserted) => asserted,
        }
    }
}

/// Holds an assertion against what the request shows, and says what the new token is bound to.
fn held(
    ask: &Ask,
    subject: Party,
    confirmation: Confirmation,
) -> Result<(For, Confirmation), TokenRefused> {
    let by = match ask {
        Ask::Exchange { subject_as: SubjectAs::Token(_), .. } => {
            return Ok((For::User(subject), confirmation));
        }
        Ask::Exchange { subject_as: SubjectAs::Saml, .. } => {
            return Ok((For::Saml(subject), confirmation));
        }
        Ask::Assertion { by, .. } => *by,
    };
    let held = confirmation.of_assertion(subject);
    let (asserted, confirmation) = held.map_err(|refused| not_proved(&refused, Blamed::Grant))?;
    match by {
        ask::AssertedBy::Holder if !asserted.is_bound() => Err(TokenRefused::assertion_not_bound()),
        ask::AssertedBy::Holder | ask::AssertedBy::Whoever => {
            Ok((For::Asserted(asserted), confirmation))
        }
    }
}

/// Applies the rules.
fn judged(
    inner: &Inner,
    own: &OwnIssuer,
    asked: &write::Asked<'_>,
    subject: &For,
    wishes: &countersign_identity::Wishes,
) -> Result<Exchanged, TokenRefused> {
    let snapshot = inner.governance.policy().load();
    let terms = Terms { snapshot: &snapshot, now: inner.verifier.now(), lifetime: own.lifetime() };
    let blamed = Blamed::subject_of(asked.how);
    match subject {
        For::User(subject) | For::Saml(subject) => exchange(subject, asked.actor, wishes, terms)
            .map_err(|fault| TokenRefused::by_rule(fault, blamed)),
        For::Asserted(subject) => {
            if !subject.resources().iter().all(|it| ask::is_ours(it, own.url())) {
                return Err(TokenRefused::other_resource());
            }
            assert_identity(subject, asked.actor, wishes, terms)
                .map_err(|fault| TokenRefused::by_rule(fault, blamed))
        }
    }
}

/// Uses up what may be used once. It comes last, so that only whom it was made for can use it up.
async fn use_once(inner: &Inner, subject: &For) -> Result<(), TokenRefused> {
    match subject {
        For::User(_) => Ok(()),
        For::Saml(assertion) => saml::use_up(inner, assertion).await,
        For::Asserted(assertion) => use_up(inner, assertion).await,
    }
}

/// RFC 7523 §3: an assertion is good for once, at all gateways together.
async fn use_up(inner: &Inner, assertion: &Party) -> Result<(), TokenRefused> {
    let id = assertion.id().unwrap_or_default();
    let value = format!("{}\n{id}", assertion.caller().issuer);
    let until = assertion.refused_from();
    match inner.oauth.used_once.take("identity-assertion", &value, until).await {
        Ok(Use::First) => Ok(()),
        Ok(Use::Again) => Err(TokenRefused::used_before()),
        Err(error) => {
            tracing::error!(%error, "assertions can't be remembered");
            Err(TokenRefused::unavailable())
        }
    }
}

async fn issue(
    inner: &Inner,
    own: &OwnIssuer,
    asked: &write::Asked<'_>,
    subject: &Party,
    exchanged: &Exchanged,
    confirmation: &Confirmation,
) -> Result<Response<Body>, TokenRefused> {
    let now = inner.verifier.now();
    let issued = match own.issue(exchanged, confirmation, now, inner.governance.entropy()) {
        Ok(issued) => issued,
        Err(_too_large) => {
            let refused = TokenRefused::too_large();
            return Err(write::refusal(inner, asked, Some(subject), refused).await);
        }
    };
    write::issued(inner, asked, subject, exchanged.caller(), &issued, confirmation).await?;
    Ok(answered(asked.how, &issued, exchanged.caller()))
}

/// So many tokens one actor may ask for, whatever the answers: each one stands in the ledger.
fn take_rate(inner: &Inner, actor: &Actor) -> Result<(), TokenRefused> {
    // No function has such a name.
    let name = FunctionName::new("/oauth/token");
    match inner.rates.take(&actor.caller().subject, &name, RATE, inner.now()) {
        Taken::Within => Ok(()),
        Taken::UsedUp { retry_after } => Err(TokenRefused::too_many(retry_after)),
    }
}

fn not_proved(refused: &Refused, blamed: Blamed) -> TokenRefused {
    TokenRefused::not_proved(refused, blamed)
}

/// A token of 16 KiB, an assertion of 40 KiB as base64, and what stands around them.
const FORM_BYTES_MAX: u64 = 72 * 1024;
/// Requests for tokens at the same time.
const IN_HAND_MAX: usize = 256;
/// Of one actor.
const RATE: Rate = Rate { calls: 600, per: Span::from_seconds(60) };
