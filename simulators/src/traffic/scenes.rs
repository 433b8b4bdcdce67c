//! What people do at shops, agents and cash machines: short scenes whose every answer is known.

use super::book::{AGENT_CAP, Book, NO_PIN_LIMIT, refusal};
use super::stage::{Ask, Outcome, Stage};
use crate::SimError;
use crate::card::{ChipWish, Proof, Proofs};
use crate::device::{KeyScheme, MacDuty, SecurityProfile};
use crate::exchange::{AVAILABLE_BALANCE, CAP_LEFT};
use crate::portfolio::{Card, Portfolio, Terminal};
use payment_types::{DeviceCategory, format_minor};
use rand::RngExt;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;

pub(super) const SOM: i64 = 100;
pub(super) const CHIP: &str = "051";
pub(super) const TAP: &str = "071";
pub(super) const PURCHASE: &str = "000000";
pub(super) const CASH: &str = "010000";
const CASH_IN: &str = "210000";
pub(super) const BALANCE: &str = "310000";
/// Below this a cardholder goes and pays cash in before shopping on.
const REFILL: i64 = 20_000 * SOM;

/// Who there is to play with. The first good card is not among them, nor any other of its account:
/// those are for whoever tries the simulators by hand meanwhile.
pub(crate) struct Cast<'a> {
    shops: Vec<&'a Terminal>,
    agents: Vec<&'a Terminal>,
    machines: Vec<&'a Terminal>,
    /// DUKPT devices of shops.
    pub(super) counters: Vec<&'a Terminal>,
    /// Cash machines whose messages carry a MAC.
    pub(super) sealed: Vec<&'a Terminal>,
    /// Shops on the Internet.
    pub(super) online: Vec<&'a Terminal>,
    payers: Vec<&'a Card>,
    refused: Vec<&'a Card>,
}

impl<'a> Cast<'a> {
    /// # Errors
    /// [`SimError::Setting`] if the portfolio lacks someone a scene needs.
    pub(crate) fn of(portfolio: &'a Portfolio, stage: &Stage) -> Result<Self, SimError> {
        let today = stage.today();
        let all = |category| portfolio.terminals_of(category).collect::<Vec<_>>();
        let plain = |category| {
            let mut terminals = all(category);
            terminals.retain(|terminal| terminal.security == SecurityProfile::default());
            terminals
        };
        let special = |category, is: fn(&SecurityProfile) -> bool| {
            let mut terminals = all(category);
            terminals.retain(|terminal| is(&terminal.security));
            terminals
        };
        let yours = portfolio.first_good_card().map(|card| &card.account);
        let known = |card: &&Card| {
            let account = portfolio.accounts.get(&card.account);
            yours != Some(&card.account)
                && account.is_some_and(|account| account.currency == payment_types::Currency::KGS)
        };
        let cards = || portfolio.cards.values().filter(known);
        let good = |card: &&Card| refusal(card, today).is_none() && card.pin.is_some();
        let mut sealed = special(DeviceCategory::Atm, |profile| profile.mac == MacDuty::Required);
        // The keys of the last one are for whoever tries the simulators by hand.
        if sealed.len() > 1 {
            sealed.pop();
        }
        let cast = Self {
            shops: plain(DeviceCategory::Merchant),
            agents: plain(DeviceCategory::Agent),
            machines: plain(DeviceCategory::Atm),
            counters: special(DeviceCategory::Merchant, |profile| {
                profile.keys != KeyScheme::Session
            }),
            sealed,
            online: all(DeviceCategory::Ecommerce),
            payers: cards().filter(good).collect(),
            // A card not yet activated would be by its first purchase with chip and PIN.
            refused: cards()
                .filter(|card| &*card.status != "not_activated" && refusal(card, today).is_some())
                .collect(),
        };
        let missing = [
            (cast.shops.is_empty(), "a merchant's terminal"),
            (cast.agents.is_empty(), "an agent's terminal"),
            (cast.machines.is_empty(), "an ATM"),
            (cast.payers.is_empty(), "an active card in som with a test_pin"),
            (cast.refused.is_empty(), "a card that is blocked or expired"),
        ];
        match missing.iter().find(|(missing, _)| *missing) {
            Some((_, who)) => Err(SimError::Setting(format!("the demo's portfolio has not {who}"))),
            None => Ok(cast),
        }
    }
}

