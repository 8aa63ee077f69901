//! Signature wrapping, exclusion, and what parsers read differently: made from one genuine response,
//! without the provider's key.

use super::{
    Stage,
    idp::{Draft, Idp, Keys, Style},
    outcome,
};

/// A genuine response and its parts, as an attacker has them.
pub(super) struct Genuine {
    /// With a signed assertion.
    pub(super) response: String,
    /// The assertion with its signature.
    pub(super) assertion: String,
    pub(super) signature: String,
    /// The assertion without its signature.
    pub(super) bare: String,
    /// The bare one, with another ID and of somebody else.
    pub(super) evil: String,
    /// The same response, signed as a whole.
    whole: String,
    /// The first one, signed as a whole too.
    pub(super) both: String,
}

pub(super) const ALICE: &str = "alice@example.com";
const MALLORY: &str = "mallory@evil.example";

impl Genuine {
    fn new(draft: &Draft, idp: &Idp) -> Self {
        let bare = draft.assertion();
        let assertion = idp.sign(&bare);
        Self {
            response: draft.response(&assertion),
            signature: signature_in(&assertion),
            evil: evil(&bare).replace("_assertion-1", "_evil"),
            whole: idp.sign(&draft.response(&bare)),
            both: idp.sign(&draft.response(&assertion)),
            assertion,
            bare,
        }
    }

    /// The response with something in place of its assertion.
    pub(super) fn with(&self, assertion: &str) -> String {
        self.response.replace(&self.assertion, assertion)
    }

    /// The evil assertion with something behind its issuer.
    pub(super) fn evil_with(&self, inside: &str) -> String {
        behind_issuer(&self.evil, inside)
    }
}

pub(super) fn evil(text: &str) -> String {
    text.replace(ALICE, MALLORY).replace(">ops<", ">countersign-admins<")
}

pub(super) fn signature_in(text: &str) -> String {
    let (_, rest) = text.split_once("<ds:Signature ").unwrap();
    let (inside, _) = rest.split_once("</ds:Signature>").unwrap();
    format!("<ds:Signature {inside}</ds:Signature>")
}

pub(super) fn behind_issuer(element: &str, inside: &str) -> String {
    element.replacen("</saml:Issuer>", &format!("</saml:Issuer>{inside}"), 1)
}

pub(super) fn in_object(content: &str) -> String {
    format!("<ds:Object>{content}</ds:Object></ds:Signature>")
}

pub(super) type Make = fn(&Genuine) -> String;

