//! What numbers about reviews are made of: answers without the snapshots that they are about, and counts
//! over everything. Read only.

use crate::{StoreError, Transaction, transaction::on};
use countersign_model::{
    CampaignId, GrantId,
    review::{Answer, ItemState},
};
use serde::Deserialize;

/// What was said of one item, and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct AnswersRow {
    /// The item.
    pub grant: GrantId,
    /// Every answer, oldest first.
    pub answers: Vec<Answer>,
    /// Where it stands.
    pub state: ItemState,
}

/// Counts over all campaigns, for whoever watches a gateway.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReviewTotals {
    /// Campaigns by state.
    pub campaigns: Vec<(String, u64)>,
    /// Items of campaigns that run and are not decided.
    pub open_items: u64,
    /// Decided items of all campaigns, by result.
    pub results: Vec<(String, u64)>,
    /// The oldest campaign that runs and has items that are not decided.
    pub oldest_open: Option<CampaignId>,
    /// Deliveries of notices that failed and are tried again, and those that were given up.
    pub notices_failed: (u64, u64),
}

/// The part of an item's document that is read.
#[derive(Deserialize)]
struct Said {
    #[serde(default)]
    answers: Vec<Answer>,
    state: ItemState,
}

impl Transaction {
    /// What was said of a campaign's items, in the order of their grants, after one of them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn answers_of(
        &mut self,
        campaign: CampaignId,
        after: Option<GrantId>,
        limit: u32,
    ) -> Result<Vec<AnswersRow>, StoreError> {
        let campaign = campaign.to_string();
        let after = after.map_or_else(String::new, |it| it.to_string());
        let rows: Vec<(String, String)> = on!(self, |connection| {
            sqlx::query_as(
                "SELECT item, document FROM review_items WHERE campaign = $1 AND item > $2
                 ORDER BY item LIMIT $3",
            )
            .bind(&campaign)
            .bind(&after)
            .bind(i64::from(limit))
            .fetch_all(connection)
            .await?
        });
        let read = |(grant, document): (String, String)| {
            let Said { answers, state } = crate::read_json("item", &document)?;
            let grant = grant.parse().map_err(|bad| StoreError::damaged("item")(Box::new(bad)))?;
            Ok(AnswersRow { grant, answers, state })
        };
        rows.into_iter().map(read).collect()
    }

    /// Counts over all campaigns.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn review_totals(&mut self) -> Result<ReviewTotals, StoreError> {
        let campaigns: Vec<(String, i64)> = on!(self, |connection| {
            sqlx::query_as("SELECT state, count(*) FROM campaigns GROUP BY state ORDER BY state")
                .fetch_all(connection)
                .await?
        });
        let (open, oldest): (i64, Option<String>) = on!(self, |connection| {
            sqlx::query_as(
                "SELECT count(*), min(review_items.campaign) FROM campaigns
                 JOIN review_items ON review_items.campaign = campaigns.id
                 WHERE campaigns.state IN ('open', 'stopped', 'grace')
                 AND review_items.state IN ('open', 'suspended')",
            )
            .fetch_one(connection)
            .await?
        });
        let results: Vec<(String, i64)> = on!(self, |connection| {
            sqlx::query_as(
                "SELECT result, count(*) FROM review_items WHERE result <> ''
                 GROUP BY result ORDER BY result",
            )
            .fetch_all(connection)
            .await?
        });
        let failed: Vec<(String, i64)> = on!(self, |connection| {
            sqlx::query_as(
                "SELECT state, count(*) FROM notice_deliveries
                 WHERE state IN ('failed', 'given_up') GROUP BY state",
            )
            .fetch_all(connection)
            .await?
        });
        let damaged = StoreError::damaged("campaign's id");
        let oldest: Option<Result<CampaignId, _>> = oldest.map(|it| it.parse());
        let of = |state: &str| -> u64 {
            failed.iter().filter(|it| it.0 == state).map(|it| it.1.unsigned_abs()).sum()
        };
        Ok(ReviewTotals {
            campaigns: counted(campaigns),
            open_items: open.unsigned_abs(),
            results: counted(results),
            oldest_open: oldest.transpose().map_err(|bad| damaged(Box::new(bad)))?,
            notices_failed: (of("failed"), of("given_up")),
        })
    }
}

fn counted(rows: Vec<(String, i64)>) -> Vec<(String, u64)> {
    rows.into_iter().map(|(name, count)| (name, count.unsigned_abs())).collect()
}
