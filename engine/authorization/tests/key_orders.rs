//! Change orders about keys in the core: what it knows of keys, what it takes of the security
//! module's preparation, and that a replay needs no module (SIG-1).
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod common;

use authorization::{
    Command, Done, Factor, Guard, KeyEvent, KeyStaged, KeyStanding, KeyVersion, OrderChange,
    OrderCommand, OrderDone, OrderDraft, OrderKind, OrderRefusal, OrderStatus, Outcome, Refusal,
    RolledBackBy, STATEMENT, Signature,
};
use common::Bank;
use limits::Setting;
use std::collections::BTreeMap;

const KEY: Factor = Factor::PersonalKey { key: [1; 32], signature: [[2; 32]; 2] };

fn version(number: u32, standing: KeyStanding) -> KeyVersion {
    let check_value = format!("00000{number}").into();
    KeyVersion { version: number, check_value, standing, expires_on: None }
}

fn event(action: &str, number: u32, versions: &[KeyVersion]) -> KeyEvent {
    KeyEvent {
        action: action.into(),
        name: "pvk".into(),
        usage: "pin-verification-visa".into(),
        algorithm: "tdes".into(),
        version: number,
        check_value: format!("00000{number}").into(),
        detail: "".into(),
        by: "order 1".into(),
        store: format!("store {action} {number}").into(),
        versions: versions.to_vec(),
    }
}

fn table(rows: &[(&str, &str)]) -> Option<Setting> {
    let row = |(name, value): &(&str, &str)| ((*name).to_owned(), Setting::from(*value));
    Some(Setting::Table(rows.iter().map(row).collect::<BTreeMap<_, _>>()))
}

fn draft(path: &str, to: Option<Setting>) -> OrderDraft {
    OrderDraft {
        kind: OrderKind::Keys,
        title: "a title".into(),
        reason: "a reason".into(),
        changes: vec![OrderChange::new(path, to)],
        effective_at: None,
        guard: None,
    }
}

struct Desk(Bank);

impl Desk {
    /// With `pvk` of one version, as somebody made it.
    fn open() -> Self {
        let mut bank = Bank::new();
        let made = event("generated", 1, &[version(1, KeyStanding::Current)]);
        bank.command(Command::Key(Box::new(made)));
        Self(bank)
    }

    fn order(&mut self, command: OrderCommand) -> Result<OrderDone, OrderRefusal> {
        match self.0.command(Command::Order(Box::new(command))) {
            Outcome::Done(Done::Order(done)) => Ok(*done),
            Outcome::Refused(Refusal::Order(refusal)) => Err(*refusal),
            other => panic!("{other:?}"),
        }
    }

    fn wrong(&mut self, draft: OrderDraft) -> String {
        match self.order(OrderCommand::Draft { draft, by: "damira".into() }) {
            Err(OrderRefusal::Problems(problems)) => problems[0].message.clone(),
            other => panic!("{other:?}"),
        }
    }

    fn by(&self, order: u64, signer: &str, role: &str) -> Signature {
        let digest = self.0.state.orders().get(order).unwrap().digest;
        let (signer, roles) = (signer.into(), vec![role.into()]);
        Signature { signer, roles, factor: KEY, digest, statement: STATEMENT }
    }

    /// Written by its custodian and approved.
    fn approved(&mut self, draft: OrderDraft) -> u64 {
        let by = "damira".into();
        let order = self.order(OrderCommand::Draft { draft, by }).unwrap().order;
        let signature = self.by(order, "damira", "key_custodian");
        self.order(OrderCommand::Sign { order, revision: 1, signature }).unwrap();
        let signature = self.by(order, "bakyt", "checker");
        self.order(OrderCommand::Approve { order, revision: 1, signature }).unwrap();
        order
    }

    fn activate(&mut self, order: u64, staged: KeyStaged) -> OrderDone {
        self.order(OrderCommand::ActivateKey { order, staged }).unwrap()
    }

    fn undo(&mut self, order: u64, staged: KeyEvent) -> Result<OrderDone, OrderRefusal> {
        let digest = self.0.state.orders().get(order).unwrap().rollback_digest();
        let signature = Signature { digest, ..self.by(order, "bakyt", "checker") };
        let (by, reason) = (RolledBackBy::Person(signature), "wrong".into());
        self.order(OrderCommand::RollBackKey { order, by, reason, staged: Box::new(staged) })
    }
}

fn rotate() -> OrderDraft {
    draft("key[pvk].current", table(&[("accept_old_until", "2027-06-30")]))
}

fn retire() -> OrderDraft {
    let to = table(&[("check_value", "000001"), ("state", "retired")]);
    draft("key[pvk].version[1]", to)
}

fn retired() -> KeyEvent {
    event("retired", 1, &[version(1, KeyStanding::Retired)])
}

#[test]
fn sig_1_a_key_s_custodian_signs_and_the_shard_alone_puts_nothing_in_force() {
    let mut desk = Desk::open();
    let by = "damira".into();
    desk.order(OrderCommand::Draft { draft: rotate(), by }).unwrap();
    let signature = desk.by(1, "damira", "operator");
    let refused = desk.order(OrderCommand::Sign { order: 1, revision: 1, signature });
    assert_eq!(refused, Err(OrderRefusal::MissingRole { role: "key_custodian".into() }));
    let order = desk.approved(retire());
    let now = desk.0.now.at;
    assert_eq!(desk.0.state.orders().due(now), None);
    assert_eq!(desk.0.state.orders().due_key(now).map(|due| due.id), Some(order));
    assert_eq!(desk.order(OrderCommand::Activate { order }), Err(OrderRefusal::NotDue));
    let done = desk.activate(order, KeyStaged::Ready(Box::new(retired())));
    assert_eq!(done.status, OrderStatus::Active, "{:?}", done.problems);
    assert_eq!(desk.0.state.key_versions("pvk"), [version(1, KeyStanding::Retired)]);
    assert_eq!(desk.0.state.last_key_store(), Some("store retired 1"));
    assert!(desk.0.state.orders().due_key(now).is_none());
}

