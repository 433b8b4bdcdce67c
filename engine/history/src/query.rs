//! The searches. Lists are newest first and go on from a sequence, so that a page is one walk along
//! an index however deep it is.

use crate::view::{
    AuditEntry, Link, Notification, Page, Party, Posting, RuleSetEntry, TraceLine,
    TransactionDetail, TransactionSummary,
};
use crate::{CodeCount, HistoryError, names};
use payment_types::{BusinessDate, Currency, Moment, Timestamp, UtcOffset};
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params, params_from_iter};
use std::ops::Range;

/// Which transactions. Empty means all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// Of the card with this id.
    pub card: Option<String>,
    /// Of the account with this id.
    pub account: Option<String>,
    /// From the terminal with this DE 41.
    pub terminal: Option<String>,
    /// Accepted at this instant or later.
    pub from: Option<Timestamp>,
    /// Accepted before this instant.
    pub to: Option<Timestamp>,
    /// With this DE 39.
    pub code: Option<String>,
}

const SUMMARY: &str = "SELECT t.sequence, t.at, t.zone, t.mti, t.processing_code, c.id, \
    t.masked_pan, a.id, t.terminal, d.category, d.merchant, d.agent, t.mcc, t.amount, t.currency, \
    t.approved, t.result, t.code, t.auth_code, t.rrn, t.stan, t.liability, t.approved_amount, \
    t.handed_out, t.original, t.rules, \
    t.acceptor, t.entry_mode, t.pin, t.local_time, t.transmission, t.acquirer, t.cash_back, \
    t.replacement, t.cap_left, t.hold, t.hold_amount, a.currency, t.trace \
    FROM transactions t";
const JOINS: &str = "LEFT JOIN cards c ON c.slot = t.card \
    LEFT JOIN accounts a ON a.slot = t.account LEFT JOIN terminals d ON d.id = t.terminal";

pub(crate) fn transactions(
    sql: &Connection,
    filter: &Filter,
    before: Option<u64>,
    most: u32,
) -> Result<Page<TransactionSummary>, HistoryError> {
    // One reading transaction: the walk over the stretches is of one moment.
    let sql = sql.unchecked_transaction()?;
    let range = sequences(&sql, filter, before)?;
    let enough = usize::try_from(most).unwrap_or(usize::MAX);
    let mut items = Vec::new();
    if filter.card.is_none() && filter.account.is_none() && filter.terminal.is_none() {
        collect(&sql, filter, Walk::All, &range, most, &mut items)?;
        return Ok(page(items, most, |row| row.sequence));
    }
    let cards = cards(&sql, filter)?;
    for stretch in (range.start >> STRETCH_BITS..=(range.end - 1) >> STRETCH_BITS).rev() {
        for card in &cards {
            let walk = match card {
                Some(card) => Walk::Card(stretch, *card),
                None => Walk::Terminal(stretch),
            };
            collect(&sql, filter, walk, &range, most, &mut items)?;
        }
        if items.len() > enough {
            break;
        }
    }
    items.sort_by_key(|row| std::cmp::Reverse(row.sequence));
    Ok(page(items, most, |row| row.sequence))
}

/// As in the schema: how many records stand together in the indexes by card and by terminal.
const STRETCH_BITS: u32 = 16;

/// Along which index, and where in it.
#[derive(Clone, Copy)]
enum Walk {
    /// Newest first, or along the code's.
    All,
    /// A stretch's rows of a card.
    Card(i64, i64),
    /// A stretch's rows of the filter's terminal.
    Terminal(i64),
}

/// Adds the newest `most` and one more of the rows that a walk finds.
fn collect(
    sql: &Connection,
    filter: &Filter,
    walk: Walk,
    range: &Range<i64>,
    most: u32,
    items: &mut Vec<TransactionSummary>,
) -> Result<(), HistoryError> {
    let mut conditions = vec!["t.sequence >= ?", "t.sequence < ?"];
    let mut values = vec![Value::from(range.start), Value::from(range.end)];
    let index = match walk {
        Walk::All => "",
        Walk::Card(stretch, card) => {
            conditions.extend(["t.sequence >> 16 = ?", "t.card = ?"]);
            values.extend([Value::from(stretch), Value::from(card)]);
            "INDEXED BY transactions_by_card"
        }
        Walk::Terminal(stretch) => {
            conditions.push("t.sequence >> 16 = ?");
            values.push(Value::from(stretch));
            "INDEXED BY transactions_by_terminal"
        }
    };
    for (text, condition) in [(&filter.terminal, "t.terminal = ?"), (&filter.code, "t.code = ?")] {
        let Some(text) = text else { continue };
        conditions.push(condition);
        values.push(Value::from(text.clone()));
    }
    values.push(Value::from(i64::from(most).saturating_add(1)));
    let text = format!(
        "{SUMMARY} {index} {JOINS} WHERE {} ORDER BY t.sequence DESC LIMIT ?",
        conditions.join(" AND ")
    );
    let mut statement = sql.prepare_cached(&text)?;
    for row in statement.query_map(params_from_iter(values), summary)? {
        items.push(row?);
    }
    Ok(())
}

