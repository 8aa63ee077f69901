//! Providers that people sign in with. What names a person is the id that the provider never gives to
//! anybody else: addresses and user names are shown, and never believed.

use super::{Fault, is_host, is_uuid};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

/// An Okta organization's custom authorization server.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Okta {
    /// The organization's host: `acme.okta.com`, or its custom domain.
    pub domain: String,
    /// The authorization server's id. The organization's own one makes access tokens that only Okta
    /// can read.
    #[serde(default = "default_server")]
    pub authorization_server: String,
}

/// A Microsoft Entra ID tenant, with tokens of version 2.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Entra {
    /// The directory (tenant) id.
    pub tenant: String,
}

/// A Google Workspace.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Google {
    /// The workspace's primary domain, as `hd` has it: `acme.com`. Others with Google accounts are
    /// refused.
    pub hosted_domains: Vec<String>,
}

/// An Auth0 tenant.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Auth0 {
    /// The tenant's host: `acme.eu.auth0.com`, or its custom domain.
    pub domain: String,
    /// What an Action puts before the names of its claims: `https://acme.com/`. Groups are then
    /// read from `https://acme.com/groups`.
    pub namespace: String,
}

/// A Keycloak realm.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Keycloak {
    /// The server: `https://id.acme.com`, with its path if it has one.
    pub server: String,
    /// The realm's name.
    pub realm: String,
    /// What counts as groups.
    #[serde(default)]
    pub groups: KeycloakGroups,
}

/// What counts as groups.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeycloakGroups {
    /// The claim `groups`, which a mapper of group membership makes.
    #[default]
    Groups,
    /// The realm's roles, which are in access tokens.
    RealmRoles,
}

impl Okta {
    pub(super) fn document(&self) -> Value {
        json!({
            "url": format!("https://{}/oauth2/{}", self.domain, self.authorization_server),
            "algorithms": ["RS256"],
            "untyped_tokens": "accept",
            // `sub` of an access token is a login, which can be given to another; `uid` is not.
            "claims": {
                "subject": "uid", "id_token_subject": "sub", "service_subject": "sub",
                "client": "cid",
            },
            "require": [{"claim": "cid", "is": "present", "tokens": "access",
                         "because": "it is no access token"}],
        })
    }

    pub(super) fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        if !is_host(&self.domain) {
            faults.push(("preset.okta.domain", "a host such as acme.okta.com".into()));
        }
        let plain = |it: char| it.is_ascii_alphanumeric();
        if self.authorization_server.is_empty() || !self.authorization_server.chars().all(plain) {
            let problem =
                "the id of a custom authorization server: `default`, or such as aus1a2b3c";
            faults.push(("preset.okta.authorization_server", problem.into()));
        }
        faults
    }
}

impl Entra {
    pub(super) fn document(&self) -> Value {
        json!({
            "url": format!("https://login.microsoftonline.com/{}/v2.0", self.tenant),
            "algorithms": ["RS256"],
            "untyped_tokens": "accept",
            "claims": {
                "subject": "{tid}:{oid}",
                // An application that calls in its own name has been given no scope by anybody.
                "service": {"claim": "scp", "is": "absent", "tokens": "access"},
            },
            "require": [
                {"claim": "tid", "values": [self.tenant], "because": "it is of another tenant"},
                {"claim": "ver", "values": ["2.0"],
                 "because": "set requestedAccessTokenVersion to 2 in the API's manifest"},
                {"claim": "oid", "is": "present"},
            ],
        })
    }

    pub(super) fn faults(&self) -> Vec<Fault> {
        if is_uuid(&self.tenant) {
            return Vec::new();
        }
        let problem = "the tenant's id, in small letters: a domain can change hands, and `common`, \
                       `organizations` and `consumers` let in every tenant of the world";
        vec![("preset.entra.tenant", problem.into())]
    }
}

impl Google {
    pub(super) fn document(&self) -> Value {
        json!({
            "url": "https://accounts.google.com",
            "algorithms": ["RS256"],
            "require": [{"claim": "hd", "values": self.hosted_domains,
                         "because": "the account is not of this Google Workspace"}],
        })
    }

    pub(super) fn faults(&self) -> Vec<Fault> {
        if !self.hosted_domains.is_empty() && self.hosted_domains.iter().all(|it| is_host(it)) {
            return Vec::new();
        }
        let problem = "a domain such as acme.com: anyone with a Google account could sign in";
        vec![("preset.google.hosted_domains", problem.into())]
    }
}

impl Auth0 {
    pub(super) fn document(&self) -> Value {
        json!({
            // The slash belongs to the issuer's name.
            "url": format!("https://{}/", self.domain),
            "algorithms": ["RS256"],
            "untyped_tokens": "accept",
            "claims": {
                "groups": format!("{}groups", self.namespace),
                "service": {"claim": "gty", "values": ["client-credentials"], "tokens": "access"},
            },
        })
    }

    pub(super) fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        if !is_host(&self.domain) {
            faults.push(("preset.auth0.domain", "a host such as acme.eu.auth0.com".into()));
        }
        let url = Url::parse(&self.namespace).is_ok_and(|it| it.has_host());
        if !url || !self.namespace.ends_with('/') {
            let problem = "a URL of yours that ends with /, such as https://acme.com/";
            faults.push(("preset.auth0.namespace", problem.into()));
        }
        faults
    }
}

impl Keycloak {
    pub(super) fn document(&self) -> Value {
        let groups = match self.groups {
            KeycloakGroups::Groups => "groups",
            KeycloakGroups::RealmRoles => "realm_access.roles",
        };
        json!({
            "url": format!("{}/realms/{}", self.server.trim_end_matches('/'), self.realm),
            "untyped_tokens": "accept",
            "claims": {
                "groups": groups,
                // Only a service account's token has both `azp` and `client_id`.
                "service": {"claim": "client_id", "is": "present", "tokens": "access"},
            },
            "require": [{"claim": "typ", "values": ["Bearer"], "tokens": "access",
                         "because": "it is no access token"}],
        })
    }

    pub(super) fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        let url = Url::parse(&self.server);
        if !url.is_ok_and(|it| it.has_host() && it.query().is_none() && it.fragment().is_none()) {
            faults.push(("preset.keycloak.server", "a URL such as https://id.acme.com".into()));
        }
        let plain = |it: char| it.is_ascii_alphanumeric() || "-_.".contains(it);
        if self.realm.is_empty() || !self.realm.chars().all(plain) {
            let problem = "the realm's name, of letters, digits, `-`, `_` and `.`";
            faults.push(("preset.keycloak.realm", problem.into()));
        }
        faults
    }
}

fn default_server() -> String {
    "default".into()
}
