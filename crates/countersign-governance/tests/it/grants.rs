//! Grants: what may be made, what a certification binds to, and what a decision sees.

use crate::world::{
    CUSTOMER, REFUND, STATUS, World, actor, ada, caller, group, new_grant, olivia, on_both, subject,
};
use countersign_governance::{FreshnessView, GrantError, GrantFilter, GrantStanding, NewGrant};
use countersign_model::{
    Call, Decision, GrantState, Reason, Span, Subject,
    catalog::{FunctionIx, Rate},
    decide::{Meter, Taken},
};
use serde_json::json;

on_both!(
    a_grant_is_seen_by_the_next_decision,
    what_can_not_be_a_grant_is_refused,
    certified_at_birth_only_where_nobody_reviews_themself,
    a_certification_binds_to_the_version,
    grants_are_listed_by_what_is_asked,
    revoking_twice_keeps_the_first,
);

struct Unlimited;

impl Meter for Unlimited {
    fn take(&self, _: &Subject, _: FunctionIx, _: Rate) -> Taken {
        Taken::Within
    }
}

fn decide(world: &World, who: &str, function: &str) -> Reason {
    let snapshot = world.governance.policy().load();
    let (ix, _) = snapshot.catalog().by_name(function).unwrap();
    let (caller, arguments) = (caller(who, &[]), json!({"customer": "c"}));
    let call = Call { caller: &caller, function: ix, arguments: &arguments };
    match countersign_model::decide(&call, &snapshot, world.now(), &Unlimited) {
        Decision::Forward(grounds) => grounds.reason(),
        Decision::Hold(question) => question.reason,
        Decision::Block(refusal) => refusal.reason,
    }
}

async fn a_grant_is_seen_by_the_next_decision(world: World) {
    assert_eq!(decide(&world, "riley", CUSTOMER), Reason::NoGrant);
    let id = world.grant(&ada(), subject("riley"), CUSTOMER).await;
    assert_eq!(decide(&world, "riley", CUSTOMER), Reason::GrantOverdue);
    world.governance.certify_grant(&olivia(), id, 1).await.unwrap();
    assert_eq!(decide(&world, "riley", CUSTOMER), Reason::Granted);
    world.governance.revoke_grant(&olivia(), id, "moved on").await.unwrap();
    assert_eq!(decide(&world, "riley", CUSTOMER), Reason::GrantRevoked);
    let entries = world.entries("grant.changed");
    let changes: Vec<&str> = entries.iter().filter_map(|it| it["change"].as_str()).collect();
    assert_eq!(changes, ["made", "certified", "revoked"]);
}

async fn what_can_not_be_a_grant_is_refused(world: World) {
    let good = || new_grant(subject("riley"), &[REFUND]);
    let with = |change: fn(&mut NewGrant)| {
        let mut new = good();
        change(&mut new);
        new
    };
    let rows: [(NewGrant, &str); 13] = [
        (with(|it| it.reason = "  ".to_owned()), "reason: say why"),
        (with(|it| it.functions.clear()), "functions: name 1 to 500 functions or tags"),
        (
            with(|it| it.functions = vec!["billing.nope".into()]),
            "functions: no function `billing.nope`",
        ),
        (with(|it| it.tags = vec!["nope".into()]), "tags: no function has the tag `nope`"),
        (with(|it| it.holder = subject("")), "holder: name a subject or a group"),
        (with(|it| it.holder = group(" x")), "holder: name a subject or a group"),
        (
            with(|it| it.constraints = vec!["args.amont < 5.0".to_owned()]),
            "constraints[0]: for billing.refunds.create: the input schema has no argument `amont`",
        ),
        (with(|it| it.constraints = vec!["1 +".to_owned()]), "constraints[0]: "),
        (with(|it| it.constraints = vec!["true".to_owned(); 17]), "constraints: at most 16"),
        (
            with(|it| it.expires_at = Some(countersign_model::Timestamp::from_millis(1))),
            "expires_at: must be in the future",
        ),
        (with(|it| it.rate = Some(Rate { calls: 0, per: Span::from_seconds(1) })), "rate: "),
        (with(|it| it.rate = Some(Rate { calls: 1, per: Span::default() })), "rate: "),
        (with(|it| it.reason = "x".repeat(2_001)), "reason: a reason or comment has at most"),
    ];
    for (new, expected) in rows {
        let error = world.governance.add_grant(&ada(), new).await.unwrap_err();
        assert!(error.to_string().starts_with(expected), "{error} instead of {expected}");
        assert_eq!(error.code(), "invalid_grant");
    }
    let mut tagged = good();
    tagged.tags = vec!["read".into()];
    let error = world.governance.add_grant(&olivia(), tagged).await.unwrap_err();
    assert_eq!(error.code(), "tags_by_administrator");
    let stranger = world.governance.add_grant(&actor("kim", &[]), good()).await.unwrap_err();
    assert_eq!(stranger.code(), "not_owner");
    assert_eq!(world.entries("grant.changed").len(), 0);
}

