//! A person as a text file: one action a line. The player presses the same keys a person would, and
//! looks at the same desk.

use super::cassettes::Fault;
use super::errand::Entry;
use super::key::Key;
use super::machine::{Desk, Step, Tab};
use super::setup::{Item, Kind};
use crate::terminal::Deed;
use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

/// What a line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// `purchase 120.00 tap pin 1234`.
    Do(Order),
    /// `card K02`.
    Card(String),
    /// `reverse`, `void`, `repeat`: what is done to the last transaction.
    After(char),
    /// `complete 850.00`.
    Complete(String),
    /// `fault short`.
    Fault(Fault),
    /// `expect 00`; `--` for no answer.
    Expect(String),
    /// `wait 2s`.
    Wait(Duration),
    /// `press 1 2 Enter`.
    Press(Vec<Key>),
    /// `quit`.
    Quit,
}

/// A transaction as a line tells it.
#[derive(Clone, PartialEq, Eq)]
pub struct Order {
    /// What is chosen in the menu.
    pub item: Item,
    /// What is typed as the amount.
    pub amount: Option<String>,
    /// How the card is read.
    pub entry: Option<Entry>,
    /// What is typed where a PIN is asked for.
    pub pin: Option<String>,
    /// The PIN wanted instead.
    pub new_pin: Option<String>,
}

impl fmt::Debug for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Order").field("item", &self.item).finish_non_exhaustive()
    }
}

/// A line that makes no sense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptError {
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// What is wrong.
    pub cause: String,
}

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.cause)
    }
}

/// Reads a script for a device; all that is wrong with it at once.
///
/// # Errors
/// Every line that makes no sense.
pub fn read(text: &str, kind: Kind) -> Result<Vec<(usize, Act)>, Vec<ScriptError>> {
    let (mut acts, mut wrong) = (Vec::new(), Vec::new());
    for (index, line) in text.lines().enumerate() {
        match read_line(line, index + 1, kind) {
            Ok(Some(act)) => acts.push((index + 1, act)),
            Ok(None) => {}
            Err(error) => wrong.push(error),
        }
    }
    if wrong.is_empty() { Ok(acts) } else { Err(wrong) }
}

/// The words of a line with their columns.
struct Words<'a> {
    words: VecDeque<(usize, &'a str)>,
    line: usize,
    end: usize,
}

impl<'a> Words<'a> {
    fn of(text: &'a str, line: usize) -> Self {
        let text = text.split('#').next().unwrap_or_default();
        let mut words = VecDeque::new();
        for word in text.split_whitespace() {
            // Where a part of a text stands in it: both begin in the same allocation.
            let offset = word.as_ptr().addr() - text.as_ptr().addr();
            let before = text.get(..offset).unwrap_or_default();
            words.push_back((before.chars().count() + 1, word));
        }
        Self { words, line, end: text.trim_end().chars().count() + 1 }
    }

    fn next(&mut self, wanted: &str) -> Result<(usize, &'a str), ScriptError> {
        let (line, column) = (self.line, self.end);
        let missing = || ScriptError { line, column, cause: format!("{wanted} is missing") };
        self.words.pop_front().ok_or_else(missing)
    }

    fn wrong(&self, column: usize, cause: String) -> ScriptError {
        ScriptError { line: self.line, column, cause }
    }

    fn end(mut self, act: Act) -> Result<Option<Act>, ScriptError> {
        match self.words.pop_front() {
            Some((column, word)) => Err(self.wrong(column, format!("what is {word:?} here?"))),
            None => Ok(Some(act)),
        }
    }
}

