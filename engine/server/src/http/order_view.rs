//! Change orders as the API shows them.

use crate::card_numbers;
use crate::effect::{Sum, Summary};
use authorization::{
    Factor, Guard, Order, OrderChange, OrderKind, OrderProblem, OrderSignature, RegisterEntry, hex,
    statement,
};
use limits::Setting;
use payment_types::{Moment, Timestamp, UtcOffset};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

/// An order.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct OrderView {
    id: u64,
    kind: String,
    title: String,
    reason: String,
    /// draft, signed, approved, scheduled, active, superseded, rolled_back, rejected, withdrawn,
    /// failed.
    status: String,
    /// To be sent back with a revision, a signature, an approval or a rejection.
    revision: u32,
    /// low, medium, high.
    risk: String,
    /// The signature it needs: simple (one-time code) or strengthened (personal key).
    needs: String,
    maker: String,
    /// Everybody who wrote a revision; none of them may approve it (SIG-1).
    authors: Vec<String>,
    checker: Option<String>,
    created_at: String,
    revised_at: String,
    effective_at: Option<String>,
    activated_at: Option<String>,
    /// The record of the journal at which it took effect: every later one is decided by it.
    activated_sequence: Option<u64>,
    /// What is signed: SHA-256 of `content`, in hex.
    digest: String,
    /// Canonical JSON.
    content: String,
    /// What is signed to roll it back: SHA-256, in hex.
    rollback_digest: String,
    /// What a signer confirms.
    statement: String,
    /// The rule set's version it was written over.
    base_version: String,
    /// The rule set's version from it on.
    version: Option<String>,
    changes: Vec<ChangeView>,
    signatures: Vec<SignatureView>,
    guard: Option<GuardView>,
    /// How it ended, if it was rejected, withdrawn, rolled back, or failed.
    ended: Option<EndView>,
    /// When its guard tripped and it could not be rolled back, and why.
    guard_stands: Option<GuardStandsView>,
    /// The last order that changed something of it.
    superseded_by: Option<u64>,
    /// Why it failed.
    problems: Vec<ProblemView>,
    /// What the last preview of it came to; null where there was none.
    pub(super) preview: Option<PreviewSummary>,
}

/// The figures of an order's last preview; all of it is `GET /orders/{id}/preview`.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PreviewSummary {
    /// It was of an earlier revision, and says nothing about this one.
    void: bool,
    days: u32,
    from: String,
    to: String,
    /// Decisions that were run again.
    decisions: u64,
    would_decline: Sum,
    would_approve: Sum,
    would_differ: Sum,
    cards: u64,
    customers: u64,
    terminals: u64,
    agents: u64,
}

impl PreviewSummary {
    /// Of an order whose revision has this digest.
    pub(super) fn of(summary: Summary, digest: &str) -> Self {
        let Summary { days, from, to, decisions, would_decline, would_approve, .. } = summary;
        Self {
            void: summary.digest != digest,
            days,
            from,
            to,
            decisions,
            would_decline,
            would_approve,
            would_differ: summary.would_differ,
            cards: summary.cards,
            customers: summary.customers,
            terminals: summary.terminals,
            agents: summary.agents,
        }
    }
}

impl OrderView {
    /// The order's number, and the digest of its revision.
    pub(super) fn which(&self) -> (u64, &str) {
        (self.id, &self.digest)
    }
}

/// One change.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ChangeView {
    #[schema(example = "agent_cash.agent[G1].cap_indicators")]
    path: String,
    /// What stands there; null for nothing.
    #[schema(value_type = Option<Object>)]
    from: Value,
    /// What shall; null takes it away.
    #[schema(value_type = Option<Object>)]
    to: Value,
    /// The layer it is of.
    layer: String,
    /// The rule and clause.
    clause: String,
}

/// A signature.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SignatureView {
    signer: String,
    /// maker, checker, rollback.
    role: String,
    /// service_token, one_time_code, personal_key.
    factor: String,
    /// service, simple, strengthened.
    strength: String,
    at: String,
    /// The version of the statement of legal force that was confirmed.
    statement: u16,
    /// The personal key, in hex.
    key: Option<String>,
}

