//! SAML assertions as subject tokens: from an application's assertion about its user and an agent's own
//! token to one token, once.

use super::{ACCESS_TOKEN, AGENT, FUNCTION, SPONSOR, asked, call_at, claims, error, post_to};
use crate::{
    lab::{Answer, Lab, once},
    rig::gateway_with_saml,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use countersign_gateway::Gateway;
use countersign_identity::{
    Http, SamlAnswer, SamlConfig, SamlRequest, SamlSignIn, SamlSurroundings, UseOnce, UseOnceFailed,
};
use countersign_model::{
    Entropy, Span, Subject,
    record::{TokenAnswer, TokenAsked, TokenGrant},
};
use http::StatusCode;
use idp::{Draft, Idp, Keys};
use serde_json::{Value, json};
use std::{fs, net::SocketAddr};

/// The provider of identity's own tests.
#[expect(dead_code, reason = "what its own tests need beyond this")]
#[path = "../../../../countersign-identity/tests/it/saml/idp.rs"]
mod idp;

const NOW: i64 = 0;
const ENTITY: &str = "https://idp.example/metadata";
const AUDIENCE: &str = "http://gateway.test/console/saml/corp/metadata";
const RECIPIENT: &str = "http://gateway.test/console/saml/corp/response";
const ENDPOINT: &str = "http://gateway.test/oauth/token";
const SAML2: &str = "urn:ietf:params:oauth:token-type:saml2";
const ALICE: &str = "corp:alice@example.com";

/// Two gateways of one installation that take the provider's assertions.
struct Stage {
    lab: Lab,
    sign_in: SamlSignIn,
    idp: Idp,
    one: (Gateway, SocketAddr),
    other: (Gateway, SocketAddr),
}

impl Stage {
    async fn new(changes: Value) -> Self {
        let lab = Lab::new().await;
        let register = || once(&lab.governance);
        Self::on(&lab, changes, register).await.with(lab)
    }

    async fn on(lab: &Lab, changes: Value, register: impl Fn() -> UseOnce) -> Made {
        let keys = Keys::shared();
        let idp = Idp::new(&keys.provider);
        let place = |name: &str| lab.world.directory.path().join(name);
        fs::write(place("saml.key"), &keys.own.pem).unwrap();
        fs::write(place("saml.crt"), &keys.own.certificate_pem).unwrap();
        fs::write(place("idp.xml"), idp.metadata("")).unwrap();
        let mut config = json!({
            "name": "corp", "entity_id": ENTITY, "metadata": {"file": place("idp.xml")},
            "key": {"file": place("saml.key")}, "certificate": place("saml.crt"),
            "attributes": {"subject_prefix": "corp:"},
            "exchange": {"scopes": ["billing.read", "openid"]},
        });
        for (key, value) in changes.as_object().unwrap() {
            config[key] = value.clone();
        }
        let config: SamlConfig = serde_json::from_value(config).unwrap();
        let surroundings =
            SamlSurroundings { providers: &[], issuers: &[], public_url: "http://gateway.test" };
        let clock = lab.governance.clock().clone();
        let sign_in = SamlSignIn::new(config, surroundings, Http::new(), clock, |_| None).unwrap();
        let one = gateway_with_saml(lab, vec![sign_in.clone()], register()).await;
        let other = gateway_with_saml(lab, vec![sign_in.clone()], register()).await;
        Made { sign_in, idp, one, other }
    }

    /// A right assertion of this moment.
    fn draft(&self, id: &str) -> Draft {
        let now = self.lab.world.now().seconds();
        Draft {
            id: id.into(),
            recipient: ENDPOINT.into(),
            answers: String::new(),
            issued: now,
            from: now - 30,
            until: now + 300,
            confirmed_until: now + 300,
            ..Draft::new("_elsewhere")
        }
    }

    fn signed(&self, draft: &Draft) -> String {
        URL_SAFE_NO_PAD.encode(self.idp.sign(&draft.assertion()))
    }

    async fn show(&self, assertion: &str, actor: &str) -> Answer {
        self.show_at(self.one.1, assertion, actor, &[]).await
    }

    async fn show_at(
        &self,
        address: SocketAddr,
        assertion: &str,
        actor: &str,
        more: &[(&str, &str)],
    ) -> Answer {
        let mut fields = super::exchanging(assertion, actor);
        fields.retain(|(name, _)| *name != "subject_token_type");
        fields.push(("subject_token_type", SAML2));
        fields.extend(more);
        post_to(&self.lab, address, &fields).await
    }

    fn agent(&self) -> String {
        self.lab.world.token(AGENT)
    }

    /// Signs in at the console with an assertion of this name, and gives its subject, or why not.
    async fn sign_in(&self, id: &str) -> String {
        let entropy = Entropy::new(|bytes| aws_lc_rs::rand::fill(bytes).unwrap());
        let (request, pending) = self.sign_in.begin(&entropy).await.unwrap();
        let SamlRequest::Address(url) = request else { panic!("a form") };
        let request = idp::request_of(&url::Url::parse(&url).unwrap());
        let request = request.split(" ID=\"").nth(1).unwrap().split('"').next().unwrap();
        let answers = Draft::new(request).answers;
        let draft = self.draft(id);
        let draft = Draft {
            recipient: RECIPIENT.into(),
            response_answers: answers.clone(),
            answers,
            ..draft
        };
        let form = idp::form(draft.signed(&self.idp).as_bytes());
        let answer = SamlAnswer::from_form(form.as_bytes()).unwrap();
        let register = once(&self.lab.governance);
        match self.sign_in.finish(Some(&pending), &answer, &register).await {
            Ok(signed_in) => signed_in.caller.subject.as_str().to_owned(),
            Err(refused) => refused.code().to_owned(),
        }
    }
}

/// A stage without its lab.
struct Made {
    sign_in: SamlSignIn,
    idp: Idp,
    one: (Gateway, SocketAddr),
    other: (Gateway, SocketAddr),
}

impl Made {
    fn with(self, lab: Lab) -> Stage {
        let Self { sign_in, idp, one, other } = self;
        Stage { lab, sign_in, idp, one, other }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_assertion_gives_an_agent_a_token_for_its_user() {
    let stage = Stage::new(json!({})).await;
    let Stage { lab, one: (_, address), .. } = &stage;
    let assertion = stage.signed(&stage.draft("_a1"));
    let answer = stage.show(&assertion, &stage.agent()).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    let document = answer.json();
    assert_eq!(document["issued_token_type"], ACCESS_TOKEN);
    // What both have: the assertion stands for `openid` too, the agent's token has more of others.
    assert_eq!(
        (&document["scope"], &document["expires_in"]),
        (&json!("billing.read"), &json!(300))
    );
    let token = document["access_token"].as_str().unwrap();
    let said = claims(token);
    assert_eq!((&said["sub"], &said["act"]), (&json!(ALICE), &json!({"sub": AGENT})));
    assert_eq!(said["groups"], json!(["corp:ops", "corp:staff"]));

    // The right is what both have, as with any two tokens.
    let blocked = (StatusCode::FORBIDDEN, "no_grant".to_owned());
    assert_eq!(call_at(lab, *address, token).await, blocked, "neither");
    lab.grant(ALICE, &[FUNCTION]).await;
    assert_eq!(call_at(lab, *address, token).await, blocked, "the user alone");
    lab.grant(AGENT, &[FUNCTION]).await;
    assert_eq!(call_at(lab, *address, token).await.0, StatusCode::OK, "both");

    let [event]: [TokenAsked; 1] = asked(lab).try_into().unwrap();
    assert_eq!(event.how, TokenGrant::TokenExchange);
    let subject = event.subject.unwrap();
    assert_eq!((subject.who.subject.as_str(), &*subject.who.issuer), (ALICE, "corp"));
    assert_eq!(subject.token, countersign_model::Digest::of(assertion.as_bytes()));
    let TokenAnswer::Issued { issued, .. } = event.answer else { panic!("refused") };
    assert_eq!(issued.who.actors, [Subject::from(AGENT)]);
    let xml = stage.idp.sign(&stage.draft("_a1").assertion());
    let value = xml.split("<ds:SignatureValue>").nth(1).unwrap().split('<').next().unwrap();
    let kept = [format!(".{assertion}"), format!(".{value}")];
    super::written_nowhere(lab.world.directory.path(), &kept.each_ref().map(String::as_str));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_assertion_counts_once_here_there_and_at_the_console() {
    let stage = Stage::new(json!({})).await;
    let agent = stage.agent();
    let replayed = (400, "invalid_request".to_owned(), "assertion_replayed".to_owned());
    let first = stage.signed(&stage.draft("_first"));
    // Who may not act can't use it up.
    let person = stage.lab.world.token(SPONSOR);
    assert_eq!(error(&stage.show(&first, &person).await).2, "actor_is_a_person");
    let more = [("scope", "billing.write")];
    let answer = stage.show_at(stage.one.1, &first, &agent, &more).await;
    assert_eq!(error(&answer).2, "scope_exceeded");
    assert_eq!(stage.show(&first, &agent).await.status, StatusCode::OK);
    assert_eq!(error(&stage.show(&first, &agent).await), replayed);
    let answer = stage.show_at(stage.other.1, &first, &agent, &[]).await;
    assert_eq!(error(&answer), replayed, "at another gateway");
    // The same name in other words is the same assertion.
    let again =
        stage.signed(&Draft { session: " SessionIndex=\"s2\"".into(), ..stage.draft("_first") });
    assert_eq!(error(&stage.show(&again, &agent).await), replayed);
    assert_eq!(stage.sign_in("_first").await, "assertion_replayed", "as a sign-in");

    assert_eq!(stage.sign_in("_second").await, ALICE);
    let second = stage.signed(&stage.draft("_second"));
    assert_eq!(error(&stage.show(&second, &agent).await), replayed, "after a sign-in");

    let third = stage.signed(&stage.draft("_third"));
    let (one, two) = tokio::join!(
        stage.show_at(stage.one.1, &third, &agent, &[]),
        stage.show_at(stage.other.1, &third, &agent, &[])
    );
    let fine = [one, two].iter().filter(|it| it.status == StatusCode::OK).count();
    assert_eq!(fine, 1, "of two at once, one");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn assertions_for_others_give_no_token_and_the_ledger_says_so() {
    let stage = Stage::new(json!({})).await;
    let agent = stage.agent();
    let attacker = Idp::new(&Keys::shared().attacker);
    let draft = || stage.draft("_a1");
    let sign = |draft: Draft| stage.signed(&draft);
    let text = |xml: String| URL_SAFE_NO_PAD.encode(xml);
    let now = stage.lab.world.now().seconds();
    let rows = [
        (
            "for a sign-in",
            sign(Draft { recipient: RECIPIENT.into(), ..draft() }),
            "recipient_mismatch",
        ),
        (
            "for another service",
            sign(Draft { conditions: idp::audience("urn:other"), ..draft() }),
            "audience_mismatch",
        ),
        ("ended", sign(Draft { until: now - 61, ..draft() }), "assertion_expired"),
        ("of tomorrow", sign(Draft { from: now + 86_400, ..draft() }), "assertion_not_yet_valid"),
        ("unsigned", text(draft().assertion()), "signature_missing"),
        ("a response", text(draft().signed(&stage.idp)), "assertion_malformed"),
        ("of another", text(attacker.sign(&draft().assertion())), "signature_invalid"),
        ("from elsewhere", sign(Draft { issuer: "urn:evil".into(), ..draft() }), "issuer_mismatch"),
        ("a JWT", stage.lab.world.token(SPONSOR), "assertion_malformed"),
    ];
    let count = rows.len();
    for (name, assertion, code) in rows {
        let answer = stage.show(&assertion, &agent).await;
        assert_eq!(error(&answer), (400, "invalid_request".into(), code.into()), "{name}");
        let TokenAnswer::Refused { reason } = asked(&stage.lab).pop().unwrap().answer else {
            panic!("{name}")
        };
        assert_eq!(reason, code);
    }
    assert_eq!(asked(&stage.lab).len(), count);
    // It proves no actor, and opens nothing itself.
    let right = sign(draft());
    let fields = [
        ("grant_type", super::EXCHANGE),
        ("subject_token", &right),
        ("subject_token_type", SAML2),
        ("actor_token", &right),
        ("actor_token_type", SAML2),
    ];
    let answer = post_to(&stage.lab, stage.one.1, &fields).await;
    assert_eq!(error(&answer).2, "token_type_not_offered");
    let answer = stage.show(&right, &right).await;
    assert_eq!(error(&answer).2, "token_malformed");
    assert_eq!(call_at(&stage.lab, stage.one.1, &right).await.0, StatusCode::UNAUTHORIZED);
    // Nothing of it was used up.
    assert_eq!(stage.show(&right, &agent).await.status, StatusCode::OK);

    // Who is suspended, or whose session ended, gets none, however fresh the assertion.
    let administrator = stage.lab.actor(super::ADMINISTRATOR);
    let alice = Subject::from(ALICE);
    stage.lab.governance.suspend(&administrator, &alice, "left").await.unwrap();
    let answer = stage.show(&sign(stage.draft("_a2")), &agent).await;
    assert_eq!(error(&answer), (400, "invalid_request".into(), "subject_suspended".into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_of_an_assertion_ends_with_it_and_with_its_session() {
    let stage = Stage::new(json!({})).await;
    let Stage { lab, one: (_, address), .. } = &stage;
    lab.grant(ALICE, &[FUNCTION]).await;
    lab.grant(AGENT, &[FUNCTION]).await;
    let now = lab.world.now().seconds();
    let session = format!(" SessionIndex=\"s1\" SessionNotOnOrAfter=\"{}\"", idp::time(now + 100));
    let assertion = stage.signed(&Draft { session, ..stage.draft("_a1") });
    let answer = stage.show(&assertion, &stage.agent()).await.json();
    let left = answer["expires_in"].as_i64().unwrap();
    assert!((95..=100).contains(&left), "{left}");
    let token = answer["access_token"].as_str().unwrap();
    assert_eq!(call_at(lab, *address, token).await.0, StatusCode::OK);
    lab.world.pass(Span::from_seconds(140));
    assert_eq!(call_at(lab, *address, token).await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_leave_or_register_there_is_no_token() {
    let stage = Stage::new(json!({"exchange": null})).await;
    let answer = stage.show(&stage.signed(&stage.draft("_a1")), &stage.agent()).await;
    let expect = (400, "invalid_request".to_owned(), "exchange_not_allowed".to_owned());
    assert_eq!(error(&answer), expect);

    let lab = Lab::new().await;
    let broken = || UseOnce::new(|_, _| async { Err(UseOnceFailed("it is gone".into())) });
    let stage = Stage::on(&lab, json!({}), broken).await.with(lab);
    let answer = stage.show(&stage.signed(&stage.draft("_a1")), &stage.agent()).await;
    let expect = (503, "temporarily_unavailable".to_owned(), "register_unavailable".to_owned());
    assert_eq!(error(&answer), expect);
    assert_eq!(answer.headers["retry-after"], "5");
    let issued =
        asked(&stage.lab).into_iter().any(|it| matches!(it.answer, TokenAnswer::Issued { .. }));
    assert!(!issued);
}
