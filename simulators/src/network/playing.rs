//! Sends what the file says: sign-on, keys, one message after the other, then a mix at a rate; and
//! what the issuer is still to be told.

use super::file::{FileAction, MixKind, SendKeys, SendKind, TrafficKeys};
use super::hub::{Hub, Peer, lock};
use super::making::{FileOrder, Made, Order, Sent, branch_terminal, usual_terminal};
use super::message::Seen;
use crate::SimError;
use crate::exchange::Answer;
use crate::portfolio::{Card, Terminal};
use payment_types::DeviceCategory;
use rand::RngExt;
use rand::SeedableRng;
use rand::distr::Distribution;
use rand::distr::weighted::WeightedIndex;
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, watch};

/// What a host is to send.
#[derive(Debug, Clone, Default)]
pub(super) struct Plan {
    pub sends: Vec<SendKeys>,
    pub traffic: Option<TrafficKeys>,
    pub exchange_keys: Vec<String>,
    pub sign_on: bool,
    pub echo_every: Option<Duration>,
}

/// Messages of a mix that wait for their answers at a time.
const OPEN_MOST: usize = 1_000;
/// What an advice that was not answered waits before it is tried again.
const AGAIN: Duration = Duration::from_secs(1);
const USUAL_AMOUNTS: std::ops::RangeInclusive<u64> = 1_000..=50_000;

impl Plan {
    /// Whether anything is to be sent but sign-on and echo.
    pub(super) fn is_something(&self) -> bool {
        !self.sends.is_empty() || self.traffic.is_some()
    }
}

/// The connection to send on, as soon as there is one.
async fn peer(hub: &Hub) -> Result<Peer, SimError> {
    let mut issuer = hub.issuer.subscribe();
    let there = |peer: &Option<Peer>| peer.as_ref().is_some_and(|peer| !peer.is_gone());
    let closed = || SimError::Closed(hub.endpoint.target().to_owned());
    let found = tokio::time::timeout(hub.patience, issuer.wait_for(there)).await;
    let found = found.map_err(|_| closed())?.map_err(|_| closed())?;
    found.clone().ok_or_else(closed)
}

/// Sends one message on a connection, and takes the key of its answer into use if it is about one.
pub(super) async fn send(
    hub: &Hub,
    peer: &Peer,
    order: &Order<'_>,
    expect: Option<&str>,
) -> Result<(Sent, Result<Answer, SimError>), SimError> {
    let Made { seen, body, mut sent, pending } = order.make(hub)?;
    let answer = hub.ask_and_tell(peer, &seen, &body, expect).await;
    if let Ok(answer) = &answer {
        sent.approval = answer.auth_code().filter(|_| answer.is_approved());
        if let Some(pending) = pending.filter(|_| answer.is_approved()) {
            let taken = lock(&hub.gear).take_key(order.terminal, pending, answer);
            match taken {
                Ok(()) => hub.note(peer.number, format!("{} has a new key", order.terminal.id)),
                Err(error) => {
                    lock(&hub.summary).happened("keys that are not good");
                    hub.note(peer.number, error.to_string());
                }
            }
        }
    }
    Ok((sent, answer))
}

/// What a connection begins with.
///
/// # Errors
/// Where a message cannot be made.
pub(super) async fn greet(hub: &Hub, plan: &Plan, peer: &Peer) -> Result<(), SimError> {
    if plan.sign_on {
        let order = Order::bare(SendKind::SignOn, usual_terminal(hub)?);
        let (_, _answer) = send(hub, peer, &order, Some("00")).await?;
    }
    for id in &plan.exchange_keys {
        let terminal = hub.portfolio.terminal(id)?;
        let with_mac = terminal.security.mac == crate::device::MacDuty::Required;
        let uses = [crate::device::KeyUse::Pin, crate::device::KeyUse::Mac];
        for key in uses.into_iter().take(if with_mac { 2 } else { 1 }) {
            let exchange = crate::device::Exchange::of(key);
            let order =
                Order { exchange: Some(exchange), ..Order::bare(SendKind::KeyExchange, terminal) };
            let (_, _answer) = send(hub, peer, &order, Some("00")).await?;
        }
    }
    Ok(())
}

