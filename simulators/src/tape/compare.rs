//! What the host answered now, beside what was answered then.

use crate::exchange::{approves, plain};
use crate::intent::Fields;
use crate::show;
use payment_types::Mti;
use std::collections::BTreeMap;
use std::fmt::Write;

/// An answer that differs.
#[derive(Debug, Clone)]
pub struct Difference {
    /// Which message of the tape.
    pub number: usize,
    /// What was sent now.
    pub request: (Mti, Fields),
    /// What was answered then; nothing if the tape has no answer.
    pub then: Option<(Mti, Fields)>,
    /// What was answered now; nothing if there was no answer.
    pub now: Option<(Mti, Fields)>,
    /// Whether MAC and issuer's cryptogram of the answer are right, where it has them.
    pub proven: bool,
}

/// What came of playing a tape.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Messages sent.
    pub sent: usize,
    /// Left out, since they only make sense with the keys of then (key exchange).
    pub left_out: usize,
    /// Answered as then.
    pub same: usize,
    /// Answered otherwise.
    pub differences: Vec<Difference>,
    /// Answers whose MAC or issuer's cryptogram is wrong; they count as answered otherwise.
    pub unproven: usize,
    /// How often each pair of codes came: then, now.
    pub codes: BTreeMap<(String, String), usize>,
}

/// So many differences are shown whole.
const SHOWN: usize = 5;

impl Report {
    /// Takes in one message and its answers.
    pub fn take(&mut self, difference: Difference) {
        self.sent += 1;
        let (then, now) = (code(&difference.then), code(&difference.now));
        let same = then == now && amounts(&difference.then) == amounts(&difference.now);
        *self.codes.entry((then, now)).or_default() += 1;
        self.unproven += usize::from(!difference.proven);
        if same && difference.proven {
            self.same += 1;
        } else {
            self.differences.push(difference);
        }
    }

    /// Whether the host answered everything as then.
    #[must_use]
    pub fn is_same(&self) -> bool {
        self.differences.is_empty()
    }

    /// For people.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out = String::new();
        let Self { sent, same, left_out, .. } = self;
        let _written = writeln!(out, "{sent} messages sent, {same} answered as then");
        if *left_out > 0 {
            let _written = writeln!(out, "{left_out} key exchanges left out");
        }
        if self.unproven > 0 {
            let unproven = self.unproven;
            let _written =
                writeln!(out, "{unproven} answers with a wrong MAC or issuer's cryptogram");
        }
        let _written = writeln!(out, "\n  then  now   messages");
        for ((then, now), count) in &self.codes {
            let mark = match (then == now, approves(then), approves(now)) {
                (true, ..) => "",
                (_, true, false) => "  declined now",
                (_, false, true) => "  approved now",
                _ => "  another reason",
            };
            let _written = writeln!(out, "  {then:<4}  {now:<4}  {count:>8}{mark}");
        }
        for difference in self.differences.iter().take(SHOWN) {
            let (then, now) = (code(&difference.then), code(&difference.now));
            let number = difference.number;
            let _written = writeln!(out, "\nMessage {number} of the tape: then {then}, now {now}");
            let (mti, fields) = &difference.request;
            let now = difference.now.as_ref().map(|(mti, fields)| (*mti, fields));
            out.push_str(&show::side_by_side((*mti, fields), now));
        }
        let more = self.differences.len().saturating_sub(SHOWN);
        if more > 0 {
            let _written = writeln!(out, "\nand {more} more that differ");
        }
        out
    }
}

/// DE 39, or that there was no answer.
fn code(answer: &Option<(Mti, Fields)>) -> String {
    match answer {
        Some((_, fields)) => fields.get(&39).map(plain).unwrap_or_default(),
        None => "none".to_owned(),
    }
}

/// DE 4, which a partial approval lowers: what the terminal acts on beside the code.
fn amounts(answer: &Option<(Mti, Fields)>) -> Option<String> {
    let (_, fields) = answer.as_ref()?;
    fields.get(&4).map(plain)
}
