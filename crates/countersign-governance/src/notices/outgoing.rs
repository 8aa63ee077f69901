//! What is to be sent: claimed by one gateway, and settled with its ledger entry. Retries, their pauses
//! and their end are decided here; whoever sends only says what the channel answered.

use crate::{Governance, Unavailable};
use countersign_model::{
    Digest, Span, Subject, Timestamp,
    record::{Entry, Event, NoticeEnd, NoticeSent},
};
use countersign_store::{
    DeliveryRow, DeliveryState, Effect, NoticeRow, StoreError, Transaction, Written,
};

/// A delivery that this gateway has to itself for [`CLAIMED_FOR`].
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// The delivery. Its id is the same with each attempt: receivers know by it what came twice.
    pub delivery: DeliveryRow,
    /// What is told.
    pub notice: NoticeRow,
    /// The notices that it brings, if it is a digest.
    pub parts: Vec<NoticeRow>,
    /// Whom it reaches, where a channel reaches one person at a time.
    pub to: Option<Recipient>,
}

/// A person to send something to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    /// Who.
    pub subject: Subject,
    /// A name to show.
    pub name: String,
    /// Their address, as their directory has it, or as they signed in with it.
    pub email: String,
}

/// What became of an attempt to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// The channel took it.
    Sent {
        /// What it answered.
        answer: String,
    },
    /// It never will.
    Refused {
        /// What it answered; empty if it said nothing.
        answer: String,
        /// Why, for people.
        error: String,
    },
    /// It may later.
    Later {
        /// What it answered; empty if it said nothing.
        answer: String,
        /// Why not now, for people.
        error: String,
        /// How long the channel asks to wait.
        wait: Option<Span>,
    },
}

