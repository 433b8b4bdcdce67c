//! Users, codes, locks and keys by themselves, with their journal played again.

use super::*;
use crate::{Accepted, Command, Done, Outcome, Refusal, Scratch, State};
use payment_types::{Moment, Sequence, Timestamp, UtcOffset};

const START: i64 = 1_795_000_000_000;
const TERMS: LockTerms = LockTerms { after: 3, first_seconds: 60, most_seconds: 3600 };

/// A state that takes commands at a moment, and its journal.
#[derive(Default)]
struct Bank {
    state: State,
    journal: Vec<Accepted>,
}

impl Bank {
    fn at(&mut self, seconds: i64, command: AccessCommand) -> Result<AccessDone, AccessRefusal> {
        let moment = Moment::new(Timestamp(START + seconds * 1000), UtcOffset(360));
        let command = Command::Access(Box::new(command));
        let accepted = Accepted { moment, idempotency: None, command };
        let next = Sequence(self.state.last_sequence().0 + 1);
        let outcome = self.state.execute(next, &accepted, &mut Scratch::new());
        self.journal.push(accepted);
        match outcome {
            Outcome::Done(Done::Access(done)) => Ok(done),
            Outcome::Refused(Refusal::Access(refusal)) => Err(refusal),
            other => panic!("{other:?}"),
        }
    }

    fn add(
        &mut self,
        user: &str,
        roles: &[Role],
        authority: Authority,
    ) -> Result<(), AccessRefusal> {
        let roles = roles.iter().copied().collect();
        let (user, by, password) = (user.into(), "root".into(), b"sealed".to_vec());
        let command =
            AccessCommand::AddUser { user, roles, password, temporary: true, authority, by };
        self.at(0, command).map(|_| ())
    }

    fn enrolled(user: &str) -> Self {
        let mut bank = Self::default();
        bank.add(user, &[Role::Operator], Authority::FirstUsers).unwrap();
        let (user, secret) = (user.into(), b"secret".to_vec());
        bank.at(0, AccessCommand::EnrolOneTime { user, secret }).unwrap();
        bank
    }

    fn code(&mut self, seconds: i64, user: &str, step: u64) -> Result<AccessDone, AccessRefusal> {
        let purpose = CodePurpose::Login;
        self.at(seconds, AccessCommand::UseCode { user: user.into(), step, purpose })
    }

    fn wrong(&mut self, seconds: i64, because: RefusedBecause) -> AccessDone {
        let (user, network) = (Some("aida".into()), "10.0.0.0/24".into());
        let command = AccessCommand::LoginRefused {
            user,
            because,
            purpose: CodePurpose::Login,
            network,
            terms: TERMS,
        };
        self.at(seconds, command).unwrap()
    }

    fn login(&mut self, seconds: i64, network: &str) -> Result<AccessDone, AccessRefusal> {
        let command = AccessCommand::Login { user: "aida".into(), network: network.into() };
        self.at(seconds, command)
    }
}

#[test]
fn a_code_is_good_once_also_after_a_replay_and_a_snapshot() {
    let mut bank = Bank::enrolled("aida");
    assert_eq!(bank.code(1, "aida", 7), Err(AccessRefusal::NotEnrolled));
    bank.at(1, AccessCommand::ConfirmOneTime { user: "aida".into(), step: 10 }).unwrap();
    assert_eq!(bank.code(2, "aida", 10), Err(AccessRefusal::CodeUsed));
    bank.code(3, "aida", 11).unwrap();
    assert_eq!(bank.code(4, "aida", 11), Err(AccessRefusal::CodeUsed));
    assert_eq!(bank.code(5, "aida", 9), Err(AccessRefusal::CodeUsed), "nor one before it");

    let mut again = State::new();
    for (sequence, accepted) in (1u64..).zip(&bank.journal) {
        again.execute(Sequence(sequence), accepted, &mut Scratch::new());
    }
    assert_eq!(again.digest(), bank.state.digest());
    let mut bytes = Vec::new();
    bank.state.write_snapshot(&mut bytes).unwrap();
    bank.state = State::read_snapshot(&mut bytes.as_slice()).unwrap();
    assert_eq!(bank.code(6, "aida", 11), Err(AccessRefusal::CodeUsed));
    bank.code(6, "aida", 12).unwrap();
}

