//! Change orders: who may do what, what may follow what, and what they do (SIG-1 to SIG-5).
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod common;

use authorization::{
    AccessCommand, AlertKind, Authority, Command, Done, Factor, Guard, Order, OrderChange,
    OrderCommand, OrderDone, OrderDraft, OrderKind, OrderRefusal, OrderStatus, Outcome, Refusal,
    RegisterAct, Risk, Role, RolledBackBy, STATEMENT, Signature, State, Strength,
};
use common::{Bank, CASH, RULES};
use limits::Setting;
use payment_types::{Moment, Timestamp};

const CODE: Factor = Factor::OneTimeCode { step: 7 };
const KEY: Factor = Factor::PersonalKey { key: [1; 32], signature: [[2; 32]; 2] };

fn text(text: &str) -> Option<Setting> {
    Some(text.into())
}

fn draft(kind: OrderKind, changes: &[(&str, Option<Setting>)]) -> OrderDraft {
    let changes = changes.iter().map(|(path, to)| OrderChange::new(*path, to.clone()));
    OrderDraft {
        kind,
        title: "a title".into(),
        reason: "a reason".into(),
        changes: changes.collect(),
        effective_at: None,
        guard: None,
    }
}

fn cap(agent: &str, indicators: i64) -> OrderDraft {
    let path = format!("agent_cash.agent[{agent}].cap_indicators");
    draft(OrderKind::AgentCaps, &[(&path, Some(Setting::Whole(indicators)))])
}

trait Orders {
    fn order(&mut self, command: OrderCommand) -> Result<OrderDone, OrderRefusal>;
    fn written(&mut self, draft: OrderDraft) -> u64;
    fn by(&self, order: u64, signer: &str, factor: Factor) -> Signature;
    fn sign(&mut self, order: u64, factor: Factor) -> Result<OrderDone, OrderRefusal>;
    fn approve(&mut self, order: u64, factor: Factor) -> Result<OrderDone, OrderRefusal>;
    fn in_force(&mut self, draft: OrderDraft, factor: Factor) -> u64;
    fn undo(&mut self, order: u64, factor: Factor) -> Result<OrderDone, OrderRefusal>;
    fn status(&self, order: u64) -> OrderStatus;
    fn get(&self, order: u64) -> &Order;
}

impl Orders for Bank {
    fn order(&mut self, command: OrderCommand) -> Result<OrderDone, OrderRefusal> {
        match self.command(Command::Order(Box::new(command))) {
            Outcome::Done(Done::Order(done)) => Ok(*done),
            Outcome::Refused(Refusal::Order(refusal)) => Err(*refusal),
            other => panic!("{other:?}"),
        }
    }

    fn written(&mut self, draft: OrderDraft) -> u64 {
        self.order(OrderCommand::Draft { draft, by: "aida".into() }).unwrap().order
    }

    fn by(&self, order: u64, signer: &str, factor: Factor) -> Signature {
        let role = if signer == "aida" { "operator" } else { "checker" };
        Signature {
            signer: signer.into(),
            roles: vec![role.into()],
            factor,
            digest: self.get(order).digest,
            statement: STATEMENT,
        }
    }

    fn sign(&mut self, order: u64, factor: Factor) -> Result<OrderDone, OrderRefusal> {
        let (revision, signature) = (self.get(order).revision, self.by(order, "aida", factor));
        self.order(OrderCommand::Sign { order, revision, signature })
    }

    fn approve(&mut self, order: u64, factor: Factor) -> Result<OrderDone, OrderRefusal> {
        let (revision, signature) = (self.get(order).revision, self.by(order, "bakyt", factor));
        self.order(OrderCommand::Approve { order, revision, signature })
    }

    fn in_force(&mut self, draft: OrderDraft, factor: Factor) -> u64 {
        let order = self.written(draft);
        self.sign(order, factor).unwrap();
        self.approve(order, factor).unwrap();
        let done = self.order(OrderCommand::Activate { order }).unwrap();
        assert_eq!(done.status, OrderStatus::Active, "{:?}", done.problems);
        order
    }

    fn undo(&mut self, order: u64, factor: Factor) -> Result<OrderDone, OrderRefusal> {
        let digest = self.get(order).rollback_digest();
        let signature = Signature { digest, ..self.by(order, "bakyt", factor) };
        let by = RolledBackBy::Person(signature);
        self.order(OrderCommand::RollBack { order, by, reason: "wrong".into() })
    }

    fn status(&self, order: u64) -> OrderStatus {
        self.get(order).status
    }

    fn get(&self, order: u64) -> &Order {
        self.state.orders().get(order).unwrap()
    }
}

fn problems(refused: Result<OrderDone, OrderRefusal>) -> Vec<(String, String, String)> {
    let Err(OrderRefusal::Problems(problems)) = refused else { panic!("{refused:?}") };
    let told = problems.into_iter().map(|problem| {
        (problem.path, problem.clause.unwrap_or_default().to_string(), problem.message)
    });
    told.collect()
}

