//! Statements and the general ledger as the API, the CSV and the terminal show them: the read
//! model's postings in words, amounts as decimal strings in major units.

use crate::table::{Align, Table};
use history::{GeneralTotal, Party, StatementLine};
use payment_types::{Currency, format_minor};
use serde::Serialize;
use std::fmt::Write;
use utoipa::ToSchema;

/// An account's statement for a period.
#[derive(Debug, Serialize, ToSchema)]
pub struct Statement {
    /// The account's id.
    pub account: String,
    /// Its owner's id.
    pub customer: String,
    /// Of all amounts here.
    pub currency: String,
    /// From when, as asked; null is from the account's opening.
    pub from: Option<String>,
    /// Until when, as asked; null is until now.
    pub to: Option<String>,
    /// The balance before the period.
    pub opening_balance: String,
    /// The sum of all debits of the period.
    pub debits: String,
    /// The sum of all credits of the period.
    pub credits: String,
    /// How many postings the period has.
    pub count: u64,
    /// The balance at its end: for a period without an end, the ledger's.
    pub closing_balance: String,
    /// The last record of the journal that is in this.
    pub as_of_record: String,
    /// The postings, oldest first.
    pub lines: Vec<Line>,
    /// The `cursor` for the next part; null at the end.
    pub next: Option<String>,
}

/// One posting.
#[derive(Debug, Serialize, ToSchema)]
pub struct Line {
    /// Which posting: the record of the journal and the line there.
    pub posting: String,
    /// When, in the bank's zone.
    pub at: String,
    /// What it was: purchase, cash, reversal, completion, credit, fee, interest, ...
    pub what: String,
    /// In words: merchant, agent, reference, purpose.
    pub description: String,
    /// The general account, or the customer's account, on the other side.
    pub counterpart: String,
    /// The card transaction it belongs to, for `GET /transactions/{id}`.
    pub transaction: Option<String>,
    /// The transaction that one reverses or completes.
    pub original: Option<String>,
    /// The card's id.
    pub card: Option<String>,
    /// Masked.
    pub pan: Option<String>,
    /// DE 41.
    pub terminal: Option<String>,
    /// The merchant's id.
    pub merchant: Option<String>,
    /// DE 37.
    pub rrn: Option<String>,
    /// A debit is negative.
    pub amount: String,
    /// The balance after it.
    pub balance: String,
}

/// The bank's totals of a day.
#[derive(Debug, Serialize, ToSchema)]
pub struct GeneralLedger {
    /// The day.
    pub date: String,
    /// By currency and class of account.
    pub totals: Vec<Total>,
    /// What all closing balances of a currency come to: zero (BAL-7).
    pub sums: Vec<Sum>,
}

/// A class of accounts.
#[derive(Debug, Serialize, ToSchema)]
pub struct Total {
    /// ISO 4217.
    pub currency: String,
    /// A general account's name, or `customers` for all of theirs.
    pub class: String,
    /// The balance before the day; credits are positive.
    pub opening: String,
    /// The sum of debits of the day.
    pub debit: String,
    /// The sum of credits of the day.
    pub credit: String,
    /// The balance at its end.
    pub closing: String,
    /// How many postings the day had.
    pub postings: u64,
}

/// A currency over all classes.
#[derive(Debug, Serialize, ToSchema)]
pub struct Sum {
    /// ISO 4217.
    pub currency: String,
    /// The sum of debits of the day.
    pub debit: String,
    /// The sum of credits of the day.
    pub credit: String,
    /// The balance at its end.
    pub closing: String,
}

impl Statement {
    /// From the read model's, with the period in the caller's words.
    #[must_use]
    pub fn new(found: history::Statement, from: Option<String>, to: Option<String>) -> Self {
        let currency = found.currency;
        let text = |minor| major(minor, currency);
        Self {
            from,
            to,
            opening_balance: text(found.opening),
            debits: text(found.debits),
            credits: text(found.credits),
            count: found.count,
            closing_balance: text(found.closing),
            as_of_record: found.position.to_string(),
            lines: found.lines.into_iter().map(|row| line(row, currency)).collect(),
            next: found.next.map(|next| next.to_string()),
            account: found.account,
            customer: found.customer,
            currency: currency.to_string(),
        }
    }

    /// A heading, a row for the opening balance, one a posting, one for the closing balance.
    #[must_use]
    pub fn csv(&self) -> String {
        let mut out = String::from(CSV_COLUMNS);
        let edge = |out: &mut String, what: &str, at: Option<&str>, balance: &str| {
            let _written =
                write!(out, ",{},{what},,,,,,,,{balance},{}\r\n", at.unwrap_or(""), self.currency);
        };
        edge(&mut out, "opening_balance", self.from.as_deref(), &self.opening_balance);
        for line in &self.lines {
            let optional = |text: &Option<String>| cell(text.as_deref().unwrap_or(""));
            let cells = [
                line.posting.clone(),
                line.at.clone(),
                line.what.clone(),
                cell(&line.description),
                cell(&line.counterpart),
                optional(&line.transaction),
                optional(&line.card),
                optional(&line.terminal),
                optional(&line.rrn),
                line.amount.clone(),
                line.balance.clone(),
                self.currency.clone(),
            ];
            out.push_str(&cells.join(","));
            out.push_str("\r\n");
        }
        edge(&mut out, "closing_balance", self.to.as_deref(), &self.closing_balance);
        out
    }

