use super::*;
use crate::{
    CallerKind, Catalog, Grant, Holder, ToldFor, ToldGroup, ToldGroups,
    fixtures::{NOW, caller, grant, snapshot, snapshot_of, subject},
    snapshot::{Facts, Kill, KillScope, Suspension},
};
use serde_json::json;
use std::cell::Cell;

const REFUND: &str = "billing.refunds.create";
const CUSTOMER: &str = "billing.customers.get";
const STATUS: &str = "billing.status";

/// Lets so many calls through.
struct Only(Cell<u32>);

impl Meter for Only {
    fn take(&self, _: &Subject, _: FunctionIx, _: Rate) -> Taken {
        match self.0.get() {
            0 => Taken::UsedUp { retry_after: Span::from_seconds(7) },
            left => {
                self.0.set(left - 1);
                Taken::Within
            }
        }
    }
}

fn judge_as(who: &Caller, function: &str, arguments: &Value, snapshot: &Snapshot) -> Decision {
    let (ix, _) = snapshot.catalog().by_name(function).unwrap();
    let call = Call { caller: who, function: ix, arguments };
    decide(&call, snapshot, NOW, &Only(Cell::new(1000)))
}

fn reason(decision: &Decision) -> Reason {
    match decision {
        Decision::Forward(grounds) => grounds.reason(),
        Decision::Hold(question) => question.reason,
        Decision::Block(refusal) => refusal.reason,
    }
}

#[expect(clippy::needless_pass_by_value, reason = "rows read better with the value in place")]
fn check(who: &Caller, function: &str, arguments: Value, facts: &Snapshot, expected: Reason) {
    let decision = judge_as(who, function, &arguments, facts);
    assert_eq!(reason(&decision), expected, "{function} {arguments}: {decision:?}");
}

fn suspended(grant: Grant) -> Grant {
    grant.suspend(&Subject::from("olivia"), NOW, "nobody answered").unwrap()
}

fn revoked(grant: Grant) -> Grant {
    grant.revoke(&Subject::from("olivia"), NOW, "done")
}

#[test]
fn a_fresh_grant_carries_a_call_within_the_rules() {
    let world = snapshot(vec![grant(1, subject("riley"), &[REFUND], 10)]);
    let rows = [
        (json!({"amount": 40}), Reason::Granted),
        (json!({"amount": 501}), Reason::ApprovalRequired),
        (json!({"amount": 5001}), Reason::BlockedByRule),
        (json!({}), Reason::ArgumentsInvalid),
        (json!({"amount": "40"}), Reason::ArgumentsInvalid),
        (json!({"amount": 40, "iban": "x"}), Reason::ArgumentsInvalid),
        (json!([]), Reason::ArgumentsInvalid),
    ];
    for (arguments, expected) in rows {
        check(&caller("riley"), REFUND, arguments, &world, expected);
    }
}

#[test]
fn without_a_grant_that_stands_nothing_runs() {
    let expired = Grant { expires_at: Some(NOW), ..grant(1, subject("riley"), &[REFUND], 1) };
    let call = json!({"amount": 40});
    let rows = [
        (vec![], Reason::NoGrant),
        (vec![grant(1, subject("someone"), &[REFUND], 1)], Reason::NoGrant),
        (vec![grant(1, subject("riley"), &[CUSTOMER], 1)], Reason::NoGrant),
        (vec![expired.clone()], Reason::GrantExpired),
        (vec![revoked(grant(1, subject("riley"), &[REFUND], 1))], Reason::GrantRevoked),
        (vec![suspended(grant(1, subject("riley"), &[REFUND], 1))], Reason::GrantSuspended),
        (
            vec![
                revoked(grant(1, subject("riley"), &[REFUND], 1)),
                grant(2, subject("riley"), &[REFUND], 1),
            ],
            Reason::Granted,
        ),
        (vec![expired, grant(2, subject("riley"), &[REFUND], 1)], Reason::Granted),
    ];
    for (grants, expected) in rows {
        check(&caller("riley"), REFUND, call.clone(), &snapshot(grants), expected);
    }
}

