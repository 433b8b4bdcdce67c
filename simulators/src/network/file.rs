//! A rules file (TOML): how a network host answers, and what it sends. Read strictly: a key that
//! does not exist, or a value that is none, is an error with file, line and column.

use super::values::{
    Amounts, Code, Delay, Many, Money, MtiPattern, NamePattern, NetworkCode, Prefix, Share, Time,
};
use crate::SimError;
use crate::place::{Place, with_suggestion, wrong_at};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;
use std::str::FromStr;
use toml::Spanned;

/// A whole rules file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// Draws of shares, delays and the mix follow from it.
    pub seed: Option<u64>,
    /// Sign-on, echo, keys.
    #[serde(default)]
    pub session: SessionKeys,
    /// What the host grants by itself.
    pub stand_in: Option<StandInKeys>,
    /// Messages at a rate, by a mix.
    pub traffic: Option<Spanned<TrafficKeys>>,
    /// How messages are answered: the first that fits.
    #[serde(default)]
    pub answer: Vec<Spanned<AnswerKeys>>,
    /// Messages one after the other.
    #[serde(default)]
    pub send: Vec<Spanned<SendKeys>>,
}

/// `[session]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionKeys {
    /// Whether a connection begins with a sign-on and ends with a sign-off.
    pub sign_on: Option<bool>,
    /// An echo after so long without a message.
    pub echo_every: Option<Time>,
    /// Terminals that get new keys after the sign-on.
    #[serde(default)]
    pub exchange_keys: Vec<String>,
    /// How long an answer may take.
    pub patience: Option<Time>,
}

/// `[stand_in]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StandInKeys {
    /// The most a card gets at once.
    pub per_transaction: Option<Money>,
    /// The most a card gets in a day.
    pub per_day: Option<Money>,
    /// How often a card gets something in a day.
    pub count_per_day: Option<u32>,
    /// DE 39 over an amount.
    pub code: Option<Code>,
    /// Whether the issuer is told of it by an advice, once it can be reached.
    pub advise: Option<bool>,
}

/// `[traffic]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrafficKeys {
    /// Messages a second.
    pub rate: Option<f64>,
    /// `authorization = 60, presentment = 20, ...`
    #[serde(default)]
    pub mix: BTreeMap<MixKind, u32>,
    /// So many messages.
    pub count: Option<u64>,
    /// For so long.
    pub duration: Option<Time>,
    /// How much.
    pub amount: Option<Amounts>,
    /// Which cards of the portfolio; else all good ones.
    #[serde(default)]
    pub cards: Vec<String>,
    /// At which terminals; else all of merchants.
    #[serde(default)]
    pub terminals: Vec<String>,
}

/// What a mix may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MixKind {
    /// 0100.
    Authorization,
    /// 0200.
    Financial,
    /// 0220 about an authorization before.
    Presentment,
    /// 0420 about one before.
    Reversal,
    /// 0302.
    FileAction,
    /// 0800.
    Echo,
}

/// `[[answer]]`: when, and then.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnswerKeys {
    /// As lines and summary call it.
    pub name: Option<String>,
    /// Message types.
    #[serde(default)]
    pub mti: Many<MtiPattern>,
    /// DE 70.
    #[serde(default)]
    pub network_code: Many<NetworkCode>,
    /// The beginning of DE 3.
    #[serde(default)]
    pub processing_code: Many<Prefix>,
    /// The beginning of the card number.
    #[serde(default)]
    pub bin: Many<Prefix>,
    /// DE 4.
    pub amount: Option<Amounts>,
    /// DE 41.
    #[serde(default)]
    pub terminal: Many<NamePattern>,
    /// The beginning of DE 18, since 1993 DE 26.
    #[serde(default)]
    pub mcc: Many<Prefix>,
    /// Only repeats, or only what is none.
    pub repeat: Option<bool>,
    /// Every so many of those that fit.
    pub every: Option<u64>,
    /// A share of those that fit.
    pub share: Option<Share>,
    /// Only the first so many of those that fit.
    pub first: Option<u64>,
    /// DE 39.
    pub code: Option<Code>,
    /// Before the answer.
    pub delay: Option<Delay>,
    /// The answer comes when nobody waits for it any more.
    pub late: Option<Delay>,
    /// So many answers more.
    pub duplicate: Option<u32>,
    /// No answer.
    #[serde(default)]
    pub drop: bool,
    /// Something else than an answer.
    pub garbage: Option<Garbage>,
    /// The connection ends, after the answer if there is one.
    #[serde(default)]
    pub close: bool,
    /// The host grants or refuses by its own limits.
    #[serde(default)]
    pub stand_in: bool,
    /// The issuer is asked, and stood in for if it does not answer.
    #[serde(default)]
    pub forward: bool,
}

