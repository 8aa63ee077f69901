//! Passkeys of keys of the test's own: each attack that docs/attacks.md lists is made, and meets its
//! reason. A good registration and a good signature of each algorithm pass first, so that a refusal is
//! of what was changed.

mod device;

use super::{
    cbor::{BadCbor, Value},
    *,
};
use countersign_model::{
    Digest,
    passkey::{PASSKEY_BYTES_MAX, PasskeyBytes, PasskeyProof, SignedKind, signing_challenge},
};
use device::{Data, Device, PARTY, bytes, map, number, text};
use serde_json::{Map, Value as Json, json};

const ORIGIN: &str = "https://gateway.example";
const KIND: SignedKind = SignedKind::ReviewSignOff;
const NONCE: [u8; 32] = [5; 32];

fn party() -> RelyingParty {
    RelyingParty::of(ORIGIN).unwrap()
}

fn thing() -> Digest {
    Digest::of(b"the decisions of a review")
}

fn client(kind: &str, challenge: &[u8]) -> Json {
    json!({
        "type": kind, "challenge": PasskeyBytes(challenge.to_vec()).text(), "origin": ORIGIN,
        "crossOrigin": false,
    })
}

fn register(new: &NewPasskey) -> Result<RegisteredPasskey, PasskeyFault> {
    new.register(&party(), &NONCE).map_err(|refused| refused.fault())
}

fn new(device: &Device, data: &[u8], client: &Json) -> NewPasskey {
    NewPasskey {
        id: PasskeyBytes(device.id.clone()),
        client_data: PasskeyBytes(client.to_string().into_bytes()),
        attestation: PasskeyBytes(device::attestation(data)),
        transports: vec!["usb".to_owned(), "telepathy".to_owned(), "usb".to_owned()],
    }
}

fn good_new(device: &Device) -> NewPasskey {
    new(device, &Data::created(device).bytes(), &client("webauthn.create", &NONCE))
}

fn signed(device: &Device, data: &[u8], client: &str) -> PasskeyProof {
    PasskeyProof {
        credential: PasskeyBytes(device.id.clone()),
        public_key: PasskeyBytes(device.cose.clone()),
        authenticator_data: PasskeyBytes(data.to_vec()),
        client_data: PasskeyBytes(client.as_bytes().to_vec()),
        signature: PasskeyBytes(device.sign(data, client.as_bytes())),
        nonce: PasskeyBytes(NONCE.to_vec()),
    }
}

fn get() -> Json {
    client("webauthn.get", &signing_challenge(KIND, &thing(), &NONCE))
}

fn good(device: &Device) -> PasskeyProof {
    signed(device, &Data::used(7).bytes(), &get().to_string())
}

fn verify(proof: &PasskeyProof) -> Result<PasskeySignature, PasskeyFault> {
    verify_passkey(proof, PARTY, ORIGIN, KIND, &thing()).map_err(|refused| refused.fault())
}

#[test]
fn each_algorithm_registers_and_signs_and_its_proof_is_judged_from_its_text_alone() {
    for device in Device::of_each_kind() {
        let registered = register(&good_new(&device)).unwrap();
        assert_eq!(registered.algorithm, device.name);
        assert_eq!(registered.public_key.0, device.cose);
        assert_eq!((registered.counter, registered.can_back_up), (1, false));
        assert_eq!(registered.transports, ["usb"]);
        let kept = serde_json::to_string(&good(&device)).unwrap();
        let read: PasskeyProof = serde_json::from_str(&kept).unwrap();
        assert_eq!(verify(&read).unwrap().counter, 7);
        let odd = kept.replacen('{', "{\"more\":1,", 1);
        assert!(serde_json::from_str::<PasskeyProof>(&odd).is_err());
    }
}

