use super::*;
use countersign_model::{CallerKind, Subject, Timestamp};

fn remembered(subject: &str) -> Remembered {
    let caller = Caller {
        subject: Subject::from(subject),
        kind: CallerKind::Person,
        actors: Vec::new(),
        client: None,
        issuer: "acme".into(),
        groups: Default::default(),
        scopes: Default::default(),
        name: None,
        email: None,
        expires_at: Timestamp::from_millis(0),
        issued: countersign_model::Issued::default(),
    };
    let times = Times { expires: 0, begins: 0 };
    Remembered {
        caller: caller.into(),
        bound: None,
        groups: None,
        vouched: Vouched::Signed { issuer: 0, key_epoch: 1 },
        times,
    }
}

fn found(cache: &Cache, token: &str) -> Option<String> {
    cache.find(token).map(|it| it.caller.subject.to_string())
}

#[test]
fn a_hit_is_the_whole_text() {
    let cache = Cache::new();
    let signature = "s".repeat(HASHED_BYTES);
    // Same length, same end: the same place. Only the text tells them apart.
    let (one, two) = (format!("a.{signature}"), format!("b.{signature}"));
    assert_eq!(cache.hash(&one), cache.hash(&two));
    cache.insert(&one, remembered("one"));
    assert_eq!(found(&cache, &one), Some("one".into()));
    assert_eq!(found(&cache, &two), None);
    cache.insert(&two, remembered("two"));
    assert_eq!(found(&cache, &two), Some("two".into()));
    assert_eq!(found(&cache, &one), None);
    cache.remove(&two);
    assert_eq!(found(&cache, &two), None);
    assert_eq!(cache.len(), 0);
}

#[test]
fn stays_bounded_and_keeps_what_is_used() {
    let cache = Cache::new();
    cache.insert("used", remembered("used"));
    for number in 0..100_000 {
        cache.insert(&format!("token {number}"), remembered("x"));
        assert_eq!(found(&cache, "used"), Some("used".into()), "after {number}");
    }
    assert!(cache.len() <= 2 * SHARDS * ENTRIES_MAX);
    assert_eq!(found(&cache, "token 0"), None);
    assert_eq!(found(&cache, "token 99999"), Some("x".into()));
}

#[test]
fn long_tokens_are_counted_by_their_bytes() {
    let cache = Cache::new();
    for number in 0..10_000 {
        cache.insert(&format!("{number:>16384}"), remembered("x"));
    }
    let bytes: usize = cache
        .shards
        .iter()
        .map(|it| it.lock().unwrap())
        .map(|shard| {
            for generation in [&shard.young, &shard.old] {
                let counted: usize = generation.entries.values().map(|it| it.token.len()).sum();
                assert_eq!(generation.bytes, counted);
            }
            shard.young.bytes + shard.old.bytes
        })
        .sum();
    assert!(bytes <= 2 * SHARDS * TOKEN_BYTES_MAX, "{bytes}");
}
