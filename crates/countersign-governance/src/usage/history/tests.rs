use super::*;
use proptest::prelude::*;

fn counts(used: u64) -> Counts {
    Counts { used, ..Counts::default() }
}

fn bucket(day: i64, width: Width, used: u64) -> Bucket {
    Bucket { day, width, counts: counts(used) }
}

#[test]
fn days_become_weeks_and_weeks_are_forgotten() {
    let mut history = History::default();
    let today = 20_000;
    history.add([(today - 500, counts(9)), (today - 120, counts(2)), (today, counts(5))]);
    history.add([(today - 119, counts(1)), (today - 92, counts(3)), (today, counts(1))]);
    assert_eq!(
        history.buckets(),
        [
            bucket(week_of(today - 120), Width::Week, 3),
            bucket(today - 92, Width::Day, 3),
            bucket(today, Width::Day, 6),
        ]
    );
}

#[test]
fn a_day_costs_a_few_bytes() {
    let mut history = History::default();
    history.add((20_000..20_090).map(|day| (day, counts(7))));
    assert!(history.to_bytes().len() < 90 * 2 + 8, "{}", history.to_bytes().len());
}

#[test]
fn what_is_no_history_is_not_read() {
    let check = |bytes: &[u8]| assert_eq!(History::from_bytes(bytes), None, "{bytes:?}");
    check(&[0x80]);
    check(&[1]);
    check(&[4, 1]);
    check(&[0xFF; 40]);
}

proptest! {
    #[test]
    fn batches_do_not_matter_and_bytes_are_read_back(
        days in prop::collection::vec((19_000_i64..20_000, 0_u64..300, 0_u64..3, 0_u64..2), 0..60),
        cut in 0_usize..60,
    ) {
        let calls: Vec<(i64, Counts)> = days
            .into_iter()
            .map(|(day, used, failed, approvals)| {
                (day, Counts { used, failed, approvals, masked: used * failed })
            })
            .collect();
        let mut whole = History::default();
        whole.add(calls.clone());
        let mut parts = History::default();
        let (first, second) = calls.split_at(cut.min(calls.len()));
        parts.add(first.to_vec());
        parts = History::from_bytes(&parts.to_bytes()).unwrap();
        for call in second {
            parts.add([*call]);
        }
        prop_assert_eq!(&whole, &parts);
        prop_assert_eq!(History::from_bytes(&whole.to_bytes()), Some(whole));
    }
}
