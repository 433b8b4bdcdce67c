//! A listener's surroundings for tests: messages in every dialect, a register with one device and
//! one card, and decisions that are on (simulated) stable storage.
#![allow(dead_code, unreachable_pub, missing_docs, clippy::unwrap_used, clippy::expect_used)]

use authorization::{AnswerAmounts, Decision, Liability, Request, ResultCode, Statement};
use interchange::{
    Answered, CardKeys, CodeTable, DeviceKeys, DropCause, Fault, IssuerKeys, Link, Received,
    Register, Secured, WorkingKeys,
};
use iso8583::{Dialect, FieldValue, Message, MessageBuilder};
use journal::simulated::SimulatedDisk;
use journal::{Durable, Journal, Options, Recovery};
use payment_types::{
    AuthorizationCode, Moment, Mti, Pan, PanDigest, Rrn, Sequence, TerminalId, Timestamp, UtcOffset,
};
use security::{
    ClearKey, KeyUsage, PinReference, SecurityModule, SoftwareModule, TdesKey, TestPin, Vault,
    encrypt_pin_block_iso0,
};
use std::collections::BTreeMap;
use std::sync::Arc;

pub const PAN: &str = "9417000000000009";
pub const TERMINAL_KEY: &str = "0123456789ABCDEFFEDCBA9876543210";
pub const DIALECTS_1987: [&str; 4] =
    ["iso87-bcd", "iso87-ascii", "iso87-ascii-binary-bitmap", "iso87-ebcdic"];
pub const DIALECTS_1993: [&str; 2] = ["iso93-bcd", "iso93-ascii"];

/// Data elements by number; binary ones as hex.
pub type Fields = BTreeMap<u8, String>;

pub fn dialects() -> impl Iterator<Item = &'static str> {
    DIALECTS_1987.into_iter().chain(DIALECTS_1993)
}

pub fn dialect(name: &str) -> Arc<Dialect> {
    Dialect::shipped(name).unwrap()
}

/// 2026-11-23T10:00:00+06:00.
pub fn now() -> Moment {
    Moment::new(Timestamp(1_795_406_400_000), UtcOffset(360))
}

pub fn fields(pairs: &[(u8, &str)]) -> Fields {
    pairs.iter().map(|(de, value)| (*de, (*value).to_owned())).collect()
}

/// A purchase by contact chip without PIN, in the elements of the dialect's edition.
pub fn purchase(dialect: &Dialect) -> Fields {
    let mut all = fields(&[
        (2, PAN),
        (3, "000000"),
        (4, "000000050000"),
        (7, "1123040000"),
        (11, "000007"),
        (14, "2912"),
        (32, "417001"),
        (33, "22"),
        (37, "632710000007"),
        (41, "POS00001"),
        (42, "M1"),
        (49, "417"),
    ]);
    if dialect.version() == 0 {
        let own =
            [(12, "100000"), (13, "1123"), (18, "5411"), (22, "051"), (25, "02"), (24, "003")];
        all.extend(fields(&own));
    } else if dialect.version() == 1 {
        let own = [(12, "261123100000"), (22, "51010151004C"), (24, "200"), (26, "5411")];
        all.extend(fields(&own));
    } else {
        all.remove(&49);
        all.extend(fields(&[
            (4, "4172000000050000"),
            (11, "000000000007"),
            (12, "20261123100000"),
            (22, "20000000020000000200000000000000"),
            (24, "200"),
            (26, "5411"),
        ]));
    }
    all
}

/// The MTI in the dialect's edition.
pub fn mti(dialect: &Dialect, digits: &str) -> Mti {
    let [_, b, c, d] = Mti::parse(digits).unwrap().digits();
    Mti::from_digits([dialect.version(), b, c, d]).unwrap()
}

pub fn body(dialect: &Dialect, digits: &str, fields: &Fields) -> Vec<u8> {
    let mut builder = MessageBuilder::new(dialect, mti(dialect, digits));
    for (de, value) in fields {
        builder
            .set_text(*de, value.as_bytes())
            .unwrap_or_else(|e| panic!("{}: {e}", dialect.name()));
    }
    let mut body = Vec::new();
    builder.write(&mut body).unwrap();
    body
}

/// The elements of a message as text, binary ones as hex, padding cut.
pub fn read(dialect: &Dialect, body: &[u8]) -> (String, Fields) {
    let message = Message::parse(dialect, body).unwrap();
    let text = |de| match message.field(de).unwrap() {
        FieldValue::Text(text) => text.trim_end().to_owned(),
        FieldValue::Binary(bytes) => hex::encode_upper(bytes),
    };
    let mti = message.mti().without_version().to_string();
    (mti, message.elements().map(|de| (de, text(de))).collect())
}

