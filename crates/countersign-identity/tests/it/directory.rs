//! Groups that tokens leave out: had from a directory that answers as documented, waited for not
//! long, and unknown, never none, when they can't be had.

use crate::{
    issuer::{AUDIENCE, Key, NOW, Op, TestClock, merged},
    people::entra,
    signin::entropy,
    stand_in::{Answers, StandIn},
};
use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    rsa::KeySize,
    signature::{KeyPair, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey},
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use countersign_identity::{
    Blame, Callback, Http, Refused, SignIn, SignedIn, Verifier, expand_preset,
};
use countersign_model::Caller;
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::task::JoinSet;

const TENANT: &str = "11111111-2222-3333-4444-555555555555";
const RILEY: &str = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee";

/// An Entra tenant with a directory beside it.
struct Scene {
    op: Op,
    key: Key,
    clock: TestClock,
    verifier: Verifier,
    directory: StandIn,
}

impl Scene {
    async fn new(settings: Value) -> Self {
        let directory = StandIn::start().await;
        let graph = json!({
            "tenant": TENANT, "client_id": "reader", "client_secret": {"env": "SECRET"},
            "url": directory.url, "token_url": format!("{}/token", directory.url),
        });
        let settings = merged(json!({"microsoft_graph": graph, "wait_max": "20s"}), &settings);
        let preset = json!({"entra": {"tenant": TENANT}});
        let more = json!({"preset": preset, "directory": settings,
                          "sign_in": {"client_id": "web"}});
        Self::of(directory, more).await
    }

    async fn of(directory: StandIn, more: Value) -> Self {
        let (key, clock) = (Key::rsa("k", "RS256"), TestClock::new());
        let op = Op::start(&[&key]).await;
        let base = json!({"name": "acme", "url": op.url, "audiences": [AUDIENCE]});
        let mut issuer = merged(base, &more);
        expand_preset(&mut issuer);
        let issuer = serde_json::from_value(issuer).unwrap();
        let verifier = Verifier::new(vec![issuer], Http::new(), clock.clock()).unwrap();
        Self { op, key, clock, verifier, directory }
    }

    /// With its secrets read, and Riley in so many groups.
    async fn with_groups(settings: Value, count: usize) -> Self {
        let scene = Self::new(settings).await;
        scene.verifier.connect_directories(|_| Some("s3cr3t".into())).unwrap();
        scene.directory.put(RILEY, &names(count));
        scene
    }

    fn token(&self, changes: Value) -> String {
        let left_out = json!({"iss": self.op.url, "groups": null,
                              "_claim_names": {"groups": "src1"},
                              "_claim_sources": {"src1": {"endpoint": "https://graph.example"}}});
        let claims = merged(merged(entra(), &left_out), &changes).to_string();
        self.key.token_of(br#"{"alg":"RS256","kid":"k","typ":"JWT"}"#, claims.as_bytes())
    }

    async fn identify(&self, changes: Value) -> Result<Caller, Refused> {
        let proved = self.verifier.identify(&self.token(changes)).await?;
        Ok(proved.caller().as_ref().clone())
    }

    async fn groups(&self, changes: Value) -> Result<usize, String> {
        let caller = self.identify(changes).await;
        caller.map(|it| it.groups.len()).map_err(|it| it.code().to_owned())
    }

    /// Waits until Riley's warm token has so many groups: questions are asked beside calls.
    async fn until_groups(&self, count: usize) {
        let turned = tokio::time::timeout(Duration::from_secs(20), async {
            while self.groups(json!({})).await != Ok(count) {
                tokio::task::yield_now().await;
            }
        });
        turned.await.unwrap();
    }
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|place| format!("9a6b5f8a-0000-0000-0000-{place:012}")).collect()
}

fn unknown() -> Result<usize, String> {
    Err("groups_unknown".into())
}

