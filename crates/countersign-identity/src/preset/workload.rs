//! Workloads that hold tokens of the platform that they run on, and no secret: jobs of GitHub
//! Actions and GitLab CI/CD, pods of Kubernetes, and whatever has a SPIFFE ID.
//!
//! Their tokens are JWTs without a type of their own, for one audience, and short-lived. Names of
//! repositories and projects can be given to others; their numbers can't.

use super::{Fault, is_uuid, pattern_faults, rule_of};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Jobs of GitHub Actions. At least one of `repositories` and `owners` is written. Pull requests and
/// other events that strangers can cause are always refused.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GithubActions {
    /// Numbers of repositories (`gh api repos/OWNER/NAME --jq .id`).
    #[serde(default)]
    pub repositories: Vec<u64>,
    /// Numbers of their owners, organizations or people (`gh api users/NAME --jq .id`).
    #[serde(default)]
    pub owners: Vec<u64>,
    /// Deployment environments; the subject then names the environment.
    #[serde(default)]
    pub environments: Vec<String>,
    /// Whole refs, `refs/heads/main`, or all below one: `refs/tags/*`.
    #[serde(default)]
    pub refs: Vec<String>,
    /// Workflows, as `job_workflow_ref` names them:
    /// `acme/app/.github/workflows/deploy.yml@refs/heads/main`.
    #[serde(default)]
    pub workflow_refs: Vec<String>,
    /// Whether only branches and tags that a protection rule covers may call.
    #[serde(default)]
    pub protected_refs_only: bool,
    /// The events whose jobs may call.
    #[serde(default = "github_events")]
    pub events: Vec<String>,
}

/// Jobs of GitLab CI/CD. At least one of `projects` and `namespaces` is written. Pipelines of merge
/// requests are always refused.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GitlabCi {
    /// Numbers of projects.
    #[serde(default)]
    pub projects: Vec<u64>,
    /// Numbers of groups or users that the projects are in.
    #[serde(default)]
    pub namespaces: Vec<u64>,
    /// Environments; the subject then names the environment.
    #[serde(default)]
    pub environments: Vec<String>,
    /// Whole refs, `refs/heads/main`, or all below one: `refs/tags/*`.
    #[serde(default)]
    pub refs: Vec<String>,
    /// Whether only protected branches and tags may call.
    #[serde(default = "yes")]
    pub protected_refs_only: bool,
    /// Whether, with `environments`, only protected ones may call.
    #[serde(default = "yes")]
    pub protected_environments_only: bool,
    /// What may have begun the pipeline.
    #[serde(default = "gitlab_sources")]
    pub pipeline_sources: Vec<String>,
}

/// Service accounts of a cluster. At least one of `service_accounts` and `namespaces` is written.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Kubernetes {
    /// The service accounts; with a `uid` at each or at none.
    #[serde(default)]
    pub service_accounts: Vec<ServiceAccount>,
    /// Namespaces, all service accounts of which may call.
    #[serde(default)]
    pub namespaces: Vec<String>,
    /// Whether only tokens that end with their pod may call.
    #[serde(default = "yes")]
    pub bound_to_pod: bool,
    /// Whether the gateway runs in this cluster and reads the keys from its API server, with its own
    /// service account.
    #[serde(default)]
    pub in_cluster: bool,
}

/// A service account.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ServiceAccount {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its uid, which another account of the same name does not have.
    #[serde(default)]
    pub uid: Option<String>,
}

/// Workloads with SPIFFE JWT-SVIDs that name their issuer.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spiffe {
    /// The trust domain: `prod.example.com`.
    pub trust_domain: String,
    /// SPIFFE IDs, whole or all below one: `spiffe://prod.example.com/ns/billing/*`.
    pub ids: Vec<String>,
    /// Where the trust domain's bundle or JWKS is; found by the issuer's discovery document if
    /// nothing is written.
    #[serde(default)]
    pub bundle_url: Option<String>,
}

/// What all workloads' tokens have in common.
fn base(prefix: &str, subject: &str, algorithms: &[&str], lifetime_max: &str) -> Value {
    json!({
        "algorithms": algorithms,
        "token_types": [],
        "untyped_tokens": "accept",
        "lifetime_max": lifetime_max,
        "other_audiences": "refuse",
        "claims": {"subject": subject, "subject_prefix": prefix, "kind": "service"},
    })
}

fn with(mut document: Value, members: Value) -> Value {
    if let (Some(document), Value::Object(members)) = (document.as_object_mut(), members) {
        document.extend(members);
    }
    document
}

