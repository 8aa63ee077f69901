//! The list of attacks on tokens that resource servers are tried with, row by row, each with the one
//! reason for which it is refused here. The names are the list's; `docs/attacks.md` says where the
//! other lists are tried.

use crate::issuer::{AUDIENCE, Key, NOW, Op, TestClock, access_claims, encode, merged};
use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

type Row = (&'static str, String, &'static str);

/// What makes the tokens: the issuer's own keys, so that attacks on claims carry valid signatures.
struct Forge {
    op: Op,
    rsa: Key,
    ec: Key,
    ed: Key,
    pss: Key,
    evil: Key,
}

impl Forge {
    fn token(&self, header: Value, claims: Value) -> String {
        self.rsa.token(&self.op.url, &header, &claims)
    }

    fn claims(&self) -> Value {
        access_claims(&self.op.url)
    }

    /// Of the usual claims, with this signature.
    fn signed_by(&self, header: &Value, signature: impl AsRef<[u8]>) -> String {
        let base = json!({"alg": "RS256", "kid": "rsa", "typ": "at+jwt"});
        let header = encode(merged(base, header).to_string());
        let claims = encode(self.claims().to_string());
        format!("{header}.{claims}.{}", encode(signature))
    }

    fn of_bytes(&self, header: &[u8], claims: &[u8]) -> String {
        self.rsa.token_of(header, claims)
    }
}

#[tokio::test]
async fn every_token_of_the_list_meets_its_reason() {
    let (rsa, ec, ed) = (Key::rsa("rsa", "RS256"), Key::ec("ec"), Key::ed("ed"));
    let op = Op::start(&[&rsa, &ec, &ed]).await;
    let only = json!({"algorithms": ["RS256", "ES256", "EdDSA"]});
    let verifier = op.verifier(&only, &TestClock::new());
    let (pss, evil) = (Key::rsa("rsa", "PS256"), Key::other_rsa("rsa"));
    let forge = Forge { op, rsa, ec, ed, pss, evil };
    let mut rows = good(&forge);
    rows.extend(algorithms(&forge));
    rows.extend(signatures(&forge));
    rows.extend(headers(&forge));
    rows.extend(claims(&forge));
    rows.extend(forms(&forge));
    assert_eq!(rows.len(), 95, "the list's 91, and four of our own");
    let mut accepted = Vec::new();
    let mut wrong = Vec::new();
    for (name, token, expected) in &rows {
        let found = match verifier.identify(token.as_str()).await {
            Ok(_) => "accepted",
            Err(refused) => refused.code(),
        };
        if found != *expected {
            wrong.push(format!("{name}: {found}, not {expected}"));
        }
        if found == "accepted" {
            accepted.push(*name);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let good = ["valid-rs256", "valid-es256", "valid-eddsa", "valid-aud-array", "kid-missing"];
    assert_eq!(accepted, good);
    // Whatever was tried, the issuer was asked for its keys once at the start, and once for all the
    // keys that it does not publish.
    assert!(forge.op.key_readings() <= 2, "{} readings", forge.op.key_readings());
}

fn good(forge: &Forge) -> Vec<Row> {
    let url = &forge.op.url;
    vec![
        ("valid-rs256", forge.token(json!({}), json!({})), "accepted"),
        ("valid-es256", forge.ec.token(url, &json!({}), &json!({})), "accepted"),
        ("valid-eddsa", forge.ed.token(url, &json!({}), &json!({})), "accepted"),
        ("valid-aud-array", forge.token(json!({}), json!({"aud": ["x", AUDIENCE]})), "accepted"),
        (
            "valid-exp-float",
            forge.token(json!({}), json!({"exp": 1_800_003_600.5})),
            "claim_invalid",
        ),
    ]
}

fn algorithms(forge: &Forge) -> Vec<Row> {
    let (not_allowed, malformed) = ("algorithm_not_allowed", "token_malformed");
    let alg = |alg: Value| forge.signed_by(&json!({ "alg": alg }), b"");
    let mut rows = vec![
        ("alg-none", alg(json!("none")), not_allowed),
        ("alg-None", alg(json!("None")), not_allowed),
        ("alg-NONE", alg(json!("NONE")), not_allowed),
        ("alg-nOnE", alg(json!("nOnE")), not_allowed),
        ("alg-none ", alg(json!("none ")), not_allowed),
        ("alg-empty", alg(json!("")), not_allowed),
        ("alg-missing", forge.token(json!({"alg": null}), json!({})), malformed),
        (
            "alg-null",
            forge.of_bytes(
                br#"{"alg":null,"typ":"at+jwt","kid":"rsa"}"#,
                forge.claims().to_string().as_bytes(),
            ),
            malformed,
        ),
        ("alg-array", forge.token(json!({"alg": ["RS256"]}), json!({})), malformed),
        ("alg-rs256-lowercase", forge.token(json!({"alg": "rs256"}), json!({})), not_allowed),
        (
            "ps256-when-only-rs256",
            forge.pss.token(&forge.op.url, &json!({}), &json!({})),
            not_allowed,
        ),
    ];
    // SubjectPublicKeyInfo of a 2048-bit RSA key is this, and the key.
    let mut der = b"\x30\x82\x01\x22\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00\x03\x82\x01\x0f\x00".to_vec();
    der.extend(forge.rsa.der());
    let pem = format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
        STANDARD.encode(&der)
    );
    let mut jwk = forge.rsa.jwk();
    let modulus = jwk["n"].as_str().unwrap().to_owned();
    jwk = json!({"kty": "RSA", "n": modulus, "e": jwk["e"]});
    let modulus = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(modulus).unwrap();
    let secrets: [(&str, Vec<u8>); 7] = [
        ("confusion-hs256-pem", pem.clone().into_bytes()),
        ("confusion-hs256-pem-nonl", pem.trim().as_bytes().to_vec()),
        ("confusion-hs256-der", der),
        ("confusion-hs256-jwk", jwk.to_string().into_bytes()),
        ("confusion-hs256-n", modulus),
        ("confusion-hs256-empty", Vec::new()),
        ("confusion-hs256-nul", vec![0]),
    ];
    for (name, secret) in secrets {
        let unsigned = forge.signed_by(&json!({"alg": "HS256"}), b"");
        let signed = unsigned.trim_end_matches('.');
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret), signed.as_bytes());
        rows.push((name, format!("{signed}.{}", encode(tag)), not_allowed));
    }
    rows
}

