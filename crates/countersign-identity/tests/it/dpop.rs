//! Every known way to misuse a DPoP proof or a bound token, each with the one reason for which it
//! is refused (RFC 9449).

use crate::issuer::{Key, NOW, Op, TestClock, encode, merged};
use aws_lc_rs::{digest, hmac};
use countersign_identity::{
    Asked, Home, Http, NonceKey, Presented, ProofRules, Scheme, Thumbprint, Use, UseOnce,
    UseOnceFailed, Verifier, VerifierOptions,
};
use http::{HeaderMap, HeaderValue, Method, header};
use serde_json::{Value, json};
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

const HOME: &str = "https://gateway.example";
const PATH: &str = "/call/billing.refunds.create";

fn sha256(text: impl AsRef<[u8]>) -> String {
    encode(digest::digest(&digest::SHA256, text.as_ref()))
}

/// The key as a proof carries it: required members only, in their order.
fn bare_jwk(key: &Key) -> Value {
    let mut jwk = key.jwk();
    for name in ["kid", "alg", "use"] {
        jwk.as_object_mut().unwrap().remove(name);
    }
    jwk
}

pub(crate) fn thumbprint(key: &Key) -> String {
    // `serde_json` writes members in the order of their names, as RFC 7638 §3.3 asks.
    sha256(bare_jwk(key).to_string())
}

/// A proof of this key for the usual request with this token, with these changes; `null` takes a
/// member away.
fn proof_of(key: &Key, token: &str, header: &Value, claims: &Value) -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let header =
        merged(json!({"typ": "dpop+jwt", "alg": key.algorithm, "jwk": bare_jwk(key)}), header);
    let claims = merged(
        json!({
            "jti": format!("proof {}", COUNT.fetch_add(1, Ordering::SeqCst)), "htm": "POST",
            "htu": format!("{HOME}{PATH}"), "iat": NOW, "ath": sha256(token),
        }),
        claims,
    );
    key.token_of(header.to_string().as_bytes(), claims.to_string().as_bytes())
}

struct Stage {
    verifier: Verifier,
    clock: TestClock,
    home: Home,
    issuer: Key,
    url: String,
    holder: Key,
    token: String,
    _op: Op,
}

impl Stage {
    async fn new(proofs: ProofRules) -> Self {
        let (issuer, holder) = (Key::ec("ec"), Key::ec("holder"));
        let op = Op::start(&[&issuer]).await;
        let clock = TestClock::new();
        let options = VerifierOptions { proofs, ..Default::default() };
        let config = vec![op.config(&json!({}))];
        let verifier = Verifier::with(config, Http::new(), clock.clock(), options).unwrap();
        let bound = json!({"cnf": {"jkt": thumbprint(&holder)}});
        let token = issuer.token(&op.url, &json!({}), &bound);
        let url = op.url.clone();
        Self { verifier, clock, home: Home::new(HOME), issuer, url, holder, token, _op: op }
    }

    fn proof(&self, header: Value, claims: Value) -> String {
        proof_of(&self.holder, &self.token, &header, &claims)
    }

    /// What comes of a request with these headers, over a connection with this certificate.
    async fn ask(&self, headers: &[(&str, String)], over: Option<Thumbprint>) -> &'static str {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let name = header::HeaderName::from_bytes(name.as_bytes()).unwrap();
            map.append(name, HeaderValue::from_str(value).unwrap());
        }
        let asked = Asked { method: &Method::POST, home: &self.home, host: None, path: PATH };
        match Presented::of(&map, asked) {
            Ok(presented) => match self.verifier.identify(presented.over(over)).await {
                Ok(proved) => {
                    assert_eq!(proved.subject.as_str(), "riley");
                    "accepted"
                }
                Err(refused) => refused.code(),
            },
            Err(refused) => refused.code(),
        }
    }

    async fn with_proof(&self, proof: String) -> &'static str {
        let token = format!("DPoP {}", self.token);
        self.ask(&[("authorization", token), ("dpop", proof)], None).await
    }

    async fn check(&self, rows: Vec<(&str, Value, Value, &str)>) {
        for (name, header, claims, expect) in rows {
            assert_eq!(self.with_proof(self.proof(header, claims)).await, expect, "{name}");
        }
    }

    /// A token with this confirmation.
    fn bound_to(&self, confirmation: Value) -> String {
        self.issuer.token(&self.url, &json!({}), &json!({"cnf": confirmation}))
    }
}

