use super::*;
use crate::resolve::path::{Refused, split};
use proptest::prelude::*;

fn template(source: &str) -> PathTemplate {
    PathTemplate::parse(source).unwrap()
}

/// What a raw path leads to, in a word that a table can hold.
fn route(router: &Router<&'static str>, method: &str, raw: &str) -> Result<String, Refused> {
    let segments = split(raw)?;
    Ok(match router.find(method, &segments) {
        Found::Matched { value, variables } => {
            let variables: Vec<_> =
                variables.iter().map(|(name, value)| format!(" {name}={value}")).collect();
            format!("{value}{}", variables.concat())
        }
        Found::MethodNotHere => "method not here".to_owned(),
        Found::Nothing => "nothing".to_owned(),
    })
}

fn billing() -> Router<&'static str> {
    let templates: Vec<_> = [
        ("GET", "/", "root"),
        ("GET", "/v1/customers", "list"),
        ("POST", "/v1/customers", "create"),
        ("GET", "/v1/customers/{customer}", "show"),
        ("DELETE", "/v1/customers/{id}", "delete"),
        ("GET", "/v1/customers/search", "search"),
        ("GET", "/v1/customers/{customer}/invoices/{invoice}", "invoice"),
        ("GET", "/v1/customers/search/saved", "saved"),
        ("POST", "/v1/jobs/{job}", "update job"),
        ("POST", "/v1/jobs/{job}:cancel", "cancel job"),
        ("POST", "/v1/jobs/{job}:retry", "retry job"),
        ("POST", "/v1/jobs/all:cancel", "cancel all"),
        ("GET", "/files/{path*}", "file"),
        ("GET", "/files/secret/{name}", "secret"),
        ("GET", "/admin/users", "admin"),
    ]
    .into_iter()
    .map(|(method, path, name)| (method, template(path), name))
    .collect();
    Router::new(templates.iter().map(|(method, path, name)| (*method, path, *name))).unwrap()
}

#[test]
fn finds_the_function_of_a_path() {
    let router = billing();
    let check = |method: &str, raw: &str, expect: &str| {
        assert_eq!(route(&router, method, raw).as_deref(), Ok(expect), "{method} {raw}");
    };
    check("GET", "/", "root");
    check("GET", "/v1/customers", "list");
    check("POST", "/v1/customers", "create");
    check("GET", "/v1/customers/c_81", "show customer=c_81");
    check("DELETE", "/v1/customers/c_81", "delete id=c_81");
    check("GET", "/v1/customers/a%20b", "show customer=a b");
    check("GET", "/v1/%63ustomers", "list");
    check("GET", "/v1/customers/c/invoices/i", "invoice customer=c invoice=i");
    // A literal before a variable, and back to the variable where the literal leads nowhere.
    check("GET", "/v1/customers/search", "search");
    check("GET", "/v1/customers/%73earch", "search");
    check("GET", "/v1/customers/search/saved", "saved");
    check("GET", "/v1/customers/search/invoices/i", "invoice customer=search invoice=i");
    check("GET", "/v1/customers/Search", "show customer=Search");
    // Verbs, by the last colon, encoded or not.
    check("POST", "/v1/jobs/j", "update job job=j");
    check("POST", "/v1/jobs/j:cancel", "cancel job job=j");
    check("POST", "/v1/jobs/j%3Acancel", "cancel job job=j");
    check("POST", "/v1/jobs/j:%63ancel", "cancel job job=j");
    check("POST", "/v1/jobs/a:b:retry", "retry job job=a:b");
    check("POST", "/v1/jobs/all:cancel", "cancel all");
    check("POST", "/v1/jobs/all:retry", "retry job job=all");
    check("POST", "/v1/jobs/j:other", "update job job=j:other");
    check("POST", "/v1/jobs/:cancel", "update job job=:cancel");
    // The rest of the path.
    check("GET", "/files/a", "file path=a");
    check("GET", "/files/a/b%20c/d", "file path=a/b c/d");
    check("GET", "/files/secret", "file path=secret");
    check("GET", "/files/secret/x", "secret name=x");
    check("GET", "/files/secret/x/y", "file path=secret/x/y");
}

#[test]
fn finds_nothing_where_nothing_is() {
    let router = billing();
    let check = |method: &str, raw: &str, expect: &str| {
        assert_eq!(route(&router, method, raw).as_deref(), Ok(expect), "{method} {raw}");
    };
    check("GET", "/v1", "nothing");
    check("GET", "/v2/customers", "nothing");
    check("GET", "/V1/customers", "nothing");
    check("GET", "/v1/customers/c/invoices", "nothing");
    check("GET", "/v1/customers/c/invoices/i/x", "nothing");
    check("GET", "/files", "nothing");
    // A slash at the end is another path.
    check("GET", "/v1/customers/", "nothing");
    check("GET", "/v1/customers/c/", "nothing");
    check("GET", "/files/a/", "nothing");
    // Methods are compared exactly, and a more general path never lends its own.
    check("get", "/v1/customers", "method not here");
    check("HEAD", "/v1/customers", "method not here");
    check("PUT", "/v1/customers/c", "method not here");
    check("", "/v1/customers", "method not here");
    check("DELETE", "/v1/customers/search", "method not here");
    check("POST", "/admin/users", "method not here");
    check("POST", "/files/a", "method not here");
}

