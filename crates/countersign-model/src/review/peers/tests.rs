use super::*;
use crate::{
    Subject,
    fixtures::{NOW, grant, snapshot, subject},
    review::usage::FunctionUsage,
};

const REFUND: &str = "billing.refunds.create";
const CUSTOMER: &str = "billing.customers.get";
const STATUS: &str = "billing.status";

fn used(functions: &[&str]) -> GrantUsage {
    let one = FunctionUsage { used: 1, ..FunctionUsage::default() };
    let functions = functions.iter().map(|it| ((*it).into(), one.clone()));
    GrantUsage { functions: functions.collect(), ..GrantUsage::default() }
}

#[test]
fn peers_are_other_holders_of_the_same_kind_and_count_once() {
    let group = Holder::Group("support".into());
    let mut ended = grant(7, subject("max"), &[REFUND], 1);
    ended = ended.revoke(&Subject::from("olivia"), NOW, "over");
    let grants = vec![
        grant(1, subject("riley"), &[REFUND, CUSTOMER], 1),
        grant(2, subject("anna"), &[REFUND], 1),
        grant(3, subject("anna"), &[CUSTOMER], 1),
        grant(4, subject("bert"), &[STATUS], 1),
        grant(5, group, &[REFUND], 1),
        grant(6, subject("agent:dunning"), &[REFUND], 1),
        ended,
        grant(8, subject("carla"), &[CUSTOMER], 1),
    ];
    let id = |it: u8| GrantId::from_bytes([it; 16]);
    let usage = BTreeMap::from([
        (id(1), used(&[REFUND])),
        (id(2), used(&[])),
        (id(3), used(&[CUSTOMER])),
        (id(8), used(&[])),
    ]);
    let snapshot = snapshot(grants);
    let found = peers(snapshot.grants(), snapshot.catalog(), &usage, NOW);
    let check = |grant, hold, use_it| {
        assert_eq!(found[&id(grant)], Peers { hold, use_it }, "grant {grant}");
    };
    check(1, 2, 1);
    check(2, 1, 1);
    check(3, 2, 0);
    check(4, 0, 0);
    check(5, 0, 0);
    check(6, 0, 0);
    check(8, 2, 1);
    assert!(!found.contains_key(&id(7)));
}
