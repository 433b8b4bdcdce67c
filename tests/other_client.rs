//! A client written with someone else's ISO 8583 library gets a purchase approved by the real
//! engine. Needs Python with pyiso8583, which `make setup` installs; says so where it is left out.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use payment_types::Pan;
use security::{ClearKey, TdesKey, TestPin, encrypt_pin_block_iso0};
use std::process::Command;
use std::time::Duration;
use tamga_sim::scenario::{Engine, Launch};
use tamga_tests::programs::binary;
use tamga_tests::{conformance_dir, text};

const TPK: &str = "0123456789ABCDEFFEDCBA9876543210";
const PAN: &str = "9417000000000016";

#[test]
fn pyiso8583_gets_a_purchase_approved() {
    let Some(python) = std::env::var_os("TAMGA_PYTHON") else {
        assert!(
            std::env::var_os("TAMGA_TEST_SETUP").is_none(),
            "`make test` sets up Python with pyiso8583, and it is not there"
        );
        println!("left out: needs TAMGA_PYTHON, a Python with pyiso8583 (`make test` sets it up)");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let scenarios = conformance_dir().join("scenarios");
    let rules = std::fs::read_to_string(scenarios.join("base.rules.toml")).unwrap();
    let launch = Launch {
        program: binary("tamga"),
        patience: Duration::from_secs(60),
        zone: "Asia/Bishkek".to_owned(),
    };
    let clock = "2026-11-23T10:00:00+06:00";
    let portfolio = scenarios.join("base.jsonl");
    let engine = Engine::start(&launch, folder.path(), &rules, &portfolio, clock).unwrap();
    let pan = Pan::from_ascii(PAN.as_bytes()).unwrap();
    let key = TdesKey::new(&ClearKey::from_hex(TPK).unwrap()).unwrap();
    let block = encrypt_pin_block_iso0(&TestPin::new("1234").unwrap(), &pan, &key);
    let target = engine.listener("pos").unwrap().target().to_owned();
    let (host, port) = target.rsplit_once(':').unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/clients/purchase.py");
    let output = Command::new(python)
        .args([script, host, port, "POS00001", PAN, "2912", "12345"])
        .args([hex::encode_upper(block.bytes()).as_str(), "1123040000", "1123100000"])
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    let heard: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(text(&heard, "tpdu"), "6000000001", "the answer goes back where it came from");
    assert_eq!((text(&heard["echo"], "t"), text(&heard["echo"], "39")), ("0810", "00"));
    let first = &heard["first"];
    assert_eq!((text(first, "t"), text(first, "39")), ("0210", "00"), "{first}");
    assert_eq!(text(first, "38").trim().len(), 6);
    for (element, value) in [("3", "000000"), ("4", "000000012345"), ("11", "000777")] {
        assert_eq!(text(first, element), value);
    }
    assert!(first.get("52").is_none() && first.get("2").is_none());
    assert_eq!(heard["again"], heard["first"], "a repeat gets the first answer again");
    assert_eq!(text(&heard["reversal"], "39"), "00");
}
