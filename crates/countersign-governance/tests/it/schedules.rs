//! Schedules before they open: dates, scope, and who would review.

use crate::world::{
    CUSTOMER, REFUND, STATUS, World, ada, catalog_with, group, okta, olivia, on_both, subject,
};
use countersign_governance::{Active, ScheduleView, UserFacts};
use serde_json::json;

on_both!(a_schedule_shows_what_would_come_of_it, managers_of_a_directory_review);

fn schedule() -> serde_json::Value {
    json!({"quarter": {
        "name": "quarter", "title": "Quarterly", "every": "quarterly", "from": "2027-01-15",
        "time_zone": "Europe/Berlin", "owner": "ada", "fallback": ["fiona"],
        "stages": [{"reviewers": ["manager", "owner"]}]
    }})
}

fn loads(view: &ScheduleView) -> Vec<String> {
    view.reviewers.iter().map(|it| format!("{} {} ({})", it.subject, it.grants, it.why)).collect()
}

async fn a_schedule_shows_what_would_come_of_it(world: World) {
    let governance = &world.governance;
    assert!(governance.review_schedules().await.unwrap().is_empty());
    let catalog = catalog_with("/schedules", schedule());
    governance.apply_catalog(&ada(), catalog, None).await.unwrap();
    let nothing = &governance.review_schedules().await.unwrap()[0];
    assert_eq!((nothing.grants, nothing.without), (0, 0));
    // At high sensitivity, whoever made a grant does not review it: Olivia owns and made one.
    world.grant(&olivia(), subject("riley"), REFUND).await;
    world.grant(&olivia(), subject("riley"), CUSTOMER).await;
    world.grant(&ada(), group("support"), STATUS).await;
    world.grant(&ada(), subject("otto"), STATUS).await;
    world.grant(&olivia(), subject("ada"), CUSTOMER).await;
    let view = governance.review_schedules().await.unwrap().remove(0);
    assert_eq!(view.scope, "all grants");
    assert_eq!(view.grants, 5);
    let dates: Vec<&str> = view.next.iter().map(|it| it.date.as_str()).collect();
    assert_eq!(dates, ["2027-04-15", "2027-07-15", "2027-10-15"], "after {}", world.now());
    assert_eq!(view.next[0].opens_at.to_string(), "2027-04-15T07:00:00.000Z");
    assert_eq!(view.next[0].due_at.to_string(), "2027-05-06T07:00:00.000Z");
    assert_eq!(loads(&view), ["fiona 2 (fallback)", "olivia 2 (owner)", "otto 1 (owner)"]);
    assert_eq!((view.to_fallback, view.without), (2, 0));
    // What is the campaign's owner's own, nobody is left for.
    for name in ["fiona", "olivia"] {
        governance.suspend(&ada(), &name.into(), "left").await.unwrap();
    }
    let view = governance.review_schedules().await.unwrap().remove(0);
    assert_eq!(loads(&view), ["ada 3 (campaign owner)", "otto 1 (owner)"]);
    assert_eq!((view.to_fallback, view.without, view.without_some.len()), (3, 1, 1));
}

async fn managers_of_a_directory_review(world: World) {
    let governance = &world.governance;
    let catalog = catalog_with("/schedules", schedule());
    governance.apply_catalog(&ada(), catalog, None).await.unwrap();
    let user = |name: &str, document: serde_json::Value| UserFacts {
        name: name.to_owned(),
        external_id: None,
        subject: name.into(),
        active: Active::Yes,
        document: document.to_string(),
    };
    let mona = user("mona", json!({"userName": "mona"}));
    let mona = governance.add_user(&okta(), mona).await.unwrap();
    let extension = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
    let document = json!({"userName": "riley", extension: {"manager": {"value": mona.id}}});
    governance.add_user(&okta(), user("riley", document)).await.unwrap();
    world.grant(&olivia(), subject("riley"), CUSTOMER).await;
    let view = governance.review_schedules().await.unwrap().remove(0);
    assert_eq!(loads(&view), ["mona 1 (manager)"]);
    let person = governance.person(&"riley".into()).await.unwrap();
    assert_eq!(person.directories[0].manager, Some("mona".into()));
}
