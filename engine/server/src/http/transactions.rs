//! `/transactions`: search, and one with its trace.

use super::access::Reader;
use super::context::HttpContext;
use super::describe::{
    Figure, Hold, Link, Page, Posting, TraceLine, Transaction, TransactionDetail,
};
use super::fields::Segments;
use super::money;
use super::problem::Problem;
use super::query::Params;
use crate::statement::operation;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use history::{Filter, Party};
use payment_types::{Currency, Moment, format_minor};
use serde::Serialize;

/// On the answer of a search that could not wait any longer: how many records it does not know.
pub(super) const BEHIND: HeaderName = HeaderName::from_static("read-model-behind");

const PARAMETERS: [&str; 8] =
    ["card", "account", "terminal", "from", "to", "code", "cursor", "limit"];

/// Transactions, newest first.
#[utoipa::path(get, path = "/api/v1/transactions", tag = "transactions",
    params(("card" = Option<String>, Query, description = "Of this card, by id"),
        ("account" = Option<String>, Query, description = "Of this account, by id"),
        ("terminal" = Option<String>, Query, description = "From this terminal, by DE 41"),
        ("from" = Option<String>, Query, description = "At this instant or day, or later"),
        ("to" = Option<String>, Query, description = "Before this instant or day"),
        ("code" = Option<String>, Query, description = "With this DE 39"),
        ("cursor" = Option<String>, Query, description = "`next` of the part before"),
        ("limit" = Option<u32>, Query, description = "Rows, 1 to 500; 50 if not told")),
    responses((status = 200, body = Page<Transaction>)))]
pub(super) async fn list(
    State(context): State<HttpContext>,
    _: Reader,
    params: Params,
) -> Result<Response, Problem> {
    let params = params.known(&PARAMETERS)?;
    let clock = &context.running()?.clock;
    let filter = Filter {
        card: params.text("card"),
        account: params.text("account"),
        terminal: params.text("terminal"),
        from: params.instant("from", clock)?,
        to: params.instant("to", clock)?,
        code: params.text("code"),
    };
    let (before, limit) = (params.cursor()?, params.limit()?);
    let search = move |history: &history::History| history.transactions(&filter, before, limit);
    let (found, behind) = context.search(search).await?;
    Ok(paged(found, behind, summary))
}

/// A part of a list as an answer.
pub(super) fn paged<T, U: Serialize>(
    found: history::Page<T>,
    behind: u64,
    show: impl Fn(T) -> U,
) -> Response {
    let next = found.next.map(|next| next.to_string());
    let page = Page { items: found.items.into_iter().map(show).collect(), next };
    let mut response = Json(page).into_response();
    if behind > 0 {
        response.headers_mut().insert(BEHIND, HeaderValue::from(behind));
    }
    response
}

/// One transaction with its trace, postings, and what it belongs to.
#[utoipa::path(get, path = "/api/v1/transactions/{id}", tag = "transactions",
    params(("id" = String, Path, description = "Its id, as lists give it")),
    responses((status = 200, body = TransactionDetail),
        (status = 404, description = "No such transaction")))]
pub(super) async fn read(
    State(context): State<HttpContext>,
    _: Reader,
    Segments(id): Segments<String>,
) -> Result<Json<TransactionDetail>, Problem> {
    Ok(Json(detail(find(&context, &id).await?)))
}

/// A transaction as the read model has it.
pub(super) async fn find(
    context: &HttpContext,
    id: &str,
) -> Result<history::TransactionDetail, Problem> {
    let unknown = || Problem::not_found("transaction", id);
    let sequence: u64 = id.parse().map_err(|_| unknown())?;
    let search = move |history: &history::History| history.transaction(sequence);
    let (found, behind) = context.search(search).await?;
    match found {
        Some(found) => Ok(found),
        None if behind > 0 => Err(Problem::behind(behind)),
        None => Err(unknown()),
    }
}

fn summary(row: history::TransactionSummary) -> Transaction {
    let currency = row.currency;
    let text = |minor| money::text(minor, currency);
    Transaction {
        id: row.sequence.to_string(),
        at: row.moment.rfc3339(),
        mti: format!("{:04}", row.mti),
        processing_code: format!("{:06}", row.processing_code),
        operation: operation(row.processing_code).to_owned(),
        card: row.card,
        pan: row.masked_pan,
        account: row.account,
        terminal: row.terminal,
        category: row.category,
        merchant: row.merchant,
        agent: row.agent,
        mcc: row.mcc.map(|mcc| format!("{mcc:04}")),
        amount: text(row.amount),
        currency: currency.to_string(),
        approved: row.approved,
        result: row.result,
        code: row.code,
        auth_code: row.auth_code,
        rrn: row.rrn,
        stan: format!("{:06}", row.stan),
        liability: row.liability,
        approved_amount: row.approved_amount.map(text),
        handed_out: row.handed_out.map(text),
        original: row.original.map(|original| original.to_string()),
        rules: row.rules,
    }
}

