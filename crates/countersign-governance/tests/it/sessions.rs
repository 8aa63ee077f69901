//! Sessions: who sees them, their keys, and the end of their recordings.

use crate::world::{World, actor, ada, on_both};
use countersign_governance::{NewSession, SessionError, SessionFilter};
use countersign_ledger::SessionKey;
use countersign_model::SessionId;

on_both!(a_session_is_seen_by_its_own_and_by_auditors, an_erased_session_has_no_key);

async fn open(world: &World) -> SessionId {
    let id = SessionId::new(world.now(), world.governance.entropy());
    let key = SessionKey::from_bytes(&[5; 32]).unwrap();
    let wrapped_key =
        world.governance.master().wrap(&id.to_bytes(), &key, &mut |bytes| bytes.fill(1)).unwrap();
    let session = NewSession {
        id,
        subject: "riley".into(),
        actors: vec!["agent:dunning".into()],
        title: "Run".to_owned(),
        started_at: world.now(),
        wrapped_key,
    };
    world.governance.store().open_sessions(&[session]).await.unwrap();
    id
}

async fn a_session_is_seen_by_its_own_and_by_auditors(world: World) {
    let id = open(&world).await;
    let rows = [
        (actor("riley", &[]), true),
        (actor("aud", &["audit"]), true),
        (ada(), true),
        (actor("kim", &["support"]), false),
    ];
    for (person, expected) in rows {
        let seen = world.governance.view_session(&person, id).await;
        match seen {
            Ok(session) => assert!(expected && session.id == id, "{}", person.name),
            Err(error) => {
                assert!(!expected && matches!(error, SessionError::NotFound), "{error:?}");
            }
        }
    }
    let by: Vec<_> = world.entries("record.viewed").iter().map(|it| it["by"].clone()).collect();
    assert_eq!(by, ["riley", "aud", "ada"]);
    let filter = SessionFilter { limit: 10, ..SessionFilter::default() };
    assert_eq!(world.governance.sessions(filter).await.unwrap().len(), 1);
}

async fn an_erased_session_has_no_key(world: World) {
    let id = open(&world).await;
    assert!(world.governance.session_key(id).await.unwrap().is_some());
    let error = world.governance.erase_session(&actor("aud", &["audit"]), id, "x").await;
    assert_eq!(error.unwrap_err().code(), "auditor_changes_nothing");
    world.governance.erase_session(&ada(), id, "law").await.unwrap();
    assert!(world.governance.session_key(id).await.unwrap().is_none());
    let twice = world.governance.erase_session(&ada(), id, "law").await.unwrap_err();
    assert!(matches!(twice, SessionError::Erased), "{twice:?}");
    assert_eq!(world.entries("stop.changed")[0]["what"], format!("recordings:{id}"));
    assert!(world.governance.session(id).await.unwrap().unwrap().erased_at.is_some());
}
