//! Why a bearer token was not accepted: one [`Fault`] per way to fail, with a stable code, a
//! sentence for the caller and, apart from both, a detail for the operator.
//!
//! Nothing here ever holds a piece of a token beyond its `kid` and `iss`, shortened and escaped.

use std::fmt;

/// A token that was not accepted.
#[derive(Clone, PartialEq, Eq)]
pub struct Refused {
    fault: Fault,
    detail: Box<str>,
}

/// One variant per way to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// There was no bearer token.
    TokenMissing,
    /// The token is longer than 16 KiB.
    TokenTooLarge,
    /// The token is not three base64url parts with a JSON object in each of the first two.
    TokenMalformed,
    /// The token is encrypted (JWE).
    TokenEncrypted,
    /// The header asks for something that is not done: `crit`, `b64`, `zip`, `jwk`, nesting.
    HeaderNotAllowed,
    /// The algorithm is not on the issuer's list.
    AlgorithmNotAllowed,
    /// The token is of another type, such as an ID token.
    TokenTypeNotAccepted,
    /// No configured issuer has this name.
    IssuerUnknown,
    /// The token is for someone else.
    AudienceMismatch,
    /// There is no end to it.
    ExpiryMissing,
    /// It has ended.
    TokenExpired,
    /// It has not begun, or was made in the future.
    TokenNotYetValid,
    /// A claim is of the wrong type or out of range.
    ClaimInvalid,
    /// There is no usable subject.
    SubjectMissing,
    /// The subject belongs to another issuer's names, or is an unverified address.
    SubjectNotAccepted,
    /// The chain of actors is too long or broken.
    ActorChainInvalid,
    /// The issuer publishes no such key.
    KeyUnknown,
    /// More than one key could be meant.
    KeyAmbiguous,
    /// The key is for another algorithm.
    KeyAlgorithmMismatch,
    /// The issuer's keys could not be had.
    IssuerUnreachable,
    /// The signature is not the key's.
    SignatureInvalid,
}

/// Who has to act for the next try to succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// The caller, with another token: answer 401.
    Caller,
    /// The identity provider is down: answer 503, the same token may do later.
    Issuer,
}

impl Refused {
    pub(crate) fn new(fault: Fault, detail: impl Into<String>) -> Self {
        Self { fault, detail: detail.into().into_boxed_str() }
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
    pub fn sentence(&self) -> &'static str {
        self.fault.sentence()
    }

