//! What grants were used for, counted from a real ledger.

use crate::world::{
    CUSTOMER, REFUND, STATUS, World, actor, ada, group, new_grant, olivia, on_both, subject,
};
use countersign_governance::{
    Actor, ArgumentsFrom, CampaignFilter, Fate, Fates, LOOK_BACK_DEFAULT, NewDenial,
    NewGrantRequest, NewSession, SessionTouch, UsageCounter, WantedGrant,
};
use countersign_ledger::{Recording, SessionKey};
use countersign_model::{
    CallId, Digest, Epoch, FunctionName, GrantId, GrantRef, Reason, SessionId, Span, Subject,
    digest::Salt,
    exchange::Exchange,
    grant::Terms,
    ids::EntryId,
    record::{CallIntent, CallOutcome, CallRefused, Entry, Event, GatewayEvent, GatewayState, Who},
    review::{
        CampaignOrigin,
        campaign::ReviewEvent,
        item::{Advice, Peers},
        peers,
        usage::{GrantUsage, WidenedUsage},
    },
};
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

on_both!(
    r17_only_calls_that_ran_and_succeeded_count_as_use,
    killed_at_any_moment_counts_equal_a_recount_of_the_ledger,
    a_call_that_was_open_at_the_end_of_its_gateway_has_failed,
    what_several_gateways_counted_adds_up,
    r19_the_first_use_after_a_long_idle_opens_a_review,
    use_is_told_by_week_and_within_the_look_back,
    r18_arguments_that_were_seen_narrow_a_grant,
    a_gateway_that_is_late_with_counting_says_so,
    r17_a_grant_that_was_widened_is_judged_from_then_on,
    a_preview_says_what_would_pass_and_what_is_not_known,
    a_preview_of_a_request_is_for_whoever_answers_it,
);

/// What happens to calls, written into the ledger as the gateway does.
struct Calls<'a>(&'a World);

