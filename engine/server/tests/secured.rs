//! Authentication codes and key exchange over real TCP: what a terminal with keys gets, and what
//! survives a restart (SEC-5, PIN-1).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::string_slice)]

mod support;

use authorization::{
    Command, Done, KeyRole, Outcome, PortfolioItem, SealedKeys, TerminalItem, TerminalSecurity,
};
use iso8583::{Message, MessageBuilder};
use payment_types::{DeviceCategory, Mti, TerminalId};
use security::{
    CheckValue, KeyAlgorithm, KeyExchange, KeyForm, KeyUsage, LoadedKey, MacAlgorithm, MacSource,
    Macs, SecurityModule, SoftwareModule, Vault, WorkingKey,
};
use std::net::SocketAddr;
use std::path::Path;
use support::client::{Pos, dialect, framed};
use support::{PAN, engine, open, open_with_bank};
use tamga::engine::Engine;

const MASTER: &str = "0F0E0D0C0B0A09080706050403020100";
const CODE_KEY: &str = "0123456789ABCDEFFEDCBA9876543210";

/// The terminal's own module: it shares no key with the engine's but those it was given.
fn terminal() -> SoftwareModule {
    SoftwareModule::ephemeral_for_tests()
}

fn key(text: &str, usage: KeyUsage) -> LoadedKey {
    let module = terminal();
    module.load(&module.written_key(text, usage).unwrap(), usage).unwrap()
}

fn atm(security: &dyn SecurityModule) -> Vec<PortfolioItem> {
    let sealed = |text, usage| security.written_key(text, usage).unwrap().as_bytes().to_vec();
    let mut keys = SealedKeys::default();
    keys.set(KeyRole::Tmk, sealed(MASTER, KeyUsage::TerminalMaster));
    keys.set(KeyRole::Tak, sealed(CODE_KEY, KeyUsage::MacTerminal));
    vec![PortfolioItem::Terminal(TerminalItem {
        id: TerminalId::new(b"ATM00001").unwrap(),
        category: DeviceCategory::Atm,
        merchant: None,
        agent: None,
        listener: "pos".into(),
        on_us: true,
        denominations: vec![],
        keys,
        security: TerminalSecurity { mac_required: true, ..TerminalSecurity::default() },
        partial_approval: false,
        balance_on_decline: false,
    })]
}

async fn serving(data: &Path) -> (Engine, SocketAddr) {
    let opened = open_with_bank(data);
    let items = atm(opened.security.as_ref());
    let engine = engine(opened, "").await;
    let command = Command::Import { part: 0, last: true, items };
    let done = engine.shard().command(command, None).await.unwrap();
    assert!(matches!(done.outcome, Outcome::Done(Done::Imported { .. })), "{done:?}");
    let address = engine.address("pos").unwrap();
    (engine, address)
}

/// A balance inquiry, which needs no PIN here to tell whether it came through: anything but 63 is
/// the core's own answer.
fn inquiry(stan: u64) -> Vec<(u8, String)> {
    [
        (2, PAN.to_owned()),
        (3, "310000".to_owned()),
        (7, "1123040000".to_owned()),
        (11, format!("{stan:06}")),
        (12, "100000".to_owned()),
        (13, "1123".to_owned()),
        (14, "2912".to_owned()),
        (22, "051".to_owned()),
        (41, "ATM00001".to_owned()),
        (49, "417".to_owned()),
    ]
    .into()
}

fn key_request(stan: u64) -> Vec<(u8, String)> {
    [
        (7, "1123040000".to_owned()),
        (11, format!("{stan:06}")),
        (41, "ATM00001".to_owned()),
        (48, "KU001M".to_owned()),
        (70, "101".to_owned()),
    ]
    .into()
}

fn code(body: &[u8], key: &LoadedKey) -> [u8; 8] {
    let covered = &body[..body.len() - 8];
    let made = terminal().mac(&MacSource::Session(key), MacAlgorithm::Iso9797Alg3, covered);
    made.unwrap().eight()
}

fn message(mti: &str, fields: &[(u8, String)], key: Option<&LoadedKey>) -> Vec<u8> {
    let dialect = dialect();
    let mut builder = MessageBuilder::new(&dialect, Mti::parse(mti).unwrap());
    for (element, value) in fields {
        builder.set_text(*element, value.as_bytes()).unwrap();
    }
    let mut body = Vec::new();
    if let Some(key) = key {
        let last = if fields.iter().any(|(element, _)| *element > 64) { 128 } else { 64 };
        builder.set_binary(last, &[0; 8]).unwrap();
        builder.write(&mut body).unwrap();
        builder.set_binary(last, &code(&body, key)).unwrap();
        body.clear();
    }
    builder.write(&mut body).unwrap();
    framed(&body)
}

