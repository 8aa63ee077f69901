//! A map whose entries end by themselves, and which never grows beyond what it was made for. What
//! is full refuses; it never forgets something that is still good.

use countersign_model::Timestamp;
use std::collections::HashMap;

/// Entries by the SHA-256 of the secret that finds them, so that the secrets themselves are not kept.
#[derive(Debug)]
pub(crate) struct Bounded<T> {
    entries: HashMap<[u8; 32], Entry<T>>,
    entries_max: usize,
}

#[derive(Debug)]
struct Entry<T> {
    ends_at: Timestamp,
    value: T,
}

/// The map holds as many live entries as it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many are waiting at the moment")]
pub(crate) struct Full;

/// What a key leads to.
#[derive(Debug)]
pub(crate) enum Found<'a, T> {
    Live(&'a mut T),
    Expired,
    Absent,
}

impl<T> Bounded<T> {
    pub(crate) fn new(entries_max: usize) -> Self {
        Self { entries: HashMap::new(), entries_max }
    }

    /// Adds an entry that is good before `ends_at`, after dropping all that have ended.
    pub(crate) fn insert(
        &mut self,
        key: [u8; 32],
        value: T,
        ends_at: Timestamp,
        now: Timestamp,
    ) -> Result<(), Full> {
        if self.entries.len() >= self.entries_max {
            self.entries.retain(|_, entry| now < entry.ends_at);
        }
        if self.entries.len() >= self.entries_max {
            return Err(Full);
        }
        self.entries.insert(key, Entry { ends_at, value });
        Ok(())
    }

    pub(crate) fn find(&mut self, key: &[u8; 32], now: Timestamp) -> Found<'_, T> {
        match self.entries.get_mut(key) {
            Some(entry) if now < entry.ends_at => Found::Live(&mut entry.value),
            Some(_) => Found::Expired,
            None => Found::Absent,
        }
    }

    pub(crate) fn remove(&mut self, key: &[u8; 32]) {
        self.entries.remove(key);
    }

    /// The live entry that satisfies `wanted`, looked for one by one: for maps of few entries.
    pub(crate) fn find_by(
        &mut self,
        now: Timestamp,
        wanted: impl Fn(&T) -> bool,
    ) -> Option<&mut T> {
        let live = self.entries.values_mut().filter(|entry| now < entry.ends_at);
        live.map(|entry| &mut entry.value).find(|value| wanted(value))
    }

    pub(crate) fn retain(&mut self, keep: impl Fn(&T) -> bool) {
        self.entries.retain(|_, entry| keep(&entry.value));
    }
}

#[cfg(test)]
mod tests {
    use super::{Bounded, Found, Full};
    use countersign_model::Timestamp;

    #[test]
    fn what_has_ended_makes_room_and_what_is_live_stays() {
        let at = Timestamp::from_millis;
        let mut map = Bounded::new(2);
        map.insert([1; 32], 'a', at(10), at(0)).unwrap();
        map.insert([2; 32], 'b', at(20), at(0)).unwrap();
        assert_eq!(map.insert([3; 32], 'c', at(30), at(9)), Err(Full));
        assert!(matches!(map.find(&[1; 32], at(9)), Found::Live('a')));
        assert!(matches!(map.find(&[1; 32], at(10)), Found::Expired));
        map.insert([3; 32], 'c', at(30), at(10)).unwrap();
        assert!(matches!(map.find(&[1; 32], at(10)), Found::Absent));
        assert_eq!(map.find_by(at(10), |it| *it == 'b'), Some(&mut 'b'));
        assert_eq!(map.find_by(at(20), |it| *it == 'b'), None);
    }
}
