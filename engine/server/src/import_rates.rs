//! `tamga import-rates`: a file of exchange rates, all of it or nothing (AMT-3).
//!
//! CSV with a header: `from,to,value,margin_percent,valid_from`. Where an engine runs on the data
//! directory it is asked over its API; else the command is journaled here.

use crate::config::Config;
use crate::failure::Failure;
use crate::http::read_rate;
use crate::offline::{Offline, OfflineError};
use crate::remote::Remote;
use crate::replay::must_exist;
use authorization::{Command, Done, Outcome, RateItem, Refusal};
use payment_types::Timestamp;
use serde::Deserialize;
use serde_json::json;
use std::fmt;
use std::path::{Path, PathBuf};

/// The columns, in any order; the margin may be left out.
const COLUMNS: [&str; 5] = ["from", "to", "value", "margin_percent", "valid_from"];

/// What `tamga import-rates` was told.
#[derive(Debug)]
pub struct RatesOptions {
    /// The configuration.
    pub config: Config,
    /// Another data directory than the configuration's.
    pub data: Option<PathBuf>,
    /// A token of the API, for a running engine.
    pub token: Option<String>,
    /// Another time than the system's; only where no engine runs.
    pub test_clock: Option<Timestamp>,
    /// The file.
    pub file: PathBuf,
}

/// What it did.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RatesLoaded {
    /// New rates.
    pub added: u64,
    /// Rates that were there already.
    pub known: u64,
}

impl fmt::Display for RatesLoaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} rates taken in, {} were there already", self.added, self.known)
    }
}

/// Imports a file of rates.
///
/// # Errors
/// Code 1 with every refused line; nothing has changed then.
pub fn import_rates(options: &RatesOptions) -> Result<RatesLoaded, Failure> {
    let file = &options.file;
    let text = std::fs::read_to_string(file).map_err(|e| Failure::file(file, "read", &e))?;
    let rows = read(&text, file)?;
    let data = options.data.as_deref().unwrap_or(&options.config.store.path);
    must_exist(data)?;
    match Offline::open(&options.config, data, options.test_clock) {
        Ok(mut offline) => here(&mut offline, rows, file),
        Err(OfflineError::Locked(locked)) => there(options, &rows, &locked),
        Err(error) => Err(error.into()),
    }
}

/// A rate with its line.
type Row = (usize, RateItem);

/// Reads the file; every line that is wrong is named.
fn read(text: &str, file: &Path) -> Result<Vec<Row>, Failure> {
    let name = file.display();
    let mut lines = text.lines().zip(1usize..).map(|(line, at)| (at, line.trim()));
    let mut lines = lines.by_ref().filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    let (at, header) = lines.next().ok_or_else(|| {
        Failure::found(format!("{name}: is empty; expected {}", COLUMNS.join(",")))
    })?;
    let header: Vec<&str> =
        header.trim_start_matches('\u{feff}').split(',').map(str::trim).collect();
    let place = |column: &str| header.iter().position(|known| *known == column);
    let unknown = header.iter().find(|column| !COLUMNS.contains(column));
    let missing =
        COLUMNS.iter().find(|column| place(column).is_none() && **column != "margin_percent");
    if let Some(column) = unknown.or(missing) {
        let what = if unknown.is_some() { "is not known" } else { "is missing" };
        let columns = COLUMNS.join(",");
        return Err(Failure::found(format!(
            "{name}:{at}: column {column:?} {what}; expected {columns}"
        )));
    }
    let (mut rows, mut wrong) = (Vec::new(), Vec::new());
    for (at, line) in lines {
        let cells: Vec<&str> = line.split(',').collect();
        let cell = |column: &str| {
            place(column).and_then(|place| cells.get(place)).copied().unwrap_or_default()
        };
        if cells.len() != header.len() {
            let (has, needs) = (cells.len(), header.len());
            wrong.push(format!("{name}:{at}: has {has} columns, expected {needs}"));
            continue;
        }
        match read_rate(COLUMNS.map(cell)) {
            Ok(rate) => rows.push((at, rate)),
            Err(fault) => wrong.push(format!("{name}:{at}: {fault}")),
        }
    }
    if wrong.is_empty() { Ok(rows) } else { Err(Failure { code: 1, lines: wrong }) }
}

