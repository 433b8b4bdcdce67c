//! Who may do what: the one table (BLK-3, PII-2, SIG-4). The gate lets nobody pass whom it does not
//! name, `GET /permissions` shows it, and a test holds it against the routes.

use super::access::Caller;
use super::problem::Problem;
use super::routes::API;
use crate::config::Role;
use authorization::Roles;
use axum::Json;
use axum::http::Method;
use serde::Serialize;
use utoipa::ToSchema;

use Role::{Auditor, Checker, KeyCustodian, Operator, Privacy, SecurityOfficer};

/// Who may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum May {
    /// Anybody: nothing of the bank's is there.
    Everyone,
    /// Somebody who is logging in, or is in.
    LoggingIn,
    /// Every token and every user.
    Known,
    /// A user with a session: it is about himself.
    Person,
    /// One of these roles.
    Roles(&'static [Role]),
}

/// A row of the table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Permission {
    pub(super) method: &'static str,
    /// Below `/api/v1`.
    pub(super) path: &'static str,
    pub(super) may: May,
    /// Who asks this looks at a customer's data: of which kind is what the path names.
    pub(super) looks_at: Option<&'static str>,
    /// As `looks_at`, of a list: at whatever card or account its query names.
    pub(super) searches: bool,
}

/// Whoever works with customers' accounts and cards, or inspects those who do.
const CUSTOMERS: May = May::Roles(&[Operator, Checker, Auditor, Privacy]);
const OPERATOR: May = May::Roles(&[Operator]);
const OFFICER: May = May::Roles(&[SecurityOfficer]);
const EITHER: May = May::Roles(&[Operator, Checker]);
/// Orders about keys are their custodians' (SIG-1); the handlers hold each to his kinds.
const DRAFTERS: May = May::Roles(&[Operator, KeyCustodian]);
const ENDERS: May = May::Roles(&[Operator, Checker, KeyCustodian]);
const PRIVACY: May = May::Roles(&[Privacy]);

/// A second person, for what a security officer began.
const SECOND: May = May::Roles(&[SecurityOfficer, Checker]);
const USERS: May = May::Roles(&[SecurityOfficer, Auditor, Checker]);

const fn row(method: &'static str, path: &'static str, may: May) -> Permission {
    Permission { method, path, may, looks_at: None, searches: false }
}

const fn look(path: &'static str, kind: &'static str) -> Permission {
    Permission { looks_at: Some(kind), ..row("GET", path, CUSTOMERS) }
}

const fn search(path: &'static str) -> Permission {
    Permission { searches: true, ..row("GET", path, CUSTOMERS) }
}

