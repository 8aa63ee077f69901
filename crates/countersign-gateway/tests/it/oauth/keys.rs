//! Agents that prove themselves with a key of their own (`private_key_jwt`): the catalog has its public
//! half, and nothing else vouches for them.

use super::{
    ACCESS_TOKEN, AGENT, EXCHANGE, USER, asked, bound::Key, call, claims, error, granted, post,
    post_to,
};
use crate::lab::{Answer, Lab, catalog};
use countersign_identity::ClientKey;
use countersign_model::{Entropy, Span, Subject, catalog::Agent, record::TokenAnswer};
use http::StatusCode;
use serde_json::{Value, json};

const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const ISSUER: &str = "http://gateway.test";
const OTHER: &str = "agent:other";

fn entropy() -> Entropy {
    Entropy::new(|bytes| aws_lc_rs::rand::fill(bytes).unwrap())
}

/// A lab in which two agents are registered with keys, and user and first agent may call.
async fn lab_with(keys: &[Value], others: &[Value]) -> Lab {
    let lab = granted().await;
    let mut registered = catalog(lab.world.targets);
    let agent = |subject: &str, keys: &[Value]| Agent {
        subject: subject.into(),
        name: String::new(),
        sponsor: "riley@acme.example".into(),
        purpose: "a test".into(),
        keys: keys.iter().map(|it| it.as_object().unwrap().clone()).collect(),
        scopes: ["billing.read".to_owned()].into(),
    };
    registered.agents.insert(AGENT.into(), agent(AGENT, keys));
    registered.agents.insert(OTHER.into(), agent(OTHER, others));
    lab.apply(registered).await;
    lab
}

/// Claims as an assertion has them, with changes; `null` takes one away.
fn said(lab: &Lab, changes: &Value) -> Value {
    let now = lab.world.now().seconds();
    let id = entropy().bytes::<8>();
    let mut said = json!({
        "iss": AGENT, "sub": AGENT, "aud": ISSUER, "iat": now, "exp": now + 60,
        "jti": format!("{id:?}"),
    });
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => drop(said.as_object_mut().unwrap().remove(name)),
            value => said[name] = value.clone(),
        }
    }
    said
}

fn signed(lab: &Lab, key: &Key, changes: &Value) -> String {
    key.signed(&json!({"alg": "ES256"}), &said(lab, changes))
}

fn form<'f>(user: &'f str, assertion: &'f str) -> Vec<(&'f str, &'f str)> {
    vec![
        ("grant_type", EXCHANGE),
        ("subject_token", user),
        ("subject_token_type", ACCESS_TOKEN),
        ("client_assertion_type", TYPE),
        ("client_assertion", assertion),
    ]
}

