//! What the demo prints: where to look, and a line for each message with the rule behind it.

use super::DemoOptions;
use super::people::DemoUser;
use crate::config::Config;
use crate::engine::Engine;
use crate::reason;
use crate::shard::Shard;
use authorization::{Command, Decided, Outcome, Verdict};
use iso8583::{Dialect, MessageBuilder};
use payment_types::Mti;
use std::collections::BTreeSet;
use std::io::{IsTerminal, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::mpsc::Receiver;
use tamga_sim::traffic::{Event, meaning};

const GREEN: &str = "32";
const YELLOW: &str = "33";
const RED: &str = "31";
const ALARM: &str = "1;37;41";
/// The version of the rule set under which the traffic knows every answer.
const KNOWN_RULES: &str = "demo";

/// Who can log in, and with what.
fn told(people: &[DemoUser], http: SocketAddr) {
    if people.is_empty() {
        return;
    }
    println!("\nLog in to the console at http://{http}/ as:");
    for DemoUser { user, roles, password, .. } in people {
        println!("  {user:<8}  password {password}   {}", roles.join(", "));
    }
    println!("One-time codes, for each login and signature a new one:");
    let program = program("tamga");
    for DemoUser { user, secret, .. } in people {
        println!("  {program} user code --secret {secret}   # {user}");
    }
}

/// One of the programs as a shell finds it from here: beside this one, or on the path as it was.
fn program(name: &str) -> String {
    let called = std::env::args_os().next().map(PathBuf::from).unwrap_or_default();
    called.with_file_name(name).display().to_string()
}

/// Prints the demo; knows where the engine keeps the reasons.
pub(super) struct Show {
    listeners: Vec<(String, SocketAddr, String)>,
    http: Option<SocketAddr>,
    data: PathBuf,
    shard: Shard,
    next: u64,
    colour: bool,
}

impl Show {
    /// `next` is the first record that is not of the set-up.
    pub(super) fn new(config: &Config, engine: &Engine, next: u64) -> Self {
        let speaks = |listener: &crate::config::ListenerConfig| {
            let tpdu = if listener.tpdu { " + TPDU" } else { "" };
            format!("{}{tpdu}, {}", listener.framing, listener.dialect)
        };
        let listeners = config.listeners.iter().map(|listener| {
            let address = engine.address(&listener.name).unwrap_or(listener.bind);
            (listener.name.clone(), address, speaks(listener))
        });
        let is_terminal = std::io::stdout().is_terminal();
        Self {
            listeners: listeners.collect(),
            http: engine.address("http"),
            data: config.store.path.clone(),
            shard: engine.shard().clone(),
            next,
            colour: is_terminal && std::env::var_os("NO_COLOR").is_none(),
        }
    }

    /// Where to look.
    pub(super) fn heading(&self, token: &str, people: &[DemoUser], options: &DemoOptions) {
        println!("Tamga runs, with a demo portfolio of 40 cards.\n");
        for (name, address, speaks) in &self.listeners {
            println!("  {name:<9} {address:<18}  ISO 8583, {speaks}");
        }
        if let Some(http) = self.http {
            println!("  http      {http:<18}  API, metrics, health");
        }
        if let Some(http) = self.http {
            told(people, http);
        }
        println!("\nLook around from another terminal:");
        if let Some(http) = self.http {
            println!("  curl -H 'Authorization: Bearer {token}' http://{http}/api/v1/accounts/A01");
            println!("  curl http://{http}/api/v1/openapi.json");
            println!("  curl http://{http}/metrics");
        }
        let simulator = program("tamga-sim");
        println!("  {simulator} pos                      pay at a shop's terminal");
        println!("  {simulator} atm --token {token}");
        println!("  {simulator} agent");
        println!("  {} verify --data {}", program("tamga"), self.data.display());
        println!("  {} decode --pretty {}", program("tamga"), example().unwrap_or_default());
        let stays = if options.data.is_some() { "stays" } else { "is removed at the end" };
        println!("\nThe data in {} {stays}. The token is good for this run.", self.data.display());
        if !options.once {
            println!("Stop with Ctrl-C.");
        }
        println!(
            "\n{:>5}  {:<8}  {:<16}  {:<24}  {:>9}  {:<4}  why",
            "", "terminal", "card", "asks for", "amount", "code"
        );
    }

    /// Prints each event until there are no more. Answers the numbers of those that could not be
    /// known beforehand, because other rules than the demo's decided them.
    pub(super) fn follow(mut self, events: &Receiver<Event>) -> BTreeSet<u64> {
        let mut excused = BTreeSet::new();
        let mut reader = journal::Reader::open(&self.data, self.next).ok();
        for event in events {
            // What is refused before it is decided stands nowhere in the journal.
            let journal = reader.as_mut().filter(|_| event.rule.is_none());
            let decided = journal.and_then(|reader| self.decided(reader, &event));
            let line = self.line(&event, decided.as_ref());
            if !event.as_expected && decided.as_ref().is_some_and(|one| one.rules != KNOWN_RULES) {
                excused.insert(event.number);
            }
            // Nobody reads along any more: the traffic goes on all the same.
            let _written = writeln!(std::io::stdout().lock(), "{line}");
        }
        excused
    }

    /// The decision behind an event: the next one in the journal for that terminal and card.
    fn decided(&mut self, reader: &mut journal::Reader, event: &Event) -> Option<Decided> {
        let durable = self.shard.durable();
        while let Ok(Some((sequence, bytes))) = reader.next(durable) {
            self.next = sequence.saturating_add(1);
            let Ok(record) = authorization::decode_record(bytes) else { continue };
            let (Command::Authorize(request), Outcome::Decided(decided)) =
                (record.accepted.command, record.outcome)
            else {
                continue;
            };
            let same_card = request.card.is_none_or(|card| card.masked == event.card);
            if request.terminal.as_str() == event.terminal && same_card {
                return Some(*decided);
            }
        }
        None
    }

    fn line(&self, event: &Event, decided: Option<&Decided>) -> String {
        let amount = event.amount.map(|amount| amount.to_string()).unwrap_or_default();
        let got = event.got.as_deref().unwrap_or("--");
        let mut why = match event.rule {
            Some(rule) => format!("{} by {rule}", meaning(got)),
            None => decided.map(why).unwrap_or_default(),
        };
        if !event.note.is_empty() {
            why = format!("{why}; {}", event.note);
        }
        let other_rules = decided.map(|one| &*one.rules).filter(|rules| *rules != KNOWN_RULES);
        match other_rules {
            _ if event.as_expected => {}
            Some(rules) => why = format!("{why}  (by rule set {rules})"),
            None => why = format!("{why}  NOT AS EXPECTED: {} was right", event.expected),
        }
        let colour = match got {
            _ if !event.as_expected && other_rules.is_none() => ALARM,
            "00" | "10" => GREEN,
            "70" => YELLOW,
            _ => RED,
        };
        let code = self.painted(&format!("{got:<4}"), colour);
        format!(
            "{:>5}  {:<8}  {:<16}  {:<24}  {amount:>9}  {code}  {why}",
            event.number,
            event.terminal,
            event.card.as_str(),
            event.what
        )
    }

    fn painted(&self, text: &str, colour: &str) -> String {
        if self.colour { format!("\u{1b}[{colour}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

/// A decline's rule and numbers; for an approval the rules it passed.
fn why(decided: &Decided) -> String {
    if !decided.decision.result.is_approval() {
        return reason::sentence(decided, None);
    }
    let mut passed: Vec<&str> = Vec::new();
    for entry in decided.trace.iter().filter(|entry| entry.verdict == Verdict::Pass) {
        if !passed.contains(&entry.rule.id()) {
            passed.push(entry.rule.id());
        }
    }
    let words = reason::words(decided.decision.result);
    if passed.is_empty() { words.to_owned() } else { format!("{words} by {}", passed.join(", ")) }
}

/// A small purchase in hex, for trying `tamga decode`.
fn example() -> Option<String> {
    let dialect = Dialect::shipped("iso87-bcd")?;
    let mut builder = MessageBuilder::new(&dialect, Mti::parse("0200").ok()?);
    for (element, text) in
        [(3, "000000"), (4, "15000"), (11, "1"), (22, "51"), (41, "POS00001"), (49, "417")]
    {
        builder.set_text(element, text.as_bytes()).ok()?;
    }
    let mut bytes = Vec::new();
    builder.write(&mut bytes).ok()?;
    Some(hex::encode_upper(bytes))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_known_rules_are_the_demos() {
        let named = format!("version = \"{}\"", super::KNOWN_RULES);
        assert!(super::super::RULES.lines().any(|line| line == named));
    }
}
