//! The journal cut and damaged at every kind of place: what was committed stays, what was not is cut,
//! and what no crash can do is refused.

use super::*;
use proptest::prelude::*;
use tempfile::TempDir;

struct Bench {
    directory: TempDir,
    key: Arc<SigningKey>,
}

/// What reading a journal found.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    Entries(u64),
    Refused,
}

impl Bench {
    fn new() -> Self {
        let key = Arc::new(SigningKey::from_seed(&[3; 32]).unwrap());
        Self { directory: tempfile::tempdir().unwrap(), key }
    }

    fn start(&self, file_bytes_max: u64) -> Journal {
        let files = JournalFiles::new(self.directory.path(), Vec::new());
        let aside = self.directory.path().to_path_buf();
        let end = Resume::Anew { next: 0 };
        Journal::resume(files, &aside, Arc::clone(&self.key), file_bytes_max, end).unwrap()
    }

    fn firsts(&self) -> Vec<u64> {
        crate::files::numbered(self.directory.path(), JOURNAL_EXTENSION).unwrap()
    }

    /// Replays as the log does, then appends one entry and replays again.
    fn reopen(&self) -> Found {
        let Ok(Some(mut journal)) = self.resumed() else { return Found::Refused };
        let found = journal.next();
        group(&mut journal, found, 1);
        drop(journal);
        let again = self.resumed().unwrap().unwrap().next();
        assert_eq!(again, found + 1, "the journal goes on after a repair");
        Found::Entries(found)
    }

    fn resumed(&self) -> Result<Option<Journal>, JournalFault> {
        let mut reader = JournalReader::open(self.directory.path(), self.firsts(), 0)?;
        while let Some(record) = reader.next(u64::MAX)? {
            for (index, entry, leaf) in record.entries() {
                assert_eq!(entry, content(index));
                assert_eq!(leaf, crate::leaf_hash(entry));
            }
            let frames = record.recordings().map(|it| (it.segment, it.offset, it.frames));
            let first = record.first;
            let expect = (first % 2 == 1).then_some((first, 7, FRAMES));
            assert_eq!(frames, expect);
        }
        let files = JournalFiles::new(self.directory.path(), self.firsts());
        let end = Resume::After(reader.end()?);
        let key = Arc::clone(&self.key);
        Ok(Journal::resume(files, self.directory.path(), key, 1 << 20, end).ok())
    }
}

fn content(index: u64) -> Vec<u8> {
    index.to_string().repeat(1 + usize::try_from(index % 5).unwrap()).into_bytes()
}

fn group(journal: &mut Journal, first: u64, count: u64) {
    journal.begin();
    for index in first..first + count {
        journal.push(&content(index)).unwrap();
    }
    let sealed = Sealed { segment: first, offset: 7, frames: FRAMES };
    let sealed = (first % 2 == 1).then_some(sealed);
    assert_eq!(journal.commit(sealed).unwrap().first, first);
}

/// What comes as recordings with each group that begins at an odd number.
const FRAMES: &[u8] = b"frames, of which the journal knows nothing";

/// The file, and where each group ends in it with the number of entries until there.
fn written(bench: &Bench, groups: &[u64]) -> (PathBuf, Vec<(u64, u64)>) {
    let mut journal = bench.start(1 << 20);
    let mut ends = vec![(journal.current.offset, 0)];
    for count in groups {
        let first = journal.next();
        group(&mut journal, first, *count);
        ends.push((journal.current.offset, journal.next()));
    }
    (journal.current.path.clone(), ends)
}

#[test]
fn a_tail_cut_anywhere_loses_only_what_was_cut() {
    let bench = Bench::new();
    let (path, ends) = written(&bench, &[1, 3, 2]);
    let whole = fs::read(&path).unwrap();
    for length in 48..=whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        let length = u64::try_from(length).unwrap();
        let expect = ends.iter().rev().find(|(end, _)| *end <= length).unwrap().1;
        assert_eq!(bench.reopen(), Found::Entries(expect), "cut at {length}");
    }
}

