//! What happens in a history, as data: made from a seed, shrunk, kept in files.

use crate::world::{ACCOUNTS, CARDS, DAY_MS, Place, START, TERMINALS, ZONE_MS, day_of};
use serde::{Deserialize, Serialize};

/// What a message asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum What {
    Purchase,
    /// With so much of it in cash.
    CashBack(u64),
    Cash,
    Disburse,
    Refund,
    CashIn,
    Balance,
    /// To the new PIN that this byte stands for; 0: it can't be read.
    PinChange(u8),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Pin {
    None,
    Right,
    Wrong,
    Unreadable,
    Offline,
    Device,
}

/// A fresh message; its STAN and RRN come from the step's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// 100, 200, 120 or 220.
    pub mti: u16,
    pub what: What,
    pub terminal: usize,
    /// Beyond the table: a card nobody knows.
    pub card: usize,
    pub amount: u64,
    /// DE 22.
    pub entry: u16,
    pub pin: Pin,
}

/// How an earlier message is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum By {
    Original,
    Rrn,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reason {
    HolderRequest,
    Lost,
    Stolen,
    SuspectedFraud,
    TermsBreach,
    StopList,
    PinTries,
    TechnicalOverdraft,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    Message(Message),
    /// 0100 with the retrieval reference number of an earlier one (TXN-4).
    Increment {
        of: u32,
        amount: u64,
    },
    /// 0220 about an earlier message.
    Complete {
        of: u32,
        amount: u64,
        by: By,
    },
    /// 0420; `stays` is DE 95.
    Reverse {
        of: u32,
        stays: Option<u64>,
        by: By,
    },
    /// The reversal of a purchase that comes only later, in step `of`.
    Early {
        of: u32,
        terminal: usize,
        card: usize,
        amount: u64,
    },
    /// The same again, as a repeat (TXN-1).
    Repeat {
        of: u32,
    },
    /// The same key with another amount.
    Changed {
        of: u32,
        more: u64,
    },
    Credit {
        account: usize,
        amount: u64,
    },
    Arrest {
        account: usize,
        on: bool,
    },
    Block {
        card: usize,
        reason: Reason,
    },
    Unblock {
        card: usize,
        reason: Reason,
    },
    /// The end of the day so many days back; of one to come if negative.
    EndDay {
        back: i64,
    },
    ExpireHolds,
    /// Another rule set, by number.
    Rules {
        which: u8,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    pub id: u32,
    /// Milliseconds since 1970. Absolute, so that leaving steps out moves no other.
    pub at: i64,
    pub action: Action,
}

/// SplitMix64: small, and the same everywhere.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    fn index(&mut self, end: usize) -> usize {
        self.below(end as u64) as usize
    }

    /// Whether something of so many percent happens.
    fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.index(all.len())]
    }
}

/// A history of a seed.
pub fn history(seed: u64, count: usize) -> Vec<Step> {
    let mut maker = Maker {
        random: Random(seed.wrapping_mul(0x2545_F491_4F6C_DD1D) ^ 0x7A3B),
        at: START,
        day_ended: day_of(START) - 1,
        recent: Vec::new(),
        holds: Vec::new(),
        announced: Vec::new(),
        blocked: Vec::new(),
        id: 0,
    };
    (0..count).map(|_| maker.step()).collect()
}

struct Maker {
    random: Random,
    at: i64,
    day_ended: i64,
    /// Messages that later steps may be about: id and amount.
    recent: Vec<(u32, u64)>,
    /// Preauthorizations, as `recent`.
    holds: Vec<(u32, u64)>,
    /// Reversed before they come: the id they will have, and the message.
    announced: Vec<(u32, Message)>,
    /// What cards were blocked for and may still be.
    blocked: Vec<(usize, Reason)>,
    id: u32,
}

impl Maker {
    fn step(&mut self) -> Step {
        self.id += 1;
        self.at += match self.random.below(1000) {
            0..600 => self.random.below(90_000) as i64,
            600..960 => self.random.below(1_200_000) as i64,
            960..995 => self.random.below(4 * 3_600_000) as i64,
            // Just before or after midnight.
            995..998 => self.to_midnight() + self.random.below(4_000) as i64 - 2_000,
            998 => self.random.below(3 * DAY_MS as u64) as i64,
            _ => self.random.below(9 * DAY_MS as u64) as i64,
        };
        let action = self.action();
        Step { id: self.id, at: self.at, action }
    }

