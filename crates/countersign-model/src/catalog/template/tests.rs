use super::*;
use proptest::prelude::*;

fn template(source: &str) -> PathTemplate {
    PathTemplate::parse(source).unwrap()
}

#[test]
fn reads_templates() {
    let check = |source: &str, variables: &[&str], shape: &str| {
        let template = template(source);
        assert_eq!(template.variables().collect::<Vec<_>>(), variables, "{source}");
        assert_eq!(template.shape(), shape, "{source}");
        assert_eq!(template.to_string(), source);
        assert_eq!(source.parse(), Ok(template));
    };
    check("/", &[], "/");
    check("/v1", &[], "/v1");
    check(
        "/v1/customers/{customer}/invoices/{invoice}",
        &["customer", "invoice"],
        "/v1/customers/{}/invoices/{}",
    );
    check("/{_a1}", &["_a1"], "/{}");
    check("/v1/jobs/{job}:cancel", &["job"], "/v1/jobs/{}:cancel");
    check("/v1/documents:batch-get", &[], "/v1/documents:batch-get");
    check("/files/{path*}", &["path"], "/files/{*}");
    check("/{all*}", &["all"], "/{*}");
    check("/a-._~!$&'()*+,=:@z", &[], "/a-._~!$&'()*+,=:@z");
    check("/.../.well-known", &[], "/.../.well-known");
}

#[test]
fn keeps_segments_apart() {
    let template = template("/jobs/{job}/{step}:skip/{rest*}");
    assert_eq!(
        template.segments(),
        [
            Segment::Literal("jobs".into()),
            Segment::Variable("job".into()),
            Segment::Verb { variable: "step".into(), verb: "skip".into() },
            Segment::Rest("rest".into()),
        ]
    );
    assert!(PathTemplate::parse("/").unwrap().segments().is_empty());
}

#[test]
fn refuses_templates_and_says_where() {
    use TemplateFault::{
        Braces, Character, DotSegment, Duplicate, EmptySegment, Name, NoSlash, RestNotLast,
        TooLong, TooManySegments, Verb,
    };
    let check = |source: &str, fault: TemplateFault, position: usize| {
        assert_eq!(PathTemplate::parse(source), Err(BadTemplate { fault, position }), "{source}");
    };
    check("", NoSlash, 1);
    check("v1/a", NoSlash, 1);
    check("https://a/b", NoSlash, 1);
    check("//", EmptySegment, 2);
    check("/v1//a", EmptySegment, 5);
    check("/v1/", EmptySegment, 5);
    check("/v1/./a", DotSegment, 5);
    check("/v1/..", DotSegment, 5);
    check("/a b", Character(' '), 2);
    check("/a%20b", Character('%'), 2);
    check("/a;b", Character(';'), 2);
    check("/a?b", Character('?'), 2);
    check("/a#b", Character('#'), 2);
    check("/a\\b", Character('\\'), 2);
    check("/é/{a", Character('é'), 2);
    check("/v1/a{b}", Braces, 5);
    check("/v1/{b", Braces, 5);
    check("/v1/b}", Braces, 5);
    check("/v1/{a}{b}", Braces, 5);
    check("/v1/{a}:{b}", Braces, 5);
    check("/v1/{a*}:b", Braces, 5);
    check("/v1/{}", Name, 5);
    check("/v1/{*}", Name, 5);
    check("/v1/{1a}", Name, 5);
    check("/v1/{a-b}", Name, 5);
    check("/v1/{{a}}", Name, 5);
    check("/v1/{a.b}", Name, 5);
    check("/v1/{é}", Name, 5);
    check("/v1/{a=b/*}", Braces, 5);
    check("/v1/{a}.json", Verb, 5);
    check("/v1/{a}:", Verb, 5);
    check("/v1/{a}:b:c", Verb, 5);
    check("/v1/{a}:b.c", Verb, 5);
    check("/{a*}/b", RestNotLast, 7);
    check("/{a*}/", RestNotLast, 7);
    check("/{a}/b/{a}", Duplicate("a".into()), 8);
    check("/{a}/{a*}", Duplicate("a".into()), 6);
    check("/{a}/{a}:b", Duplicate("a".into()), 6);
    check(&"/a".repeat(65), TooManySegments, 130);
    check(&format!("/{}", "a".repeat(8192)), TooLong, 1);
    assert_eq!(
        PathTemplate::parse("/v1/a%").unwrap_err().to_string(),
        "`%` can't stand in a path; write other characters decoded, none encoded (at character 5 of \
         the path)"
    );
}

