//! Why a credential was not accepted: one [`Fault`] per way to fail, with a stable code, a
//! sentence for the caller and, apart from both, a detail for the operator.
//!
//! Nothing here ever holds a piece of a token beyond its `kid` and `iss`, shortened and escaped.

pub(crate) use crate::shown::shown;

use crate::fault::{Fault, Wrong};
use countersign_model::Span;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A credential that was not accepted.
#[derive(Clone, PartialEq, Eq)]
pub struct Refused {
    fault: Fault,
    detail: Box<str>,
    scheme: Scheme,
    nonce: Option<Box<str>>,
    /// What the caller is told, where it is more than the fault's own sentence.
    told: Option<Box<str>>,
    retry_after: Option<Span>,
}

/// How a token comes in the `Authorization` header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scheme {
    /// `Bearer` (RFC 6750 §2.1).
    #[default]
    Bearer,
    /// `DPoP` (RFC 9449 §7.1).
    Dpop,
}

/// Who has to act for the next try to succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// The caller, with another token: answer 401.
    Caller,
    /// The identity provider is down: answer 503, the same token may do later.
    Issuer,
    /// This gateway can't judge it for now: answer 503, the same token may do later.
    Gateway,
    /// Whoever floods it with forgeries: answer 429, the same token may do later.
    Others,
}

impl Refused {
    pub(crate) fn new(fault: Fault, detail: impl Into<String>) -> Self {
        let scheme = match fault.wrong() {
            Wrong::Proof | Wrong::Nonce => Scheme::Dpop,
            Wrong::Nothing | Wrong::Token | Wrong::Issuer | Wrong::Gateway | Wrong::Others => {
                Scheme::Bearer
            }
        };
        let detail = detail.into().into_boxed_str();
        Self { fault, detail, scheme, nonce: None, told: None, retry_after: None }
    }

    /// With a sentence of its own: of the configuration's words and names of claims, never of what
    /// a claim says.
    pub(crate) fn told(fault: Fault, detail: impl Into<String>, sentence: String) -> Self {
        Self { told: Some(sentence.into_boxed_str()), ..Self::new(fault, detail) }
    }

    /// The same, with the scheme that the next try has to use.
    pub(crate) fn answered_with(mut self, scheme: Scheme) -> Self {
        self.scheme = scheme;
        self
    }

    /// The same, with the nonce that the next proof has to carry.
    pub(crate) fn with_nonce(mut self, nonce: String) -> Self {
        self.nonce = Some(nonce.into_boxed_str());
        self
    }

    /// The same, to be tried again after this long.
    pub(crate) fn retried_after(mut self, span: Span) -> Self {
        self.retry_after = Some(span);
        self
    }

    /// Which way it failed.
    pub fn fault(&self) -> Fault {
        self.fault
    }

    /// The stable, machine-readable code, such as `token_expired`.
    pub fn code(&self) -> &'static str {
        self.fault.code()
    }

    /// What the caller is told: a sentence, without secrets and without the token's text.
    pub fn sentence(&self) -> &str {
        self.told.as_deref().unwrap_or_else(|| self.fault.sentence())
    }

    /// The `error` of the challenge (RFC 6750 §3.1, RFC 9449 §7.1); none if there was no token, or
    /// if the token may be good and only somebody else is away.
    pub fn challenge_error(&self) -> Option<&'static str> {
        match self.fault.wrong() {
            Wrong::Nothing | Wrong::Issuer | Wrong::Gateway | Wrong::Others => None,
            Wrong::Token => Some("invalid_token"),
            Wrong::Proof => Some("invalid_dpop_proof"),
            Wrong::Nonce => Some("use_dpop_nonce"),
        }
    }

    /// The scheme of the challenge.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// What the header `DPoP-Nonce` of the answer says, if the next proof has to carry a nonce
    /// (RFC 9449 §9).
    pub fn nonce(&self) -> Option<&str> {
        self.nonce.as_deref()
    }

    /// After how long the same credential may do, where that is known.
    pub fn retry_after(&self) -> Option<Span> {
        self.retry_after
    }

    /// Who has to act.
    pub fn blame(&self) -> Blame {
        self.fault.blame()
    }

    /// What the operator is told, beyond [`Self::sentence`]; may be empty.
    pub fn detail(&self) -> &str {
        &self.detail
    }
}

impl Fault {
    /// Whether it is the proof beside a token that is wrong.
    pub const fn is_proofs(self) -> bool {
        match self.wrong() {
            Wrong::Proof | Wrong::Nonce => true,
            Wrong::Nothing | Wrong::Token | Wrong::Issuer | Wrong::Gateway | Wrong::Others => false,
        }
    }

    /// Who has to act.
    pub const fn blame(self) -> Blame {
        match self.wrong() {
            Wrong::Nothing | Wrong::Token | Wrong::Proof | Wrong::Nonce => Blame::Caller,
            Wrong::Issuer => Blame::Issuer,
            Wrong::Gateway => Blame::Gateway,
            Wrong::Others => Blame::Others,
        }
    }
}

impl From<Fault> for Refused {
    fn from(fault: Fault) -> Self {
        Self::new(fault, "")
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refused").field("fault", &self.fault).field("detail", &self.detail).finish()
    }
}

impl std::error::Error for Refused {}
