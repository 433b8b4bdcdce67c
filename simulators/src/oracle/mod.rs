//! Knows what each answer must be.
//!
//! A small model of the bank, made from the portfolio and the rule set the host was given, and from
//! nothing of the host's own code. Every answer of a load is compared with it, and in the end the
//! books are. What the model does not know, it refuses to judge, by name.
//!
//! It takes the host to be fresh: nothing was spent or counted since the portfolio was imported.

mod books;
mod choose;
mod codes;
mod garble;
mod judge;
#[cfg(test)]
mod judge_tests;
mod lane;
mod proofs;
mod request;
mod rules;
mod storm;
mod world;

use crate::chaos::Chaos;
use crate::device::{KeyScheme, MacDuty};
use crate::load::lane::Talk;
use crate::load::operation::Operation;
use crate::load::popularity::Picker;
use crate::load::slots::stans_of;
use crate::load::{Settings, nanoseconds};
use crate::moment::Zone;
use crate::portfolio::{Portfolio, Terminal};
use crate::report::{ChaosReport, Finding, MoneyReport, OracleReport};
use crate::scenario::http::Http;
use crate::{Endpoint, SimError};
use lane::JudgedLane;
use payment_types::{Moment, Timestamp};
use rules::Rules;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;
use world::{Household, Town};

/// What to judge a load by.
#[derive(Clone)]
pub struct Judging {
    /// The rule set of the host, as in its `rules.toml`.
    pub rules: String,
    /// Where the books can be looked at in the end: the API's address and a token.
    pub api: Option<(String, String)>,
    /// What goes wrong on purpose.
    pub chaos: Option<Chaos>,
    /// The host's day does not end while it is loaded.
    pub clock_stands: bool,
}

/// What was found so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Checks {
    pub(crate) judged: u64,
    pub(crate) certain: u64,
    pub(crate) uncertain: u64,
    pub(crate) wrong: u64,
    pub(crate) shed: u64,
    pub(crate) repeats: u64,
    pub(crate) repeated: u64,
    pub(crate) taken_back: u64,
    pub(crate) unresolved: u64,
    /// MACs and issuer's cryptograms on answers that were right.
    pub(crate) proofs: u64,
    pub(crate) first: Option<Box<Finding>>,
    pub(crate) faults: BTreeMap<&'static str, u64>,
}

impl Checks {
    /// Adds another's and empties the other; the finding that was there first stays.
    pub(crate) fn take(&mut self, other: &mut Self) {
        let other = std::mem::take(other);
        self.judged += other.judged;
        self.certain += other.certain;
        self.uncertain += other.uncertain;
        self.wrong += other.wrong;
        self.shed += other.shed;
        self.repeats += other.repeats;
        self.repeated += other.repeated;
        self.taken_back += other.taken_back;
        self.unresolved += other.unresolved;
        self.proofs += other.proofs;
        self.first = self.first.take().or(other.first);
        for (fault, count) in other.faults {
            *self.faults.entry(fault).or_default() += count;
        }
    }
}

/// What a lane believes at the end.
pub(crate) struct Belief {
    households: Vec<Household>,
}

/// What all judged lanes know.
struct Shop {
    endpoint: Endpoint,
    rules: Rules,
    zone: Zone,
    terminals: Vec<Terminal>,
    /// For each operation of the mix: where it is done.
    places: Vec<(Operation, Vec<usize>)>,
    mix: Vec<(Operation, u32)>,
    amounts: RangeInclusive<u64>,
    /// How many of a hundred messages of a chip that is read have its cryptogram.
    chip: u32,
    chaos: Option<Chaos>,
    warm_up_ns: u64,
    end_ns: u64,
}

impl Shop {
    /// The edition that is spoken.
    fn version(&self) -> u8 {
        self.endpoint.dialect().version()
    }

    fn open(
        settings: &Settings,
        judging: &Judging,
        (rules, portfolio): (Rules, &Portfolio),
    ) -> Result<Self, SimError> {
        let own = |terminal: &&Terminal| {
            // Several connections speak for a terminal; of a DUKPT one each has a device of its own.
            let has_keys = match terminal.security.keys {
                KeyScheme::Session => terminal.pin_key.is_some(),
                KeyScheme::DukptTdes | KeyScheme::DukptAes => terminal.keys.has("bdk"),
            };
            *terminal.listener == *settings.listener
                && has_keys
                && (settings.mac || terminal.security.mac == MacDuty::None)
        };
        let terminals: Vec<Terminal> = portfolio.terminals.values().filter(own).cloned().collect();
        let mut mix = settings.mix.shares().to_vec();
        // What there is always something of, for when nothing else can be done.
        let fallback = (Operation::Purchase, 0);
        let all = || mix.iter().chain(std::iter::once(&fallback));
        let mut places = Vec::new();
        for (operation, _) in all() {
            let able = terminals.iter().enumerate();
            let able = able.filter(|(_, terminal)| operation.is_done_at(terminal.category));
            let able: Vec<usize> = able.map(|(at, _)| at).collect();
            if able.is_empty() {
                let listener = &settings.listener;
                let message = format!("no terminal at {listener:?} does a {operation}");
                return Err(SimError::Setting(message));
            }
            places.push((*operation, able));
        }
        mix.retain(|(_, share)| *share > 0);
        let end = settings.measured().map_or(u64::MAX, |time| nanoseconds(settings.warm_up + time));
        Ok(Self {
            endpoint: settings.endpoint.clone(),
            rules,
            zone: Zone::named(&settings.zone)?,
            terminals,
            places,
            mix,
            amounts: settings.amounts.clone(),
            chip: settings.chip,
            chaos: judging.chaos.clone(),
            warm_up_ns: nanoseconds(settings.warm_up),
            end_ns: end,
        })
    }
}

