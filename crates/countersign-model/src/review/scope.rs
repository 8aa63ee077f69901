//! Whether a campaign reviews a grant: a function of values.

use super::{reviewers::Reviewed, schedule::Scope};
use crate::{Catalog, Function, Holder};
use std::sync::Arc;

impl Scope {
    /// Whether a grant meets everything that is named. What names functions, tags, sensitivities or
    /// targets is met by a grant that reaches one such function.
    pub fn has(&self, item: &Reviewed<'_>, catalog: &Catalog) -> bool {
        let any = |is: &dyn Fn(&Function) -> bool| {
            item.functions.iter().any(|it: &&Arc<Function>| is(it))
        };
        let grant = item.grant;
        let is_agent = match &grant.holder {
            Holder::Subject(subject) => catalog.agents.contains_key(subject),
            Holder::Group(_) => false,
        };
        // A grant has one holder: where subjects and groups are named, it is one of either.
        let by_holder = match &grant.holder {
            _ if self.holders.is_empty() && self.groups.is_empty() => true,
            Holder::Subject(subject) => self.holders.contains(subject),
            Holder::Group(group) => self.groups.contains(group),
        };
        (self.grants.is_empty() || self.grants.contains(&grant.id))
            && (self.functions.is_empty() || any(&|it| self.functions.contains(&it.name)))
            && (self.tags.is_empty() || any(&|it| !it.tags.is_disjoint(&self.tags)))
            && (self.sensitivities.is_empty()
                || any(&|it| self.sensitivities.contains(&it.sensitivity)))
            && (self.targets.is_empty()
                || any(&|it| self.targets.iter().any(|name| name.as_str() == it.name.target())))
            && by_holder
            && (!self.agents || is_agent)
    }
}

#[cfg(test)]
mod tests;
