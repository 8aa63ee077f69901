//! Over which channels people are told, as people write it. What it must keep is in `check`.

use countersign_identity::Secret;
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::PathBuf;

/// Over which channels people are told what waits for them, what is due and what happened; the console
/// has everything whatever stands here.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawNotices {
    /// When everybody gets one digest of what can wait.
    pub(crate) digest: RawDigest,
    /// E-mail, to people's own addresses.
    pub(crate) email: Option<RawEmail>,
    /// Slack.
    pub(crate) slack: Option<RawSlack>,
    /// Microsoft Teams.
    pub(crate) teams: Option<RawTeams>,
    /// Programs that are told everything at once, by signed requests (Standard Webhooks).
    pub(crate) webhooks: Vec<RawWebhook>,
}

/// When digests are sent.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawDigest {
    /// The time of day: `08:00`.
    pub(crate) at: String,
    /// Where it is that time: `UTC`, `Europe/Berlin`.
    pub(crate) time_zone: String,
}

impl Default for RawDigest {
    fn default() -> Self {
        Self { at: "08:00".to_owned(), time_zone: "UTC".to_owned() }
    }
}

/// A mail server that takes messages for everybody.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawEmail {
    /// Its host name, which its certificate must have.
    pub(crate) host: String,
    /// Its port; 587 with `starttls`, 465 with `implicit` and 25 with `none` by default.
    #[serde(default)]
    pub(crate) port: Option<u16>,
    /// How the connection to it is encrypted.
    #[serde(default)]
    pub(crate) tls: RawMailTls,
    /// A PEM file with the certificate authorities that alone are trusted; those of this machine by
    /// default.
    #[serde(default)]
    pub(crate) ca_file: Option<PathBuf>,
    /// The user name, if it asks for one; then there is a `password` too.
    #[serde(default)]
    pub(crate) username: Option<String>,
    /// Where the password is.
    #[serde(default)]
    pub(crate) password: Option<Secret>,
    /// Whom messages are from: `Countersign <countersign@example.com>`.
    pub(crate) from: String,
}

/// How a connection to a mail server is encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RawMailTls {
    /// After STARTTLS; a server that does not offer it gets no message.
    #[default]
    Starttls,
    /// From the first byte.
    Implicit,
    /// Not at all: only for a server on this machine.
    None,
}

/// Slack: an incoming webhook, or a bot.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawSlack {
    /// Where the URL of an incoming webhook is. Its channel is told what can't wait.
    #[serde(default)]
    pub(crate) webhook: Option<Secret>,
    /// Where the token of a bot is, with the scope `chat:write`, and `users:read.email` if no channel
    /// is named.
    #[serde(default)]
    pub(crate) bot_token: Option<Secret>,
    /// The id of the channel that the bot writes to what can't wait: `C0123456789`. Without one it
    /// writes to each person directly.
    #[serde(default)]
    pub(crate) channel: Option<String>,
    /// Where Slack's Web API is.
    #[serde(default = "slack_api")]
    pub(crate) api: String,
}

fn slack_api() -> String {
    "https://slack.com/api".to_owned()
}

/// Microsoft Teams.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawTeams {
    /// Where the URL of a workflow is that posts what it is sent ("When a Teams webhook request is
    /// received"). Its channel is told what can't wait.
    pub(crate) webhook: Secret,
}

/// A program that is told.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawWebhook {
    /// A short name for people and for the ledger: `siem`.
    pub(crate) name: String,
    /// Where it listens.
    pub(crate) url: String,
    /// Where the secrets are that sign, the newest first: `whsec_` and 24 to 64 random bytes in base64.
    /// While a secret is changed there are two, and both sign.
    pub(crate) secrets: Vec<Secret>,
}
