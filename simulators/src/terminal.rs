//! One transaction at one terminal, by hand: what was sent, what came back, and the slip.

use crate::card::{Proof, Proofs};
use crate::device::{Exchange, KeyUse, MacDuty};
use crate::exchange::{AVAILABLE_BALANCE, Answer, CAP_LEFT, CASH_TO_HAND_OUT, decode, exchange};
use crate::gear::{Dressed, Gear, Verdict};
use crate::intent::{Fields, Intent, Trace};
use crate::moment::Zone;
use crate::pin::TypedPin;
use crate::portfolio::{Card, Terminal};
use crate::traffic::meaning;
use crate::{Endpoint, Link, SimError, show};
use payment_types::{Amount, Mti};
use std::fmt;
use std::time::Duration;

/// What somebody does at a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deed {
    /// Buys something.
    Purchase,
    /// Gets money back for something.
    Refund,
    /// Has money held for something.
    Preauthorization,
    /// Takes cash.
    CashOut,
    /// Pays cash in.
    CashIn,
    /// Asks what can be spent.
    Balance,
    /// Wants another PIN.
    PinChange,
    /// Asks for the last movements.
    MiniStatement,
}

/// What is done to a message that was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Afterwards {
    /// It is sent again as a repeat: the same answer, and no second effect (TXN-1).
    Repeat,
    /// It is reversed (TXN-2).
    Reverse,
}

/// Somebody at a terminal.
#[derive(Debug, Clone)]
pub struct Visit<'a> {
    /// Where.
    pub terminal: &'a Terminal,
    /// With which card.
    pub card: &'a Card,
    /// To do what.
    pub deed: Deed,
    /// About how much; a balance inquiry is about nothing.
    pub amount: Option<Amount>,
    /// DE 22.
    pub entry_mode: &'a str,
    /// What was typed.
    pub pin: Option<TypedPin>,
    /// The PIN that is wanted instead.
    pub new_pin: Option<TypedPin>,
    /// What card and terminal prove themselves with.
    pub proofs: Proofs,
}

/// A message and its answer.
#[derive(Debug, Clone)]
pub struct Talk {
    deed: &'static str,
    what: Deed,
    terminal: String,
    card: String,
    amount: Option<Amount>,
    request: (Mti, Fields),
    /// What came back.
    pub answer: Answer,
    /// What card and terminal make of it.
    pub verdict: Verdict,
    /// Whether the card's chip took part.
    with_chip: bool,
    trace: Trace,
}

impl Deed {
    /// As a slip heads it.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Purchase => "PURCHASE",
            Self::Refund => "REFUND",
            Self::Preauthorization => "PREAUTHORIZATION",
            Self::CashOut => "CASH",
            Self::CashIn => "CASH-IN",
            Self::Balance => "BALANCE",
            Self::PinChange => "PIN CHANGE",
            Self::MiniStatement => "MINI-STATEMENT",
        }
    }

    pub(crate) const fn processing_code(self) -> &'static str {
        match self {
            Self::Purchase | Self::Preauthorization => "000000",
            Self::Refund => "200000",
            Self::CashOut => "010000",
            Self::CashIn => "210000",
            Self::Balance => "310000",
            Self::PinChange => "700000",
            Self::MiniStatement => "380000",
        }
    }

    pub(crate) const fn mti(self) -> &'static str {
        match self {
            Self::Preauthorization => "0100",
            _ => "0200",
        }
    }
}

impl Visit<'_> {
    /// Connects, sends the message, waits for its answer, and does what is to be done afterwards.
    ///
    /// # Errors
    /// Whatever keeps a message from being made, sent or answered.
    pub fn play(
        &self,
        endpoint: &Endpoint,
        gear: &mut Gear,
        zone: &Zone,
        patience: Duration,
        afterwards: Option<Afterwards>,
    ) -> Result<Vec<Talk>, SimError> {
        let mut link = Link::connect(endpoint)?;
        let now = zone.now();
        // Six digits of the clock's milliseconds: two visits in a row have two numbers.
        let stan = u32::try_from(now.at.0.rem_euclid(999_998)).unwrap_or_default() + 1;
        let trace = Trace::fresh(stan, now);
        let mti = parse(self.deed.mti())?;
        let intent = Intent {
            card: Some(self.card),
            processing_code: Some(self.deed.processing_code()),
            amount: self.amount,
            entry_mode: Some(self.entry_mode),
            condition: Some("00"),
            pin: self.pin.as_ref(),
            new_pin: self.new_pin.as_ref(),
            ..Intent::new(mti, self.terminal, &trace)
        };
        let version = endpoint.dialect().version();
        let first = gear.dress(&intent, &self.proofs, version)?;
        let mut talks = vec![self.talk(
            (&mut link, &mut *gear),
            self.deed.title(),
            &trace,
            &first,
            patience,
        )?];
        match afterwards {
            Some(Afterwards::Repeat) => {
                let again = first.repeated();
                talks.push(self.talk(
                    (&mut link, &mut *gear),
                    "REPEAT",
                    &trace,
                    &again,
                    patience,
                )?);
            }
            Some(Afterwards::Reverse) => {
                let later = trace.following(stan % 999_999 + 1, zone.now());
                let reversal = Intent {
                    mti: parse("0420")?,
                    trace: &later,
                    pin: None,
                    new_pin: None,
                    original: Some((mti, &trace)),
                    ..intent
                };
                let back = gear.dress(&reversal, &Proofs::default(), version)?;
                talks.push(self.talk(
                    (&mut link, &mut *gear),
                    "REVERSAL",
                    &later,
                    &back,
                    patience,
                )?);
            }
            None => {}
        }
        Ok(talks)
    }

    fn talk(
        &self,
        (link, gear): (&mut Link, &mut Gear),
        deed: &'static str,
        trace: &Trace,
        message: &Dressed,
        patience: Duration,
    ) -> Result<Talk, SimError> {
        let dialect = link.endpoint().dialect().clone();
        let body = message.encode(&dialect)?;
        let answer = exchange(link, &body, message.mti, trace.stan, patience)?;
        Ok(Talk {
            deed,
            what: self.deed,
            terminal: self.terminal.id.to_string(),
            card: self.card.pan.masked().to_string(),
            amount: self.amount,
            request: decode(&dialect, &body)?,
            verdict: gear.hear(message, &dialect, &answer)?,
            with_chip: message.chip().is_some(),
            answer,
            trace: trace.clone(),
        })
    }
}

