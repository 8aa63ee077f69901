//! Attacks on signing in at the console, with the demo's provider behind it: codes of another sign-in,
//! answers that come twice or in another way, and requests that say where this gateway is.

use crate::world::{AMIR, Browser, ORIGIN, SAM, World, form};
use http::{Request, StatusCode};
use std::collections::BTreeMap;

fn query(url: &str) -> BTreeMap<String, String> {
    url::Url::parse(url).unwrap().query_pairs().into_owned().collect()
}

/// A sign-in that this browser began, and where the provider sends it when somebody was chosen.
async fn begun(browser: &mut Browser<'_>, subject: &str) -> String {
    let begun = browser.get("/console/sign-in/0").await;
    browser.choose(&begun.location(), subject).await
}

async fn is_signed_in(browser: &mut Browser<'_>) -> bool {
    browser.get("/console").await.status == StatusCode::OK
}

#[tokio::test]
async fn a_code_of_another_sign_in_signs_nobody_in() {
    let world = World::new().await;
    let (mut attacker, mut victim) = (world.browser(), world.browser());
    let stolen = query(&begun(&mut attacker, SAM).await)["code"].clone();
    // The code is good, and so is the state that it comes with: PKCE binds it to the other sign-in.
    let own = query(&begun(&mut victim, AMIR).await);
    let back = form(&[("code", &stolen), ("state", &own["state"]), ("iss", &own["iss"])]);
    let answer = victim.get(&format!("/console/sign-in/callback?{back}")).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN, "{}", answer.text());
    assert!(answer.text().contains("code_not_exchanged"), "{}", answer.text());
    assert!(!is_signed_in(&mut victim).await);
}

#[tokio::test]
async fn an_answer_is_good_once_and_only_as_an_address() {
    let world = World::new().await;
    let mut browser = world.browser();
    let back = begun(&mut browser, AMIR).await;
    let back = back.strip_prefix(ORIGIN).unwrap().to_owned();
    let (path, fields) = back.split_once('?').unwrap();
    // As a form, as `response_mode=form_post` would send it: from the provider's page, or another.
    for headers in [&[][..], &[("origin", "null")], &[("origin", "https://evil.example")]] {
        let mut post = Request::post(path);
        post = post.header("content-type", "application/x-www-form-urlencoded");
        for (name, value) in headers {
            post = post.header(*name, *value);
        }
        let answer = browser.send(post, fields.to_owned()).await;
        assert!(answer.status.is_client_error(), "{}", answer.status);
        assert!(!is_signed_in(&mut browser).await);
    }
    // As a fragment it does not arrive; what is left has no state, and ends the sign-in.
    let mut other = world.browser();
    begun(&mut other, AMIR).await;
    let bare = other.get(path).await;
    assert!(bare.text().contains("state_mismatch"), "{}", bare.text());

    assert_eq!(browser.get(&back).await.status, StatusCode::SEE_OTHER);
    assert!(is_signed_in(&mut browser).await);
    let again = browser.get(&back).await;
    assert_eq!(again.status, StatusCode::BAD_REQUEST);
    assert!(again.text().contains("sign_in_unknown"), "{}", again.text());
    // Nor with the cookie of the sign-in kept: the provider gives a code once.
    let mut keeper = world.browser();
    let back = begun(&mut keeper, AMIR).await;
    let back = back.strip_prefix(ORIGIN).unwrap().to_owned();
    let kept = keeper.cookies.clone();
    assert_eq!(keeper.get(&back).await.status, StatusCode::SEE_OTHER);
    keeper.cookies = kept;
    let again = keeper.get(&back).await;
    assert!(again.text().contains("code_not_exchanged"), "{}", again.text());
}

#[tokio::test]
async fn the_way_back_is_the_configurations_whatever_a_request_says() {
    let world = World::new().await;
    for name in ["host", "x-forwarded-host", "forwarded", "x-original-url"] {
        let value = if name == "forwarded" { "host=evil.example" } else { "evil.example" };
        let request = Request::get("/console/sign-in/0?redirect_uri=https://evil.example/back");
        let answer = world.browser().send(request.header(name, value), String::new()).await;
        let asked = query(&answer.location());
        assert_eq!(asked["redirect_uri"], format!("{ORIGIN}/console/sign-in/callback"), "{name}");
    }
    // No place beside it takes an answer.
    for path in ["callback/", "callback/x", "callback%2Fx", "callback;x", "Callback"] {
        let mut browser = world.browser();
        let back = begun(&mut browser, AMIR).await;
        let fields = back.split_once('?').unwrap().1;
        browser.get(&format!("/console/sign-in/{path}?{fields}")).await;
        assert!(!is_signed_in(&mut browser).await, "{path}");
    }
}