/// What comes instead of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Garbage {
    /// Bytes that are no frame.
    Bytes,
    /// A frame that is no message.
    Message,
    /// The first half of the answer.
    Half,
    /// The answer to another message: with another trace number.
    Stray,
}

/// `[[send]]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SendKeys {
    /// What.
    pub message: SendKind,
    /// For later messages about it.
    pub name: Option<String>,
    /// The message it is about.
    pub of: Option<String>,
    /// A card of the portfolio.
    pub card: Option<String>,
    /// A terminal of the portfolio.
    pub terminal: Option<String>,
    /// In som.
    pub amount: Option<Money>,
    /// DE 3.
    pub processing_code: Option<Prefix6>,
    /// DE 22 as in 1987.
    pub entry_mode: Option<Prefix>,
    /// What the cardholder types.
    pub pin: Option<String>,
    /// Of a file action.
    pub action: Option<FileAction>,
    /// Of a file action: the last day.
    pub until: Option<Day>,
    /// Of a file action: leading digits instead of a card.
    pub range: Option<String>,
    /// Of a key exchange: PIN key or MAC key.
    pub key: Option<crate::device::KeyUse>,
    /// Of a key exchange: this side makes the key.
    #[serde(default)]
    pub deliver: bool,
    /// A wait before it.
    pub after: Option<Time>,
    /// DE 39 that must come.
    pub expect: Option<Code>,
    /// So often.
    pub times: Option<u32>,
}

/// Six digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prefix6(pub(super) String);

/// A calendar day, as DE 73 has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Day(pub(super) String);

impl FromStr for Prefix6 {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_digit()) {
            true => Ok(Self(text.to_owned())),
            false => Err(format!("{text:?} is not six digits")),
        }
    }
}

impl FromStr for Day {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let date: jiff::civil::Date =
            text.parse().map_err(|_| format!("{text:?} is no day such as 2026-12-31"))?;
        Ok(Self(date.strftime("%y%m%d").to_string()))
    }
}

impl<'de> Deserialize<'de> for Prefix6 {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// What a host can send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SendKind {
    /// 0100.
    Authorization,
    /// 0200.
    Financial,
    /// 0120: what was stood in for.
    Advice,
    /// 0220.
    Presentment,
    /// 0420.
    Reversal,
    /// The message once more, as a repeat.
    Repeat,
    /// 0302.
    FileAction,
    /// 0800, 001.
    SignOn,
    /// 0800, 002.
    SignOff,
    /// 0800, 301.
    Echo,
    /// 0800, 201.
    CutOver,
    /// 0800, 101.
    KeyExchange,
}

/// What a file action does to the stop-list (BLK-5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FileAction {
    /// Puts on it.
    Add,
    /// Puts on it otherwise.
    Change,
    /// Takes off it.
    Remove,
    /// Asks.
    Inquire,
}

/// Reads a rules file.
///
/// # Errors
/// [`SimError::File`]; [`SimError::Setting`] with file, line and column of what is wrong.
pub fn read(path: &Path) -> Result<File, SimError> {
    let text = std::fs::read_to_string(path).map_err(SimError::file(path))?;
    parse(&text, path)
}