/// The table.
pub(super) const TABLE: &[Permission] = &[
    row("POST", "/session", May::LoggingIn),
    row("GET", "/session", May::LoggingIn),
    row("DELETE", "/session", May::LoggingIn),
    row("POST", "/session/code", May::LoggingIn),
    row("POST", "/session/password", May::LoggingIn),
    row("POST", "/session/enrolment", May::LoggingIn),
    row("POST", "/session/enrolment/confirm", May::LoggingIn),
    row("POST", "/session/unlock", May::LoggingIn),
    row("POST", "/session/lock", May::Person),
    row("GET", "/permissions", May::Known),
    row("POST", "/session/keys", May::Person),
    row("DELETE", "/session/keys/{key}", May::Person),
    row("GET", "/users", USERS),
    row("POST", "/users", OFFICER),
    row("GET", "/users/{id}", USERS),
    row("POST", "/users/{id}/roles", OFFICER),
    row("POST", "/users/{id}/active", OFFICER),
    row("POST", "/users/{id}/reset", OFFICER),
    row("POST", "/users/{id}/reset/approval", SECOND),
    row("POST", "/users/{id}/keys/{key}/approval", SECOND),
    row("DELETE", "/users/{id}/keys/{key}", OFFICER),
    row("GET", "/alerts", May::Roles(&[SecurityOfficer, Auditor])),
    row("GET", "/signing/statement", May::Known),
    row("GET", "/events", May::Known),
    row("GET", "/live", May::Known),
    row("GET", "/terminals", May::Known),
    row("GET", "/terminals/{id}", May::Known),
    row("GET", "/agents", May::Known),
    look("/agents/{id}", "agent"),
    row("POST", "/cards/find", CUSTOMERS),
    look("/accounts/{id}", "account"),
    look("/accounts/{id}/statement", "account"),
    row("POST", "/accounts/{id}/credits", OPERATOR),
    row("PUT", "/accounts/{id}/arrest", OPERATOR),
    row("DELETE", "/accounts/{id}/arrest", OPERATOR),
    row("POST", "/accounts/{id}/closure", OPERATOR),
    row("GET", "/general-ledger", May::Known),
    look("/cards/{id}", "card"),
    row("POST", "/cards/{id}/blocks", OPERATOR),
    row("DELETE", "/cards/{id}/blocks/{reason}", OPERATOR),
    row("PUT", "/cards/{id}/overdraft-exemption", OPERATOR),
    row("DELETE", "/cards/{id}/overdraft-exemption", OPERATOR),
    look("/cards/{id}/settings", "card"),
    row("POST", "/cards/{id}/raises", OPERATOR),
    row("DELETE", "/cards/{id}/raises/{limit}", OPERATOR),
    row("PUT", "/cards/{id}/holder-limits", OPERATOR),
    row("POST", "/cards/{id}/travel-notes", OPERATOR),
    row("DELETE", "/cards/{id}/travel-notes/{note}", OPERATOR),
    row("PUT", "/cards/{id}/switches", OPERATOR),
    look("/cards/{id}/scripts", "card"),
    row("POST", "/cards/{id}/scripts", OPERATOR),
    row("DELETE", "/cards/{id}/scripts/{script}", OPERATOR),
    row("POST", "/cards/{id}/reveal", PRIVACY),
    row("GET", "/customers/{id}", CUSTOMERS),
    row("GET", "/customers/{id}/data-report", PRIVACY),
    row("POST", "/customers/{id}/erase", PRIVACY),
    row("GET", "/technical-overdrafts", CUSTOMERS),
    row("GET", "/keys", May::Known),
    row("POST", "/keys", May::Roles(&[KeyCustodian])),
    row("GET", "/networks", May::Known),
    search("/transactions"),
    look("/transactions/{id}", "transaction"),
    look("/transactions/{id}/story", "transaction"),
    look("/transactions/{id}/under", "transaction"),
    row("GET", "/disputes", CUSTOMERS),
    row("POST", "/disputes", OPERATOR),
    row("GET", "/disputes/{id}", CUSTOMERS),
    row("POST", "/disputes/{id}/decision", OPERATOR),
    row("POST", "/terminals/{id}/cash-count", OPERATOR),
    row("GET", "/terminals/{id}/batch", CUSTOMERS),
    row("GET", "/acquirers/{id}/period", CUSTOMERS),
    row("GET", "/idle-accounts", CUSTOMERS),
    row("POST", "/idle-accounts/{id}/closure", OPERATOR),
    row("GET", "/uncollected-cards", CUSTOMERS),
    row("POST", "/uncollected-cards/{id}/cancellation", OPERATOR),
    row("GET", "/stop-list", May::Known),
    row("POST", "/stop-list", OPERATOR),
    row("GET", "/presentments", CUSTOMERS),
    row("POST", "/presentments", OPERATOR),
    row("GET", "/rules", May::Known),
    row("GET", "/orders", May::Known),
    row("POST", "/orders", DRAFTERS),
    row("GET", "/orders/register", May::Known),
    row("GET", "/orders/{id}", May::Known),
    row("PUT", "/orders/{id}", DRAFTERS),
    row("GET", "/orders/{id}/history", May::Known),
    row("POST", "/orders/{id}/sign", DRAFTERS),
    row("POST", "/orders/{id}/approve", May::Roles(&[Checker])),
    row("POST", "/orders/{id}/reject", May::Roles(&[Checker])),
    row("POST", "/orders/{id}/withdraw", ENDERS),
    row("POST", "/orders/{id}/rollback", ENDERS),
    row("POST", "/orders/{id}/preview", EITHER),
    row("GET", "/orders/{id}/preview", CUSTOMERS),
    row("DELETE", "/orders/{id}/preview", EITHER),
    row("PUT", "/orders/{id}/shadow", EITHER),
    row("GET", "/orders/{id}/shadow", CUSTOMERS),
    row("DELETE", "/orders/{id}/shadow", EITHER),
    row("GET", "/rates", May::Known),
    row("POST", "/rates", OPERATOR),
    search("/notifications"),
    row("GET", "/audit", May::Known),
    row("GET", "/eod", May::Known),
    row("POST", "/eod", OPERATOR),
    row("POST", "/test-clock", OPERATOR),
    row("GET", "/openapi.json", May::Everyone),
];

