//! `tamga-sim pos`, `atm` and `agent`: one transaction by hand.

use super::options::{self, Host};
use super::{Outcome, Ran};
use std::path::PathBuf;
use std::time::Duration;
use tamga_sim::card::{ChipWish, Proofs, Wallet};
use tamga_sim::gear::Gear;
use tamga_sim::moment::{DEFAULT_ZONE, Zone};
use tamga_sim::pin::TypedPin;
use tamga_sim::portfolio::{Card, Source, Terminal};
use tamga_sim::terminal::{Afterwards, Deed, Visit, exchange_all};
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
///     tamga-sim atm pin-change --card K01 --pin 1234 --new-pin 4321
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
    /// Cards and terminals [default: $TAMGA_PORTFOLIO, else the demo\'s]
    #[arg(long, value_name = "FILE")]
    portfolio: Option<PathBuf>,
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
    /// The PIN wanted instead, for a PIN change
    #[arg(long, value_name = "DIGITS")]
    new_pin: Option<String>,
    #[command(flatten)]
    chip: ChipArgs,
    /// Ask the host for new working keys first
    #[arg(long)]
    exchange_keys: bool,
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

/// What the card's chip does.
#[derive(clap::Args)]
struct ChipArgs {
    /// Leave DE 55 out, as if the card had no chip [default: made where the card's keys are known]
    #[arg(long)]
    no_chip: bool,
    /// The cryptogram version: 10, 18, 22 (Visa), 16, 17, 20, 21 (M/Chip) [default: the product's]
    #[arg(long, value_name = "NUMBER")]
    cvn: Option<u8>,
    /// The chip's transaction counter [default: one more than the last time]
    #[arg(long, value_name = "NUMBER")]
    atc: Option<u16>,
    /// Where the chips' counters are kept [default: tamga-sim/wallet.json in the state folder]
    #[arg(long, value_name = "FILE")]
    wallet: Option<PathBuf>,
}

impl ChipArgs {
    fn proofs(&self, card: &Card, entry: Entry) -> Proofs {
        let is_read = matches!(entry, Entry::Insert | Entry::Tap);
        let signs = is_read && !self.no_chip && card.issue.keys.has("imk_ac");
        let wish = ChipWish { cvn: self.cvn, atc: self.atc, ..ChipWish::default() };
        Proofs { chip: signs.then_some(wish), ..Proofs::default() }
    }

    /// `$XDG_STATE_HOME`, else `~/.local/state`, as the XDG base directories say.
    fn wallet(&self) -> Result<Wallet, SimError> {
        let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
        let state = || variable("HOME").map(|home| home.join(".local/state"));
        let folder = || variable("XDG_STATE_HOME").or_else(state);
        let file = self.wallet.clone().or_else(|| Some(folder()?.join("tamga-sim/wallet.json")));
        file.map_or_else(|| Ok(Wallet::default()), |file| Wallet::kept_in(&file))
    }
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
    PinChange,
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
            AtmDeed::PinChange => Deed::PinChange,
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
        let portfolio = Portfolio::read(Source::named(self.portfolio.clone()))?;
        let terminal = self.terminal(&portfolio, category)?;
        let card = self.card(&portfolio)?;
        let currency = Currency::from_alpha(&self.currency).ok_or_else(|| {
            SimError::Setting(format!("currency {:?} is not in ISO 4217", self.currency))
        })?;
        let is_about_nothing = matches!(deed, Deed::Balance | Deed::PinChange);
        let amount = if is_about_nothing { "0" } else { amount };
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
        let visit = Visit {
            terminal,
            card,
            deed,
            amount: Some(amount),
            entry_mode,
            pin: self.pin.as_deref().map(TypedPin::new),
            new_pin: self.new_pin.as_deref().map(TypedPin::new),
            proofs: self.chip.proofs(card, self.entry),
        };
        if deed == Deed::PinChange && (visit.pin.is_none() || visit.new_pin.is_none()) {
            return Err(SimError::Setting("a PIN change needs --pin and --new-pin".to_owned()));
        }
        let zone = Zone::named(&self.zone)?;
        let endpoint = self.host.endpoint(&terminal.listener)?;
        let mut gear = Gear { wallet: self.chip.wallet()?, ..Gear::default() };
        if self.exchange_keys {
            for line in exchange_all(&mut gear, terminal, &endpoint, &zone, self.patience)? {
                println!("{line}\n");
            }
        }
        let talks = visit.play(&endpoint, &mut gear, &zone, self.patience, afterwards);
        // A chip that was asked has counted, whether there was an answer or not.
        gear.wallet.keep()?;
        let talks = talks?;
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
        let none = || SimError::Setting("no active card in the portfolio".to_owned());
        portfolio.first_good_card().ok_or_else(none)
    }
}
