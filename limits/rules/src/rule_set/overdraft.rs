//! `[technical_overdraft]`: interest, block policy, order of repayment, sweep (TOD-3, TOD-4, TOD-6,
//! BAL-5). `[[technical_overdraft.product]]` changes some of it for one product.

use super::error::Place;
use super::reader::{Findings, Section};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// `[technical_overdraft]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TechnicalOverdraft {
    /// Percent a year, with at most six decimals.
    pub annual_rate: Decimal,
    /// How many days a year has.
    pub day_count: DayCount,
    /// When the card is blocked.
    pub block: BlockPolicy,
    /// The order in which a credit repays the parts of the debt (BAL-5).
    pub repayment_order: [RepaidPart; 3],
    /// The products of the customer's other accounts from which it is taken at the end of a day,
    /// in this order (TOD-6); empty is off.
    pub sweep_from: Vec<String>,
    /// What is otherwise for one product.
    pub products: Vec<ProductOverdraft>,
}

/// `[[technical_overdraft.product]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProductOverdraft {
    /// The product's id.
    pub id: String,
    /// Its terms, whole: what its table does not say is the general one's.
    pub terms: TechnicalOverdraft,
    pub(crate) at: Place,
}

/// A part of a debt, as the repayment order names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RepaidPart {
    /// Interest (TOD-3).
    #[default]
    Interest,
    /// Service fees and their penalty (TOD-7).
    Fee,
    /// The rest.
    Principal,
}

impl RepaidPart {
    /// BAL-5: the order unless the product says otherwise.
    pub const USUAL: [Self; 3] = [Self::Interest, Self::Fee, Self::Principal];
}

/// The day count of interest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DayCount {
    /// actual/365.
    #[default]
    Actual365,
    /// actual/360.
    Actual360,
}

impl DayCount {
    /// Days in the year of the day count.
    #[must_use]
    pub const fn days(self) -> u32 {
        match self {
            Self::Actual365 => 365,
            Self::Actual360 => 360,
        }
    }
}

/// When a technical overdraft blocks the card (TOD-4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BlockPolicy {
    /// Above this amount, in minor units of the account's currency.
    pub amount_above: Option<u64>,
    /// From this many openings ...
    pub openings: Option<u64>,
    /// ... within this many days.
    pub within_days: Option<u64>,
    /// When unpaid past its deadline.
    pub when_overdue: bool,
    /// Whether repayment lifts the policy's own block (TOD-5).
    pub lift_on_repayment: bool,
}

const PATH: &str = "technical_overdraft";
/// What interest is carried exactly for.
const RATE_DECIMALS: u32 = 6;

pub(super) fn technical_overdraft(
    top: &Section<'_>,
    found: &mut Findings<'_>,
) -> TechnicalOverdraft {
    let known = ["annual_rate", "day_count", "block", "repayment_order", "sweep_from", "product"];
    let none =
        TechnicalOverdraft { repayment_order: RepaidPart::USUAL, ..TechnicalOverdraft::default() };
    let table = top.get(PATH).and_then(|table| Section::of(table, PATH, &known, found));
    let Some(table) = table else { return none };
    let mut terms = terms(&table, &none, found);
    let known = ["id", "annual_rate", "day_count", "block", "repayment_order", "sweep_from"];
    let mut products: Vec<ProductOverdraft> = Vec::new();
    for section in table.tables("product", &known, found) {
        section.need("id", found);
        let Some(id) = section.text("id", found) else { continue };
        if products.iter().any(|other| other.id == id) {
            section.wrong("id", format!("\"{id}\" has its terms already"), found);
        }
        let at = found.place(section.start);
        let terms = self::terms(&section, &terms, found);
        products.push(ProductOverdraft { id: id.to_owned(), terms, at });
    }
    terms.products = products;
    terms
}

fn terms(
    table: &Section<'_>,
    general: &TechnicalOverdraft,
    found: &mut Findings<'_>,
) -> TechnicalOverdraft {
    let day_counts = [("actual/365", DayCount::Actual365), ("actual/360", DayCount::Actual360)];
    let rate = table.decimal("annual_rate", 1000, found);
    if rate.is_some_and(|rate| rate.normalize().scale() > RATE_DECIMALS) {
        table.wrong("annual_rate", format!("has more than {RATE_DECIMALS} decimals"), found);
    }
    let mut sweep_from = general.sweep_from.clone();
    if table.get("sweep_from").is_some() {
        sweep_from.clear();
        for (id, start) in table.texts("sweep_from", found) {
            if sweep_from.iter().any(|other| other == id) {
                found.add(start, &table.key("sweep_from"), format!("\"{id}\" is there twice"));
            }
            sweep_from.push(id.to_owned());
        }
    }
    TechnicalOverdraft {
        annual_rate: rate.unwrap_or(general.annual_rate),
        day_count: table.one_of("day_count", &day_counts, found).unwrap_or(general.day_count),
        block: block_policy(table, found).unwrap_or(general.block),
        repayment_order: repayment_order(table, found).unwrap_or(general.repayment_order),
        sweep_from,
        products: Vec::new(),
    }
}

fn repayment_order(table: &Section<'_>, found: &mut Findings<'_>) -> Option<[RepaidPart; 3]> {
    table.get("repayment_order")?;
    let names = [
        ("interest", RepaidPart::Interest),
        ("fee", RepaidPart::Fee),
        ("principal", RepaidPart::Principal),
    ];
    let texts = table.texts("repayment_order", found);
    let parts: Vec<RepaidPart> = texts
        .iter()
        .filter_map(|(text, _)| names.iter().find(|(name, _)| name == text))
        .map(|(_, part)| *part)
        .collect();
    let order = <[RepaidPart; 3]>::try_from(parts).ok().filter(|[first, second, third]| {
        texts.len() == 3 && first != second && second != third && first != third
    });
    if order.is_none() {
        let message = "must be interest, fee and principal, each once, in the order of repayment";
        table.wrong("repayment_order", message, found);
    }
    order
}

fn block_policy(table: &Section<'_>, found: &mut Findings<'_>) -> Option<BlockPolicy> {
    let known = ["amount_above", "openings", "within_days", "when_overdue", "lift_on_repayment"];
    let path = table.key("block");
    let block = table.get("block").and_then(|block| Section::of(block, path, &known, found))?;
    let policy = BlockPolicy {
        amount_above: block.amount_or_zero("amount_above", found),
        openings: block.count("openings", found),
        within_days: block.count("within_days", found),
        when_overdue: block.boolean("when_overdue", found).unwrap_or_default(),
        lift_on_repayment: block.boolean("lift_on_repayment", found).unwrap_or_default(),
    };
    if block.get("openings").is_some() != block.get("within_days").is_some() {
        let (has, lacks) = if block.get("openings").is_some() {
            ("openings", "within_days")
        } else {
            ("within_days", "openings")
        };
        block.wrong(has, format!("needs {lacks} beside it"), found);
    }
    if policy.within_days.is_some_and(|days| days > 366) {
        block.wrong("within_days", "must be at most 366", found);
    }
    if policy.openings.is_some_and(|openings| openings > 64) {
        block.wrong("openings", "must be at most 64", found);
    }
    Some(policy)
}
