use super::*;
use crate::{
    CallerKind,
    fixtures::{NOW, caller, digest},
};

pub(super) fn demand(from: &[&str], people: u32) -> Demand {
    Demand { from: from.iter().map(|it| it.parse().unwrap()).collect(), people }
}

pub(super) fn approval(demands: Vec<Demand>) -> Approval {
    let mut who = caller("riley");
    who.actors = vec!["agent:dunning".into()];
    Approval {
        id: ApprovalId::from_bytes([1; 16]),
        digest: digest(1),
        call: HeldCall {
            caller: who,
            function: "billing.refunds.create".into(),
            target: "billing".into(),
            contract: digest(2),
            purpose: "Pay money back".to_owned(),
            sensitivity: Sensitivity::High,
            owners: vec!["olivia".into()],
            sponsors: ["petra".into()].into(),
            grants: vec![],
            certified_at: None,
            shown: json!({"amount": 600}),
            hidden: vec![],
            sealed: vec![0, 127, 255],
        },
        reason: Reason::ApprovalRequired,
        sentence: "why".to_owned(),
        demands,
        opened_at: NOW,
        answer_by: NOW.plus(Span::from_seconds(60)),
        within: Span::from_seconds(30),
        votes: vec![],
        state: ApprovalState::Pending,
    }
}

pub(super) fn person(name: &str, groups: &[&str]) -> Person {
    Person {
        told: Arc::default(),
        subject: name.into(),
        kind: CallerKind::Person,
        groups: groups.iter().map(|it| (*it).into()).collect(),
        standing: Standing::Good,
    }
}

fn yes(approval: &Approval, who: &Person) -> Approval {
    match approval.vote(who, Verdict::Approve, "", NOW) {
        Ok(Voted::Changed(next)) => *next,
        other => panic!("{}: {other:?}", who.subject),
    }
}

/// A6: who may answer, row by row.
#[test]
fn only_the_right_people_answer() {
    let finance = demand(&["group:finance"], 1);
    let two = demand(&["group:finance"], 2);
    let owner = demand(&["owner"], 1);
    let subject = demand(&["subject"], 1);
    let agent = Person { kind: CallerKind::Agent, ..person("agent:other", &["finance"]) };
    let service = Person { kind: CallerKind::Service, ..person("job", &["finance"]) };
    let suspended = Person { standing: Standing::Suspended, ..person("amir", &["finance"]) };
    let rows = [
        (&finance, person("amir", &["finance"]), Ok(())),
        (&finance, person("amir", &["sales"]), Err(VoteRefused::NotAsked)),
        (&finance, person("olivia", &[]), Err(VoteRefused::NotAsked)),
        (&owner, person("olivia", &[]), Ok(())),
        (&owner, person("sam", &["countersign-admins"]), Err(VoteRefused::NotAsked)),
        (&finance, person("riley", &["finance"]), Err(VoteRefused::OwnCall)),
        (&finance, person("agent:dunning", &["finance"]), Err(VoteRefused::OwnCall)),
        (&finance, person("petra", &["finance"]), Err(VoteRefused::SponsorAlone)),
        (&two, person("petra", &["finance"]), Ok(())),
        (&finance, agent, Err(VoteRefused::NotAPerson)),
        (&finance, service, Err(VoteRefused::NotAPerson)),
        (&finance, suspended, Err(VoteRefused::Suspended)),
        (&subject, person("riley", &[]), Ok(())),
        (&subject, person("amir", &["finance"]), Err(VoteRefused::NotAsked)),
    ];
    for (demand, who, expected) in rows {
        let asked = approval(vec![demand.clone()]);
        assert_eq!(asked.eligible(&who).map(drop), expected, "{} {:?}", who.subject, demand);
    }
}

/// A5: distinct people, each once, whatever groups they are in.
#[test]
fn a_quorum_counts_distinct_people() {
    let asked = approval(vec![demand(&["group:finance", "group:risk", "owner"], 2)]);
    let amir = person("amir", &["finance", "risk"]);
    let one = yes(&asked, &amir);
    assert_eq!(one.state, ApprovalState::Pending);
    assert_eq!(one.vote(&amir, Verdict::Approve, "", NOW), Ok(Voted::Unchanged));
    let two = yes(&one, &person("olivia", &[]));
    assert_eq!(two.state, ApprovalState::Approved { at: NOW, until: NOW.plus(asked.within) });
    assert_eq!(two.vote(&amir, Verdict::Approve, "", NOW), Ok(Voted::Unchanged));
}

#[test]
fn more_than_enough_is_enough() {
    let one = Approval { votes: vec![], ..approval(vec![demand(&["group:finance"], 1)]) };
    let mut three = yes(&one, &person("amir", &["finance"]));
    three.state = ApprovalState::Pending;
    let three = yes(&three, &person("bea", &["finance"]));
    assert!(three.is_met());
}

