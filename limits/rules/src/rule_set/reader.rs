//! Reading TOML so that every mistake is found at once, with its place and what would be right.

use super::error::{Place, RuleError};
use payment_types::{BusinessDate, Currency, Timestamp, parse_minor};
use rust_decimal::Decimal;
use toml::de::{DeTable, DeValue};
use toml::value::Offset;
use toml::{Spanned, value::Datetime};

/// A value and where it stands.
pub(super) type Value<'a> = &'a Spanned<DeValue<'a>>;

/// The mistakes found so far in a text.
pub(super) struct Findings<'a> {
    text: &'a str,
    file: &'a str,
    pub(super) errors: Vec<RuleError>,
}

impl<'a> Findings<'a> {
    pub(super) const fn new(text: &'a str, file: &'a str) -> Self {
        Self { text, file, errors: Vec::new() }
    }

    pub(super) fn place(&self, offset: usize) -> Place {
        Place::of(self.text, offset)
    }

    pub(super) fn add(&mut self, offset: usize, key: &str, message: impl Into<String>) {
        self.add_clause(offset, key, message, None);
    }

    pub(super) fn add_clause(
        &mut self,
        offset: usize,
        key: &str,
        message: impl Into<String>,
        clause: Option<&'static str>,
    ) {
        self.add_clause_at(self.place(offset), key, message, clause);
    }

    pub(super) fn add_clause_at(
        &mut self,
        at: Place,
        key: &str,
        message: impl Into<String>,
        clause: Option<&'static str>,
    ) {
        let Place { line, column } = at;
        let (file, key, message) = (self.file.to_owned(), key.to_owned(), message.into());
        self.errors.push(RuleError { file, line, column, key, message, clause });
    }
}

/// What kind of value it is, in words.
fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with decimals",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// A table being read.
pub(super) struct Section<'a> {
    table: &'a DeTable<'a>,
    path: String,
    /// Where it begins.
    pub(super) start: usize,
}

impl<'a> Section<'a> {
    /// The table at `path`, whose keys must be among `known`.
    pub(super) fn new(
        table: &'a DeTable<'a>,
        start: usize,
        path: impl Into<String>,
        known: &[&str],
        found: &mut Findings<'_>,
    ) -> Self {
        let section = Self { table, path: path.into(), start };
        for key in table.keys() {
            let name: &str = key.get_ref();
            if !known.contains(&name) {
                found.add(key.span().start, &section.key(name), unknown(name, known));
            }
        }
        section
    }

    /// The value at `path`, if it is a table.
    pub(super) fn of(
        value: Value<'a>,
        path: impl Into<String>,
        known: &[&str],
        found: &mut Findings<'_>,
    ) -> Option<Self> {
        let (path, start) = (path.into(), value.span().start);
        match value.get_ref() {
            DeValue::Table(table) => Some(Self::new(table, start, path, known, found)),
            other => {
                found.add(start, &path, format!("must be a table, not {}", kind(other)));
                None
            }
        }
    }

