//! What callers were told, as they note it: only whole answers count.

use crate::lab::Answer;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
};

/// The notes of all callers.
#[derive(Clone, Debug, Default)]
pub(super) struct Book(Arc<Mutex<Pages>>);

#[derive(Debug, Default)]
struct Pages {
    acknowledged: Vec<Acknowledged>,
    held: BTreeMap<u64, Held>,
    odd: Vec<String>,
}

/// A call whose whole answer was read.
#[derive(Clone, Debug)]
pub(super) struct Acknowledged {
    /// The gateway's name for it.
    pub(super) call: String,
    pub(super) kind: Kind,
}

/// What sort of call it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Nothing of it is recorded but its entries.
    Plain,
    /// Its answer is masked and recorded.
    Masked,
    /// It has a body, and is recorded.
    Note,
    /// It was held, approved and run.
    Paid,
}

/// A call that was said to be held.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) number: u64,
    pub(super) approval: String,
    pub(super) asked: Asked,
    /// The call that ran and was acknowledged.
    pub(super) executed: Option<String>,
}

/// Whether the approver began to say yes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    NotYet,
    Begun,
}

impl Book {
    /// Notes an answer that should be a yes.
    pub(super) fn note(&self, kind: Kind, answer: &Answer) {
        let call = answer.header("countersign-call").to_owned();
        if answer.status == 200 && !call.is_empty() {
            self.pages().acknowledged.push(Acknowledged { call, kind });
        } else {
            self.note_odd(answer);
        }
    }

    /// Notes an answer that should not be.
    pub(super) fn note_odd(&self, answer: &Answer) {
        self.pages().odd.push(format!("{} {}", answer.reason(), answer.text()));
    }

    pub(super) fn note_held(&self, number: u64, approval: &str) {
        let approval = approval.to_owned();
        let held = Held { number, approval, asked: Asked::NotYet, executed: None };
        self.pages().held.insert(number, held);
    }

    pub(super) fn note_asked(&self, number: u64) {
        self.pages().held.get_mut(&number).unwrap().asked = Asked::Begun;
    }

    pub(super) fn note_paid(&self, number: u64, answer: &Answer) {
        self.note(Kind::Paid, answer);
        let call = answer.header("countersign-call").to_owned();
        self.pages().held.get_mut(&number).unwrap().executed = Some(call);
    }

    pub(super) fn acknowledged(&self) -> Vec<Acknowledged> {
        self.pages().acknowledged.clone()
    }

    pub(super) fn held(&self) -> Vec<Held> {
        self.pages().held.values().cloned().collect()
    }

    pub(super) fn odd(&self) -> Vec<String> {
        self.pages().odd.clone()
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().unwrap()
    }
}
