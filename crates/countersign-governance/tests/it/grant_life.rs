//! Grants after they were made: narrower, wider, renewed, passed on, suspended, restored; and each
//! step of it kept.

use crate::world::{
    CUSTOMER, REFUND, STATUS, World, actor, ada, group, new_grant, olivia, on_both, subject,
};
use countersign_governance::GrantError;
use countersign_model::{GrantId, GrantOrigin, Span, grant::Terms, record::GrantChange};

on_both!(
    r02_narrowing_keeps_a_certification_and_widening_does_not,
    r10_a_revoke_is_undone_for_fifteen_minutes_by_who_did_it,
    a_suspended_grant_waits_for_somebody_else,
    a_grant_passes_to_another_holder,
    renewing_is_making_it_again,
    every_step_is_kept_with_what_it_changed,
    nothing_is_written_over_what_waits_for_the_ledger,
);

fn terms(functions: &[&str]) -> Terms {
    let functions = functions.iter().map(|it| (*it).into()).collect();
    Terms { functions, tags: vec![], constraints: vec![], rate: None, expires_at: None }
}

fn code<T>(result: Result<T, GrantError>) -> &'static str {
    result.err().map_or("done", |it| it.code())
}

async fn wide(world: &World) -> GrantId {
    let new = new_grant(subject("riley"), &[CUSTOMER, REFUND]);
    let id = world.governance.add_grant(&ada(), new).await.unwrap().id;
    world.governance.certify_grant(&olivia(), id, 1).await.unwrap();
    id
}

async fn r02_narrowing_keeps_a_certification_and_widening_does_not(world: World) {
    let governance = &world.governance;
    let id = wide(&world).await;
    let narrow = governance.narrow_grant(&olivia(), id, 1, terms(&[CUSTOMER])).await.unwrap();
    assert_eq!((narrow.version, narrow.certified.unwrap().version), (2, 2));
    assert_eq!(governance.grant(id).unwrap().grant.functions.len(), 1, "in force at once");
    let stale = governance.narrow_grant(&olivia(), id, 1, terms(&[CUSTOMER])).await;
    assert_eq!(code(stale), "other_version");
    let wider = governance.narrow_grant(&olivia(), id, 2, terms(&[CUSTOMER, REFUND])).await;
    assert_eq!(code(wider), "permits_more");
    // The holder may give something back, and certifies nothing by it.
    let riley = actor("riley", &[]);
    let mut bound = terms(&[CUSTOMER]);
    bound.constraints = vec!["args.customer == 'c_1'".to_owned()];
    let given_back = governance.narrow_grant(&riley, id, 2, bound.clone()).await.unwrap();
    assert_eq!((given_back.version, given_back.certified), (3, None));
    // Widening is for those who could make it.
    assert_eq!(code(governance.widen_grant(&riley, id, 3, terms(&[CUSTOMER])).await), "not_owner");
    governance.certify_grant(&olivia(), id, 3).await.unwrap();
    let wide = governance.widen_grant(&olivia(), id, 3, terms(&[CUSTOMER, REFUND])).await.unwrap();
    assert_eq!((wide.version, wide.certified), (4, None));
    let foreign = governance.widen_grant(&olivia(), id, 4, terms(&[CUSTOMER, STATUS])).await;
    assert_eq!(code(foreign), "not_owner");
}

async fn r10_a_revoke_is_undone_for_fifteen_minutes_by_who_did_it(world: World) {
    let governance = &world.governance;
    let id = wide(&world).await;
    assert_eq!(code(governance.restore_grant(&ada(), id).await), "not_restored");
    let before = governance.grant(id).unwrap().grant;
    governance.revoke_grant(&olivia(), id, "wrong row").await.unwrap();
    assert_eq!(code(governance.restore_grant(&actor("riley", &[]), id).await), "not_yours");
    assert_eq!(code(governance.restore_grant(&actor("otto", &[]), id).await), "not_yours");
    world.pass(Span::from_seconds(14 * 60));
    governance.restore_grant(&olivia(), id).await.unwrap();
    assert_eq!(governance.grant(id).unwrap().grant, before);
    governance.revoke_grant(&olivia(), id, "again").await.unwrap();
    world.pass(Span::from_seconds(15 * 60 + 1));
    assert_eq!(code(governance.restore_grant(&ada(), id).await), "not_restored");
}

