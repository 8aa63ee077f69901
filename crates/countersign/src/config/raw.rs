//! The configuration as people write it. Nothing here is believed until [`super::check`] has read
//! it. The comments become the published JSON Schema.

use super::{notices::RawNotices, scim::RawScim};
use crate::proxies::Proxies;
use countersign_governance::OWNER_GRACE;
use countersign_identity::{
    Binding, CertificateBinding, ForgedLimits, IssuerConfig, OwnSettings, SamlConfig, Secret,
    TransmitterConfig,
};
use countersign_model::Span;
use schemars::JsonSchema;
use serde::Deserialize;
use std::{collections::BTreeMap, path::PathBuf};

/// `countersign.yaml`. Paths that are not absolute start at this file's directory.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Countersign configuration")]
pub(crate) struct RawConfig {
    /// Address and port to listen on: `127.0.0.1:7070`, `[::]:443`.
    pub(crate) listen: String,
    /// The URL under which callers reach this gateway, without a path. It is the resource
    /// identifier that tokens are made for (RFC 9728), and the sign-in of the console returns here.
    pub(crate) public_url: String,
    /// This gateway's name in the ledger and in logs; each gateway has its own.
    #[serde(default = "default_gateway")]
    pub(crate) gateway: String,
    /// TLS from files; absent when something in front of the gateway ends TLS.
    #[serde(default)]
    pub(crate) tls: Option<RawTls>,
    /// The directory for all that the gateway keeps, unless one of the next three says otherwise.
    #[serde(default = "default_state")]
    pub(crate) state: PathBuf,
    /// Where facts (grants, approvals, sessions, the catalog) are kept; SQLite in the state
    /// directory by default.
    #[serde(default)]
    pub(crate) store: Option<RawStore>,
    /// Where the ledger is; `ledger` in the state directory by default.
    #[serde(default)]
    pub(crate) ledger: Option<PathBuf>,
    /// Where recordings are; `recordings` in the state directory by default.
    #[serde(default)]
    pub(crate) recordings: Option<PathBuf>,
    /// Where the master key is: 32 random bytes in base64. It wraps all other keys. Keep a copy:
    /// without it recordings can't be read.
    pub(crate) master_key: Secret,
    /// Who vouches for callers: OpenID Connect providers and OAuth 2 authorization servers.
    pub(crate) issuers: Vec<IssuerConfig>,
    /// SAML 2.0 identity providers with which people sign in at the console, beside the issuers that
    /// have `sign_in`.
    #[serde(default)]
    pub(crate) saml: Vec<SamlConfig>,
    /// Who tells of security events by pushing them to `/ssf/events`: ended sessions, changed
    /// credentials, disabled accounts (OpenID Shared Signals Framework, CAEP, RISC).
    #[serde(default)]
    pub(crate) event_transmitters: Vec<TransmitterConfig>,
    /// How `DPoP` proofs are taken, which come with tokens that are bound to a key.
    #[serde(default)]
    pub(crate) dpop: RawDpop,
    /// API keys, for agents that can get no token from anybody; off unless this is here.
    #[serde(default)]
    pub(crate) api_keys: Option<RawApiKeys>,
    /// To whom of the issuers clear text may be spoken.
    #[serde(default)]
    pub(crate) plain_http: RawPlainHttp,
    /// The tokens that this gateway makes itself, at `/oauth/token`, for agents that act for people.
    #[serde(default)]
    pub(crate) tokens: RawTokens,
    /// Which groups may do what beside what owners and approvers may.
    #[serde(default)]
    pub(crate) roles: RawRoles,
    /// How access is reviewed, beside what the catalog's schedules say.
    #[serde(default)]
    pub(crate) reviews: RawReviews,
    /// The catalog's files.
    #[serde(default)]
    pub(crate) catalog: Option<RawCatalogFiles>,
    /// Bounds of what this gateway takes on.
    #[serde(default)]
    pub(crate) limits: RawLimits,
    /// How long calls in flight may take to finish when the gateway ends.
    #[serde(default = "default_drain_within")]
    #[schemars(with = "String")]
    pub(crate) drain_within: Span,
    /// Who may read `/metrics`.
    #[serde(default)]
    pub(crate) metrics: RawMetrics,
    /// Directories that tell by SCIM 2.0 who works here, under `/scim/v2`.
    #[serde(default)]
    pub(crate) scim: Vec<RawScim>,
    /// What is written to standard error.
    #[serde(default)]
    pub(crate) logging: RawLogging,
    /// What is told to others about calls, besides `/metrics`; nothing by default.
    #[serde(default)]
    pub(crate) telemetry: RawTelemetry,
    /// Over which channels people are told what waits for them, beside the console.
    #[serde(default)]
    pub(crate) notices: RawNotices,
}

