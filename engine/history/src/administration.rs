//! The rows of everything that changed state and was not a message from a terminal.

use crate::batch::{Batch, Place, int};
use crate::{HistoryError, names, portfolio};
use authorization::{
    AccessCommand, CardChange, Command, DayStanding, DisputeCommand, Done, KeyEvent, KeyRole,
    OnRequestOf, Outcome, PersonalCommand, RateItem, RetireCommand, Subject,
};
use payment_types::{BusinessDate, Currency, Sequence, TerminalId, format_minor};
use rusqlite::{Connection, OptionalExtension, ToSql, params};
use serde_json::{Value, json};

/// A row of the audit table, still without its place.
pub(crate) struct Entry<'c> {
    pub(crate) action: &'static str,
    pub(crate) subject: Option<(&'static str, &'c str)>,
    pub(crate) entered_by: Option<&'c str>,
    pub(crate) details: Value,
}

pub(crate) fn write(
    batch: &mut Batch<'_>,
    place: Place,
    command: &Command,
    outcome: &Outcome,
) -> Result<(), HistoryError> {
    let mut currency = None;
    match (command, outcome) {
        (Command::Import { part, items, .. }, outcome) => {
            portfolio::write(batch, place, *part, items, outcome)?;
        }
        (Command::InstallRules { text }, Outcome::Done(Done::RulesInstalled { version })) => {
            install_rules(batch, place, version, text)?;
        }
        (Command::Credit { account, .. }, Outcome::Refused(_)) => {
            currency = currency_of(batch.sql, "id", account.as_str())?;
        }
        (_, Outcome::Done(Done::Credited { account, .. })) => {
            currency = currency_of(batch.sql, "slot", account.0)?;
        }
        (_, Outcome::Done(Done::HoldsExpired { transactions, .. })) => {
            expire_holds(batch, place, transactions)?;
        }
        (_, Outcome::Done(Done::Order(done))) => {
            if let Some(rules) = &done.rules {
                install_rules(batch, place, &rules.version, &rules.text)?;
            }
        }
        (_, Outcome::Done(Done::Day(part))) => {
            expire_holds(batch, place, &part.expired)?;
        }
        _ => {}
    }
    let entry = entry(command, outcome, currency);
    let opens = matches!(outcome, Outcome::Done(Done::Imported { .. }));
    if opens || outcome.transfers().next().is_some() {
        // A step of the end of a day has no entry of its own.
        let what = entry.as_ref().map_or("end_of_day", |entry| entry.action);
        batch
            .sql
            .prepare_cached("INSERT INTO bookings VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![place.sequence, place.at, place.zone, what])?;
    }
    let Some(entry) = entry else { return Ok(()) };
    let refused = match outcome {
        Outcome::Refused(refusal) => Some(names::refusal(refusal)),
        _ => None,
    };
    about_users(batch, place, command, outcome)?;
    batch
        .sql
        .prepare_cached("INSERT INTO audit VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)")?
        .execute(params![
            place.sequence,
            place.at,
            place.zone,
            entry.action,
            entry.subject.map(|subject| subject.0),
            entry.subject.map(|subject| subject.1),
            entry.entered_by,
            refused,
            entry.details.to_string(),
        ])?;
    Ok(())
}

/// SIG-4: an order about rights is about everybody whose they are.
fn about_users(
    batch: &Batch<'_>,
    place: Place,
    command: &Command,
    outcome: &Outcome,
) -> Result<(), HistoryError> {
    let Command::Order(command) = command else { return Ok(()) };
    for user in crate::orders::about(command, outcome) {
        batch
            .sql
            .prepare_cached("INSERT OR IGNORE INTO audit_users VALUES (?1, ?2)")?
            .execute(params![user, place.sequence])?;
    }
    Ok(())
}

/// What the audit says; nothing for what is only a step of something larger or had no effect.
fn entry<'c>(
    command: &'c Command,
    outcome: &Outcome,
    currency: Option<Currency>,
) -> Option<Entry<'c>> {
    let entry = match command {
        Command::Authorize(_) | Command::Present(_) => return None,
        Command::Block { card, reason, by } => on_request("block", card, reason.name(), by),
        Command::Unblock { card, reason, by } => on_request("unblock", card, reason.name(), by),
        Command::ExemptCard { card, until, by } => exemption(card, *until, by),
        Command::Dispute(command) => dispute(command),
        Command::Retire(command) => retire(command),
        Command::Personal(command) => personal(command),
        Command::StopList { file, actions, by } => stop_list(file, actions.len(), by),
        Command::Arrest { account, authority, document, entered_by } => {
            arrest("arrest", account, authority, document, entered_by)
        }
        Command::LiftArrest { account, authority, document, entered_by } => {
            arrest("lift_arrest", account, authority, document, entered_by)
        }
        Command::Credit { account, amount, reference, purpose, entered_by } => Entry {
            action: "credit",
            subject: Some(("account", account)),
            entered_by: Some(entered_by),
            details: credit_details((*amount, reference, purpose), outcome, currency),
        },
        Command::InstallRules { .. } => Entry {
            action: "install_rules",
            subject: None,
            entered_by: None,
            details: match outcome {
                Outcome::Done(Done::RulesInstalled { version }) => json!({ "version": version }),
                _ => json!({}),
            },
        },
        Command::Import { .. } => return import(outcome),
        Command::SetTerminalKey { terminal, role, check_value, entered_by, .. } => {
            terminal_key(terminal, *role, check_value, entered_by)
        }
        Command::Key(event) => key_event(event),
        Command::Access(command) => access(command, outcome),
        Command::Order(command) => crate::orders::entry(command, outcome),
        Command::Unauthentic { terminal, listener, problem } => {
            unauthentic(terminal, listener, problem)
        }
        Command::SetCard { card, change, by } => set_card(card, change, by),
        Command::LoadRates { rates, entered_by } => Entry {
            action: "load_rates",
            subject: None,
            entered_by: Some(entered_by),
            details: rates_details(rates, outcome),
        },
        Command::ExpireHolds => match outcome {
            Outcome::Done(Done::HoldsExpired { count: 0, .. }) => return None,
            Outcome::Done(Done::HoldsExpired { count, .. }) => {
                system("expire_holds", json!({ "count": count }))
            }
            _ => system("expire_holds", json!({})),
        },
        Command::EndOfDay { date } => match outcome {
            Outcome::Done(Done::Day(part)) if part.standing == DayStanding::UnderWay => {
                return None;
            }
            _ => system("end_of_day", day_details(*date, outcome)),
        },
    };
    Some(entry)
}

