//! Messages encoded once, with the places that change from one to the next.
//!
//! A template is a whole frame for one operation at one terminal. Sending one is a copy and a few
//! patches: STAN, reference number, times, amount, card number, expiry, PIN block. Where these
//! stand is found by parsing the template with its own dialect, so every dialect can be used.

use super::cards::Cards;
use super::digits::Style;
use super::operation::Operation;
use super::proofs::{ChipPlaces, Seal};
use crate::card::{ChipWish, Proofs};
use crate::gear::Gear;
use crate::intent::{Intent, Trace};
use crate::pin::PinKey;
use crate::portfolio::Terminal;
use crate::{Endpoint, SimError};
use iso8583::{FieldValue, Message};
use payment_types::{Amount, Currency, Moment, Mti};
use std::ops::Range;
use std::sync::Arc;

/// A place with digits.
#[derive(Debug, Clone)]
struct Number {
    at: Range<usize>,
    style: Style,
}

/// The times of a message as numbers, worked out once a second.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WireTime {
    transmission: u64,
    local_time: u64,
    local_date: u64,
}

/// Of the years since 2003, before two digits of the year, month, day and time.
const CENTURY: u64 = 20 * 10_u64.pow(12);
/// Twelve digits of an amount, which the som and its two decimals stand before since 2003.
const AMOUNT: u64 = 10_u64.pow(12);

impl WireTime {
    /// As the edition writes them: DE 12 has the date since 1993, and DE 13 is no longer sent.
    pub(crate) fn of(moment: Moment, version: u8) -> Self {
        let local = moment.wire_local();
        let whole = crate::moment::local_with_year(moment).parse().unwrap_or_default();
        Self {
            transmission: moment.wire_utc().number().into(),
            local_time: match version {
                0 => local.time().into(),
                1 => whole,
                _ => CENTURY + whole,
            },
            local_date: local.date().into(),
        }
    }
}

/// What differs from one message to the next.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patch {
    pub(crate) stan: u32,
    pub(crate) reference: u64,
    pub(crate) time: WireTime,
    /// Minor units.
    pub(crate) amount: u64,
    pub(crate) card: usize,
    /// What the terminal throws in for the chip.
    pub(crate) unpredictable: u32,
}

/// One frame, ready but for the patches.
pub(crate) struct Template {
    frame: Vec<u8>,
    stan: Number,
    reference: Option<Number>,
    transmission: Number,
    local_time: Option<Number>,
    local_date: Option<Number>,
    amount: Option<Number>,
    /// What stands before the digits of an amount.
    currency: u64,
    number: Option<Range<usize>>,
    expiry: Option<Number>,
    pin: Option<(Range<usize>, PinKey, Option<usize>)>,
    chip: Option<ChipPlaces>,
    seal: Option<Seal>,
}

