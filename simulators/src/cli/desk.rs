//! The screens of `tamga-sim pos`, `atm` and `agent`, their scripts, and their lines for pipes.

use super::terminal::Equipment;
use super::{Outcome, Ran};
use std::io::{BufRead, IsTerminal};
use std::path::{Path, PathBuf};
use tamga_sim::SimError;
use tamga_sim::desk::cassettes::Cassettes;
use tamga_sim::desk::draw::SMALLEST;
use tamga_sim::desk::draw::theme::Theme;
use tamga_sim::desk::host::{Api, Host};
use tamga_sim::desk::machine::Desk;
use tamga_sim::desk::open_file::{OpenFile, Owed};
use tamga_sim::desk::run::{Left, Printer, Quiet, on_screen};
use tamga_sim::desk::script::{self, Player, ScriptError};
use tamga_sim::desk::setup::{Face, Kind, Setup};

/// The demo's API, and the token of its configuration in `deploy/demo`.
const DEMO_API: (&str, &str) = ("http://127.0.0.1:8580", "tamga-demo");

#[derive(clap::Args, Default)]
pub(crate) struct DeskArgs {
    /// No screen: actions from standard input, one a line, messages and slips to standard output
    #[arg(long, help_heading = "Screen")]
    lines: bool,
    /// Play these actions, one a line; on a screen the keyboard is yours afterwards
    #[arg(long, value_name = "FILE", help_heading = "Screen")]
    script: Option<PathBuf>,
    /// Write slips to files in this folder
    #[arg(long, value_name = "DIR", help_heading = "Screen")]
    receipts: Option<PathBuf>,
    /// Draw boxes with + - | for a terminal without Unicode
    #[arg(long, help_heading = "Screen")]
    ascii: bool,
    /// Play the script without a screen and write the screen it ends with as an SVG picture
    #[arg(long, value_name = "FILE", requires = "script", help_heading = "Screen")]
    screenshot: Option<PathBuf>,
    /// How large the picture is
    #[arg(long, value_name = "COLUMNSxROWS", default_value = "80x24", value_parser = size,
          help_heading = "Screen")]
    size: Size,
    /// The bank's API, told of an ATM's cash counts [default: the demo's, at the demo's listener]
    #[arg(long, value_name = "URL", requires = "token", help_heading = "Screen")]
    api: Option<String>,
    /// Its bearer token, as `tamga demo` prints it
    #[arg(
        long,
        value_name = "TOKEN",
        env = "TAMGA_TOKEN",
        hide_env_values = true,
        help_heading = "Screen"
    )]
    token: Option<String>,
}

#[derive(Debug, Clone, Copy)]
struct Size(u16, u16);

impl Default for Size {
    fn default() -> Self {
        Self(SMALLEST.0, SMALLEST.1)
    }
}

fn size(text: &str) -> Result<Size, String> {
    let whole = |text: &str| text.parse::<u16>().ok().filter(|n| (1..=500).contains(n));
    let both = text.split_once('x').and_then(|(w, h)| Some(Size(whole(w)?, whole(h)?)));
    both.ok_or_else(|| "not columns and rows such as 80x24".to_owned())
}

impl DeskArgs {
    /// Whether there is to be a desk rather than one transaction: where nothing was said about one
    /// and there is a screen, a script, or `--lines`.
    pub(super) fn is_wanted(&self, by_hand: bool) -> bool {
        let asked = self.lines && !by_hand || self.script.is_some();
        asked || !by_hand && has_screen()
    }
}

fn has_screen() -> bool {
    let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
    std::io::stdout().is_terminal() && std::io::stdin().is_terminal() && !is_dumb
}

pub(super) fn run(args: DeskArgs, mut equipment: Equipment) -> Ran {
    let theme = Theme::of_environment(args.ascii);
    let folder = args.receipts.clone().or_else(|| equipment.profile.receipts.clone());
    let printer = Printer::to(folder)?;
    let api = api(&args, &equipment);
    let (open, owed) = open_file(&equipment)?;
    let setup = Setup { owed: owed.clone(), ..setup(&mut equipment)? };
    let kind = setup.kind;
    let player = args.script.as_deref().map(|file| read_script(file, kind)).transpose()?;
    let desk = Desk::open(setup);
    let Equipment { endpoint, portfolio, terminal, gear, zone, patience, habits, .. } = equipment;
    let host = Host::new(endpoint, portfolio, terminal, gear, zone, patience).with(habits, api);
    let host = host.keeping(open, &owed)?;
    if let Some(file) = &args.screenshot {
        let mut quiet = Quiet::open(desk, host, &printer, false)?;
        let mut player = player.unwrap_or_default();
        quiet.play(&mut player)?;
        quiet.picture((args.size.0, args.size.1), &theme, file)?;
        return end(&quiet.leave(player));
    }
    if !args.lines && has_screen() {
        return end_of_screen(&on_screen(desk, host, &printer, &theme, player)?);
    }
    let mut quiet = Quiet::open(desk, host, &printer, true)?;
    match player {
        Some(mut player) => {
            quiet.play(&mut player)?;
            end(&quiet.leave(player))
        }
        None => from_input(quiet, kind),
    }
}

