//! The strings of a JSON text: keys and values.

use super::escape::Escaped;
use super::{Expect, Flow, Run, Sink};
use crate::bytes::{PlainRun, Utf8, byte_at, plain_run, span, tail, wide};
use crate::detect::{End, Found, View, find, may_find};
use crate::error::Unmaskable;
use crate::hash::Hashing;
use crate::how::{Escaping, How, REDACTED, replace, shape_of};
use crate::plan::{Detectors, Hit};
use crate::window::Job;

/// What a string is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Key,
    Value,
}

/// Why a string is looked at.
#[derive(Debug)]
pub(super) enum Using {
    /// It is only checked; its bytes go where the sink says.
    Skip,
    /// As a key: its name may lead to a field, and may itself hold something.
    Key,
    /// Something may be found in it.
    Detect,
    /// A hint of it stays.
    Partial(Hit),
    /// A hash of its text stays.
    Hash(Box<Hashing>),
}

/// How much of a string is held before it is looked at although it has not ended.
const PATIENCE_BYTES: usize = 4 * 1024;

impl<'r> Run<'r> {
    /// At the quote that begins a key.
    pub(super) fn key(&mut self) -> Result<(), Unmaskable> {
        let mut using = Using::Skip;
        if self.doc.covered.is_none() {
            let state = self.object_state();
            if state.knows_names() || !state.detect.is_empty() {
                let start = self.at + 1;
                if state.detect.is_empty() && self.skip_plain() {
                    let name = span(self.input, start, self.at - 1);
                    if name.len() > self.env.limits.key_bytes_max {
                        self.doc.value_offset = self.doc.offset + wide(start - 1);
                        return Err(self.key_too_long());
                    }
                    self.doc.place = state.member(name);
                    self.doc.role = Role::Key;
                    self.end_string();
                    return Ok(());
                }
                using = Using::Key;
            } else {
                self.doc.place = state.any_member();
            }
        }
        if matches!(using, Using::Skip) && self.skip_plain() {
            self.doc.role = Role::Key;
            self.end_string();
            return Ok(());
        }
        self.begin_string(Role::Key, using)
    }

    /// At the quote that begins a value.
    pub(super) fn string_value(&mut self) -> Result<(), Unmaskable> {
        let covered = self.doc.covered.is_some();
        let state = self.state();
        if covered || (state.whole.is_none() && state.detect.is_empty()) {
            self.keep_free();
            if self.skip_plain() {
                self.end_value();
                return Ok(());
            }
        }
        let using = match self.whole_hit() {
            None if self.doc.covered.is_some() => Using::Skip,
            None if self.state().detect.is_empty() => {
                self.keep();
                Using::Skip
            }
            None => Using::Detect,
            Some(hit) => match hit.how {
                How::Partial => {
                    self.keep();
                    self.doc.report.count(hit);
                    Using::Partial(hit)
                }
                How::Hash => {
                    self.keep();
                    self.doc.report.count(hit);
                    Using::Hash(Box::new(self.env.key.start()))
                }
                How::Redact | How::Null | How::Drop => {
                    self.replace_value(hit, REDACTED_JSON);
                    Using::Skip
                }
            },
        };
        self.begin_string(Role::Value, using)
    }

    /// Passes a string that is only to be checked, if it has nothing that needs a closer look.
    #[inline]
    fn skip_plain(&mut self) -> bool {
        let rest = tail(self.input, self.at + 1);
        let run = plain_run(rest);
        let plain = run.ascii && byte_at(rest, run.length) == Some(b'"');
        if plain {
            self.at += run.length + 2;
        }
        plain
    }

    fn begin_string(&mut self, role: Role, using: Using) -> Result<(), Unmaskable> {
        self.doc.value_offset = self.offset();
        self.doc.role = role;
        let quote = self.at;
        let rest = tail(self.input, quote + 1);
        let run = plain_run(rest);
        if byte_at(rest, run.length) == Some(b'"') {
            let text = span(rest, 0, run.length);
            if !run.ascii
                && let Err(error) = std::str::from_utf8(text)
            {
                self.at = quote + 1 + error.valid_up_to();
                return Err(Unmaskable::InvalidUtf8 { offset: self.offset() });
            }
            self.at = quote + run.length + 2;
            self.whole_string(using, quote, text)?;
            self.end_string();
            return Ok(());
        }
        let collects = !matches!(using, Using::Skip);
        if collects {
            self.flush(quote);
            self.copied = quote + 1;
            self.doc.window.clear(PATIENCE_BYTES);
            if matches!(using, Using::Detect) && !self.state().detect.takes_whole() {
                self.keep();
                self.out.push(b'"');
            }
        }
        self.at = quote + 1;
        self.doc.using = using;
        self.doc.utf8 = Utf8::default();
        self.doc.escape.clear();
        self.doc.expect = Expect::InString;
        Ok(())
    }

