//! Answers: whose, of which version, together or alone, and what they do at once.

use super::scene::{answer, person, rules, stage};
use crate::world::{
    CUSTOMER, REFUND, STATUS, World, actor, ada, group, new_grant, olivia, on_both, subject,
};
use countersign_model::{
    CallerKind, Grant, GrantState, Reason, Span,
    record::GrantChange,
    review::{
        CampaignRules, ItemResult, ItemState, ReviewVerdict, ReviewerRule,
        schedule::{ReasonNeeded, StageMode},
    },
};
use countersign_store::{Effect, GrantRow, Written};

on_both!(
    r02_an_answer_binds_to_the_version_and_a_wider_grant_opens_again,
    r02_a_revoke_is_of_the_grant_whatever_its_version,
    r04_nobody_reviews_their_own_access,
    r04_a_sponsor_alone_certifies_nothing,
    r05_agents_services_and_auditors_decide_nothing,
    r10_a_revoke_acts_on_the_next_call_and_can_be_undone_for_a_quarter_of_an_hour,
    r10_a_certification_can_be_changed_and_undone,
    r10_what_gives_rights_waits_for_the_ledger_and_what_takes_them_does_not,
    r12_a_quorum_is_of_people_and_a_revoke_beats_it,
    r12_stages_follow_one_another,
    r13_who_does_not_know_hands_on_or_has_not_answered,
    r17_against_the_recommendation_needs_a_reason,
    r17_high_sensitivity_is_never_certified_in_bulk,
    r18_reduce_narrows_the_grant_at_once_and_can_be_undone,
);

use ReviewVerdict::{Certify, DontKnow, Revoke};

impl World {
    /// Widens a grant behind the campaign's back, as its owner would.
    pub(crate) async fn widen(&self, id: countersign_model::GrantId, function: &str) {
        let mut change = self.governance.store().change().await.unwrap();
        let epoch = change.next_epoch().await.unwrap();
        let GrantRow { grant, revision } = change.grant(id).await.unwrap().unwrap();
        let mut terms = grant.terms();
        terms.functions.push(function.into());
        let entry = countersign_model::ids::EntryId::new(self.now(), self.governance.entropy());
        let next = GrantRow { grant: grant.with(terms), revision };
        let written = change.write_grant(&next, epoch, entry, Effect::AtCommit).await.unwrap();
        assert_eq!(written, Written::Done);
        change.commit().await.unwrap();
    }
}

async fn r02_an_answer_binds_to_the_version_and_a_wider_grant_opens_again(world: World) {
    let id = world.grant(&ada(), subject("riley"), CUSTOMER).await;
    let opened = world.open_review(rules()).await;
    world.answer(&olivia(), &opened, id, Certify).await.unwrap();
    assert_eq!(world.said("riley", &[], CUSTOMER), Reason::Granted);
    world.widen(id, REFUND).await;
    world.look().await;
    assert_eq!(world.state(&opened, id).await, "open");
    let item = world.item(&opened, id).await;
    assert_eq!(item.answers[0].void.as_deref(), Some("widened"));
    // Nothing that was said of the narrower grant carries the wider one.
    assert_eq!(world.said("riley", &[], CUSTOMER), Reason::GrantOverdue);
    let view = world.governance.item(&olivia(), opened.id, id).await.unwrap();
    assert_eq!(view.since_snapshot[0].code, "widened");
    assert!(view.since_snapshot[0].sentence.contains(REFUND));
    // Who answers for the version that they had before their eyes is asked to look again.
    let old = vec![answer(id, 1, Certify)];
    let answered = world.governance.answer_items(&olivia(), opened.id, old).await.unwrap();
    assert_eq!(answered[0].result.as_ref().unwrap_err().code(), "other_version");
    world.answer(&olivia(), &opened, id, Certify).await.unwrap();
    assert_eq!(world.said("riley", &[], CUSTOMER), Reason::Granted);
    let changes = world.entries("review.changed");
    assert!(changes.iter().any(|it| it["change"] == "reopened"), "{changes:?}");
}

