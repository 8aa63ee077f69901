//! Campaigns and their items: compare-and-sets, who is found by the index, and what runs once.

use crate::world::{NOW, World, deliver, entropy, entry, grant, keep, on_both};
use countersign_model::{
    CampaignId, Digest, Epoch, Grant, GrantId, Sensitivity, Span, Subject,
    ids::EntryId,
    record::GrantChange,
    review::{
        Answer, Campaign, CampaignOrigin, CampaignRules, CampaignState, GrantUsage, Item,
        ItemResult, ItemState, Outcome, Recommendation, ReviewVerdict, Scope,
        item::{Advice, ItemSnapshot, Peers, Reviewer},
        schedule::ReasonNeeded,
    },
};
use countersign_store::{
    CampaignQuery, CampaignRow, Effect, GrantRow, ITEMS_AT_ONCE_MAX, ItemQuery, ItemRow,
    ScheduleRun, Store, Written,
};

on_both!(
    a_campaign_is_written_by_who_read_it_last,
    one_run_makes_a_snapshot,
    a_date_runs_once,
    many_items_are_added_and_read_in_order,
    what_waits_for_somebody_is_found_over_all_campaigns,
    an_item_is_written_by_who_read_it_last,
    items_follow_their_grants,
    what_was_decided_is_verified_when_its_policy_is_served,
    grants_that_permit_something_else_since_are_found,
);

fn campaign() -> Campaign {
    Campaign {
        id: CampaignId::new(NOW, &entropy()),
        title: "Spring".to_owned(),
        origin: CampaignOrigin::ByHand { by: "ada".into() },
        scope: Scope::default(),
        rules: CampaignRules {
            owner: "ada".into(),
            stages: vec![],
            fallback: vec![],
            duration: Span::from_days(14),
            grace: Span::from_days(7),
            reminders: vec![],
            look_back: Span::from_days(90),
            breaker_percent: 50,
            bulk_max: 50,
            reason: ReasonNeeded::High,
        },
        due_at: NOW,
        grace_until: NOW,
        opening: None,
        state: CampaignState::Open,
        confirmed: vec![],
        reminded: 0,
        sign_offs: vec![],
        addenda: vec![],
    }
}

fn item(campaign: &Campaign, grant: &Grant, reviewers: &[&str]) -> Item {
    let snapshot = ItemSnapshot {
        grant: grant.clone(),
        functions: grant.functions.clone(),
        sensitivity: Sensitivity::High,
        usage: GrantUsage::default(),
        peers: Peers::default(),
        changes: vec![],
        recommendation: Recommendation { advice: Advice::Revoke, reasons: vec![] },
    };
    let reviewer =
        |name: &&str| Reviewer { subject: (*name).into(), why: "owner".to_owned(), since: NOW };
    Item {
        campaign: campaign.id,
        grant: grant.id,
        digest: snapshot.digest(),
        snapshot,
        stage: 0,
        reviewers: reviewers.iter().map(reviewer).collect(),
        answers: vec![],
        state: ItemState::Open,
    }
}

fn answered(item: &Item, by: &str, result: ItemResult) -> Item {
    let mut next = item.clone();
    next.answers.push(Answer {
        by: by.into(),
        at: NOW,
        stage: 0,
        version: 1,
        verdict: ReviewVerdict::Certify,
        reason: String::new(),
        against: true,
        together: 1,
        seen_ms: Some(1_200),
        void: None,
    });
    next.state = ItemState::Decided(Outcome {
        result,
        at: NOW,
        by: vec![by.into()],
        epoch: Epoch(1),
        verified_at: None,
        version: 1,
        before: None,
        narrowed_from: None,
    });
    next
}

async fn add(store: &Store, campaign: &Campaign, items: &[Item]) {
    let mut change = store.change().await.unwrap();
    change.add_campaign(campaign).await.unwrap();
    change.add_items(campaign.id, items).await.unwrap();
    change.commit().await.unwrap();
}

async fn stored(store: &Store, campaign: &Campaign, grant: GrantId) -> ItemRow {
    store.view().await.unwrap().item(campaign.id, grant).await.unwrap().unwrap()
}

async fn write(store: &Store, row: &ItemRow) -> Written {
    let mut change = store.change().await.unwrap();
    let written = change.write_item(row).await.unwrap();
    change.commit().await.unwrap();
    written
}

