use super::*;
use bytes::Bytes;

fn answered(status: u16, retry_after: Option<&str>) -> Attempt {
    let mut headers = HeaderMap::new();
    if let Some(text) = retry_after {
        headers.insert(header::RETRY_AFTER, text.parse().unwrap());
    }
    let answer =
        Answer { status: StatusCode::from_u16(status).unwrap(), headers, body: Bytes::new() };
    let now = "2026-11-30T08:00:00Z".parse().unwrap();
    attempt(Ok(answer), now, |it| Attempt::Sent { answer: status_line(it.status) })
}

#[test]
fn what_an_answer_means() {
    for status in [200, 202, 204] {
        assert!(matches!(answered(status, None), Attempt::Sent { .. }), "{status}");
    }
    for status in [301, 302, 307, 400, 401, 403, 404, 410, 413, 422] {
        assert!(matches!(answered(status, None), Attempt::Refused { .. }), "{status}");
    }
    for status in [408, 429, 500, 502, 503, 504] {
        assert!(matches!(answered(status, None), Attempt::Later { wait: None, .. }), "{status}");
    }
}

#[test]
fn a_channel_says_how_long_to_wait() {
    let check = |text: &str, expect: Option<i64>| {
        let Attempt::Later { wait, .. } = answered(429, Some(text)) else { unreachable!() };
        assert_eq!(wait, expect.map(Span::from_seconds), "{text}");
    };
    check("30", Some(30));
    check("Mon, 30 Nov 2026 08:02:00 GMT", Some(120));
    check("Mon, 30 Nov 2026 07:00:00 GMT", None);
    check("-5", None);
    check("soon", None);
}
