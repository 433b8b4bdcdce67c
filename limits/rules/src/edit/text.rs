//! A rule set's text as a tree that can be changed by paths.

use super::path::{DATED, RulePath, Step, told_apart_by};
use super::setting::Setting;
use std::fmt;
use toml::{Table, Value};

/// A rule set as a tree. Comments and the order of keys are not kept; that of entries is.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleText {
    table: Table,
}

/// A path that leads nowhere, or a value that can't stand there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EditError(pub String);

impl fmt::Display for EditError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for EditError {}

impl RuleText {
    /// Reads a rule set's text.
    ///
    /// # Errors
    /// Where it is no TOML.
    pub fn parse(text: &str) -> Result<Self, EditError> {
        let table = text.parse::<Table>();
        table.map(|table| Self { table }).map_err(|error| EditError(error.message().to_owned()))
    }

    /// What stands at a path, and of an entry of a list its place in it.
    #[must_use]
    pub fn get(&self, path: &RulePath) -> Option<(Setting, Option<u32>)> {
        let (mut table, mut plain) = (&self.table, String::new());
        let mut steps = path.steps.iter().peekable();
        loop {
            let step = steps.next()?;
            extend(&mut plain, &step.name);
            let mut value = table.get(&step.name)?;
            let mut place = None;
            if let Some(entry) = &step.entry {
                let list = value.as_array()?;
                let at = position(list, &plain, entry)?;
                (value, place) = (list.get(at)?, u32::try_from(at).ok());
            }
            if steps.peek().is_none() {
                return Some((Setting::of(value), place));
            }
            table = value.as_table()?;
        }
    }

    /// Puts a value at a path, or takes away what stands there. Tables and entries on the way are
    /// made; those that are left with nothing but their name are taken away. `place` is where an
    /// entry of a list goes that is not there yet; at the end if not told.
    ///
    /// # Errors
    /// [`EditError`]; the text may then be changed in part.
    pub fn set(
        &mut self,
        path: &RulePath,
        to: Option<&Setting>,
        place: Option<u32>,
    ) -> Result<(), EditError> {
        let Some((step, rest)) = path.steps.split_first() else { return Ok(()) };
        let at = At { path, plain: String::new(), place };
        set_in(&mut self.table, step, rest, to, &at)
    }

    /// The text, always the same for the same rule set.
    #[must_use]
    pub fn text(&self) -> String {
        toml::to_string(&self.table).unwrap_or_default()
    }

    /// The path of the entry that stands on a line of [`RuleText::text`], if it is one of a list.
    #[must_use]
    pub fn entry_on_line(&self, text: &str, line: u32) -> Option<String> {
        let upto = text.lines().take(usize::try_from(line).ok()?);
        let headers: Vec<&str> = upto.filter(|line| line.starts_with('[')).collect();
        let mut list = headers.last()?.strip_prefix("[[")?.strip_suffix("]]")?;
        let count =
            headers.iter().filter(|header| *header == headers.last().unwrap_or(&"")).count();
        let whole = list;
        let mut value = None;
        while let Some((name, rest)) = list.split_once('.') {
            let table: &Table = value.map_or(Some(&self.table), Value::as_table)?;
            (value, list) = (Some(table.get(name)?), rest);
        }
        let table: &Table = value.map_or(Some(&self.table), Value::as_table)?;
        let entry = table.get(list)?.as_array()?.get(count.checked_sub(1)?)?;
        Some(format!("{whole}[{}]", name_of(entry, whole)?))
    }
}

/// Where a change is on its way.
struct At<'a> {
    path: &'a RulePath,
    plain: String,
    place: Option<u32>,
}

impl At<'_> {
    fn wrong(&self, what: &str) -> EditError {
        EditError(format!("{}: {what}", self.path))
    }
}