async fn show(lab: &Lab, assertion: &str) -> Answer {
    post(lab, &form(&lab.world.token(USER), assertion)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_proves_itself_with_its_key_and_acts_for_a_user() {
    let (key, _) = ClientKey::make().unwrap();
    let mut public = key.public();
    public["kid"] = json!(key.thumbprint());
    let lab = lab_with(&[public], &[]).await;
    let now = lab.world.now();
    let assertion = key.client_assertion(AGENT, ISSUER, now, &entropy()).unwrap();
    let answer = show(&lab, assertion.reveal()).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    let document = answer.json();
    assert_eq!(
        (&document["expires_in"], &document["scope"]),
        (&json!(300), &json!("billing.read"))
    );
    let token = document["access_token"].as_str().unwrap();
    let said = claims(token);
    assert_eq!((&said["sub"], &said["act"]), (&json!(USER), &json!({"sub": AGENT})));
    assert_eq!(said["client_id"], AGENT);
    assert_eq!(call(&lab, token).await.0, StatusCode::OK);
    let [event] = asked(&lab).try_into().unwrap();
    let event: countersign_model::record::TokenAsked = event;
    assert_eq!(event.actor.who.subject, Subject::from(AGENT));
    assert_eq!(&*event.actor.who.issuer, "agent-keys");

    // An assertion is for the token endpoint, and for nothing else.
    let again = key.client_assertion(AGENT, ISSUER, now, &entropy()).unwrap();
    assert_eq!(call(&lab, again.reveal()).await.0, StatusCode::UNAUTHORIZED);
    let mut fields = form(again.reveal(), again.reveal());
    assert_eq!(error(&post(&lab, &fields).await).2, "issuer_unknown", "as a user");
    fields = vec![
        ("grant_type", EXCHANGE),
        ("subject_token", token),
        ("subject_token_type", ACCESS_TOKEN),
        ("actor_token", again.reveal()),
        ("actor_token_type", ACCESS_TOKEN),
    ];
    assert_eq!(error(&post(&lab, &fields).await).2, "issuer_unknown", "as an actor's token");
    super::written_nowhere(lab.world.directory.path(), &[assertion.reveal(), token]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_assertion_that_is_not_as_it_has_to_be_proves_nobody() {
    let (key, other) = (Key::new(), Key::new());
    let lab = lab_with(&[key.jwk()], &[other.jwk()]).await;
    let now = lab.world.now().seconds();
    let rows = [
        ("for another server", json!({"aud": "https://other.example"}), "audience_mismatch"),
        ("for two servers", json!({"aud": [ISSUER, "x"]}), "audience_mismatch"),
        ("for nobody", json!({"aud": null}), "audience_mismatch"),
        ("for a place beside it", json!({"aud": format!("{ISSUER}/oauth")}), "audience_mismatch"),
        ("of one about another", json!({"sub": OTHER}), "client_assertion_not_self_issued"),
        ("about nobody", json!({"sub": null}), "client_assertion_not_self_issued"),
        ("with another agent's name", json!({"iss": OTHER, "sub": OTHER}), "signature_invalid"),
        ("of nobody here", json!({"iss": "agent:x", "sub": "agent:x"}), "client_unknown"),
        ("of a person", json!({"iss": USER, "sub": USER}), "client_unknown"),
        ("ended", json!({"exp": now - 60}), "token_expired"),
        ("without an end", json!({"exp": null}), "expiry_missing"),
        ("for an hour", json!({"exp": now + 3600}), "client_assertion_too_long"),
        ("for a year", json!({"exp": now + 31_536_000}), "client_assertion_too_long"),
        ("of tomorrow", json!({"iat": now + 86_400}), "token_not_yet_valid"),
        ("from tomorrow", json!({"nbf": now + 86_400}), "token_not_yet_valid"),
        ("without an id", json!({"jti": null}), "client_assertion_id_missing"),
        ("with an empty id", json!({"jti": ""}), "client_assertion_id_missing"),
        ("with a number for an id", json!({"jti": 7}), "client_assertion_id_missing"),
        ("with a long id", json!({"jti": "x".repeat(256)}), "client_assertion_id_missing"),
    ];
    for (name, changes, expect) in rows {
        let answer = show(&lab, &signed(&lab, &key, &changes)).await;
        assert_eq!(error(&answer), (401, "invalid_client".into(), expect.into()), "{name}");
    }
    let headers = [
        ("no algorithm", json!({"alg": "none"}), "algorithm_not_allowed"),
        ("a shared secret", json!({"alg": "HS256"}), "algorithm_not_allowed"),
        ("an algorithm off the list", json!({"alg": "RS512"}), "algorithm_not_allowed"),
        ("another algorithm", json!({"alg": "EdDSA"}), "key_unknown"),
        ("an access token", json!({"alg": "ES256", "typ": "at+jwt"}), "token_type_not_accepted"),
        ("a proof", json!({"alg": "ES256", "typ": "dpop+jwt"}), "token_type_not_accepted"),
        (
            "an ID-JAG",
            json!({"alg": "ES256", "typ": "oauth-id-jag+jwt"}),
            "token_type_not_accepted",
        ),
        ("its own key", json!({"alg": "ES256", "jwk": other.jwk()}), "header_not_allowed"),
        ("a key nobody has", json!({"alg": "ES256", "kid": "x"}), "key_unknown"),
    ];
    for (name, header, expect) in headers {
        let answer = show(&lab, &key.signed(&header, &said(&lab, &json!({})))).await;
        assert_eq!(error(&answer), (401, "invalid_client".into(), expect.into()), "{name}");
    }
    let answer = show(&lab, &signed(&lab, &other, &json!({}))).await;
    assert_eq!(error(&answer).2, "signature_invalid", "another agent's key");
    // What is right, is: also with the endpoint as audience.
    for audience in [json!(ISSUER), json!([ISSUER]), json!(format!("{ISSUER}/oauth/token"))] {
        let answer = show(&lab, &signed(&lab, &key, &json!({"aud": audience}))).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    }
    assert!(asked(&lab).iter().all(|it| matches!(it.answer, TokenAnswer::Issued { .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_assertion_proves_its_client_once_at_all_gateways() {
    let key = Key::new();
    let lab = lab_with(&[key.jwk()], &[]).await;
    let limits = countersign_gateway::Limits::default();
    let secrets = countersign_gateway::Secrets::new(|_| Ok("s".to_owned()));
    let (_gateway, address) = crate::rig::second_gateway(&lab, secrets, limits).await;
    let (header, claims) = (json!({"alg": "ES256"}), said(&lab, &json!({})));
    let assertion = key.signed(&header, &claims);
    // A forger with the same name uses nothing up.
    let forged = Key::new().signed(&header, &claims);
    assert_eq!(error(&show(&lab, &forged).await).2, "signature_invalid");
    let user = lab.world.token(USER);
    assert_eq!(show(&lab, &assertion).await.status, StatusCode::OK);
    let again = (401, "invalid_client".to_owned(), "client_assertion_used_before".to_owned());
    assert_eq!(error(&show(&lab, &assertion).await), again);
    assert_eq!(error(&post_to(&lab, address, &form(&user, &assertion)).await), again);
    // Whatever becomes of the request.
    let assertion = signed(&lab, &key, &json!({}));
    assert_eq!(error(&post(&lab, &form("nonsense", &assertion)).await).2, "token_malformed");
    assert_eq!(error(&show(&lab, &assertion).await), again);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_ends_the_agent_ends_its_key() {
    let (key, new) = (Key::new(), Key::new());
    let lab = lab_with(&[key.jwk()], &[]).await;
    assert_eq!(show(&lab, &signed(&lab, &key, &json!({}))).await.status, StatusCode::OK);
    // Another key in the catalog.
    let mut registered = catalog(lab.world.targets);
    let mut agent = registered.agents.remove(AGENT).unwrap_or_else(|| Agent {
        subject: AGENT.into(),
        name: String::new(),
        sponsor: "riley@acme.example".into(),
        purpose: "a test".into(),
        keys: vec![],
        scopes: [].into(),
    });
    agent.keys = vec![new.jwk().as_object().unwrap().clone()];
    registered.agents.insert(AGENT.into(), agent.clone());
    lab.apply(registered.clone()).await;
    let refused = error(&show(&lab, &signed(&lab, &key, &json!({}))).await);
    assert_eq!(refused.2, "signature_invalid");
    assert_eq!(show(&lab, &signed(&lab, &new, &json!({}))).await.status, StatusCode::OK);
    // The agent, or its sponsor, is suspended.
    let administrator = lab.actor("sam@acme.example");
    for (who, expect) in [(AGENT, "actor_suspended"), ("riley@acme.example", "sponsor_suspended")] {
        lab.governance.suspend(&administrator, &who.into(), "left").await.unwrap();
        let refused = error(&show(&lab, &signed(&lab, &new, &json!({}))).await);
        assert_eq!(refused.2, expect);
        lab.governance.resume(&administrator, &who.into(), "back").await.unwrap();
    }
    // No key, and no agent any more.
    agent.keys = vec![];
    registered.agents.insert(AGENT.into(), agent);
    lab.apply(registered.clone()).await;
    let refused = error(&show(&lab, &signed(&lab, &new, &json!({}))).await);
    assert_eq!(refused.2, "client_unknown");
    registered.agents.remove(AGENT);
    lab.apply(registered).await;
    let refused = error(&show(&lab, &signed(&lab, &new, &json!({}))).await);
    assert_eq!(refused.2, "client_unknown");
    lab.world.pass(Span::from_seconds(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_identity_assertion_is_for_the_client_as_it_is_called_here() {
    let key = Key::new();
    let lab = lab_with(&[key.jwk()], &[]).await;
    let bearer = "urn:ietf:params:oauth:grant-type:jwt-bearer";
    for (client, expect) in [(AGENT, None), ("dunning-agent", Some("client_mismatch"))] {
        let changes = json!({
            "aud": ISSUER, "client_id": client, "scope": "billing.read", "groups": null,
            "name": null, "email": null,
        });
        let about = super::refusals::signed(&lab, "oauth-id-jag+jwt", USER, &changes);
        let client = signed(&lab, &key, &json!({}));
        let fields = [
            ("grant_type", bearer),
            ("assertion", &about),
            ("client_assertion_type", TYPE),
            ("client_assertion", &client),
        ];
        let answer = post(&lab, &fields).await;
        match expect {
            None => assert_eq!(answer.status, StatusCode::OK, "{answer:?}"),
            Some(code) => assert_eq!(error(&answer).2, code),
        }
    }
}
