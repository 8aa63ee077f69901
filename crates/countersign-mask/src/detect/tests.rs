#![expect(
    clippy::string_slice,
    clippy::too_many_lines,
    reason = "a test that panics is a test that fails, and a table may be long"
)]

use super::*;
use crate::how::How;

fn only(detector: Detector) -> Detectors {
    let mut detectors = Detectors::default();
    detectors.add(&[detector], Hit { how: How::Redact, rule: 0 });
    detectors
}

fn all() -> Detectors {
    let mut detectors = Detectors::default();
    detectors.add(&Detector::ALL, Hit { how: How::Redact, rule: 0 });
    detectors
}

fn finds(detectors: &Detectors, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    find(View::closed(text.as_bytes()), detectors, 1 << 16, &mut found).unwrap();
    found.iter().map(|find| text[find.start..find.end].to_owned()).collect()
}

fn check(detector: Detector, text: &str, expect: &[&str]) {
    assert_eq!(finds(&only(detector), text), expect, "{detector} in {text:?}");
}

#[test]
fn names_round_trip() {
    for (index, detector) in Detector::ALL.into_iter().enumerate() {
        assert_eq!(detector.to_string().parse::<Detector>(), Ok(detector));
        assert_eq!(detector.index(), index);
    }
    assert_eq!("ssn".parse::<Detector>(), Err(UnknownDetector));
}

#[test]
fn email() {
    let check = |text: &str, expect: &[&str]| check(Detector::Email, text, expect);
    check("ada@example.org", &["ada@example.org"]);
    check(
        "<ada@example.org>, \"bob+x@mail.example.co.uk\".",
        &["ada@example.org", "bob+x@mail.example.co.uk"],
    );
    check("mailto:ada@example.org?subject=x", &["ada@example.org"]);
    check("?email=ada@example.org&x=1", &["ada@example.org"]);
    check(
        "'ada@example.org' *b.c@d.ef* o'brien@x.ie",
        &["ada@example.org", "b.c@d.ef", "o'brien@x.ie"],
    );
    check("j\u{fc}rgen@m\u{fc}ller.example", &["j\u{fc}rgen@m\u{fc}ller.example"]);
    check("\u{201c}ada@example.org\u{201d}\u{a0}x", &["ada@example.org"]);
    check("ada@example.org\u{2026}", &["ada@example.org"]);
    check("a@xn--bcher-kva.xn--p1ai", &["a@xn--bcher-kva.xn--p1ai"]);
    check("ada@example.org-foo ada@example.org2024", &["ada@example.org", "ada@example.org"]);
    check("ada@example.org.", &["ada@example.org"]);
    check("a@b.com@c.com", &["a@b.com"]);
    check("@handle a@localhost a@b a@b.c @ a@ @b.de a@.de user@10.0.0.1", &[]);
    let long = format!("{}@example.org", "x".repeat(100));
    check(&long, &[&long[36..]]);
}

#[test]
fn card() {
    let check = |text: &str, expect: &[&str]| check(Detector::Card, text, expect);
    for number in [
        "4111111111111111",
        "4111 1111 1111 1111",
        "4111-1111-1111-1111",
        "5555555555554444",
        "2223003122003222",
        "378282246310005",
        "3782 822463 10005",
        "6011111111111117",
        "3530111333300000",
        "30569309025904",
        "6200000000000005",
        "4222222222222",
        "6759649826438453",
    ] {
        check(number, &[number]);
        check(&format!("card: {number}."), &[number]);
        check(&format!("({number}) 12/29 123"), &[number]);
    }
    check("2024-01-01 4111 1111 1111 1111 123", &["4111 1111 1111 1111"]);
    check("id 1234 4111 1111 1111 1111", &["4111 1111 1111 1111"]);
    for other in [
        "4111111111111112",
        "41111111111111111111",
        "x4111111111111111",
        "4111111111111111x",
        "0.4111111111111111",
        "4111  1111 1111 1111",
        "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
        "9111111111111111",
        "1700000000000",
        "0000000000000000",
        "411111111111",
        "4111.1111.1111.1111",
    ] {
        check(other, &[]);
    }
}

