//! Why a transaction was decided as it was, told for people: each rule with what it looked at, in
//! English, Russian or Kyrgyz. Made from the recorded trace (TXN-8), so it tells the same years
//! later, whatever the rules are then.

mod phrases;
mod words;

pub(crate) use phrases::{Figures, counts, opening, sentence};
pub(crate) use words::{outcome, subject};

use authorization::RuleId;

/// A language of the console.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    English,
    Russian,
    Kyrgyz,
}

impl Language {
    pub(crate) const ALL: [Self; 3] = [Self::English, Self::Russian, Self::Kyrgyz];

    /// As it is written in a query.
    pub(crate) const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Russian => "ru",
            Self::Kyrgyz => "ky",
        }
    }

    pub(crate) fn of(tag: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.tag() == tag)
    }

    /// Its text of three.
    pub(crate) const fn of_texts(self, texts: [&'static str; 3]) -> &'static str {
        let [english, russian, kyrgyz] = texts;
        match self {
            Self::English => english,
            Self::Russian => russian,
            Self::Kyrgyz => kyrgyz,
        }
    }
}

/// A rule by its id.
pub(crate) fn rule(id: &str) -> Option<RuleId> {
    RuleId::ALL.iter().copied().find(|rule| rule.id() == id)
}

/// The regulation's edition that a rule belongs to, where it has two.
pub(crate) const fn edition(rule: RuleId) -> Option<&'static str> {
    match rule {
        RuleId::Ctl1 | RuleId::Agt1 => Some("76/8-2015"),
        RuleId::Ctl2 | RuleId::Agt2 => Some("2020-draft"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use authorization::ResultCode;
    use std::collections::BTreeSet;

    fn is_cyrillic(text: &str) -> bool {
        text.chars().any(|letter| ('\u{400}'..='\u{4FF}').contains(&letter))
    }

    #[test]
    fn every_rule_and_outcome_is_told_in_three_languages() {
        let mut told = BTreeSet::new();
        for rule in RuleId::ALL {
            let [english, russian, kyrgyz] = subject(*rule);
            assert!(english.is_ascii() && !english.is_empty(), "{}", rule.id());
            assert!(is_cyrillic(russian) && is_cyrillic(kyrgyz), "{}", rule.id());
            assert_ne!(russian, kyrgyz, "{}", rule.id());
            assert!(told.insert(english), "{} is told as another", rule.id());
        }
        for result in ResultCode::ALL {
            let [english, russian, kyrgyz] = outcome(*result);
            assert!(english.is_ascii() && !english.is_empty(), "{}", result.name());
            assert!(is_cyrillic(russian) && is_cyrillic(kyrgyz), "{}", result.name());
            assert!(told.insert(english), "{} is told as another", result.name());
        }
    }
}
