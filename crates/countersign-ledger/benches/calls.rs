//! What the ledger costs a call, as a gateway makes them on one core: 64 callers on one runtime thread,
//! each adds an intent, then an outcome with a recording. Prints the CPU of each thread per call, the
//! groups, and the time that a call waits. The first argument is the directory to write in; to be run
//! pinned, as in `taskset -c 1 cargo bench -p countersign-ledger --bench calls -- /dev/shm`.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::as_conversions,
    reason = "a benchmark measures time and prints it"
)]

use countersign_ledger::{
    Log, LogOptions, Recording, SegmentOptions, Segments, SessionKey, SigningKey, Writer,
    WriterOptions, leaf_hash,
};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

const CALLERS: u64 = 64;
const INTENT_BYTES: usize = 450;
const OUTCOME_BYTES: usize = 350;
const PAYLOAD_BYTES: usize = 1_700;
/// Hashing so many bytes stands for the gateway's own work on a call: some 50 µs.
const WORK_BYTES: usize = 80 * 1024;
/// Until the writer has files made ahead.
const WARM_UP: Duration = Duration::from_millis(2_500);
const RUN: Duration = Duration::from_secs(3);

fn main() {
    let mut directories: Vec<PathBuf> =
        std::env::args().skip(1).filter(|it| !it.starts_with('-')).map(PathBuf::from).collect();
    if directories.is_empty() {
        directories.push(PathBuf::from("."));
    }
    for directory in directories {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(run(&directory));
    }
}

async fn run(directory: &Path) {
    let place = tempfile::tempdir_in(directory).unwrap();
    let key = SigningKey::from_seed(&[1; 32]).unwrap();
    let log = Log::open(place.path(), "bench", key, LogOptions::default()).unwrap();
    let kept = keep_journal(place.path());
    let mut next = 0_u64;
    let entropy = Box::new(move |bytes: &mut [u8]| {
        next += 1;
        bytes.iter_mut().zip(next.to_le_bytes()).for_each(|(to, from)| *to = from);
    });
    let recordings = place.path().join("recordings");
    let segments = Segments::open(&recordings, SegmentOptions::default(), entropy).unwrap();
    let (writer, closer) = Writer::start(log, segments, WriterOptions::default()).unwrap();
    let start = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for caller in 0..CALLERS {
        tasks.spawn(calls(writer.clone(), caller, start));
    }
    tokio::time::sleep(WARM_UP).await;
    let before = threads();
    let counted = Instant::now();
    let mut waits: Vec<Duration> = Vec::new();
    while let Some(found) = tasks.join_next().await {
        waits.extend(found.unwrap());
    }
    let seconds = counted.elapsed().as_secs_f64();
    let after = threads();
    closer.close().unwrap();
    waits.sort_unstable();
    let calls = waits.len() as f64;
    println!("\n{}: {:.0} calls/s", directory.display(), calls / seconds);
    for (name, (on_cpu, user, system, switches)) in &after {
        let zero = (0.0, 0.0, 0.0, 0.0);
        let (on_cpu_0, user_0, system_0, switches_0) = before.get(name).unwrap_or(&zero);
        println!(
            "  {name:15} {:6.2} µs/call (user {:5.2}, system {:5.2}), {:.2} switches/call",
            (on_cpu - on_cpu_0) / calls,
            (user - user_0) / calls,
            (system - system_0) / calls,
            (switches - switches_0) / calls,
        );
    }
    let total: f64 =
        after.values().map(|it| it.0).sum::<f64>() - before.values().map(|it| it.0).sum::<f64>();
    let (groups, entries) = kept.join().unwrap();
    let whole = (WARM_UP + RUN).as_secs_f64();
    println!(
        "  all threads     {:6.2} µs/call; {:.0} groups/s of {:.1} entries; p50 {:?}, p99 {:?}",
        total / calls,
        groups / whole,
        entries / groups,
        waits.get(waits.len() / 2).unwrap(),
        waits.get(waits.len() * 99 / 100).unwrap(),
    );
}