/// The cards to look for: the one named, those of the account named, or any (`None`).
fn cards(sql: &Connection, filter: &Filter) -> Result<Vec<Option<i64>>, HistoryError> {
    let find = match (&filter.card, &filter.account) {
        (None, None) => return Ok(vec![None]),
        (Some(_), None) => "SELECT slot FROM cards WHERE id = ?1 AND ?2 IS NULL",
        (None, Some(_)) => "SELECT slot FROM cards WHERE account = ?2 AND ?1 IS NULL",
        (Some(_), Some(_)) => "SELECT slot FROM cards WHERE id = ?1 AND account = ?2",
    };
    let slot = |row: &Row<'_>| row.get(0).map(Some);
    let mut statement = sql.prepare_cached(find)?;
    let found = statement.query_map(params![filter.card, filter.account], slot)?;
    Ok(found.collect::<Result<_, _>>()?)
}

/// Between which sequences to look; at least one wide. Instants become sequences: both rise
/// together.
fn sequences(
    sql: &Connection,
    filter: &Filter,
    before: Option<u64>,
) -> Result<Range<i64>, HistoryError> {
    let find = "SELECT coalesce(min(sequence), 0) FROM transactions";
    let oldest: i64 = sql.prepare_cached(find)?.query_row([], |row| row.get(0))?;
    let find = "SELECT coalesce(max(sequence), 0) FROM transactions";
    let newest: i64 = sql.prepare_cached(find)?.query_row([], |row| row.get(0))?;
    let mut range = oldest..newest.saturating_add(1).min(before.map_or(i64::MAX, int));
    if let Some(from) = filter.from {
        range.start = range.start.max(first_at_of(sql, "transactions", from, oldest, newest)?);
    }
    if let Some(to) = filter.to {
        range.end = range.end.min(first_at_of(sql, "transactions", to, oldest, newest)?);
    }
    range.end = range.end.max(1);
    Ok(range)
}

/// The decisions after a record, by code.
pub(crate) fn codes_after(
    sql: &Connection,
    sequence: u64,
) -> Result<(u64, Vec<CodeCount>), HistoryError> {
    // One reading transaction: what is counted ends with that record.
    let sql = sql.unchecked_transaction()?;
    let find = "SELECT max(sequence) FROM transactions WHERE sequence > ?1";
    let last: Option<i64> =
        sql.prepare_cached(find)?.query_row([int(sequence)], |row| row.get(0))?;
    let Some(last) = last else { return Ok((sequence, Vec::new())) };
    let find = "SELECT code, approved, count(*) FROM transactions \
                WHERE sequence > ?1 AND sequence <= ?2 GROUP BY code, approved";
    let count = |row: &Row<'_>| {
        Ok(CodeCount { code: row.get(0)?, approved: row.get(1)?, count: to_u64(row.get(2)?) })
    };
    let mut statement = sql.prepare_cached(find)?;
    let counts = statement.query_map([int(sequence), last], count)?;
    Ok((to_u64(last), counts.collect::<Result<_, _>>()?))
}

/// The first transaction at an instant or later.
pub(crate) fn first_transaction_at(
    sql: &Connection,
    instant: Timestamp,
) -> Result<Option<u64>, HistoryError> {
    let range = sequences(sql, &Filter { from: Some(instant), ..Filter::default() }, None)?;
    let find = "SELECT min(sequence) FROM transactions WHERE sequence >= ?1";
    let first: Option<i64> =
        sql.prepare_cached(find)?.query_row([range.start], |row| row.get(0))?;
    Ok(first.map(to_u64))
}

