//! `tamga-sim pos`, `atm` and `agent`: at a screen, from a script, or one transaction by hand.

use super::desk::{self, DeskArgs};
use super::options::{self, Host};
use super::{Outcome, Ran};
use std::path::PathBuf;
use std::time::Duration;
use tamga_sim::card::ChipWish;
use tamga_sim::desk::errand::Entry;
use tamga_sim::desk::host::Habits;
use tamga_sim::desk::profile::Profile;
use tamga_sim::gear::Gear;
use tamga_sim::moment::{DEFAULT_ZONE, Zone};
use tamga_sim::pin::TypedPin;
use tamga_sim::portfolio::{Source, Terminal};
use tamga_sim::terminal::{Afterwards, Deed, Visit, exchange_all};
use tamga_sim::{Endpoint, Portfolio, SimError};

use payment_types::{Amount, Currency, DeviceCategory};

/// A shop's terminal: on the screen, from a script, or one transaction
///
/// At a terminal it opens a screen: with the demo running, 1, Enter and t pay 120 som by tapping.
///
///     tamga-sim pos
///
/// With an amount or a PIN it sends one message, prints it beside its answer, and the slip:
///
///     tamga-sim pos --card K01 --amount 120.00 --entry tap
///     tamga-sim pos preauth --amount 900.00 --entry insert --pin 1234 --then reverse
///
/// Exit code 0 if approved, 1 if declined, 2 if there was no answer.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Pos {
    /// What to do, without a screen [default: purchase]
    #[arg(value_enum)]
    deed: Option<PosDeed>,
    /// How much, in som [default: 120.00]
    #[arg(long)]
    amount: Option<String>,
    #[command(flatten)]
    visit: VisitArgs,
}

/// A cash machine: on the screen, from a script, or one transaction
///
///     tamga-sim atm
///     tamga-sim atm withdraw --card K01 --amount 1000.00 --pin 1234
///     tamga-sim atm balance --card K01 --pin 1234
///     tamga-sim atm pin-change --card K01 --pin 1234 --new-pin 4321
///
/// Exit code 0 if approved, 1 if declined, 2 if there was no answer.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Atm {
    /// What to do, without a screen
    #[arg(value_enum)]
    deed: Option<AtmDeed>,
    /// How much, in som [default: 1000.00]
    #[arg(long)]
    amount: Option<String>,
    #[command(flatten)]
    visit: VisitArgs,
}

/// A bank's agent's device: on the screen, from a script, or one transaction
///
///     tamga-sim agent
///     tamga-sim agent cash-out --card K01 --amount 15000.00 --pin 1234
///
/// Over the day's cap it answers 61 and says what is left.
/// Exit code 0 if approved, 1 if declined, 2 if there was no answer.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Agent {
    /// What to do, without a screen
    #[arg(value_enum)]
    deed: Option<AgentDeed>,
    /// How much, in som [default: 1000.00]
    #[arg(long)]
    amount: Option<String>,
    #[command(flatten)]
    visit: VisitArgs,
}

#[derive(clap::Args)]
struct VisitArgs {
    /// Cards and terminals [default: $TAMGA_PORTFOLIO, else the demo\'s]
    #[arg(long, value_name = "FILE")]
    portfolio: Option<PathBuf>,
    /// How the device speaks and what its cards do (TOML, see the book); options here go before
    #[arg(long, value_name = "FILE")]
    profile: Option<PathBuf>,
    /// The card's name in the portfolio [default: the first active one]
    #[arg(long, value_name = "NAME")]
    card: Option<String>,
    /// The terminal's id in the portfolio [default: the first of its kind]
    #[arg(long, value_name = "ID")]
    terminal: Option<String>,
    /// How the card is read [default: insert; on a shop's screen: tap]
    #[arg(long, value_enum)]
    entry: Option<EntryArg>,
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
    /// The currency, as in ISO 4217 [default: KGS]
    #[arg(long)]
    currency: Option<String>,
    /// What to do after the answer
    #[arg(long, value_enum)]
    then: Option<Then>,
    /// Seconds to wait for the answer [default: 10s]
    #[arg(long, value_parser = options::duration)]
    patience: Option<Duration>,
    /// The zone of the terminal's clock [default: Asia/Bishkek]
    #[arg(long)]
    zone: Option<String>,
    #[command(flatten)]
    desk: DeskArgs,
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
    /// Where the chips' counters are kept [default: tamga-sim/wallet.json in the state folder], and
    /// beside it the keys this terminal exchanges [default: nowhere]
    #[arg(long, value_name = "FILE")]
    wallet: Option<PathBuf>,
}