    fn to_midnight(&self) -> i64 {
        (DAY_MS - (self.at + ZONE_MS).rem_euclid(DAY_MS)).max(2_000)
    }

    fn action(&mut self) -> Action {
        if let Some(place) = self.announced.iter().position(|(id, _)| *id == self.id) {
            let (_, message) = self.announced.remove(place);
            return self.keep(message);
        }
        let today = day_of(self.at);
        if today - 1 > self.day_ended && self.random.percent(20) {
            self.day_ended += 1;
            return Action::EndDay { back: today - self.day_ended };
        }
        match self.random.below(1000) {
            0..560 => {
                let message = self.message();
                self.keep(message)
            }
            560..610 => self.about_hold(),
            610..730 => self.reverse(),
            730..738 => self.early(),
            738..790 => self.repeat(),
            790..796 => {
                // More than the account can have: it opens a technical overdraft (TOD-1).
                let amount = 600_000 + self.random.below(1_000_000);
                let message = Message { mti: 220, what: What::Purchase, ..self.message() };
                self.keep(Message { amount, ..message })
            }
            796..810 => {
                let message = self.message();
                self.keep(message)
            }
            810..890 => Action::Credit {
                account: self.random.index(ACCOUNTS.len()),
                amount: self.random.of(&[60_000, 250_000, 900_000]) + self.random.below(9_999),
            },
            890..905 => {
                let account = self.random.index(ACCOUNTS.len());
                Action::Arrest { account, on: self.random.percent(15) }
            }
            905..909 => {
                let (card, reason) = (self.any_card(), self.set_reason());
                self.blocked.push((card, reason));
                Action::Block { card, reason }
            }
            909..965 => {
                let card = self.any_card();
                let (card, reason) = match self.blocked.pop() {
                    Some(set) if self.random.percent(85) => set,
                    _ => (card, self.lift_reason()),
                };
                Action::Unblock { card, reason }
            }
            965..972 => Action::EndDay { back: self.random.below(5) as i64 - 1 },
            972..985 => Action::ExpireHolds,
            985..990 => Action::Rules { which: self.random.below(4) as u8 },
            _ => self.increments(),
        }
    }

    fn any_card(&mut self) -> usize {
        self.random.index(CARDS.len())
    }

    /// Lost and stolen are for good, so they are rare.
    fn set_reason(&mut self) -> Reason {
        match self.random.below(200) {
            0 => Reason::Lost,
            100 => Reason::Stolen,
            1..40 => Reason::SuspectedFraud,
            40..80 => Reason::TermsBreach,
            80..100 => Reason::StopList,
            101..120 => Reason::TechnicalOverdraft,
            _ => Reason::HolderRequest,
        }
    }

    fn lift_reason(&mut self) -> Reason {
        self.random.of(&[
            Reason::HolderRequest,
            Reason::SuspectedFraud,
            Reason::TermsBreach,
            Reason::StopList,
            Reason::PinTries,
            Reason::PinTries,
            Reason::PinTries,
            Reason::PinTries,
            Reason::Lost,
            Reason::TechnicalOverdraft,
        ])
    }

    fn amount(&mut self) -> u64 {
        match self.random.below(20) {
            0..6 => self.random.below(100_000) + 1,
            6..9 => (self.random.below(3_000) + 1) * 100,
            // Around the ceilings.
            9 => 300_000 + self.random.below(3) - 1,
            10 => 1_500_000 + self.random.below(101) - 50,
            11 => self.random.below(4_000_000) + 1,
            12 => self.random.of(&[0, 1, 24, 25, 49, 50, 74, 75, 99]),
            13..17 => (self.random.below(40) + 1) * 10_000,
            _ => self.random.below(20_000) + 1,
        }
    }

    fn message(&mut self) -> Message {
        let terminal = self.random.index(TERMINALS.len());
        let what = self.what(TERMINALS[terminal].place);
        let amount = self.amount();
        let what = match what {
            What::CashBack(_) => What::CashBack(self.random.below(amount + 200)),
            What::PinChange(_) => What::PinChange(self.random.below(20) as u8),
            other => other,
        };
        let paid_in = matches!(what, What::CashIn | What::Refund);
        let amount = if paid_in { amount / 12 } else { amount };
        let mti = match (what, self.random.below(20)) {
            (What::Purchase, 0..5) => 100,
            (_, 5) => self.random.of(&[120, 220]),
            (What::Refund, 6) => 100,
            _ => 200,
        };
        let web = TERMINALS[terminal].place == Place::Web;
        let entry = if web { 812 } else { self.random.of(&[51, 51, 71, 71, 71, 911, 901, 12]) };
        let pin = match self.random.below(40) {
            0..16 => Pin::None,
            16..33 => Pin::Right,
            33..35 => Pin::Wrong,
            35 => Pin::Unreadable,
            36..38 => Pin::Offline,
            _ => Pin::Device,
        };
        let card = match self.random.below(60) {
            0 => CARDS.len() + 3,
            _ => self.any_card(),
        };
        Message { mti, what, terminal, card, amount, entry, pin }
    }

