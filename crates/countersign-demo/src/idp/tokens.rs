//! What is inside a token: RFC 9068 access tokens and OpenID Connect ID tokens, for the people and
//! agents of the configuration. Decides nothing about who may have one.

use super::{Idp, SignIn, TOKEN_SECONDS, keys::SignError};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use countersign_model::Span;
use serde::Serialize;
use serde_json::Value;

/// The scopes that speak of the person, not of an API.
pub(crate) const OIDC_SCOPES: [&str; 5] =
    ["openid", "profile", "email", "groups", "offline_access"];

/// The `client_id` of tokens that no client asked for.
const DEMO_CLIENT: &str = "demo";

/// Why [`Idp::mint`] made no token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MintError {
    /// Nobody of the configuration has this subject.
    #[error("nobody in the demo is called `{0}`")]
    UnknownSubject(String),
    /// See [`SignError`].
    #[error(transparent)]
    Sign(#[from] SignError),
}

/// Who a token is about: a person or an agent, in the words of claims.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Account<'a> {
    pub(crate) subject: &'a str,
    pub(crate) name: &'a str,
    pub(crate) email: Option<&'a str>,
    pub(crate) groups: &'a [String],
    pub(crate) scopes: &'a [String],
}

#[derive(Serialize)]
struct AccessClaims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    client_id: &'a str,
    iat: i64,
    exp: i64,
    /// Of people only (RFC 9068 §2.2.1).
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_time: Option<i64>,
    jti: String,
    scope: String,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    groups: &'a [String],
}

#[derive(Serialize)]
struct IdClaims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    iat: i64,
    exp: i64,
    auth_time: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    email_verified: bool,
    groups: &'a [String],
}

/// What one access token is to say beside whom it is about.
#[derive(Debug, Clone, Copy)]
struct Terms<'a> {
    audience: &'a str,
    client_id: &'a str,
    scopes: &'a [String],
    lifetime_seconds: i64,
    /// When its person signed in.
    signed_in_at: Option<i64>,
}

impl Idp {
    /// An access token for a person or an agent, with all its API scopes: for tests, and for whoever
    /// starts the demo. Any audience, any lifetime, also a negative one.
    ///
    /// # Errors
    /// When the subject is nobody of the configuration.
    pub fn mint(&self, subject: &str, audience: &str, lifetime: Span) -> Result<String, MintError> {
        let account =
            self.account(subject).ok_or_else(|| MintError::UnknownSubject(subject.to_owned()))?;
        let client_id = self.agent_client(subject).unwrap_or(DEMO_CLIENT);
        let lifetime_seconds = lifetime.millis().div_euclid(1000);
        // A person's token also opens userinfo; an agent has no sign-in, so no `openid`.
        let mut scopes = account.scopes.to_vec();
        if account.email.is_some() {
            scopes.extend(["openid", "profile", "email", "groups"].map(str::to_owned));
        }
        let signed_in_at = account.email.map(|_| self.now().seconds());
        let terms = Terms { audience, client_id, scopes: &scopes, lifetime_seconds, signed_in_at };
        Ok(self.access_token(account, terms)?)
    }

    /// Signs any claims under any `typ`: for tests that need a token with a fault in it.
    ///
    /// # Errors
    /// When the claims are no JSON.
    pub fn sign(&self, typ: &str, claims: &Value) -> Result<String, SignError> {
        self.0.key.sign(typ, claims)
    }

    /// The person or agent with this subject.
    pub(crate) fn account(&self, subject: &str) -> Option<Account<'_>> {
        if let Some(it) = self.person(subject) {
            return Some(Account {
                subject: &it.subject,
                name: &it.name,
                email: Some(&it.email),
                groups: &it.groups,
                scopes: &it.scopes,
            });
        }
        self.0.agents.iter().find(|agent| agent.subject == subject).map(|it| Account {
            subject: &it.subject,
            name: &it.name,
            email: None,
            groups: &[],
            scopes: &it.scopes,
        })
    }

    fn agent_client(&self, subject: &str) -> Option<&str> {
        let agent = self.0.agents.iter().find(|agent| agent.subject == subject)?;
        Some(&agent.client_id)
    }

    /// The access token that a sign-in or an agent's own credentials lead to.
    pub(crate) fn access_token_for(&self, sign_in: &SignIn) -> Result<String, MintError> {
        let account = self
            .account(&sign_in.subject)
            .ok_or_else(|| MintError::UnknownSubject(sign_in.subject.clone()))?;
        let terms = Terms {
            audience: &self.0.audience,
            client_id: &sign_in.client_id,
            scopes: &sign_in.scopes,
            lifetime_seconds: TOKEN_SECONDS,
            signed_in_at: account.email.map(|_| sign_in.signed_in_at.seconds()),
        };
        Ok(self.access_token(account, terms)?)
    }

    fn access_token(&self, account: Account<'_>, terms: Terms<'_>) -> Result<String, SignError> {
        let iat = self.now().seconds();
        let claims = AccessClaims {
            iss: &self.0.issuer.text,
            sub: account.subject,
            aud: terms.audience,
            client_id: terms.client_id,
            iat,
            exp: iat.saturating_add(terms.lifetime_seconds),
            auth_time: terms.signed_in_at,
            jti: URL_SAFE_NO_PAD.encode(self.0.entropy.bytes::<16>()),
            scope: terms.scopes.join(" "),
            name: account.name,
            email: account.email,
            groups: account.groups,
        };
        // RFC 9068 §2.1.
        self.0.key.sign("at+jwt", &claims)
    }

    /// The ID token of a sign-in (OpenID Connect Core §2).
    pub(crate) fn id_token(&self, sign_in: &SignIn) -> Result<String, MintError> {
        let account = self
            .account(&sign_in.subject)
            .ok_or_else(|| MintError::UnknownSubject(sign_in.subject.clone()))?;
        let iat = self.now().seconds();
        let claims = IdClaims {
            iss: &self.0.issuer.text,
            sub: account.subject,
            aud: &sign_in.client_id,
            iat,
            exp: iat.saturating_add(TOKEN_SECONDS),
            auth_time: sign_in.signed_in_at.seconds(),
            nonce: sign_in.nonce.as_deref(),
            name: account.name,
            email: account.email,
            email_verified: account.email.is_some(),
            groups: account.groups,
        };
        Ok(self.0.key.sign("JWT", &claims)?)
    }

    /// The claims of an access token of this provider that is good now.
    pub(crate) fn live_access_claims(&self, token: &str) -> Option<Value> {
        let claims = self.0.key.verify("at+jwt", token)?;
        let ours = claims.get("iss")?.as_str()? == self.0.issuer.text;
        let live = self.now().seconds() < claims.get("exp")?.as_i64()?;
        (ours && live).then_some(claims)
    }
}

/// The scopes that a request leads to. OpenID scopes come as asked for. API scopes come as asked for
/// too, or all that the subject may have if none was named, so that a client that only says
/// `openid` can still call something in the demo. What is not known or not allowed is left out
/// (RFC 6749 §3.3).
pub(crate) fn granted_scopes(requested: &str, allowed: &[String]) -> Vec<String> {
    let mut granted: Vec<String> = Vec::new();
    let mut names_api = false;
    for scope in requested.split(' ').filter(|it| !it.is_empty()) {
        let of_api = !OIDC_SCOPES.contains(&scope);
        names_api |= of_api;
        let known = !of_api || allowed.iter().any(|it| it == scope);
        if known && !granted.iter().any(|it| it == scope) {
            granted.push(scope.to_owned());
        }
    }
    if !names_api {
        granted.extend_from_slice(allowed);
    }
    granted
}
