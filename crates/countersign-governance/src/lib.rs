//! What people do with access: the catalog, grants, approvals, stops. Every change is one
//! transaction of the store with its ledger entry beside it; nothing that gives rights takes effect
//! before that entry is durable. This crate never forwards a call and never reads a clock.

mod access;
mod api_keys;
mod approvals;
mod catalog;
mod delegates;
mod denials;
mod directory;
mod error;
mod evidence;
mod grants;
mod notices;
mod numbers;
mod outbox;
mod owners;
mod passkeys;
mod people;
mod policy;
mod recordings;
mod reviews;
mod roles;
mod schedules;
mod session_ends;
mod sessions;
mod start;
mod stops;
mod usage;

pub use access::{AccessAnswer, AccessError, AccessQuestion, GrantPathView, LinkView, RefusalView};
pub use api_keys::{ApiKeyError, ApiKeyRules, NewApiKey};
pub use approvals::{
    APPROVALS_MAX, ApprovalError, ApprovalFilter, Finish, HELD_PER_CALLER_MAX, Joined, NewApproval,
    Opened,
};
pub use catalog::{
    Applied, CatalogError, Change, ChangeKind, ITEMS_MAX, Plan, PlannedEffect, PlannedGrant,
    TouchedGrant,
};
pub use countersign_store::{
    ApiKeyRow, DeliveryQuery, DeliveryRow, DeliveryState, DirectoryKey, DirectoryKind,
    DirectoryPerson, DirectoryRow, FIND_CHARS_MAX, KeyRevoked, NewSession, NoticeChoice, NoticeRow,
    NoticesListed, PasskeyRow, PersonFound, PersonRow, SessionOrigin,
    SessionQuery as SessionFilter, SessionRow, SessionTouch, Store, WebSession,
};
pub use delegates::{DelegateError, NewDelegation};
pub use denials::{DenialError, NewDenial};
pub use directory::{
    Active, Directory, DirectoryError, GroupFacts, GroupRules, Members, RESOURCES_MAX, UserFacts,
};
pub use error::{ErrorKind, Unavailable};
pub use evidence::{
    ArchiveFault, FILES_MAX, PACK_BYTES_MAX, Pack, PackFault, PackOptions, PackVerified,
    ProveError, SAMPLE_MAX, SEED_CHARS_MAX, SampleView, draw, read_archive, verify_pack,
};
pub use grants::{
    FreshnessView, FunctionView, GrantError, GrantFilter, GrantRequestFilter, GrantRequestView,
    GrantStanding, GrantStepView, GrantView, NewGrant, NewGrantRequest, TransferredGrant,
    digest as grant_digest,
};
pub use notices::{
    Attempt, CLAIMED_FOR, Channel, INBOX, NOTICES_MAX, NewNotice, NoticeError, NoticeRules,
    Outgoing, Reach, Recipient, TOLD_PAGE, TRIED_FOR,
};
pub use numbers::{
    CAMPAIGNS_COUNTED_MAX, CampaignNumbers, GrantNumbers, Histogram, HistogramBar, ReviewGauges,
    ReviewNumbers, ReviewerNumbers, Sign, UNUSED_LOOK_BACK,
};
pub use owners::{OWNER_GRACE, UnownedFunction};
pub use passkeys::{NewPasskeyFacts, PASSKEYS_MAX, PasskeyError};
pub use people::{
    HeldGrant, KnownFrom, PEOPLE_MAX, PeopleFilter, PeoplePage, PersonLine, PersonStanding,
    PersonView, SignedIn, SignedInBrowser, Through, WaitingCall,
};
pub use policy::Policy;
pub use recordings::{IndexError, RecordingsIndex};
pub use reviews::{
    ACT_ITEMS_MAX, Answered, CAMPAIGNS_MAX, CampaignFilter, CampaignView, ChangedItems, Extension,
    HandOn, ItemFilter, ItemPage, ItemView, NewAnswer, NewCampaign, Progress, ReviewError,
    SIGNED_IN_WITHIN,
};
pub use roles::{Actor, BadText, Forbidden, HeldRole, Role, RoleMap, TEXT_CHARS_MAX};
pub use schedules::{ReviewerLoad, ScheduleView, ScheduledDate};
pub use session_ends::{CUT_OFF_KEPT, SessionsEnded};
pub use sessions::{SESSIONS_MAX, SessionError};
pub use start::{Parts, StartError};
pub use stops::{StopError, Stops};
pub use usage::{
    ArgumentsFrom, CountError, Fate, FateReason, Fates, FunctionPreview, GrantEvidence,
    GrantPreview, LOOK_BACK_DEFAULT, LOOK_BACK_MAX, UsageCounter, UsageProgress, WantedGrant,
};

use countersign_ledger::{MasterKey, Writer};
use countersign_model::{Caller, Clock, Entropy};
use std::{fmt, sync::Arc};

/// What people do with access. Clones are the same.
#[derive(Clone)]
pub struct Governance(Arc<Shared>);

struct Shared {
    store: Store,
    ledger: Writer,
    master: Arc<MasterKey>,
    clock: Clock,
    entropy: Entropy,
    masks: start::MaskCheck,
    roles: RoleMap,
    directories: Vec<Directory>,
    notices: NoticeRules,
    gateway: String,
    owner_grace: countersign_model::Span,
    policy: Policy,
    preparing: policy::Preparing,
    known: tokio::sync::Mutex<policy::Known>,
    delivery: tokio::sync::Mutex<()>,
    watchers: approvals::Watchers,
    followers: session_ends::Followers,
    compared: recordings::Compared,
    gauges: numbers::Gauges,
    usage: usage::Inbox,
    reviews: reviews::Working,
}

impl Governance {
    /// What decisions are made from.
    pub fn policy(&self) -> &Policy {
        &self.0.policy
    }

    /// The clock that it was given.
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// The randomness that it was given.
    pub fn entropy(&self) -> &Entropy {
        &self.0.entropy
    }

    /// Where facts are kept.
    pub fn store(&self) -> &Store {
        &self.0.store
    }

    /// The log of this gateway.
    pub fn ledger(&self) -> &Writer {
        &self.0.ledger
    }

    /// The key that seals and wraps.
    pub fn master(&self) -> &Arc<MasterKey> {
        &self.0.master
    }

    /// The name of this gateway.
    pub fn gateway(&self) -> &str {
        &self.0.gateway
    }

    /// Who a caller is as an actor: what they are, whether they are suspended, their roles.
    pub fn actor(&self, caller: &Caller) -> Actor {
        Actor::of(caller, &self.policy().load(), &self.0.roles)
    }
}

impl fmt::Debug for Governance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Governance").field("gateway", &self.0.gateway).finish_non_exhaustive()
    }
}
