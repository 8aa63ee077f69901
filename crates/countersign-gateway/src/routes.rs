//! What a catalog version means for this gateway: routers, masks and upstream clients, compiled
//! once for each version and shared by all calls.

use crate::{
    forward::{Secrets, Upstream},
    resolve::Router,
};
use arc_swap::ArcSwap;
use countersign_mask::{Detector, FieldPath, How, Plan, Rule};
use countersign_model::{
    Catalog, Snapshot,
    catalog::{FunctionIx, MaskRule, TargetIx},
};
use std::{collections::HashMap, sync::Arc};

/// The compiled form of the catalog that is in force.
#[derive(Debug)]
pub(crate) struct RouteCache {
    current: ArcSwap<Routes>,
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
        Self { current: ArcSwap::default(), secrets }
    }

    /// The routes of a snapshot's catalog. Compiles them when the catalog is new; two calls that
    /// find it new at once both do, and either result serves.
    pub(crate) fn of(&self, snapshot: &Snapshot) -> Arc<Routes> {
        let current = self.current.load();
        if Arc::ptr_eq(&current.catalog, snapshot.catalog()) {
            return Arc::clone(&current);
        }
        let routes = Arc::new(Routes::compile(Arc::clone(snapshot.catalog()), &self.secrets));
        self.current.store(Arc::clone(&routes));
        routes
    }
}

impl Routes {
    fn compile(catalog: Arc<Catalog>, secrets: &Secrets) -> Self {
        let mut routes = Self { catalog, ..Self::default() };
        for (ix, target) in (0..).map(TargetIx).zip(&routes.catalog.targets) {
            routes.names.insert(target.name.as_str().into(), ix);
            for host in &target.hosts {
                routes.hosts.insert(host.as_str().into(), ix);
            }
            let own = (0..).map(FunctionIx).zip(&routes.catalog.functions);
            let own = own.filter(|(_, function)| function.target == ix).map(|(place, function)| {
                (function.http.method.as_ref(), &function.http.path, place)
            });
            // The catalog refuses functions that can't be told apart; a target where that failed
            // has no routes, so that nothing of it runs.
            let router = Router::new(own);
            if let Err(conflict) = &router {
                tracing::error!(target = %target.name, %conflict, "target has no routes");
            }
            routes.routers.push(router.ok());
            routes.upstreams.push(Upstream::new(target, secrets));
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
