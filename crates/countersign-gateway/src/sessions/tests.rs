use super::*;

#[test]
fn the_sessions_that_rested_longest_are_forgotten() {
    let check = |last_at: &[i64], max: usize, expect: &[i64]| {
        let mut known: HashMap<usize, Timestamp> =
            last_at.iter().map(|it| Timestamp::from_millis(*it)).enumerate().collect();
        forget(&mut known, max, |it| *it);
        let mut left: Vec<i64> = known.into_values().map(|it| it.millis()).collect();
        left.sort_unstable();
        assert_eq!(left, expect, "{last_at:?}");
    };
    check(&[], 8, &[]);
    check(&[5, 1, 7, 3, 8, 2, 6, 4], 8, &[4, 5, 6, 7, 8]);
    check(&[1, 1, 1, 9, 9, 9, 9, 9], 8, &[9, 9, 9, 9, 9]);
    // All alike: room is made all the same.
    check(&[1, 1, 1, 1], 4, &[]);
}

#[test]
fn names_are_read_strictly() {
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let check = |own: Option<&str>, traceparent: Option<String>, expect: Name| {
        let mut headers = HeaderMap::new();
        if let Some(own) = own {
            headers.insert(&headers::SESSION, own.parse().unwrap());
        }
        if let Some(parent) = traceparent {
            headers.insert("traceparent", parent.parse().unwrap());
        }
        assert_eq!(name(&headers), expect);
    };
    let parent = |trace: &str| Some(format!("00-{trace}-00f067aa0ba902b7-01"));
    check(None, None, Name::Pause);
    check(Some("run"), None, Name::Own("run".into()));
    check(Some("run"), parent(trace), Name::Own("run".into()));
    check(Some(""), parent(trace), Name::Trace(trace.into()));
    check(None, parent(&"0".repeat(32)), Name::Pause);
    check(None, parent(&"g".repeat(32)), Name::Pause);
    check(None, parent("4bf9"), Name::Pause);
    check(None, Some("nonsense".to_owned()), Name::Pause);
}
