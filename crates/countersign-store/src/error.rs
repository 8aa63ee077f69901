//! What can go wrong with the store.

/// Why a query or a transaction failed. Nothing of the transaction is kept.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database can't be reached, or refused.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
    /// A stored value can't be read as what it should be.
    #[error("a stored {what} can't be read")]
    Damaged {
        /// What kind of value.
        what: &'static str,
        /// What is wrong with it.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A number is beyond what the database holds.
    #[error("a number is too large for the store")]
    TooLarge,
    /// The database did not answer in time.
    #[error("the database did not answer in time")]
    Late,
}

impl StoreError {
    pub(crate) fn damaged(
        what: &'static str,
    ) -> impl Fn(Box<dyn std::error::Error + Send + Sync>) -> Self {
        move |source| Self::Damaged { what, source }
    }
}

/// Why a store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL is of neither kind.
    #[error("a store's URL begins with sqlite: or postgres://")]
    UnknownKind,
    /// The URL can't be read. It is not repeated: it may hold a password.
    #[error("the store's URL can't be read")]
    BadUrl(#[source] sqlx::Error),
    /// An in-memory database would lose every grant with the process.
    #[error("the store must be a file")]
    InMemory,
    /// The file can't be made.
    #[error("{} can't be made", path.display())]
    File {
        /// Which.
        path: std::path::PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The database can't be reached.
    #[error("the database can't be reached")]
    Unreachable(#[source] sqlx::Error),
    /// The tables could not be made or brought up to date.
    #[error("migration {version} failed")]
    Migration {
        /// Which.
        version: i64,
        /// What the database said.
        #[source]
        source: sqlx::Error,
    },
    /// A newer version of Countersign has written there.
    #[error("the store has migration {found}, and this version knows {known} at most")]
    TooNew {
        /// The newest in the database.
        found: i64,
        /// The newest of this version.
        known: i64,
    },
}
