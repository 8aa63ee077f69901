//! One identity provider while the gateway runs: begins sign-ins, ends them, and reads the provider's
//! metadata again from time to time.
//!
//! What a stranger can cause is bounded: so many sign-ins a second, one reading of metadata at a time,
//! at most one in ten seconds after one that failed, and nothing is parsed that no browser waits for.

use super::{
    answer::SamlAnswer,
    assertion::Believed,
    certificate::Certificate,
    config::{IdpInitiated, MetadataPlace, SamlConfig},
    metadata::{self, ProviderMetadata, Trust},
    own_key::OwnKey,
    person::PersonMapping,
    refused::{SamlFault, SamlRefused},
    request::{Asking, SamlPending, SamlRequest},
    response::{self, Rules, Unsolicited},
};
use crate::{Hidden, Http, IssuerConfig, Limits, Round, SignInNotes, Use, UseOnce};
use countersign_model::{Caller, Clock, Entropy, Span, Timestamp};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use std::{
    fmt,
    path::Path,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};
use tokio::io::AsyncReadExt as _;

mod shown;

/// The console as a service provider of one SAML identity provider. Clones share what is known of it.
#[derive(Clone)]
pub struct SamlSignIn(Arc<State>);

struct State {
    config: SamlConfig,
    pinned: Vec<String>,
    signers: Vec<Certificate>,
    entity_id: String,
    recipient: String,
    shown: Option<ShownRules>,
    key: OwnKey,
    person: PersonMapping,
    http: Http,
    clock: Clock,
    known: RwLock<Option<Arc<Known>>>,
    /// Held while the metadata are read.
    reading: tokio::sync::Mutex<()>,
    /// Before this, nothing is read again.
    retry_at: Mutex<Timestamp>,
    pace: Mutex<Pace>,
}

/// What an assertion that is shown by itself is held against.
struct ShownRules {
    audiences: Vec<String>,
    recipients: Vec<String>,
    scopes: Vec<String>,
}

/// The metadata, and how long they count.
#[derive(Debug)]
struct Known {
    metadata: ProviderMetadata,
    read_at: Timestamp,
    refresh_at: Timestamp,
    usable_until: Timestamp,
}

/// How many sign-ins there were in a second.
#[derive(Clone, Copy, Debug)]
struct Pace {
    second: i64,
    count: u32,
}

/// A person who signed in.
#[derive(Clone, Debug)]
pub struct SamlSignedIn {
    /// The person. [`countersign_model::CallerKind::Person`], always.
    pub caller: Caller,
    /// What was read of the assertion, and by which rules.
    pub notes: SignInNotes,
    /// When the session at the provider ends, if it says so; ours must not outlive it.
    pub session_ends: Option<Timestamp>,
    /// Whether the response answers a request of ours. If not, its `RelayState` may say where to go.
    pub begun: Begun,
    /// When the person proved themself at the provider (`AuthnInstant`).
    pub proved_at: Timestamp,
}

/// Where a sign-in was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begun {
    /// Here, by the browser that ended it.
    Here,
    /// At the provider.
    AtProvider,
}

/// A provider that can't be set up.
#[derive(Debug, thiserror::Error)]
#[error("SAML provider {provider}: {key}: {problem}")]
pub struct SamlSetupFailed {
    /// The provider's configured name.
    pub provider: String,
    /// The key of the configuration that is at fault.
    pub key: &'static str,
    /// What is wrong.
    pub problem: String,
}

/// What surrounds a provider: the others, whose names it may not use, and where browsers find us.
#[derive(Clone, Copy, Debug)]
pub struct SamlSurroundings<'s> {
    /// All SAML providers of the configuration.
    pub providers: &'s [SamlConfig],
    /// All issuers of the configuration.
    pub issuers: &'s [IssuerConfig],
    /// Scheme, host and port, without a slash at the end.
    pub public_url: &'s str,
}

