//! Who stands in for whom in reviews while they are away: a person says so for themself, or an
//! administrator for them.

use crate::{Actor, ErrorKind, Forbidden, Governance, Unavailable, roles::may_act};
use countersign_model::{
    CallerKind, Subject, Timestamp,
    record::{DelegateChange, DelegateChanged, Entry, Event},
    review::{Delegation, DelegationRefused},
};
use countersign_store::{Effect, StoreError, Written};
use serde::{Deserialize, Serialize};

/// A delegation to be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewDelegation {
    /// For whom; by default for who asks.
    #[serde(default)]
    pub of: Option<Subject>,
    /// Who stands in.
    pub to: Subject,
    /// From when; by default from now on.
    #[serde(default)]
    pub from: Option<Timestamp>,
    /// Until when.
    pub until: Timestamp,
}

/// Why nobody stands in.
#[derive(Debug, thiserror::Error)]
pub enum DelegateError {
    /// The actor may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// It can't stand.
    #[error(transparent)]
    Refused(#[from] DelegationRefused),
    /// A program does not review.
    #[error("{0} is an agent; only a person stands in for a person")]
    Agent(Subject),
    /// Who stands in may do nothing here.
    #[error("{0} is suspended or deactivated, and reviews nothing")]
    Barred(Subject),
    /// Nobody is known by that name.
    #[error("nobody is known here as {0}; write their subject as their sign-in says it")]
    Unknown(Subject),
    /// There is none.
    #[error("nobody stands in for {0}")]
    NotFound(Subject),
    /// The store or the ledger can't be used.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl DelegateError {
    /// The code for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Forbidden(forbidden) => forbidden.code(),
            Self::Refused(_) | Self::Agent(_) | Self::Barred(_) | Self::Unknown(_) => {
                "invalid_delegate"
            }
            Self::NotFound(_) => "no_such_delegate",
            Self::Unavailable(unavailable) => unavailable.code(),
        }
    }

    /// What kind of error it is.
    pub fn status(&self) -> ErrorKind {
        match self {
            Self::Forbidden(_) => ErrorKind::Forbidden,
            Self::Refused(_) | Self::Agent(_) | Self::Barred(_) | Self::Unknown(_) => {
                ErrorKind::Invalid
            }
            Self::NotFound(_) => ErrorKind::NotFound,
            Self::Unavailable(_) => ErrorKind::Unavailable,
        }
    }
}

impl From<StoreError> for DelegateError {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error.into())
    }
}

impl Governance {
    /// Sets who stands in for a person, once the ledger has the entry. Whoever did before, does no more.
    ///
    /// # Errors
    /// [`DelegateError`].
    pub async fn set_delegate(
        &self,
        actor: &Actor,
        new: NewDelegation,
    ) -> Result<Delegation, DelegateError> {
        let now = self.clock().now();
        let NewDelegation { of, to, from, until } = new;
        let (of, by) = self.delegating(actor, of)?;
        let delegation = Delegation { of, to, from: from.unwrap_or(now), until, by, made_at: now };
        delegation.check()?;
        let snapshot = self.policy().load();
        for subject in [&delegation.of, &delegation.to] {
            if snapshot.agents().contains_key(subject) {
                return Err(DelegateError::Agent(subject.clone()));
            }
            if !self.store().is_found(subject).await? && delegation.by != *subject {
                return Err(DelegateError::Unknown(subject.clone()));
            }
        }
        if snapshot.bars(&delegation.to) {
            return Err(DelegateError::Barred(delegation.to));
        }
        let mut change = self.store().change().await?;
        change.lock_epoch().await?;
        let id = self.new_entry(now);
        change.set_delegation(&delegation, id).await?;
        let event = event(&delegation, DelegateChange::Set, &delegation.by);
        let entry = Entry::new(id, now, event);
        self.keep(&mut change, entry, delegation.of.as_str(), Effect::AtDelivery).await?;
        change.commit().await?;
        self.settle(Effect::AtDelivery).await?;
        Ok(delegation)
    }

    /// Ends a delegation before its time: by the person, whoever stands in, or an administrator.
    ///
    /// # Errors
    /// [`DelegateError`]. With [`DelegateError::Unavailable`] of the ledger it acts nevertheless.
    pub async fn end_delegate(
        &self,
        actor: &Actor,
        of: Option<Subject>,
    ) -> Result<(), DelegateError> {
        let now = self.clock().now();
        let actor = self.judged(actor);
        may_act(&actor)?;
        let of = of.unwrap_or_else(|| actor.person.subject.clone());
        let mut change = self.store().change().await?;
        change.lock_epoch().await?;
        let found = change.delegations(Some(&of), now).await?.into_iter().next();
        let by = actor.person.subject.clone();
        let stands_in = found.as_ref().is_some_and(|it| it.to == by);
        if of != by && !stands_in && !actor.is_administrator() {
            return Err(Forbidden::NotYours.into());
        }
        let delegation = found.ok_or_else(|| DelegateError::NotFound(of.clone()))?;
        match change.end_delegation(&of, now).await? {
            Written::Done => {}
            Written::Conflict => return Err(DelegateError::NotFound(of)),
        }
        let entry =
            Entry::new(self.new_entry(now), now, event(&delegation, DelegateChange::Ended, &by));
        self.keep(&mut change, entry, of.as_str(), Effect::AtCommit).await?;
        change.commit().await?;
        Ok(self.settle(Effect::AtCommit).await?)
    }

    /// Delegations that are not over, those that begin later too: of everybody, or for who asks and may
    /// not see everything, those that they have part in.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn delegations(&self, actor: &Actor) -> Result<Vec<Delegation>, Unavailable> {
        let actor = self.judged(actor);
        let own = &actor.person.subject;
        let mut all = self.store().view().await?.delegations(None, self.clock().now()).await?;
        all.retain(|it| actor.sees_everything() || it.of == *own || it.to == *own);
        Ok(all)
    }

    /// Who stands in for a person, now or later.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn delegation_of(&self, of: &Subject) -> Result<Option<Delegation>, Unavailable> {
        let now = self.clock().now();
        let found = self.store().view().await?.delegations(Some(of), now).await?;
        Ok(found.into_iter().next())
    }

    /// For whom, and who says so.
    fn delegating(
        &self,
        actor: &Actor,
        of: Option<Subject>,
    ) -> Result<(Subject, Subject), DelegateError> {
        let actor = self.judged(actor);
        may_act(&actor)?;
        match actor.person.kind {
            CallerKind::Person => {}
            CallerKind::Agent | CallerKind::Service => return Err(Forbidden::NotAPerson.into()),
        }
        let by = actor.person.subject.clone();
        let of = of.unwrap_or_else(|| by.clone());
        if of != by && !actor.is_administrator() {
            return Err(Forbidden::NotAdministrator.into());
        }
        Ok((of, by))
    }
}

fn event(delegation: &Delegation, change: DelegateChange, by: &Subject) -> Event {
    let Delegation { of, to, from, until, .. } = delegation.clone();
    Event::DelegateChanged(DelegateChanged { of, to, change, from, until, by: by.clone() })
}
