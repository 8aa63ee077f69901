//! What may become of a grant: each step takes the grant and gives the next state. Who may take it,
//! governance says.

use super::{Certification, Certified, Ended, Grant, GrantState, Pause, Terms, Wider};
use crate::{Catalog, Subject, Timestamp, review::item::UNDO_WITHIN};

/// Why a revocation is not undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotRestored {
    /// It was not revoked.
    #[error("the grant was not revoked")]
    NotRevoked,
    /// That was too long ago.
    #[error("a revocation can be undone for {UNDO_WITHIN}; make a new grant")]
    TooLate,
    /// Another holder has a grant that was made from it.
    #[error("the grant has passed to another holder; make a new grant")]
    Passed,
    /// It would have ended meanwhile.
    #[error("the grant has expired meanwhile; make a new grant")]
    Expired,
}

impl Grant {
    /// Certifies the version that stands now.
    ///
    /// # Errors
    /// [`Ended`].
    pub fn certify(self, by: &Subject, at: Timestamp) -> Result<Self, Ended> {
        match self.ended(at) {
            Some(ended) => Err(ended),
            None => {
                let version = self.version;
                let certified = Some(Certification { by: by.clone(), at, version });
                Ok(Self { certified, ..self })
            }
        }
    }

    /// Ends the grant. Revoking twice keeps the first revocation.
    pub fn revoke(self, by: &Subject, at: Timestamp, why: &str) -> Self {
        let suspended = match &self.state {
            GrantState::Revoked { .. } => return self,
            GrantState::Active => None,
            GrantState::Suspended { by, at, why } => {
                Some(Box::new(Pause { by: by.clone(), at: *at, why: why.clone() }))
            }
        };
        let state = GrantState::Revoked { by: by.clone(), at, why: why.to_owned(), suspended };
        Self { state, ..self }
    }

    /// Undoes a revocation, within [`UNDO_WITHIN`] of it (R10): the same version stands again, as
    /// it stood before.
    ///
    /// # Errors
    /// [`NotRestored`].
    pub fn restore(self, at: Timestamp) -> Result<Self, NotRestored> {
        let (revoked_at, suspended) = match &self.state {
            GrantState::Active | GrantState::Suspended { .. } => {
                return Err(NotRestored::NotRevoked);
            }
            GrantState::Revoked { at, suspended, .. } => (*at, suspended.clone()),
        };
        if at > revoked_at.plus(UNDO_WITHIN) {
            return Err(NotRestored::TooLate);
        }
        let state = match suspended.map(|it| *it) {
            None => GrantState::Active,
            Some(Pause { by, at, why }) => GrantState::Suspended { by, at, why },
        };
        let restored = Self { state, ..self };
        if restored.is_over(at) { Err(NotRestored::Expired) } else { Ok(restored) }
    }

    /// Has it carry no calls for now. Suspending twice keeps the first suspension.
    ///
    /// # Errors
    /// [`Ended`], if it is over.
    pub fn suspend(self, by: &Subject, at: Timestamp, why: &str) -> Result<Self, Ended> {
        match self.ended(at) {
            Some(ended @ (Ended::Revoked { .. } | Ended::Expired { .. })) => Err(ended),
            Some(Ended::Suspended { .. }) => Ok(self),
            None => {
                let state = GrantState::Suspended { by: by.clone(), at, why: why.to_owned() };
                Ok(Self { state, ..self })
            }
        }
    }

    /// Has a suspended grant carry calls again. One that is not suspended stays as it is.
    ///
    /// # Errors
    /// [`Ended`], if it is over.
    pub fn resume(self, at: Timestamp) -> Result<Self, Ended> {
        match self.ended(at) {
            Some(ended @ (Ended::Revoked { .. } | Ended::Expired { .. })) => Err(ended),
            Some(Ended::Suspended { .. }) | None => Ok(Self { state: GrantState::Active, ..self }),
        }
    }

    /// A version that permits no more than this one. It stays certified only if whoever narrows it
    /// could certify it.
    ///
    /// # Errors
    /// [`Wider`], if it would permit more in any way.
    pub fn narrow(
        self,
        terms: Terms,
        catalog: &Catalog,
        certified: Certified,
    ) -> Result<Self, Wider> {
        let before = self.terms();
        terms.within(&before, catalog)?;
        if terms == before {
            return Ok(self);
        }
        let version = self.version;
        let kept = self.certified.clone().filter(|it| it.version == version);
        let next = self.with(terms);
        let certified = match certified {
            Certified::Kept => kept.map(|it| Certification { version: next.version, ..it }),
            Certified::Lost => None,
        };
        Ok(Self { certified, ..next })
    }

    /// A version with other terms, that nobody has certified (R2).
    #[must_use]
    pub fn with(self, terms: Terms) -> Self {
        let Terms { functions, tags, constraints, rate, expires_at } = terms;
        let version = self.version.saturating_add(1);
        Self { version, functions, tags, constraints, rate, expires_at, certified: None, ..self }
    }
}
