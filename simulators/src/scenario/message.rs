//! From what a step says to what goes over the wire, and from a sent message to its repeat,
//! reversal or completion.

use super::file::{Ask, FieldText};
use super::steps::parse_mti;
use crate::SimError;
use crate::card::{Proof, Proofs};
use crate::device::SecurityProfile;
use crate::gear::{Dressed, Gear};
use crate::intent::{Fields, Intent, Trace};
use crate::pin::TypedPin;
use crate::portfolio::{Card, Portfolio, Terminal};
use iso8583::FieldValue;
use payment_types::{Amount, Currency, DeviceCategory, Moment, Mti, Pan};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Who and what a message is about, owned, so that later messages can be about the same.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    terminal: Terminal,
    card: Option<Card>,
    processing_code: Option<String>,
    currency: Currency,
    entry_mode: Option<String>,
    condition: Option<String>,
    expiry: Option<String>,
    mcc: Option<String>,
    network: bool,
}

/// A message as it was, or will be, sent.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    subject: Subject,
    pub(crate) listener: Box<str>,
    mti: Mti,
    pub(crate) trace: Trace,
    amount: Option<Amount>,
    pin: Option<TypedPin>,
    new_pin: Option<TypedPin>,
    track2: bool,
    proofs: Proofs,
    /// As it went out, once it has.
    pub(crate) dressed: Option<Dressed>,
    /// DE 38 of the message itself.
    said_code: Option<String>,
    /// DE 38 of its answer.
    pub(crate) auth_code: Option<String>,
    original: Option<(Mti, Trace)>,
    replacement: Option<Amount>,
    extra: BTreeMap<u8, FieldText>,
}

impl Subject {
    pub(crate) fn of(ask: &Ask, portfolio: &Portfolio) -> Result<Self, SimError> {
        let terminal = ask.terminal.as_deref().unwrap_or_default();
        Ok(Self {
            terminal: terminal_of(terminal, portfolio),
            card: ask.card.as_deref().map(|card| card_of(card, portfolio)).transpose()?,
            processing_code: ask.processing_code.clone(),
            currency: currency_of(ask.currency.as_deref())?,
            entry_mode: ask.entry_mode.clone(),
            condition: ask.condition.clone(),
            expiry: ask.expiry.clone(),
            mcc: ask.mcc.clone(),
            network: ask.network,
        })
    }

    pub(crate) fn into_message(self, ask: &Ask, mut trace: Trace) -> Result<Sent, SimError> {
        if let Some(stan) = &ask.stan {
            let number: Option<u32> = stan.parse().ok().filter(|number| *number <= 999_999);
            let wrong = || SimError::Setting(format!("stan {stan:?} is not six digits"));
            trace.stan = number.ok_or_else(wrong)?;
        }
        if let Some(rrn) = &ask.rrn {
            rrn.clone_into(&mut trace.rrn);
        }
        let amount = amount_of(ask.amount.as_deref(), self.currency)?;
        let listener = if self.network { "network".into() } else { self.terminal.listener.clone() };
        Ok(Sent {
            listener,
            mti: parse_mti(ask.mti.as_deref().unwrap_or_default())?,
            trace,
            amount,
            pin: ask.pin.as_deref().map(TypedPin::new),
            new_pin: ask.new_pin.as_deref().map(TypedPin::new),
            track2: ask.track2,
            proofs: ask.proofs()?,
            dressed: None,
            said_code: ask.auth_code.clone(),
            auth_code: None,
            original: None,
            replacement: None,
            extra: ask.fields.clone(),
            subject: self,
        })
    }
}

