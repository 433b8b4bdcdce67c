//! `/orders`: change orders (SIG-1 to SIG-5).

use super::access::{Caller, Reader};
use super::asked::Asked;
use super::context::HttpContext;
use super::fields::{Fields, Segments};
use super::idempotency;
use super::order_forms::{self, OrderForm, RejectForm, RollbackForm, SignatureForm, WithdrawForm};
use super::order_refusals;
use super::order_view::{self, OrderHistory, OrderList, OrderView, PreviewSummary};
use super::problem::Problem;
use super::query::Params;
use super::signing::{SignForm, provisional, sign as signature_of};
use crate::config::Role;
use crate::effect::kept_summary;
use crate::keys::orders::NotRolledBack;
use authorization::{
    CodePurpose, Command, Done, IdempotencyKey, Order, OrderCommand, OrderDraft, OrderKind,
    OrderRefusal, OrderStatus, RolledBackBy, Signature, SignedAs,
};
use axum::Json;
use axum::extract::{FromRequest, FromRequestParts, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use compact_str::CompactString;

/// Orders and entries of the register gone through in one look, for a few of them.
const ORDERS_LOOKED_AT: u64 = 4096;
const ENTRIES_LOOKED_AT: usize = 4096;
/// Orders copied in one look; one may hold thousands of changes.
const ORDERS_PIECE: usize = 16;
/// Entries of the register that are taken at a time, so that requests are decided between.
const PIECE: usize = 500;

/// Orders, newest first.
#[utoipa::path(get, path = "/api/v1/orders", tag = "orders",
    params(("status" = Option<String>, Query, description = "Only these"),
        ("kind" = Option<String>, Query, description = "Only these"),
        ("cursor" = Option<String>, Query, description = "`next` of the part before"),
        ("limit" = Option<u32>, Query, description = "1 to 500; 50 if not told")),
    responses((status = 200, body = OrderList)))]
pub(super) async fn list(
    State(context): State<HttpContext>,
    _: Reader,
    params: Params,
) -> Result<Json<OrderList>, Problem> {
    let params = params.known(&["status", "kind", "cursor", "limit"])?;
    let status = params.get("status").map(|name| {
        OrderStatus::from_name(name).ok_or_else(|| Problem::field("status", "is no status"))
    });
    let kind = params.get("kind").map(|name| {
        OrderKind::from_name(name).ok_or_else(|| Problem::field("kind", "is no kind of orders"))
    });
    let (status, kind) = (status.transpose()?, kind.transpose()?);
    let (cursor, limit) = (params.cursor()?.unwrap_or(u64::MAX), params.limit()?);
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let running = context.running()?;
    let (mut orders, mut below) = (Vec::<Order>::new(), cursor);
    while orders.len() <= limit && below > 1 {
        let room = limit.saturating_add(1).saturating_sub(orders.len()).min(ORDERS_PIECE);
        let look = move |core: &authorization::State, _| {
            let last = below.saturating_sub(1).min(core.orders().count());
            let first = last.saturating_sub(ORDERS_LOOKED_AT);
            let wanted = |order: &&Order| {
                status.is_none_or(|status| order.status == status)
                    && kind.is_none_or(|kind| order.kind == kind)
            };
            let newest = (first..=last).rev().filter_map(|id| core.orders().get(id));
            let some = newest.filter(wanted).take(room).map(|order| with_risk_now(core, order));
            let some: Vec<Order> = some.collect();
            let reached = some.last().filter(|_| some.len() == room).map_or(first, |last| last.id);
            (some, reached)
        };
        let (some, reached) = running.shard.query(look).await?;
        orders.extend(some);
        below = reached;
    }
    let more = orders.len() > limit;
    orders.truncate(limit);
    let next = orders.last().filter(|_| more).map(|order| order.id.to_string());
    let offset = running.clock.now().offset;
    let items = orders.iter().map(|order| order_view::view(order, offset)).collect();
    Ok(Json(OrderList { items: previewed(&context, items).await?, next }))
}

/// One order: what it changes, who signed it, how far it has come.
#[utoipa::path(get, path = "/api/v1/orders/{id}", tag = "orders",
    params(("id" = u64, Path, description = "Its number")),
    responses((status = 200, body = OrderView), (status = 404, description = "No such order")))]
pub(super) async fn read(
    State(context): State<HttpContext>,
    _: Reader,
    Segments(id): Segments<String>,
) -> Result<Json<OrderView>, Problem> {
    Ok(Json(shown(&context, number(&id)?).await?))
}