#[test]
fn iban() {
    let check = |text: &str, expect: &[&str]| check(Detector::Iban, text, expect);
    for number in [
        "DE89370400440532013000",
        "DE89 3704 0044 0532 0130 00",
        "gb29nwbk60161331926819",
        "GB29 NWBK 6016 1331 9268 19",
        "FR1420041010050500013M02606",
        "NO9386011117947",
        "MT84MALT011000012345MTLCAST001S",
    ] {
        check(number, &[number]);
        check(&format!("to {number}, now"), &[number]);
        check(&format!("IBAN:{number}"), &[number]);
    }
    for other in [
        "DE88370400440532013000",
        "DE8937040044053201300",
        "DE893704004405320130000",
        "XDE89370400440532013000",
        "ZZ89370400440532013000",
        "DE89 370 40044 0532013000",
        "DE89370400440532013000A",
        "DE89",
        "DE89 ",
    ] {
        check(other, &[]);
    }
    assert!(iban::is_sorted());
}

#[test]
fn phone() {
    let check = |text: &str, expect: &[&str]| check(Detector::Phone, text, expect);
    for number in [
        "+493012345678",
        "+49 30 1234567",
        "+49 (0)30 1234-567",
        "+1 415 555 2671",
        "+1-415-555-2671",
        "+1 (415) 555-2671",
        "+1.4155552671",
        "(415) 555-2671",
        "(415)555-2671",
        "415-555-2671",
        "415.555.2671",
        "415 555 2671",
        "1-415-555-2671",
        "030/1234567",
        "(030) 1234567",
        "0151-12345678",
        "020 7946 0958",
        "01 42 68 53 00",
        "01.42.68.53.00",
        "02 9374 4000",
        "0049 30 1234567",
        "(11) 91234-5678",
    ] {
        check(number, &[number]);
        check(&format!("Tel: {number}, or mail"), &[number]);
        check(&format!("x,{number},Berlin"), &[number]);
        check(&format!("Call {number}."), &[number]);
    }
    for other in [
        "4155552671",
        "1234567890",
        "2024-01-02",
        "2024-01-02T03:04:05+01:00",
        "2024-01-02 03:04:05.123",
        "01/02/2024 10:30",
        "01.02.2024",
        "1700000000",
        "123e4567-e89b-12d3-a456-426614174000",
        "00000000-0000-4000-8000-000000000000",
        "1.2.3",
        "10.20.30.40",
        "v1.234.567.8901",
        "$1,234.56",
        "1.234.567,89",
        "+1.5",
        "+100",
        "UTC+01:00",
        "12-34-56",
        "978-3-16-148410-0",
        "03:04:05",
        "-123-456-7890",
        "/415/555-2671",
        "115-555-2671",
        "415-155-2671",
        "+0123456789",
        "++4930123456",
        "+12345678901234567890",
        "a+493012345678",
        "0800-1700",
        "3.141592653589793",
        "0.123456789",
        "192.168.100.200",
        "(2019) 123-4567",
        "415-555-2671-99",
        "order 030",
        "000-123-4567",
    ] {
        check(other, &[]);
    }
}

#[test]
fn ip() {
    let check = |text: &str, expect: &[&str]| check(Detector::Ip, text, expect);
    for address in [
        "10.0.0.1",
        "255.255.255.255",
        "::1",
        "fe80::1",
        "2001:db8::8a2e:370:7334",
        "::ffff:192.0.2.1",
        "2001:0db8:85a3:0000:0000:8a2e:0370:7334",
        "fe80::",
        "dead::beef",
    ] {
        check(address, &[address]);
        check(&format!("from {address}, then"), &[address]);
        check(&format!("[{address}]"), &[address]);
        check(&format!("It is {address}."), &[address]);
        check(&format!("ip: {address}/24"), &[address]);
    }
    check("10.0.0.1:8080 10.0.0.2-10.0.0.9", &["10.0.0.1", "10.0.0.2", "10.0.0.9"]);
    check("id:fe80::1 ip:10.0.0.1", &["fe80::1", "10.0.0.1"]);
    for other in [
        "1.2.3.4.5",
        "v1.2.3.4",
        "1.2.3.4-beta",
        "256.1.1.1",
        "1.2.3",
        "1.2.3.4a",
        "1.2.3.1234",
        "12:30:45",
        "aa:bb:cc:dd:ee:ff",
        "std::1",
        "a::b",
        "::",
        "std::vec",
        "2024-01-02T03:04:05Z",
        "1:2:3:4:5:6:7:8:9",
        "http://example.org:80",
        "x::1",
        "fe80::1g",
    ] {
        check(other, &[]);
    }
    check(&format!("{}::1", "ab:".repeat(30)), &[]);
}