impl GithubActions {
    pub(super) fn document(&self) -> Value {
        let subject = if !self.environments.is_empty() {
            "repo:{repository_id}:environment:{environment}"
        } else if !self.workflow_refs.is_empty() {
            "repo:{repository_id}:workflow:{job_workflow_ref}"
        } else if !self.refs.is_empty() {
            "repo:{repository_id}:ref:{ref}"
        } else {
            "repo:{repository_id}"
        };
        let mut require = vec![
            json!({"claim": "event_name", "values": self.events,
                   "because": "pull requests and events that strangers can cause may not call"}),
            json!({"claim": "ref", "prefixes": ["refs/heads/", "refs/tags/"],
                   "because": "only branches and tags may call, no pull requests"}),
            json!({"claim": "head_ref", "is": "absent", "because": "pull requests may not call"}),
        ];
        for (claim, ids) in
            [("repository_id", &self.repositories), ("repository_owner_id", &self.owners)]
        {
            if !ids.is_empty() {
                require.push(json!({"claim": claim, "values": ids}));
            }
        }
        if !self.environments.is_empty() {
            require.push(json!({"claim": "environment", "values": self.environments}));
        }
        for (claim, patterns) in [("ref", &self.refs), ("job_workflow_ref", &self.workflow_refs)] {
            if !patterns.is_empty() {
                require.push(rule_of(claim, patterns));
            }
        }
        if self.protected_refs_only {
            require.push(json!({"claim": "ref_protected", "values": [true],
                                "because": "only protected branches and tags may call"}));
        }
        let url = "https://token.actions.githubusercontent.com";
        with(base("github:", subject, &["RS256"], "10m"), json!({"url": url, "require": require}))
    }

    pub(super) fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        if self.repositories.is_empty() && self.owners.is_empty() {
            let problem = "name repositories or owners by their numbers: anyone on GitHub could get \
                           such a token";
            faults.push(("preset.github_actions", problem.into()));
        }
        for event in self.events.iter().filter(|it| is_strangers_event(it)) {
            let problem = format!("`{event}` can be caused by strangers, with code of theirs");
            faults.push(("preset.github_actions.events", problem));
        }
        let starts = ["refs/heads/", "refs/tags/"];
        faults.extend(pattern_faults("preset.github_actions.refs", &self.refs, &starts));
        let key = "preset.github_actions.workflow_refs";
        faults.extend(pattern_faults(key, &self.workflow_refs, &[]));
        for workflow in self.workflow_refs.iter().filter(|it| !it.contains("/.github/workflows/")) {
            let problem = format!("`{workflow}` is no OWNER/NAME/.github/workflows/FILE@REF");
            faults.push((key, problem));
        }
        faults
    }
}

/// Events of pull requests, and those that anyone with an account can cause in a public repository.
fn is_strangers_event(event: &str) -> bool {
    let public =
        ["issues", "issue_comment", "discussion", "discussion_comment", "fork", "watch", ""];
    event.starts_with("pull_request") || public.contains(&event)
}

impl GitlabCi {
    pub(super) fn document(&self) -> Value {
        let subject = if !self.environments.is_empty() {
            "project:{project_id}:environment:{environment}"
        } else if !self.refs.is_empty() {
            "project:{project_id}:ref:{ref_path}"
        } else {
            "project:{project_id}"
        };
        let mut require = vec![
            json!({"claim": "pipeline_source", "values": self.pipeline_sources,
                   "because": "pipelines of merge requests may not call"}),
            json!({"claim": "ref_type", "values": ["branch", "tag"]}),
        ];
        for (claim, ids) in [("project_id", &self.projects), ("namespace_id", &self.namespaces)] {
            if !ids.is_empty() {
                require.push(json!({"claim": claim, "values": ids}));
            }
        }
        if !self.refs.is_empty() {
            require.push(rule_of("ref_path", &self.refs));
        }
        if self.protected_refs_only {
            require.push(json!({"claim": "ref_protected", "values": [true],
                                "because": "only protected branches and tags may call"}));
        }
        if !self.environments.is_empty() {
            require.push(json!({"claim": "environment", "values": self.environments}));
            if self.protected_environments_only {
                require.push(json!({"claim": "environment_protected", "values": [true],
                                    "because": "only protected environments may call"}));
            }
        }
        with(
            base("gitlab:", subject, &["RS256"], "1h"),
            json!({"url": "https://gitlab.com", "require": require}),
        )
    }

    pub(super) fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        if self.projects.is_empty() && self.namespaces.is_empty() {
            let problem = "name projects or namespaces by their numbers: anyone on GitLab could get \
                           such a token";
            faults.push(("preset.gitlab_ci", problem.into()));
        }
        let merge = |it: &&String| it.contains("merge_request") || it.contains("pull_request");
        for source in self.pipeline_sources.iter().filter(merge) {
            let problem = format!("`{source}` runs code of strangers");
            faults.push(("preset.gitlab_ci.pipeline_sources", problem));
        }
        let starts = ["refs/heads/", "refs/tags/"];
        faults.extend(pattern_faults("preset.gitlab_ci.refs", &self.refs, &starts));
        faults
    }
}

