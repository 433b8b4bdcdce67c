//! A `SoftHSM` token of a test's own: Debian's package `softhsm2`, which `make setup` installs.
//!
//! The library reads its configuration from the environment when it is loaded, so a test that
//! needs a token runs itself again in a process of its own ([`in_own_process`]).

use std::path::{Path, PathBuf};
use std::process::Command;

/// The user PIN of the tokens.
pub const PIN: &str = "7391";
/// Their label.
pub const LABEL: &str = "tamga-test";

const LIBRARIES: &[&str] = &[
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib64/softhsm/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
];

/// The library: `TAMGA_SOFTHSM`, else where packages put it.
#[must_use]
pub fn library() -> Option<PathBuf> {
    let named = std::env::var_os("TAMGA_SOFTHSM").map(PathBuf::from);
    named.or_else(|| LIBRARIES.iter().map(PathBuf::from).find(|path| path.exists()))
}

/// A new token in a folder; gives the configuration file to be named in `SOFTHSM2_CONF`.
///
/// # Panics
/// If the token cannot be made.
#[must_use]
pub fn new_token(folder: &Path) -> PathBuf {
    let tokens = folder.join("tokens");
    std::fs::create_dir_all(&tokens).unwrap_or_else(|error| panic!("{error}"));
    let config = folder.join("softhsm2.conf");
    let text = format!(
        "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n",
        tokens.display()
    );
    std::fs::write(&config, text).unwrap_or_else(|error| panic!("{error}"));
    let made = Command::new("softhsm2-util")
        .args(["--init-token", "--free", "--label", LABEL, "--so-pin", "4711", "--pin", PIN])
        .env("SOFTHSM2_CONF", &config)
        .output()
        .unwrap_or_else(|error| panic!("softhsm2-util: {error}"));
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    config
}

/// Runs a test of this program with a new token, in a process of its own. `None` in that process:
/// the test does its work. Else whether it was done, or left out because there is no `SoftHSM`,
/// which under `make test` is a failure.
///
/// # Panics
/// If the test fails there, or there is no `SoftHSM` under `make test`.
#[must_use]
pub fn in_own_process(test: &str) -> Option<bool> {
    if std::env::var_os("TAMGA_TOKEN_IS_READY").is_some() {
        return None;
    }
    if !is_there() {
        return Some(false);
    }
    let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let program = std::env::current_exe().unwrap_or_else(|error| panic!("{error}"));
    let output = Command::new(program)
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env("SOFTHSM2_CONF", new_token(folder.path()))
        .env("TAMGA_TOKEN_IS_READY", "1")
        .output()
        .unwrap_or_else(|error| panic!("{error}"));
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.status.success(), "{said}");
    assert!(said.contains("1 passed"), "the test was not found: {said}");
    Some(true)
}

/// A library that stands before `SoftHSM`'s and, while the file named by `TAMGA_TOKEN_GONE` is there,
/// plays a token that was taken out. Needs `TAMGA_TOKEN_BEHIND`. Made with the C compiler that Rust
/// needs anyway.
///
/// # Panics
/// If it cannot be made.
#[must_use]
pub fn vanishing_library(folder: &Path) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/vanishing_token.c");
    let made = folder.join("vanishing.so");
    let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
    let mut compile = Command::new(compiler);
    compile.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&made).arg(source).arg("-ldl");
    let output = compile.output().unwrap_or_else(|error| panic!("cc: {error}"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    made
}

/// A file with the user PIN, as the configuration wants it.
///
/// # Panics
/// If it cannot be written.
#[must_use]
pub fn pin_file(folder: &Path) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let path = folder.join("pin");
    std::fs::write(&path, PIN).unwrap_or_else(|error| panic!("{error}"));
    let mode = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(&path, mode).unwrap_or_else(|error| panic!("{error}"));
    path
}

/// Whether a test that needs a token can run; says so if not.
///
/// # Panics
/// If there is no `SoftHSM` under `make test`.
#[must_use]
pub fn is_there() -> bool {
    let there = library().is_some();
    assert!(
        there || std::env::var_os("TAMGA_TEST_SETUP").is_none(),
        "`make test` installs softhsm2, and it is not there"
    );
    if !there {
        println!("left out: needs SoftHSM (Debian package softhsm2; `make test` installs it)");
    }
    there
}