#[tokio::test]
async fn a_proof_is_for_this_key_request_token_and_time() {
    let stage = Stage::new(ProofRules::default()).await;
    let none = || json!({});
    stage
        .check(vec![
            ("good", none(), none(), "accepted"),
            ("good, warm", none(), none(), "accepted"),
            ("long typ", json!({"typ": "application/DPoP+jwt"}), none(), "accepted"),
            ("htu with query", none(), json!({"htu": format!("{HOME}{PATH}?a=b#c")}), "accepted"),
            (
                "htu normalised",
                none(),
                json!({"htu": format!("HTTPS://GATEWAY.example:443{PATH}")}),
                "accepted",
            ),
            ("a claim more", none(), json!({"x": 1}), "accepted"),
            ("htm other", none(), json!({"htm": "GET"}), "proof_method_mismatch"),
            ("htm case", none(), json!({"htm": "post"}), "proof_method_mismatch"),
            ("htm missing", none(), json!({"htm": null}), "proof_malformed"),
            ("htm list", none(), json!({"htm": ["POST"]}), "proof_malformed"),
            (
                "htu other path",
                none(),
                json!({"htu": format!("{HOME}/call/x")}),
                "proof_url_mismatch",
            ),
            (
                "htu other host",
                none(),
                json!({"htu": format!("https://evil.example{PATH}")}),
                "proof_url_mismatch",
            ),
            (
                "htu longer host",
                none(),
                json!({"htu": format!("{HOME}.evil.example{PATH}")}),
                "proof_url_mismatch",
            ),
            (
                "htu clear text",
                none(),
                json!({"htu": format!("http://gateway.example{PATH}")}),
                "proof_url_mismatch",
            ),
            (
                "htu user",
                none(),
                json!({"htu": format!("https://x@gateway.example{PATH}")}),
                "proof_url_mismatch",
            ),
            ("htu relative", none(), json!({"htu": PATH}), "proof_url_mismatch"),
            ("htu missing", none(), json!({"htu": null}), "proof_malformed"),
            ("ath other", none(), json!({"ath": sha256("another token")}), "proof_token_mismatch"),
            ("ath missing", none(), json!({"ath": null}), "proof_malformed"),
            ("ath hex", none(), json!({"ath": "00"}), "proof_token_mismatch"),
            ("iat old", none(), json!({"iat": NOW - 61}), "proof_time_not_accepted"),
            ("iat ahead", none(), json!({"iat": NOW + 31}), "proof_time_not_accepted"),
            ("iat within", none(), json!({"iat": NOW + 30}), "accepted"),
            ("iat least", none(), json!({"iat": i64::MIN}), "proof_time_not_accepted"),
            ("iat text", none(), json!({"iat": NOW.to_string()}), "proof_malformed"),
            ("iat fraction", none(), json!({"iat": 1_800_000_000.5}), "proof_malformed"),
            ("iat missing", none(), json!({"iat": null}), "proof_malformed"),
            ("jti missing", none(), json!({"jti": null}), "proof_malformed"),
            ("jti empty", none(), json!({"jti": ""}), "proof_malformed"),
            ("jti long", none(), json!({"jti": "j".repeat(257)}), "proof_malformed"),
            ("jti number", none(), json!({"jti": 1}), "proof_malformed"),
        ])
        .await;
}

#[tokio::test]
async fn a_proof_is_taken_once_and_soon() {
    let stage = Stage::new(ProofRules::default()).await;
    let once = stage.proof(json!({}), json!({"jti": "once"}));
    assert_eq!(stage.with_proof(once.clone()).await, "accepted");
    assert_eq!(stage.with_proof(once).await, "proof_replayed");
    let again = stage.proof(json!({}), json!({"jti": "once", "iat": NOW + 1}));
    assert_eq!(stage.with_proof(again).await, "proof_replayed", "the name, not the text");
    stage.clock.advance(62);
    stage.check(vec![("late", json!({}), json!({}), "proof_time_not_accepted")]).await;
}

