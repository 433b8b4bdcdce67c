//! What is asked for, and the message that asks it.

use super::codes;
use super::judge::Slack;
use super::rules::What;
use super::world::{Reply, Said, Standing};
use crate::card::{ChipFault, ChipWish, Proofs};
use crate::exchange::{amounts_of, plain};
use crate::gear::{Gear, Seals};
use crate::intent::{Fields, Intent, Trace};
use crate::load::operation::Operation;
use crate::portfolio::{Card as Plastic, Terminal};
use crate::private;
use crate::{Endpoint, SimError};
use iso8583::FieldValue;
use payment_types::{Amount, Class, Currency, Mti};

/// What a message does, as far as the oracle cares.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    /// Money leaves: a payment or cash.
    Debit(What),
    /// Money is set aside.
    Hold,
    /// Money comes: a refund or cash paid in.
    Credit(What),
    /// Balances are asked for.
    Balance,
    /// Nothing but whether the host is there.
    Echo,
    /// A preauthorization is completed.
    Complete(Standing),
    /// Something is taken back, down to what stays.
    Reverse(Standing, u64),
    /// A message is said again: the answer is this one again.
    Repeat(Reply),
    /// A message is said again with another amount.
    Changed,
    /// Its reversal was answered before it came.
    Killed,
    /// Something that may not have happened is taken back.
    Undo,
}

/// A typed PIN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pin {
    None,
    Right,
    Wrong,
}

/// A message to send.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) operation: Operation,
    pub(crate) act: Act,
    pub(crate) household: usize,
    pub(crate) card: usize,
    pub(crate) terminal: usize,
    /// Minor units.
    pub(crate) amount: u64,
    pub(crate) pin: Pin,
    pub(crate) mti: Mti,
    pub(crate) fields: Fields,
    /// The chip's part in it and the keys of its MAC.
    pub(crate) seals: Seals,
    pub(crate) trace: Trace,
    /// What was settled about the household since it was sent first: a repeat is answered as the
    /// first was decided.
    pub(crate) after: Slack,
}

impl Request {
    /// What it may take from and bring to what is available.
    pub(crate) fn effect(&self) -> (i64, i64) {
        let money = |minor: u64| i64::try_from(minor).unwrap_or(i64::MAX);
        match &self.act {
            Act::Debit(_) | Act::Hold | Act::Undo => (money(self.amount), 0),
            Act::Credit(_) => (0, money(self.amount)),
            Act::Complete(hold) => (0, money(hold.amount.saturating_sub(self.amount))),
            Act::Reverse(standing, stays) => (0, money(standing.amount.saturating_sub(*stays))),
            _ => (0, 0),
        }
    }

    /// The same message with the MTI of a repeat.
    pub(crate) fn repeated(&self) -> Self {
        Self { mti: self.mti.as_repeat(), ..self.clone() }
    }

    /// It as what stands, should it be approved.
    pub(crate) fn standing(&self, auth_code: Option<String>, counted: usize) -> Standing {
        Standing {
            mti: self.mti,
            trace: self.trace.clone(),
            card: self.card,
            terminal: self.terminal,
            processing_code: self.operation.shape().processing_code.unwrap_or("000000"),
            amount: self.amount,
            is_hold: matches!(self.act, Act::Hold),
            auth_code,
            counted,
        }
    }

    /// The body in the endpoint's dialect.
    pub(crate) fn body(&self, endpoint: &Endpoint) -> Result<Vec<u8>, SimError> {
        self.seals.encode(endpoint.dialect(), self.mti, &self.fields)
    }
}

/// Who stands at which terminal.
pub(crate) struct Place<'a> {
    pub(crate) plastic: &'a Plastic,
    pub(crate) terminal: &'a Terminal,
    /// The edition that is spoken.
    pub(crate) version: u8,
}

impl Place<'_> {
    /// The data elements of a first message, and what proves it.
    pub(crate) fn fresh(
        &self,
        gear: &mut Gear,
        (operation, amount): (Operation, u64),
        (pin, with_chip): (Pin, bool),
        trace: &Trace,
    ) -> Result<(Mti, Fields, Seals), SimError> {
        let shape = operation.shape();
        let mti = Mti::parse(shape.mti).map_err(|error| SimError::Setting(error.to_string()))?;
        let mut intent = Intent::new(mti, self.terminal, trace);
        if operation == Operation::Echo {
            let dressed = gear.dress(&intent, &Proofs::default(), self.version)?;
            let (mti, mut fields, seals) = dressed.into_parts();
            // A DUKPT device says in its private data which key its MAC is of.
            fields.retain(|element, _| matches!(*element, 7 | 11 | 41 | private::ELEMENT));
            let (element, echo) = if self.version == 0 { (70, "301") } else { (24, "831") };
            fields.insert(element, FieldValue::Text(echo.to_owned()));
            return Ok((mti, fields, seals));
        }
        let wrong = self.plastic.pin.as_ref().map(crate::pin::TypedPin::wrong);
        intent.card = Some(self.plastic);
        intent.condition = Some("00");
        intent.processing_code = shape.processing_code;
        intent.entry_mode = shape.entry_mode;
        intent.amount = shape.with_amount.then(|| som(amount));
        intent.pin = match pin {
            Pin::None => None,
            Pin::Right => self.plastic.pin.as_ref(),
            Pin::Wrong => wrong.as_ref(),
        };
        let is_cloned = operation == Operation::ClonedChip;
        let fault = is_cloned.then_some(ChipFault::Cryptogram);
        let reads_chip = (with_chip || is_cloned) && shape.reads_chip();
        let chip = reads_chip.then(|| ChipWish { fault, ..ChipWish::default() });
        let proofs = Proofs { chip, ..Proofs::default() };
        Ok(gear.dress(&intent, &proofs, self.version)?.into_parts())
    }

    /// The data elements of a message about an earlier one: `0220` completes, `0420` takes back.
    pub(crate) fn about(
        &self,
        gear: &mut Gear,
        original: &Standing,
        mti: &str,
        (amount, stays): (u64, Option<u64>),
        trace: &Trace,
    ) -> Result<(Mti, Fields, Seals), SimError> {
        let mti = Mti::parse(mti).map_err(|error| SimError::Setting(error.to_string()))?;
        let mut intent = Intent::new(mti, self.terminal, trace);
        intent.card = Some(self.plastic);
        intent.condition = Some("00");
        intent.processing_code = Some(original.processing_code);
        intent.entry_mode = Some("051");
        intent.amount = Some(som(amount));
        intent.auth_code = original.auth_code.as_deref();
        intent.original = Some((original.mti, &original.trace));
        intent.replacement = stays.map(som);
        Ok(gear.dress(&intent, &Proofs::default(), self.version)?.into_parts())
    }
}