/// Who may read `/metrics`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawMetrics {
    /// Where the bearer token is that a scraper shows. Without one, only this machine is answered,
    /// and no proxy.
    pub(crate) token: Option<Secret>,
}

/// A certificate and its key.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawTls {
    /// A PEM file with the certificate and those that vouch for it.
    pub(crate) certificate: PathBuf,
    /// A PEM file with the private key.
    pub(crate) key: PathBuf,
    /// Which client certificates callers are asked for, for tokens that are bound to one (RFC
    /// 8705). Nobody has to show one; by default nobody is asked.
    #[serde(default)]
    pub(crate) client_certificates: Option<RawClientCertificates>,
}

/// Which client certificates are taken.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum RawClientCertificates {
    /// Those that are vouched for by one of the authorities of this PEM file.
    Authorities(PathBuf),
    /// Any, self-signed ones too: that a token is bound to it is what makes one worth something.
    Any,
}

/// API keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawApiKeys {
    /// Whether API keys are made and taken.
    pub(crate) enabled: bool,
    /// The longest time between a key's making and its end, at most 366d.
    #[serde(default = "default_key_lifetime")]
    #[schemars(with = "String")]
    pub(crate) lifetime_max: Span,
}

fn default_key_lifetime() -> Span {
    Span::from_days(90)
}

/// How `DPoP` proofs are taken (RFC 9449), beyond what is always asked of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawDpop {
    /// Whether a proof has to carry a nonce that a gateway gave out in the last minutes, so that
    /// nobody can make proofs ahead.
    pub(crate) nonces: RawNonces,
    /// Who remembers which proofs were used.
    pub(crate) remembered_by: RawRemembered,
}

/// Whether proofs carry nonces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RawNonces {
    /// They need not.
    #[default]
    Off,
    /// They must.
    Required,
}

/// Who remembers which proofs were used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RawRemembered {
    /// Each gateway what it has seen itself. Where several gateways share a store, a proof that was
    /// overheard could be used once more at each of the others within its minute.
    #[default]
    EachGateway,
    /// All gateways together, at the price of one write to the store a call.
    AllGateways,
}

/// Where facts are kept.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum RawStore {
    /// `sqlite:PATH`, or a `postgres://` URL without a password.
    Url(String),
    /// Where the URL is, when a password is in it.
    UrlFrom(Secret),
}

/// To whom clear text may be spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RawPlainHttp {
    /// Only to this machine.
    #[default]
    LoopbackOnly,
    /// To every issuer: the network between is trusted.
    Everywhere,
}

/// Groups and their roles. Callers follow from grants, owners and approvers from the catalog.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawRoles {
    /// Groups whose members apply catalogs, make grants, and stop and resume calls.
    pub(crate) administrators: Vec<String>,
    /// Groups whose members may read and replay everything, and change nothing, whatever else they
    /// are: a group can't be here and above.
    pub(crate) auditors: Vec<String>,
    /// Groups whose members take part in access reviews: they may read every grant.
    pub(crate) reviewers: Vec<String>,
}

/// How access is reviewed, beside what the catalog's schedules say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawReviews {
    /// How long a function may be without anybody who answers for it, before its calls stop; 14d by
    /// default, at most 366d. It takes no new grants from the beginning.
    #[schemars(with = "String")]
    pub(crate) owner_grace: Span,
}

impl Default for RawReviews {
    fn default() -> Self {
        Self { owner_grace: OWNER_GRACE }
    }
}

/// The tokens that this gateway makes itself.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawTokens {
    /// How long such a token lives at most, up to 10m. It never outlives the tokens that it was
    /// exchanged for.
    #[schemars(with = "String")]
    pub(crate) lifetime: Span,
    /// The number of the key that signs, counted from 1; it follows from the master key. Counting on
    /// by one changes the key: the last one and the next one are accepted too, so that gateways can be
    /// restarted one by one. Count on by two to have a key refused at once.
    pub(crate) key_generation: u32,
    /// Whether such a token has to be bound to a key (RFC 9449) or a certificate (RFC 8705) of the
    /// agent that asks for it. It is whenever the request carries a `DPoP` proof.
    pub(crate) binding: Binding,
    /// When such a token is bound to the client certificate of the agent's connection; needs
    /// `tls.client_certificates`.
    pub(crate) certificates: CertificateBinding,
}

