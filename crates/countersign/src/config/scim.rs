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
    /// The name of the issuer, or of the SAML provider, for whose people it speaks.
    pub(crate) issuer: String,
    /// Which attribute of a user names them in the tokens of that issuer, or in the assertions of that
    /// provider (its `NameID`, or what `attributes.subject` says).
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

/// For whose people a directory speaks: those of an issuer, or of a SAML provider.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Source<'s> {
    Issuer(&'s IssuerConfig),
    Saml(&'s SamlConfig),
}

/// All sources of people that the configuration has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sources<'s> {
    pub(crate) issuers: &'s [IssuerConfig],
    pub(crate) saml: &'s [SamlConfig],
}

impl<'s> Sources<'s> {
    /// The one of this name: issuers and providers share no names.
    pub(crate) fn named(self, name: &str) -> Option<Source<'s>> {
        let issuer = self.issuers.iter().find(|it| it.name == name).map(Source::Issuer);
        issuer.or_else(|| self.saml.iter().find(|it| it.name == name).map(Source::Saml))
    }

    /// Prefixes of subjects that belong to one of them alone, but for the one of this name.
    fn subject_prefixes(self, but: &str) -> impl Iterator<Item = String> {
        let issuers = self.issuers.iter().filter(move |it| it.name != but);
        let issuers = issuers.filter(|it| it.namespace == Namespace::Own);
        let issuers = issuers.map(|it| it.claims.subject_prefix.clone());
        let saml = self.saml.iter().filter(move |it| it.name != but);
        issuers.chain(saml.filter_map(SamlConfig::reserved).map(|it| it.subject_prefix))
    }
}

impl<'s> Source<'s> {
    /// What stands before the subjects of its people.
    pub(crate) fn subject_prefix(self) -> &'s str {
        match self {
            Self::Issuer(it) => &it.claims.subject_prefix,
            Self::Saml(it) => &it.attributes.subject_prefix,
        }
    }

    /// What stands before the groups that it names itself.
    pub(crate) fn group_prefix(self) -> &'s str {
        match self {
            Self::Issuer(it) => it.claims.group_prefix(),
            Self::Saml(it) => it.attributes.group_prefix(),
        }
    }
}

impl RawScim {
    /// What stands before the names of its groups.
    pub(crate) fn prefix<'a>(&'a self, source: Source<'a>) -> &'a str {
        self.group_prefix.as_deref().unwrap_or_else(|| source.group_prefix())
    }

    /// Its prefix, if its groups count and it is not its source's: nobody else's to name.
    pub(crate) fn reserved(&self, sources: Sources<'_>) -> Option<Reserved> {
        self.groups.counts()?;
        let source = sources.named(&self.issuer)?;
        let prefix = self.prefix(source);
        (prefix != source.group_prefix())
            .then(|| Reserved { subject_prefix: String::new(), group_prefix: prefix.to_owned() })
    }
}

/// Which attribute of a user names them in the tokens or assertions of the source.
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
    sources: Sources<'_>,
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
        if sources.named(&directory.issuer).is_none() {
            faults.push((place, "issuer", "no issuer and no SAML provider has this name"));
        }
        let earlier = directories.get(..place).unwrap_or_default();
        let problem = group_fault(directory, earlier, sources);
        faults.extend(problem.map(|it| (place, "group_prefix", it)));
    }
    faults
}

/// Why the groups of a directory could be taken for those of another source.
fn group_fault(
    directory: &RawScim,
    earlier: &[RawScim],
    sources: Sources<'_>,
) -> Option<&'static str> {
    directory.groups.counts()?;
    let source = sources.named(&directory.issuer)?;
    let prefix = directory.prefix(source);
    let same = |other: &RawScim| {
        let theirs = sources.named(&other.issuer);
        other.groups.counts().is_some() && theirs.is_some_and(|it| other.prefix(it) == prefix)
    };
    if earlier.iter().any(same) {
        return Some(
            "another directory has the same prefix for its groups, so each could make its people \
             members of the other's; give each a prefix of its own",
        );
    }
    if prefix == source.group_prefix() {
        // Issuers and providers keep their prefixes apart themselves.
        return None;
    }
    if sources.issuers.iter().any(|it| it.claims.group_prefix() == prefix) {
        return Some(
            "an issuer has the same prefix for its groups, so the directory could make its people \
             members of them; give the directory a prefix of its own",
        );
    }
    if sources.saml.iter().any(|it| prefix.starts_with(it.attributes.group_prefix())) {
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
    sources: Sources<'_>,
) -> Vec<String> {
    let Some(source) = sources.named(&own.issuer) else { return Vec::new() };
    let mine = own.prefix(source);
    let others = sources.issuers.iter().filter(|it| it.namespace == Namespace::Own);
    let others = others.map(|it| it.claims.group_prefix().to_owned());
    let saml = sources.saml.iter().filter_map(SamlConfig::reserved);
    let beside = directories.iter().filter_map(|it| it.reserved(sources));
    let beside = saml.chain(beside).map(|it| it.group_prefix);
    let longer = |it: &String| it.len() > mine.len() && it.starts_with(mine);
    others.chain(beside).filter(longer).collect()
}

/// Prefixes of other sources of identities that begin with this one's: their names are not this
/// one's to say.
pub(crate) fn foreign_prefixes(own: &RawScim, sources: Sources<'_>) -> Vec<String> {
    let Some(source) = sources.named(&own.issuer) else { return Vec::new() };
    let mine = source.subject_prefix();
    let longer = |it: &String| it.len() > mine.len() && it.starts_with(mine);
    sources.subject_prefixes(&own.issuer).filter(longer).collect()
}

const NAME_BYTES_MAX: usize = 64;
