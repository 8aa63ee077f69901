//! Access reviews: campaigns with their revision, and the dates of schedules that were run. Items
//! stand in [`items`].

mod items;
mod lists;

pub use items::{ITEMS_AT_ONCE_MAX, ItemRow};
pub use lists::{ITEMS_PAGE_MAX, ItemCount, ItemQuery};

use crate::{StoreError, Transaction, approvals::Written, transaction::on};
use countersign_model::{CampaignId, Timestamp, review::Campaign};

/// A campaign and the revision for its compare-and-set.
#[derive(Clone, Debug, PartialEq)]
pub struct CampaignRow {
    /// The campaign.
    pub campaign: Campaign,
    /// Grows with every write.
    pub revision: i64,
}

/// Which campaigns to list, newest first.
#[derive(Clone, Debug, Default)]
pub struct CampaignQuery {
    /// Only in these states ([`countersign_model::review::CampaignState::name`]); in any when empty.
    pub states: Vec<String>,
    /// Only older than this one.
    pub before: Option<CampaignId>,
    /// How many at most.
    pub limit: u32,
}

/// A date of a schedule that was run or passed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduleRun {
    /// The date; empty where it says since when the schedule is known.
    pub date: String,
    /// What was opened for it; nothing when it was passed over.
    pub campaign: Option<CampaignId>,
    /// When.
    pub at: Timestamp,
}

