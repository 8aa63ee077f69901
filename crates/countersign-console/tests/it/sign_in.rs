//! Signing in and out, sessions and their ends, and requests that other sites send.

use crate::world::{AMIR, ORIGIN, RILEY, SAM, World, form};
use countersign_model::{Span, Whose};
use http::{Request, StatusCode};

#[tokio::test]
async fn a_person_signs_in_and_lands_where_they_wanted_to_go() {
    let world = World::new().await;
    let mut browser = world.browser();
    let sent = browser.get("/console/approvals?x=1").await;
    assert_eq!(sent.location(), "/console/sign-in?return_to=/console/approvals%3Fx%3D1");
    let on = browser.get(&sent.location()).await;
    assert_eq!(on.location(), "/console/sign-in/0?return_to=/console/approvals%3Fx=1");
    let landed = browser.sign_in(AMIR, "/console/approvals%3Fx=1").await;
    assert_eq!(landed.location(), "/console/approvals?x=1");
    let page = browser.get("/console/approvals").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text().contains("Amir Haddad"));
    let person = world.governance.store().person(&AMIR.into()).await.unwrap().unwrap();
    assert_eq!(person.name, "Amir Haddad");
}

#[tokio::test]
async fn nobody_is_sent_to_another_site() {
    let world = World::new().await;
    for wanted in ["//evil.example", "https://evil.example", "/%5Cevil.example", "/t/billing"] {
        let landed = world.browser().sign_in(SAM, wanted).await;
        assert_eq!(landed.location(), "/console", "{wanted}");
    }
}

