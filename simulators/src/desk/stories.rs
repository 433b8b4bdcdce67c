//! A day at the desk, without screen, clock or network: what each answer, or none, leads to.

use super::cassettes::{Cassettes, Fault};
use super::errand::{Entry, Errand, Failure, Outcome, Reply, Report, Sent, What};
use super::key::{Action, Event, Key};
use super::machine::{Desk, Fate, Step};
use super::setup::{Face, Kind, Setup};
use crate::card::{Proof, tests};
use crate::exchange::Answer;
use crate::gear::Verdict;
use crate::intent::Fields;
use crate::pin::TypedPin;
use iso8583::FieldValue;
use payment_types::Mti;
use std::time::Duration;

pub(super) fn setup(kind: Kind) -> Setup {
    let terminal = tests::terminal();
    let mut known = Face::of(&tests::card());
    known.pin = Some(TypedPin::new("1234"));
    let other = Face { name: "K2".into(), has_chip: false, ..known.clone() };
    let usual = Setup::of(&terminal, vec![known, other]);
    Setup {
        kind,
        place: "Dordoi Grocery".into(),
        host: "127.0.0.1:8583".into(),
        dialect: "iso87-bcd".into(),
        entry: if kind == Kind::Pos { Entry::Tap } else { Entry::Insert },
        amount: if kind == Kind::Pos { "120.00" } else { "1000" }.into(),
        cassettes: Cassettes::filled(&[20_000, 50_000, 100_000, 500_000], 100),
        ..usual
    }
}

/// A desk, and the host's part in the story.
pub(super) struct Story {
    pub(super) desk: Desk,
    pub(super) sent: Vec<Errand>,
    pub(super) printed: Vec<String>,
    pub(super) quits: bool,
}

impl Story {
    pub(super) fn at(kind: Kind) -> Self {
        let (desk, actions) = Desk::open(setup(kind));
        assert!(actions.is_empty());
        Self { desk, sent: Vec::new(), printed: Vec::new(), quits: false }
    }

    pub(super) fn take(&mut self, event: Event) {
        for action in self.desk.take(event) {
            match action {
                Action::Carry(errand) => self.sent.push(errand),
                Action::Print(slip) => self.printed.push(slip.text()),
                Action::Quit => self.quits = true,
            }
        }
    }

    /// Presses keys: letters and digits as they are, `\n` for Enter, `\t` for Tab.
    pub(super) fn press(&mut self, keys: &str) -> &mut Self {
        for sign in keys.chars() {
            self.take(Event::Key(match sign {
                '\n' => Key::Enter,
                '\t' => Key::Tab,
                '\u{1b}' => Key::Esc,
                sign => Key::Char(sign),
            }));
        }
        self
    }

    pub(super) fn last_what(&self) -> &What {
        &self.sent.last().unwrap().what
    }

    /// The host answers the last errand.
    pub(super) fn answer(&mut self, code: &str, more: &[(u8, &str)]) -> &mut Self {
        self.reply(code, more, Verdict { arpc: Proof::None, mac: Proof::None, scripts: vec![] })
    }

    fn reply(&mut self, code: &str, more: &[(u8, &str)], verdict: Verdict) -> &mut Self {
        let number = self.sent.last().unwrap().number;
        let text = |value: &str| FieldValue::Text(value.to_owned());
        let mut fields = Fields::from([(39, text(code)), (41, text("POS00001"))]);
        fields.extend(more.iter().map(|(element, value)| (*element, text(value))));
        let took = Duration::from_micros(2_340);
        let mti = Mti::parse("0210").unwrap();
        let answer = Answer { mti, fields, body: Vec::new(), took };
        let outcome = Outcome::Answered(Box::new(Reply { answer, verdict }));
        self.report(number, outcome)
    }

