//! Security events that are pushed: what follows from them, and every push that must not be believed
//! (RFC 8417, SSF 1.0, CAEP 1.0, RISC 1.0).

use crate::{
    issuer::{Key, NOW, Op, TestClock, merged},
    logout::register,
};
use countersign_identity::{
    Act, EventRefused, Http, Receiver, ReceiverFault, TransmitterConfig, Verifier,
};
use countersign_model::{Timestamp, Whose};
use serde_json::{Value, json};
use std::sync::Arc;

const REVOKED: &str = "https://schemas.openid.net/secevent/caep/event-type/session-revoked";
const CHANGED: &str = "https://schemas.openid.net/secevent/caep/event-type/credential-change";
const DISABLED: &str = "https://schemas.openid.net/secevent/risc/event-type/account-disabled";
const VERIFICATION: &str = "https://schemas.openid.net/secevent/ssf/event-type/verification";
const RECEIVER: &str = "https://gateway.example/ssf";

struct Stage {
    /// Issuer of tokens and transmitter of events in one, as with most providers.
    op: Op,
    key: Key,
    receiver: Receiver,
}

impl Stage {
    async fn new(changes: Value) -> Self {
        let (key, clock) = (Key::ec("ec"), TestClock::new());
        let op = Op::start(&[&key]).await;
        let partner = json!({
            "name": "partner", "url": "https://partner.example",
            "claims": {"subject_prefix": "partner:"},
        });
        let mail = json!({
            "name": "mail", "url": "https://mail.example",
            "claims": {"subject": "email", "subject_prefix": "mail:"},
        });
        let issuers = vec![op.config(&json!({})), op.config(&partner), op.config(&mail)];
        let verifier = Verifier::new(issuers, Http::new(), clock.clock()).unwrap();
        let base = json!({
            "name": "okta", "url": op.url, "audience": RECEIVER, "issuers": ["acme", "mail"],
            "jwks_url": format!("{}/keys", op.url),
        });
        let config: TransmitterConfig = serde_json::from_value(merged(base, &changes)).unwrap();
        let secret = |_: &str| Some("Bearer s3cret".to_owned());
        let receiver = Receiver::new(vec![config], &verifier, secret).unwrap();
        Self { op, key, receiver }
    }

    fn token(&self, header: &Value, claims: &Value) -> String {
        let base = json!({
            "iss": self.op.url, "aud": RECEIVER, "iat": NOW - 5, "jti": "j1",
            "sub_id": self.riley(), "events": {REVOKED: {"event_timestamp": NOW - 60}},
        });
        let header = merged(json!({"alg": "ES256", "kid": "ec", "typ": "secevent+jwt"}), header);
        let claims = merged(base, claims);
        self.key.token_of(header.to_string().as_bytes(), claims.to_string().as_bytes())
    }

    fn riley(&self) -> Value {
        json!({"format": "iss_sub", "iss": self.op.url, "sub": "riley"})
    }

    async fn acts(&self, claims: &Value) -> Result<Vec<Act>, EventRefused> {
        let token = self.token(&json!({}), claims);
        Ok(self.receiver.judge(None, &token).await?.acts)
    }
}

fn user() -> Vec<Whose> {
    let (issuer, subject) = ("acme".into(), "riley".into());
    vec![Whose::IssuerSubject { issuer, subject }, Whose::Subject("riley".into())]
}

fn sessions(issuers: &[&str]) -> Vec<Whose> {
    let whose = issuers
        .iter()
        .map(|it| Whose::IssuerSession { issuer: (*it).into(), session: "s1".into() });
    whose.collect()
}

fn moment(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds * 1000)
}

