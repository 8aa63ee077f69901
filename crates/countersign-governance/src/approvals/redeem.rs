//! Using an approval: once, by one call (A2), and how that call ended.

use super::{ApprovalError, Entries, Step, to};
use crate::{Governance, Unavailable};
use countersign_model::{Approval, ApprovalId, ApprovalState, CallId, Reason, Timestamp};
use countersign_store::{ApprovalRow, Written};

/// How a call ended that used an approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    /// The target answered.
    Executed,
    /// It did not run.
    Failed(Reason),
    /// Nobody can know whether it ran.
    OutcomeUnknown,
}

/// How often a redemption that meets a fresh answer looks again.
const REDEEM_TRIES_MAX: u32 = 4;

impl Governance {
    /// Takes an approval for one call, once (A2): who gets `Ok` is the only one. Its answers must be
    /// in the ledger of whichever gateway took them.
    ///
    /// # Errors
    /// [`ApprovalError::Used`] when another call has taken it; [`ApprovalError::State`].
    pub async fn redeem(&self, id: ApprovalId, call: CallId) -> Result<Approval, ApprovalError> {
        let mut tries_left = REDEEM_TRIES_MAX;
        loop {
            self.deliver().await?;
            tries_left -= 1;
            match self
                .change_approval(id, Entries::MustBeWritten, |it, now| take(it, call, now))
                .await
            {
                // An answer came in the meantime, and its entry is on the way.
                Err(ApprovalError::Unavailable(Unavailable::EntryWaits)) if tries_left > 0 => {}
                result => return result,
            }
        }
    }

    /// Says how the call ended that took an approval.
    ///
    /// # Errors
    /// [`ApprovalError::Used`] when another call has it, or its end is known.
    pub async fn finish(
        &self,
        id: ApprovalId,
        call: CallId,
        finish: Finish,
    ) -> Result<(), ApprovalError> {
        self.change_approval(id, Entries::MayWait, |approval, now| match &approval.state {
            ApprovalState::Redeeming { call: user, .. } if *user == call => {
                let state = match finish {
                    Finish::Executed => ApprovalState::Executed { at: now, call },
                    Finish::Failed(reason) => ApprovalState::Failed { at: now, call, reason },
                    Finish::OutcomeUnknown => ApprovalState::OutcomeUnknown { at: now, call },
                };
                Ok(to(approval, state, None))
            }
            ApprovalState::Redeeming { .. }
            | ApprovalState::Executed { .. }
            | ApprovalState::Failed { .. }
            | ApprovalState::OutcomeUnknown { .. } => Err(ApprovalError::Used),
            state @ (ApprovalState::Pending
            | ApprovalState::Approved { .. }
            | ApprovalState::Denied { .. }
            | ApprovalState::Expired { .. }
            | ApprovalState::Cancelled { .. }
            | ApprovalState::Revoked { .. }) => Err(ApprovalError::State(state.name())),
        })
        .await
        .map(drop)
    }

    /// Nobody can know how the calls ended that a gateway began with an approval before it died.
    pub(crate) async fn end_redeeming(&self, gateway: &str) -> Result<(), Unavailable> {
        loop {
            let now = self.clock().now();
            let mut change = self.store().change().await?;
            let tick = change.next_tick().await?;
            let rows = change.redeeming_approvals(gateway).await?;
            if rows.is_empty() {
                return Ok(());
            }
            let ids: Vec<ApprovalId> = rows.iter().map(|row| row.approval.id).collect();
            for row in rows {
                if let ApprovalState::Redeeming { call, .. } = row.approval.state {
                    let state = ApprovalState::OutcomeUnknown { at: now, call };
                    let next = Approval { state, ..row.approval };
                    let next = ApprovalRow { approval: next, revision: row.revision };
                    match self.write_approval(&mut change, &next, None, None, now, tick).await? {
                        // Within the lock of the tick nobody else writes.
                        Written::Done | Written::Conflict => {}
                    }
                }
            }
            change.commit().await?;
            ids.iter().for_each(|id| self.0.watchers.tell(*id, tick));
            self.deliver().await?;
        }
    }
}

/// An approved call begins.
fn take(approval: &Approval, call: CallId, now: Timestamp) -> Result<Step, ApprovalError> {
    match &approval.state {
        ApprovalState::Approved { .. } => {
            Ok(to(approval, ApprovalState::Redeeming { at: now, call }, None))
        }
        ApprovalState::Redeeming { .. }
        | ApprovalState::Executed { .. }
        | ApprovalState::Failed { .. }
        | ApprovalState::OutcomeUnknown { .. } => Err(ApprovalError::Used),
        state @ (ApprovalState::Pending
        | ApprovalState::Denied { .. }
        | ApprovalState::Expired { .. }
        | ApprovalState::Cancelled { .. }
        | ApprovalState::Revoked { .. }) => Err(ApprovalError::State(state.name())),
    }
}
