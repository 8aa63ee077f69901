//! Opaque tokens, about which the issuer is asked (RFC 7662): what it may answer, what its answers
//! cost, and what comes of an issuer that lies, is slow or is away.

use crate::issuer::{AUDIENCE, Key, Keys, NOW, Op, TestClock, merged};
use countersign_identity::{Blame, Hidden, Http, Verifier, VerifierOptions};
use countersign_model::CallerKind;
use serde_json::{Value, json};
use std::{collections::HashMap, sync::atomic::Ordering};

struct Stage {
    op: Op,
    verifier: Verifier,
    clock: TestClock,
}

impl Stage {
    async fn new(changes: Value) -> Self {
        let key = Key::ec("ec");
        let op = Op::start(&[&key]).await;
        let clock = TestClock::new();
        let introspection = json!({"client_id": "gateway", "client_secret": {"env": "X"}});
        let settings = json!({"introspection": merged(introspection, &changes)});
        let secret = ("acme".to_owned(), Hidden::new("s3cr3t"));
        let options = VerifierOptions {
            introspection: HashMap::from([secret]),
            ..VerifierOptions::default()
        };
        let config = vec![op.config(&settings)];
        let verifier = Verifier::with(config, Http::new(), clock.clock(), options).unwrap();
        Self { op, verifier, clock }
    }

    fn answers(&self, status: u16, kind: &'static str, body: String) {
        *self.op.state.introspected.lock().unwrap() = (status, kind, body);
    }

    /// What the issuer says about every token, with these changes of the usual.
    fn says(&self, changes: &Value) {
        let usual = json!({
            "active": true, "sub": "riley", "aud": AUDIENCE, "exp": NOW + 300, "client_id": "web",
            "scope": "call", "token_type": "Bearer", "iss": self.op.url,
        });
        self.answers(200, "application/json", merged(usual, changes).to_string());
    }

    fn questions(&self) -> usize {
        self.op.state.questions.load(Ordering::SeqCst)
    }

    async fn code(&self, token: &str) -> &'static str {
        match self.verifier.identify(token).await {
            Ok(_) => "accepted",
            Err(refused) => refused.code(),
        }
    }
}

#[tokio::test]
async fn an_answer_is_judged_as_claims_are() {
    let stage = Stage::new(json!({})).await;
    let rows = [
        ("good", json!({}), "accepted"),
        ("no iss", json!({"iss": null}), "accepted"),
        ("DPoP without a key", json!({"token_type": "DPoP"}), "accepted"),
        ("aud list", json!({"aud": ["x", AUDIENCE]}), "accepted"),
        ("inactive", json!({"active": false}), "token_inactive"),
        ("active text", json!({"active": "true"}), "issuer_unreachable"),
        ("active number", json!({"active": 1}), "issuer_unreachable"),
        ("active missing", json!({"active": null}), "issuer_unreachable"),
        ("aud other", json!({"aud": "https://other.example"}), "audience_mismatch"),
        ("aud missing", json!({"aud": null}), "audience_mismatch"),
        ("iss other", json!({"iss": "https://other.example"}), "issuer_unknown"),
        ("iss list", json!({"iss": ["x"]}), "claim_invalid"),
        ("exp past", json!({"exp": NOW - 60}), "token_expired"),
        ("exp missing", json!({"exp": null}), "expiry_missing"),
        ("exp text", json!({"exp": "1"}), "claim_invalid"),
        ("nbf future", json!({"nbf": NOW + 61}), "token_not_yet_valid"),
        ("sub missing", json!({"sub": null}), "subject_missing"),
        ("sub number", json!({"sub": 7}), "subject_missing"),
        ("sub hidden", json!({"sub": "ri\u{200d}ley"}), "subject_missing"),
        ("refresh token", json!({"token_type": "refresh_token"}), "token_type_not_accepted"),
        ("ID token", json!({"typ": "ID"}), "token_type_not_accepted"),
        ("bound to a key", json!({"cnf": {"jkt": "x".repeat(43)}}), "confirmation_not_accepted"),
        ("bound in an unknown way", json!({"cnf": {"x": 1}}), "confirmation_not_accepted"),
    ];
    for (place, (name, changes, expect)) in rows.into_iter().enumerate() {
        stage.says(&changes);
        assert_eq!(stage.code(&format!("opaque-{place}")).await, expect, "{name}");
    }
    stage.says(&json!({}));
    let proved = stage.verifier.identify("opaque-0").await.unwrap();
    assert_eq!((proved.subject.as_str(), proved.client.as_deref()), ("riley", Some("web")));
    assert!(proved.scopes.contains("call"));
    let form = stage.op.state.forms.lock().unwrap()[0].clone();
    assert_eq!(form["token"], "opaque-0");
    assert_eq!(form["token_type_hint"], "access_token");
    // gateway:s3cr3t
    assert_eq!(form["authorization"], "Basic Z2F0ZXdheTpzM2NyM3Q=");
}

