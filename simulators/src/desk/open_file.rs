//! What a terminal's host may not know yet, kept on disk: a request on its way, a reversal, an
//! advice. It is written before the message goes out and taken away when the desk knows how it
//! ended, so that a terminal that is closed or killed sends it first when it is started again, as a
//! real one does (TXN-2).
//!
//! A file is of one terminal at one host. It names cards as the portfolio does, and holds neither
//! card numbers nor PINs. A second window with the same terminal has a file of its own.

use super::duty::Owes;
use super::errand::{Entry, Wish};
use crate::intent::Trace;
use crate::portfolio::Portfolio;
use crate::terminal::Deed;
use crate::{SimError, files};
use payment_types::{Amount, Currency, Moment, Mti, Timestamp, UtcOffset};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};

/// What this program writes, and the newest it reads.
const VERSION: u32 = 1;
/// Windows with the same terminal at the same time.
const WINDOWS: usize = 9;

/// A message that was sent, as far as a later one about it needs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Original {
    mti: String,
    trace: Written,
    deed: Deed,
    card: String,
    minor: Option<u64>,
    currency: String,
    entry: Entry,
}

/// A [`Trace`] as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    stan: u32,
    reference: String,
    at_ms: i64,
    local_ms: i64,
    offset_minutes: i16,
}

/// Something owed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    original: Original,
    owes: Owes,
    /// The message that was sent for it, if one was: further ones are its repeats.
    sent: Option<Written>,
}

/// The file as a whole.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    open_at_terminal: u32,
    terminal: String,
    host: String,
    messages: Vec<Line>,
}

/// The first words of a file, whatever follows.
#[derive(Deserialize)]
struct Head {
    open_at_terminal: u32,
}

/// Something owed from before.
#[derive(Debug, Clone)]
pub struct Owed {
    /// The type of the original.
    pub(super) mti: Mti,
    /// Its numbers and times.
    pub(super) trace: Trace,
    /// What it was about.
    pub(super) wish: Wish,
    /// What the host must get.
    pub(super) owes: Owes,
    /// The message that was sent for it, if one was.
    pub(super) sent: Option<Trace>,
}

/// See the module.
#[derive(Debug, Default)]
pub struct OpenFile {
    path: Option<PathBuf>,
    /// Held as long as the terminal is open.
    _lock: Option<File>,
    /// Left by second windows; this one has what stands in them.
    leftovers: Vec<(PathBuf, File)>,
    terminal: String,
    host: String,
    lines: BTreeMap<u64, Line>,
}

impl OpenFile {
    /// The file of a terminal at a host, in a folder; and what stands in it.
    ///
    /// # Errors
    /// [`SimError::File`]; [`SimError::Setting`], saying what to do, for a file that is none, or of
    /// a newer program, or another terminal's, or about a card that is not in the portfolio.
    pub fn of(
        folder: &Path,
        (terminal, host): (&str, &str),
        portfolio: &Portfolio,
    ) -> Result<(Self, Vec<Owed>), SimError> {
        std::fs::create_dir_all(folder).map_err(SimError::file(folder))?;
        let mut own = Self { terminal: terminal.into(), host: host.into(), ..Self::default() };
        let mut owed = Vec::new();
        for window in 1..=WINDOWS {
            let path = folder.join(own.name(window));
            let is_needed = own.path.is_none() || path.exists();
            if !is_needed {
                continue;
            }
            let beside = path.with_extension("lock");
            let lock = OpenOptions::new().create(true).append(true).open(&beside);
            let lock = lock.map_err(SimError::file(&beside))?;
            if lock.try_lock().is_err() {
                // Another window has it.
                continue;
            }
            owed.extend(own.read(&path, portfolio)?);
            match own.path {
                Some(_) => own.leftovers.push((path, lock)),
                None => (own.path, own._lock) = (Some(path), Some(lock)),
            }
        }
        let too_many = || {
            let cause = format!("{terminal} is open in {WINDOWS} windows already: close one");
            SimError::Setting(cause)
        };
        own.path.as_ref().ok_or_else(too_many)?;
        Ok((own, owed))
    }

    fn name(&self, window: usize) -> String {
        let plain = files::harmless;
        let number = if window == 1 { String::new() } else { format!(".{window}") };
        format!("{}@{}{number}.json", plain(&self.terminal), plain(&self.host))
    }

