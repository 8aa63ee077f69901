use super::*;
use crate::{
    Group, Span, ToldFor, ToldGroup, ToldGroups,
    catalog::raw::{RawCatalog, RawFile},
    fixtures::{NOW, caller, grant, raw_file, snapshot, snapshot_of, subject},
    snapshot::{Epoch, Facts, Kill, KillScope, Suspension},
};
use std::sync::Arc;

const REFUND: &str = "billing.refunds.create";

/// Riley's call through an agent, on a grant of a group and one of the agent.
fn who() -> Caller {
    let mut who = caller("riley");
    who.actors = vec!["agent:dunning".into()];
    who.groups = [Group::from("finance")].into();
    who
}

fn grants() -> Vec<Grant> {
    let group = Holder::Group(Group::from("finance"));
    vec![grant(1, group, &[REFUND], 1), grant(2, subject("agent:dunning"), &[REFUND], 1)]
}

fn check(who: &Caller, world: &Snapshot, expected: Option<(Reason, Reason)>) {
    let rests: Vec<GrantRef> = grants().iter().map(Grant::reference).collect();
    let before = snapshot(grants());
    let (_, function) = before.catalog().by_name(REFUND).unwrap();
    let cut = may_go_on(who, function, &rests, world, NOW).err();
    assert_eq!(cut.map(|it| (it.reason, it.refusal.reason)), expected);
}

fn changed(place: usize, change: impl FnOnce(&mut Grant)) -> Snapshot {
    let mut grants = grants();
    change(&mut grants[place]);
    snapshot(grants)
}

#[test]
fn what_was_not_taken_away_goes_on() {
    check(&who(), &snapshot(grants()), None);
    // A new version, a lapsed review, constraints: judged when it was let through.
    check(&who(), &changed(0, |it| it.version = 2), None);
    check(&who(), &changed(1, |it| it.certified = None), None);
    check(&who(), &changed(1, |it| it.constraints = vec!["false".to_owned()]), None);
    check(&who(), &changed(0, |it| it.expires_at = Some(NOW.plus(Span::from_millis(1)))), None);
    // Other grants, in any order.
    let mut more = grants();
    more.insert(0, grant(9, subject("sam"), &[REFUND], 1));
    more.push(grant(0, subject("sam"), &[REFUND], 1));
    check(&who(), &snapshot(more), None);
}

#[test]
fn each_grant_of_the_chain_must_stand() {
    let revoked = Some((Reason::CutByRevoke, Reason::GrantRevoked));
    let expired = Some((Reason::CutByExpiry, Reason::GrantExpired));
    let gone = Some((Reason::CutByRevoke, Reason::NoGrant));
    for place in [0, 1] {
        let revoke = |it: &mut Grant| *it = it.clone().revoke(&"olivia".into(), NOW, "x");
        check(&who(), &changed(place, revoke), revoked);
        let suspend = |it: &mut Grant| {
            *it = it.clone().suspend(&"olivia".into(), NOW, "x").unwrap();
        };
        let suspended = Some((Reason::CutByRevoke, Reason::GrantSuspended));
        check(&who(), &changed(place, suspend), suspended);
        let later = |it: &mut Grant| {
            it.version = 7;
            revoke(it);
        };
        check(&who(), &changed(place, later), revoked);
        check(&who(), &changed(place, |it| it.expires_at = Some(NOW)), expired);
        check(&who(), &changed(place, |it| it.functions = vec!["billing.status".into()]), gone);
        check(&who(), &changed(place, |it| it.holder = subject("sam")), gone);
        let other = grants().remove(1 - place);
        check(&who(), &snapshot(vec![other]), gone);
    }
    // An actor is in no group of the subject.
    let group = Holder::Group(Group::from("finance"));
    check(&who(), &changed(1, |it| it.holder = group), gone);
    let mut left = who();
    left.groups.clear();
    check(&left, &snapshot(grants()), gone);
}

/// Riley was in the group because a directory said so.
#[test]
fn whoever_left_a_group_is_cut() {
    let mut bare = who();
    bare.groups.clear();
    let world = |of: &str, group: &str| {
        let mut told = ToldGroups::default();
        let group =
            ToldGroup { group: group.into(), directory: "okta".into(), counts: ToldFor::Access };
        told.tell(&of.into(), "okta", vec![group]);
        let grants = grants().into_iter().map(Arc::new).collect();
        snapshot_of(Facts { grants, told: told.into(), ..Facts::default() })
    };
    let gone = Some((Reason::CutByRevoke, Reason::NoGrant));
    check(&bare, &world("riley", "finance"), None);
    check(&bare, &world("riley", "other"), gone);
    check(&bare, &world("agent:dunning", "finance"), gone);
    check(&bare, &snapshot(grants()), gone);
}

