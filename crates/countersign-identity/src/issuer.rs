//! One trusted issuer while the gateway runs: its keys, and when they are read again.
//!
//! Keys are read on a schedule by use, and out of turn when a token names a key that is not known.
//! What a stranger can cause by that is bounded: one reading at a time, at most one out of turn in
//! ten seconds, and a limited number of calls that wait for it.

use crate::{
    Algorithm, Fault, Http, Refused,
    config::{IssuerConfig, UntypedTokens},
    directory::{Directory, GroupsAsked},
    discovery::{self, Discovery, DiscoveryFailed},
    explain::{self, Trace},
    forged::{Forged, Sender},
    jws,
    key_place::KeyPlace,
    keys::KeySet,
    mapping::Mapping,
    rules::{self, TokenUse},
};
use aws_lc_rs::signature::ParsedPublicKey;
use countersign_model::{Caller, Clock, Span, Timestamp};
use serde_json::{Map, Value};
use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError, RwLock,
    atomic::{AtomicI64, AtomicU64, Ordering},
};
use tokio::sync::{Semaphore, watch};

/// The issuer: its rules, and what is known of it at the moment.
pub(crate) struct Issuer {
    pub(crate) config: IssuerConfig,
    pub(crate) mapping: Mapping,
    pub(crate) directory: Option<Arc<Directory>>,
    source: KeySource,
    token_types: Vec<String>,
    place: KeyPlace,
    strangers: Strangers,
    http: Http,
    clock: Clock,
    keys: RwLock<Arc<KeySet>>,
    /// Counts the changes of the key set: what was proved under another one is proved again.
    key_epoch: AtomicU64,
    /// Milliseconds; until then the keys may be used, and from then they are read again.
    usable_until: AtomicI64,
    refresh_at: AtomicI64,
    discovery: RwLock<Option<(Arc<Discovery>, Timestamp)>>,
    reading: Mutex<Reading>,
    readings_done: watch::Sender<u64>,
    waiting: Semaphore,
}

#[derive(Default)]
struct Reading {
    running: bool,
    /// When the last one out of turn began.
    out_of_turn_at: Option<Timestamp>,
    last_fault: Option<String>,
    read_at: Option<Timestamp>,
}

/// Why keys are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    /// It is time.
    Schedule,
    /// A key is missing, or all of them.
    OutOfTurn,
}

/// What is known of strangers' tokens, and in which place of it this issuer is.
#[derive(Clone)]
pub(crate) struct Strangers {
    pub(crate) forged: Arc<Forged>,
    pub(crate) place: usize,
}

/// Where an issuer's keys come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum KeySource {
    /// The issuer publishes them.
    Published,
    /// They are made here, and never read again.
    Own,
}

/// How an issuer is doing, for health pages and metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerStatus {
    /// The configured name.
    pub name: String,
    /// How many keys are known.
    pub keys: usize,
    /// When they were last read.
    pub read_at: Option<Timestamp>,
    /// Whether they may still be used.
    pub usable: bool,
    /// What went wrong at the last reading, if it failed.
    pub fault: Option<String>,
}

impl Issuer {
    pub(crate) fn new(
        config: IssuerConfig,
        mapping: Mapping,
        strangers: Strangers,
        http: Http,
        clock: Clock,
    ) -> Arc<Self> {
        Arc::new(Self::with(KeySource::Published, (config, mapping), strangers, http, clock))
    }

    /// An issuer whose keys are these, for good: nothing is ever read for it.
    pub(crate) fn of_keys(
        keys: KeySet,
        rules: (IssuerConfig, Mapping),
        strangers: Strangers,
        http: Http,
        clock: Clock,
    ) -> Arc<Self> {
        let mut issuer = Self::with(KeySource::Own, rules, strangers, http, clock);
        issuer.keys = RwLock::new(Arc::new(keys));
        issuer.usable_until = AtomicI64::new(i64::MAX);
        issuer.refresh_at = AtomicI64::new(i64::MAX);
        Arc::new(issuer)
    }

