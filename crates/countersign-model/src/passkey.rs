//! What a passkey signed, as a document: whoever has it, and knows what should have been signed, can
//! judge it at any time, without asking anybody. Here are its words only; it is judged by the crate that
//! judges tokens.

use crate::{Digest, PasskeyId};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Bytes that are written as base64url without padding, in the one way in which they can be; at most
/// [`PASSKEY_BYTES_MAX`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PasskeyBytes(pub Vec<u8>);

impl PasskeyBytes {
    /// Reads the text; `None` if it is none, or too long.
    pub fn read(text: &str) -> Option<Self> {
        if text.len() > PASSKEY_BYTES_MAX.div_ceil(3) * 4 {
            return None;
        }
        URL_SAFE_NO_PAD.decode(text).ok().map(Self)
    }

    /// The text.
    pub fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode(&self.0)
    }
}

impl Serialize for PasskeyBytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text())
    }
}

impl<'de> Deserialize<'de> for PasskeyBytes {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        Self::read(&text).ok_or_else(|| serde::de::Error::custom("no base64url, or too long"))
    }
}

/// Kinds of things that are signed. A signature of one kind is never one of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignedKind {
    /// The registration of a passkey itself.
    Registration,
    /// The decisions of a review, by its reviewer or for the whole campaign.
    ReviewSignOff,
    /// The answer to a held call.
    Approval,
    /// Nothing but that it works.
    Trial,
}

impl SignedKind {
    /// Its name, which stands in the challenge.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Registration => "passkey-registration",
            Self::ReviewSignOff => "review-sign-off",
            Self::Approval => "approval",
            Self::Trial => "passkey-trial",
        }
    }
}

/// What a passkey is asked to sign: SHA-256 over `countersign/<kind>/v1`, the digest of the thing, and
/// a nonce that makes it new each time. Digest and nonce have 32 bytes each, so that no two pairs of
/// kind and digest come to the same bytes.
pub fn signing_challenge(kind: SignedKind, digest: &Digest, nonce: &[u8; 32]) -> [u8; 32] {
    let kind = format!("countersign/{}/v1", kind.name());
    Digest::of(&[kind.as_bytes(), &digest.0, nonce].concat()).0
}

/// What a passkey signed, with all that it takes to judge it. Whose passkey it is follows from the
/// ledger, which has the digest of its public key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PasskeyProof {
    /// The credential id.
    pub credential: PasskeyBytes,
    /// The public key, as a `COSE_Key`.
    pub public_key: PasskeyBytes,
    /// `authenticatorData`.
    pub authenticator_data: PasskeyBytes,
    /// `clientDataJSON`.
    pub client_data: PasskeyBytes,
    /// The signature over both.
    pub signature: PasskeyBytes,
    /// What made the challenge new.
    pub nonce: PasskeyBytes,
}

/// A signature as it is kept beside what it signs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedWithPasskey {
    /// The passkey, by its name here. Entries of the ledger say whose it is, and from when to when.
    pub passkey: PasskeyId,
    /// The console's origin, whose host the passkey is for.
    pub origin: String,
    /// What it signed.
    pub proof: PasskeyProof,
}

impl SignedWithPasskey {
    /// SHA-256 over its canonical JSON: as the ledger has it.
    pub fn digest(&self) -> Digest {
        Digest::of_json(&serde_json::json!(self))
    }
}

/// Bytes of one part of what a browser brings, at most: attestations with certificates are some
/// thousands.
pub const PASSKEY_BYTES_MAX: usize = 16 * 1024;
