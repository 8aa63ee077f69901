//! People as a thing to look at: who is listed, who sees whom, and what is shown of them.

use crate::{
    identity::words,
    scim_groups::scim,
    world::{ADA, AGENT, AMIR, OLIVIA, REFUND, RILEY, SAM, World},
};
use countersign_model::Span;
use http::{Method, StatusCode};
use serde_json::{Value, json};

async fn list(world: &World, query: &str) -> Value {
    world.api("GET", &format!("/api/v1/people{query}"), SAM, "").await.json()
}

fn subjects(page: &Value) -> Vec<&str> {
    page["people"].as_array().unwrap().iter().map(|it| it["subject"].as_str().unwrap()).collect()
}

async fn show(world: &World, who: &str, subject: &str) -> (StatusCode, Value) {
    let answer = world.api("GET", &format!("/api/v1/people/{subject}"), who, "").await;
    (answer.status, answer.json())
}

#[tokio::test]
async fn people_are_listed_whatever_they_are_known_from() {
    let world = World::new().await;
    world.signed_in(AMIR).await;
    for holder in ["mo@acme.example", AGENT] {
        world.grant(holder, REFUND).await;
    }
    world.governance.suspend(&world.actor(SAM), &"mo@acme.example".into(), "left").await.unwrap();
    let page = list(&world, "").await;
    // The sponsor and the owner are named by the catalog; an agent is no person.
    assert_eq!(subjects(&page), [AMIR, "mo@acme.example", OLIVIA, RILEY]);
    let [amir, mo, olivia, ..] = page["people"].as_array().unwrap().as_slice() else { panic!() };
    assert_eq!((&amir["name"], &amir["provider"]), (&json!("Amir Haddad"), &json!("demo")));
    assert_eq!(amir["known_from"], json!(["sign_in"]));
    assert_eq!((&mo["standing"], &mo["known_from"]), (&json!("suspended"), &json!(["grant"])));
    assert_eq!(olivia["known_from"], json!(["catalog"]));
    assert_eq!(page["next"], Value::Null);

    for (find, expect) in [
        ("?find=Amir", vec![AMIR]),
        ("?find=had", vec![AMIR]),
        ("?find=amir%20hadd", vec![AMIR]),
        ("?find=acme", vec![AMIR, "mo@acme.example", OLIVIA, RILEY]),
        ("?find=mir", vec![]),
        ("?find=%25", vec![]),
    ] {
        assert_eq!(subjects(&list(&world, find).await), expect, "{find}");
    }

    // A page after the other has everybody once.
    let (mut all, mut after) = (Vec::new(), String::new());
    loop {
        let page = list(&world, &format!("?limit=1{after}")).await;
        all.extend(subjects(&page).into_iter().map(str::to_owned));
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    assert_eq!(all, [AMIR, "mo@acme.example", OLIVIA, RILEY]);
}

#[tokio::test]
async fn whoever_sees_everything_sees_all_of_a_person_and_others_what_they_may() {
    let world = World::new().await;
    world.signed_in(RILEY).await;
    let grant = world.grant(RILEY, REFUND).await;
    let held = world.held(json!({"amount": 900}), &["group:finance-approvers"]).await;
    for who in [SAM, ADA, RILEY] {
        let (status, told) = show(&world, who, RILEY).await;
        assert_eq!((status, &told["shown"]), (StatusCode::OK, &json!("all")), "{who}");
        let person = &told["person"];
        assert_eq!((&person["name"], &person["standing"]), (&json!("Riley Tan"), &json!("active")));
        assert_eq!(person["known_from"], json!(["sign_in", "grant", "catalog"]));
        assert_eq!(person["signed_in"]["provider"], "demo");
        assert_eq!(person["signed_in"]["groups"], json!(["developers"]), "{person}");
        assert_eq!(person["roles"][0]["because"], "1 grant reaches them");
        assert_eq!(person["grants"][0]["grant"]["id"], json!(grant.id));
        assert_eq!(person["grants"][0]["through"], "subject");
        assert_eq!(person["sponsors"], json!([AGENT]));
        assert_eq!(person["waiting"][0]["id"], json!(held.id));
        assert_eq!(person["browsers"].as_array().unwrap().len(), 1);
        assert!(!told.to_string().contains("sealed"), "{told}");
    }
    // An owner sees whose grant it is; others learn nothing, not even that somebody is there.
    let (status, told) = show(&world, OLIVIA, RILEY).await;
    assert_eq!((status, &told["shown"]), (StatusCode::OK, &json!("grants")));
    let members: Vec<&String> = told["person"].as_object().unwrap().keys().collect();
    assert_eq!(members, ["grants", "name", "standing", "subject"]);
    let hidden = show(&world, AMIR, RILEY).await;
    let nobody = show(&world, AMIR, "nobody@acme.example").await;
    assert_eq!((hidden.0, hidden.1), (StatusCode::NOT_FOUND, nobody.1));
    for who in [RILEY, OLIVIA, AMIR] {
        let refused = world.api("GET", "/api/v1/people", who, "").await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{who}");
    }
    // Who was never heard of sees that.
    let (status, told) = show(&world, AMIR, AMIR).await;
    assert_eq!((status, &told["person"]["known_from"]), (StatusCode::OK, &json!([])));
    // What waited too long waits no more.
    world.pass(Span::from_seconds(3_600));
    let later = show(&world, SAM, RILEY).await.1;
    assert_eq!(
        (&later["person"]["waiting"], &later["person"]["browsers"]),
        (&json!([]), &json!([]))
    );
}

#[tokio::test]
async fn strange_names_and_broken_places_are_answered_clearly() {
    let world = World::new().await;
    let strange = "<b>&\"x\u{202e}/..?#%";
    world.grant(strange, REFUND).await;
    world.grant("..", REFUND).await;
    let mut browser = world.signed_in(SAM).await;
    let page = browser.get("/console/people").await.text();
    assert!(!page.contains("<b>&") && page.contains("&lt;b&gt;&amp;"), "{page}");
    assert!(page.contains("U+202E"), "{page}");
    let link = "/console/people/%3Cb%3E%26%22x%E2%80%AE%2F..%3F%23%25";
    assert!(page.contains(&format!("href=\"{link}\"")), "{page}");
    assert!(!page.contains("href=\"/console/people/..\""), "{page}");
    let person = browser.get(link).await;
    assert_eq!(person.status, StatusCode::OK, "{}", person.text());
    assert!(!person.text().contains("<b>&"), "{}", person.text());
    assert!(words(&person.text()).contains("Grants that reach them"));

    for (path, status) in [
        ("/api/v1/people/nobody", StatusCode::NOT_FOUND),
        ("/api/v1/people/a%00b", StatusCode::NOT_FOUND),
        ("/api/v1/people/%ff", StatusCode::BAD_REQUEST),
        ("/api/v1/people/a/b", StatusCode::NOT_FOUND),
        ("/api/v1/people?after=x", StatusCode::BAD_REQUEST),
        ("/api/v1/people?after=WyIiLCJcdTAwMDAiXQ", StatusCode::BAD_REQUEST),
        ("/api/v1/people?limit=x", StatusCode::BAD_REQUEST),
        ("/api/v1/people?find=%00", StatusCode::OK),
    ] {
        let answer = world.api("GET", path, SAM, "").await;
        assert_eq!(answer.status, status, "{path}: {}", answer.text());
        if status != StatusCode::OK {
            assert!(answer.json()["next_step"].is_string(), "{}", answer.text());
        }
    }
    let long = "a".repeat(5_000);
    let answer = world.api("GET", &format!("/api/v1/people/{long}"), SAM, "").await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    let answer = world.api("GET", &format!("/api/v1/people?find={long}"), SAM, "").await;
    assert_eq!(answer.json()["people"], json!([]));
    let empty = words(&browser.get("/console/people?find=zzz").await.text());
    assert!(empty.contains("Nobody is found by this."), "{empty}");
}

#[tokio::test]
async fn pages_lead_from_one_to_the_next_and_keep_what_was_looked_for() {
    let world = World::new().await;
    for number in 0..120 {
        let holder = format!("team&{number:03}");
        world.grant(&holder, REFUND).await;
    }
    let mut browser = world.signed_in(ADA).await;
    let (mut path, mut seen) = ("/console/people?find=team%26".to_owned(), 0);
    for _ in 0..5 {
        let page = browser.get(&path).await.text();
        seen += page.matches("href=\"/console/people/team%26").count();
        let Some(rest) = page.split("\">Next page").next().filter(|it| it.len() < page.len())
        else {
            break;
        };
        path = rest.rsplit("href=\"").next().unwrap().replace("&#38;", "&");
        assert!(path.starts_with("/console/people?find=team%26&after="), "{path}");
    }
    assert_eq!(seen, 120);
}

#[tokio::test]
async fn whom_a_directory_tells_of_is_listed_and_shown_as_left_when_it_says_so() {
    let world = World::new().await;
    let user = json!({"userName": "kim@acme.example", "displayName": "Kim Park", "active": true,
        "emails": [{"value": "park@acme.example", "primary": true}]});
    let user = scim(&world, Method::POST, "/Users", &user).await.json()["id"].clone();
    for find in ["kim", "park@", "Kim%20P"] {
        let page = list(&world, &format!("?find={find}")).await;
        assert_eq!(subjects(&page), ["kim@acme.example"], "{find}");
        let kim = &page["people"][0];
        assert_eq!(
            (&kim["name"], &kim["email"]),
            (&json!("Kim Park"), &json!("park@acme.example"))
        );
        assert_eq!((&kim["provider"], &kim["known_from"]), (&json!("told"), &json!(["directory"])));
        assert_eq!((&kim["standing"], &kim["seen_at"]), (&json!("active"), &Value::Null));
    }
    let path = format!("/Users/{}", user.as_str().unwrap());
    let left = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{"op": "replace", "path": "active", "value": false}]});
    assert_eq!(scim(&world, Method::PATCH, &path, &left).await.status, StatusCode::OK);
    let (_, told) = show(&world, SAM, "kim@acme.example").await;
    let kim = &told["person"];
    assert_eq!(
        (&kim["standing"], &kim["deactivated"]["directory"]),
        (&json!("deactivated"), &json!("told"))
    );
    assert_eq!(kim["directories"][0]["user_name"], "kim@acme.example");
    let page = world.signed_in(ADA).await.get("/console/people/kim@acme.example").await;
    assert!(
        words(&page.text()).contains("Deactivated by the directory told at 2"),
        "{}",
        page.text()
    );
    // Gone from the directory, they are still barred, and still on the list.
    assert_eq!(
        scim(&world, Method::DELETE, &path, &json!({})).await.status,
        StatusCode::NO_CONTENT
    );
    let page = list(&world, "?find=kim").await;
    let kim = &page["people"][0];
    assert_eq!((&kim["standing"], &kim["name"]), (&json!("deactivated"), &json!("")));
    assert_eq!(kim["known_from"], json!(["directory"]));
    assert_eq!(subjects(&list(&world, "?find=park").await), Vec::<&str>::new());
}
