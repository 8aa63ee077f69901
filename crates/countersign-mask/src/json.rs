//! The JSON scanner: one pass, the whole grammar of RFC 8259, resumable at any byte. What is not
//! masked is copied as it came. It keeps a frame for each open object or array, the key or value that
//! a chunk boundary runs through, and nothing else.

mod escape;
mod number;
mod scalars;
mod strings;

use crate::bytes::{Utf8, byte_at, span, wide};
use crate::detect::Found;
use crate::error::Unmaskable;
use crate::hash::Hashing;
use crate::how::How;
use crate::masker::Env;
use crate::plan::{Hit, Place, State};
use crate::report::Report;
use crate::window::Window;

use escape::Escape;
use number::Number;
use strings::{Role, Using};

/// How documents follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Documents {
    /// Exactly one.
    One,
    /// One on each line; blank lines pass.
    Lines,
}

/// A JSON text under way.
#[derive(Debug)]
pub(crate) struct Scanner {
    documents: Documents,
    expect: Expect,
    stack: Vec<Frame>,
    /// The state of the value that comes next or is under way.
    place: Place,
    /// Where the bytes of the value under way go.
    sink: Sink,
    /// The depth of the container that is masked as a whole, while inside it.
    covered: Option<usize>,
    role: Role,
    using: Using,
    utf8: Utf8,
    escape: Escape,
    window: Window,
    number: Number,
    number_bytes: usize,
    /// What is still to come of `true`, `false` or `null`.
    literal: &'static [u8],
    found: Vec<Found>,
    /// Where in `out` the element began that may still be dropped.
    mark: Option<usize>,
    /// The bytes from the mark, between two chunks.
    carry: Vec<u8>,
    /// Bytes of all chunks before this one.
    offset: u64,
    /// Where the value or key under way began.
    value_offset: u64,
    report: Report,
}

/// What may come next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expect {
    Value,
    ValueOrEnd,
    Key,
    KeyOrEnd,
    Colon,
    CommaOrEnd,
    InString,
    InNumber,
    InLiteral,
    Done,
}

/// An open object or array.
#[derive(Clone, Copy, Debug)]
struct Frame {
    kind: Kind,
    place: Place,
    /// The position of the current element.
    index: u64,
    /// Whether an element stays: then the next one needs its comma. Kept only if elements may drop.
    kept: Kept,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Object,
    Array,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kept {
    Nothing,
    Something,
}

/// Where bytes go.
#[derive(Debug)]
enum Sink {
    Out,
    Nowhere,
    Hash(Box<Hashing>),
}

impl Scanner {
    pub(crate) fn new(documents: Documents, env: &Env) -> Self {
        Self {
            documents,
            expect: Expect::Value,
            stack: Vec::new(),
            place: Place::ROOT,
            sink: Sink::Out,
            covered: None,
            role: Role::Value,
            using: Using::Skip,
            utf8: Utf8::default(),
            escape: Escape::default(),
            window: Window::default(),
            number: Number::Minus,
            number_bytes: 0,
            literal: &[],
            found: Vec::new(),
            mark: None,
            carry: Vec::new(),
            offset: 0,
            value_offset: 0,
            report: Report::for_rules(env.plan.rules()),
        }
    }

    pub(crate) fn report(&self) -> &Report {
        &self.report
    }

    /// Takes the next chunk and writes what is decided.
    pub(crate) fn push(
        &mut self,
        env: &Env,
        input: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), Unmaskable> {
        if self.mark.is_some() {
            self.mark = Some(out.len());
            out.append(&mut self.carry);
        }
        let mut run = Run { doc: self, env, input, at: 0, copied: 0, out };
        run.scan()?;
        run.flush(input.len());
        if let Some(mark) = self.mark {
            self.carry = out.split_off(mark);
        }
        self.offset += wide(input.len());
        Ok(())
    }

    /// Ends the text.
    pub(crate) fn finish(&mut self, env: &Env, out: &mut Vec<u8>) -> Result<(), Unmaskable> {
        if self.mark.is_some() {
            self.mark = Some(out.len());
            out.append(&mut self.carry);
        }
        if self.expect == Expect::InNumber && self.number.is_whole() {
            let mut run = Run { doc: self, env, input: &[], at: 0, copied: 0, out };
            run.end_number()?;
        }
        let lines_end = self.documents == Documents::Lines
            && self.expect == Expect::Value
            && self.stack.is_empty();
        if self.expect == Expect::Done || lines_end {
            Ok(())
        } else {
            Err(Unmaskable::Truncated { offset: self.offset })
        }
    }
}

/// One chunk being scanned.
struct Run<'r> {
    doc: &'r mut Scanner,
    env: &'r Env,
    input: &'r [u8],
    at: usize,
    /// Up to where the input has gone to where it goes.
    copied: usize,
    out: &'r mut Vec<u8>,
}

