//! `/transactions/{id}/story`: why, told for people.

use super::access::Reader;
use super::context::HttpContext;
use super::describe::{Figure, TransactionDetail};
use super::fields::Segments;
use super::problem::Problem;
use super::query::Params;
use super::transactions::{self, Numbers};
use crate::story::{self, Figures, Language};
use authorization::ResultCode;
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

/// A transaction told for people, from its recorded trace (TXN-8).
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Story {
    id: String,
    /// `en`, `ru`, `ky`.
    language: String,
    at: String,
    /// What was asked, where, and what came of it.
    summary: String,
    approved: bool,
    code: String,
    result: String,
    /// The version of the rule set in force.
    rules: String,
    /// Each rule in the order in which it was looked at.
    steps: Vec<StoryStep>,
    /// How long it took, as far as this engine remembers: the last hours' decisions.
    stages: Option<Stages>,
}

/// One rule.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct StoryStep {
    rule: String,
    /// `pass`, `decline`, `ask_pin`, `note`, `not_applicable`.
    verdict: String,
    /// Whether it is what the transaction was declined for.
    decisive: bool,
    /// The limit's id, for LIM-1.
    limit: Option<String>,
    /// The edition of the regulation, for the rules that have two.
    edition: Option<String>,
    asked: Option<Figure>,
    /// The counter before, or what there was.
    before: Option<Figure>,
    /// The counter after, where the rule counts and the transaction was approved.
    after: Option<Figure>,
    ceiling: Option<Figure>,
    /// All of it in words.
    text: String,
}

/// Times in microseconds.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Stages {
    /// The longest wait for the shard in its turn.
    waited_us: u64,
    /// Deciding and appending all of its turn.
    decided_us: u64,
    /// Writing and flushing its turn's records.
    committed_us: u64,
    /// How many records the turn had.
    records: u64,
}

/// The story of a transaction.
#[utoipa::path(get, path = "/api/v1/transactions/{id}/story", tag = "transactions",
    params(("id" = String, Path, description = "Its id, as lists give it"),
        ("language" = Option<String>, Query, description = "en, ru or ky; en if not told")),
    responses((status = 200, body = Story), (status = 404, description = "No such transaction")))]
pub(super) async fn story(
    State(context): State<HttpContext>,
    _: Reader,
    Segments(id): Segments<String>,
    params: Params,
) -> Result<Json<Story>, Problem> {
    let params = params.known(&["language"])?;
    let tag = params.get("language").unwrap_or("en");
    let language = Language::of(tag);
    let language = language.ok_or_else(|| Problem::field("language", "must be en, ru or ky"))?;
    let found = transactions::find(&context, &id).await?;
    let turn = context.running()?.shard.live().turn_of(found.summary.sequence);
    let stages = turn.map(|turn| Stages {
        waited_us: turn.waited_us,
        decided_us: turn.decided_us,
        committed_us: turn.committed_us,
        records: turn.last.saturating_sub(turn.first).saturating_add(1),
    });
    let steps = steps(&found, language);
    let result = ResultCode::ALL.iter().find(|result| result.name() == found.summary.result);
    let words = result.map_or(["?"; 3], |result| story::outcome(*result));
    let shown: TransactionDetail = transactions::detail(found);
    let transaction = shown.transaction;
    let amount = format!("{} {}", transaction.amount, transaction.currency);
    let asked = (&*transaction.operation, &*amount, &*transaction.terminal);
    let came = (words, &*transaction.code);
    Ok(Json(Story {
        summary: story::opening(asked, transaction.pan.as_deref(), came, language),
        id: transaction.id,
        language: language.tag().to_owned(),
        at: transaction.at,
        approved: transaction.approved,
        code: transaction.code,
        result: transaction.result,
        rules: transaction.rules,
        steps,
        stages,
    }))
}

fn steps(found: &history::TransactionDetail, language: Language) -> Vec<StoryStep> {
    let numbers = Numbers::of(found);
    let declining = |line: &history::TraceLine| matches!(&*line.verdict, "decline" | "ask_pin");
    let decisive = found.trace.iter().position(declining).filter(|_| !found.summary.approved);
    let step = |(at, line): (usize, &history::TraceLine)| {
        let shown = numbers.line(line.clone());
        let rule = story::rule(&line.rule);
        let moved = found.summary.approved && rule.is_some_and(story::counts);
        let used = line.used.saturating_add(line.asked);
        let after = moved.then(|| numbers.line(history::TraceLine { used, ..line.clone() }).used);
        let after = after.flatten();
        let words = |figure: &Option<Figure>| {
            figure.as_ref().map(|figure| match figure {
                Figure::Amount(text) => text.clone(),
                Figure::Count(number) => number.to_string(),
            })
        };
        let figures = Figures {
            asked: words(&shown.asked),
            before: words(&shown.used),
            after: words(&after),
            ceiling: words(&shown.ceiling),
        };
        let limit = shown.limit.as_deref();
        let text = rule.map(|rule| story::sentence(rule, &line.verdict, limit, &figures, language));
        StoryStep {
            decisive: decisive == Some(at),
            edition: rule.and_then(story::edition).map(str::to_owned),
            // A rule of a later version of the program: its id is all there is to say.
            text: text.unwrap_or_else(|| line.rule.clone()),
            rule: shown.rule,
            verdict: shown.verdict,
            limit: shown.limit,
            asked: shown.asked,
            before: shown.used,
            after,
            ceiling: shown.ceiling,
        }
    };
    found.trace.iter().enumerate().map(step).collect()
}