#[test]
fn wrong_attempts_lock_and_each_more_doubles_it() {
    let mut bank = Bank::enrolled("aida");
    bank.wrong(0, RefusedBecause::Password);
    bank.wrong(1, RefusedBecause::Code);
    assert_eq!(bank.login(2, "home").map(|_| ()), Ok(()), "two are not enough, and are forgotten");
    bank.wrong(3, RefusedBecause::Password);
    bank.wrong(3, RefusedBecause::Password);
    let until = Timestamp(START + 64_000);
    let locked = AccessDone::Refused { locked_until: Some(until), now_locked: true };
    assert_eq!(bank.wrong(4, RefusedBecause::Password), locked);
    assert_eq!(bank.login(5, "home"), Err(AccessRefusal::Locked(until)));
    assert_eq!(bank.code(5, "aida", 5), Err(AccessRefusal::Locked(until)));
    let same = AccessDone::Refused { locked_until: Some(until), now_locked: false };
    assert_eq!(bank.wrong(6, RefusedBecause::Password), same, "a locked user is not locked longer");
    let longer = Timestamp(START + 70_000 + 120_000);
    let locked = AccessDone::Refused { locked_until: Some(longer), now_locked: true };
    assert_eq!(bank.wrong(70, RefusedBecause::Password), locked);
    bank.login(200, "home").unwrap();
    assert_eq!(TERMS.seconds(200), 3600, "at most an hour");
}

#[test]
fn rights_need_an_order_once_two_people_can_sign_one() {
    let mut bank = Bank::default();
    bank.add("aida", &[Role::SecurityOfficer], Authority::FirstUsers).unwrap();
    bank.add("bakyt", &[Role::Checker], Authority::FirstUsers).unwrap();
    let refused = bank.add("chynara", &[Role::Auditor], Authority::FirstUsers);
    assert_eq!(refused, Err(AccessRefusal::NeedsOrder));
    bank.add("chynara", &[Role::Auditor], Authority::Order(3)).unwrap();
    let mut roles = |roles: &[Role], authority: Authority| {
        let (user, by) = ("bakyt".into(), "aida".into());
        let roles = roles.iter().copied().collect();
        bank.at(9, AccessCommand::SetRoles { user, roles, authority, by })
    };
    let more = [Role::Checker, Role::Privacy];
    assert_eq!(roles(&more, Authority::Officer), Err(AccessRefusal::OnlyTakesAway));
    assert_eq!(roles(&more, Authority::FirstUsers), Err(AccessRefusal::NeedsOrder));
    roles(&more, Authority::Order(4)).unwrap();
    roles(&[Role::Checker], Authority::Officer).unwrap();
    let off = |user: &str| AccessCommand::SetActive {
        user: user.into(),
        active: false,
        authority: Authority::Officer,
        by: "aida".into(),
    };
    assert_eq!(bank.at(10, off("aida")), Err(AccessRefusal::LastOfficer));
    assert_eq!(bank.at(10, off("bakyt")), Err(AccessRefusal::LastChecker));
}

/// SIG-1, SIG-4: whatever one person takes away, an order about users can still be carried.
#[test]
fn one_officer_does_not_stop_all_orders_by_taking_the_checkers_away() {
    let mut bank = Bank::default();
    bank.add("aida", &[Role::SecurityOfficer], Authority::FirstUsers).unwrap();
    bank.add("bakyt", &[Role::Checker], Authority::FirstUsers).unwrap();
    bank.add("chynara", &[Role::SecurityOfficer, Role::Checker], Authority::Order(1)).unwrap();
    let set = |user: &str, roles: &[Role], authority: Authority| AccessCommand::SetRoles {
        user: user.into(),
        roles: roles.iter().copied().collect(),
        authority,
        by: "aida".into(),
    };
    let officer = || Authority::Officer;
    let lone = set("chynara", &[Role::Checker], officer());
    bank.at(0, lone).unwrap();
    for authority in [officer(), Authority::TestMode, Authority::FirstUsers] {
        let off = |user: &str| AccessCommand::SetActive {
            user: user.into(),
            active: false,
            authority: authority.clone(),
            by: "aida".into(),
        };
        let mut trial = Bank { state: bank.state.clone(), journal: Vec::new() };
        trial.at(0, off("bakyt")).unwrap();
        assert_eq!(trial.at(0, off("chynara")), Err(AccessRefusal::LastChecker), "{authority:?}");
        let fewer = trial.at(0, set("chynara", &[Role::Auditor], authority.clone()));
        assert!(fewer.is_err(), "{authority:?}");
        assert!(trial.state.users().can_order());
        assert!(trial.state.users().get("chynara").unwrap().active, "nothing of it was done");
    }
    // Two named people may, neither of whom it is about; they give rights back the same way.
    let two = |second: &str| Authority::Recovery { approved_by: second.into() };
    let off = |user: &str, second: &str| AccessCommand::SetActive {
        user: user.into(),
        active: false,
        authority: two(second),
        by: "aida".into(),
    };
    bank.at(0, off("bakyt", "elnura")).unwrap();
    assert_eq!(bank.at(0, off("chynara", "")), Err(AccessRefusal::LastChecker));
    assert_eq!(bank.at(0, off("chynara", "chynara")), Err(AccessRefusal::LastChecker));
    bank.at(0, off("chynara", "elnura")).unwrap();
    assert!(!bank.state.users().can_order());
    bank.add("damira", &[Role::Checker], two("elnura")).unwrap();
    assert!(bank.state.users().can_order());
}

