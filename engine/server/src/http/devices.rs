//! `/terminals` and `/agents`: the register, what is heard of each device, and what its open batch
//! has counted.

use super::access::Reader;
use super::context::HttpContext;
use super::describe::Page;
use super::fields::Segments;
use super::money;
use super::problem::Problem;
use super::query::Params;
use crate::live::{Heard, share};
use authorization::{Batch, State as Core, Terminal};
use axum::Json;
use axum::extract::State;
use history::Filter;
use limits::CounterView;
use payment_types::{Currency, DeviceCategory, Moment, TerminalId};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use utoipa::ToSchema;

/// Devices looked at in one look at the state: the shard goes on with requests in between.
const HOP: u32 = 4096;
/// Agents looked at in one look; each has a name to be compared.
const AGENTS_HOP: usize = 256;
/// Cards whose counters are looked at in one look.
const CARDS_HOP: usize = 32;
/// Cards shown with what an agent may still hand out to them.
const CARDS_SHOWN: usize = 100;
/// Transactions of a device that are searched for those cards.
const SEARCHED: u32 = 500;

/// A device.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct TerminalView {
    /// DE 41.
    id: String,
    /// `merchant`, `agent`, `atm`, `branch`, `ecommerce`.
    category: String,
    merchant: Option<String>,
    agent: Option<String>,
    /// By which it was heard last; of one not heard, the register's.
    listener: String,
    on_us: bool,
    /// Whether it sent a request in the last ten minutes.
    online: bool,
    /// Since the engine's start.
    last_seen: Option<String>,
    last_stan: Option<String>,
    /// DE 13 and 12 less the engine's time, seconds: above zero, the device is ahead.
    clock_skew_seconds: Option<i64>,
    /// What was heard of it today; none where nothing was.
    today: Option<DeviceDay>,
    /// What its open batch has counted (TXN-6).
    batch: DeviceBatch,
}

/// Counted since the day's start, or the engine's.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
pub(super) struct DeviceDay {
    since: String,
    requests: u32,
    reversals: u32,
    repeats: u32,
    /// Reversals of all requests, 0 to 1.
    reversal_share: Option<f64>,
    /// Requests sent again of all requests, 0 to 1.
    repeat_share: Option<f64>,
    /// STANs left out.
    stans_missing: u32,
    /// How often the STANs began anew somewhere.
    stan_jumps: u32,
}

/// Money since the last agreed reconciliation.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
pub(super) struct DeviceBatch {
    number: u32,
    /// From cardholders, less what was taken back: of an agent and an ATM the cash handed out.
    debits: String,
    /// To cardholders, less what was taken back: cash taken in, refunds.
    credits: String,
    /// Credits less debits: of an agent, the cash that came in (negative: that went out).
    net: String,
}

/// An agent.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AgentView {
    id: String,
    name: String,
    devices: usize,
    online: usize,
    last_seen: Option<String>,
    /// All its devices together.
    today: DeviceDay,
    /// All its devices together, each since its own last reconciliation.
    batch: DeviceBatch,
    /// AGT: what may be handed out a day, KGS.
    cap: String,
    /// `AGT-1`: to a holder, wherever he takes it. `AGT-2`: to a card at a device.
    cap_rule: String,
}

/// An agent with its devices, and what is left today of those who took cash there.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AgentDetail {
    #[serde(flatten)]
    agent: AgentView,
    terminals: Vec<TerminalView>,
    /// Cards that were at its devices today, the most used caps first; at most 100.
    cards: Vec<CapLeft>,
}

/// AGT-3.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CapLeft {
    card: String,
    pan: String,
    /// The device, where the cap is for each device (AGT-2).
    terminal: Option<String>,
    rule: String,
    used: String,
    cap: String,
    left: String,
}

/// What the register and the state say of a device.
#[derive(Clone)]
struct Registered {
    position: u32,
    terminal: Terminal,
    merchant: Option<String>,
    agent: Option<String>,
    batch: Batch,
}

