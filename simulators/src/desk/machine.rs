//! The desk as a state machine: keys and reports in, errands and slips out. It knows no screen, no
//! clock and no network, so that a whole day at it can be played in a test.

use super::cassettes::{Cassettes, Fault, Mix};
use super::duty::Duty;
use super::errand::{Entry, Errand, Report, What, Wish};
use super::key::{Action, Event, Key};
use super::open_file::Owed;
use super::setup::{Item, Kind, Setup};
use super::slip::Slip;
use crate::pin::TypedPin;
use crate::terminal::Deed;
use payment_types::Amount;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// Where the person at the desk stands.
#[derive(Debug, Clone)]
pub enum Step {
    /// Chooses what to do; which line is marked.
    Menu(usize),
    /// Types an amount.
    Amount(Typed),
    /// Shows the card.
    Card,
    /// Types the PIN.
    Pin(Secret),
    /// Types the PIN wanted instead, then once more.
    NewPin {
        /// What is being typed.
        typed: Secret,
        /// What was typed the first time.
        first: Option<Secret>,
    },
    /// Waits for an answer.
    Busy,
    /// Looks at how it ended.
    Done(Ending),
}

/// Digits that may be seen.
pub type Typed = String;

/// Digits that may not: neither shown nor printed for debugging.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(pub(super) String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(hidden)")
    }
}

/// How something ended, in large letters and in small ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// Good, bad, or in doubt.
    pub tone: Tone,
    /// `APPROVED`.
    pub headline: String,
    /// What there is to say besides.
    pub lines: Vec<String>,
}

/// How something is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Nothing to be said.
    Plain,
    /// Approved.
    Good,
    /// Declined, or failed.
    Bad,
    /// To be attended to.
    Attention,
}

/// What is shown beside the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tab {
    /// The last message and its answer.
    Messages,
    /// The last slip.
    Slip,
    /// The last transactions.
    Last,
    /// A cash machine's notes.
    Notes,
}

/// A transaction of this desk, whatever became of it.
#[derive(Debug, Clone)]
pub struct Deal {
    /// The number of its message.
    pub number: u64,
    /// What it was.
    pub wish: Wish,
    /// DE 11.
    pub stan: u32,
    /// Hours and minutes.
    pub time: String,
    /// DE 39; empty without an answer.
    pub code: String,
    /// Whether it was approved.
    pub approved: bool,
    /// What became of it afterwards.
    pub fate: Fate,
    /// Done before this desk was opened, and not settled then.
    pub before: bool,
}

/// What became of a transaction after its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Nothing.
    Stands,
    /// Taken back.
    Reversed,
    /// Taken back in part; so much stays.
    Partly(Amount),
    /// Taken back by a void.
    Voided,
    /// Came to this in the end.
    Completed(Amount),
}

/// What a message under way is for.
#[derive(Debug, Clone)]
pub(super) enum Purpose {
    Deal(Wish),
    /// The same once more; nothing comes of it.
    Repeat,
    Duty(Duty),
    Keys,
    Count,
}

/// A transaction being entered.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    pub(super) deed: Deed,
    pub(super) amount: Option<Amount>,
    pub(super) entry: Entry,
    pub(super) pin: Option<Secret>,
    /// The transaction that is being completed, instead of a new one.
    pub(super) completes: Option<u64>,
    /// The amount that Enter takes where nothing is typed.
    pub(super) suggested: String,
}

/// What is left of the agents' cap for a card, as far as this device knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeftToday {
    /// What the host said, less what this device has paid out since.
    pub left: Amount,
    /// Whether it has paid out since.
    pub reckoned: bool,
}

