//! Lists and counts of items: by campaign, by who is asked, by state, and by what happened to their
//! grants.

use super::items::{COLUMNS, ItemColumns, ItemRow, parsed, read};
use crate::{StoreError, Transaction, transaction::on};
use countersign_model::{CampaignId, Epoch, GrantId, Subject, Timestamp};
use sqlx::AssertSqlSafe;

/// Items that one page holds at most.
pub const ITEMS_PAGE_MAX: u32 = 1_000;

/// Which items to list, in the order of campaigns and grants.
#[derive(Clone, Debug, Default)]
pub struct ItemQuery {
    /// Only of this campaign.
    pub campaign: Option<CampaignId>,
    /// Only those that this person is or was asked about.
    pub reviewer: Option<Subject>,
    /// With a reviewer: only those that wait for them.
    pub waiting: bool,
    /// Only in this state ([`countersign_model::review::ItemState::name`]).
    pub state: Option<String>,
    /// Only with this result ([`countersign_model::review::item::ItemResult::name`]).
    pub result: Option<String>,
    /// Only after this one.
    pub after: Option<(CampaignId, GrantId)>,
    /// How many at most; never more than [`ITEMS_PAGE_MAX`].
    pub limit: u32,
}

/// How many items of a campaign are of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemCount {
    /// Their state.
    pub state: String,
    /// Their result; empty while there is none.
    pub result: String,
    /// Their sensitivity.
    pub sensitivity: String,
    /// What was recommended.
    pub advice: String,
    /// How many.
    pub items: u64,
}

