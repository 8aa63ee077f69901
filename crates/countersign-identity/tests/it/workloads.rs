//! Tokens as the platforms document them, signed here, and every way to get in with one that is not
//! ours: of a fork, of a repository that took the name, of another branch, environment or account.

use crate::issuer::{AUDIENCE, Key, NOW, Op, TestClock, merged};
use countersign_identity::{Http, Verifier, expand_preset};
use countersign_model::CallerKind;
use serde_json::{Value, json};

/// An issuer that stands for the platform, and the gateway's verifier with a preset.
pub(crate) struct Stage {
    pub(crate) op: Op,
    pub(crate) key: Key,
    pub(crate) verifier: Verifier,
}

impl Stage {
    pub(crate) async fn new(preset: Value, more: Value) -> Self {
        let key = Key::rsa("k", "RS256");
        let op = Op::start(&[&key]).await;
        let mut issuer = json!({
            "name": "platform", "url": op.url, "audiences": [AUDIENCE], "preset": preset,
        });
        issuer = merged(issuer, &more);
        expand_preset(&mut issuer);
        let issuer = serde_json::from_value(issuer).unwrap();
        let verifier = Verifier::new(vec![issuer], Http::new(), TestClock::new().clock()).unwrap();
        Self { op, key, verifier }
    }

