//! What happened: one event per message, and the sum of them.

use payment_types::{Amount, MaskedPan};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

/// One message, what it should have come back as, and what it did.
#[derive(Debug, Clone)]
pub struct Event {
    /// From 1.
    pub number: u64,
    /// The terminal that asked.
    pub terminal: String,
    /// The card, masked.
    pub card: MaskedPan,
    /// What was asked for, in words.
    pub what: &'static str,
    /// How much, where money was asked for.
    pub amount: Option<Amount>,
    /// The response code that was right.
    pub expected: String,
    /// The response code that came; nothing where none came in time.
    pub got: Option<String>,
    /// What else was looked at and differed, or what the answer adds ("5000.00 left today").
    pub note: String,
    /// Whether code and everything else looked at were right.
    pub as_expected: bool,
    /// The rule behind the answer, where it is no decision about a transaction: a refused MAC, a
    /// new key.
    pub rule: Option<&'static str>,
    /// How long the answer took.
    pub took: Option<Duration>,
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let amount = self.amount.map(|amount| amount.to_string()).unwrap_or_default();
        let got = self.got.as_deref().unwrap_or("--");
        let took = self.took.map_or(String::new(), |took| format!("{:.2} ms", ms(took)));
        let verdict = if self.as_expected { meaning(got) } else { "NOT AS EXPECTED" };
        write!(
            f,
            "{:>6}  {:<8}  {}  {:<24} {amount:>10}  {got:<2}  {verdict:<22} {took:>9}",
            self.number, self.terminal, self.card, self.what
        )?;
        if !self.as_expected {
            write!(f, "  expected {}", self.expected)?;
        }
        if self.note.is_empty() { Ok(()) } else { write!(f, "  {}", self.note) }
    }
}

/// What a response code says, in a few words; for the later editions the commonest.
#[must_use]
pub fn meaning(code: &str) -> &'static str {
    const LATER: &[(&str, &str)] = &[
        ("000", "00"),
        ("002", "10"),
        ("100", "05"),
        ("101", "54"),
        ("102", "59"),
        ("104", "62"),
        ("106", "75"),
        ("110", "13"),
        ("111", "14"),
        ("112", "70"),
        ("116", "51"),
        ("117", "55"),
        ("119", "57"),
        ("120", "58"),
        ("121", "61"),
        ("122", "63"),
        ("123", "65"),
        ("200", "04"),
        ("202", "59"),
        ("208", "41"),
        ("209", "43"),
        ("902", "12"),
        ("904", "30"),
        ("907", "91"),
        ("909", "96"),
        ("913", "94"),
    ];
    let same = LATER.iter().find(|(later, _)| *later == code);
    match same.map_or(code, |(_, same)| same) {
        "00" => "approved",
        "10" => "partly approved",
        "04" | "07" => "pick up",
        "05" => "do not honour",
        "12" => "invalid transaction",
        "13" => "invalid amount",
        "14" => "no such card",
        "30" => "format error",
        "41" => "lost card",
        "43" => "stolen card",
        "51" => "insufficient funds",
        "54" => "expired card",
        "55" => "wrong PIN",
        "57" => "not for this card",
        "58" => "not for this terminal",
        "59" => "suspected fraud",
        "61" => "over the amount limit",
        "62" => "restricted card",
        "63" => "security violation",
        "65" => "over the count limit",
        "70" => "PIN needed",
        "75" => "PIN tries used up",
        "91" => "issuer not available",
        "94" => "duplicate",
        "96" => "system error",
        "1A" => "authentication needed",
        "25" | "302" => "not on the list",
        "300" | "500" | "800" => "done",
        "--" => "no answer",
        _ => "declined",
    }
}

/// All events of a run, counted.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    /// Messages sent.
    pub messages: u64,
    /// Those whose answer was right.
    pub as_expected: u64,
    /// How often each response code came; `--` counts missing answers.
    pub codes: BTreeMap<String, u64>,
    /// The first few that were not as expected, as they were printed.
    pub surprises: Vec<Event>,
    /// Answer times, unordered.
    took: Vec<Duration>,
    /// From the first message to the last answer.
    pub elapsed: Duration,
}

const SURPRISES_KEPT: usize = 20;
const TIMES_KEPT: usize = 100_000;

impl Summary {
    /// Whether every answer was right, and there was at least one.
    #[must_use]
    pub const fn all_as_expected(&self) -> bool {
        self.messages > 0 && self.as_expected == self.messages
    }

    pub(crate) fn count(&mut self, event: &Event) {
        self.messages += 1;
        self.as_expected += u64::from(event.as_expected);
        let code = event.got.clone().unwrap_or_else(|| "--".to_owned());
        *self.codes.entry(code).or_default() += 1;
        if !event.as_expected && self.surprises.len() < SURPRISES_KEPT {
            self.surprises.push(event.clone());
        }
        if self.took.len() < TIMES_KEPT {
            self.took.extend(event.took);
        }
    }

    /// Takes events for right after all, by their numbers: somebody changed the rules meanwhile, and
    /// what was known beforehand no longer held.
    pub fn excuse(&mut self, numbers: &BTreeSet<u64>) {
        self.as_expected += u64::try_from(numbers.len()).unwrap_or_default();
        self.surprises.retain(|event| !numbers.contains(&event.number));
    }

    /// The answer time that `percent` of the answers did not exceed.
    #[must_use]
    pub fn percentile(&self, percent: usize) -> Option<Duration> {
        let mut sorted = self.took.clone();
        sorted.sort_unstable();
        let rank = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
        sorted.get(rank).copied()
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { messages, as_expected, .. } = self;
        let seconds = self.elapsed.as_secs_f64();
        writeln!(f, "{messages} transactions in {seconds:.1} s, {as_expected} as expected")?;
        if let (Some(half), Some(most)) = (self.percentile(50), self.percentile(99)) {
            writeln!(f, "answered within {:.2} ms (half), {:.2} ms (99 %)", ms(half), ms(most))?;
        }
        for (code, count) in &self.codes {
            writeln!(f, "  {code:<2}  {:<22} {count:>6}", meaning(code))?;
        }
        for line in &self.surprises {
            writeln!(f, "{line}")?;
        }
        Ok(())
    }
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(got: Option<&str>, took_ms: u64) -> Event {
        Event {
            number: 1,
            terminal: "POS00001".into(),
            card: MaskedPan::default(),
            what: "purchase",
            amount: None,
            expected: "00".into(),
            got: got.map(str::to_owned),
            note: String::new(),
            as_expected: got == Some("00"),
            rule: None,
            took: Some(Duration::from_millis(took_ms)),
        }
    }

    #[test]
    fn a_summary_is_good_only_if_every_answer_was() {
        let mut summary = Summary::default();
        assert!(!summary.all_as_expected(), "nothing sent is no success");
        for took in 1..=100 {
            summary.count(&event(Some("00"), took));
        }
        assert!(summary.all_as_expected());
        assert_eq!(summary.percentile(50), Some(Duration::from_millis(50)));
        assert_eq!(summary.percentile(99), Some(Duration::from_millis(99)));
        summary.count(&event(None, 1));
        assert!(!summary.all_as_expected());
        assert_eq!((summary.codes["00"], summary.codes["--"]), (100, 1));
        assert!(
            summary.surprises[0].to_string().contains("NOT AS EXPECTED"),
            "{:?}",
            summary.surprises
        );
    }
}
