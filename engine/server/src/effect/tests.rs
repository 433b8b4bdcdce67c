//! Previews against engines that really had the other rules.

use super::past::{Travel, travel};
use super::preview::{Candidate, Preview, Window, preview};
use crate::config::Config;
use crate::import::import_from;
use crate::offline::Offline;
use crate::progress::Progress;
use authorization::{
    Accepted, CardNumber, Command, Done, Factor, OrderChange, OrderCommand, OrderDraft, OrderKind,
    Outcome, PinFact, Record, Request, STATEMENT, Scratch, SecurityFacts, Signature, State,
};
use journal::Reader;
use limits::Setting;
use payment_types::{
    AcceptorId, AcquirerId, Amount, Currency, EntryMode, Moment, Mti, OriginalDataElements, Pan,
    PosConditionCode, ProcessingCode, Sequence, Stan, TerminalId, WireDateTime,
};
use proptest::prelude::*;
use security::SecurityModule;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::Ordering;

const PANS: [&str; 2] = ["9417000000000016", "9417000000000024"];

const RULES: &str = r#"
version = "base"
[[indicator]]
value = "100.00"
valid_from = 2006-01-01
[[edition]]
rule = "agent_cash"
name = "76/8-2015"
in_force_from = 2015-12-09
[agent_cash]
cap_indicators = 150
[[limit]]
id = "shop-day"
scope = "card"
counts = "purchase"
measure = "amount"
window = "day"
ceiling = "30000.00"
code = "61"
"#;

/// A lower cap at agents and a lower limit in shops.
fn tighter() -> String {
    RULES
        .replace("cap_indicators = 150", "cap_indicators = 60")
        .replace("\"30000.00\"", "\"9000.00\"")
        .replace("\"base\"", "\"tighter\"")
}

