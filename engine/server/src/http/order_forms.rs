//! What is sent about change orders.

use super::fields::Fields;
use super::order_view::setting_of;
use super::problem::Problem;
use crate::clock::parse_rfc3339;
use authorization::{Guard, OrderChange, OrderDraft, OrderKind};
use serde_json::Value;
use utoipa::ToSchema;

/// `POST /orders`; `PUT /orders/{id}` has `revision` too.
#[derive(Debug, ToSchema)]
#[allow(dead_code)]
pub(super) struct OrderForm {
    /// Of a revision: the one it was written from.
    revision: Option<u32>,
    /// limits, contactless_tiers, agent_caps, editions, indicator, fees, rates, networks, calendar,
    /// overdraft_policy, block_policy, lists, overdraft_limits, card_blocks, users, keys, rules.
    #[schema(example = "agent_caps")]
    kind: String,
    #[schema(example = "A lower cap for agent G1")]
    title: String,
    #[schema(example = "Complaints of the last week")]
    reason: String,
    changes: Vec<ChangeForm>,
    /// RFC 3339; at once when approved if left out.
    effective_at: Option<String>,
    guard: Option<GuardForm>,
}

/// One change.
#[derive(Debug, ToSchema)]
#[allow(dead_code)]
pub(super) struct ChangeForm {
    #[schema(example = "agent_cash.agent[G1].cap_indicators")]
    path: String,
    /// A text, a whole number, true or false, a list or a table; null takes away what stands there.
    #[schema(value_type = Option<Object>)]
    to: Option<Value>,
}

/// When it is undone by itself.
#[derive(Debug, ToSchema)]
#[allow(dead_code)]
pub(super) struct GuardForm {
    /// For how long it watches: 1 to 1440.
    minutes: u32,
    /// The most declines of a hundred requests.
    decline_percent: Option<u8>,
    /// A code of DE 39 ...
    code: Option<String>,
    /// ... and the most of a hundred requests that may get it.
    code_percent: Option<u8>,
}

/// A signature of the order.
#[derive(Debug, ToSchema)]
#[allow(dead_code)]
pub(super) struct SignatureForm {
    /// The revision that was looked at.
    revision: u32,
    /// Whether the statement of legal force is confirmed (SIG-2).
    statement_confirmed: bool,
    /// A one-time code: the simple signature.
    code: Option<String>,
    /// A personal key, in hex ...
    key: Option<String>,
    /// ... and its signature of the digest, in base64: the strengthened one.
    signature: Option<String>,
}

/// A signature of the order's rollback.
#[derive(Debug, ToSchema)]
#[allow(dead_code)]
pub(super) struct RollbackForm {
    /// Why.
    reason: String,
    /// Whether the statement of legal force is confirmed (SIG-2).
    statement_confirmed: bool,
    /// A one-time code: the simple signature.
    code: Option<String>,
    /// A personal key, in hex ...
    key: Option<String>,
    /// ... and its signature of `rollback_digest`, in base64: the strengthened one.
    signature: Option<String>,
}

/// Why an order is turned down.
#[derive(Debug, ToSchema)]
#[allow(dead_code)]
pub(super) struct RejectForm {
    /// The revision that was looked at.
    revision: u32,
    reason: String,
}

/// Why an order is taken back.
#[derive(Debug, ToSchema)]
#[allow(dead_code)]
pub(super) struct WithdrawForm {
    reason: String,
}

pub(super) const DRAFT: [&str; 6] = ["kind", "title", "reason", "changes", "effective_at", "guard"];

pub(super) fn draft(fields: &Fields) -> Result<OrderDraft, Problem> {
    let kind = OrderKind::from_name(fields.text("kind")?).ok_or_else(|| {
        let names: Vec<&str> = OrderKind::ALL.iter().map(|kind| kind.name()).collect();
        Problem::field("kind", format!("is none of {}", names.join(", "))).with_rule("SIG-1")
    })?;
    let changes = fields.list("changes")?.iter().zip(1u32..).map(|(change, at)| one(change, at));
    let effective_at = match fields.optional_text("effective_at")? {
        "" => None,
        text => {
            let at = parse_rfc3339(text);
            Some(at.map_err(|error| Problem::field("effective_at", error.to_string()))?)
        }
    };
    Ok(OrderDraft {
        kind,
        title: fields.text("title")?.to_owned(),
        reason: fields.text("reason")?.to_owned(),
        changes: changes.collect::<Result<_, _>>()?,
        effective_at,
        guard: fields.value("guard").map(guard).transpose()?,
    })
}

fn one(change: &Value, at: u32) -> Result<OrderChange, Problem> {
    let wrong = |what: String| Problem::field("changes", format!("change {at}: {what}"));
    let Value::Object(change) = change else {
        return Err(wrong("must be an object with path and to".to_owned()));
    };
    if let Some(unknown) = change.keys().find(|name| !["path", "to"].contains(&name.as_str())) {
        return Err(wrong(format!("{unknown:?} is neither path nor to")));
    }
    let path = change.get("path").and_then(Value::as_str).map(str::trim);
    let path = path.filter(|path| !path.is_empty() && path.len() <= 300);
    let path = path.ok_or_else(|| wrong("path must be a text of 1 to 300 bytes".to_owned()))?;
    let to = match change.get("to") {
        None => return Err(wrong("to is missing; null takes away what stands there".to_owned())),
        Some(Value::Null) => None,
        Some(value) => Some(setting_of(value).map_err(|error| wrong(error.to_owned()))?),
    };
    Ok(OrderChange::new(path, to))
}

fn guard(value: &Value) -> Result<Guard, Problem> {
    let wrong = |what: &str| Problem::field("guard", what.to_owned());
    let Value::Object(guard) = value else { return Err(wrong("must be an object")) };
    let known = ["minutes", "decline_percent", "code", "code_percent"];
    if guard.keys().any(|name| !known.contains(&name.as_str())) {
        return Err(wrong(&format!("known are: {}", known.join(", "))));
    }
    let percent = |name: &str| match guard.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_u64().and_then(|value| u8::try_from(value).ok()) {
            Some(percent) => Ok(Some(percent)),
            None => Err(wrong(&format!("{name} must be a whole number from 1 to 100"))),
        },
    };
    let minutes = guard.get("minutes").and_then(Value::as_u64);
    let minutes = minutes.and_then(|minutes| u32::try_from(minutes).ok());
    let code = match guard.get("code") {
        None | Some(Value::Null) => None,
        Some(Value::String(code)) if code.len() == 2 => Some(code.as_str().into()),
        Some(_) => return Err(wrong("code must be two characters, such as \"61\"")),
    };
    Ok(Guard {
        minutes: minutes.ok_or_else(|| wrong("minutes must be a whole number"))?,
        decline_percent: percent("decline_percent")?,
        code,
        code_percent: percent("code_percent")?,
    })
}