/// A scene, how often it is played, and how many messages it may take.
pub(crate) struct Scene<'a> {
    pub(crate) weight: u32,
    pub(crate) messages: u64,
    pub(crate) play: fn(&mut Play<'a>) -> Result<(), SimError>,
}

/// Every scene; each is played once before chance decides.
pub(crate) fn all<'a>() -> [Scene<'a>; 21] {
    [
        Scene { weight: 30, messages: 1, play: Play::small_tap },
        Scene { weight: 8, messages: 2, play: Play::large_tap },
        Scene { weight: 20, messages: 1, play: Play::chip_purchase },
        Scene { weight: 12, messages: 1, play: Play::agent_cash_out },
        Scene { weight: 2, messages: 1, play: Play::agent_cash_over_the_cap },
        Scene { weight: 6, messages: 1, play: Play::cash_in },
        Scene { weight: 10, messages: 1, play: Play::withdrawal },
        Scene { weight: 6, messages: 1, play: Play::balance },
        Scene { weight: 2, messages: 1, play: Play::notes_that_do_not_exist },
        Scene { weight: 3, messages: 2, play: Play::mistyped_pin },
        Scene { weight: 3, messages: 1, play: Play::too_expensive },
        Scene { weight: 3, messages: 1, play: Play::refused_card },
        Scene { weight: 3, messages: 2, play: Play::reversed_purchase },
        Scene { weight: 2, messages: 2, play: Play::reversed_agent_cash },
        Scene { weight: 2, messages: 2, play: Play::short_dispense },
        Scene { weight: 3, messages: 2, play: Play::hotel },
        Scene { weight: 3, messages: 4, play: Play::false_chips },
        Scene { weight: 4, messages: 3, play: Play::dukpt_purchase },
        Scene { weight: 3, messages: 4, play: Play::maced_session },
        Scene { weight: 4, messages: 3, play: Play::online_shopping },
        Scene { weight: 2, messages: 4, play: Play::pin_change },
    ]
}

/// A running play.
pub(crate) struct Play<'a> {
    pub(crate) stage: Stage,
    pub(crate) book: Book,
    pub(crate) cast: Cast<'a>,
    pub(crate) dice: ChaCha8Rng,
}

