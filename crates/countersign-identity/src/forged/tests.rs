use super::{
    budget::{AT_ONCE_SECONDS, Allowance, Budget, Over},
    memory::{ALL_MAX, Memory},
    *,
};
use proptest::prelude::*;

const EACH: u32 = 20;
const ALL: u32 = 400;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(1_800_000_000_000 + millis)
}

fn budget() -> Budget {
    Budget::new(Allowance::per_second(EACH), Allowance::per_second(ALL))
}

fn address(number: u32) -> Whose {
    Whose::Tokens(Some(Peer::of(IpAddr::from(number.to_be_bytes()))))
}

/// How many checks of `whose` fail at this moment until no more are made.
fn fail_all(budget: &Budget, whose: Whose, now: Timestamp) -> usize {
    (0..100_000)
        .take_while(|_| {
            let may = budget.look(&whose, now).is_ok();
            if may {
                budget.book(&whose, now);
            }
            may
        })
        .count()
}

#[test]
fn an_address_has_its_budget_and_others_have_theirs() {
    let budget = budget();
    assert_eq!(fail_all(&budget, address(1), at(0)), 200);
    assert_eq!(budget.look(&address(1), at(0)), Err(Over::Own(Span::from_millis(50))));
    assert_eq!(budget.look(&address(2), at(0)), Ok(()));
    // It comes back as time goes by, and never to more than it was.
    assert_eq!(fail_all(&budget, address(1), at(1000)), 20);
    assert_eq!(fail_all(&budget, address(1), at(1_000_000)), 200);
}

#[test]
fn of_all_together_half_is_kept_for_who_has_not_failed() {
    let budget = budget();
    for number in 0..500 {
        if budget.look(&address(number), at(0)).is_ok() {
            budget.book(&address(number), at(0));
        }
    }
    let by_known = |now| -> usize { (0..500).map(|it| fail_all(&budget, address(it), now)).sum() };
    assert_eq!(by_known(at(0)), 1500, "2,000 in all, with the first ones");
    assert!(matches!(budget.look(&address(400), at(0)), Err(Over::All(_))));
    // One in a thousand meets others in both rows.
    let heard = |from: u32, now| (from..from + 10).any(|it| budget.look(&address(it), now).is_ok());
    assert!(heard(1_000, at(0)), "who has not failed is heard");
    let new = (1_000..10_000).filter(|number| {
        let may = budget.look(&address(*number), at(0)).is_ok();
        if may {
            budget.book(&address(*number), at(0));
        }
        may
    });
    assert_eq!(new.count(), 2000, "and no more than the other half, however many they are");
    assert!(!heard(20_000, at(0)));
    assert!(heard(20_000, at(100)));
}

#[test]
fn a_clock_that_is_set_back_locks_nobody_out() {
    let budget = budget();
    assert_eq!(fail_all(&budget, address(1), at(0)), 200);
    let month = 30 * 86_400_000;
    assert_eq!(fail_all(&budget, address(1), at(-month)), 200);
    assert!(budget.look(&address(1), at(-month)).is_err());
    assert_eq!(budget.look(&address(1), at(50 - month)), Ok(()));
}

#[test]
fn an_ipv6_subscriber_is_one_and_a_mapped_address_is_ipv4() {
    let peer = |text: &str| Peer::of(text.parse().unwrap());
    assert_eq!(peer("2001:db8:1:2::1"), peer("2001:db8:1:2:ffff::9"));
    assert_ne!(peer("2001:db8:1:2::1"), peer("2001:db8:1:3::1"));
    assert_eq!(peer("::ffff:192.0.2.1"), peer("192.0.2.1"));
    assert_ne!(peer("192.0.2.1"), peer("192.0.2.2"));
    assert_eq!(peer("2001:db8:1:2::1").to_string(), "2001:db8:1:2::/64");
}

#[test]
fn a_forger_of_proofs_stops_proofs_of_that_key_only() {
    let forged = Forged::new(ForgedLimits::default());
    let peer = Some(Peer::of(IpAddr::from([192, 0, 2, 1])));
    for _ in 0..200 {
        assert_eq!(forged.may_check_proof(peer, [1; 32], at(0)), Ok(()));
        forged.proof_failed(peer, [1; 32], at(0));
    }
    let refused = forged.may_check_proof(peer, [1; 32], at(0)).unwrap_err();
    assert_eq!(refused.code(), "too_many_forged");
    assert_eq!(refused.retry_after(), Some(Span::from_millis(50)));
    assert_eq!(forged.may_check_proof(peer, [2; 32], at(0)), Ok(()));
    assert_eq!(forged.may_check_proof(None, [1; 32], at(0)), Ok(()));
    assert_eq!(forged.may_check(Sender::Stranger(peer), at(0)), Ok(()));
    assert_eq!(forged.counts().over_address, 1);
}

#[test]
fn what_an_issuer_answers_is_never_held_back() {
    let forged = Forged::new(ForgedLimits { per_address_second_max: 1, per_second_max: 1 });
    for number in 0..100 {
        let token = number.to_string();
        assert_eq!(forged.may_check(Sender::Issuer, at(0)), Ok(()));
        forged.remember(&token, (0, 0), Sender::Issuer, at(0));
        assert_eq!(forged.find(&token), None);
    }
    assert_eq!(forged.may_check(Sender::Stranger(None), at(0)), Ok(()));
}

/// A bucket in plain steps, in thousandths of a check: so much is left, and comes back evenly.
struct Model {
    left: i64,
    at: i64,
}

const MOST: i64 = 20 * AT_ONCE_SECONDS * 1000;

impl Model {
    fn take(&mut self, now: i64) -> bool {
        self.left = (self.left + (now - self.at) * i64::from(EACH)).min(MOST);
        self.at = now;
        let may = self.left >= 1000;
        if may {
            self.left -= 1000;
        }
        may
    }
}

proptest! {
    #[test]
    fn a_budget_is_a_token_bucket(steps in prop::collection::vec((0i64..4000, 1usize..300), 1..60)) {
        let budget = budget();
        let (mut now, mut model) = (0, Model { left: MOST, at: 0 });
        for (pause, tries) in steps {
            now += pause;
            for _ in 0..tries {
                let may = budget.look(&address(7), at(now)).is_ok();
                prop_assert_eq!(may, model.take(now));
                if may {
                    budget.book(&address(7), at(now));
                }
            }
        }
    }

    #[test]
    fn the_memory_is_bounded_and_has_what_came_last(
        tokens in prop::collection::vec((0u32..60_000, any::<u64>()), 1..400),
        flood in 0u32..60_000,
    ) {
        let memory = Memory::new();
        for number in 0..flood {
            memory.insert(&format!("flood {number}"), (0, 0));
        }
        for (number, epoch) in tokens {
            let token = number.to_string();
            memory.insert(&token, (3, epoch));
            prop_assert_eq!(memory.find(&token), Some((3, epoch)));
        }
        prop_assert!(memory.len() <= ALL_MAX, "{} of {ALL_MAX}", memory.len());
        prop_assert_eq!(memory.find("never seen"), None);
    }
}
