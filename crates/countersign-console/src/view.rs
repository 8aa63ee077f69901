//! Small things that several pages show: moments, states, arguments. Each writes its own HTML, of
//! words of ours only; what strangers wrote is [`Text`].

use crate::text::Text;
use askama::filters::HtmlSafe;
use countersign_model::{ApprovalState, Freshness, Sensitivity, Span, Timestamp, grant::Ended};
use serde_json::Value;
use std::fmt;

/// A moment, written in UTC; the script adds the reader's own time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment(pub(crate) Timestamp);

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let iso = self.0.to_string();
        let words: String = iso.chars().take(16).map(|c| if c == 'T' { ' ' } else { c }).collect();
        write!(f, "<time datetime=\"{iso}\">{words} UTC</time>")
    }
}

impl HtmlSafe for Moment {}

/// A time to the second, where what follows each other is told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Second(pub(crate) Timestamp);

impl fmt::Display for Second {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let iso = self.0.to_string();
        let words: String = iso.chars().take(19).map(|c| if c == 'T' { ' ' } else { c }).collect();
        write!(f, "<time datetime=\"{iso}\">{words} UTC</time>")
    }
}

impl HtmlSafe for Second {}

/// A state in a word and a colour; the word alone says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Chip {
    pub(crate) label: &'static str,
    pub(crate) tone: Tone,
}

/// What a state means to its reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    /// All is well.
    Good,
    /// Somebody should look.
    Wait,
    /// Something was refused, stopped or broke.
    Bad,
    /// Neither.
    Calm,
}

impl fmt::Display for Chip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let class = match self.tone {
            Tone::Good => "good",
            Tone::Wait => "wait",
            Tone::Bad => "bad",
            Tone::Calm => "calm",
        };
        write!(f, "<span class=\"chip {class}\">{}</span>", self.label)
    }
}

impl HtmlSafe for Chip {}

/// A sensitivity.
pub(crate) fn sensitivity(of: Sensitivity) -> Chip {
    match of {
        Sensitivity::Low => Chip { label: "low", tone: Tone::Calm },
        Sensitivity::Medium => Chip { label: "medium", tone: Tone::Wait },
        Sensitivity::High => Chip { label: "high", tone: Tone::Bad },
    }
}

/// An approval's state.
pub(crate) fn approval_state(of: &ApprovalState) -> Chip {
    let (label, tone) = match of {
        ApprovalState::Pending => ("waiting", Tone::Wait),
        ApprovalState::Approved { .. } => ("approved", Tone::Good),
        ApprovalState::Denied { .. } => ("denied", Tone::Bad),
        ApprovalState::Expired { .. } => ("expired", Tone::Calm),
        ApprovalState::Cancelled { .. } => ("cancelled", Tone::Calm),
        ApprovalState::Revoked { .. } => ("revoked", Tone::Bad),
        ApprovalState::Redeeming { .. } => ("running", Tone::Wait),
        ApprovalState::Executed { .. } => ("executed", Tone::Good),
        ApprovalState::Failed { .. } => ("failed", Tone::Bad),
        ApprovalState::OutcomeUnknown { .. } => ("outcome unknown", Tone::Bad),
    };
    Chip { label, tone }
}

/// A grant's freshness for one function, or how it ended.
pub(crate) fn freshness(ended: Option<&Ended>, of: Option<&Freshness>) -> Chip {
    match (ended, of) {
        (Some(Ended::Revoked { .. }), _) => Chip { label: "revoked", tone: Tone::Calm },
        (Some(Ended::Suspended { .. }), _) => Chip { label: "suspended", tone: Tone::Bad },
        (Some(Ended::Expired { .. }), _) => Chip { label: "expired", tone: Tone::Calm },
        (None, Some(Freshness::Fresh { .. })) => Chip { label: "fresh", tone: Tone::Good },
        (None, Some(Freshness::Due { .. })) => Chip { label: "due", tone: Tone::Wait },
        (None, Some(Freshness::Overdue { .. })) => Chip { label: "overdue", tone: Tone::Bad },
        (None, None) => Chip { label: "names no function", tone: Tone::Calm },
    }
}

/// A length of time for people: `2 h 5 min`, `40 s`.
pub(crate) fn span_words(span: Span) -> String {
    let seconds = span.millis() / 1000;
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{} s", seconds.max(0)),
        (0, 0, _) => format!("{minutes} min"),
        (0, _, 0) => format!("{hours} h"),
        (0, _, _) => format!("{hours} h {minutes} min"),
        (1, _, _) => "1 day".to_owned(),
        _ => format!("{days} days"),
    }
}

