//! Items of campaigns: the snapshot, which is written once, and what people say, which is written at
//! each answer with a compare-and-set. Who is asked stands in a table of its own as well, so that what
//! waits for somebody is found by an index, over all campaigns.

use crate::{StoreError, Transaction, approvals::Written, transaction::on};
use countersign_model::{
    CampaignId, Digest, GrantId, Subject, Timestamp,
    review::{Answer, Item, ItemState, item::Reviewer},
};
use serde::{Deserialize, Serialize};
use sqlx::AssertSqlSafe;
use std::collections::BTreeMap;

/// Items that one statement adds at most.
pub const ITEMS_AT_ONCE_MAX: usize = 100;
/// Reviewers that one statement adds at most.
const REVIEWERS_AT_ONCE_MAX: usize = 250;
const ITEM_COLUMNS: usize = 10;
const REVIEWER_COLUMNS: usize = 4;

/// An item and the revision for its compare-and-set.
#[derive(Clone, Debug, PartialEq)]
pub struct ItemRow {
    /// The item.
    pub item: Item,
    /// Grows with every write.
    pub revision: i64,
}

/// The part of an item that changes.
#[derive(Serialize)]
struct Progress<'a> {
    stage: usize,
    reviewers: &'a [Reviewer],
    #[serde(skip_serializing_if = "<[Answer]>::is_empty")]
    answers: &'a [Answer],
    state: &'a ItemState,
}

/// The same, as it is read.
#[derive(Deserialize)]
struct ReadProgress {
    stage: usize,
    reviewers: Vec<Reviewer>,
    #[serde(default)]
    answers: Vec<Answer>,
    state: ItemState,
}

pub(super) type ItemColumns = (String, String, String, String, String, i64);

/// The columns of an item, in the order that [`read`] takes them.
pub(super) const COLUMNS: &str = "review_items.campaign, review_items.item, review_items.digest,
    review_items.document, review_items.snapshot, review_items.revision";

/// An item, ready to be bound.
struct Columns {
    item: String,
    state: &'static str,
    result: &'static str,
    sensitivity: String,
    advice: &'static str,
    verify: i64,
    digest: String,
    document: String,
    snapshot: String,
}

impl Columns {
    fn of(item: &Item) -> Result<Self, StoreError> {
        let progress = Progress {
            stage: item.stage,
            reviewers: &item.reviewers,
            answers: &item.answers,
            state: &item.state,
        };
        Ok(Self {
            item: item.grant.to_string(),
            state: item.state.name(),
            result: item.state.result().map_or("", |it| it.name()),
            sensitivity: item.snapshot.sensitivity.to_string(),
            advice: item.snapshot.recommendation.advice.name(),
            verify: i64::from(item.state.is_unverified()),
            digest: item.digest.to_string(),
            document: crate::write_json("item", &progress)?,
            snapshot: crate::write_json("snapshot", &item.snapshot)?,
        })
    }
}

