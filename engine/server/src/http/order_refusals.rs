//! Why an order was refused, as problem details that name the rule.

use super::order_view;
use super::problem::Problem;
use authorization::{OrderProblem, OrderRefusal, OrderStatus, Strength};
use payment_types::{Moment, UtcOffset, format_minor};

impl Problem {
    /// It is not at the point where that can be done.
    pub(super) fn order_standing(order: u64, status: OrderStatus) -> Self {
        Self::conflict(format!("order {order} is {}", words(status)), "SIG-1").coded(
            "order_standing",
            [("order", order.to_string()), ("status", status.name().to_owned())],
        )
    }
}

/// See the module; `id` is the order's.
pub(super) fn refused(refusal: OrderRefusal, id: &str) -> Problem {
    use OrderRefusal as R;
    match refusal {
        R::Unknown => Problem::not_found("order", id),
        R::Standing { status } => Problem::order_standing(id.parse().unwrap_or_default(), status),
        R::Revised { revision, by, at } => {
            let at = Moment::new(at, UtcOffset(0)).rfc3339();
            let detail = format!(
                "{by} changed order {id} at {at}; it is at revision {revision} now: read it again"
            );
            Problem::conflict(detail, "SIG-1").with_kind("order-revised").coded(
                "order_revised",
                [("order", id.into()), ("name", by.into()), ("revision", revision.to_string())],
            )
        }
        R::Problems(problems) => impossible(&problems),
        R::NotDue => Problem::conflict(format!("order {id} is not due yet"), "SIG-1"),
        R::StandsOtherwise { path, now } => {
            let detail = format!(
                "{path} is not as order {id} put it any more: {now} stands there now; write a new \
                 order"
            );
            let values = [("path", path), ("now", now), ("order", id.into())];
            Problem::conflict(detail, "SIG-1").coded("stands_otherwise", values)
        }
        R::ChangedSince { path, order } => {
            let detail = format!("order {order} changed {path} since; roll that one back first");
            let values = [("path", path.into()), ("order", order.to_string())];
            Problem::conflict(detail, "SIG-1").coded("changed_by_order", values)
        }
        other => of_signature(other, id),
    }
}

/// What is not right about a signature, or who gave it.
fn of_signature(refusal: OrderRefusal, id: &str) -> Problem {
    use OrderRefusal as R;
    let not = |detail: String, rule| Problem::forbidden(detail).with_rule(rule);
    match refusal {
        R::SamePerson { name } => {
            let detail = format!(
                "{name} wrote order {id}, or a revision of it; another person decides about it"
            );
            let values = [("name", name.into()), ("order", id.into())];
            not(detail, "SIG-1").coded("same_person", values)
        }
        R::AboutSigner { name } => {
            let detail = format!("order {id} is about {name}; another person decides about it");
            let values = [("name", name.into()), ("order", id.into())];
            not(detail, "SIG-1").coded("about_signer", values)
        }
        R::NotTheMaker { maker } => {
            let detail =
                format!("{maker} wrote this revision of order {id}, and signs it as maker");
            let values = [("name", maker.into()), ("order", id.into())];
            not(detail, "SIG-1").coded("not_the_maker", values)
        }
        R::MissingRole { role } => {
            let detail = format!("the signer does not have the role {role}");
            not(detail, "SIG-1").coded("missing_role", [("role", role.into())])
        }
        R::TooWeak { needs } => {
            let (code, how) = match needs {
                Strength::Strengthened => ("needs_key", "sign with your personal key"),
                _ => ("needs_code", "sign with a one-time code"),
            };
            let detail = format!("its risk needs the {} signature: {how}", needs.name());
            not(detail, "SIG-2").coded(code, [])
        }
        R::AboveRemoteCeiling { account, most } => {
            let most = format_minor(i128::from(most), 2);
            let detail = format!(
                "above {most} KGS for account {account}, the most that may be granted through a \
                 remote channel on a signature of this strength (002 §34-3)"
            );
            let values = [("account", account.into()), ("most", most)];
            not(detail, "SIG-5").coded("above_remote_ceiling", values)
        }
        R::DigestDiffers => {
            Problem::conflict("something else was signed; read the order again", "SIG-2")
                .coded("digest_differs", [])
        }
        _ => Problem::field("statement_confirmed", "confirm the statement of legal force")
            .with_rule("SIG-2")
            .coded("statement_not_confirmed", []),
    }
}

/// Everything that stands against an order, by path, layer and clause.
fn impossible(problems: &[OrderProblem]) -> Problem {
    let first = problems.first();
    let detail = first.map_or_else(String::new, |problem| {
        let clause = problem.clause.as_ref().map(|clause| format!(" ({clause})"));
        format!("{}: {}{}", problem.path, problem.message, clause.unwrap_or_default())
    });
    let more = problems.len().saturating_sub(1);
    let detail = if more == 0 { detail } else { format!("{detail}; and {more} more problems") };
    let views = problems.iter().map(order_view::problem).collect();
    let values = [("count", problems.len().to_string())];
    let told = Problem::field("changes", detail).with_rule("SIG-1");
    told.coded("order_problems", values).with_problems(views)
}

const fn words(status: OrderStatus) -> &'static str {
    match status {
        OrderStatus::Draft => "a draft that its maker has not signed",
        OrderStatus::Signed => "signed by its maker already",
        OrderStatus::Approved => "approved already",
        OrderStatus::Scheduled => "approved and scheduled already",
        OrderStatus::Active => "in force already",
        OrderStatus::Superseded => "superseded by a later order",
        OrderStatus::RolledBack => "rolled back",
        OrderStatus::Rejected => "rejected",
        OrderStatus::Withdrawn => "withdrawn",
        OrderStatus::Failed => "failed: see why in its problems, and write a new one",
    }
}
