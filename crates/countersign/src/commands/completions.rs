//! `countersign completions`.

use crate::{cli::Cli, exit::Failure, output};
use clap::CommandFactory;

pub(super) fn run(shell: clap_complete::Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "countersign", &mut script);
    output::bytes(&script)
}
