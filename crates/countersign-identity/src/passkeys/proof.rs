//! What a passkey signed (WebAuthn §7.2), as a document of its own: whoever has it and knows what should
//! have been signed can judge it, at any time, without asking anybody.

use super::{
    PasskeyFault, PasskeyRefused, RelyingParty,
    authenticator::{self, NewKey},
    client::{self, Ceremony},
    key::Key,
};
use crate::presented::sha256;
use countersign_model::{
    Digest,
    passkey::{PasskeyBytes, PasskeyProof, SignedKind, SignedWithPasskey, signing_challenge},
};
use serde::{Deserialize, Serialize};

/// What the browser brings of a signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PasskeyAnswer {
    /// The credential id.
    pub id: PasskeyBytes,
    /// `clientDataJSON`.
    pub client_data: PasskeyBytes,
    /// `authenticatorData`.
    pub authenticator_data: PasskeyBytes,
    /// The signature over both.
    pub signature: PasskeyBytes,
    /// Whom the passkey says that it belongs to; it need not say. Nothing signs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_handle: Option<PasskeyBytes>,
}

/// What a good signature says of its passkey.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasskeySignature {
    /// The counter; 0 if it counts nothing.
    pub counter: u32,
    /// Whether the passkey can be copied to other devices.
    pub can_back_up: bool,
    /// Whether it is.
    pub is_backed_up: bool,
}

impl PasskeyAnswer {
    /// As a document, with what the registration left.
    pub fn into_proof(self, public_key: PasskeyBytes, nonce: [u8; 32]) -> PasskeyProof {
        let Self { id, client_data, authenticator_data, signature, user_handle: _ } = self;
        PasskeyProof {
            credential: id,
            public_key,
            authenticator_data,
            client_data,
            signature,
            nonce: PasskeyBytes(nonce.to_vec()),
        }
    }
}

/// Judges a signature: that this key signed this thing, of this kind, asked by a page of this origin
/// alone, for this party, with a person there who was checked. A pure function of what is given.
/// Whether the counter went up, and whose key it is, is for whoever keeps the passkeys.
///
/// # Errors
/// [`PasskeyRefused`], with the first reason.
pub fn verify_passkey(
    proof: &PasskeyProof,
    party_id: &str,
    origin: &str,
    kind: SignedKind,
    digest: &Digest,
) -> Result<PasskeySignature, PasskeyRefused> {
    let nonce = <&[u8; 32]>::try_from(proof.nonce.0.as_slice());
    let nonce = nonce.map_err(|_| PasskeyFault::AnswerMalformed)?;
    let challenge = signing_challenge(kind, digest, nonce);
    client::check(&proof.client_data.0, Ceremony::Get, &challenge, origin)?;
    let data = &proof.authenticator_data.0;
    let said = authenticator::read(data, party_id, NewKey::NotWanted)?;
    let key = Key::read(&proof.public_key.0)?;
    let signed = [data.as_slice(), &sha256(&proof.client_data.0)].concat();
    if !key.holds(&signed, &proof.signature.0) {
        return Err(PasskeyFault::SignatureInvalid.into());
    }
    let (can_back_up, is_backed_up) = (said.can_back_up, said.is_backed_up);
    Ok(PasskeySignature { counter: said.counter, can_back_up, is_backed_up })
}

/// Judges a signature that was kept, by nothing but itself and what should have been signed. The party
/// is the host of the origin that it names: whether that was the console is for the ledger to say.
///
/// # Errors
/// [`PasskeyRefused`], with the first reason.
pub fn verify_signed(
    signed: &SignedWithPasskey,
    kind: SignedKind,
    digest: &Digest,
) -> Result<(RelyingParty, PasskeySignature), PasskeyRefused> {
    let party = RelyingParty::of(&signed.origin).ok().filter(|it| it.origin() == signed.origin);
    let party = party.ok_or(PasskeyFault::OriginMismatch)?;
    let signature = verify_passkey(&signed.proof, party.id(), party.origin(), kind, digest)?;
    Ok((party, signature))
}
