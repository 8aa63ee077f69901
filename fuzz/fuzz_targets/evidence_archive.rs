//! Attacks the reader of evidence: an archive that somebody hands to an auditor. It may not panic, take
//! more room than the archive has, or read a file under a name that leads out of its directory; and
//! nothing verifies whose entries nobody signed.

#![no_main]

use countersign_governance::{FILES_MAX, PackOptions, read_archive, verify_pack};
use libfuzzer_sys::fuzz_target;

/// A key that nobody has.
const NOBODYS: &str = "log.example+00000000+AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

fuzz_target!(|bytes: &[u8]| {
    if let Ok((directory, files)) = read_archive(bytes) {
        assert!(!directory.is_empty() && !directory.contains(['/', '\\']));
        assert!(files.len() <= FILES_MAX);
        let read: usize = files.values().map(Vec::len).sum();
        assert!(read <= bytes.len(), "a file is no larger than the archive");
        for name in files.keys() {
            assert!(!name.starts_with(['/', '.', '-']), "{name:?}");
            assert!(name.split('/').all(|part| !part.is_empty() && !part.starts_with('.')));
        }
    }
    let options = PackOptions { vkeys: vec![NOBODYS.to_owned()] };
    if let Ok(verified) = verify_pack(bytes, &options) {
        assert_eq!(verified.entries, 0, "nobody has signed this");
    }
});