    /// For people at a terminal.
    #[must_use]
    pub fn table(&self) -> String {
        let columns = [
            ("posting", Align::Left),
            ("at", Align::Left),
            ("what", Align::Left),
            ("description", Align::Left),
            ("amount", Align::Right),
            ("balance", Align::Right),
        ];
        let mut table = Table::new(&columns);
        let from = self.from.as_deref().unwrap_or("");
        table.row(&["", from, "opening balance", "", "", &self.opening_balance]);
        for line in &self.lines {
            let at = line.at.get(..19).unwrap_or(&line.at);
            let cells = [&line.posting, at, &line.what, &line.description, &line.amount];
            let [posting, at, what, description, amount] = cells;
            table.row(&[posting, at, what, description, amount, &line.balance]);
        }
        let to = self.to.as_deref().unwrap_or("");
        table.row(&["", to, "closing balance", "", "", &self.closing_balance]);
        format!(
            "account {}, customer {}, {}\n{table}debits {}, credits {}, {} postings, \
             as of record {}",
            self.account,
            self.customer,
            self.currency,
            self.debits,
            self.credits,
            self.count,
            self.as_of_record
        )
    }
}

const CSV_COLUMNS: &str = "posting,at,what,description,counterpart,transaction,card,terminal,rrn,\
    amount,balance,currency\r\n";

