//! Filters and paths of RFC 7644 §3.4.2.2 and §3.5.2: parsed whole, or refused. A filter never becomes
//! part of a query of the store; it is a value that is held against resources.

use serde_json::Value;
use std::fmt;

/// Bytes of a filter or path at most.
pub(crate) const TEXT_BYTES_MAX: usize = 2_048;
/// Parentheses and brackets within each other.
const DEPTH_MAX: usize = 8;
/// Comparisons in one filter.
const TERMS_MAX: usize = 32;

/// A test of a resource.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Filter {
    /// Both hold.
    And(Box<Self>, Box<Self>),
    /// One holds.
    Or(Box<Self>, Box<Self>),
    /// It does not hold.
    Not(Box<Self>),
    /// The attribute has a value.
    Present(Attribute),
    /// The attribute, or one of its values, compares so.
    Compares(Attribute, Compare, Value),
    /// One value of the attribute is such that all of it holds.
    Has(Attribute, Box<Self>),
}

/// How two values compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compare {
    /// `eq`
    Equal,
    /// `ne`
    Differs,
    /// `co`
    Contains,
    /// `sw`
    StartsWith,
    /// `ew`
    EndsWith,
    /// `gt`
    Greater,
    /// `ge`
    AtLeast,
    /// `lt`
    Less,
    /// `le`
    AtMost,
}

/// An attribute, as it was written: its names mean the same in upper and lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Attribute {
    /// The schema's URN, where the path names an extension.
    pub(crate) extension: Option<String>,
    /// Its name.
    pub(crate) name: String,
    /// The attribute within it.
    pub(crate) within: Option<String>,
}

/// The place that an operation changes: `name.givenName`, `emails[type eq "work"].value`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Path {
    /// The attribute; what stands behind a bracket is `within`.
    pub(crate) attribute: Attribute,
    /// Which of its values.
    pub(crate) which: Option<Filter>,
}

/// Why a filter or path was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// What is wrong.
    pub(crate) what: &'static str,
    /// Where.
    pub(crate) at: usize,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.what, self.at)
    }
}

impl std::error::Error for Fault {}

/// Parses a filter.
///
/// # Errors
/// [`Fault`].
pub(crate) fn filter(text: &str) -> Result<Filter, Fault> {
    let mut parser = Parser::new(text)?;
    let filter = parser.disjunction(0)?;
    parser.end()?;
    Ok(filter)
}

/// Parses the path of an operation.
///
/// # Errors
/// [`Fault`].
pub(crate) fn path(text: &str) -> Result<Path, Fault> {
    let mut parser = Parser::new(text)?;
    let mut attribute = parser.attribute()?;
    let mut which = None;
    if parser.takes('[') {
        if attribute.within.is_some() {
            return Err(parser.fault("a bracket behind an attribute within another"));
        }
        which = Some(parser.disjunction(1)?);
        parser.expects(']', "a closing bracket is missing")?;
        if parser.takes('.') {
            attribute.within = Some(parser.name()?);
        }
    }
    parser.end()?;
    Ok(Path { attribute, which })
}

impl Filter {
    /// Whether a resource, or one value of an attribute, is such.
    pub(crate) fn holds(&self, value: &Value) -> bool {
        match self {
            Self::And(a, b) => a.holds(value) && b.holds(value),
            Self::Or(a, b) => a.holds(value) || b.holds(value),
            Self::Not(it) => !it.holds(value),
            Self::Present(attribute) => attribute.values(value).iter().any(|it| is_present(it)),
            Self::Compares(attribute, Compare::Differs, wanted) => {
                let exact = attribute.is_exact();
                !attribute.values(value).iter().any(|it| equal(it, wanted, exact))
            }
            Self::Compares(attribute, how, wanted) => {
                let exact = attribute.is_exact();
                attribute.values(value).iter().any(|it| how.holds(it, wanted, exact))
            }
            Self::Has(attribute, inner) => attribute.values(value).iter().any(|it| inner.holds(it)),
        }
    }

    /// The text that an attribute must equal, whatever else must hold: what an index may be asked.
    pub(crate) fn must_equal(&self, name: &str) -> Option<&str> {
        match self {
            Self::And(a, b) => a.must_equal(name).or_else(|| b.must_equal(name)),
            Self::Compares(it, Compare::Equal, Value::String(text)) if it.is(name) => Some(text),
            Self::Or(..) | Self::Not(_) | Self::Present(_) | Self::Compares(..) | Self::Has(..) => {
                None
            }
        }
    }

    /// The attributes and values that a value must have to be such; `None` if that can't be said.
    pub(crate) fn as_members(&self) -> Option<Vec<(&str, &Value)>> {
        match self {
            Self::And(a, b) => {
                let mut members = a.as_members()?;
                members.extend(b.as_members()?);
                Some(members)
            }
            Self::Compares(it, Compare::Equal, value) if it.within.is_none() => {
                Some(vec![(it.name.as_str(), value)])
            }
            Self::Or(..) | Self::Not(_) | Self::Present(_) | Self::Compares(..) | Self::Has(..) => {
                None
            }
        }
    }
}

