//! The life of an approval: who answers, how often it is used, and who is woken.

use crate::world::{World, actor, ada, demand, held, olivia, on_both};
use countersign_governance::{ApprovalError, ApprovalFilter, Finish, HELD_PER_CALLER_MAX, Joined};
use countersign_model::{
    Approval, ApprovalState, Digest, Reason, Span, Verdict, approval::VoteRefused,
};
use std::{collections::HashSet, time::Duration};

on_both!(
    the_same_call_joins_one_request,
    an_approval_goes_all_the_way_once,
    two_of_a_group_answer_together,
    only_one_of_many_redeems,
    answers_that_are_not_taken,
    time_ends_requests_and_approvals,
    who_may_take_back_and_withdraw,
    ten_thousand_wait_and_all_are_woken,
    a_caller_holds_so_many_calls_at_most,
    each_sees_what_is_theirs,
    a_finish_belongs_to_the_call_that_redeemed,
    every_entry_reads_back,
);

async fn the_same_call_joins_one_request(world: World) {
    let new = |call| held(world.now(), call, vec![demand(&["owner"], 1)]);
    let tasks: Vec<_> = (0..12)
        .map(|_| {
            let (governance, new) = (world.governance.clone(), new("same"));
            tokio::spawn(async move { governance.open_approval(new).await.unwrap() })
        })
        .collect();
    let (mut ids, mut fresh) = (HashSet::new(), 0);
    for task in tasks {
        let opened = task.await.unwrap();
        fresh += usize::from(opened.joined == Joined::New);
        ids.insert(opened.approval.id);
    }
    assert_eq!((ids.len(), fresh), (1, 1));
    let entries = world.entries("approval.opened");
    assert_eq!(entries.len(), 1);
    // The commitment tells nothing, and can be checked by who has salt and digest.
    let expected = countersign_ledger::commitment(&[7; 16], &Digest::of(b"same").0);
    assert_eq!(entries[0]["binds"], Digest(expected).to_string());
    let other = world.governance.open_approval(new("other")).await.unwrap();
    assert_eq!(other.joined, Joined::New);
    // An approved one is joined too; one that is over is not.
    let id = *ids.iter().next().unwrap();
    world.governance.vote(&olivia(), id, Verdict::Approve, "").await.unwrap();
    let again = world.governance.open_approval(new("same")).await.unwrap();
    assert_eq!((again.joined, again.approval.id), (Joined::Existing, id));
    world.governance.redeem(id, world.call()).await.unwrap();
    let after = world.governance.open_approval(new("same")).await.unwrap();
    assert_eq!(after.joined, Joined::New);
}

async fn an_approval_goes_all_the_way_once(world: World) {
    let id = world.held("call", vec![demand(&["owner"], 1)]).await;
    let call = world.call();
    let early = world.governance.redeem(id, call).await.unwrap_err();
    assert!(matches!(early, ApprovalError::State("pending")), "{early:?}");
    let approved =
        world.governance.vote(&olivia(), id, Verdict::Approve, "looks right").await.unwrap();
    assert!(matches!(approved.state, ApprovalState::Approved { .. }));
    // Saying yes twice changes nothing, also in the ledger.
    let again = world.governance.vote(&olivia(), id, Verdict::Approve, "yes!").await.unwrap();
    assert_eq!(again, approved);
    assert_eq!(world.entries("approval.changed").len(), 1);
    let taken = world.governance.redeem(id, call).await.unwrap();
    assert_eq!(taken.call.sealed, b"call");
    let second = world.governance.redeem(id, world.call()).await.unwrap_err();
    assert!(matches!(second, ApprovalError::Used), "{second:?}");
    world.governance.finish(id, call, Finish::Executed).await.unwrap();
    let twice = world.governance.finish(id, call, Finish::OutcomeUnknown).await.unwrap_err();
    assert!(matches!(twice, ApprovalError::Used), "{twice:?}");
    let last = world.governance.approval(id).await.unwrap().unwrap();
    assert!(matches!(last.state, ApprovalState::Executed { call: by, .. } if by == call));
    assert_eq!(world.entries("approval.changed").len(), 3);
}

async fn two_of_a_group_answer_together(world: World) {
    let id = world.held("call", vec![demand(&["group:finance"], 2)]).await;
    let votes = ["fay", "finn"].map(|name| {
        let governance = world.governance.clone();
        tokio::spawn(async move {
            let person = actor(name, &["finance"]);
            governance.vote(&person, id, Verdict::Approve, "").await.unwrap()
        })
    });
    let mut approved = 0;
    for vote in votes {
        let after = vote.await.unwrap();
        approved += usize::from(matches!(after.state, ApprovalState::Approved { .. }));
    }
    assert_eq!(approved, 1, "the second of the two, whoever it was");
    let stored = world.governance.approval(id).await.unwrap().unwrap();
    let by: HashSet<&str> = stored.votes.iter().map(|vote| vote.by.as_str()).collect();
    assert_eq!(by, HashSet::from(["fay", "finn"]));
}

