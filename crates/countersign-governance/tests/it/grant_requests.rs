//! Asking for grants: who answers, and what becomes of it.

use crate::world::{CUSTOMER, REFUND, STATUS, World, actor, ada, olivia, on_both};
use countersign_governance::{GrantError, GrantRequestFilter, NewGrantRequest};
use countersign_model::{
    GrantOrigin, GrantRequestId, Span,
    grant::{GrantRequest, GrantRequestState, Terms},
};

on_both!(
    every_function_needs_an_owner_and_nobody_answers_for_themself,
    an_answer_may_only_narrow,
    a_request_ends_once,
    unanswered_requests_lapse,
    an_agent_is_asked_for_by_whoever_answers_for_it,
    a_holder_asks_for_another_end,
);

fn asked(functions: &[&str]) -> NewGrantRequest {
    NewGrantRequest {
        subject: None,
        functions: functions.iter().map(|it| (*it).into()).collect(),
        reason: "the quarter's refunds".to_owned(),
        constraints: vec![],
        rate: None,
        expires_at: None,
        renews: None,
    }
}

fn code<T>(result: Result<T, GrantError>) -> &'static str {
    result.err().map_or("done", |it| it.code())
}

async fn ask(world: &World, who: &str, functions: &[&str]) -> GrantRequest {
    world.governance.request_grant(&actor(who, &[]), asked(functions)).await.unwrap()
}

async fn every_function_needs_an_owner_and_nobody_answers_for_themself(world: World) {
    let governance = &world.governance;
    let otto = actor("otto", &[]);
    let id = ask(&world, "riley", &[CUSTOMER, STATUS]).await.id;
    assert_eq!(code(governance.approve_grant_request(&ada(), id, None, "").await), "not_owner");
    let admin_owns_nothing = actor("ada", &["platform", "audit"]);
    let auditor = governance.approve_grant_request(&admin_owns_nothing, id, None, "").await;
    assert_eq!(code(auditor), "auditor_changes_nothing");
    let first = governance.approve_grant_request(&olivia(), id, None, "fine").await.unwrap();
    assert_eq!(first.state, GrantRequestState::Pending);
    assert_eq!(governance.grants(&Default::default()).len(), 0);
    // Twice is once.
    governance.approve_grant_request(&olivia(), id, None, "").await.unwrap();
    let seen = governance.grant_request(&otto, id).await.unwrap();
    assert_eq!((seen.open.len(), seen.may_answer), (1, true));
    let whole = governance.approve_grant_request(&otto, id, None, "").await.unwrap();
    let GrantRequestState::Approved { grant, .. } = whole.state else { panic!("{whole:?}") };
    let made = governance.grant(grant.id).unwrap().grant;
    let GrantOrigin::Request { id: of, asked_by, approved_by } = &made.origin else {
        panic!("{made:?}")
    };
    assert_eq!((*of, asked_by.as_str(), approved_by.len()), (id, "riley", 2));
    assert_eq!((made.certified.clone(), made.ended(world.now())), (None, None));
    // An owner does not answer what they asked for, and owners alone answer.
    let own = ask(&world, "olivia", &[CUSTOMER]).await.id;
    assert_eq!(
        code(governance.approve_grant_request(&olivia(), own, None, "").await),
        "own_access"
    );
    assert_eq!(code(governance.deny_grant_request(&otto, own, "x").await), "no_such_grant");
    // One owner's yes to what they own alone is its first review.
    let alone = ask(&world, "riley", &[CUSTOMER]).await.id;
    let done = governance.approve_grant_request(&olivia(), alone, None, "").await.unwrap();
    let GrantRequestState::Approved { grant, .. } = done.state else { panic!("{done:?}") };
    assert!(governance.grant(grant.id).unwrap().grant.certified.is_some());
    let said = world.entries("grant.request_changed");
    let said: Vec<&str> = said.iter().filter_map(|it| it["now"].as_str()).collect();
    assert_eq!(said, ["pending", "pending", "approved", "approved"]);
}

async fn an_answer_may_only_narrow(world: World) {
    let governance = &world.governance;
    let id = ask(&world, "riley", &[CUSTOMER, REFUND]).await.id;
    let terms = |functions: &[&str], constraint: &str| Terms {
        functions: functions.iter().map(|it| (*it).into()).collect(),
        tags: vec![],
        constraints: vec![constraint.to_owned()],
        rate: None,
        expires_at: None,
    };
    let wider = terms(&[CUSTOMER, STATUS], "true");
    assert_eq!(
        code(governance.approve_grant_request(&olivia(), id, Some(wider), "").await),
        "permits_more"
    );
    let wrong = terms(&[REFUND], "args.nothing == 1");
    assert_eq!(
        code(governance.approve_grant_request(&olivia(), id, Some(wrong), "").await),
        "invalid_grant"
    );
    let narrower = terms(&[REFUND], "args.amount < 50.0");
    let done = governance
        .approve_grant_request(&olivia(), id, Some(narrower.clone()), "less")
        .await
        .unwrap();
    let GrantRequestState::Approved { grant, .. } = done.state else { panic!("{done:?}") };
    let made = governance.grant(grant.id).unwrap().grant;
    // At high sensitivity a yes is no review.
    assert_eq!((made.terms(), made.certified.clone()), (narrower, None));
}

