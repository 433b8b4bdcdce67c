//! Which handler answers what.

use super::context::HttpContext;
use super::problem::Problem;
use super::{
    accounts, audit, batches, card_security, card_settings, cards, data_report, devices, disputes,
    effects, events, find, gate, headers, health, keys, metering, networks, notifications, openapi,
    operations, orders, overdrafts, page, permissions, personal, presentments, rates, retirement,
    rules, session, session_steps, statements, stop_list, story, transactions,
};
use super::{alerts, personal_keys, signing, users};
use axum::Router;
use axum::handler::Handler;
use axum::http::Method;
use axum::routing::{MethodFilter, on};

/// Where the API begins.
pub const API: &str = "/api/v1";

/// A router that remembers what was put into it, for the test that holds the OpenAPI document
/// against it.
pub(super) struct Routes {
    router: Router<HttpContext>,
    known: Vec<(Method, String)>,
}

impl Routes {
    fn add<T: 'static>(
        mut self,
        method: Method,
        path: &str,
        handler: impl Handler<T, HttpContext>,
    ) -> Self {
        let filter = match method {
            Method::POST => MethodFilter::POST,
            Method::PUT => MethodFilter::PUT,
            Method::DELETE => MethodFilter::DELETE,
            _ => MethodFilter::GET,
        };
        self.router = self.router.route(path, on(filter, handler));
        self.known.push((method, path.to_owned()));
        self
    }

    fn api<T: 'static>(
        self,
        method: Method,
        path: &str,
        handler: impl Handler<T, HttpContext>,
    ) -> Self {
        self.add(method, &format!("{API}{path}"), handler)
    }

    /// People, and what they may (SIG-4).
    fn people(self) -> Self {
        self.api(Method::POST, "/session", session::login)
            .api(Method::GET, "/session", session::read)
            .api(Method::DELETE, "/session", session::logout)
            .api(Method::POST, "/session/code", session::code)
            .api(Method::POST, "/session/lock", session::lock)
            .api(Method::POST, "/session/unlock", session::unlock)
            .api(Method::POST, "/session/password", session_steps::password)
            .api(Method::POST, "/session/enrolment", session_steps::enrol)
            .api(Method::POST, "/session/enrolment/confirm", session_steps::confirm)
            .api(Method::POST, "/session/keys", personal_keys::add)
            .api(Method::DELETE, "/session/keys/{key}", personal_keys::withdraw_own)
            .api(Method::GET, "/users", users::list)
            .api(Method::POST, "/users", users::add)
            .api(Method::GET, "/users/{id}", users::read)
            .api(Method::POST, "/users/{id}/roles", users::set_roles)
            .api(Method::POST, "/users/{id}/active", users::set_active)
            .api(Method::POST, "/users/{id}/reset", users::ask_reset)
            .api(Method::POST, "/users/{id}/reset/approval", users::approve_reset)
            .api(Method::POST, "/users/{id}/keys/{key}/approval", personal_keys::approve)
            .api(Method::DELETE, "/users/{id}/keys/{key}", personal_keys::withdraw)
            .api(Method::GET, "/alerts", alerts::list)
            .api(Method::GET, "/signing/statement", signing::statement)
            .api(Method::GET, "/permissions", permissions::list)
    }

    /// The rules, and change orders (SIG).
    fn orders(self) -> Self {
        self.api(Method::GET, "/rules", rules::read)
            .api(Method::GET, "/orders", orders::list)
            .api(Method::POST, "/orders", orders::draft)
            .api(Method::GET, "/orders/register", orders::register)
            .api(Method::GET, "/orders/{id}", orders::read)
            .api(Method::PUT, "/orders/{id}", orders::revise)
            .api(Method::GET, "/orders/{id}/history", orders::history)
            .api(Method::POST, "/orders/{id}/sign", orders::sign)
            .api(Method::POST, "/orders/{id}/approve", orders::approve)
            .api(Method::POST, "/orders/{id}/reject", orders::reject)
            .api(Method::POST, "/orders/{id}/withdraw", orders::withdraw)
            .api(Method::POST, "/orders/{id}/rollback", orders::rollback)
            .api(Method::POST, "/orders/{id}/preview", effects::start)
            .api(Method::GET, "/orders/{id}/preview", effects::read)
            .api(Method::DELETE, "/orders/{id}/preview", effects::cancel)
            .api(Method::PUT, "/orders/{id}/shadow", effects::start_shadow)
            .api(Method::GET, "/orders/{id}/shadow", effects::read_shadow)
            .api(Method::DELETE, "/orders/{id}/shadow", effects::stop_shadow)
            .api(Method::GET, "/transactions/{id}/under", effects::under)
    }

    /// What moves: the feed, devices, agents; and finding a card.
    fn moving(self) -> Self {
        self.api(Method::GET, "/events", events::events)
            .api(Method::GET, "/live", events::live)
            .api(Method::GET, "/terminals", devices::terminals)
            .api(Method::GET, "/terminals/{id}", devices::terminal)
            .api(Method::GET, "/agents", devices::agents)
            .api(Method::GET, "/agents/{id}", devices::agent)
            .api(Method::POST, "/cards/find", find::find)
    }

    /// Every route there is.
    pub(super) fn all() -> Self {
        Self { router: Router::new(), known: Vec::new() }
            .orders()
            .api(Method::GET, "/accounts/{id}", accounts::read)
            .api(Method::POST, "/accounts/{id}/credits", accounts::credit)
            .api(Method::PUT, "/accounts/{id}/arrest", accounts::arrest)
            .api(Method::DELETE, "/accounts/{id}/arrest", accounts::lift_arrest)
            .api(Method::GET, "/accounts/{id}/statement", statements::statement)
            .api(Method::GET, "/general-ledger", statements::general_ledger)
            .api(Method::GET, "/cards/{id}", cards::read)
            .api(Method::POST, "/cards/{id}/blocks", cards::block)
            .api(Method::DELETE, "/cards/{id}/blocks/{reason}", cards::unblock)
            .api(Method::PUT, "/cards/{id}/overdraft-exemption", overdrafts::exempt)
            .api(Method::DELETE, "/cards/{id}/overdraft-exemption", overdrafts::end_exemption)
            .api(Method::GET, "/technical-overdrafts", overdrafts::list)
            .api(Method::GET, "/cards/{id}/settings", card_settings::read)
            .api(Method::POST, "/cards/{id}/raises", card_settings::raise)
            .api(Method::DELETE, "/cards/{id}/raises/{limit}", card_settings::end_raise)
            .api(Method::PUT, "/cards/{id}/holder-limits", card_settings::holder_limits)
            .api(Method::POST, "/cards/{id}/travel-notes", card_settings::travel)
            .api(Method::DELETE, "/cards/{id}/travel-notes/{note}", card_settings::end_travel)
            .api(Method::PUT, "/cards/{id}/switches", card_security::switches)
            .api(Method::GET, "/cards/{id}/scripts", card_security::scripts)
            .api(Method::POST, "/cards/{id}/scripts", card_security::queue)
            .api(Method::DELETE, "/cards/{id}/scripts/{script}", card_security::cancel)
            .api(Method::GET, "/customers/{id}", personal::read)
            .api(Method::GET, "/customers/{id}/data-report", data_report::report)
            .api(Method::POST, "/customers/{id}/erase", personal::erase)
            .api(Method::POST, "/cards/{id}/reveal", personal::reveal)
            .api(Method::POST, "/accounts/{id}/closure", retirement::end)
            .people()
            .api(Method::GET, "/keys", keys::list)
            .api(Method::POST, "/keys", keys::change)
            .api(Method::GET, "/networks", networks::list)
            .api(Method::GET, "/transactions", transactions::list)
            .api(Method::GET, "/transactions/{id}", transactions::read)
            .api(Method::GET, "/transactions/{id}/story", story::story)
            .api(Method::GET, "/disputes", disputes::list)
            .api(Method::POST, "/disputes", disputes::claim)
            .api(Method::GET, "/disputes/{id}", disputes::read)
            .api(Method::POST, "/disputes/{id}/decision", disputes::decide)
            .api(Method::POST, "/terminals/{id}/cash-count", disputes::count)
            .api(Method::GET, "/idle-accounts", retirement::idle)
            .api(Method::POST, "/idle-accounts/{id}/closure", retirement::close)
            .api(Method::GET, "/uncollected-cards", retirement::uncollected)
            .api(Method::POST, "/uncollected-cards/{id}/cancellation", retirement::cancel)
            .api(Method::GET, "/stop-list", stop_list::list)
            .api(Method::POST, "/stop-list", stop_list::put)
            .api(Method::GET, "/terminals/{id}/batch", batches::of_terminal)
            .api(Method::GET, "/acquirers/{id}/period", batches::of_acquirer)
            .api(Method::GET, "/presentments", presentments::list)
            .api(Method::POST, "/presentments", presentments::present)
            .api(Method::GET, "/rates", rates::list)
            .api(Method::POST, "/rates", rates::load)
            .api(Method::GET, "/notifications", notifications::list)
            .api(Method::GET, "/audit", audit::list)
            .moving()
            .api(Method::GET, "/eod", operations::day_status)
            .api(Method::POST, "/eod", operations::end_of_day)
            .api(Method::POST, "/test-clock", operations::move_clock)
            .api(Method::GET, "/openapi.json", openapi::document_json)
            .add(Method::GET, "/health/live", health::live)
            .add(Method::GET, "/health/ready", health::ready)
            .add(Method::GET, "/metrics", health::metrics)
    }
}

