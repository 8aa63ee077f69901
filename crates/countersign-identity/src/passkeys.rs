//! Passkeys of people (Web Authentication Level 3): what a browser brings from an authenticator, judged
//! strictly. A passkey is registered once, and then signs one exact thing at a time: the challenge is a
//! digest of what is signed, so that the signature says what it is for, and a `PasskeyProof` can be
//! judged again later, by anybody, without this gateway.
//!
//! Nothing here signs anybody in, keeps anything, asks an attestation what it says, or knows which
//! passkey is whose: that is the business of whoever keeps them.

mod authenticator;
mod cbor;
mod client;
mod key;
mod party;
mod proof;
mod refused;
mod register;

pub use key::PasskeyAlgorithm;
pub use party::{NoHostName, RelyingParty};
pub use proof::{PasskeyAnswer, PasskeySignature, verify_passkey, verify_signed};
pub use refused::{PasskeyFault, PasskeyRefused};
pub use register::{NewPasskey, RegisteredPasskey, registration_challenge};

#[cfg(test)]
mod tests;
