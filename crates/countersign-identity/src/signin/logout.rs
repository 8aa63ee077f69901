//! Judges the logout tokens that an issuer pushes when somebody's session ended there (OpenID
//! Connect Back-Channel Logout 1.0 §2.6).
//!
//! It never ends a session: what is proved goes out as [`Logout`].

use super::SignIn;
use crate::{
    Blame, Fault, Hidden, Presented, Refused, Use, UseOnce, UseOnceFailed,
    claims::{self, Times},
    forged::Sender,
    jws,
};
use countersign_model::{Span, Timestamp, Whose};
use serde_json::{Map, Value};
use std::sync::Arc;

/// A logout that an issuer vouches for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logout {
    /// The issuer's configured name.
    pub issuer: Arc<str>,
    /// Whose sessions ended.
    pub whose: Vec<Whose>,
    /// What was issued before this ended.
    pub before: Timestamp,
    /// The token's name, to be used once.
    once: Hidden,
    until: Timestamp,
}

/// A logout token that was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum LogoutRefused {
    /// It is not a token of this issuer for this client.
    #[error("the logout token was refused: {0}")]
    Token(#[from] Refused),
    /// It does not say that it is a logout (§2.4 `events`).
    #[error("the token is no logout token")]
    NotALogout,
    /// It has a nonce, as only ID tokens have.
    #[error("a logout token has no nonce")]
    HasNonce,
    /// It names neither a subject nor a session.
    #[error("the logout token names neither a subject nor a session")]
    NobodyNamed,
    /// It has no name of its own.
    #[error("the logout token has no jti")]
    NoName,
    /// It was issued too long ago.
    #[error("the logout token is older than {} seconds", AGE_MAX.millis() / 1000)]
    TooOld,
    /// It was used before.
    #[error("the logout token was used before")]
    Used,
    /// Nobody knows whether it was used before.
    #[error(transparent)]
    Register(#[from] UseOnceFailed),
}

impl LogoutRefused {
    /// A stable, machine-readable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Token(refused) => refused.code(),
            Self::NotALogout => "logout_event_missing",
            Self::HasNonce => "nonce_not_allowed",
            Self::NobodyNamed => "sub_and_sid_missing",
            Self::NoName => "jti_missing",
            Self::TooOld => "logout_too_old",
            Self::Used => "token_used",
            Self::Register(_) => "unavailable",
        }
    }

    /// Whether the same token may be accepted later.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Token(refused) => match refused.blame() {
                Blame::Issuer | Blame::Gateway | Blame::Others => true,
                Blame::Caller => false,
            },
            Self::Register(_) => true,
            Self::NotALogout
            | Self::HasNonce
            | Self::NobodyNamed
            | Self::NoName
            | Self::TooOld
            | Self::Used => false,
        }
    }
}

impl SignIn {
    /// What a logout token says, if it is one of this issuer for this client. Whoever acts on it
    /// [uses](Logout::used) it afterwards.
    ///
    /// # Errors
    /// [`LogoutRefused`], with the one reason.
    pub async fn judge_logout(
        &self,
        token: impl Into<Presented<'_>>,
    ) -> Result<Logout, LogoutRefused> {
        let Presented { token, peer, .. } = token.into();
        let token = jws::parse(token)?;
        if claims::issuer(&token.claims)? != self.issuer.config.url {
            return Err(Refused::from(Fault::IssuerUnknown).into());
        }
        self.issuer.allows(token.algorithm)?;
        // §2.4: `logout+jwt` is recommended, and what has another type is another token.
        if !matches!(token.token_type.as_deref(), None | Some("jwt" | "logout+jwt")) {
            return Err(Refused::from(Fault::TokenTypeNotAccepted).into());
        }
        let claims = &token.claims;
        claims::check_audience(claims, std::slice::from_ref(&self.config.client_id))?;
        let now = self.clock.now();
        let times = Times::read(claims)?;
        times.check(now.seconds(), self.issuer.skew_seconds()).map_err(Refused::from)?;
        let issued = claims.get("iat").and_then(Value::as_i64);
        let issued = issued.ok_or_else(|| Refused::new(Fault::ClaimInvalid, "no iat"))?;
        let oldest = now.minus(AGE_MAX).seconds().saturating_sub(self.issuer.skew_seconds());
        if issued < oldest {
            return Err(LogoutRefused::TooOld);
        }
        let event = claims.get("events").and_then(|it| it.get(EVENT));
        if !event.is_some_and(Value::is_object) {
            return Err(LogoutRefused::NotALogout);
        }
        if claims.contains_key("nonce") {
            return Err(LogoutRefused::HasNonce);
        }
        let whose = self.whose(claims)?;
        let name = named(claims, "jti")?.ok_or(LogoutRefused::NoName)?;
        self.issuer.prove(&token, Sender::Stranger(peer)).await?;
        let skew = Span::from_seconds(self.issuer.skew_seconds());
        let ends = Timestamp::from_millis(times.expires.saturating_mul(1000));
        Ok(Logout {
            issuer: self.issuer.config.name.as_str().into(),
            whose,
            // A whole second is all that `iat` says: what was issued in it is from before.
            before: Timestamp::from_millis(issued.saturating_add(1).saturating_mul(1000)),
            once: Hidden::new(format!("{} {name}", self.issuer.config.url)),
            until: ends.plus(skew).plus(skew),
        })
    }

    /// A session where one is named, else all of the subject's.
    fn whose(&self, claims: &Map<String, Value>) -> Result<Vec<Whose>, LogoutRefused> {
        let issuer: Arc<str> = self.issuer.config.name.as_str().into();
        if let Some(session) = named(claims, "sid")? {
            // Somebody else's name beside the session is for the issuer to get right: it signed.
            return Ok(vec![Whose::IssuerSession { issuer, session: session.into() }]);
        }
        let subject = named(claims, "sub")?.ok_or(LogoutRefused::NobodyNamed)?;
        let mapped = self.issuer.mapping.subject_of(subject).map(Whose::Subject);
        let own = Whose::IssuerSubject { issuer, subject: subject.into() };
        Ok(std::iter::once(own).chain(mapped).collect())
    }
}

impl Logout {
    /// Uses the token up. It is used after it was acted on, so that what failed can be sent again:
    /// acting on it twice changes nothing.
    ///
    /// # Errors
    /// [`LogoutRefused::Used`] if it was used before, [`LogoutRefused::Register`].
    pub async fn used(&self, once: &UseOnce) -> Result<(), LogoutRefused> {
        match once.take("logout-token", self.once.reveal(), self.until).await? {
            Use::First => Ok(()),
            Use::Again => Err(LogoutRefused::Used),
        }
    }
}

/// A claim that names something: a text that is not empty.
fn named<'c>(claims: &'c Map<String, Value>, name: &str) -> Result<Option<&'c str>, Refused> {
    match claims.get(name) {
        None => Ok(None),
        Some(Value::String(text)) if (1..=NAME_BYTES_MAX).contains(&text.len()) => Ok(Some(text)),
        Some(_) => Err(Refused::new(Fault::ClaimInvalid, format!("{name} is no usable text"))),
    }
}

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
/// A logout is sent when it happens, and repeated for a while at most.
const AGE_MAX: Span = Span::from_seconds(600);
const NAME_BYTES_MAX: usize = 255;