#[test]
fn garbage_after_the_last_group_is_cut() {
    let bench = Bench::new();
    let (path, ends) = written(&bench, &[4, 4]);
    let whole = fs::read(&path).unwrap();
    let stale = whole[48..usize::try_from(ends[1].0).unwrap()].to_vec();
    for tail in [vec![0; 5_000], vec![0xff; 100], b"CSJ2".to_vec(), stale, b"CSJ2".repeat(1_000)] {
        fs::write(&path, [whole.as_slice(), &tail].concat()).unwrap();
        assert_eq!(bench.reopen(), Found::Entries(8), "{} bytes", tail.len());
    }
}

#[test]
fn a_changed_byte_is_refused_unless_it_reads_like_a_torn_write() {
    let bench = Bench::new();
    let (path, ends) = written(&bench, &[2, 2, 2]);
    let whole = fs::read(&path).unwrap();
    for place in 0..whole.len() {
        let mut changed = whole.clone();
        changed[place] ^= 0x40;
        fs::write(&path, &changed).unwrap();
        let at = u64::try_from(place).unwrap();
        let (last_begins, before_last) = ends[2];
        let expect = if at < last_begins { Found::Refused } else { Found::Entries(before_last) };
        assert_eq!(bench.reopen(), expect, "byte {place}");
    }
}

#[test]
fn a_lost_file_or_group_is_refused() {
    let bench = Bench::new();
    let mut journal = bench.start(1);
    for first in [0, 2, 4] {
        group(&mut journal, first, 2);
    }
    drop(journal);
    assert_eq!(bench.firsts(), [0, 2, 4]);
    let middle = bench.directory.path().join(file_name(2));
    let bytes = fs::read(&middle).unwrap();
    fs::write(&middle, &bytes[..bytes.len() - 1]).unwrap();
    assert_eq!(bench.reopen(), Found::Refused, "only the last file can have a torn end");
    fs::remove_file(&middle).unwrap();
    assert_eq!(bench.reopen(), Found::Refused);
}

#[test]
fn files_are_trimmed_when_published() {
    let bench = Bench::new();
    let mut journal = bench.start(1);
    for first in 0..4 {
        group(&mut journal, first, 1);
    }
    let files = journal.files();
    files.trim(1).unwrap();
    assert_eq!(bench.firsts(), [1, 2, 3]);
    files.trim(4).unwrap();
    assert_eq!(bench.firsts(), [3], "the last file stays");
    assert_eq!(files.firsts(), [3]);
}

#[test]
fn a_failed_write_is_repaired_with_the_next_group() {
    let bench = Bench::new();
    let mut journal = bench.start(1 << 20);
    group(&mut journal, 0, 3);
    // A descriptor that can't be written stands for a disk that can't.
    let path = journal.current.path.clone();
    journal.current.file = File::open(&path).unwrap();
    journal.begin();
    journal.push(b"lost").unwrap();
    assert_eq!(journal.commit(None).unwrap_err().path, path);
    assert_eq!(journal.next(), 3);
    // What a torn write may have left is cut away.
    let torn = [fs::read(&path).unwrap(), b"CSJ2 torn".to_vec()].concat();
    fs::write(&path, torn).unwrap();
    group(&mut journal, 3, 2);
    assert_eq!(bench.firsts(), [0, 3]);
    drop(journal);
    assert_eq!(bench.reopen(), Found::Entries(5));
}

#[test]
fn a_repair_does_not_go_on_over_lost_entries() {
    let bench = Bench::new();
    let mut journal = bench.start(1 << 20);
    group(&mut journal, 0, 3);
    let path = journal.current.path.clone();
    let mut bytes = fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&path, bytes).unwrap();
    journal.current.file = File::open(&path).unwrap();
    journal.begin();
    journal.push(b"x").unwrap();
    journal.commit(None).unwrap_err();
    journal.commit(None).unwrap_err();
    assert_eq!(bench.firsts(), [0]);
}

