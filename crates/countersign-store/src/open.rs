//! Opening a store: which database, how it is set up, and the real error when it is not there.

use crate::{OpenError, StoreError, Transaction, migrate, transaction::Inner};
use sqlx::{
    ConnectOptions as _, Connection as _, PgPool, SqlitePool,
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use std::{path::Path, str::FromStr as _, sync::Arc, time::Duration};

/// Connections that read an SQLite file beside the one that writes.
const SQLITE_READERS_MAX: u32 = 4;
/// How much of an SQLite file the connection that writes keeps in memory, in KiB: negative, as SQLite has
/// it. With its default of 2 MiB, most of the time of counting use went into reading pages again.
const SQLITE_WRITER_CACHE_KIB: &str = "-32768";
/// Pages (of 4 KiB) of the write-ahead log from which on they are copied into the file. A batch of counted
/// calls has some thousands: with the default of 1,000, each commit copied them all.
const SQLITE_CHECKPOINT_PAGES: &str = "8000";
/// Connections to PostgreSQL.
const POSTGRES_CONNECTIONS_MAX: u32 = 16;
/// How long a query waits for a free connection.
const ACQUIRE_WITHIN: Duration = Duration::from_secs(5);
/// How long a write waits for another process that writes to the same file.
const BUSY_WITHIN: Duration = Duration::from_secs(5);

/// Where facts are kept. Clones share connections.
#[derive(Clone, Debug)]
pub struct Store {
    pools: Arc<Pools>,
}

/// Which database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// A file; one gateway.
    Sqlite,
    /// A server; many gateways.
    Postgres,
}

#[derive(Debug)]
enum Pools {
    /// One connection writes, so that writers queue here and not in the file's lock.
    Sqlite {
        reads: SqlitePool,
        writes: SqlitePool,
    },
    Postgres(PgPool),
}

impl Store {
    /// Opens `sqlite:PATH` or `postgres://…`, and brings its tables up to date. A file that does
    /// not exist is made, for its owner's eyes only.
    ///
    /// # Errors
    /// See [`OpenError`]; the real cause is its source.
    pub async fn open(url: &str) -> Result<Self, OpenError> {
        let pools = if url.starts_with("sqlite:") {
            open_sqlite(url).await?
        } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            open_postgres(url).await?
        } else {
            return Err(OpenError::UnknownKind);
        };
        let store = Self { pools: Arc::new(pools) };
        migrate::run(&store).await?;
        Ok(store)
    }

    /// Which database it is.
    pub fn engine(&self) -> Engine {
        match *self.pools {
            Pools::Sqlite { .. } => Engine::Sqlite,
            Pools::Postgres(_) => Engine::Postgres,
        }
    }

    /// Begins a change. Dropping it without [`Transaction::commit`] undoes it.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn change(&self) -> Result<Transaction, StoreError> {
        let inner = match &*self.pools {
            // IMMEDIATE takes the write lock at once: a transaction that reads first and writes
            // later could otherwise fail half-way with SQLITE_BUSY_SNAPSHOT.
            Pools::Sqlite { writes, .. } => {
                Inner::Sqlite(writes.begin_with("BEGIN IMMEDIATE").await?)
            }
            Pools::Postgres(pool) => Inner::Postgres(pool.begin().await?),
        };
        Ok(Transaction::new(inner))
    }

    /// Begins a consistent view: all its reads see one moment.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn view(&self) -> Result<Transaction, StoreError> {
        let inner = match &*self.pools {
            Pools::Sqlite { reads, .. } => Inner::Sqlite(reads.begin().await?),
            Pools::Postgres(pool) => Inner::Postgres(
                pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?,
            ),
        };
        Ok(Transaction::new(inner))
    }

    /// The pool that a listener connects with; `None` where there is nobody to listen to.
    pub(crate) fn postgres(&self) -> Option<&PgPool> {
        match &*self.pools {
            Pools::Sqlite { .. } => None,
            Pools::Postgres(pool) => Some(pool),
        }
    }

    /// Closes every connection. What is asked afterwards fails.
    pub async fn close(&self) {
        match &*self.pools {
            Pools::Sqlite { reads, writes } => {
                reads.close().await;
                // The last connection folds the write-ahead log into the file.
                writes.close().await;
            }
            Pools::Postgres(pool) => pool.close().await,
        }
    }
}

async fn open_sqlite(url: &str) -> Result<Pools, OpenError> {
    let options = SqliteConnectOptions::from_str(url).map_err(OpenError::BadUrl)?;
    if url.contains(":memory:") || url.contains("mode=memory") {
        return Err(OpenError::InMemory);
    }
    make_file(options.get_filename())?;
    let options = options
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY_WITHIN)
        .disable_statement_logging();
    // A pool says only that it timed out; one connection says why.
    let probe =
        sqlx::SqliteConnection::connect_with(&options).await.map_err(OpenError::Unreachable)?;
    probe.close().await.map_err(OpenError::Unreachable)?;
    let pool = |connections| {
        SqlitePoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(ACQUIRE_WITHIN)
            .idle_timeout(None)
            .max_lifetime(None)
            // When a write fails for want of room, SQLite itself undoes the transaction; sqlx then
            // finds nothing to undo, believes for ever that a transaction is open, and begins no
            // other. Such a connection is replaced.
            .before_acquire(|connection, _| {
                let usable = !connection.is_in_transaction();
                Box::pin(async move { Ok(usable) })
            })
    };
    let writer = options
        .clone()
        .pragma("cache_size", SQLITE_WRITER_CACHE_KIB)
        .pragma("wal_autocheckpoint", SQLITE_CHECKPOINT_PAGES);
    let writes = pool(1).connect_with(writer).await.map_err(OpenError::Unreachable)?;
    let reads = pool(SQLITE_READERS_MAX)
        .connect_with(options.pragma("query_only", "ON"))
        .await
        .map_err(OpenError::Unreachable)?;
    Ok(Pools::Sqlite { reads, writes })
}

/// SQLite would make the file readable by all whom the umask lets; its companions take its mode.
fn make_file(path: &Path) -> Result<(), OpenError> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
        .open(path)
        .map(drop)
        .map_err(|source| OpenError::File { path: path.to_path_buf(), source })
}

async fn open_postgres(url: &str) -> Result<Pools, OpenError> {
    let options = PgConnectOptions::from_str(url)
        .map_err(OpenError::BadUrl)?
        .application_name("countersign")
        .disable_statement_logging();
    let probe = sqlx::PgConnection::connect_with(&options).await.map_err(OpenError::Unreachable)?;
    probe.close().await.map_err(OpenError::Unreachable)?;
    let pool = PgPoolOptions::new()
        .max_connections(POSTGRES_CONNECTIONS_MAX)
        .acquire_timeout(ACQUIRE_WITHIN)
        .connect_with(options)
        .await
        .map_err(OpenError::Unreachable)?;
    Ok(Pools::Postgres(pool))
}
