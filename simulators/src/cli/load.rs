//! `tamga-sim load`.

use super::options::{self, Host};
use super::{Outcome, Ran};
use indicatif::{ProgressBar, ProgressStyle};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;
use tamga_sim::load::{self, Arrivals, Mix, Second, Settings};
use tamga_sim::portfolio::Source;
use tamga_sim::{SimError, moment};

/// Load a host and measure its answers
///
/// With --rate the loop is open: messages fall due at that rate whatever the host does, and latency
/// counts from the moment a message was due. Without it the loop is closed: every connection keeps
/// --in-flight messages on their way, and latency counts from when a message was sent. Messages
/// without an answer by the deadline count with the time waited for them.
///
/// Exit code 0 if every message was answered, 1 if not.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    host: Host,
    /// Cards and terminals [default: $TAMGA_PORTFOLIO, else the demo\'s]
    #[arg(long, value_name = "FILE")]
    portfolio: Option<PathBuf>,
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
    /// What to send, in shares: purchase, tap, preauth, refund, cash, cash-in, balance, echo
    #[arg(long, value_name = "NAME=SHARE,…", default_value = "purchase=70,tap=30")]
    mix: Mix,
    /// How many of a hundred messages of a chip that is read carry DE 55 with a real cryptogram
    #[arg(long, value_name = "PERCENT", default_value_t = 0, num_args = 0..=1,
          default_missing_value = "100")]
    chip: u32,
    /// The chips' first transaction counter [default: by the clock, so that a later run is above]
    #[arg(long, value_name = "NUMBER")]
    first_atc: Option<u16>,
    /// Use the terminals whose profile asks for a MAC, and only those
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
    /// Neither progress nor table
    #[arg(long, short)]
    quiet: bool,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Spread {
    Poisson,
    Fixed,
}

impl Args {
    pub(crate) fn run(self) -> Ran {
        let (json, quiet) = (self.json.clone(), self.quiet);
        let settings = self.settings()?;
        let bar = progress(&settings, quiet)?;
        let started = std::time::Instant::now();
        let report = load::run(&settings, |second| tell(&bar, second, started))?;
        bar.finish_and_clear();
        if !quiet {
            print!("{report}");
        }
        if let Some(path) = json {
            std::fs::write(&path, report.json()).map_err(SimError::file(&path))?;
        }
        Ok(if report.is_clean() { Outcome::Good } else { Outcome::Bad })
    }

    fn settings(self) -> Result<Settings, SimError> {
        let is_bounded = self.duration.is_some() || self.count.is_some();
        Ok(Settings {
            endpoint: self.host.endpoint(&self.listener)?,
            portfolio: Source::named(self.portfolio),
            listener: self.listener,
            connections: self.connections,
            in_flight: self.in_flight.or_else(|| self.rate.is_none().then_some(1)),
            rate: self.rate,
            arrivals: match self.arrivals {
                Spread::Poisson => Arrivals::Poisson,
                Spread::Fixed => Arrivals::Fixed,
            },
            duration: self.duration.or((!is_bounded).then_some(Duration::from_secs(10))),
            count: self.count,
            warm_up: self.warm_up,
            deadline: self.deadline,
            mix: self.mix,
            chip: self.chip,
            first_counter: self.first_atc.unwrap_or_else(counter_by_clock),
            mac: self.mac,
            amounts: self.amount,
            seed: self.seed,
            threads: self.threads,
            echo: self.echo,
            zone: self.zone,
        })
    }
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
    let whole = settings.duration.map(|duration| (settings.warm_up + duration).as_secs());
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
    let Second { rate, p50, p99, warming_up, .. } = second;
    if *warming_up {
        bar.set_message("warming up");
    } else {
        bar.set_message(format!("{rate:>9.0}/s  p50 {p50:>8.3} ms  p99 {p99:>8.3} ms"));
    }
}