impl<'a> Play<'a> {
    pub(super) fn shop(&mut self) -> &'a Terminal {
        one_of(&self.cast.shops, &mut self.dice)
    }

    fn agent(&mut self) -> &'a Terminal {
        one_of(&self.cast.agents, &mut self.dice)
    }

    pub(super) fn machine(&mut self) -> &'a Terminal {
        one_of(&self.cast.machines, &mut self.dice)
    }

    /// Somebody who can pay that much.
    pub(super) fn payer(&mut self, minor: i64) -> Option<&'a Card> {
        self.payer_who(|book, card| book.available(card) >= minor)
    }

    pub(super) fn payer_who(&mut self, can: impl Fn(&Book, &Card) -> bool) -> Option<&'a Card> {
        let able: Vec<&'a Card> =
            self.cast.payers.iter().copied().filter(|card| can(&self.book, card)).collect();
        able.choose(&mut self.dice).copied()
    }

    /// A whole number of som in minor units.
    pub(super) fn amount(&mut self, from: i64, to: i64) -> i64 {
        self.dice.random_range(from..=to) * SOM
    }

    /// Plays the message; when its answer was not the one expected, asks the host what is true.
    pub(super) fn ask(&mut self, ask: &Ask<'a>) -> Result<Outcome, SimError> {
        let outcome = self.stage.ask(ask)?;
        if !outcome.as_expected {
            self.look_up(ask.card)?;
            self.learn_cap(ask.card, &outcome);
        }
        Ok(outcome)
    }

    /// Asks the host for everybody's balance, and, if it has seen business before, for what is left
    /// of everybody's cap: so that a second run starts from what the first one left.
    pub(crate) fn catch_up(&mut self) -> Result<(), SimError> {
        let mut has_history = false;
        for card in self.cast.payers.clone() {
            has_history |= self.look_up(card)?;
        }
        if !has_history {
            return Ok(());
        }
        for card in self.cast.payers.clone() {
            // More than the cap: declined, with what is left.
            let terminal = self.agent();
            let minor = AGENT_CAP + SOM;
            let outcome =
                self.stage.ask_quietly(&asks(terminal, card, "look-up", CASH, minor, CHIP))?;
            self.learn_cap(card, &outcome);
        }
        Ok(())
    }

    /// Corrects the book by a balance inquiry; whether it had to be.
    fn look_up(&mut self, card: &'a Card) -> Result<bool, SimError> {
        let terminal = self.machine();
        let outcome = self.stage.ask_quietly(&asks(terminal, card, "look-up", BALANCE, 0, CHIP))?;
        let minor = said(&outcome, AVAILABLE_BALANCE);
        Ok(minor.is_some_and(|minor| self.book.correct(card, minor)))
    }

    fn learn_cap(&mut self, card: &Card, outcome: &Outcome) {
        if let Some(left) = said(outcome, CAP_LEFT) {
            self.book.correct_cap(card, self.stage.today(), left);
        }
    }

    fn purchase(&mut self, what: &'static str, minor: i64, entry: &'static str) -> Played<'a> {
        let Some(card) = self.payer(minor) else { return self.cash_in().map(|()| None) };
        let ask = asks(self.shop(), card, what, PURCHASE, minor, entry);
        let ask = if entry == TAP { Ask { pin: None, ..ask } } else { ask };
        let outcome = self.ask(&ask)?;
        if outcome.as_expected {
            self.book.spend(card, minor);
        }
        Ok(outcome.as_expected.then_some((ask, outcome)))
    }

    pub(super) fn small_tap(&mut self) -> Result<(), SimError> {
        let minor = self.amount(20, NO_PIN_LIMIT / SOM);
        self.purchase("tap, no PIN", minor, TAP).map(|_| ())
    }

    pub(super) fn chip_purchase(&mut self) -> Result<(), SimError> {
        let minor = self.amount(100, 8000) + self.dice.random_range(0..100);
        self.purchase("purchase, chip and PIN", minor, CHIP).map(|_| ())
    }

    /// CTL-3: asked for the PIN, then approved with it.
    fn large_tap(&mut self) -> Result<(), SimError> {
        let minor = NO_PIN_LIMIT + self.amount(1, 3000);
        let Some(card) = self.payer(minor) else { return self.cash_in() };
        let with_pin = asks(self.shop(), card, "tap again, with PIN", PURCHASE, minor, TAP);
        let first = Ask { what: "tap, no PIN", pin: None, expected: "70", ..with_pin.clone() };
        self.ask(&first)?;
        if self.ask(&with_pin)?.as_expected {
            self.book.spend(card, minor);
        }
        Ok(())
    }

    fn agent_cash_out(&mut self) -> Result<(), SimError> {
        let minor = self.amount(5, 60) * 100;
        self.take_agent_cash(minor).map(|_| ())
    }

    /// AGT-3: declined, and told what is left.
    fn agent_cash_over_the_cap(&mut self) -> Result<(), SimError> {
        let today = self.stage.today();
        let over = |book: &Book, card: &Card| book.cap_left(card, today) + SOM;
        let Some(card) = self.payer_who(|book, card| book.available(card) >= over(book, card))
        else {
            return self.cash_in();
        };
        let minor = over(&self.book, card);
        self.agent_cash(card, minor).map(|_| ())
    }

    fn take_agent_cash(&mut self, minor: i64) -> Played<'a> {
        let Some(card) = self.payer(minor) else { return self.cash_in().map(|()| None) };
        self.agent_cash(card, minor)
    }

    fn agent_cash(&mut self, card: &'a Card, minor: i64) -> Played<'a> {
        if self.stage.is_near_midnight() {
            return self.small_tap().map(|()| None);
        }
        let today = self.stage.today();
        let left = self.book.cap_left(card, today);
        let mut ask = asks(self.agent(), card, "cash at agent", CASH, minor, CHIP);
        if minor > left {
            ask.expected = "61";
            ask.additional = Some((CAP_LEFT, format_minor(i128::from(left), 2)));
        }
        let outcome = self.ask(&ask)?;
        let given = outcome.as_expected && minor <= left;
        if given {
            self.book.spend(card, minor);
            self.book.take_agent_cash(card, today, minor);
        }
        Ok(given.then_some((ask, outcome)))
    }

    pub(super) fn cash_in(&mut self) -> Result<(), SimError> {
        let poorest = |cards: &[&'a Card], book: &Book| {
            cards.iter().copied().min_by_key(|card| book.available(card))
        };
        let Some(card) = poorest(&self.cast.payers, &self.book) else { return Ok(()) };
        let minor = (REFILL - self.book.available(card)).max(1000 * SOM) / SOM * SOM;
        let ask = asks(self.agent(), card, "cash-in at agent", CASH_IN, minor, CHIP);
        if self.ask(&ask)?.as_expected {
            self.book.receive(card, minor);
        }
        Ok(())
    }

    fn withdraw(&mut self, minor: i64) -> Played<'a> {
        let Some(card) = self.payer(minor) else { return self.cash_in().map(|()| None) };
        let ask = asks(self.machine(), card, "withdrawal", CASH, minor, CHIP);
        let outcome = self.ask(&ask)?;
        if outcome.as_expected {
            self.book.spend(card, minor);
        }
        Ok(outcome.as_expected.then_some((ask, outcome)))
    }

    pub(super) fn withdrawal(&mut self) -> Result<(), SimError> {
        let minor = self.amount(1, 30) * 200;
        self.withdraw(minor).map(|_| ())
    }

    fn balance(&mut self) -> Result<(), SimError> {
        let Some(card) = self.payer(0) else { return self.cash_in() };
        let available = format_minor(i128::from(self.book.available(card)), 2);
        let mut ask = asks(self.machine(), card, "balance", BALANCE, 0, CHIP);
        ask.additional = Some((AVAILABLE_BALANCE, available));
        self.ask(&ask).map(|_| ())
    }

    /// AMT-1: an amount that no notes make up.
    fn notes_that_do_not_exist(&mut self) -> Result<(), SimError> {
        let minor = 150 * SOM;
        let Some(card) = self.payer(minor) else { return self.cash_in() };
        let ask = asks(self.machine(), card, "withdrawal of 150.00", CASH, minor, CHIP);
        self.ask(&Ask { expected: "13", ..ask }).map(|_| ())
    }

    fn mistyped_pin(&mut self) -> Result<(), SimError> {
        let minor = 200 * SOM;
        let Some(card) = self.payer(minor) else { return self.cash_in() };
        let right = asks(self.machine(), card, "withdrawal, right PIN", CASH, minor, CHIP);
        let wrong = right.pin.as_ref().map(crate::pin::TypedPin::wrong);
        self.ask(&Ask {
            what: "withdrawal, wrong PIN",
            pin: wrong,
            expected: "55",
            ..right.clone()
        })?;
        if self.ask(&right)?.as_expected {
            self.book.spend(card, minor);
        }
        Ok(())
    }

    fn too_expensive(&mut self) -> Result<(), SimError> {
        let Some(card) = self.payer(0) else { return self.cash_in() };
        let minor = self.book.available(card) + self.amount(1, 500);
        let ask = asks(self.shop(), card, "too expensive", PURCHASE, minor, CHIP);
        self.ask(&Ask { expected: "51", ..ask }).map(|_| ())
    }

    fn refused_card(&mut self) -> Result<(), SimError> {
        let card = one_of(&self.cast.refused, &mut self.dice);
        let expected = refusal(card, self.stage.today()).unwrap_or("00");
        let minor = self.amount(10, 500);
        let ask = asks(self.shop(), card, "purchase, dead card", PURCHASE, minor, CHIP);
        self.stage.ask(&Ask { expected, ..ask }).map(|_| ())
    }

    /// TXN-2: everything that moved comes back.
    fn reversed_purchase(&mut self) -> Result<(), SimError> {
        let minor = self.amount(50, 2000);
        let Some((ask, outcome)) = self.purchase("purchase", minor, CHIP)? else { return Ok(()) };
        if self.reverse(&ask, &outcome, None)? {
            self.book.receive(ask.card, minor);
        }
        Ok(())
    }

    /// AGT-5: a reversal gives back to the cap, too.
    fn reversed_agent_cash(&mut self) -> Result<(), SimError> {
        let minor = self.amount(1, 10) * 100;
        let today = self.stage.today();
        let Some((ask, outcome)) = self.take_agent_cash(minor)? else { return Ok(()) };
        if self.reverse(&ask, &outcome, None)? {
            self.book.receive(ask.card, minor);
            self.book.take_agent_cash(ask.card, today, -minor);
        }
        Ok(())
    }

    /// The machine counted out less than was approved, and says so.
    fn short_dispense(&mut self) -> Result<(), SimError> {
        let Some((ask, outcome)) = self.withdraw(1000 * SOM)? else { return Ok(()) };
        if self.reverse(&ask, &outcome, Some(400 * SOM))? {
            self.book.receive(ask.card, 600 * SOM);
        }
        Ok(())
    }

    /// TXN-4: a hold, then what it came to.
    fn hotel(&mut self) -> Result<(), SimError> {
        let minor = self.amount(20, 60) * 100;
        let Some(card) = self.payer(minor) else { return self.cash_in() };
        let hold = asks(self.shop(), card, "preauthorization", PURCHASE, minor, CHIP);
        let hold = Ask { mti: "0100", ..hold };
        let held = self.ask(&hold)?;
        if !held.as_expected {
            return Ok(());
        }
        let came_to = minor / 10 * 9;
        let completion = Ask {
            what: "completion",
            mti: "0220",
            pin: None,
            proofs: Proofs::default(),
            arpc: None,
            amount: Some(came_to),
            auth_code: held.answer.as_ref().and_then(crate::exchange::Answer::auth_code),
            about: Some(("0100", held.trace)),
            ..hold
        };
        self.book.spend(card, came_to);
        self.ask(&completion).map(|_| ())
    }

    fn reverse(
        &mut self,
        of: &Ask<'a>,
        outcome: &Outcome,
        stays: Option<i64>,
    ) -> Result<bool, SimError> {
        let what = if stays.is_some() { "partial reversal" } else { "reversal" };
        let reversal = Ask {
            what,
            mti: "0420",
            pin: None,
            proofs: Proofs::default(),
            arpc: None,
            auth_code: outcome.answer.as_ref().and_then(crate::exchange::Answer::auth_code),
            about: Some((of.mti, outcome.trace.clone())),
            replacement: stays,
            ..of.clone()
        };
        Ok(self.ask(&reversal)?.as_expected)
    }
}

