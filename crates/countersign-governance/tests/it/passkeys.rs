//! Passkeys as facts: whose they are, when they are in force, and that their counters go up.

use crate::{
    device::{Device, PARTY, Said},
    world::{World, actor, ada, caller, on_both},
};
use countersign_governance::{Actor, NewPasskeyFacts, PASSKEYS_MAX, PasskeyError};
use countersign_model::{
    CallerKind, Digest, PasskeyId, Timestamp,
    passkey::{PasskeyBytes, SignedKind},
};
use serde_json::Value;

const THING: Digest = Digest([7; 32]);

on_both!(
    what_is_signed_is_judged_again_where_it_counts,
    a_passkey_is_in_force_between_its_two_entries,
    a_counter_goes_up_whoever_asks_at_once,
    who_has_passkeys_and_how_many
);

fn new(credential: &str) -> NewPasskeyFacts {
    NewPasskeyFacts {
        credential: credential.to_owned(),
        name: " The blue key ".to_owned(),
        public_key: "AAAA".to_owned(),
        public_key_digest: Digest::of(b"key"),
        algorithm: "EdDSA".to_owned(),
        party: "gateway.example".to_owned(),
        counter: 3,
        can_back_up: false,
        transports: vec!["usb".to_owned()],
    }
}

fn device() -> Device {
    Device::edwards(1)
}

/// What was registered of a device.
pub(crate) fn of(device: &Device) -> NewPasskeyFacts {
    NewPasskeyFacts {
        credential: PasskeyBytes(device.id.clone()).text(),
        public_key: PasskeyBytes(device.cose.clone()).text(),
        public_key_digest: Digest::of(&device.cose),
        party: PARTY.to_owned(),
        ..new("")
    }
}

/// Signs a trial with the device.
async fn sign(world: &World, who: &Actor, id: PasskeyId, counter: u32) -> Result<(), PasskeyError> {
    let said = Said { counter, kind: SignedKind::Trial, ..Said::default() };
    let signed = device().sign(id, &THING, &said);
    world.governance.use_passkey(who, &signed, SignedKind::Trial, &THING).await.map(|_| ())
}

async fn what_is_signed_is_judged_again_where_it_counts(world: World) {
    let governance = &world.governance;
    let riley = actor("riley", &[]);
    let id = governance.add_passkey(&riley, of(&device())).await.unwrap().id;
    let other = governance.add_passkey(&riley, of(&Device::edwards(2))).await.unwrap().id;
    let trial = SignedKind::Trial;
    let good = || Said { kind: trial, ..Said::default() };
    let uses = async |device: &Device, id, said: Said<'_>, thing: &Digest| {
        let signed = device.sign(id, &THING, &said);
        governance.use_passkey(&riley, &signed, trial, thing).await.unwrap_err().code()
    };
    let other_thing = Digest([8; 32]);
    for (said, thing, code) in [
        (good(), &other_thing, "passkey_challenge_mismatch"),
        (Said::default(), &THING, "passkey_challenge_mismatch"),
        (Said { flags: 1, ..good() }, &THING, "passkey_user_not_verified"),
        (Said { party: "evil.example", ..good() }, &THING, "passkey_party_mismatch"),
        // Another site altogether, right in itself: not the one of the registration.
        (
            Said { party: "evil.example", origin: "https://evil.example", ..good() },
            &THING,
            "passkey_unknown",
        ),
        (Said { flags: 0x0D, ..good() }, &THING, "passkey_backup_changed"),
        (Said { counter: 3, ..good() }, &THING, "passkey_counter_back"),
    ] {
        assert_eq!(uses(&device(), id, said, thing).await, code);
    }
    // The other passkey's name beside this one's signature, and a key that nobody registered.
    assert_eq!(uses(&device(), other, good(), &THING).await, "passkey_unknown");
    assert_eq!(uses(&Device::edwards(3), id, good(), &THING).await, "passkey_unknown");
    let before = governance.passkeys(&riley).await.unwrap();
    assert!(before.iter().all(|it| it.counter == 3 && it.last_used_at.is_none()));
    sign(&world, &riley, id, 4).await.unwrap();
}