impl Registered {
    fn of(core: &Core, position: u32) -> Option<Self> {
        let terminal = core.directory().terminal_at(position)?.clone();
        let directory = core.directory();
        Some(Self {
            position,
            merchant: terminal.merchant.map(|at| directory.merchant_id(at).to_owned()),
            agent: terminal.agent.map(|at| directory.agent_id(at).to_owned()),
            batch: core.reconciliation().terminal(position).open,
            terminal,
        })
    }

    fn view(&self, heard: Option<&Heard>, now: Moment) -> TerminalView {
        let terminal = &self.terminal;
        let at = |at| Moment::new(at, now.offset).rfc3339();
        let today = heard.filter(|heard| heard.day == now.business_date());
        TerminalView {
            id: terminal.id.as_str().to_owned(),
            category: terminal.category.name().to_owned(),
            merchant: self.merchant.clone(),
            agent: self.agent.clone(),
            listener: heard.map_or(terminal.listener.to_string(), |h| h.listener.to_string()),
            on_us: terminal.on_us,
            online: heard.is_some_and(|heard| heard.is_online(now.at)),
            last_seen: heard.map(|heard| at(heard.last_seen)),
            last_stan: heard.map(|heard| format!("{:06}", heard.last_stan)),
            clock_skew_seconds: heard.and_then(|heard| heard.clock_skew),
            today: today.map(|heard| day([heard], now)),
            batch: batch([&self.batch]),
        }
    }
}

fn day<'h>(all: impl IntoIterator<Item = &'h Heard>, now: Moment) -> DeviceDay {
    let mut sum = DeviceDay::default();
    let mut since = None;
    for heard in all.into_iter().filter(|heard| heard.day == now.business_date()) {
        since = Some(since.map_or(heard.since, |since| heard.since.min(since)));
        for (to, from) in [
            (&mut sum.requests, heard.requests),
            (&mut sum.reversals, heard.reversals),
            (&mut sum.repeats, heard.repeats),
            (&mut sum.stans_missing, heard.stans_missing),
            (&mut sum.stan_jumps, heard.stan_jumps),
        ] {
            *to = to.saturating_add(from);
        }
    }
    sum.since = Moment::new(since.unwrap_or(now.at), now.offset).rfc3339();
    sum.reversal_share = share(sum.reversals, sum.requests);
    sum.repeat_share = share(sum.repeats, sum.requests);
    sum
}

fn batch<'b>(all: impl IntoIterator<Item = &'b Batch>) -> DeviceBatch {
    let (mut number, mut debits, mut credits) = (0, 0i64, 0i64);
    let signed = |amount: u64| i64::try_from(amount).unwrap_or(i64::MAX);
    for batch in all {
        // In the order of `Counted::ALL`.
        let [credit, credit_back, debit, debit_back] = batch.totals.amounts.map(signed);
        number = number.max(batch.number);
        debits = debits.saturating_add(debit.saturating_sub(debit_back));
        credits = credits.saturating_add(credit.saturating_sub(credit_back));
    }
    let text = |minor| money::text(minor, Currency::KGS);
    let net = text(credits.saturating_sub(debits));
    DeviceBatch { number, debits: text(debits), credits: text(credits), net }
}

/// What is looked for in the register.
#[derive(Clone, Default)]
struct Wanted {
    category: Option<DeviceCategory>,
    search: Option<String>,
    agents_only: bool,
}

impl Wanted {
    fn fits(&self, terminal: &Terminal) -> bool {
        let has = |part: &String| terminal.id.as_str().to_uppercase().contains(part);
        self.category.is_none_or(|category| terminal.category == category)
            && self.search.as_ref().is_none_or(has)
            && (!self.agents_only || terminal.agent.is_some())
    }
}

