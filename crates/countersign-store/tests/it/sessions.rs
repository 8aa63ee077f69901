//! Sessions and their keys, browsers that are signed in, and people.

use crate::world::{NOW, World, entropy, on_both};
use countersign_model::{SessionId, Span};
use countersign_store::{NewSession, PersonRow, SessionQuery, SessionTouch, WebSession, Written};

on_both!(
    sessions_add_up,
    a_destroyed_key_is_gone_and_the_row_stays,
    browsers_come_and_go,
    people_are_as_they_last_signed_in,
);

fn session(subject: &str) -> NewSession {
    NewSession {
        id: SessionId::new(NOW, &entropy()),
        subject: subject.into(),
        actors: vec!["agent:dunning".into()],
        title: "Dunning run".to_owned(),
        started_at: NOW,
        wrapped_key: vec![1, 2, 3],
    }
}

async fn sessions_add_up(world: World) {
    let (one, two) = (session("riley"), session("sam"));
    world.store.open_sessions(&[one.clone(), two.clone()]).await.unwrap();
    // Again, as after a crash between two batches: what is known stays.
    world.store.open_sessions(std::slice::from_ref(&one)).await.unwrap();
    let later = NOW.plus(Span::from_seconds(5));
    let touch = |id, segment| SessionTouch { id, last_at: later, calls: 3, refused: 1, segment };
    let unknown = SessionId::new(later, &entropy());
    let touches = [touch(one.id, Some(4)), touch(one.id, Some(4)), touch(one.id, Some(5))];
    world.store.touch_sessions(&touches).await.unwrap();
    world.store.touch_sessions(&[touch(unknown, Some(9))]).await.unwrap();
    let mut view = world.store.view().await.unwrap();
    let row = view.session(one.id).await.unwrap().unwrap();
    assert_eq!((row.calls, row.refused, row.last_at), (9, 3, later));
    assert_eq!((row.segments, row.actors), (vec![4, 5], one.actors));
    assert_eq!(view.session(unknown).await.unwrap(), None);
    let list = |subject: Option<&str>, before, limit| SessionQuery {
        subject: subject.map(Into::into),
        before,
        limit,
    };
    let rows = [
        (list(None, None, 10), vec![two.id, one.id]),
        (list(Some("riley"), None, 10), vec![one.id]),
        (list(Some("agent:dunning"), None, 10), vec![two.id, one.id]),
        (list(Some("agent:dunning"), Some(two.id), 10), vec![one.id]),
        // Compared whole, and byte for byte.
        (list(Some("agent:dun"), None, 10), vec![]),
        (list(Some("Agent:Dunning"), None, 10), vec![]),
        (list(Some("%"), None, 10), vec![]),
        (list(None, Some(two.id), 10), vec![one.id]),
        (list(None, None, 1), vec![two.id]),
    ];
    for (query, expected) in rows {
        let found = view.sessions(&query).await.unwrap();
        assert_eq!(found.iter().map(|it| it.id).collect::<Vec<_>>(), expected, "{query:?}");
    }
}

async fn a_destroyed_key_is_gone_and_the_row_stays(world: World) {
    let session = session("riley");
    world.store.open_sessions(std::slice::from_ref(&session)).await.unwrap();
    let mut change = world.store.change().await.unwrap();
    assert_eq!(change.wrapped_key(session.id).await.unwrap(), Some(vec![1, 2, 3]));
    assert_eq!(change.erase_session(session.id, NOW).await.unwrap(), Written::Done);
    assert_eq!(change.erase_session(session.id, NOW).await.unwrap(), Written::Conflict);
    change.commit().await.unwrap();
    // A batch that comes late brings no key back.
    world.store.open_sessions(std::slice::from_ref(&session)).await.unwrap();
    let mut view = world.store.view().await.unwrap();
    assert_eq!(view.wrapped_key(session.id).await.unwrap(), None);
    assert_eq!(view.session(session.id).await.unwrap().unwrap().erased_at, Some(NOW));
}

async fn browsers_come_and_go(world: World) {
    let end = NOW.plus(Span::from_seconds(60));
    let session = |name: &str| WebSession {
        name: name.to_owned(),
        subject: "riley".into(),
        made_at: NOW,
        seen_at: NOW,
        expires_at: end,
        document: "{}".to_owned(),
    };
    for name in ["a", "b", "c"] {
        world.store.add_web_session(&session(name)).await.unwrap();
    }
    let later = NOW.plus(Span::from_seconds(1));
    world.store.touch_web_session("a", later, "{\"x\":1}").await.unwrap();
    let found = world.store.web_session("a", later).await.unwrap().unwrap();
    assert_eq!((found.seen_at, found.document.as_str()), (later, "{\"x\":1}"));
    assert_eq!(world.store.web_session("a", end).await.unwrap(), None, "its time is over");
    world.store.remove_web_session("a").await.unwrap();
    assert_eq!(world.store.web_session("a", NOW).await.unwrap(), None);
    assert_eq!(world.store.remove_web_sessions_of(&"riley".into()).await.unwrap(), 2);
    world.store.add_web_session(&session("d")).await.unwrap();
    assert_eq!(world.store.sweep_web_sessions(NOW).await.unwrap(), 0);
    assert_eq!(world.store.sweep_web_sessions(end).await.unwrap(), 1);
}

async fn people_are_as_they_last_signed_in(world: World) {
    let person = |name: &str, groups: &[&str]| PersonRow {
        subject: "riley".into(),
        name: name.to_owned(),
        email: "riley@acme.example".to_owned(),
        groups: groups.iter().map(|it| (*it).into()).collect(),
        seen_at: NOW,
    };
    assert_eq!(world.store.person(&"riley".into()).await.unwrap(), None);
    world.store.saw_person(&person("Riley", &["support"])).await.unwrap();
    let last = person("Riley R.", &["support", "finance"]);
    world.store.saw_person(&last).await.unwrap();
    assert_eq!(world.store.person(&"riley".into()).await.unwrap(), Some(last.clone()));
    assert_eq!(world.store.people(10).await.unwrap(), [last]);
}
