//! From text to the tree: one walk from the start to the end, with a stack of the elements that are
//! open.

use super::{Attribute, BadXml, Comments, Element, Name, Node, Scope, XML, is_space, unique_ids};
use std::{collections::HashSet, sync::Arc};

pub(super) fn read(
    bytes: &[u8],
    comments: Comments,
    around: &Arc<Scope>,
) -> Result<Element, BadXml> {
    let text = std::str::from_utf8(bytes).map_err(|_| BadXml::Malformed("not UTF-8"))?;
    if !text.chars().all(is_character) {
        return Err(BadXml::Malformed("a character that XML has not"));
    }
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    let mut reader = Reader { rest: text, comments, open: Vec::new(), root: None, elements: 0 };
    reader.declaration()?;
    while !reader.rest.is_empty() {
        reader.step(around)?;
    }
    let unclosed = !reader.open.is_empty();
    let root = reader.root.filter(|_| !unclosed).ok_or(BadXml::Malformed("no whole element"))?;
    if !unique_ids(&root, &mut HashSet::new()) {
        return Err(BadXml::DuplicateId);
    }
    Ok(root)
}

struct Reader<'t> {
    rest: &'t str,
    comments: Comments,
    /// From the root to the innermost, each with its name as it was written.
    open: Vec<(Element, &'t str)>,
    root: Option<Element>,
    elements: usize,
}

impl<'t> Reader<'t> {
    /// `<?xml version="1.0" encoding="UTF-8"?>`, if it is there.
    fn declaration(&mut self) -> Result<(), BadXml> {
        let begins = |it: &str| it.bytes().next().is_some_and(is_space);
        let Some(rest) = self.rest.strip_prefix("<?xml").filter(|it| begins(it)) else {
            return Ok(());
        };
        let (inside, rest) = rest.split_once("?>").ok_or(BadXml::Malformed("a declaration"))?;
        self.rest = inside;
        let told = self.attributes()?;
        let right = told.iter().all(|(name, value)| match *name {
            "version" => value == "1.0",
            "encoding" => value.eq_ignore_ascii_case("utf-8"),
            "standalone" => true,
            _ => false,
        });
        if !right || !self.rest.is_empty() {
            return Err(BadXml::NotAllowed("a declaration other than XML 1.0 in UTF-8"));
        }
        self.rest = rest;
        Ok(())
    }

    fn step(&mut self, around: &Arc<Scope>) -> Result<(), BadXml> {
        if let Some(rest) = self.rest.strip_prefix("</") {
            self.rest = rest;
            return self.end_tag();
        }
        if let Some(rest) = self.rest.strip_prefix("<!--") {
            return self.comment(rest);
        }
        if self.rest.starts_with("<!DOCTYPE") {
            return Err(BadXml::Doctype);
        }
        if self.rest.starts_with("<!") {
            return Err(BadXml::NotAllowed("a CDATA section or a declaration"));
        }
        if self.rest.starts_with("<?") {
            return Err(BadXml::NotAllowed("a processing instruction"));
        }
        if let Some(rest) = self.rest.strip_prefix('<') {
            self.rest = rest;
            return self.start_tag(around);
        }
        self.text()
    }

    fn comment(&mut self, rest: &'t str) -> Result<(), BadXml> {
        match self.comments {
            Comments::Refuse => Err(BadXml::NotAllowed("a comment")),
            Comments::Skip => {
                let (comment, rest) =
                    rest.split_once("-->").ok_or(BadXml::Malformed("a comment"))?;
                if comment.contains("--") || comment.ends_with('-') {
                    return Err(BadXml::Malformed("a comment"));
                }
                self.rest = rest;
                Ok(())
            }
        }
    }

    fn text(&mut self) -> Result<(), BadXml> {
        let end = self.rest.find('<').unwrap_or(self.rest.len());
        let (text, rest) = self.rest.split_at_checked(end).ok_or(BadXml::Malformed("a text"))?;
        self.rest = rest;
        let Some((parent, _)) = self.open.last_mut() else {
            let blank = text.bytes().all(is_space);
            return if blank { Ok(()) } else { Err(BadXml::Malformed("text outside the root")) };
        };
        if text.contains("]]>") {
            return Err(BadXml::Malformed("`]]>` in a text"));
        }
        let text = decoded(text, In::Text)?;
        match parent.children.last_mut() {
            Some(Node::Text(before)) => before.push_str(&text),
            Some(Node::Element(_)) | None => parent.children.push(Node::Text(text)),
        }
        Ok(())
    }