    fn report(&mut self, number: u64, outcome: Outcome) -> &mut Self {
        let text = |value: &str| FieldValue::Text(value.to_owned());
        let fields = Fields::from([
            (2, text("9417000000000016")),
            (3, text("000000")),
            (4, text("000000012000")),
            (11, text("000042")),
            (22, text("071")),
            (37, text("632614000042")),
            (41, text("POS00001")),
            (49, text("417")),
            (52, FieldValue::Binary(vec![1; 8])),
            (55, FieldValue::Binary(hex::decode("9F2608AABBCCDDEEFF00119F36020007").unwrap())),
        ]);
        let sent = Sent {
            mti: Mti::parse("0200").unwrap(),
            fields,
            stan: 42,
            local: "2026-11-22 14:05:01".to_owned(),
            with_chip: true,
        };
        let title = "PURCHASE";
        let report = Report { number, title, sent: Some(sent), outcome };
        self.take(Event::Report(Box::new(report)));
        self
    }

    fn fail(&mut self, may_have_arrived: bool) -> &mut Self {
        let number = self.sent.last().unwrap().number;
        let why = "no answer within 10000 ms".to_owned();
        self.report(number, Outcome::Failed(Failure { why, may_have_arrived }))
    }

    fn clock(&mut self, seconds: u64) -> &mut Self {
        self.take(Event::Clock(Duration::from_secs(seconds)));
        self
    }

    fn headline(&self) -> &str {
        match self.desk.step() {
            Step::Done(ending) => &ending.headline,
            other => panic!("not at an ending but at {other:?}"),
        }
    }
}

#[test]
fn a_tap_pays_with_three_keys_and_is_taken_back_with_two_more() {
    let mut story = Story::at(Kind::Pos);
    story.press("1\nt");
    let What::First(wish) = story.last_what() else { panic!("{:?}", story.last_what()) };
    assert_eq!((wish.amount.unwrap().minor(), wish.entry), (12_000, Entry::Tap));
    assert!(wish.pin.is_none());
    story.answer("00", &[(38, "ABC123")]);
    assert_eq!(story.headline(), "APPROVED");
    assert!(story.printed[0].contains("APPROVED  00"), "{}", story.printed[0]);
    story.press("\t\t\tr");
    assert!(matches!(story.last_what(), What::Reverse { of: 1, stays: None }));
    story.answer("00", &[]);
    assert_eq!(story.desk.deals()[0].fate, Fate::Reversed);
    story.press("\t\t\tr");
    assert_eq!(story.sent.len(), 2, "twice is not possible");
    story.press("q");
    assert!(story.quits);
}

#[test]
fn amounts_are_typed_as_one_says_them() {
    let mut story = Story::at(Kind::Pos);
    story.press("145..5077x\n").press("i\n");
    let What::First(wish) = story.last_what() else { panic!() };
    assert_eq!(wish.amount.unwrap().to_string(), "45.50");
    let mut story = Story::at(Kind::Pos);
    story.press("10\n");
    assert!(matches!(story.desk.step(), Step::Amount(_)), "nothing is no amount");
    let mut story = Story::at(Kind::Atm);
    story.press("1150\n");
    assert!(matches!(story.desk.step(), Step::Amount(_)), "no notes for 150");
    assert!(story.sent.is_empty());
}

#[test]
fn ctl_3_the_pin_is_asked_for_and_a_wrong_one_once_more() {
    let mut story = Story::at(Kind::Pos);
    story.press("14000\nt").answer("70", &[]);
    assert!(matches!(story.desk.step(), Step::Pin(_)));
    story.press("9999\n").answer("55", &[]);
    assert!(matches!(story.desk.step(), Step::Pin(_)));
    story.press("p");
    let What::First(wish) = story.last_what() else { panic!() };
    assert!(wish.pin == Some(TypedPin::new("1234")) && wish.entry == Entry::Tap);
    story.answer("00", &[]);
    let codes: Vec<&str> = story.desk.deals().iter().map(|deal| deal.code.as_str()).collect();
    assert_eq!(codes, ["70", "55", "00"]);
}