async fn certified_at_birth_only_where_nobody_reviews_themself(world: World) {
    let sam = actor("sam", &[]);
    let mut own = crate::world::catalog();
    own.targets.get_mut("billing").unwrap().owners.push("sam".to_owned());
    world.governance.apply_catalog(&ada(), own, None).await.unwrap();
    let rows = [
        (olivia(), subject("riley"), CUSTOMER, true),
        (olivia(), subject("riley"), REFUND, false),
        (olivia(), subject("olivia"), CUSTOMER, false),
        (olivia(), group("finance"), CUSTOMER, false),
        (olivia(), group("support"), CUSTOMER, true),
        (sam, subject("agent:dunning"), CUSTOMER, false),
        (olivia(), subject("agent:dunning"), CUSTOMER, true),
        (ada(), subject("riley"), CUSTOMER, false),
    ];
    for (maker, holder, function, expected) in rows {
        let new = new_grant(holder.clone(), &[function]);
        let grant = world.governance.add_grant(&maker, new).await.unwrap();
        assert_eq!(grant.certified.is_some(), expected, "{} {holder} {function}", maker.name);
    }
}

async fn a_certification_binds_to_the_version(world: World) {
    let id = world.grant(&ada(), subject("riley"), REFUND).await;
    let error = world.governance.certify_grant(&olivia(), id, 2).await.unwrap_err();
    assert!(matches!(error, GrantError::Version { current: 1 }), "{error:?}");
    let unknown = countersign_model::GrantId::from_bytes([1; 16]);
    let error = world.governance.certify_grant(&olivia(), unknown, 1).await.unwrap_err();
    assert!(matches!(error, GrantError::NotFound), "{error:?}");
    // At high sensitivity the maker does not review, administrator or not.
    let error = world.governance.certify_grant(&ada(), id, 1).await.unwrap_err();
    assert_eq!(error.code(), "maker");
    world.governance.certify_grant(&olivia(), id, 1).await.unwrap();
    world.governance.revoke_grant(&olivia(), id, "done").await.unwrap();
    let error = world.governance.certify_grant(&olivia(), id, 1).await.unwrap_err();
    assert_eq!(error.code(), "grant_revoked");
}

async fn grants_are_listed_by_what_is_asked(world: World) {
    world.grant(&olivia(), subject("riley"), CUSTOMER).await;
    world.grant(&ada(), group("support"), STATUS).await;
    let ended = world.grant(&olivia(), subject("riley"), REFUND).await;
    world.governance.revoke_grant(&olivia(), ended, "done").await.unwrap();
    let all = GrantFilter::default;
    let rows = [
        (all(), 3),
        (GrantFilter { subject: Some("riley".into()), ..all() }, 2),
        (GrantFilter { group: Some("support".into()), ..all() }, 1),
        (GrantFilter { function: Some(STATUS.into()), ..all() }, 1),
        (GrantFilter { state: Some(GrantStanding::Active), ..all() }, 2),
        (GrantFilter { state: Some(GrantStanding::Ended), ..all() }, 1),
        (GrantFilter { state: Some(GrantStanding::Overdue), ..all() }, 1),
        (GrantFilter { state: Some(GrantStanding::Due), ..all() }, 0),
    ];
    for (filter, expected) in rows {
        assert_eq!(world.governance.grants(&filter).len(), expected, "{filter:?}");
    }
    world.pass(Span::from_days(170));
    let due = GrantFilter { state: Some(GrantStanding::Due), ..all() };
    let found = world.governance.grants(&due);
    assert_eq!(found[0].functions[0].freshness, FreshnessView::Due);
    assert_eq!(serde_json::to_value(&found[0]).unwrap()["functions"][0]["freshness"], "due");
}

async fn revoking_twice_keeps_the_first(world: World) {
    let id = world.grant(&olivia(), subject("riley"), CUSTOMER).await;
    let error = world.governance.revoke_grant(&actor("kim", &[]), id, "x").await.unwrap_err();
    assert_eq!(error.code(), "not_owner");
    let error = world.governance.revoke_grant(&olivia(), id, "").await.unwrap_err();
    assert_eq!(error.code(), "invalid_grant");
    let first = world.governance.revoke_grant(&actor("riley", &[]), id, "enough").await.unwrap();
    let second = world.governance.revoke_grant(&olivia(), id, "me too").await.unwrap();
    assert_eq!(first, second);
    assert!(matches!(second.state, GrantState::Revoked { by, .. } if by.as_str() == "riley"));
}