#[tokio::test]
async fn the_header_of_a_proof_brings_one_public_key_and_nothing_else() {
    let stage = Stage::new(ProofRules::default()).await;
    let none = || json!({});
    let jwk = bare_jwk(&stage.holder);
    let with =
        |name: &str, value: Value| json!({"jwk": merged(jwk.clone(), &json!({name: value}))});
    let octets = json!({"jwk": {"kty": "oct", "k": encode("secret")}});
    stage
        .check(vec![
            ("typ missing", json!({"typ": null}), none(), "proof_type_not_accepted"),
            ("typ JWT", json!({"typ": "JWT"}), none(), "proof_type_not_accepted"),
            ("typ at+jwt", json!({"typ": "at+jwt"}), none(), "proof_type_not_accepted"),
            ("typ number", json!({"typ": 1}), none(), "proof_type_not_accepted"),
            ("alg none", json!({"alg": "none"}), none(), "proof_algorithm_not_allowed"),
            ("alg NoNe", json!({"alg": "NoNe"}), none(), "proof_algorithm_not_allowed"),
            ("alg HS256", json!({"alg": "HS256"}), none(), "proof_algorithm_not_allowed"),
            ("alg RS512", json!({"alg": "RS512"}), none(), "proof_algorithm_not_allowed"),
            ("alg missing", json!({"alg": null}), none(), "proof_malformed"),
            ("alg of another kind", json!({"alg": "RS256"}), none(), "proof_key_not_accepted"),
            ("alg of another curve", json!({"alg": "ES384"}), none(), "proof_key_not_accepted"),
            ("jwk missing", json!({"jwk": null}), none(), "proof_malformed"),
            ("jwk text", json!({"jwk": "x"}), none(), "proof_malformed"),
            ("jwk private", with("d", json!(encode([1; 32]))), none(), "proof_key_not_accepted"),
            ("jwk symmetric", octets, none(), "proof_key_not_accepted"),
            ("jwk cut", with("x", json!("AA")), none(), "proof_key_not_accepted"),
            (
                "jwk padded",
                with("x", json!(format!("{}=", jwk["x"].as_str().unwrap()))),
                none(),
                "proof_key_not_accepted",
            ),
            // The thumbprint is of the required members: a name in the key changes nothing.
            ("jwk named", with("kid", json!("x")), none(), "accepted"),
            ("jku", json!({"jku": "http://169.254.169.254/"}), none(), "accepted"),
            ("crit", json!({"crit": ["exp"]}), none(), "proof_malformed"),
            ("b64", json!({"b64": false}), none(), "proof_malformed"),
            ("zip", json!({"zip": "DEF"}), none(), "proof_malformed"),
        ])
        .await;
    let other = Key::ec("other");
    let swapped = proof_of(&other, &stage.token, &json!({}), &json!({}));
    assert_eq!(stage.with_proof(swapped).await, "proof_key_mismatch", "another key");
    let lent = proof_of(&other, &stage.token, &json!({"jwk": jwk}), &json!({}));
    assert_eq!(stage.with_proof(lent).await, "proof_signature_invalid", "somebody else's key");
    let good = stage.proof(json!({}), json!({}));
    let (signed, _) = good.rsplit_once('.').unwrap();
    let point = stage.holder.der();
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &point), signed.as_bytes());
    let twice = {
        let (header, claims) = (
            json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": jwk}),
            good.split('.').nth(1).unwrap(),
        );
        let header = header.to_string().replacen('{', "{\"typ\":\"at+jwt\",", 1);
        format!("{}.{claims}.AA", encode(header))
    };
    for (name, proof, expect) in [
        ("no signature", format!("{signed}."), "proof_signature_invalid"),
        ("zeros", format!("{signed}.{}", encode([0; 64])), "proof_signature_invalid"),
        ("tag", format!("{signed}.{}", encode(tag)), "proof_signature_invalid"),
        ("two parts", signed.to_owned(), "proof_malformed"),
        ("a member twice", twice, "proof_malformed"),
        ("five parts", format!("{signed}.x.y.z"), "proof_malformed"),
        ("huge", "x".repeat(8 * 1024 + 1), "proof_malformed"),
        ("the token itself", stage.token.clone(), "proof_type_not_accepted"),
    ] {
        assert_eq!(stage.with_proof(proof).await, expect, "{name}");
    }
}

#[tokio::test]
async fn a_bound_token_is_no_bearer_token_and_a_bearer_token_is_not_bound() {
    let stage = Stage::new(ProofRules::default()).await;
    let proof = || stage.proof(json!({}), json!({}));
    let bearer = format!("Bearer {}", stage.token);
    let dpop = format!("DPoP {}", stage.token);
    let ask = async |headers: &[(&str, String)]| stage.ask(headers, None).await;
    assert_eq!(ask(&[("authorization", bearer.clone())]).await, "proof_missing");
    assert_eq!(ask(&[("authorization", bearer), ("dpop", proof())]).await, "proof_missing");
    assert_eq!(ask(&[("authorization", dpop.clone())]).await, "proof_malformed");
    let two = [("authorization", dpop.clone()), ("dpop", proof()), ("dpop", proof())];
    assert_eq!(ask(&two).await, "proof_malformed");
    assert_eq!(ask(&[("authorization", dpop), ("dpop", String::new())]).await, "proof_malformed");

    let free = stage.issuer.token(&stage.url, &json!({}), &json!({}));
    let proof = proof_of(&stage.holder, &free, &json!({}), &json!({}));
    let headers = [("authorization", format!("DPoP {free}")), ("dpop", proof)];
    assert_eq!(ask(&headers).await, "token_not_bound");
    assert_eq!(ask(&headers).await, "token_not_bound", "warm");
    assert_eq!(ask(&[("authorization", format!("Bearer {free}"))]).await, "accepted");

    let refused = stage.verifier.identify(&stage.token).await.unwrap_err();
    assert_eq!(
        (refused.scheme(), refused.challenge_error()),
        (Scheme::Dpop, Some("invalid_token"))
    );
}

