//! The ids of a portfolio, kept so that positions in journal records can be turned back.
//!
//! Positions are dense in order of appearance, per kind. An import comes in parts and takes effect
//! with its last one or not at all, so rows above the counts in
//! [`Position`](crate::batch::Position) are provisional: nothing refers to them yet, and they go
//! when the import is refused or begun anew.

use crate::HistoryError;
use crate::batch::{Batch, Counts, Place};
use crate::postings::CUSTOMERS;
use authorization::{AccountItem, CardItem, Done, Outcome, PortfolioItem, TerminalItem};
use ledger::GeneralAccount;
use rusqlite::{Connection, params};

pub(crate) fn write(
    batch: &mut Batch<'_>,
    place: Place,
    part: u32,
    items: &[PortfolioItem],
    outcome: &Outcome,
) -> Result<(), HistoryError> {
    let settled = batch.position.portfolio;
    if part == 0 || !matches!(outcome, Outcome::Done(_)) {
        drop_above(batch.sql, settled)?;
    }
    let Outcome::Done(done) = outcome else { return Ok(()) };
    let mut next = counts(batch.sql)?;
    for item in items {
        insert(batch.sql, &mut next, item)?;
    }
    if matches!(done, Done::Imported { .. }) {
        write_opening(batch, place, settled.accounts)?;
        batch.position.portfolio = next;
    }
    Ok(())
}

const TABLES: [&str; 5] = ["accounts", "cards", "terminals", "merchants", "agents"];

fn drop_above(sql: &Connection, settled: Counts) -> Result<(), HistoryError> {
    let Counts { accounts, cards, terminals, merchants, agents } = settled;
    for (table, count) in TABLES.into_iter().zip([accounts, cards, terminals, merchants, agents]) {
        sql.prepare_cached(&format!("DELETE FROM {table} WHERE slot >= ?1"))?.execute([count])?;
    }
    Ok(())
}

fn counts(sql: &Connection) -> Result<Counts, HistoryError> {
    let next = |table| {
        sql.prepare_cached(&format!("SELECT coalesce(max(slot) + 1, 0) FROM {table}"))?
            .query_row([], |row| row.get::<_, i64>(0))
    };
    let [accounts, cards, terminals, merchants, agents] = TABLES;
    Ok(Counts {
        accounts: next(accounts)?,
        cards: next(cards)?,
        terminals: next(terminals)?,
        merchants: next(merchants)?,
        agents: next(agents)?,
    })
}

fn insert(sql: &Connection, next: &mut Counts, item: &PortfolioItem) -> Result<(), HistoryError> {
    match item {
        PortfolioItem::Product(_) | PortfolioItem::Customer { .. } => {}
        PortfolioItem::Account(account) => insert_account(sql, take(&mut next.accounts), account)?,
        PortfolioItem::Card(card) => insert_card(sql, take(&mut next.cards), card)?,
        PortfolioItem::Terminal(terminal) => {
            insert_terminal(sql, take(&mut next.terminals), terminal)?;
        }
        PortfolioItem::Agent { id, name } => {
            sql.prepare_cached("INSERT OR IGNORE INTO agents VALUES (?1, ?2, ?3)")?
                .execute(params![take(&mut next.agents), id.as_str(), name.as_str()])?;
        }
        PortfolioItem::Merchant { id, name, mcc, country } => {
            let row = params![
                take(&mut next.merchants),
                id.as_str(),
                name.as_str(),
                mcc,
                country.as_str()
            ];
            sql.prepare_cached("INSERT OR IGNORE INTO merchants VALUES (?1, ?2, ?3, ?4, ?5)")?
                .execute(row)?;
        }
    }
    Ok(())
}

/// An id that is there already makes the core refuse the whole import; until that is known the
/// first one stays.
fn insert_account(sql: &Connection, slot: i64, account: &AccountItem) -> Result<(), HistoryError> {
    sql.prepare_cached("INSERT OR IGNORE INTO accounts VALUES (?1, ?2, ?3, ?4, ?5)")?.execute(
        params![
            slot,
            account.id.as_str(),
            account.customer.as_str(),
            account.currency.numeric(),
            account.balance
        ],
    )?;
    Ok(())
}

fn insert_card(sql: &Connection, slot: i64, card: &CardItem) -> Result<(), HistoryError> {
    sql.prepare_cached("INSERT OR IGNORE INTO cards VALUES (?1, ?2, ?3, ?4)")?.execute(params![
        slot,
        card.id.as_str(),
        card.masked.as_str(),
        card.account.as_str()
    ])?;
    Ok(())
}

fn insert_terminal(sql: &Connection, slot: i64, item: &TerminalItem) -> Result<(), HistoryError> {
    sql.prepare_cached("INSERT OR IGNORE INTO terminals VALUES (?1, ?2, ?3, ?4, ?5)")?.execute(
        params![
            slot,
            item.id.as_str(),
            item.category.name(),
            item.merchant.as_deref(),
            item.agent.as_deref()
        ],
    )?;
    Ok(())
}

/// The opening balances of an import that took effect: a posting an account, and one per currency
/// against the bank's opening account, so that the sum is zero (BAL-7).
fn write_opening(batch: &mut Batch<'_>, place: Place, first: i64) -> Result<(), HistoryError> {
    let sql = batch.sql;
    let sums = "SELECT currency, sum(min(opening, 0)), sum(max(opening, 0)), sum(opening <> 0) \
                FROM accounts WHERE slot >= ?1 GROUP BY currency";
    let mut sums = sql.prepare_cached(sums)?;
    let mut rows = sums.query([first])?;
    while let Some(row) = rows.next()? {
        let (currency, debit, credit) = (row.get(0)?, row.get::<_, i64>(1)?, row.get(2)?);
        let count = row.get(3)?;
        batch.turnovers.add(place, currency, CUSTOMERS, (-debit, credit), count);
        let opening = GeneralAccount::Opening.name();
        // The other side: what customers are credited with, the opening account is debited with.
        batch.turnovers.add(place, currency, opening, (credit, -debit), i64::from(count > 0));
    }
    sql.execute(
        "INSERT INTO postings SELECT ?1, slot - ?2, slot, NULL, opening, currency \
         FROM accounts WHERE slot >= ?2 AND opening <> 0",
        [place.sequence, first],
    )?;
    sql.execute(
        "INSERT INTO postings SELECT ?1, -1 - currency, NULL, 'opening', -sum(opening), currency \
         FROM accounts WHERE slot >= ?2 GROUP BY currency HAVING sum(opening) <> 0",
        [place.sequence, first],
    )?;
    Ok(())
}

fn take(next: &mut i64) -> i64 {
    let slot = *next;
    *next = next.saturating_add(1);
    slot
}
