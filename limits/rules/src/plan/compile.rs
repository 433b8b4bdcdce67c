//! From a rule set to a plan: names become indexes, unknown ones errors.

use super::limit::Limit;
use super::networks::{Entry, Networks};
use super::overdraft::Overdrafts;
use super::{Plan, Regulation};
use crate::fees::{FeeEntry, FeeTable};
use crate::rule_set::{LimitRule, Place, RegulatedRule, RuleError, RuleSet};
use crate::security::SecurityTerms;
use crate::{Dimension, Edition, Names, Operation, TierLimits};
use dense::Index;
use payment_types::{BusinessDate, ResponseCode};

impl Plan {
    /// Compiles a rule set.
    ///
    /// # Errors
    /// Every name the registers do not know, with its place in the rule set's file.
    pub fn compile(rules: &RuleSet, names: &dyn Names) -> Result<Self, Vec<RuleError>> {
        let mut compiler = Compiler { rules, names, errors: Vec::new() };
        let limits: Vec<Limit> = rules.limits.iter().map(|rule| compiler.limit(rule)).collect();
        let by_operation = (0..Operation::COUNT).map(|bit| {
            let counting = (0u16..).zip(&limits).filter(|(_, l)| l.operations >> bit & 1 == 1);
            counting.map(|(at, _)| at).collect()
        });
        let by_operation = by_operation.collect();
        let regulation = compiler.regulation();
        let networks = compiler.networks();
        let fees = compiler.fees();
        let security = compiler.security();
        let notified_products = compiler.notified_products();
        let overdrafts = Overdrafts::compile(&rules.technical_overdraft, |id, key, place| {
            compiler.index((Dimension::Product, id), key, place)
        });
        if !compiler.errors.is_empty() {
            return Err(compiler.errors);
        }
        let (version, calendar) = (rules.version.as_str().into(), rules.calendar.clone());
        let mark = mark_of(rules.source());
        Ok(Self {
            version,
            mark,
            limits,
            by_operation,
            regulation,
            networks,
            fees,
            notified_products,
            security,
            calendar,
            overdrafts,
        })
    }
}

/// A number for a text; never zero.
fn mark_of(text: &str) -> u64 {
    let mixed = text.bytes().fold(1, |mark, byte| Index::mix(mark ^ u64::from(byte)));
    mixed | 1
}

struct Compiler<'a> {
    rules: &'a RuleSet,
    names: &'a dyn Names,
    errors: Vec<RuleError>,
}

