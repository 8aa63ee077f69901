//! The history of the demo company, lived through once when the demo first starts: grants that are
//! fresh, nearly due, overdue and revoked, and a review of them that is open.
//!
//! Nothing is written behind anybody's back. Each act goes through governance, by the person who may
//! do it, on the day on which it is said to have happened: a [`Calendar`] takes the clock back, and
//! the ledger has an entry for each act. Nothing happens here on a second start.

use countersign_governance::{
    Actor, CatalogError, Governance, GrantError, NewCampaign, NewGrant, ReviewError,
};
use countersign_model::{
    Caller, CallerKind, Clock, Digest, Grant, Holder, Span, Subject, Timestamp,
    catalog::{Tag, raw::RawCatalog},
    review::{
        CampaignRules, ReviewerRule, Scope,
        schedule::{ReasonNeeded, Stage, StageMode},
    },
};
use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

/// A clock that can be set back while the history is lived through.
#[derive(Clone, Debug)]
pub struct Calendar {
    real: Clock,
    /// How far the clock is behind, in milliseconds.
    behind: Arc<AtomicI64>,
}

impl Calendar {
    /// A calendar on this clock, showing today.
    pub fn new(real: Clock) -> Self {
        Self { real, behind: Arc::new(AtomicI64::new(0)) }
    }

    /// The clock that shows what the calendar shows.
    pub fn clock(&self) -> Clock {
        let (real, behind) = (self.real.clone(), Arc::clone(&self.behind));
        Clock::new(move || real.now().minus(Span::from_millis(behind.load(Ordering::SeqCst))))
    }

    /// Goes to a day in the past.
    fn days_ago(&self, days: i64) {
        self.behind.store(Span::from_days(days).millis(), Ordering::SeqCst);
    }

    /// Goes back to today, for good.
    fn today(&self) {
        self.behind.store(0, Ordering::SeqCst);
    }
}

