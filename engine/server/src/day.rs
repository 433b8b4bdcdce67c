//! Ends of days: run by themselves after local midnight, on the way of a test clock, and by hand.
//!
//! A day is ended in bounded parts (`authorization::DayPart`), each a journaled command of its own,
//! between which requests are decided. How far a day has come is in the state, so whoever drives
//! it, after a crash too, goes on from there. Days are ended in order: those that were missed come
//! first.

use crate::calendar;
use crate::clock::{Clock, ClockError};
use crate::shard::{Shard, ShardError};
use authorization::{
    Command, DayPart, DayStanding, DaySummary, Done, IdempotencyKey, Outcome, Refusal,
};
use payment_types::{BusinessDate, Moment, Timestamp};
use std::time::Duration;
use thiserror::Error;
use tracing::{info, warn};

/// After the configured time, so that a request accepted just before midnight is in the journal.
const AFTER_MIDNIGHT_MS: i64 = 30_000;
/// The longest sleep: the system's clock may be set meanwhile.
const SLEEP_MOST: Duration = Duration::from_secs(60);
/// The pause before trying again when the shard is overloaded.
const RETRY: Duration = Duration::from_secs(5);
/// Days in arrears that are ended at a time; more is most likely a clock that was set wrong.
const ARREARS_MOST: i32 = 3_660;

/// When days are ended by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayTimes {
    /// Whether they are.
    pub automatic: bool,
    /// How long after the midnight that ends the day, milliseconds.
    pub after_midnight_ms: i64,
}

impl Default for DayTimes {
    fn default() -> Self {
        Self { automatic: true, after_midnight_ms: 0 }
    }
}

/// Why a day was not ended.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EndError {
    /// The core refuses.
    #[error("{0:?}")]
    Refused(Refusal),
    /// The shard can't.
    #[error(transparent)]
    Shard(#[from] ShardError),
    /// The engine would have to end more days than it does at a time.
    #[error("{days} days from {first} on have not been ended; end them in steps, by date")]
    TooMany {
        /// The first.
        first: BusinessDate,
        /// How many.
        days: i32,
    },
}

/// Why the test clock was not moved as asked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AdvanceError {
    /// It can't be moved so.
    #[error(transparent)]
    Clock(#[from] ClockError),
    /// The jobs on the way can't be run. The clock stands where they failed.
    #[error(transparent)]
    Day(#[from] EndError),
}

impl From<ShardError> for AdvanceError {
    fn from(error: ShardError) -> Self {
        Self::Day(error.into())
    }
}

/// A day that was asked to be ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayEnded {
    /// Whether it had been ended before.
    pub already: bool,
    /// Whether this is the stored answer to a request sent again.
    pub replayed: bool,
    /// What its jobs did; of one ended before only if it was the last.
    pub summary: Option<DaySummary>,
}

/// Ends one day, part by part. The key goes with the first part.
///
/// # Errors
/// [`EndError`]; what was done stays done, and the next call goes on from there.
pub async fn end_day(
    shard: &Shard,
    date: BusinessDate,
    key: Option<IdempotencyKey>,
) -> Result<DayEnded, EndError> {
    let (first, replayed) = carry_on(shard, date, key).await?;
    let already = first.standing == DayStanding::EndedBefore;
    let mut part = first;
    while part.standing == DayStanding::UnderWay {
        (part, _) = carry_on(shard, date, None).await?;
    }
    if part.summary.is_some() {
        return Ok(DayEnded { already, replayed, summary: part.summary });
    }
    let known = shard.query(|state, _| state.last_day().cloned()).await?;
    Ok(DayEnded { already, replayed, summary: known.filter(|summary| summary.date == date) })
}

async fn carry_on(
    shard: &Shard,
    date: BusinessDate,
    key: Option<IdempotencyKey>,
) -> Result<(DayPart, bool), EndError> {
    let answered = shard.command(Command::EndOfDay { date }, key).await?;
    match answered.outcome {
        Outcome::Done(Done::Day(part)) => Ok((*part, answered.replayed)),
        Outcome::Refused(refusal) => Err(EndError::Refused(refusal)),
        // The key stood for another command of the same content, which cannot be.
        _ => Err(EndError::Refused(Refusal::IdempotencyDiffers)),
    }
}

/// Ends the days up to and with `last` that have not been ended, oldest first, and says which.
///
/// # Errors
/// [`EndError`]; the days before stay ended.
pub async fn end_days_until(
    shard: &Shard,
    last: BusinessDate,
) -> Result<Vec<DaySummary>, EndError> {
    let next = shard.query(|state, _| state.next_day()).await?;
    let mut ended = Vec::new();
    let Some(first) = next else { return Ok(ended) };
    let days = last.days().saturating_sub(first.days()).saturating_add(1);
    if days > ARREARS_MOST {
        return Err(EndError::TooMany { first, days });
    }
    let mut date = first;
    while date <= last {
        let done = end_day(shard, date, None).await?;
        ended.extend(done.summary.filter(|_| !done.already));
        date = date.plus_days(1);
    }
    Ok(ended)
}