#[test]
fn what_was_lost_is_reset_by_two_other_people() {
    let mut bank = Bank::enrolled("aida");
    bank.at(1, AccessCommand::ConfirmOneTime { user: "aida".into(), step: 10 }).unwrap();
    let approve = |by: &str, password: Option<&[u8]>| AccessCommand::ApproveReset {
        user: "aida".into(),
        password: password.map(<[u8]>::to_vec),
        by: by.into(),
    };
    assert_eq!(bank.at(2, approve("bakyt", None)), Err(AccessRefusal::NothingAsked));
    let (what, by) = (Reset::OneTime, "officer".into());
    bank.at(2, AccessCommand::AskReset { user: "aida".into(), what, by }).unwrap();
    assert_eq!(bank.at(3, approve("officer", None)), Err(AccessRefusal::SamePerson));
    assert_eq!(bank.at(3, approve("aida", None)), Err(AccessRefusal::SamePerson));
    assert_eq!(bank.at(3, approve("bakyt", Some(b"x"))), Err(AccessRefusal::PasswordMissing));
    bank.at(3, approve("bakyt", None)).unwrap();
    assert_eq!(bank.state.users().get("aida").unwrap().one_time, None);
    assert_eq!(bank.at(4, approve("bakyt", None)), Err(AccessRefusal::NothingAsked));
}

#[test]
fn a_personal_key_is_good_after_another_person_said_so_and_until_it_is_withdrawn() {
    let mut bank = Bank::enrolled("aida");
    let (user, key, label) = ("aida", [7; 32], "office");
    let add = |label: &str| AccessCommand::AddKey { user: user.into(), key, label: label.into() };
    let approve = |by: &str| AccessCommand::ApproveKey { user: user.into(), key, by: by.into() };
    let withdraw = || AccessCommand::WithdrawKey { user: user.into(), key, by: "aida".into() };
    bank.at(1, add(label)).unwrap();
    assert_eq!(bank.at(1, add("twice")), Err(AccessRefusal::KeyKnown));
    assert!(!bank.state.users().get(user).unwrap().keys[0].is_good());
    assert_eq!(bank.at(2, approve("aida")), Err(AccessRefusal::SamePerson));
    bank.at(2, approve("bakyt")).unwrap();
    assert!(bank.state.users().get(user).unwrap().keys[0].is_good());
    bank.at(3, withdraw()).unwrap();
    assert!(!bank.state.users().get(user).unwrap().keys[0].is_good());
    assert_eq!(bank.at(4, withdraw()), Err(AccessRefusal::UnknownKey));
    assert_eq!(bank.at(4, approve("bakyt")), Err(AccessRefusal::UnknownKey));
}

#[test]
fn a_network_is_new_only_after_a_first_one() {
    let mut bank = Bank::enrolled("aida");
    let mut new = |seconds, network: &str| match bank.login(seconds, network).unwrap() {
        AccessDone::LoggedIn { new_network, .. } => new_network,
        other => panic!("{other:?}"),
    };
    assert!(!new(1, "office"));
    assert!(new(2, "home"));
    assert!(!new(3, "office"));
}

#[test]
fn names_that_would_be_trouble_are_refused() {
    let mut bank = Bank::default();
    for bad in ["", "a", "Aida", "9lives", "aida aida", "../aida", "аида"] {
        let added = bank.add(bad, &[Role::Auditor], Authority::FirstUsers);
        assert_eq!(added, Err(AccessRefusal::BadName), "{bad}");
    }
    assert_eq!(bank.add("aida", &[], Authority::FirstUsers), Err(AccessRefusal::NoRoles));
    bank.add("aida", &[Role::Auditor], Authority::FirstUsers).unwrap();
    let twice = bank.add("aida", &[Role::Auditor], Authority::FirstUsers);
    assert_eq!(twice, Err(AccessRefusal::UserExists));
}

