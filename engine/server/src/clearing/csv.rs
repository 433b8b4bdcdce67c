//! The layout of a presentment file in CSV: a header that names the columns, then a record a line.

use crate::card_numbers;
use authorization::{CardNumber, PRESENTMENT, Presentment, Request, SecurityFacts};
use payment_types::{
    AcceptorId, AcquirerId, Amount, AuthorizationCode, BusinessDate, Currency, EntryMode,
    MerchantCategoryCode, Pan, PosConditionCode, ProcessingCode, Rrn, Stan, TerminalId,
    WireDateTime,
};
use security::SecurityModule;

/// The columns; the first six must be there.
const COLUMNS: [&str; 10] = [
    "reference",
    "card",
    "type",
    "amount",
    "currency",
    "date",
    "rrn",
    "auth_code",
    "terminal",
    "mcc",
];
const REQUIRED: usize = 6;
const REFERENCE_MAX: usize = 40;

/// What `type` may say, and DE 3 for it.
const TYPES: [(&str, u32); 3] = [("purchase", 0), ("cash", 10_000), ("refund", 200_000)];

/// Where the columns of a file stand.
#[derive(Debug, Clone)]
pub(super) struct Header {
    separator: char,
    places: [Option<usize>; COLUMNS.len()],
    count: usize,
}

impl Header {
    /// Reads the first line.
    ///
    /// # Errors
    /// An unknown, doubled or missing column.
    pub(super) fn read(line: &str) -> Result<Self, String> {
        let line = line.trim_start_matches('\u{feff}').trim_end();
        let separator = if line.contains(';') { ';' } else { ',' };
        let mut places = [None; COLUMNS.len()];
        let mut count = 0;
        for (at, name) in line.split(separator).map(str::trim).enumerate() {
            let known = COLUMNS.iter().position(|column| *column == name);
            let place = known.and_then(|known| places.get_mut(known)).ok_or_else(|| {
                let known = COLUMNS.join(", ");
                let name = card_numbers::masked(name);
                format!("{name:?} is no column; the header names {known}")
            })?;
            if place.replace(at).is_some() {
                return Err(format!("column {name} stands twice"));
            }
            count = at.saturating_add(1);
        }
        let mut required = COLUMNS.iter().zip(&places).take(REQUIRED);
        match required.find(|(_, place)| place.is_none()) {
            Some((name, _)) => Err(format!("column {name} is missing from the header")),
            None => Ok(Self { separator, places, count }),
        }
    }

    /// Reads a record.
    ///
    /// # Errors
    /// The columns that are wrong, and how. Never shows a card number.
    pub(super) fn record(
        &self,
        line: &str,
        (file, number): (&str, u32),
        security: &dyn SecurityModule,
    ) -> Result<Presentment, Vec<String>> {
        let fields: Vec<&str> = line.trim_end().split(self.separator).map(str::trim).collect();
        if fields.len() != self.count {
            let (found, count) = (fields.len(), self.count);
            return Err(vec![format!("has {found} columns, the header has {count}")]);
        }
        let mut row = Row { header: self, fields, wrong: Vec::new() };
        let reference = row.column(0, reference).unwrap_or_default();
        let pan = row.column(1, |text| Pan::from_ascii(text.as_bytes()).map_err(|e| e.to_string()));
        let code = row.column(2, processing_code).unwrap_or_default();
        let currency = row.column(4, |text| {
            Currency::from_alpha(text).ok_or_else(|| "is no currency such as KGS".to_owned())
        });
        let amount = row.column(3, |text| amount(text, currency.unwrap_or(Currency::KGS)));
        let date = row.column(5, |text| BusinessDate::parse(text).map_err(|e| e.to_string()));
        let rrn = row.optional(6, |text| Rrn::new(text.as_bytes()), "1 to 12 characters");
        let authorization_code =
            row.optional(7, |text| AuthorizationCode::new(text.as_bytes()), "1 to 6 characters");
        let terminal =
            row.optional(8, |text| TerminalId::new(text.as_bytes()), "1 to 8 characters");
        let digits = |text: &str| text.parse().ok().filter(|mcc| *mcc <= 9999);
        let mcc = row.optional(9, digits, "four digits");
        let (Some(pan), Some(amount), Some(date), true) = (pan, amount, date, row.wrong.is_empty())
        else {
            return Err(row.wrong);
        };
        let card = CardNumber {
            digest: security.pan_digest(&pan),
            masked: pan.masked(),
            leading: pan.leading(),
        };
        if super::holds_card_number(&reference, pan.leading()) {
            return Err(vec!["reference: holds a card number".to_owned()]);
        }
        Ok(Presentment {
            file: file.into(),
            line: number,
            reference: reference.into(),
            operation: date,
            request: Request {
                processing_code: code,
                card: Some(card),
                amount,
                rrn,
                authorization_code,
                terminal: terminal.unwrap_or_default(),
                mcc: mcc.map(MerchantCategoryCode),
                local: local(date),
                stan: Stan::new(number % 1_000_000).unwrap_or_default(),
                ..nothing()
            },
        })
    }
}

