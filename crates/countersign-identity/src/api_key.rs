//! API keys, for callers that can get no token: `csk_`, 256 random bits, and a checksum, so that a
//! typing error costs no question and a leaked key is found by those who look for them.
//!
//! A key itself is nowhere: it is made, shown once, and from then on known by its SHA-256. It has
//! so many random bits that a slow hash would protect nothing. Who holds one is said by the book
//! behind [`ApiKeyBook`], which all gateways share.

use crate::{Fault, Hidden, presented::sha256};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use countersign_model::{
    API_KEY_ISSUER, Caller, CallerKind, Digest, Entropy, Issued, Span, Subject, Timestamp,
};
use std::{collections::BTreeSet, fmt, future::Future, pin::Pin, sync::Arc};

/// A new key, and the digest by which it is known.
pub fn new_api_key(entropy: &Entropy) -> (Hidden, Digest) {
    let secret = URL_SAFE_NO_PAD.encode(entropy.bytes::<32>());
    let text = format!("{API_KEY_PREFIX}{secret}{}", checksum(&secret));
    let digest = Digest::of(text.as_bytes());
    (Hidden::new(text), digest)
}

/// Who holds an API key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyHolder {
    /// The key's identifier, for records.
    pub id: String,
    /// For whom it speaks: an agent.
    pub subject: Subject,
    /// Its scopes.
    pub scopes: BTreeSet<Arc<str>>,
    /// When it was made.
    pub made_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// Whether it was revoked.
    pub state: KeyState,
}

/// Whether a key is good until its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// It is.
    Good,
    /// Somebody ended it before.
    Revoked,
}

/// Where keys are looked up. Clones are the same.
#[derive(Clone)]
pub struct ApiKeyBook(Arc<Book>);

type Book = dyn Fn(Digest) -> Pin<Box<dyn Future<Output = Result<Option<KeyHolder>, ApiKeyBookFailed>> + Send>>
    + Send
    + Sync;

/// Nobody knows whose key it is, so nobody gets in with it.
#[derive(Debug, thiserror::Error)]
#[error("API keys can't be looked up")]
pub struct ApiKeyBookFailed(#[source] pub Box<dyn std::error::Error + Send + Sync>);

impl ApiKeyBook {
    /// A book that `find` looks into: it is asked with a key's digest, a few seconds after the last
    /// time at the latest while the key is used.
    pub fn new<F, A>(find: F) -> Self
    where
        F: Fn(Digest) -> A + Send + Sync + 'static,
        A: Future<Output = Result<Option<KeyHolder>, ApiKeyBookFailed>> + Send + 'static,
    {
        Self(Arc::new(move |digest| Box::pin(find(digest))))
    }

    pub(crate) async fn find(&self, key: Digest) -> Result<Option<KeyHolder>, ApiKeyBookFailed> {
        (self.0)(key).await
    }
}

impl KeyHolder {
    /// The caller that the key speaks for.
    pub(crate) fn into_caller(self) -> Result<Caller, Fault> {
        match self.state {
            KeyState::Good => {}
            KeyState::Revoked => return Err(Fault::ApiKeyRevoked),
        }
        let id: Arc<str> = self.id.into();
        Ok(Caller {
            subject: self.subject,
            kind: CallerKind::Agent,
            actors: Vec::new(),
            client: Some(Arc::clone(&id)),
            issuer: API_KEY_ISSUER.into(),
            groups: BTreeSet::new(),
            scopes: self.scopes,
            name: None,
            email: None,
            expires_at: self.expires_at,
            // A cut-off of the key ends what is called with it, also what is in hand.
            issued: Issued { at: Some(self.made_at), session: Some(id), ..Issued::default() },
        })
    }
}

/// The digest of what looks like an API key; `None` for what does not begin like one.
pub(crate) fn read(text: &str) -> Option<Result<Digest, Fault>> {
    let rest = text.strip_prefix(API_KEY_PREFIX)?;
    let whole = rest.len() == SECRET_CHARS + CHECKSUM_CHARS;
    let halves = rest.split_at_checked(SECRET_CHARS).filter(|_| whole);
    let is_right = halves.is_some_and(|(secret, sum)| checksum(secret) == sum);
    Some(if is_right { Ok(Digest::of(text.as_bytes())) } else { Err(Fault::ApiKeyMalformed) })
}

fn checksum(secret: &str) -> String {
    let hash = sha256(format!("countersign API key {secret}").as_bytes());
    URL_SAFE_NO_PAD.encode(hash.get(..4).unwrap_or_default())
}

impl fmt::Debug for ApiKeyBook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKeyBook").finish_non_exhaustive()
    }
}

/// What every API key begins with.
pub const API_KEY_PREFIX: &str = "csk_";
/// How long a look-up is believed: a key that is revoked is good for so long at most.
pub(crate) const KEY_REMEMBERED: Span = Span::from_seconds(3);
/// 32 bytes, and 4, in base64url.
const SECRET_CHARS: usize = 43;
const CHECKSUM_CHARS: usize = 6;

#[cfg(test)]
mod tests;
