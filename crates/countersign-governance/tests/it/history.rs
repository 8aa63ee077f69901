//! Random histories of one approval against a tiny reference: never two redemptions, never approved
//! without enough distinct people who may answer, and no state ever goes back.

use crate::world::{World, actor, demand};
use countersign_model::{ApprovalId, ApprovalState, Span, Verdict};
use proptest::{collection::vec, prelude::*};
use std::collections::BTreeSet;

#[derive(Clone, Debug)]
enum Act {
    /// A person says something: 0 to 2 may answer, 3 is the caller, 4 is not asked.
    Say(usize, Verdict),
    /// Seconds pass.
    Pass(i64),
    Redeem,
    Cancel,
    Revoke,
    /// The gateway's chores run.
    Lapse,
}

const PEOPLE: [(&str, &[&str]); 5] = [
    ("fay", &["finance"]),
    ("finn", &["finance", "support"]),
    ("fred", &["finance"]),
    ("riley", &["finance"]),
    ("kim", &["support"]),
];
const NEEDED: usize = 2;
const WITHIN_SECONDS: i64 = 900;

/// What must be so, from the acts alone.
#[derive(Debug, PartialEq)]
enum Reference {
    Pending(BTreeSet<usize>),
    Approved { since: i64 },
    Redeeming,
    Over,
}

impl Reference {
    fn step(&mut self, act: &Act, asked_at: i64, now: i64) {
        let over = match self {
            Self::Pending(_) => now - asked_at >= WITHIN_SECONDS,
            Self::Approved { since } => now - *since >= WITHIN_SECONDS,
            Self::Redeeming | Self::Over => false,
        };
        if over {
            *self = Self::Over;
        }
        match (&mut *self, act) {
            (Self::Pending(said), Act::Say(who @ 0..=2, Verdict::Approve)) => {
                said.insert(*who);
                if said.len() >= NEEDED {
                    *self = Self::Approved { since: now };
                }
            }
            (Self::Pending(_), Act::Say(0..=2, Verdict::Deny) | Act::Cancel)
            | (Self::Approved { .. }, Act::Revoke) => *self = Self::Over,
            (Self::Approved { .. }, Act::Redeem) => *self = Self::Redeeming,
            (
                _,
                Act::Say(..) | Act::Pass(_) | Act::Redeem | Act::Cancel | Act::Revoke | Act::Lapse,
            ) => {}
        }
    }

    fn agrees(&self, state: &ApprovalState) -> bool {
        match self {
            Self::Pending(_) => matches!(state, ApprovalState::Pending),
            Self::Approved { .. } => matches!(state, ApprovalState::Approved { .. }),
            Self::Redeeming => matches!(state, ApprovalState::Redeeming { .. }),
            Self::Over => matches!(
                state,
                ApprovalState::Denied { .. }
                    | ApprovalState::Expired { .. }
                    | ApprovalState::Cancelled { .. }
                    | ApprovalState::Revoked { .. }
            ),
        }
    }
}

async fn play(world: &World, number: usize, acts: &[Act]) {
    let governance = &world.governance;
    let id = world.held(&format!("call {number}"), vec![demand(&["group:finance"], 2)]).await;
    let asked_at = world.now().seconds();
    let mut reference = Reference::Pending(BTreeSet::new());
    let mut redeemed = 0;
    for act in acts {
        match act {
            Act::Say(who, verdict) => {
                let (name, groups) = PEOPLE[*who];
                drop(governance.vote(&actor(name, groups), id, *verdict, "").await);
            }
            Act::Pass(seconds) => world.pass(Span::from_seconds(*seconds)),
            Act::Redeem => {
                redeemed += usize::from(governance.redeem(id, world.call()).await.is_ok());
            }
            Act::Cancel => drop(governance.cancel_approval(id, &"riley".into()).await),
            Act::Revoke => drop(governance.revoke_approval(&crate::world::ada(), id).await),
            Act::Lapse => {
                // What the keeper does each second, through what it reads.
                governance.approval(id).await.unwrap();
            }
        }
        reference.step(act, asked_at, world.now().seconds());
        let state = state(world, id).await;
        assert!(
            reference.agrees(&state),
            "{reference:?} against {state:?} after {act:?} of {acts:?}"
        );
        assert!(redeemed <= 1, "{acts:?}");
    }
}

async fn state(world: &World, id: ApprovalId) -> ApprovalState {
    world.governance.approval(id).await.unwrap().unwrap().state
}

fn act() -> impl Strategy<Value = Act> {
    let verdict = prop_oneof![5 => Just(Verdict::Approve), 1 => Just(Verdict::Deny)];
    prop_oneof![
        8 => (0..PEOPLE.len(), verdict).prop_map(|(who, verdict)| Act::Say(who, verdict)),
        2 => (0_i64..500).prop_map(Act::Pass),
        4 => Just(Act::Redeem),
        1 => Just(Act::Cancel),
        1 => Just(Act::Revoke),
        1 => Just(Act::Lapse),
    ]
}

fn histories(world: impl Future<Output = Option<World>>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let Some(world) = runtime.block_on(world) else { return };
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 60,
        failure_persistence: None,
        max_shrink_iters: 200,
        ..ProptestConfig::default()
    });
    let count = std::cell::Cell::new(0);
    runner
        .run(&vec(act(), 1..14), |acts| {
            count.set(count.get() + 1);
            runtime.block_on(play(&world, count.get(), &acts));
            Ok(())
        })
        .unwrap();
}

#[test]
fn sqlite() {
    histories(async { Some(World::sqlite().await) });
}

#[test]
fn postgres() {
    histories(World::postgres());
}
