//! The automaton: a state is a set of places in the paths, made once, when the plan is compiled. A
//! name or index that no path mentions leads to `other`, so a state is small whatever the document.

use std::collections::{BTreeSet, HashMap};

use super::{PlanError, Rule, STATES_MAX};
use crate::detect::Detector;
use crate::how::How;
use crate::path::{Segment, Selector};

/// Which state a value is in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place(pub(crate) usize);

impl Place {
    /// The root of every document.
    pub(crate) const ROOT: Self = Self(0);
}

/// What a rule does, and which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hit {
    pub(crate) how: How,
    pub(crate) rule: usize,
}

/// The detectors in force somewhere.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Detectors {
    hits: [Option<Hit>; Detector::ALL.len()],
    wanted: u8,
}

impl Detectors {
    pub(crate) const NONE: Self = Self { hits: [None; Detector::ALL.len()], wanted: 0 };

    /// Adds detectors; where one is there already the stricter way stays.
    pub(crate) fn add(&mut self, detectors: &[Detector], hit: Hit) {
        for detector in detectors {
            if let Some(slot) = self.hits.get_mut(detector.index()) {
                *slot = Some(stricter(*slot, hit));
                self.wanted |= 1 << detector.index();
            }
        }
    }

    pub(crate) fn wants(&self, detector: Detector) -> bool {
        self.wanted & (1 << detector.index()) != 0
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.wanted == 0
    }

    pub(crate) fn hit(&self, detector: Detector) -> Option<Hit> {
        self.hits.get(detector.index()).copied().flatten()
    }

    /// Whether a find may take the whole value with it, so that nothing of it can leave early.
    pub(crate) fn takes_whole(&self) -> bool {
        self.hits.iter().flatten().any(|hit| hit.how >= How::Null)
    }
}

fn stricter(one: Option<Hit>, other: Hit) -> Hit {
    one.filter(|one| one.how >= other.how).unwrap_or(other)
}

/// Everything that is known about a value from its path alone.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// What becomes of the whole value.
    pub(crate) whole: Option<Hit>,
    /// What is looked for in it, and in its keys when it is an object.
    pub(crate) detect: Detectors,
    names: Vec<(Box<[u8]>, Place)>,
    /// A bit for the length of each name: most keys differ in it already.
    name_lengths: u64,
    indexes: Vec<(u64, Place)>,
    other_name: Place,
    other_index: Place,
}

impl State {
    pub(crate) const NOWHERE: Self = Self {
        whole: Some(Hit { how: How::Redact, rule: usize::MAX }),
        detect: Detectors::NONE,
        names: Vec::new(),
        name_lengths: 0,
        indexes: Vec::new(),
        other_name: Place::ROOT,
        other_index: Place::ROOT,
    };

    /// Whether the names of members matter here.
    pub(crate) fn knows_names(&self) -> bool {
        !self.names.is_empty()
    }

    /// The state of the values of members whose names don't matter.
    pub(crate) fn any_member(&self) -> Place {
        self.other_name
    }

    /// The state of a member's value. Names are sorted by length first, which most lookups end at.
    pub(crate) fn member(&self, name: &[u8]) -> Place {
        if self.name_lengths & length_bit(name.len()) == 0 {
            return self.other_name;
        }
        self.names
            .binary_search_by(|(known, _)| {
                known.len().cmp(&name.len()).then_with(|| known.as_ref().cmp(name))
            })
            .ok()
            .and_then(|position| self.names.get(position))
            .map_or(self.other_name, |(_, place)| *place)
    }

    /// The state of an element.
    pub(crate) fn element(&self, index: u64) -> Place {
        self.indexes
            .binary_search_by_key(&index, |(known, _)| *known)
            .ok()
            .and_then(|position| self.indexes.get(position))
            .map_or(self.other_index, |(_, place)| *place)
    }
}

fn length_bit(length: usize) -> u64 {
    1 << (length % 64)
}

/// How far a rule's path has been walked: the number of its segments when it is at its end.
type Walked = BTreeSet<(usize, usize)>;

/// One step down a document.
#[derive(Clone, Copy)]
enum Step<'p> {
    Name(&'p str),
    OtherName,
    Index(u64),
    OtherIndex,
}

