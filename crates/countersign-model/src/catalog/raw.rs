//! The catalog as people write it. Nothing here is believed until [`super::compile`] has read it.

mod grant;
mod schedule;

pub use grant::{RawGrant, RawHolder};
pub use schedule::{RawSchedule, RawScope, RawStage};

use super::{Agent, BodyKind, Overdue, Rate, RecordRule, Sensitivity, TargetKind};
use crate::Span;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One catalog file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Countersign catalog file")]
pub struct RawFile {
    /// The target that this file describes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<RawTarget>,
    /// Functions of this file's target, or of targets that other files describe.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub functions: Vec<RawFunction>,
    /// Agents and who answers for them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub agents: Vec<Agent>,
    /// Pairs of duties that nobody may hold both of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub separations: Vec<RawSeparation>,
    /// When grants are reviewed, which, and by whom.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub schedules: Vec<RawSchedule>,
    /// Grants that are kept in files: who may call what.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub grants: Vec<RawGrant>,
}

/// All files of a catalog together, by name: the form that is stored and compared.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawCatalog {
    /// Targets by name.
    pub targets: BTreeMap<String, RawTarget>,
    /// Functions by full name.
    pub functions: BTreeMap<String, RawFunction>,
    /// Agents by subject.
    pub agents: BTreeMap<String, Agent>,
    /// Separations of duties by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub separations: BTreeMap<String, RawSeparation>,
    /// Review schedules by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub schedules: BTreeMap<String, RawSchedule>,
    /// Grants by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub grants: BTreeMap<String, RawGrant>,
}

/// A separation of duties as written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawSeparation {
    /// Its name, such as `pay-and-approve`.
    pub name: String,
    /// One side: full names of functions, or tags.
    pub first: Vec<String>,
    /// The other side.
    pub second: Vec<String>,
    /// Why nobody may hold both; callers are told.
    pub why: String,
}

/// A target as written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawTarget {
    /// Lower-case letters, digits and dashes.
    pub name: String,
    /// What protocol it speaks.
    pub kind: TargetKind,
    /// `http://` or `https://`, with a path if its functions live below one.
    pub url: String,
    /// What it is for.
    pub purpose: String,
    /// Who answers for functions that name no owner of their own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub owners: Vec<String>,
    /// Host names under which callers may reach it besides `/t/{name}`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<String>,
    /// What the gateway shows the target; absent means nothing.
    #[serde(default)]
    pub credential: Credential,
    /// Request headers that pass besides the standard set; `x-acme-*` stands for all that begin so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub forward_headers: Vec<String>,
    /// Which version of HTTP the gateway speaks to it.
    #[serde(default)]
    pub http_version: HttpVersion,
    /// How long the gateway waits for a connection; 5s by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub connect_within: Option<Span>,
    /// How long the gateway waits for the head of the answer; 30s by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub answer_within: Option<Span>,
    /// How long an answer's body may stand still; 60s by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub idle_within: Option<Span>,
    /// The largest request body, in bytes; 10 MiB by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_bytes_max: Option<u64>,
    /// The largest answer, in bytes; unlimited by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_bytes_max: Option<u64>,
}

/// What the gateway shows a target. Secrets are named here, never written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Credential {
    /// Nothing.
    #[default]
    None,
    /// `Authorization: Bearer …` (RFC 6750).
    Bearer(SecretSource),
    /// `Authorization: Basic …` (RFC 7617).
    Basic {
        /// The user name.
        user: String,
        /// Where the password is.
        password: SecretSource,
    },
    /// A header of its own.
    Header {
        /// The header's name.
        name: String,
        /// Where the value is.
        value: SecretSource,
    },
    /// A query parameter.
    Query {
        /// The parameter's name.
        name: String,
        /// Where the value is.
        value: SecretSource,
    },
}

impl Credential {
    /// The header that it stands in, in lower case.
    pub(crate) fn header(&self) -> Option<&str> {
        match self {
            Self::Bearer(_) | Self::Basic { .. } => Some("authorization"),
            Self::Header { name, .. } => Some(name),
            Self::None | Self::Query { .. } => None,
        }
    }

