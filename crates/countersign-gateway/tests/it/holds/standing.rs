//! A3, A6: a yes carries a call only while whoever gave it may still give it.

use super::*;

const FINN: &str = "finn@acme.example";
const DELETE: &str = "/t/billing/v1/customers/c_7";

async fn suspend(lab: &Lab, who: &str) {
    let sam = lab.actor(SAM);
    lab.governance.suspend(&sam, &Subject::from(who), "left the company").await.unwrap();
}

/// The catalog, with other owners of refunds, which their owners approve.
async fn owned_by(lab: &Lab, owners: &[&str]) {
    let mut catalog = held_catalog(lab.world.targets);
    let refunds = catalog.functions.get_mut(REFUND).unwrap();
    refunds.approval = vec![rule(&["owner"], 1)];
    refunds.owners = owners.iter().map(|it| (*it).to_owned()).collect();
    lab.apply(catalog).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a06_the_yes_of_somebody_suspended_since_is_void() {
    let lab = lab().await;
    let call = Call::refund(&alice(&lab), 250);
    let id = call.held(&lab).await;
    assert_eq!(approve(&lab, AMIR, id).await.state.name(), "approved");
    suspend(&lab, AMIR).await;
    let again = call.held(&lab).await;
    assert_ne!(again, id, "the repeat asks anew");
    assert_eq!((paid(&lab), state(&lab, id).await), (0, "expired"));
    // Whoever comes back does not bring the void approval back.
    lab.governance.resume(&lab.actor(SAM), &Subject::from(AMIR), "back").await.unwrap();
    assert_eq!(call.held(&lab).await, again);
    assert_eq!(paid(&lab), 0);
    approve(&lab, AMIR, again).await;
    ran_as(&call.at_once().send(&lab).await, "approved");
    assert_eq!((paid(&lab), state(&lab, again).await), (1, "executed"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a06_the_yes_of_an_owner_who_is_none_any_more_is_void() {
    let lab = lab().await;
    owned_by(&lab, &[OLIVIA]).await;
    let call = Call::refund(&alice(&lab), 250);
    let id = call.held(&lab).await;
    assert_eq!(approve(&lab, OLIVIA, id).await.state.name(), "approved");
    owned_by(&lab, &[FINN]).await;
    let again = call.held(&lab).await;
    assert_ne!(again, id, "the repeat asks the new owner");
    let olivia = lab.governance.vote(&lab.actor(OLIVIA), again, Verdict::Approve, "").await;
    assert!(olivia.is_err(), "{olivia:?}");
    let finn = person(&lab, FINN, &[]);
    lab.governance.vote(&finn, again, Verdict::Approve, "").await.unwrap();
    ran_as(&call.at_once().send(&lab).await, "approved");
    assert_eq!((paid(&lab), state(&lab, id).await), (1, "expired"));
}

/// Owners that change while people are asked: the request stays, and the new ones answer it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a06_a_waiting_request_asks_the_owners_of_the_moment() {
    let lab = Arc::new(lab().await);
    owned_by(&lab, &[OLIVIA]).await;
    let caller = Call::refund(&alice(&lab), 250).spawn(&lab);
    let id = pending(&lab).await.id;
    owned_by(&lab, &[FINN]).await;
    let finn = person(&lab, FINN, &[]);
    let seen = lab.governance.approval_for(&finn, id).await.unwrap();
    assert_eq!(seen.call.owners, [Subject::from(FINN)]);
    let olivia = lab.governance.vote(&lab.actor(OLIVIA), id, Verdict::Approve, "").await;
    assert!(olivia.is_err(), "{olivia:?}");
    lab.governance.vote(&finn, id, Verdict::Approve, "").await.unwrap();
    ran_as(&soon("the answer", caller).await.unwrap(), "approved");
    assert_eq!(paid(&lab), 1);
}

/// One of two that were needed is suspended before the second answers: a third must.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a06_a_yes_that_counts_no_more_makes_no_quorum() {
    let lab = Arc::new(lab().await);
    let caller = Call::new(&alice(&lab), Method::DELETE, DELETE).spawn(&lab);
    let id = pending(&lab).await.id;
    let approver = |who| person(&lab, who, &["finance-approvers"]);
    let yes = async |who: &Actor| {
        let voted = lab.governance.vote(who, id, Verdict::Approve, "").await.unwrap();
        (voted.state.name(), voted.votes.len())
    };
    assert_eq!(yes(&approver(FINN)).await, ("pending", 1));
    suspend(&lab, FINN).await;
    assert_eq!(yes(&approver(AMIR)).await, ("pending", 1));
    assert_eq!(deleted(&lab), 0);
    assert_eq!(yes(&lab.actor(OLIVIA)).await, ("approved", 2));
    ran_as(&soon("the answer", caller).await.unwrap(), "approved");
    assert_eq!(deleted(&lab), 1);
}