/// One device with a PIN key and one card with a PIN reference.
pub struct Desk {
    pub security: SoftwareModule,
    keys: Arc<DeviceKeys>,
    reference: PinReference,
    pub issuer: Arc<IssuerKeys>,
    card: PanDigest,
}

impl Register for Desk {
    fn terminal(&self, id: &TerminalId) -> Option<Arc<DeviceKeys>> {
        match id.as_str() {
            "POS00001" => Some(Arc::clone(&self.keys)),
            "NOKEY001" => Some(Arc::default()),
            _ => None,
        }
    }

    fn card(&self, pan: &PanDigest) -> Option<CardKeys> {
        let keys = CardKeys { pin: Some(self.reference), issuer: Arc::clone(&self.issuer) };
        (*pan == self.card).then_some(keys)
    }
}

impl Desk {
    pub fn new() -> Self {
        let security = SoftwareModule::ephemeral_for_tests();
        let pan = Pan::from_ascii(PAN.as_bytes()).unwrap();
        let sealed = security.written_key(TERMINAL_KEY, KeyUsage::PinEncryption).unwrap();
        let pin = Some(security.load(&sealed, KeyUsage::PinEncryption).unwrap());
        let right = TestPin::new("1234").unwrap();
        let reference = security.reference_for_test_pin(&pan, &right).unwrap();
        let card = security.pan_digest(&pan);
        let pin = WorkingKeys::new(pin, []);
        let keys = Arc::new(DeviceKeys { pin, ..DeviceKeys::default() });
        Self { security, keys, reference, issuer: Arc::default(), card }
    }

    pub fn receive(&self, link: &Link, body: &[u8]) -> Received {
        link.receive(body, &self.security, self, now())
    }

    pub fn request(&self, link: &Link, body: &[u8]) -> Request {
        match self.receive(link, body) {
            Received::Decide(asked) => *asked.request,
            other => panic!("{}: {other:?}", link.dialect().name()),
        }
    }

    /// The fault and the elements of the format error's answer.
    pub fn fault(&self, link: &Link, body: &[u8]) -> (Fault, String, Fields) {
        match self.receive(link, body) {
            Received::Answer { body, kind: Answered::FormatError(fault) } => {
                let (mti, answer) = read(link.dialect(), &body);
                (fault, mti, answer)
            }
            other => panic!("{}: {other:?}", link.dialect().name()),
        }
    }

    pub fn dropped(&self, link: &Link, body: &[u8]) -> DropCause {
        match self.receive(link, body) {
            Received::Drop(cause) => cause,
            other => panic!("{}: {other:?}", link.dialect().name()),
        }
    }
}

pub fn link(name: &str) -> Link {
    let dialect = dialect(name);
    let codes = CodeTable::default_for(dialect.version());
    Link::new(dialect, codes)
}

/// A PIN block of a test card, as hex.
pub fn pin_block(pin: &str, pan: &str, key: &str) -> String {
    let key = TdesKey::new(&ClearKey::from_hex(key).unwrap()).unwrap();
    let pan = Pan::from_ascii(pan.as_bytes()).unwrap();
    hex::encode_upper(encrypt_pin_block_iso0(&TestPin::new(pin).unwrap(), &pan, &key).bytes())
}

pub fn decision(result: ResultCode) -> Decision {
    let sequence = Sequence(77);
    Decision {
        transaction: sequence,
        result,
        code_override: None,
        authorization_code: result
            .is_approval()
            .then(|| AuthorizationCode::from_sequence(sequence)),
        rrn: Rrn::new(b"632710000007").unwrap(),
        amounts: AnswerAmounts::default(),
        liability: Liability::Unset,
        statement: Statement::default(),
        scripts: Default::default(),
        listed: None,
        is_repeat: false,
    }
}

/// Puts a decision on stable storage, the only way to get one that may be answered.
pub fn durable(decision: Decision) -> Durable<Decision> {
    let options = Options { segment_bytes: 4096, prepare_ahead: false };
    let recovery = Recovery::open_on(Arc::new(SimulatedDisk::new(1)), options).unwrap();
    recovery.replay(1, |_, _| Ok::<(), journal::JournalError>(())).unwrap();
    let mut journal = recovery.finish().unwrap();
    let sequence = journal.append(b"decided").unwrap();
    let committed = journal.commit().unwrap();
    Durable::seal(decision, sequence, &committed).unwrap()
}

pub fn answer(link: &Link, request: &[u8], decision: Decision) -> Vec<u8> {
    let mut out = Vec::new();
    let security = SoftwareModule::ephemeral_for_tests();
    let plain = Secured::default();
    link.answer(request, &durable(decision), &plain, &security, &mut out).unwrap();
    out
}
