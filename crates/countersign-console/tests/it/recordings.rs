//! Which recordings are read for a session's page: those that the index names and no others, page by
//! page, and those of its time where the index says nothing.

use crate::world::{ADA, RILEY, World, caller, fill};
use countersign_governance::{NewSession, SessionTouch};
use countersign_ledger::{Recording, SegmentOptions, Segments, SessionKey};
use countersign_model::{
    CallId, Reason, SessionId, Span, Timestamp, digest::Salt, exchange::Exchange, record::Who,
};
use http::StatusCode;
use serde_json::Value;
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::Duration,
};

struct Run {
    id: SessionId,
    key: Arc<SessionKey>,
}

fn directory(world: &World) -> PathBuf {
    world.directory.path().join("recordings")
}

async fn run(world: &World, began: Timestamp) -> Run {
    let id = SessionId::new(began, world.governance.entropy());
    let key = SessionKey::generate(&mut fill).unwrap();
    let wrapped_key = world.governance.master().wrap(&id.to_bytes(), &key, &mut fill).unwrap();
    let session = NewSession {
        id,
        subject: RILEY.into(),
        actors: vec![],
        title: "a run".to_owned(),
        started_at: began,
        wrapped_key,
    };
    world.governance.store().open_sessions(&[session]).await.unwrap();
    Run { id, key: Arc::new(key) }
}

async fn touch(world: &World, run: &Run, at: Timestamp, segment: Option<u64>) {
    // One that ran, and one that did not.
    let touch = SessionTouch { id: run.id, last_at: at, calls: 2, refused: 1, segment };
    world.governance.store().touch_sessions(&[touch]).await.unwrap();
}

/// Writes so many calls of a run into a segment of this number, after what the gateway wrote.
fn segment(world: &World, number: u64, run: &Run, count: usize, at: Timestamp) {
    let aside = tempfile::tempdir().unwrap();
    let mut segments =
        Segments::open(aside.path(), SegmentOptions::default(), Box::new(fill)).unwrap();
    let recordings: Vec<Recording> = (0..count).map(|_| recording(world, run, at)).collect();
    segments.append(&recordings.iter().collect::<Vec<_>>()).unwrap();
    let to = directory(world).join(format!("{number:08}.seg"));
    fs::copy(aside.path().join("00000000.seg"), to).unwrap();
}

fn recording(world: &World, run: &Run, at: Timestamp) -> Recording {
    let call = CallId::new(at, world.governance.entropy());
    let exchange = Exchange {
        call,
        session: run.id,
        at,
        took_ms: 5,
        who: Who::from(&caller(RILEY)),
        function: "billing.refunds.create".into(),
        method: "POST".into(),
        path: "/v1/refunds".into(),
        arguments: serde_json::json!({}),
        hidden: vec![],
        reason: Reason::Granted,
        approval: None,
        grants: vec![],
        status: 201,
        headers: [].into(),
        response: None,
        cut: false,
        bytes: 40,
        masked: 1,
        salt: Salt([1; 16]),
    };
    Recording {
        session_id: run.id.to_bytes(),
        call_id: call.to_bytes(),
        time_ms: at.millis(),
        kind: 1,
        key: Arc::clone(&run.key),
        payload: exchange.to_bytes(),
    }
}

/// Puts pipes at these numbers: whoever opens one to read waits, until the returned guard lets go.
fn pipes(directory: &Path, numbers: impl Iterator<Item = u64>) -> Vec<PathBuf> {
    let paths: Vec<PathBuf> =
        numbers.map(|number| directory.join(format!("{number:08}.seg"))).collect();
    assert!(Command::new("mkfifo").args(&paths).status().unwrap().success());
    paths
}

/// Answers within a time, or says which pipe was opened and lets it go.
async fn without_opening<T>(pipes: &[PathBuf], answer: impl Future<Output = T>) -> T {
    tokio::select! {
        answer = answer => answer,
        () = tokio::time::sleep(Duration::from_secs(20)) => {
            let opened: Vec<_> = pipes.iter().filter(|pipe| is_read(pipe)).collect();
            panic!("a segment that holds nothing of the session was opened: {opened:?}");
        }
    }
}

