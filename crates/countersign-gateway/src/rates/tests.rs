use super::*;

const HOUR: Span = Span::from_seconds(3600);

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(1_000_000 + millis)
}

fn take(rates: &Rates, rate: Rate, millis: i64) -> Taken {
    rates.take(&Subject::from("a"), &FunctionName::from("t.f"), rate, at(millis))
}

#[test]
fn a_burst_is_let_through_and_then_the_rate() {
    let rates = Rates::default();
    let rate = Rate { calls: 3, per: Span::from_seconds(3) };
    for _ in 0..3 {
        assert_eq!(take(&rates, rate, 0), Taken::Within);
    }
    let used = |millis| Taken::UsedUp { retry_after: Span::from_millis(millis) };
    assert_eq!(take(&rates, rate, 0), used(1000));
    assert_eq!(take(&rates, rate, 400), used(600));
    assert_eq!(take(&rates, rate, 999), used(1));
    assert_eq!(take(&rates, rate, 1000), Taken::Within);
    assert_eq!(take(&rates, rate, 1000), used(1000));
    // Full again after the period, and never fuller.
    for _ in 0..3 {
        assert_eq!(take(&rates, rate, 1_000_000), Taken::Within);
    }
    assert_eq!(take(&rates, rate, 1_000_000), used(1000));
}

#[test]
fn who_asks_often_waits_no_longer() {
    let rates = Rates::default();
    let rate = Rate { calls: 1, per: HOUR };
    assert_eq!(take(&rates, rate, 0), Taken::Within);
    let mut let_in = None;
    for millis in (100..=3_700_000).step_by(100) {
        if take(&rates, rate, millis) == Taken::Within {
            let_in = Some(millis);
            break;
        }
    }
    assert_eq!(let_in, Some(3_600_000));
}

#[test]
fn a_clock_that_steps_back_gives_nothing() {
    let rates = Rates::default();
    let rate = Rate { calls: 1, per: HOUR };
    assert_eq!(take(&rates, rate, 10_000), Taken::Within);
    assert!(matches!(take(&rates, rate, 0), Taken::UsedUp { .. }));
    assert!(matches!(take(&rates, rate, -10_000_000), Taken::UsedUp { .. }));
    assert_eq!(take(&rates, rate, 3_610_000), Taken::Within);
}

#[test]
fn subjects_functions_and_rates_are_counted_apart() {
    let rates = Rates::default();
    let (one, two) = (Rate { calls: 1, per: HOUR }, Rate { calls: 2, per: HOUR });
    let take = |subject: &str, function: &str, rate| {
        rates.take(&Subject::from(subject), &FunctionName::from(function), rate, at(0))
    };
    for (subject, function, rate) in
        [("a", "t.f", one), ("b", "t.f", one), ("a", "t.g", one), ("a", "t.f", two)]
    {
        assert_eq!(take(subject, function, rate), Taken::Within, "{subject} {function}");
    }
    assert!(matches!(take("a", "t.f", one), Taken::UsedUp { .. }));
}

#[test]
fn extreme_rates_do_not_overflow() {
    let rates = Rates::default();
    let rate = Rate { calls: u32::MAX, per: Span::from_millis(i64::MAX) };
    assert_eq!(take(&rates, rate, 0), Taken::Within);
    assert_eq!(take(&rates, rate, i64::MAX / 2), Taken::Within);
    let rate = Rate { calls: 0, per: HOUR };
    assert!(matches!(take(&rates, rate, 0), Taken::UsedUp { .. }));
}
