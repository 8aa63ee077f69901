//! A passkey's public key: a `COSE_Key` (RFC 9052 §7, RFC 9053 §7, RFC 8230 §4) of one of three kinds,
//! with exactly the members that its kind has. The algorithm stands in the key and nowhere else, so no
//! answer can choose another.

use super::{PasskeyFault, PasskeyRefused, authenticator::broken, cbor::Value};
use crate::{Algorithm, keys};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, ParsedPublicKey};

/// What a passkey signs with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasskeyAlgorithm {
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// `EdDSA` on Ed25519.
    EdDsa,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
}

impl PasskeyAlgorithm {
    /// All of them, what is liked best first.
    pub const ALL: [Self; 3] = [Self::EdDsa, Self::Es256, Self::Rs256];

    /// Its number among the COSE algorithms.
    pub const fn number(self) -> i64 {
        match self {
            Self::Es256 => -7,
            Self::EdDsa => -8,
            Self::Rs256 => -257,
        }
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
            Self::Rs256 => "RS256",
        }
    }
}

/// A public key, ready to verify with.
pub(super) struct Key {
    pub(super) algorithm: PasskeyAlgorithm,
    parsed: ParsedPublicKey,
}

impl Key {
    /// Reads a `COSE_Key` and nothing after it.
    pub(super) fn read(cose: &[u8]) -> Result<Self, PasskeyRefused> {
        if cose.len() > KEY_BYTES_MAX {
            return Err(unusable("too long"));
        }
        let key = Value::read(cose).map_err(broken)?;
        let number = |name| key.at(name).and_then(Value::number);
        let algorithm = number(ALG).ok_or_else(|| unusable("no algorithm"))?;
        let algorithm = PasskeyAlgorithm::ALL.into_iter().find(|it| it.number() == algorithm);
        let algorithm = algorithm.ok_or(PasskeyFault::AlgorithmNotAllowed)?;
        let members = key.members().map_or(0, <[_]>::len);
        let bytes = |name, length| {
            let bytes = key.at(name).and_then(Value::bytes);
            bytes.filter(|it| it.len() == length).ok_or_else(|| unusable("a number is not there"))
        };
        let parsed = match (algorithm, number(KTY), number(CRV), members) {
            (PasskeyAlgorithm::Es256, Some(EC2), Some(P256), 5) => {
                let point = [&[4][..], bytes(X, 32)?, bytes(Y, 32)?].concat();
                ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).ok()
            }
            (PasskeyAlgorithm::EdDsa, Some(OKP), Some(ED25519), 4) => {
                keys::edwards(bytes(X, 32)?.to_vec())
            }
            (PasskeyAlgorithm::Rs256, Some(RSA), None, 4) => {
                let part = |name| key.at(name).and_then(Value::bytes).map(<[u8]>::to_vec);
                part(N).zip(part(E)).and_then(|(n, e)| keys::rsa(Algorithm::RS256, n, e))
            }
            (PasskeyAlgorithm::Es256 | PasskeyAlgorithm::EdDsa | PasskeyAlgorithm::Rs256, ..) => {
                return Err(unusable("a key of another kind, or with other members"));
            }
        };
        let parsed = parsed.ok_or_else(|| unusable("no point, or a weak key"))?;
        Ok(Self { algorithm, parsed })
    }

    /// Whether a signature is good: of ECDSA in DER (WebAuthn §6.5.5), in its one form.
    pub(super) fn holds(&self, signed: &[u8], signature: &[u8]) -> bool {
        self.parsed.verify_sig(signed, signature).is_ok()
    }
}

fn unusable(detail: &str) -> PasskeyRefused {
    PasskeyRefused::new(PasskeyFault::KeyNotAccepted, detail)
}

const KTY: i64 = 1;
const ALG: i64 = 3;
const CRV: i64 = -1;
const X: i64 = -2;
const Y: i64 = -3;
/// An RSA key's members have the numbers of a curve's.
const N: i64 = -1;
const E: i64 = -2;
const OKP: i64 = 1;
const EC2: i64 = 2;
const RSA: i64 = 3;
const P256: i64 = 1;
const ED25519: i64 = 6;
/// An RSA key of 4096 bits has some five hundred.
const KEY_BYTES_MAX: usize = 1024;
