//! The part of a text that is held back because a find may still begin or end in it, with the way
//! back from the text to the bytes that said it (which differ where JSON escapes stand), so that what
//! is not masked leaves exactly as it came.

use crate::bytes::span;
use crate::detect::{CONTEXT_BYTES, End, Found, TooLong, View, find};
use crate::hash::HashKey;
use crate::how::{Escaping, How, replace};
use crate::plan::Detectors;
use crate::report::Report;

/// Text under way.
#[derive(Debug, Default)]
pub(crate) struct Window {
    /// Context that has left already, then what is held.
    text: Vec<u8>,
    from: usize,
    /// The bytes of the held part, from the first escape in it on; empty while they are the text.
    raw: Vec<u8>,
    /// After each escape in the held part: the position in the text, and in the bytes.
    escapes: Vec<(usize, usize)>,
    found: Vec<Found>,
    /// How much must be held before it is worth looking again.
    look_at: usize,
}

impl Window {
    /// Begins a new text. Nothing of it is looked at before `patience` bytes of it came.
    pub(crate) fn clear(&mut self, patience: usize) {
        self.text.clear();
        self.from = 0;
        self.raw.clear();
        self.escapes.clear();
        self.look_at = patience;
    }

    /// Takes bytes that are text.
    pub(crate) fn plain(&mut self, bytes: &[u8]) {
        self.text.extend_from_slice(bytes);
        if !self.escapes.is_empty() {
            self.raw.extend_from_slice(bytes);
        }
    }

    /// Takes an escape and what it means.
    pub(crate) fn escaped(&mut self, escape: &[u8], meaning: char) {
        if self.escapes.is_empty() {
            self.raw.clear();
            self.raw.extend_from_slice(span(&self.text, self.from, self.text.len()));
        }
        let mut buffer = [0; 4];
        self.text.extend_from_slice(meaning.encode_utf8(&mut buffer).as_bytes());
        self.raw.extend_from_slice(escape);
        self.escapes.push((self.text.len(), self.raw.len()));
    }

    /// The held text.
    pub(crate) fn text(&self) -> &[u8] {
        span(&self.text, self.from, self.text.len())
    }

    /// The bytes that said the held text.
    pub(crate) fn raw(&self) -> &[u8] {
        if self.escapes.is_empty() { self.text() } else { &self.raw }
    }

    pub(crate) fn held(&self) -> usize {
        self.text.len() - self.from
    }

    /// Whether enough came since the last look that another one may be worth it.
    pub(crate) fn is_worth_looking(&self) -> bool {
        self.held() >= self.look_at
    }

    /// Looks at all that is held, as a whole text.
    pub(crate) fn look(
        &mut self,
        detectors: &Detectors,
        token_bytes_max: usize,
    ) -> Result<&[Found], TooLong> {
        let view = View { bytes: &self.text, from: self.from, end: End::Closed };
        find(view, detectors, token_bytes_max, &mut self.found)?;
        Ok(&self.found)
    }

    /// Writes all that is decided, masked, and keeps the rest.
    pub(crate) fn release(&mut self, end: End, job: &mut Job<'_>) -> Result<(), TooLong> {
        let view = View { bytes: &self.text, from: self.from, end };
        let limit = find(view, job.detectors, job.token_bytes_max, &mut self.found)?;
        let mut written = self.from;
        for found in &self.found {
            self.write(written, found.start, job.out);
            let text = span(&self.text, found.start, found.end);
            let how = job.in_text(found.hit.how);
            replace(how, found.shape, text, job.key, (job.escaping, &mut *job.out));
            job.report.count_found(found);
            written = found.end;
        }
        self.write(written, limit, job.out);
        self.forget(limit);
        self.look_at = job.patience + self.held() + self.held() / 2;
        Ok(())
    }

    /// Writes the bytes of a stretch of text.
    fn write(&self, start: usize, end: usize, out: &mut Vec<u8>) {
        if self.escapes.is_empty() {
            out.extend_from_slice(span(&self.text, start, end));
        } else {
            out.extend_from_slice(span(&self.raw, self.raw_at(start), self.raw_at(end)));
        }
    }

    /// The position in the held bytes of a position in the text.
    fn raw_at(&self, position: usize) -> usize {
        let before = self.escapes.partition_point(|(text, _)| *text <= position);
        match before.checked_sub(1).and_then(|last| self.escapes.get(last)) {
            Some((text, raw)) => raw + (position - text),
            None => position - self.from,
        }
    }

    fn forget(&mut self, limit: usize) {
        let raw_limit = self.raw_at(limit);
        let start = limit.saturating_sub(CONTEXT_BYTES);
        self.text.drain(..start);
        self.from = limit - start;
        if self.escapes.is_empty() {
            return;
        }
        self.escapes.retain(|(text, _)| *text > limit);
        self.raw.drain(..raw_limit.min(self.raw.len()));
        for (text, raw) in &mut self.escapes {
            *text -= start;
            *raw -= raw_limit;
        }
    }
}

/// What a window needs to write.
#[derive(Debug)]
pub(crate) struct Job<'j> {
    pub(crate) detectors: &'j Detectors,
    pub(crate) key: &'j HashKey,
    pub(crate) token_bytes_max: usize,
    pub(crate) escaping: Escaping,
    /// How many more bytes must come before the next look, so that single bytes don't cost a look
    /// each.
    pub(crate) patience: usize,
    pub(crate) report: &'j mut Report,
    pub(crate) out: &'j mut Vec<u8>,
}

impl Job<'_> {
    /// Null and drop mean nothing inside a string or key of JSON: there a mark stays.
    fn in_text(&self, how: How) -> How {
        match (self.escaping, how) {
            (Escaping::Json, How::Null | How::Drop) => How::Redact,
            (
                Escaping::Json | Escaping::None,
                How::Partial | How::Hash | How::Redact | How::Null | How::Drop,
            ) => how,
        }
    }
}