impl Attribute {
    /// Whether it is this plain attribute.
    pub(crate) fn is(&self, name: &str) -> bool {
        self.within.is_none() && self.extension.is_none() && self.name.eq_ignore_ascii_case(name)
    }

    /// The values that a resource has for it; those of a list one by one.
    fn values<'v>(&self, resource: &'v Value) -> Vec<&'v Value> {
        let start = match &self.extension {
            None => Some(resource),
            Some(urn) => member(resource, urn),
        };
        let Some(value) = start.and_then(|it| member(it, &self.name)) else { return Vec::new() };
        let each = value.as_array().map_or_else(|| vec![value], |items| items.iter().collect());
        let within = |it| match &self.within {
            Some(within) => member(it, within),
            None => Some(it),
        };
        each.into_iter().filter_map(within).collect()
    }

    /// Whether upper and lower case differ in it (RFC 7643 §3.1, §4.2).
    fn is_exact(&self) -> bool {
        let name = self.within.as_deref().unwrap_or(&self.name);
        ["id", "externalId", "value", "$ref", "members"]
            .iter()
            .any(|it| it.eq_ignore_ascii_case(name))
    }
}

/// A member of an object, whatever the letters of its name.
pub(crate) fn member<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    let members = value.as_object()?;
    members.get(name).or_else(|| {
        members.iter().find(|(it, _)| it.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    })
}

impl Compare {
    fn holds(self, value: &Value, wanted: &Value, exact: bool) -> bool {
        // One of several compares by its `value`.
        let value = member(value, "value").unwrap_or(value);
        let texts = || {
            let fold = |text: &str| if exact { text.to_owned() } else { text.to_lowercase() };
            Some((fold(value.as_str()?), fold(wanted.as_str()?)))
        };
        let order = || match (value, wanted) {
            (Value::Number(a), Value::Number(b)) => a.as_f64()?.partial_cmp(&b.as_f64()?),
            _ => texts().map(|(a, b)| a.cmp(&b)),
        };
        match self {
            Self::Equal => equal(value, wanted, exact),
            Self::Differs => !equal(value, wanted, exact),
            Self::Contains => texts().is_some_and(|(a, b)| a.contains(&b)),
            Self::StartsWith => texts().is_some_and(|(a, b)| a.starts_with(&b)),
            Self::EndsWith => texts().is_some_and(|(a, b)| a.ends_with(&b)),
            Self::Greater => order().is_some_and(std::cmp::Ordering::is_gt),
            Self::AtLeast => order().is_some_and(std::cmp::Ordering::is_ge),
            Self::Less => order().is_some_and(std::cmp::Ordering::is_lt),
            Self::AtMost => order().is_some_and(std::cmp::Ordering::is_le),
        }
    }
}

fn equal(value: &Value, wanted: &Value, exact: bool) -> bool {
    match (value, wanted) {
        (Value::Object(_), _) => member(value, "value").is_some_and(|it| equal(it, wanted, exact)),
        (Value::String(a), Value::String(b)) if !exact => a.to_lowercase() == b.to_lowercase(),
        // Entra ID writes booleans as texts.
        (Value::Bool(a), Value::String(b)) => {
            b.eq_ignore_ascii_case(if *a { "true" } else { "false" })
        }
        (a, b) => a == b,
    }
}

fn is_present(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(members) => !members.is_empty(),
        Value::Bool(_) | Value::Number(_) => true,
    }
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
    terms: usize,
}

