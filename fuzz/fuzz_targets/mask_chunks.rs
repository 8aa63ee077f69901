//! Attacks the masker with any body, plan, format and cuts: it must not panic, must say the same
//! whatever the chunks are, and what it makes of JSON must be JSON.
#![no_main]

use std::sync::Arc;

use countersign_mask::{Detector, Format, HashKey, How, Limits, Masker, Plan, Rule, mask_all};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let [format, how, fields, cut, body @ ..] = data else { return };
    let format = [Format::Json, Format::Ndjson, Format::Sse, Format::Text][usize::from(format % 4)];
    let how = How::ALL[usize::from(how % 5)];
    let mut rules = vec![Rule { field: None, detect: Detector::ALL.to_vec(), how }];
    for (bit, path) in ["$..a", "$[1]", "$.b.*", "$"].into_iter().enumerate() {
        if fields & (1 << bit) != 0 {
            let how = How::ALL[usize::from(fields >> 4) % 5];
            rules.push(Rule { field: Some(path.parse().unwrap()), detect: vec![], how });
        }
    }
    let plan = Arc::new(Plan::compile(&rules).unwrap());
    let key = Arc::new(HashKey::new(&[7; 32]));
    let limits = Limits { depth_max: 16, ..Limits::default() };
    let whole = mask_all(&plan, &key, format, limits, body).map(|(out, _)| out);
    let mut masker = Masker::new(plan, key, format, limits);
    let mut out = Vec::new();
    let mut result = Ok(());
    for chunk in body.chunks(usize::from(*cut).max(1)) {
        result = result.and_then(|()| masker.push(chunk, &mut out));
    }
    result = result.and_then(|()| masker.finish(&mut out));
    assert_eq!(whole.is_ok(), result.is_ok());
    if let Ok(whole) = whole {
        assert_eq!(whole, out);
        if format == Format::Json {
            serde_json::from_slice::<serde::de::IgnoredAny>(&out).unwrap();
        }
    }
});
