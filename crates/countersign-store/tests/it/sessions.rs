//! Sessions and their keys, browsers that are signed in, and people.

use crate::world::{NOW, World, entropy, on_both};
use countersign_model::{Epoch, SessionId, Span, Whose};
use countersign_store::{
    CutOffRow, NewSession, PersonRow, SessionOrigin, SessionQuery, SessionTouch, WebSession,
    Written,
};

on_both!(
    sessions_add_up,
    what_segments_hold_is_written_down_once_and_of_known_sessions,
    a_destroyed_key_is_gone_and_the_row_stays,
    browsers_come_and_go,
    sessions_end_by_what_they_rest_on,
    a_cut_off_only_moves_forward,
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

async fn what_segments_hold_is_written_down_once_and_of_known_sessions(world: World) {
    let one = session("riley");
    world.store.open_sessions(std::slice::from_ref(&one)).await.unwrap();
    let unknown = SessionId::new(NOW.plus(Span::from_seconds(9)), &entropy());
    let both = [unknown, one.id];
    let indexed =
        async |segment| world.store.view().await.unwrap().is_indexed(segment, &both).await.unwrap();
    assert!(!indexed(7).await);
    for _ in 0..2 {
        world.store.index_segment(7, &both).await.unwrap();
        assert!(indexed(7).await && !indexed(8).await);
    }
    let row = world.store.view().await.unwrap().session(one.id).await.unwrap().unwrap();
    assert_eq!((row.segments, row.calls), (vec![7], 0));
    let only_unknown = world.store.view().await.unwrap().is_indexed(9, &both[..1]).await.unwrap();
    assert!(only_unknown, "of what is not known nothing is missing");
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
        origin: SessionOrigin { issuer: "acme".to_owned(), ..SessionOrigin::default() },
        document: "{}".to_owned(),
    };
    for name in ["a", "b", "c"] {
        world.store.add_web_session(&session(name)).await.unwrap();
    }
    let later = NOW.plus(Span::from_seconds(1));
    world.store.touch_web_session("a", later).await.unwrap();
    // The renewal is one request's, until it ends or takes too long.
    assert!(world.store.begin_renewal("a", NOW, later).await.unwrap());
    assert!(!world.store.begin_renewal("a", NOW, end).await.unwrap());
    assert!(world.store.begin_renewal("a", later, end).await.unwrap());
    world.store.end_renewal("a", "{\"x\":1}").await.unwrap();
    assert!(world.store.begin_renewal("a", NOW, later).await.unwrap());
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

async fn sessions_end_by_what_they_rest_on(world: World) {
    let session = |name: &str, issuer: &str, sub: &str, sid: &str, issued: i64| WebSession {
        name: name.to_owned(),
        subject: format!("{issuer}:{sub}").as_str().into(),
        made_at: NOW,
        seen_at: NOW,
        expires_at: NOW.plus(Span::from_days(1)),
        origin: SessionOrigin {
            issuer: issuer.to_owned(),
            subject: sub.to_owned(),
            session: sid.to_owned(),
            issued_at: NOW.plus(Span::from_seconds(issued)),
        },
        document: String::new(),
    };
    let sessions = [
        session("a1", "acme", "riley", "s1", 0),
        session("a2", "acme", "riley", "s2", 0),
        session("new", "acme", "riley", "s1", 10),
        session("other", "other", "riley", "s1", 0),
        session("none", "acme", "", "", 0),
    ];
    let rows: [(Whose, i64, &[&str]); 7] = [
        (by_session("acme", "s1"), 1, &["a2", "new", "none", "other"]),
        (by_session("acme", "s1"), 11, &["a2", "none", "other"]),
        (by_subject("acme", "riley"), 1, &["new", "none", "other"]),
        (by_subject("acme", "riley"), -1, &["a1", "a2", "new", "none", "other"]),
        (by_subject("acme", "s1"), 11, &["a1", "a2", "new", "none", "other"]),
        (Whose::Subject("acme:riley".into()), 1, &["new", "none", "other"]),
        (Whose::Subject("riley".into()), 11, &["a1", "a2", "new", "none", "other"]),
    ];
    // A session that was made after the moment goes on only by what the issuer said.
    for (whose, seconds, left) in rows {
        for session in &sessions {
            let made_at = session.origin.issued_at;
            let session = WebSession { made_at, ..session.clone() };
            world.store.add_web_session(&session).await.unwrap();
        }
        let mut change = world.store.change().await.unwrap();
        let before = NOW.plus(Span::from_seconds(seconds));
        let removed = change.remove_web_sessions(&whose, before).await.unwrap();
        change.commit().await.unwrap();
        assert_eq!(usize::try_from(removed).unwrap(), sessions.len() - left.len(), "{whose}");
        for session in &sessions {
            let found = world.store.web_session(&session.name, NOW).await.unwrap();
            let expected = left.contains(&session.name.as_str());
            assert_eq!(found.is_some(), expected, "{whose} {seconds}: {}", session.name);
            world.store.remove_web_session(&session.name).await.unwrap();
        }
    }
    world.store.add_web_session(&sessions[0]).await.unwrap();
    let mut view = world.store.view().await.unwrap();
    assert_eq!(view.subjects_signed_in("acme", "riley").await.unwrap(), ["acme:riley".into()]);
    assert_eq!(view.subjects_signed_in("other", "riley").await.unwrap(), []);
}

fn by_session(issuer: &str, session: &str) -> Whose {
    Whose::IssuerSession { issuer: issuer.into(), session: session.into() }
}

fn by_subject(issuer: &str, subject: &str) -> Whose {
    Whose::IssuerSubject { issuer: issuer.into(), subject: subject.into() }
}

async fn a_cut_off_only_moves_forward(world: World) {
    let row = |seconds: i64| CutOffRow {
        whose: Whose::Subject("riley".into()),
        at: NOW.plus(Span::from_seconds(seconds)),
        expires_at: NOW.plus(Span::from_seconds(seconds + 60)),
    };
    let write = async |seconds: i64, epoch: u64| {
        let mut change = world.store.change().await.unwrap();
        let written = change.cut_off(&row(seconds), Epoch(epoch)).await.unwrap();
        change.commit().await.unwrap();
        written
    };
    let since = async |epoch: Option<u64>| {
        let mut view = world.store.view().await.unwrap();
        view.cut_offs_since(epoch.map(Epoch)).await.unwrap()
    };
    assert_eq!(write(10, 1).await, Written::Done);
    assert_eq!(write(10, 2).await, Written::Conflict);
    assert_eq!(write(5, 3).await, Written::Conflict);
    assert_eq!(since(None).await, [row(10)]);
    assert_eq!(since(Some(1)).await, []);
    assert_eq!(write(20, 4).await, Written::Done);
    assert_eq!(since(Some(1)).await, [row(20)]);
    let mut change = world.store.change().await.unwrap();
    change.sweep_cut_offs(row(20).at).await.unwrap();
    change.commit().await.unwrap();
    assert_eq!(since(None).await, [row(20)]);
    let mut change = world.store.change().await.unwrap();
    change.sweep_cut_offs(row(20).expires_at).await.unwrap();
    change.commit().await.unwrap();
    assert_eq!(since(None).await, []);
}

async fn people_are_as_they_last_signed_in(world: World) {
    let person = |name: &str, groups: &[&str]| PersonRow {
        subject: "riley".into(),
        name: name.to_owned(),
        email: "riley@acme.example".to_owned(),
        groups: groups.iter().map(|it| (*it).into()).collect(),
        issuer: "acme".to_owned(),
        seen_at: NOW,
    };
    assert_eq!(world.store.person(&"riley".into()).await.unwrap(), None);
    world.store.saw_person(&person("Riley", &["support"])).await.unwrap();
    let last = person("Riley R.", &["support", "finance"]);
    world.store.saw_person(&last).await.unwrap();
    assert_eq!(world.store.person(&"riley".into()).await.unwrap(), Some(last.clone()));
}
