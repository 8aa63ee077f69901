//! What a cold token costs beside the bare check of its signature, and what a flood of forged tokens
//! costs beside making and sending them. Run with
//! `cargo bench -p countersign-identity --bench forged_tokens`. Best of five rounds.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a bench that panics is a bench that fails, and it prints what it measured"
)]
#![expect(dead_code, reason = "the tests' issuer does more than this needs")]

#[path = "../tests/it/issuer.rs"]
mod issuer;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
    RsaPublicKeyComponents,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use countersign_identity::{ForgedLimits, Http, Verifier, VerifierOptions};
use issuer::{Key, NOW, Op, TestClock, encode};
use serde_json::json;
use std::{
    fs,
    hint::black_box,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
};

const ROUNDS: usize = 5;

/// Nanoseconds for each of `count`, once.
#[expect(clippy::disallowed_methods, reason = "a bench measures the real time")]
fn timed(count: usize, work: impl FnOnce()) -> u128 {
    let start = std::time::Instant::now();
    work();
    start.elapsed().as_nanos() / u128::try_from(count).unwrap()
}

#[expect(clippy::disallowed_methods, reason = "a bench measures the real time")]
async fn measure(name: &str, verifier: &Verifier, tokens: &[String], times: usize) -> u128 {
    let mut best = u128::MAX;
    for round in 0..ROUNDS {
        let share = tokens.len() / ROUNDS;
        let tokens = if share == 0 { tokens } else { &tokens[round * share..(round + 1) * share] };
        let start = std::time::Instant::now();
        for _ in 0..times {
            for token in tokens {
                drop(black_box(verifier.identify(black_box(token)).await));
            }
        }
        let count = u128::try_from(times * tokens.len()).unwrap();
        best = best.min(start.elapsed().as_nanos() / count);
    }
    println!("{name:<34} {best:>9} ns");
    best
}

/// The public key as the library takes it, for the bare check of a signature.
fn parsed(key: &Key) -> ParsedPublicKey {
    let jwk = key.jwk();
    let number = |name: &str| URL_SAFE_NO_PAD.decode(jwk[name].as_str().unwrap()).unwrap();
    match key.algorithm {
        "RS256" => RsaPublicKeyComponents { n: number("n"), e: number("e") }
            .to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256)
            .unwrap(),
        "ES256" => {
            let point = [vec![4], number("x"), number("y")].concat();
            ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).unwrap()
        }
        _ => ParsedPublicKey::new(&ED25519, number("x")).unwrap(),
    }
}

/// What the library's check alone costs, over the same tokens.
fn bare(key: &Key, tokens: &[String]) -> u128 {
    let public = parsed(key);
    let parts: Vec<(&str, Vec<u8>)> = tokens
        .iter()
        .map(|token| token.rsplit_once('.').unwrap())
        .map(|(signed, signature)| (signed, URL_SAFE_NO_PAD.decode(signature).unwrap()))
        .collect();
    let check = || {
        timed(parts.len(), || {
            for (signed, signature) in &parts {
                public.verify_sig(black_box(signed.as_bytes()), signature).unwrap();
            }
        })
    };
    let best = (0..ROUNDS).map(|_| check()).min().unwrap();
    println!("{:<34} {best:>9} ns", format!("bare check {}", key.algorithm));
    best
}

fn ratio(name: &str, one: u128, other: u128) {
    let hundredths = one * 100 / other.max(1);
    println!("{name:<34} {:>6}.{:02} times", hundredths / 100, hundredths % 100);
}

/// The cheapest forged token: the usual header and claims, with other bytes for a signature.
fn forge(head: &str, number: usize, bytes: usize) -> String {
    let mut signature = vec![0x5A_u8; bytes];
    signature[..8].copy_from_slice(&number.to_be_bytes());
    format!("{head}.{}", encode(signature))
}

/// What it costs to write a request with such a token to a socket of this machine: the least that
/// somebody pays who sends it.
fn sending(token: &str) -> u128 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut out = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (mut taken, _) = listener.accept().unwrap();
    let reader = std::thread::spawn(move || {
        let mut buffer = vec![0; 1 << 16];
        while taken.read(&mut buffer).is_ok_and(|read| read > 0) {}
    });
    let request =
        format!("GET /t/a/b HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\n\r\n");
    let count = 20_000;
    let best = (0..ROUNDS).map(|_| {
        timed(count, || {
            for _ in 0..count {
                out.write_all(request.as_bytes()).unwrap();
            }
        })
    });
    let best = best.min().unwrap();
    drop(out);
    reader.join().unwrap();
    best
}