fn portfolio() -> String {
    let device = r#"{"type":"terminal","listener":"pos","id":"#;
    let mut lines = vec![
        r#"{"type":"product","id":"elcart","currency":"KGS"}"#.to_owned(),
        r#"{"type":"agent","id":"G1","name":"One"}"#.to_owned(),
        r#"{"type":"merchant","id":"M1","name":"Shop","mcc":"5411","country":"KG"}"#.to_owned(),
        format!(r#"{device}"POS00001","category":"merchant","merchant":"M1"}}"#),
        format!(r#"{device}"AGT00001","category":"agent","agent":"G1"}}"#),
    ];
    for (at, pan) in (1..).zip(PANS) {
        let (money, life) = (r#""balance":"60000.00""#, r#""expiry":"3012","sequence":"01""#);
        let of = format!(r#""customer":"C{at}","product":"elcart","currency":"KGS""#);
        let card = format!(r#""account":"A{at}","holder":"C{at}","pan":"{pan}""#);
        let kind = r#""service_code":"201","status":"active""#;
        lines.push(format!(r#"{{"type":"customer","id":"C{at}"}}"#));
        lines.push(format!(r#"{{"type":"account","id":"A{at}",{of},{money}}}"#));
        lines.push(format!(r#"{{"type":"card","id":"K{at}",{card},{life},{kind}}}"#));
    }
    lines.join("\n")
}

/// What somebody does: at the agent or in the shop, with which card, for how much (tens of soms),
/// and whether it is taken back.
type Act = (bool, bool, u16, bool);

fn request(security: &dyn SecurityModule, stan: u32, (agent, second, tens, _): Act) -> Request {
    let pan = Pan::from_ascii(PANS[usize::from(second)].as_bytes()).unwrap();
    let (code, terminal) = if agent { (10_000, b"AGT00001") } else { (0, b"POS00001") };
    Request {
        mti: Mti::parse("0200").unwrap(),
        processing_code: ProcessingCode::from_number(code).unwrap(),
        card: Some(CardNumber {
            digest: security.pan_digest(&pan),
            masked: pan.masked(),
            leading: pan.leading(),
        }),
        amount: Amount::new(u64::from(tens) * 1000, Currency::KGS),
        cash_back: None,
        surcharge: None,
        sender_told: false,
        stan: Stan::new(stan).unwrap(),
        rrn: None,
        transmission: WireDateTime::default(),
        local: WireDateTime::default(),
        expiry: None,
        entry_mode: EntryMode::from_number(51).unwrap(),
        condition: PosConditionCode::default(),
        acquirer: AcquirerId(417_001),
        forwarding: AcquirerId::default(),
        terminal: TerminalId::new(terminal).unwrap(),
        acceptor: AcceptorId::default(),
        mcc: None,
        authorization_code: None,
        original: None,
        replacement: None,
        extra: None,
        facts: SecurityFacts::of_pin(PinFact::OnlineVerified),
    }
}

fn reversal(original: &Request, stan: u32) -> Request {
    let of = OriginalDataElements {
        mti: original.mti,
        stan: original.stan,
        transmission: original.transmission,
        acquirer: original.acquirer,
        forwarding: original.forwarding,
    };
    Request {
        mti: Mti::parse("0420").unwrap(),
        stan: Stan::new(stan).unwrap(),
        original: Some(of),
        facts: SecurityFacts::default(),
        ..*original
    }
}

/// A bank under [`RULES`], and the sequence of its next record.
fn bank_of(data: &Path) -> (Offline, u64) {
    let mut config = Config::built_in([]).unwrap();
    config.security.test_keys = true;
    config.security.master_key_file = crate::demo::master_key_beside(data);
    let start = crate::clock::parse_rfc3339("2026-11-23T10:00:00+06:00").unwrap();
    let mut bank = Offline::open(&config, data, Some(start)).unwrap_or_else(|_| panic!("opened"));
    let rules = Command::InstallRules { text: RULES.to_owned() };
    assert!(matches!(bank.execute(rules).unwrap(), Outcome::Done(_)));
    let (text, mut progress) = (portfolio(), Progress::silent());
    let source = (Path::new("p.jsonl"), 0);
    import_from(&mut bank, &config, source, text.as_bytes(), &mut progress).unwrap();
    let first = bank.opened.state.last_sequence().0 + 1;
    (bank, first)
}

/// A journal of acts there; gives the sequence of the first act and of the last record.
fn journal_of(data: &Path, acts: &[Act]) -> (u64, u64) {
    let (mut bank, first) = bank_of(data);
    let security = std::sync::Arc::clone(&bank.opened.security);
    let mut stan = 0;
    for act in acts {
        stan += 1;
        let asked = request(security.as_ref(), stan, *act);
        bank.execute(Command::Authorize(asked)).unwrap();
        if act.3 {
            stan += 1;
            bank.execute(Command::Authorize(reversal(&asked, stan))).unwrap();
        }
    }
    bank.commit().unwrap();
    (first, bank.opened.state.last_sequence().0)
}

fn previewed(data: &Path, rules: String, first: u64, last: u64) -> Preview {
    let window = Window { days: 7, from: String::new(), to: String::new(), first, last };
    let candidate = Candidate { order: 1, digest: "d".to_owned(), rules };
    preview(data, &candidate, &window, &Travel::default())
        .unwrap_or_else(|f| panic!("{:?}", f.lines))
}

/// What every record from `first` on gives in an engine that had the recorded rules up to there
/// and others from then on; straight through the core, sequence by sequence.
fn really(data: &Path, rules: &str, first: u64) -> BTreeMap<u64, (Outcome, Outcome)> {
    let (mut state, mut scratch, mut found) = (State::new(), Scratch::new(), BTreeMap::new());
    let mut reader = Reader::open(data, 1).unwrap();
    let mut moment = Moment::default();
    while let Some((sequence, bytes)) = reader.next(u64::MAX).unwrap() {
        let record: Record = authorization::decode_record(bytes).unwrap();
        let mut at = sequence;
        if sequence == first {
            let command = Command::InstallRules { text: rules.to_owned() };
            let accepted = Accepted { moment, idempotency: None, command };
            assert!(matches!(
                state.execute(Sequence(at), &accepted, &mut scratch),
                Outcome::Done(_)
            ));
        }
        if sequence >= first {
            at += 1;
        }
        moment = record.accepted.moment;
        let outcome = state.execute(Sequence(at), &record.accepted, &mut scratch);
        if sequence >= first {
            found.insert(sequence, (record.outcome, outcome));
        }
    }
    found
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    proptest::collection::vec(
        (any::<bool>(), any::<bool>(), 1u16..1200, proptest::bool::weighted(0.2)),
        1..40,
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn the_same_rules_change_nothing(acts in acts(), split in 0usize..40) {
        let data = tempfile::tempdir().unwrap();
        let (first, last) = journal_of(data.path(), &acts);
        let from = (first + split as u64).min(last);
        let found = previewed(data.path(), RULES.to_owned(), from, last);
        let effect = found.effect;
        prop_assert_eq!(effect.decisions, last + 1 - from);
        prop_assert!(effect.by.is_empty() && effect.transactions.is_empty(), "{:?}", effect.by);
        prop_assert_eq!((effect.cards, effect.agents), (0, 0));
    }

    #[test]
    fn a_preview_is_what_an_engine_really_decides(acts in acts(), split in 0usize..40) {
        let data = tempfile::tempdir().unwrap();
        let (first, last) = journal_of(data.path(), &acts);
        let from = (first + split as u64).min(last);
        let effect = previewed(data.path(), tighter(), from, last).effect;
        let mut expected = BTreeMap::new();
        for (sequence, (was, is)) in really(data.path(), &tighter(), from) {
            let (Outcome::Decided(was), Outcome::Decided(is)) = (was, is) else { continue };
            if was.decision.result != is.decision.result {
                expected.insert(sequence.to_string(), is.decision.result.name().to_owned());
            }
        }
        let found: BTreeMap<String, String> = effect
            .transactions
            .iter()
            .map(|affected| (affected.id.clone(), affected.would_be.clone().unwrap().result))
            .collect();
        prop_assert_eq!(&found, &expected);
        let rows: u64 = effect.by.iter().map(|row| row.sum.count).sum();
        prop_assert_eq!(rows, expected.len() as u64);
        let sides = [&effect.would_decline, &effect.would_approve, &effect.would_differ];
        prop_assert_eq!(sides.map(|side| side.count).iter().sum::<u64>(), rows);
    }
}

#[test]
fn a_lower_cap_is_told_with_money_agents_and_both_traces() {
    let data = tempfile::tempdir().unwrap();
    // 5 000 and 4 000 at the agent with the first card, 1 000 in the shop, 6 000 with the second.
    let acts = [
        (true, false, 500, false),
        (true, false, 400, false),
        (false, false, 100, false),
        (true, true, 600, false),
    ];
    let (first, last) = journal_of(data.path(), &acts);
    let found = previewed(data.path(), tighter(), first, last);
    let effect = &found.effect;
    assert_eq!((effect.decisions, effect.would_decline.count), (4, 1));
    assert_eq!(
        effect.would_decline.amounts,
        BTreeMap::from([("KGS".to_owned(), "4000.00".to_owned())])
    );
    assert_eq!((effect.agents, effect.customers, effect.terminals, effect.cards), (1, 1, 1, 1));
    let row = &effect.by[0];
    assert_eq!((&*row.was_code, &*row.would_be_code, &*row.rule), ("00", "61", "AGT-1"));
    assert_eq!(effect.top_agents[0].id, "G1");
    let affected = &effect.transactions[0];
    assert_eq!((affected.card.as_deref(), affected.agent.as_deref()), (Some("K1"), Some("G1")));
    let (was, would_be) = (affected.was.as_ref().unwrap(), affected.would_be.as_ref().unwrap());
    assert!(was.approved && !would_be.approved);
    let cap = |side: &super::compare::Side| {
        let step = side.trace.iter().find(|step| step.rule == "AGT-1").unwrap();
        (step.verdict.clone(), step.used, step.ceiling)
    };
    assert_eq!(cap(was), ("pass".to_owned(), 500_000, 1_500_000));
    assert_eq!(cap(would_be), ("decline".to_owned(), 500_000, 600_000));
    assert_eq!((&*was.rules, &*would_be.rules), ("base", "tighter"));
}

/// An order that is in force at once.
fn order_in_force(bank: &mut Offline, path: &str, to: i64) {
    let changes = vec![OrderChange::new(path, Some(Setting::Whole(to)))];
    let draft = OrderDraft {
        kind: OrderKind::AgentCaps,
        title: "a cap".into(),
        reason: "a test".into(),
        changes,
        effective_at: None,
        guard: None,
    };
    let mut step = |command| match bank.execute(Command::Order(Box::new(command))).unwrap() {
        Outcome::Done(Done::Order(done)) => {
            (done.order, bank.opened.state.orders().get(done.order).unwrap().digest)
        }
        other => panic!("{other:?}"),
    };
    let (order, digest) = step(OrderCommand::Draft { draft, by: "aida".into() });
    let signed = |signer: &str, role: &str| Signature {
        signer: signer.into(),
        roles: vec![role.into()],
        factor: Factor::OneTimeCode { step: 7 },
        digest,
        statement: STATEMENT,
    };
    let (revision, signature) = (1, signed("aida", "operator"));
    step(OrderCommand::Sign { order, revision, signature });
    let signature = signed("bakyt", "checker");
    step(OrderCommand::Approve { order, revision, signature });
    step(OrderCommand::Activate { order });
}

#[test]
fn limits_are_named_by_the_rules_that_an_order_put_in_force_within_the_window() {
    let data = tempfile::tempdir().unwrap();
    let (mut bank, first) = bank_of(data.path());
    let security = std::sync::Arc::clone(&bank.opened.security);
    let pay = |bank: &mut Offline, stan, tens| {
        let asked = request(security.as_ref(), stan, (true, false, tens, false));
        bank.execute(Command::Authorize(asked)).unwrap();
    };
    pay(&mut bank, 1, 400);
    order_in_force(&mut bank, "agent_cash.agent[G1].cap_indicators", 100);
    pay(&mut bank, 2, 500);
    bank.commit().unwrap();
    let last = bank.opened.state.last_sequence().0;
    drop(bank);
    let effect = previewed(data.path(), tighter(), first, last).effect;
    assert_eq!(effect.would_decline.count, 1);
    let was = effect.transactions[0].was.as_ref().unwrap();
    let cap = was.trace.iter().find(|step| step.rule == "AGT-7").unwrap();
    assert_eq!(cap.limit.as_deref(), Some("agent_cash.agent[G1]"));
    assert_eq!((cap.measure.as_deref(), cap.ceiling), (Some("amount"), 1_000_000));
    assert_eq!(was.rules, "order-1");
}

#[test]
fn the_past_is_reached_from_a_snapshot_and_can_be_given_up() {
    let data = tempfile::tempdir().unwrap();
    let acts = [(true, false, 500, false); 3];
    let (first, last) = journal_of(data.path(), &acts);
    let there = |most| travel(data.path(), most, None, &Travel::default());
    let middle = there(first).unwrap_or_else(|_| panic!("reached")).state;
    assert_eq!(middle.last_sequence().0, first);
    let digest = there(last).unwrap_or_else(|_| panic!("reached")).state.digest();
    // As a day's snapshot: the way is shorter, the place is the same.
    crate::snapshots::take(data.path(), &middle);
    let progress = Travel::default();
    let again = travel(data.path(), last, None, &progress).unwrap_or_else(|_| panic!("reached"));
    assert_eq!(again.state.digest(), digest);
    assert_eq!(progress.first.load(Ordering::Relaxed), first + 1);
    assert_eq!(progress.told(), "replayed 2 of 2 records");
    let unwanted = Travel::default();
    unwanted.cancelled.store(true, Ordering::Relaxed);
    assert!(travel(data.path(), last, None, &unwanted).is_err());
}
