//! The end of a business day: jobs in a fixed order, carried out in bounded parts.
//!
//! One [`Command::EndOfDay`](crate::Command::EndOfDay) carries the day on by one part, so that
//! authorizations are decided between two parts, however many accounts there are. How far a day has
//! come is part of the state: whoever sends the command next, after a crash too, goes on from
//! there, and nothing is done twice. Days end in order; none is left out.

use crate::{Notice, Refusal, RuleId, State};
use ledger::{Account, AccountSlot, HoldStatus, Transfer};
use payment_types::{Balance, BusinessDate, Currency, Moment, Sequence};
use serde::{Deserialize, Serialize};

/// The work of one part: a thing that is only looked at costs 1.
const BUDGET: u32 = 16_384;
/// What a thing costs that is changed.
const CHANGE_COST: u32 = 8;
/// How long the outcome of a command with an idempotency key is remembered.
const REMEMBER_DAYS: i64 = 2;

/// A job of the end of day. They run in the order of [`DayJob::ALL`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DayJob {
    /// TXN-3: holds whose time is up are released.
    Holds,
    /// TOD-2: what the calendar opened; notices that are still to be sent.
    Overdrafts,
    /// TOD-3.
    Interest,
    /// TOD-7.
    Penalties,
    /// TOD-6.
    Sweep,
    /// TOD-4: what is overdue is told and blocked.
    Blocks,
    /// BAL-3: minimum balances to be refilled.
    MinimumBalances,
    /// AMT-5: the monthly fee for notifications, on its day.
    NotificationFees,
    /// BLK-5: entries of the stop-list that have ended are taken off it.
    StopList,
    /// BLK-8: accounts that have become idle are listed for approval.
    IdleAccounts,
    /// Cards that were not collected are listed for approval.
    UncollectedCards,
    /// Transactions and keys too old to be repeated or reversed leave memory (TXN-1).
    Memory,
}

impl DayJob {
    /// Every job, in the order in which they run.
    pub const ALL: [Self; 12] = [
        Self::Holds,
        Self::Overdrafts,
        Self::Interest,
        Self::Penalties,
        Self::Sweep,
        Self::Blocks,
        Self::MinimumBalances,
        Self::NotificationFees,
        Self::StopList,
        Self::IdleAccounts,
        Self::UncollectedCards,
        Self::Memory,
    ];

    /// The name in the API and in summaries.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Overdrafts => "overdrafts",
            Self::Interest => "interest",
            Self::Penalties => "penalties",
            Self::Sweep => "sweep",
            Self::Blocks => "blocks",
            Self::MinimumBalances => "minimum_balances",
            Self::NotificationFees => "notification_fees",
            Self::StopList => "stop_list",
            Self::IdleAccounts => "idle_accounts",
            Self::UncollectedCards => "uncollected_cards",
            Self::Memory => "memory",
        }
    }

    /// The rule it carries out.
    #[must_use]
    pub const fn rule(self) -> RuleId {
        match self {
            Self::Holds => RuleId::Txn3,
            Self::Overdrafts => RuleId::Tod2,
            Self::Interest => RuleId::Tod3,
            Self::Penalties => RuleId::Tod7,
            Self::Sweep => RuleId::Tod6,
            Self::Blocks => RuleId::Tod4,
            Self::MinimumBalances => RuleId::Bal3,
            Self::NotificationFees => RuleId::Amt5,
            Self::StopList => RuleId::Blk5,
            Self::IdleAccounts | Self::UncollectedCards => RuleId::Blk8,
            Self::Memory => RuleId::Txn1,
        }
    }

    /// How many things it will look at, for the progress that is shown.
    fn size(self, state: &State) -> u64 {
        match self {
            Self::Holds | Self::StopList | Self::Memory => 0,
            Self::UncollectedCards => u64::try_from(state.cards.len()).unwrap_or(u64::MAX),
            _ => u64::try_from(state.ledger.account_count()).unwrap_or(u64::MAX),
        }
    }

    /// Carries the job on from `shift.at` until it is done or the part's budget is used up.
    fn run(self, state: &mut State, shift: &mut Shift<'_>) -> Progress {
        match self {
            Self::Holds => state.release_holds(shift),
            Self::Overdrafts => state.notify_overdrafts(shift),
            Self::Interest => state.book_interest(shift),
            Self::Penalties => state.book_penalties(shift),
            Self::Sweep => state.sweep(shift),
            Self::Blocks => state.block_overdue(shift),
            Self::MinimumBalances => state.watch_minimum_balances(shift),
            Self::NotificationFees => state.take_notification_fees(shift),
            Self::StopList => state.end_stop_list_entries(shift),
            Self::IdleAccounts => state.list_idle_accounts(shift),
            Self::UncollectedCards => state.list_uncollected_cards(shift),
            Self::Memory => state.forget_the_old(shift),
        }
    }
}

