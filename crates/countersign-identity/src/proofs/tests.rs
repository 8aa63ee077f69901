use super::*;

const NOW: i64 = 1_800_000_000;

fn remember(proofs: &Proofs, key: &[u8; 32], name: &str, now: i64) -> Result<(), &'static str> {
    proofs.remember(key, name, now).map_err(|it| it.code())
}

#[test]
fn a_proof_is_remembered_for_as_long_as_it_could_be_taken() {
    let (proofs, key) = (Proofs::new(ProofRules::default()), [1; 32]);
    for second in 0..GENERATION_SECONDS * 5 {
        let name = format!("{second}");
        assert_eq!(remember(&proofs, &key, &name, NOW + second), Ok(()));
        // Whatever the generations do meanwhile.
        let last = (second - GENERATION_SECONDS + 1).max(0);
        for earlier in [second, last] {
            let again = remember(&proofs, &key, &format!("{earlier}"), NOW + second);
            assert_eq!(again, Err("proof_replayed"), "{earlier} at {second}");
        }
    }
}

#[test]
fn a_full_register_refuses_and_is_filled_by_one_key_in_one_part_only() {
    let proofs = Proofs::new(ProofRules::default());
    let (busy, other) = ([1; 32], [2; 32]);
    for place in 0..SEEN_MAX {
        assert_eq!(remember(&proofs, &busy, &place.to_string(), NOW), Ok(()));
    }
    assert_eq!(remember(&proofs, &busy, "one more", NOW), Err("proofs_not_remembered"));
    assert_eq!(remember(&proofs, &other, "one more", NOW), Ok(()));
    let later = NOW + GENERATION_SECONDS;
    assert_eq!(remember(&proofs, &busy, "7", later), Err("proof_replayed"));
    assert_eq!(remember(&proofs, &busy, "one more", later), Ok(()));
}

#[test]
fn nonces_are_of_the_last_minutes_and_of_the_same_key() {
    let (key, other) = (NonceKey::new(&[1; 32]), NonceKey::new(&[2; 32]));
    let nonce = key.nonce(NOW);
    let check = |key: &NonceKey, nonce: &str, now: i64, expect: bool| {
        assert_eq!(key.knows(nonce, now), expect, "{nonce} at {now}");
    };
    check(&key, &nonce, NOW, true);
    check(&NonceKey::new(&[1; 32]), &nonce, NOW + NONCE_SECONDS, true);
    check(&key, &nonce, NOW + 2 * NONCE_SECONDS, false);
    check(&key, &nonce, NOW - NONCE_SECONDS, false);
    check(&other, &nonce, NOW, false);
    check(&key, "", NOW, false);
    check(&key, &format!("{nonce}A"), NOW, false);
}
