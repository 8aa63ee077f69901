//! Reviewers who leave (R6), and people whom directories tell of.

use super::scene::{rules, stage};
use crate::world::{CUSTOMER, REFUND, World, actor, ada, okta, olivia, on_both, subject};
use countersign_governance::{Active, NewDelegation, UserFacts};
use countersign_model::{
    Reason, Span,
    review::{CampaignRules, ReviewVerdict, ReviewerRule, schedule::StageMode},
};
use serde_json::json;

on_both!(
    r06_who_leaves_loses_open_items_at_once_and_what_they_decided_stands,
    r06_where_each_must_answer_a_gone_reviewer_is_replaced,
    r06_a_suspended_reviewer_does_not_answer_even_before_anybody_looked,
    r06_a_delegate_is_asked_while_they_stand_in_and_then_the_person_again,
    r04_nobody_reviews_themself_by_another_name_of_theirs,
    r04_where_the_owner_may_not_the_manager_is_asked,
);

use ReviewVerdict::Certify;

impl World {
    /// Their directory says that somebody has left.
    pub(crate) async fn deactivate(&self, name: &str) {
        let user = UserFacts {
            name: name.to_owned(),
            external_id: None,
            subject: name.into(),
            active: Active::No,
            document: "{}".to_owned(),
        };
        self.governance.add_user(&okta(), user).await.unwrap();
    }
}

async fn r06_who_leaves_loses_open_items_at_once_and_what_they_decided_stands(world: World) {
    let done = world.grant(&ada(), subject("riley"), CUSTOMER).await;
    let open = world.grant(&ada(), subject("kim"), CUSTOMER).await;
    let opened = world.open_review(rules()).await;
    world.look().await;
    world.answer(&olivia(), &opened, done, Certify).await.unwrap();
    world.deactivate("olivia").await;
    world.look().await;
    assert_eq!(world.asked(&opened, open).await, ["fiona"]);
    assert_eq!(world.state(&opened, done).await, "certified");
    assert_eq!(world.said("riley", &[], CUSTOMER), Reason::Granted);
    assert_eq!(world.governance.reviews_waiting_for(&"olivia".into()).await.unwrap(), 0);
    let refused = world.answer(&olivia(), &opened, open, Certify).await.unwrap_err();
    assert_eq!(refused.code(), "suspended");
    world.answer(&actor("fiona", &[]), &opened, open, Certify).await.unwrap();
    let entries = world.entries("review.changed");
    assert_eq!(entries.len(), 1);
    assert_eq!(
        (&entries[0]["change"], &entries[0]["reviewers"][0]),
        (&"reassigned".into(), &"fiona".into())
    );
    // Another look hands nothing on again.
    world.look().await;
    assert_eq!(world.entries("review.changed").len(), 1);
}

async fn r06_where_each_must_answer_a_gone_reviewer_is_replaced(world: World) {
    let id = world.grant(&ada(), subject("riley"), CUSTOMER).await;
    let both = stage(vec![ReviewerRule::Owner, super::scene::person("nora")], StageMode::All);
    let opened = world.open_review(CampaignRules { stages: vec![both], ..rules() }).await;
    world.look().await;
    world.answer(&olivia(), &opened, id, Certify).await.unwrap();
    world.deactivate("nora").await;
    world.look().await;
    assert_eq!(world.state(&opened, id).await, "open", "one of two is not all");
    assert_eq!(world.asked(&opened, id).await, ["olivia", "fiona"]);
    world.answer(&actor("fiona", &[]), &opened, id, Certify).await.unwrap();
    assert_eq!(world.state(&opened, id).await, "certified");
}

async fn r06_a_suspended_reviewer_does_not_answer_even_before_anybody_looked(world: World) {
    let id = world.grant(&ada(), subject("riley"), CUSTOMER).await;
    let opened = world.open_review(rules()).await;
    world.governance.suspend(&ada(), &"olivia".into(), "stolen laptop").await.unwrap();
    let refused = world.answer(&olivia(), &opened, id, Certify).await.unwrap_err();
    assert_eq!(refused.code(), "suspended");
    world.look().await;
    assert_eq!(world.asked(&opened, id).await, ["fiona"]);
}

async fn r06_a_delegate_is_asked_while_they_stand_in_and_then_the_person_again(world: World) {
    let done = world.grant(&ada(), subject("riley"), CUSTOMER).await;
    let open = world.grant(&ada(), subject("kim"), CUSTOMER).await;
    let opened = world.open_review(rules()).await;
    world.look().await;
    assert_eq!(world.asked(&opened, open).await, ["olivia"]);
    let dora = world.known("dora").await;
    let until = world.now().plus(Span::from_days(3));
    let away = NewDelegation { of: None, to: "dora".into(), from: None, until };
    world.governance.set_delegate(&olivia(), away).await.unwrap();
    assert_eq!(world.refused(&dora, &opened, open, Certify).await, "not_asked");
    world.pass(Span::from_seconds(60));
    world.look().await;
    assert_eq!(world.asked(&opened, open).await, ["dora"]);
    world.answer(&dora, &opened, done, Certify).await.unwrap();
    world.pass_days(3).await;
    assert_eq!(world.asked(&opened, open).await, ["olivia"]);
    assert_eq!(world.refused(&dora, &opened, open, Certify).await, "not_asked");
    assert_eq!(world.state(&opened, done).await, "certified", "what a delegate decided stands");
    world.answer(&olivia(), &opened, open, Certify).await.unwrap();
}

/// Somebody whom a directory knows by an address, and perhaps their manager.
async fn directory_user(world: &World, name: &str, email: &str, manager: Option<&str>) -> String {
    let extension = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
    let manager = manager.map(|it| json!({"value": it}));
    let document = json!({
        "userName": name, "emails": [{"value": email, "primary": true}],
        extension: {"manager": manager},
    });
    let user = UserFacts {
        name: name.to_owned(),
        external_id: None,
        subject: name.into(),
        active: Active::Yes,
        document: document.to_string(),
    };
    world.governance.add_user(&okta(), user).await.unwrap().id
}

async fn r04_nobody_reviews_themself_by_another_name_of_theirs(world: World) {
    let id = world.grant(&ada(), subject("olivia@old"), CUSTOMER).await;
    directory_user(&world, "olivia", "Olivia@acme.example", None).await;
    let opened = world.open_review(rules()).await;
    assert_eq!(world.asked(&opened, id).await, ["olivia"]);
    // Only now it is known that both are she: the answer is judged by what is known then.
    directory_user(&world, "olivia@old", "olivia@ACME.example", None).await;
    assert_eq!(world.refused(&olivia(), &opened, id, Certify).await, "own_access");
}

async fn r04_where_the_owner_may_not_the_manager_is_asked(world: World) {
    // At high sensitivity whoever made a grant does not review it.
    let id = world.grant(&olivia(), subject("riley"), REFUND).await;
    let mona = directory_user(&world, "mona", "mona@acme.example", None).await;
    directory_user(&world, "riley", "riley@acme.example", Some(&mona)).await;
    let opened = world.open_review(rules()).await;
    assert_eq!(world.asked(&opened, id).await, ["mona"]);
    let item = world.item(&opened, id).await;
    assert_eq!(item.reviewers[0].why, "manager");
    world.answer(&actor("mona", &[]), &opened, id, Certify).await.unwrap();
    assert_eq!(world.state(&opened, id).await, "certified");
}
