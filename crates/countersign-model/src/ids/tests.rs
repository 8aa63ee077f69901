use super::*;

#[test]
fn an_id_survives_its_text_and_sorts_by_time() {
    let entropy = Entropy::new(|bytes| bytes.fill(0xFF));
    let early = CallId::new(Timestamp::from_millis(1_763_800_000_000), &entropy);
    let late = CallId::new(Timestamp::from_millis(1_763_800_000_001), &entropy);
    assert!(early < late && early.to_string() < late.to_string());
    assert_eq!(early.to_string().parse(), Ok(early));
    assert_eq!(CallId::from_bytes(early.to_bytes()), early);
    assert_eq!(early.made_at(), Timestamp::from_millis(1_763_800_000_000));
}

#[test]
fn what_is_no_id_is_refused() {
    for text in [
        "",
        "call_",
        "grt_01ARZ3NDEKTSV4RRFFQ69G5FAV",
        "call_01ARZ3NDEKTSV4RRFFQ69G5FA",
        "call_81ARZ3NDEKTSV4RRFFQ69G5FAV",
        "call_01ARZ3NDEKTSV4RRFFQ69G5FAU",
        "call_01arz3ndektsv4rrffq69g5fav",
    ] {
        assert!(text.parse::<CallId>().is_err(), "{text}");
    }
}