fn signatures(forge: &Forge) -> Vec<Row> {
    let invalid = "signature_invalid";
    let es256 = json!({"alg": "ES256", "kid": "ec"});
    let good = forge.token(json!({}), json!({}));
    let (signed, _) = good.rsplit_once('.').unwrap();
    let mut flipped = forge.rsa.sign(signed.as_bytes());
    flipped[250] ^= 1;
    let parts: Vec<&str> = good.split('.').collect();
    let root = encode(merged(forge.claims(), &json!({"sub": "root"})).to_string());
    let order = b"\xFF\xFF\xFF\xFF\0\0\0\0\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xBC\xE6\xFA\xAD\xA7\x17\x9E\x84\xF3\xB9\xCA\xC2\xFC\x63\x25\x51";
    vec![
        ("sig-empty", forge.signed_by(&json!({}), b""), invalid),
        ("sig-stripped-no-dot", signed.to_owned(), "token_malformed"),
        ("sig-flipped", format!("{signed}.{}", encode(flipped)), invalid),
        ("payload-swapped", format!("{}.{root}.{}", parts[0], parts[2]), invalid),
        ("ec-psychic-0-0", forge.signed_by(&es256, [0; 64]), invalid),
        ("ec-der-signature", forge.signed_by(&es256, der_of(&forge.ec.sign(b"x"))), invalid),
        ("ec-r-s-equals-n", forge.signed_by(&es256, order.repeat(2)), invalid),
        (
            "kid-of-other-key",
            forge.token(json!({"kid": "ec"}), json!({})),
            "key_algorithm_mismatch",
        ),
        (
            "alg-vs-kid-mismatch",
            forge.token(json!({"alg": "ES256", "kid": "ec"}), json!({})),
            invalid,
        ),
        ("wrong-key-same-kid", forge.evil.token(&forge.op.url, &json!({}), &json!({})), invalid),
    ]
}