#[test]
fn jwt() {
    let check = |text: &str, expect: &[&str]| check(Detector::Jwt, text, expect);
    let token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dGVzdA-_x";
    check(token, &[token]);
    check(&format!("Bearer {token}, {token}."), &[token, token]);
    check(&format!("\"{token}\""), &[token]);
    check("eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.", &["eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0."]);
    let encrypted = "eyJhbGciOiJkaXIifQ..aXY.Y2lwaGVy.dGFn";
    check(encrypted, &[]);
    let encrypted = "eyJhbGciOiJkaXIifQ.a2V5.aXY.Y2lwaGVy.dGFn";
    check(encrypted, &[encrypted]);
    check("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0 xeyJhbGciOiJI.eyJz.x eyJ eyJhb", &[]);
    let blob = format!("eyJ{}.b.c", "A".repeat(9000));
    check(&blob, &[]);
    let endless = format!("eyJhbGciOiJIUzI1NiJ9.{}", "A".repeat(1 << 16));
    let view = View::closed(endless.as_bytes());
    assert_eq!(find(view, &only(Detector::Jwt), 1 << 16, &mut Vec::new()), Err(TooLong(0)));
}

#[test]
fn overlapping_finds_are_joined() {
    assert_eq!(finds(&all(), "+4111111111111111"), ["4111111111111111"]);
    assert_eq!(finds(&all(), "ada@10.0.0.1.example.org"), ["ada@10.0.0.1.example.org"]);
    assert_eq!(finds(&all(), "0151-12345678@example.org"), ["0151-12345678@example.org"]);
    let mut detectors = only(Detector::Email);
    detectors.add(&[Detector::Phone], Hit { how: How::Drop, rule: 1 });
    let mut found = Vec::new();
    find(View::closed(b"0151-12345678@example.org"), &detectors, 100, &mut found).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].hit.rule, found[0].detector), (1, Detector::Phone));
}

/// A verdict on a text that may go on must be the verdict on every text that it goes on to.
#[test]
fn what_is_decided_early_stays_decided() {
    let texts = [
        "to ada.l@example.org-x, DE89 3704 0044 0532 0130 00 or 4111 1111 1111 1111 12 +49 30 1234567 99",
        "GB29 NWBK 6016 1331 9268 19 ::ffff:10.0.0.1.5 fe80::1 10.0.0.1. (415) 555-2671-x 030/1234567.x",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dGVzdA-_ 1.2.3.4.5 415-555-2671/2 j\u{fc}@m\u{fc}.de\u{2026}",
    ];
    for text in texts {
        let whole = {
            let mut found = Vec::new();
            find(View::closed(text.as_bytes()), &all(), 1 << 16, &mut found).unwrap();
            found
        };
        for cut in 0..text.len() {
            let mut found = Vec::new();
            let view = View { bytes: &text.as_bytes()[..cut], from: 0, end: End::Open };
            let limit = find(view, &all(), 1 << 16, &mut found).unwrap();
            let expect: Vec<Found> = whole.iter().copied().filter(|f| f.end <= limit).collect();
            assert_eq!(found, expect, "{text:?} cut at {cut}, decided to {limit}");
            assert!(whole.iter().all(|f| f.end <= limit || f.start >= limit), "{text:?} at {cut}");
        }
    }
}

#[test]
fn a_hint_is_seen_wherever_it_stands_and_nothing_else_is_one() {
    let said = |byte: u8| match byte {
        b'0'..=b'9' => DIGIT,
        b'@' => AT,
        b':' => COLON,
        b'J' => JAY,
        _ => 0,
    };
    for byte in 0..=u8::MAX {
        for length in [1, 15, 16, 17, 100] {
            for place in 0..length {
                let mut text = vec![b'a'; length];
                text[place] = byte;
                assert_eq!(
                    hints(View::closed(&text)),
                    said(byte),
                    "{byte:#x}, {place} of {length}"
                );
            }
        }
    }
}
