//! Plays the steps of one scenario against one engine.

use super::compare::{self, Difference};
use super::diff::Table;
use super::engine::Engine;
use super::file::{Action, Api, Ask, Expect, Restart, Step};
use super::http::Http;
use super::message::{Sent, Subject, terminal_of};
use super::proofs::ExchangeKeys;
use crate::exchange::{Answer, decode, exchange};
use crate::gear::{Dressed, Gear};
use crate::intent::Trace;
use crate::moment::Zone;
use crate::place::Place;
use crate::{Link, Portfolio, SimError};
use payment_types::{Moment, Mti};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

const SILENCE: Duration = Duration::from_secs(2);
/// How far the engine's read model may be behind.
const RECORDED_WITHIN: Duration = Duration::from_secs(5);

/// How a step came out.
#[derive(Debug, Clone, serde::Serialize)]
pub struct StepResult {
    /// From 1.
    pub number: usize,
    /// In the file.
    pub place: Option<Place>,
    /// What happened.
    pub label: String,
    /// What was not as expected.
    pub differences: Vec<Difference>,
    /// The messages, masked, where there were any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub messages: Option<Table>,
    /// How long it took.
    pub took_ms: f64,
}

/// What a step's action gives.
#[derive(Default)]
struct Played {
    label: String,
    differences: Vec<Difference>,
    messages: Option<Table>,
}

/// The state between steps.
pub(crate) struct Player<'a> {
    portfolio: &'a Portfolio,
    engine: Engine,
    http: Http,
    links: BTreeMap<Box<str>, Link>,
    sent: BTreeMap<String, Sent>,
    gear: Gear,
    /// Numbers and times of messages that are announced by their reversal and sent later.
    announced: BTreeMap<String, Trace>,
    zone: Zone,
    clock: Moment,
    clock_text: String,
    stan: u32,
    patience: Duration,
}

impl<'a> Player<'a> {
    pub(crate) fn new(
        portfolio: &'a Portfolio,
        engine: Engine,
        zone: Zone,
        clock: &str,
        patience: Duration,
    ) -> Result<Self, SimError> {
        let moment = zone.parse(clock)?;
        Ok(Self {
            portfolio,
            http: Http::new(&engine.http(), engine.token()),
            engine,
            links: BTreeMap::new(),
            sent: BTreeMap::new(),
            gear: Gear::default(),
            announced: BTreeMap::new(),
            zone,
            clock: moment,
            clock_text: clock.to_owned(),
            stan: 0,
            patience,
        })
    }

    /// The engine, when all is played.
    pub(crate) fn into_engine(self) -> Engine {
        self.engine
    }

    /// Plays one step.
    ///
    /// # Errors
    /// Where the scenario cannot go on: the engine is gone, a step names what does not exist.
    pub(crate) fn play(
        &mut self,
        number: usize,
        place: Option<Place>,
        step: &Step,
    ) -> Result<StepResult, SimError> {
        let started = Instant::now();
        let played = match &step.action {
            Action::Send(ask) => self.send(ask, &step.expect),
            Action::Reverse(ask) => self.reverse(ask, &step.expect),
            Action::Repeat(of) => self.repeat(of, &step.expect),
            Action::Complete(ask) => self.complete(ask, &step.expect),
            Action::ExchangeKeys(keys) => self.exchange_keys(keys, &step.expect),
            Action::At(to) => self.at(to),
            Action::Api(api) => self.api(api, &step.expect),
            Action::Restart(how) => self.restart(*how),
        };
        let Played { label, differences, messages } = match played {
            Ok(played) => played,
            Err(error) => return Err(self.with_obituary(error)),
        };
        let took_ms = started.elapsed().as_secs_f64() * 1000.0;
        Ok(StepResult { number, place, label, differences, messages, took_ms })
    }

    /// If the engine is gone, that is the reason for whatever went wrong.
    fn with_obituary(&mut self, error: SimError) -> SimError {
        self.engine.obituary().map_or(error, SimError::Engine)
    }

    fn next_stan(&mut self) -> u32 {
        self.stan = self.stan % 999_999 + 1;
        self.stan
    }

    fn send(&mut self, ask: &Ask, expect: &Expect) -> Result<Played, SimError> {
        let subject = Subject::of(ask, self.portfolio)?;
        let announced = ask.name.as_ref().and_then(|name| self.announced.remove(name));
        let trace = match announced {
            Some(trace) => trace,
            None => Trace::fresh(self.next_stan(), self.clock),
        };
        let sent = subject.into_message(ask, trace)?;
        let label = sent.label("send");
        self.deliver(sent, ask.name.as_ref(), label, expect)
    }

