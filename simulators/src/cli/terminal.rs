//! `tamga-sim pos`, `atm` and `agent`: one transaction by hand.

use super::options::{self, Host};
use super::{Outcome, Ran};
use std::path::PathBuf;
use std::time::Duration;
use tamga_sim::moment::{DEFAULT_ZONE, Zone};
use tamga_sim::pin::TypedPin;
use tamga_sim::portfolio::{Card, Terminal};
use tamga_sim::terminal::{Afterwards, Deed, Visit};
use tamga_sim::{Portfolio, SimError};

use payment_types::{Amount, Currency, DeviceCategory};

/// Buy something at a shop's terminal
///
/// Sends one message, prints it beside its answer, and the slip. Against the running demo, the
/// first card pays 120 som by tapping:
///
///     tamga-sim pos --card K01 --amount 120.00 --entry tap
///
/// Over the limit without PIN it answers 70; with chip and PIN it passes:
///
///     tamga-sim pos --card K01 --amount 4000.00 --entry insert --pin 1234
///
/// Exit code 0 if approved, 1 if declined, 2 if there was no answer.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Pos {
    /// What to do
    #[arg(value_enum, default_value_t = PosDeed::Purchase)]
    deed: PosDeed,
    /// How much, in som
    #[arg(long, default_value = "120.00")]
    amount: String,
    #[command(flatten)]
    visit: VisitArgs,
}

/// Take cash at a cash machine, or ask for the balance
///
///     tamga-sim atm withdraw --card K01 --amount 1000.00 --pin 1234
///     tamga-sim atm balance --card K01 --pin 1234
///
/// Exit code 0 if approved, 1 if declined, 2 if there was no answer.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Atm {
    /// What to do
    #[arg(value_enum)]
    deed: AtmDeed,
    /// How much, in som
    #[arg(long, default_value = "1000.00")]
    amount: String,
    #[command(flatten)]
    visit: VisitArgs,
}

/// Take or pay in cash at a bank's agent, or ask for the balance
///
///     tamga-sim agent cash-out --card K01 --amount 15000.00 --pin 1234
///
/// Over the day's cap it answers 61 and says what is left.
/// Exit code 0 if approved, 1 if declined, 2 if there was no answer.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Agent {
    /// What to do
    #[arg(value_enum)]
    deed: AgentDeed,
    /// How much, in som
    #[arg(long, default_value = "1000.00")]
    amount: String,
    #[command(flatten)]
    visit: VisitArgs,
}