#[tokio::test]
async fn a_token_without_a_subject_is_its_clients_where_that_is_said() {
    let stage = Stage::new(json!({"without_subject": "client"})).await;
    stage.says(&json!({"sub": null}));
    let proved = stage.verifier.identify("opaque-1").await.unwrap();
    assert_eq!((proved.subject.as_str(), proved.kind), ("web", CallerKind::Service));
    stage.says(&json!({"sub": 7}));
    assert_eq!(stage.code("opaque-2").await, "subject_missing");
    stage.says(&json!({"sub": null, "client_id": null}));
    assert_eq!(stage.code("opaque-3").await, "subject_missing");
}

#[tokio::test]
async fn a_broken_answer_lets_nobody_in() {
    let stage = Stage::new(json!({})).await;
    let good =
        json!({"active": true, "sub": "riley", "aud": AUDIENCE, "exp": NOW + 300}).to_string();
    let twice = good.replacen('{', "{\"active\":false,", 1);
    let huge = json!({"active": true, "x": "x".repeat(70_000)}).to_string();
    let rows = [
        ("error", 500, "application/json", good.clone()),
        ("unauthorized", 401, "application/json", good.clone()),
        ("no content", 204, "application/json", String::new()),
        ("HTML", 200, "text/html", good.clone()),
        ("a JWT", 200, "application/token-introspection+jwt", "a.b.c".to_owned()),
        ("list", 200, "application/json", format!("[{good}]")),
        ("cut", 200, "application/json", good.replace("}", "")),
        ("a member twice", 200, "application/json", twice),
        ("huge", 200, "application/json", huge),
    ];
    for (place, (name, status, kind, body)) in rows.into_iter().enumerate() {
        stage.answers(status, kind, body);
        let refused = stage.verifier.identify(&format!("opaque-{place}")).await.unwrap_err();
        assert_eq!(
            (refused.code(), refused.blame()),
            ("issuer_unreachable", Blame::Issuer),
            "{name}"
        );
        assert!(!format!("{refused:?}").contains("opaque-"), "{refused:?}");
    }
    // What the issuer is to blame for is asked again at once.
    stage.says(&json!({}));
    assert_eq!(stage.code("opaque-0").await, "accepted");
    // Away altogether: known tokens go on for their time, unknown ones never pass.
    stage.answers(503, "text/plain", "down for maintenance".to_owned());
    assert_eq!(stage.code("opaque-0").await, "accepted");
    assert_eq!(stage.code("opaque-1").await, "issuer_unreachable");
    stage.clock.advance(60);
    assert_eq!(stage.code("opaque-0").await, "issuer_unreachable");
}

#[tokio::test]
async fn answers_are_remembered_for_a_bounded_time() {
    let stage = Stage::new(json!({"remembered": "30s"})).await;
    stage.says(&json!({}));
    for _ in 0..5 {
        assert_eq!(stage.code("opaque").await, "accepted");
    }
    assert_eq!(stage.questions(), 1);
    stage.says(&json!({"active": false}));
    stage.clock.advance(29);
    assert_eq!(stage.code("opaque").await, "accepted");
    stage.clock.advance(1);
    for _ in 0..5 {
        assert_eq!(stage.code("opaque").await, "token_inactive");
    }
    assert_eq!(stage.questions(), 2, "a refusal is remembered too");
    stage.says(&json!({}));
    stage.clock.advance(10);
    assert_eq!(stage.code("opaque").await, "accepted", "and not for long");
    // A clock that is set back believes nothing from its future.
    stage.clock.advance(-600);
    stage.says(&json!({"active": false}));
    assert_eq!(stage.code("opaque").await, "token_inactive");
    // An answer is good no longer than its token.
    let stage = Stage::new(json!({})).await;
    stage.says(&json!({"exp": NOW + 10}));
    assert_eq!(stage.code("opaque").await, "accepted");
    stage.clock.advance(70);
    stage.says(&json!({}));
    assert_eq!(stage.code("other").await, "accepted");
    assert_eq!(stage.code("opaque").await, "accepted", "the issuer gave it a new end");
}

