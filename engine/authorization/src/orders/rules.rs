//! Orders that change the rule set: from what stands in force and the changes to a new text, which
//! is read, held against the regulation, and compiled as a whole.

use super::book::WHOLE;
use super::{Order, OrderChange, OrderProblem};
use crate::State;
use crate::rules::Compiling;
use limits::{RuleError, RulePath, RuleText, Setting};

/// What is wrong with a rule set that is asked for.
pub(super) type Problems = Vec<OrderProblem>;

impl State {
    /// The rule set as it would be with an order in force, over the one that is in force now: for
    /// a look at its effect before it is approved, and beside the live rules.
    ///
    /// # Errors
    /// Everything that stands against it.
    pub fn candidate_rules(&self, order: &Order) -> Result<String, Vec<OrderProblem>> {
        let text = self.with_changes(&order.changes, &version_of(order.id))?;
        self.compile_candidate(&text).map(|_| text)
    }

    /// The text with changes carried out, under a new version.
    pub(super) fn with_changes(
        &self,
        changes: &[OrderChange],
        version: &str,
    ) -> Result<String, Problems> {
        let (mut text, mut problems) = (tree(self.rules_text())?, Vec::new());
        for change in changes {
            let done = if change.path == WHOLE {
                whole(change).map(|whole| text = whole)
            } else {
                RulePath::parse(&change.path)
                    .and_then(|path| one(&mut text, &path, change).map_err(|error| error.0))
            };
            problems.extend(done.err().map(|message| problem(&change.path, message)));
        }
        if let Ok(path) = RulePath::parse("version") {
            let set = text.set(&path, Some(&version.into()), None);
            problems.extend(set.err().map(|error| problem("version", error.0)));
        }
        if problems.is_empty() { Ok(text.text()) } else { Err(problems) }
    }

    /// What stands at a path of the rule set in force, and its place in a list.
    pub(super) fn rule_setting(
        &self,
        text: &RuleText,
        path: &str,
    ) -> Result<(Option<Setting>, Option<u32>), OrderProblem> {
        if path == WHOLE {
            return Ok((Some(self.rules_text().into()), None));
        }
        let path = RulePath::parse(path).map_err(|message| problem(path, message))?;
        Ok(text.get(&path).map_or((None, None), |(setting, place)| (Some(setting), place)))
    }

    /// Compiles a rule set that is asked for; the problems are told by its paths.
    pub(super) fn compile_candidate(&self, text: &str) -> Result<Compiling, Problems> {
        self.compile_rules(text, "order").map_err(|errors| {
            let tree = RuleText::parse(text).ok();
            errors.iter().map(|error| told(error, text, tree.as_ref())).collect()
        })
    }
}

/// The version that an order gives the rule set.
pub(super) fn version_of(order: u64) -> String {
    format!("order-{order}")
}

pub(super) fn tree(text: &str) -> Result<RuleText, Problems> {
    RuleText::parse(text).map_err(|error| vec![problem("", error.0)])
}

fn whole(change: &OrderChange) -> Result<RuleText, String> {
    let text = change.to.as_ref().and_then(Setting::as_text);
    let text = text.ok_or("must be the text of a rule set; it can't be taken away")?;
    RuleText::parse(text).map_err(|error| error.0)
}

fn one(
    text: &mut RuleText,
    path: &RulePath,
    change: &OrderChange,
) -> Result<(), limits::EditError> {
    text.set(path, change.to.as_ref(), change.place)
}

/// An error of the rule set by its canonical path: `limit[atm-day].ceiling`.
fn told(error: &RuleError, text: &str, tree: Option<&RuleText>) -> OrderProblem {
    let entry = tree.and_then(|tree| tree.entry_on_line(text, error.line));
    let path = entry.and_then(|entry| {
        let (list, _) = entry.split_once('[')?;
        let rest = error.key.strip_prefix(list)?;
        Some(format!("{entry}{}", if rest.starts_with('.') { rest } else { "" }))
    });
    OrderProblem {
        path: path.unwrap_or_else(|| error.key.clone()),
        layer: if error.clause.is_some() { "regulation" } else { "bank" }.into(),
        clause: error.clause.map(Into::into),
        code: if error.clause.is_some() { LAYER_BROKEN } else { NOT_POSSIBLE }.into(),
        message: error.message.clone(),
    }
}

/// A layer above the bank's own is not held to.
const LAYER_BROKEN: &str = "layer_broken";
/// Anything that has no code of its own: the message says what.
const NOT_POSSIBLE: &str = "not_possible";

/// A problem that is of no clause.
pub(super) fn problem(path: &str, message: impl Into<String>) -> OrderProblem {
    let message = message.into();
    let (layer, code) = ("bank".into(), NOT_POSSIBLE.into());
    OrderProblem { path: path.to_owned(), layer, clause: None, code, message }
}

/// A problem with a rule of the rule book.
pub(super) fn of_clause(
    path: &str,
    layer: &str,
    clause: &str,
    message: impl Into<String>,
) -> OrderProblem {
    let code = if layer == "bank" { NOT_POSSIBLE } else { LAYER_BROKEN }.into();
    let (layer, clause) = (layer.into(), Some(clause.into()));
    OrderProblem { path: path.to_owned(), layer, clause, code, message: message.into() }
}
