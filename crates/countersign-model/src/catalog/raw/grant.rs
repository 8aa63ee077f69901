//! Grants as people write them into catalog files.

use crate::{Timestamp, catalog::Rate};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A grant as written. The file says what is granted; whether it is certified, people say.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawGrant {
    /// Its name among the grants of the catalog, such as `dunning-reads-invoices`. Another holder is
    /// another grant, with another name.
    pub name: String,
    /// Who holds it: `subject` or `group`.
    pub holder: RawHolder,
    /// Functions by full name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub functions: Vec<String>,
    /// Functions by tag.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Why.
    pub reason: String,
    /// CEL expressions that a call's arguments must satisfy, all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub constraints: Vec<String>,
    /// How many calls the holder may make, for each function.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
    /// When it ends by itself (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub expires_at: Option<Timestamp>,
}

/// Who holds a grant, as written: one of both.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawHolder {
    /// One subject.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Every member of a group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
}
