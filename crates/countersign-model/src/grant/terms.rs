//! What a grant permits, apart from whom: and whether one permits no more than another.

use super::Grant;
use crate::{
    Catalog, Function, FunctionName, Timestamp,
    catalog::{Rate, Tag},
};
use serde::{Deserialize, Serialize};

/// What a grant permits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// Functions by name.
    #[serde(default)]
    pub functions: Vec<FunctionName>,
    /// Functions by tag.
    #[serde(default)]
    pub tags: Vec<Tag>,
    /// CEL expressions that a call's arguments must satisfy, all of them.
    #[serde(default)]
    pub constraints: Vec<String>,
    /// How many calls the holder may make, for each function.
    #[serde(default)]
    pub rate: Option<Rate>,
    /// When it ends by itself.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
}

/// Whether a narrower version stays certified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certified {
    /// Whoever narrows it could certify it.
    Kept,
    /// They could not.
    Lost,
}

/// In which way terms permit more than others.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Wider {
    /// Nothing would be left.
    #[error("it would name no function; revoke the grant instead")]
    Nothing,
    /// It reaches another function.
    #[error("{0} is not in it")]
    Function(FunctionName),
    /// It reaches functions by another tag.
    #[error("the tag `{0}` is not in it")]
    Tag(Tag),
    /// A constraint is gone.
    #[error("the constraint `{0}` must stay")]
    Constraint(String),
    /// It lets more calls through. Rates in different times are not compared.
    #[error("its rate may only get smaller, in the same time")]
    Rate,
    /// It ends later.
    #[error("it may only end earlier")]
    Later,
}

impl Grant {
    /// Whether it reaches a function, by name or by tag.
    pub fn reaches(&self, function: &Function) -> bool {
        self.functions.contains(&function.name)
            || self.tags.iter().any(|tag| function.tags.contains(tag))
    }

    /// What it permits.
    pub fn terms(&self) -> Terms {
        Terms {
            functions: self.functions.clone(),
            tags: self.tags.clone(),
            constraints: self.constraints.clone(),
            rate: self.rate,
            expires_at: self.expires_at,
        }
    }
}

impl Terms {
    /// Only these functions, by name, and these constraints beside those that there are. Of no
    /// functions, all stay.
    #[must_use]
    pub fn reduced(&self, functions: &[FunctionName], constraints: &[String]) -> Self {
        let mut reduced = self.clone();
        if !functions.is_empty() {
            functions.clone_into(&mut reduced.functions);
            reduced.tags.clear();
        }
        for constraint in constraints {
            if !reduced.constraints.contains(constraint) {
                reduced.constraints.push(constraint.clone());
            }
        }
        reduced
    }

    /// Whether they permit no more than others, under this catalog.
    ///
    /// # Errors
    /// [`Wider`]: the first way in which they permit more.
    pub fn within(&self, wider: &Self, catalog: &Catalog) -> Result<(), Wider> {
        if self.functions.is_empty() && self.tags.is_empty() {
            return Err(Wider::Nothing);
        }
        let tagged = |name: &FunctionName| {
            let function = catalog.by_name(name.as_str());
            function.is_some_and(|(_, it)| it.tags.iter().any(|tag| wider.tags.contains(tag)))
        };
        let outside = |name: &&FunctionName| !wider.functions.contains(name) && !tagged(name);
        if let Some(name) = self.functions.iter().find(outside) {
            return Err(Wider::Function(name.clone()));
        }
        if let Some(tag) = self.tags.iter().find(|it| !wider.tags.contains(it)) {
            return Err(Wider::Tag(tag.clone()));
        }
        if let Some(gone) = wider.constraints.iter().find(|it| !self.constraints.contains(it)) {
            return Err(Wider::Constraint(gone.clone()));
        }
        match (self.rate, wider.rate) {
            (_, None) => {}
            (Some(rate), Some(most)) if rate.per == most.per && rate.calls <= most.calls => {}
            (Some(_) | None, Some(_)) => return Err(Wider::Rate),
        }
        match (self.expires_at, wider.expires_at) {
            (_, None) => Ok(()),
            (Some(at), Some(latest)) if at <= latest => Ok(()),
            (Some(_) | None, Some(_)) => Err(Wider::Later),
        }
    }
}
