//! Random histories against a simple model: no history lets a call through on a grant that is overdue,
//! revoked, suspended, or certified by whom it reaches; and what the model lets through, goes through.

use super::scene::{answer, rules};
use crate::world::{REFUND, World, actor, ada, olivia, subject};
use countersign_governance::Actor;
use countersign_model::{
    GrantId, Reason, Span, Timestamp,
    review::{Campaign, ReviewVerdict},
};
use std::{collections::BTreeMap, sync::atomic::Ordering};

/// Histories of a run, and steps of each.
const HISTORIES: u64 = 8;
const STEPS: usize = 60;
const HOLDERS: [&str; 4] = ["riley", "kim", "sam", "olivia"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r08_no_history_lets_a_call_through_that_nobody_answers_for() {
    for seed in 1..=HISTORIES {
        let mut history = History::begin(seed).await;
        for step in 0..STEPS {
            let what = history.step().await;
            history.check(&format!("seed {seed}, step {step}: {what}"));
        }
    }
}

/// What the model knows of a grant.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    version: u32,
    /// The version and time of its certification.
    certified: Option<(u32, Timestamp)>,
    revoked: bool,
    suspended: bool,
}

/// What the model knows of an item.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Stands {
    Open,
    Suspended,
    Certified { before: Option<(u32, Timestamp)>, at: Timestamp },
    Revoked { at: Timestamp, suspended: bool },
    Over,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Phase {
    Open,
    Grace,
    Closed,
}

struct History {
    world: Option<World>,
    random: u64,
    grants: BTreeMap<GrantId, (&'static str, Known)>,
    campaign: Option<(Campaign, Phase, BTreeMap<GrantId, Stands>)>,
    every: Span,
}

impl History {
    async fn begin(seed: u64) -> Self {
        let world = World::sqlite().await;
        let snapshot = world.governance.policy().load();
        let every = snapshot.catalog().by_name(REFUND).unwrap().1.review.every;
        let mut grants = BTreeMap::new();
        for holder in HOLDERS {
            let id = world.grant(&ada(), subject(holder), REFUND).await;
            grants.insert(id, (holder, Known { version: 1, ..Known::default() }));
        }
        let random = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        Self { world: Some(world), random, grants, campaign: None, every }
    }

    fn world(&self) -> &World {
        self.world.as_ref().unwrap()
    }

    fn draw(&mut self, below: usize) -> usize {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        usize::try_from(self.random % u64::try_from(below).unwrap()).unwrap()
    }

    fn any_grant(&mut self) -> (GrantId, &'static str) {
        let place = self.draw(self.grants.len());
        let (id, (holder, _)) = self.grants.iter().nth(place).unwrap();
        (*id, holder)
    }

    async fn step(&mut self) -> String {
        match self.draw(12) {
            0 => self.open().await,
            1..=3 => self.say(ReviewVerdict::Certify).await,
            4 => self.say(ReviewVerdict::Revoke).await,
            5 => self.undo().await,
            6 => self.widen().await,
            7 => self.revoke().await,
            8 => self.certify_oneself().await,
            9 => {
                let days = i64::try_from(self.draw(12)).unwrap() - 2;
                self.world().time.fetch_add(Span::from_days(days).millis(), Ordering::SeqCst);
                self.look().await;
                format!("{days} days")
            }
            10 => {
                let world = self.world.take().unwrap();
                self.world = Some(world.restart().await);
                "restart".to_owned()
            }
            _ => {
                self.look().await;
                "look".to_owned()
            }
        }
    }

    async fn open(&mut self) -> String {
        if self.campaign.as_ref().is_some_and(|(_, phase, _)| *phase != Phase::Closed) {
            return "open: one runs".to_owned();
        }
        let campaign = self.world().open_review(rules()).await;
        let active = self.grants.iter().filter(|(_, (_, known))| !known.revoked);
        let items = active.map(|(id, _)| (*id, Stands::Open)).collect();
        self.campaign = Some((campaign, Phase::Open, items));
        "open".to_owned()
    }

    /// The person who is asked: the owner, and about her own grant the fallback.
    fn reviewer(holder: &str) -> Actor {
        if holder == "olivia" { actor("fiona", &[]) } else { olivia() }
    }

    async fn say(&mut self, verdict: ReviewVerdict) -> String {
        let (id, holder) = self.any_grant();
        let Some((campaign, ..)) = self.campaign.clone() else { return "say: nothing".to_owned() };
        let is_crash = self.draw(8) == 0;
        let version = self.grants[&id].1.version;
        if is_crash {
            self.world.as_mut().unwrap().break_ledger();
        }
        let new = vec![answer(id, version, verdict.clone())];
        let by = Self::reviewer(holder);
        let said = self.world().governance.answer_items(&by, campaign.id, new).await;
        let taken = match said {
            Ok(all) => all[0].result.is_ok(),
            // It is written down; only the ledger has not got it.
            Err(error) => error.code() == "ledger_unavailable",
        };
        if is_crash {
            let world = self.world.take().unwrap();
            self.world = Some(world.restart().await);
        }
        let now = self.world().now();
        let what = format!("{} of {holder} taken: {taken}, crash: {is_crash}", verdict.name());
        if !taken {
            return what;
        }
        let (_, known) = self.grants.get_mut(&id).unwrap();
        let item = self.campaign.as_mut().unwrap().2.get_mut(&id).unwrap();
        match verdict {
            ReviewVerdict::Certify => {
                assert!(!known.revoked, "{what}: it was revoked");
                let before = match *item {
                    Stands::Certified { before, .. } => before,
                    _ => known.certified,
                };
                known.certified = Some((known.version, now));
                known.suspended = false;
                *item = Stands::Certified { before, at: now };
            }
            _ => {
                *item = Stands::Revoked { at: now, suspended: known.suspended };
                known.revoked = true;
            }
        }
        what
    }

