//! How requests go to the provider: in an address, or in a form whose signature is held here against
//! bytes that are written by hand.

use super::{AUDIENCE, RECIPIENT, Stage, idp::Keys, outcome};
use aws_lc_rs::{
    digest,
    signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use countersign_identity::{Round, SamlRequest};
use rcgen::PublicKeyData as _;
use serde_json::{Value, json};

const REDIRECT: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect";
const POST: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST";

/// A stage whose provider takes requests in these ways.
fn stage(bindings: &[(&str, &str)], changes: Value) -> Stage {
    let stage = Stage::with(changes);
    let usual = stage.idp.metadata("");
    let (before, rest) = usual.split_once("<md:SingleSignOnService").unwrap();
    let (_, behind) = rest.split_once("/>").unwrap();
    let service = |(binding, place): &(&str, &str)| {
        format!("<md:SingleSignOnService Binding=\"{binding}\" Location=\"{place}\"/>")
    };
    let services: String = bindings.iter().map(service).collect();
    let file = stage.directory.path().join("idp.xml");
    std::fs::write(file, format!("{before}{services}{behind}")).unwrap();
    stage
}

#[tokio::test]
async fn the_metadata_say_how_requests_go_and_the_configuration_can_say_which() {
    let (get, post) = ((REDIRECT, "https://idp.example/get"), (POST, "https://idp.example/post"));
    let odd = ("urn:oasis:names:tc:SAML:2.0:bindings:SOAP", "https://idp.example/soap");
    let (any, redirect, form) =
        (json!({}), json!({"request_binding": "redirect"}), json!({"request_binding": "post"}));
    let table = [
        (vec![get, post], &any, "https://idp.example/get"),
        (vec![post, get], &any, "https://idp.example/get"),
        (vec![odd, post], &any, "https://idp.example/post"),
        (vec![get], &redirect, "https://idp.example/get"),
        (vec![get, post], &form, "https://idp.example/post"),
        (vec![post], &redirect, "metadata_unavailable"),
        (vec![get], &form, "metadata_unavailable"),
        (vec![odd], &any, "metadata_unavailable"),
        (vec![], &any, "metadata_unavailable"),
        (vec![(POST, "javascript:alert(1)")], &any, "metadata_unavailable"),
        (vec![(POST, "https://idp.example/post#x")], &any, "metadata_unavailable"),
        (vec![(POST, "/post")], &form, "metadata_unavailable"),
    ];
    for (bindings, changes, expected) in table {
        let stage = stage(&bindings, changes.clone());
        let found = match stage.sign_in.begin(&crate::signin::entropy()).await {
            Ok((SamlRequest::Address(url), _)) => {
                assert!(url.contains("?SAMLRequest="), "{url}");
                url.split('?').next().unwrap().to_owned()
            }
            Ok((SamlRequest::Form(form), _)) => form.action,
            Err(refused) => refused.code().to_owned(),
        };
        assert_eq!(found, expected, "{bindings:?} {changes}");
    }
}

#[tokio::test]
async fn a_posted_request_is_signed_and_is_answered() {
    let changes =
        json!({"name_id_format": "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"});
    let stage = stage(&[(POST, "https://idp.example/post?a=1&amp;b=2")], changes);
    let (request, pending) = stage.sign_in.begin(&crate::signin::entropy()).await.unwrap();
    let SamlRequest::Form(form) = request else { panic!("an address") };
    assert_eq!(form.site, "https://idp.example");
    let message = String::from_utf8(STANDARD.decode(&form.saml_request).unwrap()).unwrap();
    let between = |from: &str, to: &str| {
        message.split_once(from).unwrap().1.split_once(to).unwrap().0.to_owned()
    };
    let id = between(" ID=\"", "\"");

    // What is signed, in canonical form (Exclusive XML Canonicalization §3), written by hand.
    let expected = format!(
        "<samlp:AuthnRequest xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" \
         AssertionConsumerServiceURL=\"{RECIPIENT}\" \
         Destination=\"https://idp.example/post?a=1&amp;b=2\" ID=\"{id}\" \
         IssueInstant=\"2026-11-22T10:00:00.000Z\" ProtocolBinding=\"{POST}\" Version=\"2.0\">\
         <saml:Issuer xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\">{AUDIENCE}</saml:Issuer>\
         <samlp:NameIDPolicy AllowCreate=\"true\" \
         Format=\"urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress\"></samlp:NameIDPolicy>\
         </samlp:AuthnRequest>"
    );
    let value = STANDARD.encode(digest::digest(&digest::SHA256, expected.as_bytes()));
    assert_eq!(between("<ds:DigestValue>", "</ds:DigestValue>"), value, "{message}");
    let exclusive = "http://www.w3.org/2001/10/xml-exc-c14n#";
    let dsig = "http://www.w3.org/2000/09/xmldsig#";
    let info = format!(
        "<ds:SignedInfo xmlns:ds=\"{dsig}\"><ds:CanonicalizationMethod Algorithm=\"{exclusive}\">\
         </ds:CanonicalizationMethod><ds:SignatureMethod \
         Algorithm=\"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256\"></ds:SignatureMethod>\
         <ds:Reference URI=\"#{id}\"><ds:Transforms><ds:Transform \
         Algorithm=\"{dsig}enveloped-signature\"></ds:Transform><ds:Transform \
         Algorithm=\"{exclusive}\"></ds:Transform></ds:Transforms><ds:DigestMethod \
         Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"></ds:DigestMethod>\
         <ds:DigestValue>{value}</ds:DigestValue></ds:Reference></ds:SignedInfo>"
    );
    let signature = STANDARD.decode(between("<ds:SignatureValue>", "</ds:SignatureValue>"));
    let own = rcgen::KeyPair::from_pem(&Keys::shared().own.pem).unwrap();
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, own.subject_public_key_info())
        .verify(info.as_bytes(), &signature.unwrap())
        .unwrap();
    // In its place in the schema: behind the issuer, before everything else.
    assert!(message.contains("</saml:Issuer><ds:Signature "), "{message}");

    let url = url::Url::parse("https://idp.example").unwrap();
    let waiting = super::Waiting { url, pending, request: id };
    let result = stage.finish(&waiting, &waiting.draft().signed(&stage.idp)).await;
    assert_eq!(outcome(&result), "corp:alice@example.com");
}

#[tokio::test]
async fn a_round_for_a_signature_asks_anew_and_takes_no_older_proof() {
    let stage = Stage::new();
    let table = [
        (Round::Ordinary, 300, "corp:alice@example.com"),
        (Round::Anew, 0, "corp:alice@example.com"),
        (Round::Anew, 300, "not_asked_anew"),
    ];
    for (place, (round, ago, expected)) in table.into_iter().enumerate() {
        let waiting = stage.begin_round(round).await;
        let asked = super::idp::request_of(&waiting.url);
        let forced = asked.contains(" ForceAuthn=\"true\"");
        assert_eq!(forced, round == Round::Anew, "{asked}");
        let mut draft = waiting.draft();
        draft.id = format!("_assertion-{place}");
        draft.issued -= ago;
        let signed_in = stage.finish(&waiting, &draft.signed(&stage.idp)).await;
        assert_eq!(outcome(&signed_in), expected, "{round:?} {ago}");
        if let Ok(signed_in) = signed_in {
            assert_eq!(signed_in.proved_at.seconds(), draft.issued);
        }
    }
}