#[test]
fn sig_1_a_lower_cap_is_written_signed_approved_bites_and_is_rolled_back() {
    let mut bank = Bank::new();
    let before = bank.state.rules_text().to_owned();
    let order = bank.written(cap("G1", 100));
    assert_eq!(bank.status(order), OrderStatus::Draft);
    assert_eq!(bank.code("0200", CASH, "AGT00001", "K1", "10000.00"), "00");
    bank.sign(order, CODE).unwrap();
    bank.approve(order, CODE).unwrap();
    assert_eq!(bank.state.rules_text(), before, "approved is not in force");
    bank.order(OrderCommand::Activate { order }).unwrap();
    assert_eq!(bank.state.rules_version(), "order-1");
    // AGT-9: what was counted today stays counted, and is measured against the new cap.
    assert_eq!(bank.code("0200", CASH, "AGT00001", "K1", "0.50"), "61");
    assert_eq!(bank.code("0200", CASH, "AGT00003", "K1", "100.00"), "00", "another agent");
    bank.undo(order, CODE).unwrap();
    assert_eq!(bank.code("0200", CASH, "AGT00001", "K1", "4900.00"), "00");
    assert_eq!(bank.code("0200", CASH, "AGT00001", "K1", "0.50"), "61", "15 000 counted in all");
    assert_eq!(bank.status(order), OrderStatus::RolledBack);
}

#[test]
fn sig_1_the_approver_had_no_hand_in_it() {
    let mut bank = Bank::new();
    let order = bank.written(cap("G1", 100));
    bank.sign(order, CODE).unwrap();
    let mut own = bank.by(order, "aida", CODE);
    own.roles.push("checker".into());
    let refused = bank.order(OrderCommand::Approve { order, revision: 1, signature: own });
    assert_eq!(refused, Err(OrderRefusal::SamePerson { name: "aida".into() }));
    // Who wrote a revision counts as well, also when another one wrote the last.
    let (draft, by) = (cap("G1", 90), "bakyt".into());
    bank.order(OrderCommand::Revise { order, revision: 1, draft, by }).unwrap();
    let (draft, by) = (cap("G1", 80), "aida".into());
    bank.order(OrderCommand::Revise { order, revision: 2, draft, by }).unwrap();
    assert!(bank.get(order).signatures.is_empty(), "signatures fall with a revision");
    bank.sign(order, CODE).unwrap();
    let refused = bank.approve(order, CODE);
    assert_eq!(refused, Err(OrderRefusal::SamePerson { name: "bakyt".into() }));
    let (by, reason) = ("bakyt".into(), "no".into());
    let refused = bank.order(OrderCommand::Reject { order, revision: 3, by, reason });
    assert_eq!(refused, Err(OrderRefusal::SamePerson { name: "bakyt".into() }));
    // The maker of a revision is who signs it.
    let mut other = bank.by(order, "bakyt", CODE);
    other.roles.push("operator".into());
    let (draft, by) = (cap("G1", 70), "aida".into());
    bank.order(OrderCommand::Revise { order, revision: 3, draft, by }).unwrap();
    let refused = bank.order(OrderCommand::Sign { order, revision: 4, signature: other });
    assert_eq!(refused, Err(OrderRefusal::NotTheMaker { maker: "aida".into() }));
}

#[test]
fn sig_1_a_revision_that_somebody_changed_is_not_signed_or_overwritten() {
    let mut bank = Bank::new();
    let order = bank.written(cap("G1", 100));
    let signature = bank.by(order, "aida", CODE);
    let (draft, by) = (cap("G1", 90), "aida".into());
    bank.order(OrderCommand::Revise { order, revision: 1, draft, by }).unwrap();
    let (draft, by) = (cap("G1", 80), "chynara".into());
    let refused = bank.order(OrderCommand::Revise { order, revision: 1, draft, by });
    let at = bank.now.at;
    let revised = OrderRefusal::Revised { revision: 2, by: "aida".into(), at };
    assert_eq!(refused, Err(revised.clone()), "who and what");
    let refused =
        bank.order(OrderCommand::Sign { order, revision: 1, signature: signature.clone() });
    assert_eq!(refused, Err(revised));
    let refused = bank.order(OrderCommand::Sign { order, revision: 2, signature });
    assert_eq!(refused, Err(OrderRefusal::DigestDiffers), "what was signed is another content");
}

#[test]
fn sig_2_risk_asks_for_the_strengthened_signature() {
    let mut bank = Bank::new();
    let fee = [("id", "f"), ("operation", "agent_cash"), ("percent", "1.0"), ("fixed", "0.00")];
    let fee = fee.map(|(key, value)| (key.to_owned(), Setting::from(value)));
    let fee = Setting::Table(fee.into());
    let order = bank.written(draft(OrderKind::Fees, &[("fee[f]", Some(fee))]));
    let needs = Strength::Strengthened;
    assert_eq!(bank.sign(order, CODE), Err(OrderRefusal::TooWeak { needs }));
    let token = Factor::ServiceToken { test: false };
    assert_eq!(bank.sign(order, token), Err(OrderRefusal::TooWeak { needs }));
    bank.sign(order, KEY).unwrap();
    assert_eq!(bank.approve(order, CODE), Err(OrderRefusal::TooWeak { needs }));
    bank.approve(order, KEY).unwrap();
    // The bank may hold a kind for riskier than the least, and not for less risky.
    let path = "orders.risk.agent_caps";
    bank.in_force(draft(OrderKind::Rules, &[(path, text("high"))]), KEY);
    let order = bank.written(cap("G1", 100));
    assert_eq!(bank.sign(order, CODE), Err(OrderRefusal::TooWeak { needs }));
    let lower = draft(OrderKind::Rules, &[("orders.risk.fees", text("low"))]);
    let told = problems(bank.order(OrderCommand::Draft { draft: lower, by: "aida".into() }));
    assert_eq!((told[0].0.as_str(), told[0].1.as_str()), ("orders.risk.fees", "SIG-2"));
    let mut unconfirmed = bank.by(order, "aida", KEY);
    unconfirmed.statement = 0;
    let refused = bank.order(OrderCommand::Sign { order, revision: 1, signature: unconfirmed });
    assert_eq!(refused, Err(OrderRefusal::StatementNotConfirmed));
}

