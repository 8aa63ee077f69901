//! More of wrapping: responses whose two parts are both signed, signed parts moved to where another
//! reader would look for them, and documents that parsers are known to have read differently.

use super::wrapping::{
    ALICE, Genuine, Make, behind_issuer, check, cut, digest_of, evil, in_object, signature_in,
};

/// The evil response around it, unsigned, with another ID than the signed one has.
fn evil_response(it: &Genuine) -> String {
    it.with(&it.evil).replace("_response-1", "_evil-response")
}

/// Within the response that is signed as a whole, too, something in place of its assertion.
fn both_with(it: &Genuine, assertion: &str) -> String {
    it.both.replace(&it.assertion, assertion)
}

fn before_status(response: &str, inside: &str) -> String {
    response.replacen("<samlp:Status>", &format!("{inside}<samlp:Status>"), 1)
}

/// The usual numbers again, with a signature of the response and one of the assertion.
const BOTH_SIGNED: &[(&str, Make, &str)] = &[
    (
        "XSW1: the signed response in the signature of an evil one",
        |it| {
            let signature = signature_in(&it.both);
            let holder =
                signature.replace("</ds:Signature>", &format!("{}</ds:Signature>", it.response));
            behind_issuer(&evil_response(it), &holder)
        },
        "signature_malformed",
    ),
    (
        "XSW2: the signed response before a detached signature",
        |it| {
            behind_issuer(&evil_response(it), &format!("{}{}", it.response, signature_in(&it.both)))
        },
        "response_malformed",
    ),
    (
        "XSW3: an evil assertion before the signed one",
        |it| both_with(it, &format!("{}{}", it.evil, it.assertion)),
        "digest_mismatch",
    ),
    (
        "XSW4: the signed assertion in an evil one",
        |it| {
            let end = format!("{}</saml:Assertion>", it.assertion);
            both_with(it, &it.evil.replace("</saml:Assertion>", &end))
        },
        "digest_mismatch",
    ),
    (
        "XSW5: an evil assertion with the signature, the original behind",
        |it| both_with(it, &format!("{}{}", it.evil_with(&it.signature), it.bare)),
        "digest_mismatch",
    ),
    (
        "XSW6: the original in the signature of an evil one",
        |it| {
            let holder =
                it.signature.replace("</ds:Signature>", &format!("{}</ds:Signature>", it.bare));
            both_with(it, &it.evil_with(&holder))
        },
        "digest_mismatch",
    ),
    (
        "XSW7: an evil assertion in Extensions",
        |it| {
            let extensions = format!("<samlp:Extensions>{}</samlp:Extensions>", it.evil);
            before_status(&it.both, &extensions)
        },
        "response_malformed",
    ),
    (
        "XSW8: the original in an Object",
        |it| {
            let holder = it.signature.replace("</ds:Signature>", &in_object(&it.bare));
            both_with(it, &it.evil_with(&holder))
        },
        "digest_mismatch",
    ),
    ("somebody else in both", |it| evil(&it.both), "digest_mismatch"),
    (
        "the response's signature in an evil assertion",
        |it| it.with(&it.evil_with(&signature_in(&it.both))),
        "signature_malformed",
    ),
    (
        "the same, and the response's ID",
        |it| {
            let taken = it.evil.replace("_evil", "_response-1");
            evil_response(it).replace(&it.evil, &behind_issuer(&taken, &signature_in(&it.both)))
        },
        "digest_mismatch",
    ),
    (
        "the assertion's signature in an evil response",
        |it| behind_issuer(&evil_response(it), &it.signature),
        "signature_malformed",
    ),
    (
        "the same, and the assertion's ID",
        |it| {
            let taken = evil_response(it).replace("_evil-response", "_assertion-1");
            behind_issuer(&taken, &it.signature)
        },
        "digest_mismatch",
    ),
];

/// What the provider signed stands somewhere, and something else where a reader looks.
const MOVED: &[(&str, Make, &str)] = &[
    (
        "a genuine response in Extensions of an evil one",
        |it| {
            let extensions = format!("<samlp:Extensions>{}</samlp:Extensions>", it.both);
            before_status(&evil_response(it), &extensions)
        },
        "response_malformed",
    ),
    (
        "a genuine response in the status of an evil one (CVE-2025-47949)",
        |it| {
            let detail =
                format!("<samlp:StatusDetail>{}</samlp:StatusDetail></samlp:Status>", it.both);
            evil_response(it).replacen("</samlp:Status>", &detail, 1)
        },
        "signature_missing",
    ),
    (
        "a genuine response behind an evil assertion",
        |it| evil_response(it).replace(&it.evil, &format!("{}{}", it.evil, it.both)),
        "response_malformed",
    ),
    ("two responses", |it| format!("{}{}", evil_response(it), it.both), "xml_malformed"),
    (
        "the signed assertion in an Advice",
        |it| {
            let advice = format!("</saml:Conditions><saml:Advice>{}</saml:Advice>", it.assertion);
            it.with(&it.evil.replace("</saml:Conditions>", &advice))
        },
        "signature_missing",
    ),
    (
        "the signed assertion in a confirmation",
        |it| {
            let data = format!("{}</saml:SubjectConfirmationData>", it.assertion);
            it.with(&it.evil.replace("</saml:SubjectConfirmationData>", &data))
        },
        "signature_missing",
    ),
    (
        "the signed assertion as the value of an attribute",
        |it| {
            let value = format!("{}</saml:AttributeValue>", it.assertion);
            it.with(&it.evil.replacen("</saml:AttributeValue>", &value, 1))
        },
        "signature_missing",
    ),
    (
        "the signature behind the assertion (PYSEC-2020-94)",
        |it| it.with(&format!("{}{}", it.evil, it.signature)),
        "response_malformed",
    ),
    (
        "the signature in the response instead",
        |it| behind_issuer(&it.with(&evil(&it.bare)), &it.signature),
        "signature_malformed",
    ),
];

