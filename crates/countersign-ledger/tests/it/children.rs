//! What needs a process of its own: being killed at any moment, and a disk without room. The child is
//! this test binary, which runs one of the ignored tests below in the directory that the parent made.

use crate::place::{ORIGIN, content, entropy, key, place, start};
use countersign_ledger::{
    LedgerError, Log, LogOptions, Recording, SegmentOptions, SegmentReader, Segments, SessionKey,
    VerifyOptions, Writer, WriterOptions, entries, verify,
};
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

const KILLS: u32 = 20;

#[test]
fn killed_at_any_moment_nothing_acknowledged_is_lost() {
    let place = place();
    let mut acknowledged: BTreeMap<u64, Vec<u8>> = BTreeMap::new();
    let mut places = Vec::new();
    let mut pause = entropy();
    for round in 0..KILLS {
        let (mut child, mut lines) = spawn(place.path(), "children::child_that_is_killed");
        if round == 0 {
            // There is nothing to verify before the log was begun.
            expect(&mut lines, "begun");
        }
        let mut random = [0];
        pause(&mut random);
        let reader =
            std::thread::spawn(move || lines.lines().map_while(Result::ok).collect::<Vec<_>>());
        std::thread::park_timeout(Duration::from_millis(60 + u64::from(random[0]) / 2));
        child.kill().unwrap();
        child.wait().unwrap();
        for line in reader.join().unwrap() {
            let parts: Vec<&str> = line.split('|').collect();
            let ["acknowledged", index, segment, offset, entry, "."] = parts[..] else { continue };
            let before = acknowledged.insert(index.parse().unwrap(), entry.as_bytes().to_vec());
            assert_eq!(before, None, "index {index} was given twice");
            places.push((segment.parse().unwrap(), offset.parse().unwrap()));
        }
        let verified = verify(place.path(), &VerifyOptions::default()).unwrap();
        let there = verified.size + verified.tail_entries;
        let last = acknowledged.last_key_value().map_or(0, |(index, _)| index + 1);
        assert!(there >= last, "round {round}: {there} entries, {last} acknowledged");
    }
    assert!(
        acknowledged.len() > 100,
        "only {} entries: the test shows nothing",
        acknowledged.len()
    );
    start(place.path(), WriterOptions::default()).1.close().unwrap();
    let read: BTreeMap<_, _> = entries(place.path()).unwrap().map(Result::unwrap).collect();
    for (index, entry) in &acknowledged {
        assert_eq!(read.get(index), Some(entry), "entry {index}");
    }
    let reader = SegmentReader::open(&place.path().join("recordings"));
    for (segment, offset) in places {
        reader.read(segment, offset, &session_key()).unwrap();
    }
    assert_eq!(verify(place.path(), &VerifyOptions::default()).unwrap().tail_entries, 0);
}

