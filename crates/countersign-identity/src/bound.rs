//! To whom a token is bound by its `cnf` (RFC 7800 §3): to a key of the caller's (`jkt`, RFC 9449
//! §6.1), to its client certificate (`x5t#S256`, RFC 8705 §3.1), or to both. A confirmation that is
//! not understood binds the token to nobody here.

use crate::{
    Algorithm, Fault, Refused, Scheme,
    presented::{Thumbprint, With},
    refused::shown,
};
use aws_lc_rs::signature::ParsedPublicKey;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value};
use std::{fmt, sync::OnceLock};

/// What the holder of a token must show.
pub(crate) struct Bound {
    pub(crate) key: Option<BoundKey>,
    pub(crate) certificate: Option<Thumbprint>,
}

/// The key that proofs must be signed with.
pub(crate) struct BoundKey {
    /// RFC 7638.
    pub(crate) thumbprint: [u8; 32],
    /// The key of the first good proof: the thumbprint fixes it, so that it is read once.
    pub(crate) known: OnceLock<(Algorithm, ParsedPublicKey)>,
}

impl Bound {
    /// Reads `cnf`; `None` if the token is anybody's who bears it.
    pub(crate) fn read(claims: &Map<String, Value>) -> Result<Option<Self>, Refused> {
        let odd = |detail: String| Refused::new(Fault::ConfirmationNotAccepted, detail);
        let Some(confirmation) = claims.get("cnf") else { return Ok(None) };
        let members = confirmation.as_object().ok_or_else(|| odd("cnf is no object".into()))?;
        let mut bound = Self { key: None, certificate: None };
        for (name, value) in members {
            let hash = || hash(value).ok_or_else(|| odd(format!("{name} is no SHA-256")));
            match name.as_str() {
                "jkt" => {
                    let known = OnceLock::new();
                    bound.key = Some(BoundKey { thumbprint: hash()?, known });
                }
                "x5t#S256" => bound.certificate = Some(Thumbprint(hash()?)),
                other => return Err(odd(format!("cnf has {}", shown(other)))),
            }
        }
        if members.is_empty() {
            return Err(odd("cnf is empty".into()));
        }
        Ok(Some(bound))
    }

    /// What the holder has to show, for people.
    pub(crate) fn rule(&self) -> &'static str {
        match (&self.key, self.certificate) {
            (Some(_), None) => "comes as DPoP, with a proof of this key",
            (None, _) => "comes over a connection with this client certificate",
            (Some(_), Some(_)) => "comes as DPoP with a proof of this key, over such a connection",
        }
    }

    /// Whether a connection with this certificate is the holder's.
    pub(crate) fn check_certificate(&self, certificate: Option<Thumbprint>) -> Result<(), Fault> {
        match (self.certificate, certificate) {
            (None, _) => Ok(()),
            (Some(_), None) => Err(Fault::CertificateMissing),
            (Some(wanted), Some(shown)) if wanted == shown => Ok(()),
            (Some(_), Some(_)) => Err(Fault::CertificateMismatch),
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(key) = &self.key {
            write!(f, "key {} ", URL_SAFE_NO_PAD.encode(key.thumbprint))?;
        }
        if let Some(certificate) = &self.certificate {
            write!(f, "certificate {}", URL_SAFE_NO_PAD.encode(certificate.0))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bound({self})")
    }
}

/// Whether what stands beside the token is of the kind that the token asks for.
pub(crate) fn check_kind(bound: Option<&Bound>, with: &With<'_>) -> Result<(), Refused> {
    match (bound.and_then(|it| it.key.as_ref()), with) {
        (None, With::Nothing) | (Some(_), With::Proof { .. }) => Ok(()),
        // RFC 9449 §7.2: a bound token must not be taken as a bearer token.
        (Some(_), With::Nothing) => {
            Err(Refused::from(Fault::ProofMissing).answered_with(Scheme::Dpop))
        }
        (None, With::Proof { .. }) => Err(Fault::TokenNotBound.into()),
    }
}

fn hash(value: &Value) -> Option<[u8; 32]> {
    URL_SAFE_NO_PAD.decode(value.as_str()?).ok()?.try_into().ok()
}