/// A text as a cell of RFC 4180. One that a spreadsheet would take for a formula gets an
/// apostrophe: names and references come from outside.
fn cell(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if formula { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

fn major(minor: i64, currency: Currency) -> String {
    format_minor(i128::from(minor), currency.exponent())
}

fn line(row: StatementLine, currency: Currency) -> Line {
    let what = what(&row);
    let description = description(&row);
    let counterpart = match row.counterpart {
        Party::General(name) => name,
        Party::Account(id) => format!("account {id}"),
    };
    Line {
        posting: row.posting.to_string(),
        at: row.moment.rfc3339(),
        what,
        description,
        counterpart,
        transaction: row.mti.map(|_| row.posting.sequence.to_string()),
        original: row.original.map(|original| original.to_string()),
        card: row.card,
        pan: row.masked_pan,
        terminal: row.terminal,
        merchant: row.merchant,
        rrn: row.rrn,
        amount: major(row.amount, currency),
        balance: major(row.balance, currency),
    }
}

/// What a posting was, in one word: by the bank's income account on the other side, else by what
/// booked it.
fn what(row: &StatementLine) -> String {
    let income = match &row.counterpart {
        Party::General(name) => name.strip_suffix("_income"),
        Party::Account(_) => None,
    };
    if let Some(income) = income {
        return income.to_owned();
    }
    match (row.mti, row.processing_code, row.booking.as_deref()) {
        (Some(mti), _, _) if mti / 100 % 10 == 4 => "reversal".to_owned(),
        (Some(mti), _, _) if mti / 10 % 10 == 2 && row.original.is_some() => {
            "completion".to_owned()
        }
        (Some(_), Some(code), _) => operation(code).to_owned(),
        (_, _, Some("import")) => "opening".to_owned(),
        (_, _, booking) => booking.unwrap_or("posting").to_owned(),
    }
}

fn description(row: &StatementLine) -> String {
    let mut words = Vec::new();
    match (&row.merchant_name, &row.merchant, &row.agent) {
        (Some(name), Some(id), _) => words.push(format!("{name} ({id})")),
        (_, _, Some(agent)) => words.push(format!("agent {agent}")),
        _ => words.extend(row.terminal.clone()),
    }
    words.extend(row.original.map(|original| format!("of {original}")));
    let details: Option<serde_json::Value> =
        row.details.as_deref().and_then(|text| serde_json::from_str(text).ok());
    for key in ["purpose", "reference"] {
        let text = details.as_ref().and_then(|details| details.get(key)?.as_str());
        words.extend(text.filter(|text| !text.is_empty()).map(str::to_owned));
    }
    words.join(", ")
}

/// DE 3's first two digits in a word.
pub(crate) fn operation(processing_code: u32) -> &'static str {
    use payment_types::{ProcessingCode, TransactionType};
    let code = ProcessingCode::from_number(processing_code).unwrap_or_default();
    match code.transaction_type() {
        TransactionType::Purchase => "purchase",
        TransactionType::Cash => "cash",
        TransactionType::PurchaseWithCashback => "purchase_with_cashback",
        TransactionType::CashDisbursement => "cash_disbursement",
        TransactionType::Refund => "refund",
        TransactionType::CashIn => "cash_in",
        TransactionType::CreditAdjustment => "credit_adjustment",
        TransactionType::CreditToCard => "credit_to_card",
        TransactionType::BalanceInquiry => "balance_inquiry",
        TransactionType::MiniStatement => "mini_statement",
        TransactionType::Transfer => "transfer",
        TransactionType::Payment => "payment",
        TransactionType::PinChange => "pin_change",
        TransactionType::Activation => "activation",
        TransactionType::Other => "other",
    }
}

impl GeneralLedger {
    /// From the read model's.
    #[must_use]
    pub fn new(date: &str, found: Vec<GeneralTotal>) -> Self {
        let mut sums: Vec<(Currency, [i64; 3])> = Vec::new();
        for row in &found {
            let added = [row.debit, row.credit, row.closing];
            match sums.iter_mut().find(|(currency, _)| *currency == row.currency) {
                Some((_, sum)) => {
                    for (sum, added) in sum.iter_mut().zip(added) {
                        *sum = sum.saturating_add(added);
                    }
                }
                None => sums.push((row.currency, added)),
            }
        }
        let sums = sums.into_iter().map(|(currency, [debit, credit, closing])| Sum {
            currency: currency.to_string(),
            debit: major(debit, currency),
            credit: major(credit, currency),
            closing: major(closing, currency),
        });
        let total = |row: GeneralTotal| Total {
            currency: row.currency.to_string(),
            opening: major(row.opening, row.currency),
            debit: major(row.debit, row.currency),
            credit: major(row.credit, row.currency),
            closing: major(row.closing, row.currency),
            postings: row.postings,
            class: row.class,
        };
        let sums = sums.collect();
        Self { date: date.to_owned(), totals: found.into_iter().map(total).collect(), sums }
    }

    /// A heading, a row a class, and a row `total` a currency.
    #[must_use]
    pub fn csv(&self) -> String {
        let mut out = String::from("date,currency,class,opening,debit,credit,closing,postings\r\n");
        for [currency, class, opening, debit, credit, closing, postings] in self.rows() {
            let _written = write!(
                out,
                "{},{currency},{class},{opening},{debit},{credit},{closing},{postings}\r\n",
                self.date
            );
        }
        out
    }

    /// For people at a terminal.
    #[must_use]
    pub fn table(&self) -> String {
        let number = |name| (name, Align::Right);
        let columns = [
            ("currency", Align::Left),
            ("class", Align::Left),
            number("opening"),
            number("debit"),
            number("credit"),
            number("closing"),
            number("postings"),
        ];
        let mut table = Table::new(&columns);
        for row in self.rows() {
            table.row(&row.each_ref().map(String::as_str));
        }
        format!("{}\n{table}", self.date)
    }

    fn rows(&self) -> Vec<[String; 7]> {
        let mut rows = Vec::new();
        for sum in &self.sums {
            for row in self.totals.iter().filter(|row| row.currency == sum.currency) {
                rows.push([
                    row.currency.clone(),
                    row.class.clone(),
                    row.opening.clone(),
                    row.debit.clone(),
                    row.credit.clone(),
                    row.closing.clone(),
                    row.postings.to_string(),
                ]);
            }
            let (currency, class) = (sum.currency.clone(), "total".to_owned());
            let (debit, credit) = (sum.debit.clone(), sum.credit.clone());
            let none = String::new;
            rows.push([currency, class, none(), debit, credit, sum.closing.clone(), none()]);
        }
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_no_formula_gets_through() {
        for (text, expected) in [
            ("Market One", "Market One"),
            ("salt, pepper", "\"salt, pepper\""),
            ("the \"shop\"", "\"the \"\"shop\"\"\""),
            ("=1+1", "'=1+1"),
            ("@x,y", "\"'@x,y\""),
            ("two\nlines", "\"two\nlines\""),
        ] {
            assert_eq!(cell(text), expected);
        }
    }

    #[test]
    fn bal_7_the_totals_of_a_currency_are_summed() {
        let total = |class: &str, debit, credit| GeneralTotal {
            currency: Currency::KGS,
            class: class.to_owned(),
            opening: 0,
            debit,
            credit,
            closing: credit - debit,
            postings: 1,
        };
        let found = vec![total("customers", 150, 0), total("merchant_settlement", 0, 150)];
        let ledger = GeneralLedger::new("2026-11-23", found);
        let [sum] = ledger.sums.as_slice() else { panic!("{:?}", ledger.sums) };
        assert_eq!((sum.debit.as_str(), sum.credit.as_str()), ("1.50", "1.50"));
        assert_eq!(sum.closing, "0.00");
        assert!(ledger.csv().ends_with("2026-11-23,KGS,total,,1.50,1.50,0.00,\r\n"));
    }
}