    /// A token without a type of its own, as all these platforms make them.
    pub(crate) fn token(&self, sample: Value, changes: Value) -> String {
        let claims = merged(merged(sample, &json!({"iss": self.op.url})), &changes).to_string();
        self.key.token_of(br#"{"alg":"RS256","kid":"k","typ":"JWT"}"#, claims.as_bytes())
    }

    /// The subject of a token, or the code of its refusal.
    pub(crate) async fn judge(&self, sample: Value, changes: Value) -> Result<String, String> {
        let proved = self.verifier.identify(&self.token(sample, changes)).await;
        proved.map(|it| it.subject.to_string()).map_err(|it| it.code().to_owned())
    }

    async fn refuses(&self, sample: &Value, changes: Value, code: &str) {
        let judged = self.judge(sample.clone(), changes.clone()).await;
        assert_eq!(judged, Err(code.to_owned()), "{changes}");
    }
}

const RULE: &str = "claim_rule_not_met";

/// The documented claims of a job that deploys from `main`.
fn github() -> Value {
    json!({
        "jti": "7b0c", "sub": "repo:acme/app:environment:production", "aud": AUDIENCE,
        "ref": "refs/heads/main", "sha": "abc", "repository": "acme/app", "repository_owner": "acme",
        "repository_owner_id": "65", "run_id": "30433642", "run_number": "10", "run_attempt": "2",
        "repository_visibility": "private", "repository_id": "74", "actor_id": "12",
        "actor": "riley", "workflow": "deploy", "head_ref": "", "base_ref": "",
        "event_name": "push", "ref_protected": "true", "ref_type": "branch",
        "workflow_ref": "acme/app/.github/workflows/deploy.yml@refs/heads/main",
        "job_workflow_ref": "acme/app/.github/workflows/deploy.yml@refs/heads/main",
        "runner_environment": "github-hosted", "environment": "production",
        "nbf": NOW - 600, "exp": NOW + 300, "iat": NOW,
    })
}

#[tokio::test]
async fn github_jobs_call_by_number_environment_and_ref() {
    let preset = json!({"github_actions": {
        "repositories": [74], "owners": [65], "environments": ["production"],
        "refs": ["refs/heads/main"], "protected_refs_only": true,
        "workflow_refs": ["acme/app/.github/workflows/deploy.yml@refs/heads/main"],
    }});
    let stage = Stage::new(preset, json!({})).await;
    let sample = github();
    let subject = "github:repo:74:environment:production".to_owned();
    assert_eq!(stage.judge(sample.clone(), json!({})).await, Ok(subject.clone()));
    let proved = stage.verifier.identify(&stage.token(sample.clone(), json!({}))).await.unwrap();
    assert_eq!((proved.kind, proved.groups.len()), (CallerKind::Service, 0));
    // Numbers are the same as texts of them, and a renamed repository keeps its number.
    let renamed = json!({"repository_id": 74, "repository": "acme/new", "ref_protected": true});
    assert_eq!(stage.judge(sample.clone(), renamed).await, Ok(subject));

    for (changes, code) in [
        // Somebody registered the name again.
        (json!({"repository_id": "75"}), RULE),
        (json!({"repository_owner_id": "66"}), RULE),
        (json!({"repository_id": "074"}), RULE),
        (json!({"repository_id": 74.0}), "claim_invalid"),
        (json!({"repository_id": null}), RULE),
        (json!({"repository_id": ["74", "75"], "environment": "x"}), RULE),
        // Pull requests, of forks or not.
        (json!({"event_name": "pull_request"}), RULE),
        (json!({"event_name": "pull_request_target"}), RULE),
        (json!({"event_name": "issue_comment"}), RULE),
        (json!({"event_name": "workflow_run"}), RULE),
        (json!({"event_name": null}), RULE),
        (json!({"ref": "refs/pull/1/merge"}), RULE),
        (json!({"head_ref": "evil", "base_ref": "main"}), RULE),
        // Other branches, and those that only look alike.
        (json!({"ref": "refs/heads/main2"}), RULE),
        (json!({"ref": "refs/heads/Main"}), RULE),
        (json!({"ref": "main"}), RULE),
        (json!({"ref": "*"}), RULE),
        (json!({"ref_protected": "false"}), RULE),
        (json!({"ref_protected": null}), RULE),
        (json!({"environment": "staging"}), RULE),
        (json!({"environment": "production "}), RULE),
        (json!({"environment": null}), RULE),
        (
            json!({"job_workflow_ref":
                "acme/app/.github/workflows/deploy.yml@refs/heads/evil"}),
            RULE,
        ),
        // For others, or too long.
        (json!({"aud": "https://github.com/acme"}), "audience_mismatch"),
        (json!({"aud": [AUDIENCE, "https://other.example"]}), "audience_mismatch"),
        (json!({"aud": format!("{AUDIENCE}/")}), "audience_mismatch"),
        (json!({"exp": NOW + 601}), "lifetime_too_long"),
        (json!({"iat": null}), "lifetime_too_long"),
        (json!({"exp": NOW - 100, "iat": NOW - 200}), "token_expired"),
    ] {
        stage.refuses(&sample, changes, code).await;
    }
}

#[tokio::test]
async fn a_refusal_names_the_claim_and_the_rule_but_no_value() {
    let stage = Stage::new(json!({"github_actions": {"repositories": [74]}}), json!({})).await;
    let token = stage.token(github(), json!({"event_name": "pull_request_target"}));
    let refused = stage.verifier.identify(&token).await.unwrap_err();
    assert_eq!(
        refused.sentence(),
        "The token's claim event_name is not what issuer platform requires: pull requests and \
         events that strangers can cause may not call."
    );
    assert_eq!(refused.detail(), "require[0] of platform: event_name is \"pull_request_target\"");
    let token = stage.token(github(), json!({"repository_id": "9"}));
    let refused = stage.verifier.identify(&token).await.unwrap_err();
    assert_eq!(
        refused.sentence(),
        "The token's claim repository_id does not meet rule 4 of issuer platform."
    );
    // A token that is not the platform's learns nothing about the rules.
    let token = stage.token(github(), json!({"repository_id": "9"}));
    let forged = format!("{}AAAA", token.split_at(token.len() - 4).0);
    let refused = stage.verifier.identify(&forged).await.unwrap_err();
    assert_eq!(refused.code(), "signature_invalid");
    // Whoever has to make it work sees every rule that was met.
    let explained = stage.verifier.explain(&stage.token(github(), json!({}))).await;
    let rules = explained.steps.iter().filter(|it| it.check == "rule").count();
    assert_eq!((rules, explained.outcome.is_ok()), (4, true));
}

#[tokio::test]
async fn github_names_can_not_imitate_another_subject() {
    let preset = json!({"github_actions": {"owners": [65], "refs": ["refs/heads/*"]}});
    let stage = Stage::new(preset, json!({})).await;
    let judged = stage.judge(github(), json!({"ref": "refs/heads/a:environment:prod"})).await;
    let subject = "github:repo:74:ref:refs/heads/a%3Aenvironment%3Aprod";
    assert_eq!(judged, Ok(subject.to_owned()));
    stage.refuses(&github(), json!({"ref": "refs/tags/v1"}), RULE).await;
}

/// The documented claims of a job on GitLab.
fn gitlab() -> Value {
    json!({
        "namespace_id": "72", "namespace_path": "acme", "project_id": "20",
        "project_path": "acme/app", "user_id": "1", "user_login": "riley",
        "user_email": "riley@acme.example", "user_access_level": "developer",
        "pipeline_id": "574", "pipeline_source": "push", "job_id": "302", "ref": "main",
        "ref_type": "branch", "ref_path": "refs/heads/main", "ref_protected": "true",
        "groups_direct": ["acme"], "environment": "production", "environment_protected": "true",
        "deployment_tier": "production", "environment_action": "start", "runner_id": 1,
        "runner_environment": "self-hosted", "sha": "714a",
        "ci_config_ref_uri": "gitlab.example/acme/app//.gitlab-ci.yml@refs/heads/main",
        "ci_config_sha": "714a", "project_visibility": "internal", "jti": "235b", "aud": AUDIENCE,
        "iat": NOW, "nbf": NOW - 5, "exp": NOW + 3600,
        "sub": "project_path:acme/app:ref_type:branch:ref:main",
    })
}

#[tokio::test]
async fn gitlab_jobs_call_by_number_protection_and_environment() {
    let preset = json!({"gitlab_ci": {
        "projects": [20], "namespaces": [72], "environments": ["production"],
        "refs": ["refs/heads/main"],
    }});
    let stage = Stage::new(preset, json!({})).await;
    let sample = gitlab();
    let subject = "gitlab:project:20:environment:production".to_owned();
    assert_eq!(stage.judge(sample.clone(), json!({})).await, Ok(subject));
    for (changes, code) in [
        // A pipeline of a fork's merge request says the fork's number.
        (json!({"project_id": "21", "namespace_id": "73"}), RULE),
        (json!({"pipeline_source": "merge_request_event"}), RULE),
        (json!({"pipeline_source": "external_pull_request_event"}), RULE),
        (json!({"pipeline_source": "parent_pipeline"}), RULE),
        (json!({"pipeline_source": null}), RULE),
        (json!({"project_id": "20 "}), RULE),
        (json!({"namespace_id": "7"}), RULE),
        (json!({"ref_protected": "false"}), RULE),
        (json!({"ref_protected": null}), RULE),
        (json!({"ref_path": "refs/merge-requests/1/head"}), RULE),
        (json!({"ref_path": "refs/heads/mainx"}), RULE),
        (json!({"ref_type": "merge_request"}), RULE),
        (json!({"environment": "review/evil"}), RULE),
        (json!({"environment_protected": "false"}), RULE),
        (json!({"aud": "https://gitlab.example"}), "audience_mismatch"),
        (json!({"exp": NOW + 3601}), "lifetime_too_long"),
    ] {
        stage.refuses(&sample, changes, code).await;
    }
}

const UID: &str = "14ee3fa4-a7e2-420f-9f9a-dbc4507c3798";

/// The documented claims of a pod's projected token.
fn kubernetes() -> Value {
    json!({
        "aud": [AUDIENCE], "exp": NOW + 3600, "iat": NOW, "nbf": NOW, "jti": "ed9a",
        "sub": "system:serviceaccount:billing:web",
        "kubernetes.io": {
            "namespace": "billing",
            "node": {"name": "n1", "uid": "646e7c5e-32d6-4d42-9dbd-e504e6cbe6b1"},
            "pod": {"name": "web-1", "uid": "5e0bd49b-f040-43b0-99b7-22765a53f7f3"},
            "serviceaccount": {"name": "web", "uid": UID},
        },
    })
}

#[tokio::test]
async fn service_accounts_call_by_name_and_uid() {
    let preset = json!({"kubernetes": {"service_accounts": [
        {"namespace": "billing", "name": "web", "uid": UID},
    ]}});
    let stage = Stage::new(preset, json!({})).await;
    let sample = kubernetes();
    let with = |path: &str, value: Value| {
        let mut claims = kubernetes();
        *claims.pointer_mut(path).unwrap() = value;
        json!({"kubernetes.io": claims["kubernetes.io"]})
    };
    let subject = "kubernetes:sa:billing:web".to_owned();
    assert_eq!(stage.judge(sample.clone(), json!({})).await, Ok(subject));
    for (changes, code) in [
        // Another account that took the name.
        (with("/kubernetes.io/serviceaccount/uid", json!(UID.replace('1', "2"))), RULE),
        (with("/kubernetes.io/namespace", json!("evil")), RULE),
        (with("/kubernetes.io/pod", json!({})), RULE),
        (with("/kubernetes.io/serviceaccount", json!({})), RULE),
        (with("/kubernetes.io", json!({})), RULE),
        (json!({"kubernetes.io": "billing"}), RULE),
        (json!({"kubernetes.io": null, "kubernetes": {"io": {"namespace": "billing"}}}), RULE),
        (json!({"sub": "system:serviceaccount:billing:other"}), RULE),
        (json!({"sub": "system:serviceaccount:billing:web2"}), RULE),
        (json!({"aud": ["https://kubernetes.default.svc"]}), "audience_mismatch"),
        (json!({"aud": [AUDIENCE, "https://kubernetes.default.svc"]}), "audience_mismatch"),
        // Secrets of the old kind never end.
        (json!({"exp": null}), "expiry_missing"),
        (json!({"exp": NOW + 86400}), "lifetime_too_long"),
    ] {
        stage.refuses(&sample, changes, code).await;
    }
    let stage = Stage::new(json!({"kubernetes": {"namespaces": ["billing"]}}), json!({})).await;
    assert!(stage.judge(sample.clone(), json!({})).await.is_ok());
    stage.refuses(&sample, json!({"sub": "system:serviceaccount:billing2:web"}), RULE).await;
    stage.refuses(&sample, json!({"sub": "system:node:billing"}), RULE).await;
}

#[tokio::test]
async fn the_keys_of_a_cluster_are_read_with_its_token() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("token");
    std::fs::write(&file, "the-gateways-own\n").unwrap();
    let key = Key::rsa("k", "RS256");
    let cluster = Op::start(&[&key]).await;
    let preset = json!({"kubernetes": {"namespaces": ["billing"]}});
    let more = json!({"url": "https://kubernetes.default.svc.cluster.local",
                      "jwks_url": format!("{}/keys-for-known", cluster.url), "keys_token_file": file});
    let stage = Stage::new(preset, more).await;
    let issuer = json!({"iss": "https://kubernetes.default.svc.cluster.local"});
    let judged = stage.judge(kubernetes(), issuer).await;
    assert_eq!(judged, Ok("kubernetes:sa:billing:web".to_owned()));
    assert_eq!(*cluster.state.shown_to_keys.lock().unwrap(), ["Bearer the-gateways-own"]);
}

