//! Suspensions and kill switches.

use crate::world::{REFUND, STATUS, World, actor, ada, demand, held, olivia, on_both};
use countersign_model::{ApprovalState, GrantRef, Reason, snapshot::KillScope};

on_both!(
    stops_act_at_once_and_end,
    who_may_stop_and_what,
    what_is_stopped_is_asked_about_no_more,
    more_requests_than_one_transaction_ends,
);

async fn stops_act_at_once_and_end(world: World) {
    let scopes = [
        KillScope::Everything,
        KillScope::Target("billing".into()),
        KillScope::Function(REFUND.into()),
    ];
    for scope in &scopes {
        world.governance.kill(&ada(), scope.clone(), "fire").await.unwrap();
    }
    assert_eq!(world.governance.policy().load().kills().len(), 3);
    for scope in &scopes {
        world.governance.unkill(&ada(), scope.clone(), "over").await.unwrap();
    }
    assert_eq!(world.governance.stops().kills, []);
    world.governance.suspend(&ada(), &"riley".into(), "stolen").await.unwrap();
    let riley = crate::world::caller("riley", &["platform"]);
    let suspended = world.governance.actor(&riley);
    let error = world.governance.kill(&suspended, KillScope::Everything, "x").await.unwrap_err();
    assert_eq!(error.code(), "suspended");
    world.governance.resume(&ada(), &"riley".into(), "found").await.unwrap();
    // Who was judged as suspended before, and who was not, are judged anew.
    let good = world.governance.actor(&riley);
    world.governance.suspend(&ada(), &"riley".into(), "stolen again").await.unwrap();
    let error = world.governance.kill(&good, KillScope::Everything, "x").await.unwrap_err();
    assert_eq!(error.code(), "suspended");
    let what: Vec<String> = world
        .entries("stop.changed")
        .iter()
        .map(|it| format!("{} {}", it["now"].as_str().unwrap(), it["what"].as_str().unwrap()))
        .collect();
    assert_eq!(
        what,
        [
            "stopped everything",
            "stopped target:billing",
            "stopped function:billing.refunds.create",
            "resumed everything",
            "resumed target:billing",
            "resumed function:billing.refunds.create",
            "stopped subject:riley",
            "resumed subject:riley",
            "stopped subject:riley",
        ]
    );
}

async fn who_may_stop_and_what(world: World) {
    let everything = || KillScope::Everything;
    let governance = &world.governance;
    let auditor = actor("aud", &["audit"]);
    for (person, code) in [(olivia(), "not_administrator"), (auditor, "auditor_changes_nothing")] {
        let error = governance.kill(&person, everything(), "x").await.unwrap_err();
        assert_eq!(error.code(), code);
        let error = governance.suspend(&person, &"sam".into(), "x").await.unwrap_err();
        assert_eq!(error.code(), code);
    }
    let rows = [
        (governance.kill(&ada(), everything(), " ").await, "bad_reason"),
        (governance.kill(&ada(), KillScope::Target("nope".into()), "x").await, "not_catalogued"),
        (governance.unkill(&ada(), everything(), "x").await, "not_stopped"),
        (governance.resume(&ada(), &"sam".into(), "x").await, "not_stopped"),
    ];
    for (result, expected) in rows {
        assert_eq!(result.unwrap_err().code(), expected);
    }
    assert_eq!(world.entries("stop.changed").len(), 0);
}

/// A request ends with what its call rests on, in the transaction that takes it; others stay.
async fn what_is_stopped_is_asked_about_no_more(world: World) {
    let governance = &world.governance;
    let grant = world.grant(&olivia(), crate::world::subject("riley"), REFUND).await;
    let rows = [
        ("suspend", Reason::SubjectSuspended),
        ("revoke", Reason::GrantRevoked),
        ("kill", Reason::KillSwitch),
    ];
    for (name, because) in rows {
        let mut asked = held(world.now(), name, vec![demand(&["owner"], 1)]);
        asked.call.grants = vec![GrantRef { id: grant, version: 1 }];
        let asked = governance.open_approval(asked).await.unwrap().approval.id;
        let mut other = held(world.now(), &format!("not {name}"), vec![demand(&["owner"], 1)]);
        other.call.caller.subject = "RILEY".into();
        other.call.target = "other".into();
        other.call.function = STATUS.into();
        let other = governance.open_approval(other).await.unwrap().approval.id;
        let mut watched = governance.watch_approval(asked);
        watched.mark_unchanged();
        match name {
            "suspend" => {
                governance.suspend(&ada(), &"riley".into(), "left").await.unwrap();
                governance.resume(&ada(), &"riley".into(), "back").await.unwrap();
            }
            "revoke" => drop(governance.revoke_grant(&ada(), grant, "over").await.unwrap()),
            _ => {
                let scope = || KillScope::Function(REFUND.into());
                governance.kill(&ada(), scope(), "fire").await.unwrap();
                governance.unkill(&ada(), scope(), "over").await.unwrap();
            }
        }
        assert!(watched.has_changed().unwrap(), "{name}");
        let state = governance.approval(asked).await.unwrap().unwrap().state;
        assert!(
            matches!(state, ApprovalState::Cancelled { because: Some(it), .. } if it == because),
            "{name}: {state:?}"
        );
        let state = governance.approval(other).await.unwrap().unwrap().state;
        assert_eq!(state, ApprovalState::Pending, "{name}");
    }
    let ended: Vec<_> = world
        .entries("approval.changed")
        .iter()
        .map(|it| format!("{} {}", it["by"].as_str().unwrap(), it["now"]["because"]))
        .collect();
    let said = ["subject_suspended", "grant_revoked", "kill_switch"];
    assert_eq!(ended, said.map(|it| format!("ada \"{it}\"")));
    assert!(world.read_back().iter().all(Result::is_ok));
}

async fn more_requests_than_one_transaction_ends(world: World) {
    let governance = &world.governance;
    let mut asked = Vec::new();
    for number in 0..300 {
        let new = held(world.now(), &format!("call {number}"), vec![demand(&["owner"], 1)]);
        asked.push(governance.open_approval(new).await.unwrap().approval.id);
    }
    governance.kill(&ada(), KillScope::Everything, "fire").await.unwrap();
    for id in asked {
        let state = governance.approval(id).await.unwrap().unwrap().state;
        assert!(matches!(state, ApprovalState::Cancelled { .. }), "{state:?}");
    }
}
