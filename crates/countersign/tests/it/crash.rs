//! `kill -9` of the real gateway at random moments under load. No call reaches the target without a
//! durable intent, every acknowledged call is in the ledger and its recording can be read, held calls
//! survive, and what was approved runs once.

#![expect(clippy::print_stdout, reason = "it is shown when the test fails")]

mod book;
mod callers;
mod judge;

use crate::lab::{AGENT, APPROVER, AUDITOR, Connection, EMAIL, Process, Say, World, ran};
use book::{Asked, Book, Held, Kind};
use callers::{Callers, PAYMENT};
use serde_json::{Value, json};
use std::{collections::BTreeSet, fs, ops::RangeInclusive, time::Duration};

/// How often the gateway is killed.
const KILLS: usize = 50;
/// How long a gateway lives, in milliseconds.
const LIFE_MS: RangeInclusive<u64> = 50..=400;
/// Calls whose recordings are looked at as an auditor looks at them.
const LOOKS: usize = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_moment_under_load_nothing_is_lost() {
    let mut dice = Dice::new();
    println!("dice: {dice:?}");
    let world = World::new().await;
    let mut process = Process::start(&world).await;
    world.grant_desk(&process, AGENT).await;
    let book = Book::default();
    let callers = Callers::start(&world, &book, process.address, &mut dice);

    let mut starts = vec![process.started_in];
    let mut checkpoints = Vec::new();
    for _ in 0..KILLS {
        // Not to wait for something: this is the random moment.
        tokio::time::sleep(Duration::from_millis(dice.from(LIFE_MS))).await;
        process.kill();
        checkpoints.push(fs::read_to_string(world.ledger().join("checkpoint")).unwrap());
        process = Process::start(&world).await;
        starts.push(process.started_in);
        callers.gateway_is_at(process.address);
    }
    callers.end().await;
    starts.sort();
    println!(
        "starts: median {:?}, longest {:?}; {} acknowledged, {} arrived",
        starts[starts.len() / 2],
        starts[starts.len() - 1],
        book.acknowledged().len(),
        world.arrivals.count()
    );

    assert_eq!(book.odd(), Vec::<String>::new(), "every call is answered, or breaks off");
    holds_survived(&world, &process, &book).await;
    process.stop().await;
    verified(&world, &checkpoints).await;
    let calls = judge::entries(&world, &book, KILLS);
    let acknowledged = book.acknowledged();
    calls.recordings(&world, &acknowledged).await;

    // It goes on where it ended, and shows what it kept.
    let process = Process::start(&world).await;
    let masked: Vec<_> = acknowledged.iter().filter(|it| it.kind == Kind::Masked).collect();
    for _ in 0..LOOKS {
        let last = u64::try_from(masked.len() - 1).unwrap();
        let call = &masked[usize::try_from(dice.from(0..=last)).unwrap()].call;
        an_auditor_sees(&world, &process, call, &calls.session(call).to_string()).await;
    }
    process.stop().await;
}

/// Every call that was said to be held waits still, is approved, and then runs once.
async fn holds_survived(world: &World, process: &Process, book: &Book) {
    let waiting = waiting(world, process).await;
    let token = world.token(AGENT);
    let mut cut = 0;
    for held in book.held() {
        let before = world.arrivals.at(&payment(held.number));
        assert!(before <= 1, "{held:?} ran {before} times");
        if held.asked == Asked::NotYet {
            assert_eq!(before, 0, "{held:?} ran without an approval");
            assert!(waiting.contains(&held.approval), "{held:?} waits no more");
            let answer = format!("POST /approvals/{}/approve", held.approval);
            world.manage(process, APPROVER, &answer, &json!({})).await;
        }
        let state = state(world, process, &held).await;
        let again = pay(process, held.number, &token).await;
        match (state.as_str(), &held.executed) {
            ("approved", None) => {
                assert_eq!(again.reason(), "200 approved", "{held:?}: {again:?}");
                assert_eq!(world.arrivals.at(&payment(held.number)), 1, "{held:?}");
            }
            // The kill came while it was used, or when the yes was on its way: it is never used again.
            ("outcome_unknown" | "executed" | "failed" | "pending", None) => {
                cut += 1;
                assert_eq!(again.reason(), "403 approval_required", "{held:?}: {again:?}");
                assert_eq!(world.arrivals.at(&payment(held.number)), before, "{held:?}");
            }
            ("executed", Some(_)) => {
                assert_eq!(again.reason(), "403 approval_required", "{held:?}: {again:?}");
                assert_eq!(world.arrivals.at(&payment(held.number)), 1, "{held:?}");
            }
            (state, _) => unreachable!("{held:?} is {state}"),
        }
    }
    let held = book.held();
    let untouched = held.iter().filter(|it| it.asked == Asked::NotYet).count();
    let executed = held.iter().filter(|it| it.executed.is_some()).count();
    println!("held {}: {untouched} untouched, {executed} executed, {cut} cut", held.len());
    assert!(untouched >= 5 && executed + cut >= 5, "too few holds: the test shows nothing");
}

