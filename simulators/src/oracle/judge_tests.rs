//! The model by hand: amounts at the edges, order of the checks, what may be and what must.

use super::judge::{Judge, Slack, Verdict};
use super::request::{Act, Pin, Request};
use super::rules::tests::RULES;
use super::rules::{Rules, What};
use super::world::tests::town;
use super::world::{Household, Reply};
use crate::gear::Seals;
use crate::intent::{Fields, Trace};
use crate::load::operation::Operation;
use crate::moment::Zone;
use payment_types::{BusinessDate, DeviceCategory, Mti};

fn rules(more: &str) -> Rules {
    let today = BusinessDate::parse("2026-11-23").unwrap();
    Rules::read(&format!("{RULES}{more}"), today).unwrap()
}

fn ask(act: Act, amount: u64, pin: Pin) -> Request {
    let at = Zone::named("Asia/Bishkek").unwrap().parse("2026-11-23T10:00:00+06:00").unwrap();
    Request {
        operation: Operation::Purchase,
        act,
        household: 0,
        card: 0,
        terminal: 0,
        amount,
        pin,
        mti: Mti::parse("0200").unwrap(),
        fields: Fields::new(),
        seals: Seals::default(),
        trace: Trace::fresh(1, at),
        after: Slack::default(),
    }
}

fn buy(amount: u64) -> Request {
    ask(Act::Debit(What::Purchase), amount, Pin::Right)
}

fn cash(amount: u64) -> Request {
    ask(Act::Debit(What::Cash(DeviceCategory::Agent)), amount, Pin::Right)
}

fn code(code: &str) -> Reply {
    Reply { code: code.into(), ..Reply::default() }
}

fn judge(home: &Household, rules: &Rules, request: &Request, slack: Slack) -> Verdict {
    Judge { rules, home, slack }.verdict(request)
}

/// Judges, and does what the only possible answer does.
fn step(home: &mut Household, rules: &Rules, request: &Request) -> String {
    let verdict = judge(home, rules, request, Slack::default());
    let [only] = verdict.codes.as_slice() else { panic!("{verdict:?}") };
    home.apply(request, &code(only));
    only.clone()
}

#[test]
fn funds_go_to_the_last_tyiyn_and_come_back() {
    let (mut town, _) = town();
    let (home, rules) = (&mut town.households[0], rules(""));
    assert_eq!(step(home, &rules, &buy(1_990_001)), "51");
    assert_eq!(step(home, &rules, &buy(1_990_000)), "00");
    assert_eq!(step(home, &rules, &buy(1)), "51");
    let standing = home.standing.pop().unwrap();
    assert_eq!(step(home, &rules, &ask(Act::Reverse(standing, 90_000), 0, Pin::None)), "00");
    assert_eq!(home.accounts[0].available(), 1_900_000);
    assert_eq!(home.counted[0].amount, 90_000);
    assert_eq!(step(home, &rules, &ask(Act::Credit(What::Refund), 5, Pin::None)), "00");
    assert_eq!(home.accounts[0].available(), 1_900_005);
}

#[test]
fn a_hold_is_set_aside_completed_and_released() {
    let (mut town, _) = town();
    let (home, rules) = (&mut town.households[0], rules(""));
    assert_eq!(step(home, &rules, &ask(Act::Hold, 50_000, Pin::Right)), "00");
    assert_eq!((home.accounts[0].holds, home.accounts[0].balance), (50_000, 2_000_000));
    let hold = home.standing.pop().unwrap();
    step(home, &rules, &ask(Act::Complete(hold), 20_000, Pin::None));
    assert_eq!((home.accounts[0].holds, home.accounts[0].balance), (0, 1_980_000));
    assert_eq!(home.counted[0].amount, 20_000);
}

#[test]
fn the_cap_is_the_holders_and_says_what_is_left() {
    let (mut town, _) = town();
    let (home, rules) = (&mut town.households[0], rules(""));
    assert_eq!(step(home, &rules, &cash(1_400_000)), "00");
    let over = cash(100_050);
    let verdict = judge(home, &rules, &over, Slack::default());
    assert_eq!((verdict.codes.clone(), verdict.cap_left), (vec!["61".into()], Some(100_000)));
    let told = |left: u64| Reply {
        code: "61".into(),
        auth_code: None,
        amounts: Some(format!("0044417C{left:012}")),
        chip: None,
    };
    assert_eq!(verdict.fault_of(&over, &told(100_000)), None);
    assert!(verdict.fault_of(&over, &told(100_050)).unwrap().contains("left of the cap"));
    assert!(verdict.fault_of(&over, &code("61")).unwrap().contains("not told"));
    assert!(verdict.fault_of(&over, &code("00")).unwrap().contains("\"00\""));
    assert_eq!(step(home, &rules, &cash(100_000)), "00");
}

