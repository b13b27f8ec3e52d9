//! The house rules that a machine can hold: which room may know which, what stands in one place only, and how large a
//! room may grow. `ARCHITECTURE.md` says why.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// For each room, the rooms it may know. `app` and `main` know all.
const MAY_KNOW: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("clock", &[]),
    ("tasks", &[]),
    ("expressions", &["domain"]),
    ("settings", &["domain", "tasks"]),
    ("liveness", &["domain", "settings"]),
    ("telemetry", &["domain", "settings", "upstream"]),
    ("upstream", &["clock", "domain", "telemetry"]),
    ("ghl", &["clock", "domain", "settings", "tasks", "telemetry", "upstream"]),
    ("ipinfo", &["clock", "domain", "settings", "tasks", "telemetry", "upstream"]),
    ("profiles", &["clock", "domain", "ghl", "ipinfo", "liveness", "settings", "tasks", "telemetry", "upstream"]),
    ("store", &["clock", "domain", "settings", "tasks", "telemetry"]),
    ("operations", &["clock", "domain", "ghl", "settings", "store", "tasks", "telemetry", "upstream"]),
    ("connect", &["clock", "domain", "ghl", "settings", "store", "tasks", "telemetry", "upstream"]),
    (
        "enrichment",
        &[
            "clock",
            "domain",
            "expressions",
            "operations",
            "profiles",
            "settings",
            "store",
            "tasks",
            "telemetry",
            "upstream",
        ],
    ),
    (
        "sources",
        &[
            "clock",
            "domain",
            "expressions",
            "ghl",
            "operations",
            "profiles",
            "settings",
            "store",
            "tasks",
            "telemetry",
            "upstream",
        ],
    ),
    (
        "webhooks",
        &[
            "clock",
            "domain",
            "enrichment",
            "ghl",
            "liveness",
            "profiles",
            "settings",
            "store",
            "tasks",
            "telemetry",
            "upstream",
        ],
    ),
    ("drift", &["clock", "domain", "liveness", "profiles", "settings", "tasks", "telemetry"]),
    ("purging", &["clock", "domain", "liveness", "operations", "profiles"]),
    ("http", &["clock", "domain", "enrichment", "ipinfo", "profiles", "settings", "tasks", "telemetry", "upstream"]),
    (
        "cli",
        &[
            "app",
            "clock",
            "connect",
            "domain",
            "enrichment",
            "ghl",
            "http",
            "ipinfo",
            "operations",
            "profiles",
            "settings",
            "sources",
            "store",
            "tasks",
            "telemetry",
            "upstream",
        ],
    ),
];

/// What may be named only in these places.
const CONFINED: &[(&str, &[&str])] = &[
    ("actix_web", &["src/http", "src/app"]),
    ("reqwest", &["src/upstream"]),
    ("std::env", &["src/settings"]),
    ("Timestamp::now", &["src/clock.rs"]),
    ("tokio::spawn", &["src/tasks.rs"]),
    ("spawn_blocking", &["src/tasks.rs"]),
    ("unsafe {", &["src/ipinfo"]),
];

const MAX_FILE_LINES: usize = 400;
const MAX_TEST_FILE_LINES: usize = 700;

struct Source {
    path: String,
    text: String,
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn sources(folder: &str) -> Vec<Source> {
    let mut found = Vec::new();
    collect(&root().join(folder), &mut found);
    assert!(!found.is_empty(), "{folder} has sources");
    found
}

fn collect(folder: &Path, found: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).expect("a folder of the checkout") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let shown = path.strip_prefix(root()).expect("inside").to_string_lossy().replace('\\', "/");
            found.push(Source { path: shown, text: fs::read_to_string(&path).expect("text") });
        }
    }
}