fn system(action: &'static str, details: Value) -> Entry<'static> {
    Entry { action, subject: None, entered_by: None, details }
}

fn import(outcome: &Outcome) -> Option<Entry<'static>> {
    let details = match outcome {
        Outcome::Done(Done::ImportStaged) => return None,
        Outcome::Done(Done::Imported { items }) => json!({ "items": items }),
        _ => json!({}),
    };
    Some(system("import", details))
}

fn retire(command: &RetireCommand) -> Entry<'_> {
    let (action, subject, by) = match command {
        RetireCommand::CloseAccount { account, by } => {
            ("close_idle_account", ("account", account.as_str()), by)
        }
        RetireCommand::EndAgreement { account, by } => {
            ("end_agreement", ("account", account.as_str()), by)
        }
        RetireCommand::CancelCard { card, by } => {
            ("cancel_uncollected_card", ("card", card.as_str()), by)
        }
    };
    let details = json!({ "note": by.note });
    Entry { action, subject: Some(subject), entered_by: Some(&by.entered_by), details }
}

/// PII-2 and PII-3: who looked at what, or erased whom, and why.
fn personal(command: &PersonalCommand) -> Entry<'_> {
    let (action, subject, entered_by, reason) = match command {
        PersonalCommand::Look { subject, at, entered_by, reason } => {
            let subject = match subject {
                Subject::Customer(id) => ("customer", id.as_str()),
                Subject::Card(id) => ("card", id.as_str()),
            };
            (at.name(), subject, entered_by, reason)
        }
        PersonalCommand::Erase { customer, by } => {
            ("erase_customer", ("customer", customer.as_str()), &by.entered_by, &by.note)
        }
    };
    let details = json!({ "reason": reason });
    Entry { action, subject: Some(subject), entered_by: Some(entered_by), details }
}

/// TOD-4: a card is exempted from the block policy, or no longer.
fn exemption<'c>(card: &'c str, until: Option<BusinessDate>, by: &'c OnRequestOf) -> Entry<'c> {
    let action = if until.is_some() { "exempt" } else { "end_exemption" };
    let mut entry = on_request(action, card, "technical_overdraft", by);
    entry.details["until"] = json!(until.map(|until| until.to_string()));
    entry
}

/// SEC-5: a message that was refused for its authentication code.
fn unauthentic<'c>(terminal: &'c TerminalId, listener: &str, problem: &str) -> Entry<'c> {
    Entry {
        action: "unauthentic_message",
        subject: Some(("terminal", terminal.as_str())),
        entered_by: None,
        details: json!({ "rule": "SEC-5", "listener": listener, "problem": problem }),
    }
}

