//! From what people wrote to what a decision reads. Every fault is found in one go, and each
//! names the thing and the key, so that an editor can jump there.

mod function;
mod grant;
mod schedule;
mod target;

use super::{
    Agent, Catalog, FunctionIx, FunctionName, MaskRule, Separation, Target, TargetIx,
    raw::{RawCatalog, RawFile},
};
use crate::{Digest, Subject};
use serde_json::{Map, Value};
use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::Arc,
};

/// Something in a catalog that can't be right.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// Which target, function, agent, separation, schedule or grant.
    pub place: Place,
    /// The key below it: `approval[0].when`. Empty for the whole.
    pub key: String,
    /// What is wrong and what would be right.
    pub message: String,
}

/// Which thing of a catalog is meant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A target, by name.
    Target(String),
    /// A function, by name.
    Function(String),
    /// An agent, by subject.
    Agent(String),
    /// A separation of duties, by name.
    Separation(String),
    /// A review schedule, by name.
    Schedule(String),
    /// A grant of a file, by name.
    Grant(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Target(name) => write!(f, "target {name}"),
            Self::Function(name) => write!(f, "function {name}"),
            Self::Agent(name) => write!(f, "agent {name}"),
            Self::Separation(name) => write!(f, "separation {name}"),
            Self::Schedule(name) => write!(f, "schedule {name}"),
            Self::Grant(name) => write!(f, "grant {name}"),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.key.as_str() {
            "" => write!(f, "{}: {}", self.place, self.message),
            key => write!(f, "{}: {key}: {}", self.place, self.message),
        }
    }
}

/// Judges a mask rule's path and names. The model knows nothing of masking; who compiles a
/// catalog hands in what does.
pub type MaskCheck<'a> = &'a dyn Fn(&MaskRule) -> Result<(), String>;

impl RawCatalog {
    /// Joins files. A name that two files describe is a fault.
    pub fn join(files: impl IntoIterator<Item = RawFile>) -> Result<Self, Vec<Fault>> {
        let mut joined = Self::default();
        let mut faults = Vec::new();
        let mut twice = |place: Place| {
            faults.push(Fault {
                place,
                key: "name".to_owned(),
                message: "described twice".to_owned(),
            });
        };
        for file in files {
            if let Some(target) = file.target {
                let name = target.name.clone();
                if joined.targets.insert(name.clone(), target).is_some() {
                    twice(Place::Target(name));
                }
            }
            for function in file.functions {
                let name = function.name.clone();
                if joined.functions.insert(name.clone(), function).is_some() {
                    twice(Place::Function(name));
                }
            }
            for agent in file.agents {
                let name = agent.subject.to_string();
                if joined.agents.insert(name.clone(), agent).is_some() {
                    twice(Place::Agent(name));
                }
            }
            for separation in file.separations {
                let name = separation.name.clone();
                if joined.separations.insert(name.clone(), separation).is_some() {
                    twice(Place::Separation(name));
                }
            }
            for schedule in file.schedules {
                let name = schedule.name.clone();
                if joined.schedules.insert(name.clone(), schedule).is_some() {
                    twice(Place::Schedule(name));
                }
            }
            for grant in file.grants {
                let name = grant.name.clone();
                if joined.grants.insert(name.clone(), grant).is_some() {
                    twice(Place::Grant(name));
                }
            }
        }
        if faults.is_empty() { Ok(joined) } else { Err(faults) }
    }

    /// SHA-256 of the canonical JSON.
    pub fn digest(&self) -> Digest {
        Digest::of_json(&serde_json::to_value(self).unwrap_or_default())
    }
}

/// Compiles a catalog, or says everything that is wrong with it.
pub fn compile(raw: &RawCatalog, masks: MaskCheck<'_>) -> Result<Catalog, Vec<Fault>> {
    let mut faults = Faults(Vec::new());
    let mut catalog = Catalog { digest: raw.digest(), ..Catalog::default() };
    let mut places = HashMap::new();
    for raw in raw.targets.values() {
        if let Some(target) = target::target(raw, &mut faults) {
            places.insert(target.name.clone(), TargetIx(place(catalog.targets.len())));
            catalog.targets.push(target);
        }
    }
    refuse_shared_hosts(&catalog.targets, &mut faults);
    for raw in raw.functions.values() {
        let home = raw.name.split('.').next().unwrap_or("");
        let Some(ix) = places.get(home).copied() else {
            let message = format!("no target `{home}` is described; a name is TARGET.FUNCTION");
            faults.push(Place::Function(raw.name.clone()), "name", message);
            continue;
        };
        let Some(home) = catalog.target(ix) else { continue };
        if let Some(function) = function::function(raw, ix, home, masks, &mut faults) {
            let here = FunctionIx(place(catalog.functions.len()));
            catalog.by_name.insert(function.name.clone(), here);
            catalog.functions.push(Arc::new(function));
        }
    }
    refuse_same_routes(&catalog, &mut faults);
    catalog.agents = agents(&raw.agents, &mut faults);
    for raw in raw.separations.values() {
        match Separation::compile(raw, &catalog) {
            Ok(separation) => catalog.separations.push(separation),
            Err(wrong) => {
                let place = || Place::Separation(raw.name.clone());
                wrong.into_iter().for_each(|(key, message)| faults.push(place(), key, message));
            }
        }
    }
    // Of a function that has faults nothing is known, so that its name would be one more.
    if faults.0.is_empty() {
        catalog.schedules = schedule::schedules(&raw.schedules, &catalog, &mut faults);
        catalog.grants = grant::grants(&raw.grants, &catalog, &mut faults);
    }
    if faults.0.is_empty() { Ok(catalog) } else { Err(faults.0) }
}

