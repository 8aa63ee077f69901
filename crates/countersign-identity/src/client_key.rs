//! A key of whoever asks: it signs DPoP proofs (RFC 9449 §4.2), and the assertions with which an agent
//! proves itself where it is registered with the public half (RFC 7523 §2.2). P-256, for `ES256` is
//! what every provider takes; kept as PKCS #8.
//!
//! The private half leaves this type only as the PEM text that [`ClientKey::make`] gives for a file.

use crate::{Algorithm, Hidden, presented::sha256};
use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use countersign_model::{Entropy, Timestamp};
use rustls::pki_types::{PrivatePkcs8KeyDer, pem::PemObject as _};
use serde_json::{Value, json};
use std::{fmt, sync::Arc};

/// A key pair. Clones share it.
#[derive(Clone)]
pub struct ClientKey(Arc<EcdsaKeyPair>);

/// A key that can't be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientKeyFault {
    /// The text is not what [`ClientKey::make`] writes.
    #[error("no PEM text of an unencrypted PKCS #8 key for P-256 (BEGIN PRIVATE KEY)")]
    NotAKey,
    /// The library could not make or use a key.
    #[error("a signature could not be made")]
    NotMade,
}

/// What a proof is made for.
#[derive(Clone, Copy, Debug)]
pub struct ProofFor<'p> {
    /// The method of the request.
    pub method: &'p str,
    /// Its URL; the query and the fragment are left out (RFC 9449 §4.2).
    pub url: &'p str,
    /// The access token that goes with it, if one does.
    pub token: Option<&'p str>,
    /// The nonce that whoever is asked gave out.
    pub nonce: Option<&'p str>,
}

impl ClientKey {
    /// A new key, and the text in which it is kept.
    ///
    /// # Errors
    /// [`ClientKeyFault::NotMade`].
    pub fn make() -> Result<(Self, Hidden), ClientKeyFault> {
        let failed = |_| ClientKeyFault::NotMade;
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(failed)?;
        let der = pair.to_pkcs8v1().map_err(failed)?;
        let base64 = STANDARD.encode(der.as_ref());
        let mut pem = "-----BEGIN PRIVATE KEY-----\n".to_owned();
        let mut rest = base64.as_str();
        while let Some((line, more)) = rest.split_at_checked(64) {
            pem.push_str(line);
            pem.push('\n');
            rest = more;
        }
        if !rest.is_empty() {
            pem.push_str(rest);
            pem.push('\n');
        }
        pem.push_str("-----END PRIVATE KEY-----\n");
        Ok((Self(Arc::new(pair)), Hidden::new(pem)))
    }

    /// Reads what [`Self::make`] wrote.
    ///
    /// # Errors
    /// [`ClientKeyFault::NotAKey`].
    pub fn read(pem: &str) -> Result<Self, ClientKeyFault> {
        let not_one = |_| ClientKeyFault::NotAKey;
        let der = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes())
            .map_err(|_| ClientKeyFault::NotAKey)?;
        let der = der.secret_pkcs8_der();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der);
        Ok(Self(Arc::new(pair.map_err(not_one)?)))
    }

    /// The public half (RFC 7517).
    pub fn public(&self) -> Value {
        let point = self.0.public_key().as_ref();
        // An uncompressed point: a byte that says so, and two numbers of 32 bytes.
        let half = |from: usize| {
            URL_SAFE_NO_PAD.encode(point.get(from..from.saturating_add(32)).unwrap_or_default())
        };
        json!({"kty": "EC", "crv": "P-256", "x": half(1), "y": half(33)})
    }

    /// The SHA-256 thumbprint of the public half (RFC 7638), as `cnf.jkt` says it.
    pub fn thumbprint(&self) -> String {
        // Its members are the required ones, and are written in the order of their names.
        URL_SAFE_NO_PAD.encode(sha256(self.public().to_string().as_bytes()))
    }

    /// A proof for one request (RFC 9449 §4.2).
    ///
    /// # Errors
    /// [`ClientKeyFault::NotMade`].
    pub fn proof(
        &self,
        wanted: ProofFor<'_>,
        now: Timestamp,
        entropy: &Entropy,
    ) -> Result<String, ClientKeyFault> {
        let end = wanted.url.find(['?', '#']).unwrap_or(wanted.url.len());
        let mut claims = json!({
            "jti": name(entropy),
            "htm": wanted.method,
            "htu": wanted.url.get(..end).unwrap_or_default(),
            "iat": now.seconds(),
        });
        let ath = wanted.token.map(|it| URL_SAFE_NO_PAD.encode(sha256(it.as_bytes())));
        let nonce = wanted.nonce.map(str::to_owned);
        for (member, value) in [("ath", ath), ("nonce", nonce)] {
            if let (Some(value), Some(members)) = (value, claims.as_object_mut()) {
                members.insert(member.to_owned(), value.into());
            }
        }
        let header = json!({
            "typ": "dpop+jwt", "alg": Algorithm::ES256.name(), "jwk": self.public(),
        });
        self.signed(&header, &claims)
    }

    /// What proves `client` to the authorization server at `issuer`, once and for a minute (RFC 7523
    /// §3).
    ///
    /// # Errors
    /// [`ClientKeyFault::NotMade`].
    pub fn client_assertion(
        &self,
        client: &str,
        issuer: &str,
        now: Timestamp,
        entropy: &Entropy,
    ) -> Result<Hidden, ClientKeyFault> {
        let header = json!({
            "typ": crate::client_assertion::TYPE, "alg": Algorithm::ES256.name(),
            "kid": self.thumbprint(),
        });
        let issued = now.seconds();
        let claims = json!({
            "iss": client, "sub": client, "aud": issuer, "jti": name(entropy),
            "iat": issued, "exp": issued.saturating_add(60),
        });
        self.signed(&header, &claims).map(Hidden::new)
    }

    fn signed(&self, header: &Value, claims: &Value) -> Result<String, ClientKeyFault> {
        let part = |it: &Value| URL_SAFE_NO_PAD.encode(it.to_string());
        let signed = format!("{}.{}", part(header), part(claims));
        let signature = self.0.sign(&SystemRandom::new(), signed.as_bytes());
        let signature = signature.map_err(|_| ClientKeyFault::NotMade)?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref())))
    }
}

/// Shows the public half's thumbprint only.
impl fmt::Debug for ClientKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientKey({})", self.thumbprint())
    }
}

fn name(entropy: &Entropy) -> String {
    URL_SAFE_NO_PAD.encode(entropy.bytes::<16>())
}

#[cfg(test)]
mod tests;