#[tokio::test]
async fn confirmations_are_understood_or_refused() {
    let stage = Stage::new(ProofRules::default()).await;
    let key = thumbprint(&stage.holder);
    for (confirmation, expect) in [
        (json!({}), "confirmation_not_accepted"),
        (json!("x"), "confirmation_not_accepted"),
        (json!({"jwk": bare_jwk(&stage.holder)}), "confirmation_not_accepted"),
        (json!({"kid": "x"}), "confirmation_not_accepted"),
        (json!({"jkt": key, "kid": "x"}), "confirmation_not_accepted"),
        (json!({"jkt": [key]}), "confirmation_not_accepted"),
        (json!({"jkt": "AA"}), "confirmation_not_accepted"),
        (json!({"jkt": format!("{key}=")}), "confirmation_not_accepted"),
        (json!({"x5t": key}), "confirmation_not_accepted"),
        (json!({"x5t#S256": key}), "certificate_missing"),
        (json!({"jkt": key}), "proof_missing"),
    ] {
        let token = stage.bound_to(confirmation.clone());
        let refused = stage.verifier.identify(&token).await.unwrap_err();
        assert_eq!(refused.code(), expect, "{confirmation}");
    }
}

#[tokio::test]
async fn a_certificate_bound_token_is_good_over_its_connection_only() {
    let stage = Stage::new(ProofRules::default()).await;
    let certificate = b"the certificate of the caller, in DER";
    let bound = stage.bound_to(json!({"x5t#S256": sha256(certificate)}));
    let own = Some(Thumbprint::of(certificate));
    let other = Some(Thumbprint::of(b"another certificate"));
    let bearer = [("authorization", format!("Bearer {bound}"))];
    assert_eq!(stage.ask(&bearer, None).await, "certificate_missing");
    assert_eq!(stage.ask(&bearer, other).await, "certificate_mismatch");
    assert_eq!(stage.ask(&bearer, own).await, "accepted");
    assert_eq!(stage.ask(&bearer, other).await, "certificate_mismatch", "warm");
    assert_eq!(stage.ask(&bearer, None).await, "certificate_missing", "warm");
    // Whatever a header says about a certificate.
    let hash = sha256(certificate);
    for name in ["x-forwarded-client-cert", "client-cert", "x-ssl-client-cert", "x5t#s256"] {
        let headers = [bearer[0].clone(), (name, format!("Hash={hash};Cert=\"x\""))];
        assert_eq!(stage.ask(&headers, None).await, "certificate_missing", "{name}");
    }
    // Bound to both: both are wanted.
    let key = thumbprint(&stage.holder);
    let both = stage.bound_to(json!({"x5t#S256": hash, "jkt": key}));
    let proof = || proof_of(&stage.holder, &both, &json!({}), &json!({}));
    let dpop = || [("authorization", format!("DPoP {both}")), ("dpop", proof())];
    assert_eq!(stage.ask(&dpop(), own).await, "accepted");
    assert_eq!(stage.ask(&dpop(), None).await, "certificate_missing");
    assert_eq!(
        stage.ask(&[("authorization", format!("Bearer {both}"))], own).await,
        "proof_missing"
    );
    // An unbound token does not mind a certificate.
    let free = stage.issuer.token(&stage.url, &json!({}), &json!({}));
    assert_eq!(stage.ask(&[("authorization", format!("Bearer {free}"))], own).await, "accepted");
}

