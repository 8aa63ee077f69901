//! What somebody was told, as they read it in the console; over which channels they want to be told;
//! and for administrators, what became of each delivery.

use super::{Channel, NewNotice, Reach};
use crate::{
    Actor, ErrorKind, Forbidden, Governance, Unavailable,
    roles::{may_act, may_look},
};
use countersign_model::{CallerKind, NoticeId, NoticeKind, Subject, Urgency};
use countersign_store::{
    DeliveryQuery, DeliveryRow, InDigest, NoticeChoice, NoticeRow, NoticesListed, StoreError,
    Written,
};

/// Where people read their notices, below the public URL.
pub const INBOX: &str = "/console/notices";

/// Why something about notices was not done.
#[derive(Debug, thiserror::Error)]
pub enum NoticeError {
    /// There is none, or it is somebody else's.
    #[error("there is no such notice")]
    NotFound,
    /// The actor may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// No channel has this name, or nobody chooses what comes over it.
    #[error("there is no channel `{0}` that people choose")]
    Channel(String),
    /// The store or the ledger can't be used.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl NoticeError {
    /// The code for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "no_such_notice",
            Self::Forbidden(forbidden) => forbidden.code(),
            Self::Channel(_) => "no_such_channel",
            Self::Unavailable(unavailable) => unavailable.code(),
        }
    }

    /// What kind of error it is.
    pub fn status(&self) -> ErrorKind {
        match self {
            Self::NotFound => ErrorKind::NotFound,
            Self::Forbidden(_) => ErrorKind::Forbidden,
            Self::Channel(_) => ErrorKind::Invalid,
            Self::Unavailable(_) => ErrorKind::Unavailable,
        }
    }
}

impl From<StoreError> for NoticeError {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error.into())
    }
}

impl Governance {
    /// The channels that this installation has.
    pub fn notice_channels(&self) -> &[Channel] {
        &self.0.notices.channels
    }

    /// What an actor was told, newest first, older than one of them.
    ///
    /// # Errors
    /// [`NoticeError::Unavailable`].
    pub async fn notices(
        &self,
        actor: &Actor,
        listed: NoticesListed,
        before: Option<NoticeId>,
    ) -> Result<Vec<NoticeRow>, NoticeError> {
        let mut view = self.store().view().await?;
        Ok(view.notices_of(actor.subject(), listed, before, NOTICES_MAX).await?)
    }

    /// A notice of theirs, and what became of it over each channel that reaches them alone.
    ///
    /// # Errors
    /// [`NoticeError`].
    pub async fn notice(
        &self,
        actor: &Actor,
        id: NoticeId,
    ) -> Result<(NoticeRow, Vec<DeliveryRow>), NoticeError> {
        let mut view = self.store().view().await?;
        let mine = |it: &NoticeRow| it.to == *actor.subject() || actor.sees_everything();
        let notice = view.notice(id).await?.filter(mine).ok_or(NoticeError::NotFound)?;
        let query = DeliveryQuery { notice: Some(id), limit: NOTICES_MAX, ..Default::default() };
        Ok((notice, view.deliveries(&query).await?))
    }

    /// How many notices somebody has not read.
    ///
    /// # Errors
    /// [`NoticeError::Unavailable`].
    pub async fn notices_unread(&self, actor: &Actor) -> Result<u64, NoticeError> {
        Ok(self.store().view().await?.notices_unread(actor.subject()).await?)
    }

    /// Says that an actor has read one of their notices, or all of them. How many it were.
    ///
    /// # Errors
    /// [`NoticeError`].
    pub async fn read_notices(
        &self,
        actor: &Actor,
        id: Option<NoticeId>,
    ) -> Result<u64, NoticeError> {
        let actor = self.judged(actor);
        may_look(&actor)?;
        let mut change = self.store().change().await?;
        if let Some(id) = id {
            let mine = change.notice(id).await?.is_some_and(|it| it.to == *actor.subject());
            if !mine {
                return Err(NoticeError::NotFound);
            }
        }
        let read = change.read_notices(actor.subject(), id, self.clock().now()).await?;
        change.commit().await?;
        Ok(read)
    }

