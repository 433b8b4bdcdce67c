//! Undoing (TXN-2), and lowering what an earlier message still stands for (CTL-7, AGT-5, TXN-4).

use crate::counters::{Before, Facts};
use crate::fees::cost;
use crate::message::{Money, halves};
use crate::model::{Answer, Kept, Model, State, declined, new_kept};
use crate::step::{By, Message, Pin};
use crate::world::CARDS;

impl Model {
    /// TXN-2.
    pub fn reverse(
        &mut self,
        id: u32,
        at: i64,
        message: &Message,
        (of, stays, by): (u32, Option<u64>, By),
    ) -> Answer {
        let rrn = self.kept[&of].rrn;
        let message = &Message { pin: Pin::None, ..*message };
        let found = match by {
            By::Original => Some(of),
            By::Rrn => self.newest(|kept| {
                let original =
                    !matches!(kept.state, State::Declined | State::Informed | State::Follower);
                kept.rrn == rrn && kept.message.terminal == message.terminal && original
            }),
        };
        let code = found.map_or("00", |found| self.undo(found, message.amount, stays));
        if code != "00" {
            let answer = declined(code);
            let mut kept = new_kept(at, message, rrn);
            (kept.state, kept.message.mti) = (State::Declined, 420);
            kept.answer = answer.clone();
            self.kept.insert(id, kept);
            return answer;
        }
        self.keep_follower(id, at, message, Some(rrn))
    }

    pub fn keep_follower(
        &mut self,
        id: u32,
        at: i64,
        message: &Message,
        rrn: Option<u32>,
    ) -> Answer {
        let mut kept = new_kept(at, message, rrn.unwrap_or(id));
        (kept.state, kept.message.mti) = (State::Follower, 420);
        kept.answer.code = "00".into();
        let answer = kept.answer.clone();
        self.kept.insert(id, kept);
        answer
    }

