//! Calls in hand that lose what they rest on: each way to lose it, in each place where a call waits.
//! The callers speak HTTP/1.1 and HTTP/2, and somebody else's calls go on.

mod told;

use crate::{
    lab::{Answer, Lab, parts},
    rig::{
        AGENT, Source, Target, answer, eventually, flow, flowing, function, lab, outcome, outcomes,
        refusals, soon,
    },
};
use bytes::Bytes;
use countersign_governance::{Active, Directory, Governance, NewGrant, UserFacts};
use countersign_model::{
    ApprovalState, Grant, Holder, Reason, Span, Subject, Verdict,
    snapshot::{KillScope, Letters},
};
use http::{Method, Response, StatusCode, Version};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioTimer},
};
use serde_json::{Value, json};
use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::Notify,
};

const RILEY: &str = "riley@acme.example";
const SAM: &str = "sam@acme.example";
const OLIVIA: &str = "olivia@acme.example";
/// On the gateway where it was decided. It is milliseconds; the rest is for a machine that does much else.
const AT_ONCE: Duration = Duration::from_secs(4);
/// On every other gateway, as the product promises.
const EVERYWHERE: Duration = Duration::from_secs(5);

/// What a call can lose.
#[derive(Clone, Copy, Debug)]
enum Loss {
    Suspended,
    Revoked,
    Killed,
    TargetKilled,
    EverythingKilled,
    Deactivated,
    SponsorDeactivated,
}

const LOSSES: [(Loss, Reason, Reason); 7] = [
    (Loss::Deactivated, Reason::CutByDeactivation, Reason::SubjectDeactivated),
    (Loss::SponsorDeactivated, Reason::CutByDeactivation, Reason::SponsorDeactivated),
    (Loss::Suspended, Reason::CutBySuspension, Reason::SubjectSuspended),
    (Loss::Revoked, Reason::CutByRevoke, Reason::GrantRevoked),
    (Loss::Killed, Reason::CutByKillSwitch, Reason::KillSwitch),
    (Loss::TargetKilled, Reason::CutByKillSwitch, Reason::KillSwitch),
    (Loss::EverythingKilled, Reason::CutByKillSwitch, Reason::KillSwitch),
];

impl Loss {
    async fn happens(self, governance: &Governance, lab: &Lab, grant: &Grant) {
        let sam = lab.actor(SAM);
        match self {
            Self::Suspended => {
                governance.suspend(&sam, &Subject::from(AGENT), "stolen").await.unwrap();
            }
            Self::Revoked => {
                governance.revoke_grant(&sam, grant.id, "no need").await.unwrap();
            }
            Self::Killed => {
                let scope = KillScope::Function("api.get".into());
                governance.kill(&sam, scope, "an incident").await.unwrap();
            }
            Self::TargetKilled => {
                let scope = KillScope::Target("api".into());
                governance.kill(&sam, scope, "an incident").await.unwrap();
            }
            Self::EverythingKilled => {
                governance.kill(&sam, KillScope::Everything, "an incident").await.unwrap();
            }
            Self::Deactivated => deactivate(governance, AGENT).await,
            Self::SponsorDeactivated => deactivate(governance, RILEY).await,
        }
    }

    /// Whether it stops the agent only.
    fn spares_others(self) -> bool {
        match self {
            Self::Suspended | Self::Revoked | Self::Deactivated => true,
            Self::Killed
            | Self::TargetKilled
            | Self::EverythingKilled
            // Riley is the sponsor.
            | Self::SponsorDeactivated => false,
        }
    }
}

/// As a directory says it that had not told of them before.
async fn deactivate(governance: &Governance, name: &str) {
    let directory = Directory { name: "okta".into(), letters: Letters::Folded, groups: None };
    let user = UserFacts {
        name: name.to_owned(),
        external_id: None,
        subject: name.into(),
        active: Active::No,
        document: "{}".to_owned(),
    };
    governance.add_user(&directory, user).await.unwrap();
}

