//! The command line.

use crate::run::keys::Key;
use crate::run::sign::Sign;
use crate::run::users::User;
use clap::{Args, Parser, Subcommand, ValueEnum};
use payment_types::{BusinessDate, Timestamp};
use std::path::PathBuf;
use tamga::backup::Until;
use tamga::clock::parse_rfc3339;

/// A card authorization engine: ISO 8583 in, decisions with reasons out, nothing lost.
#[derive(Debug, Parser)]
#[command(name = "tamga", version, max_term_width = 100, arg_required_else_help = true)]
#[command(after_help = "\
Begin with `tamga demo`. Exit codes: 0 good, 1 what was looked at is not right, 2 command line or
configuration, 3 data directory, 4 an address, 5 the engine stopped while it ran.")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the engine until SIGTERM
    Serve(Serve),
    /// The engine with a demo portfolio and simulated traffic
    Demo(Demo),
    /// Say everything that is wrong with a configuration and the files it names
    CheckConfig(CheckConfig),
    /// Put all of a data directory into one encrypted file, while the engine runs
    Backup(Backup),
    /// Make a data directory from a backup, as of any record or moment in it
    Restore(Restore),
    /// Take customers, accounts, cards and terminals into the data directory, all or nothing
    Import(Import),
    /// Take a file of exchange rates and metal prices in, all or nothing
    ImportRates(ImportRates),
    /// ISO 8583 in hex to JSON
    Decode(Decode),
    /// JSON to ISO 8583 in hex
    Encode(Encode),
    /// Run the journal again: prove that it gives the same, or try another rule set on it
    Replay(Replay),
    /// What a rule set would have done over the last days: money, the most affected, both traces
    Preview(Preview),
    /// Check that journal, snapshot, balances and counters agree
    Verify(Verify),
    /// Prove who signed a change order, with what, and that nothing was altered since
    VerifyOrder(VerifyOrder),
    /// End a business day by hand; ending it twice changes nothing
    Eod(Eod),
    /// List technical overdrafts that are open, by due date and age
    Overdrafts(Overdrafts),
    /// What was posted on an account: every line with its posting, and the balance after it
    Statement(Statement),
    /// The bank's books of a day: turnover and closing by class of account, which sum to zero
    GeneralLedger(GeneralLedger),
    /// Book a clearing file: what networks say was done with our cards
    Present(Present),
    /// Claims about operations and what became of them
    Disputes(Disputes),
    /// Put cards and ranges on the stop-list, or take them off, from a file
    StopList(StopList),
    /// The keys: ceremony, key blocks, rotation, check values
    Key(Key),
    /// The users: add, roles, reset what was lost
    User(User),
    /// Sign an order's digest with a personal key in a file
    Sign(Sign),
    /// Write a portfolio of any size with test cards, for load tests
    GeneratePortfolio(GeneratePortfolio),
}

