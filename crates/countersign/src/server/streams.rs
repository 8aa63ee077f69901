//! Notices when a transmitter of security events falls silent: then its sessions end here later than
//! they should, and nothing else would tell. Which gateway it reaches does not matter, since all of
//! them write down when they heard it. Nothing is refused because of it.

use countersign_governance::{Governance, Store};
use countersign_model::{Clock, Span, Timestamp};
use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// The configured transmitters, and when each was last heard.
#[derive(Debug)]
pub(crate) struct Streams {
    streams: Vec<Stream>,
    clock: Clock,
    /// What was never heard is silent from here.
    since: Timestamp,
}

#[derive(Debug)]
struct Stream {
    name: String,
    /// How long it may say nothing; for ever, if nobody says.
    expect_every: Option<Span>,
    heard_at: Mutex<Option<Timestamp>>,
    /// Whether that it is silent stands in the log already.
    is_told: AtomicBool,
}

/// How a transmitter is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StreamStatus {
    /// Its configured name.
    pub(crate) name: String,
    /// So long nothing came from it, since this gateway began at the latest if nothing ever did.
    pub(crate) silent_seconds: i64,
    /// Whether that is longer than is expected of it.
    pub(crate) is_silent: bool,
}

impl Streams {
    /// Streams by their names, with how often each is expected to say something.
    pub(crate) fn new(
        expected: impl IntoIterator<Item = (String, Option<Span>)>,
        clock: Clock,
    ) -> Self {
        let stream = |(name, expect_every)| Stream {
            name,
            expect_every,
            heard_at: Mutex::default(),
            is_told: AtomicBool::new(false),
        };
        let streams = expected.into_iter().map(stream).collect();
        Self { streams, since: clock.now(), clock }
    }

    /// How each transmitter is doing.
    pub(crate) fn status(&self) -> Vec<StreamStatus> {
        let now = self.clock.now();
        self.streams.iter().map(|it| it.status(self.since, now)).collect()
    }

    /// Looks again and again, for ever.
    pub(crate) async fn keep(&self, governance: &Governance) {
        if self.streams.is_empty() {
            return;
        }
        loop {
            self.look(governance.store()).await;
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Reads when each was last heard, and writes into the log who fell silent, once.
    async fn look(&self, store: &Store) {
        match store.last_heard().await {
            Ok(heard) => {
                for (name, at) in heard {
                    let of_name = self.streams.iter().filter(|it| it.name == name);
                    of_name.for_each(|it| it.heard(at));
                }
            }
            Err(error) => tracing::warn!(%error, "nobody knows when transmitters were heard"),
        }
        for (stream, status) in self.streams.iter().zip(self.status()) {
            let StreamStatus { name: transmitter, silent_seconds, is_silent } = status;
            match (is_silent, stream.is_told.swap(is_silent, Ordering::Relaxed)) {
                (true, false) => {
                    tracing::warn!(transmitter, silent_seconds, "a stream of events is silent");
                }
                (false, true) => tracing::info!(transmitter, "a stream of events is heard again"),
                (true, true) | (false, false) => {}
            }
        }
    }
}

impl Stream {
    fn heard(&self, at: Timestamp) {
        *self.heard_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(at);
    }

    fn status(&self, since: Timestamp, now: Timestamp) -> StreamStatus {
        let heard = *self.heard_at.lock().unwrap_or_else(PoisonError::into_inner);
        let silent = now.since(heard.unwrap_or(since));
        StreamStatus {
            name: self.name.clone(),
            silent_seconds: (silent.millis() / 1000).max(0),
            is_silent: self.expect_every.is_some_and(|it| silent > it),
        }
    }
}

const LOOK_EVERY: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests;