#[test]
fn every_kind_has_the_same_risk_here_and_in_the_rule_set() {
    let names = OrderKind::ALL.map(|kind| (kind.name(), kind.least_risk() as usize));
    assert_eq!(names, limits::ORDER_KINDS);
}

#[test]
fn what_would_loosen_the_regulation_is_refused_when_entered_with_all_that_is_wrong() {
    let mut bank = Bank::new();
    let wrong = draft(
        OrderKind::AgentCaps,
        &[
            ("agent_cash.agent[G1].cap_indicators", Some(Setting::Whole(151))),
            ("agent_cash.agent[G9].cap_indicators", Some(Setting::Whole(100))),
            ("agent_cash.lower[agent@G2].cap_indicators", Some(Setting::Whole(200))),
        ],
    );
    let told = problems(bank.order(OrderCommand::Draft { draft: wrong, by: "aida".into() }));
    let paths: Vec<&str> = told.iter().map(|(path, ..)| path.as_str()).collect();
    let expected =
        ["agent_cash.agent[G1].cap_indicators", "agent_cash.lower[agent@G2].cap_indicators"];
    assert_eq!(paths, expected, "{told:?}");
    assert!(told.iter().all(|(_, clause, _)| clause == "AGT-7, 004 §15-1"), "{told:?}");
    let unknown = bank.order(OrderCommand::Draft { draft: cap("G9", 100), by: "aida".into() });
    assert!(problems(unknown)[0].2.contains("G9"), "an agent that is not there");
    assert_eq!(bank.state.orders().count(), 0, "nothing was written");
    assert!(bank.state.orders().register().is_empty());
}

#[test]
fn paths_are_of_their_kind_and_each_is_changed_once() {
    let mut bank = Bank::new();
    let mut refused = |kind, changes: &[(&str, Option<Setting>)]| {
        let draft = draft(kind, changes);
        problems(bank.order(OrderCommand::Draft { draft, by: "aida".into() })).len()
    };
    let whole = |number| Some(Setting::Whole(number));
    assert_eq!(refused(OrderKind::Limits, &[("agent_cash.cap_indicators", whole(100))]), 1);
    assert_eq!(refused(OrderKind::Rules, &[("version", text("mine"))]), 1);
    assert_eq!(refused(OrderKind::AgentCaps, &[("agent_cash.cap_indicators", whole(150))]), 1);
    assert_eq!(refused(OrderKind::AgentCaps, &[]), 1);
    assert_eq!(refused(OrderKind::OverdraftPolicy, &[("technical_overdraft.block", None)]), 1);
    let twice =
        [("agent_cash.agent[G1].cap_indicators", whole(100)), ("agent_cash.agent[G1]", None)];
    assert_eq!(refused(OrderKind::AgentCaps, &twice), 1);
    assert_eq!(refused(OrderKind::Limits, &[("limit[", text("x"))]), 1);
}

#[test]
fn a_scheduled_order_waits_for_its_moment_and_is_not_due_before() {
    let mut bank = Bank::new();
    let at = Timestamp(bank.now.at.0 + 60_000);
    let order = bank.written(OrderDraft { effective_at: Some(at), ..cap("G1", 100) });
    bank.sign(order, CODE).unwrap();
    assert_eq!(bank.approve(order, CODE).unwrap().status, OrderStatus::Scheduled);
    assert_eq!(bank.state.orders().next_due(), Some((at, order)));
    assert_eq!(bank.state.orders().due(bank.now.at), None);
    assert_eq!(bank.order(OrderCommand::Activate { order }), Err(OrderRefusal::NotDue));
    bank.clock("10:01:00");
    assert_eq!(bank.state.orders().due(bank.now.at), Some(order));
    assert_eq!(bank.order(OrderCommand::Activate { order }).unwrap().status, OrderStatus::Active);
    let again = bank.order(OrderCommand::Activate { order });
    assert_eq!(again, Err(OrderRefusal::Standing { status: OrderStatus::Active }));
    let past = OrderDraft { effective_at: Some(at), ..cap("G2", 100) };
    bank.clock("10:02:00");
    let told = problems(bank.order(OrderCommand::Draft { draft: past, by: "aida".into() }));
    assert_eq!(told[0].0, "effective_at");
}

#[test]
fn an_order_that_another_one_overtook_is_refused_or_fails_and_leaves_the_rules() {
    let mut bank = Bank::new();
    let slow = bank.written(cap("G1", 100));
    let waiting = OrderDraft { effective_at: Some(Timestamp(bank.now.at.0 + 1)), ..cap("G1", 90) };
    let waiting = bank.written(waiting);
    bank.sign(waiting, CODE).unwrap();
    bank.approve(waiting, CODE).unwrap();
    let quick = bank.in_force(cap("G1", 80), CODE);
    let told = problems(bank.sign(slow, CODE));
    assert!(told[0].2.contains(&format!("order {quick} changed it")), "{told:?}");
    bank.clock("10:00:01");
    let done = bank.order(OrderCommand::Activate { order: waiting }).unwrap();
    assert_eq!(done.status, OrderStatus::Failed);
    assert!(done.problems[0].message.contains(&format!("order {quick}")), "{done:?}");
    assert_eq!(bank.state.rules_version(), format!("order-{quick}"), "the old rules stay");
    assert_eq!(bank.state.orders().next_due(), None, "it is not tried again");
}

