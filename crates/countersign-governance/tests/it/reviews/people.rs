//! Reviewers who leave (R6), and people whom directories tell of.

use super::scene::{rules, stage};
use crate::world::{CUSTOMER, World, actor, ada, okta, olivia, on_both, subject};
use countersign_governance::{Active, UserFacts};
use countersign_model::{
    Reason,
    review::{CampaignRules, ReviewVerdict, ReviewerRule, schedule::StageMode},
};

on_both!(
    r06_who_leaves_loses_open_items_at_once_and_what_they_decided_stands,
    r06_where_each_must_answer_a_gone_reviewer_is_replaced,
    r06_a_suspended_reviewer_does_not_answer_even_before_anybody_looked,
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