async fn calls(writer: Writer, caller: u64, start: Instant) -> Vec<Duration> {
    let key = Arc::new(SessionKey::from_bytes(&[2; 32]).unwrap());
    let work = vec![7; WORK_BYTES];
    let mut waits = Vec::new();
    let mut count = 0_u64;
    while start.elapsed() < WARM_UP + RUN {
        count += 1;
        let began = Instant::now();
        writer.append(entry(caller, count, INTENT_BYTES)).await.unwrap();
        // What a gateway does with the call takes its turn, too, and lets the other threads in between.
        tokio::task::yield_now().await;
        std::hint::black_box(leaf_hash(&work));
        let recording = Recording {
            session_id: u128::from(caller).to_be_bytes(),
            call_id: u128::from(count).to_be_bytes(),
            time_ms: 1_700_000_000_000,
            kind: 0,
            key: key.clone(),
            payload: payload(caller, count),
        };
        let outcome = entry(caller, count, OUTCOME_BYTES);
        writer.append_with(outcome, recording).await.unwrap();
        if start.elapsed() > WARM_UP {
            waits.push(began.elapsed());
        }
    }
    waits
}

fn entry(caller: u64, count: u64, bytes: usize) -> Vec<u8> {
    let text =
        format!(r#"{{"caller":"agent-{caller}","call":{count},"function":"billing.refunds"}}"#);
    text.bytes().cycle().take(bytes).collect()
}

/// JSON as a function answers it: names repeat, values do not.
fn payload(caller: u64, count: u64) -> Vec<u8> {
    let mut text = String::with_capacity(PAYLOAD_BYTES + 200);
    let mut random = caller.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ count;
    while text.len() < PAYLOAD_BYTES {
        random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let id = random >> 20;
        text.push_str(&format!(
            r#"{{"id":"c_{id:x}","amount":{},"currency":"EUR","status":"paid","customer":"{}@example.com"}},"#,
            id % 10_000,
            id % 7_919,
        ));
    }
    text.truncate(PAYLOAD_BYTES);
    text.into_bytes()
}

/// Of each thread by its name, in microseconds: on the CPU, user, system; and its voluntary switches.
fn threads() -> BTreeMap<String, (f64, f64, f64, f64)> {
    let mut found = BTreeMap::new();
    for task in fs::read_dir("/proc/self/task").unwrap() {
        let task = task.unwrap().path();
        let read = |name: &str| fs::read_to_string(task.join(name)).unwrap();
        let name = read("comm").trim().to_owned();
        let on_cpu: f64 = read("schedstat").split(' ').next().unwrap().parse().unwrap();
        let stat = read("stat");
        let mut fields = stat.rsplit(')').next().unwrap().split_whitespace().skip(11);
        let mut ticks = || fields.next().unwrap().parse::<f64>().unwrap() * 10_000.0;
        let (user, system) = (ticks(), ticks());
        let status = read("status");
        let line = status.lines().find_map(|it| it.strip_prefix("voluntary_ctxt_switches:"));
        let switches: f64 = line.unwrap().trim().parse().unwrap();
        found.insert(name, (on_cpu / 1_000.0, user, system, switches));
    }
    found
}

/// Links each file of the journal to a name that stays when the writer removes it, and at the end counts the records, which are the groups, and the entries in them.
fn keep_journal(log: &Path) -> thread::JoinHandle<(f64, f64)> {
    let (journal, kept) = (log.join("journal"), log.join("kept"));
    fs::create_dir(&kept).unwrap();
    let count = move || {
        let start = Instant::now();
        while start.elapsed() < WARM_UP + RUN + Duration::from_millis(500) {
            for file in fs::read_dir(&journal).unwrap().map(Result::unwrap) {
                fs::hard_link(file.path(), kept.join(file.file_name())).ok();
            }
            thread::sleep(Duration::from_millis(50));
        }
        let counts = fs::read_dir(&kept).unwrap().map(|file| records(&file.unwrap().path()));
        counts.fold((0.0, 0.0), |sum, file| (sum.0 + file.0, sum.1 + file.1))
    };
    thread::Builder::new().name("count".to_owned()).spawn(count).unwrap()
}

fn records(journal: &Path) -> (f64, f64) {
    let bytes = fs::read(journal).unwrap();
    let number = |at: usize| {
        bytes.get(at..at + 4).map_or(0, |it| u32::from_be_bytes(it.try_into().unwrap()))
    };
    let (mut at, mut records, mut entries) = (48, 0.0, 0.0);
    while number(at + 4) > 0 {
        records += 1.0;
        entries += f64::from(number(at + 4));
        at += 44 + usize::try_from(number(at + 16)).unwrap();
    }
    (records, entries)
}
