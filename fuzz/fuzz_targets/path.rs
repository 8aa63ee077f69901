//! Attacks the strict splitter and the router: a path that passes reads alike for servers that
//! decode twice, merge slashes, resolve dots and cut parameters off, and the function that it
//! leads to really has this path.

#![no_main]

use countersign_model::catalog::template::PathTemplate;
use libfuzzer_sys::fuzz_target;
use resolve::{path, router};
use std::{collections::HashMap, sync::LazyLock};

#[expect(unused, reason = "the parts that tests use aren't attacked")]
#[path = "../../crates/countersign-gateway/src/resolve"]
mod resolve {
    pub(crate) mod path;
    pub(crate) mod router;
}

const TEMPLATES: [&str; 10] = [
    "/",
    "/a",
    "/a/{x}",
    "/a/b",
    "/a/{x}:v",
    "/a/{x}/c",
    "/a/b/{x}/d",
    "/{x}/b",
    "/f/{x*}",
    "/f/b/{x}",
];

static WORLD: LazyLock<(Vec<PathTemplate>, router::Router<usize>)> = LazyLock::new(|| {
    let templates = TEMPLATES.map(|it| PathTemplate::parse(it).expect("a template"));
    let entries = templates.iter().enumerate().map(|(place, it)| ("GET", it, place));
    let router = router::Router::new(entries).expect("no two alike");
    (templates.to_vec(), router)
});

fuzz_target!(|raw: &str| {
    // Both read alike, and differ in what they say.
    assert_eq!(path::form(raw).ok(), path::query(raw).ok());
    if let Ok(pairs) = path::query(raw) {
        assert!(pairs.iter().all(|(name, value)| {
            !name.is_empty() && !name.chars().chain(value.chars()).any(char::is_control)
        }));
    }
    let Ok(segments) = path::split(raw) else { return };
    let plain: Vec<_> = (0..).map_while(|it| segments.at(it)).collect();
    assert_eq!(plain, lenient(raw));

    let (templates, router) = &*WORLD;
    if let router::Found::Matched { value, variables } = router.find("GET", &segments) {
        let values: HashMap<_, _> = variables.iter().collect();
        let template = templates.get(value).expect("a place of the list");
        let filled = template.fill(|name| values.get(name).map(|it| it.to_string()));
        let filled = filled.expect("values that came from a path make a path");
        assert_eq!(path::split(&filled).as_ref().map(|it| it.from(0)), Ok(segments.from(0)));
    }
});

fn lenient(raw: &str) -> Vec<String> {
    let cut = |it: &str| it.split(';').next().unwrap_or_default().to_owned();
    let mut path = raw.split('/').map(cut).collect::<Vec<_>>().join("/");
    loop {
        let decoded = percent_encoding::percent_decode_str(&path).decode_utf8_lossy().into_owned();
        if decoded == path {
            break;
        }
        path = decoded;
    }
    let mut segments = Vec::new();
    for segment in path.replace('\\', "/").split('/') {
        match &*cut(segment) {
            "" | "." => {}
            ".." => drop(segments.pop()),
            other => segments.push(other.trim_end_matches('\0').to_owned()),
        }
    }
    segments
}
