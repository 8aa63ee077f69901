//! Finds a target's function by method and path: a trie over the segments of path templates.
//!
//! At each segment a literal comes before a variable with a verb, that before a variable, and that
//! before the rest of the path. The first template in this order that the whole path fits is the
//! only one: its methods are looked at, and no other template's. A more general one that has the
//! method is never tried, since a target could see the path as the more special one.
//!
//! A lookup hashes each segment once for every branch that it walks. Branches part only where
//! templates with different kinds of segments agree in all before; each node is walked at most
//! once, so the worst case is the number of nodes that fit the path's start, whatever the path.
//! The number of functions costs nothing by itself. This module never decodes and never allocates
//! in a lookup.

use super::path::{Ending, Segments};
use countersign_model::catalog::template::{PathTemplate, Segment};
use std::collections::HashMap;

/// The functions of one target, by method and path.
#[derive(Clone, Debug)]
pub(crate) struct Router<T> {
    root: Node<T>,
}

/// What a router knows of a method and path.
#[derive(Clone, Debug)]
pub(crate) enum Found<'r, T> {
    /// A function.
    Matched {
        /// What it was built with.
        value: T,
        /// What the path says of its variables.
        variables: Variables<'r>,
    },
    /// There are functions at this path, but none with this method.
    MethodNotHere,
    /// No function has this path.
    Nothing,
}

/// The variables of a matched template with their decoded values.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Variables<'r> {
    captures: &'r [Capture],
    segments: &'r Segments<'r>,
}

/// Two functions that no request could tell apart.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{method} {first_path}` and `{method} {second_path}` can't be told apart")]
pub(crate) struct Conflict {
    method: String,
    first_path: String,
    second_path: String,
}

#[derive(Clone, Debug)]
struct Node<T> {
    literals: HashMap<Box<str>, Self>,
    verbs: HashMap<Box<str>, Self>,
    variable: Option<Box<Self>>,
    rest: Option<Box<Self>>,
    /// What is called at this path, by method.
    routes: Vec<Route<T>>,
}

#[derive(Clone, Debug)]
struct Route<T> {
    method: Box<str>,
    value: T,
    path: Box<str>,
    captures: Box<[Capture]>,
}

/// Where a variable's value stands. Known when the router is built, so that a lookup keeps none.
#[derive(Clone, Debug)]
struct Capture {
    name: Box<str>,
    place: usize,
    part: Part,
}

#[derive(Clone, Copy, Debug)]
enum Part {
    /// The segment.
    Whole,
    /// The segment without its colon and verb, which are so many bytes long.
    BeforeVerb(usize),
    /// The segment and all behind it.
    Rest,
}

impl<T: Copy> Router<T> {
    /// Builds a router.
    ///
    /// # Errors
    /// [`Conflict`] for the first two entries with the same method and the same shape.
    pub(crate) fn new<'a>(
        entries: impl IntoIterator<Item = (&'a str, &'a PathTemplate, T)>,
    ) -> Result<Self, Conflict> {
        let mut root = Node::default();
        for (method, template, value) in entries {
            let routes = &mut root.place_of(template.segments()).routes;
            if let Some(other) = routes.iter().find(|it| *it.method == *method) {
                return Err(Conflict {
                    method: method.to_owned(),
                    first_path: other.path.to_string(),
                    second_path: template.to_string(),
                });
            }
            routes.push(Route {
                method: method.into(),
                value,
                path: template.to_string().into(),
                captures: template.segments().iter().enumerate().filter_map(capture).collect(),
            });
        }
        Ok(Self { root })
    }

    /// Finds the function of a method (compared exactly) and a path.
    pub(crate) fn find<'r>(&'r self, method: &str, segments: &'r Segments<'_>) -> Found<'r, T> {
        let node = match segments.ending() {
            Ending::Plain => self.root.walk(segments, 0),
            // No template ends with a slash.
            Ending::Slash => None,
        };
        let Some(node) = node else { return Found::Nothing };
        match node.routes.iter().find(|it| *it.method == *method) {
            Some(route) => Found::Matched {
                value: route.value,
                variables: Variables { captures: &route.captures, segments },
            },
            None => Found::MethodNotHere,
        }
    }
}

impl<'r> Variables<'r> {
    /// Names and decoded values, in the path's order. The value of a rest keeps its slashes.
    pub(crate) fn iter(self) -> impl Iterator<Item = (&'r str, &'r str)> {
        let Self { captures, segments } = self;
        captures.iter().map(move |capture| {
            let value = match capture.part {
                Part::Whole => segments.at(capture.place),
                Part::BeforeVerb(bytes) => {
                    segments.at(capture.place).and_then(|it| it.get(..it.len().checked_sub(bytes)?))
                }
                Part::Rest => segments.from(capture.place),
            };
            // A match has a value at each place.
            (&*capture.name, value.unwrap_or_default())
        })
    }
}

impl<T> Node<T> {
    /// The node that a template's segments lead to, made where there is none.
    fn place_of(&mut self, segments: &[Segment]) -> &mut Self {
        segments.iter().fold(self, |node, segment| match segment {
            Segment::Literal(text) => node.literals.entry(text.clone()).or_default(),
            Segment::Verb { verb, .. } => node.verbs.entry(verb.clone()).or_default(),
            Segment::Variable(_) => node.variable.get_or_insert_default(),
            Segment::Rest(_) => node.rest.get_or_insert_default(),
        })
    }

    /// The first node, in the order of kinds, that the path ends at and that has functions.
    /// Recurses once a segment, of which [`Segments`] has a bounded number.
    fn walk(&self, segments: &Segments<'_>, place: usize) -> Option<&Self> {
        let Some(segment) = segments.at(place) else {
            return if self.routes.is_empty() { None } else { Some(self) };
        };
        self.literals
            .get(segment)
            .and_then(|it| it.walk(segments, place + 1))
            .or_else(|| self.verb_of(segment)?.walk(segments, place + 1))
            .or_else(|| self.variable.as_ref()?.walk(segments, place + 1))
            .or(self.rest.as_deref())
    }

    /// What stands behind the last colon is the verb, if something stands before.
    fn verb_of(&self, segment: &str) -> Option<&Self> {
        if self.verbs.is_empty() {
            return None;
        }
        let (value, verb) = segment.rsplit_once(':')?;
        if value.is_empty() || value == "." || value == ".." {
            return None;
        }
        self.verbs.get(verb)
    }
}

impl<T> Default for Node<T> {
    fn default() -> Self {
        Self {
            literals: HashMap::new(),
            verbs: HashMap::new(),
            variable: None,
            rest: None,
            routes: Vec::new(),
        }
    }
}

fn capture((place, segment): (usize, &Segment)) -> Option<Capture> {
    let part = match segment {
        Segment::Literal(_) => return None,
        Segment::Variable(_) => Part::Whole,
        Segment::Verb { verb, .. } => Part::BeforeVerb(verb.len() + 1),
        Segment::Rest(_) => Part::Rest,
    };
    Some(Capture { name: segment.variable()?.into(), place, part })
}

#[cfg(test)]
mod tests;
