//! Making, certifying and revoking grants.

mod change;
mod history;
mod life;
mod requests;
pub(crate) mod rights;
mod tell;
mod view;

pub use history::GrantStepView;
pub use life::TransferredGrant;
pub use requests::{GrantRequestFilter, GrantRequestView, NewGrantRequest};
pub use view::{FreshnessView, FunctionView, GrantFilter, GrantStanding, GrantView};

use crate::{Actor, ErrorKind, Forbidden, Governance, Unavailable, owners::unowned_among, roles};
pub(crate) use change::{GrantStep, GrantWritten};
use countersign_model::{
    Catalog, Digest, FunctionName, Grant, GrantId, GrantOrigin, GrantState, Holder, Snapshot,
    Subject, Timestamp,
    catalog::{Rate, Tag},
    decide::{Conflict, would_conflict},
    expression::Expression,
    grant::{CONSTRAINTS_MAX, Certification, Ended, NAMES_MAX, NotRestored, Wider},
    record::{Event, GrantChange, GrantChanged},
};
use countersign_store::{Effect, GrantRow, StoreError, Transaction};
use rights::{certified_at_birth, may_certify, may_make, may_revoke, reached};
use serde::{Deserialize, Serialize};

/// A grant to be made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewGrant {
    /// Who holds it.
    pub holder: Holder,
    /// Functions by name.
    #[serde(default)]
    pub functions: Vec<FunctionName>,
    /// Functions by tag.
    #[serde(default)]
    pub tags: Vec<Tag>,
    /// Why.
    pub reason: String,
    /// CEL expressions that a call's arguments must satisfy.
    #[serde(default)]
    pub constraints: Vec<String>,
    /// How many calls the holder may make, for each function.
    #[serde(default)]
    pub rate: Option<Rate>,
    /// When it ends by itself.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
}

/// Why a grant was not made, certified or revoked.
#[derive(Debug, thiserror::Error)]
pub enum GrantError {
    /// The actor may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// There is none.
    #[error("there is no such grant")]
    NotFound,
    /// Something about it can't be right.
    #[error("{place}: {message}")]
    Invalid {
        /// Which member.
        place: String,
        /// What is wrong, and what would be right.
        message: String,
    },
    /// The reviewer saw another version than the one that stands (R2).
    #[error("the grant is at version {current} now; look at it again")]
    Version {
        /// The version that stands.
        current: u32,
    },
    /// Nobody answers for a function any more (R7).
    #[error(
        "nobody answers for {0} any more: its owners left or are suspended; name an owner in the catalog \
         first"
    )]
    Unowned(FunctionName),
    /// It has ended, or is suspended.
    #[error(transparent)]
    Ended(#[from] Ended),
    /// It would permit more, where it may only permit less.
    #[error("it would permit more: {0}")]
    Wider(#[from] Wider),
    /// The revocation is not undone.
    #[error(transparent)]
    NotRestored(#[from] NotRestored),
    /// Somebody would hold what nobody may hold both of.
    #[error("{}", separated(.0))]
    Separated(Box<Conflict>),
    /// The request was answered, withdrawn, or has lapsed.
    #[error("the request is {0} already")]
    Answered(&'static str),
    /// An earlier change of it is not in the ledger yet.
    #[error("an earlier change of the grant still waits for the ledger; try again, or revoke it")]
    Waits,
    /// Somebody else changed it at the same moment.
    #[error("somebody else changed the grant at the same moment; look at it again")]
    Changed,
    /// The store or the ledger can't be used.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl GrantError {
    /// The code for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Forbidden(forbidden) => forbidden.code(),
            Self::NotFound => "no_such_grant",
            Self::Invalid { .. } => "invalid_grant",
            Self::Version { .. } => "other_version",
            Self::Unowned(_) => "no_living_owner",
            Self::Ended(Ended::Revoked { .. }) => "grant_revoked",
            Self::Ended(Ended::Expired { .. }) => "grant_expired",
            Self::Ended(Ended::Suspended { .. }) => "grant_suspended",
            Self::Wider(_) => "permits_more",
            Self::NotRestored(_) => "not_restored",
            Self::Separated(_) => "separation_of_duties",
            Self::Answered(_) => "answered_already",
            Self::Waits => "ledger_waits",
            Self::Changed => "changed_meanwhile",
            Self::Unavailable(unavailable) => unavailable.code(),
        }
    }

    /// What kind of error it is.
    pub fn status(&self) -> ErrorKind {
        match self {
            Self::Forbidden(_) => ErrorKind::Forbidden,
            Self::NotFound => ErrorKind::NotFound,
            Self::Invalid { .. } | Self::Wider(_) => ErrorKind::Invalid,
            Self::Version { .. }
            | Self::Unowned(_)
            | Self::Ended(_)
            | Self::NotRestored(_)
            | Self::Separated(_)
            | Self::Answered(_)
            | Self::Changed => ErrorKind::Conflict,
            Self::Waits | Self::Unavailable(_) => ErrorKind::Unavailable,
        }
    }

    fn invalid(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Invalid { place: place.into(), message: message.into() }
    }
}

impl From<StoreError> for GrantError {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error.into())
    }
}

