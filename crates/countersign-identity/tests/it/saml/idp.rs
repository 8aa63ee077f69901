//! An identity provider made small. What it signs it writes in canonical form by hand, so that its
//! signatures owe nothing to the reader that they are held against.

use super::{AUDIENCE, ENTITY, NOW, RECIPIENT};
use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    digest,
    rand::SystemRandom,
    rsa::{OAEP_SHA1_MGF1SHA1, OaepPublicEncryptingKey, PublicEncryptingKey},
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256, RSA_PKCS1_SHA512,
        RsaKeyPair,
    },
};
use base64::{Engine, engine::general_purpose::STANDARD};
use countersign_model::Timestamp;
use rcgen::{KeyPair, PublicKeyData as _};
use std::sync::{Arc, OnceLock};

const DS: &str = "http://www.w3.org/2000/09/xmldsig#";
const SAML: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
const SAMLP: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
pub(super) const MORE: &str = "http://www.w3.org/2001/04/xmldsig-more#";

/// A key pair with its certificate.
#[derive(Clone)]
pub(super) struct Pair {
    pub(super) pem: String,
    pub(super) certificate_pem: String,
    pub(super) certificate: Vec<u8>,
    pkcs8: Vec<u8>,
    spki: Vec<u8>,
}

/// RSA keys take a while to make, so all tests share them.
pub(super) struct Keys {
    pub(super) provider: Pair,
    pub(super) own: Pair,
    pub(super) attacker: Pair,
}

impl Keys {
    pub(super) fn shared() -> Arc<Self> {
        static KEYS: OnceLock<Arc<Keys>> = OnceLock::new();
        let make = || {
            let rsa =
                || KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048);
            let pair = || Pair::new(&rsa().unwrap());
            Arc::new(Self { provider: pair(), own: pair(), attacker: pair() })
        };
        Arc::clone(KEYS.get_or_init(make))
    }
}

impl Pair {
    fn new(key: &KeyPair) -> Self {
        let certificate = rcgen::CertificateParams::new(vec![]).unwrap().self_signed(key).unwrap();
        Self {
            pem: key.serialize_pem(),
            certificate_pem: certificate.pem(),
            certificate: certificate.der().to_vec(),
            pkcs8: key.serialize_der(),
            spki: key.subject_public_key_info(),
        }
    }

    pub(super) fn elliptic() -> Self {
        Self::new(&KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap())
    }

    pub(super) fn fingerprint(&self) -> String {
        let hash = digest::digest(&digest::SHA256, &self.certificate);
        let bytes: Vec<_> = hash.as_ref().iter().map(|it| format!("{it:02X}")).collect();
        bytes.join(":")
    }
}

/// The provider.
pub(super) struct Idp {
    pub(super) pair: Pair,
}

/// How a signature is made, and what it says of itself.
#[derive(Clone)]
pub(super) struct Style {
    pub(super) method: String,
    pub(super) digest_method: String,
    pub(super) canonicalization: String,
    pub(super) transforms: String,
    pub(super) uri: Option<String>,
    /// Behind the one reference.
    pub(super) more_references: String,
    /// Behind `SignatureValue`.
    pub(super) key_info: String,
}

impl Default for Style {
    fn default() -> Self {
        let exclusive = "http://www.w3.org/2001/10/xml-exc-c14n#";
        Self {
            method: format!("{MORE}rsa-sha256"),
            digest_method: "http://www.w3.org/2001/04/xmlenc#sha256".into(),
            canonicalization: format!(
                "<ds:CanonicalizationMethod Algorithm=\"{exclusive}\"></ds:CanonicalizationMethod>"
            ),
            transforms: format!(
                "<ds:Transform Algorithm=\"{DS}enveloped-signature\"></ds:Transform>\
                 <ds:Transform Algorithm=\"{exclusive}\"></ds:Transform>"
            ),
            uri: None,
            more_references: String::new(),
            key_info: String::new(),
        }
    }
}

impl Idp {
    pub(super) fn new(pair: &Pair) -> Self {
        Self { pair: pair.clone() }
    }

