//! The OpenAPI document: made from the handlers' own descriptions, so that it can't name what is
//! not there; a test holds it against the routes.

use super::describe::ProblemBody;
use super::{
    accounts, audit, batches, card_security, card_settings, cards, data_report, devices, disputes,
    effects, events, find, health, keys, networks, notifications, operations, orders, overdrafts,
    permissions, session, session_steps,
};
use super::{alerts, personal_keys, signing, users};
use super::{
    personal, presentments, rates, retirement, rules, statements, stop_list, story, transactions,
};
use axum::Json;
use std::sync::OnceLock;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{ContentBuilder, OpenApi as Document, RefOr, ResponseBuilder};
use utoipa::openapi::{Ref, SecurityRequirement};
use utoipa::{Modify, OpenApi};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Tamga",
        description = "A card authorization engine. Amounts are decimal strings in major units of \
            their currency, instants RFC 3339 with the bank's offset. Errors are RFC 9457 problem \
            details. A POST may carry an `Idempotency-Key`: sent again with the same body it has \
            no second effect and gets the first answer, marked `Idempotency-Replayed: true`."
    ),
    paths(
        accounts::read, accounts::credit, accounts::arrest, accounts::lift_arrest,
        statements::statement, statements::general_ledger,
        cards::read, cards::block, cards::unblock,
        overdrafts::list, overdrafts::exempt, overdrafts::end_exemption,
        card_settings::read, card_settings::raise, card_settings::end_raise,
        card_settings::holder_limits, card_settings::travel, card_settings::end_travel,
        card_security::switches, card_security::scripts, card_security::queue,
        card_security::cancel,
        session::login, session::read, session::logout, session::code, session::lock,
        session::unlock, session_steps::password, session_steps::enrol, session_steps::confirm,
        permissions::list, personal_keys::add, personal_keys::withdraw_own, users::list, users::add,
        users::read, users::set_roles, users::set_active, users::ask_reset, users::approve_reset,
        personal_keys::approve, personal_keys::withdraw, alerts::list, signing::statement,
        keys::list, keys::change, networks::list,
        personal::read, personal::reveal, personal::erase, data_report::report,
        transactions::list, transactions::read, story::story,
        presentments::list, presentments::present, stop_list::list, stop_list::put,
        retirement::idle, retirement::uncollected, retirement::close, retirement::cancel,
        retirement::end,
        disputes::list, disputes::claim, disputes::read, disputes::decide, disputes::count,
        batches::of_terminal, batches::of_acquirer,
        rules::read, orders::list, orders::draft, orders::register, orders::read, orders::revise,
        orders::history, orders::sign, orders::approve, orders::reject, orders::withdraw,
        orders::rollback, effects::start, effects::read, effects::cancel, effects::start_shadow,
        effects::read_shadow, effects::stop_shadow, effects::under,
        rates::list, rates::load, notifications::list, audit::list,
        events::events, events::live, find::find,
        devices::terminals, devices::terminal, devices::agents, devices::agent,
        operations::end_of_day, operations::day_status, operations::move_clock, document_json,
        health::live, health::ready, health::metrics,
    ),
    components(schemas(ProblemBody)),
    modifiers(&Common)
)]
struct Api;

/// What is the same everywhere: the token, and the shape of every error.
struct Common;

impl Modify for Common {
    fn modify(&self, document: &mut Document) {
        let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        document.components.get_or_insert_default().add_security_scheme("token", scheme);
        for (path, item) in &mut document.paths.paths {
            let is_api = path.starts_with("/api/") && !path.ends_with("/openapi.json");
            let operations = [&mut item.get, &mut item.put, &mut item.post, &mut item.delete];
            for operation in operations.into_iter().flatten().filter(|_| is_api) {
                operation.security =
                    Some(vec![SecurityRequirement::new("token", Vec::<String>::new())]);
                let responses = &mut operation.responses.responses;
                let always =
                    [("401", "Nobody known"), ("403", "Not permitted"), ("503", "Not now")];
                let asked = operation.request_body.is_some() || operation.parameters.is_some();
                let wrong = [
                    ("400", "Not understood"),
                    ("413", "Too large"),
                    ("422", "A field is not right"),
                ];
                let named = [("404", "No such thing")];
                let told = always
                    .into_iter()
                    .chain(wrong.into_iter().filter(|_| asked))
                    .chain(named.into_iter().filter(|_| path.contains('{')));
                for (status, what) in told {
                    let response = ResponseBuilder::new().description(what).build();
                    responses.entry(status.to_owned()).or_insert(RefOr::T(response));
                }
                for (_, response) in
                    responses.iter_mut().filter(|(status, _)| status.as_str() >= "4")
                {
                    let RefOr::T(response) = response else { continue };
                    let schema = Ref::from_schema_name("ProblemBody");
                    let content = ContentBuilder::new().schema(Some(schema)).build();
                    response.content.insert("application/problem+json".to_owned(), content);
                }
            }
        }
    }
}

/// The document, made once.
#[must_use]
pub fn document() -> &'static Document {
    static DOCUMENT: OnceLock<Document> = OnceLock::new();
    DOCUMENT.get_or_init(Api::openapi)
}

/// This document.
#[utoipa::path(get, path = "/api/v1/openapi.json", tag = "health",
    responses((status = 200, description = "OpenAPI 3.1")))]
pub(super) async fn document_json() -> Json<&'static Document> {
    Json(document())
}
