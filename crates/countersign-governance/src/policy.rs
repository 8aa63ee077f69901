//! The policy in force: an immutable snapshot that is swapped whole, and how recently the store
//! confirmed that it is the last one. A gateway that can't confirm it stops forwarding, and goes on
//! by itself when it can.

use crate::{Governance, Unavailable, session_ends::CUT_OFF_KEPT};
use arc_swap::ArcSwap;
use countersign_model::{
    ApprovalId, Catalog, CutOffs, Denial, Epoch, Grant, GrantId, Snapshot, Span, Timestamp,
    ToldGroups,
    catalog::{compile, raw::RawCatalog},
    snapshot::{Deactivation, Facts, Kill, Suspension, Unowned},
};
use countersign_store::{
    APPROVALS_LOOK_MAX, CatalogRow, Counters, CutOffRow, Engine, Listener, StoreError, ToldNews,
};
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{Notify, futures::Notified},
    time::{Instant, sleep, timeout},
};

/// How often the epoch is read from a file.
const POLL_SQLITE: Duration = Duration::from_millis(250);
/// How often the epoch is read from a server, which also tells of changes by itself.
const POLL_POSTGRES: Duration = Duration::from_secs(1);
/// How often approvals are ended by time and waiting entries are tried again.
const CHORES_EVERY: Duration = Duration::from_secs(1);
/// How often the gateway says that it is alive and looks for dead ones.
const ALIVE_EVERY: Duration = Duration::from_secs(15);
/// How long one look at the store may take: reading, not compiling what was read.
const LOOK_WITHIN: Duration = Duration::from_secs(4);
/// A gateway that was silent for so long is dead; what it left is taken over.
const DEAD_AFTER: Span = Span::from_seconds(600);

/// What decisions are made from.
#[derive(Debug)]
pub struct Policy {
    snapshot: ArcSwap<Snapshot>,
    raw: ArcSwap<RawCatalog>,
    cut_offs: ArcSwap<CutOffs>,
    confirmed_at: AtomicI64,
    stale_after: Span,
    swapped: Notify,
}

/// Whoever has something to make of a catalog before it is in force.
#[derive(Default)]
pub(crate) struct Preparing(Mutex<Vec<Arc<Prepare>>>);

type Prepare = dyn Fn(&Arc<Catalog>) + Send + Sync;

impl Preparing {
    fn all(&self) -> MutexGuard<'_, Vec<Arc<Prepare>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The facts behind the snapshot, kept so that a change costs what changed.
#[derive(Debug, Default)]
pub(crate) struct Known {
    loaded: Option<Epoch>,
    approvals: u64,
    catalog: Arc<Catalog>,
    raw: Arc<RawCatalog>,
    grants: BTreeMap<GrantId, Arc<Grant>>,
    suspensions: Vec<Suspension>,
    deactivations: Vec<Deactivation>,
    denials: Vec<Arc<Denial>>,
    kills: Vec<Kill>,
    unowned: Vec<Unowned>,
    told: Arc<ToldGroups>,
}

impl Policy {
    pub(crate) fn new(stale_after: Span) -> Self {
        Self {
            snapshot: ArcSwap::from_pointee(Snapshot::default()),
            raw: ArcSwap::from_pointee(RawCatalog::default()),
            cut_offs: ArcSwap::default(),
            confirmed_at: AtomicI64::new(i64::MIN),
            stale_after,
            swapped: Notify::new(),
        }
    }

    /// The snapshot in force.
    pub fn load(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// The number of the snapshot in force.
    pub fn epoch(&self) -> Epoch {
        self.snapshot.load().epoch()
    }

    /// Completes at the next swap of the snapshot after this was called, also when it is first
    /// polled later. Ask first, then look, then wait: nothing is missed.
    pub fn swapped(&self) -> Notified<'_> {
        self.swapped.notified()
    }

    /// The catalog in force as people wrote it.
    pub fn raw_catalog(&self) -> Arc<RawCatalog> {
        self.raw.load_full()
    }

    /// The cut-offs in force: whose sessions ended before their credentials do.
    pub fn cut_offs(&self) -> Arc<CutOffs> {
        self.cut_offs.load_full()
    }

    /// Whether the store confirmed lately that the snapshot is the last one. A clock that was set
    /// back makes it stale until the next confirmation.
    pub fn is_current(&self, now: Timestamp) -> bool {
        let confirmed_at = self.confirmed_at.load(Ordering::Acquire);
        confirmed_at != i64::MIN
            && now.millis().abs_diff(confirmed_at) <= self.stale_after.millis().unsigned_abs()
    }

