//! What a caller presents with a request: the token, and what shows that it is the caller's own.
//! It borrows all of it, so that making one costs nothing.
//!
//! The certificate of the connection comes from whoever ended TLS in this process. Nothing here
//! ever believes a header about a connection.

use crate::{Fault, Home, Peer, Refused, Scheme, challenge::credentials};
use aws_lc_rs::digest;
use http::{HeaderMap, Method};
use std::fmt;

/// What a caller presents.
#[derive(Clone, Copy)]
pub struct Presented<'p> {
    pub(crate) token: &'p str,
    pub(crate) with: With<'p>,
    pub(crate) certificate: Option<Thumbprint>,
    pub(crate) peer: Option<Peer>,
}

/// What stands beside the token.
#[derive(Clone, Copy)]
pub(crate) enum With<'p> {
    /// Nothing: who bears it has it.
    Nothing,
    /// A proof that the caller holds a key, made for this request (RFC 9449 §4).
    Proof { proof: &'p str, asked: Asked<'p> },
}

/// The request that a proof has to be made for.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'p> {
    /// The method.
    pub method: &'p Method,
    /// Where this gateway is.
    pub home: &'p Home,
    /// The host name of a target's own that was asked, without a port; `None` for the gateway's.
    pub host: Option<&'p str>,
    /// The path as it came.
    pub path: &'p str,
}

/// The SHA-256 of a client certificate (RFC 8705 §3.1, `x5t#S256`).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Thumbprint(pub(crate) [u8; 32]);

impl<'p> Presented<'p> {
    /// What a request presents in its headers: the one `Authorization`, and with the scheme `DPoP`
    /// the one `DPoP` beside it.
    ///
    /// # Errors
    /// [`Fault::TokenMissing`] without `Authorization` or with another scheme,
    /// [`Fault::TokenMalformed`] with two or a text that is no token, [`Fault::ProofMalformed`] if
    /// there is not exactly one proof.
    pub fn of(headers: &'p HeaderMap, asked: Asked<'p>) -> Result<Self, Refused> {
        let (scheme, token) = credentials(headers)?;
        let with = match scheme {
            Scheme::Bearer => With::Nothing,
            Scheme::Dpop => {
                let proof = proof_in(headers)?.ok_or(Fault::ProofMalformed)?;
                With::Proof { proof, asked }
            }
        };
        Ok(Self { token, with, certificate: None, peer: None })
    }

    /// A bearer token alone.
    pub fn bearer(token: &'p str) -> Self {
        Self { token, with: With::Nothing, certificate: None, peer: None }
    }

    /// The same, over a connection whose client has proved to hold the key of this certificate.
    #[must_use]
    pub fn over(mut self, certificate: Option<Thumbprint>) -> Self {
        self.certificate = certificate;
        self
    }

    /// The same, by whoever is at this address. Who comes from nowhere shares one budget of forged
    /// tokens with all others who do.
    #[must_use]
    pub fn sent_by(mut self, peer: Option<Peer>) -> Self {
        self.peer = peer;
        self
    }

    /// Whether there is a bearer token and nothing beside it that has to be looked at.
    pub(crate) fn is_bare(&self) -> bool {
        matches!(self.with, With::Nothing)
    }

    pub(crate) fn scheme(&self) -> Scheme {
        match self.with {
            With::Nothing => Scheme::Bearer,
            With::Proof { .. } => Scheme::Dpop,
        }
    }
}

/// The one proof of a request (RFC 9449 §4.3 number 1), if there is any.
pub(crate) fn proof_in(headers: &HeaderMap) -> Result<Option<&str>, Refused> {
    let mut values = headers.get_all("dpop").iter();
    let Some(first) = values.next() else { return Ok(None) };
    let one = values.next().is_none().then_some(first);
    let proof = one.and_then(|it| it.to_str().ok()).ok_or(Fault::ProofMalformed)?;
    Ok(Some(proof))
}

impl<'p> From<&'p str> for Presented<'p> {
    fn from(token: &'p str) -> Self {
        Self::bearer(token)
    }
}

impl<'p> From<&'p String> for Presented<'p> {
    fn from(token: &'p String) -> Self {
        Self::bearer(token)
    }
}

impl Thumbprint {
    /// Of a certificate in DER.
    pub fn of(certificate: &[u8]) -> Self {
        Self(sha256(certificate))
    }
}

/// Shows no token and no proof.
impl fmt::Debug for Presented<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Presented")
            .field("scheme", &self.scheme())
            .field("certificate", &self.certificate)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Thumbprint(")?;
        self.0.iter().take(4).try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str("…)")
    }
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    let hash = digest::digest(&digest::SHA256, bytes);
    out.iter_mut().zip(hash.as_ref()).for_each(|(to, from)| *to = *from);
    out
}
