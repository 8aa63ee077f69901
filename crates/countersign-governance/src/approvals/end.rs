//! The end of requests and unused approvals whose call may not run any more: its subject is stopped,
//! a grant of it is revoked. The first page of them ends in the transaction that stops the call.

use super::{ApprovalError, Entries, Step, to};
use crate::{Governance, Unavailable};
use countersign_model::{
    Approval, ApprovalId, ApprovalState, FunctionName, GrantId, Reason, Subject, Timestamp,
    snapshot::{Deactivation, KillScope},
};
use countersign_store::{ApprovalRow, OPEN_PAGE, Transaction, Written};

/// What may not run any more.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stopped<'a> {
    /// Calls with this subject in their chain.
    Subject(&'a Subject),
    /// Calls with a subject in their chain that a directory deactivated.
    Deactivated(&'a Deactivation),
    /// Calls that this grant would carry.
    Grant(GrantId),
    /// The same, of a grant that is suspended.
    Suspended(GrantId),
    /// Calls that a kill switch stops.
    Kill(&'a KillScope),
    /// Calls to a function that nobody answers for.
    Unowned(&'a FunctionName),
}

/// Requests that were ended in a transaction.
#[must_use = "tell who waits, after the commit"]
#[derive(Debug, Default)]
pub(crate) struct EndedRequests {
    ids: Vec<ApprovalId>,
    tick: u64,
    rest: Rest,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Rest {
    #[default]
    None,
    Some,
}

impl Governance {
    /// Ends a request that nobody has decided, because its call may not run.
    ///
    /// # Errors
    /// [`ApprovalError`].
    pub async fn end_request(&self, id: ApprovalId, because: Reason) -> Result<(), ApprovalError> {
        self.change_approval(id, Entries::MayWait, |approval, now| {
            Ok(match &approval.state {
                ApprovalState::Pending => {
                    let because = Some(because);
                    to(approval, ApprovalState::Cancelled { at: now, because }, None)
                }
                ApprovalState::Approved { .. }
                | ApprovalState::Denied { .. }
                | ApprovalState::Expired { .. }
                | ApprovalState::Cancelled { .. }
                | ApprovalState::Revoked { .. }
                | ApprovalState::Redeeming { .. }
                | ApprovalState::Executed { .. }
                | ApprovalState::Failed { .. }
                | ApprovalState::OutcomeUnknown { .. } => Step::Unchanged,
            })
        })
        .await
        .map(drop)
    }

    /// Ends open requests and approvals that are not used yet, some hundreds, in the transaction
    /// that stops their calls. The epoch is locked before.
    pub(crate) async fn end_requests(
        &self,
        change: &mut Transaction,
        stopped: Stopped<'_>,
        by: &Subject,
        now: Timestamp,
    ) -> Result<EndedRequests, Unavailable> {
        let mut ended = EndedRequests::default();
        let mut after = None;
        loop {
            let page = change.open_approvals_naming(&stopped.needle(), after).await?;
            after = page.last().map(|row| row.approval.id);
            ended.rest = if page.len() < OPEN_PAGE { Rest::None } else { Rest::Some };
            for row in page.into_iter().filter(|row| stopped.stops(&row.approval)) {
                if ended.tick == 0 {
                    ended.tick = change.next_tick().await?;
                }
                let id = row.approval.id;
                let state = stopped.ends(&row.approval.state, by, now);
                let approval = Approval { state, ..row.approval };
                let next = ApprovalRow { approval, revision: row.revision };
                let by = Some(by.clone());
                match self.write_approval(change, &next, by, None, now, ended.tick).await? {
                    Written::Done => ended.ids.push(id),
                    // It was used or answered in this moment; it is judged again before it runs.
                    Written::Conflict => {}
                }
            }
            if ended.rest == Rest::None || !ended.ids.is_empty() {
                return Ok(ended);
            }
        }
    }

    /// After the commit: wakes who waits, and ends what did not fit into the transaction.
    pub(crate) async fn after_end(
        &self,
        mut ended: EndedRequests,
        stopped: Stopped<'_>,
        by: &Subject,
    ) -> Result<(), Unavailable> {
        loop {
            ended.ids.iter().for_each(|id| self.0.watchers.tell(*id, ended.tick));
            if ended.rest == Rest::None {
                return Ok(());
            }
            let mut change = self.store().change().await?;
            let now = self.clock().now();
            ended = self.end_requests(&mut change, stopped, by, now).await?;
            // Their entries follow with the next that are delivered.
            change.commit().await?;
        }
    }
}

impl Stopped<'_> {
    /// What the document of every such request has in it; others may have it too.
    fn needle(&self) -> String {
        match self {
            Self::Subject(subject) => quoted(subject.as_str()),
            Self::Deactivated(it) => quoted(it.subject.as_str()),
            Self::Grant(id) | Self::Suspended(id) => quoted(&id.to_string()),
            Self::Kill(KillScope::Everything) => String::new(),
            Self::Kill(KillScope::Target(name)) => quoted(name.as_str()),
            Self::Kill(KillScope::Function(name)) => quoted(name.as_str()),
            Self::Unowned(name) => quoted(name.as_str()),
        }
    }

    fn stops(&self, approval: &Approval) -> bool {
        let call = &approval.call;
        match self {
            Self::Subject(subject) => call.caller.chain().any(|it| it == *subject),
            Self::Deactivated(it) => call.caller.chain().any(|subject| it.means(subject)),
            Self::Grant(id) | Self::Suspended(id) => call.grants.iter().any(|it| it.id == *id),
            Self::Kill(KillScope::Everything) => true,
            Self::Kill(KillScope::Target(name)) => call.target == *name,
            Self::Kill(KillScope::Function(name)) => call.function == *name,
            Self::Unowned(name) => call.function == **name,
        }
    }

    /// Nobody is asked about it any more, or what was said is taken back.
    fn ends(&self, state: &ApprovalState, by: &Subject, at: Timestamp) -> ApprovalState {
        let because = match self {
            Self::Subject(_) => Reason::SubjectSuspended,
            Self::Deactivated(_) => Reason::SubjectDeactivated,
            Self::Grant(_) => Reason::GrantRevoked,
            Self::Suspended(_) => Reason::GrantSuspended,
            Self::Kill(_) => Reason::KillSwitch,
            Self::Unowned(_) => Reason::NoLivingOwner,
        };
        match state {
            ApprovalState::Pending => ApprovalState::Cancelled { at, because: Some(because) },
            ApprovalState::Approved { .. } => ApprovalState::Revoked { by: by.clone(), at },
            other @ (ApprovalState::Denied { .. }
            | ApprovalState::Expired { .. }
            | ApprovalState::Cancelled { .. }
            | ApprovalState::Revoked { .. }
            | ApprovalState::Redeeming { .. }
            | ApprovalState::Executed { .. }
            | ApprovalState::Failed { .. }
            | ApprovalState::OutcomeUnknown { .. }) => other.clone(),
        }
    }
}

/// A text as it stands in a document.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