#[test]
fn a_later_order_supersedes_and_must_be_rolled_back_first() {
    let mut bank = Bank::new();
    let start = bank.state.rules_text().to_owned();
    let first = bank.in_force(cap("G1", 100), CODE);
    let other = bank.in_force(cap("G2", 120), CODE);
    let second = bank.in_force(cap("G1", 90), CODE);
    assert_eq!(bank.status(first), OrderStatus::Superseded);
    assert_eq!(bank.get(first).superseded_by, Some(second));
    assert_eq!(bank.status(other), OrderStatus::Active);
    let Err(OrderRefusal::ChangedSince { order, .. }) = bank.undo(first, CODE) else { panic!() };
    assert_eq!(order, second);
    bank.undo(second, CODE).unwrap();
    assert_eq!(bank.status(first), OrderStatus::Active, "in force again");
    let g1 = "AGT00001";
    assert_eq!(bank.code("0200", CASH, g1, "K1", "10000.00"), "00");
    assert_eq!(bank.code("0200", CASH, g1, "K1", "0.50"), "61");
    bank.undo(other, CODE).unwrap();
    bank.undo(first, CODE).unwrap();
    let tree = |text: &str| {
        let text: String = text.lines().filter(|line| !line.starts_with("version")).collect();
        text.replace(' ', "")
    };
    let now = limits::RuleText::parse(bank.state.rules_text()).unwrap().text();
    let was = limits::RuleText::parse(&start).unwrap().text();
    assert_eq!(tree(&now), tree(&was), "all undone is all as it was");
}

#[test]
fn a_guard_undoes_only_what_has_one() {
    let mut bank = Bank::new();
    let plain = bank.in_force(cap("G1", 100), CODE);
    let (by, reason) = (RolledBackBy::Guard, "12 % declined");
    let undo = |order| OrderCommand::RollBack { order, by: by.clone(), reason: reason.into() };
    assert!(bank.order(undo(plain)).is_err());
    let guard = Guard { minutes: 5, decline_percent: Some(10), code: None, code_percent: None };
    let guarded = OrderDraft { guard: Some(guard), ..cap("G2", 100) };
    let guarded = bank.in_force(guarded, CODE);
    assert_eq!(bank.order(undo(guarded)).unwrap().status, OrderStatus::RolledBack);
    assert_eq!(bank.get(guarded).ended.as_ref().unwrap().by, "guard");
    assert!(bank.state.users().alerts().next().is_none(), "it did what it is for");
    let none = Guard { minutes: 5, decline_percent: None, code: None, code_percent: None };
    let draft = OrderDraft { guard: Some(none), ..cap("G2", 100) };
    assert_eq!(problems(bank.order(OrderCommand::Draft { draft, by: "a".into() }))[0].0, "guard");
}

/// SIG-1: a later order stands in the guard's way. Whoever must know is told until he looked.
#[test]
fn a_guard_that_can_do_nothing_leaves_an_alert_and_a_mark_on_its_order() {
    let mut bank = Bank::new();
    let guard = Guard { minutes: 5, decline_percent: Some(10), code: None, code_percent: None };
    let [g1, g2] = ["G1", "G2"].map(|agent| format!("agent_cash.agent[{agent}].cap_indicators"));
    let to = || Some(Setting::Whole(100));
    let both = draft(OrderKind::AgentCaps, &[(&g1, to()), (&g2, to())]);
    let guarded = bank.in_force(OrderDraft { guard: Some(guard), ..both }, CODE);
    let plain = bank.in_force(cap("G1", 90), CODE);
    let reason = "12 % declined";
    let by = RolledBackBy::Guard;
    let undo = OrderCommand::RollBack { order: guarded, by, reason: reason.into() };
    assert!(matches!(bank.order(undo), Err(OrderRefusal::ChangedSince { .. })));
    let stands = |order| OrderCommand::GuardStands { order, reason: reason.into() };
    assert!(bank.order(stands(plain)).is_err(), "it has no guard");
    let done = bank.order(stands(guarded)).unwrap();
    assert_eq!((done.status, done.entries[0].act), (OrderStatus::Active, RegisterAct::GuardStands));
    assert_eq!(bank.get(guarded).guard_stands.as_ref().unwrap().reason, reason);
    assert!(bank.order(stands(guarded)).is_err(), "told once");
    let alerts: Vec<_> = bank.state.users().alerts().map(|a| (a.kind, a.order)).collect();
    assert_eq!(alerts, [(AlertKind::GuardStands, Some(guarded))]);
}

/// A person was faster than the guard: the order does not stand, so nobody is told that it does.
#[test]
fn an_order_that_was_undone_does_not_stand_against_its_guard() {
    let mut bank = Bank::new();
    let guard = Guard { minutes: 5, decline_percent: Some(10), code: None, code_percent: None };
    let order = bank.in_force(OrderDraft { guard: Some(guard), ..cap("G1", 100) }, CODE);
    bank.undo(order, CODE).unwrap();
    let (by, reason) = (RolledBackBy::Guard, "12 % declined");
    let undone = |told| told == Err(OrderRefusal::Standing { status: OrderStatus::RolledBack });
    assert!(undone(bank.order(OrderCommand::RollBack { order, by, reason: reason.into() })));
    assert!(undone(bank.order(OrderCommand::GuardStands { order, reason: reason.into() })));
    assert!(bank.state.users().alerts().next().is_none());
}

