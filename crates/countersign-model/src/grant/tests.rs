use super::*;
use crate::{
    catalog::Overdue,
    fixtures::{NOW, grant, subject},
};

const RULE: ReviewRule =
    ReviewRule { every: Span::from_days(90), due: Span::from_days(14), overdue: Overdue::Hold };

#[test]
fn freshness_follows_the_last_certification_of_this_version() {
    let rows =
        [(0, "fresh"), (75, "fresh"), (76, "due"), (89, "due"), (90, "overdue"), (400, "overdue")];
    for (days_ago, expected) in rows {
        let grant = grant(1, subject("riley"), &["billing.status"], days_ago);
        assert_eq!(grant.freshness(&RULE, NOW).to_string(), expected, "{days_ago} days ago");
    }
    let never = Grant { certified: None, ..grant(1, subject("riley"), &[], 0) };
    assert_eq!(never.freshness(&RULE, NOW), Freshness::Overdue { since: None });
    let changed = Grant { version: 2, ..grant(1, subject("riley"), &[], 0) };
    assert_eq!(changed.freshness(&RULE, NOW), Freshness::Overdue { since: None });
}

#[test]
fn a_revoked_grant_stays_revoked_and_is_not_certified() {
    let (olivia, sam) = (Subject::from("olivia"), Subject::from("sam"));
    let revoked = grant(1, subject("riley"), &[], 0).revoke(&olivia, NOW, "left");
    assert_eq!(revoked.clone().revoke(&sam, NOW.plus(Span::from_days(1)), "again"), revoked);
    assert_eq!(revoked.ended(NOW), Some(Ended::Revoked { by: olivia, at: NOW }));
    assert!(revoked.certify(&sam, NOW).is_err());
}

#[test]
fn an_expired_grant_has_ended_at_that_moment() {
    let grant = Grant { expires_at: Some(NOW), ..grant(1, subject("riley"), &[], 0) };
    assert_eq!(grant.ended(NOW.minus(Span::from_millis(1))), None);
    assert_eq!(grant.ended(NOW), Some(Ended::Expired { at: NOW }));
}

#[test]
fn certifying_names_the_version_that_was_seen() {
    let changed = Grant { version: 3, ..grant(1, subject("riley"), &[], 400) };
    let certified = changed.certify(&Subject::from("olivia"), NOW).unwrap();
    assert_eq!(certified.certified.as_ref().unwrap().version, 3);
    assert_eq!(certified.freshness(&RULE, NOW).to_string(), "fresh");
}

fn terms(functions: &[&str]) -> Terms {
    Terms {
        functions: functions.iter().map(|it| (*it).into()).collect(),
        tags: vec![],
        constraints: vec![],
        rate: None,
        expires_at: None,
    }
}

#[test]
fn a_row_of_before_is_a_grant_that_somebody_made() {
    let grant = grant(1, subject("riley"), &["billing.status"], 0);
    let row = serde_json::to_value(&grant).unwrap();
    assert_eq!(row.get("origin"), None);
    assert_eq!(row.get("successor_of"), None);
    let read: Grant = serde_json::from_value(row).unwrap();
    assert_eq!((read.origin.clone(), read), (GrantOrigin::Direct, grant));
}

#[test]
fn a_suspended_grant_carries_nothing_and_comes_back_as_it_was() {
    let (olivia, sam) = (Subject::from("olivia"), Subject::from("sam"));
    let before = grant(1, subject("riley"), &["billing.status"], 10);
    let suspended = before.clone().suspend(&olivia, NOW, "nobody answered").unwrap();
    let why = "nobody answered".to_owned();
    let expected = Ended::Suspended { by: olivia.clone(), at: NOW, why };
    assert_eq!(suspended.ended(NOW), Some(expected.clone()));
    assert!(!suspended.is_over(NOW));
    assert_eq!(suspended.clone().certify(&sam, NOW), Err(expected));
    let again = suspended.clone().suspend(&sam, NOW, "again").unwrap();
    assert_eq!(again, suspended);
    assert_eq!(suspended.clone().resume(NOW).unwrap(), before);
    // It ends by date whether it is suspended or not.
    let ends = Grant { expires_at: Some(NOW), ..suspended };
    assert_eq!(ends.ended(NOW), Some(Ended::Expired { at: NOW }));
    assert!(ends.clone().resume(NOW).is_err() && ends.suspend(&olivia, NOW, "x").is_err());
}