/// Somorovsky and others, “On Breaking SAML: Be Whoever You Want to Be”, in the usual numbers.
const WRAPPED: &[(&str, Make, &str)] = &[
    (
        "XSW1: the signed response in the signature of an evil one",
        |it| {
            let signature = signature_in(&it.whole);
            let original = it.whole.replace(&signature, "");
            let holder =
                signature.replace("</ds:Signature>", &format!("{original}</ds:Signature>"));
            let evil = evil(&original).replace("_response-1", "_evil");
            behind_issuer(&evil.replace("_assertion-1", "_evil-1"), &holder)
        },
        "signature_malformed",
    ),
    (
        "XSW2: the signed response before a detached signature",
        |it| {
            let signature = signature_in(&it.whole);
            let original = it.whole.replace(&signature, "");
            let evil = evil(&original).replace("_response-1", "_evil");
            behind_issuer(&evil.replace("_assertion-1", "_evil-1"), &(original + &signature))
        },
        "response_malformed",
    ),
    (
        "XSW3: an evil assertion before the signed one",
        |it| it.with(&format!("{}{}", it.evil, it.assertion)),
        "assertion_count",
    ),
    (
        "XSW3 turned around",
        |it| it.with(&format!("{}{}", it.assertion, it.evil)),
        "assertion_count",
    ),
    (
        "XSW4: the signed assertion in an evil one",
        |it| {
            let end = format!("{}</saml:Assertion>", it.assertion);
            it.with(&it.evil.replace("</saml:Assertion>", &end))
        },
        "signature_missing",
    ),
    (
        "XSW5: an evil assertion with the signature, the original behind",
        |it| it.with(&format!("{}{}", it.evil_with(&it.signature), it.bare)),
        "assertion_count",
    ),
    (
        "XSW6: the original in the signature of an evil one",
        |it| {
            let holder =
                it.signature.replace("</ds:Signature>", &format!("{}</ds:Signature>", it.bare));
            it.with(&it.evil_with(&holder))
        },
        "signature_malformed",
    ),
    (
        "XSW7: an evil assertion in Extensions",
        |it| {
            let extensions = format!(
                "<samlp:Extensions>{}</samlp:Extensions>",
                evil(&it.bare).replace("_assertion-1", "_e")
            );
            it.response.replace("<samlp:Status>", &format!("{extensions}<samlp:Status>"))
        },
        "response_malformed",
    ),
    (
        "XSW7 with the same ID",
        |it| {
            let extensions = format!("<samlp:Extensions>{}</samlp:Extensions>", evil(&it.bare));
            it.response.replace("<samlp:Status>", &format!("{extensions}<samlp:Status>"))
        },
        "xml_duplicate_id",
    ),
    (
        "XSW8: the original in an Object",
        |it| {
            let holder = it.signature.replace("</ds:Signature>", &in_object(&it.bare));
            it.with(&it.evil_with(&holder))
        },
        "signature_malformed",
    ),
    (
        "the signature alone, with the evil ID",
        |it| it.with(&it.evil_with(&it.signature)),
        "signature_malformed",
    ),
    (
        "the signature alone, with the same ID",
        |it| it.with(&behind_issuer(&evil(&it.bare), &it.signature)),
        "digest_mismatch",
    ),
    (
        "the same ID twice",
        |it| it.with(&format!("{}{}", evil(&it.bare), it.assertion)),
        "xml_duplicate_id",
    ),
    (
        "the same ID twice, as another attribute",
        |it| it.response.replace("<samlp:Status>", "<samlp:Status Id=\"_assertion-1\">"),
        "xml_duplicate_id",
    ),
    (
        "a signed assertion deep in a status",
        |it| {
            let detail =
                format!("<samlp:StatusDetail>{}</samlp:StatusDetail></samlp:Status>", it.assertion);
            it.with(&it.evil).replace("</samlp:Status>", &detail)
        },
        "signature_missing",
    ),
    (
        "the whole response in another element",
        |it| format!("<root>{}</root>", it.response),
        "response_malformed",
    ),
    ("the assertion alone", |it| it.assertion.clone(), "response_malformed"),
    (
        "a signed assertion inside an EncryptedAssertion",
        |it| {
            it.with(&format!(
                "<saml:EncryptedAssertion xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\">{}\
             </saml:EncryptedAssertion>",
                it.assertion
            ))
        },
        "encryption_not_allowed",
    ),
    (
        "an evil assertion beside the response that is signed",
        |it| it.whole.replace("</samlp:Response>", &format!("{}</samlp:Response>", it.evil)),
        "digest_mismatch",
    ),
];

