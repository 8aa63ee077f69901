//! Server-sent events (WHATWG HTML, section 9.2), one event at a time: it is held until its blank line
//! and leaves at once, whatever comes later. Data that is JSON is masked as JSON; all other text is
//! masked as text. Events with nothing to mask leave byte for byte as they came.
//!
//! A find that is spread over two events (a token stream that cuts an address in half) is not seen:
//! to see it, every event would have to wait for the next.

use memchr::{memchr, memchr2};

use crate::bytes::{span, tail, wide};
use crate::detect::End;
use crate::error::Unmaskable;
use crate::how::Escaping;
use crate::json::{Documents, Scanner};
use crate::masker::Env;
use crate::report::Report;
use crate::window::{Job, Window};

/// Events under way.
#[derive(Debug)]
pub(crate) struct Events {
    /// The event so far.
    event: Vec<u8>,
    /// Where its last line begins.
    line: usize,
    ended: Ended,
    /// Where the event begins in the stream.
    offset: u64,
    report: Report,
}

/// How the last chunk ended: `\r` at its end may be half of a line end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    Otherwise,
    InReturn,
}

impl Events {
    pub(crate) fn new(env: &Env) -> Self {
        Self {
            event: Vec::new(),
            line: 0,
            ended: Ended::Otherwise,
            offset: 0,
            report: Report::for_rules(env.plan.rules()),
        }
    }

    pub(crate) fn report(&self) -> &Report {
        &self.report
    }

    pub(crate) fn push(
        &mut self,
        env: &Env,
        chunk: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), Unmaskable> {
        let mut rest = chunk;
        while !rest.is_empty() {
            if self.ended == Ended::InReturn {
                self.ended = Ended::Otherwise;
                if let Some(after) = rest.strip_prefix(b"\n") {
                    rest = after;
                    if self.event.is_empty() {
                        out.push(b'\n');
                        self.offset += 1;
                    } else {
                        self.event.push(b'\n');
                        self.line = self.event.len();
                    }
                    continue;
                }
            }
            let end = memchr2(b'\n', b'\r', rest);
            let taken = end.map_or(rest.len(), |end| end + 1);
            self.event.extend_from_slice(span(rest, 0, taken));
            if self.event.len() > env.limits.event_bytes_max {
                return Err(Unmaskable::EventTooLong { offset: self.offset });
            }
            if let Some(end) = end {
                if rest.get(end) == Some(&b'\r') {
                    self.ended = Ended::InReturn;
                }
                let blank = self.event.len() == self.line + 1;
                self.line = self.event.len();
                if blank {
                    self.dispatch(env, out)?;
                }
            }
            rest = tail(rest, taken);
        }
        Ok(())
    }

    pub(crate) fn finish(&mut self, env: &Env, out: &mut Vec<u8>) -> Result<(), Unmaskable> {
        self.dispatch(env, out)
    }

    /// Masks the held event and lets it go.
    fn dispatch(&mut self, env: &Env, out: &mut Vec<u8>) -> Result<(), Unmaskable> {
        let event = std::mem::take(&mut self.event);
        self.line = 0;
        if let Err(error) = std::str::from_utf8(&event) {
            let offset = self.offset + wide(error.valid_up_to());
            return Err(Unmaskable::InvalidUtf8 { offset });
        }
        if let Some(nul) = memchr(0, &event) {
            return Err(Unmaskable::NotText { offset: self.offset + wide(nul) });
        }
        let lines = split(&event);
        let values: Vec<&[u8]> = lines.iter().filter_map(|line| line.data()).collect();
        let data = values.join(&b"\n"[..]);
        let masked = if values.is_empty() { Vec::new() } else { self.mask_data(env, &data)? };
        // As many lines as before: each stays in its place. Else all stand where the first one was.
        let masked_lines: Vec<&[u8]> = masked.split(|byte| *byte == b'\n').collect();
        let in_place = masked_lines.len() == values.len();
        let mut rest = masked_lines.as_slice();
        for line in &lines {
            match line.data() {
                None => {
                    self.mask_text(env, line.content, out)?;
                    out.extend_from_slice(line.end);
                }
                Some(value) => {
                    let count = if in_place { 1 } else { rest.len() };
                    let (now, later) = rest.split_at_checked(count).unwrap_or((rest, &[]));
                    write_data(line, value, now, out);
                    rest = later;
                }
            }
        }
        self.offset += wide(event.len());
        self.event = event;
        self.event.clear();
        Ok(())
    }