impl SamlSignIn {
    /// The service provider for one identity provider. `environment` answers the value of a variable.
    /// Reads key and certificates; metadata are read when they are wanted, or by [`Self::warm_up`].
    ///
    /// # Errors
    /// When key or certificates can't be used.
    pub fn new(
        config: SamlConfig,
        surroundings: SamlSurroundings<'_>,
        http: Http,
        clock: Clock,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, SamlSetupFailed> {
        let failed =
            |key, problem: String| SamlSetupFailed { provider: config.name.clone(), key, problem };
        let key: Hidden =
            config.key.resolve(environment).map_err(|it| failed("key", it.to_string()))?;
        let read = |path: &Path, name| {
            std::fs::read_to_string(path)
                .map_err(|it| failed(name, format!("{}: {it}", path.display())))
        };
        let certificate = read(&config.certificate, "certificate")?;
        let own = OwnKey::read(key.reveal(), &certificate);
        let own = own.map_err(|it| failed("key", it.to_string()))?;
        let signers = match &config.metadata_certificate {
            None => Vec::new(),
            Some(path) => {
                let name = "metadata_certificate";
                let signer = Certificate::from_pem(&read(path, name)?);
                vec![signer.ok_or_else(|| failed(name, "is no X.509 certificate in PEM".into()))?]
            }
        };
        let base = format!("{}/console/saml/{}", surroundings.public_url, config.name);
        let entity_id = format!("{base}/metadata");
        let endpoint = format!("{}/oauth/token", surroundings.public_url);
        let shown = config.exchange.clone().map(|it| ShownRules {
            audiences: [vec![entity_id.clone()], it.audiences].concat(),
            recipients: [vec![endpoint], it.recipients].concat(),
            scopes: it.scopes,
        });
        Ok(Self(Arc::new(State {
            pinned: config.pinned(),
            signers,
            shown,
            entity_id,
            recipient: format!("{base}/response"),
            key: own,
            person: PersonMapping::new(&config, surroundings.providers, surroundings.issuers),
            config,
            http,
            clock,
            known: RwLock::default(),
            reading: tokio::sync::Mutex::default(),
            retry_at: Mutex::new(Timestamp::from_millis(i64::MIN)),
            pace: Mutex::new(Pace { second: 0, count: 0 }),
        })))
    }

    /// The configured name.
    pub fn name(&self) -> &str {
        &self.0.config.name
    }

    /// Our metadata, for the provider.
    pub fn metadata(&self) -> String {
        let State { entity_id, recipient, key, config, .. } = &*self.0;
        metadata::write(entity_id, recipient, &key.certificate, config)
    }

    /// Reads the provider's metadata in the background. Must be called within a tokio runtime.
    pub fn warm_up(&self) {
        let own = self.clone();
        drop(tokio::spawn(async move { drop(own.known().await) }));
    }

    /// What to send the browser to the provider with, and what has to be kept until it comes back.
    ///
    /// # Errors
    /// [`SamlRefused`] if the provider's metadata can't be had.
    pub async fn begin(
        &self,
        entropy: &Entropy,
    ) -> Result<(SamlRequest, SamlPending), SamlRefused> {
        self.begin_round(Round::Ordinary, entropy).await
    }

    /// [`Self::begin`] for a kind of round. In [`Round::Anew`] the provider is asked to ask the person
    /// (`ForceAuthn`, Core §3.4.1), and what it proved before does not do.
    ///
    /// # Errors
    /// As [`Self::begin`].
    pub async fn begin_round(
        &self,
        round: Round,
        entropy: &Entropy,
    ) -> Result<(SamlRequest, SamlPending), SamlRefused> {
        self.step_in()?;
        let known = self.known().await?;
        let pending = SamlPending::new(self.name(), round, self.0.clock.now(), entropy);
        let asking = Asking {
            entity_id: &self.0.entity_id,
            recipient: &self.0.recipient,
            sign_in: &known.metadata.sign_in,
            name_id_format: self.0.config.name_id_format.as_deref(),
        };
        Ok((asking.signed(&pending, &self.0.key)?, pending))
    }

    /// Ends a sign-in with what the browser brought back, and with what it had kept, if it had.
    ///
    /// # Errors
    /// [`SamlRefused`], with the one reason; nothing of the sign-in may be used then.
    pub async fn finish(
        &self,
        pending: Option<&SamlPending>,
        answer: &SamlAnswer,
        once: &UseOnce,
    ) -> Result<SamlSignedIn, SamlRefused> {
        self.step_in()?;
        let now = self.0.clock.now();
        let pending = pending.filter(|it| it.provider() == self.name());
        match (pending, self.0.config.idp_initiated) {
            (Some(pending), _) if !pending.is_in_time(now) => {
                return Err(SamlFault::SignInExpired.into());
            }
            (None, IdpInitiated::Refuse) => return Err(SamlFault::Unsolicited.into()),
            (Some(_), _) | (None, IdpInitiated::Accept) => {}
        }
        let known = self.known().await?;
        let bytes = answer.bytes()?;
        let believed = match self.judge(&bytes, &known, pending, now) {
            // Its key may be a new one.
            Err(refused) if refused.fault() == SamlFault::SignatureInvalid => {
                let newer = self.read_again(&known).await.ok_or(refused)?;
                self.judge(&bytes, &newer, pending, now)?
            }
            judged => judged?,
        };
        let State { person, config, entity_id, .. } = &*self.0;
        let caller = person.caller(&believed)?;
        let notes = person.notes(&believed, &caller, config, entity_id);
        let proved_at = believed.authenticated_at;
        if !pending.is_none_or(|it| it.takes(proved_at, config.clock_skew)) {
            return Err(SamlFault::NotAskedAnew.into());
        }
        self.use_up(&believed, pending, once).await?;
        let begun = match believed.in_response_to {
            Some(_) => Begun::Here,
            None => Begun::AtProvider,
        };
        Ok(SamlSignedIn { caller, notes, session_ends: believed.session_ends, begun, proved_at })
    }

    fn judge(
        &self,
        bytes: &[u8],
        known: &Known,
        pending: Option<&SamlPending>,
        now: Timestamp,
    ) -> Result<Believed, SamlRefused> {
        let rules = Rules {
            keys: &known.metadata.keys,
            request: pending.map(SamlPending::request),
            ..self.rules(now)
        };
        response::judge(bytes, rules)
    }

    /// Those of a sign-in at the console, without keys and without a request.
    fn rules(&self, now: Timestamp) -> Rules<'_> {
        let State { config, entity_id, recipient, key, .. } = &*self.0;
        Rules {
            issuer: &config.entity_id,
            keys: &[],
            audiences: std::slice::from_ref(entity_id),
            recipients: std::slice::from_ref(recipient),
            decrypting: &key.decrypting,
            aes_cbc: config.aes_cbc,
            request: None,
            unsolicited: match config.idp_initiated {
                IdpInitiated::Refuse => Unsolicited::Refuse,
                IdpInitiated::Accept => Unsolicited::Accept,
            },
            skew: config.clock_skew,
            now,
        }
    }