/// Devices from a position on, in hops; where to go on, if there is more.
async fn devices(
    context: &HttpContext,
    wanted: &Wanted,
    from: u32,
    most: usize,
) -> Result<(Vec<Registered>, Option<u32>, Moment), Problem> {
    let (mut found, mut next) = (Vec::new(), from);
    loop {
        let (wanted, room) = (wanted.clone(), most.saturating_sub(found.len()));
        let look = move |core: &Core, now| {
            let directory = core.directory();
            let end = next.saturating_add(HOP);
            let there = |position: &u32| directory.terminal_at(*position).is_some();
            let fits = |position: &u32| {
                directory.terminal_at(*position).is_some_and(|terminal| wanted.fits(terminal))
            };
            let positions: Vec<u32> = (next..end).filter(fits).take(room + 1).collect();
            let is_more = there(&end);
            let rest = positions.get(room).copied();
            let some = positions.into_iter().take(room);
            let some: Vec<_> = some.filter_map(|at| Registered::of(core, at)).collect();
            (some, rest.or(is_more.then_some(end)), rest.is_some(), now)
        };
        let (some, rest, is_full, now) = context.running()?.shard.query(look).await?;
        found.extend(some);
        match rest {
            Some(rest) if !is_full => next = rest,
            rest => return Ok((found, rest, now)),
        }
    }
}

/// The register's devices in its order, with what is heard of them.
#[utoipa::path(get, path = "/api/v1/terminals", tag = "devices",
    params(("category" = Option<String>, Query, description = "merchant, agent, atm ..."),
        ("search" = Option<String>, Query, description = "A part of the id"),
        ("cursor" = Option<String>, Query, description = "`next` of the part before"),
        ("limit" = Option<u32>, Query, description = "Rows, 1 to 500; 50 if not told")),
    responses((status = 200, body = Page<TerminalView>)))]
pub(super) async fn terminals(
    State(context): State<HttpContext>,
    _: Reader,
    params: Params,
) -> Result<Json<Page<TerminalView>>, Problem> {
    let params = params.known(&["category", "search", "cursor", "limit"])?;
    let search = params.text("search").map(|text| text.to_uppercase());
    let wanted = Wanted { category: category(&params)?, search, agents_only: false };
    let from = params.cursor()?.and_then(|from| u32::try_from(from).ok()).unwrap_or(0);
    let most = usize::try_from(params.limit()?).unwrap_or(usize::MAX);
    let (found, next, now) = devices(&context, &wanted, from, most).await?;
    let heard = &context.running()?.shard.live().devices;
    let view = |found: Registered| found.view(heard.of(&found.terminal.id).as_ref(), now);
    let items = found.into_iter().map(view).collect();
    Ok(Json(Page { items, next: next.map(|next| next.to_string()) }))
}

fn category(params: &Params) -> Result<Option<DeviceCategory>, Problem> {
    use DeviceCategory::{Agent, Atm, Branch, Ecommerce, Merchant};
    let Some(text) = params.get("category") else { return Ok(None) };
    let all = [Merchant, Agent, Atm, Branch, Ecommerce];
    let found = all.into_iter().find(|category| category.name() == text);
    let unknown = || Problem::field("category", "must be merchant, agent, atm, branch, ecommerce");
    found.map(Some).ok_or_else(unknown)
}

/// One device.
#[utoipa::path(get, path = "/api/v1/terminals/{id}", tag = "devices",
    params(("id" = String, Path, description = "DE 41")),
    responses((status = 200, body = TerminalView), (status = 404, description = "No such device")))]
pub(super) async fn terminal(
    State(context): State<HttpContext>,
    _: Reader,
    Segments(id): Segments<String>,
) -> Result<Json<TerminalView>, Problem> {
    let terminal = TerminalId::new(id.as_bytes());
    let look = move |core: &Core, now| {
        let (position, _) = core.directory().terminal(&terminal?)?;
        Some((Registered::of(core, position)?, now))
    };
    let running = context.running()?;
    let found = running.shard.query(look).await?;
    let (found, now) = found.ok_or_else(|| Problem::not_found("terminal", &id))?;
    let heard = running.shard.live().devices.of(&found.terminal.id);
    Ok(Json(found.view(heard.as_ref(), now)))
}

/// Every device of an agent, by the agent's position.
type ByAgent = BTreeMap<u32, Vec<Registered>>;

async fn by_agent(context: &HttpContext) -> Result<(ByAgent, Moment), Problem> {
    let wanted = Wanted { agents_only: true, ..Wanted::default() };
    let (found, _, now) = devices(context, &wanted, 0, usize::MAX - 1).await?;
    let mut by_agent = ByAgent::new();
    for found in found {
        if let Some(agent) = found.terminal.agent {
            by_agent.entry(agent).or_default().push(found);
        }
    }
    Ok((by_agent, now))
}

