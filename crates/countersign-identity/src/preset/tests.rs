#![expect(clippy::needless_pass_by_value, reason = "rows of a table hand their JSON over")]

use super::*;
use crate::{IssuerConfig, check_issuers};

const TENANT: &str = "11111111-2222-3333-4444-555555555555";

fn expanded(preset: Value, more: Value) -> Value {
    let mut issuer = json!({"name": "x", "audiences": ["https://g.example"], "preset": preset});
    issuer.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    expand_preset(&mut issuer);
    issuer
}

fn keys(preset: Value, more: Value) -> Vec<&'static str> {
    let issuer: IssuerConfig = serde_json::from_value(expanded(preset, more)).unwrap();
    let faults = check_issuers(&[issuer]).err().unwrap_or_default();
    faults.iter().map(|it| it.key).collect()
}

fn samples() -> Vec<(Value, Value)> {
    vec![
        (json!({"github_actions": {"repositories": [7]}}), json!({})),
        (json!({"github_actions": {"owners": [7], "environments": ["prod"]}}), json!({})),
        (
            json!({"github_actions": {"owners": [7], "refs": ["refs/tags/*"],
                "workflow_refs": ["a/b/.github/workflows/c.yml@*"], "protected_refs_only": true}}),
            json!({}),
        ),
        (json!({"gitlab_ci": {"projects": [7], "environments": ["prod"]}}), json!({})),
        (json!({"gitlab_ci": {"namespaces": [7]}}), json!({"url": "https://git.acme.com"})),
        (json!({"kubernetes": {"namespaces": ["billing"]}}), json!({})),
        (
            json!({"kubernetes": {"in_cluster": true, "service_accounts": [
                {"namespace": "billing", "name": "web", "uid": TENANT}]}}),
            json!({}),
        ),
        (
            json!({"spiffe": {"trust_domain": "acme.com", "ids": ["spiffe://acme.com/web"]}}),
            json!({"url": "https://spire.acme.com"}),
        ),
        (json!({"okta": {"domain": "acme.okta.com"}}), json!({})),
        (json!({"entra": {"tenant": TENANT}}), json!({})),
        (json!({"google": {"hosted_domains": ["acme.com"]}}), json!({})),
        (
            json!({"auth0": {"domain": "acme.eu.auth0.com", "namespace": "https://acme.com/"}}),
            json!({}),
        ),
        (json!({"keycloak": {"server": "https://id.acme.com", "realm": "acme"}}), json!({})),
        (json!("oidc"), json!({"url": "https://id.acme.com"})),
    ]
}

#[test]
fn every_preset_is_a_whole_configuration() {
    for (preset, more) in samples() {
        assert_eq!(keys(preset.clone(), more), Vec::<&str>::new(), "{preset}");
    }
}

#[test]
fn what_is_written_stands_and_rules_are_added() {
    let github = || json!({"github_actions": {"repositories": [7]}});
    let issuer = expanded(
        github(),
        json!({"lifetime_max": "5m", "claims": {"subject_prefix": "ci:"},
               "require": [{"claim": "actor_id", "values": [1]}]}),
    );
    assert_eq!(issuer["lifetime_max"], "5m");
    assert_eq!(issuer["claims"]["subject_prefix"], "ci:");
    assert_eq!(issuer["claims"]["subject"], "repo:{repository_id}");
    assert_eq!(issuer["url"], "https://token.actions.githubusercontent.com");
    let rules: Vec<_> =
        issuer["require"].as_array().unwrap().iter().map(|it| it["claim"].clone()).collect();
    // What was written comes first: its place is the one in the file.
    assert_eq!(rules, ["actor_id", "event_name", "ref", "head_ref", "repository_id"]);
}