/// The least sequence of a table's row at `instant` or later, found by halving; one more than
/// `newest` if there is none.
pub(crate) fn first_at_of(
    sql: &Connection,
    table: &str,
    instant: Timestamp,
    oldest: i64,
    newest: i64,
) -> Result<i64, HistoryError> {
    let find =
        format!("SELECT sequence, at FROM {table} WHERE sequence >= ?1 ORDER BY sequence LIMIT 1");
    let mut statement = sql.prepare_cached(&find)?;
    // Before `low` all are earlier, from `high` on none is.
    let (mut low, mut high) = (oldest, newest.saturating_add(1));
    while low < high {
        let middle = low + (high - low) / 2;
        let row = |row: &Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?));
        match statement.query_row([middle], row).optional()? {
            Some((sequence, at)) if at < instant.0 => low = sequence.saturating_add(1),
            _ => high = middle,
        }
    }
    // `low` may lie in a gap before that row.
    let row = statement.query_row([low], |row| row.get::<_, i64>(0)).optional()?;
    Ok(row.unwrap_or(newest.saturating_add(1)))
}

/// As [`position`], of a file whose tables are those of now.
pub(crate) fn position_of_current(sql: &Connection) -> Result<u64, HistoryError> {
    sql.prepare("SELECT 1 FROM turnovers, bookings")?;
    position(sql)
}

/// The last record taken in.
pub(crate) fn position(sql: &Connection) -> Result<u64, HistoryError> {
    let find = "SELECT sequence FROM position";
    Ok(sql.prepare_cached(find)?.query_row([], |row| row.get(0)).map(to_u64)?)
}

/// One row more than asked was read: if it is there, there is a next part.
pub(crate) fn page<T>(mut items: Vec<T>, most: u32, sequence: impl Fn(&T) -> u64) -> Page<T> {
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let is_more = items.len() > most;
    items.truncate(most);
    let next = items.last().filter(|_| is_more).map(sequence);
    Page { items, next }
}

pub(crate) fn transaction(
    sql: &Connection,
    sequence: u64,
) -> Result<Option<TransactionDetail>, HistoryError> {
    // One reading transaction, so that all parts are of one moment.
    let sql = sql.unchecked_transaction()?;
    let repeated = "SELECT original FROM retransmissions WHERE sequence = ?1";
    let first = sql.prepare_cached(repeated)?.query_row([int(sequence)], |row| row.get(0));
    let sequence = first.optional()?.unwrap_or(int(sequence));
    let text = format!("{SUMMARY} {JOINS} WHERE t.sequence = ?1");
    let row = |row: &Row<'_>| Ok((detail(row)?, row.get::<_, String>(38)?));
    let found = sql.prepare_cached(&text)?.query_row([sequence], row).optional()?;
    let Some((mut detail, text)) = found else { return Ok(None) };
    detail.trace = trace(&sql, sequence, &text)?;
    detail.postings = postings(&sql, sequence)?;
    if let Some(original) = detail.summary.original {
        detail.original = links(&sql, "sequence = ?1", int(original))?.pop();
    }
    detail.followers = links(&sql, "original = ?1", sequence)?;
    let find = "SELECT at, zone FROM retransmissions WHERE original = ?1 ORDER BY sequence";
    let moments = |row: &Row<'_>| moment(row, 0);
    detail.retransmissions =
        sql.prepare_cached(find)?.query_map([sequence], moments)?.collect::<Result<_, _>>()?;
    let find = "SELECT at, zone FROM hold_expiries WHERE original = ?1";
    detail.hold_expired_at = sql.prepare_cached(find)?.query_row([sequence], moments).optional()?;
    Ok(Some(detail))
}

fn trace(sql: &Connection, sequence: i64, text: &str) -> Result<Vec<TraceLine>, HistoryError> {
    let find = "SELECT limits FROM rule_sets WHERE sequence < ?1 ORDER BY sequence DESC LIMIT 1";
    let limits = sql.prepare_cached(find)?.query_row([sequence], |row| row.get::<_, String>(0));
    let limits: Vec<(String, String)> = limits
        .optional()?
        .map_or(Ok(Vec::new()), |limits| serde_json::from_str(&limits))
        .map_err(|_| HistoryError::Content("limits"))?;
    let rows: Vec<Vec<serde_json::Value>> =
        serde_json::from_str(text).map_err(|_| HistoryError::Content("a trace"))?;
    let lines = rows.iter().map(|row| trace_line(row, &limits)).collect::<Option<_>>();
    lines.ok_or(HistoryError::Content("a trace"))
}

