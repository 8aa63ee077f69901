//! Grants that catalog files declare.

use super::{Grant, Holder, Terms};
use crate::{Catalog, Function, Subject, Timestamp, grant::Certified};

/// A grant as a catalog's files have it. The file says what is granted, people whether it still may
/// be: a review that takes it away or narrows it stands until the file says something else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeclaredGrant {
    /// Its name in the catalog.
    pub name: String,
    /// Who holds it.
    pub holder: Holder,
    /// Why.
    pub reason: String,
    /// What it permits.
    pub terms: Terms,
}

/// How a grant is not what its file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Differs {
    /// Somebody ended it: by whom, when and why.
    Revoked(Subject, Timestamp, String),
    /// It carries no calls for now: by whom, when and why.
    Suspended(Subject, Timestamp, String),
    /// It permits something else.
    Terms,
}

/// A grant's next version, as its file has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Applied {
    /// It permits less.
    Narrowed(Grant),
    /// It permits something else.
    Widened(Grant),
}

impl DeclaredGrant {
    /// How the grant that stands is not what this says, if so. What ended at its date is as it says.
    pub fn differs(&self, grant: &Grant) -> Option<Differs> {
        match &grant.state {
            super::GrantState::Revoked { by, at, why, .. } => {
                Some(Differs::Revoked(by.clone(), *at, why.clone()))
            }
            super::GrantState::Suspended { by, at, why } => {
                Some(Differs::Suspended(by.clone(), *at, why.clone()))
            }
            super::GrantState::Active if grant.terms() != self.terms => Some(Differs::Terms),
            super::GrantState::Active => None,
        }
    }

    /// The version that has these terms: it permits less, or something else. Nothing, if it has them
    /// already. What permits something else is not certified (R2).
    pub fn applied(
        &self,
        grant: &Grant,
        catalog: &Catalog,
        certified: Certified,
    ) -> Option<Applied> {
        if grant.terms() == self.terms {
            return None;
        }
        Some(match grant.clone().narrow(self.terms.clone(), catalog, certified) {
            Ok(narrowed) => Applied::Narrowed(narrowed),
            Err(_) => Applied::Widened(grant.clone().with(self.terms.clone())),
        })
    }
}

impl Terms {
    /// Whether they reach a function, by name or by tag.
    pub fn reach(&self, function: &Function) -> bool {
        self.functions.contains(&function.name)
            || self.tags.iter().any(|tag| function.tags.contains(tag))
    }
}