#[test]
fn stops_cut_whoever_is_in_the_chain() {
    let all = || grants().into_iter().map(Arc::new).collect::<Vec<_>>();
    let suspension = |name: &str| Suspension {
        subject: name.into(),
        by: "ada".into(),
        at: NOW,
        why: "left".to_owned(),
    };
    let suspended = Some((Reason::CutBySuspension, Reason::SubjectSuspended));
    for (name, expected) in [("riley", suspended), ("agent:dunning", suspended), ("sam", None)] {
        let suspensions = vec![suspension(name)];
        let world = snapshot_of(Facts { grants: all(), suspensions, ..Facts::default() });
        check(&who(), &world, expected);
    }
    // Riley answers for the agent.
    let suspensions = vec![suspension("riley")];
    let world = snapshot_of(Facts { grants: all(), suspensions, ..Facts::default() });
    check(&Caller { subject: "olivia".into(), ..who() }, &world, suspended);
    let killed = Some((Reason::CutByKillSwitch, Reason::KillSwitch));
    let rows = [
        (KillScope::Everything, killed),
        (KillScope::Target("billing".into()), killed),
        (KillScope::Function(REFUND.into()), killed),
        (KillScope::Target("other".into()), None),
        (KillScope::Function("billing.status".into()), None),
    ];
    for (scope, expected) in rows {
        let kills = vec![Kill { scope, by: "ada".into(), at: NOW, why: "fire".to_owned() }];
        let world = snapshot_of(Facts { grants: all(), kills, ..Facts::default() });
        check(&who(), &world, expected);
    }
}

/// A function that lost the tag that a grant named is not granted any more.
#[test]
fn a_tag_counts_as_the_catalog_has_it() {
    let mut by_tag = grants();
    for grant in &mut by_tag {
        grant.functions.clear();
        grant.tags = vec!["money".into()];
    }
    check(&who(), &snapshot(by_tag.clone()), None);
    let mut file = raw_file();
    file["functions"][0]["tags"] = serde_json::json!(["other"]);
    let file: RawFile = serde_json::from_value(file).unwrap();
    let raw = RawCatalog::join([file]).unwrap();
    let catalog = Arc::new(crate::catalog::compile(&raw, &|_| Ok(())).unwrap());
    let grants = by_tag.into_iter().map(Arc::new).collect();
    let world = Snapshot::compile(Facts { epoch: Epoch(2), catalog, grants, ..Facts::default() });
    check(&who(), &world, Some((Reason::CutByRevoke, Reason::NoGrant)));
}

#[test]
fn r11_a_denial_cuts_what_it_denies() {
    let denied = |whom: Holder, what| {
        let denial = crate::Denial {
            id: crate::DenialId::from_bytes([9; 16]),
            whom,
            what,
            by: "olivia".into(),
            at: NOW,
            why: "moved on".to_owned(),
            until: None,
        };
        let grants = grants().into_iter().map(Arc::new).collect();
        snapshot_of(Facts { grants, denials: vec![Arc::new(denial)], ..Facts::default() })
    };
    let cut = Some((Reason::CutByDenial, Reason::Denied));
    let named =
        |name: &str| crate::Denied::Functions { functions: vec![name.into()], tags: vec![] };
    check(&who(), &denied(subject("riley"), named(REFUND)), cut);
    check(&who(), &denied(subject("agent:dunning"), named(REFUND)), cut);
    check(&who(), &denied(subject("riley"), named("billing.status")), None);
    let of = |place: usize| crate::Denied::Grant(grants()[place].id);
    check(&who(), &denied(subject("riley"), of(0)), cut);
    check(&who(), &denied(subject("agent:dunning"), of(1)), cut);
    check(&who(), &denied(subject("riley"), of(1)), None);
}

#[test]
fn r07_a_function_that_nobody_answers_for_is_stopped_after_its_grace() {
    let stopped = |subject: &str, stopped_at| {
        let suspension = Suspension {
            subject: subject.into(),
            by: "ada".into(),
            at: NOW,
            why: "left".to_owned(),
        };
        let unowned = crate::snapshot::Unowned {
            function: REFUND.into(),
            seen_at: NOW.minus(Span::from_days(14)),
            stopped_at,
        };
        snapshot_of(Facts {
            grants: grants().into_iter().map(Arc::new).collect(),
            suspensions: vec![suspension],
            unowned: vec![unowned],
            ..Facts::default()
        })
    };
    let expected = Some((Reason::CutByNoOwner, Reason::NoLivingOwner));
    check(&who(), &stopped("olivia", Some(NOW)), expected);
    // Its grace runs.
    check(&who(), &stopped("olivia", None), None);
    // Its owner is back, though the stop is still noted.
    check(&who(), &stopped("somebody", Some(NOW)), None);
    let world = stopped("olivia", None);
    assert!(world.is_unowned(&REFUND.into()));
    let (_, function) = world.catalog().by_name(REFUND).unwrap();
    let refusal = say::unowned(function, NOW);
    assert!(
        refusal.sentence.contains("Nobody answers for billing.refunds.create any more: olivia")
    );
}
