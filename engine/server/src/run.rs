//! Each command: from its arguments to its output.

pub(crate) mod backup;
pub(crate) mod clearing;
pub(crate) mod keys;
pub(crate) mod sign;
pub(crate) mod users;

use crate::args::{
    CheckConfig, Decode, Demo, Encode, Eod, Format, GeneralLedger, GeneratePortfolio, Import,
    ImportRates, Overdrafts, Place, Preview, Replay, Serve, Statement, Verify, VerifyOrder,
};
use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::PathBuf;
use tamga::books::StatementOptions;
use tamga::config::Config;
use tamga::decode::{DecodeOptions, decode_lines, decode_one};
use tamga::encode::{encode_lines, encode_one};
use tamga::eod::EodOptions;
use tamga::failure::Failure;
use tamga::generate::{Size, generate};
use tamga::import::ImportOptions;
use tamga::import_rates::RatesOptions;
use tamga::overdrafts::OverdraftOptions;
use tamga::progress::Progress;
use tamga::replay::ReplayOptions;
use tamga::serve::ServeOptions;
use tamga::table::{Align, Table};
use tamga::verify_order::RegisterSource;
use tamga::wire::load_dialect;

fn environment() -> impl Iterator<Item = (String, String)> {
    // A name or value that is not text can be none of ours.
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

fn config(place: &Place) -> Result<Config, Failure> {
    if let Some(path) = &place.config {
        return Config::load(path, environment()).map_err(Failure::from);
    }
    let mut config = Config::built_in(environment())?;
    if let Some(data) = &place.data {
        config.security.master_key_file = tamga::demo::master_key_beside(data);
    }
    Ok(config)
}

/// The data directory: what is named, or the configuration's.
fn data(place: &Place) -> Result<PathBuf, Failure> {
    match &place.data {
        Some(data) => Ok(data.clone()),
        None => Ok(config(place)?.store.path),
    }
}

fn print(line: &str) -> Result<(), Failure> {
    writeln!(io::stdout().lock(), "{line}").map_err(|error| broken(&error))
}

/// Whoever closed the pipe has what it wanted.
fn broken(error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::BrokenPipe => Failure { code: 0, lines: Vec::new() },
        _ => Failure::usage(format!("standard output: {error}")),
    }
}

pub(crate) fn serve(args: Serve) -> Result<(), Failure> {
    let config = config(&args.place)?;
    let mut options = ServeOptions::new(config);
    options.data = args.place.data;
    options.test_clock = args.test_clock;
    // The reason has been logged, as the last line.
    tamga::serve::serve(options)
        .map_err(|error| Failure { code: error.exit_code(), lines: Vec::new() })
}

pub(crate) fn demo(args: &Demo) -> Result<(), Failure> {
    tamga::demo::demo(&tamga::demo::DemoOptions { once: args.once, data: args.data.clone() })
}

pub(crate) fn check_config(args: &CheckConfig) -> Result<(), Failure> {
    let summary = tamga::check_config::check_config(&args.file, environment())?;
    for line in summary {
        print(&line)?;
    }
    print(&format!("{}: good", args.file.display()))
}

pub(crate) fn import(args: Import) -> Result<(), Failure> {
    let config = config(&args.place)?;
    let (data, test_clock, file) = (args.place.data, args.test_clock, args.file);
    let options = ImportOptions { config, data, test_clock, file };
    let imported = tamga::import::import(&options, &mut Progress::new())?;
    let kinds: Vec<String> =
        imported.by_type.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
    let seconds = imported.took.as_secs_f64();
    let (items, kinds) = (imported.items, kinds.join(", "));
    print(&format!("imported {items} records in {seconds:.1} s: {kinds}"))?;
    if let Some(version) = imported.rules {
        print(&format!("rule set {version} is in force"))?;
    }
    for warning in imported.warnings {
        eprintln!("warning: {warning}");
    }
    Ok(())
}

pub(crate) fn import_rates(args: ImportRates) -> Result<(), Failure> {
    let config = config(&args.place)?;
    let (data, token, test_clock, file) = (args.place.data, args.token, args.test_clock, args.file);
    let options = RatesOptions { config, data, token, test_clock, file };
    print(&tamga::import_rates::import_rates(&options)?.to_string())
}

pub(crate) fn decode(args: &Decode) -> Result<(), Failure> {
    let dialect = load_dialect(&args.dialect)?;
    let options = DecodeOptions { unmask: args.unmask, pretty: args.pretty };
    let mut out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    if args.hex == "-" {
        return decode_lines(&dialect, io::stdin().lock(), options, &mut out);
    }
    let result = decode_one(&dialect, &args.hex, options, &mut out);
    out.flush().map_err(|error| broken(&error))?;
    result
}

pub(crate) fn encode(args: &Encode) -> Result<(), Failure> {
    let dialect = load_dialect(&args.dialect)?;
    let mut out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    if args.json == "-" {
        return encode_lines(&dialect, io::stdin().lock(), args.pretty, &mut out);
    }
    let result = encode_one(&dialect, &args.json, args.pretty, &mut out);
    out.flush().map_err(|error| broken(&error))?;
    result
}