/// All requests that wait for the approver, page by page.
async fn waiting(world: &World, process: &Process) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut before = String::new();
    loop {
        let path = format!("GET /approvals?state=pending&limit=100{before}");
        let answer = world.manage(process, APPROVER, &path, &Value::Null).await;
        let page = answer["approvals"].as_array().unwrap();
        let ids = page.iter().map(|it| it["id"].as_str().unwrap().to_owned());
        let ids: Vec<String> = ids.collect();
        let Some(last) = ids.last() else { return found };
        before = format!("&before={last}");
        found.extend(ids);
    }
}

async fn state(world: &World, process: &Process, held: &Held) -> String {
    let path = format!("GET /approvals/{}", held.approval);
    let approval = world.manage(process, APPROVER, &path, &Value::Null).await;
    approval["state"]["state"].as_str().unwrap().to_owned()
}

async fn pay(process: &Process, number: u64, token: &str) -> crate::lab::Answer {
    let say = Say::new("POST", &format!("{PAYMENT}{number}"), token).header("prefer", "wait=0");
    Connection::once(process.address, say).await.unwrap()
}

/// Where a payment arrives.
fn payment(number: u64) -> String {
    format!("/v1/payments/{number}")
}

/// The command line finds the ledger whole, and an extension of every checkpoint that a kill left.
async fn verified(world: &World, checkpoints: &[String]) {
    let ran = ran(world.path(), &["ledger", "verify", "state/ledger", "--json"]).await;
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let said: Value = serde_json::from_str(&ran.stdout).unwrap();
    let entries = u64::try_from(world.entries().len()).unwrap();
    assert_eq!(said["size"], entries, "every entry is signed: {said}");
    let vkey = fs::read_to_string(world.ledger().join("log.vkey")).unwrap();
    for earlier in checkpoints.iter().step_by(7) {
        let (vkey, earlier) = (Some(vkey.trim().to_owned()), Some(earlier.clone()));
        let options = countersign_ledger::VerifyOptions { vkey, earlier };
        countersign_ledger::verify(&world.ledger(), &options).unwrap();
    }
}

/// The command line shows an acknowledged call to an auditor, masked.
async fn an_auditor_sees(world: &World, process: &Process, call: &str, session: &str) {
    let server = format!("http://{}", process.address);
    let token = world.token(AUDITOR);
    let line = ["sessions", "show", session, "--json", "--server", &server, "--token", &token];
    let ran = ran(world.path(), &line).await;
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let shown: Value = serde_json::from_str(&ran.stdout).unwrap();
    let exchange = shown["calls"].as_array().unwrap().iter().find(|it| it["call"] == call);
    let exchange = exchange.unwrap_or_else(|| unreachable!("{call} is not in {shown}"));
    assert!(exchange["response"].as_str().unwrap().contains("email"), "{exchange}");
    assert!(!ran.stdout.contains(EMAIL), "unmasked: {exchange}");
    assert_eq!(shown["unreadable"], 0, "{shown}");
}

/// Random numbers that can be had again: `SplitMix64`.
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    /// Fresh ones, or those of `COUNTERSIGN_TEST_DICE`.
    fn new() -> Self {
        #[expect(clippy::disallowed_methods, reason = "a person asks for the run that failed")]
        let asked = std::env::var("COUNTERSIGN_TEST_DICE").ok();
        let mut bytes = [0; 8];
        aws_lc_rs::rand::fill(&mut bytes).unwrap();
        Self(asked.map_or(u64::from_be_bytes(bytes), |it| it.parse().unwrap()))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn from(&mut self, range: RangeInclusive<u64>) -> u64 {
        range.start() + self.next() % (range.end() - range.start() + 1)
    }
}
