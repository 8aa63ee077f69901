//! This installation as an issuer of short-lived tokens (RFC 9068), for agents that act for people.
//!
//! The keys come from the master key, so that every gateway of an installation has the same ones and
//! none is kept anywhere. What a token says was judged before: [`Exchanged`] is made by nothing but
//! the rules of `exchange`. Nothing here proves anybody, and no token that leaves here outlives
//! [`LIFETIME_MAX`].

use crate::{
    Algorithm, Confirmation, Hidden, Http, IssuerConfig, Scheme,
    exchange::Exchanged,
    issuer::{Issuer, Strangers},
    jws::TOKEN_BYTES_MAX,
    keys::KeySet,
    mapping::Mapping,
};
use aws_lc_rs::{
    digest,
    signature::{Ed25519KeyPair, KeyPair},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use countersign_model::{Clock, Digest, Entropy, Issued, Span, Subject, Timestamp};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::{fmt, sync::Arc};

/// The name under which callers with own tokens are known: no configured issuer has it.
pub const OWN_ISSUER: &str = "countersign";

/// No own token lives longer.
pub const LIFETIME_MAX: Span = Span::from_seconds(600);

/// How own tokens are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnSettings {
    /// How long a token lives at most: above zero and up to [`LIFETIME_MAX`].
    pub lifetime: Span,
    /// The number of the signing key, counted from 1. The keys before and after it are known too.
    pub generation: u32,
    /// Whether each token has to be bound to something that whoever asks shows to hold.
    pub binding: Binding,
    /// When a token is bound to the client certificate of the connection.
    pub certificates: CertificateBinding,
}

/// Whether each own token has to be bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Binding {
    /// A token is bound to the key of the DPoP proof that its request carries, if there is one.
    #[default]
    Offered,
    /// The same, and a request without a proof, and without a certificate that counts, gets none.
    Required,
}

/// When own tokens are bound to the client certificate of the connection (RFC 8705 §3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CertificateBinding {
    /// When the actor's own token is.
    #[default]
    AsTheActors,
    /// Whenever the connection has one.
    WheneverShown,
}

impl Default for OwnSettings {
    fn default() -> Self {
        Self {
            lifetime: Span::from_seconds(300),
            generation: 1,
            binding: Binding::default(),
            certificates: CertificateBinding::default(),
        }
    }
}

/// Keys that make no issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OwnFault {
    /// The seed of a key is not 32 bytes.
    #[error("a signing key can't be made of its seed")]
    Seed,
    /// The settings are out of range.
    #[error("a token's lifetime is above zero and at most 10m, and generations begin with 1")]
    Settings,
    /// The keys can't be written as a key set.
    #[error("the public keys can't be published")]
    Keys,
}

/// A token that would be longer than any header takes: the subject is in too many groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the token would be too large")]
pub struct TooLarge;

/// An own token, not handed out yet.
#[derive(Clone, Debug)]
pub struct IssuedToken {
    /// The token.
    pub token: Hidden,
    /// Its `jti`, which is no secret.
    pub id: String,
    /// SHA-256 of the token's text, as the ledger names it.
    pub digest: Digest,
    /// From when it is refused.
    pub expires_at: Timestamp,
    /// So many seconds it is good for.
    pub expires_in_seconds: i64,
    /// With which scheme it is sent (RFC 9449 §5).
    pub scheme: Scheme,
}

/// This installation as an issuer. Clones share the keys.
#[derive(Clone)]
pub struct OwnIssuer(Arc<Inner>);

struct Inner {
    url: String,
    settings: OwnSettings,
    pair: Ed25519KeyPair,
    kid: String,
    published: Value,
}

impl OwnIssuer {
    /// The issuer at this URL, which is also the resource that its tokens are for. `seed` makes the
    /// 32 secret bytes of a key from its generation.
    ///
    /// # Errors
    /// [`OwnFault`].
    pub fn new<S: AsRef<[u8]>>(
        url: &str,
        settings: OwnSettings,
        seed: impl Fn(u32) -> S,
    ) -> Result<Self, OwnFault> {
        let lifetime = settings.lifetime;
        if settings.generation == 0 || lifetime.millis() < 1000 || lifetime > LIFETIME_MAX {
            return Err(OwnFault::Settings);
        }
        let pair = |generation| {
            Ed25519KeyPair::from_seed_unchecked(seed(generation).as_ref())
                .map_err(|_| OwnFault::Seed)
        };
        let signing = pair(settings.generation)?;
        // Gateways are restarted one after the other: each knows the next key, and the last one.
        let around = settings.generation.saturating_sub(1)..=settings.generation.saturating_add(1);
        let published = around
            .filter(|generation| *generation > 0)
            .map(|generation| Ok(public(&pair(generation)?)))
            .collect::<Result<Vec<Value>, OwnFault>>()?;
        Ok(Self(Arc::new(Inner {
            url: url.trim_end_matches('/').to_owned(),
            settings,
            kid: thumbprint(&signing),
            pair: signing,
            published: json!({ "keys": published }),
        })))
    }

    /// The issuer's URL, which is the resource's identifier too: without a slash at the end.
    pub fn url(&self) -> &str {
        &self.0.url
    }

    /// How long a token lives at most.
    pub fn lifetime(&self) -> Span {
        self.0.settings.lifetime
    }

    /// How tokens are made.
    pub fn settings(&self) -> OwnSettings {
        self.0.settings
    }

    /// The public keys (RFC 7517).
    pub fn key_set(&self) -> &Value {
        &self.0.published
    }

