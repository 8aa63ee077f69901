use super::*;
use crate::{Asked, keys::Public, proof::Proof};
use crate::{
    bound::BoundKey,
    proof::{For, ProofToken},
};
use http::Method;

fn entropy() -> Entropy {
    Entropy::new(|bytes| aws_lc_rs::rand::fill(bytes).unwrap())
}

#[test]
fn a_key_is_read_as_it_was_written() {
    let (key, pem) = ClientKey::make().unwrap();
    let again = ClientKey::read(pem.reveal()).unwrap();
    assert_eq!(again.public(), key.public());
    let jwk = key.public();
    let public = Public::read(jwk.as_object().unwrap(), Algorithm::ES256).unwrap();
    assert_eq!(URL_SAFE_NO_PAD.encode(public.thumbprint()), key.thumbprint());
    let inside = pem.reveal().lines().nth(1).unwrap().to_owned();
    assert!(!format!("{key:?}{pem:?}").contains(&inside));
    for text in ["", "nonsense", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"] {
        assert_eq!(ClientKey::read(text).unwrap_err(), ClientKeyFault::NotAKey);
    }
}

#[test]
fn its_proofs_are_taken_for_what_they_were_made_for() {
    let (key, _) = ClientKey::make().unwrap();
    let now = Timestamp::from_millis(1_800_000_000_000);
    let url = "https://gateway.example/call/a.b?wait=1#x";
    let wanted =
        ProofFor { method: "POST", url, token: Some("the token"), nonce: Some("the nonce") };
    let proof = key.proof(wanted, now, &entropy()).unwrap();
    let public = key.public();
    let public = Public::read(public.as_object().unwrap(), Algorithm::ES256).unwrap();
    let bound = BoundKey { thumbprint: public.thumbprint(), known: Default::default() };
    let home = crate::Home::new("https://gateway.example");
    let check = |token: &str, path: &str, proof: &str| {
        let asked = Asked { method: &Method::POST, home: &home, host: None, path };
        let token = ProofToken::Bound { token, key: &bound };
        let wanted = For { asked, token, now: now.seconds() };
        Proof::check(proof, &wanted, |nonce| {
            assert_eq!(nonce, Some("the nonce"));
            Ok(())
        })
        .map(|it| it.jti)
        .map_err(|refused| refused.code())
    };
    assert!(check("the token", "/call/a.b", &proof).is_ok());
    assert_eq!(check("another", "/call/a.b", &proof), Err("proof_token_mismatch"));
    assert_eq!(check("the token", "/call/a.c", &proof), Err("proof_url_mismatch"));
    let second = key.proof(wanted, now, &entropy()).unwrap();
    assert_ne!(check("the token", "/call/a.b", &second), check("the token", "/call/a.b", &proof));
}
