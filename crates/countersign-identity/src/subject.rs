//! What names the subject of a token: one claim, or a template over several
//! (`repo:{repository_id}:environment:{environment}`).
//!
//! Two tokens whose claims differ never make the same subject: what stands between two parts can't
//! stand within a part, because everything but letters, digits and `-._~/@` is percent-encoded
//! there.

use crate::{Fault, Refused, claims::at_path, refused::shown, rules};
use serde_json::{Map, Value};
use std::fmt::Write;

/// What names a subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Naming {
    /// One claim.
    Claim(String),
    /// Several.
    Template(Template),
}

impl Naming {
    /// Reads what a checked configuration says.
    pub(crate) fn of(text: &str) -> Self {
        match Template::parse(text) {
            Ok(template) => Self::Template(template),
            Err(_) => Self::Claim(text.to_owned()),
        }
    }

    /// The claims that it reads.
    pub(crate) fn claims(&self) -> Vec<&str> {
        match self {
            Self::Claim(name) => vec![name],
            Self::Template(template) => template.claims().collect(),
        }
    }
}

/// A template of a subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Claim(String),
}

/// A template that can't be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadTemplate {
    #[error("a claim stands in braces: `project:{{project_id}}`")]
    Braces,
    #[error("two claims need a `:` or another sign between them that no claim's text keeps")]
    NoSeparator,
    #[error("an e-mail address is no identity: it can be given to somebody else")]
    Address,
}

impl Template {
    /// Whether a text is a template, and not the name of a claim.
    pub(crate) fn is_one(text: &str) -> bool {
        text.contains(['{', '}'])
    }

    /// Reads a template.
    pub(crate) fn parse(text: &str) -> Result<Self, BadTemplate> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (claim, after) = after.split_once('}').ok_or(BadTemplate::Braces)?;
            if before.contains('}') || claim.is_empty() || claim.contains('{') {
                return Err(BadTemplate::Braces);
            }
            if is_address(claim) {
                return Err(BadTemplate::Address);
            }
            if !pieces.is_empty() && before.bytes().all(|it| is_kept(it) || it == b'%') {
                return Err(BadTemplate::NoSeparator);
            }
            if !before.is_empty() {
                pieces.push(Piece::Text(before.to_owned()));
            }
            pieces.push(Piece::Claim(claim.to_owned()));
            rest = after;
        }
        if rest.contains('}') || pieces.is_empty() {
            return Err(BadTemplate::Braces);
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.to_owned()));
        }
        Ok(Self(pieces))
    }

    /// The subject that the claims make. Every claim must be there.
    pub(crate) fn fill(&self, claims: &Map<String, Value>) -> Result<String, Refused> {
        let mut subject = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => subject.push_str(text),
                Piece::Claim(name) => {
                    let value = at_path(claims, name).and_then(rules::plain_text);
                    let value = value.filter(|it| !it.is_empty()).ok_or_else(|| {
                        Refused::new(Fault::SubjectMissing, format!("no usable {}", shown(name)))
                    })?;
                    encode(&value, &mut subject);
                }
            }
        }
        Ok(subject)
    }

    fn claims(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|it| match it {
            Piece::Text(_) => None,
            Piece::Claim(name) => Some(name.as_str()),
        })
    }
}

/// Claims that hold an address or a name which people can change, or which can be given to another.
pub(crate) fn is_address(claim: &str) -> bool {
    let claim = claim.strip_prefix('/').unwrap_or(claim);
    ["email", "upn", "preferred_username", "unique_name"].contains(&claim)
}

fn encode(text: &str, out: &mut String) {
    for byte in text.bytes() {
        if is_kept(byte) {
            out.push(char::from(byte));
        } else {
            let _infallible = write!(out, "%{byte:02X}");
        }
    }
}

fn is_kept(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~/@".contains(&byte)
}

#[cfg(test)]
mod tests;