async fn a_campaign_is_written_by_who_read_it_last(world: World) {
    let campaign = campaign();
    add(&world.store, &campaign, &[]).await;
    let mut change = world.store.change().await.unwrap();
    let row = change.campaign(campaign.id).await.unwrap().unwrap();
    assert_eq!(row.campaign, campaign);
    let closed = CampaignState::Closed { at: NOW, report: Digest::of(b"report") };
    let next = CampaignRow { campaign: Campaign { state: closed, ..campaign }, ..row };
    assert_eq!(change.write_campaign(&next).await.unwrap(), Written::Done);
    assert_eq!(change.write_campaign(&next).await.unwrap(), Written::Conflict);
    change.keep_report(next.campaign.id, "{}").await.unwrap();
    change.commit().await.unwrap();
    let mut view = world.store.view().await.unwrap();
    assert_eq!(view.report(next.campaign.id).await.unwrap().as_deref(), Some("{}"));
    assert!(view.running_campaigns(None, 10).await.unwrap().is_empty());
    let query =
        |state: &str| CampaignQuery { states: vec![state.to_owned()], before: None, limit: 10 };
    assert_eq!(view.campaigns(&query("closed")).await.unwrap().len(), 1);
    assert_eq!(view.campaigns(&query("open")).await.unwrap().len(), 0);
}

async fn one_run_makes_a_snapshot(world: World) {
    let campaign = Campaign { state: CampaignState::Opening, ..campaign() };
    add(&world.store, &campaign, &[]).await;
    let id = campaign.id;
    let mut change = world.store.change().await.unwrap();
    assert_eq!(change.filler(id).await.unwrap(), None);
    assert_eq!(change.claim_filling(id, None, "a", "one").await.unwrap(), Written::Done);
    assert_eq!(change.claim_filling(id, None, "b", "two").await.unwrap(), Written::Conflict);
    assert_eq!(change.filler(id).await.unwrap(), Some(("a".to_owned(), "one".to_owned())));
    assert_eq!(change.hold_filling(id, "a").await.unwrap(), Written::Done);
    assert_eq!(change.claim_filling(id, Some("a"), "b", "two").await.unwrap(), Written::Done);
    assert_eq!(change.hold_filling(id, "a").await.unwrap(), Written::Conflict);
    let row = change.campaign(id).await.unwrap().unwrap();
    let open = Campaign { state: CampaignState::Open, ..row.campaign };
    let written = change.write_campaign(&CampaignRow { campaign: open, ..row }).await.unwrap();
    assert_eq!(written, Written::Done);
    assert_eq!(change.hold_filling(id, "b").await.unwrap(), Written::Conflict, "it is made");
}

async fn a_date_runs_once(world: World) {
    let run = |date: &str, campaign| ScheduleRun { date: date.to_owned(), campaign, at: NOW };
    let id = campaign().id;
    let mut change = world.store.change().await.unwrap();
    for (date, expected) in
        [("", Written::Done), ("2027-01-01", Written::Done), ("", Written::Conflict)]
    {
        assert_eq!(change.add_run("monthly", &run(date, None)).await.unwrap(), expected);
    }
    let later = run("2027-02-01", Some(id));
    assert_eq!(change.add_run("monthly", &later).await.unwrap(), Written::Done);
    assert_eq!(change.add_run("monthly", &later).await.unwrap(), Written::Conflict);
    assert_eq!(change.add_run("yearly", &later).await.unwrap(), Written::Done);
    let runs = change.runs("monthly").await.unwrap();
    assert_eq!(runs, [later, run("2027-01-01", None), run("", None)]);
}

