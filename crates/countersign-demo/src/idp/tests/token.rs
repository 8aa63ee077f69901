//! What a code, a refresh token and a secret are worth, and when they are worth nothing.

use super::{
    AUDIENCE, CALLBACK, CONSOLE_CALLBACK, ISSUER, VERIFIER, World, asking, challenge_of, parameter,
    redeeming, with,
};
use crate::testing::{Answer, START_MILLIS};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

fn error_of(answer: &Answer) -> String {
    assert!(answer.status.is_client_error(), "{answer:?}");
    assert_eq!(answer.header("cache-control"), "no-store");
    answer.json()["error"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_code_becomes_tokens_that_say_what_they_should() {
    let world = World::new();
    let tokens = world.tokens("openid email billing.read nonsense").await;
    assert_eq!(tokens["token_type"], "Bearer");
    assert_eq!(tokens["expires_in"], 900);
    assert_eq!(tokens["scope"], "openid email billing.read");
    assert_eq!(tokens.get("refresh_token"), None, "offline_access was not asked for");

    let now = START_MILLIS / 1_000;
    let access = tokens["access_token"].as_str().unwrap();
    let mut claims = world.claims(access, "at+jwt", AUDIENCE).await;
    let id = claims.as_object_mut().unwrap().remove("jti").unwrap();
    assert_eq!(id.as_str().unwrap().len(), 22);
    assert_eq!(
        claims,
        json!({
            "iss": ISSUER, "sub": "riley@acme.example", "aud": AUDIENCE, "client_id": "cli",
            "iat": now, "exp": now + 900, "auth_time": now, "scope": "openid email billing.read",
            "name": "Riley Tan", "email": "riley@acme.example", "groups": ["developers"],
        })
    );
    let id_token = tokens["id_token"].as_str().unwrap();
    assert_eq!(
        world.claims(id_token, "JWT", "cli").await,
        json!({
            "iss": ISSUER, "sub": "riley@acme.example", "aud": "cli", "iat": now,
            "exp": now + 900, "auth_time": now, "nonce": "n-1", "name": "Riley Tan",
            "email": "riley@acme.example", "email_verified": true, "groups": ["developers"],
        })
    );
}

#[tokio::test]
async fn scopes_of_the_api_come_by_themselves_unless_some_are_named() {
    let world = World::new();
    for (asked, expect) in [
        ("openid", "openid billing.read billing.write"),
        ("", "billing.read billing.write"),
        ("billing.write billing.write", "billing.write"),
        ("openid nonsense", "openid"),
    ] {
        assert_eq!(world.tokens(asked).await["scope"], expect, "{asked}");
    }
}

#[tokio::test]
async fn a_code_that_does_not_fit_is_refused_and_used_up() {
    let world = World::new();
    let long = "v".repeat(129);
    let wrong = "another-verifier-of-at-least-forty-three-chars";
    let challenge = challenge_of(VERIFIER);
    let rows = [
        ("code_verifier", wrong, "invalid_grant"),
        ("code_verifier", "short", "invalid_grant"),
        ("code_verifier", &long, "invalid_grant"),
        ("code_verifier", &challenge, "invalid_grant"),
        ("redirect_uri", "", "invalid_grant"),
        ("redirect_uri", "http://127.0.0.1:50124/callback", "invalid_grant"),
    ];
    for (name, value, expect) in rows {
        let code = world.code("openid").await;
        let good = redeeming(&code);
        let answer = world.post("/token", &with(&good, name, value)).await;
        assert_eq!(error_of(&answer), expect, "{name}={value}");
        assert_eq!(error_of(&world.post("/token", &good).await), "invalid_grant", "used up");
    }
    // What is missing altogether is a fault of the request, and uses nothing up.
    let code = world.code("openid").await;
    let good = redeeming(&code);
    for name in ["code_verifier", "code", "grant_type"] {
        let answer = world.post("/token", &with(&good, name, "")).await;
        assert_eq!(error_of(&answer), "invalid_request", "{name}");
    }
    let elsewhere = with(&good, "resource", "https://elsewhere.example");
    assert_eq!(error_of(&world.post("/token", &elsewhere).await), "invalid_target");
    let twice = [good.clone(), vec![("code", "again")]].concat();
    assert_eq!(error_of(&world.post("/token", &twice).await), "invalid_request");
    assert_eq!(world.post("/token", &good).await.status, 200);
}

#[tokio::test]
async fn a_code_works_once_and_its_second_use_ends_what_came_of_it() {
    let world = World::new();
    let code = world.code("openid offline_access").await;
    let tokens = world.post("/token", &redeeming(&code)).await.json();
    let again = world.post("/token", &redeeming(&code)).await;
    assert_eq!(error_of(&again), "invalid_grant");
    let refresh = tokens["refresh_token"].as_str().unwrap();
    let answer = world.post("/token", &refreshing(refresh)).await;
    assert_eq!(error_of(&answer), "invalid_grant", "the first use is ended too");
}

#[tokio::test]
async fn a_code_lives_sixty_seconds() {
    for (seconds, expect) in [(59, 200), (60, 400)] {
        let world = World::new();
        let code = world.code("openid").await;
        world.hand.move_seconds(seconds);
        assert_eq!(world.post("/token", &redeeming(&code)).await.status, expect, "{seconds} s");
    }
}

#[tokio::test]
async fn a_code_of_one_client_is_nothing_to_another() {
    let world = World::new();
    let code = world.code("openid").await;
    let other = [
        ("grant_type", "authorization_code"),
        ("client_id", "console"),
        ("client_secret", "console secret & co"),
        ("code", &code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ];
    assert_eq!(error_of(&world.post("/token", &other).await), "invalid_grant");
    assert_eq!(world.post("/token", &redeeming(&code)).await.status, 200);
}

#[tokio::test]
async fn the_console_authenticates_in_either_way_but_not_in_both() {
    let world = World::new();
    // Form-encoded inside Basic, as RFC 6749 §2.3.1 says.
    let basic = |pair: &str| format!("Basic {}", STANDARD.encode(pair));
    let right = basic("console:console+secret+%26%20co");
    let wrong = basic("console:guess");
    let both = ("client_secret", "console secret & co");
    type Fields<'a> = Vec<(&'a str, &'a str)>;
    let rows: [(Option<&str>, Fields<'_>, Value); 7] = [
        (Some(&right), vec![], Value::Null),
        (None, vec![("client_id", "console"), both], Value::Null),
        (Some(&right), vec![("client_id", "console"), both], json!("invalid_request")),
        (Some(&right), vec![("client_id", "cli")], json!("invalid_request")),
        (Some(&wrong), vec![], json!("invalid_client")),
        (None, vec![("client_id", "console")], json!("invalid_client")),
        (None, vec![], json!("invalid_client")),
    ];
    for (authorization, mut fields, expect) in rows {
        let challenge = challenge_of(VERIFIER);
        let mut asked = with(&asking(&challenge), "client_id", "console");
        asked = with(&asked, "redirect_uri", CONSOLE_CALLBACK);
        asked.push(("chosen", "sam@acme.example"));
        let back = world.post("/authorize", &asked).await;
        let code = parameter(back.header("location"), "code").unwrap();
        fields.extend(with(
            &with(&redeeming(&code), "client_id", ""),
            "redirect_uri",
            CONSOLE_CALLBACK,
        ));
        let headers: Vec<_> = authorization.map(|it| ("authorization", it)).into_iter().collect();
        let answer = world.post_with("/token", &headers, &fields).await;
        if expect == "invalid_client" {
            assert_eq!(answer.status, 401);
            assert!(answer.header("www-authenticate").starts_with("Basic"));
        }
        let got = answer.json().get("error").cloned().unwrap_or_default();
        assert_eq!(got, expect, "{authorization:?} {fields:?}");
    }
}

fn refreshing(token: &str) -> Vec<(&str, &str)> {
    vec![("grant_type", "refresh_token"), ("client_id", "cli"), ("refresh_token", token)]
}

#[tokio::test]
async fn refresh_tokens_rotate_and_a_stolen_one_ends_the_family() {
    let world = World::new();
    let first = world.tokens("openid offline_access billing.read billing.write").await;
    let first = first["refresh_token"].as_str().unwrap();

    let narrow = with(&refreshing(first), "scope", "billing.read");
    let second = world.post("/token", &narrow).await.json();
    assert_eq!(second["scope"], "billing.read");
    assert_eq!(second.get("id_token"), None);
    let second = second["refresh_token"].as_str().unwrap().to_owned();
    assert_ne!(first, second);

    let wider = with(&refreshing(&second), "scope", "billing.read admin");
    assert_eq!(error_of(&world.post("/token", &wider).await), "invalid_scope");

    let third = world.post("/token", &refreshing(&second)).await.json();
    assert_eq!(third["scope"], "openid offline_access billing.read billing.write");
    let claims = world.claims(third["id_token"].as_str().unwrap(), "JWT", "cli").await;
    assert_eq!(claims.get("nonce"), None);
    let third = third["refresh_token"].as_str().unwrap();

    assert_eq!(error_of(&world.post("/token", &refreshing(first)).await), "invalid_grant");
    assert_eq!(error_of(&world.post("/token", &refreshing(third)).await), "invalid_grant");
}

#[tokio::test]
async fn a_refresh_token_ends_by_itself() {
    let world = World::new();
    let tokens = world.tokens("offline_access").await;
    world.hand.move_seconds(crate::idp::REFRESH_SECONDS);
    let refresh = tokens["refresh_token"].as_str().unwrap();
    assert_eq!(error_of(&world.post("/token", &refreshing(refresh)).await), "invalid_grant");
}

#[tokio::test]
async fn an_agent_gets_a_token_for_itself_by_its_secret() {
    let world = World::new();
    let good = [
        ("grant_type", "client_credentials"),
        ("client_id", "dunning-agent"),
        ("client_secret", "agent-secret"),
    ];
    let tokens = world.post("/token", &good).await.json();
    assert_eq!(tokens["scope"], "billing.read billing.write");
    assert_eq!(tokens.get("refresh_token"), None);
    assert_eq!(tokens.get("id_token"), None);
    let claims = world.claims(tokens["access_token"].as_str().unwrap(), "at+jwt", AUDIENCE).await;
    assert_eq!(claims["sub"], "agent:dunning");
    assert_eq!(claims["client_id"], "dunning-agent");
    assert_eq!(claims["groups"], json!([]));
    assert_eq!(claims.get("email"), None);

    let narrow = world.post("/token", &with(&good, "scope", "openid billing.read")).await.json();
    assert_eq!(narrow["scope"], "billing.read");
    let rows = [
        ("scope", "admin", "invalid_scope"),
        ("client_secret", "guess", "invalid_client"),
        ("client_secret", "", "invalid_client"),
        ("client_id", "cli", "invalid_client"),
        ("grant_type", "authorization_code", "unauthorized_client"),
        ("grant_type", "password", "unsupported_grant_type"),
    ];
    for (name, value, expect) in rows {
        let answer = world.post("/token", &with(&good, name, value)).await;
        assert_eq!(error_of(&answer), expect, "{name}={value}");
    }
    let cli = [("grant_type", "client_credentials"), ("client_id", "cli")];
    assert_eq!(error_of(&world.post("/token", &cli).await), "unauthorized_client");
}
