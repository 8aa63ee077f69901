//! The signature algorithms that a token may be signed with. There is no variant for `none` or for
//! a shared-secret (HMAC) algorithm, so no configuration can allow one.

use aws_lc_rs::{digest, signature};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A JWS algorithm (RFC 7518 §3.1, RFC 8037, RFC 9864).
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RS256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    RS384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    RS512,
    /// RSASSA-PSS with SHA-256.
    PS256,
    /// RSASSA-PSS with SHA-384.
    PS384,
    /// RSASSA-PSS with SHA-512.
    PS512,
    /// ECDSA on P-256 with SHA-256.
    ES256,
    /// ECDSA on P-384 with SHA-384.
    ES384,
    /// `EdDSA`; of its curves only Ed25519.
    EdDSA,
    /// `EdDSA` on Ed25519 under its fully specified name (RFC 9864 §2.2).
    Ed25519,
}

/// The kind of key that an algorithm needs (`kty` and, where there is one, `crv`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyKind {
    Rsa,
    P256,
    P384,
    Ed25519,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::RS256,
        Self::RS384,
        Self::RS512,
        Self::PS256,
        Self::PS384,
        Self::PS512,
        Self::ES256,
        Self::ES384,
        Self::EdDSA,
        Self::Ed25519,
    ];

    /// What a configuration that says nothing allows.
    pub const DEFAULT: [Self; 5] =
        [Self::RS256, Self::PS256, Self::ES256, Self::EdDSA, Self::Ed25519];

    /// What a DPoP proof may be signed with (RFC 9449 §4.3 number 5).
    pub const PROOFS: [Self; 6] =
        [Self::ES256, Self::EdDSA, Self::Ed25519, Self::ES384, Self::PS256, Self::RS256];

    /// The name in a header's `alg`, compared with its case (RFC 7515 §4.1.1).
    pub const fn name(self) -> &'static str {
        match self {
            Self::RS256 => "RS256",
            Self::RS384 => "RS384",
            Self::RS512 => "RS512",
            Self::PS256 => "PS256",
            Self::PS384 => "PS384",
            Self::PS512 => "PS512",
            Self::ES256 => "ES256",
            Self::ES384 => "ES384",
            Self::EdDSA => "EdDSA",
            Self::Ed25519 => "Ed25519",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name() == name)
    }

    pub(crate) const fn key_kind(self) -> KeyKind {
        match self {
            Self::RS256 | Self::RS384 | Self::RS512 => KeyKind::Rsa,
            Self::PS256 | Self::PS384 | Self::PS512 => KeyKind::Rsa,
            Self::ES256 => KeyKind::P256,
            Self::ES384 => KeyKind::P384,
            Self::EdDSA | Self::Ed25519 => KeyKind::Ed25519,
        }
    }

    /// How an RSA signature is checked; `None` for the others.
    pub(crate) fn rsa(self) -> Option<&'static signature::RsaParameters> {
        match self {
            Self::RS256 => Some(&signature::RSA_PKCS1_2048_8192_SHA256),
            Self::RS384 => Some(&signature::RSA_PKCS1_2048_8192_SHA384),
            Self::RS512 => Some(&signature::RSA_PKCS1_2048_8192_SHA512),
            Self::PS256 => Some(&signature::RSA_PSS_2048_8192_SHA256),
            Self::PS384 => Some(&signature::RSA_PSS_2048_8192_SHA384),
            Self::PS512 => Some(&signature::RSA_PSS_2048_8192_SHA512),
            Self::ES256 | Self::ES384 | Self::EdDSA | Self::Ed25519 => None,
        }
    }

    /// How an elliptic curve's signature is checked; `None` for RSA. The fixed form of ECDSA is
    /// the one of RFC 7518 §3.4: `r` and `s` side by side, no DER to bend.
    pub(crate) fn curve(self) -> Option<&'static dyn signature::VerificationAlgorithm> {
        match self {
            Self::ES256 => Some(&signature::ECDSA_P256_SHA256_FIXED),
            Self::ES384 => Some(&signature::ECDSA_P384_SHA384_FIXED),
            Self::EdDSA | Self::Ed25519 => Some(&signature::ED25519),
            Self::RS256 | Self::RS384 | Self::RS512 => None,
            Self::PS256 | Self::PS384 | Self::PS512 => None,
        }
    }

    /// The hash of `at_hash` (OpenID Connect Core §3.1.3.6); Ed25519 signs with SHA-512 inside.
    pub(crate) fn digest(self) -> &'static digest::Algorithm {
        match self {
            Self::RS256 | Self::PS256 | Self::ES256 => &digest::SHA256,
            Self::RS384 | Self::PS384 | Self::ES384 => &digest::SHA384,
            Self::RS512 | Self::PS512 | Self::EdDSA | Self::Ed25519 => &digest::SHA512,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