fn headers(forge: &Forge) -> Vec<Row> {
    let (unknown, not_allowed) = ("key_unknown", "header_not_allowed");
    let token = |header: Value| forge.token(header, json!({}));
    let evil = |header: Value| forge.evil.token(&forge.op.url, &header, &json!({}));
    let small = json!({"kty": "RSA", "n": encode([0xC1_u8; 128]), "e": "AQAB"});
    vec![
        ("kid-path", token(json!({"kid": "../../../../dev/null"})), unknown),
        ("kid-sql", token(json!({"kid": "x' UNION SELECT 'k"})), unknown),
        ("kid-cmd", token(json!({"kid": "|id"})), unknown),
        ("kid-long", token(json!({"kid": "k".repeat(100_000)})), "token_too_large"),
        ("kid-nul", token(json!({"kid": "rsa\0"})), unknown),
        ("kid-number", token(json!({"kid": 1})), "token_malformed"),
        ("kid-unknown", token(json!({"kid": "nope"})), unknown),
        // One key fits the algorithm: there is no question which.
        ("kid-missing", token(json!({"kid": null})), "accepted"),
        ("jwk-embedded", evil(json!({"jwk": forge.evil.jwk()})), not_allowed),
        ("rsa-1024-embedded", evil(json!({ "jwk": small })), not_allowed),
        ("jku-attacker", evil(json!({"jku": "http://127.0.0.1:9/evil.json"})), "signature_invalid"),
        ("x5u-attacker", evil(json!({"x5u": "http://127.0.0.1:9/c.pem"})), "signature_invalid"),
        ("x5c-attacker", evil(json!({"x5c": ["MIIB"]})), "signature_invalid"),
        ("crit-unknown", token(json!({"crit": ["exp-ext"], "exp-ext": 1})), not_allowed),
        ("crit-empty", token(json!({"crit": []})), not_allowed),
        ("b64-false", token(json!({"crit": ["b64"], "b64": false})), not_allowed),
        ("zip-def", token(json!({"zip": "DEF"})), not_allowed),
        ("cty-nested", token(json!({"cty": "JWT"})), not_allowed),
        ("typ-jwt", token(json!({"typ": "JWT"})), "token_type_not_accepted"),
        ("typ-logout", token(json!({"typ": "logout+jwt"})), "token_type_not_accepted"),
        ("typ-secevent", token(json!({"typ": "secevent+jwt"})), "token_type_not_accepted"),
        ("typ-dpop", token(json!({"typ": "dpop+jwt"})), "token_type_not_accepted"),
        (
            "id-token-as-access-token",
            forge.token(
                json!({"typ": "JWT"}),
                json!({"aud": "gw-web", "nonce": "n", "at_hash": "x"}),
            ),
            "token_type_not_accepted",
        ),
    ]
}

fn claims(forge: &Forge) -> Vec<Row> {
    let url = forge.op.url.clone();
    let (invalid, audience, issuer) = ("claim_invalid", "audience_mismatch", "issuer_unknown");
    let rows = [
        ("claim-expired", json!({"exp": NOW - 600}), "token_expired"),
        ("claim-exp_missing", json!({"exp": null}), "expiry_missing"),
        ("claim-exp_string", json!({"exp": (NOW + 3600).to_string()}), invalid),
        ("claim-exp_negative", json!({"exp": -1}), invalid),
        ("claim-exp_huge", json!({"exp": 1e300}), invalid),
        ("claim-exp_bool", json!({"exp": true}), invalid),
        ("claim-nbf_future", json!({"nbf": NOW + 3600}), "token_not_yet_valid"),
        ("claim-iat_future", json!({"iat": NOW + 31_536_000}), "token_not_yet_valid"),
        ("claim-iss_wrong", json!({"iss": "http://evil.test"}), issuer),
        ("claim-iss_slash", json!({"iss": format!("{url}/")}), issuer),
        ("claim-iss_case", json!({"iss": url.to_uppercase()}), issuer),
        ("claim-iss_missing", json!({"iss": null}), issuer),
        ("claim-iss_array", json!({"iss": [url]}), invalid),
        ("claim-aud_wrong", json!({"aud": "other"}), audience),
        ("claim-aud_empty", json!({"aud": []}), audience),
        ("claim-aud_missing", json!({"aud": null}), audience),
        ("claim-aud_prefix", json!({"aud": format!("{AUDIENCE}.evil.test")}), audience),
        ("claim-aud_object", json!({"aud": {"x": AUDIENCE}}), invalid),
        ("claim-sub_missing", json!({"sub": null}), "subject_missing"),
        ("claim-sub_number", json!({"sub": 1}), "subject_missing"),
        ("claim-sub_empty", json!({"sub": ""}), "subject_missing"),
    ];
    rows.map(|(name, claims, expected)| (name, forge.token(json!({}), claims), expected)).into()
}