/// Nothing is signed, or what is signed was changed.
const EXCLUDED: &[(&str, Make, &str)] = &[
    ("no signature", |it| it.with(&it.bare), "signature_missing"),
    ("no signature, somebody else", |it| it.with(&evil(&it.bare)), "signature_missing"),
    ("somebody else", |it| evil(&it.response), "digest_mismatch"),
    ("somebody else, in a signed response", |it| evil(&it.whole), "digest_mismatch"),
    (
        "one more group",
        |it| {
            it.response.replace(
                "<saml:AttributeValue>ops",
                "<saml:AttributeValue>x</saml:AttributeValue><saml:AttributeValue>ops",
            )
        },
        "digest_mismatch",
    ),
    (
        "an empty signature value",
        |it| cut(&it.response, "<ds:SignatureValue>", "</ds:SignatureValue>", ""),
        "signature_invalid",
    ),
    (
        "a signature value of zeros",
        |it| cut(&it.response, "<ds:SignatureValue>", "</ds:SignatureValue>", &"A".repeat(344)),
        "signature_invalid",
    ),
    (
        "a signature value that is not base64",
        |it| cut(&it.response, "<ds:SignatureValue>", "</ds:SignatureValue>", "?"),
        "signature_malformed",
    ),
    (
        "an empty digest",
        |it| cut(&it.response, "<ds:DigestValue>", "</ds:DigestValue>", ""),
        "digest_mismatch",
    ),
    (
        "a digest of the changed assertion",
        |it| {
            let digest = digest_of(&evil(&it.bare));
            cut(&evil(&it.response), "<ds:DigestValue>", "</ds:DigestValue>", &digest)
        },
        "signature_invalid",
    ),
    (
        "no reference",
        |it| cut_whole(&it.response, "<ds:Reference ", "</ds:Reference>"),
        "signature_malformed",
    ),
    (
        "an empty reference",
        |it| it.response.replace("URI=\"#_assertion-1\"", "URI=\"\""),
        "signature_malformed",
    ),
    ("no URI", |it| it.response.replace(" URI=\"#_assertion-1\"", ""), "signature_malformed"),
    (
        "a reference by XPointer",
        |it| it.response.replace("URI=\"#_assertion-1\"", "URI=\"#xpointer(id('_assertion-1'))\""),
        "signature_malformed",
    ),
    (
        "a reference to elsewhere",
        |it| it.response.replace("URI=\"#_assertion-1\"", "URI=\"http://127.0.0.1:9/x\""),
        "signature_malformed",
    ),
    (
        "a reference to the response",
        |it| it.response.replace("URI=\"#_assertion-1\"", "URI=\"#_response-1\""),
        "signature_malformed",
    ),
    (
        "another XPath transform",
        |it| {
            it.response.replace(
                "http://www.w3.org/2000/09/xmldsig#enveloped-signature",
                "http://www.w3.org/TR/1999/REC-xpath-19991116",
            )
        },
        "signature_malformed",
    ),
    (
        "an XSLT transform",
        |it| {
            it.response.replace(
                "http://www.w3.org/2000/09/xmldsig#enveloped-signature",
                "http://www.w3.org/TR/1999/REC-xslt-19991116",
            )
        },
        "signature_malformed",
    ),
    (
        "no transforms",
        |it| cut(&it.response, "<ds:Transforms>", "</ds:Transforms>", ""),
        "signature_malformed",
    ),
    (
        "no canonicalisation",
        |it| it.response.replacen("http://www.w3.org/2001/10/xml-exc-c14n#", "urn:none", 1),
        "algorithm_not_allowed",
    ),
    (
        "canonicalisation with comments",
        |it| it.response.replace("xml-exc-c14n#", "xml-exc-c14n#WithComments"),
        "algorithm_not_allowed",
    ),
    (
        "HMAC with the public key",
        |it| it.response.replace("xmldsig-more#rsa-sha256", "xmldsig-more#hmac-sha256"),
        "algorithm_not_allowed",
    ),
    (
        "a comment in the digest (CVE-2025-29775)",
        |it| {
            let digest = digest_of(&evil(&it.bare));
            evil(&it.response)
                .replace("<ds:DigestValue>", &format!("<ds:DigestValue><!--{digest}-->"))
        },
        "xml_not_allowed",
    ),
    (
        "two SignedInfo, the evil one first (CVE-2025-29774)",
        |it| two_signed_infos(it, true),
        "signature_malformed",
    ),
    ("two SignedInfo, the evil one last", |it| two_signed_infos(it, false), "signature_malformed"),
    (
        "two references",
        |it| {
            let (_, reference) = it.response.split_once("<ds:Reference ").unwrap();
            let (reference, _) = reference.split_once("</ds:Reference>").unwrap();
            let second = format!("</ds:Reference><ds:Reference {reference}</ds:Reference>");
            it.response.replacen("</ds:Reference>", &second, 1)
        },
        "signature_malformed",
    ),
    (
        "two signatures in one assertion",
        |it| it.response.replace(&it.signature, &format!("{0}{0}", it.signature)),
        "signature_malformed",
    ),
    (
        "the signature in the subject",
        |it| {
            let moved = it.response.replace(&it.signature, "");
            moved.replace("<saml:Subject>", &format!("<saml:Subject>{}", it.signature))
        },
        "signature_missing",
    ),
];

