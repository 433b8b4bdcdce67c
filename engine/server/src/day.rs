//! Ends of days: run by themselves after local midnight, and on the way of a test clock.

use crate::clock::{Clock, ClockError};
use crate::shard::{Shard, ShardError};
use authorization::{Command, Done, Outcome};
use payment_types::{BusinessDate, Moment, Timestamp};
use std::time::Duration;
use thiserror::Error;
use tracing::{info, warn};

/// After local midnight, so that a request accepted just before it is in the journal.
const AFTER_MIDNIGHT_MS: i64 = 30_000;
/// The longest sleep: the system's clock may be set meanwhile.
const SLEEP_MOST: Duration = Duration::from_secs(60);
/// The pause before trying again when the shard is overloaded.
const RETRY: Duration = Duration::from_secs(5);

/// Why the test clock was not moved as asked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AdvanceError {
    /// It can't be moved so.
    #[error(transparent)]
    Clock(#[from] ClockError),
    /// The shard can't run the jobs on the way. The clock stands where they failed.
    #[error(transparent)]
    Shard(#[from] ShardError),
}

/// Moves a test clock forward to `to`. Each local midnight on the way ends its day at that moment,
/// and at the end the holds that have run out are released.
///
/// # Errors
/// [`AdvanceError`].
pub async fn advance_clock(
    shard: &Shard,
    clock: &Clock,
    to: Timestamp,
) -> Result<Moment, AdvanceError> {
    loop {
        let ending = clock.now().business_date();
        let midnight = clock.start_of(ending.plus_days(1));
        if midnight.at > to || midnight.at <= clock.now().at {
            break;
        }
        clock.advance_to(midnight.at)?;
        shard.command(Command::EndOfDay { date: ending }, None).await?;
    }
    let now = clock.advance_to(to)?;
    shard.command(Command::ExpireHolds, None).await?;
    Ok(now)
}

/// Ends each day soon after its midnight, for as long as the engine runs on the system's clock.
/// The day before the start is ended too, unless it was: the engine may have been down at midnight.
pub(crate) async fn end_days(shard: Shard, clock: Clock) {
    let Ok(last) = shard.query(|state, _| state.last_day_ended()).await else { return };
    let yesterday = clock.now().business_date().plus_days(-1);
    let mut ending = last.map_or(yesterday, |last| yesterday.max(last.plus_days(1)));
    loop {
        let due = clock.start_of(ending.plus_days(1)).at.plus_ms(AFTER_MIDNIGHT_MS);
        let missing = due.ms_since(clock.now().at);
        if let Ok(missing) = u64::try_from(missing)
            && missing > 0
        {
            tokio::time::sleep(Duration::from_millis(missing).min(SLEEP_MOST)).await;
            continue;
        }
        match shard.command(Command::EndOfDay { date: ending }, None).await {
            Ok(answered) => {
                tell(ending, &answered.outcome);
                ending = ending.plus_days(1);
            }
            Err(ShardError::Overloaded) => {
                warn!(date = %ending, "end of day put off: the engine is overloaded");
                tokio::time::sleep(RETRY).await;
            }
            Err(ShardError::Stopped(_)) => return,
        }
    }
}

fn tell(date: BusinessDate, outcome: &Outcome) {
    match outcome {
        Outcome::Done(Done::DayEnded { holds_expired, transactions_forgotten, .. }) => {
            info!(%date, holds_expired, transactions_forgotten, "the day was ended");
        }
        other => warn!(%date, outcome = ?other, "the day was not ended"),
    }
}
