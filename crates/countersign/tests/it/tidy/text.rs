//! What every file keeps: its length, its first words, and what does not stand in it.

use super::{files, none};

const LINES_MAX: usize = 600;
const TEST_LINES_MAX: usize = 900;

#[test]
fn files_stay_short() {
    let mut faults = Vec::new();
    for file in files().iter().filter(|it| it.ends_with(".rs")) {
        let (lines, max) =
            (file.text.lines().count(), if file.is_test() { TEST_LINES_MAX } else { LINES_MAX });
        if lines > max {
            faults.push(format!("{}: {lines} lines, {max} at most", file.path));
        }
    }
    none(&faults);
}

#[test]
fn every_module_says_what_it_is_for() {
    let modules = files();
    let modules = modules.iter().filter(|it| it.ends_with(".rs") && !it.is_test());
    let silent = modules.filter(|it| !it.text.starts_with("//! "));
    none(&silent.map(|it| format!("{}: does not begin with `//!`", it.path)).collect::<Vec<_>>());
}

#[test]
fn nothing_is_left_for_later_without_a_reason() {
    // Spelled so that this file does not find itself.
    let words = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];
    let ignored = concat!("#[", "ignore]");
    let mut faults = Vec::new();
    for file in files().iter().filter(|it| it.ends_with(".rs")) {
        for (number, line) in file.text.lines().enumerate() {
            let later = words.iter().any(|word| {
                line.split(|it: char| !it.is_ascii_alphanumeric()).any(|it| it == *word)
            });
            if later || line.contains(ignored) {
                faults.push(format!("{}:{}: {}", file.path, number + 1, line.trim()));
            }
        }
    }
    none(&faults);
}

#[test]
fn no_file_knows_the_machine_that_it_was_written_on() {
    let places = [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/home", "/")];
    let mut faults = Vec::new();
    for file in files() {
        for (number, line) in file.text.lines().enumerate() {
            let found = places.iter().any(|place| {
                line.match_indices(place).any(|(at, _)| {
                    // `frame/work/` is no path of a machine.
                    !line[..at]
                        .ends_with(|it: char| it.is_ascii_alphanumeric() || "-_.".contains(it))
                })
            });
            if found {
                faults.push(format!("{}:{}: {}", file.path, number + 1, line.trim()));
            }
        }
    }
    none(&faults);
}
