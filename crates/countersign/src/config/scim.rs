//! Directories that tell by SCIM, as people write them, and what they must keep.

use countersign_identity::{IssuerConfig, Namespace, SamlConfig, Secret};
use schemars::JsonSchema;
use serde::Deserialize;

/// A directory that tells by SCIM 2.0 who works here and who left.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawScim {
    /// A short name for the ledger and for people: `okta`. What the directory said is kept under it.
    pub(crate) name: String,
    /// Where the bearer token is that the directory shows: at least 32 characters, its own.
    pub(crate) token: Secret,
    /// The name of the issuer for whose people it speaks.
    pub(crate) issuer: String,
    /// Which attribute of a user names them in the tokens of that issuer.
    #[serde(default)]
    pub(crate) subject: RawScimSubject,
}

/// Which attribute of a user names them in the tokens of the issuer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RawScimSubject {
    /// `userName`. Upper and lower case are the same where somebody is deactivated.
    #[default]
    UserName,
    /// `externalId`: the object id of Entra ID, the user id of Okta.
    ExternalId,
    /// The primary e-mail address. Upper and lower case are the same where somebody is deactivated.
    Email,
}

/// The faults of directories: in which place, under which key, and what.
pub(super) fn faults(
    directories: &[RawScim],
    issuers: &[IssuerConfig],
) -> Vec<(usize, &'static str, &'static str)> {
    let mut faults = Vec::new();
    for (place, directory) in directories.iter().enumerate() {
        let name = directory.name.as_str();
        let plain = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '-';
        if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.chars().all(plain) {
            faults.push((place, "name", "a short name of a-z, 0-9 and hyphens"));
        }
        if directories.iter().take(place).any(|it| it.name == directory.name) {
            faults.push((place, "name", "another directory has this name"));
        }
        if !issuers.iter().any(|it| it.name == directory.issuer) {
            faults.push((place, "issuer", "no issuer has this name"));
        }
    }
    faults
}

/// Prefixes of other sources of identities that begin with this one's: their names are not this
/// one's to say.
pub(crate) fn foreign_prefixes(
    own: &IssuerConfig,
    issuers: &[IssuerConfig],
    saml: &[SamlConfig],
) -> Vec<String> {
    let mine = &own.claims.subject_prefix;
    let others = issuers.iter().filter(|it| it.name != own.name && it.namespace == Namespace::Own);
    let others = others.map(|it| it.claims.subject_prefix.clone());
    let saml = saml.iter().filter_map(SamlConfig::reserved).map(|it| it.subject_prefix);
    let longer = |it: &String| it.len() > mine.len() && it.starts_with(mine);
    others.chain(saml).filter(longer).collect()
}

const NAME_BYTES_MAX: usize = 64;