#[test]
fn a_configuration_that_lets_strangers_in_is_refused() {
    let check = |preset: Value, more: Value, expect: &[&str]| {
        assert_eq!(keys(preset.clone(), more), expect, "{preset}");
    };
    let github = |settings: Value| json!({"github_actions": settings});
    check(github(json!({})), json!({}), &["preset.github_actions", "require"]);
    let only = json!({"environments": ["production"], "refs": ["refs/heads/main"]});
    check(github(only), json!({}), &["preset.github_actions", "require"]);
    for event in ["pull_request", "pull_request_target", "pull_request_review", "issue_comment"] {
        let settings = json!({"repositories": [7], "events": ["push", event]});
        check(github(settings), json!({}), &["preset.github_actions.events"]);
    }
    for bad in ["*", "refs/*", "main", "refs/pull/*", "refs/heads/ma*", "refs/heads/*/x"] {
        let faults = keys(github(json!({"repositories": [7], "refs": [bad]})), json!({}));
        assert!(faults.contains(&"preset.github_actions.refs"), "{bad}: {faults:?}");
    }
    let flow = json!({"repositories": [7], "workflow_refs": ["*"]});
    assert!(!keys(github(flow), json!({})).is_empty());

    let gitlab = |settings: Value| json!({"gitlab_ci": settings});
    check(gitlab(json!({})), json!({}), &["preset.gitlab_ci", "require"]);
    let merge = json!({"projects": [7], "pipeline_sources": ["merge_request_event"]});
    check(gitlab(merge), json!({}), &["preset.gitlab_ci.pipeline_sources"]);

    let cluster = |settings: Value| json!({"kubernetes": settings});
    assert!(keys(cluster(json!({})), json!({})).contains(&"preset.kubernetes"));
    let star = json!({"namespaces": ["*"]});
    assert!(keys(cluster(star), json!({})).contains(&"preset.kubernetes.namespaces"));
    let half = json!({"service_accounts": [{"namespace": "a", "name": "b", "uid": TENANT},
                                           {"namespace": "a", "name": "c"}]});
    check(cluster(half), json!({}), &["preset.kubernetes.service_accounts"]);

    let spiffe = |ids: Value| json!({"spiffe": {"trust_domain": "acme.com", "ids": ids}});
    let at = || json!({"url": "https://spire.acme.com"});
    assert!(keys(spiffe(json!([])), at()).contains(&"preset.spiffe.ids"));
    for bad in ["*", "spiffe://*", "spiffe://other.com/*", "spiffe://acme.com/a*"] {
        assert!(keys(spiffe(json!([bad])), at()).contains(&"preset.spiffe.ids"), "{bad}");
    }
    let domain = json!({"spiffe": {"trust_domain": "spiffe://acme.com", "ids": ["x"]}});
    assert!(keys(domain, at()).contains(&"preset.spiffe.trust_domain"));
}

#[test]
fn an_issuer_of_everybodys_is_narrowed_down_without_a_preset_too() {
    let check = |url: &str, require: Value, expect: &[&str]| {
        assert_eq!(keys(json!("oidc"), json!({"url": url, "require": require})), expect, "{url}");
    };
    let github = "https://token.actions.githubusercontent.com";
    check(github, json!([]), &["require"]);
    // A name can be registered again by somebody else, and an absence narrows nothing.
    check(github, json!([{"claim": "repository", "values": ["acme/app"]}]), &["require"]);
    check(github, json!([{"claim": "repository_id", "not_values": [1]}]), &["require"]);
    check(github, json!([{"claim": "repository_id", "values": [1]}]), &[]);
    check("https://gitlab.com", json!([]), &["require"]);
    check("https://gitlab.com", json!([{"claim": "project_id", "values": [1]}]), &[]);
    check("https://accounts.google.com", json!([]), &["require"]);
    for tenant in ["common", "organizations", "consumers", "acme.onmicrosoft.com"] {
        let url = format!("https://login.microsoftonline.com/{tenant}/v2.0");
        check(&url, json!([]), &["url"]);
    }
    check(&format!("https://login.microsoftonline.com/{TENANT}/v2.0"), json!([]), &[]);
}

#[test]
fn settings_of_people_are_checked() {
    let check = |preset: Value, more: Value, expect: &str| {
        assert!(keys(preset.clone(), more).contains(&expect), "{preset}");
    };
    for tenant in ["common", "organizations", "acme.com", "*", ""] {
        check(json!({"entra": {"tenant": tenant}}), json!({}), "preset.entra.tenant");
    }
    for claim in ["email", "upn", "preferred_username", "unique_name"] {
        let more = json!({"claims": {"subject": claim}});
        check(json!({"entra": {"tenant": TENANT}}), more.clone(), "claims.subject");
        check(json!({"okta": {"domain": "acme.okta.com"}}), more, "claims.subject");
    }
    let template = json!({"claims": {"subject": "{tid}:{email}"}});
    check(json!({"entra": {"tenant": TENANT}}), template, "claims.subject");
    check(json!({"okta": {"domain": "https://acme.okta.com"}}), json!({}), "preset.okta.domain");
    let server = json!({"okta": {"domain": "a.okta.com", "authorization_server": "a/b"}});
    check(server, json!({}), "preset.okta.authorization_server");
    check(json!({"google": {"hosted_domains": []}}), json!({}), "preset.google.hosted_domains");
    let auth0 = json!({"auth0": {"domain": "a.auth0.com", "namespace": "acme"}});
    check(auth0, json!({}), "preset.auth0.namespace");
    let keycloak = json!({"keycloak": {"server": "id", "realm": "a/b"}});
    check(keycloak.clone(), json!({}), "preset.keycloak.server");
    check(keycloak, json!({}), "preset.keycloak.realm");
}

/// A name where a number belongs, a parameter of another preset, a preset that there is not.
#[test]
fn a_preset_that_can_not_be_read_is_one_fault() {
    for preset in [
        json!({"github_actions": {"repositories": ["acme/app"]}}),
        json!({"github_actions": {"repositories": [7], "projects": [7]}}),
        json!({"bitbucket": {}}),
        json!("github_actions"),
    ] {
        let issuer = expanded(preset.clone(), json!({}));
        assert!(serde_json::from_value::<IssuerConfig>(issuer.clone()).is_err(), "{preset}");
        assert!(issuer["url"].is_string(), "{issuer}");
    }
}