pub(super) fn detail(found: history::TransactionDetail) -> TransactionDetail {
    let numbers = Numbers::of(&found);
    let booked = numbers.booked;
    let text = |minor| money::text(minor, numbers.asked);
    let hold = found.hold.map(|change| Hold {
        change,
        amount: found.hold_amount.map(|minor| money::text(minor, booked)),
        expired_at: found.hold_expired_at.map(Moment::rfc3339),
    });
    TransactionDetail {
        acceptor: found.acceptor,
        entry_mode: format!("{:03}", found.entry_mode),
        pin: found.pin,
        local_time: format!("{:010}", found.local_time),
        transmission: format!("{:010}", found.transmission),
        acquirer: found.acquirer.to_string(),
        cash_back: found.cash_back.map(text),
        replacement: found.replacement.map(text),
        cap_left: found.cap_left.map(|minor| money::text(minor, Currency::KGS)),
        hold,
        trace: found.trace.into_iter().map(|line| numbers.line(line)).collect(),
        postings: found.postings.into_iter().map(posting).collect(),
        original_transaction: found.original.map(link),
        followers: found.followers.into_iter().map(link).collect(),
        retransmissions: found.retransmissions.into_iter().map(Moment::rfc3339).collect(),
        transaction: summary(found.summary),
    }
}

/// How the numbers of a transaction's trace are read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Numbers {
    /// DE 4.
    pub(super) amount: i64,
    /// DE 49.
    pub(super) asked: Currency,
    /// The account's.
    pub(super) booked: Currency,
}

impl Numbers {
    pub(super) fn of(found: &history::TransactionDetail) -> Self {
        let (amount, asked) = (found.summary.amount, found.summary.currency);
        Self { amount, asked, booked: found.account_currency.unwrap_or(asked) }
    }

    pub(super) fn line(self, line: history::TraceLine) -> TraceLine {
        trace_line(line, (self.amount, self.asked), self.booked)
    }
}

/// A rule's numbers are money but for PIN tries, limits that count, and the count since the last
/// PIN (CTL-2), which always asks for one.
fn trace_line(
    line: history::TraceLine,
    (amount, asked): (i64, Currency),
    booked: Currency,
) -> TraceLine {
    if line.ceiling != 0 && matches!(line.rule.as_str(), "AMT-3" | "AMT-6") {
        return rate_line(line, asked, booked);
    }
    let is_count = match (line.rule.as_str(), line.measure.as_deref()) {
        ("PIN-2" | "PIN-4" | "SEC-1" | "SEC-3", _) | (_, Some("count")) => true,
        // Counters of a chip, and their window; what stands in for the module is an amount.
        ("SEC-2", _) => line.ceiling <= i64::from(authorization::ATC_WINDOW),
        ("CTL-2", _) => line.asked == 1 && amount != 1,
        _ => false,
    };
    if line.rule == "SEC-4" {
        return authentication_line(line);
    }
    let is_limit =
        line.measure.as_deref().is_some_and(|measure| !matches!(measure, "fee" | "chip_check"));
    let is_regulated = is_limit || line.rule.starts_with("CTL") || line.rule.starts_with("AGT");
    let currency = if is_regulated { Currency::KGS } else { booked };
    let has_numbers = (line.asked, line.used, line.ceiling) != (0, 0, 0);
    let figure = |value| {
        has_numbers.then(|| match is_count {
            true => Figure::Count(value),
            false => Figure::Amount(money::text(value, currency)),
        })
    };
    TraceLine {
        asked: figure(line.asked),
        used: figure(line.used),
        // BAL, AMT and the like look at two numbers only.
        ceiling: figure(line.ceiling).filter(|_| line.ceiling != 0 || is_regulated || is_count),
        rule: line.rule,
        verdict: line.verdict,
        limit: line.limit,
    }
}

/// SEC-4: the amount, the indicator (ECI), and from where on an authentication is needed.
fn authentication_line(line: history::TraceLine) -> TraceLine {
    let money = |minor: i64| Figure::Amount(money::text(minor, Currency::KGS));
    TraceLine {
        asked: (line.asked > 0).then(|| money(line.asked)),
        used: (line.used > 0).then_some(Figure::Count(line.used)),
        ceiling: (line.ceiling > 0).then(|| money(line.ceiling)),
        rule: line.rule,
        verdict: line.verdict,
        limit: line.limit,
    }
}

/// AMT-3: the amount as asked, what it is on the account, and the rate, kept in millionths.
fn rate_line(line: history::TraceLine, asked: Currency, booked: Currency) -> TraceLine {
    let rate = format_minor(i128::from(line.ceiling), 6);
    TraceLine {
        asked: Some(Figure::Amount(money::text(line.asked, asked))),
        used: Some(Figure::Amount(money::text(line.used, booked))),
        ceiling: Some(Figure::Amount(rate)),
        rule: line.rule,
        verdict: line.verdict,
        limit: line.limit,
    }
}

fn posting(posting: history::Posting) -> Posting {
    let (account, general) = match posting.party {
        Party::Account(id) => (Some(id), None),
        Party::General(name) => (None, Some(name)),
    };
    let amount = money::text(posting.amount, posting.currency);
    Posting { account, general, amount, currency: posting.currency.to_string() }
}

fn link(link: history::Link) -> Link {
    Link {
        id: link.sequence.to_string(),
        at: link.moment.rfc3339(),
        mti: format!("{:04}", link.mti),
        amount: money::text(link.amount, link.currency),
        currency: link.currency.to_string(),
        result: link.result,
        code: link.code,
    }
}