/// The lanes of a load that is judged, each with households of its own; and how many cards are in
/// none.
///
/// # Errors
/// [`SimError::Setting`] for what cannot be judged; what reading the portfolio may say.
pub(crate) fn lanes(
    settings: &Settings,
    judging: &Judging,
    now: Moment,
) -> Result<(Vec<Box<dyn Talk>>, usize), SimError> {
    let wrong = |message: String| SimError::Setting(message);
    if settings.echo {
        return Err(wrong("an echo server has no bank to be judged by".to_owned()));
    }
    let cloned = |(operation, _): &(Operation, u32)| *operation == Operation::ClonedChip;
    if settings.chip == 0 && settings.mix.shares().iter().any(cloned) {
        return Err(wrong("cloned-chip needs --chip: it is a chip that signs wrongly".to_owned()));
    }
    let today = now.business_date();
    let length = settings.measured().map_or(0, |time| time.as_millis());
    let length = i64::try_from(length + settings.warm_up.as_millis()).unwrap_or(i64::MAX);
    let end = Moment::new(Timestamp(now.at.0.saturating_add(length)), now.offset);
    if !judging.clock_stands && end.business_date() != today {
        return Err(wrong(
            "midnight falls into the load: what counts today would change".to_owned(),
        ));
    }
    let rules = Rules::read(&judging.rules, today)?;
    let portfolio = Portfolio::read(settings.portfolio.clone())?;
    let town = Town::read(&settings.portfolio, &portfolio, today, settings.chip == 100)?;
    let count = settings.connections;
    if town.households.len() < count {
        let found = town.households.len();
        return Err(wrong(format!("{count} connections need as many households, not {found}")));
    }
    let shop = Arc::new(Shop::open(settings, judging, (rules, &portfolio))?);
    let mut shares: Vec<Vec<Household>> = (0..count).map(|_| Vec::new()).collect();
    for (at, household) in town.households.into_iter().enumerate() {
        if let Some(share) = shares.get_mut(at % count) {
            share.push(household);
        }
    }
    let mut popularity = settings.popularity;
    let hot = popularity.hot.map_or(0, |hot| hot.cards.div_ceil(count));
    if let Some(all) = &mut popularity.hot {
        all.cards = hot;
    }
    let lane = |(at, mut households): (usize, Vec<Household>)| -> Box<dyn Talk> {
        households.iter_mut().take(hot).for_each(|household| household.is_hot = true);
        let picker = Picker::new(households.len(), popularity);
        let dice = crate::load::dice(settings.seed, at);
        let stans = stans_of(at, count);
        let in_flight = settings.in_flight.and_then(|most| usize::try_from(most).ok());
        let in_flight = in_flight.unwrap_or(IN_FLIGHT);
        Box::new(JudgedLane::new(shop.clone(), households, (picker, dice), (stans, in_flight), at))
    };
    Ok((shares.into_iter().enumerate().map(lane).collect(), town.left_out))
}

/// On their way on one connection in an open loop where nothing else is said: what a listener of
/// Tamga takes before it says 91.
const IN_FLIGHT: usize = 64;

/// What a judged load came to: looks at the books, if it may.
pub(crate) fn conclude(
    judging: &Judging,
    checks: Checks,
    beliefs: Vec<Belief>,
    today: Moment,
) -> (OracleReport, Option<ChaosReport>) {
    let households: Vec<Household> =
        beliefs.into_iter().flat_map(|belief| belief.households).collect();
    let rules = Rules::read(&judging.rules, today.business_date());
    let mut described = rules.as_ref().map(Rules::described).unwrap_or_default();
    if checks.proofs > 0 {
        described.push("cryptograms and authentication codes of answers (SEC-2, SEC-5)".to_owned());
    }
    let money = judging.api.as_ref().zip(rules.ok()).map(|((base, token), rules)| {
        let looked = books::look(&mut Http::new(base, token), &households, &rules);
        looked.unwrap_or_else(|error| MoneyReport {
            differences: 1,
            examples: vec![error.to_string()],
            ..MoneyReport::default()
        })
    });
    let chaos = judging.chaos.as_ref().map(|chaos| ChaosReport {
        plan: chaos.to_string(),
        seed: chaos.seed(),
        faults: checks.faults.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect(),
    });
    let oracle = OracleReport {
        judged: checks.judged,
        certain: checks.certain,
        uncertain: checks.uncertain,
        wrong: checks.wrong,
        shed: checks.shed,
        repeats: checks.repeats,
        repeated: checks.repeated,
        taken_back: checks.taken_back,
        unresolved: checks.unresolved,
        proofs: checks.proofs,
        first_wrong: checks.first.map(|finding| *finding),
        rules: described,
        money,
        verified: None,
    };
    (oracle, chaos)
}