/// The memory of this process, in KiB.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|it| it.starts_with("VmRSS:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|it| it.parse().ok()).unwrap_or_default()
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let keys = [Key::rsa("rsa", "RS256"), Key::ec("ec"), Key::ed("ed")];
        let op = Op::start(&[&keys[0], &keys[1], &keys[2]]).await;
        let verifier = verifier(&op, ForgedLimits::LARGEST);
        let token = |key: &Key, number: usize| {
            key.token(&op.url, &json!({}), &json!({"jti": number, "exp": NOW + 3000}))
        };
        for key in &keys {
            let tokens: Vec<_> = (1..=1000).map(|number| token(key, number)).collect();
            let cold = measure(&format!("cold {}", key.algorithm), &verifier, &tokens, 1).await;
            ratio("  of the bare check", cold, bare(key, &tokens));
        }
        flood(&op, &verifier, &keys).await;
        bounded(&op, &keys[1]).await;
    });
}

/// With so many checks that may fail. The clock stands still, so no budget comes back.
fn verifier(op: &Op, forged: ForgedLimits) -> Verifier {
    let options = VerifierOptions { forged, ..VerifierOptions::default() };
    let (issuers, clock) = (vec![op.config(&json!({}))], TestClock::new().clock());
    Verifier::with(issuers, Http::new(), clock, options).unwrap()
}

/// What is left of a flood's cost: tokens that come again, and tokens beyond the budget.
async fn bounded(op: &Op, key: &Key) {
    let verifier = verifier(op, ForgedLimits::default());
    let warm = key.token(&op.url, &json!({}), &json!({"exp": NOW + 3000}));
    assert!(verifier.identify(&warm).await.is_ok());
    let head = key.token(&op.url, &json!({}), &json!({}));
    let head = head.rsplit_once('.').unwrap().0;
    let again = [forge(head, 0, 64)];
    assert_eq!(verifier.identify(&again[0]).await.unwrap_err().code(), "signature_invalid");
    measure("forged ES256, sent again", &verifier, &again, 100_000).await;
    assert_eq!(verifier.forged().checked, 1);
    let tokens: Vec<String> = (1..20_000).map(|number| forge(head, number, 64)).collect();
    for token in &tokens[..1000] {
        assert!(verifier.identify(token).await.is_err());
    }
    assert_eq!(verifier.forged().checked, 200, "what an address may at once");
    measure("forged ES256, beyond the budget", &verifier, &tokens, 1).await;
    assert_eq!(verifier.forged().checked, 200);
    measure("warm, meanwhile", &verifier, &[warm], 200_000).await;
}

/// Forged tokens of each kind, against what it costs to make and send them.
async fn flood(op: &Op, verifier: &Verifier, keys: &[Key; 3]) {
    let good = |key: &Key, header: serde_json::Value, claims: serde_json::Value| {
        let token = key.token(&op.url, &header, &claims);
        token.rsplit_once('.').unwrap().0.to_owned()
    };
    let usual = good(&keys[1], json!({}), json!({}));
    let count = 20_000;
    let made = timed(count, || {
        for number in 0..count {
            black_box(forge(&usual, number, 64));
        }
    });
    let sent = sending(&forge(&usual, 0, 64));
    println!("{:<34} {made:>9} ns", "making a forged token");
    println!("{:<34} {sent:>9} ns", "sending it to this machine");
    let kinds = [
        ("forged RS256", good(&keys[0], json!({}), json!({})), 256, "signature_invalid"),
        ("forged ES256", usual, 64, "signature_invalid"),
        ("forged EdDSA", good(&keys[2], json!({}), json!({})), 64, "signature_invalid"),
        ("unknown key", good(&keys[1], json!({"kid": "x"}), json!({})), 64, "key_unknown"),
        ("other audience", good(&keys[1], json!({}), json!({"aud": "x"})), 64, "audience_mismatch"),
        ("no JSON", "eHh4.eHh4".to_owned(), 64, "token_malformed"),
        (
            "16 KiB of claims",
            good(&keys[1], json!({}), json!({"x": "a".repeat(11_500)})),
            64,
            "signature_invalid",
        ),
        ("a MiB", "x".repeat(1 << 20), 64, "token_too_large"),
    ];
    let before = resident();
    for (name, head, bytes, expected) in kinds {
        let count = if head.len() > 1 << 16 { 50 } else { 5_000 };
        let tokens: Vec<String> = (0..count).map(|number| forge(&head, number, bytes)).collect();
        let found = verifier.identify(&tokens[0]).await.unwrap_err();
        assert_eq!(found.code(), expected, "{name}");
        let cost = measure(name, verifier, &tokens, 1).await;
        ratio("  of making and sending it", cost, made + sending(&tokens[0]));
    }
    println!("{:<34} {:>9} KiB", "memory after all of them", resident().saturating_sub(before));
}