impl<'t> Parser<'t> {
    fn new(text: &'t str) -> Result<Self, Fault> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(Fault { what: "longer than a filter or path may be", at: TEXT_BYTES_MAX });
        }
        Ok(Self { text, at: 0, terms: 0 })
    }

    fn fault(&self, what: &'static str) -> Fault {
        Fault { what, at: self.at }
    }

    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn blanks(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start_matches(' ').len();
    }

    fn takes(&mut self, character: char) -> bool {
        let takes = self.rest().starts_with(character);
        if takes {
            self.at += character.len_utf8();
        }
        takes
    }

    fn expects(&mut self, character: char, what: &'static str) -> Result<(), Fault> {
        self.blanks();
        if self.takes(character) { Ok(()) } else { Err(self.fault(what)) }
    }

    fn end(&mut self) -> Result<(), Fault> {
        self.blanks();
        if self.rest().is_empty() { Ok(()) } else { Err(self.fault("something follows")) }
    }

    /// A word of the grammar, whatever its letters, with a blank or bracket behind it.
    fn word(&mut self, word: &str) -> bool {
        let rest = self.rest();
        let here = rest.get(..word.len()).is_some_and(|it| it.eq_ignore_ascii_case(word));
        let ends = rest
            .get(word.len()..)
            .is_none_or(|it| it.is_empty() || it.starts_with([' ', '(', ')', ']']));
        if here && ends {
            self.at += word.len();
        }
        here && ends
    }

    fn disjunction(&mut self, depth: usize) -> Result<Filter, Fault> {
        let mut left = self.conjunction(depth)?;
        loop {
            self.blanks();
            if !self.word("or") {
                return Ok(left);
            }
            left = Filter::Or(Box::new(left), Box::new(self.conjunction(depth)?));
        }
    }

    fn conjunction(&mut self, depth: usize) -> Result<Filter, Fault> {
        let mut left = self.term(depth)?;
        loop {
            self.blanks();
            if !self.word("and") {
                return Ok(left);
            }
            left = Filter::And(Box::new(left), Box::new(self.term(depth)?));
        }
    }

    fn term(&mut self, depth: usize) -> Result<Filter, Fault> {
        self.terms += 1;
        if depth > DEPTH_MAX || self.terms > TERMS_MAX {
            return Err(self.fault("more than a filter may hold"));
        }
        self.blanks();
        if self.word("not") {
            self.expects('(', "`not` takes parentheses")?;
            let inner = self.disjunction(depth + 1)?;
            self.expects(')', "a closing parenthesis is missing")?;
            return Ok(Filter::Not(Box::new(inner)));
        }
        if self.takes('(') {
            let inner = self.disjunction(depth + 1)?;
            self.expects(')', "a closing parenthesis is missing")?;
            return Ok(inner);
        }
        let attribute = self.attribute()?;
        if self.takes('[') {
            let inner = self.disjunction(depth + 1)?;
            self.expects(']', "a closing bracket is missing")?;
            return Ok(Filter::Has(attribute, Box::new(inner)));
        }
        self.blanks();
        if self.word("pr") {
            return Ok(Filter::Present(attribute));
        }
        let Some((_, how)) = OPERATORS.into_iter().find(|(word, _)| self.word(word)) else {
            return Err(self.fault("no operator"));
        };
        self.blanks();
        let value = self.value()?;
        Ok(Filter::Compares(attribute, how, value))
    }

    /// `urn:…:User:name.within`, of which only the last colon parts the schema from the name.
    fn attribute(&mut self) -> Result<Attribute, Fault> {
        self.blanks();
        let mut extension = None;
        if self.rest().get(..4).is_some_and(|it| it.eq_ignore_ascii_case("urn:")) {
            let length = self.rest().find([' ', '[', ']', '(', ')']).unwrap_or(self.rest().len());
            let word = self.rest().get(..length).unwrap_or("");
            let colon = word.rfind(':').ok_or_else(|| self.fault("no attribute"))?;
            let urn = word.get(..colon).unwrap_or("").to_owned();
            // The version of a schema has dots and a colon behind it: `…:2.0:User`.
            self.at += colon + 1;
            if !CORE.iter().any(|it| it.eq_ignore_ascii_case(&urn)) {
                extension = Some(urn);
            }
        }
        let name = self.name()?;
        let within = if self.takes('.') { Some(self.name()?) } else { None };
        Ok(Attribute { extension, name, within })
    }

    fn name(&mut self) -> Result<String, Fault> {
        let rest = self.rest();
        let length = rest
            .find(|it: char| !(it.is_ascii_alphanumeric() || matches!(it, '-' | '_' | '$')))
            .unwrap_or(rest.len());
        let name = rest.get(..length).unwrap_or("");
        if !name.starts_with(|it: char| it.is_ascii_alphabetic() || it == '$') {
            return Err(self.fault("no attribute"));
        }
        self.at += length;
        Ok(name.to_owned())
    }

    /// A JSON text, number, boolean or null.
    fn value(&mut self) -> Result<Value, Fault> {
        let rest = self.rest();
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
        let Some(Ok(value)) = values.next() else { return self.bare() };
        if value.is_array() || value.is_object() {
            return Err(self.fault("no plain value"));
        }
        self.at += values.byte_offset();
        Ok(value)
    }

    /// `False` and `True`, as Entra ID writes them.
    fn bare(&mut self) -> Result<Value, Fault> {
        match () {
            () if self.word("true") => Ok(Value::Bool(true)),
            () if self.word("false") => Ok(Value::Bool(false)),
            () => Err(self.fault("no value")),
        }
    }
}

const OPERATORS: [(&str, Compare); 9] = [
    ("eq", Compare::Equal),
    ("ne", Compare::Differs),
    ("co", Compare::Contains),
    ("sw", Compare::StartsWith),
    ("ew", Compare::EndsWith),
    ("gt", Compare::Greater),
    ("ge", Compare::AtLeast),
    ("lt", Compare::Less),
    ("le", Compare::AtMost),
];

/// The schemas whose attributes stand in the resource itself.
const CORE: [&str; 2] =
    ["urn:ietf:params:scim:schemas:core:2.0:user", "urn:ietf:params:scim:schemas:core:2.0:group"];

#[cfg(test)]
mod tests;
