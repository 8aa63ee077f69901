//! Numbers, `true`, `false` and `null` of a JSON text.

use super::number::{Number, is_card};
use super::{Expect, Flow, Run, Sink};
use crate::bytes::{byte_at, span, tail, wide};
use crate::detect::{Detector, Found};
use crate::error::{NUMBER_BYTES_MAX, Unmaskable};
use crate::how::How;

impl Run<'_> {
    /// At the first byte of a number.
    pub(super) fn number(&mut self, byte: u8) -> Result<(), Unmaskable> {
        self.doc.value_offset = self.offset();
        match self.whole_hit() {
            Some(hit) => self.replace_value(hit, b"0"),
            None if !self.may_be_card() => self.keep_free(),
            None => {}
        }
        let start = self.at;
        let (number, end) = walk(Number::start(byte), self.input, start + 1);
        self.at = end;
        self.doc.number = number;
        self.doc.number_bytes = end - start;
        if end < self.input.len() {
            self.check_number()?;
            if self.may_be_card() {
                let text = span(self.input, start, end);
                self.mask_card(text, start);
            }
            self.end_value();
            return Ok(());
        }
        self.doc.expect = Expect::InNumber;
        if self.may_be_card() {
            // Held, for it may yet be one.
            self.at = start;
            self.flush(start);
            self.at = end;
            self.copied = end;
            self.doc.window.clear(0);
            self.doc.window.plain(span(self.input, start, end));
        }
        Ok(())
    }

    /// Goes on with a number that a chunk boundary ran through.
    pub(super) fn number_on(&mut self) -> Result<Flow, Unmaskable> {
        let start = self.at;
        let (number, end) = walk(self.doc.number, self.input, start);
        self.at = end;
        self.doc.number = number;
        self.doc.number_bytes += end - start;
        if self.doc.number_bytes > NUMBER_BYTES_MAX {
            return Err(self.value_too_long());
        }
        if self.may_be_card() {
            self.doc.window.plain(span(self.input, start, end));
            self.copied = end;
        }
        if end == self.input.len() {
            return Ok(Flow::Pause);
        }
        self.end_number()?;
        Ok(Flow::On)
    }

    /// At the end of a number that a chunk boundary ran through.
    pub(super) fn end_number(&mut self) -> Result<(), Unmaskable> {
        self.check_number()?;
        if self.may_be_card() {
            let window = std::mem::take(&mut self.doc.window);
            if !self.mask_card(window.text(), self.at) {
                self.out.extend_from_slice(window.text());
            }
            self.doc.window = window;
        }
        self.end_value();
        Ok(())
    }

    fn check_number(&self) -> Result<(), Unmaskable> {
        if !self.doc.number.is_whole() {
            return Err(self.not_json());
        }
        if self.doc.number_bytes > NUMBER_BYTES_MAX {
            return Err(self.value_too_long());
        }
        Ok(())
    }

    fn may_be_card(&self) -> bool {
        self.doc.covered.is_none()
            && matches!(self.doc.sink, Sink::Out)
            && self.state().detect.wants(Detector::Card)
    }

    /// Masks a number that is a card number, whose bytes begin at `start` unless they were held.
    /// Says whether it was.
    fn mask_card(&mut self, text: &[u8], start: usize) -> bool {
        let hit = self.state().detect.hit(Detector::Card).filter(|_| is_card(text));
        let Some(hit) = hit else {
            self.keep();
            return false;
        };
        let detector = Detector::Card;
        let found = Found { start: 0, end: text.len(), detector, shape: Some(detector), hit };
        self.doc.report.count_found(&found);
        self.flush(start);
        self.copied = self.at;
        match hit.how {
            How::Redact | How::Partial => self.out.push(b'0'),
            How::Null => self.out.extend_from_slice(b"null"),
            How::Hash => self.write_hash(&self.env.key.hash(text)),
            How::Drop => {
                self.drop_element();
                return true;
            }
        }
        self.keep();
        true
    }

    /// At the first byte of `true`, `false` or `null`.
    pub(super) fn literal(&mut self, word: &'static [u8]) -> Result<(), Unmaskable> {
        match self.whole_hit() {
            // Null hides nothing, and says nothing that null would not.
            Some(hit) if word == b"null" && hit.how < How::Null => self.keep_free(),
            // One bit has no hash worth the name: its two values are known.
            Some(mut hit) if hit.how == How::Hash => {
                hit.how = How::Redact;
                self.replace_value(hit, b"false");
            }
            Some(hit) => self.replace_value(hit, b"false"),
            None => self.keep_free(),
        }
        self.doc.literal = word;
        self.doc.expect = Expect::InLiteral;
        self.literal_on()?;
        Ok(())
    }

    /// Goes on with `true`, `false` or `null`.
    pub(super) fn literal_on(&mut self) -> Result<Flow, Unmaskable> {
        while let Some((expected, rest)) = self.doc.literal.split_first() {
            match byte_at(self.input, self.at) {
                None => return Ok(Flow::Pause),
                Some(byte) if byte == *expected => {
                    self.doc.literal = rest;
                    self.at += 1;
                }
                Some(_) => return Err(self.not_json()),
            }
        }
        self.end_value();
        Ok(Flow::On)
    }

    /// The element stays, unless it is inside of something that does not.
    pub(super) fn keep_free(&mut self) {
        if self.doc.covered.is_none() {
            self.keep();
        }
    }

    pub(super) fn value_too_long(&self) -> Unmaskable {
        Unmaskable::ValueTooLong { offset: self.doc.value_offset }
    }
}

/// Walks a number as far as it goes in this chunk.
fn walk(mut number: Number, input: &[u8], start: usize) -> (Number, usize) {
    let mut end = start;
    for byte in tail(input, start) {
        let Some(next) = number.step(*byte) else { break };
        number = next;
        end += 1;
    }
    debug_assert!(wide(end) <= wide(input.len()), "a walk ends in the input");
    (number, end)
}
