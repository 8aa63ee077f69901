//! A person signs in at the console: every answer of the provider that must not be believed.

use crate::issuer::{Key, NOW, Op, TestClock, encode, merged};
use aws_lc_rs::digest;
use countersign_identity::{Callback, Hidden, Pending, SignIn, SignedIn, SigninRefused};
use countersign_model::Entropy;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU8, Ordering},
};

pub(crate) fn entropy() -> Entropy {
    static COUNTER: AtomicU8 = AtomicU8::new(0);
    Entropy::new(|bytes| bytes.fill(COUNTER.fetch_add(1, Ordering::SeqCst)))
}

pub(crate) struct Stage {
    pub(crate) op: Op,
    pub(crate) key: Key,
    pub(crate) clock: TestClock,
    pub(crate) sign_in: SignIn,
}

pub(crate) struct Begun {
    pending: Pending,
    pub(crate) query: BTreeMap<String, String>,
}

impl Stage {
    pub(crate) async fn new(changes: Value) -> Self {
        let (key, clock) = (Key::ec("ec"), TestClock::new());
        let op = Op::start(&[&key]).await;
        let base = json!({"sign_in": {"client_id": "web", "client_secret": {"env": "SECRET"}}});
        let verifier = op.verifier(&merged(base, &changes), &clock);
        let sign_in = SignIn::new(&verifier, "acme", |_| Some("s3:cr&t".into())).unwrap();
        Self { op, key, clock, sign_in }
    }

    pub(crate) async fn begin(&self) -> Begun {
        let (url, pending) =
            self.sign_in.begin("https://console.example/back", &entropy()).await.unwrap();
        let url = url::Url::parse(&url).unwrap();
        Begun { pending, query: url.query_pairs().into_owned().collect() }
    }

    pub(crate) fn claims(&self, begun: &Begun) -> Value {
        json!({
            "iss": self.op.url, "sub": "riley", "aud": "web", "exp": NOW + 300, "iat": NOW,
            "nonce": begun.query["nonce"], "sid": "s1", "email": "riley@acme.example",
            "groups": ["ops"], "name": "Riley",
        })
    }

    pub(crate) fn id_token(&self, header: &Value, claims: &Value) -> String {
        let base = json!({"alg": "ES256", "kid": "ec", "typ": "JWT"});
        let header = merged(base, header).to_string();
        self.key.token_of(header.as_bytes(), claims.to_string().as_bytes())
    }

    pub(crate) fn answer(&self, id_token: &str) {
        let body = json!({
            "access_token": "acc355", "token_type": "Bearer", "expires_in": 60, "id_token": id_token,
        });
        self.op.state.answers.lock().unwrap().push_back((200, body));
    }

    pub(crate) async fn finish(
        &self,
        begun: Begun,
        query: &str,
    ) -> Result<SignedIn, SigninRefused> {
        let query = query.replace("STATE", &begun.query["state"]);
        self.sign_in.finish(begun.pending, &Callback::from_query(&query)?).await
    }

    /// A whole sign-in with a changed ID token: "signed in", or the refusal's code.
    pub(crate) async fn outcome(&self, header: Value, claims: Value) -> &'static str {
        let begun = self.begin().await;
        let token = self.id_token(&header, &merged(self.claims(&begun), &claims));
        self.answer(&token);
        match self.finish(begun, "code=c&state=STATE").await {
            Ok(_) => "signed in",
            Err(refused) => refused.code(),
        }
    }
}