fn set_in(
    table: &mut Table,
    step: &Step,
    rest: &[Step],
    to: Option<&Setting>,
    at: &At<'_>,
) -> Result<(), EditError> {
    let mut plain = at.plain.clone();
    extend(&mut plain, &step.name);
    let at = At { path: at.path, plain, place: at.place };
    if let Some(entry) = &step.entry {
        return set_entry(table, (step, entry), rest, to, &at);
    }
    let Some((next, rest)) = rest.split_first() else {
        match to {
            None => drop(table.remove(&step.name)),
            Some(to) => drop(table.insert(step.name.clone(), to.to_toml(&step.name))),
        }
        return Ok(());
    };
    if to.is_none() && !table.contains_key(&step.name) {
        return Ok(());
    }
    let inner = table.entry(step.name.clone()).or_insert_with(|| Value::Table(Table::new()));
    let inner = inner.as_table_mut().ok_or_else(|| at.wrong("there is no table on the way"))?;
    set_in(inner, next, rest, to, &at)?;
    if inner.is_empty() {
        table.remove(&step.name);
    }
    Ok(())
}

/// Changes, makes or takes away one entry of a list of tables.
fn set_entry(
    table: &mut Table,
    (step, entry): (&Step, &str),
    rest: &[Step],
    to: Option<&Setting>,
    at: &At<'_>,
) -> Result<(), EditError> {
    let list = table.entry(step.name.clone()).or_insert_with(|| Value::Array(Vec::new()));
    let list = list.as_array_mut().ok_or_else(|| at.wrong("there is no list of entries"))?;
    let found = position(list, &at.plain, entry);
    match (rest.split_first(), to) {
        (None, None) => {
            found.map(|found| list.remove(found));
        }
        (None, Some(to)) => {
            let Value::Table(mut value) = to.to_toml(&step.name) else {
                return Err(at.wrong("an entry must be a table"));
            };
            named(&mut value, entry, at)?;
            match found.and_then(|found| list.get_mut(found)) {
                Some(place) => *place = Value::Table(value),
                None => insert(list, value, at),
            }
        }
        (Some((next, rest)), to) => {
            if found.is_none() && to.is_some() {
                let mut value = Table::new();
                named(&mut value, entry, at)?;
                insert(list, value, at);
            }
            if let Some(found) = position(list, &at.plain, entry) {
                let inner = list.get_mut(found).and_then(Value::as_table_mut);
                let inner = inner.ok_or_else(|| at.wrong("the entry is no table"))?;
                set_in(inner, next, rest, to, at)?;
                let names = told_apart_by(&at.plain).unwrap_or_default();
                if inner.keys().all(|key| names.contains(&key.as_str())) {
                    list.remove(found);
                }
            }
        }
    }
    if list.is_empty() {
        table.remove(&step.name);
    }
    Ok(())
}

/// Writes what tells an entry apart into it; what stands there already must be the same.
fn named(value: &mut Table, entry: &str, at: &At<'_>) -> Result<(), EditError> {
    let names = told_apart_by(&at.plain).unwrap_or_default();
    let parts: Vec<&str> = entry.splitn(names.len(), '@').collect();
    if parts.len() != names.len() {
        return Err(at.wrong(&format!("in the brackets stands {}", names.join("@"))));
    }
    for (name, part) in names.iter().zip(parts) {
        match value.get(*name) {
            Some(there) if plain_text(there) != part => {
                return Err(at.wrong(&format!("the entry has another {name} than the path")));
            }
            Some(_) => {}
            None if part == "*" => {}
            None => {
                value.insert((*name).to_owned(), Setting::from(part).to_toml(name));
            }
        }
    }
    Ok(())
}

/// Puts a new entry where it belongs: by its date, at its former place, or at the end.
fn insert(list: &mut Vec<Value>, value: Table, at: &At<'_>) {
    let dated = DATED.contains(&at.plain.as_str());
    let date = |value: &Value| {
        let table = value.as_table()?;
        let names = told_apart_by(&at.plain).unwrap_or_default();
        Some(plain_text(table.get(*names.last()?)?))
    };
    let value = Value::Table(value);
    let place = if dated {
        let mine = date(&value);
        list.iter().position(|other| date(other) > mine)
    } else {
        at.place.and_then(|place| usize::try_from(place).ok()).filter(|place| *place < list.len())
    };
    match place {
        Some(place) => list.insert(place, value),
        None => list.push(value),
    }
}

fn extend(plain: &mut String, name: &str) {
    if !plain.is_empty() {
        plain.push('.');
    }
    plain.push_str(name);
}

