//! The catalog's files: reads all `.yaml` files of a directory, joins and compiles them, and names
//! file, line and key of every fault. Touches nothing, and asks no server.

use crate::{
    config::{FileFault, text_of},
    yaml::{self, Path as Key},
};
use countersign_mask::{Detector, FieldPath, How};
use countersign_model::{
    Catalog,
    catalog::{
        MaskRule,
        compile::{Fault, Place, compile},
        raw::{RawCatalog, RawFile},
    },
};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// One file's text.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// The file, as people know it.
    pub(crate) file: PathBuf,
    /// What stands in it.
    pub(crate) text: String,
}

/// A catalog that was read whole.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// As it was written, joined.
    pub(crate) raw: RawCatalog,
    /// As a decision reads it.
    pub(crate) catalog: Catalog,
    /// How many files it came from.
    pub(crate) files: usize,
}

/// Reads and checks all catalog files of a directory and of those in it.
///
/// # Errors
/// Every fault that can be found in one go.
pub(crate) fn load(directory: &Path) -> Result<Loaded, Vec<FileFault>> {
    let mut files = Vec::new();
    let listed = list(directory, 0, &mut files);
    listed.map_err(|error| vec![FileFault::whole(directory, format!("can't be read: {error}"))])?;
    files.sort();
    if files.is_empty() {
        return Err(vec![FileFault::whole(directory, "holds no .yaml files")]);
    }
    if files.len() > FILES_MAX {
        return Err(vec![FileFault::whole(
            directory,
            format!("holds more than {FILES_MAX} files"),
        )]);
    }
    let mut sources = Vec::new();
    let mut faults = Vec::new();
    for file in files {
        match text_of(&file, FILE_BYTES_MAX) {
            Ok(text) => sources.push(Source { file, text }),
            Err(fault) => faults.push(fault),
        }
    }
    if faults.is_empty() { parse(&sources) } else { Err(faults) }
}

/// Reads and checks the files of a catalog.
///
/// # Errors
/// Every fault that can be found in one go.
pub(crate) fn parse(sources: &[Source]) -> Result<Loaded, Vec<FileFault>> {
    let mut files = Vec::new();
    let mut faults = Vec::new();
    for source in sources {
        match yaml::read::<RawFile>(&source.text) {
            Ok(file) => files.push((source, file)),
            Err(found) => faults.extend(
                found.into_iter().map(|fault| FileFault { file: source.file.clone(), fault }),
            ),
        }
    }
    let origins = Origins::of(&files);
    // A function can't be judged while the file of its target is not read.
    if !faults.is_empty() {
        faults.sort();
        return Err(faults);
    }
    let count = files.len();
    let placed = |found: Vec<Fault>| {
        let mut faults: Vec<FileFault> = found.iter().map(|it| origins.place(it)).collect();
        faults.sort();
        faults
    };
    let raw = RawCatalog::join(files.into_iter().map(|(_, file)| file)).map_err(placed)?;
    let catalog = compile(&raw, &check_mask).map_err(placed)?;
    Ok(Loaded { raw, catalog, files: count })
}

/// Whether a mask rule's path and names mean something.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn check_mask(rule: &MaskRule) -> Result<(), String> {
    if let Some(field) = &rule.field {
        field.parse::<FieldPath>().map_err(|error| format!("field: {error}"))?;
    }
    for name in &rule.detect {
        name.parse::<Detector>().map_err(|error| format!("detect: `{name}` is {error}"))?;
    }
    rule.how.parse::<How>().map(drop).map_err(|error| format!("how: `{}` is {error}", rule.how))
}

/// Which file describes what.
struct Origins<'s> {
    /// The last description counts: of two, the second one is the fault.
    places: BTreeMap<Place, (&'s Source, Key)>,
}

impl<'s> Origins<'s> {
    fn of(files: &[(&'s Source, RawFile)]) -> Self {
        let mut places = BTreeMap::new();
        for (source, file) in files {
            if let Some(target) = &file.target {
                let key = Key::default().key("target");
                places.insert(Place::Target(target.name.clone()), (*source, key));
            }
            for (place, function) in file.functions.iter().enumerate() {
                let key = Key::default().key("functions").index(place);
                places.insert(Place::Function(function.name.clone()), (*source, key));
            }
            for (place, agent) in file.agents.iter().enumerate() {
                let key = Key::default().key("agents").index(place);
                places.insert(Place::Agent(agent.subject.to_string()), (*source, key));
            }
            for (place, separation) in file.separations.iter().enumerate() {
                let key = Key::default().key("separations").index(place);
                places.insert(Place::Separation(separation.name.clone()), (*source, key));
            }
            for (place, schedule) in file.schedules.iter().enumerate() {
                let key = Key::default().key("schedules").index(place);
                places.insert(Place::Schedule(schedule.name.clone()), (*source, key));
            }
            for (place, grant) in file.grants.iter().enumerate() {
                let key = Key::default().key("grants").index(place);
                places.insert(Place::Grant(grant.name.clone()), (*source, key));
            }
        }
        Self { places }
    }

    fn place(&self, fault: &Fault) -> FileFault {
        match self.places.get(&fault.place) {
            Some((source, key)) => {
                let at = key.clone().join(&fault.key);
                let message = format!("{}: {}", fault.place, fault.message);
                let fault = yaml::Fault::at(&source.text, &at, message);
                FileFault { file: source.file.clone(), fault }
            }
            None => FileFault::whole(Path::new("catalog"), fault.to_string()),
        }
    }
}

/// Collects the catalog's files. Names that begin with a dot are left alone.
fn list(directory: &Path, depth: usize, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let path = entry.path();
        if entry.file_name().to_string_lossy().starts_with('.') || files.len() > FILES_MAX {
            continue;
        }
        if path.is_dir() {
            if depth < DEPTH_MAX {
                list(&path, depth + 1, files)?;
            }
        } else if path.extension().is_some_and(|it| it == "yaml" || it == "yml") {
            files.push(path);
        }
    }
    Ok(())
}

const FILES_MAX: usize = 2_000;
/// How many directories deep the files may be.
const DEPTH_MAX: usize = 8;
const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;

#[cfg(test)]
mod tests;
