//! The cards of a load, packed: what goes over the wire of each and nothing else.

use crate::card::signing_key;
use crate::intent::{Fields, encode};
use crate::pin::{PinKey, TypedPin};
use crate::portfolio::{Card, Issue, Reading, Source, Terminal, read_lines};
use crate::{SimError, intent};
use cryptography::emv::{ChipKey, CryptogramVersion};
use iso8583::{Dialect, FieldValue, Message};
use payment_types::{BusinessDate, ExpiryDate, Mti, Pan};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

/// Blocks worth making ahead: more than this many would take longer than they save.
const BLOCKS_MAX: usize = 8_000_000;

/// Cards whose numbers take the same room in the dialect.
pub(crate) struct Cards {
    /// DE 2 as on the wire, one after the other, `stride` bytes each.
    numbers: Vec<u8>,
    stride: usize,
    expiries: Vec<u16>,
    holders: Vec<(Pan, TypedPin)>,
    /// Per key: the PIN blocks of all cards.
    blocks: Vec<(PinKey, Vec<[u8; 8]>)>,
    /// What each card's issuer put into it.
    issues: Vec<Arc<Issue>>,
    /// Per card, how its chip signs; empty until [`Self::prepare_chips`].
    chips: Vec<(CryptogramVersion, ChipKey)>,
    /// Per card, how often its chip has signed.
    counters: Vec<AtomicU16>,
    /// A card to make templates with.
    pub(crate) sample: Card,
}

/// A portfolio for a load: packed cards, and the terminals of one listener.
pub(crate) struct Stock {
    pub(crate) cards: Cards,
    pub(crate) terminals: Vec<Terminal>,
    /// Cards that were left out: blocked, expired, without a test PIN, or of another length than
    /// the first.
    pub(crate) left_out: usize,
}

impl Stock {
    /// Reads the file once, keeping little.
    ///
    /// # Errors
    /// [`SimError::Setting`] if no card or no terminal of the listener is left.
    pub(crate) fn read(
        source: &Source,
        listener: &str,
        dialect: &Dialect,
        today: BusinessDate,
    ) -> Result<Self, SimError> {
        let mut reading = Reading::default();
        let mut packing: Option<Packing> = None;
        let (mut seen, mut sample_fault) = (0usize, None);
        read_lines(source, |line| {
            if !line.is("card") {
                return reading.take(line);
            }
            seen += 1;
            let card = reading.card(line)?;
            let is_past = ExpiryDate::from_number(card.expiry).is_none_or(|e| e.is_past_on(today));
            let is_good = &*card.status == "active" && card.blocks.is_empty() && !is_past;
            let Some(pin) = card.pin.clone().filter(|_| is_good) else { return Ok(()) };
            match Packing::of(&mut packing, dialect, &card) {
                Ok(packing) => packing.add(&card, pin),
                Err(fault) => sample_fault = Some(fault),
            }
            Ok(())
        })?;
        if let Some(fault) = sample_fault {
            return Err(fault);
        }
        let none = || SimError::Setting("no active card with a test_pin".to_owned());
        let cards = packing.ok_or_else(none)?.finish();
        let all = reading.portfolio.terminals.into_values();
        let terminals: Vec<_> = all.filter(|terminal| &*terminal.listener == listener).collect();
        if terminals.is_empty() {
            let message = format!("the portfolio has no terminal at the listener {listener:?}");
            return Err(SimError::Setting(message));
        }
        let left_out = seen.saturating_sub(cards.len());
        Ok(Self { cards, terminals, left_out })
    }
}

