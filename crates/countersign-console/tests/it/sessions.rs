//! Looking at recordings: who may, that it is written down, and what is proved of them.

use crate::world::{ADA, AGENT, AMIR, OLIVIA, REFUND, RILEY, SAM, STATUS, World, caller, fill};
use countersign_governance::NewSession;
use countersign_ledger::{Health, Recording, SessionKey, commitment};
use countersign_model::{
    CallId, Caller, Digest, Epoch, Reason, SessionId,
    digest::Salt,
    exchange::Exchange,
    ids::EntryId,
    json,
    record::{CallIntent, CallOutcome, Entry, Event, Who},
};
use http::StatusCode;
use serde_json::Value;
use std::sync::Arc;

/// A session with two calls of riley's through the agent: ids of session and first call.
async fn recorded(world: &World, is_honest: bool) -> (SessionId, CallId) {
    let (now, governance) = (world.now(), &world.governance);
    let id = SessionId::new(now, governance.entropy());
    let key = SessionKey::generate(&mut fill).unwrap();
    let wrapped_key = governance.master().wrap(&id.to_bytes(), &key, &mut fill).unwrap();
    let session = NewSession {
        id,
        subject: RILEY.into(),
        actors: vec![AGENT.into()],
        title: "run <1>".to_owned(),
        started_at: now,
        wrapped_key,
    };
    governance.store().open_sessions(&[session]).await.unwrap();
    let key = Arc::new(key);
    let mut calls = Vec::new();
    for (function, status) in [(REFUND, 201), (STATUS, 200)] {
        calls.push(call(world, id, &key, (function, status), is_honest).await);
    }
    (id, calls[0])
}

