//! What a scenario file may say (the contract, "Scenario files"), read strictly: a key that does
//! not exist is an error with its line.

use super::proofs::{Chip, ExchangeKeys, ThreeDSecure};
use super::whereabouts::{Whereabouts, Wrong};
use crate::card::Proof;
use serde::de::{self, Deserializer, MapAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, de::Error as _};
use serde_json::json;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// A file that is no scenario file.
#[derive(Debug, Error)]
#[error("{path}:{cause}", path = path.display())]
pub struct FileError {
    /// The file.
    pub path: PathBuf,
    /// `line:column: what is wrong`, or ` what is wrong` with all of it.
    pub cause: String,
}

/// One YAML document: a fresh engine and what happens to it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What it shows.
    pub name: String,
    /// The rules it covers.
    #[serde(default)]
    pub covers: Vec<String>,
    /// Where the test clock starts, RFC 3339.
    pub clock: String,
    /// The portfolio, beside the file.
    pub portfolio: PathBuf,
    /// TOML merged over `base.rules.toml`.
    #[serde(default)]
    pub rules: String,
    /// What happens, in order.
    pub steps: Vec<Step>,
    /// Where the steps stand.
    #[serde(skip)]
    pub places: Whereabouts,
}

/// One thing that happens, and what must come of it.
#[derive(Debug, Deserialize)]
#[serde(try_from = "StepKeys")]
pub struct Step {
    /// What happens.
    pub action: Action,
    /// What must come of it.
    pub expect: Expect,
}

/// What happens in a step.
#[derive(Debug)]
pub enum Action {
    /// A message is sent.
    Send(Box<Ask>),
    /// A message sent before, or only later, is reversed.
    Reverse(Box<Ask>),
    /// A message sent before is sent again as a repeat.
    Repeat(String),
    /// A preauthorization is completed.
    Complete(Box<Ask>),
    /// The test clock moves.
    At(String),
    /// A terminal gets a new working key.
    ExchangeKeys(ExchangeKeys),
    /// The HTTP API is called.
    Api(Api),
    /// The engine is stopped and started again on the same data.
    Restart(Restart),
}

/// How the engine is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Restart {
    /// As by `kill -9`.
    Kill,
    /// By SIGTERM, waiting for it to finish.
    Drain,
}

/// What a message says. Which keys make sense depends on the action.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    /// A name for later steps.
    #[serde(rename = "as")]
    pub name: Option<String>,
    /// The step this one is about.
    pub of: Option<String>,
    /// The name of a message that is sent only later.
    pub unsent: Option<String>,
    /// DE 95.
    pub replacement: Option<String>,
    /// DE 41, by the portfolio.
    pub terminal: Option<String>,
    /// A card of the portfolio, or a card number.
    pub card: Option<String>,
    /// The message type.
    pub mti: Option<String>,
    /// DE 3.
    pub processing_code: Option<String>,
    /// DE 4, in major units.
    pub amount: Option<String>,
    /// DE 49, numeric or alphabetic.
    pub currency: Option<String>,
    /// DE 22.
    pub entry_mode: Option<String>,
    /// DE 25.
    pub condition: Option<String>,
    /// Typed PIN.
    pub pin: Option<String>,
    /// DE 35 too.
    #[serde(default)]
    pub track2: bool,
    /// The PIN a cardholder wants instead.
    pub new_pin: Option<String>,
    /// DE 55, made by the card's chip.
    #[serde(default)]
    pub chip: Chip,
    /// DE 35 with CVV or iCVV.
    pub cvv: Option<Proof>,
    /// CVV2.
    pub cvv2: Option<Proof>,
    /// ECI, and CAVV or AAV.
    pub three_d_secure: Option<ThreeDSecure>,
    /// The MAC, where it is not as the terminal's profile says.
    pub mac: Option<Proof>,
    /// What a DUKPT device says its key serial number is, where that is not the truth.
    pub ksn: Option<String>,
    /// DE 14.
    pub expiry: Option<String>,
    /// DE 18.
    pub mcc: Option<String>,
    /// DE 38.
    pub auth_code: Option<String>,
    /// DE 11.
    pub stan: Option<String>,
    /// DE 37.
    pub rrn: Option<String>,
    /// Any other element.
    #[serde(default)]
    pub fields: BTreeMap<u8, FieldText>,
    /// On the network listener.
    #[serde(default)]
    pub network: bool,
}

/// A data element as text, or as `{hex: …}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldText {
    /// Characters; for binary elements hex digits.
    Text(String),
    /// Bytes.
    Hex(Vec<u8>),
    /// `null`: left out, though it would be there by default.
    Absent,
}