#[tokio::test]
async fn all_pages_are_read_and_the_tokens_own_endpoint_never_is() {
    let scene = Scene::with_groups(json!({}), 700).await;
    *scene.directory.state.page_size.lock().unwrap() = 300;
    let evil = StandIn::start().await;
    let forged = json!({"_claim_sources": {"src1": {"endpoint": format!("{}/groups", evil.url)}}});
    assert_eq!(scene.groups(forged).await, Ok(700));
    assert_eq!((evil.questions(), scene.directory.questions()), (0, 3));
    let form = scene.directory.state.forms.lock().unwrap()[0].clone();
    assert_eq!(
        (form["grant_type"].as_str(), form["client_id"].as_str()),
        ("client_credentials", "reader")
    );
    assert_eq!(form["client_secret"], "s3cr3t");
    assert_eq!(form["scope"], format!("{}/.default", scene.directory.url));

    // Another token of the same person asks nobody; an application is asked for as one, with the
    // token that is there.
    assert_eq!(scene.groups(json!({"uti": "other"})).await, Ok(700));
    let app = RILEY.replace('a', "b");
    scene.directory.put(&app, &names(2));
    assert_eq!(scene.groups(json!({"oid": app, "scp": null})).await, Ok(2));
    let asked = scene.directory.state.questions.lock().unwrap().clone();
    assert_eq!(asked.len(), 4);
    assert!(asked[3].starts_with(&format!("/v1.0/servicePrincipals/{app}/transitiveMemberOf/")));
    assert_eq!(scene.directory.state.forms.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn only_left_out_groups_are_asked_for() {
    let scene = Scene::with_groups(json!({}), 3).await;
    let told = json!({"groups": names(1), "_claim_names": null, "_claim_sources": null});
    assert_eq!(scene.groups(told.clone()).await, Ok(1));
    let none = json!({"_claim_names": null, "_claim_sources": null});
    assert_eq!(scene.groups(none).await, Ok(0));
    assert_eq!(scene.directory.questions(), 0);
    assert_eq!(scene.groups(json!({"_claim_names": null, "hasgroups": true})).await, Ok(3));
    let always = Scene::with_groups(json!({"ask": "always"}), 3).await;
    assert_eq!(always.groups(told).await, Ok(3));
    // What becomes a part of the address is an id and nothing else.
    for oid in ["../groups", "a/b", "a?b", "a%2fb", "riley@acme.com", ""] {
        let code = scene.groups(json!({"oid": oid})).await.unwrap_err();
        assert!(["groups_unknown", "claim_rule_not_met"].contains(&code.as_str()), "{oid}: {code}");
    }
    assert_eq!(scene.directory.questions(), 1);
}

#[tokio::test]
async fn a_warm_call_never_waits_and_soon_has_what_is_new() {
    let scene = Scene::with_groups(json!({}), 3).await;
    assert_eq!(scene.groups(json!({})).await, Ok(3));
    scene.directory.put(RILEY, &names(5));
    scene.clock.advance(299);
    assert_eq!((scene.groups(json!({})).await, scene.directory.questions()), (Ok(3), 1));
    // From half of the time on they are asked for beside the call.
    scene.directory.answer(Answers::WhenOpen);
    scene.clock.advance(2);
    for _ in 0..50 {
        let soon = tokio::time::timeout(Duration::from_secs(5), scene.groups(json!({})));
        assert_eq!(soon.await.unwrap(), Ok(3));
    }
    scene.directory.state.gate.send_replace(true);
    scene.until_groups(5).await;
    assert_eq!(scene.directory.questions(), 2);
}

#[tokio::test]
async fn what_is_too_old_is_unknown_and_never_none() {
    let scene = Scene::with_groups(json!({"stale_after": "5m"}), 3).await;
    assert_eq!(scene.groups(json!({})).await, Ok(3));
    scene.directory.answer(Answers::With(503, "{}".into()));
    // It may be away for a while.
    scene.clock.advance(299);
    assert_eq!(scene.groups(json!({})).await, Ok(3));
    scene.clock.advance(2);
    let refused = scene.identify(json!({})).await.unwrap_err();
    assert_eq!((refused.code(), refused.blame()), ("groups_unknown", Blame::Issuer));
    // And a clock that went back makes nothing fresh that was not read.
    scene.clock.advance(-7200);
    assert_eq!(scene.groups(json!({"exp": NOW + 9000})).await, Err("token_not_yet_valid".into()));
    scene.clock.advance(7200);
    scene.directory.answer(Answers::Well);
    scene.clock.advance(11);
    assert_eq!(scene.groups(json!({})).await, Ok(3));
}

#[tokio::test]
async fn one_question_is_asked_for_all_who_wait() {
    let scene = Arc::new(Scene::with_groups(json!({}), 3).await);
    scene.directory.answer(Answers::WhenOpen);
    let mut waiting = JoinSet::new();
    for place in 0..40 {
        let scene = Arc::clone(&scene);
        waiting.spawn(async move { scene.groups(json!({"uti": place})).await });
    }
    while scene.directory.questions() == 0 {
        tokio::task::yield_now().await;
    }
    scene.directory.state.gate.send_replace(true);
    for answer in waiting.join_all().await {
        assert_eq!(answer, Ok(3));
    }
    assert_eq!(scene.directory.questions(), 1);
}

#[tokio::test]
async fn nobody_waits_longer_than_the_limit() {
    let scene = Scene::with_groups(json!({"wait_max": "200ms"}), 3).await;
    scene.directory.answer(Answers::WhenOpen);
    let soon = tokio::time::timeout(Duration::from_secs(10), scene.groups(json!({})));
    assert_eq!(soon.await.unwrap(), unknown());
    // The question goes on, and whoever comes later has its answer.
    scene.directory.state.gate.send_replace(true);
    scene.until_groups(3).await;
    assert_eq!(scene.directory.questions(), 1);
}

#[tokio::test]
async fn an_answer_that_can_not_be_used_refuses() {
    let huge = json!({"value": [{"id": "x".repeat(2 * 1024 * 1024)}]}).to_string();
    let empty_name = json!({"value": [{"id": ""}]}).to_string();
    let evil = StandIn::start().await;
    let elsewhere = format!("{}/v1.0/users/x", evil.url);
    let rows = [
        (Answers::With(403, "{}".into()), "answered 403"),
        (Answers::With(500, "{}".into()), "answered 500"),
        (Answers::With(302, "{}".into()), "answered 302"),
        (Answers::With(200, "{}".into()), "malformed"),
        (Answers::With(200, "not json".into()), "malformed"),
        (Answers::With(200, json!({"value": [{"id": 7}]}).to_string()), "malformed"),
        (Answers::With(200, empty_name), "malformed"),
        (Answers::With(200, huge), "longer than"),
        (Answers::Elsewhere(elsewhere), "another place"),
        (Answers::Elsewhere("/v1.0/users/x".into()), "another place"),
        (Answers::Endlessly, "more than 50 pages"),
    ];
    for (answers, detail) in rows {
        let scene = Scene::with_groups(json!({}), 3).await;
        scene.directory.answer(answers.clone());
        let refused = scene.identify(json!({})).await.unwrap_err();
        assert_eq!(refused.code(), "groups_unknown", "{answers:?}");
        assert!(refused.detail().contains(detail), "{answers:?}: {}", refused.detail());
    }
    assert_eq!(evil.questions(), 0);
    let scene = Scene::with_groups(json!({"groups_max": 10}), 11).await;
    let refused = scene.identify(json!({})).await.unwrap_err();
    assert!(refused.detail().contains("more than 10 groups"), "{}", refused.detail());
    // Whom the directory does not know is somebody who left.
    let scene = Scene::with_groups(json!({}), 3).await;
    assert_eq!(scene.groups(json!({})).await, Ok(3));
    scene.directory.state.groups.lock().unwrap().clear();
    scene.clock.advance(301);
    assert_eq!(scene.groups(json!({})).await, Ok(3));
    let gone = async {
        while scene.groups(json!({})).await == Ok(3) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), gone).await.unwrap();
    assert_eq!(scene.groups(json!({})).await, Err("subject_not_accepted".into()));
}

#[tokio::test]
async fn a_directory_that_wants_a_pause_gets_one() {
    let scene = Scene::with_groups(json!({}), 3).await;
    let other = RILEY.replace('a', "c");
    scene.directory.put(&other, &names(1));
    scene.directory.answer(Answers::Pause("60"));
    assert_eq!(scene.groups(json!({})).await, unknown());
    scene.directory.answer(Answers::Well);
    for seconds in [0, 6, 50] {
        scene.clock.advance(seconds);
        assert_eq!(scene.groups(json!({})).await, unknown());
        assert_eq!(scene.groups(json!({"oid": other})).await, unknown());
    }
    assert_eq!(scene.directory.questions(), 1);
    scene.clock.advance(5);
    assert_eq!(scene.groups(json!({"oid": other})).await, Ok(1));
    assert_eq!(scene.groups(json!({})).await, Ok(3));
    // Nobody can ask for a pause that never ends.
    let scene = Scene::with_groups(json!({}), 3).await;
    scene.directory.answer(Answers::Pause("86400"));
    assert_eq!(scene.groups(json!({})).await, unknown());
    scene.directory.answer(Answers::Well);
    scene.clock.advance(301);
    assert_eq!(scene.groups(json!({"exp": NOW + 900})).await, Ok(3));
}

#[tokio::test]
async fn the_directorys_token_is_renewed_and_its_secret_never_shown() {
    let scene = Scene::new(json!({})).await;
    assert_eq!(scene.groups(json!({})).await, unknown());
    assert_eq!(scene.directory.questions(), 0);
    let missing = scene.verifier.connect_directories(|_| None).unwrap_err();
    assert!(missing.to_string().contains("acme"), "{missing}");

    let scene = Scene::with_groups(json!({}), 3).await;
    *scene.directory.state.token_answer.lock().unwrap() =
        (401, json!({"error": "invalid_client", "error_description": "s3cr3t"}));
    let refused = scene.identify(json!({})).await.unwrap_err();
    assert_eq!(refused.code(), "groups_unknown");
    assert!(refused.detail().contains("invalid_client"), "{}", refused.detail());
    assert!(!format!("{refused:?} {:?}", scene.verifier).contains("s3cr3t"));
    // Without a token nobody can be asked about: the next person does not try again at once.
    assert_eq!(scene.groups(json!({"oid": RILEY.replace('a', "5")})).await, unknown());
    assert_eq!(scene.directory.state.forms.lock().unwrap().len(), 1);

    *scene.directory.state.token_answer.lock().unwrap() = (200, json!({"expires_in": 120}));
    scene.clock.advance(6);
    assert_eq!(scene.groups(json!({})).await, Ok(3));
    // One that was withdrawn is forgotten, one that ends soon is not used.
    scene.directory.state.tokens.lock().unwrap().clear();
    let (one, other) = (RILEY.replace('a', "1"), RILEY.replace('a', "2"));
    scene.directory.put(&one, &names(1));
    scene.directory.put(&other, &names(2));
    assert_eq!(scene.groups(json!({"oid": one})).await, unknown());
    scene.clock.advance(6);
    assert_eq!(scene.groups(json!({"oid": one})).await, Ok(1));
    scene.clock.advance(61);
    assert_eq!(scene.groups(json!({"oid": other})).await, Ok(2));
    assert_eq!(scene.directory.state.forms.lock().unwrap().len(), 4);
}

async fn sign_in(scene: &Scene, claims: Value) -> Result<SignedIn, String> {
    let door = SignIn::new(&scene.verifier, "acme", |_| None).unwrap();
    let (url, pending) = door.begin("https://console.example/back", &entropy()).await.unwrap();
    let url = url::Url::parse(&url).unwrap();
    let query: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
    let base = json!({"iss": scene.op.url, "aud": "web", "exp": NOW + 900, "iat": NOW,
                      "nonce": query["nonce"], "email": "riley@acme.com"});
    let claims = merged(base, &claims).to_string();
    let id_token =
        scene.key.token_of(br#"{"alg":"RS256","kid":"k","typ":"JWT"}"#, claims.as_bytes());
    let body = json!({"access_token": "acc355", "token_type": "Bearer", "id_token": id_token});
    scene.op.state.answers.lock().unwrap().push_back((200, body));
    let user = json!({"sub": serde_json::from_str::<Value>(&claims).unwrap()["sub"]});
    *scene.op.state.userinfo.lock().unwrap() = (200, user);
    let callback = Callback::from_query(&format!("code=c&state={}", query["state"])).unwrap();
    door.finish(pending, &callback).await.map_err(|it| it.code().to_owned())
}

#[tokio::test]
async fn who_signs_in_has_the_directorys_groups_too() {
    let scene = Scene::with_groups(json!({}), 3).await;
    let riley = json!({"tid": TENANT, "oid": RILEY, "sub": "pairwise", "ver": "2.0",
                       "_claim_names": {"groups": "src1"}});
    let signed_in = sign_in(&scene, riley.clone()).await.unwrap();
    assert_eq!(signed_in.caller.subject.as_str(), format!("{TENANT}:{RILEY}"));
    assert_eq!(signed_in.caller.groups.len(), 3);
    let other_tenant = merged(riley.clone(), &json!({"tid": TENANT.replace('1', "9")}));
    assert_eq!(sign_in(&scene, other_tenant).await.unwrap_err(), "claim_rule_not_met");
    scene.directory.answer(Answers::With(500, "{}".into()));
    scene.clock.advance(601);
    assert_eq!(sign_in(&scene, riley).await.unwrap_err(), "groups_unknown");
}

/// At a sign-in and in calls, one person has one name.
#[tokio::test]
async fn who_signs_in_is_who_calls() {
    let okta = json!({"preset": {"okta": {"domain": "acme.okta.com"}},
                      "sign_in": {"client_id": "web"}});
    let scene = Scene::of(StandIn::start().await, okta).await;
    let riley = json!({"sub": "00u1", "ver": 1, "preferred_username": "riley@acme.com",
                       "groups": ["ops"]});
    let signed_in = sign_in(&scene, riley).await.unwrap();
    assert_eq!((signed_in.caller.subject.as_str(), signed_in.caller.groups.len()), ("00u1", 1));
    let token = json!({"sub": "riley@acme.com", "uid": "00u1", "cid": "web", "scp": ["openid"],
                       "_claim_names": null});
    assert_eq!(scene.identify(token).await.unwrap().subject, signed_in.caller.subject);

    let server = "https://id.acme.com";
    let keycloak = json!({"preset": {"keycloak": {"server": server, "realm": "acme"}},
                          "sign_in": {"client_id": "web"}});
    let scene = Scene::of(StandIn::start().await, keycloak).await;
    let riley = json!({"sub": RILEY, "typ": "ID", "azp": "web", "groups": ["ops"]});
    let signed_in = sign_in(&scene, riley).await.unwrap();
    assert_eq!(signed_in.caller.subject.as_str(), RILEY);
    let token = json!({"sub": RILEY, "typ": "Bearer", "azp": "web", "_claim_names": null});
    assert_eq!(scene.identify(token).await.unwrap().subject, signed_in.caller.subject);
}

/// A service account's key, as Google makes the file, and its public half.
fn service_account() -> (String, Vec<u8>) {
    let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let der = AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).unwrap();
    let pem = format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
        STANDARD.encode(der.as_ref())
    );
    let file = json!({
        "type": "service_account", "client_email": "reader@acme.iam.gserviceaccount.com",
        "private_key_id": "k1", "private_key": pem, "token_uri": "https://evil.example/token",
    });
    (file.to_string(), pair.public_key().as_ref().to_vec())
}

