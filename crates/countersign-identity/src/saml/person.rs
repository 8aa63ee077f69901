//! From an assertion that is believed to a caller: always a person, under the provider's prefix, and
//! never under a name that belongs to another source of identities.

mod notes;

use super::{
    assertion::Believed,
    config::{SamlAttributes, SamlConfig},
    names::TRANSIENT,
    refused::{SamlFault, SamlRefused},
};
use crate::{
    IssuerConfig,
    config::Namespace,
    mapping::{Reserved, is_nameable, shown_name},
    refused::shown,
};
use countersign_model::{Caller, CallerKind, Group, Issued, Subject};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// How one provider's assertions become callers.
#[derive(Clone, Debug)]
pub(crate) struct PersonMapping {
    provider: Arc<str>,
    attributes: SamlAttributes,
    name_id_format: Option<String>,
    /// Longer prefixes that belong to others.
    foreign: Vec<Reserved>,
}

impl PersonMapping {
    /// The mapping of `own`, which knows the names that belong to others.
    pub(crate) fn new(
        own: &SamlConfig,
        providers: &[SamlConfig],
        issuers: &[IssuerConfig],
    ) -> Self {
        let issuers = issuers.iter().filter(|it| it.namespace == Namespace::Own);
        let issuers = issuers.map(|it| Reserved {
            subject_prefix: it.claims.subject_prefix.clone(),
            group_prefix: it.claims.group_prefix().to_owned(),
        });
        let others = providers.iter().filter(|it| it.name != own.name);
        let others = others.filter_map(SamlConfig::reserved);
        Self {
            provider: own.name.as_str().into(),
            attributes: own.attributes.clone(),
            name_id_format: own.name_id_format.clone(),
            foreign: issuers.chain(others).collect(),
        }
    }

    /// The person of an assertion.
    pub(crate) fn caller(&self, believed: &Believed) -> Result<Caller, SamlRefused> {
        let first = |name: &str| values(&believed.attributes, name).first();
        Ok(Caller {
            subject: self.subject(believed)?,
            kind: CallerKind::Person,
            actors: Vec::new(),
            client: None,
            issuer: Arc::clone(&self.provider),
            groups: self.groups(believed)?,
            scopes: BTreeSet::new(),
            name: first(&self.attributes.name).and_then(|it| shown_name(it)),
            email: first(&self.attributes.email).and_then(|it| shown_name(it)),
            issued: Issued {
                at: Some(believed.issued_at),
                issuer: None,
                subject: Some(believed.name_id.as_str().into()),
                session: believed.session_index.as_deref().map(Into::into),
                authenticated_at: Some(believed.authenticated_at),
            },
            expires_at: believed.session_ends.unwrap_or(believed.usable_until),
        })
    }

    fn subject(&self, believed: &Believed) -> Result<Subject, SamlRefused> {
        let refused = |fault, what: &str| Err(SamlRefused::new(fault, what));
        let format = believed.name_id_format.as_deref();
        if self.name_id_format.is_some() && format != self.name_id_format.as_deref() {
            return refused(SamlFault::SubjectNotAccepted, "a NameID of another format");
        }
        let bare = match &self.attributes.subject {
            None if format == Some(TRANSIENT) => {
                return refused(SamlFault::SubjectNotAccepted, "a transient NameID");
            }
            None => believed.name_id.as_str(),
            Some(name) => match values(&believed.attributes, name) {
                [one] => one,
                _ => {
                    let what = format!("not exactly one value of {}", shown(name));
                    return refused(SamlFault::SubjectMissing, &what);
                }
            },
        };
        if !is_nameable(bare) {
            return refused(SamlFault::SubjectMissing, "not a usable text");
        }
        let subject = format!("{}{bare}", self.attributes.subject_prefix);
        if is_foreign(&subject, &self.attributes.subject_prefix, &self.foreign, |it| {
            &it.subject_prefix
        }) {
            return refused(SamlFault::SubjectNotAccepted, &format!("subject {}", shown(bare)));
        }
        Ok(Subject::new(subject))
    }

    fn groups(&self, believed: &Believed) -> Result<BTreeSet<Group>, SamlRefused> {
        let names = values(&believed.attributes, &self.attributes.groups);
        if names.len() > GROUPS_MAX {
            return Err(SamlRefused::new(SamlFault::AttributeInvalid, "more than 2000 groups"));
        }
        let mut groups = BTreeSet::new();
        for name in names {
            let group = format!("{}{name}", self.attributes.group_prefix());
            let foreign = is_foreign(&group, self.attributes.group_prefix(), &self.foreign, |it| {
                &it.group_prefix
            });
            if foreign || !is_nameable(name) {
                let what = format!("group {}", shown(name));
                return Err(SamlRefused::new(SamlFault::AttributeInvalid, what));
            }
            groups.insert(Group::new(group));
        }
        Ok(groups)
    }
}

fn values<'b>(attributes: &'b BTreeMap<String, Vec<String>>, name: &str) -> &'b [String] {
    attributes.get(name).map(Vec::as_slice).unwrap_or_default()
}

/// Whether a name begins with a longer prefix that belongs to somebody else.
fn is_foreign(
    name: &str,
    own: &str,
    foreign: &[Reserved],
    prefix: fn(&Reserved) -> &String,
) -> bool {
    foreign.iter().map(prefix).any(|it| it.len() > own.len() && name.starts_with(it.as_str()))
}

const GROUPS_MAX: usize = 2000;