/// The steps of an order, from the register.
#[utoipa::path(get, path = "/api/v1/orders/{id}/history", tag = "orders",
    params(("id" = u64, Path, description = "Its number")),
    responses((status = 200, body = OrderHistory), (status = 404, description = "No such order")))]
pub(super) async fn history(
    State(context): State<HttpContext>,
    _: Reader,
    Segments(id): Segments<String>,
) -> Result<Json<OrderHistory>, Problem> {
    let order = number(&id)?;
    order_of(&context, order).await?;
    let running = context.running()?;
    let offset = running.clock.now().offset;
    let (mut items, mut begun) = (Vec::new(), 0usize);
    loop {
        let look = move |core: &authorization::State, _| {
            let entries = core.orders().register().entries_from(begun).take(ENTRIES_LOOKED_AT);
            let of_order = entries.filter(|entry| entry.order.is_some_and(|(id, _)| id == order));
            let steps: Vec<_> = of_order.map(|entry| order_view::step(entry, offset)).collect();
            (steps, core.orders().register().len())
        };
        let (some, all) = running.shard.query(look).await?;
        items.extend(some);
        begun = begun.saturating_add(ENTRIES_LOOKED_AT);
        if begun >= all {
            return Ok(Json(OrderHistory { items }));
        }
    }
}

/// The register as JSON lines: every step of every order and every use of a code, each entry
/// chained to the one before by its hash (SIG-3). `tamga verify-order` reads it.
#[utoipa::path(get, path = "/api/v1/orders/register", tag = "orders",
    responses((status = 200, content_type = "application/jsonl", body = String)))]
pub(super) async fn register(
    State(context): State<HttpContext>,
    _: Reader,
) -> Result<Response, Problem> {
    let shard = &context.running()?.shard;
    let (mut text, mut begun) = (String::new(), 0usize);
    loop {
        let piece = shard.query(move |core: &authorization::State, _| {
            let entries = core.orders().register().entries_from(begun).take(PIECE);
            entries.map(authorization::RegisterEntry::line).collect::<Vec<String>>()
        });
        let piece = piece.await?;
        begun = begun.saturating_add(piece.len());
        for line in &piece {
            text.push_str(line);
            text.push('\n');
        }
        if piece.len() < PIECE {
            return Ok(([(CONTENT_TYPE, "application/jsonl")], text).into_response());
        }
    }
}

/// Writes an order. It is held against the rules in force: what is not possible is refused at once,
/// with everything that is wrong, by path, layer and clause. Operators write orders, but those
/// about keys are written by key custodians.
#[utoipa::path(post, path = "/api/v1/orders", tag = "orders",
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes sending again safe")),
    request_body = OrderForm,
    responses((status = 200, body = OrderView),
        (status = 413, description = "The order is longer than 64 KiB: make two of it"),
        (status = 422, description = "What is wrong: `problems`")))]
pub(super) async fn draft(
    State(context): State<HttpContext>,
    Reader(caller): Reader,
    asked: Asked,
) -> Result<Response, Problem> {
    let key = asked.key(&caller)?;
    let draft = order_forms::draft(&asked.fields(&context, &order_forms::DRAFT).await?)?;
    may_write(&caller, draft.kind)?;
    would(&context, &draft)?;
    no_service(&context, &draft)?;
    carry_out(&context, OrderCommand::Draft { draft, by: caller.name.into() }, key).await
}

/// Writes an order anew that is not approved yet; signatures fall. Refused with 409 if somebody
/// else was quicker.
#[utoipa::path(put, path = "/api/v1/orders/{id}", tag = "orders",
    params(("id" = u64, Path, description = "Its number")),
    request_body = OrderForm,
    responses((status = 200, body = OrderView),
        (status = 409, description = "Somebody else changed it, or it is approved already"),
        (status = 413, description = "The order is longer than 64 KiB: make two of it"),
        (status = 422, description = "What is wrong: `problems`")))]
pub(super) async fn revise(step: Step) -> Result<Response, Problem> {
    let mut known = order_forms::DRAFT.to_vec();
    known.push("revision");
    let (key, fields) = step.read(&known).await?;
    let (order, revision) = (step.order, fields.revision()?);
    let draft = order_forms::draft(&fields)?;
    for kind in [order_of(&step.context, order).await?.kind, draft.kind] {
        may_write(&step.caller, kind)?;
    }
    would(&step.context, &draft)?;
    no_service(&step.context, &draft)?;
    let by = step.caller.name.as_str().into();
    carry_out(&step.context, OrderCommand::Revise { order, revision, draft, by }, key).await
}