/// The desk.
#[derive(Debug)]
pub struct Desk {
    pub(super) setup: Setup,
    pub(super) step: Step,
    pub(super) draft: Draft,
    pub(super) card: usize,
    pub(super) note: Option<(Tone, String)>,
    pub(super) tab: Tab,
    /// The part of the screen that arrows move in; the device itself if none.
    pub(super) focus: Option<Tab>,
    pub(super) scroll: usize,
    /// The list of cards is open, with this one marked.
    pub(super) choosing: Option<usize>,
    /// It was asked whether to leave although something is open.
    pub(super) leaving: bool,
    pub(super) reports: Vec<Report>,
    /// Which of the reports is looked at.
    pub(super) shown: usize,
    pub(super) slips: Vec<Slip>,
    pub(super) deals: Vec<Deal>,
    pub(super) marked: usize,
    pub(super) duties: VecDeque<Duty>,
    pub(super) retry_at: Duration,
    pub(super) under_way: Option<(u64, Purpose)>,
    pub(super) since: Duration,
    pub(super) now: Duration,
    pub(super) numbers: u64,
    pub(super) cassettes: Cassettes,
    pub(super) fault: Fault,
    pub(super) handed_out: Option<Mix>,
    pub(super) left_today: BTreeMap<usize, LeftToday>,
    pub(super) last_key: Option<char>,
}

/// How many messages and slips are kept to look at.
const KEPT: usize = 200;
const PIN_MOST: usize = 12;
const PIN_LEAST: usize = 4;

impl Desk {
    /// Opens a desk. The actions are what it wants done at once.
    #[must_use]
    pub fn open(setup: Setup) -> (Self, Vec<Action>) {
        let (card, cassettes) = (setup.card, setup.cassettes.clone());
        let (entry, keys_first) = (setup.entry, setup.keys_first);
        let owed = setup.owed.clone();
        let numbers = u64::try_from(owed.len()).unwrap_or_default() * 2;
        let mut desk = Self {
            setup,
            step: Step::Menu(0),
            draft: Draft {
                deed: Deed::Balance,
                amount: None,
                entry,
                pin: None,
                completes: None,
                suggested: String::new(),
            },
            card,
            note: None,
            tab: Tab::Messages,
            focus: None,
            scroll: 0,
            choosing: None,
            leaving: false,
            reports: Vec::new(),
            shown: 0,
            slips: Vec::new(),
            deals: Vec::new(),
            marked: 0,
            duties: VecDeque::new(),
            retry_at: Duration::ZERO,
            under_way: None,
            since: Duration::ZERO,
            now: Duration::ZERO,
            // Those before are of what is owed since earlier, two for each.
            numbers,
            cassettes,
            fault: Fault::None,
            handed_out: None,
            left_today: BTreeMap::new(),
            last_key: None,
        };
        // What is owed is under the new keys, too.
        let mut actions = if keys_first { desk.start(Item::Keys) } else { Vec::new() };
        for (owed, of) in owed.iter().zip((1..).step_by(2)) {
            desk.take_over(owed, of);
        }
        actions.extend(desk.do_duty(true));
        (desk, actions)
    }

    /// Something from before this desk was opened, under the number that [`super::host`] knows it
    /// by; the one after it is the message that was sent for it, if one was.
    fn take_over(&mut self, owed: &Owed, of: u64) {
        let first = owed.sent.as_ref().map(|_| of + 1);
        self.deals.push(Deal {
            number: of,
            wish: owed.wish.clone(),
            stan: owed.trace.stan,
            time: owed.trace.local.rfc3339().get(11..16).unwrap_or_default().to_owned(),
            code: String::new(),
            approved: false,
            fate: Fate::Stands,
            before: true,
        });
        self.duties.push_back(Duty::from_before((of, owed), first));
        let words = format!("From before: {}", self.words_of(&self.duties[self.duties.len() - 1]));
        self.note = Some((Tone::Attention, words));
    }

    /// Takes an event in.
    pub fn take(&mut self, event: Event) -> Vec<Action> {
        match event {
            Event::Key(key) => self.press(key),
            Event::Report(report) => self.hear(*report),
            Event::Clock(now) => {
                self.now = now;
                self.do_duty(false)
            }
        }
    }

    /// Where the person stands, for scripts.
    #[must_use]
    pub const fn step(&self) -> &Step {
        &self.step
    }

    /// Whether an answer is waited for.
    #[must_use]
    pub const fn is_waiting(&self) -> bool {
        self.under_way.is_some()
    }

