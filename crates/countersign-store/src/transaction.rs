//! One transaction on either database, and the macro that runs a query on whichever it is.

use crate::{NOTIFY_CHANNEL, StoreError};
use sqlx::{Postgres, Sqlite};
use std::fmt;

/// A transaction: a change or a consistent view. Dropping it undoes what was not committed.
pub struct Transaction {
    pub(crate) inner: Inner,
    /// Whether other gateways should look.
    pub(crate) news: News,
}

pub(crate) enum Inner {
    Sqlite(sqlx::Transaction<'static, Sqlite>),
    Postgres(sqlx::Transaction<'static, Postgres>),
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum News {
    None,
    Some,
}

/// Runs the same body on the connection of whichever database is behind the transaction.
macro_rules! on {
    ($transaction:expr, |$connection:ident| $body:expr) => {
        match &mut $transaction.inner {
            $crate::transaction::Inner::Sqlite(inner) => {
                let $connection = &mut **inner;
                $body
            }
            $crate::transaction::Inner::Postgres(inner) => {
                let $connection = &mut **inner;
                $body
            }
        }
    };
}
pub(crate) use on;

impl Transaction {
    pub(crate) fn new(inner: Inner) -> Self {
        Self { inner, news: News::None }
    }

    /// Makes the change durable, and tells listening gateways.
    ///
    /// # Errors
    /// [`StoreError::Database`]. When the connection broke meanwhile, nobody can know whether the
    /// change was kept: whoever needs to know reads again.
    pub async fn commit(mut self) -> Result<(), StoreError> {
        if let (News::Some, Inner::Postgres(inner)) = (self.news, &mut self.inner) {
            sqlx::query("SELECT pg_notify($1, '')")
                .bind(NOTIFY_CHANNEL)
                .execute(&mut **inner)
                .await?;
        }
        match self.inner {
            Inner::Sqlite(inner) => inner.commit().await?,
            Inner::Postgres(inner) => inner.commit().await?,
        }
        Ok(())
    }
}

impl fmt::Debug for Transaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.inner {
            Inner::Sqlite(_) => "Transaction(SQLite)",
            Inner::Postgres(_) => "Transaction(PostgreSQL)",
        })
    }
}