impl Sent {
    /// The message with all that cards and devices add, in the edition of a dialect. A repeat is
    /// what was sent before.
    pub(crate) fn dress(&self, gear: &mut Gear, version: u8) -> Result<Dressed, SimError> {
        if let Some(dressed) = &self.dressed {
            return Ok(dressed.clone());
        }
        let subject = &self.subject;
        let mut intent = Intent::new(self.mti, &subject.terminal, &self.trace);
        intent.card = subject.card.as_ref();
        intent.processing_code = subject.processing_code.as_deref();
        intent.amount = self.amount;
        intent.currency = subject.currency;
        intent.entry_mode = subject.entry_mode.as_deref();
        intent.condition = Some(subject.condition.as_deref().unwrap_or("00"));
        intent.pin = self.pin.as_ref();
        intent.new_pin = self.new_pin.as_ref();
        intent.track2 = self.track2;
        intent.expiry = subject.expiry.as_deref();
        intent.mcc = subject.mcc.as_deref();
        intent.auth_code = self.said_code.as_deref();
        intent.original = self.original.as_ref().map(|(mti, trace)| (*mti, trace));
        intent.replacement = self.replacement;
        let mut dressed = gear.dress(&intent, &self.proofs, version)?;
        let fields = &mut dressed.fields;
        for (element, value) in &self.extra {
            match value {
                FieldText::Text(text) => fields.insert(*element, FieldValue::Text(text.clone())),
                FieldText::Hex(bytes) => fields.insert(*element, FieldValue::Binary(bytes.clone())),
                FieldText::Absent => fields.remove(element),
            };
        }
        Ok(dressed)
    }

    /// Whether it is a 0100.
    pub(crate) fn is_authorization(&self) -> bool {
        self.mti.without_repeat().digits() == [0, 1, 0, 0]
    }

    /// The data elements without anything that keys make, and without `fields`.
    pub(crate) fn bare(&self, version: u8) -> Result<Fields, SimError> {
        let plain = Proofs { mac: Some(Proof::None), ..Proofs::default() };
        let bare = Self { pin: None, new_pin: None, proofs: plain, dressed: None, ..self.clone() };
        let bare = Self { extra: BTreeMap::new(), ..bare };
        Ok(bare.dress(&mut Gear::default(), version)?.fields)
    }

    /// DE 41.
    pub(crate) fn terminal(&self) -> &str {
        &self.subject.terminal.id
    }

    /// The same message with the repeat MTI.
    pub(crate) fn repeated(&self) -> Self {
        let dressed = self.dressed.as_ref().map(Dressed::repeated);
        Self { mti: self.mti.as_repeat(), dressed, ..self.clone() }
    }

    /// The reversal of this message: by default 0420, with DE 90, the same reference number and
    /// amount, and DE 95 where `replacement` says what stays.
    pub(crate) fn reversal(&self, ask: &Ask, stan: u32, now: Moment) -> Result<Self, SimError> {
        let replacement = amount_of(ask.replacement.as_deref(), self.subject.currency)?;
        Ok(Self { replacement, ..self.follow_up(ask, "0420", stan, now)? })
    }

    /// The completion of this preauthorization: by default 0220, with DE 90, the same reference
    /// number, the approval's DE 38 and its own amount.
    pub(crate) fn completion(&self, ask: &Ask, stan: u32, now: Moment) -> Result<Self, SimError> {
        let currency = self.subject.currency;
        let amount = amount_of(ask.amount.as_deref(), currency)?.or(self.amount);
        Ok(Self { amount, ..self.follow_up(ask, "0220", stan, now)? })
    }

    fn follow_up(&self, ask: &Ask, mti: &str, stan: u32, now: Moment) -> Result<Self, SimError> {
        let own_stan = ask.stan.as_deref().and_then(|stan| stan.parse().ok());
        Ok(Self {
            mti: parse_mti(ask.mti.as_deref().unwrap_or(mti))?,
            trace: self.trace.following(own_stan.unwrap_or(stan), now),
            pin: None,
            new_pin: None,
            track2: false,
            proofs: ask.proofs()?,
            dressed: None,
            said_code: ask.auth_code.clone().or_else(|| self.auth_code.clone()),
            auth_code: None,
            original: Some((self.mti, self.trace.clone())),
            replacement: None,
            extra: ask.fields.clone(),
            ..self.clone()
        })
    }

