use super::*;
use countersign_model::catalog::template::PathTemplate;
use proptest::prelude::*;

#[test]
fn splits_paths_into_decoded_segments() {
    let check = |raw: &str, expect: &[&str], ending: Ending| {
        let segments = split(raw).unwrap();
        let got: Vec<_> = (0..).map_while(|it| segments.at(it)).collect();
        assert_eq!(got, expect, "{raw}");
        assert_eq!(segments.ending(), ending, "{raw}");
        assert_eq!(segments.at(expect.len()), None, "{raw}");
        assert_eq!(segments.from(expect.len()), None, "{raw}");
        let whole = expect.join("/");
        assert_eq!(segments.from(0), (!expect.is_empty()).then_some(&*whole), "{raw}");
    };
    check("/", &[], Ending::Plain);
    check("/v1", &["v1"], Ending::Plain);
    check("/v1/", &["v1"], Ending::Slash);
    check("/%76%31/", &["v1"], Ending::Slash);
    check("/v1/customers/c_81", &["v1", "customers", "c_81"], Ending::Plain);
    check("/a%20b/%C3%A9/%3F%23%26", &["a b", "é", "?#&"], Ending::Plain);
    check("/a+b/c=d,e:f@g", &["a+b", "c=d,e:f@g"], Ending::Plain);
    check("/100%25/x", &["100%", "x"], Ending::Plain);
    check("/100%25%20", &["100% "], Ending::Plain);
    check("/.../..a/a./.a", &["...", "..a", "a.", ".a"], Ending::Plain);
    check("/!$&'()*~-_", &["!$&'()*~-_"], Ending::Plain);
    check("/%f0%9f%98%80", &["😀"], Ending::Plain);
    assert_eq!(split("/a/b%20c/d").unwrap().from(1), Some("b c/d"));
    assert!(split(&"/a".repeat(64)).is_ok());
    assert_eq!(split(&format!("/{}", "a".repeat(8191))).unwrap().from(0).unwrap().len(), 8191);
}

#[test]
fn refuses_paths_that_servers_read_differently() {
    use Refused::{
        Backslash, DotSegment, EmptySegment, EncodedBackslash, EncodedSlash, Fragment, NotAbsolute,
        NotAscii, NotEncoded, PathParameter, PathTooLong, TooManySegments,
    };
    let check = |raw: &str, expect: Refused| assert_eq!(split(raw), Err(expect), "{raw}");
    check("", NotAbsolute);
    check("*", NotAbsolute);
    check("v1", NotAbsolute);
    check("https://a/v1", NotAbsolute);
    check("%2fv1", NotAbsolute);
    check("//", EmptySegment);
    check("//v1", EmptySegment);
    check("/v1//a", EmptySegment);
    check("/v1///", EmptySegment);
    check("/v1/a//", EmptySegment);
    check("/.", DotSegment);
    check("/..", DotSegment);
    check("/./v1", DotSegment);
    check("/v1/../admin", DotSegment);
    check("/v1/../", DotSegment);
    check("/v1/%2e%2e/admin", DotSegment);
    check("/v1/.%2E/admin", DotSegment);
    check("/v1/%2e./admin", DotSegment);
    check("/v1/%2e", DotSegment);
    check("/v1%2fadmin", EncodedSlash);
    check("/v1%2Fadmin", EncodedSlash);
    check("/v1/..%2fadmin", EncodedSlash);
    check("/v1%5cadmin", EncodedBackslash);
    check("/v1/..%5C..%5C", EncodedBackslash);
    check("/v1\\admin", Backslash);
    check("/\\evil/", Backslash);
    check("/v1/..;/admin", PathParameter);
    check("/v1;x=1/a", PathParameter);
    check("/v1%3bx/a", PathParameter);
    check("/v1/é", NotAscii);
    check("/v1/／admin", NotAscii);
    check("/v1#a", Fragment);
    check("/v1/a b", NotEncoded);
    check("/v1?a=1", NotEncoded);
    check("/v1/{a}", NotEncoded);
    check("/v1/\"", NotEncoded);
    check("/v1/<a>|^`", NotEncoded);
    check(&"/a".repeat(65), TooManySegments);
    check(&format!("/{}", "a".repeat(8192)), PathTooLong);
}

