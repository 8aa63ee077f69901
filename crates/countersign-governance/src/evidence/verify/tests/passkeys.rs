//! Sign-offs by passkeys: both verifiers find what a passkey did not sign, and whose it is not.

use super::{
    PackOptions, after, campaign_id,
    device::{Device, PARTY, Said},
    entries, facts as plain, found, log, packed, verify_pack, without_the_product,
};
use crate::evidence::facts::Facts;
use countersign_model::{
    Digest, PasskeyId, Subject,
    passkey::{PasskeyBytes, SignedKind, SignedWithPasskey},
    record::{PasskeyChange, PasskeyChanged},
    review::{Covers, SignOff, SignOffProof},
};

const PASSKEY: PasskeyId = PasskeyId::from_bytes([4; 16]);

fn added(device: &Device) -> PasskeyChanged {
    PasskeyChanged {
        passkey: PASSKEY,
        subject: "cora".into(),
        change: PasskeyChange::Added,
        by: "cora".into(),
        credential: PasskeyBytes(device.id.clone()).text(),
        public_key: Digest::of(&device.cose),
        party: PARTY.to_owned(),
    }
}

/// What cora signs for the whole campaign.
fn thing(facts: &Facts) -> Digest {
    let it = &facts.campaign.sign_offs[1];
    SignOff::signed_digest(facts.campaign.id, &it.by, it.covers, it.items, &it.digest)
}

fn signed(facts: &mut Facts) -> &mut SignedWithPasskey {
    let SignOffProof::Passkey { passkey } = &mut facts.campaign.sign_offs[1].proof else {
        panic!("cora signed with a passkey");
    };
    passkey
}

/// The campaign, for which cora signed with this device; the ledger says all that it should.
fn by(device: &Device, said: &Said<'_>, keys: impl IntoIterator<Item = PasskeyChanged>) -> Facts {
    let digest = thing(&plain());
    with(device.sign(PASSKEY, &digest, said), keys)
}

/// The campaign with this signature, and a ledger that backs it.
fn with(signed: SignedWithPasskey, keys: impl IntoIterator<Item = PasskeyChanged>) -> Facts {
    let mut facts = plain();
    facts.campaign.sign_offs[1].proof = SignOffProof::Passkey { passkey: Box::new(signed) };
    facts.entries = log("log.example/one", 7, &entries(&facts, keys));
    facts
}

#[test]
fn a_passkey_of_each_kind_verifies_with_and_without_the_product() {
    for device in [Device::edwards(1), Device::curve(), Device::curve(), Device::rsa()] {
        let pack = packed(&by(&device, &Said::default(), [added(&device)]));
        let verified = verify_pack(&pack, &PackOptions::default()).unwrap();
        assert_eq!((verified.entries, verified.unchecked), (10, vec![]));
        let (code, said) = without_the_product(&pack, &[]);
        assert_eq!(code, 0, "{said}");
    }
}

