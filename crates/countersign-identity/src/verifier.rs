//! Identifies the caller of each call: what it presents goes in, a [`Proved`] caller comes out, or
//! the one reason why not.
//!
//! The order is from cheap to dear: shape, header, claims, and only then key and signature, so a
//! flood of nonsense costs little, and only tokens that could be meant for this gateway make it
//! ask an issuer for keys. What a token is bound to is checked with every request, warm or cold.

mod asked;

use crate::{
    ApiKeyBook, ConfigFault, Fault, ForgedCounts, ForgedLimits, Hidden, Http, IssuerConfig,
    IssuerStatus, OwnIssuer, Peer, Presented, ProofRules, Refused, Scheme,
    api_key::{self, KEY_REMEMBERED},
    bound::{self, Bound},
    cache::{Cache, Remembered, Vouched},
    claims::{self, Times},
    config,
    directory::{DirectoryFault, Still},
    ends::Ends,
    explain::{self, Explanation, Step, Trace},
    forged::{Forged, Sender},
    introspection::Introspection,
    issuer::{Issuer, Strangers},
    jws,
    mapping::{Mapping, Reserved},
    presented::With,
    proof::{For, Proof, ProofToken},
    proofs::Proofs,
    questions::Questions,
    refused::shown,
    rules::{self, TokenUse},
};
use asked::Asked;
use countersign_model::{API_KEY_ISSUER, Caller, Clock, CutOffs, Span, Subject, Timestamp};
use std::{collections::HashMap, fmt, ops::Deref, sync::Arc};

/// A caller whose credential was verified. Made by [`Verifier::identify`], and by nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proved(Arc<Caller>);

/// Judges what callers present. Clones share keys and memory.
#[derive(Clone)]
pub struct Verifier(Arc<State>);

struct State {
    issuers: Vec<Arc<Issuer>>,
    /// From an issuer's URL to its place.
    by_url: HashMap<String, usize>,
    cache: Cache,
    forged: Arc<Forged>,
    proofs: Proofs,
    ends: Ends,
    /// This installation as an issuer.
    own: Option<OwnIssuer>,
    asked: Vec<Asked>,
    api_keys: Option<(ApiKeyBook, Questions<Remembered>)>,
    http: Http,
    clock: Clock,
}

/// What a verifier may be given beside issuers.
#[derive(Clone, Debug, Default)]
pub struct VerifierOptions {
    /// How DPoP proofs are taken.
    pub proofs: ProofRules,
    /// This installation as an issuer, whose tokens are accepted too.
    pub own: Option<OwnIssuer>,
    /// Names that belong to other sources of identities: no issuer may use them.
    pub reserved: Vec<Reserved>,
    /// The client secrets for introspection, by the name of the issuer. One that is missing makes
    /// opaque tokens of that issuer unusable, and nothing else.
    pub introspection: HashMap<String, Hidden>,
    /// Where API keys are looked up; without it none is taken.
    pub api_keys: Option<ApiKeyBook>,
    /// How many forged tokens are looked at.
    pub forged: ForgedLimits,
}

impl Verifier {
    /// A verifier for these issuers. Does no I/O: keys are read when the first token comes, or by
    /// [`Self::warm_up`].
    ///
    /// # Errors
    /// Every fault of the configuration.
    pub fn new(
        configs: Vec<IssuerConfig>,
        http: Http,
        clock: Clock,
    ) -> Result<Self, Vec<ConfigFault>> {
        Self::with(configs, http, clock, VerifierOptions::default())
    }