/// Reads the text of a rules file.
///
/// # Errors
/// [`SimError::Setting`].
pub fn parse(text: &str, path: &Path) -> Result<File, SimError> {
    let wrong = |offset: usize, cause: &str| wrong_at(path, Place::of(text, offset), cause);
    let file: File = toml::from_str(text).map_err(|error| {
        let offset = error.span().map_or(0, |span| span.start);
        wrong(offset, &with_suggestion(error.message()))
    })?;
    for rule in &file.answer {
        rule.get_ref()
            .check(file.stand_in.is_some())
            .map_err(|cause| wrong(rule.span().start, &cause))?;
    }
    let mut named: Vec<&str> = Vec::new();
    for send in &file.send {
        send.get_ref().check(&named).map_err(|cause| wrong(send.span().start, &cause))?;
        named.extend(send.get_ref().name.as_deref());
    }
    if let Some(traffic) = &file.traffic {
        let keys = traffic.get_ref();
        keys.check().map_err(|cause| wrong(traffic.span().start, &cause))?;
    }
    Ok(file)
}

impl AnswerKeys {
    fn check(&self, can_stand_in: bool) -> Result<(), String> {
        let own = [
            ("code", self.code.is_some()),
            ("drop", self.drop),
            ("garbage", self.garbage.is_some()),
            ("stand_in", self.stand_in),
            ("forward", self.forward),
        ];
        let given: Vec<_> = own.iter().filter(|(_, given)| *given).map(|(key, _)| *key).collect();
        if let [first, second, ..] = given.as_slice() {
            return Err(format!("{first} and {second} cannot both be done to a message"));
        }
        if self.drop && (self.delay.is_some() || self.late.is_some() || self.duplicate.is_some()) {
            return Err("what is dropped comes neither late nor twice".to_owned());
        }
        if self.delay.is_some() && self.late.is_some() {
            return Err("delay and late cannot both be said".to_owned());
        }
        if self.every == Some(0) {
            return Err("every 0th message is none".to_owned());
        }
        if (self.stand_in || self.forward) && !can_stand_in {
            return Err("standing in needs its limits: [stand_in]".to_owned());
        }
        Ok(())
    }
}

impl SendKeys {
    /// Of an earlier message, and nothing else said.
    pub(super) fn about(message: SendKind) -> Self {
        Self {
            message,
            name: None,
            of: None,
            card: None,
            terminal: None,
            amount: None,
            processing_code: None,
            entry_mode: None,
            pin: None,
            action: None,
            until: None,
            range: None,
            key: None,
            deliver: false,
            after: None,
            expect: None,
            times: None,
        }
    }

    fn check(&self, named: &[&str]) -> Result<(), String> {
        let about = matches!(self.message, SendKind::Reversal | SendKind::Repeat);
        if about && self.of.is_none() {
            return Err("it is about an earlier message: of = \"name\"".to_owned());
        }
        if let Some(of) = self.of.as_deref().filter(|of| !named.contains(of)) {
            let meant = crate::place::nearest(of, named.iter().copied());
            let meant = meant.map(|name| format!(" (did you mean {name:?}?)")).unwrap_or_default();
            return Err(format!("no message before has the name {of:?}{meant}"));
        }
        let file = self.message == SendKind::FileAction;
        if file && self.action.is_none() {
            return Err("a file action has an action: add, change, remove, inquire".to_owned());
        }
        if file && self.card.is_some() == self.range.is_some() {
            return Err("a file action is about a card or about a range".to_owned());
        }
        let lasts = matches!(self.action, Some(FileAction::Add | FileAction::Change));
        if file && lasts != self.until.is_some() {
            return Err("until = \"2026-12-31\" says the last day of what is added".to_owned());
        }
        if !file && (self.action.is_some() || self.until.is_some() || self.range.is_some()) {
            return Err("action, until and range are of file actions".to_owned());
        }
        let money = matches!(
            self.message,
            SendKind::Authorization | SendKind::Financial | SendKind::Advice
        );
        let alone = self.message == SendKind::Presentment && self.of.is_none();
        if (money || alone) && (self.card.is_none() || self.amount.is_none()) {
            return Err("it needs a card and an amount".to_owned());
        }
        Ok(())
    }
}