/// What a job did, in a part or over the whole day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobDone {
    /// Which.
    pub job: DayJob,
    /// How many things it looked at.
    pub looked_at: u64,
    /// How many it changed.
    pub changed: u64,
    /// The money it moved or released, by currency, minor units.
    pub amounts: Vec<(Currency, Balance)>,
}

impl JobDone {
    const fn new(job: DayJob) -> Self {
        Self { job, looked_at: 0, changed: 0, amounts: Vec::new() }
    }

    /// Adds money to what it moved.
    pub(crate) fn add(&mut self, currency: Currency, amount: Balance) {
        match self.amounts.iter_mut().find(|row| row.0 == currency) {
            Some(row) => row.1 = row.1.saturating_add(amount),
            None => self.amounts.push((currency, amount)),
        }
    }

    fn join(&mut self, part: &Self) {
        self.looked_at = self.looked_at.saturating_add(part.looked_at);
        self.changed = self.changed.saturating_add(part.changed);
        part.amounts.iter().for_each(|(currency, amount)| self.add(*currency, *amount));
    }
}

/// What the end of a day did, job by job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DaySummary {
    /// The day.
    pub date: BusinessDate,
    /// What each job did, in order.
    pub jobs: Vec<JobDone>,
    /// How many parts it took.
    pub parts: u64,
}

impl DaySummary {
    /// What a job did.
    #[must_use]
    pub fn job(&self, job: DayJob) -> Option<&JobDone> {
        self.jobs.iter().find(|done| done.job == job)
    }
}

/// How a day stands after a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DayStanding {
    /// More is to be done: send the command again.
    UnderWay,
    /// This part was the last.
    Ended,
    /// It had been ended before; nothing was done.
    EndedBefore,
}

/// What one part did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayPart {
    /// The day.
    pub date: BusinessDate,
    /// How it stands now.
    pub standing: DayStanding,
    /// What each job did in this part.
    pub jobs: Vec<JobDone>,
    /// The money it moved, in order.
    pub transfers: Vec<Transfer>,
    /// What customers are told.
    pub notices: Vec<Notice>,
    /// The transactions whose holds it released (TXN-3).
    pub expired: Vec<Sequence>,
    /// What the whole day's jobs did, when it was the last part.
    pub summary: Option<DaySummary>,
}

/// A day that is being ended.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct DayUnderWay {
    summary: DaySummary,
    /// The job that is next, by its place in [`DayJob::ALL`].
    job: u16,
    /// Where it goes on.
    at: u64,
}

/// How far the end of a day has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayProgress {
    /// The day.
    pub date: BusinessDate,
    /// The job that is next.
    pub job: DayJob,
    /// Its place among the jobs, from 1, and how many there are.
    pub step: (u16, u16),
    /// How many things it has looked at, of how many; 0 where nobody knows.
    pub done: (u64, u64),
}

/// Whether a job is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    Done,
    /// It goes on there in the next part.
    More(u64),
}

