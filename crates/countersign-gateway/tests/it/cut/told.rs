//! Calls that rest on a group that a directory tells of: they end when it says that somebody left.

use super::*;
use crate::lab::directory;
use countersign_governance::{Actor, DirectoryRow, GroupFacts};
use countersign_model::CallerKind;

/// A group of the directory and who is in it.
async fn group(governance: &Governance, people: &[&str]) -> (DirectoryRow, Vec<String>) {
    let mut ids = Vec::new();
    for name in people {
        let user = UserFacts {
            name: (*name).to_owned(),
            external_id: None,
            subject: (*name).into(),
            active: Active::Yes,
            document: "{}".to_owned(),
        };
        ids.push(governance.add_user(&directory(), user).await.unwrap().id);
    }
    (governance.add_group(&directory(), facts(&ids)).await.unwrap(), ids)
}

fn facts(members: &[String]) -> GroupFacts {
    GroupFacts {
        name: "support".to_owned(),
        external_id: None,
        here: "Support".to_owned(),
        document: "{}".to_owned(),
        members: members.iter().cloned().collect(),
    }
}

async fn grant_to_the_group(lab: &Lab) {
    let new = NewGrant {
        holder: Holder::Group("okta:Support".into()),
        functions: vec!["api.get".into()],
        tags: vec![],
        reason: "a test".to_owned(),
        constraints: vec![],
        rate: None,
        expires_at: None,
    };
    let grant = lab.governance.add_grant(&lab.actor(OLIVIA), new).await.unwrap();
    lab.governance.certify_grant(&lab.actor(SAM), grant.id, grant.version).await.unwrap();
}

/// Somebody with no groups but those that the directory tells of.
fn bare(lab: &Lab, name: &str) -> Actor {
    lab.governance.actor(&countersign_model::Caller {
        subject: name.into(),
        kind: CallerKind::Person,
        actors: vec![],
        client: None,
        issuer: "demo".into(),
        groups: [].into(),
        scopes: [].into(),
        name: None,
        email: None,
        expires_at: lab.world.now().plus(Span::from_days(1)),
        issued: countersign_model::Issued::default(),
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_ends_when_its_caller_leaves_the_group() {
    let streams = Streams::default();
    let target = streams.target(&EVENTS).await;
    let lab = lab(target.address, json!({}), &get(json!({}))).await;
    grant_to_the_group(&lab).await;
    assert_eq!(lab.get("/t/api/v1/x", RILEY).await.code(), "no_grant");
    let (row, _) = group(&lab.governance, &[RILEY]).await;
    let mut mine = call(&lab, Version::HTTP_11, RILEY).await;
    let mut theirs = call(&lab, Version::HTTP_11, AGENT).await;
    for (place, answer) in [(0, &mut mine), (1, &mut theirs)] {
        assert!(streams.get(place).send("data: 1\n\n").await);
        assert_eq!(piece(answer).await, "data: 1\n\n");
    }
    // The directory speaks to another gateway.
    let (other, closer) = beside(&lab).await;
    let began = Instant::now();
    other.write_group(&directory(), &row, facts(&[])).await.unwrap();
    breaks_off(&mut mine).await;
    assert!(began.elapsed() < EVERYWHERE, "{:?}", began.elapsed());
    assert_eq!(outcome_of_first(&lab).await, (200, Reason::CutByRevoke));
    assert_eq!(lab.get("/t/api/v1/x", RILEY).await.code(), "no_grant");
    assert!(streams.get(1).send("data: 2\n\n").await);
    assert_eq!(piece(&mut theirs).await, "data: 2\n\n");
    closer.close().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_held_call_ends_when_its_caller_leaves_the_group() {
    let target = Target::start(|_| answer(200, &[], "ran")).await;
    let lab = lab(target.address, json!({}), &get(held())).await;
    grant_to_the_group(&lab).await;
    let (row, _) = group(&lab.governance, &[RILEY]).await;
    let left = async {
        let asked = is_held(&lab).await;
        lab.governance.write_group(&directory(), &row, facts(&[])).await.unwrap();
        asked.id
    };
    let (answer, id) = tokio::join!(lab.get("/t/api/v1/x", RILEY), left);
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::FORBIDDEN, "no_grant"));
    let ended = lab.governance.approval(id).await.unwrap().unwrap().state;
    assert!(matches!(ended, ApprovalState::Cancelled { .. }), "{ended:?}");
    assert!(target.take().is_empty());
}

/// Whoever answered left before the call ran: it does not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_approver_who_left_the_group_carries_no_call() {
    let rule = json!({"approval": [{"from": ["group:okta:Support"], "people": 1, "wait": "20s"}]});
    let target = Target::start(|_| answer(200, &[], "ran")).await;
    let lab = lab(target.address, json!({}), &get(rule)).await;
    let (row, ids) = group(&lab.governance, &[SAM]).await;
    let request = || {
        let request = lab.request(Method::GET, "/t/api/v1/x", AGENT).header("prefer", "wait=0");
        request.body(Full::default()).unwrap()
    };
    assert_eq!(lab.send(request()).await.code(), "approval_required");
    let id = is_held(&lab).await.id;
    let sam = bare(&lab, SAM);
    lab.governance.vote(&sam, id, Verdict::Approve, "").await.unwrap();
    let row = lab.governance.write_group(&directory(), &row, facts(&[])).await.unwrap();
    let refused = lab.send(request()).await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (StatusCode::FORBIDDEN, "approval_required")
    );
    assert!(target.take().is_empty(), "{refused:?}");
    // Who came as an approver is judged when they answer.
    let asked = is_held(&lab).await;
    let late = lab.governance.vote(&sam, asked.id, Verdict::Approve, "").await.unwrap_err();
    assert_eq!(late.code(), "not_asked");
    lab.governance.write_group(&directory(), &row, facts(&ids)).await.unwrap();
    lab.governance.vote(&sam, asked.id, Verdict::Approve, "").await.unwrap();
    assert_eq!(lab.send(request()).await.status, StatusCode::OK);
}
