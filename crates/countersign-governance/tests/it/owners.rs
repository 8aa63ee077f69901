//! Functions that nobody answers for (R7).

use crate::{
    gateways::until,
    world::{
        CUSTOMER, REFUND, STATUS, World, actor, ada, caller, catalog_with, demand, held, new_grant,
        olivia, on_both, subject,
    },
};
use countersign_governance::{GrantError, GrantFilter, NewGrantRequest, OWNER_GRACE};
use countersign_model::{
    ApprovalState, Call, Decision, GrantId, Reason, Span, Subject,
    catalog::{FunctionIx, Rate},
    decide,
    grant::{GrantRequestState, Terms},
};
use serde_json::{Value, json};

on_both!(
    r07_without_a_living_owner_there_are_no_new_grants_and_calls_stop_after_grace,
    r07_no_way_gives_more_of_what_nobody_answers_for,
    r07_each_stop_happens_once_on_all_gateways,
    r07_a_new_owner_of_the_catalog_lets_calls_go_on_at_once,
);

/// What a call of riley's to a function of olivia's meets.
fn reason(world: &World) -> Reason {
    struct Endless;
    impl decide::Meter for Endless {
        fn take(&self, _: &Subject, _: FunctionIx, _: Rate) -> decide::Taken {
            decide::Taken::Within
        }
    }
    let snapshot = world.governance.policy().load();
    let (function, _) = snapshot.catalog().by_name(CUSTOMER).unwrap();
    let arguments = json!({"customer": "c_1"});
    let who = caller("riley", &[]);
    let call = Call { caller: &who, function, arguments: &arguments };
    match decide(&call, &snapshot, world.now(), &Endless) {
        Decision::Forward(grounds) => grounds.reason(),
        Decision::Hold(question) => question.reason,
        Decision::Block(refusal) => refusal.reason,
    }
}

/// What the ledger says of functions that were stopped and let go on.
fn said(world: &World) -> Vec<String> {
    let entries = world.entries("stop.changed");
    let functions = entries.iter().filter(|it| it["by"] == "countersign:owners");
    functions.map(|it| format!("{} {}", it["now"], it["what"]).replace('"', "")).collect()
}

async fn granted(world: &World) {
    world.grant(&olivia(), subject("riley"), CUSTOMER).await;
    assert_eq!(reason(world), Reason::Granted);
}

async fn r07_without_a_living_owner_there_are_no_new_grants_and_calls_stop_after_grace(
    world: World,
) {
    let governance = &world.governance;
    granted(&world).await;
    assert_eq!(governance.unowned(), []);
    governance.suspend(&ada(), &"olivia".into(), "left").await.unwrap();
    // At once: no new grants, by whomever.
    let refused = governance.add_grant(&ada(), new_grant(subject("sam"), &[REFUND])).await;
    let refused = refused.unwrap_err();
    assert_eq!(refused.code(), "no_living_owner");
    assert!(refused.to_string().contains("nobody answers for billing.refunds.create any more"));
    governance.add_grant(&ada(), new_grant(subject("sam"), &[STATUS])).await.unwrap();
    // A finding; calls go on while grace runs.
    governance.watch_owners().await.unwrap();
    let found = governance.unowned();
    let names: Vec<&str> = found.iter().map(|it| it.function.as_str()).collect();
    assert_eq!(names, [CUSTOMER, REFUND]);
    assert_eq!(found[0].owners, ["olivia".into()]);
    assert_eq!(found[0].stops_at, Some(world.now().plus(OWNER_GRACE)));
    assert!(!found[0].is_stopped);
    let asked = held(world.now(), "a call", vec![demand(&["group:finance"], 1)]);
    let asked = governance.open_approval(asked).await.unwrap().approval.id;
    world.pass(Span::from_millis(OWNER_GRACE.millis() - 1));
    governance.watch_owners().await.unwrap();
    assert_eq!(reason(&world), Reason::Granted);
    assert_eq!(said(&world), Vec::<String>::new());
    // Grace is over.
    world.pass(Span::from_millis(1));
    governance.watch_owners().await.unwrap();
    assert_eq!(reason(&world), Reason::NoLivingOwner);
    assert!(governance.unowned().iter().all(|it| it.is_stopped));
    let stopped = [format!("stopped function:{CUSTOMER}"), format!("stopped function:{REFUND}")];
    assert_eq!(said(&world), stopped);
    let state = governance.approval(asked).await.unwrap().unwrap().state;
    assert!(!matches!(state, ApprovalState::Pending), "{state:?}");
    // She is back: at once, before anybody looks again.
    governance.resume(&ada(), &"olivia".into(), "came back").await.unwrap();
    assert_eq!(reason(&world), Reason::Granted);
    assert_eq!(governance.unowned(), []);
    governance.watch_owners().await.unwrap();
    assert_eq!(said(&world).len(), 4);
    // Should she leave again, grace begins anew.
    governance.suspend(&ada(), &"olivia".into(), "left again").await.unwrap();
    governance.watch_owners().await.unwrap();
    governance.watch_owners().await.unwrap();
    assert_eq!(reason(&world), Reason::Granted);
}

