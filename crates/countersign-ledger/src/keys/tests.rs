//! Keys: what is sealed opens in its context only, and nothing prints a key.

use super::*;

/// Not random, but different each time.
fn entropy() -> impl FnMut(&mut [u8]) {
    let mut next = 0_u8;
    move |bytes| {
        for byte in bytes {
            next = next.wrapping_add(73);
            *byte = next;
        }
    }
}

#[test]
fn sealed_opens_only_as_it_was_sealed() {
    let mut entropy = entropy();
    let master = MasterKey::from_bytes(&[7; 32]).unwrap();
    let other = MasterKey::from_bytes(&[8; 32]).unwrap();
    let sealed = master.seal(b"approval 1", b"secret", &mut entropy).unwrap();
    assert_eq!(master.open(b"approval 1", &sealed).unwrap().as_slice(), b"secret");
    assert_eq!(master.open(b"approval 2", &sealed), Err(KeyError::NotAuthentic));
    assert_eq!(other.open(b"approval 1", &sealed), Err(KeyError::NotAuthentic));
    for place in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[place] ^= 1;
        assert_eq!(master.open(b"approval 1", &changed), Err(KeyError::NotAuthentic));
        assert_eq!(master.open(b"approval 1", &sealed[..place]), Err(KeyError::NotAuthentic));
    }
    let again = master.seal(b"approval 1", b"secret", &mut entropy).unwrap();
    assert_ne!(sealed, again, "each sealing has its own nonce");
}

#[test]
fn a_wrapped_key_belongs_to_its_session() {
    let mut entropy = entropy();
    let master = MasterKey::from_bytes(&[7; 32]).unwrap();
    let key = SessionKey::generate(&mut entropy).unwrap();
    let wrapped = master.wrap(&[1; 16], &key, &mut entropy).unwrap();
    let unwrapped = master.unwrap_key(&[1; 16], &wrapped).unwrap();
    assert_eq!(unwrapped.bytes.as_slice(), key.bytes.as_slice());
    assert!(master.unwrap_key(&[2; 16], &wrapped).is_err());
    assert!(master.open(&[1; 16], &wrapped).is_err(), "a wrapped key is not a sealed secret");
}

#[test]
fn master_key_texts() {
    let check = |text: &str, expect: bool| {
        assert_eq!(MasterKey::from_base64(text).is_ok(), expect, "{text}");
    };
    check("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n", true);
    check("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg==", false);
    check("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gIQ==", false);
    check("not base64", false);
    check("", false);
}

#[test]
fn no_key_is_printed() {
    let signing = SigningKey::from_seed(&[200; 32]).unwrap();
    let session = SessionKey::from_bytes(&[200; 32]).unwrap();
    let master = MasterKey::from_bytes(&[200; 32]).unwrap();
    let printed = format!("{signing:?} {session:?} {master:?}");
    assert_eq!(printed, "SigningKey(…) SessionKey(…) MasterKey(…)");
}
