//! What was decided, kept for retransmissions, reversals and completions (TXN-1, TXN-2, TXN-4).
//!
//! Transactions are kept by business day. A whole day is dropped when it is older than
//! [`KEEP_DAYS`]; one whose hold is still open is carried over, so that its completion finds it.

use crate::directory::at;
use crate::{AnswerAmounts, Liability, Pricing, Request, ResultCode};
use dense::{Chunked, Index};
use ledger::{AccountSlot, GeneralAccount, HoldSlot};
use limits::Move;
use payment_types::{
    AcquirerId, AuthorizationCode, Balance, BusinessDate, Class, Currency, Mti,
    OriginalDataElements, ProcessingCode, ResponseCode, Rrn, Sequence, Stan, TerminalId, Timestamp,
    WireDateTime,
};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Days for which every transaction is kept: longer than the 24 hours that TXN-1 asks for, and long
/// enough for a store-and-forward terminal to come back after a week.
pub const KEEP_DAYS: i32 = 8;

/// What has become of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Declined: nothing moved.
    Declined,
    /// Approved without effect on money: a balance inquiry.
    Informed,
    /// Holds money.
    Held,
    /// Has added to another transaction's hold.
    Increment,
    /// Moved money.
    Posted,
    /// Its hold was completed by another transaction.
    Completed,
    /// Wholly reversed.
    Reversed,
    /// Its hold ran out.
    Expired,
    /// A reversal or another message about an original.
    Follower,
    /// A reversal whose original never came: it kills it (TXN-2).
    Tombstone,
}

impl Status {
    /// Whether a completion may be about it.
    pub(crate) const fn is_live(self) -> bool {
        matches!(self, Self::Held | Self::Increment | Self::Posted | Self::Expired)
    }

    /// Whether a reversal may be about it.
    pub(crate) const fn is_original(self) -> bool {
        !matches!(self, Self::Declined | Self::Follower | Self::Tombstone)
    }
}

/// One message and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transaction {
    /// Its journal sequence.
    pub sequence: Sequence,
    /// When it was accepted.
    pub at: Timestamp,
    /// Its business day.
    pub date: BusinessDate,
    /// The message type, first transmission.
    pub mti: Mti,
    /// DE 32.
    pub acquirer: AcquirerId,
    /// DE 41.
    pub terminal: TerminalId,
    /// DE 11.
    pub stan: Stan,
    /// DE 7.
    pub transmission: WireDateTime,
    /// DE 13 and 12.
    pub local: WireDateTime,
    /// DE 37 as answered.
    pub rrn: Rrn,
    /// DE 37 was in the request.
    pub rrn_given: bool,
    /// DE 3.
    pub processing_code: ProcessingCode,
    /// DE 4.
    pub amount: u64,
    /// DE 49.
    pub currency: Currency,
    /// The card, if known.
    pub card: Option<u32>,
    /// The digest of DE 2, whether or not the card is known, folded to 64 bits.
    pub card_hash: u64,
    /// The account.
    pub account: Option<AccountSlot>,
    /// What has become of it.
    pub status: Status,
    /// What of it still stands, minor units of its own currency: a debit positive, a credit
    /// negative. Of a hold: what it was placed for. What that is on the account, `pricing` says.
    pub stands: Balance,
    /// The cash part as asked for, that still stands.
    pub cash_exact: u64,
    /// The cash part as handed out and counted by caps, that still stands (AMT-1).
    pub cash: u64,
    /// The bank's account on the other side.
    pub counterpart: GeneralAccount,
    /// The account that received, of a transfer between cards.
    pub receiver: Option<AccountSlot>,
    /// What refunds that name it have given back of it, minor units of its own currency (TXN-5).
    pub given_back: u64,
    /// Of a refund that names its sale: the sale (TXN-5).
    pub gives_back: Option<Sequence>,
    /// Its hold, while open.
    pub hold: Option<HoldSlot>,
    /// The transaction it follows: a completion's or increment's preauthorization, a reversal's
    /// original.
    pub follows: Option<Sequence>,
    /// The last increment of its hold; that one's `chain` is the increment before (TXN-4).
    pub chain: Option<Sequence>,
    /// The transaction before it of the same account.
    pub before: Option<Sequence>,
    /// How it was converted and what was charged; `None` for som without fees (AMT-3, AMT-4).
    pub pricing: Option<Box<Pricing>>,
    /// What it moved of the counters: a range of the day's moves.
    pub moves: (u32, u16),
    /// The answer.
    pub answer: Answer,
}

