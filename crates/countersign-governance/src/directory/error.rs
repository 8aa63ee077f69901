//! Why what a directory said was not taken.

use crate::{ErrorKind, Unavailable};
use countersign_store::StoreError;

/// Why what a directory said was not taken.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// Another resource has this unique value.
    #[error("another resource has this {0}")]
    Taken(&'static str),
    /// There is no such resource in this directory.
    #[error("there is no such resource")]
    NotFound,
    /// A member is no user and no group of this directory.
    #[error("a member is no user and no group of this directory")]
    NoSuchMember,
    /// Groups within groups go deeper than is taken.
    #[error("groups are within groups {0} deep at most")]
    TooDeep(usize),
    /// Somebody else wrote it since it was read.
    #[error("it was changed meanwhile; read it again")]
    Changed,
    /// The directory has as many resources as it may.
    #[error("a directory has at most {0} of these")]
    TooMany(u64),
    /// The store or the ledger can't be used.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl DirectoryError {
    /// The code for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Taken(_) => "taken",
            Self::NotFound => "no_such_resource",
            Self::NoSuchMember => "no_such_member",
            Self::TooDeep(_) => "too_deep",
            Self::Changed => "changed_meanwhile",
            Self::TooMany(_) => "too_many",
            Self::Unavailable(unavailable) => unavailable.code(),
        }
    }

    /// What kind of error it is.
    pub fn status(&self) -> ErrorKind {
        match self {
            Self::Taken(_) | Self::Changed => ErrorKind::Conflict,
            Self::NotFound => ErrorKind::NotFound,
            Self::NoSuchMember | Self::TooDeep(_) | Self::TooMany(_) => ErrorKind::Invalid,
            Self::Unavailable(_) => ErrorKind::Unavailable,
        }
    }
}

impl From<StoreError> for DirectoryError {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error.into())
    }
}
