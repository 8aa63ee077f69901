//! Whoever asks, with a key that it proves to hold: a DPoP proof for each request (RFC 9449 §4), with
//! the nonce that whoever is asked gave out last (§8, §9).

use crate::{ClientKey, ClientKeyFault, ProofFor};
use countersign_model::{Clock, Entropy};
use http::{HeaderMap, HeaderValue, StatusCode};
use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};
use url::Url;

/// A key in use. Clones share it, and the nonces.
#[derive(Clone)]
pub struct Prover(Arc<Inner>);

struct Inner {
    key: ClientKey,
    clock: Clock,
    entropy: Entropy,
    /// The last nonce of each server that was asked, by scheme, host and port.
    nonces: Mutex<HashMap<String, String>>,
}

impl Prover {
    /// Proves to hold this key.
    pub fn new(key: ClientKey, clock: Clock, entropy: Entropy) -> Self {
        Self(Arc::new(Inner { key, clock, entropy, nonces: Mutex::default() }))
    }

    /// The key.
    pub fn key(&self) -> &ClientKey {
        &self.0.key
    }

    /// Puts into `headers` a proof for a request to `url`, which goes with `token` if there is one.
    ///
    /// # Errors
    /// [`ClientKeyFault::NotMade`].
    pub fn prove(
        &self,
        headers: &mut HeaderMap,
        method: &str,
        url: &str,
        token: Option<&str>,
    ) -> Result<(), ClientKeyFault> {
        let nonce = origin(url).and_then(|it| self.nonces().get(&it).cloned());
        let wanted = ProofFor { method, url, token, nonce: nonce.as_deref() };
        let proof = self.0.key.proof(wanted, self.0.clock.now(), &self.0.entropy)?;
        let mut proof = HeaderValue::from_str(&proof).map_err(|_| ClientKeyFault::NotMade)?;
        proof.set_sensitive(true);
        headers.insert("dpop", proof);
        Ok(())
    }

    /// Takes the nonce of an answer, and says whether the request should be sent again with it: it was
    /// refused because it had none, or an old one. Ask once for each request.
    pub fn wants_again(&self, url: &str, status: StatusCode, headers: &HeaderMap) -> Again {
        let nonce = headers.get("dpop-nonce").and_then(|it| it.to_str().ok());
        let (Some(nonce), Some(origin)) = (nonce, origin(url)) else { return Again::No };
        if nonce.is_empty() || nonce.len() > NONCE_BYTES_MAX {
            return Again::No;
        }
        let known = self.nonces().insert(origin, nonce.to_owned());
        let refused = matches!(status, StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED);
        // The same nonce again would be refused again.
        if refused && known.as_deref() != Some(nonce) { Again::Yes } else { Again::No }
    }

    fn nonces(&self) -> std::sync::MutexGuard<'_, HashMap<String, String>> {
        self.0.nonces.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a request is to be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    /// With a new proof.
    Yes,
    /// The answer stands.
    No,
}

impl fmt::Debug for Prover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Prover({:?})", self.0.key)
    }
}

fn origin(url: &str) -> Option<String> {
    Some(Url::parse(url).ok()?.origin().ascii_serialization())
}

const NONCE_BYTES_MAX: usize = 1024;
