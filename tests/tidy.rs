//! Style that a machine can hold: layering, sizes, words, card numbers, paths.
//!
//! Each rule prints every place that breaks it, so one run is enough to mend them all.

#![allow(clippy::expect_used, clippy::string_slice)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

const FILE_LINES_MAX: usize = 800;
const FUNCTION_LINES_MAX: usize = 70;
/// rustfmt holds code to 100; comments and texts, which it leaves alone, may run a little over.
const LINE_CHARS_MAX: usize = 110;

/// Which workspace crates a crate may name: those above it.
const LAYERS: &[(&str, &[&str])] = &[
    ("payment-types", &[]),
    ("journal", &[]),
    ("dense", &[]),
    ("emv", &[]),
    ("iso8583", &["payment-types"]),
    ("limits", &["payment-types", "dense"]),
    ("ledger", &["payment-types", "dense"]),
    ("cryptography", &["payment-types"]),
    ("security", &["payment-types", "emv", "cryptography"]),
    ("personal", &["payment-types", "security"]),
    ("authorization", &["payment-types", "dense", "limits", "ledger"]),
    (
        "interchange",
        &["payment-types", "iso8583", "emv", "authorization", "journal", "security", "ledger"],
    ),
    ("tamga-console", &[]),
    ("history", &["payment-types", "authorization", "limits", "ledger", "journal"]),
    ("tamga-sim", &["payment-types", "iso8583", "emv", "cryptography", "security"]),
];

/// What the pure core may not name, and why.
const BANNED_IN_CORE: &[(&str, &str)] = &[
    ("tokio", "no runtime in the core"),
    ("std::net", "no I/O in the core"),
    ("std::fs", "no I/O in the core"),
    ("Instant", "time is handed in"),
    ("SystemTime", "time is handed in"),
    ("HashMap", "hash order must not matter"),
    ("HashSet", "hash order must not matter"),
    ("f32", "money is exact"),
    ("f64", "money is exact"),
    ("rand::", "no randomness in the core"),
    ("getrandom", "no randomness in the core"),
    ("dashmap", "belongs to the server's edge"),
    ("tracing::", "telemetry belongs to the server"),
    ("println!", "the core prints nothing"),
    ("eprintln!", "the core prints nothing"),
];

const CORE: &[&str] = &["parsers/", "limits/", "engine/ledger/", "engine/authorization/"];

const TOP_LEVEL: &[&str] = &[
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "Makefile",
    "README.md",
    "benches",
    "clippy.toml",
    "deny.toml",
    "deploy",
    "engine",
    "limits",
    "parsers",
    "rustfmt.toml",
    "simulators",
    "tests",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests has a parent").to_owned()
}

/// Files of the project, by path from its root: what is built or fetched is left out.
fn files() -> Vec<(String, PathBuf)> {
    let (root, mut found, mut folders) = (root(), vec![], vec![root()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder can be listed").flatten() {
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            let skipped = ["target", ".git", "node_modules", "dist", "data", "corpus", "artifacts"];
            // What `make load-report` leaves; it is not committed.
            let report = folder == root && name.starts_with("load-report.");
            if report || skipped.contains(&name.as_str()) {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else {
                let relative = path.strip_prefix(&root).expect("below the root").to_owned();
                found.push((relative.to_string_lossy().into_owned(), path));
            }
        }
    }
    found.sort();
    found
}

fn sources() -> Vec<(String, String)> {
    let rust = |(name, path): (String, PathBuf)| {
        name.ends_with(".rs").then(|| (name, fs::read_to_string(path).expect("text")))
    };
    files().into_iter().filter_map(rust).collect()
}

fn report(rule: &str, broken: &[String]) {
    assert!(broken.is_empty(), "{rule}:\n  {}", broken.join("\n  "));
}

/// A source without its tests: what stands before the tests' module.
fn without_tests(text: &str) -> &str {
    text.split("#[cfg(test)]").next().unwrap_or(text)
}

#[test]
fn the_top_level_is_fixed() {
    let mut broken = vec![];
    for entry in fs::read_dir(root()).expect("the root can be listed").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let ignored = name.starts_with('.')
            || name.starts_with("load-report.")
            || name == "target"
            || name == "data";
        if !ignored && !TOP_LEVEL.contains(&name.as_str()) {
            broken.push(name);
        }
    }
    report("not a place of the top level", &broken);
}

