//! Finds the line of a key by reading the YAML again and failing, on purpose, at that key: the
//! parser then says where it is. Exact for every way to write YAML, and only done for faults.

use super::{Path, Step, strict};
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// The line, from 1, of the last key of a path, or of the nearest thing around it that exists.
pub(crate) fn line_of(text: &str, path: &Path) -> Option<usize> {
    if strict::is_empty(text) {
        return Some(1);
    }
    let mut path = path.clone();
    loop {
        let Some(parent) = path.parent() else { return Some(1) };
        let found = At(path.steps()).deserialize(yaml_serde::Deserializer::from_str(text));
        if let Some(location) = found.err().and_then(|error| error.location()) {
            return Some(location.line());
        }
        path = parent;
    }
}

/// Fails at the end of the path; succeeds when there is no such place.
struct At<'p>(&'p [Step]);

impl<'de> DeserializeSeed<'de> for At<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for At<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("another place")
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        self.end()
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        self.end()
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        self.end()
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        self.end()
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        self.end()
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.end()
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let wanted = match self.0.split_first() {
            None => return Err(found()),
            Some((Step::Index(index), rest)) => Some((*index, rest)),
            Some((Step::Key(_), _)) => None,
        };
        for place in 0.. {
            let more = match wanted {
                Some((index, rest)) if index == place => {
                    items.next_element_seed(At(rest))?.is_some()
                }
                Some(_) | None => items.next_element::<IgnoredAny>()?.is_some(),
            };
            if !more {
                break;
            }
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let Some((first, rest)) = self.0.split_first() else { return Err(found()) };
        while let Some(is_wanted) = members.next_key_seed(KeyAt { wanted: first, rest })? {
            if is_wanted {
                members.next_value_seed(At(rest))?;
            } else {
                members.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

impl At<'_> {
    fn end<E: Error>(self) -> Result<(), E> {
        if self.0.is_empty() { Err(found()) } else { Ok(()) }
    }
}

/// Fails at the key itself when the path ends with it; else says whether it is the wanted one.
struct KeyAt<'p> {
    wanted: &'p Step,
    rest: &'p [Step],
}

impl<'de> DeserializeSeed<'de> for KeyAt<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<bool, D::Error> {
        from.deserialize_str(self)
    }
}

impl Visitor<'_> for KeyAt<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<bool, E> {
        match self.wanted {
            Step::Key(wanted) if wanted == key && self.rest.is_empty() => Err(found()),
            Step::Key(wanted) => Ok(wanted == key),
            Step::Index(_) => Ok(false),
        }
    }
}

fn found<E: Error>() -> E {
    E::custom("here")
}
