//! Separation of duties: two sets of functions that nobody may hold both of.

use super::{Catalog, Function, FunctionIx, FunctionName, Tag, raw::RawSeparation};
use serde::Serialize;

/// Nobody may hold functions of both sides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Separation {
    /// Its name.
    pub name: String,
    /// One side.
    pub first: Side,
    /// The other.
    pub second: Side,
    /// Why they must not be in one hand.
    pub why: String,
}

/// One side of a separation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Side {
    /// Functions by name.
    pub functions: Vec<FunctionName>,
    /// Functions by tag.
    pub tags: Vec<Tag>,
    /// The places of both in the catalog, sorted.
    #[serde(skip)]
    places: Vec<FunctionIx>,
}

impl Separation {
    /// The functions of the other side, if a function is of one. A function that stands on both is
    /// a fault of the catalog.
    pub fn other(&self, ix: FunctionIx) -> Option<&[FunctionIx]> {
        if self.first.has(ix) {
            Some(&self.second.places)
        } else if self.second.has(ix) {
            Some(&self.first.places)
        } else {
            None
        }
    }

    /// The functions of both sides.
    pub(crate) fn sides(&self) -> [&[FunctionIx]; 2] {
        [&self.first.places, &self.second.places]
    }

    pub(super) fn compile(raw: &RawSeparation, catalog: &Catalog) -> Result<Self, Vec<Wrong>> {
        let mut wrong = Vec::new();
        if raw.name.trim().is_empty() {
            wrong.push(("name", "give it a name".to_owned()));
        }
        if raw.why.trim().is_empty() {
            wrong.push(("why", "say why nobody may hold both".to_owned()));
        }
        let mut side = |key, names: &[String]| {
            let side = Side::compile(names, catalog);
            match &side {
                Err(unknown) => {
                    wrong.push((key, format!("no function and no tag `{unknown}`")));
                }
                Ok(side) if side.places.is_empty() => {
                    wrong.push((key, "name at least one function or tag".to_owned()));
                }
                Ok(_) => {}
            }
            side.ok()
        };
        let sides = (side("first", &raw.first), side("second", &raw.second));
        let (Some(first), Some(second)) = sides else { return Err(wrong) };
        let both = first.places.iter().find(|it| second.has(**it));
        if let Some(function) = both.and_then(|it| catalog.function(*it)) {
            wrong.push(("second", format!("`{}` stands on both sides", function.name)));
        }
        let (name, why) = (raw.name.clone(), raw.why.clone());
        if wrong.is_empty() { Ok(Self { name, first, second, why }) } else { Err(wrong) }
    }
}

/// A key and what is wrong with it.
type Wrong = (&'static str, String);

impl Side {
    fn has(&self, ix: FunctionIx) -> bool {
        self.places.binary_search(&ix).is_ok()
    }

    /// A name with a dot is a function's, else a tag's.
    fn compile<'a>(names: &'a [String], catalog: &Catalog) -> Result<Self, &'a str> {
        let mut side = Self { functions: Vec::new(), tags: Vec::new(), places: Vec::new() };
        for name in names {
            if let Some((ix, function)) = catalog.by_name(name) {
                side.functions.push(function.name.clone());
                side.places.push(ix);
                continue;
            }
            let tag = Tag::from(name.as_str());
            let tagged = |function: &Function| function.tags.contains(&tag);
            let found = catalog.functions.iter().enumerate().filter(|(_, it)| tagged(it));
            let before = side.places.len();
            let places = found.filter_map(|(place, _)| u32::try_from(place).ok().map(FunctionIx));
            side.places.extend(places);
            if side.places.len() == before {
                return Err(name);
            }
            side.tags.push(tag);
        }
        side.places.sort_unstable();
        side.places.dedup();
        Ok(side)
    }
}