/// One job's time in a part.
pub(crate) struct Shift<'p> {
    /// The day that ends.
    pub(crate) date: BusinessDate,
    /// When the part was accepted.
    pub(crate) moment: Moment,
    /// Where the job goes on; 0 at its beginning.
    pub(crate) at: u64,
    /// What the job does in this part.
    pub(crate) done: JobDone,
    /// The part.
    pub(crate) part: &'p mut DayPart,
    budget: u32,
}

impl Shift<'_> {
    /// Counts a thing that was looked at; `false` when the part is full.
    pub(crate) fn look(&mut self) -> bool {
        self.done.looked_at = self.done.looked_at.saturating_add(1);
        self.budget = self.budget.saturating_sub(1);
        self.budget > 0
    }

    /// Counts a thing that was changed.
    pub(crate) fn change(&mut self) {
        self.done.changed = self.done.changed.saturating_add(1);
        self.budget = self.budget.saturating_sub(CHANGE_COST);
    }

    fn is_full(&self) -> bool {
        self.budget == 0
    }
}

impl State {
    /// The day that is to be ended next: the one after the last ended, or the first of all.
    #[must_use]
    pub fn next_day(&self) -> Option<BusinessDate> {
        self.last_day_ended.map(|last| last.plus_days(1)).or(self.opened_on)
    }

    /// How far the end of a day has come that was begun and is not done.
    #[must_use]
    pub fn day_under_way(&self) -> Option<DayProgress> {
        let day = self.day.as_ref()?;
        let job = *DayJob::ALL.get(usize::from(day.job))?;
        Some(DayProgress {
            date: day.summary.date,
            job,
            step: (day.job.saturating_add(1), u16::try_from(DayJob::ALL.len()).unwrap_or(u16::MAX)),
            done: (day.at, job.size(self)),
        })
    }

    /// What the last ended day's jobs did.
    #[must_use]
    pub fn last_day(&self) -> Option<&DaySummary> {
        self.last_day.as_ref()
    }

    /// Carries the end of a day on by one part. A day ended before is not ended again; a day to
    /// come is refused, and so is one while days before it have not been ended.
    pub(crate) fn end_of_day(
        &mut self,
        moment: Moment,
        date: BusinessDate,
    ) -> Result<DayPart, Refusal> {
        if date > moment.business_date() {
            return Err(Refusal::DayToCome);
        }
        let mut part = DayPart {
            date,
            standing: DayStanding::UnderWay,
            jobs: Vec::new(),
            transfers: Vec::new(),
            notices: Vec::new(),
            expired: Vec::new(),
            summary: None,
        };
        // Before anything was ended, a day before the first one has nothing in it and may be ended.
        let first = self.last_day_ended.is_none();
        let next = self.next_day().map_or(date, |next| if first { next.min(date) } else { next });
        if date < next {
            part.standing = DayStanding::EndedBefore;
            return Ok(part);
        }
        if date > next {
            return Err(Refusal::DaysBefore(next));
        }
        let day = self.day.take().unwrap_or_else(|| DayUnderWay {
            summary: DaySummary { date, jobs: Vec::new(), parts: 0 },
            job: 0,
            at: 0,
        });
        self.carry_on(moment, day, &mut part);
        Ok(part)
    }

    fn carry_on(&mut self, moment: Moment, mut day: DayUnderWay, part: &mut DayPart) {
        let mut budget = BUDGET;
        day.summary.parts = day.summary.parts.saturating_add(1);
        while let Some(job) = DayJob::ALL.get(usize::from(day.job)).copied() {
            let done = JobDone::new(job);
            let date = part.date;
            let mut shift = Shift { date, moment, at: day.at, done, part, budget };
            let progress = job.run(self, &mut shift);
            let (done, is_full) = (shift.done.clone(), shift.is_full());
            budget = shift.budget;
            match day.summary.jobs.iter_mut().find(|sum| sum.job == job) {
                Some(sum) => sum.join(&done),
                None => day.summary.jobs.push(done.clone()),
            }
            part.jobs.push(done);
            match progress {
                Progress::Done => (day.job, day.at) = (day.job.saturating_add(1), 0),
                Progress::More(at) => day.at = at,
            }
            if is_full || progress != Progress::Done {
                break;
            }
        }
        if usize::from(day.job) < DayJob::ALL.len() {
            self.day = Some(day);
            return;
        }
        part.standing = DayStanding::Ended;
        self.last_day_ended = Some(part.date);
        part.summary = Some(day.summary.clone());
        self.last_day = Some(day.summary);
    }

