//! Issuer scripts (71, 72): what a card's chip is told to do with the next answer it gets online,
//! and what came of it.
//!
//! The core knows what is to be done, by which identifier (9F18), and what the terminal reported
//! (9F5B); the edge makes the commands with their MAC. A script goes with every answer to a chip in
//! contact with a right cryptogram, approved or not, until its result is told.

use crate::settings::refused;
use crate::{Done, KeyRole, Refusal, RuleId, ScriptOutcome, ScriptResult, State};
use arrayvec::ArrayVec;
use compact_str::format_compact;
use payment_types::{Sequence, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Scripts that one answer carries.
pub const SCRIPTS_MOST: usize = 2;

/// Scripts that a card has waiting, and the last ones that are done with.
const MOST: usize = 8;

/// Bytes of data of a PUT DATA.
pub const PUT_DATA_MOST: usize = 8;

/// Bytes of all scripts of an answer with their templates that every terminal takes (EMV Book 4,
/// 12.2.4).
pub const SCRIPT_BYTES_MOST: usize = 128;

/// Bytes of a script at most: template, identifier (9F18), and the command (86) with five bytes of
/// header, sixteen of an enciphered PIN, which is the longest data there are, and eight of MAC.
pub const SCRIPT_LONGEST: usize = 2 + 7 + 2 + 5 + 16 + 8;

// What one answer carries is within the limit by construction, so nothing is ever cut.
const _: () = assert!(SCRIPTS_MOST * SCRIPT_LONGEST <= SCRIPT_BYTES_MOST);
const _: () = assert!(PUT_DATA_MOST <= 16, "no data are longer than a PIN's");

/// What a chip is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScriptKind {
    /// APPLICATION BLOCK: nothing is approved any more; can be lifted.
    ApplicationBlock,
    /// APPLICATION UNBLOCK.
    ApplicationUnblock,
    /// CARD BLOCK: for good.
    CardBlock,
    /// PIN CHANGE/UNBLOCK without a new PIN: the chip's own try counter begins anew.
    PinUnblock,
    /// PIN CHANGE/UNBLOCK with the new PIN of the request that it answers (PIN-4).
    PinChange,
    /// PUT DATA: counters and limits of the chip.
    PutData {
        /// Which element, such as 9F58.
        tag: u16,
        /// Its value, filled with 0 on the right.
        value: [u8; PUT_DATA_MOST],
        /// How many bytes of it count.
        length: u8,
    },
}

impl ScriptKind {
    /// The names of all kinds.
    pub const NAMES: [&'static str; 6] = [
        "application_block",
        "application_unblock",
        "card_block",
        "pin_unblock",
        "pin_change",
        "put_data",
    ];

    /// The name in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ApplicationBlock => "application_block",
            Self::ApplicationUnblock => "application_unblock",
            Self::CardBlock => "card_block",
            Self::PinUnblock => "pin_unblock",
            Self::PinChange => "pin_change",
            Self::PutData { .. } => "put_data",
        }
    }
}

/// When the chip is told: before it makes its final cryptogram, or after (EMV Book 3, 10.10).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScriptTemplate {
    /// Tag 71: before the second GENERATE AC, so that it binds the transaction itself.
    BeforeFinal,
    /// Tag 72: after it. What every scheme's chips take, so what is sent where nothing is said.
    #[default]
    AfterFinal,
}

impl ScriptTemplate {
    /// The template's tag, as people write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::BeforeFinal => "71",
            Self::AfterFinal => "72",
        }
    }
}

/// The kinds of script that a product's chips are told before their final cryptogram.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ScriptsBeforeFinal(u8);

impl ScriptsBeforeFinal {
    /// With the kind of that name; `None` if there is none.
    #[must_use]
    pub fn with(self, name: &str) -> Option<Self> {
        let place = ScriptKind::NAMES.iter().position(|known| *known == name)?;
        Some(Self(self.0 | 1 << place))
    }

    /// The template that a script goes in.
    #[must_use]
    pub fn template(self, kind: ScriptKind) -> ScriptTemplate {
        let place = ScriptKind::NAMES.iter().position(|name| *name == kind.name());
        match place.is_some_and(|place| self.0 >> place & 1 == 1) {
            true => ScriptTemplate::BeforeFinal,
            false => ScriptTemplate::AfterFinal,
        }
    }
}

/// A script that goes with an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScriptOrder {
    /// 9F18.
    pub identifier: u32,
    /// What the chip is told.
    pub kind: ScriptKind,
    /// When.
    pub template: ScriptTemplate,
}