/// The configuration and the data directory.
#[derive(Debug, Args)]
pub(crate) struct Place {
    /// The configuration; without it, the built-in one [env override of a setting:
    /// TAMGA__HTTP__BIND=...]
    #[arg(long, value_name = "FILE", env = "TAMGA_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// The data directory, in place of the configuration's store.path
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tamga serve --config tamga.toml
  TAMGA__HTTP__BIND=0.0.0.0:8080 tamga serve --config tamga.toml --data /var/lib/tamga")]
pub(crate) struct Serve {
    #[command(flatten)]
    pub(crate) place: Place,
    /// Run on a clock that stands at this time (or at the last record, if later) until the API
    /// moves it
    #[arg(long, value_name = "RFC3339", value_parser = parse_rfc3339)]
    pub(crate) test_clock: Option<Timestamp>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tamga demo               until Ctrl-C
  tamga demo --once        200 transactions; exits 0 only if all came back as expected")]
pub(crate) struct Demo {
    /// End after 200 transactions and say whether all came back as expected
    #[arg(long)]
    pub(crate) once: bool,
    /// Keep the data here; without it, in a directory that is removed at the end
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  tamga check-config tamga.toml")]
pub(crate) struct CheckConfig {
    /// The configuration
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Takes no lock: an engine may be running, and what it has made durable by then is in the backup. The
security module's master key is not: keep that apart.

Example:
  tamga backup --config tamga.toml --passphrase-file /etc/tamga/backup.pass /backup/tamga-2026-11-23")]
pub(crate) struct Backup {
    #[command(flatten)]
    pub(crate) place: Place,
    /// A file whose first line is the passphrase, 12 characters or more; - for standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) passphrase_file: PathBuf,
    /// The backup to make; it must not be there
    #[arg(value_name = "BACKUP")]
    pub(crate) file: PathBuf,
}

#[derive(Debug, Args)]
#[command(after_help = "\
The data directory is the configuration's, or --data; it must not be there, or be empty. Customers
on the list of erased ones (DIR.erased, beside the directory) lose their keys again.

Examples:
  tamga restore --config tamga.toml --passphrase-file backup.pass /backup/tamga-2026-11-23
  tamga restore --data /tmp/look --passphrase-file - --until 2026-11-23T12:00:00+06:00 BACKUP")]
pub(crate) struct Restore {
    #[command(flatten)]
    pub(crate) place: Place,
    /// A file whose first line is the passphrase; - for standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) passphrase_file: PathBuf,
    /// The last record wanted, by its sequence, or the last moment (RFC 3339)
    #[arg(long, value_name = "SEQUENCE|RFC3339", value_parser = until)]
    pub(crate) until: Option<Until>,
    /// The list of erased customers, if it is not beside the data directory
    #[arg(long, value_name = "FILE")]
    pub(crate) erased: Option<PathBuf>,
    /// The backup
    #[arg(value_name = "BACKUP")]
    pub(crate) file: PathBuf,
}

fn until(text: &str) -> Result<Until, String> {
    match text.parse() {
        Ok(sequence) => Ok(Until::Record(sequence)),
        Err(_) => parse_rfc3339(text).map(Until::Moment).map_err(|error| error.to_string()),
    }
}

#[derive(Debug, Args)]
#[command(after_help = "\
A file is taken in whole or not at all: if any line is refused, all refused lines are listed and
nothing is changed. Stop the engine first.

Example:
  tamga import --config tamga.toml portfolio.jsonl")]
pub(crate) struct Import {
    #[command(flatten)]
    pub(crate) place: Place,
    /// Import as of this time instead of now
    #[arg(long, value_name = "RFC3339", value_parser = parse_rfc3339)]
    pub(crate) test_clock: Option<Timestamp>,
    /// The portfolio, one JSON object a line
    #[arg(value_name = "PORTFOLIO.JSONL")]
    pub(crate) file: PathBuf,
}

#[derive(Debug, Args)]
#[command(after_help = "\
The file is CSV: from,to,value,margin_percent,valid_from. Rates hold from their moment until a later
one of the pair begins. While an engine runs on the data directory it is asked over its API, with
--token or TAMGA_TOKEN.

Example:
  tamga import-rates --config tamga.toml rates-2026-11-23.csv")]
pub(crate) struct ImportRates {
    #[command(flatten)]
    pub(crate) place: Place,
    /// A token of the API with the role operator
    #[arg(long, value_name = "TOKEN", env = "TAMGA_TOKEN", hide_env_values = true)]
    pub(crate) token: Option<String>,
    /// Import as of this time instead of now; only while no engine runs
    #[arg(long, value_name = "RFC3339", value_parser = parse_rfc3339)]
    pub(crate) test_clock: Option<Timestamp>,
    /// The rates
    #[arg(value_name = "RATES.CSV")]
    pub(crate) file: PathBuf,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tamga decode 0800822000000000000004000000000000001121143200123458301
  tamga decode --pretty --dialect iso87-ascii HEX
  tamga decode --unmask - < messages.hex | tamga encode - | cmp - messages.hex")]
pub(crate) struct Decode {
    /// A shipped dialect, or the path of a dialect file
    #[arg(long, value_name = "NAME", default_value = "iso87-bcd")]
    pub(crate) dialect: String,
    /// Show card numbers, tracks and PIN blocks in clear
    #[arg(long)]
    pub(crate) unmask: bool,
    /// A table for people, chip data taken apart
    #[arg(long)]
    pub(crate) pretty: bool,
    /// One message in hex; - for one a line from standard input
    #[arg(value_name = "HEX", allow_hyphen_values = true)]
    pub(crate) hex: String,
}

#[derive(Debug, Args)]
#[command(after_help = r#"Examples:
  tamga encode '{"mti":"0800","fields":{"7":"1121143200","11":"123458","70":"301"}}'
  tamga encode --dialect iso93-ascii - < messages.jsonl"#)]
pub(crate) struct Encode {
    /// A shipped dialect, or the path of a dialect file
    #[arg(long, value_name = "NAME", default_value = "iso87-bcd")]
    pub(crate) dialect: String,
    /// A hex dump for people
    #[arg(long)]
    pub(crate) pretty: bool,
    /// One message as JSON; - for one a line from standard input
    #[arg(value_name = "JSON", allow_hyphen_values = true)]
    pub(crate) json: String,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tamga replay --config tamga.toml
  tamga replay --data data --rules stricter.toml      what would have been decided otherwise")]
pub(crate) struct Replay {
    #[command(flatten)]
    pub(crate) place: Place,
    /// Begin at the newest snapshot instead of the first record
    #[arg(long)]
    pub(crate) from_snapshot: bool,
    /// Run it under this rule set and show which decisions would change
    #[arg(long, value_name = "FILE")]
    pub(crate) rules: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  tamga preview --data data --rules stricter.toml --days 7")]
pub(crate) struct Preview {
    #[command(flatten)]
    pub(crate) place: Place,
    /// The rule set to be tried
    #[arg(long, value_name = "FILE")]
    pub(crate) rules: PathBuf,
    /// Up to the last record, so many days back
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=3660))]
    pub(crate) days: u32,
    /// Everything as JSON, each transaction with both traces
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  tamga verify --config tamga.toml")]
pub(crate) struct Verify {
    #[command(flatten)]
    pub(crate) place: Place,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Reads the register from the data directory, also while an engine runs, or from what
GET /orders/register gave. Exit code 1 and the first thing that is not right.

Examples:
  tamga verify-order 57 --config tamga.toml
  tamga verify-order 57 --export register.jsonl --head 9d41...")]
pub(crate) struct VerifyOrder {
    #[command(flatten)]
    pub(crate) place: Place,
    /// The exported register, in place of a data directory
    #[arg(long, value_name = "FILE", conflicts_with_all = ["config", "data"])]
    pub(crate) export: Option<PathBuf>,
    /// The head that the register had, as it was kept elsewhere
    #[arg(long, value_name = "HEX")]
    pub(crate) head: Option<String>,
    /// The order's number
    #[arg(value_name = "ORDER")]
    pub(crate) order: u64,
}

#[derive(Debug, Args)]
#[command(after_help = "\
While an engine runs on the data directory it is asked over its API, with --token or TAMGA_TOKEN.

Example:
  tamga eod --config tamga.toml --date 2026-11-23")]
pub(crate) struct Eod {
    #[command(flatten)]
    pub(crate) place: Place,
    /// The day that ended
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = date)]
    pub(crate) date: BusinessDate,
    /// A token of the API with the role operator
    #[arg(long, value_name = "TOKEN", env = "TAMGA_TOKEN", hide_env_values = true)]
    pub(crate) token: Option<String>,
    /// Run as of this time instead of now; only while no engine runs
    #[arg(long, value_name = "RFC3339", value_parser = parse_rfc3339)]
    pub(crate) test_clock: Option<Timestamp>,
}

/// How a list is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Table,
    /// RFC 4180, with a heading
    Csv,
    /// As the API gives it
    Json,
}

#[derive(Debug, Args)]
#[command(after_help = "\
A day is a local day, and --to takes it in; an instant is RFC 3339. While an engine runs on the data
directory, the statement is as of what its read model has (the record is told).

Examples:
  tamga statement --config tamga.toml --account A1 --from 2026-11-01 --to 2026-11-30
  tamga statement --data data --account A1 --format csv > A1.csv")]
pub(crate) struct Statement {
    #[command(flatten)]
    pub(crate) place: Place,
    /// The account's id
    #[arg(long, value_name = "ID")]
    pub(crate) account: String,
    /// From this day or instant; without it, from the account's opening
    #[arg(long, value_name = "DAY|RFC3339")]
    pub(crate) from: Option<String>,
    /// Up to the end of this day, or before this instant; without it, until now
    #[arg(long, value_name = "DAY|RFC3339")]
    pub(crate) to: Option<String>,
    /// How to write it
    #[arg(long, value_enum, default_value = "table")]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  tamga general-ledger --config tamga.toml --date 2026-11-23")]
pub(crate) struct GeneralLedger {
    #[command(flatten)]
    pub(crate) place: Place,
    /// The day
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = date)]
    pub(crate) date: BusinessDate,
    /// How to write it
    #[arg(long, value_enum, default_value = "table")]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
#[command(after_help = "\
A file with a malformed record is refused whole, with the lines. Records that can't be booked are
listed, and so are those that match nothing; reading a file again books nothing twice. While an
engine runs on the data directory it is asked over its API, with --token or TAMGA_TOKEN.

Examples:
  tamga present --config tamga.toml scheme-20261123.csv
  tamga present --config tamga.toml --dialect iso87-bcd --framing u16be batch-20261123.iso")]
pub(crate) struct Present {
    #[command(flatten)]
    pub(crate) place: Place,
    /// The file holds ISO 8583 messages 0220 or 0320 of this dialect; without it, CSV
    #[arg(long, value_name = "NAME")]
    pub(crate) dialect: Option<String>,
    /// How the messages are framed
    #[arg(long, value_name = "KIND", default_value = "u16be")]
    pub(crate) framing: String,
    /// A token of the API with the role operator
    #[arg(long, value_name = "TOKEN", env = "TAMGA_TOKEN", hide_env_values = true)]
    pub(crate) token: Option<String>,
    /// Run as of this time instead of now; only while no engine runs
    #[arg(long, value_name = "RFC3339", value_parser = parse_rfc3339)]
    pub(crate) test_clock: Option<Timestamp>,
    /// The clearing file
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
}

#[derive(Debug, Args)]
#[command(after_help = "\
While an engine runs on the data directory it is asked over its API, with --token or TAMGA_TOKEN.

Examples:
  tamga overdrafts --config tamga.toml
  tamga overdrafts --config tamga.toml --age overdue_over_30 --json")]
pub(crate) struct Overdrafts {
    #[command(flatten)]
    pub(crate) place: Place,
    /// Only these: working_days_1_to_5, overdue_1_to_30 or overdue_over_30
    #[arg(long, value_name = "AGE",
        value_parser = ["working_days_1_to_5", "overdue_1_to_30", "overdue_over_30"])]
    pub(crate) age: Option<String>,
    /// As JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// A token of the API
    #[arg(long, value_name = "TOKEN", env = "TAMGA_TOKEN", hide_env_values = true)]
    pub(crate) token: Option<String>,
    /// As of this time instead of now; only while no engine runs
    #[arg(long, value_name = "RFC3339", value_parser = parse_rfc3339)]
    pub(crate) test_clock: Option<Timestamp>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
While an engine runs on the data directory it is asked over its API, with --token or TAMGA_TOKEN.

Example:
  tamga disputes --config tamga.toml --status open")]
pub(crate) struct Disputes {
    #[command(flatten)]
    pub(crate) place: Place,
    /// Only these: open, credited, collected or rejected
    #[arg(long, value_name = "STATUS",
        value_parser = ["open", "credited", "collected", "rejected"])]
    pub(crate) status: Option<String>,
    /// A token of the API
    #[arg(long, value_name = "TOKEN", env = "TAMGA_TOKEN", hide_env_values = true)]
    pub(crate) token: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
CSV with a header: card, or from and to; until; code (04, 07); action (add, delete). All lines or none.
While an engine runs on the data directory it is asked over its API, with --token or TAMGA_TOKEN.

Example:
  tamga stop-list --config tamga.toml stop-list.csv")]
pub(crate) struct StopList {
    #[command(flatten)]
    pub(crate) place: Place,
    /// A token of the API with the role operator
    #[arg(long, value_name = "TOKEN", env = "TAMGA_TOKEN", hide_env_values = true)]
    pub(crate) token: Option<String>,
    /// Run as of this time instead of now; only while no engine runs
    #[arg(long, value_name = "RFC3339", value_parser = parse_rfc3339)]
    pub(crate) test_clock: Option<Timestamp>,
    /// The file
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
}

fn date(text: &str) -> Result<BusinessDate, String> {
    BusinessDate::parse(text).map_err(|error| error.to_string())
}

#[derive(Debug, Args)]
#[command(after_help = "\
Card numbers are of the test range 9417..., PINs are 1234, keys are the well-known test key: import
it where security.test_keys is on.

Example:
  tamga generate-portfolio --cards 1000000 > million.jsonl")]
pub(crate) struct GeneratePortfolio {
    /// Customers, each with one account and one card
    #[arg(long, default_value_t = 1000)]
    pub(crate) cards: u64,
    /// Shop terminals P0000001, ...
    #[arg(long, default_value_t = 64)]
    pub(crate) pos: u32,
    /// Agents' terminals A0000001, ...
    #[arg(long, default_value_t = 16)]
    pub(crate) agents: u32,
    /// Cash machines C0000001, ...
    #[arg(long, default_value_t = 16)]
    pub(crate) atms: u32,
    /// Shop terminals whose messages carry a MAC
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub(crate) maced_pos: u32,
    /// Shop terminals with DUKPT, of triple DES and of AES by turns; the AES ones carry a MAC
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub(crate) dukpt_pos: u32,
    /// Where to write; standard output if not given
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}
