//! The door for directories, made of the configuration.

use super::assembly::Setup;
use crate::{
    clock,
    config::scim::{
        RawScim, RawScimSubject, Source, Sources, foreign_group_prefixes, foreign_prefixes,
    },
    exit::{Exit, Failure},
};
use countersign_console::{ScimParts, ScimProvider, SubjectFrom, scim_router};
use countersign_governance::{Directory, Governance, GroupRules};
use countersign_model::snapshot::Letters;
use std::sync::Arc;

/// The shortest token of a directory: nobody guesses 32 random characters.
const TOKEN_CHARS_MIN: usize = 32;

/// The door, if there is a directory.
pub(super) fn door(
    governance: &Governance,
    providers: Vec<ScimProvider>,
    public_url: String,
) -> Option<axum::Router> {
    let parts = ScimParts { governance: governance.clone(), providers, public_url };
    (!parts.providers.is_empty()).then(|| scim_router(parts))
}

/// How the groups of a directory count.
fn rules(directory: &RawScim, source: Source<'_>, setup: &Setup) -> Option<GroupRules> {
    Some(GroupRules {
        counts: directory.groups.counts()?,
        prefix: directory.prefix(source).to_owned(),
        foreign: foreign_group_prefixes(directory, &setup.scim, sources(setup)),
    })
}

pub(super) fn sources(setup: &Setup) -> Sources<'_> {
    Sources { issuers: &setup.issuers, saml: &setup.saml }
}

/// The directories themselves, for whoever judges by what they said.
pub(super) fn known(providers: &[ScimProvider]) -> Vec<Directory> {
    providers.iter().map(|it| it.directory.clone()).collect()
}

/// The directories, with their tokens.
pub(super) fn providers(setup: &Setup) -> Result<Vec<ScimProvider>, Failure> {
    let Setup { scim: directories, variables, .. } = setup;
    let lookup = |name: &str| variables.get(name).cloned().or_else(|| clock::environment(name));
    let mut providers: Vec<ScimProvider> = Vec::with_capacity(directories.len());
    for directory in directories {
        let name = &directory.name;
        let token = directory.token.resolve(lookup).map_err(|error| {
            let what = format!("the token of the directory {name} can't be had");
            Failure::caused(Exit::Usage, &what, &error)
        })?;
        if token.reveal().chars().count() < TOKEN_CHARS_MIN {
            let what = format!("the token of the directory {name} is too short");
            return Err(Failure::usage(what).next("make one: head -c 32 /dev/urandom | base64"));
        }
        if providers.iter().any(|it| it.token.reveal() == token.reveal()) {
            let what = format!("the directory {name} has the token of another directory");
            return Err(Failure::usage(what).next("make each directory a token of its own"));
        }
        let source = sources(setup).named(&directory.issuer).ok_or_else(|| {
            let what = format!("no issuer and no SAML provider has the name {}", directory.issuer);
            Failure::usage(what)
        })?;
        let (subject_from, letters) = match directory.subject {
            RawScimSubject::UserName => (SubjectFrom::UserName, Letters::Folded),
            RawScimSubject::ExternalId => (SubjectFrom::ExternalId, Letters::Exact),
            RawScimSubject::Email => (SubjectFrom::Email, Letters::Folded),
        };
        providers.push(ScimProvider {
            directory: Directory {
                name: name.as_str().into(),
                letters,
                groups: rules(directory, source, setup).map(Arc::new),
            },
            token,
            subject_from,
            subject_prefix: source.subject_prefix().to_owned(),
            foreign_prefixes: foreign_prefixes(directory, sources(setup)),
        });
    }
    Ok(providers)
}