/// The stored answer (TXN-1: byte for byte again).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The outcome.
    pub result: ResultCode,
    /// DE 39, where a limit names its own.
    pub code_override: Option<ResponseCode>,
    /// DE 38.
    pub authorization_code: Option<AuthorizationCode>,
    /// DE 54 and DE 4.
    pub amounts: AnswerAmounts,
    /// CTL-5.
    pub liability: Liability,
}

/// Where a transaction is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Place {
    /// Its day, or [`CARRIED`].
    day: i32,
    /// Its position in the day.
    at: u32,
}

/// Stands in a tombstone for an original whose message type the reversal did not tell.
pub(crate) const MTI_NOT_TOLD: Mti = match Mti::from_digits([0, 0, 0, 0]) {
    Ok(mti) => mti,
    Err(_) => panic!("0000 is four digits"),
};

/// The day that stands for transactions carried over because their hold is open.
const CARRIED: i32 = i32::MIN;

/// The transactions of a day.
#[derive(Clone, Serialize, Deserialize)]
struct Day {
    date: i32,
    rows: Chunked<Transaction>,
    moves: Chunked<Move>,
    #[serde(skip)]
    by_stan: Index,
    #[serde(skip)]
    by_rrn: Index,
}

impl Day {
    fn new(date: i32) -> Self {
        Self {
            date,
            rows: Chunked::new(),
            moves: Chunked::new(),
            by_stan: Index::new(),
            by_rrn: Index::new(),
        }
    }

    fn row(&self, position: u32) -> Option<&Transaction> {
        self.rows.get(at(position))
    }

    fn push(&mut self, transaction: Transaction) -> u32 {
        let position = self.rows.push(transaction);
        self.index(position);
        position
    }

    fn index(&mut self, position: u32) {
        let Some(row) = self.rows.get(at(position)) else { return };
        self.by_stan.insert(stan_hash(row.terminal, row.stan), position);
        if !matches!(row.status, Status::Declined | Status::Informed) {
            self.by_rrn.insert(rrn_hash(&row.rrn), position);
        }
    }

    /// The position of the row with this sequence.
    fn position_of(&self, sequence: Sequence) -> Option<u32> {
        let (mut low, mut high) = (0usize, self.rows.len());
        while low < high {
            let middle = low.midpoint(high);
            match self.rows.get(middle).map(|row| row.sequence.cmp(&sequence)) {
                Some(std::cmp::Ordering::Less) => low = middle.saturating_add(1),
                Some(std::cmp::Ordering::Equal) => return u32::try_from(middle).ok(),
                _ => high = middle,
            }
        }
        None
    }

    /// Whether a row still holds money, itself or by the preauthorization of these carried ones that
    /// it added to (TXN-4).
    fn holds(&self, row: &Transaction) -> bool {
        let root = || row.follows.and_then(|root| self.row(self.position_of(root)?));
        // A reversed increment too: the chain of the others leads over it.
        let is_increment = row.mti.class() == Class::Authorization;
        row.hold.is_some() || (is_increment && root().is_some_and(|root| root.hold.is_some()))
    }

    fn rebuild(&mut self) {
        self.by_stan = Index::with_capacity(self.rows.len());
        self.by_rrn = Index::new();
        for position in (0u32..).take(self.rows.len()) {
            self.index(position);
        }
    }
}

/// All transactions that are still kept.
#[derive(Clone, Serialize, Deserialize)]
pub struct Transactions {
    /// Oldest first; the carried ones are always there, in front.
    days: VecDeque<Day>,
    /// The newest transaction of each account, by the account's position.
    newest_of: Chunked<Option<Sequence>>,
}

impl Default for Transactions {
    fn default() -> Self {
        Self { days: VecDeque::from([Day::new(CARRIED)]), newest_of: Chunked::new() }
    }
}

impl Transactions {
    /// A transaction by place.
    #[must_use]
    pub fn get(&self, place: Place) -> Option<&Transaction> {
        self.day(place.day)?.row(place.at)
    }

    pub(crate) fn get_mut(&mut self, place: Place) -> Option<&mut Transaction> {
        self.day_mut(place.day)?.rows.get_mut(at(place.at))
    }

    fn day(&self, date: i32) -> Option<&Day> {
        self.days.iter().rev().find(|day| day.date == date)
    }

    fn day_mut(&mut self, date: i32) -> Option<&mut Day> {
        self.days.iter_mut().rev().find(|day| day.date == date)
    }

    /// What a transaction moved of the counters.
    pub(crate) fn moves_of(&self, place: Place, into: &mut Vec<Move>) {
        into.clear();
        let Some(day) = self.day(place.day) else { return };
        let Some(row) = day.row(place.at) else { return };
        let (start, count) = (at(row.moves.0), usize::from(row.moves.1));
        let all = (start..start.saturating_add(count)).filter_map(|at| day.moves.get(at).copied());
        into.extend(all);
    }

