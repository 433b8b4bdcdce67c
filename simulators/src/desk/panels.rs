//! Keys in the parts of the screen beside the device: looking through messages, taking transactions
//! back, notes.

use super::duty::Duty;
use super::errand::What;
use super::key::{Action, Key};
use super::machine::{Desk, Draft, Fate, Purpose, Step, Tab, Tone, Typed};
use super::setup::Kind;
use crate::terminal::Deed;

impl Desk {
    /// The parts there are.
    #[must_use]
    pub fn tabs(&self) -> &'static [Tab] {
        match self.setup.kind {
            Kind::Atm => &[Tab::Messages, Tab::Slip, Tab::Last, Tab::Notes],
            Kind::Pos | Kind::Agent => &[Tab::Messages, Tab::Slip, Tab::Last],
        }
    }

    /// Goes on to the next part, or back; the device is one of them.
    pub(super) fn turn(&mut self, forward: bool) {
        let tabs = self.tabs();
        let at = self.focus.and_then(|focus| tabs.iter().position(|tab| *tab == focus));
        let next = match (at, forward) {
            (None, true) => tabs.first(),
            (None, false) => tabs.last(),
            (Some(at), true) => tabs.get(at + 1),
            (Some(at), false) => at.checked_sub(1).and_then(|at| tabs.get(at)),
        };
        self.focus = next.copied();
        if let Some(tab) = self.focus {
            (self.tab, self.scroll) = (tab, 0);
            if tab == Tab::Last {
                self.marked = self.deals.len().saturating_sub(1);
            }
        }
    }

    /// A key in a part of the screen; `None` if it means nothing there.
    pub(super) fn press_in(&mut self, tab: Tab, key: Key) -> Option<Vec<Action>> {
        match (tab, key) {
            (_, Key::Esc) => self.focus = None,
            (Tab::Messages, Key::Left) => self.look_at(self.shown.saturating_sub(1)),
            (Tab::Messages, Key::Right) => self.look_at(self.shown + 1),
            (Tab::Messages | Tab::Slip, Key::Up) => self.scroll = self.scroll.saturating_sub(1),
            (Tab::Messages | Tab::Slip, Key::Down) => self.scroll += 1,
            (Tab::Last, Key::Up) => self.marked = self.marked.saturating_sub(1),
            (Tab::Last, Key::Down) => {
                self.marked = (self.marked + 1).min(self.deals.len().saturating_sub(1));
            }
            (Tab::Last, Key::Enter) => self.look_at_marked(),
            (Tab::Last, Key::Char(letter @ ('r' | 'v' | 'f' | 'a'))) => {
                return Some(self.after(letter));
            }
            (Tab::Notes, Key::Char('f')) => self.fault = self.fault.next(),
            _ => return None,
        }
        Some(Vec::new())
    }

    fn look_at(&mut self, index: usize) {
        self.shown = index.min(self.reports.len().saturating_sub(1));
        self.scroll = 0;
    }

    fn look_at_marked(&mut self) {
        let Some(deal) = self.deals.get(self.marked) else { return };
        let at = self.reports.iter().position(|report| report.number == deal.number);
        if let Some(at) = at {
            self.look_at(at);
            (self.tab, self.focus) = (Tab::Messages, Some(Tab::Messages));
        }
    }

    /// What is done to the marked transaction: `r` reverse, `v` void, `f` the final amount of a
    /// preauthorization, `a` the same message again.
    fn after(&mut self, letter: char) -> Vec<Action> {
        let Some(deal) = self.deals.get(self.marked) else { return Vec::new() };
        let (number, deed, fate, approved) =
            (deal.number, deal.wish.deed, deal.fate, deal.approved);
        let refusal = match letter {
            _ if self.is_unsettled() => Some("Wait for the host"),
            'a' => None,
            _ if !approved => Some("It was not approved: nothing to take back"),
            _ if matches!(fate, Fate::Reversed | Fate::Voided) => Some("It was taken back before"),
            'f' if deed != Deed::Preauthorization => Some("Only a preauthorization is completed"),
            'v' if deed == Deed::Preauthorization => Some("A preauthorization is reversed"),
            'r' | 'v' if matches!(deed, Deed::Balance | Deed::MiniStatement) => {
                Some("Nothing was moved")
            }
            _ => None,
        };
        if let Some(why) = refusal {
            self.note = Some((Tone::Attention, why.to_owned()));
            return Vec::new();
        }
        self.note = None;
        match letter {
            'a' => self.carry(What::Again(number), Purpose::Repeat),
            'v' => self.undertake(Duty::void(number)),
            'f' => {
                let (entry, amount) = (deal.wish.entry, deal.wish.amount);
                let completes = Some(number);
                let suggested = amount.map(|amount| amount.to_string()).unwrap_or_default();
                self.draft = Draft { deed, amount: None, entry, pin: None, completes, suggested };
                self.step = Step::Amount(Typed::new());
                self.focus = None;
                Vec::new()
            }
            _ => self.undertake(Duty::reverse(number, None)),
        }
    }
}