/// What Chromium and its virtual authenticator made for `http://localhost:7070`, by the console's own
/// script: a registration with the nonce as its challenge, and a signature of [`thing`].
#[test]
fn what_a_real_browser_brought_passes_and_for_nothing_else() {
    let made: Vec<Map<String, Json>> =
        serde_json::from_str(include_str!("tests/chromium.json")).unwrap();
    let origin = "http://localhost:7070";
    let party = RelyingParty::of(origin).unwrap();
    assert_eq!(made.len(), 3);
    for made in made {
        let read = |name: &str| made[name].clone();
        let new: NewPasskey = serde_json::from_value(read("new")).unwrap();
        let registered = new.register(&party, &NONCE).unwrap();
        assert_eq!(json!(registered.algorithm), made["algorithm"]);
        assert_eq!((registered.counter, registered.transports), (1, vec!["usb".to_owned()]));
        let used: PasskeyAnswer = serde_json::from_value(read("used")).unwrap();
        let proof = used.into_proof(registered.public_key, NONCE);
        let signature = verify_passkey(&proof, "localhost", origin, KIND, &thing()).unwrap();
        assert_eq!(signature.counter, 2);
        assert!(verify_passkey(&proof, "localhost", origin, SignedKind::Trial, &thing()).is_err());
        assert!(verify_passkey(&proof, "localhost", ORIGIN, KIND, &thing()).is_err());
        assert!(verify_passkey(&proof, PARTY, origin, KIND, &thing()).is_err());
    }
}

#[test]
fn a_signature_is_of_one_thing_of_one_kind_and_one_moment() {
    let [_, device, _] = Device::of_each_kind();
    let proof = good(&device);
    let other = Digest::of(b"other decisions");
    let fault = |result: Result<_, PasskeyRefused>| result.unwrap_err().fault();
    let mismatch = PasskeyFault::ChallengeMismatch;
    assert_eq!(fault(verify_passkey(&proof, PARTY, ORIGIN, KIND, &other)), mismatch);
    assert_eq!(
        fault(verify_passkey(&proof, PARTY, ORIGIN, SignedKind::Approval, &thing())),
        mismatch
    );
    let mut moved = proof;
    moved.nonce = PasskeyBytes(vec![6; 32]);
    assert_eq!(verify(&moved), Err(mismatch));
    moved.nonce = PasskeyBytes(vec![5; 31]);
    assert_eq!(verify(&moved), Err(PasskeyFault::AnswerMalformed));
    // Bytes can't move from one part of the challenge to the next.
    let kinds = [KIND, SignedKind::Approval, SignedKind::Trial, SignedKind::Registration];
    let all: std::collections::BTreeSet<_> =
        kinds.iter().map(|it| signing_challenge(*it, &thing(), &NONCE)).collect();
    assert_eq!(all.len(), kinds.len());
}

#[test]
fn a_page_of_another_site_gets_nothing() {
    let [device, ..] = Device::of_each_kind();
    let with = |name: &str, value: Json| {
        let mut client = get();
        client[name] = value;
        verify(&signed(&device, &Data::used(7).bytes(), &client.to_string())).map(|it| it.counter)
    };
    for origin in [
        "https://evil.example",
        "https://gateway.example.evil.example",
        "https://gateway.example:443",
        "https://gateway.example:8443",
        "https://gateway.example/",
        "https://GATEWAY.example",
        "http://gateway.example",
        "https://sub.gateway.example",
        "null",
        "",
    ] {
        assert_eq!(with("origin", json!(origin)), Err(PasskeyFault::OriginMismatch), "{origin}");
    }
    assert_eq!(with("crossOrigin", json!(true)), Err(PasskeyFault::CrossOrigin));
    assert_eq!(with("topOrigin", json!("https://evil.example")), Err(PasskeyFault::CrossOrigin));
    assert_eq!(with("crossOrigin", json!("false")), Err(PasskeyFault::ClientDataMalformed));
    assert_eq!(
        with("tokenBinding", json!({"status": "present", "id": "x"})),
        Err(PasskeyFault::TokenBinding)
    );
    assert_eq!(with("tokenBinding", json!("supported")), Err(PasskeyFault::TokenBinding));
    assert_eq!(with("tokenBinding", json!({"status": "supported"})), Ok(7));
    // Browsers add members by chance, so that nobody compares the text.
    assert_eq!(with("other_keys_can_be_added_here", json!("do not compare")), Ok(7));
    let elsewhere = Data { party: "evil.example", ..Data::used(7) };
    let proof = signed(&device, &elsewhere.bytes(), &get().to_string());
    assert_eq!(verify(&proof), Err(PasskeyFault::PartyMismatch));
    let proof = good(&device);
    let refused = verify_passkey(&proof, "other.example", ORIGIN, KIND, &thing()).unwrap_err();
    assert_eq!(refused.fault(), PasskeyFault::PartyMismatch);
}