    /// Keeps a transaction and what it moved of the counters.
    pub(crate) fn push(&mut self, mut transaction: Transaction, moves: &[Move]) -> Place {
        self.link(&mut transaction);
        let date = transaction.date.days();
        if self.days.back().is_none_or(|day| day.date != date) {
            self.days.push_back(Day::new(date));
        }
        let Some(day) = self.days.back_mut() else { unreachable!("a day was just added") };
        transaction.moves = (
            u32::try_from(day.moves.len()).unwrap_or(u32::MAX),
            u16::try_from(moves.len()).unwrap_or(0),
        );
        day.moves.extend(moves.iter().copied());
        Place { day: date, at: day.push(transaction) }
    }

    /// Makes it the newest of its account, if it moves or holds money.
    fn link(&mut self, transaction: &mut Transaction) {
        let counts = matches!(
            transaction.status,
            Status::Held | Status::Increment | Status::Posted | Status::Completed
        );
        let Some(account) = transaction.account.filter(|_| counts) else { return };
        let account = at(account.0);
        while self.newest_of.len() <= account {
            self.newest_of.push(None);
        }
        if let Some(newest) = self.newest_of.get_mut(account) {
            transaction.before = newest.replace(transaction.sequence);
        }
    }

    /// The transactions of an account that moved or held money, newest first, as far as they are
    /// kept.
    pub(crate) fn of_account(&self, account: AccountSlot) -> impl Iterator<Item = Place> {
        let mut next = self.newest_of.get(at(account.0)).copied().flatten();
        std::iter::from_fn(move || {
            let place = self.place_of(next?)?;
            next = self.get(place).and_then(|row| row.before);
            Some(place)
        })
    }

    /// The newest transaction whose approval carries an authorization code of ours, which names
    /// its sequence but for multiples of 2^30.
    pub(crate) fn by_authorization_code(
        &self,
        code: &AuthorizationCode,
        newest: Sequence,
        is_it: impl Fn(&Transaction) -> bool,
    ) -> Option<Place> {
        const CYCLE: u64 = 1 << 30;
        let least = code.sequence_remainder()?;
        let mut sequence = newest.0.checked_sub(least)? / CYCLE * CYCLE + least;
        loop {
            let place = self.place_of(Sequence(sequence));
            let row = place.and_then(|place| self.get(place));
            let same = |row: &&Transaction| row.answer.authorization_code == Some(*code);
            if row.filter(same).is_some_and(&is_it) {
                return place;
            }
            sequence = sequence.checked_sub(CYCLE)?;
        }
    }

    /// The first transmission of a message (TXN-1): same acquirer, terminal, STAN, local date and
    /// time (DE 7 where the terminal tells no local time) and message type.
    pub(crate) fn first_transmission(&self, request: &Request) -> Option<Place> {
        let hash = stan_hash(request.terminal, request.stan);
        let mti = request.mti.without_repeat();
        let same = |row: &Transaction| {
            row.stan == request.stan
                && row.terminal == request.terminal
                && row.acquirer == request.acquirer
                && row.mti == mti
                && row.local == request.local
                && (request.local.number() != 0 || row.transmission == request.transmission)
                && row.status != Status::Tombstone
        };
        self.newest(hash, |day| &day.by_stan, same)
    }

    /// The original that DE 90 names (TXN-2, TXN-4); what DE 90 does not tell is not compared.
    pub(crate) fn original(
        &self,
        terminal: TerminalId,
        original: &OriginalDataElements,
    ) -> Option<Place> {
        let mti = original.mti.without_version().without_repeat();
        let same = |row: &Transaction| {
            row.stan == original.stan
                && row.terminal == terminal
                && row.mti == mti
                && agrees(original.transmission.number(), row.transmission.number())
                && agrees(original.acquirer.0, row.acquirer.0)
                && row.status != Status::Tombstone
        };
        self.newest(stan_hash(terminal, original.stan), |day| &day.by_stan, same)
    }

    /// The newest approved transaction with a retrieval reference number that `is_it` accepts.
    pub(crate) fn by_rrn(&self, rrn: &Rrn, is_it: impl Fn(&Transaction) -> bool) -> Option<Place> {
        self.newest(rrn_hash(rrn), |day| &day.by_rrn, |row| row.rrn == *rrn && is_it(row))
    }

