use super::*;

/// A status and a reason, where there are any.
type Ended = Option<(u16, Reason)>;

/// What the caller was told, what the ledger has of the target, and whose error that is.
#[test]
fn an_error_is_one_of_the_gateway_or_of_what_is_behind_it() {
    let rows: [(Ended, Ended, Option<&str>); 10] = [
        (Some((200, Reason::Granted)), Some((200, Reason::Granted)), None),
        (Some((200, Reason::GrantOverdueWarned)), Some((200, Reason::GrantOverdueWarned)), None),
        (Some((404, Reason::Granted)), Some((404, Reason::Granted)), None),
        (Some((503, Reason::Approved)), Some((503, Reason::Approved)), Some("503")),
        (Some((403, Reason::NoGrant)), None, None),
        (Some((503, Reason::LedgerUnavailable)), None, Some("ledger_unavailable")),
        (
            Some((504, Reason::TargetTimeout)),
            Some((0, Reason::TargetTimeout)),
            Some("target_timeout"),
        ),
        // The head was sent, and then the answer broke off.
        (Some((200, Reason::Granted)), Some((200, Reason::TargetBroken)), Some("target_broken")),
        (None, Some((200, Reason::Granted)), Some("caller_gone")),
        (None, None, Some("caller_gone")),
    ];
    for (answered, came_back, expect) in rows {
        let mut known = Known::new(1, &Method::GET, Version::HTTP_11);
        if let Some((status, reason)) = came_back {
            known.came_back(status, reason, 2);
        }
        if let Some((status, reason)) = answered {
            known.answered(status, reason);
        }
        let expect = expect.map(|it| Value::from(it.to_owned()));
        let text = known.error().map(|it| match it {
            Value::Text(text) => Value::from(text.into_owned()),
            Value::Number(number) => Value::Number(number),
        });
        assert_eq!(text, expect, "{answered:?} {came_back:?}");
    }
}

#[test]
fn an_address_is_host_and_port() {
    for (text, expect) in [
        ("https://gateway.example.com", (Some("gateway.example.com"), Some(443))),
        ("http://127.0.0.1:7070/", (Some("127.0.0.1"), Some(7070))),
        ("http://[::1]/api", (Some("::1"), Some(80))),
        ("/", (None, None)),
    ] {
        let (host, port) = address(&text.parse().unwrap());
        assert_eq!((host.as_deref(), port), expect, "{text}");
    }
}
