use super::*;
use http::HeaderValue;

fn headers(values: &[&str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append(header::AUTHORIZATION, HeaderValue::from_str(value).unwrap());
    }
    headers
}

#[test]
fn finds_the_one_bearer_token() {
    let check = |values: &[&str], expect: Result<&str, &str>| {
        let headers = headers(values);
        assert_eq!(bearer_token(&headers).map_err(|it| it.code()), expect, "{values:?}");
    };
    check(&["Bearer a.b.c"], Ok("a.b.c"));
    check(&["bearer  a.b.c"], Ok("a.b.c"));
    check(&["BEARER x~+/="], Ok("x~+/="));
    check(&[], Err("token_missing"));
    check(&["Bearer"], Err("token_missing"));
    check(&["Bearer "], Err("token_missing"));
    check(&["Basic eA=="], Err("token_missing"));
    check(&["DPoP a.b.c"], Err("token_missing"));
    check(&["Bearera.b.c"], Err("token_missing"));
    check(&["Bearer a.b.c", "Bearer a.b.c"], Err("token_malformed"));
    check(&["Bearer a b"], Err("token_malformed"));
    check(&["Bearer a,b"], Err("token_malformed"));
    check(&["Bearer \"a\""], Err("token_malformed"));
}

#[test]
fn a_token_has_only_the_bytes_of_a_token_wherever_they_stand() {
    let known = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/=";
    for byte in 0..=u8::MAX {
        for place in 0..40 {
            let mut token = [b'a'; 40];
            token[place] = byte;
            assert_eq!(is_token(&token), known.contains(&byte), "{byte:#x} at {place}");
        }
    }
}

#[test]
fn challenges_say_where_to_go_and_what_is_wrong() {
    let url = "https://g.example/.well-known/oauth-protected-resource";
    assert_eq!(challenge(url, None), format!("Bearer resource_metadata=\"{url}\""));
    let missing = Refused::from(Fault::TokenMissing);
    assert_eq!(challenge(url, Some(&missing)), challenge(url, None));
    assert_eq!(
        challenge(url, Some(&Fault::TokenExpired.into())),
        format!(
            "Bearer resource_metadata=\"{url}\", error=\"invalid_token\", \
             error_description=\"The token has expired.\""
        )
    );
    let algorithms = "algs=\"ES256 EdDSA Ed25519 ES384 PS256 RS256\"";
    let check = |fault: Fault, error: &str| {
        let said = challenge(url, Some(&fault.into()));
        let head = format!("DPoP {algorithms}, resource_metadata=\"{url}\", error=\"{error}\", ");
        assert!(said.starts_with(&head), "{said}");
    };
    check(Fault::ProofReplayed, "invalid_dpop_proof");
    check(Fault::ProofNonceNeeded, "use_dpop_nonce");
    assert_eq!(
        scope_challenge("https://g/\"\\\n\u{e9}", &["a:b", "c"]),
        r#"Bearer resource_metadata="https://g/\"\\??", error="insufficient_scope", scope="a:b c""#
    );
}

#[test]
fn every_challenge_is_a_header_value() {
    for fault in Fault::ALL {
        let value = challenge("https://g.example/x", Some(&fault.into()));
        assert!(HeaderValue::from_str(&value).is_ok(), "{value}");
        assert!(fault.code().bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'));
    }
}

#[test]
fn metadata_names_resource_issuers_and_scopes() {
    assert_eq!(
        resource_metadata("https://g.example", &["https://op.example"], &["call"]),
        json!({
            "resource": "https://g.example",
            "authorization_servers": ["https://op.example"],
            "bearer_methods_supported": ["header"],
            "dpop_signing_alg_values_supported":
                ["ES256", "EdDSA", "Ed25519", "ES384", "PS256", "RS256"],
            "scopes_supported": ["call"],
        })
    );
    assert_eq!(resource_metadata("r", &[], &[]).get("scopes_supported"), None);
}