/// What the state says of an agent besides its devices.
struct Agent {
    id: String,
    name: String,
    cap: (u64, limits::Rule),
}

impl Agent {
    fn of(core: &Core, position: u32, now: Moment) -> Self {
        let directory = core.directory();
        Self {
            id: directory.agent_id(position).to_owned(),
            name: directory.agent_name(position).to_owned(),
            cap: limits::agent_cap(core.plan(), now, Some(position), None),
        }
    }

    /// Whether a part of the id or the name is what is searched.
    fn fits(&self, search: Option<&str>) -> bool {
        let has = |text: &str| search.is_none_or(|part| text.to_lowercase().contains(part));
        has(&self.id) || has(&self.name)
    }

    fn view(self, devices: &[(&Registered, Option<Heard>)], now: Moment) -> AgentView {
        let heard = || devices.iter().filter_map(|(_, heard)| heard.as_ref());
        let last_seen = heard().map(|heard| heard.last_seen).max();
        let cap = i64::try_from(self.cap.0).unwrap_or(i64::MAX);
        AgentView {
            id: self.id,
            name: self.name,
            devices: devices.len(),
            online: heard().filter(|heard| heard.is_online(now.at)).count(),
            last_seen: last_seen.map(|at| Moment::new(at, now.offset).rfc3339()),
            today: day(heard(), now),
            batch: batch(devices.iter().map(|(device, _)| &device.batch)),
            cap: money::text(cap, Currency::KGS),
            cap_rule: self.cap.1.id().to_owned(),
        }
    }
}

fn with_heard<'r>(
    context: &HttpContext,
    devices: &'r [Registered],
) -> Result<Vec<(&'r Registered, Option<Heard>)>, Problem> {
    let board = &context.running()?.shard.live().devices;
    Ok(devices.iter().map(|device| (device, board.of(&device.terminal.id))).collect())
}

/// Agents that have devices, in the register's order.
#[utoipa::path(get, path = "/api/v1/agents", tag = "devices",
    params(("search" = Option<String>, Query, description = "A part of the id or the name"),
        ("cursor" = Option<String>, Query, description = "`next` of the part before"),
        ("limit" = Option<u32>, Query, description = "Rows, 1 to 500; 50 if not told")),
    responses((status = 200, body = Page<AgentView>)))]
pub(super) async fn agents(
    State(context): State<HttpContext>,
    _: Reader,
    params: Params,
) -> Result<Json<Page<AgentView>>, Problem> {
    let params = params.known(&["search", "cursor", "limit"])?;
    let search = params.text("search").map(|text| text.to_lowercase());
    let from = params.cursor()?.and_then(|from| u32::try_from(from).ok()).unwrap_or(0);
    let most = usize::try_from(params.limit()?).unwrap_or(usize::MAX);
    let (by_agent, now) = by_agent(&context).await?;
    let positions: Vec<u32> = by_agent.range(from..).map(|(position, _)| *position).collect();
    let mut found = Vec::new();
    for some in positions.chunks(AGENTS_HOP) {
        let some = some.to_vec();
        let look = move |core: &Core, now| {
            some.into_iter().map(|at| (at, Agent::of(core, at, now))).collect::<Vec<_>>()
        };
        let agents = context.running()?.shard.query(look).await?;
        // Compared here: names of all agents in small letters are nothing for the shard.
        found.extend(agents.into_iter().filter(|(_, agent)| agent.fits(search.as_deref())));
        if found.len() > most {
            break;
        }
    }
    let next = found.get(most).map(|(position, _)| position.to_string());
    found.truncate(most);
    let mut items = Vec::with_capacity(found.len());
    for (position, agent) in found {
        let devices = by_agent.get(&position).map(Vec::as_slice).unwrap_or_default();
        items.push(agent.view(&with_heard(&context, devices)?, now));
    }
    Ok(Json(Page { items, next }))
}