#[test]
fn sig_1_what_is_prepared_is_what_was_signed_or_the_order_fails() {
    let other = |change: fn(&mut KeyEvent)| {
        let mut event = retired();
        change(&mut event);
        KeyStaged::Ready(Box::new(event))
    };
    for staged in [
        other(|event| event.name = "cvk".into()),
        other(|event| event.store = "".into()),
        other(|event| event.versions[0].check_value = "FFFFFF".into()),
        other(|event| event.versions[0].standing = KeyStanding::Destroyed),
        other(|event| event.versions.clear()),
        KeyStaged::Refused("the disk is full".into()),
    ] {
        let mut desk = Desk::open();
        let order = desk.approved(retire());
        let done = desk.activate(order, staged);
        assert_eq!(done.status, OrderStatus::Failed);
        assert_eq!(done.problems.len(), 1);
        assert_eq!(desk.0.state.key_versions("pvk"), [version(1, KeyStanding::Current)]);
        assert_eq!(desk.0.state.last_key_store(), Some("store generated 1"));
    }
}

#[test]
fn sig_1_a_key_that_was_changed_by_hand_meanwhile_stays_as_it_is() {
    let mut desk = Desk::open();
    let order = desk.approved(rotate());
    let two = [version(1, KeyStanding::Retired), version(2, KeyStanding::Current)];
    desk.0.command(Command::Key(Box::new(event("generated", 2, &two))));
    let three =
        [two[0].clone(), version(2, KeyStanding::Retired), version(3, KeyStanding::Current)];
    let staged = KeyStaged::Ready(Box::new(event("generated", 3, &three)));
    let done = desk.activate(order, staged);
    assert_eq!(done.status, OrderStatus::Failed);
    assert!(done.problems[0].message.contains("changed since"), "{:?}", done.problems);
    assert_eq!(desk.0.state.key_versions("pvk"), two);
}

#[test]
fn sig_1_a_version_comes_back_and_a_key_that_was_made_does_not() {
    let mut desk = Desk::open();
    let order = desk.approved(retire());
    desk.activate(order, KeyStaged::Ready(Box::new(retired())));
    let back = event("changed", 1, &[version(1, KeyStanding::Current)]);
    assert!(desk.undo(order, retired()).is_err(), "that is not the way back");
    assert_eq!(desk.undo(order, back).unwrap().status, OrderStatus::RolledBack);
    assert_eq!(desk.0.state.key_versions("pvk"), [version(1, KeyStanding::Current)]);
    let order = desk.approved(rotate());
    let two = [version(1, KeyStanding::Retired), version(2, KeyStanding::Current)];
    desk.activate(order, KeyStaged::Ready(Box::new(event("generated", 2, &two))));
    let Err(OrderRefusal::Problems(problems)) = desk.undo(order, event("changed", 1, &two)) else {
        panic!("it was undone");
    };
    assert!(problems[0].message.contains("rotate the key again"), "{problems:?}");
}

#[test]
fn sig_1_an_order_about_keys_is_held_against_what_is_known() {
    let mut desk = Desk::open();
    let set = |rows: &[(&str, &str)]| draft("key[pvk].version[1]", table(rows));
    for (draft, words) in [
        (draft("key[pvk].current", table(&[])), "accept_old_until"),
        (draft("key[new].current", table(&[])), "needs a usage"),
        (
            draft("key[pvk].version[2]", table(&[("check_value", "000002"), ("state", "retired")])),
            "no version 2",
        ),
        (
            draft(
                "key[none].version[1]",
                table(&[("check_value", "000001"), ("state", "retired")]),
            ),
            "no key",
        ),
        (draft("key[pvk]", table(&[])), "is no path such as"),
        (draft("key[pvk].version[0]", table(&[])), "is no path such as"),
        (set(&[("state", "retired")]), "check_value is missing"),
        (set(&[("check_value", "FFFFFF"), ("state", "retired")]), "has the check value 000001"),
        (set(&[("check_value", "000001"), ("state", "gone")]), "state is one of"),
        (set(&[("check_value", "000001"), ("state", "accepted")]), "goes with the state"),
        (set(&[("check_value", "000001"), ("state", "destroyed")]), "retire it first"),
        (
            set(&[("check_value", "000001"), ("state", "current"), ("expires_on", "soon")]),
            "a day such as",
        ),
        (set(&[("check_value", "000001"), ("state", "current")]), "so already"),
        (draft("key[pvk].version[1]", None), "not taken away"),
    ] {
        let told = desk.wrong(draft.clone());
        assert!(told.contains(words), "{:?}: {told}", draft.changes);
    }
    let mut two = retire();
    two.changes
        .push(OrderChange::new("key[pvk].current", table(&[("accept_old_until", "2027-01-01")])));
    assert!(desk.wrong(two).contains("one change"));
    let guard = Guard { minutes: 5, decline_percent: Some(20), code: None, code_percent: None };
    let watched = OrderDraft { guard: Some(guard.clone()), ..rotate() };
    assert!(desk.wrong(watched).contains("guard"));
    let by = "damira".into();
    let draft = OrderDraft { guard: Some(guard), ..retire() };
    desk.order(OrderCommand::Draft { draft, by }).unwrap();
}
