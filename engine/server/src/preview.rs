//! `tamga preview`: what a rule set would have done over the last days of the journal, with money,
//! the most affected, and each transaction with both traces.
//!
//! `tamga replay --rules` answers for the whole journal from its first record, as if those rules
//! had been in force always; this one as if they had been put in force at the beginning of the
//! window.

use crate::effect::{self, Travel, Window};
use crate::failure::Failure;
use crate::progress::Progress;
use crate::replay::must_exist;
use crate::table::{Align, Table};
use journal::Reader;
use limits::RuleSet;
use payment_types::{Moment, Timestamp};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How often the progress is told.
const TELL_EVERY: Duration = Duration::from_millis(200);

/// What `tamga preview` was told.
#[derive(Debug, Clone)]
pub struct PreviewOptions {
    /// The data directory.
    pub data: PathBuf,
    /// The rule set to be tried.
    pub rules: PathBuf,
    /// Up to the last record, so many days back.
    pub days: u32,
}

/// What it found.
#[derive(Debug, Clone)]
pub struct Previewed {
    found: effect::Preview,
}

impl Previewed {
    /// All of it, each transaction with both traces.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::to_value(&self.found).unwrap_or_default()
    }

    /// Records run, how long that took in milliseconds, and records a second.
    #[must_use]
    pub fn pace(&self) -> (u64, u64, u64) {
        (self.found.records, self.found.took_ms, self.found.per_second)
    }
}

impl fmt::Display for Previewed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (found, effect) = (&self.found, &self.found.effect);
        let (records, millis, rate) = self.pace();
        writeln!(f, "{} to {}", found.from, found.to)?;
        writeln!(f, "{records} records in {millis} ms, {rate} a second")?;
        for (what, sum) in [
            ("would decline", &effect.would_decline),
            ("would approve", &effect.would_approve),
            ("would differ otherwise", &effect.would_differ),
        ] {
            let money = |(currency, amount): (&String, &String)| format!(", {amount} {currency}");
            let money: String = sum.amounts.iter().map(money).collect();
            writeln!(f, "{what} {} of {}{money}", sum.count, effect.decisions)?;
        }
        let (cards, customers) = (effect.cards, effect.customers);
        let (terminals, agents) = (effect.terminals, effect.agents);
        writeln!(
            f,
            "{cards} cards, {customers} customers, {terminals} terminals, {agents} agents"
        )?;
        if effect.by.is_empty() {
            return Ok(());
        }
        let mut table = Table::new(&[
            ("was", Align::Left),
            ("would be", Align::Left),
            ("by", Align::Left),
            ("messages", Align::Right),
        ]);
        for row in &effect.by {
            let was = format!("{} {}", row.was_code, row.was);
            let would_be = format!("{} {}", row.would_be_code, row.would_be);
            table.row(&[&was, &would_be, &row.rule, &row.sum.count.to_string()]);
        }
        write!(f, "{table}")
    }
}

/// Runs the window under the rule set of a file. Reads without a lock, so an engine may be running.
///
/// # Errors
/// Code 2 if the rules are not right, 3 if the journal cannot be read or does not go back so far.
pub fn preview(options: &PreviewOptions, progress: &mut Progress) -> Result<Previewed, Failure> {
    must_exist(&options.data)?;
    let text = std::fs::read_to_string(&options.rules)
        .map_err(|error| Failure::file(&options.rules, "read", &error))?;
    RuleSet::parse(&text, &options.rules.display().to_string()).map_err(|errors| Failure {
        code: 2,
        lines: errors.iter().map(ToString::to_string).collect(),
    })?;
    let window = window(&options.data, options.days)?;
    let candidate = effect::Candidate { order: 0, digest: String::new(), rules: text };
    let travel = Arc::new(Travel::default());
    progress.stage("replaying", window.last);
    let (data, way) = (options.data.clone(), Arc::clone(&travel));
    let run = std::thread::spawn(move || effect::preview(&data, &candidate, &window, &way));
    while !run.is_finished() {
        progress.at(travel.progress().0);
        std::thread::sleep(TELL_EVERY);
    }
    progress.finish();
    let ended = run.join();
    let found = ended.map_err(|_| Failure::found("the replay ended on a broken invariant"))??;
    Ok(Previewed { found })
}

/// The window that ends with the last record.
fn window(data: &Path, days: u32) -> Result<Window, Failure> {
    let moments = moments(data)?;
    let Some((_, to)) = moments.last().copied() else {
        return Err(Failure::found("the journal is empty"));
    };
    let from = to.at.plus_days(-i64::from(days));
    let at = moments.partition_point(|(_, moment)| moment.at < from);
    let (first, last) = (moments.get(at), moments.last());
    let [first, last] = [first, last].map(|place| place.map_or(1, |(sequence, _)| *sequence));
    let (from, to) = (Moment::new(from, to.offset).rfc3339(), to.rfc3339());
    Ok(Window { days, from, to, first, last })
}

/// Where in the journal which minute begins: one entry for each, and the last record.
fn moments(data: &Path) -> Result<Vec<(u64, Moment)>, Failure> {
    let mut reader = Reader::open(data, 1)?;
    let (mut found, mut minute, mut last) = (Vec::new(), Timestamp(i64::MIN), None);
    while let Some((sequence, bytes)) = reader.next(u64::MAX)? {
        let record = authorization::decode_record(bytes)
            .map_err(|error| Failure::record(sequence, error))?;
        let moment = record.accepted.moment;
        last = Some((sequence, moment));
        if moment.at >= minute {
            found.push((sequence, moment));
            minute = moment.at.plus_ms(60_000);
        }
    }
    found.extend(last);
    Ok(found)
}
