//! The search for the dialect: the known ones first, then every combination of codings, then the
//! best of those with single elements laid out otherwise.

use super::candidate::Candidate;
use super::plausible;
use super::start::Start;
use iso8583::{Dialect, parse_lenient};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A dialect that has a name.
#[derive(Debug, Clone)]
pub struct Known {
    /// The name, or the file's path.
    pub name: String,
    /// The dialect.
    pub dialect: Arc<Dialect>,
}

/// How well a dialect explains the messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Score {
    /// Messages understood to the last byte.
    pub whole: usize,
    /// Points for values that make sense.
    pub sense: i64,
    /// Bytes understood.
    pub bytes: usize,
}

/// A dialect that was tried.
#[derive(Debug, Clone)]
pub struct Fit {
    /// Its name; none for a proposal.
    pub name: Option<String>,
    /// The dialect.
    pub dialect: Arc<Dialect>,
    /// What makes up a proposal.
    pub proposal: Option<Candidate>,
    /// How well it fits.
    pub score: Score,
}

/// Changes to single elements are looked for that often at most.
const STEPS_MAX: usize = 16;
/// That many messages are enough to look for them.
const SAMPLE: usize = 24;
/// How many elements before the one that makes no sense may be to blame.
const BEFORE: usize = 4;
/// So many elements are looked at in a step.
const SUSPECTS_MAX: usize = 10;
/// After so many steps without one whole message it is no ISO 8583.
const HOPE: usize = 3;

/// The dialects that fit best, best first.
pub(super) fn fits(bodies: &[&[u8]], start: Start, known: Vec<Known>) -> Vec<Fit> {
    let shipped = Dialect::SHIPPED.iter().filter_map(|name| {
        Some(Known { name: (*name).to_owned(), dialect: Dialect::shipped(name)? })
    });
    let mut fits: Vec<Fit> = known
        .into_iter()
        .chain(shipped)
        .map(|Known { name, dialect }| {
            let score = score(&dialect, bodies);
            Fit { name: Some(name), dialect, proposal: None, score }
        })
        .collect();
    fits.sort_by_key(|fit| std::cmp::Reverse(fit.score));
    // Many messages read to the last byte speak for themselves, even where values make no sense.
    let is_done = |fit: &Fit| {
        fit.score.whole == bodies.len() && (fit.score.sense > 0 || bodies.len() >= SAMPLE)
    };
    if !fits.first().is_some_and(is_done)
        && let Some(proposal) = propose(bodies, start)
        && fits.first().is_none_or(|best| proposal.score > best.score)
    {
        fits.insert(0, proposal);
    }
    fits
}

/// How well the best of the shipped dialects fits.
pub(super) fn best_known(bodies: &[&[u8]]) -> Score {
    let shipped = Dialect::SHIPPED.iter().filter_map(|name| Dialect::shipped(name));
    shipped.map(|dialect| score(&dialect, bodies)).max().unwrap_or_default()
}

fn score(dialect: &Dialect, bodies: &[&[u8]]) -> Score {
    let mut score = Score::default();
    for body in bodies {
        let (message, error) = parse_lenient(dialect, body);
        score.sense += message.as_ref().map_or(0, plausible::points);
        score.whole += usize::from(message.is_some() && error.is_none());
        score.bytes += error.map_or(body.len(), |error| error.offset);
    }
    score
}

fn propose(bodies: &[&[u8]], start: Start) -> Option<Fit> {
    let sample = bodies.get(..bodies.len().min(SAMPLE)).unwrap_or_default();
    let mut best: Option<(Candidate, Score)> = None;
    for candidate in Candidate::codings(start) {
        let Some(dialect) = candidate.compile() else { continue };
        let score = score(&dialect, sample);
        if best.as_ref().is_none_or(|(_, before)| progress(score) > progress(*before)) {
            best = Some((candidate, score));
        }
    }
    let (mut candidate, mut at) = best?;
    for step in 0..STEPS_MAX {
        if at.whole == sample.len() || (step >= HOPE && at.whole == 0) {
            break;
        }
        let Some((next, score)) = better(&candidate, at, sample) else { break };
        (candidate, at) = (next, score);
    }
    let dialect = Arc::new(candidate.compile()?);
    let score = score(&dialect, bodies);
    Some(Fit { name: None, dialect, proposal: Some(candidate), score })
}

