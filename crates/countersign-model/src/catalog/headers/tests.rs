use super::*;

#[test]
fn the_lists_are_sorted_lower_case_and_one_within_the_other() {
    for list in [REQUEST_NEVER.as_slice(), &FRAMING] {
        assert!(list.is_sorted(), "{list:?}");
        assert!(list.iter().all(|it| it.bytes().all(|byte| !byte.is_ascii_uppercase())));
    }
    assert!(FRAMING.iter().all(|it| REQUEST_NEVER.contains(it)));
}

#[test]
fn what_frames_a_message_or_names_a_caller_never_passes() {
    for name in ["host", "content-length", "authorization", "cookie", "countersign-call", "te"] {
        assert!(never_passes(name), "{name}");
    }
    for name in ["dpop", "client-cert", "client-cert-chain", "x-forwarded-client-cert"] {
        assert!(never_passes(name), "{name}");
    }
    for name in ["x-api-version", "if-match", "idempotency-key", "prefer", "content-type"] {
        assert!(!never_passes(name) && !frames(name), "{name}");
    }
    assert!(!frames("authorization") && !frames("cookie"), "a credential may stand there");
}

#[test]
fn a_pattern_covers_what_begins_so() {
    for pattern in ["x-*", "*", "host", "h*", "countersign-x-*", "counter*", "countersign-call"] {
        assert!(covers_one_that_never_passes(pattern), "{pattern}");
    }
    for pattern in ["x-acme-*", "x-acme", "hosting-*", "accept-language"] {
        assert!(!covers_one_that_never_passes(pattern), "{pattern}");
    }
}
