//! Access tokens as the providers of people document them, signed here: what names a person, what is
//! a service, which groups there are; and the known ways to be somebody else.

use crate::{
    issuer::{AUDIENCE, NOW, merged},
    workloads::Stage,
};
use countersign_model::{Caller, CallerKind};
use serde_json::{Value, json};

const TENANT: &str = "11111111-2222-3333-4444-555555555555";
const RILEY: &str = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee";
const RULE: &str = "claim_rule_not_met";

async fn caller(stage: &Stage, sample: &Value, changes: Value) -> Caller {
    let token = stage.token(sample.clone(), changes);
    stage.verifier.identify(&token).await.unwrap().caller().as_ref().clone()
}

fn groups(caller: &Caller) -> Vec<&str> {
    caller.groups.iter().map(|it| it.as_str()).collect()
}

async fn refuses(stage: &Stage, sample: &Value, changes: Value, code: &str) {
    let judged = stage.judge(sample.clone(), changes.clone()).await;
    assert_eq!(judged, Err(code.to_owned()), "{changes}");
}

fn times() -> Value {
    json!({"aud": AUDIENCE, "iat": NOW, "nbf": NOW, "exp": NOW + 3600})
}

/// The documented claims of a version 2 access token.
pub(crate) fn entra() -> Value {
    merged(
        times(),
        &json!({
            "tid": TENANT, "oid": RILEY, "sub": "pairwise", "ver": "2.0", "azp": "spa-client",
            "azpacr": "0", "name": "Riley", "preferred_username": "riley@acme.com",
            "email": "riley@acme.com", "scp": "Calls.Make", "uti": "x", "rh": "y",
            "groups": ["9a6b5f8a-0000-0000-0000-000000000001"],
        }),
    )
}

#[tokio::test]
async fn entra_names_people_by_tenant_and_object() {
    let stage = Stage::new(json!({"entra": {"tenant": TENANT}}), json!({})).await;
    let sample = entra();
    let riley = caller(&stage, &sample, json!({})).await;
    assert_eq!(riley.subject.as_str(), format!("{TENANT}:{RILEY}"));
    assert_eq!((riley.kind, riley.client.as_deref()), (CallerKind::Person, Some("spa-client")));
    assert_eq!(groups(&riley), ["9a6b5f8a-0000-0000-0000-000000000001"]);
    // Whoever writes somebody's address into their own account stays who they are (nOAuth).
    let imitated = json!({"oid": RILEY.replace('a', "9"), "email": "riley@acme.com",
                          "preferred_username": "riley@acme.com"});
    assert_ne!(caller(&stage, &sample, imitated).await.subject, riley.subject);
    // An application in its own name.
    let app = json!({"scp": null, "roles": ["Calls.Make.All"], "idtyp": "app", "groups": null});
    assert_eq!(caller(&stage, &sample, app).await.kind, CallerKind::Service);

    for (changes, code) in [
        (json!({"tid": TENANT.replace('1', "9")}), RULE),
        (json!({"tid": null}), RULE),
        (json!({"oid": null}), RULE),
        (json!({"ver": "1.0"}), RULE),
        (json!({"nonce": "n"}), "token_type_not_accepted"),
        (
            json!({"iss": "https://sts.windows.net/11111111-2222-3333-4444-555555555555/"}),
            "issuer_unknown",
        ),
        // Too many groups for the token, and nobody to ask.
        (
            json!({"groups": null, "_claim_names": {"groups": "src1"},
                "_claim_sources": {"src1": {"endpoint": "https://evil.example/groups"}}}),
            "groups_unknown",
        ),
        (json!({"groups": null, "hasgroups": true}), "groups_unknown"),
        (json!({"groups": null, "hasgroups": "true"}), "groups_unknown"),
    ] {
        refuses(&stage, &sample, changes, code).await;
    }
}

