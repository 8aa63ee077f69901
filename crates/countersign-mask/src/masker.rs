//! The door of the crate: bytes in, masked bytes out. It does no I/O and waits for nothing.

use std::sync::Arc;

use crate::bytes::wide;
use crate::error::{Limits, Unmaskable};
use crate::hash::HashKey;
use crate::json::{Documents, Scanner};
use crate::plan::Plan;
use crate::report::Report;
use crate::sse::Events;
use crate::text::Text;

/// What a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON document.
    Json,
    /// One JSON document on each line.
    Ndjson,
    /// Server-sent events.
    Sse,
    /// Any other text, CSV included. Has no fields.
    Text,
}

/// Masks one body as it streams by.
#[derive(Debug)]
pub struct Masker {
    env: Env,
    engine: Engine,
    failed: Option<Unmaskable>,
    bytes_in: u64,
    bytes_out: u64,
}

/// What all scanners share and none changes.
#[derive(Clone, Debug)]
pub(crate) struct Env {
    pub(crate) plan: Arc<Plan>,
    pub(crate) key: Arc<HashKey>,
    pub(crate) limits: Limits,
}

#[derive(Debug)]
enum Engine {
    /// There is nothing to mask, so nothing to check.
    Copy,
    Json(Box<Scanner>),
    Sse(Box<Events>),
    Text(Box<Text>),
}

impl Masker {
    /// A masker for one body.
    #[must_use]
    pub fn new(plan: Arc<Plan>, key: Arc<HashKey>, format: Format, limits: Limits) -> Self {
        let env = Env { plan, key, limits };
        let mut failed = None;
        let engine = if env.plan.is_empty() {
            Engine::Copy
        } else {
            match format {
                Format::Json => Engine::Json(Box::new(Scanner::new(Documents::One, &env))),
                Format::Ndjson => Engine::Json(Box::new(Scanner::new(Documents::Lines, &env))),
                Format::Sse => Engine::Sse(Box::new(Events::new(&env))),
                Format::Text => {
                    failed = env.plan.has_fields().then_some(Unmaskable::FieldRuleOnText);
                    Engine::Text(Box::new(Text::new(&env)))
                }
            }
        };
        Self { env, engine, failed, bytes_in: 0, bytes_out: 0 }
    }

    /// Takes the next chunk and appends to `out` all that is decided. Chunks may end anywhere; what
    /// comes out in all does not depend on it.
    ///
    /// # Errors
    /// The body can't be masked: nothing of this chunk was appended, and every later call says the
    /// same. What earlier calls appended is masked, and is all that may be delivered.
    pub fn push(&mut self, chunk: &[u8], out: &mut Vec<u8>) -> Result<(), Unmaskable> {
        self.bytes_in += wide(chunk.len());
        self.guarded(out, |engine, env, out| match engine {
            Engine::Copy => {
                out.extend_from_slice(chunk);
                Ok(())
            }
            Engine::Json(scanner) => scanner.push(env, chunk, out),
            Engine::Sse(events) => events.push(env, chunk, out),
            Engine::Text(text) => text.push(env, chunk, out),
        })
    }

    /// Ends the body and appends what was held back. Call it once, after the last chunk.
    ///
    /// # Errors
    /// As for [`Masker::push`]; also if the body is not complete.
    pub fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), Unmaskable> {
        self.guarded(out, |engine, env, out| match engine {
            Engine::Copy => Ok(()),
            Engine::Json(scanner) => scanner.finish(env, out),
            Engine::Sse(events) => events.finish(env, out),
            Engine::Text(text) => text.finish(env, out),
        })
    }

    /// What was masked so far.
    #[must_use]
    pub fn report(&self) -> Report {
        let report = match &self.engine {
            Engine::Copy => Report::for_rules(self.env.plan.rules()),
            Engine::Json(scanner) => scanner.report().clone(),
            Engine::Sse(events) => events.report().clone(),
            Engine::Text(text) => text.report().clone(),
        };
        Report { bytes_in: self.bytes_in, bytes_out: self.bytes_out, ..report }
    }

    fn guarded(
        &mut self,
        out: &mut Vec<u8>,
        work: impl FnOnce(&mut Engine, &Env, &mut Vec<u8>) -> Result<(), Unmaskable>,
    ) -> Result<(), Unmaskable> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let before = out.len();
        let result = work(&mut self.engine, &self.env, out);
        if let Err(error) = result {
            out.truncate(before);
            self.failed = Some(error);
        }
        self.bytes_out += wide(out.len() - before);
        result
    }
}

/// Masks a body that is there as a whole.
///
/// # Errors
/// The body can't be masked.
pub fn mask_all(
    plan: &Arc<Plan>,
    key: &Arc<HashKey>,
    format: Format,
    limits: Limits,
    bytes: &[u8],
) -> Result<(Vec<u8>, Report), Unmaskable> {
    let mut masker = Masker::new(Arc::clone(plan), Arc::clone(key), format, limits);
    let mut out = Vec::with_capacity(bytes.len());
    masker.push(bytes, &mut out)?;
    masker.finish(&mut out)?;
    Ok((out, masker.report()))
}
