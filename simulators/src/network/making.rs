//! The messages a host sends: made from a line of the file, or from a draw of the mix.

use super::file::{FileAction, MixKind, SendKeys, SendKind};
use super::hub::{Hub, lock};
use super::message::{Seen, function_of};
use crate::SimError;
use crate::card::{ChipWish, Proofs};
use crate::device::{Exchange, Pending};
use crate::gear::Dressed;
use crate::intent::{ACQUIRER, Fields, Intent, Trace, is_chip, mti_of_version};
use crate::moment::local_with_year;
use crate::pin::TypedPin;
use crate::portfolio::{Card, Terminal};
use iso8583::FieldValue;
use payment_types::{Amount, Currency, Mti};

/// What is to be sent.
#[derive(Debug, Clone)]
pub(super) struct Order<'a> {
    pub kind: SendKind,
    pub card: Option<&'a Card>,
    pub terminal: &'a Terminal,
    pub amount: Option<u64>,
    pub processing_code: String,
    pub entry_mode: String,
    pub pin: Option<TypedPin>,
    pub about: Option<&'a Sent>,
    pub file: Option<FileOrder>,
    pub exchange: Option<Exchange>,
}

/// A file action.
#[derive(Debug, Clone)]
pub(super) struct FileOrder {
    pub action: FileAction,
    /// YYMMDD.
    pub until: Option<String>,
    pub range: Option<String>,
}

/// What was sent, for later messages about it.
#[derive(Debug, Clone)]
pub(super) struct Sent {
    mti: Mti,
    trace: Trace,
    dressed: Dressed,
    card: Option<Box<str>>,
    terminal: Box<str>,
    amount: Option<u64>,
    processing_code: String,
    entry_mode: String,
    pub approval: Option<String>,
}

/// A message ready to go.
pub(super) struct Made {
    pub seen: Seen,
    pub body: Vec<u8>,
    pub sent: Sent,
    pub pending: Option<Pending>,
}

fn mti_of(kind: SendKind) -> [u8; 4] {
    match kind {
        SendKind::Authorization => [0, 1, 0, 0],
        SendKind::Financial | SendKind::Repeat => [0, 2, 0, 0],
        SendKind::Advice => [0, 1, 2, 0],
        SendKind::Presentment => [0, 2, 2, 0],
        SendKind::Reversal => [0, 4, 2, 0],
        SendKind::FileAction => [0, 3, 0, 2],
        SendKind::SignOn
        | SendKind::SignOff
        | SendKind::Echo
        | SendKind::CutOver
        | SendKind::KeyExchange => [0, 8, 0, 0],
    }
}

const fn network_code_of(kind: SendKind) -> Option<u16> {
    match kind {
        SendKind::SignOn => Some(1),
        SendKind::SignOff => Some(2),
        SendKind::Echo => Some(301),
        SendKind::CutOver => Some(201),
        SendKind::KeyExchange => Some(101),
        _ => None,
    }
}

impl MixKind {
    pub(super) const fn kind(self) -> SendKind {
        match self {
            Self::Authorization => SendKind::Authorization,
            Self::Financial => SendKind::Financial,
            Self::Presentment => SendKind::Presentment,
            Self::Reversal => SendKind::Reversal,
            Self::FileAction => SendKind::FileAction,
            Self::Echo => SendKind::Echo,
        }
    }
}

impl<'a> Order<'a> {
    /// Of no card, at this terminal.
    pub(super) fn bare(kind: SendKind, terminal: &'a Terminal) -> Self {
        Self {
            kind,
            card: None,
            terminal,
            amount: None,
            processing_code: "000000".to_owned(),
            entry_mode: "051".to_owned(),
            pin: None,
            about: None,
            file: None,
            exchange: None,
        }
    }

