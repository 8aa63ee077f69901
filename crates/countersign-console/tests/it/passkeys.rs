//! Passkeys: added by whoever signed in lately, good for one thing of one session once, and removed.

use crate::{
    reviews::review,
    world::{ADA, AMIR, Answer, Browser, OLIVIA, RILEY, World},
};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use countersign_identity::verify_signed;
use countersign_model::{
    CampaignId, Digest, Span,
    passkey::{PasskeyBytes, SignedKind},
    record::{Event, PasskeyChange},
    review::SignOffProof,
};
use http::{Request, StatusCode};
use serde_json::{Value, json};

const HERE: &str = "/console/me/passkeys";
const URL: &str = "http://localhost:7070";

/// An authenticator in software.
struct Device {
    key: Ed25519KeyPair,
    id: [u8; 16],
    counter: u32,
}

impl Device {
    fn new(seed: u8) -> Self {
        let key = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap();
        Self { key, id: [seed; 16], counter: 0 }
    }

    fn data(&mut self, flags: u8) -> Vec<u8> {
        self.counter += 1;
        let mut data = Digest::of(b"localhost").0.to_vec();
        data.push(flags);
        data.extend(self.counter.to_be_bytes());
        data
    }

    /// What the script leaves in the form of a registration.
    fn create(&mut self, begun: &Value) -> String {
        let mut data = self.data(0x45);
        data.extend([0; 16]);
        data.extend([0, 16]);
        data.extend(self.id);
        data.extend([0xA4, 1, 1, 3, 0x27, 0x20, 6, 0x21, 0x58, 32]);
        data.extend(self.key.public_key().as_ref());
        let length = u8::try_from(data.len()).unwrap();
        let mut attestation = b"\xA3\x63fmt\x64none\x67attStmt\xA0\x68authData\x58".to_vec();
        attestation.push(length);
        attestation.extend(data);
        let answer = json!({
            "id": text(&self.id), "client_data": text(&client("webauthn.create", begun)),
            "attestation": text(&attestation), "transports": ["usb"],
        });
        json!({"state": begun["state"], "answer": answer}).to_string()
    }

    /// What it leaves in the form of what is signed.
    fn get(&mut self, begun: &Value) -> String {
        let (data, client) = (self.data(5), client("webauthn.get", begun));
        let signed = [data.as_slice(), &Digest::of(&client).0].concat();
        let answer = json!({
            "id": text(&self.id), "client_data": text(&client), "authenticator_data": text(&data),
            "signature": text(self.key.sign(&signed).as_ref()),
        });
        json!({"state": begun["state"], "answer": answer}).to_string()
    }
}

fn client(kind: &str, begun: &Value) -> Vec<u8> {
    let challenge = begun["public_key"]["challenge"].as_str().unwrap();
    json!({"type": kind, "challenge": challenge, "origin": URL, "crossOrigin": false})
        .to_string()
        .into_bytes()
}

fn text(bytes: &[u8]) -> String {
    PasskeyBytes(bytes.to_vec()).text()
}

/// A browser, before a console that has a name.
struct Person {
    cookies: Vec<(String, String)>,
    csrf: String,
}

impl Person {
    async fn new(world: &World, subject: &str) -> Self {
        let mut browser = world.signed_in(subject).await;
        let csrf = browser.get(HERE).await.csrf();
        Self { cookies: browser.cookies, csrf }
    }

    fn browser<'w>(&self, world: &'w World) -> Browser<'w> {
        Browser { world, cookies: self.cookies.clone() }
    }

    async fn ask(&self, world: &World, path: &str, body: Value) -> Answer {
        let request = Request::post(path)
            .header("content-type", "application/json")
            .header("sec-fetch-site", "same-origin")
            .header("x-countersign-csrf", &self.csrf);
        self.browser(world).send(request, body.to_string()).await
    }

    async fn begin(&self, world: &World) -> Answer {
        self.ask(world, "/api/v1/me/passkeys/options", json!({})).await
    }

    /// Begins what the page's trial is.
    async fn begin_trial(&self, world: &World) -> Value {
        let page = self.browser(world).get(HERE).await.text();
        let digest = page.split("data-digest=\"").nth(1).unwrap().split('"').next().unwrap();
        let wanted = json!({"kind": "trial", "digest": digest});
        let begun = self.ask(world, "/api/v1/me/signatures/options", wanted).await;
        assert_eq!(begun.status, StatusCode::OK, "{}", begun.text());
        begun.json()
    }

    async fn send(&self, world: &World, path: &str, more: &[(&str, &str)]) -> Answer {
        let fields: Vec<_> = [&[("csrf", self.csrf.as_str())][..], more].concat();
        self.browser(world).post(path, &fields).await
    }

    async fn add(&self, world: &World, device: &mut Device, name: &str) -> Answer {
        let begun = self.begin(world).await;
        assert_eq!(begun.status, StatusCode::OK, "{}", begun.text());
        let brought = device.create(&begun.json());
        self.send(world, HERE, &[("name", name), ("passkey", &brought)]).await
    }

    async fn trial(&self, world: &World, brought: &str) -> Answer {
        self.send(world, &format!("{HERE}/trial"), &[("passkey", brought)]).await
    }
}