/// The row of a route; `path` is the whole one, as the router matched it.
pub(super) fn of(method: &Method, path: &str) -> Option<&'static Permission> {
    // The router answers HEAD by what answers GET.
    let method = if method == Method::HEAD { "GET" } else { method.as_str() };
    let path = path.strip_prefix(API)?;
    TABLE.iter().find(|row| row.method == method && row.path == path)
}

impl May {
    /// Whether somebody known may.
    pub(super) fn admits(self, caller: &Caller) -> bool {
        match self {
            Self::Everyone | Self::LoggingIn | Self::Known => true,
            Self::Person => caller.is_person(),
            Self::Roles(roles) => caller.roles.has_any(roles),
        }
    }

    /// What is missing, for the person who may not.
    pub(super) fn missing(self, name: &str) -> String {
        match self {
            Self::Roles([role]) => format!("{name:?} does not have the role {}", role.name()),
            Self::Roles(roles) => {
                let names: Vec<&str> = roles.iter().map(|role| role.name()).collect();
                format!("{name:?} has none of the roles {}", names.join(", "))
            }
            _ => format!("{name:?} is no user with a session"),
        }
    }
}

/// What these roles may do, as method and path.
pub(super) fn granted(roles: Roles) -> Vec<String> {
    let may = |row: &&Permission| match row.may {
        May::Everyone | May::LoggingIn | May::Known | May::Person => true,
        May::Roles(wanted) => roles.has_any(wanted),
    };
    TABLE.iter().filter(may).map(|row| format!("{} {}", row.method, row.path)).collect()
}

/// A row as the API shows it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PermissionView {
    method: &'static str,
    /// Below `/api/v1`.
    path: &'static str,
    /// `everyone`, `logging_in`, `known` (every token and user), `person` (every user), or `roles`.
    who: &'static str,
    /// Which roles, where they matter.
    roles: Vec<&'static str>,
    /// Whether who asks it is journaled as looking at a customer's data (PII-2).
    journaled_look: bool,
}

/// All rows.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PermissionsView {
    permissions: Vec<PermissionView>,
}

/// Who may do what.
#[utoipa::path(get, path = "/api/v1/permissions", tag = "users",
    responses((status = 200, body = PermissionsView)))]
pub(super) async fn list(_: Caller) -> Result<Json<PermissionsView>, Problem> {
    let view = |row: &Permission| {
        let (who, roles): (_, &[Role]) = match row.may {
            May::Everyone => ("everyone", &[]),
            May::LoggingIn => ("logging_in", &[]),
            May::Known => ("known", &[]),
            May::Person => ("person", &[]),
            May::Roles(roles) => ("roles", roles),
        };
        PermissionView {
            method: row.method,
            path: row.path,
            who,
            roles: roles.iter().map(|role| role.name()).collect(),
            journaled_look: row.looks_at.is_some() || row.searches,
        }
    };
    Ok(Json(PermissionsView { permissions: TABLE.iter().map(view).collect() }))
}