#[tokio::test]
async fn okta_names_people_by_uid_and_services_by_client() {
    let stage = Stage::new(json!({"okta": {"domain": "acme.okta.com"}}), json!({})).await;
    let sample = merged(
        times(),
        &json!({"ver": 1, "jti": "AT.1", "cid": "0oa1", "uid": "00u1", "scp": ["openid", "calls"],
                "sub": "riley@acme.com", "auth_time": NOW, "groups": ["ops"]}),
    );
    let riley = caller(&stage, &sample, json!({})).await;
    assert_eq!((riley.subject.as_str(), riley.kind), ("00u1", CallerKind::Person));
    assert_eq!((riley.client.as_deref(), groups(&riley)), (Some("0oa1"), vec!["ops"]));
    assert!(riley.scopes.contains("calls"));
    let service = caller(&stage, &sample, json!({"uid": null, "sub": "0oa1"})).await;
    assert_eq!((service.subject.as_str(), service.kind), ("0oa1", CallerKind::Service));
    // A login that was given to somebody else is another uid; without one there is nobody.
    refuses(&stage, &sample, json!({"uid": null}), "subject_missing").await;
    refuses(&stage, &sample, json!({"cid": null}), RULE).await;
}

#[tokio::test]
async fn auth0_claims_have_a_namespace() {
    let preset =
        json!({"auth0": {"domain": "acme.eu.auth0.com", "namespace": "https://acme.com/"}});
    let stage = Stage::new(preset, json!({})).await;
    let sample = merged(
        times(),
        &json!({"sub": "auth0|1", "azp": "web", "scope": "openid calls", "gty": "password",
                "aud": [AUDIENCE, "https://acme.eu.auth0.com/userinfo"],
                "https://acme.com/groups": ["ops"], "groups": ["forged"]}),
    );
    let riley = caller(&stage, &sample, json!({})).await;
    assert_eq!((riley.subject.as_str(), groups(&riley)), ("auth0|1", vec!["ops"]));
    let machine = json!({"sub": "m2m@clients", "azp": "m2m", "gty": "client-credentials"});
    assert_eq!(caller(&stage, &sample, machine).await.kind, CallerKind::Service);
    refuses(&stage, &sample, json!({"aud": "https://other"}), "audience_mismatch").await;
}

#[tokio::test]
async fn keycloaks_access_tokens_say_that_they_are() {
    let server = "https://id.acme.com";
    let preset = json!({"keycloak": {"server": server, "realm": "acme", "groups": "realm_roles"}});
    let stage = Stage::new(preset, json!({})).await;
    let sample = merged(
        times(),
        &json!({"jti": "1", "sub": RILEY, "typ": "Bearer", "azp": "web", "sid": "s",
                "realm_access": {"roles": ["ops"]}, "scope": "openid", "email_verified": false,
                "preferred_username": "riley", "groups": ["/not/these"]}),
    );
    let riley = caller(&stage, &sample, json!({})).await;
    assert_eq!((riley.subject.as_str(), groups(&riley)), (RILEY, vec!["ops"]));
    let account = json!({"client_id": "job", "azp": "job", "clientHost": "10.0.0.1",
                         "preferred_username": "service-account-job"});
    assert_eq!(caller(&stage, &sample, account).await.kind, CallerKind::Service);
    for kind in ["ID", "Refresh", "Offline", "Logout", "bearer"] {
        refuses(&stage, &sample, json!({"typ": kind}), RULE).await;
    }
}

#[tokio::test]
async fn googles_tokens_do_not_call() {
    let preset = json!({"google": {"hosted_domains": ["acme.com"]}});
    let stage = Stage::new(preset, json!({})).await;
    let sample = merged(
        times(),
        &json!({"sub": "110169484474386276334", "hd": "acme.com", "email": "riley@acme.com",
                "email_verified": true, "azp": "client", "at_hash": "x"}),
    );
    refuses(&stage, &sample, json!({}), "token_type_not_accepted").await;
    refuses(&stage, &sample, json!({"at_hash": null}), "token_type_not_accepted").await;
}

#[tokio::test]
async fn an_address_that_is_not_verified_names_nobody() {
    let more = json!({"claims": {"subject": "email"}, "untyped_tokens": "accept"});
    let stage = Stage::new(json!("oidc"), more).await;
    let sample = merged(times(), &json!({"sub": "x", "email": "riley@acme.com"}));
    refuses(&stage, &sample, json!({}), "subject_not_accepted").await;
    refuses(&stage, &sample, json!({"email_verified": "true"}), "subject_not_accepted").await;
    let riley = caller(&stage, &sample, json!({"email_verified": true})).await;
    assert_eq!(riley.subject.as_str(), "riley@acme.com");
}