fn read_line(text: &str, line: usize, kind: Kind) -> Result<Option<Act>, ScriptError> {
    let mut words = Words::of(text, line);
    let Ok((column, verb)) = words.next("a verb") else { return Ok(None) };
    let act = match verb {
        "card" => Act::Card(words.next("the card's name")?.1.to_owned()),
        "reverse" => Act::After('r'),
        "void" => Act::After('v'),
        "repeat" => Act::After('a'),
        "complete" => Act::Complete(amount(&mut words)?),
        "fault" => {
            let (column, name) = words.next("the fault")?;
            let fault = Fault::ALL.iter().find(|(_, own)| *own == name).map(|(fault, _)| *fault);
            let known = Fault::ALL.map(|(_, name)| name).join(", ");
            let wrong = || words.wrong(column, format!("{name:?} is none of {known}"));
            Act::Fault(fault.ok_or_else(wrong)?)
        }
        "expect" => Act::Expect(words.next("the code")?.1.to_owned()),
        "wait" => {
            let (column, text) = words.next("how long")?;
            let seconds = text.trim_end_matches('s').parse::<f64>().ok();
            let pause = seconds.and_then(|s| Duration::try_from_secs_f64(s).ok());
            let wrong = || words.wrong(column, format!("{text:?} is no number of seconds"));
            Act::Wait(pause.ok_or_else(wrong)?)
        }
        "press" => {
            let mut keys = Vec::new();
            while let Some((column, name)) = words.words.pop_front() {
                let wrong = || words.wrong(column, format!("there is no key {name:?}"));
                keys.push(key(name).ok_or_else(wrong)?);
            }
            Act::Press(keys)
        }
        "quit" => Act::Quit,
        _ => {
            let item = kind.menu().iter().find(|(.., own)| *own == verb);
            let known = kind.menu().iter().map(|(.., own)| *own).collect::<Vec<_>>().join(", ");
            let others = "card, reverse, void, repeat, complete, fault, expect, wait, press, quit";
            let cause = format!("{verb:?} is none of {known}, {others}");
            let (item, ..) = item.ok_or_else(|| words.wrong(column, cause))?;
            Act::Do(order(*item, &mut words)?)
        }
    };
    words.end(act)
}

fn order(item: Item, words: &mut Words<'_>) -> Result<Order, ScriptError> {
    let mut order = Order { item, amount: None, entry: None, pin: None, new_pin: None };
    let is_about_money = !matches!(
        item,
        Item::Count
            | Item::Keys
            | Item::Deed(Deed::Balance | Deed::MiniStatement | Deed::PinChange)
    );
    if is_about_money {
        order.amount = Some(amount(words)?);
    }
    while let Some((column, word)) = words.words.pop_front() {
        match word {
            "pin" => order.pin = Some(pin(words)?),
            "new" => order.new_pin = Some(pin(words)?),
            _ => {
                let ways = Entry::ALL.map(|(.., name)| name).join(", ");
                let cause = format!("{word:?} is none of {ways}, pin, new");
                order.entry = Some(Entry::named(word).ok_or_else(|| words.wrong(column, cause))?);
            }
        }
    }
    if item == Item::Deed(Deed::PinChange) && order.new_pin.is_none() {
        return Err(words.wrong(words.end, "new PIN is missing (new 4321)".to_owned()));
    }
    Ok(order)
}

fn amount(words: &mut Words<'_>) -> Result<String, ScriptError> {
    let (column, text) = words.next("the amount")?;
    let is_one = text.chars().all(|c| c.is_ascii_digit() || c == '.')
        && text.starts_with(|c: char| c.is_ascii_digit());
    if is_one {
        Ok(text.to_owned())
    } else {
        Err(words.wrong(column, format!("{text:?} is no amount such as 120.00")))
    }
}

/// A PIN is not quoted in the error.
fn pin(words: &mut Words<'_>) -> Result<String, ScriptError> {
    let (column, text) = words.next("the PIN")?;
    if text.len() <= 12 && text.chars().all(|c| c.is_ascii_digit()) {
        Ok(text.to_owned())
    } else {
        Err(words.wrong(column, "a PIN has 4 to 12 digits".to_owned()))
    }
}

fn key(name: &str) -> Option<Key> {
    Some(match name {
        "Enter" => Key::Enter,
        "Esc" => Key::Esc,
        "Tab" => Key::Tab,
        "BackTab" => Key::BackTab,
        "Up" => Key::Up,
        "Down" => Key::Down,
        "Left" => Key::Left,
        "Right" => Key::Right,
        "PageUp" => Key::PageUp,
        "PageDown" => Key::PageDown,
        "Backspace" => Key::Backspace,
        _ => {
            let mut letters = name.chars();
            let only = letters.next().filter(|_| letters.next().is_none());
            Key::Char(only?)
        }
    })
}

