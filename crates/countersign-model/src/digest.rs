//! SHA-256 digests, and what an approval binds to.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// A SHA-256 digest. Written as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// SHA-256 of some bytes.
    pub fn of(bytes: &[u8]) -> Self {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
        let mut out = [0; 32];
        out.copy_from_slice(digest.as_ref());
        Self(out)
    }

    /// SHA-256 of a value's RFC 8785 canonical JSON.
    pub fn of_json(value: &serde_json::Value) -> Self {
        Self::of(crate::json::canonical(value).as_bytes())
    }

    /// The first 12 hexadecimal digits, for people.
    pub fn short(&self) -> String {
        self.to_string().chars().take(12).collect()
    }
}

impl Digest {
    /// The digits in one piece: the ledger writes several of these for each call.
    fn with_text<T>(&self, then: impl FnOnce(&str) -> T) -> T {
        self.with_ascii(|text| then(std::str::from_utf8(text).unwrap_or_default()))
    }

    /// The same as bytes, all of them ASCII, for what is written into a text of bytes.
    pub(crate) fn with_ascii<T>(&self, then: impl FnOnce(&[u8]) -> T) -> T {
        let mut text = [0; 64];
        write_hex(&self.0, &mut text);
        then(&text)
    }
}

fn write_hex(bytes: &[u8], text: &mut [u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |value: u8| DIGITS.get(usize::from(value & 15)).copied().unwrap_or(b'0');
    for (pair, byte) in text.as_chunks_mut::<2>().0.iter_mut().zip(bytes) {
        *pair = [digit(byte >> 4), digit(*byte)];
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with_text(|text| f.write_str(text))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The salt of a call's commitments: 16 random bytes, written in hexadecimal. It is kept with the
/// recording, so that erasing the recording leaves a commitment that tells nothing.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Salt(pub [u8; 16]);

impl fmt::Debug for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Salt")
    }
}

impl Salt {
    fn with_text<T>(&self, then: impl FnOnce(&str) -> T) -> T {
        self.with_ascii(|text| then(std::str::from_utf8(text).unwrap_or_default()))
    }

    /// The same as bytes, all of them ASCII.
    pub(crate) fn with_ascii<T>(&self, then: impl FnOnce(&[u8]) -> T) -> T {
        let mut text = [0; 32];
        write_hex(&self.0, &mut text);
        then(&text)
    }
}

impl Serialize for Salt {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.with_text(|text| serializer.serialize_str(text))
    }
}

impl<'de> Deserialize<'de> for Salt {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.len() != 32 || text.starts_with('+') {
            return Err(serde::de::Error::custom("a salt has 32 hexadecimal digits"));
        }
        let value = u128::from_str_radix(&text, 16).map_err(serde::de::Error::custom)?;
        Ok(Self(value.to_be_bytes()))
    }
}

/// A text that is no digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a digest has 64 lower-case hexadecimal digits")]
pub struct BadDigest;

impl FromStr for Digest {
    type Err = BadDigest;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.as_bytes();
        let mut out = [0; 32];
        if digits.len() != 64 {
            return Err(BadDigest);
        }
        for (slot, pair) in out.iter_mut().zip(digits.chunks_exact(2)) {
            *slot = pair.iter().try_fold(0_u8, |value, digit| {
                let digit = match digit {
                    b'0'..=b'9' => digit - b'0',
                    b'a'..=b'f' => digit - b'a' + 10,
                    0..=b'/' | b':'..=b'`' | b'g'..=u8::MAX => return Err(BadDigest),
                };
                Ok(value << 4 | digit)
            })?;
        }
        Ok(Self(out))
    }
}

impl Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.with_text(|text| serializer.serialize_str(text))
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
