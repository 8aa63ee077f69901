//! Sessions that ended before their tokens do. Asked for every token, warm ones too, so while there
//! are no cut-offs it costs one load.

use crate::{Fault, Refused, refused::shown};
use countersign_model::{Caller, CutOffs};
use std::sync::{
    Arc, PoisonError, RwLock,
    atomic::{AtomicBool, Ordering},
};

/// The cut-offs in force.
#[derive(Default)]
pub(crate) struct Ends {
    has_some: AtomicBool,
    cut_offs: RwLock<Arc<CutOffs>>,
}

impl Ends {
    pub(crate) fn replace(&self, cut_offs: Arc<CutOffs>) {
        let has_some = !cut_offs.is_empty();
        *self.cut_offs.write().unwrap_or_else(PoisonError::into_inner) = cut_offs;
        self.has_some.store(has_some, Ordering::Release);
    }

    /// Whether this caller's session goes on.
    pub(crate) fn check(&self, caller: &Caller) -> Result<(), Refused> {
        if !self.has_some.load(Ordering::Acquire) {
            return Ok(());
        }
        let cut_offs = Arc::clone(&self.cut_offs.read().unwrap_or_else(PoisonError::into_inner));
        match cut_offs.of(caller) {
            None => Ok(()),
            Some(whose) => Err(Refused::new(Fault::SessionEnded, shown(&whose.to_string()))),
        }
    }
}