/// The streams of a target, in the order in which they began.
#[derive(Clone, Default)]
struct Streams(Arc<Mutex<Vec<Source>>>);

impl Streams {
    async fn target(&self, headers: &'static [(&'static str, &'static str)]) -> Target {
        let streams = self.clone();
        Target::streaming(move |_, _| {
            let (source, body) = flow();
            streams.0.lock().unwrap().push(source);
            async move { flowing(200, headers, body) }
        })
        .await
    }

    fn get(&self, place: usize) -> Source {
        self.0.lock().unwrap()[place].clone()
    }
}

const EVENTS: [(&str, &str); 1] = [("content-type", "text/event-stream")];

fn get(more: Value) -> [Value; 1] {
    [function("get", "GET", "/v1/x", more)]
}

/// The grant of the agent.
fn granted(lab: &Lab) -> Grant {
    let snapshot = lab.governance.policy().load();
    let found = snapshot.grants().find(|it| it.holder == Holder::Subject(AGENT.into())).unwrap();
    (**found).clone()
}

async fn call(lab: &Lab, version: Version, who: &str) -> Response<Incoming> {
    let request = lab.request(Method::GET, "/t/api/v1/x", who).version(version);
    let client = Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .http2_only(version == Version::HTTP_2)
        .build_http::<Full<Bytes>>();
    client.request(request.body(Full::default()).unwrap()).await.unwrap()
}

async fn piece(answer: &mut Response<Incoming>) -> Bytes {
    soon(answer.body_mut().frame()).await.unwrap().unwrap().into_data().unwrap()
}

