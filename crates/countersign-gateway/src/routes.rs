//! What a catalog version means for this gateway: routers, masks and upstream clients, compiled
//! once for each version and shared by all calls.

use crate::{
    forward::{Secrets, Upstream, upstream_tls},
    resolve::Router,
};
use arc_swap::ArcSwap;
use countersign_mask::{Detector, FieldPath, How, Plan, Rule};
use countersign_model::{
    Catalog, Snapshot,
    catalog::{FunctionIx, MaskRule, TargetIx},
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

/// The compiled forms of the catalog that is in force, and of the one before or after it.
#[derive(Debug)]
pub(crate) struct RouteCache {
    last: ArcSwap<[Arc<Routes>; 2]>,
    /// One at a time compiles.
    compiling: Mutex<()>,
    secrets: Secrets,
}

/// One catalog version, compiled.
#[derive(Debug, Default)]
pub(crate) struct Routes {
    catalog: Arc<Catalog>,
    names: HashMap<Box<str>, TargetIx>,
    hosts: HashMap<Box<str>, TargetIx>,
    routers: Vec<Option<Router<FunctionIx>>>,
    upstreams: Vec<Upstream>,
    functions: Vec<FunctionRoute>,
}

/// What a function needs on its way. A plan that did not compile is `None`, and nothing of that
/// function is delivered.
#[derive(Debug)]
pub(crate) struct FunctionRoute {
    pub(crate) answer: Option<Arc<Plan>>,
    /// For headers and trailers: they have no fields, so only what is looked for anywhere.
    pub(crate) answer_head: Option<Arc<Plan>>,
    pub(crate) arguments: Option<Arc<Plan>>,
}

impl RouteCache {
    pub(crate) fn new(secrets: Secrets) -> Self {
        Self { last: ArcSwap::default(), compiling: Mutex::default(), secrets }
    }

    /// The routes of a snapshot's catalog, and never those of another. They were compiled by
    /// [`Self::prepare`] before the catalog came into force; a call that was judged by a catalog
    /// which has been replaced twice since compiles them itself.
    pub(crate) fn of(&self, snapshot: &Snapshot) -> Arc<Routes> {
        self.known(snapshot.catalog()).unwrap_or_else(|| self.prepare(snapshot.catalog()))
    }

    /// Compiles the routes of a catalog that comes into force. Takes its time: thousands of
    /// functions are some hundred milliseconds.
    pub(crate) fn prepare(&self, catalog: &Arc<Catalog>) -> Arc<Routes> {
        let _one_at_a_time = self.compiling.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(routes) = self.known(catalog) {
            return routes;
        }
        let routes = Arc::new(Routes::compile(Arc::clone(catalog), &self.secrets));
        let [newest, _] = &**self.last.load();
        self.last.store(Arc::new([Arc::clone(&routes), Arc::clone(newest)]));
        routes
    }

    fn known(&self, catalog: &Arc<Catalog>) -> Option<Arc<Routes>> {
        let last = self.last.load();
        last.iter().find(|it| Arc::ptr_eq(&it.catalog, catalog)).cloned()
    }
}

impl Routes {
    fn compile(catalog: Arc<Catalog>, secrets: &Secrets) -> Self {
        let mut routes = Self { catalog, ..Self::default() };
        let tls = upstream_tls();
        let mut own: HashMap<TargetIx, Vec<FunctionIx>> = HashMap::new();
        for (ix, function) in (0..).map(FunctionIx).zip(&routes.catalog.functions) {
            own.entry(function.target).or_default().push(ix);
        }
        for (ix, target) in (0..).map(TargetIx).zip(&routes.catalog.targets) {
            routes.names.insert(target.name.as_str().into(), ix);
            for host in &target.hosts {
                routes.hosts.insert(host.as_str().into(), ix);
            }
            let own = own.remove(&ix).unwrap_or_default().into_iter().filter_map(|place| {
                let http = &routes.catalog.function(place)?.http;
                Some((http.method.as_ref(), &http.path, place))
            });
            // The catalog refuses functions that can't be told apart; a target where that failed
            // has no routes, so that nothing of it runs.
            let router = Router::new(own);
            if let Err(conflict) = &router {
                tracing::error!(target = %target.name, %conflict, "target has no routes");
            }
            routes.routers.push(router.ok());
            routes.upstreams.push(Upstream::new(target, secrets, &tls));
        }
        routes.functions = routes
            .catalog
            .functions
            .iter()
            .map(|function| FunctionRoute {
                answer: plan(&function.masks).ok().map(Arc::new),
                answer_head: plan(&detectors(&function.masks)).ok().map(Arc::new),
                arguments: plan(&function.argument_masks).ok().map(Arc::new),
            })
            .collect();
        routes
    }

    pub(crate) fn target_of_name(&self, name: &str) -> Option<TargetIx> {
        self.names.get(name).copied()
    }

    pub(crate) fn target_of_host(&self, host: &str) -> Option<TargetIx> {
        self.hosts.get(host).copied()
    }

    pub(crate) fn router(&self, ix: TargetIx) -> Option<&Router<FunctionIx>> {
        self.routers.get(usize::try_from(ix.0).ok()?)?.as_ref()
    }

    pub(crate) fn upstream(&self, ix: TargetIx) -> Option<&Upstream> {
        self.upstreams.get(usize::try_from(ix.0).ok()?)
    }

    pub(crate) fn function(&self, ix: FunctionIx) -> Option<&FunctionRoute> {
        self.functions.get(usize::try_from(ix.0).ok()?)
    }
}

/// Whether a mask of the catalog can be compiled; the message says what can't.
pub fn check_mask(rule: &MaskRule) -> Result<(), String> {
    plan(std::slice::from_ref(rule)).map(drop)
}

/// Rules without their fields; of a rule about a whole field nothing is left.
fn detectors(rules: &[MaskRule]) -> Vec<MaskRule> {
    let detecting = rules.iter().filter(|it| !it.detect.is_empty());
    detecting.map(|it| MaskRule { field: None, ..it.clone() }).collect()
}

fn plan(rules: &[MaskRule]) -> Result<Plan, String> {
    let rules: Vec<Rule> = rules.iter().map(mask).collect::<Result<_, _>>()?;
    Plan::compile(&rules).map_err(|error| error.to_string())
}

fn mask(rule: &MaskRule) -> Result<Rule, String> {
    let field = rule.field.as_deref().map(FieldPath::parse).transpose();
    let field = field.map_err(|error| format!("field: {error}"))?;
    let detect = rule.detect.iter().map(|name| {
        let known = Detector::ALL.map(Detector::name).join(", ");
        name.parse().map_err(|_| format!("detect: `{name}` is no data type; there are {known}"))
    });
    let how: How = rule
        .how
        .parse()
        .map_err(|_| format!("how: `{}`; there are redact, partial, hash, null, drop", rule.how))?;
    Ok(Rule { field, detect: detect.collect::<Result<_, _>>()?, how })
}

#[cfg(test)]
mod tests;
