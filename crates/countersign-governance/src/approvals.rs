//! Approvals: opening, answering, using once. Each transition is the model's, written with a
//! compare-and-set in one transaction with its ledger entry.

mod end;
mod error;
mod read;
mod redeem;
mod supersede;
mod watch;

pub(crate) use end::{EndedRequests, Stopped};
pub use error::ApprovalError;
pub use read::{APPROVALS_MAX, ApprovalFilter};
pub use redeem::Finish;
pub(crate) use watch::Watchers;

use crate::{Actor, Governance, Unavailable, notices::approval_occasion, roles};
use countersign_ledger::commitment;
use countersign_model::{
    Approval, ApprovalId, ApprovalState, Digest, Question, Subject, Timestamp, Verdict,
    approval::{HeldCall, Voted},
    record::{ApprovalChanged, ApprovalOpened, Entry, Event, Who},
};
use countersign_store::{ApprovalRow, Effect, Transaction, Written};

/// Calls of one subject that wait for people at most.
pub const HELD_PER_CALLER_MAX: u64 = 1_000;

/// A call that is held.
#[derive(Clone, Debug)]
pub struct NewApproval {
    /// What the approval binds to.
    pub digest: Digest,
    /// The call.
    pub call: HeldCall,
    /// What people must answer.
    pub question: Question,
    /// The salt of the ledger's commitment to the digest.
    pub salt: [u8; 16],
}

/// A request for people's answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Opened {
    /// The request.
    pub approval: Approval,
    /// Whether it was there before.
    pub joined: Joined,
}

/// Whether a held call opened a request or joined one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Joined {
    /// It opened one.
    New,
    /// The same call was asked about before.
    Existing,
}

/// What a transition makes of an approval.
enum Step {
    /// Another one; who did it, and what they said.
    To(Box<Approval>, Option<Subject>, Option<Verdict>),
    /// The same.
    Unchanged,
}

/// Whether a transition needs the entries of the earlier ones to be in a ledger.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Entries {
    MayWait,
    MustBeWritten,
}

impl Governance {
    /// Asks people about a call. While a request about the same call is open, it is joined (A11),
    /// unless the rules have come to ask for more than its answers can give, or somebody who gave
    /// one may not give it any more: then it is ended.
    ///
    /// # Errors
    /// [`ApprovalError::TooManyHeld`], [`ApprovalError::Unavailable`].
    pub async fn open_approval(&self, new: NewApproval) -> Result<Opened, ApprovalError> {
        let now = self.clock().now();
        let mut change = self.store().change().await?;
        let tick = change.next_tick().await?;
        if let Some(row) = change.open_approval(&new.digest).await? {
            if row.approval.lapsed(now).is_none() && self.carries(&row.approval, &new.question) {
                drop(change);
                // Somebody may have died between the commit and the entry.
                self.deliver().await?;
                return Ok(Opened { approval: row.approval, joined: Joined::Existing });
            }
            self.supersede(&mut change, row, now, tick).await?;
        }
        if change.pending_of(&new.call.caller.subject).await? >= HELD_PER_CALLER_MAX {
            return Err(ApprovalError::TooManyHeld);
        }
        let NewApproval { digest, call, question, salt } = new;
        let approval = Approval {
            id: ApprovalId::new(now, self.entropy()),
            digest,
            call,
            reason: question.reason,
            sentence: question.sentence,
            demands: question.demands,
            opened_at: now,
            answer_by: now.plus(question.within),
            within: question.within,
            votes: Vec::new(),
            state: ApprovalState::Pending,
        };
        match change.add_approval(&approval, &salt, self.gateway(), tick).await? {
            Written::Done => {}
            Written::Conflict => return Err(ApprovalError::Changed),
        }
        let event = Event::ApprovalOpened(ApprovalOpened {
            approval: approval.id,
            who: Who::from(&approval.call.caller),
            function: approval.call.function.clone(),
            reason: approval.reason,
            binds: Digest(commitment(&salt, &digest.0)),
        });
        let entry = Entry::new(self.new_entry(now), now, event);
        self.keep(&mut change, entry, &approval.id.to_string(), Effect::AtCommit).await?;
        self.tell_asked(&mut change, &approval).await?;
        change.commit().await?;
        self.deliver().await?;
        Ok(Opened { approval, joined: Joined::New })
    }