    /// As [`Self::new`], with more than issuers.
    ///
    /// # Errors
    /// Every fault of the configuration.
    pub fn with(
        configs: Vec<IssuerConfig>,
        http: Http,
        clock: Clock,
        options: VerifierOptions,
    ) -> Result<Self, Vec<ConfigFault>> {
        let VerifierOptions { proofs, own, reserved, mut introspection, api_keys, forged } =
            options;
        config::check_issuers(&configs)?;
        if let Some(own) = &own {
            config::refuse_own_url(&configs, own.url())?;
        }
        let asked = configs.iter().enumerate().filter_map(|(place, it)| {
            let secret = introspection.remove(&it.name);
            let config = it.introspection.as_ref()?;
            let introspection = Introspection::new(config, secret, http.clone());
            let questions = Questions::new(Fault::IssuerUnreachable);
            Some(Asked { place, introspection, questions })
        });
        let asked = asked.collect();
        let api_keys = api_keys.map(|book| (book, Questions::new(Fault::ApiKeysUnavailable)));
        let mapping = |own| Mapping::new(own, &configs).beside(&reserved);
        let mappings: Vec<_> = configs.iter().map(mapping).collect();
        let forged = Arc::new(Forged::new(forged));
        let strangers = |place| Strangers { forged: Arc::clone(&forged), place };
        let mut issuers: Vec<_> = configs
            .into_iter()
            .zip(mappings)
            .enumerate()
            .map(|(place, (config, mapping))| {
                Issuer::new(config, mapping, strangers(place), http.clone(), clock.clone())
            })
            .collect();
        let place = strangers(issuers.len());
        issuers.extend(own.as_ref().and_then(|it| it.issuer(place, http.clone(), clock.clone())));
        let urls = issuers.iter().enumerate();
        let by_url = urls.map(|(place, it)| (it.config.url.clone(), place)).collect();
        let (cache, proofs) = (Cache::new(), Proofs::new(proofs));
        let ends = Ends::default();
        let state = State {
            issuers,
            by_url,
            cache,
            forged,
            proofs,
            ends,
            own,
            asked,
            api_keys,
            http,
            clock,
        };
        Ok(Self(Arc::new(state)))
    }

    /// Who presents this; a text is a bearer token.
    ///
    /// # Errors
    /// [`Refused`], with the one reason.
    pub async fn identify(&self, presented: impl Into<Presented<'_>>) -> Result<Proved, Refused> {
        let presented = presented.into();
        if let Some(remembered) = self.0.cache.find(presented.token) {
            let now = self.0.clock.now();
            match self.recall(presented.token, remembered, now) {
                Some(Ok(Known { caller, bound: None })) if presented.is_bare() => {
                    return Ok(Proved(caller));
                }
                Some(known) => return Box::pin(self.admit(presented, known)).await,
                None => {}
            }
        }
        Box::pin(async {
            let known = self.learn(presented.token, presented.peer).await;
            self.admit(presented, known).await
        })
        .await
    }

    /// Whom a token speaks of, and what its holder would have to show. Nothing of that is looked at
    /// here: who takes the token has to.
    pub(crate) async fn read(
        &self,
        token: &str,
        peer: Option<Peer>,
    ) -> Result<(Arc<Caller>, Option<Arc<Bound>>), Refused> {
        let now = self.0.clock.now();
        let remembered = self.0.cache.find(token);
        let known = match remembered.and_then(|it| self.recall(token, it, now)) {
            Some(known) => known?,
            None => self.learn(token, peer).await?,
        };
        Ok((known.caller, known.bound))
    }

    /// Proves a token and remembers it.
    async fn learn(&self, token: &str, peer: Option<Peer>) -> Result<Known, Refused> {
        let sender = Sender::Stranger(peer);
        // What would come to this after it was read costs nothing to read then.
        if self.is_signed(token) {
            self.0.forged.may_check(sender, self.0.clock.now())?;
            self.refuse_forged_before(token)?;
        }
        let (caller, remembered) = self.prove(token, sender, &mut Trace::off()).await?;
        let bound = remembered.bound.clone();
        self.0.cache.insert(token, remembered);
        Ok(Known { caller, bound })
    }

    /// Whether a token is one whose signature would be checked, by its form.
    fn is_signed(&self, token: &str) -> bool {
        token.len() <= jws::TOKEN_BYTES_MAX
            && token.bytes().filter(|it| *it == b'.').count() == 2
            && api_key::read(token).is_none()
            && self.opaque(token).is_none()
    }

    /// Refuses a token whose signature was refused by the keys that are still its issuer's: another
    /// check would only cost as much again.
    pub(crate) fn refuse_forged_before(&self, token: &str) -> Result<(), Refused> {
        let Some((place, key_epoch)) = self.0.forged.find(token) else { return Ok(()) };
        let Some(issuer) = self.0.issuers.get(place) else { return Ok(()) };
        let now = self.0.clock.now();
        issuer.refresh_if_due(now);
        match issuer.still_holds(key_epoch, now) {
            true => Err(self.0.forged.came_again()),
            false => Ok(()),
        }
    }

