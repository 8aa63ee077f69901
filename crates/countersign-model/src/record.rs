//! What the ledger says: one entry for each thing that happened. Entries carry digests and salted
//! commitments, never payloads.

use crate::{
    ApiKeyId, ApprovalId, CallId, Caller, DeliveryId, Digest, Epoch, FunctionName, GrantRef, Group,
    NoticeAbout, NoticeId, NoticeKind, Reason, SessionId, Subject, TargetName, Timestamp,
    approval::ApprovalState, ids::EntryId, json::Members,
};
use serde::{Deserialize, Serialize};

mod grants;
mod people;
mod reviews;

pub use grants::{DenialChanged, GrantChange, GrantChanged, GrantRequestChanged, GrantRequested};
pub use people::{DelegateChange, DelegateChanged, PasskeyChange, PasskeyChanged};
pub use reviews::{
    EvidenceTaken, ReviewChange, ReviewChanged, ReviewClosed, ReviewDecided, ReviewEvidence,
    ReviewOpened, ReviewSignOffProof, ReviewSignedOff,
};

/// One ledger entry. Written as one line of JSON, members in the order of the fields.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Version of this form.
    pub v: u32,
    /// Unique: an entry that was written twice after a crash is known by it.
    pub id: EntryId,
    /// When.
    pub at: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

impl Entry {
    /// An entry of the current form.
    pub fn new(id: EntryId, at: Timestamp, event: Event) -> Self {
        Self { v: 1, id, at, event }
    }

    /// The bytes that go into the ledger.
    pub fn to_bytes(&self) -> Vec<u8> {
        match &self.event {
            Event::CallIntent(intent) => self.line("call.intent", |line| intent.write(line)),
            Event::CallOutcome(outcome) => self.line("call.outcome", |line| outcome.write(line)),
            Event::CallRefused(_)
            | Event::ApprovalOpened(_)
            | Event::ApprovalChanged(_)
            | Event::GrantChanged(_)
            | Event::GrantRequested(_)
            | Event::GrantRequestChanged(_)
            | Event::DenialChanged(_)
            | Event::CatalogApplied(_)
            | Event::StopChanged(_)
            | Event::MembershipChanged(_)
            | Event::ApiKeyChanged(_)
            | Event::DelegateChanged(_)
            | Event::PasskeyChanged(_)
            | Event::RecordViewed(_)
            | Event::TokenAsked(_)
            | Event::ReviewOpened(_)
            | Event::ReviewDecided(_)
            | Event::ReviewChanged(_)
            | Event::ReviewSignedOff(_)
            | Event::ReviewClosed(_)
            | Event::ReviewEvidence(_)
            | Event::NoticeSent(_)
            | Event::Gateway(_) => self.serialised(),
        }
    }

    /// What serde makes of it: the form of every entry. Those that each call writes are written by
    /// hand, to the same bytes.
    fn serialised(&self) -> Vec<u8> {
        // A struct of texts and numbers always serialises; were it not so, the empty entry would
        // be refused by the ledger.
        serde_json::to_vec(self).unwrap_or_default()
    }

