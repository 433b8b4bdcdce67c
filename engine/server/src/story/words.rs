//! What each rule looks at, and each outcome in words, from `words.tsv`: a rule's id or an
//! outcome's name, then English, Russian, Kyrgyz. A test makes sure that none is missing.

use authorization::{ResultCode, RuleId};

/// In the order of [`super::Language::ALL`].
pub(crate) type Texts = [&'static str; 3];

const WORDS: &str = include_str!("words.tsv");

/// What a rule looks at.
pub(crate) fn subject(rule: RuleId) -> Texts {
    words(rule.id())
}

/// An outcome in words.
pub(crate) fn outcome(result: ResultCode) -> Texts {
    words(result.name())
}

fn words(key: &'static str) -> Texts {
    let mut rows = WORDS.lines().map(|line| line.split('\t'));
    let found = rows.find_map(|mut row| (row.next() == Some(key)).then_some(row));
    let mut texts = found.into_iter().flatten();
    let mut next = || texts.next().unwrap_or(key);
    [next(), next(), next()]
}
