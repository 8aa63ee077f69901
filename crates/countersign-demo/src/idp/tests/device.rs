//! The device flow, walked from the terminal to the page and back.

use super::World;
use serde_json::Value;

const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

async fn begin(world: &World) -> Value {
    let fields = [("client_id", "cli"), ("scope", "openid offline_access")];
    let answer = world.post("/device_authorization", &fields).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("cache-control"), "no-store");
    answer.json()
}

async fn poll(world: &World, begun: &Value) -> Value {
    let code = begun["device_code"].as_str().unwrap();
    let fields = [("grant_type", GRANT), ("client_id", "cli"), ("device_code", code)];
    world.post("/token", &fields).await.json()
}

#[tokio::test]
async fn a_terminal_is_signed_in_from_the_page() {
    let world = World::new();
    let begun = begin(&world).await;
    let user_code = begun["user_code"].as_str().unwrap();
    assert_eq!((user_code.len(), user_code.find('-')), (9, Some(4)), "{user_code}");
    let page = "http://127.0.0.1:7070/demo/idp/device";
    assert_eq!(begun["verification_uri"], page);
    assert_eq!(begun["verification_uri_complete"], format!("{page}?user_code={user_code}"));
    assert_eq!(poll(&world, &begun).await["error"], "authorization_pending");

    assert!(world.get("/device").await.text().contains("Type the code"));
    let typed = user_code.replace('-', " ").to_lowercase();
    let confirm = world.post("/device", &[("user_code", &typed)]).await;
    assert!(confirm.text().contains(user_code) && confirm.text().contains("Olivia Marsh"));
    let same = world.get(&format!("/device?user_code={user_code}")).await;
    assert_eq!(same.text(), confirm.text());
    world.hand.move_seconds(3);
    assert_eq!(poll(&world, &begun).await["error"], "authorization_pending", "GET decides nothing");

    let choice = [("user_code", user_code), ("chosen", "olivia@acme.example")];
    let done = world.post("/device", &choice).await;
    assert!(done.text().contains("signed in as Olivia Marsh"), "{}", done.text());
    assert_eq!(world.post("/device", &choice).await.status, 404, "a code is answered once");

    let tokens = poll(&world, &begun).await;
    let access = tokens["access_token"].as_str().unwrap();
    let claims = world.claims(access, "at+jwt", super::AUDIENCE).await;
    assert_eq!(claims["sub"], "olivia@acme.example");
    assert!(tokens["refresh_token"].is_string());
    assert_eq!(poll(&world, &begun).await["error"], "invalid_grant", "an approval is used once");
}

#[tokio::test]
async fn no_and_too_late_and_too_often_are_told_apart() {
    let world = World::new();
    let begun = begin(&world).await;
    let user_code = begun["user_code"].as_str().unwrap();
    let no = world.post("/device", &[("user_code", user_code), ("chosen", "")]).await;
    assert!(no.text().contains("Nobody was signed in"));
    assert_eq!(poll(&world, &begun).await["error"], "access_denied");

    let begun = begin(&world).await;
    for (seconds, expect) in [
        (0, "authorization_pending"),
        (1, "slow_down"),
        // The interval is seven seconds now.
        (6, "slow_down"),
        (12, "authorization_pending"),
        (600, "expired_token"),
    ] {
        world.hand.move_seconds(seconds);
        assert_eq!(poll(&world, &begun).await["error"], expect, "after {seconds} s");
    }
    let late = [("user_code", begun["user_code"].as_str().unwrap())];
    assert_eq!(world.post("/device", &late).await.status, 404);
}

#[tokio::test]
async fn wrong_codes_clients_and_sites_get_nowhere() {
    let world = World::new();
    let begun = begin(&world).await;
    let user_code = begun["user_code"].as_str().unwrap();
    for typed in ["", "XXXX-XXXX", "<script>"] {
        let answer = world.post("/device", &[("user_code", typed)]).await;
        assert_eq!(answer.status, 404, "{typed}");
        assert!(answer.text().contains("role=\"alert\"") && !answer.text().contains("<script"));
    }
    let choice = [("user_code", user_code), ("chosen", "sam@acme.example")];
    let foreign = [("origin", "https://evil.example")];
    assert_eq!(world.post_with("/device", &foreign, &choice).await.status, 403);
    assert_eq!(world.post("/device", &[("chosen", "sam@acme.example")]).await.status, 400);

    let console = [("client_id", "console"), ("client_secret", "console secret & co")];
    let answer = world.post("/device_authorization", &console).await;
    assert_eq!(answer.json()["error"], "unauthorized_client");
    let unknown = world.post("/device_authorization", &[("client_id", "nobody")]).await;
    assert_eq!(unknown.status, 401);
    assert_eq!(
        poll(&world, &serde_json::json!({ "device_code": "guess" })).await["error"],
        "invalid_grant"
    );
}

#[tokio::test]
async fn waiting_devices_are_bounded_and_make_room_when_they_end() {
    let world = World::new();
    for _ in 0..crate::idp::DEVICES_MAX {
        begin(&world).await;
    }
    let full = world.post("/device_authorization", &[("client_id", "cli")]).await;
    assert_eq!(
        (full.status.as_u16(), &full.json()["error"]),
        (503, &"temporarily_unavailable".into())
    );
    world.hand.move_seconds(crate::idp::DEVICE_SECONDS);
    begin(&world).await;
}
