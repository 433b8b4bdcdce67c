//! The host's answers: what a request comes to, by the rules and by what was answered before.

use super::file::{AnswerKeys, StandInKeys};
use super::memory::{Given, Memory};
use super::message::{Seen, code_of_edition};
use super::rules::{Fate, Rules};
use crate::device::MessageKeys;
use crate::intent::Fields;
use crate::private::{self, PrivateData};
use crate::{Portfolio, SimError};
use iso8583::FieldValue;
use payment_types::{Class, Function, Mti};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What an answer has of its request (WIRE.md, "Messages").
const ECHOED: [u8; 16] = [3, 4, 7, 11, 12, 13, 24, 32, 33, 37, 41, 42, 49, 70, 101, 120];
/// What an advice does not repeat of the request it is about.
const NOT_ADVISED: [u8; 9] = [35, 36, 45, 48, 52, 53, 55, 64, 128];

/// What becomes of a request.
#[derive(Debug, Clone)]
pub(super) struct Outcome {
    pub fate: Fate,
    /// DE 39 as it goes out.
    pub code: String,
    /// The answer.
    pub answer: (Mti, Fields),
    /// Whether the host granted or refused it by its own limits.
    pub stood_in: bool,
    /// Whether it is the answer to the same message before.
    pub again: bool,
    /// What the issuer is to be told.
    pub advice: Option<(Mti, Fields)>,
    /// What its MAC is made with, where the request had one.
    pub keys: Option<MessageKeys>,
}

pub(super) struct Answerer {
    rules: Rules,
    stand_in: Option<StandInKeys>,
    memory: Memory,
    portfolio: Arc<Portfolio>,
    numbers: BTreeMap<Vec<u8>, Box<str>>,
    seed: u64,
}

impl Answerer {
    pub(super) fn new(
        answers: Vec<AnswerKeys>,
        stand_in: Option<StandInKeys>,
        portfolio: Arc<Portfolio>,
        seed: u64,
    ) -> Self {
        let number = |card: &crate::portfolio::Card| card.pan.expose_digits().to_vec();
        let cards = portfolio.cards.values();
        let numbers = cards.map(|card| (number(card), card.account.clone())).collect();
        let (rules, memory) = (Rules::new(answers, seed), Memory::default());
        Self { rules, stand_in, memory, portfolio, numbers, seed }
    }

    /// What the rules say of a message. Counts on: to be asked once for each message.
    pub(super) fn fate(&mut self, seen: &Seen) -> Fate {
        self.rules.fate(seen)
    }

    /// The answer to a message by its fate. `keys` is DE 48 of the answer to a key exchange.
    ///
    /// # Errors
    /// [`SimError::Setting`] for a message that wants no answer.
    pub(super) fn answer(
        &mut self,
        seen: &Seen,
        fate: Fate,
        keys: Option<Result<PrivateData, SimError>>,
    ) -> Result<Outcome, SimError> {
        let mti = response(seen)?;
        let known = self.memory.of(seen).filter(|_| seen.mti.is_repeat()).cloned();
        let again = known.is_some();
        let (given, stood_in) = match known {
            Some(given) => (given, false),
            None => self.decide(seen, &fate, keys.as_ref()),
        };
        let mut fields = echo(seen);
        let mut set = |element: u8, text: &str| {
            fields.insert(element, FieldValue::Text(text.to_owned()));
        };
        set(39, &given.code);
        if !given.reference.is_empty() {
            set(37, &given.reference);
        }
        if let Some(approval) = &given.approval {
            set(38, approval);
        }
        if let Some(balance) = self.balance(seen).filter(|_| given.approval.is_some()) {
            set(54, &balance);
        }
        if let Some(Ok(data)) = keys {
            fields.insert(private::ELEMENT, data.value(seen.version));
        }
        let wants_advice = stood_in
            && given.granted.is_some()
            && self.stand_in.as_ref().is_some_and(|terms| terms.advise.unwrap_or(true));
        let advice = wants_advice.then(|| advice(seen, &given)).flatten();
        let code = given.code.clone();
        self.memory.keep(seen, given);
        Ok(Outcome { fate, code, answer: (mti, fields), stood_in, again, advice, keys: None })
    }