    fn confirm(&self, at: Timestamp) {
        self.confirmed_at.store(at.millis(), Ordering::Release);
    }
}

/// What one look at the store found.
struct Look {
    counters: Counters,
    approvals: Vec<(ApprovalId, u64)>,
    policy: Option<News>,
}

/// What changed in the policy, as one moment of the store has it.
struct News {
    suspensions: Vec<Suspension>,
    deactivations: Vec<Deactivation>,
    denials: Vec<Denial>,
    kills: Vec<Kill>,
    unowned: Vec<Unowned>,
    cut_offs: Vec<CutOffRow>,
    grants: Vec<Grant>,
    catalog: Option<CatalogRow>,
    told: Vec<ToldNews>,
}

impl Governance {
    /// Has `prepare` called with each new catalog before calls are judged by it, on a thread that
    /// may be kept busy. The catalog in force at this moment is not among them.
    pub fn before_each_catalog(&self, prepare: impl Fn(&Arc<Catalog>) + Send + Sync + 'static) {
        self.0.preparing.all().push(Arc::new(prepare));
    }

    /// Reads what changed since the last look, and swaps the snapshot if anything did.
    pub(crate) async fn refresh(&self) -> Result<(), Unavailable> {
        let mut known = self.0.known.lock().await;
        // Taken before the read: the confirmation is at least as old as what was read.
        let now = self.clock().now();
        // Only the reading has a limit: to compile what was read always comes to an end, and
        // would begin again and again if it were cut short.
        let look =
            timeout(LOOK_WITHIN, self.look(&known)).await.map_err(|_| StoreError::Late)??;
        if let Some(news) = look.policy {
            self.publish(&mut known, news, look.counters).await?;
        }
        self.0.policy.confirm(now);
        for (id, tick) in &look.approvals {
            self.0.watchers.tell(*id, *tick);
        }
        known.approvals = match look.approvals.last() {
            // The rest comes with the next look. Approvals that changed together have one
            // number, and the page may end between them.
            Some((_, last)) if look.approvals.len() >= APPROVALS_LOOK_MAX => last.saturating_sub(1),
            Some(_) | None => look.counters.approvals,
        };
        drop(known);
        Ok(())
    }

    async fn look(&self, known: &Known) -> Result<Look, StoreError> {
        let mut view = self.store().view().await?;
        let counters = view.counters().await?;
        // Nobody waits yet for approvals that changed before the start.
        let approvals = if known.loaded.is_none() || known.approvals == counters.approvals {
            Vec::new()
        } else {
            view.approvals_since(known.approvals).await?
        };
        if known.loaded == Some(counters.epoch) {
            return Ok(Look { counters, approvals, policy: None });
        }
        let catalog = match view.catalog_digest().await? {
            Some(digest) if digest != known.catalog.digest => view.catalog(&digest).await?,
            Some(_) | None => None,
        };
        let (suspensions, kills) = (view.suspensions().await?, view.kills().await?);
        let deactivations = view.deactivations().await?;
        let denials = view.denials().await?;
        let unowned = view.unowned().await?;
        let grants = view.grants_since(known.loaded).await?;
        let cut_offs = view.cut_offs_since(known.loaded).await?;
        let told = view.told_since(known.loaded).await?;
        let policy = Some(News {
            suspensions,
            deactivations,
            denials,
            kills,
            unowned,
            cut_offs,
            grants,
            catalog,
            told,
        });
        Ok(Look { counters, approvals, policy })
    }

    async fn publish(
        &self,
        known: &mut Known,
        news: News,
        counters: Counters,
    ) -> Result<(), Unavailable> {
        let News {
            suspensions,
            deactivations,
            denials,
            kills,
            unowned,
            cut_offs,
            grants,
            catalog,
            told,
        } = news;
        // First: they take effect even if what follows could not be compiled.
        self.publish_cut_offs(cut_offs);
        if let Some(row) = catalog {
            let masks = self.0.masks;
            let compiled = tokio::task::spawn_blocking(move || {
                compile(&row.catalog, &|rule| masks(rule)).map(|it| (it, row.catalog))
            });
            let (catalog, raw) =
                compiled.await.map_err(|_| Unavailable::Policy)?.map_err(|faults| {
                    tracing::error!(faults = faults.len(), "the stored catalog does not compile");
                    Unavailable::Policy
                })?;
            known.catalog = Arc::new(catalog);
            known.raw = Arc::new(raw);
        }
        known.grants.extend(grants.into_iter().map(|grant| (grant.id, Arc::new(grant))));
        known.suspensions = suspensions;
        known.deactivations = deactivations;
        known.denials = denials.into_iter().map(Arc::new).collect();
        known.kills = kills;
        known.unowned = unowned;
        self.take_up(&mut known.told, told);
        let facts = Facts {
            epoch: counters.epoch,
            catalog: Arc::clone(&known.catalog),
            grants: known.grants.values().cloned().collect(),
            suspensions: known.suspensions.clone(),
            deactivations: known.deactivations.clone(),
            denials: known.denials.clone(),
            kills: known.kills.clone(),
            told: Arc::clone(&known.told),
            unowned: known.unowned.clone(),
        };
        let before = self.policy().load();
        let preparing = self.0.preparing.all().clone();
        let compiled = tokio::task::spawn_blocking(move || {
            if !Arc::ptr_eq(before.catalog(), &facts.catalog) {
                preparing.iter().for_each(|prepare| prepare(&facts.catalog));
            }
            Snapshot::compile_after(&before, facts)
        });
        let snapshot = compiled.await.map_err(|_| Unavailable::Policy)?;
        self.0.policy.raw.store(Arc::clone(&known.raw));
        self.0.policy.snapshot.store(Arc::new(snapshot));
        self.0.policy.swapped.notify_waiters();
        known.loaded = Some(counters.epoch);
        Ok(())
    }

