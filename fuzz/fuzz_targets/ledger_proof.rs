//! Attacks the texts that the ledger takes from strangers: verifier keys, checkpoints and proofs. None
//! may panic, and none may verify against a key whose secret nobody has used.

#![no_main]

use countersign_ledger::{Checkpoint, SigningKey, VerifierKey, verify_proof};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static KEY: LazyLock<VerifierKey> = LazyLock::new(|| {
    SigningKey::from_seed(&[7; 32]).expect("a seed is a key").verifier_key("log.example")
});

fuzz_target!(|bytes: &[u8]| {
    assert!(Checkpoint::open(bytes, &KEY).is_err(), "nobody has signed this");
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    assert!(verify_proof(text, b"entry", &KEY.to_string()).is_err(), "nobody has proved this");
    if let Ok(key) = text.parse::<VerifierKey>() {
        assert_eq!(key.to_string(), text, "each key has one spelling");
    }
});
