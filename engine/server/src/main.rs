//! The `tamga` program: its commands, what they print and how they exit.

mod args;
mod run;

use args::{Arguments, Command};
use clap::Parser;
use std::process::ExitCode;
use tamga::failure::Failure;

fn main() -> ExitCode {
    tamga::fault::end_the_process();
    // Keys and card numbers pass through this process's memory: it leaves no image of it.
    tamga::memory::keep_private();
    let result = match Arguments::parse().command {
        Command::Serve(args) => run::serve(args),
        Command::Demo(args) => run::demo(&args),
        Command::CheckConfig(args) => run::check_config(&args),
        Command::Import(args) => run::import(args),
        Command::ImportRates(args) => run::import_rates(args),
        Command::Backup(args) => run::backup::backup(&args),
        Command::Restore(args) => run::backup::restore(&args),
        Command::Decode(args) => run::decode(&args),
        Command::Encode(args) => run::encode(&args),
        Command::Replay(args) => run::replay(&args),
        Command::Preview(args) => run::preview(&args),
        Command::Verify(args) => run::verify(&args),
        Command::VerifyOrder(args) => run::verify_order(args),
        Command::Eod(args) => run::eod(args),
        Command::Overdrafts(args) => run::overdrafts(args),
        Command::Statement(args) => run::statement(args),
        Command::GeneralLedger(args) => run::general_ledger(&args),
        Command::Present(args) => run::clearing::present(args),
        Command::Disputes(args) => run::clearing::disputes(args),
        Command::Key(args) => run::keys::key(args),
        Command::Sign(args) => run::sign::sign(&args),
        Command::User(args) => run::users::user(args),
        Command::StopList(args) => run::clearing::stop_list(args),
        Command::GeneratePortfolio(args) => run::generate_portfolio(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => tell(&failure),
    }
}

fn tell(failure: &Failure) -> ExitCode {
    for line in &failure.lines {
        eprintln!("{line}");
    }
    ExitCode::from(failure.code)
}
