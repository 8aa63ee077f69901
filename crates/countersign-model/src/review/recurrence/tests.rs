use super::*;
use crate::Span;
use proptest::prelude::*;

fn recurrence(months: u8, from: &str, time_zone: &str, at: &str) -> Recurrence {
    Recurrence { months, from: from.to_owned(), time_zone: time_zone.to_owned(), at: at.to_owned() }
}

fn moment(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The dates and openings after a moment, as many as are expected.
fn check(recurrence: &Recurrence, after: &str, expected: &[(&str, &str)]) {
    let found = recurrence.upcoming(moment(after), expected.len()).unwrap();
    let found: Vec<(String, Timestamp)> =
        found.into_iter().map(|it| (it.date, it.opens_at)).collect();
    let expected: Vec<(String, Timestamp)> =
        expected.iter().map(|(date, at)| ((*date).to_owned(), moment(at))).collect();
    assert_eq!(found, expected, "{recurrence:?} after {after}");
}

#[test]
fn a_month_without_the_day_has_its_last_and_the_next_has_it_again() {
    check(
        &recurrence(1, "2027-10-31", "UTC", "00:00"),
        "2027-10-01T00:00:00Z",
        &[
            ("2027-10-31", "2027-10-31T00:00:00Z"),
            ("2027-11-30", "2027-11-30T00:00:00Z"),
            ("2027-12-31", "2027-12-31T00:00:00Z"),
            ("2028-01-31", "2028-01-31T00:00:00Z"),
            ("2028-02-29", "2028-02-29T00:00:00Z"),
            ("2028-03-31", "2028-03-31T00:00:00Z"),
            ("2028-04-30", "2028-04-30T00:00:00Z"),
        ],
    );
    check(
        &recurrence(12, "2028-02-29", "UTC", "09:00"),
        "2028-02-29T09:00:00Z",
        &[
            ("2029-02-28", "2029-02-28T09:00:00Z"),
            ("2030-02-28", "2030-02-28T09:00:00Z"),
            ("2031-02-28", "2031-02-28T09:00:00Z"),
            ("2032-02-29", "2032-02-29T09:00:00Z"),
        ],
    );
}

#[test]
fn a_quarter_in_berlin_keeps_its_hour_in_summer_and_winter() {
    check(
        &recurrence(3, "2026-01-15", "Europe/Berlin", "09:00"),
        "2026-01-15T07:59:59.999Z",
        &[
            ("2026-01-15", "2026-01-15T08:00:00Z"),
            ("2026-04-15", "2026-04-15T07:00:00Z"),
            ("2026-07-15", "2026-07-15T07:00:00Z"),
            ("2026-10-15", "2026-10-15T07:00:00Z"),
            ("2027-01-15", "2027-01-15T08:00:00Z"),
            ("2027-04-15", "2027-04-15T07:00:00Z"),
        ],
    );
}

#[test]
fn where_the_clocks_jump_it_is_the_jump_and_where_they_go_back_the_first_time() {
    let rows = [
        // Berlin: 02:00 to 03:00 on the last Sunday of March does not exist, in October it comes twice.
        ("2027-03-28", "Europe/Berlin", "02:30", "2027-03-28T01:00:00Z"),
        ("2027-03-28", "Europe/Berlin", "02:00", "2027-03-28T01:00:00Z"),
        ("2027-03-28", "Europe/Berlin", "01:59", "2027-03-28T00:59:00Z"),
        ("2027-03-28", "Europe/Berlin", "03:00", "2027-03-28T01:00:00Z"),
        ("2027-10-31", "Europe/Berlin", "02:30", "2027-10-31T00:30:00Z"),
        ("2027-10-31", "Europe/Berlin", "03:00", "2027-10-31T02:00:00Z"),
        ("2027-03-14", "America/New_York", "02:30", "2027-03-14T07:00:00Z"),
        ("2027-11-07", "America/New_York", "01:30", "2027-11-07T05:30:00Z"),
        // Lord Howe moves its clocks by half an hour.
        ("2027-10-03", "Australia/Lord_Howe", "02:15", "2027-10-02T15:30:00Z"),
        ("2027-10-03", "Australia/Lord_Howe", "02:30", "2027-10-02T15:30:00Z"),
        ("2027-04-04", "Australia/Lord_Howe", "01:45", "2027-04-03T14:45:00Z"),
        // Samoa went over the date line: 30 December 2011 was no day there.
        ("2011-12-30", "Pacific/Apia", "09:00", "2011-12-30T10:00:00Z"),
        ("2011-12-29", "Pacific/Apia", "09:00", "2011-12-29T19:00:00Z"),
        ("2011-12-31", "Pacific/Apia", "09:00", "2011-12-30T19:00:00Z"),
        ("2027-01-15", "Pacific/Kiritimati", "00:00", "2027-01-14T10:00:00Z"),
        ("2027-01-15", "Asia/Kathmandu", "09:00", "2027-01-15T03:15:00Z"),
    ];
    for (date, zone, at, expected) in rows {
        check(&recurrence(1, date, zone, at), "2000-01-01", &[(date, expected)]);
    }
}

#[test]
fn months_go_over_the_date_line() {
    check(
        &recurrence(1, "2011-10-30", "Pacific/Apia", "09:00"),
        "2011-11-30T19:00:00Z",
        &[
            ("2011-12-30", "2011-12-30T10:00:00Z"),
            ("2012-01-30", "2012-01-29T19:00:00Z"),
            ("2012-02-29", "2012-02-28T19:00:00Z"),
        ],
    );
}

#[test]
fn r14_the_next_review_is_the_first_date_after_both_due_date_and_closing() {
    let quarterly = recurrence(3, "2027-01-15", "UTC", "09:00");
    let rows = [
        // Closed in time: the next date.
        ("2027-02-05T09:00:00Z", "2027-02-01T12:00:00Z", "2027-04-15"),
        // Closed early, even before the next date's own predecessor: the due date counts.
        ("2027-04-15T09:00:00Z", "2027-01-16T09:00:00Z", "2027-07-15"),
        // Closed late: a date that has passed meanwhile is not made up for.
        ("2027-02-05T09:00:00Z", "2027-04-20T00:00:00Z", "2027-07-15"),
        // To the moment: strictly after.
        ("2027-02-05T09:00:00Z", "2027-04-15T09:00:00Z", "2027-07-15"),
        ("2027-02-05T09:00:00Z", "2027-04-15T08:59:59.999Z", "2027-04-15"),
    ];
    for (due, closed, expected) in rows {
        let next = quarterly.next_review(moment(due), moment(closed)).unwrap();
        assert_eq!(next.date, expected, "due {due}, closed {closed}");
    }
}

#[test]
fn what_is_no_recurrence_is_refused() {
    let now = moment("2027-01-01");
    let rows = [
        (recurrence(0, "2027-01-15", "UTC", "09:00"), BadRecurrence::Months(0)),
        (recurrence(13, "2027-01-15", "UTC", "09:00"), BadRecurrence::Months(13)),
        (recurrence(1, "2027-02-30", "UTC", "09:00"), BadRecurrence::From("2027-02-30".to_owned())),
        (recurrence(1, "2027-1-15", "UTC", "09:00"), BadRecurrence::From("2027-1-15".to_owned())),
        (
            recurrence(1, "2027-01-15T10:00", "UTC", "09:00"),
            BadRecurrence::From("2027-01-15T10:00".to_owned()),
        ),
        (
            recurrence(1, "2027-01-15", "Europe/Berln", "09:00"),
            BadRecurrence::TimeZone("Europe/Berln".to_owned()),
        ),
        (recurrence(1, "2027-01-15", "", "09:00"), BadRecurrence::TimeZone(String::new())),
        (recurrence(1, "2027-01-15", "UTC", "24:00"), BadRecurrence::At("24:00".to_owned())),
        (recurrence(1, "2027-01-15", "UTC", "9:00"), BadRecurrence::At("9:00".to_owned())),
        (recurrence(1, "9999-12-31", "UTC", "09:00"), BadRecurrence::EndOfTime),
    ];
    for (recurrence, expected) in rows {
        assert_eq!(recurrence.next_after(now), Err(expected), "{recurrence:?}");
    }
}

const ZONES_TESTED: [&str; 8] = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Pacific/Apia",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "America/St_Johns",
    "Asia/Gaza",
];

