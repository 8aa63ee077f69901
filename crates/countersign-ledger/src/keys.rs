//! The three kinds of keys: the log's signing key, the master key that wraps, and the session keys
//! that recordings are encrypted with. Keys are wiped when dropped and never printed; randomness
//! is given by the caller, and no key is ever written to a file here.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::fmt;
use zeroize::Zeroizing;

use crate::note::VerifierKey;

/// Bytes of each of the keys.
pub const KEY_BYTES: usize = 32;
/// Bytes of an AES-GCM tag.
pub(crate) const TAG_BYTES: usize = 16;

/// Why a key or a sealed secret could not be made or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The key is not 32 bytes, or not base64.
    #[error("the key is not 32 bytes of base64")]
    Malformed,
    /// The cryptographic library refused.
    #[error("the cryptographic library refused the operation")]
    Refused,
    /// The sealed bytes are not ours, were changed, or belong to another key or context.
    #[error("the sealed bytes were changed, or belong to another key or context")]
    NotAuthentic,
}

/// The Ed25519 key that signs the log's checkpoints.
pub struct SigningKey {
    seed: Zeroizing<[u8; KEY_BYTES]>,
    pair: Ed25519KeyPair,
}

impl SigningKey {
    /// A new key from the caller's randomness.
    ///
    /// # Errors
    /// [`KeyError::Refused`] when the library refuses the seed.
    pub fn generate(entropy: &mut dyn FnMut(&mut [u8])) -> Result<Self, KeyError> {
        let mut seed = Zeroizing::new([0; KEY_BYTES]);
        entropy(seed.as_mut_slice());
        Self::from_seed(&seed)
    }

    /// The key of an RFC 8032 seed.
    ///
    /// # Errors
    /// [`KeyError::Refused`] when the library refuses the seed.
    pub fn from_seed(seed: &[u8; KEY_BYTES]) -> Result<Self, KeyError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| KeyError::Refused)?;
        Ok(Self { seed: Zeroizing::new(*seed), pair })
    }

    /// The seed, to be sealed and stored by the caller.
    #[must_use]
    pub fn seed(&self) -> Zeroizing<[u8; KEY_BYTES]> {
        self.seed.clone()
    }

    /// What others verify the signatures with, under the log's name.
    #[must_use]
    pub fn verifier_key(&self, name: &str) -> VerifierKey {
        let mut public = [0; KEY_BYTES];
        public.copy_from_slice(self.pair.public_key().as_ref());
        VerifierKey::ed25519(name, public)
    }

    pub(crate) fn sign(&self, message: &[u8]) -> [u8; 64] {
        let mut signature = [0; 64];
        signature.copy_from_slice(self.pair.sign(message).as_ref());
        signature
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SigningKey(…)")
    }
}

/// The AES-256 key that one session's recordings are encrypted with. Who destroys it (and what was
/// wrapped of it) erases the recordings and keeps the proof.
pub struct SessionKey {
    bytes: Zeroizing<[u8; KEY_BYTES]>,
    cipher: LessSafeKey,
}

impl SessionKey {
    /// A new key from the caller's randomness.
    ///
    /// # Errors
    /// [`KeyError::Refused`] when the library refuses.
    pub fn generate(entropy: &mut dyn FnMut(&mut [u8])) -> Result<Self, KeyError> {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        entropy(bytes.as_mut_slice());
        Self::from_bytes(&bytes)
    }

    /// The key of these bytes.
    ///
    /// # Errors
    /// [`KeyError::Refused`] when the library refuses.
    pub fn from_bytes(bytes: &[u8; KEY_BYTES]) -> Result<Self, KeyError> {
        Ok(Self { bytes: Zeroizing::new(*bytes), cipher: cipher(bytes)? })
    }

    /// Encrypts in place and gives the tag.
    pub(crate) fn encrypt(
        &self,
        nonce: [u8; NONCE_LEN],
        header: &[u8],
        bytes: &mut [u8],
    ) -> Result<[u8; TAG_BYTES], KeyError> {
        encrypt(&self.cipher, nonce, header, bytes)
    }

    /// Decrypts in place; the last 16 bytes are the tag.
    pub(crate) fn decrypt<'a>(
        &self,
        nonce: [u8; NONCE_LEN],
        header: &[u8],
        bytes: &'a mut [u8],
    ) -> Result<&'a mut [u8], KeyError> {
        self.cipher
            .open_in_place(Nonce::assume_unique_for_key(nonce), Aad::from(header), bytes)
            .map_err(|_| KeyError::NotAuthentic)
    }
}

impl fmt::Debug for SessionKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SessionKey(…)")
    }
}

/// The AES-256 key that wraps session keys and seals small secrets.
pub struct MasterKey {
    cipher: LessSafeKey,
}

impl MasterKey {
    /// The key of these bytes.
    ///
    /// # Errors
    /// [`KeyError::Refused`] when the library refuses.
    pub fn from_bytes(bytes: &[u8; KEY_BYTES]) -> Result<Self, KeyError> {
        Ok(Self { cipher: cipher(bytes)? })
    }

