//! `[[fee]]` (AMT-4): reading the table, and what is wrong with it as a whole.

use super::reader::{Findings, Section};
use super::{Fee, NotificationFee, RuleSet};
use crate::{FeeOperation, FeeTerms};
use payment_types::DeviceCategory;
use std::collections::BTreeSet;

const KEYS: [&str; 10] =
    ["id", "operation", "on_us", "channel", "network", "product", "percent", "fixed", "min", "max"];

const CHANNELS: [DeviceCategory; 5] = [
    DeviceCategory::Merchant,
    DeviceCategory::Agent,
    DeviceCategory::Atm,
    DeviceCategory::Branch,
    DeviceCategory::Ecommerce,
];

pub(super) fn fees(top: &Section<'_>, found: &mut Findings<'_>) -> Vec<Fee> {
    let mut fees: Vec<Fee> = Vec::new();
    for table in top.tables("fee", &KEYS, found) {
        let Some(fee) = fee(&table, found) else { continue };
        if fees.iter().any(|other| other.id == fee.id) {
            table.wrong("id", format!("there is a fee \"{}\" already", fee.id), found);
        }
        for other in fees.iter().filter(|other| is_ambiguous(other, &fee)) {
            let message = format!(
                "\"{}\" and \"{}\" (line {}) overlap: both are for {}, and neither is narrower",
                fee.id,
                other.id,
                other.at.line,
                both(other, &fee)
            );
            table.wrong("operation", message, found);
        }
        fees.push(fee);
    }
    fees
}

fn fee(table: &Section<'_>, found: &mut Findings<'_>) -> Option<Fee> {
    table.need("id", found);
    table.need("operation", found);
    let id = table.text("id", found).map(str::to_owned);
    let operation = table.one_of("operation", &FeeOperation::NAMES, found);
    let channels = CHANNELS.map(|category| (category.name(), category));
    let channel = table.one_of("channel", &channels, found);
    if let (Some(operation), Some(channel)) = (operation, channel)
        && !operation.channels().contains(&channel)
    {
        let message = format!("{} is never done at that device", operation.name());
        table.wrong("channel", message, found);
    }
    let (min, max) = (table.amount_or_zero("min", found), table.amount("max", found));
    if min.zip(max).is_some_and(|(min, max)| max < min) {
        table.wrong("max", "is less than min", found);
    }
    let fee = Fee {
        id: id.clone().unwrap_or_default(),
        operation: operation?,
        on_us: table.boolean("on_us", found),
        channel,
        network: table.text("network", found).map(str::to_owned),
        product: table.text("product", found).map(str::to_owned),
        terms: FeeTerms {
            percent: table.decimal("percent", 100, found).unwrap_or_default(),
            fixed: table.amount_or_zero("fixed", found).unwrap_or_default(),
            min,
            max,
        },
        at: found.place(table.start),
    };
    id.map(|_| fee)
}

/// `[notification_fee]` (AMT-5).
pub(super) fn notification_fee(
    top: &Section<'_>,
    found: &mut Findings<'_>,
) -> Option<NotificationFee> {
    let (path, known) = ("notification_fee", ["amount", "day", "products"]);
    let table = Section::of(top.get(path)?, path, &known, found)?;
    for key in known {
        table.need(key, found);
    }
    let amount = table.amount("amount", found);
    let day = table.count("day", found);
    let named = day.and_then(|day| u8::try_from(day).ok()).filter(|day| *day <= 28);
    if day.is_some() && named.is_none() {
        table.wrong("day", "must be from 1 to 28, which every month has", found);
    }
    let products = table.texts("products", found);
    let products = products.into_iter().map(|(id, _)| id.to_owned()).collect();
    Some(NotificationFee { amount: amount?, day: named?, products, at: found.place(table.start) })
}

/// Whether two conditions can hold at once, and whether the first holds only where the second does.
fn compare<T: PartialEq>(a: Option<&T>, b: Option<&T>) -> (bool, bool) {
    match (a, b) {
        (_, None) => (true, true),
        (None, Some(_)) => (true, false),
        (Some(a), Some(b)) => (a == b, a == b),
    }
}

fn relations(a: &Fee, b: &Fee) -> [(bool, bool); 5] {
    [
        (a.operation.meets(b.operation), a.operation.within(b.operation)),
        compare(a.on_us.as_ref(), b.on_us.as_ref()),
        compare(a.channel.as_ref(), b.channel.as_ref()),
        compare(a.network.as_ref(), b.network.as_ref()),
        compare(a.product.as_ref(), b.product.as_ref()),
    ]
}