const GOOGLER: &str = "110169484474386276334";

async fn google(settings: Value) -> Scene {
    let directory = StandIn::start().await;
    let workspace = json!({
        "key": {"env": "KEY"}, "administrator": "admin@acme.com", "url": directory.url,
        "token_url": format!("{}/token", directory.url),
    });
    let workspace = merged(workspace, &settings);
    let more = json!({
        "preset": {"google": {"hosted_domains": ["acme.com"]}}, "sign_in": {"client_id": "web"},
        "directory": {"google_workspace": workspace, "ask": "always", "wait_max": "20s"},
    });
    Scene::of(directory, more).await
}

#[tokio::test]
async fn people_of_a_google_workspace_have_groups() {
    let scene = google(json!({})).await;
    let (file, public) = service_account();
    scene.verifier.connect_directories(|_| Some(file.clone())).unwrap();
    let groups: Vec<String> = (0..450).map(|it| format!("g{it}@acme.com")).collect();
    scene.directory.put(GOOGLER, &groups);
    let riley = json!({"sub": GOOGLER, "hd": "acme.com", "email_verified": true});
    let signed_in = sign_in(&scene, riley.clone()).await.unwrap();
    assert_eq!(signed_in.caller.subject.as_str(), GOOGLER);
    assert_eq!(signed_in.caller.groups.len(), 450);
    assert_eq!(scene.directory.questions(), 3);

    let form = scene.directory.state.forms.lock().unwrap()[0].clone();
    assert_eq!(form["grant_type"], "urn:ietf:params:oauth:grant-type:jwt-bearer");
    let (signed, signature) = form["assertion"].rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &public);
    key.verify(signed.as_bytes(), &signature).unwrap();
    let claims = URL_SAFE_NO_PAD.decode(signed.split('.').nth(1).unwrap()).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    assert_eq!(
        claims,
        json!({"iss": "reader@acme.iam.gserviceaccount.com", "sub": "admin@acme.com",
               "aud": format!("{}/token", scene.directory.url), "iat": NOW, "exp": NOW + 300,
               "scope": "https://www.googleapis.com/auth/admin.directory.group.readonly"})
    );
    // Somebody of another workspace, or with an account of their own.
    for hd in [json!("evil.com"), json!(null), json!(["evil.com"])] {
        let stranger = merged(riley.clone(), &json!({"hd": hd}));
        assert_eq!(sign_in(&scene, stranger).await.unwrap_err(), "claim_rule_not_met");
    }
    // Somebody without a group is known to have none; somebody unknown is nobody.
    let (lone, gone) = (json!({"sub": "111"}), json!({"sub": "112"}));
    scene.directory.put("111", &[]);
    let signed_in = sign_in(&scene, merged(riley.clone(), &lone)).await.unwrap();
    assert!(signed_in.caller.groups.is_empty());
    let refused = sign_in(&scene, merged(riley, &gone)).await.unwrap_err();
    assert_eq!(refused, "subject_not_accepted");
}

#[tokio::test]
async fn a_googles_group_can_go_by_its_id_and_a_bad_key_is_named() {
    let scene = google(json!({"groups_by": "id"})).await;
    let fault = scene.verifier.connect_directories(|_| Some("{}".into())).unwrap_err();
    assert!(fault.to_string().contains("acme"), "{fault}");
    let (file, _) = service_account();
    scene.verifier.connect_directories(|_| Some(file.clone())).unwrap();
    scene.directory.put(GOOGLER, &["ops@acme.com".into()]);
    let riley = json!({"sub": GOOGLER, "hd": "acme.com"});
    let signed_in = sign_in(&scene, riley).await.unwrap();
    let groups: Vec<_> = signed_in.caller.groups.iter().map(|it| it.as_str()).collect();
    assert_eq!(groups, ["id-ops@acme.com"]);
}