#[test]
fn a_crate_names_only_the_layers_above_it() {
    let layers: BTreeMap<_, _> = LAYERS.iter().copied().collect();
    let ours: Vec<&str> =
        layers.keys().copied().chain(["tamga", "tamga-sim", "tamga-tests"]).collect();
    let mut broken = vec![];
    let mut seen = 0;
    for (name, path) in files() {
        if !name.ends_with("Cargo.toml") {
            continue;
        }
        let manifest: toml::Table =
            fs::read_to_string(path).expect("text").parse().expect("a manifest is TOML");
        let package = manifest.get("package").and_then(|p| p.get("name")).and_then(|n| n.as_str());
        let Some(allowed) = package.and_then(|package| layers.get(package)) else { continue };
        seen += 1;
        let dependencies = manifest.get("dependencies").and_then(|d| d.as_table());
        for dependency in dependencies.into_iter().flat_map(toml::Table::keys) {
            if ours.contains(&dependency.as_str()) && !allowed.contains(&dependency.as_str()) {
                broken.push(format!("{name}: may not name {dependency}"));
            }
        }
    }
    assert_eq!(seen, LAYERS.len(), "every layered crate was looked at");
    report("layering", &broken);
}

#[test]
fn the_core_is_pure() {
    let mut broken = vec![];
    for (name, text) in sources() {
        let in_core = CORE.iter().any(|folder| name.starts_with(folder));
        let helper = ["/tests/", "/fuzz/", "/benches/", "fuzzing"].iter().any(|p| name.contains(p));
        if !in_core || helper {
            continue;
        }
        for (number, line) in without_tests(&text).lines().enumerate() {
            let code = line.split("//").next().unwrap_or(line);
            for (word, why) in BANNED_IN_CORE {
                if names(code, word) {
                    broken.push(format!("{name}:{}: {word}: {why}", number + 1));
                }
            }
        }
    }
    report("the core is pure", &broken);
}

/// Whether code names a word, not merely a longer one that holds it.
fn names(code: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(word).any(|(at, _)| {
        let before = code.get(..at).and_then(|text| text.chars().next_back());
        let after = code.get(at + word.len()..).and_then(|text| text.chars().next());
        let open = word.ends_with(|c: char| !part(c));
        !before.is_some_and(part) && (open || !after.is_some_and(part))
    })
}

#[test]
fn files_functions_and_lines_are_short() {
    let mut broken = vec![];
    for (name, text) in sources() {
        let lines = text.lines().count();
        if lines > FILE_LINES_MAX {
            broken.push(format!("{name}: {lines} lines, at most {FILE_LINES_MAX}"));
        }
        for (number, line) in text.lines().enumerate() {
            // A record of a test's data on one line reads better than one cut in two.
            let is_data =
                line.trim_start().starts_with(['"', '{', 'r', '#', '(']) || line.contains("r#\"");
            if line.chars().count() > LINE_CHARS_MAX && !is_data && !line.contains("http") {
                broken.push(format!("{name}:{}: longer than {LINE_CHARS_MAX}", number + 1));
            }
        }
        for (start, length) in functions(&text) {
            if length > FUNCTION_LINES_MAX {
                broken.push(format!("{name}:{start}: a function of {length} lines"));
            }
        }
    }
    report("sizes", &broken);
}

/// First line and length of each function, by indentation: rustfmt closes a function where it
/// began.
fn functions(text: &str) -> Vec<(usize, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = vec![];
    for (at, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        let starts =
            ["fn ", "pub fn ", "pub(crate) fn ", "pub(super) fn ", "async fn ", "pub async fn "];
        if !starts.iter().any(|start| code.starts_with(start)) || line.trim_end().ends_with('}') {
            continue;
        }
        let opening = lines.iter().skip(at).find(|l| l.ends_with('{') || l.ends_with(';'));
        if opening.is_none_or(|line| line.ends_with(';')) {
            continue;
        }
        let close = format!("{}}}", " ".repeat(line.len() - code.len()));
        let end = lines.iter().skip(at).position(|line| *line == close);
        found.push((at + 1, end.map_or(0, |end| end + 1)));
    }
    found
}

#[test]
fn every_module_says_what_it_is() {
    let mut broken = vec![];
    for (name, text) in sources() {
        if !text.starts_with("//!") && !text.starts_with("#!") {
            broken.push(name);
        }
    }
    report("no //! at the top", &broken);
}

