//! What the authenticator says (authenticator data, WebAuthn §6.1): for whom, whether a person was there
//! and was checked, its counter, and at a registration the new key.

use super::{PasskeyFault, PasskeyRefused, cbor};
use crate::presented::sha256;

/// What the authenticator says, whose party, person and flags are right.
#[derive(Debug)]
pub(super) struct Said<'d> {
    /// 0 if it counts nothing.
    pub(super) counter: u32,
    /// Whether it can be copied to other devices.
    pub(super) can_back_up: bool,
    /// Whether it is.
    pub(super) is_backed_up: bool,
    pub(super) credential: Option<Attested<'d>>,
}

/// A new key.
#[derive(Debug)]
pub(super) struct Attested<'d> {
    pub(super) model: [u8; 16],
    pub(super) id: &'d [u8],
    /// As it is written, in COSE.
    pub(super) key: &'d [u8],
}

/// Whether there has to be a new key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NewKey {
    Wanted,
    NotWanted,
}

/// Judges what the authenticator says.
pub(super) fn read<'d>(
    data: &'d [u8],
    party_id: &str,
    new_key: NewKey,
) -> Result<Said<'d>, PasskeyRefused> {
    let short = || PasskeyRefused::new(PasskeyFault::DataMalformed, "it ends too early");
    let (party, rest) = data.split_first_chunk::<32>().ok_or_else(short)?;
    let (&flags, rest) = rest.split_first().ok_or_else(short)?;
    let (counter, rest) = rest.split_first_chunk::<4>().ok_or_else(short)?;
    if *party != sha256(party_id.as_bytes()) {
        return Err(PasskeyFault::PartyMismatch.into());
    }
    check_flags(flags, new_key)?;
    let (credential, rest) = match new_key {
        NewKey::Wanted => attested(rest).map(|(it, rest)| (Some(it), rest))?,
        NewKey::NotWanted => (None, rest),
    };
    let rest = if flags & EXTENSIONS == 0 { rest } else { extensions(rest)? };
    if !rest.is_empty() {
        return Err(PasskeyRefused::new(PasskeyFault::DataMalformed, "it goes on after its end"));
    }
    let counter = u32::from_be_bytes(*counter);
    let (can_back_up, is_backed_up) = (flags & CAN_BACK_UP != 0, flags & BACKED_UP != 0);
    Ok(Said { counter, can_back_up, is_backed_up, credential })
}

fn check_flags(flags: u8, new_key: NewKey) -> Result<(), PasskeyRefused> {
    let odd = |detail: &str| Err(PasskeyRefused::new(PasskeyFault::FlagsNotAccepted, detail));
    if flags & RESERVED != 0 {
        return odd("a reserved flag");
    }
    if flags & BACKED_UP != 0 && flags & CAN_BACK_UP == 0 {
        return odd("backed up, and can't be");
    }
    match (new_key, flags & ATTESTED != 0) {
        (NewKey::Wanted, false) => return odd("no new key"),
        (NewKey::NotWanted, true) => return odd("a new key"),
        (NewKey::Wanted, true) | (NewKey::NotWanted, false) => {}
    }
    if flags & USER_PRESENT == 0 {
        return Err(PasskeyFault::UserNotPresent.into());
    }
    if flags & USER_VERIFIED == 0 {
        return Err(PasskeyFault::UserNotVerified.into());
    }
    Ok(())
}

/// The new key, and what stands after it.
fn attested(data: &[u8]) -> Result<(Attested<'_>, &[u8]), PasskeyRefused> {
    let short = || PasskeyRefused::new(PasskeyFault::DataMalformed, "it ends too early");
    let (model, rest) = data.split_first_chunk::<16>().ok_or_else(short)?;
    let (length, rest) = rest.split_first_chunk::<2>().ok_or_else(short)?;
    let length = usize::from(u16::from_be_bytes(*length));
    if !(ID_BYTES_MIN..=ID_BYTES_MAX).contains(&length) {
        let detail = format!("{length} bytes");
        return Err(PasskeyRefused::new(PasskeyFault::CredentialIdLength, detail));
    }
    let (id, rest) = rest.split_at_checked(length).ok_or_else(short)?;
    let (_, after) = cbor::Value::read_first(rest).map_err(broken)?;
    let key = rest.get(..rest.len() - after.len()).unwrap_or_default();
    Ok((Attested { model: *model, id, key }, after))
}

/// What stands after the extensions. None was asked for; authenticators add some by themselves, which
/// mean nothing here.
fn extensions(data: &[u8]) -> Result<&[u8], PasskeyRefused> {
    let (map, rest) = cbor::Value::read_first(data).map_err(broken)?;
    let named = |members: &[(cbor::Value, cbor::Value)]| {
        !members.is_empty() && members.iter().all(|(key, _)| matches!(key, cbor::Value::Text(_)))
    };
    if map.members().is_some_and(named) {
        Ok(rest)
    } else {
        Err(PasskeyRefused::new(PasskeyFault::CborMalformed, "extensions that have no names"))
    }
}

pub(super) fn broken(bad: cbor::BadCbor) -> PasskeyRefused {
    PasskeyRefused::new(PasskeyFault::CborMalformed, bad.to_string())
}

const USER_PRESENT: u8 = 1;
const USER_VERIFIED: u8 = 1 << 2;
const CAN_BACK_UP: u8 = 1 << 3;
const BACKED_UP: u8 = 1 << 4;
const ATTESTED: u8 = 1 << 6;
const EXTENSIONS: u8 = 1 << 7;
const RESERVED: u8 = 1 << 1 | 1 << 5;
/// Fewer could be guessed (WebAuthn §4, credential ID).
const ID_BYTES_MIN: usize = 16;
/// WebAuthn §4, credential ID.
const ID_BYTES_MAX: usize = 1023;
