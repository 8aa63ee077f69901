//! How texts of a pack are written: JSON in its canonical form with one thing a line, CSV that no
//! spreadsheet takes for a formula, HTML that shows what it was given. Whatever is wrong can be named by
//! its line.

use countersign_model::json::canonical;
use serde::Serialize;
use std::fmt::Write as _;

/// A document on one line.
pub(crate) fn document(value: &impl Serialize) -> String {
    // What has no JSON is nothing: it would not be read again either.
    format!("{}\n", canonical(&serde_json::to_value(value).unwrap_or_default()))
}

/// A list with one thing a line.
pub(crate) fn joined<T: Serialize>(things: &[T]) -> String {
    let mut text = "[\n".to_owned();
    for (place, thing) in things.iter().enumerate() {
        let comma = if place + 1 < things.len() { "," } else { "" };
        text.push_str(&canonical(&serde_json::to_value(thing).unwrap_or_default()));
        text.push_str(comma);
        text.push('\n');
    }
    text.push_str("]\n");
    text
}

/// The things of such a list.
pub(crate) fn split(text: &str) -> Option<Vec<&str>> {
    let inside = text.strip_prefix("[\n")?.strip_suffix("]\n")?;
    let mut lines: Vec<&str> = inside.split_terminator('\n').collect();
    let last = lines.pop();
    let commas = lines.iter().all(|it| it.ends_with(','));
    let mut lines: Vec<&str> = lines.iter().map(|it| it.strip_suffix(',').unwrap_or(it)).collect();
    lines.extend(last);
    commas.then_some(lines)
}

/// A table, RFC 4180 with one row a line.
#[derive(Debug)]
pub(crate) struct Csv(String);

impl Csv {
    pub(crate) fn new(columns: &[&str]) -> Self {
        let mut table = Self(String::new());
        table.row(columns);
        table
    }

    pub(crate) fn row<T: AsRef<str>>(&mut self, cells: &[T]) {
        for (place, it) in cells.iter().enumerate() {
            if place > 0 {
                self.0.push(',');
            }
            self.0.push_str(&cell(it.as_ref()));
        }
        self.0.push_str("\r\n");
    }

    pub(crate) fn text(self) -> String {
        self.0
    }
}

/// A cell. What a spreadsheet would take for a formula begins with an apostrophe; line ends and other
/// control characters are spaces, so that a row is a line.
fn cell(text: &str) -> String {
    let formula = text.trim_start_matches(' ').starts_with(FORMULA) || text.starts_with(CONTROLS);
    let plain: String = text.chars().map(|it| if it.is_control() { ' ' } else { it }).collect();
    let plain = if formula { format!("'{plain}") } else { plain };
    if plain.contains([',', '"', ';', '\'']) || plain.starts_with(' ') || plain.ends_with(' ') {
        format!("\"{}\"", plain.replace('"', "\"\""))
    } else {
        plain
    }
}

/// What begins a formula, also in the wide forms that some programs take for the same.
const FORMULA: [char; 8] = ['=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'];
const CONTROLS: [char; 3] = ['\t', '\r', '\n'];

/// Text in HTML: markup is shown and not obeyed, and what can't be seen is made visible.
pub(crate) fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for it in text.chars() {
        match it {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' => out.push(' '),
            _ if is_unseen(it) => {
                // Writing to a string can't fail.
                let _ = write!(out, "[U+{:04X}]", u32::from(it));
            }
            _ => out.push(it),
        }
    }
    out
}

/// Control characters, marks of direction, and characters without width.
fn is_unseen(it: char) -> bool {
    it.is_control()
        || matches!(it, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}

/// How much lies between two moments, in whole seconds.
pub(crate) fn seconds_between(
    from: countersign_model::Timestamp,
    to: countersign_model::Timestamp,
) -> String {
    (to.since(from).millis() / 1000).to_string()
}

#[cfg(test)]
mod tests;
