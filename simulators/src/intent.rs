//! What a terminal wants, and the data elements that say so in each edition of the standard.

use crate::SimError;
use crate::moment::{local_with_year, reference_number};
use crate::pin::TypedPin;
use crate::portfolio::{Card, Terminal};
use iso8583::{Dialect, FieldValue, MessageBuilder};
use payment_types::{Amount, Class, Currency, Function, Moment, Mti};
use std::collections::BTreeMap;

/// DE 32 of every simulated terminal: a test acquirer.
pub const ACQUIRER: u64 = 417_001;

/// A message's data elements by number.
pub type Fields = BTreeMap<u8, FieldValue>;

/// What identifies one message: STAN, reference number, and the time on the terminal's clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// DE 11.
    pub stan: u32,
    /// DE 37; a reversal keeps its original's.
    pub rrn: String,
    /// When it is sent (DE 7).
    pub at: Moment,
    /// When the cardholder stood there (DE 12, 13); a reversal keeps its original's.
    pub local: Moment,
}

impl Trace {
    /// A first message about something, sent at once.
    #[must_use]
    pub fn fresh(stan: u32, at: Moment) -> Self {
        Self { stan, rrn: reference_number(at, stan), at, local: at }
    }

    /// A later message about the same thing.
    #[must_use]
    pub fn following(&self, stan: u32, at: Moment) -> Self {
        Self { stan, at, ..self.clone() }
    }
}

/// One thing to ask for. What is `None` is left out of the message.
#[derive(Debug, Clone)]
pub struct Intent<'a> {
    /// Request, advice, reversal; the version digit follows the dialect.
    pub mti: Mti,
    /// Who asks.
    pub terminal: &'a Terminal,
    /// DE 2, 14, 23.
    pub card: Option<&'a Card>,
    /// DE 3, six digits.
    pub processing_code: Option<&'a str>,
    /// DE 4.
    pub amount: Option<Amount>,
    /// DE 49.
    pub currency: Currency,
    /// DE 22 as three digits of the 1987 edition.
    pub entry_mode: Option<&'a str>,
    /// DE 25.
    pub condition: Option<&'a str>,
    /// Typed PIN; the device makes a block of it (see [`crate::gear`]).
    pub pin: Option<&'a TypedPin>,
    /// The PIN the cardholder wants instead.
    pub new_pin: Option<&'a TypedPin>,
    /// DE 35 too.
    pub track2: bool,
    /// DE 14, where it is not the card's.
    pub expiry: Option<&'a str>,
    /// DE 18, where it is not the merchant's.
    pub mcc: Option<&'a str>,
    /// DE 38: of the approval that a completion or an advice is about.
    pub auth_code: Option<&'a str>,
    /// DE 11, 37, 7, 12, 13.
    pub trace: &'a Trace,
    /// DE 90 (DE 56 since 1993): the message this one is about.
    pub original: Option<(Mti, &'a Trace)>,
    /// DE 95: the amount that stays after a partial reversal.
    pub replacement: Option<Amount>,
}

impl<'a> Intent<'a> {
    /// Nothing but who asks and when, in som.
    #[must_use]
    pub fn new(mti: Mti, terminal: &'a Terminal, trace: &'a Trace) -> Self {
        Self {
            mti,
            terminal,
            card: None,
            processing_code: None,
            amount: None,
            currency: Currency::KGS,
            entry_mode: None,
            condition: None,
            pin: None,
            new_pin: None,
            track2: false,
            expiry: None,
            mcc: None,
            auth_code: None,
            trace,
            original: None,
            replacement: None,
        }
    }

    /// The MTI with the version digit of the dialect's edition.
    #[must_use]
    pub fn mti_for(&self, version: u8) -> Mti {
        mti_of_version(self.mti, version)
    }

    /// The data elements in the edition (`0` 1987, `1` 1993, `2` 2003).
    /// What needs keys is not among them: see [`crate::gear::Gear::dress`].
    #[must_use]
    pub fn fields(&self, version: u8) -> Fields {
        let mut fields = Fields::new();
        let mut set = |element: u8, text: String| fields.insert(element, FieldValue::Text(text));
        if let Some(card) = self.card {
            set(2, digits(card.pan.expose_digits()));
            set(14, self.expiry.map_or_else(|| format!("{:04}", card.expiry), str::to_owned));
            let tells = |mode: &str| is_chip(mode) || mode.starts_with("91");
            if card.sequence > 0 && self.entry_mode.is_some_and(tells) {
                set(23, format!("{:03}", card.sequence));
            }
            if self.track2 {
                set(35, self.track2_of(card));
            }
        }
        if let Some(code) = self.processing_code {
            set(3, code.to_owned());
        }
        if let Some(amount) = self.amount {
            set(4, format!("{:012}", amount.minor()));
            set(49, format!("{:03}", self.currency.numeric()));
        }
        set(7, format!("{:010}", self.trace.at.wire_utc().number()));
        set(11, format!("{:06}", self.trace.stan));
        set(32, ACQUIRER.to_string());
        set(37, self.trace.rrn.clone());
        if let Some(code) = self.auth_code {
            set(38, code.to_owned());
        }
        set(41, self.terminal.id.to_string());
        if let Some(acceptor) = &self.terminal.acceptor {
            set(42, acceptor.to_string());
        }
        match version {
            0 => self.edition_1987(&mut fields),
            1 => self.edition_1993(&mut fields),
            _ => {
                self.edition_1993(&mut fields);
                self.edition_2003(&mut fields);
            }
        }
        fields
    }