/// What a connection ends with.
pub(super) async fn part(hub: &Hub, plan: &Plan) {
    let issuer = hub.issuer.borrow().clone().filter(|peer| !peer.is_gone());
    let (Some(peer), true) = (issuer, plan.sign_on) else { return };
    if let Ok(terminal) = usual_terminal(hub) {
        let order = Order::bare(SendKind::SignOff, terminal);
        // There is nobody left to tell that there was no answer.
        let _answer = send(hub, &peer, &order, None).await;
    }
}

/// Sends all there is to send.
///
/// # Errors
/// [`SimError`] where a message cannot be made, or nobody is there to send to.
pub(super) async fn play(
    hub: &Arc<Hub>,
    plan: &Plan,
    seed: u64,
    stop: &watch::Receiver<bool>,
) -> Result<(), SimError> {
    let mut named: BTreeMap<String, Sent> = BTreeMap::new();
    for keys in &plan.sends {
        for _ in 0..keys.times.unwrap_or(1) {
            if *stop.borrow() {
                return Ok(());
            }
            if let Some(after) = keys.after {
                tokio::time::sleep(after.0).await;
            }
            let about = keys.of.as_ref().and_then(|of| named.get(of)).cloned();
            let order = Order::of_line(hub, keys, about.as_ref())?;
            let peer = peer(hub).await?;
            let expect = keys.expect.as_ref().map(|code| code.0.as_str());
            let (sent, _answer) = send(hub, &peer, &order, expect).await?;
            if let Some(name) = &keys.name {
                named.insert(name.clone(), sent);
            }
        }
    }
    match &plan.traffic {
        Some(traffic) => Mix::new(hub, traffic, seed)?.play(stop).await,
        None => Ok(()),
    }
}

/// Messages by a mix.
struct Mix {
    hub: Arc<Hub>,
    kinds: Vec<MixKind>,
    weights: WeightedIndex<u32>,
    cards: Vec<Box<str>>,
    terminals: Vec<Box<str>>,
    amounts: std::ops::RangeInclusive<u64>,
    rate: f64,
    count: u64,
    duration: Duration,
    random: ChaCha8Rng,
    /// Authorizations that were approved, for what comes after them.
    approved: Arc<Mutex<Vec<Sent>>>,
    files: usize,
}

impl Mix {
    fn new(hub: &Arc<Hub>, keys: &TrafficKeys, seed: u64) -> Result<Self, SimError> {
        let usual =
            [(MixKind::Authorization, 70), (MixKind::Presentment, 20), (MixKind::Reversal, 10)];
        let mix = match keys.mix.is_empty() {
            true => usual.into_iter().collect(),
            false => keys.mix.clone(),
        };
        let weights = WeightedIndex::new(mix.values())
            .map_err(|error| SimError::Setting(format!("the mix: {error}")))?;
        let portfolio = &hub.portfolio;
        let is_good = |card: &&Card| &*card.status == "active" && card.blocks.is_empty();
        let cards: Vec<Box<str>> = match keys.cards.is_empty() {
            true => portfolio.cards.values().filter(is_good).map(|card| card.id.clone()).collect(),
            false => named(&keys.cards, |id| portfolio.card(id).map(|card| card.id.clone()))?,
        };
        let unprotected =
            |terminal: &&Terminal| terminal.security.mac != crate::device::MacDuty::Required;
        let merchants = portfolio.terminals_of(DeviceCategory::Merchant).filter(unprotected);
        let terminals: Vec<Box<str>> = match keys.terminals.is_empty() {
            true => merchants.map(|terminal| terminal.id.clone()).collect(),
            false => named(&keys.terminals, |id| portfolio.terminal(id).map(|t| t.id.clone()))?,
        };
        if cards.is_empty() || terminals.is_empty() {
            let cause = "the portfolio has no good card or no merchant's terminal for the mix";
            return Err(SimError::Setting(cause.to_owned()));
        }
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        // The rules draw from the streams above it.
        random.set_stream(0);
        Ok(Self {
            hub: Arc::clone(hub),
            kinds: mix.into_keys().collect(),
            weights,
            cards,
            terminals,
            amounts: keys.amount.map_or(USUAL_AMOUNTS, |range| range.from..=range.to),
            rate: keys.rate.unwrap_or(10.0),
            count: keys.count.unwrap_or(u64::MAX),
            duration: keys.duration.map_or(Duration::MAX, |time| time.0),
            random,
            approved: Arc::default(),
            files: 0,
        })
    }

