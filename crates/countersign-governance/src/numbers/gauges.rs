//! Numbers for `/metrics`: counted each minute, so that whoever reads them costs nothing. Their number
//! does not grow with campaigns, people or grants.

use crate::{Governance, GrantStanding, Unavailable};
use countersign_model::Timestamp;
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// What was counted last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReviewGauges {
    /// When.
    pub at: Timestamp,
    /// Campaigns by state.
    pub campaigns: Vec<(String, u64)>,
    /// Items of campaigns that run and are not decided.
    pub open_items: u64,
    /// How long ago the campaign of the oldest of these was begun, in seconds; 0 without one.
    pub oldest_open_seconds: u64,
    /// Decided items of all campaigns, by result.
    pub results: Vec<(String, u64)>,
    /// Active grants whose certification has lapsed.
    pub overdue_grants: u64,
    /// Deliveries of notices that failed and are tried again.
    pub notices_failed: u64,
    /// Deliveries that were given up.
    pub notices_given_up: u64,
}

/// Where the last count is kept.
#[derive(Debug, Default)]
pub(crate) struct Gauges(Mutex<Option<Arc<ReviewGauges>>>);

impl Governance {
    /// What was counted last; nothing before the first count.
    pub fn review_gauges(&self) -> Option<Arc<ReviewGauges>> {
        self.0.gauges.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Counts each minute, for ever. Run it once.
    pub async fn keep_review_gauges(self) {
        loop {
            if let Err(error) = self.count_reviews().await {
                tracing::warn!(
                    cause = crate::policy::chain(&error),
                    "the numbers of access reviews can't be counted"
                );
            }
            tokio::time::sleep(COUNT_EVERY).await;
        }
    }

    /// Counts once.
    ///
    /// # Errors
    /// [`Unavailable`]; then the last count stands.
    pub async fn count_reviews(&self) -> Result<(), Unavailable> {
        let totals = self.store().view().await?.review_totals().await?;
        let now = self.clock().now();
        let filter = crate::GrantFilter {
            state: Some(GrantStanding::Overdue),
            ..crate::GrantFilter::default()
        };
        let overdue = self.grants(&filter).len();
        let age = totals.oldest_open.map_or(0, |it| now.since(it.made_at()).millis() / 1000);
        let (failed, given_up) = totals.notices_failed;
        let counted = ReviewGauges {
            at: now,
            campaigns: totals.campaigns,
            open_items: totals.open_items,
            oldest_open_seconds: u64::try_from(age).unwrap_or(0),
            results: totals.results,
            overdue_grants: u64::try_from(overdue).unwrap_or(u64::MAX),
            notices_failed: failed,
            notices_given_up: given_up,
        };
        *self.0.gauges.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(counted));
        Ok(())
    }
}

const COUNT_EVERY: Duration = Duration::from_secs(60);