/// Who did what with a named key; never the key.
fn key_event(event: &KeyEvent) -> Entry<'_> {
    let details = json!({
        "did": event.action, "key": event.name, "usage": event.usage,
        "algorithm": event.algorithm, "version": event.version,
        "check_value": event.check_value, "detail": event.detail,
    });
    Entry { action: "key", subject: None, entered_by: Some(&event.by), details }
}

fn access<'c>(command: &'c AccessCommand, outcome: &Outcome) -> Entry<'c> {
    let said = crate::access::said(command, outcome);
    Entry { action: said.action, subject: said.subject, entered_by: said.by, details: said.details }
}

fn dispute(command: &DisputeCommand) -> Entry<'_> {
    let (action, subject, by, details) = match command {
        DisputeCommand::Claim { operation, kind, amount, reason, by } => {
            let details = json!({
                "transaction": operation.transaction.0, "kind": kind.name(),
                "minor_units": amount, "reason": reason,
            });
            ("claim", Some(("account", operation.account.as_str())), by, details)
        }
        DisputeCommand::Count { terminal, surplus, shortage, by } => {
            let details = json!({
                "terminal": terminal, "surplus": surplus, "shortage": shortage, "note": by.note,
            });
            ("cash_count", None, by, details)
        }
        DisputeCommand::Decide { dispute, accept, by } => {
            let details = json!({ "dispute": dispute, "accept": accept, "note": by.note });
            ("decide_dispute", None, by, details)
        }
    };
    Entry { action, subject, entered_by: Some(&by.entered_by), details }
}

fn stop_list<'c>(file: &str, entries: usize, by: &'c OnRequestOf) -> Entry<'c> {
    let (requested_by, note) = (&by.requested_by, &by.note);
    let details = json!({
        "file": file, "entries": entries, "requested_by": requested_by, "note": note,
    });
    Entry { action: "stop_list", subject: None, entered_by: Some(&by.entered_by), details }
}

fn on_request<'c>(
    action: &'static str,
    card: &'c str,
    reason: &str,
    by: &'c OnRequestOf,
) -> Entry<'c> {
    let details = json!({
        "reason": reason,
        "requested_by": by.requested_by,
        "identified_by": by.identified_by,
        "note": by.note,
    });
    Entry { action, subject: Some(("card", card)), entered_by: Some(&by.entered_by), details }
}

/// Who gave a device which key; the key itself is nobody's business.
fn terminal_key<'c>(
    terminal: &'c TerminalId,
    role: KeyRole,
    check_value: &str,
    entered_by: &'c str,
) -> Entry<'c> {
    Entry {
        action: "set_terminal_key",
        subject: Some(("terminal", terminal.as_str())),
        entered_by: Some(entered_by),
        details: json!({ "key": role.name(), "check_value": check_value }),
    }
}

fn arrest<'c>(
    action: &'static str,
    account: &'c str,
    authority: &str,
    document: &str,
    entered_by: &'c str,
) -> Entry<'c> {
    let details = json!({ "authority": authority, "document": document });
    Entry { action, subject: Some(("account", account)), entered_by: Some(entered_by), details }
}

/// Amounts as the API gives them: decimal strings in major units. Of an account that is not there
/// no currency is known, so its amount stays in minor units and says so.
fn credit_details(
    (amount, reference, purpose): (u64, &str, &str),
    outcome: &Outcome,
    currency: Option<Currency>,
) -> Value {
    let mut details = json!({ "reference": reference, "purpose": purpose });
    let Some(currency) = currency else {
        details["amount_minor"] = json!(amount);
        return details;
    };
    let text = |minor: i128| format_minor(minor, currency.exponent());
    details["amount"] = json!(text(i128::from(amount)));
    details["currency"] = json!(currency.to_string());
    if let Outcome::Done(Done::Credited { spent, balance, .. }) = outcome {
        details["spent"] = json!({
            "technical_overdraft": text(i128::from(spent.technical_overdraft.total())),
            "interest": text(i128::from(spent.technical_overdraft.interest)),
            "fees": text(i128::from(spent.technical_overdraft.fee)),
            "principal": text(i128::from(spent.technical_overdraft.principal)),
            "overdraft": text(i128::from(spent.overdraft)),
            "minimum_balance": text(i128::from(spent.minimum_balance)),
            "own_use": text(i128::from(spent.own_use)),
        });
        details["ledger_balance"] = json!(text(i128::from(*balance)));
    }
    details
}

