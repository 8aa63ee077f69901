//! Puts a gateway together, from the ground up, and takes it apart again.

mod saml;

use super::{callers::Callers, streams::Streams};
use crate::{
    catalog_files::check_mask,
    clock,
    config::{
        raw::{RawDpop, RawLimits, RawRoles},
        scim::RawScim,
    },
    exit::{Exit, Failure},
};
use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use countersign_console::{CliDoor, ConsoleParts};
use countersign_gateway::{Gateway, GatewayParts, Limits, Secrets};
use countersign_governance::{ApiKeyRules, Governance, NoticeRules, Parts, RoleMap, Store};
use countersign_identity::{
    Hidden, Http, IssuerConfig, OwnIssuer, OwnSettings, PlainHttp, Receiver, SamlConfig, SignIn,
    TransmitterConfig, Use, UseOnce, UseOnceFailed, Verifier, VerifierOptions,
};
use countersign_ledger::{
    Closer, Log, LogOptions, MasterKey, SegmentOptions, Segments, SigningKey, Writer, WriterOptions,
};
use countersign_mask::HashKey;
use countersign_model::{
    Clock, Entropy, Span,
    ids::EntryId,
    notice::Daily,
    record::{Entry, Event, GatewayEvent, GatewayState},
};
use countersign_notify::Senders;
use countersign_telemetry::{Exporting, Tracer};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use zeroize::Zeroizing;

/// What a gateway is put together from.
pub(crate) struct Setup {
    pub(crate) gateway: String,
    pub(crate) public_url: String,
    pub(crate) store_url: String,
    pub(crate) ledger: PathBuf,
    pub(crate) recordings: PathBuf,
    pub(crate) keys: Keys,
    pub(crate) issuers: Vec<IssuerConfig>,
    pub(crate) saml: Vec<SamlConfig>,
    pub(crate) event_transmitters: Vec<TransmitterConfig>,
    pub(crate) dpop: RawDpop,
    /// What API keys may be, if there are any.
    pub(crate) api_keys: Option<ApiKeyRules>,
    pub(crate) plain_http: PlainHttp,
    /// How own tokens are made.
    pub(crate) tokens: OwnSettings,
    pub(crate) roles: RawRoles,
    /// How long a function may be without anybody who answers for it.
    pub(crate) owner_grace: Span,
    pub(crate) limits: RawLimits,
    /// Where traces go, if anywhere.
    pub(crate) telemetry: Option<countersign_telemetry::Settings>,
    /// What opens `/metrics`; without it, only this machine is answered.
    pub(crate) metrics_token: Option<Hidden>,
    /// Directories that tell by SCIM.
    pub(crate) scim: Vec<RawScim>,
    /// Over which channels people are told.
    pub(crate) notices: countersign_notify::Settings,
    /// When their digests are due.
    pub(crate) digest: Daily,
    pub(crate) secrets: Secrets,
    /// Variables that stand before those of the process.
    pub(crate) variables: BTreeMap<String, String>,
    pub(crate) clock: Clock,
    pub(crate) entropy: Entropy,
}

/// A gateway, put together.
#[derive(Debug)]
pub(crate) struct Assembly {
    pub(crate) governance: Governance,
    pub(crate) verifier: Verifier,
    pub(crate) gateway: Gateway,
    pub(crate) ledger: Writer,
    pub(crate) console: axum::Router,
    files: Files,
    /// Only under `countersign demo`.
    pub(crate) demo: Option<axum::Router>,
    pub(crate) metrics_token: Option<Hidden>,
    /// Only where directories tell by SCIM.
    pub(crate) scim: Option<axum::Router>,
    /// Who pushes security events.
    pub(crate) streams: Arc<Streams>,
    /// Who takes what people are told to them.
    senders: Senders,
}

/// Where what a gateway writes lies.
#[derive(Debug)]
struct Files {
    log: PathBuf,
    recordings: PathBuf,
}

/// The master key, and what follows from it.
#[derive(Debug)]
pub(crate) struct Keys {
    master: hmac::Key,
    sealing: MasterKey,
}

