//! What an entry costs: CPU and rate at 1, 16 and 64 callers at once, with and without a recording, and
//! what the sync itself takes on this disk.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark measures time and prints it"
)]

use countersign_ledger::{
    Log, LogOptions, Recording, SegmentOptions, Segments, SessionKey, SigningKey, Writer,
    WriterOptions,
};
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::{Duration, Instant};

const ENTRY_BYTES: usize = 512;
const PAYLOAD_BYTES: usize = 1024;
const RUN: Duration = Duration::from_secs(3);

fn main() {
    sync_alone();
    println!("callers recording  entries/s  µs/entry(latency)  user µs/entry  system µs/entry");
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.unwrap();
    for with_recording in [false, true] {
        for callers in [1, 16, 64, 512] {
            runtime.block_on(run(callers, with_recording));
        }
    }
}

fn sync_alone() {
    let place = tempfile::tempdir_in(".").unwrap();
    let file = File::create(place.path().join("file")).unwrap();
    let before = cpu();
    let start = Instant::now();
    let count = 500_u64;
    for index in 0..count {
        file.write_all_at(&[7; ENTRY_BYTES], index * 512).unwrap();
        file.sync_data().unwrap();
    }
    let after = cpu();
    let each = start.elapsed() / 500;
    let system = (after.1 - before.1) / 500.0;
    println!("one write and sync alone: {each:?}, {system:.1} µs of it system CPU");
}

async fn run(callers: u64, with_recording: bool) {
    let place = tempfile::tempdir_in(".").unwrap();
    let key = SigningKey::from_seed(&[1; 32]).unwrap();
    let log = Log::open(place.path(), "bench", key, LogOptions::default()).unwrap();
    let entropy = Box::new(|bytes: &mut [u8]| bytes.fill(1));
    let recordings = place.path().join("recordings");
    let segments = Segments::open(&recordings, SegmentOptions::default(), entropy).unwrap();
    let (writer, closer) = Writer::start(log, segments, WriterOptions::default()).unwrap();
    let session = Arc::new(SessionKey::from_bytes(&[2; 32]).unwrap());
    let before = cpu();
    let start = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for caller in 0..callers {
        tasks.spawn(append(writer.clone(), caller, session.clone(), with_recording, start));
    }
    let mut entries = 0_u32;
    while let Some(count) = tasks.join_next().await {
        entries += count.unwrap();
    }
    let seconds = start.elapsed().as_secs_f64();
    let after = cpu();
    closer.close().unwrap();
    let count = f64::from(entries);
    println!(
        "{callers:7} {with_recording:9} {:10.0} {:18.1} {:14.2} {:16.2}",
        count / seconds,
        seconds * 1e6 / count * f64::from(u32::try_from(callers).unwrap()),
        (after.0 - before.0) / count,
        (after.1 - before.1) / count,
    );
}

async fn append(
    writer: Writer,
    caller: u64,
    key: Arc<SessionKey>,
    with_recording: bool,
    start: Instant,
) -> u32 {
    let text = format!(r#"{{"caller":{caller},"function":"billing.refunds.create","ok":true}}"#);
    let payload: Vec<u8> = text.bytes().cycle().take(PAYLOAD_BYTES).collect();
    let mut count = 0;
    while start.elapsed() < RUN {
        let entry = vec![7; ENTRY_BYTES];
        if with_recording {
            let recording = Recording {
                session_id: u128::from(caller % 8).to_be_bytes(),
                call_id: u128::from(count).to_be_bytes(),
                time_ms: 0,
                kind: 0,
                key: key.clone(),
                payload: payload.clone(),
            };
            writer.append_with(entry, recording).await.unwrap();
        } else {
            writer.append(entry).await.unwrap();
        }
        count += 1;
    }
    count
}

/// User and system time of this process, in microseconds, to ten milliseconds.
fn cpu() -> (f64, f64) {
    let text = fs::read_to_string("/proc/self/stat").unwrap();
    let mut fields = text.rsplit(')').next().unwrap().split_whitespace().skip(11);
    let mut next = || fields.next().unwrap().parse::<f64>().unwrap() * 10_000.0;
    (next(), next())
}
