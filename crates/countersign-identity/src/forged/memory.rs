//! Remembers which tokens were refused for their signature, by their SHA-256: nobody can make a good
//! token that has a forged one's. Bounded, in two generations, as the memory of proved tokens is.

use crate::presented::sha256;
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// The memory, in shards so that threads seldom meet.
pub(super) struct Memory(Box<[Mutex<Shard>]>);

#[derive(Default)]
struct Shard {
    young: HashMap<u128, By>,
    old: HashMap<u128, By>,
}

/// The place of the issuer, and the epoch of its keys: when keys change, the token is judged again.
type By = (usize, u64);

impl Memory {
    pub(super) fn new() -> Self {
        Self(std::iter::repeat_with(Mutex::default).take(SHARDS).collect())
    }

    pub(super) fn find(&self, token: &str) -> Option<By> {
        let name = name(token);
        let shard = self.shard(name)?;
        shard.young.get(&name).or_else(|| shard.old.get(&name)).copied()
    }

    pub(super) fn insert(&self, token: &str, by: By) {
        let name = name(token);
        if let Some(mut shard) = self.shard(name) {
            if shard.young.len() >= ENTRIES_MAX {
                shard.old = std::mem::take(&mut shard.young);
            }
            shard.young.insert(name, by);
        }
    }

    fn shard(&self, name: u128) -> Option<MutexGuard<'_, Shard>> {
        let place = usize::try_from(name % u128::try_from(SHARDS).ok()?).ok()?;
        Some(self.0.get(place)?.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Entries of all shards.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.iter().map(|it| it.lock().unwrap()).map(|it| it.young.len() + it.old.len()).sum()
    }
}

fn name(token: &str) -> u128 {
    let mut half = [0; 16];
    half.iter_mut().zip(sha256(token.as_bytes())).for_each(|(to, from)| *to = from);
    u128::from_be_bytes(half)
}

const SHARDS: usize = 16;
/// Of one generation of one shard: 16,384 tokens in all, in some 2 MiB.
pub(super) const ENTRIES_MAX: usize = 512;
#[cfg(test)]
pub(super) const ALL_MAX: usize = ENTRIES_MAX * 2 * SHARDS;