    /// A string that lies in the chunk and has no escapes: nothing is copied to look at it.
    fn whole_string(
        &mut self,
        using: Using,
        quote: usize,
        text: &'r [u8],
    ) -> Result<(), Unmaskable> {
        match using {
            Using::Skip => {}
            Using::Key => {
                if text.len() > self.env.limits.key_bytes_max {
                    return Err(self.key_too_long());
                }
                let state = self.object_state();
                self.doc.place = state.member(text);
                if !state.detect.is_empty() {
                    self.mask_finds(&state.detect, quote, text, Escaping::Json)?;
                }
            }
            Using::Detect => {
                let detectors = &self.state().detect;
                if detectors.takes_whole() && text.len() > self.env.limits.string_bytes_max {
                    return Err(self.value_too_long());
                }
                self.mask_finds(detectors, quote, text, Escaping::None)?;
            }
            Using::Partial(hit) => {
                self.flush(quote);
                self.copied = self.at;
                self.write_partial(hit, text);
            }
            Using::Hash(mut hashing) => {
                self.flush(quote);
                self.copied = self.at;
                hashing.push(text);
                self.write_hash(&hashing.finish());
            }
        }
        Ok(())
    }

    /// Masks what is found in a string without escapes. In a key (`Escaping::Json`) null and drop
    /// become a mark; a value goes as a whole.
    fn mask_finds(
        &mut self,
        detectors: &Detectors,
        quote: usize,
        text: &[u8],
        keys: Escaping,
    ) -> Result<(), Unmaskable> {
        if !may_find(text) {
            if keys == Escaping::None {
                self.keep();
            }
            return Ok(());
        }
        let mut found = std::mem::take(&mut self.doc.found);
        find(View::closed(text), detectors, self.env.limits.token_bytes_max, &mut found)
            .map_err(|_| self.value_too_long())?;
        let end = self.at;
        if keys == Escaping::None && self.take_whole(&found, quote) {
            self.copied = end;
        } else {
            for find in &found {
                self.flush(quote + 1 + find.start);
                let how = find.hit.how.min(How::Redact);
                let matched = span(text, find.start, find.end);
                replace(how, find.shape, matched, &self.env.key, (Escaping::Json, self.out));
                self.copied = quote + 1 + find.end;
                self.doc.report.count_found(find);
            }
            if keys == Escaping::None {
                self.keep();
            }
        }
        self.doc.found = found;
        Ok(())
    }

    /// Makes a value null, or drops it, if one of the finds says so.
    fn take_whole(&mut self, found: &[Found], quote: usize) -> bool {
        let strictest = found.iter().map(|find| find.hit.how).max();
        let Some(how) = strictest.filter(|how| *how >= How::Null) else { return false };
        for find in found {
            self.doc.report.count_found(find);
        }
        self.flush(quote);
        if how == How::Drop {
            self.drop_element();
        } else {
            self.out.extend_from_slice(b"null");
            self.keep();
        }
        true
    }

    /// Goes on with a string that has escapes, or that a chunk boundary ran through.
    pub(super) fn string_on(&mut self) -> Result<Flow, Unmaskable> {
        loop {
            if !self.doc.escape.is_empty() && self.escape_on()? == Flow::Pause {
                return self.pause_string();
            }
            let rest = tail(self.input, self.at);
            let PlainRun { length, ascii } = plain_run(rest);
            let text = span(rest, 0, length);
            if !ascii || !self.doc.utf8.is_whole() {
                self.doc.utf8.push(text).map_err(|error| Unmaskable::InvalidUtf8 {
                    offset: self.offset() + wide(error.0),
                })?;
            }
            self.collect(text)?;
            self.at += length;
            let Some(byte) = byte_at(self.input, self.at) else { return self.pause_string() };
            if !self.doc.utf8.is_whole() {
                return Err(Unmaskable::InvalidUtf8 { offset: self.offset() });
            }
            match byte {
                b'"' => {
                    self.at += 1;
                    self.end_collected()?;
                    self.end_string();
                    return Ok(Flow::On);
                }
                b'\\' => {
                    self.doc.escape.push(byte);
                    self.at += 1;
                }
                _ => return Err(self.not_json()),
            }
        }
    }

    fn escape_on(&mut self) -> Result<Flow, Unmaskable> {
        while let Some(byte) = byte_at(self.input, self.at) {
            let escaped = self.doc.escape.push(byte);
            match escaped {
                Escaped::Unfinished => {}
                Escaped::Bad => return Err(self.not_json()),
                Escaped::Lone => return Err(Unmaskable::LoneSurrogate { offset: self.offset() }),
                Escaped::Is(meaning) => {
                    self.at += 1;
                    let escape = std::mem::take(&mut self.doc.escape);
                    if let Using::Hash(hashing) = &mut self.doc.using {
                        hashing.push(meaning.encode_utf8(&mut [0; 4]).as_bytes());
                    } else if self.collects() {
                        self.doc.window.escaped(escape.bytes(), meaning);
                    }
                    return Ok(Flow::On);
                }
            }
            self.at += 1;
        }
        Ok(Flow::Pause)
    }

    fn collects(&self) -> bool {
        !matches!(self.doc.using, Using::Skip)
    }