    /// Who presents it, if the token is good and is theirs.
    async fn admit(
        &self,
        presented: Presented<'_>,
        known: Result<Known, Refused>,
    ) -> Result<Proved, Refused> {
        let admitted = match known {
            Ok(Known { caller, bound }) => {
                self.check_holder(&presented, bound.as_deref()).await.map(|()| Proved(caller))
            }
            Err(refused) => Err(refused),
        };
        // The next try is made in the same scheme, unless it was the wrong one.
        admitted.map_err(|refused| match presented.scheme() {
            Scheme::Dpop if refused.fault() != Fault::TokenNotBound => {
                refused.answered_with(Scheme::Dpop)
            }
            Scheme::Bearer | Scheme::Dpop => refused,
        })
    }

    async fn check_holder(
        &self,
        presented: &Presented<'_>,
        bound: Option<&Bound>,
    ) -> Result<(), Refused> {
        bound::check_kind(bound, &presented.with)?;
        let Some(bound) = bound else { return Ok(()) };
        bound.check_certificate(presented.certificate)?;
        match (&presented.with, &bound.key) {
            (With::Proof { proof, asked }, Some(key)) => {
                let token = ProofToken::Bound { token: presented.token, key };
                let wanted = For { asked: *asked, token, now: self.0.clock.now().seconds() };
                let proof = self.judge_proof(proof, &wanted, presented.peer)?;
                self.0.proofs.take_once(&proof, wanted.now).await
            }
            (With::Nothing | With::Proof { .. }, _) => Ok(()),
        }
    }

    /// Judges a proof, unless too many of its key, from this address, were forged.
    pub(crate) fn judge_proof(
        &self,
        proof: &str,
        wanted: &For<'_>,
        peer: Option<Peer>,
    ) -> Result<Proof, Refused> {
        let (forged, now) = (&self.0.forged, self.0.clock.now());
        let key = match wanted.token {
            ProofToken::Bound { key, .. } => key.thumbprint,
            ProofToken::Wanted => [0; 32],
        };
        forged.may_check_proof(peer, key, now)?;
        let judged = self.0.proofs.judge(proof, wanted);
        if let Err(refused) = &judged
            && refused.fault() == Fault::ProofSignatureInvalid
        {
            forged.proof_failed(peer, key, now);
        }
        judged
    }

    /// What was done about forged tokens since the start.
    pub fn forged(&self) -> ForgedCounts {
        self.0.forged.counts()
    }

    /// For another issuer than those of this verifier: its tokens count, and are not remembered.
    pub(crate) fn other_strangers(&self) -> Strangers {
        Strangers { forged: Arc::clone(&self.0.forged), place: usize::MAX }
    }

    /// How [`Self::identify`] judges this token, step by step, for whoever has to make it work. It is
    /// judged anew, and not remembered. Nothing of the token is in the explanation but what was read.
    ///
    /// While an issuer's keys can't be had, what would follow if the signature held is said too.
    pub async fn explain(&self, bearer: &str) -> Explanation {
        let mut trace = Trace::on();
        let sender = Sender::Stranger(None);
        let outcome = Box::pin(self.prove(bearer, sender, &mut trace)).await;
        let mut unproved = Trace::on();
        if let Err(refused) = &outcome
            && refused.fault() == Fault::IssuerUnreachable
            && let Ok(token) = jws::parse(bearer)
            && let Ok((_, issuer)) = self.issuer_of(&token)
        {
            // How far it comes is in the notes; nothing here is a caller.
            let ends = Timestamp::from_millis(0);
            let (token_use, notes) = (TokenUse::Call, &mut unproved);
            drop(rules::check(&issuer.config, &token.claims, token_use, notes));
            drop(issuer.mapping.caller(&token.claims, ends, token_use, notes));
        }
        trace.end(outcome.map(|(caller, _)| caller), unproved)
    }

    /// The rules that mapped a caller, for whoever asks what they are here: claims are not kept, so
    /// what was found is what the caller has. Nothing for issuers of other kinds.
    pub fn mapped_by(&self, caller: &Caller) -> Vec<Step> {
        let issuer = self.issuer(&caller.issuer);
        issuer.map(|it| explain::mapped_by(&it.config, caller)).unwrap_or_default()
    }

    /// Whether a caller that was identified a while ago would still be: its token has not ended, by
    /// its issuer's clock skew, nor has its session. Its keys are not looked at again.
    ///
    /// # Errors
    /// [`Refused`], as [`Self::identify`] would say.
    pub fn still_holds(&self, caller: &Caller) -> Result<(), Refused> {
        if *caller.issuer == *API_KEY_ISSUER {
            let expires = caller.expires_at.seconds();
            Times { expires, begins: 0 }.check(self.0.clock.now().seconds(), 0)?;
            return self.session_holds(caller);
        }
        let issuer = self.issuer(&caller.issuer).ok_or_else(|| {
            Refused::new(Fault::IssuerUnknown, format!("issuer {}", shown(&caller.issuer)))
        })?;
        let now = self.0.clock.now().seconds();
        let expires = caller.expires_at.seconds();
        Times { expires, begins: 0 }.check(now, issuer.skew_seconds())?;
        self.session_holds(caller)
    }

