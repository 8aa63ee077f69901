use super::*;
use countersign_mask::{Detector, HashKey, How, Plan, Rule};
use http::HeaderValue;
use proptest::prelude::*;
use std::{io::Write as _, sync::Arc};

#[test]
fn a_format_is_one_media_type_in_an_encoding_that_ascii_is_part_of() {
    let check = |values: &[&str], expect: Option<Format>| {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::CONTENT_TYPE, HeaderValue::from_str(value).unwrap());
        }
        assert_eq!(format(&headers), expect, "{values:?}");
    };
    check(&["application/json"], Some(Format::Json));
    check(&[" Application/JSON ; charset=UTF-8"], Some(Format::Json));
    check(&["application/hal+json"], Some(Format::Json));
    check(&["application/x-ndjson"], Some(Format::Ndjson));
    check(&["text/event-stream"], Some(Format::Sse));
    check(&["text/csv; header=present"], Some(Format::Text));
    check(&["image/svg+xml"], Some(Format::Text));
    check(&["text/plain; charset=\"us-ascii\""], Some(Format::Text));
    check(&["text/plain; charset=utf-16"], None);
    check(&["application/json; charset=utf-7"], None);
    check(&["text/plain; charset=utf-8; charset=utf-16"], None);
    check(&["text/plain", "text/plain"], None);
    check(&["application/x-www-form-urlencoded"], None);
    check(&["application/json-seq"], None);
    check(&["image/hal+json"], None);
    check(&["application/octet-stream"], None);
    check(&["json"], None);
    check(&[""], None);
    check(&[], None);
}

fn pipeline(coding: Coding) -> Pipeline {
    let rule = Rule { field: None, detect: vec![Detector::Email], how: How::Redact };
    let plan = Arc::new(Plan::compile(&[rule]).unwrap());
    Pipeline::masking(plan, &Arc::new(HashKey::new(&[5; 32])), Format::Text, coding)
}

/// All that comes out of a pipeline that is fed in frames, as the pump feeds it.
fn through(mut pipeline: Pipeline, frames: &[&[u8]]) -> Result<(Vec<u8>, u64), Unfitting> {
    let mut out = Vec::new();
    for frame in frames {
        let mut bytes = Bytes::copy_from_slice(frame);
        while !bytes.is_empty() {
            let piece = pipeline.piece(&mut bytes);
            out.extend_from_slice(&pipeline.push(piece)?);
        }
    }
    out.extend_from_slice(&pipeline.finish()?);
    Ok((out, pipeline.masked()))
}

#[test]
fn nothing_in_is_nothing_out() {
    for coding in [Coding::Identity, Coding::Gzip, Coding::Brotli, Coding::Zstd] {
        assert_eq!(through(pipeline(coding), &[]), Ok((vec![], 0)), "{coding:?}");
        assert_eq!(through(pipeline(coding), &[b""]), Ok((vec![], 0)), "{coding:?}");
    }
}

#[test]
fn what_was_masked_elsewhere_counts() {
    let mut both = pipeline(Coding::Identity).noting(2);
    both.note(3);
    assert_eq!(both.whole(Bytes::from_static(b"a@example.com")).unwrap().1, 6);
    assert_eq!(Pipeline::passing().noting(2).whole(Bytes::from_static(b"x")).unwrap().1, 2);
}

#[test]
fn the_limit_is_on_decoded_bytes() {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(&[b' '; 10_000]).unwrap();
    let bytes = encoder.finish().unwrap();
    assert!(bytes.len() < 200);
    let limited = |max| through(pipeline(Coding::Gzip).limited(Some(max)), &[&bytes]);
    assert_eq!(limited(10_000).map(|it| it.0.len()), Ok(10_000));
    assert_eq!(limited(9_999), Err(Unfitting::TooLarge(9_999)));
}

proptest! {
    #[test]
    fn frames_change_nothing(
        words in proptest::collection::vec("[a-z]{1,6}(@example\\.com)?", 0..60), size in 1_usize..40
    ) {
        let text = words.join(" ");
        let whole = through(pipeline(Coding::Identity), &[text.as_bytes()]).unwrap();
        prop_assert!(!String::from_utf8_lossy(&whole.0).contains('@'));
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text.as_bytes()).unwrap();
        let bytes = if text.is_empty() { Vec::new() } else { encoder.finish().unwrap() };
        for (coding, bytes) in [(Coding::Identity, text.as_bytes()), (Coding::Gzip, &bytes)] {
            let frames: Vec<&[u8]> = bytes.chunks(size).collect();
            prop_assert_eq!(&through(pipeline(coding), &frames).unwrap(), &whole);
        }
    }
}
