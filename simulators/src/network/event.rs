//! What went by: a line for each message, and the sum of them.

use super::message::Seen;
use crate::traffic::meaning;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// Who asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    /// The other side asked.
    In,
    /// This side asked.
    Out,
}

/// A message and what came of it, or a word about the connection.
#[derive(Debug, Clone, Serialize)]
pub struct Event {
    /// Since the host began, in seconds.
    pub at: f64,
    /// Connections are numbered as they come; 0 is about none.
    pub connection: u32,
    /// Who asked; nothing where it is about the connection itself.
    pub way: Option<Way>,
    /// The message type.
    pub mti: String,
    /// In a word.
    pub what: &'static str,
    /// The card, masked.
    pub card: String,
    /// With its currency.
    pub amount: String,
    /// DE 41.
    pub terminal: String,
    /// DE 11.
    pub trace: String,
    /// DE 39 of the answer.
    pub code: Option<String>,
    /// From the message to its answer.
    pub took_ms: Option<f64>,
    /// What is special about it.
    pub note: String,
    /// Both messages, decoded and masked, where they were asked for.
    #[serde(skip)]
    pub messages: Option<String>,
}

impl Event {
    pub(super) fn about(seen: &Seen, way: Way, connection: u32) -> Self {
        Self {
            at: 0.0,
            connection,
            way: Some(way),
            mti: seen.mti.to_string(),
            what: seen.what(),
            card: seen.masked_card(),
            amount: seen.shown_amount(),
            terminal: seen.terminal(),
            trace: seen.trace_number().map(|trace| format!("{trace:06}")).unwrap_or_default(),
            code: None,
            took_ms: None,
            note: String::new(),
            messages: None,
        }
    }

    pub(super) fn note(connection: u32, note: impl Into<String>) -> Self {
        Self {
            at: 0.0,
            connection,
            way: None,
            mti: String::new(),
            what: "",
            card: String::new(),
            amount: String::new(),
            terminal: String::new(),
            trace: String::new(),
            code: None,
            took_ms: None,
            note: note.into(),
            messages: None,
        }
    }

    /// The head of the columns.
    #[must_use]
    pub fn head() -> String {
        format!(
            "{:>9}  {:>3} {:<3}  {:<4}  {:<13}  {:<19}  {:>14}  {:<8}  {:<6}  {:<4}  {:<21} {:>9}",
            "seconds",
            "con",
            "way",
            "type",
            "what",
            "card",
            "amount",
            "terminal",
            "trace",
            "code",
            "",
            "took ms"
        )
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(way) = self.way else {
            let connection = (self.connection > 0).then(|| self.connection.to_string());
            let connection = connection.unwrap_or_default();
            return write!(f, "{:>9.3}  {connection:>3}      {}", self.at, self.note);
        };
        let way = match way {
            Way::In => "in",
            Way::Out => "out",
        };
        let code = self.code.as_deref().unwrap_or("--");
        let took = self.took_ms.map(|took| format!("{took:.2}")).unwrap_or_default();
        let line = format!(
            "{:>9.3}  {:>3} {way:<3}  {:<4}  {:<13}  {:<19}  {:>14}  {:<8}  {:<6}  {code:<4}  {:<21} {took:>9}  {}",
            self.at,
            self.connection,
            self.mti,
            self.what,
            self.card,
            self.amount,
            self.terminal,
            self.trace,
            meaning(code),
            self.note
        );
        f.write_str(line.trim_end())
    }
}

/// How often a kind of message came or went, and what came of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Messages.
    pub messages: u64,
    /// Answers.
    pub answered: u64,
    /// Approvals among them.
    pub approved: u64,
}

/// All of it.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Summary {
    /// What the other side asked, by kind.
    pub came: BTreeMap<&'static str, Row>,
    /// What this side asked, by kind.
    pub sent: BTreeMap<&'static str, Row>,
    /// DE 39 of the answers given.
    pub codes_given: BTreeMap<String, u64>,
    /// DE 39 of the answers that came.
    pub codes_got: BTreeMap<String, u64>,
    /// Messages by the rule they met.
    pub rules: BTreeMap<String, u64>,
    /// What else happened: dropped, late, garbage, ...
    pub happened: BTreeMap<&'static str, u64>,
    /// Answers that were not as the file expects, as they were printed; the first few.
    pub surprises: Vec<String>,
    /// How many there were.
    pub surprised: u64,
    /// Answers to what was sent: half came within so many milliseconds.
    pub p50_ms: Option<f64>,
    /// And 99 of 100 within so many.
    pub p99_ms: Option<f64>,
    /// How long it ran.
    pub seconds: f64,
    #[serde(skip)]
    pub(super) times: Vec<Duration>,
}

