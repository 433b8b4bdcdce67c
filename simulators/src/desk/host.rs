//! The terminal's line to its host: makes the messages, sends them, and knows the earlier ones, so
//! that they can be repeated, reversed, voided and completed. Blocking, one message at a time; the
//! screen runs it on a thread of its own.

use super::errand::{Entry, Errand, Failure, Outcome, Reply, Report, Sent, What, Wish};
use crate::card::{CommerceWish, Proof, Proofs};
use crate::device::{Exchange, KeyUse, MacDuty};
use crate::exchange::{decode, exchange};
use crate::gear::{Dressed, Gear};
use crate::intent::{Intent, Trace};
use crate::moment::Zone;
use crate::portfolio::{Card, Terminal};
use crate::scenario::http::Http;
use crate::{Endpoint, Link, Portfolio, SimError};
use payment_types::{Amount, Mti};
use std::collections::BTreeMap;
use std::time::Duration;

/// How cards of this desk prove themselves; what is not said is as the portfolio's keys allow.
#[derive(Debug, Clone, Default)]
pub struct Habits {
    /// What the chip does; `None` leaves DE 55 out.
    pub chip: Option<crate::card::ChipWish>,
    /// CVV on the stripe's track 2.
    pub stripe: Option<Proof>,
    /// The three digits on the back, of an online purchase.
    pub cvv2: Option<Proof>,
    /// 3-D Secure of an online purchase.
    pub commerce: Option<CommerceWish>,
}

/// The bank's API, for what a terminal can't say in a message.
#[derive(Debug, Clone)]
pub struct Api {
    /// `http://host:port`.
    pub base: String,
    /// The bearer token.
    pub token: String,
}

/// The line.
pub struct Host {
    endpoint: Endpoint,
    portfolio: Portfolio,
    terminal: Terminal,
    gear: Gear,
    zone: Zone,
    patience: Duration,
    habits: Habits,
    api: Option<Api>,
    past: BTreeMap<u64, Past>,
    last_stan: u32,
}

/// A message that was sent.
struct Past {
    title: &'static str,
    wish: Option<Wish>,
    dressed: Dressed,
    trace: Trace,
}