/// What the player does next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Move {
    /// Presses a key.
    Press(Key),
    /// Takes another card.
    Card(String),
    /// Breaks the machine.
    Fault(Fault),
    /// Does nothing for a while.
    Pause(Duration),
    /// Waits for the host.
    Wait,
    /// The script is over; whether it said so itself.
    End(bool),
}

/// Plays a script at a desk.
#[derive(Debug, Default)]
pub struct Player {
    acts: VecDeque<(usize, Act)>,
    keys: VecDeque<Key>,
    current: Option<Current>,
    /// The final amount that is typed when the display asks for it, and the line that says it.
    amount: Option<(usize, String)>,
    /// What was not as expected, with its line.
    pub failures: Vec<String>,
    /// Whether the script said anything of what it expects.
    pub expects: bool,
}

#[derive(Debug)]
struct Current {
    order: Order,
    begun: bool,
    pin_typed: bool,
    /// How many transactions there were before it.
    deals_before: usize,
}

/// A host that was tried so often does not come back while a script runs.
const TRIES_MOST: u32 = 3;

impl Player {
    /// Of these acts.
    #[must_use]
    pub fn new(acts: Vec<(usize, Act)>) -> Self {
        let mut player = Self::default();
        player.go_on(acts);
        player
    }

    /// Goes on with these.
    pub fn go_on(&mut self, acts: Vec<(usize, Act)>) {
        self.expects |= acts.iter().any(|(_, act)| matches!(act, Act::Expect(_)));
        self.acts.extend(acts);
    }

    /// What comes next, as the desk stands.
    pub fn next(&mut self, desk: &Desk) -> Move {
        if let Some(key) = self.keys.pop_front() {
            return Move::Press(key);
        }
        if desk.is_waiting() {
            return Move::Wait;
        }
        if let Some((line, amount)) = self.amount.take() {
            // Where there is nothing to complete, digits would choose from the menu.
            match desk.step() {
                Step::Amount(_) => {
                    self.keys = amount.chars().map(Key::Char).chain([Key::Enter]).collect();
                }
                _ => self.failures.push(format!("line {line}: there is nothing to complete")),
            }
            return self.next(desk);
        }
        if let Some(current) = &mut self.current {
            match current.keys(desk) {
                Some(keys) => self.keys = keys.into(),
                None => self.current = None,
            }
            return self.next(desk);
        }
        // Before the next act the host must have everything.
        if desk.is_unsettled() && desk.tries() < TRIES_MOST {
            return Move::Wait;
        }
        let Some((line, act)) = self.acts.pop_front() else { return Move::End(false) };
        match act {
            Act::Do(order) => {
                let deals_before = desk.deals().len();
                self.current =
                    Some(Current { order, begun: false, pin_typed: false, deals_before });
            }
            Act::Card(name) => return Move::Card(name),
            Act::Fault(fault) => return Move::Fault(fault),
            Act::Wait(pause) => return Move::Pause(pause),
            Act::Press(keys) => self.keys = keys.into(),
            Act::Quit => return Move::End(true),
            Act::Expect(code) => self.compare(line, &code, desk),
            Act::After(letter) => self.keys = go_to_last(desk, letter),
            Act::Complete(amount) => {
                self.keys = go_to_last(desk, 'f');
                self.amount = Some((line, amount));
            }
        }
        self.next(desk)
    }

    fn compare(&mut self, line: usize, expected: &str, desk: &Desk) {
        let last = desk.reports().last();
        let code = last.and_then(|report| report.reply()).map(|reply| reply.answer.code());
        let code = code.unwrap_or_else(|| "--".to_owned());
        if code != expected {
            let words = crate::traffic::meaning(&code);
            self.failures.push(format!("line {line}: {code} ({words}) instead of {expected}"));
        }
    }
}

/// Tab until the last transactions have the focus, then the letter.
fn go_to_last(desk: &Desk, letter: char) -> VecDeque<Key> {
    let tabs = desk.tabs();
    let place = |tab: Option<Tab>| {
        tab.and_then(|tab| tabs.iter().position(|own| *own == tab)).map_or(0, |at| at + 1)
    };
    let (from, to) = (place(desk.focus()), place(Some(Tab::Last)));
    let (count, key) = if to >= from { (to - from, Key::Tab) } else { (from - to, Key::BackTab) };
    let mut keys: VecDeque<Key> = std::iter::repeat_n(key, count).collect();
    keys.push_back(Key::Char(letter));
    keys
}

