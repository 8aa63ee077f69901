//! A3: the decision is made again at redemption, and an approval never overrides it.

use super::*;
use countersign_model::{Whose, snapshot::KillScope};

#[derive(Clone, Copy, Debug)]
enum Meanwhile {
    GrantRevoked,
    CallerSuspended,
    AgentSuspended,
    KillSwitch,
    Blocked,
    FunctionGone,
    MorePeople,
    OtherPeople,
    NothingHeld,
}

/// What happens between the question and its answer, and what the caller is then told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a03_the_policy_of_redemption_decides() {
    // What stops the call as such ends the request too; what the rules say is said at redemption.
    let rows = [
        (Meanwhile::GrantRevoked, StatusCode::FORBIDDEN, "grant_revoked", "cancelled"),
        (Meanwhile::CallerSuspended, StatusCode::FORBIDDEN, "subject_suspended", "cancelled"),
        (Meanwhile::AgentSuspended, StatusCode::FORBIDDEN, "subject_suspended", "cancelled"),
        (Meanwhile::KillSwitch, StatusCode::FORBIDDEN, "kill_switch", "cancelled"),
        (Meanwhile::FunctionGone, StatusCode::NOT_FOUND, "not_catalogued", "cancelled"),
        (Meanwhile::Blocked, StatusCode::FORBIDDEN, "blocked_by_rule", "approved"),
        (Meanwhile::MorePeople, StatusCode::FORBIDDEN, "approval_required", "approved"),
        (Meanwhile::OtherPeople, StatusCode::FORBIDDEN, "approval_required", "approved"),
        (Meanwhile::NothingHeld, StatusCode::CREATED, "approved", "executed"),
    ];
    for (meanwhile, status, code, left) in rows {
        let lab = Arc::new(lab().await);
        let grant = lab.grant("u:carol", &[REFUND]).await.id;
        let claims = json!({"act": {"sub": AGENT}});
        let call = Call::refund(&token(&lab.world, "u:carol", claims), 250);
        let caller = call.spawn(&lab);
        waiting(&lab, 1).await;
        let id = pending(&lab).await.id;
        happen(&lab, meanwhile, grant).await;
        if left != "cancelled" {
            approve(&lab, AMIR, id).await;
        }
        let answer = soon("the answer", caller).await.unwrap();
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (status, code),
            "{meanwhile:?}: {answer:?}"
        );
        let paid_out = u64::from(status.is_success());
        assert_eq!((paid(&lab), state(&lab, id).await), (paid_out, left), "{meanwhile:?}");
        if left == "cancelled" {
            let late = lab.governance.vote(&lab.actor(AMIR), id, Verdict::Approve, "").await;
            assert!(late.is_err(), "{meanwhile:?}");
        }
        if !status.is_success() {
            refused(&answer, status, code);
            // A repeat meets the same.
            let again = call.at_once().send(&lab).await;
            refused(&again, status, code);
            assert_eq!(paid(&lab), 0, "{meanwhile:?}");
        }
    }
}

async fn happen(lab: &Lab, meanwhile: Meanwhile, grant: countersign_model::GrantId) {
    let sam = lab.actor(SAM);
    let governance = &lab.governance;
    let mut catalog = held_catalog(lab.world.targets);
    let function = catalog.functions.get_mut(REFUND).unwrap();
    match meanwhile {
        Meanwhile::GrantRevoked => {
            governance.revoke_grant(&sam, grant, "a test").await.unwrap();
        }
        Meanwhile::CallerSuspended => {
            governance.suspend(&sam, &Subject::from("u:carol"), "a test").await.unwrap();
        }
        Meanwhile::AgentSuspended => {
            governance.suspend(&sam, &Subject::from(AGENT), "a test").await.unwrap();
        }
        Meanwhile::KillSwitch => {
            governance.kill(&sam, KillScope::Everything, "a test").await.unwrap();
        }
        Meanwhile::Blocked => {
            function.constraints = serde_json::from_value(
                json!([{"block": "args.amount >= 250", "because": "no longer"}]),
            )
            .unwrap();
        }
        Meanwhile::FunctionGone => {
            catalog.functions.remove(REFUND);
        }
        Meanwhile::MorePeople => function.approval[0].people = Some(2),
        Meanwhile::OtherPeople => function.approval[0].from = vec!["owner".to_owned()],
        Meanwhile::NothingHeld => function.approval.clear(),
    }
    // The same catalog changes nothing.
    lab.apply(catalog).await;
}

