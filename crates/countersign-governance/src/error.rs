//! What kind of error an operation met, so that the one place that makes answers can choose a status.

use countersign_ledger::LedgerError;
use countersign_store::StoreError;

/// What kind of error an operation met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The thing does not exist, or the actor may not know that it does.
    NotFound,
    /// The actor may not do this.
    Forbidden,
    /// It has changed, or is in a state that does not allow this.
    Conflict,
    /// What was sent can't be right.
    Invalid,
    /// The store or the ledger can't be reached. Nothing that gives rights took effect.
    Unavailable,
}

/// The store or the ledger can't be reached, or holds what can't be read.
#[derive(Debug, thiserror::Error)]
pub enum Unavailable {
    /// The store of facts.
    #[error("the store of facts can't be used")]
    Store(#[from] StoreError),
    /// The ledger. What was asked for is stored, and its entry waits; what gives rights takes
    /// effect when the entry is written.
    #[error("the ledger can't be written; what gives rights takes effect when it can")]
    Ledger(#[from] LedgerError),
    /// Another gateway has not yet written the entry that this rests on.
    #[error("the ledger entry of an earlier change is not written yet")]
    EntryWaits,
    /// The policy could not be compiled.
    #[error("the policy could not be compiled")]
    Policy,
}

impl Unavailable {
    /// The code for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Store(_) => "store_unavailable",
            Self::Ledger(_) | Self::EntryWaits => "ledger_unavailable",
            Self::Policy => "policy_unavailable",
        }
    }
}
