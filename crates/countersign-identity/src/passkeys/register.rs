//! Judges the registration of a passkey (WebAuthn §7.1). Attestation is asked for as `none`: which
//! maker's authenticator it is matters to nobody here, so that the statement of any other format is read
//! as CBOR and then let be. What it would vouch for is never believed either.

use super::{
    PasskeyFault, PasskeyRefused, RelyingParty,
    authenticator::{self, NewKey, broken},
    cbor::Value,
    client::{self, Ceremony},
    key::Key,
};
use countersign_model::{
    Digest,
    passkey::{PasskeyBytes, SignedKind, signing_challenge},
};
use serde::{Deserialize, Serialize};

/// What the browser brings of a new passkey.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewPasskey {
    /// Its credential id.
    pub id: PasskeyBytes,
    /// `clientDataJSON`.
    pub client_data: PasskeyBytes,
    /// `attestationObject`.
    pub attestation: PasskeyBytes,
    /// How the browser reaches it, as the browser says: for its next question only.
    #[serde(default)]
    pub transports: Vec<String>,
}

/// A passkey that was registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisteredPasskey {
    /// Its credential id.
    pub id: PasskeyBytes,
    /// Its public key, as a `COSE_Key`.
    pub public_key: PasskeyBytes,
    /// What it signs with.
    pub algorithm: &'static str,
    /// Its counter; 0 if it counts nothing.
    pub counter: u32,
    /// Whether it can be copied to other devices.
    pub can_back_up: bool,
    /// The model of the authenticator, which nobody vouches for; zeros if it does not say.
    pub model: [u8; 16],
    /// How the browser reaches it; of the known words only.
    pub transports: Vec<String>,
}

/// The challenge of a registration by somebody.
pub fn registration_challenge(user_handle: &Digest, nonce: &[u8; 32]) -> [u8; 32] {
    signing_challenge(SignedKind::Registration, user_handle, nonce)
}

impl NewPasskey {
    /// Judges the registration.
    ///
    /// # Errors
    /// [`PasskeyRefused`], with the first reason.
    pub fn register(
        &self,
        party: &RelyingParty,
        challenge: &[u8; 32],
    ) -> Result<RegisteredPasskey, PasskeyRefused> {
        client::check(&self.client_data.0, Ceremony::Create, challenge, party.origin())?;
        let attestation = Value::read(&self.attestation.0).map_err(broken)?;
        let data = authenticator_data(&attestation)?;
        let said = authenticator::read(data, party.id(), NewKey::Wanted)?;
        let new = said.credential.ok_or(PasskeyFault::FlagsNotAccepted)?;
        if new.id != self.id.0 {
            return Err(PasskeyFault::CredentialIdMismatch.into());
        }
        let key = Key::read(new.key)?;
        let mut transports = self.transports.clone();
        transports.retain(|it| TRANSPORTS.contains(&it.as_str()));
        transports.sort();
        transports.dedup();
        Ok(RegisteredPasskey {
            id: self.id.clone(),
            public_key: PasskeyBytes(new.key.to_vec()),
            algorithm: key.algorithm.name(),
            counter: said.counter,
            can_back_up: said.can_back_up,
            model: new.model,
            transports,
        })
    }
}

/// The authenticator data of an attestation object (WebAuthn §6.5.4): three members, and no more.
fn authenticator_data(attestation: &Value) -> Result<&[u8], PasskeyRefused> {
    let odd = |detail: &str| PasskeyRefused::new(PasskeyFault::AttestationMalformed, detail);
    let members = attestation.members().ok_or_else(|| odd("no map"))?;
    let at = |name: &str| {
        let named = |key: &Value| matches!(key, Value::Text(text) if text == name);
        members.iter().find(|(key, _)| named(key)).map(|(_, value)| value)
    };
    let (Some(Value::Text(format)), Some(Value::Map(statement)), Some(Value::Bytes(data)), 3) =
        (at("fmt"), at("attStmt"), at("authData"), members.len())
    else {
        return Err(odd("not the three members that it has"));
    };
    if format == "none" && !statement.is_empty() {
        return Err(odd("a statement of the format none"));
    }
    Ok(data)
}

/// WebAuthn §5.8.4.
const TRANSPORTS: [&str; 6] = ["ble", "hybrid", "internal", "nfc", "smart-card", "usb"];
