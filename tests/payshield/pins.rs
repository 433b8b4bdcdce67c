//! PIN-1, PIN-4: verified and changed in the HSM.

use super::bench::{KEY, OTHER_KEY, clear, load, module, pan, tdes};
use cryptography::dukpt_tdes::{BaseKey, Ksn, working_keys};
use cryptography::ibm3624::{DecimalizationTable, natural_pin, offset, validation_data};
use cryptography::{Pin, PinBlockFormat, TdesKey, pin_block, pvv};
use security::{
    KeyUsage, LoadedKey, PinCard, PinData, PinOutcome, PinReference, PinSource, SecurityError,
    SecurityModule, TestPin, USUAL_DECIMALIZATION,
};

const PVK: &str = "13456789ABCDEF02F2C4A68091B3D5E7";
const KSN: [u8; 10] = [0xFF, 0xFF, 0x98, 0x76, 0x54, 0x32, 0x10, 0xE0, 0x00, 0x08];

fn block(digits: &str, format: PinBlockFormat, key: &TdesKey) -> [u8; 8] {
    let pin = Pin::from_ascii(digits.as_bytes()).expect("a PIN");
    let clear = pin_block::encode(format, &pin, &pan(), &[0xB; 16]).expect("a block");
    key.encrypt(*clear)
}

fn visa(digits: &str) -> PinReference {
    let pin = Pin::from_ascii(digits.as_bytes()).expect("a PIN");
    let made = pvv::pvv(&tdes(PVK), 3, &pan(), &pin).expose_digits();
    PinReference::visa(3, std::str::from_utf8(&made).expect("digits")).expect("a PVV")
}

fn ibm(digits: &str) -> PinReference {
    let pin = Pin::from_ascii(digits.as_bytes()).expect("a PIN");
    let table = DecimalizationTable::from_ascii(&USUAL_DECIMALIZATION).expect("a table");
    let validation = validation_data(&pan(), 0, 16, 0xF).expect("sixteen digits");
    let made = offset(&natural_pin(&tdes(PVK), &table, &validation), &pin);
    let digits = made.expose_digits().to_vec();
    PinReference::ibm_offset(&String::from_utf8(digits).expect("digits")).expect("an offset")
}

struct Case<'a> {
    module: &'a dyn SecurityModule,
    source: PinSource<'a>,
    format: PinBlockFormat,
    reference: &'a PinReference,
    key: Option<&'a LoadedKey>,
}

impl Case<'_> {
    fn verify(&self, block: &[u8]) -> Result<PinOutcome, SecurityError> {
        let data = PinData { block, format: self.format, source: self.source };
        let pan = pan();
        let (reference, key) = (self.reference, self.key);
        let card = PinCard { pan: &pan, reference, key, decimalization: &USUAL_DECIMALIZATION };
        self.module.verify_pin(&data, &card)
    }

    fn change(&self, current: Option<&[u8]>, new: &[u8]) -> (PinOutcome, Option<PinReference>) {
        let data = |block| PinData { block, format: self.format, source: self.source };
        let pan = pan();
        let (reference, key) = (self.reference, self.key);
        let card = PinCard { pan: &pan, reference, key, decimalization: &USUAL_DECIMALIZATION };
        let current = current.map(data);
        let change =
            self.module.change_pin(current.as_ref(), &data(new), &card).expect("an answer");
        (change.outcome, change.new)
    }
}

#[test]
fn pins_under_working_keys_are_verified_in_all_formats_the_hsm_has() {
    let (module, _hsm) = module();
    let (pvk, ibm_pvk) = (
        load(&module, PVK, KeyUsage::PinVerificationVisa),
        load(&module, PVK, KeyUsage::PinVerificationIbm),
    );
    let references = [(visa("4739"), &pvk), (ibm("4739"), &ibm_pvk)];
    for usage in [KeyUsage::PinEncryption, KeyUsage::ZonePin] {
        let key = load(&module, KEY, usage);
        for format in [PinBlockFormat::Iso0, PinBlockFormat::Iso1, PinBlockFormat::Iso3] {
            for (reference, pvk) in &references {
                let source = PinSource::Session(&key);
                let case = Case { module: &module, source, format, reference, key: Some(*pvk) };
                let right = block("4739", format, &tdes(KEY));
                assert_eq!(case.verify(&right), Ok(PinOutcome::Verified), "{usage} {format:?}");
                let wrong = block("4738", format, &tdes(KEY));
                assert_eq!(case.verify(&wrong), Ok(PinOutcome::Wrong), "{usage} {format:?}");
                // Of another terminal: no PIN was seen, so it is no try (PIN-2).
                let other = block("4739", format, &tdes(OTHER_KEY));
                assert_eq!(case.verify(&other), Err(SecurityError::PinBlock), "{format:?}");
                assert_eq!(case.verify(&right[..7]), Err(SecurityError::Malformed("PIN block")));
            }
        }
    }
}

