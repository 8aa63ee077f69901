//! A grant's history: each step, and what it changed.

use super::GrantError;
use crate::{Governance, catalog::diff::lines};
use countersign_model::{Grant, GrantId, Subject, Timestamp, record::GrantChange};
use serde::Serialize;

/// One step of a grant.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GrantStepView {
    /// When; absent for what was there before steps were kept.
    pub at: Option<Timestamp>,
    /// Who did it; empty for what was there before steps were kept.
    pub by: Subject,
    /// What happened.
    pub change: GrantChange,
    /// The version after it.
    pub version: u32,
    /// The keys that differ from the step before: `- key: before`, `+ key: after`.
    pub lines: Vec<String>,
    /// The grant after it.
    pub grant: Grant,
}

impl Governance {
    /// The steps of a grant, oldest first, the last some hundreds; also those whose ledger entry
    /// still waits.
    ///
    /// # Errors
    /// [`GrantError::Unavailable`].
    pub async fn grant_history(&self, id: GrantId) -> Result<Vec<GrantStepView>, GrantError> {
        let rows = self.store().view().await?.grant_steps(id).await?;
        let mut steps: Vec<GrantStepView> = Vec::with_capacity(rows.len());
        for row in rows {
            let before = steps.last().map(|it| &it.grant);
            let changed = before.map(|it| lines(Some(it), Some(&row.grant))).unwrap_or_default();
            steps.push(GrantStepView {
                at: row.at,
                by: row.by,
                change: row.change,
                version: row.grant.version,
                lines: changed,
                grant: row.grant,
            });
        }
        Ok(steps)
    }
}