    /// Whether this is the installation itself.
    pub(crate) fn is_own(&self) -> bool {
        self.source == KeySource::Own
    }

    fn with(
        source: KeySource,
        (config, mapping): (IssuerConfig, Mapping),
        strangers: Strangers,
        http: Http,
        clock: Clock,
    ) -> Self {
        let directory = config
            .directory
            .clone()
            .map(|it| Arc::new(Directory::new(it, mapping.clone(), http.clone(), clock.clone())));
        Self {
            directory,
            source,
            token_types: config.token_types.iter().map(|it| jws::media_type(it)).collect(),
            place: KeyPlace::new(&config),
            config,
            mapping,
            strangers,
            http,
            clock,
            keys: RwLock::default(),
            key_epoch: AtomicU64::new(0),
            usable_until: AtomicI64::new(i64::MIN),
            refresh_at: AtomicI64::new(i64::MIN),
            discovery: RwLock::default(),
            reading: Mutex::default(),
            readings_done: watch::Sender::new(0),
            waiting: Semaphore::new(WAITING_MAX),
        }
    }

    pub(crate) fn skew_seconds(&self) -> i64 {
        self.config.clock_skew.millis() / 1000
    }

    pub(crate) fn allows(&self, algorithm: Algorithm) -> Result<(), Refused> {
        if self.config.algorithms.contains(&algorithm) {
            return Ok(());
        }
        Err(Refused::new(Fault::AlgorithmNotAllowed, format!("{algorithm} is not on the list")))
    }

    /// Whether a token of this type may be an access token of this issuer.
    pub(crate) fn check_type(&self, token: &jws::Unproved<'_>) -> Result<(), Refused> {
        let name = token.token_type.as_deref();
        if name.is_some_and(|name| self.token_types.iter().any(|it| it == name)) {
            return Ok(());
        }
        let untyped = matches!(name, None | Some("jwt"));
        // What only an ID token, a logout token or another event token has.
        let marks = ["nonce", "at_hash", "c_hash", "s_hash", "events"];
        let marked = marks.iter().any(|it| token.claims.contains_key(*it));
        if untyped && !marked && self.config.untyped_tokens == UntypedTokens::Accept {
            return Ok(());
        }
        let name = name.map_or_else(|| "no typ".into(), crate::refused::shown);
        Err(Refused::new(Fault::TokenTypeNotAccepted, name))
    }

    /// Whom a proved token speaks of, if it meets the rules; with the groups that a directory says,
    /// and as of when, where one is asked. Every way to a caller of this issuer goes through here.
    pub(crate) async fn caller(
        &self,
        claims: &Map<String, Value>,
        expires_at: Timestamp,
        token_use: TokenUse,
        trace: &mut Trace,
    ) -> Result<(Caller, Option<GroupsAsked>), Refused> {
        rules::check(&self.config, claims, token_use, trace)?;
        let caller = self.mapping.caller(claims, expires_at, token_use, trace)?;
        let Some(directory) = &self.directory else { return Ok((caller, None)) };
        let (caller, asked) = directory.complete(caller, claims).await?;
        if asked.is_some() {
            trace.note("directory", &[], || {
                let key = explain::key(&self.config, "directory");
                (format!("{} groups", caller.groups.len()), key)
            });
        }
        Ok((caller, asked))
    }

    /// Whether what was proved under this key epoch still holds.
    pub(crate) fn still_holds(&self, key_epoch: u64, now: Timestamp) -> bool {
        self.key_epoch.load(Ordering::Acquire) == key_epoch
            && now.millis() < self.usable_until.load(Ordering::Relaxed)
    }

    /// Starts a reading in the background if it is time.
    pub(crate) fn refresh_if_due(self: &Arc<Self>, now: Timestamp) {
        if now.millis() >= self.refresh_at.load(Ordering::Relaxed) {
            self.start_reading(Cause::Schedule, now);
        }
    }

