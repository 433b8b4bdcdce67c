//! `tamga import`: a portfolio file into the data directory, all of it or nothing.
//!
//! The file is read and checked whole first, against a copy of the state, so that every refused
//! line is known before anything is journaled. Then it goes into the journal in parts that take
//! effect with the last one: an import that is killed leaves nothing behind. A snapshot at the end
//! makes the next start quick.

mod read;
mod seal;

use crate::config::Config;
use crate::failure::Failure;
use crate::offline::Offline;
use crate::progress::Progress;
use authorization::{Accepted, Command, Done, Outcome, PortfolioItem, Refusal, Scratch, State};
use limits::RuleSet;
use payment_types::{Sequence, Timestamp};
pub use read::Checked;
use seal::Sealer;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Records of a journaled part.
pub const PART: usize = 1000;
/// Parts between two commits: about two megabytes.
const PARTS_PER_COMMIT: usize = 16;

/// What `tamga import` was told.
#[derive(Debug)]
pub struct ImportOptions {
    /// The configuration.
    pub config: Config,
    /// Another data directory than the configuration's.
    pub data: Option<PathBuf>,
    /// Another time than the system's.
    pub test_clock: Option<Timestamp>,
    /// The portfolio.
    pub file: PathBuf,
}

/// What an import did.
#[derive(Debug)]
pub struct Imported {
    /// Records taken in.
    pub items: u64,
    /// The same by type, in the order of the contract's example.
    pub by_type: Vec<(&'static str, u64)>,
    /// How long it took.
    pub took: Duration,
    /// The version of the rule set that was installed with it, on empty data.
    pub rules: Option<String>,
    /// What the operator should look at.
    pub warnings: Vec<String>,
}

/// Imports a file.
///
/// # Errors
/// Code 1 with the refused lines, or why the file or the data directory cannot be used.
pub fn import(options: &ImportOptions, progress: &mut Progress) -> Result<Imported, Failure> {
    let file = File::open(&options.file)
        .map_err(|error| Failure::file(&options.file, "opened", &error))?;
    let bytes = file.metadata().map_or(0, |metadata| metadata.len());
    let config = &options.config;
    let data = options.data.as_deref().unwrap_or(&config.store.path);
    let mut offline = Offline::open(config, data, options.test_clock)?;
    let reader = BufReader::with_capacity(1 << 20, file);
    import_from(&mut offline, config, (&options.file, bytes), reader, progress)
}

/// Imports from any reader. `source` is the file's name and size, for messages and progress.
///
/// # Errors
/// As [`import`].
pub fn import_from(
    offline: &mut Offline,
    config: &Config,
    source: (&Path, u64),
    reader: impl BufRead,
    progress: &mut Progress,
) -> Result<Imported, Failure> {
    let started = Instant::now();
    progress.stage("checking", source.1);
    let mut check = offline.opened.state.clone();
    let opened = &offline.opened;
    let mut sealer = Sealer::new(&opened.customer_keys, &opened.state)?;
    let edge = (opened.security.as_ref(), &mut sealer);
    let checked = read::check(&mut check, reader, source.0, edge, progress)?;
    let rules = rules_for(config, &mut check)?;
    let checked = checked.without_card_numbers(&check, source.0)?;
    drop(check);
    let warnings = checked.unknown_listeners(config);
    let (items, by_type) = (checked.items(), checked.by_type());
    // The keys are durable before anything that needs them is journaled.
    sealer.finish()?;
    journal(offline, checked, progress)?;
    let rules = rules.map(|text| install(offline, text)).transpose()?;
    progress.stage("snapshot", 0);
    offline.snapshot()?;
    progress.finish();
    Ok(Imported { items, by_type, took: started.elapsed(), rules, warnings })
}

/// The text of the rule set that goes in with the first portfolio, found to be good for it.
fn rules_for(config: &Config, check: &mut State) -> Result<Option<String>, Failure> {
    if check.has_rules() {
        return Ok(None);
    }
    let (text, origin) = config.rules_text()?;
    RuleSet::parse(&text, &origin).map_err(|errors| Failure {
        code: 2,
        lines: errors.iter().map(ToString::to_string).collect(),
    })?;
    let next = Sequence(check.last_sequence().0.saturating_add(1));
    let accepted = Accepted {
        moment: check.last_moment(),
        idempotency: None,
        command: Command::InstallRules { text: text.clone() },
    };
    match check.execute(next, &accepted, &mut Scratch::new()) {
        Outcome::Refused(Refusal::Rules(errors)) => {
            let lines = errors.iter().map(|error| format!("{origin}: {error}")).collect();
            Err(Failure { code: 2, lines })
        }
        _ => Ok(Some(text)),
    }
}

fn journal(
    offline: &mut Offline,
    checked: Checked,
    progress: &mut Progress,
) -> Result<(), Failure> {
    let count = checked.parts.len();
    progress.stage("journaling", u64::try_from(count).unwrap_or(u64::MAX));
    for (index, items) in checked.parts.into_iter().enumerate() {
        let last = index.saturating_add(1) == count;
        let too_many = |_| Failure::usage("too many records for one import; split the file");
        let part = u32::try_from(index).map_err(too_many)?;
        match offline.execute(Command::Import { part, last, items })? {
            Outcome::Done(Done::ImportStaged | Done::Imported { .. }) => {}
            other => return Err(Failure::found(format!("import refused: {other:?}"))),
        }
        if last || index % PARTS_PER_COMMIT == PARTS_PER_COMMIT - 1 {
            offline.commit()?;
        }
        progress.at(u64::from(part));
    }
    Ok(())
}

fn install(offline: &mut Offline, text: String) -> Result<String, Failure> {
    let outcome = offline.execute(Command::InstallRules { text })?;
    offline.commit()?;
    match outcome {
        Outcome::Done(Done::RulesInstalled { version }) => Ok(version.to_string()),
        other => Err(Failure::found(format!("rule set refused: {other:?}"))),
    }
}

/// The type's name in the file.
#[must_use]
pub const fn type_name(item: &PortfolioItem) -> &'static str {
    match item {
        PortfolioItem::Product(_) => "product",
        PortfolioItem::Customer { .. } => "customer",
        PortfolioItem::Account(_) => "account",
        PortfolioItem::Card(_) => "card",
        PortfolioItem::Agent { .. } => "agent",
        PortfolioItem::Merchant { .. } => "merchant",
        PortfolioItem::Terminal(_) => "terminal",
    }
}
