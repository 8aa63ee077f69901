//! What grants were used for: rows that each gateway counts from its own ledger, and how far it has
//! counted. A gateway writes its own rows only, so that no two write the same; who reads adds them up.
//! What a row's history and arguments hold is governance's matter.

use crate::{StoreError, Transaction, approvals::Written, transaction::on};
use countersign_model::{CallId, FunctionName, GrantId, Subject, Timestamp};
use sqlx::AssertSqlSafe;

/// What one row is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UsageKey {
    /// Which grant carried the calls.
    pub grant: GrantId,
    /// Which function was called.
    pub function: FunctionName,
    /// Who used the grant: its holder, or a member of the group that holds it.
    pub subject: Subject,
}

/// What one gateway counted of one grant, function and user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageRow {
    /// What it is about.
    pub key: UsageKey,
    /// Calls that ran and succeeded, ever.
    pub used: u64,
    /// Calls that ran and failed, or of whose end nobody knows, ever.
    pub failed: u64,
    /// The first use ever.
    pub first_used_at: Option<Timestamp>,
    /// The last use ever.
    pub last_used_at: Option<Timestamp>,
    /// By time.
    pub history: Vec<u8>,
    /// By argument.
    pub arguments: Vec<u8>,
}

/// Calls of one subject to one function that did not run for one reason, in one week.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeniedRow {
    /// Whose.
    pub subject: Subject,
    /// To what.
    pub function: FunctionName,
    /// The reason's code.
    pub reason: String,
    /// The day on which the week begins, since 1970-01-01.
    pub week: i64,
    /// How many.
    pub calls: u64,
}

/// How far a gateway has counted its ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsagePosition {
    /// Which gateway.
    pub gateway: String,
    /// The id of the first entry of its log: another log has another.
    pub log: String,
    /// Entries that are counted: the number of the next one.
    pub entries: u64,
    /// When the first of them was written.
    pub began_at: Timestamp,
    /// Until when everything is counted.
    pub counted_until: Timestamp,
}

/// Rows of one statement.
const ROWS_AT_ONCE: usize = 64;
/// Names that one look-up has.
pub(crate) const NAMES_AT_ONCE: usize = 256;

const SELECT: &str =
    "SELECT grant_id, function, subject, used, failed, first_used_at, last_used_at,
     history, arguments
 FROM usage_of_grants";

type Columns = (String, String, String, i64, i64, Option<i64>, Option<i64>, Vec<u8>, Vec<u8>);

