//! API keys: who makes and ends them, and when they are in force.

use crate::world::{START, World, actor, ada, caller, olivia, on_both};
use countersign_governance::{ApiKeyRules, NewApiKey};
use countersign_model::{Digest, Issued, Span, Timestamp, Whose};
use std::sync::atomic::Ordering;

on_both!(a_key_is_made_used_and_ended, who_may_make_and_end_keys_and_which);

const RULES: ApiKeyRules = ApiKeyRules { lifetime_max: Span::from_days(90) };

fn new(subject: &str) -> NewApiKey {
    NewApiKey {
        subject: subject.into(),
        purpose: "The old mainframe gets no tokens".to_owned(),
        scopes: vec!["call".to_owned(), "call".to_owned()],
        expires_at: Timestamp::from_millis(START + 86_400_000),
    }
}

async fn a_key_is_made_used_and_ended(world: World) {
    let governance = &world.governance;
    let digest = Digest::of(b"csk_x");
    assert_eq!(governance.use_api_key(&digest).await.unwrap(), None);
    let made = governance.add_api_key(&ada(), RULES, new("agent:dunning"), digest).await.unwrap();
    assert_eq!((made.scopes.len(), made.last_used_at), (1, None));
    let same = governance.add_api_key(&ada(), RULES, new("agent:dunning"), digest).await;
    assert_eq!(same.unwrap_err().code(), "store_unavailable", "one digest is one key");

    let used = async || governance.use_api_key(&digest).await.unwrap().unwrap();
    let last = async || governance.api_keys(&ada()).await.unwrap()[0].last_used_at;
    assert_eq!(used().await.id, made.id);
    assert_eq!(last().await.map(Timestamp::millis), Some(START));
    world.time.fetch_add(59_000, Ordering::SeqCst);
    used().await;
    assert_eq!(last().await.map(Timestamp::millis), Some(START), "once a minute");
    world.time.fetch_add(1_000, Ordering::SeqCst);
    used().await;
    assert_eq!(last().await.map(Timestamp::millis), Some(START + 60_000));

    let ended = governance.revoke_api_key(&ada(), made.id, "a token does it now").await.unwrap();
    let again = governance.revoke_api_key(&ada(), made.id, "again").await.unwrap();
    assert_eq!(ended.revoked, again.revoked);
    assert!(used().await.revoked.is_some());
    let (issuer, session) = ("api-keys".into(), made.id.to_string().into());
    let mut caller = caller("agent:dunning", &[]);
    caller.issuer = "api-keys".into();
    caller.issued = Issued { at: Some(made.made_at), session: Some(session), ..Issued::default() };
    let cut_offs = governance.policy().cut_offs();
    let whose = Whose::IssuerSession { issuer, session: made.id.to_string().into() };
    assert_eq!(cut_offs.of(&caller), Some(whose), "calls in hand end with it");
    let entries = world.entries("api_key.changed");
    let said: Vec<_> =
        entries.iter().map(|it| (it["change"].as_str(), it["by"].as_str())).collect();
    assert_eq!(said, [(Some("made"), Some("ada")), (Some("revoked"), Some("ada"))]);
    assert_eq!(entries[0]["key"], made.id.to_string());
    assert!(!format!("{entries:?}").contains(&digest.to_string()), "not even the digest");
}

async fn who_may_make_and_end_keys_and_which(world: World) {
    let governance = &world.governance;
    let digest = |name: &str| Digest::of(name.as_bytes());
    let agent = governance.actor(&caller("agent:dunning", &["platform"]));
    let auditor = actor("aud", &["audit"]);
    for (who, code) in [
        (&olivia(), "not_administrator"),
        (&auditor, "auditor_changes_nothing"),
        (&actor("sam", &[]), "not_administrator"),
        (&agent, "not_a_person"),
    ] {
        let refused = governance.add_api_key(who, RULES, new("agent:dunning"), digest("x")).await;
        assert_eq!(refused.unwrap_err().code(), code);
    }
    let far = Timestamp::from_millis(START).plus(Span::from_days(90)).plus(Span::from_seconds(1));
    let odd = [
        ("a person", NewApiKey { ..new("riley") }),
        ("nobody", NewApiKey { ..new("agent:unknown") }),
        ("no purpose", NewApiKey { purpose: " ".to_owned(), ..new("agent:dunning") }),
        ("past", NewApiKey { expires_at: Timestamp::from_millis(START), ..new("agent:dunning") }),
        ("too far", NewApiKey { expires_at: far, ..new("agent:dunning") }),
        ("two words", NewApiKey { scopes: vec!["a b".to_owned()], ..new("agent:dunning") }),
        ("no word", NewApiKey { scopes: vec![String::new()], ..new("agent:dunning") }),
    ];
    for (name, new) in odd {
        let refused = governance.add_api_key(&ada(), RULES, new, digest(name)).await;
        assert_eq!(refused.unwrap_err().code(), "invalid_api_key", "{name}");
    }
    let mut first = None;
    for place in 0..20 {
        let digest = digest(&place.to_string());
        let key =
            governance.add_api_key(&ada(), RULES, new("agent:dunning"), digest).await.unwrap();
        first.get_or_insert(key.id);
    }
    let more = governance.add_api_key(&ada(), RULES, new("agent:dunning"), digest("more")).await;
    assert_eq!(more.unwrap_err().code(), "invalid_api_key");
    let first = first.unwrap();
    // Sam is the agent's sponsor. Who has no part in it is told that there is none.
    for (who, seen, code) in [
        (&olivia(), 0, Some("not_found")),
        (&auditor, 20, Some("auditor_changes_nothing")),
        (&agent, 0, Some("not_a_person")),
        (&actor("sam", &[]), 20, None),
    ] {
        assert_eq!(governance.api_keys(who).await.unwrap().len(), seen);
        let ended = governance.revoke_api_key(who, first, "over").await;
        assert_eq!(ended.err().map(|it| it.code()), code);
    }
    let silent = governance.revoke_api_key(&ada(), first, " ").await;
    assert_eq!(silent.unwrap_err().code(), "invalid_api_key");
}
