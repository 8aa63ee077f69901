//! Passkeys of people, as facts: whose they are, when one is in force, what its counter was; and whether
//! what one signed is by one of the person's own.
//!
//! Adding one gives the right to sign, and waits for the ledger; removing one acts at once. A person
//! has only to do with their own.

use crate::{
    Actor, ErrorKind, Forbidden, Governance, Unavailable,
    roles::{may_act, may_look},
};
use countersign_identity::{PasskeyFault, PasskeyRefused, verify_signed};
use countersign_model::{
    CallerKind, Digest, PasskeyId, Timestamp,
    passkey::{SignedKind, SignedWithPasskey},
    record::{Entry, Event, PasskeyChange, PasskeyChanged},
};
use countersign_store::{Effect, PasskeyRow, StoreError, Transaction, Written};

/// Passkeys that one person has at most.
pub const PASSKEYS_MAX: usize = 10;
/// Characters of a passkey's name at most.
const NAME_CHARS_MAX: usize = 60;

/// A registration that was judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPasskeyFacts {
    /// The credential id (base64url).
    pub credential: String,
    /// What the person calls it.
    pub name: String,
    /// The public key, as a `COSE_Key` (base64url).
    pub public_key: String,
    /// SHA-256 of the public key's bytes.
    pub public_key_digest: Digest,
    /// What it signs with.
    pub algorithm: String,
    /// The host that it is for.
    pub party: String,
    /// Its counter.
    pub counter: u32,
    /// Whether it can be copied.
    pub can_back_up: bool,
    /// How browsers reach it.
    pub transports: Vec<String>,
}

/// Why a passkey was not added, used, named or removed.
#[derive(Debug, thiserror::Error)]
pub enum PasskeyError {
    /// The actor may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// There is none, or it is somebody else's.
    #[error("there is no such passkey of yours")]
    NotFound,
    /// It is registered already, by whomever.
    #[error("this passkey is registered already")]
    Known,
    /// What it signed is not what it should have signed, or not by it.
    #[error("{}", .0.sentence())]
    Refused(#[from] PasskeyRefused),
    /// Its counter did not go up.
    #[error(
        "the passkey's counter did not go up, so there may be a copy of it: remove it, and add it anew"
    )]
    CounterBack,
    /// There are too many, or the name can't be one.
    #[error("{0}")]
    Invalid(String),
    /// The store or the ledger can't be used.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl PasskeyError {
    /// The code for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Forbidden(forbidden) => forbidden.code(),
            Self::NotFound => "not_found",
            Self::Known => "passkey_known",
            Self::Refused(refused) => refused.code(),
            Self::CounterBack => "passkey_counter_back",
            Self::Invalid(_) => "invalid_passkey",
            Self::Unavailable(unavailable) => unavailable.code(),
        }
    }

    /// What kind of error it is.
    pub fn status(&self) -> ErrorKind {
        match self {
            Self::Forbidden(_) | Self::Refused(_) => ErrorKind::Forbidden,
            Self::NotFound => ErrorKind::NotFound,
            Self::Known | Self::CounterBack => ErrorKind::Conflict,
            Self::Invalid(_) => ErrorKind::Invalid,
            Self::Unavailable(_) => ErrorKind::Unavailable,
        }
    }
}

impl From<StoreError> for PasskeyError {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error.into())
    }
}

impl Governance {
    /// What passkeys call the actor: random, and the same for all of theirs.
    ///
    /// # Errors
    /// [`PasskeyError`].
    pub async fn passkey_user(&self, actor: &Actor) -> Result<Digest, PasskeyError> {
        let actor = self.signer(actor)?;
        let proposed = Digest(self.entropy().bytes::<32>());
        Ok(self.store().passkey_user(actor.subject(), &proposed).await?)
    }

    /// The actor's own passkeys, oldest first.
    ///
    /// # Errors
    /// [`PasskeyError`].
    pub async fn passkeys(&self, actor: &Actor) -> Result<Vec<PasskeyRow>, PasskeyError> {
        let actor = self.judged(actor);
        may_look(&actor)?;
        Ok(self.store().view().await?.passkeys_of(actor.subject()).await?)
    }

    /// Those of the actor's passkeys that may sign: they are in force, and so is the person.
    ///
    /// # Errors
    /// [`PasskeyError`].
    pub async fn passkeys_in_force(&self, actor: &Actor) -> Result<Vec<PasskeyRow>, PasskeyError> {
        let actor = self.signer(actor)?;
        Ok(self.store().view().await?.passkeys_in_force(actor.subject()).await?)
    }

    /// Adds a passkey of the actor's. It is in force once the ledger has the entry.
    ///
    /// # Errors
    /// [`PasskeyError`].
    pub async fn add_passkey(
        &self,
        actor: &Actor,
        new: NewPasskeyFacts,
    ) -> Result<PasskeyRow, PasskeyError> {
        let actor = self.signer(actor)?;
        let name = named(&new.name)?;
        let now = self.clock().now();
        let passkey = PasskeyRow {
            id: PasskeyId::new(now, self.entropy()),
            credential: new.credential,
            subject: actor.subject().clone(),
            name,
            public_key: new.public_key,
            public_key_digest: new.public_key_digest,
            algorithm: new.algorithm,
            party: new.party,
            can_back_up: new.can_back_up,
            transports: new.transports,
            made_at: now,
            counter: new.counter,
            last_used_at: None,
        };
        let mut change = self.store().change().await?;
        // One after the other, so that nobody has more than the limit.
        change.lock_epoch().await?;
        if change.passkeys_of(actor.subject()).await?.len() >= PASSKEYS_MAX {
            let message = format!("you have {PASSKEYS_MAX} passkeys; remove one first");
            return Err(PasskeyError::Invalid(message));
        }
        let id = self.new_entry(now);
        match change.add_passkey(&passkey, id).await? {
            Written::Done => {}
            Written::Conflict => return Err(PasskeyError::Known),
        }
        let entry = Entry::new(id, now, event(&passkey, PasskeyChange::Added, &actor));
        self.keep(&mut change, entry, &passkey.id.to_string(), Effect::AtDelivery).await?;
        change.commit().await?;
        self.settle(Effect::AtDelivery).await?;
        Ok(passkey)
    }

