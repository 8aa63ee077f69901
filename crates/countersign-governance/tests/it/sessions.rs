//! Sessions: who sees them, their keys, and the end of their recordings.

use crate::world::{World, actor, ada, on_both};
use countersign_governance::{NewSession, RecordingsIndex, SessionError, SessionFilter};
use countersign_ledger::{Recording, SegmentOptions, Segments, SessionKey};
use countersign_model::SessionId;
use std::sync::Arc;

on_both!(
    a_session_is_seen_by_its_own_and_by_auditors,
    an_erased_session_has_no_key,
    what_the_index_of_recordings_misses_is_found_in_the_segments,
);

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

async fn what_the_index_of_recordings_misses_is_found_in_the_segments(world: World) {
    let sessions = [open(&world).await, open(&world).await];
    let unknown = SessionId::new(world.now(), world.governance.entropy());
    let directory = tempfile::tempdir().unwrap();
    let options = SegmentOptions { segment_bytes_max: 1 };
    let fill = Box::new(|bytes: &mut [u8]| bytes.fill(3));
    let mut segments = Segments::open(directory.path(), options, fill).unwrap();
    let key = Arc::new(SessionKey::from_bytes(&[5; 32]).unwrap());
    // One segment each: of the first, the second, and one that the store does not know, in turn.
    for number in 0..12 {
        let session = [sessions[0], sessions[1], unknown][number % 3];
        let recording = Recording {
            session_id: session.to_bytes(),
            call_id: [1; 16],
            time_ms: world.now().millis(),
            kind: 1,
            key: Arc::clone(&key),
            payload: b"x".to_vec(),
        };
        segments.append(&[&recording]).unwrap();
    }
    let governance = &world.governance;
    let named = async || {
        let mut all = Vec::new();
        for id in sessions {
            all.push(governance.session(id).await.unwrap().unwrap().segments);
        }
        all
    };
    assert_eq!(governance.recordings_index(), RecordingsIndex::Unchecked);
    // The gateway wrote down all but the last, and lost one deep down to something else.
    for (number, segment) in [0_u64, 1, 3, 4, 6, 7].into_iter().enumerate() {
        let session = sessions[number % 2];
        governance.store().index_segment(segment, &[session]).await.unwrap();
    }
    assert_eq!(governance.index_recordings(directory.path()).await.unwrap(), 2);
    assert_eq!(named().await, [[0, 3, 6, 9], [1, 4, 7, 10]]);
    assert_eq!(governance.recordings_index(), RecordingsIndex::Whole);
    assert_eq!(governance.index_recordings(directory.path()).await.unwrap(), 0);
    let missing = directory.path().join("nowhere");
    assert!(governance.index_recordings(&missing).await.is_err());
}