/// The source without its test module and its comments: a doc comment may name what code may not.
fn code(source: &Source) -> String {
    let text = source.text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

fn is_test(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.contains("/tests/") || path.starts_with("tests/")
}

/// `src/ghl/model/note.rs` stands in the room `ghl`.
fn room(path: &str) -> &str {
    let inner = path.trim_start_matches("src/");
    inner.split(['/', '.']).next().unwrap_or_default()
}

/// Every `crate::room` named in a source, `use crate::{a, b::c}` lists included.
fn rooms_named(code: &str) -> Vec<String> {
    let mut named = Vec::new();
    for part in code.split("crate::").skip(1) {
        match part.strip_prefix('{') {
            Some(list) => named.extend(first_words(list)),
            None => named.extend(leading_word(part)),
        }
    }
    named
}

fn leading_word(text: &str) -> Option<String> {
    let word: String = text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    (!word.is_empty()).then_some(word)
}

/// The first word of each element at the top level of a brace list.
fn first_words(list: &str) -> Vec<String> {
    let (mut depth, mut words, mut at_start) = (0_usize, Vec::new(), true);
    for (index, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => at_start = true,
            c if at_start && depth == 0 && c.is_alphabetic() => {
                words.extend(leading_word(&list[index..]));
                at_start = false;
            }
            _ => {}
        }
    }
    words
}

#[test]
fn arrows_point_one_way() {
    let rules: BTreeMap<&str, &[&str]> = MAY_KNOW.iter().copied().collect();
    let mut wrong = Vec::new();
    for source in sources("src").iter().filter(|source| !is_test(&source.path)) {
        let here = room(&source.path);
        let Some(allowed) = rules.get(here) else {
            assert!(["app", "main", "lib"].contains(&here), "{} stands in a room without a rule", source.path);
            continue;
        };
        for named in rooms_named(&code(source)) {
            let is_room = rules.contains_key(named.as_str()) || named == "app";
            if is_room && named != here && !allowed.contains(&named.as_str()) {
                wrong.push(format!("{} knows {named}", source.path));
            }
        }
    }
    assert!(wrong.is_empty(), "arrows the wrong way: {wrong:#?}");
}

#[test]
fn the_reader_of_arrows_sees_them() {
    assert_eq!(
        rooms_named("use crate::{ghl, domain::{a, b}, http::c};\ncrate::app::x"),
        ["ghl", "domain", "http", "app"]
    );
}

#[test]
fn what_belongs_in_one_place_stands_there_only() {
    let mut wrong = Vec::new();
    for source in sources("src").iter().filter(|source| !is_test(&source.path)) {
        let code = code(source);
        for (word, places) in CONFINED {
            if code.contains(word) && !places.iter().any(|place| source.path.starts_with(place)) {
                wrong.push(format!("{} names {word}", source.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn rooms_stay_small() {
    let mut wrong = Vec::new();
    for source in sources("src").iter().chain(&sources("sandbox/src")).chain(&sources("tests")) {
        let lines = source.text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().lines().count();
        let table = source.text.lines().take(12).any(|line| line.contains("A table"));
        let bound = if is_test(&source.path) { MAX_TEST_FILE_LINES } else { MAX_FILE_LINES };
        if lines > bound && !table {
            wrong.push(format!("{}: {lines} lines", source.path));
        }
    }
    assert!(wrong.is_empty(), "over the bound (a pure table says so in its first lines): {wrong:#?}");
}

#[test]
fn every_file_says_what_it_is() {
    let silent: Vec<_> = sources("src")
        .into_iter()
        .chain(sources("sandbox/src"))
        .filter(|source| !source.text.starts_with("//!"))
        .map(|source| source.path)
        .collect();
    assert!(silent.is_empty(), "without a `//!` paragraph: {silent:?}");
}

#[test]
fn tests_neither_sleep_nor_are_skipped() {
    let words = [["tokio::time::", "sleep("].concat(), ["thread::", "sleep("].concat(), ["#[", "ignore"].concat()];
    let mut wrong = Vec::new();
    for source in sources("tests").iter().chain(&sources("sandbox/tests")) {
        wrong.extend(
            words.iter().filter(|word| source.text.contains(*word)).map(|word| format!("{}: {word}", source.path)),
        );
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