    /// Takes down what the issuer answered, for repeats.
    pub(super) fn keep(&mut self, seen: &Seen, answer: &Fields) {
        let text = |element: u8| answer.get(&element).map(crate::exchange::plain);
        if seen.mti.class() == Class::Reversal {
            self.memory.take_back(seen);
        }
        let given = Given {
            code: text(39).unwrap_or_default(),
            approval: text(38),
            reference: text(37).unwrap_or_default(),
            granted: None,
        };
        self.memory.keep(seen, given);
    }

    /// What was answered to this message before, if it is a repeat.
    pub(super) fn is_known(&self, seen: &Seen) -> bool {
        seen.mti.is_repeat() && self.memory.of(seen).is_some()
    }

    fn decide(
        &mut self,
        seen: &Seen,
        fate: &Fate,
        keys: Option<&Result<PrivateData, SimError>>,
    ) -> (Given, bool) {
        let mut granted = None;
        let mut code = fate.code.clone().unwrap_or_else(|| "00".to_owned());
        if keys.is_some_and(Result::is_err) && fate.code.is_none() {
            code = "63".to_owned();
        }
        if seen.mti.class() == Class::Reversal {
            self.memory.take_back(seen);
        }
        let takes_money = takes_money(seen);
        let stands_in = (fate.stand_in || fate.forward) && takes_money;
        if let Some(terms) = self.stand_in.as_ref().filter(|_| stands_in) {
            let whose = (seen.card_number().unwrap_or_default(), day(seen));
            let amount = seen.amount().unwrap_or_default();
            match self.memory.grant(&whose, amount, terms) {
                Ok(()) => granted = Some((whose, amount)),
                Err(refused) => code = refused,
            }
        } else if fate.forward && seen.mti.function() == Function::Request && !is_reversal(seen) {
            // Nobody can say what the issuer would.
            code = "91".to_owned();
        }
        let approved = matches!(code.as_str(), "00" | "10" | "000" | "002");
        let is_payment = matches!(seen.mti.class(), Class::Authorization | Class::Financial);
        let approval = (approved && is_payment && !is_reversal(seen)).then(|| self.approval(seen));
        let reference = seen.text(37).filter(|text| !text.is_empty());
        let reference = reference.unwrap_or_else(|| match is_payment {
            true => format!("{:012}", self.number(seen, 2) % 1_000_000_000_000),
            false => String::new(),
        });
        let code = code_of_edition(&code, seen.version);
        (Given { code, approval, reference, granted }, stands_in)
    }

    /// DE 38: six characters that follow from the message and the seed.
    fn approval(&self, seen: &Seen) -> String {
        const CHARACTERS: &[u8; 32] = b"0123456789ABCDEFGHJKLMNPQRSTUVWX";
        let mut number = self.number(seen, 1);
        let mut text = String::new();
        for _ in 0..6 {
            let at = usize::try_from(number % 32).unwrap_or_default();
            text.push(char::from(CHARACTERS.get(at).copied().unwrap_or(b'0')));
            number /= 32;
        }
        text
    }

    fn number(&self, seen: &Seen, what: u8) -> u64 {
        let mut hash = Sha256::new();
        hash.update(self.seed.to_be_bytes());
        hash.update([what]);
        hash.update(seen.terminal().as_bytes());
        hash.update(seen.trace_number().unwrap_or_default().to_be_bytes());
        hash.finalize().first_chunk().copied().map_or(0, u64::from_be_bytes)
    }