#[test]
fn groups_and_tags_reach_functions() {
    let mut in_group = caller("riley");
    in_group.groups = ["support".into()].into();
    let by_group = grant(1, Holder::Group("support".into()), &[CUSTOMER], 1);
    let by_tag = Grant {
        tags: vec!["read".into()],
        functions: vec![],
        ..grant(2, subject("riley"), &[], 1)
    };
    let call = json!({"customer": "c_1"});
    check(&in_group, CUSTOMER, call.clone(), &snapshot(vec![by_group.clone()]), Reason::Granted);
    check(&caller("riley"), CUSTOMER, call.clone(), &snapshot(vec![by_group]), Reason::NoGrant);
    check(&caller("riley"), CUSTOMER, call, &snapshot(vec![by_tag.clone()]), Reason::Granted);
    check(&caller("riley"), REFUND, json!({"amount": 1}), &snapshot(vec![by_tag]), Reason::NoGrant);
}

/// A group that a directory tells of reaches the subject, as one of the token does.
#[test]
fn a_directory_puts_people_into_groups() {
    let world = |of: &str, group: &str| {
        let mut told = ToldGroups::default();
        let group =
            ToldGroup { group: group.into(), directory: "okta".into(), counts: ToldFor::Access };
        told.tell(&Subject::from(of), "okta", vec![group]);
        let grants = vec![
            grant(1, Holder::Group("support".into()), &[CUSTOMER], 1).into(),
            grant(2, subject("agent:dunning"), &[CUSTOMER], 1).into(),
        ];
        snapshot_of(Facts { grants, told: told.into(), ..Facts::default() })
    };
    let call = json!({"customer": "c_1"});
    let rows = [
        (caller("riley"), "riley", "support", Reason::Granted),
        (caller("riley"), "riley", "other", Reason::NoGrant),
        (caller("Riley"), "riley", "support", Reason::NoGrant),
        (caller("riley"), "sam", "support", Reason::NoGrant),
        // A directory tells of people.
        (
            Caller { kind: CallerKind::Service, ..caller("riley") },
            "riley",
            "support",
            Reason::NoGrant,
        ),
        (
            Caller { kind: CallerKind::Agent, ..caller("riley") },
            "riley",
            "support",
            Reason::NoGrant,
        ),
        // The groups are the subject's, whoever acts for it.
        (
            Caller { actors: vec!["agent:dunning".into()], ..caller("riley") },
            "riley",
            "support",
            Reason::Granted,
        ),
        (
            Caller { actors: vec!["sam".into()], ..caller("riley") },
            "sam",
            "support",
            Reason::NoGrant,
        ),
    ];
    for (who, of, group, expected) in rows {
        check(&who, CUSTOMER, call.clone(), &world(of, group), expected);
    }
    // An agent of the catalog is no person, whatever its token says.
    let agent = caller("agent:dunning");
    let told = world("agent:dunning", "support");
    assert!(told.told_groups(&agent).is_empty());
}

#[test]
fn r15_overdue_does_what_the_function_says() {
    let rows = [
        (REFUND, json!({"amount": 40}), 89, Reason::Granted),
        (REFUND, json!({"amount": 40}), 90, Reason::GrantOverdue),
        (CUSTOMER, json!({"customer": "c_1"}), 181, Reason::GrantOverdue),
        (STATUS, json!({}), 366, Reason::GrantOverdueWarned),
    ];
    for (function, arguments, days, expected) in rows {
        let world = snapshot(vec![grant(1, subject("riley"), &[function], days)]);
        check(&caller("riley"), function, arguments, &world, expected);
    }
    let world = snapshot(vec![grant(1, subject("riley"), &[REFUND], 90)]);
    assert!(matches!(
        judge_as(&caller("riley"), REFUND, &json!({"amount": 1}), &world),
        Decision::Hold(_)
    ));
    let world = snapshot(vec![grant(1, subject("riley"), &[CUSTOMER], 181)]);
    let call = json!({"customer": "c_1"});
    assert!(matches!(judge_as(&caller("riley"), CUSTOMER, &call, &world), Decision::Block(_)));
}