    fn line(&self, name: &str, event: impl FnOnce(&mut Members<'_>)) -> Vec<u8> {
        let mut out = Vec::with_capacity(LINE_BYTES);
        let mut line = Members::open(&mut out);
        line.number("v", self.v);
        self.id.with_ascii(|text| line.plain("id", text));
        line.time("at", self.at);
        line.plain("type", name);
        event(&mut line);
        line.close();
        out
    }
}

/// Room for an intent with a few grants.
const LINE_BYTES: usize = 768;

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum Event {
    /// A call is about to leave for its target.
    #[serde(rename = "call.intent")]
    CallIntent(Box<CallIntent>),
    /// How a call ended.
    #[serde(rename = "call.outcome")]
    CallOutcome(CallOutcome),
    /// A call did not run.
    #[serde(rename = "call.refused")]
    CallRefused(Box<CallRefused>),
    /// A call waits for a human.
    #[serde(rename = "approval.opened")]
    ApprovalOpened(ApprovalOpened),
    /// An approval moved on.
    #[serde(rename = "approval.changed")]
    ApprovalChanged(ApprovalChanged),
    /// A grant was made, certified, changed or revoked.
    #[serde(rename = "grant.changed")]
    GrantChanged(GrantChanged),
    /// Somebody asked for a grant.
    #[serde(rename = "grant.requested")]
    GrantRequested(GrantRequested),
    /// A request for a grant was answered, withdrawn or lapsed.
    #[serde(rename = "grant.request_changed")]
    GrantRequestChanged(GrantRequestChanged),
    /// Something was denied to somebody whatever their grants say, or a denial was lifted.
    #[serde(rename = "denial.changed")]
    DenialChanged(DenialChanged),
    /// A catalog version came into force.
    #[serde(rename = "catalog.applied")]
    CatalogApplied(CatalogApplied),
    /// A subject was suspended or let in again, a kill switch was turned.
    #[serde(rename = "stop.changed")]
    StopChanged(StopChanged),
    /// A directory put people into a group that counts, or took them out.
    #[serde(rename = "membership.changed")]
    MembershipChanged(MembershipChanged),
    /// An API key was made or revoked.
    #[serde(rename = "api_key.changed")]
    ApiKeyChanged(ApiKeyChanged),
    /// Somebody stands in for a person in reviews, or does no more.
    #[serde(rename = "delegate.changed")]
    DelegateChanged(DelegateChanged),
    /// A person added a passkey, or one was removed.
    #[serde(rename = "passkey.changed")]
    PasskeyChanged(PasskeyChanged),
    /// A person looked at what was recorded.
    #[serde(rename = "record.viewed")]
    RecordViewed(RecordViewed),
    /// Somebody asked this installation for a token.
    #[serde(rename = "token.asked")]
    TokenAsked(Box<TokenAsked>),
    /// A campaign of an access review is open: its snapshot is complete.
    #[serde(rename = "review.opened")]
    ReviewOpened(Box<ReviewOpened>),
    /// Somebody answered about a grant in a campaign, or a rule did.
    #[serde(rename = "review.decided")]
    ReviewDecided(Box<ReviewDecided>),
    /// Something else changed in a campaign.
    #[serde(rename = "review.changed")]
    ReviewChanged(Box<ReviewChanged>),
    /// Somebody signed for what they decided, or for a campaign.
    #[serde(rename = "review.signed_off")]
    ReviewSignedOff(ReviewSignedOff),
    /// A campaign is closed.
    #[serde(rename = "review.closed")]
    ReviewClosed(ReviewClosed),
    /// Somebody took evidence of a campaign away, or drew a sample of it.
    #[serde(rename = "review.evidence")]
    ReviewEvidence(ReviewEvidence),
    /// Somebody was told something, or could not be.
    #[serde(rename = "notice.sent")]
    NoticeSent(NoticeSent),
    /// A gateway began or ended.
    #[serde(rename = "gateway")]
    Gateway(GatewayEvent),
}

/// A call is about to leave. Durable before it does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallIntent {
    /// The call.
    pub call: CallId,
    /// The session it belongs to.
    pub session: SessionId,
    /// Under which policy.
    pub epoch: Epoch,
    /// Who.
    #[serde(flatten)]
    pub who: Who,
    /// What.
    pub function: FunctionName,
    /// The function's contract.
    pub contract: Digest,
    /// Where.
    pub target: TargetName,
    /// On which grants.
    pub grants: Vec<GrantRef>,
    /// Why it may run: `granted`, `grant_overdue_warned`, `approved`.
    pub reason: Reason,
    /// The approval that it uses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<ApprovalId>,
    /// Salted commitment to the canonical arguments.
    pub arguments: Digest,
}