/// Has the host deliver the working keys that the terminal needs, and shows the messages.
///
/// # Errors
/// [`SimError::Key`] where a key does not come or is not good, and what keeps a message from being
/// answered.
pub fn exchange_all(
    gear: &mut Gear,
    terminal: &Terminal,
    endpoint: &Endpoint,
    zone: &Zone,
    patience: Duration,
) -> Result<Vec<String>, SimError> {
    let dialect = endpoint.dialect().clone();
    let mut link = Link::connect(endpoint)?;
    let with_mac = terminal.security.mac == MacDuty::Required;
    let uses = [(KeyUse::Pin, true), (KeyUse::Mac, with_mac)];
    let mut shown = Vec::new();
    let mut asked: Vec<_> =
        uses.into_iter().filter(|(_, needed)| *needed).map(|(key, _)| Exchange::of(key)).collect();
    asked.reverse();
    while let Some(wanted) = asked.pop() {
        let now = zone.now();
        let stan = u32::try_from(now.at.0.rem_euclid(999_998)).unwrap_or_default() + 1;
        let trace = Trace::fresh(stan, now);
        let (message, pending) = gear.ask_for_key(terminal, &trace, &wanted, dialect.version())?;
        let body = message.encode(&dialect)?;
        let answer = exchange(&mut link, &body, message.mti, stan, patience)?;
        let (mti, fields) = decode(&dialect, &body)?;
        shown.push(show::side_by_side((mti, &fields), Some((answer.mti, &answer.fields))));
        if let Some(again) = gear.asks_again(terminal, wanted, &answer) {
            asked.push(again);
            continue;
        }
        if !answer.is_approved() {
            let code = answer.code();
            let said = format!("the host refused a new key: {code} {}", meaning(&code));
            return Err(SimError::Key(said));
        }
        gear.take_key(terminal, pending, &answer)?;
    }
    Ok(shown)
}

fn parse(mti: &str) -> Result<Mti, SimError> {
    Mti::parse(mti).map_err(|error| SimError::Setting(error.to_string()))
}

impl Talk {
    /// Request and answer next to each other, masked.
    #[must_use]
    pub fn side_by_side(&self) -> String {
        let (mti, fields) = &self.request;
        show::side_by_side((*mti, fields), Some((self.answer.mti, &self.answer.fields)))
    }

    /// Whether the answer, to the terminal and the chip, is the bank's.
    fn proofs(&self) -> Vec<(&'static str, String)> {
        let mut rows = Vec::new();
        if self.with_chip {
            let found = match self.verdict.arpc {
                Proof::Right => "right",
                Proof::Wrong => "WRONG: chip declines",
                Proof::None => "none",
            };
            rows.push(("issuer's ARPC", found.to_owned()));
        }
        for script in &self.verdict.scripts {
            rows.push(("script", script.to_string()));
        }
        match self.verdict.mac {
            Proof::Right => rows.push(("answer's MAC", "right".to_owned())),
            Proof::Wrong => rows.push(("answer's MAC", "WRONG".to_owned())),
            Proof::None => {}
        }
        rows
    }

