use super::*;
use crate::saml::canonical::Canonical;

fn canonical(element: &Element) -> String {
    let bytes = Canonical { apex: element, inclusive: &[], without: None }.bytes();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn what_is_well_formed_is_read() {
    for (text, expected) in [
        ("<a/>", "<a></a>"),
        ("<?xml version='1.0'?>\n<a />\n", "<a></a>"),
        ("\u{FEFF}<a/>", "<a></a>"),
        ("<a b='\"' c=\"'\"/>", "<a b=\"&quot;\" c=\"'\"></a>"),
        ("<a b='1\n2\r\n3\t4'/>", "<a b=\"1 2 3 4\"></a>"),
        ("<a>1\r\n2\r3</a>", "<a>1\n2\n3</a>"),
        ("<a>&lt;&#x1F600;</a>", "<a>&lt;\u{1F600}</a>"),
        ("<a\n>x</a\n>", "<a>x</a>"),
    ] {
        let read = parse(text.as_bytes(), Comments::Refuse);
        assert_eq!(read.map(|it| canonical(&it)).as_deref(), Ok(expected), "{text}");
    }
}

#[test]
fn what_is_not_is_refused() {
    for text in [
        "",
        " ",
        "a",
        "<",
        "<a",
        "<a>",
        "<a></b>",
        "<a></a",
        "</a>",
        "<a/>b",
        "<a/><b/>",
        "<1/>",
        "<a b/>",
        "<a b=c/>",
        "<a b='c/>",
        "<a b='<'/>",
        "<a b='1' b='2'/>",
        "<a b='1'c='2'/>",
        "<a:/>",
        "<:a/>",
        "<a:b:c/>",
        "<a:b/>",
        "<a>&#xD800;</a>",
        "<a>&#1;</a>",
        "<a>&amp</a>",
        "<a>]]></a>",
        "<a>\u{1}</a>",
        "<a>\u{FFFF}</a>",
        "<a xmlns='x'/>",
        "<a xmlns:p=''/>",
        "<xml:a/>",
        "< a/>",
        "<a / >",
        "<a xmlns:xmlns='urn:x'/>",
        "<a xmlns='http://www.w3.org/2000/xmlns/'/>",
        "<?xml version='1.0'",
        "<a xmlns:b='urn:x' xmlns:b='urn:x'/>",
    ] {
        let read = parse(text.as_bytes(), Comments::Refuse);
        assert!(matches!(read, Err(BadXml::Malformed(_))), "{text}: {read:?}");
    }
    for text in [
        "<a>&b;</a>",
        "<!-- --><a/>",
        "<?p?><a/>",
        "<![CDATA[]]>",
        "<!ELEMENT a>",
        "<a>&#x;</a>x&#-1;",
    ] {
        let read = parse(text.as_bytes(), Comments::Refuse);
        assert!(
            matches!(read, Err(BadXml::NotAllowed(_) | BadXml::Malformed(_))),
            "{text}: {read:?}"
        );
    }
    let twice = parse(b"<a ID='1'><b id='1'/></a>", Comments::Refuse);
    assert_eq!(twice.err(), Some(BadXml::DuplicateId));
    assert_eq!(parse(b"<!DOCTYPE a><a/>", Comments::Skip).err(), Some(BadXml::Doctype));
    for text in ["<a><!-- -- --></a>", "<a><!-- ---></a>", "<a><!-- </a>"] {
        assert!(parse(text.as_bytes(), Comments::Skip).is_err(), "{text}");
    }
}

#[test]
fn an_element_that_was_taken_out_knows_the_namespaces_around_it() {
    let around =
        parse(b"<p:a xmlns:p='urn:p' xmlns='urn:d'><p:b/></p:a>", Comments::Refuse).unwrap();
    let inside = parse_within(b"<p:c><d/></p:c>", around.elements().unwrap()[0]).unwrap();
    assert!(inside.is("urn:p", "c"));
    assert!(inside.elements().unwrap()[0].is("urn:d", "d"));
}
