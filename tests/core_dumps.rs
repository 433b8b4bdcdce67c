//! A crash leaves no image of the process's memory behind, whatever `ulimit -c` says.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;
use tamga_tests::programs::binary;

/// The line of a process's limits about core files.
fn core_limit(pid: u32) -> String {
    let limits = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    limits.lines().find(|line| line.starts_with("Max core file size")).unwrap().to_owned()
}

#[test]
fn a_crash_leaves_no_core_dump() {
    let folder = tempfile::tempdir().unwrap();
    // Reads its passphrase from a pipe that stays open: it waits there until it is crashed.
    let script = format!(
        "ulimit -c unlimited; exec {} backup --data {} --passphrase-file - out",
        binary("tamga").display(),
        folder.path().display()
    );
    let mut child = Command::new("bash")
        .args(["-c", &script])
        .current_dir(folder.path())
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let patience = std::time::Instant::now() + Duration::from_secs(20);
    while !core_limit(child.id()).contains("0                    0") {
        assert!(std::time::Instant::now() < patience, "{}", core_limit(child.id()));
        std::thread::sleep(Duration::from_millis(20));
    }
    let aborted = Command::new("kill").args(["-ABRT", &child.id().to_string()]).status().unwrap();
    assert!(aborted.success());
    let ended = child.wait().unwrap();
    use std::os::unix::process::ExitStatusExt;
    assert_eq!(ended.signal(), Some(6));
    assert!(!ended.core_dumped(), "a core was written");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing was left");
}
