//! The whole engine with its keys in a PKCS#11 token (`SoftHSM`): every security scenario over TCP,
//! and a token that is taken out and put back while terminals pay.
#![allow(clippy::unwrap_used)] // helpers of tests are outside `#[test]`, where it is allowed

use std::path::Path;
use tamga_tests::programs::{Run, command};
use tamga_tests::small_bank::SmallBank;
use tamga_tests::softhsm::{LABEL, is_there, library, new_token, pin_file, vanishing_library};

#[test]
fn every_security_scenario_passes_with_keys_in_a_token() {
    if !is_there() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let mut play = command("tamga-sim");
    play.arg("scenario").args(["security.yaml", "scripts.yaml"].map(|name| own.join(name)));
    play.args(["--start-patience", "60", "--verify"]);
    play.env("SOFTHSM2_CONF", new_token(folder.path()));
    play.env("TAMGA__SECURITY__MODULE", "pkcs11");
    play.env("TAMGA__SECURITY__LIBRARY", library().unwrap());
    play.env("TAMGA__SECURITY__TOKEN_LABEL", LABEL);
    play.env("TAMGA__SECURITY__PIN_FILE", pin_file(folder.path()));
    let run: Run = play.output().unwrap().into();
    let run = run.good();
    println!("{}", run.out);
    assert!(run.out.contains("a PIN change") && run.out.contains(" 0 failed"), "{}", run.out);
    // The module's own keys are in the token, so it was asked.
    let token = std::fs::read_dir(folder.path().join("tokens")).unwrap().next().unwrap().unwrap();
    let objects = std::fs::read_dir(token.path()).unwrap().map(|file| file.unwrap().file_name());
    let objects = objects.filter(|name| name.to_string_lossy().ends_with(".object"));
    assert!(objects.count() >= 3, "objects of the token");
}

/// A holder's chip and PIN: all that the token has keys for.
const CHIP_AND_PIN: &[&str] = &["--pin", "1234"];
/// The chip alone, for which the bank stands in.
const CHIP: &[&str] = &[];

#[test]
fn a_token_that_is_taken_out_is_stood_in_for_and_comes_back_by_itself() {
    if !is_there() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (config, behind) = (new_token(folder.path()), library().unwrap());
    let gone = folder.path().join("gone");
    let security = format!(
        "module = \"pkcs11\"\nlibrary = \"{}\"\ntoken_label = \"{LABEL}\"\npin_file = \"{}\"",
        vanishing_library(folder.path()).display(),
        pin_file(folder.path()).display()
    );
    let environment = [
        ("SOFTHSM2_CONF", config.as_path()),
        ("TAMGA_TOKEN_BEHIND", behind.as_path()),
        ("TAMGA_TOKEN_GONE", gone.as_path()),
    ];
    let stand_in = "\n[[stand_in]]\nchip = \"150.00\"\n";
    let mut bank = SmallBank::new("secure.jsonl", &security, (stand_in, ""), &environment);
    bank.open();
    assert!(bank.comes_to("K1", CHIP_AND_PIN, "00"), "{}", bank.log());
    assert_eq!(bank.code("K1", &["--pin", "4321"]), "55");
    for _ in 0..2 {
        std::fs::write(&gone, "").unwrap();
        // A PIN that can't be checked is declined and no try of it counts (PIN-2); of what the chip
        // alone vouches for, the rule set stands in for a little (SEC-2).
        for _ in 0..4 {
            assert_eq!(bank.code("K1", CHIP_AND_PIN), "91", "{}", bank.log());
            assert_eq!(bank.code("K2", CHIP), "00", "{}", bank.log());
        }
        assert_eq!(bank.code("K2", &["--amount", "200.00"]), "91", "{}", bank.log());
        std::fs::remove_file(&gone).unwrap();
        assert!(bank.comes_to("K1", CHIP_AND_PIN, "00"), "without a restart\n{}", bank.log());
        assert_eq!(bank.code("K1", &["--pin", "4321"]), "55", "and it is the token that says so");
        assert_eq!(bank.code("K1", CHIP_AND_PIN), "00");
    }
    let log = bank.log();
    assert!(log.contains("the security module does not answer"), "{log}");
    assert!(bank.is_running(), "the engine never ended");
}
