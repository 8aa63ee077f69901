//! Suspensions and kill switches. Stopping acts on the next call; letting go on waits for the
//! ledger.

use crate::{
    Actor, ErrorKind, Forbidden, Governance, Unavailable,
    approvals::Stopped,
    roles::{self, may_administer},
};
use countersign_model::{
    Subject,
    record::{Entry, Event, StopChanged, StopState},
    snapshot::{Kill, KillScope, Suspension},
};
use countersign_store::{Effect, StoreError, Written};
use serde::Serialize;

/// What is stopped at this moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stops {
    /// Kill switches that are on.
    pub kills: Vec<Kill>,
    /// Suspended subjects.
    pub suspensions: Vec<Suspension>,
}

/// Why something was not stopped or let go on.
#[derive(Debug, thiserror::Error)]
pub enum StopError {
    /// The actor may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// A reason is missing or too long.
    #[error(transparent)]
    Why(#[from] roles::BadText),
    /// The catalog has no such target or function.
    #[error("the catalog has no such target or function")]
    NotCatalogued,
    /// It is not stopped.
    #[error("it is not stopped")]
    NotStopped,
    /// The store or the ledger can't be used.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl StopError {
    /// The code for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Forbidden(forbidden) => forbidden.code(),
            Self::Why(_) => "bad_reason",
            Self::NotCatalogued => "not_catalogued",
            Self::NotStopped => "not_stopped",
            Self::Unavailable(unavailable) => unavailable.code(),
        }
    }

    /// What kind of error it is.
    pub fn status(&self) -> ErrorKind {
        match self {
            Self::Forbidden(_) => ErrorKind::Forbidden,
            Self::Why(_) | Self::NotCatalogued => ErrorKind::Invalid,
            Self::NotStopped => ErrorKind::NotFound,
            Self::Unavailable(_) => ErrorKind::Unavailable,
        }
    }
}

impl From<StoreError> for StopError {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error.into())
    }
}

impl Governance {
    /// What is stopped at this moment.
    pub fn stops(&self) -> Stops {
        let snapshot = self.policy().load();
        let mut suspensions: Vec<Suspension> = snapshot.suspensions().cloned().collect();
        suspensions.sort_by(|a, b| a.subject.cmp(&b.subject));
        Stops { kills: snapshot.kills().to_vec(), suspensions }
    }

    /// Suspends a subject: it may neither call nor decide. Acts on the next call.
    ///
    /// # Errors
    /// [`StopError`]. With [`StopError::Unavailable`] of the ledger it acts nevertheless.
    pub async fn suspend(
        &self,
        actor: &Actor,
        subject: &Subject,
        why: &str,
    ) -> Result<(), StopError> {
        let (by, why) = self.stopping(actor, why)?;
        Ok(self.suspend_now(by, subject, why).await?)
    }

    /// The same, for what an identity provider says of its own people: `by` names who said it, and
    /// whoever calls this has proved that they did. Who is suspended already stays so, as it is.
    ///
    /// # Errors
    /// [`Unavailable`]. With that of the ledger it acts nevertheless.
    pub async fn suspend_for(
        &self,
        by: &Subject,
        subject: &Subject,
        why: &str,
    ) -> Result<(), Unavailable> {
        if self.policy().load().suspension(subject).is_some() {
            return Ok(());
        }
        self.suspend_now(by.clone(), subject, why.to_owned()).await
    }

    async fn suspend_now(
        &self,
        by: Subject,
        subject: &Subject,
        why: String,
    ) -> Result<(), Unavailable> {
        let now = self.clock().now();
        let mut change = self.store().change().await?;
        change.next_epoch().await?;
        let suspension = Suspension { subject: subject.clone(), by, at: now, why };
        change.suspend(&suspension).await?;
        let what = format!("subject:{subject}");
        let event = event(&suspension.by, what, StopState::Stopped, &suspension.why);
        let entry = Entry::new(self.new_entry(now), now, event);
        self.keep(&mut change, entry, subject.as_str(), Effect::AtCommit).await?;
        let (stopped, by) = (Stopped::Subject(subject), &suspension.by);
        let ended = self.end_requests(&mut change, stopped, by, now).await?;
        change.commit().await?;
        let settled = self.settle(Effect::AtCommit).await;
        self.after_end(ended, stopped, by).await?;
        settled
    }