    /// The message in a line, with nothing secret in it.
    pub(crate) fn label(&self, verb: &str) -> String {
        let subject = &self.subject;
        let mut words =
            vec![verb.to_owned(), self.mti.to_string(), subject.terminal.id.to_string()];
        words.extend(subject.card.as_ref().map(|card| card.id.to_string()));
        words.extend(subject.processing_code.clone());
        words.extend(self.amount.map(|amount| amount.to_string()));
        words.extend(subject.entry_mode.clone());
        words.extend(self.pin.as_ref().map(|_| "with PIN".to_owned()));
        words.extend(self.replacement.map(|stays| format!("{stays} stays")));
        words.join(" ")
    }
}

/// A terminal the register may not know: then one that connects like a POS, to be refused.
pub(crate) fn terminal_of(id: &str, portfolio: &Portfolio) -> Terminal {
    portfolio.terminals.get(id).cloned().unwrap_or_else(|| Terminal {
        id: id.into(),
        category: DeviceCategory::Merchant,
        listener: "pos".into(),
        acceptor: None,
        mcc: None,
        pin_key: portfolio.terminals.values().find_map(|terminal| terminal.pin_key.clone()),
        keys: portfolio
            .terminals
            .values()
            .find(|terminal| terminal.pin_key.is_some())
            .map(|terminal| terminal.keys.clone())
            .unwrap_or_default(),
        security: SecurityProfile::default(),
        reads_chip: true,
        place: "".into(),
        denominations: Vec::new(),
    })
}

/// A card of the portfolio, or one with a number nobody issued.
fn card_of(card: &str, portfolio: &Portfolio) -> Result<Card, SimError> {
    let Ok(pan) = Pan::from_ascii(card.as_bytes()) else {
        return portfolio.card(card).cloned();
    };
    let stray = || Card {
        id: pan.masked().as_str().into(),
        account: "".into(),
        holder: "".into(),
        pan: pan.clone(),
        expiry: 4912,
        sequence: 1,
        service_code: "201".into(),
        pin: None,
        status: "active".into(),
        blocks: Vec::new(),
        issue: Arc::default(),
    };
    Ok(portfolio.cards.get(card).cloned().unwrap_or_else(stray))
}

fn currency_of(text: Option<&str>) -> Result<Currency, SimError> {
    let Some(text) = text else { return Ok(Currency::KGS) };
    let numeric = text.parse().ok().and_then(Currency::from_numeric);
    let unknown = || SimError::Setting(format!("currency {text:?} is not in ISO 4217"));
    numeric.or_else(|| Currency::from_alpha(text)).ok_or_else(unknown)
}