    /// Takes a person's answer. Saying the same twice changes nothing.
    ///
    /// # Errors
    /// [`ApprovalError`].
    pub async fn vote(
        &self,
        actor: &Actor,
        id: ApprovalId,
        verdict: Verdict,
        comment: &str,
    ) -> Result<Approval, ApprovalError> {
        self.refresh().await?;
        let actor = self.judged(actor);
        if actor.is_auditor() {
            return Err(crate::Forbidden::Auditor.into());
        }
        let person = actor.person;
        let comment = roles::comment(comment)?;
        self.change_approval(id, Entries::MayWait, |approval, now| {
            Ok(match self.seen_now(approval.clone()).vote(&person, verdict, comment, now)? {
                Voted::Unchanged => Step::Unchanged,
                Voted::Changed(next) => Step::To(next, Some(person.subject.clone()), Some(verdict)),
            })
        })
        .await
    }

    /// Takes an approval back before it is used: an administrator, or who could answer it.
    ///
    /// # Errors
    /// [`ApprovalError`].
    pub async fn revoke_approval(
        &self,
        actor: &Actor,
        id: ApprovalId,
    ) -> Result<Approval, ApprovalError> {
        let actor = self.judged(actor);
        roles::may_act(&actor)?;
        let by = actor.person.subject.clone();
        self.change_approval(id, Entries::MayWait, |approval, now| {
            let answers = approval.votes.iter().any(|vote| vote.by == by)
                || self.seen_now(approval.clone()).eligible(&actor.person).is_ok();
            if !answers && !actor.is_administrator() {
                return Err(crate::Forbidden::NotYours.into());
            }
            match &approval.state {
                ApprovalState::Approved { .. } => {
                    let state = ApprovalState::Revoked { by: by.clone(), at: now };
                    Ok(to(approval, state, Some(by.clone())))
                }
                state @ (ApprovalState::Pending
                | ApprovalState::Denied { .. }
                | ApprovalState::Expired { .. }
                | ApprovalState::Cancelled { .. }
                | ApprovalState::Revoked { .. }
                | ApprovalState::Redeeming { .. }
                | ApprovalState::Executed { .. }
                | ApprovalState::Failed { .. }
                | ApprovalState::OutcomeUnknown { .. }) => Err(ApprovalError::State(state.name())),
            }
        })
        .await
    }

    /// Withdraws a request that nobody has decided: somebody of the caller's chain.
    ///
    /// # Errors
    /// [`ApprovalError`]; [`ApprovalError::NotFound`] also when it is somebody else's.
    pub async fn cancel_approval(
        &self,
        id: ApprovalId,
        by: &Subject,
    ) -> Result<Approval, ApprovalError> {
        self.change_approval(id, Entries::MayWait, |approval, now| {
            if !approval.call.caller.chain().any(|it| it == by) {
                return Err(ApprovalError::NotFound);
            }
            match &approval.state {
                ApprovalState::Pending => {
                    let state = ApprovalState::Cancelled { at: now, because: None };
                    Ok(to(approval, state, Some(by.clone())))
                }
                ApprovalState::Cancelled { .. } => Ok(Step::Unchanged),
                state @ (ApprovalState::Approved { .. }
                | ApprovalState::Denied { .. }
                | ApprovalState::Expired { .. }
                | ApprovalState::Revoked { .. }
                | ApprovalState::Redeeming { .. }
                | ApprovalState::Executed { .. }
                | ApprovalState::Failed { .. }
                | ApprovalState::OutcomeUnknown { .. }) => Err(ApprovalError::State(state.name())),
            }
        })
        .await
    }

    /// Changes whenever the approval does, here or on another gateway, while
    /// [`Governance::keep_current`] runs. Watch first, then read, then wait: nothing is missed.
    pub fn watch_approval(&self, id: ApprovalId) -> tokio::sync::watch::Receiver<u64> {
        self.0.watchers.watch(id)
    }

    /// Ends requests and approvals whose time is over.
    pub(crate) async fn lapse_approvals(&self) -> Result<(), Unavailable> {
        loop {
            let now = self.clock().now();
            // Most looks find nothing, and should not queue behind writers.
            if self.store().view().await?.lapsed_approvals(now).await?.is_empty() {
                return Ok(());
            }
            let mut change = self.store().change().await?;
            let tick = change.next_tick().await?;
            let lapsed = change.lapsed_approvals(now).await?;
            let ids: Vec<ApprovalId> = lapsed.iter().map(|row| row.approval.id).collect();
            for row in lapsed {
                self.expire(&mut change, row, now, tick).await?;
            }
            change.commit().await?;
            ids.iter().for_each(|id| self.0.watchers.tell(*id, tick));
            self.deliver().await?;
        }
    }