/// Whether the chunk has more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    On,
    Pause,
}

impl<'r> Run<'r> {
    fn scan(&mut self) -> Result<(), Unmaskable> {
        loop {
            let flow = match self.doc.expect {
                Expect::InString => self.string_on()?,
                Expect::InNumber => self.number_on()?,
                Expect::InLiteral => self.literal_on()?,
                Expect::Value
                | Expect::ValueOrEnd
                | Expect::Key
                | Expect::KeyOrEnd
                | Expect::Colon
                | Expect::CommaOrEnd
                | Expect::Done => match self.next_token()? {
                    Some(byte) => {
                        self.token(byte)?;
                        Flow::On
                    }
                    None => Flow::Pause,
                },
            };
            if flow == Flow::Pause {
                return Ok(());
            }
        }
    }

    fn next_token(&mut self) -> Result<Option<u8>, Unmaskable> {
        loop {
            match byte_at(self.input, self.at) {
                Some(b'\n') if self.doc.documents == Documents::Lines => self.end_line()?,
                Some(b' ' | b'\n' | b'\t' | b'\r') => {}
                other => {
                    self.check_lead()?;
                    return Ok(other);
                }
            }
            self.at += 1;
        }
    }

    /// What stands before a value that may be dropped is held, blanks included, so it has a bound.
    fn check_lead(&self) -> Result<(), Unmaskable> {
        let Some(mark) = self.doc.mark else { return Ok(()) };
        let held = self.out.len().saturating_sub(mark) + self.at.saturating_sub(self.copied);
        if held > LEAD_KEYS_MAX.saturating_mul(self.env.limits.key_bytes_max) {
            return Err(Unmaskable::ValueTooLong { offset: self.offset() });
        }
        Ok(())
    }

    fn end_line(&mut self) -> Result<(), Unmaskable> {
        let between = self.doc.expect == Expect::Done || self.doc.expect == Expect::Value;
        if !between || !self.doc.stack.is_empty() {
            return Err(self.not_json());
        }
        self.doc.expect = Expect::Value;
        self.doc.place = Place::ROOT;
        Ok(())
    }

    fn token(&mut self, byte: u8) -> Result<(), Unmaskable> {
        match (self.doc.expect, byte) {
            (Expect::Key | Expect::KeyOrEnd, b'"') => self.key(),
            (Expect::Colon, b':') => {
                self.at += 1;
                self.doc.expect = Expect::Value;
                Ok(())
            }
            (Expect::CommaOrEnd, b',') => self.comma(),
            (Expect::CommaOrEnd | Expect::KeyOrEnd, b'}') => self.close(Kind::Object),
            (Expect::CommaOrEnd | Expect::ValueOrEnd, b']') => self.close(Kind::Array),
            (Expect::Value | Expect::ValueOrEnd, _) => self.value(byte),
            _ => Err(self.not_json()),
        }
    }

    fn value(&mut self, byte: u8) -> Result<(), Unmaskable> {
        match byte {
            b'"' => self.string_value(),
            b'{' => self.open(Kind::Object),
            b'[' => self.open(Kind::Array),
            b'-' | b'0'..=b'9' => self.number(byte),
            b't' => self.literal(b"true"),
            b'f' => self.literal(b"false"),
            b'n' => self.literal(b"null"),
            _ => Err(self.not_json()),
        }
    }

    fn open(&mut self, kind: Kind) -> Result<(), Unmaskable> {
        if self.doc.stack.len() >= self.env.limits.depth_max {
            return Err(Unmaskable::TooDeep { offset: self.offset() });
        }
        if let Some(hit) = self.whole_hit() {
            let neutral: &[u8] = match kind {
                Kind::Object => b"{}",
                Kind::Array => b"[]",
            };
            self.replace_value(hit, neutral);
            self.doc.covered = Some(self.doc.stack.len());
        } else if self.doc.covered.is_none() {
            self.keep();
        }
        let place = self.doc.place;
        self.doc.stack.push(Frame { kind, place, index: 0, kept: Kept::Nothing });
        self.at += 1;
        self.doc.expect = match kind {
            Kind::Object => Expect::KeyOrEnd,
            Kind::Array => Expect::ValueOrEnd,
        };
        if self.doc.covered.is_none() {
            if kind == Kind::Array {
                self.doc.place = self.env.plan.state(place).element(0);
            }
            self.mark_element();
        }
        Ok(())
    }