#[test]
fn refuses_escapes_that_servers_read_differently() {
    use Refused::{ControlCharacter, EncodedTwice, InvalidEscape, InvalidUtf8};
    let check = |raw: &str, expect: Refused| assert_eq!(split(raw), Err(expect), "{raw}");
    check("/v1/%252e%252e/admin", EncodedTwice);
    check("/v1%252fadmin", EncodedTwice);
    check("/v1%255cadmin", EncodedTwice);
    check("/v1/%25%32%65", EncodedTwice);
    check("/v1/%25252e", EncodedTwice);
    check("/v1/%25zz%2541", EncodedTwice);
    check("/v1/%", InvalidEscape);
    check("/v1/%2", InvalidEscape);
    check("/v1/%/a", InvalidEscape);
    check("/v1/%zz", InvalidEscape);
    check("/v1/%2/e", InvalidEscape);
    check("/v1/%u002e", InvalidEscape);
    check("/v1/%+2e", InvalidEscape);
    check("/v1/%%32%65", InvalidEscape);
    check("/v1/%c0%ae", InvalidUtf8);
    check("/v1/%c0%af", InvalidUtf8);
    check("/v1/%e0%80%af", InvalidUtf8);
    check("/v1/%ff", InvalidUtf8);
    check("/v1/%C3/%A9", InvalidUtf8);
    check("/v1/%ed%a0%80", InvalidUtf8);
    check("/v1/%00", ControlCharacter);
    check("/v1/a%00.json", ControlCharacter);
    check("/v1/a%0d%0aHost:b", ControlCharacter);
    check("/v1/%09", ControlCharacter);
    check("/v1/%7f", ControlCharacter);
    check("/v1/%C2%85", ControlCharacter);
    check("/v1/\0", ControlCharacter);
    check("/v1/a\tb", ControlCharacter);
}

#[test]
fn decodes_queries_in_order() {
    let check = |raw: &str, expect: &[(&str, &str)]| {
        let got = query(raw).unwrap();
        let got: Vec<_> = got.iter().map(|(name, value)| (&**name, &**value)).collect();
        assert_eq!(got, expect, "{raw}");
    };
    check("", &[]);
    check("a=1", &[("a", "1")]);
    check("a", &[("a", "")]);
    check("a=", &[("a", "")]);
    check("a=1&b=2&a=3", &[("a", "1"), ("b", "2"), ("a", "3")]);
    check("a+b=c+d%2B", &[("a b", "c d+")]);
    check("a=b=c", &[("a", "b=c")]);
    check("a%3Db=%26", &[("a=b", "&")]);
    check("q=%C3%A9%3B%20%23", &[("q", "é; #")]);
    check("filter[name]=x&j={\"a\":1}", &[("filter[name]", "x"), ("j", "{\"a\":1}")]);
    check("url=https://a/b?c", &[("url", "https://a/b?c")]);
    // A value is data: what looks encoded after one decoding stays as it is.
    check("a=%252e", &[("a", "%2e")]);
}

#[test]
fn refuses_queries_that_servers_read_differently() {
    use Pairs::Query;
    use Refused::{
        ControlCharacter, EmptyName, Fragment, InvalidEscape, InvalidUtf8, NotAscii, NotEncoded,
        Semicolon, TooLong, TooMany,
    };
    let check = |raw: &str, expect: Refused| assert_eq!(query(raw), Err(expect), "{raw}");
    check("a=1;b=2", Semicolon(Query));
    check("=1", EmptyName(Query));
    check("&", EmptyName(Query));
    check("a=1&", EmptyName(Query));
    check("a=1&&b=2", EmptyName(Query));
    check("a=%", InvalidEscape);
    check("a=%4", InvalidEscape);
    check("a=%u0041", InvalidEscape);
    check("%zz=1", InvalidEscape);
    check("a=%3&d=1", InvalidEscape);
    check("a=%ff", InvalidUtf8);
    check("a=%c0%af", InvalidUtf8);
    check("a=%00", ControlCharacter);
    check("a=%0d%0a", ControlCharacter);
    check("a%09=1", ControlCharacter);
    check("a=%c2%80", ControlCharacter);
    check("a=\u{1}", ControlCharacter);
    check("a=é", NotAscii);
    check("a=1#b", Fragment);
    check("a=1 2", NotEncoded);
    check(&"a=1&".repeat(257), TooMany(Query));
    check(&format!("a={}", "1".repeat(16 * 1024)), TooLong(Query));
    let most = "a=1&".repeat(256);
    assert_eq!(query(most.trim_end_matches('&')).unwrap().len(), 256);
}

