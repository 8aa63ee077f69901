//! DPoP and introspection with a certified provider, the npm package `oidc-provider` (see
//! `crates/countersign-identity/tests/oidc-provider`), through the real process. Runs if
//! `COUNTERSIGN_TEST_OIDC` names a running one, and says so if not.

use super::{ITEM, code, issuer::Key, say};
use crate::lab::{AUDIENCE, Process, Say, World};
use countersign_identity::{Http, Limits};
use http::{HeaderMap, HeaderValue, header};
use serde_json::{Value, json};

/// What the provider gives JWTs for, and what it gives opaque tokens for.
const RESOURCE: &str = "https://gateway.test/api";
const OPAQUE: &str = "https://gateway.test/opaque";

#[expect(clippy::disallowed_methods, reason = "the test is told where the provider is")]
fn provider() -> Option<String> {
    std::env::var("COUNTERSIGN_TEST_OIDC").ok()
}

/// A token of the provider's client `agent` for a resource, bound to a key if one is given.
async fn token(url: &str, resource: &str, key: Option<&Key>) -> Value {
    let mut headers = HeaderMap::new();
    // `agent:agent-secret`
    let basic = HeaderValue::from_static("Basic YWdlbnQ6YWdlbnQtc2VjcmV0");
    headers.insert(header::AUTHORIZATION, basic);
    let endpoint = format!("{url}/token");
    if let Some(key) = key {
        headers.insert("dpop", HeaderValue::from_str(&key.first_proof(&endpoint)).unwrap());
    }
    let form = [("grant_type", "client_credentials"), ("scope", "call"), ("resource", resource)];
    let answer = Http::new().post_form(&endpoint, headers, &form, Limits::default()).await;
    answer.unwrap().json().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::print_stderr, reason = "a test that did nothing says so")]
async fn bound_and_opaque_tokens_of_a_certified_provider_are_taken() {
    let Some(url) = provider() else {
        eprintln!("skipped: COUNTERSIGN_TEST_OIDC names no provider");
        return;
    };
    countersign_identity::install_crypto();
    let world = World::new().await;
    world.write("introspection.secret", "console-secret");
    let demo = json!({
        "name": "demo", "url": format!("http://{}/idp", world.idp_site.address),
        "audiences": [AUDIENCE]
    });
    let certified = json!({
        "name": "op", "url": url, "audiences": [RESOURCE, OPAQUE],
        "claims": {"subject_prefix": "op:"},
        "introspection": {
            "client_id": "console", "client_secret": {"file": "introspection.secret"},
            "remembered": "1s", "without_subject": "client",
        },
    });
    world.configure(&json!({"issuers": [demo, certified]}));
    let process = Process::start(&world).await;
    world.grant_desk(&process, "op:agent").await;

    let (holder, thief) = (Key::new(), Key::new());
    let given = token(&url, RESOURCE, Some(&holder)).await;
    assert_eq!(given["token_type"], "DPoP", "{given}");
    let bound = given["access_token"].as_str().unwrap();
    let ask = async |token: &str, key: &Key| {
        let proof = key.proof("GET", &format!("{AUDIENCE}{ITEM}"), token, None);
        let authorized = Say::authorized("GET", ITEM, &format!("DPoP {token}"));
        code(&say(&process, authorized.header("dpop", &proof)).await)
    };
    assert_eq!(ask(bound, &holder).await, "200");
    assert_eq!(ask(bound, &thief).await, "401 proof_key_mismatch");
    assert_eq!(code(&say(&process, Say::get(ITEM, bound)).await), "401 proof_missing");

    let given = token(&url, OPAQUE, None).await;
    let opaque = given["access_token"].as_str().unwrap();
    assert!(!opaque.contains('.'), "{given}");
    assert_eq!(code(&say(&process, Say::get(ITEM, opaque)).await), "200");
    let made_up = opaque.chars().rev().collect::<String>();
    let refused = say(&process, Say::get(ITEM, &made_up)).await;
    assert_eq!(code(&refused), "401 token_inactive");

    // Opaque and bound: the issuer's answer names the key.
    let given = token(&url, OPAQUE, Some(&holder)).await;
    let both = given["access_token"].as_str().unwrap();
    assert_eq!(ask(both, &holder).await, "200");
    assert_eq!(ask(both, &thief).await, "401 proof_key_mismatch");
    assert_eq!(code(&say(&process, Say::get(ITEM, both)).await), "401 proof_missing");
    process.stop().await;
}