#[test]
fn r10_a_revocation_is_undone_for_fifteen_minutes() {
    let olivia = Subject::from("olivia");
    let before = grant(1, subject("riley"), &["billing.status"], 10);
    let revoked = before.clone().revoke(&olivia, NOW, "wrong row");
    let minutes = |it: i64| NOW.plus(Span::from_seconds(it * 60));
    assert_eq!(revoked.clone().restore(minutes(15)), Ok(before.clone()));
    let late = minutes(15).plus(Span::from_millis(1));
    assert_eq!(revoked.clone().restore(late), Err(NotRestored::TooLate));
    assert_eq!(before.clone().restore(NOW), Err(NotRestored::NotRevoked));
    let expires_at = Some(minutes(1));
    let expired = Grant { expires_at, ..revoked };
    assert_eq!(expired.restore(minutes(2)), Err(NotRestored::Expired));
    // What was suspended comes back suspended.
    let suspended = before.suspend(&olivia, NOW, "no answer").unwrap();
    let ended = suspended.clone().revoke(&"sam".into(), NOW, "grace is over");
    assert_eq!(ended.restore(minutes(1)), Ok(suspended));
}

#[test]
fn r02_what_permits_more_is_not_certified_and_what_permits_less_may_be() {
    let catalog = crate::fixtures::catalog();
    let before = grant(1, subject("riley"), &["billing.status", "billing.customers.get"], 10);
    let narrower = terms(&["billing.status"]);
    let kept = before.clone().narrow(narrower.clone(), &catalog, Certified::Kept).unwrap();
    assert_eq!((kept.version, kept.freshness(&RULE, NOW).to_string()), (2, "fresh".to_owned()));
    assert_eq!(kept.certified.as_ref().unwrap().at, before.certified.as_ref().unwrap().at);
    let lost = before.clone().narrow(narrower, &catalog, Certified::Lost).unwrap();
    assert_eq!((lost.version, lost.certified), (2, None));
    // A certification of an older version does not come back to life.
    let stale = Grant { version: 4, ..before.clone() };
    let still = stale.narrow(terms(&["billing.status"]), &catalog, Certified::Kept).unwrap();
    assert_eq!(still.certified, None);
    let same = before.clone().narrow(before.terms(), &catalog, Certified::Lost).unwrap();
    assert_eq!(same, before);
    let wider = before.with(terms(&["billing.status", "billing.refunds.create"]));
    assert_eq!((wider.version, wider.certified), (2, None));
}

#[test]
fn narrower_is_narrower_in_every_way() {
    let catalog = crate::fixtures::catalog();
    let rate = |calls, seconds| Some(Rate { calls, per: Span::from_seconds(seconds) });
    let wide = Terms {
        tags: vec!["read".into()],
        constraints: vec!["args.amount < 100".to_owned()],
        rate: rate(10, 60),
        expires_at: Some(NOW),
        ..terms(&["billing.refunds.create"])
    };
    let with = |change: &dyn Fn(&mut Terms)| {
        let mut terms = wide.clone();
        change(&mut terms);
        terms.within(&wide, &catalog)
    };
    assert_eq!(with(&|_| {}), Ok(()));
    assert_eq!(with(&|it| it.rate = rate(3, 60)), Ok(()));
    assert_eq!(with(&|it| it.constraints.push("args.note == ''".to_owned())), Ok(()));
    assert_eq!(with(&|it| it.expires_at = Some(NOW.minus(Span::from_days(1)))), Ok(()));
    // A function by name where it was there by tag.
    let reduced = wide.reduced(&["billing.status".into()], &["true".to_owned()]);
    assert_eq!((reduced.within(&wide, &catalog), reduced.tags.len()), (Ok(()), 0));
    let by_name = terms(&["billing.status"]);
    assert!(matches!(wide.within(&by_name, &catalog), Err(Wider::Function(_))));
    assert!(matches!(with(&|it| it.tags.push("money".into())), Err(Wider::Tag(_))));
    assert!(matches!(with(&|it| it.constraints.clear()), Err(Wider::Constraint(_))));
    assert_eq!(with(&|it| it.rate = rate(11, 60)), Err(Wider::Rate));
    assert_eq!(with(&|it| it.rate = rate(10, 59)), Err(Wider::Rate));
    assert_eq!(with(&|it| it.rate = None), Err(Wider::Rate));
    assert_eq!(with(&|it| it.expires_at = None), Err(Wider::Later));
    let later = NOW.plus(Span::from_millis(1));
    assert_eq!(with(&|it| it.expires_at = Some(later)), Err(Wider::Later));
    let none = |it: &mut Terms| {
        it.functions.clear();
        it.tags.clear();
    };
    assert_eq!(with(&none), Err(Wider::Nothing));
}
