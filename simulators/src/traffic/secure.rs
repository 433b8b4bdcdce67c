//! Scenes in which keys decide: chips, DUKPT devices, a cash machine with session keys and MACs,
//! 3-D Secure, a PIN change; and what becomes of each when one thing about it is wrong.

use super::scenes::{BALANCE, CASH, CHIP, PURCHASE, Play, SOM, TAP, asks, one_of};
use super::stage::Ask;
use crate::SimError;
use crate::card::{ChipFault, ChipWish, CommerceWish, Proof, Proofs};
use crate::device::{Exchange, KeyUse};
use crate::pin::TypedPin;
use crate::portfolio::{Card, Terminal};

/// DE 22 of a card number sent over a secured connection.
const ONLINE: &str = "812";
const PIN_CHANGE: &str = "700000";
/// What a PIN change costs by the demo's rule set.
const PIN_CHANGE_FEE: i64 = 10 * SOM;
/// Above this the demo's products want the cardholder authenticated (SEC-4).
const AUTHENTICATED_ABOVE: i64 = 3000 * SOM;

impl<'a> Play<'a> {
    /// A chip that has not the issuer's keys, then the data of an earlier transaction once more.
    pub(super) fn false_chips(&mut self) -> Result<(), SimError> {
        self.false_chip("purchase, cloned chip", CHIP, ChipFault::Cryptogram)?;
        self.false_chip("purchase, replayed chip", CHIP, ChipFault::Atc)?;
        self.false_chip("tap, amount changed", TAP, ChipFault::Amount)
    }

    fn false_chip(
        &mut self,
        what: &'static str,
        entry: &'static str,
        fault: ChipFault,
    ) -> Result<(), SimError> {
        let minor = self.amount(50, 900);
        let Some(card) = self
            .payer_who(|book, card| book.available(card) >= minor && card.issue.keys.has("imk_ac"))
        else {
            return self.small_tap();
        };
        let ask = asks(self.shop(), card, what, PURCHASE, minor, entry);
        if fault == ChipFault::Atc {
            // So that there is something to replay.
            let first = Ask { what: "purchase, chip and PIN", ..ask.clone() };
            if self.ask(&first)?.as_expected {
                self.book.spend(card, minor);
            }
        }
        let chip = Some(ChipWish { fault: Some(fault), ..ChipWish::default() });
        let proofs = Proofs { chip, ..Proofs::default() };
        // A replayed cryptogram is right, so the issuer answers it; what it says is "declined".
        let arpc = if fault == ChipFault::Atc { None } else { Some(Proof::None) };
        self.ask(&Ask { proofs, arpc, pin: None, expected: "05", ..ask }).map(|_| ())
    }

    /// PIN-1: each transaction of a DUKPT device has a key of its own.
    pub(super) fn dukpt_purchase(&mut self) -> Result<(), SimError> {
        let Some(terminal) = self.device(|play| &play.cast.counters) else {
            return self.chip_purchase();
        };
        let minor = self.amount(100, 5000);
        let Some(card) = self.payer(minor) else { return self.cash_in() };
        let what = if terminal.security.pin_format == 4 {
            "purchase, AES DUKPT PIN"
        } else {
            "purchase, DUKPT PIN"
        };
        let right = asks(terminal, card, what, PURCHASE, minor, CHIP);
        if self.ask(&right)?.as_expected {
            self.book.spend(card, minor);
        }
        let wrong = right.pin.as_ref().map(TypedPin::wrong);
        self.ask(&Ask {
            what: "wrong PIN under DUKPT",
            pin: wrong,
            expected: "55",
            ..right.clone()
        })?;
        // A right PIN after it, or the third wrong one would block the card (PIN-2).
        let again = Ask { what: "the right PIN again", amount: Some(SOM), ..right };
        if self.ask(&again)?.as_expected {
            self.book.spend(card, SOM);
        }
        Ok(())
    }

