//! Every known way to forge or misuse a JWT, each with the one reason for which it is refused.

use crate::issuer::{AUDIENCE, Key, NOW, Op, TestClock, access_claims, encode};
use aws_lc_rs::hmac;
use countersign_identity::Verifier;
use serde_json::{Value, json};

/// The issuer's keys and what signs the attacks.
struct Stage {
    op: Op,
    verifier: Verifier,
    rsa: Key,
    pss: Key,
    ec: Key,
    ed: Key,
    evil: Key,
}

impl Stage {
    async fn new(changes: Value) -> Self {
        let (rsa, pss) = (Key::rsa("rsa", "RS256"), Key::rsa("pss", "PS256"));
        let (ec, ed) = (Key::ec("ec"), Key::ed("ed"));
        let op = Op::start(&[&rsa, &pss, &ec, &ed]).await;
        let verifier = op.verifier(&changes, &TestClock::new());
        Self { op, verifier, rsa, pss, ec, ed, evil: Key::other_rsa("rsa") }
    }

    async fn check(&self, name: &str, token: &str, expect: &str) {
        let found = match self.verifier.identify(token).await {
            Ok(_) => "accepted",
            Err(refused) => refused.code(),
        };
        assert_eq!(found, expect, "{name}");
    }

    fn signed(&self, header: Value, claims: Value) -> String {
        self.rsa.token(&self.op.url, &header, &claims)
    }

    /// A token whose signature is these bytes.
    fn with_signature(&self, header: Value, signature: &[u8]) -> String {
        let header = encode(header.to_string());
        let claims = encode(access_claims(&self.op.url).to_string());
        format!("{header}.{claims}.{}", encode(signature))
    }

    async fn check_headers(&self, rows: Vec<(&str, Value, &str)>) {
        for (name, header, expect) in rows {
            self.check(name, &self.signed(header, json!({})), expect).await;
        }
    }

    async fn check_claims(&self, rows: Vec<(&str, Value, &str)>) {
        for (name, claims, expect) in rows {
            self.check(name, &self.signed(json!({}), claims), expect).await;
        }
    }
}

#[tokio::test]
async fn good_tokens_are_accepted_with_every_algorithm() {
    let stage = Stage::new(json!({})).await;
    for key in [&stage.rsa, &stage.pss, &stage.ec, &stage.ed] {
        let token = key.token(&stage.op.url, &json!({}), &json!({}));
        let proved = stage.verifier.identify(&token).await.unwrap();
        assert_eq!(proved.subject.as_str(), "riley");
        assert_eq!(proved.expires_at.seconds(), NOW + 300);
        let again = stage.verifier.identify(&token).await.unwrap();
        assert!(std::sync::Arc::ptr_eq(proved.caller(), again.caller()), "a warm token is shared");
    }
    let aud = json!({"aud": ["x", AUDIENCE]});
    stage.check("aud list", &stage.signed(json!({}), aud), "accepted").await;
    let typ = json!({"typ": "application/AT+jwt"});
    stage.check("long typ", &stage.signed(typ, json!({})), "accepted").await;
}

#[tokio::test]
async fn algorithms_cannot_be_talked_down() {
    let stage = Stage::new(json!({})).await;
    let header = |alg: Value| json!({"alg": alg, "typ": "at+jwt", "kid": "rsa"});
    for alg in ["none", "None", "NONE", "NoNe", "none ", "", "rs256", "RS1", "ES256K", "HS512"] {
        let token = stage.with_signature(header(json!(alg)), b"");
        stage.check(alg, &token, "algorithm_not_allowed").await;
    }
    for alg in [json!(null), json!(["RS256"]), json!(256), json!({"RS256": 1})] {
        let token = stage.with_signature(header(alg.clone()), b"x");
        stage.check(&alg.to_string(), &token, "token_malformed").await;
    }
    stage.check_headers(vec![("no alg", json!({"alg": null}), "token_malformed")]).await;

    let der = stage.rsa.der();
    let pem_body = base64_standard(&der);
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{pem_body}\n-----END PUBLIC KEY-----\n");
    let jwk = stage.rsa.jwk().to_string();
    let secrets: [(&str, &[u8]); 6] = [
        ("pem", pem.as_bytes()),
        ("pem, no newline", pem.trim().as_bytes()),
        ("der", &der),
        ("jwk", jwk.as_bytes()),
        ("empty", b""),
        ("nul", b"\0"),
    ];
    for (name, secret) in secrets {
        let unsigned = stage.with_signature(header(json!("HS256")), b"");
        let signed = unsigned.trim_end_matches('.');
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), signed.as_bytes());
        let token = format!("{signed}.{}", encode(tag));
        stage.check(name, &token, "algorithm_not_allowed").await;
    }

    let only_rsa = Stage::new(json!({"algorithms": ["RS256"]})).await;
    for key in [&only_rsa.ec, &only_rsa.ed, &only_rsa.pss] {
        let token = key.token(&only_rsa.op.url, &json!({}), &json!({}));
        only_rsa.check(key.kid, &token, "algorithm_not_allowed").await;
    }
}