    /// What 2003 lays out otherwise than 1993 (jPOS's common message format): amounts begin with
    /// currency and exponent, numbers and times are longer, DE 22 is bits.
    fn edition_2003(&self, fields: &mut Fields) {
        let mut set = |element: u8, text: String| fields.insert(element, FieldValue::Text(text));
        let money = |minor: u64| {
            format!("{:03}{}{minor:012}", self.currency.numeric(), self.currency.exponent())
        };
        let local = |moment: Moment| format!("20{}", local_with_year(moment));
        set(11, format!("{:012}", self.trace.stan));
        set(12, local(self.trace.local));
        if let Some(amount) = self.amount {
            set(4, money(self.replacement.unwrap_or(amount).minor()));
            if self.replacement.is_some() {
                set(30, format!("{}{:016}", money(amount.minor()), 0));
            }
        }
        if let Some((mti, trace)) = self.original {
            let (mti, stan) = (mti_of_version(mti, 2), trace.stan);
            set(56, format!("{mti}{stan:012}{}{ACQUIRER}", local(trace.local)));
        }
        if let Some(mode) = self.entry_mode {
            let bits = pos_data_bits(mode, self.condition, self.pin.is_some());
            fields.insert(22, FieldValue::Binary(bits.to_vec()));
        }
        // Verification data now, and no currency.
        fields.remove(&49);
    }

    fn edition_1987(&self, fields: &mut Fields) {
        let mut set = |element: u8, text: String| fields.insert(element, FieldValue::Text(text));
        let local = self.trace.local.wire_local();
        set(12, format!("{:06}", local.time()));
        set(13, format!("{:04}", local.date()));
        if let Some(mcc) = self.merchant_category() {
            set(18, mcc);
        }
        if let Some(mode) = self.entry_mode {
            set(22, mode.to_owned());
        }
        if let Some(condition) = self.condition {
            set(25, condition.to_owned());
        }
        if let Some((mti, trace)) = self.original {
            let (stan, sent) = (trace.stan, trace.at.wire_utc().number());
            set(90, format!("{mti}{stan:06}{sent:010}{ACQUIRER:011}{:011}", 0));
        }
        if let Some(stays) = self.replacement {
            set(95, format!("{:012}{:012}C{:08}C{:08}", stays.minor(), 0, 0, 0));
        }
    }

    fn edition_1993(&self, fields: &mut Fields) {
        let mut set = |element: u8, text: String| fields.insert(element, FieldValue::Text(text));
        set(12, local_with_year(self.trace.local));
        if let Some(mode) = self.entry_mode {
            set(22, pos_data_code(mode, self.pin.is_some()));
        }
        if let Some(code) = function_code(self.mti, self.replacement.is_some()) {
            set(24, code.to_owned());
        }
        if let Some(mcc) = self.merchant_category() {
            set(26, mcc);
        }
        if let Some((mti, trace)) = self.original {
            let (stan, local) = (trace.stan, local_with_year(trace.local));
            let mti = mti_of_version(mti, 1);
            set(56, format!("{mti}{stan:06}{local}{:02}{ACQUIRER}", ACQUIRER.to_string().len()));
        }
        if let (Some(stays), Some(amount)) = (self.replacement, self.amount) {
            set(4, format!("{:012}", stays.minor()));
            set(30, format!("{:012}{:012}", amount.minor(), 0));
        }
    }

    fn merchant_category(&self) -> Option<String> {
        let own = || self.terminal.mcc.map(|mcc| format!("{mcc:04}"));
        self.mcc.map(str::to_owned).or_else(own)
    }

    fn track2_of(&self, card: &Card) -> String {
        let number = digits(card.pan.expose_digits());
        format!("{number}={:04}{}", card.expiry, card.service_code)
    }
}

/// The bytes of a message.
///
/// # Errors
/// [`SimError::Build`] naming the element that does not fit the dialect.
pub fn encode(dialect: &Dialect, mti: Mti, fields: &Fields) -> Result<Vec<u8>, SimError> {
    let mut builder = MessageBuilder::new(dialect, mti);
    for (element, value) in fields {
        builder.set_field(*element, value).map_err(|cause| does_not_fit(dialect, cause))?;
    }
    let mut body = Vec::with_capacity(512);
    builder.write(&mut body).map_err(|cause| does_not_fit(dialect, cause))?;
    Ok(body)
}

fn does_not_fit(dialect: &Dialect, cause: iso8583::BuildError) -> SimError {
    SimError::Build { dialect: dialect.name().to_owned(), cause }
}

