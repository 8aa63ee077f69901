//! The recording of a call: the masked request and response, as they are sealed beside the ledger
//! and shown at replay.
//!
//! A recording is one line of JSON and, behind it, the answer's text as it was delivered: most of a
//! recording is that text, and quoting it would make it larger and harder to read.

use crate::{
    ApprovalId, CallId, FunctionName, GrantRef, Reason, SessionId, Timestamp, json, json::Members,
    record::Who,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{collections::BTreeMap, sync::Arc};

/// One call as it may be shown. Everything in it went through the function's masks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Exchange {
    /// The call.
    pub call: CallId,
    /// The session it belongs to.
    pub session: SessionId,
    /// When it left for its target, or was refused.
    pub at: Timestamp,
    /// Milliseconds from then to the last byte.
    pub took_ms: u64,
    /// Who.
    pub who: Who,
    /// What.
    pub function: FunctionName,
    /// The request's method.
    pub method: Arc<str>,
    /// The path template of the function: the values stand in `arguments`.
    pub path: Arc<str>,
    /// The arguments, masked.
    pub arguments: Value,
    /// Pointers to arguments that are hidden.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hidden: Vec<String>,
    /// Why it might run, or why it might not.
    pub reason: Reason,
    /// The approval that it used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<ApprovalId>,
    /// The grants that carried it.
    pub grants: Vec<GrantRef>,
    /// The target's status; 0 when there was none.
    pub status: u16,
    /// The answer's headers that say what the body is.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<Arc<str>, Arc<str>>,
    /// The answer's body, masked; absent when the function's rule keeps none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<String>,
    /// Whether `response` was cut at the recording's limit.
    #[serde(default)]
    pub cut: bool,
    /// Bytes of the answer as it was delivered.
    pub bytes: u64,
    /// How many values were masked.
    pub masked: u64,
    /// The salt of this call's commitments in the ledger.
    pub salt: crate::digest::Salt,
}

/// Bytes that are no exchange.
#[derive(Debug, thiserror::Error)]
pub enum BadExchange {
    /// The line before the answer.
    #[error("its first line is no exchange")]
    Line(#[source] serde_json::Error),
    /// The answer.
    #[error("its answer is not UTF-8")]
    Answer(#[source] std::str::Utf8Error),
}

impl Exchange {
    /// The bytes of its recording.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.with_response(self.response.as_deref())
    }

    /// The bytes of its recording with this answer, whatever stands in `response`: it need not be
    /// copied there before.
    pub fn with_response(&self, response: Option<&str>) -> Vec<u8> {
        let mut out = Vec::with_capacity(LINE_BYTES + response.map_or(0, str::len));
        self.write_line(&mut out);
        if let Some(response) = response {
            out.push(b'\n');
            out.extend_from_slice(response.as_bytes());
        }
        out
    }

    /// Reads what [`Self::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`BadExchange`] for anything else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BadExchange> {
        // The line is JSON without line breaks, so the first one ends it.
        let mut parts = bytes.splitn(2, |it| *it == b'\n');
        let line = parts.next().unwrap_or_default();
        let mut exchange: Self = serde_json::from_slice(line).map_err(BadExchange::Line)?;
        let answer = parts.next().map(std::str::from_utf8).transpose();
        exchange.response = answer.map_err(BadExchange::Answer)?.map(str::to_owned);
        Ok(exchange)
    }

    fn write_line(&self, out: &mut Vec<u8>) {
        let mut line = Members::open(out);
        self.call.with_ascii(|text| line.plain("call", text));
        self.session.with_ascii(|text| line.plain("session", text));
        line.time("at", self.at);
        line.number("took_ms", self.took_ms);
        line.member("who", |out| {
            let mut who = Members::open(out);
            who.who(&self.who);
            who.close();
        });
        line.text("function", self.function.as_str());
        line.text("method", &self.method);
        line.text("path", &self.path);
        line.member("arguments", |out| json::canonical_into(&self.arguments, out));
        line.texts("hidden", &self.hidden);
        line.reason(self.reason);
        if let Some(approval) = self.approval {
            approval.with_ascii(|text| line.plain("approval", text));
        }
        line.grants(&self.grants);
        line.number("status", self.status);
        if !self.headers.is_empty() {
            line.member("headers", |out| {
                let mut headers = Members::open(out);
                for (name, value) in &self.headers {
                    headers.text(name, value);
                }
                headers.close();
            });
        }
        line.flag("cut", self.cut);
        line.number("bytes", self.bytes);
        line.number("masked", self.masked);
        self.salt.with_ascii(|text| line.plain("salt", text));
        line.close();
    }
}

/// Room for the line of an exchange with short arguments.
const LINE_BYTES: usize = 1024;

#[cfg(test)]
mod tests;