    /// SEC-5: new keys, then messages that carry a MAC, then one whose MAC is wrong.
    pub(super) fn maced_session(&mut self) -> Result<(), SimError> {
        let Some(terminal) = self.device(|play| &play.cast.sealed) else {
            return self.withdrawal();
        };
        for (what, key) in
            [("new PIN key for the ATM", KeyUse::Pin), ("new MAC key for the ATM", KeyUse::Mac)]
        {
            let exchange = Exchange::of(key);
            if !self.stage.exchange_keys(what, terminal, &exchange, "00")? {
                return Ok(());
            }
        }
        let minor = self.amount(1, 10) * 200;
        let Some(card) = self.payer(minor) else { return self.cash_in() };
        let ask = asks(terminal, card, "withdrawal with MAC", CASH, minor, CHIP);
        if self.ask(&ask)?.as_expected {
            self.book.spend(card, minor);
        }
        let proofs = Proofs { mac: Some(Proof::Wrong), ..ask.proofs.clone() };
        let what = "withdrawal, wrong MAC";
        self.ask(&Ask { what, proofs, arpc: None, expected: "63", ..ask }).map(|_| ())
    }

    /// SEC-4: above the product's threshold only an authenticated cardholder pays from afar.
    pub(super) fn online_shopping(&mut self) -> Result<(), SimError> {
        let Some(terminal) = self.device(|play| &play.cast.online) else {
            return self.chip_purchase();
        };
        let minor = AUTHENTICATED_ABOVE + self.amount(100, 2000);
        let Some(card) = self
            .payer_who(|book, card| book.available(card) >= minor && card.issue.keys.has("cavk"))
        else {
            return self.cash_in();
        };
        let commerce = |eci: &str, value| {
            let wish = CommerceWish { eci: eci.to_owned(), value, aav: false };
            let cvv2 = Some(Proof::Right);
            Proofs { commerce: Some(wish), cvv2, ..Proofs::default() }
        };
        let ask = asks(terminal, card, "online, 3-D Secure", PURCHASE, minor, ONLINE);
        let ask = Ask { pin: None, proofs: commerce("05", Proof::Right), ..ask };
        if self.ask(&ask)?.as_expected {
            self.book.spend(card, minor);
        }
        let what = "online, false CAVV";
        let proofs = commerce("05", Proof::Wrong);
        self.ask(&Ask { what, proofs, expected: "1A", ..ask.clone() })?;
        let what = "online, wrong CVV2";
        let proofs = Proofs { cvv2: Some(Proof::Wrong), ..ask.proofs.clone() };
        self.ask(&Ask { what, proofs, expected: "05", ..ask }).map(|_| ())
    }

    /// PIN-4: the new PIN is the only one from then on; and back again, for the next scene.
    pub(super) fn pin_change(&mut self) -> Result<(), SimError> {
        if self.cast.sealed.is_empty() {
            return self.withdrawal();
        }
        let dear = 2 * PIN_CHANGE_FEE;
        let Some(card) = self.payer(dear) else { return self.cash_in() };
        let terminal = self.machine();
        let Some(old) = card.pin.clone() else { return Ok(()) };
        let new = old.next();
        // Whoever does not know the PIN cannot change it; the right one after it takes the try back.
        let stolen = asks(terminal, card, "PIN change, wrong PIN", PIN_CHANGE, 0, CHIP);
        let (wrong, wanted) = (Some(old.wrong()), Some(new.clone()));
        self.ask(&Ask { pin: wrong, new_pin: wanted, expected: "55", ..stolen })?;
        if !self.change_pin("PIN change", terminal, card, (&old, &new))? {
            return Ok(());
        }
        let balance = asks(terminal, card, "balance, old PIN", BALANCE, 0, CHIP);
        self.ask(&Ask { pin: Some(old.clone()), expected: "55", ..balance.clone() })?;
        self.ask(&Ask { what: "balance, new PIN", pin: Some(new.clone()), ..balance })?;
        self.change_pin("PIN change, back again", terminal, card, (&new, &old)).map(|_| ())
    }

    fn change_pin(
        &mut self,
        what: &'static str,
        terminal: &'a Terminal,
        card: &'a Card,
        (from, to): (&TypedPin, &TypedPin),
    ) -> Result<bool, SimError> {
        let ask = asks(terminal, card, what, PIN_CHANGE, 0, CHIP);
        let ask = Ask { pin: Some(from.clone()), new_pin: Some(to.clone()), ..ask };
        let done = self.ask(&ask)?.as_expected;
        if done {
            self.book.spend(card, PIN_CHANGE_FEE);
        }
        Ok(done)
    }

    /// One of those terminals, if there are any.
    fn device(&mut self, of: impl Fn(&Self) -> &Vec<&'a Terminal>) -> Option<&'a Terminal> {
        let terminals = of(self).clone();
        (!terminals.is_empty()).then(|| one_of(&terminals, &mut self.dice))
    }
}
