//! The one who counts: follows the published entries of this gateway's ledger from the position that the
//! store keeps, and writes rows and position in one transaction. It reads what is under a checkpoint
//! only, so a second or two late.

use super::{
    arguments::CallArguments,
    fold::{Batch, Fold},
    inbox::Note,
    lines::{Intent, Line},
};
use crate::{Governance, Unavailable};
use countersign_ledger::{Fault, Health, read_published};
use countersign_model::{CallId, Span, Timestamp};
use countersign_store::{StoreError, UsageKey, UsagePosition, UsageRow, Written};
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::{sync::mpsc, time::Instant};

/// Entries of one batch at most.
const ENTRIES_MAX: u64 = 65_536;
/// Rows of one batch, about: a transaction keeps other writers waiting.
const ROWS_MAX: usize = 4_096;
/// Calls whose arguments were seen and whose outcome is not counted yet. More are not kept.
const SEEN_MAX: usize = 65_536;
/// How often what the ledger has is counted.
const COUNT_EVERY: Duration = Duration::from_secs(2);
/// When what can't be counted is tried again.
const AGAIN_AFTER: Duration = Duration::from_secs(15);
/// How long the arguments of a call whose outcome is under a checkpoint are waited for.
const ARGUMENTS_WITHIN: Duration = Duration::from_millis(250);
/// Entries are published within this time.
const PUBLISHED_WITHIN: Span = Span::from_seconds(5);
/// How often the position is written when there is nothing new.
const SAID_EVERY: Span = Span::from_seconds(60);

/// Counts the calls of one gateway.
#[derive(Debug)]
pub struct UsageCounter {
    governance: Governance,
    directory: PathBuf,
    inbox: Option<mpsc::Receiver<Note>>,
    seen: HashMap<CallId, CallArguments>,
    /// What is counted; read anew from the store after an error.
    state: Option<State>,
}

#[derive(Debug)]
struct State {
    position: UsagePosition,
    fold: Fold,
}

/// What a batch came to.
struct Counted {
    /// Entries that were counted.
    entries: u64,
    /// Whether there are more under the checkpoint.
    more: bool,
}

/// Why calls can't be counted now.
#[derive(Debug, thiserror::Error)]
pub enum CountError {
    /// The ledger's files can't be read.
    #[error("the ledger can't be read")]
    Ledger(#[from] Fault),
    /// The store can't be used.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// The ledger has fewer entries than were counted of it: it is an older copy.
    #[error("{counted} entries of the ledger are counted, and it has only {size}")]
    Shorter {
        /// How many were counted.
        counted: u64,
        /// How many there are.
        size: u64,
    },
    /// A row holds what can't be read.
    #[error("a row of usage can't be read")]
    Damaged,
    /// Another process counts the same ledger.
    #[error("somebody else counts the same ledger")]
    Elsewhere,
    /// The thread that counts has failed.
    #[error("counting has failed")]
    Failed,
}

impl From<StoreError> for CountError {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error.into())
    }
}

impl UsageCounter {
    pub(super) fn new(governance: Governance, directory: &Path) -> Self {
        let inbox = governance.0.usage.take();
        let directory = directory.to_path_buf();
        Self { governance, directory, inbox, seen: HashMap::new(), state: None }
    }

    /// Counts until nothing is left under the last checkpoint. Gives the number of entries.
    ///
    /// # Errors
    /// [`CountError`]; what was committed before stays, and nothing is counted twice.
    pub async fn count_all(&mut self) -> Result<u64, CountError> {
        self.count_to(self.published()).await
    }

    async fn count_to(&mut self, size: u64) -> Result<u64, CountError> {
        let mut all = 0;
        loop {
            let Counted { entries, more } = self.count(size).await?;
            all += entries;
            if !more {
                return Ok(all);
            }
        }
    }

    /// Counts for ever, as often as said, and calls `failed` with what can't be done.
    pub(super) async fn keep(&mut self, failed: impl Fn(&CountError)) {
        let mut pause = COUNT_EVERY;
        loop {
            self.listen(pause).await;
            let size = self.published();
            // A call's arguments come a moment after its outcome is in the ledger.
            self.listen(ARGUMENTS_WITHIN).await;
            pause = match self.count_to(size).await {
                Ok(_) => COUNT_EVERY,
                Err(error) => {
                    failed(&error);
                    AGAIN_AFTER
                }
            };
        }
    }

    /// Entries under the last checkpoint.
    fn published(&self) -> u64 {
        self.governance.ledger().try_head().checkpoint_size
    }

    /// Counts one batch of what is under a checkpoint of so many entries.
    ///
    /// # Errors
    /// [`CountError`]; then nothing of it is counted.
    async fn count(&mut self, size: u64) -> Result<Counted, CountError> {
        let now = self.governance.clock().now();
        self.take_notes();
        let Some(state) = self.state(size).await? else {
            return Ok(Counted { entries: 0, more: false });
        };
        let from = state.position.entries;
        if from > size {
            return Err(CountError::Shorter { counted: from, size });
        }
        let (mut state, last_at) = self.read(state, size).await?;
        let entries = state.position.entries - from;
        let more = state.position.entries < size;
        let until = match self.governance.ledger().try_head().health {
            Health::Writable if !more => now.minus(PUBLISHED_WITHIN),
            // There may be more that is under no checkpoint.
            Health::Writable | Health::CheckpointLate | Health::NotWritable | Health::Closed => {
                last_at.unwrap_or(state.position.counted_until)
            }
        };
        let until = until.max(state.position.counted_until);
        if entries > 0 || until.since(state.position.counted_until) >= SAID_EVERY {
            state.position.counted_until = until;
            self.write(from, &mut state).await?;
        }
        self.governance.0.usage.counted(state.position.entries, until);
        self.state = Some(state);
        Ok(Counted { entries, more })
    }

