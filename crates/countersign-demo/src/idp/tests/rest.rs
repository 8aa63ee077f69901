//! Discovery, keys, userinfo, sign-out, the shortcut, minted tokens, and the guard over all.

use super::{AUDIENCE, CONSOLE_GOODBYE, ISSUER, World, config};
use crate::{
    idp::{Idp, IdpConfig, MintError, SigningSeed},
    testing::{request, send},
};
use axum::Router;
use countersign_model::Span;
use serde_json::{Value, json};

#[tokio::test]
async fn discovery_names_routes_that_are_there() {
    let world = World::new();
    let answer = world.get("/.well-known/openid-configuration").await;
    let document = answer.json();
    assert_eq!(document["issuer"], ISSUER);
    assert_eq!(document["code_challenge_methods_supported"], json!(["S256"]));
    assert_eq!(document["authorization_response_iss_parameter_supported"], true);
    let mut endpoints = 0;
    for (name, value) in document.as_object().unwrap() {
        if name.ends_with("_endpoint") || name == "jwks_uri" {
            let path = value.as_str().unwrap().strip_prefix(ISSUER).unwrap();
            assert_ne!(world.get(path).await.status, 404, "{name}");
            endpoints += 1;
        }
    }
    assert_eq!(endpoints, 6);
}

#[tokio::test]
async fn the_same_seed_keeps_the_key_and_another_makes_another() {
    let keys = |seed: u8| async move {
        let seed = SigningSeed::new([seed; 32]);
        let idp = Idp::new(IdpConfig { signing_seed: seed, ..config() }).unwrap();
        send(&idp.router(), request("GET", "/jwks", &[], "")).await.json()
    };
    let first = keys(7).await;
    assert_eq!(first, keys(7).await);
    assert_ne!(first["keys"][0]["kid"], keys(8).await["keys"][0]["kid"]);
    assert_eq!(first["keys"][0].get("d"), None);
}

#[tokio::test]
async fn userinfo_takes_live_access_tokens_with_openid_only() {
    let world = World::new();
    let ask = |authorization: String| {
        let headers = [("authorization", authorization.as_str())];
        let asked = request("GET", "/demo/idp/userinfo", &headers, "");
        let router = world.router.clone();
        async move { send(&router, asked).await }
    };
    let tokens = world.tokens("openid").await;
    let access = tokens["access_token"].as_str().unwrap();
    let answer = ask(format!("Bearer {access}")).await;
    assert_eq!(
        answer.json(),
        json!({
            "sub": "riley@acme.example", "name": "Riley Tan", "email": "riley@acme.example",
            "email_verified": true, "groups": ["developers"],
        })
    );
    let plain = world.tokens("billing.read").await;
    let forged =
        Idp::new(IdpConfig { signing_seed: SigningSeed::new([8; 32]), ..config() }).unwrap();
    let forged = forged.mint("riley@acme.example", AUDIENCE, Span::from_seconds(60)).unwrap();
    let old = world.idp.mint("riley@acme.example", AUDIENCE, Span::from_seconds(-1)).unwrap();
    let rows = [
        (plain["access_token"].as_str().unwrap(), 403),
        (tokens["id_token"].as_str().unwrap(), 401),
        (&forged, 401),
        (&old, 401),
        ("e30.e30.e30", 401),
        ("", 401),
    ];
    for (token, expect) in rows {
        let answer = ask(format!("Bearer {token}")).await;
        assert_eq!(answer.status, expect, "{token}");
        assert!(answer.header("www-authenticate").starts_with("Bearer error="));
    }
    assert_eq!(ask(format!("Basic {access}")).await.header("www-authenticate"), "Bearer");
}

#[tokio::test]
async fn sign_out_leads_to_registered_addresses_only() {
    let world = World::new();
    let to = |uri: &str| super::query(&[("post_logout_redirect_uri", uri), ("state", "s&1")]);
    let answer = world.get(&format!("/end_session{}", to(CONSOLE_GOODBYE))).await;
    assert_eq!(answer.header("location"), format!("{CONSOLE_GOODBYE}?state=s%261"));
    let fields = [("post_logout_redirect_uri", CONSOLE_GOODBYE), ("client_id", "console")];
    assert_eq!(world.post("/end_session", &fields).await.header("location"), CONSOLE_GOODBYE);
    let other = [("post_logout_redirect_uri", CONSOLE_GOODBYE), ("client_id", "cli")];
    assert_eq!(world.post("/end_session", &other).await.status, 400);
    let answer = world.get(&format!("/end_session{}", to("https://evil.example"))).await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (400, ""));
    assert!(world.get("/end_session").await.text().contains("You are signed out"));
}