    fn read(&self, path: &Path, portfolio: &Portfolio) -> Result<Vec<Owed>, SimError> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) if error.kind() == std::io::ErrorKind::InvalidData => String::new(),
            Err(error) => return Err(SimError::file(path)(error)),
        };
        let wrong = |cause: String| SimError::Setting(format!("{}: {cause}", path.display()));
        let away = "move it away, and the terminal starts without it";
        let head: Result<Head, _> = serde_json::from_str(&text);
        if let Ok(head) = &head
            && head.open_at_terminal > VERSION
        {
            return Err(wrong(format!(
                "written by a newer tamga-sim (version {}, this one reads {VERSION}): start the \
                 terminal with that one once, so that it sends what is open; or {away}",
                head.open_at_terminal
            )));
        }
        let kept: Kept = serde_json::from_str(&text).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            wrong(format!(
                "not what tamga-sim keeps of a terminal's open messages ({line}:{column}): {away}"
            ))
        })?;
        if (kept.terminal.as_str(), kept.host.as_str()) != (&*self.terminal, &*self.host) {
            let Self { terminal, host, .. } = self;
            return Err(wrong(format!(
                "of {} at {}, not of {terminal} at {host}: it was copied or renamed; give it its \
                 own name back, or {away}",
                kept.terminal, kept.host
            )));
        }
        let owed = kept.messages.iter().map(|line| line.owed(portfolio));
        owed.collect::<Result<_, String>>().map_err(|cause| wrong(format!("{cause}; or {away}")))
    }

    /// Writes down what was owed before under its numbers of now.
    ///
    /// # Errors
    /// [`SimError::File`].
    pub(super) fn takes_over<'o>(
        &mut self,
        owed: impl Iterator<Item = (u64, &'o Owed)>,
    ) -> Result<(), SimError> {
        self.lines = owed.map(|(number, owed)| (number, Line::of_owed(owed))).collect();
        self.save()?;
        // Only now: it stands twice for a moment rather than not at all.
        std::mem::take(&mut self.leftovers).iter().try_for_each(|(path, _lock)| remove(path))
    }

    /// A request is about to be sent that must be taken back if nothing comes of it.
    ///
    /// # Errors
    /// [`SimError::File`]: a terminal that can't remember a message does not send it.
    pub(super) fn begins(
        &mut self,
        number: u64,
        (mti, wish, trace): (Mti, &Wish, &Trace),
    ) -> Result<(), SimError> {
        let original = Original::of(mti, wish, trace);
        let line = Line { original, owes: Owes::Reverse { stays: None }, sent: None };
        self.lines.insert(number, line);
        self.save()
    }

    /// A message is about to be sent for something owed.
    ///
    /// # Errors
    /// As [`OpenFile::begins`].
    pub(super) fn follows(
        &mut self,
        (of, owes): (u64, Owes),
        (mti, wish, trace): (Mti, &Wish, &Trace),
        sent: &Trace,
    ) -> Result<(), SimError> {
        let new = || Line { original: Original::of(mti, wish, trace), owes, sent: None };
        let line = self.lines.entry(of).or_insert_with(new);
        line.owes = owes;
        line.sent.get_or_insert_with(|| Written::of(sent));
        self.save()
    }

    /// Only these are still owed.
    ///
    /// # Errors
    /// As [`OpenFile::begins`].
    pub(super) fn stays(&mut self, owed: &[(u64, Owes)]) -> Result<(), SimError> {
        let before = self.lines.clone();
        self.lines.retain(|number, _| owed.iter().any(|(own, _)| own == number));
        for (number, owes) in owed {
            if let Some(line) = self.lines.get_mut(number) {
                line.owes = *owes;
            }
        }
        if self.lines == before { Ok(()) } else { self.save() }
    }

    /// It never went out.
    ///
    /// # Errors
    /// As [`OpenFile::begins`].
    pub(super) fn forget(&mut self, number: u64) -> Result<(), SimError> {
        if self.lines.remove(&number).is_some() { self.save() } else { Ok(()) }
    }

    fn save(&self) -> Result<(), SimError> {
        let Some(path) = &self.path else { return Ok(()) };
        if self.lines.is_empty() {
            return remove(path);
        }
        let kept = Kept {
            open_at_terminal: VERSION,
            terminal: self.terminal.clone(),
            host: self.host.clone(),
            messages: self.lines.values().cloned().collect(),
        };
        let text = serde_json::json!(kept).to_string();
        files::write_durably(path, &text)
    }
}

/// Takes a file away, if it is there.
fn remove(path: &Path) -> Result<(), SimError> {
    std::fs::remove_file(path).or_else(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Ok(()),
        _ => Err(SimError::file(path)(error)),
    })
}

