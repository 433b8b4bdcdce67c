//! The command line: one module per subcommand, options and printing only.

mod capture;
mod compare;
mod demo_traffic;
mod desk;
mod doctor;
mod echo;
mod find_knee;
mod hsm;
mod load;
mod network;
mod options;
mod record;
mod replay;
mod scenario;
mod terminal;

use clap::{Parser, Subcommand};
use std::process::ExitCode;
use tamga_sim::SimError;

/// Terminals, scenarios and load against an ISO 8583 host
///
/// Plays the other side of the wire: shops' terminals, cash machines, agents, and thousands of
/// them at once. Against Tamga, and against any other host that speaks ISO 8583.
#[derive(Parser)]
#[command(name = "tamga-sim", version, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Pos(Box<terminal::Pos>),
    Atm(Box<terminal::Atm>),
    Agent(Box<terminal::Agent>),
    Network(Box<network::Args>),
    Scenario(Box<scenario::Args>),
    Load(Box<load::Args>),
    FindKnee(Box<find_knee::Args>),
    Compare(compare::Args),
    Echo(echo::Args),
    Hsm(hsm::Args),
    Doctor(doctor::Args),
    Capture(capture::Args),
    Replay(replay::Args),
    DemoTraffic(demo_traffic::Args),
}

/// What a run comes to: done, or done with something not as it should be.
pub(crate) enum Outcome {
    Good,
    Bad,
}

impl Cli {
    pub(crate) fn run(self) -> ExitCode {
        let outcome = match self.command {
            Command::Pos(args) => args.run(),
            Command::Atm(args) => args.run(),
            Command::Agent(args) => args.run(),
            Command::Network(args) => args.run(),
            Command::Scenario(args) => args.run(),
            Command::Load(args) => args.run(),
            Command::FindKnee(args) => args.run(),
            Command::Compare(args) => args.run(),
            Command::Echo(args) => args.run(),
            Command::Hsm(args) => args.run(),
            Command::Doctor(args) => args.run(),
            Command::Capture(args) => args.run(),
            Command::Replay(args) => args.run(),
            Command::DemoTraffic(args) => args.run(),
        };
        match outcome {
            Ok(Outcome::Good) => ExitCode::SUCCESS,
            Ok(Outcome::Bad) => ExitCode::from(1),
            Err(error) => {
                eprintln!("tamga-sim: {error}");
                ExitCode::from(2)
            }
        }
    }
}

type Ran = Result<Outcome, SimError>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_without_contradictions() {
        <Cli as clap::CommandFactory>::command().debug_assert();
    }
}
