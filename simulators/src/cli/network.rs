//! `tamga-sim network`.

use super::options::{self, Host as HostArgs};
use super::{Outcome, Ran};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};
use tamga_sim::gear::Gear;
use tamga_sim::moment::{DEFAULT_ZONE, Zone};
use tamga_sim::network::{Event, File, Host, Settings, file};
use tamga_sim::portfolio::Source;
use tamga_sim::{Portfolio, SimError, files};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

/// Be a payment network: send to a host, and answer those who ask
///
/// Connects to --target and signs on, or listens (--listen), or both; then it stands between the two
/// and may hand on what it is asked. What it sends and how it answers is in a rules file: who gets
/// which answer, how late, twice, wrongly or not at all. Without one it approves everything.
///
///     tamga-sim network --rules simulators/network/issuer.toml --listen 127.0.0.1:9585
///     tamga-sim network --rules simulators/network/acquirer.toml --target 127.0.0.1:8585
///     tamga-sim pos --target 127.0.0.1:9585 --framing u16be --dialect iso93-bcd
///
/// Ends when all is sent and answered; one that listens, with Ctrl-C. Exit code 0 if all was
/// answered as the file expects, 1 if not, 2 if it could not be tried.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Args {
    /// How to answer and what to send (TOML)
    #[arg(long, value_name = "FILE")]
    rules: Option<PathBuf>,
    /// Listen for those who connect; then --target is connected to only if it is given
    #[arg(long, value_name = "HOST:PORT")]
    listen: Option<String>,
    #[command(flatten)]
    host: HostArgs,
    /// Cards and terminals [default: $TAMGA_PORTFOLIO, else the demo's]
    #[arg(long, value_name = "FILE")]
    portfolio: Option<PathBuf>,
    /// Where the chips' counters are kept [default: as `tamga-sim pos` does], and beside it exchanged
    /// keys [default: nowhere]
    #[arg(long, value_name = "FILE")]
    wallet: Option<PathBuf>,
    /// Draw by this number [default: the file's seed, else 1]
    #[arg(long)]
    seed: Option<u64>,
    /// Messages a second, in place of the file's [traffic] rate
    #[arg(long, value_name = "NUMBER")]
    rate: Option<f64>,
    /// A mix in place of the file's: authorization=70,presentment=20,reversal=10, also financial,
    /// file-action, echo
    #[arg(long, value_name = "MIX", value_parser = mix)]
    mix: Option<Mix>,
    /// Stop sending after so many messages of the mix
    #[arg(long, value_name = "NUMBER")]
    count: Option<u64>,
    /// End after so long
    #[arg(long, value_parser = options::duration, value_name = "TIME")]
    duration: Option<Duration>,
    /// Show every message and its answer, decoded and masked
    #[arg(long)]
    decode: bool,
    /// Show every line, however many there are [default: the first 40 of a second]
    #[arg(long)]
    all: bool,
    /// Show no lines
    #[arg(long)]
    quiet: bool,
    /// Write what happened as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// The zone of terminals' clocks
    #[arg(long, default_value = DEFAULT_ZONE)]
    zone: String,
}

type Mix = BTreeMap<file::MixKind, u32>;

/// Reads `authorization=70,reversal=10`.
fn mix(text: &str) -> Result<Mix, String> {
    let mut words = String::new();
    for word in text.split(',') {
        let (kind, weight) = word.split_once('=').unwrap_or((word, "1"));
        words.push_str(&format!("{} = {}\n", kind.trim(), weight.trim()));
    }
    toml::from_str(&words).map_err(|error| tamga_sim::place::with_suggestion(error.message()))
}

/// Lines shown of one second.
const LINES_MOST: u32 = 40;
/// Lines that may wait to be shown.
const LINES_WAITING: usize = 4_096;

