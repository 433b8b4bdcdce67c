//! Reading and checking a portfolio file, line by line.

use super::seal::Sealer;
use super::{PART, type_name};
use crate::config::Config;
use crate::failure::Failure;
use crate::portfolio::{self, FieldError};
use crate::progress::Progress;
use authorization::{PortfolioItem, State};
use security::SecurityModule;
use std::collections::{BTreeMap, BTreeSet};
use std::io::BufRead;
use std::path::Path;

/// As many refused lines are shown; the rest is counted.
const SHOWN: usize = 50;
/// No line of a portfolio is nearly so long; a file without line ends is not read into memory.
const LONGEST_LINE: usize = 256 * 1024;
/// Lines between two updates of the progress.
const TELL_EVERY: u64 = 1024;

/// A portfolio found to be good, in parts.
pub struct Checked {
    /// Its records, [`PART`] in each but the last.
    pub parts: Vec<Vec<PortfolioItem>>,
    counts: BTreeMap<&'static str, u64>,
    listeners: BTreeSet<String>,
}

impl Checked {
    /// How many records there are.
    pub(super) fn items(&self) -> u64 {
        self.counts.values().sum()
    }

    pub(super) fn by_type(&self) -> Vec<(&'static str, u64)> {
        const ORDER: [&str; 7] =
            ["product", "customer", "account", "card", "agent", "merchant", "terminal"];
        let count = |name: &'static str| Some((name, *self.counts.get(name)?));
        ORDER.into_iter().filter_map(count).collect()
    }

    /// Listeners that devices name and the configuration does not have.
    pub(super) fn unknown_listeners(&self, config: &Config) -> Vec<String> {
        let known = |name: &&String| config.listeners.iter().all(|other| other.name != **name);
        let missing = self.listeners.iter().filter(known);
        missing
            .map(|name| {
                let file = config.source.display();
                format!("there are terminals of listener `{name}`, which {file} does not have")
            })
            .collect()
    }

    fn add(&mut self, item: PortfolioItem) {
        let count = self.counts.entry(type_name(&item)).or_default();
        *count = count.saturating_add(1);
        if let PortfolioItem::Terminal(terminal) = &item
            && !self.listeners.contains(terminal.listener.as_str())
        {
            self.listeners.insert(terminal.listener.to_string());
        }
        match self.parts.last_mut() {
            Some(part) if part.len() < PART => part.push(item),
            _ => {
                let mut part = Vec::with_capacity(PART);
                part.push(item);
                self.parts.push(part);
            }
        }
    }
}

/// The refused lines.
struct Refused<'f> {
    file: &'f Path,
    lines: u64,
    shown: Vec<String>,
}

impl Refused<'_> {
    fn add(&mut self, line: u64, errors: &[FieldError]) {
        self.lines = self.lines.saturating_add(1);
        for error in errors {
            if self.shown.len() < SHOWN {
                self.shown.push(format!("{}:{line}: {error}", self.file.display()));
            }
        }
    }

    fn into_failure(self) -> Failure {
        let mut lines = self.shown;
        let (count, noun) = (self.lines, if self.lines == 1 { "line" } else { "lines" });
        if lines.len() == SHOWN {
            lines.push(format!("... only the first {SHOWN} errors are shown"));
        }
        lines.push(format!("{count} {noun} refused; nothing was imported"));
        Failure { code: 1, lines }
    }
}

/// Reads all lines and takes each record into `state`, which is spoilt if any is refused.
pub(super) fn check(
    state: &mut State,
    mut reader: impl BufRead,
    file: &Path,
    (security, sealer): (&dyn SecurityModule, &mut Sealer<'_>),
    progress: &mut Progress,
) -> Result<Checked, Failure> {
    let mut checked =
        Checked { parts: Vec::new(), counts: BTreeMap::new(), listeners: BTreeSet::new() };
    let mut refused = Refused { file, lines: 0, shown: Vec::new() };
    let (mut buffer, mut number, mut bytes) = (Vec::with_capacity(1024), 0u64, 0u64);
    while read_line(&mut reader, &mut buffer)
        .map_err(|error| Failure::file(file, "read", &error))?
    {
        number = number.saturating_add(1);
        bytes = bytes.saturating_add(u64::try_from(buffer.len()).unwrap_or_default());
        if number.is_multiple_of(TELL_EVERY) {
            progress.at(bytes);
        }
        if buffer.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        match take(state, &buffer, security, sealer) {
            Ok(item) if refused.lines == 0 => checked.add(item),
            Ok(_) => {}
            Err(errors) => {
                // Nothing will be imported any more; only the other errors matter.
                checked.parts = Vec::new();
                refused.add(number, &errors);
            }
        }
    }
    if refused.lines > 0 {
        return Err(refused.into_failure());
    }
    if checked.parts.is_empty() {
        return Err(Failure::found(format!("{}: has no records", file.display())));
    }
    Ok(checked)
}

fn take(
    state: &mut State,
    line: &[u8],
    security: &dyn SecurityModule,
    sealer: &mut Sealer<'_>,
) -> Result<PortfolioItem, Vec<FieldError>> {
    let whole =
        |message: &str| vec![FieldError { field: String::new(), message: message.to_owned() }];
    if line.len() > LONGEST_LINE {
        return Err(whole("the line is longer than 256 KiB"));
    }
    let text = std::str::from_utf8(line).map_err(|_| whole("not UTF-8 text"))?;
    let line = portfolio::read_line(text.trim(), security)?;
    let item = sealer.seal(line, state).map_err(|error| vec![error])?;
    match state.import_items(std::slice::from_ref(&item)) {
        Ok(_) => sealer.taken(&item).map(|()| item).map_err(|error| vec![error]),
        Err(error) => {
            Err(vec![FieldError { field: error.field.to_owned(), message: error.message }])
        }
    }
}

/// The next line, without reading more than a little over the longest; `false` at the end.
fn read_line(reader: &mut impl BufRead, buffer: &mut Vec<u8>) -> std::io::Result<bool> {
    buffer.clear();
    let mut found = false;
    loop {
        let available = match reader.fill_buf() {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            available => available?,
        };
        if available.is_empty() {
            return Ok(found);
        }
        found = true;
        let end = available.iter().position(|byte| *byte == b'\n');
        let part = available.get(..end.unwrap_or(available.len())).unwrap_or_default();
        if buffer.len() <= LONGEST_LINE {
            buffer.extend_from_slice(part);
        }
        let used = part.len().saturating_add(usize::from(end.is_some()));
        reader.consume(used);
        if end.is_some() {
            return Ok(true);
        }
    }
}