/// Whether somebody waits to read; whoever does is let go.
fn is_read(pipe: &Path) -> bool {
    use std::os::unix::fs::OpenOptionsExt as _;
    // O_NONBLOCK: without a reader it fails at once.
    fs::File::options().write(true).custom_flags(0o4000).open(pipe).is_ok()
}

fn calls(answer: &Value) -> Vec<String> {
    let calls = answer["calls"].as_array().unwrap().iter();
    calls.map(|it| it["call"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn only_segments_that_the_index_names_are_opened() {
    let world = World::new().await;
    world.governance.index_recordings(&directory(&world)).await.unwrap();
    let now = world.now();
    let one = run(&world, now).await;
    for number in [1_000, 2_000] {
        let at = now.plus(Span::from_millis(i64::try_from(number).unwrap()));
        segment(&world, number, &one, 3, at);
        touch(&world, &one, at, Some(number)).await;
    }
    let others = (1..3_000).filter(|it| ![1_000, 2_000].contains(it));
    let pipes = pipes(&directory(&world), others);
    let mut browser = world.signed_in(ADA).await;
    let path = format!("/console/sessions/{}", one.id);
    let page = without_opening(&pipes, browser.get(&path)).await.text();
    let links: Vec<&str> = page.split("href=\"").filter(|it| it.contains("/calls/call_")).collect();
    assert_eq!(links.len(), 6, "{page}");
    assert!(!page.contains("index of recordings"), "{page}");
    assert!(!page.contains("not on this gateway"), "{page}");
    assert!(page.contains("4, 2 refused"), "{page}");
    assert!(page.contains("Calls that did not run have no recording"), "{page}");
    let link = links[5].split('"').next().unwrap();
    assert!(link.contains("?at=2000-"), "{link}");
    let call = without_opening(&pipes, browser.get(link)).await;
    assert_eq!(call.status, StatusCode::OK);
    let api = format!("/api/v1/sessions/{}", one.id);
    let answer = without_opening(&pipes, world.api("GET", &api, ADA, "")).await.json();
    assert_eq!((calls(&answer).len(), &answer["index"]), (6, &Value::from("whole")));
}

#[tokio::test]
async fn a_long_session_is_read_page_by_page() {
    let world = World::new().await;
    world.governance.index_recordings(&directory(&world)).await.unwrap();
    let began = world.now();
    let (one, other) = (run(&world, began).await, run(&world, began).await);
    for (number, count) in [(1_u64, 150), (2, 220), (4, 80)] {
        let at = began.plus(Span::from_seconds(i64::try_from(number).unwrap()));
        segment(&world, number, &one, count, at);
        touch(&world, &one, at, Some(number)).await;
    }
    segment(&world, 3, &other, 20, began);
    let mut browser = world.signed_in(ADA).await;
    let mut path = format!("/console/sessions/{}", one.id);
    let (mut shown, mut pages) = (BTreeSet::new(), Vec::new());
    loop {
        let page = browser.get(&path).await.text();
        let links =
            page.split("/calls/").skip(1).map(|it| it.split(['?', '"']).next().unwrap().to_owned());
        let before = shown.len();
        shown.extend(links);
        pages.push(shown.len() - before);
        let Some(next) = page.split("<a href=\"").find(|it| it.contains("Later calls")) else {
            break;
        };
        path = next.split('"').next().unwrap().to_owned();
    }
    assert_eq!(pages, [200, 200, 50]);
    for limit in [1, 7, 149, 450] {
        let (mut seen, mut after) = (Vec::new(), String::new());
        for _ in 0..450 {
            let path = format!("/api/v1/sessions/{}?limit={limit}{after}", one.id);
            let answer = world.api("GET", &path, ADA, "").await.json();
            assert!(calls(&answer).len() <= limit);
            seen.extend(calls(&answer));
            let Some(next) = answer["next"].as_str() else { break };
            after = format!("&after={next}");
            if limit == 1 && seen.len() == 12 {
                break;
            }
        }
        let all: BTreeSet<String> = seen.iter().cloned().collect();
        assert_eq!(all.len(), seen.len(), "no call twice");
        assert_eq!(all.len(), if limit == 1 { 12 } else { 450 });
        assert!(all.is_subset(&shown));
    }
    for bad in ["x", "1-2", "1-2-3-4"] {
        let path = format!("/api/v1/sessions/{}?after={bad}", one.id);
        let answer = world.api("GET", &path, ADA, "").await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{bad}");
    }
    // Beyond the end there is nothing, and inside of a frame neither.
    for beyond in ["9-0-0", "4-999999999-0", "2-17-3"] {
        let path = format!("/api/v1/sessions/{}?after={beyond}", one.id);
        let answer = world.api("GET", &path, ADA, "").await.json();
        assert!(calls(&answer).len() <= 80, "{beyond}");
    }
}

#[tokio::test]
async fn where_the_index_says_nothing_the_time_does() {
    let world = World::new().await;
    world.governance.index_recordings(&directory(&world)).await.unwrap();
    let begin = world.now();
    let hour = |number: u64| begin.plus(Span::from_seconds(3_600 * i64::try_from(number).unwrap()));
    let other = run(&world, begin).await;
    let one = run(&world, hour(20)).await;
    for number in 1..40 {
        let whose = if number == 20 || number == 21 { &one } else { &other };
        segment(&world, number, whose, 2, hour(number));
    }
    // Written down without a segment, as a call is whose function keeps no recording.
    touch(&world, &one, hour(21), None).await;
    let path = format!("/api/v1/sessions/{}", one.id);
    let answer = world.api("GET", &path, ADA, "").await.json();
    assert_eq!((calls(&answer).len(), &answer["index"]), (4, &Value::from("missing")));
    let mut browser = world.signed_in(ADA).await;
    let page = browser.get(&format!("/console/sessions/{}", one.id)).await.text();
    assert!(page.contains("The index of recordings does not say where this session"), "{page}");
    let call = calls(&answer).pop().unwrap();
    let page = browser.get(&format!("/console/sessions/{}/calls/{call}", one.id)).await;
    assert_eq!(page.status, StatusCode::OK, "without its place too");
}

#[tokio::test]
async fn an_index_that_was_not_compared_is_not_believed_to_be_whole() {
    let world = World::new().await;
    let now = world.now();
    let one = run(&world, now).await;
    for number in 1..4 {
        segment(&world, number, &one, 2, now);
    }
    touch(&world, &one, now, Some(1)).await;
    let path = format!("/api/v1/sessions/{}", one.id);
    let answer = world.api("GET", &path, ADA, "").await.json();
    assert_eq!((calls(&answer).len(), &answer["index"]), (6, &Value::from("unchecked")));
    let mut browser = world.signed_in(ADA).await;
    let page = browser.get(&format!("/console/sessions/{}", one.id)).await.text();
    assert!(page.contains("is being compared with them since the gateway started"), "{page}");
    assert_eq!(world.governance.index_recordings(&directory(&world)).await.unwrap(), 2);
    let answer = world.api("GET", &path, ADA, "").await.json();
    assert_eq!((calls(&answer).len(), &answer["index"]), (6, &Value::from("whole")));
    assert_eq!(answer["session"]["segments"], serde_json::json!([1, 2, 3]));
}

#[tokio::test]
async fn recordings_of_another_gateway_are_said_to_be_elsewhere() {
    let world = World::new().await;
    world.governance.index_recordings(&directory(&world)).await.unwrap();
    let now = world.now();
    let (one, other) = (run(&world, now).await, run(&world, now).await);
    // One number that this gateway uses too, and one that it does not.
    segment(&world, 1, &other, 2, now);
    for number in [1, 9] {
        touch(&world, &one, now, Some(number)).await;
    }
    let path = format!("/api/v1/sessions/{}", one.id);
    let answer = world.api("GET", &path, ADA, "").await.json();
    assert_eq!((calls(&answer).len(), &answer["absent_segments"]), (0, &Value::from(2)));
    let mut browser = world.signed_in(ADA).await;
    let page = browser.get(&format!("/console/sessions/{}", one.id)).await.text();
    assert!(page.contains("2 segments of recordings that hold some of this session"), "{page}");
    world.governance.erase_session(&world.actor(crate::world::SAM), one.id, "law").await.unwrap();
    let answer = world.api("GET", &path, ADA, "").await.json();
    assert_eq!(answer["absent_segments"], 0, "of an erased one nothing is looked for");
}
