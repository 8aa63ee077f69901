//! Reads YAML that people wrote, and says of every fault in which line and under which key it is.
//!
//! The text becomes a JSON value first, strictly: a key that is written twice is a fault. Then the
//! value becomes a type with serde, and where that fails, the faulty part is taken out and the rest
//! is read again, so that one run finds all faults. Never touches anything but the text.

mod locate;
mod path;
mod strict;

pub(crate) use locate::line_of;
pub(crate) use path::{Path, Step};

use crate::suggest;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::{collections::BTreeMap, fmt};

/// Something in a text that can't be right.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Fault {
    /// The line, from 1; `None` when the fault is the file's as a whole.
    pub(crate) line: Option<usize>,
    /// The key, such as `issuers[0].url`; empty for the whole.
    pub(crate) key: String,
    /// What is wrong and what would be right.
    pub(crate) message: String,
}

impl Fault {
    /// A fault at a path of a text.
    pub(crate) fn at(text: &str, path: &Path, message: impl Into<String>) -> Self {
        Self { line: line_of(text, path), key: path.to_string(), message: message.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "{line}: ")?;
        }
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.message)
    }
}

/// Reads a text into a type.
///
/// # Errors
/// Every fault that can be found in one go, in the order of the lines.
pub(crate) fn read<T: DeserializeOwned>(text: &str) -> Result<T, Vec<Fault>> {
    read_filled(text, |_| {})
}

/// Reads a text into a type, after `fill` has added to what is written. It adds at the ends of lists
/// and takes nothing away, so that places in faults are those of the text.
///
/// # Errors
/// Every fault that can be found in one go, in the order of the lines.
pub(crate) fn read_filled<T: DeserializeOwned>(
    text: &str,
    fill: impl FnOnce(&mut Value),
) -> Result<T, Vec<Fault>> {
    let mut value = strict::value(text).map_err(|fault| vec![fault])?;
    fill(&mut value);
    let mut faults = Vec::new();
    let mut removed = Removed::default();
    for _ in 0..FAULTS_MAX {
        let error = match serde_path_to_error::deserialize::<_, T>(&value) {
            Ok(read) if faults.is_empty() => return Ok(read),
            Ok(_) => break,
            Err(error) => error,
        };
        let found = Found::new(Path::from(error.path()), &error.inner().to_string());
        if !removed.caused(&found) {
            let shown = removed.as_written(&found.shown);
            faults.push(Fault::at(text, &shown, found.message.clone()));
        }
        if !removed.take(&mut value, &found.guilty) {
            break;
        }
    }
    faults.sort();
    faults.dedup();
    Err(faults)
}

/// What serde said, in our words.
struct Found {
    /// The path to name.
    shown: Path,
    /// The part to take out before reading again.
    guilty: Path,
    /// Whether it is only that something is missing.
    missing: bool,
    message: String,
}

impl Found {
    fn new(path: Path, said: &str) -> Self {
        let quoted = said.split('`').nth(1).unwrap_or_default();
        if said.starts_with("unknown field ") {
            let path = if path.ends_with_key(quoted) { path } else { path.key(quoted) };
            let message = format!("unknown key{}", instead(quoted, said));
            return Self { shown: path.clone(), guilty: path, missing: false, message };
        }
        if said.starts_with("missing field ") {
            let message = "is missing".to_owned();
            return Self { shown: path.clone().key(quoted), guilty: path, missing: true, message };
        }
        let message = if said.starts_with("unknown variant ") {
            format!("`{quoted}` is not known{}", instead(quoted, said))
        } else {
            in_words(said)
        };
        Self { shown: path.clone(), guilty: path, missing: false, message }
    }
}

/// The parts that were taken out, so that paths can be told as they were written.
#[derive(Default)]
struct Removed {
    /// Whole paths of members, as written.
    members: Vec<Path>,
    /// By the list's path as written: the places that are gone.
    places: BTreeMap<String, Vec<usize>>,
}

impl Removed {
    /// Whether something is only at fault because of what was taken out: it is missing, or it is
    /// what the missing part was in.
    fn caused(&self, found: &Found) -> bool {
        let written = self.as_written(&found.shown);
        let holds = |member: &Path| member.steps().starts_with(written.steps());
        self.members.iter().any(|it| *it == written || !found.missing && holds(it))
    }

    /// Takes a part out. The whole can't be.
    fn take(&mut self, value: &mut Value, path: &Path) -> bool {
        let Some((last, parents)) = path.steps().split_last() else { return false };
        let written = self.as_written(path);
        let Some(parent) = parents.iter().try_fold(value, |value, step| match step {
            Step::Key(key) => value.get_mut(key),
            Step::Index(index) => value.get_mut(index),
        }) else {
            return false;
        };
        match (parent, last) {
            (Value::Object(members), Step::Key(key)) => {
                self.members.push(written);
                members.remove(key).is_some()
            }
            (Value::Array(items), Step::Index(index)) if *index < items.len() => {
                items.remove(*index);
                if let Some((Step::Index(index), list)) = written.steps().split_last() {
                    let list = Path::from_steps(list.to_vec()).to_string();
                    self.places.entry(list).or_default().push(*index);
                }
                true
            }
            (_, _) => false,
        }
    }

    /// A path of what is left, as it stands in the text.
    fn as_written(&self, path: &Path) -> Path {
        let mut written = Path::default();
        for step in path.steps() {
            written = match step {
                Step::Key(key) => written.key(key),
                Step::Index(index) => {
                    let gone = self.places.get(&written.to_string());
                    let here = |place: &usize| gone.is_none_or(|gone| !gone.contains(place));
                    let place = (0..).filter(here).nth(*index).unwrap_or(*index);
                    written.index(place)
                }
            };
        }
        written
    }
}

/// Which of the known words was meant, or all of them if none is near.
fn instead(wrong: &str, said: &str) -> String {
    let known: Vec<&str> = said.split('`').skip(3).step_by(2).collect();
    match suggest::nearest(wrong, known.iter().copied()) {
        Some(word) => format!("; did you mean `{word}`?"),
        None if known.is_empty() => String::new(),
        None => format!("; known here: {}", known.join(", ")),
    }
}

/// serde's words for types, in people's.
fn in_words(said: &str) -> String {
    let Some((_, rest)) = said.split_once("invalid type: ") else { return said.to_owned() };
    let Some((is, wanted)) = rest.split_once(", expected ") else { return said.to_owned() };
    let wanted = match wanted {
        "a string" => "a text",
        "a boolean" => "true or false",
        "a sequence" => "a list",
        "a map" => "keys and values",
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number, zero or more",
        other => other.strip_prefix("struct ").map_or(other, |_| "keys and values"),
    };
    let is = is.strip_prefix("string ").map_or_else(
        || match is {
            "map" => "keys and values".to_owned(),
            "sequence" => "a list".to_owned(),
            "null" | "unit value" => "nothing".to_owned(),
            other => other.to_owned(),
        },
        |text| format!("the text {text}"),
    );
    format!("expected {wanted}, found {is}")
}

/// The most faults that are told of one file.
const FAULTS_MAX: usize = 100;

#[cfg(test)]
mod tests;
