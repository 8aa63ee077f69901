//! What was said of somebody who signed in is renewed, and how a sign-in must have come about.

use crate::{
    issuer::{NOW, merged},
    signin::Stage,
};
use countersign_identity::{Kept, RenewalFailed};
use countersign_model::Caller;
use serde_json::{Value, json};

/// Somebody who signed in, with the nonce of their ID token.
async fn signed_in(stage: &Stage, claims: &Value) -> (Caller, Kept, String) {
    let begun = stage.begin().await;
    let nonce = begun.query["nonce"].clone();
    let token = stage.id_token(&json!({}), &merged(stage.claims(&begun), claims));
    let body = json!({
        "access_token": "a", "token_type": "Bearer", "id_token": token, "refresh_token": "r0",
    });
    stage.op.state.answers.lock().unwrap().push_back((200, body));
    let signed_in = stage.finish(begun, "code=c&state=STATE").await.unwrap();
    (signed_in.caller, signed_in.kept, nonce)
}

fn renewed(stage: &Stage, claims: &Value) -> Value {
    let base = json!({
        "iss": stage.op.url, "sub": "riley", "aud": "web", "exp": NOW + 900, "iat": NOW + 600,
        "sid": "s1", "email": "riley@acme.example", "groups": ["dev"], "name": "Riley",
    });
    json!({
        "access_token": "a2", "token_type": "Bearer", "refresh_token": "r1",
        "id_token": stage.id_token(&json!({}), &merged(base, claims)),
    })
}

#[tokio::test]
async fn groups_follow_the_issuer_and_refresh_tokens_rotate() {
    let stage = Stage::new(json!({})).await;
    let (caller, kept, _) = signed_in(&stage, &json!({})).await;
    assert!(kept.is_renewable() && caller.groups.contains("ops"));
    stage.clock.advance(600);
    stage.op.state.answers.lock().unwrap().push_back((200, renewed(&stage, &json!({}))));
    let renewed_once = stage.sign_in.renew(&kept, &caller.subject).await.unwrap();
    let (after, next) = (renewed_once.caller, renewed_once.kept);
    // What was read is what is said now.
    let groups = renewed_once.notes.steps.iter().find(|it| it.check == "groups").unwrap();
    assert_eq!(groups.found, "\"dev\"");
    assert!(after.groups.contains("dev") && !after.groups.contains("ops"));
    // The next one is had with the next token; where none comes, the last one stays.
    let mut answer = renewed(&stage, &json!({}));
    answer.as_object_mut().unwrap().remove("refresh_token");
    for (expected, answer) in [("r1", answer.clone()), ("r1", answer)] {
        stage.op.state.answers.lock().unwrap().push_back((200, answer));
        let after = stage.sign_in.renew(&next, &caller.subject).await.unwrap();
        assert!(after.kept.is_renewable());
        let form = stage.op.state.forms.lock().unwrap().last().unwrap().clone();
        assert_eq!(
            (form["grant_type"].as_str(), form["refresh_token"].as_str()),
            ("refresh_token", expected)
        );
    }
    assert!(!format!("{next:?}").contains("r1"), "{next:?}");
}

#[tokio::test]
async fn believes_no_renewal_of_somebody_else() {
    let stage = Stage::new(json!({})).await;
    let (caller, kept, nonce) = signed_in(&stage, &json!({"auth_time": NOW - 60})).await;
    stage.clock.advance(600);
    let rows = [
        ("the same", json!({}), "renewed"),
        ("the sign-in's nonce", json!({"nonce": nonce}), "renewed"),
        ("another nonce", json!({"nonce": "n2"}), "nonce_mismatch"),
        ("the sign-in's time", json!({"auth_time": NOW - 60}), "renewed"),
        ("another time", json!({"auth_time": NOW - 59}), "claim_invalid"),
        ("another subject", json!({"sub": "root"}), "renewed_subject_mismatch"),
        ("another client", json!({"aud": "cli"}), "audience_mismatch"),
        ("another issuer", json!({"iss": "https://x"}), "issuer_unknown"),
        ("an old one", json!({"exp": NOW - 120}), "token_expired"),
    ];
    for (name, claims, expect) in rows {
        stage.op.state.answers.lock().unwrap().push_back((200, renewed(&stage, &claims)));
        let said = stage.sign_in.renew(&kept, &caller.subject).await;
        let said = said.map_or_else(|it| it.code(), |_| "renewed");
        assert_eq!(said, expect, "{name}");
    }
    // A subject that the mapping now calls otherwise is somebody else too.
    stage.op.state.answers.lock().unwrap().push_back((200, renewed(&stage, &json!({}))));
    let other = stage.sign_in.renew(&kept, &"sam".into()).await.unwrap_err();
    assert_eq!(other.code(), "renewed_subject_mismatch");
}

