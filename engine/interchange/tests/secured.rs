//! What the edge finds out with keys: authentication codes, PIN blocks of every kind, card values,
//! chips, 3-D Secure, key exchange. The terminal's side is computed by the primitives, not by the
//! module under test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::string_slice)]

mod common;

use authorization::{
    CardValueKind, Checked, KeyRole, KeyScheme, MacFact, MacScheme, MacWrong, PinFact, ResultCode,
    TerminalSecurity,
};
use common::{Fields, body, decision, dialect, durable, fields, link, mti, now, purchase, read};
use cryptography::mac::{MacKey, Padding};
use cryptography::{AesKey, ClearKey, TdesKey, card_value, dukpt_aes, dukpt_tdes, mac, pin_block};
use interchange::{
    Answered, Asked, CardKeys, Cause, Concern, DeviceKeys, DropCause, IssuerKeys, Link, MacProblem,
    NewKey, Received, Register, Subject, WorkingKeys,
};
use iso8583::{Message, MessageBuilder};
use payment_types::{Pan, PanDigest, TerminalId, Timestamp};
use security::{
    KeyExchange, KeyForm, KeyUsage, LoadedKey, PinReference, SecurityModule, SoftwareModule,
    TestPin, Vault, WorkingKey,
};
use std::sync::Arc;

const KEY: &str = "0123456789ABCDEFFEDCBA9876543210";
const OTHER: &str = "1111111111111111F1F1F1F1F1F1F1F1";
const MASTER: &str = "0F0E0D0C0B0A09080706050403020100";
const BASE_AES: &str = "FEDCBA9876543210F1F1F1F1F1F1F1F1";
const KSN: &str = "FFFF9876543210E00008";
const KSN_AES: &str = "123456789012345600000001";

struct Bank {
    security: SoftwareModule,
    device: Arc<DeviceKeys>,
    issuer: Arc<IssuerKeys>,
    pin: PinReference,
}

impl Register for Bank {
    fn terminal(&self, id: &TerminalId) -> Option<Arc<DeviceKeys>> {
        (id.as_str() == "POS00001").then(|| Arc::clone(&self.device))
    }

    fn card(&self, _: &PanDigest) -> Option<CardKeys> {
        Some(CardKeys { pin: Some(self.pin), issuer: Arc::clone(&self.issuer) })
    }
}

fn key(text: &str, usage: KeyUsage) -> LoadedKey {
    let security = SoftwareModule::ephemeral_for_tests();
    security.load(&security.written_key(text, usage).unwrap(), usage).unwrap()
}

fn pan(text: &str) -> Pan {
    Pan::from_ascii(text.as_bytes()).unwrap()
}

fn tdes(text: &str) -> TdesKey {
    TdesKey::new(&ClearKey::from_hex(text).unwrap()).unwrap()
}

impl Bank {
    fn new(profile: TerminalSecurity) -> Self {
        let security = SoftwareModule::ephemeral_for_tests();
        let pin = TestPin::new("1234").unwrap();
        let pin = security.reference_for_test_pin(&pan(common::PAN), &pin).unwrap();
        let base = match profile.keys {
            KeyScheme::DukptAes => key(&format!("aes:{BASE_AES}"), KeyUsage::BaseDerivationAes),
            _ => key(KEY, KeyUsage::BaseDerivationTdes),
        };
        let device = DeviceKeys {
            profile,
            pin: WorkingKeys::new(Some(key(KEY, KeyUsage::PinEncryption)), []),
            mac: WorkingKeys::new(Some(key(KEY, KeyUsage::MacTerminal)), []),
            base: Some(base),
            master: Some(key(MASTER, KeyUsage::TerminalMaster)),
        };
        Self { security, device: Arc::new(device), issuer: Arc::default(), pin }
    }

    fn plain() -> Self {
        Self::new(TerminalSecurity::default())
    }

    fn with_mac() -> Self {
        Self::new(TerminalSecurity { mac_required: true, ..TerminalSecurity::default() })
    }

    fn issuing(issuer: IssuerKeys) -> Self {
        Self { issuer: Arc::new(issuer), ..Self::plain() }
    }

    fn receive(&self, link: &Link, body: &[u8]) -> Received {
        link.receive(body, &self.security, self, now())
    }

    fn asked(&self, link: &Link, body: &[u8]) -> Asked {
        match self.receive(link, body) {
            Received::Decide(asked) => asked,
            other => panic!("{}: {other:?}", link.dialect().name()),
        }
    }

    fn answer(&self, link: &Link, request: &[u8], result: ResultCode) -> Vec<u8> {
        let asked = self.asked(link, request);
        let mut out = Vec::new();
        let decided = durable(decision(result));
        link.answer(request, &decided, &asked.secured, &self.security, &mut out).unwrap();
        out
    }
}

/// The retail MAC of what comes before the last element's value.
fn code_of(link: &Link, body: &[u8], key: &TdesKey) -> Vec<u8> {
    let message = Message::parse(link.dialect(), body).unwrap();
    let last = message.elements().last().unwrap();
    let covered = &body[..body.len() - message.raw(last).unwrap().len()];
    let algorithm = mac::MacAlgorithm::Iso9797Alg3;
    let made = mac::mac(algorithm, Padding::One, MacKey::Tdes(key), covered).unwrap();
    made.as_bytes()[..8].to_vec()
}