/// What two readers could take for two documents.
const READ_TWICE: &[(&str, Make, &str)] = &[
    (
        "a comment in the name (CVE-2018-0489)",
        |it| {
            it.response.replace(
                ">alice@example.com</saml:NameID",
                ">alice<!-- -->@example.com</saml:NameID",
            )
        },
        "xml_not_allowed",
    ),
    (
        "a comment anywhere",
        |it| it.response.replace("<samlp:Status>", "<!-- --><samlp:Status>"),
        "xml_not_allowed",
    ),
    (
        "a processing instruction in the name",
        |it| {
            it.response.replace(
                ">alice@example.com</saml:NameID",
                ">alice<?x y?>@example.com</saml:NameID",
            )
        },
        "xml_not_allowed",
    ),
    (
        "CDATA in the name",
        |it| {
            it.response.replace(
                ">alice@example.com</saml:NameID",
                "><![CDATA[alice@example.com]]></saml:NameID",
            )
        },
        "xml_not_allowed",
    ),
    ("a document type", |it| format!("<!DOCTYPE r>{}", it.response), "xml_doctype"),
    (
        "an entity",
        |it| {
            let changed = it.response.replace(ALICE, "&e;");
            format!("<!DOCTYPE r [<!ENTITY e \"alice@example.com\">]>{changed}")
        },
        "xml_doctype",
    ),
    (
        "an entity without a document type",
        |it| it.response.replace(ALICE, "&e;"),
        "xml_not_allowed",
    ),
    (
        "an external entity",
        |it| {
            let changed = it.response.replace(ALICE, "&e;");
            format!("<!DOCTYPE r [<!ENTITY e SYSTEM \"file:///etc/passwd\">]>{changed}")
        },
        "xml_doctype",
    ),
    (
        "a billion laughs",
        |it| {
            let more: String = (1..9)
                .map(|n| format!("<!ENTITY a{n} \"{}\">", format!("&a{};", n - 1).repeat(10)))
                .collect();
            format!(
                "<!DOCTYPE r [<!ENTITY a0 \"aaaaaaaaaa\">{more}]>{}",
                it.response.replace(ALICE, "&a8;")
            )
        },
        "xml_doctype",
    ),
    (
        "an attribute list that makes an ID",
        |it| format!("<!DOCTYPE r [<!ATTLIST Assertion Foo ID #IMPLIED>]>{}", it.response),
        "xml_doctype",
    ),
    (
        "a document type behind a declaration",
        |it| format!("<?xml version=\"1.0\"?>\n<!DOCTYPE r>{}", it.response),
        "xml_doctype",
    ),
    ("a second root", |it| format!("{}<x/>", it.response), "xml_malformed"),
    ("text behind the root", |it| format!("{}x", it.response), "xml_malformed"),
    (
        "half a document",
        |it| it.response.split_at(it.response.len() / 2).0.to_owned(),
        "xml_malformed",
    ),
    (
        "a prefix without a meaning",
        |it| it.response.replace("<samlp:Status>", "<samlp:Status q:a=\"\">"),
        "xml_malformed",
    ),
    (
        "a relative namespace",
        |it| it.response.replacen("<samlp:Response ", "<samlp:Response xmlns:q=\"1\" ", 1),
        "xml_malformed",
    ),
    (
        "the prefix xml with another meaning",
        |it| it.response.replacen("<samlp:Response ", "<samlp:Response xmlns:xml=\"urn:x\" ", 1),
        "xml_malformed",
    ),
    (
        "an attribute twice",
        |it| it.response.replacen(" Version=\"2.0\"", " Version=\"2.0\" Version=\"2.0\"", 1),
        "xml_malformed",
    ),
    (
        "an attribute twice, by two prefixes",
        |it| {
            it.response.replacen(
                "<samlp:Status>",
                "<samlp:Status xmlns:a=\"urn:x\" xmlns:b=\"urn:x\" a:i=\"1\" b:i=\"2\">",
                1,
            )
        },
        "xml_malformed",
    ),
    ("a character that XML has not", |it| it.response.replace(ALICE, "alice&#0;"), "xml_malformed"),
    ("another version", |it| format!("<?xml version=\"1.1\"?>{}", it.response), "xml_not_allowed"),
    (
        "another encoding",
        |it| format!("<?xml version=\"1.0\" encoding=\"UTF-7\"?>{}", it.response),
        "xml_not_allowed",
    ),
    (
        "a depth bomb",
        |it| {
            let bomb = format!("{}{}", "<a>".repeat(20_000), "</a>".repeat(20_000));
            it.with(&format!("{bomb}{}", it.assertion))
        },
        "xml_not_allowed",
    ),
    (
        "a breadth bomb",
        |it| it.with(&format!("{}{}", "<a/>".repeat(21_000), it.assertion)),
        "xml_not_allowed",
    ),
    (
        "the assertion in another namespace",
        |it| it.response.replace("SAML:2.0:assertion", "SAML:1.0:assertion"),
        "response_malformed",
    ),
];

#[tokio::test]
async fn no_wrapped_assertion_is_believed() {
    check(WRAPPED).await;
}

#[tokio::test]
async fn what_is_not_signed_is_not_believed() {
    check(EXCLUDED).await;
}

#[tokio::test]
async fn what_could_be_read_in_two_ways_is_not_read() {
    check(READ_TWICE).await;
}

