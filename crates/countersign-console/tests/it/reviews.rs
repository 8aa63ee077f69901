//! Access reviews on the pages and by the API: a reviewer decides, takes back, hands on and signs; others
//! see nothing of it.

use crate::world::{
    ADA, AGENT, AMIR, Answer, Browser, OLIVIA, REFUND, RILEY, SAM, STATUS, World, form,
};
use countersign_governance::{CampaignFilter, NewCampaign};
use countersign_model::{CampaignId, Grant, Holder, Span};
use http::{Request, StatusCode};
use serde_json::{Value, json};

/// Grants that the administrator made, and a campaign in which their functions' owner decides.
pub(crate) async fn review(world: &World) -> (CampaignId, Vec<Grant>) {
    let mut grants = Vec::new();
    for (holder, function) in [(RILEY, REFUND), (AMIR, STATUS), (AGENT, STATUS)] {
        let new = json!({
            "holder": Holder::Subject(holder.into()), "functions": [function],
            "reason": "a <b>test</b>",
        });
        let new = serde_json::from_value(new).unwrap();
        grants.push(world.governance.add_grant(&world.actor(SAM), new).await.unwrap());
    }
    let new: NewCampaign = serde_json::from_value(campaign("Fourth quarter")).unwrap();
    let opened = world.governance.open_campaign(&world.actor(SAM), new).await.unwrap();
    (opened.id, grants)
}

fn campaign(title: &str) -> Value {
    json!({
        "title": title,
        "rules": {
            "owner": SAM,
            "stages": [{"reviewers": ["owner"], "mode": "any_one"}],
            "fallback": [ADA],
            "duration": "14d", "grace": "7d", "reminders": [], "look_back": "90d",
            "breaker_percent": 50, "bulk_max": 50, "reason": "against_recommendation",
        },
    })
}

/// What a page's script sends: the form, and what it would have of it.
async fn by_script(browser: &mut Browser<'_>, path: &str, fields: &[(&str, &str)]) -> Answer {
    let request = Request::post(path)
        .header("content-type", "application/x-www-form-urlencoded")
        .header("origin", crate::world::ORIGIN)
        .header("sec-fetch-site", "same-origin")
        .header("accept", "application/json");
    browser.send(request, form(fields)).await
}

