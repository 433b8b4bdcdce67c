//! The operators' console: its logic by Vitest, and whole stories by Playwright in the system's
//! Chromium against the real engine, with every page held to WCAG by axe. Needs Node.js, the
//! console's packages and a browser, which `make test` sets up; says so where it is left out.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use std::path::Path;
use std::process::Command;
use tamga_tests::programs::binary;

const CONSOLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../engine/console");

/// Runs one of the console's tools, where `make test` set it up.
fn tool(name: &str, arguments: &[&str], programs: &Path) {
    if std::env::var_os("TAMGA_TEST_SETUP").is_none() {
        println!("left out: needs Node.js and the console's packages (`make test` sets them up)");
        return;
    }
    let program = Path::new(CONSOLE).join("node_modules/.bin").join(name);
    assert!(program.is_file(), "`make console` fetches {name}, and it is not there");
    let output = Command::new(program)
        .args(arguments)
        .current_dir(CONSOLE)
        .env("TAMGA_BIN", programs)
        .env("CI", "1")
        .output()
        .expect("a program of node_modules can be run");
    let said = String::from_utf8_lossy(&output.stdout);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name} {arguments:?}:\n{said}\n{error}");
    println!("{said}");
}

#[test]
fn its_logic_holds() {
    tool("vitest", &["run"], Path::new(CONSOLE));
}

#[test]
fn its_types_hold_against_the_engines_own_document() {
    tool("tsc", &["-b"], Path::new(CONSOLE));
}

#[test]
fn whole_stories_pass_in_a_browser() {
    if std::env::var_os("TAMGA_TEST_SETUP").is_none() {
        println!("left out: needs Node.js, Chromium and a built console (`make test`)");
        return;
    }
    let tamga = binary("tamga");
    tool("playwright", &["test"], tamga.parent().expect("a program is in a folder"));
}