impl Keys {
    /// The keys of 32 bytes in base64.
    ///
    /// # Errors
    /// When the text is anything else.
    pub(crate) fn read(text: &str) -> Result<Self, Failure> {
        let malformed = || {
            Failure::usage("the master key is not 32 bytes of base64")
                .next("make one: head -c 32 /dev/urandom | base64")
        };
        let bytes = Zeroizing::new(STANDARD.decode(text.trim()).map_err(|_| malformed())?);
        if bytes.len() != countersign_ledger::KEY_BYTES {
            return Err(malformed());
        }
        let sealing = MasterKey::from_base64(text).map_err(|_| malformed())?;
        Ok(Self { master: hmac::Key::new(hmac::HMAC_SHA256, &bytes), sealing })
    }

    /// A new master key, as text for a file.
    pub(crate) fn generate(entropy: &Entropy) -> Zeroizing<String> {
        let bytes = Zeroizing::new(entropy.bytes::<{ countersign_ledger::KEY_BYTES }>());
        Zeroizing::new(format!("{}\n", STANDARD.encode(bytes.as_slice())))
    }

    /// A key for one purpose: HMAC-SHA-256 of its name. Whoever has the master key finds it again,
    /// and from it nobody finds the master key.
    pub(crate) fn derive(&self, purpose: &str) -> Zeroizing<[u8; 32]> {
        let mut key = Zeroizing::new([0; 32]);
        for (to, from) in key.iter_mut().zip(hmac::sign(&self.master, purpose.as_bytes()).as_ref())
        {
            *to = *from;
        }
        key
    }
}

fn limits(raw: &RawLimits) -> Limits {
    Limits {
        calls_max: raw.calls_max,
        body_within: raw.body_within,
        answer_taken_within: raw.answer_taken_within,
        ..Limits::default()
    }
}

impl Assembly {
    /// Opens everything. What was opened is closed again by [`Running::end`].
    ///
    /// # Errors
    /// What could not be opened, and why.
    pub(crate) async fn open(setup: Setup) -> Result<(Self, Running), Failure> {
        let http = Http::speaking(setup.plain_http);
        let saml = saml::sign_ins(&setup, &http)?;
        let directories = super::scim::providers(&setup)?;
        let senders = senders(&setup, &http)?;
        let mask_key = HashKey::new(&setup.keys.derive("countersign/mask/v1"));
        let callers = Callers::of(&setup, own_issuer(&setup)?)?;
        let (ledger, closer) = open_ledger(&setup)?;
        let store = open_store(&setup.store_url).await?;
        let governance = start(Parts {
            store: store.clone(),
            ledger: ledger.clone(),
            master: Arc::new(setup.keys.sealing),
            clock: setup.clock.clone(),
            entropy: setup.entropy.clone(),
            masks: check_mask,
            roles: roles(&setup.roles),
            directories: super::scim::known(&directories),
            notices: NoticeRules { channels: senders.channels(), digest: setup.digest },
            gateway: setup.gateway.clone(),
            stale_after: STALE_AFTER,
            owner_grace: setup.owner_grace,
        })
        .await?;
        let once = register(&store, setup.clock.clone());
        let options = callers.with(once.clone(), &governance);
        let verifier = judge(&governance, &setup.issuers, &setup.variables, http, options)?;
        let streams = Arc::new(streams(&setup.event_transmitters, setup.clock.clone()));
        let (tracer, exporting) = setup.telemetry.map(Tracer::start).unzip();
        let gateway = Gateway::new(GatewayParts {
            governance: governance.clone(),
            verifier: verifier.clone(),
            once: once.clone(),
            saml: saml.clone(),
            ledger: ledger.clone(),
            mask_key,
            resource: setup.public_url.clone(),
            secrets: setup.secrets,
            limits: limits(&setup.limits),
            tracer,
        });
        let console = countersign_console::router(ConsoleParts {
            governance: governance.clone(),
            verifier: verifier.clone(),
            sign_ins: sign_ins(&verifier, &setup.issuers, &setup.variables)?,
            saml,
            once,
            cli: cli_doors(&setup.issuers),
            events: receiver(&verifier, setup.event_transmitters, &setup.variables)?,
            public_url: setup.public_url.clone(),
            resource: setup.public_url.clone(),
            api_keys: setup.api_keys,
            ledger_directory: setup.ledger.clone(),
            recordings_directory: setup.recordings.clone(),
        });
        let assembly = Self {
            scim: super::scim::door(&governance, directories, setup.public_url),
            governance,
            verifier,
            gateway,
            ledger,
            console,
            files: Files { log: setup.ledger, recordings: setup.recordings },
            demo: None,
            metrics_token: setup.metrics_token,
            streams,
            senders,
        };
        Ok((assembly, Running { closer, store, exporting }))
    }