fn agents(raw: &BTreeMap<String, Agent>, faults: &mut Faults) -> BTreeMap<Subject, Agent> {
    let mut agents = BTreeMap::new();
    for agent in raw.values() {
        let place = Place::Agent(agent.subject.to_string());
        if agent.subject.as_str().is_empty() {
            faults.push(place.clone(), "subject", "is empty");
        }
        if agent.sponsor.as_str().is_empty() || agent.sponsor == agent.subject {
            faults.push(place.clone(), "sponsor", "name the person who answers for this agent");
        }
        if agent.purpose.trim().is_empty() {
            faults.push(place.clone(), "purpose", "say what the agent is for");
        }
        if agent.keys.len() > AGENT_KEYS_MAX {
            faults.push(place.clone(), "keys", format!("at most {AGENT_KEYS_MAX}"));
        }
        for fault in agent.keys.iter().filter_map(public_key) {
            faults.push(place.clone(), "keys", fault);
        }
        agents.insert(agent.subject.clone(), agent.clone());
    }
    agents
}

/// What is wrong with a key of an agent, as far as it can be seen without cryptography.
fn public_key(jwk: &Map<String, Value>) -> Option<&'static str> {
    let text = |name: &str| jwk.get(name).and_then(Value::as_str).unwrap_or_default();
    let number = |name: &str| {
        let text = text(name);
        let is_written = |it: u8| it.is_ascii_alphanumeric() || matches!(it, b'-' | b'_');
        (1..=AGENT_KEY_BYTES_MAX).contains(&text.len()) && text.bytes().all(is_written)
    };
    if ["d", "p", "q", "dp", "dq", "qi", "oth", "k"].iter().any(|it| jwk.contains_key(*it)) {
        return Some("a private key stands here: keep it with the agent, and make a new one");
    }
    let is_key = match text("kty") {
        "RSA" => number("n") && number("e"),
        "EC" => matches!(text("crv"), "P-256" | "P-384") && number("x") && number("y"),
        "OKP" => text("crv") == "Ed25519" && number("x"),
        _ => false,
    };
    let is_named = jwk.get("kid").is_none_or(Value::is_string);
    let fault =
        "a public key as RFC 7517 writes it: RSA, EC with P-256 or P-384, or OKP with Ed25519";
    (!is_key || !is_named).then_some(fault)
}

fn refuse_shared_hosts(targets: &[Target], faults: &mut Faults) {
    let mut seen: HashMap<&str, &Target> = HashMap::new();
    for target in targets {
        for host in &target.hosts {
            if let Some(other) = seen.insert(host, target) {
                let message = format!("`{host}` belongs to target {} already", other.name);
                faults.push(Place::Target(target.name.to_string()), "hosts", message);
            }
        }
    }
}

/// Two functions that the same request would reach.
fn refuse_same_routes(catalog: &Catalog, faults: &mut Faults) {
    let mut seen: HashMap<(TargetIx, Arc<str>, String), FunctionName> = HashMap::new();
    for function in &catalog.functions {
        let route =
            (function.target, Arc::clone(&function.http.method), function.http.path.shape());
        if let Some(other) = seen.insert(route, function.name.clone()) {
            let message = format!("{other} has the same method and path");
            faults.push(Place::Function(function.name.to_string()), "http.path", message);
        }
    }
}

fn place(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// Faults as they are found.
struct Faults(Vec<Fault>);

impl Faults {
    fn push(&mut self, place: Place, key: impl Into<String>, message: impl Into<String>) {
        self.0.push(Fault { place, key: key.into(), message: message.into() });
    }
}

/// Lower-case letters, digits, dashes and underscores, beginning with a letter.
fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|byte| byte.is_ascii_lowercase())
        && bytes
            .all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-' || it == b'_')
}

/// An RFC 9110 token in lower case: what a header's name may be.
fn is_header_name(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-')
}

const AGENT_KEYS_MAX: usize = 5;
/// Of one number of a key: an RSA modulus of 8,192 bits.
const AGENT_KEY_BYTES_MAX: usize = 1366;

#[cfg(test)]
mod tests;