async fn r02_a_revoke_is_of_the_grant_whatever_its_version(world: World) {
    let id = world.grant(&ada(), subject("riley"), CUSTOMER).await;
    let opened = world.open_review(rules()).await;
    world.widen(id, STATUS).await;
    let old = vec![answer(id, 1, Revoke)];
    let answered = world.governance.answer_items(&olivia(), opened.id, old).await.unwrap();
    // Otto owns the new function, and olivia is still one of those who are asked.
    answered[0].result.as_ref().unwrap();
    assert_eq!(world.said("riley", &[], CUSTOMER), Reason::GrantRevoked);
    assert_eq!(world.state(&opened, id).await, "revoked");
}

async fn r04_nobody_reviews_their_own_access(world: World) {
    let own = world.grant(&ada(), subject("olivia"), CUSTOMER).await;
    let team = world.grant(&ada(), group("finance"), CUSTOMER).await;
    let made = world.grant(&olivia(), subject("riley"), REFUND).await;
    let opened = world.open_review(rules()).await;
    // The owner is not asked about her own grant, nor about that of high sensitivity that she made.
    assert_eq!(world.asked(&opened, own).await, ["fiona"]);
    assert_eq!(world.asked(&opened, made).await, ["fiona"]);
    assert_eq!(world.refused(&olivia(), &opened, own, Certify).await, "not_asked");
    assert_eq!(world.refused(&olivia(), &opened, made, Certify).await, "not_asked");
    // Nobody knew at the opening that she is in the group; her sign-in says so now.
    assert_eq!(world.asked(&opened, team).await, ["olivia"]);
    assert_eq!(world.refused(&olivia(), &opened, team, Certify).await, "own_access");
    assert_eq!(world.state(&opened, team).await, "open");
    world.answer(&actor("fiona", &[]), &opened, own, Certify).await.unwrap();
    // Whoever is the subject of what they are asked about after the opening: judged at the answer.
    assert_eq!(world.refused(&actor("kim", &[]), &opened, own, Revoke).await, "not_asked");
}

async fn r04_a_sponsor_alone_certifies_nothing(world: World) {
    let id = world.grant(&ada(), subject("agent:dunning"), CUSTOMER).await;
    let sponsor = stage(vec![ReviewerRule::Sponsor], StageMode::AnyOne);
    let opened = world.open_review(CampaignRules { stages: vec![sponsor], ..rules() }).await;
    assert_eq!(world.asked(&opened, id).await, ["olivia"], "the chain, not the sponsor");
    let both = stage(vec![ReviewerRule::Sponsor, ReviewerRule::Owner], StageMode::All);
    let opened = world.open_review(CampaignRules { stages: vec![both], ..rules() }).await;
    assert_eq!(world.asked(&opened, id).await, ["sam", "olivia"]);
    world.answer(&actor("sam", &[]), &opened, id, Certify).await.unwrap();
    assert_eq!(world.state(&opened, id).await, "open");
    assert!(world.stored(id).await.certified.is_none());
    world.answer(&olivia(), &opened, id, Certify).await.unwrap();
    assert_eq!(world.state(&opened, id).await, "certified");
}

async fn r05_agents_services_and_auditors_decide_nothing(world: World) {
    let id = world.grant(&ada(), subject("riley"), CUSTOMER).await;
    let opened = world.open_review(rules()).await;
    let mut agent = olivia();
    agent.person.kind = CallerKind::Agent;
    let mut service = olivia();
    service.person.kind = CallerKind::Service;
    let auditor = actor("olivia", &["audit"]);
    for (who, code) in [
        (&agent, "not_a_person"),
        (&service, "not_a_person"),
        (&auditor, "auditor_changes_nothing"),
    ] {
        let new = vec![answer(id, 1, Revoke)];
        let refused = world.governance.answer_items(who, opened.id, new).await.unwrap_err();
        assert_eq!(refused.code(), code);
        let refused = world.governance.undo(who, opened.id, id).await.unwrap_err();
        assert_eq!(refused.code(), code);
    }
    assert_eq!(world.state(&opened, id).await, "open");
    assert!(world.entries("review.decided").is_empty());
}