#[test]
fn sig_5_an_overdraft_granted_remotely_has_ceilings_by_the_signature() {
    let mut bank = Bank::new();
    let path = "account[A1].overdraft_limit";
    let remote = |amount: &str| draft(OrderKind::OverdraftLimits, &[(path, text(amount))]);
    let order = bank.written(remote("15000.01"));
    let above = |most| OrderRefusal::AboveRemoteCeiling { account: "A1".into(), most };
    assert_eq!(bank.sign(order, CODE), Err(above(1_500_000)));
    let test = Factor::ServiceToken { test: true };
    assert_eq!(bank.sign(order, test), Err(above(1_500_000)), "a token is no stronger");
    bank.sign(order, KEY).unwrap();
    assert_eq!(bank.approve(order, CODE), Err(above(1_500_000)), "the weaker of the two counts");
    bank.approve(order, KEY).unwrap();
    bank.order(OrderCommand::Activate { order }).unwrap();
    assert_eq!(bank.available("A1"), "40000.01");
    let told =
        problems(bank.order(OrderCommand::Draft { draft: remote("150000.01"), by: "aida".into() }));
    assert_eq!(told[0].1, "SIG-5, 002 §34-3");
    let branch = [("limit", "200000.00"), ("channel", "branch"), ("until", "2027-01-01")];
    let branch = branch.map(|(key, value)| (key.to_owned(), Setting::from(value)));
    let branch = Some(Setting::Table(branch.into()));
    let at_branch = bank.in_force(draft(OrderKind::OverdraftLimits, &[(path, branch)]), CODE);
    assert_eq!(bank.available("A1"), "225000.00");
    bank.undo(at_branch, CODE).unwrap();
    assert_eq!(bank.available("A1"), "40000.01", "as it was agreed before");
    let exact = bank.in_force(remote("15000.00"), CODE);
    bank.undo(exact, CODE).unwrap();
    bank.undo(order, CODE).unwrap();
    assert_eq!(bank.available("A1"), "25000.00");
}

#[test]
fn blk_1_many_cards_are_blocked_by_one_order() {
    let mut bank = Bank::new();
    let on = Some(Setting::Flag(true));
    let changes =
        ["K1", "K2", "K4"].map(|card| (format!("card[{card}].block.suspected_fraud"), on.clone()));
    let changes: Vec<_> = changes.iter().map(|(path, to)| (path.as_str(), to.clone())).collect();
    let order = bank.in_force(draft(OrderKind::CardBlocks, &changes), CODE);
    for card in ["K1", "K2", "K4"] {
        assert_eq!(bank.code("0200", 0, "POS00001", card, "1.00"), "59", "{card}");
    }
    bank.undo(order, CODE).unwrap();
    assert_eq!(bank.code("0200", 0, "POS00001", "K1", "1.00"), "00");
    let unknown = draft(OrderKind::CardBlocks, &[("card[K99].block.lost", on.clone())]);
    problems(bank.order(OrderCommand::Draft { draft: unknown, by: "aida".into() }));
    let lost = bank.in_force(draft(OrderKind::CardBlocks, &[("card[K2].block.lost", on)]), CODE);
    let told = problems(bank.undo(lost, CODE));
    assert_eq!(told[0].1, "BLK-2", "nobody lifts lost");
}

#[test]
fn a_whole_rule_set_is_put_in_force_and_taken_back() {
    let mut bank = Bank::new();
    let text_of = RULES.replace("cap_indicators = 150", "cap_indicators = 50");
    let order = bank.in_force(draft(OrderKind::Rules, &[("rules", text(&text_of))]), KEY);
    assert_eq!(bank.code("0200", CASH, "AGT00001", "K1", "5000.50"), "61");
    bank.undo(order, KEY).unwrap();
    assert_eq!(bank.code("0200", CASH, "AGT00001", "K1", "5000.50"), "00");
    let broken = draft(OrderKind::Rules, &[("rules", text("version = 3\n[limit]\n"))]);
    let told = problems(bank.order(OrderCommand::Draft { draft: broken, by: "aida".into() }));
    assert!(!told.is_empty());
}

#[test]
fn sig_3_the_register_is_chained_and_in_snapshots_and_a_replay_gives_the_same() {
    let mut bank = Bank::new();
    let order = bank.in_force(cap("G1", 100), CODE);
    bank.undo(order, CODE).unwrap();
    let register = bank.state.orders().register();
    let acts: Vec<RegisterAct> = register.entries().map(|entry| entry.act).collect();
    use RegisterAct as A;
    assert_eq!(acts, [A::Drafted, A::Signed, A::Approved, A::Activated, A::RolledBack]);
    assert_eq!(register.verify(), Ok(()));
    let first = register.entries().next().unwrap();
    assert_eq!(authorization::sha256(first.json().as_bytes()), first.hash);
    let content = first.content.as_deref().unwrap();
    assert_eq!(authorization::sha256(content.as_bytes()), bank.get(order).digest);
    let mut bytes = Vec::new();
    bank.state.write_snapshot(&mut bytes).unwrap();
    let read = State::read_snapshot(&mut bytes.as_slice()).unwrap();
    assert_eq!(read.digest(), bank.state.digest());
    assert_eq!(read.orders().register().head(), register.head());
    assert_eq!(read.orders().get(order), bank.state.orders().get(order));
}

#[test]
fn agt_7_the_trace_says_whose_lower_cap_it_was() {
    let mut bank = Bank::new();
    bank.in_force(cap("G1", 100), CODE);
    let traced = |bank: &mut Bank, terminal| {
        bank.new_message(common::message("0200", CASH, terminal, "K1", "10.00"));
        let entries = bank.scratch.trace().iter();
        let of_cap = entries.filter(|entry| entry.rule == authorization::RuleId::Agt7);
        of_cap.map(|entry| (entry.limit, entry.ceiling)).collect::<Vec<_>>()
    };
    assert_eq!(traced(&mut bank, "AGT00001"), [(Some(0), 1_000_000)]);
    assert_eq!(traced(&mut bank, "AGT00003"), []);
    let paths: Vec<String> = bank.state.rules().lower_cap_paths().collect();
    assert_eq!(paths, ["agent_cash.agent[G1]"]);
}