    pub fn undo(&mut self, of: u32, told: u64, stays: Option<u64>) -> &'static str {
        let kept = &self.kept[&of];
        match kept.state {
            State::Held | State::Increment | State::Posted => {}
            _ => return "00",
        }
        let left = kept.stands.abs();
        let stays = match stays {
            Some(stays) => i128::from(stays),
            None if told == 0 || told == kept.message.amount || i128::from(told) == left => 0,
            None => return "77",
        };
        if stays > left {
            return "77";
        }
        let state = if stays == 0 { State::Reversed } else { kept.state };
        match kept.state {
            State::Held if stays == 0 => {
                self.kept.get_mut(&of).expect("kept").hold = None;
                self.shrink(of, 0, State::Reversed);
                return "00";
            }
            State::Held | State::Increment => {
                let less = cost(kept.fee, left as u64) - cost(kept.fee, stays as u64);
                let root = kept.root.unwrap_or(of);
                self.kept.get_mut(&root).expect("kept").hold.as_mut().expect("held").0 -= less;
            }
            _ => self.move_back(of, stays),
        }
        self.restore_pin(of);
        self.lower(of, stays as u64);
        self.kept.get_mut(&of).expect("kept").state = state;
        "00"
    }

    /// PIN-4: the former PIN, unless a newer one was set since.
    fn restore_pin(&mut self, of: u32) {
        let Some(card) = self.cards.get_mut(self.kept[&of].message.card) else { return };
        if let Some((_, former)) = card.changed.filter(|(by, _)| *by == of) {
            (card.pin, card.changed) = (former, None);
        }
    }

    /// Money goes back; rounding is done anew for what stays.
    pub fn move_back(&mut self, of: u32, stays: i128) {
        let kept = &self.kept[&of];
        let (account, bank, credit) =
            (CARDS[kept.message.card].account, kept.bank, kept.stands < 0);
        let was = Money {
            amount: kept.stands.unsigned_abs() as u64,
            cash_exact: kept.cash_exact,
            cash: kept.cash,
        };
        let cash_exact = stays_in_cash(kept, stays as u64);
        let now = Money { amount: stays as u64, cash_exact, cash: halves(cash_exact) };
        let (fee, flat) = (kept.fee, i128::from(kept.flat));
        self.post(account, bank, !credit, (was, fee));
        self.post(account, bank, credit, (now, fee));
        self.charge(account, -flat);
        // Where a completion left the counters with what it completed, they give back with it.
        let counted = self.carrier(of);
        if counted != of {
            self.shrink(counted, stays as u64, State::Completed);
        }
    }

    /// What an increment adds to (TXN-4).
    pub fn before(&self, root: u32) -> Before {
        let mut before = Before::default();
        for id in self.kept[&root].increments.iter().chain([&root]) {
            let part = &self.kept[id];
            let amount = self.stands(*id);
            before.amount += amount;
            before.no_pin += if part.answer.issuer { amount } else { 0 };
            before.cash += part.cash;
            before.cash_exact += part.cash_exact;
        }
        before
    }

    /// Who keeps what is counted of a message: itself, or what it completed.
    fn carrier(&self, of: u32) -> u32 {
        let kept = &self.kept[&of];
        let completed =
            |root: &u32| self.kept.get(root).is_some_and(|kept| kept.state == State::Completed);
        match kept.root.filter(completed) {
            Some(root) if kept.counted.is_none() => self.carrier(root),
            _ => of,
        }
    }

    /// AGT-4: a completion of the same kind that is not more lowers what was counted; any other gives
    /// that back, and counts itself. Gives its place in the list then.
    pub fn count_completion(&mut self, root: u32, facts: Facts) -> Option<usize> {
        let counted = self.carrier(root);
        let whole = self.before(counted);
        let was_cash = whole.cash_exact > 0 && whole.cash_exact == whole.amount;
        let pure = match facts.cash_exact {
            0 => whole.cash_exact == 0,
            cash => cash == facts.amount && was_cash,
        };
        let same = facts.amount == whole.amount && facts.cash_exact == whole.cash_exact;
        let is_within = facts.amount <= whole.amount && (pure || same);
        self.kept.get_mut(&root).expect("kept").state = State::Completed;
        if facts.amount == 0 || is_within {
            self.shrink(counted, facts.amount, State::Completed);
            return None;
        }
        let original = &self.kept[&root];
        let (issuer, asked) = (original.answer.issuer, matches!(original.message.mti, 100 | 200));
        let vouched = !issuer && (asked || facts.vouched);
        let parts: Vec<u32> =
            self.kept[&counted].increments.iter().copied().chain([counted]).collect();
        for id in parts {
            let kept = self.kept.get_mut(&id).expect("kept");
            (kept.hold, kept.state) = (None, State::Completed);
            if let Some(place) = kept.counted.take() {
                let counted = &mut self.counters.list[place];
                (counted.amount, counted.cash, counted.cash_exact) = (0, 0, 0);
                counted.counts = false;
            }
        }
        Some(self.counters.count(Facts { vouched, ..facts }))
    }

    /// Lowers what a message still stands for, and what counts of it (CTL-7, AGT-5).
    pub fn lower(&mut self, of: u32, to: u64) {
        let kept = self.kept.get_mut(&of).expect("kept");
        let was = kept.stands.unsigned_abs() as u64;
        if to >= was {
            return;
        }
        let cash_exact = stays_in_cash(kept, to);
        let cash = halves(cash_exact);
        if let Some(counted) = kept.counted {
            let counted = &mut self.counters.list[counted];
            counted.amount -= was - to;
            counted.cash -= kept.cash - cash;
            counted.cash_exact = cash_exact;
            counted.counts = counted.counts && to > 0;
        }
        kept.stands = kept.stands.signum() * i128::from(to);
        (kept.cash_exact, kept.cash) = (cash_exact, cash);
    }

    /// Lowers a preauthorization with its increments to one sum, the newest increment first.
    pub fn shrink(&mut self, root: u32, to: u64, state: State) {
        let mut parts = self.kept[&root].increments.clone();
        parts.reverse();
        parts.push(root);
        let total: u64 = parts.iter().map(|id| self.stands(*id)).sum();
        let mut excess = total.saturating_sub(to);
        for id in parts {
            let stands = self.stands(id);
            let take = stands.min(excess);
            excess -= take;
            self.lower(id, stands - take);
            let Some(kept) = self.kept.get_mut(&id) else { continue };
            kept.hold = None;
            kept.state = if id == root { state } else { State::Completed };
        }
    }

    pub fn stands(&self, id: u32) -> u64 {
        self.kept.get(&id).map_or(0, |kept| kept.stands.unsigned_abs() as u64)
    }
}

/// Of a partly reversed transaction the goods go back first, the cash last.
fn stays_in_cash(kept: &Kept, to: u64) -> u64 {
    kept.cash_exact.min(to)
}