#[tokio::test]
async fn signatures_are_checked_with_the_key_that_is_named() {
    let stage = Stage::new(json!({})).await;
    let url = &stage.op.url;
    let es256 = json!({"alg": "ES256", "kid": "ec", "typ": "at+jwt"});
    let rs256 = json!({"alg": "RS256", "kid": "rsa", "typ": "at+jwt"});
    // The order of P-256.
    let order: Vec<u8> = [
        0xFFFF_FFFF_0000_0000_u64,
        0xFFFF_FFFF_FFFF_FFFF,
        0xBCE6_FAAD_A717_9E84,
        0xF3B9_CAC2_FC63_2551,
    ]
    .iter()
    .flat_map(|it| it.to_be_bytes())
    .collect();
    let p384 = Key::p384("ec");
    let good = stage.signed(json!({}), json!({}));
    let (signed, _) = good.rsplit_once('.').unwrap();
    let mut flipped = stage.rsa.sign(signed.as_bytes());
    flipped[9] ^= 1;
    let (head, rest) = good.split_once('.').unwrap();
    let swapped = encode(json!({"sub": "root"}).to_string());
    let root = crate::issuer::merged(access_claims(url), &json!({"sub": "root"}));
    let other_claims = encode(root.to_string());
    let signature = rest.split_once('.').unwrap().1;
    let rows: Vec<(&str, String, &str)> = vec![
        ("empty", stage.with_signature(rs256.clone(), b""), "signature_invalid"),
        ("flipped", format!("{signed}.{}", encode(&flipped)), "signature_invalid"),
        ("other claims", format!("{head}.{other_claims}.{signature}"), "signature_invalid"),
        ("no issuer", format!("{head}.{swapped}.{signature}"), "issuer_unknown"),
        ("psychic", stage.with_signature(es256.clone(), &[0; 64]), "signature_invalid"),
        ("r = s = n", stage.with_signature(es256.clone(), &order.repeat(2)), "signature_invalid"),
        ("short ec", stage.with_signature(es256.clone(), &[1; 63]), "signature_invalid"),
        ("der ec", stage.with_signature(es256.clone(), &der_signature()), "signature_invalid"),
        ("other curve", p384.token(url, &json!({"alg": "ES256"}), &json!({})), "signature_invalid"),
        ("P-384", p384.token(url, &json!({}), &json!({})), "algorithm_not_allowed"),
        ("other key, same kid", stage.evil.token(url, &json!({}), &json!({})), "signature_invalid"),
        (
            "kid of the EC key",
            stage.signed(json!({"kid": "ec"}), json!({})),
            "key_algorithm_mismatch",
        ),
        (
            "alg of the EC key",
            stage.signed(json!({"alg": "ES256", "kid": "ec"}), json!({})),
            "signature_invalid",
        ),
        (
            "PS256 with the RS256 key",
            stage.pss.token(url, &json!({"kid": "rsa"}), &json!({})),
            "key_algorithm_mismatch",
        ),
        (
            "Ed25519 of zeros",
            stage.with_signature(json!({"alg": "EdDSA", "kid": "ed", "typ": "at+jwt"}), &[0; 64]),
            "signature_invalid",
        ),
    ];
    for (name, token, expect) in rows {
        stage.check(name, &token, expect).await;
    }
}