/// One agent: its devices, and what is left today of the cap of those who took cash there.
#[utoipa::path(get, path = "/api/v1/agents/{id}", tag = "devices",
    params(("id" = String, Path, description = "The agent's id")),
    responses((status = 200, body = AgentDetail), (status = 404, description = "No such agent")))]
pub(super) async fn agent(
    State(context): State<HttpContext>,
    _: Reader,
    Segments(id): Segments<String>,
) -> Result<Json<AgentDetail>, Problem> {
    let wanted = id.clone();
    let look = move |core: &Core, now| {
        let position = core.directory().agent_position(&wanted)?;
        Some((position, Agent::of(core, position, now)))
    };
    let found = context.running()?.shard.query(look).await?;
    let (position, agent) = found.ok_or_else(|| Problem::not_found("agent", &id))?;
    let (mut by_agent, now) = by_agent(&context).await?;
    let devices = by_agent.remove(&position).unwrap_or_default();
    let cards = caps_left(&context, &devices, now).await?;
    let devices = with_heard(&context, &devices)?;
    let view = |(device, heard): &(&Registered, Option<Heard>)| device.view(heard.as_ref(), now);
    let terminals = devices.iter().map(view).collect();
    Ok(Json(AgentDetail { agent: agent.view(&devices, now), terminals, cards }))
}

/// The caps of cards at these devices: card, masked number, device where it is for each, and the
/// counter.
fn caps_of(
    core: &Core,
    cards: Vec<String>,
    positions: &BTreeSet<u32>,
    now: Moment,
) -> Vec<(String, String, Option<String>, CounterView)> {
    let mut found = Vec::new();
    for id in cards {
        let Some(slot) = core.directory().card_position(&id) else { continue };
        let pan = core.card(slot).map(|card| card.masked.to_string()).unwrap_or_default();
        for view in core.counters(slot, now) {
            let is_cap = matches!(view.rule, limits::Rule::Agt1 | limits::Rule::Agt2);
            let device = view.of.first().map(|(_, device)| *device);
            if is_cap && device.is_none_or(|device| positions.contains(&device)) {
                let device = device.map(|at| core.directory().terminal_id(at).to_owned());
                found.push((id.clone(), pan.clone(), device, view));
            }
        }
    }
    found
}

/// AGT-3 for the cards that were at these devices today.
async fn caps_left(
    context: &HttpContext,
    devices: &[Registered],
    now: Moment,
) -> Result<Vec<CapLeft>, Problem> {
    let ids: Vec<String> = devices.iter().map(|d| d.terminal.id.as_str().to_owned()).collect();
    let positions: BTreeSet<u32> = devices.iter().map(|device| device.position).collect();
    let today = context.running()?.clock.start_of(now.business_date()).at;
    let search = move |history: &history::History| {
        let mut cards = BTreeSet::new();
        for terminal in ids {
            let terminal = Some(terminal);
            let filter = Filter { terminal, from: Some(today), ..Filter::default() };
            let found = history.transactions(&filter, None, SEARCHED)?;
            cards.extend(found.items.into_iter().filter_map(|row| row.card));
        }
        Ok(cards)
    };
    let (cards, _) = context.search(search).await?;
    let (cards, positions) = (Vec::from_iter(cards), Arc::new(positions));
    let mut found = Vec::new();
    for some in cards.chunks(CARDS_HOP) {
        let (some, positions) = (some.to_vec(), Arc::clone(&positions));
        let look = move |core: &Core, now| caps_of(core, some, &positions, now);
        found.extend(context.running()?.shard.query(look).await?);
    }
    found.retain(|(_, _, _, view)| view.used > 0);
    found.sort_by_key(|(_, _, _, view)| std::cmp::Reverse(view.used));
    found.truncate(CARDS_SHOWN);
    let text = |minor: u64| money::text(i64::try_from(minor).unwrap_or(i64::MAX), Currency::KGS);
    let shown = found.into_iter().map(|(card, pan, terminal, view)| CapLeft {
        card,
        pan,
        terminal,
        rule: view.rule.id().to_owned(),
        used: text(view.used),
        cap: text(view.ceiling),
        left: text(view.ceiling.saturating_sub(view.used)),
    });
    Ok(shown.collect())
}