/// A message with its authentication code in DE 64, or DE 128.
fn sealed(link: &Link, digits: &str, all: &Fields, key: &TdesKey) -> Vec<u8> {
    let element = if all.keys().any(|de| *de > 64) { 128 } else { 64 };
    let mut builder = MessageBuilder::new(link.dialect(), mti(link.dialect(), digits));
    for (de, value) in all {
        builder.set_text(*de, value.as_bytes()).unwrap();
    }
    builder.set_binary(element, &[0; 8]).unwrap();
    let mut open = Vec::new();
    builder.write(&mut open).unwrap();
    builder.set_binary(element, &code_of(link, &open, key)).unwrap();
    let mut out = Vec::new();
    builder.write(&mut out).unwrap();
    out
}

fn is_sealed(link: &Link, answer: &[u8], key: &TdesKey) -> bool {
    let message = Message::parse(link.dialect(), answer).unwrap();
    let last = message.elements().last().unwrap();
    let mut room = [0; 8];
    let given = message.binary(last, &mut room).unwrap().unwrap();
    matches!(last, 64 | 128) && given == code_of(link, answer, key)
}

#[test]
fn sec_5_a_right_code_lets_in_and_every_answer_has_one() {
    let bank = Bank::with_mac();
    let key = tdes(KEY);
    for name in common::dialects() {
        let link = link(name);
        let request = sealed(&link, "0200", &purchase(link.dialect()), &key);
        let asked = bank.asked(&link, &request);
        assert_eq!(asked.request.facts.mac, MacFact::Right, "{name}");
        assert!(is_sealed(&link, &bank.answer(&link, &request, ResultCode::Approved), &key));
        let mut shed = Vec::new();
        let inoperative = ResultCode::IssuerInoperative;
        link.refuse(&request, inoperative, &asked.secured, &bank.security, &mut shed).unwrap();
        assert!(is_sealed(&link, &shed, &key), "{name}: shed");
        let echo = fields(&[(7, "1123040000"), (11, "000001"), (41, "POS00001"), (70, "301")]);
        let Received::Answer { body, kind } =
            bank.receive(&link, &sealed(&link, "0800", &echo, &key))
        else {
            panic!("{name}");
        };
        assert_eq!(kind, Answered::Echo, "{name}");
        assert!(is_sealed(&link, &body, &key), "{name}: echo, in DE 128");
        let mut bad = purchase(link.dialect());
        bad.remove(&3);
        let Received::Answer { body, kind } =
            bank.receive(&link, &sealed(&link, "0200", &bad, &key))
        else {
            panic!("{name}");
        };
        assert!(matches!(kind, Answered::FormatError(_)), "{name}");
        assert!(is_sealed(&link, &body, &key), "{name}: format error");
    }
}

#[test]
fn sec_5_no_byte_can_be_changed() {
    let bank = Bank::with_mac();
    for name in ["iso87-bcd", "iso87-ascii", "iso93-bcd"] {
        let link = link(name);
        let request = sealed(&link, "0200", &purchase(link.dialect()), &tdes(KEY));
        for at in 0..request.len() {
            let mut changed = request.clone();
            changed[at] ^= 1;
            match bank.receive(&link, &changed) {
                Received::Decide(asked) => {
                    // Another terminal, which has no profile; the core does not know it either.
                    assert_ne!(asked.request.terminal.as_str(), "POS00001", "{name}, byte {at}");
                }
                Received::Answer { kind: Answered::MacWrong(_), body } => {
                    let (_, found) = read(link.dialect(), &body);
                    assert_eq!(found[&39], link.codes().code(ResultCode::MacWrong).as_str());
                    assert!(!found.contains_key(&64), "nothing is owed to whoever sent it");
                }
                Received::Answer { kind, .. } => {
                    assert!(matches!(kind, Answered::FormatError(_)), "{name}, byte {at}");
                }
                Received::Drop(_) => {}
                Received::Exchange(_) => panic!("{name}, byte {at}"),
            }
        }
    }
}