#[test]
fn tricks_reach_no_other_function() {
    let router = billing();
    let check = |raw: &str, expect: Refused| {
        for method in ["GET", "POST", "DELETE"] {
            assert_eq!(route(&router, method, raw), Err(expect), "{raw}");
        }
    };
    check("/v1/customers/../../admin/users", Refused::DotSegment);
    check("/v1/customers/%2e%2e/%2e%2e/admin/users", Refused::DotSegment);
    check("/v1/customers/..%2f..%2fadmin%2fusers", Refused::EncodedSlash);
    check("/v1/customers/%252e%252e%252f", Refused::EncodedTwice);
    check("/v1/customers/..%5c..%5cadmin", Refused::EncodedBackslash);
    check("/v1/customers/..\\..\\admin", Refused::Backslash);
    check("/v1/customers/..;/..;/admin/users", Refused::PathParameter);
    check("/v1/customers;/../admin/users", Refused::PathParameter);
    check("/v1/customers/c;admin=true", Refused::PathParameter);
    check("//admin/users", Refused::EmptySegment);
    check("/v1//customers", Refused::EmptySegment);
    check("/v1/customers//", Refused::EmptySegment);
    check("/v1/customers/c%00", Refused::ControlCharacter);
    check("/v1/customers/c%0d%0aX-Admin:1", Refused::ControlCharacter);
    check("/v1/customers/%c0%ae%c0%ae/x", Refused::InvalidUtf8);
    check("/v1/customers/c#/../admin", Refused::Fragment);
    check("/files/..", Refused::DotSegment);
    check("/files/a/../secret/x", Refused::DotSegment);
    check("/files/secret%2fx", Refused::EncodedSlash);
    check("/files/./secret/x", Refused::DotSegment);
    check("/files//secret/x", Refused::EmptySegment);
    check("http://other/v1/customers", Refused::NotAbsolute);
}

#[test]
fn refuses_two_functions_that_no_request_tells_apart() {
    let check = |first: (&str, &str), second: (&str, &str), is_conflict: bool| {
        let (a, b) = (template(first.1), template(second.1));
        let built = Router::new([(first.0, &a, 1), (second.0, &b, 2)]);
        let expect = is_conflict.then(|| Conflict {
            method: first.0.to_owned(),
            first_path: first.1.to_owned(),
            second_path: second.1.to_owned(),
        });
        assert_eq!(built.err(), expect, "{first:?} {second:?}");
        assert_eq!(first.0 == second.0 && a.shape() == b.shape(), is_conflict);
    };
    check(("GET", "/a/{b}"), ("GET", "/a/{c}"), true);
    check(("GET", "/a"), ("GET", "/a"), true);
    check(("GET", "/"), ("GET", "/"), true);
    check(("GET", "/{a*}"), ("GET", "/{b*}"), true);
    check(("GET", "/{a}:x"), ("GET", "/{b}:x"), true);
    check(("GET", "/a/{b}"), ("POST", "/a/{c}"), false);
    check(("GET", "/a/{b}"), ("get", "/a/{c}"), false);
    check(("GET", "/a/{b}"), ("GET", "/a/b"), false);
    check(("GET", "/{a}"), ("GET", "/{a*}"), false);
    check(("GET", "/{a}:x"), ("GET", "/{a}:y"), false);
    let (a, b) = (template("/a/{b}"), template("/a/{c}"));
    let told = Router::new([("GET", &a, 1), ("GET", &b, 2)]).unwrap_err().to_string();
    assert_eq!(told, "`GET /a/{b}` and `GET /a/{c}` can't be told apart");
}

/// Templates over few words, so that they overlap in every way.
fn any_templates() -> impl Strategy<Value = Vec<PathTemplate>> {
    let segment = prop::sample::select(vec!["a", "b", "a:x", "{}", "{}:x", "{}:y"]);
    let one = (prop::collection::vec(segment, 0..5), any::<bool>()).prop_map(|(parts, is_rest)| {
        let mut source = String::new();
        for (place, part) in parts.iter().enumerate() {
            source.push_str(&format!("/{}", part.replace("{}", &format!("{{v{place}}}"))));
        }
        if is_rest {
            source.push_str("/{rest*}");
        }
        template(if source.is_empty() { "/" } else { &source })
    });
    prop::collection::vec(one, 1..12).prop_map(|mut all| {
        let mut shapes = std::collections::HashSet::new();
        all.retain(|it| shapes.insert(it.shape()));
        all
    })
}