    /// Over which channels an actor is told: what they chose, or everything that reaches people.
    ///
    /// # Errors
    /// [`NoticeError::Unavailable`].
    pub async fn notice_choice(&self, actor: &Actor) -> Result<NoticeChoice, NoticeError> {
        let chosen = self.store().view().await?.notice_choice(actor.subject()).await?;
        Ok(chosen.unwrap_or_else(|| {
            let all: Vec<String> = self.chosen_channels().map(|it| it.name.clone()).collect();
            NoticeChoice { now: all.clone(), digest: all }
        }))
    }

    /// The channels of which people choose.
    pub fn chosen_channels(&self) -> impl Iterator<Item = &Channel> {
        self.notice_channels().iter().filter(|it| it.reach == Reach::Person)
    }

    /// Chooses over which channels an actor is told. The console has everything whatever they choose.
    ///
    /// # Errors
    /// [`NoticeError`].
    pub async fn choose_channels(
        &self,
        actor: &Actor,
        choice: &NoticeChoice,
    ) -> Result<(), NoticeError> {
        let actor = self.judged(actor);
        may_act(&actor)?;
        for name in choice.now.iter().chain(&choice.digest) {
            if !self.chosen_channels().any(|it| it.name == *name) {
                return Err(NoticeError::Channel(name.clone()));
            }
        }
        let mut change = self.store().change().await?;
        change.choose_channels(actor.subject(), choice).await?;
        Ok(change.commit().await?)
    }

    /// Deliveries, newest first, for administrators and auditors.
    ///
    /// # Errors
    /// [`NoticeError`].
    pub async fn deliveries(
        &self,
        actor: &Actor,
        query: &DeliveryQuery,
    ) -> Result<Vec<DeliveryRow>, NoticeError> {
        if !self.judged(actor).sees_everything() {
            return Err(Forbidden::NotAdministrator.into());
        }
        let limit = query.limit.clamp(1, NOTICES_MAX);
        let query = DeliveryQuery { limit, ..query.clone() };
        Ok(self.store().view().await?.deliveries(&query).await?)
    }

    /// Tells somebody that this is a test, over every channel that there is, whatever they chose.
    /// Everybody may try it on themselves, administrators on anybody.
    ///
    /// # Errors
    /// [`NoticeError`].
    pub async fn test_notice(&self, actor: &Actor, to: &Subject) -> Result<NoticeRow, NoticeError> {
        let actor = self.judged(actor);
        may_act(&actor)?;
        if !actor.is_administrator()
            && (actor.person.kind != CallerKind::Person || to != actor.subject())
        {
            return Err(Forbidden::NotAdministrator.into());
        }
        let now = self.clock().now();
        let id = NoticeId::new(now, self.entropy());
        let new = NewNotice {
            to: to.clone(),
            kind: NoticeKind::Test,
            about: Vec::new(),
            title: "A test of Countersign's notices".to_owned(),
            text: format!(
                "{} tries whether notices arrive. Nothing needs to be done.",
                actor.subject()
            ),
            link: INBOX.to_owned(),
            urgency: Urgency::Now,
            occasion: format!("test:{id}"),
        };
        let row = NoticeRow { id, ..self.notice_row(new, Vec::new(), now) };
        let mut change = self.store().change().await?;
        match self.keep_over(&mut change, &row, InDigest::No, None).await? {
            // Its occasion has its own id: it is the only one.
            Written::Done | Written::Conflict => {}
        }
        change.commit().await?;
        Ok(row)
    }

    /// The address at which an actor is told; empty if none is known.
    ///
    /// # Errors
    /// [`NoticeError::Unavailable`].
    pub async fn notice_address(&self, actor: &Actor) -> Result<String, NoticeError> {
        Ok(self.recipient(actor.subject()).await?.email)
    }

    /// Who was told about something, over which channel and when, oldest first: digests that brought it
    /// are among them.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn told_about(
        &self,
        about: &str,
        after: Option<countersign_model::DeliveryId>,
    ) -> Result<Vec<DeliveryRow>, Unavailable> {
        Ok(self.store().view().await?.deliveries_about(about, after, TOLD_PAGE).await?)
    }
}

/// Notices or deliveries that one list has.
pub const NOTICES_MAX: u32 = 200;
/// Deliveries that one page of [`Governance::told_about`] has.
pub const TOLD_PAGE: u32 = 1_000;
