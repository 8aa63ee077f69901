use super::*;
use crate::Timestamp;

#[test]
fn a_digest_is_due_by_the_clock_of_its_place() {
    let check = |at: &str, zone: &str, now: &str, expect: &str| {
        let now: Timestamp = now.parse().unwrap();
        let day = Daily::new(at, zone).unwrap().last(now);
        assert_eq!(day.as_deref(), Some(expect), "{at} {zone} {now}");
    };
    check("08:00", "UTC", "2026-11-30T07:59:59Z", "2026-11-29");
    check("08:00", "UTC", "2026-11-30T08:00:00Z", "2026-11-30");
    check("08:00", "Europe/Berlin", "2026-11-30T07:00:00Z", "2026-11-30");
    check("08:00", "Europe/Berlin", "2026-07-01T05:59:59Z", "2026-06-30");
    check("08:00", "Europe/Berlin", "2026-07-01T06:00:00Z", "2026-07-01");
    // The date is the place's, not that of UTC.
    check("08:00", "Pacific/Auckland", "2026-11-30T19:00:00Z", "2026-12-01");
    // 02:30 is skipped on this day: clocks go from 02:00 to 03:00 at 01:00 UTC.
    check("02:30", "Europe/Berlin", "2026-03-29T00:59:59Z", "2026-03-28");
    check("02:30", "Europe/Berlin", "2026-03-29T01:30:00Z", "2026-03-29");
}

#[test]
fn what_is_no_time_or_no_place_is_refused() {
    for at in ["8:00", "24:00", "08:60", "08:00:00", "", "+8:00", "08-00"] {
        assert!(matches!(Daily::new(at, "UTC"), Err(BadDaily::Time(_))), "{at}");
    }
    assert!(matches!(Daily::new("08:00", "Europe/Atlantis"), Err(BadDaily::Zone(_))));
    assert_eq!(Daily::new("08:00", "UTC").unwrap(), Daily::default());
}

#[test]
fn every_kind_has_its_place_in_a_digest() {
    let names: std::collections::BTreeSet<&str> =
        NoticeKind::ALL.iter().map(|it| it.name()).collect();
    assert_eq!(names.len(), NoticeKind::ALL.len());
    for kind in NoticeKind::ALL {
        assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
        assert!(!kind.heading().is_empty());
    }
}