#[tokio::test]
async fn a_document_of_another_encoding_or_length_is_refused() {
    let stage = Stage::new();
    let waiting = stage.begin().await;
    let response = waiting.draft().signed(&stage.idp);
    let utf16: Vec<u8> =
        format!("\u{FEFF}{response}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let long =
        response.replace("<samlp:Status>", &format!("<samlp:Status>{}", " ".repeat(280_000)));
    let longer = " ".repeat(600_000);
    for (bytes, code) in [
        (utf16.as_slice(), "xml_malformed"),
        (b"\xFF", "xml_malformed"),
        (b"", "xml_malformed"),
        (long.as_bytes(), "response_too_large"),
        (longer.as_bytes(), "response_too_large"),
    ] {
        assert_eq!(outcome(&stage.finish_bytes(Some(&waiting), bytes).await), code);
    }
}

#[tokio::test]
async fn no_key_comes_out_of_the_document() {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let stage = Stage::new();
    let attacker = &Keys::shared().attacker;
    let certificate = STANDARD.encode(&attacker.certificate);
    let evil = Idp::new(attacker);
    let waiting = stage.begin().await;
    let draft = waiting.draft();
    for inside in [
        format!(
            "<ds:X509Data><ds:X509Certificate>{certificate}</ds:X509Certificate></ds:X509Data>"
        ),
        "<ds:KeyValue><ds:RSAKeyValue><ds:Modulus>AQAB</ds:Modulus><ds:Exponent>AQAB</ds:Exponent>\
         </ds:RSAKeyValue></ds:KeyValue>"
            .to_owned(),
        "<ds:RetrievalMethod URI=\"http://127.0.0.1:9/key\"></ds:RetrievalMethod>".to_owned(),
        "<ds:KeyName>idp</ds:KeyName>".to_owned(),
    ] {
        let key_info = format!("<ds:KeyInfo>{inside}</ds:KeyInfo>");
        let style = Style { key_info, ..Style::default() };
        for response in [
            draft.response(&evil.sign_as(&draft.assertion(), &style)),
            evil.sign_as(&draft.response(&draft.assertion()), &style),
        ] {
            let result = stage.finish(&waiting, &response).await;
            assert_eq!(outcome(&result), "signature_invalid", "{inside}");
        }
    }
    for response in [
        // A signature that is right does not make up for one that is not.
        evil.sign(&draft.signed(&stage.idp)),
        stage.idp.sign(&draft.response(&evil.sign(&draft.assertion()))),
    ] {
        assert_eq!(outcome(&stage.finish(&waiting, &response).await), "signature_invalid");
    }
}

pub(super) async fn check(table: &[(&str, Make, &str)]) {
    let stage = Stage::new();
    for (name, make, code) in table {
        stage.next_second();
        let waiting = stage.begin().await;
        let genuine = Genuine::new(&waiting.draft(), &stage.idp);
        let forged = make(&genuine);
        assert_ne!(forged, genuine.response, "{name}: nothing was changed");
        let result = stage.finish(&waiting, &forged).await;
        assert_eq!(outcome(&result), *code, "{name}: {result:?}");
        // Nothing of it was used up, and the genuine one still passes: the table can fail.
        let genuine = stage.finish(&waiting, &genuine.response).await;
        assert!(
            matches!(&*outcome(&genuine), "corp:alice@example.com" | "assertion_replayed"),
            "{name}: {genuine:?}"
        );
    }
}

fn two_signed_infos(it: &Genuine, evil_first: bool) -> String {
    let (_, info) = it.response.split_once("<ds:SignedInfo>").unwrap();
    let (info, _) = info.split_once("</ds:SignedInfo>").unwrap();
    let info = format!("<ds:SignedInfo>{info}</ds:SignedInfo>");
    let forged = cut(&info, "<ds:DigestValue>", "</ds:DigestValue>", &digest_of(&evil(&it.bare)));
    let both = if evil_first { format!("{forged}{info}") } else { format!("{info}{forged}") };
    evil(&it.response).replace(&info, &both)
}

pub(super) fn digest_of(text: &str) -> String {
    use base64::{Engine, engine::general_purpose::STANDARD};
    STANDARD.encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes()))
}

/// The text with something else between two marks.
pub(super) fn cut(text: &str, from: &str, to: &str, new: &str) -> String {
    let (before, rest) = text.split_once(from).unwrap();
    let (_, after) = rest.split_once(to).unwrap();
    format!("{before}{from}{new}{to}{after}")
}

/// The text without what two marks enclose, and without the marks.
fn cut_whole(text: &str, from: &str, to: &str) -> String {
    let (before, rest) = text.split_once(from).unwrap();
    let (_, after) = rest.split_once(to).unwrap();
    format!("{before}{after}")
}
