//! Tokens that are bound to a key: what is asked for with a proof is worth nothing without it, and an
//! actor's bound token asks only with a proof of its key (RFC 9449 §5).

use super::{
    AGENT, PATH, USER, asked, call, claims, error, exchanging, granted, post_with, refusals::signed,
};
use crate::lab::{Answer, Lab};
use aws_lc_rs::{
    digest,
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use countersign_identity::{
    Binding, NonceKey, OwnIssuer, OwnSettings, ProofRules, VerifierOptions,
};
use countersign_model::record::{TokenAnswer, TokenBinding};
use http::{Request, StatusCode};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};

const ENDPOINT: &str = "http://gateway.test/oauth/token";

/// A key of an agent's own.
pub(super) struct Key(EcdsaKeyPair);

impl Key {
    pub(super) fn new() -> Self {
        Self(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
    }

    pub(super) fn jwk(&self) -> Value {
        let (x, y) = self.0.public_key().as_ref()[1..].split_at(32);
        json!({"kty": "EC", "crv": "P-256", "x": encode(x), "y": encode(y)})
    }

    fn thumbprint(&self) -> String {
        sha256(&self.jwk().to_string())
    }

    pub(super) fn signed(&self, header: &Value, claims: &Value) -> String {
        let signed = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
        let signature = self.0.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", encode(signature))
    }

    /// A proof for the token endpoint, with changes; `null` takes a member away.
    fn proof(&self, lab: &Lab, header: &Value, claims: &Value) -> String {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let mut first = json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": self.jwk()});
        let mut second = json!({
            "jti": format!("proof {}", COUNT.fetch_add(1, Ordering::SeqCst)), "htm": "POST",
            "htu": ENDPOINT, "iat": lab.world.now().seconds(),
        });
        for (all, changes) in [(&mut first, header), (&mut second, claims)] {
            for (name, value) in changes.as_object().unwrap() {
                match value {
                    Value::Null => drop(all.as_object_mut().unwrap().remove(name)),
                    value => all[name] = value.clone(),
                }
            }
        }
        self.signed(&first, &second)
    }

    fn good_proof(&self, lab: &Lab) -> String {
        self.proof(lab, &json!({}), &json!({}))
    }

    /// A call with this token and a proof of this key.
    async fn call(&self, lab: &Lab, token: &str) -> (StatusCode, String) {
        let claims = json!({
            "htm": "GET", "htu": format!("http://gateway.test{PATH}"), "ath": sha256(token),
        });
        let request = Request::builder()
            .uri(format!("http://{}{PATH}", lab.address))
            .header("authorization", format!("DPoP {token}"))
            .header("dpop", self.proof(lab, &json!({}), &claims))
            .body(Default::default())
            .unwrap();
        let answer = lab.send(request).await;
        (answer.status, answer.json()["code"].as_str().unwrap_or_default().to_owned())
    }
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn sha256(text: &str) -> String {
    encode(digest::digest(&digest::SHA256, text.as_bytes()))
}

async fn ask(lab: &Lab, subject: &str, actor: &str, proofs: &[&str]) -> Answer {
    post_with(lab, lab.address, &exchanging(subject, actor), proofs).await
}

fn bound_to(lab: &Lab, subject: &str, confirmation: &Value) -> String {
    signed(lab, "at+jwt", subject, &json!({ "cnf": confirmation }))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_is_asked_for_with_a_proof_is_worth_nothing_without_it() {
    let lab = granted().await;
    let (key, thief) = (Key::new(), Key::new());
    let (user, agent) = (lab.world.token(USER), lab.world.token(AGENT));
    let answer = ask(&lab, &user, &agent, &[&key.good_proof(&lab)]).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    assert_eq!(answer.json()["token_type"], "DPoP");
    let token = answer.json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(claims(&token)["cnf"], json!({"jkt": key.thumbprint()}));

    assert_eq!(key.call(&lab, &token).await.0, StatusCode::OK);
    let thiefs = (StatusCode::UNAUTHORIZED, "proof_key_mismatch".to_owned());
    assert_eq!(thief.call(&lab, &token).await, thiefs);
    assert_eq!(call(&lab, &token).await.0, StatusCode::UNAUTHORIZED, "as a bearer token");

    let [event] = asked(&lab).try_into().unwrap();
    let event: countersign_model::record::TokenAsked = event;
    let TokenAnswer::Issued { bound_to, .. } = event.answer else { panic!("refused") };
    assert_eq!(bound_to, TokenBinding { key: Some(key.thumbprint()), certificate: None });

    // Nobody hands it on, its own holder included: the one to act for shows nothing here.
    let service = json!({"sub": "ci", "client_id": "ci", "name": null, "email": null});
    let service = signed(&lab, "at+jwt", AGENT, &service);
    for proof in [&key, &thief] {
        let handed = ask(&lab, &token, &service, &[&proof.good_proof(&lab)]).await;
        let refused = (400, "invalid_request".into(), "subject_token_is_bound".into());
        assert_eq!(error(&handed), refused);
    }
    // A token without `cnf` does not become a bound one by being sent with a proof.
    let bearer = ask(&lab, &user, &agent, &[]).await.json();
    assert_eq!(bearer["token_type"], "Bearer");
    let bearer = bearer["access_token"].as_str().unwrap();
    assert_eq!(key.call(&lab, bearer).await.1, "token_not_bound");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proof_for_a_token_is_made_for_this_request_once() {
    let lab = granted().await;
    let key = Key::new();
    let (user, agent) = (lab.world.token(USER), lab.world.token(AGENT));
    let now = lab.world.now().seconds();
    let none = json!({});
    let rows = [
        (
            "for a call",
            none.clone(),
            json!({"htu": "http://gateway.test/tools"}),
            "proof_url_mismatch",
        ),
        (
            "elsewhere",
            none.clone(),
            json!({"htu": "http://evil.test/oauth/token"}),
            "proof_url_mismatch",
        ),
        ("another method", none.clone(), json!({"htm": "GET"}), "proof_method_mismatch"),
        ("with a token", none.clone(), json!({"ath": sha256(&agent)}), "proof_token_mismatch"),
        ("old", none.clone(), json!({"iat": now - 120}), "proof_time_not_accepted"),
        ("from the future", none.clone(), json!({"iat": now + 120}), "proof_time_not_accepted"),
        ("without a name", none.clone(), json!({"jti": null}), "proof_malformed"),
        ("another type", json!({"typ": "jwt"}), none.clone(), "proof_type_not_accepted"),
        ("none", json!({"alg": "none"}), none.clone(), "proof_algorithm_not_allowed"),
        ("HMAC", json!({"alg": "HS256"}), none.clone(), "proof_algorithm_not_allowed"),
        ("without a key", json!({"jwk": null}), none.clone(), "proof_malformed"),
        (
            "a foreign key",
            json!({"jwk": Key::new().jwk()}),
            none.clone(),
            "proof_signature_invalid",
        ),
    ];
    for (name, header, claims, expect) in rows {
        let answer = ask(&lab, &user, &agent, &[&key.proof(&lab, &header, &claims)]).await;
        let refused = (400, "invalid_dpop_proof".to_owned(), expect.to_owned());
        assert_eq!(error(&answer), refused, "{name}");
    }
    let (one, two) = (key.good_proof(&lab), key.good_proof(&lab));
    assert_eq!(error(&ask(&lab, &user, &agent, &[&one, &two]).await).2, "proof_malformed");
    // What was refused did not use it up; what was given did.
    assert_eq!(ask(&lab, &user, "no token", &[&one]).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(ask(&lab, &user, &agent, &[&one]).await.status, StatusCode::OK);
    let again = error(&ask(&lab, &user, &agent, &[&one]).await);
    assert_eq!(again, (400, "invalid_dpop_proof".into(), "proof_replayed".into()));
    let last = asked(&lab).pop().unwrap().answer;
    assert_eq!(last, TokenAnswer::Refused { reason: "proof_replayed".into() });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_actors_bound_token_asks_with_its_key_only() {
    let lab = granted().await;
    let (key, thief) = (Key::new(), Key::new());
    let user = lab.world.token(USER);
    let thumbprint = json!({"jkt": key.thumbprint()});
    let agent = bound_to(&lab, AGENT, &thumbprint);
    let certified = bound_to(&lab, AGENT, &json!({"x5t#S256": "A".repeat(43)}));
    let both = json!({"jkt": key.thumbprint(), "x5t#S256": "A".repeat(43)});
    let both = bound_to(&lab, AGENT, &both);
    let odd = bound_to(&lab, AGENT, &json!({"jwk": key.jwk()}));
    let of_user = bound_to(&lab, USER, &thumbprint);
    let plain = lab.world.token(AGENT);
    let rows = [
        ("no proof", &user, &agent, None, "proof_missing"),
        ("a thief's proof", &user, &agent, Some(&thief), "proof_key_mismatch"),
        ("no certificate", &user, &certified, None, "certificate_missing"),
        ("no certificate, a key", &user, &certified, Some(&key), "certificate_missing"),
        ("both, and no certificate", &user, &both, Some(&key), "certificate_missing"),
        ("bound in another way", &user, &odd, Some(&key), "confirmation_not_accepted"),
        ("the user's, no proof", &of_user, &plain, None, "subject_token_is_bound"),
        ("the user's, a proof", &of_user, &plain, Some(&key), "subject_token_is_bound"),
        ("both bound to one key", &of_user, &agent, Some(&key), "subject_token_is_bound"),
        ("its key's proof", &user, &agent, Some(&key), "issued"),
    ];
    for (name, subject, actor, prover, expect) in rows {
        let proof = prover.map(|it| it.good_proof(&lab));
        let proofs: Vec<&str> = proof.as_deref().into_iter().collect();
        let answer = ask(&lab, subject, actor, &proofs).await;
        let found = match answer.status {
            StatusCode::OK => "issued".to_owned(),
            _ => error(&answer).2,
        };
        assert_eq!(found, expect, "{name}");
        if found == "issued" {
            let document = answer.json();
            let token = document["access_token"].as_str().unwrap();
            assert_eq!(claims(token)["cnf"], thumbprint, "{name}");
        }
    }
    // It says what to do, and whose token it is about.
    let answer = ask(&lab, &user, &agent, &[]).await.json();
    assert_eq!(answer["error"], "invalid_request");
    assert!(answer["next_step"].as_str().unwrap().contains("header DPoP"), "{answer}");
    let answer = ask(&lab, &of_user, &plain, &[]).await.json();
    assert!(answer["next_step"].as_str().unwrap().contains("ID-JAG"), "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_tokens_have_to_be_bound_and_proofs_to_carry_nonces_they_do() {
    let lab = granted().await;
    let settings = OwnSettings { binding: Binding::Required, ..OwnSettings::default() };
    let own = OwnIssuer::new(&lab.world.resource, settings, |_| [11; 32]).unwrap();
    let proofs = ProofRules { nonces: Some(NonceKey::new(&[3; 32])), shared: None };
    let options = VerifierOptions { own: Some(own), proofs, ..VerifierOptions::default() };
    let (_gateway, address) = crate::rig::gateway_as(&lab, options).await;
    let key = Key::new();
    let (user, agent) = (lab.world.token(USER), lab.world.token(AGENT));
    let ask =
        async |proofs: &[&str]| post_with(&lab, address, &exchanging(&user, &agent), proofs).await;
    let missing = error(&ask(&[]).await);
    assert_eq!(missing, (400, "invalid_dpop_proof".into(), "token_binding_missing".into()));
    let last = asked(&lab).pop().unwrap().answer;
    assert_eq!(last, TokenAnswer::Refused { reason: "token_binding_missing".into() });

    let first = ask(&[&key.good_proof(&lab)]).await;
    assert_eq!(error(&first), (400, "use_dpop_nonce".into(), "proof_nonce_needed".into()));
    let nonce = first.headers["dpop-nonce"].to_str().unwrap();
    let again = ask(&[&key.proof(&lab, &json!({}), &json!({ "nonce": nonce }))]).await;
    assert_eq!((again.status, &again.json()["token_type"]), (StatusCode::OK, &json!("DPoP")));
    let foreign = ask(&[&key.proof(&lab, &json!({}), &json!({ "nonce": "made up" }))]).await;
    assert_eq!(error(&foreign).1, "use_dpop_nonce");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_assertion_that_is_bound_is_its_holders_and_so_is_what_comes_of_it() {
    let lab = granted().await;
    let (key, thief) = (Key::new(), Key::new());
    let client = lab.world.token(AGENT);
    let bound = |id: &str| {
        let changes = json!({"cnf": {"jkt": key.thumbprint()}, "jti": id});
        super::assertions::assertion(&lab, "oauth-id-jag+jwt", &changes)
    };
    let ask = async |assertion: &str, proofs: &[&str]| {
        let form = super::assertions::form(assertion, &client);
        post_with(&lab, lab.address, &form, proofs).await
    };
    let stolen = bound("one");
    let refused = |code: &str| (400, "invalid_grant".to_owned(), code.to_owned());
    assert_eq!(error(&ask(&stolen, &[]).await), refused("proof_missing"));
    let other = ask(&stolen, &[&thief.good_proof(&lab)]).await;
    assert_eq!(error(&other), refused("proof_key_mismatch"));
    // Whoever stole it has used nothing up.
    let answer = ask(&stolen, &[&key.good_proof(&lab)]).await;
    assert_eq!((answer.status, &answer.json()["token_type"]), (StatusCode::OK, &json!("DPoP")));
    let token = answer.json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(claims(&token)["cnf"], json!({"jkt": key.thumbprint()}));
    assert_eq!(key.call(&lab, &token).await.0, StatusCode::OK);
    assert_eq!(thief.call(&lab, &token).await.0, StatusCode::UNAUTHORIZED);
    let again = ask(&stolen, &[&key.good_proof(&lab)]).await;
    assert_eq!(error(&again), refused("assertion_used_before"));
    // One that is bound to nothing gives a token that is bound to the proof's key.
    let free = super::assertions::assertion(&lab, "oauth-id-jag+jwt", &json!({"jti": "two"}));
    let answer = ask(&free, &[&thief.good_proof(&lab)]).await;
    assert_eq!((answer.status, &answer.json()["token_type"]), (StatusCode::OK, &json!("DPoP")));
    // By the grant type for assertions that are bound, no other is taken.
    let holders = async |assertion: &str, proofs: &[&str]| {
        let mut form = super::assertions::form(assertion, &client);
        form[0].1 = super::assertions::BOUND;
        post_with(&lab, lab.address, &form, proofs).await
    };
    let free = super::assertions::assertion(&lab, "oauth-id-jag+jwt", &json!({"jti": "three"}));
    let answer = holders(&free, &[&key.good_proof(&lab)]).await;
    assert_eq!(error(&answer), refused("assertion_not_bound"));
    let bound = bound("four");
    assert_eq!(error(&holders(&bound, &[]).await), refused("proof_missing"));
    let answer = holders(&bound, &[&key.good_proof(&lab)]).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
}
