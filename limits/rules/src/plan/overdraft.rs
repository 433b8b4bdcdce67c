//! The terms of technical overdrafts by product, ready for the end of day.

use crate::rule_set::{BlockPolicy, RepaidPart, TechnicalOverdraft};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

/// What holds for the technical overdrafts of one product's accounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OverdraftTerms {
    /// TOD-3: the annual rate in millionths of a percent.
    pub annual_millionths: u64,
    /// TOD-3: days in a year, 360 or 365.
    pub year: u32,
    /// TOD-4.
    pub block: BlockPolicy,
    /// BAL-5.
    pub repayment_order: [RepaidPart; 3],
    /// TOD-6: the products it may be taken from, in order; empty is off.
    pub sweep_from: Box<[u32]>,
}

/// Terms by product, and those of all others.
#[derive(Debug, Clone)]
pub(super) struct Overdrafts {
    general: OverdraftTerms,
    /// Sorted by product.
    products: Box<[(u32, OverdraftTerms)]>,
}

impl Overdrafts {
    /// `index` gives a product's position by its id and the id of the table that names it.
    pub(super) fn compile(
        terms: &TechnicalOverdraft,
        mut index: impl FnMut(&str, &str, (u32, u32)) -> u32,
    ) -> Self {
        let mut one = |terms: &TechnicalOverdraft, place| {
            let key = "technical_overdraft.sweep_from";
            let millionths = terms.annual_rate * Decimal::from(1_000_000);
            OverdraftTerms {
                annual_millionths: millionths.to_u64().unwrap_or_default(),
                year: terms.day_count.days(),
                block: terms.block,
                repayment_order: terms.repayment_order,
                sweep_from: terms.sweep_from.iter().map(|id| index(id, key, place)).collect(),
            }
        };
        let general = one(terms, (1, 1));
        let mut products: Vec<(String, (u32, u32), OverdraftTerms)> = Vec::new();
        for product in &terms.products {
            let place = (product.at.line, product.at.column);
            products.push((product.id.clone(), place, one(&product.terms, place)));
        }
        let mut products: Vec<(u32, OverdraftTerms)> = products
            .into_iter()
            .map(|(id, place, terms)| (index(&id, "technical_overdraft.product.id", place), terms))
            .collect();
        products.sort_by_key(|(product, _)| *product);
        Self { general, products: products.into() }
    }

    pub(super) fn of(&self, product: u32) -> &OverdraftTerms {
        let at = self.products.binary_search_by_key(&product, |(product, _)| *product);
        at.ok().and_then(|at| self.products.get(at)).map_or(&self.general, |(_, terms)| terms)
    }
}
