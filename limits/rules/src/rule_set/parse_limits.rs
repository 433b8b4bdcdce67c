//! `[[limit]]` and the groups of categories and countries that limits name.

use super::parse::response_code;
use super::reader::{Findings, Section, choice};
use super::{Counts, Hours, Layer, LimitRule, Measure, Restricted};
use crate::country::country_numeric;
use crate::usage::cell::VALUE_MAX;
use crate::{Dimension, Scope, Window};
use payment_types::ResponseCode;
use toml::de::DeValue;

const COUNTS: [(&str, Counts); 9] = [
    ("atm_cash", Counts::AtmCash),
    ("agent_cash", Counts::AgentCash),
    ("branch_cash", Counts::BranchCash),
    ("purchase", Counts::Purchase),
    ("contactless", Counts::Contactless),
    ("ecommerce", Counts::Ecommerce),
    ("transfer", Counts::Transfer),
    ("cash_in", Counts::CashIn),
    ("all", Counts::All),
];

/// Keys that narrow a limit to named things.
const ONLY: [(&str, Dimension); 9] = [
    ("cards", Dimension::Card),
    ("accounts", Dimension::Account),
    ("customers", Dimension::Customer),
    ("products", Dimension::Product),
    ("tiers", Dimension::Tier),
    ("devices", Dimension::Device),
    ("agents", Dimension::Agent),
    ("merchants", Dimension::Merchant),
    ("networks", Dimension::Network),
];

const KEYS: [&str; 22] = [
    "id",
    "scope",
    "counts",
    "measure",
    "window",
    "ceiling",
    "valid_from",
    "valid_until",
    "mcc",
    "countries",
    "hours",
    "code",
    "layer",
    "cards",
    "accounts",
    "customers",
    "products",
    "tiers",
    "devices",
    "agents",
    "merchants",
    "networks",
];

/// Named lists of codes.
type Groups = Vec<(String, Vec<u16>)>;

pub(super) fn limits(top: &Section<'_>, found: &mut Findings<'_>) -> Vec<LimitRule> {
    let categories = groups(top, ("mcc_group", "codes"), mcc_of, found);
    let countries = groups(top, ("country_group", "countries"), country_of, found);
    let mut limits: Vec<LimitRule> = Vec::new();
    for table in top.tables("limit", &KEYS, found) {
        if let Some(limit) = limit(&table, (&categories, &countries), found) {
            if let Some(first) = limits.iter().find(|other| other.id == limit.id) {
                let message = format!("\"{}\" is already on line {}", limit.id, first.at.line);
                table.wrong("id", message, found);
            }
            limits.push(limit);
        }
    }
    if limits.len() > usize::from(u16::MAX) / 2 {
        top.wrong("limit", "there are too many limits", found);
    }
    limits
}

fn limit(
    table: &Section<'_>,
    (categories, country_groups): (&Groups, &Groups),
    found: &mut Findings<'_>,
) -> Option<LimitRule> {
    for key in ["id", "scope", "counts", "window", "ceiling"] {
        table.need(key, found);
    }
    let measures = [Measure::Amount, Measure::Count].map(|measure| (measure.name(), measure));
    let windows = Window::ALL.map(|window| (window.name(), window));
    let id = table.text("id", found);
    let scope = scope(table, found);
    let counts = table.one_of("counts", &COUNTS, found);
    let measure = match table.get("measure") {
        Some(_) => table.one_of("measure", &measures, found),
        None => Some(Measure::Amount),
    };
    let window = table.one_of("window", &windows, found);
    let ceiling = measure.and_then(|measure| ceiling(table, measure, found));
    let (valid_from, valid_until) =
        (table.date("valid_from", found), table.date("valid_until", found));
    if valid_from.zip(valid_until).is_some_and(|(from, until)| until < from) {
        table.wrong("valid_until", "is before valid_from", found);
    }
    if (measure, window) == (Some(Measure::Count), Some(Window::Transaction)) {
        table.wrong("window", "one transaction is always one; count over a longer window", found);
    }
    let mcc = codes(table, "mcc", categories, mcc_of, found);
    let countries = codes(table, "countries", country_groups, country_of, found);
    let hours = hours(table, found);
    let only = only(table, found);
    let code = response_code(table, "code", found);
    let layer = layer(table, found);
    let (id, measure) = (id?, measure?);
    let default = match measure {
        Measure::Amount => "61",
        Measure::Count => "65",
    };
    Some(LimitRule {
        id: id.to_owned(),
        scope: scope?,
        counts: counts?,
        measure,
        window: window?,
        ceiling: ceiling?,
        valid_from,
        valid_until,
        mcc,
        countries,
        hours,
        only,
        code: code.or_else(|| ResponseCode::new(default))?,
        layer,
        at: found.place(table.start),
    })
}

fn scope(table: &Section<'_>, found: &mut Findings<'_>) -> Option<Scope> {
    let names = Dimension::ALL.map(|dimension| (dimension.name(), dimension));
    let texts = table.texts("scope", found);
    let mut dimensions = Vec::new();
    for (text, start) in &texts {
        match choice(text, &names) {
            Ok(dimension) if dimensions.contains(&dimension) => {
                let message = format!("\"{text}\" is there twice");
                found.add(*start, &table.key("scope"), message);
            }
            Ok(dimension) => dimensions.push(dimension),
            Err(message) => found.add(*start, &table.key("scope"), message),
        }
    }
    if table.get("scope").is_some() && texts.is_empty() {
        table.wrong("scope", "must name what the limit is kept for", found);
    }
    if dimensions.len() > Scope::MAX_CROSSED {
        let message = format!("at most {} may be crossed", Scope::MAX_CROSSED);
        table.wrong("scope", message, found);
    }
    (!dimensions.is_empty()).then(|| Scope::of(&dimensions))
}