#[tokio::test]
async fn headers_bring_no_keys_and_no_features() {
    let stage = Stage::new(json!({})).await;
    let evil = |header: Value| stage.evil.token(&stage.op.url, &header, &json!({}));
    let jwk = stage.evil.jwk();
    stage.check("jwk", &evil(json!({"jwk": jwk.clone()})), "header_not_allowed").await;
    // What points elsewhere is not looked at: the named key is used, and does not fit.
    let elsewhere = format!("{}/keys-elsewhere", stage.op.url);
    for name in ["jku", "x5u"] {
        let token = evil(json!({name: elsewhere}));
        stage.check(name, &token, "signature_invalid").await;
        let token = stage.signed(json!({name: "http://169.254.169.254/"}), json!({}));
        stage.check("ignored", &token, "accepted").await;
    }
    stage.check("x5c", &evil(json!({"x5c": ["MIIB"]})), "signature_invalid").await;
    stage
        .check_headers(vec![
            ("crit", json!({"crit": ["exp-ext"], "exp-ext": 1}), "header_not_allowed"),
            ("crit empty", json!({"crit": []}), "header_not_allowed"),
            ("crit exp", json!({"crit": ["exp"]}), "header_not_allowed"),
            ("b64", json!({"b64": false, "crit": ["b64"]}), "header_not_allowed"),
            ("b64 alone", json!({"b64": false}), "header_not_allowed"),
            ("zip", json!({"zip": "DEF"}), "header_not_allowed"),
            ("nested", json!({"cty": "JWT"}), "header_not_allowed"),
            ("enc", json!({"enc": "A256GCM"}), "token_encrypted"),
            ("kid path", json!({"kid": "../../../../dev/null"}), "key_unknown"),
            ("kid sql", json!({"kid": "x' UNION SELECT 'k"}), "key_unknown"),
            ("kid command", json!({"kid": "|id"}), "key_unknown"),
            ("kid nul", json!({"kid": "rsa\0"}), "key_unknown"),
            ("kid case", json!({"kid": "RSA"}), "key_unknown"),
            ("kid empty", json!({"kid": ""}), "key_unknown"),
            ("kid long", json!({"kid": "k".repeat(257)}), "token_malformed"),
            ("kid number", json!({"kid": 1}), "token_malformed"),
            ("typ number", json!({"typ": 1}), "token_malformed"),
            // RSA has one key for RS256 here, so no kid is no question.
            ("no kid", json!({"kid": null}), "accepted"),
        ])
        .await;
}

#[tokio::test]
async fn other_tokens_are_no_access_tokens() {
    let rows = || {
        vec![
            ("JWT", json!({"typ": "JWT"}), json!({})),
            ("no typ", json!({"typ": null}), json!({})),
            ("ID token", json!({"typ": "JWT"}), json!({"nonce": "n", "at_hash": "x"})),
            ("ID token, no typ", json!({"typ": null}), json!({"nonce": "n"})),
            ("logout as JWT", json!({"typ": "JWT"}), json!({"events": {}})),
            ("logout", json!({"typ": "logout+jwt"}), json!({})),
            ("event", json!({"typ": "secevent+jwt"}), json!({})),
            ("DPoP proof", json!({"typ": "dpop+jwt"}), json!({})),
            ("prefix", json!({"typ": "at+jwtx"}), json!({})),
            ("path", json!({"typ": "application/x/at+jwt"}), json!({})),
        ]
    };
    let strict = Stage::new(json!({})).await;
    for (name, header, claims) in rows() {
        let token = strict.signed(header, claims);
        strict.check(name, &token, "token_type_not_accepted").await;
    }
    let lenient = Stage::new(json!({"untyped_tokens": "accept"})).await;
    for (place, (name, header, claims)) in rows().into_iter().enumerate() {
        let expect = if place < 2 { "accepted" } else { "token_type_not_accepted" };
        lenient.check(name, &lenient.signed(header, claims), expect).await;
    }
}