async fn many_items_are_added_and_read_in_order(world: World) {
    let campaign = campaign();
    let count = ITEMS_AT_ONCE_MAX * 2 + 7;
    let items: Vec<Item> =
        (0..count).map(|_| item(&campaign, &grant("riley"), &["olivia", "otto"])).collect();
    add(&world.store, &campaign, &items).await;
    let mut ids: Vec<GrantId> = items.iter().map(|it| it.grant).collect();
    ids.sort();
    let mut view = world.store.view().await.unwrap();
    let (mut after, mut found) = (None, Vec::new());
    loop {
        let page = view.item_digests(campaign.id, after, 400).await.unwrap();
        let Some((last, _)) = page.last() else { break };
        after = Some(*last);
        found.extend(page);
    }
    assert_eq!(found.iter().map(|(id, _)| *id).collect::<Vec<_>>(), ids);
    let counts = view.item_counts(campaign.id).await.unwrap();
    assert_eq!(counts.len(), 1);
    assert_eq!(counts[0].items, u64::try_from(count).unwrap());
    assert_eq!((counts[0].advice.as_str(), counts[0].sensitivity.as_str()), ("revoke", "high"));
    let waiting = view.waiting_reviewers(campaign.id).await.unwrap();
    assert_eq!(waiting.len(), 2);
    drop(view);
    let mut change = world.store.change().await.unwrap();
    change.remove_items(campaign.id).await.unwrap();
    assert!(change.waiting_reviewers(campaign.id).await.unwrap().is_empty());
    assert!(change.item_counts(campaign.id).await.unwrap().is_empty());
}

async fn what_waits_for_somebody_is_found_over_all_campaigns(world: World) {
    let (one, two) = (campaign(), campaign());
    let grants = [grant("riley"), grant("kim")];
    add(&world.store, &one, &[item(&one, &grants[0], &["olivia"])]).await;
    add(&world.store, &two, &grants.clone().map(|it| item(&two, &it, &["olivia", "otto"]))).await;
    let olivia = Subject::from("olivia");
    let query = |campaign, waiting| ItemQuery {
        campaign,
        reviewer: Some("olivia".into()),
        waiting,
        limit: 10,
        ..ItemQuery::default()
    };
    let row = stored(&world.store, &two, grants[1].id).await;
    let next = ItemRow { item: answered(&row.item, "olivia", ItemResult::Certified), ..row };
    assert_eq!(write(&world.store, &next).await, Written::Done);
    let mut view = world.store.view().await.unwrap();
    assert_eq!(view.waiting_for(&olivia).await.unwrap(), 2);
    assert_eq!(view.waiting_for(&"otto".into()).await.unwrap(), 1, "nobody is asked any more");
    let found = view.items(&query(None, true)).await.unwrap();
    assert_eq!(found.len(), 2);
    assert_eq!(view.items(&query(None, false)).await.unwrap().len(), 3);
    assert_eq!(view.items(&query(Some(two.id), false)).await.unwrap().len(), 2);
    let all = ItemQuery { campaign: Some(two.id), limit: 1, ..ItemQuery::default() };
    let first = view.items(&all).await.unwrap();
    let after = Some((first[0].item.campaign, first[0].item.grant));
    let rest = view.items(&ItemQuery { after, limit: 10, ..all.clone() }).await.unwrap();
    assert_eq!((first.len(), rest.len()), (1, 1));
    assert!(rest[0].item.grant > first[0].item.grant);
    let decided = ItemQuery { state: Some("decided".to_owned()), limit: 10, ..all };
    assert_eq!(
        view.items(&decided).await.unwrap(),
        [stored(&world.store, &two, grants[1].id).await]
    );
}

async fn an_item_is_written_by_who_read_it_last(world: World) {
    let campaign = campaign();
    let new = item(&campaign, &grant("riley"), &["olivia"]);
    add(&world.store, &campaign, std::slice::from_ref(&new)).await;
    let row = stored(&world.store, &campaign, new.grant).await;
    assert_eq!(row.item, new);
    let mut next = ItemRow { item: answered(&new, "olivia", ItemResult::Certified), ..row };
    assert_eq!(write(&world.store, &next).await, Written::Done);
    assert_eq!(write(&world.store, &next).await, Written::Conflict);
    next.revision += 1;
    assert_eq!(stored(&world.store, &campaign, new.grant).await, next);
}