#[test]
fn the_browsers_words_have_one_form() {
    let [device, ..] = Device::of_each_kind();
    let say = |client: &str| verify(&signed(&device, &Data::used(7).bytes(), client));
    let malformed = Err(PasskeyFault::ClientDataMalformed);
    let good = get().to_string();
    assert!(say(&good).is_ok());
    let twice = good.replacen('{', "{\"origin\":\"https://evil.example\",", 1);
    let escaped = good.replacen('{', "{\"ori\\u0067in\":\"https://evil.example\",", 1);
    let long = good.replacen('{', &format!("{{\"x\":\"{}\",", "x".repeat(5_000)), 1);
    for odd in [twice.as_str(), &escaped, &long, "[]", "", "\u{feff}{}", &format!("{good} x")] {
        assert_eq!(say(odd), malformed, "{odd}");
    }
    for name in ["type", "challenge", "origin"] {
        let mut client: Map<String, Json> = serde_json::from_str(&good).unwrap();
        client.remove(name);
        assert_eq!(say(&json!(client).to_string()), malformed, "{name}");
        client.insert(name.to_owned(), json!(["x"]));
        assert_eq!(say(&json!(client).to_string()), malformed, "{name}");
    }
    let mut client = get();
    client["challenge"] = json!(format!("{}=", client["challenge"].as_str().unwrap()));
    assert_eq!(say(&client.to_string()), malformed);
}

#[test]
fn a_registration_is_no_signature_and_a_signature_no_registration() {
    let [device, ..] = Device::of_each_kind();
    let challenge = signing_challenge(KIND, &thing(), &NONCE);
    let create = client("webauthn.create", &challenge).to_string();
    let proof = signed(&device, &Data::used(7).bytes(), &create);
    assert_eq!(verify(&proof), Err(PasskeyFault::TypeMismatch));
    let proof = signed(&device, &Data::used(7).bytes(), &create.replace("create", "GET"));
    assert_eq!(verify(&proof), Err(PasskeyFault::TypeMismatch));
    let swapped = new(&device, &Data::created(&device).bytes(), &client("webauthn.get", &NONCE));
    assert_eq!(register(&swapped), Err(PasskeyFault::TypeMismatch));
    // And what the authenticator says of itself is of the same ceremony.
    let proof = signed(&device, &Data::created(&device).bytes(), &get().to_string());
    assert_eq!(verify(&proof), Err(PasskeyFault::FlagsNotAccepted));
    let none = new(&device, &Data::used(1).bytes(), &client("webauthn.create", &NONCE));
    assert_eq!(register(&none), Err(PasskeyFault::FlagsNotAccepted));
    let other = new(&device, &Data::created(&device).bytes(), &client("webauthn.create", &[9; 32]));
    assert_eq!(register(&other), Err(PasskeyFault::ChallengeMismatch));
}

#[test]
fn a_person_must_be_there_and_checked_and_no_flag_is_unknown() {
    let [device, ..] = Device::of_each_kind();
    let flags = |flags: u8| {
        let data = Data { flags, ..Data::used(7) }.bytes();
        verify(&signed(&device, &data, &get().to_string()))
    };
    assert_eq!(flags(0b0000_0101).unwrap().counter, 7);
    assert_eq!(flags(0b0000_0001), Err(PasskeyFault::UserNotVerified));
    assert_eq!(flags(0b0000_0100), Err(PasskeyFault::UserNotPresent));
    assert_eq!(flags(0), Err(PasskeyFault::UserNotPresent));
    for odd in [0b0000_0111, 0b0010_0101, 0b0001_0101, 0b0100_0101] {
        assert_eq!(flags(odd), Err(PasskeyFault::FlagsNotAccepted), "{odd:b}");
    }
    let backed_up = flags(0b0001_1101).unwrap();
    assert!(backed_up.can_back_up && backed_up.is_backed_up);
    let unchecked = Data { flags: 0b0100_0001, ..Data::created(&device) };
    let unchecked = new(&device, &unchecked.bytes(), &client("webauthn.create", &NONCE));
    assert_eq!(register(&unchecked), Err(PasskeyFault::UserNotVerified));
}