    /// Starts what runs beside calls, and writes into the ledger that the gateway runs.
    ///
    /// # Errors
    /// When the ledger can't be written.
    pub(crate) async fn start(&self) -> Result<(), Failure> {
        self.say(GatewayState::Started).await.map_err(|error| {
            Failure::caused(Exit::Failed, "the ledger can't be written", &error)
        })?;
        tokio::spawn(self.governance.clone().keep_current());
        tokio::spawn(self.governance.clone().keep_reviews());
        tokio::spawn(self.gateway.clone().keep_sessions());
        tokio::spawn(self.senders.clone().keep_sending(self.governance.clone()));
        let (governance, recordings) = (self.governance.clone(), self.files.recordings.clone());
        tokio::spawn(async move { governance.keep_recordings_index(&recordings).await });
        let (governance, log) = (self.governance.clone(), self.files.log.clone());
        tokio::spawn(async move { governance.keep_usage(&log).await });
        let (governance, log) = (self.governance.clone(), self.files.log.clone());
        tokio::spawn(async move { governance.keep_proofs(&log).await });
        tokio::spawn(self.governance.clone().keep_review_gauges());
        let (streams, governance) = (Arc::clone(&self.streams), self.governance.clone());
        tokio::spawn(async move { streams.keep(&governance).await });
        Ok(())
    }

    async fn say(&self, now: GatewayState) -> Result<(), countersign_ledger::LedgerError> {
        let at = self.governance.clock().now();
        let event = Event::Gateway(GatewayEvent {
            gateway: self.governance.gateway().to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            now,
        });
        let id = EntryId::new(at, self.governance.entropy());
        self.ledger.append(Entry::new(id, at, event).to_bytes()).await.map(drop)
    }
}

/// What has to be closed at the end.
pub(crate) struct Running {
    closer: Closer,
    store: Store,
    exporting: Option<Exporting>,
}

impl Running {
    /// Writes into the ledger that the gateway ends, and closes ledger and store. Then the last
    /// spans go to the collector, if it takes them soon.
    pub(crate) async fn end(self, assembly: &Assembly) {
        if let Err(error) = assembly.say(GatewayState::Stopped).await {
            tracing::warn!(%error, "the ledger does not say that the gateway ends");
        }
        match tokio::task::spawn_blocking(|| self.closer.close()).await {
            Ok(Ok(head)) => tracing::info!(entries = head.size, "the ledger is closed"),
            Ok(Err(error)) => tracing::warn!(%error, "the last checkpoint was not written"),
            Err(error) => tracing::warn!(%error, "the ledger did not close"),
        }
        self.store.close().await;
        if let Some(exporting) = self.exporting {
            exporting.end(EXPORT_AT_END_WITHIN).await;
        }
    }
}

/// This installation as an issuer of tokens: every gateway with the same master key has its keys.
fn own_issuer(setup: &Setup) -> Result<OwnIssuer, Failure> {
    let own = OwnIssuer::new(&setup.public_url, setup.tokens, |generation| {
        setup.keys.derive(&format!("countersign/oauth/v1/{generation}"))
    });
    own.map_err(|error| {
        Failure::caused(Exit::Usage, "own tokens can't be made", &error)
            .next("check `tokens` in the configuration")
    })
}