/// Whatever people do in whatever order: what is in force was approved by two, every refusal leaves
/// all as it was, the rule set is the one that the orders in force make, and undoing all of them
/// brings the first one back.
#[test]
fn sig_1_no_history_of_steps_gets_around_the_second_person() {
    let mut random = 0x9E37_79B9_7F4A_7C15_u64;
    let mut next = move |most: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random % most
    };
    for _ in 0..60 {
        let mut bank = Bank::new();
        let first = limits::RuleText::parse(bank.state.rules_text()).unwrap();
        for _ in 0..60 {
            bank.now.at = Timestamp(bank.now.at.0 + 1000);
            step(&mut bank, &mut next);
            assert_eq!(bank.state.orders().register().verify(), Ok(()));
            for order in bank.state.orders().iter().filter(|order| order.activated.is_some()) {
                let by = |role| &order.signature(role).unwrap().signature;
                use authorization::SignedAs::{Checker, Maker};
                assert_ne!(by(Maker).signer, by(Checker).signer);
                assert!(!order.authors.contains(&by(Checker).signer));
                assert!(by(Maker).digest == order.digest && by(Checker).digest == order.digest);
                assert_eq!(order.digest, order.content_digest());
            }
        }
        undo_all(&mut bank);
        let mut now = limits::RuleText::parse(bank.state.rules_text()).unwrap();
        let version = limits::RulePath::parse("version").unwrap();
        let base = first.get(&version).unwrap().0;
        now.set(&version, Some(&base), None).unwrap();
        assert_eq!(now, first);
    }
}

fn undo_all(bank: &mut Bank) {
    loop {
        let active: Vec<u64> = bank
            .state
            .orders()
            .iter()
            .filter(|order| matches!(order.status, OrderStatus::Active | OrderStatus::Superseded))
            .map(|order| order.id)
            .collect();
        if active.is_empty() {
            return;
        }
        let undone = active.iter().filter(|order| bank.undo(**order, KEY).is_ok()).count();
        assert!(undone > 0, "one of {active:?} can always be undone");
    }
}

/// One step of somebody, right or wrong.
fn step(bank: &mut Bank, next: &mut impl FnMut(u64) -> u64) {
    let people = ["aida", "bakyt", "chynara"];
    let who = people[usize::try_from(next(3)).unwrap()];
    let order = next(bank.state.orders().count() + 1) + 1;
    let found = bank.state.orders().get(order);
    let revision = found.map_or(1, |order| order.revision - u32::from(next(8) == 0));
    let digest = found.map_or([0; 32], |order| order.digest);
    let undo = found.map_or([0; 32], |order| order.rollback_digest());
    let signature = Signature {
        signer: who.into(),
        roles: vec!["operator".into(), "checker".into()],
        factor: if next(4) == 0 { CODE } else { KEY },
        digest: if next(8) == 0 { [0; 32] } else { digest },
        statement: STATEMENT,
    };
    let mut draft = cap(
        ["G1", "G2"][usize::try_from(next(2)).unwrap()],
        50 + i64::try_from(next(120)).unwrap(),
    );
    draft.effective_at = (next(3) == 0).then(|| Timestamp(bank.now.at.0 + 3000));
    let (by, reason) = (who.into(), "so".into());
    let before = bank.state.rules_text().to_owned();
    let done = bank.order(match next(9) {
        0 | 1 => OrderCommand::Draft { draft, by },
        2 => OrderCommand::Revise { order, revision, draft, by },
        3 | 4 => OrderCommand::Sign { order, revision, signature },
        5 | 6 => OrderCommand::Approve { order, revision, signature },
        7 => match next(3) {
            0 => OrderCommand::Reject { order, revision, by, reason },
            1 => OrderCommand::Withdraw { order, by, reason },
            _ => {
                let by = RolledBackBy::Person(Signature { digest: undo, ..signature });
                OrderCommand::RollBack { order, by, reason }
            }
        },
        _ => OrderCommand::Activate { order },
    });
    let changed = bank.state.rules_text() != before;
    assert_eq!(changed, done.is_ok_and(|done| done.rules.is_some()));
}

fn undone_by(
    bank: &mut Bank,
    order: u64,
    signer: &str,
    roles: &[&str],
) -> Result<OrderDone, OrderRefusal> {
    let signature = Signature {
        signer: signer.into(),
        roles: roles.iter().map(|role| (*role).into()).collect(),
        factor: KEY,
        digest: bank.get(order).rollback_digest(),
        statement: STATEMENT,
    };
    let by = RolledBackBy::Person(signature);
    bank.order(OrderCommand::RollBack { order, by, reason: "wrong".into() })
}

fn user(roles: &[&str], active: bool) -> Option<Setting> {
    let roles = roles.iter().map(|role| Setting::from(*role)).collect();
    let table = [("roles", Setting::List(roles)), ("active", Setting::Flag(active))];
    Some(Setting::Table(table.map(|(key, value)| (key.to_owned(), value)).into()))
}

fn officer(bank: &mut Bank, command: AccessCommand) {
    let done = bank.command(Command::Access(Box::new(command)));
    assert!(matches!(done, Outcome::Done(_)), "{done:?}");
}

