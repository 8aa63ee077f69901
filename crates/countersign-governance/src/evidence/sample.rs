//! A random sample that anybody can draw again: items are ranked by a digest of the seed and their
//! grant's id. Nothing is random but the seed, which the auditor names.

use countersign_model::{Digest, GrantId};

/// Items of a sample at most.
pub const SAMPLE_MAX: u32 = 1_000;
/// Characters of a seed at most.
pub const SEED_CHARS_MAX: usize = 200;

/// Draws `size` of some grants: those with the least SHA-256 of the seed, a line feed and the id, in that
/// order.
pub fn draw(grants: &[GrantId], seed: &str, size: usize) -> Vec<GrantId> {
    let rank = |id: &GrantId| Digest::of(format!("{seed}\n{id}").as_bytes());
    let mut ranked: Vec<(Digest, GrantId)> = grants.iter().map(|id| (rank(id), *id)).collect();
    ranked.sort_unstable();
    ranked.truncate(size);
    ranked.into_iter().map(|(_, id)| id).collect()
}

#[cfg(test)]
mod tests;
