//! The terminal's line to its host: makes the messages, sends them, and knows the earlier ones, so
//! that they can be repeated, reversed, voided and completed. Blocking, one message at a time; the
//! screen runs it on a thread of its own.

use super::duty::Owes;
use super::errand::{Entry, Errand, Failure, Outcome, Reply, Report, Sent, What, Wish};
use super::hearing::leaves_traces;
use super::open_file::{OpenFile, Owed};
use crate::card::{CommerceWish, Proof, Proofs};
use crate::device::{Exchange, KeyUse, MacDuty};
use crate::exchange::{decode, exchange};
use crate::gear::{Dressed, Gear};
use crate::intent::{Intent, Trace};
use crate::moment::Zone;
use crate::portfolio::{Card, Terminal};
use crate::scenario::http::Http;
use crate::{Endpoint, Link, Portfolio, SimError};
use payment_types::{Amount, Class, Mti};
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
    open: OpenFile,
}

/// A message that was sent.
struct Past {
    title: &'static str,
    wish: Option<Wish>,
    mti: Mti,
    /// As it went out; of one from before the terminal was opened it is made again when needed.
    dressed: Option<Dressed>,
    trace: Trace,
    /// What it was sent for.
    about: Option<(u64, Owes)>,
}

/// A message about to be sent.
struct Ready {
    title: &'static str,
    wish: Option<Wish>,
    dressed: Dressed,
    trace: Trace,
    about: Option<(u64, Owes)>,
}

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
            open: OpenFile::default(),
        }
    }

    /// Keeps on disk what the host may not know yet, and takes over what it did not know before.
    ///
    /// # Errors
    /// [`SimError::File`].
    pub fn keeping(mut self, mut open: OpenFile, owed: &[Owed]) -> Result<Self, SimError> {
        let numbered = || (1_u64..).step_by(2).zip(owed);
        open.takes_over(numbered())?;
        for (of, owed) in numbered() {
            let (wish, trace) = (Some(owed.wish.clone()), owed.trace.clone());
            let (title, about) = (owed.wish.deed.title(), None);
            let first = Past { title, wish, mti: owed.mti, dressed: None, trace, about };
            let mti = mti_of(owed.owes)?;
            let follow_up = owed.sent.clone().map(|trace| Past {
                title: title_of(owed.owes, owed.mti),
                mti,
                trace,
                wish: Some(owed.wish.clone()),
                dressed: None,
                about: Some((of, owed.owes)),
            });
            self.past.insert(of, first);
            self.past.extend(follow_up.map(|past| (of + 1, past)));
        }
        self.open = open;
        Ok(self)
    }

    /// Of all that was sent, only these are still owed.
    pub(super) fn settle(&mut self, owed: &[(u64, Owes)]) {
        // What can't be written down is told with the next message, which then does not go out; and
        // a reversal that is sent once more changes nothing.
        self.open.stays(owed).unwrap_or_default();
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
            What::Again(of) => self.again(*of),
            What::Reverse { of, stays } => {
                self.follow(*of, Owes::Reverse { stays: stays.map(Amount::minor) }, None)
            }
            What::Void(of) => self.follow(*of, Owes::Void, None),
            What::Complete { of, amount } => {
                self.follow(*of, Owes::Complete { minor: amount.minor() }, None)
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
        let title = wish.deed.title();
        Ok(Ready { title, wish: Some(wish.clone()), dressed, trace, about: None })
    }

    /// The very same once more.
    fn again(&mut self, of: u64) -> Result<Ready, SimError> {
        let past = self.earlier(of)?;
        let (about, trace) = (past.about, past.trace.clone());
        if let Some(dressed) = past.dressed.as_ref().map(Dressed::repeated) {
            let (title, wish) = (past.title, past.wish.clone());
            return Ok(Ready { title, wish, dressed, trace, about });
        }
        let lost = || SimError::Setting("that message was sent another day".to_owned());
        let (about, owes) = about.ok_or_else(lost)?;
        let made = self.follow(about, owes, Some(trace))?;
        Ok(Ready { dressed: made.dressed.repeated(), ..made })
    }

    /// A message about an earlier one: its card, amount and entry mode, its reference number, and
    /// DE 90 that names it. With new numbers and times, unless it went out with others before.
    fn follow(&mut self, of: u64, owes: Owes, before: Option<Trace>) -> Result<Ready, SimError> {
        let past = self.earlier(of)?;
        let none = || SimError::Setting("that message was about no card".to_owned());
        let wish = past.wish.clone().ok_or_else(none)?;
        let (original, original_mti) = (past.trace.clone(), past.mti);
        let card = self.portfolio.card(&wish.card)?.clone();
        let trace = match before {
            Some(trace) => trace,
            None => original.following(self.next_stan(), self.zone.now()),
        };
        let currency = wish.amount.map_or(payment_types::Currency::KGS, Amount::currency);
        let (amount, stays) = match owes {
            Owes::Complete { minor } => (Some(Amount::new(minor, currency)), None),
            Owes::Reverse { stays } => (wish.amount, stays.map(|at| Amount::new(at, currency))),
            Owes::Void => (wish.amount, None),
        };
        let code = if owes == Owes::Void { VOID } else { wish.deed.processing_code() };
        let intent = Intent {
            card: Some(&card),
            processing_code: Some(code),
            amount,
            entry_mode: Some(wish.entry.mode()),
            condition: Some(condition(wish.entry)),
            original: Some((original_mti, &original)),
            replacement: stays,
            ..currency_of(amount, Intent::new(mti_of(owes)?, &self.terminal, &trace))
        };
        let version = self.endpoint.dialect().version();
        let dressed = self.gear.dress(&intent, &Proofs::default(), version)?;
        let (title, about) = (title_of(owes, original_mti), Some((of, owes)));
        Ok(Ready { title, wish: Some(wish), dressed, trace, about })
    }

    /// Writes down what must be taken back or sent again if nothing comes of this message.
    fn keep_open(&mut self, number: u64, past: &Past) -> Result<(), SimError> {
        let Some(wish) = &past.wish else { return Ok(()) };
        match past.about {
            Some((of, owes)) => {
                let Some(first) = self.past.get(&of) else { return Ok(()) };
                let Some(about) = &first.wish else { return Ok(()) };
                self.open.follows((of, owes), (first.mti, about, &first.trace), &past.trace)
            }
            // Said again, its first saying is what must be taken back.
            None if leaves_traces(wish.deed) && !past.mti.is_repeat() => {
                self.open.begins(number, (past.mti, wish, &past.trace))
            }
            None => Ok(()),
        }
    }

    fn send(&mut self, number: u64, ready: Ready) -> Report {
        let Ready { title, wish, dressed, trace, about } = ready;
        let dialect = self.endpoint.dialect().clone();
        let body = dressed.encode(&dialect);
        let sent = Sent {
            mti: dressed.mti,
            fields: dressed.fields.clone(),
            stan: trace.stan,
            local: local(&trace),
            with_chip: dressed.chip().is_some(),
        };
        let mti = dressed.mti;
        let past = Past { title, wish, mti, dressed: Some(dressed.clone()), trace, about };
        let outcome = body.map_err(|error| Failure::before(&error)).and_then(|body| {
            let before = |error: SimError| Failure::before(&error);
            let mut link = Link::connect(&self.endpoint).map_err(before)?;
            // A chip that was asked has counted, whether there is an answer or not.
            self.gear.keep().map_err(before)?;
            self.keep_open(number, &past).map_err(before)?;
            let fields = decode(&dialect, &body).map_err(|error| Failure::before(&error))?.1;
            let late = |error: SimError| Failure::on_the_way(&error);
            let stan = past.trace.stan;
            let answer = exchange(&mut link, &body, mti, stan, self.patience);
            let answer = answer.map_err(late)?;
            let verdict = self.gear.hear(&dressed, &dialect, &answer).map_err(late)?;
            // Scripts may have changed the chip.
            self.gear.keep().map_err(late)?;
            Ok((fields, Reply { answer, verdict }))
        });
        self.past.insert(number, past);
        // As it went out: with the MAC, where it has one.
        let (sent, outcome) = match outcome {
            Ok((fields, reply)) => (Sent { fields, ..sent }, Outcome::Answered(Box::new(reply))),
            Err(failure) => {
                if !failure.may_have_arrived && self.past.get(&number).is_some_and(is_first) {
                    self.open.forget(number).unwrap_or_default();
                }
                (sent, Outcome::Failed(failure))
            }
        };
        Report { number, title, sent: Some(sent), outcome }
    }

    /// All working keys the terminal needs; the report is of the last message.
    fn exchange_keys(&mut self, number: u64) -> Report {
        let with_mac = self.terminal.security.mac == MacDuty::Required;
        let title = "NEW KEYS";
        let mut last = None;
        let mut wanted = vec![Exchange::of(KeyUse::Pin)];
        wanted.extend(with_mac.then(|| Exchange::of(KeyUse::Mac)));
        wanted.reverse();
        while let Some(asked) = wanted.pop() {
            let trace = Trace::fresh(self.next_stan(), self.zone.now());
            let version = self.endpoint.dialect().version();
            let (dressed, pending) =
                match self.gear.ask_for_key(&self.terminal, &trace, &asked, version) {
                    Ok(ready) => ready,
                    Err(error) => return not_sent(number, title, &error),
                };
            let ready = Ready { title, wish: None, dressed, trace, about: None };
            let report = self.send(number, ready);
            let answer = report.reply().map(|reply| &reply.answer);
            let again =
                answer.and_then(|answer| self.gear.asks_again(&self.terminal, asked, answer));
            if let Some(again) = again {
                wanted.push(again);
                continue;
            }
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

/// Whether a message is not about an earlier one.
const fn is_first(past: &Past) -> bool {
    past.about.is_none()
}

/// The type of what is sent for something owed.
fn mti_of(owes: Owes) -> Result<Mti, SimError> {
    mti(match owes {
        Owes::Reverse { .. } => "0420",
        Owes::Void => "0200",
        Owes::Complete { .. } => "0220",
    })
}

/// As a slip heads it.
fn title_of(owes: Owes, original: Mti) -> &'static str {
    match owes {
        Owes::Reverse { .. } => "REVERSAL",
        Owes::Void => "VOID",
        Owes::Complete { .. } if original.class() == Class::Authorization => "COMPLETION",
        Owes::Complete { .. } => "ADVICE",
    }
}

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
