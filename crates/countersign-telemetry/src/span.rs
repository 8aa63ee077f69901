//! What a finished span is.

use crate::{Context, SpanId};
use std::borrow::Cow;

/// A finished span.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// Its trace and its own id.
    pub context: Context,
    /// The span that it is a part of.
    pub parent: Option<SpanId>,
    /// A name that many spans share: never a value of one call.
    pub name: String,
    /// Its place between programs.
    pub kind: Kind,
    /// When it began, in nanoseconds since 1970.
    pub began_nanos: u64,
    /// When it ended, in nanoseconds since 1970.
    pub ended_nanos: u64,
    /// What is known of it.
    pub attributes: Vec<(&'static str, Value)>,
    /// How it ended.
    pub end: SpanEnd,
}

/// The place of a span between programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Within this program.
    Internal,
    /// Answers another program; its parent is that program's.
    Server,
    /// Asks another program.
    Client,
}

/// How a span ended, as OpenTelemetry sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpanEnd {
    /// Nothing is said: status "unset".
    Unset,
    /// It is an error.
    Failed,
}

/// An attribute's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A text.
    Text(Cow<'static, str>),
    /// A whole number.
    Number(i64),
}

impl From<&'static str> for Value {
    fn from(text: &'static str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

impl From<u16> for Value {
    fn from(number: u16) -> Self {
        Self::Number(number.into())
    }
}