#[derive(clap::Args)]
struct VisitArgs {
    /// Cards and terminals
    #[arg(long, value_name = "FILE", default_value = "deploy/demo/portfolio.jsonl")]
    portfolio: PathBuf,
    /// The card's name in the portfolio [default: the first active one]
    #[arg(long, value_name = "NAME")]
    card: Option<String>,
    /// The terminal's id in the portfolio [default: the first of its kind]
    #[arg(long, value_name = "ID")]
    terminal: Option<String>,
    /// How the card is read
    #[arg(long, value_enum, default_value_t = Entry::Insert)]
    entry: Entry,
    /// The PIN the cardholder types [default: none is typed]
    #[arg(long, value_name = "DIGITS")]
    pin: Option<String>,
    /// The currency, as in ISO 4217
    #[arg(long, default_value = "KGS")]
    currency: String,
    /// What to do after the answer
    #[arg(long, value_enum)]
    then: Option<Then>,
    /// Seconds to wait for the answer
    #[arg(long, value_parser = options::duration, default_value = "10s")]
    patience: Duration,
    /// The zone of the terminal's clock
    #[arg(long, default_value = DEFAULT_ZONE)]
    zone: String,
    #[command(flatten)]
    host: Host,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum PosDeed {
    Purchase,
    Refund,
    Preauth,
    Balance,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum AtmDeed {
    Withdraw,
    Balance,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum AgentDeed {
    CashOut,
    CashIn,
    Balance,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Entry {
    /// Contactless: DE 22 071
    Tap,
    /// Chip in contact: 051
    Insert,
    /// Magnetic stripe: 901
    Swipe,
    /// Typed in: 011
    Key,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Then {
    /// Send it again as a repeat: the same answer and no second effect
    Repeat,
    /// Reverse it
    Reverse,
}

impl Pos {
    pub(crate) fn run(self) -> Ran {
        let deed = match self.deed {
            PosDeed::Purchase => Deed::Purchase,
            PosDeed::Refund => Deed::Refund,
            PosDeed::Preauth => Deed::Preauthorization,
            PosDeed::Balance => Deed::Balance,
        };
        self.visit.run(DeviceCategory::Merchant, deed, &self.amount)
    }
}

impl Atm {
    pub(crate) fn run(self) -> Ran {
        let deed = match self.deed {
            AtmDeed::Withdraw => Deed::CashOut,
            AtmDeed::Balance => Deed::Balance,
        };
        self.visit.run(DeviceCategory::Atm, deed, &self.amount)
    }
}

impl Agent {
    pub(crate) fn run(self) -> Ran {
        let deed = match self.deed {
            AgentDeed::CashOut => Deed::CashOut,
            AgentDeed::CashIn => Deed::CashIn,
            AgentDeed::Balance => Deed::Balance,
        };
        self.visit.run(DeviceCategory::Agent, deed, &self.amount)
    }
}

impl VisitArgs {
    fn run(self, category: DeviceCategory, deed: Deed, amount: &str) -> Ran {
        let portfolio = Portfolio::read(&self.portfolio)?;
        let terminal = self.terminal(&portfolio, category)?;
        let card = self.card(&portfolio)?;
        let currency = Currency::from_alpha(&self.currency).ok_or_else(|| {
            SimError::Setting(format!("currency {:?} is not in ISO 4217", self.currency))
        })?;
        let amount = if deed == Deed::Balance { "0" } else { amount };
        let amount = Amount::parse_major(amount, currency)
            .map_err(|error| SimError::Setting(format!("amount {amount:?}: {error}")))?;
        let entry_mode = match self.entry {
            Entry::Tap => "071",
            Entry::Insert => "051",
            Entry::Swipe => "901",
            Entry::Key => "011",
        };
        let afterwards = self.then.map(|then| match then {
            Then::Repeat => Afterwards::Repeat,
            Then::Reverse => Afterwards::Reverse,
        });
        let pin = self.pin.as_deref().map(TypedPin::new);
        let visit = Visit { terminal, card, deed, amount: Some(amount), entry_mode, pin };
        let zone = Zone::named(&self.zone)?;
        let endpoint = self.host.endpoint(&terminal.listener)?;
        let talks = visit.play(&endpoint, &zone, self.patience, afterwards)?;
        for talk in &talks {
            println!("{}\n{talk}\n", talk.side_by_side());
        }
        let is_approved = talks.iter().all(|talk| talk.answer.is_approved());
        Ok(if is_approved { Outcome::Good } else { Outcome::Bad })
    }

    fn terminal<'p>(
        &self,
        portfolio: &'p Portfolio,
        category: DeviceCategory,
    ) -> Result<&'p Terminal, SimError> {
        if let Some(id) = &self.terminal {
            return portfolio.terminal(id);
        }
        let none = || SimError::Setting(format!("no {} in the portfolio", category.name()));
        portfolio.terminals_of(category).next().ok_or_else(none)
    }

    fn card<'p>(&self, portfolio: &'p Portfolio) -> Result<&'p Card, SimError> {
        if let Some(id) = &self.card {
            return portfolio.card(id);
        }
        let mut good = portfolio
            .cards
            .values()
            .filter(|card| &*card.status == "active" && card.blocks.is_empty());
        good.next().ok_or_else(|| SimError::Setting("no active card in the portfolio".to_owned()))
    }
}
