//! What the security module costs per message: a PIN verified, a cryptogram verified and answered,
//! a MAC; by the software module, and by a token where `TAMGA_TOKEN` names its library (label
//! `tamga-bench`, user PIN `7391`). One thread, so it is per core; a token's time less the software
//! module's is the latency it adds. A payment HSM is asked over TCP on this machine, the simulated
//! one, which computes in this process: what that shows is the client and the wire, no HSM.

use criterion::{Criterion, criterion_group, criterion_main};
use cryptography::{emv, pin_block, pvv};
use payment_types::Pan;
use security::TestKey;
use security::payshield::{PayshieldModule, Settings};
use security::{
    ArpcInput, ChipCard, CryptogramInput, CryptogramVersion, Derivation, KeyUsage, LoadedKey,
    MacAlgorithm, MacSource, PinBlockFormat, PinCard, PinData, PinSource, Pkcs11Module,
    Pkcs11Settings, SecurityModule, SoftwareModule, TdesKey, TestPin, USUAL_DECIMALIZATION,
    encrypt_pin_block_iso0,
};
use std::hint::black_box;
use std::mem::forget;
use std::time::Duration;
use tamga_sim::hsm::{Hsm, Options, Running};
use zeroize::Zeroizing;

/// Characters before each command.
const HEADER: usize = 4;
const KEY: &str = "0123456789ABCDEFFEDCBA9876543210";

fn modules(hsm: &Running) -> Vec<(&'static str, Box<dyn SecurityModule>)> {
    let software: Box<dyn SecurityModule> = Box::new(SoftwareModule::ephemeral_for_tests());
    let mut modules = vec![("software", software)];
    if let Some(library) = std::env::var_os("TAMGA_TOKEN") {
        let settings = Pkcs11Settings {
            library: library.into(),
            token_label: "tamga-bench".to_owned(),
            pin: Zeroizing::new("7391".to_owned()),
            sessions: 1,
            patience: Pkcs11Settings::USUAL_PATIENCE,
            test_keys: true,
            key_table: None,
        };
        let token = Pkcs11Module::open(&settings, true).unwrap_or_else(|error| panic!("{error}"));
        modules.push(("pkcs11", Box::new(token)));
    }
    let settings = Settings {
        connections: 1,
        timeout: Duration::from_secs(5),
        header_length: HEADER,
        ..Settings::at(vec![hsm.address().to_string()])
    };
    let asked = PayshieldModule::start(settings, SoftwareModule::ephemeral_for_tests(), true);
    let asked = asked.unwrap_or_else(|error| panic!("{error}"));
    modules.push(("payshield", Box::new(asked)));
    modules
}

fn loaded(module: &dyn SecurityModule, usage: KeyUsage) -> LoadedKey {
    let clear = security::ClearKey::from_hex(KEY).unwrap_or_else(|error| panic!("{error}"));
    let sealed = module.seal_test_key(&TestKey::Tdes(clear), usage);
    let key = sealed.and_then(|sealed| module.load(&sealed, usage));
    key.unwrap_or_else(|error| panic!("{usage}: {error}"))
}

fn pins(criterion: &mut Criterion, name: &str, module: &dyn SecurityModule, pan: &Pan) {
    let pin = TestPin::new("4739").unwrap_or_else(|error| panic!("{error}"));
    let clear = security::ClearKey::from_hex(KEY).unwrap_or_else(|error| panic!("{error}"));
    let terminal = TdesKey::new(&clear).unwrap_or_else(|error| panic!("{error}"));
    let block = encrypt_pin_block_iso0(&pin, pan, &terminal).bytes();
    let pvv = security::visa_pvv(&terminal, 1, pan, &pin).expose_digits();
    let pvv = String::from_utf8_lossy(&pvv).into_owned();
    let reference = security::PinReference::visa(1, &pvv).unwrap_or_else(|error| panic!("{error}"));
    let key = loaded(module, KeyUsage::PinEncryption);
    let verification = loaded(module, KeyUsage::PinVerificationVisa);
    let source = PinSource::Session(&key);
    let data = PinData { block: &block, format: PinBlockFormat::Iso0, source };
    let card = PinCard {
        pan,
        reference: &reference,
        key: Some(&verification),
        decimalization: &USUAL_DECIMALIZATION,
    };
    assert_eq!(module.verify_pin(&data, &card), Ok(security::PinOutcome::Verified));
    criterion.bench_function(&format!("security/{name}/PIN by PVV"), |bencher| {
        bencher.iter(|| black_box(module.verify_pin(&data, &card)));
    });
}

