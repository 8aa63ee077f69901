//! Floods, and thousands that wait at once.

#![expect(clippy::print_stdout, reason = "what was measured is shown with --nocapture")]

use super::*;
use countersign_governance::{HELD_PER_CALLER_MAX, NewGrant};
use countersign_model::Holder;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};

/// How many calls wait at once in the usual run. Opening a request is a durable transaction, and
/// 10,000 of them take a slow disk more time than an everyday test may.
const HELD: usize = 2_000;
/// The number of held calls, for the run that proves the product's number.
const HELD_VARIABLE: &str = "COUNTERSIGN_TEST_HELD";
/// Bytes of memory that a held call may cost, its caller in the same process included.
const BYTES_PER_CALL_MAX: usize = 64 * 1024;
/// Streams of one HTTP/2 connection: what servers allow by default.
const STREAMS: usize = 200;

/// Calls that are not held yet, at any moment.
const ARRIVING: usize = 1_000;

#[derive(PartialEq)]
enum Voted {
    NotYet,
    Yes,
}

type Http2 = Client<HttpConnector, Full<Bytes>>;

fn http2() -> Http2 {
    Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .http2_only(true)
        .build_http()
}

async fn send(client: &Http2, request: Request<Full<Bytes>>) -> Answer {
    let (parts, body) = client.request(request).await.unwrap().into_parts();
    let body = http_body_util::BodyExt::collect(body).await.unwrap().to_bytes();
    Answer { status: parts.status, headers: parts.headers, body }
}

/// Everybody of one group may call; answers come late.
async fn crowd() -> Lab {
    let lab = lab().await;
    let new = NewGrant {
        holder: Holder::Group(Group::from("crowd")),
        functions: vec![REFUND.into()],
        tags: vec![],
        reason: "a test".to_owned(),
        constraints: vec![],
        rate: None,
        expires_at: None,
    };
    let grant = lab.governance.add_grant(&lab.actor(OLIVIA), new).await.unwrap();
    lab.governance.certify_grant(&lab.actor(SAM), grant.id, grant.version).await.unwrap();
    let mut catalog = held_catalog(lab.world.targets);
    catalog.functions.get_mut(REFUND).unwrap().approval[0].wait = Some(Span::from_seconds(600));
    lab.apply(catalog).await;
    lab
}

