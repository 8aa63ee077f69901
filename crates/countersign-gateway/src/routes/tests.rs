use super::*;
use countersign_model::{
    catalog::{compile, raw::RawCatalog},
    snapshot::{Epoch, Facts},
};
use serde_json::{Value, json};

fn catalog(targets: usize, functions: usize, path: &str) -> Arc<Catalog> {
    let file = |target: usize| {
        let functions: Vec<Value> = (0..functions)
            .map(|it| {
                json!({
                    "name": format!("t{target}.f{it}"), "purpose": "One of many",
                    "sensitivity": "low",
                    "http": {"method": "GET", "path": format!("{path}/{it}/{{id}}")},
                    "mask": [{"field": "$.email", "detect": ["email", "phone"], "how": "partial"}]
                })
            })
            .collect();
        let target = json!({
            "name": format!("t{target}"), "kind": "http", "url": "https://127.0.0.1:1",
            "purpose": "One of many", "owners": ["olivia"], "hosts": [format!("t{target}.test")]
        });
        serde_json::from_value(json!({"target": target, "functions": functions})).unwrap()
    };
    let raw = RawCatalog::join((0..targets).map(file)).unwrap();
    Arc::new(compile(&raw, &check_mask).unwrap())
}

fn snapshot(catalog: &Arc<Catalog>) -> Snapshot {
    let catalog = Arc::clone(catalog);
    Snapshot::compile(Facts { epoch: Epoch(1), catalog, ..Facts::default() })
}

fn cache() -> RouteCache {
    countersign_identity::install_crypto();
    RouteCache::new(Secrets::new(|_| Ok("secret".to_owned())))
}

#[test]
fn a_snapshot_has_the_routes_of_its_own_catalog() {
    let cache = cache();
    let (old, new) = (catalog(2, 2, "/old"), catalog(3, 1, "/new"));
    let before = cache.prepare(&old);
    // The next catalog is prepared before it is in force: calls go on under the one before.
    let after = cache.prepare(&new);
    for _ in 0..2 {
        assert!(Arc::ptr_eq(&cache.of(&snapshot(&old)), &before));
        assert!(Arc::ptr_eq(&cache.of(&snapshot(&new)), &after));
    }
    assert_eq!((before.routers.len(), after.routers.len()), (2, 3));
    assert!(
        before.target_of_host("t2.test").is_none() && after.target_of_host("t2.test").is_some()
    );
    // A call that comes with an older one yet gets that one's, and the newest stays prepared.
    let newest = cache.prepare(&catalog(1, 1, "/newest"));
    let again = cache.of(&snapshot(&old));
    assert!(!Arc::ptr_eq(&again, &before) && Arc::ptr_eq(&again.catalog, &old));
    assert!(Arc::ptr_eq(&cache.of(&snapshot(&newest.catalog)), &newest));
}

#[test]
fn threads_that_meet_a_new_catalog_at_once_share_its_routes() {
    let (cache, catalog) = (cache(), catalog(20, 5, "/v1"));
    let all: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| cache.prepare(&catalog))).collect();
        threads.into_iter().map(|it| it.join().unwrap()).collect()
    });
    assert!(all.iter().all(|it| Arc::ptr_eq(it, &all[0])));
}

/// About a second here; with the system's certificates read for each target it was half a minute.
#[test]
fn a_thousand_targets_with_ten_functions_each_are_compiled() {
    let (cache, catalog) = (cache(), catalog(1000, 10, "/v1"));
    let routes = cache.prepare(&catalog);
    assert_eq!((routes.upstreams.len(), routes.functions.len()), (1000, 10_000));
    let (ix, function) = catalog.by_name("t999.f9").unwrap();
    assert_eq!(routes.target_of_host("t999.test"), Some(function.target));
    assert!(routes.router(function.target).is_some() && routes.function(ix).is_some());
}