/// Encodes card numbers the way the dialect does.
struct Packing {
    cards: Cards,
    pack: Pack,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Pack {
    Bcd,
    Ascii,
    Ebcdic,
}

impl Packing {
    /// The packing, begun with the first card.
    fn of<'p>(
        packing: &'p mut Option<Self>,
        dialect: &Dialect,
        first: &Card,
    ) -> Result<&'p mut Self, SimError> {
        if packing.is_none() {
            *packing = Some(Self::begin(dialect, first)?);
        }
        packing.as_mut().ok_or_else(|| SimError::Setting("no card".to_owned()))
    }

    fn begin(dialect: &Dialect, sample: &Card) -> Result<Self, SimError> {
        let mti = Mti::parse("0200").map_err(|error| SimError::Setting(error.to_string()))?;
        let mti = intent::mti_of_version(mti, dialect.version());
        let digits = String::from_utf8_lossy(sample.pan.expose_digits()).into_owned();
        let length = digits.len();
        let fields = Fields::from([(2, FieldValue::Text(digits))]);
        let body = encode(dialect, mti, &fields)?;
        let raw = Message::parse(dialect, &body)?.raw(2).map(<[u8]>::to_vec).unwrap_or_default();
        let pack = match raw.first() {
            _ if raw.len() == length.div_ceil(2) => Pack::Bcd,
            Some(0xF0..) => Pack::Ebcdic,
            _ => Pack::Ascii,
        };
        let cards = Cards {
            numbers: Vec::new(),
            stride: raw.len(),
            expiries: Vec::new(),
            holders: Vec::new(),
            blocks: Vec::new(),
            issues: Vec::new(),
            chips: Vec::new(),
            counters: Vec::new(),
            sample: sample.clone(),
        };
        Ok(Self { cards, pack })
    }

    /// Adds a card if its number is as long as the sample's.
    fn add(&mut self, card: &Card, pin: TypedPin) {
        let digits = card.pan.expose_digits();
        let length = self.cards.sample.pan.expose_digits().len();
        // DE 23 is of the template, so all have the sample's sequence number.
        if card.sequence != self.cards.sample.sequence {
            return;
        }
        if digits.len() != length || (self.pack == Pack::Bcd && length % 2 == 1) {
            return;
        }
        match self.pack {
            Pack::Bcd => self
                .cards
                .numbers
                .extend(digits.chunks_exact(2).map(|pair| (pair[0] & 0xF) << 4 | (pair[1] & 0xF))),
            Pack::Ascii => self.cards.numbers.extend_from_slice(digits),
            Pack::Ebcdic => self.cards.numbers.extend(digits.iter().map(|digit| digit | 0xF0)),
        }
        self.cards.expiries.push(card.expiry);
        self.cards.issues.push(card.issue.clone());
        self.cards.holders.push((card.pan.clone(), pin));
    }

    fn finish(self) -> Cards {
        self.cards
    }
}

impl Cards {
    pub(crate) fn len(&self) -> usize {
        self.expiries.len()
    }

    /// DE 2 of a card as on the wire.
    pub(crate) fn number(&self, card: usize) -> &[u8] {
        let from = card * self.stride;
        self.numbers.get(from..from + self.stride).unwrap_or_default()
    }

    /// YYMM.
    pub(crate) fn expiry(&self, card: usize) -> u16 {
        self.expiries.get(card).copied().unwrap_or_default()
    }

    /// Derives the keys of all chips ahead of time; they count from `first`.
    ///
    /// # Errors
    /// [`SimError::Key`] for a card whose issuer's key is not in the portfolio.
    pub(crate) fn prepare_chips(&mut self, first: u16) -> Result<(), SimError> {
        let mut card = self.sample.clone();
        let mut chips = Vec::with_capacity(self.len());
        for ((pan, _), issue) in self.holders.iter().zip(&self.issues) {
            (card.pan, card.issue) = (pan.clone(), issue.clone());
            chips.push(signing_key(&card)?);
        }
        self.counters = chips.iter().map(|_| AtomicU16::new(first)).collect();
        self.chips = chips;
        Ok(())
    }

    /// How a card's chip signs, and its next transaction counter.
    pub(crate) fn chip(&self, card: usize) -> Option<(CryptogramVersion, &ChipKey, u16)> {
        let (version, key) = self.chips.get(card)?;
        let counter = self.counters.get(card)?.fetch_add(1, Ordering::Relaxed);
        Some((*version, key, counter))
    }