    async fn play(mut self, stop: &watch::Receiver<bool>) -> Result<(), SimError> {
        let (began, open) = (Instant::now(), Arc::new(Semaphore::new(OPEN_MOST)));
        let mut stopped = stop.clone();
        for number in 0..self.count {
            // A message is due when the rate says so, whether the one before it is answered or not.
            let due = Duration::from_secs_f64(exact(number) / self.rate);
            if due > self.duration {
                break;
            }
            tokio::select! {
                () = tokio::time::sleep_until((began + due).into()) => {}
                _ = stopped.wait_for(|stop| *stop) => break,
            }
            let Ok(permit) = Arc::clone(&open).acquire_owned().await else { break };
            let peer = peer(&self.hub).await?;
            let (made, is_authorization) = self.next()?;
            let (hub, approved) = (Arc::clone(&self.hub), Arc::clone(&self.approved));
            tokio::spawn(async move {
                let Made { seen, body, mut sent, .. } = made;
                let answer = hub.ask_and_tell(&peer, &seen, &body, None).await;
                if let Some(answer) = answer.ok().filter(Answer::is_approved)
                    && is_authorization
                {
                    sent.approval = answer.auth_code();
                    lock(&approved).push(sent);
                }
                drop(permit);
            });
        }
        // What is open is answered, or given up.
        let all = u32::try_from(OPEN_MOST).unwrap_or(u32::MAX);
        let _closed = open.acquire_many(all).await;
        Ok(())
    }

    /// The next message, and whether others may be about it.
    fn next(&mut self) -> Result<(Made, bool), SimError> {
        let at = self.weights.sample(&mut self.random);
        let mut kind = self.kinds.get(at).map_or(SendKind::Echo, |kind| kind.kind());
        let (card, terminal) =
            (pick(&self.cards, &mut self.random), pick(&self.terminals, &mut self.random));
        let amount = self.random.random_range(self.amounts.clone());
        let hub = Arc::clone(&self.hub);
        let (card, terminal) = (hub.portfolio.card(card)?, hub.portfolio.terminal(terminal)?);
        let mut about = None;
        if matches!(kind, SendKind::Presentment | SendKind::Reversal) {
            // Drawn whatever there is by now, so that a seed sends the same kinds at any speed.
            let which = self.random.random_range(0..usize::MAX);
            let mut approved = lock(&self.approved);
            match approved.len() {
                // Nothing to be about yet: something to be about later.
                0 => kind = SendKind::Authorization,
                count => about = Some(approved.swap_remove(which % count)),
            }
        }
        let order = match kind {
            SendKind::Echo => Order::bare(kind, terminal),
            SendKind::FileAction => self.file_action(branch_terminal(&hub)?),
            _ => match &about {
                Some(about) => about.order(&hub, kind)?,
                None => {
                    let pin = card.pin.clone();
                    let amount = Some(amount);
                    Order { card: Some(card), amount, pin, ..Order::bare(kind, terminal) }
                }
            },
        };
        let is_authorization = matches!(kind, SendKind::Authorization);
        Ok((order.make(&hub)?, is_authorization))
    }