#[test]
fn nothing_is_left_for_later_without_an_issue() {
    // Put together so that this file does not name them itself.
    let words = [["TO", "DO"].concat(), ["FIX", "ME"].concat(), ["XX", "X"].concat()];
    let ignored = ["#[ign", "ore"].concat();
    let mut broken = vec![];
    for (name, text) in sources() {
        for (number, line) in text.lines().enumerate() {
            let has_word = words.iter().any(|word| names(line, word)) && !line.contains("issue ");
            if has_word || line.contains(&ignored) {
                broken.push(format!("{name}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    report("left for later", &broken);
}

#[test]
fn every_metric_is_in_the_book_and_no_other() {
    let words = |text: &str| -> Vec<String> {
        text.split(|c: char| !(c.is_ascii_lowercase() || c == '_'))
            .filter(|word| word.starts_with("tamga_") && *word != "tamga_sim")
            .map(str::to_owned)
            .collect()
    };
    let in_code: BTreeSet<String> = sources()
        .into_iter()
        .filter(|(name, _)| name.starts_with("engine/server/src"))
        .flat_map(|(_, text)| {
            let quoted = text.split('"').skip(1).step_by(2).flat_map(words).collect::<Vec<_>>();
            quoted.into_iter().filter(move |word| text.contains(&format!("\"{word}\"")))
        })
        .collect();
    let book = std::fs::read_to_string(root().join("deploy/docs/operations.md")).unwrap();
    let in_book: BTreeSet<String> = words(&book).into_iter().collect();
    assert_eq!(in_code, in_book);
}

#[test]
fn no_machine_paths() {
    let paths = [["/wo", "rk/"].concat(), ["/ro", "ot/"].concat(), ["/ho", "me/"].concat()];
    let mut broken = vec![];
    for (name, path) in files() {
        let Ok(text) = fs::read_to_string(path) else { continue };
        for (number, line) in text.lines().enumerate() {
            if paths.iter().any(|path| line.contains(path.as_str())) {
                broken.push(format!("{name}:{}", number + 1));
            }
        }
    }
    report("paths of one machine", &broken);
}

/// Ranges whose numbers are known test numbers: the demo's own BIN, and numbers that schemes and
/// other people's test data use.
const TEST_PREFIXES: &[&str] = &["9417", "4111111111111111", "5555555555554444"];

/// Data made by other people's software and by standards; their numbers are random or published.
const GIVEN_DATA: &[&str] = &["tests/fixtures/", "tests/conformance_", "benches/"];

#[test]
fn card_numbers_are_test_numbers() {
    let mut broken = vec![];
    for (name, path) in files() {
        let given = GIVEN_DATA.iter().any(|folder| name.starts_with(folder));
        if given || name == "Cargo.lock" {
            continue;
        }
        let Ok(text) = fs::read_to_string(path) else { continue };
        for (number, line) in text.lines().enumerate() {
            for digits in line.split(|c: char| !c.is_ascii_digit()) {
                let is_pan = [15, 16, 19].contains(&digits.len()) && luhn(digits);
                let is_test = TEST_PREFIXES.iter().any(|prefix| digits.starts_with(prefix));
                let is_round = digits.bytes().all(|b| b == b'0') || digits.starts_with("000");
                if is_pan && !is_test && !is_round && "3456".contains(&digits[..1]) {
                    broken.push(format!("{name}:{}: {}…", number + 1, &digits[..6]));
                }
            }
        }
    }
    report("card numbers outside the test ranges", &broken);
}

fn luhn(digits: &str) -> bool {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(at, digit)| match (at % 2, u32::from(digit - b'0')) {
            (0, value) => value,
            (_, value) => value * 2 - if value > 4 { 9 } else { 0 },
        })
        .sum();
    sum.is_multiple_of(10)
}

#[test]
fn tidy_notices_what_it_looks_for() {
    assert!(names("let x: f64 = 1;", "f64") && !names("let xf64 = 1;", "f64"));
    assert!(names("rand::rng()", "rand::") && !names("operand::x", "rand::"));
    assert_eq!(functions("fn a() {\n    b();\n}\n"), [(1, 3)]);
    assert!(luhn("4111111111111111") && !luhn("4111111111111112"));
}
