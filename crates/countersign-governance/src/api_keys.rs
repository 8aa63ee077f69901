//! API keys of registered agents. Administrators make them; they and the agent's sponsor end them.
//! Making one waits for the ledger; ending one acts at the next look-up, on every gateway.
//!
//! The key itself never comes here: it is known by its digest.

use crate::{
    Actor, ErrorKind, Forbidden, Governance, Unavailable,
    roles::{self, may_act, may_administer},
    session_ends::CUT_OFF_KEPT,
};
use countersign_model::{
    API_KEY_ISSUER, ApiKeyId, Digest, Snapshot, Span, Subject, Timestamp, Whose,
    record::{ApiKeyChange, ApiKeyChanged, Entry, Event},
};
use countersign_store::{ApiKeyRow, CutOffRow, Effect, KeyRevoked, StoreError, Written};
use serde::Deserialize;

/// What an API key may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApiKeyRules {
    /// The longest time between its making and its end.
    pub lifetime_max: Span,
}

/// An API key to make.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewApiKey {
    /// For whom it speaks: an agent of the catalog.
    pub subject: Subject,
    /// What it is for, and why a token won't do.
    pub purpose: String,
    /// Its scopes.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// Why an API key was not made or ended.
#[derive(Debug, thiserror::Error)]
pub enum ApiKeyError {
    /// The actor may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// There is none, or the actor may not know that there is.
    #[error("there is no such API key")]
    NotFound,
    /// It can't be such.
    #[error("{place}: {message}")]
    Invalid {
        /// The member at fault.
        place: &'static str,
        /// What is wrong with it.
        message: String,
    },
    /// The store or the ledger can't be used.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl ApiKeyError {
    /// The code for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Forbidden(forbidden) => forbidden.code(),
            Self::NotFound => "not_found",
            Self::Invalid { .. } => "invalid_api_key",
            Self::Unavailable(unavailable) => unavailable.code(),
        }
    }

    /// What kind of error it is.
    pub fn status(&self) -> ErrorKind {
        match self {
            Self::Forbidden(_) => ErrorKind::Forbidden,
            Self::NotFound => ErrorKind::NotFound,
            Self::Invalid { .. } => ErrorKind::Invalid,
            Self::Unavailable(_) => ErrorKind::Unavailable,
        }
    }
}

impl From<StoreError> for ApiKeyError {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error.into())
    }
}

impl Governance {
    /// Makes the key with this digest. It is in force once the ledger has the entry.
    ///
    /// # Errors
    /// [`ApiKeyError`].
    pub async fn add_api_key(
        &self,
        actor: &Actor,
        rules: ApiKeyRules,
        new: NewApiKey,
        digest: Digest,
    ) -> Result<ApiKeyRow, ApiKeyError> {
        let actor = self.judged(actor);
        may_administer(&actor)?;
        let now = self.clock().now();
        let key = self.read_api_key(new, &actor, rules, now)?;
        let mut change = self.store().change().await?;
        change.lock_epoch().await?;
        let known = change.api_keys(Some(&key.subject), KEYS_LISTED_MAX).await?;
        let live = known.iter().filter(|it| it.revoked.is_none() && it.expires_at > now);
        if live.count() >= KEYS_OF_SUBJECT_MAX {
            let message = format!("it has {KEYS_OF_SUBJECT_MAX} keys already; revoke one first");
            return Err(invalid("subject", message));
        }
        let id = self.new_entry(now);
        change.add_api_key(&key, &digest, id).await?;
        let by = &actor.person.subject;
        let entry = Entry::new(id, now, event(&key, ApiKeyChange::Made, by, &key.purpose));
        self.keep(&mut change, entry, &key.id.to_string(), Effect::AtDelivery).await?;
        change.commit().await?;
        self.settle(Effect::AtDelivery).await?;
        Ok(key)
    }

    /// Ends a key. Ending it twice keeps the first end.
    ///
    /// # Errors
    /// [`ApiKeyError`]. With [`ApiKeyError::Unavailable`] of the ledger it acts nevertheless.
    pub async fn revoke_api_key(
        &self,
        actor: &Actor,
        id: ApiKeyId,
        why: &str,
    ) -> Result<ApiKeyRow, ApiKeyError> {
        let actor = self.judged(actor);
        may_act(&actor)?;
        let why = roles::reason(why).map_err(|bad| invalid("why", bad.to_string()))?;
        let now = self.clock().now();
        let mut change = self.store().change().await?;
        let epoch = change.next_epoch().await?;
        let row = change.api_key(id).await?;
        let mut key = row.filter(|it| self.concerns(&actor, it)).ok_or(ApiKeyError::NotFound)?;
        if !actor.is_administrator() && !is_sponsor(&actor, &self.policy().load(), &key.subject) {
            return Err(Forbidden::NotYours.into());
        }
        if key.revoked.is_some() {
            return Ok(key);
        }
        let by = &actor.person.subject;
        key.revoked = Some(KeyRevoked { by: by.clone(), at: now, why: why.clone() });
        match change.write_api_key(&key).await? {
            Written::Done => {}
            Written::Conflict => return Err(ApiKeyError::NotFound),
        }
        // What is called with it at this moment ends too, as it does when a session ends.
        let whose = Whose::IssuerSession {
            issuer: API_KEY_ISSUER.into(),
            session: key.id.to_string().into(),
        };
        let (at, expires_at) = (now.plus(Span::from_seconds(1)), now.plus(CUT_OFF_KEPT));
        match change.cut_off(&CutOffRow { whose, at, expires_at }, epoch).await? {
            // One that stands already ends as much.
            Written::Done | Written::Conflict => {}
        }
        let entry = self.new_entry(now);
        let entry = Entry::new(entry, now, event(&key, ApiKeyChange::Revoked, by, &why));
        self.keep(&mut change, entry, &key.id.to_string(), Effect::AtCommit).await?;
        change.commit().await?;
        self.settle(Effect::AtCommit).await?;
        Ok(key)
    }

