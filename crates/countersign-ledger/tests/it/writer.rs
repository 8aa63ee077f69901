//! The writer under many callers, when it is full, and when the disk fails.

use crate::place::{ORIGIN, content, key, open, place, segments, start};
use countersign_ledger::{
    Health, LedgerError, Log, LogOptions, Recording, SegmentReader, SessionKey, VerifyOptions,
    Writer, WriterOptions, commitment, entries, leaf_hash, verify,
};
use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

fn recording(call: u8, key: &Arc<SessionKey>, payload: Vec<u8>) -> Recording {
    let key = Arc::clone(key);
    Recording { session_id: [1; 16], call_id: [call; 16], time_ms: 1, kind: 0, key, payload }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_callers_get_their_own_receipts() {
    let place = place();
    let options = WriterOptions { checkpoint_interval_ms: 5, ..Default::default() };
    let (writer, closer) = start(place.path(), options);
    let mut callers = tokio::task::JoinSet::new();
    for caller in 0..32_u64 {
        let writer = writer.clone();
        callers.spawn(async move {
            let mut receipts = Vec::new();
            for call in 0..50 {
                let entry = content(caller * 1_000 + call);
                let receipt = writer.append(entry.clone()).await.unwrap();
                assert_eq!(receipt.leaf_hash, leaf_hash(&entry));
                assert!(writer.try_head().size > receipt.index);
                receipts.push((receipt.index, entry));
            }
            receipts
        });
    }
    let mut receipts = BTreeMap::new();
    while let Some(joined) = callers.join_next().await {
        for (index, entry) in joined.unwrap() {
            assert!(receipts.insert(index, entry).is_none(), "each index is given once");
        }
    }
    let head = closer.close().unwrap();
    assert_eq!((head.size, head.checkpoint_size, head.health), (1_600, 1_600, Health::Closed));
    let read: BTreeMap<_, _> = entries(place.path()).unwrap().map(Result::unwrap).collect();
    assert_eq!(read, receipts);
    assert_eq!(verify(place.path(), &VerifyOptions::default()).unwrap().root, head.checkpoint_root);
    assert!(matches!(writer.append(b"late".to_vec()).await, Err(LedgerError::Closed)));
    open(place.path());
}

#[tokio::test]
async fn recordings_are_there_when_their_entry_is() {
    let place = place();
    let (writer, closer) = start(place.path(), WriterOptions::default());
    let key = Arc::new(SessionKey::from_bytes(&[9; 32]).unwrap());
    let salt = [3; 16];
    for call in 0..20 {
        let payload = vec![call; 1_000];
        let entry = commitment(&salt, &payload).to_vec();
        let receipt =
            writer.append_with(entry.clone(), recording(call, &key, payload)).await.unwrap();
        let at = receipt.place.unwrap();
        let reader = SegmentReader::open(&place.path().join("recordings"));
        let read = reader.read(at.segment, at.offset, &key).unwrap();
        let payload = &read[usize::from(at.item)];
        assert_eq!(commitment(&salt, &payload.bytes).to_vec(), entry);
    }
    let plain = writer.append(b"plain".to_vec()).await.unwrap();
    assert_eq!(plain.place, None);
    closer.close().unwrap();
}

#[tokio::test]
async fn what_is_too_large_or_too_much_is_refused_at_once() {
    let place = place();
    let options =
        WriterOptions { queue_entries_max: 3, queue_bytes_max: 1_000, ..Default::default() };
    let (writer, closer) = start(place.path(), options);
    let key = Arc::new(SessionKey::from_bytes(&[9; 32]).unwrap());
    assert!(matches!(
        writer.append(vec![0; 65_536]).await,
        Err(LedgerError::EntryTooLarge { bytes: 65_536 })
    ));
    let huge = recording(1, &key, vec![0; 16 * 1024 * 1024 + 1]);
    assert!(matches!(
        writer.append_with(Vec::new(), huge).await,
        Err(LedgerError::PayloadTooLarge { .. })
    ));
    assert!(matches!(writer.append(vec![0; 1_000]).await, Err(LedgerError::Overloaded)));
    // All are polled before the thread can have written as many.
    let waiting = (0..200).map(|_| writer.append(b"x".to_vec()));
    let answers = futures_join(waiting).await;
    let refused = answers.iter().filter(|it| matches!(it, Err(LedgerError::Overloaded))).count();
    assert!(refused > 0 && refused < 200, "{refused} of 200");
    let head = closer.close().unwrap();
    assert_eq!(head.size, u64::try_from(200 - refused).unwrap());
}

/// Polls all futures once before it waits for any.
async fn futures_join<T>(futures: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut waiting: Vec<_> = futures.map(Box::pin).collect();
    let mut answers: Vec<Option<T>> = waiting.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (future, answer) in waiting.iter_mut().zip(&mut answers) {
            if answer.is_none()
                && let std::task::Poll::Ready(value) = future.as_mut().poll(context)
            {
                *answer = Some(value);
            }
        }
        if answers.iter().all(Option::is_some) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    answers.into_iter().map(Option::unwrap).collect()
}

#[tokio::test]
async fn a_journal_that_is_gone_refuses_and_recovers_by_itself() {
    let place = place();
    // Each group begins a new file, so that each needs the directory.
    let log_options = LogOptions { journal_file_bytes_max: 1 };
    let log = Log::open(place.path(), ORIGIN, key(), log_options).unwrap();
    let options = WriterOptions { checkpoint_interval_ms: 5, ..Default::default() };
    let (writer, closer) = Writer::start(log, segments(place.path()), options).unwrap();
    writer.append(content(0)).await.unwrap();
    let (here, away) = (place.path().join("journal"), place.path().join("away"));
    fs::rename(&here, &away).unwrap();
    for _ in 0..3 {
        let error = writer.append(b"lost".to_vec()).await.unwrap_err();
        let LedgerError::NotWritable { path, .. } = error else { panic!("{error:?}") };
        assert!(path.starts_with(place.path()), "the operator is told where");
        assert!(!writer.healthy());
        assert_eq!(writer.try_head().health, Health::NotWritable);
    }
    fs::rename(&away, &here).unwrap();
    let receipt = writer.append(content(1)).await.unwrap();
    assert_eq!(receipt.index, 1, "refused entries leave no gap");
    assert!(writer.healthy());
    closer.close().unwrap();
    let read: Vec<_> = entries(place.path()).unwrap().map(Result::unwrap).collect();
    assert_eq!(read, [(0, content(0)), (1, content(1))]);
    verify(place.path(), &VerifyOptions::default()).unwrap();
}

#[tokio::test]
async fn a_checkpoint_that_fails_stops_no_call_and_is_made_later() {
    let place = place();
    let options = WriterOptions { checkpoint_interval_ms: 5, ..Default::default() };
    let (writer, closer) = start(place.path(), options);
    let tiles = place.path().join("tile");
    fs::write(&tiles, b"not a directory").unwrap();
    writer.append(content(0)).await.unwrap();
    wait_for(&writer, Health::CheckpointLate).await;
    writer.append(content(1)).await.unwrap();
    assert!(writer.healthy());
    fs::remove_file(&tiles).unwrap();
    wait_for(&writer, Health::Writable).await;
    let head = closer.close().unwrap();
    assert_eq!(head.checkpoint_size, 2);
    verify(place.path(), &VerifyOptions::default()).unwrap();
}

async fn wait_for(writer: &Writer, health: Health) {
    for _ in 0..1_000 {
        if writer.try_head().health == health {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("never {health:?}: {writer:?}");
}

#[tokio::test]
async fn many_entries_are_published_before_the_interval() {
    let place = place();
    let options = WriterOptions {
        checkpoint_interval_ms: 3_600_000,
        checkpoint_entries_max: 10,
        ..Default::default()
    };
    let (writer, closer) = start(place.path(), options);
    for index in 0..10 {
        writer.append(content(index)).await.unwrap();
    }
    for _ in 0..1_000 {
        if writer.try_head().checkpoint_size == 10 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(writer.try_head().checkpoint_size, 10);
    writer.append(content(10)).await.unwrap();
    assert_eq!(closer.close().unwrap().checkpoint_size, 11, "closing publishes the rest");
}

#[tokio::test]
async fn a_dropped_closer_ends_the_writer_and_frees_the_log() {
    let place = place();
    let (writer, closer) = start(place.path(), WriterOptions::default());
    writer.append(content(0)).await.unwrap();
    drop(closer);
    assert!(matches!(writer.append(content(1)).await, Err(LedgerError::Closed)));
    for _ in 0..1_000 {
        match Log::open(place.path(), ORIGIN, key(), LogOptions::default()) {
            Ok(log) => {
                assert_eq!(log.size(), 1);
                return;
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    }
    panic!("the lock was never given back");
}
