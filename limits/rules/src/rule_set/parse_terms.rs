//! Networks, rates and the calendar.

use super::reader::{Findings, Section};
use super::{Conversion, Network, Rate};
use crate::Calendar;
use payment_types::{Currency, UtcOffset};
use rust_decimal::Decimal;

pub(super) fn networks(top: &Section<'_>, found: &mut Findings<'_>) -> Vec<Network> {
    let known =
        ["name", "operator", "bins", "registration", "valid_from", "cancelled_at", "reason"];
    let mut networks: Vec<Network> = Vec::new();
    for table in top.tables("network", &known, found) {
        for key in ["name", "bins", "registration", "valid_from"] {
            table.need(key, found);
        }
        let name = table.text("name", found);
        let bins = bins(&table, &networks, found);
        let registration = table.text("registration", found);
        let valid_from = table.date("valid_from", found);
        let cancelled_at = table.moment("cancelled_at", found);
        let operator = table.text("operator", found).map(str::to_owned);
        let reason = table.text("reason", found).map(str::to_owned);
        if let (Some(from), Some(at)) = (valid_from, cancelled_at)
            && at < from.start(UtcOffset(360))
        {
            table.wrong("cancelled_at", "is before valid_from", found);
        }
        if table.get("reason").is_some() && table.get("cancelled_at").is_none() {
            table.wrong(
                "reason",
                "is the reason of a cancellation; cancelled_at is missing",
                found,
            );
        }
        if let Some(name) = name.filter(|name| networks.iter().any(|other| other.name == **name)) {
            table.wrong("name", format!("\"{name}\" is registered already"), found);
        }
        if let (Some(name), Some(registration), Some(valid_from)) = (name, registration, valid_from)
        {
            let (name, registration) = (name.to_owned(), registration.to_owned());
            networks.push(Network {
                name,
                operator,
                bins,
                registration,
                valid_from,
                cancelled_at,
                reason,
            });
        }
    }
    networks
}

fn bins(table: &Section<'_>, networks: &[Network], found: &mut Findings<'_>) -> Vec<String> {
    let mut bins: Vec<String> = Vec::new();
    for (text, start) in table.texts("bins", found) {
        let digits = text.len() <= 11 && text.bytes().all(|byte| byte.is_ascii_digit());
        let mut others = networks.iter().flat_map(|network| &network.bins).chain(&bins);
        let message = if !digits {
            format!("\"{text}\" are not 1 to 11 leading digits of a card number")
        } else if others.any(|other| other == text) {
            format!("\"{text}\" is taken already")
        } else {
            bins.push(text.to_owned());
            continue;
        };
        found.add(start, &table.key("bins"), message);
    }
    bins
}

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
