//! Exclusive XML Canonicalization 1.0, without comments: the bytes that a signature is about. They are
//! made from the tree that everything else reads, and never read again.

use super::xml::{Element, Node};
use std::collections::BTreeMap;

/// What of a tree is canonicalised.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Canonical<'e> {
    /// Where it begins.
    pub(crate) apex: &'e Element,
    /// The prefixes that are treated as in inclusive canonicalisation (`InclusiveNamespaces`).
    pub(crate) inclusive: &'e [&'e str],
    /// The one element that is left out: the enveloped signature.
    pub(crate) without: Option<&'e Element>,
}

impl<'e> Canonical<'e> {
    pub(crate) fn bytes(self) -> Vec<u8> {
        let mut text = String::new();
        self.write(self.apex, &mut Vec::new(), &mut text);
        text.into_bytes()
    }

    fn write(self, element: &'e Element, shown: &mut Vec<(&'e str, &'e str)>, text: &mut String) {
        let before = shown.len();
        for (prefix, namespace) in self.used(element) {
            let last = shown.iter().rev().find(|(it, _)| *it == prefix);
            // Nothing shown is as if the default namespace were none.
            if last.map_or("", |(_, it)| *it) != namespace {
                shown.push((prefix, namespace));
            }
        }
        let name = qualified(&element.name.prefix, &element.name.local);
        text.push('<');
        text.push_str(&name);
        for (prefix, namespace) in shown.iter().skip(before) {
            text.push_str(if prefix.is_empty() { " xmlns" } else { " xmlns:" });
            text.push_str(prefix);
            push_attribute(text, namespace);
        }
        let mut attributes: Vec<_> = element.attributes.iter().collect();
        attributes.sort_by_key(|it| (&it.name.namespace, &it.name.local));
        for attribute in attributes {
            text.push(' ');
            text.push_str(&qualified(&attribute.name.prefix, &attribute.name.local));
            push_attribute(text, &attribute.value);
        }
        text.push('>');
        for node in &element.children {
            match node {
                Node::Text(plain) => push_text(text, plain),
                Node::Element(child) if self.without.is_some_and(|it| std::ptr::eq(it, child)) => {}
                Node::Element(child) => self.write(child, shown, text),
            }
        }
        text.push_str("</");
        text.push_str(&name);
        text.push('>');
        shown.truncate(before);
    }

    /// The prefixes that an element makes visible use of, with the default one first.
    fn used(self, element: &'e Element) -> BTreeMap<&'e str, &'e str> {
        let mut used = BTreeMap::new();
        used.insert(&*element.name.prefix, &*element.name.namespace);
        for name in element.attributes.iter().map(|it| &it.name) {
            if !name.prefix.is_empty() && *name.prefix != *"xml" {
                used.insert(&name.prefix, &name.namespace);
            }
        }
        for prefix in self.inclusive {
            let prefix = if *prefix == "#default" { "" } else { prefix };
            if let Some(namespace) = element.namespace_of(prefix) {
                used.insert(prefix, namespace);
            }
        }
        used
    }
}

fn qualified(prefix: &str, local: &str) -> String {
    if prefix.is_empty() { local.to_owned() } else { format!("{prefix}:{local}") }
}

fn push_attribute(text: &mut String, value: &str) {
    text.push_str("=\"");
    for character in value.chars() {
        match character {
            '&' => text.push_str("&amp;"),
            '<' => text.push_str("&lt;"),
            '"' => text.push_str("&quot;"),
            '\t' => text.push_str("&#x9;"),
            '\n' => text.push_str("&#xA;"),
            '\r' => text.push_str("&#xD;"),
            other => text.push(other),
        }
    }
    text.push('"');
}

fn push_text(text: &mut String, plain: &str) {
    for character in plain.chars() {
        match character {
            '&' => text.push_str("&amp;"),
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            '\r' => text.push_str("&#xD;"),
            other => text.push(other),
        }
    }
}

#[cfg(test)]
mod tests;