#[test]
fn what_a_passkey_did_not_sign_is_found() {
    let device = Device::curve();
    let refused = |what: &str, facts: &Facts, code: &str| {
        found(what, facts, &format!("the passkey of cora did not sign this: {code}"));
    };
    let good = || by(&device, &Said::default(), [added(&device)]);
    let changed = |said: Said<'_>| by(&device, &said, [added(&device)]);
    let (challenge, signature) = ("passkey_challenge_mismatch", "passkey_signature_invalid");
    let of = |campaign: u8, who: &str, covers, digest: &Digest| {
        let (who, items) = (Subject::new(who), plain().campaign.sign_offs[1].items);
        let it = SignOff::signed_digest(campaign_id(campaign), &who, covers, items, digest);
        with(device.sign(PASSKEY, &it, &Said::default()), [added(&device)])
    };
    let digest = plain().campaign.sign_offs[1].digest;
    let (whole, own) = (Covers::Campaign, Covers::Own);
    refused("other decisions", &of(1, "cora", whole, &Digest::of(b"other")), challenge);
    refused("another campaign", &of(2, "cora", whole, &digest), challenge);
    refused("another person", &of(1, "olivia", whole, &digest), challenge);
    refused("her own decisions", &of(1, "cora", own, &digest), challenge);
    let kind = SignedKind::Approval;
    refused("an approval", &changed(Said { kind, ..Said::default() }), challenge);
    let unchecked = Said { flags: 1, ..Said::default() };
    refused("nobody checked", &changed(unchecked), "passkey_user_not_verified");
    let absent = Said { flags: 4, ..Said::default() };
    refused("nobody there", &changed(absent), "passkey_user_not_present");
    let new_key = Said { flags: 0x45, ..Said::default() };
    refused("a registration", &changed(new_key), "passkey_flags_not_accepted");
    let elsewhere = Said { party: "evil.example", ..Said::default() };
    refused("another host", &changed(elsewhere), "passkey_party_mismatch");
    let mut forged = good();
    signed(&mut forged).origin = "https://evil.example".to_owned();
    refused("another origin", &forged, "passkey_origin_mismatch");
    let mut forged = good();
    let last = signed(&mut forged).proof.signature.0.last_mut().unwrap();
    *last ^= 1;
    refused("a byte of the signature", &forged, signature);
    let mut forged = good();
    signed(&mut forged).proof.authenticator_data.0[36] ^= 1;
    refused("the counter", &forged, signature);
    let mut forged = good();
    signed(&mut forged).proof.public_key = PasskeyBytes(Device::curve().cose);
    refused("another key", &forged, signature);
    let rsa = Device::rsa();
    let mut forged = by(&rsa, &Said::default(), [added(&rsa)]);
    signed(&mut forged).proof.signature.0[9] ^= 1;
    refused("a byte of an RSA signature", &forged, signature);
    let edwards = Device::edwards(1);
    let mut forged = by(&edwards, &Said::default(), [added(&edwards)]);
    signed(&mut forged).proof.signature.0[9] ^= 1;
    refused("a byte of an Ed25519 signature", &forged, signature);
    for (r, s) in [(vec![0], vec![0]), (vec![1], vec![0]), (vec![0], vec![1])] {
        let integer = |it: &[u8]| [&[2, u8::try_from(it.len()).unwrap()][..], it].concat();
        let both = [integer(&r), integer(&s)].concat();
        let der = [vec![0x30, u8::try_from(both.len()).unwrap()], both].concat();
        let mut forged = good();
        signed(&mut forged).proof.signature.0 = der;
        refused("zeros (CVE-2022-21449)", &forged, signature);
    }
}

#[test]
fn whose_a_passkey_is_stands_in_the_ledger() {
    let device = Device::curve();
    let says = "no entry of the ledger says that the passkey is cora's";
    let keys = |change: fn(&mut PasskeyChanged)| {
        let mut key = added(&device);
        change(&mut key);
        by(&device, &Said::default(), [key])
    };
    found("no entry", &by(&device, &Said::default(), None), says);
    found("another person's", &keys(|it| it.subject = "olivia".into()), says);
    found("another passkey", &keys(|it| it.passkey = PasskeyId::from_bytes([5; 16])), says);
    found("another key", &keys(|it| it.public_key = Digest::of(b"other")), says);
    found("another credential", &keys(|it| it.credential = "AAAA".to_owned()), says);
    found("another host", &keys(|it| it.party = "other.example".to_owned()), says);
    let removed = PasskeyChanged { change: PasskeyChange::Removed, ..added(&device) };
    found("removed before", &by(&device, &Said::default(), [added(&device), removed]), says);
    let mut early = by(&device, &Said::default(), [added(&device)]);
    early.campaign.sign_offs[1].at = after(100);
    found("added afterwards", &early, says);
}

#[test]
fn a_sign_in_is_not_put_in_a_passkeys_place() {
    let device = Device::curve();
    let says = "no entry of the ledger backs the sign-off of cora";
    let mut forged = by(&device, &Said::default(), [added(&device)]);
    forged.campaign.sign_offs[1].proof = SignOffProof::SignIn { signed_in_at: after(290) };
    found("a sign-in", &forged, says);
    // A second signature over the same, which the ledger does not have.
    let mut forged = by(&device, &Said::default(), [added(&device)]);
    let again = Said { counter: 8, ..Said::default() };
    *signed(&mut forged) = device.sign(PASSKEY, &thing(&plain()), &again);
    found("another signature", &forged, says);
}
