//! Who may ask, where an answer may go, and what the page shows.

use super::{
    CALLBACK, CONSOLE_CALLBACK, ISSUER, VERIFIER, World, asking, challenge_of, parameter, query,
    with,
};

#[tokio::test]
async fn the_page_names_everybody_and_escapes_what_came() {
    let world = World::new();
    let challenge = challenge_of(VERIFIER);
    let fields = with(&asking(&challenge), "state", "\"><script>alert(1)</script>");
    let answer = world.get(&format!("/authorize{}", query(&fields))).await;
    assert_eq!(answer.status, 200);
    let page = answer.text();
    for wanted in [
        "Who are you today?",
        "Riley Tan",
        "Olivia Marsh",
        "Amir Haddad",
        "Ada Lindqvist",
        "Sam Okafor",
        "exists only in the demo",
        "Countersign &lt;CLI&gt;",
        "action=\"/demo/idp/authorize\"",
        "href=\"/demo/idp/style.css\"",
    ] {
        assert!(page.contains(wanted), "no {wanted} in {page}");
    }
    assert!(!page.contains("<script") && !page.contains("style="), "{page}");
    let policy = answer.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; style-src 'self'; form-action 'self'"));
    assert!(policy.contains("http://127.0.0.1:50123;"), "browsers check the redirect: {policy}");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(world.get("/style.css").await.header("content-type"), "text/css; charset=utf-8");
}

#[tokio::test]
async fn a_choice_leads_back_with_code_state_and_issuer() {
    let world = World::new();
    let challenge = challenge_of(VERIFIER);
    let fields = with(&asking(&challenge), "chosen", "amir@acme.example");
    let answer = world.post("/authorize", &fields).await;
    let location = answer.header("location");
    assert_eq!(answer.status, 303);
    assert!(location.starts_with("http://127.0.0.1:50123/callback?code="), "{location}");
    assert_eq!(parameter(location, "state").as_deref(), Some("s 1&"));
    assert_eq!(parameter(location, "iss").as_deref(), Some(ISSUER));
}

/// Requests that are answered on the page, because nobody may be redirected.
#[tokio::test]
async fn unknown_clients_and_addresses_are_never_redirected_to() {
    let world = World::new();
    let challenge = challenge_of(VERIFIER);
    let good = asking(&challenge);
    let long = "x".repeat(5_000);
    let mut rows = vec![
        with(&good, "client_id", ""),
        with(&good, "client_id", "nobody"),
        with(&good, "client_id", "dunning-agent"),
        with(&good, "redirect_uri", ""),
        with(&good, "state", &long),
        with(&with(&good, "client_id", "console"), "redirect_uri", CALLBACK),
        [good.clone(), vec![("state", "again")]].concat(),
    ];
    for address in [
        "http://127.0.0.1/callback",
        "http://127.0.0.1:/callback",
        "http://127.0.0.1:0/callback",
        "http://127.0.0.1:065/callback",
        "http://127.0.0.1:+65/callback",
        "http://127.0.0.1:70000/callback",
        "http://127.0.0.1:5@acme.example/callback",
        "http://127.0.0.1:5/callback/",
        "http://127.0.0.1:5/callback?x",
        "http://127.0.0.1:5/../callback",
        "https://127.0.0.1:5/callback",
        "http://localhost:5/callback",
        CONSOLE_CALLBACK,
    ] {
        rows.push(with(&good, "redirect_uri", address));
    }
    for fields in rows {
        let chosen = with(&fields, "chosen", "riley@acme.example");
        for answer in [
            world.get(&format!("/authorize{}", query(&fields))).await,
            world.post("/authorize", &chosen).await,
        ] {
            assert_eq!(answer.status, 400, "{fields:?}");
            assert_eq!(answer.header("location"), "", "{fields:?}");
        }
    }
}

/// Requests whose client is told what is wrong.
#[tokio::test]
async fn faults_of_a_known_client_go_back_to_it() {
    let world = World::new();
    let challenge = challenge_of(VERIFIER);
    let good = asking(&challenge);
    let rows = [
        (with(&good, "response_type", ""), "invalid_request"),
        (with(&good, "response_type", "token"), "unsupported_response_type"),
        (with(&good, "response_mode", "fragment"), "invalid_request"),
        (with(&good, "code_challenge", ""), "invalid_request"),
        (with(&good, "code_challenge", "short"), "invalid_request"),
        (with(&good, "code_challenge_method", ""), "invalid_request"),
        (with(&good, "code_challenge_method", "plain"), "invalid_request"),
        (with(&good, "resource", "https://elsewhere.example"), "invalid_target"),
        (with(&good, "resource", "http://127.0.0.1:70701"), "invalid_target"),
        (with(&good, "request", "e30.e30."), "request_not_supported"),
        (with(&good, "request_uri", "urn:x"), "request_uri_not_supported"),
        (with(&good, "prompt", "none"), "login_required"),
    ];
    for (fields, expect) in rows {
        let answer = world.get(&format!("/authorize{}", query(&fields))).await;
        let location = answer.header("location");
        assert!(location.starts_with(CALLBACK), "{fields:?} {answer:?}");
        assert_eq!(parameter(location, "error").as_deref(), Some(expect), "{fields:?}");
        assert_eq!(parameter(location, "state").as_deref(), Some("s 1&"));
        assert_eq!(parameter(location, "iss").as_deref(), Some(ISSUER));
        assert_eq!(parameter(location, "code"), None);
    }
    let beneath = with(&good, "resource", "http://127.0.0.1:7070/mcp");
    assert_eq!(world.get(&format!("/authorize{}", query(&beneath))).await.status, 200);
}

#[tokio::test]
async fn nobody_and_unknown_people_get_no_code() {
    let world = World::new();
    let challenge = challenge_of(VERIFIER);
    let mut nobody = asking(&challenge);
    nobody.push(("chosen", ""));
    let agent = with(&asking(&challenge), "chosen", "agent:dunning");
    for fields in [nobody, agent] {
        let answer = world.post("/authorize", &fields).await;
        let error = parameter(answer.header("location"), "error");
        assert_eq!(error.as_deref(), Some("access_denied"), "{fields:?}");
    }
    // Without a choice, a posted request only shows the page (OpenID Connect Core §3.1.2.1).
    assert_eq!(world.post("/authorize", &asking(&challenge)).await.status, 200);
}

#[tokio::test]
async fn another_site_can_not_choose() {
    let world = World::new();
    let challenge = challenge_of(VERIFIER);
    let fields = with(&asking(&challenge), "chosen", "riley@acme.example");
    let rows = [
        (("origin", "http://127.0.0.1:7070"), 303),
        (("sec-fetch-site", "same-origin"), 303),
        (("origin", "null"), 403),
        (("origin", "https://evil.example"), 403),
        (("origin", "http://127.0.0.1:9999"), 403),
        (("sec-fetch-site", "cross-site"), 403),
        (("sec-fetch-site", "same-site"), 403),
    ];
    for (header, expect) in rows {
        let answer = world.post_with("/authorize", &[header], &fields).await;
        assert_eq!(answer.status, expect, "{header:?}");
    }
}
