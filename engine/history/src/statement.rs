//! An account's statement and the bank's totals: what was posted, in the order in which it was.

use crate::query::{currency, first_at_of, int, moment, to_u64};
use crate::view::{BookSums, GeneralTotal, Party, Statement, StatementLine};
use crate::{HistoryError, query};
use payment_types::{BusinessDate, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};

/// Which part of an account's postings.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Period {
    /// Posted at this instant or later; from the account's opening if not told.
    pub from: Option<Timestamp>,
    /// Posted before this instant.
    pub to: Option<Timestamp>,
    /// Where the part before ended.
    pub after: Option<PostingId>,
}

/// A posting's place: the record of the journal and its line there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PostingId {
    /// The record's sequence.
    pub sequence: u64,
    /// The line in it.
    pub line: i64,
}

impl std::fmt::Display for PostingId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.sequence, self.line)
    }
}

impl std::str::FromStr for PostingId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (sequence, line) = text.split_once('-').ok_or(())?;
        let sequence = sequence.parse().map_err(|_| ())?;
        Ok(Self { sequence, line: line.parse().map_err(|_| ())? })
    }
}

/// As in the schema: how many records stand together in the index by account.
const STRETCH_BITS: u32 = 16;

/// Debits (negative), credits and postings of a range.
#[derive(Default, Clone, Copy)]
struct Sums {
    debits: i64,
    credits: i64,
    count: i64,
}

impl Sums {
    fn net(self) -> i64 {
        self.credits.saturating_add(self.debits)
    }
}

pub(crate) fn statement(
    sql: &Connection,
    account: &str,
    period: &Period,
    most: u32,
) -> Result<Option<Statement>, HistoryError> {
    // One reading transaction: balances and lines are of one moment.
    let sql = sql.unchecked_transaction()?;
    let find = "SELECT slot, customer, currency FROM accounts, position \
                WHERE id = ?1 AND slot < position.accounts";
    let found = sql.prepare_cached(find)?.query_row([account], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, currency(row.get(2)?)))
    });
    let Some((slot, customer, currency)) = found.optional()? else { return Ok(None) };
    let position = sql
        .prepare_cached("SELECT sequence FROM position")?
        .query_row([], |row| row.get::<_, i64>(0))?;
    let start = boundary(&sql, period.from, 0, position)?;
    let end = boundary(&sql, period.to, position.saturating_add(1), position)?.max(start);
    let opening = sums(&sql, slot, 0, start)?.net();
    let during = sums(&sql, slot, start, end)?;
    let mut balance = opening;
    let mut behind = PostingId { sequence: to_u64(start), line: i64::MIN };
    if let Some(after) = period.after {
        balance = balance.saturating_add(until(&sql, slot, start, after)?);
        behind = behind.max(after);
    }
    let mut lines = lines(&sql, slot, behind, end, most)?;
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let is_more = lines.len() > most;
    lines.truncate(most);
    for line in &mut lines {
        balance = balance.saturating_add(line.amount);
        line.balance = balance;
    }
    let next = lines.last().filter(|_| is_more).map(|line| line.posting);
    Ok(Some(Statement {
        account: account.to_owned(),
        customer,
        currency,
        opening,
        debits: during.debits.saturating_neg(),
        credits: during.credits,
        count: to_u64(during.count),
        closing: opening.saturating_add(during.net()),
        lines,
        next,
        position: to_u64(position),
    }))
}

/// The least sequence at an instant or later, of what can have postings: card transactions, and
/// bookings of other kinds. Both rise with time.
fn boundary(
    sql: &Connection,
    instant: Option<Timestamp>,
    otherwise: i64,
    position: i64,
) -> Result<i64, HistoryError> {
    let Some(instant) = instant else { return Ok(otherwise) };
    let transactions = first_at_of(sql, "transactions", instant, 0, position)?;
    Ok(transactions.min(first_at_of(sql, "bookings", instant, 0, position)?))
}