/// Who takes what people are told to them.
fn senders(setup: &Setup, http: &Http) -> Result<Senders, Failure> {
    let channels = setup.notices.clone();
    Senders::new(channels, &setup.public_url, http, &setup.clock).map_err(|error| {
        Failure::caused(Exit::Usage, "people can't be told", &error)
            .next("check `notices` in the configuration")
    })
}

fn faulty(faults: &[impl ToString]) -> Failure {
    let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
    Failure::usage(faults.join("; "))
}

async fn start(parts: Parts) -> Result<Governance, Failure> {
    let started = Governance::start(parts).await;
    started.map_err(|error| Failure::caused(Exit::Failed, "governance can't start", &error))
}

async fn open_store(url: &str) -> Result<Store, Failure> {
    Store::open(url).await.map_err(|error| {
        Failure::caused(Exit::Failed, "the store can't be opened", &error)
            .next("check `store` in the configuration, and that the database runs")
    })
}

fn open_ledger(setup: &Setup) -> Result<(Writer, Closer), Failure> {
    make_directories(setup)?;
    let failed = |what: &'static str| {
        move |error: countersign_ledger::OpenError| {
            let step = match &error {
                countersign_ledger::OpenError::Locked { .. } => {
                    "end the other gateway; each one has a directory of its own"
                }
                countersign_ledger::OpenError::OtherLog { .. } => {
                    "use the master key and gateway name that this ledger was begun with"
                }
                countersign_ledger::OpenError::BadCheckpoint { .. }
                | countersign_ledger::OpenError::Damaged { .. } => {
                    "keep the directory as it is, and run `countersign ledger verify` on a copy"
                }
                countersign_ledger::OpenError::File { .. }
                | countersign_ledger::OpenError::BadOrigin => {
                    "check that the directory can be written"
                }
            };
            Failure::caused(Exit::Failed, what, &error).next(step)
        }
    };
    let seed = setup.keys.derive(&format!("countersign/ledger/v1/{}", setup.gateway));
    let key = SigningKey::from_seed(&seed)
        .map_err(|error| Failure::caused(Exit::Failed, "the ledger has no key", &error))?;
    let origin = format!("countersign/{}", setup.gateway);
    let log = Log::open(&setup.ledger, &origin, key, LogOptions::default())
        .map_err(failed("the ledger can't be opened"))?;
    let entropy = setup.entropy.clone();
    let fill = Box::new(move |buffer: &mut [u8]| entropy.fill(buffer));
    let segments = Segments::open(&setup.recordings, SegmentOptions::default(), fill)
        .map_err(failed("the recordings can't be opened"))?;
    Writer::start(log, segments, WriterOptions::default())
        .map_err(|error| Failure::caused(Exit::Failed, "the ledger can't be written", &error))
}

fn make_directories(setup: &Setup) -> Result<(), Failure> {
    let store = setup
        .store_url
        .strip_prefix("sqlite:")
        .map(|rest| Path::new(rest.split('?').next().unwrap_or(rest)).to_path_buf());
    let parents = [Some(&setup.ledger), Some(&setup.recordings), store.as_ref()];
    for directory in parents.into_iter().flatten().filter_map(|path| path.parent()) {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(directory).map_err(|error| {
            Failure::failed(format!("{} can't be made: {error}", directory.display()))
                .next("name a directory that this user can write")
        })?;
    }
    Ok(())
}

fn roles(raw: &RawRoles) -> RoleMap {
    let groups =
        |names: &[String]| names.iter().map(|name| name.as_str().into()).collect::<Vec<_>>();
    RoleMap {
        administrators: groups(&raw.administrators),
        auditors: groups(&raw.auditors),
        reviewers: groups(&raw.reviewers),
    }
}

/// Tokens are judged by the real time, whatever the calendar of the demo shows. A session that governance
/// ends is none for the judge from that moment on.
fn judge(
    governance: &Governance,
    issuers: &[IssuerConfig],
    variables: &BTreeMap<String, String>,
    http: Http,
    options: VerifierOptions,
) -> Result<Verifier, Failure> {
    let verifier = Verifier::with(issuers.to_vec(), http, clock::clock(), options);
    let verifier = verifier.map_err(|faults| faulty(&faults))?;
    connect_directories(&verifier, variables)?;
    let told = verifier.clone();
    governance.follow_cut_offs(move |cut_offs| told.end_sessions(cut_offs));
    Ok(verifier)
}