impl Governance {
    /// Makes a grant. It carries calls once the ledger has the entry; whether it counts as certified
    /// by its maker, the rights say.
    ///
    /// # Errors
    /// [`GrantError`].
    pub async fn add_grant(&self, actor: &Actor, new: NewGrant) -> Result<Grant, GrantError> {
        self.refresh().await?;
        let actor = self.judged(actor);
        let now = self.clock().now();
        let snapshot = self.policy().load();
        let catalog = snapshot.catalog();
        let mut grant = self.read_grant(new, &actor, now)?;
        may_make(&actor, &grant, catalog)?;
        refuse_unowned(&grant, &snapshot)?;
        check(&grant, catalog, now)?;
        refuse_conflict(&grant, &snapshot, now)?;
        if certified_at_birth(&actor, &grant, catalog) {
            let by = actor.person.subject.clone();
            grant.certified = Some(Certification { by, at: now, version: grant.version });
        }
        let mut change = self.store().change().await?;
        change.lock_epoch().await?;
        refuse_other_catalog(&mut change, catalog).await?;
        self.make_grant(&mut change, &grant, &actor.person.subject).await?;
        change.commit().await?;
        self.settle(Effect::AtDelivery).await?;
        Ok(grant)
    }

    /// Certifies the version that the reviewer saw.
    ///
    /// # Errors
    /// [`GrantError`].
    pub async fn certify_grant(
        &self,
        actor: &Actor,
        id: GrantId,
        version: u32,
    ) -> Result<Grant, GrantError> {
        self.refresh().await?;
        let actor = self.judged(actor);
        let now = self.clock().now();
        let catalog = std::sync::Arc::clone(self.policy().load().catalog());
        let mut change = self.store().change().await?;
        change.lock_epoch().await?;
        refuse_other_catalog(&mut change, &catalog).await?;
        let row = change.grant(id).await?.ok_or(GrantError::NotFound)?;
        may_certify(&actor, &row.grant, &catalog)?;
        if row.grant.version != version {
            return Err(GrantError::Version { current: row.grant.version });
        }
        let by = &actor.person.subject;
        let grant = row.grant.certify(by, now)?;
        let next = GrantRow { grant, revision: row.revision };
        let (kind, effect) = (GrantChange::Certified, Effect::AtDelivery);
        self.write(change, GrantStep { next, kind, by, effect }).await
    }

    /// Revokes a grant, on the next call (R10). Revoking twice keeps the first revocation.
    ///
    /// # Errors
    /// [`GrantError`]. With [`GrantError::Unavailable`] of the ledger it acts nevertheless.
    pub async fn revoke_grant(
        &self,
        actor: &Actor,
        id: GrantId,
        why: &str,
    ) -> Result<Grant, GrantError> {
        let actor = self.judged(actor);
        let why = roles::reason(why).map_err(|bad| GrantError::invalid("why", bad.to_string()))?;
        let now = self.clock().now();
        let catalog = std::sync::Arc::clone(self.policy().load().catalog());
        let mut change = self.store().change().await?;
        change.lock_epoch().await?;
        let row = change.grant(id).await?.ok_or(GrantError::NotFound)?;
        may_revoke(&actor, &row.grant, &catalog)?;
        if matches!(row.grant.state, GrantState::Revoked { .. }) {
            drop(change);
            self.settle(Effect::AtCommit).await?;
            return Ok(row.grant);
        }
        let by = &actor.person.subject;
        let next = GrantRow { grant: row.grant.revoke(by, now, &why), revision: row.revision };
        let (kind, effect) = (GrantChange::Revoked, Effect::AtCommit);
        self.write(change, GrantStep { next, kind, by, effect }).await
    }

    /// One change of one grant, in a transaction of its own.
    async fn write(
        &self,
        mut change: Transaction,
        step: GrantStep<'_>,
    ) -> Result<Grant, GrantError> {
        let effect = step.effect;
        let written = self.change_grant(&mut change, step).await?;
        change.commit().await?;
        let settled = self.settle(effect).await;
        let grant = self.after_change(written).await?;
        settled?;
        Ok(grant)
    }

