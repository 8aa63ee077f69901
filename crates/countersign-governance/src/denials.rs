//! Denials: what stands over grants. Denying acts on the next call; lifting waits for the ledger.

use crate::{
    Actor, ErrorKind, Forbidden, Governance, Unavailable,
    grants::rights::{may_revoke, owns},
    roles::{self, may_act},
};
use countersign_model::{
    Denial, DenialId, Denied, FunctionName, GrantId, Holder, Snapshot, Timestamp,
    catalog::Tag,
    record::{DenialChanged, Entry, Event, StopState},
};
use countersign_store::{Effect, StoreError, Written};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Denials that stand at one time at most.
const DENIALS_MAX: usize = 10_000;
/// Functions and tags that one denial names at most.
const NAMES_MAX: usize = 500;

/// What is to be denied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewDenial {
    /// To whom.
    pub whom: Holder,
    /// Functions by name.
    #[serde(default)]
    pub functions: Vec<FunctionName>,
    /// Functions by tag.
    #[serde(default)]
    pub tags: Vec<Tag>,
    /// What rests on this grant, instead of functions.
    #[serde(default)]
    pub grant: Option<GrantId>,
    /// Why; callers are told.
    pub why: String,
    /// When it ends by itself.
    #[serde(default)]
    pub until: Option<Timestamp>,
}

/// Why something was not denied, or a denial not lifted.
#[derive(Debug, thiserror::Error)]
pub enum DenialError {
    /// The actor may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// There is none.
    #[error("there is no such denial")]
    NotFound,
    /// Something about it can't be right.
    #[error("{place}: {message}")]
    Invalid {
        /// Which member.
        place: &'static str,
        /// What is wrong, and what would be right.
        message: String,
    },
    /// The store or the ledger can't be used.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl DenialError {
    /// The code for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Forbidden(forbidden) => forbidden.code(),
            Self::NotFound => "no_such_denial",
            Self::Invalid { .. } => "invalid_denial",
            Self::Unavailable(unavailable) => unavailable.code(),
        }
    }

    /// What kind of error it is.
    pub fn status(&self) -> ErrorKind {
        match self {
            Self::Forbidden(_) => ErrorKind::Forbidden,
            Self::NotFound => ErrorKind::NotFound,
            Self::Invalid { .. } => ErrorKind::Invalid,
            Self::Unavailable(_) => ErrorKind::Unavailable,
        }
    }

    fn invalid(place: &'static str, message: impl Into<String>) -> Self {
        Self::Invalid { place, message: message.into() }
    }
}

impl From<StoreError> for DenialError {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error.into())
    }
}

impl Governance {
    /// Denials that stand and that an actor may see, oldest first: roles all; else whom they are
    /// of, who made them, and owners of a function that they name.
    pub fn denials(&self, actor: &Actor) -> Vec<Arc<Denial>> {
        let (snapshot, now) = (self.policy().load(), self.clock().now());
        let concerns = |it: &Arc<Denial>| {
            let whom = match &it.whom {
                Holder::Subject(subject) => *subject == actor.person.subject,
                Holder::Group(group) => actor.person.is_in(group),
            };
            actor.sees_grants()
                || whom
                || it.by == actor.person.subject
                || may_deny(actor, &it.what, &snapshot).is_ok()
        };
        let mut denials: Vec<Arc<Denial>> =
            snapshot.denials().filter(|it| it.stands(now) && concerns(it)).cloned().collect();
        denials.sort_by_key(|it| it.id);
        denials
    }

    /// Denies something to somebody, whatever their grants say. Acts on the next call, and cuts
    /// calls in hand.
    ///
    /// # Errors
    /// [`DenialError`]. With [`DenialError::Unavailable`] of the ledger it acts nevertheless.
    pub async fn deny(&self, actor: &Actor, new: NewDenial) -> Result<Denial, DenialError> {
        let actor = self.judged(actor);
        may_act(&actor)?;
        let (snapshot, now) = (self.policy().load(), self.clock().now());
        let denial = self.read_denial(new, &actor, &snapshot, now)?;
        may_deny(&actor, &denial.what, &snapshot)?;
        let mut change = self.store().change().await?;
        change.next_epoch().await?;
        let known = change.denials().await?;
        let (stand, over): (Vec<&Denial>, Vec<&Denial>) =
            known.iter().partition(|it| it.stands(now));
        if stand.len() >= DENIALS_MAX {
            let message = format!("{DENIALS_MAX} denials stand already; lift one");
            return Err(DenialError::invalid("whom", message));
        }
        for old in over {
            change.forget_denial(old.id).await?;
        }
        change.deny(&denial).await?;
        let event = event(&denial, &actor, StopState::Stopped, &denial.why);
        let entry = Entry::new(self.new_entry(now), now, event);
        self.keep(&mut change, entry, &denial.id.to_string(), Effect::AtCommit).await?;
        change.commit().await?;
        self.settle(Effect::AtCommit).await?;
        Ok(denial)
    }

