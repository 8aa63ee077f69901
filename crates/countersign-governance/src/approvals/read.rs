//! Approvals as they are now, and which of them an actor may see.

use super::ApprovalError;
use crate::{Actor, Governance};
use countersign_model::{Approval, ApprovalId, FunctionName, Timestamp, approval::Standing};
use countersign_store::ApprovalQuery;

/// Approvals that one list holds at most.
pub const APPROVALS_MAX: u32 = 500;
/// Approvals that are looked at for one list at most.
const SCANNED_MAX: u32 = 5_000;

/// Which approvals to list, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApprovalFilter {
    /// Only in these states, by name; in any when empty.
    pub states: Vec<String>,
    /// Only of this function.
    pub function: Option<FunctionName>,
    /// How many at most; 0 stands for as many as one list may hold.
    pub limit: u32,
    /// Only older than this one.
    pub before: Option<ApprovalId>,
}

impl Governance {
    /// An approval as it is now, whoever asks, and as the policy in force sees those who may still
    /// answer it. What time has ended is `expired` here even before
    /// anybody has written it down.
    ///
    /// # Errors
    /// [`ApprovalError::Unavailable`].
    pub async fn approval(&self, id: ApprovalId) -> Result<Option<Approval>, ApprovalError> {
        let row = self.store().view().await?.approval(id).await?;
        let now = self.clock().now();
        Ok(row.map(|row| self.seen_now(as_of(row.approval, now))))
    }

    /// An approval that the actor may see.
    ///
    /// # Errors
    /// [`ApprovalError::NotFound`] also when they may not.
    pub async fn approval_for(
        &self,
        actor: &Actor,
        id: ApprovalId,
    ) -> Result<Approval, ApprovalError> {
        let actor = self.judged(actor);
        let approval = self.approval(id).await?.ok_or(ApprovalError::NotFound)?;
        if sees(&actor, &approval) { Ok(approval) } else { Err(ApprovalError::NotFound) }
    }

    /// Lists approvals, newest first, whoever asks.
    ///
    /// # Errors
    /// [`ApprovalError::Unavailable`].
    pub async fn approvals(&self, filter: &ApprovalFilter) -> Result<Vec<Approval>, ApprovalError> {
        self.scan(filter, |_| true).await
    }

    /// Lists approvals that an actor may see, newest first: what they may answer or have answered,
    /// their own calls and their agents', and with a role all.
    ///
    /// # Errors
    /// [`ApprovalError::Unavailable`].
    pub async fn approvals_for(
        &self,
        actor: &Actor,
        filter: &ApprovalFilter,
    ) -> Result<Vec<Approval>, ApprovalError> {
        let actor = self.judged(actor);
        self.scan(filter, |approval| sees(&actor, approval)).await
    }

    async fn scan(
        &self,
        filter: &ApprovalFilter,
        wanted: impl Fn(&Approval) -> bool + Send,
    ) -> Result<Vec<Approval>, ApprovalError> {
        let now = self.clock().now();
        let room = match filter.limit {
            0 => APPROVALS_MAX,
            limit => limit.min(APPROVALS_MAX),
        };
        let room = usize::try_from(room).unwrap_or(usize::MAX);
        // An approval whose time is over may still be stored as open, so states are judged here
        // too.
        let mut states = filter.states.clone();
        if states.iter().any(|it| it == "expired") {
            states.extend(["pending".to_owned(), "approved".to_owned()]);
        }
        let in_state = |state: &str| {
            filter.states.is_empty() || filter.states.iter().any(|wanted| wanted == state)
        };
        let (function, before) = (filter.function.clone(), filter.before);
        let mut query = ApprovalQuery { states, function, before, limit: APPROVALS_MAX };
        let mut view = self.store().view().await?;
        let mut found = Vec::new();
        let mut scanned = 0;
        while found.len() < room && scanned < SCANNED_MAX {
            let page = view.approvals(&query).await?;
            let length = u32::try_from(page.len()).unwrap_or(u32::MAX);
            query.before = page.last().map(|it| it.id);
            let page = page.into_iter().map(|it| self.seen_now(as_of(it, now)));
            found.extend(page.filter(|it| in_state(it.state.name()) && wanted(it)));
            scanned += APPROVALS_MAX;
            if length < APPROVALS_MAX {
                break;
            }
        }
        found.truncate(room);
        Ok(found)
    }
}

fn as_of(approval: Approval, now: Timestamp) -> Approval {
    match approval.lapsed(now) {
        Some(state) => Approval { state, ..approval },
        None => approval,
    }
}

fn sees(actor: &Actor, approval: &Approval) -> bool {
    let subject = &actor.person.subject;
    actor.person.standing == Standing::Good
        && (actor.sees_everything()
            || approval.call.caller.chain().any(|it| it == subject)
            || approval.call.sponsors.contains(subject)
            || approval.votes.iter().any(|vote| vote.by == *subject)
            || approval.eligible(&actor.person).is_ok())
}
