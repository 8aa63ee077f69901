//! What may be used once: assertions, and tokens with a `jti`. This crate says what, the register
//! behind it is shared by all gateways and is given by the binary.

use countersign_model::{Digest, Timestamp};
use std::{fmt, future::Future, pin::Pin, sync::Arc};

/// A register of what was used. Clones share it.
#[derive(Clone)]
pub struct UseOnce(Arc<Register>);

type Register = dyn Fn(Digest, Timestamp) -> Pin<Box<dyn Future<Output = Result<Use, UseOnceFailed>> + Send>>
    + Send
    + Sync;

/// Whether something was used before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// It was not, and is now.
    First,
    /// It was: this is a replay.
    Again,
}

/// Nobody knows whether it was used before, so it counts as used.
#[derive(Debug, thiserror::Error)]
#[error("the register of what was used can't be reached")]
pub struct UseOnceFailed(#[source] pub Box<dyn std::error::Error + Send + Sync>);

impl UseOnce {
    /// A register that `register` keeps: it is asked with a digest, and with the moment from which
    /// the digest may be forgotten. Of two that ask at once, it answers [`Use::First`] to one.
    pub fn new<F, A>(register: F) -> Self
    where
        F: Fn(Digest, Timestamp) -> A + Send + Sync + 'static,
        A: Future<Output = Result<Use, UseOnceFailed>> + Send + 'static,
    {
        Self(Arc::new(move |digest, until| Box::pin(register(digest, until))))
    }

    /// Uses `value`, which is one of this `kind`, such as `saml-assertion` with its issuer and ID.
    /// `until` is when its own times refuse it, the clock skew included.
    ///
    /// # Errors
    /// [`UseOnceFailed`] if the register can't be asked.
    pub async fn take(
        &self,
        kind: &'static str,
        value: &str,
        until: Timestamp,
    ) -> Result<Use, UseOnceFailed> {
        // The kind has no line break, so no value can stand for one of another kind.
        (self.0)(Digest::of(format!("{kind}\n{value}").as_bytes()), until).await
    }
}

impl fmt::Debug for UseOnce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UseOnce").finish_non_exhaustive()
    }
}
