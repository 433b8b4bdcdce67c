//! `tamga-sim replay`.

use super::{Outcome, Ran, options};
use indicatif::{ProgressBar, ProgressStyle};
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;
use tamga_sim::gear::Gear;
use tamga_sim::portfolio::Source;
use tamga_sim::tape::{Player, Side, Speed, Tape};
use tamga_sim::{Endpoint, Portfolio, SimError};

/// Play a recorded conversation again, and compare the answers
///
/// Sends what the terminals sent then, over as many connections and with the same pauses. Cards of
/// the portfolio take the places of the recorded ones; dates are today's; PIN blocks, chip data,
/// verification values, exchanged keys and MACs are made anew with the portfolio's test keys. Every
/// answer is compared with the recorded one, and its MAC and the issuer's cryptogram are checked.
/// Exit code 0 if all are as then, 1 if not.
///
///     tamga-sim replay pos.tape --target 127.0.0.1:8583 --speed 10
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Args {
    /// The tape
    #[arg(value_name = "TAPE")]
    tape: PathBuf,
    /// The host
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8583")]
    target: String,
    /// How messages are cut [default: as on the tape]
    #[arg(long, value_name = "KIND")]
    framing: Option<String>,
    /// Frames carry a TPDU [default: as on the tape]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true,
          default_missing_value = "true")]
    tpdu: Option<bool>,
    /// A shipped dialect's name or a dialect file [default: as on the tape]
    #[arg(long, value_name = "NAME|FILE")]
    dialect: Option<String>,
    /// Cards and terminals [default: the demo's]
    #[arg(long, value_name = "FILE")]
    portfolio: Option<PathBuf>,
    /// How many times as fast as then, or `max`: each as soon as all that were answered before it are
    #[arg(long, value_name = "NUMBER|max", default_value = "1", value_parser = speed)]
    speed: Speed,
    /// Leave dates as they were
    #[arg(long)]
    keep_times: bool,
    /// How long to wait for an answer
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = options::duration)]
    patience: Duration,
    /// Where the chips' counters are kept [default: tamga-sim/wallet.json in the state folder], and
    /// beside it exchanged keys [default: nowhere, and the portfolio's are begun with]
    #[arg(long, value_name = "FILE")]
    wallet: Option<PathBuf>,
}

fn speed(text: &str) -> Result<Speed, String> {
    match text {
        "max" => Ok(Speed::Unhurried),
        text => match text.parse::<f64>() {
            Ok(times) if times.is_finite() && times > 0.0 => Ok(Speed::Times(times)),
            _ => Err("neither a number above 0 nor `max`".to_owned()),
        },
    }
}

impl Args {
    pub(crate) fn run(self) -> Ran {
        let tape = Tape::read(&self.tape)?;
        let portfolio = Portfolio::read(Source::named(self.portfolio))?;
        let header = &tape.header;
        let endpoint = Endpoint::new(
            &self.target,
            self.framing.as_deref().unwrap_or(&header.framing),
            self.tpdu.unwrap_or(header.tpdu && self.framing.is_none()),
            self.dialect.as_deref().unwrap_or(&header.dialect),
        )?;
        let devices = options::devices(self.wallet.as_deref(), endpoint.target())?;
        let wallet = options::wallet(self.wallet)?;
        let requests = tape.lines.iter().filter(|line| line.from == Side::Terminal).count();
        let bar = ProgressBar::new(u64::try_from(requests).unwrap_or_default());
        let style = "{bar:40} {pos} of {len} messages, {elapsed}";
        bar.set_style(
            ProgressStyle::with_template(style)
                .map_err(|error| SimError::Setting(error.to_string()))?,
        );
        let player = Player {
            endpoint,
            portfolio: &portfolio,
            speed: self.speed,
            keep_times: self.keep_times,
            patience: self.patience,
            gear: Mutex::new(Gear { wallet, devices }),
        };
        let report = player.play(&tape, &|_| bar.inc(1));
        player.keep()?;
        let report = report?;
        bar.finish_and_clear();
        print!("{}", report.text());
        Ok(if report.is_same() { Outcome::Good } else { Outcome::Bad })
    }
}
