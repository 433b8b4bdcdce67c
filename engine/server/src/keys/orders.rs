//! Change orders about keys (SIG-1), put in force: the security module prepares the change, which
//! is staged beside the store, journaled with the order's step, and then takes the store's place.
//! What can't be prepared makes the order fail, with the reason, and changes nothing.

use super::{KeyRequest, NO_STORE, event_of, until};
use crate::clock::Clock;
use crate::shard::{Answered, Shard, ShardError};
use authorization::{
    Command, Done, IdempotencyKey, KeyEvent, KeyStaged, KeyWish, Order, OrderChange, OrderCommand,
    OrderDone, OrderStatus, Outcome, RolledBackBy,
};
use compact_str::CompactString;
use payment_types::Moment;
use security::{
    CheckValue, KeyChange, KeyLife, KeyRefusal, Prepared, SecurityModule, SetVersion, VersionState,
};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tracing::{error, info, warn};

/// One change at a time: between the check and the journal nobody else may change the store.
pub(crate) static CHANGES: Mutex<()> = Mutex::const_new(());

/// How often orders are looked at that became due by themselves.
const EVERY: Duration = Duration::from_secs(1);

/// Puts orders in force as they become due, for as long as the engine runs.
pub(crate) async fn watch(shard: Shard, security: Arc<dyn SecurityModule>, clock: Clock) {
    loop {
        let keeper = Keeper { shard: &shard, security: &security, now: clock.now() };
        if let Err(ShardError::Stopped(_)) = keeper.put_in_force().await {
            return;
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// What orders about keys are carried out with.
pub(crate) struct Keeper<'k> {
    pub(crate) shard: &'k Shard,
    pub(crate) security: &'k Arc<dyn SecurityModule>,
    pub(crate) now: Moment,
}

/// Why an order about a key was not rolled back.
#[derive(Debug)]
pub(crate) enum NotRolledBack {
    /// The module refuses.
    Refused(KeyRefusal),
    /// The shard did not answer.
    Shard(ShardError),
}

impl From<KeyRefusal> for NotRolledBack {
    fn from(refusal: KeyRefusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<ShardError> for NotRolledBack {
    fn from(error: ShardError) -> Self {
        Self::Shard(error)
    }
}

impl Keeper<'_> {
    /// Puts every order about a key in force that is due, in order.
    ///
    /// # Errors
    /// The shard's; what is left is due the next time.
    pub(crate) async fn put_in_force(&self) -> Result<(), ShardError> {
        let _only_one = CHANGES.lock().await;
        loop {
            let now = self.now.at;
            let look = move |core: &authorization::State, _| core.orders().due_key(now).cloned();
            let Some(order) = self.shard.query(look).await? else { return Ok(()) };
            if !self.one(&order).await? {
                return Ok(());
            }
        }
    }

    /// Puts one in force, or has it fail; false if it waits.
    async fn one(&self, order: &Order) -> Result<bool, ShardError> {
        let id = order.id;
        let ready = order
            .changes
            .first()
            .ok_or_else(|| KeyRefusal::conflict("changes", "it changes nothing"))
            .and_then(|change| self.stage(id, change));
        let (staged, prepared) = match ready {
            Ok((event, prepared)) => (KeyStaged::Ready(Box::new(event)), Some(prepared)),
            Err(refusal) => (KeyStaged::Refused(refusal.message.as_str().into()), None),
        };
        let command = OrderCommand::ActivateKey { order: id, staged };
        let answered = self.shard.command(Command::Order(Box::new(command)), None).await?;
        match came_of(&answered) {
            Some(done) if done.status == OrderStatus::Active => {
                info!(order = id, "an order about a key is in force");
                self.complete(id, prepared).await;
            }
            // What was staged is not journaled: the next change, or start, drops it.
            Some(done) => {
                let why = done.problems.first().map_or("", |problem| problem.message.as_str());
                warn!(order = id, why, "an order about a key failed; nothing changed");
            }
            None => {
                warn!(order = id, outcome = ?answered.outcome, "an order about a key waits");
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Undoes an order about a key.
    ///
    /// # Errors
    /// [`NotRolledBack`]; what the core refuses is the answer's outcome.
    pub(crate) async fn roll_back(
        &self,
        order: u64,
        by: RolledBackBy,
        reason: CompactString,
        key: Option<IdempotencyKey>,
    ) -> Result<Answered, NotRolledBack> {
        let _only_one = CHANGES.lock().await;
        let look = move |core: &authorization::State, _| core.orders().get(order).cloned();
        let found = self.shard.query(look).await?;
        let back = found.as_ref().and_then(|order| order.changes.first()).map(OrderChange::inverse);
        let back = back.ok_or_else(|| KeyRefusal::not_found("order", "there is no such order"))?;
        let (event, prepared) = self.stage(order, &back)?;
        let staged = Box::new(event);
        let command = OrderCommand::RollBackKey { order, by, reason, staged };
        let answered = self.shard.command(Command::Order(Box::new(command)), key).await?;
        let undone = came_of(&answered).is_some_and(|o| o.status == OrderStatus::RolledBack);
        if undone && !answered.replayed {
            self.complete(order, Some(prepared)).await;
        }
        Ok(answered)
    }

    /// Whether the module would take a change now; nothing is done.
    ///
    /// # Errors
    /// Why not.
    pub(crate) fn would(&self, change: &OrderChange) -> Result<(), KeyRefusal> {
        let life = self.life()?;
        life.prepare(&self.change(life, change)?, "order", self.now.at).map(|_| ())
    }

    fn life(&self) -> Result<&dyn KeyLife, KeyRefusal> {
        let life = self.security.key_life();
        let life = life.ok_or_else(|| KeyRefusal::conflict("store", NO_STORE))?;
        life.advance(self.now.at);
        Ok(life)
    }

    fn stage(&self, id: u64, change: &OrderChange) -> Result<(KeyEvent, Prepared), KeyRefusal> {
        let (life, by) = (self.life()?, format!("order {id}"));
        let mut prepared = life.prepare(&self.change(life, change)?, &by, self.now.at)?;
        let store = life.stage(&mut prepared)?;
        let event = event_of(&prepared.facts, &by, &store);
        Ok((event, prepared))
    }

    /// Puts what was staged and journaled in the store's place.
    async fn complete(&self, order: u64, prepared: Option<Prepared>) {
        let Some(prepared) = prepared else { return };
        let security = Arc::clone(self.security);
        let written = tokio::task::spawn_blocking(move || match security.key_life() {
            Some(life) => life.complete(prepared).map_err(|refusal| refusal.message),
            None => Err(NO_STORE.to_owned()),
        });
        match written.await {
            Ok(Ok(_)) => super::watch::tick(self.security.as_ref(), self.now),
            Ok(Err(why)) => error!(
                order,
                why,
                "ALARM: a change of a key is journaled and not written; the next start does it"
            ),
            Err(_) => error!(order, "ALARM: the key store's writer failed; start again"),
        }
    }

    /// What the module is asked for.
    fn change(&self, life: &dyn KeyLife, change: &OrderChange) -> Result<KeyChange, KeyRefusal> {
        let wish = KeyWish::of(change).map_err(|why| KeyRefusal::invalid("changes", why))?;
        match wish {
            KeyWish::Make { name, usage, algorithm, pvki, expires_on, accept_old_until } => {
                let action = if accept_old_until.is_some() { "rotate" } else { "generate" };
                let mut request = KeyRequest::default();
                action.clone_into(&mut request.action);
                request.name = name;
                (request.usage, request.algorithm, request.pvki) = (usage, algorithm, pvki);
                request.expires_on = expires_on.map(|date| date.to_string());
                request.accept_old_until = accept_old_until;
                request.change(life, self.now.offset)
            }
            KeyWish::Set { name, version, check_value, state, accepted_until, expires_on } => {
                let state = match (state, accepted_until) {
                    ("current", _) => VersionState::Current,
                    ("retired", _) => VersionState::Retired,
                    ("destroyed", _) => VersionState::Destroyed,
                    (_, text) => {
                        let text = text.unwrap_or_default();
                        let until = until(&text, self.now.offset);
                        VersionState::Accepted(until.map_err(|refusal| {
                            KeyRefusal::invalid("accepted_until", refusal.message)
                        })?)
                    }
                };
                let check_value = CheckValue::from_hex(&check_value).ok_or_else(|| {
                    let message = "a check value is six hex digits, such as 08D7B4";
                    KeyRefusal::invalid("check_value", message)
                })?;
                let set = SetVersion { name, version, check_value, state, expires_on };
                Ok(KeyChange::Set(set))
            }
        }
    }
}

fn came_of(answered: &Answered) -> Option<&OrderDone> {
    match &answered.outcome {
        Outcome::Done(Done::Order(done)) => Some(done),
        _ => None,
    }
}
