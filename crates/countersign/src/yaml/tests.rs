use super::{Path, line_of, read};
use serde::Deserialize;

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct House {
    name: String,
    #[serde(default)]
    rooms: Vec<Room>,
    #[serde(default)]
    heating: Option<Heating>,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Room {
    name: String,
    windows: u32,
    #[serde(default)]
    door: Option<Door>,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Heating {
    Stove,
    Boiler { litres: u32 },
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Door {
    Oak,
    Glass,
}

fn faults(text: &str) -> Vec<String> {
    let faults = read::<House>(text).map_or_else(|faults| faults, |_| Vec::new());
    faults.iter().map(ToString::to_string).collect()
}

#[test]
fn every_fault_names_line_and_key() {
    let rows: [(&str, &[&str]); 12] = [
        ("name: x\n", &[]),
        ("name: x\nheating: {boiler: {litres: 3}}\n", &[]),
        ("# nothing\n", &["1: name: is missing"]),
        ("nam: x\n", &["1: nam: unknown key; did you mean `name`?", "1: name: is missing"]),
        ("name: 3\n", &["1: name: expected a text, found integer `3`"]),
        ("name: x\nname: y\n", &["2: `name` is written twice"]),
        ("name: [x\n", &["2: did not find expected ',' or ']'"]),
        (
            "name: x\nheating:\n  boiler:\n    litres: many\n",
            &[
                "4: heating.boiler.litres: expected a whole number, zero or more, found the text \"many\"",
            ],
        ),
        (
            "name: x\nrooms:\n  - name: hall\n    windows: 1\n    door: glas\n",
            &["5: rooms[0].door: `glas` is not known; did you mean `glass`?"],
        ),
        (
            "name: x\nrooms:\n- name: hall\n- name: bath\n  windows: 1\n  banana: 1\n- windows: 2\n",
            &[
                "3: rooms[0].windows: is missing",
                "6: rooms[1].banana: unknown key; known here: name, windows, door",
                "7: rooms[2].name: is missing",
            ],
        ),
        ("name: x\nrooms: 7\n", &["2: rooms: expected a list, found integer `7`"]),
        (
            "name: x\nrooms: [{name: a, windows: 1},\n  {name: b, windows: -1}]\n",
            &["3: rooms[1].windows: invalid value: integer `-1`, expected u32"],
        ),
    ];
    for (text, expect) in rows {
        assert_eq!(faults(text), expect, "{text}");
    }
}

#[test]
fn a_line_is_found_however_it_is_written() {
    let text = "a: 1\nb:\n  - c: |\n      b:\n      d: 2\n    d: 3\n  - {c: 4,\n     d: 5}\n\"e\": &x\n  f: 6\ng: *x\n";
    let rows = [
        ("a", 1),
        ("b", 2),
        ("b[0]", 3),
        ("b[0].c", 3),
        ("b[0].d", 6),
        ("b[1]", 7),
        ("b[1].d", 8),
        ("e", 9),
        ("e.f", 10),
        ("b[0].nothing", 3),
        ("nothing", 1),
        ("", 1),
    ];
    for (path, line) in rows {
        assert_eq!(line_of(text, &Path::default().join(path)), Some(line), "{path}");
    }
}

#[test]
fn paths_are_written_as_they_are_read() {
    for text in ["a", "a.b", "a[0].b[12].c", "a[1][2]", ""] {
        assert_eq!(Path::default().join(text).to_string(), text);
    }
}