    /// Its metadata, with more attributes of the root.
    pub(super) fn metadata(&self, attributes: &str) -> String {
        let certificate = STANDARD.encode(&self.pair.certificate);
        format!(
            "<?xml version=\"1.0\"?>\n<!-- made by hand -->\n<md:EntityDescriptor \
             xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\" xmlns:ds=\"{DS}\" \
             entityID=\"{ENTITY}\"{attributes}>\n <md:IDPSSODescriptor \
             protocolSupportEnumeration=\"{SAMLP}\">\n  <md:KeyDescriptor use=\"signing\">\
             <ds:KeyInfo><ds:X509Data><ds:X509Certificate>\n{certificate}\n</ds:X509Certificate>\
             </ds:X509Data></ds:KeyInfo></md:KeyDescriptor>\n  <md:SingleSignOnService \
             Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect\" \
             Location=\"https://idp.example/sso?tenant=1\"/>\n </md:IDPSSODescriptor>\n\
             </md:EntityDescriptor>\n"
        )
    }

    /// The element, which must be in canonical form, with its signature behind its issuer.
    pub(super) fn sign(&self, element: &str) -> String {
        self.sign_as(element, &Style::default())
    }

    pub(super) fn sign_as(&self, element: &str, style: &Style) -> String {
        let signature = self.signature(element, style);
        element.replacen("</saml:Issuer>", &format!("</saml:Issuer>{signature}"), 1)
    }

    /// The signature of an element in canonical form.
    pub(super) fn signature(&self, element: &str, style: &Style) -> String {
        let id = element.split(" ID=\"").nth(1).unwrap().split('"').next().unwrap();
        let uri = style.uri.clone().unwrap_or_else(|| format!("#{id}"));
        let digest = if style.digest_method.ends_with("sha512") {
            digest::digest(&digest::SHA512, element.as_bytes())
        } else if style.digest_method.ends_with("sha1") {
            digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, element.as_bytes())
        } else {
            digest::digest(&digest::SHA256, element.as_bytes())
        };
        let inside = format!(
            "{}<ds:SignatureMethod Algorithm=\"{}\"></ds:SignatureMethod><ds:Reference \
             URI=\"{uri}\"><ds:Transforms>{}</ds:Transforms><ds:DigestMethod Algorithm=\"{}\">\
             </ds:DigestMethod><ds:DigestValue>{}</ds:DigestValue></ds:Reference>{}",
            style.canonicalization,
            style.method,
            style.transforms,
            style.digest_method,
            STANDARD.encode(digest),
            style.more_references,
        );
        let signed = format!("<ds:SignedInfo xmlns:ds=\"{DS}\">{inside}</ds:SignedInfo>");
        let value = STANDARD.encode(self.raw_signature(signed.as_bytes(), &style.method));
        format!(
            "<ds:Signature xmlns:ds=\"{DS}\"><ds:SignedInfo>{inside}</ds:SignedInfo>\
             <ds:SignatureValue>{value}</ds:SignatureValue>{}</ds:Signature>",
            style.key_info
        )
    }

    fn raw_signature(&self, message: &[u8], method: &str) -> Vec<u8> {
        let random = SystemRandom::new();
        if method.ends_with("ecdsa-sha256") {
            let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &self.pair.pkcs8);
            return key.unwrap().sign(&random, message).unwrap().as_ref().to_vec();
        }
        if method.ends_with("hmac-sha256") {
            // With what everybody knows: the public key.
            let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &self.pair.spki);
            return aws_lc_rs::hmac::sign(&key, message).as_ref().to_vec();
        }
        let encoding =
            if method.ends_with("sha512") { &RSA_PKCS1_SHA512 } else { &RSA_PKCS1_SHA256 };
        let key = RsaKeyPair::from_pkcs8(&self.pair.pkcs8).unwrap();
        let mut signature = vec![0; key.public_modulus_len()];
        key.sign(encoding, &random, message, &mut signature).unwrap();
        signature
    }
}

