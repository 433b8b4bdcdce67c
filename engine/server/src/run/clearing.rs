//! `tamga present`, `tamga stop-list` and `tamga disputes`: what they print.

use super::{config, print};
use crate::args::{Disputes, Present, StopList};
use tamga::clearing::{Format, PresentOptions};
use tamga::disputes::DisputeOptions;
use tamga::failure::Failure;
use tamga::progress::Progress;
use tamga::stop_list::StopListOptions;
use tamga::table::{Align, Table};
use tamga::wire::load_dialect;

/// Listed records that are printed; the API has them all.
const SHOWN: usize = 100;

pub(crate) fn present(args: Present) -> Result<(), Failure> {
    let (format, names) = match args.dialect {
        None => (Format::Csv, None),
        Some(name) => {
            let format = Format::iso(load_dialect(&name)?, &args.framing);
            (format.map_err(Failure::usage)?, Some((name, args.framing)))
        }
    };
    let options = PresentOptions {
        config: config(&args.place)?,
        data: args.place.data,
        file: args.file,
        format,
        names,
        token: args.token,
        test_clock: args.test_clock,
    };
    let done = tamga::clearing::present(&options, &mut Progress::new())?;
    let presented = done.presented;
    let seconds = done.took.as_secs_f64();
    let rate = u128::from(presented.records) * 1000 / done.took.as_millis().max(1);
    let (records, matched) = (presented.records, presented.matched);
    let (unmatched, duplicate) = (presented.unmatched, presented.duplicate);
    print(&format!(
        "{records} records in {seconds:.1} s ({rate} a second): {matched} matched, {unmatched} \
         booked without a match, {duplicate} booked before, {} refused",
        presented.refused
    ))?;
    if presented.listed.is_empty() {
        return Ok(());
    }
    let mut table = Table::new(&[
        ("line", Align::Right),
        ("reference", Align::Left),
        ("", Align::Left),
        ("transaction", Align::Right),
        ("why", Align::Left),
    ]);
    for listed in presented.listed.iter().take(SHOWN) {
        table.row(&[
            &listed.line.to_string(),
            &listed.reference,
            &listed.status,
            listed.transaction.as_deref().unwrap_or_default(),
            &listed.reason,
        ]);
    }
    print(&table.to_string())?;
    match presented.listed.len().checked_sub(SHOWN) {
        Some(more) if more > 0 => {
            print(&format!("... and {more} more; GET /api/v1/presentments lists them all"))
        }
        _ => Ok(()),
    }
}

pub(crate) fn stop_list(args: StopList) -> Result<(), Failure> {
    let config = config(&args.place)?;
    let (data, file, token) = (args.place.data, args.file, args.token);
    let options = StopListOptions { config, data, file, token, test_clock: args.test_clock };
    let done = tamga::stop_list::stop_list(&options)?;
    print(&format!(
        "{} added, {} replaced, {} taken off, {} to be taken off were not there",
        done.added, done.replaced, done.removed, done.missing
    ))
}

pub(crate) fn disputes(args: Disputes) -> Result<(), Failure> {
    let config = config(&args.place)?;
    let (data, status, token) = (args.place.data, args.status, args.token);
    let found = tamga::disputes::disputes(&DisputeOptions { config, data, status, token })?;
    let mut table = Table::new(&[
        ("id", Align::Right),
        ("transaction", Align::Right),
        ("kind", Align::Left),
        ("status", Align::Left),
        ("account", Align::Left),
        ("terminal", Align::Left),
        ("amount", Align::Right),
        ("given back", Align::Right),
        ("taken back", Align::Right),
        ("liability", Align::Left),
        ("opened", Align::Left),
    ]);
    for dispute in &found.items {
        table.row(&[
            &dispute.id.to_string(),
            &dispute.transaction,
            &dispute.kind,
            &dispute.status,
            &dispute.account,
            &dispute.terminal,
            &format!("{} {}", dispute.amount, dispute.currency),
            &dispute.given_back,
            &dispute.taken_back,
            &dispute.liability,
            &dispute.opened_at,
        ]);
    }
    print(&table.to_string())
}