/// DE 39, DE 48, and whether the answer's code is right under the key.
fn ask(address: SocketAddr, bytes: &[u8], key: &LoadedKey) -> (String, Option<String>, bool) {
    let mut pos = Pos::connect(address);
    pos.send(bytes);
    let body = pos.receive_body().expect("an answer");
    let dialect = dialect();
    let message = Message::parse(&dialect, &body).unwrap();
    let text = |element| {
        let mut scratch = [0; 1000];
        let value = message.text(element, &mut scratch)?.unwrap();
        Some(String::from_utf8(value.to_vec()).unwrap())
    };
    let last = message.elements().last().unwrap();
    let mut room = [0; 8];
    let given = message.binary(last, &mut room).and_then(Result::ok);
    let sealed = matches!(last, 64 | 128) && given == Some(&code(&body, key)[..]);
    (text(39).unwrap(), text(48), sealed)
}

#[tokio::test(flavor = "multi_thread")]
async fn sec_5_only_the_terminals_own_messages_reach_the_core() {
    let folder = tempfile::tempdir().unwrap();
    let (engine, address) = serving(&folder.path().join("data")).await;
    let before = engine.shard().durable();
    let (bare, wrong, changed) = tokio::task::spawn_blocking(move || {
        let right = key(CODE_KEY, KeyUsage::MacTerminal);
        let foreign = key(MASTER, KeyUsage::MacTerminal);
        let bare = ask(address, &message("0200", &inquiry(1), None), &right);
        let wrong = ask(address, &message("0200", &inquiry(2), Some(&foreign)), &right);
        let mut changed = message("0200", &inquiry(3), Some(&right));
        let end = changed.len() - 9;
        changed[end] ^= 1;
        (bare, wrong, ask(address, &changed, &right))
    })
    .await
    .unwrap();
    for refused in [bare, wrong, changed] {
        assert_eq!((refused.0.as_str(), refused.2), ("63", false));
    }
    // Nothing was decided; that they were refused is noted, of three in a row at least once.
    let noted = || engine.shard().durable().saturating_sub(before);
    for _ in 0..100 {
        if noted() > 0 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert!((1..=3).contains(&noted()), "{}", noted());
    let decided = engine.shard().query(|core, _| core.transactions().len()).await.unwrap();
    assert_eq!(decided, 0);
    let (code, _, sealed) = tokio::task::spawn_blocking(move || {
        let right = key(CODE_KEY, KeyUsage::MacTerminal);
        ask(address, &message("0200", &inquiry(4), Some(&right)), &right)
    })
    .await
    .unwrap();
    assert_ne!(code, "63");
    assert!(sealed, "the answer has a code under the same key");
    let decided = engine.shard().query(|core, _| core.transactions().len()).await.unwrap();
    assert_eq!(decided, 1);
    engine.drain().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn pin_1_an_exchanged_key_is_used_at_once_and_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let (first, address) = serving(&data).await;
    let fresh = tokio::task::spawn_blocking(move || {
        let old = key(CODE_KEY, KeyUsage::MacTerminal);
        let (answer, private, sealed) =
            ask(address, &message("0800", &key_request(1), Some(&old)), &old);
        assert_eq!((answer.as_str(), sealed), ("00", true));
        let private = private.unwrap();
        // Whoever asks before it is used gets it again: the answer may have been lost.
        let again = ask(address, &message("0800", &key_request(7), Some(&old)), &old);
        assert_eq!(again, ("00".to_owned(), Some(private.clone()), true));
        let fresh = delivered(&private);
        // Both are taken until the new one is used.
        assert_ne!(ask(address, &message("0200", &inquiry(2), Some(&old)), &old).0, "63");
        let (code, _, sealed) = ask(address, &message("0200", &inquiry(3), Some(&fresh)), &fresh);
        assert!(code != "63" && sealed);
        assert_eq!(ask(address, &message("0200", &inquiry(4), Some(&old)), &old).0, "63");
        let next = ask(address, &message("0800", &key_request(8), Some(&fresh)), &fresh);
        assert_eq!((next.0.as_str(), next.2), ("00", true));
        assert_ne!(next.1, Some(private), "of one that was used the next is another");
        fresh
    })
    .await
    .unwrap();
    first.drain().await.unwrap();
    let second = engine(open(&data), "").await;
    let address = second.address("pos").unwrap();
    let (code, _, sealed) = tokio::task::spawn_blocking(move || {
        ask(address, &message("0200", &inquiry(5), Some(&fresh)), &fresh)
    })
    .await
    .unwrap();
    assert!(code != "63" && sealed, "the key was journaled");
    second.drain().await.unwrap();
}

/// DE 48 of an 0800 that delivers a MAC key.
fn delivering(stan: u64, block: &str, check: &str) -> Vec<(u8, String)> {
    let mut fields = key_request(stan);
    fields.retain(|(element, _)| *element != 48);
    fields.push((48, format!("KU001MKB{:03}{block}KV{:03}{check}", block.len(), check.len())));
    fields.sort_by_key(|(element, _)| *element);
    fields
}

/// One block of a working key that the terminal made, and its check value.
fn block_of(master: &str, usage: KeyUsage) -> (String, String) {
    let wanted = WorkingKey { usage, algorithm: KeyAlgorithm::Tdes, form: KeyForm::Tr31B };
    let made = terminal().generate_working_key(&key(master, KeyUsage::TerminalMaster), wanted);
    let made = made.unwrap();
    (String::from_utf8(made.delivered).unwrap(), made.check_value.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn sec_5_a_delivered_key_that_is_not_what_it_says_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (engine, address) = serving(&folder.path().join("data")).await;
    let checked = tokio::task::spawn_blocking(move || {
        let old = key(CODE_KEY, KeyUsage::MacTerminal);
        let (right, check) = block_of(MASTER, KeyUsage::MacTerminal);
        let (for_pins, check_of_pins) = block_of(MASTER, KeyUsage::PinEncryption);
        let (foreign, check_of_foreign) = block_of(CODE_KEY, KeyUsage::MacTerminal);
        let changed = |at: usize| {
            let mut block = right.clone().into_bytes();
            block[at] = if block[at] == b'0' { b'1' } else { b'0' };
            String::from_utf8(block).unwrap()
        };
        let end = right.len();
        let cases = [
            ("its MAC broken", changed(end - 1), check.clone()),
            ("its key changed", changed(20), check.clone()),
            ("its usage changed", right.replacen("M3", "P0", 1), check.clone()),
            ("a PIN key's block", for_pins, check_of_pins),
            ("under another master key", foreign, check_of_foreign),
            ("cut off", right[..end - 16].to_owned(), check.clone()),
            ("longer than it says", format!("{right}00"), check.clone()),
            ("version A", right.replacen('B', "A", 1), check.clone()),
            ("version D", right.replacen('B', "D", 1), check.clone()),
            ("no block at all", "hello".to_owned(), check.clone()),
            ("another check value", right.clone(), "000000".to_owned()),
            ("half a check value", right.clone(), check[..3].to_owned()),
        ];
        for (stan, (what, block, check)) in (1..).zip(&cases) {
            let bytes = message("0800", &delivering(stan, block, check), Some(&old));
            let (code, _, sealed) = ask(address, &bytes, &old);
            assert_eq!((code.as_str(), sealed), ("63", true), "{what}");
        }
        // The old key is still the terminal's, and a block that is right is taken after all.
        let (code, _, sealed) = ask(address, &message("0200", &inquiry(50), Some(&old)), &old);
        assert!(code != "63" && sealed, "{code}");
        let bytes = message("0800", &delivering(51, &right, &check), Some(&old));
        let (code, private, sealed) = ask(address, &bytes, &old);
        assert_eq!((code.as_str(), sealed), ("00", true));
        private == Some(format!("KU001MKV006{check}"))
    });
    assert!(checked.await.unwrap(), "confirmed with the check value");
    engine.drain().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn pin_1_a_block_of_another_length_or_form_is_no_try() {
    let folder = tempfile::tempdir().unwrap();
    let (engine, address) = serving(&folder.path().join("data")).await;
    tokio::task::spawn_blocking(move || {
        let right = key(CODE_KEY, KeyUsage::MacTerminal);
        let blocks =
            ["0123456789ABCDE", "0123456789ABCDEF0123456789ABCDEF", "not hex digits!!", "0"];
        for (stan, block) in (1..).zip(blocks) {
            let mut fields = inquiry(stan);
            fields.push((48, format!("PB{:03}{block}", block.len())));
            fields.sort_by_key(|(element, _)| *element);
            let (code, _, sealed) = ask(address, &message("0200", &fields, Some(&right)), &right);
            assert_eq!((code.as_str(), sealed), ("63", true), "{block}");
        }
    })
    .await
    .unwrap();
    // Decided, each: a PIN that could not be looked at is declined and counts as no try (PIN-2).
    let decided = engine.shard().query(|core, _| core.transactions().len()).await.unwrap();
    assert_eq!(decided, 4);
    engine.drain().await.unwrap();
}

/// Opens what an 0810 brought: `KU001MKB...KV006......`.
fn delivered(private: &str) -> LoadedKey {
    let private = private.strip_prefix("KU001MKB").unwrap();
    let (length, rest) = private.split_at(3);
    let (block, rest) = rest.split_at(length.parse().unwrap());
    let check = CheckValue::from_hex(rest.strip_prefix("KV006").unwrap()).unwrap();
    let module = terminal();
    let master = key(MASTER, KeyUsage::TerminalMaster);
    let (usage, form) = (KeyUsage::MacTerminal, KeyForm::Tr31B);
    let wanted = WorkingKey { usage, algorithm: KeyAlgorithm::Tdes, form };
    let sealed = module.import_working_key(&master, wanted, block.as_bytes(), Some(check));
    module.load(&sealed.unwrap(), usage).unwrap()
}
