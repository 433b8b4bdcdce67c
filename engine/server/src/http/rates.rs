//! `/rates`: exchange rates and metal prices (AMT-3, AMT-6).

use super::access::{Operator, Reader};
use super::asked::Asked;
use super::context::HttpContext;
use super::problem::Problem;
use crate::clock::parse_rfc3339;
use authorization::{Command, Done, Exact, RateItem, State as Core};
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use payment_types::{Currency, Moment};
use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// `GET /rates`.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Rates {
    /// By pair and moment: those in force, and those to come.
    items: Vec<Rate>,
    /// After how many working days a rate is too old to be used.
    stale_after_working_days: u16,
    as_of: String,
}

/// One rate.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Rate {
    /// One major unit (of a metal: one gram) of this ...
    from: String,
    /// ... in this ...
    to: String,
    /// ... is so much.
    value: String,
    margin_percent: String,
    valid_from: String,
    /// Whether it holds now.
    in_force: bool,
    /// Whether it is too old: requests that need it get 96.
    stale: bool,
}

/// `POST /rates`.
#[derive(Debug, ToSchema)]
#[allow(dead_code)]
pub(super) struct RatesForm {
    /// All or none are taken in.
    rates: Vec<RateForm>,
}

/// One rate.
#[derive(Debug, ToSchema)]
#[allow(dead_code)]
pub(super) struct RateForm {
    #[schema(example = "USD")]
    from: String,
    #[schema(example = "KGS")]
    to: String,
    /// Above zero.
    #[schema(example = "87.4500")]
    value: String,
    /// 0 if not told.
    #[schema(example = "1.0")]
    margin_percent: Option<String>,
    /// RFC 3339.
    #[schema(example = "2026-11-23T00:00:00+06:00")]
    valid_from: String,
}

/// What became of them.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RatesLoaded {
    /// New ones.
    added: u64,
    /// Those that were there already.
    known: u64,
}

/// The rates in force and those to come.
#[utoipa::path(get, path = "/api/v1/rates", tag = "rates",
    responses((status = 200, body = Rates)))]
pub(super) async fn list(
    State(context): State<HttpContext>,
    _: Reader,
) -> Result<Json<Rates>, Problem> {
    Ok(Json(context.running()?.shard.query(view).await?))
}

fn view(core: &Core, now: Moment) -> Rates {
    let rate = |view: authorization::RateView| Rate {
        from: view.from.to_string(),
        to: view.to.to_string(),
        value: view.value.to_string(),
        margin_percent: view.margin_percent.to_string(),
        valid_from: Moment::new(view.valid_from, now.offset).rfc3339(),
        in_force: view.in_force,
        stale: view.stale,
    };
    Rates {
        items: core.rates_in_force(now).into_iter().map(rate).collect(),
        stale_after_working_days: core.rules().conversion.stale_after_working_days,
        as_of: now.rfc3339(),
    }
}

/// Takes rates in, all or none. A rate of zero, of a currency to itself, dated more than a year
/// ahead, or another than the one that stands for the pair from that very moment is refused.
#[utoipa::path(post, path = "/api/v1/rates", tag = "rates",
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes sending again safe")),
    request_body = RatesForm,
    responses((status = 200, body = RatesLoaded),
        (status = 422, description = "A rate is not right; none was taken in")))]
pub(super) async fn load(
    State(context): State<HttpContext>,
    Operator(caller): Operator,
    asked: Asked,
) -> Result<Response, Problem> {
    let key = asked.key(&caller)?;
    let fields = asked.fields(&context, &["rates"]).await?;
    let rates = fields.list("rates")?.iter().zip(1u32..).map(|(rate, at)| item(rate, at));
    let rates = rates.collect::<Result<Vec<_>, _>>()?;
    let command = Command::LoadRates { rates, entered_by: caller.name.into() };
    let carried_out = context.carry_out(command, key, "rates").await?;
    let Done::RatesLoaded { added, known } = carried_out.done else {
        return Err(Problem::internal("another outcome than of loading rates"));
    };
    Ok(carried_out.answer(RatesLoaded { added, known }))
}

fn item(rate: &Value, at: u32) -> Result<RateItem, Problem> {
    let wrong = |what: String| Problem::field("rates", format!("rate {at}: {what}"));
    let known = ["from", "to", "value", "margin_percent", "valid_from"];
    let Value::Object(rate) = rate else { return Err(wrong("must be an object".to_owned())) };
    if let Some(unknown) = rate.keys().find(|name| !known.contains(&name.as_str())) {
        return Err(wrong(format!("{unknown:?} is none of {}", known.join(", "))));
    }
    let text = |name: &str| rate.get(name).and_then(Value::as_str).unwrap_or_default();
    let texts = known.map(text);
    if rate.values().any(|value| !value.is_string()) {
        return Err(wrong("all its fields are texts in quotes".to_owned()));
    }
    read(texts).map_err(wrong)
}

/// Reads `from, to, value, margin_percent, valid_from`, as files and the API have them.
pub(crate) fn read(texts: [&str; 5]) -> Result<RateItem, String> {
    let [from, to, value, margin, valid_from] = texts.map(str::trim);
    let currency = |name: &str, text: &str| {
        Currency::from_alpha(text)
            .ok_or_else(|| format!("{name}: {text:?} is no currency such as \"USD\""))
    };
    let number = |name: &str, text: &str| {
        Decimal::from_str_exact(text)
            .map_err(|_| format!("{name}: {text:?} is no number such as \"87.4500\""))
    };
    let margin = if margin.is_empty() { "0" } else { margin };
    Ok(RateItem {
        from: currency("from", from)?,
        to: currency("to", to)?,
        value: Exact(number("value", value)?),
        margin_percent: Exact(number("margin_percent", margin)?),
        valid_from: parse_rfc3339(valid_from).map_err(|error| format!("valid_from: {error}"))?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amt_3_what_is_no_rate_is_named() {
        let at = "2026-11-23T00:00:00+06:00";
        assert!(read(["USD", "KGS", "87.45", "", at]).is_ok());
        for (texts, word) in [
            (["usd", "KGS", "87.45", "1", at], "from"),
            (["USD", "som", "87.45", "1", at], "to"),
            (["USD", "KGS", "87,45", "1", at], "value"),
            (["USD", "KGS", "87.45", "x", at], "margin_percent"),
            (["USD", "KGS", "87.45", "1", "2026-11-23"], "valid_from"),
        ] {
            assert!(read(texts).unwrap_err().starts_with(word), "{texts:?}");
        }
    }
}