/// The maker signs (SIG-2).
#[utoipa::path(post, path = "/api/v1/orders/{id}/sign", tag = "orders",
    params(("id" = u64, Path, description = "Its number"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes sending again safe")),
    request_body = SignatureForm,
    responses((status = 200, body = OrderView),
        (status = 403, description = "The signature is not worth enough, or not this person's"),
        (status = 409, description = "Somebody else changed it, or it is signed already")))]
pub(super) async fn sign(step: Step) -> Result<Response, Problem> {
    let command = |order, revision, signature| OrderCommand::Sign { order, revision, signature };
    step.signed((OrderStatus::Draft, SignedAs::Maker), command).await
}

/// Another person approves it with a signature (SIG-1); without `effective_at` it is in force when
/// this is answered.
#[utoipa::path(post, path = "/api/v1/orders/{id}/approve", tag = "orders",
    params(("id" = u64, Path, description = "Its number"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes sending again safe")),
    request_body = SignatureForm,
    responses((status = 200, body = OrderView),
        (status = 403, description = "The person had a hand in it, or the signature is not enough"),
        (status = 409, description = "Somebody else changed it, or it is not signed")))]
pub(super) async fn approve(step: Step) -> Result<Response, Problem> {
    let command = |order, revision, signature| OrderCommand::Approve { order, revision, signature };
    step.signed((OrderStatus::Signed, SignedAs::Checker), command).await
}

/// A checker turns it down.
#[utoipa::path(post, path = "/api/v1/orders/{id}/reject", tag = "orders",
    params(("id" = u64, Path, description = "Its number"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes sending again safe")),
    request_body = RejectForm,
    responses((status = 200, body = OrderView),
        (status = 409, description = "Somebody else changed it, or it is not signed")))]
pub(super) async fn reject(step: Step) -> Result<Response, Problem> {
    let (key, fields) = step.read(&["revision", "reason"]).await?;
    let (order, revision) = (step.order, fields.revision()?);
    let (by, reason) = (step.caller.name.as_str().into(), fields.text("reason")?.into());
    carry_out(&step.context, OrderCommand::Reject { order, revision, by, reason }, key).await
}

/// Takes an order back before it is in force.
#[utoipa::path(post, path = "/api/v1/orders/{id}/withdraw", tag = "orders",
    params(("id" = u64, Path, description = "Its number"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes sending again safe")),
    request_body = WithdrawForm,
    responses((status = 200, body = OrderView),
        (status = 409, description = "It is in force already, or has ended")))]
pub(super) async fn withdraw(step: Step) -> Result<Response, Problem> {
    let (key, fields) = step.read(&["reason"]).await?;
    let order = step.order;
    let (by, reason) = (step.caller.name.as_str().into(), fields.text("reason")?.into());
    if !step.caller.has(Role::Checker) {
        may_write(&step.caller, order_of(&step.context, order).await?.kind)?;
    }
    carry_out(&step.context, OrderCommand::Withdraw { order, by, reason }, key).await
}

/// Undoes what an order did, at once. Refused where a later order changed the same, and where there
/// is no way back: a key that was made or destroyed.
#[utoipa::path(post, path = "/api/v1/orders/{id}/rollback", tag = "orders",
    params(("id" = u64, Path, description = "Its number"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes sending again safe")),
    request_body = RollbackForm,
    responses((status = 200, body = OrderView),
        (status = 403, description = "The signature is not worth enough"),
        (status = 409, description = "It is not in force, or a later order changed the same")))]
