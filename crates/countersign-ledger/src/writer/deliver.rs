//! Answers on their way back to the callers. Waking a task from outside of its runtime costs a system
//! call, so the answers of a group go over together, to one task of the runtime that the writer was
//! started on. Whoever calls from elsewhere is answered directly. It never keeps an answer back when
//! that task is gone.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::runtime::{Handle, Id};
use tokio::sync::{Notify, oneshot};

use super::Receipt;
use crate::error::LedgerError;

/// An outcome, and who waits for it.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) to: oneshot::Sender<Result<Receipt, LedgerError>>,
    pub(super) way: Way,
    pub(super) outcome: Result<Receipt, LedgerError>,
}

/// How an answer reaches its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// Through the task, which runs where the caller does.
    Task,
    /// From the writer's thread.
    Direct,
}

/// Where answers are handed over.
#[derive(Debug)]
pub(super) struct Delivery {
    runtime: Option<Id>,
    waiting: Mutex<Waiting>,
    arrived: Notify,
}

#[derive(Debug)]
struct Waiting {
    answers: Vec<Answer>,
    task: TaskIs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TaskIs {
    Delivering,
    /// It ends when all is delivered.
    Ending,
    /// There is none: never was, or its runtime was shut down.
    Gone,
}

impl Delivery {
    /// Starts the task when this is called on a runtime.
    pub(super) fn start() -> Arc<Self> {
        let handle = Handle::try_current().ok();
        let task = if handle.is_some() { TaskIs::Delivering } else { TaskIs::Gone };
        let delivery = Arc::new(Self {
            runtime: handle.as_ref().map(Handle::id),
            waiting: Mutex::new(Waiting { answers: Vec::new(), task }),
            arrived: Notify::new(),
        });
        if let Some(handle) = handle {
            // Made before the task runs, since a runtime that ends may never run it.
            let gone = Gone(Arc::clone(&delivery));
            drop(handle.spawn(deliver(gone)));
        }
        delivery
    }

    /// The way to whoever asks.
    pub(super) fn way(&self) -> Way {
        match (Handle::try_current(), self.runtime) {
            (Ok(here), Some(there)) if here.id() == there => Way::Task,
            _ => Way::Direct,
        }
    }

    /// Gives all answers on their way, and leaves the vector empty.
    pub(super) fn send(&self, answers: &mut Vec<Answer>) {
        for answer in answers.extract_if(.., |answer| answer.way == Way::Direct) {
            answer.give();
        }
        if answers.is_empty() {
            return;
        }
        let mut waiting = self.lock();
        match waiting.task {
            TaskIs::Delivering | TaskIs::Ending => {
                waiting.answers.append(answers);
                drop(waiting);
                self.arrived.notify_one();
            }
            TaskIs::Gone => {
                drop(waiting);
                answers.drain(..).for_each(Answer::give);
            }
        }
    }

    /// Lets the task end when all is delivered.
    pub(super) fn end(&self) {
        let mut waiting = self.lock();
        if waiting.task == TaskIs::Delivering {
            waiting.task = TaskIs::Ending;
        }
        drop(waiting);
        self.arrived.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Answer {
    /// Answers the caller; one who has gone away meanwhile misses nothing.
    pub(super) fn give(self) {
        self.to.send(self.outcome).ok();
    }
}

/// The task.
async fn deliver(gone: Gone) {
    let delivery = &gone.0;
    let mut answers = Vec::new();
    loop {
        delivery.arrived.notified().await;
        let mut waiting = delivery.lock();
        std::mem::swap(&mut waiting.answers, &mut answers);
        let task = waiting.task;
        drop(waiting);
        answers.drain(..).for_each(Answer::give);
        match task {
            TaskIs::Delivering => {}
            TaskIs::Ending | TaskIs::Gone => return,
        }
    }
}

/// However the task ends, what waits is answered, and what comes goes directly.
struct Gone(Arc<Delivery>);

impl Drop for Gone {
    fn drop(&mut self) {
        let mut waiting = self.0.lock();
        waiting.task = TaskIs::Gone;
        let answers = std::mem::take(&mut waiting.answers);
        drop(waiting);
        answers.into_iter().for_each(Answer::give);
    }
}
