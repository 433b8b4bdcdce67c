//! What there is to see of a desk, without saying how it looks: texts, rows, which part has the
//! focus, which keys mean something.

use super::errand::{Entry, Outcome, Report};
use super::machine::{Deal, Desk, Ending, Fate, Purpose, Step, Tab, Tone};
use super::meaning;
use super::setup::Kind;
use super::text::wrap;
use crate::terminal::Deed;
use crate::{show, traffic};
use payment_types::{Amount, Mti, format_minor};
use std::collections::BTreeSet;

/// Characters across on the device's own display.
pub const DISPLAY_WIDTH: usize = 21;

/// A screenful, whatever its size.
#[derive(Debug, Clone)]
pub struct View {
    /// `POS`, `ATM`, `AGENT`.
    pub title: &'static str,
    /// Terminal and whose place it stands in.
    pub place: String,
    /// The host and how it is spoken to.
    pub host: String,
    /// How things stand, in a word or two.
    pub status: (Tone, String),
    /// The device itself.
    pub device: Device,
    /// The last message and its answer.
    pub messages: Messages,
    /// The last slip.
    pub slip: Vec<String>,
    /// The last transactions, the newest first.
    pub last: Vec<LastRow>,
    /// A cash machine's notes; the last word is what goes wrong next.
    pub notes: Option<Notes>,
    /// The parts there are.
    pub tabs: &'static [Tab],
    /// The part that is shown where there is room for one.
    pub tab: Tab,
    /// The part that has the focus; the device if none.
    pub focus: Option<Tab>,
    /// How far the part is scrolled.
    pub scroll: usize,
    /// The keys that mean something now.
    pub keys: Vec<(&'static str, &'static str)>,
    /// What lies over everything.
    pub popup: Option<Popup>,
}

/// The device.
#[derive(Debug, Clone)]
pub struct Device {
    /// What is being done.
    pub heading: String,
    /// The lines of its display.
    pub lines: Vec<DisplayLine>,
    /// The card at hand: name, number, what is special about it.
    pub card: (String, String, String),
    /// The way the card is being read.
    pub reading: Option<Entry>,
    /// Whether keys of the key pad mean something.
    pub keypad: bool,
    /// The key pressed last, unless it is secret.
    pub pressed: Option<char>,
    /// AGT-3, on an agent's device.
    pub left_today: Option<String>,
}

/// A line of the device's display.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisplayLine {
    /// What it says.
    pub text: String,
    /// How it is meant.
    pub tone: Tone,
    /// Where it stands.
    pub place: Place,
    /// Large, or the marked one of a list.
    pub strong: bool,
}

/// Where a line stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// On the left.
    Left,
    /// In the middle.
    Middle,
    /// On the right.
    Right,
}

/// A message and its answer.
#[derive(Debug, Clone, Default)]
pub struct Messages {
    /// `PURCHASE 2/5`.
    pub title: String,
    /// The request's type.
    pub sent: String,
    /// The answer's type, or why there is none.
    pub answered: String,
    /// Whether there is an answer.
    pub is_answered: bool,
    /// Element by element.
    pub rows: Vec<Row>,
}

/// A data element on both sides.
#[derive(Debug, Clone)]
pub struct Row {
    /// Its number.
    pub element: u8,
    /// Its name.
    pub name: &'static str,
    /// As sent, masked.
    pub sent: String,
    /// As answered, masked.
    pub answered: String,
    /// In words.
    pub meaning: Option<String>,
}

/// A transaction of this desk.
#[derive(Debug, Clone)]
pub struct LastRow {
    /// Hours and minutes.
    pub time: String,
    /// What it was.
    pub what: &'static str,
    /// The card's last four digits.
    pub card: String,
    /// About how much.
    pub amount: String,
    /// DE 39.
    pub code: String,
    /// What became of it.
    pub fate: String,
    /// Approved, declined, taken back.
    pub tone: Tone,
    /// Whether it is marked.
    pub marked: bool,
}

