//! The row of one decided message: the transaction with its trace.

use crate::batch::{Place, int};
use crate::{HistoryError, names};
use authorization::{Decided, Request, TraceEntry};
use payment_types::Mti;
use rusqlite::{Connection, params};
use std::fmt::Write;

pub(crate) fn write(
    sql: &Connection,
    place: Place,
    request: &Request,
    decided: &Decided,
) -> Result<(), HistoryError> {
    if decided.decision.is_repeat {
        return write_retransmission(sql, place, request.mti, decided);
    }
    write_transaction(sql, place, request, decided)
}

fn write_retransmission(
    sql: &Connection,
    place: Place,
    mti: Mti,
    decided: &Decided,
) -> Result<(), HistoryError> {
    let original = int(decided.decision.transaction.0);
    sql.prepare_cached("INSERT INTO retransmissions VALUES (?1, ?2, ?3, ?4, ?5)")?
        .execute(params![place.sequence, original, place.at, place.zone, mti.number()])?;
    Ok(())
}

const INSERT: &str = "INSERT INTO transactions VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, \
    ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, \
    ?29, ?30, ?31, ?32, ?33, ?34, ?35)";

fn write_transaction(
    sql: &Connection,
    place: Place,
    request: &Request,
    decided: &Decided,
) -> Result<(), HistoryError> {
    let (decision, parties) = (&decided.decision, &decided.parties);
    let (amounts, result) = (&decision.amounts, decision.result);
    let (hold, hold_amount) = names::hold(decided.movement.hold);
    sql.prepare_cached(INSERT)?.execute(params![
        place.sequence,
        place.at,
        place.zone,
        request.mti.without_repeat().number(),
        request.processing_code.number(),
        parties.card,
        request.card.as_ref().map(|card| card.masked.as_str()),
        parties.account.map(|slot| slot.0),
        request.terminal.as_str(),
        request.acceptor.as_str(),
        request.mcc.map(|mcc| mcc.0),
        int(request.amount.minor()),
        request.amount.currency().numeric(),
        request.cash_back.map(int),
        request.replacement.map(int),
        request.entry_mode.number(),
        names::pin(request.facts.pin),
        request.stan.number(),
        request.local.number(),
        request.transmission.number(),
        int(request.acquirer.0),
        result.is_approval(),
        result.name(),
        decision.code_override.as_ref().map_or(result.code(), |code| code.as_str()),
        decision.authorization_code.as_ref().map(|code| code.as_str()),
        decision.rrn.as_str(),
        names::liability(decision.liability),
        amounts.approved.map(int),
        amounts.hand_out.map(|(minor, _)| int(minor)),
        amounts.cap_left.map(|(minor, _)| int(minor)),
        hold,
        hold_amount,
        decided.original.map(|original| int(original.0)),
        decided.rules.as_str(),
        trace_text(&decided.trace),
    ])?;
    Ok(())
}

/// The trace as it stands in its column (see `schema.sql`). Most rules looked at do not apply and
/// have no numbers, so they are left out where they are all 0.
fn trace_text(trace: &[TraceEntry]) -> String {
    let mut text = String::with_capacity(trace.len().saturating_mul(24).saturating_add(2));
    text.push('[');
    for (at, entry) in trace.iter().enumerate() {
        let comma = if at == 0 { "" } else { "," };
        let (rule, verdict) = (entry.rule.id(), names::verdict_letter(entry.verdict));
        let _written = write!(text, "{comma}[\"{rule}\",\"{verdict}\",");
        let _written = match entry.limit {
            Some(limit) => write!(text, "{limit}"),
            None => write!(text, "null"),
        };
        let (asked, used, ceiling) = (entry.asked, entry.used, entry.ceiling);
        if (asked, used, ceiling) != (0, 0, 0) {
            let _written = write!(text, ",{asked},{used},{ceiling}");
        }
        text.push(']');
    }
    text.push(']');
    text
}