impl Original {
    fn of(mti: Mti, wish: &Wish, trace: &Trace) -> Self {
        let currency = wish.amount.map_or(Currency::KGS, Amount::currency);
        Self {
            mti: mti.to_string(),
            trace: Written::of(trace),
            deed: wish.deed,
            card: wish.card.to_string(),
            minor: wish.amount.map(Amount::minor),
            currency: currency.to_string(),
            entry: wish.entry,
        }
    }
}

impl Written {
    fn of(trace: &Trace) -> Self {
        Self {
            stan: trace.stan,
            reference: trace.rrn.clone(),
            at_ms: trace.at.at.0,
            local_ms: trace.local.at.0,
            offset_minutes: trace.local.offset.0,
        }
    }

    fn trace(&self) -> Trace {
        let moment = |ms| Moment::new(Timestamp(ms), UtcOffset(self.offset_minutes));
        let (at, local) = (moment(self.at_ms), moment(self.local_ms));
        Trace { stan: self.stan, rrn: self.reference.clone(), at, local }
    }
}

impl Line {
    fn of_owed(owed: &Owed) -> Self {
        Self {
            original: Original::of(owed.mti, &owed.wish, &owed.trace),
            owes: owed.owes,
            sent: owed.sent.as_ref().map(Written::of),
        }
    }

    fn owed(&self, portfolio: &Portfolio) -> Result<Owed, String> {
        let Original { mti, trace, deed, card, minor, currency, entry } = &self.original;
        portfolio.card(card).map_err(|_| {
            format!(
                "the {} of card {card}, which is not in this portfolio: name the one it was used \
                 with (--portfolio)",
                self.owes.name()
            )
        })?;
        let known = Currency::from_alpha(currency);
        let currency = known.ok_or_else(|| format!("{currency:?} is no currency"))?;
        Ok(Owed {
            mti: Mti::parse(mti).map_err(|_| format!("{mti:?} is no message type"))?,
            trace: trace.trace(),
            wish: Wish {
                deed: *deed,
                card: card.as_str().into(),
                amount: minor.map(|minor| Amount::new(minor, currency)),
                entry: *entry,
                pin: None,
                new_pin: None,
            },
            owes: self.owes,
            sent: self.sent.as_ref().map(Written::trace),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::card::tests::card;
    use crate::moment::{DEFAULT_ZONE, Zone};

    fn sent(minor: u64) -> (Mti, Wish, Trace) {
        let wish = Wish {
            deed: Deed::Purchase,
            card: card().id,
            amount: Some(Amount::new(minor, Currency::KGS)),
            entry: Entry::Tap,
            pin: None,
            new_pin: None,
        };
        let at = Zone::named(DEFAULT_ZONE).unwrap().parse("2026-11-23T23:59:58+06:00").unwrap();
        (Mti::parse("0200").unwrap(), wish, Trace::fresh(7, at))
    }

    #[test]
    fn txn_2_what_is_written_is_read_and_every_window_has_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let mut portfolio = Portfolio::default();
        portfolio.cards.insert(card().id, card());
        let open = || OpenFile::of(folder.path(), ("POS00001", "h:1"), &portfolio).unwrap();
        let (mut first, owed) = open();
        assert!(owed.is_empty());
        let (mti, wish, trace) = sent(500);
        first.begins(1, (mti, &wish, &trace)).unwrap();
        let (mut second, owed) = open();
        assert!(owed.is_empty(), "what is on its way in one window is not another's");
        second.begins(1, (mti, &wish, &trace)).unwrap();
        let reversal = trace.following(8, trace.at);
        let owes = Owes::Reverse { stays: Some(200) };
        second.follows((1, owes), (mti, &wish, &trace), &reversal).unwrap();
        drop((first, second));
        let (mut again, owed) = open();
        assert_eq!(owed.len(), 2, "whoever comes next sends both");
        let told = |owed: &Owed| (owed.trace.clone(), owed.owes, owed.sent.clone());
        assert_eq!(told(&owed[0]), (trace.clone(), Owes::Reverse { stays: None }, None));
        assert_eq!(told(&owed[1]), (trace, owes, Some(reversal)));
        assert_eq!(owed[1].wish.amount, wish.amount);
        again.takes_over((1..).step_by(2).zip(&owed)).unwrap();
        let files = || {
            let all = std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().path());
            all.filter(|path| path.extension().is_some_and(|kind| kind == "json")).count()
        };
        assert_eq!(files(), 1);
        again.stays(&[(3, owes)]).unwrap();
        again.stays(&[]).unwrap();
        assert_eq!(files(), 0, "nothing is left of what is settled");
    }
}