fn chips(criterion: &mut Criterion, name: &str, module: &dyn SecurityModule, pan: &Pan) {
    let key = loaded(module, KeyUsage::ChipCryptogram);
    let version = CryptogramVersion::VisaCvn18;
    let mut input = CryptogramInput {
        card: ChipCard { pan, psn: 0, derivation: Derivation::A, version },
        amount_authorized: [0, 0, 0, 1, 0, 0],
        amount_other: [0; 6],
        terminal_country: [4, 0x17],
        tvr: [0; 5],
        currency: [4, 0x17],
        date: [0x26, 0x11, 0x23],
        transaction_type: 0,
        unpredictable_number: [1, 2, 3, 4],
        aip: [0x18, 0],
        atc: 7,
        issuer_application_data: &[6, 1, 0x12, 3, 0xA0, 0, 0],
        cryptogram: [0; 8],
    };
    // The card's side, in clear.
    let clear = security::ClearKey::from_hex(KEY).unwrap_or_else(|error| panic!("{error}"));
    let issuer = TdesKey::new(&clear).unwrap_or_else(|error| panic!("{error}"));
    let card = cryptography::emv::master_key(&issuer, Derivation::A, pan, 0);
    let elements = cryptography::emv::AcInput {
        amount_authorized: input.amount_authorized,
        amount_other: input.amount_other,
        terminal_country: input.terminal_country,
        tvr: input.tvr,
        currency: input.currency,
        date: input.date,
        transaction_type: input.transaction_type,
        unpredictable_number: input.unpredictable_number,
        aip: input.aip,
        atc: input.atc,
        issuer_application_data: input.issuer_application_data,
    };
    let made = cryptography::emv::cryptogram(version, &card, &elements);
    input.cryptogram = made.unwrap_or_else(|error| panic!("{error}"));
    let answer = ArpcInput::Method2 { status_update: [0; 4], proprietary: &[] };
    assert!(module.response_cryptogram(&key, &input, answer).is_ok());
    criterion.bench_function(&format!("security/{name}/ARQC and ARPC"), |bencher| {
        bencher.iter(|| {
            let verified = module.verify_cryptogram(&key, &input);
            black_box((verified, module.response_cryptogram(&key, &input, answer)))
        });
    });
}

fn macs(criterion: &mut Criterion, name: &str, module: &dyn SecurityModule) {
    let key = loaded(module, KeyUsage::MacTerminal);
    let data = [0x5A; 200];
    criterion.bench_function(&format!("security/{name}/retail MAC of 200 bytes"), |bencher| {
        let source = MacSource::Session(&key);
        bencher.iter(|| black_box(module.mac(&source, MacAlgorithm::Iso9797Alg3, &data)));
    });
}

/// What wiping secrets costs: the steps of a PIN and of a cryptogram with everything that they hold
/// dropped, which wipes it, and with the same things forgotten, which leaves them in memory. What
/// the steps wipe inside themselves is in both.
fn wiping(criterion: &mut Criterion, pan: &Pan) {
    let clear = security::ClearKey::from_hex(KEY).unwrap_or_else(|error| panic!("{error}"));
    let key = TdesKey::new(&clear).unwrap_or_else(|error| panic!("{error}"));
    let pin = TestPin::new("4739").unwrap_or_else(|error| panic!("{error}"));
    let block = encrypt_pin_block_iso0(&pin, pan, &key).bytes();
    let expected = security::visa_pvv(&key, 1, pan, &pin).expose_digits();
    let mut pin_by_pvv = |name: &str, leave: bool| {
        criterion.bench_function(&format!("security/wiping/PIN by PVV, {name}"), |bencher| {
            bencher.iter(|| {
                let clear = Zeroizing::new(key.decrypt(black_box(block)));
                let (pin, good) = pin_block::decode(PinBlockFormat::Iso0, &clear, pan);
                let input = pvv::input(1, pan, &pin);
                let made = pvv::from_block(key.encrypt(*input));
                let right = made.ct_eq(&expected) & good;
                if leave {
                    forget((clear, pin, input, made));
                }
                right
            });
        });
    };
    pin_by_pvv("wiped", false);
    pin_by_pvv("left", true);
    let version = CryptogramVersion::VisaCvn18;
    let mut cryptogram = |name: &str, leave: bool| {
        criterion.bench_function(&format!("security/wiping/cryptogram, {name}"), |bencher| {
            bencher.iter(|| {
                let card = emv::master_key(&key, Derivation::A, black_box(pan), 0);
                let session = version.session_key(&card, 7, [1, 2, 3, 4]);
                let ready = session.tdes();
                let made = emv::application_cryptogram(&ready, version.padding(), &[0x5A; 32]);
                if leave {
                    forget((card, session, ready));
                }
                made
            });
        });
    };
    cryptogram("wiped", false);
    cryptogram("left", true);
}

fn all(criterion: &mut Criterion) {
    let pan = Pan::from_ascii(b"9417000000000009").unwrap_or_else(|error| panic!("{error}"));
    let options = Options { header_length: HEADER, ..Options::default() };
    let hsm = Hsm::start("127.0.0.1:0", &options).unwrap_or_else(|error| panic!("{error}"));
    for (name, module) in modules(&hsm) {
        pins(criterion, name, &*module, &pan);
        chips(criterion, name, &*module, &pan);
        macs(criterion, name, &*module);
    }
    wiping(criterion, &pan);
}

criterion_group!(benches, all);
criterion_main!(benches);
