//! `tamga statement` and `tamga general-ledger`: the books without the API.
//!
//! The read model answers. While an engine runs on the data directory it is read as that engine
//! has written it; else it is brought up to the end of the journal first.

use crate::clock::{Clock, parse_rfc3339};
use crate::config::Config;
use crate::failure::Failure;
use crate::offline::{self, Offline, OfflineError};
use crate::replay::must_exist;
use crate::statement::{GeneralLedger, Statement};
use history::{History, HistoryError, Period};
use payment_types::{BusinessDate, Timestamp};
use std::path::{Path, PathBuf};

/// Postings of a statement that are shown at most.
const LINES_MAX: u32 = 1_000_000;

/// What `tamga statement` was told.
#[derive(Debug)]
pub struct StatementOptions {
    /// The configuration.
    pub config: Config,
    /// Another data directory than the configuration's.
    pub data: Option<PathBuf>,
    /// The account's id.
    pub account: String,
    /// From this instant or day.
    pub from: Option<String>,
    /// Before this instant, or up to the end of this day.
    pub to: Option<String>,
}

/// An account's statement.
///
/// # Errors
/// No such account, a period that is none, or the data directory can't be read.
pub fn statement(options: StatementOptions) -> Result<Statement, Failure> {
    let StatementOptions { config, data, account, from, to } = options;
    let clock = offline::clock(&config, None).map_err(|error| Failure::usage(error.to_string()))?;
    let period = Period {
        from: from.as_deref().map(|text| instant(text, &clock, 0)).transpose()?,
        to: to.as_deref().map(|text| instant(text, &clock, 1)).transpose()?,
        after: None,
    };
    if period.from.zip(period.to).is_some_and(|(from, to)| from >= to) {
        return Err(Failure::usage("--to must lie behind --from"));
    }
    let data = data.as_deref().unwrap_or(&config.store.path);
    let found = read(&config, data, |history| history.statement(&account, &period, LINES_MAX))?;
    let found = found.ok_or_else(|| Failure::found(format!("there is no account {account:?}")))?;
    if found.next.is_some() {
        let line = format!("the period has more than {LINES_MAX} postings: give a shorter one");
        return Err(Failure::usage(line));
    }
    Ok(Statement::new(found, from, to))
}

/// The bank's totals of a day.
///
/// # Errors
/// The data directory can't be read.
pub fn general_ledger(
    config: &Config,
    data: Option<&Path>,
    date: BusinessDate,
) -> Result<GeneralLedger, Failure> {
    let data = data.unwrap_or(&config.store.path);
    let found = read(config, data, |history| history.general_ledger(date))?;
    Ok(GeneralLedger::new(&date.to_string(), found))
}

/// A day stands for its first instant, or for that of the day `later`.
fn instant(text: &str, clock: &Clock, later: i32) -> Result<Timestamp, Failure> {
    match BusinessDate::parse(text) {
        Ok(date) => Ok(clock.start_of(date.plus_days(later)).at),
        Err(_) => parse_rfc3339(text).map_err(|error| Failure::usage(error.to_string())),
    }
}

fn read<R>(
    config: &Config,
    data: &Path,
    search: impl FnOnce(&History) -> Result<R, HistoryError>,
) -> Result<R, Failure> {
    must_exist(data)?;
    let failed = |error: HistoryError| Failure::data(error.to_string());
    match Offline::open(config, data, None) {
        Ok(offline) => {
            let (history, mut projector) = History::open(data).map_err(failed)?;
            let last = offline.opened.state.last_sequence().0;
            projector.catch_up(last).map_err(failed)?;
            search(&history).map_err(failed)
        }
        Err(OfflineError::Locked(_)) => {
            let history = History::as_it_is(data).map_err(failed)?.ok_or_else(|| {
                Failure::data("the engine that runs here has not built its read model yet")
            })?;
            search(&history).map_err(failed)
        }
        Err(error) => Err(error.into()),
    }
}