impl Default for RawTokens {
    fn default() -> Self {
        let OwnSettings { lifetime, generation, binding, certificates } = OwnSettings::default();
        Self { lifetime, key_generation: generation, binding, certificates }
    }
}

/// The catalog's files.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawCatalogFiles {
    /// The directory with the catalog's `.yaml` files.
    pub(crate) directory: PathBuf,
    /// Whether a start applies the files, as the gateway itself. Otherwise `countersign catalog
    /// apply` does, as the person who is signed in.
    #[serde(default)]
    pub(crate) apply_on_start: bool,
}

/// Bounds of what this gateway takes on.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawLimits {
    /// Open connections; more wait to be accepted.
    pub(crate) connections_max: usize,
    /// Calls in hand, held ones too; more are refused as `overloaded`.
    pub(crate) calls_max: usize,
    /// How long a caller may take to send the head of a request.
    #[schemars(with = "String")]
    pub(crate) head_within: Span,
    /// The longest head of a request, in bytes.
    pub(crate) head_bytes_max: usize,
    /// HTTP/2 requests at the same time on one connection.
    pub(crate) streams_max: u32,
    /// How long the body of a request may take to arrive, but for functions that stream it.
    #[schemars(with = "String")]
    pub(crate) body_within: Span,
    /// How long a caller may take nothing of its answer before it counts as gone.
    #[schemars(with = "String")]
    pub(crate) answer_taken_within: Span,
    /// Tokens with a wrong signature that one address may send in a second, ten times as many at
    /// once; beyond it, tokens from there that were not accepted before have to wait. Where a proxy
    /// in front passes on everybody's calls, name it in `trusted_proxies`.
    pub(crate) forged_per_address_second_max: u32,
    /// The same from all addresses together. Half of it is kept for addresses that sent no forged
    /// token in the last ten minutes.
    pub(crate) forged_per_second_max: u32,
    /// Addresses and networks of the proxies in front: `10.0.0.0/8`, `192.0.2.7`. Of what they say in
    /// `X-Forwarded-For`, the last address that is not theirs counts as the one that sent a token. It
    /// counts for nothing else.
    #[schemars(with = "Vec<String>")]
    pub(crate) trusted_proxies: Proxies,
}

impl Default for RawLimits {
    fn default() -> Self {
        Self {
            connections_max: 20_000,
            calls_max: 20_000,
            head_within: Span::from_seconds(15),
            head_bytes_max: 64 * 1024,
            streams_max: 256,
            body_within: Span::from_seconds(60),
            answer_taken_within: Span::from_seconds(300),
            forged_per_address_second_max: ForgedLimits::default().per_address_second_max,
            forged_per_second_max: ForgedLimits::default().per_second_max,
            trusted_proxies: Proxies::default(),
        }
    }
}

/// What is written to standard error.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawLogging {
    /// How a line looks.
    pub(crate) format: LogFormat,
    /// The least level that is written.
    pub(crate) level: LogLevel,
}

/// How a log line looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// How much is logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LogLevel {
    /// What needs a person.
    Error,
    /// What a person should know.
    Warn,
    /// What happens, and one line for each call that was refused.
    #[default]
    Info,
    /// How it happens, and one line for each call that ran.
    Debug,
}

/// What is told to others about calls.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawTelemetry {
    /// An OpenTelemetry collector that takes a trace of each call, by OTLP over HTTP. Traces hold
    /// names of the catalog, ids, times and reason codes: no arguments, answers, tokens or callers.
    pub(crate) otlp: Option<RawOtlp>,
}

/// An OpenTelemetry collector.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawOtlp {
    /// Where it takes OTLP over HTTP: `http://127.0.0.1:4318`. Traces go to `/v1/traces` below.
    pub(crate) endpoint: String,
    /// Headers that it asks for, such as an API key, by name; each value stands in an environment
    /// variable or a file.
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, Secret>,
    /// Which part of the traces that begin here is sent, from 0 to 1. Where a caller's trace goes on
    /// here, the caller has decided.
    #[serde(default = "default_sample")]
    pub(crate) sample: f64,
    /// What this gateway is called in traces: the same name for all gateways.
    #[serde(default = "default_service_name")]
    pub(crate) service_name: String,
}

fn default_sample() -> f64 {
    1.0
}

fn default_service_name() -> String {
    "countersign".to_owned()
}

fn default_gateway() -> String {
    "main".to_owned()
}

fn default_state() -> PathBuf {
    PathBuf::from("state")
}

fn default_drain_within() -> Span {
    Span::from_seconds(30)
}
