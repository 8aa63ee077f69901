//! Others of the same kind who can call the same functions, for many grants at once. The work grows with
//! the number of grants and the functions that they name, not with pairs of grants.

use super::{item::Peers, usage::GrantUsage};
use crate::{Catalog, Grant, GrantId, Holder, Timestamp, catalog::Tag};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
};

/// Kinds of holders that are compared with each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    /// An agent of the catalog.
    Agent,
    /// A group.
    Group,
    /// Anybody else: a person or a service.
    Other,
}

/// Steps that unions of holders take at most, for each grant. Where grants name so many different sets of
/// functions that this is not enough, the function that most hold stands for all: then the numbers are
/// least ones.
const STEPS_PER_GRANT: usize = 64;

/// For each active grant, the holders of its kind of other grants that reach one of its functions, and
/// how many of them used one. Nobody is counted twice, and never the holder itself.
#[expect(single_use_lifetimes, reason = "a reference in `impl Trait` must name its lifetime")]
pub fn peers<'a>(
    grants: impl IntoIterator<Item = &'a Arc<Grant>>,
    catalog: &Catalog,
    usage: &BTreeMap<GrantId, GrantUsage>,
    now: Timestamp,
) -> BTreeMap<GrantId, Peers> {
    let tags = Tags::of(catalog);
    let mut table = Table::default();
    let mut rows = Vec::new();
    for grant in grants.into_iter().filter(|it| it.ended(now).is_none()) {
        let functions = tags.reached(grant, catalog);
        let used: Vec<u32> = usage
            .get(&grant.id)
            .into_iter()
            .flat_map(|it| it.functions.iter().filter(|(_, it)| it.used > 0))
            .filter_map(|(name, _)| Some(catalog.by_name(name.as_str())?.0.0))
            .filter(|it| functions.binary_search(it).is_ok())
            .collect();
        let holder = table.add(grant, kind(&grant.holder, catalog), &functions, &used);
        rows.push((grant.id, holder, functions));
    }
    table.settle();
    let mut steps = rows.len().saturating_mul(STEPS_PER_GRANT);
    let mut known: HashMap<(Kind, &[u32]), Union> = HashMap::new();
    let mut found = BTreeMap::new();
    for (id, holder, functions) in &rows {
        let kind = table.kind(*holder);
        let functions: &[u32] = functions;
        let union = known
            .entry((kind, functions))
            .or_insert_with(|| table.union(kind, functions, &mut steps));
        // The holder is one of those who hold; whether one of those who use is known of it too.
        let uses = table.uses(*holder, functions);
        found.insert(
            *id,
            Peers {
                hold: union.hold.saturating_sub(1),
                use_it: union.use_it.saturating_sub(u64::from(uses)),
            },
        );
    }
    found
}

fn kind(holder: &Holder, catalog: &Catalog) -> Kind {
    match holder {
        Holder::Group(_) => Kind::Group,
        Holder::Subject(subject) if catalog.agents.contains_key(subject) => Kind::Agent,
        Holder::Subject(_) => Kind::Other,
    }
}

/// Functions by tag.
struct Tags<'a>(HashMap<&'a Tag, Vec<u32>>);

impl<'a> Tags<'a> {
    fn of(catalog: &'a Catalog) -> Self {
        let mut tags: HashMap<&Tag, Vec<u32>> = HashMap::new();
        for (ix, function) in (0_u32..).zip(&catalog.functions) {
            for tag in &function.tags {
                tags.entry(tag).or_default().push(ix);
            }
        }
        Self(tags)
    }

    /// The places of the functions that a grant reaches, in order.
    fn reached(&self, grant: &Grant, catalog: &Catalog) -> Vec<u32> {
        let named = grant.functions.iter().filter_map(|it| Some(catalog.by_name(it.as_str())?.0.0));
        let tagged = grant.tags.iter().filter_map(|it| self.0.get(it)).flatten().copied();
        let all: BTreeSet<u32> = named.chain(tagged).collect();
        all.into_iter().collect()
    }
}

/// Who holds and who uses each function. Holders are numbers here.
#[derive(Default)]
struct Table<'a> {
    holders: HashMap<&'a Holder, u32>,
    kinds: Vec<Kind>,
    hold: HashMap<(Kind, u32), Vec<u32>>,
    use_it: HashMap<(Kind, u32), Vec<u32>>,
}

/// How many hold one of a set of functions, and how many use one.
#[derive(Clone, Copy)]
struct Union {
    hold: u64,
    use_it: u64,
}

impl<'a> Table<'a> {
    /// Adds a grant with the functions that it reaches and those of them that it was used for. Gives the
    /// number of its holder.
    fn add(&mut self, grant: &'a Grant, kind: Kind, functions: &[u32], used: &[u32]) -> u32 {
        let next = u32::try_from(self.kinds.len()).unwrap_or(u32::MAX);
        let holder = *self.holders.entry(&grant.holder).or_insert(next);
        if holder == next {
            self.kinds.push(kind);
        }
        for function in functions {
            self.hold.entry((kind, *function)).or_default().push(holder);
        }
        for function in used {
            self.use_it.entry((kind, *function)).or_default().push(holder);
        }
        holder
    }

    /// Several grants of one holder may reach one function.
    fn settle(&mut self) {
        for holders in self.hold.values_mut().chain(self.use_it.values_mut()) {
            holders.sort_unstable();
            holders.dedup();
        }
    }

    fn kind(&self, holder: u32) -> Kind {
        let place = usize::try_from(holder).ok();
        place.and_then(|it| self.kinds.get(it)).copied().unwrap_or(Kind::Other)
    }

    fn uses(&self, holder: u32, functions: &[u32]) -> bool {
        let kind = self.kind(holder);
        let users = functions.iter().filter_map(|it| self.use_it.get(&(kind, *it)));
        users.into_iter().any(|it| it.binary_search(&holder).is_ok())
    }

    fn union(&self, kind: Kind, functions: &[u32], steps: &mut usize) -> Union {
        let hold = Self::lists(&self.hold, kind, functions);
        let use_it = Self::lists(&self.use_it, kind, functions);
        let cost = hold.iter().chain(&use_it).map(|it| it.len()).sum::<usize>();
        let is_within = hold.len() < 2 || cost <= *steps;
        if is_within && hold.len() > 1 {
            *steps -= cost;
        }
        let count = |lists: &[&Vec<u32>]| {
            let count = match lists {
                [one] => one.len(),
                several if is_within => {
                    several.iter().flat_map(|it| it.iter()).collect::<HashSet<_>>().len()
                }
                several => several.iter().map(|it| it.len()).max().unwrap_or(0),
            };
            u64::try_from(count).unwrap_or(u64::MAX)
        };
        Union { hold: count(&hold), use_it: count(&use_it) }
    }

    fn lists<'b>(
        from: &'b HashMap<(Kind, u32), Vec<u32>>,
        kind: Kind,
        functions: &[u32],
    ) -> Vec<&'b Vec<u32>> {
        functions.iter().filter_map(|it| from.get(&(kind, *it))).collect()
    }
}

#[cfg(test)]
mod tests;