/// A cash machine's notes.
#[derive(Debug, Clone)]
pub struct Notes {
    /// Worth, how many the counter says, how many were loaded, how many came out just now.
    pub rows: Vec<(String, u32, u32, u32)>,
    /// What goes wrong with the next ones.
    pub fault: &'static str,
}

/// What lies over everything.
#[derive(Debug, Clone)]
pub enum Popup {
    /// The cards to choose from.
    Cards {
        /// Name, number, what is special.
        rows: Vec<(String, String, String)>,
        /// The marked one.
        marked: usize,
    },
    /// Something is not settled: leave all the same?
    Leaving(Vec<String>),
}

impl Desk {
    /// What there is to see.
    #[must_use]
    pub fn view(&self) -> View {
        let setup = &self.setup;
        let place =
            if setup.place.is_empty() { String::new() } else { format!("  {}", setup.place) };
        let slip = self.slips.last().map(|slip| slip.lines.clone());
        View {
            title: setup.kind.title(),
            place: format!("{}{place}", setup.terminal),
            host: format!("{}  {}", setup.host, setup.dialect),
            status: self.status(),
            device: self.device(),
            messages: self.messages(),
            slip: slip.unwrap_or_default(),
            last: self.last_rows(),
            notes: (setup.kind == Kind::Atm).then(|| self.notes()),
            tabs: self.tabs(),
            tab: self.tab,
            focus: self.focus,
            scroll: self.scroll,
            keys: self.keys(),
            popup: self.popup(),
        }
    }

    fn status(&self) -> (Tone, String) {
        let waited = self.now.saturating_sub(self.since).as_secs();
        match (&self.under_way, self.duties.front()) {
            (Some((_, Purpose::Duty(duty))), _) => {
                (Tone::Attention, format!("{}, try {}", self.words_of(duty), duty.tries + 1))
            }
            (Some(_), _) => (Tone::Attention, format!("waiting {waited} s")),
            (None, Some(duty)) => {
                let left = self.retry_at.saturating_sub(self.now).as_secs();
                (Tone::Attention, format!("{} again in {left} s", self.words_of(duty)))
            }
            (None, None) => match self.reports.last().map(|report| &report.outcome) {
                Some(Outcome::Answered(reply)) => {
                    let ms = reply.answer.took.as_secs_f64() * 1000.0;
                    (Tone::Good, format!("{ms:.1} ms"))
                }
                Some(Outcome::Failed(_)) => (Tone::Bad, "no answer".to_owned()),
                Some(Outcome::Told(_)) | None => (Tone::Plain, "ready".to_owned()),
            },
        }
    }

    fn device(&self) -> Device {
        let (heading, lines) = self.display();
        let face = self.setup.cards.get(self.card);
        let reading = matches!(self.step, Step::Card | Step::Pin(_) | Step::Busy);
        Device {
            heading,
            lines,
            card: face.map(card_row).unwrap_or_default(),
            reading: reading.then_some(self.draft.entry),
            keypad: matches!(self.step, Step::Amount(_) | Step::Pin(_) | Step::NewPin { .. }),
            pressed: self.last_key,
            left_today: (self.setup.kind == Kind::Agent).then(|| self.left_today_text()),
        }
    }

    fn left_today_text(&self) -> String {
        match self.left_today.get(&self.card) {
            Some(known) if known.reckoned => format!("at most {}", known.left),
            Some(known) => known.left.to_string(),
            None => "? ask: Balance".to_owned(),
        }
    }