#[test]
fn data_that_is_cut_off_or_goes_on_is_refused_at_every_byte() {
    for device in Device::of_each_kind() {
        let data = Data::created(&device).bytes();
        let create = client("webauthn.create", &NONCE);
        for end in 0..data.len() {
            assert!(register(&new(&device, &data[..end], &create)).is_err(), "{end}");
        }
        let longer = [data.as_slice(), &[0]].concat();
        assert_eq!(register(&new(&device, &longer, &create)), Err(PasskeyFault::DataMalformed));
        let used = Data::used(7).bytes();
        for end in 0..used.len() {
            let proof = signed(&device, &used[..end], &get().to_string());
            assert_eq!(verify(&proof), Err(PasskeyFault::DataMalformed), "{end}");
        }
        let longer = [used.as_slice(), &map(&[])].concat();
        let proof = signed(&device, &longer, &get().to_string());
        assert_eq!(verify(&proof), Err(PasskeyFault::DataMalformed));
    }
}

#[test]
fn extensions_are_read_and_mean_nothing() {
    let [device, ..] = Device::of_each_kind();
    let with = |extensions: Vec<u8>| {
        let flags = 0b1000_0101;
        let data = [Data { flags, ..Data::used(7) }.bytes(), extensions].concat();
        verify(&signed(&device, &data, &get().to_string())).map(|it| it.counter)
    };
    assert_eq!(with(map(&[(text("credProtect"), number(2))])), Ok(7));
    let broken = Err(PasskeyFault::CborMalformed);
    assert_eq!(with(vec![]), broken);
    assert_eq!(with(map(&[])), broken, "a flag without extensions");
    assert_eq!(with(map(&[(number(1), number(2))])), broken);
    assert_eq!(with(number(1)), broken);
    let twice = [vec![0xA2], text("a"), number(1), text("a"), number(2)].concat();
    assert_eq!(with(twice), broken);
    let more = [map(&[(text("a"), number(1))]), number(1)].concat();
    assert_eq!(with(more), Err(PasskeyFault::DataMalformed));
}

#[test]
fn an_attestation_is_one_map_of_three() {
    let [device, ..] = Device::of_each_kind();
    let data = Data::created(&device).bytes();
    let with = |attestation: Vec<u8>| {
        register(&NewPasskey { attestation: PasskeyBytes(attestation), ..good_new(&device) })
            .map(|it| it.counter)
    };
    let of = |format: &str, statement: Vec<u8>| {
        map(&[
            (text("fmt"), text(format)),
            (text("attStmt"), statement),
            (text("authData"), bytes(&data)),
        ])
    };
    let odd = Err(PasskeyFault::AttestationMalformed);
    assert_eq!(with(of("none", map(&[]))), Ok(1));
    // Whatever another format says: it is not asked.
    let statement = map(&[(text("alg"), number(-7)), (text("sig"), bytes(b"made up"))]);
    assert_eq!(with(of("packed", statement.clone())), Ok(1));
    assert_eq!(with(of("none", statement)), odd);
    assert_eq!(with(of("none", number(1))), odd);
    assert_eq!(with(map(&[(text("fmt"), text("none")), (text("attStmt"), map(&[]))])), odd);
    assert_eq!(with(number(1)), odd);
    let four = map(&[
        (text("fmt"), text("none")),
        (text("more"), number(1)),
        (text("attStmt"), map(&[])),
        (text("authData"), bytes(&data)),
    ]);
    assert_eq!(with(four), odd);
    let broken = Err(PasskeyFault::CborMalformed);
    assert_eq!(with([of("none", map(&[])), vec![0]].concat()), broken, "more behind it");
    let disordered = map(&[
        (text("authData"), bytes(&data)),
        (text("attStmt"), map(&[])),
        (text("fmt"), text("none")),
    ]);
    assert_eq!(with(disordered), broken);
}

