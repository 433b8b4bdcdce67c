//! Rates, the calendar, and how long customers' data is kept.

use super::reader::{Findings, Section};
use super::{Conversion, Rate, Retention};
use crate::Calendar;
use payment_types::Currency;
use rust_decimal::Decimal;

pub(super) fn rates(top: &Section<'_>, found: &mut Findings<'_>) -> Vec<Rate> {
    let known = ["from", "to", "value", "margin_percent", "valid_from"];
    let mut rates: Vec<Rate> = Vec::new();
    for table in top.tables("rate", &known, found) {
        for key in ["from", "to", "value", "valid_from"] {
            table.need(key, found);
        }
        let (from, to) = (currency(&table, "from", found), currency(&table, "to", found));
        let value = table.decimal("value", u32::MAX, found);
        if value == Some(Decimal::ZERO) {
            table.wrong("value", "must be above zero", found);
        }
        let margin_percent = table.decimal("margin_percent", 100, found).unwrap_or_default();
        let valid_from = table.moment("valid_from", found);
        if from.is_some() && from == to {
            table.wrong("to", "is the same currency as from", found);
        }
        if let (Some(from), Some(to), Some(value), Some(valid_from)) = (from, to, value, valid_from)
        {
            let rate = Rate { from, to, value, margin_percent, valid_from };
            let same =
                |other: &Rate| (other.from, other.to, other.valid_from) == (from, to, valid_from);
            if rates.iter().any(same) {
                let message = format!("{from} to {to} has a rate from that moment already");
                table.wrong("valid_from", message, found);
            }
            rates.push(rate);
        }
    }
    rates
}

fn currency(table: &Section<'_>, name: &str, found: &mut Findings<'_>) -> Option<Currency> {
    let text = table.text(name, found)?;
    let currency = Currency::from_alpha(text);
    if currency.is_none() {
        table.wrong(name, format!("\"{text}\" is no currency such as \"USD\""), found);
    }
    currency
}

pub(super) fn conversion(top: &Section<'_>, found: &mut Findings<'_>) -> Conversion {
    let table = top.get("conversion");
    let known = ["stale_after_working_days"];
    let table = table.and_then(|table| Section::of(table, "conversion", &known, found));
    let Some(table) = table else { return Conversion::default() };
    let days = table.count("stale_after_working_days", found);
    if days.is_some_and(|days| days > 60) {
        table.wrong("stale_after_working_days", "must be at most 60", found);
    }
    let days = days.and_then(|days| u16::try_from(days).ok());
    let Conversion { stale_after_working_days } = Conversion::default();
    Conversion { stale_after_working_days: days.unwrap_or(stale_after_working_days) }
}

pub(super) fn retention(top: &Section<'_>, found: &mut Findings<'_>) -> Retention {
    let known = ["agreement_years", "operations_years", "disputes_years"];
    let table = top.get("retention");
    let table = table.and_then(|table| Section::of(table, "retention", &known, found));
    let mut terms = Retention::default();
    let Some(table) = table else { return terms };
    let [agreement, operations, disputes] = known;
    for (name, years) in [
        (agreement, &mut terms.agreement_years),
        (operations, &mut terms.operations_years),
        (disputes, &mut terms.disputes_years),
    ] {
        let Some(told) = table.count(name, found) else { continue };
        match u8::try_from(told).ok().filter(|years| *years <= 100) {
            Some(told) => *years = told,
            None => table.wrong(name, "must be at most 100", found),
        }
    }
    terms
}

pub(super) fn calendar(top: &Section<'_>, found: &mut Findings<'_>) -> Calendar {
    let table = top.get("calendar");
    let known = ["holidays", "working"];
    let table = table.and_then(|table| Section::of(table, "calendar", &known, found));
    let Some(table) = table else { return Calendar::default() };
    let (holidays, working) = (table.dates("holidays", found), table.dates("working", found));
    for date in &working {
        if date.weekday() < 5 || holidays.contains(date) {
            let message = format!("{date} is no weekend day that could be made a working one");
            table.wrong("working", message, found);
        }
    }
    Calendar::new(holidays, working)
}
