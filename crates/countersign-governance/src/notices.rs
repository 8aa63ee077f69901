//! Notices: people are told what waits for them, what is due and what happened, once for each occasion.
//! A notice is committed with its fact; whoever sends it does so afterwards, and never in the way of a
//! call or a decision. Nothing here opens a connection.

mod asked;
mod daily;
mod inbox;
mod outgoing;

pub(crate) use asked::occasion as approval_occasion;
pub use inbox::{INBOX, NOTICES_MAX, NoticeError, TOLD_PAGE};
pub use outgoing::{Attempt, CLAIMED_FOR, Outgoing, Recipient, TRIED_FOR};

use crate::Governance;
use countersign_model::{
    DeliveryId, NoticeAbout, NoticeId, NoticeKind, Subject, Timestamp, Urgency, notice::Daily,
};
use countersign_store::{
    InDigest, NewDelivery, NoticeChoice, NoticeRow, StoreError, Transaction, Written,
};

/// Over which channels people are told, and when their digests are due.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NoticeRules {
    /// The channels that the configuration has.
    pub channels: Vec<Channel>,
    /// When the digest of a day is due.
    pub digest: Daily,
}

/// A channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel {
    /// Its name: `email`, `slack`, `teams`, `webhook:NAME`.
    pub name: String,
    /// Whom it reaches.
    pub reach: Reach,
}

/// Whom a channel reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// One person at a time, by their address. People choose what comes over it.
    Person,
    /// A room of people: what can't wait, once for each occasion.
    Room,
    /// A program: every notice, at once.
    Program,
}

/// What somebody is to be told. Its texts say who and what, and never hold arguments of a call or
/// anything that is masked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewNotice {
    /// Whom. Whoever is no person, or is barred, is sent nothing.
    pub to: Subject,
    /// What kind of thing.
    pub kind: NoticeKind,
    /// The ids of what it is about.
    pub about: Vec<NoticeAbout>,
    /// One line, [`TITLE_CHARS_MAX`] characters; more is cut.
    pub title: String,
    /// Plain text, [`TEXT_CHARS_MAX`] characters; more is cut.
    pub text: String,
    /// Where it is answered or looked at, below the public URL: `/console/approvals/apr_…`.
    pub link: String,
    /// When it is told.
    pub urgency: Urgency,
    /// What it is told for, such as `review:cmp_…:due`. Nobody is told twice for one occasion, and a
    /// room hears of it once however many people are told.
    pub occasion: String,
}

impl Governance {
    /// Tells somebody something, in the transaction of its fact. Who was told for this occasion before
    /// is not told again. It is sent after the commit.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn tell(
        &self,
        change: &mut Transaction,
        notice: NewNotice,
    ) -> Result<(), StoreError> {
        let now = self.clock().now();
        let in_digest = match notice.urgency {
            Urgency::Digest => InDigest::Waits,
            Urgency::Now if notice.kind.waits() => InDigest::Waits,
            Urgency::Now => InDigest::No,
        };
        let row = self.notice_row(notice, Vec::new(), now);
        self.keep_notice(change, &row, in_digest).await.map(drop)
    }

    /// Says that nobody needs to do anything for an occasion any more: what was not sent yet is not
    /// sent, and no digest names it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn withdraw(
        &self,
        change: &mut Transaction,
        occasion: &str,
    ) -> Result<(), StoreError> {
        change.withdraw_notices(occasion, self.clock().now()).await
    }

    fn notice_row(&self, new: NewNotice, brings: Vec<NoticeId>, now: Timestamp) -> NoticeRow {
        let NewNotice { to, kind, about, title, text, link, urgency, occasion } = new;
        NoticeRow {
            id: NoticeId::new(now, self.entropy()),
            to,
            kind,
            about,
            occasion,
            title: one_line(&title),
            text: cut(text, TEXT_CHARS_MAX),
            link,
            urgency,
            made_at: now,
            brings,
            read_at: None,
            withdrawn_at: None,
        }
    }

    /// Keeps a notice and what is to be sent of it.
    async fn keep_notice(
        &self,
        change: &mut Transaction,
        row: &NoticeRow,
        in_digest: InDigest,
    ) -> Result<Written, StoreError> {
        let choice = change.notice_choice(&row.to).await?;
        self.keep_over(change, row, in_digest, choice.as_ref()).await
    }

    /// The same, over the channels that somebody chose; over all, if they chose none.
    async fn keep_over(
        &self,
        change: &mut Transaction,
        row: &NoticeRow,
        in_digest: InDigest,
        choice: Option<&NoticeChoice>,
    ) -> Result<Written, StoreError> {
        match change.add_notice(row, in_digest).await? {
            Written::Done => {}
            Written::Conflict => return Ok(Written::Conflict),
        }
        for channel in &self.0.notices.channels {
            if let Some((target, to)) = target(row, channel, choice) {
                let new = NewDelivery {
                    id: DeliveryId::new(row.made_at, self.entropy()),
                    notice: row.id,
                    channel: &channel.name,
                    target: &target,
                    to,
                    at: row.made_at,
                };
                match change.add_delivery(&new).await? {
                    // A room has heard of it.
                    Written::Done | Written::Conflict => {}
                }
            }
        }
        Ok(Written::Done)
    }
}

/// What goes over a channel of a notice, once, and to whom; nothing, if it does not go there.
fn target<'a>(
    row: &'a NoticeRow,
    channel: &Channel,
    choice: Option<&NoticeChoice>,
) -> Option<(String, Option<&'a Subject>)> {
    let is_digest = row.kind == NoticeKind::Digest;
    let now = row.urgency == Urgency::Now;
    match channel.reach {
        Reach::Person => {
            let chosen = choice.is_none_or(|it| {
                let names = if is_digest { &it.digest } else { &it.now };
                names.contains(&channel.name)
            });
            (chosen && now).then(|| (row.id.to_string(), Some(&row.to)))
        }
        Reach::Room => (now && !is_digest).then(|| (row.occasion.clone(), None)),
        Reach::Program => (!is_digest).then(|| (row.id.to_string(), None)),
    }
}

/// A text in one line: what would begin another one, or is invisible, is a space.
fn one_line(text: &str) -> String {
    let spaced: String = text.chars().map(|it| if it.is_control() { ' ' } else { it }).collect();
    cut(spaced.split_whitespace().collect::<Vec<_>>().join(" "), TITLE_CHARS_MAX)
}

fn cut(text: String, chars_max: usize) -> String {
    match text.char_indices().nth(chars_max) {
        None => text,
        Some(_) => text.chars().take(chars_max.saturating_sub(1)).chain(['…']).collect(),
    }
}

/// Characters of a notice's title.
pub(crate) const TITLE_CHARS_MAX: usize = 200;
/// Characters of a notice's text.
pub(crate) const TEXT_CHARS_MAX: usize = 4_000;
