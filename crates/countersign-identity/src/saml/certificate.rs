//! Certificates, of which only the key and the fingerprint matter: SAML pins keys through metadata, so
//! chains, names and dates of certificates say nothing here (SAML V2.0 Metadata Interoperability
//! Profile §2.6.1).

use aws_lc_rs::{
    digest,
    signature::{self, UnparsedPublicKey, VerificationAlgorithm},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use std::fmt;

/// A certificate.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Certificate {
    der: Vec<u8>,
    /// `SubjectPublicKeyInfo`, DER.
    key: Vec<u8>,
    kind: Kind,
}

/// What kind of key a certificate has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Rsa,
    P256,
    P384,
}

/// How an XML signature is made. Nothing with SHA-1, and nothing with a shared secret, has a name here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signing {
    RsaSha256,
    RsaSha384,
    RsaSha512,
    EcdsaSha256,
    EcdsaSha384,
}

impl Certificate {
    /// Finds the key in a certificate (RFC 5280 §4.1); `None` if it is none, or has a key that can't
    /// be used here.
    pub(crate) fn from_der(der: &[u8]) -> Option<Self> {
        let (whole, rest) = element(der, SEQUENCE)?;
        if !rest.is_empty() {
            return None;
        }
        let (mut fields, _) = element(whole.content, SEQUENCE)?;
        // version [0], serial number, signature, issuer, validity, subject.
        if let Some((_, rest)) = element(fields.content, VERSION) {
            fields.content = rest;
        }
        for tag in [INTEGER, SEQUENCE, SEQUENCE, SEQUENCE, SEQUENCE] {
            (_, fields.content) = element(fields.content, tag)?;
        }
        let (key, _) = element(fields.content, SEQUENCE)?;
        let (algorithm, _) = element(key.content, SEQUENCE)?;
        let (name, parameters) = element(algorithm.content, OID)?;
        let curve = element(parameters, OID).map(|(it, _)| it.content);
        let kind = match (name.content, curve) {
            (RSA_ENCRYPTION, _) => Kind::Rsa,
            (EC_PUBLIC_KEY, Some(P256)) => Kind::P256,
            (EC_PUBLIC_KEY, Some(P384)) => Kind::P384,
            _ => return None,
        };
        Some(Self { der: der.to_vec(), key: key.whole.to_vec(), kind })
    }

    /// The content of `ds:X509Certificate`: base64 with white space anywhere.
    pub(crate) fn from_text(text: &str) -> Option<Self> {
        Self::from_der(&unspaced_base64(text)?)
    }

    /// The first certificate of a PEM text.
    pub(crate) fn from_pem(text: &str) -> Option<Self> {
        let (_, rest) = text.split_once("-----BEGIN CERTIFICATE-----")?;
        let (body, _) = rest.split_once("-----END CERTIFICATE-----")?;
        Self::from_text(body)
    }

    /// Base64 without line ends, as metadata carry it.
    pub(crate) fn to_text(&self) -> String {
        STANDARD.encode(&self.der)
    }

    /// SHA-256 of the certificate, in lower case hexadecimal.
    pub(crate) fn fingerprint(&self) -> String {
        let hash = digest::digest(&digest::SHA256, &self.der);
        hash.as_ref().iter().map(|it| format!("{it:02x}")).collect()
    }

    /// Whether it is the certificate of this RSA key (`RSAPublicKey`, DER).
    pub(crate) fn is_of(&self, rsa_public_key: &[u8]) -> bool {
        self.kind == Kind::Rsa && self.key.ends_with(rsa_public_key)
    }

    /// Whether its key made this signature over this message.
    pub(crate) fn signed(&self, how: Signing, message: &[u8], signature: &[u8]) -> bool {
        how.kind() == self.kind
            && UnparsedPublicKey::new(how.algorithm(), &self.key).verify(message, signature).is_ok()
    }
}

impl Signing {
    /// By its name in XML (RFC 9231 §2.2, §2.3).
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        match name {
            "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256" => Some(Self::RsaSha256),
            "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384" => Some(Self::RsaSha384),
            "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512" => Some(Self::RsaSha512),
            "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256" => Some(Self::EcdsaSha256),
            "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384" => Some(Self::EcdsaSha384),
            _ => None,
        }
    }

    fn kind(self) -> Kind {
        match self {
            Self::RsaSha256 | Self::RsaSha384 | Self::RsaSha512 => Kind::Rsa,
            Self::EcdsaSha256 => Kind::P256,
            Self::EcdsaSha384 => Kind::P384,
        }
    }

    fn algorithm(self) -> &'static dyn VerificationAlgorithm {
        match self {
            Self::RsaSha256 => &signature::RSA_PKCS1_2048_8192_SHA256,
            Self::RsaSha384 => &signature::RSA_PKCS1_2048_8192_SHA384,
            Self::RsaSha512 => &signature::RSA_PKCS1_2048_8192_SHA512,
            Self::EcdsaSha256 => &signature::ECDSA_P256_SHA256_FIXED,
            Self::EcdsaSha384 => &signature::ECDSA_P384_SHA384_FIXED,
        }
    }
}

/// Shows the fingerprint.
impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({})", self.fingerprint())
    }
}

/// Base64 as XML carries it, with white space anywhere.
pub(crate) fn unspaced_base64(text: &str) -> Option<Vec<u8>> {
    let unspaced: Vec<u8> =
        text.bytes().filter(|it| !matches!(it, b' ' | b'\t' | b'\n' | b'\r')).collect();
    STANDARD.decode(unspaced).ok()
}

/// An element of DER.
struct Der<'d> {
    whole: &'d [u8],
    content: &'d [u8],
}

/// The first element, if it has this tag, and what follows.
fn element(bytes: &[u8], tag: u8) -> Option<(Der<'_>, &[u8])> {
    let (&[found, first], rest) = bytes.split_first_chunk::<2>()?;
    if found != tag {
        return None;
    }
    let (length, content) = match first {
        0..=0x7F => (usize::from(first), rest),
        0x81..=0x83 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7F))?;
            (digits.iter().fold(0, |length, it| length << 8 | usize::from(*it)), rest)
        }
        _ => return None,
    };
    let (content, rest) = content.split_at_checked(length)?;
    let (whole, _) = bytes.split_at_checked(bytes.len() - rest.len())?;
    Some((Der { whole, content }, rest))
}

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const OID: u8 = 0x06;
const VERSION: u8 = 0xA0;
/// 1.2.840.113549.1.1.1
const RSA_ENCRYPTION: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01];
/// 1.2.840.10045.2.1
const EC_PUBLIC_KEY: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01];
/// 1.2.840.10045.3.1.7
const P256: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07];
/// 1.3.132.0.34
const P384: &[u8] = &[0x2B, 0x81, 0x04, 0x00, 0x22];

#[cfg(test)]
mod tests;
