//! `tamga check-config` and how a start is refused: the real program.
#![allow(clippy::unwrap_used)] // helpers of tests are outside `#[test]`, where it is allowed

use std::fs;
use std::path::Path;
use tamga_tests::programs::{Run, tamga};

fn check(text: &str, others: &[(&str, &str)]) -> Run {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in others {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let file = folder.path().join("tamga.toml");
    fs::write(&file, text).unwrap();
    let mut run = tamga(&["check-config".as_ref(), file.as_os_str()]);
    let place = format!("{}/", folder.path().display());
    run.err = run.err.replace(&place, "");
    run
}

const LISTENER: &str = "[[listener]]\nname = \"pos\"\nbind = \"127.0.0.1:8583\"\n";

#[test]
fn the_demo_s_configuration_is_good() {
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/demo/tamga.toml");
    let run = tamga(&["check-config".as_ref(), demo.as_os_str()]).good();
    for words in ["127.0.0.1:8583", "u16be + TPDU, iso87-bcd", "test keys", "good"] {
        assert!(run.out.contains(words), "{words}\n{}", run.out);
    }
    assert_eq!(run.err, "");
}

/// One run says everything, of all the files.
#[test]
fn everything_wrong_is_said_at_once() {
    let text = format!(
        "rules = \"rules.toml\"\n{LISTENER}dialect = \"own.toml\"\ncodes = \"codes.toml\"\n\
         tpdo = true\n[listener.tls]\ncert = \"none.pem\"\nkey = \"none.pem\"\n"
    );
    let rules = "version = \"1\"\n[[limit]]\nid = \"x\"\nscoop = \"card\"\n";
    let own = "name = \"own\"\nbase = \"iso87-bcd\"\n[elements.3]\nformat = \"nonsense\"\n";
    let codes = "[codes]\nno_such_cause = \"99\"\n";
    let others = [("rules.toml", rules), ("own.toml", own), ("codes.toml", codes)];
    let run = check(&text, &others).exits(1);
    for words in [
        "tamga.toml:7:1: listener.0.tpdo: unknown key `tpdo` (did you mean `tpdu`?)",
        "rules.toml:",
        "scoop",
        "own.toml:4:",
        "codes.toml:",
        "none.pem",
    ] {
        assert!(run.err.contains(words), "{words}\n{}", run.err);
    }
    assert_eq!(run.out, "");
}

#[test]
fn files_that_are_not_there_are_told() {
    let text = format!("rules = \"gone.toml\"\n{LISTENER}dialect = \"./gone-dialect.toml\"\n");
    let run = check(&text, &[]).exits(1);
    assert!(run.err.contains("gone.toml: the rule set cannot be read"), "{}", run.err);
    assert!(run.err.contains("gone-dialect.toml: cannot be read"), "{}", run.err);
    let gone = tamga(&["check-config", "/nonexistent/tamga.toml"]).exits(1);
    assert!(gone.err.starts_with("/nonexistent/tamga.toml: cannot be read"), "{}", gone.err);
}

#[test]
fn serve_refuses_what_check_config_refuses() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tamga.toml");
    fs::write(&file, format!("{LISTENER}[security]\nmodule = \"pkcs11\"\n")).unwrap();
    let run = tamga(&["serve".as_ref(), "--config".as_ref(), file.as_os_str()]).exits(2);
    let words = "security.library: is missing";
    assert!(run.err.contains(words), "{}", run.err);
    assert!(!folder.path().join("data").exists(), "nothing was started");
}

#[test]
fn help_has_examples_and_a_version_is_told() {
    let run = tamga(&["--version"]).good();
    assert!(run.out.starts_with("tamga "), "{}", run.out);
    for command in ["serve", "import", "decode", "encode", "replay", "verify", "eod"] {
        let run = tamga(&[command, "--help"]).good();
        assert!(run.out.contains("Example"), "{command}\n{}", run.out);
    }
    let _refused = tamga(&["serv"]).exits(2);
}