fn member(lab: &Lab, number: usize) -> String {
    token(&lab.world, &format!("u:{number}"), json!({"groups": ["crowd"]}))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a11_a_flood_is_capped_for_each_caller_and_the_same_call_joins() {
    let lab = Arc::new(crowd().await);
    let token = member(&lab, 0);
    let client = http2();
    let mut callers = tokio::task::JoinSet::new();
    for number in 0..u32::try_from(HELD_PER_CALLER_MAX).unwrap() {
        if callers.len() >= STREAMS {
            held(&callers.join_next().await.unwrap().unwrap());
        }
        let request = Call::refund(&token, 200 + number).at_once().request(lab.address);
        let client = client.clone();
        callers.spawn(async move { send(&client, request).await });
    }
    while let Some(answer) = callers.join_next().await {
        held(&answer.unwrap());
    }
    let over = Call::refund(&token, 199).at_once().send(&lab).await;
    refused(&over, StatusCode::TOO_MANY_REQUESTS, "too_many_held");
    assert_eq!(over.headers["retry-after"], "30");
    // What is open already is joined, and others are not kept out.
    let first = Call::refund(&token, 200).held(&lab).await;
    Call::refund(&member(&lab, 1), 199).held(&lab).await;
    // An answer makes room.
    lab.governance.vote(&lab.actor(AMIR), first, Verdict::Deny, "").await.unwrap();
    Call::refund(&token, 199).held(&lab).await;
    assert_eq!(paid(&lab), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn thousands_wait_in_bounded_memory_and_all_end_well() {
    let calls = std::env::var(HELD_VARIABLE).map_or(HELD, |it| it.parse().unwrap());
    let lab = Arc::new(crowd().await);
    let members: Vec<String> = (0..calls.div_ceil(900)).map(|it| member(&lab, it)).collect();
    // One of each: keys and sessions are there before memory is measured.
    let canary = Call::refund(&members[0], 3_999).held(&lab).await;
    for token in &members {
        Call::refund(token, 4_000).held(&lab).await;
    }
    let clients: Vec<Http2> = (0..calls.div_ceil(STREAMS)).map(|_| http2()).collect();
    let (rss, began) = (resident_bytes(), Instant::now());
    let mut callers = Vec::with_capacity(calls);
    let mut voted = Voted::NotYet;
    while gauge(&lab, "countersign_calls_held") < calls {
        assert!(began.elapsed() < Duration::from_secs(300), "not all wait");
        let open = gauge(&lab, "countersign_calls_held");
        for number in callers.len()..calls.min(open + ARRIVING) {
            let amount = 200 + u32::try_from(number / members.len()).unwrap();
            let token = &members[number % members.len()];
            let request = Call::refund(token, amount).request(lab.address);
            let client = clients[number / STREAMS].clone();
            callers.push(tokio::spawn(async move { send(&client, request).await }));
        }
        if voted == Voted::NotYet && open > calls / 2 {
            // People are heard while calls pour in.
            voted = Voted::Yes;
            soon("a person's answer", Box::pin(approve(&lab, AMIR, canary))).await;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let (took, grown) = (began.elapsed(), resident_bytes().saturating_sub(rss));
    println!("{calls} held in {took:.1?}, {} bytes each", grown / calls);
    assert!(grown / calls < BYTES_PER_CALL_MAX, "{} bytes for each held call", grown / calls);

    // Some are approved, some denied, and time ends the others.
    let filter =
        ApprovalFilter { states: vec!["pending".to_owned()], limit: 60, ..Default::default() };
    let some = lab.governance.approvals(&filter).await.unwrap();
    assert_eq!(some.len(), 60);
    let amir = lab.actor(AMIR);
    for (place, approval) in some.iter().enumerate() {
        let verdict = if place % 2 == 0 { Verdict::Approve } else { Verdict::Deny };
        lab.governance.vote(&amir, approval.id, verdict, "").await.unwrap();
    }
    until("the end of those", async || gauge(&lab, "countersign_calls_held") == calls - 60).await;
    until("the runs of the approved", async || paid(&lab) == 30).await;
    let began = Instant::now();
    lab.world.pass(WITHIN);
    let mut ended = std::collections::BTreeMap::<String, usize>::new();
    for caller in callers {
        let answer = tokio::time::timeout(Duration::from_secs(120), caller).await.unwrap().unwrap();
        *ended.entry(answer.code()).or_default() += 1;
    }
    println!("all ended in {:.1?}: {ended:?}", began.elapsed());
    let ended: Vec<_> = ended.iter().map(|(code, count)| (code.as_str(), *count)).collect();
    let expected = [("approval_denied", 30), ("approval_expired", calls - 60), ("approved", 30)];
    assert_eq!(ended, expected);
    assert_eq!((paid(&lab), gauge(&lab, "countersign_calls_held")), (30, 0));
}

/// What a person must judge can be read by a person; what is larger is refused before it is stored.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_held_call_is_no_larger_than_a_person_can_read() {
    let lab = Arc::new(lab().await);
    let token = alice(&lab);
    let sized = |number: usize, bytes: usize| {
        let body = json!({"number": number, "text": "x".repeat(bytes)});
        Call::post(&token, "/t/slow/v1/echo", &body)
    };
    let callers: Vec<_> = (0..8).map(|it| sized(it, 200 << 10).spawn(&lab)).collect();
    waiting(&lab, 8).await;
    let one = pending_first(&lab).await;
    let shown = approve(&lab, AMIR, one).await.call.shown;
    until("the end of it", async || lab.world.slow.counters().calls_total() == 1).await;
    waiting(&lab, 7).await;
    let over = sized(9, 256 << 10).send(&lab).await;
    refused(&over, StatusCode::PAYLOAD_TOO_LARGE, "request_too_large");
    lab.gateway.drain().await;
    let mut codes = Vec::new();
    for caller in callers {
        let answer = soon("the answer", caller).await.unwrap();
        if answer.status.is_success() {
            assert_eq!(answer.json()["body"], shown, "what ran is what was shown");
        }
        codes.push(answer.code());
    }
    assert_eq!(codes.iter().filter(|it| *it == "approved").count(), 1);
    assert_eq!(codes.iter().filter(|it| *it == "approval_required").count(), 7);
    assert_eq!(lab.world.slow.counters().calls_total(), 1);
}

async fn pending_first(lab: &Lab) -> ApprovalId {
    let filter = ApprovalFilter { limit: 1, ..Default::default() };
    lab.governance.approvals(&filter).await.unwrap()[0].id
}

/// Memory of this process.
fn resident_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|it| it.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
}
