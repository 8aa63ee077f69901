//! Remembers tokens that were proved, so that a warm token costs a look-up. Only proved tokens get
//! in, so a stranger can't fill it; it holds two generations, and when the young one is full the
//! old one is forgotten.
//!
//! A hit means that the whole text is equal. What a hit is worth (times, keys) is judged by the
//! caller every time; nothing here knows a clock.

use countersign_model::{Caller, Span, Timestamp};
use std::{
    collections::HashMap,
    hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{bound::Bound, claims::Times, directory::GroupsAsked};

/// What was proved about a token.
#[derive(Clone)]
pub(crate) struct Remembered {
    pub(crate) caller: Arc<Caller>,
    /// What its holder must show with each request.
    pub(crate) bound: Option<Arc<Bound>>,
    /// Whose groups a directory said, and as of when.
    pub(crate) groups: Option<Arc<GroupsAsked>>,
    /// Whose word it rests on, and for how long.
    pub(crate) vouched: Vouched,
    pub(crate) times: Times,
}

/// Whose word a token rests on. An issuer is named by its place in the configuration.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Vouched {
    /// An issuer's signature, as long as it publishes these keys.
    Signed { issuer: usize, key_epoch: u64 },
    /// An issuer's answer, for this long after it was asked.
    Asked { issuer: usize, at: Timestamp, good_for: Span },
    /// The book of API keys, which was asked then.
    Book { at: Timestamp },
}

/// The memory, in shards so that threads seldom meet.
pub(crate) struct Cache {
    seed: RandomState,
    shards: Box<[Mutex<Shard>]>,
}

#[derive(Default)]
struct Shard {
    young: Generation,
    old: Generation,
}

#[derive(Default)]
struct Generation {
    entries: HashMap<u64, Entry, BuildHasherDefault<Hashed>>,
    bytes: usize,
}

struct Entry {
    token: Box<str>,
    remembered: Remembered,
}

impl Cache {
    pub(crate) fn new() -> Self {
        Self {
            seed: RandomState::new(),
            shards: std::iter::repeat_with(Mutex::default).take(SHARDS).collect(),
        }
    }

    /// What was proved about exactly this token.
    pub(crate) fn find(&self, token: &str) -> Option<Remembered> {
        let hash = self.hash(token);
        let mut shard = self.shard(hash)?;
        if let Some(entry) = shard.young.entries.get(&hash) {
            return (*entry.token == *token).then(|| entry.remembered.clone());
        }
        if *shard.old.entries.get(&hash)?.token != *token {
            return None;
        }
        // Still in use: it moves over, so that it outlives the old generation.
        let entry = shard.old.remove(hash)?;
        let remembered = entry.remembered.clone();
        shard.insert(hash, entry);
        Some(remembered)
    }

    /// Remembers a proved token.
    pub(crate) fn insert(&self, token: &str, remembered: Remembered) {
        let hash = self.hash(token);
        if let Some(mut shard) = self.shard(hash) {
            drop(shard.old.remove(hash));
            shard.insert(hash, Entry { token: token.into(), remembered });
        }
    }

    /// Forgets a token.
    pub(crate) fn remove(&self, token: &str) {
        let hash = self.hash(token);
        if let Some(mut shard) = self.shard(hash) {
            drop(shard.young.remove(hash));
            drop(shard.old.remove(hash));
        }
    }

    /// Hashes the end of the token, which is its signature: different for every token that gets
    /// in, and short. That only picks the place; what is there is compared in full.
    fn hash(&self, token: &str) -> u64 {
        let bytes = token.as_bytes();
        let end = bytes.get(bytes.len().saturating_sub(HASHED_BYTES)..).unwrap_or(bytes);
        self.seed.hash_one((bytes.len(), end))
    }

    fn shard(&self, hash: u64) -> Option<MutexGuard<'_, Shard>> {
        let place = usize::try_from(hash % u64::try_from(SHARDS).ok()?).ok()?;
        Some(self.shards.get(place)?.lock().unwrap_or_else(PoisonError::into_inner))
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        let locked = self.shards.iter().map(|it| it.lock().unwrap());
        locked.map(|it| it.young.entries.len() + it.old.entries.len()).sum()
    }
}

impl Shard {
    fn insert(&mut self, hash: u64, entry: Entry) {
        let full = self.young.entries.len() >= ENTRIES_MAX
            || self.young.bytes + entry.token.len() > TOKEN_BYTES_MAX;
        if full {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.bytes += entry.token.len();
        if let Some(replaced) = self.young.entries.insert(hash, entry) {
            self.young.bytes -= replaced.token.len();
        }
    }
}

impl Generation {
    fn remove(&mut self, hash: u64) -> Option<Entry> {
        let entry = self.entries.remove(&hash)?;
        self.bytes -= entry.token.len();
        Some(entry)
    }
}

/// The keys of the maps are keyed hashes already.
#[derive(Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

const SHARDS: usize = 16;
/// Entries of one generation of one shard: 32,768 tokens in all.
const ENTRIES_MAX: usize = 1024;
/// Bytes of tokens of one generation of one shard: 64 MiB in all.
const TOKEN_BYTES_MAX: usize = 2 * 1024 * 1024;
/// As long as an Ed25519 or P-256 signature in base64url.
const HASHED_BYTES: usize = 86;

#[cfg(test)]
mod tests;
