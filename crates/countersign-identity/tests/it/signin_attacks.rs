//! Attacks on signing in that are not about one ID token: downgrades, mixed-up providers, codes and
//! tokens of another sign-in. Each is refused with the one reason, and no code is sent on.

use crate::{
    issuer::{Key, Op, TestClock, merged},
    signin::{Begun, Stage, entropy},
};
use serde_json::{Value, json};

async fn begun(discovery: Value) -> &'static str {
    let stage = Stage::new(json!({})).await;
    *stage.op.state.discovery.lock().unwrap() = discovery;
    match stage.sign_in.begin("https://console.example/back", &entropy()).await {
        Ok(_) => "begun",
        Err(refused) => refused.code(),
    }
}

#[tokio::test]
async fn a_provider_that_offers_no_s256_is_not_asked() {
    for (offered, expect) in [
        // Some that do it don't say so.
        (json!({}), "begun"),
        (json!(["S256"]), "begun"),
        (json!(["plain", "S256"]), "begun"),
        (json!(["plain"]), "pkce_not_offered"),
        (json!(["s256"]), "pkce_not_offered"),
        (json!([]), "pkce_not_offered"),
    ] {
        let discovery = match offered.is_array() {
            true => json!({"code_challenge_methods_supported": offered}),
            false => json!({}),
        };
        assert_eq!(begun(discovery).await, expect, "{offered}");
    }
    // Whatever it offers beside, what is asked with is S256, by code, and in the query.
    let stage = Stage::new(json!({})).await;
    *stage.op.state.discovery.lock().unwrap() = json!({
        "code_challenge_methods_supported": ["plain", "S256"],
        "response_modes_supported": ["form_post", "fragment"],
        "response_types_supported": ["id_token", "code"],
    });
    let Begun { query, .. } = stage.begin().await;
    assert_eq!(query["code_challenge_method"], "S256");
    assert_eq!(query["response_type"], "code");
    assert_eq!(query.get("response_mode"), None);
}

#[tokio::test]
async fn a_document_of_another_issuer_begins_no_sign_in() {
    for other in ["https://evil.example", "ISSUER/", "ISSUER/{tenantid}/v2.0", "ISSUER/common", ""]
    {
        let stage = Stage::new(json!({})).await;
        let other = other.replace("ISSUER", &stage.op.url);
        *stage.op.state.discovery.lock().unwrap() = json!({
            "issuer": other, "authorization_endpoint": "https://evil.example/authorize",
        });
        let refused = stage.sign_in.begin("https://console.example/back", &entropy()).await;
        assert_eq!(refused.unwrap_err().code(), "issuer_unreachable", "{other}");
    }
}

/// Providers with one document for all tenants name no issuer in it, but a template of one.
#[tokio::test]
async fn a_template_of_issuers_is_nobodys_issuer() {
    let key = Key::ec("ec");
    let op = Op::start(&[&key]).await;
    let template = format!("{}/{{tenantid}}/v2.0", op.url);
    *op.state.discovery.lock().unwrap() = json!({"issuer": template});
    let keys = format!("{}/keys", op.url);
    let config = json!({"url": template, "jwks_url": keys});
    let verifier = op.verifier(&config, &TestClock::new());
    for tenant in ["9188040d-6c67-4c5b-b112-36a304b66dad", "{tenantid}/", "common"] {
        let issuer = format!("{}/{tenant}/v2.0", op.url);
        let token = key.token(&issuer, &json!({}), &json!({}));
        let refused = verifier.identify(&token).await.unwrap_err();
        assert_eq!(refused.code(), "issuer_unknown", "{issuer}");
    }
}

#[tokio::test]
async fn an_id_token_of_an_earlier_sign_in_signs_nobody_in() {
    let stage = Stage::new(json!({})).await;
    let first = stage.begin().await;
    let token = stage.id_token(&json!({}), &stage.claims(&first));
    stage.answer(&token);
    assert!(stage.finish(first, "code=c&state=STATE").await.is_ok());
    let second = stage.begin().await;
    stage.answer(&token);
    let refused = stage.finish(second, "code=d&state=STATE").await.unwrap_err();
    assert_eq!(refused.code(), "nonce_mismatch");
    // Nonces, states and challenges are new each time.
    let (one, other) = (stage.begin().await.query, stage.begin().await.query);
    for name in ["nonce", "state", "code_challenge"] {
        assert_ne!(one[name], other[name], "{name}");
    }
}

#[tokio::test]
async fn what_comes_without_a_code_in_the_query_signs_nobody_in() {
    let stage = Stage::new(json!({})).await;
    let begun = stage.begin().await;
    let token = stage.id_token(&json!({}), &stage.claims(&begun));
    // What a fragment had never reaches a server; what a script put into the query does.
    let implicit = format!("id_token={token}&access_token=a&state=STATE");
    assert_eq!(stage.finish(begun, &implicit).await.unwrap_err().code(), "code_missing");
    let begun = stage.begin().await;
    let signed = format!("response={token}");
    assert_eq!(stage.finish(begun, &signed).await.unwrap_err().code(), "state_mismatch");
    let begun = stage.begin().await;
    assert_eq!(stage.finish(begun, "").await.unwrap_err().code(), "state_mismatch");
    assert!(stage.op.state.forms.lock().unwrap().is_empty(), "no code was sent on");
}

#[tokio::test]
async fn an_answer_of_another_provider_is_not_taken_to_this_one() {
    let (stage, other) = (Stage::new(json!({})).await, Stage::new(json!({})).await);
    let escape = |url: &str| url.replace(':', "%3A").replace('/', "%2F");
    // Ours does not say that it names itself; the other's answers do it.
    let begun = stage.begin().await;
    let query = format!("code=stolen&state=STATE&iss={}", escape(&other.op.url));
    assert_eq!(stage.finish(begun, &query).await.unwrap_err().code(), "issuer_mismatch");
    // An honest code, but the token of another issuer, or of another client.
    let begun = stage.begin().await;
    let claims = json!({"iss": other.op.url, "nonce": begun.query["nonce"]});
    stage.answer(&other.id_token(&json!({}), &merged(stage.claims(&begun), &claims)));
    let refused = stage.finish(begun, "code=c&state=STATE").await.unwrap_err();
    assert_eq!(refused.code(), "issuer_unknown");
    for sent in [&stage, &other] {
        let forms = sent.op.state.forms.lock().unwrap();
        assert!(forms.iter().all(|it| it["code"] != "stolen"));
    }
}