#[tokio::test]
async fn the_shortcut_gives_a_token_and_nothing_else() {
    let world = World::new();
    for (name, subject) in [
        ("dunning-agent", "agent:dunning"),
        ("agent:dunning", "agent:dunning"),
        ("riley", "riley@acme.example"),
        ("ada@acme.example", "ada@acme.example"),
    ] {
        let answer = world.get(&format!("/token-for/{name}")).await;
        assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
        assert_eq!(answer.header("cache-control"), "no-store");
        let claims = world.claims(answer.text(), "at+jwt", AUDIENCE).await;
        assert_eq!(claims["sub"], subject);
        let lifetime = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
        assert_eq!(lifetime, 900);
        assert!(claims["scope"].as_str().unwrap().starts_with("billing.read billing.write"));
    }
    let nobody = world.get("/token-for/mallory").await;
    assert_eq!(nobody.status, 404);
    assert!(nobody.text().contains("riley, olivia, amir, ada, sam, dunning-agent"));
    let foreign = [("sec-fetch-site", "cross-site")];
    let asked = request("GET", "/demo/idp/token-for/riley", &foreign, "");
    assert_eq!(send(&world.router, asked).await.status, 403);
}

#[tokio::test]
async fn every_route_answers_loopback_hosts_only() {
    let world = World::new();
    for (host, expect) in [
        ("127.0.0.1:7070", 200),
        ("localhost:7070", 200),
        ("[::1]:7070", 200),
        ("acme.example", 403),
        ("127.0.0.1.acme.example:7070", 403),
        ("169.254.169.254", 403),
        ("x@127.0.0.1", 403),
        ("", 403),
    ] {
        for path in ["/token-for/riley", "/jwks", "/device"] {
            let path = format!("/demo/idp{path}");
            let answer = send(&world.router, request("GET", &path, &[("host", host)], "")).await;
            assert_eq!(answer.status, expect, "{host} {path}");
        }
    }
    let twice = [("host", "127.0.0.1"), ("host", "acme.example")];
    let answer = send(&world.router, request("GET", "/demo/idp/jwks", &twice, "")).await;
    assert_eq!(answer.status, 403);
}

#[tokio::test]
async fn every_answer_carries_the_headers_of_a_sign_in() {
    let world = World::new();
    for path in ["/device", "/nothing", "/authorize", "/token-for/riley", "/end_session"] {
        let answer = world.get(path).await;
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert!(answer.header("content-security-policy").contains("frame-ancestors 'none'"));
    }
    assert_eq!(world.get("/nothing").await.status, 404);
}

#[tokio::test]
async fn minted_tokens_are_for_whom_and_what_the_test_says() {
    let world = World::new();
    let token = world.idp.mint("agent:dunning", "other", Span::from_seconds(5)).unwrap();
    let claims = world.claims(&token, "at+jwt", "other").await;
    assert_eq!(
        (&claims["client_id"], &claims["sub"]),
        (&json!("dunning-agent"), &json!("agent:dunning"))
    );
    assert_eq!(
        world.idp.mint("mallory", AUDIENCE, Span::from_seconds(5)),
        Err(MintError::UnknownSubject("mallory".into()))
    );
    let odd = json!({ "iss": ISSUER, "aud": "odd", "exp": 1, "anything": [1] });
    let token = world.idp.sign("odd+jwt", &odd).unwrap();
    assert_eq!(world.claims(&token, "odd+jwt", "odd").await, odd);
}

#[tokio::test]
async fn it_works_without_a_prefix_too() {
    let issuer = "http://127.0.0.1:7071".to_owned();
    let router: Router = Idp::new(IdpConfig { issuer, ..config() }).unwrap().router();
    let page = send(&router, request("GET", "/device", &[], "")).await;
    assert!(page.text().contains("action=\"/device\""), "{}", page.text());
    let document: Value =
        send(&router, request("GET", "/.well-known/openid-configuration", &[], "")).await.json();
    assert_eq!(document["jwks_uri"], "http://127.0.0.1:7071/jwks");
}
