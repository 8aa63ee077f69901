//! Asking for a grant and answering, what becomes of a grant, and access explained, on pages and by
//! the API.

use crate::world::{ADA, AGENT, AMIR, OLIVIA, REFUND, RILEY, SAM, STATUS, World};
use countersign_model::{
    CallId, Epoch, Reason,
    ids::EntryId,
    record::{CallRefused, Entry, Event, Who},
};
use http::StatusCode;
use serde_json::{Value, json};

#[tokio::test]
async fn a_grant_is_asked_for_and_answered_on_pages() {
    let world = World::new().await;
    let mut asker = world.signed_in(RILEY).await;
    let csrf =
        asker.get("/console/grant-requests/ask?function=billing.refunds.create").await.csrf();
    let mut fields = vec![
        ("csrf", csrf.as_str()),
        ("subject", ""),
        ("functions", "billing.refunds.creat"),
        ("reason", "complaints"),
    ];
    let refused = asker.post("/console/grant-requests", &fields).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.text().contains("no function") && refused.text().contains("complaints"));
    let both = format!("{REFUND}\r\n{STATUS}");
    fields[2].1 = &both;
    let asked = asker.post("/console/grant-requests", &fields).await;
    assert_eq!(asked.status, StatusCode::SEE_OTHER, "{}", asked.text());
    let path = asked.location();
    let path = path.split('?').next().unwrap().to_owned();
    let page = asker.get(&path).await.text();
    assert!(page.contains("Withdraw") && !page.contains("Approve"), "{page}");
    assert_eq!(world.signed_in(AMIR).await.get(&path).await.status, StatusCode::NOT_FOUND);
    // The owner leaves one function out, and adds a constraint.
    let mut owner = world.signed_in(OLIVIA).await;
    let list = owner.get("/console/grant-requests").await.text();
    assert!(list.contains("for you to answer"), "{list}");
    let csrf = owner.get(&path).await.csrf();
    let drop = format!("drop:{STATUS}");
    let answer = [
        ("csrf", csrf.as_str()),
        (drop.as_str(), "yes"),
        ("constraints", "args.amount <= 20.0"),
        ("comment", "for complaints only"),
    ];
    let approved = owner.post(&format!("{path}/approve"), &answer).await;
    assert_eq!(approved.status, StatusCode::SEE_OTHER, "{}", approved.text());
    let page = owner.get(&path).await.text();
    assert!(page.contains("for complaints only") && page.contains("The grant</a>"), "{page}");
    let grants = world.api("GET", "/api/v1/grants", SAM, "").await.json();
    let grant = &grants["grants"][0]["grant"];
    assert_eq!(grant["functions"], json!([REFUND]));
    assert_eq!(grant["constraints"], json!(["args.amount <= 20.0"]));
    assert_eq!(grant["origin"]["request"]["asked_by"], RILEY);
    let again = owner.post(&format!("{path}/deny"), &[("csrf", &csrf), ("why", "x")]).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
}