impl Transaction {
    /// Adds items of a campaign, [`ITEMS_AT_ONCE_MAX`] a statement.
    ///
    /// # Errors
    /// [`StoreError`]; also if one of them is there.
    pub async fn add_items(&mut self, id: CampaignId, items: &[Item]) -> Result<(), StoreError> {
        let id = id.to_string();
        for chunk in items.chunks(ITEMS_AT_ONCE_MAX) {
            let sql = insert(
                "review_items (campaign, item, state, result, sensitivity, advice, verify, digest,
                 document, snapshot, revision)",
                &self.places().rows(chunk.len(), ITEM_COLUMNS, ", 1"),
            );
            let rows = chunk.iter().map(Columns::of).collect::<Result<Vec<_>, _>>()?;
            on!(self, |connection| {
                let mut query = sqlx::query(AssertSqlSafe(sql));
                for row in &rows {
                    query = query
                        .bind(&id)
                        .bind(&row.item)
                        .bind(row.state)
                        .bind(row.result)
                        .bind(&row.sensitivity)
                        .bind(row.advice)
                        .bind(row.verify)
                        .bind(&row.digest)
                        .bind(&row.document)
                        .bind(&row.snapshot);
                }
                query.execute(connection).await?;
            });
        }
        let asked: Vec<(String, &Subject, i64)> = items
            .iter()
            .flat_map(|item| {
                let grant = item.grant.to_string();
                asked(item).into_iter().map(move |(who, waits)| (grant.clone(), who, waits))
            })
            .collect();
        self.add_reviewers(&id, &asked).await
    }

    async fn add_reviewers(
        &mut self,
        campaign: &str,
        asked: &[(String, &Subject, i64)],
    ) -> Result<(), StoreError> {
        for chunk in asked.chunks(REVIEWERS_AT_ONCE_MAX) {
            let into = "review_reviewers (campaign, item, reviewer, waits)";
            let sql = insert(into, &self.places().rows(chunk.len(), REVIEWER_COLUMNS, ""));
            on!(self, |connection| {
                let mut query = sqlx::query(AssertSqlSafe(sql));
                for (item, reviewer, waits) in chunk {
                    query = query.bind(campaign).bind(item).bind(reviewer.as_str()).bind(*waits);
                }
                query.execute(connection).await?;
            });
        }
        Ok(())
    }

    /// Removes all items of a campaign: those of a snapshot that was not finished.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn remove_items(&mut self, id: CampaignId) -> Result<(), StoreError> {
        let id = id.to_string();
        on!(self, |connection| {
            sqlx::query("DELETE FROM review_reviewers WHERE campaign = $1")
                .bind(&id)
                .execute(&mut *connection)
                .await?;
            sqlx::query("DELETE FROM review_items WHERE campaign = $1")
                .bind(&id)
                .execute(connection)
                .await?;
        });
        Ok(())
    }

    /// An item of a campaign.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn item(
        &mut self,
        campaign: CampaignId,
        grant: GrantId,
    ) -> Result<Option<ItemRow>, StoreError> {
        let (campaign, grant) = (campaign.to_string(), grant.to_string());
        let sql = format!("SELECT {COLUMNS} FROM review_items WHERE campaign = $1 AND item = $2");
        let row: Option<ItemColumns> = on!(self, |connection| {
            sqlx::query_as(AssertSqlSafe(sql))
                .bind(&campaign)
                .bind(&grant)
                .fetch_optional(connection)
                .await?
        });
        row.map(read).transpose()
    }

    /// Writes what people said of an item, if nobody else has written since it was read. The snapshot
    /// stays as it is.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn write_item(&mut self, next: &ItemRow) -> Result<Written, StoreError> {
        let campaign = next.item.campaign.to_string();
        let row = Columns::of(&next.item)?;
        let written = on!(self, |connection| {
            sqlx::query(
                "UPDATE review_items SET state = $1, result = $2, verify = $3, document = $4,
                     revision = revision + 1
                 WHERE campaign = $5 AND item = $6 AND revision = $7",
            )
            .bind(row.state)
            .bind(row.result)
            .bind(row.verify)
            .bind(&row.document)
            .bind(&campaign)
            .bind(&row.item)
            .bind(next.revision)
            .execute(connection)
            .await?
            .rows_affected()
        });
        let written = Written::of(written);
        if written == Written::Conflict {
            return Ok(written);
        }
        on!(self, |connection| {
            sqlx::query("DELETE FROM review_reviewers WHERE campaign = $1 AND item = $2")
                .bind(&campaign)
                .bind(&row.item)
                .execute(connection)
                .await?;
        });
        let asked: Vec<(String, &Subject, i64)> = asked(&next.item)
            .into_iter()
            .map(|(who, waits)| (row.item.clone(), who, waits))
            .collect();
        self.add_reviewers(&campaign, &asked).await?;
        Ok(written)
    }

    /// Says when what was decided about some items was seen on every gateway.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn verify_item(
        &mut self,
        row: &ItemRow,
        at: Timestamp,
    ) -> Result<Written, StoreError> {
        let mut next = row.clone();
        match &mut next.item.state {
            ItemState::Decided(outcome) => outcome.verified_at = Some(at),
            ItemState::Open | ItemState::Suspended { .. } | ItemState::Moot { .. } => {
                return Ok(Written::Conflict);
            }
        }
        self.write_item(&next).await
    }

    /// The snapshots' digests of a campaign's items in the order of their grants' ids, after one of
    /// them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn item_digests(
        &mut self,
        campaign: CampaignId,
        after: Option<GrantId>,
        limit: u32,
    ) -> Result<Vec<(GrantId, Digest)>, StoreError> {
        let campaign = campaign.to_string();
        let after = after.map_or_else(String::new, |it| it.to_string());
        let rows: Vec<(String, String)> = on!(self, |connection| {
            sqlx::query_as(
                "SELECT item, digest FROM review_items WHERE campaign = $1 AND item > $2
                 ORDER BY item LIMIT $3",
            )
            .bind(&campaign)
            .bind(&after)
            .bind(i64::from(limit))
            .fetch_all(connection)
            .await?
        });
        rows.iter().map(|(item, digest)| Ok((parsed(item)?, parsed(digest)?))).collect()
    }
}

/// Whoever is or was asked about an item, and 1 where their answer is waited for.
fn asked(item: &Item) -> BTreeMap<&Subject, i64> {
    let before = item.answers.iter().map(|it| (&it.by, 0));
    let mut all: BTreeMap<&Subject, i64> = before.collect();
    for reviewer in &item.reviewers {
        all.insert(&reviewer.subject, i64::from(item.waits_for(&reviewer.subject)));
    }
    all
}

fn insert(into: &str, rows: &str) -> String {
    format!("INSERT INTO {into} VALUES {rows}")
}

pub(super) fn read(columns: ItemColumns) -> Result<ItemRow, StoreError> {
    let (campaign, grant, digest, document, snapshot, revision) = columns;
    let ReadProgress { stage, reviewers, answers, state } = crate::read_json("item", &document)?;
    let item = Item {
        campaign: parsed(&campaign)?,
        grant: parsed(&grant)?,
        snapshot: crate::read_json("snapshot", &snapshot)?,
        digest: parsed(&digest)?,
        stage,
        reviewers,
        answers,
        state,
    };
    Ok(ItemRow { item, revision })
}

pub(super) fn parsed<T>(text: &str) -> Result<T, StoreError>
where
    T: std::str::FromStr,
    T::Err: std::error::Error + Send + Sync + 'static,
{
    text.parse().map_err(|error| StoreError::damaged("item")(Box::new(error)))
}