#[test]
fn a_sponsor_counts_beside_somebody_else_only() {
    let asked = approval(vec![demand(&["group:finance"], 2)]);
    let mut sponsors = asked.clone();
    sponsors.call.sponsors.insert("quinn".into());
    let both = yes(&yes(&sponsors, &person("petra", &["finance"])), &person("quinn", &["finance"]));
    assert_eq!(both.state, ApprovalState::Pending);
    let mixed = yes(&yes(&asked, &person("petra", &["finance"])), &person("amir", &["finance"]));
    assert_eq!(mixed.state.name(), "approved");
}

#[test]
fn every_demand_must_be_met() {
    let asked = approval(vec![demand(&["owner"], 1), demand(&["group:finance"], 1)]);
    let one = yes(&asked, &person("olivia", &[]));
    assert_eq!(one.state, ApprovalState::Pending);
    assert_eq!(yes(&one, &person("amir", &["finance"])).state.name(), "approved");
    // One person can answer both, if both ask for them.
    assert_eq!(yes(&asked, &person("olivia", &["finance"])).state.name(), "approved");
}

#[test]
fn one_deny_ends_it_and_nothing_follows() {
    let asked = approval(vec![demand(&["group:finance"], 2)]);
    let one = yes(&asked, &person("amir", &["finance"]));
    let bea = person("bea", &["finance"]);
    let Ok(Voted::Changed(denied)) = one.vote(&bea, Verdict::Deny, "no", NOW) else {
        panic!("not denied")
    };
    assert_eq!(denied.state.name(), "denied");
    assert_eq!(denied.vote(&bea, Verdict::Deny, "no", NOW), Ok(Voted::Unchanged));
    let again = denied.vote(&bea, Verdict::Approve, "", NOW);
    assert_eq!(again, Err(VoteRefused::NotPending("denied")));
}

#[test]
fn time_denies() {
    let asked = approval(vec![demand(&["group:finance"], 1)]);
    let amir = person("amir", &["finance"]);
    let late = asked.vote(&amir, Verdict::Approve, "", asked.answer_by);
    assert_eq!(late, Err(VoteRefused::TooLate));
    assert_eq!(asked.lapsed(asked.answer_by.minus(Span::from_millis(1))), None);
    assert!(matches!(asked.lapsed(asked.answer_by), Some(ApprovalState::Expired { .. })));
    let approved = yes(&asked, &amir);
    assert!(matches!(approved.lapsed(NOW.plus(asked.within)), Some(ApprovalState::Expired { .. })));
}

/// A3: what people said yes to must cover what the policy of the moment of redemption asks for.
#[test]
fn an_approval_satisfies_no_stricter_demands() {
    let approved =
        yes(&approval(vec![demand(&["group:finance"], 1)]), &person("amir", &["finance"]));
    let rows = [
        (vec![demand(&["group:finance"], 1)], true),
        (vec![demand(&["group:finance", "owner"], 1)], true),
        (vec![], true),
        (vec![demand(&["group:finance"], 2)], false),
        (vec![demand(&["owner"], 1)], false),
        (vec![demand(&["group:finance"], 1), demand(&["owner"], 1)], false),
    ];
    for (demands, expected) in rows {
        assert_eq!(approved.satisfies(&demands), expected, "{demands:?}");
    }
    assert!(!approval(vec![demand(&["owner"], 1)]).satisfies(&[demand(&["owner"], 1)]));
}

/// A1: each part of a call is part of its digest.
#[test]
fn any_change_of_a_call_changes_its_digest() {
    let who = caller("riley");
    let (function, target) = ("a.b".into(), "a".into());
    let grants = [GrantRef { id: crate::GrantId::from_bytes([1; 16]), version: 1 }];
    let arguments = json!({"amount": 600, "to": "x"});
    let base = Binding {
        caller: &who,
        function: &function,
        contract: digest(1),
        target: &target,
        arguments: &arguments,
        grants: &grants,
    };
    let same = json!({"to": "x", "amount": 600.0});
    assert_eq!(call_digest(&base), call_digest(&Binding { arguments: &same, ..base }));
    let mut agent = who.clone();
    agent.actors = vec!["agent:dunning".into()];
    let client = Caller { client: Some("cli".into()), ..who.clone() };
    let (other_function, other_target) = ("a.c".into(), "b".into());
    let next = [GrantRef { version: 2, ..grants[0] }];
    let more = json!({"amount": 601, "to": "x"});
    let changed = [
        Binding { caller: &agent, ..base },
        Binding { caller: &client, ..base },
        Binding { function: &other_function, ..base },
        Binding { contract: digest(2), ..base },
        Binding { target: &other_target, ..base },
        Binding { arguments: &more, ..base },
        Binding { grants: &next, ..base },
    ];
    for binding in changed {
        assert_ne!(call_digest(&binding), call_digest(&base), "{binding:?}");
    }
}

#[test]
fn an_approval_survives_its_text() {
    let asked = yes(&approval(vec![demand(&["owner"], 1)]), &person("olivia", &[]));
    let text = serde_json::to_string(&asked).unwrap();
    assert_eq!(serde_json::from_str::<Approval>(&text).unwrap(), asked);
}
