//! A campaign of many grants opens in reasonable time, and holds nobody up. `COUNTERSIGN_TEST_GRANTS`
//! says of how many; the time that it took is shown.

#![expect(clippy::print_stdout, reason = "what was measured is shown with --nocapture")]

use super::scene::rules;
use crate::world::{CUSTOMER, World, ada, on_both, subject};
use countersign_model::{
    Grant, GrantId, GrantOrigin, GrantState, Span, ids::EntryId, review::ReviewVerdict,
};
use tokio::time::Instant;

on_both!(r01_a_campaign_of_many_grants_opens_and_ends_in_parts);

fn wanted() -> usize {
    #[expect(clippy::disallowed_methods, reason = "how large tests are is said outside")]
    let said = std::env::var("COUNTERSIGN_TEST_GRANTS").ok();
    said.and_then(|it| it.parse().ok()).unwrap_or(2_500)
}

async fn r01_a_campaign_of_many_grants_opens_and_ends_in_parts(world: World) {
    let many = wanted();
    let mut change = world.governance.store().change().await.unwrap();
    let epoch = change.next_epoch().await.unwrap();
    let mut last = None;
    for number in 0..many {
        let grant = Grant {
            id: GrantId::new(world.now(), world.governance.entropy()),
            version: 1,
            holder: subject(&format!("person {number}")),
            functions: vec![CUSTOMER.into()],
            tags: vec![],
            reason: "support".to_owned(),
            constraints: vec![],
            rate: None,
            made_by: "ada".into(),
            made_at: world.now(),
            origin: GrantOrigin::Direct,
            successor_of: None,
            expires_at: None,
            certified: None,
            state: GrantState::Active,
        };
        let entry = EntryId::new(world.now(), world.governance.entropy());
        change.add_grant(&grant, epoch, entry).await.unwrap();
        last = Some(grant.id);
    }
    change.commit().await.unwrap();
    let began = Instant::now();
    let opened = world.open_review(rules()).await;
    println!("{many} grants: open after {:?}", began.elapsed());
    let items = u64::try_from(many).unwrap();
    assert_eq!(opened.opening.as_ref().unwrap().items, items);
    assert_eq!(world.governance.reviews_waiting_for(&"olivia".into()).await.unwrap(), items);
    let began = Instant::now();
    let last = last.unwrap();
    world.answer(&crate::world::olivia(), &opened, last, ReviewVerdict::Certify).await.unwrap();
    println!("one answer: {:?}", began.elapsed());
    let began = Instant::now();
    world.pass(Span::from_days(14));
    world.look().await;
    println!("ended after {:?}", began.elapsed());
    let view = world.governance.campaign(&ada(), opened.id).await.unwrap();
    assert_eq!(view.progress.results["not_reviewed"], items - 1);
    assert_eq!(view.progress.results["certified"], 1);
    assert_eq!(view.campaign.state.name(), "closed");
}
