use super::*;

#[test]
fn the_hash_is_hmac_sha_256_in_base64url() {
    // RFC 4231 test case 2 uses the key "Jefe"; HMAC pads keys with zeros, so 32 bytes agree.
    let mut secret = [0; 32];
    secret[..4].copy_from_slice(b"Jefe");
    let key = HashKey::new(&secret);
    // 5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843
    assert_eq!(key.hash(b"what do ya want for nothing?"), "h_W9zBRr9gdU5qBCQmCJV1x1");
}

#[test]
fn pieces_do_not_matter_and_keys_do() {
    let key = HashKey::new(&[1; 32]);
    let mut hashing = key.start();
    hashing.push(b"ada@");
    hashing.push(b"");
    hashing.push(b"example.org");
    assert_eq!(hashing.finish(), key.hash(b"ada@example.org"));
    assert_ne!(key.hash(b"a"), HashKey::new(&[2; 32]).hash(b"a"));
    assert_eq!(format!("{key:?}"), "HashKey(…)");
}