fn position(list: &[Value], plain: &str, entry: &str) -> Option<usize> {
    list.iter().position(|value| name_of(value, plain).as_deref() == Some(entry))
}

/// What tells an entry of a list apart, as it stands in brackets.
fn name_of(value: &Value, plain: &str) -> Option<String> {
    let table = value.as_table()?;
    let part = |name: &&str| table.get(*name).map_or_else(|| "*".to_owned(), plain_text);
    let parts: Vec<String> = told_apart_by(plain)?.iter().map(part).collect();
    Some(parts.join("@"))
}

fn plain_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: &str = "version = \"a\"\n[[indicator]]\nvalue = \"100.00\"\n\
        valid_from = 2006-01-01\n[[limit]]\nid = \"one\"\nceiling = \"1.00\"\n[[limit]]\n\
        id = \"two\"\nceiling = \"2.00\"\n[calendar]\nholidays = [2026-01-01]\n";

    fn path(text: &str) -> RulePath {
        RulePath::parse(text).unwrap()
    }

    fn changed(path_text: &str, to: Option<Setting>) -> RuleText {
        let mut rules = RuleText::parse(RULES).unwrap();
        rules.set(&path(path_text), to.as_ref(), None).unwrap();
        rules
    }

    #[test]
    fn settings_are_found_and_changed_by_their_paths() {
        let rules = changed("limit[two].ceiling", Some("3.00".into()));
        assert_eq!(rules.get(&path("limit[two].ceiling")), Some(("3.00".into(), None)));
        assert_eq!(rules.get(&path("limit[one].ceiling")), Some(("1.00".into(), None)));
        assert_eq!(rules.get(&path("limit[three].ceiling")), None);
        assert_eq!(rules.get(&path("limit[two]")).unwrap().1, Some(1));
    }

    #[test]
    fn what_is_added_and_taken_away_again_leaves_the_rule_set_as_it_was() {
        let before = RuleText::parse(RULES).unwrap();
        for name in ["agent_cash.agent[G1].cap_indicators", "contactless.tier.low.per_day"] {
            let mut rules = changed(name, Some("x".into()));
            assert!(rules.get(&path(name)).is_some());
            assert_ne!(rules, before);
            rules.set(&path(name), None, None).unwrap();
            assert_eq!(rules, before, "{name}");
        }
        let (one, place) = before.get(&path("limit[one]")).unwrap();
        let mut rules = changed("limit[one]", None);
        assert_eq!(rules.get(&path("limit[one]")), None);
        rules.set(&path("limit[one]"), Some(&one), place).unwrap();
        assert_eq!(rules, before, "an entry comes back to its place");
    }

    #[test]
    fn dated_entries_stand_in_the_order_of_their_dates() {
        let mut rules = changed("indicator[2027-01-01].value", Some("120.00".into()));
        rules.set(&path("indicator[2026-06-01].value"), Some(&"110.00".into()), None).unwrap();
        let text = rules.text();
        let order = ["100.00", "110.00", "120.00"].map(|value| text.find(value).unwrap());
        assert!(order.is_sorted(), "{text}");
        assert!(text.contains("valid_from = 2026-06-01"), "a date and no text: {text}");
    }

    #[test]
    fn an_entry_that_contradicts_its_path_is_refused() {
        let mut rules = RuleText::parse(RULES).unwrap();
        let entry = Setting::Table([("id".to_owned(), "other".into())].into());
        assert!(rules.set(&path("limit[one]"), Some(&entry), None).is_err());
        assert!(rules.set(&path("limit[one]"), Some(&"text".into()), None).is_err());
        assert!(rules.set(&path("edition[x]"), Some(&Setting::Table([].into())), None).is_err());
        assert!(rules.set(&path("version.x"), Some(&"y".into()), None).is_err());
    }

    #[test]
    fn a_line_tells_its_entry() {
        let rules = RuleText::parse(RULES).unwrap();
        let text = rules.text();
        let line = 1 + text.lines().position(|line| line.contains("\"2.00\"")).unwrap();
        let line = u32::try_from(line).unwrap();
        assert_eq!(rules.entry_on_line(&text, line).as_deref(), Some("limit[two]"));
        assert_eq!(rules.entry_on_line(&text, 1), None);
    }
}
