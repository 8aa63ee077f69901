//! The catalog: every target and function, compiled from what people wrote into what a decision
//! reads. [`raw`] is the file format; [`compile`] refuses what can't be right and names the place.

pub mod compile;
pub mod headers;
pub mod raw;
mod separation;
pub mod template;

use crate::{
    Digest, Group, Span, Subject, caller::name, expression::Expression, grant::DeclaredGrant,
    review::Schedule, schema::InputSchema,
};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt,
    str::FromStr,
    sync::Arc,
};
use template::PathTemplate;

pub use compile::{Fault, compile};
pub use separation::{Separation, Side};

name!(
    /// The name of a target: lower-case letters, digits and dashes, such as `billing`.
    TargetName
);
name!(
    /// The full name of a function: its target's name, a dot, and its own, such as
    /// `billing.refunds.create`.
    FunctionName
);
name!(
    /// A word that groups functions, so that a grant can name them together.
    Tag
);

impl FunctionName {
    /// The name of the target: what stands before the first dot.
    pub fn target(&self) -> &str {
        self.as_str().split('.').next().unwrap_or("")
    }
}

/// How much harm a call can do.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Sensitivity {
    /// Little: public or easily undone.
    Low,
    /// Personal or internal data, changes that can be undone.
    Medium,
    /// Money, secrets, deletion, or data that the law protects.
    High,
}

impl fmt::Display for Sensitivity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        })
    }
}

/// All targets, functions and registered agents, in one immutable version.
#[derive(Debug, Default)]
pub struct Catalog {
    /// Targets by their place.
    pub targets: Vec<Target>,
    /// Functions by their place; [`FunctionIx`] points here.
    pub functions: Vec<Arc<Function>>,
    /// Agents by subject.
    pub agents: BTreeMap<Subject, Agent>,
    /// What nobody may hold both of.
    pub separations: Vec<Separation>,
    /// Review schedules by name.
    pub schedules: BTreeMap<String, Schedule>,
    /// Grants that its files declare, by name.
    pub grants: BTreeMap<String, Arc<DeclaredGrant>>,
    /// SHA-256 of the canonical JSON of what it was compiled from.
    pub digest: Digest,
    by_name: HashMap<FunctionName, FunctionIx>,
}

/// The place of a function in [`Catalog::functions`]; good for one catalog version only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FunctionIx(pub u32);

/// The place of a target in [`Catalog::targets`]; good for one catalog version only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TargetIx(pub u32);

impl Catalog {
    /// The function at a place of this catalog.
    pub fn function(&self, ix: FunctionIx) -> Option<&Arc<Function>> {
        self.functions.get(usize::try_from(ix.0).ok()?)
    }

    /// The function of this name and its place.
    pub fn by_name(&self, name: &str) -> Option<(FunctionIx, &Arc<Function>)> {
        let ix = *self.by_name.get(name)?;
        Some((ix, self.function(ix)?))
    }

    /// The target at a place of this catalog.
    pub fn target(&self, ix: TargetIx) -> Option<&Target> {
        self.targets.get(usize::try_from(ix.0).ok()?)
    }

    /// The target of this name and its place.
    pub fn target_by_name(&self, name: &str) -> Option<(TargetIx, &Target)> {
        let place = self.targets.iter().position(|target| target.name.as_str() == name)?;
        Some((TargetIx(u32::try_from(place).ok()?), self.targets.get(place)?))
    }
}

/// An upstream system that functions live on.
#[derive(Debug)]
pub struct Target {
    /// Its name, the first part of its functions' names.
    pub name: TargetName,
    /// What protocol it speaks.
    pub kind: TargetKind,
    /// Where it is; functions' paths are appended to this URL's path.
    pub url: String,
    /// What it is for.
    pub purpose: String,
    /// Who answers for functions that name no owner of their own.
    pub owners: Vec<Subject>,
    /// Host names under which callers may reach it besides `/t/{target}`, lower case.
    pub hosts: Vec<String>,
    /// What the gateway shows it. The caller never sees it.
    pub credential: raw::Credential,
    /// Names (lower case, a trailing `*` stands for any ending) of request headers that pass to it
    /// besides the standard set.
    pub forward_headers: Vec<String>,
    /// Which version of HTTP the gateway speaks to it.
    pub http_version: raw::HttpVersion,
    /// How long the gateway waits for a connection.
    pub connect_within: Span,
    /// How long the gateway waits for the head of the answer.
    pub answer_within: Span,
    /// How long an answer's body may stand still.
    pub idle_within: Span,
    /// The largest request body that it gets, in bytes.
    pub request_bytes_max: u64,
    /// The largest answer that is delivered, in bytes; `None` when unlimited.
    pub response_bytes_max: Option<u64>,
}

/// What protocol a target speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TargetKind {
    /// HTTP/1.1 or HTTP/2.
    Http,
}

