//! Text that somebody else wrote, made safe to look at: it is never markup, and what can't be seen
//! or turns the reading order around is made visible (A8).
//!
//! Every string of a page that the console did not write itself is a [`Text`], so no template can
//! forget it. Nothing here changes a value; only what is shown of it.

use askama::filters::HtmlSafe;
use std::fmt::{self, Write as _};

/// A text of a stranger, ready for a page.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Text {
    text: String,
    lines: Lines,
}

/// What a line break in a text means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Lines {
    /// It has no business there, and is shown.
    #[default]
    One,
    /// It breaks the line.
    Many,
}

impl Text {
    /// A text of one line: a name, a value, a reason.
    pub(crate) fn line(text: impl Into<String>) -> Self {
        Self { text: text.into(), lines: Lines::One }
    }

    /// A text whose line breaks and tabs are kept: a document, a body.
    pub(crate) fn block(text: impl Into<String>) -> Self {
        Self { text: text.into(), lines: Lines::Many }
    }

    /// The same text with its line breaks kept.
    pub(crate) fn into_block(self) -> Self {
        Self { lines: Lines::Many, ..self }
    }

    /// What `value` displays, as one line.
    pub(crate) fn of(value: impl fmt::Display) -> Self {
        Self::line(value.to_string())
    }

    /// Whether there is nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// For an attribute's value and for a title: the marks without markup. Still to be escaped.
    pub(crate) fn plain(&self) -> String {
        let mut out = String::with_capacity(self.text.len());
        for character in self.text.chars() {
            match mark(character, self.lines) {
                Some(code) => {
                    // Writing to a string can't fail.
                    let _ = write!(out, "⟨U+{code:04X}⟩");
                }
                None => out.push(character),
            }
        }
        out
    }
}

/// Writes escaped HTML. `bdi` keeps letters that are written from the right from moving what
/// stands beside them.
impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<bdi>")?;
        for character in self.text.chars() {
            if let Some(code) = mark(character, self.lines) {
                write!(
                    f,
                    "<span class=\"odd\" title=\"a character that is not visible\">⟨U+{code:04X}⟩</span>"
                )?;
                continue;
            }
            match character {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&#34;")?,
                '\'' => f.write_str("&#39;")?,
                _ => f.write_char(character)?,
            }
        }
        f.write_str("</bdi>")
    }
}

impl HtmlSafe for Text {}

fn mark(character: char, lines: Lines) -> Option<u32> {
    let code = u32::from(character);
    if lines == Lines::Many && matches!(character, '\n' | '\t') {
        return None;
    }
    let place = UNSEEN.partition_point(|(_, last)| *last < code);
    UNSEEN.get(place).filter(|(first, _)| *first <= code).map(|_| code)
}

/// Characters that are not visible, or change how others are read: the general categories Cc, Cf,
/// Zl, Zp, Zs (without the space), Co and noncharacters, and letters and marks without a shape of
/// their own. First and last of each range, in order.
const UNSEEN: &[(u32, u32)] = &[
    (0x0000, 0x001F),      // control characters
    (0x007F, 0x00A0),      // control characters, no-break space
    (0x00AD, 0x00AD),      // soft hyphen
    (0x034F, 0x034F),      // combining grapheme joiner
    (0x0600, 0x0605),      // Arabic number signs (format)
    (0x061C, 0x061C),      // Arabic letter mark
    (0x06DD, 0x06DD),      // Arabic end of ayah (format)
    (0x070F, 0x070F),      // Syriac abbreviation mark
    (0x0890, 0x0891),      // Arabic pound and piastre marks above
    (0x08E2, 0x08E2),      // Arabic disputed end of ayah
    (0x115F, 0x1160),      // Hangul fillers
    (0x1680, 0x1680),      // Ogham space
    (0x17B4, 0x17B5),      // Khmer inherent vowels
    (0x180B, 0x180F),      // Mongolian variation selectors and vowel separator
    (0x2000, 0x200F),      // spaces, zero-width characters, direction marks
    (0x2028, 0x202F),      // separators, bidirectional embeddings and overrides, narrow space
    (0x205F, 0x206F),      // spaces, invisible operators, isolates, deprecated format characters
    (0x2800, 0x2800),      // braille blank
    (0x3000, 0x3000),      // ideographic space
    (0x3164, 0x3164),      // Hangul filler
    (0xD800, 0xF8FF),      // surrogates (never in a char) and private use
    (0xFDD0, 0xFDEF),      // noncharacters
    (0xFE00, 0xFE0F),      // variation selectors
    (0xFEFF, 0xFEFF),      // byte order mark
    (0xFFA0, 0xFFA0),      // half-width Hangul filler
    (0xFFF0, 0xFFFC),      // interlinear annotation, object replacement
    (0xFFFE, 0xFFFF),      // noncharacters
    (0x1_10BD, 0x1_10BD),  // Kaithi number sign
    (0x1_10CD, 0x1_10CD),  // Kaithi number sign above
    (0x1_3430, 0x1_345F),  // Egyptian hieroglyph format controls
    (0x1_BCA0, 0x1_BCA3),  // shorthand format controls
    (0x1_D173, 0x1_D17A),  // musical format controls
    (0x1_FFFE, 0x1_FFFF),  // noncharacters
    (0xE_0000, 0x10_FFFF), // tags, variation selectors, private use
];

#[cfg(test)]
mod tests;