#[tokio::test]
async fn a_sign_in_belongs_to_the_browser_that_began_it() {
    let world = World::new().await;
    let mut victim = world.browser();
    let mut other = world.browser();
    let begun = other.get("/console/sign-in/0").await;
    let back = other.choose(&begun.location(), AMIR).await;
    let back = back.strip_prefix(ORIGIN).unwrap();
    let answer = victim.get(back).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(answer.text().contains("sign_in_unknown"));
    assert!(victim.cookies.is_empty());
    // With a sign-in of its own the answer is still another's.
    victim.get("/console/sign-in/0").await;
    let answer = victim.get(back).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(answer.text().contains("state_mismatch"));
    assert_eq!(victim.get("/console").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn the_cookie_is_new_at_each_sign_in_and_known_only_by_its_digest() {
    let world = World::new().await;
    let mut browser = world.signed_in(SAM).await;
    let first = browser.cookies.clone();
    assert_eq!(first.len(), 1);
    assert_eq!(first[0].1.len(), 43);
    browser.sign_in(SAM, "/console").await;
    assert_ne!(browser.cookies, first);
    let mut old = world.browser();
    old.cookies = first.clone();
    assert_eq!(old.get("/console").await.status, StatusCode::SEE_OTHER, "the old one has ended");
    let store = std::fs::read(world.directory.path().join("facts.db")).unwrap();
    let wal = std::fs::read(world.directory.path().join("facts.db-wal")).unwrap_or_default();
    for file in [store, wal] {
        assert!(!file.windows(43).any(|it| it == first[0].1.as_bytes()));
    }
}

#[tokio::test]
async fn a_session_ends_when_it_is_idle_and_at_its_end_anyway() {
    let world = World::new().await;
    let mut idle = world.signed_in(SAM).await;
    world.pass(Span::from_seconds(29 * 60));
    assert_eq!(idle.get("/console").await.status, StatusCode::OK);
    world.pass(Span::from_seconds(31 * 60));
    assert_eq!(idle.get("/console").await.status, StatusCode::SEE_OTHER);
    // A page that is left open asks for news, and that is no use.
    let mut open = world.signed_in(SAM).await;
    world.pass(Span::from_seconds(20 * 60));
    let ask =
        || Request::get("/api/v1/approvals?state=pending").header("x-countersign-poll", "yes");
    assert_eq!(open.send(ask(), String::new()).await.status, StatusCode::OK);
    world.pass(Span::from_seconds(20 * 60));
    assert_eq!(open.send(ask(), String::new()).await.status, StatusCode::UNAUTHORIZED);
    let mut busy = world.signed_in(SAM).await;
    for _ in 0..24 {
        assert_eq!(busy.get("/console").await.status, StatusCode::OK);
        world.pass(Span::from_seconds(29 * 60));
    }
    assert_eq!(busy.get("/console").await.status, StatusCode::OK);
    world.pass(Span::from_seconds(25 * 60));
    assert_eq!(busy.get("/console").await.status, StatusCode::SEE_OTHER, "after twelve hours");
}

#[tokio::test]
async fn signing_out_ends_the_session_here_and_leads_to_the_identity_provider() {
    let world = World::new().await;
    let mut browser = world.signed_in(RILEY).await;
    let cookies = browser.cookies.clone();
    let csrf = browser.get("/console").await.csrf();
    let out = browser.post("/console/sign-out", &[("csrf", &csrf)]).await;
    assert_eq!(out.status, StatusCode::OK);
    // A redirect after a form would be stopped by the policy of the pages.
    let text = out.text();
    let (_, after) = text.split_once("http-equiv=\"refresh\" content=\"0;url=").unwrap();
    let url = after.split('"').next().unwrap().replace("&#38;", "&").replace("&amp;", "&");
    let url = url::Url::parse(&url).unwrap();
    let query: std::collections::BTreeMap<_, _> = url.query_pairs().into_owned().collect();
    assert!(url.as_str().starts_with(&format!("{}/end_session?", world.issuer_url)), "{url}");
    assert_eq!(query["id_token_hint"].split('.').count(), 3);
    assert_eq!(query["client_id"], "console");
    assert_eq!(query["post_logout_redirect_uri"], format!("{ORIGIN}/console/sign-in/signed-out"));
    // The way back is only believed with what this browser keeps.
    let names: Vec<_> = browser.cookies.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["countersign-sign-out"], "the session's cookie is gone");
    let mut other = world.browser();
    let back = format!("/console/sign-in/signed-out?state={}", query["state"]);
    for strange in ["/console/sign-in/signed-out", "/console/sign-in/signed-out?state=", &back] {
        assert_eq!(other.get(strange).await.location(), "/console/sign-in?said=out", "{strange}");
    }
    let landed = browser.get(&back).await.location();
    assert_eq!(landed, "/console/sign-in?said=everywhere");
    assert!(browser.get(&landed).await.text().contains("here and at your identity provider"));
    assert!(browser.cookies.is_empty());
    browser.cookies = cookies;
    assert_eq!(browser.get("/console").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_session_that_was_ended_ends_its_browsers_and_tokens_and_no_others() {
    let world = World::new().await;
    let mut amir = world.signed_in(AMIR).await;
    let mut sam = world.signed_in(SAM).await;
    let token = world.token(AMIR);
    assert_eq!(world.bearer(&token).await.status, StatusCode::OK);
    let later = world.now().plus(Span::from_seconds(1));
    let whose = [Whose::IssuerSubject { issuer: "demo".into(), subject: AMIR.into() }];
    world.governance.end_sessions(&SAM.into(), &whose, later, "stolen").await.unwrap();
    assert_eq!(amir.get("/console").await.status, StatusCode::SEE_OTHER);
    assert_eq!(sam.get("/console").await.status, StatusCode::OK);
    let refused = world.bearer(&token).await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    assert_eq!(refused.json()["code"], "session_ended");
    // A sign-in that was on its way meanwhile is from before: it does not begin a session.
    amir.sign_in(AMIR, "/console").await;
    assert_eq!(amir.get("/console").await.status, StatusCode::SEE_OTHER);
    world.pass(Span::from_seconds(2));
    amir.sign_in(AMIR, "/console").await;
    assert_eq!(amir.get("/console").await.status, StatusCode::OK);
    assert_eq!(world.bearer(&world.token(AMIR)).await.status, StatusCode::OK);
}

#[tokio::test]
async fn what_another_site_sends_changes_nothing() {
    let world = World::new().await;
    let mut browser = world.signed_in(SAM).await;
    let csrf = browser.get("/console").await.csrf();
    let good = form(&[("csrf", &csrf)]);
    type Headers<'a> = &'a [(&'a str, &'a str)];
    let table: [(&str, Headers<'_>, &str); 6] = [
        ("no headers", &[], &good),
        (
            "cross-site",
            &[("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")],
            &good,
        ),
        ("same-site", &[("sec-fetch-site", "same-site"), ("origin", ORIGIN)], &good),
        ("other origin", &[("origin", "https://evil.example")], &good),
        ("null origin", &[("origin", "null"), ("sec-fetch-site", "same-origin")], &good),
        ("no token", &[("origin", ORIGIN), ("sec-fetch-site", "same-origin")], ""),
    ];
    for (name, headers, body) in table {
        let mut request = Request::post("/console/sign-out")
            .header("content-type", "application/x-www-form-urlencoded");
        for (key, value) in headers {
            request = request.header(*key, *value);
        }
        let answer = browser.send(request, body.to_owned()).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{name}");
        assert!(answer.text().contains("cross_site"), "{name}");
    }
    assert_eq!(browser.get("/console").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_script_of_the_console_needs_the_token_as_a_header() {
    let world = World::new().await;
    let mut browser = world.signed_in(SAM).await;
    let csrf = browser.get("/console").await.csrf();
    assert_eq!(browser.get("/api/v1/me").await.json()["subject"], SAM);
    let stop = r#"{"scope":"everything","why":"a test"}"#.to_owned();
    let request = |csrf: &str| {
        Request::post("/api/v1/stops")
            .header("content-type", "application/json")
            .header("origin", ORIGIN)
            .header("x-countersign-csrf", csrf)
    };
    let refused = browser.send(request("0"), stop.clone()).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert_eq!(refused.json()["code"], "cross_site");
    let done = browser.send(request(&csrf), stop).await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.text());
}

#[tokio::test]
async fn the_command_line_learns_how_to_sign_in() {
    let world = World::new().await;
    let known = world.api("GET", "/.well-known/countersign", "", "").await.json();
    assert_eq!(known["cli_client_id"], "cli");
    assert_eq!(known["resource"], ORIGIN);
    assert_eq!(known["issuers"][0]["name"], "demo");
    assert_eq!(known["issuers"][0]["cli_client_id"], "cli");
    assert_eq!(known["console"], format!("{ORIGIN}/console"));
}