    /// Signs a token that says what was judged, bound to what was shown.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn issue(
        &self,
        exchanged: &Exchanged,
        confirmation: &Confirmation,
        now: Timestamp,
        entropy: &Entropy,
    ) -> Result<IssuedToken, TooLarge> {
        let id = URL_SAFE_NO_PAD.encode(entropy.bytes::<16>());
        let issued_at = now.seconds();
        let expires = exchanged.expires_at().seconds();
        let mut claims = self.claims(exchanged, &id, issued_at, expires);
        if let (Some(bound), Some(members)) = (confirmation.claim(), claims.as_object_mut()) {
            members.insert("cnf".to_owned(), bound);
        }
        let claims = claims.to_string();
        let header = json!({"alg": Algorithm::EdDSA.name(), "kid": self.0.kid, "typ": "at+jwt"});
        let signed = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(header.to_string()),
            URL_SAFE_NO_PAD.encode(claims)
        );
        let signature = self.0.pair.sign(signed.as_bytes());
        let token = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()));
        if token.len() > TOKEN_BYTES_MAX {
            return Err(TooLarge);
        }
        Ok(IssuedToken {
            digest: Digest::of(token.as_bytes()),
            token: Hidden::new(token),
            id,
            expires_at: Timestamp::from_millis(expires.saturating_mul(1000)),
            expires_in_seconds: expires.saturating_sub(issued_at),
            scheme: if confirmation.key().is_some() { Scheme::Dpop } else { Scheme::Bearer },
        })
    }

    /// RFC 9068 §2.2 and RFC 8693 §4. Names are mapped already, so they are read back as they are.
    fn claims(&self, exchanged: &Exchanged, id: &str, issued_at: i64, expires: i64) -> Value {
        let caller = exchanged.caller();
        let mut claims = json!({
            "iss": self.0.url,
            "aud": self.0.url,
            "sub": caller.subject,
            "client_id": caller.client,
            "iat": issued_at,
            "exp": expires,
            "jti": id,
            "scope": caller.scopes.iter().map(AsRef::as_ref).collect::<Vec<&str>>().join(" "),
            "act": act(&caller.actors),
        });
        let mut more = |name: &str, value: Option<Value>| {
            if let (Some(value), Some(members)) = (value, claims.as_object_mut()) {
                members.insert(name.to_owned(), value);
            }
        };
        more("groups", (!caller.groups.is_empty()).then(|| json!(caller.groups)));
        more("name", caller.name.as_ref().map(|it| json!(it)));
        more("email", caller.email.as_ref().map(|it| json!(it)));
        more("source", written(&caller.issued));
        more("may_act", exchanged.may_act().map(|it| json!({ "sub": it })));
        claims
    }

    fn config(&self) -> Option<IssuerConfig> {
        serde_json::from_value(json!({
            "name": OWN_ISSUER, "url": self.0.url, "audiences": [self.0.url],
            "algorithms": [Algorithm::EdDSA], "clock_skew": "30s",
        }))
        .ok()
    }

    /// The verifier's view of this installation. What it can't have of its own making is no issuer:
    /// then own tokens are refused.
    pub(crate) fn issuer(
        &self,
        strangers: Strangers,
        http: Http,
        clock: Clock,
    ) -> Option<Arc<Issuer>> {
        let config = self.config()?;
        let mapping = Mapping::new(&config, &[]);
        Some(Issuer::of_keys(self.keys()?, (config, mapping), strangers, http, clock))
    }

    fn keys(&self) -> Option<KeySet> {
        KeySet::parse(self.0.published.to_string().as_bytes(), &[Algorithm::EdDSA]).ok()
    }
}

impl fmt::Debug for OwnIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnIssuer").field("url", &self.0.url).finish_non_exhaustive()
    }
}

/// The nearest actor outermost (RFC 8693 §4.1).
fn act(actors: &[Subject]) -> Value {
    let innermost = Value::Null;
    actors.iter().rev().fold(innermost, |inner, actor| {
        let mut members = Map::from_iter([("sub".to_owned(), json!(actor))]);
        if !inner.is_null() {
            members.insert("act".to_owned(), inner);
        }
        Value::Object(members)
    })
}

/// Where the subject was proved, for cut-offs: an exchanged token ends with what it came from.
fn written(issued: &Issued) -> Option<Value> {
    let Issued { issuer, at, subject, session, authenticated_at: _ } = issued;
    Some(json!({
        "issuer": issuer.as_ref()?, "iat": at.map(Timestamp::seconds), "sub": subject, "sid": session,
    }))
}

/// Reads back what [`written`] wrote. A token without it ends with every cut-off of its names.
pub(crate) fn source(claims: &Map<String, Value>) -> Issued {
    let source = claims.get("source").and_then(Value::as_object);
    let member = |name: &str| source.and_then(|it| it.get(name));
    let text = |name: &str| member(name).and_then(Value::as_str).map(Into::into);
    let at = member("iat").and_then(Value::as_i64);
    Issued {
        issuer: text("issuer"),
        at: at.map(|seconds| Timestamp::from_millis(seconds.saturating_mul(1000))),
        subject: text("sub"),
        session: text("sid"),
        authenticated_at: None,
    }
}

fn public(pair: &Ed25519KeyPair) -> Value {
    json!({
        "kty": "OKP", "crv": "Ed25519", "alg": Algorithm::EdDSA, "use": "sig",
        "kid": thumbprint(pair), "x": URL_SAFE_NO_PAD.encode(pair.public_key().as_ref()),
    })
}

/// RFC 7638, RFC 8037 §2: another installation's key never has the same name.
fn thumbprint(pair: &Ed25519KeyPair) -> String {
    let x = URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
    let text = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, text.as_bytes()).as_ref())
}

#[cfg(test)]
mod tests;