const INDEX: &str = "INDEXED BY postings_by_account";

/// What was posted from `start` up to, not with, `end`, summed in the index alone.
fn sums(sql: &Connection, slot: i64, start: i64, end: i64) -> Result<Sums, HistoryError> {
    let mut sums = Sums::default();
    if start >= end {
        return Ok(sums);
    }
    let text = format!(
        "SELECT coalesce(sum(min(amount, 0)), 0), coalesce(sum(max(amount, 0)), 0), count(*) \
         FROM postings {INDEX} WHERE sequence >> 16 = ?1 AND account = ?2 \
         AND sequence >= ?3 AND sequence < ?4"
    );
    let mut statement = sql.prepare_cached(&text)?;
    for stretch in start >> STRETCH_BITS..=(end.saturating_sub(1)) >> STRETCH_BITS {
        let part = statement.query_row(params![stretch, slot, start, end], |row| {
            Ok(Sums { debits: row.get(0)?, credits: row.get(1)?, count: row.get(2)? })
        })?;
        sums.debits = sums.debits.saturating_add(part.debits);
        sums.credits = sums.credits.saturating_add(part.credits);
        sums.count = sums.count.saturating_add(part.count);
    }
    Ok(sums)
}

/// What was posted from `start` up to and with a posting.
fn until(sql: &Connection, slot: i64, start: i64, last: PostingId) -> Result<i64, HistoryError> {
    let sequence = int(last.sequence);
    let before = sums(sql, slot, start, sequence)?.net();
    let text = "SELECT coalesce(sum(amount), 0) FROM postings \
                WHERE sequence = ?1 AND line <= ?2 AND account = ?3 AND sequence >= ?4";
    let with = sql
        .prepare_cached(text)?
        .query_row(params![sequence, last.line, slot, start], |row| row.get::<_, i64>(0))?;
    Ok(before.saturating_add(with))
}

/// The columns of a line. The other side of a posting stands in the line with the last bit turned,
/// but for opening balances, which have one other side together.
const LINES: &str = "SELECT p.sequence, p.line, p.amount, coalesce(t.at, b.at, 0), \
    coalesce(t.zone, b.zone, 0), t.mti, t.processing_code, c.id, t.masked_pan, t.terminal, \
    d.merchant, m.name, d.agent, t.original, t.rrn, b.what, \
    CASE WHEN b.what = 'import' THEN 'opening' ELSE o.general END, oa.id, u.details, t.result \
    FROM postings p INDEXED BY postings_by_account \
    LEFT JOIN transactions t ON t.sequence = p.sequence \
    LEFT JOIN bookings b ON b.sequence = p.sequence \
    LEFT JOIN postings o ON o.sequence = p.sequence \
        AND o.line = (p.line | 1) - (p.line & 1) \
    LEFT JOIN accounts oa ON oa.slot = o.account \
    LEFT JOIN cards c ON c.slot = t.card \
    LEFT JOIN terminals d ON d.id = t.terminal \
    LEFT JOIN merchants m ON m.id = d.merchant \
    LEFT JOIN audit u ON u.sequence = p.sequence \
    WHERE p.sequence >> 16 = ?1 AND p.account = ?2 AND p.sequence < ?3 \
        AND (p.sequence > ?4 OR (p.sequence = ?4 AND p.line > ?5)) \
    ORDER BY p.sequence, p.line LIMIT ?6";

/// The first `most` and one more behind a posting.
fn lines(
    sql: &Connection,
    slot: i64,
    behind: PostingId,
    end: i64,
    most: u32,
) -> Result<Vec<StatementLine>, HistoryError> {
    let mut found = Vec::new();
    let sequence = int(behind.sequence);
    let mut wanted = i64::from(most).saturating_add(1);
    let mut statement = sql.prepare_cached(LINES)?;
    for stretch in sequence >> STRETCH_BITS..=end >> STRETCH_BITS {
        let values = params![stretch, slot, end, sequence, behind.line, wanted];
        for row in statement.query_map(values, line)? {
            found.push(row?);
            wanted = wanted.saturating_sub(1);
        }
        if wanted <= 0 {
            break;
        }
    }
    Ok(found)
}

