use super::*;
use crate::{
    fixtures::{NOW, catalog, grant, subject},
    review::usage::{ArgumentUsage, FunctionUsage, WidenedUsage},
};
use serde_json::json;

const CUSTOMER: &str = "billing.customers.get";
const STATUS: &str = "billing.status";
const LOOK_BACK: Span = Span::from_days(90);

/// One situation; the rows below change what they are about.
struct Case {
    grant: Grant,
    usage: GrantUsage,
    peers: Peers,
    standing: HolderStanding,
}

/// A grant of two functions, two hundred days old, all counted, nothing used.
fn case() -> Case {
    let grant = grant(1, subject("riley"), &[CUSTOMER, STATUS], 200);
    let since = NOW.minus(LOOK_BACK);
    let usage = GrantUsage { since, until: NOW, ..GrantUsage::default() };
    let standing = HolderStanding::There;
    Case { grant, usage, peers: Peers::default(), standing }
}

impl Case {
    fn used(mut self, functions: &[(&str, u64)]) -> Self {
        for (name, calls) in functions {
            let function = FunctionUsage { used: *calls, ..FunctionUsage::default() };
            self.usage.functions.insert((*name).into(), function);
            self.usage.used += calls;
        }
        self.usage.last_used_at = Some(NOW.minus(Span::from_days(2)));
        self
    }

    fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    fn expect(self, advice: Advice, codes: &[&str]) -> Recommendation {
        let recommended = recommend(&RecommendInput {
            grant: &self.grant,
            usage: &self.usage,
            catalog: &catalog(),
            peers: self.peers,
            standing: self.standing,
            look_back: LOOK_BACK,
            now: NOW,
        });
        assert_eq!(recommended.advice, advice, "{:?}", recommended.reasons);
        let found: Vec<&str> = recommended.reasons.iter().map(|it| it.code.as_str()).collect();
        assert_eq!(found, codes);
        assert!(recommended.reasons.iter().all(|it| it.sentence.ends_with('.')));
        recommended
    }
}

fn days_ago(days: i64) -> Timestamp {
    NOW.minus(Span::from_days(days))
}

#[test]
fn r17_a_grant_that_was_not_used_is_to_be_revoked() {
    let said = case().expect(Advice::Revoke, &["unused"]);
    assert_eq!(said.reasons[0].sentence, "Not used in 90 days; it was never used.");
    let before = case().with(|it| it.usage.last_used_at = Some(days_ago(120)));
    before.expect(Advice::Revoke, &["unused"]);
}

#[test]
fn r17_only_calls_that_ran_and_succeeded_are_use() {
    let tried = case().with(|it| {
        it.usage.failed = 3;
        it.usage.denied = [("outside_constraints".to_owned(), 40)].into();
    });
    tried.expect(Advice::Revoke, &["unused", "failed", "denied"]);
}

#[test]
fn r17_a_grant_younger_than_the_look_back_is_never_unused() {
    case().with(|it| it.grant.made_at = days_ago(89)).expect(Advice::NoData, &["young"]);
    case().with(|it| it.grant.made_at = days_ago(90)).expect(Advice::Revoke, &["unused"]);
    let all = Peers { hold: 3, use_it: 3 };
    let young = case().with(|it| {
        it.grant.made_at = days_ago(10);
        it.peers = all;
    });
    young.expect(Advice::Certify, &["peers_use_it", "young"]);
}

#[test]
fn r17_a_grant_that_was_widened_is_judged_by_what_it_was_used_for_since() {
    let widened = |days, used| WidenedUsage { at: days_ago(days), used };
    let at = |days, used| move |it: &mut Case| it.usage.widened = Some(widened(days, used));
    let yesterday = case().with(at(1, 0)).expect(Advice::NoData, &["widened"]);
    assert_eq!(
        yesterday.reasons[0].sentence,
        "It was widened on 2026-11-21, and use counts since then only, of 90 days that are looked at: too \
         short to say that something is unused."
    );
    // What it was used for before it was widened says nothing of what it permits since.
    let before = case().used(&[(CUSTOMER, 12)]).with(at(1, 0));
    let said = before.expect(Advice::NoData, &["widened"]);
    assert!(said.reasons[0].sentence.ends_with(" Before that it was used 12 times."));
    let since = case().used(&[(CUSTOMER, 12), (STATUS, 1)]).with(at(10, 1));
    let said = since.expect(Advice::Certify, &["used", "widened"]);
    assert_eq!(said.reasons[0].sentence, "Used once since 2026-11-12, last on 2026-11-20.");
    // A look-back before, it is as it is.
    case().with(at(90, 0)).expect(Advice::Revoke, &["unused"]);
}

#[test]
fn r17_counting_that_is_shorter_than_the_look_back_or_late_says_so() {
    case().with(|it| it.usage.since = days_ago(60)).expect(Advice::NoData, &["counting_short"]);
    case().with(|it| it.usage.until = days_ago(3)).expect(Advice::NoData, &["counting_late"]);
}

#[test]
fn r17_a_grant_that_is_used_is_to_be_kept() {
    let whole = case().used(&[(CUSTOMER, 12), (STATUS, 1)]);
    let said = whole.expect(Advice::Certify, &["used"]);
    assert_eq!(said.reasons[0].sentence, "Used 13 times since 2026-08-24, last on 2026-11-20.");
    let young = case().used(&[(CUSTOMER, 1)]).with(|it| it.grant.made_at = days_ago(5));
    young.expect(Advice::Certify, &["used", "young"]);
    let peers = case().used(&[(CUSTOMER, 1), (STATUS, 4)]);
    let all = Peers { hold: 5, use_it: 5 };
    peers.with(|it| it.peers = all).expect(Advice::Certify, &["used", "peers_use_it"]);
}

#[test]
fn r17_a_grant_that_is_used_in_part_is_to_be_reduced() {
    case().used(&[(CUSTOMER, 12)]).expect(Advice::Reduce, &["functions_unused", "used"]);
    let few = case().used(&[(STATUS, 12)]).with(|it| {
        let values = vec![(json!("c_81"), 60)];
        let customer = ArgumentUsage { present: 60, values, ..ArgumentUsage::default() };
        let function = FunctionUsage {
            used: 60,
            arguments_of: 60,
            arguments_seen: 60,
            arguments: [("customer".to_owned(), customer)].into(),
            ..FunctionUsage::default()
        };
        it.usage.functions.clear();
        it.usage.functions.insert(CUSTOMER.into(), function);
        it.grant.functions = vec![CUSTOMER.into()];
    });
    few.expect(Advice::Reduce, &["few_values", "used"]);
}

#[test]
fn r17_whoever_left_needs_nothing() {
    let used = || case().used(&[(CUSTOMER, 12), (STATUS, 1)]);
    let left = used().with(|it| it.standing = HolderStanding::HolderLeft);
    left.expect(Advice::Revoke, &["holder_left"]);
    let left = used().with(|it| it.standing = HolderStanding::SponsorLeft);
    left.expect(Advice::Revoke, &["sponsor_left"]);
}

#[test]
fn r17_what_peers_do_stands_beside() {
    let all = case().with(|it| it.peers = Peers { hold: 4, use_it: 4 });
    all.expect(Advice::Revoke, &["unused", "peers_use_it"]);
    let some = case().with(|it| it.peers = Peers { hold: 4, use_it: 1 });
    some.expect(Advice::Revoke, &["unused", "peers"]);
    let few = case().with(|it| it.peers = Peers { hold: 2, use_it: 2 });
    few.expect(Advice::Revoke, &["unused"]);
}
