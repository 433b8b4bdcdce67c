//! A module and its HSM, and keys for both.

use payment_types::Pan;
use security::payshield::{PayshieldModule, Settings};
use security::{ClearKey, KeyUsage, LoadedKey, SecurityModule, SoftwareModule, TdesKey, TestKey};
use std::time::Duration;
use tamga_sim::hsm::{Hsm, Options, Running};

pub(crate) const KEY: &str = "0123456789ABCDEFFEDCBA9876543210";
pub(crate) const OTHER_KEY: &str = "76E3F12A0BC4985D45D2A8C11F3B6E97";

pub(crate) fn pan() -> Pan {
    Pan::from_ascii(b"9417120000000013").expect("a card number")
}

pub(crate) fn tdes(hex: &str) -> TdesKey {
    TdesKey::new(&clear(hex)).expect("a usable key")
}

pub(crate) fn clear(hex: &str) -> ClearKey {
    ClearKey::from_hex(hex).expect("a key")
}

pub(crate) const HEADER: usize = 4;

pub(crate) fn options() -> Options {
    Options { header_length: HEADER, tls: None, seed: 7 }
}

pub(crate) fn hsm() -> Running {
    Hsm::start("127.0.0.1:0", &options()).expect("a port")
}

pub(crate) fn settings(hsm: &Running) -> Settings {
    Settings {
        connections: 2,
        timeout: Duration::from_millis(700),
        header_length: HEADER,
        check_every: Duration::from_millis(50),
        ..Settings::at(vec![hsm.address().to_string()])
    }
}

pub(crate) fn start(settings: Settings) -> PayshieldModule {
    PayshieldModule::start(settings, SoftwareModule::ephemeral_for_tests(), true)
        .expect("settings that work")
}

/// A module with an HSM that behaves.
pub(crate) fn module() -> (PayshieldModule, Running) {
    let hsm = hsm();
    (start(settings(&hsm)), hsm)
}

pub(crate) fn load(module: &dyn SecurityModule, hex: &str, usage: KeyUsage) -> LoadedKey {
    let sealed = module.seal_test_key(&TestKey::Tdes(clear(hex)), usage).expect("test mode");
    module.load(&sealed, usage).expect("sealed by this module")
}