/// A message about to be sent.
type Ready = (&'static str, Option<Wish>, Dressed, Trace);

impl Host {
    /// A line to `endpoint` for one terminal of a portfolio.
    #[must_use]
    pub fn new(
        endpoint: Endpoint,
        portfolio: Portfolio,
        terminal: Terminal,
        gear: Gear,
        zone: Zone,
        patience: Duration,
    ) -> Self {
        Self {
            endpoint,
            portfolio,
            terminal,
            gear,
            zone,
            patience,
            habits: Habits { chip: Some(crate::card::ChipWish::default()), ..Habits::default() },
            api: None,
            past: BTreeMap::new(),
            last_stan: 0,
        }
    }

    /// With these habits of its cards, and the bank's API.
    #[must_use]
    pub fn with(mut self, habits: Habits, api: Option<Api>) -> Self {
        (self.habits, self.api) = (habits, api);
        self
    }

    /// Does an errand. Never fails: what goes wrong stands in the report.
    pub fn carry(&mut self, errand: &Errand) -> Report {
        let number = errand.number;
        match &errand.what {
            What::Keys => self.exchange_keys(number),
            What::CashCount { surplus, shortage } => {
                let told = self.count_through_api(*surplus, *shortage);
                let said = told.unwrap_or_else(|error| error.to_string());
                let outcome = Outcome::Told(said);
                Report { number, title: "CASH COUNT", sent: None, outcome }
            }
            what => match self.prepare(what) {
                Ok(ready) => self.send(number, ready),
                Err(error) => not_sent(number, "NOT SENT", &error),
            },
        }
    }

    fn prepare(&mut self, what: &What) -> Result<Ready, SimError> {
        match what {
            What::First(wish) => self.first(wish),
            What::Again(of) => {
                let past = self.earlier(*of)?;
                let (wish, trace) = (past.wish.clone(), past.trace.clone());
                Ok((past.title, wish, past.dressed.repeated(), trace))
            }
            What::Reverse { of, stays } => self.follow(*of, "REVERSAL", "0420", None, *stays),
            What::Void(of) => self.follow(*of, "VOID", "0200", None, None),
            What::Complete { of, amount } => {
                let is_hold = self.earlier(*of)?.dressed.mti.class() == MTI_AUTHORIZATION;
                let title = if is_hold { "COMPLETION" } else { "ADVICE" };
                self.follow(*of, title, "0220", Some(*amount), None)
            }
            What::Keys | What::CashCount { .. } => {
                Err(SimError::Setting("not a message of its own".to_owned()))
            }
        }
    }

    fn first(&mut self, wish: &Wish) -> Result<Ready, SimError> {
        let card = self.portfolio.card(&wish.card)?.clone();
        let trace = Trace::fresh(self.next_stan(), self.zone.now());
        let intent = Intent {
            card: Some(&card),
            processing_code: Some(wish.deed.processing_code()),
            amount: wish.amount,
            entry_mode: Some(wish.entry.mode()),
            condition: Some(condition(wish.entry)),
            pin: wish.pin.as_ref(),
            new_pin: wish.new_pin.as_ref(),
            ..currency_of(wish.amount, Intent::new(mti(wish.deed.mti())?, &self.terminal, &trace))
        };
        let proofs = self.habits.proofs(&card, wish.entry);
        // The card may have been used at another terminal since.
        self.gear.wallet.refresh()?;
        let dressed = self.gear.dress(&intent, &proofs, self.endpoint.dialect().version())?;
        Ok((wish.deed.title(), Some(wish.clone()), dressed, trace))
    }

    /// A message about an earlier one: its card, amount and entry mode, its reference number, and
    /// DE 90 that names it.
    fn follow(
        &mut self,
        of: u64,
        title: &'static str,
        kind: &str,
        amount: Option<Amount>,
        stays: Option<Amount>,
    ) -> Result<Ready, SimError> {
        let stan = self.next_stan();
        let past = self.earlier(of)?;
        let none = || SimError::Setting("that message was about no card".to_owned());
        let wish = past.wish.clone().ok_or_else(none)?;
        let (original, original_mti) = (past.trace.clone(), past.dressed.mti);
        let card = self.portfolio.card(&wish.card)?.clone();
        let trace = original.following(stan, self.zone.now());
        let amount = amount.or(wish.amount);
        let code = if title == "VOID" { VOID } else { wish.deed.processing_code() };
        let intent = Intent {
            card: Some(&card),
            processing_code: Some(code),
            amount,
            entry_mode: Some(wish.entry.mode()),
            condition: Some(condition(wish.entry)),
            original: Some((original_mti, &original)),
            replacement: stays,
            ..currency_of(amount, Intent::new(mti(kind)?, &self.terminal, &trace))
        };
        let version = self.endpoint.dialect().version();
        let dressed = self.gear.dress(&intent, &Proofs::default(), version)?;
        Ok((title, Some(wish), dressed, trace))
    }

    fn send(&mut self, number: u64, (title, wish, dressed, trace): Ready) -> Report {
        let dialect = self.endpoint.dialect().clone();
        let body = dressed.encode(&dialect);
        let sent = Sent {
            mti: dressed.mti,
            fields: dressed.fields.clone(),
            stan: trace.stan,
            local: local(&trace),
            with_chip: dressed.chip().is_some(),
        };
        let past = Past { title, wish, dressed, trace };
        let outcome = body.map_err(|error| Failure::before(&error)).and_then(|body| {
            let link = Link::connect(&self.endpoint);
            let mut link = link.map_err(|error| Failure::before(&error))?;
            // A chip that was asked has counted, whether there is an answer or not.
            self.gear.wallet.keep().map_err(|error| Failure::before(&error))?;
            let fields = decode(&dialect, &body).map_err(|error| Failure::before(&error))?.1;
            let late = |error: SimError| Failure::on_the_way(&error);
            let stan = past.trace.stan;
            let answer = exchange(&mut link, &body, past.dressed.mti, stan, self.patience);
            let answer = answer.map_err(late)?;
            let verdict = self.gear.hear(&past.dressed, &dialect, &answer).map_err(late)?;
            // Scripts may have changed the chip.
            self.gear.wallet.keep().map_err(late)?;
            Ok((fields, Reply { answer, verdict }))
        });
        self.past.insert(number, past);
        // As it went out: with the MAC, where it has one.
        let (sent, outcome) = match outcome {
            Ok((fields, reply)) => (Sent { fields, ..sent }, Outcome::Answered(Box::new(reply))),
            Err(failure) => (sent, Outcome::Failed(failure)),
        };
        Report { number, title, sent: Some(sent), outcome }
    }

    /// All working keys the terminal needs; the report is of the last message.
    fn exchange_keys(&mut self, number: u64) -> Report {
        let with_mac = self.terminal.security.mac == MacDuty::Required;
        let title = "NEW KEYS";
        let mut last = None;
        for key in [Some(KeyUse::Pin), with_mac.then_some(KeyUse::Mac)].into_iter().flatten() {
            let trace = Trace::fresh(self.next_stan(), self.zone.now());
            let asked = Exchange { form: None, key, deliver: false, check_value: Proof::Right };
            let version = self.endpoint.dialect().version();
            let (dressed, pending) =
                match self.gear.ask_for_key(&self.terminal, &trace, &asked, version) {
                    Ok(ready) => ready,
                    Err(error) => return not_sent(number, title, &error),
                };
            let report = self.send(number, (title, None, dressed, trace));
            let Some(reply) = report.reply().filter(|reply| reply.is_approved()) else {
                return report;
            };
            if let Err(error) = self.gear.take_key(&self.terminal, pending, &reply.answer) {
                let outcome = Outcome::Failed(Failure::before(&error));
                return Report { outcome, ..report };
            }
            last = Some(report);
        }
        let none = SimError::Key("this terminal has no keys to exchange".to_owned());
        last.unwrap_or_else(|| not_sent(number, title, &none))
    }

    /// Tells the bank what a count came to.
    fn count_through_api(&self, surplus: Amount, shortage: Amount) -> Result<String, SimError> {
        let Some(api) = &self.api else {
            return Ok("counted; the bank was not told (no --api)".to_owned());
        };
        let path = format!("/terminals/{}/cash-count", self.terminal.id);
        // The API takes a surplus or a shortage, not a zero of the other kind.
        let found = [("surplus", surplus), ("shortage", shortage)];
        let found = found.into_iter().filter(|(_, amount)| !amount.is_zero());
        let mut body: serde_json::Map<_, _> =
            found.map(|(name, amount)| (name.to_owned(), amount.to_string().into())).collect();
        body.insert("note".to_owned(), "counted at the machine".into());
        let mut http = Http::new(&api.base, &api.token);
        let reply = http.call("POST", &path, Some(&body.into()))?;
        if !reply.is_success() {
            let detail = reply.json.as_ref().and_then(|json| json.get("detail")?.as_str());
            let why = detail.unwrap_or_default();
            return Ok(format!("the bank refused the count: {} {why}", reply.status));
        }
        let items = reply.json.as_ref().and_then(|json| json.get("items"));
        let claims = items.and_then(|items| items.as_array()).map_or(0, Vec::len);
        Ok(format!("the bank has the count; claims decided by it: {claims}"))
    }

    fn earlier(&self, number: u64) -> Result<&Past, SimError> {
        let unknown = || SimError::Setting(format!("there is no message {number}"));
        self.past.get(&number).ok_or_else(unknown)
    }

    /// Six digits of the clock's milliseconds to begin with, so that two runs in a row have two
    /// numbers; then one more each time.
    fn next_stan(&mut self) -> u32 {
        let clock = u32::try_from(self.zone.now().at.0.rem_euclid(999_998)).unwrap_or_default();
        let before = if self.last_stan == 0 { clock } else { self.last_stan };
        self.last_stan = before % 999_999 + 1;
        self.last_stan
    }
}

const MTI_AUTHORIZATION: payment_types::Class = payment_types::Class::Authorization;
/// DE 3 of a void.
const VOID: &str = "020000";

impl Habits {
    /// What a card proves itself with when it is read that way, as far as its keys are known.
    #[must_use]
    pub fn proofs(&self, card: &Card, entry: Entry) -> Proofs {
        let has = |key: &str| card.issue.keys.has(key);
        let usual = |key: &str| has(key).then_some(Proof::Right);
        match entry {
            Entry::Tap | Entry::Insert if has("imk_ac") => {
                Proofs { chip: self.chip.clone(), ..Proofs::default() }
            }
            Entry::Swipe => {
                Proofs { cvv: self.stripe.or_else(|| usual("cvk")), ..Proofs::default() }
            }
            Entry::Online => {
                let secure = || {
                    let (eci, value) = ("05".to_owned(), Proof::Right);
                    has("cavk").then_some(CommerceWish { eci, value, aav: false })
                };
                Proofs {
                    cvv2: self.cvv2.or_else(|| usual("cvk")),
                    commerce: self.commerce.clone().or_else(secure),
                    ..Proofs::default()
                }
            }
            _ => Proofs::default(),
        }
    }
}

/// DE 25: the cardholder is there, or shops online.
const fn condition(entry: Entry) -> &'static str {
    match entry {
        Entry::Online => "59",
        _ => "00",
    }
}

fn currency_of(amount: Option<Amount>, intent: Intent<'_>) -> Intent<'_> {
    Intent { currency: amount.map_or(intent.currency, Amount::currency), ..intent }
}

fn not_sent(number: u64, title: &'static str, error: &SimError) -> Report {
    Report { number, title, sent: None, outcome: Outcome::Failed(Failure::before(error)) }
}

fn mti(digits: &str) -> Result<Mti, SimError> {
    Mti::parse(digits).map_err(|error| SimError::Setting(error.to_string()))
}

fn local(trace: &Trace) -> String {
    let local = trace.local.rfc3339();
    local.get(..19).unwrap_or(&local).replace('T', " ")
}
