use super::*;
use crate::GrantId;
use proptest::prelude::*;
use std::sync::Arc;

fn any_text() -> impl Strategy<Value = Arc<str>> {
    "[ -~\u{0}-\u{1f}é€\u{2028}😀\"\\\\]{0,12}".prop_map(Arc::from)
}

fn any_digest() -> impl Strategy<Value = Digest> {
    any::<[u8; 32]>().prop_map(Digest)
}

pub(crate) fn any_who() -> impl Strategy<Value = Who> {
    let actors = prop::collection::vec(any_text().prop_map(Subject::new), 0..3);
    (any_text(), actors, prop::option::of(any_text()), any_text()).prop_map(
        |(subject, actors, client, issuer)| Who {
            subject: Subject::new(subject),
            actors,
            client,
            issuer,
        },
    )
}

pub(crate) fn any_reason() -> impl Strategy<Value = Reason> {
    prop::sample::select(Reason::ALL)
}

pub(crate) fn any_grants() -> impl Strategy<Value = Vec<GrantRef>> {
    let grant = (any::<[u8; 16]>(), any::<u32>())
        .prop_map(|(id, version)| GrantRef { id: GrantId::from_bytes(id), version });
    prop::collection::vec(grant, 0..3)
}

fn any_intent() -> impl Strategy<Value = Event> {
    let names = (any_text(), any_text(), any_who(), any_reason(), any_grants());
    let numbers = (any::<[u8; 16]>(), any::<[u8; 16]>(), any::<u64>(), any_digest(), any_digest());
    let approval = prop::option::of(any::<[u8; 16]>());
    (names, numbers, approval).prop_map(|(names, numbers, approval)| {
        let (function, target, who, reason, grants) = names;
        let (call, session, epoch, contract, arguments) = numbers;
        Event::CallIntent(Box::new(CallIntent {
            call: CallId::from_bytes(call),
            session: SessionId::from_bytes(session),
            epoch: Epoch(epoch),
            who,
            function: FunctionName::new(function),
            contract,
            target: TargetName::new(target),
            grants,
            reason,
            approval: approval.map(ApprovalId::from_bytes),
            arguments,
        }))
    })
}

fn any_outcome() -> impl Strategy<Value = Event> {
    let numbers = (any::<[u8; 16]>(), any::<u16>(), any::<u64>(), any::<u64>(), any::<u64>());
    (numbers, any_reason(), prop::option::of(any_digest())).prop_map(
        |((call, status, took_ms, bytes, masked), reason, recording)| {
            let call = CallId::from_bytes(call);
            Event::CallOutcome(CallOutcome {
                call,
                status,
                reason,
                took_ms,
                bytes,
                masked,
                recording,
            })
        },
    )
}

fn any_shown() -> impl Strategy<Value = Shown> {
    (any_who(), any_digest()).prop_map(|(who, token)| Shown { who, token })
}

fn any_token_asked() -> impl Strategy<Value = Event> {
    let how = prop::sample::select(vec![TokenGrant::TokenExchange, TokenGrant::IdentityAssertion]);
    let refused = any_text().prop_map(|it| TokenAnswer::Refused { reason: it.to_string() });
    let scopes = prop::collection::btree_set(any_text(), 0..3);
    let text = || prop::option::of(any_text().prop_map(|it| it.to_string()));
    let bound = (text(), text()).prop_map(|(key, certificate)| TokenBinding { key, certificate });
    let issued = (any_shown(), any_text(), scopes, bound);
    let issued = issued.prop_map(|(issued, jti, scopes, bound_to)| {
        let expires_at = Timestamp::from_millis(1_800_000_000_000);
        TokenAnswer::Issued { issued, jti: jti.to_string(), scopes, expires_at, bound_to }
    });
    let answer = prop_oneof![refused, issued];
    (how, any_shown(), prop::option::of(any_shown()), answer).prop_map(
        |(how, actor, subject, answer)| {
            Event::TokenAsked(Box::new(TokenAsked { how, actor, subject, answer }))
        },
    )
}

proptest! {
    #[test]
    fn what_is_written_by_hand_is_what_serde_writes(
        event in prop_oneof![any_intent(), any_outcome(), any_token_asked()],
        id in any::<[u8; 16]>(),
        at in 0_i64..4_102_444_800_000,
    ) {
        let entry = Entry::new(EntryId::from_bytes(id), Timestamp::from_millis(at), event);
        let bytes = entry.to_bytes();
        let by_serde = entry.serialised();
        prop_assert_eq!(String::from_utf8_lossy(&bytes), String::from_utf8_lossy(&by_serde));
        prop_assert_eq!(serde_json::from_slice::<Entry>(&bytes).unwrap(), entry);
    }
}
