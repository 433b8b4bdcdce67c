//! The audit's rows about users: who got in, who did not, and whose rights changed (SIG-4, PII-2).

use authorization::{AccessCommand, AccessDone, Authority, CodePurpose, Done, Outcome};
use serde_json::{Value, json};

/// What a row says.
pub(crate) struct Said<'c> {
    pub(crate) action: &'static str,
    /// Who did it.
    pub(crate) by: Option<&'c str>,
    pub(crate) subject: Option<(&'static str, &'c str)>,
    pub(crate) details: Value,
}

/// The row of a command about a user.
pub(crate) fn said<'c>(command: &'c AccessCommand, outcome: &Outcome) -> Said<'c> {
    use AccessCommand as C;
    let user = command.user();
    let (action, by, details) = match command {
        C::AddUser { roles, temporary, authority, by, .. } => {
            let mut details = grounds(authority);
            details["roles"] = json!(roles.names());
            details["temporary_password"] = json!(temporary);
            ("add_user", by.as_str(), details)
        }
        C::SetRoles { roles, authority, by, .. } => {
            let mut details = grounds(authority);
            details["roles"] = json!(roles.names());
            ("set_roles", by.as_str(), details)
        }
        C::SetActive { active, authority, by, .. } => {
            let action = if *active { "enable_user" } else { "disable_user" };
            (action, by.as_str(), grounds(authority))
        }
        C::SetPassword { temporary, by, .. } => {
            ("set_password", by.as_str(), json!({ "temporary": temporary }))
        }
        C::EnrolOneTime { .. } => ("enrol_totp", user, json!({})),
        C::ConfirmOneTime { step, .. } => ("confirm_totp", user, json!({ "step": step })),
        C::UseCode { step, purpose, .. } => {
            ("use_code", user, given_for(purpose, json!({ "step": step })))
        }
        C::AskReset { what, by, .. } => ("ask_reset", by.as_str(), json!({ "what": what.name() })),
        C::ApproveReset { by, .. } => ("approve_reset", by.as_str(), json!({})),
        C::AddKey { key, label, .. } => {
            ("add_personal_key", user, json!({ "key": hex(key), "label": label }))
        }
        C::ApproveKey { key, by, .. } => {
            ("approve_personal_key", by.as_str(), json!({ "key": hex(key) }))
        }
        C::WithdrawKey { key, by, .. } => {
            ("withdraw_personal_key", by.as_str(), json!({ "key": hex(key) }))
        }
        C::Login { network, .. } => ("login", user, login(network, outcome)),
        C::LoginRefused { because, network, purpose, .. } => {
            let details = json!({ "because": because.name(), "network": network });
            let is_login = matches!(purpose, CodePurpose::Login);
            let action = if is_login { "login_refused" } else { "factor_refused" };
            (action, user, given_for(purpose, details))
        }
        C::Logout { reason, by, .. } => ("logout", by.as_str(), json!({ "reason": reason.name() })),
        C::Denied { asked, because, network, times, .. } => {
            let details = json!({
                "asked": asked, "because": because, "network": network, "times": times,
            });
            ("access_denied", user, details)
        }
        C::Looked { asked, kind, id, .. } => {
            let details = json!({ "asked": asked, kind.as_str(): id });
            ("look", user, details)
        }
        C::Alert { kind, detail, .. } => {
            ("alert", user, json!({ "kind": kind.name(), "detail": detail }))
        }
    };
    let subject = match command {
        C::Looked { kind, id, .. } => subject(kind).map(|kind| (kind, id.as_str())),
        _ => (!user.is_empty()).then_some(("user", user)),
    };
    Said { action, by: Some(by).filter(|by| !by.is_empty()), subject, details }
}

/// What a password, a code or a key was given for (SIG-2, SIG-4).
fn given_for(purpose: &CodePurpose, mut details: Value) -> Value {
    details["for"] = json!(purpose.name());
    match purpose {
        CodePurpose::Signature { order, .. } => details["order"] = json!(order),
        CodePurpose::Approval { asked, entered_by } => {
            details["asked"] = json!(asked);
            details["with"] = json!(entered_by);
        }
        _ => {}
    }
    details
}

/// The kinds of subjects the audit is searched by.
fn subject(kind: &str) -> Option<&'static str> {
    ["account", "card", "customer"].into_iter().find(|known| *known == kind)
}

/// SIG-1: on what ground rights changed.
fn grounds(authority: &Authority) -> Value {
    match authority {
        Authority::FirstUsers => json!({ "ground": "first_users" }),
        Authority::Recovery { approved_by } => {
            json!({ "ground": "recovery", "approved_by": approved_by.as_str() })
        }
        Authority::Order(order) => json!({ "ground": "order", "order": order }),
        Authority::TestMode => json!({ "ground": "test_mode" }),
        Authority::Officer => json!({ "ground": "taken_away" }),
    }
}

fn login(network: &str, outcome: &Outcome) -> Value {
    let mut details = json!({ "network": network });
    if let Outcome::Done(Done::Access(AccessDone::LoggedIn { new_network, .. })) = outcome {
        details["new_network"] = json!(new_network);
    }
    details
}

fn hex(key: &[u8]) -> String {
    key.iter().map(|byte| format!("{byte:02x}")).collect()
}
