//! Providers whose settings are known. A preset is written as JSON, as an operator would write it,
//! and fills in what the operator did not: it can say nothing that a configuration can't, and what it
//! said can be shown. Rules of `require` are the exception: they are added, so that nobody loses the
//! refusal of pull requests by asking for an environment.

mod people;
mod workload;

pub use people::{Auth0, Entra, Google, Keycloak, KeycloakGroups, Okta};
pub use workload::{GithubActions, GitlabCi, Kubernetes, ServiceAccount, Spiffe};

use crate::ClaimRule;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use url::Url;

/// A provider, with what has to be known of it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Preset {
    /// Jobs of GitHub Actions.
    GithubActions(GithubActions),
    /// Jobs of GitLab CI/CD.
    GitlabCi(GitlabCi),
    /// Service accounts of a Kubernetes cluster.
    Kubernetes(Kubernetes),
    /// Workloads with SPIFFE JWT-SVIDs.
    Spiffe(Spiffe),
    /// People and services of an Okta organization.
    Okta(Okta),
    /// People and services of a Microsoft Entra ID tenant.
    Entra(Entra),
    /// People of a Google Workspace; they sign in, but Google makes no tokens for calls.
    Google(Google),
    /// People and services of an Auth0 tenant.
    Auth0(Auth0),
    /// People and services of a Keycloak realm.
    Keycloak(Keycloak),
    /// Any provider that does what RFC 9068 and OpenID Connect say: the defaults.
    Oidc,
}