    /// Makes the PIN blocks of all cards under the keys ahead of time, where that is feasible.
    ///
    /// # Errors
    /// [`SimError::PinBlock`] for a test PIN that is none.
    pub(crate) fn prepare_blocks<'k>(
        &mut self,
        keys: impl Iterator<Item = &'k PinKey>,
    ) -> Result<(), SimError> {
        let mut distinct: Vec<PinKey> = Vec::new();
        for key in keys {
            if !distinct.iter().any(|known| known.is(key)) {
                distinct.push(key.clone());
            }
        }
        if distinct.len().saturating_mul(self.len()) > BLOCKS_MAX {
            return Ok(());
        }
        for key in distinct {
            let blocks = self.holders.iter().map(|(pan, pin)| key.block(pin, pan));
            let blocks = blocks.collect::<Result<Vec<_>, _>>()?;
            self.blocks.push((key, blocks));
        }
        Ok(())
    }

    /// Where the prepared blocks of a key stand, if it has some.
    pub(crate) fn block_table(&self, key: &PinKey) -> Option<usize> {
        self.blocks.iter().position(|(known, _)| known.is(key))
    }

    /// The PIN block of a card: looked up, or made now.
    pub(crate) fn block(&self, card: usize, key: &PinKey, table: Option<usize>) -> [u8; 8] {
        let ready = table.and_then(|table| self.blocks.get(table)).and_then(|t| t.1.get(card));
        let make = || {
            let (pan, pin) = self.holders.get(card)?;
            key.block(pin, pan).ok()
        };
        ready.copied().or_else(make).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use iso8583::MessageBuilder;

    const PORTFOLIO: &str = concat!(
        r#"{"type":"card","id":"K1","pan":"9417000000000016","expiry":"2912","test_pin":"1234"}"#,
        "\n",
        r#"{"type":"card","id":"K2","pan":"9417000000000024","expiry":"3001","test_pin":"4321"}"#,
        "\n",
        r#"{"type":"card","id":"K3","pan":"9417000000000032","expiry":"2912"}"#,
        "\n",
        r#"{"type":"card","id":"K4","pan":"9417000000000040","expiry":"2912","test_pin":"1","#,
        r#""blocks":["lost"]}"#,
        "\n",
        r#"{"type":"card","id":"K5","pan":"94170000000000123","expiry":"2912","test_pin":"1234"}"#,
        "\n",
        r#"{"type":"card","id":"K6","pan":"9417000000000057","expiry":"2610","test_pin":"1234"}"#,
        "\n",
        r#"{"type":"terminal","id":"POS00001","category":"merchant","listener":"pos","#,
        r#""keys":{"tpk":"0123456789ABCDEFFEDCBA9876543210"}}"#,
        "\n",
        r#"{"type":"terminal","id":"ATM00001","category":"atm","listener":"atm"}"#,
        "\n",
    );

    #[test]
    fn cards_are_packed_as_the_dialect_writes_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.jsonl");
        std::fs::write(&path, PORTFOLIO).unwrap();
        let today = BusinessDate::parse("2026-11-23").unwrap();
        for name in ["iso87-bcd", "iso87-ascii", "iso93-bcd", "iso87-ebcdic"] {
            let dialect = Dialect::shipped(name).unwrap();
            let mut stock = Stock::read(&path.clone().into(), "pos", &dialect, today).unwrap();
            assert_eq!((stock.cards.len(), stock.left_out, stock.terminals.len()), (2, 4, 1));
            let mti = intent::mti_of_version(Mti::parse("0200").unwrap(), dialect.version());
            let mut builder = MessageBuilder::new(&dialect, mti);
            builder.set_text(2, b"9417000000000024").unwrap();
            let mut body = Vec::new();
            builder.write(&mut body).unwrap();
            let message = Message::parse(&dialect, &body).unwrap();
            assert_eq!(message.raw(2).unwrap(), stock.cards.number(1), "{name}");
            assert_eq!(stock.cards.expiry(1), 3001);
            let key = stock.terminals[0].pin_key.clone().unwrap();
            let made = stock.cards.block(1, &key, None);
            stock.cards.prepare_blocks([&key].into_iter()).unwrap();
            let table = stock.cards.block_table(&key);
            assert_eq!((table, stock.cards.block(1, &key, table)), (Some(0), made));
        }
        let dialect = Dialect::shipped("iso87-bcd").unwrap();
        assert!(Stock::read(&path.clone().into(), "fax", &dialect, today).is_err());
    }
}
