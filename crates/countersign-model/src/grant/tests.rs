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
