//! API keys: made and shown once, listed without the key, ended by administrators and sponsors.

use crate::world::{ADA, AGENT, OLIVIA, RILEY, SAM, World};
use countersign_model::{Digest, Span};
use http::StatusCode;
use serde_json::{Value, json};

fn new(world: &World, subject: &str) -> Value {
    let expires_at = world.now().plus(Span::from_days(7));
    json!({"subject": subject, "purpose": "no tokens there", "scopes": ["call"], "expires_at": expires_at})
}

#[tokio::test]
async fn a_key_is_in_one_answer_and_nowhere_else() {
    let world = World::new().await;
    let made = world.api("POST", "/api/v1/api-keys", SAM, &new(&world, AGENT).to_string()).await;
    assert_eq!(made.status, StatusCode::OK, "{}", made.text());
    assert_eq!(made.headers["cache-control"], "no-store");
    let secret = made.json()["secret"].as_str().unwrap().to_owned();
    let id = made.json()["api_key"]["id"].as_str().unwrap().to_owned();
    let digest = Digest::of(secret.as_bytes());
    assert!(secret.starts_with("csk_") && secret.len() == 53, "{secret}");
    assert!(world.governance.use_api_key(&digest).await.unwrap().is_some());
    let list = world.api("GET", "/api/v1/api-keys", ADA, "").await;
    assert!(list.text().contains(&id) && !list.text().contains("csk_"), "{}", list.text());
    assert!(!list.text().contains(&digest.to_string()));
    for entry in world.entries() {
        assert!(!format!("{entry:?}").contains(&secret));
    }

    let revoke = format!("/api/v1/api-keys/{id}/revoke");
    let why = json!({"why": "it leaked"}).to_string();
    assert_eq!(world.api("POST", &revoke, OLIVIA, &why).await.status, StatusCode::NOT_FOUND);
    assert_eq!(world.api("POST", &revoke, ADA, &why).await.status, StatusCode::FORBIDDEN);
    let revoked = world.api("POST", &revoke, RILEY, &why).await;
    assert_eq!(revoked.status, StatusCode::OK, "the sponsor: {}", revoked.text());
    assert_eq!(revoked.json()["revoked"]["why"], "it leaked");
    assert!(world.governance.use_api_key(&digest).await.unwrap().unwrap().revoked.is_some());
}

#[tokio::test]
async fn only_administrators_make_keys_and_only_for_agents() {
    let world = World::new().await;
    for (who, subject, status) in [
        (RILEY, AGENT, StatusCode::FORBIDDEN),
        (ADA, AGENT, StatusCode::FORBIDDEN),
        (AGENT, AGENT, StatusCode::FORBIDDEN),
        (SAM, RILEY, StatusCode::UNPROCESSABLE_ENTITY),
        (SAM, SAM, StatusCode::UNPROCESSABLE_ENTITY),
    ] {
        let body = new(&world, subject).to_string();
        let answer = world.api("POST", "/api/v1/api-keys", who, &body).await;
        assert_eq!(answer.status, status, "{who}: {}", answer.text());
        assert!(!answer.text().contains("csk_"));
    }
}

#[tokio::test]
async fn a_key_is_made_and_ended_on_the_page() {
    let world = World::new().await;
    let mut browser = world.signed_in(SAM).await;
    let csrf = browser.get("/console/api-keys").await.csrf();
    let ends = world.now().plus(Span::from_days(7)).date();
    let mut fields = vec![
        ("csrf", csrf.as_str()),
        ("subject", RILEY),
        ("purpose", "the mainframe"),
        ("scopes", "call read"),
        ("expires", ends.as_str()),
    ];
    let refused = browser.post("/console/api-keys", &fields).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.text().contains("agent of the catalog"), "{}", refused.text());
    assert!(refused.text().contains("the mainframe") && !refused.text().contains("csk_"));
    fields[1].1 = AGENT;
    let made = browser.post("/console/api-keys", &fields).await;
    assert_eq!(made.status, StatusCode::OK, "{}", made.text());
    assert_eq!(made.text().matches("csk_").count(), 1);
    let list = browser.get("/console/api-keys").await.text();
    assert!(
        list.contains("call read") && list.contains("never") && !list.contains("csk_"),
        "{list}"
    );
    let id = list.split("/console/api-keys/").nth(1).unwrap().split('/').next().unwrap().to_owned();
    let path = format!("/console/api-keys/{id}/revoke");
    let ended = browser.post(&path, &[("csrf", csrf.as_str()), ("why", "a token does it")]).await;
    assert_eq!(ended.status, StatusCode::SEE_OTHER, "{}", ended.text());
    let list = browser.get(&ended.location()).await.text();
    assert!(list.contains("a token does it") && !list.contains(&path), "{list}");
}