/// When it is undone by itself.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct GuardView {
    minutes: u32,
    decline_percent: Option<u8>,
    code: Option<String>,
    code_percent: Option<u8>,
}

/// An order that stands against its guard.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct GuardStandsView {
    at: String,
    reason: String,
}

/// How an order ended.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct EndView {
    at: String,
    by: String,
    reason: String,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct ProblemView {
    path: String,
    /// The layer that is not held to.
    layer: String,
    clause: Option<String>,
    /// A name for it that stays, for programs and other languages: `layer_broken`, `changed_since`,
    /// `so_already`, `past`, `not_of_kind`, `last_officer`, `last_checker`, or `not_possible`,
    /// where `detail` alone says what it is.
    code: String,
    detail: String,
}

impl ProblemView {
    /// As an error may show it (PII-1).
    pub(super) fn masked(mut self) -> Self {
        self.path = card_numbers::masked(&self.path).into_owned();
        self.detail = card_numbers::masked(&self.detail).into_owned();
        self
    }
}

/// `GET /orders`.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct OrderList {
    /// Newest first.
    pub(super) items: Vec<OrderView>,
    /// The `cursor` of the next part.
    pub(super) next: Option<String>,
}

/// `GET /orders/{id}/history`.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct OrderHistory {
    pub(super) items: Vec<OrderStep>,
}

/// A step of an order, as the register has it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct OrderStep {
    number: u64,
    sequence: u64,
    at: String,
    act: String,
    revision: Option<u32>,
    by: String,
    factor: Option<String>,
    detail: String,
    hash: String,
}

pub(super) fn step(entry: &RegisterEntry, offset: UtcOffset) -> OrderStep {
    OrderStep {
        number: entry.number,
        sequence: entry.sequence.0,
        at: Moment::new(entry.at, offset).rfc3339(),
        act: entry.act.name().to_owned(),
        revision: entry.order.map(|(_, revision)| revision),
        by: entry.by.to_string(),
        factor: entry.signature.as_ref().map(|s| s.factor.name().to_owned()),
        detail: entry.detail.to_string(),
        hash: hex(&entry.hash),
    }
}

pub(super) fn view(order: &Order, offset: UtcOffset) -> OrderView {
    let text = |at: Timestamp| Moment::new(at, offset).rfc3339();
    OrderView {
        id: order.id,
        kind: order.kind.name().to_owned(),
        title: order.title.clone(),
        reason: order.reason.clone(),
        status: order.status.name().to_owned(),
        revision: order.revision,
        risk: order.risk.name().to_owned(),
        needs: order.risk.needs().name().to_owned(),
        maker: order.maker.to_string(),
        authors: order.authors.iter().map(ToString::to_string).collect(),
        checker: order.checker.as_ref().map(ToString::to_string),
        created_at: text(order.created_at),
        revised_at: text(order.revised_at),
        effective_at: order.effective_at.map(text),
        activated_at: order.activated.map(|(at, _)| text(at)),
        activated_sequence: order.activated.map(|(_, sequence)| sequence.0),
        digest: hex(&order.digest),
        content: order.content(),
        rollback_digest: hex(&order.rollback_digest()),
        statement: statement(authorization::STATEMENT).unwrap_or_default().to_owned(),
        base_version: order.base_version.to_string(),
        version: order.version.as_ref().map(ToString::to_string),
        changes: order.changes.iter().map(|change| change_view(order.kind, change)).collect(),
        signatures: order.signatures.iter().map(|signed| signature(signed, offset)).collect(),
        guard: order.guard.as_ref().map(guard),
        ended: order.ended.as_ref().map(|end| EndView {
            at: text(end.at),
            by: end.by.to_string(),
            reason: end.reason.to_string(),
        }),
        guard_stands: order.guard_stands.as_ref().map(|stands| GuardStandsView {
            at: text(stands.at),
            reason: stands.reason.to_string(),
        }),
        superseded_by: order.superseded_by,
        problems: order.problems.iter().map(problem).collect(),
        preview: None,
    }
}