async fn call(
    world: &World,
    session: SessionId,
    key: &Arc<SessionKey>,
    (function, status): (&str, u16),
    is_honest: bool,
) -> CallId {
    let (now, governance) = (world.now(), &world.governance);
    let entry = |event| Entry::new(EntryId::new(now, governance.entropy()), now, event).to_bytes();
    let call = CallId::new(now, governance.entropy());
    let salt = Salt(governance.entropy().bytes());
    let who = Who::from(&Caller { actors: vec![AGENT.into()], ..caller(RILEY) });
    let arguments = serde_json::json!({"amount": 900, "note": "<i>\u{202E}"});
    let intent = CallIntent {
        call,
        session,
        epoch: Epoch(1),
        who: who.clone(),
        function: function.into(),
        contract: Digest::of(b"contract"),
        target: "billing".into(),
        grants: vec![],
        reason: Reason::Granted,
        approval: None,
        arguments: Digest(commitment(&salt.0, json::canonical(&arguments).as_bytes())),
    };
    governance.ledger().append(entry(Event::CallIntent(Box::new(intent)))).await.unwrap();
    let exchange = Exchange {
        call,
        session,
        at: now,
        took_ms: 5,
        who,
        function: function.into(),
        method: "POST".into(),
        path: "/v1/refunds".into(),
        arguments,
        hidden: vec![],
        reason: Reason::Granted,
        approval: None,
        grants: vec![],
        status,
        headers: [("content-type".into(), "application/json".into())].into(),
        response: Some(r#"{"email":"a***@b.example","x":"</pre><script>"}"#.to_owned()),
        cut: false,
        bytes: 40,
        masked: 1,
        salt,
    };
    let payload = exchange.to_bytes();
    let committed = if is_honest { payload.clone() } else { b"something else".to_vec() };
    let outcome = CallOutcome {
        call,
        status,
        reason: Reason::Granted,
        took_ms: 5,
        bytes: 40,
        masked: 1,
        recording: Some(Digest(commitment(&salt.0, &committed))),
    };
    let recording = Recording {
        session_id: session.to_bytes(),
        call_id: call.to_bytes(),
        time_ms: now.millis(),
        kind: 1,
        key: Arc::clone(key),
        payload,
    };
    let outcome = entry(Event::CallOutcome(outcome));
    governance.ledger().append_with(outcome, recording).await.unwrap();
    call
}

/// Waits until the last checkpoint covers all entries.
async fn signed(world: &World) {
    for _ in 0..500 {
        let head = world.governance.ledger().try_head();
        assert_eq!(head.health, Health::Writable);
        if head.size == head.checkpoint_size {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("no checkpoint");
}

fn views(world: &World) -> Vec<String> {
    let views = world.entries().into_iter().filter_map(|entry| {
        if let Event::RecordViewed(it) = entry.event { Some(it.by.to_string()) } else { None }
    });
    views.collect()
}

#[tokio::test]
async fn a_session_is_seen_by_those_who_may_and_each_look_is_written_down() {
    let world = World::new().await;
    let (id, _) = recorded(&world, true).await;
    let path = format!("/console/sessions/{id}");
    for (who, calls, listed) in
        [(RILEY, 2, true), (OLIVIA, 2, false), (ADA, 2, true), (SAM, 2, true), (AMIR, 0, false)]
    {
        let mut browser = world.signed_in(who).await;
        let list = browser.get("/console/sessions").await.text();
        assert_eq!(list.contains("run &lt;1&gt;"), listed, "{who}");
        let before = views(&world).len();
        let page = browser.get(&path).await;
        let shown = page.text().matches("/calls/call_").count();
        assert_eq!(shown, calls, "{who}: {}", page.text());
        if calls == 0 {
            assert_eq!(page.status, StatusCode::NOT_FOUND, "{who}");
            assert_eq!(views(&world).len(), before, "{who}");
        } else {
            assert_eq!(views(&world).last().unwrap(), who);
        }
    }
    let seen = world.api("GET", &format!("/api/v1/sessions/{id}"), AGENT, "").await.json();
    assert_eq!(seen["calls"][0]["function"], REFUND);
    assert_eq!(views(&world).last().unwrap(), AGENT);
    let list = world.api("GET", "/api/v1/sessions?limit=1", ADA, "").await.json();
    assert_eq!(list["sessions"][0]["id"], id.to_string());
}

#[tokio::test]
async fn an_owner_sees_calls_to_their_functions_only() {
    let world = World::new().await;
    let (id, _) = recorded(&world, true).await;
    let mut next = crate::world::catalog();
    next.targets.get_mut("ops").unwrap().owners = vec![AMIR.to_owned()];
    world.governance.apply_catalog(&world.actor(SAM), next, None).await.unwrap();
    for (who, function) in [(AMIR, STATUS), (OLIVIA, REFUND)] {
        let seen = world.api("GET", &format!("/api/v1/sessions/{id}"), who, "").await.json();
        assert_eq!(seen["calls"].as_array().unwrap().len(), 1, "{who}");
        assert_eq!(seen["calls"][0]["function"], function, "{who}");
        assert_eq!(seen["unseen"], 1, "{who}");
    }
}

#[tokio::test]
async fn a_call_is_verified_against_the_ledger() {
    let world = World::new().await;
    let (id, call) = recorded(&world, true).await;
    signed(&world).await;
    let mut browser = world.signed_in(ADA).await;
    let page = browser.get(&format!("/console/sessions/{id}/calls/{call}")).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text());
    let text = page.text();
    assert!(text.contains("The recording matches the ledger entry #"), "{text}");
    assert!(text.contains("The arguments match the ledger entry #"), "{text}");
    assert_eq!(text.matches("is in the signed tree of").count(), 2, "{text}");
    assert!(!text.contains("does not match"), "{text}");
    assert!(text.contains("&lt;i&gt;") && text.contains("⟨U+202E⟩"), "{text}");
    assert!(text.contains("&lt;/pre&gt;&lt;script&gt;") && !text.contains("<script>"), "{text}");
    let other = SessionId::new(world.now(), world.governance.entropy());
    let absent = browser.get(&format!("/console/sessions/{other}/calls/{call}")).await;
    assert_eq!(absent.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_recording_that_the_ledger_does_not_know_is_called_so() {
    let world = World::new().await;
    let (id, call) = recorded(&world, false).await;
    signed(&world).await;
    let mut browser = world.signed_in(ADA).await;
    let text = browser.get(&format!("/console/sessions/{id}/calls/{call}")).await.text();
    assert!(text.contains("The recording does not match the ledger entry #"), "{text}");
    assert!(!text.contains("The recording matches"), "{text}");
}

#[tokio::test]
async fn erased_recordings_are_gone_and_said_to_be() {
    let world = World::new().await;
    let (id, call) = recorded(&world, true).await;
    world.governance.erase_session(&world.actor(SAM), id, "asked to").await.unwrap();
    let mut browser = world.signed_in(ADA).await;
    let text = browser.get(&format!("/console/sessions/{id}")).await.text();
    assert!(text.contains("Its recordings were erased on"), "{text}");
    let gone = browser.get(&format!("/console/sessions/{id}/calls/{call}")).await;
    assert_eq!(gone.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_ledger_page_shows_what_verifies() {
    let world = World::new().await;
    signed(&world).await;
    let shown = world.api("GET", "/api/v1/ledger", RILEY, "").await.json();
    let verified =
        countersign_ledger::verify(&world.ledger_directory(), &Default::default()).unwrap();
    assert_eq!(shown["vkey"], verified.vkey);
    assert_eq!(shown["head"]["size"], Value::from(verified.size));
    let text = world.signed_in(RILEY).await.get("/console/ledger").await.text();
    assert!(text.contains(&verified.vkey), "{text}");
}