    /// From now on, what these cut off is refused: tokens that are remembered as well.
    pub fn end_sessions(&self, cut_offs: Arc<CutOffs>) {
        self.0.ends.replace(cut_offs);
    }

    /// Whether this caller's session goes on.
    ///
    /// # Errors
    /// [`Fault::SessionEnded`].
    pub fn session_holds(&self, caller: &Caller) -> Result<(), Refused> {
        self.0.ends.check(caller)
    }

    /// The subject that an issuer's `sub` stands for; `None` where another claim names subjects, or
    /// the issuer may not vouch for it.
    pub fn subject_of(&self, issuer: &str, issuer_subject: &str) -> Option<Subject> {
        self.issuer(issuer)?.mapping.subject_of(issuer_subject)
    }

    /// The subject that an address stands for at an issuer where addresses name subjects.
    pub fn subject_of_email(&self, issuer: &str, email: &str) -> Option<Subject> {
        self.issuer(issuer)?.mapping.subject_of_email(email)
    }

    /// Reads the secrets with which directories are asked for groups; `environment` answers the value
    /// of a variable. Before it, callers whose groups only a directory says are refused.
    ///
    /// # Errors
    /// The first secret that can't be had or used.
    pub fn connect_directories(
        &self,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<(), DirectoryFault> {
        let mut directories = self.0.issuers.iter().filter_map(|it| it.directory.as_ref());
        directories.try_for_each(|it| it.connect(&environment))
    }

    /// Reads the keys of all issuers in the background. An issuer that is down does no harm.
    /// Must be called within a tokio runtime.
    pub fn warm_up(&self) {
        for issuer in &self.0.issuers {
            issuer.refresh_if_due(self.0.clock.now());
        }
    }

    /// This installation as an issuer, if it is one.
    pub fn own(&self) -> Option<&OwnIssuer> {
        self.0.own.as_ref()
    }

    /// The moment, by the clock that tokens are judged by.
    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// How each configured issuer is doing.
    pub fn status(&self) -> Vec<IssuerStatus> {
        let configured = self.0.issuers.iter().filter(|it| !it.is_own());
        configured.map(|it| it.status()).collect()
    }

    /// The URLs of the issuers, for the resource's metadata.
    pub fn issuer_urls(&self) -> Vec<&str> {
        self.0.issuers.iter().map(|it| it.config.url.as_str()).collect()
    }

    /// The configured names of the issuers.
    pub fn issuer_names(&self) -> Vec<&str> {
        self.0.issuers.iter().map(|it| it.config.name.as_str()).collect()
    }

    /// The configured name of the issuer with this URL.
    pub(crate) fn issuer_named_by(&self, url: &str) -> Option<&str> {
        let place = *self.0.by_url.get(url)?;
        self.0.issuers.get(place).map(|it| it.config.name.as_str())
    }

    pub(crate) fn issuer(&self, name: &str) -> Option<&Arc<Issuer>> {
        self.0.issuers.iter().find(|it| it.config.name == name)
    }

    pub(crate) fn issuer_at(&self, url: &str) -> Option<&Arc<Issuer>> {
        self.0.issuers.get(*self.0.by_url.get(url)?)
    }

    pub(crate) fn forgeries(&self) -> &Forged {
        &self.0.forged
    }

    pub(crate) fn proofs(&self) -> &Proofs {
        &self.0.proofs
    }

    pub(crate) fn http(&self) -> &Http {
        &self.0.http
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// The remembered caller, if the proof still holds: `None` if it has to be proved again.
    fn recall(
        &self,
        bearer: &str,
        remembered: Remembered,
        now: Timestamp,
    ) -> Option<Result<Known, Refused>> {
        // A clock that was set back makes an answer old.
        let lately = |at: Timestamp, good_for: Span| {
            (0..good_for.millis()).contains(&now.since(at).millis())
        };
        let (holds, issuer) = match remembered.vouched {
            Vouched::Signed { issuer, key_epoch } => {
                let issuer = self.0.issuers.get(issuer)?;
                issuer.refresh_if_due(now);
                (issuer.still_holds(key_epoch, now), Some(issuer))
            }
            Vouched::Asked { issuer, at, good_for } => {
                (lately(at, good_for), Some(self.0.issuers.get(issuer)?))
            }
            Vouched::Book { at } => (lately(at, KEY_REMEMBERED), None),
        };
        let skew_seconds = issuer.map_or(0, |it| it.skew_seconds());
        if !holds {
            self.0.cache.remove(bearer);
            return None;
        }
        if let Err(fault) = remembered.times.check(now.seconds(), skew_seconds) {
            self.0.cache.remove(bearer);
            return Some(Err(fault.into()));
        }
        if let Err(refused) = self.session_holds(&remembered.caller) {
            return Some(Err(refused));
        }
        let directory = issuer.and_then(|it| it.directory.as_ref());
        if let (Some(asked), Some(directory)) = (&remembered.groups, directory) {
            match directory.still_holds(asked, now) {
                Still::Holds => {}
                Still::Again => return None,
            }
        }
        Some(Ok(Known { caller: remembered.caller, bound: remembered.bound }))
    }

    /// The issuer that a token names, with its place. Nothing about the token is proved yet.
    pub(crate) fn issuer_of(
        &self,
        token: &jws::Unproved<'_>,
    ) -> Result<(usize, &Arc<Issuer>), Refused> {
        let url = claims::issuer(&token.claims)?;
        let unknown = || Refused::new(Fault::IssuerUnknown, format!("iss {}", shown(url)));
        let place = *self.0.by_url.get(url).ok_or_else(unknown)?;
        Ok((place, self.0.issuers.get(place).ok_or_else(unknown)?))
    }

    /// The one judgement of a token. `trace` is off on the way of a call.
    async fn prove(
        &self,
        bearer: &str,
        sender: Sender,
        trace: &mut Trace,
    ) -> Result<(Arc<Caller>, Remembered), Refused> {
        if let Some(key) = api_key::read(bearer) {
            let remembered = self.look_up(bearer, key?).await?;
            self.session_holds(&remembered.caller)?;
            return Ok((Arc::clone(&remembered.caller), remembered));
        }
        if let Some(asked) = self.opaque(bearer) {
            let remembered = self.introspect(bearer, asked, trace).await?;
            self.session_holds(&remembered.caller)?;
            return Ok((Arc::clone(&remembered.caller), remembered));
        }
        let token = jws::parse(bearer)?;
        trace.form(&token);
        let (place, issuer) = self.issuer_of(&token)?;
        trace.issuer(&issuer.config);
        issuer.allows(token.algorithm)?;
        trace.algorithm(&token, &issuer.config);
        issuer.check_type(&token)?;
        trace.token_type(&token, &issuer.config);
        claims::check_audience(&token.claims, &issuer.config.audiences)?;
        trace.audience(&token, &issuer.config);
        let times = Times::read(&token.claims)?;
        times.check(self.0.clock.now().seconds(), issuer.skew_seconds())?;
        trace.times(times, &issuer.config);
        let key_epoch = issuer.prove(&token, sender).await?;
        trace.signature(&token, &issuer.config);

        let expires_at = Timestamp::from_millis(times.expires.saturating_mul(1000));
        let (caller, groups) =
            issuer.caller(&token.claims, expires_at, TokenUse::Call, trace).await?;
        let (caller, groups) = (Arc::new(caller), groups.map(Arc::new));
        self.session_holds(&caller)?;
        let bound = Bound::read(&token.claims)?.map(Arc::new);
        if let Some(bound) = &bound {
            trace.note("holder", &["cnf"], || (bound.to_string(), bound.rule().to_owned()));
        }
        let vouched = Vouched::Signed { issuer: place, key_epoch };
        let remembered = Remembered { caller: Arc::clone(&caller), bound, groups, vouched, times };
        Ok((caller, remembered))
    }
}

/// Whom a good token speaks of, and what its holder has to show.
struct Known {
    caller: Arc<Caller>,
    bound: Option<Arc<Bound>>,
}

impl Proved {
    /// The caller.
    pub fn caller(&self) -> &Arc<Caller> {
        &self.0
    }
}

impl Deref for Proved {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.0
    }
}

impl From<Proved> for Arc<Caller> {
    fn from(proved: Proved) -> Self {
        proved.0
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier").field("issuers", &self.issuer_urls()).finish_non_exhaustive()
    }
}
