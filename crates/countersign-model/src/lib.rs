//! The words of Countersign and the rules that judge a call.
//!
//! Everything here is a value or a function of values. This crate never does I/O, never reads a
//! clock and never draws a random number: [`Clock`] and [`Entropy`] are handed in by the binary.

pub mod approval;
pub mod caller;
pub mod catalog;
pub mod clock;
pub mod cut_off;
pub mod decide;
pub mod denial;
pub mod digest;
pub mod exchange;
pub mod expression;
pub mod grant;
pub mod ids;
pub mod json;
pub mod notice;
pub mod passkey;
pub mod reason;
pub mod record;
pub mod review;
pub mod schema;
pub mod snapshot;
pub mod span;
pub mod told;

#[cfg(test)]
mod fixtures;

pub use approval::{Approval, ApprovalState, Person, Verdict, Vote};
pub use caller::{AGENT_KEYS_ISSUER, API_KEY_ISSUER, Caller, CallerKind, Group, Subject};
pub use catalog::{Catalog, Function, FunctionName, Sensitivity, Target, TargetName};
pub use clock::{Clock, Entropy, Timestamp};
pub use cut_off::{CutOffs, Issued, Whose};
pub use decide::{Call, Decision, Grounds, Question, Refusal, decide};
pub use denial::{Denial, Denied};
pub use digest::Digest;
pub use grant::{Freshness, Grant, GrantOrigin, GrantRef, GrantState, Holder};
pub use ids::{
    ApiKeyId, ApprovalId, CallId, CampaignId, DeliveryId, DenialId, GrantId, GrantRequestId,
    NoticeId, PasskeyId, SessionId,
};
pub use notice::{NoticeAbout, NoticeKind, Urgency};
pub use reason::Reason;
pub use snapshot::{Epoch, Snapshot};
pub use span::Span;
pub use told::{ToldFor, ToldGroup, ToldGroups};