/// One argument of a call.
#[derive(Clone, Debug)]
pub(crate) struct Argument {
    /// Where it stands: `customer`, `items[0].price`.
    pub(crate) name: Text,
    /// Its value as JSON; text without quotes.
    pub(crate) value: Text,
    /// Whether the catalog hides it from people.
    pub(crate) is_hidden: bool,
}

/// Every argument by its place, in order; at most [`ARGUMENTS_MAX`], and how many more there are.
pub(crate) fn arguments(shown: &Value, hidden: &[String]) -> (Vec<Argument>, usize) {
    let mut leaves = leaves(shown);
    let more = leaves.len().saturating_sub(ARGUMENTS_MAX);
    leaves.truncate(ARGUMENTS_MAX);
    let mut rows: Vec<Argument> = leaves
        .iter()
        .map(|leaf| Argument {
            name: Text::line(leaf.name.clone()),
            value: value_text(leaf.value),
            is_hidden: is_hidden(&leaf.pointer, hidden),
        })
        .collect();
    // What a mask dropped altogether has no leaf, and is said to be there all the same.
    let gone = hidden.iter().filter(|it| shown.pointer(it).is_none()).take(ARGUMENTS_MAX);
    rows.extend(gone.map(|pointer| Argument {
        name: Text::line(pointer.trim_start_matches('/').replace('/', ".")),
        value: Text::default(),
        is_hidden: true,
    }));
    (rows, more)
}

/// A value that holds no others, and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Leaf<'a> {
    pub(crate) name: String,
    pub(crate) pointer: String,
    pub(crate) value: &'a Value,
}

/// The values of a document that hold no others, in order. An empty object or list is one.
pub(crate) fn leaves(value: &Value) -> Vec<Leaf<'_>> {
    let mut out = Vec::new();
    collect(value, String::new(), String::new(), &mut out);
    out
}

// The depth of arguments is bounded where they were read.
fn collect<'a>(value: &'a Value, name: String, pointer: String, out: &mut Vec<Leaf<'a>>) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (key, member) in members {
                let escaped = key.replace('~', "~0").replace('/', "~1");
                let dotted = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
                collect(member, dotted, format!("{pointer}/{escaped}"), out);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (place, item) in items.iter().enumerate() {
                collect(item, format!("{name}[{place}]"), format!("{pointer}/{place}"), out);
            }
        }
        Value::Object(_) if pointer.is_empty() => {}
        Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Array(_)
        | Value::Object(_) => out.push(Leaf { name, pointer, value }),
    }
}

/// A value as a person reads it. Text that could pass for another value keeps its quotes.
pub(crate) fn value_text(value: &Value) -> Text {
    match value {
        Value::String(text) => {
            let other = serde_json::from_str::<Value>(text).is_ok() || text.trim() != text;
            Text::line(if other || text.is_empty() { format!("\"{text}\"") } else { text.clone() })
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            Text::line(value.to_string())
        }
    }
}

/// Whether a pointer, or one above it, is among the hidden ones.
pub(crate) fn is_hidden(pointer: &str, hidden: &[String]) -> bool {
    hidden.iter().any(|it| {
        pointer
            .strip_prefix(it.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

/// The first arguments in one line, for lists.
pub(crate) fn summary(shown: &Value, hidden: &[String]) -> Text {
    let (rows, more) = arguments(shown, hidden);
    let mut parts: Vec<String> = rows
        .iter()
        .take(SUMMARY_ARGUMENTS)
        .map(|row| {
            let value = if row.is_hidden { "hidden".to_owned() } else { row.value.plain() };
            let short: String = value.chars().take(SUMMARY_CHARS).collect();
            let dots = if short.len() < value.len() { "…" } else { "" };
            format!("{} = {short}{dots}", row.name.plain())
        })
        .collect();
    if rows.len() > SUMMARY_ARGUMENTS || more > 0 {
        parts.push("…".to_owned());
    }
    Text::line(parts.join(", "))
}

/// A document as people read it.
pub(crate) fn pretty(value: &Value) -> Text {
    Text::block(format!("{value:#}"))
}

/// Arguments that a page lists; the raw document has all.
pub(crate) const ARGUMENTS_MAX: usize = 500;
const SUMMARY_ARGUMENTS: usize = 3;
const SUMMARY_CHARS: usize = 32;

#[cfg(test)]
mod tests;