#[test]
fn sec_5_a_missing_code_or_another_key_is_refused_or_dropped() {
    let link = link("iso87-bcd");
    let bare = body(link.dialect(), "0200", &purchase(link.dialect()));
    let foreign = sealed(&link, "0200", &purchase(link.dialect()), &tdes(OTHER));
    let bank = Bank::with_mac();
    for (message, problem) in [(&bare, MacProblem::Missing), (&foreign, MacProblem::Wrong)] {
        match bank.receive(&link, message) {
            Received::Answer { kind: Answered::MacWrong(alarm), .. } => {
                assert_eq!((alarm.problem, alarm.terminal.as_str()), (problem, "POS00001"));
            }
            other => panic!("{other:?}"),
        }
    }
    let drops = TerminalSecurity {
        mac_required: true,
        mac_wrong: MacWrong::Drop,
        ..TerminalSecurity::default()
    };
    match Bank::new(drops).receive(&link, &foreign) {
        Received::Drop(DropCause::MacWrong(alarm)) => assert_eq!(alarm.problem, MacProblem::Wrong),
        other => panic!("{other:?}"),
    }
    let broken = &foreign[..foreign.len() - 3];
    match bank.receive(&link, broken) {
        Received::Answer { kind: Answered::MacWrong(alarm), .. } => {
            assert_eq!(alarm.problem, MacProblem::Unreadable);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn pin_1_a_key_that_was_replaced_is_taken_until_its_time_is_up_or_the_new_one_is_used() {
    let link = link("iso87-bcd");
    let all = purchase(link.dialect());
    let (before, fresh) =
        (sealed(&link, "0200", &all, &tdes(OTHER)), { sealed(&link, "0200", &all, &tdes(KEY)) });
    let bank = |until: i64| {
        let mut bank = Bank::with_mac();
        let former = (key(OTHER, KeyUsage::MacTerminal), Timestamp(now().at.0 + until));
        let current = Some(key(KEY, KeyUsage::MacTerminal));
        let device = Arc::get_mut(&mut bank.device).unwrap();
        device.mac = WorkingKeys::new(current, [former]);
        bank
    };
    let is_taken =
        |bank: &Bank, body: &[u8]| matches!(bank.receive(&link, body), Received::Decide(_));
    let open = bank(1);
    assert!(is_taken(&open, &before) && is_taken(&open, &before));
    let answer = open.answer(&link, &before, ResultCode::Approved);
    assert!(is_sealed(&link, &answer, &tdes(OTHER)), "under the key of the request");
    assert!(is_taken(&open, &fresh));
    assert!(!is_taken(&open, &before), "the terminal has the new one");
    assert!(!is_taken(&bank(0), &before), "its time is up");
}

/// DE 48 groups.
fn group(letters: &str, value: &str) -> String {
    format!("{letters}{:03}{value}", value.len())
}

fn iso0(pin: &str, key: &TdesKey, format: pin_block::PinBlockFormat) -> String {
    let pin = cryptography::Pin::from_ascii(pin.as_bytes()).unwrap();
    let clear = pin_block::encode(format, &pin, &pan(common::PAN), &[0xB; 16]).unwrap();
    let mut block = *clear;
    block = mac_free_encrypt(key, block);
    hex::encode_upper(block)
}

fn mac_free_encrypt(key: &TdesKey, block: [u8; 8]) -> [u8; 8] {
    // One block of CBC-MAC with nothing before it is the cipher itself.
    let algorithm = mac::MacAlgorithm::Iso9797Alg1;
    let made = mac::mac(algorithm, Padding::One, MacKey::Tdes(key), &block).unwrap();
    made.as_bytes().try_into().unwrap()
}

fn pin_facts(bank: &Bank, more: &[(u8, &str)]) -> (PinFact, Vec<Concern>) {
    let link = link("iso87-bcd");
    let mut all = purchase(link.dialect());
    all.extend(fields(more));
    let asked = bank.asked(&link, &body(link.dialect(), "0200", &all));
    (asked.request.facts.pin, asked.concerns.to_vec())
}

#[test]
fn pin_1_blocks_of_every_format_under_session_keys() {
    use pin_block::PinBlockFormat::{Iso0, Iso1, Iso3};
    for (number, format) in [(0, Iso0), (1, Iso1), (3, Iso3)] {
        let profile = TerminalSecurity { pin_format: number, ..TerminalSecurity::default() };
        let bank = Bank::new(profile);
        let fact = |pin: &str| pin_facts(&bank, &[(52, &iso0(pin, &tdes(KEY), format))]);
        assert_eq!(fact("1234"), (PinFact::OnlineVerified, vec![]), "format {number}");
        assert_eq!(fact("1235"), (PinFact::OnlineWrong, vec![]), "format {number}");
    }
    let profile = TerminalSecurity { pin_format: 4, ..TerminalSecurity::default() };
    let mut bank = Bank::new(profile);
    let aes = key(&format!("aes:{BASE_AES}"), KeyUsage::PinEncryption);
    Arc::get_mut(&mut bank.device).unwrap().pin = WorkingKeys::new(Some(aes), []);
    let fact = |pin: &str| {
        let pin = cryptography::Pin::from_ascii(pin.as_bytes()).unwrap();
        let key = AesKey::from_hex(BASE_AES).unwrap();
        let block = pin_block::encrypt_iso4(&key, &pin, &pan(common::PAN), [7; 8]);
        pin_facts(&bank, &[(48, &group("PB", &hex::encode_upper(block)))]).0
    };
    assert_eq!((fact("1234"), fact("4321")), (PinFact::OnlineVerified, PinFact::OnlineWrong));
}

#[test]
fn pin_1_dukpt_with_a_serial_number_and_never_a_try_without_a_good_one() {
    let profile = TerminalSecurity { keys: KeyScheme::DukptTdes, ..TerminalSecurity::default() };
    let bank = Bank::new(profile);
    let base = dukpt_tdes::BaseKey::new(&ClearKey::from_hex(KEY).unwrap()).unwrap();
    let ksn = dukpt_tdes::Ksn::new(&hex::decode(KSN).unwrap()).unwrap();
    let terminal = dukpt_tdes::working_keys(&base, ksn).pin();
    let block = |pin: &str| iso0(pin, &terminal, pin_block::PinBlockFormat::Iso0);
    let fact = |pin: &str, ksn: &str| {
        let (fact, concerns) = pin_facts(&bank, &[(48, &group("KS", ksn)), (52, &block(pin))]);
        (fact, concerns.first().map(|concern| concern.cause))
    };
    assert_eq!(fact("1234", KSN), (PinFact::OnlineVerified, None));
    assert_eq!(fact("9999", KSN), (PinFact::OnlineWrong, None));
    let unverifiable = |cause| (PinFact::Unverifiable, Some(cause));
    assert_eq!(fact("1234", "FFFF9876543211200008"), unverifiable(Cause::PinBlock), "another base");
    assert_eq!(fact("1234", "FFFF98765432"), unverifiable(Cause::Serial), "short");
    assert_eq!(fact("1234", "FFFF9876543210E0000G"), unverifiable(Cause::Serial), "not hex");
    let (fact, concerns) = pin_facts(&bank, &[(52, &block("1234"))]);
    let none = Concern { subject: Subject::Pin, cause: Cause::NoSerial };
    assert_eq!((fact, concerns), (PinFact::Unverifiable, vec![none]));
}

#[test]
fn pin_1_dukpt_aes_with_block_and_code() {
    let profile = TerminalSecurity {
        keys: KeyScheme::DukptAes,
        pin_format: 4,
        mac_required: true,
        mac_algorithm: MacScheme::Cmac,
        ..TerminalSecurity::default()
    };
    let (bank, link) = (Bank::new(profile), link("iso93-bcd"));
    let ksn = dukpt_aes::Ksn::new(&hex::decode(KSN_AES).unwrap()).unwrap();
    let keys = dukpt_aes::working_keys(&AesKey::from_hex(BASE_AES).unwrap(), ksn);
    let pin = cryptography::Pin::from_ascii(b"1234").unwrap();
    let block = pin_block::encrypt_iso4(&keys.pin(), &pin, &pan(common::PAN), [9; 8]);
    let mut all = purchase(link.dialect());
    all.extend(fields(&[
        (48, &group("PB", &hex::encode_upper(block))),
        // The serial number where the dialect makes DE 53 binary.
        (53, KSN_AES),
        (64, "0000000000000000"),
    ]));
    let open = body(link.dialect(), "0200", &all);
    let code = |key: &AesKey, covered: &[u8]| {
        let algorithm = mac::MacAlgorithm::CmacAes;
        let made = mac::mac(algorithm, Padding::One, MacKey::Aes(key), covered).unwrap();
        hex::encode_upper(&made.as_bytes()[..8])
    };
    let covered = &open[..open.len() - 8];
    all.insert(64, code(&keys.mac_request(), covered));
    let request = body(link.dialect(), "0200", &all);
    let asked = bank.asked(&link, &request);
    assert_eq!(asked.request.facts.pin, PinFact::OnlineVerified);
    assert_eq!(asked.request.facts.mac, MacFact::Right);
    let answer = bank.answer(&link, &request, ResultCode::Approved);
    let (_, found) = read(link.dialect(), &answer);
    let expected = code(&keys.mac_response(), &answer[..answer.len() - 8]);
    assert_eq!(found[&64], expected, "under the key of the other direction");
}

#[test]
fn pin_4_a_change_gives_the_new_reference_in_the_same_look() {
    let (bank, link) = (Bank::plain(), link("iso87-bcd"));
    let block = |pin: &str| iso0(pin, &tdes(KEY), pin_block::PinBlockFormat::Iso0);
    let change = |old: &str, new: &str| {
        let mut all = purchase(link.dialect());
        all.extend(fields(&[(3, "700000"), (48, &group("NP", new)), (52, &block(old))]));
        bank.asked(&link, &body(link.dialect(), "0200", &all)).request.facts
    };
    let changed = change("1234", &block("4321"));
    assert_eq!(changed.pin, PinFact::OnlineVerified);
    let new = PinReference::from_bytes(changed.new_pin.unwrap().as_slice()).unwrap();
    let bank = Bank { pin: new, ..Bank::plain() };
    assert_eq!(pin_facts(&bank, &[(52, &block("4321"))]).0, PinFact::OnlineVerified);
    assert_eq!(pin_facts(&bank, &[(52, &block("1234"))]).0, PinFact::OnlineWrong);
    let wrong = change("1111", &block("4321"));
    assert_eq!((wrong.pin, wrong.new_pin), (PinFact::OnlineWrong, None));
    let unread = change("1234", "00112233445566778899");
    assert_eq!((unread.pin, unread.new_pin), (PinFact::OnlineVerified, None));
}

fn value_facts(bank: &Bank, more: &[(u8, &str)]) -> (CardValueKind, Checked) {
    let link = link("iso87-bcd");
    let mut all = purchase(link.dialect());
    all.remove(&14);
    all.extend(fields(more));
    all.retain(|_, value| !value.is_empty());
    let asked = bank.asked(&link, &body(link.dialect(), "0200", &all));
    let fact = asked.request.facts.card_value;
    (fact.kind, fact.outcome)
}

#[test]
fn sec_1_the_entry_mode_says_which_value_is_looked_at() {
    let bank = Bank::issuing(IssuerKeys {
        card_value: Some(key(KEY, KeyUsage::CardVerification)),
        dynamic: Some(key(KEY, KeyUsage::CardDynamic)),
        ..IssuerKeys::default()
    });
    let (cvk, card) = (tdes(KEY), pan(common::PAN));
    let digits =
        |value: card_value::CardValue| String::from_utf8(value.expose_digits().to_vec()).unwrap();
    let cvv = digits(card_value::cvv(&cvk, &card, *b"2912", *b"201").unwrap());
    let icvv = digits(card_value::icvv(&cvk, &card, *b"2912").unwrap());
    let cvv2 = digits(card_value::cvv2(&cvk, &card, *b"1229").unwrap());
    let track = |value: &str| format!("{}=291220112345{value}", common::PAN);
    let first = |value: &str| format!("B{}^TEST/CARD^291220112345{value}", common::PAN);
    let look = |mode: &str, de: u8, value: &str| value_facts(&bank, &[(22, mode), (de, value)]);
    use CardValueKind::{Chip, Cvv2, Track};
    for mode in ["021", "901", "801"] {
        assert_eq!(look(mode, 35, &track(&cvv)), (Track, Checked::Right), "{mode}");
        assert_eq!(look(mode, 35, &track(&icvv)), (Track, Checked::Wrong), "{mode}");
        assert_eq!(look(mode, 45, &first(&cvv)), (Track, Checked::Right), "{mode}");
    }
    for mode in ["051", "071"] {
        assert_eq!(look(mode, 35, &track(&icvv)), (Chip, Checked::Right), "{mode}");
        assert_eq!(look(mode, 35, &track(&cvv)), (Chip, Checked::Wrong), "{mode}");
    }
    let image = format!("5710{}", track(&icvv).replace('=', "D"));
    assert_eq!(look("051", 55, &image), (Chip, Checked::Right), "tag 57");
    let printed = |value: &str, expiry: &str| {
        value_facts(&bank, &[(22, "811"), (14, expiry), (48, &group("CV", value))])
    };
    assert_eq!(printed(&cvv2, "2912"), (Cvv2, Checked::Right));
    assert_eq!(printed(&cvv, "2912"), (Cvv2, Checked::Wrong));
    assert_eq!(printed("", "2912"), (Cvv2, Checked::Wrong), "not even a value");
    assert_eq!(printed(&cvv2, ""), (Cvv2, Checked::Unverifiable), "no expiry");
    let none = value_facts(&Bank::plain(), &[(22, "901"), (35, &track(&cvv))]);
    assert_eq!(none, (Track, Checked::Unverifiable), "no key");
}

#[test]
fn sec_1_contactless_stripe_values_take_the_counter_and_the_terminals_number() {
    use cryptography::emv::{Derivation, master_key};
    let imk = "57F862A7BCD683F7BFC23E2043A10B67";
    let bank = Bank::issuing(IssuerKeys {
        dynamic: Some(key(imk, KeyUsage::CardDynamic)),
        ..IssuerKeys::default()
    });
    let card = pan(common::PAN);
    let own = master_key(&tdes(imk), Derivation::A, &card, 0);
    let digits = |value: &card_value::CardValue, from: usize| {
        String::from_utf8(value.expose_digits()[from..].to_vec()).unwrap()
    };
    let dcvv = card_value::dcvv(&own, &card, *b"2912", *b"201", *b"0017").unwrap();
    let fixed = hex::decode(format!("{}D29122011234500000000F", common::PAN)).unwrap();
    let cvc3 = card_value::cvc3(&own, card_value::ivcvc3(&own, &fixed), 0x5, 17);
    let look = |value: &str, counter: &str, number: &str| {
        let track = format!("{}=291220112345{value}{counter}{number}", common::PAN);
        value_facts(&bank, &[(22, "911"), (35, &track)])
    };
    let dynamic = |outcome| (CardValueKind::Dynamic, outcome);
    assert_eq!(look(&digits(&dcvv, 0), "0017", ""), dynamic(Checked::Right));
    assert_eq!(look(&digits(&dcvv, 0), "0018", ""), dynamic(Checked::Wrong), "another counter");
    assert_eq!(look(&digits(&cvc3, 2), "0017", "5"), dynamic(Checked::Right));
    assert_eq!(look(&digits(&cvc3, 2), "0017", "6"), dynamic(Checked::Wrong), "another number");
}

fn chip_request(link: &Link, number: &str, sequence: &str, data: &str) -> Vec<u8> {
    let mut all = purchase(link.dialect());
    all.extend(fields(&[(2, number), (23, sequence), (55, data)]));
    body(link.dialect(), "0100", &all)
}

/// Worked examples: key, card, DE 55, and tag 91 for a result.
const CHIPS: [(&str, &str, &str, &str, &str, ResultCode); 4] = [
    (
        "2C5BD5EA1646C1EC4A16A1AE9E8A8670",
        concat!("628415", "6244193607"),
        "001",
        "9F26083245AE826D2318BF9F2701809F100706010A03273B799F37043303EC8E9F360261A595058000048000\
         9A032607039C01009F02060000001500005F2A020417820239009F1A0204179F03060000000500009F3303E0\
         F8C89F34034403009F3501228407A00000000310105F340101",
        "910AAEADBCFFC4C617DB3035",
        ResultCode::CardValueWrong,
    ),
    (
        "702925C262736208F8F1FEA423160D89",
        "9417000072763277",
        "001",
        "9F2608EB11CA302CD4BA5E9F2701809F10120110A93A45E47CCF31BAF9BA93FA230EE53A9F370463B346A29F\
         3602F589950500000000009A032606059C01099F02060000000050005F2A020417820219809F1A0204179F03\
         060000000000009F3303E0F8C89F34030203009F3501228407A00000000410105F340101",
        "910AA7A849B4D42252920000",
        ResultCode::InsufficientFunds,
    ),
    (
        "E345643246E619614F314A1FAD7A920E",
        "9417546915575716",
        "001",
        "9F02060000001500009F3704A904B2299F2701808407A00000000410109F350122820218009F030600000000\
         00009C01305F3401019F260830C9A3CAE082997C5F2A0204179F3303E0F8C89F1A0204179F360279C39F1012\
         011597DD0446C84ADE0B1BFDE62FC51DE4C29A03261107950580000480009F3403020300",
        "910A17C3E4C87C64E2750012",
        ResultCode::Approved,
    ),
    (
        "",
        "9417000028272035",
        "000",
        "9F2608225FEB37A74C8A259F2701809F100706011203FD96309F3704514FA4729F3602538695050000000000\
         9A032612019C01309F02060000001500005F2A020417820220009F1A0204179F03060000000500009F3303E0\
         F8C89F34031F00009F3501228407A00000000310105F340100",
        "",
        ResultCode::Approved,
    ),
];

#[test]
fn sec_2_a_right_cryptogram_is_answered_and_a_repeat_gets_the_same() {
    for (imk, number, sequence, data, proof, result) in CHIPS {
        for name in ["iso87-bcd", "iso87-ascii", "iso93-bcd"] {
            let link = link(name);
            let cryptogram = (!imk.is_empty()).then(|| key(imk, KeyUsage::ChipCryptogram));
            let bank = Bank::issuing(IssuerKeys { cryptogram, ..IssuerKeys::default() });
            let request = chip_request(&link, number, sequence, data);
            let asked = bank.asked(&link, &request);
            let chip = asked.request.facts.chip.unwrap();
            let answer = bank.answer(&link, &request, result);
            let (_, found) = read(link.dialect(), &answer);
            if imk.is_empty() {
                assert_eq!(chip.cryptogram, Checked::Unverifiable, "{name} {number}");
                assert!(!found.contains_key(&55), "{name}: nothing for whom nobody knows");
                continue;
            }
            assert_eq!(chip.cryptogram, Checked::Right, "{name} {number}");
            assert!(found[&55].ends_with(proof), "{name} {number}: {}", found[&55]);
            assert!(found[&55].starts_with("8A02"), "{name} {number}");
            assert_eq!(answer, bank.answer(&link, &request, result), "byte for byte (TXN-1)");
        }
    }
}

#[test]
fn sec_2_a_changed_element_makes_the_cryptogram_wrong() {
    let link = link("iso87-bcd");
    let (imk, number, sequence, data, ..) = CHIPS[1];
    let cryptogram = Some(key(imk, KeyUsage::ChipCryptogram));
    let bank = Bank::issuing(IssuerKeys { cryptogram, ..IssuerKeys::default() });
    let outcome = |data: &str, number: &str| {
        let request = chip_request(&link, number, sequence, data);
        let asked = bank.asked(&link, &request);
        (asked.request.facts.chip.unwrap(), bank.answer(&link, &request, ResultCode::Approved))
    };
    for (from, to) in [
        ("9F0206000000005000", "9F0206000000005001"),
        ("9F3602F589", "9F3602F58A"),
        ("9F2608EB11", "9F2608EB12"),
        ("95050000000000", "95058000000000"),
    ] {
        assert!(data.contains(from), "{from}");
        let (chip, answer) = outcome(&data.replace(from, to), number);
        assert_eq!(chip.cryptogram, Checked::Wrong, "{to}");
        assert!(!read(link.dialect(), &answer).1.contains_key(&55), "{to}: no proof for it");
    }
    assert_eq!(outcome(data, "9417000072763285").0.cryptogram, Checked::Wrong, "another card");
    let (chip, _) = outcome(data, number);
    assert_eq!((chip.atc, chip.cvm), (0xF589, [0x02, 0x03, 0x00]));
    assert_eq!(chip.cvr, [0xA9, 0x3A, 0x45, 0xE4, 0x7C, 0xCF, 0, 0]);
}

#[test]
fn sec_2_scripts_go_to_the_chip_with_their_code() {
    use authorization::{ScriptKind, ScriptOrder, ScriptTemplate};
    use cryptography::emv;
    let link = link("iso87-bcd");
    let (imk, number, sequence, data, ..) = CHIPS[1];
    let bank = Bank::issuing(IssuerKeys {
        cryptogram: Some(key(imk, KeyUsage::ChipCryptogram)),
        script_mac: Some(key(KEY, KeyUsage::ChipScriptMac)),
        ..IssuerKeys::default()
    });
    let request = chip_request(&link, number, sequence, data);
    let mut decided = decision(ResultCode::CardRestricted);
    let limit = ScriptKind::PutData { tag: 0x9F58, value: [5, 0, 0, 0, 0, 0, 0, 0], length: 1 };
    let order = |identifier, kind, template| ScriptOrder { identifier, kind, template };
    decided.scripts = [
        Some(order(8, limit, ScriptTemplate::BeforeFinal)),
        Some(order(7, ScriptKind::ApplicationBlock, ScriptTemplate::AfterFinal)),
    ];
    let asked = bank.asked(&link, &request);
    let mut out = Vec::new();
    let concerns =
        link.answer(&request, &durable(decided), &asked.secured, &bank.security, &mut out);
    assert!(concerns.unwrap().is_empty());
    let own = emv::master_key(&tdes(KEY), emv::Derivation::A, &pan(number), 1);
    let command = |header: [u8; 4], data: &[u8]| {
        let version = emv::CryptogramVersion::MChipCvn16;
        let moment = (0xF589, [0xEB, 0x11, 0xCA, 0x30, 0x2C, 0xD4, 0xBA, 0x5E]);
        let made = emv::command(version, &own, moment, header, data, 8).unwrap();
        hex::encode_upper(made)
    };
    let (block, put) = (command([0x84, 0x1E, 0, 0], &[]), command([0x04, 0xDA, 0x9F, 0x58], &[5]));
    let expected = format!("71179F180400000008860E{put}72169F180400000007860D{block}");
    let (_, found) = read(link.dialect(), &out);
    assert!(found[&55].ends_with(&expected), "{} {expected}", found[&55]);
    // Without the key for their code they are left out, and that is told.
    let cryptogram = Some(key(imk, KeyUsage::ChipCryptogram));
    let bank = Bank::issuing(IssuerKeys { cryptogram, ..IssuerKeys::default() });
    let asked = bank.asked(&link, &request);
    let mut out = Vec::new();
    let concerns =
        link.answer(&request, &durable(decided), &asked.secured, &bank.security, &mut out);
    let lacking = Concern { subject: Subject::ChipAnswer, cause: Cause::NoKey };
    assert_eq!(concerns.unwrap().to_vec(), [lacking, lacking]);
}

#[test]
fn sec_4_cavv_and_aav_are_told_apart_and_verified() {
    let bank = Bank::issuing(IssuerKeys {
        cavv: Some(key("8AEF25B61AE99EE6C457C73BEF4A5DEF", KeyUsage::CardholderAuthentication)),
        aav: Some(key(
            "C1F1B9F8D608FE2CF0DFAB357272D80BB937D2B6",
            KeyUsage::AccountholderAuthentication,
        )),
        ..IssuerKeys::default()
    });
    let link = link("iso87-bcd");
    let look = |bank: &Bank, number: &str, private: &str| {
        let mut all = purchase(link.dialect());
        all.extend(fields(&[(2, number), (22, "811"), (48, private)]));
        let asked = bank.asked(&link, &body(link.dialect(), "0100", &all));
        asked.request.facts.three_d_secure.map(|fact| (fact.eci, fact.outcome))
    };
    let with = |value: &str| group("EC", "05") + &group("CA", value);
    // 01 77 01 0955 5523 and thirteen bytes of tracking data.
    let (cavv, holder) = ("AXcBCVVVIwAAAAAAAAAAAAAAAAA=", "9417000087106918");
    assert_eq!(look(&bank, holder, &with(cavv)), Some((5, Checked::Right)));
    assert_eq!(look(&bank, "9417000001946746", &with(cavv)), Some((5, Checked::Wrong)));
    assert_eq!(look(&bank, holder, &with("AXcBCVVVJAAAAAAAAAAAAAAAAAA=")), {
        Some((5, Checked::Wrong))
    });
    let aav = "jHyn+7YFi1EUAUM06htym+WfuyA=";
    assert_eq!(look(&bank, concat!("532100", "1279240039"), &with(aav)), Some((5, Checked::Right)));
    assert_eq!(look(&bank, holder, &with(aav)), Some((5, Checked::Wrong)));
    assert_eq!(look(&bank, holder, &with("garbage")), Some((5, Checked::Wrong)));
    assert_eq!(look(&bank, holder, &group("EC", "07")), Some((7, Checked::NotPresent)));
    assert_eq!(look(&Bank::plain(), holder, &with(cavv)), Some((5, Checked::Unverifiable)));
    assert_eq!(look(&bank, holder, &group("CV", "123")), None);
}

fn exchange(bank: &Bank, link: &Link, private: &str) -> Result<(Box<NewKey>, Fields), Answered> {
    let all =
        fields(&[(7, "1123040000"), (11, "000001"), (41, "POS00001"), (48, private), (70, "101")]);
    let request = body(link.dialect(), "0800", &all);
    match bank.receive(link, &request) {
        Received::Exchange(key) => {
            let mut out = Vec::new();
            link.key_set(&request, &key, &bank.security, now(), &mut out).unwrap();
            let (mti, found) = read(link.dialect(), &out);
            assert_eq!(mti, "0810");
            Ok((key, found))
        }
        Received::Answer { kind, .. } => Err(kind),
        other => panic!("{other:?}"),
    }
}

#[test]
fn pin_1_a_terminal_asks_for_a_working_key() {
    let bank = Bank::plain();
    let master = key(MASTER, KeyUsage::TerminalMaster);
    for name in ["iso87-bcd", "iso87-ascii", "iso87-ebcdic"] {
        let link = link(name);
        let (new, found) = exchange(&bank, &link, "KU001M").unwrap();
        assert_eq!((new.terminal.as_str(), new.role), ("POS00001", KeyRole::Tak));
        let private = &found[&48];
        let check = new.check_value.to_string();
        assert!(private.starts_with("KU001MKB") && private.ends_with(&group("KV", &check)));
        let length: usize = private[8..11].parse().unwrap();
        let algorithm = security::KeyAlgorithm::Tdes;
        let wanted = WorkingKey { usage: KeyUsage::MacTerminal, algorithm, form: KeyForm::Tr31B };
        let block = &private.as_bytes()[11..11 + length];
        // The terminal opens the block and has the key that is to be stored.
        let taken = bank.security.import_working_key(&master, wanted, block, Some(new.check_value));
        let taken = bank.security.load(&taken.unwrap(), KeyUsage::MacTerminal).unwrap();
        let stored = bank.security.load(&new.sealed, KeyUsage::MacTerminal).unwrap();
        assert_eq!(taken.check_value(), stored.check_value(), "{name}");
        let other = exchange(&bank, &link, "KU001M").unwrap().0;
        assert_ne!(other.check_value, new.check_value, "another one each time");
    }
}

#[test]
fn pin_1_a_terminal_that_lost_its_keys_asks_without_a_code_where_its_profile_lets_it() {
    let (sealed_only, link) = (Bank::with_mac(), link("iso87-bcd"));
    let with_mac = TerminalSecurity { mac_required: true, ..TerminalSecurity::default() };
    let open = Bank::new(TerminalSecurity { key_request_open: true, ..with_mac });
    let problem = |bank: &Bank, private: &str| match exchange(bank, &link, private) {
        Err(Answered::MacWrong(alarm)) => alarm.problem,
        other => panic!("{other:?}"),
    };
    assert_eq!(problem(&sealed_only, "KU001M"), MacProblem::Missing);
    let (new, found) = exchange(&open, &link, "KU001M").unwrap();
    assert!(found[&48].contains(&group("KV", &new.check_value.to_string())));
    assert!(!found.contains_key(&64) && !found.contains_key(&128), "no key to make it with");
    let brought = group("KU", "M") + &group("KB", KEY) + &group("KV", "08D7B4");
    assert_eq!(problem(&open, &brought), MacProblem::Missing, "a key that is brought needs one");
    let asks = [(7, "1123040000"), (11, "000001"), (41, "POS00001"), (48, "KU001M"), (70, "101")];
    let echo = fields(&[(7, "1123040000"), (11, "000001"), (41, "POS00001"), (70, "301")]);
    for bad in [
        sealed(&link, "0800", &fields(&asks), &tdes(OTHER)),
        body(link.dialect(), "0800", &echo),
        body(link.dialect(), "0200", &purchase(link.dialect())),
    ] {
        let Received::Answer { kind: Answered::MacWrong(_), .. } = open.receive(&link, &bad) else {
            panic!("let in");
        };
    }
}

#[test]
fn pin_1_a_delivered_key_is_confirmed_or_refused_with_a_cause() {
    let ecb =
        TerminalSecurity { key_form: authorization::KeyForm::Ecb, ..TerminalSecurity::default() };
    let (bank, link) = (Bank::new(ecb), link("iso87-bcd"));
    let halves = [&KEY[..16], &KEY[16..]].map(|half| {
        let half: [u8; 8] = hex::decode(half).unwrap().try_into().unwrap();
        hex::encode_upper(mac_free_encrypt(&tdes(MASTER), half))
    });
    let delivered = group("KU", "P") + &group("KB", &halves.concat());
    let (new, found) =
        exchange(&bank, &link, &(delivered.clone() + &group("KV", "08D7B4"))).unwrap();
    assert_eq!((new.role, found[&48].as_str()), (KeyRole::Tpk, "KU001PKV00608D7B4"));
    let refusal = |bank: &Bank, private: &str| match exchange(bank, &link, private) {
        Err(Answered::KeyRefused(_, cause)) => cause,
        other => panic!("{other:?}"),
    };
    assert_eq!(refusal(&bank, &(delivered.clone() + &group("KV", "08D7B5"))), Cause::Malformed);
    assert_eq!(refusal(&bank, &delivered), Cause::CheckValue, "alone it needs one");
    assert_eq!(refusal(&bank, "KU001PKB002ZZKV00608D7B4"), Cause::Malformed);
    let tr31 = Bank::plain();
    let block = "B0080P0TE00E000094B420079CC80BA3461F86FE26EFC4A3B8E4FA4C5F5341176EED7B727B8A248E";
    let broken = group("KU", "P") + &group("KB", block);
    assert_eq!(refusal(&tr31, &broken), Cause::Malformed, "the block's own MAC");
    let mut orphan = Bank::plain();
    Arc::get_mut(&mut orphan.device).unwrap().master = None;
    assert_eq!(refusal(&orphan, "KU001P"), Cause::NoKey);
    assert!(matches!(exchange(&bank, &link, "KU001X"), Err(Answered::FormatError(_))));
}

#[test]
fn sec_5_the_private_element_may_be_another_one() {
    let profile = TerminalSecurity { keys: KeyScheme::DukptTdes, ..TerminalSecurity::default() };
    let bank = Bank::new(profile);
    let link = Link::new(dialect("iso87-bcd"), interchange::CodeTable::default_for(0))
        .with_security_element(62);
    let mut all = purchase(link.dialect());
    all.extend(fields(&[(48, "SOMEBODY ELSE'S"), (52, "0123456789ABCDEF")]));
    let cause = |all: &Fields| {
        let asked = bank.asked(&link, &body(link.dialect(), "0200", all));
        asked.concerns.first().map(|concern| concern.cause)
    };
    assert_eq!(cause(&all), Some(Cause::NoSerial));
    all.insert(62, group("KS", KSN));
    assert_eq!(cause(&all), Some(Cause::PinBlock), "found, and another key");
}

mod any_bytes {
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        /// The fuzz target's promise, on bytes that look a little like the real thing.
        #[test]
        fn private_data_and_tracks_never_panic(
            text in "((KS|PB|NP|CV|EC|CA|KU|KB|KV|XX)(00[0-9]|01[0-6])[0-9A-F]{0,16}){0,5}",
            track in "[B;%]?[0-9]{0,19}[=D^]?[A-Z/]{0,6}[\\^=]?[0-9]{0,20}[?F]{0,2}",
            bytes in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            interchange::fuzzing::security_data(text.as_bytes());
            interchange::fuzzing::security_data(track.as_bytes());
            interchange::fuzzing::security_data(&bytes);
        }
    }
}
