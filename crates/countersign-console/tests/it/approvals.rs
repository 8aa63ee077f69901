//! Answering held calls, on pages and by the API.

use crate::world::{ADA, AMIR, OLIVIA, REFUND, RILEY, SAM, World};
use countersign_model::Span;
use http::StatusCode;
use serde_json::json;

const FINANCE: &[&str] = &["group:finance-approvers"];

#[tokio::test]
async fn an_approver_sees_exactly_what_will_run_and_answers() {
    let world = World::new().await;
    let earlier = world.held(json!({"amount": 40, "iban": "DE**", "note": "same"}), FINANCE).await;
    let comment = r#"{"comment":"fine"}"#;
    let path = format!("/api/v1/approvals/{}/approve", earlier.id);
    let answer = world.api("POST", &path, AMIR, comment).await;
    assert_eq!(answer.json()["state"]["state"], "approved", "{}", answer.text());
    world.pass(Span::from_seconds(60));
    let denied = world.held(json!({"amount": 7}), FINANCE).await;
    let path = format!("/api/v1/approvals/{}/deny", denied.id);
    world.api("POST", &path, AMIR, r#"{"comment":"no <b>ticket</b>"}"#).await;
    world.pass(Span::from_seconds(60));
    let note = "<script>alert(1)</script>\u{202E}fdp";
    let shown = json!({"amount": 900, "iban": "DE**", "note": "same", "more": [note]});
    let approval = world.held(shown, FINANCE).await;

    let mut browser = world.signed_in(AMIR).await;
    assert!(browser.get("/console").await.text().contains(&approval.id.to_string()));
    let path = format!("/console/approvals/{}", approval.id);
    let page = browser.get(&path).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text());
    let text = page.text();
    for part in [
        "more[0]",
        "&lt;script&gt;alert(1)&lt;/script&gt;",
        "⟨U+202E⟩",
        "One argument is hidden",
        "agent:dunning",
        "last approved call",
        "One value is the same",
        "no &lt;b&gt;ticket&lt;/b&gt;",
        "a member of finance-approvers",
        &approval.digest.to_string(),
    ] {
        assert!(text.contains(part), "no {part} in\n{text}");
    }
    assert!(!text.contains("<script>alert") && !text.contains('\u{202E}'));

    let (csrf, digest) = (page.csrf(), approval.digest.to_string());
    let answer = format!("{path}/answer");
    let other = [("csrf", csrf.as_str()), ("verdict", "approve"), ("digest", &"0".repeat(64))];
    assert_eq!(browser.post(&answer, &other).await.status, StatusCode::BAD_REQUEST);
    let fields = [
        ("csrf", csrf.as_str()),
        ("verdict", "approve"),
        ("digest", &digest),
        ("comment", "ticket 4711"),
    ];
    let answered = browser.post(&answer, &fields).await;
    assert_eq!(answered.location(), format!("{path}?said=approve"));
    let page = browser.get(&answered.location()).await.text();
    assert!(page.contains("Your approval is taken.") && page.contains("ticket 4711"), "{page}");
    let approval = world.governance.approval(approval.id).await.unwrap().unwrap();
    assert_eq!(approval.state.name(), "approved");
    assert_eq!(approval.votes[0].by.as_str(), AMIR);
}

#[tokio::test]
async fn who_may_not_answer_is_told_why_or_nothing() {
    let world = World::new().await;
    let approval = world.held(json!({"amount": 900}), FINANCE).await;
    let path = format!("/console/approvals/{}", approval.id);
    let table = [
        (AMIR, Some("name=\"verdict\"")),
        (RILEY, Some("nobody approves their own call")),
        (SAM, Some("you are not among those who may answer")),
        (ADA, Some("you are not among those who may answer")),
        (OLIVIA, None),
    ];
    for (who, expected) in table {
        let mut browser = world.signed_in(who).await;
        let page = browser.get(&path).await;
        match expected {
            Some(part) => assert!(page.text().contains(part), "{who}: {}", page.text()),
            None => assert_eq!(page.status, StatusCode::NOT_FOUND, "{who}"),
        }
        if who == AMIR {
            continue;
        }
        let csrf = browser.get("/console").await.csrf();
        let digest = approval.digest.to_string();
        let fields = [("csrf", csrf.as_str()), ("verdict", "approve"), ("digest", &digest)];
        let answer = browser.post(&format!("{path}/answer"), &fields).await;
        let wanted = if expected.is_some() { StatusCode::FORBIDDEN } else { StatusCode::NOT_FOUND };
        assert_eq!(answer.status, wanted, "{who}");
        let api = format!("/api/v1/approvals/{}/approve", approval.id);
        assert_eq!(world.api("POST", &api, who, "").await.status, wanted, "{who}");
    }
    let approval = world.governance.approval(approval.id).await.unwrap().unwrap();
    assert!(approval.votes.is_empty());
}

#[tokio::test]
async fn who_has_to_be_asked_is_named() {
    let world = World::new().await;
    let approval = world.held(json!({"amount": 900}), &["owner"]).await;
    let mut browser = world.signed_in(ADA).await;
    let path = format!("/console/approvals/{}", approval.id);
    let text = browser.get(&path).await.text();
    assert!(text.contains(&format!("an owner of the function ({OLIVIA})")), "{text}");
}

#[tokio::test]
async fn the_api_shows_no_sealed_arguments_and_says_who_may_answer() {
    let world = World::new().await;
    let approval = world.held(json!({"amount": 900, "iban": "DE**"}), FINANCE).await;
    for (who, may) in [(AMIR, true), (SAM, false)] {
        let found = world.api("GET", "/api/v1/approvals?state=pending", who, "").await.json();
        let first = &found["approvals"][0];
        assert_eq!(first["id"], approval.id.to_string());
        assert_eq!(first["call"]["function"], REFUND);
        assert_eq!(first["may_answer"], may);
        assert!(first["call"].get("sealed").is_none());
    }
    let none = world.api("GET", "/api/v1/approvals?state=denied", AMIR, "").await.json();
    assert_eq!(none["approvals"].as_array().unwrap().len(), 0);
    let late = world.api("GET", "/api/v1/approvals/apr_nonsense", AMIR, "").await;
    assert_eq!(late.status, StatusCode::NOT_FOUND);
    world.pass(Span::from_seconds(16 * 60));
    let path = format!("/api/v1/approvals/{}/approve", approval.id);
    let answer = world.api("POST", &path, AMIR, "").await;
    assert_eq!(answer.status, StatusCode::CONFLICT, "{}", answer.text());
}

#[tokio::test]
async fn an_approver_takes_their_approval_back() {
    let world = World::new().await;
    let approval = world.held(json!({"amount": 900}), FINANCE).await;
    let path = format!("/api/v1/approvals/{}/approve", approval.id);
    world.api("POST", &path, AMIR, "").await;
    let mut browser = world.signed_in(AMIR).await;
    let page = browser.get(&format!("/console/approvals/{}", approval.id)).await;
    assert!(page.text().contains("Take the approval back"));
    let path = format!("/console/approvals/{}/revoke", approval.id);
    let answer = browser.post(&path, &[("csrf", &page.csrf())]).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text());
    let approval = world.governance.approval(approval.id).await.unwrap().unwrap();
    assert_eq!(approval.state.name(), "revoked");
}
