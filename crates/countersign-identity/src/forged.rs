//! Bounds what forged tokens cost, however many strangers send. A token whose signature was refused
//! is remembered, so that the same one costs a look-up when it comes again; and only so many checks
//! may fail in a second, for each address and for all together. Beyond that a signature is not
//! checked, unless the token was proved before.
//!
//! Only signatures that are wrong count: a token that has ended, or is for somebody else, hurts
//! nobody who shares its sender's address. Nothing here keeps a token's text.

mod budget;
mod memory;

use crate::{Fault, Refused};
use budget::{Allowance, Budget, Over};
use countersign_model::{Span, Timestamp};
use memory::Memory;
use std::{
    fmt,
    net::IpAddr,
    sync::atomic::{AtomicI64, AtomicU64, Ordering},
};

/// How many signatures may fail before no more are checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForgedLimits {
    /// From one address, in a second; ten times as many may come at once. Not zero.
    pub per_address_second_max: u32,
    /// From all together, in a second; ten times as many may come at once. Not zero.
    pub per_second_max: u32,
}

impl ForgedLimits {
    /// As much as can be counted, for tests whose clock stands still.
    pub const LARGEST: Self = Self { per_address_second_max: u32::MAX, per_second_max: u32::MAX };
}

impl Default for ForgedLimits {
    /// 20 and 400: at 50 µs a check, a thousandth and a fiftieth of a core.
    fn default() -> Self {
        Self { per_address_second_max: 20, per_second_max: 400 }
    }
}

/// The address at the other end of a connection: an IPv4 address, or the /64 of an IPv6 one, which
/// is what one subscriber has. It comes from the socket, and never from a header.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Peer(IpAddr);

impl Peer {
    /// Of a socket's address.
    pub fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(it) => it.into(),
            IpAddr::V6(it) => {
                let [a, b, c, d, ..] = it.segments();
                std::net::Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
            }
        })
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(it) => it.fmt(f),
            IpAddr::V6(it) => write!(f, "{it}/64"),
        }
    }
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Peer({self})")
    }
}

/// Who sent what has to be checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Sender {
    /// Whoever is there; all whose address is not known are one.
    Stranger(Option<Peer>),
    /// The issuer itself, which this gateway asked.
    Issuer,
}

/// Whose failures are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Whose {
    /// Tokens from this address.
    Tokens(Option<Peer>),
    /// Proofs from this address of the key with this thumbprint, or, where one asks for a token, of
    /// whatever key: so that a forger of proofs hurts nobody else's calls.
    Proofs(Option<Peer>, [u8; 32]),
}

/// What was done about forged tokens since the start, in tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ForgedCounts {
    /// Whose signature was checked, and was wrong.
    pub checked: u64,
    /// That were refused before, and came again.
    pub remembered: u64,
    /// That were not checked, because of others from the same address.
    pub over_address: u64,
    /// That were not checked, because of all others together.
    pub over_all: u64,
}

/// What is remembered of forged tokens.
pub(crate) struct Forged {
    memory: Memory,
    budget: Budget,
    checked: AtomicU64,
    remembered: AtomicU64,
    over_address: AtomicU64,
    over_all: AtomicU64,
    /// Milliseconds: when the log last said that signatures are not checked.
    said_at: AtomicI64,
}

impl Forged {
    pub(crate) fn new(limits: ForgedLimits) -> Self {
        let each = Allowance::per_second(limits.per_address_second_max);
        let all = Allowance::per_second(limits.per_second_max);
        Self {
            memory: Memory::new(),
            budget: Budget::new(each, all),
            checked: AtomicU64::new(0),
            remembered: AtomicU64::new(0),
            over_address: AtomicU64::new(0),
            over_all: AtomicU64::new(0),
            said_at: AtomicI64::new(i64::MIN),
        }
    }

    /// By which issuer's keys this very token was refused, and under which epoch of them.
    pub(crate) fn find(&self, token: &str) -> Option<(usize, u64)> {
        self.memory.find(token)
    }