    /// Checks the signature with the key that the token names, reading the keys again if there
    /// is none such. Answers the key epoch under which it was proved. Strangers whose tokens failed
    /// too often wait, see [`Forged`].
    pub(crate) async fn prove(
        self: &Arc<Self>,
        token: &jws::Unproved<'_>,
        sender: Sender,
    ) -> Result<u64, Refused> {
        self.refresh_if_due(self.clock.now());
        match self.try_prove(token, sender) {
            Err(refused)
                if self.source == KeySource::Published
                    && matches!(refused.fault(), Fault::KeyUnknown | Fault::IssuerUnreachable) =>
            {
                self.wait_for_reading(&refused).await?;
                self.try_prove(token, sender).map_err(|refused| self.blame_issuer_if_down(refused))
            }
            proved => proved,
        }
    }

    fn try_prove(&self, token: &jws::Unproved<'_>, sender: Sender) -> Result<u64, Refused> {
        // The epoch is read before the keys: a change in between makes the proof one to repeat.
        let key_epoch = self.key_epoch.load(Ordering::Acquire);
        let now = self.clock.now();
        if now.millis() >= self.usable_until.load(Ordering::Relaxed) {
            return Err(Refused::new(Fault::IssuerUnreachable, self.last_fault()));
        }
        let keys = Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner));
        let key: &ParsedPublicKey = keys.find(token.kid.as_deref(), token.algorithm)?;
        let Strangers { forged, place } = &self.strangers;
        forged.may_check(sender, now)?;
        match key.verify_sig(token.signed, &token.signature) {
            Ok(()) => Ok(key_epoch),
            Err(_) => {
                forged.remember(token.text, (*place, key_epoch), sender, now);
                Err(Fault::SignatureInvalid.into())
            }
        }
    }

    /// An unknown key is the issuer's fault while its keys cannot be read: it may be a new one.
    fn blame_issuer_if_down(&self, refused: Refused) -> Refused {
        match (refused.fault(), self.lock().last_fault.clone()) {
            (Fault::KeyUnknown, Some(fault)) => Refused::new(Fault::IssuerUnreachable, fault),
            _ => refused,
        }
    }

    async fn wait_for_reading(self: &Arc<Self>, refused: &Refused) -> Result<(), Refused> {
        let Ok(_place) = self.waiting.try_acquire() else {
            return Err(Refused::new(refused.fault(), "too many calls wait for the issuer's keys"));
        };
        let mut done = self.readings_done.subscribe();
        let before = *done.borrow_and_update();
        if self.start_reading(Cause::OutOfTurn, self.clock.now()) {
            // The sender lives in `self`; a closed channel can't be.
            drop(done.wait_for(|count| *count > before).await);
        }
        Ok(())
    }

    /// Whether there is a reading to wait for: one that runs already, or one that begins now.
    fn start_reading(self: &Arc<Self>, cause: Cause, now: Timestamp) -> bool {
        let mut reading = self.lock();
        if reading.running {
            return true;
        }
        match cause {
            Cause::Schedule => {}
            Cause::OutOfTurn => {
                let pause =
                    |at: Timestamp| (0..OUT_OF_TURN_MILLIS_MIN).contains(&now.since(at).millis());
                if reading.out_of_turn_at.is_some_and(pause) {
                    return false;
                }
                reading.out_of_turn_at = Some(now);
            }
        }
        // Whatever becomes of it, the next one is not before this.
        self.refresh_at.store(now.plus(RETRY).millis(), Ordering::Relaxed);
        reading.running = true;
        drop(reading);
        // A task of its own: the call that asked may hang up, the others go on waiting.
        let task = ReadingTask(Arc::clone(self));
        drop(tokio::spawn(async move {
            let outcome = task.0.read_keys().await;
            task.0.finish_reading(outcome);
        }));
        true
    }

    async fn read_keys(&self) -> Result<KeySet, DiscoveryFailed> {
        let http = self.place.http(&self.http)?;
        let document = match &self.config.jwks_url {
            Some(url) => {
                let headers = self.place.headers()?;
                discovery::document_with(&http, url, headers, "key set").await?
            }
            None => {
                let discovery = self.discovery().await?;
                let url = discovery.jwks_uri.as_ref();
                let url = url.ok_or(DiscoveryFailed::NotNamed("jwks_uri"))?;
                discovery::document(&http, url, "key set").await?
            }
        };
        KeySet::parse(&document.body, &self.config.algorithms)
            .map_err(|bad| DiscoveryFailed::BadKeys(bad.to_string()))
    }

    fn finish_reading(&self, outcome: Result<KeySet, DiscoveryFailed>) {
        let now = self.clock.now();
        match outcome {
            Ok(keys) => {
                self.usable_until
                    .store(now.plus(self.config.keys_usable).millis(), Ordering::Relaxed);
                self.refresh_at
                    .store(now.plus(self.config.keys_refresh).millis(), Ordering::Relaxed);
                let mut reading = self.lock();
                (reading.read_at, reading.last_fault) = (Some(now), None);
                drop(reading);
                self.replace_keys(keys);
            }
            Err(failed) => {
                let fault = with_causes(&failed);
                tracing::warn!(issuer = self.config.name, fault, "issuer keys not read");
                self.lock().last_fault = Some(fault);
                // The keys may have moved: ask for their place again next time.
                *self.discovery.write().unwrap_or_else(PoisonError::into_inner) = None;
            }
        }
    }

    fn replace_keys(&self, keys: KeySet) {
        let mut known = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        if known.same(&keys) {
            return;
        }
        tracing::info!(
            issuer = self.config.name,
            keys = keys.len(),
            left_out = keys.left_out,
            "issuer keys changed"
        );
        *known = Arc::new(keys);
        self.key_epoch.fetch_add(1, Ordering::AcqRel);
    }

    /// The discovery document, at most an hour old.
    pub(crate) async fn discovery(&self) -> Result<Arc<Discovery>, DiscoveryFailed> {
        let now = self.clock.now();
        let known = self.discovery.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((discovery, read_at)) = known
            && (0..DISCOVERY_MILLIS_MAX).contains(&now.since(read_at).millis())
        {
            return Ok(discovery);
        }
        let place = self.config.discovery_url.as_deref();
        let http = self.place.http(&self.http)?;
        let discovery = Arc::new(Discovery::read(&http, &self.config.url, place).await?);
        let mut known = self.discovery.write().unwrap_or_else(PoisonError::into_inner);
        *known = Some((Arc::clone(&discovery), now));
        Ok(discovery)
    }

    pub(crate) fn status(&self) -> IssuerStatus {
        let reading = self.lock();
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner).len();
        IssuerStatus {
            name: self.config.name.clone(),
            keys,
            read_at: reading.read_at,
            usable: self.clock.now().millis() < self.usable_until.load(Ordering::Relaxed),
            fault: reading.last_fault.clone(),
        }
    }

    fn last_fault(&self) -> String {
        self.lock().last_fault.clone().unwrap_or_else(|| "the keys are not read yet".into())
    }

    fn lock(&self) -> MutexGuard<'_, Reading> {
        self.reading.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A reading that runs. However it ends, also by a panic or with the runtime, those who wait for
/// it are woken and the next one may begin.
struct ReadingTask(Arc<Issuer>);

impl Drop for ReadingTask {
    fn drop(&mut self) {
        self.0.lock().running = false;
        self.0.readings_done.send_modify(|count| *count += 1);
    }
}

/// The fault and what caused it, for the operator's log.
fn with_causes(failed: &dyn std::error::Error) -> String {
    let mut text = failed.to_string();
    let mut cause = failed.source();
    while let Some(source) = cause {
        text.push_str(": ");
        text.push_str(&source.to_string());
        cause = source.source();
    }
    text
}

const WAITING_MAX: usize = 256;
const OUT_OF_TURN_MILLIS_MIN: i64 = 10_000;
const DISCOVERY_MILLIS_MAX: i64 = 3_600_000;
/// How long after a failed reading the schedule tries again.
const RETRY: Span = Span::from_seconds(30);