impl CallIntent {
    fn write(&self, line: &mut Members<'_>) {
        self.call.with_ascii(|text| line.plain("call", text));
        self.session.with_ascii(|text| line.plain("session", text));
        line.number("epoch", self.epoch.0);
        line.who(&self.who);
        line.text("function", self.function.as_str());
        line.digest("contract", &self.contract);
        line.text("target", self.target.as_str());
        line.grants(&self.grants);
        line.reason(self.reason);
        if let Some(approval) = self.approval {
            approval.with_ascii(|text| line.plain("approval", text));
        }
        line.digest("arguments", &self.arguments);
    }
}

/// Who a call is from, as the ledger names it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Who {
    /// The subject.
    pub subject: Subject,
    /// Who acts for it, nearest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub actors: Vec<Subject>,
    /// The OAuth client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<std::sync::Arc<str>>,
    /// Who vouches for it.
    pub issuer: std::sync::Arc<str>,
}

impl From<&Caller> for Who {
    fn from(caller: &Caller) -> Self {
        Self {
            subject: caller.subject.clone(),
            actors: caller.actors.clone(),
            client: caller.client.clone(),
            issuer: std::sync::Arc::clone(&caller.issuer),
        }
    }
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallOutcome {
    /// The call.
    pub call: CallId,
    /// The target's status; 0 when there was none.
    pub status: u16,
    /// What the caller was told: the reason of the intent when all went well.
    pub reason: Reason,
    /// Milliseconds from the intent to the last byte.
    pub took_ms: u64,
    /// Bytes of the target's answer, as it came.
    pub bytes: u64,
    /// How many values were masked.
    pub masked: u64,
    /// Salted commitment to the recording; absent when nothing is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recording: Option<Digest>,
}

impl CallOutcome {
    fn write(&self, line: &mut Members<'_>) {
        self.call.with_ascii(|text| line.plain("call", text));
        line.number("status", self.status);
        line.reason(self.reason);
        line.number("took_ms", self.took_ms);
        line.number("bytes", self.bytes);
        line.number("masked", self.masked);
        if let Some(recording) = &self.recording {
            line.digest("recording", recording);
        }
    }
}

/// A call that did not run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallRefused {
    /// The call.
    pub call: CallId,
    /// Under which policy.
    pub epoch: Epoch,
    /// Who.
    #[serde(flatten)]
    pub who: Who,
    /// What, if it was found in the catalog.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function: Option<FunctionName>,
    /// Why.
    pub reason: Reason,
    /// The approval that was asked for, if one was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<ApprovalId>,
}

/// A call waits for a human.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ApprovalOpened {
    /// The request.
    pub approval: ApprovalId,
    /// Who calls.
    #[serde(flatten)]
    pub who: Who,
    /// What.
    pub function: FunctionName,
    /// Why it is held.
    pub reason: Reason,
    /// Salted commitment to the call's digest.
    pub binds: Digest,
}

/// An approval moved on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ApprovalChanged {
    /// The request.
    pub approval: ApprovalId,
    /// Who did it; absent when time did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Subject>,
    /// `approve` or `deny` when a person answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<crate::Verdict>,
    /// Where it stands now. An object of its own: it has times and people of its own.
    #[serde(rename = "now")]
    pub state: ApprovalState,
}

/// A catalog version came into force.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CatalogApplied {
    /// Who did it.
    pub by: Subject,
    /// Digest of the catalog's canonical JSON.
    pub digest: Digest,
    /// The epoch that it makes.
    pub epoch: Epoch,
}

/// A subject was suspended or let in again, or a kill switch was turned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StopChanged {
    /// Who did it.
    pub by: Subject,
    /// What: `subject:…`, `everything`, `target:…`, `function:…`.
    pub what: String,
    /// `stopped` or `resumed`.
    pub now: StopState,
    /// Why.
    pub why: String,
}

/// Whether something is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopState {
    /// Calls do not go on.
    Stopped,
    /// Calls go on.
    Resumed,
}

/// A directory put people into a group that counts, or took them out. More people have more entries.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MembershipChanged {
    /// Who says so: `scim:` and the directory's name.
    pub by: Subject,
    /// The group, with its prefix.
    pub group: Group,
    /// Who is in it from now on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub joined: Vec<Subject>,
    /// Who is not any more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left: Vec<Subject>,
}

