//! A5, A6, A7: who may say yes, how many it takes, and that nothing goes back.

use super::*;
use countersign_governance::ApprovalError;
use countersign_model::approval::VoteRefused;

const DELETE: &str = "/t/billing/v1/customers/c_7";

fn delete(lab: &Lab) -> Call {
    Call::new(&alice(lab), Method::DELETE, DELETE)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a05_hoop_r03_one_person_in_two_groups_is_one_person() {
    let lab = Arc::new(lab().await);
    let caller = delete(&lab).spawn(&lab);
    let id = pending(&lab).await.id;
    // An owner who is in the group of approvers too.
    let both = person(&lab, OLIVIA, &["finance-approvers", "billing-owners"]);
    for _ in 0..3 {
        let after = lab.governance.vote(&both, id, Verdict::Approve, "").await.unwrap();
        assert_eq!((after.state.name(), after.votes.len()), ("pending", 1));
    }
    assert_eq!(deleted(&lab), 0);
    approve(&lab, AMIR, id).await;
    ran_as(&soon("the answer", caller).await.unwrap(), "approved");
    assert_eq!((deleted(&lab), state(&lab, id).await), (1, "executed"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a05_hoop_r02_more_than_enough_is_enough() {
    let lab = lab().await;
    let mut catalog = held_catalog(lab.world.targets);
    catalog.functions.get_mut(REFUND).unwrap().approval =
        vec![rule(&["group:one", "group:two", "owner"], 1)];
    lab.apply(catalog).await;
    let call = Call::refund(&alice(&lab), 250);
    let id = call.held(&lab).await;
    let everywhere = person(&lab, OLIVIA, &["one", "two"]);
    let after = lab.governance.vote(&everywhere, id, Verdict::Approve, "").await.unwrap();
    assert_eq!(after.state.name(), "approved");
    ran_as(&call.at_once().send(&lab).await, "approved");
    assert_eq!(paid(&lab), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a05_one_deny_ends_it() {
    let lab = Arc::new(lab().await);
    let call = delete(&lab);
    let caller = call.spawn(&lab);
    let id = pending(&lab).await.id;
    approve(&lab, OLIVIA, id).await;
    let comment = "c_7 has open invoices <b>\u{202E}";
    lab.governance.vote(&lab.actor(AMIR), id, Verdict::Deny, comment).await.unwrap();
    let answer = soon("the answer", caller).await.unwrap();
    refused(&answer, StatusCode::FORBIDDEN, "approval_denied");
    let problem = answer.json();
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains(AMIR) && detail.ends_with(comment), "{detail}");
    assert!(problem["next_step"].as_str().unwrap().contains(AMIR));
    let finn = person(&lab, "finn@acme.example", &["finance-approvers"]);
    let late = lab.governance.vote(&finn, id, Verdict::Approve, "").await.unwrap_err();
    assert!(matches!(late, ApprovalError::Refused(VoteRefused::NotPending("denied"))), "{late:?}");
    assert_ne!(call.held(&lab).await, id, "a repeat asks anew");
    assert_eq!((deleted(&lab), state(&lab, id).await), (0, "denied"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a06_who_may_not_answer() {
    let lab = Arc::new(lab().await);
    let user = token(&lab.world, ALICE, json!({"act": {"sub": AGENT}}));
    let caller = Call::refund(&user, 250).spawn(&lab);
    let id = pending(&lab).await.id;
    let mate = "finn@acme.example";
    let sam = lab.actor(SAM);
    lab.governance.suspend(&sam, &Subject::from("out@acme.example"), "left").await.unwrap();
    let all = ["finance-approvers", "countersign-admins"];
    let who = |subject, kind, actors: &[&str]| somebody(&lab, subject, &all, kind, actors);
    let (human, agent, service) = (CallerKind::Person, CallerKind::Agent, CallerKind::Service);
    let rows = [
        ("the user behind the agent", who(ALICE, human, &[]), VoteRefused::OwnCall),
        ("the agent", who(AGENT, agent, &[]), VoteRefused::NotAPerson),
        (
            "a registered agent that says it is a person",
            who(AGENT, human, &[]),
            VoteRefused::NotAPerson,
        ),
        ("another agent", who("agent:other", agent, &[]), VoteRefused::NotAPerson),
        ("a service", who("svc:ci", service, &[]), VoteRefused::NotAPerson),
        ("an agent with an approver's token", who(mate, human, &[AGENT]), VoteRefused::NotAPerson),
        ("the sponsor alone", who("riley@acme.example", human, &[]), VoteRefused::SponsorAlone),
        ("a suspended person", who("out@acme.example", human, &[]), VoteRefused::Suspended),
        ("an administrator", lab.actor(SAM), VoteRefused::NotAsked),
        ("an owner who is not asked", lab.actor(OLIVIA), VoteRefused::NotAsked),
    ];
    for (what, actor, why) in rows {
        for verdict in [Verdict::Approve, Verdict::Deny] {
            let refused = lab.governance.vote(&actor, id, verdict, "").await.unwrap_err();
            let ApprovalError::Refused(refused) = refused else { panic!("{what}: {refused:?}") };
            assert_eq!(refused, why, "{what}, {verdict:?}");
        }
    }
    assert_eq!((paid(&lab), state(&lab, id).await), (0, "pending"));
    approve(&lab, AMIR, id).await;
    ran_as(&soon("the answer", caller).await.unwrap(), "approved");
    assert_eq!(paid(&lab), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a07_nothing_goes_back() {
    let lab = lab().await;
    let call = Call::refund(&alice(&lab), 250);
    let id = call.held(&lab).await;
    let first = approve(&lab, AMIR, id).await;
    let second = approve(&lab, AMIR, id).await;
    assert_eq!(first, second, "approving twice changes nothing, its end neither");
    let finn = person(&lab, "finn@acme.example", &["finance-approvers"]);
    let over = async |verdict, state: &'static str| {
        let refused = lab.governance.vote(&finn, id, verdict, "").await.unwrap_err();
        let expected = VoteRefused::NotPending(state);
        assert!(matches!(&refused, ApprovalError::Refused(it) if *it == expected), "{refused:?}");
    };
    over(Verdict::Deny, "approved").await;
    ran_as(&call.at_once().send(&lab).await, "approved");
    over(Verdict::Deny, "executed").await;
    over(Verdict::Approve, "executed").await;
    let back = lab.governance.revoke_approval(&lab.actor(AMIR), id).await.unwrap_err();
    assert!(matches!(back, ApprovalError::State("executed")), "{back:?}");
    let gone = lab.governance.cancel_approval(id, &Subject::from(ALICE)).await.unwrap_err();
    assert!(matches!(gone, ApprovalError::State("executed")), "{gone:?}");
    assert_eq!((paid(&lab), state(&lab, id).await), (1, "executed"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a08_hoop_r09_the_approver_sees_what_runs_and_strangers_nothing() {
    let lab = lab().await;
    let user = token(&lab.world, ALICE, json!({"act": {"sub": AGENT}}));
    let id = Call::refund(&user, 250).held(&lab).await;
    let seen = lab.governance.approval_for(&lab.actor(AMIR), id).await.unwrap();
    let call = &seen.call;
    assert_eq!((&call.shown, call.hidden.len()), (&refund(250), 0));
    assert_eq!((call.caller.subject.as_str(), call.caller.actors[0].as_str()), (ALICE, AGENT));
    assert_eq!((call.function.as_str(), call.purpose.as_str()), (REFUND, "Pay money back"));
    assert_eq!(call.owners, [Subject::from(OLIVIA)]);
    assert!(call.sponsors.contains("riley@acme.example"));
    assert!(call.grants.len() == 2 && call.certified_at.is_some());
    let stranger = person(&lab, "eve@acme.example", &["developers"]);
    let nothing = lab.governance.approval_for(&stranger, id).await.unwrap_err();
    assert!(matches!(nothing, ApprovalError::NotFound), "{nothing:?}");
    let filter = ApprovalFilter::default();
    assert!(lab.governance.approvals_for(&stranger, &filter).await.unwrap().is_empty());
}
