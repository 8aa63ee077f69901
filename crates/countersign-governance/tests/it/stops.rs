//! Suspensions and kill switches.

use crate::world::{World, actor, ada, olivia, on_both};
use countersign_model::snapshot::KillScope;

on_both!(stops_act_at_once_and_end, who_may_stop_and_what);

async fn stops_act_at_once_and_end(world: World) {
    let scopes = [
        KillScope::Everything,
        KillScope::Target("billing".into()),
        KillScope::Function(crate::world::REFUND.into()),
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
    for person in [olivia(), actor("aud", &["audit"])] {
        let error = governance.kill(&person, everything(), "x").await.unwrap_err();
        assert_eq!(error.code(), "not_administrator");
        let error = governance.suspend(&person, &"sam".into(), "x").await.unwrap_err();
        assert_eq!(error.code(), "not_administrator");
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
