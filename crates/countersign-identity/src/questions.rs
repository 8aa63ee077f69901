//! Questions about tokens that only somebody else can answer, with a bound on what they cost: one
//! question a token however many wait for it, so many at once, so many that wait, and a short
//! memory for what was refused. What was accepted is remembered elsewhere.

use crate::{Blame, Fault, Refused, presented::sha256};
use countersign_model::{Span, Timestamp};
use std::{
    collections::HashMap,
    fmt,
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::{OnceCell, Semaphore};

/// The questions of one kind. `T` is what an accepted token is.
pub(crate) struct Questions<T> {
    running: Mutex<HashMap<Name, Arc<Cell<T>>>>,
    places: Semaphore,
    refused: Mutex<HashMap<Name, (Refused, Timestamp)>>,
    /// What a question that can't even be asked is refused as.
    busy: Fault,
}

/// The SHA-256 of the token.
type Name = [u8; 32];

type Cell<T> = OnceCell<Result<T, Refused>>;

impl<T: Clone> Questions<T> {
    pub(crate) fn new(busy: Fault) -> Self {
        Self {
            running: Mutex::default(),
            places: Semaphore::new(AT_ONCE_MAX),
            refused: Mutex::default(),
            busy,
        }
    }

    /// The answer about a token: one that is remembered, one that others wait for already, or
    /// that of `ask`.
    pub(crate) async fn about(
        &self,
        token: &str,
        now: Timestamp,
        ask: impl Future<Output = Result<T, Refused>>,
    ) -> Result<T, Refused> {
        let name = sha256(token.as_bytes());
        if let Some((refused, at)) = lock(&self.refused).get(&name)
            && (0..REFUSED_FOR.millis()).contains(&now.since(*at).millis())
        {
            return Err(refused.clone());
        }
        let waiting = self.join(name)?;
        let answer = waiting
            .cell
            .get_or_init(|| async {
                let place = tokio::time::timeout(PLACE_WITHIN, self.places.acquire()).await;
                let Ok(Ok(_place)) = place else {
                    return Err(Refused::new(self.busy, "too many questions at once"));
                };
                let answer = ask.await;
                if let Err(refused) = &answer {
                    self.remember(name, refused, now);
                }
                answer
            })
            .await;
        answer.clone()
    }

    fn join(&self, name: Name) -> Result<Waiting<'_, T>, Refused> {
        let mut running = lock(&self.running);
        let known = running.get(&name).cloned();
        if known.is_none() && running.len() >= RUNNING_MAX {
            return Err(Refused::new(self.busy, "too many tokens wait for an answer"));
        }
        let cell = known.unwrap_or_default();
        running.insert(name, Arc::clone(&cell));
        drop(running);
        Ok(Waiting { questions: self, name, cell })
    }

    /// Only what the token itself is to blame for: who is away now may be back in a moment.
    fn remember(&self, name: Name, refused: &Refused, now: Timestamp) {
        match refused.blame() {
            Blame::Issuer | Blame::Gateway | Blame::Others => {}
            Blame::Caller => {
                let mut known = lock(&self.refused);
                if known.len() >= REFUSED_MAX {
                    known.retain(|_, (_, at)| now.since(*at) < REFUSED_FOR);
                }
                if known.len() >= REFUSED_MAX {
                    known.clear();
                }
                known.insert(name, (refused.clone(), now));
            }
        }
    }
}

/// One who waits. The last one to go, also by hanging up, ends the question.
struct Waiting<'q, T> {
    questions: &'q Questions<T>,
    name: Name,
    cell: Arc<Cell<T>>,
}

impl<T> Drop for Waiting<'_, T> {
    fn drop(&mut self) {
        let mut running = lock(&self.questions.running);
        // This one, and the map.
        let is_last = Arc::strong_count(&self.cell) <= 2;
        let is_this = running.get(&self.name).is_some_and(|it| Arc::ptr_eq(it, &self.cell));
        if is_this && (is_last || self.cell.initialized()) {
            running.remove(&self.name);
        }
    }
}

fn lock<V>(mutex: &Mutex<V>) -> MutexGuard<'_, V> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<T> fmt::Debug for Questions<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Questions").finish_non_exhaustive()
    }
}

/// Questions that are asked at the same time.
pub(crate) const AT_ONCE_MAX: usize = 16;
/// Tokens that are asked about, or wait to be.
const RUNNING_MAX: usize = 256;
/// How long a question waits for its turn.
const PLACE_WITHIN: Duration = Duration::from_secs(3);
/// How long a refusal is remembered.
const REFUSED_FOR: Span = Span::from_seconds(10);
const REFUSED_MAX: usize = 8192;
