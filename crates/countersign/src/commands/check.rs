//! `countersign check`: every fault of configuration and catalog. Opens no port, no store, no key.

use crate::{
    catalog_files,
    cli::Shared,
    config::{self, FileFault},
    exit::Failure,
    output::{self, GREEN, styled},
};
use serde_json::json;
use std::path::Path;

pub(super) fn run(file: &Path, shared: &Shared) -> Result<(), Failure> {
    let config = match config::load(file) {
        Ok(config) => config,
        Err(faults) => return refuse(&faults, shared),
    };
    let loaded = match &config.catalog {
        Some(files) => match catalog_files::load(&files.directory) {
            Ok(loaded) => Some(loaded),
            Err(faults) => return refuse(&faults, shared),
        },
        None => None,
    };
    let functions = loaded.as_ref().map_or(0, |it| it.catalog.functions.len());
    let files = loaded.as_ref().map_or(0, |it| it.files);
    if shared.json {
        return output::json(
            &json!({"faults": [], "catalog_files": files, "functions": functions}),
        );
    }
    output::line(&format!(
        "{} {}: gateway {}, {} on {}",
        styled(GREEN, "ok"),
        file.display(),
        config.gateway,
        config.public_url,
        config.listen
    ))?;
    match loaded {
        Some(loaded) => super::catalog::say_loaded(&loaded),
        None => output::line("no catalog is named: one is applied by `countersign catalog apply`"),
    }
}

/// `--show-issuers`: what presets made of the issuers, if the configuration holds.
pub(super) fn show_issuers(file: &Path, shared: &Shared) -> Result<(), Failure> {
    match config::load(file).and_then(|_| config::issuers_shown(file)) {
        Ok(issuers) => output::json(&json!({"issuers": issuers})),
        Err(faults) => refuse(&faults, shared),
    }
}

/// Ends with the faults, as JSON if that was asked for.
pub(super) fn refuse(faults: &[FileFault], shared: &Shared) -> Result<(), Failure> {
    if shared.json {
        let faults: Vec<_> = faults
            .iter()
            .map(|it| {
                json!({"file": it.file, "line": it.fault.line, "key": it.fault.key,
                       "message": it.fault.message})
            })
            .collect();
        output::json(&json!({"faults": faults}))?;
    }
    Err(config::failure(faults))
}
