//! Our own key pair: signs requests, and opens assertions that the provider encrypted for us.

use super::{
    certificate::Certificate,
    refused::{SamlFault, SamlRefused},
};
use aws_lc_rs::{
    rand::SystemRandom,
    rsa::{OaepPrivateDecryptingKey, PrivateDecryptingKey},
    signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair},
};
use rustls::pki_types::{PrivatePkcs8KeyDer, pem::PemObject as _};
use std::fmt;

/// The key pair and its certificate.
pub(crate) struct OwnKey {
    signing: RsaKeyPair,
    pub(crate) decrypting: OaepPrivateDecryptingKey,
    pub(crate) certificate: Certificate,
}

/// A key pair that can't be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadOwnKey {
    #[error("the key is no PEM text of an unencrypted PKCS #8 key (BEGIN PRIVATE KEY)")]
    NotPkcs8,
    #[error("the key is not RSA of 2048 bits or more")]
    NotRsa,
    #[error("the certificate is no PEM file with an X.509 certificate")]
    NotCertificate,
    #[error("the certificate is not of this key")]
    OtherKey,
}

impl OwnKey {
    pub(crate) fn read(key_pem: &str, certificate_pem: &str) -> Result<Self, BadOwnKey> {
        let key = PrivatePkcs8KeyDer::from_pem_slice(key_pem.as_bytes());
        let key = key.map_err(|_| BadOwnKey::NotPkcs8)?;
        let der = key.secret_pkcs8_der();
        let signing = RsaKeyPair::from_pkcs8(der).map_err(|_| BadOwnKey::NotRsa)?;
        let decrypting = PrivateDecryptingKey::from_pkcs8(der);
        let decrypting = decrypting.map_err(|_| BadOwnKey::NotRsa)?;
        let decrypting =
            OaepPrivateDecryptingKey::new(decrypting).map_err(|_| BadOwnKey::NotRsa)?;
        let certificate =
            Certificate::from_pem(certificate_pem).ok_or(BadOwnKey::NotCertificate)?;
        if !certificate.is_of(signing.public_key().as_ref()) {
            return Err(BadOwnKey::OtherKey);
        }
        Ok(Self { signing, decrypting, certificate })
    }

    /// RSA with SHA-256, PKCS #1 v1.5: what every provider verifies.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SamlRefused> {
        let mut signature = vec![0; self.signing.public_modulus_len()];
        self.signing
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
            .map_err(|_| SamlFault::RequestNotMade)?;
        Ok(signature)
    }
}

impl fmt::Debug for OwnKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OwnKey({:?})", self.certificate)
    }
}
