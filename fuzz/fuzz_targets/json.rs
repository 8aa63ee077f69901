//! Attacks the strict JSON reader: it takes nothing that serde reads otherwise, and what it took
//! has one canonical text, which it reads back as the same value.

#![no_main]

use countersign_model::json::{FaultKind, Limits, canonical, parse};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|bytes: &[u8]| {
    let theirs = serde_json::from_slice::<Value>(bytes);
    match (parse(bytes, Limits::default()), theirs) {
        (Ok(ours), Ok(theirs)) => {
            assert!(same(&ours, &theirs), "{ours} is not {theirs}");
            let text = canonical(&ours);
            assert_eq!(parse(text.as_bytes(), Limits::default()).as_ref(), Ok(&ours), "{text}");
        }
        (Ok(ours), Err(error)) => panic!("only we take {ours}: {error}"),
        (Err(fault), Ok(_)) => assert!(
            matches!(
                fault.kind,
                FaultKind::DuplicateMember(_)
                    | FaultKind::Noncharacter
                    | FaultKind::NegativeZero
                    | FaultKind::IntegerTooLarge
                    | FaultKind::AmbiguousNumber
                    | FaultKind::TooDeep
                    | FaultKind::TooManyMembers
            ),
            "serde takes what we refuse: {fault}"
        ),
        (Err(fault), Err(_)) => {
            assert!(fault.offset <= bytes.len());
            assert!(fault.to_string().is_ascii() && fault.to_string().len() < 120);
        }
    }
});

/// Numbers are equal by value: `100.0` is a double for serde and an integer for us.
fn same(ours: &Value, theirs: &Value) -> bool {
    match (ours, theirs) {
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(k, v)| b.get(k).is_some_and(|it| same(v, it)))
        }
        (a, b) => a == b,
    }
}