    fn start_tag(&mut self, around: &Arc<Scope>) -> Result<(), BadXml> {
        if self.open.is_empty() && self.root.is_some() {
            return Err(BadXml::Malformed("more than one root"));
        }
        if self.open.len() >= DEPTH_MAX || self.elements >= ELEMENTS_MAX {
            return Err(BadXml::NotAllowed("too deep, or too many elements"));
        }
        self.elements += 1;
        let written = self.name()?;
        let attributes = self.attributes()?;
        let outer = self.open.last().map_or(around, |(parent, _)| &parent.scope);
        let element = element(written, attributes, outer)?;
        if let Some(rest) = self.rest.strip_prefix("/>") {
            self.rest = rest;
            self.place(element);
            return Ok(());
        }
        self.rest = self.rest.strip_prefix('>').ok_or(BadXml::Malformed("a start tag"))?;
        self.open.push((element, written));
        Ok(())
    }

    fn end_tag(&mut self) -> Result<(), BadXml> {
        let written = self.name()?;
        self.skip_space();
        self.rest = self.rest.strip_prefix('>').ok_or(BadXml::Malformed("an end tag"))?;
        match self.open.pop() {
            Some((element, name)) if name == written => {
                self.place(element);
                Ok(())
            }
            _ => Err(BadXml::Malformed("an end tag that ends nothing")),
        }
    }

    fn place(&mut self, element: Element) {
        match self.open.last_mut() {
            Some((parent, _)) => parent.children.push(Node::Element(element)),
            None => self.root = Some(element),
        }
    }

    /// Names as they are written, values as they are meant.
    fn attributes(&mut self) -> Result<Vec<(&'t str, String)>, BadXml> {
        let mut attributes: Vec<(&str, String)> = Vec::new();
        loop {
            let spaced = self.skip_space();
            if self.rest.is_empty() || self.rest.starts_with(['>', '/', '?']) {
                return Ok(attributes);
            }
            if !spaced || attributes.len() == ATTRIBUTES_MAX {
                return Err(BadXml::Malformed("attributes"));
            }
            let name = self.name()?;
            self.skip_space();
            self.rest = self.rest.strip_prefix('=').ok_or(BadXml::Malformed("an attribute"))?;
            self.skip_space();
            let quote = self.rest.chars().next().filter(|it| matches!(it, '"' | '\''));
            let quote = quote.ok_or(BadXml::Malformed("an attribute without quotes"))?;
            let mut parts = self.rest.splitn(3, quote).skip(1);
            let (Some(value), Some(rest)) = (parts.next(), parts.next()) else {
                return Err(BadXml::Malformed("an attribute that does not end"));
            };
            self.rest = rest;
            if value.contains('<') {
                return Err(BadXml::Malformed("`<` in an attribute"));
            }
            if attributes.iter().any(|(it, _)| *it == name) {
                return Err(BadXml::Malformed("an attribute that stands twice"));
            }
            attributes.push((name, decoded(value, In::Attribute)?));
        }
    }

    /// A name as it is written. SAML's are all ASCII.
    fn name(&mut self) -> Result<&'t str, BadXml> {
        let in_name = |it: char| it.is_ascii_alphanumeric() || "_-.:".contains(it);
        let end = self.rest.find(|it| !in_name(it)).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at_checked(end).ok_or(BadXml::Malformed("a name"))?;
        self.rest = rest;
        Ok(name)
    }

    fn skip_space(&mut self) -> bool {
        let trimmed = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
        let spaced = trimmed.len() < self.rest.len();
        self.rest = trimmed;
        spaced
    }
}

/// An element without what is in it.
fn element(
    written: &str,
    attributes: Vec<(&str, String)>,
    outer: &Arc<Scope>,
) -> Result<Element, BadXml> {
    let mut scope = Arc::clone(outer);
    let mut plain = Vec::with_capacity(attributes.len());
    for (name, value) in attributes {
        let prefix = match (name, name.strip_prefix("xmlns:")) {
            ("xmlns", _) => "",
            (_, Some(prefix)) if is_name(prefix) && !matches!(prefix, "xml" | "xmlns") => prefix,
            (_, Some(_)) => return Err(BadXml::Malformed("a prefix that can't be declared")),
            (_, None) => {
                plain.push((name, value));
                continue;
            }
        };
        // A relative one would mean what its reader likes (Namespaces in XML, §2.2).
        let named = if prefix.is_empty() && value.is_empty() { true } else { value.contains(':') };
        if !named || value == XML || value == XMLNS {
            return Err(BadXml::Malformed("a namespace that can't be declared"));
        }
        let scope = Arc::make_mut(&mut scope);
        if scope.0.len() == NAMESPACES_MAX {
            return Err(BadXml::NotAllowed("too many namespaces"));
        }
        scope.0.push((prefix.into(), value.into()));
    }
    let name = resolved(written, &scope, In::Text)?;
    let mut attributes: Vec<Attribute> = Vec::with_capacity(plain.len());
    for (written, value) in plain {
        let name = resolved(written, &scope, In::Attribute)?;
        let same =
            |it: &Attribute| it.name.local == name.local && it.name.namespace == name.namespace;
        if attributes.iter().any(same) {
            return Err(BadXml::Malformed("an attribute that stands twice"));
        }
        attributes.push(Attribute { name, value });
    }
    Ok(Element { name, attributes, children: Vec::new(), scope })
}