impl ChipArgs {
    fn habits(&self, profile: &Profile) -> Habits {
        let usual = profile.habits();
        let chip = usual.chip.filter(|_| !self.no_chip).map(|wish| ChipWish {
            cvn: self.cvn.or(wish.cvn),
            atc: self.atc.or(wish.atc),
            ..wish
        });
        Habits { chip, ..usual }
    }

    /// Where somebody said that it is.
    fn wallet(&self, profile: &Profile) -> Option<PathBuf> {
        let own = || profile.chip.as_ref().and_then(|chip| chip.wallet.clone());
        self.wallet.clone().or_else(own)
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
    Statement,
    PinChange,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum AgentDeed {
    CashOut,
    CashIn,
    Balance,
    Statement,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum EntryArg {
    /// Contactless: DE 22 071
    Tap,
    /// Chip in contact: 051
    Insert,
    /// Magnetic stripe: 901
    Swipe,
    /// Typed in: 011
    Key,
    /// Sent by a web shop, with CVV2 and 3-D Secure: 812
    Online,
}

impl EntryArg {
    const fn entry(self) -> Entry {
        match self {
            Self::Tap => Entry::Tap,
            Self::Insert => Entry::Insert,
            Self::Swipe => Entry::Swipe,
            Self::Key => Entry::Key,
            Self::Online => Entry::Online,
        }
    }
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
        let deed = self.deed.map(|deed| match deed {
            PosDeed::Purchase => Deed::Purchase,
            PosDeed::Refund => Deed::Refund,
            PosDeed::Preauth => Deed::Preauthorization,
            PosDeed::Balance => Deed::Balance,
        });
        self.visit.run(DeviceCategory::Merchant, deed, self.amount.as_deref())
    }
}

impl Atm {
    pub(crate) fn run(self) -> Ran {
        let deed = self.deed.map(|deed| match deed {
            AtmDeed::Withdraw => Deed::CashOut,
            AtmDeed::Balance => Deed::Balance,
            AtmDeed::Statement => Deed::MiniStatement,
            AtmDeed::PinChange => Deed::PinChange,
        });
        self.visit.run(DeviceCategory::Atm, deed, self.amount.as_deref())
    }
}

impl Agent {
    pub(crate) fn run(self) -> Ran {
        let deed = self.deed.map(|deed| match deed {
            AgentDeed::CashOut => Deed::CashOut,
            AgentDeed::CashIn => Deed::CashIn,
            AgentDeed::Balance => Deed::Balance,
            AgentDeed::Statement => Deed::MiniStatement,
        });
        self.visit.run(DeviceCategory::Agent, deed, self.amount.as_deref())
    }
}

/// What a device is made of, from portfolio, profile and command line.
pub(super) struct Equipment {
    pub(super) profile: Profile,
    pub(super) portfolio: Portfolio,
    pub(super) terminal: Terminal,
    pub(super) card: Box<str>,
    pub(super) entry: Option<Entry>,
    pub(super) currency: Currency,
    pub(super) amount: Option<String>,
    pub(super) endpoint: Endpoint,
    pub(super) is_demo: bool,
    pub(super) gear: Gear,
    pub(super) habits: Habits,
    pub(super) zone: Zone,
    pub(super) patience: Duration,
    pub(super) exchange_keys: bool,
}

impl VisitArgs {
    fn run(mut self, category: DeviceCategory, deed: Option<Deed>, amount: Option<&str>) -> Ran {
        let by_hand = deed.is_some()
            || amount.is_some()
            || self.pin.is_some()
            || self.new_pin.is_some()
            || self.then.is_some();
        let desk = std::mem::take(&mut self.desk);
        let (pin, new_pin, then) = (self.pin.take(), self.new_pin.take(), self.then);
        if desk.is_wanted(by_hand) {
            return desk::run(desk, self.equipment(category)?);
        }
        let deed = match (deed, category) {
            (Some(deed), _) => deed,
            (None, DeviceCategory::Merchant) => Deed::Purchase,
            (None, _) => {
                let said = "say what to do (see --help), or start it in a terminal for its screen";
                return Err(SimError::Setting(said.to_owned()));
            }
        };
        let pins = [pin, new_pin].map(|pin| pin.as_deref().map(TypedPin::new));
        one(self.equipment(category)?, category, deed, amount, pins, then)
    }

    fn equipment(self, category: DeviceCategory) -> Result<Equipment, SimError> {
        let profile = self.profile.as_deref().map(Profile::read).transpose();
        let profile = profile.map_err(SimError::Setting)?.unwrap_or_default();
        let file = self.portfolio.clone().or_else(|| profile.portfolio.clone());
        let portfolio = Portfolio::read(Source::named(file))?;
        let id = self.terminal.as_ref().or(profile.terminal.as_ref());
        let mut terminal = match id {
            Some(id) => portfolio.terminal(id)?.clone(),
            None => {
                let none = || SimError::Setting(format!("no {} in the portfolio", category.name()));
                portfolio.terminals_of(category).next().ok_or_else(none)?.clone()
            }
        };
        profile.equip(&mut terminal);
        let card = match self.card.as_ref().or(profile.card.as_ref()) {
            Some(id) => portfolio.card(id)?,
            None => {
                let none = || SimError::Setting("no active card in the portfolio".to_owned());
                portfolio.first_good_card().ok_or_else(none)?
            }
        };
        let alpha = self.currency.as_ref().or(profile.currency.as_ref());
        let alpha = alpha.map_or("KGS", String::as_str);
        let unknown = || SimError::Setting(format!("currency {alpha:?} is not in ISO 4217"));
        let currency = Currency::from_alpha(alpha).ok_or_else(unknown)?;
        let zone = self.zone.as_ref().or(profile.zone.as_ref());
        let zone = Zone::named(zone.map_or(DEFAULT_ZONE, String::as_str))?;
        let host = self.host.or_as(&profile);
        let patience = self.patience.or_else(|| profile.patience.map(Duration::from_secs));
        let endpoint = host.endpoint(&terminal.listener)?;
        let wallet = self.chip.wallet(&profile);
        let devices = options::devices(wallet.as_deref(), endpoint.target())?;
        let wallet = options::wallet(wallet)?;
        Ok(Equipment {
            endpoint,
            is_demo: host.is_demo(),
            card: card.id.clone(),
            entry: self.entry.map(EntryArg::entry).or(profile.entry),
            currency,
            amount: profile.amount.clone(),
            gear: Gear { wallet, devices },
            habits: self.chip.habits(&profile),
            zone,
            patience: patience.unwrap_or(USUAL_PATIENCE),
            exchange_keys: self.exchange_keys || profile.exchange_keys,
            profile,
            terminal,
            portfolio,
        })
    }
}

const USUAL_PATIENCE: Duration = Duration::from_secs(10);

/// One transaction, and what is to be done after it.
fn one(
    equipment: Equipment,
    category: DeviceCategory,
    deed: Deed,
    amount: Option<&str>,
    [pin, new_pin]: [Option<TypedPin>; 2],
    then: Option<Then>,
) -> Ran {
    let Equipment { terminal, portfolio, endpoint, mut gear, zone, patience, currency, .. } =
        equipment;
    let usual = if category == DeviceCategory::Merchant { "120.00" } else { "1000.00" };
    let amount = amount.or(equipment.amount.as_deref()).unwrap_or(usual);
    let is_about_nothing = matches!(deed, Deed::Balance | Deed::MiniStatement | Deed::PinChange);
    let amount = if is_about_nothing { "0" } else { amount };
    let amount = Amount::parse_major(amount, currency)
        .map_err(|error| SimError::Setting(format!("amount {amount:?}: {error}")))?;
    let card = portfolio.card(&equipment.card)?;
    let entry = equipment.entry.unwrap_or(Entry::Insert);
    let visit = Visit {
        terminal: &terminal,
        card,
        deed,
        amount: Some(amount),
        entry_mode: entry.mode(),
        pin,
        new_pin,
        proofs: equipment.habits.proofs(card, entry),
    };
    if deed == Deed::PinChange && (visit.pin.is_none() || visit.new_pin.is_none()) {
        return Err(SimError::Setting("a PIN change needs --pin and --new-pin".to_owned()));
    }
    if equipment.exchange_keys {
        for line in exchange_all(&mut gear, &terminal, &endpoint, &zone, patience)? {
            println!("{line}\n");
        }
    }
    let afterwards = then.map(|then| match then {
        Then::Repeat => Afterwards::Repeat,
        Then::Reverse => Afterwards::Reverse,
    });
    let talks = visit.play(&endpoint, &mut gear, &zone, patience, afterwards);
    // A chip that was asked has counted, whether there was an answer or not.
    gear.keep()?;
    let talks = talks?;
    for talk in &talks {
        println!("{}\n{talk}\n", talk.side_by_side());
    }
    let is_approved = talks.iter().all(|talk| talk.answer.is_approved());
    Ok(if is_approved { Outcome::Good } else { Outcome::Bad })
}