fn here(offline: &mut Offline, rows: Vec<Row>, file: &Path) -> Result<RatesLoaded, Failure> {
    let lines: Vec<usize> = rows.iter().map(|(at, _)| *at).collect();
    let rates = rows.into_iter().map(|(_, rate)| rate).collect();
    let entered_by = "tamga import-rates".into();
    let outcome = offline.execute(Command::LoadRates { rates, entered_by })?;
    offline.commit()?;
    match outcome {
        Outcome::Done(Done::RatesLoaded { added, known }) => Ok(RatesLoaded { added, known }),
        Outcome::Refused(Refusal::Rates(faults)) => {
            let lines = faults.iter().map(|fault| located(fault, &lines, file)).collect();
            Err(Failure { code: 1, lines })
        }
        other => Err(Failure::found(format!("the rates could not be taken in: {other:?}"))),
    }
}

/// `rate 2: why` as `file:line: why`.
fn located(fault: &str, lines: &[usize], file: &Path) -> String {
    let name = file.display();
    let parts = fault.strip_prefix("rate ").and_then(|rest| rest.split_once(": "));
    let place = parts.and_then(|(at, why)| {
        let at = at.parse::<usize>().ok()?.checked_sub(1)?;
        Some((lines.get(at)?, why))
    });
    match place {
        Some((line, why)) => format!("{name}:{line}: {why}"),
        None => format!("{name}: {fault}"),
    }
}

fn there(options: &RatesOptions, rows: &[Row], locked: &Failure) -> Result<RatesLoaded, Failure> {
    let rate = |(_, rate): &Row| {
        json!({
            "from": rate.from.to_string(),
            "to": rate.to.to_string(),
            "value": rate.value.0.to_string(),
            "margin_percent": rate.margin_percent.0.to_string(),
            "valid_from": payment_types::Moment::new(rate.valid_from, payment_types::UtcOffset(0))
                .rfc3339(),
        })
    };
    let body = json!({ "rates": rows.iter().map(rate).collect::<Vec<_>>() }).to_string();
    let engine = Remote::new(&options.config, options.token.as_deref(), locked)?;
    engine.post("/rates", &[], "application/json", body.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amt_3_a_file_of_rates_is_read_whole() {
        let text = "# Monday\nfrom,to,value,margin_percent,valid_from\n\
                    USD,KGS,87.45,1.0,2026-11-23T00:00:00+06:00\n\n\
                    XAU, KGS, 11200.00, , 2026-11-23T00:00:00+06:00\n";
        let rows = read(text, Path::new("r.csv")).unwrap();
        assert_eq!(rows.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [3, 5]);
        let head = "from,to,value,valid_from\n";
        for (text, expected) in [
            ("", "r.csv: is empty"),
            ("from,to,rate,valid_from\n", "r.csv:1: column \"rate\" is not known"),
            ("from,to,value\n", "r.csv:1: column \"valid_from\" is missing"),
            (&format!("{head}USD,KGS,87.45\n"), "r.csv:2: has 3 columns, expected 4"),
            (&format!("{head}USD,KGS,x,2026-11-23T00:00:00+06:00\n"), "r.csv:2: value: \"x\""),
        ] {
            let failure = read(text, Path::new("r.csv")).unwrap_err();
            assert!(failure.lines[0].starts_with(expected), "{:?}", failure.lines);
        }
        let lines = [3, 5];
        let line = located("rate 2: a rate must be above 0", &lines, Path::new("r.csv"));
        assert_eq!(line, "r.csv:5: a rate must be above 0");
    }
}