impl Governance {
    /// Claims what is due over a channel, oldest first, so many at most. What can't be sent to anybody
    /// is given up here.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn claim_notices(
        &self,
        channel: &str,
        limit: u32,
    ) -> Result<Vec<Outgoing>, Unavailable> {
        let now = self.clock().now();
        // Most looks find nothing, and should not queue behind writers.
        let due = self.store().view().await?.deliveries_due(channel, now, limit).await?;
        let mut claimed = Vec::new();
        for row in due {
            let mut change = self.store().change().await?;
            let until = now.plus(CLAIMED_FOR);
            match change.claim_delivery(&row, self.gateway(), until).await? {
                Written::Done => {}
                Written::Conflict => continue,
            }
            change.commit().await?;
            let delivery = DeliveryRow {
                state: DeliveryState::Sending,
                attempts: row.attempts.saturating_add(1),
                gateway: self.gateway().to_owned(),
                next_at: until,
                ..row
            };
            if let Some(outgoing) = self.outgoing(delivery).await? {
                claimed.push(outgoing);
            }
        }
        Ok(claimed)
    }

    /// Writes what became of a claimed delivery. Its end stands in the ledger.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn settle_notice(
        &self,
        outgoing: &Outgoing,
        attempt: Attempt,
    ) -> Result<(), Unavailable> {
        let Outgoing { delivery, notice, .. } = outgoing;
        let now = self.clock().now();
        let mut change = self.store().change().await?;
        let withdrawn = change.notice(notice.id).await?.is_some_and(|it| it.withdrawn_at.is_some());
        let next = match attempt {
            Attempt::Sent { answer } => {
                ended(delivery, DeliveryState::Sent, now, (String::new(), answer))
            }
            Attempt::Refused { answer, error } => {
                ended(delivery, DeliveryState::GivenUp, now, (error, answer))
            }
            Attempt::Later { answer, error, .. } if withdrawn => {
                ended(delivery, DeliveryState::Withdrawn, now, (error, answer))
            }
            Attempt::Later { answer, error, wait } => {
                self.again(delivery, now, wait, (error, answer))
            }
        };
        self.write_end(&mut change, &next, notice, now).await?;
        change.commit().await?;
        if next.state.is_end() { self.deliver().await } else { Ok(()) }
    }

    /// Gives up what nobody has sent although it is long due: its channel is not configured any more,
    /// or no gateway runs that has it.
    pub(crate) async fn give_up_notices(&self, now: Timestamp) -> Result<(), Unavailable> {
        let before = now.minus(TRIED_FOR).minus(CLAIMED_FOR);
        let due = self.store().view().await?.deliveries_stuck(before, STUCK_AT_ONCE).await?;
        for row in due {
            let mut change = self.store().change().await?;
            match change.claim_delivery(&row, self.gateway(), now).await? {
                Written::Done => {}
                Written::Conflict => continue,
            }
            let Some(notice) = change.notice(row.notice).await? else { continue };
            let row = DeliveryRow { attempts: row.attempts.saturating_add(1), ..row };
            let why = "no gateway has sent it within a day".to_owned();
            let next = ended(&row, DeliveryState::GivenUp, now, (why, row.answer.clone()));
            self.write_end(&mut change, &next, &notice, now).await?;
            change.commit().await?;
        }
        Ok(())
    }

    /// A claimed delivery with all that it takes to send it; nothing, if there is nobody to send it to.
    async fn outgoing(&self, delivery: DeliveryRow) -> Result<Option<Outgoing>, Unavailable> {
        let mut view = self.store().view().await?;
        let Some(notice) = view.notice(delivery.notice).await? else { return Ok(None) };
        let mut parts = Vec::with_capacity(notice.brings.len());
        for id in &notice.brings {
            // Who answered meanwhile need not be told that they should.
            parts.extend(view.notice(*id).await?.filter(|it| it.withdrawn_at.is_none()));
        }
        drop(view);
        let Some(subject) = delivery.to.clone() else {
            return Ok(Some(Outgoing { delivery, notice, parts, to: None }));
        };
        let recipient = self.recipient(&subject).await?;
        let problem = if self.policy().load().bars(&subject) {
            Some("the person is suspended, or has left")
        } else if !notice.brings.is_empty() && parts.is_empty() {
            Some("all that it brings was answered meanwhile")
        } else if recipient.email.is_empty() {
            Some("no address of this person is known; the notice is in the console")
        } else {
            None
        };
        let outgoing = Outgoing { delivery, notice, parts, to: Some(recipient) };
        let Some(problem) = problem else { return Ok(Some(outgoing)) };
        let refused = Attempt::Refused { answer: String::new(), error: problem.to_owned() };
        self.settle_notice(&outgoing, refused).await?;
        Ok(None)
    }

    pub(super) async fn recipient(&self, subject: &Subject) -> Result<Recipient, StoreError> {
        let facts = self.store().person_facts(std::slice::from_ref(subject)).await?;
        let facts = facts.into_values().next().unwrap_or_default();
        // What the company's directory says of somebody is worth more than what they signed in with.
        let mut directories = facts.directories.into_iter();
        let told = directories.find(|it| !it.email.is_empty()).map(|it| (it.name, it.email));
        let seen = facts.signed_in.map(|it| (it.name, it.email));
        let (name, email) = told.or(seen).unwrap_or_default();
        let name = if name.is_empty() { subject.as_str().to_owned() } else { name };
        Ok(Recipient { subject: subject.clone(), name, email })
    }

    /// The same delivery, to be tried again: each pause about twice the one before, with chance in it
    /// so that not all come back at once; not before the channel says so, and not beyond
    /// [`TRIED_FOR`].
    fn again(
        &self,
        delivery: &DeliveryRow,
        now: Timestamp,
        wait: Option<Span>,
        (error, answer): (String, String),
    ) -> DeliveryRow {
        let doubled = delivery.attempts.saturating_sub(1).min(PAUSES_DOUBLED_MAX);
        let pause = FIRST_PAUSE.millis().saturating_mul(1 << doubled).min(PAUSE_MAX.millis());
        let [chance] = self.entropy().bytes::<1>();
        let half = pause / 2;
        let pause = Span::from_millis(half + half * i64::from(chance) / 255);
        let next_at = now.plus(pause).max(now.plus(wait.unwrap_or(Span::from_millis(0))));
        if next_at > delivery.made_at.plus(TRIED_FOR) {
            return ended(delivery, DeliveryState::GivenUp, now, (error, answer));
        }
        let (error, answer) = (said(&error), said(&answer));
        DeliveryRow { state: DeliveryState::Failed, next_at, error, answer, ..delivery.clone() }
    }

    async fn write_end(
        &self,
        change: &mut Transaction,
        next: &DeliveryRow,
        notice: &NoticeRow,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        match change.write_delivery(next).await? {
            Written::Done => {}
            // This gateway took too long, and another one has it: that one says what became of it.
            Written::Conflict => return Ok(()),
        }
        let end = match next.state {
            DeliveryState::Sent => NoticeEnd::Sent,
            DeliveryState::GivenUp => NoticeEnd::GivenUp,
            DeliveryState::Queued
            | DeliveryState::Sending
            | DeliveryState::Failed
            | DeliveryState::Withdrawn => return Ok(()),
        };
        let event = Event::NoticeSent(NoticeSent {
            notice: notice.id,
            delivery: next.id,
            to: next.to.clone(),
            kind: notice.kind,
            about: notice.about.clone(),
            brings: notice.brings.clone(),
            channel: next.channel.clone(),
            now: end,
            attempts: next.attempts,
            text: Digest::of(format!("{}\n{}", notice.title, notice.text).as_bytes()),
        });
        let entry = Entry::new(self.new_entry(now), now, event);
        self.keep(change, entry, &notice.id.to_string(), Effect::AtCommit).await
    }
}

fn ended(
    delivery: &DeliveryRow,
    state: DeliveryState,
    now: Timestamp,
    (error, answer): (String, String),
) -> DeliveryRow {
    let (error, answer) = (said(&error), said(&answer));
    DeliveryRow { state, ended_at: Some(now), error, answer, ..delivery.clone() }
}

/// What a channel said, in one line of bounded length.
fn said(text: &str) -> String {
    text.chars().map(|it| if it.is_control() { ' ' } else { it }).take(SAID_CHARS_MAX).collect()
}

/// How long a claim stands: longer than any attempt takes.
pub const CLAIMED_FOR: Span = Span::from_seconds(120);
/// How long a notice is tried.
pub const TRIED_FOR: Span = Span::from_days(1);
const FIRST_PAUSE: Span = Span::from_seconds(30);
const PAUSE_MAX: Span = Span::from_seconds(3_600);
/// Beyond this many, [`PAUSE_MAX`] is reached long since.
const PAUSES_DOUBLED_MAX: u32 = 12;
const SAID_CHARS_MAX: usize = 300;
/// Deliveries that are given up by one look.
const STUCK_AT_ONCE: u32 = 100;