    /// Lifts a denial, once the ledger has the entry: whoever could make it.
    ///
    /// # Errors
    /// [`DenialError`].
    pub async fn lift_denial(
        &self,
        actor: &Actor,
        id: DenialId,
        why: &str,
    ) -> Result<(), DenialError> {
        let why = roles::reason(why).map_err(|it| DenialError::invalid("why", it.to_string()))?;
        let actor = self.judged(actor);
        may_act(&actor)?;
        let (snapshot, now) = (self.policy().load(), self.clock().now());
        let mut change = self.store().change().await?;
        change.lock_epoch().await?;
        let known = change.denials().await?;
        let denial = known.iter().find(|it| it.id == id).ok_or(DenialError::NotFound)?;
        may_deny(&actor, &denial.what, &snapshot)?;
        // Nobody lifts what was denied to themself.
        let own = match &denial.whom {
            Holder::Subject(subject) => *subject == actor.person.subject,
            Holder::Group(group) => actor.person.is_in(group),
        };
        if own {
            return Err(Forbidden::OwnAccess.into());
        }
        let entry = self.new_entry(now);
        match change.lift_denial(id, entry).await? {
            Written::Done => {}
            Written::Conflict => return Err(DenialError::NotFound),
        }
        let entry = Entry::new(entry, now, event(denial, &actor, StopState::Resumed, &why));
        self.keep(&mut change, entry, &id.to_string(), Effect::AtDelivery).await?;
        change.commit().await?;
        Ok(self.settle(Effect::AtDelivery).await?)
    }

    fn read_denial(
        &self,
        new: NewDenial,
        actor: &Actor,
        snapshot: &Snapshot,
        now: Timestamp,
    ) -> Result<Denial, DenialError> {
        let NewDenial { whom, functions, tags, grant, why, until } = new;
        let why = roles::reason(&why).map_err(|it| DenialError::invalid("why", it.to_string()))?;
        let name = match &whom {
            Holder::Subject(name) => name.as_str(),
            Holder::Group(name) => name.as_str(),
        };
        if name.is_empty() || name.trim() != name {
            return Err(DenialError::invalid("whom", "name a subject or a group"));
        }
        if until.is_some_and(|at| at <= now) {
            return Err(DenialError::invalid("until", "must be in the future"));
        }
        let names = functions.len() + tags.len();
        let what = match grant {
            Some(id) if names == 0 => match snapshot.grant(id) {
                Some(_) => Denied::Grant(id),
                None => return Err(DenialError::invalid("grant", format!("no grant {id}"))),
            },
            None if (1..=NAMES_MAX).contains(&names) => Denied::Functions { functions, tags },
            Some(_) | None => {
                let message = format!("name one grant, or 1 to {NAMES_MAX} functions or tags");
                return Err(DenialError::invalid("functions", message));
            }
        };
        if let Denied::Functions { functions, tags } = &what {
            let catalog = snapshot.catalog();
            let gone = |it: &&FunctionName| catalog.by_name(it.as_str()).is_none();
            if let Some(name) = functions.iter().find(gone) {
                return Err(DenialError::invalid("functions", format!("no function `{name}`")));
            }
            let unknown = |tag: &&Tag| !catalog.functions.iter().any(|it| it.tags.contains(*tag));
            if let Some(tag) = tags.iter().find(unknown) {
                let message = format!("no function has the tag `{tag}`");
                return Err(DenialError::invalid("tags", message));
            }
        }
        let (id, by) = (DenialId::new(now, self.entropy()), actor.person.subject.clone());
        Ok(Denial { id, whom, what, by, at: now, why, until })
    }
}

/// Administrators; owners of every function that it names; of a grant, whoever may revoke it, but
/// for its holder.
fn may_deny(actor: &Actor, what: &Denied, snapshot: &Snapshot) -> Result<(), Forbidden> {
    may_act(actor)?;
    if actor.is_administrator() {
        return Ok(());
    }
    let me = &actor.person.subject;
    let allowed = match what {
        Denied::Grant(id) => snapshot.grant(*id).is_some_and(|it| {
            it.holder != Holder::Subject(me.clone())
                && may_revoke(actor, it, snapshot.catalog()).is_ok()
        }),
        Denied::Functions { functions, tags } => {
            tags.is_empty() && functions.iter().all(|it| owns(me, it, snapshot.catalog()))
        }
    };
    if allowed { Ok(()) } else { Err(Forbidden::NotOwner) }
}

fn event(denial: &Denial, actor: &Actor, now: StopState, why: &str) -> Event {
    let what = match &denial.what {
        Denied::Grant(id) => vec![id.to_string()],
        Denied::Functions { functions, tags } => {
            let tags = tags.iter().map(|it| format!("tag:{it}"));
            functions.iter().map(ToString::to_string).chain(tags).collect()
        }
    };
    Event::DenialChanged(DenialChanged {
        denial: denial.id,
        whom: denial.whom.to_string(),
        what,
        by: actor.person.subject.clone(),
        now,
        why: why.to_owned(),
    })
}