    /// The name by which an assertion is good for once, wherever it is shown.
    fn once(&self, believed: &Believed) -> String {
        format!("{}\n{}", self.0.config.entity_id, believed.id)
    }

    /// Neither the assertion nor the request is good for a second sign-in, on any gateway.
    async fn use_up(
        &self,
        believed: &Believed,
        pending: Option<&SamlPending>,
        once: &UseOnce,
    ) -> Result<(), SamlRefused> {
        let assertion = self.once(believed);
        let until = believed.usable_until;
        let request = pending.filter(|_| believed.in_response_to.is_some());
        let request = request.map(|it| (it.request().to_owned(), it.ends_at()));
        let mut uses = vec![("saml-assertion", assertion, until, SamlFault::AssertionReplayed)];
        uses.extend(
            request.map(|(id, until)| ("saml-request", id, until, SamlFault::RequestReplayed)),
        );
        for (kind, value, until, replayed) in uses {
            match once.take(kind, &value, until).await {
                Ok(Use::First) => {}
                Ok(Use::Again) => return Err(replayed.into()),
                Err(failed) => {
                    let detail = failed.to_string();
                    return Err(SamlRefused::new(SamlFault::RegisterUnavailable, detail));
                }
            }
        }
        Ok(())
    }

    fn step_in(&self) -> Result<(), SamlRefused> {
        let second = self.0.clock.now().seconds();
        let mut pace = self.0.pace.lock().unwrap_or_else(PoisonError::into_inner);
        if pace.second != second {
            *pace = Pace { second, count: 0 };
        }
        pace.count += 1;
        if pace.count > SECOND_MAX { Err(SamlFault::TooBusy.into()) } else { Ok(()) }
    }

    /// The metadata, read now if there are none that can be used.
    async fn known(&self) -> Result<Arc<Known>, SamlRefused> {
        let now = self.0.clock.now();
        match self.current() {
            Some(known) if now < known.refresh_at => Ok(known),
            Some(known) if now < known.usable_until => {
                if self.may_read(now) {
                    let own = self.clone();
                    drop(tokio::spawn(async move {
                        // One at a time; whoever comes later finds what this one read.
                        if let Ok(_reading) = own.0.reading.try_lock() {
                            drop(own.read().await);
                        }
                    }));
                }
                Ok(known)
            }
            _ => {
                let _reading = self.0.reading.lock().await;
                match self.current().filter(|it| now < it.usable_until) {
                    Some(known) => Ok(known),
                    None if self.may_read(now) => self.read().await,
                    None => Err(SamlFault::MetadataUnavailable.into()),
                }
            }
        }
    }