async fn r10_a_revoke_acts_on_the_next_call_and_can_be_undone_for_a_quarter_of_an_hour(
    world: World,
) {
    let id = world.grant(&olivia(), subject("riley"), CUSTOMER).await;
    let opened = world.open_review(rules()).await;
    assert_eq!(world.said("riley", &[], CUSTOMER), Reason::Granted);
    world.answer(&olivia(), &opened, id, Revoke).await.unwrap();
    assert_eq!(world.said("riley", &[], CUSTOMER), Reason::GrantRevoked);
    world.pass(Span::from_seconds(15 * 60));
    let error = world.governance.undo(&actor("otto", &[]), opened.id, id).await.unwrap_err();
    assert_eq!(error.code(), "not_asked");
    world.governance.undo(&olivia(), opened.id, id).await.unwrap();
    assert_eq!(world.said("riley", &[], CUSTOMER), Reason::Granted);
    assert_eq!(world.state(&opened, id).await, "open");
    world.answer(&olivia(), &opened, id, Revoke).await.unwrap();
    world.pass(Span::from_millis(15 * 60 * 1000 + 1));
    let error = world.governance.undo(&olivia(), opened.id, id).await.unwrap_err();
    assert_eq!(error.code(), "too_late");
    assert_eq!(world.refused(&olivia(), &opened, id, Certify).await, "item_state");
    assert_eq!(world.said("riley", &[], CUSTOMER), Reason::GrantRevoked);
}

async fn r10_a_certification_can_be_changed_and_undone(world: World) {
    let id = world.grant(&olivia(), subject("riley"), CUSTOMER).await;
    let at_birth = world.stored(id).await.certified;
    let opened = world.open_review(rules()).await;
    world.pass_days(1).await;
    world.answer(&olivia(), &opened, id, Certify).await.unwrap();
    let certified = world.stored(id).await.certified.unwrap();
    assert_eq!((certified.by.as_str(), certified.at), ("olivia", world.now()));
    world.pass_days(3).await;
    world.governance.undo(&olivia(), opened.id, id).await.unwrap();
    assert_eq!(world.stored(id).await.certified, at_birth, "the earlier one counts again");
    assert_eq!(world.state(&opened, id).await, "open");
    world.answer(&olivia(), &opened, id, Certify).await.unwrap();
    world.answer(&olivia(), &opened, id, Revoke).await.unwrap();
    assert_eq!(world.state(&opened, id).await, "revoked");
    assert_eq!(world.said("riley", &[], CUSTOMER), Reason::GrantRevoked);
    let voids: Vec<_> = world
        .item(&opened, id)
        .await
        .answers
        .into_iter()
        .map(|it| it.void.unwrap_or_default())
        .collect();
    assert_eq!(voids, ["undone", "changed", ""]);
}

async fn r10_what_gives_rights_waits_for_the_ledger_and_what_takes_them_does_not(mut world: World) {
    let keep = world.grant(&ada(), subject("riley"), REFUND).await;
    let end = world.grant(&olivia(), subject("sam"), CUSTOMER).await;
    let opened = world.open_review(rules()).await;
    world.break_ledger();
    let error = world.answer(&olivia(), &opened, keep, Certify).await.unwrap_err();
    assert_eq!(error.code(), "ledger_unavailable");
    assert_eq!(world.said("riley", &[], REFUND), Reason::GrantOverdue, "not in the ledger yet");
    let error = world.answer(&olivia(), &opened, end, Revoke).await.unwrap_err();
    assert_eq!(error.code(), "ledger_unavailable");
    assert_eq!(world.said("sam", &[], CUSTOMER), Reason::GrantRevoked);
    let world = world.restart().await;
    assert_eq!(world.said("riley", &[], REFUND), Reason::Granted);
    assert_eq!(world.entries("review.decided").len(), 2);
}

async fn r12_a_quorum_is_of_people_and_a_revoke_beats_it(world: World) {
    let ids = [
        world.grant(&ada(), subject("riley"), CUSTOMER).await,
        world.grant(&ada(), subject("kim"), CUSTOMER).await,
    ];
    let three = stage(vec![person("p1"), person("p2"), person("p3")], StageMode::Quorum(2));
    let opened = world.open_review(CampaignRules { stages: vec![three], ..rules() }).await;
    let [p1, p2, p3] = ["p1", "p2", "p3"].map(|it| actor(it, &[]));
    for id in ids {
        world.answer(&p1, &opened, id, Certify).await.unwrap();
        // The same person again is still one.
        world.answer(&p1, &opened, id, Certify).await.unwrap();
        assert_eq!(world.state(&opened, id).await, "open");
    }
    world.answer(&p2, &opened, ids[0], Certify).await.unwrap();
    assert_eq!(world.state(&opened, ids[0]).await, "certified");
    world.answer(&p2, &opened, ids[1], Revoke).await.unwrap();
    assert_eq!(world.state(&opened, ids[1]).await, "revoked");
    // A revoke beats a certification that is in force already.
    world.answer(&p3, &opened, ids[0], Revoke).await.unwrap();
    assert_eq!(world.state(&opened, ids[0]).await, "revoked");
    assert_eq!(world.said("riley", &[], CUSTOMER), Reason::GrantRevoked);
}