#[track_caller]
fn refused(answer: &Answer, code: &str) {
    assert!(answer.status.is_client_error(), "{code}: {}", answer.status);
    assert!(answer.text().contains(code), "{code}: {}", answer.text());
}

#[tokio::test]
async fn a_passkey_is_added_signs_and_is_removed() {
    let mut world = World::new().await;
    let riley = Person::new(&world, RILEY).await;
    world.move_to(URL);
    let mut device = Device::new(1);
    let added = riley.add(&world, &mut device, "The blue key").await;
    assert_eq!(added.location(), format!("{HERE}?said=added"), "{}", added.text());
    let page = riley.browser(&world).get(HERE).await.text();
    assert!(page.contains("The blue key") && page.contains("stays on one device"), "{page}");
    let begun = riley.begin(&world).await.json();
    assert_eq!(begun["public_key"]["excludeCredentials"][0]["id"], text(&device.id));
    assert_eq!(begun["public_key"]["authenticatorSelection"]["userVerification"], "required");

    let begun = riley.begin_trial(&world).await;
    assert_eq!(begun["public_key"]["allowCredentials"][0]["transports"], json!(["usb"]));
    let brought = device.get(&begun);
    let signed = riley.trial(&world, &brought).await;
    assert_eq!(signed.location(), format!("{HERE}?said=signed"), "{}", signed.text());
    refused(&riley.trial(&world, &brought).await, "passkey_replayed");

    let list = world.api("GET", "/api/v1/me/passkeys", RILEY, "").await.json();
    let id = list["passkeys"][0]["id"].as_str().unwrap();
    assert_eq!(
        (&list["passkeys"][0]["counter"], list["passkeys"][0]["last_used_at"].is_string()),
        (&json!(2), true)
    );
    let path = format!("/api/v1/me/passkeys/{id}/remove");
    assert_eq!(world.api("POST", &path, AMIR, "").await.status, StatusCode::NOT_FOUND);
    let begun = riley.begin_trial(&world).await;
    let renamed = riley.send(&world, &format!("{HERE}/{id}/name"), &[("name", "Red")]).await;
    assert_eq!(renamed.location(), format!("{HERE}?said=named"));
    let removed = world.api("POST", &path, RILEY, "").await;
    assert_eq!(removed.json()["name"], "Red");
    refused(&riley.trial(&world, &device.get(&begun)).await, "passkey_unknown");
    let changes: Vec<_> = world
        .entries()
        .into_iter()
        .filter_map(|it| {
            let Event::PasskeyChanged(it) = it.event else { return None };
            Some((it.change, it.by.to_string(), it.credential))
        })
        .collect();
    let entry = |change| (change, RILEY.to_owned(), text(&device.id));
    assert_eq!(changes, [entry(PasskeyChange::Added), entry(PasskeyChange::Removed)]);
}