    /// A line of the file.
    pub(super) fn of_line(
        hub: &'a Hub,
        keys: &SendKeys,
        about: Option<&'a Sent>,
    ) -> Result<Self, SimError> {
        let portfolio = &hub.portfolio;
        let card = keys.card.as_deref().or(about.and_then(|sent| sent.card.as_deref()));
        let terminal = keys.terminal.as_deref().or(about.map(|sent| &*sent.terminal));
        let terminal = match terminal {
            Some(id) => portfolio.terminal(id)?,
            None if keys.message == SendKind::FileAction => branch_terminal(hub)?,
            None => usual_terminal(hub)?,
        };
        let code = keys.processing_code.as_ref().map(|code| code.0.clone());
        let code = code.or_else(|| about.map(|sent| sent.processing_code.clone()));
        let entry = keys.entry_mode.as_ref().map(|mode| mode.text().to_owned());
        let entry = entry.or_else(|| about.map(|sent| sent.entry_mode.clone()));
        Ok(Self {
            card: card.map(|card| portfolio.card(card)).transpose()?,
            amount: keys.amount.map(|amount| amount.0).or(about.and_then(|sent| sent.amount)),
            processing_code: code.unwrap_or_else(|| "000000".to_owned()),
            entry_mode: entry.unwrap_or_else(|| "051".to_owned()),
            pin: keys.pin.as_deref().map(TypedPin::new),
            about,
            file: keys.action.map(|action| FileOrder {
                action,
                until: keys.until.as_ref().map(|day| day.0.clone()),
                range: keys.range.clone(),
            }),
            exchange: (keys.message == SendKind::KeyExchange).then(|| Exchange {
                deliver: keys.deliver,
                ..Exchange::of(keys.key.unwrap_or_default())
            }),
            ..Self::bare(keys.message, terminal)
        })
    }

    /// The message. Trace numbers, counters and keys move on.
    pub(super) fn make(&self, hub: &Hub) -> Result<Made, SimError> {
        let version = hub.version();
        if let (SendKind::Repeat, Some(about)) = (self.kind, self.about) {
            return made(hub, about.dressed.repeated(), about.clone(), None);
        }
        let (number, now) = (hub.trace(), hub.zone.now());
        let trace = match self.about {
            Some(about) => about.trace.following(number, now),
            None => Trace::fresh(number, now),
        };
        let mti = Mti::from_digits(mti_of(self.kind))
            .map_err(|error| SimError::Setting(error.to_string()))?;
        let (mut dressed, mut pending) = (None, None);
        if let Some(exchange) = &self.exchange {
            let asked = lock(&hub.gear).ask_for_key(self.terminal, &trace, exchange, version)?;
            dressed = Some(asked.0);
            pending = Some(asked.1);
        }
        let mut dressed = match dressed {
            Some(dressed) => dressed,
            None => {
                let intent = self.intent(mti, &trace);
                lock(&hub.gear).dress(&intent, &self.proofs(), version)?
            }
        };
        dressed.mti = mti_of_version(mti, version);
        self.complete(&mut dressed.fields, version, &trace);
        let sent = Sent {
            mti,
            trace,
            dressed: dressed.clone(),
            card: self.card.map(|card| card.id.clone()),
            terminal: self.terminal.id.clone(),
            amount: self.amount,
            processing_code: self.processing_code.clone(),
            entry_mode: self.entry_mode.clone(),
            approval: None,
        };
        made(hub, dressed, sent, pending)
    }

    /// A chip that is read signs, where the portfolio has its issuer's key.
    fn proofs(&self) -> Proofs {
        let is_asked = matches!(self.kind, SendKind::Authorization | SendKind::Financial);
        let signs = is_asked
            && is_chip(&self.entry_mode)
            && self.card.is_some_and(|card| card.issue.keys.has("imk_ac"));
        Proofs { chip: signs.then(ChipWish::default), ..Proofs::default() }
    }

    fn intent<'i>(&'i self, mti: Mti, trace: &'i Trace) -> Intent<'i> {
        let about_money = self.amount.is_some();
        let is_original = !matches!(self.kind, SendKind::Reversal | SendKind::Presentment);
        Intent {
            card: self.card,
            processing_code: about_money.then_some(self.processing_code.as_str()),
            amount: self.amount.and_then(|minor| Some(Amount::new(u64_to(minor)?, Currency::KGS))),
            entry_mode: about_money.then_some(self.entry_mode.as_str()),
            condition: about_money.then_some("00"),
            pin: self.pin.as_ref().filter(|_| is_original),
            auth_code: self.about.and_then(|about| about.approval.as_deref()),
            original: self.about.map(|about| (about.mti, &about.trace)),
            ..Intent::new(mti, self.terminal, trace)
        }
    }

