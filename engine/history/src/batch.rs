//! One SQLite transaction's worth of journal records, turned into rows.
//!
//! Nothing is kept between batches but what is in the file, so a batch that fails leaves nothing
//! behind, in memory or on disk.

use crate::postings::{self, Turnovers};
use crate::{HistoryError, administration, card_transaction, presentments};
use authorization::{Command, Outcome, Record, decode_record};
use payment_types::Moment;
use rusqlite::Connection;

/// How far the journal has been taken in, and how much of the portfolio has taken effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) sequence: i64,
    pub(crate) digest: i64,
    pub(crate) portfolio: Counts,
}

/// How many of each there are; the next one's slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Counts {
    pub(crate) accounts: i64,
    pub(crate) cards: i64,
    pub(crate) terminals: i64,
    pub(crate) merchants: i64,
    pub(crate) agents: i64,
}

/// A place in the journal, as columns.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) sequence: i64,
    pub(crate) at: i64,
    pub(crate) zone: i16,
    /// Its business day.
    pub(crate) day: i32,
}

impl Place {
    fn new(sequence: u64, moment: Moment) -> Self {
        let day = moment.business_date().days();
        Self { sequence: int(sequence), at: moment.at.0, zone: moment.offset.0, day }
    }
}

/// The rows of an open transaction.
pub(crate) struct Batch<'c> {
    pub(crate) sql: &'c Connection,
    pub(crate) position: Position,
    pub(crate) turnovers: Turnovers,
    last: Vec<u8>,
}

impl<'c> Batch<'c> {
    /// Goes on from where the file stands. `sql` is in a transaction that the caller ends.
    pub(crate) fn begin(sql: &'c Connection) -> Result<Self, HistoryError> {
        let position = load_position(sql)?;
        Ok(Self { sql, position, turnovers: Turnovers::default(), last: Vec::new() })
    }

    /// Takes in one record.
    pub(crate) fn take(&mut self, sequence: u64, bytes: &[u8]) -> Result<(), HistoryError> {
        let record = decode_record(bytes)
            .map_err(|error| HistoryError::Record { sequence, reason: error.to_string() })?;
        let place = Place::new(sequence, record.accepted.moment);
        self.write(place, &record)?;
        self.position.sequence = place.sequence;
        self.last.clear();
        self.last.extend_from_slice(bytes);
        Ok(())
    }

    fn write(&mut self, place: Place, record: &Record) -> Result<(), HistoryError> {
        match (&record.accepted.command, &record.outcome) {
            (Command::Authorize(request), Outcome::Decided(decided)) => {
                card_transaction::write(self.sql, place, request, decided)?;
            }
            (Command::Present(presentment), Outcome::Decided(decided)) => {
                presentments::write(self.sql, place, presentment, decided)?;
            }
            (command, outcome) => administration::write(self, place, command, outcome)?,
        }
        postings::write(self, place, record.outcome.transfers())?;
        postings::write_notices(self.sql, place, record.outcome.notices())
    }

    /// Writes the position; the caller commits.
    pub(crate) fn end(self) -> Result<Position, HistoryError> {
        self.turnovers.add_to(self.sql)?;
        let mut position = self.position;
        if !self.last.is_empty() {
            position.digest = digest(&self.last);
        }
        let counts = position.portfolio;
        self.sql
            .prepare_cached(
                "UPDATE position SET sequence = ?1, digest = ?2, accounts = ?3, cards = ?4, \
             terminals = ?5, merchants = ?6, agents = ?7",
            )?
            .execute([
                position.sequence,
                position.digest,
                counts.accounts,
                counts.cards,
                counts.terminals,
                counts.merchants,
                counts.agents,
            ])?;
        Ok(position)
    }
}

pub(crate) fn load_position(sql: &Connection) -> Result<Position, HistoryError> {
    let columns = "SELECT sequence, digest, accounts, cards, terminals, merchants, agents \
                   FROM position";
    let position = sql.prepare_cached(columns)?.query_row([], |row| {
        let portfolio = Counts {
            accounts: row.get(2)?,
            cards: row.get(3)?,
            terminals: row.get(4)?,
            merchants: row.get(5)?,
            agents: row.get(6)?,
        };
        Ok(Position { sequence: row.get(0)?, digest: row.get(1)?, portfolio })
    })?;
    Ok(position)
}

/// FNV-1a over a record's bytes: enough to notice that the journal is another one than it was, for
/// example restored from a backup.
pub(crate) fn digest(bytes: &[u8]) -> i64 {
    let fnv = bytes.iter().fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3)
    });
    i64::from_ne_bytes(fnv.to_ne_bytes())
}

/// SQLite's integers are signed. No sequence or amount of a real bank comes near the end.
pub(crate) fn int(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
