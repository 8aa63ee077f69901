//! Names of things that Countersign makes. Each is a ULID (time first, so that they sort by age)
//! behind a prefix that says what it names: `call_01KB…`.

use crate::{Entropy, Timestamp};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const ULID_CHARS: usize = 26;
/// The longest prefix with its underscore.
const PREFIX_CHARS_MAX: usize = 5;

/// A text that is no identifier of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an id like {prefix}_01ARZ3NDEKTSV4RRFFQ69G5FAV")]
pub struct BadId {
    text: String,
    prefix: &'static str,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u128);

        impl $name {
            /// A new id: 48 bits of time in milliseconds, 80 random bits.
            pub fn new(now: Timestamp, entropy: &Entropy) -> Self {
                Self(ulid(now, entropy))
            }

            /// The 16 bytes, big-endian, that sort as the text does.
            pub const fn to_bytes(self) -> [u8; 16] {
                self.0.to_be_bytes()
            }

            /// The text in one piece.
            fn with_text<T>(self, then: impl FnOnce(&str) -> T) -> T {
                self.with_ascii(|text| then(std::str::from_utf8(text).unwrap_or_default()))
            }

            /// The same as bytes, all of them ASCII, for what is written into a text of bytes.
            pub(crate) fn with_ascii<T>(self, then: impl FnOnce(&[u8]) -> T) -> T {
                with_ascii(concat!($prefix, "_"), self.0, then)
            }

            /// From the 16 bytes of [`Self::to_bytes`].
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(u128::from_be_bytes(bytes))
            }

            /// When it was made, to the millisecond.
            pub fn made_at(self) -> Timestamp {
                Timestamp::from_millis(i64::try_from(self.0 >> 80).unwrap_or(i64::MAX))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.with_text(|text| f.write_str(text))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = BadId;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.strip_prefix(concat!($prefix, "_"))
                    .and_then(read_ulid)
                    .map(Self)
                    .ok_or_else(|| BadId { text: text.chars().take(64).collect(), prefix: $prefix })
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.with_text(|text| serializer.serialize_str(text))
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let text = String::deserialize(from)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

id!(
    /// Names one call through the gateway.
    CallId,
    "call"
);
id!(
    /// Names one version-carrying line of grants: it stays when the grant gets a new version.
    GrantId,
    "grt"
);
id!(
    /// Names one request for a grant.
    GrantRequestId,
    "grq"
);
id!(
    /// Names one denial that stands over grants.
    DenialId,
    "dny"
);
id!(
    /// Names one run of an access review.
    CampaignId,
    "cmp"
);
id!(
    /// Names one held call's request for a human's answer.
    ApprovalId,
    "apr"
);
id!(
    /// Names a group of calls that belong together.
    SessionId,
    "ses"
);
id!(
    /// Names an entry that waits to be written into the ledger.
    EntryId,
    "ent"
);

id!(
    /// Names an API key; it is no secret, and nothing of the key follows from it.
    ApiKeyId,
    "key"
);

id!(
    /// Names a person's passkey here; its credential id is another.
    PasskeyId,
    "psk"
);

id!(
    /// Names what one person is told.
    NoticeId,
    "ntc"
);

id!(
    /// Names one way of a notice to somebody: receivers know by it what came twice.
    DeliveryId,
    "dlv"
);

fn ulid(now: Timestamp, entropy: &Entropy) -> u128 {
    let mut bytes = [0; 16];
    let (_, random) = bytes.split_at_mut(6);
    random.copy_from_slice(&entropy.bytes::<10>());
    let time = u128::from(u64::try_from(now.millis()).unwrap_or(0) & 0xFFFF_FFFF_FFFF);
    u128::from_be_bytes(bytes) | time << 80
}

/// The id in one piece: the ledger writes several of these for each call.
fn with_ascii<T>(prefix: &str, value: u128, then: impl FnOnce(&[u8]) -> T) -> T {
    let mut text = [b'0'; PREFIX_CHARS_MAX + ULID_CHARS];
    let (head, digits) = text.split_at_mut(prefix.len().min(PREFIX_CHARS_MAX));
    head.iter_mut().zip(prefix.bytes()).for_each(|(slot, byte)| *slot = byte);
    // Twelve digits of five bits at a time fit in a word.
    let word = |shift: u32| u64::try_from(value >> shift & ((1 << 60) - 1)).unwrap_or(0);
    if let Some((first, rest)) = digits.split_first_chunk_mut::<2>()
        && let Some((middle, rest)) = rest.split_first_chunk_mut::<12>()
        && let Some((last, _)) = rest.split_first_chunk_mut::<12>()
    {
        write_digits(first, word(120));
        write_digits(middle, word(60));
        write_digits(last, word(0));
    }
    let length = prefix.len() + ULID_CHARS;
    then(text.get(..length).unwrap_or_default())
}

fn write_digits<const N: usize>(digits: &mut [u8; N], mut word: u64) {
    for slot in digits.iter_mut().rev() {
        let digit = usize::try_from(word & 31).unwrap_or(0);
        *slot = ALPHABET.get(digit).copied().unwrap_or(b'0');
        word >>= 5;
    }
}

fn read_ulid(text: &str) -> Option<u128> {
    // The first character carries three bits: beyond `7` it would not fit in 128.
    if text.len() != ULID_CHARS || text.bytes().next()? > b'7' {
        return None;
    }
    text.bytes().try_fold(0_u128, |value, byte| {
        let digit = ALPHABET.iter().position(|it| *it == byte)?;
        Some(value << 5 | u128::try_from(digit).ok()?)
    })
}

#[cfg(test)]
mod tests;