/// A fault of a preset: the key, and what is wrong.
pub(crate) type Fault = (&'static str, String);

/// Fills one issuer's document, as it was written, with what its preset knows. A document without a
/// preset, or with one that can't be read, stays as it is but for a URL that keeps its absence from
/// being a second fault.
pub fn expand_preset(issuer: &mut Value) {
    let Some(written) = issuer.get("preset") else { return };
    let known = match Preset::deserialize(written) {
        Ok(preset) => preset.document(),
        Err(_) => json!({"url": "https://unknown.invalid"}),
    };
    if let (Value::Object(issuer), Value::Object(known)) = (issuer, known) {
        fill(issuer, known);
    }
}

fn fill(written: &mut Map<String, Value>, known: Map<String, Value>) {
    for (name, known) in known {
        match (written.get_mut(&name), known) {
            (None, known) => drop(written.insert(name, known)),
            (Some(Value::Object(written)), Value::Object(known)) => fill(written, known),
            (Some(Value::Array(written)), Value::Array(known)) if name == "require" => {
                written.extend(known);
            }
            (Some(_), _) => {}
        }
    }
}

impl Preset {
    /// What it knows, as an operator would write it.
    fn document(&self) -> Value {
        match self {
            Self::GithubActions(it) => it.document(),
            Self::GitlabCi(it) => it.document(),
            Self::Kubernetes(it) => it.document(),
            Self::Spiffe(it) => it.document(),
            Self::Okta(it) => it.document(),
            Self::Entra(it) => it.document(),
            Self::Google(it) => it.document(),
            Self::Auth0(it) => it.document(),
            Self::Keycloak(it) => it.document(),
            Self::Oidc => json!({}),
        }
    }

    /// What can't be right about how it was written.
    pub(crate) fn faults(&self) -> Vec<Fault> {
        match self {
            Self::GithubActions(it) => it.faults(),
            Self::GitlabCi(it) => it.faults(),
            Self::Kubernetes(it) => it.faults(),
            Self::Spiffe(it) => it.faults(),
            Self::Okta(it) => it.faults(),
            Self::Entra(it) => it.faults(),
            Self::Google(it) => it.faults(),
            Self::Auth0(it) => it.faults(),
            Self::Keycloak(it) => it.faults(),
            Self::Oidc => Vec::new(),
        }
    }

    /// The tenant of Entra ID that it names.
    pub(crate) fn entra_tenant(&self) -> Option<&str> {
        match self {
            Self::Entra(entra) => Some(&entra.tenant),
            Self::GithubActions(_) | Self::GitlabCi(_) | Self::Kubernetes(_) | Self::Spiffe(_) => {
                None
            }
            Self::Okta(_) | Self::Google(_) | Self::Auth0(_) | Self::Keycloak(_) | Self::Oidc => {
                None
            }
        }
    }

    /// Whether the provider is known to have ids that are never given to somebody else.
    pub(crate) fn knows_ids(&self) -> bool {
        !matches!(self, Self::Oidc)
    }
}

/// Issuers that make tokens for everybody: strangers have accounts, projects and tenants there.
#[derive(Debug)]
pub(crate) struct Shared;

impl Shared {
    /// What keeps strangers of such an issuer out, and is missing; with or without a preset.
    pub(crate) fn faults(url: &str, require: &[ClaimRule]) -> Vec<Fault> {
        let Ok(parsed) = Url::parse(url) else { return Vec::new() };
        let narrowed = |claims: &[&str]| {
            require.iter().any(|it| claims.contains(&it.claim.as_str()) && !it.values.is_empty())
        };
        let (who, claims): (&str, &[&str]) = match parsed.host_str().unwrap_or_default() {
            "token.actions.githubusercontent.com" => {
                ("on GitHub", &["repository_id", "repository_owner_id", "enterprise_id"])
            }
            "gitlab.com" => ("on GitLab", &["project_id", "namespace_id", "groups_direct"]),
            "accounts.google.com" => ("with a Google account", &["hd"]),
            "login.microsoftonline.com"
            | "login.microsoftonline.us"
            | "login.partner.microsoftonline.cn" => return entra_faults(&parsed),
            _ => return Vec::new(),
        };
        if narrowed(claims) {
            return Vec::new();
        }
        let problem = format!(
            "anyone {who} could get such a token: narrow it down with the preset, or with `values` \
             of {} under `require`",
            claims.join(" or ")
        );
        vec![("require", problem)]
    }
}

/// An issuer of many tenants has no URL of its own in tokens, and no tenant to trust.
fn entra_faults(url: &Url) -> Vec<Fault> {
    let tenant = url.path_segments().and_then(|mut it| it.next()).unwrap_or_default();
    if is_uuid(tenant) {
        return Vec::new();
    }
    let problem = "name the one tenant by its id; `common`, `organizations` and `consumers` let in \
                   every tenant of the world";
    vec![("url", problem.into())]
}

/// Whether a text is a UUID, as Microsoft and Kubernetes write it.
pub(crate) fn is_uuid(text: &str) -> bool {
    let lengths: Vec<usize> = text.split('-').map(str::len).collect();
    let hexadecimal = |it: char| it.is_ascii_hexdigit() && !it.is_ascii_uppercase() || it == '-';
    lengths == [8, 4, 4, 4, 12] && text.chars().all(hexadecimal)
}

/// Whether a text is a host's name and nothing more.
fn is_host(text: &str) -> bool {
    let allowed = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || "-.".contains(it);
    text.contains('.')
        && text.chars().all(allowed)
        && !text.starts_with('.')
        && !text.ends_with('.')
}

/// A rule that the claim is one of these, or begins with what stands before a `*` at an end.
fn rule_of(claim: &str, patterns: &[String]) -> Value {
    let prefixes: Vec<&str> = patterns.iter().filter_map(|it| it.strip_suffix('*')).collect();
    let exact: Vec<&String> = patterns.iter().filter(|it| !it.ends_with('*')).collect();
    if prefixes.is_empty() {
        json!({"claim": claim, "values": exact})
    } else {
        json!({"claim": claim, "prefixes": prefixes})
    }
}

/// What is wrong with a list of patterns: one rule is either of whole texts or of beginnings.
fn pattern_faults(key: &'static str, patterns: &[String], starts: &[&str]) -> Vec<Fault> {
    let mut faults = Vec::new();
    let ending = patterns.iter().filter(|it| it.ends_with('*')).count();
    if ending != 0 && ending != patterns.len() {
        faults.push((key, "write either whole texts or such that end with *, not both".into()));
    }
    for pattern in patterns {
        let bare = pattern.strip_suffix('*').unwrap_or(pattern);
        let placed = starts.is_empty() || starts.iter().any(|it| bare.starts_with(it));
        if !placed {
            faults.push((key, format!("`{pattern}` begins with none of {}", starts.join(", "))));
        }
        let safe = bare == pattern || bare.len() > 1 && bare.ends_with(['/', ':', '@']);
        if bare.is_empty() || bare.contains('*') || !safe {
            let problem = format!("`{pattern}`: a * stands only at the end, after `/`, `:` or `@`");
            faults.push((key, problem));
        }
    }
    faults
}

#[cfg(test)]
mod tests;
