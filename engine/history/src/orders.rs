//! Change orders in the audit (SIG-1): every step, whose it was, and what it changed.

use crate::administration::Entry;
use authorization::{
    Done, KeyEvent, KeyStaged, OrderChange, OrderCommand, OrderDone, Outcome, RolledBackBy, hex,
};
use serde_json::{Value, json};

pub(crate) fn entry<'c>(command: &'c OrderCommand, outcome: &Outcome) -> Entry<'c> {
    let (action, by, mut details) = step(command);
    details["rule"] = json!("SIG-1");
    if let Some(order) = command.order() {
        details["order"] = json!(order);
    }
    if let Outcome::Done(Done::Order(done)) = outcome {
        came_of(done, &mut details);
    }
    let about = about(command, outcome);
    if !about.is_empty() {
        details["users"] = json!(about);
    }
    Entry { action, subject: None, entered_by: by, details }
}

/// Whom it is about, where it is about users' rights (SIG-4): also where it was refused when it was
/// written.
pub(crate) fn about(command: &OrderCommand, outcome: &Outcome) -> Vec<String> {
    let users = match (command, outcome) {
        (_, Outcome::Done(Done::Order(done))) => done.users.clone(),
        (OrderCommand::Draft { draft, .. } | OrderCommand::Revise { draft, .. }, _) => {
            draft.users()
        }
        _ => return Vec::new(),
    };
    users.iter().map(ToString::to_string).collect()
}

/// What became of the order.
fn came_of(done: &OrderDone, details: &mut Value) {
    details["order"] = json!(done.order);
    details["revision"] = json!(done.revision);
    details["status"] = json!(done.status.name());
    if let Some(rules) = &done.rules {
        details["version"] = json!(rules.version);
    }
    if !done.problems.is_empty() {
        let problems = done.problems.iter().map(|problem| json!([problem.path, problem.message]));
        details["problems"] = json!(problems.collect::<Vec<Value>>());
    }
    let hashes: Vec<String> = done.entries.iter().map(|entry| hex(&entry.hash)).collect();
    details["register"] = json!(hashes);
}

fn step(command: &OrderCommand) -> (&'static str, Option<&str>, Value) {
    match command {
        OrderCommand::Draft { draft, by } => {
            let details = json!({
                "kind": draft.kind.name(), "title": draft.title, "reason": draft.reason,
                "changes": paths(&draft.changes),
            });
            ("order_draft", Some(by), details)
        }
        OrderCommand::Revise { draft, by, .. } => {
            let details = json!({
                "kind": draft.kind.name(), "title": draft.title, "reason": draft.reason,
                "changes": paths(&draft.changes),
            });
            ("order_revise", Some(by), details)
        }
        OrderCommand::Sign { signature, .. } => {
            let details = json!({ "factor": signature.factor.name() });
            ("order_sign", Some(&signature.signer), details)
        }
        OrderCommand::Approve { signature, .. } => {
            let details = json!({ "factor": signature.factor.name() });
            ("order_approve", Some(&signature.signer), details)
        }
        OrderCommand::Reject { by, reason, .. } => {
            ("order_reject", Some(by), json!({ "reason": reason }))
        }
        OrderCommand::Withdraw { by, reason, .. } => {
            ("order_withdraw", Some(by), json!({ "reason": reason }))
        }
        OrderCommand::Activate { .. } => ("order_activate", None, json!({})),
        OrderCommand::ActivateKey { staged, .. } => {
            let details = match staged {
                KeyStaged::Ready(event) => json!({ "key": key(event) }),
                KeyStaged::Refused(why) => json!({ "refused": why }),
            };
            ("order_activate", None, details)
        }
        OrderCommand::RollBackKey { by, reason, staged, .. } => {
            let (action, by, mut details) = rolled_back(by, reason);
            details["key"] = key(staged);
            (action, by, details)
        }
        OrderCommand::RollBack { by, reason, .. } => rolled_back(by, reason),
        OrderCommand::GuardStands { reason, .. } => {
            ("order_guard_stands", None, json!({ "reason": reason }))
        }
    }
}

fn key(event: &KeyEvent) -> Value {
    json!({
        "did": event.action, "name": event.name, "version": event.version,
        "check_value": event.check_value,
    })
}

fn rolled_back<'c>(by: &'c RolledBackBy, reason: &str) -> (&'static str, Option<&'c str>, Value) {
    match by {
        RolledBackBy::Person(signature) => {
            let details = json!({ "reason": reason, "factor": signature.factor.name() });
            ("order_roll_back", Some(&signature.signer), details)
        }
        RolledBackBy::Guard => ("order_guard", None, json!({ "reason": reason })),
    }
}

/// The first of the paths, and how many there are; the register has all of it.
fn paths(changes: &[OrderChange]) -> Value {
    let first: Vec<&str> = changes.iter().take(20).map(|change| change.path.as_str()).collect();
    json!({ "count": changes.len(), "paths": first })
}