#[test]
fn a_disk_without_room_refuses_and_recovers_without_a_restart() {
    let place = place();
    let (mut child, mut lines) = spawn(place.path(), "children::child_without_room");
    expect(&mut lines, "ready");
    // From here on no file of the child may grow beyond 20 bytes: every write of it fails.
    limit(&child, "20");
    say(&mut child, "limited");
    expect(&mut lines, "refused");
    limit(&child, "unlimited");
    expect(&mut lines, "recovered");
    expect(&mut lines, "closed");
    assert!(child.wait().unwrap().success());
    let read: Vec<_> = entries(place.path()).unwrap().map(Result::unwrap).collect();
    let expect: Vec<_> = (0..40).map(|index| (index, content(index))).collect();
    assert_eq!(read, expect);
    let verified = verify(place.path(), &VerifyOptions::default()).unwrap();
    assert_eq!((verified.size, verified.tail_entries), (40, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "runs as a child of the test above"]
async fn child_that_is_killed() {
    if !is_child() {
        return;
    }
    let options = WriterOptions { checkpoint_interval_ms: 10, ..Default::default() };
    // Short files, so that kills meet them being begun, made ahead and removed.
    let log_options = LogOptions { journal_file_bytes_max: 64 * 1024 };
    let log = Log::open(Path::new("."), ORIGIN, key(), log_options).unwrap();
    let segment_options = SegmentOptions { segment_bytes_max: 64 * 1024 };
    let segments = Segments::open(Path::new("recordings"), segment_options, entropy()).unwrap();
    let (writer, _closer) = Writer::start(log, segments, options).unwrap();
    tell("begun");
    let session = Arc::new(session_key());
    let mut callers = tokio::task::JoinSet::new();
    for caller in 0..8_u32 {
        let (writer, session) = (writer.clone(), Arc::clone(&session));
        callers.spawn(async move {
            for call in 0_u64.. {
                let entry = format!("caller {caller} call {call}").into_bytes();
                let recording = Recording {
                    session_id: [1; 16],
                    call_id: [2; 16],
                    time_ms: 3,
                    kind: 4,
                    key: Arc::clone(&session),
                    payload: entry.repeat(20),
                };
                let receipt = writer.append_with(entry.clone(), recording).await.unwrap();
                let at = receipt.place.unwrap();
                let entry = String::from_utf8(entry).unwrap();
                let (index, segment, offset) = (receipt.index, at.segment, at.offset);
                tell(&format!("acknowledged|{index}|{segment}|{offset}|{entry}|."));
            }
        });
    }
    callers.join_next().await;
}

#[tokio::test]
#[ignore = "runs as a child of the test above"]
async fn child_without_room() {
    if !is_child() {
        return;
    }
    let options = WriterOptions { checkpoint_interval_ms: 10, ..Default::default() };
    let (writer, closer) = start(Path::new("."), options);
    for index in 0..20 {
        writer.append(content(index)).await.unwrap();
    }
    tell("ready");
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    for _ in 0..10 {
        let refused = writer.append(b"refused".to_vec()).await;
        assert!(matches!(refused, Err(LedgerError::NotWritable { .. })), "{refused:?}");
    }
    assert!(!writer.healthy());
    tell("refused");
    healthy_again(&writer).await;
    for index in 20..40 {
        assert_eq!(writer.append(content(index)).await.unwrap().index, index);
    }
    tell("recovered");
    closer.close().unwrap();
    tell("closed");
}

/// Health returns without an entry being sent.
async fn healthy_again(writer: &Writer) {
    for _ in 0..1_000 {
        if writer.healthy() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("never healthy again: {writer:?}");
}

fn session_key() -> SessionKey {
    SessionKey::from_bytes(&[5; 32]).unwrap()
}

/// The ignored tests do nothing in a directory that no parent prepared.
fn is_child() -> bool {
    Path::new(CHILD_MARK).exists()
}

/// Writes a line that the parent reads. Not by `println`, which the test harness keeps back.
fn tell(line: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("{line}\n").as_bytes()).unwrap();
    out.flush().unwrap();
}

fn spawn(directory: &Path, test: &str) -> (Child, BufReader<ChildStdout>) {
    fs::write(directory.join(CHILD_MARK), b"").unwrap();
    // A signal that is ignored here stays ignored in the child, so that a write beyond the limit is an
    // error, as it is on a full disk.
    let mut child = Command::new("sh")
        .args(["-c", "trap '' XFSZ; exec \"$0\" --exact \"$1\" --ignored --nocapture"])
        .arg(std::env::current_exe().unwrap())
        .arg(test)
        .current_dir(directory)
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

fn expect(lines: &mut BufReader<ChildStdout>, wanted: &str) {
    let mut line = String::new();
    while lines.read_line(&mut line).unwrap() > 0 {
        // The harness writes lines of its own, and may have begun this one.
        if line.trim_end().ends_with(wanted) {
            return;
        }
        line.clear();
    }
    panic!("the child ended before it said {wanted}");
}

const CHILD_MARK: &str = "child-of-a-test";
