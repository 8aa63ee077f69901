//! API keys at the judge: who holds one is looked up, for a few seconds, and whatever else is refused.

use crate::issuer::{Key, NOW, Op, TestClock};
use countersign_identity::{
    ApiKeyBook, ApiKeyBookFailed, Blame, Hidden, Http, KeyHolder, KeyState, Verifier,
    VerifierOptions, new_api_key,
};
use countersign_model::{CallerKind, Digest, Entropy, Timestamp};
use serde_json::json;
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

#[derive(Clone, Default)]
struct Book {
    keys: Arc<Mutex<Option<BTreeMap<String, KeyHolder>>>>,
    looks: Arc<AtomicUsize>,
}

impl Book {
    fn put(&self, key: &Digest, state: KeyState) {
        let holder = KeyHolder {
            id: "key_1".to_owned(),
            subject: "agent:dunning".into(),
            scopes: ["call".into()].into(),
            made_at: Timestamp::from_millis(NOW * 1000),
            expires_at: Timestamp::from_millis((NOW + 100) * 1000),
            state,
        };
        let mut keys = self.keys.lock().unwrap();
        keys.get_or_insert_default().insert(key.to_string(), holder);
    }

    fn verifier(&self, op: &Op, clock: &TestClock) -> Verifier {
        let book = self.clone();
        let api_keys = ApiKeyBook::new(move |digest| {
            book.looks.fetch_add(1, Ordering::SeqCst);
            let keys = book.keys.lock().unwrap();
            let found = match &*keys {
                Some(keys) => Ok(keys.get(&digest.to_string()).cloned()),
                None => Err(ApiKeyBookFailed("away".into())),
            };
            async move { found }
        });
        let options = VerifierOptions { api_keys: Some(api_keys), ..VerifierOptions::default() };
        Verifier::with(vec![op.config(&json!({}))], Http::new(), clock.clock(), options).unwrap()
    }

    fn looks(&self) -> usize {
        self.looks.load(Ordering::SeqCst)
    }
}

fn made() -> (Hidden, Digest) {
    new_api_key(&Entropy::new(|bytes| aws_lc_rs::rand::fill(bytes).unwrap()))
}

#[tokio::test]
async fn a_key_speaks_for_its_holder_until_it_is_revoked_or_ends() {
    let op = Op::start(&[&Key::ec("ec")]).await;
    let (book, clock) = (Book::default(), TestClock::new());
    let verifier = book.verifier(&op, &clock);
    let (key, digest) = made();
    let code = async |key: &str| match verifier.identify(key).await {
        Ok(_) => "accepted",
        Err(refused) => refused.code(),
    };
    // While the book can't be read, nobody gets in, and it is not the caller's fault.
    let refused = verifier.identify(key.reveal()).await.unwrap_err();
    assert_eq!((refused.code(), refused.blame()), ("api_keys_unavailable", Blame::Gateway));
    book.put(&digest, KeyState::Good);
    let proved = verifier.identify(key.reveal()).await.unwrap();
    assert_eq!((proved.subject.as_str(), proved.kind), ("agent:dunning", CallerKind::Agent));
    assert_eq!((proved.client.as_deref(), &*proved.issuer), (Some("key_1"), "api-keys"));
    assert!(proved.scopes.contains("call") && proved.groups.is_empty());
    assert!(verifier.still_holds(&proved).is_ok());
    let looks = book.looks();
    assert_eq!(code(key.reveal()).await, "accepted");
    assert_eq!(book.looks(), looks, "warm");
    // Revoked: within five seconds, whatever else happens.
    book.put(&digest, KeyState::Revoked);
    clock.advance(3);
    assert_eq!(code(key.reveal()).await, "api_key_revoked");
    assert_eq!(code(key.reveal()).await, "api_key_revoked");
    assert_eq!(book.looks(), looks + 1);
    book.put(&digest, KeyState::Good);
    clock.advance(97);
    assert_eq!(code(key.reveal()).await, "token_expired");
    assert_eq!(verifier.still_holds(&proved).unwrap_err().code(), "token_expired");
}

#[tokio::test]
async fn what_is_no_key_is_not_looked_up_and_what_is_unknown_is_not_looked_up_twice() {
    let op = Op::start(&[&Key::ec("ec")]).await;
    let (book, clock) = (Book::default(), TestClock::new());
    let verifier = book.verifier(&op, &clock);
    book.put(&made().1, KeyState::Good);
    for bad in ["csk_", "csk_x", &format!("csk_{}", "A".repeat(49))] {
        let refused = verifier.identify(bad).await.unwrap_err();
        assert_eq!((refused.code(), book.looks()), ("api_key_malformed", 0), "{bad}");
    }
    let (key, _) = made();
    for _ in 0..3 {
        let refused = verifier.identify(key.reveal()).await.unwrap_err();
        assert_eq!((refused.code(), book.looks()), ("api_key_unknown", 1));
        assert!(!format!("{refused:?} {refused}").contains(key.reveal()));
    }
    let off = op.verifier(&json!({}), &clock);
    assert_eq!(off.identify(key.reveal()).await.unwrap_err().code(), "api_keys_off");
}