impl Calls<'_> {
    async fn write(&self, event: Event) {
        let now = self.0.now();
        let id = EntryId::new(now, self.0.governance.entropy());
        let entry = Entry::new(id, now, event).to_bytes();
        self.0.governance.ledger().append(entry).await.unwrap();
    }

    async fn leaves(&self, who: &str, function: &str, grants: &[GrantId]) -> CallId {
        let call = self.0.call();
        let grants = grants.iter().map(|id| GrantRef { id: *id, version: 1 });
        self.write(Event::CallIntent(Box::new(CallIntent {
            call,
            session: SessionId::from_bytes([1; 16]),
            epoch: Epoch(1),
            who: named(who),
            function: function.into(),
            contract: Digest::default(),
            target: "billing".into(),
            grants: grants.collect(),
            reason: Reason::Granted,
            approval: None,
            arguments: Digest::default(),
        })))
        .await;
        call
    }

    async fn ends(&self, call: CallId, status: u16) {
        let outcome = CallOutcome {
            call,
            status,
            reason: Reason::Granted,
            took_ms: 1,
            bytes: 1,
            masked: 2,
            recording: None,
        };
        self.write(Event::CallOutcome(outcome)).await;
    }

    async fn runs(&self, who: &str, function: &str, grant: GrantId, status: u16) -> CallId {
        let call = self.leaves(who, function, &[grant]).await;
        self.ends(call, status).await;
        call
    }

    async fn refused(&self, who: &str, function: &str, reason: Reason) {
        let refused = CallRefused {
            call: self.0.call(),
            epoch: Epoch(1),
            who: named(who),
            function: Some(function.into()),
            reason,
            approval: None,
        };
        self.write(Event::CallRefused(Box::new(refused))).await;
    }

    async fn gateway(&self, now: GatewayState) {
        let (gateway, version) = ("one".to_owned(), "0".to_owned());
        self.write(Event::Gateway(GatewayEvent { gateway, version, now })).await;
    }

    /// Until everything is under a checkpoint.
    async fn published(&self) {
        for _ in 0..2_000 {
            let head = self.0.governance.ledger().try_head();
            if head.size == head.checkpoint_size {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("no checkpoint is made");
    }

    async fn counted(&self) {
        self.published().await;
        counter(self.0).count_all().await.unwrap();
    }

    async fn usage(&self, grant: GrantId) -> GrantUsage {
        let found = self.0.governance.grant_usage(&[grant], LOOK_BACK_DEFAULT).await.unwrap();
        found.into_values().next().unwrap()
    }
}

fn named(subject: &str) -> Who {
    Who { subject: subject.into(), actors: vec![], client: None, issuer: "acme".into() }
}

fn counter(world: &World) -> UsageCounter {
    world.governance.usage_counter(&world.log())
}

async fn r17_only_calls_that_ran_and_succeeded_count_as_use(world: World) {
    let grant = world.grant(&olivia(), subject("riley"), CUSTOMER).await;
    let calls = Calls(&world);
    assert_eq!(calls.usage(grant).await.until.millis(), 0, "nobody has counted");
    calls.runs("riley", CUSTOMER, grant, 200).await;
    calls.runs("riley", CUSTOMER, grant, 204).await;
    calls.runs("riley", CUSTOMER, grant, 404).await;
    calls.leaves("riley", CUSTOMER, &[grant]).await;
    calls.refused("riley", CUSTOMER, Reason::OutsideConstraints).await;
    calls.refused("riley", CUSTOMER, Reason::OutsideConstraints).await;
    calls.refused("riley", STATUS, Reason::NoGrant).await;
    calls.refused("max", CUSTOMER, Reason::NoGrant).await;
    calls.counted().await;
    let usage = calls.usage(grant).await;
    assert_eq!((usage.used, usage.failed), (2, 1));
    assert_eq!(usage.denied, BTreeMap::from([("outside_constraints".to_owned(), 2)]));
    assert_eq!(usage.functions[&FunctionName::from(CUSTOMER)].used, 2);
    assert_eq!(usage.functions[&FunctionName::from(CUSTOMER)].masked, 6);
    assert_eq!(usage.last_used_at, Some(world.now()));
    assert_eq!(usage.subjects, BTreeMap::from([(Subject::from("riley"), 2)]));
    assert_eq!(usage.weeks.iter().sum::<u64>(), 2);
    assert_eq!(usage.until, world.now());
    // Young, and in use.
    let view = world.governance.grant(grant).unwrap();
    let usages = BTreeMap::from([(grant, usage.clone())]);
    let snapshot = world.governance.policy().load();
    let peers = peers(snapshot.grants(), snapshot.catalog(), &usages, world.now())[&grant];
    let said = world.governance.recommend_for(&view.grant, &usage, peers, LOOK_BACK_DEFAULT);
    assert_eq!(said.advice, Advice::Certify, "{said:?}");
    world.pass(Span::from_days(100));
    calls.counted().await;
    let usage = calls.usage(grant).await;
    let said = world.governance.recommend_for(&view.grant, &usage, peers, LOOK_BACK_DEFAULT);
    assert_eq!(said.advice, Advice::Revoke, "{said:?}");
}

async fn r19_the_first_use_after_a_long_idle_opens_a_review(world: World) {
    let calls = Calls(&world);
    let idle = world.grant(&olivia(), subject("riley"), CUSTOMER).await;
    let often = world.grant(&olivia(), subject("kim"), CUSTOMER).await;
    let never = world.grant(&olivia(), subject("max"), CUSTOMER).await;
    calls.runs("riley", CUSTOMER, idle, 200).await;
    calls.counted().await;
    for _ in 0..2 {
        world.pass(Span::from_days(50));
        calls.runs("kim", CUSTOMER, often, 200).await;
        calls.runs("riley", CUSTOMER, idle, 403).await;
        calls.counted().await;
    }
    world.look().await;
    let list = async || {
        let all = CampaignFilter::default();
        world.governance.campaigns(&ada(), &all).await.unwrap()
    };
    assert_eq!(list().await.len(), 0, "what failed is no use");
    calls.runs("riley", CUSTOMER, idle, 200).await;
    calls.runs("riley", CUSTOMER, idle, 200).await;
    calls.runs("kim", CUSTOMER, often, 200).await;
    calls.counted().await;
    world.look().await;
    let found = list().await;
    assert_eq!(found.len(), 1);
    let campaign = &found[0].campaign;
    let origin = CampaignOrigin::Event { what: ReviewEvent::UsedAfterIdle, grant: idle };
    assert_eq!((&campaign.origin, campaign.state.name()), (&origin, "open"));
    assert_eq!(campaign.rules.owner.as_str(), "olivia");
    // The next use is not the first one, and a grant that nobody ever used is idle from when it was made.
    world.pass(Span::from_days(1));
    calls.runs("riley", CUSTOMER, idle, 200).await;
    calls.counted().await;
    world.look().await;
    assert_eq!(list().await.len(), 1);
    calls.runs("max", CUSTOMER, never, 200).await;
    calls.counted().await;
    world.look().await;
    assert_eq!(list().await.len(), 2);
}

/// Used and failed calls, by grant, function and user, as the ledger says it.
fn recount(world: &World) -> BTreeMap<(String, String, String), (u64, u64)> {
    let ends: BTreeMap<String, u64> = world
        .entries("call.outcome")
        .iter()
        .map(|it| (it["call"].as_str().unwrap().to_owned(), it["status"].as_u64().unwrap()))
        .collect();
    let mut counts: BTreeMap<_, (u64, u64)> = BTreeMap::new();
    for intent in world.entries("call.intent") {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let Some(status) = ends.get(&text(&intent["call"])) else { continue };
        let key =
            (text(&intent["grants"][0]["id"]), text(&intent["function"]), text(&intent["subject"]));
        let row = counts.entry(key).or_default();
        if (1..400).contains(status) {
            row.0 += 1;
        } else {
            row.1 += 1;
        }
    }
    counts
}

async fn killed_at_any_moment_counts_equal_a_recount_of_the_ledger(world: World) {
    let grant = world.grant(&ada(), group("support"), CUSTOMER).await;
    let calls = Calls(&world);
    let ledger = world.governance.ledger();
    // Many people, so that it takes several batches.
    for some in 0..30 {
        let mut waiting = Vec::new();
        for person in 0..120 {
            let (who, grant) = (format!("person{some}_{person}"), &grant);
            let calls = Calls(&world);
            waiting.push(async move {
                let call = calls.leaves(&who, CUSTOMER, &[*grant]).await;
                if person % 7 > 0 {
                    calls.ends(call, if person % 5 == 0 { 500 } else { 200 }).await;
                }
                if person % 11 == 0 {
                    calls.refused(&who, CUSTOMER, Reason::RateLimited).await;
                }
            });
        }
        futures_util::future::join_all(waiting).await;
        if some % 10 == 3 {
            calls.published().await;
            counter(&world).count_all().await.unwrap();
        }
    }
    calls.published().await;
    let size = ledger.try_head().checkpoint_size;
    let mut kills = 0;
    for micros in (0..60).map(|it| it * 700).chain(std::iter::repeat(20_000_000)) {
        let mut counter = counter(&world);
        let count = counter.count_all();
        match tokio::time::timeout(Duration::from_micros(micros), count).await {
            // What is dropped here was read, and in part written, and not committed.
            Err(_) => kills += 1,
            Ok(counted) => {
                counted.unwrap();
                if world.governance.usage_progress().entries == size {
                    break;
                }
            }
        }
    }
    assert!(kills > 0, "nothing was killed");
    let mut view = world.governance.store().view().await.unwrap();
    let rows = view.usage_of(&[grant]).await.unwrap();
    let found: BTreeMap<_, _> = rows
        .into_iter()
        .map(|it| {
            let key =
                (it.key.grant.to_string(), it.key.function.to_string(), it.key.subject.to_string());
            (key, (it.used, it.failed))
        })
        .collect();
    assert_eq!(found, recount(&world));
    let usage = calls.usage(grant).await;
    let refused = u64::try_from(world.entries("call.refused").len()).unwrap();
    let users: u64 = usage.subjects.values().sum();
    assert_eq!(users, 10, "the ten most frequent are named");
    assert_eq!(10 + usage.more_subjects, usage.used);
    let people: Vec<Subject> = (0..30)
        .flat_map(|some| (0..120).map(move |it| format!("person{some}_{it}").as_str().into()))
        .collect();
    let denied = view.denied_of(&people, 0).await.unwrap();
    assert_eq!(denied.iter().map(|it| it.calls).sum::<u64>(), refused);
}

async fn a_call_that_was_open_at_the_end_of_its_gateway_has_failed(world: World) {
    let grant = world.grant(&olivia(), subject("riley"), CUSTOMER).await;
    let calls = Calls(&world);
    let open = calls.leaves("riley", CUSTOMER, &[grant]).await;
    calls.counted().await;
    assert_eq!(calls.usage(grant).await.failed, 0, "it is running");
    let lost = calls.leaves("riley", CUSTOMER, &[grant]).await;
    calls.ends(open, 200).await;
    calls.counted().await;
    let world = world.restart().await;
    let calls = Calls(&world);
    calls.gateway(GatewayState::Started).await;
    calls.counted().await;
    let usage = calls.usage(grant).await;
    assert_eq!((usage.used, usage.failed), (1, 1));
    // An outcome that comes after that is of no call.
    calls.ends(lost, 200).await;
    calls.counted().await;
    assert_eq!(calls.usage(grant).await.used, 1);
}

async fn what_several_gateways_counted_adds_up(world: World) {
    let grant = world.grant(&olivia(), subject("riley"), CUSTOMER).await;
    Calls(&world).runs("riley", CUSTOMER, grant, 200).await;
    Calls(&world).refused("riley", CUSTOMER, Reason::RateLimited).await;
    Calls(&world).counted().await;
    world.pass(Span::from_days(1));
    let other = world.beside("two").await;
    Calls(&other).runs("riley", CUSTOMER, grant, 200).await;
    Calls(&other).refused("riley", CUSTOMER, Reason::RateLimited).await;
    Calls(&other).counted().await;
    for one in [&world, &other] {
        let usage = Calls(one).usage(grant).await;
        assert_eq!(usage.used, 2);
        assert_eq!(usage.denied, BTreeMap::from([("rate_limited".to_owned(), 2)]));
        assert_eq!(usage.last_used_at, Some(world.now()));
        assert!(usage.since < world.now().minus(Span::from_days(1)).plus(Span::from_seconds(1)));
    }
    let until = world.governance.counted_until().await.unwrap();
    assert_eq!(until.keys().collect::<Vec<_>>(), ["one", "two"]);
}

async fn use_is_told_by_week_and_within_the_look_back(world: World) {
    let grant = world.grant(&olivia(), subject("riley"), CUSTOMER).await;
    let calls = Calls(&world);
    for _ in 0..3 {
        calls.runs("riley", CUSTOMER, grant, 200).await;
    }
    let first = world.now();
    world.pass(Span::from_days(80));
    calls.runs("riley", CUSTOMER, grant, 200).await;
    world.pass(Span::from_days(3));
    calls.runs("riley", CUSTOMER, grant, 200).await;
    calls.counted().await;
    let usage = calls.usage(grant).await;
    assert_eq!(usage.used, 5);
    assert_eq!(usage.weeks, [0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]);
    assert_eq!(usage.first_used_at, Some(first));
    world.pass(Span::from_days(30));
    let usage = calls.usage(grant).await;
    assert_eq!(usage.used, 2);
    assert_eq!(usage.weeks, [0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0]);
    let last = world.now().minus(Span::from_days(30));
    assert_eq!(usage.last_used_at, Some(last));
    // A longer look-back reaches back by weeks.
    let whole = world.governance.grant_usage(&[grant], Span::from_days(200)).await.unwrap();
    assert_eq!(whole[&grant].used, 5);
    assert_eq!(whole[&grant].weeks.len(), 29);
    assert_eq!(whole[&grant].weeks.iter().sum::<u64>(), 5);
    world.pass(Span::from_days(200));
    let usage = calls.usage(grant).await;
    assert_eq!((usage.used, usage.last_used_at), (0, Some(last)), "the last use ever");
}

async fn r18_arguments_that_were_seen_narrow_a_grant(world: World) {
    let wanted = new_grant(subject("riley"), &[REFUND, CUSTOMER]);
    let grant = world.governance.add_grant(&olivia(), wanted).await.unwrap().id;
    let calls = Calls(&world);
    world.pass(Span::from_days(20));
    let mut counter = counter(&world);
    for place in 0..20 {
        let call = calls.runs("riley", REFUND, grant, 200).await;
        let arguments = json!({"customer": "c_81", "amount": place});
        world.governance.saw_arguments(call, arguments, vec![]);
    }
    let failed = calls.runs("riley", REFUND, grant, 500).await;
    world.governance.saw_arguments(failed, json!({"customer": "c_99"}), vec![]);
    calls.published().await;
    counter.count_all().await.unwrap();
    let usage = calls.usage(grant).await;
    let function = &usage.functions[&FunctionName::from(REFUND)];
    assert_eq!((function.arguments_of, function.arguments_seen), (20, 20));
    let view = world.governance.grant(grant).unwrap();
    let reduced = world.governance.reduce_to_used(&view.grant, &usage).unwrap();
    assert_eq!(reduced.functions, [FunctionName::from(REFUND)]);
    assert_eq!(
        reduced.constraints,
        ["(args.amount >= 0.0 && args.amount <= 19.0)", "args.customer == \"c_81\""]
    );
    // Such a grant can be made.
    let mut narrow = new_grant(subject("riley"), &[REFUND]);
    narrow.constraints = reduced.constraints;
    world.governance.add_grant(&olivia(), narrow).await.unwrap();
    world.pass(Span::from_days(75));
    counter.count_all().await.unwrap();
    let usage = calls.usage(grant).await;
    let said =
        world.governance.recommend_for(&view.grant, &usage, Peers::default(), LOOK_BACK_DEFAULT);
    assert_eq!(said.advice, Advice::Reduce, "{said:?}");
    // A call whose arguments nobody saw, and nothing is narrowed to values any more.
    calls.runs("riley", REFUND, grant, 200).await;
    calls.published().await;
    counter.count_all().await.unwrap();
    let usage = calls.usage(grant).await;
    let reduced = world.governance.reduce_to_used(&view.grant, &usage).unwrap();
    assert_eq!(reduced.constraints, Vec::<String>::new());
}

async fn a_gateway_that_is_late_with_counting_says_so(world: World) {
    let grant = world.grant(&olivia(), subject("riley"), CUSTOMER).await;
    let calls = Calls(&world);
    calls.counted().await;
    let counted = world.now();
    world.pass(Span::from_days(100));
    // It says that it is alive, and does not count.
    let world = world.restart().await;
    let usage = Calls(&world).usage(grant).await;
    assert!(usage.until <= counted, "{}", usage.until);
    let view = world.governance.grant(grant).unwrap();
    let said =
        world.governance.recommend_for(&view.grant, &usage, Peers::default(), LOOK_BACK_DEFAULT);
    assert_eq!(said.advice, Advice::NoData, "{said:?}");
    assert_eq!(said.reasons[0].code, "counting_late");
    Calls(&world).counted().await;
    let usage = Calls(&world).usage(grant).await;
    let said =
        world.governance.recommend_for(&view.grant, &usage, Peers::default(), LOOK_BACK_DEFAULT);
    assert_eq!(said.advice, Advice::Revoke, "{said:?}");
}

/// A session of riley's with recordings of refunds of these amounts.
async fn recorded(world: &World, grant: GrantId, amounts: &[Option<i64>]) {
    let governance = &world.governance;
    let random = governance.entropy().clone();
    let mut fill = move |bytes: &mut [u8]| {
        let some: [u8; 32] = random.bytes();
        bytes.iter_mut().zip(some).for_each(|(slot, byte)| *slot = byte);
    };
    let id = SessionId::new(world.now(), governance.entropy());
    let key = SessionKey::generate(&mut fill).unwrap();
    let wrapped_key = governance.master().wrap(&id.to_bytes(), &key, &mut fill).unwrap();
    let session = NewSession {
        id,
        subject: "riley".into(),
        actors: vec![],
        title: "refunds".to_owned(),
        started_at: world.now(),
        wrapped_key,
    };
    governance.store().open_sessions(&[session]).await.unwrap();
    let key = Arc::new(key);
    for amount in amounts {
        let call = Calls(world).leaves("riley", REFUND, &[grant]).await;
        let exchange = exchange(world, id, call, *amount);
        let outcome = Event::CallOutcome(CallOutcome {
            call,
            status: 200,
            reason: Reason::Granted,
            took_ms: 1,
            bytes: 1,
            masked: 0,
            recording: None,
        });
        let entry =
            Entry::new(EntryId::new(world.now(), governance.entropy()), world.now(), outcome);
        let recording = Recording {
            session_id: id.to_bytes(),
            call_id: call.to_bytes(),
            time_ms: world.now().millis(),
            kind: 1,
            key: Arc::clone(&key),
            payload: exchange.to_bytes(),
        };
        let receipt = governance.ledger().append_with(entry.to_bytes(), recording).await.unwrap();
        let touch = SessionTouch {
            id,
            last_at: world.now(),
            calls: 1,
            refused: 0,
            segment: receipt.place.map(|it| it.segment),
        };
        governance.store().touch_sessions(&[touch]).await.unwrap();
    }
}

/// The recording of a refund of this amount, or of one that is hidden.
fn exchange(world: &World, session: SessionId, call: CallId, amount: Option<i64>) -> Exchange {
    Exchange {
        call,
        session,
        at: world.now(),
        took_ms: 1,
        who: named("riley"),
        function: REFUND.into(),
        method: "POST".into(),
        path: "/v1/refunds".into(),
        arguments: amount.map_or(json!({}), |it| json!({"amount": it})),
        hidden: amount.map_or(vec!["/amount".to_owned()], |_| vec![]),
        reason: Reason::Granted,
        approval: None,
        grants: vec![],
        status: 200,
        headers: BTreeMap::new(),
        response: None,
        cut: false,
        bytes: 0,
        masked: 0,
        salt: Salt([1; 16]),
    }
}

fn denied(whom: &str) -> NewDenial {
    NewDenial {
        whom: subject(whom),
        functions: vec![CUSTOMER.into()],
        tags: vec![],
        grant: None,
        why: "she moved".to_owned(),
        until: None,
    }
}

async fn a_preview_says_what_would_pass_and_what_is_not_known(world: World) {
    let grant = world.grant(&olivia(), subject("riley"), REFUND).await;
    let calls = Calls(&world);
    recorded(&world, grant, &[Some(10), Some(600), Some(900), None, Some(20)]).await;
    // One that nothing was recorded of, one that failed, and three that did not run.
    calls.runs("riley", REFUND, grant, 200).await;
    calls.runs("riley", REFUND, grant, 500).await;
    calls.refused("riley", REFUND, Reason::OutsideConstraints).await;
    calls.refused("riley", REFUND, Reason::KillSwitch).await;
    calls.refused("riley", CUSTOMER, Reason::NoGrant).await;
    calls.counted().await;
    let recordings = world.log().with_file_name("recordings");
    let preview = async |who: &Actor, functions: &[&str], constraints: &[&str]| {
        let wanted = WantedGrant {
            holder: subject("riley"),
            functions: functions.iter().map(|it| (*it).into()).collect(),
            tags: vec![],
            constraints: constraints.iter().map(|it| (*it).to_owned()).collect(),
            look_back: Some(Span::from_days(30)),
        };
        let from = ArgumentsFrom::Recordings(&recordings);
        world.governance.preview_grant(who, wanted, from).await
    };
    let fates = |pass, held, refused, unknown| Fates { pass, held, refused, unknown };
    let said = preview(&olivia(), &[REFUND], &["args.amount <= 800.0"]).await.unwrap();
    // 10 and 20 pass, 600 is held by the function's rule, 900 is refused; one is hidden, one unseen.
    assert_eq!(said.ran, fates(2, 1, 1, 2), "{said:?}");
    assert_eq!(said.denied, fates(0, 0, 1, 1));
    assert_eq!(said.read, 5);
    let why: Vec<(Fate, &str, Option<&str>, u64)> = said
        .ran_why
        .iter()
        .map(|it| (it.fate, it.code.as_str(), it.rule.as_deref(), it.calls))
        .collect();
    assert_eq!(
        why,
        [
            (Fate::Held, "approval_required", Some("args.amount > 500.0"), 1),
            (Fate::Refused, "outside_constraints", Some("args.amount <= 800.0"), 1),
            (Fate::Unknown, "hidden", None, 1),
            (Fate::Unknown, "not_recorded", None, 1),
        ]
    );
    assert_eq!(
        said.basis, "It depends on arguments, which are recorded of 5 of 6 calls.",
        "what it rests on is said"
    );
    let viewed = world.entries("record.viewed");
    assert_eq!(viewed.len(), 1);
    assert_eq!(viewed[0]["by"], "olivia");
    // Without constraints the rule on amounts remains; what was refused there would pass here.
    let said = preview(&olivia(), &[REFUND, CUSTOMER], &[]).await.unwrap();
    assert_eq!(said.ran, fates(2, 2, 0, 2), "{said:?}");
    assert_eq!(said.functions[&FunctionName::from(CUSTOMER)].denied, fates(1, 0, 0, 0));
    // Where arguments don't matter, nothing is read.
    let said = preview(&olivia(), &[CUSTOMER], &[]).await.unwrap();
    assert_eq!((said.denied, said.read), (fates(1, 0, 0, 0), 0));
    assert_eq!(world.entries("record.viewed").len(), 2);
    // What is denied to the holder stays so.
    world.governance.deny(&olivia(), denied("riley")).await.unwrap();
    let said = preview(&olivia(), &[CUSTOMER], &[]).await.unwrap();
    assert_eq!((said.denied, said.denied_why[0].code.as_str()), (fates(0, 0, 1, 0), "denied"));

    let max = actor("max", &[]);
    let codes = [
        preview(&max, &[REFUND], &[]).await.unwrap_err().code(),
        preview(&olivia(), &[REFUND], &["args.amout < 1.0"]).await.unwrap_err().code(),
    ];
    assert_eq!(codes, ["not_owner", "invalid_grant"]);
}

async fn r17_a_grant_that_was_widened_is_judged_from_then_on(world: World) {
    let terms = |functions: &[&str]| Terms {
        functions: functions.iter().map(|it| FunctionName::from(*it)).collect(),
        tags: vec![],
        constraints: vec![],
        rate: None,
        expires_at: None,
    };
    let grant = world.grant(&olivia(), subject("riley"), CUSTOMER).await;
    let other = world.grant(&olivia(), subject("max"), CUSTOMER).await;
    let calls = Calls(&world);
    for _ in 0..3 {
        calls.runs("riley", CUSTOMER, grant, 200).await;
    }
    calls.counted().await;
    let evidence = async |id: GrantId| {
        let view = world.governance.grant(id).unwrap();
        let found = world.governance.grant_evidence(&view.grant, LOOK_BACK_DEFAULT).await.unwrap();
        let recommendation = found.recommendation.unwrap();
        (found.usage, recommendation.advice, recommendation.reasons)
    };
    world.pass(Span::from_days(95));
    calls.counted().await;
    assert_eq!(evidence(grant).await.1, Advice::Revoke, "it was not used in 90 days");
    world.governance.widen_grant(&olivia(), grant, 1, terms(&[CUSTOMER, REFUND])).await.unwrap();
    let at = world.now();
    world.pass(Span::from_days(1));
    calls.counted().await;
    let (usage, advice, reasons) = evidence(grant).await;
    assert_eq!(usage.widened, Some(WidenedUsage { at, used: 0 }));
    assert_eq!((advice, reasons[0].code.as_str()), (Advice::NoData, "widened"), "{reasons:?}");
    let (usage, advice, _) = evidence(other).await;
    assert_eq!((usage.widened, advice), (None, Advice::Revoke), "of another grant nothing changes");

    calls.runs("riley", REFUND, grant, 200).await;
    calls.counted().await;
    let (usage, advice, reasons) = evidence(grant).await;
    assert_eq!(usage.widened, Some(WidenedUsage { at, used: 1 }));
    let codes: Vec<&str> = reasons.iter().map(|it| it.code.as_str()).collect();
    assert_eq!((advice, codes), (Advice::Certify, vec!["used", "widened"]));
    // What is narrower is not wider, and a look-back later it is as it is.
    world.governance.narrow_grant(&olivia(), grant, 2, terms(&[REFUND])).await.unwrap();
    assert_eq!(evidence(grant).await.0.widened, Some(WidenedUsage { at, used: 1 }));
    world.pass(Span::from_days(95));
    calls.counted().await;
    let (usage, advice, _) = evidence(grant).await;
    assert_eq!((usage.widened, advice), (None, Advice::Revoke));
}

async fn a_preview_of_a_request_is_for_whoever_answers_it(world: World) {
    let calls = Calls(&world);
    for _ in 0..14 {
        calls.refused("riley", CUSTOMER, Reason::NoGrant).await;
    }
    calls.refused("riley", REFUND, Reason::NoGrant).await;
    calls.refused("riley", STATUS, Reason::NoGrant).await;
    calls.counted().await;
    let riley = actor("riley", &[]);
    let asked = NewGrantRequest {
        subject: None,
        functions: vec![CUSTOMER.into(), REFUND.into(), STATUS.into()],
        reason: "Complaints".to_owned(),
        constraints: vec![],
        rate: None,
        expires_at: None,
        renews: None,
    };
    let request = world.governance.request_grant(&riley, asked).await.unwrap();
    let preview = async |who: &Actor, narrower: Option<Terms>| {
        let from = ArgumentsFrom::Nowhere;
        let governance = &world.governance;
        governance.preview_grant_request(who, request.id, narrower, None, from).await
    };
    let said = preview(&olivia(), None).await.unwrap();
    let names: Vec<&str> = said.functions.keys().map(|it| it.as_str()).collect();
    assert_eq!(names, [CUSTOMER, REFUND], "of what she owns");
    // Refunds of some amounts are held, and nobody knows which were tried.
    assert_eq!(said.denied, Fates { pass: 14, unknown: 1, ..Fates::default() });
    assert_eq!(said.basis, "It depends on arguments, and no recordings were read to judge by.");
    assert_eq!(world.entries("record.viewed").len(), 0);
    let less = Terms { functions: vec![CUSTOMER.into()], ..request.terms.clone() };
    let said = preview(&olivia(), Some(less)).await.unwrap();
    assert_eq!(said.denied, Fates { pass: 14, ..Fates::default() });
    let all = preview(&ada(), None).await.unwrap();
    assert_eq!(all.functions.len(), 3, "an administrator sees all");
    let more = Terms { functions: vec!["billing.invoices.list".into()], ..request.terms.clone() };
    let codes = [
        preview(&riley, None).await.unwrap_err().code(),
        preview(&actor("max", &[]), None).await.unwrap_err().code(),
        preview(&olivia(), Some(more)).await.unwrap_err().code(),
    ];
    assert_eq!(codes, ["own_access", "no_such_grant", "permits_more"]);
    world.governance.withdraw_grant_request(&riley, request.id).await.unwrap();
    assert_eq!(preview(&olivia(), None).await.unwrap_err().code(), "answered_already");
}
