//! How callers share groups, and that nobody is left waiting, whatever happens to futures and runtimes.

use super::deliver::{Answer, Way};
use super::*;
use crate::journal::JournalReader;
use crate::keys::SigningKey;
use crate::log::LogOptions;
use crate::recording::SegmentOptions;
use std::path::Path;
use std::pin::pin;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;
use tempfile::TempDir;

fn start(directory: &Path) -> (Writer, Closer) {
    let key = SigningKey::from_seed(&[3; 32]).unwrap();
    let log = Log::open(directory, "test", key, LogOptions::default()).unwrap();
    let entropy = Box::new(|bytes: &mut [u8]| bytes.fill(7));
    let directory = directory.join("recordings");
    let segments = Segments::open(&directory, SegmentOptions::default(), entropy).unwrap();
    Writer::start(log, segments, WriterOptions::default()).unwrap()
}

fn place() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// The numbers of entries of the groups in the journal's only file.
fn groups(directory: &Path) -> Vec<usize> {
    let mut reader = JournalReader::open(&directory.join("journal"), vec![0], 0).unwrap();
    let mut groups = Vec::new();
    while let Some(record) = reader.next(u64::MAX).unwrap() {
        groups.push(record.leaves.len());
    }
    groups
}

/// Drives a future without any runtime.
fn drive<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => return value,
            Poll::Pending => thread::park_timeout(Duration::from_secs(60)),
        }
    }
}

#[tokio::test]
async fn callers_that_are_ready_together_share_a_group() {
    let place = place();
    let (writer, closer) = start(place.path());
    // The writer sleeps only once it has looked for work.
    writer.append(b"first".to_vec()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let mut callers = tokio::task::JoinSet::new();
    for caller in 0..64_u8 {
        let writer = writer.clone();
        callers.spawn(async move { writer.append(vec![caller]).await });
    }
    while let Some(answer) = callers.join_next().await {
        answer.unwrap().unwrap();
    }
    closer.close().unwrap();
    assert_eq!(groups(place.path()), [1, 64]);
}

#[tokio::test]
async fn a_dropped_append_still_wakes_the_writer() {
    let place = place();
    let (writer, closer) = start(place.path());
    writer.append(b"first".to_vec()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    {
        let mut append = pin!(writer.append(b"dropped".to_vec()));
        let polled = append.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(polled.is_pending());
    }
    for _ in 0..1_000 {
        if writer.try_head().size == 2 {
            closer.close().unwrap();
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("never written: {writer:?}");
}

#[test]
fn appends_need_no_runtime() {
    let place = place();
    let (writer, closer) = start(place.path());
    for index in 0..20 {
        assert_eq!(drive(writer.append(b"x".to_vec())).unwrap().index, index);
    }
    closer.close().unwrap();
    assert!(matches!(drive(writer.append(b"late".to_vec())), Err(LedgerError::Closed)));
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn callers_of_another_runtime_do_not_depend_on_the_first() {
    let place = place();
    let first = runtime();
    let (writer, closer) = first.block_on(async { start(place.path()) });
    // The first runtime stands still here, and is gone after.
    assert_eq!(runtime().block_on(writer.append(b"0".to_vec())).unwrap().index, 0);
    assert_eq!(drive(writer.append(b"1".to_vec())).unwrap().index, 1);
    assert_eq!(first.block_on(writer.append(b"2".to_vec())).unwrap().index, 2);
    drop(first);
    assert_eq!(runtime().block_on(writer.append(b"3".to_vec())).unwrap().index, 3);
    closer.close().unwrap();
}

#[test]
fn answers_on_their_way_are_given_when_the_task_goes() {
    let first = runtime();
    let delivery = first.block_on(async { Delivery::start() });
    let outcome = || Err(LedgerError::Overloaded);
    let ask = || {
        let (to, receiver) = oneshot::channel();
        delivery.send(&mut vec![Answer { to, way: Way::Task, outcome: outcome() }]);
        receiver
    };
    let mut before = ask();
    assert!(before.try_recv().is_err(), "it waits for its runtime");
    drop(first);
    assert!(matches!(before.try_recv(), Ok(Err(LedgerError::Overloaded))));
    let mut after = ask();
    assert!(matches!(after.try_recv(), Ok(Err(LedgerError::Overloaded))), "it goes directly");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_leaves_nobody_waiting() {
    for _ in 0..20 {
        let place = place();
        let (writer, closer) = start(place.path());
        let mut callers = tokio::task::JoinSet::new();
        for _ in 0..100 {
            let writer = writer.clone();
            callers.spawn(async move { while writer.append(b"x".to_vec()).await.is_ok() {} });
        }
        tokio::task::yield_now().await;
        let head = tokio::task::spawn_blocking(|| closer.close()).await.unwrap().unwrap();
        tokio::time::timeout(Duration::from_secs(60), callers.join_all()).await.unwrap();
        assert_eq!(head.size, head.checkpoint_size);
    }
}
