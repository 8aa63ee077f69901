//! What needs a process of its own: a disk without room, and how much memory is used at most. The
//! child is this test binary, which runs one of the ignored tests below.

use crate::{
    lab::Lab,
    rig::{
        AGENT, Source, Target, answer, eventually, flow, flowing, function, lab, outcome, outcomes,
        soon,
    },
};
use bytes::Bytes;
use countersign_model::{Reason, record::Event};
use http::Method;
use http_body_util::{BodyExt as _, Full};
use serde_json::{Value, json};
use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdout, Command, Stdio},
    sync::{Arc, Mutex},
    time::Instant,
};

const MIB: usize = 1024 * 1024;
/// What streams through in all, masked and not; far beyond what may be in memory.
const PASSED_BYTES: usize = 1024 * MIB;
const MASKED_BYTES: usize = 16 * MIB;
const MEMORY_BYTES_MAX: usize = 32 * MIB;

#[test]
fn a_large_answer_streams_in_bounded_memory() {
    let (mut child, mut lines) = spawn("children::child_that_streams");
    expect(&mut lines, "streamed");
    assert!(child.wait().unwrap().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "run by a_large_answer_streams_in_bounded_memory"]
async fn child_that_streams() {
    if !is_child() {
        return;
    }
    let (lab, source) = streaming(&[
        ("passed", json!([])),
        ("masked", json!([{"detect": ["email"], "how": "redact"}])),
    ])
    .await;
    let row = "{\"name\":\"somebody or other\",\"mail\":\"bob@example.com\",\"count\":12345},\n";
    let chunk = Bytes::from(row.repeat(64 * 1024 / row.len()));
    for (name, bytes) in [("passed", PASSED_BYTES), ("masked", MASKED_BYTES)] {
        let request = lab.request(Method::GET, &format!("/t/api/v1/{name}"), AGENT);
        let request = request.body(Full::default()).unwrap();
        let mut body = soon(lab.client.request(request)).await.unwrap().into_body();
        let source = source.lock().unwrap().take().unwrap();
        let before = memory_peak();
        let began = Instant::now();
        let (chunk, chunks) = (chunk.clone(), bytes / chunk.len());
        tokio::spawn(async move {
            assert!(source.send("[").await);
            for _ in 0..chunks {
                assert!(source.send(chunk.clone()).await);
            }
            assert!(source.send("0]").await);
        });
        let mut got = 0;
        while let Some(frame) = soon(body.frame()).await {
            let data = frame.unwrap().into_data().unwrap();
            assert!(name == "passed" || !data.windows(4).any(|it| it == b"bob@"));
            got += data.len();
        }
        let grown = memory_peak().saturating_sub(before);
        let took = began.elapsed();
        tell(&format!("{name}: {} MiB in {took:?}, {} KiB more memory", got / MIB, grown / 1024));
        assert!(got > bytes / 2, "{name}: only {got} bytes came");
        assert!(grown < MEMORY_BYTES_MAX, "{name}: {grown} bytes more");
    }
    tell("streamed");
}

/// The most memory that this process had at once, in bytes.
fn memory_peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|it| it.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
}

