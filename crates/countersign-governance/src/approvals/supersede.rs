//! The end of a request that a repeat of the call can't join: its time is over, or the rules have
//! come to ask for more than its answers can give. Without this, the repeat would be sent back to a
//! request that never lets it run.

use crate::{Governance, Unavailable};
use countersign_model::{Approval, ApprovalState, Timestamp};
use countersign_store::{ApprovalRow, Transaction, Written};

impl Governance {
    pub(super) async fn supersede(
        &self,
        change: &mut Transaction,
        row: ApprovalRow,
        now: Timestamp,
        tick: u64,
    ) -> Result<(), Unavailable> {
        let state = match (row.approval.lapsed(now), &row.approval.state) {
            (Some(lapsed), _) => lapsed,
            (None, ApprovalState::Pending) => ApprovalState::Cancelled { at: now, because: None },
            (None, ApprovalState::Approved { .. }) => ApprovalState::Expired { at: now },
            (
                None,
                ApprovalState::Denied { .. }
                | ApprovalState::Expired { .. }
                | ApprovalState::Cancelled { .. }
                | ApprovalState::Revoked { .. }
                | ApprovalState::Redeeming { .. }
                | ApprovalState::Executed { .. }
                | ApprovalState::Failed { .. }
                | ApprovalState::OutcomeUnknown { .. },
            ) => return Ok(()),
        };
        let approval = Approval { state, ..row.approval };
        let next = ApprovalRow { approval, revision: row.revision };
        match self.write_approval(change, &next, None, None, now, tick).await? {
            // Within the lock of the tick nobody else writes.
            Written::Done | Written::Conflict => Ok(()),
        }
    }
}