    /// The `error` of the challenge (RFC 6750 §3.1); none if there was no token, or if the token
    /// may be good and only the issuer is away.
    pub fn challenge_error(&self) -> Option<&'static str> {
        match (self.fault, self.fault.blame()) {
            (Fault::TokenMissing, _) | (_, Blame::Issuer) => None,
            (_, Blame::Caller) => Some("invalid_token"),
        }
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
    /// All of them, for tables.
    pub const ALL: [Self; 21] = [
        Self::TokenMissing,
        Self::TokenTooLarge,
        Self::TokenMalformed,
        Self::TokenEncrypted,
        Self::HeaderNotAllowed,
        Self::AlgorithmNotAllowed,
        Self::TokenTypeNotAccepted,
        Self::IssuerUnknown,
        Self::AudienceMismatch,
        Self::ExpiryMissing,
        Self::TokenExpired,
        Self::TokenNotYetValid,
        Self::ClaimInvalid,
        Self::SubjectMissing,
        Self::SubjectNotAccepted,
        Self::ActorChainInvalid,
        Self::KeyUnknown,
        Self::KeyAmbiguous,
        Self::KeyAlgorithmMismatch,
        Self::IssuerUnreachable,
        Self::SignatureInvalid,
    ];

    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::TokenMissing => "token_missing",
            Self::TokenTooLarge => "token_too_large",
            Self::TokenMalformed => "token_malformed",
            Self::TokenEncrypted => "token_encrypted",
            Self::HeaderNotAllowed => "header_not_allowed",
            Self::AlgorithmNotAllowed => "algorithm_not_allowed",
            Self::TokenTypeNotAccepted => "token_type_not_accepted",
            Self::IssuerUnknown => "issuer_unknown",
            Self::AudienceMismatch => "audience_mismatch",
            Self::ExpiryMissing => "expiry_missing",
            Self::TokenExpired => "token_expired",
            Self::TokenNotYetValid => "token_not_yet_valid",
            Self::ClaimInvalid => "claim_invalid",
            Self::SubjectMissing => "subject_missing",
            Self::SubjectNotAccepted => "subject_not_accepted",
            Self::ActorChainInvalid => "actor_chain_invalid",
            Self::KeyUnknown => "key_unknown",
            Self::KeyAmbiguous => "key_ambiguous",
            Self::KeyAlgorithmMismatch => "key_algorithm_mismatch",
            Self::IssuerUnreachable => "issuer_unreachable",
            Self::SignatureInvalid => "signature_invalid",
        }
    }

    /// The sentence for the caller.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::TokenMissing => "No bearer token was sent.",
            Self::TokenTooLarge => "The token is longer than 16 KiB.",
            Self::TokenMalformed => "The token is not a well-formed signed JWT.",
            Self::TokenEncrypted => "The token is encrypted; send a signed access token.",
            Self::HeaderNotAllowed => "The token's header asks for a feature that is not accepted.",
            Self::AlgorithmNotAllowed => {
                "The token is signed with an algorithm that is not allowed."
            }
            Self::TokenTypeNotAccepted => "The token is not an access token.",
            Self::IssuerUnknown => "The token's issuer is not trusted here.",
            Self::AudienceMismatch => "The token was issued for another audience.",
            Self::ExpiryMissing => "The token has no expiry.",
            Self::TokenExpired => "The token has expired.",
            Self::TokenNotYetValid => "The token is not valid yet.",
            Self::ClaimInvalid => "A claim of the token has the wrong type or is out of range.",
            Self::SubjectMissing => "The token names no usable subject.",
            Self::SubjectNotAccepted => "The token's issuer may not vouch for this subject.",
            Self::ActorChainInvalid => "The token's chain of actors is too long or malformed.",
            Self::KeyUnknown => "The token is signed with a key that its issuer does not publish.",
            Self::KeyAmbiguous => "The token does not say which of its issuer's keys signed it.",
            Self::KeyAlgorithmMismatch => "The token's algorithm does not belong to its key.",
            Self::IssuerUnreachable => {
                "The identity provider cannot be reached at the moment; try again shortly."
            }
            Self::SignatureInvalid => "The token's signature is not valid.",
        }
    }

    /// Who has to act.
    pub const fn blame(self) -> Blame {
        match self {
            Self::IssuerUnreachable => Blame::Issuer,
            Self::TokenMissing
            | Self::TokenTooLarge
            | Self::TokenMalformed
            | Self::TokenEncrypted
            | Self::HeaderNotAllowed
            | Self::AlgorithmNotAllowed
            | Self::TokenTypeNotAccepted
            | Self::IssuerUnknown
            | Self::AudienceMismatch
            | Self::ExpiryMissing
            | Self::TokenExpired
            | Self::TokenNotYetValid
            | Self::ClaimInvalid
            | Self::SubjectMissing
            | Self::SubjectNotAccepted
            | Self::ActorChainInvalid
            | Self::KeyUnknown
            | Self::KeyAmbiguous
            | Self::KeyAlgorithmMismatch
            | Self::SignatureInvalid => Blame::Caller,
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

/// A stranger's text made fit for a log line: escaped, and at most 80 characters.
pub(crate) fn shown(text: &str) -> String {
    let short: String = text.chars().take(80).collect();
    if short.len() < text.len() { format!("{short:?}…") } else { format!("{short:?}") }
}
