//! A terminal's new working key on its way to stable storage (PIN-1): it is journaled, and taken
//! over into the register, before the terminal is answered.

use crate::register::{DeviceRegister, RegisterFaults};
use crate::shard::Shard;
use authorization::{Command, Outcome, State};
use interchange::NewKey;
use payment_types::Moment;
use std::sync::Arc;

/// Who asked, in the journal.
const TERMINAL: &str = "terminal";

/// Whether the key is on stable storage and in use; one that is handed out again is there already.
pub(crate) async fn store(
    shard: &Shard,
    register: &Arc<DeviceRegister>,
    key: &mut NewKey,
    now: Moment,
) -> bool {
    let _turn = register.turn(&key.terminal).await;
    // Of several messages that ask at once the first one's key is everybody's.
    if let Some(known) = register.handed_out(&key.terminal, key.role, now)
        && key.give_way_to(&known)
    {
        return true;
    }
    if register.has_current(&key.terminal, key.role, key.sealed.as_bytes()) {
        return true;
    }
    let command = Command::SetTerminalKey {
        terminal: key.terminal,
        role: key.role,
        sealed: key.sealed.as_bytes().to_vec(),
        check_value: key.check_value.to_string().into(),
        entered_by: TERMINAL.into(),
        in_use: register.key_in_use(&key.terminal, key.role),
    };
    match shard.command(command, None).await {
        Ok(answered) if matches!(answered.outcome, Outcome::Done(_)) => {}
        Ok(_) | Err(_) => return false,
    }
    let terminal = key.terminal;
    let look = move |state: &State, _| state.directory().terminal(&terminal).map(|t| t.1.clone());
    let found = shard.query(look);
    let Ok(Some(terminal)) = found.await else { return false };
    let (register, made, role) = (Arc::clone(register), key.handed_out(), key.role);
    // Loading asks the security module, which may have to be waited for.
    let loaded = tokio::task::spawn_blocking(move || {
        let mut faults = RegisterFaults::default();
        register.refresh_terminal(&terminal, &mut faults);
        register.was_handed_out(&terminal.id, role, made);
        faults == RegisterFaults::default()
    });
    loaded.await.unwrap_or(false)
}
