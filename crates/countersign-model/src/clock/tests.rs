use super::*;
use proptest::prelude::*;

#[test]
fn moments_are_written_as_rfc_3339() {
    let rows = [
        (0, "1970-01-01T00:00:00.000Z"),
        (-1, "1969-12-31T23:59:59.999Z"),
        (951_782_400_000, "2000-02-29T00:00:00.000Z"),
        (1_795_340_096_789, "2026-11-22T09:34:56.789Z"),
        (-62_167_219_200_000, "0000-01-01T00:00:00.000Z"),
        (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
        (253_402_300_800_000, "253402300800000ms"),
        (i64::MIN, "-9223372036854775808ms"),
    ];
    for (millis, expected) in rows {
        assert_eq!(Timestamp::from_millis(millis).to_string(), expected);
    }
    assert_eq!(Timestamp::from_millis(0).date(), "1970-01-01");
}

#[test]
fn what_is_no_moment_is_refused() {
    for text in ["", "yesterday", "2026-13-01", "2026-11-22T25:00:00Z", "253402300800000ms"] {
        assert!(text.parse::<Timestamp>().is_err(), "{text}");
    }
    assert_eq!("2026-11-22".parse::<Timestamp>().unwrap().to_string(), "2026-11-22T00:00:00.000Z");
}

#[test]
fn batches_hand_out_each_byte_once() {
    let next = Mutex::new(0_u64);
    let counting = Entropy::new(move |bytes| {
        for chunk in bytes.chunks_exact_mut(8) {
            let mut next = next.lock().unwrap();
            *next += 1;
            chunk.copy_from_slice(&next.to_be_bytes());
        }
    });
    let batched = counting.in_batches();
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..2_000 {
        let drawn = batched.bytes::<16>();
        assert_ne!(drawn, [0; 16]);
        assert!(seen.insert(drawn), "handed out twice");
    }
    let mut large = vec![0; BATCH_BYTES + 8];
    batched.fill(&mut large);
    assert!(large.chunks_exact(8).all(|it| it != [0; 8]));
}

proptest! {
    #[test]
    fn a_moment_survives_its_text_and_a_library_agrees(millis in -62_167_219_200_000_i64..253_402_300_799_999) {
        let moment = Timestamp::from_millis(millis);
        let library = jiff::Timestamp::from_millisecond(millis).unwrap();
        prop_assert_eq!(moment.to_string(), format!("{library:.3}"));
        prop_assert_eq!(moment.to_string().parse::<Timestamp>().unwrap(), moment);
    }
}