async fn r12_stages_follow_one_another(world: World) {
    let id = world.grant(&ada(), subject("riley"), CUSTOMER).await;
    let stages = vec![
        stage(vec![person("first")], StageMode::AnyOne),
        stage(vec![ReviewerRule::Owner], StageMode::AnyOne),
    ];
    let opened = world.open_review(CampaignRules { stages, ..rules() }).await;
    assert_eq!(world.refused(&olivia(), &opened, id, Certify).await, "not_asked");
    world.answer(&actor("first", &[]), &opened, id, Certify).await.unwrap();
    assert!(world.stored(id).await.certified.is_none(), "not before the last stage");
    assert_eq!(world.asked(&opened, id).await, ["olivia"]);
    world.answer(&olivia(), &opened, id, Certify).await.unwrap();
    assert_eq!(world.state(&opened, id).await, "certified");
    let ItemState::Decided(outcome) = world.item(&opened, id).await.state else { panic!() };
    let by: Vec<&str> = outcome.by.iter().map(|it| it.as_str()).collect();
    assert_eq!((outcome.result, by), (ItemResult::Certified, vec!["first", "olivia"]));
}

async fn r13_who_does_not_know_hands_on_or_has_not_answered(world: World) {
    let id = world.grant(&ada(), subject("riley"), CUSTOMER).await;
    let opened = world.open_review(rules()).await;
    world.answer(&olivia(), &opened, id, DontKnow).await.unwrap();
    assert_eq!(world.state(&opened, id).await, "open");
    assert_eq!(world.governance.reviews_waiting_for(&"olivia".into()).await.unwrap(), 1);
    let to = |name: &str| ReviewVerdict::HandOn { to: name.into() };
    assert_eq!(world.refused(&olivia(), &opened, id, to("nobody")).await, "invalid_review");
    world.known("riley").await;
    assert_eq!(world.refused(&olivia(), &opened, id, to("riley")).await, "not_eligible");
    assert_eq!(world.refused(&olivia(), &opened, id, to("agent:dunning")).await, "invalid_review");
    let nora = world.known("nora").await;
    world.answer(&olivia(), &opened, id, to("nora")).await.unwrap();
    assert_eq!(world.asked(&opened, id).await, ["nora"]);
    assert_eq!(world.governance.reviews_waiting_for(&"olivia".into()).await.unwrap(), 0);
    assert_eq!(world.refused(&olivia(), &opened, id, Certify).await, "not_asked");
    world.answer(&nora, &opened, id, Certify).await.unwrap();
    assert_eq!(world.state(&opened, id).await, "certified");
    let handed = world.entries("review.changed");
    assert_eq!((&handed[0]["change"], &handed[0]["by"]), (&"handed_on".into(), &"olivia".into()));
    assert!(!handed[0].to_string().contains("because"), "texts stay out of the ledger");
}

async fn r17_against_the_recommendation_needs_a_reason(world: World) {
    let id = world.grant(&ada(), subject("riley"), CUSTOMER).await;
    let other = world.grant(&ada(), subject("kim"), CUSTOMER).await;
    world.deactivate("riley").await;
    let opened = world.open_review(rules()).await;
    let item = world.item(&opened, id).await;
    assert_eq!(item.snapshot.recommendation.advice.name(), "revoke");
    assert!(!item.snapshot.recommendation.reasons.is_empty());
    let mut silent = answer(id, 1, Certify);
    silent.reason = "  ".to_owned();
    let answered = world.governance.answer_items(&olivia(), opened.id, vec![silent]).await.unwrap();
    assert_eq!(answered[0].result.as_ref().unwrap_err().code(), "reason_needed");
    let item = world.answer(&olivia(), &opened, id, Certify).await.unwrap();
    assert!(item.answers[0].against && item.answers[0].reason == "because");
    // Where too little is known, nothing is against it.
    let mut silent = answer(other, 1, Certify);
    silent.reason = String::new();
    let answered =
        world.governance.answer_items(&olivia(), opened.id, vec![silent.clone()]).await.unwrap();
    assert!(!answered[0].result.as_ref().unwrap().answers[0].against);
    let always = CampaignRules { reason: ReasonNeeded::Always, ..rules() };
    let strict = world.open_review(always).await;
    let answered = world.governance.answer_items(&olivia(), strict.id, vec![silent]).await.unwrap();
    assert_eq!(answered[0].result.as_ref().unwrap_err().code(), "reason_needed");
}

