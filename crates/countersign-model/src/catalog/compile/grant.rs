//! Compiles the grants of catalog files: what the API would refuse is a fault here, with its key.

use super::{Faults, Place, is_name};
use crate::{
    Catalog, Group, Subject,
    catalog::{
        FunctionName, Tag,
        raw::{RawGrant, RawHolder},
    },
    expression::Expression,
    grant::{CONSTRAINTS_MAX, DeclaredGrant, Holder, NAMES_MAX, Terms},
};
use std::{collections::BTreeMap, sync::Arc};

/// Characters of a grant's name.
const NAME_CHARS_MAX: usize = 100;

pub(super) fn grants(
    raw: &BTreeMap<String, RawGrant>,
    catalog: &Catalog,
    faults: &mut Faults,
) -> BTreeMap<String, Arc<DeclaredGrant>> {
    let mut grants = BTreeMap::new();
    for (name, raw) in raw {
        let mut at = At { place: Place::Grant(name.clone()), faults, catalog };
        if let Some(grant) = at.grant(raw) {
            grants.insert(name.clone(), Arc::new(grant));
        }
    }
    grants
}

/// Faults of one grant.
struct At<'a, 'f> {
    place: Place,
    faults: &'a mut Faults,
    catalog: &'f Catalog,
}

impl At<'_, '_> {
    fn fault(&mut self, key: impl Into<String>, message: impl Into<String>) {
        self.faults.push(self.place.clone(), key, message);
    }

    fn grant(&mut self, raw: &RawGrant) -> Option<DeclaredGrant> {
        if !is_name(&raw.name) || raw.name.len() > NAME_CHARS_MAX {
            self.fault(
                "name",
                "lower-case letters, digits, `-` and `_`, beginning with a letter, at most 100",
            );
        }
        if raw.reason.trim().is_empty() {
            self.fault("reason", "say why somebody may");
        }
        let holder = self.holder(&raw.holder);
        let (functions, tags) = (self.functions(&raw.functions), self.tags(&raw.tags));
        let names = raw.functions.len().saturating_add(raw.tags.len());
        if names == 0 || names > NAMES_MAX {
            self.fault("functions", format!("name 1 to {NAMES_MAX} functions or tags"));
        }
        if raw.rate.is_some_and(|it| it.calls == 0 || it.per.millis() <= 0) {
            self.fault("rate", "at least one call in a time above zero");
        }
        let terms = Terms {
            functions,
            tags,
            constraints: raw.constraints.clone(),
            rate: raw.rate,
            expires_at: raw.expires_at,
        };
        self.constraints(&terms);
        let reason = raw.reason.trim().to_owned();
        Some(DeclaredGrant { name: raw.name.clone(), holder: holder?, reason, terms })
    }

    fn holder(&mut self, raw: &RawHolder) -> Option<Holder> {
        let is_text = |it: &str| !it.is_empty() && it.trim() == it;
        match (&raw.subject, &raw.group) {
            (Some(name), None) if is_text(name) => {
                Some(Holder::Subject(Subject::from(name.as_str())))
            }
            (None, Some(name)) if is_text(name) => Some(Holder::Group(Group::from(name.as_str()))),
            (Some(_) | None, Some(_) | None) => {
                self.fault("holder", "name a `subject` or a `group`, and one of both");
                None
            }
        }
    }

    fn functions(&mut self, raw: &[String]) -> Vec<FunctionName> {
        let mut names = Vec::new();
        for (place, name) in raw.iter().enumerate() {
            match self.catalog.by_name(name) {
                Some((_, function)) => names.push(function.name.clone()),
                None => self.fault(format!("functions[{place}]"), format!("no function `{name}`")),
            }
        }
        names.sort();
        names.dedup();
        names
    }

    fn tags(&mut self, raw: &[String]) -> Vec<Tag> {
        let mut tags = Vec::new();
        for (place, name) in raw.iter().enumerate() {
            let mut all = self.catalog.functions.iter().flat_map(|it| &it.tags);
            match all.find(|it| it.as_str() == name) {
                Some(tag) => tags.push(tag.clone()),
                None => {
                    self.fault(
                        format!("tags[{place}]"),
                        format!("no function has the tag `{name}`"),
                    );
                }
            }
        }
        tags.sort();
        tags.dedup();
        tags
    }

    fn constraints(&mut self, terms: &Terms) {
        if terms.constraints.len() > CONSTRAINTS_MAX {
            self.fault("constraints", format!("at most {CONSTRAINTS_MAX}"));
            return;
        }
        let catalog = self.catalog;
        for (place, source) in terms.constraints.iter().enumerate() {
            for function in catalog.functions.iter().filter(|it| terms.reach(it)) {
                if let Err(bad) = Expression::compile(source, &function.input) {
                    let message = format!("for {}: {bad}", function.name);
                    self.fault(format!("constraints[{place}]"), message);
                }
            }
        }
    }
}