/// The scripts of an answer, in their order.
pub type ScriptOrders = [Option<ScriptOrder>; SCRIPTS_MOST];

/// How far a script has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScriptStanding {
    /// It waits for the card.
    Queued,
    /// It went with an answer, and nobody said yet what came of it.
    Sent,
    /// The chip carried it out.
    Confirmed,
    /// The chip did not.
    Failed,
}

/// A script of a card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardScript {
    /// 9F18; the card's own numbers, from 1.
    pub identifier: u32,
    /// What the chip is told.
    pub kind: ScriptKind,
    /// How far it has come.
    pub standing: ScriptStanding,
    /// When it was queued.
    pub queued_at: Timestamp,
    /// The transaction whose answer carried it last.
    pub sent_with: Option<Sequence>,
    /// The template it went in last.
    pub template: ScriptTemplate,
}

impl CardScript {
    /// Whether its result is still to come.
    #[must_use]
    pub const fn waits(&self) -> bool {
        matches!(self.standing, ScriptStanding::Queued | ScriptStanding::Sent)
    }
}

/// The scripts of a card.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CardScripts {
    last: u32,
    list: Vec<CardScript>,
}

/// The cards that have any.
pub(crate) type Scripts = BTreeMap<u32, CardScripts>;

/// What a decision does to a card's scripts.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ScriptStep {
    pub(crate) sent: ScriptOrders,
    pub(crate) results: [Option<ScriptResult>; SCRIPTS_MOST],
}

impl ScriptStep {
    pub(crate) fn is_empty(&self) -> bool {
        self.sent.iter().all(Option::is_none) && self.results.iter().all(Option::is_none)
    }
}

impl CardScripts {
    fn next(&self) -> u32 {
        self.last.saturating_add(1)
    }

    fn add(
        &mut self,
        kind: ScriptKind,
        standing: ScriptStanding,
        at: Timestamp,
    ) -> &mut CardScript {
        self.last = self.next();
        let old = self.list.iter().position(|script| !script.waits());
        if let (true, Some(old)) = (self.list.len() >= MOST.saturating_mul(2), old) {
            self.list.remove(old);
        }
        self.list.push(CardScript {
            identifier: self.last,
            kind,
            standing,
            queued_at: at,
            sent_with: None,
            template: ScriptTemplate::default(),
        });
        let last = self.list.len().saturating_sub(1);
        self.list.get_mut(last).unwrap_or_else(|| unreachable!("it was pushed"))
    }
}

impl State {
    /// A card's scripts, in the order in which they were queued.
    #[must_use]
    pub fn card_scripts(&self, slot: u32) -> &[CardScript] {
        self.scripts.get(&slot).map(|scripts| scripts.list.as_slice()).unwrap_or_default()
    }

    /// What goes with the next answer to a card's chip: what never went first, then what nobody
    /// answered for. A new PIN can only be sent with the request that brings it.
    pub(crate) fn scripts_for(
        &self,
        slot: u32,
        new_pin: bool,
        told: &[Option<ScriptResult>],
    ) -> ScriptOrders {
        let is_done = |identifier| {
            let mut told = told.iter().flatten().filter(|told| told.identifier == identifier);
            told.any(|told| told.outcome != ScriptOutcome::NotPerformed)
        };
        if self.card_key(slot, KeyRole::ImkSmi).is_none() {
            // Nothing can be made without the key for its MAC, so nothing counts as sent.
            return ScriptOrders::default();
        }
        let before_final = self.scripts_before_final(slot);
        let mut orders = ArrayVec::<ScriptOrder, SCRIPTS_MOST>::new();
        let scripts = self.scripts.get(&slot);
        if new_pin {
            let (identifier, kind) = (scripts.map_or(1, CardScripts::next), ScriptKind::PinChange);
            orders.push(ScriptOrder { identifier, kind, template: before_final.template(kind) });
        }
        for standing in [ScriptStanding::Queued, ScriptStanding::Sent] {
            for script in self.card_scripts(slot) {
                let can_go = script.kind != ScriptKind::PinChange && !is_done(script.identifier);
                if script.standing == standing && can_go {
                    let (identifier, kind) = (script.identifier, script.kind);
                    let template = before_final.template(kind);
                    let _full = orders.try_push(ScriptOrder { identifier, kind, template });
                }
            }
        }
        // As the terminal carries them out, and as a repeat finds them again.
        orders.sort_by_key(|order| (order.template, order.identifier));
        let mut all = ScriptOrders::default();
        all.iter_mut().zip(orders).for_each(|(to, order)| *to = Some(order));
        all
    }

