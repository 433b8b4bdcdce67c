//! What of an outcome is not as it was recorded, in one line.

use super::Step;
use authorization::{Command, Decided, Outcome, TraceEntry};
use std::fmt::Debug;

/// The first thing that differs.
pub(crate) fn difference(step: &Step) -> String {
    let what = match &step.record.accepted.command {
        Command::Authorize(request) => {
            format!("{} from terminal {}", request.mti, request.terminal.as_str())
        }
        command => command_name(command).to_owned(),
    };
    let detail = match (&step.record.outcome, &step.outcome) {
        (Outcome::Decided(recorded), Outcome::Decided(replayed)) => decided(recorded, replayed),
        (recorded, replayed) => told("outcome", recorded, replayed),
    };
    format!("record {} ({what}) comes out otherwise: {detail}", step.sequence)
}

fn decided(recorded: &Decided, replayed: &Decided) -> String {
    let (was, is) = (&recorded.decision, &replayed.decision);
    if was.result != is.result {
        return told("result", &was.result.name(), &is.result.name());
    }
    if was != is {
        return told("decision", was, is);
    }
    if recorded.movement != replayed.movement {
        return told("movement", &recorded.movement, &replayed.movement);
    }
    if recorded.rules != replayed.rules {
        return told("rule set", &recorded.rules, &replayed.rules);
    }
    let longest = recorded.trace.len().max(replayed.trace.len());
    for index in 0..longest {
        let (was, is) = (recorded.trace.get(index), replayed.trace.get(index));
        if was != is {
            let rule = was.or(is).map_or("", |entry: &TraceEntry| entry.rule.id());
            return told(&format!("trace, {rule}"), &was, &is);
        }
    }
    if recorded.parties != replayed.parties {
        return told("parties", &recorded.parties, &replayed.parties);
    }
    told("notice", &recorded.notice, &replayed.notice)
}

fn told<T: Debug>(what: &str, recorded: &T, replayed: &T) -> String {
    format!("{what}: recorded {recorded:?}, now {replayed:?}")
}

/// A command's name in words.
pub(crate) const fn command_name(command: &Command) -> &'static str {
    match command {
        Command::Authorize(_) => "message",
        Command::Present(_) => "presentment",
        Command::InstallRules { .. } => "rule set",
        Command::Import { .. } => "import",
        Command::Block { .. } => "block",
        Command::Dispute(_) => "dispute",
        Command::Retire(_) => "closure of what is unused",
        Command::StopList { .. } => "stop-list",
        Command::Unblock { .. } => "unblock",
        Command::ExemptCard { .. } => "exemption from the block policy",
        Command::Arrest { .. } => "arrest",
        Command::LiftArrest { .. } => "lifting of an arrest",
        Command::Credit { .. } => "credit",
        Command::ExpireHolds => "expiry of holds",
        Command::SetCard { .. } => "card settings",
        Command::SetTerminalKey { .. } => "terminal key",
        Command::Key(_) => "key event",
        Command::Access(_) => "access",
        Command::Order(_) => "change order",
        Command::Unauthentic { .. } => "unauthentic message",
        Command::LoadRates { .. } => "rates",
        Command::Personal(_) => "personal data",
        Command::EndOfDay { .. } => "end of day",
    }
}