#[test]
fn txn_2_without_an_answer_it_is_reversed_until_the_host_has_it() {
    let mut story = Story::at(Kind::Pos);
    story.press("1\nt").fail(true);
    assert_eq!(story.headline(), "NO ANSWER");
    assert!(matches!(story.last_what(), What::Reverse { of: 1, stays: None }));
    story.fail(true);
    story.press("\n1");
    assert_eq!(story.sent.len(), 2, "nothing new before that");
    story.press("q");
    assert!(!story.quits, "it asks first");
    story.press("n");
    story.clock(4);
    assert_eq!(story.sent.len(), 2, "not yet");
    story.clock(11);
    assert!(matches!(story.last_what(), What::Again(2)), "the same reversal as a repeat");
    story.fail(false).clock(60);
    assert!(matches!(story.last_what(), What::Again(2)));
    story.answer("00", &[]);
    assert_eq!(story.desk.deals()[0].fate, Fate::Reversed);
    assert!(!story.desk.is_unsettled() && story.desk.undone().is_empty());
    story.press("1\n");
    assert!(matches!(story.desk.step(), Step::Card));
}

#[test]
fn what_was_not_sent_and_what_moves_nothing_is_not_reversed() {
    let mut story = Story::at(Kind::Pos);
    story.press("1\nt").fail(false);
    assert_eq!(story.headline(), "NOT SENT");
    story.press("\n4t").fail(true);
    assert_eq!((story.headline(), story.sent.len()), ("NO ANSWER", 2));
    assert!(!story.desk.is_unsettled());
}

#[test]
fn sec_2_and_sec_5_an_answer_that_is_not_the_banks_is_reversed() {
    for (arpc, mac, headline) in
        [(Proof::Wrong, Proof::None, "CHIP DECLINES"), (Proof::Right, Proof::Wrong, "WRONG MAC")]
    {
        let mut story = Story::at(Kind::Pos);
        story.press("1\nt").reply("00", &[], Verdict { arpc, mac, scripts: vec![] });
        assert_eq!(story.headline(), headline);
        assert!(matches!(story.last_what(), What::Reverse { of: 1, stays: None }));
    }
}

#[test]
fn notes_that_differ_from_what_was_booked_are_told_to_the_host() {
    for (fault, headline, told) in [
        (Fault::None, "APPROVED", None),
        (Fault::Short, "APPROVED", Some("reverse 1000.00")),
        (Fault::Over, "APPROVED", Some("complete 1400.00")),
        (Fault::Jam, "NO CASH", Some("reverse all")),
        (Fault::ShortUnseen, "APPROVED", None),
    ] {
        let mut story = Story::at(Kind::Atm);
        story.desk.set_fault(fault);
        story.press("11200\nip").answer("00", &[(54, "0040417C000000120000")]);
        assert_eq!(story.headline(), headline, "{fault:?}");
        let what = match story.last_what() {
            What::Reverse { stays: Some(stays), .. } => Some(format!("reverse {stays}")),
            What::Reverse { stays: None, .. } => Some("reverse all".to_owned()),
            What::Complete { amount, .. } => Some(format!("complete {amount}")),
            _ => None,
        };
        assert_eq!(what.as_deref(), told, "{fault:?}");
    }
}

#[test]
fn a_count_finds_what_nobody_noticed_and_tells_the_bank() {
    let mut story = Story::at(Kind::Atm);
    story.desk.set_fault(Fault::ShortUnseen);
    story.press("11200\nip").answer("00", &[]);
    story.press("5");
    let What::CashCount { surplus, shortage } = story.last_what() else { panic!() };
    assert_eq!((surplus.to_string(), shortage.to_string()), ("200.00".into(), "0.00".into()));
    let number = story.sent.last().unwrap().number;
    let outcome = Outcome::Told("the bank has the count".to_owned());
    let report = Report { number, title: "CASH COUNT", sent: None, outcome };
    story.take(Event::Report(Box::new(report)));
    assert_eq!(story.headline(), "COUNTED");
    assert!(story.printed.last().unwrap().contains("200.00 too much"));
    story.press("5");
    let What::CashCount { surplus, .. } = story.last_what() else { panic!() };
    assert!(surplus.is_zero(), "the counters are right now");
}

