//! The codec's cases, shared by the timing and the instruction count: the same messages, the same
//! operations, ours and `iso8583_rs`'s.

use iso8583::{Dialect, Message, MessageBuilder};
use iso8583_rs::iso8583::iso_spec::{IsoMsg, spec};
use payment_types::Mti;
use serde_json::Value;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// One message in one dialect.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) dialect: String,
    pub(crate) wire: Vec<u8>,
    /// Whether `iso8583_rs` can read it: its packed digits are counted in bytes.
    pub(crate) peer: bool,
    compiled: Arc<Dialect>,
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn vectors() -> Value {
    let copied = repository().join("tests/fixtures/conformance");
    let folder = std::env::var_os("TAMGA_CONFORMANCE").map_or(copied, PathBuf::from);
    let text = std::fs::read_to_string(folder.join("bench/wire.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// M1 (chip purchase), M3 (its answer), M4 (reversal), M5 (echo), and in ASCII M2 to M5.
pub(crate) fn cases() -> Vec<Case> {
    let fixture = repository().join("tests/fixtures/dialects/bytes-bcd.toml");
    let toml = std::fs::read_to_string(fixture).unwrap();
    let bytes = Arc::new(Dialect::from_toml(&toml, "bytes-bcd.toml").unwrap());
    let shipped = |name| Dialect::shipped(name).unwrap();
    let mut cases = Vec::new();
    for (id, vector) in vectors().as_object().unwrap() {
        for (form, compiled, peer) in [
            ("b", shipped("iso87-bcd"), false),
            ("bb", Arc::clone(&bytes), true),
            ("a", shipped("iso87-ascii"), false),
            ("ab", shipped("iso87-ascii-binary-bitmap"), true),
        ] {
            let text = form.starts_with('a');
            let name = if id == "M1" && text { "M2".to_owned() } else { id.clone() };
            let wire = hex::decode(vector[form].as_str().unwrap()).unwrap();
            let suffix = if peer { if text { " text" } else { " packed" } } else { "" };
            let name = format!("{name}{suffix}");
            cases.push(Case { name, dialect: compiled.name().to_owned(), wire, peer, compiled });
        }
    }
    cases
}

/// What the round trip reads: the elements of a purchase that a decision needs.
const READ: [u8; 12] = [2, 3, 4, 7, 11, 12, 13, 22, 35, 37, 41, 42];

/// Our codec on a case, with its buffers.
pub(crate) struct Ours<'c> {
    case: &'c Case,
    builder: MessageBuilder<'c>,
    out: Vec<u8>,
    scratch: [u8; 1024],
    answer: Mti,
}

impl<'c> Ours<'c> {
    pub(crate) fn new(case: &'c Case) -> Self {
        let answer = Mti::parse("0210").unwrap();
        let builder = MessageBuilder::new(&case.compiled, answer);
        Self { case, builder, out: Vec::with_capacity(2048), scratch: [0; 1024], answer }
    }

    /// Unpack and validate.
    pub(crate) fn unpack(&self) -> u32 {
        let dialect = black_box(self.case.compiled.as_ref());
        Message::parse(dialect, black_box(&self.case.wire)).unwrap().bitmap().len()
    }

    /// Unpack, read twelve elements (those that are there), set three, pack.
    pub(crate) fn round_trip(&mut self) -> usize {
        let dialect = black_box(self.case.compiled.as_ref());
        let message = Message::parse(dialect, black_box(&self.case.wire)).unwrap();
        for de in READ {
            match de {
                2 | 35 | 37 | 41 | 42 => {
                    black_box(message.text(de, &mut self.scratch));
                }
                _ => {
                    black_box(message.number(de));
                }
            }
        }
        self.out.clear();
        self.builder.reset(self.answer);
        self.builder.copy_all(&message).unwrap();
        self.builder.set_number(11, black_box(654_321)).unwrap();
        self.builder.set_text(37, black_box(b"632514654321")).unwrap();
        self.builder.set_text(39, black_box(b"00")).unwrap();
        self.builder.write(&mut self.out).unwrap()
    }
}

/// Runs this program again with the variable that `iso8583_rs` takes its spec from, since one's own
/// environment cannot be changed safely. `true` in the process that is to do the work.
pub(crate) fn in_own_process() -> bool {
    if std::env::var_os("SPEC_FILE").is_some() {
        return true;
    }
    let status = std::process::Command::new(std::env::current_exe().unwrap())
        .args(std::env::args_os().skip(1))
        .env("SPEC_FILE", repository().join("tests/fixtures/peers/iso8583_rs.yaml"))
        .status()
        .unwrap();
    assert!(status.success(), "{status}");
    false
}

/// `iso8583_rs` unpacks (it does not validate).
pub(crate) fn theirs(wire: &mut Vec<u8>) -> IsoMsg {
    spec("").parse(black_box(wire)).map_err(|error| error.msg).unwrap()
}

/// `iso8583_rs` does the same round trip.
pub(crate) fn theirs_round_trip(wire: &mut Vec<u8>) -> Vec<u8> {
    let mut message = theirs(wire);
    for de in READ {
        black_box(message.bmp_child_value(de.into()).ok());
    }
    message.set_on(11, black_box("654321")).map_err(|error| error.msg).unwrap();
    message.set_on(37, black_box("632514654321")).map_err(|error| error.msg).unwrap();
    message.set_on(39, black_box("00")).map_err(|error| error.msg).unwrap();
    message.assemble().map_err(|error| error.msg).unwrap()
}
