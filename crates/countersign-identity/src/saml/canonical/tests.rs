use super::*;
use crate::saml::xml::{self, Comments};

/// The element of this name, and what it is canonically.
fn check(document: &str, apex: &str, inclusive: &[&str], expected: &str) {
    let root = xml::parse(document.as_bytes(), Comments::Skip).unwrap();
    let apex = find(&root, apex).unwrap();
    let bytes = Canonical { apex, inclusive, without: None }.bytes();
    assert_eq!(String::from_utf8(bytes).unwrap(), expected, "{document}");
}

fn find<'e>(element: &'e Element, local: &str) -> Option<&'e Element> {
    if *element.name.local == *local {
        return Some(element);
    }
    element.children.iter().find_map(|node| match node {
        Node::Element(child) => find(child, local),
        Node::Text(_) => None,
    })
}

#[test]
fn the_examples_of_the_specification() {
    // Exclusive XML Canonicalization 1.0 §2.2: the same element in two envelopes.
    let canonical = "<n1:elem2 xmlns:n1=\"http://example.net\" xml:lang=\"en\">\
                     <n3:stuff xmlns:n3=\"ftp://example.org\"></n3:stuff></n1:elem2>";
    check(
        "<n0:local xmlns:n0=\"foo:bar\" xmlns:n3=\"ftp://example.org\"><n1:elem2 \
         xmlns:n1=\"http://example.net\" xml:lang=\"en\"><n3:stuff xmlns:n3=\"ftp://example.org\"/>\
         </n1:elem2></n0:local>",
        "elem2",
        &[],
        canonical,
    );
    check(
        "<n2:pdu xmlns:n1=\"http://example.com\" xmlns:n2=\"http://foo.example\" xml:lang=\"fr\" \
         xml:space=\"retain\"><n1:elem2 xmlns:n1=\"http://example.net\" xml:lang=\"en\"><n3:stuff \
         xmlns:n3=\"ftp://example.org\"/></n1:elem2></n2:pdu>",
        "elem2",
        &[],
        canonical,
    );
    // Canonical XML 1.0 §3.3: start and end tags, without what a document type would add.
    check(
        "<doc><e1   /><e2   ></e2><e3   name = \"elem3\"   id=\"elem3\"   /><e5 a:attr=\"out\" \
         b:attr=\"sorted\" attr2=\"all\" attr=\"I'm\" xmlns:b=\"http://www.ietf.org\" \
         xmlns:a=\"http://www.w3.org\" xmlns=\"http://example.org\"/><e6 \
         xmlns:a=\"http://www.w3.org\"><e7 xmlns=\"http://www.ietf.org\"><e8 xmlns=\"\"><e9 \
         a:attr=\"x\"/></e8></e7></e6></doc>",
        "doc",
        &[],
        "<doc><e1></e1><e2></e2><e3 id=\"elem3\" name=\"elem3\"></e3><e5 \
         xmlns=\"http://example.org\" xmlns:a=\"http://www.w3.org\" xmlns:b=\"http://www.ietf.org\" \
         attr=\"I'm\" attr2=\"all\" b:attr=\"sorted\" a:attr=\"out\"></e5><e6><e7 \
         xmlns=\"http://www.ietf.org\"><e8 xmlns=\"\"><e9 xmlns:a=\"http://www.w3.org\" \
         a:attr=\"x\"></e9></e8></e7></e6></doc>",
    );
    // §3.4: characters, references and ends of lines.
    check(
        "<doc><text>First line&#x0d;&#10;Second line</text><value>&#x32;</value><compute \
         expr='value>\"0\" &amp;&amp; value&lt;\"10\" ?\"valid\":\"error\"'>valid</compute>\r\n<norm \
         attr=' &apos;   &#x20;&#13;&#xa;&#9;   &apos; '/>&gt;</doc>",
        "doc",
        &[],
        "<doc><text>First line&#xD;\nSecond line</text><value>2</value><compute \
         expr=\"value>&quot;0&quot; &amp;&amp; value&lt;&quot;10&quot; \
         ?&quot;valid&quot;:&quot;error&quot;\">valid</compute>\n<norm attr=\" '    \
         &#xD;&#xA;&#x9;   ' \"></norm>&gt;</doc>",
    );
}

#[test]
fn prefixes_that_are_listed_are_shown_where_they_are_in_force() {
    let document = "<a:r xmlns:a=\"urn:a\" xmlns:xs=\"urn:xs\" xmlns=\"urn:d\"><a:v t=\"xs:string\">\
                    <a:w xmlns:xs=\"urn:other\"/></a:v></a:r>";
    check(document, "v", &[], "<a:v xmlns:a=\"urn:a\" t=\"xs:string\"><a:w></a:w></a:v>");
    check(
        document,
        "v",
        &["xs", "nowhere"],
        "<a:v xmlns:a=\"urn:a\" xmlns:xs=\"urn:xs\" t=\"xs:string\"><a:w xmlns:xs=\"urn:other\">\
         </a:w></a:v>",
    );
    check(
        document,
        "v",
        &["#default"],
        "<a:v xmlns=\"urn:d\" xmlns:a=\"urn:a\" t=\"xs:string\"><a:w></a:w></a:v>",
    );
}

#[test]
fn a_comment_that_is_skipped_leaves_one_text() {
    check("<a>one<!-- x -->two</a>", "a", &[], "<a>onetwo</a>");
}

#[test]
fn only_the_element_itself_is_left_out() {
    let root = xml::parse(b"<a><b>1</b><b>1</b></a>", Comments::Refuse).unwrap();
    let second = root.elements().unwrap()[1];
    let canonical = Canonical { apex: &root, inclusive: &[], without: Some(second) };
    assert_eq!(canonical.bytes(), b"<a><b>1</b></a>");
}
