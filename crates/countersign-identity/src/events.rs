//! Security events that others push: Security Event Tokens (RFC 8417) of the OpenID Shared Signals
//! Framework 1.0, with the events of CAEP 1.0 and RISC 1.0 that end sessions or accounts.
//!
//! A transmitter is believed about the issuers that the configuration lists for it, and about nobody
//! else. Nothing here ends a session: what is proved goes out as [`Received`].

mod config;
mod subject;

pub use config::{EmailSubjects, TransmitterConfig, check_transmitters};

use crate::{
    Blame, ConfigFault, Fault, Hidden, Presented, Refused, SecretFault, Use, UseOnce,
    UseOnceFailed, Verifier,
    claims::{self, Times},
    forged::Sender,
    issuer::Issuer,
    jws,
    mapping::Mapping,
    refused::shown,
};
use aws_lc_rs::constant_time;
use countersign_model::{Clock, Span, Subject, Timestamp, Whose};
use serde_json::{Map, Value};
use std::{fmt, sync::Arc};
use subject::Named;

/// Judges what transmitters push. Clones share keys.
#[derive(Clone)]
pub struct Receiver(Arc<State>);

struct State {
    transmitters: Vec<Transmitter>,
    verifier: Verifier,
    clock: Clock,
}

struct Transmitter {
    config: TransmitterConfig,
    issuer: Arc<Issuer>,
    /// What it sends in `Authorization`, if that was agreed upon.
    authorization: Option<Hidden>,
}

/// Events that a transmitter vouches for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// The transmitter's configured name.
    pub transmitter: String,
    /// What happened, in the order of the token.
    pub acts: Vec<Act>,
    once: Hidden,
    until: Timestamp,
}

/// What an event asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Sessions ended, or what proved who somebody is changed.
    EndSessions {
        /// Whose.
        whose: Vec<Whose>,
        /// What was issued before this ended.
        before: Timestamp,
        /// The event's name, for the ledger.
        event: &'static str,
    },
    /// An account may do nothing any more.
    Suspend {
        /// Whose sessions end with it.
        whose: Vec<Whose>,
        /// What was issued before this ended.
        before: Timestamp,
        /// The subject; `None` if only the issuer's name for it is known.
        subject: Option<Subject>,
        /// The issuer and its name for the subject.
        known_as: Option<(Arc<str>, Arc<str>)>,
    },
    /// The transmitter shows that the stream works.
    Verified,
    /// Something that nothing here follows from.
    Ignored(String),
}

