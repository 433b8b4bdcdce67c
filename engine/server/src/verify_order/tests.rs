//! The register of a small history, and everything that could be done to its export.

use super::*;
use crate::access::personal_key::{public_of, sign};
use authorization::{
    Accepted, Command, Factor, OrderChange, OrderCommand, OrderDraft, OrderKind, Outcome,
    STATEMENT, Scratch, State,
};
use payment_types::{Moment, Sequence, Timestamp, UtcOffset};

fn step(state: &mut State, command: OrderCommand) {
    let at = Timestamp(state.last_moment().at.0.max(1_790_000_000_000) + 1000);
    let moment = Moment::new(at, UtcOffset(360));
    let command = Command::Order(Box::new(command));
    let accepted = Accepted { moment, idempotency: None, command };
    let next = Sequence(state.last_sequence().0 + 1);
    let outcome = state.execute(next, &accepted, &mut Scratch::new());
    assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
}

/// A register with two orders: the first signed by keys.
fn register() -> String {
    let mut state = State::new();
    for ceiling in ["100.00", "200.00"] {
        let entry = [("scope", "card"), ("counts", "purchase"), ("window", "day")];
        let entry = entry.into_iter().chain([("ceiling", ceiling)]);
        let entry = entry.map(|(key, value)| (key.to_owned(), value.into())).collect();
        let path = format!("limit[{ceiling}]");
        let draft = OrderDraft {
            kind: OrderKind::Limits,
            title: "Ein Titel é \"q\"".into(),
            reason: "because".into(),
            changes: vec![OrderChange::new(path, Some(limits::Setting::Table(entry)))],
            effective_at: None,
            guard: None,
        };
        step(&mut state, OrderCommand::Draft { draft, by: "aida".into() });
    }
    for (signer, role, seed) in [("aida", "operator", 1), ("bakyt", "checker", 2)] {
        let digest = state.orders().get(1).unwrap().digest;
        let secret = [seed; 32];
        let public = public_of(&secret);
        let signature = authorization::Signature {
            signer: signer.into(),
            roles: vec![role.into()],
            factor: Factor::personal_key(public, sign(&secret, &digest)),
            digest,
            statement: STATEMENT,
        };
        let (order, revision) = (1, 1);
        step(
            &mut state,
            match role {
                "operator" => OrderCommand::Sign { order, revision, signature },
                _ => OrderCommand::Approve { order, revision, signature },
            },
        );
    }
    step(&mut state, OrderCommand::Activate { order: 1 });
    state.orders().register().entries().map(|entry| entry.line() + "\n").collect()
}

#[test]
fn sig_3_the_export_alone_proves_who_signed_what_with_which_factor() {
    let told = prove(&register(), 1, None).unwrap();
    assert_eq!(told.len(), 7, "{told:#?}");
    assert!(told[2].contains("aida, with the personal key"), "{told:#?}");
    assert!(told[3].contains("bakyt, with the personal key"), "{told:#?}");
    assert!(told[4].starts_with("activated") && told[4].ends_with("engine: order-1"), "{told:#?}");
    assert!(prove(&register(), 3, None).unwrap_err().contains("nothing about order 3"));
    let head = told[6].split_whitespace().last().unwrap().to_owned();
    assert!(prove(&register(), 1, Some(&head)).is_ok());
    assert!(prove(&register(), 1, Some(&"0".repeat(64))).is_err());
}

#[test]
fn sig_3_no_byte_can_be_changed_without_its_showing() {
    let good = register();
    let bytes = good.as_bytes();
    for at in 0..bytes.len() {
        for flip in [0x01, 0x20] {
            let mut bytes = bytes.to_vec();
            bytes[at] ^= flip;
            let Ok(text) = String::from_utf8(bytes) else { continue };
            assert!(prove(&text, 1, None).is_err(), "byte {at} of {}", good.len());
        }
    }
}

#[test]
fn sig_3_nothing_can_be_left_out_put_in_or_put_elsewhere() {
    let good = register();
    let lines: Vec<&str> = good.lines().collect();
    let join = |lines: &[&str]| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
    for at in 0..lines.len() {
        let mut fewer = lines.clone();
        fewer.remove(at);
        let last = at + 1 == lines.len();
        // Without its end the chain is whole: the head tells.
        let head = prove(&good, 1, None).unwrap().pop().unwrap();
        let head = head.split_whitespace().last().unwrap();
        assert!(prove(&join(&fewer), 1, Some(head)).is_err(), "without {at}");
        assert_eq!(prove(&join(&fewer), 1, None).is_ok(), last, "without {at}");
        let mut twice = lines.clone();
        twice.insert(at, lines[at]);
        assert!(prove(&join(&twice), 1, None).is_err(), "{at} twice");
    }
    let mut swapped = lines.clone();
    swapped.swap(1, 2);
    assert!(prove(&join(&swapped), 1, None).is_err());
    assert!(prove(good.trim_end(), 1, None).is_err(), "cut short");
}

/// Somebody who writes the hashes anew after changing an entry is found out by the signatures.
#[test]
fn sig_3_a_chain_made_anew_does_not_fit_the_signatures() {
    let forged = |from: &str, to: &str| {
        let good = register();
        assert!(good.contains(from), "{from}");
        let (mut text, mut previous) = (String::new(), "0".repeat(64));
        for line in good.replace(from, to).lines() {
            let mut entry: Map<String, Value> = serde_json::from_str(line).unwrap();
            entry.remove("hash");
            entry.insert("previous".to_owned(), previous.into());
            previous = hex(&sha256(Value::Object(entry.clone()).to_string().as_bytes()));
            entry.insert("hash".to_owned(), previous.clone().into());
            text.push_str(&format!("{}\n", Value::Object(entry)));
        }
        prove(&text, 1, None).unwrap_err()
    };
    assert!(forged("because", "why not").contains("not the order's content"));
    assert!(forged("\"signer\":\"bakyt\"", "\"signer\":\"aida\"").contains("is not who signed"));
    assert!(forged("\"statement\":1", "\"statement\":0").contains("statement of legal force"));
    let other = hex(&public_of(&[3; 32]));
    let own = hex(&public_of(&[2; 32]));
    assert!(forged(&own, &other).contains("personal key's signature"));
    let swapped = forged("bakyt", "aida");
    assert!(swapped.contains("approved what he made himself"), "{swapped}");
}
