//! Crashes, restarts and a ledger that takes nothing: what gives rights waits, what takes them acts,
//! and no entry is lost.

use crate::world::{
    CUSTOMER, REFUND, World, ada, catalog_with, demand, held, new_grant, olivia, on_both, subject,
};
use countersign_governance::{ApprovalError, Finish, GrantFilter, Unavailable};
use countersign_model::{ApprovalState, Verdict, snapshot::KillScope};
use serde_json::json;

on_both!(
    what_gives_rights_waits_for_the_ledger,
    what_takes_rights_acts_without_the_ledger,
    an_approval_without_its_entry_is_not_used,
    a_used_approval_is_outcome_unknown_after_a_crash,
    a_restart_changes_nothing,
);

async fn what_gives_rights_waits_for_the_ledger(mut world: World) {
    let overdue = world.grant(&ada(), subject("riley"), REFUND).await;
    world.governance.suspend(&ada(), &"sam".into(), "left").await.unwrap();
    world.governance.kill(&ada(), KillScope::Everything, "fire").await.unwrap();
    world.break_ledger();
    let governance = &world.governance;
    let new = new_grant(subject("kim"), &[CUSTOMER]);
    let next = catalog_with("/functions/billing.refunds.create/purpose", json!("Other"));
    let codes = [
        governance.add_grant(&olivia(), new).await.unwrap_err().code(),
        governance.certify_grant(&olivia(), overdue, 1).await.unwrap_err().code(),
        governance.resume(&ada(), &"sam".into(), "back").await.unwrap_err().code(),
        governance.unkill(&ada(), KillScope::Everything, "over").await.unwrap_err().code(),
        governance.apply_catalog(&ada(), next.clone(), None).await.unwrap_err().code(),
    ];
    assert_eq!(codes, ["ledger_unavailable"; 5]);
    // Neither this gateway nor another lets anything of it be in force.
    let other = world.beside("two").await;
    for one in [&world.governance, &other.governance] {
        let found = one.grants(&GrantFilter::default());
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].grant.certified, None);
        assert_eq!((one.stops().suspensions.len(), one.stops().kills.len()), (1, 1));
        assert_ne!(one.catalog().digest(), next.digest());
    }
    // With the next start, the ledger has all of it and all of it is in force.
    let world = world.restart().await;
    let found = world.governance.grants(&GrantFilter::default());
    assert_eq!(found.len(), 2);
    assert!(found.iter().all(|it| it.grant.certified.is_some()));
    let stops = world.governance.stops();
    assert_eq!((stops.suspensions.len(), stops.kills.len()), (0, 0));
    assert_eq!(world.governance.catalog().digest(), next.digest());
    assert_eq!(world.entries("grant.changed").len(), 3);
    assert_eq!(world.entries("stop.changed").len(), 4);
    assert_eq!(world.entries("catalog.applied").len(), 2);
}

async fn what_takes_rights_acts_without_the_ledger(mut world: World) {
    let id = world.grant(&olivia(), subject("riley"), CUSTOMER).await;
    world.break_ledger();
    let governance = &world.governance;
    let codes = [
        governance.revoke_grant(&olivia(), id, "stolen").await.unwrap_err().code(),
        governance.suspend(&ada(), &"sam".into(), "left").await.unwrap_err().code(),
        governance.kill(&ada(), KillScope::Target("ops".into()), "fire").await.unwrap_err().code(),
    ];
    assert_eq!(codes, ["ledger_unavailable"; 3]);
    assert!(governance.grant(id).unwrap().grant.ended(world.now()).is_some());
    let stops = governance.stops();
    assert_eq!((stops.suspensions.len(), stops.kills.len()), (1, 1));
    // Saying it again does not say that all is well while its entry waits.
    let again = governance.revoke_grant(&olivia(), id, "stolen").await.unwrap_err();
    assert_eq!(again.code(), "ledger_unavailable");
    let world = world.restart().await;
    assert_eq!(world.entries("grant.changed").len(), 2);
    assert_eq!(world.entries("stop.changed").len(), 2);
}

async fn an_approval_without_its_entry_is_not_used(mut world: World) {
    let id = world.held("call", vec![demand(&["owner"], 1)]).await;
    let other = world.beside("two").await;
    world.break_ledger();
    let vote = world.governance.vote(&olivia(), id, Verdict::Approve, "").await.unwrap_err();
    assert_eq!(vote.code(), "ledger_unavailable");
    // The other gateway's ledger works, and still nothing runs on an answer that is in none.
    let stored = other.governance.approval(id).await.unwrap().unwrap();
    assert!(matches!(stored.state, ApprovalState::Approved { .. }));
    let early = other.governance.redeem(id, other.call()).await.unwrap_err();
    assert!(matches!(early, ApprovalError::Unavailable(Unavailable::EntryWaits)), "{early:?}");
    let world = world.restart().await;
    other.governance.redeem(id, other.call()).await.unwrap();
    assert_eq!(world.entries("approval.changed").len(), 1);
    assert_eq!(other.entries("approval.changed").len(), 1);
}

async fn a_used_approval_is_outcome_unknown_after_a_crash(world: World) {
    let mine = world.held("mine", vec![demand(&["owner"], 1)]).await;
    let theirs = world.held("theirs", vec![demand(&["owner"], 1)]).await;
    let other = world.beside("two").await;
    let (call, their_call) = (world.call(), other.call());
    for (gateway, id, call) in [(&world, mine, call), (&other, theirs, their_call)] {
        gateway.governance.vote(&olivia(), id, Verdict::Approve, "").await.unwrap();
        gateway.governance.redeem(id, call).await.unwrap();
    }
    let world = world.restart().await;
    let state = |id| {
        let governance = world.governance.clone();
        async move { governance.approval(id).await.unwrap().unwrap().state }
    };
    assert_eq!(state(mine).await, ApprovalState::OutcomeUnknown { at: world.now(), call });
    assert_eq!(state(theirs).await.name(), "redeeming", "another gateway lives");
    let entries = world.entries("approval.changed");
    assert!(entries.last().unwrap().to_string().contains("outcome_unknown"));
    other.governance.finish(theirs, their_call, Finish::Executed).await.unwrap();
    assert_eq!(state(theirs).await.name(), "executed");
    let late = world.governance.finish(mine, call, Finish::Executed).await.unwrap_err();
    assert!(matches!(late, ApprovalError::Used), "{late:?}");
}

async fn a_restart_changes_nothing(world: World) {
    let id = world.grant(&olivia(), subject("riley"), CUSTOMER).await;
    let asked = world.held("call", vec![demand(&["owner"], 1)]).await;
    let before = world.governance.policy().load().epoch();
    let world = world.restart().await;
    assert_eq!(world.governance.policy().load().epoch(), before);
    assert!(world.governance.policy().is_current(world.now()));
    assert!(world.governance.grant(id).is_some());
    let same = held(world.now(), "call", vec![]);
    assert_eq!(world.governance.open_approval(same).await.unwrap().approval.id, asked);
    assert_eq!(world.entries("approval.opened").len(), 1);
}