impl Transaction {
    /// Adds a campaign.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn add_campaign(&mut self, campaign: &Campaign) -> Result<(), StoreError> {
        let document = crate::write_json("campaign", campaign)?;
        let id = campaign.id.to_string();
        on!(self, |connection| {
            sqlx::query(
                "INSERT INTO campaigns (id, state, revision, document) VALUES ($1, $2, 1, $3)",
            )
            .bind(&id)
            .bind(campaign.state.name())
            .bind(&document)
            .execute(connection)
            .await?;
        });
        Ok(())
    }

    /// A campaign.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn campaign(&mut self, id: CampaignId) -> Result<Option<CampaignRow>, StoreError> {
        let id = id.to_string();
        let row: Option<(String, i64)> = on!(self, |connection| {
            sqlx::query_as("SELECT document, revision FROM campaigns WHERE id = $1")
                .bind(&id)
                .fetch_optional(connection)
                .await?
        });
        row.map(read).transpose()
    }

    /// Lists campaigns, newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn campaigns(
        &mut self,
        query: &CampaignQuery,
    ) -> Result<Vec<CampaignRow>, StoreError> {
        let states = (!query.states.is_empty()).then(|| format!(",{},", query.states.join(",")));
        let before = query.before.map(|it| it.to_string());
        let rows: Vec<(String, i64)> = on!(self, |connection| {
            sqlx::query_as(
                "SELECT document, revision FROM campaigns
                 WHERE ($1 IS NULL OR $1 LIKE '%,' || state || ',%') AND ($2 IS NULL OR id < $2)
                 ORDER BY id DESC LIMIT $3",
            )
            .bind(states.as_deref())
            .bind(before.as_deref())
            .bind(i64::from(query.limit))
            .fetch_all(connection)
            .await?
        });
        rows.into_iter().map(read).collect()
    }

    /// Campaigns that the clock may have something to do for, oldest first, after one of them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn running_campaigns(
        &mut self,
        after: Option<CampaignId>,
        limit: u32,
    ) -> Result<Vec<CampaignRow>, StoreError> {
        let after = after.map_or_else(String::new, |it| it.to_string());
        let rows: Vec<(String, i64)> = on!(self, |connection| {
            sqlx::query_as(
                "SELECT document, revision FROM campaigns
                 WHERE state IN ('opening', 'open', 'stopped', 'grace') AND id > $1
                 ORDER BY id LIMIT $2",
            )
            .bind(&after)
            .bind(i64::from(limit))
            .fetch_all(connection)
            .await?
        });
        rows.into_iter().map(read).collect()
    }

    /// Writes a campaign's next state, if nobody else has written since it was read.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn write_campaign(&mut self, next: &CampaignRow) -> Result<Written, StoreError> {
        let document = crate::write_json("campaign", &next.campaign)?;
        let id = next.campaign.id.to_string();
        let written = on!(self, |connection| {
            sqlx::query(
                "UPDATE campaigns SET state = $1, document = $2, revision = revision + 1
                 WHERE id = $3 AND revision = $4",
            )
            .bind(next.campaign.state.name())
            .bind(&document)
            .bind(&id)
            .bind(next.revision)
            .execute(connection)
            .await?
            .rows_affected()
        });
        Ok(Written::of(written))
    }

    /// Who makes the snapshot of a campaign that is opening: the name of the run and its gateway.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn filler(&mut self, id: CampaignId) -> Result<Option<(String, String)>, StoreError> {
        let id = id.to_string();
        let row: Option<(Option<String>, Option<String>)> = on!(self, |connection| {
            sqlx::query_as("SELECT filler, filled_by FROM campaigns WHERE id = $1")
                .bind(&id)
                .fetch_optional(connection)
                .await?
        });
        Ok(row.and_then(|(run, gateway)| run.zip(gateway)))
    }

    /// Says who makes the snapshot from now on, if it is still whom the caller saw.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn claim_filling(
        &mut self,
        id: CampaignId,
        seen: Option<&str>,
        run: &str,
        gateway: &str,
    ) -> Result<Written, StoreError> {
        let id = id.to_string();
        let written = on!(self, |connection| {
            sqlx::query(
                "UPDATE campaigns SET filler = $1, filled_by = $2
                 WHERE id = $3 AND state = 'opening' AND coalesce(filler, '') = $4",
            )
            .bind(run)
            .bind(gateway)
            .bind(&id)
            .bind(seen.unwrap_or(""))
            .execute(connection)
            .await?
            .rows_affected()
        });
        Ok(Written::of(written))
    }

    /// Keeps everybody else from making this snapshot until the transaction ends.
    /// [`Written::Conflict`] if somebody else makes it now, or it is made.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn hold_filling(&mut self, id: CampaignId, run: &str) -> Result<Written, StoreError> {
        let id = id.to_string();
        let written = on!(self, |connection| {
            sqlx::query(
                "UPDATE campaigns SET filler = $1
                 WHERE id = $2 AND state = 'opening' AND filler = $1",
            )
            .bind(run)
            .bind(&id)
            .execute(connection)
            .await?
            .rows_affected()
        });
        Ok(Written::of(written))
    }

    /// Keeps a campaign's report beside it.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn keep_report(&mut self, id: CampaignId, report: &str) -> Result<(), StoreError> {
        let id = id.to_string();
        on!(self, |connection| {
            sqlx::query("UPDATE campaigns SET report = $1 WHERE id = $2")
                .bind(report)
                .bind(&id)
                .execute(connection)
                .await?;
        });
        Ok(())
    }

    /// A campaign's report: the canonical JSON whose digest the ledger has.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn report(&mut self, id: CampaignId) -> Result<Option<String>, StoreError> {
        let id = id.to_string();
        let row: Option<Option<String>> = on!(self, |connection| {
            sqlx::query_scalar("SELECT report FROM campaigns WHERE id = $1")
                .bind(&id)
                .fetch_optional(connection)
                .await?
        });
        Ok(row.flatten())
    }

    /// Says that a date of a schedule was run, or passed over when there is no campaign.
    /// [`Written::Conflict`] if that was said before: nothing runs twice.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn add_run(
        &mut self,
        schedule: &str,
        run: &ScheduleRun,
    ) -> Result<Written, StoreError> {
        let campaign = run.campaign.map(|it| it.to_string());
        let written = on!(self, |connection| {
            sqlx::query(
                "INSERT INTO review_runs (schedule, date, campaign, at) VALUES ($1, $2, $3, $4)
                 ON CONFLICT DO NOTHING",
            )
            .bind(schedule)
            .bind(&run.date)
            .bind(campaign.as_deref())
            .bind(run.at.millis())
            .execute(connection)
            .await?
            .rows_affected()
        });
        Ok(Written::of(written))
    }

    /// The newest dates of a schedule that were run or passed over, and that which says since when it
    /// is known, newest date first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn runs(&mut self, schedule: &str) -> Result<Vec<ScheduleRun>, StoreError> {
        let rows: Vec<(String, Option<String>, i64)> = on!(self, |connection| {
            sqlx::query_as(
                "SELECT date, campaign, at FROM review_runs WHERE schedule = $1
                 AND (date = '' OR date IN (SELECT date FROM review_runs WHERE schedule = $1
                     ORDER BY date DESC LIMIT 100))
                 ORDER BY date DESC",
            )
            .bind(schedule)
            .fetch_all(connection)
            .await?
        });
        let damaged = StoreError::damaged("campaign's id");
        let read = |(date, campaign, at): (String, Option<String>, i64)| {
            let campaign = campaign.map(|it| it.parse()).transpose();
            let campaign = campaign.map_err(|error| damaged(Box::new(error)))?;
            Ok(ScheduleRun { date, campaign, at: Timestamp::from_millis(at) })
        };
        rows.into_iter().map(read).collect()
    }
}

fn read((document, revision): (String, i64)) -> Result<CampaignRow, StoreError> {
    Ok(CampaignRow { campaign: crate::read_json("campaign", &document)?, revision })
}
