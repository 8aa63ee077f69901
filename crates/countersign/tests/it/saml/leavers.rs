//! Whom a directory deactivates by SCIM is out, also where a SAML provider signed them in.

use super::{Got, Provider, gateway, walks_in, www};
use crate::lab::{AUDIENCE, Answer, Connection, Process, Say, World, until};
use serde_json::{Value, json};

const TOKEN: &str = "a-token-of-the-directory-of-more-than-32-characters";
const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

async fn tells(process: &Process, method: &str, path: &str, body: &Value) -> Answer {
    let say = Say::new(method, &format!("/scim/v2{path}"), TOKEN).with(body);
    Connection::once(process.address, say).await.unwrap()
}

fn looks(process: &Process, session: &str) -> Got {
    gateway(process.address, "/console/grants", &["--header", session])
}

#[tokio::test]
async fn whom_a_directory_deactivates_is_signed_out_whoever_signed_them_in() {
    let Some(www) = www() else { return };
    let world = World::new().await;
    let provider = Provider::start(&www, &world, AUDIENCE).await;
    world.write("scim.token", TOKEN);
    let directory = json!({
        "name": "hr", "issuer": "signed", "subject": "user_name", "token": {"file": "scim.token"},
    });
    world.configure(&json!({"saml": [provider.told("signed", &json!({}))], "scim": [directory]}));
    let process = Process::start(&world).await;
    let user = json!({"schemas": [USER], "userName": "alice@example.test", "active": true});
    let made = tells(&process, "POST", "/Users", &user).await;
    assert_eq!(made.status, 201, "{made:?}");
    let path = format!("/Users/{}", made.json()["id"].as_str().unwrap());

    let landed = walks_in(&process, &provider, "signed");
    assert_eq!(landed.status, "303", "{} {}", landed.head, landed.body);
    let session = format!("cookie: {}", landed.cookie("countersign="));
    let seen = looks(&process, &session);
    assert_eq!(seen.status, "200");
    assert!(seen.body.contains("signed:alice@example.test"), "{}", seen.body);

    let active = async |is: &str| {
        let value: Value = serde_json::from_str(is).unwrap();
        let body = json!({
            "schemas": [PATCH], "Operations": [{"op": "replace", "path": "active", "value": value}],
        });
        let told = tells(&process, "PATCH", &path, &body).await;
        assert!((200..300).contains(&told.status), "{told:?}");
    };
    active("false").await;
    let seen = looks(&process, &session);
    assert_ne!(seen.status, "200", "{}", seen.body);
    assert!(!seen.body.contains("signed:alice@example.test"), "{}", seen.body);
    // Signing in again lets nobody in who is barred, as long as they are.
    let landed = walks_in(&process, &provider, "signed");
    if landed.status == "303" && landed.head.contains("countersign=") {
        let session = format!("cookie: {}", landed.cookie("countersign="));
        assert_ne!(looks(&process, &session).status, "200");
    }
    active("true").await;
    let seen = until("alice is let in again", async || {
        let landed = walks_in(&process, &provider, "signed");
        let is_in = landed.status == "303" && landed.head.contains("countersign=");
        let seen =
            is_in.then(|| looks(&process, &format!("cookie: {}", landed.cookie("countersign="))));
        // What was signed in the second of the deactivation is from before it.
        seen.filter(|it| it.status == "200")
    })
    .await;
    assert_eq!(seen.status, "200");
    // The old session stays what it was: ended.
    assert_ne!(looks(&process, &session).status, "200");
    let said = process.said();
    process.stop().await;
    assert!(!said.contains(TOKEN));
    let by: Vec<String> = world
        .entries()
        .iter()
        .map(|it| serde_json::to_string(it).unwrap())
        .filter(|it| it.contains("scim:hr") && it.contains("signed:alice@example.test"))
        .collect();
    assert!(!by.is_empty(), "the ledger says who told it");
}