proptest! {
    /// Years of dates: strictly increasing, each in the month that is due, on the anchor or the last day.
    #[test]
    fn dates_increase_and_skip_no_month(
        zone in proptest::sample::select(&ZONES_TESTED[..]),
        months in 1_u8..=12,
        year in 1990_i16..2060,
        month in 1_i8..=12,
        day in 1_i8..=31,
        minute in 0_u16..1440,
        wait_hours in 0_i64..2000,
    ) {
        let first = Date::new(year, month, 1).unwrap();
        let day = day.min(first.days_in_month());
        let from = Date::new(year, month, day).unwrap().to_string();
        let recurrence =
            recurrence(months, &from, zone, &format!("{:02}:{:02}", minute / 60, minute % 60));
        let mut before = recurrence.next_after(Timestamp::from_millis(0)).unwrap();
        prop_assert_eq!(&before.date, &from);
        for _ in 0..40 {
            let next = recurrence.next_after(before.opens_at).unwrap();
            prop_assert!(next.opens_at > before.opens_at);
            let [one, other] = [&before.date, &next.date].map(|it| it.parse::<Date>().unwrap());
            let number = |it: Date| i32::from(it.year()) * 12 + i32::from(it.month());
            prop_assert_eq!(number(other) - number(one), i32::from(months));
            prop_assert_eq!(other.day(), day.min(other.days_in_month()));
            // The same question anywhere between the two has the same answer.
            let between = before.opens_at.plus(Span::from_seconds(wait_hours * 3600));
            if between < next.opens_at {
                prop_assert_eq!(&recurrence.next_after(between).unwrap(), &next);
            }
            before = next;
        }
    }
}
