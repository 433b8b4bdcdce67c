//! Reading and checking a portfolio file, line by line.

use super::seal::Sealer;
use super::{PART, type_name};
use crate::card_numbers;
use crate::config::Config;
use crate::failure::Failure;
use crate::portfolio::{self, FieldError};
use crate::progress::Progress;
use authorization::{ImportError, PortfolioItem, State};
use security::SecurityModule;
use std::collections::{BTreeMap, BTreeSet};
use std::io::BufRead;
use std::path::Path;

/// As many refused lines are shown; the rest is counted.
const SHOWN: usize = 50;
/// Of the records that are there already so many are named, if there are more of them; of all of them
/// the lines are told.
const EXAMPLES: usize = 3;
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
    /// What could be card numbers: line, field, first eleven digits.
    suspects: Vec<(u64, String, u64)>,
}

impl Checked {
    /// PII-1: refuses card numbers of a network of ours where none belong. Ids and names travel in
    /// clear, through logs and the API, which refuses them by the same rule.
    ///
    /// # Errors
    /// The lines and their fields.
    pub(super) fn without_card_numbers(self, state: &State, file: &Path) -> Result<Self, Failure> {
        let is_card = |prefix: u64| state.plan().network_of(prefix).is_some();
        let mut refused = Refused::none_of(file);
        let found: Vec<_> = self.suspects.iter().filter(|suspect| is_card(suspect.2)).collect();
        for of_line in found.chunk_by(|one, next| one.0 == next.0) {
            let message = "holds a card number, which only `pan` may (PII-1)";
            let error = |(_, field, _): &&(u64, String, u64)| FieldError {
                field: field.clone(),
                message: message.to_owned(),
            };
            let line = of_line.first().map_or(0, |first| first.0);
            refused.add(line, Wrong::Fields(of_line.iter().map(error).collect()));
        }
        if refused.lines == 0 { Ok(self) } else { Err(refused.into_failure(self.items())) }
    }

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
    shown: Vec<(u64, String)>,
    /// How many of the lines were imported before, and the first of them.
    there: u64,
    examples: Vec<(u64, ImportError)>,
    /// All their lines, as first and last of each run.
    there_at: Vec<(u64, u64)>,
}

impl<'f> Refused<'f> {
    const fn none_of(file: &'f Path) -> Self {
        Self {
            file,
            lines: 0,
            shown: Vec::new(),
            there: 0,
            examples: Vec::new(),
            there_at: Vec::new(),
        }
    }

    fn add(&mut self, line: u64, why: Wrong) {
        self.lines = self.lines.saturating_add(1);
        match why {
            Wrong::There(error) => {
                self.there = self.there.saturating_add(1);
                match self.there_at.last_mut() {
                    Some((_, last)) if line == last.saturating_add(1) => *last = line,
                    _ => self.there_at.push((line, line)),
                }
                if self.examples.len() <= EXAMPLES {
                    self.examples.push((line, error));
                }
            }
            Wrong::Fields(errors) => errors.iter().for_each(|error| self.show(line, error)),
        }
    }

    fn show(&mut self, line: u64, error: &FieldError) {
        if self.shown.len() < SHOWN {
            self.shown.push((line, format!("{}:{line}: {error}", self.file.display())));
        }
    }

    /// What is said of a file of so many records. A file that is imported again, or a longer edition
    /// of it, would drown everything else in what is there already: that is one line.
    fn into_failure(mut self, records: u64) -> Failure {
        let mut lines = Vec::new();
        let examples = std::mem::take(&mut self.examples);
        if examples.len() <= EXAMPLES {
            for (line, error) in examples {
                self.show(line, &shown(&error));
            }
        } else {
            let named = examples.iter().take(EXAMPLES);
            let named = named.map(|(line, error)| {
                let what = card_numbers::masked(error.there_already().unwrap_or_default());
                format!("line {line}: {what}")
            });
            let (named, file) = (named.collect::<Vec<_>>().join(", "), self.file.display());
            let there = self.there;
            let at = runs(&self.there_at);
            let told = format!(
                "{file}: {there} of {records} records are there already, from before or from an \
                 earlier line: lines {at} ({named}, ...)"
            );
            if there == self.lines {
                return Failure::found(format!("{told}; nothing was imported"));
            }
            lines.push(told);
        }
        self.shown.sort_by_key(|(line, _)| *line);
        let all_shown = self.shown.len() < SHOWN;
        lines.extend(self.shown.into_iter().map(|(_, text)| text));
        if !all_shown {
            lines.push(format!("... only the first {SHOWN} errors are shown"));
        }
        let (count, noun) = (self.lines, if self.lines == 1 { "line" } else { "lines" });
        lines.push(format!("{count} {noun} refused; nothing was imported"));
        Failure { code: 1, lines }
    }
}