impl Template {
    /// Encodes the operation at the terminal once.
    ///
    /// # Errors
    /// [`SimError::Build`], [`SimError::Setting`] if the terminal has no key for a PIN.
    pub(crate) fn new(
        (operation, with_chip): (Operation, bool),
        terminal: &Terminal,
        cards: &Cards,
        endpoint: &Endpoint,
        at: Moment,
    ) -> Result<Self, SimError> {
        let dialect = endpoint.dialect();
        let shape = operation.shape();
        let trace = Trace::fresh(1, at);
        let mti = Mti::parse(shape.mti).map_err(|error| SimError::Setting(error.to_string()))?;
        let mut intent = Intent::new(mti, terminal, &trace);
        if operation != Operation::Echo {
            intent.card = Some(&cards.sample);
            intent.condition = Some("00");
        }
        intent.processing_code = shape.processing_code;
        intent.entry_mode = shape.entry_mode;
        intent.amount = shape.with_amount.then(|| Amount::new(1, Currency::KGS));
        intent.pin = cards.sample.pin.as_ref().filter(|_| shape.with_pin);
        let mut gear = Gear::default();
        let proofs = Proofs { chip: with_chip.then(ChipWish::default), ..Proofs::default() };
        let mut dressed = gear.dress(&intent, &proofs, dialect.version())?;
        if operation == Operation::Echo {
            dressed.fields.retain(|element, _| matches!(element, 7 | 11 | 41));
            dressed.fields.insert(70, FieldValue::Text("301".to_owned()));
        }
        let body = dressed.encode(dialect)?;
        let mut frame = Vec::new();
        endpoint.frame(&body, &mut frame)?;
        let places = Places::of(endpoint, &body, frame.len() - body.len())?;
        let missing =
            |element| move || SimError::Setting(format!("the dialect has no DE {element}"));
        let pin = places.span(52).zip(terminal.pin_key.clone());
        let chip = match (dressed.chip(), places.message.raw(55), places.span(55)) {
            (Some(record), Some(raw), Some(span)) => Some(ChipPlaces::of(record, raw, span.start)?),
            _ => None,
        };
        let body_at = places.before;
        let (stan, local_time, amount) = match dialect.version() {
            0 => (6, 6, 12),
            1 => (6, 12, 12),
            _ => (12, 14, 16),
        };
        let currency =
            u64::from(Currency::KGS.numeric()) * 10 + u64::from(Currency::KGS.exponent());
        let seal = dressed.into_keys().map(|keys| Seal { body_at, keys: Arc::new(keys) });
        Ok(Self {
            chip,
            seal,
            stan: places.number(11, stan).ok_or_else(missing(11))?,
            reference: places.number(37, 12),
            transmission: places.number(7, 10).ok_or_else(missing(7))?,
            local_time: places.number(12, local_time),
            local_date: places.number(13, 4),
            amount: places.number(4, amount),
            currency: if dialect.version() < 2 { 0 } else { currency * AMOUNT },
            number: places.span(2),
            expiry: places.number(14, 4),
            pin: pin.map(|(span, key)| {
                let table = cards.block_table(&key);
                (span, key, table)
            }),
            frame,
        })
    }

    /// Appends the message to `out`.
    pub(crate) fn write(&self, patch: &Patch, cards: &Cards, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&self.frame);
        let frame = out.get_mut(start..).unwrap_or_default();
        self.stan.write(frame, patch.stan.into());
        self.transmission.write(frame, patch.time.transmission);
        let places = [
            (&self.reference, patch.reference),
            (&self.local_time, patch.time.local_time),
            (&self.local_date, patch.time.local_date),
            (&self.amount, self.currency + patch.amount),
            (&self.expiry, cards.expiry(patch.card).into()),
        ];
        for (place, value) in places {
            if let Some(place) = place {
                place.write(frame, value);
            }
        }
        if let Some(place) = self.number.clone().and_then(|span| frame.get_mut(span)) {
            place.copy_from_slice(cards.number(patch.card));
        }
        if let Some((span, key, table)) = &self.pin {
            let block = cards.block(patch.card, key, *table);
            write_block(frame.get_mut(span.clone()).unwrap_or_default(), block);
        }
        if let Some(chip) = &self.chip {
            chip.write(frame, cards, (patch.card, patch.amount, patch.unpredictable));
        }
        if let Some(seal) = &self.seal {
            seal.write(frame);
        }
    }
}

/// DE 52 as bytes, or as hex digits where the dialect carries them so.
fn write_block(place: &mut [u8], block: [u8; 8]) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    if place.len() == block.len() {
        place.copy_from_slice(&block);
        return;
    }
    for (pair, byte) in place.chunks_exact_mut(2).zip(block) {
        let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().unwrap_or(b'0');
        pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 0xF)]);
    }
}

impl Number {
    fn write(&self, frame: &mut [u8], number: u64) {
        if let Some(place) = frame.get_mut(self.at.clone()) {
            self.style.write(place, number);
        }
    }
}

/// Where elements stand in a frame.
struct Places<'a> {
    message: Message<'a>,
    body: &'a [u8],
    before: usize,
}

impl<'a> Places<'a> {
    fn of(endpoint: &'a Endpoint, body: &'a [u8], before: usize) -> Result<Self, SimError> {
        Ok(Self { message: Message::parse(endpoint.dialect(), body)?, body, before })
    }

    fn span(&self, element: u8) -> Option<Range<usize>> {
        let raw = self.message.raw(element)?;
        let at = raw.as_ptr().addr().checked_sub(self.body.as_ptr().addr())? + self.before;
        Some(at..at + raw.len())
    }

