//! `tamga-sim load`.

use super::options::{self, Host};
use super::{Outcome, Ran};
use indicatif::{ProgressBar, ProgressStyle};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tamga_sim::chaos::Chaos;
use tamga_sim::load::host::{LastWords, OwnEngine};
use tamga_sim::load::{self, Arrivals, Hot, Mix, Popularity, Settings, Shape, Stop};
use tamga_sim::oracle::Judging;
use tamga_sim::portfolio::Source;
use tamga_sim::report::{self, Second};
use tamga_sim::{SimError, files, moment};

/// Load a host and measure its answers
///
/// With --rate the loop is open: messages fall due at that rate whatever the host does, and latency
/// counts from the moment a message was due. Without it the loop is closed: every connection keeps
/// --in-flight messages on their way, and latency counts from when a message was sent. Messages
/// without an answer by the deadline count with the time waited for them.
///
/// With --oracle every answer is judged by a model of the bank, and --chaos makes trouble on the
/// way; with --engine the load starts an engine of its own to do that to. The first Ctrl-C ends the
/// sending, and the report is of what was sent.
///
/// Exit code 0 if every message was answered (and rightly), 1 if not.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    host: Host,
    /// Cards and terminals [default: $TAMGA_PORTFOLIO, else the demo\'s]
    #[arg(long, value_name = "FILE")]
    portfolio: Option<PathBuf>,
    #[command(flatten)]
    judged: Judged,
    /// Use the terminals of this listener
    #[arg(long, value_name = "NAME", default_value = "pos")]
    listener: String,
    /// Connections
    #[arg(long, short, value_name = "NUMBER", default_value_t = 8)]
    connections: usize,
    /// Messages on their way per connection [default: 1 in a closed loop, no bound in an open one]
    #[arg(long, value_name = "NUMBER")]
    in_flight: Option<u32>,
    /// Open loop: messages a second over all connections
    #[arg(long, value_name = "NUMBER")]
    rate: Option<f64>,
    /// How an open loop's rate goes: "ramp 0-5000 30s, hold 5000 1m, burst 9000 2s, day 4000 60s"
    /// (rates may be in percent of --rate), or a file of times and rates
    #[arg(long, value_name = "WORDS|FILE")]
    shape: Option<String>,
    /// How an open loop spreads its messages
    #[arg(long, value_enum, default_value_t = Spread::Poisson)]
    arrivals: Spread,
    /// How long to measure (10, 10s, 500ms, 2m) [default: 10s, unless there is a --count]
    #[arg(long, short, value_name = "TIME", value_parser = options::duration)]
    duration: Option<Duration>,
    /// How many messages to send, warm-up included
    #[arg(long, value_name = "NUMBER")]
    count: Option<u64>,
    /// How long to send before measuring
    #[arg(long, value_name = "TIME", value_parser = options::duration, default_value = "0s")]
    warm_up: Duration,
    /// When to give up on an answer
    #[arg(long, value_name = "TIME", value_parser = options::duration, default_value = "10s")]
    deadline: Duration,
    /// What to send, in shares: purchase, tap, preauth, refund, cash, cash-in, balance, near-cap,
    /// echo [default: purchase=70,tap=30]; with --oracle also wrong-pin, completion, reversal,
    /// repeat, changed and, with --chip, cloned-chip [default: some of everything]
    #[arg(long, value_name = "NAME=SHARE,…")]
    mix: Option<Mix>,
    /// Favourite cards: the exponent of Zipf's law (1 is usual; 0: all alike)
    #[arg(long, value_name = "EXPONENT", default_value_t = 0.0)]
    zipf: f64,
    /// Hot accounts: a share of all messages goes to a few cards, as 20%=4
    #[arg(long, value_name = "SHARE%=CARDS")]
    hot: Option<Hot>,
    /// How many of a hundred messages of a chip that is read carry DE 55 with a real cryptogram
    #[arg(long, value_name = "PERCENT", default_value_t = 0, num_args = 0..=1,
          default_missing_value = "100")]
    chip: u32,
    /// The chips' first transaction counter [default: by the clock, so that a later run is above]
    #[arg(long, value_name = "NUMBER")]
    first_atc: Option<u16>,
    /// Use the terminals whose profile asks for a MAC, and only those; with --oracle those as well
    #[arg(long)]
    mac: bool,
    /// Whole amounts, from and to
    #[arg(long, value_name = "FROM-TO", value_parser = options::amounts, default_value = "10-500")]
    amount: RangeInclusive<u64>,
    /// The same seed sends the same
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// Threads that drive the connections
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    threads: usize,
    /// The host is `tamga-sim echo`: it sends back what it gets, in order
    #[arg(long)]
    echo: bool,
    /// The zone of the terminals' clocks
    #[arg(long, default_value = moment::DEFAULT_ZONE)]
    zone: String,
    /// Write the report as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write the report as a page
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Neither progress nor table
    #[arg(long, short)]
    quiet: bool,
}