impl TrafficKeys {
    /// Whether it makes sense.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self) -> Result<(), String> {
        if self.rate.is_some_and(|rate| !(rate > 0.0 && rate <= 100_000.0)) {
            return Err("rate is a number of messages a second above zero".to_owned());
        }
        if !self.mix.is_empty() && self.mix.values().all(|weight| *weight == 0) {
            return Err("a mix of nothing".to_owned());
        }
        if self.amount.is_some_and(|range| range.to == u64::MAX) {
            return Err("amount needs an upper end: what is sent has to be some amount".to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        parse(text, Path::new("net.toml")).unwrap_err().to_string()
    }

    #[test]
    fn what_is_wrong_has_its_line_and_column() {
        for (text, told) in [
            (
                "[[answer]]\ncdoe = \"05\"\n",
                "net.toml:2:1: unknown key `cdoe` (did you mean `code`?)",
            ),
            (
                "[[answer]]\ncode = \"5\"\n",
                "net.toml:2:8: \"5\" is no response code such as 05 or 116",
            ),
            ("[[answer]]\nmti = [\"0100\", \"1\"]\n", "net.toml:2:7: \"1\" is no message type"),
            ("[[answer]]\nshare = \"7\"\n", "net.toml:2:9: \"7\" is no share such as 5%"),
            ("[[answer]]\nevery = \"x\"\n", "net.toml:2:9: invalid type: string \"x\""),
            (
                "\n[[answer]]\ndrop = true\ncode = \"05\"\n",
                "net.toml:2:1: code and drop cannot both",
            ),
            ("[[answer]]\nstand_in = true\n", "net.toml:1:1: standing in needs its limits"),
            ("[sesion]\n", "net.toml:1:2: unknown key `sesion` (did you mean `session`?)"),
            (
                "[traffic]\nmix = { ekho = 1 }\n",
                "net.toml:2:9: unknown word `ekho` (did you mean `echo`?)",
            ),
            ("[traffic]\nrate = 0.0\n", "net.toml:1:1: rate is a number of messages"),
            ("[[send]]\nmessage = \"reversal\"\n", "net.toml:1:1: it is about an earlier message"),
            (
                "[[send]]\nname = \"dinner\"\nmessage = \"echo\"\n[[send]]\nmessage = \"repeat\"\nof = \"diner\"\n",
                "net.toml:4:1: no message before has the name \"diner\" (did you mean \"dinner\"?)",
            ),
            (
                "[[send]]\nmessage = \"file-action\"\naction = \"add\"\ncard = \"K1\"\n",
                "net.toml:1:1: until =",
            ),
            ("[[send]]\nmessage = \"authorization\"\n", "net.toml:1:1: it needs a card"),
            ("x = \n", "net.toml:1:"),
            ("seed = 1\nseed = 2\n", "net.toml:2:1: duplicate key"),
        ] {
            let said = error(text);
            assert!(said.starts_with(told), "{text}\ngave {said}\nnot  {told}");
        }
    }

    #[test]
    fn one_value_may_stand_for_a_list() {
        let file = parse(
            "[[answer]]\nmti = \"01xx\"\nbin = [\"9417\", \"5\"]\ndelay = \"5ms-7ms\"\n",
            Path::new("net.toml"),
        );
        let file = file.unwrap();
        let rule = file.answer[0].get_ref();
        assert_eq!((rule.mti.0.len(), rule.bin.0.len()), (1, 2));
        assert!(parse("", Path::new("net.toml")).unwrap().answer.is_empty());
    }
}