/// Reads until the answer breaks off, which it must.
async fn breaks_off(answer: &mut Response<Incoming>) {
    loop {
        match soon(answer.body_mut().frame()).await {
            Some(Ok(_)) => {}
            Some(Err(_)) => return,
            None => panic!("the answer passed for whole"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_is_cut_and_others_go_on() {
    for version in [Version::HTTP_11, Version::HTTP_2] {
        for (loss, cut, refused) in LOSSES {
            let streams = Streams::default();
            let target = streams.target(&EVENTS).await;
            let lab = lab(target.address, json!({}), &get(json!({}))).await;
            let grant = granted(&lab);
            lab.grant(RILEY, &["api.get"]).await;
            let mut mine = call(&lab, version, AGENT).await;
            let mut theirs = call(&lab, version, RILEY).await;
            for place in [0, 1] {
                assert!(streams.get(place).send("data: 1\n\n").await);
            }
            assert_eq!(piece(&mut mine).await, "data: 1\n\n");
            assert_eq!(piece(&mut theirs).await, "data: 1\n\n");
            let began = Instant::now();
            loss.happens(&lab.governance, &lab, &grant).await;
            breaks_off(&mut mine).await;
            assert!(began.elapsed() < AT_ONCE, "{loss:?}: {:?}", began.elapsed());
            soon(streams.get(0).closed()).await;
            assert_eq!(outcome_of_first(&lab).await, (200, cut), "{loss:?} {version:?}");
            if loss.spares_others() {
                assert!(streams.get(1).send("data: 2\n\n").await);
                assert_eq!(piece(&mut theirs).await, "data: 2\n\n");
            } else {
                breaks_off(&mut theirs).await;
            }
            let next = lab.get("/t/api/v1/x", AGENT).await;
            if matches!(loss, Loss::Deactivated) {
                // Tokens from before, to the second, are worth nothing either.
                assert!(["unidentified", refused.code()].contains(&next.code().as_str()));
            } else {
                let got = (next.status, next.code());
                assert_eq!(got, (StatusCode::FORBIDDEN, refused.code().to_owned()), "{loss:?}");
            }
            let mut metrics = String::new();
            lab.gateway.metrics(&mut metrics);
            let broken = format!("countersign_answers_broken_off_total{{reason=\"{cut}\"}}");
            assert!(!metrics.contains(&format!("{broken} 0")), "{metrics}");
        }
    }
}

async fn outcome_of_first(lab: &Lab) -> (u16, Reason) {
    eventually("an outcome", async || !outcomes(&lab.world).is_empty()).await;
    let first = outcomes(&lab.world).remove(0);
    (first.status, first.reason)
}

/// The target writes faster than the caller reads: frames that wait are not handed over.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_never_pauses_is_cut() {
    let streams = Streams::default();
    let target = streams.target(&EVENTS).await;
    let lab = lab(target.address, json!({}), &get(json!({}))).await;
    let mut answer = call(&lab, Version::HTTP_11, AGENT).await;
    let source = streams.get(0);
    let firehose = tokio::spawn(async move {
        let line = Bytes::from(format!("data: {}\n\n", "x".repeat(8 * 1024)));
        while source.send(line.clone()).await {}
    });
    piece(&mut answer).await;
    Loss::Suspended.happens(&lab.governance, &lab, &granted(&lab)).await;
    breaks_off(&mut answer).await;
    soon(firehose).await.unwrap();
    assert_eq!(outcome(&lab, 1).await, (200, Reason::CutBySuspension));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_waits_for_its_target_is_cut_and_may_have_run() {
    for version in [Version::HTTP_11, Version::HTTP_2] {
        for (loss, cut, _) in LOSSES {
            let came = Arc::new(Notify::new());
            let arrived = Arc::clone(&came);
            let target = Target::streaming(move |_, _| {
                arrived.notify_one();
                std::future::pending()
            })
            .await;
            let lab = lab(target.address, json!({}), &get(json!({}))).await;
            let stopped = async {
                soon(came.notified()).await;
                let began = Instant::now();
                loss.happens(&lab.governance, &lab, &granted(&lab)).await;
                began
            };
            let (answer, began) = tokio::join!(soon(call(&lab, version, AGENT)), stopped);
            assert!(began.elapsed() < AT_ONCE, "{loss:?}: {:?}", began.elapsed());
            let (parts, body) = answer.into_parts();
            let body = body.collect().await.unwrap().to_bytes();
            let answer = Answer { status: parts.status, headers: parts.headers, body };
            let got = (answer.status, answer.code());
            assert_eq!(got, (StatusCode::FORBIDDEN, cut.code().to_owned()), "{loss:?}");
            let problem = answer.json();
            assert!(problem["detail"].as_str().unwrap().contains("unknown"), "{problem}");
            let step = problem["next_step"].as_str().unwrap();
            assert!(step.contains("may have run"), "{problem}");
            assert_eq!(outcome(&lab, 1).await, (0, cut), "{loss:?} {version:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_short_answer_that_trickles_is_cut() {
    let streams = Streams::default();
    let short: &[_] = &[("content-type", "text/plain"), ("content-length", "10")];
    let target = streams.target(short).await;
    let lab = lab(target.address, json!({}), &get(json!({}))).await;
    let cut = async {
        eventually("the call is there", async || !streams.0.lock().unwrap().is_empty()).await;
        assert!(streams.get(0).send("hello").await);
        Loss::Revoked.happens(&lab.governance, &lab, &granted(&lab)).await;
    };
    let (answer, ()) = tokio::join!(lab.get("/t/api/v1/x", AGENT), cut);
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::FORBIDDEN, "cut_by_revoke"));
    assert!(!answer.json().to_string().contains("hello"));
    soon(streams.get(0).closed()).await;
    assert_eq!(outcome(&lab, 1).await, (200, Reason::CutByRevoke));
}

/// The grant's last second, without any change of the policy.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_ends_with_its_grant() {
    let streams = Streams::default();
    let target = streams.target(&EVENTS).await;
    let lab = lab(target.address, json!({}), &get(json!({}))).await;
    let ends_at = lab.world.now().plus(Span::from_millis(900));
    let new = NewGrant {
        holder: Holder::Subject(Subject::from(RILEY)),
        functions: vec!["api.get".into()],
        tags: vec![],
        reason: "a test".to_owned(),
        constraints: vec![],
        rate: None,
        expires_at: Some(ends_at),
    };
    let grant = lab.governance.add_grant(&lab.actor(OLIVIA), new).await.unwrap();
    lab.governance.certify_grant(&lab.actor(SAM), grant.id, grant.version).await.unwrap();
    let mut answer = call(&lab, Version::HTTP_11, RILEY).await;
    assert!(streams.get(0).send("data: 1\n\n").await);
    piece(&mut answer).await;
    breaks_off(&mut answer).await;
    assert!(lab.world.now() >= ends_at);
    assert!(lab.world.now().since(ends_at).duration() < AT_ONCE);
    assert_eq!(outcome(&lab, 1).await, (200, Reason::CutByExpiry));
}

fn held() -> Value {
    json!({"approval": [{"from": ["group:finance-approvers"], "people": 1, "wait": "20s"}]})
}

/// A call that people are asked about.
async fn is_held(lab: &Lab) -> countersign_model::Approval {
    let filter = countersign_governance::ApprovalFilter {
        states: vec!["pending".to_owned()],
        ..Default::default()
    };
    let mut found = None;
    for _ in 0..2_000 {
        found = lab.governance.approvals(&filter).await.unwrap().pop();
        if found.is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    found.expect("a held call")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_held_call_ends_and_nobody_is_asked_any_more() {
    let target = Target::start(|_| answer(200, &[], "ran")).await;
    for (loss, _, refused) in LOSSES {
        let lab = lab(target.address, json!({}), &get(held())).await;
        let stopped = async {
            let approval = is_held(&lab).await;
            let began = Instant::now();
            loss.happens(&lab.governance, &lab, &granted(&lab)).await;
            (approval.id, began)
        };
        let (answer, (id, began)) = tokio::join!(lab.get("/t/api/v1/x", AGENT), stopped);
        assert!(began.elapsed() < AT_ONCE, "{loss:?}: {:?}", began.elapsed());
        let got = (answer.status, answer.code());
        assert_eq!(got, (StatusCode::FORBIDDEN, refused.code().to_owned()), "{answer:?}");
        let ended = lab.governance.approval(id).await.unwrap().unwrap().state;
        let because = Some(refused);
        assert!(
            matches!(ended, ApprovalState::Cancelled { because: it, .. } if it == because),
            "{loss:?}: {ended:?}"
        );
        assert_eq!(refusals(&lab.world), [refused]);
        assert!(target.take().is_empty(), "{loss:?}");
    }
}

/// Neither a request that nobody waits for, nor a yes that nobody used, outlives a suspension.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_people_said_before_a_suspension_is_void_after_it() {
    let target = Target::start(|_| answer(200, &[], "ran")).await;
    let lab = lab(target.address, json!({}), &get(held())).await;
    let request = || {
        let request = lab.request(Method::GET, "/t/api/v1/x", AGENT).header("prefer", "wait=0");
        request.body(Full::default()).unwrap()
    };
    lab.send(request()).await;
    let asked = is_held(&lab).await;
    let approver = lab.actor("amir@acme.example");
    lab.governance.vote(&approver, asked.id, Verdict::Approve, "").await.unwrap();
    Loss::Suspended.happens(&lab.governance, &lab, &granted(&lab)).await;
    lab.governance.resume(&lab.actor(SAM), &AGENT.into(), "found").await.unwrap();
    let voided = lab.governance.approval(asked.id).await.unwrap().unwrap().state;
    assert!(matches!(voided, ApprovalState::Revoked { .. }), "{voided:?}");
    assert_eq!(lab.send(request()).await.code(), "approval_required");
    assert_ne!(is_held(&lab).await.id, asked.id);
    assert!(target.take().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_on_an_approval_that_is_cut_is_never_run_again() {
    let target = Target::streaming(|_, _| std::future::pending()).await;
    let lab = lab(target.address, json!({}), &get(held())).await;
    let cut = async {
        let asked = is_held(&lab).await;
        let approver = lab.actor("amir@acme.example");
        lab.governance.vote(&approver, asked.id, Verdict::Approve, "").await.unwrap();
        eventually("it left", async || {
            target.connections.load(std::sync::atomic::Ordering::SeqCst) == 1
        })
        .await;
        Loss::Revoked.happens(&lab.governance, &lab, &granted(&lab)).await;
        asked.id
    };
    let (answer, id) = tokio::join!(lab.get("/t/api/v1/x", AGENT), cut);
    assert_eq!(answer.code(), "cut_by_revoke", "{answer:?}");
    let state = lab.governance.approval(id).await.unwrap().unwrap().state;
    assert!(matches!(state, ApprovalState::OutcomeUnknown { .. }), "{state:?}");
}

/// Its head came before the revoke, its body after it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_arrives_after_the_revoke_is_decided_after_it() {
    let target = Target::start(|_| answer(200, &[], "ran")).await;
    let functions = [function("get", "POST", "/v1/x", json!({}))];
    let lab = lab(target.address, json!({}), &functions).await;
    let mut stream = TcpStream::connect(lab.address).await.unwrap();
    let token = lab.world.token(AGENT);
    let head = format!(
        "POST /t/api/v1/x HTTP/1.1\r\nhost: g\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{{"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    eventually("the call is in hand", async || {
        let mut metrics = String::new();
        lab.gateway.metrics(&mut metrics);
        metrics.contains("countersign_calls_in_hand 1")
    })
    .await;
    Loss::Revoked.happens(&lab.governance, &lab, &granted(&lab)).await;
    stream.write_all(b"}").await.unwrap();
    let mut text = String::new();
    soon(stream.read_to_string(&mut text)).await.unwrap();
    assert!(text.starts_with("HTTP/1.1 403") && text.contains("grant_revoked"), "{text}");
    assert!(target.take().is_empty());
}

/// It is decided on one gateway, and the calls are in another one's hand.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_gateway_decides_cuts_here() {
    for (loss, cut, _) in LOSSES {
        let streams = Streams::default();
        let target = streams.target(&EVENTS).await;
        let lab = lab(target.address, json!({}), &get(json!({}))).await;
        let (other, closer) = beside(&lab).await;
        let mut answer = call(&lab, Version::HTTP_11, AGENT).await;
        assert!(streams.get(0).send("data: 1\n\n").await);
        piece(&mut answer).await;
        let grant = granted(&lab);
        let began = Instant::now();
        loss.happens(&other, &lab, &grant).await;
        breaks_off(&mut answer).await;
        assert!(began.elapsed() < EVERYWHERE, "{loss:?}: {:?}", began.elapsed());
        assert_eq!(outcome(&lab, 1).await, (200, cut), "{loss:?}");
        closer.close().unwrap();
    }
}

/// Another gateway's governance on the same facts, with a ledger of its own.
async fn beside(lab: &Lab) -> (Governance, countersign_ledger::Closer) {
    let (ledger, closer) = crate::lab::ledger(&lab.world.directory.path().join("beside"));
    let clock = lab.governance.clock().clone();
    let parts = parts(&lab.world.store_url(), ledger, "beside", clock).await;
    (Governance::start(parts).await.unwrap(), closer)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_concerns_nobody_cuts_nobody() {
    let streams = Streams::default();
    let target = streams.target(&EVENTS).await;
    let lab = lab(target.address, json!({}), &get(json!({}))).await;
    let mut answers: Vec<(Response<Incoming>, Source)> = Vec::new();
    for place in 0..20 {
        let answer = call(&lab, Version::HTTP_11, AGENT).await;
        answers.push((answer, streams.get(place)));
    }
    for turn in 0..5 {
        let name = Subject::from(format!("somebody-{turn}").as_str());
        lab.governance.suspend(&lab.actor(SAM), &name, "left").await.unwrap();
        for (answer, source) in &mut answers {
            assert!(source.send("data: 1\n\n").await);
            assert_eq!(piece(answer).await, "data: 1\n\n");
        }
    }
    assert!(outcomes(&lab.world).is_empty());
}