    fn number(&self, element: u8, digits: usize) -> Option<Number> {
        let style = Style::of(self.message.raw(element)?, digits);
        Some(Number { at: self.span(element)?, style })
    }
}

#[cfg(test)]
mod tests {
    use super::super::cards::Stock;
    use super::*;
    use crate::exchange::{decode, plain};
    use crate::moment::{DEFAULT_ZONE, Zone};
    use bytes::BytesMut;

    const PORTFOLIO: &str = concat!(
        r#"{"type":"card","id":"K1","pan":"9417000000000016","expiry":"2912","test_pin":"1234"}"#,
        "\n",
        r#"{"type":"card","id":"K2","pan":"9417000000000024","expiry":"3001","test_pin":"4321"}"#,
        "\n",
        r#"{"type":"merchant","id":"M1","mcc":"5411"}"#,
        "\n",
        r#"{"type":"terminal","id":"POS00001","category":"merchant","merchant":"M1","#,
        r#""keys":{"tpk":"0123456789ABCDEFFEDCBA9876543210"}}"#,
        "\n",
    );

    fn stock(endpoint: &Endpoint) -> Stock {
        stock_of(endpoint, PORTFOLIO)
    }

    fn stock_of(endpoint: &Endpoint, portfolio: &str) -> Stock {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.jsonl");
        std::fs::write(&path, portfolio).unwrap();
        let made = payment_types::BusinessDate::parse("2026-11-23").unwrap();
        let mut stock = Stock::read(&path.into(), "pos", endpoint.dialect(), made).unwrap();
        let key = stock.terminals[0].pin_key.clone().unwrap();
        stock.cards.prepare_blocks([&key].into_iter()).unwrap();
        stock
    }

    /// What a patched template says is what the builder says of the same message.
    #[test]
    fn a_patched_template_is_the_message_itself_in_every_dialect() {
        let zone = Zone::named(DEFAULT_ZONE).unwrap();
        let made = zone.parse("2026-11-23T10:00:00+06:00").unwrap();
        let sent = zone.parse("2026-12-31T23:59:58+06:00").unwrap();
        for (framing, tpdu, dialect) in [
            ("u16be", true, "iso87-bcd"),
            ("ascii4", false, "iso87-ascii"),
            ("u16be", false, "iso93-bcd"),
            ("u32be", false, "iso93-ascii"),
            ("bcd2", false, "iso87-ebcdic"),
            ("u16be", false, "iso2003-bcd"),
        ] {
            let endpoint = Endpoint::new("x:1", framing, tpdu, dialect).unwrap();
            let Stock { cards, terminals, .. } = stock(&endpoint);
            let version = endpoint.dialect().version();
            let known = Operation::ALL.into_iter().filter(|operation| !operation.needs_memory());
            for operation in known {
                let template =
                    Template::new((operation, false), &terminals[0], &cards, &endpoint, made)
                        .unwrap();
                let time = WireTime::of(sent, version);
                let patch = Patch {
                    stan: 123_456,
                    reference: 987_654_321_012,
                    time,
                    amount: 50_050,
                    card: 1,
                    unpredictable: 7,
                };
                let mut out = BytesMut::new();
                let mut bytes = vec![];
                template.write(&patch, &cards, &mut bytes);
                out.extend_from_slice(&bytes);
                let frame = endpoint.framing().next_frame(&mut out).unwrap().unwrap();
                assert!(out.is_empty());
                let (_, fields) = decode(endpoint.dialect(), &frame.body).unwrap();
                let said = |element| fields.get(&element).map(plain).unwrap_or_default();
                assert_eq!(said(7), "1231175958", "{dialect}");
                assert_eq!(said(11).parse(), Ok(123_456), "{dialect}");
                assert_eq!(said(41), "POS00001");
                if operation == Operation::Echo {
                    assert_eq!(said(70), "301");
                    continue;
                }
                assert_eq!((said(2), said(14)), ("9417000000000024".into(), "3001".into()));
                let (amount, local) = match version {
                    0 => ("000000050050", "235958"),
                    1 => ("000000050050", "261231235958"),
                    _ => ("4172000000050050", "20261231235958"),
                };
                assert_eq!((said(4), said(37)), (amount.into(), "987654321012".into()));
                assert_eq!(said(12), local, "{dialect}");
                let key = terminals[0].pin_key.as_ref().unwrap();
                let block = hex::encode_upper(cards.block(1, key, None));
                let expected = if operation.shape().with_pin { block } else { String::new() };
                assert_eq!(said(52), expected, "{dialect} {operation}");
            }
        }
    }

