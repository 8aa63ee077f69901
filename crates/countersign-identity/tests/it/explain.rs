//! An explanation says what the judge did: it refuses what `identify` refuses, for the same reason, and
//! nothing of the token is in it but what was read.

use crate::issuer::{AUDIENCE, Key, Keys, Op, TestClock};
use countersign_identity::{Explanation, Verdict};
use serde_json::{Value, json};

/// `check verdict found`, one a line.
fn lines(explained: &Explanation) -> Vec<String> {
    let of = |verdict| match verdict {
        Verdict::Accepted => "+",
        Verdict::Refused => "!",
        Verdict::Unproved => "?",
    };
    explained
        .steps
        .iter()
        .map(|it| format!("{} {} {}", of(it.verdict), it.check, it.found))
        .collect()
}

#[tokio::test]
async fn an_accepted_token_is_explained_claim_by_claim() {
    let (key, clock) = (Key::ec("ec"), TestClock::new());
    let op = Op::start(&[&key]).await;
    let rules = json!({"claims": {
        "subject_prefix": "acme:", "groups": "realm.roles",
        "agent": {"claim": "roles", "values": ["agent"]},
    }});
    let verifier = op.verifier(&rules, &clock);
    let claims = json!({
        "roles": ["agent"], "realm": {"roles": ["ops", "dev"]}, "jti": "secret-number",
        "act": {"sub": "bot"}, "name": "Riley", "groups": null,
    });
    let token = key.token(&op.url, &json!({}), &claims);
    let explained = verifier.explain(&token).await;
    let caller = explained.outcome.as_ref().unwrap();
    assert_eq!(**caller, **verifier.identify(&token).await.unwrap().caller());
    let url = &op.url;
    assert_eq!(
        lines(&explained),
        [
            "+ form a signed JWT of 13 claims".to_owned(),
            format!("+ issuer {url:?}"),
            "+ algorithm ES256".to_owned(),
            "+ type \"at+jwt\"".to_owned(),
            format!("+ audience {AUDIENCE:?}"),
            "+ times from 2027-01-15T07:59:55.000Z until 2027-01-15T08:05:00.000Z".to_owned(),
            "+ signature \"ec\"".to_owned(),
            "+ subject \"riley\"".to_owned(),
            "+ kind \"agent\"".to_owned(),
            "+ actors acme:bot".to_owned(),
            "+ groups \"ops\", \"dev\"".to_owned(),
            "+ scopes \"call\"".to_owned(),
            "+ client \"web\"".to_owned(),
            "+ name \"Riley\"".to_owned(),
            "+ email not there".to_owned(),
        ]
    );
    assert_eq!(explained.unread, ["jti"]);
    let subject = explained.steps.iter().find(|it| it.check == "subject").unwrap();
    assert_eq!(subject.claims, ["sub"]);
    assert_eq!(subject.rule, "issuers[acme].claims.subject with the prefix \"acme:\": acme:riley");
    let document = serde_json::to_value(&explained).unwrap();
    assert_eq!(document["outcome"], "accepted");
    assert_eq!(document["caller"]["subject"], "acme:riley");
    let text = format!("{document}{explained:?}");
    assert!(!text.contains("secret-number"), "{text}");
    for part in token.split('.') {
        assert!(!text.contains(part), "{text}");
    }
}

#[tokio::test]
async fn a_refused_token_is_explained_up_to_its_reason() {
    let (key, evil, clock) = (Key::ec("ec"), Key::ec("ec"), TestClock::new());
    let op = Op::start(&[&key]).await;
    let verifier = op.verifier(&json!({}), &clock);
    let signed = |header: Value, claims: Value| key.token(&op.url, &header, &claims);
    let rows = [
        ("nonsense".to_owned(), 0, "form"),
        (signed(json!({"alg": "none"}), json!({})), 0, "algorithm"),
        (signed(json!({}), json!({"iss": "https://x.example"})), 1, "issuer"),
        (signed(json!({"typ": "JWT"}), json!({})), 3, "type"),
        (signed(json!({}), json!({"aud": "x"})), 4, "audience"),
        (signed(json!({}), json!({"exp": 1})), 5, "times"),
        (evil.token(&op.url, &json!({}), &json!({})), 6, "signature"),
        (signed(json!({"kid": "other"}), json!({})), 6, "signature"),
        (signed(json!({}), json!({"sub": ""})), 7, "subject"),
        (signed(json!({}), json!({"act": 1})), 9, "actors"),
    ];
    for (token, before, check) in rows {
        let explained = verifier.explain(&token).await;
        let refused = explained.outcome.clone().unwrap_err();
        assert_eq!(refused, verifier.identify(&token).await.unwrap_err(), "{check}");
        let last = explained.steps.last().unwrap();
        assert_eq!(
            (last.check.as_ref(), last.verdict),
            (check, Verdict::Refused),
            "{explained:#?}"
        );
        assert_eq!(explained.steps.len(), before + 1, "{explained:#?}");
        let document = serde_json::to_value(&explained).unwrap();
        assert_eq!(document["code"], refused.code());
        assert!(document.get("caller").is_none(), "{document}");
    }
}

#[tokio::test]
async fn without_the_issuers_keys_the_rest_is_explained_as_unproved() {
    let (key, clock) = (Key::ec("ec"), TestClock::new());
    let op = Op::start(&[&key]).await;
    op.behave(Keys::Failing);
    let verifier = op.verifier(&json!({}), &clock);
    let token = key.token(&op.url, &json!({}), &json!({}));
    let explained = verifier.explain(&token).await;
    assert_eq!(explained.outcome.clone().unwrap_err().code(), "issuer_unreachable");
    let told = lines(&explained);
    assert!(told[6].starts_with("! signature the issuer answered 503"), "{told:#?}");
    assert_eq!(told[7], "? subject \"riley\"");
    assert!(told[8..].iter().all(|it| it.starts_with("? ")), "{told:#?}");
    assert!(serde_json::to_value(&explained).unwrap().get("caller").is_none());
    // A signature that is wrong is not followed by what it would have been good for.
    op.behave(Keys::Published);
    clock.advance(10);
    let forged = Key::ec("ec").token(&op.url, &json!({}), &json!({}));
    let explained = verifier.explain(&forged).await;
    assert_eq!(explained.steps.last().unwrap().verdict, Verdict::Refused, "{explained:#?}");
}