pub(crate) fn replay(args: &Replay) -> Result<(), Failure> {
    let data = data(&args.place)?;
    let (from_snapshot, rules) = (args.from_snapshot, args.rules.clone());
    let options = ReplayOptions { data, from_snapshot, rules };
    let replayed = tamga::replay::replay(&options, &mut Progress::new())?;
    let mut table = Table::new(&[("", Align::Left), ("", Align::Left)]);
    let (first, last) = (replayed.first, replayed.last);
    let records = match replayed.records {
        0 => "none".to_owned(),
        records => format!("{records} ({first} to {last})"),
    };
    table.row(&["records", &records]);
    let seconds = replayed.took.as_secs_f64();
    table.row(&["rate", &format!("{} a second ({seconds:.1} s)", replayed.rate())]);
    table.row(&["digest", &format!("{:016x}", replayed.digest)]);
    if replayed.backtest.is_none() {
        table.row(&["outcomes", "all as recorded"]);
    }
    print(table.to_string().trim())?;
    match &replayed.backtest {
        Some(backtest) => print(&format!("\n{}", backtest.to_string().trim_end())),
        None => Ok(()),
    }
}

pub(crate) fn preview(args: &Preview) -> Result<(), Failure> {
    let (data, rules) = (data(&args.place)?, args.rules.clone());
    let options = tamga::preview::PreviewOptions { data, rules, days: args.days };
    let previewed = tamga::preview::preview(&options, &mut Progress::new())?;
    if args.json { print(&json(&previewed.json())?) } else { print(previewed.to_string().trim()) }
}

pub(crate) fn verify(args: &Verify) -> Result<(), Failure> {
    let verified = tamga::verify::verify(&data(&args.place)?, &mut Progress::new())?;
    for line in verified.lines {
        print(&line)?;
    }
    print("good")
}

pub(crate) fn verify_order(args: VerifyOrder) -> Result<(), Failure> {
    let source = match args.export {
        Some(file) => RegisterSource::Export(file),
        None => RegisterSource::Data(data(&args.place)?),
    };
    let told = tamga::verify_order::verify_order(&source, args.order, args.head.as_deref())?;
    for line in told {
        print(&line)?;
    }
    print("good")
}

pub(crate) fn eod(args: Eod) -> Result<(), Failure> {
    let config = config(&args.place)?;
    let (data, token, test_clock) = (args.place.data, args.token, args.test_clock);
    let options = EodOptions { config, data, date: args.date, token, test_clock };
    let ended = tamga::eod::eod(&options, &mut Progress::new())?;
    for warning in &ended.warnings {
        eprintln!("warning: {warning}");
    }
    print(&ended.to_string())
}

pub(crate) fn overdrafts(args: Overdrafts) -> Result<(), Failure> {
    let config = config(&args.place)?;
    let (data, token, test_clock) = (args.place.data, args.token, args.test_clock);
    let options = OverdraftOptions { config, data, age: args.age, token, test_clock };
    let list = tamga::overdrafts::overdrafts(&options)?;
    print(if args.json { json(&list)? } else { list.table() }.trim_end())
}

pub(crate) fn statement(args: Statement) -> Result<(), Failure> {
    let config = config(&args.place)?;
    let (data, account, from, to) = (args.place.data, args.account, args.from, args.to);
    let options = StatementOptions { config, data, account, from, to };
    let statement = tamga::books::statement(options)?;
    match args.format {
        Format::Table => print(&statement.table()),
        Format::Csv => print(statement.csv().trim_end()),
        Format::Json => print(&json(&statement)?),
    }
}

pub(crate) fn general_ledger(args: &GeneralLedger) -> Result<(), Failure> {
    let config = config(&args.place)?;
    let data = args.place.data.as_deref();
    let ledger = tamga::books::general_ledger(&config, data, args.date)?;
    match args.format {
        Format::Table => print(ledger.table().trim_end()),
        Format::Csv => print(ledger.csv().trim_end()),
        Format::Json => print(&json(&ledger)?),
    }
}

fn json(value: &impl serde::Serialize) -> Result<String, Failure> {
    serde_json::to_string_pretty(value).map_err(|error| Failure::usage(error.to_string()))
}

pub(crate) fn generate_portfolio(args: &GeneratePortfolio) -> Result<(), Failure> {
    let (pos, agents, atms) = (args.pos, args.agents, args.atms);
    let (maced_pos, dukpt_pos) = (args.maced_pos, args.dukpt_pos);
    let size = Size { cards: args.cards, pos, agents, atms, maced_pos, dukpt_pos };
    match &args.out {
        Some(path) => {
            let wrong = |error: io::Error| Failure::file(path, "written", &error);
            let file = File::create(path).map_err(wrong)?;
            generate(size, &mut BufWriter::with_capacity(1 << 20, file)).map_err(wrong)
        }
        None if io::stdout().is_terminal() => {
            Err(Failure::usage("that is a lot to read: give --out FILE, or pipe it somewhere"))
        }
        None => {
            let mut out = BufWriter::with_capacity(1 << 20, io::stdout().lock());
            generate(size, &mut out).map_err(|error| broken(&error))
        }
    }
}
