//! `tamga-sim echo`.

use super::{Outcome, Ran};
use tamga_sim::echo::{Delay, EchoHost};
use tamga_sim::{Endpoint, SimError, files};

/// Send every frame back as it came: what the sockets alone can do
///
/// To be loaded with `tamga-sim load --echo`, so that a host's rate can be given as a share of it;
/// with --delay, to see whether a load generator reports what is so.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Where to listen
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8590")]
    bind: String,
    /// How messages are cut: u16be, u16be-incl, ascii4, bcd2, u32be
    #[arg(long, value_name = "KIND", default_value = "u16be")]
    framing: String,
    /// Frames carry a TPDU
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true,
          default_missing_value = "true", default_value = "false")]
    tpdu: bool,
    /// How long to wait before each answer: 5ms, 1ms-9ms (each as likely), exp:5ms (exponential, on
    /// average so much)
    #[arg(long, value_name = "TIME")]
    delay: Option<Delay>,
    /// Threads
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    threads: usize,
}

impl Args {
    pub(crate) fn run(self) -> Ran {
        let endpoint = Endpoint::new(&self.bind, &self.framing, self.tpdu, "iso87-bcd")?;
        files::allow_all();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(self.threads.max(1))
            .enable_all()
            .build()
            .map_err(|error| SimError::Setting(format!("no runtime: {error}")))?;
        runtime.block_on(async {
            let host = EchoHost::bind(&self.bind, endpoint.framing().clone()).await?;
            println!("echoing on {}", host.address()?);
            tokio::select! {
                () = host.delayed(self.delay).serve() => Ok(Outcome::Good),
                _ = tokio::signal::ctrl_c() => Ok(Outcome::Good),
            }
        })
    }
}