async fn items_follow_their_grants(world: World) {
    let campaign = campaign();
    let (one, two) = (grant("riley"), grant("kim"));
    for (grant, epoch) in [(&one, 3), (&two, 5)] {
        let mut change = world.store.change().await.unwrap();
        change.add_grant(grant, Epoch(epoch), entry()).await.unwrap();
        change.commit().await.unwrap();
    }
    let items = [&one, &two].map(|it| item(&campaign, it, &["olivia"]));
    add(&world.store, &campaign, &items).await;
    let closed = Campaign {
        state: CampaignState::Closed { at: NOW, report: Digest::of(b"") },
        ..campaign.clone()
    };
    let closed = Campaign { id: CampaignId::new(NOW, &entropy()), ..closed };
    add(&world.store, &closed, &[item(&closed, &two, &["olivia"])]).await;
    let mut view = world.store.view().await.unwrap();
    let since = |epoch| Epoch(epoch);
    let all = view.items_of_changed_grants(since(0), None, 10).await.unwrap();
    assert_eq!(all, [(campaign.id, one.id), (campaign.id, two.id)]);
    let after = Some((one.id, campaign.id));
    assert_eq!(view.items_of_changed_grants(since(0), after, 10).await.unwrap().len(), 1);
    let newer = view.items_of_changed_grants(since(4), None, 10).await.unwrap();
    assert_eq!(newer, [(campaign.id, two.id)]);
}

async fn what_was_decided_is_verified_when_its_policy_is_served(world: World) {
    let campaign = campaign();
    let held = grant("riley");
    let mut change = world.store.change().await.unwrap();
    let (epoch, id) = (change.lock_epoch().await.unwrap(), entry());
    change.add_grant(&held, epoch, id).await.unwrap();
    keep(&mut change, id, &held.id.to_string(), Effect::AtDelivery).await;
    for (name, epoch) in [("one", 9), ("two", 1)] {
        change.saw_gateway(name, NOW).await.unwrap();
        change.serves_epoch(name, Epoch(epoch)).await.unwrap();
    }
    change.commit().await.unwrap();
    let decided = answered(&item(&campaign, &held, &["olivia"]), "olivia", ItemResult::Certified);
    add(&world.store, &campaign, &[decided]).await;
    let in_force = |served| {
        let store = world.store.clone();
        async move { store.view().await.unwrap().items_in_force(Epoch(served), 10).await.unwrap() }
    };
    assert_eq!(in_force(9).await, [], "its entry waits");
    deliver(&world.store).await;
    assert_eq!(in_force(0).await, []);
    let found = in_force(1).await;
    assert_eq!(found.len(), 1);
    let mut change = world.store.change().await.unwrap();
    assert_eq!(change.epoch_served_by_all().await.unwrap(), Epoch(1));
    assert_eq!(change.verify_item(&found[0], NOW).await.unwrap(), Written::Done);
    change.commit().await.unwrap();
    assert_eq!(in_force(9).await, []);
}

async fn grants_that_permit_something_else_since_are_found(world: World) {
    let campaign = campaign();
    let grants: Vec<Grant> = (0..6).map(|_| grant("riley")).collect();
    // The last one is in no campaign.
    let items: Vec<Item> = grants[..5].iter().map(|it| item(&campaign, it, &["olivia"])).collect();
    add(&world.store, &campaign, &items).await;
    let after = |days| NOW.plus(Span::from_days(days));
    let steps = [
        (0, GrantChange::Widened, after(-1)),
        (1, GrantChange::Widened, after(2)),
        (1, GrantChange::Widened, after(1)),
        (2, GrantChange::Narrowed, after(1)),
        (3, GrantChange::Certified, after(1)),
        (4, GrantChange::Renewed, after(3)),
        (5, GrantChange::Widened, after(1)),
    ];
    let mut change = world.store.change().await.unwrap();
    for (revision, (place, kind, at)) in (2..).zip(steps) {
        let row = GrantRow { grant: grants[place].clone(), revision };
        let entry = EntryId::new(at, &entropy());
        change.keep_grant_step(&row, kind, &"olivia".into(), at, entry).await.unwrap();
    }
    change.commit().await.unwrap();
    let mut view = world.store.view().await.unwrap();
    let (count, found) = view.items_changed_since(campaign.id, NOW, 2).await.unwrap();
    let mut expected = [grants[1].id, grants[2].id, grants[4].id];
    expected.sort();
    assert_eq!(count, 3);
    let found: Vec<GrantId> = found.iter().map(|it| it.item.grant).collect();
    assert_eq!(found, expected[..2], "the first of them");
    let ids: Vec<GrantId> = grants.iter().map(|it| it.id).collect();
    let mut widened = view.widened_since(&ids, NOW).await.unwrap();
    widened.sort();
    let mut expected = [(grants[1].id, after(2)), (grants[5].id, after(1))];
    expected.sort();
    assert_eq!(widened, expected);
    assert_eq!(view.widened_since(&[], NOW).await.unwrap(), []);
}