#[test]
fn a_credential_id_has_its_length_and_is_the_one_beside_it() {
    let [device, ..] = Device::of_each_kind();
    for (length, expected) in [
        (0, Some(PasskeyFault::CredentialIdLength)),
        (15, Some(PasskeyFault::CredentialIdLength)),
        (16, None),
        (1023, None),
        (1024, Some(PasskeyFault::CredentialIdLength)),
    ] {
        let device = Device { id: vec![8; length], ..device.clone() };
        assert_eq!(register(&good_new(&device)).err(), expected, "{length}");
    }
    let other = NewPasskey { id: PasskeyBytes(vec![7; 16]), ..good_new(&device) };
    assert_eq!(register(&other), Err(PasskeyFault::CredentialIdMismatch));
}

#[test]
fn the_key_says_its_algorithm_and_is_of_its_kind() {
    let [edwards, curve, rsa] = Device::of_each_kind();
    let with = |cose: Vec<u8>| register(&good_new(&Device { cose, ..curve.clone() })).err();
    let refused = Some(PasskeyFault::KeyNotAccepted);
    let key = |members: &[(i64, Vec<u8>)]| {
        let members = members.iter().map(|(key, value)| (number(*key), value.clone()));
        map(&members.collect::<Vec<_>>())
    };
    let (x, y) = (bytes(&curve.numbers[0]), bytes(&curve.numbers[1]));
    let of = |kty, alg, crv| {
        let (x, y) = (x.clone(), y.clone());
        key(&[(1, number(kty)), (3, number(alg)), (-1, number(crv)), (-2, x), (-3, y)])
    };
    assert_eq!(with(of(2, -7, 1)), None);
    for (kty, alg, crv) in
        [(2, -8, 1), (1, -7, 1), (3, -7, 1), (2, -7, 2), (2, -257, 1), (1, -8, 6)]
    {
        assert_eq!(with(of(kty, alg, crv)), refused, "{kty} {alg} {crv}");
    }
    for alg in [-35, -36, -37, -65535, -47, 5, 1, 0] {
        assert_eq!(with(of(2, alg, 1)), Some(PasskeyFault::AlgorithmNotAllowed), "{alg}");
    }
    let without = key(&[(1, number(2)), (-1, number(1)), (-2, x.clone()), (-3, y.clone())]);
    assert_eq!(with(without), refused, "no algorithm");
    let compressed =
        key(&[(1, number(2)), (3, number(-7)), (-1, number(1)), (-2, x.clone()), (-3, vec![0xF5])]);
    assert_eq!(with(compressed), refused, "half a point");
    let off = bytes(&[7; 32]);
    let off = key(&[(1, number(2)), (3, number(-7)), (-1, number(1)), (-2, x.clone()), (-3, off)]);
    assert_eq!(with(off), refused, "off the curve");
    let more = key(&[
        (1, number(2)),
        (2, bytes(b"kid")),
        (3, number(-7)),
        (-1, number(1)),
        (-2, x.clone()),
        (-3, y.clone()),
    ]);
    assert_eq!(with(more), refused, "a member more");
    let small = key(&[(1, number(1)), (3, number(-8)), (-1, number(6)), (-2, bytes(&[0; 32]))]);
    assert_eq!(with(small), refused, "a point of low order");
    let (n, e) = (rsa.numbers[0].clone(), rsa.numbers[1].clone());
    let of_rsa = |n: &[u8], e: &[u8]| {
        key(&[(1, number(3)), (3, number(-257)), (-1, bytes(n)), (-2, bytes(e))])
    };
    assert_eq!(with(of_rsa(&n, &e)), None);
    assert_eq!(with(of_rsa(&n, &[1])), refused, "each text is its own signature");
    assert_eq!(with(of_rsa(&n[..128], &e)), refused, "1024 bits");
    assert_eq!(with(of_rsa(&[&[0][..], n.as_slice()].concat(), &e)), refused, "a zero before it");
    let twice = [vec![0xA4], number(1), number(1), number(3), number(-8), number(-1), number(6)];
    let twice = [twice.concat(), number(-1), bytes(&edwards.numbers[0])].concat();
    assert_eq!(with(twice), Some(PasskeyFault::CborMalformed), "a member twice");
}