    /// The query parameter that it stands in.
    pub(crate) fn query(&self) -> Option<&str> {
        match self {
            Self::Query { name, .. } => Some(name),
            Self::None | Self::Bearer(_) | Self::Basic { .. } | Self::Header { .. } => None,
        }
    }
}

/// Where a secret is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum SecretSource {
    /// In this environment variable of the gateway.
    Env(String),
    /// In this file, without its trailing line end.
    File(String),
}

/// Which version of HTTP the gateway speaks to a target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum HttpVersion {
    /// HTTP/2 where TLS negotiates it, else HTTP/1.1.
    #[default]
    #[serde(rename = "auto")]
    Auto,
    /// HTTP/1.1 only.
    #[serde(rename = "1.1")]
    Http1,
    /// HTTP/2 only; over cleartext with prior knowledge.
    #[serde(rename = "2")]
    Http2,
}

/// A function as written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawFunction {
    /// Full name: the target's name, a dot, and its own: `billing.refunds.create`.
    pub name: String,
    /// What it does and why anybody calls it.
    pub purpose: String,
    /// Who answers for it; the target's owners by default.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub owners: Vec<String>,
    /// How much harm a call can do.
    pub sensitivity: Sensitivity,
    /// Words that grants can name it by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Scopes that the caller's token must carry.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
    /// How it is called.
    pub http: RawHttp,
    /// JSON Schema 2020-12 of the arguments object; by default the path's variables as strings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<serde_json::Value>,
    /// JSON Schema 2020-12 of the result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<serde_json::Value>,
    /// How often its grants are reviewed; by sensitivity by default: 365d, 180d, 90d.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<RawReview>,
    /// Rules that hold a call for a human.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approval: Vec<RawApproval>,
    /// Rules that block a call.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub constraints: Vec<RawConstraint>,
    /// What must not be seen in an answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mask: Vec<RawMask>,
    /// What must not be seen of the arguments in recordings and on approval pages.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mask_arguments: Vec<RawMask>,
    /// How many calls a subject may make.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
    /// What is kept of a call for replay.
    #[serde(default)]
    pub record: RecordRule,
}

/// How a function is called over HTTP, as written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawHttp {
    /// Upper-case method.
    pub method: String,
    /// A path with variables: `/v1/customers/{customer}`; `{rest*}` at the end takes what follows.
    pub path: String,
    /// Names of arguments that stand in the query.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub query: Vec<String>,
    /// Arguments that stand in headers: argument's name → header's name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// What stands in the body; for POST, PUT and PATCH `json` by default, else `none`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<BodyKind>,
}

/// How often a function's grants are reviewed, as written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawReview {
    /// How long a certification lasts: `90d`.
    #[schemars(with = "String")]
    pub every: Span,
    /// How long before it lapses a grant counts as due; 14d by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub due: Option<Span>,
    /// What an overdue grant does to a call.
    #[serde(default)]
    pub overdue: Overdue,
}

/// A rule that holds a call, as written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawApproval {
    /// A CEL expression over `args` and `caller`, such as `args.amount > 500.0`; absent: always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// Who may approve: `owner`, `group:NAME`, `person:SUBJECT`, `subject`.
    pub from: Vec<String>,
    /// How many distinct people; 1 by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub people: Option<u32>,
    /// How long people have to answer, and how long an approval waits to be used; 15m by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub within: Option<Span>,
    /// How long the gateway keeps an HTTP caller waiting; 60s by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub wait: Option<Span>,
}

/// A rule that blocks a call, as written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawConstraint {
    /// A CEL expression over `args` and `caller`; the call is blocked when it is true.
    pub block: String,
    /// What the caller is told.
    pub because: String,
}

/// What must not be seen, as written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawMask {
    /// A path such as `$.customer.email` or `$.items[*].iban`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// Data types: `email`, `card`, `iban`, `phone`, `ip`, `jwt`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub detect: Vec<String>,
    /// `redact`, `partial`, `hash`, `null` or `drop`.
    pub how: String,
}