#[test]
fn a_form_is_read_as_a_query_and_says_that_it_is_a_form() {
    assert_eq!(form("a=1&b=%20"), query("a=1&b=%20"));
    let check = |raw: &str, expect: &str| {
        assert_eq!(form(raw).map_err(|it| it.to_string()), Err(expect.to_owned()), "{raw}");
    };
    check(&format!("a={}", "1".repeat(16 * 1024)), "the form is longer than 16384 bytes");
    check(&"a&".repeat(257), "the form has more than 256 names");
    check("=1", "the form has a value without a name");
    let semicolon = "the form has a semicolon, which some servers take for a separator; encode it";
    check("a=1;b=2", semicolon);
}

/// Every way that some server reads a path, all at once: parameters cut off, decoded until nothing
/// changes, backslashes turned, slashes merged, dot segments resolved.
fn lenient(raw: &str) -> Vec<String> {
    let mut path: String = raw
        .split('/')
        .map(|it| it.split(';').next().unwrap_or_default())
        .collect::<Vec<_>>()
        .join("/");
    loop {
        let decoded = percent_encoding::percent_decode_str(&path).decode_utf8_lossy().into_owned();
        if decoded == path {
            break;
        }
        path = decoded;
    }
    let mut segments = Vec::new();
    for segment in path.replace('\\', "/").split('/') {
        match segment.split(';').next().unwrap_or_default() {
            "" | "." => {}
            ".." => drop(segments.pop()),
            other => segments.push(other.trim_end_matches('\0').to_owned()),
        }
    }
    segments
}

proptest! {
    #[test]
    fn a_path_that_passes_reads_alike_everywhere(
        parts in prop::collection::vec(
            prop::sample::select(vec![
                "/", "a", "b1", ".", "..", "%2e", "%2E", "%2f", "%5c", "\\", ";", "%3b", "%25", "%",
                "2e", "2f", "%00", "%20", "%61", "é", "%C3%A9", "%c0", "%af", "#", "?", "+", ":", "u",
            ]),
            0..12,
        ),
    ) {
        let raw = format!("/{}", parts.concat());
        if let Ok(segments) = split(&raw) {
            let got: Vec<_> =
                (0..).map_while(|it| segments.at(it)).collect();
            prop_assert_eq!(got, lenient(&raw), "{}", raw);
        }
    }

    #[test]
    fn anything_is_split_or_refused(raw in any::<String>()) {
        let raw = format!("/{raw}");
        if let Ok(segments) = split(&raw) {
            for segment in (0..).map_while(|it| segments.at(it)) {
                prop_assert!(!segment.is_empty() && !segment.contains('/'));
            }
        }
    }

    /// What the model builds is always what this module takes.
    #[test]
    fn a_filled_template_always_splits(one in any::<String>(), rest in "[a-c./%; é\\\\]{0,12}") {
        let template = PathTemplate::parse("/v1/{one}/x:y/{rest*}").unwrap();
        let values = |name: &str| Some(if name == "one" { one.clone() } else { rest.clone() });
        if let Ok(path) = template.fill(values) {
            let segments = split(&path).unwrap();
            prop_assert_eq!(segments.at(1), Some(&*one));
            prop_assert_eq!(segments.from(3), Some(&*rest));
        }
    }

    #[test]
    fn an_encoded_query_decodes_to_itself(
        pairs in prop::collection::vec(("[^\\p{Cc}]{1,8}", "[^\\p{Cc}]{0,8}"), 0..5),
    ) {
        let encode =
            |it: &str| percent_encoding::utf8_percent_encode(it, percent_encoding::NON_ALPHANUMERIC).to_string();
        let raw: Vec<_> = pairs.iter().map(|(a, b)| format!("{}={}", encode(a), encode(b))).collect();
        prop_assert_eq!(query(&raw.join("&")), Ok(pairs));
    }
}