/// Line numbers as people write them: `1-9, 12`.
fn runs(lines: &[(u64, u64)]) -> String {
    let shown = lines.iter().take(SHOWN).map(|(first, last)| match first == last {
        true => first.to_string(),
        false => format!("{first}-{last}"),
    });
    let mut text = shown.collect::<Vec<_>>().join(", ");
    if lines.len() > SHOWN {
        text.push_str(", ...");
    }
    text
}

/// What is wrong with a line.
enum Wrong {
    /// There is such a record already.
    There(ImportError),
    /// Anything else.
    Fields(Vec<FieldError>),
}

impl From<FieldError> for Wrong {
    fn from(error: FieldError) -> Self {
        Self::Fields(vec![error])
    }
}

/// What the register said, with no card number in it.
fn shown(error: &ImportError) -> FieldError {
    let message = card_numbers::masked(&error.message).into_owned();
    FieldError { field: error.field.to_owned(), message }
}

/// Reads all lines and takes each record into `state`, which is spoilt if any is refused.
pub(super) fn check(
    state: &mut State,
    mut reader: impl BufRead,
    file: &Path,
    (security, sealer): (&dyn SecurityModule, &mut Sealer<'_>),
    progress: &mut Progress,
) -> Result<Checked, Failure> {
    let mut checked = Checked {
        parts: Vec::new(),
        counts: BTreeMap::new(),
        listeners: BTreeSet::new(),
        suspects: Vec::new(),
    };
    let (mut refused, mut records) = (Refused::none_of(file), 0u64);
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
        records = records.saturating_add(1);
        match take(state, &buffer, security, sealer) {
            Ok((item, suspects)) if refused.lines == 0 => {
                let on_line = |(field, prefix)| (number, field, prefix);
                checked.suspects.extend(suspects.into_iter().map(on_line));
                checked.add(item);
            }
            Ok(_) => {}
            Err(why) => {
                // Nothing will be imported any more; only the other errors matter.
                checked.parts = Vec::new();
                refused.add(number, why);
            }
        }
    }
    if refused.lines > 0 {
        return Err(refused.into_failure(records));
    }
    if checked.parts.is_empty() {
        return Err(Failure::found(format!("{}: has no records", file.display())));
    }
    Ok(checked)
}

/// A record, and what of its line could be card numbers.
type Taken = (PortfolioItem, Vec<(String, u64)>);

fn take(
    state: &mut State,
    line: &[u8],
    security: &dyn SecurityModule,
    sealer: &mut Sealer<'_>,
) -> Result<Taken, Wrong> {
    let whole = |message: &str| FieldError { field: String::new(), message: message.to_owned() };
    if line.len() > LONGEST_LINE {
        return Err(whole("the line is longer than 256 KiB").into());
    }
    let text = std::str::from_utf8(line).map_err(|_| whole("not UTF-8 text"))?;
    let mut line = portfolio::read_line(text.trim(), security).map_err(Wrong::Fields)?;
    let suspects = std::mem::take(&mut line.suspects);
    let item = sealer.seal(line, state)?;
    match state.import_items(std::slice::from_ref(&item)) {
        Ok(_) => {
            sealer.taken(&item)?;
            Ok((item, suspects))
        }
        Err(error) if error.there_already().is_some() => Err(Wrong::There(error)),
        Err(error) => Err(shown(&error).into()),
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
