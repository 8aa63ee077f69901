//! Takes each DPoP proof once (RFC 9449 §11.1), and gives out the nonces that proofs carry where
//! the operator asks for them (§9).
//!
//! The register of this gateway is bounded: when it is full, proofs are refused until room is made
//! by time, never taken unremembered. It forgets with the process, and with it nothing is lost that
//! a minute does not mend.

use crate::{
    Fault, Refused, Use, UseOnce,
    presented::sha256,
    proof::{AGE_SECONDS_MAX, AHEAD_SECONDS_MAX, For, Proof},
};
use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use countersign_model::Timestamp;
use std::{
    collections::HashSet,
    fmt,
    sync::{Mutex, PoisonError},
};

/// How proofs are taken, beyond what RFC 9449 always asks for.
#[derive(Clone, Debug, Default)]
pub struct ProofRules {
    /// The key of nonces; with one, every proof has to carry a nonce of the last minutes.
    pub nonces: Option<NonceKey>,
    /// The register of all gateways; without one, each gateway remembers what it has seen itself.
    pub shared: Option<UseOnce>,
}

/// From which nonces follow. All gateways have the same, so that each knows the others' nonces.
#[derive(Clone)]
pub struct NonceKey(hmac::Key);

impl NonceKey {
    /// The key of these bytes.
    pub fn new(bytes: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }

    /// The nonce at this second.
    fn nonce(&self, now: i64) -> String {
        self.of_period(now.div_euclid(NONCE_SECONDS))
    }

    fn of_period(&self, period: i64) -> String {
        let tag = hmac::sign(&self.0, format!("dpop nonce {period}").as_bytes());
        URL_SAFE_NO_PAD.encode(tag.as_ref().get(..16).unwrap_or_default())
    }

    /// Whether a nonce is of this period or of the one before.
    fn knows(&self, nonce: &str, now: i64) -> bool {
        let period = now.div_euclid(NONCE_SECONDS);
        [period, period.saturating_sub(1)].into_iter().any(|it| self.of_period(it) == nonce)
    }
}

/// Judges proofs and remembers them.
pub(crate) struct Proofs {
    rules: ProofRules,
    seen: Box<[Mutex<Seen>]>,
}

/// What was seen lately, in two generations: what a generation forgets is too old to be taken.
#[derive(Default)]
struct Seen {
    young: HashSet<u128>,
    old: HashSet<u128>,
    /// The second in which the young generation began.
    began: i64,
}

impl Proofs {
    pub(crate) fn new(rules: ProofRules) -> Self {
        let seen = std::iter::repeat_with(Mutex::default).take(SHARDS).collect();
        Self { rules, seen }
    }

    /// Judges a proof. It is good as often as it is shown until it is taken.
    pub(crate) fn judge(&self, text: &str, wanted: &For<'_>) -> Result<Proof, Refused> {
        Proof::check(text, wanted, |nonce| self.check_nonce(nonce, wanted.now))
    }

    /// Takes a proof that was judged.
    pub(crate) async fn take_once(&self, proof: &Proof, now: i64) -> Result<(), Refused> {
        let thumbprint = URL_SAFE_NO_PAD.encode(proof.thumbprint);
        let name = format!("{thumbprint} {}", proof.jti);
        self.remember(&proof.thumbprint, &name, now)?;
        if let Some(shared) = &self.rules.shared {
            let until = proof.made.saturating_add(AGE_SECONDS_MAX + 1).saturating_mul(1000);
            return match shared.take("dpop-proof", &name, Timestamp::from_millis(until)).await {
                Ok(Use::First) => Ok(()),
                Ok(Use::Again) => Err(Fault::ProofReplayed.into()),
                Err(failed) => Err(Refused::new(Fault::ProofsNotRemembered, failed.to_string())),
            };
        }
        Ok(())
    }

    fn check_nonce(&self, nonce: Option<&str>, now: i64) -> Result<(), Refused> {
        let Some(key) = &self.rules.nonces else { return Ok(()) };
        if nonce.is_some_and(|it| key.knows(it, now)) {
            return Ok(());
        }
        let detail = if nonce.is_some() { "an old or foreign nonce" } else { "no nonce" };
        Err(Refused::new(Fault::ProofNonceNeeded, detail).with_nonce(key.nonce(now)))
    }

    fn remember(&self, key: &[u8; 32], name: &str, now: i64) -> Result<(), Refused> {
        // A key's proofs are all in one shard: who floods the register fills that one only.
        let first = key.first().copied().unwrap_or_default();
        let full = || Refused::new(Fault::ProofsNotRemembered, "the register of proofs is full");
        let shard = self.seen.get(usize::from(first) % SHARDS).ok_or_else(full)?;
        let mut half = [0; 16];
        half.iter_mut().zip(sha256(name.as_bytes())).for_each(|(to, from)| *to = from);
        let name = u128::from_be_bytes(half);

        let mut seen = shard.lock().unwrap_or_else(PoisonError::into_inner);
        seen.turn(now);
        if seen.young.contains(&name) || seen.old.contains(&name) {
            return Err(Fault::ProofReplayed.into());
        }
        if seen.young.len() >= SEEN_MAX {
            return Err(full());
        }
        seen.young.insert(name);
        Ok(())
    }
}

impl Seen {
    fn turn(&mut self, now: i64) {
        let age = now.saturating_sub(self.began);
        if age < GENERATION_SECONDS {
            return;
        }
        // Emptied rather than dropped: the room is wanted again.
        std::mem::swap(&mut self.young, &mut self.old);
        self.young.clear();
        if age >= 2 * GENERATION_SECONDS {
            self.old.clear();
        }
        self.began = now;
    }
}

impl fmt::Debug for NonceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NonceKey(…)")
    }
}

const SHARDS: usize = 8;
/// Proofs of one generation of one shard: 1,048,576 in a generation, and some 80 MB at most in all.
const SEEN_MAX: usize = 131_072;
/// From the first moment at which a proof is good until the last.
const GENERATION_SECONDS: i64 = AGE_SECONDS_MAX + AHEAD_SECONDS_MAX + 1;
/// How long a nonce is given out; it is taken for as long again.
const NONCE_SECONDS: i64 = 120;

#[cfg(test)]
mod tests;