/// Judging the answers, and making trouble.
#[derive(clap::Args)]
struct Judged {
    /// Judge every answer by this rule set, the host's own rules.toml; the host must be fresh
    #[arg(long, value_name = "RULES")]
    oracle: Option<PathBuf>,
    /// Look at the books in the end: the host's API, as http://127.0.0.1:8580
    #[arg(long, value_name = "URL", requires = "token")]
    api: Option<String>,
    /// The API's token
    #[arg(long, value_name = "TOKEN")]
    token: Option<String>,
    /// Let things go wrong on purpose: mild, rough, wild, or shares and times as
    /// drop=1%,reconnect-storm=10s, or a file of such words
    #[arg(long, value_name = "PLAN")]
    chaos: Option<String>,
    /// The same seed makes the same trouble
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    chaos_seed: u64,
    /// Start a fresh engine for this load (with --cards cards, unless --oracle says other rules),
    /// judge it, and verify its books when it has stopped
    #[arg(long, value_name = "PROGRAM", num_args = 0..=1, require_equals = true)]
    engine: Option<Option<PathBuf>>,
    /// Cards of that engine
    #[arg(long, value_name = "NUMBER", default_value_t = 2000)]
    cards: u32,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Spread {
    Poisson,
    Fixed,
}

impl Args {
    pub(crate) fn run(self) -> Ran {
        let (json, html, quiet) = (self.json.clone(), self.html.clone(), self.quiet);
        // Better known now than when the load is over.
        [&json, &html].into_iter().flatten().try_for_each(|path| files::must_be_writable(path))?;
        let (engine, rules) = (self.judged.engine.clone(), self.judged.oracle.clone());
        let (cards, zone) = (self.judged.cards, self.zone.clone());
        let mut settings = self.settings()?;
        let own = engine.map(|program| own_engine(program, rules.as_deref(), cards, &zone));
        let own = own.transpose()?;
        if let Some(own) = &own {
            own.become_target(&mut settings)?;
        }
        let last_words = own.as_ref().map(OwnEngine::last_words);
        stop_on_interrupt(&settings.stop, move || last_words.iter().for_each(LastWords::say))?;
        let bar = progress(&settings, quiet)?;
        let started = std::time::Instant::now();
        let mut report = load::run(&settings, |second| tell(&bar, second, started))?;
        bar.finish_and_clear();
        if let Some(own) = own {
            let verified = own.verify();
            if let Err(error) = &verified {
                eprintln!("tamga-sim: {error}");
            }
            if let Some(oracle) = &mut report.oracle {
                oracle.verified = Some(verified.is_ok());
            }
        }
        if !quiet {
            print!("{report}");
        }
        // Should one of them fail (the disk is full), the other is written all the same.
        let json = json.map(|path| files::write(&path, &report.json()));
        let html = html.map(|path| files::write(&path, &report::html(&report)));
        [json, html].into_iter().flatten().collect::<Result<(), _>>()?;
        Ok(if report.is_clean() { Outcome::Good } else { Outcome::Bad })
    }

    fn judging(judged: &Judged) -> Result<Option<Judging>, SimError> {
        let chaos = judged.chaos.as_deref().map(|plan| Chaos::read(plan, judged.chaos_seed));
        let chaos = chaos.transpose()?;
        let Some(path) = &judged.oracle else {
            if chaos.is_some() && judged.engine.is_none() {
                let message = "--chaos needs --oracle (or --engine): without it nobody would know \
                               what a disturbed message did";
                return Err(SimError::Setting(message.to_owned()));
            }
            let rules = OwnEngine::RULES.to_owned();
            let judging = Judging { rules, api: None, chaos, clock_stands: false };
            return Ok(judged.engine.is_some().then_some(judging));
        };
        let rules = std::fs::read_to_string(path).map_err(SimError::file(path))?;
        let api = judged.api.clone().zip(judged.token.clone());
        Ok(Some(Judging { rules, api, chaos, clock_stands: false }))
    }

