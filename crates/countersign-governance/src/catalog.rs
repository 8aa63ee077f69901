//! Applying the catalog: what a new one would change, and making it the one in force.

pub(crate) mod diff;

pub use diff::{Change, ChangeKind, Plan, TouchedGrant};

use crate::{
    Actor, ErrorKind, Forbidden, Governance, Unavailable,
    roles::{may_administer, may_look},
};
use countersign_model::{
    CallerKind, Catalog, Digest, Epoch,
    catalog::{Fault, compile, raw::RawCatalog},
    record::{CatalogApplied, Entry, Event},
};
use countersign_store::{CatalogRow, Effect, StoreError};
use serde::Serialize;
use std::sync::Arc;

/// Targets, functions and agents of one catalog at most.
pub const ITEMS_MAX: usize = 50_000;

/// A catalog that came into force.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Applied {
    /// Its digest.
    pub digest: Digest,
    /// The epoch under which decisions are made with it.
    pub epoch: Epoch,
}

/// Why a catalog was not planned or applied.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// The actor may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// It can't be right; every fault is listed.
    #[error("the catalog has {} fault(s)", .0.len())]
    Faults(Vec<Fault>),
    /// It is larger than [`ITEMS_MAX`].
    #[error("a catalog has at most {ITEMS_MAX} targets, functions and agents")]
    TooLarge,
    /// Somebody else applied another catalog since the plan was made.
    #[error("the catalog was changed since the plan was made; plan again")]
    BaseChanged {
        /// The digest of the last catalog.
        current: Digest,
    },
    /// The store or the ledger can't be used.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl CatalogError {
    /// The code for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Forbidden(forbidden) => forbidden.code(),
            Self::Faults(_) => "catalog_faults",
            Self::TooLarge => "catalog_too_large",
            Self::BaseChanged { .. } => "base_changed",
            Self::Unavailable(unavailable) => unavailable.code(),
        }
    }

    /// What kind of error it is.
    pub fn status(&self) -> ErrorKind {
        match self {
            Self::Forbidden(_) => ErrorKind::Forbidden,
            Self::Faults(_) | Self::TooLarge => ErrorKind::Invalid,
            Self::BaseChanged { .. } => ErrorKind::Conflict,
            Self::Unavailable(_) => ErrorKind::Unavailable,
        }
    }

    /// Everything that is wrong with the catalog, where that is the reason.
    pub fn faults(&self) -> &[Fault] {
        match self {
            Self::Faults(faults) => faults,
            Self::Forbidden(_)
            | Self::TooLarge
            | Self::BaseChanged { .. }
            | Self::Unavailable(_) => &[],
        }
    }
}

impl From<StoreError> for CatalogError {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error.into())
    }
}

impl Governance {
    /// The catalog in force, as people wrote it.
    pub fn catalog(&self) -> Arc<RawCatalog> {
        self.policy().raw_catalog()
    }

    /// What applying a catalog would change. Administrators and auditors.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn plan_catalog(
        &self,
        actor: &Actor,
        raw: &RawCatalog,
    ) -> Result<Plan, CatalogError> {
        let actor = self.judged(actor);
        may_look(&actor)?;
        if actor.person.kind == CallerKind::Agent {
            return Err(Forbidden::NotAPerson.into());
        }
        if !actor.sees_everything() {
            return Err(Forbidden::NotAdministrator.into());
        }
        let next = self.compile(raw.clone()).await?;
        let snapshot = self.policy().load();
        let now = self.clock().now();
        Ok(Plan {
            base: snapshot.catalog().digest,
            next: next.digest,
            changes: diff::changes(&self.catalog(), raw),
            grants_touched: diff::grants_touched(&snapshot, &next, now),
        })
    }

    /// Makes a catalog the one in force, once the ledger has the entry. With `base`, only if the
    /// last catalog is that one.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn apply_catalog(
        &self,
        actor: &Actor,
        raw: RawCatalog,
        base: Option<Digest>,
    ) -> Result<Applied, CatalogError> {
        let actor = self.judged(actor);
        may_administer(&actor)?;
        let next = Arc::new(self.compile(raw.clone()).await?);
        let digest = next.digest;
        let now = self.clock().now();
        let mut change = self.store().change().await?;
        let epoch = change.lock_epoch().await?;
        let current = change.last_catalog_digest().await?.unwrap_or_default();
        if base.is_some_and(|base| base != current) {
            return Err(CatalogError::BaseChanged { current });
        }
        if digest == current {
            drop(change);
        } else {
            let by = actor.person.subject;
            let id = self.new_entry(now);
            change.add_catalog(&CatalogRow { digest, catalog: raw }, &by, now, id).await?;
            // Its delivery makes the next epoch.
            let epoch = Epoch(epoch.0.saturating_add(1));
            let event = Event::CatalogApplied(CatalogApplied { by: by.clone(), digest, epoch });
            let entry = Entry::new(id, now, event);
            self.keep(&mut change, entry, &digest.to_string(), Effect::AtDelivery).await?;
            self.review_catalog(&mut change, &next, &by).await?;
            change.commit().await?;
        }
        self.settle(Effect::AtDelivery).await?;
        Ok(Applied { digest, epoch: self.policy().load().epoch() })
    }

    pub(crate) async fn compile(&self, raw: RawCatalog) -> Result<Catalog, CatalogError> {
        if raw.targets.len() + raw.functions.len() + raw.agents.len() > ITEMS_MAX {
            return Err(CatalogError::TooLarge);
        }
        let masks = self.0.masks;
        tokio::task::spawn_blocking(move || compile(&raw, &|rule| masks(rule)))
            .await
            .map_err(|_| Unavailable::Policy)?
            .map_err(CatalogError::Faults)
    }
}