#[test]
fn a_signature_is_of_this_key_over_this_data_in_one_form() {
    let devices = Device::of_each_kind();
    let invalid = Err(PasskeyFault::SignatureInvalid);
    for device in &devices {
        for other in devices.iter().filter(|it| it.name != device.name) {
            let swapped =
                PasskeyProof { public_key: PasskeyBytes(other.cose.clone()), ..good(device) };
            assert_eq!(verify(&swapped), invalid, "{} as {}", device.name, other.name);
        }
        let proof = good(device);
        let with = |signature: Vec<u8>| {
            verify(&PasskeyProof { signature: PasskeyBytes(signature), ..proof.clone() })
        };
        let made = proof.signature.0.clone();
        assert!(with(made.clone()).is_ok());
        assert_eq!(with(vec![]), invalid);
        assert_eq!(with([made.as_slice(), &[0]].concat()), invalid, "more behind it");
        assert_eq!(with(made[..made.len() - 1].to_vec()), invalid);
        let counted = Data::used(8).bytes();
        let moved = PasskeyProof { authenticator_data: PasskeyBytes(counted), ..proof.clone() };
        assert_eq!(verify(&moved), invalid, "the counter is signed");
        let client = proof.client_data.0.clone();
        let spaced = [client.as_slice(), b" "].concat();
        let moved = PasskeyProof { client_data: PasskeyBytes(spaced), ..proof.clone() };
        assert_eq!(verify(&moved), invalid, "and so is each byte of the browser's words");
    }
}

#[test]
fn an_ecdsa_signature_has_one_encoding_and_zeros_are_none() {
    let [_, device, _] = Device::of_each_kind();
    let proof = good(&device);
    let with = |signature: Vec<u8>| {
        verify(&PasskeyProof { signature: PasskeyBytes(signature), ..proof.clone() })
    };
    let invalid = Err(PasskeyFault::SignatureInvalid);
    let (r, s) = device::parts(&proof.signature.0);
    assert!(with(device::der(&r, &s)).is_ok());
    assert_eq!(with(device::der(&[0], &[0])), invalid, "CVE-2022-21449");
    let padded = |it: &[u8]| [&[0][..], it].concat();
    assert_eq!(with(device::der(&padded(&r), &s)), invalid, "a zero before r");
    assert_eq!(with(device::der(&r, &padded(&s))), invalid, "a zero before s");
    let fixed = |it: &[u8]| {
        let it = it.strip_prefix(&[0]).filter(|_| it.len() == 33).unwrap_or(it);
        [vec![0; 32 - it.len()], it.to_vec()].concat()
    };
    assert_eq!(with([fixed(&r), fixed(&s)].concat()), invalid, "the form of JOSE");
    let made = device::der(&r, &s);
    let long = [&[0x30, 0x81, made[1]][..], &made[2..]].concat();
    assert_eq!(with(long), invalid, "a length that is not as short as can be");
}