/// An API key was made or revoked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ApiKeyChanged {
    /// The key's name; nothing of the key itself.
    pub key: ApiKeyId,
    /// For whom it speaks.
    pub subject: Subject,
    /// `made` or `revoked`.
    pub change: ApiKeyChange,
    /// Who did it.
    pub by: Subject,
    /// What it is for, or why it was revoked.
    pub why: String,
    /// Its scopes.
    pub scopes: Vec<String>,
    /// When it ends by itself.
    pub expires_at: Timestamp,
}

/// What happened to an API key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApiKeyChange {
    /// It was made.
    Made,
    /// It was ended.
    Revoked,
}

/// A person looked at what was recorded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecordViewed {
    /// Who.
    pub by: Subject,
    /// Which session.
    pub session: SessionId,
}

/// Somebody asked this installation for a token, and proved who they are. Durable before a token
/// leaves. Tokens stand here as their SHA-256 digests.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TokenAsked {
    /// How it was asked for.
    pub how: TokenGrant,
    /// Who asked: an agent or a service.
    pub actor: Shown,
    /// For whom, as far as it was proved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Shown>,
    /// What became of it.
    #[serde(flatten)]
    pub answer: TokenAnswer,
}

/// How a token is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenGrant {
    /// RFC 8693, with tokens of a user and an agent.
    TokenExchange,
    /// An identity provider's assertion about a user (ID-JAG).
    IdentityAssertion,
}

/// A token that was shown, and whom it names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shown {
    /// Whom.
    #[serde(flatten)]
    pub who: Who,
    /// The token's digest.
    pub token: Digest,
}

/// What became of asking for a token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "answer")]
pub enum TokenAnswer {
    /// There is one.
    Issued {
        /// The token: its digest, and whom it names with the whole chain.
        issued: Shown,
        /// Its `jti`, which is no secret.
        jti: String,
        /// Its scopes.
        scopes: std::collections::BTreeSet<std::sync::Arc<str>>,
        /// From when it is refused.
        expires_at: Timestamp,
        /// What its holder has to show with it.
        #[serde(default, skip_serializing_if = "TokenBinding::is_nothing")]
        bound_to: TokenBinding,
    },
    /// There is none.
    Refused {
        /// The code of the reason.
        reason: String,
    },
}

/// What the holder of a token has to show: nothing, if it is a bearer token.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenBinding {
    /// Proofs of the key with this SHA-256 thumbprint (RFC 7638, base64url).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The client certificate with this SHA-256 (RFC 8705 §3.1, base64url).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
}

impl TokenBinding {
    fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// Somebody was told something over one channel, or it was given up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NoticeSent {
    /// The notice.
    pub notice: NoticeId,
    /// The delivery.
    pub delivery: DeliveryId,
    /// Whom; absent where a channel is a room or a program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Subject>,
    /// What kind of notice.
    pub kind: NoticeKind,
    /// The ids of what it is about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub about: Vec<NoticeAbout>,
    /// The notices that a digest brings.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub brings: Vec<NoticeId>,
    /// Over which channel.
    pub channel: String,
    /// `sent` or `given_up`.
    pub now: NoticeEnd,
    /// How often it was tried.
    pub attempts: u32,
    /// SHA-256 of the title, a line feed and the text.
    pub text: Digest,
}

/// How the delivery of a notice ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeEnd {
    /// The channel took it.
    Sent,
    /// It did not, and nobody tries any more.
    GivenUp,
}

/// A gateway began or ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GatewayEvent {
    /// The gateway's name.
    pub gateway: String,
    /// The version that ran.
    pub version: String,
    /// `started` or `stopped`.
    pub now: GatewayState,
}

/// Whether a gateway runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GatewayState {
    /// It began.
    Started,
    /// It ended in good order.
    Stopped,
}

#[cfg(test)]
pub(crate) mod tests;