    /// What the cardholder is told beyond yes or no.
    fn advice(&self) -> Option<String> {
        let amount = |kind| self.answer.amount(kind);
        match self.answer.code().as_str() {
            "63" | "122" => Some("host has other keys: --exchange-keys".to_owned()),
            "70" | "112" => Some("type the PIN: again with --pin".to_owned()),
            "61" | "121" => amount(CAP_LEFT).map(|left| format!("left today: {left}")),
            "51" | "116" => amount(AVAILABLE_BALANCE).map(|can| format!("available: {can}")),
            _ if !self.answer.is_approved() || self.deed != self.what.title() => None,
            _ if self.what == Deed::Balance => {
                amount(AVAILABLE_BALANCE).map(|can| format!("available: {can}"))
            }
            _ if self.what == Deed::CashOut => {
                let asked = self.amount.map(|amount| amount.to_string());
                let hand_out = amount(CASH_TO_HAND_OUT).or(asked)?;
                Some(format!("cash: {hand_out}"))
            }
            _ => None,
        }
    }
}

/// The slip the terminal prints.
impl fmt::Display for Talk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const WIDTH: usize = 38;
        let rule = "-".repeat(WIDTH);
        let verdict = if self.answer.is_approved() { "APPROVED" } else { "DECLINED" };
        let code = self.answer.code();
        let local = self.trace.local.rfc3339();
        let mut rows = vec![
            ("terminal", self.terminal.clone()),
            ("card", self.card.clone()),
            ("time", local.get(..19).unwrap_or(&local).replace('T', " ")),
        ];
        rows.extend(
            self.amount
                .filter(|amount| !amount.is_zero())
                .map(|amount| ("amount", format!("{amount} {}", amount.currency()))),
        );
        rows.push(("trace number", format!("{:06}", self.trace.stan)));
        rows.extend(self.answer.text(37).map(|number| ("reference", number)));
        rows.extend(self.answer.auth_code().map(|code| ("approval code", code)));
        rows.extend(self.proofs());
        let took = self.answer.took.as_secs_f64() * 1000.0;
        rows.push(("answered in", format!("{took:.2} ms")));
        writeln!(f, "{rule}\n{:^WIDTH$}", self.deed)?;
        for (name, value) in rows {
            writeln!(f, "{name:<14}{value:>24}")?;
        }
        let said = format!("{verdict} ({code} {})", meaning(&code));
        writeln!(f, "{:^WIDTH$}", said)?;
        if let Some(advice) = self.advice() {
            writeln!(f, "{advice:^WIDTH$}")?;
        }
        write!(f, "{rule}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::card::{ChipWish, tests};
    use crate::intent::encode;
    use iso8583::FieldValue;
    use payment_types::{Currency, DeviceCategory};
    use std::net::TcpListener;

    fn terminal() -> Terminal {
        Terminal { id: "AGT00001".into(), category: DeviceCategory::Agent, ..tests::terminal() }
    }

    /// Answers every message: declined for the cap, or approved if it is a reversal.
    fn host() -> Endpoint {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = Endpoint::pos(&listener.local_addr().unwrap().to_string()).unwrap();
        let own = endpoint.clone();
        std::thread::spawn(move || {
            let mut link = Link::over(&own, listener.accept().unwrap().0);
            let deadline = std::time::Instant::now() + Duration::from_secs(5);
            while let Ok(Some(frame)) = link.receive(deadline) {
                let (mti, mut fields) = decode(own.dialect(), &frame.body).unwrap();
                fields.retain(|element, _| matches!(element, 3 | 4 | 7 | 11 | 37 | 41));
                let declined = mti.to_string().starts_with("02");
                let code = if declined { "61" } else { "00" };
                fields.insert(39, FieldValue::Text(code.into()));
                if declined {
                    let left = FieldValue::Text("0044417C000000500000".into());
                    fields.insert(54, left);
                }
                let body = encode(own.dialect(), mti.response().unwrap(), &fields).unwrap();
                link.send(&body).unwrap();
            }
        });
        endpoint
    }

    #[test]
    fn a_visit_ends_with_a_slip() {
        let (terminal, card) = (terminal(), tests::card());
        let visit = Visit {
            terminal: &terminal,
            card: &card,
            deed: Deed::CashOut,
            amount: Some(Amount::new(1_000_000, Currency::KGS)),
            entry_mode: "051",
            pin: None,
            new_pin: None,
            proofs: Proofs { chip: Some(ChipWish::default()), ..Proofs::default() },
        };
        let zone = Zone::named(crate::moment::DEFAULT_ZONE).unwrap();
        let patience = Duration::from_secs(5);
        let talks = {
            let after = Some(Afterwards::Reverse);
            visit.play(&host(), &mut Gear::default(), &zone, patience, after).unwrap()
        };
        let slip = talks[0].to_string();
        assert!(slip.contains("DECLINED (61 over the amount limit)"), "{slip}");
        assert!(slip.contains("left today: 5000.00"), "{slip}");
        assert!(slip.contains("issuer's ARPC                     none"), "{slip}");
        assert!(slip.contains("941700******0016") && slip.contains("10000.00 KGS"), "{slip}");
        assert!(!talks[0].answer.is_approved() && talks[1].answer.is_approved());
        let sheet = talks[1].side_by_side();
        assert!(sheet.contains("request 0420") && sheet.contains("answer 0430"), "{sheet}");
        assert!(!sheet.contains("9417000000000016"), "{sheet}");
    }
}
