//! Sessions that end at once: browsers, cut-offs, the ledger, and every gateway.

use crate::{
    gateways::until,
    world::{World, caller, on_both},
};
use countersign_governance::{SessionOrigin, SessionsEnded, WebSession};
use countersign_model::{Caller, CutOffs, Issued, Span, Timestamp, Whose};
use std::sync::{Arc, Mutex};

on_both!(
    an_end_signs_browsers_out_and_stands_in_the_ledger,
    an_end_reaches_the_other_gateway_and_one_that_starts_later,
    an_end_acts_without_the_ledger
);

fn browser(world: &World, name: &str, sid: &str) -> WebSession {
    let now = world.governance.clock().now();
    WebSession {
        name: name.to_owned(),
        subject: "riley".into(),
        made_at: now,
        seen_at: now,
        expires_at: now.plus(Span::from_days(1)),
        origin: SessionOrigin {
            issuer: "acme".to_owned(),
            subject: "00u1".to_owned(),
            session: sid.to_owned(),
            issued_at: now,
        },
        document: String::new(),
    }
}

fn session(sid: &str) -> Whose {
    Whose::IssuerSession { issuer: "acme".into(), session: sid.into() }
}

fn token(at: Timestamp) -> Caller {
    let issued = Issued {
        issuer: None,
        at: Some(at),
        subject: Some("00u1".into()),
        session: Some("s1".into()),
        authenticated_at: None,
    };
    Caller { issued, ..caller("riley", &[]) }
}

async fn an_end_signs_browsers_out_and_stands_in_the_ledger(world: World) {
    let store = world.governance.store();
    for (name, sid) in [("a", "s1"), ("b", "s2")] {
        store.add_web_session(&browser(&world, name, sid)).await.unwrap();
    }
    let now = world.governance.clock().now();
    let before = now.plus(Span::from_seconds(1));
    let by = "issuer:acme".into();
    let end = async |whose: &[Whose]| {
        world.governance.end_sessions(&by, whose, before, "signed out there").await.unwrap()
    };
    assert_eq!(end(&[session("s1")]).await, SessionsEnded { browsers: 1, cut_offs: 1 });
    assert_eq!(store.web_session("a", now).await.unwrap(), None);
    assert!(store.web_session("b", now).await.unwrap().is_some());
    assert!(world.governance.policy().cut_offs().of(&token(now)).is_some());
    assert!(world.governance.policy().cut_offs().of(&token(before)).is_none());
    let epoch = world.governance.policy().load().epoch();
    assert_eq!(end(&[session("s1")]).await, SessionsEnded::default(), "again changes nothing");
    assert_eq!(world.governance.policy().load().epoch(), epoch);
    let everywhere = Whose::Subject("riley".into());
    assert_eq!(end(&[everywhere]).await, SessionsEnded { browsers: 1, cut_offs: 1 });
    let entries = world.entries("stop.changed");
    let what: Vec<_> = entries.iter().map(|it| it["what"].as_str().unwrap()).collect();
    assert_eq!(what, ["sessions:issuer:acme:sid:s1", "sessions:subject:riley"]);
    assert_eq!(entries[0]["by"], "issuer:acme");
}

async fn an_end_reaches_the_other_gateway_and_one_that_starts_later(world: World) {
    let other = world.beside("two").await;
    let told: Arc<Mutex<Vec<Arc<CutOffs>>>> = Arc::default();
    let hears = Arc::clone(&told);
    other.governance.follow_cut_offs(move |it| hears.lock().unwrap().push(it));
    assert!(told.lock().unwrap()[0].is_empty());
    let keeper = tokio::spawn(other.governance.clone().keep_current());
    let now = world.governance.clock().now();
    let before = now.plus(Span::from_seconds(1));
    let whose = [session("s1")];
    world.governance.end_sessions(&"ada".into(), &whose, before, "stolen").await.unwrap();
    until(|| told.lock().unwrap().last().unwrap().of(&token(now)).is_some()).await;
    keeper.abort();
    let third = world.beside("three").await;
    assert!(third.governance.policy().cut_offs().of(&token(now)).is_some());
}

async fn an_end_acts_without_the_ledger(mut world: World) {
    let now = world.governance.clock().now();
    world.governance.store().add_web_session(&browser(&world, "a", "s1")).await.unwrap();
    world.break_ledger();
    let before = now.plus(Span::from_seconds(1));
    let ended =
        world.governance.end_sessions(&"ada".into(), &[session("s1")], before, "stolen").await;
    assert_eq!(ended.unwrap_err().code(), "ledger_unavailable");
    assert!(world.governance.policy().cut_offs().of(&token(now)).is_some());
    assert_eq!(world.governance.store().web_session("a", now).await.unwrap(), None);
}
