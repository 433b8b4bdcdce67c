//! The API of a real engine, asked by somebody else's scanner (schemathesis, from PyPI) with what its
//! own OpenAPI document allows and what it does not: no answer may be a fault of the engine, and
//! none may have a status or a content type that the document does not tell. Needs the Python that
//! `make setup` prepares; says so where it is left out.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use std::path::Path;
use std::process::Command;
use std::time::Duration;
use tamga_sim::scenario::{Engine, Launch};
use tamga_tests::conformance_dir;
use tamga_tests::programs::binary;

#[test]
fn a_scanner_of_apis_finds_no_fault_and_nothing_undocumented() {
    let Some(python) = std::env::var_os("TAMGA_PYTHON") else {
        assert!(
            std::env::var_os("TAMGA_TEST_SETUP").is_none(),
            "`make test` sets up Python with schemathesis, and it is not there"
        );
        println!("left out: needs TAMGA_PYTHON, a Python with schemathesis (`make test` makes it)");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let scenarios = conformance_dir().join("scenarios");
    let rules = std::fs::read_to_string(scenarios.join("base.rules.toml")).unwrap();
    let launch = Launch {
        program: binary("tamga"),
        patience: Duration::from_secs(60),
        zone: "Asia/Bishkek".to_owned(),
    };
    let (clock, portfolio) = ("2026-11-23T10:00:00+06:00", scenarios.join("base.jsonl"));
    let mut engine = Engine::start(&launch, folder.path(), &rules, &portfolio, clock).unwrap();
    let scanner = Path::new(&python).with_file_name("schemathesis");
    let output = Command::new(scanner)
        .current_dir(folder.path())
        .args(["run", &format!("{}/api/v1/openapi.json", engine.http())])
        .args(["--header", &format!("Authorization: Bearer {}", engine.token())])
        .args(["--checks", "not_a_server_error,status_code_conformance,content_type_conformance"])
        .args(["--phases", "examples,coverage,fuzzing", "--max-examples", "15", "--seed", "1"])
        .args(["--max-time", "45", "--no-shrink", "--suppress-health-check", "all"])
        // A feed without an end; and moving the clock ends days, which is not what is asked here.
        .args(["--exclude-path", "/api/v1/events", "--exclude-path", "/api/v1/test-clock"])
        .args(["--warnings", "off"])
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}");
    assert!(told.contains("test cases") || told.contains("Test cases"), "{told}");
    assert_eq!(engine.obituary(), None);
    engine.verify().unwrap();
}
