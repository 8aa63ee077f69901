//! Slack and Teams, with stand-ins that answer as the services document it.

use crate::{
    receiver::Receiver,
    world::{PUBLIC_URL, World},
};
use countersign_governance::DeliveryState;
use countersign_identity::Hidden;
use countersign_model::{Span, Verdict};
use countersign_notify::{Settings, SlackPlace, SlackSettings};
use http::Method;
use serde_json::Value;
use std::sync::atomic::Ordering;

const HOSTILE: &str = "<!channel> <https://evil.example|riley> *& [x](https://evil.example)";

fn slack(place: SlackPlace, api: &str) -> Settings {
    let slack = SlackSettings { place, api: format!("{api}/api/") };
    Settings { slack: Some(slack), ..Settings::default() }
}

/// Every `text` of a document beside the `type` next to it.
fn texts(value: &Value, found: &mut Vec<(String, String)>) {
    match value {
        Value::Array(items) => items.iter().for_each(|it| texts(it, found)),
        Value::Object(members) => {
            if let (Some(Value::String(text)), kind) = (members.get("text"), members.get("type")) {
                let kind = kind.and_then(Value::as_str).unwrap_or("message");
                found.push((kind.to_owned(), text.clone()));
            }
            members.values().for_each(|it| texts(it, found));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slack_channel_is_told_once_and_nothing_of_strangers_is_markup() {
    let receiver = Receiver::start(vec![]).await;
    let secret = format!("{}/services/T0/B0/secret-path", receiver.url);
    let world = World::start(slack(SlackPlace::Webhook(Hidden::new(&secret)), &receiver.url)).await;
    let approval = world.held(HOSTILE, "olivia").await;
    world.send("slack").await;
    let sent = receiver.sent();
    assert_eq!((sent.len(), sent[0].uri.path()), (1, "/services/T0/B0/secret-path"));
    let message = sent[0].json();
    let mut found = Vec::new();
    texts(&message, &mut found);
    for (kind, text) in &found {
        match kind.as_str() {
            // Slack reads no markup in the texts of `rich_text`, nor in `plain_text`.
            "text" | "plain_text" => {}
            "message" => {
                assert!(!text.contains(['<', '>']), "{text}");
                assert!(text.contains("&lt;!channel&gt;") && text.contains("*&amp;"), "{text}");
            }
            other => panic!("{other}: {text}"),
        }
    }
    assert!(!sent[0].body.contains("mrkdwn"));
    assert!(found.iter().any(|(kind, text)| kind == "text" && text.contains(HOSTILE)));
    let button = &message["blocks"][1]["elements"][0];
    let link = format!("{PUBLIC_URL}/console/approvals/{}", approval.id);
    assert_eq!((button["type"].as_str(), button["url"].as_str()), (Some("button"), Some(&*link)));
    assert!(button.get("value").is_none(), "a link, and no decision");
    assert!(!sent[0].body.contains("secret-argument"));
    assert_eq!(world.deliveries("slack").await[0].state, DeliveryState::Sent);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bot_writes_to_each_person_whom_it_finds_by_their_address() {
    let found = r#"{"ok":true,"user":{"id":"U0OLIVIA"}}"#;
    let missing = r#"{"ok":false,"error":"users_not_found"}"#;
    let limited = (429, vec![("retry-after", "60")], "");
    let posted = r#"{"ok":true,"ts":"1796038103.000200"}"#;
    let revoked = r#"{"ok":false,"error":"token_revoked"}"#;
    let answers = vec![
        (200, vec![], found),
        (200, vec![], posted),
        (200, vec![], missing),
        limited,
        (200, vec![], found),
        (200, vec![], revoked),
    ];
    let receiver = Receiver::start(answers).await;
    let token = Hidden::new("xoxb-secret-token");
    let world = World::start(slack(SlackPlace::Direct { token }, &receiver.url)).await;
    world.sees("olivia", "Olivia", "olivia+x@acme.example").await;
    for _ in 0..2 {
        world.test_of("olivia").await;
        world.send("slack").await;
    }
    let sent = receiver.sent();
    assert_eq!(
        (sent[0].method.clone(), sent[0].uri.path()),
        (Method::GET, "/api/users.lookupByEmail")
    );
    assert_eq!(sent[0].uri.query(), Some("email=olivia%2Bx%40acme.example"));
    assert_eq!(sent[0].header("authorization"), "Bearer xoxb-secret-token");
    assert_eq!(sent[1].uri.path(), "/api/chat.postMessage");
    assert_eq!(sent[1].json()["channel"], "U0OLIVIA");
    let rows = world.deliveries("slack").await;
    assert_eq!(sent[1].json()["metadata"]["event_payload"]["delivery"], rows[0].id.to_string());
    assert_eq!(rows[0].answer, "200 OK ts 1796038103.000200");
    assert_eq!(rows[1].state, DeliveryState::GivenUp);
    assert!(rows[1].error.contains("nobody in Slack"), "{}", rows[1].error);

    world.test_of("olivia").await;
    world.send("slack").await;
    let row = world.deliveries("slack").await.remove(2);
    assert_eq!(row.state, DeliveryState::Failed);
    assert!(row.next_at.since(world.governance.clock().now()) >= Span::from_seconds(60));
    world.pass(Span::from_seconds(120));
    world.send("slack").await;
    let row = world.deliveries("slack").await.remove(2);
    assert_eq!((row.state, row.answer.as_str()), (DeliveryState::GivenUp, "200 OK token_revoked"));
    assert!(!format!("{:?}", world.deliveries("slack").await).contains("xoxb"));
    assert!(!format!("{:?}", world.senders).contains("xoxb"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_channel_of_teams_gets_a_card_without_markdown() {
    let answers = vec![
        (202, vec![], ""),
        (
            200,
            vec![],
            "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 429",
        ),
    ];
    let receiver = Receiver::start(answers).await;
    let url = Hidden::new(format!("{}/workflows/secret?sig=secret-signature", receiver.url));
    let world = World::start(Settings { teams: Some(url), ..Settings::default() }).await;
    let approval = world.held(HOSTILE, "olivia").await;
    world.send("teams").await;
    let sent = receiver.sent();
    let message = sent[0].json();
    assert_eq!(message["type"], "message");
    let attachment = &message["attachments"][0];
    assert_eq!(attachment["contentType"], "application/vnd.microsoft.card.adaptive");
    let card = &attachment["content"];
    assert_eq!(
        (card["type"].as_str(), card["version"].as_str()),
        (Some("AdaptiveCard"), Some("1.4"))
    );
    let mut found = Vec::new();
    texts(&card["body"], &mut found);
    assert!(found.iter().all(|(kind, _)| kind == "TextRun"), "a TextBlock has Markdown: {found:?}");
    assert!(found.iter().any(|(_, text)| text.contains(HOSTILE)));
    let action = &card["actions"][0];
    let link = format!("{PUBLIC_URL}/console/approvals/{}", approval.id);
    assert_eq!(
        (action["type"].as_str(), action["url"].as_str()),
        (Some("Action.OpenUrl"), Some(&*link))
    );
    assert!(sent[0].body.len() < 28 * 1024);

    world.test_of("olivia").await;
    world.send("teams").await;
    let rows = world.deliveries("teams").await;
    assert_eq!((rows[0].state, rows[1].state), (DeliveryState::Sent, DeliveryState::Failed));
    assert!(!format!("{rows:?}{:?}", world.senders).contains("secret-signature"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_room_that_is_away_holds_up_no_decision_and_tells_no_secret() {
    let place = SlackPlace::Webhook(Hidden::new("http://127.0.0.1:9/services/secret-path"));
    let world = World::start(slack(place, "http://127.0.0.1:9")).await;
    let sending = tokio::spawn(world.senders.clone().keep_sending(world.governance.clone()));
    let began = std::time::Instant::now();
    let approval = world.held("riley", "olivia").await;
    let mut olivia = crate::world::ada();
    olivia.person.subject = "olivia".into();
    olivia.roles.clear();
    world.governance.vote(&olivia, approval.id, Verdict::Approve, "").await.unwrap();
    assert!(began.elapsed() < std::time::Duration::from_secs(5));
    world.test_of("olivia").await;
    for _ in 0..1_000 {
        let rows = world.deliveries("slack").await;
        if rows.iter().any(|it| it.state == DeliveryState::Failed) {
            assert!(!format!("{rows:?}").contains("secret-path"), "{rows:?}");
            world.time.fetch_add(1, Ordering::SeqCst);
            sending.abort();
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("it was not tried");
}