pub(super) async fn rollback(step: Step) -> Result<Response, Problem> {
    let mut known = SignForm::FIELDS.to_vec();
    known.push("reason");
    let (key, fields) = step.read(&known).await?;
    let Step { context, caller, order, .. } = &step;
    let (order, reason) = (*order, CompactString::from(fields.text("reason")?));
    if let Some(again) = repeated(context, key, order).await? {
        return Ok(again);
    }
    let found = order_of(context, order).await?;
    if !matches!(found.status, OrderStatus::Active | OrderStatus::Superseded) {
        return Err(Problem::order_standing(order, found.status));
    }
    let of_key = found.kind == OrderKind::Keys;
    let running = context.running()?;
    let keeper = running.keeper();
    // A code is good once: what the module refuses is refused before it is used.
    for change in found.changes.iter().filter(|_| of_key) {
        keeper.would(&change.inverse()).map_err(super::keys::refused)?;
    }
    let (form, digest) = (SignForm::of(&fields)?, found.rollback_digest());
    if let Some(signature) = provisional(context, caller, &form, digest) {
        let (by, reason) = (RolledBackBy::Person(signature), reason.clone());
        would_take(context, OrderCommand::RollBack { order, by, reason }).await?;
    }
    let purpose = CodePurpose::Signature { order, role: SignedAs::Rollback };
    let signature = signature_of(context, caller, &form, (digest, purpose)).await?;
    let by = RolledBackBy::Person(signature);
    if !of_key {
        return carry_out(context, OrderCommand::RollBack { order, by, reason }, key).await;
    }
    let answered = keeper.roll_back(order, by, reason, key).await.map_err(|why| match why {
        NotRolledBack::Refused(refusal) => super::keys::refused(refusal),
        NotRolledBack::Shard(error) => error.into(),
    })?;
    idempotency::done(&answered, &order.to_string())?;
    let view = shown(context, order).await?;
    Ok(idempotency::mark(Json(view).into_response(), answered.replayed))
}

/// A step of an order that somebody asks for.
pub(super) struct Step {
    context: HttpContext,
    caller: Caller,
    order: u64,
    asked: Asked,
}

impl FromRequest<HttpContext> for Step {
    type Rejection = Problem;

    async fn from_request(request: Request, context: &HttpContext) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let Reader(caller) = Reader::from_request_parts(&mut parts, context).await?;
        let Segments(id) = Segments::<String>::from_request_parts(&mut parts, context).await?;
        let asked = Asked::from_request(Request::from_parts(parts, body), context).await?;
        Ok(Self { context: context.clone(), caller, order: number(&id)?, asked })
    }
}

impl Step {
    /// Its key, and the fields of its body.
    async fn read(&self, known: &[&str]) -> Result<(Option<IdempotencyKey>, Fields), Problem> {
        let key = self.asked.key(&self.caller)?;
        Ok((key, self.asked.fields(&self.context, known).await?))
    }

    /// A signature of an order's digest, and what it is for. A code is good once, so what is sent
    /// again gets its answer before the code is looked at; so does what can't be signed now anyway.
    async fn signed(
        &self,
        (standing, role): (OrderStatus, SignedAs),
        command: impl Fn(u64, u32, Signature) -> OrderCommand,
    ) -> Result<Response, Problem> {
        let Self { context, caller, order, .. } = self;
        let mut known = SignForm::FIELDS.to_vec();
        known.push("revision");
        let (key, fields) = self.read(&known).await?;
        let revision = fields.revision()?;
        if let Some(again) = repeated(context, key, *order).await? {
            return Ok(again);
        }
        let found = order_of(context, *order).await?;
        if found.revision != revision {
            // Before the signature is looked at: it is of what was there, and nobody's mistake.
            let Order { revision, maker: by, revised_at: at, .. } = found;
            let revised = OrderRefusal::Revised { revision, by, at };
            return Err(order_refusals::refused(revised, &order.to_string()));
        }
        if found.status != standing {
            return Err(Problem::order_standing(*order, found.status));
        }
        let form = SignForm::of(&fields)?;
        if let Some(signature) = provisional(context, caller, &form, found.digest) {
            would_take(context, command(*order, revision, signature)).await?;
        }
        let purpose = CodePurpose::Signature { order: *order, role };
        let signature = signature_of(context, caller, &form, (found.digest, purpose)).await?;
        carry_out(context, command(*order, revision, signature), key).await
    }
}

/// Orders about keys are their custodians', all others operators' (SIG-1).
fn may_write(caller: &Caller, kind: OrderKind) -> Result<(), Problem> {
    let role = if kind == OrderKind::Keys { Role::KeyCustodian } else { Role::Operator };
    if caller.has(role) {
        return Ok(());
    }
    let (name, kind, role) = (&caller.name, kind.name(), role.name());
    let detail = format!("orders of the kind {kind} need the role {role}, which {name:?} has not");
    Err(Problem::forbidden(detail)
        .with_rule("SIG-1")
        .coded("missing_role", [("role", role.into())]))
}

/// Whether the security module would do what an order about a key asks for, as far as it can tell.
fn would(context: &HttpContext, draft: &OrderDraft) -> Result<(), Problem> {
    let ([change], OrderKind::Keys) = (draft.changes.as_slice(), draft.kind) else { return Ok(()) };
    context.running()?.keeper().would(change).map_err(super::keys::refused)
}

