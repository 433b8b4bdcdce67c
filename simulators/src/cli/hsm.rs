//! `tamga-sim hsm`.

use super::{Outcome, Ran};
use std::path::PathBuf;
use std::time::Duration;
use tamga_sim::SimError;
use tamga_sim::hsm::{Hsm, Misbehaviour, Options};

/// Play a payment HSM that speaks payShield's host commands
///
/// It holds the published test master keys (variant scheme), so nothing it computes with is
/// secret: for tests and for learning only. For the engine's `[security] module = "payshield"`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Where to listen
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:1500")]
    bind: String,
    /// Characters of header before each command
    #[arg(long, value_name = "NUMBER", default_value_t = 4)]
    header_length: usize,
    /// TLS: a PEM file with the certificate
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// TLS: a PEM file with the certificate's key
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Which master keys it holds
    #[arg(long, value_name = "NAME", default_value = "test", value_parser = ["test"])]
    lmk: String,
    /// Answer so many milliseconds later
    #[arg(long, value_name = "MS", default_value_t = 0)]
    slow: u64,
    /// Of a thousand commands, how many to treat as --fail-by says
    #[arg(long, value_name = "PER_MILLE", default_value_t = 0,
          value_parser = clap::value_parser!(u32).range(0..=1000))]
    fail: u32,
    /// How: close, silent, half, half-and-close, garbage, other-header
    #[arg(long, value_name = "HOW", default_value = "close")]
    fail_by: String,
    /// What the keys it makes come from: the same seed, the same keys
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
}

impl Args {
    pub(crate) fn run(self) -> Ran {
        let fail_by = Misbehaviour::from_name(&self.fail_by)
            .ok_or_else(|| SimError::Setting(format!("no such --fail-by: {}", self.fail_by)))?;
        let options = Options {
            header_length: self.header_length,
            tls: self.tls_cert.zip(self.tls_key),
            seed: self.seed,
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .map_err(|error| SimError::Setting(format!("no runtime: {error}")))?;
        runtime.block_on(async {
            let hsm = Hsm::bind(&self.bind, &options).await?;
            hsm.control().slow(Duration::from_millis(self.slow));
            hsm.control().misbehave(Some(fail_by), self.fail);
            println!("HSM with the published {} master keys on {}", self.lmk, hsm.address()?);
            tokio::select! {
                served = hsm.serve() => served.map(|()| Outcome::Good),
                _ = tokio::signal::ctrl_c() => Ok(Outcome::Good),
            }
        })
    }
}
