//! Grants as people see them: with each function and how fresh the certification is for it.

use super::rights::reached;
use crate::Governance;
use countersign_model::{
    Freshness, FunctionName, Grant, GrantId, Group, Holder, Snapshot, Subject, Timestamp,
};
use serde::{Deserialize, Serialize};
use std::{fmt, sync::Arc};

/// Which grants to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GrantFilter {
    /// Only those that this subject holds itself.
    pub subject: Option<Subject>,
    /// Only those that this group holds.
    pub group: Option<Group>,
    /// Only those that reach this function.
    pub function: Option<FunctionName>,
    /// Only those that stand so.
    pub state: Option<GrantStanding>,
}

/// How a grant stands, all its functions together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GrantStanding {
    /// It carries calls.
    Active,
    /// It carries none for now.
    Suspended,
    /// It lapses soon for some function.
    Due,
    /// It lapsed, or was never certified, for some function.
    Overdue,
    /// It was revoked or has expired.
    Ended,
}

/// A grant as people see it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GrantView {
    /// The grant.
    pub grant: Arc<Grant>,
    /// Each function that it reaches; a named one that is not in the catalog is `ended`.
    pub functions: Vec<FunctionView>,
}

/// One function of a grant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FunctionView {
    /// The function.
    pub name: FunctionName,
    /// How fresh the certification is for it.
    pub freshness: FreshnessView,
    /// When that ends, or since when it is overdue; absent if it was never certified.
    pub until: Option<Timestamp>,
}

/// How fresh a certification is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FreshnessView {
    /// Recent enough.
    Fresh,
    /// Soon to lapse.
    Due,
    /// Lapsed, or never certified.
    Overdue,
    /// The grant has ended, or the function is not in the catalog any more.
    Ended,
}

impl fmt::Display for FreshnessView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fresh => "fresh",
            Self::Due => "due",
            Self::Overdue => "overdue",
            Self::Ended => "ended",
        })
    }
}

impl GrantView {
    pub(crate) fn of(grant: &Arc<Grant>, snapshot: &Snapshot, now: Timestamp) -> Self {
        let ended = grant.ended(now).is_some();
        let catalog = snapshot.catalog();
        let mut functions: Vec<FunctionView> = reached(grant, catalog)
            .into_iter()
            .map(|function| {
                let (freshness, until) = match grant.freshness(&function.review, now) {
                    _ if ended => (FreshnessView::Ended, None),
                    Freshness::Fresh { until } => (FreshnessView::Fresh, Some(until)),
                    Freshness::Due { until } => (FreshnessView::Due, Some(until)),
                    Freshness::Overdue { since } => (FreshnessView::Overdue, since),
                };
                FunctionView { name: function.name.clone(), freshness, until }
            })
            .collect();
        let gone = grant.functions.iter().filter(|it| catalog.by_name(it.as_str()).is_none());
        functions.extend(gone.map(|name| FunctionView {
            name: name.clone(),
            freshness: FreshnessView::Ended,
            until: None,
        }));
        Self { grant: Arc::clone(grant), functions }
    }

    fn stands(&self, wanted: GrantStanding, now: Timestamp) -> bool {
        let ended = self.grant.ended(now).is_some();
        let any = |wanted| self.functions.iter().any(|it| it.freshness == wanted);
        match wanted {
            GrantStanding::Active => !ended,
            GrantStanding::Suspended => ended && !self.grant.is_over(now),
            GrantStanding::Ended => self.grant.is_over(now),
            GrantStanding::Due => !ended && any(FreshnessView::Due),
            GrantStanding::Overdue => !ended && any(FreshnessView::Overdue),
        }
    }
}

impl Governance {
    /// Lists grants in force and ended ones, by age, oldest first.
    pub fn grants(&self, filter: &GrantFilter) -> Vec<GrantView> {
        let snapshot = self.policy().load();
        let now = self.clock().now();
        let held = |grant: &Grant| match &grant.holder {
            Holder::Subject(subject) => {
                filter.group.is_none() && filter.subject.as_ref().is_none_or(|it| it == subject)
            }
            Holder::Group(group) => {
                filter.subject.is_none() && filter.group.as_ref().is_none_or(|it| it == group)
            }
        };
        snapshot
            .grants()
            .filter(|grant| held(grant))
            .map(|grant| GrantView::of(grant, &snapshot, now))
            .filter(|view| {
                let function = filter.function.as_ref();
                function.is_none_or(|wanted| view.functions.iter().any(|it| it.name == *wanted))
                    && filter.state.is_none_or(|wanted| view.stands(wanted, now))
            })
            .collect()
    }

    /// A grant, if it is in force or ended.
    pub fn grant(&self, id: GrantId) -> Option<GrantView> {
        let snapshot = self.policy().load();
        let grant = snapshot.grants().find(|it| it.id == id)?;
        Some(GrantView::of(grant, &snapshot, self.clock().now()))
    }
}