fn line(row: &Row<'_>) -> rusqlite::Result<StatementLine> {
    let party = match (row.get::<_, Option<String>>(16)?, row.get::<_, Option<String>>(17)?) {
        (Some(general), _) => Party::General(general),
        (None, id) => Party::Account(id.unwrap_or_default()),
    };
    Ok(StatementLine {
        posting: PostingId { sequence: to_u64(row.get(0)?), line: row.get(1)? },
        amount: row.get(2)?,
        balance: 0,
        moment: moment(row, 3)?,
        mti: row.get(5)?,
        processing_code: row.get(6)?,
        card: row.get(7)?,
        masked_pan: row.get(8)?,
        terminal: row.get(9)?,
        merchant: row.get(10)?,
        merchant_name: row.get(11)?,
        agent: row.get(12)?,
        original: row.get::<_, Option<i64>>(13)?.map(to_u64),
        rrn: row.get(14)?,
        booking: row.get(15)?,
        counterpart: party,
        details: row.get(18)?,
        result: row.get(19)?,
    })
}

/// The totals of a day by currency and class, with what they came to before it.
pub(crate) fn general_ledger(
    sql: &Connection,
    date: BusinessDate,
) -> Result<Vec<GeneralTotal>, HistoryError> {
    let text = "SELECT currency, class, \
         coalesce(sum(credit - debit) FILTER (WHERE day < ?1), 0), \
         coalesce(sum(debit) FILTER (WHERE day = ?1), 0), \
         coalesce(sum(credit) FILTER (WHERE day = ?1), 0), \
         coalesce(sum(postings) FILTER (WHERE day = ?1), 0) \
         FROM turnovers WHERE day <= ?1 GROUP BY currency, class ORDER BY currency, class";
    let total = |row: &Row<'_>| {
        let (opening, debit, credit): (i64, i64, i64) = (row.get(2)?, row.get(3)?, row.get(4)?);
        Ok(GeneralTotal {
            currency: currency(row.get(0)?),
            class: row.get(1)?,
            opening,
            debit,
            credit,
            closing: opening.saturating_sub(debit).saturating_add(credit),
            postings: to_u64(row.get(5)?),
        })
    };
    let mut statement = sql.prepare_cached(text)?;
    Ok(statement.query_map([date.days()], total)?.collect::<Result<_, _>>()?)
}

/// Everything summed at once, of one moment, to be held against the ledger.
pub(crate) fn book_sums(sql: &Connection) -> Result<BookSums, HistoryError> {
    let sql = sql.unchecked_transaction()?;
    let position = query::position(&sql)?;
    let find = "SELECT accounts FROM position";
    let count: i64 = sql.prepare_cached(find)?.query_row([], |row| row.get(0))?;
    let mut accounts = vec![0_i64; usize::try_from(count).unwrap_or(0)];
    let find = "SELECT account, amount FROM postings WHERE account IS NOT NULL";
    let mut statement = sql.prepare(find)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (account, amount): (u32, i64) = (row.get(0)?, row.get(1)?);
        let slot = usize::try_from(account).unwrap_or(usize::MAX);
        if let Some(balance) = accounts.get_mut(slot) {
            *balance = balance.saturating_add(amount);
        }
    }
    let find = "SELECT day FROM turnovers GROUP BY day, currency \
                HAVING sum(debit) <> sum(credit) ORDER BY day LIMIT 1";
    let unbalanced = sql.prepare(find)?.query_row([], |row| row.get(0)).optional()?;
    let classes = general_ledger(&sql, BusinessDate::from_days(i32::MAX))?;
    let unbalanced = unbalanced.map(BusinessDate::from_days);
    Ok(BookSums { position, accounts, classes, unbalanced })
}
