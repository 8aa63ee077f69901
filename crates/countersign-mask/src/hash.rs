//! Keyed hashes: the same value gives the same hash in every field and in every answer, so joins
//! still work, and nobody without the key can test a guess. It never shows the key.

use std::fmt;

use aws_lc_rs::hmac;

use crate::bytes::span;

/// The key of [`How::Hash`](crate::How::Hash): HMAC-SHA-256 (RFC 2104).
pub struct HashKey(hmac::Key);

impl HashKey {
    /// A key from 32 bytes of a secret.
    #[must_use]
    pub fn new(secret: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// The hash of one value: `h_` and the first 22 characters (132 bits) of the code in base64url.
    #[must_use]
    pub fn hash(&self, value: &[u8]) -> String {
        let mut hashing = self.start();
        hashing.push(value);
        hashing.finish()
    }

    /// Begins the hash of a value that arrives in pieces.
    pub(crate) fn start(&self) -> Hashing {
        Hashing(hmac::Context::with_key(&self.0))
    }
}

impl From<[u8; 32]> for HashKey {
    fn from(secret: [u8; 32]) -> Self {
        Self::new(&secret)
    }
}

impl fmt::Debug for HashKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("HashKey(…)")
    }
}

/// A hash in the making.
pub(crate) struct Hashing(hmac::Context);

impl Hashing {
    pub(crate) fn push(&mut self, piece: &[u8]) {
        self.0.update(piece);
    }

    pub(crate) fn finish(self) -> String {
        let code = self.0.sign();
        let mut text = String::with_capacity(PREFIX.len() + HASH_CHARACTERS);
        text.push_str(PREFIX);
        let mut position = 0;
        while text.len() < PREFIX.len() + HASH_CHARACTERS {
            let mut group = 0_u32;
            for byte in span(code.as_ref(), position, position + 3) {
                group = (group << 8) | u32::from(*byte);
            }
            for shift in [18, 12, 6, 0] {
                if text.len() == PREFIX.len() + HASH_CHARACTERS {
                    break;
                }
                let digit = usize::try_from((group >> shift) & 63).unwrap_or(0);
                text.push(char::from(BASE64URL.get(digit).copied().unwrap_or(b'A')));
            }
            position += 3;
        }
        text
    }
}

impl fmt::Debug for Hashing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Hashing(…)")
    }
}

const PREFIX: &str = "h_";
const HASH_CHARACTERS: usize = 22;
const BASE64URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

#[cfg(test)]
mod tests;