    fn reverse(&mut self, ask: &Ask, expect: &Expect) -> Result<Played, SimError> {
        let stan = self.next_stan();
        let sent = match (&ask.of, &ask.unsent) {
            (Some(of), _) => self.of(of)?.reversal(ask, stan, self.clock)?,
            (None, Some(name)) => {
                let trace = Trace::fresh(self.next_stan(), self.clock);
                self.announced.insert(name.clone(), trace.clone());
                let subject = Subject::of(ask, self.portfolio)?;
                let original = subject.into_message(ask, trace)?;
                original.reversal(&Ask { mti: None, ..Ask::default() }, stan, self.clock)?
            }
            (None, None) => return Err(SimError::Setting("reverse names a step".to_owned())),
        };
        let label = sent.label("reverse");
        self.deliver(sent, ask.name.as_ref(), label, expect)
    }

    fn complete(&mut self, ask: &Ask, expect: &Expect) -> Result<Played, SimError> {
        let stan = self.next_stan();
        let of = ask.of.as_deref().unwrap_or_default();
        let sent = self.of(of)?.completion(ask, stan, self.clock)?;
        let label = sent.label("complete");
        self.deliver(sent, ask.name.as_ref(), label, expect)
    }

    fn repeat(&mut self, of: &str, expect: &Expect) -> Result<Played, SimError> {
        let again = self.of(of)?.repeated();
        let label = again.label("repeat");
        self.deliver(again, None, label, expect)
    }

    fn of(&self, name: &str) -> Result<&Sent, SimError> {
        let unknown = || SimError::Setting(format!("no message was sent `as: {name}` before"));
        self.sent.get(name).ok_or_else(unknown)
    }

    /// Sends a message, compares its answer, and keeps both under the step's name.
    fn deliver(
        &mut self,
        mut sent: Sent,
        name: Option<&String>,
        label: String,
        expect: &Expect,
    ) -> Result<Played, SimError> {
        let version = self.engine.listener(&sent.listener)?.dialect().version();
        let dressed = sent.dress(&mut self.gear, version)?;
        let (mut told, answer) = self.tell(&sent.listener, &dressed, sent.trace.stan, expect)?;
        if let Some(record) = expect.of_record() {
            told.differences.extend(self.look_up(&sent, &record)?);
        }
        sent.auth_code = answer.and_then(|answer| answer.auth_code());
        sent.dressed = Some(dressed);
        if let Some(name) = name {
            self.sent.insert(name.clone(), sent);
        }
        Ok(Played { label, ..told })
    }

    /// Sends a message and compares its answer, or that there is none.
    fn tell(
        &mut self,
        listener: &str,
        dressed: &Dressed,
        stan: u32,
        expect: &Expect,
    ) -> Result<(Played, Option<Answer>), SimError> {
        let silent = expect.no_answer == Some(true);
        let patience = match (silent, expect.within_ms) {
            (true, Some(ms)) => Duration::from_millis(ms),
            (true, None) => SILENCE,
            (false, _) => self.patience,
        };
        let outcome = self.exchange(listener, dressed, stan, patience);
        let dialect = self.engine.listener(listener)?.dialect().clone();
        let verdict = match &outcome {
            Ok(answer) => Some(self.gear.hear(dressed, &dialect, answer)?),
            Err(_) => None,
        };
        let looked = match (&outcome, &verdict) {
            (Ok(answer), _) if silent => {
                vec![Difference::new("answer", "none", format!("code {}", answer.code())).into()]
            }
            (Ok(answer), Some(verdict)) => compare::answer(expect, answer, verdict),
            (Err(SimError::NoAnswer(_) | SimError::Closed(_)), _) if silent => Vec::new(),
            (Err(error), _) if is_silence(error) => {
                vec![Difference::new("answer", "one", error.to_string()).into()]
            }
            _ => return outcome.map(|_| (Played::default(), None)),
        };
        if outcome.is_err() {
            self.links.remove(listener);
        }
        let answer = outcome.ok();
        let body = dressed.encode(&dialect)?;
        // As the host reads it: what the dialect pads or cuts shows.
        let (mti, fields) = decode(&dialect, &body)?;
        let answered = answer.as_ref().map(|answer| (answer.mti, &answer.fields));
        let messages = Some(Table::new((mti, &fields), answered, &looked));
        let differences = compare::differences(&looked);
        Ok((Played { differences, messages, ..Played::default() }, answer))
    }