fn api(args: &DeskArgs, equipment: &Equipment) -> Option<Api> {
    let own = equipment.profile.api.as_ref();
    let own = own.map(|api| Api { base: api.url.clone(), token: api.token.clone() });
    // At the demo's listener the API is the demo's, too; `tamga demo` prints its token.
    let base = args.api.clone().or_else(|| equipment.is_demo.then(|| DEMO_API.0.to_owned()));
    let token = args.token.clone().unwrap_or_else(|| DEMO_API.1.to_owned());
    let told = base.map(|base| Api { base, token });
    if args.api.is_some() { told } else { own.or(told) }
}

/// What this terminal left open at this host; kept beside the wallet, and not at all where that is
/// not kept either.
fn open_file(equipment: &Equipment) -> Result<(OpenFile, Vec<Owed>), SimError> {
    let folder = equipment.gear.wallet.file().and_then(Path::parent);
    let Some(folder) = folder else { return Ok((OpenFile::default(), Vec::new())) };
    let names = (&*equipment.terminal.id, equipment.endpoint.target());
    OpenFile::of(&folder.join("open"), names, &equipment.portfolio)
}

fn setup(equipment: &mut Equipment) -> Result<Setup, SimError> {
    let faces: Vec<Face> = equipment.portfolio.cards.values().map(Face::of).collect();
    let card = faces.iter().position(|face| face.name == equipment.card).unwrap_or_default();
    let usual = Setup::of(&equipment.terminal, faces);
    let wrong = |note: &str| SimError::Setting(format!("notes: {note:?} is no amount"));
    let mut notes = Vec::new();
    for (note, count) in &equipment.profile.notes {
        let worth = payment_types::Amount::parse_major(note, equipment.currency);
        notes.push((worth.map_err(|_| wrong(note))?.minor(), *count));
    }
    let cassettes = if notes.is_empty() { usual.cassettes } else { Cassettes::loaded(notes) };
    Ok(Setup {
        host: equipment.endpoint.target().to_owned(),
        dialect: equipment.endpoint.dialect().name().to_owned(),
        currency: equipment.currency,
        card,
        amount: equipment.amount.clone().unwrap_or(usual.amount),
        entry: equipment.entry.unwrap_or(usual.entry),
        cassettes,
        keys_first: equipment.exchange_keys,
        ..usual
    })
}

fn read_script(file: &Path, kind: Kind) -> Result<Player, SimError> {
    let text = std::fs::read_to_string(file).map_err(SimError::file(file))?;
    let wrong = |errors: Vec<ScriptError>| {
        let name = file.display();
        let all: Vec<String> = errors.iter().map(|error| format!("{name}:{error}")).collect();
        SimError::Setting(all.join("\n"))
    };
    Ok(Player::new(script::read(&text, kind).map_err(wrong)?))
}

/// Actions as they come: a wrong line is told and passed over.
fn from_input(mut quiet: Quiet<'_>, kind: Kind) -> Ran {
    let input = std::io::stdin();
    let mut player = Player::default();
    let mut is_wrong = false;
    for (index, line) in input.lock().lines().enumerate() {
        let line = line.map_err(SimError::file(Path::new("standard input")))?;
        match script::read(&line, kind) {
            Ok(acts) => {
                let number = |(_, act)| (index + 1, act);
                player.go_on(acts.into_iter().map(number).collect());
                if quiet.play(&mut player)? {
                    break;
                }
            }
            Err(errors) => {
                is_wrong = true;
                for error in errors {
                    eprintln!("tamga-sim: {}:{}: {}", index + 1, error.column, error.cause);
                }
            }
        }
    }
    if is_wrong {
        return Err(SimError::Setting("some lines were not understood".to_owned()));
    }
    end(&quiet.leave(player))
}

/// At a screen the person saw everything but what is left undone.
fn end_of_screen(left: &Left) -> Ran {
    for what in &left.undone {
        eprintln!(
            "tamga-sim: the host does not know yet of: {what} (sent first at the next start)"
        );
    }
    for failure in &left.failures {
        eprintln!("tamga-sim: {failure}");
    }
    let is_good = left.failures.is_empty() && left.undone.is_empty();
    Ok(if is_good { Outcome::Good } else { Outcome::Bad })
}

fn end(left: &Left) -> Ran {
    let shown = end_of_screen(left)?;
    if left.unanswered {
        return Err(SimError::Setting("not everything was answered".to_owned()));
    }
    Ok(if left.declined { Outcome::Bad } else { shown })
}