/// LIM-3, LIM-4, LIM-6: what was set for a card.
fn set_card<'c>(card: &'c str, change: &CardChange, by: &'c OnRequestOf) -> Entry<'c> {
    let (action, details) = match change {
        CardChange::Raise(raise) => (
            "raise",
            json!({
                "limit": raise.limit, "ceiling": raise.ceiling, "until_ms": raise.until.0,
                "reason": raise.reason, "approved_by": raise.approved_by,
            }),
        ),
        CardChange::EndRaise { limit } => ("end_raise", json!({ "limit": limit })),
        CardChange::Travel { from, until, countries } => (
            "travel_note",
            json!({
                "from": from.to_string(), "until": until.to_string(), "countries": countries,
            }),
        ),
        CardChange::EndTravel { id } => ("end_travel_note", json!({ "id": id.to_string() })),
        CardChange::Holder { primary, limits, off } => {
            let limits = limits.iter().map(|item| json!([item.limit, item.ceiling]));
            let limits: Vec<Value> = limits.collect();
            let off: Vec<&str> = off.iter().map(|switch| switch.name()).collect();
            ("holder_limits", json!({ "primary": primary, "limits": limits, "off": off }))
        }
        CardChange::CardAbsent { ecommerce, moto } => {
            ("switches", json!({ "ecommerce": ecommerce, "moto": moto }))
        }
        CardChange::QueueScript { kind } => ("queue_script", json!({ "kind": kind.name() })),
        CardChange::CancelScript { identifier } => ("cancel_script", json!({ "id": identifier })),
    };
    let mut details = details;
    details["requested_by"] = json!(by.requested_by);
    details["identified_by"] = json!(by.identified_by);
    details["note"] = json!(by.note);
    Entry { action, subject: Some(("card", card)), entered_by: Some(&by.entered_by), details }
}

/// AMT-3: which rates, and how many of them were new.
fn rates_details(rates: &[RateItem], outcome: &Outcome) -> Value {
    let rate = |rate: &RateItem| {
        json!({
            "from": rate.from.to_string(),
            "to": rate.to.to_string(),
            "value": rate.value.0.to_string(),
            "margin_percent": rate.margin_percent.0.to_string(),
            "valid_from_ms": rate.valid_from.0,
        })
    };
    let mut details = json!({ "rates": rates.iter().map(rate).collect::<Vec<_>>() });
    if let Outcome::Done(Done::RatesLoaded { added, .. }) = outcome {
        details["added"] = json!(added);
    }
    details
}

fn day_details(date: payment_types::BusinessDate, outcome: &Outcome) -> Value {
    match outcome {
        Outcome::Done(Done::Day(part)) => {
            let already = part.standing == DayStanding::EndedBefore;
            let jobs = part.summary.iter().flat_map(|summary| &summary.jobs);
            let changed: serde_json::Map<_, _> =
                jobs.map(|job| (job.job.name().to_owned(), json!(job.changed))).collect();
            json!({ "date": date.to_string(), "already": already, "changed": changed })
        }
        _ => json!({ "date": date.to_string() }),
    }
}

fn install_rules(
    batch: &Batch<'_>,
    place: Place,
    version: &str,
    text: &str,
) -> Result<(), HistoryError> {
    let limits = json!(places_of(text)).to_string();
    batch.sql.execute(
        "INSERT INTO rule_sets VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![place.sequence, place.at, place.zone, version, text, limits],
    )?;
    Ok(())
}

/// What the places in traces stand for. The core took the text, so it parses.
fn places_of(text: &str) -> Vec<(String, &'static str)> {
    let rules = limits::RuleSet::parse(text, "rules.toml");
    rules.map(|rules| rules.trace_places().collect()).unwrap_or_default()
}

fn expire_holds(
    batch: &Batch<'_>,
    place: Place,
    transactions: &[Sequence],
) -> Result<(), HistoryError> {
    let insert = "INSERT OR REPLACE INTO hold_expiries VALUES (?1, ?2, ?3, ?4)";
    for transaction in transactions {
        batch.sql.prepare_cached(insert)?.execute(params![
            int(transaction.0),
            place.sequence,
            place.at,
            place.zone
        ])?;
    }
    Ok(())
}

/// The currency of the account with this `id` or `slot`.
fn currency_of(
    sql: &Connection,
    column: &str,
    value: impl ToSql,
) -> Result<Option<Currency>, HistoryError> {
    let find = format!("SELECT currency FROM accounts WHERE {column} = ?1");
    let numeric = sql.prepare_cached(&find)?.query_row([value], |row| row.get(0)).optional()?;
    Ok(numeric.and_then(Currency::from_numeric))
}