#[test]
fn a_grant_that_nobody_certified_in_this_version_is_overdue() {
    let never = Grant { certified: None, ..grant(1, subject("riley"), &[REFUND], 1) };
    let widened = Grant { version: 2, ..grant(1, subject("riley"), &[REFUND], 1) };
    for grant in [never, widened] {
        check(
            &caller("riley"),
            REFUND,
            json!({"amount": 1}),
            &snapshot(vec![grant]),
            Reason::GrantOverdue,
        );
    }
}

#[test]
fn the_freshest_grant_that_fits_is_taken() {
    let overdue = grant(1, subject("riley"), &[REFUND], 200);
    let fresh = grant(2, subject("riley"), &[REFUND], 5);
    let narrow = Grant {
        constraints: vec!["args.amount < 10".to_owned()],
        ..grant(3, subject("riley"), &[REFUND], 1)
    };
    let world = snapshot(vec![overdue, fresh, narrow]);
    for (amount, id) in [(40, 2_u8), (5, 3)] {
        let Decision::Forward(grounds) =
            judge_as(&caller("riley"), REFUND, &json!({"amount": amount}), &world)
        else {
            panic!("not forwarded")
        };
        assert_eq!(grounds.grants()[0].id.to_bytes(), [id; 16]);
    }
}

#[test]
fn constraints_must_hold_and_a_broken_one_never_does() {
    let rows = [
        ("args.amount <= 50", 40, Reason::Granted),
        ("args.amount <= 50", 51, Reason::OutsideConstraints),
        ("args.note == 'x'", 40, Reason::OutsideConstraints),
        ("this is no expression", 40, Reason::OutsideConstraints),
    ];
    for (constraint, amount, expected) in rows {
        let held = Grant {
            constraints: vec![constraint.to_owned()],
            ..grant(1, subject("riley"), &[REFUND], 1)
        };
        check(&caller("riley"), REFUND, json!({"amount": amount}), &snapshot(vec![held]), expected);
    }
}

#[test]
fn an_overdue_grant_and_approval_rules_add_their_demands() {
    let fresh = snapshot(vec![grant(1, subject("riley"), &[REFUND], 1)]);
    let overdue = snapshot(vec![grant(1, subject("riley"), &[REFUND], 100)]);
    let rows = [
        (&fresh, 600, vec!["group:finance 1"]),
        (&fresh, 2001, vec!["group:finance 1", "group:finance 2"]),
        (&overdue, 40, vec!["owner 1"]),
        (&overdue, 2001, vec!["owner 1", "group:finance 1", "group:finance 2"]),
    ];
    for (world, amount, expected) in rows {
        let Decision::Hold(question) =
            judge_as(&caller("riley"), REFUND, &json!({"amount": amount}), world)
        else {
            panic!("not held")
        };
        let asked: Vec<String> =
            question.demands.iter().map(|it| format!("{} {}", it.from[0], it.people)).collect();
        assert_eq!(asked, expected);
    }
}

#[test]
fn an_agent_and_its_user_both_need_a_grant() {
    let mut who = caller("riley");
    who.actors = vec!["agent:dunning".into()];
    who.groups = ["support".into()].into();
    let user = grant(1, subject("riley"), &[REFUND], 1);
    let agent = grant(2, subject("agent:dunning"), &[REFUND], 1);
    let by_group = grant(3, Holder::Group("support".into()), &[REFUND], 1);
    let call = json!({"amount": 40});
    let rows = [
        (vec![user.clone(), agent.clone()], Reason::Granted),
        (vec![user.clone()], Reason::NoGrant),
        (vec![agent.clone()], Reason::NoGrant),
        // The user's groups say nothing for the agent.
        (vec![by_group.clone()], Reason::NoGrant),
        (vec![by_group, agent.clone()], Reason::Granted),
        (vec![user, revoked(agent)], Reason::GrantRevoked),
    ];
    for (grants, expected) in rows {
        check(&who, REFUND, call.clone(), &snapshot(grants), expected);
    }
}

fn kill(scope: KillScope) -> Kill {
    Kill { scope, by: "sam".into(), at: NOW, why: "incident 7".to_owned() }
}