/// Both may fit a request, and neither is narrower than the other.
fn is_ambiguous(a: &Fee, b: &Fee) -> bool {
    let (to, back) = (relations(a, b), relations(b, a));
    let meet = to.iter().all(|(meets, _)| *meets);
    let (within, around) = (to.iter().all(|part| part.1), back.iter().all(|part| part.1));
    meet && within == around
}

/// What two entries are both for, in words.
fn both(a: &Fee, b: &Fee) -> String {
    let wide = |fee: &Fee| matches!(fee.operation, FeeOperation::All | FeeOperation::Contactless);
    let operation = if wide(a) { b.operation } else { a.operation };
    words(
        operation,
        a.on_us.or(b.on_us),
        a.channel.or(b.channel),
        a.network.as_deref().or(b.network.as_deref()),
        a.product.as_deref().or(b.product.as_deref()),
    )
}

fn words(
    operation: FeeOperation,
    on_us: Option<bool>,
    channel: Option<DeviceCategory>,
    network: Option<&str>,
    product: Option<&str>,
) -> String {
    let mut words = vec![operation.name().to_owned()];
    words.extend(on_us.map(|on_us| if on_us { "on us" } else { "off us" }.to_owned()));
    words.extend(channel.map(|channel| format!("at {}", channel.name())));
    words.extend(network.map(|network| format!("network {network}")));
    words.extend(product.map(|product| format!("product {product}")));
    words.join(", ")
}

impl RuleSet {
    /// The gaps of the fee table: for an operation that has fees, the requests that none of its
    /// entries is for, which are therefore free. Each line names the entries there are.
    #[must_use]
    pub fn fee_gaps(&self) -> Vec<String> {
        let operations: BTreeSet<FeeOperation> =
            self.fees.iter().map(|fee| fee.operation).collect();
        operations.into_iter().flat_map(|operation| self.gaps_of(operation)).collect()
    }

    fn gaps_of(&self, operation: FeeOperation) -> Vec<String> {
        let entries: Vec<&Fee> =
            self.fees.iter().filter(|fee| operation.within(fee.operation)).collect();
        let named = |any: bool| if any { 1usize } else { 0 };
        let sides: &[Option<bool>] = match named(entries.iter().any(|fee| fee.on_us.is_some())) {
            0 => &[None],
            _ => &[Some(true), Some(false)],
        };
        let channels: Vec<Option<DeviceCategory>> =
            match entries.iter().any(|fee| fee.channel.is_some()) {
                true => operation.channels().iter().copied().map(Some).collect(),
                false => vec![None],
            };
        let networks = values(&entries, |fee| fee.network.as_deref(), self.network_names());
        let products = values(&entries, |fee| fee.product.as_deref(), std::iter::empty());
        let mut gaps = Vec::new();
        for on_us in sides {
            for channel in &channels {
                for network in &networks {
                    for product in &products {
                        let fits = |fee: &&Fee| {
                            compare(on_us.as_ref(), fee.on_us.as_ref()).1
                                && compare(channel.as_ref(), fee.channel.as_ref()).1
                                && compare(network.as_ref(), fee.network.as_deref().as_ref()).1
                                && compare(product.as_ref(), fee.product.as_deref().as_ref()).1
                        };
                        if !entries.iter().any(fits) {
                            gaps.push(words(operation, *on_us, *channel, *network, *product));
                        }
                    }
                }
            }
        }
        let ids: Vec<String> = entries.iter().map(|fee| format!("\"{}\"", fee.id)).collect();
        let line = |gap: String| format!("no fee is set for {gap}, beside {}", ids.join(", "));
        gaps.into_iter().map(line).collect()
    }
}

/// The values to try for a condition: those known and those named, and one that nothing names.
fn values<'a>(
    entries: &[&'a Fee],
    of: impl Fn(&'a Fee) -> Option<&'a str>,
    known: impl Iterator<Item = &'a str>,
) -> Vec<Option<&'a str>> {
    let named: BTreeSet<&str> = entries.iter().filter_map(|fee| of(fee)).collect();
    if named.is_empty() {
        return vec![None];
    }
    let all: BTreeSet<&str> = named.into_iter().chain(known).chain(["(any other)"]).collect();
    all.into_iter().map(Some).collect()
}
