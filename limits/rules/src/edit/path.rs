//! Where something stands in a rule set.

use std::fmt;

/// One step of a path: a key of a table, and of a list of tables the entry that is meant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Step {
    pub(super) name: String,
    pub(super) entry: Option<String>,
}

/// A canonical path: `contactless.tier.low.per_day`, `limit[atm-day].ceiling`,
/// `edition[agent_cash@2021-01-01]`. In brackets stands what tells the entries of a list apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RulePath {
    pub(super) steps: Vec<Step>,
}

/// The lists of tables, and what tells their entries apart. What an entry does not say is `*`.
const ENTRIES: [(&str, &[&str]); 19] = [
    ("indicator", &["valid_from"]),
    ("edition", &["rule", "in_force_from"]),
    ("agent_cash.lower", &["scope", "id"]),
    ("agent_cash.agent", &["id"]),
    ("limit", &["id"]),
    ("mcc_group", &["id"]),
    ("country_group", &["id"]),
    ("technical_overdraft.product", &["id"]),
    ("network", &["name"]),
    ("transfer_operator", &["name"]),
    ("rate", &["from", "to", "valid_from"]),
    ("fee", &["id"]),
    ("chip_check", &["id"]),
    ("stand_in", &["product"]),
    // Not of the rule set, but named alike in orders.
    ("account", &["id"]),
    ("card", &["id"]),
    ("user", &["id"]),
    ("key", &["name"]),
    ("key.version", &["version"]),
];

/// The lists that must stand in the order of a date.
pub(super) const DATED: [&str; 2] = ["indicator", "edition"];

/// What tells the entries of the list at this path (without brackets) apart.
pub(super) fn told_apart_by(list: &str) -> Option<&'static [&'static str]> {
    ENTRIES.iter().find(|(name, _)| *name == list).map(|(_, keys)| *keys)
}

impl RulePath {
    /// Reads a path.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut steps = Vec::new();
        let mut rest = text;
        loop {
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            let (name, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
            if name.is_empty() || name.contains(']') || name.contains(char::is_whitespace) {
                return Err(format!("\"{text}\" is no path such as limit[atm-day].ceiling"));
            }
            let (entry, after) = match after.strip_prefix('[') {
                None => (None, after),
                Some(after) => match after.split_once(']') {
                    Some((entry, after)) if !entry.is_empty() => (Some(entry.to_owned()), after),
                    _ => {
                        return Err(format!(
                            "\"{text}\": a bracket holds no name or is not closed"
                        ));
                    }
                },
            };
            steps.push(Step { name: name.to_owned(), entry });
            match after.strip_prefix('.') {
                Some(more) => rest = more,
                None if after.is_empty() => break,
                None => return Err(format!("\"{text}\": after a bracket there must be a dot")),
            }
        }
        let path = Self { steps };
        for (at, step) in path.steps.iter().enumerate() {
            if step.entry.is_none() {
                continue;
            }
            let list = path.names(at + 1);
            if told_apart_by(&list).is_none() {
                return Err(format!("\"{text}\": {list} is no list with entries to choose from"));
            }
        }
        Ok(path)
    }

    /// The first key: what part of the rule set it is about.
    #[must_use]
    pub fn root(&self) -> &str {
        self.steps.first().map_or("", |step| step.name.as_str())
    }

    /// How many steps lead there.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.steps.len()
    }

    /// The first `count` keys without what stands in brackets.
    pub(super) fn names(&self, count: usize) -> String {
        let names: Vec<&str> = self.steps.iter().take(count).map(|s| s.name.as_str()).collect();
        names.join(".")
    }

    /// The keys without what stands in brackets: `limit.ceiling`.
    #[must_use]
    pub fn plain(&self) -> String {
        self.names(self.steps.len())
    }

    /// Whether one of the two holds the other, so that a change of one is a change of the other.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        for (mine, theirs) in self.steps.iter().zip(&other.steps) {
            if mine.name != theirs.name {
                return false;
            }
            match (&mine.entry, &theirs.entry) {
                (Some(mine), Some(theirs)) if mine != theirs => return false,
                (None, Some(_)) | (Some(_), None) => return true,
                _ => {}
            }
        }
        true
    }
}

impl fmt::Display for RulePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, step) in self.steps.iter().enumerate() {
            if at > 0 {
                f.write_str(".")?;
            }
            f.write_str(&step.name)?;
            if let Some(entry) = &step.entry {
                write!(f, "[{entry}]")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_read_and_written_alike() {
        for text in [
            "agent_cash.cap_indicators",
            "limit[atm-day].ceiling",
            "agent_cash.lower[agent@G1]",
            "contactless.tier.low.per_day",
            "rate[USD@KGS@2026-11-21T00:00:00+06:00].value",
            "limit",
        ] {
            assert_eq!(RulePath::parse(text).unwrap().to_string(), text);
        }
        for bad in ["", ".", "a.", "limit[", "limit[]", "limit[a]b", "calendar[x]", "a b", "x]"] {
            assert!(RulePath::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_holds_the_other_overlaps_it() {
        let overlap = |a, b| {
            let (a, b) = (RulePath::parse(a).unwrap(), RulePath::parse(b).unwrap());
            assert_eq!(a.overlaps(&b), b.overlaps(&a));
            a.overlaps(&b)
        };
        assert!(overlap("limit[a]", "limit[a].ceiling"));
        assert!(overlap("limit", "limit[a].ceiling"));
        assert!(overlap("limit[a].code", "limit[a].code"));
        assert!(!overlap("limit[a].code", "limit[a].ceiling"));
        assert!(!overlap("limit[a]", "limit[b]"));
        assert!(!overlap("agent_cash.cap_indicators", "agent_cash.agent[G1]"));
    }
}
