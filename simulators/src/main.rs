//! The `tamga-sim` program.

mod cli;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    // A thread that fails takes what it counted with it: better no figures than wrong ones.
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        report(panic);
        std::process::abort();
    }));
    cli::Cli::parse().run()
}