    /// Every message is signed by its own card's key over what it says itself, and sealed.
    #[test]
    fn chips_and_macs_are_made_for_every_message() {
        use cryptography::emv::{AcInput, CryptogramVersion, Derivation, cryptogram, master_key};
        use cryptography::{ClearKey, TdesKey};
        use emv::{IccData, Tag};
        const IMK: &str = "4123456789ABCDEFFEDCBA9876543210";
        const TAK: &str = "FEDCBA98765432100123456789ABCDEF";
        let endpoint = Endpoint::pos("x:1").unwrap();
        let product = format!(
            "{{\"type\":\"product\",\"id\":\"p\",\"keys\":{{\"imk_ac\":\"{IMK}\"}},\
             \"chip\":{{\"cryptogram_version\":18}}}}\n\
             {{\"type\":\"account\",\"id\":\"A\",\"product\":\"p\"}}\n"
        );
        let maced = format!("\"security\":{{\"mac\":\"required\"}},\"keys\":{{\"tak\":\"{TAK}\",");
        let portfolio =
            PORTFOLIO.replace("\"pan\"", "\"account\":\"A\",\"pan\"").replace("\"keys\":{", &maced);
        let Stock { mut cards, terminals, .. } = stock_of(&endpoint, &(product + &portfolio));
        cards.prepare_chips(41).unwrap();
        let zone = Zone::named(DEFAULT_ZONE).unwrap();
        let made = zone.parse("2026-11-23T10:00:00+06:00").unwrap();
        let whose = (Operation::Purchase, true);
        let template = Template::new(whose, &terminals[0], &cards, &endpoint, made).unwrap();
        let time = WireTime::of(made, 0);
        let (stan, reference) = (1, 2);
        let patch = Patch { stan, reference, time, amount: 70_007, card: 1, unpredictable: 77 };
        let mut device = crate::device::Devices::default();
        for counter in [41u16, 42] {
            let mut bytes = vec![];
            template.write(&patch, &cards, &mut bytes);
            let mut buffer = BytesMut::from(&bytes[..]);
            let frame = endpoint.framing().next_frame(&mut buffer).unwrap().unwrap();
            let (_, fields) = decode(endpoint.dialect(), &frame.body).unwrap();
            let data = hex::decode(plain(&fields[&55])).unwrap();
            let icc = IccData::parse(&data).unwrap();
            let find = |tag| icc.find(Tag::new(tag).unwrap()).unwrap();
            let input = AcInput {
                amount_authorized: find(0x9F02).try_into().unwrap(),
                amount_other: [0; 6],
                terminal_country: find(0x9F1A).try_into().unwrap(),
                tvr: find(0x95).try_into().unwrap(),
                currency: find(0x5F2A).try_into().unwrap(),
                date: find(0x9A).try_into().unwrap(),
                transaction_type: find(0x9C)[0],
                unpredictable_number: find(0x9F37).try_into().unwrap(),
                aip: find(0x82).try_into().unwrap(),
                atc: u16::from_be_bytes(find(0x9F36).try_into().unwrap()),
                issuer_application_data: find(0x9F10),
            };
            assert_eq!((input.atc, input.amount_authorized), (counter, [0, 0, 0, 7, 0, 7]));
            let issuer = TdesKey::new(&ClearKey::from_hex(IMK).unwrap()).unwrap();
            let pan = payment_types::Pan::from_ascii(b"9417000000000024").unwrap();
            let key = master_key(&issuer, Derivation::A, &pan, 0);
            let own = cryptogram(CryptogramVersion::VisaCvn18, &key, &input).unwrap();
            assert_eq!(find(0x9F26), own);
            let keys = device.of(&terminals[0]).next_keys(None).unwrap();
            let mac = keys.request_mac(&frame.body[..frame.body.len() - 8]).unwrap();
            assert_eq!(plain(&fields[&64]), hex::encode_upper(mac));
        }
    }
}