#[tokio::test]
async fn claims_are_compared_exactly() {
    let stage = Stage::new(json!({})).await;
    let url = stage.op.url.clone();
    stage
        .check_claims(vec![
            ("iss other", json!({"iss": "http://evil.example"}), "issuer_unknown"),
            ("iss slash", json!({"iss": format!("{url}/")}), "issuer_unknown"),
            ("iss case", json!({"iss": url.to_uppercase()}), "issuer_unknown"),
            ("iss missing", json!({"iss": null}), "issuer_unknown"),
            ("iss list", json!({"iss": [url]}), "claim_invalid"),
            ("aud other", json!({"aud": "other"}), "audience_mismatch"),
            ("aud empty", json!({"aud": ""}), "audience_mismatch"),
            ("aud no list", json!({"aud": []}), "audience_mismatch"),
            ("aud missing", json!({"aud": null}), "audience_mismatch"),
            ("aud longer", json!({"aud": format!("{AUDIENCE}.evil.example")}), "audience_mismatch"),
            ("aud shorter", json!({"aud": "https://gateway"}), "audience_mismatch"),
            ("aud slash", json!({"aud": format!("{AUDIENCE}/")}), "audience_mismatch"),
            ("aud case", json!({"aud": AUDIENCE.to_uppercase()}), "audience_mismatch"),
            ("aud joined", json!({"aud": format!("x {AUDIENCE}")}), "audience_mismatch"),
            ("aud object", json!({"aud": {AUDIENCE: 1}}), "claim_invalid"),
            ("aud mixed", json!({"aud": [AUDIENCE, 1]}), "claim_invalid"),
            ("sub missing", json!({"sub": null}), "subject_missing"),
            ("sub number", json!({"sub": 1}), "subject_missing"),
            ("sub empty", json!({"sub": ""}), "subject_missing"),
            ("sub space", json!({"sub": "riley "}), "subject_missing"),
            ("sub hidden", json!({"sub": "ri\u{200d}ley"}), "subject_missing"),
            ("sub reordered", json!({"sub": "\u{202e}yelir"}), "subject_missing"),
            ("act text", json!({"act": "x"}), "actor_chain_invalid"),
            ("groups object", json!({"groups": {"a": 1}}), "claim_invalid"),
        ])
        .await;
}

#[tokio::test]
async fn times_are_whole_seconds_in_range() {
    let stage = Stage::new(json!({})).await;
    stage
        .check_claims(vec![
            ("expired", json!({"exp": NOW - 60}), "token_expired"),
            ("within the skew", json!({"exp": NOW - 59}), "accepted"),
            ("exp zero", json!({"exp": 0}), "token_expired"),
            ("exp missing", json!({"exp": null}), "expiry_missing"),
            ("exp text", json!({"exp": (NOW + 300).to_string()}), "claim_invalid"),
            ("exp fraction", json!({"exp": 1_800_000_300.5}), "claim_invalid"),
            ("exp float", json!({"exp": 1_800_000_300.0}), "claim_invalid"),
            ("exp negative", json!({"exp": -1}), "claim_invalid"),
            ("exp huge", json!({"exp": 1e300}), "claim_invalid"),
            ("exp beyond i64", json!({"exp": u64::MAX}), "claim_invalid"),
            ("exp year 10000", json!({"exp": 253_402_300_800_i64}), "claim_invalid"),
            ("exp boolean", json!({"exp": true}), "claim_invalid"),
            ("exp milliseconds", json!({"exp": NOW * 1000 }), "claim_invalid"),
            ("nbf future", json!({"nbf": NOW + 61}), "token_not_yet_valid"),
            ("nbf within the skew", json!({"nbf": NOW + 60}), "accepted"),
            ("nbf text", json!({"nbf": "0"}), "claim_invalid"),
            ("iat future", json!({"iat": NOW + 61}), "token_not_yet_valid"),
            ("iat negative", json!({"iat": -5}), "claim_invalid"),
            ("no nbf, no iat", json!({"nbf": null, "iat": null}), "accepted"),
        ])
        .await;
}