/// A call of the HTTP API.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Api {
    /// Who asks: `second`, a token with the role checker only; one with all roles if not told.
    #[serde(default, rename = "as")]
    pub caller: Option<String>,
    /// The method.
    pub method: String,
    /// Below `/api/v1`, unless it is `/health/…` or `/metrics`.
    pub path: String,
    /// JSON.
    #[serde(default)]
    pub body: Option<serde_json::Value>,
}

/// What must come of a step; what is not said is not looked at.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// DE 39.
    pub code: Option<String>,
    /// DE 38: `present`, `absent` or the code itself.
    pub auth_code: Option<String>,
    /// Any code but an approval.
    pub declined: Option<bool>,
    /// DE 54 type 02, in major units.
    pub available: Option<String>,
    /// DE 54 type 44, in major units.
    pub cap_left: Option<String>,
    /// Elements of the answer: the value, `present` or `absent`.
    #[serde(default)]
    pub fields: BTreeMap<u8, FieldText>,
    /// The issuer's cryptogram for the chip (tag 91): `right`, `wrong` or `none`.
    pub arpc: Option<Proof>,
    /// The answer's MAC: `right`, `wrong` or `none`.
    pub mac: Option<Proof>,
    /// The commands of the issuer's scripts, each with a right MAC.
    pub scripts: Option<Vec<String>>,
    /// The reason by the engine's record of the transaction: `wrong_pin`, `cryptogram_wrong`, ...
    pub result: Option<String>,
    /// Entries that stand in its trace, in that order, each with these keys at least.
    pub trace: Option<serde_json::Value>,
    /// Nothing comes back.
    pub no_answer: Option<bool>,
    /// The answer comes within so many milliseconds.
    pub within_ms: Option<u64>,
    /// The HTTP status.
    pub status: Option<u16>,
    /// A part of the HTTP answer's body.
    pub body: Option<serde_json::Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StepKeys {
    send: Option<Ask>,
    reverse: Option<AskOrName>,
    repeat: Option<AskOrName>,
    complete: Option<AskOrName>,
    exchange_keys: Option<ExchangeKeys>,
    at: Option<String>,
    api: Option<Api>,
    restart: Option<Restart>,
    #[serde(default)]
    expect: Option<Expect>,
}

/// A step's name by itself, or keys.
struct AskOrName(Ask);

impl TryFrom<StepKeys> for Step {
    type Error = String;

    fn try_from(keys: StepKeys) -> Result<Self, String> {
        let StepKeys { send, reverse, repeat, complete, exchange_keys, at, api, restart, expect } =
            keys;
        let mut actions = Vec::new();
        actions.extend(send.map(|ask| check(ask, "send", &[]).map(Action::Send)));
        actions.extend(reverse.map(|AskOrName(ask)| {
            check(ask, "reverse", &["of", "unsent", "replacement"]).map(Action::Reverse)
        }));
        actions.extend(
            complete.map(|AskOrName(ask)| check(ask, "complete", &["of"]).map(Action::Complete)),
        );
        actions.extend(repeat.map(|AskOrName(ask)| {
            ask.of.map(Action::Repeat).ok_or_else(|| "repeat names a step".to_owned())
        }));
        actions.extend(exchange_keys.map(|keys| Ok(Action::ExchangeKeys(keys))));
        actions.extend(at.map(|to| Ok(Action::At(to))));
        actions.extend(api.map(|api| Ok(Action::Api(api))));
        actions.extend(restart.map(|how| Ok(Action::Restart(how))));
        if actions.len() > 1 {
            return Err("a step does one thing".to_owned());
        }
        let nothing = "a step has one of send, reverse, repeat, complete, exchange_keys, at, api, \
                       restart";
        let action = actions.pop().unwrap_or_else(|| Err(nothing.to_owned()))?;
        let expect = expect.unwrap_or_default();
        expect.suits(&action)?;
        Ok(Self { action, expect })
    }
}

/// Whether a message's keys make sense for the action.
fn check(ask: Ask, action: &str, about: &[&str]) -> Result<Box<Ask>, String> {
    let given = [
        ("of", ask.of.is_some()),
        ("unsent", ask.unsent.is_some()),
        ("replacement", ask.replacement.is_some()),
    ];
    for (key, is_given) in given {
        if is_given && !about.contains(&key) {
            return Err(format!("{action} has no key {key:?}"));
        }
    }
    match (action, ask.of.is_some(), ask.unsent.is_some()) {
        ("send", ..) if ask.terminal.is_none() || ask.mti.is_none() => {
            Err("send needs a terminal and an mti".to_owned())
        }
        ("reverse", false, true) if ask.terminal.is_none() || ask.mti.is_none() => {
            Err("reverse of an unsent message needs a terminal and an mti".to_owned())
        }
        ("reverse", true, true) => Err("reverse has either of or unsent".to_owned()),
        ("reverse" | "complete", false, false) => Err(format!("{action} names a step")),
        _ => Ok(Box::new(ask)),
    }
}