    /// Newer metadata than these, for a signature by a key that these don't have.
    async fn read_again(&self, known: &Arc<Known>) -> Option<Arc<Known>> {
        let now = self.0.clock.now();
        let _reading = self.0.reading.lock().await;
        let current = self.current().filter(|it| !Arc::ptr_eq(it, known));
        if current.is_some() {
            return current;
        }
        let pause = now.since(known.read_at).millis() < REREAD_PAUSE.millis();
        if pause || !self.may_read(now) {
            return None;
        }
        self.read().await.ok()
    }

    fn current(&self) -> Option<Arc<Known>> {
        self.0.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn may_read(&self, now: Timestamp) -> bool {
        now >= *self.0.retry_at.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the metadata. The caller holds `reading`.
    async fn read(&self) -> Result<Arc<Known>, SamlRefused> {
        let now = self.0.clock.now();
        *self.0.retry_at.lock().unwrap_or_else(PoisonError::into_inner) = now.plus(RETRY);
        let trust = Trust { pinned: &self.0.pinned, signers: &self.0.signers };
        let metadata = match self.document().await {
            Ok(bytes) => {
                let SamlConfig { entity_id, request_binding, .. } = &self.0.config;
                metadata::read(&bytes, entity_id, *request_binding, trust, now)
                    .map_err(|it| it.to_string())
            }
            Err(fault) => Err(fault),
        };
        let metadata = metadata.map_err(|fault| {
            tracing::warn!(provider = self.name(), fault, "SAML metadata not read");
            SamlRefused::new(SamlFault::MetadataUnavailable, fault)
        })?;
        let usable = now.plus(metadata::USABLE);
        let known = Arc::new(Known {
            read_at: now,
            refresh_at: now.plus(self.0.config.metadata_refresh),
            usable_until: metadata.valid_until.map_or(usable, |it| it.min(usable)),
            metadata,
        });
        *self.0.known.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&known));
        Ok(known)
    }

    async fn document(&self) -> Result<Vec<u8>, String> {
        match &self.0.config.metadata {
            MetadataPlace::File(path) => {
                let told = |it: std::io::Error| format!("{}: {it}", path.display());
                let file = tokio::fs::File::open(path).await.map_err(told)?;
                let mut bytes = Vec::new();
                let limit = u64::try_from(DOCUMENT_BYTES_MAX).unwrap_or(u64::MAX);
                file.take(limit + 1).read_to_end(&mut bytes).await.map_err(told)?;
                if bytes.len() > DOCUMENT_BYTES_MAX {
                    return Err(format!("{}: longer than 1 MiB", path.display()));
                }
                Ok(bytes)
            }
            MetadataPlace::Url(url) => {
                let mut headers = HeaderMap::new();
                headers.insert(header::ACCEPT, HeaderValue::from_static(METADATA_TYPES));
                let limits = Limits { bytes_max: DOCUMENT_BYTES_MAX, time: DOCUMENT_TIME_MAX };
                let answer = self.0.http.get(url, headers, limits).await;
                let answer = answer.map_err(|it| it.to_string())?;
                match answer.status {
                    StatusCode::OK => Ok(answer.body.to_vec()),
                    status => Err(format!("the provider answered {status} for its metadata")),
                }
            }
        }
    }
}

impl fmt::Debug for SamlSignIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SamlSignIn")
            .field("name", &self.0.config.name)
            .field("entity_id", &self.0.config.entity_id)
            .finish_non_exhaustive()
    }
}

/// Begun and ended together, in a second: each costs about a millisecond.
const SECOND_MAX: u32 = 50;
/// How long after a reading nothing is read again, unless it is time.
const RETRY: Span = Span::from_seconds(10);
/// How old metadata must be to be read again because of a signature.
const REREAD_PAUSE: Span = Span::from_seconds(60);
const DOCUMENT_BYTES_MAX: usize = 1024 * 1024;
const DOCUMENT_TIME_MAX: Duration = Duration::from_secs(5);
const METADATA_TYPES: &str = "application/samlmetadata+xml, application/xml, text/xml";
