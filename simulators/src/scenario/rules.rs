//! Merging a scenario's rules over the base rule set: tables merge, arrays replace.

use crate::SimError;
use std::path::Path;
use toml::{Table, Value};

/// The base rule set beside the scenarios.
pub const BASE: &str = "base.rules.toml";

/// Lays `over` on `base`: a table in both is merged key by key, anything else replaces what was
/// there.
pub fn merge(base: &mut Table, over: Table) {
    for (key, value) in over {
        match (base.get_mut(&key), value) {
            (Some(Value::Table(below)), Value::Table(above)) => merge(below, above),
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
}

/// The rule set of a scenario in `folder`: the base, if there is one, under the scenario's own.
///
/// # Errors
/// [`SimError::Setting`] if either is no TOML; [`SimError::File`].
pub fn rule_set(folder: &Path, own: &str) -> Result<String, SimError> {
    let path = folder.join(BASE);
    let mut rules = if path.exists() {
        let text = std::fs::read_to_string(&path).map_err(SimError::file(&path))?;
        parse(&text, &path.display().to_string())?
    } else {
        Table::new()
    };
    merge(&mut rules, parse(own, "the scenario's rules")?);
    toml::to_string(&rules).map_err(|error| SimError::Setting(error.to_string()))
}

fn parse(text: &str, source: &str) -> Result<Table, SimError> {
    let table: Result<Table, _> = text.parse();
    table.map_err(|error| SimError::Setting(format!("{source}: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(base: &str, over: &str) -> String {
        let mut table = parse(base, "base").unwrap();
        merge(&mut table, parse(over, "over").unwrap());
        toml::to_string(&table).unwrap()
    }

    #[test]
    fn tables_merge_and_arrays_replace() {
        let base = "version = \"base\"\n[agent_cash]\ncap_indicators = 150\nother = 1\n\
                    [[edition]]\nrule = \"a\"\n[[edition]]\nrule = \"b\"\n\
                    [contactless.tier.low]\nper_day = \"1.00\"\n";
        let over = "[agent_cash]\ncap_indicators = 100\n[[edition]]\nrule = \"c\"\n\
                    in_force_from = 2021-01-01\n\
                    [contactless.tier.high]\nper_day = \"2.00\"\n";
        let text = merged(base, over);
        let table = parse(&text, "merged").unwrap();
        assert_eq!(table["version"].as_str(), Some("base"));
        assert_eq!(table["agent_cash"]["cap_indicators"].as_integer(), Some(100));
        assert_eq!(table["agent_cash"]["other"].as_integer(), Some(1));
        assert_eq!(table["edition"].as_array().map(Vec::len), Some(1));
        assert!(text.contains("in_force_from = 2021-01-01"), "{text}");
        let tiers = table["contactless"]["tier"].as_table().unwrap();
        assert!(tiers.contains_key("low") && tiers.contains_key("high"));
    }

    #[test]
    fn a_scenario_without_rules_has_the_base() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(rule_set(folder.path(), "").unwrap(), "");
        std::fs::write(folder.path().join(BASE), "version = \"base\"\n").unwrap();
        assert_eq!(rule_set(folder.path(), "").unwrap(), "version = \"base\"\n");
        let error = rule_set(folder.path(), "[[edition").unwrap_err().to_string();
        assert!(error.contains("the scenario's rules") && error.contains("line 1"), "{error}");
    }
}
