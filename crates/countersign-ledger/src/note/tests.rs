//! Notes, verifier keys and checkpoints: the example of the specification, and everything around it.

use super::*;
use crate::checkpoint::Checkpoint;

const EXAMPLE_KEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
const EXAMPLE_NOTE: &str = "This is an example message.\n\n— example.com/foo \
    Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";

fn key() -> SigningKey {
    SigningKey::from_seed(&[9; 32]).unwrap()
}

fn checkpoint() -> Checkpoint {
    Checkpoint { origin: "example.com/log".to_owned(), size: 42, root: [5; 32] }
}

#[test]
fn the_example_of_the_specification() {
    let key: VerifierKey = EXAMPLE_KEY.parse().unwrap();
    assert_eq!(key.to_string(), EXAMPLE_KEY);
    assert_eq!(key.name(), "example.com/foo");
    assert_eq!(open(EXAMPLE_NOTE.as_bytes(), &key), Ok("This is an example message.\n"));
}

#[test]
fn verifier_keys() {
    let check = |text: &str| {
        assert_eq!(text.parse::<VerifierKey>(), Err(NoteError::BadVerifierKey), "{text}");
    };
    check("");
    check("example.com/foo");
    check("example.com/foo+530d903a");
    check("example.com/foo+530d903b+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k");
    check("example.com/foo+530D903A+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k");
    check("example.com/bar+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k");
    check("example.com/foo+530d903a+AukyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k");
    check("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U");
    check(&format!("{EXAMPLE_KEY} "));
}

#[test]
fn notes_that_are_not_believed() {
    let key: VerifierKey = EXAMPLE_KEY.parse().unwrap();
    let check = |note: &str, expect: NoteError| {
        assert_eq!(open(note.as_bytes(), &key), Err(expect), "{note:?}");
    };
    check("", NoteError::Malformed);
    check("text\n", NoteError::Malformed);
    check("text\n\n", NoteError::Malformed);
    check("text\n\nexample.com/foo AAAA\n", NoteError::Malformed);
    check("text\t\n\n— example.com/foo AAAA\n", NoteError::NotText);
    check("text\n\n— example.com/bar AAAAAAAA\n", NoteError::UnknownKey);
    check("text\n\n— example.com/foo Uw2QOgAA\n", NoteError::BadSignature);
    check(&EXAMPLE_NOTE.replace("example m", "Example m"), NoteError::BadSignature);
    check(&format!("{EXAMPLE_NOTE}\n"), NoteError::Malformed);
    check(EXAMPLE_NOTE.trim_end(), NoteError::Malformed);
    check(&"x".repeat(NOTE_BYTES_MAX + 1), NoteError::TooLarge);
    let many = "— a AAAAAAAA\n".repeat(NOTE_SIGNATURES_MAX + 1);
    check(&format!("text\n\n{many}"), NoteError::TooLarge);
    assert_eq!(open(&[0xff], &key), Err(NoteError::NotText));
    // Other signatures beside the known one are passed over.
    let witnessed = format!("{EXAMPLE_NOTE}— witness.example AAAAAAAA\n");
    assert!(open(witnessed.as_bytes(), &key).is_ok());
}

#[test]
fn names() {
    let check = |name: &str, expect: bool| assert_eq!(is_name(name), expect, "{name:?}");
    check("example.com/log", true);
    check("gateway-1", true);
    check("", false);
    check("a b", false);
    check("a\u{a0}b", false);
    check("a+b", false);
    check("a\n", false);
}

#[test]
fn checkpoints_open_as_signed() {
    let key = key();
    let note = checkpoint().sign(&key);
    let verifier = key.verifier_key("example.com/log");
    assert!(note.starts_with("example.com/log\n42\nBQUF"));
    assert_eq!(Checkpoint::open(note.as_bytes(), &verifier), Ok(checkpoint()));
    for place in 0..note.len() {
        for bit in 0..8 {
            let mut bytes = note.clone().into_bytes();
            bytes[place] ^= 1 << bit;
            assert!(Checkpoint::open(&bytes, &verifier).is_err(), "byte {place} bit {bit}");
        }
    }
}

#[test]
fn texts_that_are_no_checkpoint() {
    let key = key();
    let root = "BQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQU=";
    let check = |text: &str, expect: Result<(), NoteError>| {
        let note = sign(text, "log", &key);
        let opened = Checkpoint::open(note.as_bytes(), &key.verifier_key("log"));
        assert_eq!(opened.map(|_| ()), expect, "{text:?}");
    };
    check(&format!("log\n42\n{root}\n"), Ok(()));
    check(&format!("other\n42\n{root}\n"), Err(NoteError::OtherOrigin));
    check(&format!("log\n042\n{root}\n"), Err(NoteError::NotCheckpoint));
    check(&format!("log\n+42\n{root}\n"), Err(NoteError::NotCheckpoint));
    check(&format!("log\n-1\n{root}\n"), Err(NoteError::NotCheckpoint));
    check(&format!("log\n18446744073709551616\n{root}\n"), Err(NoteError::NotCheckpoint));
    check("log\n42\nBQUF\n", Err(NoteError::NotCheckpoint));
    check(&format!("log\n42\n{root}\nextension\n"), Err(NoteError::NotCheckpoint));
    check("log\n42\n", Err(NoteError::NotCheckpoint));
}