/// An amount of the answer's DE 54, in minor units.
fn said(outcome: &Outcome, kind: &str) -> Option<i64> {
    let text = outcome.answer.as_ref()?.amount(kind)?;
    payment_types::parse_minor(&text, 2).ok()
}

/// What came of it, where the message was approved as expected.
type Played<'a> = Result<Option<(Ask<'a>, Outcome)>, SimError>;

pub(super) fn asks<'a>(
    terminal: &'a Terminal,
    card: &'a Card,
    what: &'static str,
    processing_code: &'static str,
    minor: i64,
    entry_mode: &'static str,
) -> Ask<'a> {
    // Every chip that the portfolio has keys for signs.
    let with_chip = [CHIP, TAP].contains(&entry_mode) && card.issue.keys.has("imk_ac");
    Ask {
        what,
        mti: "0200",
        terminal,
        card,
        processing_code,
        amount: Some(minor),
        entry_mode: Some(entry_mode),
        pin: card.pin.clone(),
        new_pin: None,
        arpc: with_chip.then_some(Proof::Right),
        proofs: Proofs { chip: with_chip.then(ChipWish::default), ..Proofs::default() },
        auth_code: None,
        about: None,
        replacement: None,
        expected: "00",
        additional: None,
    }
}

/// One of them; [`Cast::of`] made sure that there is one.
pub(super) fn one_of<'a, T: ?Sized>(of: &[&'a T], dice: &mut ChaCha8Rng) -> &'a T {
    let at = dice.random_range(0..of.len());
    of[at]
}