#[tokio::test]
async fn what_was_begun_is_for_its_session_its_thing_and_five_minutes() {
    let mut world = World::new().await;
    let (riley, amir) = (Person::new(&world, RILEY).await, Person::new(&world, AMIR).await);
    let again = Person::new(&world, RILEY).await;
    world.move_to(URL);
    let (mut device, mut other) = (Device::new(1), Device::new(2));
    assert_eq!(riley.add(&world, &mut device, "One").await.status, StatusCode::SEE_OTHER);
    assert_eq!(amir.add(&world, &mut other, "Two").await.status, StatusCode::SEE_OTHER);

    // Another person's passkey, another person's question, another browser of the same person.
    let begun = riley.begin_trial(&world).await;
    refused(&riley.trial(&world, &other.get(&begun)).await, "passkey_unknown");
    let begun = riley.begin_trial(&world).await;
    refused(&amir.trial(&world, &other.get(&begun)).await, "passkey_not_begun");
    refused(&again.trial(&world, &device.get(&begun)).await, "passkey_not_begun");
    // A registration as a signature, and what was asked for something else.
    let begun = riley.begin(&world).await.json();
    refused(&riley.trial(&world, &device.get(&begun)).await, "passkey_not_begun");
    for wanted in [
        json!({"kind": "trial", "digest": "0".repeat(64)}),
        json!({"kind": "approval", "digest": "0".repeat(64)}),
    ] {
        let begun = riley.ask(&world, "/api/v1/me/signatures/options", wanted).await.json();
        refused(&riley.trial(&world, &device.get(&begun)).await, "passkey_not_begun");
    }
    let wanted = json!({"kind": "registration", "digest": "0".repeat(64)});
    let answer = riley.ask(&world, "/api/v1/me/signatures/options", wanted).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    // A counter that did not go up.
    let begun = riley.begin_trial(&world).await;
    device.counter = 0;
    refused(&riley.trial(&world, &device.get(&begun)).await, "passkey_counter_back");
    device.counter = 50;
    // Somebody says whose it is, and is wrong.
    let begun = riley.begin_trial(&world).await;
    let mut brought: Value = serde_json::from_str(&device.get(&begun)).unwrap();
    brought["answer"]["user_handle"] = json!(text(&[7; 32]));
    refused(&riley.trial(&world, &brought.to_string()).await, "passkey_user_mismatch");
    // One passkey is one person's.
    let answer = amir.add(&world, &mut device, "Mine").await;
    refused(&answer, "passkey_known");
    let begun = riley.begin_trial(&world).await;
    world.pass(Span::from_seconds(300));
    refused(&riley.trial(&world, &device.get(&begun)).await, "passkey_expired");
}

#[tokio::test]
async fn what_is_no_answer_is_refused() {
    let mut world = World::new().await;
    let riley = Person::new(&world, RILEY).await;
    world.move_to(URL);
    let mut device = Device::new(1);
    assert_eq!(riley.add(&world, &mut device, "One").await.status, StatusCode::SEE_OTHER);
    refused(&riley.trial(&world, "").await, "passkey_needs_scripts");
    let begun = riley.begin_trial(&world).await;
    let good = device.get(&begun);
    for odd in [
        "{}".to_owned(),
        "[]".to_owned(),
        good.replacen('{', "{\"state\":\"x\",", 1),
        good.replacen("\"id\"", "\"more\":1,\"id\"", 1),
        good.replacen("\"signature\":\"", "\"signature\":\"=", 1),
    ] {
        refused(&riley.trial(&world, &odd).await, "passkey_answer_malformed");
    }
    assert_eq!(riley.trial(&world, &good).await.status, StatusCode::SEE_OTHER);
    let without_token = riley
        .browser(&world)
        .send(Request::post("/api/v1/me/passkeys/options"), String::new())
        .await;
    refused(&without_token, "cross_site");
}

#[tokio::test]
async fn a_passkey_is_added_within_five_minutes_of_signing_in_by_a_person_in_a_browser() {
    let mut world = World::new().await;
    let (riley, ada) = (Person::new(&world, RILEY).await, Person::new(&world, ADA).await);
    let nameless = riley.begin(&world).await;
    assert_eq!(nameless.json()["code"], "passkeys_need_a_name");
    let page = riley.browser(&world).get(HERE).await.text();
    assert!(page.contains("Passkeys need a host name") && !page.contains("data-passkey"), "{page}");
    world.move_to(URL);
    assert_eq!(ada.begin(&world).await.status, StatusCode::FORBIDDEN, "an auditor");
    let program = world.api("POST", "/api/v1/me/passkeys/options", RILEY, "{}").await;
    assert_eq!(program.json()["code"], "passkey_needs_browser");
    let mut device = Device::new(1);
    let begun = riley.begin(&world).await.json();
    world.pass(Span::from_seconds(301));
    assert_eq!(riley.begin(&world).await.json()["code"], "sign_in_too_old");
    let brought = device.create(&begun);
    let late = riley.send(&world, HERE, &[("name", "One"), ("passkey", &brought)]).await;
    refused(&late, "sign_in_too_old");
    let page = riley.browser(&world).get(HERE).await.text();
    assert!(page.contains("Sign in again, and come back here") && !page.contains("data-passkey"));
}