/// A rule that became stricter asks anew: the old request's answers would never be enough.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a03_a_stricter_rule_asks_anew() {
    for approved_before in [true, false] {
        let lab = lab().await;
        let call = Call::refund(&alice(&lab), 250);
        let old = call.held(&lab).await;
        if approved_before {
            approve(&lab, AMIR, old).await;
        }
        let mut catalog = held_catalog(lab.world.targets);
        catalog.functions.get_mut(REFUND).unwrap().approval[0].people = Some(2);
        lab.apply(catalog).await;
        let new = call.held(&lab).await;
        assert_ne!(new, old, "it joined a request that can't let it run");
        let ended = if approved_before { "expired" } else { "cancelled" };
        assert_eq!(state(&lab, old).await, ended);
        approve(&lab, AMIR, new).await;
        assert_eq!(call.held(&lab).await, new, "one of two");
        let finn = person(&lab, "finn@acme.example", &["finance-approvers"]);
        lab.governance.vote(&finn, new, Verdict::Approve, "").await.unwrap();
        ran_as(&call.at_once().send(&lab).await, "approved");
        assert_eq!(paid(&lab), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a03_a_grant_that_is_certified_while_overdue_carries_the_repeat() {
    let lab = Arc::new(lab().await);
    let grant = lab.uncertified("u:carol", &[REFUND], &[]).await;
    // Below the sum that wants an approval: only the review is overdue.
    let call = Call::refund(&token(&lab.world, "u:carol", json!({})), 2);
    let told = call.at_once().send(&lab).await;
    assert_eq!((told.status, told.code().as_str()), (StatusCode::FORBIDDEN, "grant_overdue"));
    assert!(told.json()["type"].as_str().unwrap().ends_with("/approval-required"));
    let detail = told.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("It waits for an owner (olivia@acme.example)"), "{detail}");
    let caller = call.spawn(&lab);
    waiting(&lab, 1).await;
    let id = pending(&lab).await.id;
    lab.governance.certify_grant(&lab.actor(SAM), grant.id, grant.version).await.unwrap();
    ran_as(&call.at_once().send(&lab).await, "granted");
    assert_eq!((paid(&lab), state(&lab, id).await), (1, "pending"));
    // Who waits may still be let go, once.
    approve(&lab, OLIVIA, id).await;
    ran_as(&soon("the answer", caller).await.unwrap(), "approved");
    assert_eq!((paid(&lab), state(&lab, id).await), (2, "executed"));
}

/// An owner's yes to an overdue grant does not stand for the approver whom a rule wants.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a03_overdue_and_a_rule_want_both() {
    let lab = lab().await;
    lab.uncertified("u:carol", &[REFUND], &[]).await;
    let call = Call::refund(&token(&lab.world, "u:carol", json!({})), 250);
    let told = call.at_once().send(&lab).await;
    assert_eq!(told.code(), "grant_overdue");
    let id: ApprovalId = told.json()["approval"].as_str().unwrap().parse().unwrap();
    let detail = told.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("an owner") && detail.contains("finance-approvers"), "{detail}");
    assert_eq!(approve(&lab, OLIVIA, id).await.state.name(), "pending");
    assert_eq!(paid(&lab), 0);
    assert_eq!(approve(&lab, AMIR, id).await.state.name(), "approved");
    ran_as(&call.at_once().send(&lab).await, "approved");
    assert_eq!(paid(&lab), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hoop_r04_an_approval_that_is_taken_back_lets_nothing_run() {
    let lab = lab().await;
    let call = Call::refund(&alice(&lab), 250);
    let id = call.held(&lab).await;
    approve(&lab, AMIR, id).await;
    lab.governance.revoke_approval(&lab.actor(AMIR), id).await.unwrap();
    let new = call.held(&lab).await;
    assert_ne!(new, id);
    assert_eq!((paid(&lab), state(&lab, id).await), (0, "revoked"));
}

/// The caller's proof ends while people think: nothing runs on it, and the approval waits for a
/// fresh one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a03_a_token_that_ended_meanwhile_runs_nothing() {
    let lab = Arc::new(lab().await);
    let now = lab.world.now().seconds();
    let short = token(&lab.world, ALICE, json!({"exp": now + 60}));
    let caller = Call::refund(&short, 250).spawn(&lab);
    waiting(&lab, 1).await;
    let id = pending(&lab).await.id;
    lab.world.pass(Span::from_seconds(600));
    approve(&lab, AMIR, id).await;
    let answer = soon("the answer", caller).await.unwrap();
    refused(&answer, StatusCode::UNAUTHORIZED, "unidentified");
    assert!(answer.headers["www-authenticate"].to_str().unwrap().contains("invalid_token"));
    assert!(answer.json()["next_step"].as_str().unwrap().contains("the approval waits"));
    assert_eq!((paid(&lab), state(&lab, id).await), (0, "approved"));
    ran_as(&Call::refund(&alice(&lab), 250).at_once().send(&lab).await, "approved");
    assert_eq!((paid(&lab), state(&lab, id).await), (1, "executed"));
}

