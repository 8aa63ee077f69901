//! An issuer of tokens that are bound to a key or a certificate, and of opaque ones; and the key of
//! their holder.

use crate::lab::{AUDIENCE, Site};
use aws_lc_rs::{
    digest,
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use axum::{
    Json, Router,
    routing::{get, post},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

/// A P-256 key.
pub(super) struct Key(EcdsaKeyPair);

impl Key {
    pub(super) fn new() -> Self {
        Self(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
    }

    pub(super) fn jwk(&self) -> Value {
        let (x, y) = self.0.public_key().as_ref()[1..].split_at(32);
        json!({"kty": "EC", "crv": "P-256", "x": encode(x), "y": encode(y)})
    }

    /// RFC 7638: members in the order of their names.
    pub(super) fn thumbprint(&self) -> String {
        sha256(self.jwk().to_string().as_bytes())
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        let signed = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
        let signature = self.0.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", encode(signature))
    }

    /// A DPoP proof for one request with this token.
    pub(super) fn proof(
        &self,
        method: &str,
        url: &str,
        token: &str,
        nonce: Option<&str>,
    ) -> String {
        let mut claims = json!({
            "jti": next_jti(), "htm": method, "htu": url, "iat": now(), "ath": sha256(token.as_bytes()),
        });
        if let Some(nonce) = nonce {
            claims["nonce"] = json!(nonce);
        }
        self.sign(&json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": self.jwk()}), &claims)
    }

    /// A proof for a token endpoint, where there is no token yet.
    pub(super) fn first_proof(&self, url: &str) -> String {
        let claims = json!({"jti": next_jti(), "htm": "POST", "htu": url, "iat": now()});
        self.sign(&json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": self.jwk()}), &claims)
    }
}

/// Each proof is good once, at a provider that outlives this process too.
fn next_jti() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    format!("{}-{}-{}", now(), std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// The issuer. It goes on until it is dropped.
pub(super) struct Issuer {
    key: Key,
    url: String,
    /// What is said about opaque tokens.
    pub(super) says: Arc<Mutex<Value>>,
    _site: Site,
}

impl Issuer {
    pub(super) async fn start() -> Self {
        let mut site = Site::reserve().await;
        let (key, url) = (Key::new(), format!("http://{}", site.address));
        let mut jwk = key.jwk();
        jwk["kid"] = json!("one");
        let keys = json!({"keys": [jwk]});
        let discovery = json!({
            "issuer": url, "jwks_uri": format!("{url}/keys"),
            "introspection_endpoint": format!("{url}/introspect"),
        });
        let says: Arc<Mutex<Value>> = Arc::new(Mutex::new(json!({"active": false})));
        let said = Arc::clone(&says);
        let answer = move || {
            let said = said.lock().unwrap().clone();
            async move { Json(said) }
        };
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(|| async { Json(discovery) }))
            .route("/keys", get(|| async { Json(keys) }))
            .route("/introspect", post(answer));
        site.open(router).await;
        Self { key, url, says, _site: site }
    }

    /// As the configuration names it.
    pub(super) fn config(&self) -> Value {
        json!({
            "name": "machines", "url": self.url, "audiences": [AUDIENCE],
            "claims": {"subject_prefix": "machine:"},
            "introspection": {
                "client_id": "gateway", "client_secret": {"file": "introspection.secret"},
                "remembered": "1s",
            },
        })
    }

    /// A token of `machine:press`, with more claims.
    pub(super) fn token(&self, more: &Value) -> String {
        let claims = self.claims(more);
        self.key.sign(&json!({"typ": "at+jwt", "alg": "ES256", "kid": "one"}), &claims)
    }

    pub(super) fn claims(&self, more: &Value) -> Value {
        let mut claims = json!({
            "iss": self.url, "sub": "press", "aud": AUDIENCE, "iat": now(), "exp": now() + 600,
        });
        for (name, value) in more.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims
    }
}

pub(super) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(super) fn sha256(bytes: &[u8]) -> String {
    encode(digest::digest(&digest::SHA256, bytes))
}

#[expect(clippy::disallowed_methods, reason = "a test of the real process has the real time")]
pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}
