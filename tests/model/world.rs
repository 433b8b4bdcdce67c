//! The bank that random histories happen in, as plain tables: both the engine's portfolio and the
//! model's books are made from them.

/// A product: id, minimum balance in tyiyn (BAL-3), partial approvals (BAL-4), may be tapped.
pub struct Product {
    pub id: &'static str,
    pub minimum: i128,
    pub partial: bool,
    pub contactless: bool,
}

pub const PRODUCTS: [Product; 4] = [
    Product { id: "plain", minimum: 0, partial: false, contactless: true },
    Product { id: "minimum", minimum: 35_000, partial: false, contactless: true },
    Product { id: "partial", minimum: 0, partial: true, contactless: true },
    Product { id: "no-tap", minimum: 0, partial: false, contactless: false },
];

/// A customer's risk tier (CTL-2).
pub const TIERS: [&str; 4] = ["standard", "low", "high", "standard"];

pub struct Account {
    pub customer: usize,
    pub product: usize,
    pub balance: i128,
    pub overdraft: i128,
}

pub const ACCOUNTS: [Account; 6] = [
    Account { customer: 0, product: 2, balance: 2_500_000, overdraft: 0 },
    Account { customer: 1, product: 0, balance: 5_000_000, overdraft: 0 },
    Account { customer: 2, product: 1, balance: 1_000_000, overdraft: 0 },
    Account { customer: 3, product: 0, balance: 100_000, overdraft: 500_000 },
    Account { customer: 3, product: 2, balance: 300_000, overdraft: 0 },
    Account { customer: 1, product: 3, balance: 800_000, overdraft: 0 },
];

pub struct Card {
    pub account: usize,
    pub holder: usize,
    pub active: bool,
    /// The day after its last, counted from 1970.
    pub expired_from: i64,
    /// YYMM.
    pub expiry: u16,
    /// The first digit says whether it has a chip (SEC-3).
    pub service_code: u16,
}

/// 2030-01-01.
const FAR: i64 = 21_915;
/// 2027-01-01.
const SOON: i64 = 20_819;

const fn card(account: usize, holder: usize, active: bool) -> Card {
    Card { account, holder, active, expired_from: FAR, expiry: 2912, service_code: 101 }
}

/// The ninth expires during a history; the seventh has another holder than its account's owner
/// (BLK-7); the eighth is not activated.
pub const CARDS: [Card; 9] = [
    card(0, 0, true),
    Card { service_code: 201, ..card(1, 1, true) },
    card(2, 2, true),
    card(3, 3, true),
    card(4, 3, true),
    card(5, 1, true),
    card(0, 2, true),
    card(1, 1, false),
    Card { expired_from: SOON, expiry: 2612, service_code: 601, ..card(2, 2, true) },
];

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    Merchant,
    Agent,
    Atm,
    Branch,
    Web,
}

pub struct Terminal {
    pub id: &'static str,
    pub place: Place,
    /// The merchant or the agent it stands at.
    pub owner: usize,
    /// The notes of an ATM, tyiyn; none: whatever the amount.
    pub notes: &'static [u64],
    /// Takes partial approvals and tells what is available on a decline for funds.
    pub smart: bool,
}

const fn terminal(id: &'static str, place: Place, owner: usize) -> Terminal {
    Terminal { id, place, owner, notes: &[], smart: false }
}

pub const TERMINALS: [Terminal; 9] = [
    terminal("POS00000", Place::Merchant, 0),
    Terminal { smart: true, ..terminal("POS00001", Place::Merchant, 1) },
    terminal("AGT00002", Place::Agent, 0),
    terminal("AGT00003", Place::Agent, 0),
    Terminal { smart: true, ..terminal("AGT00004", Place::Agent, 1) },
    Terminal { notes: &[20_000, 50_000, 100_000, 500_000], ..terminal("ATM00005", Place::Atm, 0) },
    terminal("ATM00006", Place::Atm, 0),
    terminal("BRN00007", Place::Branch, 0),
    terminal("WEB00008", Place::Web, 0),
];

/// Merchants by category; the second is a hotel (TXN-3: holds of 30 days).
pub const MERCHANTS: [u16; 2] = [5411, 7011];

/// Days for which a hold placed at a terminal stands.
pub fn hold_days(terminal: &Terminal) -> i64 {
    let hotel = terminal.place == Place::Merchant && MERCHANTS[terminal.owner] == 7011;
    if hotel { 30 } else { 7 }
}

/// 2026-11-23T09:00 in Bishkek, a Monday, in milliseconds since 1970.
pub const START: i64 = 1_795_402_800_000;
/// 2026-12-31, 2027-01-01 and 2027-01-07.
pub const HOLIDAYS: [i64; 3] = [20_818, 20_819, 20_825];
/// UTC+6.
pub const ZONE_MS: i64 = 6 * 3_600_000;
pub const DAY_MS: i64 = 86_400_000;