/// What parsers were found to differ about, and what could reach out of the document.
const READ_DIFFERENTLY: &[(&str, Make, &str)] = &[
    (
        "a comment in a group",
        |it| it.response.replace(">ops<", ">countersign-admins<!-- -->ops<"),
        "xml_not_allowed",
    ),
    (
        "a comment in the issuer",
        |it| it.response.replacen("</saml:Issuer>", "<!-- -->.evil.example</saml:Issuer>", 1),
        "xml_not_allowed",
    ),
    (
        "CDATA in the digest",
        |it| it.response.replace("<ds:DigestValue>", "<ds:DigestValue><![CDATA[]]>"),
        "xml_not_allowed",
    ),
    (
        "an external document type",
        |it| format!("<!DOCTYPE r SYSTEM \"http://127.0.0.1:9/x.dtd\">{}", it.response),
        "xml_doctype",
    ),
    (
        "a parameter entity",
        |it| {
            let entity = "<!ENTITY % p SYSTEM \"http://127.0.0.1:9/\"> %p;";
            format!("<!DOCTYPE r [{entity}]>{}", it.response)
        },
        "xml_doctype",
    ),
    (
        "a document type in lower case",
        |it| format!("<!doctype r>{}", it.response),
        "xml_not_allowed",
    ),
    (
        "a document type in the middle",
        |it| before_status(&it.response, "<!DOCTYPE r>"),
        "xml_doctype",
    ),
    (
        "a document type that one reader ends earlier (CVE-2025-25291)",
        |it| {
            let notation = "<!NOTATION n PUBLIC \"]><!--\">";
            format!("<!DOCTYPE r [{notation}]>{}<!-- -->", evil_response(it))
        },
        "xml_doctype",
    ),
    (
        "a namespace that is almost the signature's (CVE-2025-25292)",
        |it| {
            it.response
                .replace("2000/09/xmldsig#\"><ds:SignedInfo", "2000/09/xmldsig\"><ds:SignedInfo")
        },
        "signature_missing",
    ),
    (
        "an evil signature by the same prefix, in another namespace",
        |it| {
            let signature = "<ds:Signature xmlns:ds=\"urn:x\"></ds:Signature>";
            it.with(&behind_issuer(&it.assertion, signature))
        },
        "digest_mismatch",
    ),
    (
        "SignedInfo in another namespace",
        |it| it.response.replace("<ds:SignedInfo>", "<ds:SignedInfo xmlns:ds=\"urn:x\">"),
        "signature_malformed",
    ),
    (
        "a canonical form of nothing (CVE-2025-66568)",
        |it| {
            let odd = evil(&it.response).replacen(
                "<saml:Assertion ",
                "<saml:Assertion xmlns:q=\"1\" ",
                1,
            );
            cut(&odd, "<ds:DigestValue>", "</ds:DigestValue>", &digest_of(""))
        },
        "xml_malformed",
    ),
    (
        "a prefix that means nothing",
        |it| it.response.replacen("<samlp:Status>", "<samlp:Status xmlns:q=\"\">", 1),
        "xml_malformed",
    ),
    (
        "the same ID as xml:id",
        |it| it.response.replace("<samlp:Status>", "<samlp:Status xml:id=\"_assertion-1\">"),
        "xml_duplicate_id",
    ),
    (
        "the same ID in a namespace",
        |it| {
            let status = "<samlp:Status xmlns:w=\"urn:w\" w:Id=\"_assertion-1\">";
            it.response.replace("<samlp:Status>", status)
        },
        "xml_duplicate_id",
    ),
    (
        "an inclusion of a file",
        |it| {
            let include = "<xi:include xmlns:xi=\"http://www.w3.org/2001/XInclude\" \
                           href=\"file:///etc/passwd\" parse=\"text\"></xi:include>";
            before_status(&it.response, include)
        },
        "response_malformed",
    ),
    (
        "half a surrogate by number",
        |it| it.response.replace(ALICE, "alice&#xD800;"),
        "xml_malformed",
    ),
    (
        "a number beyond all characters",
        |it| it.response.replace(ALICE, "alice&#x110000;"),
        "xml_malformed",
    ),
];

#[tokio::test]
async fn no_wrapped_assertion_is_believed_where_both_are_signed() {
    check(BOTH_SIGNED).await;
}

#[tokio::test]
async fn what_is_signed_counts_in_its_own_place_only() {
    check(MOVED).await;
}

#[tokio::test]
async fn what_parsers_differ_about_is_not_read() {
    check(READ_DIFFERENTLY).await;
}