async fn only_one_of_many_redeems(world: World) {
    let id = world.held("call", vec![demand(&["owner"], 1)]).await;
    world.governance.vote(&olivia(), id, Verdict::Approve, "").await.unwrap();
    // Half of them come through another gateway.
    let other = world.beside("two").await;
    let tasks: Vec<_> = (0..16)
        .map(|number| {
            let from = if number % 2 == 0 { &world } else { &other };
            let (governance, call) = (from.governance.clone(), from.call());
            tokio::spawn(async move { governance.redeem(id, call).await })
        })
        .collect();
    let mut winners = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(_) => winners += 1,
            Err(error) => assert!(matches!(error, ApprovalError::Used), "{error:?}"),
        }
    }
    assert_eq!(winners, 1);
}

async fn answers_that_are_not_taken(world: World) {
    let mut new = held(world.now(), "call", vec![demand(&["owner", "group:finance"], 1)]);
    new.call.caller.subject = "riley".into();
    new.call.caller.actors = vec!["agent:dunning".into()];
    new.call.sponsors = ["sam".into()].into();
    let id = world.governance.open_approval(new).await.unwrap().approval.id;
    world.governance.suspend(&ada(), &"fred".into(), "on leave").await.unwrap();
    let dunning = world.governance.actor(&crate::world::caller("agent:dunning", &["finance"]));
    let service = actor("svc:bot", &["finance"]);
    let rows = [
        (actor("riley", &["finance"]), VoteRefused::OwnCall),
        (actor("sam", &["finance"]), VoteRefused::SponsorAlone),
        (ada(), VoteRefused::NotAsked),
        (actor("fred", &["finance"]), VoteRefused::Suspended),
        (dunning, VoteRefused::NotAPerson),
        (service, VoteRefused::NotAPerson),
    ];
    for (person, expected) in rows {
        for verdict in [Verdict::Approve, Verdict::Deny] {
            let error = world.governance.vote(&person, id, verdict, "").await.unwrap_err();
            let ApprovalError::Refused(refused) = error else { panic!("{error:?}") };
            assert_eq!(refused, expected, "{}", person.name);
        }
    }
    let long = "x".repeat(2_001);
    let error = world.governance.vote(&olivia(), id, Verdict::Approve, &long).await.unwrap_err();
    assert_eq!(error.code(), "bad_comment");
    let denied = world.governance.vote(&olivia(), id, Verdict::Deny, "no").await.unwrap();
    assert!(matches!(denied.state, ApprovalState::Denied { .. }));
    let late = world.governance.vote(&actor("fay", &["finance"]), id, Verdict::Approve, "").await;
    assert_eq!(late.unwrap_err().code(), "not_pending");
    assert_eq!(world.entries("approval.changed").len(), 1);
}

async fn time_ends_requests_and_approvals(world: World) {
    let asked = world.held("asked", vec![demand(&["owner"], 1)]).await;
    let said = world.held("said", vec![demand(&["owner"], 1)]).await;
    world.pass(Span::from_seconds(600));
    world.governance.vote(&olivia(), said, Verdict::Approve, "").await.unwrap();
    world.pass(Span::from_seconds(300));
    // Read as ended before anybody has written it down.
    let state = |approval: Option<Approval>| approval.unwrap().state.name();
    assert_eq!(state(world.governance.approval(asked).await.unwrap()), "expired");
    assert_eq!(state(world.governance.approval(said).await.unwrap()), "approved");
    let late = world.governance.vote(&olivia(), asked, Verdict::Approve, "").await.unwrap_err();
    assert_eq!(late.code(), "not_pending");
    world.pass(Span::from_seconds(600));
    let late = world.governance.redeem(said, world.call()).await.unwrap_err();
    assert!(matches!(late, ApprovalError::State("expired")), "{late:?}");
    let ends = world.entries("approval.changed");
    assert_eq!(ends.iter().filter(|entry| entry["by"].is_null()).count(), 2);
    // The same call may be asked about again.
    let again = held(world.now(), "asked", vec![demand(&["owner"], 1)]);
    assert_eq!(world.governance.open_approval(again).await.unwrap().joined, Joined::New);
    let list = |state: &str| ApprovalFilter {
        states: vec![state.to_owned()],
        ..ApprovalFilter::default()
    };
    assert_eq!(world.governance.approvals(&list("expired")).await.unwrap().len(), 2);
    assert_eq!(world.governance.approvals(&list("pending")).await.unwrap().len(), 1);
}

