//! Who holds both sides of a separation of duties, and whether a grant would bring that about. Groups
//! count as directories tell of them; what only a token says is seen at the call.

use crate::{
    Catalog, FunctionName, Grant, GrantId, Group, Holder, Snapshot, Timestamp,
    catalog::{FunctionIx, Separation},
};
use serde::Serialize;
use std::collections::BTreeSet;

/// Somebody holds both sides of a separation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Conflict {
    /// Who: a subject, or all members of a group.
    pub holder: Holder,
    /// The separation.
    pub separation: String,
    /// Why nobody may hold both.
    pub why: String,
    /// What was granted first: calls of this side go on.
    pub kept: HeldSide,
    /// What was granted later: calls of this side are refused. Granted together, both are.
    pub refused: HeldSide,
}

/// One side of a separation in somebody's hand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HeldSide {
    /// A function of it.
    pub function: FunctionName,
    /// The grant that carries it.
    pub grant: GrantId,
    /// When that was made.
    pub since: Timestamp,
}

/// Everybody who holds both sides of a separation.
pub fn conflicts(snapshot: &Snapshot, now: Timestamp) -> Vec<Conflict> {
    let mut found = Vec::new();
    if snapshot.catalog().separations.is_empty() {
        return found;
    }
    let mut everybody: BTreeSet<&Holder> = snapshot.grants().map(|it| &it.holder).collect();
    let told: Vec<Holder> =
        snapshot.told().subjects().map(|it| Holder::Subject(it.clone())).collect();
    everybody.extend(&told);
    for holder in everybody {
        let hands = hands(holder, snapshot);
        for separation in &snapshot.catalog().separations {
            let [first, second] = separation.sides();
            let first = snapshot.first_of(&hands, first, now);
            let second = snapshot.first_of(&hands, second, now);
            if let (Some(first), Some(second)) = (first, second) {
                found.push(Conflict::of(holder, separation, first, second));
            }
        }
    }
    found
}

/// The conflict that a grant would bring about, if it stood as it is given here.
pub fn would_conflict(grant: &Grant, snapshot: &Snapshot, now: Timestamp) -> Option<Conflict> {
    let catalog = snapshot.catalog();
    if catalog.separations.is_empty() || grant.is_over(now) {
        return None;
    }
    let reached = |places: &[FunctionIx]| {
        let reaches = |ix: &&FunctionIx| catalog.function(**ix).is_some_and(|it| grant.reaches(it));
        Some(side(places.iter().find(reaches).copied()?, grant, catalog))
    };
    let others: Vec<Holder> = match &grant.holder {
        Holder::Subject(_) => vec![],
        Holder::Group(group) => members(group, snapshot),
    };
    for separation in &catalog.separations {
        let [first, second] = separation.sides();
        let mine = [reached(first), reached(second)];
        let (mine, places) = match mine {
            [None, None] => continue,
            [Some(one), Some(other)] => {
                return Some(Conflict::of(&grant.holder, separation, one, other));
            }
            [Some(mine), None] => (mine, second),
            [None, Some(mine)] => (mine, first),
        };
        for holder in std::iter::once(&grant.holder).chain(&others) {
            let hands = hands(holder, snapshot);
            let other = snapshot.first_of_but(&hands, places, now, Some(grant.id));
            if let Some(other) = other {
                return Some(Conflict::of(holder, separation, other, mine));
            }
        }
    }
    None
}

impl Conflict {
    fn of(holder: &Holder, separation: &Separation, one: HeldSide, other: HeldSide) -> Self {
        let (kept, refused) = if one.since <= other.since { (one, other) } else { (other, one) };
        let (separation, why) = (separation.name.clone(), separation.why.clone());
        Self { holder: holder.clone(), separation, why, kept, refused }
    }
}

fn side(ix: FunctionIx, grant: &Grant, catalog: &Catalog) -> HeldSide {
    let function = catalog.function(ix).map(|it| it.name.clone());
    HeldSide {
        function: function.unwrap_or_else(|| FunctionName::from("")),
        grant: grant.id,
        since: grant.made_at,
    }
}

/// A holder, and the groups through which more reaches them.
fn hands(holder: &Holder, snapshot: &Snapshot) -> Vec<Holder> {
    let mut hands = vec![holder.clone()];
    if let Holder::Subject(subject) = holder {
        let told = snapshot.told_of(subject).iter();
        hands.extend(told.map(|it| Holder::Group(it.group.clone())));
    }
    hands
}

fn members(group: &Group, snapshot: &Snapshot) -> Vec<Holder> {
    let is_in = |it: &&crate::Subject| snapshot.told_of(it).iter().any(|it| it.group == *group);
    let told = snapshot.told().subjects().filter(is_in);
    told.map(|it| Holder::Subject(it.clone())).collect()
}

impl Snapshot {
    fn first_of(
        &self,
        hands: &[Holder],
        places: &[FunctionIx],
        now: Timestamp,
    ) -> Option<HeldSide> {
        self.first_of_but(hands, places, now, None)
    }

    /// The first grant in these hands that carries one of these functions.
    fn first_of_but(
        &self,
        hands: &[Holder],
        places: &[FunctionIx],
        now: Timestamp,
        but: Option<GrantId>,
    ) -> Option<HeldSide> {
        let all = places.iter().filter_map(|ix| {
            let function = self.catalog().function(*ix)?;
            let held = hands.iter().flat_map(|holder| self.held_by(holder, *ix, function));
            let stands = held.filter(|it| it.ended(now).is_none() && Some(it.id) != but);
            Some((*ix, stands.min_by_key(|it| (it.made_at, it.id))?))
        });
        let (ix, grant) = all.min_by_key(|(_, it)| (it.made_at, it.id))?;
        Some(side(ix, grant, self.catalog()))
    }
}

#[cfg(test)]
mod tests;