fn named_users() -> Bank {
    let mut bank = Bank::new();
    for (name, role) in
        [("chynara", Role::SecurityOfficer), ("bakyt", Role::Checker), ("daniyar", Role::Privacy)]
    {
        let (user, by, password) = (name.into(), "root".into(), b"sealed".to_vec());
        let (roles, authority) = ([role].into_iter().collect(), Authority::TestMode);
        let temporary = true;
        let command = AccessCommand::AddUser { user, roles, password, temporary, authority, by };
        officer(&mut bank, command);
    }
    bank
}

#[test]
fn sig_1_rights_are_given_back_by_a_checker_who_is_neither_author_nor_the_user() {
    let mut bank = named_users();
    let takes = draft(OrderKind::Users, &[("user[daniyar]", None)]);
    let order = bank.in_force(takes, KEY);
    let active = |bank: &Bank| bank.state.users().get("daniyar").unwrap().active;
    assert!(!active(&bank));
    let all = ["operator", "checker"];
    let own = undone_by(&mut bank, order, "daniyar", &all);
    assert_eq!(own, Err(OrderRefusal::AboutSigner { name: "daniyar".into() }));
    let author = undone_by(&mut bank, order, "aida", &all);
    assert_eq!(author, Err(OrderRefusal::SamePerson { name: "aida".into() }));
    let operator = undone_by(&mut bank, order, "elnura", &["operator"]);
    assert_eq!(operator, Err(OrderRefusal::MissingRole { role: "checker".into() }));
    assert!(!active(&bank));
    undone_by(&mut bank, order, "elnura", &["checker"]).unwrap();
    assert!(active(&bank));
}

#[test]
fn sig_1_nobody_decides_about_his_own_rights() {
    let mut bank = named_users();
    let takes = draft(OrderKind::Users, &[("user[daniyar]", user(&["privacy", "checker"], true))]);
    let order = bank.written(takes);
    bank.sign(order, KEY).unwrap();
    let own = || Err(OrderRefusal::AboutSigner { name: "daniyar".into() });
    let signature = Signature {
        signer: "daniyar".into(),
        roles: vec!["checker".into()],
        ..bank.by(order, "bakyt", KEY)
    };
    let approve = OrderCommand::Approve { order, revision: 1, signature };
    let told = bank.state.would_take(Moment::default(), &approve);
    assert_eq!((told, bank.order(approve)), (own().map(|_: OrderDone| ()), own()));
    let (by, reason) = ("daniyar", "no");
    let reject = OrderCommand::Reject { order, revision: 1, by: by.into(), reason: reason.into() };
    assert_eq!(bank.order(reject), own());
    let withdraw = OrderCommand::Withdraw { order, by: by.into(), reason: reason.into() };
    assert_eq!(bank.order(withdraw), own());
    let done = bank.approve(order, KEY).unwrap();
    assert_eq!(done.users, ["daniyar"]);
}

#[test]
fn sig_1_an_order_leaves_somebody_to_approve_the_next_one() {
    let mut bank = named_users();
    let by = || "aida".into();
    let alone = draft(OrderKind::Users, &[("user[bakyt]", None)]);
    let told = problems(bank.order(OrderCommand::Draft { draft: alone, by: by() }));
    assert_eq!((told[0].0.as_str(), told[0].1.as_str()), ("user[bakyt]", "SIG-1, SIG-4"));
    assert!(told[0].2.contains("nobody could approve orders"), "{told:?}");
    let officer = draft(OrderKind::Users, &[("user[chynara]", user(&["auditor"], true))]);
    let told = problems(bank.order(OrderCommand::Draft { draft: officer, by: by() }));
    assert!(told[0].2.contains("nobody could manage users"), "{told:?}");
    // Who goes and who comes in his place may stand in one order, in whatever sequence.
    let changes = [("user[bakyt]", None), ("user[daniyar]", user(&["checker"], true))];
    let order = bank.written(draft(OrderKind::Users, &changes));
    bank.sign(order, KEY).unwrap();
    let signature = bank.by(order, "elnura", KEY);
    bank.order(OrderCommand::Approve { order, revision: 1, signature }).unwrap();
    bank.order(OrderCommand::Activate { order }).unwrap();
    assert_eq!(bank.status(order), OrderStatus::Active);
    assert!(bank.state.users().can_order());
    // Undoing it brings the one back with the other's leave.
    undone_by(&mut bank, order, "elnura", &["checker"]).unwrap();
    assert!(bank.state.users().get("bakyt").unwrap().active);
    // What changed since an order was written is looked at again when it takes effect.
    let mut bank = named_users();
    let swap = draft(OrderKind::Users, &[("user[elnura]", user(&["checker"], true))]);
    let other = bank.in_force(swap, KEY);
    let leaves = bank.written(draft(OrderKind::Users, &[("user[bakyt]", None)]));
    bank.sign(leaves, KEY).unwrap();
    undone_by(&mut bank, other, "elmira", &["checker"]).unwrap();
    let (revision, signature) = (1, bank.by(leaves, "elnura", KEY));
    let approved = bank.order(OrderCommand::Approve { order: leaves, revision, signature });
    let told = problems(approved);
    assert!(told[0].2.contains("nobody could approve orders"), "{told:?}");
    assert!(bank.state.users().get("bakyt").unwrap().active);
}