    /// What the card's product tells its chips before their final cryptogram.
    fn scripts_before_final(&self, slot: u32) -> ScriptsBeforeFinal {
        let account = self.card(slot).and_then(|card| self.ledger.account(card.account));
        let product = account.and_then(|account| self.directory.product(account.product));
        product.map(|product| product.security.scripts_before_final).unwrap_or_default()
    }

    /// What went with a transaction's answer, for its repeat.
    pub(crate) fn scripts_sent_with(&self, slot: u32, sequence: Sequence) -> ScriptOrders {
        let sent = self.card_scripts(slot).iter().filter(|row| row.sent_with == Some(sequence));
        let mut orders = ArrayVec::<ScriptOrder, SCRIPTS_MOST>::new();
        for script in sent.take(SCRIPTS_MOST) {
            let (identifier, kind, template) = (script.identifier, script.kind, script.template);
            orders.push(ScriptOrder { identifier, kind, template });
        }
        orders.sort_by_key(|order| (order.template, order.identifier));
        let mut all = ScriptOrders::default();
        all.iter_mut().zip(orders).for_each(|(to, order)| *to = Some(order));
        all
    }

    pub(crate) fn step_scripts(
        &mut self,
        slot: u32,
        step: ScriptStep,
        (sequence, at): (Sequence, Timestamp),
    ) {
        let scripts = self.scripts.entry(slot).or_default();
        for result in step.results.into_iter().flatten() {
            let is_it = |script: &&mut CardScript| {
                script.identifier == result.identifier && script.standing == ScriptStanding::Sent
            };
            let Some(script) = scripts.list.iter_mut().find(is_it) else { continue };
            script.standing = match result.outcome {
                ScriptOutcome::Successful => ScriptStanding::Confirmed,
                ScriptOutcome::NotPerformed if script.kind != ScriptKind::PinChange => {
                    ScriptStanding::Queued
                }
                ScriptOutcome::NotPerformed | ScriptOutcome::Failed => ScriptStanding::Failed,
            };
        }
        for order in step.sent.into_iter().flatten() {
            let known =
                scripts.list.iter_mut().find(|script| script.identifier == order.identifier);
            let script = match known {
                Some(script) => script,
                None => scripts.add(order.kind, ScriptStanding::Queued, at),
            };
            script.standing = ScriptStanding::Sent;
            script.sent_with = Some(sequence);
            script.template = order.template;
        }
        if scripts.list.is_empty() {
            self.scripts.remove(&slot);
        }
    }

    /// Puts a script into a card's queue.
    pub(crate) fn queue_script(
        &mut self,
        slot: u32,
        kind: ScriptKind,
        at: Timestamp,
    ) -> Result<Done, Refusal> {
        let wrong = |field: &str, detail| Err(refused(RuleId::Sec2, field, detail));
        let card = self.card(slot).ok_or(Refusal::UnknownCard)?;
        if !matches!(card.service_code / 100, 2 | 6) {
            return wrong("card", format_compact!("has no chip by its service code"));
        }
        match kind {
            ScriptKind::PinChange => {
                return wrong("kind", format_compact!("goes only with a PIN change at an ATM"));
            }
            ScriptKind::PutData { length, .. }
                if length == 0 || usize::from(length) > PUT_DATA_MOST =>
            {
                return wrong("value", format_compact!("has 1 to {PUT_DATA_MOST} bytes"));
            }
            _ => {}
        }
        let scripts = self.scripts.entry(slot).or_default();
        let waiting = scripts.list.iter().filter(|script| script.waits());
        if waiting.clone().any(|script| script.kind == kind) {
            return wrong("kind", format_compact!("waits for the card already"));
        }
        if waiting.count() >= MOST {
            return wrong("card", format_compact!("has {MOST} scripts waiting already"));
        }
        scripts.add(kind, ScriptStanding::Queued, at);
        Ok(Done::CardSet)
    }

    /// Takes a script back that did not go yet; one that went can't be called back.
    pub(crate) fn cancel_script(&mut self, slot: u32, identifier: u32) -> Result<Done, Refusal> {
        let list = self.scripts.get_mut(&slot).map(|scripts| &mut scripts.list);
        let is_it = |script: &CardScript| {
            script.identifier == identifier && script.standing == ScriptStanding::Queued
        };
        let found = list.and_then(|list| Some((list.iter().position(is_it)?, list)));
        let Some((place, list)) = found else {
            let detail = format_compact!("there is no such script that has not gone yet");
            return Err(refused(RuleId::Sec2, "id", detail));
        };
        list.remove(place);
        Ok(Done::CardSet)
    }
}