#[test]
fn fills_templates() {
    let check = |source: &str, value: &str, expect: &str| {
        let filled = template(source).fill(|name| (name == "a").then(|| value.to_owned()));
        assert_eq!(filled.as_deref(), Ok(expect), "{source} {value}");
    };
    check("/", "x", "/");
    check("/v1/{a}/b", "x", "/v1/x/b");
    check("/v1/{a}", "c_81-2.b~", "/v1/c_81-2.b~");
    check("/v1/{a}", "a b?c#d&e=f", "/v1/a%20b%3Fc%23d&e=f");
    check("/v1/{a}", "a+b", "/v1/a%2Bb");
    check("/v1/{a}", "é😀", "/v1/%C3%A9%F0%9F%98%80");
    check("/v1/{a}", "100%", "/v1/100%25");
    check("/v1/{a}", "100% 4", "/v1/100%25%204");
    check("/v1/{a}", "...", "/v1/...");
    check("/v1/{a}:cancel", "x", "/v1/x:cancel");
    check("/v1/{a}:cancel", "x:y", "/v1/x:y:cancel");
    check("/v1/{a*}", "x", "/v1/x");
    check("/v1/{a*}", "x/y z/é", "/v1/x/y%20z/%C3%A9");
    check("/a+b/{a}", "x", "/a%2Bb/x");
}

#[test]
fn refuses_values_that_would_mean_another_path() {
    use MissingVariable::{Character, DotSegment, Empty, Encoded};
    let check = |source: &str, value: &str, expect: fn(String) -> MissingVariable| {
        let filled = template(source).fill(|_| Some(value.to_owned()));
        assert_eq!(filled, Err(expect("a".into())), "{source} {value}");
    };
    for source in ["/v1/{a}", "/v1/{a}/b", "/{a}:cancel", "/{a*}"] {
        check(source, "", Empty);
        check(source, ".", DotSegment);
        check(source, "..", DotSegment);
        check(source, "a\\b", Character);
        check(source, "a;b", Character);
        check(source, "a\0b", Character);
        check(source, "a\r\nb", Character);
        check(source, "\u{7f}", Character);
        check(source, "\u{85}", Character);
        check(source, "%2e", Encoded);
        check(source, "a%2Fb", Encoded);
        check(source, "%%41", Encoded);
    }
    check("/v1/{a}", "a/b", Character);
    check("/v1/{a}", "../b", Character);
    check("/{a}:cancel", "a/b", Character);
    check("/{a*}", "/a", Empty);
    check("/{a*}", "a//b", Empty);
    check("/{a*}", "a/", Empty);
    check("/{a*}", "a/../b", DotSegment);
    check("/{a*}", "a/.", DotSegment);
    check("/{a*}", "a/b;c", Character);
}

#[test]
fn names_the_variable_that_is_missing_or_too_long() {
    let check = |source: &str, value: Option<&str>, expect: MissingVariable| {
        let filled = template(source)
            .fill(|name| if name == "a" { Some("x".into()) } else { value.map(str::to_owned) });
        assert_eq!(filled, Err(expect), "{source}");
    };
    check("/{a}/{b}", None, MissingVariable::Absent("b".into()));
    check("/{a}/{b}", Some(&"x".repeat(9000)), MissingVariable::TooLong("b".into()));
    check("/{a}/{b*}", Some(&["x"; 64].join("/")), MissingVariable::TooLong("b".into()));
    assert!(template("/{b*}").fill(|_| Some(["x"; 64].join("/"))).is_ok());
}

proptest! {
    /// Whatever the value, a filled path has exactly the segments that the template means.
    #[test]
    fn a_value_never_leaves_its_segment(value in any::<String>()) {
        if let Ok(path) = template("/v1/{a}/b").fill(|_| Some(value.clone())) {
            let parts: Vec<_> = path.split('/').collect();
            prop_assert_eq!(parts.len(), 4);
            prop_assert!(path.is_ascii() && !path.contains(['?', '#', ';', '\\', ' ']));
            prop_assert!(parts[2] != "." && parts[2] != ".." && !parts[2].is_empty());
        }
    }

    #[test]
    fn reading_never_panics_and_shape_is_a_fixed_point(source in "/[a-c{}:*./%é]{0,24}") {
        if let Ok(template) = PathTemplate::parse(&source) {
            prop_assert_eq!(template.to_string(), source);
            let named = template.shape().replace("{}", "{x}").replace("{*}", "{x*}");
            if let Ok(again) = PathTemplate::parse(&named) {
                prop_assert_eq!(again.shape(), template.shape());
            }
        }
    }
}