    /// Looks at each account from where the job stands, and lets `act` on those that `wants` takes.
    /// Accounts it does not take are not touched, so a snapshot goes on sharing them.
    pub(crate) fn each_account(
        &mut self,
        shift: &mut Shift<'_>,
        wants: impl Fn(&Account) -> bool,
        mut act: impl FnMut(&mut Self, AccountSlot, &mut Shift<'_>),
    ) -> Progress {
        let mut at = shift.at;
        loop {
            let Ok(position) = u32::try_from(at) else { return Progress::Done };
            let slot = AccountSlot(position);
            let Some(account) = self.ledger.account(slot) else { return Progress::Done };
            let wanted = wants(account);
            let room = shift.look();
            if wanted {
                act(self, slot, shift);
            }
            at = at.saturating_add(1);
            if !room || shift.is_full() {
                return Progress::More(at);
            }
        }
    }

    /// TXN-3: releases the holds whose time is up.
    fn release_holds(&mut self, shift: &mut Shift<'_>) -> Progress {
        let most = usize::try_from(shift.budget / CHANGE_COST).unwrap_or(1).max(1);
        let slots = self.ledger.expired_holds_most(shift.moment.at, most);
        let all = slots.len() < most;
        for slot in slots {
            let Some((transaction, currency, amount)) = self.expire_hold(slot) else { continue };
            shift.look();
            shift.change();
            shift.part.expired.push(transaction);
            shift.done.add(currency, amount);
        }
        if !all {
            return Progress::More(shift.done.looked_at.saturating_add(shift.at));
        }
        self.ledger.forget_expired_hours(shift.moment.at);
        Progress::Done
    }

    /// Ends one hold by time, with the transactions that have it.
    pub(crate) fn expire_hold(
        &mut self,
        slot: ledger::HoldSlot,
    ) -> Option<(Sequence, Currency, Balance)> {
        let hold = self.ledger.hold(slot)?;
        let (account, transaction) = (hold.account, hold.transaction);
        let currency = self.ledger.account(account)?.currency;
        let amount = match self.ledger.close_hold(slot, HoldStatus::Expired) {
            Ok(amount) => amount,
            Err(fault) => panic!("ledger invariant broken: {fault}"),
        };
        self.expire_transaction(transaction);
        Some((transaction, currency, amount))
    }

    /// BLK-5: an entry whose last day was the one that ends stands no longer.
    fn end_stop_list_entries(&mut self, shift: &mut Shift<'_>) -> Progress {
        let all = u64::try_from(self.stop_list.len()).unwrap_or(u64::MAX);
        let ended = self.stop_list.forget_before(shift.date.plus_days(1));
        (shift.done.looked_at, shift.done.changed) = (all, ended);
        Progress::Done
    }

    /// TXN-1: what is too old to be repeated or reversed leaves memory.
    fn forget_the_old(&mut self, shift: &mut Shift<'_>) -> Progress {
        let forgotten = self.transactions.forget_before(shift.date);
        self.presented.forget_before(shift.date);
        self.forget_pin_changes(shift.date.plus_days(-crate::KEEP_DAYS));
        let oldest = shift.moment.at.plus_days(REMEMBER_DAYS.saturating_neg());
        self.remembered.retain(|_, remembered| remembered.at >= oldest);
        (shift.done.looked_at, shift.done.changed) = (forgotten, forgotten);
        Progress::Done
    }
}