/// One callable operation of a target.
#[derive(Debug)]
pub struct Function {
    /// Full name.
    pub name: FunctionName,
    /// Its target's place.
    pub target: TargetIx,
    /// What it does and why anybody calls it, for people.
    pub purpose: String,
    /// Who answers for it: its own owners, or its target's. Never empty.
    pub owners: Vec<Subject>,
    /// How much harm a call can do.
    pub sensitivity: Sensitivity,
    /// Words that grants can name it by.
    pub tags: BTreeSet<Tag>,
    /// Scopes that the caller's token must carry, all of them.
    pub scopes: Vec<Arc<str>>,
    /// How it is called over HTTP.
    pub http: HttpBinding,
    /// What its arguments must look like.
    pub input: InputSchema,
    /// What its result looks like (JSON Schema 2020-12), if declared.
    pub result: Option<serde_json::Value>,
    /// How often its grants are reviewed, and what overdue does.
    pub review: ReviewRule,
    /// Rules that hold a call for a human; all that apply add their demands.
    pub approvals: Vec<ApprovalRule>,
    /// Rules that block a call whatever its grant.
    pub blocks: Vec<BlockRule>,
    /// What must not be seen in an answer.
    pub masks: Vec<MaskRule>,
    /// What must not be seen of the arguments in recordings and on approval pages.
    pub argument_masks: Vec<MaskRule>,
    /// How many calls a subject may make.
    pub rate: Option<Rate>,
    /// What is kept of a call for replay.
    pub record: RecordRule,
    /// SHA-256 over the canonical JSON of purpose, input schema, result schema and binding.
    pub contract: Digest,
}

/// How a function is called over HTTP.
#[derive(Debug)]
pub struct HttpBinding {
    /// Upper-case method.
    pub method: Arc<str>,
    /// Where, below the target's URL.
    pub path: PathTemplate,
    /// Arguments that stand in the query.
    pub query: BTreeSet<Arc<str>>,
    /// Arguments that stand in headers: argument's name → header's name, lower case.
    pub headers: BTreeMap<Arc<str>, Arc<str>>,
    /// What stands in the body.
    pub body: BodyKind,
}

/// What a function's request body holds.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum BodyKind {
    /// No body: one that has bytes is refused.
    #[default]
    None,
    /// A JSON object: its members are arguments.
    Json,
    /// A form (`application/x-www-form-urlencoded`): its fields are arguments.
    Form,
    /// Bytes that pass through as they come and are no argument. Such a call can't be held.
    Stream,
}

/// How often a function's grants are reviewed, and what overdue does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReviewRule {
    /// How long a certification lasts.
    pub every: Span,
    /// How long before it lapses a grant counts as due.
    pub due: Span,
    /// What an overdue grant does to a call.
    pub overdue: Overdue,
}

/// What an overdue grant does to a call.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Default,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Overdue {
    /// The call goes on; the answer and the ledger say that the grant is overdue.
    Warn,
    /// An owner must say yes to each call.
    #[default]
    Hold,
    /// The call is refused.
    Block,
}

/// A rule that holds a call for a human.
#[derive(Clone, Debug)]
pub struct ApprovalRule {
    /// When it applies; absent means always.
    pub when: Option<Expression>,
    /// Who may approve.
    pub from: Vec<Approver>,
    /// How many distinct people must approve; at least 1.
    pub people: u32,
    /// How long people have to answer, and how long an approval waits to be used.
    pub within: Span,
    /// How long the gateway keeps an HTTP caller waiting.
    pub wait: Span,
}

/// Who may approve.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Approver {
    /// An owner of the function.
    Owner,
    /// A member of a group.
    Group(Group),
    /// One person.
    Person(Subject),
    /// The user for whom the agent acts confirms it (A6's explicit other rule).
    Subject,
}

/// A text that names no approver.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no approver; write owner, subject, group:NAME or person:SUBJECT")]
pub struct BadApprover(String);

impl FromStr for Approver {
    type Err = BadApprover;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            None if text == "owner" => Ok(Self::Owner),
            None if text == "subject" => Ok(Self::Subject),
            Some(("group", name)) if !name.is_empty() => Ok(Self::Group(name.into())),
            Some(("person", name)) if !name.is_empty() => Ok(Self::Person(name.into())),
            None | Some(_) => Err(BadApprover(text.to_owned())),
        }
    }
}

impl TryFrom<String> for Approver {
    type Error = BadApprover;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Approver> for String {
    fn from(approver: Approver) -> Self {
        approver.to_string()
    }
}

impl fmt::Display for Approver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Owner => f.write_str("owner"),
            Self::Subject => f.write_str("subject"),
            Self::Group(name) => write!(f, "group:{name}"),
            Self::Person(name) => write!(f, "person:{name}"),
        }
    }
}

/// A rule that blocks a call whatever its grant.
#[derive(Clone, Debug)]
pub struct BlockRule {
    /// When it applies.
    pub when: Expression,
    /// What the caller is told.
    pub because: String,
}

/// What must not be seen: a field, data types, or data types within a field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaskRule {
    /// A path such as `$.customer.email`; its syntax was checked when the catalog was compiled.
    pub field: Option<String>,
    /// Data types to find, by the names that the mask crate knows.
    pub detect: Vec<String>,
    /// How, by the name that the mask crate knows.
    pub how: String,
}

/// How many calls in how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// Calls that are let through in each period.
    pub calls: u32,
    /// The period.
    #[schemars(with = "String")]
    pub per: Span,
}

/// What is kept of a call for replay.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum RecordRule {
    /// Masked arguments and the masked answer.
    #[default]
    Full,
    /// Masked arguments, and of the answer only its status and size.
    Arguments,
    /// Nothing beyond the ledger entry.
    None,
}

/// A registered agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Agent {
    /// Its subject, as its tokens say it.
    #[schemars(with = "String")]
    pub subject: Subject,
    /// A name to show to people.
    #[serde(default)]
    pub name: String,
    /// Who answers for it.
    #[schemars(with = "String")]
    pub sponsor: Subject,
    /// What it is for.
    pub purpose: String,
    /// Public keys (RFC 7517) with which it proves itself when it asks for a token, each with a `kid`
    /// if there are several. Without any it shows a token of its issuer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<serde_json::Map<String, serde_json::Value>>,
    /// The scopes that it has where it proves itself with such a key: nobody else names any.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub scopes: BTreeSet<String>,
}