#[tokio::test]
async fn a_stampede_is_one_question_and_a_flood_is_bounded() {
    let stage = Stage::new(json!({})).await;
    stage.says(&json!({}));
    assert_eq!(stage.code("first").await, "accepted");
    stage.op.behave(Keys::Gated);
    let before = stage.questions();
    let ask = |token: String| {
        let verifier = stage.verifier.clone();
        tokio::spawn(async move { verifier.identify(&token).await.map_err(|it| it.code()) })
    };
    let same: Vec<_> = (0..100).map(|_| ask("same".to_owned())).collect();
    while stage.questions() == before {
        tokio::task::yield_now().await;
    }
    stage.op.state.gate.send_replace(true);
    for asked in same {
        assert!(asked.await.unwrap().is_ok());
    }
    assert_eq!(stage.questions(), before + 1);

    // Many different ones: sixteen at once, and too many are sent away.
    stage.op.state.gate.send_replace(false);
    let before = stage.questions();
    let flood: Vec<_> =
        (0..400).map(|place| ask(format!("made up {place}").replace(' ', "-"))).collect();
    let mut refused = 0;
    for asked in flood {
        match asked.await.unwrap() {
            Ok(_) => panic!("nobody answered"),
            Err(code) => {
                assert_eq!(code, "issuer_unreachable");
                refused += 1;
            }
        }
    }
    assert_eq!(refused, 400);
    assert!(stage.questions() - before <= 32, "{}", stage.questions() - before);
    // And nothing of it is left.
    stage.op.state.gate.send_replace(true);
    assert_eq!(stage.code("made-up-1").await, "accepted");
}

#[tokio::test]
async fn each_token_is_shown_to_the_one_issuer_that_it_may_be_of() {
    let none = Key::ec("ec");
    let (one, other) = (Op::start(&[&none]).await, Op::start(&[&none]).await);
    let config = |op: &Op, name: &str, prefix: &str| {
        let introspection =
            json!({"client_id": "g", "client_secret": {"env": "X"}, "token_prefix": prefix});
        let claims = json!({"subject_prefix": format!("{name}:")});
        op.config(&json!({"name": name, "introspection": introspection, "claims": claims}))
    };
    let secrets = ["one", "other"].map(|it| (it.to_owned(), Hidden::new("s")));
    let options =
        VerifierOptions { introspection: HashMap::from(secrets), ..VerifierOptions::default() };
    let configs = vec![config(&one, "one", "one_"), config(&other, "other", "other.")];
    let clock = TestClock::new().clock();
    let verifier = Verifier::with(configs.clone(), Http::new(), clock.clone(), options).unwrap();
    for (op, name) in [(&one, "one"), (&other, "other")] {
        let body = json!({"active": true, "sub": name, "aud": AUDIENCE, "exp": NOW + 300});
        *op.state.introspected.lock().unwrap() = (200, "application/json", body.to_string());
    }
    let subject = async |token: &str| match verifier.identify(token).await {
        Ok(proved) => proved.subject.to_string(),
        Err(refused) => refused.code().to_owned(),
    };
    assert_eq!(subject("one_x").await, "one:one");
    // Dots do not make a JWT of what begins as an opaque token does.
    assert_eq!(subject("other.a.b").await, "other:other");
    assert_eq!(subject("third_x").await, "token_malformed");
    let asked = |op: &Op| op.state.questions.load(Ordering::SeqCst);
    assert_eq!((asked(&one), asked(&other)), (1, 1));
    // Without its secret an issuer is not asked, and nobody gets in.
    let bare = Verifier::new(configs, Http::new(), clock).unwrap();
    assert_eq!(bare.identify("one_x").await.unwrap_err().code(), "issuer_unreachable");
}
