use super::*;

fn child(name: &str) -> Segment {
    Segment::Child(Selector::Name(name.into()))
}

#[test]
fn what_is_supported() {
    let check = |source: &str, expect: &[Segment]| {
        let path = FieldPath::parse(source).unwrap_or_else(|error| panic!("{source}: {error}"));
        assert_eq!(path.segments(), expect, "{source}");
        assert_eq!(path.to_string(), source);
    };
    check("$", &[]);
    check("$.customer.email", &[child("customer"), child("email")]);
    check("$['customer']['e mail']", &[child("customer"), child("e mail")]);
    check("$[\"a'b\"]", &[child("a'b")]);
    check("$['a\\'b\\\\\\n\\u00e9\\ud83d\\ude00']", &[child("a'b\\\n\u{e9}\u{1f600}")]);
    check("$['']", &[child("")]);
    check("$.*", &[Segment::Child(Selector::Wildcard)]);
    check("$[*].a", &[Segment::Child(Selector::Wildcard), child("a")]);
    check("$[ 0 ].a", &[Segment::Child(Selector::Index(0)), child("a")]);
    check("$[9007199254740991]", &[Segment::Child(Selector::Index(9_007_199_254_740_991))]);
    check("$..email", &[Segment::Descendant(Selector::Name("email".into()))]);
    check("$..['email']", &[Segment::Descendant(Selector::Name("email".into()))]);
    check("$..*", &[Segment::Descendant(Selector::Wildcard)]);
    check("$..[1]", &[Segment::Descendant(Selector::Index(1))]);
    check("$.\u{fc}ber_1", &[child("\u{fc}ber_1")]);
}

#[test]
fn what_is_refused_and_where() {
    let check = |source: &str, position: usize, fault: PathFault| {
        assert_eq!(FieldPath::parse(source), Err(PathError { position, fault }), "{source}");
    };
    check("", 0, PathFault::NoRoot);
    check("email", 0, PathFault::NoRoot);
    check("$.", 2, PathFault::NoName);
    check("$.a.", 4, PathFault::NoName);
    check("$..", 3, PathFault::NoName);
    check("$...a", 3, PathFault::NoName);
    check("$.1a", 2, PathFault::NoName);
    check("$.a b", 3, PathFault::NoStep);
    check("$.a-b", 3, PathFault::NoStep);
    check("$ .a", 1, PathFault::NoStep);
    check("$[", 2, PathFault::NoSelector);
    check("$[]", 2, PathFault::NoSelector);
    check("$[a]", 2, PathFault::NoSelector);
    check("$[0", 3, PathFault::NotClosed);
    check("$['a", 4, PathFault::BadName);
    check("$['\\x']", 3, PathFault::BadName);
    check("$['\\ud800']", 3, PathFault::BadName);
    check("$[?(@.a)]", 2, PathFault::Filter);
    check("$.a[1:2]", 5, PathFault::Slice);
    check("$[:2]", 2, PathFault::Slice);
    check("$['a','b']", 5, PathFault::Union);
    check("$[0,1]", 3, PathFault::Union);
    check("$[-1]", 2, PathFault::NegativeIndex);
    check("$[01]", 2, PathFault::BadIndex);
    check("$[9007199254740992]", 2, PathFault::BadIndex);
    check("$[99999999999999999999]", 2, PathFault::BadIndex);
    let long = format!("${}", ".a".repeat(PATH_SEGMENTS_MAX + 1));
    check(&long, 1 + 2 * PATH_SEGMENTS_MAX, PathFault::TooLong);
}

#[test]
fn the_error_names_the_part_and_the_position() {
    let error = FieldPath::parse("$.a[?(@.b)]").unwrap_err();
    assert_eq!(error.to_string(), "not a field path: filters are not supported at position 4");
}