#[tokio::test]
async fn without_an_id_token_the_user_info_says_it_all_or_nothing() {
    let stage = Stage::new(json!({})).await;
    let (caller, kept, _) = signed_in(&stage, &json!({})).await;
    let answer = || {
        let body = json!({"access_token": "a2", "token_type": "Bearer", "expires_in": 60});
        stage.op.state.answers.lock().unwrap().push_back((200, body));
    };
    let tell = |status: u16, body: Value| *stage.op.state.userinfo.lock().unwrap() = (status, body);
    tell(200, json!({"sub": "riley", "groups": ["dev"], "email": "r@x"}));
    answer();
    let after = stage.sign_in.renew(&kept, &caller.subject).await.unwrap();
    assert!(after.caller.groups.contains("dev"));
    for (body, expect) in [
        (json!({"sub": "root", "groups": ["admins"]}), "renewed_subject_mismatch"),
        (json!({"groups": ["admins"]}), "renewed_subject_mismatch"),
    ] {
        tell(200, body);
        answer();
        let refused = stage.sign_in.renew(&kept, &caller.subject).await.unwrap_err();
        assert_eq!(refused.code(), expect);
    }
    tell(500, json!({}));
    answer();
    let away = stage.sign_in.renew(&kept, &caller.subject).await.unwrap_err();
    assert!(matches!(away, RenewalFailed::Away(_)), "{away:?}");
}

#[tokio::test]
async fn an_issuer_that_says_no_ends_it_and_one_that_is_away_does_not() {
    let stage = Stage::new(json!({})).await;
    let (caller, kept, _) = signed_in(&stage, &json!({})).await;
    let rows = [
        (400, json!({"error": "invalid_grant"}), "session_ended_by_issuer"),
        (400, json!({"error": "invalid_client"}), "code_not_exchanged"),
        (503, json!({}), "code_not_exchanged"),
        (500, json!({"error": "server_error"}), "code_not_exchanged"),
    ];
    for (status, body, expect) in rows {
        stage.op.state.answers.lock().unwrap().push_back((status, body));
        let failed = stage.sign_in.renew(&kept, &caller.subject).await.unwrap_err();
        assert_eq!(failed.code(), expect);
        let is_away = matches!(failed, RenewalFailed::Away(_));
        assert_eq!(is_away, expect != "session_ended_by_issuer", "{failed:?}");
    }
    let begun = stage.begin().await;
    stage.answer(&stage.id_token(&json!({}), &stage.claims(&begun)));
    let bare = stage.finish(begun, "code=c&state=STATE").await.unwrap();
    assert!(!bare.kept.is_renewable());
    let refused = stage.sign_in.renew(&bare.kept, &caller.subject).await.unwrap_err();
    assert_eq!(refused.code(), "no_refresh_token");
}

#[tokio::test]
async fn how_and_when_a_person_proved_themself_must_suffice() {
    let sign_in = json!({
        "client_id": "web", "client_secret": {"env": "SECRET"},
        "max_age": "5m", "acr_values": ["urn:mfa", "urn:phishing-resistant"],
    });
    let stage = Stage::new(json!({"sign_in": sign_in})).await;
    let begun = stage.begin().await;
    assert_eq!(begun.query["max_age"], "300");
    assert_eq!(begun.query["acr_values"], "urn:mfa urn:phishing-resistant");
    let good = json!({"auth_time": NOW - 300, "acr": "urn:mfa"});
    let rows = [
        ("both suffice", json!({}), "signed in"),
        ("the other way", json!({"acr": "urn:phishing-resistant"}), "signed in"),
        ("within the skew", json!({"auth_time": NOW - 360}), "signed in"),
        ("too long ago", json!({"auth_time": NOW - 361}), "auth_too_old"),
        ("not said", json!({"auth_time": null}), "auth_time_missing"),
        ("no number", json!({"auth_time": "1"}), "auth_time_missing"),
        ("in the future", json!({"auth_time": NOW + 120}), "auth_too_old"),
        ("a password alone", json!({"acr": "urn:pwd"}), "acr_not_accepted"),
        ("no way said", json!({"acr": null}), "acr_not_accepted"),
        ("a list of ways", json!({"acr": ["urn:mfa"]}), "acr_not_accepted"),
        ("both as one text", json!({"acr": "urn:mfa urn:phishing-resistant"}), "acr_not_accepted"),
    ];
    for (name, claims, expect) in rows {
        let claims = {
            let mut all = good.clone();
            all.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
            all
        };
        assert_eq!(stage.outcome(json!({}), claims).await, expect, "{name}");
    }
}