    /// The tables of the array `name`: `[[name]]`.
    pub(super) fn tables(
        &self,
        name: &str,
        known: &[&str],
        found: &mut Findings<'_>,
    ) -> Vec<Section<'a>> {
        let (path, mut tables) = (self.key(name), Vec::new());
        for value in self.list(name, found) {
            tables.extend(Section::of(value, path.clone(), known, found));
        }
        tables
    }

    /// A key with the tables around it.
    pub(super) fn key(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    pub(super) fn get(&self, name: &str) -> Option<Value<'a>> {
        self.table.get(name)
    }

    /// Where a key's value stands; the table's beginning if it has none.
    pub(super) fn at(&self, name: &str) -> usize {
        self.get(name).map_or(self.start, |value| value.span().start)
    }

    pub(super) fn wrong(&self, name: &str, message: impl Into<String>, found: &mut Findings<'_>) {
        found.add(self.at(name), &self.key(name), message);
    }

    /// Says so if the key is missing.
    pub(super) fn need(&self, name: &str, found: &mut Findings<'_>) {
        if self.get(name).is_none() {
            found.add(self.start, &self.key(name), "is missing");
        }
    }

    fn read<T>(
        &self,
        name: &str,
        what: &str,
        found: &mut Findings<'_>,
        read: impl FnOnce(&'a DeValue<'a>) -> Option<Result<T, String>>,
    ) -> Option<T> {
        let value = self.get(name)?;
        match read(value.get_ref()) {
            Some(Ok(read)) => Some(read),
            Some(Err(message)) => {
                self.wrong(name, message, found);
                None
            }
            None => {
                let is = kind(value.get_ref());
                self.wrong(name, format!("must be {what}, not {is}"), found);
                None
            }
        }
    }

    /// A text that says something.
    pub(super) fn text(&self, name: &str, found: &mut Findings<'_>) -> Option<&'a str> {
        self.read(name, "a text in quotes", found, |value| {
            value.as_str().map(|text| match text.trim() {
                "" => Err("must not be empty".to_owned()),
                trimmed => Ok(trimmed),
            })
        })
    }

    pub(super) fn boolean(&self, name: &str, found: &mut Findings<'_>) -> Option<bool> {
        self.read(name, "true or false", found, |value| value.as_bool().map(Ok))
    }

    /// A whole number above zero.
    pub(super) fn count(&self, name: &str, found: &mut Findings<'_>) -> Option<u64> {
        self.read(name, "a whole number", found, |value| {
            let number = value.as_integer()?;
            let number = i64::from_str_radix(number.as_str(), number.radix()).ok();
            let number = number.and_then(|number| u64::try_from(number).ok());
            Some(number.filter(|number| *number > 0).ok_or_else(|| "must be above zero".to_owned()))
        })
    }

    /// An amount in major units of KGS, as tyiyn; above zero.
    pub(super) fn amount(&self, name: &str, found: &mut Findings<'_>) -> Option<u64> {
        let amount = self.amount_or_zero(name, found)?;
        if amount == 0 {
            self.wrong(name, "must be above zero", found);
        }
        (amount > 0).then_some(amount)
    }

    /// The same, and zero is fine.
    pub(super) fn amount_or_zero(&self, name: &str, found: &mut Findings<'_>) -> Option<u64> {
        let what = "an amount in quotes, such as \"1000.00\"";
        self.read(name, what, found, |value| {
            let minor = parse_minor(value.as_str()?, Currency::KGS.exponent());
            Some(match minor {
                Ok(minor) => u64::try_from(minor).map_err(|_| "must not be negative".to_owned()),
                Err(error) => Err(error.to_string()),
            })
        })
    }

    /// A decimal number in quotes, from zero to `most`.
    pub(super) fn decimal(
        &self,
        name: &str,
        most: u32,
        found: &mut Findings<'_>,
    ) -> Option<Decimal> {
        self.read(name, "a number in quotes, such as \"24.00\"", found, |value| {
            let Ok(number) = Decimal::from_str_exact(value.as_str()?) else {
                return Some(Err("not a number such as 24.00".to_owned()));
            };
            let fits = !number.is_sign_negative() && number <= Decimal::from(most);
            Some(if fits { Ok(number) } else { Err(format!("must be from 0 to {most}")) })
        })
    }

    /// A day.
    pub(super) fn date(&self, name: &str, found: &mut Findings<'_>) -> Option<BusinessDate> {
        self.read(name, "a date such as 2026-11-23, without quotes", found, date_of)
    }

    /// A moment with its offset from UTC.
    pub(super) fn moment(&self, name: &str, found: &mut Findings<'_>) -> Option<Timestamp> {
        let what = "a moment such as 2026-11-23T00:00:00+06:00, without quotes";
        self.read(name, what, found, |value| {
            let DeValue::Datetime(moment) = value else { return None };
            let missing = || format!("must be {what}");
            Some(timestamp_of(moment).ok_or_else(missing))
        })
    }

    /// One of a few names.
    pub(super) fn one_of<T: Copy>(
        &self,
        name: &str,
        choices: &[(&str, T)],
        found: &mut Findings<'_>,
    ) -> Option<T> {
        let text = self.text(name, found)?;
        let choice = choice(text, choices);
        if let Err(message) = &choice {
            self.wrong(name, message.clone(), found);
        }
        choice.ok()
    }

    /// The values of a list; none if the key is missing.
    pub(super) fn list(&self, name: &str, found: &mut Findings<'_>) -> Vec<Value<'a>> {
        let list = self.read(name, "a list", found, |value| match value {
            DeValue::Array(list) => Some(Ok(list.iter().collect())),
            _ => None,
        });
        list.unwrap_or_default()
    }

    /// A text, or a list of texts.
    pub(super) fn texts(&self, name: &str, found: &mut Findings<'_>) -> Vec<(&'a str, usize)> {
        let Some(value) = self.get(name) else { return Vec::new() };
        let values = match value.get_ref() {
            DeValue::Array(list) => list.iter().collect(),
            _ => vec![value],
        };
        let mut texts = Vec::new();
        for value in values {
            match value.get_ref().as_str().map(str::trim) {
                Some(text) if !text.is_empty() => texts.push((text, value.span().start)),
                Some(_) => found.add(value.span().start, &self.key(name), "must not be empty"),
                None => {
                    let message =
                        format!("must be a text in quotes, not {}", kind(value.get_ref()));
                    found.add(value.span().start, &self.key(name), message);
                }
            }
        }
        texts
    }

    /// A list of days, each once.
    pub(super) fn dates(&self, name: &str, found: &mut Findings<'_>) -> Vec<BusinessDate> {
        let mut dates = Vec::new();
        for value in self.list(name, found) {
            let start = value.span().start;
            match date_of(value.get_ref()) {
                Some(Ok(date)) if dates.contains(&date) => {
                    found.add(start, &self.key(name), format!("{date} is there twice"));
                }
                Some(Ok(date)) => dates.push(date),
                _ => found.add(start, &self.key(name), "must be a date such as 2026-11-23"),
            }
        }
        dates
    }
}

/// The choice of this name, or what could have been meant.
pub(super) fn choice<T: Copy>(text: &str, choices: &[(&str, T)]) -> Result<T, String> {
    let found = choices.iter().find(|(name, _)| *name == text).map(|(_, choice)| *choice);
    found.ok_or_else(|| {
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        format!("\"{text}\" is none of {}{}", names.join(", "), suggestion(text, &names))
    })
}

fn unknown(name: &str, known: &[&str]) -> String {
    let suggestion = suggestion(name, known);
    if suggestion.is_empty() {
        format!("unknown key; known here are {}", known.join(", "))
    } else {
        format!("unknown key{suggestion}")
    }
}

/// `; did you mean "..."?` if one of the names is near enough.
fn suggestion(name: &str, known: &[&str]) -> String {
    let distance = |other: &&str| strsim::damerau_levenshtein(name, other);
    let nearest = known.iter().copied().min_by_key(distance);
    let near = nearest.filter(|other| distance(other) <= 1 + name.chars().count() / 4);
    near.map_or_else(String::new, |other| format!("; did you mean \"{other}\"?"))
}

fn date_of(value: &DeValue<'_>) -> Option<Result<BusinessDate, String>> {
    let DeValue::Datetime(Datetime { date: Some(date), time: None, offset: None }) = value else {
        return None;
    };
    let day = BusinessDate::from_ymd(i32::from(date.year), date.month, date.day);
    Some(day.ok_or_else(|| "there is no such day".to_owned()))
}

fn timestamp_of(moment: &Datetime) -> Option<Timestamp> {
    let (date, time, offset) = (moment.date?, moment.time?, moment.offset?);
    let minutes = match offset {
        Offset::Z => 0,
        Offset::Custom { minutes } => i64::from(minutes),
    };
    let day = BusinessDate::from_ymd(i32::from(date.year), date.month, date.day)?;
    let second = i64::from(time.hour) * 3600
        + (i64::from(time.minute) - minutes) * 60
        + i64::from(time.second.unwrap_or_default());
    Some(Timestamp(i64::from(day.days()) * 86_400_000 + second * 1000))
}