    /// The key of 32 bytes in standard base64, white space around it allowed.
    ///
    /// # Errors
    /// [`KeyError::Malformed`] when the text is anything else.
    pub fn from_base64(text: &str) -> Result<Self, KeyError> {
        let decoded =
            Zeroizing::new(STANDARD.decode(text.trim()).map_err(|_| KeyError::Malformed)?);
        let bytes: Zeroizing<[u8; KEY_BYTES]> =
            Zeroizing::new(decoded.as_slice().try_into().map_err(|_| KeyError::Malformed)?);
        Self::from_bytes(&bytes)
    }

    /// Wraps a session's key for storage, bound to its session.
    ///
    /// # Errors
    /// [`KeyError::Refused`] when the library refuses.
    pub fn wrap(
        &self,
        session_id: &[u8; 16],
        key: &SessionKey,
        entropy: &mut dyn FnMut(&mut [u8]),
    ) -> Result<Vec<u8>, KeyError> {
        self.envelope(WRAP_LABEL, session_id, key.bytes.as_slice(), entropy)
    }

    /// The session key that [`MasterKey::wrap`] wrapped for this session.
    ///
    /// # Errors
    /// [`KeyError::NotAuthentic`] when it was changed or belongs to another session or key.
    pub fn unwrap_key(
        &self,
        session_id: &[u8; 16],
        wrapped: &[u8],
    ) -> Result<SessionKey, KeyError> {
        let opened = self.opened(WRAP_LABEL, session_id, wrapped)?;
        let bytes: Zeroizing<[u8; KEY_BYTES]> =
            Zeroizing::new(opened.as_slice().try_into().map_err(|_| KeyError::Malformed)?);
        SessionKey::from_bytes(&bytes)
    }

    /// Seals a small secret. The context (what it is, whose it is) is not stored, and must be the
    /// same to open it.
    ///
    /// # Errors
    /// [`KeyError::Refused`] when the library refuses.
    pub fn seal(
        &self,
        context: &[u8],
        secret: &[u8],
        entropy: &mut dyn FnMut(&mut [u8]),
    ) -> Result<Vec<u8>, KeyError> {
        self.envelope(SEAL_LABEL, context, secret, entropy)
    }

    /// Opens what [`MasterKey::seal`] sealed in the same context.
    ///
    /// # Errors
    /// [`KeyError::NotAuthentic`] when it was changed or belongs to another context or key.
    pub fn open(&self, context: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        self.opened(SEAL_LABEL, context, sealed)
    }

    fn envelope(
        &self,
        label: &[u8],
        context: &[u8],
        secret: &[u8],
        entropy: &mut dyn FnMut(&mut [u8]),
    ) -> Result<Vec<u8>, KeyError> {
        let mut nonce = [0; NONCE_LEN];
        entropy(&mut nonce);
        let mut body = Zeroizing::new(secret.to_vec());
        let tag = encrypt(&self.cipher, nonce, &bound(label, context), &mut body)?;
        Ok([&[ENVELOPE_VERSION], nonce.as_slice(), &body, &tag].concat())
    }

    fn opened(
        &self,
        label: &[u8],
        context: &[u8],
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let (version, rest) = sealed.split_first().ok_or(KeyError::NotAuthentic)?;
        if *version != ENVELOPE_VERSION {
            return Err(KeyError::NotAuthentic);
        }
        let (nonce, body) = rest.split_first_chunk().ok_or(KeyError::NotAuthentic)?;
        let mut body = Zeroizing::new(body.to_vec());
        let length = self
            .cipher
            .open_in_place(
                Nonce::assume_unique_for_key(*nonce),
                Aad::from(bound(label, context)),
                body.as_mut_slice(),
            )
            .map_err(|_| KeyError::NotAuthentic)?
            .len();
        body.truncate(length);
        Ok(body)
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("MasterKey(…)")
    }
}

fn cipher(bytes: &[u8; KEY_BYTES]) -> Result<LessSafeKey, KeyError> {
    UnboundKey::new(&AES_256_GCM, bytes).map(LessSafeKey::new).map_err(|_| KeyError::Refused)
}

fn encrypt(
    cipher: &LessSafeKey,
    nonce: [u8; NONCE_LEN],
    header: &[u8],
    bytes: &mut [u8],
) -> Result<[u8; TAG_BYTES], KeyError> {
    let tag = cipher
        .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(header), bytes)
        .map_err(|_| KeyError::Refused)?;
    tag.as_ref().try_into().map_err(|_| KeyError::Refused)
}

/// What an envelope is bound to. The label says what kind of envelope it is, and ends in a byte
/// that no label has, so that no label and context read like another pair.
fn bound(label: &[u8], context: &[u8]) -> Vec<u8> {
    [label, &[0], context].concat()
}

const WRAP_LABEL: &[u8] = b"countersign/session-key/v1";
const SEAL_LABEL: &[u8] = b"countersign/secret/v1";
const ENVELOPE_VERSION: u8 = 1;

#[cfg(test)]
mod tests;