    /// Takes the next plain bytes of the string.
    fn collect(&mut self, text: &[u8]) -> Result<(), Unmaskable> {
        let limits = self.env.limits;
        let held = self.doc.window.held();
        match &mut self.doc.using {
            Using::Skip => {}
            Using::Hash(hashing) => hashing.push(text),
            Using::Key => {
                self.doc.window.plain(text);
                if held + text.len() > limits.key_bytes_max {
                    return Err(self.key_too_long());
                }
            }
            Using::Detect => {
                self.doc.window.plain(text);
                let whole = self.state().detect.takes_whole();
                if whole && held + text.len() > limits.string_bytes_max {
                    return Err(self.value_too_long());
                }
            }
            Using::Partial(_) => {
                self.doc.window.plain(text);
                if held + text.len() > limits.string_bytes_max {
                    self.out.extend_from_slice(REDACTED_JSON);
                    self.doc.sink = Sink::Nowhere;
                    self.doc.window.clear(0);
                    self.doc.using = Using::Skip;
                }
            }
        }
        Ok(())
    }

    /// The chunk ends inside the string.
    fn pause_string(&mut self) -> Result<Flow, Unmaskable> {
        if self.collects() {
            self.copied = self.at;
        }
        if matches!(self.doc.using, Using::Detect)
            && !self.state().detect.takes_whole()
            && self.doc.window.is_worth_looking()
        {
            let detectors = &self.state().detect;
            self.release(detectors, End::Open)?;
        }
        Ok(Flow::Pause)
    }

    fn end_collected(&mut self) -> Result<(), Unmaskable> {
        let using = std::mem::replace(&mut self.doc.using, Using::Skip);
        if !matches!(using, Using::Skip) {
            self.copied = self.at;
        }
        match using {
            Using::Skip => {}
            Using::Hash(hashing) => self.write_hash(&hashing.finish()),
            Using::Partial(hit) => {
                let window = std::mem::take(&mut self.doc.window);
                self.write_partial(hit, window.text());
                self.doc.window = window;
            }
            Using::Key => {
                let state = self.object_state();
                self.doc.place = state.member(self.doc.window.text());
                self.out.push(b'"');
                if state.detect.is_empty() {
                    self.out.extend_from_slice(self.doc.window.raw());
                } else {
                    self.release(&state.detect, End::Closed)?;
                }
                self.out.push(b'"');
            }
            Using::Detect => {
                let detectors = &self.state().detect;
                if !detectors.takes_whole() {
                    self.release(detectors, End::Closed)?;
                    self.out.push(b'"');
                } else if !self.take_window(detectors)? {
                    self.keep();
                    self.out.push(b'"');
                    self.release(detectors, End::Closed)?;
                    self.out.push(b'"');
                }
            }
        }
        Ok(())
    }

    fn take_window(&mut self, detectors: &Detectors) -> Result<bool, Unmaskable> {
        let mut window = std::mem::take(&mut self.doc.window);
        let taken = match window.look(detectors, self.env.limits.token_bytes_max) {
            Ok(found) => self.take_whole(found, self.copied),
            Err(_) => return Err(self.value_too_long()),
        };
        self.doc.window = window;
        Ok(taken)
    }

    fn release(&mut self, detectors: &Detectors, end: End) -> Result<(), Unmaskable> {
        let mut job = Job {
            detectors,
            key: &self.env.key,
            token_bytes_max: self.env.limits.token_bytes_max,
            escaping: Escaping::Json,
            patience: PATIENCE_BYTES,
            report: &mut self.doc.report,
            out: self.out,
        };
        let released = self.doc.window.release(end, &mut job);
        released.map_err(|_| self.value_too_long())
    }

    fn write_partial(&mut self, hit: Hit, text: &[u8]) {
        if text.len() > self.env.limits.string_bytes_max {
            self.out.extend_from_slice(REDACTED_JSON);
            return;
        }
        self.out.push(b'"');
        replace(hit.how, shape_of(text), text, &self.env.key, (Escaping::Json, self.out));
        self.out.push(b'"');
    }

    fn end_string(&mut self) {
        match self.doc.role {
            // The colon mostly stands right there.
            Role::Key if byte_at(self.input, self.at) == Some(b':') => {
                self.at += 1;
                self.doc.expect = Expect::Value;
            }
            Role::Key => self.doc.expect = Expect::Colon,
            Role::Value => self.end_value(),
        }
    }

    /// The state of the object that the key is in.
    fn object_state(&self) -> &'r crate::plan::State {
        let place = self.doc.stack.last().map_or(self.doc.place, |frame| frame.place);
        self.env.plan.state(place)
    }

    fn key_too_long(&self) -> Unmaskable {
        Unmaskable::KeyTooLong { offset: self.doc.value_offset }
    }
}

/// [`REDACTED`] as a JSON string.
const REDACTED_JSON: &[u8] = b"\"[redacted]\"";
const _: () = assert!(REDACTED.len() + 2 == REDACTED_JSON.len(), "written in two places");