fn trace_line(row: &[serde_json::Value], limits: &[(String, String)]) -> Option<TraceLine> {
    let [rule, verdict, limit, numbers @ ..] = row else { return None };
    let (limit, measure) = limit
        .as_u64()
        .map(|at| match usize::try_from(at).ok().and_then(|at| limits.get(at)) {
            Some((id, measure)) => (id.clone(), Some(measure.clone())),
            None => (at.to_string(), None),
        })
        .unzip();
    let number = |at: usize| numbers.get(at).and_then(serde_json::Value::as_i64).unwrap_or(0);
    Some(TraceLine {
        rule: rule.as_str()?.to_owned(),
        verdict: names::verdict(verdict.as_str()?)?.to_owned(),
        limit,
        measure: measure.flatten(),
        asked: number(0),
        used: number(1),
        ceiling: number(2),
    })
}

fn postings(sql: &Connection, sequence: i64) -> Result<Vec<Posting>, HistoryError> {
    let find = "SELECT a.id, p.general, p.amount, p.currency FROM postings p \
                LEFT JOIN accounts a ON a.slot = p.account WHERE p.sequence = ?1 ORDER BY p.line";
    let posting = |row: &Row<'_>| {
        let party = match row.get(1)? {
            Some(general) => Party::General(general),
            None => Party::Account(row.get::<_, Option<String>>(0)?.unwrap_or_default()),
        };
        Ok(Posting { party, amount: row.get(2)?, currency: currency(row.get(3)?) })
    };
    Ok(sql.prepare_cached(find)?.query_map([sequence], posting)?.collect::<Result<_, _>>()?)
}

fn links(sql: &Connection, condition: &str, of: i64) -> Result<Vec<Link>, HistoryError> {
    let text = format!(
        "SELECT sequence, at, zone, mti, amount, currency, result, code FROM transactions \
         WHERE {condition} ORDER BY sequence"
    );
    let link = |row: &Row<'_>| {
        Ok(Link {
            sequence: to_u64(row.get(0)?),
            moment: moment(row, 1)?,
            mti: row.get(3)?,
            amount: row.get(4)?,
            currency: currency(row.get(5)?),
            result: row.get(6)?,
            code: row.get(7)?,
        })
    };
    Ok(sql.prepare_cached(&text)?.query_map([of], link)?.collect::<Result<_, _>>()?)
}

pub(crate) fn notifications(
    sql: &Connection,
    account: Option<&str>,
    before: Option<u64>,
    most: u32,
) -> Result<Page<Notification>, HistoryError> {
    let select = "SELECT n.sequence, n.at, n.zone, n.kind, a.id, a.customer, n.amount, \
                  a.currency, n.due_on, n.id FROM notifications n \
                  JOIN accounts a ON a.slot = n.account WHERE n.id < ?1";
    let row = |row: &Row<'_>| {
        Ok(Notification {
            id: to_u64(row.get(9)?),
            sequence: to_u64(row.get(0)?),
            moment: moment(row, 1)?,
            kind: row.get(3)?,
            account: row.get(4)?,
            customer: row.get(5)?,
            amount: row.get(6)?,
            currency: currency(row.get(7)?),
            due_on: BusinessDate::from_days(row.get(8)?),
        })
    };
    let before = before.map_or(i64::MAX, int);
    let limit = i64::from(most).saturating_add(1);
    let rows = match account {
        Some(account) => {
            let slot = "(SELECT slot FROM accounts WHERE id = ?3)";
            let order = "ORDER BY n.id DESC LIMIT ?2";
            sql.prepare_cached(&format!("{select} AND n.account = {slot} {order}"))?
                .query_map(params![before, limit, account], row)?
                .collect::<Result<_, _>>()?
        }
        None => sql
            .prepare_cached(&format!("{select} ORDER BY n.id DESC LIMIT ?2"))?
            .query_map(params![before, limit], row)?
            .collect::<Result<_, _>>()?,
    };
    Ok(page(rows, most, |row| row.id))
}