fn forms(forge: &Forge) -> Vec<Row> {
    let malformed = "token_malformed";
    let header = br#"{"alg":"RS256","kid":"rsa","typ":"at+jwt"}"#;
    let text = forge.claims().to_string();
    let open = text.trim_end_matches('}');
    let good = forge.token(json!({}), json!({}));
    let padded = |part: &str| format!("{part}{}", "=".repeat((4 - part.len() % 4) % 4));
    let padded: Vec<String> =
        forge.token(json!({}), json!({"jti": "pad"})).split('.').map(padded).collect();
    let (one, two) = good.split_at(20);
    let three: Vec<&str> = good.split('.').collect();
    let of = |claims: &[u8]| forge.of_bytes(header, claims);
    let deep = format!("{}{}", "[".repeat(20_000), "]".repeat(20_000));
    let wide = forge.token(json!({}), json!({"x": "\u{ff}\u{fe}".repeat(30)}));
    vec![
        ("dup-key-sub", of(format!("{open}, \"sub\": \"root\"}}").as_bytes()), malformed),
        (
            "dup-key-alg-header",
            forge.of_bytes(
                br#"{"alg":"none","alg":"RS256","kid":"rsa","typ":"at+jwt"}"#,
                text.as_bytes(),
            ),
            malformed,
        ),
        ("payload-not-object", of(b"[1]"), malformed),
        ("payload-null", of(b"null"), malformed),
        ("payload-not-json", of(b"\xff\xfe"), malformed),
        ("payload-deep-nesting", of(deep.as_bytes()), "token_too_large"),
        ("payload-deep-nesting-short", of("[".repeat(5_000).as_bytes()), malformed),
        ("header-not-object", forge.of_bytes(b"\"RS256\"", text.as_bytes()), malformed),
        ("payload-utf16-surrogate", of(text.replace("riley", "\\ud800").as_bytes()), malformed),
        ("padded-base64", padded.join("."), malformed),
        ("whitespace-inside", format!("{one}\n{two}"), malformed),
        ("four-parts", format!("{good}.x"), malformed),
        ("five-parts-jwe-like", "a.b.c.d.e".to_owned(), "token_encrypted"),
        (
            "json-serialization",
            json!({"protected": three[0], "payload": three[1], "signature": three[2]}).to_string(),
            malformed,
        ),
        ("std-base64-alphabet", wide.replace('-', "+").replace('_', "/"), malformed),
        ("empty", String::new(), malformed),
        ("dots", "..".to_owned(), malformed),
        ("huge-1MiB", forge.token(json!({}), json!({"x": "A".repeat(1 << 20)})), "token_too_large"),
    ]
}

/// A signature of two numbers as ASN.1 writes it.
fn der_of(signature: &[u8]) -> Vec<u8> {
    let number = |bytes: &[u8]| {
        let mut bytes: Vec<u8> = bytes.iter().copied().skip_while(|it| *it == 0).collect();
        if bytes.first().is_some_and(|it| *it > 0x7F) {
            bytes.insert(0, 0);
        }
        [vec![2, u8::try_from(bytes.len()).unwrap()], bytes].concat()
    };
    let (r, s) = signature.split_at(signature.len() / 2);
    let inner = [number(r), number(s)].concat();
    [vec![0x30, u8::try_from(inner.len()).unwrap()], inner].concat()
}

#[tokio::test]
async fn a_name_in_another_unicode_form_is_another_name() {
    let key = Key::ec("ec");
    let op = Op::start(&[&key]).await;
    let verifier = op.verifier(&json!({}), &TestClock::new());
    // The same word for the eye: composed, decomposed, in another case, with full-width letters.
    let names = ["ren\u{e9}e", "rene\u{301}e", "Ren\u{e9}e", "\u{ff52}en\u{e9}e"];
    let mut found = std::collections::BTreeSet::new();
    for name in names {
        let token = key.token(&op.url, &json!({}), &json!({ "sub": name }));
        let proved = verifier.identify(token.as_str()).await.unwrap();
        assert_eq!(proved.subject.as_str(), name);
        found.insert(proved.subject.clone());
    }
    assert_eq!(found.len(), names.len());
}

#[tokio::test]
async fn what_was_refused_is_not_remembered_and_what_was_remembered_is_not_another() {
    let (key, evil) = (Key::ec("ec"), Key::ec("ec"));
    let op = Op::start(&[&key]).await;
    let verifier = op.verifier(&json!({}), &TestClock::new());
    let good = key.token(&op.url, &json!({}), &json!({}));
    assert!(verifier.identify(good.as_str()).await.is_ok());
    // The place in the memory follows from the signature: the same signature under other claims.
    let (_, signature) = good.rsplit_once('.').unwrap();
    let root = key.token(&op.url, &json!({}), &json!({"sub": "ripen"}));
    let (signed, _) = root.rsplit_once('.').unwrap();
    let posing = format!("{signed}.{signature}");
    assert_eq!(posing.len(), good.len());
    let forged = evil.token(&op.url, &json!({}), &json!({}));
    for token in [&posing, &forged] {
        for _ in 0..3 {
            let refused = verifier.identify(token.as_str()).await.unwrap_err();
            assert_eq!(refused.code(), "signature_invalid");
        }
    }
    assert!(verifier.identify(good.as_str()).await.is_ok());
}