impl Compiler<'_> {
    fn index(&mut self, what: (Dimension, &str), key: &str, line: (u32, u32)) -> u32 {
        let (dimension, id) = what;
        self.names.index(dimension, id).unwrap_or_else(|| {
            self.errors.push(RuleError {
                file: self.rules.file.to_string(),
                line: line.0,
                column: line.1,
                key: key.to_owned(),
                message: format!("there is no {} \"{id}\"", dimension.name()),
                clause: None,
            });
            u32::MAX
        })
    }

    fn limit(&mut self, rule: &LimitRule) -> Limit {
        let at = (rule.at.line, rule.at.column);
        let mut only = Vec::new();
        for (dimension, ids) in &rule.only {
            let key = format!("limit \"{}\"", rule.id);
            let ids = ids.iter().map(|id| self.index((*dimension, id), &key, at));
            let mut indexes: Vec<u32> = ids.collect();
            indexes.sort_unstable();
            only.push((*dimension, indexes.into()));
        }
        // A list of categories or countries is one group, counted together.
        let mut scope = rule.scope;
        for (dimension, list) in
            [(Dimension::Mcc, &rule.mcc), (Dimension::Country, &rule.countries)]
        {
            scope = if list.is_empty() { scope } else { scope.without(dimension) };
        }
        let (first, last) = (BusinessDate::from_days(i32::MIN), BusinessDate::from_days(i32::MAX));
        let is_plain = only.is_empty()
            && rule.mcc.is_empty()
            && rule.countries.is_empty()
            && rule.hours.is_empty()
            && scope.iter_optional().next().is_none();
        Limit {
            id: rule.id.as_str().into(),
            scope,
            counts: rule.counts,
            measure: rule.measure,
            window: rule.window,
            ceiling: rule.ceiling,
            code: rule.code,
            operations: rule.counts.operations(),
            valid: (rule.valid_from.unwrap_or(first), rule.valid_until.unwrap_or(last)),
            hours: rule.hours.as_slice().into(),
            mcc: rule.mcc.as_slice().into(),
            countries: rule.countries.as_slice().into(),
            only: only.into(),
            is_plain,
        }
    }

    fn regulation(&mut self) -> Regulation {
        let rules = self.rules;
        let mut tiers: Vec<TierLimits> = Vec::new();
        for (name, limits) in &rules.contactless.tiers {
            let at = self.index((Dimension::Tier, name), "contactless.tier", (1, 1)) as usize;
            if at < usize::from(u16::MAX) {
                tiers.resize(tiers.len().max(at + 1), TierLimits::default());
                if let Some(place) = tiers.get_mut(at) {
                    *place = *limits;
                }
            }
        }
        let mut lower_caps = Vec::new();
        for cap in &rules.agent_cash.lower {
            let line = (cap.at.line, cap.at.column);
            let key = format!("agent_cash.{}.id", cap.list);
            let index = self.index((cap.scope, &cap.id), &key, line);
            lower_caps.push((cap.scope, index, cap.cap_indicators));
        }
        let indicators = rules.indicators.iter().map(|entry| (entry.valid_from, entry.value));
        Regulation {
            indicators: indicators.collect(),
            contactless: self.editions(RegulatedRule::Contactless),
            agent_cash: self.editions(RegulatedRule::AgentCash),
            tiers: tiers.into(),
            cdcvm_counts_as_pin: rules.contactless.cdcvm_counts_as_pin,
            pin_request_code: rules.contactless.pin_request_code,
            cap_code: ResponseCode::new("61"),
            cap_indicators: rules.agent_cash.cap_indicators,
            lower_caps: lower_caps.into(),
        }
    }

    fn editions(&self, rule: RegulatedRule) -> Box<[(BusinessDate, Edition)]> {
        let of_rule = self.rules.editions.iter().filter(|entry| entry.rule == rule);
        of_rule.map(|entry| (entry.in_force_from, entry.edition)).collect()
    }

    fn networks(&mut self) -> Networks {
        let mut networks = Networks::default();
        for network in &self.rules.networks {
            let index = self.index((Dimension::Network, &network.name), "network.name", (1, 1));
            let entry = Entry {
                network: index,
                valid_from: network.valid_from,
                cancelled_at: network.cancelled_at,
            };
            networks.add(entry, network.bins.iter().map(String::as_str));
        }
        networks
    }

    fn notified_products(&mut self) -> Box<[u32]> {
        let Some(fee) = &self.rules.notification_fee else { return Box::default() };
        let at = (fee.at.line, fee.at.column);
        let index = |id: &String| self.index((Dimension::Product, id), "notification_fee", at);
        let mut products: Vec<u32> = fee.products.iter().map(index).collect();
        products.sort_unstable();
        products.into()
    }

    fn security(&mut self) -> SecurityTerms {
        let mut terms = SecurityTerms::default();
        for check in &self.rules.chip_checks {
            let key = format!("chip_check \"{}\"", check.id);
            let product = self.product(check.product.as_deref(), &key, check.at);
            terms.checks.push((product, check.test, check.id.as_str().into()));
        }
        for entry in &self.rules.stand_in {
            let product = self.product(entry.product.as_deref(), "stand_in", entry.at);
            terms.stand_in.push((product, entry.terms));
        }
        terms
    }

    fn product(&mut self, id: Option<&str>, key: &str, at: Place) -> Option<u32> {
        id.map(|id| self.index((Dimension::Product, id), key, (at.line, at.column)))
    }

    fn fees(&mut self) -> FeeTable {
        let mut entries = Vec::new();
        for fee in &self.rules.fees {
            let at = (fee.at.line, fee.at.column);
            let key = format!("fee \"{}\"", fee.id);
            let mut named = |dimension, id: &Option<String>| {
                id.as_ref().map(|id| self.index((dimension, id), &key, at))
            };
            let network = named(Dimension::Network, &fee.network);
            let product = named(Dimension::Product, &fee.product);
            entries.push(FeeEntry {
                id: fee.id.as_str().into(),
                operation: fee.operation,
                on_us: fee.on_us,
                channel: fee.channel,
                network,
                product,
                terms: fee.terms,
            });
        }
        FeeTable::new(entries)
    }
}