impl Kubernetes {
    pub(super) fn document(&self) -> Value {
        let subject = "sa:{/kubernetes.io/namespace}:{/kubernetes.io/serviceaccount/name}";
        let mut namespaces: BTreeSet<&str> = self.namespaces.iter().map(String::as_str).collect();
        namespaces.extend(self.service_accounts.iter().map(|it| it.namespace.as_str()));
        let mut require = vec![
            json!({"claim": "/kubernetes.io/namespace", "values": namespaces}),
            json!({"claim": "/kubernetes.io/serviceaccount/uid", "is": "present"}),
        ];
        if !self.service_accounts.is_empty() {
            let names: Vec<String> = self
                .service_accounts
                .iter()
                .map(|it| format!("system:serviceaccount:{}:{}", it.namespace, it.name))
                .collect();
            require.push(json!({"claim": "sub", "values": names}));
            let ids: Vec<_> =
                self.service_accounts.iter().filter_map(|it| it.uid.as_ref()).collect();
            if !ids.is_empty() {
                require.push(json!({"claim": "/kubernetes.io/serviceaccount/uid", "values": ids,
                                    "because": "it is another account of the same name"}));
            }
        } else {
            let prefixes: Vec<String> =
                namespaces.iter().map(|it| format!("system:serviceaccount:{it}:")).collect();
            require.push(json!({"claim": "sub", "prefixes": prefixes}));
        }
        if self.bound_to_pod {
            require.push(json!({"claim": "/kubernetes.io/pod/uid", "is": "present",
                                "because": "only tokens that are bound to a pod may call"}));
        }
        let mut more = json!({"url": CLUSTER_ISSUER, "require": require});
        if self.in_cluster {
            let files = "/var/run/secrets/kubernetes.io/serviceaccount";
            more = with(
                more,
                json!({
                    "jwks_url": "https://kubernetes.default.svc/openid/v1/jwks",
                    "ca_file": format!("{files}/ca.crt"),
                    "keys_token_file": format!("{files}/token"),
                }),
            );
        }
        with(base("kubernetes:", subject, &["RS256", "ES256"], "1h"), more)
    }

    pub(super) fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        let mut fault = |key: &'static str, problem: &str| faults.push((key, problem.to_owned()));
        let accounts = &self.service_accounts;
        if accounts.is_empty() == self.namespaces.is_empty() {
            let problem = "name either service accounts or namespaces: every pod of the cluster \
                           could get such a token";
            fault("preset.kubernetes", problem);
        }
        let with_uid = accounts.iter().filter(|it| it.uid.is_some()).count();
        let key = "preset.kubernetes.service_accounts";
        if with_uid != 0 && with_uid != accounts.len() {
            fault(key, "write the uid of each account, or of none");
        }
        if accounts.iter().filter_map(|it| it.uid.as_ref()).any(|it| !is_uuid(it)) {
            fault(key, "a uid is as `kubectl get serviceaccount -o jsonpath={.metadata.uid}` says");
        }
        let label = |it: &str| {
            let allowed =
                |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || "-.".contains(it);
            !it.is_empty() && it.chars().all(allowed)
        };
        if !accounts.iter().all(|it| label(&it.namespace) && label(&it.name)) {
            fault(key, "names are of small letters, digits, `-` and `.`; there are no wildcards");
        }
        if !self.namespaces.iter().all(|it| label(it)) {
            let problem = "names are of small letters, digits and `-`; there are no wildcards";
            fault("preset.kubernetes.namespaces", problem);
        }
        faults
    }
}

impl Spiffe {
    pub(super) fn document(&self) -> Value {
        let require = json!([
            {"claim": "sub", "spiffe_trust_domain": self.trust_domain},
            rule_of("sub", &self.ids),
        ]);
        let mut more = json!({"require": require});
        if let Some(url) = &self.bundle_url {
            more = with(more, json!({"jwks_url": url}));
        }
        let algorithms = ["RS256", "RS384", "RS512", "ES256", "ES384", "PS256", "PS384", "PS512"];
        with(base("workload:", "sub", &algorithms, "1h"), more)
    }

    pub(super) fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        let allowed =
            |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit() || b"-._".contains(&it);
        let domain = &self.trust_domain;
        if domain.is_empty() || domain.len() > 255 || !domain.bytes().all(allowed) {
            let problem = "a name such as prod.example.com, without spiffe://";
            faults.push(("preset.spiffe.trust_domain", problem.into()));
        }
        if self.ids.is_empty() {
            faults.push(("preset.spiffe.ids", "name at least one".into()));
        }
        let start = format!("spiffe://{domain}/");
        faults.extend(pattern_faults("preset.spiffe.ids", &self.ids, &[&start]));
        faults
    }
}

fn yes() -> bool {
    true
}

/// Events that only people who can write to the repository cause, and time.
fn github_events() -> Vec<String> {
    let events = ["push", "workflow_dispatch", "repository_dispatch", "schedule", "release"];
    [&events[..], &["deployment", "merge_group"]].concat().into_iter().map(Into::into).collect()
}

/// What only people who can write to the project cause, and time. Not `parent_pipeline`: its parent
/// may be a merge request's.
fn gitlab_sources() -> Vec<String> {
    ["push", "web", "schedule", "api", "trigger", "pipeline"].map(Into::into).to_vec()
}

/// What `--service-account-issuer` is where nobody set it.
const CLUSTER_ISSUER: &str = "https://kubernetes.default.svc.cluster.local";