/// A push that was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum EventRefused {
    /// The transmitter did not show what was agreed upon.
    #[error("the transmitter is not the one that was agreed upon")]
    Stranger,
    /// No configured transmitter has this name.
    #[error("no such transmitter is configured")]
    IssuerUnknown,
    /// It is not a token of this transmitter for this receiver.
    #[error("the event token was refused: {0}")]
    Token(Refused),
    /// A claim is there that tells another kind of token.
    #[error("an event token has no {0}")]
    ClaimNotAllowed(&'static str),
    /// It has no name of its own.
    #[error("the event token has no jti")]
    NoName,
    /// It was issued too long ago.
    #[error("the event token is older than {} seconds", AGE_MAX.millis() / 1000)]
    TooOld,
    /// There is no event, or too many, or one that is malformed.
    #[error("the events are malformed: {0}")]
    EventMalformed(&'static str),
    /// The subject is malformed or of a kind that is not understood.
    #[error("the subject is not understood: {0}")]
    SubjectNotUnderstood(&'static str),
    /// The transmitter is not believed about this subject.
    #[error("this transmitter is not believed about this subject")]
    SubjectNotAccepted,
    /// It was used before.
    #[error("the event token was used before")]
    Used,
    /// Nobody knows whether it was used before.
    #[error(transparent)]
    Register(#[from] UseOnceFailed),
}

impl EventRefused {
    /// A stable, machine-readable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Stranger => "transmitter_not_authenticated",
            Self::IssuerUnknown => "issuer_unknown",
            Self::Token(refused) => refused.code(),
            Self::ClaimNotAllowed(_) => "claim_not_allowed",
            Self::NoName => "jti_missing",
            Self::TooOld => "event_too_old",
            Self::EventMalformed(_) => "event_malformed",
            Self::SubjectNotUnderstood(_) => "subject_not_understood",
            Self::SubjectNotAccepted => "subject_not_accepted",
            Self::Used => "token_used",
            Self::Register(_) => "unavailable",
        }
    }

    /// The code of RFC 8935 §2.4.
    pub fn error(&self) -> &'static str {
        match self {
            Self::Stranger => "authentication_failed",
            Self::IssuerUnknown => "invalid_issuer",
            Self::SubjectNotAccepted => "access_denied",
            Self::Token(refused) => match refused.code() {
                "audience_mismatch" => "invalid_audience",
                "issuer_unknown" => "invalid_issuer",
                "key_unknown"
                | "key_ambiguous"
                | "key_algorithm_mismatch"
                | "signature_invalid"
                | "algorithm_not_allowed" => "invalid_key",
                _ => "invalid_request",
            },
            Self::ClaimNotAllowed(_)
            | Self::NoName
            | Self::TooOld
            | Self::EventMalformed(_)
            | Self::SubjectNotUnderstood(_)
            | Self::Used
            | Self::Register(_) => "invalid_request",
        }
    }

    /// Whether the same token may be accepted later.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Token(refused) => match refused.blame() {
                Blame::Issuer | Blame::Gateway | Blame::Others => true,
                Blame::Caller => false,
            },
            Self::Register(_) => true,
            Self::Stranger
            | Self::IssuerUnknown
            | Self::ClaimNotAllowed(_)
            | Self::NoName
            | Self::TooOld
            | Self::EventMalformed(_)
            | Self::SubjectNotUnderstood(_)
            | Self::SubjectNotAccepted
            | Self::Used => false,
        }
    }
}

impl From<Refused> for EventRefused {
    fn from(refused: Refused) -> Self {
        Self::Token(refused)
    }
}

