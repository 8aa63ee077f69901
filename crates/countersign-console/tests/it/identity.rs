//! The page about oneself: what the sign-in said, claim by claim, what it became, and by which rule.

use crate::world::{AMIR, SAM, World};
use countersign_model::{Digest, Span};
use http::StatusCode;
use serde_json::{Value, json};

/// The text of a page without its markup, in one line.
pub(crate) fn words(html: &str) -> String {
    let bare: String = html
        .split('<')
        .map(|part| part.split_once('>').map_or(part, |(_, text)| text))
        .collect::<Vec<_>>()
        .join(" ");
    let bare = bare.replace("&#34;", "\"").replace("&quot;", "\"");
    bare.split_whitespace().collect::<Vec<_>>().join(" ")
}

async fn document(world: &World, cookie: &str) -> Value {
    let name = Digest::of(cookie.as_bytes()).to_string();
    let row = world.governance.store().web_session(&name, world.now()).await.unwrap().unwrap();
    serde_json::from_str(&row.document).unwrap()
}

#[tokio::test]
async fn a_person_sees_each_claim_of_their_sign_in_and_the_rule_that_read_it() {
    let world = World::new().await;
    let mut browser = world.signed_in(AMIR).await;
    let page = browser.get("/console/identity").await;
    assert_eq!(page.status, StatusCode::OK);
    let said = words(&page.text());
    for part in [
        "Your sign-in, claim by claim",
        "subject sub \"amir@acme.example\" amir@acme.example issuers[demo].claims.subject: \
         amir@acme.example",
        "groups groups \"finance-approvers\" finance-approvers issuers[demo].claims.groups",
        "name name \"Amir Haddad\" Amir Haddad issuers[demo].claims.name, to show only",
        "kind neither an agent nor a service a person what is left: a person",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    for part in ["algorithm header.alg", "issuers[demo].sign_in.client_id: console", "nonce nonce"]
    {
        assert!(said.contains(part), "{part}: {said}");
    }
    // The same for a program of the page.
    let told = browser.get("/api/v1/me/explanation").await.json();
    assert_eq!((&told["outcome"], &told["caller"]["subject"]), (&json!("accepted"), &json!(AMIR)));
    let checks: Vec<&str> =
        told["steps"].as_array().unwrap().iter().map(|it| it["check"].as_str().unwrap()).collect();
    for check in ["signature", "audience", "nonce", "subject", "groups", "email"] {
        assert!(checks.contains(&check), "{checks:?}");
    }
}

#[tokio::test]
async fn what_a_sign_in_said_is_sealed_for_its_session_and_ends_with_it() {
    let world = World::new().await;
    let mut browser = world.signed_in(AMIR).await;
    let mut other = world.signed_in(SAM).await;
    let cookie = browser.cookies[0].1.clone();
    let kept = document(&world, &cookie).await;
    let sealed = kept["notes"].as_str().unwrap().to_owned();
    // Rules and claims stand nowhere in clear, neither in the store nor in the ledger.
    let store = std::fs::read(world.directory.path().join("facts.db")).unwrap();
    let wal = std::fs::read(world.directory.path().join("facts.db-wal")).unwrap_or_default();
    let entries = format!("{:?}", world.entries());
    for clear in ["claims.subject: ", "sign_in.client_id"] {
        let is_in = |file: &[u8]| file.windows(clear.len()).any(|it| it == clear.as_bytes());
        assert!(!is_in(&store) && !is_in(&wal) && !entries.contains(clear), "{clear}");
    }
    // Another session can't open them, and then nothing is shown of them.
    let name = Digest::of(other.cookies[0].1.as_bytes()).to_string();
    let mut taken = document(&world, &other.cookies[0].1.clone()).await;
    taken["notes"] = json!(sealed);
    world.governance.store().end_renewal(&name, &taken.to_string()).await.unwrap();
    let said = words(&other.get("/console/identity").await.text());
    assert!(said.contains("only what came of it is known") && !said.contains("Amir"), "{said}");
    assert!(said.contains(&format!("subject sub not kept \"{SAM}\"")), "{said}");
    let told = other.get("/api/v1/me/explanation").await;
    assert_eq!(told.status, StatusCode::NOT_FOUND);
    // Signed out, nothing is left of them.
    let csrf = browser.get("/console").await.csrf();
    browser.post("/console/sign-out", &[("csrf", &csrf)]).await;
    let name = Digest::of(cookie.as_bytes()).to_string();
    assert_eq!(world.governance.store().web_session(&name, world.now()).await.unwrap(), None);
}

#[tokio::test]
async fn a_renewal_says_anew_what_the_provider_says() {
    let world = World::signing_in(json!({
        "scopes": ["openid", "profile", "email", "groups", "offline_access"],
        "refresh_every": "10m", "identity_max_age": "1h",
    }))
    .await;
    let mut browser = world.signed_in(SAM).await;
    let first = document(&world, &browser.cookies[0].1.clone()).await;
    assert!(words(&browser.get("/console/identity").await.text()).contains("nonce nonce"));
    world.pass(Span::from_seconds(11 * 60));
    let said = words(&browser.get("/console/identity").await.text());
    assert!(said.contains("of the sign-in that was renewed"), "{said}");
    assert!(said.contains(&format!("subject sub \"{SAM}\" {SAM}")), "{said}");
    let renewed = document(&world, &browser.cookies[0].1.clone()).await;
    assert_ne!(first["notes"], renewed["notes"]);
}
