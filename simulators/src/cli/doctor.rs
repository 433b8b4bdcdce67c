//! `tamga-sim doctor`.

use super::{Outcome, Ran};
use iso8583::Dialect;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tamga_sim::doctor::{self, Diagnosis, Known};
use tamga_sim::recording::Stream;
use tamga_sim::{SimError, recording};

/// Find out how somebody speaks ISO 8583, from bytes they sent
///
/// Looks at a packet capture (pcap, pcapng), at bytes as they were, at lines of hex digits, or at
/// what comes in on a port; works out framing, TPDU, header, codings and dialect; proposes a dialect
/// file where no known one fits; and maps messages byte by byte. Exit code 0 if every message was
/// understood to its last byte, 1 if not.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A recording; several are looked at together
    #[arg(value_name = "FILE", required_unless_present = "listen")]
    files: Vec<PathBuf>,
    /// Listen here instead, and take in what the first who connects sends; nothing is answered
    #[arg(long, value_name = "HOST:PORT", conflicts_with = "files")]
    listen: Option<String>,
    /// With --listen: seconds to wait for somebody
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    patience: u64,
    /// A dialect file to try beside those that are shipped
    #[arg(long, value_name = "FILE")]
    dialect: Vec<PathBuf>,
    /// Where to write the proposed dialect; a file that exists is left alone
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,
    /// How many messages to map byte by byte
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    messages: usize,
    /// Show card numbers, tracks and chip data in clear
    #[arg(long)]
    unmask: bool,
}

impl Args {
    pub(crate) fn run(self) -> Ran {
        let streams = match &self.listen {
            Some(bind) => {
                eprintln!("waiting on {bind} for somebody to connect and send ...");
                let patience = Duration::from_secs(self.patience.max(1));
                vec![recording::listen(bind, patience, Duration::from_secs(3))?]
            }
            None => {
                let read = self.files.iter().map(|file| recording::read(file));
                read.collect::<Result<Vec<_>, _>>()?.concat()
            }
        };
        let known = self.dialect.iter().map(known).collect::<Result<Vec<_>, _>>()?;
        let mut complete = true;
        for (service, streams) in by_service(streams) {
            if let Some(service) = service {
                println!("\n{service}");
            }
            let diagnosis = doctor::diagnose(&streams, known.clone());
            print!("{}", doctor::text(&diagnosis, &streams, self.messages, self.unmask));
            complete &= diagnosis.is_complete();
            self.write(&diagnosis)?;
        }
        Ok(if complete { Outcome::Good } else { Outcome::Bad })
    }

    fn write(&self, diagnosis: &Diagnosis) -> Result<(), SimError> {
        let Some(path) = &self.write else { return Ok(()) };
        let Some(proposal) = diagnosis.best().and_then(|fit| fit.proposal.as_ref()) else {
            println!("\nnothing to write: a dialect that exists fits");
            return Ok(());
        };
        let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or("own");
        let mut file = std::fs::File::create_new(path).map_err(SimError::file(path))?;
        file.write_all(proposal.toml(name).as_bytes()).map_err(SimError::file(path))?;
        println!("\nwritten to {}", path.display());
        Ok(())
    }
}

/// What was connected to speaks one way, whoever connected; different services may differ.
fn by_service(streams: Vec<Stream>) -> Vec<(Option<SocketAddr>, Vec<Stream>)> {
    let mut services: Vec<(Option<SocketAddr>, Vec<Stream>)> = Vec::new();
    for stream in streams {
        match services.iter_mut().find(|(service, _)| *service == stream.service) {
            Some((_, streams)) => streams.push(stream),
            None => services.push((stream.service, vec![stream])),
        }
    }
    services
}

fn known(path: &PathBuf) -> Result<Known, SimError> {
    let text = std::fs::read_to_string(path).map_err(SimError::file(path))?;
    let name = path.display().to_string();
    let dialect = Dialect::from_toml(&text, &name).map_err(|errors| {
        let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
        SimError::Setting(lines.join("\n"))
    })?;
    Ok(Known { name, dialect: Arc::new(dialect) })
}