#[tokio::test]
async fn keys_of_every_accepted_kind_make_proofs() {
    let stage = Stage::new(ProofRules::default()).await;
    let keys = [
        Key::ec("a"),
        Key::p384("b"),
        Key::ed("c"),
        Key::rsa("d", "RS256"),
        Key::rsa("e", "PS256"),
    ];
    for key in &keys {
        let token = stage.bound_to(json!({"jkt": thumbprint(key)}));
        for _ in 0..2 {
            let proof = proof_of(key, &token, &json!({}), &json!({}));
            let headers = [("authorization", format!("DPoP {token}")), ("dpop", proof)];
            assert_eq!(stage.ask(&headers, None).await, "accepted", "{}", key.algorithm);
        }
        // One key, used in another way than the last time.
        if key.algorithm == "RS256" {
            let proof = proof_of(&keys[4], &token, &json!({}), &json!({}));
            let headers = [("authorization", format!("DPoP {token}")), ("dpop", proof)];
            assert_eq!(stage.ask(&headers, None).await, "accepted");
        }
    }
}

#[tokio::test]
async fn nonces_come_from_the_gateways_and_not_from_callers() {
    let key = |byte| Some(NonceKey::new(&[byte; 32]));
    let rules = |byte| ProofRules { nonces: key(byte), ..ProofRules::default() };
    let stage = Stage::new(rules(1)).await;
    let asked = Asked { method: &Method::POST, home: &stage.home, host: None, path: PATH };
    let nonce_of = async |verifier: &Verifier| {
        let mut headers = HeaderMap::new();
        let token = HeaderValue::from_str(&format!("DPoP {}", stage.token)).unwrap();
        headers.insert(header::AUTHORIZATION, token);
        let proof = HeaderValue::from_str(&stage.proof(json!({}), json!({}))).unwrap();
        headers.insert("dpop", proof);
        let presented = Presented::of(&headers, asked).unwrap();
        let refused = verifier.identify(presented).await.unwrap_err();
        assert_eq!(refused.code(), "proof_nonce_needed");
        assert_eq!(refused.challenge_error(), Some("use_dpop_nonce"));
        refused.nonce().unwrap().to_owned()
    };
    let nonce = nonce_of(&stage.verifier).await;
    let other = |byte| {
        let options = VerifierOptions { proofs: rules(byte), ..Default::default() };
        let config = vec![stage._op.config(&json!({}))];
        Verifier::with(config, Http::new(), stage.clock.clock(), options).unwrap()
    };
    assert_eq!(nonce, nonce_of(&other(1)).await, "every gateway knows it");
    let foreign = nonce_of(&other(2)).await;
    stage
        .check(vec![
            ("right", json!({}), json!({"nonce": nonce}), "accepted"),
            ("another installation's", json!({}), json!({"nonce": foreign}), "proof_nonce_needed"),
            ("made up", json!({}), json!({"nonce": "x"}), "proof_nonce_needed"),
            ("number", json!({}), json!({"nonce": 1}), "proof_nonce_needed"),
            ("empty", json!({}), json!({"nonce": ""}), "proof_nonce_needed"),
        ])
        .await;
    stage.clock.advance(240);
    let late = json!({"nonce": nonce, "iat": NOW + 240});
    stage.check(vec![("old", json!({}), late, "proof_nonce_needed")]).await;
}

#[tokio::test]
async fn a_proof_is_taken_once_by_all_gateways_that_share_a_register() {
    let taken = Arc::new(Mutex::new(Vec::new()));
    let register = Arc::clone(&taken);
    let shared = UseOnce::new(move |digest, until| {
        let mut taken = register.lock().unwrap();
        let again = taken.contains(&digest);
        taken.push(digest);
        assert!(until.seconds() > NOW + 60, "not forgotten before it is too old");
        async move { Ok(if again { Use::Again } else { Use::First }) }
    });
    let rules = ProofRules { shared: Some(shared), ..ProofRules::default() };
    let stage = Stage::new(rules.clone()).await;
    let options = VerifierOptions { proofs: rules, ..Default::default() };
    let config = vec![stage._op.config(&json!({}))];
    let other = Verifier::with(config, Http::new(), stage.clock.clock(), options).unwrap();
    let proof = stage.proof(json!({}), json!({}));
    assert_eq!(stage.with_proof(proof.clone()).await, "accepted");
    let stage = Stage { verifier: other, ..stage };
    assert_eq!(stage.with_proof(proof).await, "proof_replayed");

    let broken = UseOnce::new(|_, _| async { Err(UseOnceFailed("away".into())) });
    let stage = Stage::new(ProofRules { shared: Some(broken), ..ProofRules::default() }).await;
    let proof = stage.proof(json!({}), json!({}));
    assert_eq!(stage.with_proof(proof).await, "proofs_not_remembered");
}
