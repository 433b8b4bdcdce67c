//! `tamga-sim capture`.

use super::options::Host;
use super::{Outcome, Ran};
use indicatif::{ProgressBar, ProgressStyle};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tamga_sim::tape::{self, Header, Proxy, Remap, Tally};
use tamga_sim::{SimError, recording};

/// Record what terminals and a host say to each other
///
/// Stands between them: terminals connect to --listen, every byte is handed on to the host at once,
/// and each message is written to a tape. Or makes a tape of a packet capture (--pcap). Card numbers
/// are replaced by test numbers, tracks, PIN blocks and MACs are blotted out before anything is
/// written. Ctrl-C ends it; the tape is whole. To be played with `tamga-sim replay`.
///
///     tamga-sim capture --listen 127.0.0.1:9583 --target 127.0.0.1:8583 pos.tape
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Args {
    /// The tape, a new file
    #[arg(value_name = "TAPE")]
    tape: PathBuf,
    #[command(flatten)]
    host: Host,
    /// The demo's listener whose framing and dialect is meant where they are not said: pos, atm,
    /// network
    #[arg(long, value_name = "NAME", default_value = "pos")]
    like: String,
    /// Where terminals connect to
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:9583")]
    listen: String,
    /// A packet capture instead of a live conversation; with several services in it, that of the
    /// target's port is taken
    #[arg(long, value_name = "FILE")]
    pcap: Option<PathBuf>,
    /// Keep card numbers, tracks and PIN blocks as they are: for test cards only
    #[arg(long)]
    keep_card_numbers: bool,
}

impl Args {
    pub(crate) fn run(self) -> Ran {
        let remap = if self.keep_card_numbers { Remap::nothing() } else { Remap::with_own_key()? };
        let (framing, tpdu, dialect) = self.host.speech(&self.like);
        let header = Header::new(&framing, tpdu, &dialect, remap.replaces());
        let endpoint = self.host.endpoint(&self.like)?;
        if let Some(pcap) = &self.pcap {
            let port = endpoint.target().rsplit(':').next().and_then(|port| port.parse().ok());
            let streams = recording::read(pcap)?;
            let services: Vec<_> = streams.iter().filter_map(|stream| stream.service).collect();
            let several =
                services.iter().any(|service| Some(service) != services.first().as_ref().copied());
            let wanted: Vec<_> = streams
                .into_iter()
                .filter(|stream| !several || stream.service.map(|service| service.port()) == port)
                .collect();
            let (recorded, unread) = tape::of_streams(&wanted, (&endpoint, header), &remap)?;
            recorded.write(&self.tape)?;
            println!("{} messages on {}", recorded.lines.len(), self.tape.display());
            if unread > 0 {
                println!("{unread} pieces could not be read and are not on it");
            }
            return Ok(Outcome::Good);
        }
        let target = endpoint.target().to_owned();
        let proxy = Proxy::new(&self.listen, endpoint, &self.tape, (&header, remap))?;
        println!("{} hands on to {target}; Ctrl-C ends it", proxy.address()?);
        let stop = Arc::new(AtomicBool::new(false));
        let (tally, asked) = (proxy.tally(), Arc::clone(&stop));
        let watcher = std::thread::spawn(move || watch(&tally, &asked));
        let served = proxy.serve(&stop);
        stop.store(true, Ordering::Release);
        let _watched = watcher.join();
        served?;
        let tally = proxy.tally();
        let read = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
        println!(
            "{} requests and {} answers of {} connections on {}",
            read(&tally.requests),
            read(&tally.answers),
            read(&tally.connections),
            self.tape.display()
        );
        if read(&tally.unread) > 0 {
            println!("{} could not be read and are not on it", read(&tally.unread));
        }
        Ok(Outcome::Good)
    }
}

/// Shows what goes by until Ctrl-C.
fn watch(tally: &Tally, stop: &AtomicBool) -> Result<(), SimError> {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
        bar.set_style(style);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| SimError::Setting(format!("no runtime: {error}")))?;
    runtime.block_on(async {
        let mut terminate =
            tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).ok();
        while !stop.load(Ordering::Acquire) {
            let terminated = async {
                match terminate.as_mut() {
                    Some(signal) => signal.recv().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                _ = tokio::signal::ctrl_c() => stop.store(true, Ordering::Release),
                _ = terminated => stop.store(true, Ordering::Release),
                () = tokio::time::sleep(Duration::from_millis(250)) => {}
            }
            let read = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
            bar.set_message(format!(
                "{} requests, {} answers, {} connections",
                read(&tally.requests),
                read(&tally.answers),
                read(&tally.connections)
            ));
            bar.tick();
        }
    });
    bar.finish_and_clear();
    Ok(())
}