async fn a_suspended_grant_waits_for_somebody_else(world: World) {
    let governance = &world.governance;
    let id = wide(&world).await;
    let suspended = governance.suspend_grant(&olivia(), id, "looks odd").await.unwrap();
    assert!(suspended.ended(world.now()).is_some() && !suspended.is_over(world.now()));
    assert_eq!(code(governance.certify_grant(&olivia(), id, 1).await), "grant_suspended");
    assert_eq!(
        code(governance.widen_grant(&olivia(), id, 1, terms(&[CUSTOMER])).await),
        "grant_suspended"
    );
    assert_eq!(code(governance.resume_grant(&actor("riley", &[]), id).await), "not_owner");
    governance.resume_grant(&olivia(), id).await.unwrap();
    assert!(governance.grant(id).unwrap().grant.ended(world.now()).is_none());
    // Nobody resumes what reaches them, not even an administrator.
    let own =
        governance.add_grant(&ada(), new_grant(group("platform"), &[CUSTOMER])).await.unwrap();
    governance.suspend_grant(&ada(), own.id, "x").await.unwrap();
    assert_eq!(code(governance.resume_grant(&ada(), own.id).await), "own_access");
}

async fn a_grant_passes_to_another_holder(world: World) {
    let governance = &world.governance;
    let id = wide(&world).await;
    let passed =
        governance.transfer_grant(&olivia(), id, subject("kim"), "riley moved").await.unwrap();
    assert_eq!(passed.made.successor_of.unwrap().id, id);
    assert_eq!((passed.made.certified.clone(), passed.made.functions.len()), (None, 2));
    assert!(governance.grant(id).unwrap().grant.is_over(world.now()));
    assert!(governance.grant(passed.made.id).unwrap().grant.ended(world.now()).is_none());
    assert_eq!(code(governance.restore_grant(&olivia(), id).await), "not_restored");
    let kinds = world.entries("grant.changed");
    let kinds: Vec<&str> = kinds.iter().filter_map(|it| it["change"].as_str()).collect();
    assert_eq!(kinds, ["made", "certified", "transferred", "made"]);
}

async fn renewing_is_making_it_again(world: World) {
    let governance = &world.governance;
    let mut new = new_grant(subject("riley"), &[CUSTOMER]);
    let ends = world.now().plus(Span::from_days(10));
    new.expires_at = Some(ends);
    let grant = governance.add_grant(&olivia(), new).await.unwrap();
    let later = ends.plus(Span::from_days(90));
    assert_eq!(
        code(governance.renew_grant(&actor("riley", &[]), grant.id, later).await),
        "not_owner"
    );
    let by_other = governance.renew_grant(&ada(), grant.id, later).await.unwrap();
    assert_eq!((by_other.version, by_other.certified, by_other.expires_at), (2, None, Some(later)));
    let by_owner = governance.renew_grant(&olivia(), grant.id, ends).await.unwrap();
    assert_eq!(by_owner.certified.unwrap().version, 3);
    let past = world.now();
    assert_eq!(code(governance.renew_grant(&olivia(), grant.id, past).await), "invalid_grant");
    world.pass(Span::from_days(11));
    assert_eq!(code(governance.renew_grant(&olivia(), grant.id, later).await), "grant_expired");
}

async fn every_step_is_kept_with_what_it_changed(world: World) {
    let governance = &world.governance;
    let id = wide(&world).await;
    governance.narrow_grant(&olivia(), id, 1, terms(&[CUSTOMER])).await.unwrap();
    governance.revoke_grant(&ada(), id, "over").await.unwrap();
    let steps = governance.grant_history(id).await.unwrap();
    let kinds: Vec<GrantChange> = steps.iter().map(|it| it.change).collect();
    use GrantChange::{Certified, Made, Narrowed, Revoked};
    assert_eq!(kinds, [Made, Certified, Narrowed, Revoked]);
    assert_eq!(steps[2].by.as_str(), "olivia");
    assert!(steps[2].lines.contains(&"- version: 1".to_owned()), "{:?}", steps[2].lines);
    assert!(
        steps[2].lines.iter().any(|it| it.starts_with("- functions[1]")),
        "{:?}",
        steps[2].lines
    );
    assert_eq!(steps[0].grant.origin, GrantOrigin::Direct);
    // The ledger's digests are those of what is kept.
    for (entry, step) in world.entries("grant.changed").iter().zip(&steps) {
        let digest = countersign_governance::grant_digest(&step.grant).to_string();
        assert_eq!(entry["digest"], digest.as_str());
    }
}

async fn nothing_is_written_over_what_waits_for_the_ledger(mut world: World) {
    let id = wide(&world).await;
    world.break_ledger();
    let governance = &world.governance;
    let widened = governance.widen_grant(&olivia(), id, 1, terms(&[CUSTOMER, REFUND])).await;
    assert_eq!(code(widened), "ledger_unavailable");
    assert_eq!(governance.grant(id).unwrap().grant.version, 1, "not in force");
    // Narrowing what is not in force would bring it into force.
    let narrowed = governance.narrow_grant(&olivia(), id, 2, terms(&[CUSTOMER])).await;
    assert_eq!(code(narrowed), "ledger_waits");
    // What leaves nothing acts nevertheless.
    assert_eq!(code(governance.suspend_grant(&olivia(), id, "x").await), "ledger_unavailable");
    assert!(governance.grant(id).unwrap().grant.ended(world.now()).is_some());
}