    /// Takes note of arguments for some time.
    async fn listen(&mut self, pause: Duration) {
        let until = Instant::now() + pause;
        let Some(inbox) = &mut self.inbox else {
            return tokio::time::sleep_until(until).await;
        };
        while let Ok(Some(note)) = tokio::time::timeout_at(until, inbox.recv()).await {
            keep(&mut self.seen, note);
        }
    }

    fn take_notes(&mut self) {
        let Some(inbox) = &mut self.inbox else { return };
        while let Ok(note) = inbox.try_recv() {
            keep(&mut self.seen, note);
        }
    }

    /// Where counting stands, from the store if need be; `None` while the ledger is empty.
    async fn state(&mut self, size: u64) -> Result<Option<State>, CountError> {
        if let Some(state) = self.state.take() {
            return Ok(Some(state));
        }
        let mut first = None;
        read_published(&self.directory, size, 0, |entry| {
            if first.is_none() {
                first = Line::id(entry).zip(Line::at(entry));
            }
        })?;
        let Some((log, began_at)) = first else { return Ok(None) };
        let gateway = self.governance.gateway();
        let mut view = self.governance.store().view().await?;
        let positions = view.usage_positions().await?;
        let stands = positions.into_iter().find(|it| it.gateway == gateway && it.log == log);
        let Some(position) = stands else {
            // The first look, or at another log: what is open in the old one has no outcome here.
            let gateway = gateway.to_owned();
            let counted_until = Timestamp::from_millis(0);
            let position = UsagePosition { gateway, log, entries: 0, began_at, counted_until };
            return Ok(Some(State { position, fold: Fold::default() }));
        };
        let open = view.open_calls(gateway).await?;
        let open: Result<HashMap<CallId, Intent>, _> = open
            .into_iter()
            .map(|(call, text)| Intent::from_text(&text).map(|intent| (call, intent)))
            .collect();
        let open = open.map_err(|_| CountError::Damaged)?;
        Ok(Some(State { position, fold: Fold::with_open(open) }))
    }

    /// Reads entries until the batch is full, away from the threads that calls run on.
    async fn read(
        &mut self,
        mut state: State,
        size: u64,
    ) -> Result<(State, Option<Timestamp>), CountError> {
        let directory = self.directory.clone();
        let mut seen = std::mem::take(&mut self.seen);
        let read = tokio::task::spawn_blocking(move || {
            let last_at = read(&directory, size, &mut state, &mut seen);
            (state, last_at, seen)
        });
        let (state, last_at, seen) = read.await.map_err(|_| CountError::Failed)?;
        self.seen = seen;
        Ok((state, last_at?))
    }

    async fn write(&self, from: u64, state: &mut State) -> Result<(), CountError> {
        let State { position, fold } = state;
        let (batch, opened) = fold.batch();
        if batch.unreadable > 0 {
            tracing::warn!(entries = batch.unreadable, "entries about calls can't be read");
        }
        let gateway = self.governance.gateway();
        let keys = batch.keys();
        // Nobody else writes this gateway's rows, so they can be read before the transaction.
        let standing = match keys.is_empty() {
            true => Vec::new(),
            false => self.governance.store().view().await?.usage_rows(gateway, &keys).await?,
        };
        let woken = self.governance.woken(&batch).await?;
        let (batch, rows) = onto(batch, keys, standing).await?;
        let mut change = self.governance.store().change().await?;
        match change.move_usage_position(from, position).await? {
            Written::Done => {}
            Written::Conflict => return Err(CountError::Elsewhere),
        }
        if from == 0 {
            // Of another log, or of nothing.
            change.clear_open_calls(gateway).await?;
        }
        change.write_usage(gateway, &rows).await?;
        change.add_denied(gateway, &batch.denied()).await?;
        change.remove_open_calls(gateway, batch.closed()).await?;
        change.add_open_calls(gateway, &opened).await?;
        self.governance.review_woken(&mut change, &woken).await?;
        Ok(change.commit().await?)
    }
}

impl Drop for UsageCounter {
    fn drop(&mut self) {
        if let Some(inbox) = self.inbox.take() {
            self.governance.0.usage.give_back(inbox);
        }
    }
}

/// The rows as they are to be written, made away from the threads that calls run on.
async fn onto(
    batch: Batch,
    keys: Vec<UsageKey>,
    standing: Vec<UsageRow>,
) -> Result<(Batch, Vec<UsageRow>), CountError> {
    let merged = tokio::task::spawn_blocking(move || {
        let rows = batch.onto(keys, standing);
        (batch, rows)
    });
    let (batch, rows) = merged.await.map_err(|_| CountError::Failed)?;
    Ok((batch, rows.ok_or(CountError::Damaged)?))
}

fn read(
    directory: &Path,
    size: u64,
    state: &mut State,
    seen: &mut HashMap<CallId, CallArguments>,
) -> Result<Option<Timestamp>, Fault> {
    let State { position, fold } = state;
    let end = size.min(position.entries.saturating_add(ENTRIES_MAX));
    let mut last_at = None;
    let mut last = Vec::new();
    while position.entries < end && fold.rows() < ROWS_MAX {
        position.entries = read_published(directory, size, position.entries, |entry| {
            fold.take(Line::of(entry), &mut |call| seen.remove(&call));
            last.clear();
            last.extend_from_slice(entry);
        })?;
    }
    if !last.is_empty() {
        last_at = Line::at(&last);
    }
    Ok(last_at)
}

fn keep(seen: &mut HashMap<CallId, CallArguments>, note: Note) {
    if seen.len() < SEEN_MAX
        && let Some(arguments) = CallArguments::of(note.arguments, &note.hidden)
    {
        seen.insert(note.call, arguments);
    }
}