impl Expect {
    /// What the engine's record of the transaction must hold, if anything is said about it.
    pub(super) fn of_record(&self) -> Option<serde_json::Value> {
        let mut record = serde_json::Map::new();
        record.extend(self.result.as_ref().map(|result| ("result".to_owned(), json!(result))));
        record.extend(self.trace.as_ref().map(|trace| ("trace".to_owned(), trace.clone())));
        (!record.is_empty()).then_some(record.into())
    }

    /// Whether these expectations can be about such an action at all.
    fn suits(&self, action: &Action) -> Result<(), String> {
        let of_http = self.status.is_some() || self.body.is_some();
        let of_message = self.code.is_some()
            || self.auth_code.is_some()
            || self.declined.is_some()
            || self.available.is_some()
            || self.cap_left.is_some()
            || self.arpc.is_some()
            || self.mac.is_some()
            || self.scripts.is_some()
            || self.of_record().is_some()
            || self.no_answer.is_some()
            || !self.fields.is_empty();
        let silent = self.no_answer == Some(true)
            && (self.code.is_some() || self.auth_code.is_some() || self.declined.is_some());
        match action {
            Action::Api(_) if of_message => {
                Err("an api step expects status, body and within_ms".to_owned())
            }
            Action::At(_) | Action::Restart(_) if of_http || of_message => {
                Err("at and restart expect nothing".to_owned())
            }
            Action::Api(_) | Action::At(_) | Action::Restart(_) => Ok(()),
            _ if of_http => Err("status and body are of api steps".to_owned()),
            _ if silent => Err("no_answer and an answer cannot both be expected".to_owned()),
            _ => Ok(()),
        }
    }
}