    fn mask_data(&mut self, env: &Env, data: &[u8]) -> Result<Vec<u8>, Unmaskable> {
        let mut out = Vec::with_capacity(data.len());
        let mut scanner = Scanner::new(Documents::One, env);
        let scanned =
            scanner.push(env, data, &mut out).and_then(|()| scanner.finish(env, &mut out));
        let Err(error) = scanned else {
            self.report.add(scanner.report());
            return Ok(out);
        };
        let is_grammar = matches!(error, Unmaskable::NotJson { .. } | Unmaskable::Truncated { .. });
        // Broken JSON may hide a field, and JSON beyond a limit may hide anything.
        if looks_like_json(data) && (env.plan.has_fields() || !is_grammar) {
            return Err(error.moved(self.offset));
        }
        out.clear();
        self.mask_text(env, data, &mut out)?;
        Ok(out)
    }

    fn mask_text(&mut self, env: &Env, text: &[u8], out: &mut Vec<u8>) -> Result<(), Unmaskable> {
        let mut window = Window::default();
        window.plain(text);
        let mut job = Job {
            detectors: env.plan.everywhere(),
            key: &env.key,
            token_bytes_max: env.limits.token_bytes_max,
            escaping: Escaping::None,
            patience: 0,
            report: &mut self.report,
            out,
        };
        let released = window.release(End::Closed, &mut job);
        released.map_err(|_| Unmaskable::ValueTooLong { offset: self.offset })
    }
}

/// Writes data lines in the way of the line that they replace.
fn write_data(line: &Line<'_>, value: &[u8], lines: &[&[u8]], out: &mut Vec<u8>) {
    if lines.is_empty() {
        return;
    }
    let mut name = span(line.content, 0, line.content.len() - value.len());
    let end = if line.end.is_empty() { b"\n" } else { line.end };
    for (position, masked) in lines.iter().enumerate() {
        if position > 0 {
            out.extend_from_slice(end);
        }
        out.extend_from_slice(name);
        if !name.contains(&b':') && !masked.is_empty() {
            out.push(b':');
        }
        out.extend_from_slice(masked);
        name = name.strip_prefix(BYTE_ORDER_MARK).unwrap_or(name);
    }
    out.extend_from_slice(line.end);
}

/// A line and the bytes that end it.
#[derive(Clone, Copy, Debug)]
struct Line<'e> {
    content: &'e [u8],
    end: &'e [u8],
}

impl<'e> Line<'e> {
    /// The value of a `data` field: one space after the colon is not part of it.
    fn data(&self) -> Option<&'e [u8]> {
        // A byte order mark may stand before the first line of all.
        let content = self.content.strip_prefix(BYTE_ORDER_MARK).unwrap_or(self.content);
        if content == b"data" {
            return Some(&[]);
        }
        let value = content.strip_prefix(b"data:")?;
        Some(value.strip_prefix(b" ").unwrap_or(value))
    }
}

fn split(event: &[u8]) -> Vec<Line<'_>> {
    let mut lines = Vec::new();
    let mut rest = event;
    while !rest.is_empty() {
        let end = memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
        let after = tail(rest, end);
        let width = if after.starts_with(b"\r\n") { 2 } else { after.len().min(1) };
        lines.push(Line { content: span(rest, 0, end), end: span(after, 0, width) });
        rest = tail(after, width);
    }
    lines
}

/// Whether data is meant to be JSON with something in it. Marks like `[DONE]` are not.
fn looks_like_json(data: &[u8]) -> bool {
    let text = data.trim_ascii();
    let is_mark = text
        .strip_prefix(b"[")
        .and_then(|text| text.strip_suffix(b"]"))
        .is_some_and(|word| !word.is_empty() && word.iter().all(u8::is_ascii_uppercase));
    !is_mark && matches!(text.first(), Some(b'{' | b'[' | b'"'))
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

#[cfg(test)]
mod tests;
