//! The programs under test: built once, run with their output caught.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// The program `name` (`tamga`, `tamga-sim`) of the profile these tests were built with; built if
/// need be.
///
/// # Panics
/// If it cannot be built.
#[must_use]
pub fn binary(name: &str) -> PathBuf {
    static BUILT: OnceLock<()> = OnceLock::new();
    let folder = profile_folder();
    BUILT.get_or_init(|| build(&folder));
    let program = folder.join(name);
    assert!(program.is_file(), "{} was not built", program.display());
    program
}

/// `target/debug` or `target/release`: two above the test program.
fn profile_folder() -> PathBuf {
    let test = std::env::current_exe().unwrap_or_else(|error| panic!("no test program: {error}"));
    let folder = test.parent().and_then(Path::parent);
    folder.map_or_else(|| panic!("{} is in no target folder", test.display()), Path::to_path_buf)
}

fn build(folder: &Path) {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build.args(["build", "--quiet", "--package", "tamga", "--package", "tamga-sim"]);
    if folder.ends_with("release") {
        build.arg("--release");
    }
    // What cargo tells a test of its package. Build scripts that look at it would run again, and
    // all that hangs on them would be built anew, each time.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|own| text.starts_with(own)) {
            build.env_remove(&name);
        }
    }
    build.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    if let Some(target) = folder.parent() {
        build.env("CARGO_TARGET_DIR", target);
    }
    let status = build.status().unwrap_or_else(|error| panic!("cargo build: {error}"));
    assert!(status.success(), "the programs could not be built");
}

/// What a program printed and how it exited.
#[derive(Debug)]
pub struct Run {
    /// The exit code; -1 if a signal ended it.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Run {
    /// The run, if the program exited with 0.
    ///
    /// # Panics
    /// If it did not: with everything it printed.
    #[must_use]
    pub fn good(self) -> Self {
        assert!(self.code == 0, "exit {}\n{}\n{}", self.code, self.out, self.err);
        self
    }

    /// The run, if the program exited with `code`.
    ///
    /// # Panics
    /// If it did not: with everything it printed.
    #[must_use]
    pub fn exits(self, code: i32) -> Self {
        assert!(self.code == code, "exit {}, not {code}\n{}\n{}", self.code, self.out, self.err);
        self
    }
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// Runs `tamga` to its end. The environment's own settings and tokens are kept away from it.
///
/// # Panics
/// If it cannot be started.
#[must_use]
pub fn tamga<S: AsRef<std::ffi::OsStr>>(arguments: &[S]) -> Run {
    let output = command("tamga").args(arguments).output();
    output.unwrap_or_else(|error| panic!("tamga does not start: {error}")).into()
}

/// A program ready to be given arguments.
///
/// # Panics
/// If it cannot be built.
#[must_use]
pub fn command(name: &str) -> Command {
    let mut command = Command::new(binary(name));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("TAMGA_") {
            command.env_remove(name);
        }
    }
    command
}