#[tokio::test]
async fn events_end_sessions_and_accounts() {
    let stage = Stage::new(json!({})).await;
    let end = |whose, before, event| Act::EndSessions { whose, before, event };
    let session = json!({"format": "opaque", "id": "s1"});
    let complex = |more: Value| merged(json!({"format": "complex"}), &more);
    let known_as: Option<(Arc<str>, Arc<str>)> = Some(("acme".into(), "riley".into()));
    let suspend =
        |before| Act::Suspend { whose: user(), before, subject: Some("riley".into()), known_as };
    let revoked = |subject: Value| json!({"sub_id": subject});
    let rows = [
        ("a user", json!({}), end(user(), moment(NOW - 59), "session-revoked")),
        (
            "a user, as a complex subject with its tenant",
            revoked(complex(
                json!({"user": stage.riley(), "tenant": {"format": "opaque", "id": "t"}}),
            )),
            end(user(), moment(NOW - 59), "session-revoked"),
        ),
        (
            "one session of a user",
            revoked(complex(json!({"user": stage.riley(), "session": session}))),
            end(sessions(&["acme"]), moment(NOW - 59), "session-revoked"),
        ),
        (
            "one session alone",
            revoked(complex(json!({"session": session}))),
            end(sessions(&["acme", "mail"]), moment(NOW - 59), "session-revoked"),
        ),
        (
            "a user's device: which sessions are its own nobody knows, so all end",
            revoked(complex(
                json!({"user": stage.riley(), "device": {"format": "opaque", "id": "d"}}),
            )),
            end(user(), moment(NOW - 59), "session-revoked"),
        ),
        (
            "no moment: when it was sent",
            json!({"events": {REVOKED: {}}}),
            end(user(), moment(NOW - 4), "session-revoked"),
        ),
        (
            "a moment after it was sent counts as that",
            json!({"events": {REVOKED: {"event_timestamp": NOW + 10_000}}}),
            end(user(), moment(NOW - 4), "session-revoked"),
        ),
        (
            "a moment with parts of a second",
            json!({"events": {REVOKED: {"event_timestamp": 1_799_999_900.25}}}),
            end(user(), moment(1_799_999_901), "session-revoked"),
        ),
        (
            "a credential that changed",
            json!({"events": {CHANGED: {"credential_type": "password", "change_type": "update"}}}),
            end(user(), moment(NOW - 4), "credential-change"),
        ),
        (
            "an account",
            json!({"events": {DISABLED: {"reason": "hijacking"}}}),
            suspend(moment(NOW - 4)),
        ),
        ("a stream that works", json!({"events": {VERIFICATION: {"state": "x"}}}), Act::Verified),
        (
            "an event of another kind, about whomever",
            json!({"events": {"https://other/event": {}}, "sub_id": {"format": "phone_number"}}),
            Act::Ignored("\"https://other/event\"".into()),
        ),
    ];
    for (name, claims, act) in rows {
        assert_eq!(stage.acts(&claims).await.unwrap(), [act], "{name}");
    }
}