#[tokio::test]
async fn a_reviewer_decides_takes_back_and_signs() {
    let world = World::new().await;
    let (id, grants) = review(&world).await;
    let at = format!("/console/reviews/{id}");
    let mut olivia = world.signed_in(OLIVIA).await;
    let home = olivia.get("/console").await.text();
    assert!(home.contains(&format!("{at}/work")), "{home}");
    let list = olivia.get("/console/reviews").await.text();
    assert!(
        list.contains("3 grants wait for your answer") && list.contains("Fourth quarter"),
        "{list}"
    );
    let work = olivia.get(&format!("{at}/work")).await;
    let text = work.text();
    for part in [
        "riley@acme.example may call billing.refunds.create",
        "answered for by riley@acme.example",
        "a &lt;b&gt;test&lt;/b&gt;",
        "role=\"img\" aria-label=\"Calls by week",
        "<strong data-done>0</strong> of <span data-of>3</span>",
    ] {
        assert!(text.contains(part), "no {part} in\n{text}");
    }
    // High sensitivity comes first.
    let (high, low) = (grants[0].id.to_string(), grants[1].id.to_string());
    assert!(text.find(&high) < text.find(&low), "{text}");
    let (csrf, version) = (work.csrf(), grants[0].version.to_string());
    let fields = |grant: &str, verdict: &str, reason: &str| -> Vec<(String, String)> {
        [
            ("csrf", csrf.as_str()),
            ("grant", grant),
            ("version", &version),
            ("verdict", verdict),
            ("reason", reason),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    };
    fn pairs(of: &[(String, String)]) -> Vec<(&str, &str)> {
        of.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }
    let answer = format!("{at}/answer");

    let kept = olivia.post(&answer, &pairs(&fields(&high, "certify", "needed"))).await;
    assert_eq!(kept.location(), format!("{at}/work?said=kept"), "{}", kept.text());
    let again = olivia.get(&format!("{at}/work?said=kept")).await.text();
    assert!(again.contains("Kept.") && again.contains("Just answered"), "{again}");
    let revoked =
        by_script(&mut olivia, &answer, &pairs(&fields(&low, "revoke", "left"))).await.json();
    assert_eq!((&revoked["left"], &revoked["undo"]), (&json!(1), &json!(true)), "{revoked}");
    let undo = [("csrf", csrf.as_str()), ("grant", low.as_str())];
    let undone = by_script(&mut olivia, &format!("{at}/undo"), &undo).await.json();
    assert_eq!((&undone["left"], &undone["waits_for_me"]), (&json!(2), &json!(true)), "{undone}");

    // A script is told of a fault as programs are, and nothing is left open by it.
    let stale =
        [("csrf", csrf.as_str()), ("grant", &low), ("version", "99"), ("verdict", "certify")];
    let refused = by_script(&mut olivia, &answer, &stale).await;
    assert_eq!(refused.status, StatusCode::CONFLICT, "{}", refused.text());
    assert_eq!(refused.headers["content-type"], "application/problem+json");

    let early = olivia.get(&format!("{at}/sign-off")).await.text();
    assert!(early.contains("2 items still wait for you"), "{early}");
    let agents = grants[2].id.to_string();
    for grant in [&low, &agents] {
        let answered = olivia.post(&answer, &pairs(&fields(grant, "certify", "needed"))).await;
        assert_eq!(answered.status, StatusCode::SEE_OTHER, "{}", answered.text());
    }
    let page = olivia.get(&format!("{at}/sign-off")).await.text();
    let digest = page.split("name=\"digest\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let sign = [("csrf", csrf.as_str()), ("covers", "own"), ("digest", digest)];
    let other = [("csrf", csrf.as_str()), ("covers", "own"), ("digest", "00")];
    let place = format!("{at}/sign-off");
    assert_eq!(olivia.post(&place, &other).await.status, StatusCode::CONFLICT);
    let signed = olivia.post(&place, &sign).await;
    assert_eq!(signed.location(), format!("{at}?said=signed"), "{}", signed.text());
    let shown = world.governance.campaign(&world.actor(OLIVIA), id).await.unwrap().campaign;
    assert_eq!(shown.sign_offs[0].digest.to_string(), digest, "what was shown is what was signed");
    assert_eq!(shown.sign_offs[0].items, 3);
    let late = olivia.post(&format!("{at}/undo"), &undo).await;
    assert_eq!(late.status, StatusCode::CONFLICT, "{}", late.text());
}

#[tokio::test]
async fn r16_a_signature_rests_on_a_sign_in_of_the_last_five_minutes() {
    let world = World::new().await;
    let (id, grants) = review(&world).await;
    for grant in &grants {
        let answer = serde_json::from_value(json!({
            "grant": grant.id, "version": grant.version, "verdict": "certify", "reason": "needed",
        }));
        let (by, answer) = (world.actor(OLIVIA), vec![answer.unwrap()]);
        let mut answered = world.governance.answer_items(&by, id, answer).await.unwrap();
        answered.remove(0).result.unwrap();
    }
    let place = format!("/console/reviews/{id}/sign-off");
    let mut olivia = world.signed_in(OLIVIA).await;
    world.pass(Span::from_seconds(301));
    let page = olivia.get(&place).await;
    assert!(page.text().contains("Sign in again, and come back here"), "{}", page.text());
    let digest = page.text();
    let digest =
        digest.split("name=\"digest\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let sign = [("csrf", &*page.csrf()), ("covers", "own"), ("digest", digest)];
    let sent = olivia.post(&place, &sign).await;
    let to = format!("/console/sign-in?anew=yes&return_to={place}%3Fcovers=own");
    assert_eq!(sent.location(), to);
    let door = olivia.get(&to).await.location();
    assert!(door.ends_with("&anew=yes"), "{door}");
    let begun = olivia.get(&door).await.location();
    assert!(begun.contains("prompt=login") && begun.contains("max_age=0"), "{begun}");
    let back = olivia.choose(&begun, OLIVIA).await;
    let landed = olivia.get(back.strip_prefix(crate::world::ORIGIN).unwrap()).await;
    assert_eq!(landed.location(), format!("{place}?covers=own"), "{}", landed.text());
    let page = olivia.get(&place).await;
    let sign = [("csrf", &*page.csrf()), ("covers", "own"), ("digest", digest)];
    let signed = olivia.post(&place, &sign).await;
    assert_eq!(
        signed.location(),
        format!("/console/reviews/{id}?said=signed"),
        "{}",
        signed.text()
    );

    // The whole is its owner's to sign, and not before it is closed.
    let said = json!({"covers": "campaign"}).to_string();
    let path = format!("/api/v1/reviews/{id}/sign-off");
    let refused = world.api("POST", &path, OLIVIA, &said).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "{}", refused.text());
    world.governance.run_reviews().await.unwrap();
    let signed = world.api("POST", &path, SAM, &said).await;
    assert_eq!(signed.json()["items"], 3, "{}", signed.text());
    let report = world.api("GET", &format!("/api/v1/reviews/{id}/report"), SAM, "").await;
    let state = world.api("GET", &format!("/api/v1/reviews/{id}"), SAM, "").await.json();
    let digest = countersign_model::Digest::of(&report.body).to_string();
    assert_eq!(state["campaign"]["state"]["report"], json!(digest), "{}", report.text());
}

#[tokio::test]
async fn programs_read_answer_and_are_told_of_each_item() {
    let world = World::new().await;
    let (id, grants) = review(&world).await;
    let at = format!("/api/v1/reviews/{id}");
    let list = world.api("GET", "/api/v1/reviews", OLIVIA, "").await.json();
    assert_eq!(
        (&list["waiting_for_me"], &list["campaigns"][0]["waiting_for_me"]),
        (&json!(3), &json!(3))
    );
    assert!(
        list["campaigns"][0].get("waits_for").is_none(),
        "whose answers it waits for is the owner's"
    );
    let owned = world.api("GET", &at, SAM, "").await.json();
    assert_eq!(owned["waits_for"][OLIVIA], 3, "{owned}");
    let items = world.api("GET", &format!("{at}/items?waiting=me"), OLIVIA, "").await.json();
    assert_eq!(items["items"].as_array().unwrap().len(), 3, "{items}");
    let one = world.api("GET", &format!("{at}/items/{}", grants[0].id), OLIVIA, "").await.json();
    assert!(one["line"].as_str().unwrap().contains("may call billing.refunds.create"), "{one}");
    let answers = json!({"answers": [
        {"grant": grants[1].id, "version": 1, "verdict": "certify", "reason": "needed"},
        {"grant": grants[2].id, "version": 9, "verdict": "certify", "reason": "needed"},
    ]});
    let place = format!("{at}/answers");
    let answered = world.api("POST", &place, OLIVIA, &answers.to_string()).await.json();
    assert_eq!(answered["answered"][0]["item"]["state"]["result"], "certified", "{answered}");
    assert_eq!(answered["answered"][1]["problem"]["code"], "other_version", "{answered}");
    // Where nothing is taken, the act is refused.
    let high = json!({"answers": [
        {"grant": grants[0].id, "version": 1, "verdict": "certify", "reason": "needed"},
        {"grant": grants[2].id, "version": 9, "verdict": "certify", "reason": "needed"},
    ]});
    let refused = world.api("POST", &place, OLIVIA, &high.to_string()).await;
    assert_eq!(refused.json()["code"], "not_in_bulk", "{}", refused.text());
    let one = json!({"answers": [
        {"grant": grants[0].id, "version": 1, "verdict": "revoke", "reason": "left"},
    ]});
    let answered = world.api("POST", &place, OLIVIA, &one.to_string()).await.json();
    assert_eq!(answered["answered"][0]["item"]["state"]["result"], "revoked", "{answered}");
    let undo = format!("{at}/items/{}/undo", grants[0].id);
    let undone = world.api("POST", &undo, OLIVIA, "{}").await.json();
    assert_eq!(undone["item"]["state"]["state"], "open", "{undone}");
    let hand = json!({"grants": [grants[2].id], "to": SAM, "why": "he knows"}).to_string();
    let handed = world.api("POST", &format!("{at}/hand-on"), OLIVIA, &hand).await.json();
    assert_eq!(handed["handed_on"][0]["item"]["reviewers"][0]["subject"], SAM, "{handed}");
    let opened = world.api("POST", "/api/v1/reviews", SAM, &campaign("Another").to_string()).await;
    assert_eq!(opened.json()["state"]["state"], "open", "{}", opened.text());
    let until = world.now().plus(Span::from_days(30));
    let more = json!({"end": "due", "until": until, "why": "holidays"}).to_string();
    let extended = world.api("POST", &format!("{at}/extend"), SAM, &more).await;
    assert_eq!(extended.status, StatusCode::OK, "{}", extended.text());
    let confirmed = world.api("POST", &format!("{at}/confirm"), SAM, "{}").await;
    assert_eq!(confirmed.json()["code"], "campaign_state", "{}", confirmed.text());
    let early = world.api("POST", &format!("{at}/addenda"), SAM, r#"{"text":"late"}"#).await;
    assert_eq!(early.json()["code"], "campaign_state", "{}", early.text());
    assert_eq!(
        world.api("GET", &format!("{at}/report"), SAM, "").await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn a_review_is_not_there_for_who_has_no_part_in_it() {
    let world = World::new().await;
    let (id, grants) = review(&world).await;
    let mut riley = world.signed_in(RILEY).await;
    for rest in ["", "/work", "/items", "/sign-off", &format!("/items/{}", grants[0].id)] {
        let page = riley.get(&format!("/console/reviews/{id}{rest}")).await;
        assert_eq!(page.status, StatusCode::NOT_FOUND, "{rest}: {}", page.text());
        let at = format!("/api/v1/reviews/{id}{rest}");
        if rest != "/work" && rest != "/sign-off" {
            let answer = world.api("GET", &at, RILEY, "").await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{rest}: {}", answer.text());
        }
    }
    let list = world.api("GET", "/api/v1/reviews", RILEY, "").await.json();
    assert_eq!((&list["campaigns"], &list["waiting_for_me"]), (&json!([]), &json!(0)));
    // An auditor sees everything and changes nothing.
    let mut ada = world.signed_in(ADA).await;
    let page = ada.get(&format!("/console/reviews/{id}")).await;
    assert!(page.text().contains("Who is waited for"), "{}", page.text());
    let answer = [("csrf", &*page.csrf()), ("grant", &*grants[0].id.to_string())];
    let refused = ada.post(&format!("/console/reviews/{id}/answer"), &answer).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let all = world.governance.campaigns(&world.actor(ADA), &CampaignFilter::default()).await;
    assert_eq!(all.unwrap().len(), 1);
}
