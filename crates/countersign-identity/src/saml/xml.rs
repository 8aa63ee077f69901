//! A strict reader of the XML that SAML messages are written in: UTF-8, elements, attributes, text and
//! namespaces. One tree comes out of it, and everything reads that tree: what is canonicalised and
//! verified is what is believed.
//!
//! It never reads a document type, never expands an entity of a document's own, never knows a
//! processing instruction or a CDATA section, and never fetches anything. What two readers could
//! take for different documents is refused, not repaired.

use std::{collections::HashSet, sync::Arc};

mod reader;

/// An element with all that is in it.
#[derive(Clone, Debug)]
pub(crate) struct Element {
    pub(crate) name: Name,
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) children: Vec<Node>,
    scope: Arc<Scope>,
}

/// A name with its namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name {
    /// Empty for the default namespace, or for an attribute in none.
    pub(crate) prefix: Box<str>,
    pub(crate) local: Box<str>,
    /// Empty for none.
    pub(crate) namespace: Arc<str>,
}

/// An attribute that declares no namespace.
#[derive(Clone, Debug)]
pub(crate) struct Attribute {
    pub(crate) name: Name,
    pub(crate) value: String,
}

/// What stands in an element. Two texts never stand side by side.
#[derive(Clone, Debug)]
pub(crate) enum Node {
    Element(Element),
    Text(String),
}

/// The namespaces that are in force somewhere: prefix and name, the inner ones last.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scope(Vec<(Box<str>, Arc<str>)>);

/// What to do with a comment. Canonicalisation drops it, so it could hide nothing from this reader;
/// but no message of SAML has one, and it has cut names short in others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comments {
    Refuse,
    /// As if it did not stand there: the text before and behind it is one text.
    Skip,
}

/// A text that is not XML as it is read here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadXml {
    #[error("a document type")]
    Doctype,
    #[error("{0}")]
    NotAllowed(&'static str),
    #[error("{0}")]
    Malformed(&'static str),
    #[error("an ID that stands twice")]
    DuplicateId,
}

/// Reads a document.
pub(crate) fn parse(bytes: &[u8], comments: Comments) -> Result<Element, BadXml> {
    reader::read(bytes, comments, &Arc::default())
}

/// Reads an element that was taken out of another: the namespaces of that one are in force.
pub(crate) fn parse_within(bytes: &[u8], around: &Element) -> Result<Element, BadXml> {
    reader::read(bytes, Comments::Refuse, &around.scope)
}

impl Element {
    pub(crate) fn is(&self, namespace: &str, local: &str) -> bool {
        *self.name.namespace == *namespace && *self.name.local == *local
    }

    /// The value of an attribute in no namespace.
    pub(crate) fn attribute(&self, local: &str) -> Option<&str> {
        let named = |it: &&Attribute| it.name.namespace.is_empty() && *it.name.local == *local;
        self.attributes.iter().find(named).map(|it| it.value.as_str())
    }

    /// The elements in it, which must have nothing but white space between them.
    pub(crate) fn elements(&self) -> Option<Vec<&Self>> {
        let mut elements = Vec::new();
        for node in &self.children {
            match node {
                Node::Element(element) => elements.push(element),
                Node::Text(text) if text.bytes().all(is_space) => {}
                Node::Text(_) => return None,
            }
        }
        Some(elements)
    }

    /// The text in it, which must have no element beside it.
    pub(crate) fn text(&self) -> Option<&str> {
        match self.children.as_slice() {
            [] => Some(""),
            [Node::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// What a prefix means here; the default namespace has the empty one.
    pub(crate) fn namespace_of(&self, prefix: &str) -> Option<&str> {
        self.scope.find(prefix).map(|it| &**it)
    }
}

impl Scope {
    fn find(&self, prefix: &str) -> Option<&Arc<str>> {
        self.0.iter().rev().find(|(it, _)| **it == *prefix).map(|(_, namespace)| namespace)
    }
}

/// Whether the IDs of a tree are all different. What counts as one is decided by the name alone, so
/// that no two readers can differ about it.
fn unique_ids<'e>(element: &'e Element, seen: &mut HashSet<&'e str>) -> bool {
    let ids = element.attributes.iter().filter(|it| it.name.local.eq_ignore_ascii_case("id"));
    for id in ids {
        if !seen.insert(&id.value) {
            return false;
        }
    }
    element.children.iter().all(|node| match node {
        Node::Element(child) => unique_ids(child, seen),
        Node::Text(_) => true,
    })
}

/// White space of XML, which is less than that of Unicode.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// The namespace that the prefix `xml` always means.
pub(crate) const XML: &str = "http://www.w3.org/XML/1998/namespace";

#[cfg(test)]
mod tests;
