//! Review schedules, delegates, and functions that nobody answers for, as pages and API show them.

use crate::world::{ADA, AGENT, AMIR, OLIVIA, REFUND, RILEY, SAM, World};
use countersign_model::Span;
use http::StatusCode;
use serde_json::{Value, json};

/// Applies the catalog with a schedule of everything.
async fn scheduled(world: &World) {
    let shown = world.api("GET", "/api/v1/catalog", SAM, "").await.json();
    let mut catalog = shown["catalog"].clone();
    catalog["schedules"] = json!({"quarter": {
        "name": "quarter", "title": "All <b>of</b> it", "every": "quarterly", "from": "2027-01-15",
        "time_zone": "Europe/Berlin", "owner": SAM, "fallback": [AMIR]
    }});
    let body = json!({ "catalog": catalog }).to_string();
    let applied = world.api("POST", "/api/v1/catalog/apply", SAM, &body).await;
    assert_eq!(applied.status, StatusCode::OK, "{}", applied.text());
}

#[tokio::test]
async fn schedules_are_rehearsed_for_whoever_sees_everything() {
    let world = World::new().await;
    let mut browser = world.signed_in(ADA).await;
    let empty = browser.get("/console/reviews/schedules").await.text();
    assert!(empty.contains("has no schedule"), "{empty}");
    scheduled(&world).await;
    world.grant(RILEY, REFUND).await;
    for who in [RILEY, OLIVIA, AMIR, AGENT] {
        let answer = world.api("GET", "/api/v1/reviews/schedules", who, "").await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{who}");
    }
    let answer = world.api("GET", "/api/v1/reviews/schedules", ADA, "").await.json();
    let quarter = &answer["schedules"][0];
    assert_eq!(quarter["grants"], 1, "{answer}");
    assert_eq!(quarter["next"].as_array().unwrap().len(), 3);
    assert_eq!(quarter["schedule"]["rules"]["owner"], SAM);
    let page = browser.get("/console/reviews/schedules").await;
    assert_eq!(page.status, StatusCode::OK);
    let page = page.text();
    assert!(page.contains("every quarter") && page.contains("all grants"), "{page}");
    assert!(!page.contains("<b>of</b>"), "{page}");
}

async fn of(world: &World, who: &str) -> Value {
    world.api("GET", "/api/v1/delegates", who, "").await.json()
}

#[tokio::test]
async fn a_person_says_on_their_page_who_stands_in() {
    let world = World::new().await;
    drop(world.signed_in(AMIR).await);
    let mut browser = world.signed_in(OLIVIA).await;
    let path = format!("/console/people/{OLIVIA}");
    let page = browser.get(&path).await;
    assert!(page.text().contains("Nobody stands in for them."), "{}", page.text());
    let csrf = page.csrf();
    let until = world.now().plus(Span::from_days(10)).date();
    let to = format!("{path}/delegate");
    let fields = [("csrf", csrf.as_str()), ("to", AMIR), ("from", ""), ("until", &until)];
    let set = browser.post(&to, &fields).await;
    assert_eq!((set.status, set.location()), (StatusCode::SEE_OTHER, path.clone()));
    let page = browser.get(&path).await.text();
    assert!(page.contains("stands in for them from"), "{page}");
    // Nobody else says so for her, but an administrator; the auditor has no form.
    let riley = format!("/console/people/{RILEY}/delegate");
    let other = browser.post(&riley, &fields).await;
    assert_eq!(other.status, StatusCode::FORBIDDEN);
    let seen = world.signed_in(ADA).await.get(&path).await.text();
    assert!(seen.contains("stands in for them from") && !seen.contains("Let them stand in"));
    for (who, count) in [(OLIVIA, 1), (AMIR, 1), (SAM, 1), (RILEY, 0)] {
        let listed = of(&world, who).await;
        assert_eq!(listed["delegates"].as_array().unwrap().len(), count, "{who}: {listed}");
    }
    let ended = browser.post(&format!("{to}/end"), &[("csrf", &csrf)]).await;
    assert_eq!((ended.status, ended.location()), (StatusCode::SEE_OTHER, path.clone()));
    assert_eq!(of(&world, SAM).await["delegates"], json!([]));
    // Whoever stands in gives it back on their own page: hers is not theirs to see.
    browser.post(&to, &fields).await;
    let mut amir = world.signed_in(AMIR).await;
    let own = amir.get(&format!("/console/people/{AMIR}")).await;
    assert!(own.text().contains("Give it back"), "{}", own.text());
    let back = amir.post(&format!("{to}/end"), &[("csrf", &own.csrf())]).await;
    assert_eq!(
        (back.status, back.location()),
        (StatusCode::SEE_OTHER, format!("/console/people/{AMIR}"))
    );
    assert_eq!(of(&world, SAM).await["delegates"], json!([]));
    let body = json!({"of": OLIVIA, "to": AGENT, "until": until}).to_string();
    let refused = world.api("POST", "/api/v1/delegates", SAM, &body).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(refused.json()["code"], "invalid_delegate");
}

#[tokio::test]
async fn r07_what_nobody_answers_for_is_a_finding() {
    let world = World::new().await;
    let mut browser = world.signed_in(ADA).await;
    let catalog = browser.get("/console/catalog").await.text();
    assert!(!catalog.contains("Nobody answers for these"), "{catalog}");
    let stop = json!({"scope": {"subject": OLIVIA}, "why": "left"}).to_string();
    let stopped = world.api("POST", "/api/v1/stops", SAM, &stop).await;
    assert_eq!(stopped.status, StatusCode::OK, "{}", stopped.text());
    world.governance.watch_owners().await.unwrap();
    let page = browser.get("/console/catalog").await.text();
    assert!(page.contains("Nobody answers for these"), "{page}");
    let shown = world.api("GET", "/api/v1/catalog", ADA, "").await.json();
    let found = shown["unowned"].as_array().unwrap();
    assert!(found.iter().any(|it| it["function"] == REFUND && it["is_stopped"] == false));
    let new = json!({"holder": {"subject": RILEY}, "functions": [REFUND], "reason": "a test"});
    let refused = world.api("POST", "/api/v1/grants", SAM, &new.to_string()).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert_eq!(refused.json()["code"], "no_living_owner");
}
