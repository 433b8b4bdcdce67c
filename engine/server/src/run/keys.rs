//! `tamga key`: what it takes on the command line, asks for at the terminal, and prints.

use super::{config, print};
use crate::args::Place;
use clap::{Args, Subcommand};
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use security::{AesKey, ClearKey, MasterKey};
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use tamga::clock::parse_rfc3339;
use tamga::failure::Failure;
use tamga::keys::{KeyDone, KeyPlace, KeyRequest};
use tamga::table::{Align, Table};
use zeroize::Zeroizing;

/// Longest file a component or key block is read from.
const INPUT_MOST: u64 = 16 << 10;

#[derive(Debug, Args)]
#[command(after_help = "\
Works on the data directory while no engine runs; a running engine is asked over its API, with a
token of the role key_custodian in --token or TAMGA_TOKEN. Secrets are never taken from the command
line: they come from a file (--file) or from a prompt that does not show them.

Examples:
  tamga key master --config tamga.toml
  tamga key ceremony zmk-elcart --usage key-block-protection --components 2 --check-value 08D7B4
  tamga key component zmk-elcart --by ann            (and bob enters the other one)
  tamga key import cvk --usage card-verification --under zmk-elcart --file cvk.tr31
  tamga key rotate pvk --accept-old-until 2027-06-30
  tamga key rotate-master
  tamga key own
  tamga key list")]
pub(crate) struct Key {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Args)]
struct Where {
    #[command(flatten)]
    place: Place,
    /// A token of the API with the role key_custodian, for a running engine
    #[arg(long, value_name = "TOKEN", env = "TAMGA_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// Who does it, for the journal; a running engine takes the token's name
    #[arg(long, value_name = "NAME", env = "USER", default_value = "tamga key")]
    by: String,
    /// Another time than now; only while no engine runs
    #[arg(long, value_name = "RFC3339", value_parser = parse_rfc3339)]
    test_clock: Option<payment_types::Timestamp>,
}

#[derive(Debug, Args)]
struct Fresh {
    /// What it is for; `tamga key usages` lists them. Of a key that exists it need not be told
    #[arg(long, value_name = "USAGE")]
    usage: Option<String>,
    /// tdes, aes or hmac, where the usage leaves it open
    #[arg(long, value_name = "ALGORITHM")]
    algorithm: Option<String>,
    /// The index that PVVs carry, 0 to 9
    #[arg(long, value_name = "N")]
    pvki: Option<u8>,
    /// The day by which it should be rotated: warned about from 30 days before
    #[arg(long, value_name = "DATE")]
    expires_on: Option<String>,
    /// For a new version of a key: until when the old one is accepted (a day, or RFC 3339)
    #[arg(long, value_name = "DATE")]
    accept_old_until: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// The keys with their versions, check values and dates, and the ceremonies that run
    List(ListArgs),
    /// What keys can be for
    Usages,
    /// The installation's own keys, what they make, and what another one would mean
    Own(OwnArgs),
    /// Make the master key of an installation: a new random one, or from components
    Master(MasterArgs),
    /// Put another master key in force: a new random one, or from components. Nothing else changes;
    /// backups from before still need the old one
    RotateMaster(RotateMasterArgs),
    /// Make a random key in the store
    Generate(GenerateArgs),
    /// Give a key a new random version
    Rotate(GenerateArgs),
    /// Begin a ceremony: a key by components, each of its own custodian
    Ceremony(CeremonyArgs),
    /// Give a component of a ceremony; the last one makes the key
    Component(ComponentArgs),
    /// End a ceremony without a key
    Cancel(NameArgs),
    /// Take a key out of a key block (TR-31 B or D)
    Import(ImportArgs),
    /// Put a key into a key block (TR-31 B or D) under another
    Export(ExportArgs),
    /// End the use of a version
    Retire(VersionArgs),
    /// Wipe a retired version's material
    Destroy(VersionArgs),
    /// The check value of a component or key that is typed in or in a file; nothing is stored
    CheckValue(CheckValueArgs),
}

#[derive(Debug, Args)]
struct ListArgs {
    #[command(flatten)]
    at: Where,
    /// As JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct OwnArgs {
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Args)]
struct MasterArgs {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    made: Made,
}

#[derive(Debug, Args)]
struct RotateMasterArgs {
    #[command(flatten)]
    at: Where,
    #[command(flatten)]
    made: Made,
}