#[test]
fn a_full_disk_refuses_and_recovers() {
    let (mut child, mut lines) = spawn("children::child_with_a_full_disk");
    expect(&mut lines, "ready");
    limit(&child, "1");
    say(&mut child, "full");
    expect(&mut lines, "refused");
    limit(&child, "unlimited");
    say(&mut child, "room");
    expect(&mut lines, "recovered");
    // The next call leaves while there is room, and its answer comes when there is none.
    expect(&mut lines, "left");
    limit(&child, "1");
    say(&mut child, "full");
    expect(&mut lines, "withheld");
    limit(&child, "unlimited");
    say(&mut child, "room");
    expect(&mut lines, "done");
    assert!(child.wait().unwrap().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "run by a_full_disk_refuses_and_recovers"]
async fn child_with_a_full_disk() {
    if !is_child() {
        return;
    }
    let target = Target::start(|_| answer(200, &[("content-type", "text/plain")], "done")).await;
    let get = function("get", "GET", "/v1/x", json!({}));
    let lab = lab(target.address, json!({}), &[get]).await;
    let call = async || {
        let answer = soon(lab.get("/t/api/v1/x", AGENT)).await;
        (answer.status.as_u16(), answer.code())
    };
    let granted = (200, "granted".to_owned());
    for _ in 0..3 {
        assert_eq!(call().await, granted);
    }
    assert_eq!(target.take().len(), 3);
    tell("ready");
    hear().await;
    for _ in 0..5 {
        assert_eq!(call().await, (503, "ledger_unavailable".to_owned()));
    }
    assert!(target.take().is_empty(), "a call left without a record");
    tell("refused");
    hear().await;
    eventually("calls again", async || call().await == granted).await;
    target.take();
    tell("recovered");

    let world = &lab.world;
    let before = outcomes(world).len();
    let (other, source) = streaming(&[("get", json!([]))]).await;
    let request = other.request(Method::GET, "/t/api/v1/get", AGENT).body(Full::default()).unwrap();
    let answer = soon(other.client.request(request)).await.unwrap();
    let source = source.lock().unwrap().take().unwrap();
    assert!(source.send("[1").await);
    tell("left");
    hear().await;
    assert!(source.send("]").await);
    drop(source);
    let whole = soon(answer.into_body().collect()).await;
    assert!(whole.is_err(), "delivered as whole without its record: {whole:?}");
    tell("withheld");
    hear().await;
    // The intent stands alone, as after a crash; what comes later is recorded again.
    let events: Vec<Event> = other.world.entries().into_iter().map(|it| it.event).collect();
    assert!(events.iter().any(|it| matches!(it, Event::CallIntent(_))));
    assert!(outcomes(&other.world).is_empty());
    eventually("calls again", async || call().await == granted).await;
    assert!(outcomes(world).len() > before);
    assert_eq!(outcome(&lab, outcomes(world).len()).await, (200, Reason::Granted));
    tell("done");
}

type Sources = Arc<Mutex<Option<Source>>>;

/// A gateway before a target whose answers a test makes piece by piece.
async fn streaming(functions: &[(&str, Value)]) -> (Lab, Sources) {
    let source = Sources::default();
    let keep = Arc::clone(&source);
    let target = Target::streaming(move |_, _| {
        let (source, body) = flow();
        *keep.lock().unwrap() = Some(source);
        async move { flowing(200, &[("content-type", "application/json")], body) }
    })
    .await;
    let functions: Vec<Value> = functions
        .iter()
        .map(|(name, mask)| function(name, "GET", &format!("/v1/{name}"), json!({"mask": mask})))
        .collect();
    (lab(target.address, json!({}), &functions).await, source)
}

/// The ignored tests do nothing where no parent called them.
fn is_child() -> bool {
    std::env::var_os(CHILD_MARK).is_some()
}

const CHILD_MARK: &str = "COUNTERSIGN_CHILD_OF_A_TEST";

/// Writes a line that the parent reads. Not by `println`, which the test harness keeps back.
fn tell(line: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("{line}\n").as_bytes()).unwrap();
    out.flush().unwrap();
}

async fn hear() {
    let read = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).unwrap();
    });
    read.await.unwrap();
}

fn spawn(test: &str) -> (Child, BufReader<ChildStdout>) {
    // A signal that is ignored here stays ignored in the child, so that a write beyond the limit is
    // an error, as it is on a full disk.
    let mut child = Command::new("sh")
        .args(["-c", "trap '' XFSZ; exec \"$0\" --exact \"$1\" --ignored --nocapture"])
        .arg(std::env::current_exe().unwrap())
        .arg(test)
        .env(CHILD_MARK, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap());
    (child, lines)
}

fn limit(child: &Child, bytes: &str) {
    let status = Command::new("prlimit")
        .args(["--pid", &child.id().to_string(), &format!("--fsize={bytes}:unlimited")])
        .status()
        .expect("prlimit, of util-linux, is needed");
    assert!(status.success());
}

fn say(child: &mut Child, line: &str) {
    let stdin = child.stdin.as_mut().unwrap();
    stdin.write_all(format!("{line}\n").as_bytes()).unwrap();
    stdin.flush().unwrap();
}

#[expect(clippy::print_stdout, reason = "what the child measured is seen with --nocapture")]
fn expect(lines: &mut BufReader<ChildStdout>, wanted: &str) {
    let mut line = String::new();
    while lines.read_line(&mut line).unwrap() > 0 {
        if line.trim_end().ends_with(wanted) {
            return;
        }
        println!("{}", line.trim_end());
        line.clear();
    }
    panic!("the child ended before it said {wanted}");
}