    /// What the file action and the network message say in elements of their own.
    fn complete(&self, fields: &mut Fields, version: u8, trace: &Trace) {
        let mut set = |element: u8, text: String| {
            fields.insert(element, FieldValue::Text(text));
        };
        if let Some(file) = &self.file {
            let action = match file.action {
                FileAction::Add => 1,
                FileAction::Change => 2,
                FileAction::Remove => 3,
                FileAction::Inquire => 5,
            };
            match version {
                0 => set(91, action.to_string()),
                _ => set(24, format!("30{action}")),
            }
            set(101, "STOPLIST".to_owned());
            if let Some(day) = &file.until {
                set(73, day.clone());
            }
            if let Some(range) = &file.range {
                set(120, range.clone());
            }
        }
        if self.kind == SendKind::Advice {
            set(39, super::message::code_of_edition("00", version));
        }
        let Some(code) = network_code_of(self.kind) else { return };
        match function_of(code).filter(|_| version > 0) {
            Some(function) => {
                set(24, function.to_owned());
                set(12, local_with_year(trace.local));
            }
            None => set(70, format!("{code:03}")),
        }
        if version > 0 {
            fields.remove(&70);
        }
        // A key exchange is the terminal's; the others are the institution's.
        if self.kind != SendKind::KeyExchange {
            fields.retain(|element, _| matches!(element, 7 | 11 | 12 | 13 | 24 | 33 | 70));
            fields.insert(33, FieldValue::Text(ACQUIRER.to_string()));
        }
    }
}

fn u64_to<T: TryFrom<u64>>(number: u64) -> Option<T> {
    T::try_from(number).ok()
}

/// Where a card is used if nothing is said: the first merchant's terminal.
pub(super) fn usual_terminal(hub: &Hub) -> Result<&Terminal, SimError> {
    let none = || SimError::Setting("no terminal in the portfolio".to_owned());
    let merchants = hub.portfolio.terminals_of(payment_types::DeviceCategory::Merchant).next();
    merchants.or_else(|| hub.portfolio.terminals.values().next()).ok_or_else(none)
}

/// Where stop-lists are kept up if nothing is said: the first branch's, else as for a card.
pub(super) fn branch_terminal(hub: &Hub) -> Result<&Terminal, SimError> {
    let branch = hub.portfolio.terminals_of(payment_types::DeviceCategory::Branch).next();
    branch.map_or_else(|| usual_terminal(hub), Ok)
}

fn made(
    hub: &Hub,
    dressed: Dressed,
    sent: Sent,
    pending: Option<Pending>,
) -> Result<Made, SimError> {
    let body = dressed.encode(hub.endpoint.dialect())?;
    let seen = Seen { mti: dressed.mti, fields: dressed.fields.clone(), version: hub.version() };
    Ok(Made { seen, body, sent, pending })
}

impl Hub {
    /// Has the issuer take back what was asked of it and not answered in time.
    pub(super) fn put_off_reversal(&self, seen: &Seen) {
        let [version, ..] = seen.mti.digits();
        let Ok(mti) = Mti::from_digits([version, 4, 2, 0]) else { return };
        let mut fields = seen.fields.clone();
        fields.retain(|element, _| {
            !matches!(element, 35 | 36 | 38 | 45 | 48 | 52 | 53 | 55 | 64 | 128)
        });
        let text = |element: u8| seen.text(element).unwrap_or_default();
        let (type_of, trace) = (seen.mti, text(11));
        if version == 0 {
            let (acquirer, forwarder) = (digits(&text(32)), digits(&text(33)));
            let original =
                format!("{type_of}{trace:0>6}{:0>10}{acquirer:0>11}{forwarder:0>11}", text(7));
            fields.insert(90, FieldValue::Text(original));
        } else {
            let acquirer = digits(&text(32));
            let original =
                format!("{type_of}{trace:0>6}{:0>12}{:02}{acquirer}", text(12), acquirer.len());
            fields.insert(56, FieldValue::Text(original));
            fields.insert(24, FieldValue::Text("400".to_owned()));
        }
        self.put_off(mti, fields);
    }

    /// A message of the backlog as it goes out now.
    pub(super) fn due(&self, mti: Mti, fields: &Fields) -> Result<(Seen, Vec<u8>), SimError> {
        let mut fields = fields.clone();
        let sent = format!("{:010}", self.zone.now().wire_utc().number());
        fields.insert(7, FieldValue::Text(sent));
        fields.insert(11, FieldValue::Text(format!("{:06}", self.trace())));
        let body = crate::intent::encode(self.endpoint.dialect(), mti, &fields)?;
        Ok((Seen { mti, fields, version: self.version() }, body))
    }
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}
