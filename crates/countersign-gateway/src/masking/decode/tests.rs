use super::*;
use http::HeaderValue;
use proptest::prelude::*;

fn encoded(coding: Coding, bytes: &[u8]) -> Vec<u8> {
    let level = flate2::Compression::fast();
    match coding {
        Coding::Identity | Coding::Brotli => unreachable!("no encoder at hand"),
        Coding::Gzip => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
        Coding::Deflate => {
            let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), level);
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
        Coding::Zstd => zstd::encode_all(bytes, 1).unwrap(),
    }
}

const CODINGS: [Coding; 3] = [Coding::Gzip, Coding::Deflate, Coding::Zstd];

fn decoded(coding: Coding, pieces: &[&[u8]]) -> Result<Vec<u8>, BrokenCoding> {
    let mut decoder = Decoder::new(coding)?.ok_or(BrokenCoding)?;
    let mut out = Vec::new();
    for piece in pieces {
        out.extend(decoder.push(piece)?);
    }
    out.extend(decoder.finish()?);
    Ok(out)
}

#[test]
fn codings_are_known_by_their_names() {
    let check = |values: &[&str], expect: Option<Coding>| {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::CONTENT_ENCODING, HeaderValue::from_str(value).unwrap());
        }
        assert_eq!(Coding::of(&headers).ok(), expect, "{values:?}");
    };
    check(&[], Some(Coding::Identity));
    check(&["identity"], Some(Coding::Identity));
    check(&["GZIP"], Some(Coding::Gzip));
    check(&["x-gzip"], Some(Coding::Gzip));
    check(&["deflate"], Some(Coding::Deflate));
    check(&["br"], Some(Coding::Brotli));
    check(&["zstd"], Some(Coding::Zstd));
    check(&["gzip, gzip"], None);
    check(&["gzip", "gzip"], None);
    check(&["identity, gzip"], None);
    check(&["compress"], None);
}

#[test]
fn what_does_not_end_is_broken() {
    for coding in CODINGS {
        let whole = encoded(coding, &b"a text that is long enough to be cut".repeat(20));
        assert!(decoded(coding, &[&whole]).is_ok());
        for cut in 0..whole.len() {
            assert!(decoded(coding, &[&whole[..cut]]).is_err(), "{coding:?} cut at {cut}");
        }
    }
}

#[test]
fn what_expands_beyond_measure_is_refused() {
    let zeros = vec![0; 2 * DECODED_AT_ONCE_BYTES_MAX];
    for coding in CODINGS {
        let bomb = encoded(coding, &zeros);
        assert_eq!(decoded(coding, &[&bomb]), Err(BrokenCoding), "{coding:?} at once");
        // In pieces it is an answer like any other.
        let pieces: Vec<&[u8]> = bomb.chunks(256).collect();
        assert_eq!(decoded(coding, &pieces).map(|it| it.len()), Ok(zeros.len()), "{coding:?}");
    }
}

proptest! {
    #[test]
    fn cuts_change_nothing(bytes in proptest::collection::vec(any::<u8>(), 0..2000), size in 1_usize..70) {
        for coding in CODINGS {
            let whole = encoded(coding, &bytes);
            let pieces: Vec<&[u8]> = whole.chunks(size).collect();
            prop_assert_eq!(decoded(coding, &pieces), Ok(bytes.clone()));
        }
    }

    #[test]
    fn noise_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        for coding in [Coding::Gzip, Coding::Deflate, Coding::Zstd, Coding::Brotli] {
            drop(decoded(coding, &[&bytes]));
        }
    }
}