/// How a master key is made.
#[derive(Debug, Args)]
struct Made {
    /// How many components it is made of, 2 to 9; without, it is random
    #[arg(long, value_name = "N")]
    components: Option<u8>,
    /// A file with a component, once for each; without, they are asked for
    #[arg(long, value_name = "FILE")]
    file: Vec<PathBuf>,
    /// What the check value must be
    #[arg(long, value_name = "HEX")]
    check_value: Option<String>,
}

#[derive(Debug, Args)]
struct NameArgs {
    /// The key's name
    name: String,
    #[command(flatten)]
    at: Where,
}

#[derive(Debug, Args)]
struct GenerateArgs {
    /// The key's name
    name: String,
    #[command(flatten)]
    fresh: Fresh,
    #[command(flatten)]
    at: Where,
}

#[derive(Debug, Args)]
struct CeremonyArgs {
    /// The key's name
    name: String,
    /// How many components, 2 to 9
    #[arg(long, value_name = "N")]
    components: u8,
    /// The check value of the whole key, from the sheet
    #[arg(long, value_name = "HEX")]
    check_value: String,
    #[command(flatten)]
    fresh: Fresh,
    #[command(flatten)]
    at: Where,
}

#[derive(Debug, Args)]
struct ComponentArgs {
    /// The key's name
    name: String,
    /// The file it is in; without, it is asked for and not shown
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// The component's own check value, from the sheet
    #[arg(long, value_name = "HEX")]
    check_value: Option<String>,
    #[command(flatten)]
    at: Where,
}

#[derive(Debug, Args)]
struct ImportArgs {
    /// The key's name
    name: String,
    /// The name of the key-block protection key
    #[arg(long, value_name = "NAME")]
    under: String,
    /// The file the block is in; without, it is read from standard input
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// The key's check value, as the other side told it
    #[arg(long, value_name = "HEX")]
    check_value: Option<String>,
    #[command(flatten)]
    fresh: Fresh,
    #[command(flatten)]
    at: Where,
}

#[derive(Debug, Args)]
struct ExportArgs {
    /// The key's name
    name: String,
    /// The name of the key-block protection key
    #[arg(long, value_name = "NAME")]
    under: String,
    #[command(flatten)]
    at: Where,
}

#[derive(Debug, Args)]
struct VersionArgs {
    /// The key's name
    name: String,
    /// Which version
    #[arg(long = "key-version", value_name = "N")]
    version: u32,
    #[command(flatten)]
    at: Where,
}