    /// DE 54 of a balance inquiry about a card of the portfolio: what can be spent by the file.
    fn balance(&self, seen: &Seen) -> Option<String> {
        if !matches!(seen.kind().as_deref(), Some("30" | "31")) {
            return None;
        }
        let account = self.numbers.get(seen.card_number()?.as_bytes())?;
        let account = self.portfolio.accounts.get(account)?;
        let sign = if account.available < 0 { 'D' } else { 'C' };
        let (currency, minor) = (account.currency.numeric(), account.available.unsigned_abs());
        Some(format!("0002{currency:03}{sign}{minor:012}"))
    }
}

/// The type of the answer.
fn response(seen: &Seen) -> Result<Mti, SimError> {
    let none = || SimError::Setting(format!("{} wants no answer", seen.mti));
    seen.mti.response().ok_or_else(none)
}

/// The elements of a request that its answer has, too.
pub(super) fn echo(seen: &Seen) -> Fields {
    let fields = seen.fields.iter().filter(|(element, _)| ECHOED.contains(element));
    fields.map(|(element, value)| (*element, value.clone())).collect()
}

fn is_reversal(seen: &Seen) -> bool {
    seen.mti.class() == Class::Reversal
}

/// Whether it asks for money: what a stand-in has limits for.
fn takes_money(seen: &Seen) -> bool {
    let asks = seen.mti.function() == Function::Request;
    let payment = matches!(seen.mti.class(), Class::Authorization | Class::Financial);
    asks && payment && matches!(seen.kind().as_deref(), Some("00" | "01" | "09" | "17"))
}

/// MMDD on the terminal's clock.
fn day(seen: &Seen) -> String {
    let local = match seen.version {
        0 => seen.text(13),
        _ => seen.text(12).and_then(|time| Some(time.get(time.len().checked_sub(10)?..)?.into())),
    };
    let sent = || seen.text(7);
    local.or_else(sent).and_then(|text| text.get(..4).map(str::to_owned)).unwrap_or_default()
}

/// What the issuer is told of what was granted for it: 0120 of an authorization, 0220 of a payment.
fn advice(seen: &Seen, given: &Given) -> Option<(Mti, Fields)> {
    let [version, class, _, _] = seen.mti.digits();
    let mti = Mti::from_digits([version, class, 2, 0]).ok()?;
    let mut fields = seen.fields.clone();
    fields.retain(|element, _| !NOT_ADVISED.contains(element));
    fields.insert(39, FieldValue::Text(given.code.clone()));
    fields.insert(37, FieldValue::Text(given.reference.clone()));
    if let Some(approval) = &given.approval {
        fields.insert(38, FieldValue::Text(approval.clone()));
    }
    if seen.version > 0 && mti.class() == Class::Financial {
        fields.insert(24, FieldValue::Text("200".to_owned()));
    }
    Some((mti, fields))
}

#[cfg(test)]
mod tests {
    use super::super::file;
    use super::*;
    use crate::portfolio::Source;
    use std::path::Path;

    fn answerer(text: &str) -> Answerer {
        let file = file::parse(text, Path::new("net.toml")).unwrap();
        let answers = file.answer.into_iter().map(toml::Spanned::into_inner).collect();
        let portfolio = Arc::new(Portfolio::read(Source::Demo).unwrap());
        Answerer::new(answers, file.stand_in, portfolio, 7)
    }

    fn seen(mti: &str, fields: &[(u8, &str)]) -> Seen {
        let text = |(de, text): &(u8, &str)| (*de, FieldValue::Text((*text).into()));
        let fields = fields.iter().map(text).collect();
        Seen { mti: Mti::parse(mti).unwrap(), fields, version: 0 }
    }

    fn purchase(trace: &str, amount: &str) -> Seen {
        let fields = [
            (2, "9417000000000009"),
            (3, "000000"),
            (4, amount),
            (7, "1123040001"),
            (11, trace),
            (13, "1123"),
            (35, "9417000000000009=2912201"),
            (41, "POS00001"),
            (49, "417"),
        ];
        seen("0200", &fields)
    }

