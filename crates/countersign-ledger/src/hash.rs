//! The two hashes of an RFC 6962 tree, and the short checks made from the same function. This
//! module knows nothing of files.

use aws_lc_rs::digest;

/// A SHA-256 digest: of a leaf, of a node, or of a whole tree.
pub type Hash = [u8; 32];

/// Bytes of a hash.
pub(crate) const HASH_BYTES: usize = 32;
/// Bytes of a check: a digest cut short, which finds accidents and torn writes.
pub(crate) const CHECK_BYTES: usize = 16;

/// SHA-256 of the bytes.
pub(crate) fn sha256(bytes: &[u8]) -> Hash {
    let digest = digest::digest(&digest::SHA256, bytes);
    let mut hash = [0; HASH_BYTES];
    hash.copy_from_slice(digest.as_ref());
    hash
}

/// SHA-256 of the parts, one after the other, without copying them together.
pub(crate) fn sha256_of(parts: &[&[u8]]) -> Hash {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(part);
    }
    let mut hash = [0; HASH_BYTES];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

/// The first bytes of SHA-256 over the parts.
pub(crate) fn check_of(parts: &[&[u8]]) -> [u8; CHECK_BYTES] {
    let hash = sha256_of(parts);
    let mut check = [0; CHECK_BYTES];
    for (to, from) in check.iter_mut().zip(hash) {
        *to = from;
    }
    check
}

/// The hash of one entry: SHA-256(0x00 ‖ entry), RFC 6962 section 2.1.
#[must_use]
pub fn leaf_hash(entry: &[u8]) -> Hash {
    sha256_of(&[&[0], entry])
}

/// The hash of one entry, through a buffer that is kept: for many entries, one after the other.
pub(crate) fn leaf_hash_with(scratch: &mut Vec<u8>, entry: &[u8]) -> Hash {
    scratch.clear();
    scratch.push(0);
    scratch.extend_from_slice(entry);
    sha256(scratch)
}

/// The hash of an inner node: SHA-256(0x01 ‖ left ‖ right), RFC 6962 section 2.1.
#[must_use]
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut bytes = [1; 1 + 2 * HASH_BYTES];
    for (to, from) in bytes.iter_mut().skip(1).zip(left.iter().chain(right)) {
        *to = *from;
    }
    sha256(&bytes)
}
