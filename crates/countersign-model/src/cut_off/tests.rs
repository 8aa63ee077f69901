use super::*;
use crate::fixtures;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

/// A caller of issuer `demo` with a token of the moment 1000.
fn caller() -> Caller {
    Caller {
        actors: vec!["agent:dunning".into()],
        issued: Issued {
            issuer: None,
            at: Some(at(1_000)),
            subject: Some("00u1".into()),
            session: Some("s1".into()),
            authenticated_at: None,
        },
        ..fixtures::caller("riley")
    }
}

fn of_subject(name: &str) -> Whose {
    Whose::Subject(name.into())
}

fn of_issuer_subject(issuer: &str, subject: &str) -> Whose {
    Whose::IssuerSubject { issuer: issuer.into(), subject: subject.into() }
}

fn of_session(issuer: &str, session: &str) -> Whose {
    Whose::IssuerSession { issuer: issuer.into(), session: session.into() }
}

#[test]
fn what_was_issued_before_the_cut_off_has_ended() {
    let unknown = Caller { issued: Issued { at: None, ..caller().issued }, ..caller() };
    let exchanged = Caller {
        issuer: "countersign".into(),
        issued: Issued { issuer: Some("demo".into()), ..caller().issued },
        ..caller()
    };
    let bare = Caller { issued: Issued { at: Some(at(1_000)), ..Issued::default() }, ..caller() };
    let rows = [
        ("the subject", of_subject("riley"), 1_001, caller(), true),
        ("an actor", of_subject("agent:dunning"), 1_001, caller(), true),
        ("somebody else", of_subject("olivia"), 9_999, caller(), false),
        ("issued at the moment itself", of_subject("riley"), 1_000, caller(), false),
        ("issued later", of_subject("riley"), 999, caller(), false),
        ("issued nobody knows when", of_subject("riley"), 1, unknown.clone(), true),
        ("the issuer's subject", of_issuer_subject("demo", "00u1"), 1_001, caller(), true),
        ("another issuer's", of_issuer_subject("other", "00u1"), 1_001, caller(), false),
        ("the mapped name is no sub", of_issuer_subject("demo", "riley"), 1_001, caller(), false),
        ("the session", of_session("demo", "s1"), 1_001, caller(), true),
        ("of what was exchanged", of_session("demo", "s1"), 1_001, exchanged.clone(), true),
        ("of who exchanged it", of_session("countersign", "s1"), 1_001, exchanged, false),
        ("another session", of_session("demo", "s2"), 1_001, caller(), false),
        ("another issuer's session", of_session("other", "s1"), 1_001, caller(), false),
        ("a sub is no sid", of_session("demo", "00u1"), 1_001, caller(), false),
        ("a credential without a session", of_session("demo", "s1"), 1_001, bare, false),
    ];
    for (name, whose, moment, caller, ended) in rows {
        let cut_offs = CutOffs::default().with([(whose.clone(), at(moment))]);
        assert_eq!(cut_offs.of(&caller), ended.then_some(whose), "{name}");
    }
    assert_eq!(CutOffs::default().of(&unknown), None);
}

#[test]
fn the_later_of_two_counts_in_either_order() {
    for (first, second) in [(500, 2_000), (2_000, 500)] {
        let cut_offs = CutOffs::default()
            .with([(of_subject("riley"), at(first))])
            .with([(of_subject("riley"), at(second))]);
        assert_eq!(cut_offs.len(), 1);
        assert!(cut_offs.of(&caller()).is_some(), "{first} then {second}");
    }
}

#[test]
fn a_caller_that_is_written_down_does_not_carry_it() {
    let written = serde_json::to_string(&caller()).unwrap();
    assert!(!written.contains("00u1") && !written.contains("issued"), "{written}");
    let read: Caller = serde_json::from_str(&written).unwrap();
    assert_eq!(read.issued, Issued::default());
}