    fn play(host: &mut Answerer, seen: &Seen) -> Outcome {
        let fate = host.fate(seen);
        host.answer(seen, fate, None).unwrap()
    }

    fn text(outcome: &Outcome, element: u8) -> String {
        outcome.answer.1.get(&element).map(crate::exchange::plain).unwrap_or_default()
    }

    #[test]
    fn an_answer_has_what_belongs_into_it_and_no_card() {
        let mut host = answerer("");
        let outcome = play(&mut host, &purchase("000001", "000000012000"));
        assert_eq!(
            (outcome.answer.0.to_string(), text(&outcome, 39)),
            ("0210".into(), "00".into())
        );
        assert_eq!((text(&outcome, 38).len(), text(&outcome, 37).len()), (6, 12));
        assert_eq!(text(&outcome, 4), "000000012000");
        assert!(!outcome.answer.1.contains_key(&2) && !outcome.answer.1.contains_key(&35));
        let other = play(&mut answerer(""), &purchase("000001", "000000012000"));
        assert_eq!(text(&other, 38), text(&outcome, 38), "it follows from the seed");
        assert!(play(&mut host, &seen("0800", &[(11, "1"), (70, "301")])).code == "00");
        assert!(host.answer(&seen("0210", &[]), Fate::default(), None).is_err());
    }

    #[test]
    fn a_repeat_gets_the_first_answer() {
        let mut host = answerer("[[answer]]\nfirst = 1\ncode = \"51\"\n");
        let first = play(&mut host, &purchase("000001", "000000012000"));
        assert_eq!(first.code, "51");
        let again = Seen { mti: Mti::parse("0201").unwrap(), ..purchase("000001", "000000012000") };
        let second = play(&mut host, &again);
        assert!(second.again && second.code == "51" && second.answer == first.answer);
        assert_eq!(play(&mut host, &purchase("000002", "000000012000")).code, "00");
    }

    #[test]
    fn standing_in_has_limits_and_the_issuer_is_told() {
        let mut host = answerer(
            "[stand_in]\nper_transaction = \"200.00\"\nper_day = \"300.00\"\n\
             [[answer]]\nstand_in = true\n",
        );
        let first = play(&mut host, &purchase("000001", "000000020000"));
        assert!(first.stood_in && first.code == "00");
        let (mti, advice) = first.advice.clone().unwrap();
        assert_eq!(mti.to_string(), "0220");
        assert!(advice.contains_key(&2) && !advice.contains_key(&35));
        assert_eq!(crate::exchange::plain(&advice[&38]), text(&first, 38));
        let second = play(&mut host, &purchase("000002", "000000010001"));
        assert!(second.code == "61" && second.advice.is_none());
        assert_eq!(text(&second, 38), "");
        let reversal = seen("0420", &[(11, "000003"), (41, "POS00001"), (90, "0200000001")]);
        assert_eq!(play(&mut host, &reversal).code, "00");
        assert_eq!(play(&mut host, &purchase("000004", "000000010001")).code, "00");
        let refund = Seen {
            fields: purchase("000005", "000000099900")
                .fields
                .into_iter()
                .map(|(de, value)| {
                    (de, if de == 3 { FieldValue::Text("200000".into()) } else { value })
                })
                .collect(),
            ..purchase("000005", "000000099900")
        };
        assert_eq!(play(&mut host, &refund).code, "00", "limits are for what takes money");
    }

    #[test]
    fn a_balance_is_the_portfolios() {
        let mut host = answerer("");
        let card = host.portfolio.card("K01").unwrap();
        let number = String::from_utf8(card.pan.expose_digits().to_vec()).unwrap();
        let account = host.portfolio.accounts[&card.account].available;
        let asked = seen("0200", &[(2, &number), (3, "310000"), (11, "1"), (41, "ATM00001")]);
        assert_eq!(text(&play(&mut host, &asked), 54), format!("0002417C{account:012}"));
    }
}
