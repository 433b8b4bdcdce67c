//! The rule set in force: its text, which is stored, and what is compiled from it.

use crate::State;
use crate::directory::{Directory, Ids};
use compact_str::CompactString;
use limits::{CardLimit, Dimension, Names, Plan, RuleSet};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Before the first rule set is installed: the regulation as it is in force, and no limit of the
/// bank's own.
const BUILT_IN: &str = "version = \"none\"\n";

/// The rule set in force.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Rules {
    pub(crate) text: String,
    pub(crate) installed: bool,
    #[serde(skip)]
    pub(crate) compiled: Compiled,
}

/// What is compiled from the text, shared with snapshots.
#[derive(Clone)]
pub(crate) struct Compiled {
    pub(crate) set: Arc<RuleSet>,
    pub(crate) plan: Arc<Plan>,
}

impl Default for Compiled {
    fn default() -> Self {
        let nobody = Registers { directory: &Directory::default(), networks: &Ids::default() };
        let compiled = RuleSet::parse(BUILT_IN, "built-in")
            .and_then(|set| Ok((Plan::compile(&set, &nobody)?, set)));
        let (plan, set) =
            compiled.unwrap_or_else(|_| unreachable!("the built-in rule set is valid"));
        Self { set: Arc::new(set), plan: Arc::new(plan) }
    }
}

impl Default for Rules {
    fn default() -> Self {
        Self { text: BUILT_IN.to_owned(), installed: false, compiled: Compiled::default() }
    }
}

/// What a rule set's names refer to.
struct Registers<'a> {
    directory: &'a Directory,
    networks: &'a Ids,
}

/// A rule set read and compiled, with the names that it brings: not in force yet.
pub(crate) struct Compiling {
    text: String,
    compiled: Compiled,
    /// The registers with the names that only this rule set knows; `None` if it brings none.
    registers: Option<(Directory, Ids)>,
}

impl Names for Registers<'_> {
    fn index(&self, dimension: Dimension, id: &str) -> Option<u32> {
        match dimension {
            Dimension::Card => self.directory.card_position(id),
            Dimension::Account => self.directory.account_position(id),
            Dimension::Customer => self.directory.customer_position(id),
            Dimension::Product => self.directory.product_position(id),
            Dimension::Tier => self.directory.tier_position(id),
            Dimension::Device => self.directory.terminal_position(id),
            Dimension::Agent => self.directory.agent_position(id),
            Dimension::Merchant => self.directory.merchant_position(id),
            Dimension::Network => self.networks.find(id),
            Dimension::Mcc | Dimension::Country => None,
        }
    }
}

impl State {
    /// Puts a rule set in force. Tiers and networks that only it names get a position.
    ///
    /// # Errors
    /// Everything that is wrong with it, one line each; nothing has changed.
    pub(crate) fn install_rules(&mut self, text: &str) -> Result<CompactString, Vec<String>> {
        let compiling = self
            .compile_rules(text, "rules.toml")
            .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>())?;
        Ok(self.put_rules(compiling))
    }

    /// Reads and compiles a rule set without putting it in force; `file` is what errors call it.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub(crate) fn compile_rules(
        &self,
        text: &str,
        file: &str,
    ) -> Result<Compiling, Vec<limits::RuleError>> {
        let set = RuleSet::parse(text, file)?;
        let brings = set.tier_names().any(|tier| self.directory.tier_position(tier).is_none())
            || set.network_names().any(|network| self.networks.find(network).is_none());
        let registers = brings.then(|| {
            let (mut directory, mut networks) = (self.directory.clone(), self.networks.clone());
            for tier in set.tier_names() {
                directory.tiers.add(&CompactString::from(tier));
            }
            for network in set.network_names() {
                networks.add(&CompactString::from(network));
            }
            (directory, networks)
        });
        let (directory, networks) = match &registers {
            Some((directory, networks)) => (directory, networks),
            None => (&self.directory, &self.networks),
        };
        let plan = Plan::compile(&set, &Registers { directory, networks })?;
        let compiled = Compiled { set: Arc::new(set), plan: Arc::new(plan) };
        Ok(Compiling { text: text.to_owned(), compiled, registers })
    }

    /// Puts a compiled rule set in force. What was counted stays counted (AGT-9).
    pub(crate) fn put_rules(&mut self, compiling: Compiling) -> CompactString {
        let Compiling { text, compiled, registers } = compiling;
        if let Some((directory, networks)) = registers {
            (self.directory, self.networks) = (directory, networks);
        }
        let version = CompactString::from(compiled.set.version.as_str());
        self.rules = Rules { text, installed: true, compiled };
        self.install_plan();
        version
    }

    /// Puts a rule set in force without a command, for what never was: previews and shadows. The
    /// state is not the journal's any more.
    ///
    /// # Errors
    /// Everything that is wrong with it, one line each; nothing has changed.
    pub fn suppose_rules(&mut self, text: &str) -> Result<(), Vec<String>> {
        self.install_rules(text).map(drop)
    }

    /// Compiles the rule set again: after loading, and when a portfolio brought names for it.
    pub(crate) fn recompile(&mut self) -> Result<(), String> {
        let text = self.rules.text.clone();
        let first = |errors: Vec<limits::RuleError>| {
            errors.first().map(ToString::to_string).unwrap_or_default()
        };
        let set = RuleSet::parse(&text, "rules.toml").map_err(first)?;
        let names = Registers { directory: &self.directory, networks: &self.networks };
        let plan = Plan::compile(&set, &names).map_err(first)?;
        self.rules.compiled = Compiled { set: Arc::new(set), plan: Arc::new(plan) };
        self.install_plan();
        Ok(())
    }

    fn install_plan(&mut self) {
        let plan = Arc::clone(&self.rules.compiled.plan);
        self.usage.install(&plan);
        for (card, items) in std::mem::take(&mut self.card_limits) {
            self.set_card_limits(card, &items);
            self.card_limits.push((card, items));
        }
        let cards: Vec<u32> = self.settings.keys().copied().collect();
        cards.into_iter().for_each(|card| self.apply_settings(card));
    }

    /// A card's own ceilings; those of limits the rule set does not know wait for one that does.
    pub(crate) fn set_card_limits(&mut self, card: u32, items: &[crate::CardLimitItem]) {
        let plan = Arc::clone(&self.rules.compiled.plan);
        let known = known_limits(&plan, items);
        if !known.is_empty() {
            self.usage.set_card_limits(card, &known, &plan);
        }
    }
}

/// Ceilings of a card for the limits that the plan knows.
pub(crate) fn known_limits(plan: &Plan, items: &[crate::CardLimitItem]) -> Vec<CardLimit> {
    let known = items.iter().filter_map(|item| {
        let ceiling = plan.parse_ceiling(plan.limit_named(&item.limit)?, &item.ceiling)?;
        Some(CardLimit {
            limit: item.limit.to_string(),
            ceiling,
            valid_from: item.valid_from,
            valid_until: item.valid_until,
        })
    });
    known.collect()
}