fn amount_of(text: Option<&str>, currency: Currency) -> Result<Option<Amount>, SimError> {
    let parse = |text: &str| {
        Amount::parse_major(text, currency)
            .map_err(|error| SimError::Setting(format!("amount {text:?}: {error}")))
    };
    text.map(parse).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::plain;
    use crate::moment::{DEFAULT_ZONE, Zone};

    fn clock(text: &str) -> Moment {
        Zone::named(DEFAULT_ZONE).unwrap().parse(text).unwrap()
    }

    fn ask() -> Ask {
        let text = |text: &str| Some(text.to_owned());
        Ask {
            terminal: text("POS00001"),
            card: text("9417000000000016"),
            mti: text("0200"),
            processing_code: text("000000"),
            amount: text("500.00"),
            entry_mode: text("051"),
            ..Ask::default()
        }
    }

    fn original() -> Sent {
        let subject = Subject::of(&ask(), &Portfolio::default()).unwrap();
        let trace = Trace::fresh(7, clock("2026-11-23T23:58:00+06:00"));
        subject.into_message(&ask(), trace).unwrap()
    }

    fn in_edition(sent: &Sent, version: u8) -> (Mti, Fields) {
        let Dressed { mti, fields, .. } = sent.dress(&mut Gear::default(), version).unwrap();
        (mti, fields)
    }

    fn text(fields: &Fields, element: u8) -> String {
        fields.get(&element).map(plain).unwrap_or_default()
    }

    #[test]
    fn a_message_has_the_defaults_of_the_contract() {
        let (mti, fields) = in_edition(&original(), 0);
        assert_eq!(mti.to_string(), "0200");
        for (element, value) in [
            (3, "000000"),
            (4, "000000050000"),
            (7, "1123175800"),
            (11, "000007"),
            (12, "235800"),
            (13, "1123"),
            (22, "051"),
            (25, "00"),
            (32, "417001"),
            (37, "632723000007"),
            (41, "POS00001"),
            (49, "417"),
        ] {
            assert_eq!(text(&fields, element), value, "DE {element}");
        }
        assert!(!fields.contains_key(&52) && !fields.contains_key(&90));
    }

    #[test]
    fn a_reversal_points_at_its_original() {
        let now = clock("2026-11-24T00:01:00+06:00");
        let partial = Ask { replacement: Some("200.00".into()), ..Ask::default() };
        let (mti, fields) = in_edition(&original().reversal(&partial, 8, now).unwrap(), 0);
        assert_eq!(mti.to_string(), "0420");
        assert_eq!(text(&fields, 90), "020000000711231758000000041700100000000000");
        assert_eq!(text(&fields, 95), "000000020000000000000000C00000000C00000000");
        assert_eq!(
            (text(&fields, 11), text(&fields, 37)),
            ("000008".into(), "632723000007".into())
        );
        assert_eq!(
            (text(&fields, 4), text(&fields, 7)),
            ("000000050000".into(), "1123180100".into())
        );
        assert_eq!((text(&fields, 12), text(&fields, 13)), ("235800".into(), "1123".into()));
    }

    #[test]
    fn a_completion_has_its_own_amount_and_the_approval_code() {
        let mut original = original();
        original.mti = parse_mti("0100").unwrap();
        original.auth_code = Some("ABC123".into());
        let ask = Ask { amount: Some("600.00".into()), ..Ask::default() };
        let sent = original.completion(&ask, 9, original.trace.at).unwrap();
        let (mti, fields) = in_edition(&sent, 0);
        assert_eq!((mti.to_string(), text(&fields, 38)), ("0220".into(), "ABC123".into()));
        assert_eq!(text(&fields, 4), "000000060000");
        assert!(text(&fields, 90).starts_with("0100000007"));
    }

    #[test]
    fn a_repeat_differs_by_its_mti_only() {
        let (mti, fields) = in_edition(&original().repeated(), 0);
        assert_eq!(mti.to_string(), "0201");
        assert_eq!(fields, in_edition(&original(), 0).1);
    }

    #[test]
    fn later_editions_say_the_same_in_their_own_elements() {
        let now = clock("2026-11-24T00:01:00+06:00");
        let (mti, fields) = in_edition(&original(), 1);
        assert_eq!((mti.to_string(), text(&fields, 12)), ("1200".into(), "261123235800".into()));
        assert_eq!(text(&fields, 22).len(), 12);
        assert!(!fields.contains_key(&13) && !fields.contains_key(&25));
        let reversal = original().reversal(&Ask::default(), 8, now).unwrap();
        let (mti, fields) = in_edition(&reversal, 1);
        assert_eq!(mti.to_string(), "1420");
        assert_eq!(text(&fields, 56), "120000000726112323580006417001");
    }

    #[test]
    fn what_makes_no_sense_is_told() {
        let bad = |change: fn(&mut Ask)| {
            let mut ask = ask();
            change(&mut ask);
            let subject = Subject::of(&ask, &Portfolio::default());
            let trace = Trace::fresh(1, clock("2026-11-23T10:00:00+06:00"));
            subject.and_then(|subject| subject.into_message(&ask, trace)).unwrap_err().to_string()
        };
        assert!(bad(|ask| ask.card = Some("K9".into())).contains("card \"K9\""));
        assert!(bad(|ask| ask.amount = Some("1.234".into())).contains("amount"));
        assert!(bad(|ask| ask.currency = Some("XYZ".into())).contains("currency"));
        assert!(bad(|ask| ask.mti = Some("200".into())).contains("mti"));
        assert!(bad(|ask| ask.stan = Some("1234567".into())).contains("stan"));
    }
}