/// A journal whose second file was made ahead, with three groups in it.
fn made_ahead(bench: &Bench) -> (PathBuf, Vec<(u64, u64)>) {
    let mut journal = bench.start(SMALL_FILE_BYTES);
    journal.spare().make_if_wanted();
    let mut next = 0;
    while bench.firsts().len() == 1 {
        group(&mut journal, next, 50);
        next += 50;
        journal.spare().make_if_wanted();
    }
    assert!(next < 2_000, "it is taken as soon as it is there");
    let mut ends = vec![(journal.current.offset, next)];
    for count in [3, 2] {
        group(&mut journal, next, count);
        next += count;
        ends.push((journal.current.offset, next));
    }
    (journal.current.path.clone(), ends)
}

const SMALL_FILE_BYTES: u64 = 64 * 1024;

#[test]
fn zeros_after_the_last_record_are_a_clean_end() {
    let bench = Bench::new();
    let (path, ends) = made_ahead(&bench);
    assert_eq!(fs::metadata(&path).unwrap().len(), SMALL_FILE_BYTES);
    let mut reader = JournalReader::open(bench.directory.path(), bench.firsts(), 0).unwrap();
    while reader.next(u64::MAX).unwrap().is_some() {}
    assert_eq!(reader.end().unwrap().torn_bytes, 0);
    assert_eq!(bench.reopen(), Found::Entries(ends[2].1));
    let length = fs::metadata(&path).unwrap().len();
    assert_eq!(length, SMALL_FILE_BYTES, "it goes on in the zeros");
}

#[test]
fn a_write_into_zeros_that_broke_off_is_cut() {
    let bench = Bench::new();
    let (path, ends) = made_ahead(&bench);
    let whole = fs::read(&path).unwrap();
    let place = |which: usize| usize::try_from(ends[which].0).unwrap();
    for kept in place(1)..place(2) {
        let mut torn = whole.clone();
        torn[kept..].fill(0);
        fs::write(&path, &torn).unwrap();
        assert_eq!(bench.reopen(), Found::Entries(ends[1].1), "kept {kept}");
    }
    let mut torn = whole.clone();
    torn[place(2) + 20_000] = 1;
    fs::write(&path, &torn).unwrap();
    assert_eq!(bench.reopen(), Found::Entries(ends[2].1));
    let mut lost = whole;
    lost[place(0)..place(1)].fill(0);
    fs::write(&path, &lost).unwrap();
    assert_eq!(bench.reopen(), Found::Refused, "a record before the last can't be torn");
}

#[test]
fn files_made_ahead_follow_each_other_and_nothing_depends_on_them() {
    let bench = Bench::new();
    let mut journal = bench.start(SMALL_FILE_BYTES);
    for first in (0..20_000).step_by(100) {
        group(&mut journal, first, 100);
        match first {
            8_000..12_000 => {
                // It can't be made where a directory stands.
                fs::create_dir_all(bench.directory.path().join("spare")).ok();
            }
            12_000 => fs::remove_dir(bench.directory.path().join("spare")).unwrap_or(()),
            _ => {}
        }
        journal.spare().make_if_wanted();
    }
    assert!(bench.firsts().len() > 3);
    drop(journal);
    assert_eq!(bench.reopen(), Found::Entries(20_000));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn random_tails_never_bring_entries(
        groups in prop::collection::vec(1_u64..20, 1..5),
        tail in prop::collection::vec(any::<u8>(), 0..300),
        forged: bool,
    ) {
        let bench = Bench::new();
        let (path, ends) = written(&bench, &groups);
        let mut bytes = fs::read(&path).unwrap();
        if forged {
            // A header that is right in all but the salt, as a caller could write into an entry.
            let header = RecordHeader { count: 1, first: ends.last().unwrap().1, body: 3 };
            let check = header.check(&[0; 16], &[], &[]);
            bytes.extend_from_slice(&header.bytes(&check, &[0; 16]));
        }
        bytes.extend_from_slice(&tail);
        fs::write(&path, bytes).unwrap();
        prop_assert_eq!(bench.reopen(), Found::Entries(ends.last().unwrap().1));
    }
}