#[tokio::test]
async fn svids_call_by_their_spiffe_id() {
    let preset = json!({"spiffe": {"trust_domain": "prod.acme.com",
                                   "ids": ["spiffe://prod.acme.com/ns/billing/*"]}});
    let stage = Stage::new(preset, json!({})).await;
    let sample = json!({
        "sub": "spiffe://prod.acme.com/ns/billing/web", "aud": [AUDIENCE], "iat": NOW,
        "exp": NOW + 300,
    });
    let subject = "workload:spiffe://prod.acme.com/ns/billing/web".to_owned();
    assert_eq!(stage.judge(sample.clone(), json!({})).await, Ok(subject));
    for (changes, code) in [
        (json!({"sub": "spiffe://prod.acme.com/ns/other/web"}), RULE),
        (json!({"sub": "spiffe://prod.acme.com/ns/billing/../other"}), RULE),
        (json!({"sub": "spiffe://prod.acme.com/ns/billing//web"}), RULE),
        (json!({"sub": "spiffe://prod.acme.com/ns/billing/"}), RULE),
        (json!({"sub": "spiffe://prod.acme.com/ns/billing-evil/web"}), RULE),
        (json!({"sub": "spiffe://prod.acme.com.evil/ns/billing/web"}), RULE),
        (json!({"sub": "spiffe://prod.acme.com/ns/billing/a%2Fb"}), RULE),
        (json!({"sub": ["spiffe://prod.acme.com/ns/billing/web", "spiffe://evil/x"]}), RULE),
        (json!({"sub": "*"}), RULE),
        (json!({"aud": ["spiffe://prod.acme.com/other"]}), "audience_mismatch"),
        (json!({"aud": [AUDIENCE, "spiffe://prod.acme.com/other"]}), "audience_mismatch"),
        (json!({"exp": NOW + 3601}), "lifetime_too_long"),
        (json!({"exp": null}), "expiry_missing"),
    ] {
        stage.refuses(&sample, changes, code).await;
    }
    // SPIFFE lets a token leave its issuer out; here the issuer is how its keys are found.
    let claims = merged(sample, &json!({"iss": null})).to_string();
    let nameless = stage.key.token_of(br#"{"alg":"RS256","kid":"k"}"#, claims.as_bytes());
    assert_eq!(stage.verifier.identify(&nameless).await.unwrap_err().code(), "issuer_unknown");
}
