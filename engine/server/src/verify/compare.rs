//! Where two states that should be equal are not.

use authorization::State;

/// The first difference, in words.
pub(super) fn first_difference(snapshot: &State, replayed: &State) -> String {
    accounts(snapshot, replayed)
        .or_else(|| cards(snapshot, replayed))
        .or_else(|| counters(snapshot, replayed))
        .or_else(|| transactions(snapshot, replayed))
        .or_else(|| rules(snapshot, replayed))
        .unwrap_or_else(|| "registers or remembered commands differ".to_owned())
}

fn accounts(snapshot: &State, replayed: &State) -> Option<String> {
    let (kept, found) = (snapshot.ledger(), replayed.ledger());
    if kept.account_count() != found.account_count() {
        let (kept, found) = (kept.account_count(), found.account_count());
        return Some(format!("it has {kept} accounts, the replay {found}"));
    }
    let pair = kept.accounts().zip(found.accounts()).find(|(a, b)| a != b)?;
    let ((slot, kept), (_, found)) = pair;
    let id = replayed.directory().account_id(slot.0);
    Some(format!("account {id} is {kept:?}, by the replay {found:?}"))
}

fn cards(snapshot: &State, replayed: &State) -> Option<String> {
    let pair = snapshot.cards().zip(replayed.cards()).find(|(a, b)| a != b)?;
    let ((slot, kept), (_, found)) = pair;
    let id = replayed.directory().card_id(slot);
    Some(format!("card {id} is {kept:?}, by the replay {found:?}"))
}

fn counters(snapshot: &State, replayed: &State) -> Option<String> {
    let moment = replayed.last_moment();
    for (slot, _) in replayed.cards() {
        let (kept, found) = (snapshot.counters(slot, moment), replayed.counters(slot, moment));
        let Some((kept, found)) = kept.iter().zip(&found).find(|(a, b)| a != b) else { continue };
        let id = replayed.directory().card_id(slot);
        let (rule, used, by) = (found.rule.id(), kept.used, found.used);
        return Some(format!("counter {rule} of card {id} is {used}, by the history {by}"));
    }
    None
}

fn transactions(snapshot: &State, replayed: &State) -> Option<String> {
    let (kept, found) = (snapshot.transactions().len(), replayed.transactions().len());
    (kept != found).then(|| format!("it remembers {kept} transactions, the replay {found}"))
}

fn rules(snapshot: &State, replayed: &State) -> Option<String> {
    let (kept, found) = (snapshot.rules_version(), replayed.rules_version());
    (snapshot.rules_text() != replayed.rules_text())
        .then(|| format!("its rule set is {kept}, by the history {found}"))
}