#[test]
fn agt_3_what_is_left_today_is_remembered_and_offered() {
    let mut story = Story::at(Kind::Agent);
    story.press("116000\nip").answer("61", &[(54, "0044417C000000500000")]);
    assert_eq!(story.headline(), "DECLINED");
    assert_eq!(story.desk.view().device.left_today.as_deref(), Some("5000.00"));
    story.press("1\nip");
    let What::First(wish) = story.last_what() else { panic!() };
    assert_eq!(wish.amount.unwrap().to_string(), "5000.00", "Enter offers what is left");
    story.answer("00", &[]);
    assert_eq!(story.desk.view().device.left_today.as_deref(), Some("at most 0.00"));
    story.take(Event::Key(Key::Right));
    assert_eq!(story.desk.view().device.left_today.as_deref(), Some("? ask: Balance"));
    // A balance at an agent tells it before anything is declined.
    let told = "0001417C0000100000000002417C0000090000000044417C000001230000";
    story.press("3ip").answer("00", &[(54, told)]);
    assert_eq!(story.desk.view().device.left_today.as_deref(), Some("12300.00"));
    let Step::Done(ending) = story.desk.step() else { panic!() };
    assert!(ending.lines.contains(&"Left today: 12300.00".to_owned()), "{ending:?}");
}

#[test]
fn a_new_pin_is_typed_twice_and_never_shown() {
    let mut story = Story::at(Kind::Atm);
    story.press("4i1234\n4321\n4322\n");
    assert!(matches!(story.desk.step(), Step::NewPin { .. }), "not the same");
    story.press("8765\n");
    for shown in [format!("{:?}", story.desk), format!("{:?}", story.desk.view())] {
        assert!(!shown.contains("8765") && !shown.contains("1234"), "{shown}");
    }
    story.press("8765\n");
    let What::First(wish) = story.last_what() else { panic!() };
    assert!(wish.new_pin == Some(TypedPin::new("8765")) && wish.pin == Some(TypedPin::new("1234")));
    story.answer("00", &[]);
    assert_eq!(story.headline(), "APPROVED");
}

#[test]
fn a_preauthorization_is_completed_and_a_purchase_voided() {
    let mut story = Story::at(Kind::Pos);
    story.press("2900\nt").answer("00", &[]);
    story.press("\t\t\tv");
    assert_eq!(story.sent.len(), 1, "a hold is not voided");
    story.press("f850\n");
    let What::Complete { of: 1, amount } = story.last_what() else { panic!() };
    assert_eq!(amount.to_string(), "850.00");
    story.answer("00", &[]);
    assert!(matches!(story.desk.deals()[0].fate, Fate::Completed(_)));
    story.press("\n1\nt").answer("00", &[]).press("\t\t\tv");
    assert!(matches!(story.last_what(), What::Void(3)));
    story.answer("00", &[]);
    assert_eq!(story.desk.deals()[1].fate, Fate::Voided);
}

#[test]
fn txn_1_a_repeat_hands_out_nothing() {
    let mut story = Story::at(Kind::Atm);
    story.press("11000\nip").answer("00", &[]);
    let notes = story.desk.view().notes.unwrap().rows;
    story.press("\t\t\ta");
    assert!(matches!(story.last_what(), What::Again(1)));
    story.answer("00", &[]);
    assert_eq!(story.desk.deals().len(), 1);
    assert_eq!(story.desk.view().notes.unwrap().rows, notes);
}

#[test]
fn an_answer_nobody_waits_for_changes_nothing() {
    let mut story = Story::at(Kind::Pos);
    story.press("1\nt").answer("00", &[]);
    story.report(1, Outcome::Told(String::new()));
    story.report(99, Outcome::Failed(Failure { why: String::new(), may_have_arrived: true }));
    assert_eq!((story.headline(), story.sent.len()), ("APPROVED", 1));
}
