//! Plain text as it streams by: what is found is replaced, everything else passes as it came. It
//! refuses what is not UTF-8, for in another encoding nothing would be found.

use memchr::memchr;

use crate::bytes::{Utf8, wide};
use crate::detect::End;
use crate::error::Unmaskable;
use crate::how::Escaping;
use crate::masker::Env;
use crate::report::Report;
use crate::window::{Job, Window};

/// A text under way.
#[derive(Debug)]
pub(crate) struct Text {
    utf8: Utf8,
    window: Window,
    offset: u64,
    report: Report,
}

impl Text {
    pub(crate) fn new(env: &Env) -> Self {
        Self {
            utf8: Utf8::default(),
            window: Window::default(),
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
        let broken = self.utf8.push(chunk).err().map(|error| error.0);
        // The first fault counts, so that it is the same whatever the chunks.
        if let Some(nul) = memchr(0, chunk)
            && broken.is_none_or(|broken| nul < broken)
        {
            return Err(Unmaskable::NotText { offset: self.offset + wide(nul) });
        }
        if let Some(broken) = broken {
            return Err(Unmaskable::InvalidUtf8 { offset: self.offset + wide(broken) });
        }
        for piece in chunk.chunks(PIECE_BYTES) {
            self.window.plain(piece);
            if self.window.is_worth_looking() {
                self.release(env, End::Open, out)?;
            }
            self.offset += wide(piece.len());
        }
        Ok(())
    }

    pub(crate) fn finish(&mut self, env: &Env, out: &mut Vec<u8>) -> Result<(), Unmaskable> {
        if !self.utf8.is_whole() {
            return Err(Unmaskable::InvalidUtf8 { offset: self.offset });
        }
        self.release(env, End::Closed, out)
    }

    fn release(&mut self, env: &Env, end: End, out: &mut Vec<u8>) -> Result<(), Unmaskable> {
        let mut job = Job {
            detectors: env.plan.everywhere(),
            key: &env.key,
            token_bytes_max: env.limits.token_bytes_max,
            escaping: Escaping::None,
            patience: 0,
            report: &mut self.report,
            out,
        };
        let released = self.window.release(end, &mut job);
        released.map_err(|_| Unmaskable::ValueTooLong { offset: self.offset })
    }
}

/// A piece that stays in the nearest cache while all detectors look at it.
const PIECE_BYTES: usize = 16 * 1024;

#[cfg(test)]
mod tests;
