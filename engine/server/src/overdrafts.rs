//! `tamga overdrafts`: technical overdrafts that are open, by due date and age (TOD-2).

use crate::config::Config;
use crate::failure::Failure;
use crate::http::open_overdrafts;
use crate::offline::{Offline, OfflineError};
use crate::remote::Remote;
use crate::replay::must_exist;
use crate::table::{Align, Table};
use payment_types::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The rows that are asked for at a time.
const PART: u32 = 500;

/// What `tamga overdrafts` was told.
#[derive(Debug)]
pub struct OverdraftOptions {
    /// The configuration.
    pub config: Config,
    /// Another data directory than the configuration's.
    pub data: Option<PathBuf>,
    /// Only those of this age.
    pub age: Option<String>,
    /// A token of the API, for a running engine.
    pub token: Option<String>,
    /// Another time than the system's; only where no engine runs.
    pub test_clock: Option<Timestamp>,
}

/// The list.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Overdrafts {
    /// The business day for which it was aged.
    pub today: String,
    /// By due date.
    pub items: Vec<Item>,
    /// All of them by age.
    pub ageing: Vec<Total>,
    #[serde(default, skip_serializing)]
    next: Option<String>,
}

/// One of them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Item {
    /// The account's id.
    pub account: String,
    /// Its owner's id.
    pub customer: String,
    /// Of all amounts here.
    pub currency: String,
    /// Its age.
    pub age: String,
    /// Days past the due date.
    pub overdue_days: i32,
    /// Without interest and penalty.
    pub amount: String,
    /// Booked and unpaid.
    pub interest: String,
    /// The part of the amount that is service fees.
    pub fees_due: String,
    /// Booked and unpaid.
    pub penalty: String,
    /// What repays it in full.
    pub to_repay: String,
    /// What opened it.
    pub cause: Option<String>,
    /// RFC 3339.
    pub opened_at: Option<String>,
    /// RFC 3339.
    pub notified_at: Option<String>,
    /// The last day for repaying it.
    pub due_on: Option<String>,
    /// Whether a card is blocked for it.
    pub blocked: bool,
}

/// The total of an age.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Total {
    /// The age.
    pub age: String,
    /// How many.
    pub count: u64,
    /// What is owed, by currency.
    pub owed: BTreeMap<String, String>,
}

/// Lists them.
///
/// # Errors
/// The data directory can't be read, or the engine on it can't be asked.
pub fn overdrafts(options: &OverdraftOptions) -> Result<Overdrafts, Failure> {
    let data = options.data.as_deref().unwrap_or(&options.config.store.path);
    must_exist(data)?;
    match Offline::open(&options.config, data, options.test_clock) {
        Ok(offline) => all(|cursor| {
            let (state, now) = (&offline.opened.state, offline.moment());
            let age = options.age.as_deref();
            let found = open_overdrafts(state, now, age, cursor, PART);
            let found = found.and_then(|text| serde_json::from_str(&text));
            found.map_err(|error| Failure::usage(error.to_string()))
        }),
        Err(OfflineError::Locked(locked)) => {
            let remote = Remote::new(&options.config, options.token.as_deref(), &locked)?;
            all(|cursor| {
                let mut query = vec![("limit", PART.to_string())];
                query.extend(cursor.map(|cursor| ("cursor", cursor.to_owned())));
                query.extend(options.age.clone().map(|age| ("age", age)));
                remote.get("/technical-overdrafts", &query)
            })
        }
        Err(error) => Err(error.into()),
    }
}

/// Every part, one after the other.
fn all(
    mut part: impl FnMut(Option<&str>) -> Result<Overdrafts, Failure>,
) -> Result<Overdrafts, Failure> {
    let mut whole = part(None)?;
    while let Some(cursor) = whole.next.take() {
        let more = part(Some(&cursor))?;
        whole.items.extend(more.items);
        whole.next = more.next;
    }
    Ok(whole)
}

impl Overdrafts {
    /// For people.
    #[must_use]
    pub fn table(&self) -> String {
        use Align::{Left, Right};
        let mut table = Table::new(&[
            ("account", Left),
            ("customer", Left),
            ("amount", Right),
            ("interest", Right),
            ("fees", Right),
            ("penalty", Right),
            ("", Left),
            ("cause", Left),
            ("opened", Left),
            ("due on", Left),
            ("overdue", Right),
            ("blocked", Left),
        ]);
        for item in &self.items {
            let overdue = match item.overdue_days {
                0 => String::new(),
                days => format!("{days} d"),
            };
            let opened = item.opened_at.as_deref().and_then(|at| at.get(..10)).unwrap_or("");
            table.row(&[
                &item.account,
                &item.customer,
                &item.amount,
                &item.interest,
                &item.fees_due,
                &item.penalty,
                &item.currency,
                item.cause.as_deref().unwrap_or(""),
                opened,
                item.due_on.as_deref().unwrap_or("not notified"),
                &overdue,
                if item.blocked { "yes" } else { "" },
            ]);
        }
        let mut totals = Table::new(&[("age", Left), ("count", Right), ("owed", Right)]);
        for total in &self.ageing {
            let owed = total.owed.iter().map(|(currency, sum)| format!("{sum} {currency}"));
            let owed: Vec<String> = owed.collect();
            totals.row(&[&total.age, &total.count.to_string(), &owed.join(", ")]);
        }
        format!("technical overdrafts on {}\n{table}\n{totals}", self.today)
    }
}
