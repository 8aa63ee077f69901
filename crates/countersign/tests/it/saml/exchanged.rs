//! An application's users sign in with `SimpleSAMLphp`, and an agent of the application calls for one of
//! them with the assertion that the application got.

use super::{Provider, www};
use crate::lab::{AGENT, AUDIENCE, Connection, Process, Say, World};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use countersign_model::record::{Event, TokenAnswer};
use serde_json::json;

const ALICE: &str = "signed:alice@example.test";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

/// What an application keeps of a response: the assertion, as a document of its own. Its signature still
/// holds, since exclusive canonicalisation takes no namespaces along that it does not use.
fn assertion_of(response: &str) -> String {
    let response = String::from_utf8(STANDARD.decode(response).unwrap()).unwrap();
    let (_, rest) = response.split_once("<saml:Assertion ").unwrap();
    let (inside, _) = rest.split_once("</saml:Assertion>").unwrap();
    let named = "xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\"";
    assert!(!inside.contains(named), "the response declares it");
    format!("<saml:Assertion {named} {inside}</saml:Assertion>")
}

fn ask(world: &World, assertion: &str) -> Say {
    Say::bare("POST", "/oauth/token").form(&[
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("subject_token", &URL_SAFE_NO_PAD.encode(assertion)),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:saml2"),
        ("actor_token", &world.token(AGENT)),
        ("actor_token_type", ACCESS_TOKEN),
    ])
}

#[tokio::test]
async fn an_agent_calls_with_an_assertion_of_simplesamlphp() {
    let Some(www) = www() else { return };
    let world = World::new().await;
    let provider = Provider::start(&www, &world, AUDIENCE).await;
    let application = json!({"exchange": {
        "audiences": ["http://app.test/saml"], "recipients": ["http://app.test/acs"],
    }});
    world.configure(&json!({"saml": [provider.told("signed", &application)]}));
    let process = Process::start(&world).await;
    world.grant_desk(&process, ALICE).await;
    world.grant_desk(&process, AGENT).await;
    let at = format!("{}saml2/idp/SSOService.php?spentityid=http://app.test/saml", provider.base);
    let assertion = assertion_of(&provider.walk(&[&at]));
    let say = async |say: Say| Connection::once(process.address, say).await.unwrap();

    let changed = assertion.replace("alice@example.test", "mallory@example.test");
    let refused = say(ask(&world, &changed)).await;
    assert_eq!((refused.status, &refused.json()["code"]), (400, &json!("digest_mismatch")));
    let answer = say(ask(&world, &assertion)).await;
    assert_eq!(answer.status, 200, "{answer:?}\n{}", process.said());
    let token = answer.json()["access_token"].as_str().unwrap().to_owned();
    let called = say(Say::get("/t/desk/v1/items/7", &token)).await;
    assert_eq!(called.status, 200, "{called:?}");
    let again = say(ask(&world, &assertion)).await;
    assert_eq!((again.status, &again.json()["code"]), (400, &json!("assertion_replayed")));

    // What was made for the console's own sign-ins is taken there, and nowhere else.
    let console = format!("{AUDIENCE}/console/saml/signed/metadata");
    let at = format!("{}saml2/idp/SSOService.php?spentityid={console}", provider.base);
    let for_the_console = assertion_of(&provider.walk(&[&at]));
    let refused = say(ask(&world, &for_the_console)).await;
    assert_eq!((refused.status, &refused.json()["code"]), (400, &json!("recipient_mismatch")));
    process.stop().await;

    let who = world.intents().pop().unwrap().who;
    let actors: Vec<_> = who.actors.iter().map(|it| it.as_str()).collect();
    assert_eq!((who.subject.as_str(), actors.as_slice()), (ALICE, [AGENT].as_slice()));
    let issued = world.entries().into_iter().filter(|it| {
        matches!(&it.event, Event::TokenAsked(asked) if matches!(asked.answer, TokenAnswer::Issued { .. }))
    });
    assert_eq!(issued.count(), 1);
}