/// The MTI with another version digit.
#[must_use]
pub fn mti_of_version(mti: Mti, version: u8) -> Mti {
    let [_, class, function, origin] = mti.digits();
    Mti::from_digits([version, class, function, origin]).unwrap_or(mti)
}

fn digits(ascii: &[u8]) -> String {
    String::from_utf8_lossy(ascii).into_owned()
}

/// Whether the chip is read, in contact or without.
pub(crate) fn is_chip(entry_mode: &str) -> bool {
    ["05", "07", "95"].iter().any(|chip| entry_mode.starts_with(chip))
}

/// DE 22 of the 1993 edition (ISO 8583:1993 annex A, positions 1 to 12) for three digits of 1987.
/// Position 7, how the card was read, is what counts; contactless is told by the letters that the
/// large networks use there.
pub(crate) fn pos_data_code(mode: &str, with_pin: bool) -> String {
    // Position 5, where the cardholder is; position 6, whether the card is there; position 7.
    let (holder, card, input) = match mode.get(..2).unwrap_or_default() {
        "05" | "95" => ('0', '1', '5'),
        "07" => ('0', '1', 'M'),
        "91" => ('0', '1', 'A'),
        "02" | "90" => ('0', '1', '2'),
        "80" | "79" => ('0', '1', '9'),
        "01" => ('1', '0', '6'),
        "10" => ('1', '0', '7'),
        "81" | "09" => ('5', '0', 'S'),
        _ => ('0', '1', '0'),
    };
    let (method, entity) = if with_pin { ('1', '3') } else { ('0', '0') };
    let (can_ask, longest) = if mode.ends_with('1') { ('1', 'C') } else { ('0', '0') };
    format!("5{can_ask}01{holder}{card}{input}{method}{entity}04{longest}")
}

/// DE 22 of the 2003 edition: four words of bits, for how the card was read, how the holder was
/// verified, where it was, and what protected it on the way (not known).
fn pos_data_bits(mode: &str, condition: Option<&str>, with_pin: bool) -> [u8; 16] {
    const ATTENDED: u32 = 1 << 1;
    const WEB: u32 = 1 << 4;
    let (reading, is_web): (u32, bool) = match mode.get(..2).unwrap_or_default() {
        "05" | "95" => (1 << 5, false),
        "07" => (1 << 1, false),
        "91" => (1 << 1 | 1 << 4, false),
        "02" | "90" => (1 << 4, false),
        "80" | "79" => (1 << 4 | 1 << 13, false),
        "01" => (1 << 2, false),
        "10" => (1 << 6, false),
        "81" | "09" => (1 << 2, true),
        _ => (1, false),
    };
    let place = match condition {
        _ if is_web => WEB,
        Some("02") => 1 << 2,
        Some("08") => 1 << 3,
        _ => ATTENDED,
    };
    let verified = if with_pin { 1 << 3 } else { 1 << 1 };
    let mut bits = [0; 16];
    for (four, word) in bits.chunks_mut(4).zip([reading, verified, place, 1]) {
        four.copy_from_slice(&word.to_le_bytes());
    }
    bits
}

/// The three digits of 1987 whose data code that is; which digits there were before, where several
/// have the same, nobody can tell.
pub(crate) fn mode_of_data_code(code: &str) -> Option<&'static str> {
    const MODES: [&str; 16] = [
        "051", "071", "011", "012", "021", "022", "052", "072", "901", "902", "911", "801", "812",
        "810", "101", "100",
    ];
    let is_it = |with_pin| move |mode: &&str| pos_data_code(mode, with_pin) == code;
    let found = MODES.into_iter().find(is_it(true));
    found.or_else(|| MODES.into_iter().find(is_it(false)))
}

/// DE 24 of the 1993 edition (table A.8).
fn function_code(mti: Mti, partial: bool) -> Option<&'static str> {
    match (mti.class(), mti.function()) {
        (Class::Authorization, _) => Some("100"),
        (Class::Financial, Function::Advice) => Some("202"),
        (Class::Financial, _) => Some("200"),
        (Class::Reversal, _) => Some(if partial { "401" } else { "400" }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entry_modes_become_data_codes_of_twelve_places() {
        for (mode, with_pin, code) in [
            ("051", true, "51010151304C"),
            ("071", false, "510101M0004C"),
            ("911", false, "510101A0004C"),
            ("901", true, "51010121304C"),
            ("012", false, "500110600040"),
            ("812", false, "500150S00040"),
        ] {
            assert_eq!(pos_data_code(mode, with_pin), code, "{mode}");
        }
        for (mode, condition, with_pin, bits) in [
            ("051", None, true, "20000000080000000200000001000000"),
            ("071", Some("00"), false, "02000000020000000200000001000000"),
            ("801", Some("02"), false, "10200000020000000400000001000000"),
            ("012", Some("08"), false, "04000000020000000800000001000000"),
            ("812", Some("59"), false, "04000000020000001000000001000000"),
        ] {
            assert_eq!(hex::encode(pos_data_bits(mode, condition, with_pin)), bits, "{mode}");
        }
    }
}