    /// How the engine's record of a transaction differs from what is expected of it. The record may
    /// come a little after the answer.
    fn look_up(&mut self, sent: &Sent, record: &Value) -> Result<Vec<Difference>, SimError> {
        let list = format!("/transactions?terminal={}", sent.terminal());
        let stan = format!("{:06}", sent.trace.stan);
        let deadline = Instant::now() + RECORDED_WITHIN;
        loop {
            let reply = self.http.call("GET", &list, None)?;
            let items = reply.json.as_ref().and_then(|json| json["items"].as_array());
            let is_it = |item: &&Value| item["stan"] == stan && item["rrn"] == sent.trace.rrn;
            let found = items.and_then(|items| items.iter().find(is_it));
            if let Some(id) = found.and_then(|item| item["id"].as_str()) {
                let reply = self.http.call("GET", &format!("/transactions/{id}"), None)?;
                return Ok(compare::subset("record", record, reply.json.as_ref()));
            }
            if Instant::now() > deadline {
                let what = format!("the transaction with STAN {stan}");
                return Ok(vec![Difference::new("record", what, "none")]);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn exchange(
        &mut self,
        listener: &str,
        dressed: &Dressed,
        stan: u32,
        patience: Duration,
    ) -> Result<Answer, SimError> {
        if !self.links.contains_key(listener) {
            let link = Link::connect(&self.engine.listener(listener)?)?;
            self.links.insert(listener.into(), link);
        }
        let unknown = || SimError::Unknown { kind: "listener", name: listener.to_owned() };
        let link = self.links.get_mut(listener).ok_or_else(unknown)?;
        let dialect = link.endpoint().dialect().clone();
        exchange(link, &dressed.encode(&dialect)?, dressed.mti, stan, patience)
    }

    fn exchange_keys(&mut self, keys: &ExchangeKeys, expect: &Expect) -> Result<Played, SimError> {
        let terminal = terminal_of(&keys.terminal, self.portfolio);
        let listener = if keys.network { "network".into() } else { terminal.listener.clone() };
        let version = self.engine.listener(&listener)?.dialect().version();
        let trace = Trace::fresh(self.next_stan(), self.clock);
        let exchange = keys.exchange();
        let (dressed, pending) = self.gear.ask_for_key(&terminal, &trace, &exchange, version)?;
        let (mut played, answer) = self.tell(&listener, &dressed, trace.stan, expect)?;
        if let Some(answer) = answer.filter(Answer::is_approved)
            && let Err(error) = self.gear.take_key(&terminal, pending, &answer)
        {
            played.differences.push(Difference::new("key", "a good one", error.to_string()));
        }
        played.label = format!("exchange_keys {} {}", terminal.id, exchange.label());
        Ok(played)
    }

    fn at(&mut self, to: &str) -> Result<Played, SimError> {
        let moment = self.zone.parse(to)?;
        let body = serde_json::json!({ "to": to });
        let reply = self.http.call("POST", "/test-clock", Some(&body))?;
        if !reply.is_success() {
            return Err(SimError::Engine(format!("the test clock did not move: {reply}")));
        }
        self.clock = moment;
        to.clone_into(&mut self.clock_text);
        Ok(Played { label: format!("at {to}"), ..Played::default() })
    }

    fn api(&mut self, api: &Api, expect: &Expect) -> Result<Played, SimError> {
        let started = Instant::now();
        let reply =
            self.http.call_as(api.caller.as_deref(), &api.method, &api.path, api.body.as_ref())?;
        let mut differences = Vec::new();
        let wanted = expect.status.map_or_else(|| "2xx".to_owned(), |status| status.to_string());
        let right = expect.status.map_or(reply.is_success(), |status| status == reply.status);
        if !right {
            differences.push(Difference::new("status", wanted, reply.to_string()));
        } else if let Some(body) = &expect.body {
            differences.extend(compare::subset("body", body, reply.json.as_ref()));
        }
        differences.extend(compare::too_late(expect, started.elapsed()));
        let label = format!("api {} {}", api.method, api.path);
        Ok(Played { label, differences, messages: None })
    }

    fn restart(&mut self, how: Restart) -> Result<Played, SimError> {
        self.links.clear();
        let label = match how {
            Restart::Kill => {
                self.engine.restart_killed(&self.clock_text)?;
                "restart kill"
            }
            Restart::Drain => {
                self.engine.restart_drained(&self.clock_text)?;
                "restart drain"
            }
        };
        Ok(Played { label: label.to_owned(), ..Played::default() })
    }
}

/// Whether an error means that no answer came, or none that can be read.
const fn is_silence(error: &SimError) -> bool {
    matches!(error, SimError::NoAnswer(_) | SimError::Closed(_) | SimError::Parse(_))
}

/// The MTI of a text.
pub(crate) fn parse_mti(text: &str) -> Result<Mti, SimError> {
    Mti::parse(text).map_err(|error| SimError::Setting(format!("mti {text:?}: {error}")))
}
