//! Brings the tables up to date, one transaction for all migrations that are missing.

use crate::{OpenError, Store, StoreError, Transaction, transaction::Inner, transaction::on};
use sqlx::AssertSqlSafe;

/// Every migration, in order. One that was released is never edited.
const MIGRATIONS: &[(i64, &str)] = &[
    (1, include_str!("../migrations/0001_facts.sql")),
    (2, include_str!("../migrations/0002_used_once.sql")),
    (3, include_str!("../migrations/0003_api_keys.sql")),
    (5, include_str!("../migrations/0005_session_ends.sql")),
    (6, include_str!("../migrations/0006_scim.sql")),
    (7, include_str!("../migrations/0007_heard.sql")),
    (8, include_str!("../migrations/0008_scim_groups.sql")),
    (PEOPLE, include_str!("../migrations/0009_people.sql")),
    (10, include_str!("../migrations/0010_reviews.sql")),
    (12, include_str!("../migrations/0012_usage.sql")),
    (13, include_str!("../migrations/0013_grant_life.sql")),
    (14, include_str!("../migrations/0014_notices.sql")),
    (15, include_str!("../migrations/0015_evidence.sql")),
    (16, include_str!("../migrations/0016_delegates.sql")),
    (17, include_str!("../migrations/0017_passkeys.sql")),
    (18, include_str!("../migrations/0018_file_grants.sql")),
    (19, include_str!("../migrations/0019_steps_by_time.sql")),
];

/// After this one, people of earlier facts are given the words that they are found by.
const PEOPLE: i64 = 9;

/// Two gateways that start at once migrate one after the other (PostgreSQL advisory lock).
const LOCK: i64 = 0x636f_756e_7465_7201;

pub(crate) async fn run(store: &Store) -> Result<(), OpenError> {
    let mut change = store.change().await.map_err(|error| failed(0, error))?;
    let applied = applied(&mut change).await.map_err(|source| migration(0, source))?;
    let known = MIGRATIONS.last().map_or(0, |(version, _)| *version);
    if applied > known {
        return Err(OpenError::TooNew { found: applied, known });
    }
    for (version, sql) in MIGRATIONS.iter().filter(|(version, _)| *version > applied) {
        apply(&mut change, *version, sql).await.map_err(|source| migration(*version, source))?;
        if *version == PEOPLE {
            change.find_all().await.map_err(|error| failed(PEOPLE, error))?;
        }
    }
    change.commit().await.map_err(|error| failed(known, error))
}

async fn applied(change: &mut Transaction) -> Result<i64, sqlx::Error> {
    if let Inner::Postgres(inner) = &mut change.inner {
        sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(LOCK).execute(&mut **inner).await?;
    }
    on!(change, |connection| {
        sqlx::query("CREATE TABLE IF NOT EXISTS migrations (version BIGINT PRIMARY KEY)")
            .execute(&mut *connection)
            .await?;
        let last: Option<i64> =
            sqlx::query_scalar("SELECT version FROM migrations ORDER BY version DESC LIMIT 1")
                .fetch_optional(connection)
                .await?;
        Ok(last.unwrap_or(0))
    })
}

async fn apply(change: &mut Transaction, version: i64, sql: &str) -> Result<(), sqlx::Error> {
    let (bytes, sequence, bytewise) = match &change.inner {
        Inner::Sqlite(_) => ("BLOB", "INTEGER PRIMARY KEY AUTOINCREMENT", "COLLATE BINARY"),
        Inner::Postgres(_) => {
            ("BYTEA", "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY", "COLLATE \"C\"")
        }
    };
    // The text is compiled in; only these three words are put in.
    let sql = sql.replace("{BYTES}", bytes).replace("{SEQUENCE}", sequence);
    let sql = AssertSqlSafe(sql.replace("{BYTEWISE}", bytewise));
    on!(change, |connection| {
        sqlx::raw_sql(sql).execute(&mut *connection).await?;
        sqlx::query("INSERT INTO migrations (version) VALUES ($1)")
            .bind(version)
            .execute(connection)
            .await?;
        Ok(())
    })
}

fn migration(version: i64, source: sqlx::Error) -> OpenError {
    OpenError::Migration { version, source }
}

fn failed(version: i64, error: StoreError) -> OpenError {
    match error {
        StoreError::Database(source) => migration(version, source),
        StoreError::Damaged { source, .. } => migration(version, sqlx::Error::Decode(source)),
        StoreError::TooLarge | StoreError::Late => migration(version, sqlx::Error::WorkerCrashed),
    }
}