#[test]
fn a_count_limit_asks_after_sums_and_before_funds() {
    let (mut town, _) = town();
    let (home, rules) = (&mut town.households[0], rules(""));
    for _ in 0..40 {
        assert_eq!(step(home, &rules, &buy(100)), "00");
    }
    assert_eq!(step(home, &rules, &buy(100)), "65");
    assert_eq!(step(home, &rules, &buy(9_000_000)), "65");
    let standing = home.standing.pop().unwrap();
    step(home, &rules, &ask(Act::Reverse(standing, 0), 0, Pin::None));
    assert_eq!(step(home, &rules, &buy(100)), "00", "what was taken back does not count");
}

#[test]
fn three_wrong_pins_end_it_and_a_right_one_before_starts_anew() {
    let (mut town, _) = town();
    let (home, rules) = (&mut town.households[0], rules(""));
    let wrong = ask(Act::Debit(What::Purchase), 100, Pin::Wrong);
    let codes = [&wrong, &wrong, &buy(100), &wrong, &wrong, &wrong, &buy(100)];
    let codes = codes.map(|request| step(home, &rules, request));
    assert_eq!(codes, ["55", "55", "00", "55", "55", "75", "75"]);
}

#[test]
fn taps_are_asked_for_the_pin_last() {
    let (mut town, _) = town();
    let (home, rules) = (&mut town.households[0], rules(""));
    let tap = |amount| ask(Act::Debit(What::Tap), amount, Pin::None);
    assert_eq!(step(home, &rules, &tap(300_000)), "00");
    assert_eq!(step(home, &rules, &tap(300_001)), "70");
    assert_eq!(step(home, &rules, &tap(1_700_000)), "51", "no PIN helps there");
    let mut other = tap(100);
    other.card = 1;
    assert_eq!(step(home, &rules, &other), "41");
}

#[test]
fn tiers_count_since_the_last_pin() {
    let edition = "[[edition]]\nrule=\"contactless\"\nname=\"2020-draft\"\nin_force_from=2021-01-01\n\
                   [contactless.tier.low]\ncount_since_pin=2\nsum_since_pin=\"30.00\"\n";
    let (mut town, _) = town();
    let (home, rules) = (&mut town.households[0], rules(edition));
    let tap = |amount| ask(Act::Debit(What::Tap), amount, Pin::None);
    let codes = [tap(1000), tap(1000), tap(1000), buy(100), tap(3000), tap(1)];
    let codes = codes.each_ref().map(|request| step(home, &rules, request));
    assert_eq!(codes, ["00", "00", "70", "00", "00", "70"]);
}

#[test]
fn with_others_on_their_way_several_answers_are_possible() {
    let (town, _) = town();
    let (home, rules) = (&town.households[0], rules(""));
    let slack = Slack { down: 10_000, up: 500, others: 1 };
    let possible = |amount| judge(home, &rules, &buy(amount), slack).codes;
    assert_eq!(possible(1_980_000), ["00"]);
    assert_eq!(possible(1_980_001), ["51", "00"]);
    assert_eq!(possible(1_990_500), ["51", "00"]);
    assert_eq!(possible(1_990_501), ["51"]);
    let balance = ask(Act::Balance, 0, Pin::Right);
    assert_eq!(judge(home, &rules, &balance, slack).balances, None);
    let certain = judge(home, &rules, &balance, Slack::default());
    assert_eq!(certain.balances, Some((2_000_000, 1_990_000)));
}

#[test]
fn what_was_said_before_is_said_again_and_nothing_else() {
    let (town, _) = town();
    let (home, rules) = (&town.households[0], rules(""));
    let first = Reply { auth_code: Some("A".into()), ..code("00") };
    let again = ask(Act::Repeat(first.clone()), 0, Pin::None);
    let verdict = judge(home, &rules, &again, Slack::default());
    assert_eq!(verdict.fault_of(&again, &first), None);
    let other = Reply { auth_code: Some("B".into()), ..code("00") };
    assert!(verdict.fault_of(&again, &other).unwrap().contains("second answer"));
    let changed = judge(home, &rules, &ask(Act::Changed, 0, Pin::None), Slack::default());
    assert_eq!(changed.codes, ["94"]);
}

/// SEC-2 comes after the PIN and before money: a cloned chip with a right PIN is found out however
/// little is asked for, and a wrong PIN is told first.
#[test]
fn a_cloned_chip_is_refused_after_the_pin_and_before_the_money() {
    let (mut town, _) = town();
    let rules = rules("");
    let home = &mut town.households[0];
    let cloned = |amount, pin| Request {
        operation: Operation::ClonedChip,
        ..ask(Act::Debit(What::Purchase), amount, pin)
    };
    assert_eq!(step(home, &rules, &cloned(100, Pin::Wrong)), "55");
    assert_eq!(home.cards[0].tries, 1);
    let before = home.accounts[0].available();
    assert_eq!(step(home, &rules, &cloned(u64::from(u32::MAX), Pin::Right)), "05");
    assert_eq!((home.cards[0].tries, home.accounts[0].available()), (0, before));
}
