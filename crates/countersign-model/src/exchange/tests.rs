use super::*;
use crate::record::tests::{any_grants, any_reason, any_who};
use crate::{digest::Salt, json::Limits};
use proptest::prelude::*;
use serde_json::json;

fn any_text() -> impl Strategy<Value = String> {
    "[ -~\u{0}-\u{1f}é€\u{2028}😀\"\\\\\n]{0,24}"
}

fn any_exchange() -> impl Strategy<Value = Exchange> {
    let who = (any_who(), any_reason(), any_grants(), any_text(), any_text(), any_text());
    let texts = (
        prop::collection::btree_map(any_header(), any_text().prop_map(Arc::from), 0..3),
        prop::collection::vec(any_text(), 0..3),
        prop::option::of(any_text()),
        any_text(),
    );
    let numbers =
        (any::<[u8; 16]>(), any::<[u8; 16]>(), 0_u64..1 << 53, any::<u16>(), any::<bool>());
    (who, texts, numbers, prop::option::of(any::<[u8; 16]>())).prop_map(
        |(who, texts, numbers, approval)| {
            let (who, reason, grants, function, method, path) = who;
            let (headers, hidden, response, argument) = texts;
            let (call, salt, number, status, cut) = numbers;
            Exchange {
                call: CallId::from_bytes(call),
                session: SessionId::from_bytes(salt),
                at: Timestamp::from_millis(1_795_340_000_123),
                took_ms: number,
                who,
                function: FunctionName::new(function),
                method: method.into(),
                path: path.into(),
                arguments: json!({"b": argument, "a": [1, true, null]}),
                hidden,
                reason,
                approval: approval.map(ApprovalId::from_bytes),
                grants,
                status,
                headers,
                response,
                cut,
                bytes: number,
                masked: number,
                salt: Salt(salt),
            }
        },
    )
}

/// Names of headers need no escapes.
fn any_header() -> impl Strategy<Value = Arc<str>> {
    "[a-z][a-z-]{0,11}".prop_map(Arc::from)
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(exchange in any_exchange()) {
        prop_assert_eq!(Exchange::from_bytes(&exchange.to_bytes()).unwrap(), exchange);
    }

    #[test]
    fn the_first_line_is_strict_json(exchange in any_exchange()) {
        let bytes = exchange.to_bytes();
        let line = bytes.split(|it| *it == b'\n').next().unwrap();
        prop_assert!(json::parse(line, Limits::default()).is_ok());
    }

    #[test]
    fn any_other_bytes_are_an_error_and_no_panic(bytes in any::<Vec<u8>>()) {
        prop_assert!(Exchange::from_bytes(&bytes).is_err());
    }
}

proptest! {
    #[test]
    fn an_answer_that_is_no_text_is_refused(exchange in any_exchange()) {
        let mut bytes = exchange.with_response(Some("ok"));
        bytes.push(0xFF);
        prop_assert!(matches!(Exchange::from_bytes(&bytes), Err(BadExchange::Answer(_))));
    }
}
