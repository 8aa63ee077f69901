#![expect(clippy::needless_pass_by_value, reason = "rows of a table hand their JSON over")]

use super::*;
use serde_json::{Value, json};

fn issuer(changes: Value) -> IssuerConfig {
    let mut document = json!({
        "name": "acme", "url": "https://op.example", "audiences": ["https://g.example"],
    });
    for (key, value) in changes.as_object().unwrap() {
        document[key] = value.clone();
    }
    serde_json::from_value(document).unwrap()
}

#[test]
fn has_safe_defaults() {
    let issuer = issuer(json!({}));
    assert_eq!(issuer.algorithms, Algorithm::DEFAULT);
    assert_eq!(issuer.token_types, ["at+jwt", "application/at+jwt"]);
    assert_eq!(issuer.untyped_tokens, UntypedTokens::Refuse);
    assert_eq!(issuer.clock_skew, Span::from_seconds(60));
    assert_eq!(issuer.claims.subject, "sub");
    assert_eq!(check_issuers(&[issuer]), Ok(()));
}

#[test]
fn refuses_what_it_does_not_know() {
    for algorithm in ["none", "HS256", "rs256", "RS1", "ES256K"] {
        assert!(serde_json::from_value::<Algorithm>(json!(algorithm)).is_err(), "{algorithm}");
    }
    let unknown = json!({"name": "a", "url": "https://o", "audiences": ["x"], "audience": "y"});
    assert!(serde_json::from_value::<IssuerConfig>(unknown).is_err());
}

#[test]
fn names_the_key_of_each_fault() {
    let check = |changes: Value, expect: &[&str]| {
        let faults = check_issuers(&[issuer(changes.clone())]).err().unwrap_or_default();
        let keys: Vec<_> = faults.iter().map(|it| it.key).collect();
        assert_eq!(keys, expect, "{changes}");
    };
    check(json!({"name": ""}), &["name"]);
    check(json!({"url": "op.example"}), &["url"]);
    check(json!({"url": "https://op.example/?x=1"}), &["url"]);
    check(json!({"url": "ftp://op.example"}), &["url"]);
    check(json!({"jwks_url": "x"}), &["jwks_url"]);
    check(json!({"audiences": []}), &["audiences"]);
    check(json!({"audiences": [""]}), &["audiences"]);
    check(json!({"algorithms": []}), &["algorithms"]);
    check(json!({"token_types": []}), &["token_types"]);
    check(json!({"token_types": [], "untyped_tokens": "accept"}), &[]);
    check(json!({"clock_skew": "5m"}), &[]);
    check(json!({"clock_skew": "301s"}), &["clock_skew"]);
    check(json!({"keys_refresh": "1s"}), &["keys_refresh"]);
    check(json!({"keys_usable": "8d"}), &["keys_usable"]);
    check(json!({"claims": {"subject": ""}}), &["claims.subject"]);
    // An address by another path would pass without having been verified.
    check(json!({"claims": {"subject": "/email"}}), &["claims.subject"]);
    check(json!({"claims": {"subject": "{email}"}}), &["claims.subject"]);
    check(json!({"claims": {"id_token_subject": "{a}{b}"}}), &["claims.id_token_subject"]);
    check(json!({"claims": {"service_subject": ""}}), &["claims.service_subject"]);
    check(json!({"lifetime_max": "0s"}), &["lifetime_max"]);
    check(json!({"lifetime_max": "8d"}), &["lifetime_max"]);
    check(json!({"keys_token_file": "x"}), &["keys_token_file"]);
    check(json!({"keys_token_file": "x", "jwks_url": "https://x/keys"}), &[]);
    check(json!({"ca_file": "x", "sign_in": {"client_id": "c"}}), &["ca_file"]);
    check(json!({"claims": {"kind": "agent"}, "sign_in": {"client_id": "c"}}), &["claims.kind"]);
    check(json!({"require": [{"claim": "a"}]}), &["require"]);
    check(json!({"claims": {"agent": {"claim": "x", "values": []}}}), &["claims"]);
    check(json!({"sign_in": {"client_id": "c", "scopes": ["email"]}}), &["sign_in.scopes"]);
    check(
        json!({"audiences": ["c"], "untyped_tokens": "accept", "sign_in": {"client_id": "c"}}),
        &["untyped_tokens"],
    );
}

#[test]
fn two_issuers_never_share_names_by_accident() {
    let keys = |second: Value| -> Vec<&'static str> {
        let faults = check_issuers(&[issuer(json!({"namespace": "shared"})), issuer(second)]);
        faults.err().unwrap_or_default().iter().map(|it| it.key).collect()
    };
    let other = |more: Value| {
        let mut document = json!({"name": "other", "url": "https://other.example"});
        for (key, value) in more.as_object().unwrap() {
            document[key] = value.clone();
        }
        document
    };
    assert_eq!(keys(json!({})), ["name", "url", "claims.subject_prefix"]);
    assert_eq!(keys(other(json!({}))), ["claims.subject_prefix"]);
    assert!(keys(other(json!({"namespace": "shared"}))).is_empty());
    assert!(keys(other(json!({"claims": {"subject_prefix": "o:"}}))).is_empty());
    let groups = json!({"claims": {"subject_prefix": "o:", "group_prefix": ""}});
    assert_eq!(keys(other(groups)), ["claims.group_prefix"]);
}

#[test]
fn has_a_published_schema() {
    let schema = serde_json::to_value(schemars::schema_for!(IssuerConfig)).unwrap();
    assert_eq!(schema["additionalProperties"], json!(false));
    assert_eq!(schema["properties"]["clock_skew"]["type"], json!("string"));
    assert!(schema["$defs"]["Secret"]["properties"]["env"].is_object(), "{schema}");
}
