//! `countersign schema`: the published JSON Schemas, made from the types that read the files.

use crate::{cli::SchemaOf, config::raw::RawConfig, exit::Failure, output};
use countersign_model::catalog::raw::RawFile;
use schemars::schema_for;

pub(super) fn run(of: SchemaOf) -> Result<(), Failure> {
    output::json(&match of {
        SchemaOf::Config => schema_for!(RawConfig),
        SchemaOf::Catalog => schema_for!(RawFile),
    })
}
