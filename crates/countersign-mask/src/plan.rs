//! Rules, compiled: one automaton that walks all field paths at once while the document streams by.
//! It never sees a value.

mod states;

use crate::detect::Detector;
use crate::how::How;
use crate::path::FieldPath;

pub(crate) use states::{Detectors, Hit, Place, State};

/// One mask of the catalog.
///
/// - a field alone: the whole value at that path
/// - data types alone: what is found in any string, key or number
/// - both: what is found in the strings, keys and numbers at and below that path
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Which field; none: everywhere.
    pub field: Option<FieldPath>,
    /// Which data types; none: the whole value.
    pub detect: Vec<Detector>,
    /// What stands in its place.
    pub how: How,
}

/// Rules that are ready to mask: made once, and shared by all answers of a function.
///
/// Where two rules are about the same value the stricter way wins: drop, null, redact, hash, partial.
/// A rule about a whole value covers everything inside it.
#[derive(Debug)]
pub struct Plan {
    states: Vec<State>,
    rules: usize,
    /// Every detector of every rule: for text that has no fields.
    everywhere: Detectors,
    traits: Traits,
}

/// What the scanners must be ready for.
#[derive(Clone, Copy, Debug, Default)]
struct Traits {
    fields: Presence,
    drops: Presence,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Presence {
    #[default]
    Absent,
    Present,
}

/// Why rules can't be compiled. `rule` counts from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// A rule with neither a field nor a data type.
    #[error("mask {rule} names neither a field nor a data type")]
    Empty {
        /// Which rule.
        rule: usize,
    },
    /// More than [`RULES_MAX`] rules.
    #[error("there are more than {RULES_MAX} masks")]
    TooMany,
    /// The paths together need more than [`STATES_MAX`] states; `..` before wildcards does this.
    #[error("the fields of the masks are too entangled to match in one pass")]
    TooComplex,
}

/// The most rules of a plan.
pub const RULES_MAX: usize = 1_000;
/// The most states of the automaton of a plan.
pub const STATES_MAX: usize = 4_096;

impl Plan {
    /// Compiles rules.
    ///
    /// # Errors
    /// A rule without meaning, or more than can be matched in one pass.
    pub fn compile(rules: &[Rule]) -> Result<Self, PlanError> {
        if rules.len() > RULES_MAX {
            return Err(PlanError::TooMany);
        }
        let mut everywhere = Detectors::default();
        for (rule, mask) in rules.iter().enumerate() {
            if mask.field.is_none() && mask.detect.is_empty() {
                return Err(PlanError::Empty { rule });
            }
            everywhere.add(&mask.detect, Hit { how: mask.how, rule });
        }
        let presence = |present| if present { Presence::Present } else { Presence::Absent };
        let traits = Traits {
            fields: presence(rules.iter().any(|rule| rule.field.is_some())),
            drops: presence(rules.iter().any(|rule| rule.how == How::Drop)),
        };
        let states = states::compile(rules)?;
        Ok(Self { states, rules: rules.len(), everywhere, traits })
    }

    /// Whether there is nothing to mask. A masker then copies without looking.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules == 0
    }

    /// Whether a rule names a field: then text without fields can't be masked.
    #[must_use]
    pub fn has_fields(&self) -> bool {
        self.traits.fields == Presence::Present
    }

    /// How many rules it was compiled from.
    #[must_use]
    pub fn rules(&self) -> usize {
        self.rules
    }

    pub(crate) fn drops(&self) -> bool {
        self.traits.drops == Presence::Present
    }

    pub(crate) fn everywhere(&self) -> &Detectors {
        &self.everywhere
    }

    pub(crate) fn state(&self, place: Place) -> &State {
        self.states.get(place.0).unwrap_or(&NOWHERE)
    }
}

/// What a place is that no plan has: it can't be reached, and if it were, all would be masked.
static NOWHERE: State = State::NOWHERE;

#[cfg(test)]
mod tests;
