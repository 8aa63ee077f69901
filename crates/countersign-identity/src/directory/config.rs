//! What an operator writes about a directory.

use crate::{Secret, preset::is_uuid};
use countersign_model::Span;
use schemars::JsonSchema;
use serde::Deserialize;
use url::Url;

/// Where to ask for groups that tokens leave out: one of the two directories.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DirectoryConfig {
    /// Microsoft Graph, for a tenant of Entra ID.
    #[serde(default)]
    pub microsoft_graph: Option<MicrosoftGraph>,
    /// The Admin SDK, for a Google Workspace.
    #[serde(default)]
    pub google_workspace: Option<GoogleWorkspace>,
    /// When it is asked.
    #[serde(default)]
    pub ask: Ask,
    /// How old groups may be. They are asked for anew at half of this time; when they are older,
    /// and can't be had, calls are refused as `groups_unknown`.
    #[serde(default = "default_stale_after")]
    #[schemars(with = "String")]
    pub stale_after: Span,
    /// How long a call waits at most for groups that are not known.
    #[serde(default = "default_wait_max")]
    #[schemars(with = "String")]
    pub wait_max: Span,
    /// The most groups that somebody may have; with more, calls are refused.
    #[serde(default = "default_groups_max")]
    pub groups_max: usize,
}

/// When the directory is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ask {
    /// When a token says that it leaves its groups out, as Entra's do of people with more than 200.
    #[default]
    WhenLeftOut,
    /// For every token, instead of reading groups from it.
    Always,
}

/// An application that reads groups from Microsoft Graph, with the application permission
/// `GroupMember.Read.All` and `User.Read.All`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MicrosoftGraph {
    /// The directory (tenant) id.
    pub tenant: String,
    /// The application's client id.
    pub client_id: String,
    /// The application's client secret.
    pub client_secret: Secret,
    /// Graph's address, for a national cloud.
    #[serde(default = "graph_url")]
    pub url: String,
    /// The token endpoint, for a national cloud; the tenant's by default.
    #[serde(default)]
    pub token_url: Option<String>,
}

/// A service account that reads groups from the Admin SDK, by domain-wide delegation of
/// `https://www.googleapis.com/auth/admin.directory.group.readonly`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GoogleWorkspace {
    /// The service account's key, the JSON file that Google makes.
    pub key: Secret,
    /// The address of the administrator in whose name it reads.
    pub administrator: String,
    /// What names a group.
    #[serde(default)]
    pub groups_by: GoogleGroups,
    /// The Admin SDK's address.
    #[serde(default = "google_url")]
    pub url: String,
    /// The token endpoint. What the key's file says about it is not read.
    #[serde(default = "google_token_url")]
    pub token_url: String,
}

/// What names a group of a Google Workspace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GoogleGroups {
    /// Its address, which an administrator can give to another group.
    #[default]
    Email,
    /// Its id.
    Id,
}

impl DirectoryConfig {
    /// What can't be right: the key, and what is wrong.
    pub(crate) fn faults(&self) -> Vec<(&'static str, String)> {
        let mut faults = Vec::new();
        let mut require = |holds: bool, key: &'static str, problem: &str| {
            if !holds {
                faults.push((key, problem.to_owned()));
            }
        };
        let one = self.microsoft_graph.is_some() != self.google_workspace.is_some();
        require(one, "directory", "write one of microsoft_graph and google_workspace");
        let stale = (60_000..=3_600_000).contains(&self.stale_after.millis());
        require(stale, "directory.stale_after", "write a time from 1m to 1h");
        let wait = (100..=30_000).contains(&self.wait_max.millis());
        require(wait, "directory.wait_max", "write a time from 100ms to 30s");
        let groups = (1..=10_000).contains(&self.groups_max);
        require(groups, "directory.groups_max", "between 1 and 10000");
        if let Some(graph) = &self.microsoft_graph {
            let key = "directory.microsoft_graph";
            require(is_uuid(&graph.tenant), key, "`tenant` is the tenant's id, in small letters");
            require(!graph.client_id.is_empty(), key, "name the client");
            let urls = std::iter::once(&graph.url).chain(&graph.token_url);
            require(urls.clone().all(|it| is_plain_url(it)), key, "write absolute https URLs");
        }
        if let Some(google) = &self.google_workspace {
            let key = "directory.google_workspace";
            let address = google.administrator.contains('@');
            require(address, key, "`administrator` is an address");
            let urls = [&google.url, &google.token_url];
            require(urls.iter().all(|it| is_plain_url(it)), key, "write absolute https URLs");
            let always = self.ask == Ask::Always;
            require(always, "directory.ask", "write `always`: Google's tokens never have groups");
        }
        faults
    }
}

fn is_plain_url(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| {
        matches!(url.scheme(), "https" | "http")
            && url.host().is_some()
            && url.query().is_none()
            && url.fragment().is_none()
    })
}

fn default_stale_after() -> Span {
    Span::from_seconds(600)
}

fn default_wait_max() -> Span {
    Span::from_seconds(5)
}

fn default_groups_max() -> usize {
    2000
}

fn graph_url() -> String {
    "https://graph.microsoft.com".into()
}

fn google_url() -> String {
    "https://admin.googleapis.com".into()
}

fn google_token_url() -> String {
    "https://oauth2.googleapis.com/token".into()
}
