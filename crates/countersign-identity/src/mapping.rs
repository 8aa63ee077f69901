//! From an issuer's claims to a caller: the subject with its prefix, the chain of actors, groups,
//! scopes, and what kind of identity it is. Called with claims that are proved, and only then.

use crate::{
    Ask, ClaimRule, Fault, OWN_ISSUER, Refused,
    claims::{at_path, texts},
    config::{ClaimsConfig, IssuerConfig, KindRule, Namespace},
    explain::{self, Trace},
    own,
    refused::shown,
    rules::TokenUse,
    subject::Naming,
};
use countersign_model::{Caller, CallerKind, Group, Issued, Subject, Timestamp};
use serde_json::{Map, Value};
use std::{collections::BTreeSet, sync::Arc};

/// How one issuer's claims become a caller.
#[derive(Clone, Debug)]
pub(crate) struct Mapping {
    issuer_name: Arc<str>,
    issuer_url: String,
    claims: ClaimsConfig,
    subject: Naming,
    id_token_subject: Option<Naming>,
    service_subject: Option<Naming>,
    /// Longer prefixes that belong to other issuers: this one may not name what they name.
    foreign_subjects: Vec<String>,
    foreign_groups: Vec<String>,
    /// When a directory says the groups.
    asks: Option<Ask>,
}

/// Prefixes of names that belong to one source of identities, and to nobody else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reserved {
    /// Of its subjects.
    pub subject_prefix: String,
    /// Of its groups.
    pub group_prefix: String,
}

impl Mapping {
    /// The mapping of `own`, which knows the names that belong to the `others`.
    pub(crate) fn new(own: &IssuerConfig, others: &[IssuerConfig]) -> Self {
        let foreign = |prefix: fn(&ClaimsConfig) -> &str| {
            let mine = prefix(&own.claims);
            let others = others.iter().filter(|it| it.name != own.name);
            let reserved = others.filter(|it| it.namespace == Namespace::Own);
            let longer = reserved.map(|it| prefix(&it.claims));
            let longer = longer.filter(|it| it.len() > mine.len() && it.starts_with(mine));
            longer.map(str::to_owned).collect()
        };
        Self {
            issuer_name: own.name.as_str().into(),
            issuer_url: own.url.clone(),
            claims: own.claims.clone(),
            subject: Naming::of(&own.claims.subject),
            id_token_subject: own.claims.id_token_subject.as_deref().map(Naming::of),
            service_subject: own.claims.service_subject.as_deref().map(Naming::of),
            foreign_subjects: foreign(|claims| &claims.subject_prefix),
            foreign_groups: foreign(ClaimsConfig::group_prefix),
            asks: own.directory.as_ref().map(|it| it.ask),
        }
    }

    /// The same, with names that belong to sources of identities that are no issuers.
    pub(crate) fn beside(mut self, reserved: &[Reserved]) -> Self {
        let longer =
            |theirs: &&String, mine: &str| theirs.len() > mine.len() && theirs.starts_with(mine);
        let subjects = reserved.iter().map(|it| &it.subject_prefix);
        let subjects = subjects.filter(|it| longer(it, &self.claims.subject_prefix));
        self.foreign_subjects.extend(subjects.cloned());
        let groups = reserved.iter().map(|it| &it.group_prefix);
        let groups = groups.filter(|it| longer(it, self.claims.group_prefix()));
        self.foreign_groups.extend(groups.cloned());
        self
    }

    /// The caller that the claims of a token speak of, and how, for an explanation. Groups that a
    /// directory is to say are not there yet.
    pub(crate) fn caller(
        &self,
        claims: &Map<String, Value>,
        expires_at: Timestamp,
        token_use: TokenUse,
        trace: &mut Trace,
    ) -> Result<Caller, Refused> {
        let client = self.client(claims)?;
        let (key, naming) = self.naming(claims, client, token_use)?;
        let subject = match naming {
            Naming::Template(template) => self.whole_subject(&template.fill(claims)?)?,
            Naming::Claim(name) => self.subject(claims, name)?,
        };
        let read = naming.claims();
        trace.note("subject", &read, || {
            let found: Vec<String> = read.iter().map(|it| explain::at(claims, it)).collect();
            let prefix = explain::prefix(&self.claims.subject_prefix);
            let rule = format!("{key}{prefix}: {subject}");
            (found.join(", "), format!("issuers[{}].{rule}", self.issuer_name))
        });
        let kind = self.kind(claims, client, token_use, trace)?;
        let show = |name: &str| at_path(claims, name).and_then(Value::as_str).and_then(shown_name);
        let caller = Caller {
            subject,
            kind,
            actors: self.actors(claims)?,
            client: client.map(Into::into),
            issuer: Arc::clone(&self.issuer_name),
            groups: self.groups(claims)?,
            scopes: scopes(claims)?,
            name: show(&self.claims.name),
            email: show(&self.claims.email),
            expires_at,
            issued: match self.issuer_name.as_ref() {
                OWN_ISSUER => own::source(claims),
                _ => issued(claims),
            },
        };
        self.note_rest(trace, claims, &caller);
        Ok(caller)
    }

