use super::*;
use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

const NOW: i64 = 1_800_000_000;

#[tokio::test]
async fn a_stream_that_says_nothing_for_longer_than_expected_is_silent() {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", directory.path().join("facts.db").display());
    let store = Store::open(&url).await.unwrap();
    let seconds = Arc::new(AtomicI64::new(NOW));
    let reading = Arc::clone(&seconds);
    let clock = Clock::new(move || Timestamp::from_millis(reading.load(Ordering::SeqCst) * 1000));
    let expected = [("acme".to_owned(), Some(Span::from_seconds(600))), ("quiet".to_owned(), None)];
    let streams = Streams::new(expected, clock.clone());
    let check = async |passed: i64, expect: [(i64, bool); 2]| {
        seconds.fetch_add(passed, Ordering::SeqCst);
        streams.look(&store).await;
        let found = streams.status().into_iter().map(|it| (it.silent_seconds, it.is_silent));
        assert_eq!(found.collect::<Vec<_>>(), expect, "after {passed} more");
    };
    // What was never heard is silent since the start; nobody waits for the other.
    check(0, [(0, false), (0, false)]).await;
    check(600, [(600, false), (600, false)]).await;
    check(1, [(601, true), (601, false)]).await;
    assert!(streams.streams[0].is_told.load(Ordering::SeqCst));
    store.hear("acme", clock.now()).await.unwrap();
    store.hear("unknown", clock.now()).await.unwrap();
    check(5, [(5, false), (606, false)]).await;
    assert!(!streams.streams[0].is_told.load(Ordering::SeqCst));
    check(600, [(605, true), (1206, false)]).await;
    // A restart does not forget.
    let again = Streams::new([("acme".to_owned(), Some(Span::from_seconds(600)))], clock);
    again.look(&store).await;
    assert!(again.status()[0].is_silent);
}
