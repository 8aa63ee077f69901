use super::*;
use crate::{
    DenialId, Denied, ToldFor, ToldGroup, ToldGroups,
    fixtures::{NOW, caller, grant, snapshot_of, subject},
    snapshot::{Facts, Suspension},
};

const REFUND: &str = "billing.refunds.create";

fn world(grants: Vec<Grant>, facts: Facts) -> Snapshot {
    snapshot_of(Facts { grants: grants.into_iter().map(Arc::new).collect(), ..facts })
}

fn told(name: &str, group: &str) -> Arc<ToldGroups> {
    let mut told = ToldGroups::default();
    let group =
        ToldGroup { group: group.into(), directory: "okta".into(), counts: ToldFor::Access };
    told.tell(&name.into(), "okta", vec![group]);
    Arc::new(told)
}

fn explained(who: &str, world: &Snapshot) -> Explanation {
    let (ix, _) = world.catalog().by_name(REFUND).unwrap();
    let mut who = caller(who);
    who.scopes.clear();
    explain(&who, ix, world, NOW)
}

#[test]
fn it_says_by_which_way_until_when_and_what_a_call_depends_on() {
    let group = Holder::Group("finance".into());
    let ends = NOW.plus(crate::Span::from_days(3));
    let mut tagged = grant(1, group, &[], 1);
    tagged.tags = vec!["money".into()];
    tagged.expires_at = Some(ends);
    tagged.constraints = vec!["args.amount < 50".to_owned()];
    let facts = Facts { told: told("riley", "finance"), ..Facts::default() };
    let explanation = explained("riley", &world(vec![tagged], facts));
    assert_eq!((explanation.refused.clone(), explanation.until), (None, Some(ends)));
    let path = &explanation.links[0].grants[0];
    let expected = Through::Told { group: "finance".into(), directory: "okta".into() };
    assert_eq!((&path.through, &path.reached), (&expected, &Reached::Tag("money".into())));
    let said: Vec<(&str, Depends)> =
        explanation.conditions.iter().map(|it| (it.code, it.depends_on)).collect();
    let expected = [
        ("missing_scope", Depends::Token),
        ("outside_constraints", Depends::Arguments),
        ("rate_limited", Depends::Calls),
        ("blocked_by_rule", Depends::Arguments),
        ("approval_required", Depends::Arguments),
        ("approval_required", Depends::Arguments),
    ];
    assert_eq!(said, expected);
    // A grant without constraints will do beside it.
    let free = grant(2, subject("riley"), &[REFUND], 300);
    let explanation = explained("riley", &world(vec![free], Facts::default()));
    let codes: Vec<&str> = explanation.conditions.iter().map(|it| it.code).collect();
    assert!(!codes.contains(&"outside_constraints") && codes.contains(&"grant_overdue"));
    assert_eq!(explanation.until, None);
}

#[test]
fn it_says_what_the_judgement_says() {
    let own = grant(1, subject("riley"), &[REFUND], 1);
    let suspension =
        Suspension { subject: "riley".into(), by: "ada".into(), at: NOW, why: "x".into() };
    let denial = Denial {
        id: DenialId::from_bytes([1; 16]),
        whom: subject("riley"),
        what: Denied::Grant(own.id),
        by: "olivia".into(),
        at: NOW,
        why: "moved".to_owned(),
        until: None,
    };
    let rows = [
        (vec![], Facts::default(), "no_grant"),
        (
            vec![own.clone()],
            Facts { suspensions: vec![suspension], ..Facts::default() },
            "subject_suspended",
        ),
        (vec![own.clone().revoke(&"olivia".into(), NOW, "x")], Facts::default(), "grant_revoked"),
        (vec![own], Facts { denials: vec![Arc::new(denial)], ..Facts::default() }, "denied"),
    ];
    for (grants, facts, expected) in rows {
        let explanation = explained("riley", &world(grants, facts));
        assert_eq!(explanation.refused.unwrap().reason.code(), expected);
        assert_eq!(explanation.until, None);
    }
}