/// The local day of an instant, counted from 1970.
pub fn day_of(at: i64) -> i64 {
    (at + ZONE_MS).div_euclid(DAY_MS)
}

/// How a limit of the rule set counts (LIM-1).
pub struct Limit {
    pub id: &'static str,
    pub scope: &'static [&'static str],
    pub counts: &'static str,
    pub is_count: bool,
    pub window: &'static str,
    /// Tyiyn or transactions.
    pub ceiling: u64,
}

const fn limit(
    id: &'static str,
    scope: &'static [&'static str],
    counts: &'static str,
    window: &'static str,
    ceiling: u64,
) -> Limit {
    Limit { id, scope, counts, is_count: false, window, ceiling }
}

pub const LIMITS: [Limit; 10] = [
    limit("atm-day", &["card"], "atm_cash", "day", 5_000_000),
    Limit { is_count: true, ..limit("hour", &["card"], "all", "rolling-1h", 3) },
    limit("holder-week", &["customer"], "purchase", "week", 6_000_000),
    limit("agent-7d", &["card", "agent"], "agent_cash", "rolling-7d", 4_000_000),
    Limit { is_count: true, ..limit("taps", &["customer", "device"], "contactless", "month", 12) },
    limit("single", &["account"], "all", "transaction", 3_000_000),
    limit("web-24h", &["account"], "ecommerce", "rolling-24h", 2_000_000),
    limit("paid-in", &["account"], "cash_in", "day", 9_000_000),
    limit("card-month", &["card"], "all", "month", 90_000_000),
    limit("device-30d", &["device"], "all", "rolling-30d", 400_000_000),
];

/// CTL-2: what goes without PIN: per transaction, per day, count and sum since the last PIN.
pub struct Tier {
    pub name: &'static str,
    pub single: Option<u64>,
    pub day: Option<u64>,
    pub count: Option<u64>,
    pub sum: Option<u64>,
}

pub const TIER_LIMITS: [Tier; 2] = [
    Tier {
        name: "low",
        single: Some(100_000),
        day: Some(300_000),
        count: Some(3),
        sum: Some(250_000),
    },
    Tier { name: "standard", single: Some(300_000), day: None, count: Some(5), sum: None },
];

/// Which edition of the two regulated rules is in force: `true` is the draft of 2020.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Editions {
    pub contactless: bool,
    pub agent_cash: bool,
}

pub fn editions(which: u8) -> Editions {
    Editions { contactless: which & 1 != 0, agent_cash: which & 2 != 0 }
}

/// The rule set's text.
pub fn rules(which: u8) -> String {
    let name = |draft| if draft { "2020-draft" } else { "76/8-2015" };
    let Editions { contactless, agent_cash } = editions(which);
    let mut text = format!(
        "version = \"model-{which}\"\n[[indicator]]\nvalue = \"100.00\"\nvalid_from = 2006-01-01\n\
         [[edition]]\nrule = \"contactless\"\nname = \"{}\"\nin_force_from = 2015-12-09\n\
         [[edition]]\nrule = \"agent_cash\"\nname = \"{}\"\nin_force_from = 2015-12-09\n\
         [contactless]\ncdcvm_counts_as_pin = true\n[agent_cash]\ncap_indicators = 150\n\
         [calendar]\nholidays = [2026-12-31, 2027-01-01, 2027-01-07]\n\
         [technical_overdraft]\nannual_rate = \"24.00\"\nday_count = \"actual/365\"\n\
         block = {{ amount_above = \"1000.00\", openings = 3, within_days = 30, \
         when_overdue = true, lift_on_repayment = true }}\n",
        name(contactless),
        name(agent_cash)
    );
    let major = |minor: u64| format!("{}.{:02}", minor / 100, minor % 100);
    if contactless {
        for tier in &TIER_LIMITS {
            text += &format!("[contactless.tier.{}]\n", tier.name);
            let amounts = [("per_transaction", tier.single), ("per_day", tier.day)];
            for (key, value) in amounts.into_iter().chain([("sum_since_pin", tier.sum)]) {
                if let Some(value) = value {
                    text += &format!("{key} = \"{}\"\n", major(value));
                }
            }
            if let Some(count) = tier.count {
                text += &format!("count_since_pin = {count}\n");
            }
        }
    }
    text += crate::fees::TABLE;
    for limit in &LIMITS {
        let ceiling = match limit.is_count {
            true => limit.ceiling.to_string(),
            false => format!("\"{}\"", major(limit.ceiling)),
        };
        let measure = if limit.is_count { "count" } else { "amount" };
        let scope = limit.scope.iter().map(|part| format!("\"{part}\"")).collect::<Vec<_>>();
        text += &format!(
            "[[limit]]\nid = \"{}\"\nscope = [{}]\ncounts = \"{}\"\nmeasure = \"{measure}\"\n\
             window = \"{}\"\nceiling = {ceiling}\n",
            limit.id,
            scope.join(", "),
            limit.counts,
            limit.window
        );
    }
    text
}