fn connect_directories(
    verifier: &Verifier,
    variables: &BTreeMap<String, String>,
) -> Result<(), Failure> {
    let lookup = |name: &str| variables.get(name).cloned().or_else(|| clock::environment(name));
    verifier.connect_directories(lookup).map_err(|error| {
        Failure::caused(Exit::Usage, "groups can't be asked for", &error)
            .next("check `directory` of this issuer in the configuration")
    })
}

/// What may be used once is remembered in SQL, for all gateways and all that they take: proofs,
/// assertions, logout tokens, events. Those end by the real time, and the store forgets by the
/// installation's own, which the demo moves.
fn register(store: &Store, clock: Clock) -> UseOnce {
    let (store, real) = (store.clone(), clock::clock());
    UseOnce::new(move |digest, until| {
        let store = store.clone();
        let until = clock.now().plus(until.since(real.now())).plus(REGISTER_MARGIN);
        async move {
            match store.use_once(&digest, until).await {
                Ok(true) => Ok(Use::First),
                Ok(false) => Ok(Use::Again),
                Err(error) => Err(UseOnceFailed(Box::new(error))),
            }
        }
    })
}

fn sign_ins(
    verifier: &Verifier,
    issuers: &[IssuerConfig],
    variables: &BTreeMap<String, String>,
) -> Result<Vec<(String, SignIn)>, Failure> {
    let lookup = |name: &str| variables.get(name).cloned().or_else(|| clock::environment(name));
    let with_sign_in = issuers.iter().filter(|issuer| issuer.sign_in.is_some());
    with_sign_in
        .map(|issuer| {
            let sign_in = SignIn::new(verifier, &issuer.name, lookup).map_err(|error| {
                let what = format!("people can't sign in with {}", issuer.name);
                Failure::caused(Exit::Usage, &what, &error)
                    .next("check `sign_in` of this issuer in the configuration")
            })?;
            Ok((issuer.name.clone(), sign_in))
        })
        .collect()
}

/// The issuers that have a client for the command line.
fn cli_doors(issuers: &[IssuerConfig]) -> Vec<CliDoor> {
    let door = |issuer: &IssuerConfig| {
        let sign_in = issuer.sign_in.as_ref()?;
        Some(CliDoor {
            name: issuer.name.clone(),
            issuer: issuer.url.clone(),
            client_id: sign_in.cli_client_id.clone()?,
            scopes: sign_in.cli_scopes.clone(),
        })
    };
    issuers.iter().filter_map(door).collect()
}

/// Who pushes security events, and how often something is expected of each.
fn streams(transmitters: &[TransmitterConfig], clock: Clock) -> Streams {
    let expected = transmitters.iter().map(|it| (it.name.clone(), it.expect_every));
    Streams::new(expected, clock)
}

/// Who judges security events, if anybody pushes any.
fn receiver(
    verifier: &Verifier,
    transmitters: Vec<TransmitterConfig>,
    variables: &BTreeMap<String, String>,
) -> Result<Option<Receiver>, Failure> {
    if transmitters.is_empty() {
        return Ok(None);
    }
    let lookup = |name: &str| variables.get(name).cloned().or_else(|| clock::environment(name));
    let receiver = Receiver::new(transmitters, verifier, lookup).map_err(|error| {
        Failure::caused(Exit::Usage, "security events can't be received", &error)
            .next("check `event_transmitters` in the configuration")
    })?;
    Ok(Some(receiver))
}

/// How old the last confirmation of the policy may be before nothing is forwarded any more.
const STALE_AFTER: Span = Span::from_seconds(5);

/// Two clocks are read one after the other.
const REGISTER_MARGIN: Span = Span::from_seconds(1);

/// How long the end waits for the collector of traces.
const EXPORT_AT_END_WITHIN: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests;