impl Current {
    /// The keys for what the desk asks now; `None` when it is done.
    fn keys(&mut self, desk: &Desk) -> Option<Vec<Key>> {
        let typed =
            |text: &str| text.chars().map(Key::Char).chain([Key::Enter]).collect::<Vec<Key>>();
        let order = &self.order;
        Some(match desk.step() {
            _ if !self.begun => {
                self.begun = true;
                let menu = desk.menu();
                let at = menu.iter().position(|(item, ..)| *item == order.item)? + 1;
                let digit = char::from_digit(u32::try_from(at).ok()?, 10)?;
                match desk.step() {
                    Step::Menu(_) | Step::Done(_) => vec![Key::Char(digit)],
                    // Somewhere a script of keys has left it.
                    _ => vec![Key::Esc, Key::Char(digit)],
                }
            }
            Step::Amount(_) => typed(order.amount.as_deref().unwrap_or_default()),
            Step::Card => {
                let way = Entry::ALL.iter().find(|(entry, ..)| Some(*entry) == order.entry);
                vec![way.map_or(Key::Enter, |(_, letter, _)| Key::Char(*letter))]
            }
            // Asked for by the host: what the line does not say is not typed.
            Step::Pin(_) if order.pin.is_none() && desk.deals().len() > self.deals_before => {
                vec![Key::Esc]
            }
            Step::Pin(_) if self.pin_typed => vec![Key::Esc],
            Step::Pin(_) => {
                self.pin_typed = true;
                match &order.pin {
                    Some(pin) => typed(pin),
                    None if desk.kind() == Kind::Atm => vec![Key::Char('p')],
                    None => vec![Key::Enter],
                }
            }
            Step::NewPin { .. } => typed(order.new_pin.as_deref()?),
            Step::Menu(_) | Step::Done(_) | Step::Busy => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_acts() {
        let text = "card K02  # another\n\npurchase 120.00 tap\npreauth 900 insert pin 1234\n\
                    complete 850.00\nreverse\nvoid\nrepeat\nexpect 00\nwait 0.5s\npress 1 Enter Tab\nquit";
        let acts = read(text, Kind::Pos).unwrap();
        assert_eq!(acts.len(), 11);
        assert_eq!(acts[0], (1, Act::Card("K02".to_owned())));
        assert_eq!(acts[1].0, 3);
        assert_eq!(acts[9].1, Act::Press(vec![Key::Char('1'), Key::Enter, Key::Tab]));
        let change = read("pin-change pin 1234 new 4321\nfault jam\ncount", Kind::Atm).unwrap();
        assert_eq!(change[1].1, Act::Fault(Fault::Jam));
    }

    #[test]
    fn errors_name_line_and_column_and_never_a_pin() {
        for (text, kind, place, cause) in [
            ("purchas 1", Kind::Pos, (1, 1), "none of purchase, preauth"),
            ("\n  purchase x tap", Kind::Pos, (2, 12), "no amount"),
            ("purchase", Kind::Pos, (1, 9), "the amount is missing"),
            ("purchase 1 nod", Kind::Pos, (1, 12), "none of tap, insert"),
            ("purchase 1 pin 12ab", Kind::Pos, (1, 16), "4 to 12 digits"),
            ("withdraw 200", Kind::Pos, (1, 1), "none of"),
            ("press F99", Kind::Pos, (1, 7), "no key"),
            ("wait long", Kind::Pos, (1, 6), "no number of seconds"),
            ("quit now", Kind::Pos, (1, 6), "what is \"now\" here?"),
            ("fault melt", Kind::Atm, (1, 7), "none of none, short"),
            ("pin-change pin 1234", Kind::Atm, (1, 20), "new PIN is missing"),
        ] {
            let errors = read(text, kind).unwrap_err();
            assert_eq!((errors[0].line, errors[0].column), place, "{text}: {}", errors[0]);
            assert!(errors[0].to_string().contains(cause), "{}", errors[0]);
            assert!(!errors[0].to_string().contains("12ab"), "{}", errors[0]);
        }
        assert_eq!(read("x\ny\nbalance", Kind::Pos).unwrap_err().len(), 2, "all at once");
    }
}