fn resolved(written: &str, scope: &Scope, place: In) -> Result<Name, BadXml> {
    let (prefix, local) = written.split_once(':').unwrap_or(("", written));
    if !is_name(local) || (written.contains(':') && !is_name(prefix)) {
        return Err(BadXml::Malformed("a name"));
    }
    let namespace = match (prefix, place) {
        ("xml", In::Attribute) => XML.into(),
        // An attribute without a prefix is in no namespace (Namespaces in XML, §6.2).
        ("", In::Attribute) => Arc::from(""),
        ("", In::Text) => scope.find("").cloned().unwrap_or_default(),
        _ => scope.find(prefix).cloned().ok_or(BadXml::Malformed("a prefix without a meaning"))?,
    };
    Ok(Name { prefix: prefix.into(), local: local.into(), namespace })
}

/// Where a text stands; a name in text is an element's.
#[derive(Clone, Copy, PartialEq, Eq)]
enum In {
    Text,
    Attribute,
}

/// Ends of lines and white space as XML 1.0 §2.11 and §3.3.3 say, and references resolved.
fn decoded(text: &str, place: In) -> Result<String, BadXml> {
    let mut value = String::with_capacity(text.len());
    let mut pieces = text.split('&');
    push_plain(&mut value, pieces.next().unwrap_or_default(), place);
    for piece in pieces {
        let (reference, plain) =
            piece.split_once(';').ok_or(BadXml::Malformed("a reference without an end"))?;
        value.push(referred(reference)?);
        push_plain(&mut value, plain, place);
    }
    Ok(value)
}

fn push_plain(value: &mut String, plain: &str, place: In) {
    let mut characters = plain.chars().peekable();
    while let Some(character) = characters.next() {
        let ends_line = character == '\r' && characters.next_if_eq(&'\n').is_some();
        value.push(match (character, place) {
            ('\r' | '\n' | '\t', In::Attribute) => ' ',
            ('\r', In::Text) => '\n',
            _ if ends_line => '\n',
            _ => character,
        });
    }
}

fn referred(reference: &str) -> Result<char, BadXml> {
    let number = match (reference, reference.strip_prefix("#x"), reference.strip_prefix('#')) {
        ("amp", ..) => return Ok('&'),
        ("lt", ..) => return Ok('<'),
        ("gt", ..) => return Ok('>'),
        ("quot", ..) => return Ok('"'),
        ("apos", ..) => return Ok('\''),
        (_, Some(hex), _) if hex.bytes().all(|it| it.is_ascii_hexdigit()) => {
            u32::from_str_radix(hex, 16)
        }
        (_, _, Some(decimal)) if decimal.bytes().all(|it| it.is_ascii_digit()) => decimal.parse(),
        _ => return Err(BadXml::NotAllowed("an entity")),
    };
    let character = number.ok().and_then(char::from_u32).filter(|it| is_character(*it));
    character.ok_or(BadXml::Malformed("a reference to no character"))
}

fn is_name(text: &str) -> bool {
    let first = |it: u8| it.is_ascii_alphabetic() || it == b'_';
    let rest = |it: u8| it.is_ascii_alphanumeric() || matches!(it, b'_' | b'-' | b'.');
    text.bytes().next().is_some_and(first) && text.bytes().all(rest)
}

/// XML 1.0 §2.2.
fn is_character(character: char) -> bool {
    match character {
        '\t' | '\n' | '\r' => true,
        '\u{FFFE}' | '\u{FFFF}' => false,
        other => other >= ' ',
    }
}

const XMLNS: &str = "http://www.w3.org/2000/xmlns/";
const DEPTH_MAX: usize = 32;
const ELEMENTS_MAX: usize = 20_000;
const ATTRIBUTES_MAX: usize = 64;
const NAMESPACES_MAX: usize = 64;