    /// What names the subject of such a token, with the key that says so.
    fn naming(
        &self,
        claims: &Map<String, Value>,
        client: Option<&str>,
        token_use: TokenUse,
    ) -> Result<(&'static str, &Naming), Refused> {
        if let (TokenUse::SignIn, Some(naming)) = (token_use, &self.id_token_subject) {
            return Ok(("claims.id_token_subject", naming));
        }
        if let Some(naming) = &self.service_subject
            && self.kind(claims, client, token_use, &mut Trace::off())? == CallerKind::Service
        {
            return Ok(("claims.service_subject", naming));
        }
        Ok(("claims.subject", &self.subject))
    }

    /// Writes down that a claim was mapped, and by which key of this issuer.
    fn note(
        &self,
        trace: &mut Trace,
        check: &'static str,
        claim: &str,
        claims: &Map<String, Value>,
        rule: impl FnOnce() -> String,
    ) {
        trace.note(check, &[claim], || {
            (explain::at(claims, claim), format!("issuers[{}].{}", self.issuer_name, rule()))
        });
    }

    /// What was mapped beside subject and kind.
    fn note_rest(&self, trace: &mut Trace, claims: &Map<String, Value>, caller: &Caller) {
        if !caller.actors.is_empty() {
            let chain: Vec<&str> = caller.actors.iter().map(Subject::as_str).collect();
            trace.note("actors", &["act"], || {
                (chain.join(", "), "RFC 8693, the nearest actor first".into())
            });
        }
        self.note(trace, "groups", &self.claims.groups, claims, || {
            let count = caller.groups.len();
            format!("claims.groups{}: {count}", explain::prefix(self.claims.group_prefix()))
        });
        trace.note("scopes", &["scope", "scp"], || {
            let scopes: Vec<&str> = caller.scopes.iter().map(AsRef::as_ref).collect();
            let found = if scopes.is_empty() { "none".into() } else { shown(&scopes.join(" ")) };
            (found, "RFC 8693 and what Entra ID and Okta send".into())
        });
        trace.note("client", &["client_id", "azp"], || {
            let found = caller.client.as_deref().map_or_else(|| "none".into(), shown);
            (found, "RFC 9068, else OpenID Connect".into())
        });
        for (check, claim) in [("name", &self.claims.name), ("email", &self.claims.email)] {
            self.note(trace, check, claim, claims, || format!("claims.{check}, to show only"));
        }
    }

    /// The subject that this issuer's `sub` stands for, where no other claim names subjects.
    pub(crate) fn subject_of(&self, issuer_subject: &str) -> Option<Subject> {
        let claims = Map::from_iter([("sub".to_owned(), Value::from(issuer_subject))]);
        // Who ends sessions speaks of subjects as ID tokens do.
        if self.claims.id_token_subject.as_ref().unwrap_or(&self.claims.subject) != "sub" {
            return None;
        }
        self.subject(&claims, "sub").ok()
    }

    /// The subject that an address stands for, where addresses name subjects.
    pub(crate) fn subject_of_email(&self, email: &str) -> Option<Subject> {
        if self.claims.subject != "email" {
            return None;
        }
        let claims = Map::from_iter([
            ("email".to_owned(), Value::from(email)),
            ("email_verified".to_owned(), Value::from(true)),
        ]);
        self.subject(&claims, "email").ok()
    }

    fn subject(&self, claims: &Map<String, Value>, name: &str) -> Result<Subject, Refused> {
        let bare = match at_path(claims, name) {
            Some(Value::String(text)) if is_nameable(text) => text,
            Some(_) => return Err(Refused::new(Fault::SubjectMissing, "not a usable text")),
            None => {
                return Err(Refused::new(Fault::SubjectMissing, format!("no {}", shown(name))));
            }
        };
        // An address that its owner has not proved can be anybody's.
        let proved = name != "email" || claims.get("email_verified") == Some(&Value::Bool(true));
        if !proved {
            let detail = format!("subject {}", shown(bare));
            return Err(Refused::new(Fault::SubjectNotAccepted, detail));
        }
        self.whole_subject(bare)
    }

