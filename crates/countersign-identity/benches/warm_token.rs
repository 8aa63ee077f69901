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

use aws_lc_rs::digest;
use countersign_identity::{
    Asked, Home, Http, OwnIssuer, OwnSettings, Presented, ShownAs, Terms, Verifier,
    VerifierOptions, Wishes, exchange,
};
use countersign_model::{Entropy, Snapshot};
use http::{HeaderMap, Method};
use issuer::{AUDIENCE, Key, NOW, Op, TestClock, encode};
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

/// A token of this installation, of a user and a service, and who accepts it.
async fn own(op: &Op, key: &Key) -> (Verifier, String) {
    let own = OwnIssuer::new(AUDIENCE, OwnSettings::default(), |_| [7; 32]).unwrap();
    let options = VerifierOptions { own: Some(own.clone()), ..VerifierOptions::default() };
    let issuers = vec![op.config(&json!({}))];
    let verifier = Verifier::with(issuers, Http::new(), TestClock::new().clock(), options).unwrap();
    let user = key.token(&op.url, &json!({}), &json!({}));
    let service = key.token(&op.url, &json!({}), &json!({"sub": "ci", "client_id": "ci"}));
    let user = verifier.prove_party(&user, ShownAs::AccessToken).await.unwrap();
    let service = verifier.prove_party(&service, ShownAs::AccessToken).await.unwrap();
    let home = Home::new(AUDIENCE);
    let asked = Asked { method: &Method::POST, home: &home, host: None, path: "/oauth/token" };
    let possession = verifier.possession(&HeaderMap::new(), asked, (None, None)).unwrap();
    let service = possession.of(service).unwrap();
    let confirmation = verifier.confirm(possession, &service).await.unwrap();
    let snapshot = Snapshot::default();
    let terms = Terms { snapshot: &snapshot, now: verifier.now(), lifetime: own.lifetime() };
    let exchanged = exchange(&user, &service, &Wishes::default(), terms).unwrap();
    let entropy = Entropy::new(|bytes| bytes.fill(7));
    let issued = own.issue(&exchanged, &confirmation, verifier.now(), &entropy).unwrap();
    assert!(verifier.identify(issued.token.reveal()).await.is_ok());
    (verifier, issued.token.reveal().to_owned())
}

/// A warm token that is bound to a key, with a new proof for each call.
#[expect(clippy::disallowed_methods, reason = "a bench measures the real time")]
async fn dpop(op: &Op, issuer: &Key, algorithm: &str) {
    let holder = match algorithm {
        "ES256" => Key::ec("holder"),
        "EdDSA" => Key::ed("holder"),
        _ => Key::rsa("holder", "RS256"),
    };
    let mut jwk = holder.jwk();
    for name in ["kid", "alg", "use"] {
        jwk.as_object_mut().unwrap().remove(name);
    }
    let sha256 = |text: &str| encode(digest::digest(&digest::SHA256, text.as_bytes()));
    let bound = json!({"cnf": {"jkt": sha256(&jwk.to_string())}});
    let token = issuer.token(&op.url, &json!({}), &bound);
    let header = json!({"typ": "dpop+jwt", "alg": algorithm, "jwk": jwk}).to_string();
    let proofs: Vec<HeaderMap> = (0..2000)
        .map(|number| {
            let claims = json!({
                "jti": format!("{number}"), "htm": "POST", "iat": NOW, "ath": sha256(&token),
                "htu": "https://gateway.example/call/billing.refunds.create",
            });
            let proof = holder.token_of(header.as_bytes(), claims.to_string().as_bytes());
            let mut headers = HeaderMap::new();
            headers.insert("authorization", format!("DPoP {token}").parse().unwrap());
            headers.insert("dpop", proof.parse().unwrap());
            headers
        })
        .collect();
    let (home, verifier) =
        (Home::new("https://gateway.example"), op.verifier(&json!({}), &TestClock::new()));
    let path = "/call/billing.refunds.create";
    let asked = Asked { method: &Method::POST, home: &home, host: None, path };
    let mut best = u128::MAX;
    for round in proofs.chunks(proofs.len() / ROUNDS) {
        let start = std::time::Instant::now();
        for headers in round {
            let presented = Presented::of(black_box(headers), asked).unwrap();
            assert!(verifier.identify(presented).await.is_ok());
        }
        best = best.min(start.elapsed().as_nanos() / u128::try_from(round.len()).unwrap());
    }
    println!("{:<28} {best:>9} ns", format!("DPoP {algorithm}"));
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
        let (accepts, token_of_both) = own(&op, &keys[1]).await;
        let name = format!("warm own ({} bytes)", token_of_both.len());
        measure(&name, &accepts, &[token_of_both], 200_000).await;
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
            measure(&format!("forged {}, again", key.algorithm), &verifier, &forged, 10_000).await;
        }
        let unknown = [keys[1].token(&op.url, &json!({"kid": "unknown"}), &json!({}))];
        measure("unknown key", &verifier, &unknown, 10_000).await;
        let elsewhere = [keys[1].token(&op.url, &json!({}), &json!({"aud": "other"}))];
        measure("other audience", &verifier, &elsewhere, 10_000).await;
        for algorithm in ["ES256", "EdDSA", "RS256"] {
            dpop(&op, &keys[1], algorithm).await;
        }
        let nonsense = ["x".repeat(1000)];
        measure("nonsense", &verifier, &nonsense, 100_000).await;
    });
}
