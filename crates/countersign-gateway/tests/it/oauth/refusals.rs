//! What gets no token, each with the one reason, and which of it the ledger has.

use super::{ACCESS_TOKEN, AGENT, USER, asked, claims, error, exchange, on_behalf, post};
use crate::lab::Lab;
use countersign_model::{Span, record::TokenAnswer};
use http::{Method, Request, StatusCode};
use serde_json::{Value, json};

/// A token of the lab's identity provider with any claims.
pub(super) fn signed(lab: &Lab, typ: &str, subject: &str, changes: &Value) -> String {
    let mut said = claims(&lab.world.token(subject));
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => drop(said.as_object_mut().unwrap().remove(name)),
            value => said[name] = value.clone(),
        }
    }
    lab.world.idp.sign(typ, &said).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_that_do_not_go_together_give_none() {
    let lab = Lab::new().await;
    let (user, agent) = (lab.world.token(USER), lab.world.token(AGENT));
    let at = |subject: &str, changes: Value| signed(&lab, "at+jwt", subject, &changes);
    let own = on_behalf(&lab, USER).await;
    let bound = json!({"cnf": {"jkt": "A".repeat(43)}});
    let rows = [
        ("swapped", agent.clone(), user.clone(), "actor_is_a_person"),
        ("the user alone", user.clone(), user.clone(), "actor_is_a_person"),
        ("the agent alone", agent.clone(), agent.clone(), "subject_is_no_person"),
        (
            "an exchanged token as the actor's",
            user.clone(),
            own.clone(),
            "actor_token_is_exchanged",
        ),
        ("the same agent again", own.clone(), agent.clone(), "actor_chain_cycle"),
        (
            "an actor that stands for another",
            user.clone(),
            at(AGENT, json!({"act": {"sub": "agent:other"}})),
            "actor_token_is_exchanged",
        ),
        (
            "another may act",
            at(USER, json!({"may_act": {"sub": "agent:other"}})),
            agent.clone(),
            "not_allowed_to_act",
        ),
        (
            "may_act that is not understood",
            at(USER, json!({"may_act": {"sub": AGENT, "client_id": "x"}})),
            agent.clone(),
            "claim_invalid",
        ),
        (
            "may_act of an unknown issuer",
            at(USER, json!({"may_act": {"sub": AGENT, "iss": "https://other.example"}})),
            agent.clone(),
            "claim_invalid",
        ),
        ("bound", at(USER, bound.clone()), agent.clone(), "subject_token_is_bound"),
        ("bound actor", user.clone(), at(AGENT, bound.clone()), "proof_missing"),
        (
            "a chain of five",
            at(
                USER,
                json!({"act": {"sub": "a", "act": {"sub": "b", "act": {"sub": "c",
                "act": {"sub": "d", "act": {"sub": "e"}}}}}}),
            ),
            agent.clone(),
            "actor_chain_too_long",
        ),
        ("ended", at(USER, json!({"exp": 1_700_000_000})), agent.clone(), "token_expired"),
        ("ended actor", user.clone(), at(AGENT, json!({"exp": 1_700_000_000})), "token_expired"),
        ("for others", at(USER, json!({"aud": "x"})), agent.clone(), "audience_mismatch"),
        (
            "an ID token",
            signed(&lab, "JWT", USER, &json!({})),
            agent.clone(),
            "token_type_not_accepted",
        ),
        (
            "an assertion",
            signed(&lab, "oauth-id-jag+jwt", USER, &json!({})),
            agent.clone(),
            "token_type_not_accepted",
        ),
        (
            "of another issuer",
            at(USER, json!({"iss": "https://x.example"})),
            agent,
            "issuer_unknown",
        ),
    ];
    for (name, subject, actor, expect) in rows {
        let answer = exchange(&lab, &subject, &actor, &[]).await;
        assert_eq!(error(&answer), (400, "invalid_request".into(), expect.into()), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chain_grows_and_stays_whole() {
    let lab = Lab::new().await;
    let may = json!({"may_act": {"sub": AGENT}});
    let user = signed(&lab, "at+jwt", USER, &may);
    let answer = exchange(&lab, &user, &lab.world.token(AGENT), &[]).await;
    let token = answer.json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(claims(&token)["may_act"], json!({"sub": AGENT}));
    // Nobody else acts on what was allowed to this agent.
    let service = json!({"sub": "ci", "client_id": "ci", "name": null, "email": null});
    let service = signed(&lab, "at+jwt", AGENT, &service);
    let answer = exchange(&lab, &token, &service, &[]).await;
    assert_eq!(error(&answer).2, "not_allowed_to_act");

    let first = on_behalf(&lab, USER).await;
    lab.world.pass(Span::from_seconds(100));
    let answer = exchange(&lab, &first, &service, &[]).await;
    let document = answer.json();
    let second = document["access_token"].as_str().unwrap();
    assert_eq!(claims(second)["act"], json!({"sub": "ci", "act": {"sub": AGENT}}));
    // It ends with the token that it came from.
    let left = document["expires_in"].as_i64().unwrap();
    assert!((195..=200).contains(&left), "{left}");
    assert_eq!(claims(second)["exp"], claims(&first)["exp"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_widened() {
    let lab = Lab::new().await;
    let narrow = signed(&lab, "at+jwt", USER, &json!({"scope": "billing.read openid"}));
    let agent = lab.world.token(AGENT);
    let answer = exchange(&lab, &narrow, &agent, &[]).await;
    assert_eq!(answer.json()["scope"], "billing.read");
    for (scope, expect) in [("billing.write", "scope_exceeded"), ("openid", "scope_exceeded")] {
        let answer = exchange(&lab, &narrow, &agent, &[("scope", scope)]).await;
        assert_eq!(error(&answer), (400, "invalid_scope".into(), expect.into()));
    }
    for name in ["resource", "audience"] {
        let other = exchange(&lab, &narrow, &agent, &[(name, "https://other.example")]).await;
        assert_eq!(error(&other), (400, "invalid_target".into(), "resource_not_ours".into()));
        for ours in ["http://gateway.test", "http://gateway.test/"] {
            let answer = exchange(&lab, &narrow, &agent, &[(name, ours)]).await;
            assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        }
    }
    let client = exchange(&lab, &narrow, &agent, &[("client_id", "webapp")]).await;
    assert_eq!(error(&client), (400, "invalid_request".into(), "client_mismatch".into()));
    let client = exchange(&lab, &narrow, &agent, &[("client_id", "dunning-agent")]).await;
    assert_eq!(client.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn id_tokens_prove_users_only_where_that_is_allowed() {
    let lab = Lab::new().await;
    let agent = lab.world.token(AGENT);
    let kind = ("subject_token_type", "urn:ietf:params:oauth:token-type:id_token");
    // What the demo's access token has and an ID token has not.
    let id = |typ: &str, changes: Value| {
        let mut bare = json!({"scope": null, "client_id": null, "jti": null, "aud": "webapp"});
        for (name, value) in changes.as_object().unwrap() {
            bare[name] = value.clone();
        }
        signed(&lab, typ, USER, &bare)
    };
    let rows = [
        ("good", id("JWT", json!({"nonce": "n"})), "issued"),
        ("azp", id("JWT", json!({"azp": "webapp"})), "issued"),
        ("two audiences", id("JWT", json!({"aud": ["webapp", "x"], "azp": "webapp"})), "issued"),
        ("two audiences, no azp", id("JWT", json!({"aud": ["webapp", "x"]})), "audience_mismatch"),
        ("another azp", id("JWT", json!({"azp": "x"})), "audience_mismatch"),
        ("for another client", id("JWT", json!({"aud": "x"})), "audience_mismatch"),
        ("for the gateway", id("JWT", json!({"aud": "http://gateway.test"})), "audience_mismatch"),
        ("an access token", id("at+jwt", json!({})), "token_type_not_accepted"),
        ("with scopes", id("JWT", json!({"scope": "x"})), "token_type_not_accepted"),
        ("a logout token", id("JWT", json!({"events": {}})), "token_type_not_accepted"),
        ("without a time", id("JWT", json!({"iat": null})), "token_type_not_accepted"),
        ("ended", id("JWT", json!({"exp": 1_700_000_000})), "token_expired"),
    ];
    for (name, token, expect) in rows {
        let answer = exchange(&lab, &token, &agent, &[kind]).await;
        let found = match answer.status {
            StatusCode::OK => "issued".to_owned(),
            _ => error(&answer).2,
        };
        assert_eq!(found, expect, "{name}");
    }
    // Its scopes are what the configuration says.
    let answer = exchange(&lab, &id("JWT", json!({})), &agent, &[kind]).await;
    assert_eq!(answer.json()["scope"], "billing.read");
    // It is no actor's, whatever it is called.
    let actor = [("actor_token_type", kind.1)];
    let answer = exchange(&lab, &lab.world.token(USER), &id("JWT", json!({})), &actor).await;
    assert_eq!(error(&answer).2, "token_type_not_offered");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_of_somebody_proved_is_written_and_no_other() {
    let lab = Lab::new().await;
    let (user, agent) = (lab.world.token(USER), lab.world.token(AGENT));
    let forged = format!("{}x", lab.world.token(AGENT));
    for (subject, actor) in [(&user, &forged), (&user, &"no token".to_owned())] {
        assert_eq!(exchange(&lab, subject, actor, &[]).await.status, StatusCode::BAD_REQUEST);
    }
    assert_eq!(asked(&lab), []);
    exchange(&lab, "no token", &agent, &[]).await;
    exchange(&lab, &user, &agent, &[("scope", "everything")]).await;
    let written: Vec<_> = asked(&lab)
        .into_iter()
        .map(|it| match it.answer {
            TokenAnswer::Refused { reason } => (it.subject.is_some(), reason),
            TokenAnswer::Issued { .. } => panic!("a token"),
        })
        .collect();
    assert_eq!(written, [(false, "token_malformed".into()), (true, "scope_exceeded".into())]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_actor_asks_so_often_and_no_more() {
    let lab = Lab::new().await;
    let agent = lab.world.token(AGENT);
    let mut last = None;
    // What is asked for meanwhile becomes free again, slower than anybody asks.
    for _ in 0..5000 {
        let answer = exchange(&lab, "no token", &agent, &[]).await;
        if answer.status == StatusCode::TOO_MANY_REQUESTS {
            last = Some(answer);
            break;
        }
    }
    let last = last.expect("a limit");
    assert_eq!(error(&last).2, "too_many_requests");
    assert!(last.headers.contains_key("retry-after"));
    let before = asked(&lab).len();
    assert!(exchange(&lab, "no token", &agent, &[]).await.status.is_client_error());
    assert!(asked(&lab).len() <= before + 1, "what is too often is not written each time");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_have_no_secrets_here() {
    let lab = Lab::new().await;
    let user = lab.world.token(USER);
    let refused = (401, "invalid_client".to_owned(), "client_secret_not_taken".to_owned());
    let answer = exchange(&lab, &user, &user, &[("client_secret", "x")]).await;
    assert_eq!(error(&answer), refused);
    let request = Request::builder()
        .method(Method::POST)
        .uri(format!("http://{}/oauth/token", lab.address))
        .header("content-type", "application/x-www-form-urlencoded")
        .header("authorization", "Basic eDp5")
        .body("grant_type=client_credentials".into())
        .unwrap();
    assert_eq!(error(&lab.send(request).await), refused);
    let fields = [("grant_type", "client_credentials"), ("subject_token_type", ACCESS_TOKEN)];
    assert_eq!(error(&post(&lab, &fields).await).1, "unsupported_grant_type");
}