#[tokio::test]
async fn signs_a_person_in() {
    let stage = Stage::new(json!({})).await;
    let begun = stage.begin().await;
    assert_eq!(begun.query["client_id"], "web");
    assert_eq!(begun.query["response_type"], "code");
    let (challenge, claims) = (begun.query["code_challenge"].clone(), stage.claims(&begun));
    stage.answer(&stage.id_token(&json!({}), &claims));
    let signed_in = stage.finish(begun, "code=c0&state=STATE").await.unwrap();
    assert_eq!(signed_in.caller.subject.as_str(), "riley");
    assert_eq!(signed_in.caller.groups.len(), 1);
    assert_eq!(signed_in.issuer_session.as_deref(), Some("s1"));
    assert_eq!(signed_in.expires_at.seconds(), NOW + 300);

    let form = stage.op.state.forms.lock().unwrap()[0].clone();
    assert_eq!(form["grant_type"], "authorization_code");
    assert_eq!(
        (form["code"].as_str(), form["redirect_uri"].as_str()),
        ("c0", "https://console.example/back")
    );
    let verifier = digest::digest(&digest::SHA256, form["code_verifier"].as_bytes());
    assert_eq!(encode(verifier), challenge);
    // `web:s3%3Acr%26t`, each part form-encoded before it is joined.
    assert_eq!(form["authorization"], "Basic d2ViOnMzJTNBY3IlMjZ0");
    assert!(!form.contains_key("client_secret"));

    let back = "https://console.example/";
    let url = stage.sign_in.end_session_url(&signed_in.kept.id_token, back, "s1&2").await;
    let url = url.unwrap().unwrap();
    assert!(url.starts_with(&format!("{}/end?id_token_hint=", stage.op.url)), "{url}");
    assert!(url.ends_with("&state=s1%262") && url.contains("client_id=web"), "{url}");
    // A hint that no address can carry is left out.
    let long = Hidden::new("x".repeat(5_000));
    let url = stage.sign_in.end_session_url(&long, back, "s1").await.unwrap().unwrap();
    assert!(!url.contains("id_token_hint") && url.contains("client_id=web"), "{url}");
}