#[test]
fn stops_come_before_everything() {
    let suspended = Suspension {
        subject: "agent:dunning".into(),
        by: "sam".into(),
        at: NOW,
        why: "leaver".to_owned(),
    };
    let rows = [
        (vec![kill(KillScope::Everything)], vec![], Reason::KillSwitch),
        (vec![kill(KillScope::Target("billing".into()))], vec![], Reason::KillSwitch),
        (vec![kill(KillScope::Function(REFUND.into()))], vec![], Reason::KillSwitch),
        (vec![kill(KillScope::Target("other".into()))], vec![], Reason::NoGrant),
        (vec![kill(KillScope::Function(STATUS.into()))], vec![], Reason::NoGrant),
        (vec![], vec![suspended.clone()], Reason::SubjectSuspended),
        (vec![kill(KillScope::Everything)], vec![suspended], Reason::KillSwitch),
    ];
    let mut who = caller("riley");
    who.actors = vec!["agent:dunning".into()];
    for (kills, suspensions, expected) in rows {
        let world = snapshot_of(Facts { kills, suspensions, ..Facts::default() });
        check(&who, REFUND, json!({}), &world, expected);
    }
}

#[test]
fn an_agent_whose_sponsor_is_suspended_does_nothing() {
    let suspended =
        Suspension { subject: "riley".into(), by: "sam".into(), at: NOW, why: "left".to_owned() };
    let world = snapshot_of(Facts { suspensions: vec![suspended], ..Facts::default() });
    let mut who = caller("olivia");
    check(&who, REFUND, json!({}), &world, Reason::NoGrant);
    who.actors = vec!["agent:dunning".into()];
    check(&who, REFUND, json!({}), &world, Reason::SubjectSuspended);
    check(&caller("agent:dunning"), REFUND, json!({}), &world, Reason::SubjectSuspended);
}

/// Each row breaks everything from one check on; the first that applies decides.
#[test]
fn the_first_check_that_applies_decides() {
    let mut who = caller("riley");
    who.scopes.clear();
    let arguments = json!({"amount": 9000, "iban": "x"});
    let held = Grant {
        constraints: vec!["args.amount < 10".to_owned()],
        ..grant(1, subject("riley"), &[REFUND], 400)
    };
    let world = |grant: Grant| snapshot(vec![grant]);
    check(&who, REFUND, arguments.clone(), &world(revoked(held.clone())), Reason::GrantRevoked);
    check(&who, REFUND, arguments.clone(), &world(held.clone()), Reason::MissingScope);
    who.scopes = ["billing.write".into()].into();
    check(&who, REFUND, arguments, &world(held.clone()), Reason::ArgumentsInvalid);
    check(&who, REFUND, json!({"amount": 9000}), &world(held.clone()), Reason::OutsideConstraints);
    let wide = Grant { constraints: vec![], ..held };
    let snapshot = world(wide.clone());
    let (ix, _) = snapshot.catalog().by_name(REFUND).unwrap();
    let arguments = json!({"amount": 9000});
    let call = Call { caller: &who, function: ix, arguments: &arguments };
    let decision = decide(&call, &snapshot, NOW, &Only(Cell::new(0)));
    assert_eq!(reason(&decision), Reason::RateLimited);
    let Decision::Block(refusal) = decision else { panic!("not blocked") };
    assert_eq!(refusal.retry_after, Some(Span::from_seconds(7)));
    check(&who, REFUND, json!({"amount": 9000}), &world(wide.clone()), Reason::BlockedByRule);
    check(&who, REFUND, json!({"amount": 900}), &world(wide), Reason::GrantOverdue);
}

#[test]
fn what_could_pass_is_told_without_arguments() {
    let world = snapshot(vec![grant(1, subject("riley"), &[REFUND, STATUS], 400)]);
    let could = |who: &Caller, name: &str| {
        let (ix, _) = world.catalog().by_name(name).unwrap();
        could_pass(who, ix, &world, NOW)
    };
    assert!(could(&caller("riley"), REFUND) && could(&caller("riley"), STATUS));
    assert!(!could(&caller("riley"), CUSTOMER) && !could(&caller("sam"), REFUND));
    let mut no_scopes = caller("riley");
    no_scopes.scopes.clear();
    assert!(!could(&no_scopes, REFUND));
}

