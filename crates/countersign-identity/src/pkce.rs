//! The code flow's memory and its way back: what is kept while a browser is at the identity
//! provider (state, nonce, PKCE verifier), and the check of what the browser brings back.

use crate::{Hidden, refused::shown};
use aws_lc_rs::{constant_time, digest};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use countersign_model::{Entropy, Span, Timestamp};
use serde::{Deserialize, Serialize};

/// A sign-in that has begun and not ended. Kept where only the same browser can bring it back: in a
/// sealed cookie, or in a table under [`Self::state`]. Used once, at most 10 minutes old.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Pending {
    issuer: String,
    state: Hidden,
    nonce: Hidden,
    verifier: Hidden,
    redirect_uri: String,
    began_at: Timestamp,
    #[serde(default)]
    round: Round,
}

/// Why somebody is sent to sign in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Round {
    /// To be let in: a session at the provider is as good as a new proof.
    #[default]
    Ordinary,
    /// To sign something: the provider asks who it is, however lately it did.
    Anew,
}

/// A provider that was to ask anew did not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotAnew;

/// What the browser brings back to the redirect URI.
#[derive(Clone, Debug, Default)]
pub struct Callback {
    code: Option<Hidden>,
    state: Option<Hidden>,
    iss: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
}

/// What can be wrong with what the browser brought back.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallbackFault {
    /// A parameter appears twice, or the query is too long.
    #[error("the answer from the identity provider is malformed")]
    Malformed,
    /// More than 10 minutes have passed.
    #[error("the sign-in took longer than 10 minutes; start again")]
    TooLate,
    /// The state is not the one of this sign-in.
    #[error("the answer belongs to another sign-in; start again")]
    StateMismatch,
    /// The answer is from another issuer, or does not say from which (RFC 9207 §2.4).
    #[error("the answer comes from another identity provider")]
    IssuerMismatch,
    /// The provider said no.
    #[error("the identity provider refused: {error}")]
    Denied {
        /// Its error code, escaped.
        error: String,
        /// Its description, escaped; for people.
        description: String,
    },
    /// There is no code.
    #[error("the answer from the identity provider has no code")]
    NoCode,
}

impl Pending {
    pub(crate) fn new(issuer: &str, redirect_uri: &str, now: Timestamp, entropy: &Entropy) -> Self {
        let random = || Hidden::new(URL_SAFE_NO_PAD.encode(entropy.bytes::<32>()));
        Self {
            issuer: issuer.to_owned(),
            state: random(),
            nonce: random(),
            verifier: random(),
            redirect_uri: redirect_uri.to_owned(),
            began_at: now,
            round: Round::Ordinary,
        }
    }

    /// The same, for another kind of round.
    pub(crate) fn of(self, round: Round) -> Self {
        Self { round, ..self }
    }

    /// When somebody proved themself who ends this sign-in now, if that is known. The error is that a
    /// provider that was to ask anew did not.
    pub(crate) fn proved_at(
        &self,
        authenticated_at: Option<Timestamp>,
        now: Timestamp,
        skew: Span,
    ) -> Result<Option<Timestamp>, NotAnew> {
        match (self.round, authenticated_at) {
            (Round::Ordinary, at) => Ok(at),
            (Round::Anew, Some(at)) if at < self.began_at.minus(skew) => Err(NotAnew),
            (Round::Anew, Some(at)) => Ok(Some(at)),
            // It was asked to ask, and says nothing of time.
            (Round::Anew, None) => Ok(Some(now)),
        }
    }

    /// The configured name (at the console) or the URL (at the command line) of the issuer.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The `state` that the browser will bring back.
    pub fn state(&self) -> &str {
        self.state.reveal()
    }

    /// The URI that the browser will come back to.
    pub fn redirect_uri(&self) -> &str {
        &self.redirect_uri
    }

    pub(crate) fn verifier(&self) -> &str {
        self.verifier.reveal()
    }

    pub(crate) fn nonce(&self) -> Hidden {
        self.nonce.clone()
    }

    /// Whether an ID token carries the nonce of this sign-in.
    pub(crate) fn has_nonce(&self, nonce: &str) -> bool {
        equal(nonce, self.nonce.reveal())
    }

