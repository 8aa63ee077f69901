//! How many bytes a second one core masks. Prints a table; `cargo bench -p countersign-mask`.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::as_conversions,
    reason = "a benchmark reads the clock and prints what it saw"
)]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use countersign_mask::{Detector, Format, HashKey, How, Limits, Masker, Plan, Rule};

const CHUNK_BYTES: usize = 16 * 1024;
/// Many short rounds, of which the best counts: the machine has other things to do.
const ROUNDS: u32 = 600;

fn main() {
    let dense = dense();
    let prose = prose();
    let all = || vec![Rule { field: None, detect: Detector::ALL.to_vec(), how: How::Redact }];
    let field = |path: &str, how| Rule { field: Some(path.parse().unwrap()), detect: vec![], how };
    let fields = vec![
        field("$[*].customer.email", How::Redact),
        field("$[*].customer.card", How::Partial),
        field("$[*].customer.phone", How::Null),
        field("$[*].note", How::Redact),
    ];
    let drops = vec![field("$[*].customer.email", How::Drop)];
    baseline("serde_json checks, makes nothing", &dense);
    measure("copy: empty plan, dense json", &[], Format::Json, &dense);
    measure("check: a field that is not there", &[field("$.x", How::Redact)], Format::Json, &dense);
    measure("4 fields, dense json", &fields, Format::Json, &dense);
    measure("a dropped field, dense json", &drops, Format::Json, &dense);
    measure("6 detectors, dense json", &all(), Format::Json, &dense);
    measure("6 detectors, json of prose", &all(), Format::Json, &json_of(&prose));
    measure("6 detectors, clean text", &all(), Format::Text, &prose);
    measure("6 detectors, dense json as text", &all(), Format::Text, &dense);
}

fn measure(name: &str, rules: &[Rule], format: Format, body: &[u8]) {
    let plan = Arc::new(Plan::compile(rules).unwrap());
    let key = Arc::new(HashKey::new(&[7; 32]));
    let mut out = Vec::with_capacity(body.len() * 2);
    let mut best = f64::MAX;
    for _ in 0..ROUNDS {
        out.clear();
        let mut masker =
            Masker::new(Arc::clone(&plan), Arc::clone(&key), format, Limits::default());
        let start = Instant::now();
        for chunk in body.chunks(CHUNK_BYTES) {
            masker.push(black_box(chunk), &mut out).unwrap();
        }
        masker.finish(&mut out).unwrap();
        best = best.min(start.elapsed().as_secs_f64());
        black_box(&out);
    }
    println!("{name:36} {:7.3} GB/s", body.len() as f64 / best / 1e9);
}

/// The yardstick: what checking the grammar alone costs on this machine at this moment.
fn baseline(name: &str, body: &[u8]) {
    let mut best = f64::MAX;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        black_box(serde_json::from_slice::<&serde_json::value::RawValue>(black_box(body)).unwrap());
        best = best.min(start.elapsed().as_secs_f64());
    }
    println!("{name:36} {:7.3} GB/s", body.len() as f64 / best / 1e9);
}

/// Records as an API of customers answers with: short strings, numbers, dates, something to mask in
/// each.
fn dense() -> Vec<u8> {
    let mut text = String::from("[");
    for number in 0..600 {
        if number > 0 {
            text.push(',');
        }
        text.push_str(&format!(
            "{{\"id\":{number},\"created\":\"2026-01-02T03:04:05Z\",\"status\":\"active\",\
             \"amount\":{}.50,\"customer\":{{\"name\":\"Customer {number}\",\"email\":\
             \"c{number}@example.org\",\"card\":\"4111 1111 1111 1111\",\"phone\":\
             \"+49 30 123{number}\"}},\"tags\":[\"a\",\"b\"],\"note\":\"called twice, no answer\"}}",
            number * 7
        ));
    }
    text.push(']');
    text.into_bytes()
}

fn prose() -> Vec<u8> {
    let sentence =
        "The quick brown fox jumps over the lazy dog, and nobody asked it for a reason. ";
    sentence.repeat(2_000).into_bytes()
}

fn json_of(text: &[u8]) -> Vec<u8> {
    let mut out = b"[".to_vec();
    for (position, part) in text.chunks(400).enumerate() {
        out.extend_from_slice(if position == 0 { b"\"" } else { b",\"" });
        out.extend_from_slice(part);
        out.push(b'"');
    }
    out.push(b']');
    out
}
