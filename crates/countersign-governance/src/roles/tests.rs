use super::*;
use countersign_model::{
    Catalog, Timestamp,
    catalog::Agent,
    snapshot::{Facts, Suspension},
};
use std::sync::Arc;

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

fn caller(subject: &str, kind: CallerKind, actors: &[&str]) -> Caller {
    Caller {
        subject: subject.into(),
        kind,
        actors: actors.iter().map(|actor| Subject::from(*actor)).collect(),
        client: None,
        issuer: "acme".into(),
        groups: ["platform".into(), "support".into()].into(),
        scopes: BTreeSet::new(),
        name: None,
        email: None,
        expires_at: NOW,
        issued: countersign_model::Issued::default(),
    }
}

#[test]
fn an_actor_is_what_the_snapshot_knows() {
    let agent = Agent {
        subject: "agent:dunning".into(),
        name: String::new(),
        sponsor: "sam".into(),
        purpose: "Reminds".to_owned(),
    };
    let mut catalog = Catalog::default();
    catalog.agents.insert(agent.subject.clone(), agent);
    let suspension =
        Suspension { subject: "fred".into(), by: "ada".into(), at: NOW, why: "left".to_owned() };
    let snapshot = Snapshot::compile(Facts {
        catalog: Arc::new(catalog),
        suspensions: vec![suspension],
        ..Facts::default()
    });
    let roles = RoleMap { administrators: vec!["platform".into()], auditors: vec![] };
    let person = CallerKind::Person;
    let rows = [
        (caller("ada", person, &[]), person, Standing::Good, 1),
        // A token that calls an agent a person is not believed.
        (caller("agent:dunning", person, &[]), CallerKind::Agent, Standing::Good, 0),
        // Who acts through somebody is not the one who acts.
        (caller("ada", person, &["agent:dunning"]), CallerKind::Agent, Standing::Good, 0),
        (caller("ada", person, &["unknown"]), CallerKind::Agent, Standing::Good, 0),
        (caller("svc:x", CallerKind::Service, &[]), CallerKind::Service, Standing::Good, 1),
        (caller("fred", person, &[]), person, Standing::Suspended, 1),
        (caller("ada", person, &["fred"]), CallerKind::Agent, Standing::Suspended, 0),
    ];
    for (caller, kind, standing, count) in rows {
        let actor = Actor::of(&caller, &snapshot, &roles);
        let found = (actor.person.kind, actor.person.standing, actor.roles.len());
        assert_eq!(found, (kind, standing, count), "{caller:?}");
    }
}

#[test]
fn reasons_and_comments_have_a_length() {
    let exactly = "x".repeat(TEXT_CHARS_MAX);
    let rows = [
        (" because ", Ok("because".to_owned())),
        ("", Err(BadText::Missing)),
        (" \n", Err(BadText::Missing)),
        (&exactly, Ok(exactly.clone())),
        (&format!("{exactly}x"), Err(BadText::TooLong)),
    ];
    for (text, expected) in rows {
        assert_eq!(reason(text), expected);
    }
    assert_eq!(comment(" "), Ok(""));
}