    fn display(&self) -> (String, Vec<DisplayLine>) {
        let mut lines = match &self.step {
            Step::Menu(marked) => self.menu_lines(*marked),
            Step::Amount(typed) => self.amount_lines(typed),
            Step::Card => {
                let mut lines = self.amount_line();
                lines.push(middle("Show the card", true));
                lines.extend(reader_lines(self.setup.entry));
                lines
            }
            Step::Pin(typed) => self.pin_lines("PIN", typed.0.len()),
            Step::NewPin { typed, first: None } => self.pin_lines("New PIN", typed.0.len()),
            Step::NewPin { typed, .. } => self.pin_lines("Once more", typed.0.len()),
            Step::Busy => {
                let mut lines = self.amount_line();
                let dots = usize::try_from(self.now.as_secs() % 4).unwrap_or_default();
                lines.push(left(&format!("Sending{}", ".".repeat(dots))));
                lines
            }
            Step::Done(ending) => ending_lines(ending),
        };
        if let Some((tone, note)) = &self.note {
            lines.push(left(""));
            let said = wrap(note, DISPLAY_WIDTH).into_iter();
            lines.extend(said.map(|text| DisplayLine { tone: *tone, ..left(&text) }));
        }
        (self.heading().to_owned(), lines)
    }

    fn heading(&self) -> &'static str {
        match (&self.step, &self.under_way) {
            (Step::Menu(_), _) => "Welcome",
            (_, Some((_, Purpose::Keys))) => "NEW KEYS",
            (_, Some((_, Purpose::Count))) => "CASH COUNT",
            (Step::Amount(_), _) if self.draft.completes.is_some() => "COMPLETION",
            (Step::Amount(_) | Step::Card | Step::Pin(_) | Step::NewPin { .. }, _)
            | (Step::Busy, Some((_, Purpose::Deal(_)))) => self.draft.deed.title(),
            (Step::Busy | Step::Done(_), _) => "",
        }
    }

    fn menu_lines(&self, marked: usize) -> Vec<DisplayLine> {
        let menu = self.setup.kind.menu().iter().enumerate();
        menu.map(|(index, (_, label, _))| DisplayLine {
            strong: index == marked,
            ..left(&format!("{} {label}", index + 1))
        })
        .collect()
    }

    fn amount_lines(&self, typed: &str) -> Vec<DisplayLine> {
        let is_empty = typed.is_empty();
        let shown = if is_empty { &self.draft.suggested } else { typed };
        let text = format!("{shown} {}", self.setup.currency);
        let how = if is_empty { "type, or Enter" } else { "then Enter" };
        vec![
            left("How much?"),
            left(""),
            DisplayLine { place: Place::Right, strong: !is_empty, ..left(&text) },
            left(""),
            left(how),
        ]
    }

    fn amount_line(&self) -> Vec<DisplayLine> {
        let amount = self.draft.amount.filter(|amount| !amount.is_zero());
        let row = |amount: Amount| DisplayLine {
            place: Place::Right,
            strong: true,
            ..left(&format!("{amount} {}", amount.currency()))
        };
        amount.map_or_else(Vec::new, |amount| vec![row(amount), left("")])
    }

    fn pin_lines(&self, label: &str, digits: usize) -> Vec<DisplayLine> {
        let mut lines = self.amount_line();
        lines.push(left(label));
        lines.push(middle(&"* ".repeat(digits), true));
        lines
    }

    fn messages(&self) -> Messages {
        let Some(report) = self.reports.get(self.shown) else { return Messages::default() };
        let none = crate::intent::Fields::new();
        let reply = report.reply();
        let (sent, answered) = (
            report.sent.as_ref().map_or(&none, |sent| &sent.fields),
            reply.map_or(&none, |reply| &reply.answer.fields),
        );
        let elements: BTreeSet<u8> = sent.keys().chain(answered.keys()).copied().collect();
        let cell = |fields: &crate::intent::Fields, element| {
            let shown = fields.get(&element).map(|value| show::masked(element, value));
            shown.unwrap_or_default().trim_end().to_owned()
        };
        // An answer need not repeat the currency of its amount.
        let mut told = answered.clone();
        told.extend(sent.get(&49).map(|currency| (49, currency.clone())));
        let row = |element: u8| {
            let is_told = answered.contains_key(&element);
            let in_answer = meaning::in_words(element, &told).filter(|_| is_told);
            Row {
                element,
                name: show::name_of(element),
                sent: cell(sent, element),
                answered: cell(answered, element),
                meaning: in_answer.or_else(|| meaning::in_words(element, sent)),
            }
        };
        Messages {
            title: format!("{} {}/{}", report.title, self.shown + 1, self.reports.len()),
            sent: report.sent.as_ref().map_or_else(String::new, |sent| mti(sent.mti)),
            answered: answer_title(report),
            is_answered: reply.is_some(),
            rows: elements.into_iter().map(row).collect(),
        }
    }

    fn last_rows(&self) -> Vec<LastRow> {
        let rows = self.deals.iter().enumerate().rev();
        rows.map(|(index, deal)| self.last_row(deal, index == self.marked)).collect()
    }

    fn last_row(&self, deal: &Deal, marked: bool) -> LastRow {
        let number = self.number_of(&deal.wish.card);
        let tail: String = number.chars().skip(number.chars().count().saturating_sub(4)).collect();
        let amount = deal.wish.amount.filter(|amount| !amount.is_zero());
        let (fate, tone) = match deal.fate {
            _ if deal.code.is_empty() && deal.fate == Fate::Stands => {
                ("no answer".to_owned(), Tone::Attention)
            }
            Fate::Stands if deal.approved => ("approved".to_owned(), Tone::Good),
            Fate::Stands => (traffic::meaning(&deal.code).to_owned(), Tone::Bad),
            Fate::Reversed => ("reversed".to_owned(), Tone::Plain),
            Fate::Voided => ("voided".to_owned(), Tone::Plain),
            Fate::Partly(stays) => (format!("{stays} stays"), Tone::Plain),
            Fate::Completed(final_amount) => (format!("final {final_amount}"), Tone::Good),
        };
        LastRow {
            time: deal.time.clone(),
            what: short_title(deal.wish.deed),
            card: tail,
            amount: amount.map(|amount| amount.to_string()).unwrap_or_default(),
            code: deal.code.clone(),
            fate,
            tone,
            marked,
        }
    }

    fn notes(&self) -> Notes {
        let out = |note: u64| {
            let mix = self.handed_out.as_ref();
            mix.and_then(|mix| mix.iter().find(|(own, _)| *own == note)).map_or(0, |(_, n)| *n)
        };
        let rows = self.cassettes.all().iter().map(|cassette| {
            let exponent = self.setup.currency.exponent();
            let whole = format_minor(cassette.note.into(), exponent);
            let whole = whole.trim_end_matches('0').trim_end_matches('.').to_owned();
            let worth = if cassette.note.is_multiple_of(100) {
                (cassette.note / 10u64.pow(exponent.into())).to_string()
            } else {
                whole
            };
            (worth, cassette.counted, cassette.loaded, out(cassette.note))
        });
        Notes { rows: rows.collect(), fault: self.fault.name() }
    }

    fn keys(&self) -> Vec<(&'static str, &'static str)> {
        if self.leaving {
            return vec![("y", "leave"), ("any other", "stay")];
        }
        if self.choosing.is_some() {
            return vec![("↑↓ ←→", "mark"), ("Enter", "take it"), ("Esc", "back")];
        }
        let mut keys = match (self.focus, &self.step) {
            (Some(Tab::Messages), _) => {
                vec![("↑↓", "element"), ("←→", "message"), ("Esc", "device")]
            }
            (Some(Tab::Slip), _) => vec![("↑↓", "scroll"), ("Esc", "device")],
            (Some(Tab::Last), _) => vec![
                ("↑↓", "mark"),
                ("r", "reverse"),
                ("v", "void"),
                ("f", "final"),
                ("a", "again"),
                ("Enter", "look"),
            ],
            (Some(Tab::Notes), _) => vec![("f", "next fault"), ("Esc", "device")],
            (None, Step::Menu(_)) => vec![("1-9", "choose"), ("←→", "card"), ("c", "cards")],
            (None, Step::Amount(_)) => vec![("0-9", "amount"), ("Enter", "go on"), ("Esc", "back")],
            (None, Step::Card) => {
                vec![("t", "tap"), ("i", "insert"), ("s", "swipe"), ("←→", "card"), ("Esc", "back")]
            }
            (None, Step::Pin(_)) => self.pin_keys(),
            (None, Step::NewPin { .. }) => {
                vec![("0-9", "PIN"), ("Enter", "go on"), ("Esc", "cancel")]
            }
            (None, Step::Busy) => Vec::new(),
            (None, Step::Done(_)) => vec![("Enter", "next"), ("1-9", "choose")],
        };
        keys.extend([("Tab", "on"), ("q", "quit")]);
        keys
    }

    fn pin_keys(&self) -> Vec<(&'static str, &'static str)> {
        let mut keys = vec![("0-9", "PIN"), ("p", "the holder's"), ("Enter", "go on")];
        if self.setup.kind != Kind::Atm && self.draft.deed != Deed::PinChange {
            keys[2] = ("Enter", "go on or none");
        }
        keys.push(("Esc", "cancel"));
        keys
    }

    fn popup(&self) -> Option<Popup> {
        if self.leaving {
            return Some(Popup::Leaving(self.undone()));
        }
        let marked = self.choosing?;
        Some(Popup::Cards { rows: self.setup.cards.iter().map(card_row).collect(), marked })
    }
}

