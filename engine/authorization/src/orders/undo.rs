//! What an order may be undone over, and by whom (SIG-1). Undoing brings back what two people had
//! agreed on before, so one is enough, as long as what stands is still what the order put there;
//! where it gives somebody rights, or lifts what two people lift, it is not anybody's.

use super::book::WHOLE;
use super::rules::tree;
use super::things::users_of;
use super::{Order, OrderChange, OrderKind, OrderRefusal};
use crate::{Signature, State};
use compact_str::CompactString;
use limits::{RulePath, RuleText, Setting};

impl State {
    /// Everything an order changed must stand as it put it, or be back already as it was before:
    /// what somebody changed by hand meanwhile is not written over.
    pub(super) fn stands_as_put(&self, order: &Order) -> Result<(), OrderRefusal> {
        let text = tree(self.rules_text()).map_err(OrderRefusal::Problems)?;
        for change in &order.changes {
            let now = if order.kind.is_of_rules() {
                self.rule_setting(&text, &change.path).map(|(now, _)| now)
            } else {
                self.thing(order.kind, &change.path)
            };
            let now = now.map_err(|problem| OrderRefusal::Problems(vec![problem]))?;
            let as_put = if order.kind.is_of_rules() {
                rule_as_put(&text, change, now.as_ref())
            } else {
                self.thing_as_put(order.kind, change, now.as_ref())
            };
            if !as_put && now != change.from {
                let now = now.map_or_else(|| "nothing".to_owned(), |now| now.json());
                return Err(OrderRefusal::StandsOtherwise { path: change.path.clone(), now });
            }
        }
        Ok(())
    }

    /// The roles whose signature undoes an order: those who write such orders, or a checker's, and
    /// anybody's of them, unless two people are needed for what it does.
    pub(super) fn may_undo(
        &self,
        order: &Order,
        signature: &Signature,
    ) -> Result<[&'static str; 2], OrderRefusal> {
        if !needs_another(order) {
            return Ok([order.kind.maker_role(), "checker"]);
        }
        let name = &signature.signer;
        if order.authors.contains(name) {
            return Err(OrderRefusal::SamePerson { name: name.clone() });
        }
        not_about(order, name)?;
        Ok(["checker"; 2])
    }
}

/// Nobody decides about his own rights (SIG-1).
pub(super) fn not_about(order: &Order, name: &CompactString) -> Result<(), OrderRefusal> {
    if users_of(order.kind, &order.changes).contains(name) {
        return Err(OrderRefusal::AboutSigner { name: name.clone() });
    }
    Ok(())
}

/// Whether undoing an order gives what takes two people: rights, or a card that was blocked on
/// suspicion.
fn needs_another(order: &Order) -> bool {
    match order.kind {
        OrderKind::Users => true,
        OrderKind::CardBlocks => order.changes.iter().any(|change| {
            let (_, reason) = change.path.rsplit_once('.').unwrap_or_default();
            let reason = crate::BlockReason::from_name(reason);
            change.to.is_some() && reason.is_some_and(crate::BlockReason::needs_two_to_lift)
        }),
        _ => false,
    }
}

/// Whether a setting of the rule set is what a change made of it: a table that was written without
/// the name that its path says has it now.
fn rule_as_put(text: &RuleText, change: &OrderChange, now: Option<&Setting>) -> bool {
    let Some(to) = &change.to else { return now.is_none() };
    let empty = RuleText::parse("");
    let put = match (change.path.as_str(), empty) {
        (_, Err(_)) => return false,
        (WHOLE, _) => return whole_as_put(text, to).unwrap_or(false),
        (path, Ok(mut alone)) => RulePath::parse(path).ok().and_then(|path| {
            alone.set(&path, Some(to), None).ok()?;
            alone.get(&path).map(|(put, _)| put)
        }),
    };
    put.as_ref() == now
}

/// The same of a whole rule set: its version is the order's, its comments are gone.
fn whole_as_put(text: &RuleText, to: &Setting) -> Option<bool> {
    let version = RulePath::parse("version").ok()?;
    let mut put = RuleText::parse(to.as_text()?).ok()?;
    put.set(&version, text.get(&version).map(|(now, _)| now).as_ref(), None).ok()?;
    Some(put == *text)
}