/// A response as it will be signed, in canonical form.
#[derive(Clone)]
pub(super) struct Draft {
    pub(super) response_issuer: String,
    pub(super) destination: String,
    /// With the name of the attribute, or empty.
    pub(super) response_answers: String,
    pub(super) status: String,
    pub(super) issuer: String,
    pub(super) id: String,
    pub(super) issued: i64,
    pub(super) name_id: String,
    pub(super) name_id_format: String,
    pub(super) method: String,
    pub(super) recipient: String,
    pub(super) answers: String,
    pub(super) confirmed_until: i64,
    pub(super) from: i64,
    pub(super) until: i64,
    pub(super) conditions: String,
    pub(super) session: String,
    pub(super) attributes: Vec<(String, Vec<String>)>,
    /// Behind the statements.
    pub(super) more: String,
}

impl Draft {
    pub(super) fn new(request: &str) -> Self {
        let answers = format!(" InResponseTo=\"{request}\"");
        let named = |name: &str, values: &[&str]| {
            (name.to_owned(), values.iter().map(|it| (*it).to_owned()).collect())
        };
        Self {
            response_issuer: ENTITY.into(),
            destination: RECIPIENT.into(),
            response_answers: answers.clone(),
            status: "urn:oasis:names:tc:SAML:2.0:status:Success".into(),
            issuer: ENTITY.into(),
            id: "_assertion-1".into(),
            issued: NOW,
            name_id: "alice@example.com".into(),
            name_id_format: "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress".into(),
            method: "urn:oasis:names:tc:SAML:2.0:cm:bearer".into(),
            recipient: RECIPIENT.into(),
            answers,
            confirmed_until: NOW + 300,
            from: NOW - 30,
            until: NOW + 300,
            conditions: audience(AUDIENCE),
            session: String::new(),
            attributes: vec![
                named("displayName", &["Alice"]),
                named("mail", &["alice@example.com"]),
                named("groups", &["ops", "staff"]),
            ],
            more: String::new(),
        }
    }

    pub(super) fn assertion(&self) -> String {
        let values = |it: &[String]| -> String {
            let value = |it| format!("<saml:AttributeValue>{it}</saml:AttributeValue>");
            it.iter().map(value).collect()
        };
        let attribute = |(name, texts): &(String, Vec<String>)| {
            format!("<saml:Attribute Name=\"{name}\">{}</saml:Attribute>", values(texts))
        };
        let attributes: String = self.attributes.iter().map(attribute).collect();
        let issued = time(self.issued);
        format!(
            "<saml:Assertion xmlns:saml=\"{SAML}\" ID=\"{}\" IssueInstant=\"{issued}\" \
             Version=\"2.0\"><saml:Issuer>{}</saml:Issuer><saml:Subject><saml:NameID \
             Format=\"{}\">{}</saml:NameID><saml:SubjectConfirmation Method=\"{}\">\
             <saml:SubjectConfirmationData{} NotOnOrAfter=\"{}\" Recipient=\"{}\">\
             </saml:SubjectConfirmationData></saml:SubjectConfirmation></saml:Subject>\
             <saml:Conditions NotBefore=\"{}\" NotOnOrAfter=\"{}\">{}</saml:Conditions>\
             <saml:AuthnStatement AuthnInstant=\"{issued}\"{}></saml:AuthnStatement>\
             <saml:AttributeStatement>{attributes}</saml:AttributeStatement>{}</saml:Assertion>",
            self.id,
            self.issuer,
            self.name_id_format,
            self.name_id,
            self.method,
            self.answers,
            time(self.confirmed_until),
            self.recipient,
            time(self.from),
            time(self.until),
            self.conditions,
            self.session,
            self.more,
        )
    }

    /// A response around what was made of the assertion.
    pub(super) fn response(&self, assertion: &str) -> String {
        format!(
            "<samlp:Response xmlns:samlp=\"{SAMLP}\" Destination=\"{}\" ID=\"_response-1\"{} \
             IssueInstant=\"{}\" Version=\"2.0\"><saml:Issuer xmlns:saml=\"{SAML}\">{}\
             </saml:Issuer><samlp:Status><samlp:StatusCode Value=\"{}\"></samlp:StatusCode>\
             </samlp:Status>{assertion}</samlp:Response>",
            self.destination,
            self.response_answers,
            time(self.issued),
            self.response_issuer,
            self.status,
        )
    }

