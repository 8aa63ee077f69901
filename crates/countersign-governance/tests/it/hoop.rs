//! Seven known defects of another product's approvals, each a thing that must not happen here. They were
//! found by reading its source; each test says what went wrong there.

use crate::world::{World, actor, ada, caller, demand, held, olivia, on_both};
use countersign_governance::{ApprovalError, Finish, Joined};
use countersign_model::{ApprovalId, ApprovalState, Span, Verdict, approval::VoteRefused};

on_both!(
    hoop_1_one_person_in_two_groups_is_one_pair_of_eyes,
    hoop_2_more_than_enough_is_enough,
    hoop_3_an_administrator_does_not_approve_their_own_call,
    hoop_4_approving_again_extends_nothing,
    hoop_5_time_runs_from_the_approval_and_not_from_its_use,
    hoop_6_what_is_being_used_is_not_used_again,
    hoop_7_no_answer_is_lost_among_many,
);

/// Long before the end of an approval in this world, which comes after fifteen minutes.
const MOST: Span = Span::from_seconds(800);

async fn state(world: &World, id: ApprovalId) -> &'static str {
    world.governance.approval(id).await.unwrap().unwrap().state.name()
}

/// There, a quorum counted groups: whoever was in two of them approved for both.
async fn hoop_1_one_person_in_two_groups_is_one_pair_of_eyes(world: World) {
    let both = &["finance", "security"];
    let demands = vec![demand(&["group:finance", "group:security"], 2)];
    let id = world.held("call", demands).await;
    for _ in 0..2 {
        let fay = actor("fay", both);
        world.governance.vote(&fay, id, Verdict::Approve, "").await.unwrap();
        assert_eq!(state(&world, id).await, "pending");
    }
    let error = world.governance.redeem(id, world.call()).await.unwrap_err();
    assert!(matches!(error, ApprovalError::State("pending")), "{error:?}");
    world.governance.vote(&actor("finn", both), id, Verdict::Approve, "").await.unwrap();
    assert_eq!(state(&world, id).await, "approved");
}

/// There, the count had to equal what was needed: who was in two groups made it two of one, and the
/// request waited for ever.
async fn hoop_2_more_than_enough_is_enough(world: World) {
    let demands = vec![demand(&["group:finance", "group:security", "owner"], 1)];
    let id = world.held("call", demands).await;
    let olivia = actor("olivia", &["finance", "security"]);
    world.governance.vote(&olivia, id, Verdict::Approve, "").await.unwrap();
    assert_eq!(state(&world, id).await, "approved");
    world.governance.redeem(id, world.call()).await.unwrap();
}

/// There, administrators could approve what they asked for themselves.
async fn hoop_3_an_administrator_does_not_approve_their_own_call(world: World) {
    let mut new = held(world.now(), "call", vec![demand(&["group:platform", "person:ada"], 1)]);
    new.call.caller = caller("ada", &["platform"]);
    let id = world.governance.open_approval(new).await.unwrap().approval.id;
    let error = world.governance.vote(&ada(), id, Verdict::Approve, "").await.unwrap_err();
    assert!(matches!(error, ApprovalError::Refused(VoteRefused::OwnCall)), "{error:?}");
    assert_eq!(state(&world, id).await, "pending");
}

/// There, an approved request could be approved once more, and its time began anew.
async fn hoop_4_approving_again_extends_nothing(world: World) {
    let id = world.held("call", vec![demand(&["group:finance"], 1)]).await;
    let first = world.governance.vote(&olivia(), id, Verdict::Approve, "").await.unwrap();
    world.pass(MOST);
    let again = world.governance.vote(&olivia(), id, Verdict::Approve, "").await.unwrap();
    assert_eq!(again, first);
    let fay = actor("fay", &["finance"]);
    let error = world.governance.vote(&fay, id, Verdict::Approve, "").await.unwrap_err();
    assert_eq!(error.code(), "not_pending");
    assert_eq!(world.governance.approval(id).await.unwrap().unwrap().state, first.state);
    world.pass(MOST);
    let late = world.governance.redeem(id, world.call()).await.unwrap_err();
    assert!(matches!(late, ApprovalError::State("expired")), "{late:?}");
}

/// There, what was approved got its whole time again with each connection.
async fn hoop_5_time_runs_from_the_approval_and_not_from_its_use(world: World) {
    let id = world.held("call", vec![demand(&["owner"], 1)]).await;
    world.governance.vote(&olivia(), id, Verdict::Approve, "").await.unwrap();
    let until = |state| match state {
        ApprovalState::Approved { until, .. } => until,
        other => panic!("{other:?}"),
    };
    let first = until(world.governance.approval(id).await.unwrap().unwrap().state);
    world.pass(MOST);
    let again = held(world.now(), "call", vec![demand(&["owner"], 1)]);
    let joined = world.governance.open_approval(again).await.unwrap();
    assert_eq!((joined.joined, joined.approval.id), (Joined::Existing, id));
    assert_eq!(until(joined.approval.state), first);
    world.pass(MOST);
    assert_eq!(state(&world, id).await, "expired");
    let late = world.governance.redeem(id, world.call()).await.unwrap_err();
    assert!(matches!(late, ApprovalError::State("expired")), "{late:?}");
}

/// There, a request that was being run was taken for one that may run.
async fn hoop_6_what_is_being_used_is_not_used_again(world: World) {
    let other = world.beside("two").await;
    let id = world.held("call", vec![demand(&["owner"], 1)]).await;
    world.governance.vote(&olivia(), id, Verdict::Approve, "").await.unwrap();
    let call = world.call();
    world.governance.redeem(id, call).await.unwrap();
    for governance in [&world.governance, &other.governance] {
        let error = governance.redeem(id, world.call()).await.unwrap_err();
        assert!(matches!(error, ApprovalError::Used), "{error:?}");
    }
    world.governance.finish(id, call, Finish::Executed).await.unwrap();
    let error = other.governance.redeem(id, world.call()).await.unwrap_err();
    assert!(matches!(error, ApprovalError::Used), "{error:?}");
    assert_eq!(world.entries("approval.changed").len(), 3, "a yes, one use, its end");
}

/// There, answers were written from a copy that could be old, so that one of two was lost.
async fn hoop_7_no_answer_is_lost_among_many(world: World) {
    let other = world.beside("two").await;
    for round in 0..6 {
        let id = world.held(&format!("call {round}"), vec![demand(&["group:finance"], 3)]).await;
        let says = |name: &str, verdict, at: &World| {
            let (governance, person) = (at.governance.clone(), actor(name, &["finance"]));
            tokio::spawn(async move { governance.vote(&person, id, verdict, "").await })
        };
        let no = if round % 2 == 0 { Verdict::Deny } else { Verdict::Approve };
        let answers = [
            says("fay", Verdict::Approve, &world),
            says("finn", Verdict::Approve, &other),
            says("flo", no, &world),
        ];
        let mut taken = 0;
        for answer in answers {
            taken += usize::from(answer.await.unwrap().is_ok());
        }
        let last = world.governance.approval(id).await.unwrap().unwrap();
        match no {
            // A no is always in time: two of three are not enough.
            Verdict::Deny => assert_eq!(last.state.name(), "denied", "{last:?}"),
            Verdict::Approve => {
                assert_eq!((taken, last.votes.len()), (3, 3), "{last:?}");
                assert_eq!(last.state.name(), "approved");
            }
        }
    }
}