    /// How often what is owed first was sent in vain.
    #[must_use]
    pub fn tries(&self) -> u32 {
        self.duties.front().map_or(0, |duty| duty.tries)
    }

    /// Which device it is.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.setup.kind
    }

    /// What it offers.
    #[must_use]
    pub const fn menu(&self) -> &'static [(Item, &'static str, &'static str)] {
        self.setup.kind.menu()
    }

    /// The part of the screen that has the focus.
    #[must_use]
    pub const fn focus(&self) -> Option<Tab> {
        self.focus
    }

    /// The last messages, the newest last.
    #[must_use]
    pub fn reports(&self) -> &[Report] {
        &self.reports
    }

    /// The transactions so far, the newest last.
    #[must_use]
    pub fn deals(&self) -> &[Deal] {
        &self.deals
    }

    /// Whether something has been sent, or must be, and has no answer yet.
    #[must_use]
    pub fn is_unsettled(&self) -> bool {
        self.under_way.is_some() || !self.duties.is_empty()
    }

    /// What is left undone if the desk is closed now, in words.
    #[must_use]
    pub fn undone(&self) -> Vec<String> {
        let duties = self.duties.iter().map(|duty| self.words_of(duty));
        let sent = self.under_way.iter().filter_map(|(_, purpose)| match purpose {
            Purpose::Deal(wish) => Some(format!("{} without an answer", wish.deed.title())),
            Purpose::Duty(duty) => Some(self.words_of(duty)),
            Purpose::Repeat | Purpose::Keys | Purpose::Count => None,
        });
        sent.chain(duties).collect()
    }

    /// Presses a key.
    fn press(&mut self, key: Key) -> Vec<Action> {
        if self.leaving {
            self.leaving = false;
            let leaves = matches!(key, Key::Interrupt | Key::Enter | Key::Char('y' | 'q'));
            return if leaves { vec![Action::Quit] } else { Vec::new() };
        }
        match key {
            Key::Interrupt | Key::Char('q') => return self.leave(),
            Key::PageUp => self.scroll = self.scroll.saturating_sub(PAGE),
            Key::PageDown => self.scroll = self.scroll.saturating_add(PAGE),
            Key::Tab | Key::BackTab => self.turn(key == Key::Tab),
            _ if self.choosing.is_some() => self.choose(key),
            _ => {
                if let Some(actions) = self.focus.and_then(|tab| self.press_in(tab, key)) {
                    return actions;
                }
                return self.press_on_device(key);
            }
        }
        Vec::new()
    }

    fn leave(&mut self) -> Vec<Action> {
        if self.is_unsettled() {
            self.leaving = true;
            return Vec::new();
        }
        vec![Action::Quit]
    }

    fn press_on_device(&mut self, key: Key) -> Vec<Action> {
        self.focus = None;
        self.note = None;
        let is_secret = matches!(self.step, Step::Pin(_) | Step::NewPin { .. });
        self.last_key = match key {
            Key::Char(sign) if !is_secret => Some(sign),
            _ => None,
        };
        match std::mem::replace(&mut self.step, Step::Busy) {
            Step::Menu(marked) => self.in_menu(marked, key),
            Step::Amount(typed) => self.in_amount(typed, key),
            Step::Card => self.at_reader(key),
            Step::Pin(typed) => self.at_pin_pad(typed, key),
            Step::NewPin { typed, first } => self.at_new_pin(typed, first, key),
            Step::Busy => Vec::new(),
            Step::Done(ending) => {
                self.step = match key {
                    Key::Enter | Key::Esc | Key::Char(' ') => Step::Menu(0),
                    _ => Step::Done(ending),
                };
                match key {
                    // The next customer's choice need not wait for a key of its own.
                    Key::Char('1'..='9' | 'c') | Key::Left | Key::Right => {
                        self.step = Step::Menu(0);
                        self.press_on_device(key)
                    }
                    _ => Vec::new(),
                }
            }
        }
    }

    fn in_menu(&mut self, marked: usize, key: Key) -> Vec<Action> {
        let menu = self.setup.kind.menu();
        let last = menu.len().saturating_sub(1);
        self.step = Step::Menu(match key {
            Key::Up => marked.checked_sub(1).unwrap_or(last),
            Key::Down if marked >= last => 0,
            Key::Down => marked + 1,
            _ => marked,
        });
        let chosen = match key {
            Key::Enter => menu.get(marked),
            Key::Char(digit) => digit
                .to_digit(10)
                .and_then(|digit| usize::try_from(digit).ok()?.checked_sub(1))
                .and_then(|index| menu.get(index)),
            _ => None,
        };
        match key {
            Key::Esc => return self.leave(),
            Key::Left | Key::Right | Key::Char('c') => self.other_card(key),
            _ => {}
        }
        chosen.map_or_else(Vec::new, |(item, ..)| self.start(*item))
    }

    /// Begins something of the menu.
    pub(super) fn start(&mut self, item: Item) -> Vec<Action> {
        if self.is_unsettled() {
            self.note = Some((Tone::Attention, "Wait for the host".into()));
            return Vec::new();
        }
        match item {
            Item::Keys => self.carry(What::Keys, Purpose::Keys),
            Item::Count => {
                (self.tab, self.focus) = (Tab::Notes, None);
                let amount = |minor| Amount::new(minor, self.setup.currency);
                let (surplus, shortage) = self.cassettes.difference();
                let (surplus, shortage) = (amount(surplus), amount(shortage));
                self.carry(What::CashCount { surplus, shortage }, Purpose::Count)
            }
            Item::Deed(deed) => {
                // AGT-3: an agent can offer what is left.
                let left = self.left_today.get(&self.card).filter(|_| deed == Deed::CashOut);
                let left = left.map(|known| known.left.to_string());
                let suggested = left.unwrap_or_else(|| self.setup.amount.clone());
                let entry = self.setup.entry;
                self.draft =
                    Draft { deed, amount: None, entry, pin: None, completes: None, suggested };
                self.step = match deed {
                    Deed::Balance | Deed::PinChange | Deed::MiniStatement => {
                        self.draft.amount = Some(Amount::new(0, self.setup.currency));
                        Step::Card
                    }
                    _ => Step::Amount(Typed::new()),
                };
                Vec::new()
            }
        }
    }

    fn in_amount(&mut self, mut typed: Typed, key: Key) -> Vec<Action> {
        match key {
            Key::Char(digit) if digit.is_ascii_digit() || digit == '.' => typed.push(digit),
            Key::Char(',') => typed.push('.'),
            Key::Backspace => drop(typed.pop()),
            Key::Esc => {
                self.step = Step::Menu(0);
                return Vec::new();
            }
            Key::Enter => {
                let text = if typed.is_empty() { &self.draft.suggested } else { &typed };
                match self.amount_of(text) {
                    Ok(amount) => return self.with_amount(amount),
                    Err(why) => self.note = Some((Tone::Bad, why)),
                }
            }
            _ => {}
        }
        // What would not be an amount any more is not taken.
        let fits = typed.is_empty() || self.is_beginning_of_amount(&typed);
        if !fits {
            typed.pop();
        }
        self.step = Step::Amount(typed);
        Vec::new()
    }

    fn is_beginning_of_amount(&self, typed: &str) -> bool {
        let (whole, decimals) = typed.split_once('.').unwrap_or((typed, ""));
        let most = usize::from(self.setup.currency.exponent());
        let is_cash_machine = self.setup.kind == Kind::Atm;
        let has_point = typed.contains('.');
        whole.len() <= 8
            && decimals.len() <= most
            && !decimals.contains('.')
            && !(has_point && (most == 0 || is_cash_machine || whole.is_empty()))
    }

    fn amount_of(&self, text: &str) -> Result<Amount, String> {
        let amount = Amount::parse_major(text.trim_end_matches('.'), self.setup.currency);
        let amount = amount.map_err(|error| format!("{text}: {error}"))?;
        if amount.is_zero() {
            return Err("How much?".to_owned());
        }
        let is_cash_machine = self.setup.kind == Kind::Atm;
        if is_cash_machine && self.cassettes.mix(amount.minor()).is_none() {
            return Err(format!("These notes can't pay {amount}"));
        }
        Ok(amount)
    }

    fn with_amount(&mut self, amount: Amount) -> Vec<Action> {
        if let Some(of) = self.draft.completes.take() {
            return self.undertake(Duty::complete(of, amount));
        }
        self.draft.amount = Some(amount);
        self.step = Step::Card;
        Vec::new()
    }

    fn at_reader(&mut self, key: Key) -> Vec<Action> {
        self.step = Step::Card;
        let chosen = match key {
            Key::Enter => Some(self.setup.entry),
            Key::Char(letter) => {
                Entry::ALL.iter().find(|(_, own, _)| *own == letter).map(|(entry, ..)| *entry)
            }
            _ => None,
        };
        match key {
            Key::Esc => self.step = Step::Menu(0),
            Key::Left | Key::Right | Key::Char('c') => self.other_card(key),
            _ => {}
        }
        let Some(entry) = chosen else { return Vec::new() };
        self.draft.entry = entry;
        let asks_first = match entry {
            Entry::Online | Entry::Key => false,
            Entry::Tap => self.setup.kind != Kind::Pos,
            Entry::Insert | Entry::Swipe => true,
        };
        if asks_first {
            self.step = Step::Pin(Secret::default());
            return Vec::new();
        }
        self.send_draft(None)
    }

    fn at_pin_pad(&mut self, mut typed: Secret, key: Key) -> Vec<Action> {
        match key {
            Key::Char(digit) if digit.is_ascii_digit() && typed.0.len() < PIN_MOST => {
                typed.0.push(digit);
            }
            Key::Char('p') => return self.pin_of_holder(),
            Key::Backspace => drop(typed.0.pop()),
            Key::Esc => {
                self.step = Step::Menu(0);
                return Vec::new();
            }
            Key::Enter if typed.0.len() >= PIN_LEAST => return self.with_pin(typed),
            Key::Enter if typed.0.is_empty() && self.goes_without_pin() => {
                return self.send_draft(None);
            }
            Key::Enter => self.note = Some((Tone::Bad, "A PIN has 4 to 12 digits".into())),
            _ => {}
        }
        self.step = Step::Pin(typed);
        Vec::new()
    }

    /// A shop may let somebody pay without a PIN, and see what the host says.
    fn goes_without_pin(&self) -> bool {
        self.setup.kind != Kind::Atm && self.draft.deed != Deed::PinChange
    }

    /// The holder types what the portfolio says they know.
    fn pin_of_holder(&mut self) -> Vec<Action> {
        self.step = Step::Pin(Secret::default());
        let known = self.setup.cards.get(self.card).and_then(|face| face.pin.clone());
        let Some(pin) = known else {
            self.note = Some((Tone::Attention, "The portfolio doesn't say this PIN".into()));
            return Vec::new();
        };
        if self.draft.deed == Deed::PinChange {
            self.draft.pin = Some(Secret(pin.keystrokes().to_owned()));
            self.step = Step::NewPin { typed: Secret::default(), first: None };
            return Vec::new();
        }
        self.send_draft(Some((pin, None)))
    }

    fn with_pin(&mut self, typed: Secret) -> Vec<Action> {
        if self.draft.deed == Deed::PinChange {
            self.draft.pin = Some(typed);
            self.step = Step::NewPin { typed: Secret::default(), first: None };
            return Vec::new();
        }
        self.send_draft(Some((TypedPin::new(&typed.0), None)))
    }

    fn at_new_pin(&mut self, mut typed: Secret, first: Option<Secret>, key: Key) -> Vec<Action> {
        let mut first = first;
        match key {
            Key::Char(digit) if digit.is_ascii_digit() && typed.0.len() < PIN_MOST => {
                typed.0.push(digit);
            }
            Key::Backspace => drop(typed.0.pop()),
            Key::Esc => {
                self.step = Step::Menu(0);
                return Vec::new();
            }
            Key::Enter if typed.0.len() < PIN_LEAST => {
                self.note = Some((Tone::Bad, "A PIN has 4 to 12 digits".into()));
            }
            Key::Enter => match first.take() {
                None => first = Some(std::mem::take(&mut typed)),
                Some(before) if before == typed => {
                    let old = self.draft.pin.take().unwrap_or_default();
                    let new = TypedPin::new(&typed.0);
                    return self.send_draft(Some((TypedPin::new(&old.0), Some(new))));
                }
                Some(_) => {
                    typed = Secret::default();
                    self.note = Some((Tone::Bad, "Not the same: once more".into()));
                }
            },
            _ => {}
        }
        self.step = Step::NewPin { typed, first };
        Vec::new()
    }

    fn send_draft(&mut self, pins: Option<(TypedPin, Option<TypedPin>)>) -> Vec<Action> {
        let Some(face) = self.setup.cards.get(self.card) else {
            self.step = Step::Menu(0);
            self.note = Some((Tone::Bad, "There is no card in the portfolio".into()));
            return Vec::new();
        };
        let (pin, new_pin) = pins.map_or((None, None), |(pin, new)| (Some(pin), new));
        let wish = Wish {
            deed: self.draft.deed,
            card: face.name.clone(),
            amount: self.draft.amount,
            entry: self.draft.entry,
            pin,
            new_pin,
        };
        self.handed_out = None;
        self.carry(What::First(wish.clone()), Purpose::Deal(wish))
    }

    /// Sends a message and waits for it.
    pub(super) fn carry(&mut self, what: What, purpose: Purpose) -> Vec<Action> {
        self.numbers += 1;
        let number = self.numbers;
        // A duty is done in the background; everything else is what the person waits for.
        if !matches!(purpose, Purpose::Duty(_)) {
            self.step = Step::Busy;
        }
        self.under_way = Some((number, purpose));
        self.since = self.now;
        vec![Action::Carry(Errand { number, what })]
    }

    fn other_card(&mut self, key: Key) {
        let count = self.setup.cards.len().max(1);
        match key {
            Key::Left => self.card = (self.card + count - 1) % count,
            Key::Right => self.card = (self.card + 1) % count,
            _ => self.choosing = Some(self.card),
        }
    }

    fn choose(&mut self, key: Key) {
        let last = self.setup.cards.len().saturating_sub(1);
        let Some(marked) = self.choosing else { return };
        self.choosing = match key {
            Key::Up => Some(marked.saturating_sub(1)),
            Key::Down => Some((marked + 1).min(last)),
            Key::Left => Some(marked.saturating_sub(PAGE)),
            Key::Right => Some((marked + PAGE).min(last)),
            Key::Enter => {
                self.card = marked;
                None
            }
            Key::Esc => None,
            _ => Some(marked),
        };
    }

    /// Uses the card of that name from now on; for scripts.
    pub fn hold_card(&mut self, name: &str) -> bool {
        let at = self.setup.cards.iter().position(|face| &*face.name == name);
        self.card = at.unwrap_or(self.card);
        at.is_some()
    }

    /// What goes wrong with the next notes; for scripts.
    pub fn set_fault(&mut self, fault: Fault) {
        self.fault = fault;
    }

    /// Keeps a report and shows it.
    pub(super) fn keep(&mut self, report: Report) {
        self.reports.push(report);
        if self.reports.len() > KEPT {
            self.reports.remove(0);
        }
        self.shown = self.reports.len() - 1;
        self.scroll = 0;
        self.tab = Tab::Messages;
        self.focus = self.focus.filter(|focus| *focus == self.tab);
    }

    /// Keeps a slip and prints it.
    pub(super) fn print(&mut self, slip: Slip) -> Vec<Action> {
        self.slips.push(slip.clone());
        if self.slips.len() > KEPT {
            self.slips.remove(0);
        }
        vec![Action::Print(slip)]
    }
}

/// Rows of a screenful.
const PAGE: usize = 10;
