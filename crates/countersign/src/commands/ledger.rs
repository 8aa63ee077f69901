//! `countersign ledger`: verifies a ledger offline, on a copy, without any key of ours.

use super::text;
use crate::{
    api::Api,
    cli::{LedgerCommand, Shared},
    config::text_of,
    exit::{Exit, Failure},
    output::{self, BOLD, GREEN, styled},
};
use countersign_ledger::{
    Fault, VerifyOptions, entries_from, inclusion_proof, verify, verify_proof,
};
use serde_json::{Value, json};
use std::{fmt::Write as _, path::Path};

pub(super) fn run(command: LedgerCommand, shared: &Shared) -> Result<(), Failure> {
    match command {
        LedgerCommand::Verify { directory, vkey, since } => {
            let earlier = since.as_deref().map(text_from).transpose()?;
            verified(&directory, &VerifyOptions { vkey, earlier }, shared)
        }
        LedgerCommand::Proof { directory, index, check: None, .. } => {
            let proof = inclusion_proof(&directory, index).map_err(|fault| refused(&fault))?;
            output::write(&proof)
        }
        LedgerCommand::Proof { directory, index, check: Some(file), vkey } => {
            let vkey = vkey.unwrap_or_default();
            proven(&directory, index, &text_from(&file)?, &vkey, shared)
        }
        LedgerCommand::Head => super::alone(head(shared)),
    }
}

fn verified(directory: &Path, options: &VerifyOptions, shared: &Shared) -> Result<(), Failure> {
    let verified = verify(directory, options).map_err(|fault| refused(&fault))?;
    if shared.json {
        return output::json(&json!({
            "origin": verified.origin,
            "vkey": verified.vkey,
            "size": verified.size,
            "root": hexadecimal(&verified.root),
            "checkpoint": verified.checkpoint,
            "tail_entries": verified.tail_entries,
            "tail_torn_bytes": verified.tail_torn_bytes,
            "unpublished_files": verified.unpublished_files,
        }));
    }
    output::line(&format!(
        "{} {} entries of {} are what was signed, complete and in order",
        styled(GREEN.bold(), "verified:"),
        verified.size,
        styled(BOLD, &verified.origin)
    ))?;
    output::line(&format!("  root {}", hexadecimal(&verified.root)))?;
    output::line(&format!("  key  {}", verified.vkey))?;
    if verified.tail_entries > 0 {
        output::line(&format!(
            "  {} entries more are in the journal, and not signed yet",
            verified.tail_entries
        ))?;
    }
    if verified.tail_torn_bytes > 0 {
        output::line(&format!("  {} bytes of a write that broke off", verified.tail_torn_bytes))?;
    }
    if options.vkey.is_none() {
        output::note(
            "The key was read beside the ledger. To rule out a ledger that was made anew:",
        );
        output::note(&format!("  --vkey '{}', kept elsewhere", verified.vkey));
    }
    if options.earlier.is_none() {
        output::note("Keep the file `checkpoint` elsewhere, and give it as --since the next time.");
    }
    Ok(())
}

fn proven(
    directory: &Path,
    index: u64,
    proof: &str,
    vkey: &str,
    shared: &Shared,
) -> Result<(), Failure> {
    let mut entries = entries_from(directory, index).map_err(|fault| refused(&fault))?;
    let missing = || Failure::new(Exit::Unverified, format!("there is no entry {index}"));
    let entry = entries.next().ok_or_else(missing)?.map_err(|fault| refused(&fault))?;
    let proven = verify_proof(proof, &entry.1, vkey).map_err(|fault| {
        Failure::new(Exit::Unverified, format!("the proof does not hold: {fault}"))
    })?;
    if proven.index != index {
        let what = format!("the proof is of entry {}, not of {index}", proven.index);
        return Err(Failure::new(Exit::Unverified, what));
    }
    if shared.json {
        return output::json(&json!({"index": index, "size": proven.checkpoint.size,
            "root": hexadecimal(&proven.checkpoint.root)}));
    }
    output::line(&format!(
        "{} entry {index} is in the signed tree of {} entries",
        styled(GREEN.bold(), "proven:"),
        proven.checkpoint.size
    ))
}

async fn head(shared: &Shared) -> Result<(), Failure> {
    let api = Api::open(shared).await?;
    let answer: Value = api.get("/ledger").await?;
    if shared.json {
        return output::json(&answer);
    }
    output::line(&format!("entries {}", text(&answer, "/head/size")))?;
    output::line(&format!("key     {}", text(&answer, "/vkey")))?;
    output::write(&format!("\n{}", text(&answer, "/checkpoint")))
}

fn refused(fault: &Fault) -> Failure {
    if matches!(fault, Fault::File { .. }) {
        return Failure::caused(Exit::Failed, "the ledger can't be read", fault);
    }
    let step = if matches!(fault, Fault::Missing { .. }) {
        "name the ledger's own directory: the one that holds `log.vkey`"
    } else if matches!(fault, Fault::NotSigned { .. }) {
        "wait a second for the next checkpoint"
    } else {
        "keep this copy as it is, and compare it with another one"
    };
    Failure::new(Exit::Unverified, format!("not verified: {fault}")).next(step)
}

fn text_from(file: &Path) -> Result<String, Failure> {
    text_of(file, FILE_BYTES_MAX).map_err(|fault| Failure::usage(fault.to_string()))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string can't fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

const FILE_BYTES_MAX: u64 = 1024 * 1024;