/// Attempts of riley's that did not run, and are counted.
async fn attempts(world: &World, function: &str, calls: usize) {
    let (now, entropy) = (world.now(), world.governance.entropy());
    for _ in 0..calls {
        let who =
            Who { subject: RILEY.into(), actors: vec![], client: None, issuer: "demo".into() };
        let refused = CallRefused {
            call: CallId::new(now, entropy),
            epoch: Epoch(1),
            who,
            function: Some(function.into()),
            reason: Reason::NoGrant,
            approval: None,
        };
        let event = Event::CallRefused(Box::new(refused));
        let entry = Entry::new(EntryId::new(now, entropy), now, event).to_bytes();
        world.governance.ledger().append(entry).await.unwrap();
    }
    let mut counter = world.governance.usage_counter(&world.ledger_directory());
    for _ in 0..2_000 {
        let head = world.governance.ledger().try_head();
        if head.size == head.checkpoint_size {
            counter.count_all().await.unwrap();
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("no checkpoint is made");
}

#[tokio::test]
async fn what_a_grant_would_let_through_is_shown_before_it_is_made() {
    let world = World::new().await;
    attempts(&world, STATUS, 14).await;
    attempts(&world, REFUND, 2).await;
    let mut owner = world.signed_in(OLIVIA).await;
    let csrf = owner.get("/console/grants/new").await.csrf();
    let mut fields = vec![
        ("csrf", csrf.as_str()),
        ("holder_kind", "subject"),
        ("holder", RILEY),
        ("functions", STATUS),
        ("constraints", ""),
    ];
    let page = owner.post("/console/grants/preview", &fields).await;
    let text = page.text();
    assert_eq!(page.status, StatusCode::OK, "{text}");
    assert!(text.contains("What it would let through") && text.contains(">14</td>"), "{text}");
    assert!(text.contains("arguments matter for it"), "{text}");
    assert!(text.contains(&format!("value=\"{RILEY}\"")), "what was typed is there: {text}");
    fields[3].1 = "ops.statu";
    let page = owner.post("/console/grants/preview", &fields).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.text().contains("no function"), "{}", page.text());
    let grants = world.api("GET", "/api/v1/grants", SAM, "").await.json();
    assert_eq!(grants["grants"], json!([]), "nothing was made");

    // Whoever answers a request sees it on its page, and nobody else.
    let asked = json!({"functions": [STATUS, REFUND], "reason": "complaints"}).to_string();
    let made = world.api("POST", "/api/v1/grant-requests", RILEY, &asked).await.json();
    let path = format!("/console/grant-requests/{}", made["id"].as_str().unwrap());
    let text = owner.get(&path).await.text();
    assert!(text.contains("What it would let through") && text.contains(">14</td>"), "{text}");
    assert!(text.contains("no recordings were read"), "{text}");
    let text = world.signed_in(RILEY).await.get(&path).await.text();
    assert!(!text.contains("What it would let through"), "{text}");
    let drop = format!("drop:{REFUND}");
    let less = [("csrf", csrf.as_str()), (drop.as_str(), "yes"), ("comment", "not that")];
    let text = owner.post(&format!("{path}/preview"), &less).await.text();
    assert!(text.contains("arguments matter") && text.contains("not that"), "{text}");
    assert!(text.contains("value=\"yes\" checked"), "{text}");

    let at = format!("/api/v1/grant-requests/{}/preview", made["id"].as_str().unwrap());
    let told = world.api("POST", &at, OLIVIA, "{}").await.json();
    assert_eq!(told["denied"], json!({"pass": 14, "held": 0, "refused": 0, "unknown": 2}));
    assert_eq!(told["denied_why"][0]["code"], "not_run");
    assert_eq!(
        told["basis"],
        "It depends on arguments, and there are no recorded ones to judge by."
    );
    for (who, status) in [
        (RILEY, StatusCode::FORBIDDEN),
        (AMIR, StatusCode::NOT_FOUND),
        (ADA, StatusCode::OK),
        (SAM, StatusCode::OK),
    ] {
        assert_eq!(world.api("POST", &at, who, "{}").await.status, status, "{who}");
    }
    let wanted = json!({"holder": {"subject": RILEY}, "functions": [STATUS], "look_back": "30d"});
    let told = world.api("POST", "/api/v1/grants/preview", OLIVIA, &wanted.to_string()).await;
    assert_eq!(told.json()["denied"]["pass"], 14);
    let told = world.api("POST", "/api/v1/grants/preview", RILEY, &wanted.to_string()).await;
    assert_eq!(told.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn what_becomes_of_a_grant_is_done_and_shown() {
    let world = World::new().await;
    let grant = world.grant(RILEY, STATUS).await;
    let path = format!("/console/grants/{}", grant.id);
    let mut owner = world.signed_in(OLIVIA).await;
    let csrf = owner.get(&path).await.csrf();
    let said = [("csrf", csrf.as_str()), ("why", "looks odd")];
    for (act, follows) in [
        ("suspend", "is suspended by"),
        ("resume", "Suspend</button>"),
        ("revoke", "Undo</button>"),
        ("restore", "Suspend</button>"),
    ] {
        let done = owner.post(&format!("{path}/{act}"), &said).await;
        assert_eq!(done.status, StatusCode::SEE_OTHER, "{act}: {}", done.text());
        let page = owner.get(&path).await.text();
        assert!(page.contains(follows), "{act}: {page}");
    }
    let at = format!("/api/v1/grants/{}", grant.id);
    let narrow = json!({"version": 1, "terms": {"functions": [STATUS], "constraints": ["true"]}});
    let narrowed = world.api("POST", &format!("{at}/narrow"), OLIVIA, &narrow.to_string()).await;
    assert_eq!((narrowed.status, &narrowed.json()["version"]), (StatusCode::OK, &json!(2)));
    let steps = world.api("GET", &format!("{at}/history"), ADA, "").await.json();
    let changes: Vec<&Value> =
        steps["steps"].as_array().unwrap().iter().map(|it| &it["change"]).collect();
    let expected =
        ["made", "suspended", "resumed", "revoked", "restored", "narrowed"].map(|it| json!(it));
    assert_eq!(changes, expected.iter().collect::<Vec<_>>());
    let page = owner.get(&format!("{path}/history")).await.text();
    assert!(page.contains("+ constraints[0]: true"), "{page}");
    let hidden = world.api("GET", &format!("{at}/history"), AMIR, "").await;
    assert_eq!(hidden.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn access_is_explained_and_denied() {
    let world = World::new().await;
    let grant = world.grant(RILEY, STATUS).await;
    let at = format!("/api/v1/access/explain?subject={RILEY}&function={STATUS}");
    let answer = world.api("GET", &at, RILEY, "").await.json();
    assert_eq!((&answer["may"], &answer["refused"]), (&json!("yes"), &Value::Null));
    assert_eq!(answer["links"][0]["grants"][0]["through"], "own");
    assert_eq!(world.api("GET", &at, AMIR, "").await.status, StatusCode::FORBIDDEN);
    let denial = json!({"whom": {"subject": RILEY}, "grant": grant.id, "why": "moved"}).to_string();
    assert_eq!(
        world.api("POST", "/api/v1/denials", RILEY, &denial).await.status,
        StatusCode::FORBIDDEN
    );
    let made = world.api("POST", "/api/v1/denials", OLIVIA, &denial).await.json();
    let answer = world.api("GET", &at, SAM, "").await.json();
    assert_eq!((&answer["may"], &answer["refused"]["code"]), (&json!("no"), &json!("denied")));
    let mut browser = world.signed_in(RILEY).await;
    let asked = format!("/console/access?subject={RILEY}&function={STATUS}");
    let page = browser.get(&asked).await.text();
    assert!(page.contains("moved") && page.contains("denied"), "{page}");
    let lift = format!("/api/v1/denials/{}/lift", made["id"].as_str().unwrap());
    let lifted = world.api("POST", &lift, SAM, "{\"why\": \"back\"}").await;
    assert_eq!(lifted.status, StatusCode::OK, "{}", lifted.text());
    assert_eq!(world.api("GET", &at, SAM, "").await.json()["may"], "yes");
    // With an agent that acts for them, both need a grant.
    let acted = format!("{at}&actors={AGENT}");
    let answer = world.api("GET", &acted, SAM, "").await.json();
    assert_eq!(answer["refused"]["code"], "no_grant");
    assert_eq!(answer["links"].as_array().unwrap().len(), 2);
}