async fn a_request_ends_once(world: World) {
    let governance = &world.governance;
    let riley = actor("riley", &[]);
    let denied = ask(&world, "riley", &[CUSTOMER]).await.id;
    assert_eq!(code(governance.deny_grant_request(&olivia(), denied, " ").await), "invalid_grant");
    governance.deny_grant_request(&olivia(), denied, "ask for less").await.unwrap();
    assert_eq!(
        code(governance.approve_grant_request(&olivia(), denied, None, "").await),
        "answered_already"
    );
    let taken_back = ask(&world, "riley", &[CUSTOMER]).await.id;
    assert_eq!(code(governance.withdraw_grant_request(&olivia(), taken_back).await), "not_yours");
    governance.withdraw_grant_request(&riley, taken_back).await.unwrap();
    assert_eq!(
        code(governance.withdraw_grant_request(&riley, taken_back).await),
        "answered_already"
    );
    let pending = governance.grant_requests(&riley, GrantRequestFilter::Pending).await.unwrap();
    let all = governance.grant_requests(&riley, GrantRequestFilter::All).await.unwrap();
    assert_eq!((pending.len(), all.len()), (0, 2));
    let stranger = governance.grant_requests(&actor("kim", &[]), GrantRequestFilter::All).await;
    assert_eq!(stranger.unwrap().len(), 0);
    let nothing = GrantRequestId::from_bytes([0; 16]);
    assert_eq!(code(governance.grant_request(&riley, nothing).await), "no_such_grant");
}

async fn unanswered_requests_lapse(world: World) {
    let governance = &world.governance;
    let id = ask(&world, "riley", &[CUSTOMER]).await.id;
    world.pass(Span::from_days(14));
    assert_eq!(
        code(governance.approve_grant_request(&olivia(), id, None, "").await),
        "answered_already"
    );
    let world = world.restart().await;
    let seen = world.governance.grant_request(&olivia(), id).await.unwrap();
    assert!(matches!(seen.request.state, GrantRequestState::Lapsed { .. }), "{seen:?}");
    assert_eq!(world.entries("grant.request_changed")[0]["now"], "lapsed");
}

async fn an_agent_is_asked_for_by_whoever_answers_for_it(world: World) {
    let governance = &world.governance;
    let mut new = asked(&[CUSTOMER]);
    new.subject = Some("agent:dunning".into());
    assert_eq!(
        code(governance.request_grant(&actor("riley", &[]), new.clone()).await),
        "invalid_grant"
    );
    let mut owned = crate::world::catalog();
    owned.targets.get_mut("billing").unwrap().owners.push("sam".to_owned());
    governance.apply_catalog(&ada(), owned, None).await.unwrap();
    let sam = actor("sam", &[]);
    let id = governance.request_grant(&sam, new).await.unwrap().id;
    // The sponsor does not answer it, an owner or not.
    assert_eq!(code(governance.approve_grant_request(&sam, id, None, "").await), "sponsor");
    let done = governance.approve_grant_request(&olivia(), id, None, "").await.unwrap();
    assert!(matches!(done.state, GrantRequestState::Approved { .. }));
}

async fn a_holder_asks_for_another_end(world: World) {
    let governance = &world.governance;
    let mut new = crate::world::new_grant(crate::world::subject("riley"), &[CUSTOMER]);
    new.expires_at = Some(world.now().plus(Span::from_days(5)));
    let grant = governance.add_grant(&olivia(), new).await.unwrap();
    let later = world.now().plus(Span::from_days(60));
    let renewal = NewGrantRequest { renews: Some(grant.id), expires_at: Some(later), ..asked(&[]) };
    let other = governance.request_grant(&actor("kim", &[]), renewal.clone()).await;
    assert_eq!(code(other), "no_such_grant");
    let id = governance.request_grant(&actor("riley", &[]), renewal.clone()).await.unwrap().id;
    governance.approve_grant_request(&olivia(), id, None, "").await.unwrap();
    let renewed = governance.grant(grant.id).unwrap().grant;
    assert_eq!((renewed.version, renewed.expires_at), (2, Some(later)));
    // What was changed meanwhile is not what the owner says yes to.
    let later = world.now().plus(Span::from_days(90));
    let renewal = NewGrantRequest { expires_at: Some(later), ..renewal };
    let id = governance.request_grant(&actor("riley", &[]), renewal).await.unwrap().id;
    let mut narrower = renewed.terms();
    narrower.constraints = vec!["true".to_owned()];
    governance.narrow_grant(&olivia(), grant.id, 2, narrower).await.unwrap();
    assert_eq!(
        code(governance.approve_grant_request(&olivia(), id, None, "").await),
        "other_version"
    );
}
