//! The inbox and the pages about it: one's own, without scripts, and what administrators see.

use crate::world::{ADA, AMIR, OLIVIA, RILEY, SAM, World};
use http::StatusCode;
use serde_json::json;

#[tokio::test]
async fn a_held_call_is_in_the_inbox_of_whoever_may_answer_until_it_is_read() {
    let world = World::new().await;
    let held = world.held(json!({"amount": "4711"}), &["owner"]).await;
    let mut browser = world.signed_in(OLIVIA).await;
    let home = browser.get("/console").await.text();
    assert!(home.contains("1 unread"), "every page says so: {home}");
    let page = browser.get("/console/notices").await;
    let text = page.text();
    assert!(text.contains(&format!("/console/approvals/{}", held.id)), "{text}");
    assert!(text.contains("riley") && text.contains("unread"), "{text}");
    assert!(!text.contains("4711"), "no arguments");

    let list = world.api("GET", "/api/v1/notices?unread=true", OLIVIA, "").await.json();
    assert_eq!((&list["unread"], list["notices"].as_array().unwrap().len()), (&json!(1), 1));
    let id = list["notices"][0]["id"].as_str().unwrap().to_owned();
    let open = browser.get(&format!("/console/notices/{id}")).await;
    assert_eq!(open.location(), format!("/console/approvals/{}", held.id));

    // Somebody else's is nobody's.
    for who in [RILEY, AMIR] {
        assert_eq!(world.api("GET", "/api/v1/notices", who, "").await.json()["unread"], 0, "{who}");
        let other = world.api("GET", &format!("/api/v1/notices/{id}"), who, "").await;
        assert_eq!(other.status, StatusCode::NOT_FOUND, "{who}");
        let body = json!({"id": id}).to_string();
        let read = world.api("POST", "/api/v1/notices/read", who, &body).await;
        assert_eq!(read.status, StatusCode::NOT_FOUND, "{who}");
    }
    assert_eq!(world.api("GET", &format!("/api/v1/notices/{id}"), ADA, "").await.status, 200);

    let csrf = page.csrf();
    let read = browser.post("/console/notices/read", &[("csrf", &csrf), ("id", &id)]).await;
    assert_eq!(read.location(), "/console/notices?said=read");
    let page = browser.get("/console/notices?show=unread").await.text();
    assert!(page.contains("Nothing is unread.") && !page.contains("1 unread"), "{page}");
}

#[tokio::test]
async fn deliveries_are_for_administrators_and_auditors_and_tests_for_oneself() {
    let world = World::new().await;
    let test = |to: &str| json!({"to": to}).to_string();
    let sent = world.api("POST", "/api/v1/notices/test", RILEY, &test(RILEY)).await;
    assert_eq!(sent.status, StatusCode::OK, "{}", sent.text());
    let other = world.api("POST", "/api/v1/notices/test", RILEY, &test(OLIVIA)).await;
    assert_eq!(other.status, StatusCode::FORBIDDEN);
    assert_eq!(world.api("POST", "/api/v1/notices/test", SAM, &test(OLIVIA)).await.status, 200);

    let deliveries = world.api("GET", "/api/v1/notices/deliveries?state=queued", ADA, "").await;
    let rows = deliveries.json()["deliveries"].as_array().unwrap().clone();
    assert_eq!(rows.len(), 4, "two channels each: {}", deliveries.text());
    let odd = world.api("GET", "/api/v1/notices/deliveries?state=lost", ADA, "").await;
    assert_eq!(odd.status, StatusCode::BAD_REQUEST);
    let page = world.signed_in(SAM).await.get("/console/notices/deliveries?state=queued").await;
    assert!(page.text().contains(rows[0]["id"].as_str().unwrap()), "{}", page.text());
    let page = world.signed_in(RILEY).await.get("/console/notices/deliveries").await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_person_chooses_their_channels_on_the_page() {
    let world = World::new().await;
    let mut browser = world.signed_in(RILEY).await;
    let page = browser.get("/console/notices/channels").await;
    let text = page.text();
    assert!(text.contains(r#"name="now:email" value="yes""#), "{text}");
    assert!(text.contains("teams") && !text.contains("now:teams"), "a room is nobody's choice");
    let csrf = page.csrf();
    let chosen = browser
        .post("/console/notices/channels", &[("csrf", &csrf), ("digest:email", "yes")])
        .await;
    assert_eq!(chosen.location(), "/console/notices/channels?said=chosen");
    let choice = world.api("GET", "/api/v1/notices/channels", RILEY, "").await.json();
    assert_eq!(choice["choice"], json!({"now": [], "digest": ["email"]}));
    let body = json!({"now": ["teams"], "digest": []}).to_string();
    let refused = world.api("POST", "/api/v1/notices/channels", RILEY, &body).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", refused.text());
    assert_eq!(refused.json()["code"], "no_such_channel");

    let tried = browser.post("/console/notices/test", &[("csrf", &csrf)]).await;
    let page = browser.get(&tried.location()).await.text();
    assert!(page.contains("email") && page.contains("queued"), "{page}");
}
