//! What the tests of several crates share: where the conformance data is, and reading it.

pub mod programs;
pub mod security_suite;
pub mod small_bank;
pub mod softhsm;

use serde_json::Value;
use std::path::{Path, PathBuf};

/// The folder with vectors and scenarios: `TAMGA_CONFORMANCE`, else `../shared/conformance` beside
/// the repository, else the copy in `tests/fixtures`.
#[must_use]
pub fn conformance_dir() -> PathBuf {
    if let Some(dir) = std::env::var_os("TAMGA_CONFORMANCE") {
        return PathBuf::from(dir);
    }
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let beside = tests.join("../../shared/conformance");
    if beside.is_dir() { beside } else { tests.join("fixtures/conformance") }
}

/// A JSON file of the conformance data, by its path within the folder.
///
/// # Panics
/// If it is not there or not JSON: a conformance test without its data has failed.
#[must_use]
pub fn conformance_json(path: &str) -> Value {
    let path = conformance_dir().join(path);
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The text of a field.
///
/// # Panics
/// If there is no such field or it is not text.
#[must_use]
pub fn text<'v>(value: &'v Value, field: &str) -> &'v str {
    value[field].as_str().unwrap_or_else(|| panic!("no text {field:?} in {value}"))
}

/// The elements of a field that is a list.
///
/// # Panics
/// If there is no such field or it is not a list.
#[must_use]
pub fn list<'v>(value: &'v Value, field: &str) -> &'v [Value] {
    value[field].as_array().unwrap_or_else(|| panic!("no list {field:?} in {value}"))
}
