use super::{Problem, query, refusal};
use crate::exit::{Exit, Failure};
use http::StatusCode;

#[test]
fn a_refusal_says_what_and_what_next() {
    let problem = |detail: &str, code: &str, next: &str| Problem {
        detail: detail.to_owned(),
        code: code.to_owned(),
        next_step: next.to_owned(),
        ..Problem::default()
    };
    let rows = [
        (
            403,
            problem("No grant.", "no_grant", "Ask olivia."),
            Exit::Refused,
            "No grant. (no_grant)",
            "Ask olivia.",
        ),
        (
            422,
            problem("Bad.", "arguments_invalid", "Fix."),
            Exit::Refused,
            "Bad. (arguments_invalid)",
            "Fix.",
        ),
        (
            401,
            problem("No token.", "", "x"),
            Exit::Failed,
            "No token.",
            "sign in: countersign login",
        ),
        (404, problem("", "", ""), Exit::Failed, "http://x answered 404 Not Found", ""),
        (503, problem("Away.", "", ""), Exit::Unreachable, "Away.", ""),
        (403, problem("\u{1b}[2J", "", ""), Exit::Refused, "\\u{1b}[2J", ""),
    ];
    for (status, problem, exit, what, next_step) in rows {
        let expect = Failure::new(exit, what).next(next_step);
        let status = StatusCode::from_u16(status).unwrap();
        assert_eq!(refusal(status, &problem, "http://x"), expect, "{problem:?}");
    }
}

#[test]
fn queries_are_escaped() {
    assert_eq!(query(&[("a", None)]), "");
    assert_eq!(
        query(&[
            ("subject", Some("agent:a b&c".to_owned())),
            ("x", None),
            ("n", Some("1".to_owned()))
        ]),
        "?subject=agent%3Aa+b%26c&n=1"
    );
}
