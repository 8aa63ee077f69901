use super::*;
use proptest::prelude::*;

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn entropy() -> Entropy {
    Entropy::new(|bytes| bytes.fill(0xab))
}

fn all() -> Sample {
    Sample::new(1.0).unwrap()
}

fn headers(rows: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in rows {
        headers.append(*name, value.parse().unwrap());
    }
    headers
}

/// What the target of a request with these headers is told.
fn told(rows: &[(&'static str, &str)], sample: Sample) -> (Option<String>, Option<String>) {
    let mut headers = headers(rows);
    let begun = Context::begin(&headers, sample, &entropy());
    begun.context.name_in(&mut headers, begun.parent);
    let text = |name: &str| headers.get(name).map(|it| it.to_str().unwrap().to_owned());
    (text("traceparent"), text("tracestate"))
}

#[test]
fn a_trace_is_read_as_the_specification_says() {
    let cut = |cut: &str| {
        let found = Context::of(&headers(&[("traceparent", cut)]));
        found.map(|it| format!("{it:?}"))
    };
    let whole = "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7";
    let rows = [
        (PARENT.to_owned(), Some(format!("{whole}-01"))),
        (format!("00-{whole}-00"), Some(format!("{whole}-00"))),
        (format!("00-{whole}-03"), Some(format!("{whole}-03"))),
        // Flags that nobody has defined yet are not passed on.
        (format!("00-{whole}-ff"), Some(format!("{whole}-03"))),
        // A later version says at least what this one says.
        (format!("cc-{whole}-01"), Some(format!("{whole}-01"))),
        (format!("cc-{whole}-01-more"), Some(format!("{whole}-01"))),
        (format!("cc-{whole}-01more"), None),
        (format!("ff-{whole}-01"), None),
        (format!("00-{whole}-01-more"), None),
        (format!("00-{whole}-1"), None),
        (format!("00-{whole}"), None),
        (format!("0-{whole}-01"), None),
        (format!("00_{whole}-01"), None),
        (PARENT.to_uppercase(), None),
        (format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32)), None),
        (format!("00-4bf92f3577b34da6a3ce929d0e0e4736-{}-01", "0".repeat(16)), None),
        (format!("00-{}g-00f067aa0ba902b7-01", "1".repeat(31)), None),
        (String::new(), None),
    ];
    for (text, expect) in rows {
        assert_eq!(cut(&text), expect, "{text}");
    }
    let two = headers(&[("traceparent", PARENT), ("traceparent", PARENT)]);
    assert_eq!(Context::of(&two), None, "two parents are none");
}

#[test]
fn a_named_trace_goes_on_with_our_span_and_a_nameless_call_begins_one() {
    let ours = |trace: &str, flags: &str| Some(format!("00-{trace}-{}-{flags}", "ab".repeat(8)));
    let named = "4bf92f3577b34da6a3ce929d0e0e4736";
    let state = ("tracestate", "a=1,b=2");
    let kept = Some("a=1,b=2".to_owned());
    let none = Sample::new(0.0).unwrap();
    let unsampled = PARENT.replace("-01", "-00");
    assert_eq!(told(&[("traceparent", PARENT), state], all()), (ours(named, "01"), kept.clone()));
    // What the caller decided about sampling stands.
    assert_eq!(told(&[("traceparent", PARENT), state], none), (ours(named, "01"), kept.clone()));
    assert_eq!(told(&[("traceparent", &unsampled), state], all()), (ours(named, "00"), kept));
    // Without a trace, or with a broken one, a new one begins, and a state belongs to neither.
    let new = "ab".repeat(16);
    assert_eq!(told(&[], all()), (ours(&new, "01"), None));
    assert_eq!(told(&[("traceparent", "00-x"), state], all()), (ours(&new, "01"), None));
    assert_eq!(told(&[state], none), (ours(&new, "00"), None));
}

#[test]
fn a_part_of_the_traces_is_kept_by_their_ids() {
    let keeps = |part: f64, nine: u8| {
        let mut trace = [7; 16];
        trace[9] = nine;
        Sample::new(part).unwrap().keeps(&trace)
    };
    let rows = [
        (0.0, 0xff, false),
        (1.0, 0x00, true),
        (0.25, 0xc0, true),
        (0.25, 0xbf, false),
        (0.5, 0x80, true),
        (0.5, 0x7f, false),
    ];
    for (part, nine, expect) in rows {
        assert_eq!(keeps(part, nine), expect, "{part} {nine:x}");
    }
    for part in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
        assert_eq!(Sample::new(part), None, "{part}");
    }
}

#[test]
fn ids_are_never_zero() {
    let zeros = Entropy::new(|bytes| bytes.fill(0));
    let begun = Context::begin(&HeaderMap::new(), all(), &zeros);
    let mut headers = HeaderMap::new();
    begun.context.name_in(&mut headers, None);
    assert_eq!(Context::of(&headers), Some(begun.context));
}

proptest! {
    #[test]
    fn what_is_read_is_written_alike(text in "(00|cc|[0-9a-f]{2})-[0-9a-f]{32}-[0-9a-f]{16}-0[0-3]") {
        if let Some(context) = Context::parse(text.as_bytes()) {
            let written = format!("-{context:?}");
            prop_assert!(text.ends_with(&written));
        }
    }

    #[test]
    fn no_bytes_break_the_reader(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        if Context::parse(&bytes).is_some() {
            prop_assert!(bytes.len() >= 55);
        }
    }
}