fn card_row(face: &super::setup::Face) -> (String, String, String) {
    let special = match &*face.status {
        "active" if face.has_chip => "chip".to_owned(),
        "active" => String::new(),
        other => other.replace('_', " "),
    };
    (face.name.to_string(), face.number.clone(), special)
}

fn mti(mti: Mti) -> String {
    format!("request {mti}")
}

fn answer_title(report: &Report) -> String {
    match &report.outcome {
        Outcome::Answered(reply) => format!("answer {}", reply.answer.mti),
        Outcome::Failed(failure) if failure.may_have_arrived => "no answer".to_owned(),
        Outcome::Failed(_) => "not sent".to_owned(),
        Outcome::Told(_) => String::new(),
    }
}

fn reader_lines(usual: Entry) -> Vec<DisplayLine> {
    let cell = |(entry, key, name): (Entry, char, &str)| {
        let mark = if entry == usual { '>' } else { ' ' };
        format!("{mark}{key} {name}")
    };
    let [tap, insert, swipe, key, online] = Entry::ALL.map(cell);
    vec![
        left(""),
        left(&format!("{tap:<11}{insert}")),
        left(&format!("{swipe:<11}{key}")),
        left(&online),
    ]
}

fn ending_lines(ending: &Ending) -> Vec<DisplayLine> {
    let head = DisplayLine { tone: ending.tone, ..middle(&ending.headline, true) };
    let mut lines = vec![head, left("")];
    for line in &ending.lines {
        lines.extend(wrap(line, DISPLAY_WIDTH).iter().map(|text| middle(text, false)));
    }
    lines
}

fn left(text: &str) -> DisplayLine {
    DisplayLine { text: text.to_owned(), tone: Tone::Plain, place: Place::Left, strong: false }
}

fn middle(text: &str, strong: bool) -> DisplayLine {
    DisplayLine { place: Place::Middle, strong, ..left(text.trim_end()) }
}

const fn short_title(deed: Deed) -> &'static str {
    match deed {
        Deed::Purchase => "purchase",
        Deed::Refund => "refund",
        Deed::Preauthorization => "preauth",
        Deed::CashOut => "cash",
        Deed::CashIn => "cash-in",
        Deed::Balance => "balance",
        Deed::PinChange => "PIN change",
        Deed::MiniStatement => "statement",
    }
}