    /// Judges what a passkey of the actor's signed, and writes down that it did. Let the thing be signed
    /// only if this succeeds.
    ///
    /// # Errors
    /// [`PasskeyError`], with [`PasskeyError::CounterBack`] if the counter did not go up.
    pub async fn use_passkey(
        &self,
        actor: &Actor,
        signed: &SignedWithPasskey,
        kind: SignedKind,
        digest: &Digest,
    ) -> Result<Timestamp, PasskeyError> {
        let now = self.clock().now();
        let mut change = self.store().change().await?;
        self.signed_by(&mut change, actor, signed, (kind, digest), now).await?;
        change.commit().await?;
        Ok(now)
    }

    /// The same in a transaction of what is signed: both happen, or neither.
    pub(crate) async fn signed_by(
        &self,
        change: &mut Transaction,
        actor: &Actor,
        signed: &SignedWithPasskey,
        (kind, digest): (SignedKind, &Digest),
        now: Timestamp,
    ) -> Result<(), PasskeyError> {
        let actor = self.signer(actor)?;
        let known = change.passkeys_in_force(actor.subject()).await?;
        let passkey = known.into_iter().find(|it| it.id == signed.passkey);
        let passkey = passkey.ok_or(PasskeyError::NotFound)?;
        let (party, signature) = verify_signed(signed, kind, digest)?;
        let proof = &signed.proof;
        let is_its = passkey.party == party.id()
            && passkey.credential == proof.credential.text()
            && passkey.public_key == proof.public_key.text();
        if !is_its {
            return Err(PasskeyError::Refused(PasskeyFault::Unknown.into()));
        }
        if signature.can_back_up != passkey.can_back_up {
            return Err(PasskeyError::Refused(PasskeyFault::BackupChanged.into()));
        }
        match change.use_passkey(passkey.id, signature.counter, now).await? {
            Written::Done => Ok(()),
            Written::Conflict => {
                tracing::warn!(passkey = %passkey.id, "a passkey's counter did not go up");
                Err(PasskeyError::CounterBack)
            }
        }
    }

    /// Calls a passkey of the actor's otherwise.
    ///
    /// # Errors
    /// [`PasskeyError`].
    pub async fn name_passkey(
        &self,
        actor: &Actor,
        id: PasskeyId,
        name: &str,
    ) -> Result<PasskeyRow, PasskeyError> {
        let actor = self.signer(actor)?;
        let name = named(name)?;
        let mut change = self.store().change().await?;
        let known = change.passkeys_of(actor.subject()).await?;
        let known = known.into_iter().find(|it| it.id == id).ok_or(PasskeyError::NotFound)?;
        let passkey = PasskeyRow { name, ..known };
        match change.write_passkey(&passkey).await? {
            Written::Done => change.commit().await?,
            Written::Conflict => return Err(PasskeyError::NotFound),
        }
        Ok(passkey)
    }

    /// Removes a passkey of the actor's: it signs nothing from now on.
    ///
    /// # Errors
    /// [`PasskeyError`]. With [`PasskeyError::Unavailable`] of the ledger it is removed nevertheless.
    pub async fn remove_passkey(
        &self,
        actor: &Actor,
        id: PasskeyId,
    ) -> Result<PasskeyRow, PasskeyError> {
        let actor = self.signer(actor)?;
        let now = self.clock().now();
        let mut change = self.store().change().await?;
        let known = change.passkeys_of(actor.subject()).await?;
        let passkey = known.into_iter().find(|it| it.id == id).ok_or(PasskeyError::NotFound)?;
        match change.remove_passkey(id).await? {
            Written::Done => {}
            Written::Conflict => return Err(PasskeyError::NotFound),
        }
        let event = event(&passkey, PasskeyChange::Removed, &actor);
        let entry = Entry::new(self.new_entry(now), now, event);
        self.keep(&mut change, entry, &id.to_string(), Effect::AtCommit).await?;
        change.commit().await?;
        self.settle(Effect::AtCommit).await?;
        Ok(passkey)
    }

    /// The actor as they stand now, if they are a person who may change something (R5).
    fn signer(&self, actor: &Actor) -> Result<Actor, Forbidden> {
        let actor = self.judged(actor);
        may_act(&actor)?;
        match actor.person.kind {
            CallerKind::Person => Ok(actor),
            CallerKind::Agent | CallerKind::Service => Err(Forbidden::NotAPerson),
        }
    }
}

fn named(name: &str) -> Result<String, PasskeyError> {
    let name = name.trim();
    match name.chars().count() {
        0 => Err(PasskeyError::Invalid("say what you call the passkey".to_owned())),
        count if count > NAME_CHARS_MAX => {
            let message = format!("a passkey's name has at most {NAME_CHARS_MAX} characters");
            Err(PasskeyError::Invalid(message))
        }
        _ => Ok(name.to_owned()),
    }
}

fn event(passkey: &PasskeyRow, change: PasskeyChange, by: &Actor) -> Event {
    Event::PasskeyChanged(PasskeyChanged {
        passkey: passkey.id,
        subject: passkey.subject.clone(),
        change,
        by: by.subject().clone(),
        credential: passkey.credential.clone(),
        public_key: passkey.public_key_digest,
        party: passkey.party.clone(),
    })
}
