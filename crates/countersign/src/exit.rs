//! How a command ends: a number for programs, one line for what went wrong and one for what to do
//! next for people. Never a trace.

use std::process::ExitCode;

/// The exit codes. `docs/manual/exit-codes.md` and `--help` say the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// It worked.
    Done,
    /// It did not, for a reason that no other code names.
    Failed,
    /// The command line, the configuration or the catalog is at fault.
    Usage,
    /// Policy refused the call or the act.
    Refused,
    /// The call was held and not approved in time.
    Held,
    /// The gateway can't be reached.
    Unreachable,
    /// The ledger, or a proof, does not verify.
    Unverified,
}

impl Exit {
    /// The number.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Refused => 3,
            Self::Held => 4,
            Self::Unreachable => 5,
            Self::Unverified => 6,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Shown at the end of `--help`.
pub(crate) const HELP: &str = "\
Exit codes:
  0  it worked
  1  it failed
  2  the command line, the configuration or the catalog is at fault
  3  refused by policy
  4  held, and not approved in time
  5  the gateway can't be reached
  6  the ledger or a proof does not verify";

/// Why a command did not work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// Say it and end with this code.
    Said {
        /// The code.
        exit: Exit,
        /// What went wrong, in one line or a list of faults.
        what: String,
        /// What to do next; empty if there is nothing to say.
        next_step: String,
    },
    /// Whoever read the output went away; there is nobody to tell.
    NobodyReads,
}

impl Failure {
    pub(crate) fn new(exit: Exit, what: impl Into<String>) -> Self {
        Self::Said { exit, what: what.into(), next_step: String::new() }
    }

    pub(crate) fn failed(what: impl Into<String>) -> Self {
        Self::new(Exit::Failed, what)
    }

    pub(crate) fn usage(what: impl Into<String>) -> Self {
        Self::new(Exit::Usage, what)
    }

    /// The same with what to do next.
    pub(crate) fn next(self, step: impl Into<String>) -> Self {
        match self {
            Self::Said { exit, what, .. } => Self::Said { exit, what, next_step: step.into() },
            Self::NobodyReads => Self::NobodyReads,
        }
    }

    /// An error with everything that caused it, in one line.
    pub(crate) fn caused(exit: Exit, what: &str, error: &dyn std::error::Error) -> Self {
        Self::new(exit, format!("{what}: {}", chain(error)))
    }

    pub(crate) const fn exit(&self) -> Exit {
        match self {
            Self::Said { exit, .. } => *exit,
            Self::NobodyReads => Exit::Done,
        }
    }
}

/// An error and its causes, each once, joined by colons.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        // Some errors print their source themselves.
        if !text.ends_with(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = error.source();
    }
    text
}
