#![expect(clippy::needless_pass_by_value, reason = "rows of a table hand their JSON over")]

use super::*;
use serde_json::json;

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// An RSA key of so many bytes: any odd number will do to be listed.
fn rsa(bytes: usize, changes: Value) -> Value {
    let mut modulus = vec![0xC3; bytes];
    modulus[bytes - 1] = 1;
    let mut jwk = json!({"kty": "RSA", "kid": "r", "n": encode(&modulus), "e": "AQAB"});
    for (name, value) in changes.as_object().unwrap() {
        jwk[name] = value.clone();
    }
    jwk
}

fn usable(keys: &[Value]) -> usize {
    let document = json!({"keys": keys}).to_string();
    KeySet::parse(document.as_bytes(), &Algorithm::ALL).unwrap().len()
}

/// The base point of P-256.
const P256_X: &str = "axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY";
const P256_Y: &str = "T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU";

#[test]
fn keeps_only_keys_that_can_be_trusted() {
    let check =
        |key: Value, expect: usize| assert_eq!(usable(std::slice::from_ref(&key)), expect, "{key}");
    check(rsa(256, json!({})), 1);
    check(rsa(512, json!({"use": "sig", "key_ops": ["verify"], "alg": "PS256"})), 1);
    check(rsa(128, json!({})), 0);
    check(rsa(255, json!({})), 0);
    check(rsa(1025, json!({})), 0);
    check(rsa(256, json!({"e": encode(&[1])})), 0);
    check(rsa(256, json!({"e": encode(&[2])})), 0);
    check(rsa(256, json!({"e": encode(&[3])})), 1);
    check(rsa(256, json!({"e": encode(&[1; 9])})), 0);
    check(rsa(256, json!({"n": ""})), 0);
    check(rsa(256, json!({"use": "enc"})), 0);
    // A SPIFFE bundle has keys for JWTs, and authorities of certificates that sign no token.
    check(rsa(256, json!({"use": "jwt-svid"})), 1);
    check(rsa(256, json!({"use": "x509-svid"})), 0);
    check(rsa(256, json!({"key_ops": ["encrypt"]})), 0);
    check(rsa(256, json!({"key_ops": "verify"})), 0);
    check(rsa(256, json!({"alg": "HS256"})), 0);
    check(rsa(256, json!({"alg": "RSA-OAEP"})), 0);
    check(rsa(256, json!({"alg": "ES256"})), 0);
    check(rsa(256, json!({"kid": 1})), 0);
    check(rsa(256, json!({"d": "AQAB"})), 0);
    check(json!({"kty": "oct", "k": "c2VjcmV0"}), 0);
    check(json!({"kty": "EC", "crv": "P-256", "x": P256_X, "y": P256_Y}), 1);
    check(json!({"kty": "EC", "crv": "P-256", "x": P256_Y, "y": P256_X}), 0);
    check(json!({"kty": "EC", "crv": "P-384", "x": P256_X, "y": P256_Y}), 0);
    check(json!({"kty": "EC", "crv": "secp256k1", "x": P256_X, "y": P256_Y}), 0);
    check(json!({"kty": "EC", "crv": "P-256", "x": P256_X, "y": P256_Y, "alg": "ES384"}), 0);
    for small in SMALL_ORDER {
        assert_eq!(small.len(), 32);
        check(json!({"kty": "OKP", "crv": "Ed25519", "x": encode(small)}), 0);
        let mut signed = small.to_vec();
        signed[31] |= 0x80;
        check(json!({"kty": "OKP", "crv": "Ed25519", "x": encode(&signed)}), 0);
    }
    check(json!({"kty": "OKP", "crv": "X25519", "x": P256_X}), 0);
    check(json!("x"), 0);
}

#[test]
fn refuses_a_document_that_is_no_key_set() {
    let check = |document: &str, expect: BadKeySet| {
        assert_eq!(KeySet::parse(document.as_bytes(), &Algorithm::ALL).err(), Some(expect));
    };
    check("<html>", BadKeySet::NotJson);
    check("[]", BadKeySet::NotJson);
    check(r#"{"keys":[],"keys":[]}"#, BadKeySet::NotJson);
    check("{}", BadKeySet::NoKeys);
    check(r#"{"keys":{}}"#, BadKeySet::NoKeys);
    check(&json!({"keys": vec![0; KEYS_MAX + 1]}).to_string(), BadKeySet::TooMany);
    assert_eq!(usable(&[]), 0);
}

#[test]
fn finds_one_key_or_says_why_not() {
    let mut other = rsa(256, json!({"kid": "other"}));
    other["n"] = json!(encode(&[0xC5; 256]));
    let mut clash = other.clone();
    clash["kid"] = json!("r");
    let set = |keys: &[Value]| {
        KeySet::parse(json!({"keys": keys}).to_string().as_bytes(), &Algorithm::DEFAULT).unwrap()
    };
    let check = |keys: &[Value], kid, algorithm, expect| {
        let found = set(keys).find(kid, algorithm).map(drop).map_err(|it| it.fault());
        assert_eq!(found, expect);
    };
    let one = rsa(256, json!({}));
    let alone = std::slice::from_ref(&one);
    check(alone, Some("r"), Algorithm::RS256, Ok(()));
    check(alone, None, Algorithm::RS256, Ok(()));
    check(alone, Some("R"), Algorithm::RS256, Err(Fault::KeyUnknown));
    check(alone, Some(""), Algorithm::RS256, Err(Fault::KeyUnknown));
    check(alone, Some("r"), Algorithm::ES256, Err(Fault::KeyAlgorithmMismatch));
    check(alone, None, Algorithm::ES256, Err(Fault::KeyUnknown));
    check(&[one.clone(), one.clone()], Some("r"), Algorithm::RS256, Ok(()));
    check(&[one.clone(), other], None, Algorithm::RS256, Err(Fault::KeyAmbiguous));
    check(&[one.clone(), clash], Some("r"), Algorithm::RS256, Err(Fault::KeyAmbiguous));
    let only = rsa(256, json!({"alg": "RS256"}));
    check(&[only], Some("r"), Algorithm::PS256, Err(Fault::KeyAlgorithmMismatch));

    assert!(set(alone).same(&set(&[one.clone(), one.clone()])));
    assert!(!set(alone).same(&set(&[])));
    assert!(!set(alone).same(&set(&[rsa(256, json!({"kid": "s"}))])));
}
