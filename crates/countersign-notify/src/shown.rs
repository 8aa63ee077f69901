//! A notice as people read it, before a channel puts it into its own form: whole addresses, and nothing
//! invisible in what others wrote.

use countersign_governance::{NoticeRow, Outgoing};

/// A notice as it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) title: String,
    pub(crate) text: String,
    /// Where it is answered or looked at.
    pub(crate) link: String,
    /// The parts of a digest.
    pub(crate) groups: Vec<Group>,
    /// Parts that are not shown, because there are too many.
    pub(crate) more: usize,
}

/// Parts of a digest of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) heading: &'static str,
    pub(crate) lines: Vec<Line>,
}

/// One part of a digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) title: String,
    pub(crate) link: String,
}

impl Shown {
    pub(crate) fn of(outgoing: &Outgoing, public_url: &str) -> Self {
        let mut groups: Vec<Group> = Vec::new();
        for part in outgoing.parts.iter().take(LINES_MAX) {
            let line = Line { title: visible(&part.title), link: address(public_url, part) };
            let heading = part.kind.heading();
            match groups.last_mut().filter(|it| it.heading == heading) {
                Some(group) => group.lines.push(line),
                None => groups.push(Group { heading, lines: vec![line] }),
            }
        }
        // The lines say the same as the text, with a link each.
        let text = if groups.is_empty() { visible(&outgoing.notice.text) } else { String::new() };
        Self {
            title: visible(&outgoing.notice.title),
            text,
            link: address(public_url, &outgoing.notice),
            groups,
            more: outgoing.parts.len().saturating_sub(LINES_MAX),
        }
    }

    /// Why somebody was told, and how not to be.
    pub(crate) fn footer(public_url: &str) -> String {
        format!("Countersign at {public_url}. Choose what comes here: {public_url}{CHOICES}")
    }
}

fn address(public_url: &str, notice: &NoticeRow) -> String {
    format!("{public_url}{}", notice.link)
}

/// A text in which nothing is hidden: characters that turn the direction, join or show nothing are
/// written out, and control characters are blanks.
pub(crate) fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for it in text.chars() {
        match it {
            '\n' => shown.push('\n'),
            _ if it.is_control() => shown.push(' '),
            '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{e0000}'..='\u{e0fff}' => shown.push_str(&format!("[U+{:04X}]", u32::from(it))),
            _ => shown.push(it),
        }
    }
    shown
}

/// Parts of a digest that are shown; the console has all.
const LINES_MAX: usize = 40;
/// Where people choose over which channels they are told.
const CHOICES: &str = "/console/notices/channels";

#[cfg(test)]
mod tests;