impl Transaction {
    /// A gateway's rows about these keys, where there are any.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn usage_rows(
        &mut self,
        gateway: &str,
        keys: &[UsageKey],
    ) -> Result<Vec<UsageRow>, StoreError> {
        let mut found = Vec::with_capacity(keys.len());
        let places = self.places();
        for some in keys.chunks(ROWS_AT_ONCE) {
            let sql = format!(
                "WITH keys (grant_id, function, subject) AS (VALUES {})
                 SELECT rows.grant_id, rows.function, rows.subject, used, failed, first_used_at,
                     last_used_at, history, arguments
                 FROM keys JOIN usage_of_grants AS rows ON rows.grant_id = keys.grant_id
                     AND rows.function = keys.function AND rows.subject = keys.subject
                 WHERE gateway = {}",
                places.rows(some.len(), 3, ""),
                places.one(some.len() * 3 + 1)
            );
            let rows: Vec<Columns> = on!(self, |connection| {
                let mut query = sqlx::query_as(AssertSqlSafe(sql));
                for key in some {
                    query = query
                        .bind(key.grant.to_string())
                        .bind(key.function.as_str())
                        .bind(key.subject.as_str());
                }
                query.bind(gateway).fetch_all(connection).await?
            });
            for row in rows {
                found.push(read(row)?);
            }
        }
        Ok(found)
    }

    /// All gateways' rows about these grants.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn usage_of(&mut self, grants: &[GrantId]) -> Result<Vec<UsageRow>, StoreError> {
        let mut found = Vec::with_capacity(grants.len());
        let places = self.places();
        for some in grants.chunks(NAMES_AT_ONCE) {
            let sql = format!("{SELECT} WHERE grant_id IN ({})", places.list(some.len(), 0));
            let rows: Vec<Columns> = on!(self, |connection| {
                let mut query = sqlx::query_as(AssertSqlSafe(sql));
                for grant in some {
                    query = query.bind(grant.to_string());
                }
                query.fetch_all(connection).await?
            });
            for row in rows {
                found.push(read(row)?);
            }
        }
        Ok(found)
    }

    /// All gateways' rows of what these subjects used, by whichever grants.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn usage_by(&mut self, subjects: &[Subject]) -> Result<Vec<UsageRow>, StoreError> {
        let mut found = Vec::new();
        let places = self.places();
        for some in subjects.chunks(NAMES_AT_ONCE) {
            let sql = format!("{SELECT} WHERE subject IN ({})", places.list(some.len(), 0));
            let rows: Vec<Columns> = on!(self, |connection| {
                let mut query = sqlx::query_as(AssertSqlSafe(sql));
                for subject in some {
                    query = query.bind(subject.as_str());
                }
                query.fetch_all(connection).await?
            });
            for row in rows {
                found.push(read(row)?);
            }
        }
        Ok(found)
    }

    /// Writes a gateway's rows, whole.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn write_usage(
        &mut self,
        gateway: &str,
        rows: &[UsageRow],
    ) -> Result<(), StoreError> {
        let places = self.places();
        for some in rows.chunks(ROWS_AT_ONCE) {
            let sql = format!(
                "INSERT INTO usage_of_grants (gateway, grant_id, function, subject, used, failed,
                     first_used_at, last_used_at, history, arguments)
                 VALUES {}
                 ON CONFLICT (grant_id, function, subject, gateway) DO UPDATE SET
                     used = excluded.used, failed = excluded.failed,
                     first_used_at = excluded.first_used_at,
                     last_used_at = excluded.last_used_at,
                     history = excluded.history, arguments = excluded.arguments",
                places.rows(some.len(), 10, "")
            );
            on!(self, |connection| {
                let mut query = sqlx::query(AssertSqlSafe(sql));
                for row in some {
                    query = query
                        .bind(gateway)
                        .bind(row.key.grant.to_string())
                        .bind(row.key.function.as_str())
                        .bind(row.key.subject.as_str())
                        .bind(number(row.used)?)
                        .bind(number(row.failed)?)
                        .bind(row.first_used_at.map(Timestamp::millis))
                        .bind(row.last_used_at.map(Timestamp::millis))
                        .bind(row.history.as_slice())
                        .bind(row.arguments.as_slice());
                }
                query.execute(connection).await?;
            });
        }
        Ok(())
    }

    /// Adds a gateway's calls that did not run. No two rows are about the same.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn add_denied(
        &mut self,
        gateway: &str,
        rows: &[DeniedRow],
    ) -> Result<(), StoreError> {
        let places = self.places();
        for some in rows.chunks(ROWS_AT_ONCE) {
            let sql = format!(
                "INSERT INTO usage_denied (gateway, subject, function, reason, week, calls)
                 VALUES {}
                 ON CONFLICT (subject, function, reason, week, gateway) DO UPDATE SET
                     calls = usage_denied.calls + excluded.calls",
                places.rows(some.len(), 6, "")
            );
            on!(self, |connection| {
                let mut query = sqlx::query(AssertSqlSafe(sql));
                for row in some {
                    query = query
                        .bind(gateway)
                        .bind(row.subject.as_str())
                        .bind(row.function.as_str())
                        .bind(row.reason.as_str())
                        .bind(row.week)
                        .bind(number(row.calls)?);
                }
                query.execute(connection).await?;
            });
        }
        Ok(())
    }

    /// What did not run of these subjects' calls from a week on, all gateways together.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn denied_of(
        &mut self,
        subjects: &[Subject],
        from: i64,
    ) -> Result<Vec<DeniedRow>, StoreError> {
        let mut found = Vec::new();
        let places = self.places();
        for some in subjects.chunks(NAMES_AT_ONCE) {
            let sql = format!(
                "SELECT subject, function, reason, week, calls FROM usage_denied
                 WHERE week >= {} AND subject IN ({})",
                places.one(1),
                places.list(some.len(), 1)
            );
            let rows: Vec<(String, String, String, i64, i64)> = on!(self, |connection| {
                let mut query = sqlx::query_as(AssertSqlSafe(sql)).bind(from);
                for subject in some {
                    query = query.bind(subject.as_str());
                }
                query.fetch_all(connection).await?
            });
            found.extend(rows.into_iter().map(|(subject, function, reason, week, calls)| {
                DeniedRow {
                    subject: Subject::new(subject),
                    function: FunctionName::new(function),
                    reason,
                    week,
                    calls: calls.unsigned_abs(),
                }
            }));
        }
        Ok(found)
    }

    /// A gateway's intents without an outcome, by call.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn open_calls(&mut self, gateway: &str) -> Result<Vec<(CallId, String)>, StoreError> {
        let rows: Vec<(String, String)> = on!(self, |connection| {
            sqlx::query_as("SELECT call, document FROM usage_open WHERE gateway = $1")
                .bind(gateway)
                .fetch_all(connection)
                .await?
        });
        let read = |(call, document): (String, String)| {
            let call =
                call.parse().map_err(|bad| StoreError::damaged("call's id")(Box::new(bad)))?;
            Ok((call, document))
        };
        rows.into_iter().map(read).collect()
    }

    /// Keeps intents that have no outcome yet.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn add_open_calls(
        &mut self,
        gateway: &str,
        calls: &[(CallId, String)],
    ) -> Result<(), StoreError> {
        let places = self.places();
        for some in calls.chunks(ROWS_AT_ONCE) {
            let sql = format!(
                "INSERT INTO usage_open (gateway, call, document) VALUES {}",
                places.rows(some.len(), 3, "")
            );
            on!(self, |connection| {
                let mut query = sqlx::query(AssertSqlSafe(sql));
                for (call, document) in some {
                    query = query.bind(gateway).bind(call.to_string()).bind(document.as_str());
                }
                query.execute(connection).await?;
            });
        }
        Ok(())
    }

    /// Forgets intents that have an outcome now.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remove_open_calls(
        &mut self,
        gateway: &str,
        calls: &[CallId],
    ) -> Result<(), StoreError> {
        let places = self.places();
        for some in calls.chunks(NAMES_AT_ONCE) {
            let sql = format!(
                "DELETE FROM usage_open WHERE gateway = {} AND call IN ({})",
                places.one(1),
                places.list(some.len(), 1)
            );
            on!(self, |connection| {
                let mut query = sqlx::query(AssertSqlSafe(sql)).bind(gateway);
                for call in some {
                    query = query.bind(call.to_string());
                }
                query.execute(connection).await?;
            });
        }
        Ok(())
    }

    /// Forgets all of a gateway's intents: another log has others.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn clear_open_calls(&mut self, gateway: &str) -> Result<(), StoreError> {
        on!(self, |connection| {
            sqlx::query("DELETE FROM usage_open WHERE gateway = $1")
                .bind(gateway)
                .execute(connection)
                .await?;
        });
        Ok(())
    }

    /// How far each gateway has counted, by name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn usage_positions(&mut self) -> Result<Vec<UsagePosition>, StoreError> {
        let rows: Vec<(String, String, i64, i64, i64)> = on!(self, |connection| {
            sqlx::query_as(
                "SELECT gateway, log, entries, began_at, counted_until FROM usage_positions
                 ORDER BY gateway",
            )
            .fetch_all(connection)
            .await?
        });
        let read = |(gateway, log, entries, began_at, until): (String, String, i64, i64, i64)| {
            UsagePosition {
                gateway,
                log,
                entries: entries.unsigned_abs(),
                began_at: Timestamp::from_millis(began_at),
                counted_until: Timestamp::from_millis(until),
            }
        };
        Ok(rows.into_iter().map(read).collect())
    }

    /// Moves a gateway's position from so many entries on; [`Written::Conflict`] when it does not stand
    /// there. A first position, and one in another log, is moved from 0.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn move_usage_position(
        &mut self,
        from: u64,
        to: &UsagePosition,
    ) -> Result<Written, StoreError> {
        let written = on!(self, |connection| {
            sqlx::query(
                "INSERT INTO usage_positions AS stands
                     (gateway, log, entries, began_at, counted_until)
                 VALUES ($1, $2, $3, $4, $5)
                 ON CONFLICT (gateway) DO UPDATE SET log = excluded.log,
                     entries = excluded.entries, counted_until = excluded.counted_until
                 WHERE (stands.log = excluded.log AND stands.entries = $6)
                     OR (stands.log <> excluded.log AND $6 = 0)",
            )
            .bind(&to.gateway)
            .bind(&to.log)
            .bind(number(to.entries)?)
            .bind(to.began_at.millis())
            .bind(to.counted_until.millis())
            .bind(number(from)?)
            .execute(connection)
            .await?
            .rows_affected()
        });
        Ok(Written::of(written))
    }

    /// Gateways that are alive or were so lately, and when they last said so.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn gateways_seen(&mut self) -> Result<Vec<(String, Timestamp)>, StoreError> {
        let rows: Vec<(String, i64)> = on!(self, |connection| {
            sqlx::query_as("SELECT name, seen_at FROM gateways ORDER BY name LIMIT 1000")
                .fetch_all(connection)
                .await?
        });
        let seen = |(name, at): (String, i64)| (name, Timestamp::from_millis(at));
        Ok(rows.into_iter().map(seen).collect())
    }
}

fn read(row: Columns) -> Result<UsageRow, StoreError> {
    let (grant, function, subject, used, failed, first, last, history, arguments) = row;
    let damaged = StoreError::damaged("grant's id");
    Ok(UsageRow {
        key: UsageKey {
            grant: grant.parse().map_err(|error| damaged(Box::new(error)))?,
            function: FunctionName::new(function),
            subject: Subject::new(subject),
        },
        used: used.unsigned_abs(),
        failed: failed.unsigned_abs(),
        first_used_at: first.map(Timestamp::from_millis),
        last_used_at: last.map(Timestamp::from_millis),
        history,
        arguments,
    })
}

fn number(it: u64) -> Result<i64, StoreError> {
    i64::try_from(it).map_err(|_| StoreError::TooLarge)
}
