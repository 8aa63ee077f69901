//! Starting: what an earlier run of this gateway left is finished before anything new begins.

use crate::{
    Directory, DirectoryError, Governance, NoticeRules, Policy, RoleMap, Shared, Unavailable,
    approvals::Watchers,
    numbers::Gauges,
    policy::{Known, Preparing},
    recordings::Compared,
    session_ends::Followers,
    usage::Inbox,
};
use countersign_ledger::{MasterKey, Writer};
use countersign_model::{Clock, Entropy, Span, catalog::MaskRule};
use countersign_store::Store;
use std::{fmt, sync::Arc};

/// Judges a mask rule's path and names.
pub(crate) type MaskCheck = fn(&MaskRule) -> Result<(), String>;

/// What governance is made of.
pub struct Parts {
    /// Where facts are kept.
    pub store: Store,
    /// The log of this gateway.
    pub ledger: Writer,
    /// The key that seals and wraps.
    pub master: Arc<MasterKey>,
    /// Tells the time.
    pub clock: Clock,
    /// Gives randomness.
    pub entropy: Entropy,
    /// Judges a mask rule when a catalog is compiled.
    pub masks: fn(&MaskRule) -> Result<(), String>,
    /// Which groups have which role.
    pub roles: RoleMap,
    /// The directories that tell by SCIM, for whose groups may count.
    pub directories: Vec<Directory>,
    /// Over which channels people are told, and when their digests are due.
    pub notices: NoticeRules,
    /// The name of this gateway, its own among all that share the store.
    pub gateway: String,
    /// How old the last confirmation of the policy may be; 5 s by default.
    pub stale_after: Span,
    /// How long a function may be without anybody who answers for it before its calls are stopped.
    pub owner_grace: Span,
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts").field("gateway", &self.gateway).finish_non_exhaustive()
    }
}

/// Why governance can't start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store or the ledger can't be used.
    #[error("the store or the ledger can't be used")]
    Unavailable(#[from] Unavailable),
    /// What a directory said earlier can't be made sense of.
    #[error("the groups of a directory can't be worked out")]
    Directory(#[from] DirectoryError),
}

impl Governance {
    /// Writes ledger entries that an earlier run left, calls approvals that it was using
    /// `outcome_unknown`, and loads the policy.
    ///
    /// # Errors
    /// [`StartError`]; then nothing may be decided.
    pub async fn start(parts: Parts) -> Result<Self, StartError> {
        let Parts {
            store,
            ledger,
            master,
            clock,
            entropy,
            masks,
            roles,
            directories,
            notices,
            gateway,
            stale_after,
            owner_grace,
        } = parts;
        let governance = Self(Arc::new(Shared {
            policy: Policy::new(stale_after),
            preparing: Preparing::default(),
            known: tokio::sync::Mutex::new(Known::default()),
            delivery: tokio::sync::Mutex::new(()),
            watchers: Watchers::default(),
            followers: Followers::default(),
            compared: Compared::default(),
            gauges: Gauges::default(),
            usage: Inbox::default(),
            reviews: crate::reviews::Working::default(),
            store,
            ledger,
            master,
            clock,
            entropy,
            masks,
            roles,
            directories,
            notices,
            gateway,
            owner_grace,
        }));
        governance.say_alive().await?;
        // In this order: what an approval did last must stand in the ledger before its end.
        governance.deliver().await?;
        governance.end_redeeming(governance.gateway()).await?;
        governance.take_over().await?;
        governance.lapse_approvals().await?;
        governance.lapse_grant_requests().await?;
        governance.settle_groups().await?;
        governance.deliver().await?;
        governance.refresh().await?;
        Ok(governance)
    }
}