impl Transaction {
    /// Lists items.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn items(&mut self, query: &ItemQuery) -> Result<Vec<ItemRow>, StoreError> {
        let reviewer = query.reviewer.as_ref().map(Subject::as_str);
        // The order of the columns is that of an index in each case.
        let from = match (reviewer, query.waiting) {
            (None, _) => "review_items WHERE ($1 IS NULL OR $1 IS NOT NULL)",
            (Some(_), true) => {
                "review_reviewers JOIN review_items
                     ON review_items.campaign = review_reviewers.campaign
                     AND review_items.item = review_reviewers.item
                 WHERE review_reviewers.reviewer = $1 AND review_reviewers.waits = 1"
            }
            (Some(_), false) => {
                "review_reviewers JOIN review_items
                     ON review_items.campaign = review_reviewers.campaign
                     AND review_items.item = review_reviewers.item
                 WHERE review_reviewers.reviewer = $1"
            }
        };
        let by = if reviewer.is_some() { "review_reviewers" } else { "review_items" };
        let one = if query.campaign.is_some() {
            format!("{by}.campaign = $2")
        } else {
            "$2 = ''".to_owned()
        };
        let sql = format!(
            "SELECT {COLUMNS} FROM {from} AND {one}
             AND ({by}.campaign, {by}.item) > ($3, $4)
             AND ($5 IS NULL OR review_items.state = $5)
             AND ($6 IS NULL OR review_items.result = $6)
             ORDER BY {by}.campaign, {by}.item LIMIT $7"
        );
        let campaign = query.campaign.map(|it| it.to_string()).unwrap_or_default();
        let (after_campaign, after) = match query.after {
            Some((campaign, grant)) => (campaign.to_string(), grant.to_string()),
            None => (String::new(), String::new()),
        };
        let rows: Vec<ItemColumns> = on!(self, |connection| {
            sqlx::query_as(AssertSqlSafe(sql))
                .bind(reviewer)
                .bind(&campaign)
                .bind(&after_campaign)
                .bind(&after)
                .bind(query.state.as_deref())
                .bind(query.result.as_deref())
                .bind(i64::from(query.limit.min(ITEMS_PAGE_MAX)))
                .fetch_all(connection)
                .await?
        });
        rows.into_iter().map(read).collect()
    }

    /// Items of a campaign in one state, after one of them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn items_in_state(
        &mut self,
        campaign: CampaignId,
        state: &str,
        after: Option<GrantId>,
        limit: u32,
    ) -> Result<Vec<ItemRow>, StoreError> {
        let campaign = campaign.to_string();
        let after = after.map_or_else(String::new, |it| it.to_string());
        let sql = format!(
            "SELECT {COLUMNS} FROM review_items
             WHERE campaign = $1 AND state = $2 AND item > $3 ORDER BY item LIMIT $4"
        );
        let rows: Vec<ItemColumns> = on!(self, |connection| {
            sqlx::query_as(AssertSqlSafe(sql))
                .bind(&campaign)
                .bind(state)
                .bind(&after)
                .bind(i64::from(limit))
                .fetch_all(connection)
                .await?
        });
        rows.into_iter().map(read).collect()
    }

    /// How many items of a campaign are of which kind.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn item_counts(
        &mut self,
        campaign: CampaignId,
    ) -> Result<Vec<ItemCount>, StoreError> {
        let campaign = campaign.to_string();
        let rows: Vec<(String, String, String, String, i64)> = on!(self, |connection| {
            sqlx::query_as(
                "SELECT state, result, sensitivity, advice, count(*) FROM review_items
                 WHERE campaign = $1 GROUP BY state, result, sensitivity, advice
                 ORDER BY state, result, sensitivity, advice",
            )
            .bind(&campaign)
            .fetch_all(connection)
            .await?
        });
        let count = |(state, result, sensitivity, advice, items): (_, _, _, _, i64)| ItemCount {
            state,
            result,
            sensitivity,
            advice,
            items: items.unsigned_abs(),
        };
        Ok(rows.into_iter().map(count).collect())
    }

    /// Whose answers a campaign waits for, and for how many items.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn waiting_reviewers(
        &mut self,
        campaign: CampaignId,
    ) -> Result<Vec<(Subject, u64)>, StoreError> {
        let campaign = campaign.to_string();
        let rows: Vec<(String, i64)> = on!(self, |connection| {
            sqlx::query_as(
                "SELECT reviewer, count(*) FROM review_reviewers
                 WHERE campaign = $1 AND waits = 1 GROUP BY reviewer ORDER BY reviewer",
            )
            .bind(&campaign)
            .fetch_all(connection)
            .await?
        });
        let row = |(who, count): (String, i64)| (Subject::new(who), count.unsigned_abs());
        Ok(rows.into_iter().map(row).collect())
    }

    /// Everybody who is or was asked in a campaign.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn reviewers_of(&mut self, campaign: CampaignId) -> Result<Vec<Subject>, StoreError> {
        let campaign = campaign.to_string();
        let rows: Vec<String> = on!(self, |connection| {
            sqlx::query_scalar(
                "SELECT DISTINCT reviewer FROM review_reviewers WHERE campaign = $1
                 ORDER BY reviewer",
            )
            .bind(&campaign)
            .fetch_all(connection)
            .await?
        });
        Ok(rows.into_iter().map(Subject::new).collect())
    }

    /// How many items wait for somebody, over all campaigns.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn waiting_for(&mut self, reviewer: &Subject) -> Result<u64, StoreError> {
        let count: i64 = on!(self, |connection| {
            sqlx::query_scalar(
                "SELECT count(*) FROM review_reviewers WHERE reviewer = $1 AND waits = 1",
            )
            .bind(reviewer.as_str())
            .fetch_one(connection)
            .await?
        });
        Ok(count.unsigned_abs())
    }

    /// Items of campaigns that run whose grant changed after an epoch, in the order of grants and
    /// campaigns, after one of them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn items_of_changed_grants(
        &mut self,
        since: Epoch,
        after: Option<(GrantId, CampaignId)>,
        limit: u32,
    ) -> Result<Vec<(CampaignId, GrantId)>, StoreError> {
        let since = i64::try_from(since.0).map_err(|_| StoreError::TooLarge)?;
        let (grant, campaign) = match after {
            Some((grant, campaign)) => (grant.to_string(), campaign.to_string()),
            None => (String::new(), String::new()),
        };
        let rows: Vec<(String, String)> = on!(self, |connection| {
            sqlx::query_as(
                "SELECT review_items.campaign, review_items.item FROM grants
                 JOIN review_items ON review_items.item = grants.id
                 JOIN campaigns ON campaigns.id = review_items.campaign
                 WHERE grants.epoch > $1 AND campaigns.state IN ('open', 'stopped', 'grace')
                 AND (review_items.item, review_items.campaign) > ($2, $3)
                 ORDER BY review_items.item, review_items.campaign LIMIT $4",
            )
            .bind(since)
            .bind(&grant)
            .bind(&campaign)
            .bind(i64::from(limit))
            .fetch_all(connection)
            .await?
        });
        rows.iter().map(|(campaign, item)| Ok((parsed(campaign)?, parsed(item)?))).collect()
    }

    /// Items whose grants were narrowed, widened or renewed after a moment: how many, and the first of
    /// them in the order of grants.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn items_changed_since(
        &mut self,
        campaign: CampaignId,
        since: Timestamp,
        limit: u32,
    ) -> Result<(u64, Vec<ItemRow>), StoreError> {
        let campaign = campaign.to_string();
        // As the index has it.
        let steps = "SELECT grant_id FROM grant_steps
             WHERE change IN ('narrowed', 'widened', 'renewed') AND at > $2";
        let count =
            format!("SELECT count(*) FROM review_items WHERE campaign = $1 AND item IN ({steps})");
        let list = format!(
            "SELECT {COLUMNS} FROM review_items WHERE campaign = $1 AND item IN ({steps})
             ORDER BY item LIMIT $3"
        );
        let (count, rows): (i64, Vec<ItemColumns>) = on!(self, |connection| {
            let count = sqlx::query_scalar(AssertSqlSafe(count))
                .bind(&campaign)
                .bind(since.millis())
                .fetch_one(&mut *connection)
                .await?;
            let rows = sqlx::query_as(AssertSqlSafe(list))
                .bind(&campaign)
                .bind(since.millis())
                .bind(i64::from(limit.min(ITEMS_PAGE_MAX)))
                .fetch_all(connection)
                .await?;
            (count, rows)
        });
        let rows = rows.into_iter().map(read).collect::<Result<_, _>>()?;
        Ok((count.unsigned_abs(), rows))
    }

    /// Items that are decided and in force, but not yet seen on every gateway: their grant's last
    /// change is in the ledger, and in a policy that is no newer than `served`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn items_in_force(
        &mut self,
        served: Epoch,
        limit: u32,
    ) -> Result<Vec<ItemRow>, StoreError> {
        let served = i64::try_from(served.0).map_err(|_| StoreError::TooLarge)?;
        let sql = format!(
            "SELECT {COLUMNS} FROM review_items JOIN grants ON grants.id = review_items.item
             WHERE review_items.verify = 1 AND grants.epoch <= $1
             AND NOT EXISTS (SELECT 1 FROM outbox
                 WHERE outbox.id = grants.entry AND outbox.effect <> 'at_commit')
             ORDER BY review_items.campaign, review_items.item LIMIT $2"
        );
        let rows: Vec<ItemColumns> = on!(self, |connection| {
            sqlx::query_as(AssertSqlSafe(sql))
                .bind(served)
                .bind(i64::from(limit))
                .fetch_all(connection)
                .await?
        });
        rows.into_iter().map(read).collect()
    }
}