#[test]
fn cbor_has_one_way_to_be_written() {
    let bad = |bytes: &[u8]| Value::read(bytes).unwrap_err();
    for (bytes, expected) in [
        (&[0x18, 0x17][..], BadCbor::NotShortest),
        (&[0x19, 0, 0xFF], BadCbor::NotShortest),
        (&[0x1A, 0, 0, 0xFF, 0xFF], BadCbor::NotShortest),
        (&[0x1B, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF], BadCbor::NotShortest),
        (&[0x58, 0x01, 0], BadCbor::NotShortest),
        (&[0x5F, 0x41, 0, 0xFF], BadCbor::NotShortest),
        (&[0x9F, 0xFF], BadCbor::NotShortest),
        (&[0xBF, 0xFF], BadCbor::NotShortest),
        (&[0x1C], BadCbor::NotShortest),
        (&[0xC0, 0x60], BadCbor::Type),
        (&[0xF9, 0, 0], BadCbor::Type),
        (&[0xF7], BadCbor::Type),
        (&[0xFF], BadCbor::Type),
        (&[0xE0], BadCbor::Type),
        (&[0x62, 0xC3, 0x28], BadCbor::Text),
        (&[0xA2, 1, 0, 1, 0], BadCbor::Keys),
        (&[0xA2, 2, 0, 1, 0], BadCbor::Keys),
        (&[0xA2, 0x20, 0, 1, 0], BadCbor::Keys),
        (&[0xA2, 0x62, 0x61, 0x61, 0, 0x61, 0x62, 0], BadCbor::Keys),
        (&[0xA1, 0x40, 0], BadCbor::Keys),
        (&[0xA1, 0xF5, 0], BadCbor::Keys),
        (&[0, 0], BadCbor::Long),
        (&[], BadCbor::Short),
        (&[0x5A, 0xFF, 0xFF, 0xFF, 0xFF], BadCbor::Short),
        (&[0x9B, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], BadCbor::Short),
        (&[0xBB, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], BadCbor::Short),
        (&[0x81, 0x81, 0x81, 0x81, 0x81, 0], BadCbor::Deep),
    ] {
        assert_eq!(bad(bytes), expected, "{bytes:02x?}");
    }
    assert!(Value::read(&[0x81, 0x81, 0x81, 0x81, 0]).is_ok());
    let many = [vec![0x99, 1, 0], vec![0; 256]].concat();
    assert_eq!(bad(&many), BadCbor::Many);
    let read = |bytes: &[u8]| Value::read(bytes).unwrap();
    assert_eq!(read(&[0x39, 1, 0]).number(), Some(-257));
    assert_eq!(read(&[0x3B, 255, 255, 255, 255, 255, 255, 255, 255]).number(), None);
    assert_eq!(read(&[0xA2, 1, 2, 0x20, 3]).at(-1).and_then(Value::number), Some(3));
}

#[test]
fn a_party_is_a_host_name_that_browsers_trust() {
    type Named = Result<(String, String), NoHostName>;
    let of = |url: &str| -> Named {
        RelyingParty::of(url).map(|it| (it.id().to_owned(), it.origin().to_owned()))
    };
    let good = |id: &str, origin: &str| -> Named { Ok((id.to_owned(), origin.to_owned())) };
    assert_eq!(
        of("https://Gateway.example:443/"),
        good("gateway.example", "https://gateway.example")
    );
    assert_eq!(of("https://gw.example:8443"), good("gw.example", "https://gw.example:8443"));
    assert_eq!(of("http://localhost:7070"), good("localhost", "http://localhost:7070"));
    for address in ["http://127.0.0.1:7070", "https://192.0.2.1", "https://[::1]:7070", "nothing"] {
        assert_eq!(of(address), Err(NoHostName::Address), "{address}");
    }
    assert_eq!(of("http://gateway.example"), Err(NoHostName::ClearText));
    assert!(NoHostName::Address.to_string().contains("passkeys need a host name"));
}

#[test]
fn every_fault_has_a_code_and_a_sentence_of_its_own() {
    let mut seen = std::collections::BTreeSet::new();
    for fault in PasskeyFault::ALL {
        assert!(fault.code().starts_with("passkey_"));
        assert!(fault.sentence().ends_with('.'));
        assert!(seen.insert(fault.code()) && seen.insert(fault.sentence()), "{fault:?}");
    }
    let new = good_new(&Device::of_each_kind()[0]);
    assert!(PasskeyBytes::read(&"A".repeat(PASSKEY_BYTES_MAX * 2)).is_none());
    assert!(PasskeyBytes::read("AA==").is_none() && PasskeyBytes::read("AB").is_none());
    assert!(serde_json::to_string(&new).is_ok());
}