    /// A reversal that came before this request (TXN-2). The stored row carries the original's
    /// STAN, message type, DE 7 and acquirer where they were told.
    pub(crate) fn tombstone(&self, request: &Request) -> Option<Place> {
        let mti = request.mti.without_repeat();
        let same = |row: &Transaction| {
            row.status == Status::Tombstone
                && row.stan == request.stan
                && row.terminal == request.terminal
                && (row.mti == mti || row.mti == MTI_NOT_TOLD)
                && agrees(row.transmission.number(), request.transmission.number())
                && agrees(row.acquirer.0, request.acquirer.0)
                && (!row.rrn_given || request.rrn.is_none_or(|rrn| rrn == row.rrn))
        };
        self.newest(stan_hash(request.terminal, request.stan), |day| &day.by_stan, same)
    }

    /// The newest match: the latest day's, and in it the highest position.
    fn newest(
        &self,
        hash: u64,
        index: impl Fn(&Day) -> &Index,
        is_it: impl Fn(&Transaction) -> bool,
    ) -> Option<Place> {
        for day in self.days.iter().rev() {
            let mut best: Option<u32> = None;
            let visit = |position: u32| {
                if day.row(position).is_some_and(&is_it) {
                    best = Some(best.map_or(position, |best| best.max(position)));
                }
                false
            };
            // `visit` takes none, so that all with this hash are seen.
            let none = index(day).find(hash, visit);
            debug_assert!(none.is_none());
            if let Some(at) = best {
                return Some(Place { day: day.date, at });
            }
        }
        None
    }

    /// Drops the days more than [`KEEP_DAYS`] before `date`, carrying over what still has an open
    /// hold. Gives how many were dropped and where the carried ones went.
    pub(crate) fn forget_before(&mut self, date: BusinessDate) -> u64 {
        let oldest = date.plus_days(-KEEP_DAYS).days();
        let mut dropped = 0u64;
        while self.days.get(1).is_some_and(|day| day.date < oldest) {
            let Some(day) = self.days.remove(1) else { break };
            let Some(carried) = self.days.front_mut() else { break };
            for row in day.rows.iter() {
                if !carried.holds(row) {
                    dropped = dropped.saturating_add(1);
                    continue;
                }
                let mut row = row.clone();
                let start = u32::try_from(carried.moves.len()).unwrap_or(u32::MAX);
                for offset in 0..usize::from(row.moves.1) {
                    let from = at(row.moves.0).saturating_add(offset);
                    carried.moves.extend(day.moves.get(from).copied());
                }
                row.moves.0 = start;
                carried.push(row);
            }
        }
        dropped.saturating_add(self.tidy_carried())
    }

    /// Drops carried transactions whose hold has closed since.
    fn tidy_carried(&mut self) -> u64 {
        let Some(carried) = self.days.front() else { return 0 };
        let open = carried.rows.iter().filter(|row| carried.holds(row)).count();
        let closed = carried.rows.len().saturating_sub(open);
        if closed == 0 {
            return 0;
        }
        let mut kept = Day::new(CARRIED);
        for row in carried.rows.iter().filter(|row| carried.holds(row)) {
            let mut row = row.clone();
            let start = u32::try_from(kept.moves.len()).unwrap_or(u32::MAX);
            for offset in 0..usize::from(row.moves.1) {
                kept.moves
                    .extend(carried.moves.get(at(row.moves.0).saturating_add(offset)).copied());
            }
            row.moves.0 = start;
            kept.push(row);
        }
        if let Some(front) = self.days.front_mut() {
            *front = kept;
        }
        u64::try_from(closed).unwrap_or(u64::MAX)
    }

    /// The place of the transaction with this sequence, looking where it must be by date first.
    pub(crate) fn place_of(&self, sequence: Sequence) -> Option<Place> {
        let found = |day: &Day| Some(Place { day: day.date, at: day.position_of(sequence)? });
        self.days.iter().rev().find_map(found)
    }

    /// Rebuilds the indexes after loading.
    pub(crate) fn rebuild(&mut self) {
        self.days.iter_mut().for_each(Day::rebuild);
    }

    /// How many are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.days.iter().map(|day| day.rows.len()).sum()
    }

    /// Whether none is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Whether a told value is the known one; zero is "not told".
fn agrees<T: PartialEq + Default>(told: T, known: T) -> bool {
    told == T::default() || told == known
}

fn stan_hash(terminal: TerminalId, stan: Stan) -> u64 {
    let id = terminal.as_str().bytes().fold(0u64, |id, byte| (id << 8) | u64::from(byte));
    Index::mix(id ^ (u64::from(stan.number()) << 40) ^ u64::from(stan.number()))
}

fn rrn_hash(rrn: &Rrn) -> u64 {
    let id = rrn
        .as_bytes()
        .iter()
        .fold(0u64, |id, byte| id.wrapping_mul(0x0100_0000_01B3) ^ u64::from(*byte));
    Index::mix(id)
}