impl Args {
    pub(crate) fn run(self) -> Ran {
        let file = self.file()?;
        self.json.as_deref().map_or(Ok(()), files::must_be_writable)?;
        let connect = self.listen.is_none() || self.host.names_target();
        let endpoint = self.host.endpoint("network")?;
        let wallet = options::wallet(self.wallet.clone())?;
        // The side that hands out keys and the one that takes them may be on one machine.
        let name = match &self.listen {
            Some(listen) => format!("host {listen}"),
            None => endpoint.target().to_owned(),
        };
        let devices = options::devices(self.wallet.as_deref(), &name)?;
        let settings = Settings {
            endpoint,
            connect,
            listen: self.listen.clone(),
            file,
            seed: self.seed,
            portfolio: Portfolio::read(Source::named(self.portfolio.clone()))?,
            gear: Gear { wallet, devices },
            zone: Zone::named(&self.zone)?,
            duration: self.duration,
            decode: self.decode,
        };
        let (lines, shown) = sync_channel(LINES_WAITING);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .map_err(|error| SimError::Setting(format!("no runtime: {error}")))?;
        let by_hand = runtime.block_on(async { ByHand::caught() });
        let host = runtime.block_on(Host::new(settings, lines))?;
        if let Some(address) = host.address() {
            println!("listens at {address}; Ctrl-C ends it");
        }
        let (all, quiet) = (self.all, self.quiet);
        let printer = std::thread::spawn(move || print(&shown, all, quiet));
        let (stop, stopped) = watch::channel(false);
        runtime.spawn(async move {
            by_hand.ended().await;
            let _over = stop.send(true);
        });
        let summary = runtime.block_on(host.run(stopped));
        runtime.shutdown_timeout(Duration::from_millis(200));
        // It ends when nobody can send it anything more.
        let _printed = printer.join();
        let summary = summary?;
        // Whoever read the lines may be gone; the file is written all the same.
        write!(std::io::stdout(), "\n{summary}").unwrap_or_default();
        if let Some(path) = &self.json {
            let text = serde_json::to_string_pretty(&summary);
            files::write(path, &text.map_err(|error| SimError::Setting(error.to_string()))?)?;
        }
        Ok(if summary.is_good() { Outcome::Good } else { Outcome::Bad })
    }

    fn file(&self) -> Result<File, SimError> {
        let mut file = match &self.rules {
            Some(path) => file::read(path)?,
            None => File::default(),
        };
        if self.rate.is_some() || self.mix.is_some() || self.count.is_some() {
            let traffic = file.traffic.take().map(toml::Spanned::into_inner);
            let mut traffic = traffic.unwrap_or_default();
            traffic.rate = self.rate.or(traffic.rate);
            traffic.count = self.count.or(traffic.count);
            traffic.mix = self.mix.clone().unwrap_or(traffic.mix);
            traffic.check().map_err(SimError::Setting)?;
            file.traffic = Some(toml::Spanned::new(0..0, traffic));
        }
        Ok(file)
    }
}

/// Ctrl-C and SIGTERM, caught from the moment this is made. Inside a runtime.
pub(super) struct ByHand {
    interrupt: Option<Signal>,
    terminate: Option<Signal>,
}

impl ByHand {
    pub(super) fn caught() -> Self {
        let caught = |kind| signal(kind).ok();
        let (interrupt, terminate) = (SignalKind::interrupt(), SignalKind::terminate());
        Self { interrupt: caught(interrupt), terminate: caught(terminate) }
    }

    /// Until one of them comes.
    pub(super) async fn ended(mut self) {
        async fn next(signal: Option<&mut Signal>) {
            match signal {
                Some(signal) => {
                    signal.recv().await;
                }
                None => std::future::pending().await,
            }
        }
        tokio::select! {
            () = next(self.interrupt.as_mut()) => {}
            () = next(self.terminate.as_mut()) => {}
        }
    }
}

/// Shows lines as they come, the first of each second where there are too many for a reader.
fn print(lines: &Receiver<Event>, all: bool, quiet: bool) {
    let (mut since, mut shown, mut hidden) = (Instant::now(), 0, 0_u64);
    if !quiet {
        println!("{}", Event::head());
    }
    let mut out = std::io::stdout();
    let mut say = |text: String| writeln!(out, "{text}").is_ok();
    for event in lines {
        if quiet {
            continue;
        }
        if since.elapsed() >= Duration::from_secs(1) {
            if hidden > 0 {
                say(format!("{:>9}  ... and {hidden} more", ""));
            }
            (since, shown, hidden) = (Instant::now(), 0, 0);
        }
        if !all && shown >= LINES_MOST {
            hidden += 1;
            continue;
        }
        shown += 1;
        // Whoever read the lines may be gone; the host goes on.
        let mut readable = say(event.to_string());
        for line in event.messages.iter().flat_map(|messages| messages.lines()) {
            readable = readable && say(format!("{:>11}{line}", ""));
        }
    }
    if hidden > 0 {
        say(format!("{:>9}  ... and {hidden} more", ""));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mix_is_read_and_mistakes_are_told() {
        let read = mix("authorization=70, echo=5").unwrap();
        assert_eq!(read[&file::MixKind::Echo], 5);
        let error = mix("presentmet=1").unwrap_err();
        assert_eq!(error, "unknown word `presentmet` (did you mean `presentment`?)");
        assert!(mix("echo=x").is_err());
    }
}