#[tokio::test]
async fn a_sign_in_is_explained_claim_by_claim_and_tells_no_secret() {
    let stage = Stage::new(json!({"claims": {"subject_prefix": "acme:"}})).await;
    let begun = stage.begin().await;
    let nonce = begun.query["nonce"].clone();
    let claims = merged(stage.claims(&begun), &json!({"locale": "a-secret", "email": null}));
    let token = stage.id_token(&json!({}), &claims);
    stage.answer(&token);
    let told = json!({"sub": "riley", "email": "riley@acme.example", "zoneinfo": "a-secret"});
    *stage.op.state.userinfo.lock().unwrap() = (200, told);
    let notes = stage.finish(begun, "code=c0&state=STATE").await.unwrap().notes;
    let lines: Vec<String> = notes
        .steps
        .iter()
        .map(|it| format!("{} {} {}", it.check, it.claims.join(","), it.found))
        .collect();
    let url = &stage.op.url;
    let expect = [
        "form  a signed JWT of 10 claims".to_owned(),
        format!("issuer iss {url:?}"),
        "algorithm header.alg ES256".to_owned(),
        "type header.typ \"jwt\"".to_owned(),
        "audience aud,azp \"web\"".to_owned(),
        "times exp,nbf,iat from 2027-01-15T08:00:00.000Z until 2027-01-15T08:05:00.000Z".to_owned(),
        "signature header.kid \"ec\"".to_owned(),
        "session sid named".to_owned(),
        "nonce nonce of the sign-in that this browser began".to_owned(),
        "user info  2 claims more".to_owned(),
        "subject sub \"riley\"".to_owned(),
        "kind  neither an agent nor a service".to_owned(),
        "groups groups \"ops\"".to_owned(),
        "scopes scope,scp none".to_owned(),
        "client client_id,azp none".to_owned(),
        "name name \"Riley\"".to_owned(),
        "email email \"riley@acme.example\"".to_owned(),
    ];
    assert_eq!(lines, expect);
    assert_eq!(notes.unread, ["locale", "zoneinfo"]);
    let text = serde_json::to_string(&notes).unwrap();
    for secret in
        [nonce.as_str(), "a-secret", "s3:cr", "acc355"].into_iter().chain(token.split('.'))
    {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
}

#[tokio::test]
async fn believes_no_id_token_that_is_not_for_this_sign_in() {
    let stage = Stage::new(json!({})).await;
    let check = async |name: &str, claims: Value, expect: &str| {
        assert_eq!(stage.outcome(json!({}), claims).await, expect, "{name}");
    };
    check("good", json!({}), "signed in").await;
    check("issuer", json!({"iss": "https://evil.example"}), "issuer_unknown").await;
    check("audience", json!({"aud": "other"}), "audience_mismatch").await;
    check("no audience", json!({"aud": null}), "audience_mismatch").await;
    check("audiences", json!({"aud": ["web", "other"]}), "audience_mismatch").await;
    check("azp", json!({"aud": ["web", "other"], "azp": "web"}), "signed in").await;
    check("azp other", json!({"azp": "other"}), "audience_mismatch").await;
    check("nonce", json!({"nonce": "other"}), "nonce_mismatch").await;
    check("no nonce", json!({"nonce": null}), "nonce_mismatch").await;
    check("expired", json!({"exp": NOW - 61}), "token_expired").await;
    check("no exp", json!({"exp": null}), "expiry_missing").await;
    check("future", json!({"iat": NOW + 61}), "token_not_yet_valid").await;
    check("no iat", json!({"iat": null}), "claim_invalid").await;
    check("no subject", json!({"sub": null}), "subject_missing").await;
    check("at_hash", json!({"at_hash": "x"}), "access_token_mismatch").await;
    let hash = digest::digest(&digest::SHA256, b"acc355");
    check("right at_hash", json!({"at_hash": encode(&hash.as_ref()[..16])}), "signed in").await;

    let typed = stage.outcome(json!({"typ": "at+jwt"}), json!({})).await;
    assert_eq!(typed, "token_type_not_accepted");
    let unknown = stage.outcome(json!({"kid": "other"}), json!({})).await;
    assert_eq!(unknown, "key_unknown");

    let begun = stage.begin().await;
    let forged = Key::ec("ec")
        .token_of(br#"{"alg":"ES256","kid":"ec"}"#, stage.claims(&begun).to_string().as_bytes());
    stage.answer(&forged);
    let refused = stage.finish(begun, "code=c&state=STATE").await.unwrap_err();
    assert_eq!(refused.code(), "signature_invalid");
}

#[tokio::test]
async fn believes_no_answer_that_is_not_for_this_sign_in() {
    let stage = Stage::new(json!({})).await;
    *stage.op.state.discovery.lock().unwrap() =
        json!({"authorization_response_iss_parameter_supported": true});
    let iss = stage.op.url.replace(':', "%3A").replace('/', "%2F");
    let check = async |query: &str, expect: &str| {
        let refused = stage.finish(stage.begin().await, query).await.unwrap_err();
        assert_eq!(refused.code(), expect, "{query}");
    };
    check("code=c&state=STATE", "issuer_mismatch").await;
    check("code=c&state=STATE&iss=x", "issuer_mismatch").await;
    check(&format!("code=c&state=other&iss={iss}"), "state_mismatch").await;
    check(&format!("code=c&code=d&state=STATE&iss={iss}"), "callback_malformed").await;
    check(&format!("state=STATE&iss={iss}"), "code_missing").await;
    check(&format!("error=access_denied&state=STATE&iss={iss}"), "denied_by_issuer").await;

    let late = stage.begin().await;
    stage.clock.advance(600);
    let refused = stage.finish(late, &format!("code=c&state=STATE&iss={iss}")).await.unwrap_err();
    assert_eq!(refused.code(), "sign_in_expired");
    assert!(stage.op.state.forms.lock().unwrap().is_empty(), "no code was sent on");
}

#[tokio::test]
async fn refuses_a_token_endpoint_that_makes_no_sense() {
    let stage = Stage::new(json!({})).await;
    let check = async |status: u16, body: Value, expect: &str| {
        let begun = stage.begin().await;
        stage.op.state.answers.lock().unwrap().push_back((status, body.clone()));
        let refused = stage.finish(begun, "code=c&state=STATE").await.unwrap_err();
        assert_eq!(refused.code(), expect, "{body}");
    };
    check(400, json!({"error": "invalid_grant"}), "code_not_exchanged").await;
    check(200, json!({"error": "invalid_grant"}), "code_not_exchanged").await;
    check(500, json!([]), "code_not_exchanged").await;
    let no_id = json!({"access_token": "a", "token_type": "Bearer"});
    check(200, no_id, "id_token_missing").await;
    let bound = json!({"access_token": "a", "token_type": "DPoP", "id_token": "x"});
    check(200, bound, "code_not_exchanged").await;
}

#[tokio::test]
async fn asks_for_user_info_and_believes_it_only_about_the_same_person() {
    let stage = Stage::new(json!({})).await;
    let bare = json!({"groups": null, "email": null});
    let tell = |status: u16, body: Value| *stage.op.state.userinfo.lock().unwrap() = (status, body);

    tell(
        200,
        json!({"sub": "riley", "groups": ["dev"], "email": "r@x", "act": {"sub": "x"}, "name": "No"}),
    );
    let begun = stage.begin().await;
    stage.answer(&stage.id_token(&json!({}), &merged(stage.claims(&begun), &bare)));
    let caller = stage.finish(begun, "code=c&state=STATE").await.unwrap().caller;
    assert_eq!(caller.groups.iter().map(|it| it.as_str()).collect::<Vec<_>>(), ["dev"]);
    assert_eq!((caller.email.as_deref(), caller.name.as_deref()), (Some("r@x"), Some("Riley")));
    assert!(caller.actors.is_empty(), "user info is not signed: it names no actors");

    tell(200, json!({"sub": "root", "groups": ["admins"]}));
    assert_eq!(stage.outcome(json!({}), bare.clone()).await, "userinfo_mismatch");
    tell(200, json!({"groups": ["admins"]}));
    assert_eq!(stage.outcome(json!({}), bare.clone()).await, "userinfo_mismatch");
    tell(500, json!({}));
    assert_eq!(stage.outcome(json!({}), bare).await, "userinfo_unreachable");
    // What is in the ID token is not asked for again.
    assert_eq!(stage.outcome(json!({}), json!({})).await, "signed in");
}

#[tokio::test]
async fn only_people_sign_in_and_only_where_it_is_configured() {
    let agents = json!({"claims": {"agent": {"claim": "groups", "values": ["ops"]}}});
    let stage = Stage::new(agents).await;
    assert_eq!(stage.outcome(json!({}), json!({})).await, "not_a_person");
    assert_eq!(stage.outcome(json!({}), json!({"groups": ["dev"]})).await, "signed in");

    let clock = TestClock::new();
    let plain = stage.op.verifier(&json!({}), &clock);
    for issuer in ["acme", "other"] {
        let refused = SignIn::new(&plain, issuer, |_| None).unwrap_err();
        assert_eq!(refused.code(), "sign_in_not_configured");
    }
    let secret = json!({"sign_in": {"client_id": "web", "client_secret": {"env": "SECRET"}}});
    let refused = SignIn::new(&stage.op.verifier(&secret, &clock), "acme", |_| None).unwrap_err();
    assert_eq!(refused.code(), "client_secret_unavailable");

    // What began with one issuer does not end with another.
    let other = json!({"name": "other", "sign_in": {"client_id": "web"}});
    let other = SignIn::new(&stage.op.verifier(&other, &clock), "other", |_| None).unwrap();
    let begun = stage.begin().await;
    let refused = other.finish(begun.pending, &Callback::default()).await.unwrap_err();
    assert_eq!(refused.code(), "issuer_mismatch");
    assert_eq!(format!("{}", Hidden::new("x")), "…");
}
