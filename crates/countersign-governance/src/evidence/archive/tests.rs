use super::{ArchiveFault, BLOCK, Files, header, read, write};

fn files() -> Files {
    let file = |name: &str, text: &str| (name.to_owned(), text.as_bytes().to_vec());
    [file("a.json", "{}\n"), file("ledger/entries.jsonl", "one\ntwo\n"), file("z.csv", "")]
        .into_iter()
        .collect()
}

/// An archive of one file with any path.
fn of(path: &str, bytes: &[u8]) -> Vec<u8> {
    let mut out = header(path, bytes.len()).to_vec();
    out.extend_from_slice(bytes);
    out.resize(super::padded(out.len()) + super::END, 0);
    out
}

#[test]
fn what_was_written_is_read() {
    let bytes = write("cmp_1", &files());
    assert_eq!(read(&bytes).unwrap(), ("cmp_1".to_owned(), files()));
    assert_eq!(bytes, write("cmp_1", &files()), "one list of files, one archive");
    assert_eq!(bytes.len() % BLOCK, 0);
}

#[test]
fn every_changed_byte_outside_of_the_files_is_found() {
    let bytes = write("cmp_1", &files());
    for place in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[place] ^= 0x20;
        match read(&changed) {
            Err(_) => {}
            Ok((directory, found)) => {
                assert_eq!(directory, "cmp_1");
                assert_ne!(found, files(), "byte {place} was changed and nobody saw it");
            }
        }
    }
}

#[test]
fn every_cut_is_found_and_nothing_may_follow() {
    let bytes = write("cmp_1", &files());
    for length in 0..bytes.len() {
        assert!(read(&bytes[..length]).is_err(), "cut at {length}");
    }
    let mut longer = bytes;
    longer.extend_from_slice(&[0; BLOCK]);
    assert_eq!(read(&longer), Err(ArchiveFault::Padding(Some("cmp_1/z.csv".to_owned()))));
}

#[test]
fn no_name_leads_anywhere_else() {
    for path in [
        "../etc/passwd",
        "/etc/passwd",
        "cmp/../../etc/passwd",
        "cmp/./a",
        "cmp//a",
        "cmp/a/b/c",
        "cmp/.profile",
        "cmp/-rf",
        "cmp/a b",
        "cmp/a\\b",
        "cmp/C:a",
        "cmp/\u{e9}",
        "cmp/",
        "cmp",
        "",
    ] {
        let found = read(&of(path, b"x"));
        assert!(
            matches!(found, Err(ArchiveFault::Name(_) | ArchiveFault::Header(_))),
            "{path:?} gave {found:?}"
        );
    }
    assert!(read(&of("cmp/a", b"x")).is_ok());
}

#[test]
fn links_devices_and_other_kinds_are_refused() {
    for kind in [b'1', b'2', b'3', b'5', b'6', b'7', b'x', b'g', b'L', b'S', 0] {
        let mut bytes = of("cmp/a", b"x");
        bytes[156] = kind;
        // With the sum that belongs to it, as an attacker would write it.
        bytes[148..156].fill(b' ');
        let sum: u32 = bytes[..BLOCK].iter().map(|it| u32::from(*it)).sum();
        bytes[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        assert_eq!(read(&bytes), Err(ArchiveFault::Header(Some("cmp/a".to_owned()))));
    }
}

#[test]
fn a_size_that_is_not_there_is_refused_without_room_for_it() {
    let mut bytes = header("cmp/a", 1 << 28).to_vec();
    bytes.extend_from_slice(&[0; 2 * BLOCK]);
    assert_eq!(read(&bytes), Err(ArchiveFault::CutOff(Some("cmp/a".to_owned()))));
    let huge = header("cmp/a", 1 << 33);
    assert_eq!(read(&huge), Err(ArchiveFault::Header(None)));
}

#[test]
fn files_stand_in_order_and_once() {
    let one = of("cmp/b", b"x");
    let half = &one[..2 * BLOCK];
    let twice = [half, &one].concat();
    assert_eq!(read(&twice), Err(ArchiveFault::Order("cmp/b".to_owned())));
    let back = [half, &of("cmp/a", b"x")].concat();
    assert_eq!(read(&back), Err(ArchiveFault::Order("cmp/a".to_owned())));
    let other = [half, &of("other/c", b"x")].concat();
    assert_eq!(read(&other), Err(ArchiveFault::Name("other/c".to_owned())));
    let many: Vec<u8> =
        (0..70).flat_map(|it| of(&format!("cmp/f{it:03}"), b"")[..BLOCK].to_vec()).collect();
    assert_eq!(read(&many), Err(ArchiveFault::TooLarge));
}
