use super::*;

#[test]
fn a_key_is_long_random_and_checked() {
    let entropy = Entropy::new(|bytes| aws_lc_rs::rand::fill(bytes).unwrap());
    let (key, digest) = new_api_key(&entropy);
    let (other, _) = new_api_key(&entropy);
    assert_ne!(key, other);
    let text = key.reveal();
    assert_eq!((text.len(), read(text)), (53, Some(Ok(digest))));
    assert_eq!(format!("{key:?}"), "…");
    let mut flipped = text.to_owned().into_bytes();
    flipped[20] = if flipped[20] == b'A' { b'B' } else { b'A' };
    let flipped = String::from_utf8(flipped).unwrap();
    for bad in [
        flipped.as_str(),
        "csk_",
        "csk_short",
        &text.replace("csk_", "csk_A"),
        &format!("{text}="),
        &format!("{text} "),
    ] {
        assert_eq!(read(bad), Some(Err(Fault::ApiKeyMalformed)), "{bad}");
    }
    assert_eq!(read("eyJhbGciOiJFUzI1NiJ9.e30.x"), None);
    assert_eq!(read("CSK_x"), None);
}