pub(super) fn compile(rules: &[Rule]) -> Result<Vec<State>, PlanError> {
    let paths: Vec<&[Segment]> = rules
        .iter()
        .map(|rule| rule.field.as_ref().map_or(&[][..], |field| field.segments()))
        .collect();
    let root: Walked = (0..rules.len()).map(|rule| (rule, 0)).collect();
    let mut places = HashMap::from([(root.clone(), Place::ROOT)]);
    let mut sets = vec![root];
    let mut states = Vec::new();
    while let Some(walked) = sets.get(states.len()).cloned() {
        let mut reach = |step| {
            let next = step_down(rules, &paths, &walked, step);
            if let Some(place) = places.get(&next) {
                return Ok(*place);
            }
            if sets.len() == STATES_MAX {
                return Err(PlanError::TooComplex);
            }
            let place = Place(sets.len());
            places.insert(next.clone(), place);
            sets.push(next);
            Ok(place)
        };
        let mut state = State {
            other_name: reach(Step::OtherName)?,
            other_index: reach(Step::OtherIndex)?,
            ..State::default()
        };
        for selector in selectors(&paths, &walked) {
            match selector {
                Selector::Name(name) => {
                    let known = Box::from(name.as_bytes());
                    state.names.push((known, reach(Step::Name(name))?));
                }
                Selector::Index(index) => {
                    state.indexes.push((*index, reach(Step::Index(*index))?));
                }
                Selector::Wildcard => {}
            }
        }
        state.names.sort_by(|(a, _), (b, _)| a.len().cmp(&b.len()).then_with(|| a.cmp(b)));
        state.names.dedup();
        state.name_lengths =
            state.names.iter().fold(0, |bits, (name, _)| bits | length_bit(name.len()));
        state.indexes.sort_unstable_by_key(|(index, _)| *index);
        state.indexes.dedup();
        judge(rules, &paths, &walked, &mut state);
        states.push(state);
    }
    Ok(states)
}

/// What is known of a value when these paths have been walked to it.
fn judge(rules: &[Rule], paths: &[&[Segment]], walked: &Walked, state: &mut State) {
    for (number, position) in walked {
        let (Some(rule), Some(path)) = (rules.get(*number), paths.get(*number)) else { continue };
        if *position < path.len() {
            continue;
        }
        let hit = Hit { how: rule.how, rule: *number };
        if rule.detect.is_empty() {
            state.whole = Some(stricter(state.whole, hit));
        } else {
            state.detect.add(&rule.detect, hit);
        }
    }
}

fn step_down(rules: &[Rule], paths: &[&[Segment]], walked: &Walked, step: Step<'_>) -> Walked {
    let mut next = Walked::new();
    for (number, position) in walked {
        let (Some(rule), Some(path)) = (rules.get(*number), paths.get(*number)) else { continue };
        match path.get(*position) {
            // At its end: detectors go on below, whole values have no below.
            None => {
                if !rule.detect.is_empty() {
                    next.insert((*number, *position));
                }
            }
            Some(Segment::Child(selector)) => {
                if selects(selector, step) {
                    next.insert((*number, position + 1));
                }
            }
            Some(Segment::Descendant(selector)) => {
                next.insert((*number, *position));
                if selects(selector, step) {
                    next.insert((*number, position + 1));
                }
            }
        }
    }
    next
}

fn selects(selector: &Selector, step: Step<'_>) -> bool {
    match (selector, step) {
        (Selector::Wildcard, _) => true,
        (Selector::Name(wanted), Step::Name(name)) => wanted.as_ref() == name,
        (Selector::Index(wanted), Step::Index(index)) => *wanted == index,
        (Selector::Name(_), Step::OtherName | Step::Index(_) | Step::OtherIndex)
        | (Selector::Index(_), Step::OtherIndex | Step::Name(_) | Step::OtherName) => false,
    }
}

fn selectors<'p>(paths: &[&'p [Segment]], walked: &Walked) -> Vec<&'p Selector> {
    let mut selectors = Vec::new();
    for (number, position) in walked {
        match paths.get(*number).and_then(|path| path.get(*position)) {
            Some(Segment::Child(selector) | Segment::Descendant(selector)) => {
                selectors.push(selector);
            }
            None => {}
        }
    }
    selectors
}