    /// Puts a range that no card of the portfolio is in on the stop-list, asks for it, takes it off.
    fn file_action<'t>(&mut self, terminal: &'t Terminal) -> Order<'t> {
        let actions = [FileAction::Add, FileAction::Inquire, FileAction::Remove];
        let action = actions.get(self.files % 3).copied().unwrap_or(FileAction::Inquire);
        self.files += 1;
        let until = (action == FileAction::Add).then(|| "491231".to_owned());
        let range = Some("94179999-94179999".to_owned());
        let file = Some(FileOrder { action, until, range });
        Order { file, ..Order::bare(SendKind::FileAction, terminal) }
    }
}

impl Sent {
    fn order<'a>(&'a self, hub: &'a Hub, kind: SendKind) -> Result<Order<'a>, SimError> {
        let keys: SendKeys = SendKeys::about(kind);
        Order::of_line(hub, &keys, Some(self))
    }
}

fn named(
    names: &[String],
    find: impl Fn(&str) -> Result<Box<str>, SimError>,
) -> Result<Vec<Box<str>>, SimError> {
    names.iter().map(|name| find(name)).collect()
}

fn pick<'a>(names: &'a [Box<str>], random: &mut ChaCha8Rng) -> &'a str {
    names.get(random.random_range(0..names.len().max(1))).map_or("", |name| name)
}

#[allow(clippy::cast_precision_loss)] // Counts of messages are far below 2^52.
const fn exact(number: u64) -> f64 {
    number as f64
}

/// Tells the issuer what it is still to be told, for as long as the host runs. What is not answered
/// is told again, as a repeat.
pub(super) async fn advise(hub: Arc<Hub>) {
    loop {
        let next = lock(&hub.backlog).front().cloned();
        let Some((mti, fields)) = next else {
            hub.backlog_grew.notified().await;
            continue;
        };
        let issuer = hub.issuer.borrow().clone().filter(|peer| !peer.is_gone());
        let Some(peer) = issuer else {
            let mut changed = hub.issuer.subscribe();
            let there = |peer: &Option<Peer>| peer.as_ref().is_some_and(|peer| !peer.is_gone());
            let _there = changed.wait_for(there).await;
            continue;
        };
        let Ok((seen, body)) = hub.due(mti, &fields) else {
            lock(&hub.backlog).pop_front();
            lock(&hub.summary).happened("advice that cannot be made");
            continue;
        };
        advise_until_answered(&hub, peer, seen, body).await;
        lock(&hub.backlog).pop_front();
        hub.backlog_grew.notify_one();
    }
}

async fn advise_until_answered(hub: &Hub, mut peer: Peer, mut seen: Seen, mut body: Vec<u8>) {
    while hub.ask_and_tell(&peer, &seen, &body, None).await.is_err() {
        tokio::time::sleep(AGAIN).await;
        let mut changed = hub.issuer.subscribe();
        let there = |peer: &Option<Peer>| peer.as_ref().is_some_and(|peer| !peer.is_gone());
        if let Ok(found) = changed.wait_for(there).await
            && let Some(found) = found.clone()
        {
            peer = found;
        }
        seen.mti = seen.mti.as_repeat();
        if let Ok(again) = crate::intent::encode(hub.endpoint.dialect(), seen.mti, &seen.fields) {
            body = again;
        }
    }
    lock(&hub.summary).happened(match seen.mti.class() {
        payment_types::Class::Reversal => "reversals told later",
        _ => "advices told later",
    });
}

/// An echo whenever nothing was sent for a while.
pub(super) async fn echo(hub: Arc<Hub>, every: Duration) {
    let sent = |hub: &Hub| {
        let summary = lock(&hub.summary);
        summary.sent.values().chain(summary.came.values()).map(|row| row.messages).sum::<u64>()
    };
    let mut before = sent(&hub);
    loop {
        tokio::time::sleep(every).await;
        let now = sent(&hub);
        let issuer = hub.issuer.borrow().clone().filter(|peer| !peer.is_gone());
        if let (true, Some(peer), Ok(terminal)) = (now == before, issuer, usual_terminal(&hub)) {
            let order = Order::bare(SendKind::Echo, terminal);
            let _answer = send(&hub, &peer, &order, Some("00")).await;
        }
        before = sent(&hub);
    }
}