impl<'de> Deserialize<'de> for AskOrName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = AskOrName;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a step, or a map of keys")
            }
            fn visit_str<E: de::Error>(self, name: &str) -> Result<AskOrName, E> {
                Ok(AskOrName(Ask { of: Some(name.to_owned()), ..Ask::default() }))
            }
            fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<AskOrName, M::Error> {
                Ask::deserialize(MapAccessDeserializer::new(map)).map(AskOrName)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl<'de> Deserialize<'de> for FieldText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = FieldText;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text in quotes, or {hex: \"…\"}")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<FieldText, E> {
                Ok(FieldText::Text(text.to_owned()))
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<FieldText, E> {
                Ok(FieldText::Text(number.to_string()))
            }
            fn visit_unit<E: de::Error>(self) -> Result<FieldText, E> {
                Ok(FieldText::Absent)
            }
            fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<FieldText, M::Error> {
                let Hex { hex: digits } = Hex::deserialize(MapAccessDeserializer::new(map))?;
                let not_hex = |_| M::Error::custom("not hex digits in pairs");
                hex::decode(digits).map(FieldText::Hex).map_err(not_hex)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Hex {
    hex: String,
}

/// Reads all scenarios of a file.
///
/// # Errors
/// [`FileError`] with the line of what is wrong.
pub fn read(path: &Path) -> Result<Vec<Scenario>, FileError> {
    let failed = |cause: String| FileError { path: path.to_owned(), cause };
    let text = std::fs::read_to_string(path).map_err(|error| failed(format!(" {error}")))?;
    parse(&text).map_err(|wrong| match wrong.place {
        Some(_) => failed(wrong.to_string()),
        None => failed(format!(" {wrong}")),
    })
}

/// Reads all scenarios of a text.
pub(super) fn parse(text: &str) -> Result<Vec<Scenario>, Wrong> {
    let mut scenarios = Vec::new();
    for (first_line, document) in documents(text) {
        // Parsed by itself behind as many empty lines as stand before it, so that errors count
        // lines as an editor does.
        let padded = format!("{}{document}", "\n".repeat(first_line));
        let mut scenario: Scenario =
            serde_yaml_ng::from_str(&padded).map_err(|error| Wrong::of_yaml(&padded, &error))?;
        scenario.places = Whereabouts::of(&padded, scenario.steps.len());
        scenarios.push(scenario);
    }
    let cause = "no scenario in the file".to_owned();
    if scenarios.is_empty() { Err(Wrong { place: None, cause }) } else { Ok(scenarios) }
}

/// The documents of a stream with the number of lines before each; those of comments only are left
/// out.
fn documents(text: &str) -> Vec<(usize, String)> {
    let mut documents = vec![(0, String::new())];
    for (number, line) in text.lines().enumerate() {
        if line == "---" || line.starts_with("--- ") {
            documents.push((number + 1, String::new()));
        } else if let Some((_, document)) = documents.last_mut() {
            document.push_str(line);
            document.push('\n');
        }
    }
    let says_something = |document: &str| {
        document.lines().map(str::trim).any(|line| !line.is_empty() && !line.starts_with('#'))
    };
    documents.retain(|(_, document)| says_something(document));
    documents
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str =
        "name: n\nclock: \"2026-11-23T10:00:00+06:00\"\nportfolio: p.jsonl\nsteps:\n";

    fn step(text: &str) -> Result<Step, String> {
        let all = parse(&format!("{HEAD}{text}")).map_err(|wrong| wrong.to_string());
        all.map(|mut all| all.remove(0).steps.remove(0))
    }

    #[test]
    fn unknown_keys_are_errors_with_their_line_and_column() {
        for (text, told) in [
            (
                "  - send: {terminal: T, mti: \"0200\", amonut: \"1\"}\n",
                "5:38: unknown key `amonut` (did you mean `amount`?)",
            ),
            (
                "  - api: {method: GET, path: /x}\n    expect: {statsu: 200}\n",
                "6:14: unknown key `statsu` (did you mean `status`?)",
            ),
            (
                "  - reverse: {of: x, replacment: \"1\"}\n",
                "5:22: unknown key `replacment` (did you mean `replacement`?)",
            ),
            ("  - snd: {terminal: T}\n", "5:5: unknown key `snd` (did you mean `send`?)"),
        ] {
            assert_eq!(step(text).unwrap_err(), told);
        }
        let error = parse("name: n\nclokc: x\n").unwrap_err().to_string();
        assert_eq!(error, "2:1: unknown key `clokc` (did you mean `clock`?)");
        let error = parse("name: [\n").unwrap_err().to_string();
        assert!(error.starts_with("1:7: "), "{error}");
    }

    #[test]
    fn places_are_counted_through_all_documents() {
        let good = format!("# first\n{HEAD}  - at: x\n  - restart: kill\n");
        let two = parse(&format!("{good}---\n{good}")).unwrap();
        let lines =
            |scenario: &Scenario| [0, 1].map(|at| scenario.places.step(at).map(|place| place.line));
        assert_eq!((lines(&two[0]), lines(&two[1])), ([Some(6), Some(7)], [Some(14), Some(15)]));
        let error = parse(&format!("{good}---\n{HEAD}  - at: x\n  - restart: melt\n")).unwrap_err();
        let error = error.to_string();
        assert!(error.starts_with("14:14: unknown word `melt`"), "{error}");
    }

    #[test]
    fn names_may_stand_alone_and_bytes_are_hex() {
        let Action::Reverse(ask) = step("  - reverse: first\n").unwrap().action else { panic!() };
        assert_eq!(ask.of.as_deref(), Some("first"));
        let text =
            "  - send: {terminal: T, mti: \"0200\", fields: {54: \"00\", 48: {hex: \"0a\"}}}\n";
        let Action::Send(ask) = step(text).unwrap().action else { panic!() };
        assert_eq!(ask.fields[&54], FieldText::Text("00".into()));
        assert_eq!(ask.fields[&48], FieldText::Hex(vec![10]));
        let Action::Repeat(of) = step("  - repeat: {of: x}\n").unwrap().action else { panic!() };
        assert_eq!(of, "x");
    }

    #[test]
    fn steps_that_make_no_sense_are_refused() {
        for (text, why) in [
            ("  - expect: {code: \"00\"}\n", "a step has one of"),
            ("  - at: x\n    restart: kill\n", "one thing"),
            ("  - send: {terminal: T}\n", "needs a terminal and an mti"),
            ("  - send: {terminal: T, mti: \"0200\", of: x}\n", "no key"),
            ("  - reverse: {of: x, unsent: y, terminal: T, mti: \"0200\"}\n", "either"),
            ("  - complete: {amount: \"1.00\"}\n", "names a step"),
            ("  - at: x\n    expect: {code: \"00\"}\n", "expect nothing"),
            ("  - api: {method: GET, path: /x}\n    expect: {code: \"00\"}\n", "api step"),
            ("  - repeat: x\n    expect: {status: 200}\n", "api steps"),
            ("  - repeat: x\n    expect: {no_answer: true, code: \"00\"}\n", "cannot both"),
        ] {
            let error = step(text).unwrap_err();
            assert!(error.contains(why), "{text} gave {error}");
        }
        assert!(parse("# nothing\n").is_err());
    }

    #[test]
    fn numbers_keep_their_zeros() {
        let text = "  - send: {terminal: T, mti: 0200, amount: 10.50, pin: 0123, mcc: 5411}\n";
        let Action::Send(ask) = step(text).unwrap().action else { panic!() };
        assert_eq!((ask.mti.as_deref(), ask.amount.as_deref()), (Some("0200"), Some("10.50")));
        assert_eq!((ask.pin.as_deref(), ask.mcc.as_deref()), (Some("0123"), Some("5411")));
    }
}
