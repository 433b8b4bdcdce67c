//! `[[network]]` (NET-1, NET-2) and `[[transfer_operator]]` (NET-3): the registers.

use super::reader::{Findings, Section};
use super::{Network, TransferOperator};
use payment_types::UtcOffset;

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
        let digits = text.len() <= 8 && text.bytes().all(|byte| byte.is_ascii_digit());
        let mut others = networks.iter().flat_map(|network| &network.bins).chain(&bins);
        let message = if !digits {
            format!("\"{text}\" are not 1 to 8 leading digits of a card number")
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

pub(super) fn transfer_operators(
    top: &Section<'_>,
    found: &mut Findings<'_>,
) -> Vec<TransferOperator> {
    let known = ["name", "registration", "institutions", "valid_from", "cancelled_at"];
    let mut operators: Vec<TransferOperator> = Vec::new();
    for table in top.tables("transfer_operator", &known, found) {
        for key in ["name", "registration", "institutions", "valid_from"] {
            table.need(key, found);
        }
        let mut institutions = Vec::new();
        for (text, start) in table.texts("institutions", found) {
            let digits = text.len() <= 11 && text.bytes().all(|byte| byte.is_ascii_digit());
            let taken = |code: &u64| {
                institutions.contains(code)
                    || operators.iter().any(|other| other.institutions.contains(code))
            };
            match text.parse::<u64>().ok().filter(|_| digits) {
                Some(code) if !taken(&code) => institutions.push(code),
                Some(_) => found.add(
                    start,
                    &table.key("institutions"),
                    format!("\"{text}\" is taken already"),
                ),
                None => found.add(
                    start,
                    &table.key("institutions"),
                    format!("\"{text}\" is no institution code of 1 to 11 digits (DE 32)"),
                ),
            }
        }
        let (name, registration) = (table.text("name", found), table.text("registration", found));
        let valid_from = table.date("valid_from", found);
        let cancelled_at = table.moment("cancelled_at", found);
        if let (Some(name), Some(registration), Some(valid_from)) = (name, registration, valid_from)
        {
            let (name, registration) = (name.to_owned(), registration.to_owned());
            operators.push(TransferOperator {
                name,
                registration,
                institutions,
                valid_from,
                cancelled_at,
            });
        }
    }
    operators
}
