//! The report for the terminal.

use super::{CodeCount, LoadReport, OracleReport, float, grouped};
use crate::traffic::meaning;
use std::fmt;

impl fmt::Display for LoadReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.head(f)?;
        self.counts(f)?;
        self.latencies(f)?;
        for CodeCount { operation, code, count } in &self.codes {
            let meaning = if code == "echo" { "" } else { meaning(code) };
            let count = grouped(float(*count));
            writeln!(f, "  {operation:<12} {code:<4} {meaning:<24} {count:>14}")?;
        }
        if let Some(chaos) = &self.chaos {
            writeln!(f, "\n  chaos, seed {}", chaos.seed)?;
            for (kind, count) in &chaos.faults {
                writeln!(f, "    {kind:<18} {:>11}", grouped(float(*count)))?;
            }
        }
        if let Some(oracle) = &self.oracle {
            writeln!(f)?;
            oracle.fmt(f)?;
        }
        if self.cards_left_out > 0 {
            let left_out = self.cards_left_out;
            writeln!(
                f,
                "\n  {left_out} cards of the portfolio were not used (blocked, expired, or no PIN)"
            )?;
        }
        Ok(())
    }
}

impl LoadReport {
    fn head(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let in_flight = self.in_flight.map_or_else(String::new, |count| format!(" × {count}"));
        let rate = self.offered_rate.map_or_else(String::new, |rate| {
            let arrivals = self.arrivals.as_deref().unwrap_or_default();
            format!(", up to {} a second offered ({arrivals})", grouped(rate))
        });
        let (loop_kind, connections) = (&self.loop_kind, self.connections);
        writeln!(f, "{}: {loop_kind} loop, {connections}{in_flight}{rate}", self.target)?;
        if self.interrupted {
            writeln!(f, "ended by hand before its time")?;
        }
        writeln!(f)
    }

    fn counts(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = [
            ("measured", self.seconds, "s"),
            ("sent", float(self.sent), ""),
            ("answered", float(self.answered), ""),
            ("answers a second", self.rate, ""),
            ("approved", self.approved * 100.0, "%"),
        ];
        for (name, value, unit) in counts {
            let value = if unit.is_empty() { grouped(value) } else { format!("{value:.2}") };
            writeln!(f, "  {name:<18} {value:>13} {unit}")?;
        }
        let troubles = [
            ("never sent", self.unsent),
            ("not answered", self.timeouts),
            ("answered too late", self.late),
            ("lost", self.lost),
            ("disconnects", self.disconnects),
            ("strange frames", self.strange),
            ("disturbed by chaos", self.disturbed),
        ];
        for (name, count) in troubles.iter().filter(|(_, count)| *count > 0) {
            writeln!(f, "  {name:<18} {:>13}", grouped(float(*count)))?;
        }
        writeln!(f)
    }

    fn latencies(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "  {:<10}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}",
            "ms", "min", "p50", "p90", "p99", "p99.9", "p99.99", "max"
        )?;
        let rows = [
            ("latency", Some(self.latency_ms)),
            ("from sent", self.sent_late_ms.map(|_| self.service_ms)),
            ("sent late", self.sent_late_ms),
        ];
        for (name, times) in rows {
            let Some(t) = times else { continue };
            write!(f, "  {name:<10}")?;
            for value in [t.min, t.p50, t.p90, t.p99, t.p999, t.p9999, t.max] {
                write!(f, "{value:>10.3}")?;
            }
            writeln!(f)?;
        }
        writeln!(f)
    }
}

impl fmt::Display for OracleReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = [
            ("answers judged", self.judged),
            ("only one possible", self.certain),
            ("several possible", self.uncertain),
            ("wrong", self.wrong),
            ("host too busy (91)", self.shed),
            ("same answer again", self.repeats),
            ("lost: repeated", self.repeated),
            ("lost: taken back", self.taken_back),
            ("never resolved", self.unresolved),
            ("ARPCs and MACs right", self.proofs),
        ];
        writeln!(f, "  oracle")?;
        for (name, count) in rows.iter().filter(|(name, count)| *count > 0 || *name == "wrong") {
            writeln!(f, "    {name:<20} {:>9}", grouped(float(*count)))?;
        }
        match &self.money {
            Some(money) => {
                let (accounts, cards) = (money.accounts, money.cards);
                writeln!(f, "    books: {accounts} accounts, {cards} cards looked at")?;
                writeln!(
                    f,
                    "    sum of balances    {} (expected {})",
                    money.found, money.expected
                )?;
                writeln!(f, "    differences        {:>11}", money.differences)?;
                for example in &money.examples {
                    writeln!(f, "      {example}")?;
                }
            }
            None => writeln!(f, "    books: not looked at (no --api)")?,
        }
        if let Some(verified) = self.verified {
            let word = if verified { "held" } else { "FAILED" };
            writeln!(f, "    the engine's own verification {word}")?;
        }
        if let Some(finding) = &self.first_wrong {
            writeln!(f, "\n  the first wrong answer: {}", finding.what)?;
            writeln!(f, "  expected {}, because {}\n", finding.expected, finding.because)?;
            for line in finding.messages.lines() {
                writeln!(f, "    {line}")?;
            }
        }
        Ok(())
    }
}