/// Why the history could not be lived through.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// The catalog was not taken.
    #[error("the demo's catalog was not taken")]
    Catalog(#[from] CatalogError),
    /// A grant was not made, certified or revoked.
    #[error("a grant of the demo was not made, certified or revoked")]
    Grant(#[from] GrantError),
    /// The review was not opened.
    #[error("the demo's access review was not opened")]
    Review(#[from] ReviewError),
}

/// Lives through the history: two hundred days in a moment. The store must be empty.
///
/// # Errors
/// The first act that was refused. The calendar shows today again, whatever happened.
pub async fn seed(
    governance: &Governance,
    catalog: RawCatalog,
    calendar: &Calendar,
) -> Result<(), SeedError> {
    let lived = live(governance, catalog, calendar).await;
    calendar.today();
    lived?;
    review(governance).await
}

/// Applies the demo's catalog as its administrator: on every start, since the files may be newer
/// than the state, or the port another one.
///
/// # Errors
/// [`CatalogError`].
pub async fn apply(governance: &Governance, catalog: RawCatalog) -> Result<Digest, CatalogError> {
    let applied = governance.apply_catalog(&sam(governance), catalog, None).await?;
    Ok(applied.digest)
}

async fn live(
    governance: &Governance,
    catalog: RawCatalog,
    calendar: &Calendar,
) -> Result<(), SeedError> {
    let (sam, olivia) = (sam(governance), olivia(governance));

    calendar.days_ago(200);
    apply(governance, catalog).await?;
    let developers = Holder::Group("developers".into());
    let delete = functions(&["billing.customers.delete"]);
    let forgotten = NewGrant {
        reason: "Clean up test customers before the launch".to_owned(),
        ..new(developers.clone(), delete)
    };
    let forgotten = certified(governance, &sam, &olivia, forgotten).await?;

    // High, certified for 90 days, 150 days ago: overdue, so its calls are held for the owner.
    calendar.days_ago(150);
    let export = NewGrant {
        reason: "Export customers for last year's mailing".to_owned(),
        ..new(dunning(), functions(&["billing.exports.customers"]))
    };
    certified(governance, &sam, &olivia, export).await?;

    // High, certified for 90 days, 80 days ago: due within ten days.
    calendar.days_ago(80);
    let refund = NewGrant {
        reason: "Pay back what was collected twice".to_owned(),
        constraints: vec!["args.amount <= 10000".to_owned()],
        ..new(dunning(), functions(&["billing.refunds.create"]))
    };
    certified(governance, &sam, &olivia, refund).await?;

    calendar.days_ago(30);
    let why = "Nobody remembers why developers may delete customers";
    governance.revoke_grant(&olivia, forgotten.id, why).await?;

    // Certified a few days ago: fresh.
    calendar.days_ago(6);
    let read = NewGrant {
        reason: "Remind customers of unpaid invoices".to_owned(),
        ..new(dunning(), read_functions())
    };
    certified(governance, &sam, &olivia, read).await?;
    let look = NewGrant {
        reason: "Reproduce what the dunning agent did".to_owned(),
        ..new(developers, read_functions())
    };
    certified(governance, &sam, &olivia, look).await?;
    let trial = NewGrant {
        reason: "Try the gateway on slow, large and broken answers".to_owned(),
        tags: vec![Tag::from("trial")],
        ..new(dunning(), Vec::new())
    };
    certified(governance, &sam, &olivia, trial).await?;
    Ok(())
}

/// A review of everything, which waits for olivia. It is due so late that nothing ends by itself while
/// somebody looks around.
async fn review(governance: &Governance) -> Result<(), SeedError> {
    let stage = Stage { reviewers: vec![ReviewerRule::Owner], mode: StageMode::AnyOne };
    let rules = CampaignRules {
        owner: Subject::from("sam@acme.example"),
        stages: vec![stage],
        fallback: vec![Subject::from("sam@acme.example")],
        duration: Span::from_days(90),
        grace: Span::from_days(30),
        reminders: vec![Span::from_days(3)],
        look_back: Span::from_days(90),
        breaker_percent: 20,
        bulk_max: 50,
        reason: ReasonNeeded::AgainstRecommendation,
    };
    let title = "What agents and developers may do with billing".to_owned();
    let new = NewCampaign { title, scope: Scope::default(), rules };
    governance.open_campaign(&sam(governance), new).await?;
    Ok(())
}

/// Made by one person, certified by another: nobody reviews what they made (R4).
async fn certified(
    governance: &Governance,
    maker: &Actor,
    reviewer: &Actor,
    grant: NewGrant,
) -> Result<Grant, GrantError> {
    let made = governance.add_grant(maker, grant).await?;
    governance.certify_grant(reviewer, made.id, made.version).await
}

fn new(holder: Holder, functions: Vec<countersign_model::FunctionName>) -> NewGrant {
    NewGrant {
        holder,
        functions,
        tags: Vec::new(),
        reason: String::new(),
        constraints: Vec::new(),
        rate: None,
        expires_at: None,
    }
}

fn dunning() -> Holder {
    Holder::Subject("agent:dunning".into())
}

fn read_functions() -> Vec<countersign_model::FunctionName> {
    functions(&[
        "billing.customers.list",
        "billing.customers.get",
        "billing.invoices.list",
        "billing.invoices.get",
        "billing.refunds.get",
    ])
}

fn functions(names: &[&str]) -> Vec<countersign_model::FunctionName> {
    names.iter().map(|name| (*name).into()).collect()
}

/// The administrator.
fn sam(governance: &Governance) -> Actor {
    person(governance, "sam@acme.example", "countersign-admins")
}

/// The owner of both targets.
fn olivia(governance: &Governance) -> Actor {
    person(governance, "olivia@acme.example", "billing-owners")
}

fn person(governance: &Governance, subject: &str, group: &str) -> Actor {
    governance.actor(&Caller {
        subject: Subject::from(subject),
        kind: CallerKind::Person,
        actors: Vec::new(),
        client: None,
        issuer: "demo".into(),
        groups: BTreeSet::from([group.into()]),
        scopes: BTreeSet::new(),
        name: None,
        email: None,
        expires_at: Timestamp::from_millis(i64::MAX),
        issued: countersign_model::Issued::default(),
    })
}