    /// As most providers send it: the assertion is signed.
    pub(super) fn signed(&self, idp: &Idp) -> String {
        self.response(&idp.sign(&self.assertion()))
    }
}

pub(super) fn audience(name: &str) -> String {
    format!(
        "<saml:AudienceRestriction><saml:Audience>{name}</saml:Audience></saml:AudienceRestriction>"
    )
}

pub(super) fn time(second: i64) -> String {
    Timestamp::from_millis(second * 1000).to_string()
}

/// How an assertion is encrypted.
pub(super) struct Envelope {
    pub(super) content: &'static str,
    pub(super) transport: &'static str,
    pub(super) key: Pair,
    /// Which byte of the ciphertext is changed afterwards.
    pub(super) bent: Option<usize>,
}

impl Default for Envelope {
    fn default() -> Self {
        Self {
            content: "http://www.w3.org/2009/xmlenc11#aes256-gcm",
            transport: "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p",
            key: Keys::shared().own.clone(),
            bent: None,
        }
    }
}

impl Envelope {
    /// `saml:EncryptedAssertion`, in canonical form.
    pub(super) fn seal(&self, plain: &str) -> String {
        let (secret, nonce) = ([9; 32], [4; 12]);
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &secret).unwrap());
        let mut sealed = plain.as_bytes().to_vec();
        let tag = Nonce::assume_unique_for_key(nonce);
        key.seal_in_place_append_tag(tag, Aad::empty(), &mut sealed).unwrap();
        sealed.splice(0..0, nonce);
        if let Some(place) = self.bent {
            sealed[place] ^= 1;
        }
        self.around(&secret, &sealed)
    }

    /// `saml:EncryptedAssertion` around what `secret` has sealed.
    pub(super) fn around(&self, secret: &[u8], sealed: &[u8]) -> String {
        let public = PublicEncryptingKey::from_der(&self.key.spki).unwrap();
        let public = OaepPublicEncryptingKey::new(public).unwrap();
        let mut wrapped = vec![0; public.ciphertext_size()];
        let wrapped = public.encrypt(&OAEP_SHA1_MGF1SHA1, secret, &mut wrapped, None).unwrap();
        format!(
            "<saml:EncryptedAssertion xmlns:saml=\"{SAML}\"><xenc:EncryptedData \
             xmlns:xenc=\"http://www.w3.org/2001/04/xmlenc#\" \
             Type=\"http://www.w3.org/2001/04/xmlenc#Element\"><xenc:EncryptionMethod \
             Algorithm=\"{}\"></xenc:EncryptionMethod><ds:KeyInfo xmlns:ds=\"{DS}\">\
             <xenc:EncryptedKey><xenc:EncryptionMethod Algorithm=\"{}\"></xenc:EncryptionMethod>\
             <xenc:CipherData><xenc:CipherValue>{}</xenc:CipherValue></xenc:CipherData>\
             </xenc:EncryptedKey></ds:KeyInfo><xenc:CipherData><xenc:CipherValue>{}\
             </xenc:CipherValue></xenc:CipherData></xenc:EncryptedData>\
             </saml:EncryptedAssertion>",
            self.content,
            self.transport,
            STANDARD.encode(wrapped),
            STANDARD.encode(sealed),
        )
    }
}

/// The XML of the request in an address.
pub(super) fn request_of(url: &url::Url) -> String {
    let query: std::collections::HashMap<_, _> = url.query_pairs().into_owned().collect();
    let deflated = STANDARD.decode(&query["SAMLRequest"]).unwrap();
    // One stored block (RFC 1951 §3.2.4).
    let length = u16::from_le_bytes([deflated[1], deflated[2]]);
    assert_eq!((deflated[0], usize::from(length)), (1, deflated.len() - 5));
    String::from_utf8(deflated[5..].to_vec()).unwrap()
}

/// The form that a browser posts.
pub(super) fn form(xml: &[u8]) -> String {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.append_pair("SAMLResponse", &STANDARD.encode(xml));
    form.append_pair("RelayState", "/console/approvals");
    form.finish()
}
