//! ID-JAG: an identity provider's assertion about a user, for the client that shows it.

use super::{AGENT, USER, asked, call, error, granted, post, post_to, refusals::signed};
use crate::lab::{Answer, Lab};
use countersign_model::record::TokenGrant;
use http::StatusCode;
use serde_json::{Value, json};

const BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// For assertions that are bound to a key.
pub(super) const BOUND: &str = "urn:ietf:params:oauth:grant-type:jwt-dpop";
const CLIENT: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// An assertion about the user for the agent's client.
pub(super) fn assertion(lab: &Lab, typ: &str, changes: &Value) -> String {
    let mut said = json!({
        "aud": "http://gateway.test", "client_id": "dunning-agent", "scope": "billing.read",
        "resource": "http://gateway.test", "groups": null, "name": null, "email": null,
    });
    for (name, value) in changes.as_object().unwrap() {
        said[name] = value.clone();
    }
    signed(lab, typ, USER, &said)
}

pub(super) fn form<'f>(assertion: &'f str, client: &'f str) -> Vec<(&'f str, &'f str)> {
    vec![
        ("grant_type", BEARER),
        ("assertion", assertion),
        ("client_assertion_type", CLIENT),
        ("client_assertion", client),
    ]
}

async fn show(lab: &Lab, assertion: &str, client: &str) -> Answer {
    post(lab, &form(assertion, client)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_assertion_gives_its_client_a_token_for_the_user() {
    let lab = granted().await;
    let assertion = assertion(&lab, "oauth-id-jag+jwt", &json!({}));
    let answer = show(&lab, &assertion, &lab.world.token(AGENT)).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    let document = answer.json();
    assert_eq!(
        (&document["token_type"], &document["scope"]),
        (&json!("Bearer"), &json!("billing.read"))
    );
    assert_eq!(document.get("issued_token_type"), None);
    assert_eq!(document.get("refresh_token"), None);
    let token = document["access_token"].as_str().unwrap();
    let said = super::claims(token);
    assert_eq!((&said["sub"], &said["act"]), (&json!(USER), &json!({"sub": AGENT})));
    assert_eq!(call(&lab, token).await.0, StatusCode::OK);
    assert_eq!(asked(&lab)[0].how, TokenGrant::IdentityAssertion);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_assertion_is_good_for_once_at_all_gateways() {
    let lab = granted().await;
    let limits = countersign_gateway::Limits::default();
    let secrets = countersign_gateway::Secrets::new(|_| Ok("s".to_owned()));
    let (_gateway, address) = crate::rig::second_gateway(&lab, secrets, limits).await;
    let client = lab.world.token(AGENT);
    let good = assertion(&lab, "oauth-id-jag+jwt", &json!({}));
    // Somebody else can't use it up.
    let stranger = json!({"sub": "ci", "client_id": "ci", "name": null, "email": null});
    let stranger = signed(&lab, "at+jwt", AGENT, &stranger);
    assert_eq!(error(&show(&lab, &good, &stranger).await).2, "client_mismatch");
    assert_eq!(show(&lab, &good, &client).await.status, StatusCode::OK);
    let again = (400, "invalid_grant".to_owned(), "assertion_used_before".to_owned());
    assert_eq!(error(&show(&lab, &good, &client).await), again);
    assert_eq!(error(&post_to(&lab, address, &form(&good, &client)).await), again);
    // Of many at once, one.
    let good = assertion(&lab, "oauth-id-jag+jwt", &json!({"jti": "another"}));
    let (one, two) = tokio::join!(show(&lab, &good, &client), async {
        post_to(&lab, address, &form(&good, &client)).await
    });
    let fine = [one, two].iter().filter(|it| it.status == StatusCode::OK).count();
    assert_eq!(fine, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn assertions_for_others_give_no_token() {
    let lab = granted().await;
    let client = lab.world.token(AGENT);
    let rows = [
        ("for another server", json!({"aud": "https://other.example"}), "audience_mismatch"),
        (
            "for its endpoint",
            json!({"aud": "http://gateway.test/oauth/token"}),
            "audience_mismatch",
        ),
        ("with a slash", json!({"aud": "http://gateway.test/"}), "audience_mismatch"),
        ("for two servers", json!({"aud": ["http://gateway.test", "x"]}), "audience_mismatch"),
        ("for none", json!({"aud": null}), "audience_mismatch"),
        ("for another client", json!({"client_id": "webapp"}), "client_mismatch"),
        ("for no client", json!({"client_id": null}), "claim_invalid"),
        ("without a jti", json!({"jti": null}), "claim_invalid"),
        ("with an empty jti", json!({"jti": ""}), "claim_invalid"),
        ("without iat", json!({"iat": null}), "claim_invalid"),
        ("ended", json!({"exp": 1_700_000_000}), "token_expired"),
        ("without an end", json!({"exp": null}), "expiry_missing"),
        ("for a year", json!({"exp": 4_000_000_000_i64}), "claim_invalid"),
        ("of another issuer", json!({"iss": "https://x.example"}), "issuer_unknown"),
        ("bound", json!({"cnf": {"jkt": "A".repeat(43)}}), "proof_missing"),
        (
            "bound to a certificate",
            json!({"cnf": {"x5t#S256": "A".repeat(43)}}),
            "certificate_missing",
        ),
        ("bound to nothing", json!({"cnf": {"jkt": "x"}}), "confirmation_not_accepted"),
        ("about the agent", json!({"sub": AGENT}), "subject_is_no_person"),
        ("about its client", json!({"sub": "dunning-agent"}), "subject_is_no_person"),
    ];
    for (name, changes, expect) in rows {
        let answer = show(&lab, &assertion(&lab, "oauth-id-jag+jwt", &changes), &client).await;
        assert_eq!(error(&answer), (400, "invalid_grant".into(), expect.into()), "{name}");
    }
    let elsewhere = assertion(&lab, "oauth-id-jag+jwt", &json!({"resource": "https://x.example"}));
    let answer = show(&lab, &elsewhere, &client).await;
    assert_eq!(error(&answer), (400, "invalid_target".into(), "resource_not_ours".into()));
    // Nothing of it was used up.
    let good = assertion(&lab, "oauth-id-jag+jwt", &json!({"aud": ["http://gateway.test"]}));
    assert_eq!(show(&lab, &good, &client).await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_else_is_an_assertion() {
    let lab = granted().await;
    let client = lab.world.token(AGENT);
    for typ in ["JWT", "at+jwt", "id-jag+jwt", "oauth-id-jag", "dpop+jwt"] {
        let answer = show(&lab, &assertion(&lab, typ, &json!({})), &client).await;
        assert_eq!(error(&answer).2, "token_type_not_accepted", "{typ}");
    }
    // An own token is none, and an assertion opens nothing itself.
    let own = super::on_behalf(&lab, USER).await;
    assert_eq!(error(&show(&lab, &own, &client).await).2, "token_type_not_accepted");
    let good = assertion(&lab, "oauth-id-jag+jwt", &json!({}));
    assert_eq!(call(&lab, &good).await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_proves_itself() {
    let lab = granted().await;
    let good = assertion(&lab, "oauth-id-jag+jwt", &json!({}));
    let none = [("grant_type", BEARER), ("assertion", &good), ("client_id", "dunning-agent")];
    let answer = post(&lab, &none).await;
    assert_eq!(error(&answer), (401, "invalid_client".into(), "client_missing".into()));
    assert_eq!(answer.headers["www-authenticate"], "Bearer");
    for (client, expect) in [
        ("no token".to_owned(), (401, "token_malformed")),
        (good.clone(), (401, "token_type_not_accepted")),
        (lab.world.token(USER), (400, "actor_is_a_person")),
        (super::on_behalf(&lab, USER).await, (400, "actor_token_is_exchanged")),
    ] {
        let answer = show(&lab, &good, &client).await;
        let (status, _, code) = error(&answer);
        assert_eq!((status, code.as_str()), expect);
    }
    assert_eq!(show(&lab, &good, &lab.world.token(AGENT)).await.status, StatusCode::OK);
}