    /// The subject with its prefix, if this issuer may name it.
    fn whole_subject(&self, bare: &str) -> Result<Subject, Refused> {
        if !is_nameable(bare) {
            return Err(Refused::new(Fault::SubjectMissing, "longer than a name can be"));
        }
        let subject = format!("{}{bare}", self.claims.subject_prefix);
        if self.foreign_subjects.iter().any(|prefix| subject.starts_with(prefix)) {
            return Err(Refused::new(
                Fault::SubjectNotAccepted,
                format!("subject {}", shown(bare)),
            ));
        }
        Ok(Subject::new(subject))
    }

    /// The `act` chain, the nearest actor first (RFC 8693 §4.1).
    fn actors(&self, claims: &Map<String, Value>) -> Result<Vec<Subject>, Refused> {
        let broken = |detail: &str| Refused::new(Fault::ActorChainInvalid, detail);
        let mut actors = Vec::new();
        let mut next = claims.get("act");
        while let Some(actor) = next {
            if actors.len() == ACTORS_MAX {
                return Err(broken("more than 5 actors"));
            }
            let members = actor.as_object().ok_or_else(|| broken("act is no object"))?;
            actors.push(self.party(members)?);
            next = members.get("act");
        }
        Ok(actors)
    }

    /// A party that a claim such as `act` or `may_act` names by its members.
    pub(crate) fn party(&self, members: &Map<String, Value>) -> Result<Subject, Refused> {
        let broken = |detail: &str| Refused::new(Fault::ActorChainInvalid, detail);
        if members.get("iss").is_some_and(|it| *it != self.issuer_url.as_str()) {
            return Err(broken("an actor of another issuer"));
        }
        // An actor names itself by `sub` whatever the subject's claim is, unless it has that.
        let name = match members.contains_key(&self.claims.subject) {
            true if self.claims.subject != "email" => self.claims.subject.as_str(),
            _ => "sub",
        };
        self.subject(members, name).map_err(|refused| {
            let foreign = refused.fault() == Fault::SubjectNotAccepted;
            if foreign { refused } else { broken("an actor without a usable name") }
        })
    }

    /// The groups that the token says: none where a directory is to say them.
    fn groups(&self, claims: &Map<String, Value>) -> Result<BTreeSet<Group>, Refused> {
        let none = Ok(BTreeSet::new());
        match (at_path(claims, &self.claims.groups), self.asks) {
            (_, Some(Ask::Always)) => none,
            (Some(value), Some(Ask::WhenLeftOut) | None) => {
                self.named_groups(&texts(value, &self.claims.groups)?, GROUPS_MAX)
            }
            (None, None) if self.leaves_groups_out(claims) => Err(Refused::new(
                Fault::GroupsUnknown,
                "the token leaves its groups out, and no `directory` is configured to ask",
            )),
            (None, Some(Ask::WhenLeftOut) | None) => none,
        }
    }

    /// Groups of these names, if this issuer may name them.
    pub(crate) fn named_groups(
        &self,
        names: &[&str],
        most: usize,
    ) -> Result<BTreeSet<Group>, Refused> {
        if names.len() > most {
            return Err(Refused::new(Fault::ClaimInvalid, format!("more than {most} groups")));
        }
        let mut groups = BTreeSet::new();
        for name in names {
            let group = format!("{}{name}", self.claims.group_prefix());
            if !is_nameable(name) || self.foreign_groups.iter().any(|it| group.starts_with(it)) {
                return Err(Refused::new(Fault::ClaimInvalid, format!("group {}", shown(name))));
            }
            groups.insert(Group::new(group));
        }
        Ok(groups)
    }

    pub(crate) fn issuer_name(&self) -> &str {
        &self.issuer_name
    }

    /// Whether the token says that it has groups, but not which: there were too many for it (Entra's
    /// overage, by OpenID Connect Core §5.6.2). Where it says that they could be asked for is not
    /// read.
    pub(crate) fn leaves_groups_out(&self, claims: &Map<String, Value>) -> bool {
        if at_path(claims, &self.claims.groups).is_some() {
            return false;
        }
        let elsewhere = claims.get("_claim_names").and_then(Value::as_object);
        let told = |name: &str| match claims.get(name) {
            Some(Value::Bool(truth)) => *truth,
            Some(Value::String(text)) => text == "true",
            _ => false,
        };
        elsewhere.is_some_and(|it| it.contains_key(&self.claims.groups)) || told("hasgroups")
    }

