//! Sign-in by SAML as a browser meets it: to the provider, back by a form that another site posts, and
//! on to a page of the console.

use crate::{
    identity::words,
    world::{Answer, Browser, ORIGIN, World, form},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use countersign_identity::{Http, SamlConfig, SamlSignIn, SamlSurroundings};
use countersign_model::{Clock, Span};
use http::{Request, StatusCode};
use idp::{Draft, Idp, Keys};
use serde_json::{Value, json};
use std::{fs, path::Path};

/// The provider of identity's own tests.
#[expect(dead_code, reason = "what its own tests need beyond this")]
#[path = "../../../countersign-identity/tests/it/saml/idp.rs"]
mod idp;

const NOW: i64 = 0;
const ENTITY: &str = "https://idp.example/metadata";
const AUDIENCE: &str = "http://127.0.0.1:7070/console/saml/corp/metadata";
const RECIPIENT: &str = "http://127.0.0.1:7070/console/saml/corp/response";
const RESPONSE: &str = "/console/saml/corp/response";

async fn world(changes: Value) -> World {
    World::with(|directory, clock| vec![provider(directory, clock, &changes)]).await
}

fn provider(directory: &Path, clock: Clock, changes: &Value) -> SamlSignIn {
    let keys = Keys::shared();
    fs::write(directory.join("saml.key"), &keys.own.pem).unwrap();
    fs::write(directory.join("saml.crt"), &keys.own.certificate_pem).unwrap();
    let post = "<md:SingleSignOnService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST\" \
                Location=\"https://idp.example/post?tenant=1\"/> </md:IDPSSODescriptor>";
    let metadata = Idp::new(&keys.provider).metadata("").replace("</md:IDPSSODescriptor>", post);
    fs::write(directory.join("idp.xml"), metadata).unwrap();
    let mut config = json!({
        "name": "corp", "entity_id": ENTITY, "metadata": {"file": directory.join("idp.xml")},
        "key": {"file": directory.join("saml.key")}, "certificate": directory.join("saml.crt"),
        "attributes": {"subject_prefix": "corp:"},
    });
    for (key, value) in changes.as_object().unwrap() {
        config[key] = value.clone();
    }
    let config: SamlConfig = serde_json::from_value(config).unwrap();
    let surroundings = SamlSurroundings { providers: &[], issuers: &[], public_url: ORIGIN };
    SamlSignIn::new(config, surroundings, Http::new(), clock, |_| None).unwrap()
}

/// Each assertion has an ID of its own.
fn fresh_id() -> String {
    let random: [u8; 8] =
        aws_lc_rs::rand::generate(&aws_lc_rs::rand::SystemRandom::new()).unwrap().expose();
    random.iter().fold("_".to_owned(), |id, it| format!("{id}{it:02x}"))
}

/// A right response to this request, of this moment.
fn draft(world: &World, request: &str) -> Draft {
    let now = world.now().seconds();
    Draft {
        id: fresh_id(),
        issued: now,
        from: now - 30,
        until: now + 300,
        confirmed_until: now + 300,
        ..Draft::new(request)
    }
}

/// Goes to the provider, and comes back with the ID of the request.
async fn begin(browser: &mut Browser<'_>, return_to: &str) -> String {
    let begun = browser.get(&format!("/console/saml/corp/begin?return_to={return_to}")).await;
    assert_eq!(begun.status, StatusCode::SEE_OTHER, "{}", begun.text());
    let request = idp::request_of(&url::Url::parse(&begun.location()).unwrap());
    request.split(" ID=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

/// What the provider's page does: cookies with `SameSite=Lax` stay at home, and come back after.
async fn post(browser: &mut Browser<'_>, xml: &str, relay_state: &str) -> Answer {
    let session = browser.cookies.iter().position(|(name, _)| name == "countersign");
    let session = session.map(|place| browser.cookies.remove(place));
    let body = form(&[("SAMLResponse", &STANDARD.encode(xml)), ("RelayState", relay_state)]);
    let request = Request::post(RESPONSE)
        .header("content-type", "application/x-www-form-urlencoded")
        .header("origin", "https://idp.example")
        .header("sec-fetch-site", "cross-site");
    let answer = browser.send(request, body).await;
    if !browser.cookies.iter().any(|(name, _)| name == "countersign") {
        browser.cookies.extend(session);
    }
    answer
}

#[tokio::test]
async fn a_person_signs_in_by_saml_and_comes_back_to_where_they_were() {
    let world = world(json!({})).await;
    let idp = Idp::new(&Keys::shared().provider);
    let mut browser = world.browser();
    let choice = browser.get("/console/sign-in?return_to=/console/grants").await;
    assert!(choice.text().contains("/console/saml/corp/begin?return_to=/console/grants"));
    let request = begin(&mut browser, "/console/grants").await;
    let answer =
        post(&mut browser, &draft(&world, &request).signed(&idp), "https://evil.example").await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text());
    assert_eq!(answer.location(), "/console/grants");
    assert!(browser.get("/console/grants").await.text().contains("corp:alice@example.com"));
    assert_eq!(browser.cookies.len(), 1, "the memory of the sign-in is gone");
}

#[tokio::test]
async fn a_person_sees_each_attribute_of_their_assertion_and_the_rule_that_read_it() {
    let world = world(json!({})).await;
    let idp = Idp::new(&Keys::shared().provider);
    let mut browser = world.browser();
    let request = begin(&mut browser, "/console").await;
    post(&mut browser, &draft(&world, &request).signed(&idp), "").await;
    let said = words(&browser.get("/console/identity").await.text());
    for part in [
        "subject NameID \"alice@example.com\" corp:alice@example.com saml[corp].name_id_format with \
         the prefix \"corp:\": corp:alice@example.com",
        "groups groups \"ops\", \"staff\" corp:ops, corp:staff saml[corp].attributes.groups with \
         the prefix \"corp:\": 2",
        "name displayName \"Alice\" Alice saml[corp].attributes.name, to show only",
        "answers InResponseTo the request of this browser",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[tokio::test]
async fn a_response_signs_in_the_browser_that_asked_for_it_and_no_other() {
    let world = world(json!({})).await;
    let idp = Idp::new(&Keys::shared().provider);
    let refused = |answer: &Answer, code: &str| {
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{}", answer.text());
        assert!(answer.text().contains(code), "{code}: {}", answer.text());
        let session = |it: &http::HeaderValue| it.to_str().unwrap().starts_with("countersign=");
        assert!(!answer.headers.get_all("set-cookie").iter().any(session));
    };
    let (mut mallory, mut victim, mut fresh) = (world.browser(), world.browser(), world.browser());
    let request = begin(&mut mallory, "/console").await;
    let response = draft(&world, &request).signed(&idp);
    // Slipped to somebody who began nothing, and to somebody whose own sign-in waits.
    refused(&post(&mut fresh, &response, "").await, "unsolicited");
    begin(&mut victim, "/console").await;
    refused(&post(&mut victim, &response, "").await, "in_response_to_mismatch");
    // Once, also when the browser keeps its cookie.
    let kept = mallory.cookies.clone();
    assert_eq!(post(&mut mallory, &response, "").await.status, StatusCode::SEE_OTHER);
    mallory.cookies.clone_from(&kept);
    refused(&post(&mut mallory, &response, "").await, "assertion_replayed");
    mallory.cookies = kept;
    let second = draft(&world, &request).signed(&idp);
    refused(&post(&mut mallory, &second, "").await, "request_replayed");
    // A cookie that nobody sealed is none.
    fresh.cookies = vec![("countersign-saml".to_owned(), "AAAA".to_owned())];
    refused(&post(&mut fresh, &response, "").await, "unsolicited");
}

#[tokio::test]
async fn the_session_ends_with_the_providers_and_takes_the_place_of_the_earlier_one() {
    let world = world(json!({})).await;
    let idp = Idp::new(&Keys::shared().provider);
    let mut browser = world.browser();
    let request = begin(&mut browser, "/console").await;
    let ends = idp::time(world.now().seconds() + 1200);
    let session = format!(" SessionNotOnOrAfter=\"{ends}\"");
    let response = Draft { session, ..draft(&world, &request) }.signed(&idp);
    assert_eq!(post(&mut browser, &response, "").await.status, StatusCode::SEE_OTHER);
    let earlier = browser.cookies.clone();
    assert_eq!(browser.get("/console").await.status, StatusCode::OK);
    let request = begin(&mut browser, "/console").await;
    let response = draft(&world, &request).signed(&idp);
    assert_eq!(post(&mut browser, &response, "").await.status, StatusCode::SEE_OTHER);
    let mut old = world.browser();
    old.cookies = earlier;
    assert_eq!(
        old.get("/console").await.status,
        StatusCode::SEE_OTHER,
        "the earlier one has ended"
    );
    let request = begin(&mut old, "/console").await;
    let session = format!(" SessionNotOnOrAfter=\"{ends}\"");
    let response = Draft { session, ..draft(&world, &request) }.signed(&idp);
    assert_eq!(post(&mut old, &response, "").await.status, StatusCode::SEE_OTHER);
    world.pass(Span::from_seconds(1201));
    assert_eq!(old.get("/console").await.status, StatusCode::SEE_OTHER, "the provider's has ended");
    assert_eq!(browser.get("/console").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_sign_in_that_the_provider_begins_goes_to_pages_of_the_console_only() {
    let world = world(json!({"idp_initiated": "accept"})).await;
    let idp = Idp::new(&Keys::shared().provider);
    for (relay_state, place) in [
        ("/console/grants", "/console/grants"),
        ("https://evil.example/", "/console"),
        ("//evil.example", "/console"),
        ("/console/saml/corp/begin", "/console"),
        ("", "/console"),
    ] {
        let mut browser = world.browser();
        let unasked =
            Draft { answers: String::new(), response_answers: String::new(), ..draft(&world, "") };
        let answer = post(&mut browser, &unasked.signed(&idp), relay_state).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text());
        assert_eq!(answer.location(), place, "{relay_state}");
    }
}

/// HTTP-Redirect and artifacts would bring responses in addresses, which end up in logs and histories.
#[tokio::test]
async fn a_response_comes_by_a_form_and_no_other_way() {
    let world = world(json!({})).await;
    let idp = Idp::new(&Keys::shared().provider);
    let mut browser = world.browser();
    let request = begin(&mut browser, "/console").await;
    let response = draft(&world, &request).signed(&idp);
    let query = form(&[("SAMLResponse", &STANDARD.encode(&response))]);
    for path in [format!("{RESPONSE}?{query}"), format!("{RESPONSE}?SAMLart=AAQAAA")] {
        let answer = browser.get(&path).await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{}", answer.text());
    }
    let answer = browser.send(Request::post(format!("{RESPONSE}?{query}")), String::new()).await;
    assert_ne!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text());
    // The control. The last answer has ended that sign-in.
    let request = begin(&mut browser, "/console").await;
    let response = draft(&world, &request).signed(&idp);
    assert_eq!(post(&mut browser, &response, "").await.status, StatusCode::SEE_OTHER);
}

/// The page works by its button alone, and its form may lead to the provider and nowhere else.
#[tokio::test]
async fn a_request_by_a_form_leads_to_the_provider_alone() {
    let world = world(json!({"request_binding": "post"})).await;
    let idp = Idp::new(&Keys::shared().provider);
    let mut browser = world.browser();
    let page = browser.get("/console/saml/corp/begin?return_to=/console/grants").await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text());
    let policy = page.headers["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.contains("; form-action https://idp.example; "), "{policy}");
    assert!(policy.contains("script-src 'self'; ") && policy.starts_with("default-src 'none'; "));
    assert_eq!(page.headers["cache-control"], "no-store");
    let html = page.text();
    assert!(html.contains("<form method=\"post\" action=\"https://idp.example/post?tenant=1\""));
    let request = html.split("name=\"SAMLRequest\" value=\"").nth(1).unwrap();
    let request = STANDARD.decode(request.split('"').next().unwrap()).unwrap();
    let request = String::from_utf8(request).unwrap();
    assert!(request.contains("<ds:SignatureValue>"), "{request}");
    let id = request.split(" ID=\"").nth(1).unwrap().split('"').next().unwrap();
    let answer = post(&mut browser, &draft(&world, id).signed(&idp), "").await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text());
    assert_eq!(answer.location(), "/console/grants");
    // Every other page, and a refusal too, keeps to the console.
    for path in ["/console/sign-in", "/console/grants", "/console/saml/other/begin"] {
        let policy = browser.get(path).await.headers["content-security-policy"].clone();
        assert!(policy.to_str().unwrap().contains("; form-action 'self'; "), "{path}");
    }
}

#[tokio::test]
async fn metadata_are_for_anyone_and_a_provider_that_is_not_there_is_not_found() {
    let world = world(json!({})).await;
    let mut browser = world.browser();
    let metadata = browser.get("/console/saml/corp/metadata").await;
    assert_eq!(metadata.headers["content-type"], "application/samlmetadata+xml");
    assert!(metadata.text().contains(&format!("entityID=\"{AUDIENCE}\"")));
    assert_eq!(browser.get("/console/saml/other/metadata").await.status, StatusCode::NOT_FOUND);
    assert_eq!(browser.get("/console/saml/other/begin").await.status, StatusCode::NOT_FOUND);
    let long = "a".repeat(600 * 1024);
    let answer = post(&mut browser, &long, "").await;
    assert!(answer.text().contains("response_too_large"), "{}", answer.text());
}