    /// Lets a suspended subject in again, once the ledger has the entry.
    ///
    /// # Errors
    /// [`StopError`].
    pub async fn resume(
        &self,
        actor: &Actor,
        subject: &Subject,
        why: &str,
    ) -> Result<(), StopError> {
        let (by, why) = self.stopping(actor, why)?;
        let now = self.clock().now();
        let mut change = self.store().change().await?;
        change.lock_epoch().await?;
        let id = self.new_entry(now);
        match change.lift_suspension(subject, id).await? {
            Written::Done => {}
            Written::Conflict => return Err(StopError::NotStopped),
        }
        let event = event(&by, format!("subject:{subject}"), StopState::Resumed, &why);
        let entry = Entry::new(id, now, event);
        self.keep(&mut change, entry, subject.as_str(), Effect::AtDelivery).await?;
        change.commit().await?;
        Ok(self.settle(Effect::AtDelivery).await?)
    }

    /// Turns a kill switch on. Acts on the next call.
    ///
    /// # Errors
    /// [`StopError`]. With [`StopError::Unavailable`] of the ledger it acts nevertheless.
    pub async fn kill(&self, actor: &Actor, scope: KillScope, why: &str) -> Result<(), StopError> {
        let (by, why) = self.stopping(actor, why)?;
        let snapshot = self.policy().load();
        let known = match &scope {
            KillScope::Everything => true,
            KillScope::Target(name) => snapshot.catalog().target_by_name(name.as_str()).is_some(),
            KillScope::Function(name) => snapshot.catalog().by_name(name.as_str()).is_some(),
        };
        if !known {
            return Err(StopError::NotCatalogued);
        }
        let now = self.clock().now();
        let mut change = self.store().change().await?;
        change.next_epoch().await?;
        let kill = Kill { scope, by, at: now, why };
        change.kill(&kill).await?;
        let what = scope_text(&kill.scope);
        let event = event(&kill.by, what.clone(), StopState::Stopped, &kill.why);
        let entry = Entry::new(self.new_entry(now), now, event);
        self.keep(&mut change, entry, &what, Effect::AtCommit).await?;
        let (stopped, by) = (Stopped::Kill(&kill.scope), &kill.by);
        let ended = self.end_requests(&mut change, stopped, by, now).await?;
        change.commit().await?;
        let settled = self.settle(Effect::AtCommit).await;
        self.after_end(ended, stopped, by).await?;
        Ok(settled?)
    }

    /// Turns a kill switch off, once the ledger has the entry.
    ///
    /// # Errors
    /// [`StopError`].
    pub async fn unkill(
        &self,
        actor: &Actor,
        scope: KillScope,
        why: &str,
    ) -> Result<(), StopError> {
        let (by, why) = self.stopping(actor, why)?;
        let now = self.clock().now();
        let mut change = self.store().change().await?;
        change.lock_epoch().await?;
        let id = self.new_entry(now);
        match change.lift_kill(&scope, id).await? {
            Written::Done => {}
            Written::Conflict => return Err(StopError::NotStopped),
        }
        let what = scope_text(&scope);
        let entry = Entry::new(id, now, event(&by, what.clone(), StopState::Resumed, &why));
        self.keep(&mut change, entry, &what, Effect::AtDelivery).await?;
        change.commit().await?;
        Ok(self.settle(Effect::AtDelivery).await?)
    }

    fn stopping(&self, actor: &Actor, why: &str) -> Result<(Subject, String), StopError> {
        let actor = self.judged(actor);
        may_administer(&actor)?;
        Ok((actor.person.subject, roles::reason(why)?))
    }
}

fn event(by: &Subject, what: String, now: StopState, why: &str) -> Event {
    Event::StopChanged(StopChanged { by: by.clone(), what, now, why: why.to_owned() })
}

/// A kill switch's scope as the ledger names it.
fn scope_text(scope: &KillScope) -> String {
    match scope {
        KillScope::Everything => "everything".to_owned(),
        KillScope::Target(name) => format!("target:{name}"),
        KillScope::Function(name) => format!("function:{name}"),
    }
}