#[derive(Debug, Args)]
struct CheckValueArgs {
    /// tdes or aes
    #[arg(long, value_name = "ALGORITHM", default_value = "tdes")]
    algorithm: String,
    /// The file it is in; without, it is asked for and not shown
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

pub(crate) fn key(args: Key) -> Result<(), Failure> {
    match args.action {
        Action::List(args) => list(args),
        Action::Usages => usages(),
        Action::Own(args) => own(&args),
        Action::Master(args) => master(args),
        Action::RotateMaster(args) => rotate_master(args),
        Action::CheckValue(args) => check_value(&args),
        Action::Generate(args) => tell("generate", args.name, args.at, with(args.fresh)),
        Action::Rotate(args) => tell("rotate", args.name, args.at, with(args.fresh)),
        Action::Cancel(args) => tell("cancel", args.name, args.at, KeyRequest::default()),
        Action::Ceremony(args) => {
            let mut request = with(args.fresh);
            request.components = Some(args.components);
            request.check_value = Some(args.check_value);
            tell("ceremony", args.name, args.at, request)
        }
        Action::Component(args) => {
            let component = secret(args.file.as_deref(), "Component: ")?;
            let mut request = KeyRequest::default();
            request.component = Some(component.to_string());
            request.check_value = args.check_value;
            tell("component", args.name, args.at, request)
        }
        Action::Import(args) => {
            let mut request = with(args.fresh);
            request.block = Some(block(args.file.as_deref())?);
            request.under = Some(args.under);
            request.check_value = args.check_value;
            tell("import", args.name, args.at, request)
        }
        Action::Export(args) => {
            let mut request = KeyRequest::default();
            request.under = Some(args.under);
            tell("export", args.name, args.at, request)
        }
        Action::Retire(args) => tell_version("retire", args),
        Action::Destroy(args) => tell_version("destroy", args),
    }
}

fn with(fresh: Fresh) -> KeyRequest {
    let mut request = KeyRequest::default();
    request.usage = fresh.usage;
    request.algorithm = fresh.algorithm;
    request.pvki = fresh.pvki;
    request.expires_on = fresh.expires_on;
    request.accept_old_until = fresh.accept_old_until;
    request
}

fn tell_version(action: &str, args: VersionArgs) -> Result<(), Failure> {
    let mut request = KeyRequest::default();
    request.version = Some(args.version);
    tell(action, args.name, args.at, request)
}

fn place(at: Where) -> Result<KeyPlace, Failure> {
    let config = config(&at.place)?;
    let (data, token, test_clock) = (at.place.data, at.token, at.test_clock);
    Ok(KeyPlace { config, data, token, test_clock, by: at.by })
}

fn tell(action: &str, name: String, at: Where, mut request: KeyRequest) -> Result<(), Failure> {
    action.clone_into(&mut request.action);
    request.name = name;
    let done: KeyDone = tamga::keys::change(&place(at)?, &request)?;
    if let Some(block) = &done.block {
        // Alone on its line, so that it can be sent into a file.
        print(block)?;
    }
    let KeyDone { action, name, usage, algorithm, version, check_value, detail, .. } = done;
    let detail = if detail.is_empty() { detail } else { format!(" ({detail})") };
    let action = action.replace('_', " ");
    let line = format!(
        "{name} version {version}: {action}{detail}; {usage}, {algorithm}, check value {check_value}"
    );
    if request.action == "export" {
        eprintln!("{line}");
        return Ok(());
    }
    print(&line)
}

fn list(args: ListArgs) -> Result<(), Failure> {
    let found = tamga::keys::list(&place(args.at)?)?;
    if args.json {
        let text = serde_json::to_string_pretty(&found);
        return print(&text.map_err(|error| Failure::found(error.to_string()))?);
    }
    let mut table = Table::new(&[
        ("name", Align::Left),
        ("usage", Align::Left),
        ("kind", Align::Left),
        ("version", Align::Right),
        ("state", Align::Left),
        ("check", Align::Left),
        ("pvki", Align::Right),
        ("accepted until", Align::Left),
        ("expires", Align::Left),
        ("days left", Align::Right),
    ]);
    for key in &found.keys {
        for version in &key.versions {
            let text = |value: Option<i64>| value.map(|v| v.to_string()).unwrap_or_default();
            table.row(&[
                &key.name,
                &key.usage,
                &format!("{}-{}", key.algorithm, version.bits),
                &version.version.to_string(),
                &version.state,
                &version.check_value,
                &text(version.pvki.map(i64::from)),
                version.accepted_until.as_deref().unwrap_or_default(),
                version.expires_on.as_deref().unwrap_or_default(),
                &text(version.days_left.map(i64::from)),
            ]);
        }
    }
    print(&table.to_string())?;
    for ceremony in &found.ceremonies {
        print(&format!(
            "ceremony for {} ({}, check value {}): {} of {} components, from {}",
            ceremony.name,
            ceremony.usage,
            ceremony.check_value,
            ceremony.given_by.len(),
            ceremony.components,
            if ceremony.given_by.is_empty() {
                "nobody".to_owned()
            } else {
                ceremony.given_by.join(", ")
            }
        ))?;
    }
    Ok(())
}

fn usages() -> Result<(), Failure> {
    let mut table =
        Table::new(&[("usage", Align::Left), ("TR-31", Align::Left), ("meaning", Align::Left)]);
    for usage in security::KeyUsage::ALL {
        table.row(&[usage.name(), usage.tr31(), usage.meaning()]);
    }
    print(&table.to_string())
}

fn own(args: &OwnArgs) -> Result<(), Failure> {
    let columns = ["key", "check", "what it makes", "another one"];
    let mut table = Table::new(&columns.map(|column| (column, Align::Left)));
    for key in tamga::keys::own_keys(&config(&args.place)?.security) {
        let check_value = key.check_value.as_deref().unwrap_or_default();
        table.row(&[&key.name, check_value, key.makes, key.another]);
    }
    print(&table.to_string())
}

fn master(args: MasterArgs) -> Result<(), Failure> {
    let config = config(&args.place)?;
    let path = &config.security.master_key_file;
    let (key, made) = made(args.made)?;
    key.create(path).map_err(failed)?;
    print(&format!(
        "master key written to {}, check value {made}; keep a copy apart from the data directory",
        path.display()
    ))
}

fn rotate_master(args: RotateMasterArgs) -> Result<(), Failure> {
    let (key, made) = made(args.made)?;
    let place = place(args.at)?;
    let before = tamga::keys::rotate_master(&place, &key)?;
    print(&format!(
        "master key {made} in force in {}, in place of {before}; keep a copy of it apart from the \
         data directory, and the old one as long as there are backups from before",
        place.config.security.master_key_file.display()
    ))
}

fn failed(error: security::OpenError) -> Failure {
    Failure::data(error.to_string())
}

/// The key that is asked for, and its check value.
fn made(args: Made) -> Result<(MasterKey, String), Failure> {
    let key = match args.components {
        None if args.file.is_empty() => MasterKey::random().map_err(failed)?,
        count => {
            let files = args.file.len();
            let count = count.map_or(files, usize::from);
            if files != 0 && files != count {
                let line = format!("{count} components, but {files} files");
                return Err(Failure::usage(line));
            }
            let mut components = Vec::with_capacity(count);
            for number in 1..=count {
                let prompt = format!("Component {number} of {count}: ");
                components.push(secret(args.file.get(number - 1).map(PathBuf::as_path), &prompt)?);
            }
            MasterKey::from_components(&components).ok_or_else(|| {
                Failure::usage("a master key has 2 to 9 components of 64 hex digits each")
            })?
        }
    };
    let made = key.check_value().to_string();
    if let Some(wanted) = args.check_value.filter(|wanted| !wanted.eq_ignore_ascii_case(&made)) {
        let line = format!(
            "the components give a key with check value {made}, not {wanted}; nothing was written"
        );
        return Err(Failure::found(line));
    }
    Ok((key, made))
}

fn check_value(args: &CheckValueArgs) -> Result<(), Failure> {
    let text = secret(args.file.as_deref(), "Component or key: ")?;
    let digits: Zeroizing<String> =
        Zeroizing::new(text.chars().filter(|c| !c.is_whitespace()).collect());
    let value = match args.algorithm.as_str() {
        "tdes" => ClearKey::from_hex(&digits).map(|key| key.check_value()),
        "aes" => AesKey::from_hex(&digits).map(|key| key.check_value()),
        _ => return Err(Failure::usage("--algorithm is tdes or aes")),
    };
    let value = value.map_err(|error| Failure::found(error.to_string()))?;
    print(&value.to_string())
}

/// A secret from a file, or typed without being shown.
pub(super) fn secret(file: Option<&Path>, prompt: &str) -> Result<Zeroizing<String>, Failure> {
    if let Some(path) = file {
        return read(File::open(path), path);
    }
    let terminal = Path::new("/dev/tty");
    match File::options().read(true).write(true).open(terminal) {
        Ok(tty) => typed(&tty, prompt).map_err(|error| Failure::file(terminal, "read", &error)),
        // No terminal: a program hands it over.
        Err(_) => line(std::io::stdin().lock())
            .map_err(|error| Failure::file(Path::new("standard input"), "read", &error)),
    }
}

fn typed(tty: &File, prompt: &str) -> std::io::Result<Zeroizing<String>> {
    let mut out = tty;
    out.write_all(prompt.as_bytes())?;
    out.flush()?;
    let before = tcgetattr(tty)?;
    let mut silent = before.clone();
    silent.local_modes -= LocalModes::ECHO;
    tcsetattr(tty, OptionalActions::Flush, &silent)?;
    let typed = line(BufReader::new(tty));
    tcsetattr(tty, OptionalActions::Flush, &before)?;
    out.write_all(b"\n")?;
    typed
}

fn line(mut from: impl BufRead) -> std::io::Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::with_capacity(256));
    from.read_line(&mut text)?;
    Ok(Zeroizing::new(text.trim().to_owned()))
}

fn block(file: Option<&Path>) -> Result<String, Failure> {
    match file {
        Some(path) => read(File::open(path), path).map(|text| text.to_string()),
        None => line(std::io::stdin().lock())
            .map(|text| text.to_string())
            .map_err(|error| Failure::file(Path::new("standard input"), "read", &error)),
    }
}

fn read(file: std::io::Result<File>, path: &Path) -> Result<Zeroizing<String>, Failure> {
    let failed = |error: std::io::Error| Failure::file(path, "read", &error);
    let mut text = Zeroizing::new(String::with_capacity(1024));
    file.and_then(|file| file.take(INPUT_MOST).read_to_string(&mut text)).map_err(failed)?;
    Ok(Zeroizing::new(text.trim().to_owned()))
}
