use super::*;
use crate::{
    Span,
    fixtures::{NOW, catalog, grant, subject},
    grant::Certification,
};

/// Grants that differ in all that a decision asks of one.
fn grants() -> Vec<Grant> {
    let moments = |of: i64| NOW.minus(Span::from_days(of));
    let (by, why) = (Subject::from("olivia"), "a test".to_owned());
    let states = [
        GrantState::Active,
        GrantState::Suspended { by: by.clone(), at: NOW, why: why.clone() },
        GrantState::Revoked { by, at: NOW, why, suspended: None },
    ];
    let ends = [None, Some(moments(1)), Some(NOW), Some(moments(-1)), Some(NEVER)];
    let certified =
        |version| move |days| Certification { by: "olivia".into(), at: moments(days), version };
    let certified: Vec<Option<Certification>> = [None]
        .into_iter()
        .chain([1, 80, 400].map(certified(3)).map(Some))
        .chain([1].map(certified(2)).map(Some))
        .collect();
    let mut all = Vec::new();
    for state in &states {
        for expires_at in ends {
            for certified in &certified {
                for rate in [None, Some(Rate { calls: 3, per: Span::from_seconds(60) })] {
                    all.push(Grant {
                        version: 3,
                        state: state.clone(),
                        expires_at,
                        certified: certified.clone(),
                        rate,
                        ..grant(1, subject("riley"), &["billing.customers.get"], 500)
                    });
                }
            }
        }
    }
    all
}

#[test]
fn what_stands_beside_a_grant_is_what_the_grant_says() {
    let catalog = catalog();
    let rules: Vec<&ReviewRule> = catalog.functions.iter().map(|it| &it.review).collect();
    assert!(!rules.is_empty());
    let (mut stand, all) = (0, grants());
    for grant in &all {
        let beside = CompiledGrant::new(Arc::new(grant.clone()), Box::default());
        assert_eq!(beside.stands(NOW), grant.ended(NOW).is_none(), "{grant:?}");
        assert_eq!(beside.reference(), grant.reference());
        assert_eq!(beside.rate(), grant.rate);
        for rule in &rules {
            assert_eq!(beside.freshness(rule, NOW), grant.freshness(rule, NOW), "{grant:?}");
        }
        // One that ends after all moments ends never.
        assert_eq!(beside.expires_at(), grant.expires_at.filter(|it| *it < NEVER));
        stand += usize::from(beside.stands(NOW));
    }
    assert_eq!((stand, all.len()), (30, 150));
}

#[test]
fn what_a_decision_asks_of_a_grant_is_one_line_of_the_cache() {
    assert_eq!(size_of::<CompiledGrant>(), 64);
}