    fn what(&mut self, place: Place) -> What {
        use What::{Balance, Cash, CashBack, CashIn, Disburse, PinChange, Purchase, Refund};
        let usual: &[What] = match place {
            Place::Merchant => &[Purchase, Purchase, Purchase, CashBack(0), Refund, Balance],
            Place::Agent => &[Cash, Cash, Cash, Disburse, CashBack(0), Purchase, CashIn, Balance],
            Place::Atm => &[Cash, Cash, Cash, Cash, Balance, CashIn, PinChange(0)],
            Place::Branch => &[Cash, CashIn, Purchase, PinChange(0)],
            Place::Web => &[Purchase, Purchase, Refund],
        };
        match self.random.percent(3) {
            true => self.random.of(&[Purchase, Cash, CashBack(0), Refund, CashIn, PinChange(0)]),
            false => self.random.of(usual),
        }
    }

    fn keep(&mut self, message: Message) -> Action {
        self.recent.push((self.id, message.amount));
        if message.mti == 100 {
            self.holds.push((self.id, message.amount));
        }
        Action::Message(message)
    }

    /// Mostly of the last messages, sometimes of any.
    fn earlier(&mut self, held: bool) -> Option<(u32, u64)> {
        let all = if held { &self.holds } else { &self.recent };
        let len = all.len();
        if len == 0 {
            return None;
        }
        let back = if self.random.percent(90) { len.min(25) } else { len };
        let at = len - 1 - self.random.index(back);
        Some(if held { self.holds[at] } else { self.recent[at] })
    }

    fn part_of(&mut self, amount: u64) -> u64 {
        match self.random.below(6) {
            0 => 0,
            1 => amount + self.random.below(10_000),
            2 => amount,
            _ => self.random.below(amount + 1),
        }
    }

    fn by(&mut self) -> By {
        if self.random.percent(70) { By::Original } else { By::Rrn }
    }

    fn about_hold(&mut self) -> Action {
        let held = self.random.percent(85);
        let Some((of, amount)) = self.earlier(held) else { return Action::ExpireHolds };
        if self.random.percent(40) {
            let action = Action::Increment { of, amount: self.amount() };
            self.recent.push((self.id, amount));
            return action;
        }
        let action = Action::Complete { of, amount: self.part_of(amount), by: self.by() };
        self.recent.push((self.id, amount));
        action
    }

    /// One preauthorization after the other on the same hold.
    fn increments(&mut self) -> Action {
        let Some((of, _)) = self.holds.last().copied() else { return Action::ExpireHolds };
        self.recent.push((self.id, 100));
        Action::Increment { of, amount: self.random.below(400) + 1 }
    }

    fn reverse(&mut self) -> Action {
        let held = self.random.percent(20);
        let Some((of, amount)) = self.earlier(held) else { return Action::ExpireHolds };
        let partial = self.random.percent(35);
        let stays = partial.then(|| self.part_of(amount));
        self.recent.push((self.id, amount));
        Action::Reverse { of, stays, by: self.by() }
    }

    fn early(&mut self) -> Action {
        let of = self.id + 1 + self.random.below(30) as u32;
        if self.announced.iter().any(|(id, _)| *id == of) {
            return Action::ExpireHolds;
        }
        let message = Message { mti: 200, what: What::Purchase, ..self.message() };
        self.announced.push((of, message));
        let Message { terminal, card, amount, .. } = message;
        Action::Early { of, terminal, card, amount }
    }

    fn repeat(&mut self) -> Action {
        let Some((of, _)) = self.earlier(false) else { return Action::ExpireHolds };
        if self.random.percent(80) {
            Action::Repeat { of }
        } else {
            Action::Changed { of, more: self.random.below(500) + 1 }
        }
    }
}