fn ceiling(table: &Section<'_>, measure: Measure, found: &mut Findings<'_>) -> Option<u64> {
    let ceiling = match measure {
        Measure::Amount => table.amount("ceiling", found)?,
        Measure::Count => table.count("ceiling", found)?,
    };
    if ceiling > VALUE_MAX {
        table.wrong("ceiling", "is more than a counter holds", found);
    }
    Some(ceiling)
}

fn layer(table: &Section<'_>, found: &mut Findings<'_>) -> Layer {
    let layers = [("bank", Layer::Bank), ("card", Layer::Card), ("cardholder", Layer::Cardholder)];
    if table.get("layer").and_then(|value| value.get_ref().as_str()) == Some("regulation") {
        let message = "the regulation's limits are not entered here; they are rules CTL and AGT";
        table.wrong("layer", message, found);
        return Layer::Bank;
    }
    table.one_of("layer", &layers, found).unwrap_or_default()
}

fn only(table: &Section<'_>, found: &mut Findings<'_>) -> Vec<(Dimension, Vec<String>)> {
    let mut only = Vec::new();
    for (key, dimension) in ONLY {
        let ids: Vec<String> =
            table.texts(key, found).into_iter().map(|(text, _)| text.to_owned()).collect();
        if !ids.is_empty() {
            only.push((dimension, ids));
        } else if matches!(table.get(key).map(|value| value.get_ref()), Some(DeValue::Array(_))) {
            table.wrong(key, "an empty list would let the limit apply to nothing", found);
        }
    }
    only
}

fn groups(
    top: &Section<'_>,
    (name, list): (&str, &str),
    read: fn(&str) -> Result<Vec<u16>, String>,
    found: &mut Findings<'_>,
) -> Groups {
    let mut groups: Groups = Vec::new();
    for table in top.tables(name, &["id", list], found) {
        table.need("id", found);
        table.need(list, found);
        let codes = codes(&table, list, &Vec::new(), read, found);
        if let Some(id) = table.text("id", found) {
            if groups.iter().any(|(other, _)| other == id) {
                table.wrong("id", format!("there is a group \"{id}\" already"), found);
            }
            groups.push((id.to_owned(), codes));
        }
    }
    groups
}

/// Codes, ranges of them and groups, as a sorted list of codes.
fn codes(
    table: &Section<'_>,
    key: &str,
    groups: &Groups,
    read: fn(&str) -> Result<Vec<u16>, String>,
    found: &mut Findings<'_>,
) -> Vec<u16> {
    let mut codes = Vec::new();
    let texts = table.texts(key, found);
    for (text, start) in &texts {
        let group = groups.iter().find(|(id, _)| id == text);
        match group.map_or_else(|| read(text), |(_, codes)| Ok(codes.clone())) {
            Ok(more) => codes.extend(more),
            Err(message) => found.add(*start, &table.key(key), message),
        }
    }
    if texts.is_empty() && matches!(table.get(key).map(|v| v.get_ref()), Some(DeValue::Array(_))) {
        table.wrong(key, "an empty list would mean all; leave the key out for that", found);
    }
    codes.sort_unstable();
    codes.dedup();
    codes
}

/// `[restricted]` (LIM-6): `countries` and `mcc`, with groups as limits name them.
pub(super) fn restricted(top: &Section<'_>, found: &mut Findings<'_>) -> Restricted {
    let table = top.get("restricted");
    let table = table.and_then(|t| Section::of(t, "restricted", &["countries", "mcc"], found));
    let Some(table) = table else { return Restricted::default() };
    // What is wrong with the groups themselves is said where limits are read.
    let mut said = Findings::new("", "");
    let categories = groups(top, ("mcc_group", "codes"), mcc_of, &mut said);
    let countries = groups(top, ("country_group", "countries"), country_of, &mut said);
    Restricted {
        countries: codes(&table, "countries", &countries, country_of, found),
        mcc: codes(&table, "mcc", &categories, mcc_of, found),
    }
}

fn mcc_of(text: &str) -> Result<Vec<u16>, String> {
    let code = |text: &str| {
        let digits = text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u16>().ok().filter(|code| digits && *code > 0)
    };
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    match code(from).zip(code(to)) {
        Some((from, to)) if from <= to => Ok((from..=to).collect()),
        _ => Err(format!(
            "\"{text}\" is no category such as \"5411\", no range such as \"3000-3299\" and no \
             [[mcc_group]]"
        )),
    }
}

fn country_of(text: &str) -> Result<Vec<u16>, String> {
    country_numeric(text).map(|code| vec![code]).ok_or_else(|| {
        format!("\"{text}\" is no country such as \"KG\" or \"417\" and no [[country_group]]")
    })
}

fn hours(table: &Section<'_>, found: &mut Findings<'_>) -> Vec<Hours> {
    let mut hours = Vec::new();
    for (text, start) in table.texts("hours", found) {
        let parts = text.split_once('-').and_then(|(from, until)| {
            Some(Hours { from: minute_of(from)?, until: minute_of(until)? })
        });
        match parts {
            Some(part) if part.from < 1440 && part.from != part.until => hours.push(part),
            _ => {
                let message = format!("\"{text}\" are no hours such as \"22:00-06:00\"");
                found.add(start, &table.key("hours"), message);
            }
        }
    }
    hours
}

fn minute_of(text: &str) -> Option<u16> {
    let (hour, minute) = text.trim().split_once(':')?;
    let two = |text: &str| {
        let digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u16>().ok().filter(|_| digits)
    };
    let (hour, minute) = (two(hour)?, two(minute)?);
    let of_day = hour * 60 + minute;
    (minute < 60 && of_day <= 1440).then_some(of_day)
}