    /// Keys that an actor may see, newest first: administrators and auditors all, sponsors those of
    /// their agents.
    ///
    /// # Errors
    /// [`ApiKeyError::Unavailable`].
    pub async fn api_keys(&self, actor: &Actor) -> Result<Vec<ApiKeyRow>, ApiKeyError> {
        let mut keys = self.store().view().await?.api_keys(None, KEYS_LISTED_MAX).await?;
        keys.retain(|it| self.concerns(actor, it));
        Ok(keys)
    }

    /// The key with this digest, for whoever identifies its bearer; none if its agent is not in the
    /// catalog any more. That it was used is written down, once a minute.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn use_api_key(&self, digest: &Digest) -> Result<Option<ApiKeyRow>, StoreError> {
        let found = self.store().view().await?.api_key_in_force(digest).await?;
        let known = |it: &ApiKeyRow| self.policy().load().agents().contains_key(&it.subject);
        let Some(key) = found.filter(known) else { return Ok(None) };
        let now = self.clock().now();
        let lately = |at: Timestamp| (0..SEEN_EVERY.millis()).contains(&now.since(at).millis());
        if key.revoked.is_none() && !key.last_used_at.is_some_and(lately) {
            self.store().saw_api_key(key.id, now).await?;
        }
        Ok(Some(key))
    }

    fn concerns(&self, actor: &Actor, key: &ApiKeyRow) -> bool {
        actor.sees_everything() || is_sponsor(actor, &self.policy().load(), &key.subject)
    }

    fn read_api_key(
        &self,
        new: NewApiKey,
        actor: &Actor,
        rules: ApiKeyRules,
        now: Timestamp,
    ) -> Result<ApiKeyRow, ApiKeyError> {
        let NewApiKey { subject, purpose, mut scopes, expires_at } = new;
        if !self.policy().load().agents().contains_key(&subject) {
            let message = "an API key is for an agent of the catalog, who has a sponsor; people and \
                           services sign in or get tokens";
            return Err(invalid("subject", message.to_owned()));
        }
        let purpose = roles::reason(&purpose).map_err(|it| invalid("purpose", it.to_string()))?;
        scopes.sort();
        scopes.dedup();
        if scopes.len() > SCOPES_MAX || !scopes.iter().all(|it| is_scope(it)) {
            let message = format!("at most {SCOPES_MAX}, each a word of visible ASCII");
            return Err(invalid("scopes", message));
        }
        if expires_at <= now || expires_at > now.plus(rules.lifetime_max) {
            let message = format!("must be in the future, and at most {} away", rules.lifetime_max);
            return Err(invalid("expires_at", message));
        }
        Ok(ApiKeyRow {
            id: ApiKeyId::new(now, self.entropy()),
            subject,
            purpose,
            scopes,
            made_by: actor.person.subject.clone(),
            made_at: now,
            expires_at,
            revoked: None,
            last_used_at: None,
        })
    }
}

fn is_sponsor(actor: &Actor, snapshot: &Snapshot, agent: &Subject) -> bool {
    snapshot.agents().get(agent).is_some_and(|it| it.sponsor == actor.person.subject)
}

/// RFC 6749 §3.3.
fn is_scope(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\');
    (1..=SCOPE_BYTES_MAX).contains(&text.len()) && text.bytes().all(allowed)
}

fn invalid(place: &'static str, message: String) -> ApiKeyError {
    ApiKeyError::Invalid { place, message }
}

fn event(key: &ApiKeyRow, change: ApiKeyChange, by: &Subject, why: &str) -> Event {
    Event::ApiKeyChanged(ApiKeyChanged {
        key: key.id,
        subject: key.subject.clone(),
        change,
        by: by.clone(),
        why: why.to_owned(),
        scopes: key.scopes.clone(),
        expires_at: key.expires_at,
    })
}

/// Keys that are good at the same time, of one agent.
const KEYS_OF_SUBJECT_MAX: usize = 20;
/// Keys that a list has.
const KEYS_LISTED_MAX: u32 = 1_000;
const SCOPES_MAX: usize = 50;
const SCOPE_BYTES_MAX: usize = 100;
/// How often it is written down that a key is used.
const SEEN_EVERY: Span = Span::from_seconds(60);
