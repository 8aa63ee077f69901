//! Where a secret stands: in an environment variable or in a file, never in the configuration
//! itself. Reading the environment is the binary's affair, so it hands in the look-up.

use crate::Hidden;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{io::Read, path::PathBuf};

/// A reference to a secret: `{env: NAME}` or `{file: PATH}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "RawSecret", into = "RawSecret")]
#[schemars(with = "RawSecret")]
pub enum Secret {
    /// The value of an environment variable.
    Env(String),
    /// The content of a file, without the newline at its end.
    File(PathBuf),
}

/// A secret that could not be had. Says where it should stand, never what was there.
#[derive(Debug, thiserror::Error)]
pub enum SecretFault {
    /// The variable is not set.
    #[error("the environment variable {0} is not set")]
    NotSet(String),
    /// The file could not be read.
    #[error("the secret file {path} cannot be read")]
    Unreadable {
        /// The file's path.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// There is nothing in it.
    #[error("the secret at {0} is empty")]
    Empty(String),
    /// The file is longer than a secret can be (64 KiB).
    #[error("the secret file {0} is longer than 64 KiB")]
    TooLong(PathBuf),
}

impl Secret {
    /// Reads the secret; `environment` answers the value of a variable.
    ///
    /// # Errors
    /// [`SecretFault`] if it is absent, unreadable, empty or longer than 64 KiB.
    pub fn resolve(
        &self,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<Hidden, SecretFault> {
        let (text, place) = match self {
            Self::Env(name) => {
                let text = environment(name).ok_or_else(|| SecretFault::NotSet(name.clone()))?;
                (text, name.clone())
            }
            Self::File(path) => {
                let unreadable = |source| SecretFault::Unreadable { path: path.clone(), source };
                let file = std::fs::File::open(path).map_err(unreadable)?;
                let mut text = String::new();
                let read = file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text);
                let read = read.map_err(unreadable)?;
                if u64::try_from(read).unwrap_or(u64::MAX) > FILE_BYTES_MAX {
                    return Err(SecretFault::TooLong(path.clone()));
                }
                (text, path.display().to_string())
            }
        };
        let text = text.strip_suffix('\n').unwrap_or(&text);
        let text = text.strip_suffix('\r').unwrap_or(text);
        if text.is_empty() {
            return Err(SecretFault::Empty(place));
        }
        Ok(Hidden::new(text))
    }
}

/// As it is written: exactly one of the two.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Secret")]
struct RawSecret {
    /// The name of an environment variable that holds the secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    env: Option<String>,
    /// The path of a file that holds the secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    file: Option<PathBuf>,
}

impl TryFrom<RawSecret> for Secret {
    type Error = &'static str;

    fn try_from(raw: RawSecret) -> Result<Self, Self::Error> {
        match (raw.env, raw.file) {
            (Some(name), None) => Ok(Self::Env(name)),
            (None, Some(path)) => Ok(Self::File(path)),
            _ => Err("a secret is written as {env: NAME} or as {file: PATH}, one of the two"),
        }
    }
}

impl From<Secret> for RawSecret {
    fn from(secret: Secret) -> Self {
        match secret {
            Secret::Env(name) => Self { env: Some(name), file: None },
            Secret::File(path) => Self { env: None, file: Some(path) },
        }
    }
}

const FILE_BYTES_MAX: u64 = 64 * 1024;

#[cfg(test)]
mod tests;
