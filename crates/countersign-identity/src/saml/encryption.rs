//! Opens encrypted assertions (XML Encryption 1.1): AES-GCM under a key that RSA-OAEP carries. PKCS #1
//! v1.5 is refused by name, and so is CBC, unless the provider has signed what it stands in: both tell a
//! stranger who may change the text and ask often enough what was encrypted.
//!
//! Whatever goes wrong with the secret parts is one and the same fault.

use super::{
    certificate::unspaced_base64,
    config::AesCbc,
    names::{ASSERTION, DSIG, SHA256, XENC, XENC11},
    refused::{SamlFault, SamlRefused},
    signature::Verified,
    xml::{self, Element},
};
use crate::refused::shown;
use aws_lc_rs::{
    aead::{self, AES_128_GCM, AES_192_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    cipher::{
        self, AES_128, AES_128_KEY_LEN, AES_192, AES_192_KEY_LEN, AES_256, AES_256_KEY_LEN,
        AES_CBC_IV_LEN, DecryptionContext, PaddedBlockDecryptingKey, UnboundCipherKey,
    },
    iv::FixedLength,
    rsa::{
        OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OAEP_SHA384_MGF1SHA384, OAEP_SHA512_MGF1SHA512,
        OaepAlgorithm, OaepPrivateDecryptingKey,
    },
};

/// What is to be done with AES-CBC in one encrypted assertion.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cbc {
    /// The configuration refuses it.
    NotAllowed,
    /// The configuration allows it, and the provider has not signed what it stands in.
    NotCovered,
    /// It may be opened.
    Covered(Covered),
}

/// That a provider's signature covers an encrypted assertion, and was verified.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Covered(());

impl Cbc {
    /// By the setting, and by the verified response that the encrypted assertion stands in.
    pub(crate) fn of(setting: AesCbc, whole: Option<Verified<'_>>, around: &Element) -> Self {
        match (setting, whole) {
            (AesCbc::Refuse, _) => Self::NotAllowed,
            (AesCbc::InSignedResponses, Some(whole)) if whole.has_child(around) => {
                Self::Covered(Covered(()))
            }
            (AesCbc::InSignedResponses, _) => Self::NotCovered,
        }
    }
}

/// What was encrypted.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) assertion: Element,
    pub(crate) sealed: Sealed,
}

/// Whether a change of the encrypted text shows by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sealed {
    /// It does (GCM).
    Tight,
    /// It does not (CBC).
    Loosely,
}

/// The assertion that stands encrypted in `around` (`saml:EncryptedAssertion`).
pub(crate) fn open(
    around: &Element,
    key: &OaepPrivateDecryptingKey,
    cbc: Cbc,
) -> Result<Opened, SamlRefused> {
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
    let content = Content::of(data, cbc)?;
    let mut bytes = cipher_value(data).ok_or_else(|| malformed("no CipherValue"))?;
    let secret = unwrap(wrapped, key, content.key_len())?;
    let plain = content.decrypt(&secret, &mut bytes).ok_or(SamlFault::DecryptionFailed)?;
    let assertion = xml::parse_within(plain, data).map_err(|_| SamlFault::DecryptionFailed)?;
    if assertion.is(ASSERTION, "Assertion") {
        Ok(Opened { assertion, sealed: content.sealed() })
    } else {
        Err(SamlFault::DecryptionFailed.into())
    }
}

/// How the content is encrypted.
#[derive(Clone, Copy, Debug)]
enum Content {
    Gcm(&'static aead::Algorithm),
    Cbc { how: &'static cipher::Algorithm, key_len: usize },
}

impl Content {
    fn of(data: &Element, cbc: Cbc) -> Result<Self, SamlRefused> {
        let (name, _) = method(data)?;
        let refused = |what: String| SamlRefused::new(SamlFault::EncryptionNotAllowed, what);
        match name.strip_prefix(XENC11) {
            Some("aes128-gcm") => return Ok(Self::Gcm(&AES_128_GCM)),
            Some("aes192-gcm") => return Ok(Self::Gcm(&AES_192_GCM)),
            Some("aes256-gcm") => return Ok(Self::Gcm(&AES_256_GCM)),
            Some(_) | None => {}
        }
        let (how, key_len) = match name.strip_prefix(XENC) {
            Some("aes128-cbc") => (&AES_128, AES_128_KEY_LEN),
            Some("aes192-cbc") => (&AES_192, AES_192_KEY_LEN),
            Some("aes256-cbc") => (&AES_256, AES_256_KEY_LEN),
            Some(_) | None => return Err(refused(shown(name))),
        };
        match cbc {
            Cbc::Covered(Covered(())) => Ok(Self::Cbc { how, key_len }),
            Cbc::NotAllowed => Err(refused(shown(name))),
            Cbc::NotCovered => {
                Err(refused(format!("{}, and the response is not signed", shown(name))))
            }
        }
    }

    fn key_len(self) -> usize {
        match self {
            Self::Gcm(how) => how.key_len(),
            Self::Cbc { key_len, .. } => key_len,
        }
    }

    fn sealed(self) -> Sealed {
        match self {
            Self::Gcm(_) => Sealed::Tight,
            Self::Cbc { .. } => Sealed::Loosely,
        }
    }

    fn decrypt<'b>(self, secret: &[u8], bytes: &'b mut [u8]) -> Option<&'b [u8]> {
        match self {
            Self::Gcm(how) => decrypt_gcm(how, secret, bytes),
            Self::Cbc { how, .. } => decrypt_cbc(how, secret, bytes),
        }
    }
}

/// XML Encryption 1.1 §5.2.4: the nonce stands before, the tag behind.
fn decrypt_gcm<'b>(
    how: &'static aead::Algorithm,
    secret: &[u8],
    bytes: &'b mut [u8],
) -> Option<&'b [u8]> {
    let (nonce, rest) = bytes.split_at_mut_checked(how.nonce_len())?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let key = LessSafeKey::new(UnboundKey::new(how, secret).ok()?);
    key.open_in_place(nonce, Aad::empty(), rest).ok().map(|it| &*it)
}

/// XML Encryption 1.1 §5.2: the vector stands before; the last byte says how many were added, and the
/// others of those may be anything.
fn decrypt_cbc<'b>(
    how: &'static cipher::Algorithm,
    secret: &[u8],
    bytes: &'b mut [u8],
) -> Option<&'b [u8]> {
    let (vector, rest) = bytes.split_at_mut_checked(AES_CBC_IV_LEN)?;
    let vector = FixedLength::try_from(&*vector).ok()?;
    let key = UnboundCipherKey::new(how, secret).ok()?;
    let key = PaddedBlockDecryptingKey::cbc_iso10126(key).ok()?;
    key.decrypt(rest, DecryptionContext::Iv128(vector)).ok().map(|it| &*it)
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
const SHA384: &str = "http://www.w3.org/2001/04/xmldsig-more#sha384";
const SHA512: &str = "http://www.w3.org/2001/04/xmlenc#sha512";
const MGF1_SHA1: &str = "http://www.w3.org/2009/xmlenc11#mgf1sha1";