#[test]
fn every_refusal_says_what_and_what_next() {
    let world = snapshot(vec![]);
    let Decision::Block(refusal) = judge_as(&caller("riley"), REFUND, &json!({}), &world) else {
        panic!("not blocked")
    };
    assert_eq!(refusal.sentence, "riley has no grant to call billing.refunds.create.");
    assert_eq!(refusal.next_step, "Ask olivia (owner of billing.refunds.create) for a grant.");
}

#[test]
fn a_function_of_another_catalog_is_not_catalogued() {
    let world = Snapshot::compile(Facts { catalog: Catalog::default().into(), ..Facts::default() });
    let who = caller("riley");
    let call = Call { caller: &who, function: FunctionIx(0), arguments: &Value::Null };
    let decision = decide(&call, &world, NOW, &Only(Cell::new(1)));
    assert_eq!(reason(&decision), Reason::NotCatalogued);
}

fn denial(whom: Holder, what: crate::Denied) -> std::sync::Arc<crate::Denial> {
    std::sync::Arc::new(crate::Denial {
        id: crate::DenialId::from_bytes([9; 16]),
        whom,
        what,
        by: "olivia".into(),
        at: NOW,
        why: "moved on".to_owned(),
        until: None,
    })
}

#[test]
fn r11_a_denial_stands_over_every_grant() {
    let named =
        |name: &str| crate::Denied::Functions { functions: vec![name.into()], tags: vec![] };
    let tagged = crate::Denied::Functions { functions: vec![], tags: vec!["money".into()] };
    let group = || Holder::Group("finance".into());
    let mut riley = caller("riley");
    riley.groups = ["finance".into()].into();
    let grants = || vec![grant(1, group(), &[REFUND, STATUS], 1)];
    let world = |denials: Vec<std::sync::Arc<crate::Denial>>, grants: Vec<Grant>| {
        let grants = grants.into_iter().map(std::sync::Arc::new).collect();
        snapshot_of(Facts { grants, denials, ..Facts::default() })
    };
    let (id, call) = (grants()[0].id, json!({"amount": 40}));
    let mut over = (*denial(subject("riley"), named(REFUND))).clone();
    over.until = Some(NOW);
    let rows = [
        (vec![denial(subject("riley"), named(REFUND))], Reason::Denied),
        (vec![denial(group(), named(REFUND))], Reason::Denied),
        (vec![denial(subject("riley"), tagged)], Reason::Denied),
        (vec![denial(subject("riley"), crate::Denied::Grant(id))], Reason::Denied),
        (vec![denial(subject("sam"), named(REFUND))], Reason::Granted),
        (vec![denial(subject("riley"), named(STATUS))], Reason::Granted),
        (vec![std::sync::Arc::new(over)], Reason::Granted),
    ];
    for (denials, expected) in rows {
        check(&riley, REFUND, call.clone(), &world(denials, grants()), expected);
    }
    // A group's grant is taken from one member; another grant of theirs goes on.
    let one = || denial(subject("riley"), crate::Denied::Grant(id));
    let mut sam = caller("sam");
    sam.groups = riley.groups.clone();
    check(&sam, REFUND, call.clone(), &world(vec![one()], grants()), Reason::Granted);
    let mut more = grants();
    more.push(grant(2, subject("riley"), &[REFUND], 1));
    check(&riley, REFUND, call.clone(), &world(vec![one()], more), Reason::Granted);
    // Whoever acts for somebody is denied by their own name, not by the other's groups.
    let mut agent = riley;
    agent.actors = vec!["agent:dunning".into()];
    let mut both = grants();
    both.push(grant(3, subject("agent:dunning"), &[REFUND], 1));
    let of_agent = denial(subject("agent:dunning"), named(REFUND));
    check(&agent, REFUND, call, &world(vec![of_agent], both), Reason::Denied);
}
