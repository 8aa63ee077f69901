//! The signing key: makes and checks ES256 tokens (RFC 7515, RFC 7518 §3.4) and publishes its public
//! half. Knows nothing of what the claims mean.

use super::config::{IdpError, SigningSeed};
use aws_lc_rs::{
    agreement::{ECDH_P256, PrivateKey},
    digest::{SHA256, digest},
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, UnparsedPublicKey,
    },
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The longest token that is looked at, in bytes.
const TOKEN_BYTES_MAX: usize = 16 * 1024;

pub(crate) struct SigningKey {
    pair: EcdsaKeyPair,
    /// The uncompressed point: 4, x, y.
    public: Vec<u8>,
    /// The key's RFC 7638 thumbprint.
    id: String,
    jwks: Value,
}

/// A token could not be made. Nothing that a caller does leads here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the token could not be signed")]
pub struct SignError;

#[derive(Serialize, Deserialize)]
struct Header<'a> {
    alg: &'a str,
    typ: &'a str,
    kid: &'a str,
}

impl SigningKey {
    pub(crate) fn from_seed(seed: &SigningSeed) -> Result<Self, IdpError> {
        let unusable = |_| IdpError::SeedUnusable;
        let scalar = PrivateKey::from_private_key(&ECDH_P256, seed.bytes()).map_err(unusable)?;
        let public = scalar.compute_public_key().map_err(|_| IdpError::SeedUnusable)?;
        let public = public.as_ref().to_vec();
        let pair = EcdsaKeyPair::from_private_key_and_public_key(
            &ECDSA_P256_SHA256_FIXED_SIGNING,
            seed.bytes(),
            &public,
        )
        .map_err(unusable)?;
        let (x, y) = public
            .split_first()
            .and_then(|(_, point)| point.split_at_checked(32))
            .ok_or(IdpError::SeedUnusable)?;
        let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
        // RFC 7638 §3.2: these members, in this order, without white space.
        let canonical = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
        let id = URL_SAFE_NO_PAD.encode(digest(&SHA256, canonical.as_bytes()));
        let jwks = json!({ "keys": [{
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": id, "x": x, "y": y,
        }]});
        Ok(Self { pair, public, id, jwks })
    }

    pub(crate) const fn jwks(&self) -> &Value {
        &self.jwks
    }

    pub(crate) fn sign(&self, typ: &str, claims: &impl Serialize) -> Result<String, SignError> {
        let header = Header { alg: "ES256", typ, kid: &self.id };
        let header = serde_json::to_vec(&header).map_err(|_| SignError)?;
        let claims = serde_json::to_vec(claims).map_err(|_| SignError)?;
        let mut token = URL_SAFE_NO_PAD.encode(header);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(claims, &mut token);
        // AWS-LC draws the nonce from its own generator and ignores the one that it is given here.
        let signature =
            self.pair.sign(&SystemRandom::new(), token.as_bytes()).map_err(|_| SignError)?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature.as_ref(), &mut token);
        Ok(token)
    }

    /// The claims of a token of this type that this key signed; the times are the caller's to check.
    pub(crate) fn verify(&self, typ: &str, token: &str) -> Option<Value> {
        if token.len() > TOKEN_BYTES_MAX {
            return None;
        }
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &self.public)
            .verify(signed.as_bytes(), &signature)
            .ok()?;
        let header = URL_SAFE_NO_PAD.decode(header).ok()?;
        let header: Header<'_> = serde_json::from_slice(&header).ok()?;
        if header.alg != "ES256" || header.typ != typ || header.kid != self.id {
            return None;
        }
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningKey").field("id", &self.id).finish_non_exhaustive()
    }
}