#[tokio::test]
async fn r16_a_passkey_signs_for_the_decisions_of_one_campaign() {
    let mut world = World::new().await;
    let (id, grants) = review(&world).await;
    let (other, more) = review(&world).await;
    let all: Vec<_> = grants.iter().chain(&more).collect();
    for (campaign, asked) in [(id, grants.iter().collect::<Vec<_>>()), (other, all)] {
        for grant in asked {
            let answer = serde_json::from_value(json!({
                "grant": grant.id, "version": grant.version, "verdict": "certify",
                "reason": "needed",
            }));
            let (by, answer) = (world.actor(OLIVIA), vec![answer.unwrap()]);
            let mut answered = world.governance.answer_items(&by, campaign, answer).await.unwrap();
            answered.remove(0).result.unwrap();
        }
    }
    let olivia = Person::new(&world, OLIVIA).await;
    world.move_to(URL);
    let place = format!("/console/reviews/{id}/sign-off");
    let page = olivia.browser(&world).get(&place).await.text();
    assert!(!page.contains("data-passkey"), "she has no passkey: {page}");
    let mut device = Device::new(1);
    assert_eq!(olivia.add(&world, &mut device, "One").await.status, StatusCode::SEE_OTHER);
    // Too long after her sign-in.
    world.pass(Span::from_seconds(301));
    let page = olivia.browser(&world).get(&place).await.text();
    assert!(page.contains("Sign in again, and come back here"), "the other way stays: {page}");
    let said = |name: &str| page.split(name).nth(1).unwrap().split('"').next().unwrap().to_owned();
    let (thing, digest) = (said("data-digest=\""), said("name=\"digest\" value=\""));
    let begin = async |digest: &str| {
        let wanted = json!({"kind": "review_sign_off", "digest": digest});
        let begun = olivia.ask(&world, "/api/v1/me/signatures/options", wanted).await;
        assert_eq!(begun.status, StatusCode::OK, "{}", begun.text());
        begun.json()
    };
    let send = async |campaign: CampaignId, covers: &str, digest: &str, brought: &str| {
        let fields =
            [("covers", covers), ("digest", digest), ("by", "passkey"), ("passkey", brought)];
        let path = format!("/console/reviews/{campaign}/sign-off");
        olivia.send(&world, &path, &fields).await
    };
    // The page of the other campaign is of other decisions, and what it asks for signs no other.
    let elsewhere = format!("/console/reviews/{other}/sign-off");
    let theirs = olivia.browser(&world).get(&elsewhere).await.text();
    let theirs_of = |name: &str| theirs.split(name).nth(1).unwrap().split('"').next().unwrap();
    let other_thing = theirs_of("data-digest=\"");
    assert_ne!(other_thing, thing);
    let brought = device.get(&begin(other_thing).await);
    refused(&send(id, "own", &digest, &brought).await, "passkey_not_begun");
    let begun = begin(&thing).await;
    let brought = device.get(&begun);
    let other_digest = theirs_of("name=\"digest\" value=\"");
    refused(&send(other, "own", other_digest, &brought).await, "passkey_not_begun");
    refused(&send(id, "own", other_digest, &brought).await, "other_decisions");
    refused(&send(id, "own", &digest, "").await, "passkey_needs_scripts");
    // A challenge of another thing in the state's place: the passkey signed something else.
    let mut moved: Value = serde_json::from_str(&brought).unwrap();
    moved["state"] = begin(&thing).await["state"].clone();
    refused(&send(id, "own", &digest, &moved.to_string()).await, "passkey_challenge_mismatch");
    let shown = world.governance.campaign(&world.actor(OLIVIA), id).await.unwrap().campaign;
    assert!(shown.sign_offs.is_empty());
    let signed = send(id, "own", &digest, &brought).await;
    assert_eq!(
        signed.location(),
        format!("/console/reviews/{id}?said=signed"),
        "{}",
        signed.text()
    );
    refused(&send(id, "own", &digest, &brought).await, "passkey_replayed");
    let shown = world.governance.campaign(&world.actor(OLIVIA), id).await.unwrap().campaign;
    let SignOffProof::Passkey { passkey } = &shown.sign_offs[0].proof else {
        panic!("by a passkey");
    };
    assert_eq!((shown.sign_offs.len(), passkey.origin.as_str()), (1, URL));
    let thing: Digest = thing.parse().unwrap();
    verify_signed(passkey, SignedKind::ReviewSignOff, &thing).unwrap();
}
