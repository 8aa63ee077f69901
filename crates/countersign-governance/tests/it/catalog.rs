//! Planning and applying catalogs.

use crate::world::{
    CUSTOMER, REFUND, STATUS, World, actor, ada, catalog, catalog_with, group, new_grant, olivia,
    on_both, subject,
};
use countersign_governance::{CatalogError, ChangeKind};
use countersign_model::Epoch;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

on_both!(
    a_plan_says_what_changes_and_whom_it_touches,
    who_applies_second_plans_again,
    every_fault_is_listed_and_nothing_changes,
    who_may_plan_and_apply,
    the_same_catalog_changes_nothing,
    a_catalog_is_prepared_before_calls_are_judged_by_it,
);

const REFUND_KEY: &str = "/functions/billing.refunds.create";

async fn a_plan_says_what_changes_and_whom_it_touches(world: World) {
    let named = world.grant(&ada(), subject("riley"), STATUS).await;
    let mut tagged = new_grant(group("support"), &[]);
    tagged.tags = vec!["read".into()];
    let tagged = world.governance.add_grant(&ada(), tagged).await.unwrap().id;
    let mut next = catalog_with(&format!("{REFUND_KEY}/tags"), json!(["money", "read"]));
    next.functions.remove(STATUS);
    next.functions.get_mut(REFUND).unwrap().approval[0].when =
        Some("args.amount > 100.0".to_owned());
    let plan = world.governance.plan_catalog(&actor("aud", &["audit"]), &next).await.unwrap();
    assert_eq!(plan.base, catalog().digest());
    assert_eq!(plan.next, next.digest());
    let changes: Vec<(ChangeKind, &str)> =
        plan.changes.iter().map(|it| (it.kind, it.place.as_str())).collect();
    assert_eq!(
        changes,
        [
            (ChangeKind::Changed, "function billing.refunds.create"),
            (ChangeKind::Removed, "function ops.status"),
        ]
    );
    assert_eq!(
        plan.changes[0].lines,
        [
            "- approval[0].when: args.amount > 500.0",
            "+ approval[0].when: args.amount > 100.0",
            "+ tags[1]: read",
        ]
    );
    let touched: Vec<(_, &str, Vec<&str>)> = plan
        .grants_touched
        .iter()
        .map(|it| (it.id, it.effect.as_str(), it.functions.iter().map(|it| it.as_str()).collect()))
        .collect();
    assert_eq!(
        touched,
        [
            (named, "loses what is removed", vec![STATUS]),
            (tagged, "loses what is removed", vec![STATUS]),
            (tagged, "gains", vec![REFUND]),
        ]
    );
    assert_eq!(world.governance.catalog().digest(), catalog().digest(), "a plan changes nothing");

    let before = world.governance.policy().load().epoch();
    let applied = world.governance.apply_catalog(&ada(), next.clone(), Some(plan.base)).await;
    let applied = applied.unwrap();
    assert_eq!((applied.digest, applied.epoch), (next.digest(), Epoch(before.0 + 1)));
    assert_eq!(world.governance.policy().load().catalog().digest, next.digest());
    let entries = world.entries("catalog.applied");
    assert_eq!(entries.len(), 2);
    assert_eq!(entries[1]["epoch"], json!(applied.epoch));
    // What names a removed function says so from now on.
    let plan = world.governance.plan_catalog(&ada(), &next).await.unwrap();
    assert_eq!(plan.changes, []);
    assert_eq!(plan.grants_touched.len(), 1);
    assert_eq!(plan.grants_touched[0].effect, "names what is not in the catalog");
}

async fn who_applies_second_plans_again(world: World) {
    let base = catalog().digest();
    let first = catalog_with(&format!("{REFUND_KEY}/purpose"), json!("One"));
    let second = catalog_with(&format!("{REFUND_KEY}/purpose"), json!("Two"));
    world.governance.apply_catalog(&ada(), first.clone(), Some(base)).await.unwrap();
    let error = world.governance.apply_catalog(&ada(), second, Some(base)).await.unwrap_err();
    let CatalogError::BaseChanged { current } = error else { panic!("{error:?}") };
    assert_eq!(current, first.digest());
}

async fn every_fault_is_listed_and_nothing_changes(world: World) {
    let mut bad = catalog_with("/targets/billing/owners", json!([]));
    bad.functions.get_mut(CUSTOMER).unwrap().http.method = "get".to_owned();
    let before = world.governance.policy().load().epoch();
    for error in [
        world.governance.plan_catalog(&ada(), &bad).await.unwrap_err(),
        world.governance.apply_catalog(&ada(), bad.clone(), None).await.unwrap_err(),
    ] {
        // Nobody answers for either function (R7), and one has no method.
        assert_eq!(error.faults().len(), 3, "{:?}", error.faults());
        assert_eq!(error.code(), "catalog_faults");
    }
    assert_eq!(world.governance.policy().load().epoch(), before);
}

async fn who_may_plan_and_apply(world: World) {
    let next = catalog_with(&format!("{REFUND_KEY}/purpose"), json!("Other"));
    let mut service = actor("svc:deploy", &["platform"]);
    service.person.kind = countersign_model::CallerKind::Service;
    let mut agent = ada();
    agent.person.kind = countersign_model::CallerKind::Agent;
    let rows = [
        (olivia(), Some("not_administrator"), Some("not_administrator")),
        (actor("aud", &["audit"]), None, Some("auditor_changes_nothing")),
        (agent, Some("not_a_person"), Some("not_a_person")),
        (service, None, None),
    ];
    for (actor, plan, apply) in rows {
        let found = world.governance.plan_catalog(&actor, &next).await;
        assert_eq!(found.as_ref().err().map(CatalogError::code), plan, "{}", actor.name);
        let found = world.governance.apply_catalog(&actor, next.clone(), None).await;
        assert_eq!(found.as_ref().err().map(CatalogError::code), apply, "{}", actor.name);
    }
}

async fn the_same_catalog_changes_nothing(world: World) {
    let before = world.governance.policy().load().epoch();
    let applied = world.governance.apply_catalog(&ada(), catalog(), None).await.unwrap();
    assert_eq!(applied.epoch, before);
    assert_eq!(world.entries("catalog.applied").len(), 1);
    let null = Value::Null;
    let without = catalog_with("/agents/agent:dunning", null);
    world.governance.apply_catalog(&ada(), without, None).await.unwrap();
    assert!(world.governance.policy().load().agents().is_empty());
}

async fn a_catalog_is_prepared_before_calls_are_judged_by_it(world: World) {
    let (seen, governance) = (Arc::<Mutex<Vec<_>>>::default(), world.governance.clone());
    let seen_here = Arc::clone(&seen);
    world.governance.before_each_catalog(move |catalog| {
        let in_force = governance.policy().load().catalog().digest;
        seen_here.lock().unwrap().push((catalog.digest, in_force));
    });
    let mut next = catalog();
    next.functions.remove(STATUS);
    let (before, after) = (catalog().digest(), next.digest());
    world.governance.apply_catalog(&ada(), next, None).await.unwrap();
    assert_eq!(world.governance.policy().load().catalog().digest, after);
    assert_eq!(*seen.lock().unwrap(), [(after, before)]);
    // What changes no catalog prepares none.
    world.governance.suspend(&ada(), &"riley".into(), "left").await.unwrap();
    assert_eq!(seen.lock().unwrap().len(), 1);
}
