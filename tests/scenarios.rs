//! The rule scenarios against the real engine over TCP and HTTP, crash steps included: those given
//! by others (`../shared/conformance` or its copy) and the project's own in `tests/scenarios`.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use std::path::{Path, PathBuf};
use std::time::Duration;
use tamga_sim::scenario::{Launch, Settings, run};
use tamga_tests::conformance_dir;
use tamga_tests::programs::binary;

fn play(files: &[PathBuf], only: Option<&str>) {
    let settings = Settings {
        launch: Launch {
            program: binary("tamga"),
            patience: Duration::from_secs(60),
            zone: "Asia/Bishkek".to_owned(),
        },
        patience: Duration::from_secs(15),
        keep_data: false,
        only: only.map(str::to_owned),
        verify: true,
    };
    let report = run(&settings, files, |result| println!("{result}"));
    println!("{report}");
    assert!(!report.scenarios.is_empty(), "no scenario was played");
    assert!(report.passed(), "{report}");
}

fn given(name: &str) -> PathBuf {
    conformance_dir().join("scenarios").join(name)
}

#[test]
fn contactless() {
    play(&[given("01-contactless.yaml")], None);
}

#[test]
fn agent_cash() {
    play(&[given("02-agent-cash.yaml")], None);
}

#[test]
fn balance_and_overdraft() {
    play(&[given("03-balance-and-overdraft.yaml")], None);
}

#[test]
fn cards_and_lifecycle() {
    play(&[given("04-cards-and-lifecycle.yaml")], None);
}

#[test]
fn our_own() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "yaml"))
        .collect();
    files.sort();
    play(&files, None);
}
