use super::*;
use countersign_model::{
    Catalog, Timestamp,
    catalog::{
        Agent,
        raw::{RawCatalog, RawFile},
    },
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
        keys: vec![],
        scopes: [].into(),
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
    let roles = RoleMap { administrators: vec!["platform".into()], ..RoleMap::default() };
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

/// Who has one group after the other.
fn actor(groups: &[&str]) -> Actor {
    let map = RoleMap {
        administrators: vec!["platform".into()],
        auditors: vec!["audit".into()],
        reviewers: vec!["review".into()],
    };
    let groups = groups.iter().map(|it| Group::from(*it)).collect();
    let caller = Caller { groups, ..caller("ada", CallerKind::Person, &[]) };
    Actor::of(&caller, &Snapshot::default(), &map)
}

#[test]
fn an_auditor_sees_everything_and_changes_nothing_whatever_else_they_are() {
    let rows = [
        ("", Err(Forbidden::NotAdministrator), false, false),
        ("review", Err(Forbidden::NotAdministrator), false, true),
        ("platform", Ok(()), true, true),
        ("audit", Err(Forbidden::Auditor), true, true),
        ("platform audit", Err(Forbidden::Auditor), true, true),
    ];
    for (groups, administers, everything, grants) in rows {
        let actor = actor(&groups.split_whitespace().collect::<Vec<_>>());
        assert_eq!(may_administer(&actor), administers, "{groups:?}");
        assert_eq!(may_act(&actor) == Err(Forbidden::Auditor), actor.is_auditor(), "{groups:?}");
        assert_eq!((actor.sees_everything(), actor.sees_grants()), (everything, grants));
        assert_eq!(may_look(&actor), Ok(()));
    }
}

#[test]
fn what_somebody_is_here_comes_with_why() {
    let file = serde_json::json!({
        "target": {"name": "billing", "kind": "http", "url": "http://billing.internal",
            "purpose": "Money", "owners": ["olivia"]},
        "functions": [
            {"name": "billing.refund", "purpose": "Pays back", "sensitivity": "high",
             "http": {"method": "POST", "path": "/refunds"},
             "approval": [{"from": ["group:finance", "person:ada"]}], "review": {"every": "90d", "overdue": "block"}},
            {"name": "billing.list", "purpose": "Lists", "sensitivity": "low",
             "http": {"method": "GET", "path": "/invoices"}},
        ],
    });
    let raw = RawCatalog::join([serde_json::from_value::<RawFile>(file).unwrap()]).unwrap();
    let catalog = Arc::new(countersign_model::catalog::compile(&raw, &|_| Ok(())).unwrap());
    let snapshot = Snapshot::compile(Facts { catalog, ..Facts::default() });
    let map = RoleMap { auditors: vec!["audit".into()], ..RoleMap::default() };
    let person = |subject: &str, groups: &[&str]| Caller {
        groups: groups.iter().map(|it| Group::from(*it)).collect(),
        ..caller(subject, CallerKind::Person, &[])
    };
    let owner = [
        "owner: owns billing.list and 1 more",
        // Overdue grants of the one function are held for its owner; of the other they block.
        "approver: may answer held calls of billing.list",
    ];
    let rows: [(Caller, usize, &[&str]); 6] = [
        (person("riley", &[]), 0, &[]),
        (person("riley", &[]), 1, &["caller: 1 grant reaches them"]),
        (person("olivia", &[]), 0, &owner),
        (person("amir", &["finance"]), 0, &["approver: may answer held calls of billing.refund"]),
        (
            person("ada", &["audit"]),
            2,
            &[
                "caller: 2 grants reach them",
                "approver: may answer held calls of billing.refund",
                "auditor: a member of audit",
            ],
        ),
        // What acts for somebody is nothing of what they are.
        (Caller { actors: vec!["bot".into()], ..person("olivia", &["audit"]) }, 0, &[]),
    ];
    for (caller, grants, expected) in rows {
        let found = held::held(&caller, &snapshot, &map, grants);
        let found: Vec<String> =
            found.iter().map(|it| format!("{}: {}", it.role.name(), it.because)).collect();
        assert_eq!(found, expected, "{caller:?}");
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