    /// Counts a token that was found.
    pub(crate) fn came_again(&self) -> Refused {
        self.remembered.fetch_add(1, Ordering::Relaxed);
        Fault::SignatureInvalid.into()
    }

    /// Whether the signature of a token may be checked. Checks that run at this moment are not
    /// counted yet: there are as many as threads, and calls that wait for keys.
    pub(crate) fn may_check(&self, sender: Sender, now: Timestamp) -> Result<(), Refused> {
        let Sender::Stranger(peer) = sender else { return Ok(()) };
        self.budget.look(&Whose::Tokens(peer), now).map_err(|over| {
            let (whose, wait) = match over {
                Over::Own(wait) => {
                    self.over_address.fetch_add(1, Ordering::Relaxed);
                    ("the address", wait)
                }
                Over::All(wait) => {
                    self.over_all.fetch_add(1, Ordering::Relaxed);
                    ("all", wait)
                }
            };
            self.say(whose, peer, now);
            over_budget(whose, wait)
        })
    }

    /// Remembers a token whose signature was refused by the keys of the issuer in this place.
    pub(crate) fn remember(&self, token: &str, by: (usize, u64), sender: Sender, now: Timestamp) {
        self.failed(sender, now);
        if let Sender::Stranger(_) = sender {
            self.memory.insert(token, by);
        }
    }

    /// Counts a signature that failed and is not remembered: it was no issuer's.
    pub(crate) fn failed(&self, sender: Sender, now: Timestamp) {
        self.checked.fetch_add(1, Ordering::Relaxed);
        if let Sender::Stranger(peer) = sender {
            self.budget.book(&Whose::Tokens(peer), now);
        }
    }

    /// Whether a proof of this key may be checked: whatever else is forged, its holder's calls go on.
    pub(crate) fn may_check_proof(
        &self,
        peer: Option<Peer>,
        key: [u8; 32],
        now: Timestamp,
    ) -> Result<(), Refused> {
        self.budget.look_alone(&Whose::Proofs(peer, key), now).map_err(|wait| {
            self.over_address.fetch_add(1, Ordering::Relaxed);
            self.say("proofs of one key", peer, now);
            over_budget("proofs of the key", wait)
        })
    }

    /// Counts a proof whose signature was refused.
    pub(crate) fn proof_failed(&self, peer: Option<Peer>, key: [u8; 32], now: Timestamp) {
        self.checked.fetch_add(1, Ordering::Relaxed);
        self.budget.book_alone(&Whose::Proofs(peer, key), now);
    }

    pub(crate) fn counts(&self) -> ForgedCounts {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        ForgedCounts {
            checked: of(&self.checked),
            remembered: of(&self.remembered),
            over_address: of(&self.over_address),
            over_all: of(&self.over_all),
        }
    }

    /// Says it, seldom: a line for each token would cost more than its check.
    fn say(&self, whose: &str, peer: Option<Peer>, now: Timestamp) {
        let last = self.said_at.load(Ordering::Relaxed);
        if (0..SAID_EVERY.millis()).contains(&now.millis().saturating_sub(last)) {
            return;
        }
        let order = Ordering::Relaxed;
        if self.said_at.compare_exchange(last, now.millis(), order, order).is_err() {
            return;
        }
        let ForgedCounts { checked, remembered, over_address, over_all } = self.counts();
        tracing::warn!(
            whose,
            address = peer.map(|it| it.to_string()),
            checked,
            remembered,
            over_address,
            over_all,
            "too many forged tokens: signatures are not checked for the moment"
        );
    }
}

fn over_budget(whose: &str, wait: Span) -> Refused {
    Refused::new(Fault::TooManyForged, format!("the budget of {whose} is used up"))
        .retried_after(wait)
}

const SAID_EVERY: Span = Span::from_seconds(10);

#[cfg(test)]
mod tests;
