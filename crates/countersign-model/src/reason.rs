//! Why the gateway said what it said: one code for each thing that can happen to a call.

use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! reasons {
    ($($(#[doc = $doc:literal])* $name:ident = $code:literal,)*) => {
        /// A reason code. Stable: programs match on it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Reason {
            $($(#[doc = $doc])* #[serde(rename = $code)] $name,)*
        }

        impl Reason {
            /// Every reason, in the order in which a call can meet them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The code as callers and the ledger see it.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// What it means, in a sentence.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),*).trim_ascii(),)* }
            }
        }
    };
}

reasons! {
    /// A reviewed grant carries the call.
    Granted = "granted",
    /// The grant is overdue, and the function's rule only warns.
    GrantOverdueWarned = "grant_overdue_warned",
    /// A human approved exactly this call.
    Approved = "approved",
    /// The gateway is ending and takes no new calls.
    Draining = "draining",
    /// The gateway has more calls in hand than it may.
    Overloaded = "overloaded",
    /// The call carries no token, or one that does not prove who is calling.
    Unidentified = "unidentified",
    /// The request can be read in more than one way, or not at all.
    RequestAmbiguous = "request_ambiguous",
    /// The request is larger than the target's limit.
    RequestTooLarge = "request_too_large",
    /// No catalogued function answers to this method and path.
    NotCatalogued = "not_catalogued",
    /// The gateway could not confirm that its policy is current.
    PolicyStale = "policy_stale",
    /// Calls are stopped by the kill switch.
    KillSwitch = "kill_switch",
    /// Everybody who answers for the function has left or is suspended, for longer than may be.
    NoLivingOwner = "no_living_owner",
    /// The subject, or an actor in its chain, is suspended.
    SubjectSuspended = "subject_suspended",
    /// The directory that keeps the subject, or an actor in its chain, has deactivated it.
    SubjectDeactivated = "subject_deactivated",
    /// The directory has deactivated the sponsor of an agent in the chain: nobody answers for it.
    SponsorDeactivated = "sponsor_deactivated",
    /// What somebody denied to this caller, whatever their grants say.
    Denied = "denied",
    /// No grant lets this caller call this function.
    NoGrant = "no_grant",
    /// The grant has expired.
    GrantExpired = "grant_expired",
    /// The grant was revoked.
    GrantRevoked = "grant_revoked",
    /// The grant is suspended.
    GrantSuspended = "grant_suspended",
    /// The caller also holds, since earlier, what must not be in one hand with this function.
    SeparationOfDuties = "separation_of_duties",
    /// The token lacks a scope that the function asks for.
    MissingScope = "missing_scope",
    /// The arguments break the function's input schema.
    ArgumentsInvalid = "arguments_invalid",
    /// The arguments are outside the grant's constraints.
    OutsideConstraints = "outside_constraints",
    /// The caller made more calls than its rate allows.
    RateLimited = "rate_limited",
    /// A rule of the function blocks such a call.
    BlockedByRule = "blocked_by_rule",
    /// The grant's review is overdue.
    GrantOverdue = "grant_overdue",
    /// A rule of the function wants a human's approval.
    ApprovalRequired = "approval_required",
    /// A human denied this call.
    ApprovalDenied = "approval_denied",
    /// Nobody answered in time, or the approval was not used in time.
    ApprovalExpired = "approval_expired",
    /// The approval was used by another call already.
    ApprovalUsed = "approval_used",
    /// The request for approval was withdrawn.
    ApprovalCancelled = "approval_cancelled",
    /// This caller has as many held calls as it may.
    TooManyHeld = "too_many_held",
    /// The ledger can't be written, and nothing runs without a record.
    LedgerUnavailable = "ledger_unavailable",
    /// The store of facts can't be reached.
    StoreUnavailable = "store_unavailable",
    /// The target can't be reached, or its credential is missing.
    TargetUnreachable = "target_unreachable",
    /// The target did not answer in time. The call may have run.
    TargetTimeout = "target_timeout",
    /// The target broke the protocol. The call may have run.
    TargetBroken = "target_broken",
    /// The answer is larger than the target's limit.
    ResponseTooLarge = "response_too_large",
    /// The answer holds what must be masked, and can't be masked.
    UnmaskableResponse = "unmaskable_response",
    /// Nobody can know whether the call ran: the gateway ended in the middle of it.
    OutcomeUnknown = "outcome_unknown",
    /// The call was cut: the subject, or an actor in its chain, was suspended. It may have run.
    CutBySuspension = "cut_by_suspension",
    /// The call was cut: somebody in its chain, or who answers for an agent in it, was deactivated.
    /// It may have run.
    CutByDeactivation = "cut_by_deactivation",
    /// The call was cut: the session that it rests on was ended. It may have run.
    CutBySessionEnd = "cut_by_session_end",
    /// The call was cut: its grant was revoked or suspended, or does not reach it any more. It may have run.
    CutByRevoke = "cut_by_revoke",
    /// The call was cut: its grant expired. It may have run.
    CutByExpiry = "cut_by_expiry",
    /// The call was cut: somebody denied it to the caller. It may have run.
    CutByDenial = "cut_by_denial",
    /// The call was cut: a kill switch was turned on. It may have run.
    CutByKillSwitch = "cut_by_kill_switch",
    /// The call was cut: nobody answers for the function any more. It may have run.
    CutByNoOwner = "cut_by_no_owner",
    /// The caller went away before the answer was delivered whole.
    CallerGone = "caller_gone",
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}