    /// The query of the authorization request (RFC 6749 §4.1.1, RFC 7636 §4.3).
    pub(crate) fn authorize_url(
        &self,
        endpoint: &str,
        client_id: &str,
        scopes: &[String],
        more: &[(&str, &str)],
    ) -> Result<String, url::ParseError> {
        let challenge = digest::digest(&digest::SHA256, self.verifier().as_bytes());
        let mut url = url::Url::parse(endpoint)?;
        let mut query = url.query_pairs_mut();
        query
            .append_pair("response_type", "code")
            .append_pair("client_id", client_id)
            .append_pair("redirect_uri", &self.redirect_uri)
            .append_pair("scope", &scopes.join(" "))
            .append_pair("state", self.state())
            .append_pair("nonce", self.nonce.reveal())
            .append_pair("code_challenge", &URL_SAFE_NO_PAD.encode(challenge))
            .append_pair("code_challenge_method", "S256");
        let anew = match self.round {
            Round::Ordinary => None,
            // It knows no `login`, and refuses what it does not know.
            Round::Anew if endpoint.starts_with("https://accounts.google.com/") => {
                Some("select_account")
            }
            Round::Anew => Some("login"),
        };
        // OpenID Connect Core §11: without it the scope is ignored.
        let offline = scopes.iter().any(|it| it == "offline_access").then_some("consent");
        let prompt: Vec<&str> = anew.into_iter().chain(offline).collect();
        if !prompt.is_empty() {
            query.append_pair("prompt", &prompt.join(" "));
        }
        query.extend_pairs(more);
        drop(query);
        Ok(url.into())
    }

    /// The code, if the answer belongs to this sign-in and to this issuer.
    pub(crate) fn accept<'c>(
        &self,
        callback: &'c Callback,
        issuer_url: &str,
        names_issuer: NamesIssuer,
        now: Timestamp,
    ) -> Result<&'c str, CallbackFault> {
        let state = callback.state.as_ref().map_or("", Hidden::reveal);
        if !equal(state, self.state()) {
            return Err(CallbackFault::StateMismatch);
        }
        if !(0..PENDING_SPAN_MAX.millis()).contains(&now.since(self.began_at).millis()) {
            return Err(CallbackFault::TooLate);
        }
        // Errors carry `iss` too: RFC 9207 §2.
        match (callback.iss.as_deref(), names_issuer) {
            (Some(iss), _) if iss != issuer_url => return Err(CallbackFault::IssuerMismatch),
            (None, NamesIssuer::Always) => return Err(CallbackFault::IssuerMismatch),
            (Some(_), _) | (None, NamesIssuer::Perhaps) => {}
        }
        if let Some(error) = &callback.error {
            let description = callback.error_description.as_deref().map(shown);
            let description = description.unwrap_or_default();
            return Err(CallbackFault::Denied { error: shown(error), description });
        }
        callback.code.as_ref().map(Hidden::reveal).ok_or(CallbackFault::NoCode)
    }
}

/// Whether the provider said that its answers carry `iss` (RFC 9207 §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NamesIssuer {
    Always,
    Perhaps,
}

impl NamesIssuer {
    pub(crate) fn from_metadata(supported: bool) -> Self {
        if supported { Self::Always } else { Self::Perhaps }
    }
}

impl Callback {
    /// Reads the query of the redirect URI, the part after `?`.
    ///
    /// # Errors
    /// [`CallbackFault::Malformed`] if it is longer than 8 KiB or says something twice.
    pub fn from_query(query: &str) -> Result<Self, CallbackFault> {
        if query.len() > QUERY_BYTES_MAX {
            return Err(CallbackFault::Malformed);
        }
        let mut callback = Self::default();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let value = value.into_owned();
            let repeated = match &*name {
                "code" => callback.code.replace(Hidden::new(value)).is_some(),
                "state" => callback.state.replace(Hidden::new(value)).is_some(),
                "iss" => callback.iss.replace(value).is_some(),
                "error" => callback.error.replace(value).is_some(),
                "error_description" => callback.error_description.replace(value).is_some(),
                _ => false,
            };
            if repeated {
                return Err(CallbackFault::Malformed);
            }
        }
        Ok(callback)
    }

    /// The `state`, to find the [`Pending`] by, if it is kept in a table.
    pub fn state(&self) -> Option<&str> {
        self.state.as_ref().map(Hidden::reveal)
    }
}

/// Compares in a time that does not depend on where the texts differ.
fn equal(one: &str, other: &str) -> bool {
    constant_time::verify_slices_are_equal(one.as_bytes(), other.as_bytes()).is_ok()
}

const PENDING_SPAN_MAX: Span = Span::from_seconds(600);
const QUERY_BYTES_MAX: usize = 8 * 1024;

#[cfg(test)]
mod tests;
