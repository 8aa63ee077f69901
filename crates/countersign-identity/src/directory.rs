//! Groups that a token leaves out, asked for at the provider's directory: Microsoft Graph or Google's
//! Admin SDK.
//!
//! What is known of a person is used until it is stale, and asked for anew at half of that time
//! beside the calls: a call waits only when nothing usable is known, and then not long. What can't be
//! had is unknown, and never none. One question at a time is asked about a person, a few at a time in
//! all, none while the directory wants a pause; and none ever goes to a place that a token names.

mod config;
mod google;
mod graph;
mod wire;

pub use config::{Ask, DirectoryConfig, GoogleGroups, GoogleWorkspace, MicrosoftGraph};

use crate::{Fault, Http, Refused, SecretFault, mapping::Mapping};
use countersign_model::{Caller, CallerKind, Clock, Group, Span, Timestamp};
use google::Google;
use graph::Graph;
use serde_json::{Map, Value};
use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};
use tokio::sync::{Semaphore, watch};
use wire::{AskFailed, Wire};

/// The directory of one issuer.
pub(crate) struct Directory {
    config: DirectoryConfig,
    mapping: Mapping,
    clock: Clock,
    wire: Wire,
    /// Set when the secrets are there.
    source: OnceLock<Source>,
    people: Mutex<People>,
    waiting: Semaphore,
    asking: Semaphore,
}

enum Source {
    Graph(Graph),
    Google(Google),
}

/// Whom the directory is asked about, as it names them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Person {
    id: String,
    kind: CallerKind,
}

/// The groups of somebody, as of a moment.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) groups: Arc<BTreeSet<Group>>,
    pub(crate) read_at: Timestamp,
}

/// Of whose groups, and as of when, a caller was proved.
#[derive(Clone, Debug)]
pub(crate) struct GroupsAsked {
    person: Person,
    read_at: Timestamp,
}

/// What to do with a caller that was proved a while ago.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Still {
    /// Use it.
    Holds,
    /// Prove it again: its groups are known anew, or no longer.
    Again,
}

#[derive(Default)]
struct People {
    entries: HashMap<Person, Entry>,
    /// The directory wants no question until then.
    pause_until: Option<Timestamp>,
    /// When an operator was last told that it can't be asked.
    said_at: Option<Timestamp>,
}

impl People {
    /// Tells the operator, but not of each person in an outage.
    fn say(&mut self, issuer: &str, fault: &str, now: Timestamp) {
        let lately = |at: Timestamp| (0..SAID_MILLIS).contains(&now.since(at).millis());
        if self.said_at.is_some_and(lately) {
            tracing::debug!(issuer, fault, "directory not asked");
        } else {
            tracing::warn!(issuer, fault, "directory not asked");
            self.said_at = Some(now);
        }
    }
}

struct Entry {
    known: Option<Known>,
    running: bool,
    failed: Option<(Timestamp, Refused)>,
    done: watch::Sender<u64>,
}

/// A directory that can't be asked.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryFault {
    /// The secret is not there.
    #[error("the secret for the directory of issuer {issuer} cannot be read")]
    Secret {
        /// The issuer's configured name.
        issuer: String,
        /// Why.
        source: SecretFault,
    },
    /// The service account's key is none.
    #[error("the key for the directory of issuer {issuer} is not the JSON file that Google makes")]
    BadKey {
        /// The issuer's configured name.
        issuer: String,
    },
}

impl Directory {
    pub(crate) fn new(config: DirectoryConfig, mapping: Mapping, http: Http, clock: Clock) -> Self {
        Self {
            wire: Wire::new(http, clock.clone()),
            config,
            mapping,
            clock,
            source: OnceLock::new(),
            people: Mutex::default(),
            waiting: Semaphore::new(WAITING_MAX),
            asking: Semaphore::new(ASKING_MAX),
        }
    }