pub(crate) fn audit(
    sql: &Connection,
    subject: Option<(&str, &str)>,
    before: Option<u64>,
    most: u32,
) -> Result<Page<AuditEntry>, HistoryError> {
    let condition = match subject {
        Some(("user", _)) => {
            "AND (subject_kind = ?3 AND subject = ?4
                OR sequence IN (SELECT sequence FROM audit_users WHERE user = ?4))"
        }
        Some(_) => "AND subject_kind = ?3 AND subject = ?4",
        None => "AND ?3 IS NULL AND ?4 IS NULL",
    };
    let text = format!(
        "SELECT sequence, at, zone, action, subject_kind, subject, entered_by, refused, details \
         FROM audit WHERE sequence < ?1 {condition} ORDER BY sequence DESC LIMIT ?2"
    );
    let row = |row: &Row<'_>| {
        let subject: (Option<String>, Option<String>) = (row.get(4)?, row.get(5)?);
        Ok(AuditEntry {
            sequence: to_u64(row.get(0)?),
            moment: moment(row, 1)?,
            action: row.get(3)?,
            subject: subject.0.zip(subject.1),
            entered_by: row.get(6)?,
            refused: row.get(7)?,
            details: row.get(8)?,
        })
    };
    let before = before.map_or(i64::MAX, int);
    let limit = i64::from(most).saturating_add(1);
    let (kind, id) = subject.unzip();
    let mut statement = sql.prepare_cached(&text)?;
    let rows = statement.query_map(params![before, limit, kind, id], row)?;
    Ok(page(rows.collect::<Result<_, _>>()?, most, |row| row.sequence))
}

pub(crate) fn cards_of_account(
    sql: &Connection,
    account: &str,
) -> Result<Vec<String>, HistoryError> {
    let find = "SELECT id FROM cards WHERE account = ?1 ORDER BY slot";
    let id = |row: &Row<'_>| row.get(0);
    Ok(sql.prepare_cached(find)?.query_map([account], id)?.collect::<Result<_, _>>()?)
}

pub(crate) fn rule_sets(sql: &Connection) -> Result<Vec<RuleSetEntry>, HistoryError> {
    let find = "SELECT sequence, at, zone, version FROM rule_sets ORDER BY sequence DESC";
    let row = |row: &Row<'_>| {
        let (sequence, moment) = (to_u64(row.get(0)?), moment(row, 1)?);
        Ok(RuleSetEntry { sequence, moment, version: row.get(3)? })
    };
    Ok(sql.prepare_cached(find)?.query_map([], row)?.collect::<Result<_, _>>()?)
}

fn summary(row: &Row<'_>) -> rusqlite::Result<TransactionSummary> {
    Ok(TransactionSummary {
        sequence: to_u64(row.get(0)?),
        moment: moment(row, 1)?,
        mti: row.get(3)?,
        processing_code: row.get(4)?,
        card: row.get(5)?,
        masked_pan: row.get(6)?,
        account: row.get(7)?,
        terminal: row.get(8)?,
        category: row.get(9)?,
        merchant: row.get(10)?,
        agent: row.get(11)?,
        mcc: row.get(12)?,
        amount: row.get(13)?,
        currency: currency(row.get(14)?),
        approved: row.get(15)?,
        result: row.get(16)?,
        code: row.get(17)?,
        auth_code: row.get(18)?,
        rrn: row.get(19)?,
        stan: row.get(20)?,
        liability: row.get(21)?,
        approved_amount: row.get(22)?,
        handed_out: row.get(23)?,
        original: row.get::<_, Option<i64>>(24)?.map(to_u64),
        rules: row.get(25)?,
    })
}

fn detail(row: &Row<'_>) -> rusqlite::Result<TransactionDetail> {
    Ok(TransactionDetail {
        summary: summary(row)?,
        acceptor: row.get(26)?,
        entry_mode: row.get(27)?,
        pin: row.get(28)?,
        local_time: row.get(29)?,
        transmission: row.get(30)?,
        acquirer: to_u64(row.get(31)?),
        cash_back: row.get(32)?,
        replacement: row.get(33)?,
        cap_left: row.get(34)?,
        hold: row.get(35)?,
        hold_amount: row.get(36)?,
        account_currency: row.get::<_, Option<u16>>(37)?.map(currency),
        hold_expired_at: None,
        trace: Vec::new(),
        postings: Vec::new(),
        original: None,
        followers: Vec::new(),
        retransmissions: Vec::new(),
    })
}

pub(crate) fn moment(row: &Row<'_>, at: usize) -> rusqlite::Result<Moment> {
    Ok(Moment::new(Timestamp(row.get(at)?), UtcOffset(row.get(at.saturating_add(1))?)))
}

/// The column was written from a currency, so the number is one.
pub(crate) fn currency(numeric: u16) -> Currency {
    Currency::from_numeric(numeric).unwrap_or(Currency::KGS)
}

pub(crate) fn int(value: u64) -> i64 {
    crate::batch::int(value)
}

pub(crate) fn to_u64(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}