const SURPRISES_KEPT: usize = 20;
const TIMES_KEPT: usize = 200_000;

impl Summary {
    /// Whether all that was sent was answered, as expected where something was.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.surprised == 0 && self.sent.values().all(|row| row.messages == row.answered)
    }

    pub(super) fn count(
        &mut self,
        way: Way,
        what: &'static str,
        code: Option<&str>,
        approved: bool,
    ) {
        let (rows, codes) = match way {
            Way::In => (&mut self.came, &mut self.codes_given),
            Way::Out => (&mut self.sent, &mut self.codes_got),
        };
        let row = rows.entry(what).or_default();
        row.messages += 1;
        row.answered += u64::from(code.is_some());
        row.approved += u64::from(approved);
        *codes.entry(code.unwrap_or("--").to_owned()).or_default() += 1;
    }

    pub(super) fn happened(&mut self, what: &'static str) {
        *self.happened.entry(what).or_default() += 1;
    }

    pub(super) fn surprise(&mut self, line: &Event) {
        self.surprised += 1;
        if self.surprises.len() < SURPRISES_KEPT {
            self.surprises.push(line.to_string());
        }
    }

    pub(super) fn took(&mut self, took: Duration) {
        if self.times.len() < TIMES_KEPT {
            self.times.push(took);
        }
    }

    pub(super) fn finish(&mut self, elapsed: Duration) {
        self.seconds = elapsed.as_secs_f64();
        self.times.sort_unstable();
        let at = |percent: usize| {
            let rank = (self.times.len() * percent).div_ceil(100).saturating_sub(1);
            self.times.get(rank).map(|took| took.as_secs_f64() * 1000.0)
        };
        (self.p50_ms, self.p99_ms) = (at(50), at(99));
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = |rows: &BTreeMap<&'static str, Row>| -> u64 {
            rows.values().map(|row| row.messages).sum()
        };
        let (came, sent) = (all(&self.came), all(&self.sent));
        writeln!(f, "{came} messages came and {sent} were sent in {:.1} s", self.seconds)?;
        if let (Some(half), Some(most)) = (self.p50_ms, self.p99_ms) {
            writeln!(f, "answered within {half:.2} ms (half), {most:.2} ms (99 %)")?;
        }
        for (title, rows) in [("came", &self.came), ("sent", &self.sent)] {
            if !rows.is_empty() {
                writeln!(
                    f,
                    "\n  {title:<16}{:>10}{:>10}{:>10}",
                    "messages", "answered", "approved"
                )?;
            }
            for (what, Row { messages, answered, approved }) in rows {
                writeln!(f, "  {what:<16}{messages:>10}{answered:>10}{approved:>10}")?;
            }
        }
        for (title, codes) in
            [("answers given", &self.codes_given), ("answers got", &self.codes_got)]
        {
            if !codes.is_empty() {
                writeln!(f, "\n  {title}")?;
            }
            for (code, count) in codes {
                writeln!(f, "  {code:<4}  {:<24}{count:>6}", meaning(code))?;
            }
        }
        if !self.rules.is_empty() {
            writeln!(f, "\n  by rule")?;
        }
        for (rule, count) in &self.rules {
            writeln!(f, "  {rule:<30}{count:>6}")?;
        }
        if !self.happened.is_empty() {
            writeln!(f, "\n  what else happened")?;
        }
        for (what, count) in &self.happened {
            writeln!(f, "  {what:<30}{count:>6}")?;
        }
        if self.surprised > 0 {
            writeln!(f, "\n{} not as expected:", self.surprised)?;
        }
        for line in &self.surprises {
            writeln!(f, "{line}")?;
        }
        Ok(())
    }
}
