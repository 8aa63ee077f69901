use super::*;

fn pending() -> Pending {
    let entropy = Entropy::new(|bytes| bytes.fill(7));
    Pending::new("acme", "https://console.example/back", Timestamp::from_millis(1_000), &entropy)
}

#[test]
fn the_answer_must_belong_to_the_sign_in() {
    let pending = pending();
    let state = pending.state().to_owned();
    let accept = |query: &str, names_issuer, now| {
        let callback = Callback::from_query(query)?;
        let now = Timestamp::from_millis(now);
        pending.accept(&callback, "https://op.example", names_issuer, now).map(str::to_owned)
    };
    let check = |query: &str, expect: Result<&str, CallbackFault>| {
        let query = query.replace("STATE", &state);
        let found = accept(&query, NamesIssuer::Perhaps, 2_000);
        assert_eq!(found, expect.map(str::to_owned), "{query}");
    };
    let iss = "https%3A%2F%2Fop.example";
    check("code=c&state=STATE", Ok("c"));
    check(&format!("code=c&state=STATE&iss={iss}"), Ok("c"));
    check(&format!("code=c&state=STATE&iss={iss}%2F"), Err(CallbackFault::IssuerMismatch));
    check("code=c&state=STATE&iss=", Err(CallbackFault::IssuerMismatch));
    check("code=c", Err(CallbackFault::StateMismatch));
    check("code=c&state=", Err(CallbackFault::StateMismatch));
    check("code=c&state=STATEx", Err(CallbackFault::StateMismatch));
    check("error=access_denied&state=x", Err(CallbackFault::StateMismatch));
    check("state=STATE", Err(CallbackFault::NoCode));
    check("code=a&code=b&state=STATE", Err(CallbackFault::Malformed));
    check("code=a&state=STATE&state=STATE", Err(CallbackFault::Malformed));
    check(&"x".repeat(9_000), Err(CallbackFault::Malformed));
    check(
        "error=access_denied&error_description=no%0Away&state=STATE&code=c",
        Err(CallbackFault::Denied {
            error: "\"access_denied\"".into(),
            description: "\"no\\nway\"".into(),
        }),
    );

    let good = format!("code=c&state={state}");
    assert_eq!(accept(&good, NamesIssuer::Always, 2_000), Err(CallbackFault::IssuerMismatch));
    assert_eq!(accept(&good, NamesIssuer::Perhaps, 600_999), Ok("c".into()));
    assert_eq!(accept(&good, NamesIssuer::Perhaps, 601_000), Err(CallbackFault::TooLate));
    assert_eq!(accept(&good, NamesIssuer::Perhaps, 0), Err(CallbackFault::TooLate));
}

#[test]
fn asks_with_pkce_and_hides_what_it_keeps() {
    let pending = pending();
    let scopes = ["openid".to_owned(), "offline_access".to_owned()];
    let url = pending
        .authorize_url(
            "https://op.example/auth?tenant=1",
            "web",
            &scopes,
            &[("resource", "https://g.example"), ("max_age", "60")],
        )
        .unwrap();
    let url = url::Url::parse(&url).unwrap();
    let query: std::collections::BTreeMap<_, _> = url.query_pairs().into_owned().collect();
    let digest = digest::digest(&digest::SHA256, pending.verifier().as_bytes());
    assert_eq!(query["code_challenge"], URL_SAFE_NO_PAD.encode(digest));
    assert_eq!(query["code_challenge_method"], "S256");
    assert_eq!(query["tenant"], "1");
    assert_eq!(query["prompt"], "consent");
    assert_eq!(query["resource"], "https://g.example");
    assert_eq!(query["max_age"], "60");
    assert_eq!(query["state"], pending.state());
    assert!(pending.has_nonce(&query["nonce"]) && !pending.has_nonce(""));
    assert!(!url.as_str().contains("code_verifier"));

    let debug = format!("{pending:?} {:?}", Callback::from_query("code=c0de&state=s7a7e").unwrap());
    for secret in [pending.state(), pending.verifier(), "c0de", "s7a7e"] {
        assert!(!debug.contains(secret), "{debug}");
    }
    let stored = serde_json::to_string(&pending).unwrap();
    let again: Pending = serde_json::from_str(&stored).unwrap();
    assert_eq!(again.verifier(), pending.verifier());
}

#[test]
fn a_round_for_a_signature_asks_anew_and_takes_no_older_proof() {
    let prompt = |round, endpoint: &str, scope: &str| {
        let scopes = ["openid".to_owned(), scope.to_owned()];
        let url = pending().of(round).authorize_url(endpoint, "web", &scopes, &[]).unwrap();
        let url = url::Url::parse(&url).unwrap();
        let found = url.query_pairs().find(|(name, _)| name == "prompt");
        found.map(|(_, value)| value.into_owned())
    };
    let (op, google) = ("https://op.example/auth", "https://accounts.google.com/o/oauth2/v2/auth");
    let check = |round, endpoint, scope, expect: Option<&str>| {
        assert_eq!(prompt(round, endpoint, scope).as_deref(), expect, "{round:?} {scope}");
    };
    check(Round::Ordinary, op, "profile", None);
    check(Round::Ordinary, op, "offline_access", Some("consent"));
    check(Round::Anew, op, "profile", Some("login"));
    check(Round::Anew, op, "offline_access", Some("login consent"));
    check(Round::Anew, google, "profile", Some("select_account"));

    let at = |millis| Timestamp::from_millis(millis);
    let proved = |round, authenticated_at: Option<i64>| {
        let pending = Pending { began_at: at(1_000_000), ..pending().of(round) };
        pending.proved_at(authenticated_at.map(at), at(1_100_000), Span::from_seconds(60))
    };
    assert_eq!(proved(Round::Ordinary, None), Ok(None));
    assert_eq!(proved(Round::Ordinary, Some(5)), Ok(Some(at(5))));
    assert_eq!(proved(Round::Anew, Some(1_050_000)), Ok(Some(at(1_050_000))));
    assert_eq!(proved(Round::Anew, Some(940_000)), Ok(Some(at(940_000))), "the clocks may differ");
    assert_eq!(proved(Round::Anew, Some(939_999)), Err(NotAnew));
    assert_eq!(proved(Round::Anew, None), Ok(Some(at(1_100_000))));
}