#[test]
fn sig_1_what_was_changed_by_hand_since_is_not_undone() {
    let mut bank = named_users();
    let gives = draft(OrderKind::Users, &[("user[daniyar]", user(&["privacy", "auditor"], true))]);
    let gave = bank.in_force(gives, KEY);
    let takes = draft(OrderKind::Users, &[("user[daniyar]", user(&["auditor"], true))]);
    let took = bank.in_force(takes, KEY);
    // An officer takes the rest away at once: undoing the order would give all of it back.
    let (user, by, authority) = ("daniyar".into(), "chynara".into(), Authority::Officer);
    officer(&mut bank, AccessCommand::SetActive { user, active: false, authority, by });
    let refused = undone_by(&mut bank, took, "bakyt", &["checker"]);
    let Err(OrderRefusal::StandsOtherwise { path, now }) = refused else { panic!("{refused:?}") };
    assert_eq!((path.as_str(), now.contains("false")), ("user[daniyar]", true), "{now}");
    assert!(!bank.state.users().get("daniyar").unwrap().active);
    assert!(matches!(
        undone_by(&mut bank, gave, "bakyt", &["checker"]),
        Err(OrderRefusal::ChangedSince { .. })
    ));
    // The same of a user who may log in no more: his roles fell meanwhile.
    let mut bank = named_users();
    let order = bank.in_force(draft(OrderKind::Users, &[("user[daniyar]", None)]), KEY);
    let roles = [Role::Auditor].into_iter().collect();
    let (user, by, authority) = ("daniyar".into(), "chynara".into(), Authority::TestMode);
    officer(&mut bank, AccessCommand::SetRoles { user, roles, authority, by });
    let refused = undone_by(&mut bank, order, "bakyt", &["checker"]);
    assert!(matches!(refused, Err(OrderRefusal::StandsOtherwise { .. })), "{refused:?}");
}

#[test]
fn sig_1_a_rule_that_was_put_in_force_without_an_order_is_not_written_over() {
    let mut bank = Bank::new();
    let order = bank.in_force(cap("G1", 100), CODE);
    let now = bank.state.rules_text().replace("cap_indicators = 100", "cap_indicators = 60");
    let put = bank.command(Command::InstallRules { text: now });
    assert!(matches!(put, Outcome::Done(_)), "{put:?}");
    let refused = bank.undo(order, CODE);
    let (path, now) = ("agent_cash.agent[G1].cap_indicators".to_owned(), "60".to_owned());
    assert_eq!(refused, Err(OrderRefusal::StandsOtherwise { path, now }));
    assert_eq!(bank.status(order), OrderStatus::Active);
}

#[test]
fn blk_2_a_block_that_two_lift_is_not_lifted_by_undoing_what_one_wrote() {
    let mut bank = Bank::new();
    let on = Some(Setting::Flag(true));
    let path = "card[K1].block.suspected_fraud";
    let order = bank.in_force(draft(OrderKind::CardBlocks, &[(path, on)]), CODE);
    let author = undone_by(&mut bank, order, "aida", &["operator", "checker"]);
    assert_eq!(author, Err(OrderRefusal::SamePerson { name: "aida".into() }));
    let operator = undone_by(&mut bank, order, "elnura", &["operator"]);
    assert_eq!(operator, Err(OrderRefusal::MissingRole { role: "checker".into() }));
    assert_eq!(bank.code("0200", 0, "POS00001", "K1", "1.00"), "59");
    undone_by(&mut bank, order, "bakyt", &["checker"]).unwrap();
    assert_eq!(bank.code("0200", 0, "POS00001", "K1", "1.00"), "00");
}

#[test]
fn sig_2_the_risk_is_that_of_now_if_it_is_higher() {
    let mut bank = Bank::new();
    let done = bank.in_force(cap("G1", 100), CODE);
    let drafted = bank.written(cap("G2", 100));
    assert_eq!(bank.get(drafted).risk, Risk::Low);
    let higher = draft(OrderKind::Rules, &[("orders.risk.agent_caps", text("medium"))]);
    bank.in_force(higher, KEY);
    assert_eq!(bank.state.order_risk(bank.get(drafted)), Risk::Medium);
    let weak = OrderRefusal::TooWeak { needs: Strength::Strengthened };
    assert_eq!(bank.sign(drafted, CODE), Err(weak.clone()));
    bank.sign(drafted, KEY).unwrap();
    assert_eq!(bank.approve(drafted, CODE), Err(weak.clone()));
    assert_eq!(bank.undo(done, CODE), Err(weak), "undoing is held to the same");
    bank.undo(done, KEY).unwrap();
}

#[test]
fn sig_2_no_kind_is_chosen_for_its_lower_risk() {
    let mut bank = Bank::new();
    let codes = Setting::List(vec![Setting::from("5411")]);
    let group = Some(Setting::Table([("codes".to_owned(), codes)].into()));
    let of = |kind| draft(kind, &[("mcc_group[markets]", group.clone())]);
    let risk = |bank: &mut Bank, kind| {
        let order = bank.written(of(kind));
        bank.get(order).risk
    };
    assert_eq!(risk(&mut bank, OrderKind::Lists), Risk::Low);
    let higher = draft(OrderKind::Rules, &[("orders.risk.limits", text("medium"))]);
    bank.in_force(higher, KEY);
    assert_eq!(risk(&mut bank, OrderKind::Limits), Risk::Medium);
    assert_eq!(risk(&mut bank, OrderKind::Lists), Risk::Medium, "it can change the same group");
    let own = Some(Setting::List(vec![Setting::from("KP")]));
    let order = bank.written(draft(OrderKind::Lists, &[("restricted.countries", own)]));
    assert_eq!(bank.get(order).risk, Risk::Low, "what only lists change");
}
