//! What a new catalog changes, for people to read: lines of changed keys, and the grants that reach
//! more or fewer functions.

use super::PlannedGrant;
use crate::grants::rights::reached;
use countersign_model::{
    Catalog, Digest, FunctionName, GrantId, Holder, Snapshot, Timestamp, catalog::raw::RawCatalog,
};
use serde::Serialize;
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

/// What applying a catalog would change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// The digest of the catalog in force.
    pub base: Digest,
    /// The digest of the new one.
    pub next: Digest,
    /// What was added, changed or removed.
    pub changes: Vec<Change>,
    /// What becomes of grants that the files have.
    pub grants: Vec<PlannedGrant>,
    /// Grants that would reach more or fewer functions.
    pub grants_touched: Vec<TouchedGrant>,
}

/// One target, function, agent, separation, schedule or grant that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// How.
    pub kind: ChangeKind,
    /// What: `target billing`, `function billing.refunds.create`, `agent agent:dunning`,
    /// `schedule quarter`.
    pub place: String,
    /// The keys that differ: `- key: before`, `+ key: after`.
    pub lines: Vec<String>,
}

/// How something differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// It is new.
    Added,
    /// It is another.
    Changed,
    /// It is gone.
    Removed,
}

/// A grant that would reach more or fewer functions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TouchedGrant {
    /// Which.
    pub id: GrantId,
    /// Who holds it.
    pub holder: String,
    /// The functions that it would gain or lose.
    pub functions: Vec<FunctionName>,
    /// What would happen.
    pub effect: String,
}

/// What differs between two catalogs.
pub(crate) fn changes(before: &RawCatalog, after: &RawCatalog) -> Vec<Change> {
    let mut changes = Vec::new();
    compare("target", &before.targets, &after.targets, &mut changes);
    compare("function", &before.functions, &after.functions, &mut changes);
    compare("agent", &before.agents, &after.agents, &mut changes);
    compare("separation", &before.separations, &after.separations, &mut changes);
    compare("schedule", &before.schedules, &after.schedules, &mut changes);
    compare("grant", &before.grants, &after.grants, &mut changes);
    changes
}

fn compare<T: PartialEq + Serialize>(
    what: &str,
    before: &BTreeMap<String, T>,
    after: &BTreeMap<String, T>,
    changes: &mut Vec<Change>,
) {
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    for name in names {
        let (old, new) = (before.get(name), after.get(name));
        let kind = match (old, new) {
            (None, Some(_)) => ChangeKind::Added,
            (Some(_), None) => ChangeKind::Removed,
            (Some(old), Some(new)) if old != new => ChangeKind::Changed,
            (Some(_), Some(_)) | (None, None) => continue,
        };
        let lines = lines(old, new);
        changes.push(Change { kind, place: format!("{what} {}", visible(name)), lines });
    }
}

/// The keys that differ between two values: `- key: before`, `+ key: after`.
pub(crate) fn lines<T: Serialize>(old: Option<&T>, new: Option<&T>) -> Vec<String> {
    let (old, new) = (leaves(old), leaves(new));
    let keys: BTreeSet<&Key> = old.keys().chain(new.keys()).collect();
    let mut lines = Vec::new();
    for key in keys {
        let (old, new) = (old.get(key), new.get(key));
        if old != new {
            let path = path(key);
            lines.extend(old.map(|value| format!("- {path}: {value}")));
            lines.extend(new.map(|value| format!("+ {path}: {value}")));
        }
    }
    lines
}

/// A step into a value, ordered as people count.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Place(usize),
    Name(String),
}

type Key = Vec<Step>;

/// Every value that holds no other, by its path.
fn leaves<T: Serialize>(value: Option<&T>) -> BTreeMap<Key, String> {
    let mut leaves = BTreeMap::new();
    if let Some(value) = value.and_then(|it| serde_json::to_value(it).ok()) {
        collect(&value, &mut Vec::new(), &mut leaves);
    }
    leaves
}

fn collect(value: &Value, path: &mut Key, leaves: &mut BTreeMap<Key, String>) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (name, value) in members {
                path.push(Step::Name(name.clone()));
                collect(value, path, leaves);
                path.pop();
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (place, value) in items.iter().enumerate() {
                path.push(Step::Place(place));
                collect(value, path, leaves);
                path.pop();
            }
        }
        Value::String(text) => {
            leaves.insert(path.clone(), visible(text));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            leaves.insert(path.clone(), value.to_string());
        }
    }
}

fn path(key: &Key) -> String {
    let mut path = String::new();
    for step in key {
        // Writing to a string can't fail.
        let _ = match step {
            Step::Place(place) => write!(path, "[{place}]"),
            Step::Name(name) if path.is_empty() => write!(path, "{}", visible(name)),
            Step::Name(name) => write!(path, ".{}", visible(name)),
        };
    }
    path
}

/// A text in one line, in which nothing hides: control, bidirectional and zero-width characters are
/// written as escapes.
fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        let hides = character.is_control()
            || matches!(character,
                '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}');
        if hides {
            out.extend(character.escape_unicode());
        } else {
            out.push(character);
        }
    }
    out
}

/// Grants in force that would reach more or fewer functions.
pub(crate) fn grants_touched(
    snapshot: &Snapshot,
    next: &Catalog,
    now: Timestamp,
) -> Vec<TouchedGrant> {
    let mut touched = Vec::new();
    for grant in snapshot.grants().filter(|it| it.ended(now).is_none()) {
        let names = |catalog| -> BTreeSet<FunctionName> {
            reached(grant, catalog).into_iter().map(|it| it.name.clone()).collect()
        };
        let (before, after) = (names(snapshot.catalog()), names(next));
        let mut touch = |functions: Vec<FunctionName>, effect: &str| {
            if !functions.is_empty() {
                let holder = match &grant.holder {
                    Holder::Subject(name) => visible(name.as_str()),
                    Holder::Group(name) => format!("group:{}", visible(name.as_str())),
                };
                let effect = effect.to_owned();
                touched.push(TouchedGrant { id: grant.id, holder, functions, effect });
            }
        };
        let gone = |name: &FunctionName| next.by_name(name.as_str()).is_none();
        let lost: Vec<FunctionName> = before.difference(&after).cloned().collect();
        let (removed, untagged) = lost.into_iter().partition(gone);
        touch(removed, "loses what is removed");
        touch(untagged, "loses what has the tag no more");
        touch(after.difference(&before).cloned().collect(), "gains");
        let named = grant.functions.iter().filter(|it| gone(it) && !before.contains(*it));
        touch(named.cloned().collect(), "names what is not in the catalog");
    }
    touched
}

#[cfg(test)]
mod tests;