    /// A request that people may still answer, as the policy in force sees it: earlier answers of
    /// who may not give them any more are gone (A6). One that is decided is history, and stays.
    fn seen_now(&self, approval: Approval) -> Approval {
        if approval.state == ApprovalState::Pending {
            approval.judged_under(&self.policy().load())
        } else {
            approval
        }
    }

    /// Whether an open request can carry a call that is asked about now.
    fn carries(&self, open: &Approval, question: &Question) -> bool {
        let judged = || open.judged_under(&self.policy().load());
        let undecided = open.state == ApprovalState::Pending;
        open.covers(&question.demands) && (undecided || judged().satisfies(&question.demands))
    }

    /// One transition: what time has ended is ended first, then `step` decides.
    async fn change_approval(
        &self,
        id: ApprovalId,
        entries: Entries,
        step: impl FnOnce(&Approval, Timestamp) -> Result<Step, ApprovalError> + Send,
    ) -> Result<Approval, ApprovalError> {
        let now = self.clock().now();
        let mut change = self.store().change().await?;
        let tick = change.next_tick().await?;
        let row = change.approval(id).await?.ok_or(ApprovalError::NotFound)?;
        if row.approval.lapsed(now).is_some() {
            let expired = self.expire(&mut change, row, now, tick).await?;
            change.commit().await?;
            self.0.watchers.tell(id, tick);
            self.deliver().await?;
            return match step(&expired, now)? {
                Step::Unchanged => Ok(expired),
                Step::To(..) => Err(ApprovalError::State(expired.state.name())),
            };
        }
        let approval = match step(&row.approval, now)? {
            Step::Unchanged => {
                drop(change);
                row.approval
            }
            Step::To(next, by, verdict) => {
                // Asked only here: whoever comes too late is told so, and not that something waits.
                if entries == Entries::MustBeWritten
                    && change.entries_wait_about(&id.to_string()).await? > 0
                {
                    return Err(Unavailable::EntryWaits.into());
                }
                let next = ApprovalRow { approval: *next, revision: row.revision };
                match self.write_approval(&mut change, &next, by, verdict, now, tick).await? {
                    Written::Done => {}
                    Written::Conflict => return Err(ApprovalError::Changed),
                }
                change.commit().await?;
                self.0.watchers.tell(id, tick);
                next.approval
            }
        };
        self.deliver().await?;
        Ok(approval)
    }

    async fn expire(
        &self,
        change: &mut Transaction,
        row: ApprovalRow,
        now: Timestamp,
        tick: u64,
    ) -> Result<Approval, Unavailable> {
        let Some(state) = row.approval.lapsed(now) else { return Ok(row.approval) };
        let approval = Approval { state, ..row.approval };
        let next = ApprovalRow { approval, revision: row.revision };
        match self.write_approval(change, &next, None, None, now, tick).await? {
            // Within the lock of the tick nobody else writes.
            Written::Done | Written::Conflict => Ok(next.approval),
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one entry, said once each")]
    async fn write_approval(
        &self,
        change: &mut Transaction,
        next: &ApprovalRow,
        by: Option<Subject>,
        verdict: Option<Verdict>,
        now: Timestamp,
        tick: u64,
    ) -> Result<Written, Unavailable> {
        let written = change.write_approval(next, self.gateway(), tick).await?;
        if written == Written::Done {
            let (approval, state) = (next.approval.id, next.approval.state.clone());
            let event = ApprovalChanged { approval, by, verdict, state };
            let entry = Entry::new(self.new_entry(now), now, Event::ApprovalChanged(event));
            self.keep(change, entry, &approval.to_string(), Effect::AtCommit).await?;
            if next.approval.state != ApprovalState::Pending {
                self.withdraw(change, &approval_occasion(approval)).await?;
            }
        }
        Ok(written)
    }
}

fn to(approval: &Approval, state: ApprovalState, by: Option<Subject>) -> Step {
    Step::To(Box::new(Approval { state, ..approval.clone() }), by, None)
}
