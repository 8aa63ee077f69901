//! The roles that somebody holds, each with why: for people who ask what they are here. Nothing is
//! judged by this; each act is judged where it is done.

use super::{Role, RoleMap};
use crate::{Actor, Governance, GrantView};
use countersign_model::{
    Caller, CallerKind, Function, Grant, Group, Holder, Snapshot,
    catalog::{Approver, Overdue},
};
use serde::Serialize;

/// A role and why somebody has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HeldRole {
    /// The role.
    pub role: Role,
    /// Why, in words: a group, or what of the catalog or the grants.
    pub because: String,
}

impl Governance {
    /// The roles that a caller holds at this moment, in the order of [`Role::ALL`].
    pub fn held_roles(&self, caller: &Caller) -> Vec<HeldRole> {
        let grants = self.grants_of(caller).len();
        held(caller, &self.policy().load(), &self.0.roles, grants)
    }

    /// The grants in force that reach a caller: held by somebody of its chain, or by a group of its
    /// subject.
    pub fn grants_of(&self, caller: &Caller) -> Vec<GrantView> {
        let (snapshot, now) = (self.policy().load(), self.clock().now());
        let told = |group: &Group| snapshot.told_groups(caller).iter().any(|it| it.group == *group);
        let reaches = |grant: &Grant| match &grant.holder {
            Holder::Subject(holder) => caller.chain().any(|it| it == holder),
            Holder::Group(group) => caller.groups.contains(group) || told(group),
        };
        let stands = snapshot.grants().filter(|it| reaches(it) && it.ended(now).is_none());
        stands.map(|grant| GrantView::of(grant, &snapshot, now)).collect()
    }
}

pub(super) fn held(
    caller: &Caller,
    snapshot: &Snapshot,
    map: &RoleMap,
    grants: usize,
) -> Vec<HeldRole> {
    let actor = Actor::of(caller, snapshot, map);
    let mut roles = Vec::new();
    let mut add = |role, because: Option<String>| {
        roles.extend(because.map(|because| HeldRole { role, because }));
    };
    add(Role::Caller, (grants > 0).then(|| count(grants, "grant reaches", "grants reach")));
    // Who acts for somebody has nothing of what that somebody is here (R5).
    if actor.person.kind != CallerKind::Agent {
        let all = || snapshot.catalog().functions.iter().map(AsRef::as_ref);
        let owned: Vec<&Function> = all().filter(|it| owns(&actor, it)).collect();
        add(Role::Owner, named("owns", &owned));
        let answered: Vec<&Function> = all().filter(|it| answers(&actor, it)).collect();
        add(Role::Approver, named("may answer held calls of", &answered));
        for (role, group) in map.by_group(&caller.groups, &actor.person.told) {
            let told = actor.person.told.iter().find(|it| it.group == *group);
            let told = told.filter(|_| !caller.groups.contains(group));
            add(
                role,
                Some(match told {
                    None => format!("a member of {group}"),
                    Some(it) => {
                        format!("a member of {group}, as the directory {} tells", it.directory)
                    }
                }),
            );
        }
    }
    roles
}

fn owns(actor: &Actor, function: &Function) -> bool {
    function.owners.contains(actor.subject())
}

/// Whether a rule of the function could ask this actor for an answer.
fn answers(actor: &Actor, function: &Function) -> bool {
    let named = |it: &Approver| match it {
        Approver::Owner => owns(actor, function),
        Approver::Group(group) => actor.person.is_in(group),
        Approver::Person(subject) => subject == actor.subject(),
        // Whoever's agent calls; that is not known before it does.
        Approver::Subject => false,
    };
    let overdue = function.review.overdue == Overdue::Hold && owns(actor, function);
    let rule = function.approvals.iter().flat_map(|rule| &rule.from).any(named);
    actor.person.kind == CallerKind::Person && (rule || overdue)
}

/// The first of some functions and how many more there are; nothing of none.
fn named(verb: &str, functions: &[&Function]) -> Option<String> {
    let (first, more) = functions.split_first()?;
    Some(match more.len() {
        0 => format!("{verb} {}", first.name),
        more => format!("{verb} {} and {more} more", first.name),
    })
}

fn count(number: usize, one: &str, more: &str) -> String {
    if number == 1 { format!("1 {one} them") } else { format!("{number} {more} them") }
}
