//! What grants were used for. Calls are counted from this gateway's own ledger, which is durable, by a
//! task that follows it: nothing is counted on the way of a call, and a crash loses nothing and counts
//! nothing twice. Only which arguments a call had comes from the gateway, as masked for its recording,
//! and may be missed.

mod arguments;
mod count;
mod evidence;
mod fold;
mod gather;
mod history;
mod idle;
mod inbox;
mod lines;
mod preview;

pub use count::{CountError, UsageCounter};
pub use evidence::GrantEvidence;
pub use inbox::UsageProgress;
pub use preview::{
    ArgumentsFrom, Fate, FateReason, Fates, FunctionPreview, GrantPreview, WantedGrant,
};

pub(crate) use inbox::Inbox;

use crate::{Governance, Unavailable};
use countersign_model::{
    CallId, GrantId, Span, Timestamp,
    review::{
        HolderStanding, RecommendInput, Recommendation, Reduced, item::Peers, recommend, reduce,
        usage::GrantUsage,
    },
};
use gather::Gather;
use serde_json::Value;
use std::{collections::BTreeMap, path::Path};

/// How far back use counts where nobody says otherwise.
pub const LOOK_BACK_DEFAULT: Span = Span::from_days(90);
/// How far back use can be looked at.
pub const LOOK_BACK_MAX: Span = Span::from_days(366);

impl Governance {
    /// What grants were used for within a look-back, of at most [`LOOK_BACK_MAX`]. A grant that nobody
    /// ever used is there too. Takes a few queries for each thousand of grants.
    ///
    /// # Errors
    /// [`Unavailable::Store`].
    pub async fn grant_usage(
        &self,
        grants: &[GrantId],
        look_back: Span,
    ) -> Result<BTreeMap<GrantId, GrantUsage>, Unavailable> {
        let snapshot = self.policy().load();
        let look_back = look_back.clamp(Span::from_days(1), LOOK_BACK_MAX);
        let gather = Gather { snapshot: &snapshot, now: self.clock().now(), look_back };
        let mut view = self.store().view().await?;
        gather.usage(&mut view, grants).await
    }

    /// Until when each gateway has counted its calls, by name.
    ///
    /// # Errors
    /// [`Unavailable::Store`].
    pub async fn counted_until(&self) -> Result<BTreeMap<String, Timestamp>, Unavailable> {
        let positions = self.store().view().await?.usage_positions().await?;
        Ok(positions.into_iter().map(|it| (it.gateway, it.counted_until)).collect())
    }

    /// How far this gateway has counted.
    pub fn usage_progress(&self) -> UsageProgress {
        self.0.usage.progress(self.ledger().try_head().checkpoint_size)
    }

    /// Takes note of the arguments of a call that succeeded, as masked for its recording, with pointers to
    /// what is hidden. Never waits: when too many wait already, the call counts as one whose arguments
    /// were not seen. To be called when the call's outcome is in the ledger.
    pub fn saw_arguments(&self, call: CallId, arguments: Value, hidden: Vec<String>) {
        self.0.usage.saw(call, arguments, hidden);
    }

    /// Counts what the ledger in this directory has, forever.
    pub async fn keep_usage(self, directory: &Path) {
        let failed = |error: &CountError| {
            tracing::warn!(
                cause = crate::policy::chain(error),
                "calls can't be counted now; they will be",
            );
        };
        self.usage_counter(directory).keep(failed).await;
    }

    /// Counts calls step by step: what [`Self::keep_usage`] does forever.
    pub fn usage_counter(&self, directory: &Path) -> UsageCounter {
        UsageCounter::new(self.clone(), directory)
    }

    /// What to do with a grant that was used so, and why (R17).
    pub fn recommend_for(
        &self,
        grant: &countersign_model::Grant,
        usage: &GrantUsage,
        peers: Peers,
        look_back: Span,
    ) -> Recommendation {
        let snapshot = self.policy().load();
        recommend(&RecommendInput {
            grant,
            usage,
            catalog: snapshot.catalog(),
            peers,
            standing: standing(grant, &snapshot),
            look_back,
            now: self.clock().now(),
        })
    }

    /// What a grant is narrowed to if it is narrowed to what it was used for (R18).
    pub fn reduce_to_used(
        &self,
        grant: &countersign_model::Grant,
        usage: &GrantUsage,
    ) -> Option<Reduced> {
        reduce(grant, usage, self.policy().load().catalog())
    }
}

/// Whether a grant's holder and their sponsor are there, as directories tell.
fn standing(
    grant: &countersign_model::Grant,
    snapshot: &countersign_model::Snapshot,
) -> HolderStanding {
    let countersign_model::Holder::Subject(holder) = &grant.holder else {
        return HolderStanding::There;
    };
    let sponsor = snapshot.agents().get(holder).map(|it| &it.sponsor);
    if snapshot.deactivation(holder).is_some() {
        HolderStanding::HolderLeft
    } else if sponsor.is_some_and(|it| snapshot.deactivation(it).is_some()) {
        HolderStanding::SponsorLeft
    } else {
        HolderStanding::There
    }
}