/// What makes it none: header and claims beside or instead of a good one's; the code, and RFC 8935's.
/// The tests' clock stands at 1800000000.
const NO_EVENT: &[(&str, &str, &str, &str, &str)] = &[
    ("an access token", r#"{"typ": "at+jwt"}"#, "{}", "token_type_not_accepted", "invalid_request"),
    (
        "a logout token",
        r#"{"typ": "logout+jwt"}"#,
        "{}",
        "token_type_not_accepted",
        "invalid_request",
    ),
    ("no type", r#"{"typ": null}"#, "{}", "token_type_not_accepted", "invalid_request"),
    ("a plain JWT", r#"{"typ": "JWT"}"#, "{}", "token_type_not_accepted", "invalid_request"),
    ("another issuer", "{}", r#"{"iss": "https://evil"}"#, "issuer_unknown", "invalid_issuer"),
    (
        "an issuer that is no transmitter",
        "{}",
        r#"{"iss": "https://partner.example"}"#,
        "issuer_unknown",
        "invalid_issuer",
    ),
    (
        "another receiver",
        "{}",
        r#"{"aud": "https://other"}"#,
        "audience_mismatch",
        "invalid_audience",
    ),
    (
        "the API's audience",
        "{}",
        r#"{"aud": "https://gateway.example"}"#,
        "audience_mismatch",
        "invalid_audience",
    ),
    ("no receiver", "{}", r#"{"aud": null}"#, "audience_mismatch", "invalid_audience"),
    (
        "an end, as tokens have",
        "{}",
        r#"{"exp": 1800000300}"#,
        "claim_not_allowed",
        "invalid_request",
    ),
    (
        "a subject, as tokens have",
        "{}",
        r#"{"sub": "riley"}"#,
        "claim_not_allowed",
        "invalid_request",
    ),
    ("a nonce", "{}", r#"{"nonce": "n"}"#, "claim_not_allowed", "invalid_request"),
    ("stale", "{}", r#"{"iat": 1799913539}"#, "event_too_old", "invalid_request"),
    ("from the future", "{}", r#"{"iat": 1800000090}"#, "token_not_yet_valid", "invalid_request"),
    ("no moment", "{}", r#"{"iat": null}"#, "claim_invalid", "invalid_request"),
    ("a moment that is a text", "{}", r#"{"iat": "1"}"#, "claim_invalid", "invalid_request"),
    ("no name", "{}", r#"{"jti": null}"#, "jti_missing", "invalid_request"),
    ("no events", "{}", r#"{"events": null}"#, "event_malformed", "invalid_request"),
    ("an empty set", "{}", r#"{"events": {}}"#, "event_malformed", "invalid_request"),
    (
        "an event that is no object",
        "{}",
        r#"{"events": {"https://schemas.openid.net/secevent/caep/event-type/session-revoked": 1}}"#,
        "event_malformed",
        "invalid_request",
    ),
    (
        "a moment that is none",
        "{}",
        r#"{"events": {"https://schemas.openid.net/secevent/caep/event-type/session-revoked": {"event_timestamp": "x"}}}"#,
        "event_malformed",
        "invalid_request",
    ),
    ("a shared secret", r#"{"alg": "HS256"}"#, "{}", "algorithm_not_allowed", "invalid_key"),
    ("unsigned", r#"{"alg": "none"}"#, "{}", "algorithm_not_allowed", "invalid_key"),
    ("an unknown key", r#"{"kid": "x"}"#, "{}", "key_unknown", "invalid_key"),
];

#[tokio::test]
async fn believes_no_push_that_is_not_an_event() {
    let stage = Stage::new(json!({})).await;
    for (name, header, claims, code, error) in NO_EVENT {
        let [header, claims] = [header, claims].map(|it| serde_json::from_str(it).unwrap());
        let token = stage.token(&header, &claims);
        let refused = stage.receiver.judge(None, &token).await.unwrap_err();
        assert_eq!((refused.code(), refused.error()), (*code, *error), "{name}");
        assert!(!refused.is_passing(), "{name}");
    }
    let other = Stage { key: Key::ec("ec"), ..Stage::new(json!({})).await };
    let good = stage.token(&json!({}), &json!({}));
    let signature = other.token(&json!({}), &json!({})).rsplit('.').next().unwrap().to_owned();
    let forged = format!("{}.{signature}", good.rsplit_once('.').unwrap().0);
    let refused = stage.receiver.judge(None, &forged).await.unwrap_err();
    assert_eq!((refused.code(), refused.error()), ("signature_invalid", "invalid_key"));
}

/// Subjects that are nobody's, or not this transmitter's to name, and the code.
const NO_SUBJECT: &[(&str, &str, &str)] = &[
    ("nobody", "null", "subject_not_understood"),
    ("a text", r#""riley""#, "subject_not_understood"),
    ("no format", r#"{"iss": "{url}", "sub": "riley"}"#, "subject_not_understood"),
    (
        "a format that is not known",
        r#"{"format": "did", "url": "did:x"}"#,
        "subject_not_understood",
    ),
    ("an opaque user", r#"{"format": "opaque", "id": "riley"}"#, "subject_not_understood"),
    (
        "members of two formats",
        r#"{"format": "iss_sub", "iss": "{url}", "sub": "riley", "email": "x@y"}"#,
        "subject_not_understood",
    ),
    ("no sub", r#"{"format": "iss_sub", "iss": "{url}"}"#, "subject_not_understood"),
    (
        "an empty sub",
        r#"{"format": "iss_sub", "iss": "{url}", "sub": ""}"#,
        "subject_not_understood",
    ),
    (
        "a sub that is a number",
        r#"{"format": "iss_sub", "iss": "{url}", "sub": 7}"#,
        "subject_not_understood",
    ),
    (
        "an issuer with a slash",
        r#"{"format": "iss_sub", "iss": "{url}/", "sub": "riley"}"#,
        "subject_not_accepted",
    ),
    (
        "an issuer of which it may not speak",
        r#"{"format": "iss_sub", "iss": "https://partner.example", "sub": "riley"}"#,
        "subject_not_accepted",
    ),
    (
        "an address, where none is accepted",
        r#"{"format": "email", "email": "riley@acme.example"}"#,
        "subject_not_accepted",
    ),
    ("a complex subject of nobody", r#"{"format": "complex"}"#, "subject_not_understood"),
    (
        "a device alone",
        r#"{"format": "complex", "device": {"format": "opaque", "id": "d"}}"#,
        "subject_not_understood",
    ),
    (
        "a complex subject in one",
        r#"{"format": "complex", "user": {"format": "complex", "user": {"format": "iss_sub", "iss": "{url}", "sub": "riley"}}}"#,
        "subject_not_understood",
    ),
    (
        "a session by another format",
        r#"{"format": "complex", "session": {"format": "iss_sub", "iss": "{url}", "sub": "riley"}}"#,
        "subject_not_understood",
    ),
    (
        "a member that is not known",
        r#"{"format": "complex", "user": {"format": "iss_sub", "iss": "{url}", "sub": "riley"}, "planet": {"format": "iss_sub", "iss": "{url}", "sub": "riley"}}"#,
        "subject_not_understood",
    ),
];

#[tokio::test]
async fn no_subject_is_taken_for_another() {
    let stage = Stage::new(json!({})).await;
    let riley = stage.riley();
    let url = stage.op.url.clone();
    let mail = |address: &str| json!({"format": "email", "email": address});
    let complex = |more: Value| merged(json!({"format": "complex"}), &more);
    for (name, subject, code) in NO_SUBJECT {
        let subject: Value = serde_json::from_str(&subject.replace("{url}", &url)).unwrap();
        for event in [REVOKED, CHANGED, DISABLED] {
            let refused = stage.acts(&json!({"sub_id": subject, "events": {event: {}}})).await;
            assert_eq!(refused.unwrap_err().code(), *code, "{name}, {event}");
        }
    }
    // Only a user's whole account is suspended.
    let narrow = complex(json!({"user": riley, "session": {"format": "opaque", "id": "s1"}}));
    let refused = stage.acts(&json!({"sub_id": narrow, "events": {DISABLED: {}}})).await;
    assert_eq!(refused.unwrap_err().code(), "subject_not_understood");

    let trusting = Stage::new(json!({"email_subjects": "accept"})).await;
    let acts = trusting.acts(&json!({"sub_id": mail("riley@acme.example")})).await.unwrap();
    // Of the issuers only one has people that are named by their addresses.
    let whose = vec![Whose::Subject("mail:riley@acme.example".into())];
    let before = moment(NOW - 59);
    assert_eq!(acts, [Act::EndSessions { whose, before, event: "session-revoked" }]);
}

#[tokio::test]
async fn a_push_is_used_once_and_comes_from_whom_it_should() {
    let stage = Stage::new(json!({"authorization": {"env": "X"}})).await;
    let token = stage.token(&json!({}), &json!({}));
    for given in [None, Some(""), Some("Bearer s3cre"), Some("s3cret"), Some("bearer s3cret")] {
        let refused = stage.receiver.judge(given, &token).await.unwrap_err();
        assert_eq!(refused.code(), "transmitter_not_authenticated", "{given:?}");
        assert_eq!(refused.error(), "authentication_failed");
    }
    let once = register();
    let received = stage.receiver.judge(Some("Bearer s3cret"), &token).await.unwrap();
    assert_eq!(received.transmitter, "okta");
    received.used(&once).await.unwrap();
    let again = stage.receiver.judge(Some("Bearer s3cret"), &token).await.unwrap();
    assert_eq!(again.used(&once).await.unwrap_err().code(), "token_used");
    assert!(!format!("{:?}", stage.receiver).contains("s3cret"));
}

#[tokio::test]
async fn a_transmitter_that_makes_no_sense_is_said_by_its_key() {
    let clock = TestClock::new();
    let key = Key::ec("ec");
    let op = Op::start(&[&key]).await;
    let verifier = op.verifier(&json!({}), &clock);
    let base = json!({
        "name": "okta", "url": "https://okta.example", "audience": "x", "issuers": ["acme"],
    });
    let rows = [
        (json!({"name": ""}), "name"),
        (json!({"url": "okta"}), "url"),
        (json!({"audience": ""}), "audience"),
        (json!({"issuers": []}), "issuers"),
        (json!({"issuers": ["other"]}), "issuers"),
        (json!({"algorithms": []}), "algorithms"),
        (json!({"clock_skew": "10m"}), "clock_skew"),
        (json!({"jwks_url": "x"}), "jwks_url"),
        (json!({"expect_every": "59s"}), "expect_every"),
        (json!({"expect_every": "31d"}), "expect_every"),
    ];
    for (changes, key) in rows {
        let config = serde_json::from_value(merged(base.clone(), &changes)).unwrap();
        let fault = Receiver::new(vec![config], &verifier, |_| None).unwrap_err();
        let ReceiverFault::Config(faults) = fault else { panic!("{fault:?}") };
        assert_eq!(faults.iter().map(|it| it.key).collect::<Vec<_>>(), [key], "{changes}");
    }
    let twice = [base.clone(), base].map(|it| serde_json::from_value(it).unwrap());
    assert!(Receiver::new(twice.to_vec(), &verifier, |_| None).is_err());
}