/// Nor does the call of somebody whose session ended while it was held, however long its token lasts.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a03_a_session_that_ended_meanwhile_runs_nothing() {
    let lab = Arc::new(lab().await);
    let now = lab.world.now().seconds();
    let session = json!({"sid": "s1", "iat": now - 60});
    let stolen = token(&lab.world, ALICE, session);
    let caller = Call::refund(&stolen, 250).spawn(&lab);
    waiting(&lab, 1).await;
    let id = pending(&lab).await.id;
    let whose = Whose::IssuerSession { issuer: "demo".into(), session: "s1".into() };
    let by = Subject::from("issuer:demo");
    lab.governance.end_sessions(&by, &[whose], lab.world.now(), "stolen").await.unwrap();
    approve(&lab, AMIR, id).await;
    let answer = soon("the answer", caller).await.unwrap();
    refused(&answer, StatusCode::UNAUTHORIZED, "unidentified");
    assert!(answer.headers["www-authenticate"].to_str().unwrap().contains("session"));
    assert_eq!((paid(&lab), state(&lab, id).await), (0, "approved"));
    let again = Call::refund(&stolen, 250).at_once().send(&lab).await;
    refused(&again, StatusCode::UNAUTHORIZED, "unidentified");
    // Another session of the same person goes on.
    ran_as(&Call::refund(&alice(&lab), 250).at_once().send(&lab).await, "approved");
    assert_eq!((paid(&lab), state(&lab, id).await), (1, "executed"));
}

/// A stream's bytes are known to nobody before they have gone, so nobody can say yes to them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a03_a_stream_is_never_held() {
    let lab = lab().await;
    let mut catalog = held_catalog(lab.world.targets);
    let mut upload = catalog.functions["slow.echo"].clone();
    upload.name = "slow.upload".to_owned();
    upload.sensitivity = countersign_model::Sensitivity::High;
    upload.approval.clear();
    upload.input = None;
    upload.http =
        serde_json::from_value(json!({"method": "PUT", "path": "/v1/echo", "body": "stream"}))
            .unwrap();
    catalog.functions.insert(upload.name.clone(), upload);
    lab.apply(catalog).await;
    lab.uncertified(ALICE, &["slow.upload"], &[]).await;
    let token = alice(&lab);
    let call =
        Call { body: Some("{}".to_owned()), ..Call::new(&token, Method::PUT, "/t/slow/v1/echo") };
    let answer = call.send(&lab).await;
    refused(&answer, StatusCode::FORBIDDEN, "grant_overdue");
    assert!(answer.json()["next_step"].as_str().unwrap().contains(OLIVIA));
    assert!(lab.governance.approvals(&ApprovalFilter::default()).await.unwrap().is_empty());
    assert_eq!(lab.world.slow.counters().calls_total(), 0);
}