fn guard(guard: &Guard) -> GuardView {
    GuardView {
        minutes: guard.minutes,
        decline_percent: guard.decline_percent,
        code: guard.code.as_ref().map(ToString::to_string),
        code_percent: guard.code_percent,
    }
}

fn signature(signed: &OrderSignature, offset: UtcOffset) -> SignatureView {
    let OrderSignature { role, signature, at } = signed;
    let key = match signature.factor {
        Factor::PersonalKey { key, .. } => Some(hex(&key)),
        _ => None,
    };
    SignatureView {
        signer: signature.signer.to_string(),
        role: role.name().to_owned(),
        factor: signature.factor.name().to_owned(),
        strength: signature.factor.strength().name().to_owned(),
        at: Moment::new(*at, offset).rfc3339(),
        statement: signature.statement,
        key,
    }
}

fn change_view(kind: OrderKind, change: &OrderChange) -> ChangeView {
    let value = |setting: &Option<Setting>| setting.as_ref().map_or(Value::Null, json_of);
    ChangeView {
        path: change.path.clone(),
        from: value(&change.from),
        to: value(&change.to),
        layer: if kind == OrderKind::Editions { "regulation" } else { "bank" }.to_owned(),
        clause: clause(kind, &change.path).to_owned(),
    }
}

/// The rule that a path is about.
fn clause(kind: OrderKind, path: &str) -> &'static str {
    let root = path.split(['.', '[']).next().unwrap_or_default();
    match (kind, root) {
        (_, "agent_cash") => "AGT-7, 004 §15-1",
        (_, "contactless") => "CTL-2, 004 §33",
        (_, "edition") => "AGT-9, 004",
        (_, "indicator") => "AGT-9",
        (_, "limit" | "mcc_group" | "country_group") => "LIM-1",
        (_, "restricted") => "LIM-6, 001 §4.20",
        (_, "fee") => "AMT-4",
        (_, "notification_fee") => "AMT-5, 001 §4.7",
        (_, "rate" | "conversion") => "AMT-3, 001 §4.15",
        (_, "network") => "NET-1, 004 §59",
        (_, "transfer_operator") => "NET-3",
        (OrderKind::BlockPolicy, _) => "TOD-4",
        (_, "technical_overdraft") => "TOD-3",
        (_, "account") => "BAL-2, SIG-5, 002 §34-3",
        (_, "card") => "BLK-1",
        (_, "user") => "SIG-4, 002 §14",
        (_, "key") => "SIG-1, SEC-2",
        _ => "SIG-1",
    }
}

pub(super) fn problem(problem: &OrderProblem) -> ProblemView {
    ProblemView {
        path: problem.path.clone(),
        layer: problem.layer.to_string(),
        clause: problem.clause.as_ref().map(ToString::to_string),
        code: problem.code.to_string(),
        detail: problem.message.clone(),
    }
}

/// A value as JSON.
pub(super) fn json_of(setting: &Setting) -> Value {
    match setting {
        Setting::Text(text) => json!(text),
        Setting::Whole(number) => json!(number),
        Setting::Flag(flag) => json!(flag),
        Setting::List(list) => Value::Array(list.iter().map(json_of).collect()),
        Setting::Table(table) => {
            Value::Object(table.iter().map(|(key, value)| (key.clone(), json_of(value))).collect())
        }
    }
}

/// JSON as a value.
pub(super) fn setting_of(value: &Value) -> Result<Setting, &'static str> {
    Ok(match value {
        Value::Null => return Err("null stands only for taking all of it away"),
        Value::Bool(flag) => Setting::Flag(*flag),
        Value::Number(number) => Setting::Whole(
            number.as_i64().ok_or("numbers are whole; amounts and percentages are texts")?,
        ),
        Value::String(text) => Setting::Text(text.clone()),
        Value::Array(list) => Setting::List(list.iter().map(setting_of).collect::<Result<_, _>>()?),
        Value::Object(table) => {
            let row = |(key, value): (&String, &Value)| Ok((key.clone(), setting_of(value)?));
            Setting::Table(table.iter().map(row).collect::<Result<_, &'static str>>()?)
        }
    })
}
