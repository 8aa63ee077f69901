use super::*;
use crate::{
    Caller, Reason, Span, Subject, ToldFor, ToldGroup, ToldGroups,
    catalog::raw::{RawCatalog, RawFile},
    decide::passes,
    fixtures::{NOW, caller, grant, raw_file, subject},
    snapshot::{Epoch, Facts},
};
use serde_json::json;
use std::sync::Arc;

const REFUND: &str = "billing.refunds.create";
const STATUS: &str = "billing.status";
const CUSTOMER: &str = "billing.customers.get";

fn world(grants: Vec<Grant>, told: ToldGroups) -> Snapshot {
    let mut file = raw_file();
    file["separations"] = json!([{
        "name": "pay-and-look", "first": ["money"], "second": [STATUS],
        "why": "who pays must not look"
    }]);
    let file: RawFile = serde_json::from_value(file).unwrap();
    let raw = RawCatalog::join([file]).unwrap();
    let catalog = Arc::new(crate::catalog::compile(&raw, &|_| Ok(())).unwrap());
    let grants = grants.into_iter().map(Arc::new).collect();
    Snapshot::compile(Facts {
        epoch: Epoch(1),
        catalog,
        grants,
        told: Arc::new(told),
        ..Facts::default()
    })
}

fn refused(who: &Caller, function: &str, world: &Snapshot) -> Option<Reason> {
    let (ix, _) = world.catalog().by_name(function)?;
    passes(who, ix, world, NOW).err().map(|it| it.reason)
}

/// Made so many days ago.
fn made(id: u8, holder: Holder, functions: &[&str], days_ago: i64) -> Grant {
    let made_at = NOW.minus(Span::from_days(days_ago));
    Grant { made_at, ..grant(id, holder, functions, 1) }
}

#[test]
fn what_came_later_is_refused_and_what_came_first_goes_on() {
    let separated = Some(Reason::SeparationOfDuties);
    let pay = made(1, subject("riley"), &[REFUND], 20);
    let look = made(2, subject("riley"), &[STATUS, CUSTOMER], 10);
    let both = world(vec![pay.clone(), look.clone()], ToldGroups::default());
    let riley = caller("riley");
    assert_eq!(refused(&riley, REFUND, &both), None);
    assert_eq!(refused(&riley, STATUS, &both), separated);
    assert_eq!(refused(&riley, CUSTOMER, &both), None);
    assert_eq!(refused(&caller("sam"), STATUS, &both), Some(Reason::NoGrant));
    let found = conflicts(&both, NOW);
    assert_eq!((found.len(), found[0].kept.grant, found[0].refused.grant), (1, pay.id, look.id));
    // What has ended is in nobody's hand, and neither is the other's.
    let over = pay.clone().revoke(&"olivia".into(), NOW, "x");
    assert_eq!(
        refused(&riley, STATUS, &world(vec![over, look.clone()], ToldGroups::default())),
        None
    );
    let other = Grant { holder: subject("sam"), ..pay.clone() };
    let apart = world(vec![other, look.clone()], ToldGroups::default());
    assert_eq!((refused(&riley, STATUS, &apart), conflicts(&apart, NOW)), (None, vec![]));
    // Granted in one moment, neither side goes on.
    let together = Grant { made_at: look.made_at, ..pay };
    let both = world(vec![together, look], ToldGroups::default());
    assert_eq!(
        (refused(&riley, REFUND, &both), refused(&riley, STATUS, &both)),
        (separated, separated)
    );
}

#[test]
fn groups_bring_it_about_too() {
    let pay = made(1, subject("riley"), &[REFUND], 20);
    let look = made(2, Holder::Group("watch".into()), &[STATUS], 10);
    let mut who = caller("riley");
    who.groups = [Group::from("watch")].into();
    let by_token = world(vec![pay.clone(), look.clone()], ToldGroups::default());
    assert_eq!(refused(&who, STATUS, &by_token), Some(Reason::SeparationOfDuties));
    let mut told = ToldGroups::default();
    let group =
        ToldGroup { group: "watch".into(), directory: "okta".into(), counts: ToldFor::Access };
    told.tell(&Subject::from("riley"), "okta", vec![group]);
    let by_directory = world(vec![pay.clone(), look.clone()], told.clone());
    assert_eq!(refused(&caller("riley"), STATUS, &by_directory), Some(Reason::SeparationOfDuties));
    assert_eq!(conflicts(&by_directory, NOW).len(), 1);
    // Making either is seen before.
    let before = world(vec![look.clone()], told.clone());
    assert_eq!(would_conflict(&pay, &before, NOW).unwrap().refused.grant, look.id);
    let before = world(vec![pay.clone()], told);
    assert_eq!(would_conflict(&look, &before, NOW).unwrap().kept.grant, pay.id);
    assert_eq!(would_conflict(&look, &world(vec![pay], ToldGroups::default()), NOW), None);
    let whole = made(3, subject("kim"), &[REFUND, STATUS], 0);
    assert!(would_conflict(&whole, &world(vec![], ToldGroups::default()), NOW).is_some());
}

#[test]
fn a_separation_that_can_not_be_right_is_a_fault() {
    let rows = [
        (
            json!({"name": "x", "first": ["nope.nope"], "second": [STATUS], "why": "y"}),
            "no function and no tag",
        ),
        (json!({"name": "x", "first": [], "second": [STATUS], "why": "y"}), "name at least one"),
        (
            json!({"name": "x", "first": ["read"], "second": [STATUS], "why": "y"}),
            "stands on both sides",
        ),
        (json!({"name": "x", "first": [REFUND], "second": [STATUS], "why": " "}), "say why"),
    ];
    for (separation, expected) in rows {
        let mut file = raw_file();
        file["separations"] = json!([separation]);
        let file: RawFile = serde_json::from_value(file).unwrap();
        let raw = RawCatalog::join([file]).unwrap();
        let faults = crate::catalog::compile(&raw, &|_| Ok(())).unwrap_err();
        assert!(faults[0].to_string().contains(expected), "{}", faults[0]);
    }
}