async fn a_passkey_is_in_force_between_its_two_entries(mut world: World) {
    let governance = world.governance.clone();
    let (riley, sam) = (actor("riley", &[]), actor("sam", &[]));
    let user = governance.passkey_user(&riley).await.unwrap();
    assert_eq!(governance.passkey_user(&riley).await.unwrap(), user);
    assert_ne!(governance.passkey_user(&sam).await.unwrap(), user);
    let one = governance.add_passkey(&riley, new("one")).await.unwrap();
    assert_eq!((one.name.as_str(), one.counter), ("The blue key", 3));
    let known = governance.add_passkey(&sam, new("one")).await.unwrap_err();
    assert_eq!(known.code(), "passkey_known");
    assert_eq!(governance.passkeys_in_force(&riley).await.unwrap(), std::slice::from_ref(&one));
    assert!(governance.passkeys(&sam).await.unwrap().is_empty());
    for refused in [
        sign(&world, &sam, one.id, 9).await,
        governance.name_passkey(&sam, one.id, "Mine").await.map(|_| ()),
        governance.remove_passkey(&sam, one.id).await.map(|_| ()),
    ] {
        assert!(matches!(refused, Err(PasskeyError::NotFound)), "{refused:?}");
    }
    let named = governance.name_passkey(&riley, one.id, "Red").await.unwrap();
    assert_eq!(named.name, "Red");
    let two = governance.add_passkey(&riley, new("two")).await.unwrap();
    governance.remove_passkey(&riley, two.id).await.unwrap();
    let entries = world.entries("passkey.changed");
    let text = |entry: &Value, name: &str| entry[name].as_str().unwrap().to_owned();
    let said: Vec<_> =
        entries.iter().map(|it| [text(it, "change"), text(it, "credential")].join(" ")).collect();
    assert_eq!(said, ["added one", "added two", "removed two"]);
    assert_eq!(entries[0]["by"], "riley");
    assert_eq!(entries[0]["public_key"], Digest::of(b"key").to_string());
    assert!(!format!("{entries:?}").contains("Red"), "what people call it is nobody's business");

    // What the ledger does not have yet signs nothing; what is removed signs nothing at once.
    world.break_ledger();
    let waits = governance.add_passkey(&riley, new("three")).await.unwrap_err();
    assert_eq!(waits.code(), "ledger_unavailable");
    assert_eq!(governance.passkeys(&riley).await.unwrap().len(), 2);
    assert_eq!(governance.passkeys_in_force(&riley).await.unwrap().len(), 1);
    let removed = governance.remove_passkey(&riley, one.id).await.unwrap_err();
    assert_eq!(removed.code(), "ledger_unavailable");
    assert!(governance.passkeys_in_force(&riley).await.unwrap().is_empty());
}

async fn a_counter_goes_up_whoever_asks_at_once(world: World) {
    let governance = &world.governance;
    let riley = actor("riley", &[]);
    let id = governance.add_passkey(&riley, of(&device())).await.unwrap().id;
    let uses = async |counter| sign(&world, &riley, id, counter).await;
    for back in [0, 1, 3] {
        assert_eq!(uses(back).await.unwrap_err().code(), "passkey_counter_back", "{back}");
    }
    uses(4).await.unwrap();
    assert_eq!(uses(4).await.unwrap_err().code(), "passkey_counter_back");
    let other = world.beside("two").await;
    let (one, two) = tokio::join!(uses(9), sign(&other, &riley, id, 9));
    assert_eq!(usize::from(one.is_ok()) + usize::from(two.is_ok()), 1, "{one:?} {two:?}");
    let quiet = Device::edwards(9);
    let silent = NewPasskeyFacts { counter: 0, ..of(&quiet) };
    let silent = governance.add_passkey(&riley, silent).await.unwrap().id;
    for _ in 0..2 {
        let said = Said { counter: 0, kind: SignedKind::Trial, ..Said::default() };
        let signed = quiet.sign(silent, &THING, &said);
        let kind = SignedKind::Trial;
        assert_eq!(
            governance.use_passkey(&riley, &signed, kind, &THING).await.unwrap(),
            world.now()
        );
    }
    let last = governance.passkeys(&riley).await.unwrap().pop().unwrap();
    assert_eq!((last.counter, last.last_used_at), (0, Some(world.now())));
    let made_up = PasskeyId::new(Timestamp::default(), governance.entropy());
    let nobodys = sign(&world, &riley, made_up, 10).await.unwrap_err();
    assert_eq!(nobodys.code(), "not_found");
}

async fn who_has_passkeys_and_how_many(world: World) {
    let governance = &world.governance;
    let agent = governance.actor(&caller("agent:dunning", &[]));
    let mut service = caller("batch", &[]);
    service.kind = CallerKind::Service;
    for (who, code) in [
        (&agent, "not_a_person"),
        (&governance.actor(&service), "not_a_person"),
        (&actor("aud", &["audit"]), "auditor_changes_nothing"),
    ] {
        assert_eq!(governance.add_passkey(who, new("x")).await.unwrap_err().code(), code);
        assert_eq!(governance.passkeys_in_force(who).await.unwrap_err().code(), code);
    }
    let riley = actor("riley", &[]);
    for name in ["", "  ", &"x".repeat(61)] {
        let odd = NewPasskeyFacts { name: name.to_owned(), ..new("x") };
        let odd = governance.add_passkey(&riley, odd).await.unwrap_err();
        assert_eq!(odd.code(), "invalid_passkey", "{name:?}");
    }
    for count in 0..PASSKEYS_MAX {
        governance.add_passkey(&riley, new(&format!("{count}"))).await.unwrap();
    }
    let more = governance.add_passkey(&riley, new("more")).await.unwrap_err();
    assert_eq!(more.code(), "invalid_passkey");
    let first = governance.passkeys(&riley).await.unwrap()[0].id;
    governance.suspend(&ada(), &"riley".into(), "left").await.unwrap();
    for refused in [
        sign(&world, &riley, first, 9).await,
        governance.passkeys_in_force(&riley).await.map(|_| ()),
        governance.remove_passkey(&riley, first).await.map(|_| ()),
    ] {
        assert_eq!(refused.unwrap_err().code(), "suspended");
    }
}
