//! The records of clearing files: what became of each, by file and line.

use crate::batch::{Place, int};
use crate::view::Page;
use crate::{HistoryError, card_transaction, query};
use authorization::{Decided, Presentment, ResultCode};
use payment_types::{BusinessDate, Currency, Moment};
use rusqlite::types::Value;
use rusqlite::{Connection, Row, params, params_from_iter};

/// What became of a presentment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresentmentEntry {
    /// Its journal sequence; of a booked one also its transaction's.
    pub sequence: u64,
    /// When it was taken in.
    pub moment: Moment,
    /// The file's name.
    pub file: String,
    /// The line, or the number of the message, from 1.
    pub line: u32,
    /// The network's reference.
    pub reference: String,
    /// The day of the operation.
    pub operation: BusinessDate,
    /// `matched`, `unmatched` (booked by itself), `duplicate` or `refused`.
    pub status: String,
    /// The result's name.
    pub result: String,
    /// What it was matched to, or what its reference was booked as before.
    pub original: Option<u64>,
    /// The card number as people may see it.
    pub masked_pan: String,
    /// Minor units, as presented.
    pub amount: i64,
    /// Of which currency.
    pub currency: Currency,
}

/// The word for what became of a presentment.
#[must_use]
pub fn presentment_status(result: ResultCode, is_matched: bool) -> &'static str {
    match (result, is_matched) {
        (ResultCode::Booked, true) => "matched",
        (ResultCode::Booked, false) => "unmatched",
        (ResultCode::PresentedBefore, _) => "duplicate",
        _ => "refused",
    }
}

pub(crate) fn write(
    sql: &Connection,
    place: Place,
    presentment: &Presentment,
    decided: &Decided,
) -> Result<(), HistoryError> {
    let (request, result) = (&presentment.request, decided.decision.result);
    sql.prepare_cached(
        "INSERT INTO presentments VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
    )?
    .execute(params![
        place.sequence,
        place.at,
        place.zone,
        presentment.file.as_str(),
        presentment.line,
        presentment.reference.as_str(),
        presentment.operation.days(),
        presentment_status(result, decided.original.is_some()),
        result.name(),
        decided.original.map(|original| int(original.0)),
        request.card.as_ref().map_or("", |card| card.masked.as_str()),
        int(request.amount.minor()),
        request.amount.currency().numeric(),
    ])?;
    // The same record again is no other transaction.
    if result == ResultCode::PresentedBefore {
        return Ok(());
    }
    card_transaction::write(sql, place, request, decided)
}

pub(crate) fn list(
    sql: &Connection,
    (file, status): (Option<&str>, Option<&str>),
    before: Option<u64>,
    most: u32,
) -> Result<Page<PresentmentEntry>, HistoryError> {
    let mut conditions = vec!["sequence < ?"];
    let mut values = vec![Value::from(before.map_or(i64::MAX, int))];
    for (text, condition) in [(file, "file = ?"), (status, "status = ?")] {
        let Some(text) = text else { continue };
        conditions.push(condition);
        values.push(Value::from(text.to_owned()));
    }
    values.push(Value::from(i64::from(most).saturating_add(1)));
    let text = format!(
        "SELECT sequence, at, zone, file, line, reference, operation, status, result, original, \
         masked_pan, amount, currency FROM presentments WHERE {} ORDER BY sequence DESC LIMIT ?",
        conditions.join(" AND ")
    );
    let row = |row: &Row<'_>| {
        Ok(PresentmentEntry {
            sequence: query::to_u64(row.get(0)?),
            moment: query::moment(row, 1)?,
            file: row.get(3)?,
            line: row.get(4)?,
            reference: row.get(5)?,
            operation: BusinessDate::from_days(row.get(6)?),
            status: row.get(7)?,
            result: row.get(8)?,
            original: row.get::<_, Option<i64>>(9)?.map(query::to_u64),
            masked_pan: row.get(10)?,
            amount: row.get(11)?,
            currency: query::currency(row.get(12)?),
        })
    };
    let mut statement = sql.prepare_cached(&text)?;
    let found = statement.query_map(params_from_iter(values), row)?;
    Ok(query::page(found.collect::<Result<_, _>>()?, most, |row| row.sequence))
}
