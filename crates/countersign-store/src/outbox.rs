//! Ledger entries that are committed with their fact and wait to be written into the ledger.

use crate::{StoreError, Transaction, transaction::on};
use countersign_model::ids::EntryId;

/// When the fact beside an entry is in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// With the commit: what takes rights away, and what changes none.
    AtCommit,
    /// When the entry is in the ledger: what gives rights.
    AtDelivery,
}

impl Effect {
    fn name(self) -> &'static str {
        match self {
            Self::AtCommit => "at_commit",
            Self::AtDelivery => "at_delivery",
        }
    }
}

/// An entry to be committed with its fact.
#[derive(Clone, Debug)]
pub struct NewEntry<'a> {
    /// The entry's name.
    pub id: EntryId,
    /// The gateway whose ledger it goes into.
    pub gateway: &'a str,
    /// The id of what it is about.
    pub about: &'a str,
    /// When the fact beside it is in force.
    pub effect: Effect,
    /// The entry.
    pub entry: &'a [u8],
}

/// An entry that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Its place in the order.
    pub sequence: i64,
    /// Its name.
    pub id: String,
    /// When the fact beside it is in force.
    pub effect: Effect,
    /// The entry.
    pub entry: Vec<u8>,
}

/// Entries that one look takes at most.
const WAITING_MAX: i64 = 512;

impl Transaction {
    /// Keeps an entry until the ledger has it.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn keep_entry(&mut self, new: &NewEntry<'_>) -> Result<(), StoreError> {
        let id = new.id.to_string();
        on!(self, |connection| {
            sqlx::query(
                "INSERT INTO outbox (id, gateway, about, effect, entry)
                 VALUES ($1, $2, $3, $4, $5)",
            )
            .bind(&id)
            .bind(new.gateway)
            .bind(new.about)
            .bind(new.effect.name())
            .bind(new.entry)
            .execute(connection)
            .await?;
        });
        Ok(())
    }

    /// A gateway's entries that wait, oldest first, some hundreds at most.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn waiting_entries(&mut self, gateway: &str) -> Result<Vec<Waiting>, StoreError> {
        let rows: Vec<(i64, String, String, Vec<u8>)> = on!(self, |connection| {
            sqlx::query_as(
                "SELECT sequence, id, effect, entry FROM outbox WHERE gateway = $1
                 ORDER BY sequence LIMIT $2",
            )
            .bind(gateway)
            .bind(WAITING_MAX)
            .fetch_all(connection)
            .await?
        });
        let row = |(sequence, id, effect, entry): (i64, String, String, Vec<u8>)| {
            let effect = match effect.as_str() {
                "at_commit" => Effect::AtCommit,
                // Absence denies: what can't be read waits for its delivery.
                _ => Effect::AtDelivery,
            };
            Waiting { sequence, id, effect, entry }
        };
        Ok(rows.into_iter().map(row).collect())
    }

    /// How many entries about one thing wait, whatever the gateway.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn entries_wait_about(&mut self, about: &str) -> Result<u64, StoreError> {
        let count: i64 = on!(self, |connection| {
            sqlx::query_scalar("SELECT count(*) FROM outbox WHERE about = $1")
                .bind(about)
                .fetch_one(connection)
                .await?
        });
        Ok(count.unsigned_abs())
    }

    /// Forgets entries that the ledger has, and brings into force what waited for them.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn delivered(&mut self, entries: &[Waiting]) -> Result<(), StoreError> {
        let gives = entries.iter().any(|it| it.effect == Effect::AtDelivery);
        let epoch = if gives { self.next_epoch().await?.0 } else { 0 };
        let epoch = i64::try_from(epoch).map_err(|_| StoreError::TooLarge)?;
        for waiting in entries {
            let gone = on!(self, |connection| {
                sqlx::query("DELETE FROM outbox WHERE sequence = $1")
                    .bind(waiting.sequence)
                    .execute(connection)
                    .await?
                    .rows_affected()
            });
            if gone == 1 && waiting.effect == Effect::AtDelivery {
                self.in_force(&waiting.id, epoch).await?;
            }
        }
        Ok(())
    }

    /// Gives entries of a gateway that is gone to another one.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn adopt_entries(&mut self, from: &str, to: &str) -> Result<u64, StoreError> {
        let adopted = on!(self, |connection| {
            sqlx::query("UPDATE outbox SET gateway = $1 WHERE gateway = $2")
                .bind(to)
                .bind(from)
                .execute(connection)
                .await?
                .rows_affected()
        });
        Ok(adopted)
    }

    async fn in_force(&mut self, entry: &str, epoch: i64) -> Result<(), StoreError> {
        on!(self, |connection| {
            sqlx::query("UPDATE grants SET epoch = $1, previous = NULL WHERE entry = $2")
                .bind(epoch)
                .bind(entry)
                .execute(&mut *connection)
                .await?;
            sqlx::query("DELETE FROM suspensions WHERE lifted_by = $1")
                .bind(entry)
                .execute(&mut *connection)
                .await?;
            sqlx::query(
                "UPDATE scim_names SET deactivation = NULL, lifted_by = NULL WHERE lifted_by = $1",
            )
            .bind(entry)
            .execute(&mut *connection)
            .await?;
            sqlx::query(
                "UPDATE scim_names SET groups_in_force = coalesce(groups_told, '[]'),
                     groups_given_by = NULL, groups_epoch = $1 WHERE groups_given_by = $2",
            )
            .bind(epoch)
            .bind(entry)
            .execute(&mut *connection)
            .await?;
            sqlx::query("DELETE FROM denials WHERE lifted_by = $1")
                .bind(entry)
                .execute(&mut *connection)
                .await?;
            sqlx::query("DELETE FROM kills WHERE lifted_by = $1")
                .bind(entry)
                .execute(connection)
                .await?;
        });
        Ok(())
    }
}
