//! Sessions that rest on the identity provider: renewed while it agrees, ended when it says so.

use crate::world::{AMIR, ORIGIN, SAM, World};
use countersign_model::{Span, Timestamp, approval::Standing, record::Event};
use http::{Request, StatusCode};
use serde_json::{Value, json};
use std::sync::atomic::Ordering;

const LOGOUT: &str = "http://schemas.openid.net/event/backchannel-logout";
const REVOKED: &str = "https://schemas.openid.net/secevent/caep/event-type/session-revoked";
const DISABLED: &str = "https://schemas.openid.net/secevent/risc/event-type/account-disabled";
const VERIFICATION: &str = "https://schemas.openid.net/secevent/ssf/event-type/verification";

async fn renewing() -> World {
    World::signing_in(json!({
        "scopes": ["openid", "profile", "email", "groups", "offline_access"],
        "refresh_every": "10m", "identity_max_age": "1h",
    }))
    .await
}

fn asked(world: &World) -> usize {
    world.answers.tokens_asked.load(Ordering::SeqCst)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_is_renewed_by_one_request_and_its_tokens_are_sealed() {
    let world = renewing().await;
    let mut browser = world.signed_in(SAM).await;
    assert_eq!(asked(&world), 1);
    world.pass(Span::from_seconds(9 * 60));
    assert_eq!(browser.get("/console").await.status, StatusCode::OK);
    assert_eq!(asked(&world), 1, "it is not due yet");
    // The provider ends the session if a refresh token is used twice: so one request uses it.
    for round in 1..=3 {
        world.pass(Span::from_seconds(11 * 60));
        let requests = (0..8).map(|_| {
            let mut other = world.browser();
            other.cookies.clone_from(&browser.cookies);
            async move { other.get("/console").await.status }
        });
        for status in futures_join(requests).await {
            assert_eq!(status, StatusCode::OK, "round {round}");
        }
        assert_eq!(asked(&world), 1 + round);
    }
    assert_eq!(browser.get("/console").await.status, StatusCode::OK);
    let cookie = countersign_model::Digest::of(browser.cookies[0].1.as_bytes()).to_string();
    let store = world.governance.store();
    let row = store.web_session(&cookie, world.now()).await.unwrap().unwrap();
    let document: Value = serde_json::from_str(&row.document).unwrap();
    assert!(document["sealed"].is_string());
    // Neither an ID token nor anything else of a JWT stands there in clear.
    assert!(!row.document.contains("eyJ"), "{}", row.document);
}

async fn futures_join<T>(all: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut all: Vec<_> = all.map(|it| Box::pin(it)).collect();
    let mut done: Vec<Option<T>> = all.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (future, slot) in all.iter_mut().zip(&mut done) {
            if slot.is_none()
                && let std::task::Poll::Ready(value) = future.as_mut().poll(context)
            {
                *slot = Some(value);
            }
        }
        if done.iter().all(Option::is_some) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    done.into_iter().flatten().collect()
}

#[tokio::test]
async fn what_the_provider_ends_is_over_and_what_it_cant_say_goes_on_for_a_while() {
    let world = renewing().await;
    let mut browser = world.signed_in(SAM).await;
    world.answers.how.store(1, Ordering::SeqCst);
    for _ in 0..5 {
        world.pass(Span::from_seconds(11 * 60));
        assert_eq!(browser.get("/console").await.status, StatusCode::OK, "it is only away");
    }
    world.pass(Span::from_seconds(11 * 60));
    let late = browser.get("/console").await;
    assert_eq!(late.status, StatusCode::SEE_OTHER, "an hour is the bound");

    world.answers.how.store(0, Ordering::SeqCst);
    let mut browser = world.signed_in(SAM).await;
    world.answers.how.store(2, Ordering::SeqCst);
    assert_eq!(browser.get("/console").await.status, StatusCode::OK, "it is not due yet");
    world.pass(Span::from_seconds(11 * 60));
    assert_eq!(browser.get("/console").await.status, StatusCode::SEE_OTHER);
    world.answers.how.store(0, Ordering::SeqCst);
    assert_eq!(browser.get("/console").await.status, StatusCode::SEE_OTHER, "and stays over");
}

#[tokio::test]
async fn without_a_refresh_token_a_session_ends_at_the_bound() {
    let world = World::signing_in(json!({"identity_max_age": "1h"})).await;
    let mut browser = world.signed_in(SAM).await;
    for _ in 0..2 {
        world.pass(Span::from_seconds(29 * 60));
        assert_eq!(browser.get("/console").await.status, StatusCode::OK);
    }
    world.pass(Span::from_seconds(3 * 60));
    assert_eq!(browser.get("/console").await.status, StatusCode::SEE_OTHER);
    assert_eq!(asked(&world), 1);
}

/// A logout token of the provider, with these claims beside or instead of the usual ones.
fn logout_token(world: &World, typ: &str, claims: &Value) -> String {
    let now = world.now().seconds();
    let mut all = json!({
        "iss": world.issuer_url, "aud": "console", "iat": now, "exp": now + 120, "jti": "l1",
        "sub": AMIR, "events": {LOGOUT: {}},
    });
    all.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
    world.idp.sign(typ, &all).unwrap()
}

async fn push_logout(world: &World, issuer: &str, body: String) -> crate::world::Answer {
    let request = Request::post(format!("/sign-out/back-channel/{issuer}"))
        .header("content-type", "application/x-www-form-urlencoded");
    world.send(request.body(body.into()).unwrap()).await
}

#[tokio::test]
async fn a_logout_at_the_provider_ends_sessions_here_at_once() {
    let world = World::new().await;
    let mut amir = world.signed_in(AMIR).await;
    let mut sam = world.signed_in(SAM).await;
    let bearer = world.token(AMIR);
    let token = logout_token(&world, "logout+jwt", &json!({}));
    // What is not one changes nothing, whoever sends it.
    let refused = [
        (logout_token(&world, "at+jwt", &json!({})), "token_type_not_accepted"),
        (logout_token(&world, "logout+jwt", &json!({"aud": ORIGIN})), "audience_mismatch"),
        (logout_token(&world, "logout+jwt", &json!({"nonce": "n"})), "nonce_not_allowed"),
        (format!("{token}x"), "token_malformed"),
        (bearer.clone(), "token_type_not_accepted"),
    ];
    for (token, code) in refused {
        let answer = push_logout(&world, "demo", format!("logout_token={token}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{code}: {}", answer.text());
        assert_eq!(answer.json()["error"], "invalid_request");
        let text = answer.json()["error_description"].as_str().unwrap().to_owned();
        assert!(text.starts_with(code), "{code}: {text}");
        assert_eq!(answer.headers["cache-control"], "no-store");
    }
    for body in ["", "x=1", &format!("logout_token={token}&logout_token={token}")] {
        assert_eq!(
            push_logout(&world, "demo", body.to_owned()).await.status,
            StatusCode::BAD_REQUEST
        );
    }
    let elsewhere = push_logout(&world, "other", format!("logout_token={token}")).await;
    assert_eq!(elsewhere.status, StatusCode::NOT_FOUND);
    let long = format!("logout_token={}", "x".repeat(70_000));
    assert_eq!(push_logout(&world, "demo", long).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(amir.get("/console").await.status, StatusCode::OK);

    let done = push_logout(&world, "demo", format!("logout_token={token}")).await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.text());
    assert_eq!(done.headers["cache-control"], "no-store");
    assert_eq!(amir.get("/console").await.status, StatusCode::SEE_OTHER);
    assert_eq!(sam.get("/console").await.status, StatusCode::OK);
    assert_eq!(world.bearer(&bearer).await.json()["code"], "session_ended");
    // The same once more is refused; another one, sent again for the same logout, changes nothing.
    let again = push_logout(&world, "demo", format!("logout_token={token}")).await;
    assert_eq!(again.status, StatusCode::BAD_REQUEST);
    assert!(again.text().contains("token_used"));
    let entries = |world: &World| {
        let stops = world.entries().into_iter().filter_map(|it| {
            let Event::StopChanged(stop) = it.event else { return None };
            Some((stop.by.to_string(), stop.what))
        });
        stops.collect::<Vec<_>>()
    };
    let by = "issuer:demo".to_owned();
    let expected = [
        (by.clone(), format!("sessions:issuer:demo:sub:{AMIR}")),
        (by, format!("sessions:subject:{AMIR}")),
    ];
    assert_eq!(entries(&world), expected);
    // A replay after the person came back ends nothing: it speaks of what was before.
    world.pass(Span::from_seconds(5));
    let mut back = world.signed_in(AMIR).await;
    push_logout(&world, "demo", format!("logout_token={token}")).await;
    assert_eq!(back.get("/console").await.status, StatusCode::OK);
    assert_eq!(entries(&world), expected);
}

/// A security event of the transmitter.
fn event(world: &World, typ: &str, claims: &Value) -> String {
    let now = world.now().seconds();
    let mut all = json!({
        "iss": world.issuer_url, "aud": format!("{ORIGIN}/ssf"), "iat": now, "jti": "e1",
        "sub_id": {"format": "iss_sub", "iss": world.issuer_url, "sub": AMIR},
        "events": {REVOKED: {"event_timestamp": now}},
    });
    all.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
    world.idp.sign(typ, &all).unwrap()
}

async fn push(world: &World, kind: &str, body: String) -> crate::world::Answer {
    let request = Request::post("/ssf/events").header("content-type", kind);
    world.send(request.body(body.into()).unwrap()).await
}

const SET: &str = "application/secevent+jwt";

#[tokio::test]
async fn a_revoked_session_that_a_transmitter_tells_of_ends_here_at_once() {
    let world = World::new().await;
    let mut amir = world.signed_in(AMIR).await;
    let bearer = world.token(AMIR);
    let good = event(&world, "secevent+jwt", &json!({}));
    let refused = [
        (event(&world, "logout+jwt", &json!({})), SET, 400, "invalid_request"),
        (event(&world, "secevent+jwt", &json!({"aud": "x"})), SET, 400, "invalid_audience"),
        (event(&world, "secevent+jwt", &json!({"iss": "x"})), SET, 400, "invalid_issuer"),
        (event(&world, "secevent+jwt", &json!({"sub_id": {}})), SET, 400, "invalid_request"),
        (good.clone(), "application/json", 415, "invalid_request"),
        (String::new(), SET, 400, "invalid_request"),
        ("x".repeat(70_000), SET, 400, "invalid_request"),
    ];
    for (body, kind, status, error) in refused {
        let answer = push(&world, kind, body).await;
        assert_eq!(answer.status.as_u16(), status, "{}", answer.text());
        assert_eq!(answer.json()["err"], error, "{}", answer.text());
        assert!(answer.json()["description"].is_string());
        assert_eq!(answer.headers["content-type"], "application/json");
    }
    assert_eq!(world.governance.store().last_heard().await.unwrap(), []);
    let verification = json!({"events": {VERIFICATION: {"state": "s"}}, "jti": "v1"});
    let answer = push(&world, SET, event(&world, "secevent+jwt", &verification)).await;
    assert_eq!((answer.status, answer.body.len()), (StatusCode::ACCEPTED, 0));
    let other = json!({"events": {"https://other": {}}, "jti": "o1"});
    let answer = push(&world, SET, event(&world, "secevent+jwt", &other)).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED);
    assert_eq!(amir.get("/console").await.status, StatusCode::OK);
    // It was heard, which whoever waits for it learns; what was refused before was not it.
    let heard = world.governance.store().last_heard().await.unwrap();
    let [(name, at)]: [(String, Timestamp); 1] = heard.try_into().unwrap();
    assert_eq!(name, "feed");
    assert!(world.now().since(at) < Span::from_seconds(30));

    let answer = push(&world, SET, good.clone()).await;
    assert_eq!((answer.status, answer.body.len()), (StatusCode::ACCEPTED, 0), "{}", answer.text());
    assert_eq!(amir.get("/console").await.status, StatusCode::SEE_OTHER);
    assert_eq!(world.bearer(&bearer).await.json()["code"], "session_ended");
    let again = push(&world, SET, good).await;
    assert_eq!(again.status, StatusCode::BAD_REQUEST);
    assert!(again.text().contains("token_used"));
}

#[tokio::test]
async fn a_disabled_account_is_suspended_once() {
    let world = World::new().await;
    let mut amir = world.signed_in(AMIR).await;
    for jti in ["d1", "d2"] {
        let claims = json!({"events": {DISABLED: {"reason": "hijacking"}}, "jti": jti});
        let answer = push(&world, SET, event(&world, "secevent+jwt", &claims)).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text());
    }
    assert_eq!(amir.get("/console").await.status, StatusCode::SEE_OTHER);
    assert_eq!(world.actor(AMIR).person.standing, Standing::Suspended);
    let suspensions = world.governance.stops().suspensions;
    assert_eq!(suspensions.len(), 1);
    assert_eq!(suspensions[0].by.as_str(), "events:feed");
    let stops = world.entries().into_iter().filter(|it| matches!(it.event, Event::StopChanged(_)));
    assert_eq!(stops.count(), 3, "the suspension and two cut-offs, once");
    // Only an administrator lets them in again.
    world.governance.resume(&world.actor(SAM), &AMIR.into(), "a mistake").await.unwrap();
}