/// SIG-2: a code is good once, so what the core would refuse is refused before one is used. What
/// somebody else changes in the moment between is refused all the same, and takes the code along.
async fn would_take(context: &HttpContext, command: OrderCommand) -> Result<(), Problem> {
    let about = command.order().map_or_else(String::new, |order| order.to_string());
    let ask = move |core: &authorization::State, now| core.would_take(now, &command);
    let told = context.running()?.shard.query(ask).await?;
    told.map_err(|refusal| order_refusals::refused(refusal, &about))
}

/// The answer to something that was carried out before under this key.
async fn repeated(
    context: &HttpContext,
    key: Option<IdempotencyKey>,
    order: u64,
) -> Result<Option<Response>, Problem> {
    let Some(key) = key else { return Ok(None) };
    let recall = move |core: &authorization::State, _| core.recall(&key);
    match context.running()?.shard.query(recall).await? {
        Some(authorization::Outcome::Done(_)) => {
            let view = shown(context, order).await?;
            Ok(Some(idempotency::mark(Json(view).into_response(), true)))
        }
        Some(authorization::Outcome::Refused(refusal)) => {
            Err(Problem::refused(refusal, &order.to_string()))
        }
        _ => Ok(None),
    }
}

/// Carries a step out and shows the order as it is then.
async fn carry_out(
    context: &HttpContext,
    command: OrderCommand,
    key: Option<IdempotencyKey>,
) -> Result<Response, Problem> {
    let about = command.order().map_or_else(String::new, |order| order.to_string());
    let carried = context.carry_out(Command::Order(Box::new(command)), key, &about).await?;
    let Done::Order(done) = &carried.done else {
        return Err(Problem::internal("another outcome than an order's"));
    };
    if done.status == OrderStatus::Approved {
        // The shard put it in force already, unless it is about a key.
        context.running()?.keeper().put_in_force().await?;
    }
    let view = shown(context, done.order).await?;
    Ok(carried.answer(view))
}

async fn shown(context: &HttpContext, id: u64) -> Result<OrderView, Problem> {
    let offset = context.running()?.clock.now().offset;
    let view = order_view::view(&order_of(context, id).await?, offset);
    let mut views = previewed(context, vec![view]).await?;
    views.pop().ok_or_else(|| Problem::internal("an order was lost on the way"))
}

/// Orders with the figures of their last previews, which lie in files.
async fn previewed(
    context: &HttpContext,
    mut views: Vec<OrderView>,
) -> Result<Vec<OrderView>, Problem> {
    let data = context.running()?.data.clone();
    let read = tokio::task::spawn_blocking(move || {
        for view in &mut views {
            let (order, digest) = view.which();
            let summary = kept_summary(&data, order);
            view.preview = summary.map(|summary| PreviewSummary::of(summary, digest));
        }
        views
    });
    read.await.map_err(|_| Problem::internal("previews could not be read"))
}

async fn order_of(context: &HttpContext, id: u64) -> Result<Order, Problem> {
    let look = move |core: &authorization::State, _| {
        core.orders().get(id).map(|order| with_risk_now(core, order))
    };
    let order = context.running()?.shard.query(look).await?;
    order.ok_or_else(|| Problem::not_found("order", &id.to_string()))
}

/// SIG-4: nobody is made who is called as a service is; their acts could not be told apart.
fn no_service(context: &HttpContext, draft: &OrderDraft) -> Result<(), Problem> {
    let taken = context.tokens().iter().find(|token| {
        let path = format!("user[{}]", token.name);
        draft.kind == OrderKind::Users && draft.changes.iter().any(|change| change.path == path)
    });
    taken.map_or(Ok(()), |token| {
        let detail = format!("user[{}]: that is the name of a service's token", token.name);
        Err(Problem::field("changes", detail).with_rule("SIG-4"))
    })
}

/// An order with the risk that its next signature is held against (SIG-2).
fn with_risk_now(core: &authorization::State, order: &Order) -> Order {
    Order { risk: core.order_risk(order), ..order.clone() }
}

/// An order's number, as the address has it.
pub(super) fn number(id: &str) -> Result<u64, Problem> {
    id.parse().map_err(|_| Problem::not_found("order", id))
}

impl Fields {
    /// `revision`: which one the caller looked at.
    fn revision(&self) -> Result<u32, Problem> {
        let revision = self.value("revision").and_then(serde_json::Value::as_u64);
        let revision = revision.and_then(|revision| u32::try_from(revision).ok());
        revision.ok_or_else(|| {
            let detail = "must be the number of the revision that you looked at";
            Problem::field("revision", detail).with_rule("SIG-1")
        })
    }
}
