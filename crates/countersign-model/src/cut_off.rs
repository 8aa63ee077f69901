//! Sessions that end before their credentials do: a cut-off names whose, and a moment; what was
//! issued before that moment is worth nothing, however long it says that it lasts.
//!
//! Nothing here says who may cut off, or for how long a cut-off is remembered.

use crate::{Caller, Subject, Timestamp};
use serde::{Deserialize, Serialize};
use std::{collections::HashMap, fmt, sync::Arc};

/// Where a credential comes from, as far as cut-offs ask. No part of what an approval binds to, and
/// never written down with a caller.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Issued {
    /// The configured name of the issuer, where it is not the caller's: a token that was exchanged
    /// comes from whoever vouched for its subject first.
    pub issuer: Option<Arc<str>>,
    /// When it was issued (`iat`). Without it every cut-off ends the credential: nobody can know
    /// that it is newer.
    pub at: Option<Timestamp>,
    /// The issuer's own name for the subject (`sub`), before any mapping.
    pub subject: Option<Arc<str>>,
    /// The session at the issuer (`sid`).
    pub session: Option<Arc<str>>,
    /// When the person proved themself at the issuer (`auth_time`), if it says so. No cut-off asks.
    pub authenticated_at: Option<Timestamp>,
}

/// Whose sessions end.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Whose {
    /// Of every credential in whose chain this subject stands.
    Subject(Subject),
    /// Of one subject by its issuer's own name for it.
    IssuerSubject {
        /// The issuer's configured name.
        issuer: Arc<str>,
        /// The issuer's `sub`.
        subject: Arc<str>,
    },
    /// One session at an issuer.
    IssuerSession {
        /// The issuer's configured name.
        issuer: Arc<str>,
        /// The issuer's `sid`.
        session: Arc<str>,
    },
}

/// The cut-offs in force: immutable, swapped whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CutOffs(HashMap<Whose, Timestamp>);

impl CutOffs {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// What ended this caller's session, if anything did.
    pub fn of(&self, caller: &Caller) -> Option<Whose> {
        if self.0.is_empty() {
            return None;
        }
        let Issued { issuer, at, subject, session, authenticated_at: _ } = &caller.issued;
        let issuer = issuer.as_ref().unwrap_or(&caller.issuer);
        let by_subject = subject.iter().map(|subject| Whose::IssuerSubject {
            issuer: Arc::clone(issuer),
            subject: Arc::clone(subject),
        });
        let by_session = session.iter().map(|session| Whose::IssuerSession {
            issuer: Arc::clone(issuer),
            session: Arc::clone(session),
        });
        let by_name = caller.chain().cloned().map(Whose::Subject);
        by_name.chain(by_subject).chain(by_session).find(|whose| {
            self.0.get(whose).is_some_and(|cut| at.is_none_or(|issued| issued < *cut))
        })
    }

    /// These, and others beside them; of two about the same the later counts.
    #[must_use]
    pub fn with(&self, more: impl IntoIterator<Item = (Whose, Timestamp)>) -> Self {
        let mut all = self.0.clone();
        for (whose, at) in more {
            let known = all.entry(whose).or_insert(at);
            *known = at.max(*known);
        }
        Self(all)
    }

    /// Those of this moment and later.
    #[must_use]
    pub fn since(mut self, oldest: Timestamp) -> Self {
        self.0.retain(|_, at| *at >= oldest);
        self
    }
}

/// As the ledger names it, after `sessions:`.
impl fmt::Display for Whose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Subject(subject) => write!(f, "subject:{subject}"),
            Self::IssuerSubject { issuer, subject } => write!(f, "issuer:{issuer}:sub:{subject}"),
            Self::IssuerSession { issuer, session } => write!(f, "issuer:{issuer}:sid:{session}"),
        }
    }
}

#[cfg(test)]
mod tests;