fn som(minor: u64) -> Amount {
    Amount::new(minor, Currency::KGS)
}

impl Said {
    /// Whether it can be said again with another amount: it has one, and its kind is remembered.
    pub(crate) fn has_amount(&self) -> bool {
        let class = self.mti.class();
        let is_request = matches!(class, Class::Authorization | Class::Financial);
        is_request && self.mti.digits()[2] == 0 && self.fields.contains_key(&4)
    }

    /// The fields with another amount.
    pub(crate) fn changed(&self) -> Fields {
        let mut fields = self.fields.clone();
        if let Some(text) = fields.get(&4).map(plain) {
            // Since 2003 currency and exponent stand before the twelve digits, and stay.
            let (width, amount) = (text.len(), text.parse::<u64>().unwrap_or_default() + 100);
            fields.insert(4, FieldValue::Text(format!("{amount:0width$}")));
        }
        fields
    }
}

impl Reply {
    /// What an answer's data elements say.
    pub(crate) fn of(fields: &Fields, version: u8) -> Self {
        let text = |element| fields.get(&element).map(plain).filter(|text| !text.is_empty());
        let code = codes::of_1987(text(39).unwrap_or_default(), version);
        Self { code, auth_code: text(38), amounts: text(54), chip: text(55) }
    }

    /// An amount of DE 54 in minor units, below zero where it is a debit.
    pub(crate) fn amount(&self, kind: &str) -> Option<i64> {
        let text = self.amounts.as_deref()?;
        let entry = amounts_of(text).find(|entry| entry.get(2..4) == Some(kind))?;
        let (head, minor) = entry.split_at_checked(entry.len().checked_sub(12)?)?;
        let minor: i64 = minor.parse().ok()?;
        Some(if head.ends_with('D') { -minor } else { minor })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_and_repeats_marked() {
        let reply = Reply {
            amounts: Some("0002417D0000000055000044417C000000500000".into()),
            ..Reply::default()
        };
        assert_eq!((reply.amount("02"), reply.amount("44")), (Some(-5500), Some(500_000)));
        assert_eq!(reply.amount("01"), None);
        let (town, portfolio) = super::super::world::tests::town();
        let zone = crate::moment::Zone::named("Asia/Bishkek").unwrap();
        let trace = Trace::fresh(7, zone.parse("2026-11-23T10:00:00+06:00").unwrap());
        let place = Place {
            plastic: &town.households[0].cards[0].plastic,
            terminal: portfolio.terminal("POS00001").unwrap(),
            version: 0,
        };
        let mut gear = Gear::default();
        let pin = (Pin::Right, false);
        let (mti, fields, seals) =
            place.fresh(&mut gear, (Operation::Preauth, 500), pin, &trace).unwrap();
        assert!(fields.contains_key(&52) && !seals.has_mac() && !seals.has_chip());
        let said = Said { mti, fields, seals, card: 0, reply: Reply::default() };
        assert!(said.has_amount() && plain(&said.changed()[&4]) == "000000000600");
        let request = Request {
            operation: Operation::Preauth,
            act: Act::Hold,
            household: 0,
            card: 0,
            terminal: 0,
            amount: 500,
            pin: Pin::Right,
            mti,
            fields: said.fields,
            seals: said.seals,
            trace: trace.clone(),
            after: Slack::default(),
        };
        assert_eq!(request.repeated().mti.to_string(), "0101");
        assert_eq!(request.effect(), (500, 0));
        let hold = request.standing(Some("A1".into()), 0);
        let later = trace.following(8, trace.at);
        let (mti, fields, _) = place.about(&mut gear, &hold, "0220", (300, None), &later).unwrap();
        assert_eq!((mti.to_string(), plain(&fields[&38])), ("0220".into(), "A1".into()));
        assert!(plain(&fields[&90]).starts_with("0100000007") && !fields.contains_key(&52));
    }
}