    pub(super) fn settings(self) -> Result<Settings, SimError> {
        let shape = match (&self.shape, self.rate) {
            (Some(words), rate) => Some(Shape::read(words, rate, self.duration)?),
            (None, rate) => rate.map(Shape::constant),
        };
        let judging = Self::judging(&self.judged)?;
        let mix = match (judging.is_some(), self.chip) {
            (true, 1..) => Mix::judged_with_chips(),
            (true, 0) => Mix::judged(),
            (false, _) => Mix::plain(),
        };
        let is_shaped = shape.as_ref().is_some_and(|shape| shape.length().is_some());
        let is_bounded = self.duration.is_some() || self.count.is_some() || is_shaped;
        Ok(Settings {
            endpoint: self.host.endpoint(&self.listener)?,
            portfolio: Source::named(self.portfolio),
            listener: self.listener,
            connections: self.connections,
            in_flight: self.in_flight.or_else(|| shape.is_none().then_some(1)),
            shape,
            popularity: Popularity { zipf: self.zipf, hot: self.hot },
            arrivals: match self.arrivals {
                Spread::Poisson => Arrivals::Poisson,
                Spread::Fixed => Arrivals::Fixed,
            },
            duration: self.duration.or((!is_bounded).then_some(Duration::from_secs(10))),
            count: self.count,
            warm_up: self.warm_up,
            deadline: self.deadline,
            mix: self.mix.unwrap_or(mix),
            chip: self.chip,
            first_counter: self.first_atc.unwrap_or_else(counter_by_clock),
            mac: self.mac,
            amounts: self.amount,
            seed: self.seed,
            threads: self.threads,
            echo: self.echo,
            zone: self.zone,
            stop: Stop::default(),
            judging,
        })
    }
}

fn own_engine(
    program: Option<PathBuf>,
    rules: Option<&Path>,
    cards: u32,
    zone: &str,
) -> Result<OwnEngine, SimError> {
    let read = |path: &Path| std::fs::read_to_string(path).map_err(SimError::file(path));
    OwnEngine::start(program, rules.map(read).transpose()?, cards, zone)
}

/// One more every second, half the counter's range: a run finds the chips of the run before behind
/// it unless a card signs more than once a second.
fn counter_by_clock() -> u16 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let seconds = since.map(|since| since.as_secs()).unwrap_or_default();
    u16::try_from(seconds % 0x7FFF).unwrap_or_default() + 1
}

fn progress(settings: &Settings, quiet: bool) -> Result<ProgressBar, SimError> {
    if quiet {
        return Ok(ProgressBar::hidden());
    }
    let bad = |error: indicatif::style::TemplateError| SimError::Setting(error.to_string());
    let whole = settings.measured().map(|duration| (settings.warm_up + duration).as_secs());
    let (bar, template) = match whole {
        Some(seconds) => {
            (ProgressBar::new(seconds), "{elapsed_precise} {bar:30} {pos}/{len} s  {msg}")
        }
        None => (ProgressBar::new_spinner(), "{elapsed_precise} {spinner}  {msg}"),
    };
    bar.set_style(ProgressStyle::with_template(template).map_err(bad)?);
    bar.enable_steady_tick(Duration::from_millis(200));
    Ok(bar)
}

fn tell(bar: &ProgressBar, second: &Second, started: std::time::Instant) {
    bar.set_position(started.elapsed().as_secs());
    let Second { rate, p50, p99, p999, errors, wrong, warming_up, .. } = second;
    if *warming_up {
        bar.set_message("warming up");
        return;
    }
    let troubles = [(*errors, "failed"), (*wrong, "WRONG")];
    let troubles = troubles.iter().filter(|(count, _)| *count > 0);
    let troubles: String = troubles.map(|(count, name)| format!("  {count} {name}")).collect();
    bar.set_message(format!(
        "{rate:>8.0}/s  p50 {p50:.2}  p99 {p99:.2}  p99.9 {p999:.2} ms{troubles}"
    ));
}

/// The first Ctrl-C (or signal to end) ends the sending, and the report is of what was sent; the
/// second one ends all, after `last`.
pub(super) fn stop_on_interrupt(
    stop: &Stop,
    last: impl FnOnce() + Send + 'static,
) -> Result<(), SimError> {
    use tokio::signal::unix::{SignalKind, signal};
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| SimError::Setting(format!("no runtime: {error}")))?;
    let stop = stop.clone();
    let (told, mut heard) = tokio::sync::mpsc::channel::<()>(2);
    for kind in [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()] {
        let deaf = |error| SimError::Setting(format!("signals cannot be heard: {error}"));
        let mut signals = runtime.block_on(async { signal(kind) }).map_err(deaf)?;
        let told = told.clone();
        runtime.spawn(async move {
            while signals.recv().await.is_some() && told.send(()).await.is_ok() {}
        });
    }
    std::thread::spawn(move || {
        runtime.block_on(async {
            if heard.recv().await.is_some() {
                stop.set();
            }
            if heard.recv().await.is_some() {
                last();
                std::process::exit(130);
            }
        });
    });
    Ok(())
}
