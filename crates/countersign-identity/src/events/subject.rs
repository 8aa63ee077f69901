//! Whom an event is about: Subject Identifiers (RFC 9493) and the complex subjects of SSF 1.0 §3.
//! A format is believed by its own members only, and what is not understood is refused: an event
//! about one device must not become one about nobody, nor one about somebody else.

use super::{EmailSubjects, EventRefused, TransmitterConfig};
use crate::Verifier;
use countersign_model::{Subject, Whose};
use serde_json::{Map, Value};
use std::{collections::BTreeSet, sync::Arc};

/// Whom an event names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Named {
    /// The issuer and its name for the subject.
    user: Option<(Arc<str>, Arc<str>)>,
    /// The mapped subject, where it can be known.
    pub(super) subject: Option<Subject>,
    /// Sessions at issuers that the opaque name can be meant for.
    sessions: Vec<(Arc<str>, Arc<str>)>,
    /// What else narrows it down: a device, an application.
    narrowed: bool,
}

impl Named {
    /// Reads `sub_id`.
    pub(super) fn read(
        subject: &Value,
        config: &TransmitterConfig,
        verifier: &Verifier,
    ) -> Result<Self, EventRefused> {
        let members = object(subject)?;
        if format(members)? != "complex" {
            return Self::default().with_user(members, config, verifier);
        }
        let mut named = Self::default();
        for (name, part) in members.iter().filter(|(name, _)| *name != "format") {
            let part = object(part)?;
            match name.as_str() {
                "user" => named = named.with_user(part, config, verifier)?,
                "session" => named = named.with_session(part, config)?,
                // The tenant is the issuer's: the configuration says which that is.
                "tenant" => {}
                "device" | "application" | "group" | "org_unit" => named.narrowed = true,
                _ => return Err(not_understood("a member of the complex subject is not known")),
            }
        }
        if named.user.is_none() && named.subject.is_none() && named.sessions.is_empty() {
            return Err(not_understood("neither a user nor a session"));
        }
        Ok(named)
    }

    fn with_user(
        self,
        members: &Map<String, Value>,
        config: &TransmitterConfig,
        verifier: &Verifier,
    ) -> Result<Self, EventRefused> {
        match format(members)? {
            "iss_sub" => {
                only(members, &["format", "iss", "sub"])?;
                let (url, subject) = (text(members, "iss")?, text(members, "sub")?);
                let issuer =
                    verifier.issuer_named_by(url).ok_or(EventRefused::SubjectNotAccepted)?;
                if !config.issuers.iter().any(|it| it == issuer) {
                    return Err(EventRefused::SubjectNotAccepted);
                }
                let mapped = verifier.subject_of(issuer, subject);
                Ok(Self { user: Some((issuer.into(), subject.into())), subject: mapped, ..self })
            }
            "email" => {
                only(members, &["format", "email"])?;
                let address = text(members, "email")?;
                if config.email_subjects == EmailSubjects::Refuse {
                    return Err(EventRefused::SubjectNotAccepted);
                }
                let issuers = config.issuers.iter();
                let found: BTreeSet<_> =
                    issuers.filter_map(|it| verifier.subject_of_email(it, address)).collect();
                // One address for two subjects could be either.
                match (found.len(), found.into_iter().next()) {
                    (1, Some(subject)) => Ok(Self { subject: Some(subject), ..self }),
                    _ => Err(EventRefused::SubjectNotAccepted),
                }
            }
            _ => Err(not_understood("users are named by iss_sub or email")),
        }
    }

    fn with_session(
        self,
        members: &Map<String, Value>,
        config: &TransmitterConfig,
    ) -> Result<Self, EventRefused> {
        if format(members)? != "opaque" {
            return Err(not_understood("sessions are named by an opaque id"));
        }
        only(members, &["format", "id"])?;
        let session: Arc<str> = text(members, "id")?.into();
        let issuers = config.issuers.iter();
        let sessions = issuers.map(|it| (Arc::from(it.as_str()), Arc::clone(&session))).collect();
        Ok(Self { sessions, ..self })
    }

    /// The session if one is named, else every session of the user.
    pub(super) fn sessions(&self) -> Vec<Whose> {
        if self.sessions.is_empty() {
            return self.user();
        }
        // With a user beside it, the session is one at that user's issuer.
        let issuer = self.user.as_ref().map(|(issuer, _)| issuer);
        let sessions = self.sessions.iter().filter(|(it, _)| issuer.is_none_or(|own| own == it));
        let whose = sessions.map(|(issuer, session)| Whose::IssuerSession {
            issuer: Arc::clone(issuer),
            session: Arc::clone(session),
        });
        whose.collect()
    }

    /// Every session of the user, whatever else is named.
    pub(super) fn everywhere(&self) -> Result<Vec<Whose>, EventRefused> {
        let whose = self.user();
        if whose.is_empty() { Err(not_understood("no user")) } else { Ok(whose) }
    }

    /// The user's account, and nothing narrower.
    pub(super) fn account(&self) -> Result<Vec<Whose>, EventRefused> {
        if self.narrowed || !self.sessions.is_empty() {
            return Err(not_understood("an account is a user's"));
        }
        self.everywhere()
    }

    pub(super) fn known_as(&self) -> Option<(Arc<str>, Arc<str>)> {
        self.user.clone()
    }

    fn user(&self) -> Vec<Whose> {
        let by_issuer = self.user.iter().map(|(issuer, subject)| Whose::IssuerSubject {
            issuer: Arc::clone(issuer),
            subject: Arc::clone(subject),
        });
        by_issuer.chain(self.subject.iter().cloned().map(Whose::Subject)).collect()
    }
}

fn object(value: &Value) -> Result<&Map<String, Value>, EventRefused> {
    value.as_object().ok_or(not_understood("it is no object"))
}

fn format(members: &Map<String, Value>) -> Result<&str, EventRefused> {
    members.get("format").and_then(Value::as_str).ok_or(not_understood("no format"))
}

fn text<'m>(members: &'m Map<String, Value>, name: &str) -> Result<&'m str, EventRefused> {
    let text = members.get(name).and_then(Value::as_str);
    text.filter(|it| (1..=NAME_BYTES_MAX).contains(&it.len()))
        .ok_or(not_understood("a member is missing or no usable text"))
}

/// RFC 9493 §3: a format's members and no others, so that no two readers see two people.
fn only(members: &Map<String, Value>, names: &[&str]) -> Result<(), EventRefused> {
    if members.keys().all(|it| names.contains(&it.as_str())) {
        Ok(())
    } else {
        Err(not_understood("members of another format"))
    }
}

const fn not_understood(why: &'static str) -> EventRefused {
    EventRefused::SubjectNotUnderstood(why)
}

const NAME_BYTES_MAX: usize = 255;