/// A message that says nothing yet.
fn nothing() -> Request {
    Request {
        mti: PRESENTMENT,
        processing_code: ProcessingCode::default(),
        card: None,
        amount: Amount::new(0, Currency::KGS),
        cash_back: None,
        surcharge: None,
        sender_told: false,
        stan: Stan::default(),
        rrn: None,
        transmission: WireDateTime::default(),
        local: WireDateTime::default(),
        expiry: None,
        entry_mode: EntryMode::default(),
        condition: PosConditionCode::default(),
        acquirer: AcquirerId::default(),
        forwarding: AcquirerId::default(),
        terminal: TerminalId::default(),
        acceptor: AcceptorId::default(),
        mcc: None,
        authorization_code: None,
        original: None,
        replacement: None,
        extra: None,
        facts: SecurityFacts::default(),
    }
}

/// A line's columns, and what is wrong with them.
struct Row<'h> {
    header: &'h Header,
    fields: Vec<&'h str>,
    wrong: Vec<String>,
}

impl Row<'_> {
    fn text(&self, column: usize) -> &str {
        let place = self.header.places.get(column).copied().flatten();
        place.and_then(|place| self.fields.get(place)).copied().unwrap_or_default()
    }

    fn column<T>(
        &mut self,
        column: usize,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let text = self.text(column);
        let value = if text.is_empty() { Err("is missing".to_owned()) } else { read(text) };
        let name = COLUMNS.get(column).copied().unwrap_or_default();
        value.map_err(|why| self.wrong.push(format!("{name}: {why}"))).ok()
    }

    fn optional<T>(
        &mut self,
        column: usize,
        read: impl FnOnce(&str) -> Option<T>,
        what: &str,
    ) -> Option<T> {
        if self.text(column).is_empty() {
            return None;
        }
        self.column(column, |text| read(text).ok_or_else(|| format!("is not {what}")))
    }
}

fn reference(text: &str) -> Result<String, String> {
    let printable = text.bytes().all(|byte| byte.is_ascii_graphic());
    if printable && text.len() <= REFERENCE_MAX {
        return Ok(text.to_owned());
    }
    Err(format!("is not 1 to {REFERENCE_MAX} printable characters without blanks"))
}

fn processing_code(text: &str) -> Result<ProcessingCode, String> {
    let code = TYPES.iter().find(|(name, _)| *name == text);
    code.and_then(|(_, number)| ProcessingCode::from_number(*number))
        .ok_or_else(|| format!("is none of {}", TYPES.map(|(name, _)| name).join(", ")))
}

fn amount(text: &str, currency: Currency) -> Result<Amount, String> {
    match Amount::parse_major(text, currency) {
        Ok(amount) if amount.is_zero() => Err("must be above zero".to_owned()),
        Ok(amount) => Ok(amount),
        Err(error) => Err(error.to_string()),
    }
}

/// The day as DE 13 says it.
pub(super) fn local(date: BusinessDate) -> WireDateTime {
    let (_, month, day) = date.ymd();
    let number = (u64::from(month) * 100 + u64::from(day)) * 1_000_000;
    WireDateTime::from_number(number).unwrap_or_default()
}