    fn client<'c>(&self, claims: &'c Map<String, Value>) -> Result<Option<&'c str>, Refused> {
        match &self.claims.client {
            Some(name) => client(claims, &[name]),
            None => client(claims, &["client_id", "azp"]),
        }
    }

    fn kind(
        &self,
        claims: &Map<String, Value>,
        client: Option<&str>,
        token_use: TokenUse,
        trace: &mut Trace,
    ) -> Result<CallerKind, Refused> {
        let fixed = match self.claims.kind {
            KindRule::ByClaims => None,
            KindRule::Service => Some((CallerKind::Service, "a service")),
            KindRule::Agent => Some((CallerKind::Agent, "an agent")),
        };
        if let Some((kind, name)) = fixed {
            trace.note("kind", &[], || {
                (name.into(), format!("issuers[{}].claims.kind", self.issuer_name))
            });
            return Ok(kind);
        }
        let is = |rule: &Option<ClaimRule>| match rule.as_ref().filter(|it| it.is_for(token_use)) {
            Some(rule) => rule.holds(claims),
            None => Ok(false),
        };
        let read = |rule: &Option<ClaimRule>| rule.as_ref().map(|it| it.claim.clone());
        if is(&self.claims.agent)? {
            let claim = read(&self.claims.agent).unwrap_or_default();
            self.note(trace, "kind", &claim, claims, || "claims.agent: an agent".into());
            return Ok(CallerKind::Agent);
        }
        let subject = claims.get("sub").and_then(Value::as_str);
        // RFC 9068 §2.2: without a resource owner, `sub` names the client.
        if client.is_some() && client == subject {
            trace.note("kind", &["sub", "client_id", "azp"], || {
                ("the subject is the client".into(), "RFC 9068: a service".into())
            });
            return Ok(CallerKind::Service);
        }
        if is(&self.claims.service)? {
            let claim = read(&self.claims.service).unwrap_or_default();
            self.note(trace, "kind", &claim, claims, || "claims.service: a service".into());
            return Ok(CallerKind::Service);
        }
        trace.note("kind", &[], || {
            ("neither an agent nor a service".into(), "what is left: a person".into())
        });
        Ok(CallerKind::Person)
    }
}

/// What cut-offs are compared with. The times are judged already.
fn issued(claims: &Map<String, Value>) -> Issued {
    let text = |name: &str| claims.get(name).and_then(Value::as_str).map(Into::into);
    let at = claims.get("iat").and_then(Value::as_i64);
    Issued {
        issuer: None,
        at: at.map(|seconds| Timestamp::from_millis(seconds.saturating_mul(1000))),
        subject: text("sub"),
        session: text("sid"),
        authenticated_at: claims
            .get("auth_time")
            .and_then(Value::as_i64)
            .map(|seconds| Timestamp::from_millis(seconds.saturating_mul(1000))),
    }
}

fn client<'c>(claims: &'c Map<String, Value>, names: &[&str]) -> Result<Option<&'c str>, Refused> {
    let Some((name, value)) = names.iter().find_map(|it| Some((it, claims.get(*it)?))) else {
        return Ok(None);
    };
    match value.as_str() {
        Some(client) if is_nameable(client) => Ok(Some(client)),
        _ => Err(Refused::new(Fault::ClaimInvalid, format!("{name} is no usable text"))),
    }
}

fn scopes(claims: &Map<String, Value>) -> Result<BTreeSet<Arc<str>>, Refused> {
    let mut scopes = BTreeSet::new();
    for name in ["scope", "scp"] {
        let Some(value) = claims.get(name) else { continue };
        for text in texts(value, name)? {
            scopes.extend(text.split(' ').filter(|it| !it.is_empty()).map(Arc::from));
        }
    }
    Ok(scopes)
}

/// Whether a text can name somebody: not empty, not long, and without characters that no person
/// sees. Otherwise compared byte for byte: no case folding, no Unicode normalisation.
pub(crate) fn is_nameable(text: &str) -> bool {
    (1..=NAME_BYTES_MAX).contains(&text.len())
        && text.trim() == text
        && !text.chars().any(|it| it.is_control() || is_invisible(it))
}

fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{180B}'..='\u{180F}'
            | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
            | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}'
            | '\u{FFF0}'..='\u{FFFB}' | '\u{E0000}'..='\u{E0FFF}'
    )
}

/// A name to show, shortened and without what would reorder or hide it.
pub(crate) fn shown_name(text: &str) -> Option<Arc<str>> {
    let visible = text.chars().filter(|it| !it.is_control() && !is_invisible(*it));
    let name: String = visible.take(SHOWN_CHARS_MAX).collect();
    let name = name.trim();
    (!name.is_empty()).then(|| name.into())
}

const ACTORS_MAX: usize = 5;
const GROUPS_MAX: usize = 2000;
const NAME_BYTES_MAX: usize = 255;
const SHOWN_CHARS_MAX: usize = 120;

#[cfg(test)]
mod tests;