/// Why no receiver can be made.
#[derive(Debug, thiserror::Error)]
pub enum ReceiverFault {
    /// The configuration is at fault.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Config(Vec<ConfigFault>),
    /// A secret can't be read.
    #[error("the authorization of a transmitter cannot be read")]
    Secret(#[from] SecretFault),
}

impl Receiver {
    /// A receiver of what these transmitters push; `environment` answers the value of a variable.
    ///
    /// # Errors
    /// [`ReceiverFault`].
    pub fn new(
        configs: Vec<TransmitterConfig>,
        verifier: &Verifier,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, ReceiverFault> {
        let known: Vec<&str> = verifier.issuer_names();
        check_transmitters(&configs, &known).map_err(ReceiverFault::Config)?;
        let transmitter = |config: TransmitterConfig| {
            let authorization = config.authorization.as_ref();
            let authorization = authorization.map(|it| it.resolve(&environment)).transpose()?;
            let issuer = config.as_issuer().map_err(|it| ReceiverFault::Config(vec![it]))?;
            let mapping = Mapping::new(&issuer, &[]);
            let (http, clock) = (verifier.http().clone(), verifier.clock().clone());
            let issuer = Issuer::new(issuer, mapping, verifier.other_strangers(), http, clock);
            Ok(Transmitter { config, issuer, authorization })
        };
        let transmitters: Result<_, ReceiverFault> = configs.into_iter().map(transmitter).collect();
        Ok(Self(Arc::new(State {
            transmitters: transmitters?,
            verifier: verifier.clone(),
            clock: verifier.clock().clone(),
        })))
    }

    /// Whether there is any transmitter.
    pub fn is_empty(&self) -> bool {
        self.0.transmitters.is_empty()
    }

    /// What a push says, if it is one of a configured transmitter for this receiver. Whoever acts on
    /// it [uses](Received::used) it afterwards. `authorization` is the header of that name.
    ///
    /// # Errors
    /// [`EventRefused`], with the one reason.
    pub async fn judge(
        &self,
        authorization: Option<&str>,
        token: impl Into<Presented<'_>>,
    ) -> Result<Received, EventRefused> {
        let Presented { token, peer, .. } = token.into();
        let token = jws::parse(token)?;
        let url = claims::issuer(&token.claims)?;
        let mut transmitters = self.0.transmitters.iter();
        let transmitter = transmitters.find(|it| it.config.url == url);
        let transmitter = transmitter.ok_or(EventRefused::IssuerUnknown)?;
        transmitter.check_authorization(authorization)?;
        let issuer = &transmitter.issuer;
        issuer.allows(token.algorithm)?;
        // RFC 8417 §2.3, and SSF asks for it: no other token passes for an event, nor the reverse.
        if token.token_type.as_deref() != Some("secevent+jwt") {
            return Err(Refused::from(Fault::TokenTypeNotAccepted).into());
        }
        let claims = &token.claims;
        // SSF 1.0: who it is about stands in `sub_id`, and an event does not expire.
        for name in ["sub", "exp", "nonce"] {
            if claims.contains_key(name) {
                return Err(EventRefused::ClaimNotAllowed(name));
            }
        }
        claims::check_audience(claims, std::slice::from_ref(&transmitter.config.audience))?;
        let issued = self.check_issued(claims, issuer.skew_seconds())?;
        let name = match claims.get("jti") {
            Some(Value::String(name)) if (1..=NAME_BYTES_MAX).contains(&name.len()) => name,
            _ => return Err(EventRefused::NoName),
        };
        let acts = self.acts(&transmitter.config, claims, issued)?;
        issuer.prove(&token, Sender::Stranger(peer)).await?;
        let skews = Span::from_seconds(issuer.skew_seconds().saturating_mul(2));
        Ok(Received {
            transmitter: transmitter.config.name.clone(),
            acts,
            once: Hidden::new(format!("{url} {name}")),
            until: Timestamp::from_millis(issued.saturating_mul(1000)).plus(AGE_MAX).plus(skews),
        })
    }

    /// When it was issued, in seconds: not in the future, and not long ago.
    fn check_issued(&self, claims: &Map<String, Value>, skew: i64) -> Result<i64, EventRefused> {
        // Read by the same rules as every token's times; only the end is not there.
        let mut timed = Map::new();
        for name in ["iat", "nbf"] {
            if let Some(value) = claims.get(name) {
                timed.insert(name.to_owned(), value.clone());
            }
        }
        timed.insert("exp".to_owned(), Value::from(u32::MAX));
        let now = self.0.clock.now();
        Times::read(&timed)?.check(now.seconds(), skew).map_err(Refused::from)?;
        let issued = claims.get("iat").and_then(Value::as_i64);
        let issued = issued.ok_or_else(|| Refused::new(Fault::ClaimInvalid, "no iat"))?;
        if issued < now.minus(AGE_MAX).seconds().saturating_sub(skew) {
            return Err(EventRefused::TooOld);
        }
        Ok(issued)
    }

    fn acts(
        &self,
        config: &TransmitterConfig,
        claims: &Map<String, Value>,
        issued: i64,
    ) -> Result<Vec<Act>, EventRefused> {
        let malformed = EventRefused::EventMalformed;
        let events = claims.get("events").and_then(Value::as_object);
        let events = events.ok_or(malformed("there are none"))?;
        if !(1..=EVENTS_MAX).contains(&events.len()) {
            return Err(malformed("there are none, or too many"));
        }
        events.iter().map(|(uri, event)| self.act(config, claims, issued, uri, event)).collect()
    }

    fn act(
        &self,
        config: &TransmitterConfig,
        claims: &Map<String, Value>,
        issued: i64,
        uri: &str,
        event: &Value,
    ) -> Result<Act, EventRefused> {
        let event = event.as_object();
        let event = event.ok_or(EventRefused::EventMalformed("an event is no object"))?;
        let named = || {
            let subject = claims.get("sub_id");
            let subject = subject.ok_or(EventRefused::SubjectNotUnderstood("no sub_id"))?;
            Named::read(subject, config, &self.0.verifier)
        };
        match uri {
            SESSION_REVOKED => {
                let (before, whose) = (happened(event, issued)?, named()?.sessions());
                Ok(Act::EndSessions { whose, before, event: "session-revoked" })
            }
            CREDENTIAL_CHANGE => {
                let (before, whose) = (happened(event, issued)?, named()?.everywhere()?);
                Ok(Act::EndSessions { whose, before, event: "credential-change" })
            }
            ACCOUNT_DISABLED => {
                let named = named()?;
                let whose = named.account()?;
                let (subject, known_as) = (named.subject.clone(), named.known_as());
                Ok(Act::Suspend { whose, before: happened(event, issued)?, subject, known_as })
            }
            VERIFICATION => Ok(Act::Verified),
            other => Ok(Act::Ignored(shown(other))),
        }
    }
}

impl Transmitter {
    fn check_authorization(&self, given: Option<&str>) -> Result<(), EventRefused> {
        let Some(expected) = &self.authorization else { return Ok(()) };
        let given = given.unwrap_or_default().as_bytes();
        constant_time::verify_slices_are_equal(expected.reveal().as_bytes(), given)
            .map_err(|_| EventRefused::Stranger)
    }
}

impl Received {
    /// Uses the token up. It is used after it was acted on, so that what failed can be pushed again:
    /// acting on it twice changes nothing.
    ///
    /// # Errors
    /// [`EventRefused::Used`] if it was used before, [`EventRefused::Register`].
    pub async fn used(&self, once: &UseOnce) -> Result<(), EventRefused> {
        match once.take("security-event", self.once.reveal(), self.until).await? {
            Use::First => Ok(()),
            Use::Again => Err(EventRefused::Used),
        }
    }
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.0.transmitters.iter().map(|it| &it.config.name).collect();
        f.debug_struct("Receiver").field("transmitters", &names).finish_non_exhaustive()
    }
}

/// The first moment after what happened (CAEP 1.0 §2 `event_timestamp`, in seconds); when the token
/// was issued, if the event does not say or says a later one.
fn happened(event: &Map<String, Value>, issued: i64) -> Result<Timestamp, EventRefused> {
    let said = match event.get("event_timestamp") {
        None => issued,
        // Parts of a second are allowed in a NumericDate, and rounded up by the next line.
        Some(Value::Number(number)) => number
            .as_i64()
            .or_else(|| number.to_string().split('.').next()?.parse().ok())
            .filter(|seconds| *seconds > 0)
            .ok_or(EventRefused::EventMalformed("event_timestamp is no moment"))?,
        Some(_) => return Err(EventRefused::EventMalformed("event_timestamp is no number")),
    };
    Ok(Timestamp::from_millis(said.min(issued).saturating_add(1).saturating_mul(1000)))
}

const SESSION_REVOKED: &str = "https://schemas.openid.net/secevent/caep/event-type/session-revoked";
const CREDENTIAL_CHANGE: &str =
    "https://schemas.openid.net/secevent/caep/event-type/credential-change";
const ACCOUNT_DISABLED: &str =
    "https://schemas.openid.net/secevent/risc/event-type/account-disabled";
const VERIFICATION: &str = "https://schemas.openid.net/secevent/ssf/event-type/verification";
/// A transmitter tries again for a while when a receiver was away. Older ones are replays.
const AGE_MAX: Span = Span::from_seconds(86_400);
const EVENTS_MAX: usize = 10;
const NAME_BYTES_MAX: usize = 255;