async fn who_may_take_back_and_withdraw(world: World) {
    let id = world.held("call", vec![demand(&["owner"], 1)]).await;
    let error = world.governance.cancel_approval(id, &"mallory".into()).await.unwrap_err();
    assert_eq!(error.code(), "no_such_approval");
    let pending = world.governance.revoke_approval(&olivia(), id).await.unwrap_err();
    assert!(matches!(pending, ApprovalError::State("pending")), "{pending:?}");
    world.governance.vote(&olivia(), id, Verdict::Approve, "").await.unwrap();
    let error = world.governance.cancel_approval(id, &"riley".into()).await.unwrap_err();
    assert!(matches!(error, ApprovalError::State("approved")), "{error:?}");
    let error = world.governance.revoke_approval(&actor("kim", &[]), id).await.unwrap_err();
    assert_eq!(error.code(), "not_yours");
    let taken = world.governance.revoke_approval(&ada(), id).await.unwrap();
    assert_eq!(taken.state.name(), "revoked");
    let error = world.governance.redeem(id, world.call()).await.unwrap_err();
    assert!(matches!(error, ApprovalError::State("revoked")), "{error:?}");

    let id = world.held("call", vec![demand(&["owner"], 1)]).await;
    let gone = world.governance.cancel_approval(id, &"riley".into()).await.unwrap();
    assert_eq!(gone.state.name(), "cancelled");
    let twice = world.governance.cancel_approval(id, &"riley".into()).await.unwrap();
    assert_eq!(twice, gone);
}

async fn ten_thousand_wait_and_all_are_woken(world: World) {
    let id = world.held("call", vec![demand(&["owner"], 1)]).await;
    let other = world.beside("two").await;
    let keeper = tokio::spawn(world.governance.clone().keep_current());
    let waiting: Vec<_> = (0..10_000)
        .map(|_| {
            let mut watch = world.governance.watch_approval(id);
            tokio::spawn(async move { watch.changed().await.unwrap() })
        })
        .collect();
    // The answer comes through the other gateway, and is seen by looking.
    other.governance.vote(&olivia(), id, Verdict::Approve, "").await.unwrap();
    let all = async {
        for one in waiting {
            one.await.unwrap();
        }
    };
    tokio::time::timeout(Duration::from_secs(20), all).await.unwrap();
    keeper.abort();
}

async fn a_caller_holds_so_many_calls_at_most(world: World) {
    // Written past governance, which would take a sync for each.
    let first = world.held("call 0", vec![demand(&["owner"], 1)]).await;
    let first = world.governance.approval(first).await.unwrap().unwrap();
    let mut change = world.governance.store().change().await.unwrap();
    for number in 1..HELD_PER_CALLER_MAX {
        let digest = Digest::of(format!("call {number}").as_bytes());
        let id = countersign_model::ApprovalId::new(world.now(), world.governance.entropy());
        let approval = Approval { id, digest, ..first.clone() };
        let written = change.add_approval(&approval, &[0; 16], "one", 1).await.unwrap();
        assert_eq!(written, countersign_store::Written::Done);
    }
    change.commit().await.unwrap();
    let next = || held(world.now(), "one more", vec![demand(&["owner"], 1)]);
    let error = world.governance.open_approval(next()).await.unwrap_err();
    assert!(matches!(error, ApprovalError::TooManyHeld), "{error:?}");
    // Joining is no new one, and others are not concerned.
    let same = held(world.now(), "call 0", vec![]);
    assert_eq!(world.governance.open_approval(same).await.unwrap().joined, Joined::Existing);
    let mut sam = next();
    sam.call.caller.subject = "sam".into();
    world.governance.open_approval(sam).await.unwrap();
}

async fn each_sees_what_is_theirs(world: World) {
    let id = world.held("call", vec![demand(&["group:finance"], 1)]).await;
    let rows = [
        (actor("riley", &[]), 1),
        (actor("fay", &["finance"]), 1),
        (ada(), 1),
        (actor("aud", &["audit"]), 1),
        (actor("kim", &["support"]), 0),
    ];
    for (person, expected) in rows {
        let all = ApprovalFilter::default();
        let found = world.governance.approvals_for(&person, &all).await.unwrap();
        assert_eq!(found.len(), expected, "{}", person.name);
        let one = world.governance.approval_for(&person, id).await;
        assert_eq!(one.is_ok(), expected == 1, "{}", person.name);
    }
}

async fn a_finish_belongs_to_the_call_that_redeemed(world: World) {
    let id = world.held("call", vec![demand(&["owner"], 1)]).await;
    world.governance.vote(&olivia(), id, Verdict::Approve, "").await.unwrap();
    let call = world.call();
    world.governance.redeem(id, call).await.unwrap();
    let error = world.governance.finish(id, world.call(), Finish::Executed).await.unwrap_err();
    assert!(matches!(error, ApprovalError::Used), "{error:?}");
    let reason = Reason::TargetUnreachable;
    world.governance.finish(id, call, Finish::Failed(reason)).await.unwrap();
    let last = world.governance.approval(id).await.unwrap().unwrap();
    assert_eq!(last.state, ApprovalState::Failed { at: world.now(), call, reason });
}

async fn every_entry_reads_back(world: World) {
    for (call, verdict) in [("yes", Verdict::Approve), ("no", Verdict::Deny)] {
        let id = world.held(call, vec![demand(&["owner"], 1)]).await;
        world.governance.vote(&olivia(), id, verdict, "seen").await.unwrap();
        drop(world.governance.redeem(id, world.call()).await);
    }
    let entries = world.read_back();
    assert_eq!(entries.len(), 6, "the catalog, two requests, two answers, one use");
    for entry in entries {
        assert!(entry.is_ok(), "{}", entry.unwrap_err());
    }
}
