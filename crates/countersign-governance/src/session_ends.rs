//! Sessions that end at once: a cut-off for the credentials, the browsers that are signed in, and the
//! entry that says why, in one change. It takes rights away, so it is in force with its commit, on
//! every gateway with its next look at the policy.

use crate::{Governance, Unavailable};
use countersign_model::{
    CutOffs, Span, Subject, Timestamp, Whose,
    record::{Entry, Event, StopChanged, StopState},
};
use countersign_store::{CutOffRow, Effect, StoreError, Transaction, Written};
use std::sync::{Arc, Mutex, PoisonError};

/// How long a cut-off is remembered. A credential that lasts longer than this after it was cut off
/// would count again: none of those that this gateway should trust does.
pub const CUT_OFF_KEPT: Span = Span::from_days(90);

/// What an end of sessions ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SessionsEnded {
    /// Browsers that were signed out.
    pub browsers: u64,
    /// Cut-offs that moved on. With none, and no browser, nothing changed.
    pub cut_offs: u64,
}

/// Whoever must know the cut-offs at once.
#[derive(Default)]
pub(crate) struct Followers(Mutex<Vec<Arc<Follow>>>);

type Follow = dyn Fn(Arc<CutOffs>) + Send + Sync;

impl Followers {
    pub(crate) fn tell(&self, cut_offs: &Arc<CutOffs>) {
        let followers = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        followers.iter().for_each(|follow| follow(Arc::clone(cut_offs)));
    }
}

impl Governance {
    /// Ends sessions at once: what was issued to any of these before the moment is worth nothing
    /// any more, and browsers that rest on it are signed out. Asking again changes nothing.
    ///
    /// The moment is compared with when the issuer says that it issued something: take the issuer's
    /// own moment where it tells one.
    ///
    /// # Errors
    /// [`Unavailable`]. With [`Unavailable::Ledger`] it acts nevertheless.
    pub async fn end_sessions(
        &self,
        by: &Subject,
        whose: &[Whose],
        before: Timestamp,
        why: &str,
    ) -> Result<SessionsEnded, Unavailable> {
        let mut change = self.store().change().await?;
        let ended = self.cut_off(&mut change, by, whose, before, why).await?;
        if ended == SessionsEnded::default() {
            return Ok(ended);
        }
        change.commit().await?;
        self.settle(Effect::AtCommit).await?;
        Ok(ended)
    }

    /// The same within a change that somebody else commits and settles.
    pub(crate) async fn cut_off(
        &self,
        change: &mut Transaction,
        by: &Subject,
        whose: &[Whose],
        before: Timestamp,
        why: &str,
    ) -> Result<SessionsEnded, StoreError> {
        let now = self.clock().now();
        let epoch = change.next_epoch().await?;
        let mut ended = SessionsEnded::default();
        for whose in whose {
            let expires_at = now.max(before).plus(CUT_OFF_KEPT);
            let row = CutOffRow { whose: whose.clone(), at: before, expires_at };
            let browsers = change.remove_web_sessions(whose, before).await?;
            let moved = change.cut_off(&row, epoch).await?;
            if browsers == 0 && moved == Written::Conflict {
                continue;
            }
            ended.browsers += browsers;
            ended.cut_offs += u64::from(moved == Written::Done);
            let event = Event::StopChanged(StopChanged {
                by: by.clone(),
                what: format!("sessions:{whose}"),
                now: StopState::Stopped,
                why: why.to_owned(),
            });
            let entry = Entry::new(self.new_entry(now), now, event);
            self.keep(change, entry, &format!("sessions:{whose}"), Effect::AtCommit).await?;
        }
        Ok(ended)
    }

    /// Has `follow` called with the cut-offs in force, now and whenever they change, before calls
    /// are judged by the policy that has them.
    pub fn follow_cut_offs(&self, follow: impl Fn(Arc<CutOffs>) + Send + Sync + 'static) {
        let follow: Arc<Follow> = Arc::new(follow);
        let mut followers = self.0.followers.0.lock().unwrap_or_else(PoisonError::into_inner);
        followers.push(Arc::clone(&follow));
        drop(followers);
        // Told after it is on the list: a change in between is told twice rather than not at all.
        follow(self.policy().cut_offs());
    }

    /// The subjects that browsers are signed in as by an issuer's own name for them.
    ///
    /// # Errors
    /// [`Unavailable::Store`].
    pub async fn subjects_signed_in(
        &self,
        issuer: &str,
        issuer_subject: &str,
    ) -> Result<Vec<Subject>, Unavailable> {
        Ok(self.store().view().await?.subjects_signed_in(issuer, issuer_subject).await?)
    }
}
