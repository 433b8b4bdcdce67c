//! The whole engine with its keys in a PKCS#11 token (`SoftHSM`): every security scenario over TCP,
//! and a token that is taken out and put back while terminals pay.
#![allow(clippy::unwrap_used)] // helpers of tests are outside `#[test]`, where it is allowed

use security::{ClearKey, KeyUsage, Pkcs11Module, Pkcs11Settings, TestKey};
use std::path::Path;
use tamga_tests::programs::{Run, command};
use tamga_tests::small_bank::SmallBank;
use tamga_tests::softhsm::{
    LABEL, PIN, in_own_process, is_there, library, new_token, pin_file, vanishing_library,
};
use zeroize::Zeroizing;

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

#[test]
fn a_version_that_the_token_does_not_have_is_said_before_anything_is_done() {
    if !is_there() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let settings = new_token(folder.path());
    let security = format!(
        "module = \"pkcs11\"\nlibrary = \"{}\"\ntoken_label = \"{LABEL}\"\npin_file = \"{}\"",
        library().unwrap().display(),
        pin_file(folder.path()).display()
    );
    write(
        "tamga.toml",
        &format!(
            "[security]\n{security}\ntest_keys = true\nkey_table = \"token-keys.toml\"\n\
             [[listener]]\nname = \"pos\"\nbind = \"127.0.0.1:0\"\n"
        ),
    );
    let portfolio = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/base.jsonl");
    let import = || -> Run {
        let mut import = command("tamga");
        import.args(["import", "--config"]).arg(folder.path().join("tamga.toml"));
        import.arg(&portfolio).env("SOFTHSM2_CONF", &settings).output().unwrap().into()
    };
    let table = "[pvk]\nusage = \"pin-verification-visa\"\n";
    for (version, why) in [
        ("{ object = \"pvk-2\", pvki = 2 }", "pvk: object pvk-2: no such key"),
        ("{ object = \"pvk-2\", pvki = 12 }", "a PVKI is 0 to 9"),
    ] {
        write("token-keys.toml", &format!("{table}version = [{version}]\n"));
        let run = import();
        assert!(run.code != 0 && run.err.contains(why), "{} {}", run.code, run.err);
    }
    write("token-keys.toml", "");
    assert!(import().good().out.contains("imported"), "without versions it goes on");
}

/// The issuer's master key of the cards of product `chip-v18`, as the terminal's portfolio has it.
const IMK: &str = "94B68573A8F7E667F2E35ECB4C6E1FAE";
const NEXT_IMK: &str = "FB1D2C3E4F5A6B7C8D9EAFB0C1D2E3F4";

/// Puts both keys into the token, as its own tools would.
fn two_master_keys() {
    let settings = Pkcs11Settings {
        library: library().unwrap(),
        token_label: LABEL.to_owned(),
        pin: Zeroizing::new(PIN.to_owned()),
        sessions: 1,
        patience: Pkcs11Settings::USUAL_PATIENCE,
        test_keys: true,
        key_table: None,
    };
    let module = Pkcs11Module::open(&settings, true).unwrap();
    for (name, hex) in [("imk-2023", IMK), ("imk-2026", NEXT_IMK)] {
        let key = TestKey::Tdes(ClearKey::from_hex(hex).unwrap());
        let _check_value = module.store_key(name, KeyUsage::ChipCryptogram, &key).unwrap();
    }
}

#[test]
fn cards_of_an_old_version_pay_until_its_moment() {
    if in_own_process("cards_of_an_old_version_pay_until_its_moment").is_some() {
        return;
    }
    two_master_keys();
    let folder = tempfile::tempdir().unwrap();
    let table = folder.path().join("token-keys.toml");
    let security = format!(
        "module = \"pkcs11\"\nlibrary = \"{}\"\ntoken_label = \"{LABEL}\"\npin_file = \"{}\"\n\
         key_table = \"{}\"",
        library().unwrap().display(),
        pin_file(folder.path()).display(),
        table.display()
    );
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/secure.jsonl");
    let text = std::fs::read_to_string(own).unwrap();
    assert!(text.contains(IMK), "the key of the cards is still that one");
    let named = folder.path().join("named.jsonl");
    std::fs::write(&named, text.replace(IMK, "imk")).unwrap();
    let versions = |until: &str| {
        let text = format!(
            "[imk]\nusage = \"chip-cryptogram\"\nversion = [{{ object = \"imk-2026\" }}, \
             {{ object = \"imk-2023\", accepted_until = {until} }}]\n"
        );
        std::fs::write(&table, text).unwrap();
    };
    versions("2099-12-31T00:00:00+06:00");
    let mut bank = SmallBank::new("secure.jsonl", &security, ("", ""), &[]);
    bank.open_with(&named);
    // Its card was personalised under the old version, which is not the current one any more.
    assert!(bank.comes_to("K1", CHIP_AND_PIN, "00"), "{}", bank.log());
    versions("2020-12-31T00:00:00+06:00");
    bank.start_again();
    assert_eq!(bank.code("K1", CHIP_AND_PIN), "05", "{}", bank.log());
    versions("2099-12-31T00:00:00+06:00");
    bank.start_again();
    assert_eq!(bank.code("K1", CHIP_AND_PIN), "00", "{}", bank.log());
}