/// The whole HTTP side as a service.
pub fn router(context: HttpContext) -> Router {
    Routes::all()
        .router
        .fallback(page::console)
        .method_not_allowed_fallback(not_done)
        .layer(axum::middleware::from_fn_with_state(context.clone(), gate::gate))
        .layer(axum::middleware::from_fn(metering::measure))
        .layer(axum::middleware::from_fn_with_state(context.clone(), headers::harden))
        .with_state(context)
}

async fn not_done(method: Method) -> Problem {
    Problem::method(format!("{method} is not done here; see {API}/openapi.json"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::openapi_document;
    use std::collections::BTreeSet;

    #[test]
    fn every_route_of_the_api_has_its_permission_and_nothing_else() {
        let routes: BTreeSet<(String, String)> = Routes::all()
            .known
            .into_iter()
            .filter_map(|(method, path)| {
                let path = path.strip_prefix(API)?.to_owned();
                Some((method.as_str().to_owned(), path))
            })
            .collect();
        let rows = permissions::TABLE.iter();
        let rows = rows.map(|row| (row.method.to_owned(), row.path.to_owned()));
        let rows: BTreeSet<_> = rows.collect();
        let missing: Vec<_> = routes.symmetric_difference(&rows).collect();
        assert!(missing.is_empty(), "not in both http/permissions.rs and the routes: {missing:?}");
        assert_eq!(routes.len(), permissions::TABLE.len(), "no row twice");
    }

    #[test]
    fn every_route_is_described_and_nothing_else() {
        let routes: BTreeSet<(String, String)> = Routes::all()
            .known
            .into_iter()
            .map(|(method, path)| (method.as_str().to_owned(), path))
            .collect();
        let mut described = BTreeSet::new();
        for (path, item) in &openapi_document().paths.paths {
            let operations = [
                ("GET", &item.get),
                ("PUT", &item.put),
                ("POST", &item.post),
                ("DELETE", &item.delete),
            ];
            for (method, _) in operations.into_iter().filter(|(_, there)| there.is_some()) {
                described.insert((method.to_owned(), path.clone()));
            }
        }
        assert_eq!(routes, described);
    }

    #[test]
    fn the_document_is_openapi_3_1_and_its_references_lead_somewhere() {
        let document = serde_json::to_value(openapi_document()).unwrap();
        assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
        let text = document.to_string();
        for reference in text.split("\"$ref\":\"#/components/schemas/").skip(1) {
            let name = reference.split('"').next().unwrap();
            assert!(document["components"]["schemas"][name].is_object(), "{name}");
        }
        assert!(text.contains("ProblemBody"));
    }
}