    fn close(&mut self, kind: Kind) -> Result<(), Unmaskable> {
        if self.doc.stack.pop().is_none_or(|frame| frame.kind != kind) {
            return Err(self.not_json());
        }
        self.at += 1;
        // An empty container: no element came that could be dropped.
        self.doc.mark = None;
        if self.doc.covered == Some(self.doc.stack.len()) {
            self.doc.covered = None;
        }
        self.end_value();
        Ok(())
    }

    fn comma(&mut self) -> Result<(), Unmaskable> {
        let free = self.doc.covered.is_none();
        let Some(frame) = self.doc.stack.last_mut() else { return Err(self.not_json()) };
        frame.index += 1;
        let (kind, place, index, kept) = (frame.kind, frame.place, frame.index, frame.kept);
        if free && self.env.plan.drops() {
            // The comma belongs to the element behind it, unless nothing stayed before it.
            self.flush(self.at);
            if kept == Kept::Nothing {
                self.copied = self.at + 1;
            }
            self.mark_element();
        }
        self.at += 1;
        self.doc.expect = match kind {
            Kind::Object => Expect::Key,
            Kind::Array => {
                if free {
                    self.doc.place = self.env.plan.state(place).element(index);
                }
                Expect::Value
            }
        };
        Ok(())
    }

    /// The value is over, and `at` is behind it.
    fn end_value(&mut self) {
        if self.doc.covered.is_none() && !matches!(self.doc.sink, Sink::Out) {
            self.flush(self.at);
            if let Sink::Hash(hashing) = std::mem::replace(&mut self.doc.sink, Sink::Out) {
                self.write_hash(&hashing.finish());
            }
        }
        self.doc.expect = if self.doc.stack.is_empty() { Expect::Done } else { Expect::CommaOrEnd };
    }

    fn write_hash(&mut self, hash: &str) {
        self.out.push(b'"');
        self.out.extend_from_slice(hash.as_bytes());
        self.out.push(b'"');
    }

    /// What becomes of the value that begins here, if a rule is about all of it.
    fn whole_hit(&self) -> Option<Hit> {
        if self.doc.covered.is_some() { None } else { self.state().whole }
    }

    /// The state of the value that begins here.
    fn state(&self) -> &'r State {
        self.env.plan.state(self.doc.place)
    }

    /// Puts something else in the place of the value that begins here; its own bytes go nowhere, or
    /// into a hash that is written when it ends.
    fn replace_value(&mut self, hit: Hit, neutral: &[u8]) {
        self.flush(self.at);
        self.doc.report.count(hit);
        self.doc.sink = Sink::Nowhere;
        match hit.how {
            How::Redact | How::Partial => self.out.extend_from_slice(neutral),
            How::Null => self.out.extend_from_slice(b"null"),
            How::Hash => self.doc.sink = Sink::Hash(Box::new(self.env.key.start())),
            How::Drop => return self.drop_element(),
        }
        self.keep();
    }

    /// The element that may be dropped begins here, with the comma before it.
    fn mark_element(&mut self) {
        if self.env.plan.drops() {
            self.flush(self.at.max(self.copied));
            self.doc.mark = Some(self.out.len());
        }
    }

    /// The element stays.
    fn keep(&mut self) {
        if self.env.plan.drops() {
            self.doc.mark = None;
            if let Some(frame) = self.doc.stack.last_mut() {
                frame.kept = Kept::Something;
            }
        }
    }

    /// The element goes, with its key and comma. A document can't go: it becomes null.
    fn drop_element(&mut self) {
        match self.doc.mark.take() {
            Some(mark) => self.out.truncate(mark),
            None => self.out.extend_from_slice(b"null"),
        }
    }

    /// Sends the input up to a position to where it goes.
    fn flush(&mut self, position: usize) {
        let bytes = span(self.input, self.copied, position);
        match &mut self.doc.sink {
            Sink::Out => self.out.extend_from_slice(bytes),
            Sink::Nowhere => {}
            Sink::Hash(hashing) => hashing.push(bytes),
        }
        self.copied = self.copied.max(position);
    }

    fn offset(&self) -> u64 {
        self.doc.offset + wide(self.at)
    }

    fn not_json(&self) -> Unmaskable {
        Unmaskable::NotJson { offset: self.offset() }
    }
}

/// How much may stand before a value that may be dropped, in longest keys: one, escaped, and blanks.
const LEAD_KEYS_MAX: usize = 8;

#[cfg(test)]
mod tests;