#[test]
fn pins_under_dukpt_are_verified() {
    let (module, _hsm) = module();
    let base = load(&module, KEY, KeyUsage::BaseDerivationTdes);
    let (pvk, ibm_pvk) = (
        load(&module, PVK, KeyUsage::PinVerificationVisa),
        load(&module, PVK, KeyUsage::PinVerificationIbm),
    );
    let ksn = Ksn::new(&KSN).expect("a serial number");
    let key = working_keys(&BaseKey::new(&clear(KEY)).expect("a base key"), ksn).pin();
    for (reference, pvk) in [(visa("4739"), &pvk), (ibm("4739"), &ibm_pvk)] {
        let case = |ksn| Case {
            module: &module,
            source: PinSource::Dukpt { base: &base, ksn },
            format: PinBlockFormat::Iso0,
            reference: &reference,
            key: Some(pvk),
        };
        let right = block("4739", PinBlockFormat::Iso0, &key);
        assert_eq!(case(&KSN).verify(&right), Ok(PinOutcome::Verified));
        let wrong = block("9374", PinBlockFormat::Iso0, &key);
        assert_eq!(case(&KSN).verify(&wrong), Ok(PinOutcome::Wrong));
        let mut next = KSN;
        next[9] += 1;
        assert_eq!(case(&next).verify(&right), Err(SecurityError::PinBlock));
        assert_eq!(case(&KSN[..9]).verify(&right), Err(SecurityError::Ksn));
    }
}

#[test]
fn a_pin_is_changed_in_one_step() {
    let (module, _hsm) = module();
    let session = load(&module, KEY, KeyUsage::PinEncryption);
    let base = load(&module, KEY, KeyUsage::BaseDerivationTdes);
    let ksn = Ksn::new(&KSN).expect("a serial number");
    let of_ksn = working_keys(&BaseKey::new(&clear(KEY)).expect("a base key"), ksn).pin();
    let dukpt = PinSource::Dukpt { base: &base, ksn: &KSN };
    let (pvk, ibm_pvk) = (
        load(&module, PVK, KeyUsage::PinVerificationVisa),
        load(&module, PVK, KeyUsage::PinVerificationIbm),
    );
    let kinds = [(visa("4739"), visa("8264"), &pvk), (ibm("4739"), ibm("8264"), &ibm_pvk)];
    for (source, key) in [(PinSource::Session(&session), &tdes(KEY)), (dukpt, &of_ksn)] {
        for (old, new, pvk) in &kinds {
            let format = PinBlockFormat::Iso0;
            let case = Case { module: &module, source, format, reference: old, key: Some(*pvk) };
            let (right, wrong) = (block("4739", format, key), block("4730", format, key));
            let chosen = block("8264", format, key);
            assert_eq!(case.change(Some(&right), &chosen), (PinOutcome::Verified, Some(*new)));
            assert_eq!(case.change(Some(&wrong), &chosen), (PinOutcome::Wrong, None));
            assert_eq!(case.change(None, &chosen), (PinOutcome::Verified, Some(*new)));
        }
    }
}

#[test]
fn a_key_serves_its_own_usage_only() {
    let (module, _hsm) = module();
    let format = PinBlockFormat::Iso0;
    let right = block("4739", format, &tdes(KEY));
    let reference = visa("4739");
    let pvk = load(&module, PVK, KeyUsage::PinVerificationVisa);
    let ibm_pvk = load(&module, PVK, KeyUsage::PinVerificationIbm);
    let pin_key = load(&module, KEY, KeyUsage::PinEncryption);
    for usage in [KeyUsage::MacTerminal, KeyUsage::PinVerificationVisa, KeyUsage::TerminalMaster] {
        let key = load(&module, KEY, usage);
        let source = PinSource::Session(&key);
        let case = Case { module: &module, source, format, reference: &reference, key: Some(&pvk) };
        assert_eq!(case.verify(&right), Err(SecurityError::WrongUsage), "{usage}");
    }
    let source = PinSource::Session(&pin_key);
    let case = Case { module: &module, source, format, reference: &reference, key: Some(&ibm_pvk) };
    assert_eq!(case.verify(&right), Err(SecurityError::WrongUsage));
}

#[test]
fn test_pins_become_pvvs_that_the_hsm_can_check() {
    let (module, _hsm) = module();
    let pin = TestPin::new("4739").expect("a PIN");
    let reference = module.reference_for_test_pin(&pan(), &pin).expect("test mode");
    let key = load(&module, KEY, KeyUsage::PinEncryption);
    let (source, format) = (PinSource::Session(&key), PinBlockFormat::Iso0);
    let case = Case { module: &module, source, format, reference: &reference, key: None };
    assert_eq!(case.verify(&block("4739", format, &tdes(KEY))), Ok(PinOutcome::Verified));
    assert_eq!(case.verify(&block("4740", format, &tdes(KEY))), Ok(PinOutcome::Wrong));
}

#[test]
fn aes_is_refused_with_a_word() {
    let (module, _hsm) = module();
    let key = load(&module, KEY, KeyUsage::PinEncryption);
    let pvk = load(&module, PVK, KeyUsage::PinVerificationVisa);
    let case = Case {
        module: &module,
        source: PinSource::Session(&key),
        format: PinBlockFormat::Iso4,
        reference: &visa("4739"),
        key: Some(&pvk),
    };
    assert!(matches!(case.verify(&[0; 16]), Err(SecurityError::Unsupported(_))));
}