async fn r07_no_way_gives_more_of_what_nobody_answers_for(world: World) {
    let governance = &world.governance;
    let (riley, otto) = (actor("riley", &[]), actor("otto", &[]));
    let held = world.grant(&ada(), subject("riley"), CUSTOMER).await;
    let other = world.grant(&ada(), subject("riley"), STATUS).await;
    // Asked for while she was there, with her yes.
    let both = asked(&[CUSTOMER, STATUS], None);
    let waits = governance.request_grant(&riley, both).await.unwrap().id;
    governance.approve_grant_request(&olivia(), waits, None, "").await.unwrap();
    governance.suspend(&ada(), &"olivia".into(), "left").await.unwrap();
    let later = world.now().plus(Span::from_days(30));
    let renewal = NewGrantRequest { expires_at: Some(later), ..asked(&[], Some(held)) };
    let admin = ada();
    let to_kim = || governance.transfer_grant(&admin, held, subject("kim"), "moved on");
    let refused = [
        code(governance.request_grant(&riley, asked(&[CUSTOMER], None)).await),
        code(governance.request_grant(&riley, renewal).await),
        code(governance.approve_grant_request(&otto, waits, None, "").await),
        code(governance.widen_grant(&ada(), other, 1, terms(&[STATUS, CUSTOMER])).await),
        code(governance.widen_grant(&ada(), held, 1, terms(&[CUSTOMER, STATUS])).await),
        code(governance.renew_grant(&ada(), held, later).await),
        code(to_kim().await),
    ];
    assert_eq!(refused, ["no_living_owner"; 7]);
    assert_eq!(governance.grants(&GrantFilter::default()).len(), 2, "nothing was made");
    let shown = governance.grant_request(&riley, waits).await.unwrap();
    assert_eq!(shown.request.state, GrantRequestState::Pending);
    // What others answer for goes on, and so does what takes away.
    assert_eq!(code(governance.request_grant(&riley, asked(&[STATUS], None)).await), "done");
    let narrow = Terms { constraints: vec!["args.customer == 'c_1'".into()], ..terms(&[CUSTOMER]) };
    assert_eq!(code(governance.narrow_grant(&ada(), held, 1, narrow).await), "done");
    // Somebody answers for it again: each of these goes.
    governance.resume(&ada(), &"olivia".into(), "came back").await.unwrap();
    assert_eq!(code(governance.approve_grant_request(&otto, waits, None, "").await), "done");
    assert_eq!(code(governance.renew_grant(&ada(), held, later).await), "done");
    assert_eq!(code(to_kim().await), "done");
}

fn asked(functions: &[&str], renews: Option<GrantId>) -> NewGrantRequest {
    NewGrantRequest {
        subject: None,
        functions: functions.iter().map(|it| (*it).into()).collect(),
        reason: "the quarter's refunds".to_owned(),
        constraints: vec![],
        rate: None,
        expires_at: None,
        renews,
    }
}

fn terms(functions: &[&str]) -> Terms {
    let functions = functions.iter().map(|it| (*it).into()).collect();
    Terms { functions, tags: vec![], constraints: vec![], rate: None, expires_at: None }
}

fn code<T>(result: Result<T, GrantError>) -> &'static str {
    result.err().map_or("done", |it| it.code())
}

async fn r07_each_stop_happens_once_on_all_gateways(world: World) {
    granted(&world).await;
    let other = world.beside("two").await;
    // Both look for changes, and for functions that nobody answers for, as gateways do.
    let keepers = [&world, &other].map(|it| tokio::spawn(it.governance.clone().keep_current()));
    world.governance.suspend(&ada(), &"olivia".into(), "left").await.unwrap();
    until(|| other.governance.policy().load().is_unowned(&REFUND.into())).await;
    for gateway in [&world, &other] {
        gateway.governance.watch_owners().await.unwrap();
    }
    until(|| other.governance.unowned().iter().all(|it| it.seen_at.is_some())).await;
    world.pass(OWNER_GRACE);
    let (one, two) = tokio::join!(world.governance.watch_owners(), other.governance.watch_owners());
    one.unwrap();
    two.unwrap();
    for gateway in [&world, &other] {
        until(|| reason(gateway) == Reason::NoLivingOwner).await;
    }
    keepers.iter().for_each(tokio::task::JoinHandle::abort);
    let mut all = [said(&world), said(&other)].concat();
    all.sort();
    let expected = [format!("stopped function:{CUSTOMER}"), format!("stopped function:{REFUND}")];
    assert_eq!(all, expected, "by one of them, once");
}

async fn r07_a_new_owner_of_the_catalog_lets_calls_go_on_at_once(world: World) {
    let governance = &world.governance;
    granted(&world).await;
    governance.suspend(&ada(), &"olivia".into(), "left").await.unwrap();
    governance.watch_owners().await.unwrap();
    world.pass(OWNER_GRACE);
    governance.watch_owners().await.unwrap();
    assert_eq!(reason(&world), Reason::NoLivingOwner);
    // Somebody who has not been seen yet lives.
    let owners: Value = json!(["olivia", "newcomer"]);
    let next = catalog_with("/targets/billing/owners", owners);
    governance.apply_catalog(&ada(), next, None).await.unwrap();
    assert_eq!(reason(&world), Reason::Granted);
    governance.add_grant(&ada(), new_grant(subject("sam"), &[REFUND])).await.unwrap();
}
