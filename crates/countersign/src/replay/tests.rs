use super::{Tempo, pauses};
use countersign_model::{Span, Timestamp};

#[test]
fn pauses_are_scaled_and_capped() {
    let rows: [(&[i64], f64, &[u128]); 7] = [
        (&[], 1.0, &[]),
        (&[5_000], 1.0, &[0]),
        (&[0, 1_000, 1_500], 1.0, &[0, 1_000, 500]),
        (&[0, 1_000, 1_500], 2.0, &[0, 500, 250]),
        (&[0, 1_000, 1_500], 0.5, &[0, 2_000, 1_000]),
        (&[0, 3_600_000, 3_600_100], 1.0, &[0, 3_000, 100]),
        // Calls that were recorded out of order follow at once.
        (&[1_000, 500, 600], 1.0, &[0, 0, 100]),
    ];
    for (calls, speed, expect) in rows {
        let calls: Vec<Timestamp> = calls.iter().copied().map(Timestamp::from_millis).collect();
        let tempo = Tempo { speed, pause_max: Span::from_seconds(3) };
        let millis: Vec<u128> = pauses(&calls, tempo).iter().map(|it| it.as_millis()).collect();
        assert_eq!(millis, expect, "{calls:?} at {speed}");
    }
}

#[test]
fn the_slowest_speed_does_not_overflow() {
    let calls = [Timestamp::from_millis(0), Timestamp::from_millis(i64::MAX)];
    let tempo = Tempo { speed: f64::MIN_POSITIVE, pause_max: Span::from_seconds(1) };
    assert_eq!(pauses(&calls, tempo)[1].as_secs(), 1);
}
