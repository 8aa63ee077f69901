//! One walk over the runs of digits, for the four detectors that start at one.

use super::{Detector, Peek, Search, Verdict, View, card, iban, ip, phone};
use crate::bytes::{byte_at, tail};

pub(super) fn find(search: &mut Search<'_>) {
    let view = search.view;
    // Where each detector may look next; beyond the text when it can't decide more for now.
    let next_look = |detector| if search.wants(detector) { view.from } else { usize::MAX };
    let mut card_next = next_look(Detector::Card);
    let mut iban_next = next_look(Detector::Iban);
    let mut phone_next = next_look(Detector::Phone);
    let mut ip_next = next_look(Detector::Ip);
    if card_next.min(iban_next).min(phone_next).min(ip_next) == usize::MAX {
        return;
    }
    let phone_wanted = search.wants(Detector::Phone);
    let iban_wanted = search.wants(Detector::Iban);
    let mut position = view.from;
    while let Some(start) = next_digit(view.bytes, position) {
        let length = tail(view.bytes, start).iter().take_while(|x| x.is_ascii_digit()).count();
        position = start + length;
        let run = Run { start, length, next: view.peek(position) };
        if view.before(start).is_ascii_digit() {
            continue;
        }
        if start >= card_next && card_worth(run) {
            let verdict = card::at(&view, start);
            card_next = search.take(Detector::Card, verdict).unwrap_or(card_next);
        }
        if start >= iban_next && view.before(start).is_ascii_alphabetic() {
            let verdict = iban::at(&view, start);
            iban_next = search.take(Detector::Iban, verdict).unwrap_or(iban_next);
        }
        if start >= phone_next && phone_worth(&view, run) {
            let verdict = phone::at(&view, start);
            phone_next = search.take(Detector::Phone, verdict).unwrap_or(phone_next);
        }
        if start >= ip_next && length <= 3 && matches!(run.next, Peek::Byte(b'.') | Peek::Unknown) {
            let verdict = ip::v4_at(&view, start);
            ip_next = search.take(Detector::Ip, verdict).unwrap_or(ip_next);
        }
    }
    if view.is_open() {
        if phone_wanted {
            let end = view.bytes.len();
            let opens = matches!(view.before(end), b'+' | b'(');
            search.hold_from(if opens { end - 1 } else { end });
        }
        if iban_wanted {
            search.hold_from(iban::open_end(&view));
        }
    }
}

/// A run of digits.
#[derive(Clone, Copy, Debug)]
struct Run {
    start: usize,
    length: usize,
    next: Peek,
}

/// The cheap first question: most runs are years, amounts and identifiers.
fn card_worth(run: Run) -> bool {
    match run.next {
        Peek::Unknown => run.length <= 19,
        Peek::Byte(b' ' | b'-') => (3..=19).contains(&run.length),
        Peek::Byte(_) | Peek::End => (13..=19).contains(&run.length),
    }
}

fn phone_worth(view: &View<'_>, run: Run) -> bool {
    let before = view.before(run.start);
    let first = byte_at(view.bytes, run.start).unwrap_or(0);
    matches!(before, b'+' | b'(')
        || (first == b'0' && (2..=6).contains(&run.length))
        || (first == b'1' && run.length == 1)
        || run.length == 3
        || (run.next == Peek::Unknown && run.length <= 6)
}

/// The next digit at or after a position, by blocks where there is none.
fn next_digit(bytes: &[u8], position: usize) -> Option<usize> {
    let rest = tail(bytes, position);
    let (blocks, _) = rest.as_chunks::<32>();
    let none = blocks
        .iter()
        .take_while(|block| {
            block.iter().fold(0, |any, byte| any | u8::from(byte.wrapping_sub(b'0') < 10)) == 0
        })
        .count();
    let start = none * 32;
    tail(rest, start).iter().position(u8::is_ascii_digit).map(|next| position + start + next)
}

impl Verdict {
    /// A find that would begin before what is still to be decided was decided already.
    pub(super) fn unless_before(self, from: usize) -> Self {
        match self {
            Self::Yes { start, .. } | Self::Undecided { start } if start < from => Self::No,
            Self::No | Self::Yes { .. } | Self::Undecided { .. } => self,
        }
    }
}