    fn publish_cut_offs(&self, news: Vec<CutOffRow>) {
        if news.is_empty() {
            return;
        }
        let news = news.into_iter().map(|it| (it.whose, it.at));
        let oldest = self.clock().now().minus(CUT_OFF_KEPT);
        let cut_offs = Arc::new(self.policy().cut_offs().with(news).since(oldest));
        self.0.policy.cut_offs.store(Arc::clone(&cut_offs));
        self.0.followers.tell(&cut_offs);
    }

    /// Keeps the policy current, for ever: looks for changes, ends approvals by time, tries waiting
    /// ledger entries again, and takes over what dead gateways left. Run it once.
    pub async fn keep_current(self) {
        let every = match self.store().engine() {
            Engine::Sqlite => POLL_SQLITE,
            Engine::Postgres => POLL_POSTGRES,
        };
        let mut listener = None;
        let (mut chores_at, mut alive_at) = (Instant::now(), Instant::now());
        let mut health = Health::Good;
        loop {
            let now = Instant::now();
            let mut look = self.refresh().await;
            if look.is_ok() && now >= chores_at {
                chores_at = now + CHORES_EVERY;
                look = self.chores().await;
            }
            if look.is_ok() && now >= alive_at {
                alive_at = now + ALIVE_EVERY;
                look = self.rarer_chores().await;
            }
            health = health.say(&look);
            if listener.is_none() && look.is_ok() {
                listener = self.store().listen().await.ok().flatten();
            }
            wait(&mut listener, every).await;
        }
    }

    async fn chores(&self) -> Result<(), Unavailable> {
        self.lapse_approvals().await?;
        self.say_epoch().await?;
        self.deliver().await
    }

    async fn rarer_chores(&self) -> Result<(), Unavailable> {
        self.0.watchers.sweep();
        self.say_alive().await?;
        self.take_over().await?;
        self.lapse_grant_requests().await?;
        self.watch_owners().await?;
        self.store().sweep_web_sessions(self.clock().now()).await?;
        let mut change = self.store().change().await?;
        change.sweep_cut_offs(self.clock().now()).await?;
        change.commit().await?;
        let mut change = self.store().change().await?;
        change.sweep_delegations(self.clock().now()).await?;
        change.commit().await?;
        self.store().sweep_used_once(self.clock().now()).await?;
        Ok(())
    }

    pub(crate) async fn say_alive(&self) -> Result<(), Unavailable> {
        let mut change = self.store().change().await?;
        change.saw_gateway(self.gateway(), self.clock().now()).await?;
        change.serves_epoch(self.gateway(), self.policy().epoch()).await?;
        Ok(change.commit().await?)
    }

    /// Finishes what gateways left that have been silent for long: their entries go into this
    /// gateway's ledger, and nobody can know how the calls ended that used an approval.
    pub(crate) async fn take_over(&self) -> Result<(), Unavailable> {
        let before = self.clock().now().minus(DEAD_AFTER);
        let dead = self.store().view().await?.gateways_silent_since(before).await?;
        for name in dead.iter().filter(|name| *name != self.gateway()) {
            let mut change = self.store().change().await?;
            change.adopt_entries(name, self.gateway()).await?;
            change.commit().await?;
            self.deliver().await?;
            self.end_redeeming(name).await?;
            let mut change = self.store().change().await?;
            change.forget_gateway(name).await?;
            change.commit().await?;
        }
        Ok(())
    }
}

/// Waits for news or for the next look, whichever comes first.
async fn wait(listener: &mut Option<Listener>, every: Duration) {
    let lost = match listener {
        None => {
            sleep(every).await;
            false
        }
        Some(ears) => matches!(timeout(every, ears.changed()).await, Ok(Err(_))),
    };
    if lost {
        *listener = None;
        sleep(every).await;
    }
}

/// Whether the last look went well, so that the log says each change once.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Health {
    Good,
    Bad,
}

impl Health {
    fn say(self, look: &Result<(), Unavailable>) -> Self {
        match (self, look) {
            (Self::Good, Err(error)) => {
                tracing::warn!(code = error.code(), cause = %chain(error), "policy not confirmed");
                Self::Bad
            }
            (Self::Bad, Ok(())) => {
                tracing::info!("policy confirmed again");
                Self::Good
            }
            (Self::Good | Self::Bad, _) => self,
        }
    }
}

/// An error and its causes in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
