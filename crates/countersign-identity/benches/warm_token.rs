//! What a token costs: warm, cold with each algorithm, and forged. Run with
//! `cargo bench -p countersign-identity`. Prints nanoseconds per token, the best of five rounds: the
//! machines are noisy, and only ever make it slower.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a bench that panics is a bench that fails, and it prints what it measured"
)]
#![expect(dead_code, reason = "the tests' issuer does more than this needs")]

#[path = "../tests/it/issuer.rs"]
mod issuer;

use countersign_identity::Verifier;
use issuer::{Key, NOW, Op, TestClock};
use serde_json::json;
use std::hint::black_box;

const ROUNDS: usize = 5;

#[expect(clippy::disallowed_methods, reason = "a bench measures the real time")]
async fn measure(name: &str, verifier: &Verifier, tokens: &[String], times: usize) {
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
    println!("{name:<28} {best:>9} ns");
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let keys = [Key::rsa("rsa", "RS256"), Key::ec("ec"), Key::ed("ed")];
        let op = Op::start(&[&keys[0], &keys[1], &keys[2]]).await;
        let verifier = op.verifier(&json!({}), &TestClock::new());
        let token = |key: &Key, number: usize| {
            key.token(&op.url, &json!({}), &json!({"jti": number, "exp": NOW + 3000}))
        };
        for key in &keys {
            let one = token(key, 0);
            assert!(verifier.identify(&one).await.is_ok());
            let name = format!("warm {} ({} bytes)", key.algorithm, one.len());
            measure(&name, &verifier, &[one], 200_000).await;
        }
        for key in &keys {
            let tokens: Vec<_> = (1..=1000).map(|number| token(key, number)).collect();
            measure(&format!("cold {}", key.algorithm), &verifier, &tokens, 1).await;
        }
        let evil = [Key::other_rsa("rsa"), Key::ec("ec"), Key::ed("ed")];
        for key in &evil {
            let forged = [token(key, 0)];
            assert_eq!(
                verifier.identify(&forged[0]).await.unwrap_err().code(),
                "signature_invalid"
            );
            measure(&format!("forged {}", key.algorithm), &verifier, &forged, 1000).await;
        }
        let unknown = [keys[1].token(&op.url, &json!({"kid": "unknown"}), &json!({}))];
        measure("unknown key", &verifier, &unknown, 10_000).await;
        let elsewhere = [keys[1].token(&op.url, &json!({}), &json!({"aud": "other"}))];
        measure("other audience", &verifier, &elsewhere, 10_000).await;
        let nonsense = ["x".repeat(1000)];
        measure("nonsense", &verifier, &nonsense, 100_000).await;
    });
}