    async fn undo(&mut self) -> String {
        let (id, holder) = self.any_grant();
        let Some((campaign, phase, _)) = self.campaign.clone() else {
            return "undo: nothing".to_owned();
        };
        let by = Self::reviewer(holder);
        let undone = self.world().governance.undo(&by, campaign.id, id).await;
        let what = format!("undo of {holder}: {:?}", undone.as_ref().map(|it| it.state.name()));
        if undone.is_err() {
            return what;
        }
        let now = self.world().now();
        let (_, known) = self.grants.get_mut(&id).unwrap();
        let item = self.campaign.as_mut().unwrap().2.get_mut(&id).unwrap();
        match *item {
            Stands::Certified { before, at } => {
                if known.certified.is_some_and(|it| it == (known.version, at)) {
                    known.certified = before;
                }
            }
            Stands::Revoked { at, suspended } => {
                assert!(now <= at.plus(Span::from_seconds(900)), "{what}: too late");
                known.revoked = false;
                known.suspended = suspended;
            }
            other => panic!("{what}: {other:?}"),
        }
        *item = Stands::Open;
        if phase == Phase::Grace || known.suspended {
            known.suspended = true;
            *item = Stands::Suspended;
        }
        what
    }

    async fn widen(&mut self) -> String {
        let (id, holder) = self.any_grant();
        if self.grants[&id].1.revoked {
            return "widen: revoked".to_owned();
        }
        self.world().widen(id, crate::world::STATUS).await;
        let (_, known) = self.grants.get_mut(&id).unwrap();
        known.version += 1;
        known.certified = None;
        self.look().await;
        format!("widen {holder}")
    }

    async fn revoke(&mut self) -> String {
        if self.draw(3) > 0 {
            return "revoke: not this time".to_owned();
        }
        let (id, holder) = self.any_grant();
        self.world().governance.revoke_grant(&olivia(), id, "over").await.unwrap();
        self.grants.get_mut(&id).unwrap().1.revoked = true;
        self.look().await;
        format!("revoke {holder}")
    }

    /// Whoever a grant reaches, its maker, an agent and a stranger try; none of them is heard.
    async fn certify_oneself(&mut self) -> String {
        let (id, holder) = self.any_grant();
        let Some((campaign, ..)) = &self.campaign else { return "oneself: nothing".to_owned() };
        let mut agent = Self::reviewer(holder);
        agent.person.kind = countersign_model::CallerKind::Agent;
        for who in [actor(holder, &[]), ada(), agent, actor("stranger", &[])] {
            let new = vec![answer(id, self.grants[&id].1.version, ReviewVerdict::Certify)];
            let said = self.world().governance.answer_items(&who, campaign.id, new).await;
            let taken = said.is_ok_and(|all| all[0].result.is_ok());
            assert!(!taken, "{} certified the grant of {holder}", who.subject());
        }
        format!("oneself of {holder}")
    }

    /// The clockwork, there and in the model.
    async fn look(&mut self) {
        self.world().look().await;
        let now = self.world().now();
        let Some((campaign, phase, items)) = &mut self.campaign else { return };
        let grants = &mut self.grants;
        if *phase != Phase::Closed {
            for (id, item) in items.iter_mut() {
                let known = grants[id].1;
                let stale = known.certified.is_none_or(|(version, _)| version != known.version);
                match item {
                    Stands::Open | Stands::Suspended if known.revoked => *item = Stands::Over,
                    Stands::Certified { .. } if stale && !known.revoked => *item = Stands::Open,
                    _ => {}
                }
            }
        }
        if *phase == Phase::Open && now >= campaign.due_at {
            for (id, item) in items.iter_mut().filter(|(_, it)| **it == Stands::Open) {
                grants.get_mut(id).unwrap().1.suspended = true;
                *item = Stands::Suspended;
            }
            *phase = Phase::Grace;
        }
        let waits = |it: &Stands| matches!(it, Stands::Open | Stands::Suspended);
        if *phase == Phase::Grace && now >= campaign.grace_until {
            for (id, item) in items.iter_mut().filter(|(_, it)| waits(it)) {
                grants.get_mut(id).unwrap().1.revoked = true;
                *item = Stands::Over;
            }
        }
        if *phase == Phase::Grace && !items.values().any(waits) {
            *phase = Phase::Closed;
        }
    }

    /// What is said of a call now is what the model says.
    fn check(&self, after: &str) {
        let now = self.world().now();
        for (id, (holder, known)) in &self.grants {
            let is_fresh = known
                .certified
                .is_some_and(|(version, at)| version == known.version && now < at.plus(self.every));
            let allowed = is_fresh && !known.revoked && !known.suspended;
            let said = self.world().said(holder, &[], REFUND);
            assert_eq!(
                said == Reason::Granted,
                allowed,
                "{after}: {holder} {id}: {said:?}; {known:?}"
            );
        }
    }
}