/// What a step must better: whole messages, else sense and bytes together, since a wrong layout
/// swallows bytes without making sense of them.
fn progress(score: Score) -> (usize, i64) {
    let bytes = i64::try_from(score.bytes).unwrap_or(i64::MAX);
    (score.whole, score.sense.saturating_mul(8).saturating_add(bytes))
}

/// The best change to one element: of the one where messages stop making sense, or of one before
/// it, whose length may have been read wrongly.
fn better(candidate: &Candidate, at: Score, bodies: &[&[u8]]) -> Option<(Candidate, Score)> {
    let dialect = candidate.compile()?;
    let mut best: Option<(Candidate, Score)> = None;
    for element in suspects(&dialect, bodies) {
        for format in alternatives(&dialect, element) {
            let other = candidate.with(element, &format);
            let Some(dialect) = other.compile() else { continue };
            let score = score(&dialect, bodies);
            let before = best.as_ref().map_or(at, |(_, score)| *score);
            if progress(score) > progress(before) {
                best = Some((other, score));
            }
        }
    }
    best
}

/// The elements that may be laid out wrongly: where messages stop making sense, and those just
/// before. Those that come up most often, first.
fn suspects(dialect: &Dialect, bodies: &[&[u8]]) -> Vec<u8> {
    let mut counts: BTreeMap<u8, usize> = BTreeMap::new();
    for body in bodies {
        let (Some(message), Some(error)) = parse_lenient(dialect, body) else { continue };
        let before: Vec<u8> = message.elements().collect();
        for element in before.iter().rev().take(BEFORE).chain([&error.element]) {
            *counts.entry(*element).or_default() += 1;
        }
    }
    let mut found: Vec<(u8, usize)> = counts.into_iter().filter(|(de, _)| *de >= 2).collect();
    found.sort_by_key(|(element, count)| (std::cmp::Reverse(*count), *element));
    found.truncate(SUSPECTS_MAX);
    found.into_iter().map(|(element, _)| element).collect()
}

/// Other layouts an element is met in.
fn alternatives(dialect: &Dialect, element: u8) -> Vec<String> {
    let mut formats = Vec::new();
    for lengths in ["bcd", "ascii", "binary", "ebcdic"] {
        for (max, digits) in [(99, "LL"), (999, "LLL"), (9999, "LLLL")] {
            for (class, coding) in
                [("ans", ""), ("b", "raw"), ("b", "hex"), ("n", "bcd"), ("n", "ascii")]
            {
                let coding = if coding.is_empty() {
                    String::new()
                } else {
                    format!(", coding = \"{coding}\"")
                };
                let format = format!("{class}..{max} {digits}");
                formats
                    .push(format!("{{ format = \"{format}\", lengths = \"{lengths}\"{coding} }}"));
            }
        }
    }
    let fixed = dialect.element(element).filter(|format| !format.is_variable());
    if let Some(format) = fixed {
        for coding in ["bcd", "ascii", "ebcdic", "raw", "hex"] {
            formats
                .push(format!("{{ format = \"{}\", coding = \"{coding}\" }}", format.notation()));
        }
    }
    for length in [1, 2, 3, 4, 6, 8, 10, 12, 15, 16, 20, 25, 40] {
        formats.push(format!("\"ans{length}\""));
        formats.push(format!("{{ format = \"b{length}\", coding = \"raw\" }}"));
        for coding in ["bcd", "ascii"] {
            formats.push(format!("{{ format = \"n{length}\", coding = \"{coding}\" }}"));
        }
    }
    formats
}
