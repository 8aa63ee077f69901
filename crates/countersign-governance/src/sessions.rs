//! Sessions as people see them, their keys, and the end of their recordings. The gateway's recorder
//! writes them through the store, in batches.

use crate::{
    Actor, ErrorKind, Forbidden, Governance, SessionFilter, SessionRow, Unavailable,
    roles::{self, may_administer},
};
use countersign_ledger::{KeyError, SessionKey};
use countersign_model::{
    SessionId,
    approval::Standing,
    record::{Entry, Event, RecordViewed, StopChanged, StopState},
};
use countersign_store::{Effect, StoreError, Written};

/// Sessions that one list holds at most.
pub const SESSIONS_MAX: u32 = 500;

/// Why a session can't be seen or erased.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// There is none, or the actor may not know of it.
    #[error("there is no such session")]
    NotFound,
    /// The actor may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// A reason is missing or too long.
    #[error(transparent)]
    Why(#[from] roles::BadText),
    /// Its recordings were erased before.
    #[error("the recordings of this session were erased already")]
    Erased,
    /// The key belongs to another master key, or was changed.
    #[error("the session's key can't be opened with this master key")]
    Key(#[source] KeyError),
    /// The store or the ledger can't be used.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl SessionError {
    /// The code for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "no_such_session",
            Self::Forbidden(forbidden) => forbidden.code(),
            Self::Why(_) => "bad_reason",
            Self::Erased => "erased",
            Self::Key(_) => "master_key_mismatch",
            Self::Unavailable(unavailable) => unavailable.code(),
        }
    }

    /// What kind of error it is.
    pub fn status(&self) -> ErrorKind {
        match self {
            Self::NotFound => ErrorKind::NotFound,
            Self::Forbidden(_) => ErrorKind::Forbidden,
            Self::Why(_) => ErrorKind::Invalid,
            Self::Erased => ErrorKind::Conflict,
            Self::Key(_) | Self::Unavailable(_) => ErrorKind::Unavailable,
        }
    }
}

impl From<StoreError> for SessionError {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error.into())
    }
}

impl Governance {
    /// A session, whoever asks.
    ///
    /// # Errors
    /// [`SessionError::Unavailable`].
    pub async fn session(&self, id: SessionId) -> Result<Option<SessionRow>, SessionError> {
        Ok(self.store().view().await?.session(id).await?)
    }

    /// Lists sessions, newest first, whoever asks; [`SESSIONS_MAX`] at most.
    ///
    /// # Errors
    /// [`SessionError::Unavailable`].
    pub async fn sessions(&self, filter: SessionFilter) -> Result<Vec<SessionRow>, SessionError> {
        let filter = SessionFilter { limit: filter.limit.min(SESSIONS_MAX), ..filter };
        Ok(self.store().view().await?.sessions(&filter).await?)
    }

    /// Whether an actor may see a session's recordings: their own, or with a role any.
    pub fn may_view(&self, actor: &Actor, session: &SessionRow) -> bool {
        let actor = self.judged(actor);
        let own = session.subject == actor.person.subject
            || session.actors.contains(&actor.person.subject);
        actor.person.standing == Standing::Good && (own || actor.sees_everything())
    }

    /// A session for an actor to look at. That they looked is in the ledger before this answers.
    ///
    /// # Errors
    /// [`SessionError::NotFound`] also when the actor may not see it.
    pub async fn view_session(
        &self,
        actor: &Actor,
        id: SessionId,
    ) -> Result<SessionRow, SessionError> {
        let session = self.session(id).await?.ok_or(SessionError::NotFound)?;
        if !self.may_view(actor, &session) {
            return Err(SessionError::NotFound);
        }
        let by = actor.person.subject.clone();
        let event = Event::RecordViewed(RecordViewed { by, session: id });
        self.record(&id.to_string(), event).await?;
        Ok(session)
    }

    /// The key of a session's recordings; `None` when the session is unknown or was erased.
    ///
    /// # Errors
    /// [`SessionError::Key`], [`SessionError::Unavailable`].
    pub async fn session_key(&self, id: SessionId) -> Result<Option<SessionKey>, SessionError> {
        let wrapped = self.store().view().await?.wrapped_key(id).await?;
        wrapped
            .map(|wrapped| self.master().unwrap_key(&id.to_bytes(), &wrapped))
            .transpose()
            .map_err(SessionError::Key)
    }

    /// Destroys a session's key: its recordings can't be read any more, and the ledger's proofs
    /// stay. Administrators only.
    ///
    /// # Errors
    /// [`SessionError`]. With [`SessionError::Unavailable`] of the ledger the key is gone
    /// nevertheless.
    pub async fn erase_session(
        &self,
        actor: &Actor,
        id: SessionId,
        why: &str,
    ) -> Result<(), SessionError> {
        let actor = self.judged(actor);
        may_administer(&actor)?;
        let why = roles::reason(why)?;
        let now = self.clock().now();
        let mut change = self.store().change().await?;
        if change.session(id).await?.is_none() {
            return Err(SessionError::NotFound);
        }
        match change.erase_session(id, now).await? {
            Written::Done => {}
            Written::Conflict => return Err(SessionError::Erased),
        }
        let by = actor.person.subject;
        let what = format!("recordings:{id}");
        let event = Event::StopChanged(StopChanged { by, what, now: StopState::Stopped, why });
        let entry = Entry::new(self.new_entry(now), now, event);
        self.keep(&mut change, entry, &id.to_string(), Effect::AtCommit).await?;
        change.commit().await?;
        Ok(self.deliver().await?)
    }
}
