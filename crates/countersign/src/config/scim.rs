//! Directories that tell by SCIM, as people write them, and what they must keep.

use countersign_identity::{IssuerConfig, Namespace, Reserved, SamlConfig, Secret};
use countersign_model::ToldFor;
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
    /// For what its groups count. Whoever writes into a group then gives what the group gives.
    #[serde(default)]
    pub(crate) groups: RawScimGroups,
    /// What stands before the names of its groups; the issuer's `group_prefix`, if it says nothing.
    #[serde(default)]
    pub(crate) group_prefix: Option<String>,
}

/// For what the groups of a directory count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RawScimGroups {
    /// For nothing. They are kept and shown.
    #[default]
    Ignored,
    /// For grants, conditions and approvals, beside the groups of tokens.
    Access,
    /// The same, and for `roles`: the directory can make administrators.
    AccessAndRoles,
}

impl RawScimGroups {
    /// For what they count, if they do.
    pub(crate) fn counts(self) -> Option<ToldFor> {
        match self {
            Self::Ignored => None,
            Self::Access => Some(ToldFor::Access),
            Self::AccessAndRoles => Some(ToldFor::AccessAndRoles),
        }
    }
}

impl RawScim {
    /// What stands before the names of its groups.
    pub(crate) fn prefix<'a>(&'a self, issuer: &'a IssuerConfig) -> &'a str {
        self.group_prefix.as_deref().unwrap_or_else(|| issuer.claims.group_prefix())
    }

    /// Its prefix, if its groups count and it is not its issuer's: nobody else's to name.
    pub(crate) fn reserved(&self, issuers: &[IssuerConfig]) -> Option<Reserved> {
        self.groups.counts()?;
        let issuer = issuers.iter().find(|it| it.name == self.issuer)?;
        let prefix = self.prefix(issuer);
        (prefix != issuer.claims.group_prefix())
            .then(|| Reserved { subject_prefix: String::new(), group_prefix: prefix.to_owned() })
    }
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
    saml: &[SamlConfig],
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
        let earlier = directories.get(..place).unwrap_or_default();
        let problem = group_fault(directory, earlier, issuers, saml);
        faults.extend(problem.map(|it| (place, "group_prefix", it)));
    }
    faults
}

/// Why the groups of a directory could be taken for those of another source.
fn group_fault(
    directory: &RawScim,
    earlier: &[RawScim],
    issuers: &[IssuerConfig],
    saml: &[SamlConfig],
) -> Option<&'static str> {
    directory.groups.counts()?;
    let issuer = issuers.iter().find(|it| it.name == directory.issuer)?;
    let prefix = directory.prefix(issuer);
    let same = |other: &RawScim| {
        let theirs = issuers.iter().find(|it| it.name == other.issuer);
        other.groups.counts().is_some() && theirs.is_some_and(|it| other.prefix(it) == prefix)
    };
    if earlier.iter().any(same) {
        return Some(
            "another directory has the same prefix for its groups, so each could make its people \
             members of the other's; give each a prefix of its own",
        );
    }
    if prefix == issuer.claims.group_prefix() {
        // Issuers keep their prefixes apart themselves.
        return None;
    }
    if issuers.iter().any(|it| it.claims.group_prefix() == prefix) {
        return Some(
            "an issuer has the same prefix for its groups, so the directory could make its people \
             members of them; give the directory a prefix of its own",
        );
    }
    if saml.iter().any(|it| prefix.starts_with(it.attributes.group_prefix())) {
        return Some(
            "a SAML provider could name groups that begin so; give the provider a \
             `group_prefix` that this one does not begin with",
        );
    }
    None
}

/// Prefixes of other sources of groups that begin with this one's: their names are not this one's to
/// say.
pub(crate) fn foreign_group_prefixes(
    own: &RawScim,
    directories: &[RawScim],
    issuers: &[IssuerConfig],
    saml: &[SamlConfig],
) -> Vec<String> {
    let Some(issuer) = issuers.iter().find(|it| it.name == own.issuer) else { return Vec::new() };
    let mine = own.prefix(issuer);
    let others = issuers.iter().filter(|it| it.namespace == Namespace::Own);
    let others = others.map(|it| it.claims.group_prefix().to_owned());
    let saml = saml.iter().filter_map(SamlConfig::reserved);
    let beside = directories.iter().filter_map(|it| it.reserved(issuers));
    let beside = saml.chain(beside).map(|it| it.group_prefix);
    let longer = |it: &String| it.len() > mine.len() && it.starts_with(mine);
    others.chain(beside).filter(longer).collect()
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
