//! Applying the catalog: what a new one would change, and making it the one in force.

pub(crate) mod diff;
mod file_grants;

pub use diff::{Change, ChangeKind, Plan, TouchedGrant};
use file_grants::Applying;
pub use file_grants::{PlannedEffect, PlannedGrant};

use crate::{
    Actor, ErrorKind, Forbidden, Governance, GrantError, Unavailable,
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

/// Targets, functions, agents, schedules and grants of one catalog at most.
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
    #[error("a catalog has at most {ITEMS_MAX} targets, functions, agents, schedules and grants")]
    TooLarge,
    /// Somebody else applied another catalog since the plan was made.
    #[error("the catalog was changed since the plan was made; plan again")]
    BaseChanged {
        /// The digest of the last catalog.
        current: Digest,
    },
    /// A grant of its files can't be what it says.
    #[error("grant {name}: {source}")]
    Grant {
        /// Its name in the files.
        name: String,
        /// What is wrong.
        source: Box<GrantError>,
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
            Self::Grant { source, .. } => source.code(),
            Self::Unavailable(unavailable) => unavailable.code(),
        }
    }

    /// What kind of error it is.
    pub fn status(&self) -> ErrorKind {
        match self {
            Self::Forbidden(_) => ErrorKind::Forbidden,
            Self::Faults(_) | Self::TooLarge => ErrorKind::Invalid,
            Self::BaseChanged { .. } => ErrorKind::Conflict,
            Self::Grant { source, .. } => source.status(),
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
            | Self::Grant { .. }
            | Self::Unavailable(_) => &[],
        }
    }
}

impl From<StoreError> for CatalogError {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error.into())
    }
}

fn items(raw: &RawCatalog) -> usize {
    raw.targets.len()
        + raw.functions.len()
        + raw.agents.len()
        + raw.schedules.len()
        + raw.grants.len()
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
        self.refresh().await?;
        let next = self.compile(raw.clone()).await?;
        let snapshot = self.policy().load();
        let (before, now) = (self.catalog(), self.clock().now());
        let applying = Applying { actor: &actor, before: &before, raw, next: &next, now };
        let mut view = self.store().view().await?;
        let grants = self.plan_file_grants(&mut view, &applying).await?;
        drop(view);
        Ok(Plan {
            base: snapshot.catalog().digest,
            next: next.digest,
            changes: diff::changes(&before, raw),
            grants,
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
        let mut grants = file_grants::Written::default();
        if digest == current {
            drop(change);
        } else {
            let before = change.catalog(&current).await?.map(|it| it.catalog).unwrap_or_default();
            let (before, next_raw) = (&before, &raw);
            let applying = Applying { actor: &actor, before, raw: next_raw, next: &next, now };
            grants = self.apply_file_grants(&mut change, &applying).await?;
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
        let settled = self.settle(Effect::AtDelivery).await;
        self.after_file_grants(grants).await?;
        settled?;
        Ok(Applied { digest, epoch: self.policy().load().epoch() })
    }

    pub(crate) async fn compile(&self, raw: RawCatalog) -> Result<Catalog, CatalogError> {
        if items(&raw) > ITEMS_MAX {
            return Err(CatalogError::TooLarge);
        }
        let masks = self.0.masks;
        tokio::task::spawn_blocking(move || compile(&raw, &|rule| masks(rule)))
            .await
            .map_err(|_| Unavailable::Policy)?
            .map_err(CatalogError::Faults)
    }
}
