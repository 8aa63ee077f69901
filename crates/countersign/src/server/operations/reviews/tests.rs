use super::write;
use countersign_governance::ReviewGauges;

#[test]
fn reviews_are_counted_by_words_of_ours() {
    let mut out = String::new();
    write(&mut out, None);
    assert_eq!(out, "", "nothing was counted");
    let counted = ReviewGauges {
        campaigns: vec![("open".to_owned(), 2)],
        results: vec![("revoked".to_owned(), 7)],
        open_items: 31,
        notices_given_up: 1,
        ..ReviewGauges::default()
    };
    write(&mut out, Some(&counted));
    for line in [
        "countersign_review_campaigns{state=\"open\"} 2\n",
        "countersign_review_decisions{result=\"revoked\"} 7\n",
        "countersign_review_open_items 31\n",
        "countersign_notices_given_up 1\n",
        "countersign_overdue_grants 0\n",
    ] {
        assert!(out.contains(line), "{line} in {out}");
    }
    for name in out.lines().filter(|it| !it.starts_with('#')) {
        assert!(name.starts_with("countersign_"), "{name}");
    }
}
