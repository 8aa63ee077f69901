//! Opens encrypted assertions (XML Encryption 1.1): AES-GCM under a key that RSA-OAEP carries. CBC and
//! PKCS #1 v1.5 are refused by name: both tell a stranger who asks often enough what was encrypted.
//!
//! Whatever goes wrong with the secret parts is one and the same fault.

use super::{
    certificate::unspaced_base64,
    names::{ASSERTION, DSIG, XENC, XENC11},
    refused::{SamlFault, SamlRefused},
    xml::{self, Element},
};
use crate::refused::shown;
use aws_lc_rs::{
    aead::{AES_128_GCM, AES_192_GCM, AES_256_GCM, Aad, Algorithm, LessSafeKey, Nonce, UnboundKey},
    rsa::{
        OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OAEP_SHA384_MGF1SHA384, OAEP_SHA512_MGF1SHA512,
        OaepAlgorithm, OaepPrivateDecryptingKey,
    },
};

/// The element that stands encrypted in `around` (`saml:EncryptedAssertion`).
pub(crate) fn open(
    around: &Element,
    key: &OaepPrivateDecryptingKey,
) -> Result<Element, SamlRefused> {
    let malformed = |what: &str| SamlRefused::new(SamlFault::EncryptionNotAllowed, what);
    let children = around.elements().unwrap_or_default();
    let (data, beside) = match children.as_slice() {
        [data] if data.is(XENC, "EncryptedData") => (*data, None),
        [data, key] if data.is(XENC, "EncryptedData") && key.is(XENC, "EncryptedKey") => {
            (*data, Some(*key))
        }
        _ => return Err(malformed("not one EncryptedData")),
    };
    if data.attribute("Type") != Some(ELEMENT) {
        return Err(malformed("not an element"));
    }
    let inside = data.elements().unwrap_or_default();
    let key_inside = inside.iter().filter(|it| it.is(DSIG, "KeyInfo"));
    let key_inside = key_inside.flat_map(|it| it.elements().unwrap_or_default());
    let mut keys = key_inside.filter(|it| it.is(XENC, "EncryptedKey")).chain(beside);
    let (Some(wrapped), None) = (keys.next(), keys.next()) else {
        return Err(malformed("not one EncryptedKey"));
    };
    let content = content_algorithm(data)?;
    let secret = unwrap(wrapped, key, content.key_len())?;
    let mut bytes = cipher_value(data).ok_or_else(|| malformed("no CipherValue"))?;
    let plain = decrypt(content, &secret, &mut bytes).ok_or(SamlFault::DecryptionFailed)?;
    let element = xml::parse_within(plain, data).map_err(|_| SamlFault::DecryptionFailed)?;
    if element.is(ASSERTION, "Assertion") {
        Ok(element)
    } else {
        Err(SamlFault::DecryptionFailed.into())
    }
}

/// XML Encryption 1.1 §5.2.4: the nonce stands before, the tag behind.
fn decrypt<'b>(how: &'static Algorithm, secret: &[u8], bytes: &'b mut [u8]) -> Option<&'b [u8]> {
    let (nonce, rest) = bytes.split_at_mut_checked(how.nonce_len())?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let key = LessSafeKey::new(UnboundKey::new(how, secret).ok()?);
    key.open_in_place(nonce, Aad::empty(), rest).ok().map(|it| &*it)
}

fn content_algorithm(data: &Element) -> Result<&'static Algorithm, SamlRefused> {
    let (name, _) = method(data)?;
    match name.strip_prefix(XENC11) {
        Some("aes128-gcm") => Ok(&AES_128_GCM),
        Some("aes192-gcm") => Ok(&AES_192_GCM),
        Some("aes256-gcm") => Ok(&AES_256_GCM),
        _ => Err(SamlRefused::new(SamlFault::EncryptionNotAllowed, shown(name))),
    }
}

/// The content's key, which must be as long as its algorithm wants.
fn unwrap(
    wrapped: &Element,
    key: &OaepPrivateDecryptingKey,
    secret_bytes: usize,
) -> Result<Vec<u8>, SamlRefused> {
    let how = transport_algorithm(wrapped)?;
    let bytes = cipher_value(wrapped)
        .ok_or_else(|| SamlRefused::new(SamlFault::EncryptionNotAllowed, "no CipherValue"))?;
    let mut room = vec![0; key.min_output_size()];
    let secret = key.decrypt(how, &bytes, &mut room, None);
    let secret = secret.map_err(|_| SamlFault::DecryptionFailed)?;
    if secret.len() == secret_bytes {
        Ok(secret.to_vec())
    } else {
        Err(SamlFault::DecryptionFailed.into())
    }
}

/// OAEP whose hash and mask function are the same: what a provider of cryptography offers. SHA-1 is no
/// weakness there, since nothing rests on its collisions.
fn transport_algorithm(wrapped: &Element) -> Result<&'static OaepAlgorithm, SamlRefused> {
    let (name, parameters) = method(wrapped)?;
    let refused = || SamlRefused::new(SamlFault::EncryptionNotAllowed, shown(name));
    let (mut digest, mut mask) = (SHA1, MGF1_SHA1);
    for parameter in parameters {
        let value = parameter.attribute("Algorithm").ok_or_else(refused)?;
        if parameter.is(DSIG, "DigestMethod") {
            digest = value;
        } else if parameter.is(XENC11, "MGF") && name == OAEP {
            mask = value;
        } else {
            return Err(refused());
        }
    }
    if name != OAEP && name != OAEP_MGF1P {
        return Err(refused());
    }
    match (digest, mask.strip_prefix(XENC11)) {
        (SHA1, Some("mgf1sha1")) => Ok(&OAEP_SHA1_MGF1SHA1),
        (SHA256, Some("mgf1sha256")) => Ok(&OAEP_SHA256_MGF1SHA256),
        (SHA384, Some("mgf1sha384")) => Ok(&OAEP_SHA384_MGF1SHA384),
        (SHA512, Some("mgf1sha512")) => Ok(&OAEP_SHA512_MGF1SHA512),
        _ => Err(refused()),
    }
}

fn method(element: &Element) -> Result<(&str, Vec<&Element>), SamlRefused> {
    let missing = || SamlRefused::new(SamlFault::EncryptionNotAllowed, "no EncryptionMethod");
    let children = element.elements().unwrap_or_default();
    let method = children.first().filter(|it| it.is(XENC, "EncryptionMethod"));
    let method = method.ok_or_else(missing)?;
    let name = method.attribute("Algorithm").ok_or_else(missing)?;
    Ok((name, method.elements().ok_or_else(missing)?))
}

fn cipher_value(element: &Element) -> Option<Vec<u8>> {
    let children = element.elements()?;
    let data = children.iter().find(|it| it.is(XENC, "CipherData"))?.elements()?;
    match data.as_slice() {
        [value] if value.is(XENC, "CipherValue") => unspaced_base64(value.text()?),
        _ => None,
    }
}

const ELEMENT: &str = "http://www.w3.org/2001/04/xmlenc#Element";
const OAEP_MGF1P: &str = "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p";
const OAEP: &str = "http://www.w3.org/2009/xmlenc11#rsa-oaep";
const SHA1: &str = "http://www.w3.org/2000/09/xmldsig#sha1";
const SHA256: &str = "http://www.w3.org/2001/04/xmlenc#sha256";
const SHA384: &str = "http://www.w3.org/2001/04/xmldsig-more#sha384";
const SHA512: &str = "http://www.w3.org/2001/04/xmlenc#sha512";
const MGF1_SHA1: &str = "http://www.w3.org/2009/xmlenc11#mgf1sha1";