async fn r17_high_sensitivity_is_never_certified_in_bulk(world: World) {
    let high = world.grant(&ada(), subject("riley"), REFUND).await;
    let mut others = Vec::new();
    for name in ["a", "b", "c"] {
        others.push(world.grant(&ada(), subject(name), CUSTOMER).await);
    }
    let opened = world.open_review(CampaignRules { bulk_max: 3, ..rules() }).await;
    let all = |verdict: ReviewVerdict| {
        let ids = [high].into_iter().chain(others.clone());
        ids.map(|id| answer(id, 1, verdict.clone())).collect::<Vec<_>>()
    };
    let error =
        world.governance.answer_items(&olivia(), opened.id, all(Certify)).await.unwrap_err();
    assert_eq!(error.code(), "not_in_bulk");
    let mut three = all(Certify);
    three.pop();
    let answered = world.governance.answer_items(&olivia(), opened.id, three).await.unwrap();
    let codes: Vec<_> = answered
        .iter()
        .map(|it| it.result.as_ref().map_or_else(|it| it.code(), |_| "ok"))
        .collect();
    assert_eq!(codes, ["not_in_bulk", "ok", "ok"]);
    assert_eq!(world.item(&opened, others[0]).await.answers[0].together, 3);
    // To end access there is no such limit.
    let answered = world.governance.answer_items(&olivia(), opened.id, all(Revoke)).await.unwrap();
    assert!(answered.iter().all(|it| it.result.is_ok()));
}

async fn r18_reduce_narrows_the_grant_at_once_and_can_be_undone(world: World) {
    let new = new_grant(subject("riley"), &[REFUND, CUSTOMER]);
    let id = world.governance.add_grant(&ada(), new).await.unwrap().id;
    let opened = world.open_review(rules()).await;
    let reduce = |functions: &[&str], constraints: &[&str]| ReviewVerdict::Reduce {
        functions: functions.iter().map(|it| (*it).into()).collect(),
        constraints: constraints.iter().map(|it| (*it).to_owned()).collect(),
    };
    let refused = world.refused(&olivia(), &opened, id, reduce(&[STATUS], &[])).await;
    assert_eq!(refused, "invalid_review", "that would be another grant");
    let refused =
        world.refused(&olivia(), &opened, id, reduce(&[CUSTOMER], &["args.nope ==="])).await;
    assert_eq!(refused, "invalid_grant");
    world.answer(&olivia(), &opened, id, reduce(&[CUSTOMER], &[])).await.unwrap();
    let Grant { functions, certified, version, .. } = world.stored(id).await;
    assert_eq!(functions, [CUSTOMER.into()]);
    assert_eq!(certified.unwrap().version, version);
    assert_eq!(world.said("riley", &[], CUSTOMER), Reason::Granted);
    assert_eq!(world.said("riley", &[], REFUND), Reason::NoGrant);
    world.look().await;
    assert_eq!(world.state(&opened, id).await, "reduced", "our own change opens nothing again");
    world.governance.undo(&olivia(), opened.id, id).await.unwrap();
    let grant = world.stored(id).await;
    assert_eq!(grant.functions.len(), 2);
    assert_eq!((grant.certified, grant.state), (None, GrantState::Active));
    let kinds: Vec<_> =
        world.entries("grant.changed").iter().map(|it| it["change"].clone()).collect();
    let expected =
        [GrantChange::Made, GrantChange::Narrowed, GrantChange::Certified, GrantChange::Widened];
    assert_eq!(kinds, expected.map(|it| serde_json::to_value(it).unwrap()));
}