    /// Reads the secrets. Before it, nobody's groups are known.
    pub(crate) fn connect(
        &self,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<(), DirectoryFault> {
        let issuer = || self.mapping.issuer_name().to_owned();
        let no_secret = |source| DirectoryFault::Secret { issuer: issuer(), source };
        let source = if let Some(graph) = &self.config.microsoft_graph {
            let secret = graph.client_secret.resolve(environment).map_err(no_secret)?;
            Source::Graph(Graph::new(graph.clone(), secret))
        } else if let Some(google) = &self.config.google_workspace {
            let key = google.key.resolve(environment).map_err(no_secret)?;
            let account = Google::new(google.clone(), &key);
            Source::Google(account.ok_or_else(|| DirectoryFault::BadKey { issuer: issuer() })?)
        } else {
            return Ok(());
        };
        // A second time changes nothing.
        drop(self.source.set(source));
        Ok(())
    }

    /// The caller with the groups that its token leaves out; and of when they are, if any were
    /// asked for.
    pub(crate) async fn complete(
        self: &Arc<Self>,
        mut caller: Caller,
        claims: &Map<String, Value>,
    ) -> Result<(Caller, Option<GroupsAsked>), Refused> {
        let needed = match self.config.ask {
            Ask::Always => true,
            Ask::WhenLeftOut => self.mapping.leaves_groups_out(claims),
        };
        if !needed {
            return Ok((caller, None));
        }
        let person = self.person(&caller, claims)?;
        let known = self.groups(&person).await?;
        caller.groups = known.groups.as_ref().clone();
        Ok((caller, Some(GroupsAsked { person, read_at: known.read_at })))
    }

    /// Whether a caller that was proved with these groups can be used again. Never waits.
    pub(crate) fn still_holds(self: &Arc<Self>, asked: &GroupsAsked, now: Timestamp) -> Still {
        let mut people = self.lock();
        let known = people.entries.get(&asked.person).and_then(|it| it.known.as_ref());
        let current = known.is_some_and(|it| it.read_at == asked.read_at);
        if !current || !self.is_usable(asked.read_at, now) {
            return Still::Again;
        }
        if self.is_due(asked.read_at, now) {
            self.start(&mut people, &asked.person, now);
        }
        Still::Holds
    }

    /// The groups of a person: what is known, or what can be had soon.
    async fn groups(self: &Arc<Self>, person: &Person) -> Result<Known, Refused> {
        let mut done = match self.known_or_asked(person)? {
            Found::Known(known) => return Ok(known),
            Found::Asked(done) => done,
        };
        let Ok(_place) = self.waiting.try_acquire() else {
            return Err(unknown("too many calls wait for the directory"));
        };
        let before = *done.borrow_and_update();
        let wait = u64::try_from(self.config.wait_max.millis()).unwrap_or_default();
        let finished = done.wait_for(|count| *count != before);
        if tokio::time::timeout(Duration::from_millis(wait), finished).await.is_err() {
            return Err(unknown("the directory did not answer in time"));
        }
        let now = self.clock.now();
        let people = self.lock();
        let Some(entry) = people.entries.get(person) else {
            return Err(unknown("the directory was asked about too many people"));
        };
        match (&entry.known, &entry.failed) {
            (Some(known), _) if self.is_usable(known.read_at, now) => Ok(known.clone()),
            (_, Some((_, refused))) => Err(refused.clone()),
            (_, None) => Err(unknown("the directory was not asked to the end")),
        }
    }

    /// What is known and usable; or a question that is asked already or now.
    fn known_or_asked(self: &Arc<Self>, person: &Person) -> Result<Found, Refused> {
        let now = self.clock.now();
        let mut people = self.lock();
        if let Some(entry) = people.entries.get(person) {
            if let Some(known) = entry.known.clone().filter(|it| self.is_usable(it.read_at, now)) {
                if self.is_due(known.read_at, now) {
                    self.start(&mut people, person, now);
                }
                return Ok(Found::Known(known));
            }
            let lately = |at: Timestamp| (0..FAILED_MILLIS).contains(&now.since(at).millis());
            if let Some((at, refused)) = &entry.failed
                && !entry.running
                && lately(*at)
            {
                return Err(refused.clone());
            }
        }
        match self.start(&mut people, person, now) {
            Some(done) => Ok(Found::Asked(done)),
            None => Err(unknown("the directory wants a pause")),
        }
    }

    /// Begins a question about a person if none runs; `None` while the directory wants a pause.
    fn start(
        self: &Arc<Self>,
        people: &mut People,
        person: &Person,
        now: Timestamp,
    ) -> Option<watch::Receiver<u64>> {
        let wanted = |until: Timestamp| {
            let left = until.since(now).millis();
            (1..=PAUSE_SECONDS_MAX * 1000).contains(&left)
        };
        if people.pause_until.is_some_and(wanted) {
            return None;
        }
        if !people.entries.contains_key(person) && people.entries.len() >= PEOPLE_MAX {
            self.forget(people, now);
        }
        let entry = people.entries.entry(person.clone()).or_insert_with(Entry::new);
        let done = entry.done.subscribe();
        let lately = |at: Timestamp| (0..FAILED_MILLIS).contains(&now.since(at).millis());
        let failed_lately = entry.failed.as_ref().is_some_and(|(at, _)| lately(*at));
        if !entry.running && !failed_lately {
            entry.running = true;
            // A task of its own: whoever asked may hang up, the others go on waiting.
            let question = Question(Arc::clone(self), person.clone());
            drop(tokio::spawn(question.ask()));
        }
        Some(done)
    }

    /// Makes room: for whoever is stale first, then for anybody about whom nothing is being asked.
    fn forget(&self, people: &mut People, now: Timestamp) {
        people.entries.retain(|_, it| {
            it.running || it.known.as_ref().is_some_and(|it| self.is_usable(it.read_at, now))
        });
        if people.entries.len() >= PEOPLE_MAX {
            people.entries.retain(|_, it| it.running);
        }
    }

    async fn read(&self, person: &Person) -> Result<BTreeSet<Group>, AskFailed> {
        let source = self.source.get().ok_or(AskFailed::NotConnected)?;
        let _place = self.asking.acquire().await;
        let most = self.config.groups_max;
        let names = match source {
            Source::Graph(graph) => graph.groups(&self.wire, &person.id, person.kind, most).await?,
            Source::Google(google) => google.groups(&self.wire, &person.id, most).await?,
        };
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        self.mapping.named_groups(&names, most).map_err(|_| AskFailed::Malformed)
    }

    fn person(&self, caller: &Caller, claims: &Map<String, Value>) -> Result<Person, Refused> {
        let claim = if self.config.microsoft_graph.is_some() { "oid" } else { "sub" };
        let id = claims.get(claim).and_then(Value::as_str).unwrap_or_default();
        // It becomes a part of a URL.
        let plain = |it: u8| it.is_ascii_alphanumeric() || it == b'-';
        if id.is_empty() || id.len() > ID_BYTES_MAX || !id.bytes().all(plain) {
            return Err(unknown(format!("{claim} is no id of the directory")));
        }
        Ok(Person { id: id.to_owned(), kind: caller.kind })
    }

    fn is_usable(&self, read_at: Timestamp, now: Timestamp) -> bool {
        (0..self.config.stale_after.millis()).contains(&now.since(read_at).millis())
    }

    fn is_due(&self, read_at: Timestamp, now: Timestamp) -> bool {
        now.since(read_at).millis() >= self.config.stale_after.millis() / 2
    }

    fn lock(&self) -> MutexGuard<'_, People> {
        self.people.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Found {
    Known(Known),
    Asked(watch::Receiver<u64>),
}

impl Entry {
    fn new() -> Self {
        Self { known: None, running: false, failed: None, done: watch::Sender::new(0) }
    }
}

/// A question that is being asked. However it ends, also by a panic or with the runtime, those who
/// wait are woken and the next one may begin.
struct Question(Arc<Directory>, Person);

impl Question {
    async fn ask(self) {
        let Self(directory, person) = &self;
        let asked = tokio::time::timeout(QUESTION_TIME_MAX, directory.read(person)).await;
        let now = directory.clock.now();
        let mut people = directory.lock();
        let failed = match asked {
            Ok(Ok(groups)) => {
                if let Some(entry) = people.entries.get_mut(person) {
                    entry.known = Some(Known { groups: Arc::new(groups), read_at: now });
                    entry.failed = None;
                }
                return;
            }
            Ok(Err(failed)) => failed,
            Err(_) => AskFailed::TooSlow,
        };
        let fault = failed.with_causes();
        people.say(directory.mapping.issuer_name(), &fault, now);
        if let Some(seconds) = failed.pause_seconds() {
            let pause = Span::from_seconds(seconds.clamp(1, PAUSE_SECONDS_MAX));
            people.pause_until = Some(now.plus(pause));
        }
        if let Some(entry) = people.entries.get_mut(person) {
            // Whom the directory does not know is nobody any more, whatever was known.
            if matches!(failed, AskFailed::NobodyThere) {
                entry.known = None;
                let detail = "the directory does not know the subject";
                entry.failed = Some((now, Refused::new(Fault::SubjectNotAccepted, detail)));
            } else {
                entry.failed = Some((now, unknown(fault)));
            }
        }
    }
}

impl Drop for Question {
    fn drop(&mut self) {
        if let Some(entry) = self.0.lock().entries.get_mut(&self.1) {
            entry.running = false;
            entry.done.send_modify(|count| *count = count.wrapping_add(1));
        }
    }
}

fn unknown(detail: impl Into<String>) -> Refused {
    Refused::new(Fault::GroupsUnknown, detail)
}

/// Calls that wait for the directory at the same time.
const WAITING_MAX: usize = 256;
/// Questions that are asked at the same time.
const ASKING_MAX: usize = 8;
/// People about whom something is known. Only proved tokens get here.
const PEOPLE_MAX: usize = 20_000;
/// The longest that one question takes, with all its pages.
const QUESTION_TIME_MAX: Duration = Duration::from_secs(30);
/// How long a failed question is not asked again.
const FAILED_MILLIS: i64 = 5_000;
/// How often an operator is told that a directory can't be asked.
const SAID_MILLIS: i64 = 10_000;
/// The longest pause that a directory can ask for.
const PAUSE_SECONDS_MAX: i64 = 300;
const ID_BYTES_MAX: usize = 128;
