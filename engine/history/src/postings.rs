//! What every outcome has in common: money and messages, whatever command they come from.

use crate::HistoryError;
use crate::batch::{Batch, Place, int};
use authorization::Notice;
use ledger::{Party, Transfer};
use rusqlite::{Connection, params};
use std::collections::BTreeMap;

/// The class of all customers' accounts together.
pub(crate) const CUSTOMERS: &str = "customers";

/// Debits, credits and postings of one batch by day, currency and class.
#[derive(Default)]
pub(crate) struct Turnovers(BTreeMap<(i32, u16, &'static str), (i64, i64, i64)>);

impl Turnovers {
    /// Adds what was debited and credited, both positive, by `count` postings.
    pub(crate) fn add(
        &mut self,
        place: Place,
        currency: u16,
        class: &'static str,
        (debit, credit): (i64, i64),
        count: i64,
    ) {
        let row = self.0.entry((place.day, currency, class)).or_default();
        row.0 = row.0.saturating_add(debit);
        row.1 = row.1.saturating_add(credit);
        row.2 = row.2.saturating_add(count);
    }

    /// A few rows a batch, so that totals of a day cost no walk over its postings.
    pub(crate) fn add_to(&self, sql: &Connection) -> Result<(), HistoryError> {
        let text = "INSERT INTO turnovers VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
                    ON CONFLICT DO UPDATE SET debit = debit + excluded.debit, \
                    credit = credit + excluded.credit, postings = postings + excluded.postings";
        for ((day, currency, class), (debit, credit, count)) in &self.0 {
            sql.prepare_cached(text)?
                .execute(params![day, currency, class, debit, credit, count])?;
        }
        Ok(())
    }
}

/// Two postings a transfer (BAL-7): what one side loses the other gets. The debit has an even line,
/// its credit the odd one behind it.
pub(crate) fn write<'t>(
    batch: &mut Batch<'_>,
    place: Place,
    transfers: impl Iterator<Item = &'t Transfer>,
) -> Result<(), HistoryError> {
    let mut line = 0_i64;
    for transfer in transfers {
        let (amount, currency) = (int(transfer.amount), transfer.currency.numeric());
        for (party, sign) in [(transfer.debit, -1), (transfer.credit, 1)] {
            let (account, general) = match party {
                Party::Customer(slot) => (Some(slot.0), None),
                Party::General(general) => (None, Some(general.name())),
            };
            let signed = amount.saturating_mul(sign);
            batch
                .sql
                .prepare_cached("INSERT INTO postings VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
                .execute(params![place.sequence, line, account, general, signed, currency])?;
            let turnover = if sign < 0 { (amount, 0) } else { (0, amount) };
            batch.turnovers.add(place, currency, general.unwrap_or(CUSTOMERS), turnover, 1);
            line = line.saturating_add(1);
        }
    }
    Ok(())
}

/// The outbox.
pub(crate) fn write_notices<'n>(
    sql: &Connection,
    place: Place,
    notices: impl Iterator<Item = &'n Notice>,
) -> Result<(), HistoryError> {
    for notice in notices {
        let (kind, account, amount, due_on) = match notice {
            Notice::TechnicalOverdraft { account, amount, due_on } => {
                ("technical_overdraft", account, amount, due_on)
            }
            Notice::MinimumBalance { account, missing, due_on } => {
                ("minimum_balance", account, missing, due_on)
            }
            Notice::TechnicalOverdraftOverdue { account, amount, due_on } => {
                ("technical_overdraft_overdue", account, amount, due_on)
            }
            Notice::NotificationsSuspended { account, amount, due_on } => {
                ("notifications_suspended", account, amount, due_on)
            }
            Notice::MinimumBalanceOverdue { account, missing, due_on } => {
                ("minimum_balance_overdue", account, missing, due_on)
            }
        };
        let text = "INSERT INTO notifications \
                    (sequence, at, zone, kind, account, amount, due_on) \
                    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let (at, due_on) = (place.at, due_on.days());
        sql.prepare_cached(text)?.execute(params![
            place.sequence,
            at,
            place.zone,
            kind,
            account.0,
            amount,
            due_on
        ])?;
    }
    Ok(())
}
