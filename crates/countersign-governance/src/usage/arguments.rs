//! Which arguments calls had: bounded, by quarter of a year. Values are as masked for recordings; what a
//! mask hides is never kept.

use countersign_model::review::usage::{ArgumentUsage, FunctionUsage, VALUES_MAX};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// Days of one quarter.
const QUARTER_DAYS: i64 = 91;
/// Quarters that are kept before the newest: a year's look-back and the quarter it begins in.
const QUARTERS_KEPT: i64 = 5;
/// Arguments of one function that are kept.
const ARGUMENTS_MAX: usize = 32;
/// The longest text that is kept as a value, and the longest name of an argument, in bytes.
const TEXT_BYTES_MAX: usize = 64;

/// Arguments of one call, as much as is kept of them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct CallArguments(Vec<(String, Given)>);

/// What one argument was.
#[derive(Clone, Debug, PartialEq)]
enum Given {
    /// A mask hides it, or a part of it.
    Hidden,
    /// A small value.
    Small(Value),
    /// An object, an array, or a long text.
    Large,
}

impl CallArguments {
    /// What is kept of a call's masked arguments; `None` if all of them are hidden. `hidden` are JSON
    /// pointers.
    pub(crate) fn of(arguments: Value, hidden: &[String]) -> Option<Self> {
        let Value::Object(members) = arguments else { return None };
        if hidden.iter().any(String::is_empty) {
            return None;
        }
        let hidden: Vec<String> = hidden
            .iter()
            .filter_map(|it| it.strip_prefix('/')?.split('/').next())
            .map(|it| it.replace("~1", "/").replace("~0", "~"))
            .collect();
        let mut kept: Vec<(String, Given)> = members
            .into_iter()
            .filter(|(name, _)| !hidden.contains(name))
            .map(|(name, value)| (name, Given::of(value)))
            .collect();
        // A mask may take an argument away whole.
        kept.extend(hidden.into_iter().map(|name| (name, Given::Hidden)));
        kept.sort_by(|(one, _), (other, _)| one.cmp(other));
        kept.dedup_by(|(later, _), (earlier, _)| later == earlier);
        Some(Self(kept))
    }
}

impl Given {
    fn of(value: Value) -> Self {
        match &value {
            Value::Null | Value::Bool(_) | Value::Number(_) => Self::Small(value),
            Value::String(text) if text.len() <= TEXT_BYTES_MAX => Self::Small(value),
            Value::String(_) | Value::Array(_) | Value::Object(_) => Self::Large,
        }
    }
}

/// The arguments of a row.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Arguments {
    quarters: Vec<Quarter>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Quarter {
    /// Its first day, since 1970-01-01.
    day: i64,
    /// Calls that succeeded.
    calls: u64,
    /// Of these, those whose arguments were seen.
    seen: u64,
    /// Whether there were more arguments than are kept.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    more: bool,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    arguments: BTreeMap<String, ArgumentUsage>,
}

impl Arguments {
    /// Adds a call that succeeded, with its arguments if they were seen. The order of calls matters, how
    /// they are put together into batches does not.
    pub(crate) fn add(&mut self, day: i64, arguments: Option<&CallArguments>) {
        let first = day - day.rem_euclid(QUARTER_DAYS);
        let newest = self.quarters.last().map_or(first, |it| it.day.max(first));
        let oldest = newest - QUARTERS_KEPT * QUARTER_DAYS;
        if first < oldest {
            return;
        }
        let place = match self.quarters.binary_search_by_key(&first, |it| it.day) {
            Ok(place) => place,
            Err(place) => {
                self.quarters.insert(place, Quarter { day: first, ..Quarter::default() });
                place
            }
        };
        if let Some(quarter) = self.quarters.get_mut(place) {
            quarter.calls += 1;
            if let Some(arguments) = arguments {
                quarter.add(arguments);
            }
        }
        self.quarters.retain(|it| it.day >= oldest);
    }

    /// Adds what is kept from the quarter of a day on to what is said of a function.
    pub(crate) fn tell(&self, from: i64, function: &mut FunctionUsage) {
        let first = from - from.rem_euclid(QUARTER_DAYS);
        for quarter in self.quarters.iter().filter(|it| it.day >= first) {
            function.arguments_of += quarter.calls;
            // With some left out, those that are kept are not all.
            function.arguments_seen += if quarter.more { 0 } else { quarter.seen };
            for (name, argument) in &quarter.arguments {
                match function.arguments.get_mut(name) {
                    Some(told) => join(told, argument),
                    None => {
                        function.arguments.insert(name.clone(), argument.clone());
                    }
                }
            }
        }
    }

    /// The bytes of a row.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        // Texts and numbers always serialise.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads what [`Self::to_bytes`] wrote; `None` for anything else.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }
}

impl Quarter {
    fn add(&mut self, CallArguments(arguments): &CallArguments) {
        self.seen += 1;
        for (name, given) in arguments {
            if let Some(argument) = self.arguments.get_mut(name) {
                count(argument, given);
            } else if self.arguments.len() < ARGUMENTS_MAX && name.len() <= TEXT_BYTES_MAX {
                let mut argument = ArgumentUsage::default();
                count(&mut argument, given);
                self.arguments.insert(name.clone(), argument);
            } else {
                self.more = true;
            }
        }
    }
}

fn count(argument: &mut ArgumentUsage, given: &Given) {
    // Once something was no number, there is no range any more.
    let had_range = argument.present == 0 || argument.least.is_some();
    argument.present += 1;
    let value = match given {
        Given::Hidden => {
            argument.hidden = true;
            argument.values.clear();
            argument.least = None;
            argument.greatest = None;
            return;
        }
        Given::Large => {
            argument.more_values = true;
            argument.least = None;
            argument.greatest = None;
            return;
        }
        Given::Small(_) if argument.hidden => return,
        Given::Small(value) => value,
    };
    let number = value.as_f64().filter(|it| had_range && it.is_finite());
    argument.least = number.map(|it| argument.least.map_or(it, |least| least.min(it)));
    argument.greatest = number.map(|it| argument.greatest.map_or(it, |most| most.max(it)));
    if let Some((_, calls)) = argument.values.iter_mut().find(|(it, _)| it == value) {
        *calls += 1;
    } else if argument.values.len() < VALUES_MAX {
        argument.values.push((value.clone(), 1));
    } else {
        argument.more_values = true;
    }
}

/// Adds what another row or quarter says of the same argument.
fn join(told: &mut ArgumentUsage, other: &ArgumentUsage) {
    let range = |a: Option<f64>, b: Option<f64>, better: fn(f64, f64) -> f64| match (a, b) {
        (Some(a), Some(b)) => Some(better(a, b)),
        (_, _) => None,
    };
    told.present += other.present;
    told.more_values |= other.more_values;
    told.hidden |= other.hidden;
    told.least = range(told.least, other.least, f64::min);
    told.greatest = range(told.greatest, other.greatest, f64::max);
    for (value, calls) in &other.values {
        if let Some((_, known)) = told.values.iter_mut().find(|(it, _)| it == value) {
            *known += calls;
        } else if told.values.len() < VALUES_MAX {
            told.values.push((value.clone(), *calls));
        } else {
            told.more_values = true;
        }
    }
    if told.hidden {
        told.values.clear();
        told.least = None;
        told.greatest = None;
    }
}

#[cfg(test)]
mod tests;