fn any_segment() -> impl Strategy<Value = String> {
    prop_oneof!["[ab]", "[ab]:[xyz]", "[a-z0-9_.~ %+é:@?#=&-]{1,8}", any::<String>(),]
}

/// Which template fits decoded segments, one after the other: the router's rule without its trie.
fn fits(template: &PathTemplate, segments: &[String]) -> Option<Vec<u8>> {
    let mut rank = Vec::new();
    for (place, part) in template.segments().iter().enumerate() {
        let segment = segments.get(place)?;
        let (fits, kind) = match part {
            Segment::Literal(text) => (**text == **segment, 0),
            Segment::Verb { verb, .. } => (
                segment
                    .rsplit_once(':')
                    .is_some_and(|(value, it)| *it == **verb && !matches!(value, "" | "." | "..")),
                1,
            ),
            Segment::Variable(_) => (true, 2),
            Segment::Rest(_) => return Some([rank, vec![3]].concat()),
        };
        rank.push(kind);
        if !fits {
            return None;
        }
    }
    (segments.len() == template.segments().len()).then_some(rank)
}

fn router_of(templates: &[PathTemplate]) -> Router<usize> {
    Router::new(templates.iter().enumerate().map(|(place, it)| ("GET", it, place))).unwrap()
}

proptest! {
    /// Fill, split and find is the identity; and where a value spells another function's path,
    /// that function really has this path.
    #[test]
    fn a_filled_template_leads_back_to_its_function(
        templates in any_templates(),
        which in any::<prop::sample::Index>(),
        values in prop::collection::vec(any_segment(), 6),
        rest in prop::collection::vec(any_segment(), 1..4),
    ) {
        let router = router_of(&templates);
        let which = which.index(templates.len());
        let value_of = |name: &str| {
            Some(match name.strip_prefix('v') {
                Some(place) => values[place.parse::<usize>().unwrap()].clone(),
                None => rest.join("/"),
            })
        };
        let Ok(path) = templates[which].fill(value_of) else { return Ok(()) };
        let segments = split(&path).unwrap();
        let Found::Matched { value, variables } = router.find("GET", &segments) else {
            return Err(TestCaseError::fail(format!("{path} leads nowhere")));
        };
        let captured: HashMap<_, _> = variables.iter().collect();
        let again = templates[value].fill(|name| captured.get(name).map(|&it| it.to_owned()));
        prop_assert_eq!(again.as_deref(), Ok(&*path));
        if value == which {
            for (name, value) in captured {
                prop_assert_eq!(Some(value.to_owned()), value_of(name));
            }
        }
        // Alone, a template always finds itself.
        let alone = router_of(&templates[which..=which]);
        let found = alone.find("GET", &segments);
        prop_assert!(matches!(found, Found::Matched { value: 0, .. }), "{}", path);
    }

    /// A mutated path is refused, or leads where its plainly decoded segments lead.
    #[test]
    fn a_mutated_path_leads_where_it_says(
        templates in any_templates(),
        words in prop::collection::vec(any_segment(), 1..6),
        place in any::<prop::sample::Index>(),
        trick in prop::sample::select(vec![
            "%2e", "%2e%2e", "%2f", "%2F", "/", "//", "/./", "/../", "/..;/", ";", ";x=1", "%3b", "%252e",
            "%252f", "%5c", "\\", "%00", "%", "%c0%af", "%61", "%3A", ":x", "%", "#", "?", "/a", "%20",
        ]),
    ) {
        let encoded: Vec<_> = words
            .iter()
            .map(|it| percent_encoding::utf8_percent_encode(it, percent_encoding::NON_ALPHANUMERIC))
            .map(|it| it.to_string())
            .collect();
        let mut raw = format!("/{}", encoded.join("/"));
        raw.insert_str(place.index(raw.len() + 1), trick);
        let Ok(segments) = split(&raw) else { return Ok(()) };
        let plain: Vec<String> = raw
            .split('/')
            .skip(1)
            .map(|it| percent_encoding::percent_decode_str(it).decode_utf8().unwrap().into_owned())
            .collect();
        let expect = templates
            .iter()
            .enumerate()
            .filter_map(|(place, it)| Some((fits(it, &plain)?, place)))
            .min()
            .filter(|_| !raw.ends_with('/'));
        match router_of(&templates).find("GET", &segments) {
            Found::Matched { value, .. } => prop_assert_eq!(Some(value), expect.map(|it| it.1)),
            Found::MethodNotHere => prop_assert!(false),
            Found::Nothing => prop_assert_eq!(None, expect, "{}", raw),
        }
    }
}