    fn read_grant(
        &self,
        new: NewGrant,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<Grant, GrantError> {
        let NewGrant { holder, mut functions, mut tags, reason, constraints, rate, expires_at } =
            new;
        functions.sort();
        functions.dedup();
        tags.sort();
        tags.dedup();
        let reason =
            roles::reason(&reason).map_err(|bad| GrantError::invalid("reason", bad.to_string()))?;
        Ok(Grant {
            id: GrantId::new(now, self.entropy()),
            version: 1,
            holder,
            functions,
            tags,
            reason,
            constraints,
            rate,
            made_by: actor.person.subject.clone(),
            made_at: now,
            origin: GrantOrigin::Direct,
            successor_of: None,
            expires_at,
            certified: None,
            state: GrantState::Active,
        })
    }
}

/// The catalog that an actor was judged by must still be the one in force.
async fn refuse_other_catalog(
    change: &mut Transaction,
    catalog: &Catalog,
) -> Result<(), GrantError> {
    match change.catalog_digest().await?.unwrap_or_default() == catalog.digest {
        true => Ok(()),
        false => Err(GrantError::Changed),
    }
}

/// A function that nobody answers for takes no new grants, by no way that gives more (R7).
fn refuse_unowned(grant: &Grant, snapshot: &Snapshot) -> Result<(), GrantError> {
    let functions = reached(grant, snapshot.catalog());
    match unowned_among(snapshot, functions.iter().map(|it| &it.name)) {
        Some(function) => Err(GrantError::Unowned(function.clone())),
        None => Ok(()),
    }
}

/// Nobody comes to hold both sides of a separation of duties, as far as it is known here.
pub(crate) fn refuse_conflict(
    grant: &Grant,
    snapshot: &Snapshot,
    now: Timestamp,
) -> Result<(), GrantError> {
    match would_conflict(grant, snapshot, now) {
        Some(conflict) => Err(GrantError::Separated(Box::new(conflict))),
        None => Ok(()),
    }
}

fn separated(it: &Conflict) -> String {
    let Conflict { holder, separation, why, kept, refused } = it;
    if kept.grant == refused.grant {
        let (one, other) = (&kept.function, &refused.function);
        return format!(
            "it reaches {one} and {other}, and nobody may hold both ({separation}): {why}"
        );
    }
    format!(
        "{holder} would hold {} by the grant {} and {} by the grant {}, and nobody may hold both \
         ({separation}): {why}",
        kept.function, kept.grant, refused.function, refused.grant
    )
}

/// What a grant may be, whoever makes it.
pub(crate) fn check(grant: &Grant, catalog: &Catalog, now: Timestamp) -> Result<(), GrantError> {
    let holder = match &grant.holder {
        Holder::Subject(name) => name.as_str(),
        Holder::Group(name) => name.as_str(),
    };
    if holder.trim() != holder || holder.is_empty() {
        return Err(GrantError::invalid("holder", "name a subject or a group"));
    }
    let names = grant.functions.len() + grant.tags.len();
    if names == 0 || names > NAMES_MAX {
        let message = format!("name 1 to {NAMES_MAX} functions or tags");
        return Err(GrantError::invalid("functions", message));
    }
    for name in &grant.functions {
        if catalog.by_name(name.as_str()).is_none() {
            return Err(GrantError::invalid("functions", format!("no function `{name}`")));
        }
    }
    for tag in &grant.tags {
        if !catalog.functions.iter().any(|it| it.tags.contains(tag)) {
            return Err(GrantError::invalid("tags", format!("no function has the tag `{tag}`")));
        }
    }
    if grant.expires_at.is_some_and(|at| at <= now) {
        return Err(GrantError::invalid("expires_at", "must be in the future"));
    }
    if grant.rate.is_some_and(|it| it.calls == 0 || it.per.millis() <= 0) {
        return Err(GrantError::invalid("rate", "at least one call in a time above zero"));
    }
    check_constraints(grant, catalog)
}

fn check_constraints(grant: &Grant, catalog: &Catalog) -> Result<(), GrantError> {
    if grant.constraints.len() > CONSTRAINTS_MAX {
        let message = format!("at most {CONSTRAINTS_MAX}");
        return Err(GrantError::invalid("constraints", message));
    }
    let functions = reached(grant, catalog);
    for (place, source) in grant.constraints.iter().enumerate() {
        for function in &functions {
            Expression::compile(source, &function.input).map_err(|bad| {
                let message = format!("for {}: {bad}", function.name);
                GrantError::invalid(format!("constraints[{place}]"), message)
            })?;
        }
    }
    Ok(())
}

pub(crate) fn changed(grant: &Grant, change: GrantChange, by: &Subject) -> Event {
    Event::GrantChanged(GrantChanged {
        grant: grant.id,
        version: grant.version,
        change,
        by: by.clone(),
        digest: digest(grant),
    })
}

/// Digest of a grant's canonical JSON, as the ledger names it.
pub fn digest(grant: &Grant) -> Digest {
    Digest::of_json(&serde_json::to_value(grant).unwrap_or_default())
}