/// SIG-1: an officer who takes everybody else's rights away is not the first user again.
#[test]
fn who_takes_the_checkers_away_gives_no_rights_alone_also_after_a_replay() {
    let mut bank = Bank::default();
    bank.add("aida", &[Role::SecurityOfficer], Authority::FirstUsers).unwrap();
    bank.add("bakyt", &[Role::Checker], Authority::FirstUsers).unwrap();
    let active = |user: &str, active, authority: Authority, by: &str| AccessCommand::SetActive {
        user: user.into(),
        active,
        authority,
        by: by.into(),
    };
    let two = |second: &str| Authority::Recovery { approved_by: second.into() };
    let early = bank.at(0, active("bakyt", true, two("chynara"), "aida"));
    assert_eq!(early, Err(AccessRefusal::NeedsOrder), "there are two people who can order");
    let alone = bank.at(0, active("bakyt", false, Authority::Officer, "aida"));
    assert_eq!(alone, Err(AccessRefusal::LastChecker));
    bank.at(0, active("bakyt", false, two("chynara"), "aida")).unwrap();
    assert!(!bank.state.users().can_order());
    let own = bank.add("own", &[Role::Checker, Role::KeyCustodian], Authority::FirstUsers);
    assert_eq!(own, Err(AccessRefusal::NeedsOrder));
    let again = bank.at(0, active("bakyt", true, Authority::FirstUsers, "aida"));
    assert_eq!(again, Err(AccessRefusal::NeedsOrder));

    let mut replayed = State::new();
    for (sequence, accepted) in (1u64..).zip(&bank.journal) {
        replayed.execute(Sequence(sequence), accepted, &mut Scratch::new());
    }
    assert_eq!(replayed.digest(), bank.state.digest());
    let mut bytes = Vec::new();
    bank.state.write_snapshot(&mut bytes).unwrap();
    bank.state = State::read_snapshot(&mut bytes.as_slice()).unwrap();
    let own = bank.add("own", &[Role::Checker], Authority::FirstUsers);
    assert_eq!(own, Err(AccessRefusal::NeedsOrder));

    // What a bank does then: two people who are named, neither of them whom it is about.
    for (by, second) in [("aida", ""), ("", "aida"), ("aida", "aida"), ("aida", "bakyt")] {
        let alone = bank.at(0, active("bakyt", true, two(second), by));
        assert_eq!(alone, Err(AccessRefusal::SamePerson), "{by:?} and {second:?}");
    }
    bank.at(0, active("bakyt", true, two("chynara"), "aida")).unwrap();
    assert!(bank.state.users().can_order());
    let more = bank.add("own", &[Role::Checker], two("chynara"));
    assert_eq!(more, Err(AccessRefusal::NeedsOrder), "orders can be signed again");
}

#[test]
fn a_second_person_has_a_name() {
    let mut bank = Bank::enrolled("aida");
    let (what, by) = (Reset::OneTime, "officer".into());
    bank.at(2, AccessCommand::AskReset { user: "aida".into(), what, by }).unwrap();
    let nobody = AccessCommand::ApproveReset { user: "aida".into(), password: None, by: "".into() };
    assert_eq!(bank.at(3, nobody), Err(AccessRefusal::SamePerson));
    let (user, key) = ("aida", [7; 32]);
    let label = "office".into();
    bank.at(4, AccessCommand::AddKey { user: user.into(), key, label }).unwrap();
    let nobody = AccessCommand::ApproveKey { user: user.into(), key, by: "".into() };
    assert_eq!(bank.at(5, nobody), Err(AccessRefusal::SamePerson));
}

/// SIG-4: of two logins with the same temporary password one sets the user's own.
#[test]
fn a_password_of_one_s_own_is_not_written_over_by_a_login_that_began_before() {
    let mut bank = Bank::enrolled("aida");
    let set = |password: &[u8], first| AccessCommand::SetPassword {
        user: "aida".into(),
        password: password.to_vec(),
        temporary: false,
        first,
        by: "aida".into(),
    };
    bank.at(1, set(b"own", true)).unwrap();
    assert_eq!(bank.at(2, set(b"thief's", true)), Err(AccessRefusal::PasswordSet));
    assert_eq!(bank.state.users().get("aida").unwrap().password, b"own");
    bank.at(3, set(b"another", false)).unwrap();
}