/// Moves a test clock forward to `to`. Each local midnight on the way ends its day at the time of
/// day that is set for it, and at the end the holds that have run out are released.
///
/// # Errors
/// [`AdvanceError`].
pub async fn advance_clock(
    shard: &Shard,
    clock: &Clock,
    times: DayTimes,
    to: Timestamp,
) -> Result<Moment, AdvanceError> {
    if clock.now().at > to {
        clock.advance_to(to)?;
    }
    loop {
        let look = |state: &authorization::State, _| (state.next_day(), state.orders().next_due());
        let (next, order) = shard.query(look).await?;
        let day = next.filter(|_| times.automatic);
        let day = day.map(|day| (due(clock, times, day), day)).filter(|(due, _)| *due <= to);
        // An order that is due takes effect in the shard's next turn: at its own moment, and before
        // the day that ends then.
        let order = order.map(|(due, _)| due).filter(|due| *due <= to && *due > clock.now().at);
        match (day, order) {
            (day, Some(order)) if day.is_none_or(|(due, _)| order <= due) => {
                clock.advance_to(order)?;
                shard.query(|_, _| ()).await?;
            }
            (Some((due, ending)), _) => {
                if due > clock.now().at {
                    clock.advance_to(due)?;
                }
                end_day(shard, ending, None).await?;
            }
            (None, _) => break,
        }
    }
    let now = clock.advance_to(to)?;
    shard.command(Command::ExpireHolds, None).await?;
    Ok(now)
}

/// When a day is due to be ended.
fn due(clock: &Clock, times: DayTimes, day: BusinessDate) -> Timestamp {
    clock.start_of(day.plus_days(1)).at.plus_ms(times.after_midnight_ms)
}

/// Goes on with a day whose end was under way when the engine stopped.
pub(crate) async fn finish_begun(shard: &Shard) {
    let begun = shard.query(|state, _| state.day_under_way()).await;
    let Ok(Some(progress)) = begun else { return };
    let (date, job) = (progress.date, progress.job.name());
    info!(%date, job, at = progress.done.0, "going on with the end of the day");
    tell(date, &end_day(shard, date, None).await);
}

/// Ends each day soon after its midnight, for as long as the engine runs on the system's clock.
/// Days that were missed while it was down come first, in order.
pub(crate) async fn end_days(shard: Shard, clock: Clock, times: DayTimes) {
    if !times.automatic {
        info!("days are ended by hand only (end_of_day.automatic is off)");
        return;
    }
    let mut told = None;
    loop {
        let Ok(next) = shard.query(|state, _| state.next_day()).await else { return };
        let Some(ending) = next else {
            tokio::time::sleep(SLEEP_MOST).await;
            continue;
        };
        let late = due(&clock, times, ending).plus_ms(AFTER_MIDNIGHT_MS);
        let missing = late.ms_since(clock.now().at);
        if let Ok(missing) = u64::try_from(missing)
            && missing > 0
        {
            tokio::time::sleep(Duration::from_millis(missing).min(SLEEP_MOST)).await;
            continue;
        }
        let yesterday = clock.now().business_date().plus_days(-1);
        if ending < yesterday && told != Some(yesterday) {
            let days = yesterday.days().saturating_sub(ending.days());
            warn!(from = %ending, days, "days were not ended in their time; they are caught up");
            told = Some(yesterday);
        }
        let done = end_day(&shard, ending, None).await;
        tell(ending, &done);
        let holidays = |state: &authorization::State, now: Moment| {
            calendar::warning(state.plan().calendar(), now.business_date())
        };
        if let Ok(Some(warning)) = shard.query(holidays).await {
            warn!("{warning}");
        }
        match done {
            Err(EndError::Shard(ShardError::Stopped(_))) => return,
            Err(_) => tokio::time::sleep(RETRY).await,
            Ok(_) => {}
        }
    }
}

fn tell(date: BusinessDate, done: &Result<DayEnded, EndError>) {
    match done {
        Ok(DayEnded { summary: Some(summary), .. }) => {
            let jobs = summary.jobs.iter().filter(|job| job.changed > 0);
            let jobs: Vec<_> =
                jobs.map(|job| format!("{} {}", job.job.name(), job.changed)).collect();
            info!(%date, parts = summary.parts, changed = jobs.join(", "), "the day was ended");
        }
        Ok(_) => info!(%date, "the day was ended"),
        Err(error) => warn!(%date, %error, "the day was not ended"),
    }
}