#[tokio::test]
async fn the_form_is_one_form() {
    let stage = Stage::new(json!({})).await;
    let good = stage.signed(json!({}), json!({}));
    let header = br#"{"alg":"RS256","kid":"rsa","typ":"at+jwt"}"#;
    let claims = access_claims(&stage.op.url).to_string();
    let raw = |header: &[u8], claims: &[u8]| stage.rsa.token_of(header, claims);
    let doubled = format!("{}, \"sub\": \"root\"}}", claims.trim_end_matches('}'));
    let escaped = format!("{}, \"s\\u0075b\": \"root\"}}", claims.trim_end_matches('}'));
    let surrogate = claims.replace("riley", "\\ud800");
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(5_000), "]".repeat(5_000));
    let padded: Vec<_> =
        good.split('.').map(|it| format!("{it}{}", "=".repeat((4 - it.len() % 4) % 4))).collect();
    let mut stray = good.clone();
    // An RS256 signature leaves four bits unused: setting one is another text, same bytes.
    let last = stray.pop().unwrap();
    stray.push(char::from(u8::try_from(last).unwrap() + 1));
    let alphabet = good.replace('-', "+").replace('_', "/");
    let rows: Vec<(&str, String, &str)> = vec![
        ("empty", String::new(), "token_malformed"),
        ("dots", "..".into(), "token_malformed"),
        ("two parts", good.rsplit_once('.').unwrap().0.into(), "token_malformed"),
        ("four parts", format!("{good}.x"), "token_malformed"),
        ("six parts", format!("{good}.x.y.z"), "token_malformed"),
        ("JWE", "a.b.c.d.e".into(), "token_encrypted"),
        ("padded", padded.join("."), "token_malformed"),
        ("stray bits", stray, "token_malformed"),
        ("standard alphabet", alphabet, "token_malformed"),
        ("line feed", good.replacen('.', "\n.", 1), "token_malformed"),
        ("space at the end", format!("{good} "), "token_malformed"),
        ("unicode", format!("{good}\u{e9}"), "token_malformed"),
        ("JSON form", json!({"payload": good}).to_string(), "token_malformed"),
        ("16 KiB", "x".repeat(16 * 1024 + 1), "token_too_large"),
        ("sub twice", raw(header, doubled.as_bytes()), "token_malformed"),
        ("sub twice, escaped", raw(header, escaped.as_bytes()), "token_malformed"),
        (
            "alg twice",
            raw(br#"{"alg":"none","alg":"RS256","kid":"rsa"}"#, claims.as_bytes()),
            "token_malformed",
        ),
        ("header list", raw(b"[]", claims.as_bytes()), "token_malformed"),
        ("header text", raw(b"\"RS256\"", claims.as_bytes()), "token_malformed"),
        ("claims list", raw(header, b"[1]"), "token_malformed"),
        ("claims null", raw(header, b"null"), "token_malformed"),
        ("claims of bytes", raw(header, b"\xff\xfe"), "token_malformed"),
        ("claims and more", raw(header, format!("{claims}{{}}").as_bytes()), "token_malformed"),
        ("half a surrogate", raw(header, surrogate.as_bytes()), "token_malformed"),
        ("deep", raw(header, deep.as_bytes()), "token_malformed"),
        ("byte order mark", raw(header, format!("\u{feff}{claims}").as_bytes()), "token_malformed"),
    ];
    for (name, token, expect) in rows {
        stage.check(name, &token, expect).await;
    }
}

#[tokio::test]
async fn a_clash_of_kids_is_not_resolved_by_luck() {
    let stage = Stage::new(json!({})).await;
    stage.op.publish(&[&stage.rsa, &stage.evil]);
    let verifier = stage.op.verifier(&json!({}), &TestClock::new());
    for key in [&stage.rsa, &stage.evil] {
        let token = key.token(&stage.op.url, &json!({}), &json!({}));
        assert_eq!(verifier.identify(&token).await.unwrap_err().code(), "key_ambiguous");
    }
}

#[tokio::test]
async fn one_issuers_key_does_not_sign_for_another() {
    let (here, there) = (Stage::new(json!({})).await, Stage::new(json!({})).await);
    let mut second = there.op.config(&json!({"name": "second"}));
    second.claims.subject_prefix = "second:".into();
    let verifier = Verifier::new(
        vec![here.op.config(&json!({})), second],
        countersign_identity::Http::new(),
        TestClock::new().clock(),
    )
    .unwrap();
    let code = |token: String| {
        let verifier = verifier.clone();
        async move { verifier.identify(&token).await.map(|it| it.subject.to_string()) }
    };
    let there_key = &there.ec;
    let good = there_key.token(&there.op.url, &json!({}), &json!({}));
    assert_eq!(code(good).await.unwrap(), "second:riley");
    let forged = there_key.token(&here.op.url, &json!({}), &json!({}));
    assert_eq!(code(forged).await.unwrap_err().code(), "signature_invalid");
    let sub = json!({"sub": "second:riley"});
    let posing = here.ec.token(&here.op.url, &json!({}), &sub);
    assert_eq!(code(posing).await.unwrap_err().code(), "subject_not_accepted");
}

/// A DER signature of nothing: SEQUENCE { INTEGER 1, INTEGER 1 }.
fn der_signature() -> Vec<u8> {
    vec![0x30, 6, 2, 1, 1, 2, 1, 1]
}

fn base64_standard(bytes: &[u8]) -> String {
    use base64::{Engine, engine::general_purpose::STANDARD};
    STANDARD.encode(bytes)
}
