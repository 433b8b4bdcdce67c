//! The doctor on messages that are made here.

use super::*;
use crate::recording::Stream;
use iso8583::{Dialect, Framing, MessageBuilder, Tpdu};
use payment_types::Mti;
use std::sync::Arc;

const PAN: &[u8] = b"9417000000000009";
const CHIP: &str =
    "9F26081122334455667788950500000080009A032611239C01009F02060000000150005F2A020417";

/// Three messages such as a terminal sends: a purchase by chip, a reversal, an echo.
fn bodies(dialect: &Dialect) -> Vec<Vec<u8>> {
    let later = dialect.version() > 0;
    let mti = |text: &str| Mti::parse(text).unwrap();
    let built = |builder: &mut MessageBuilder<'_>| {
        let mut bytes = Vec::new();
        builder.write(&mut bytes).unwrap();
        bytes
    };
    let (time, entry) = if later { ("261123100001", "510101511340") } else { ("100001", "051") };
    let mut purchase = MessageBuilder::new(dialect, mti(if later { "1200" } else { "0200" }));
    purchase.set_text(2, PAN).unwrap().set_text(3, b"000000").unwrap();
    purchase.set_number(4, 15_000).unwrap().set_text(7, b"1123040001").unwrap();
    purchase.set_number(11, 17).unwrap().set_text(12, time.as_bytes()).unwrap();
    purchase.set_text(22, entry.as_bytes()).unwrap();
    purchase.set_text(35, b"9417000000000009=29122011234").unwrap();
    purchase.set_text(41, b"POS00001").unwrap().set_text(42, b"MERCHANT1      ").unwrap();
    purchase.set_text(49, b"417").unwrap();
    let chip = hex::decode(CHIP).unwrap();
    purchase.set_binary(55, &chip).unwrap();
    let mut echo = MessageBuilder::new(dialect, mti(if later { "1804" } else { "0800" }));
    echo.set_text(7, b"1123040002").unwrap().set_number(11, 18).unwrap();
    echo.set_text(41, b"POS00001").unwrap();
    if !later {
        echo.set_number(70, 301).unwrap();
    }
    let bytes = built(&mut purchase);
    vec![bytes.clone(), built(&mut echo), bytes]
}

fn stream(framing: &Framing, bodies: &[Vec<u8>]) -> Stream {
    let mut bytes = Vec::new();
    let tpdu = framing.has_tpdu().then(|| Tpdu::new(1, 0));
    for body in bodies {
        framing.encode(tpdu, body, &mut bytes).unwrap();
    }
    Stream::new("test".into(), bytes)
}

#[test]
fn every_framing_and_every_shipped_dialect_is_recognised() {
    for kind in Framing::KINDS {
        for (tpdu, header) in
            [(false, &b""[..]), (true, b""), (false, b"ISO026000055"), (true, b"AB")]
        {
            for name in ["iso87-ascii", "iso87-bcd", "iso87-ebcdic", "iso93-ascii", "iso93-bcd"] {
                let dialect = Dialect::shipped(name).unwrap();
                let framing = Framing::new(kind, tpdu, header, 4096).unwrap();
                let found = diagnose(&[stream(&framing, &bodies(&dialect))], vec![]);
                let case = format!("{kind} {tpdu} {header:?} {name}");
                let guess = found.framing.clone().expect(&case);
                let expected = (Some(kind), tpdu, header, false, 3);
                let told =
                    (guess.kind, guess.tpdu, &*guess.header, guess.header_varies, guess.messages);
                assert_eq!(told, expected, "{case}");
                assert!(found.is_complete(), "{case}");
                assert_eq!(found.best().unwrap().name.as_deref(), Some(name), "{case}");
            }
        }
    }
}

#[test]
fn an_unknown_dialect_is_proposed_as_a_file_that_reads_it() {
    let own = [
        "base = \"iso87-ascii\"\nname = \"x\"\n[defaults]\nlengths = \"binary\"\n",
        "base = \"iso87-bcd\"\nname = \"x\"\n[defaults]\nlengths = \"ascii\"\n",
        "base = \"iso87-bcd\"\nname = \"x\"\n[elements]\n22 = \"ans3\"\n",
        "base = \"iso87-bcd\"\nname = \"x\"\n[elements]\n\
         55 = { format = \"b..999 LLL\", lengths = \"ascii\" }\n",
    ];
    for text in own {
        let dialect = Dialect::from_toml(text, "x").unwrap();
        let framing = Framing::new("u16be", true, b"", 4096).unwrap();
        let sent = bodies(&dialect);
        let found = diagnose(&[stream(&framing, &sent)], vec![]);
        let best = found.best().unwrap();
        assert!(found.is_complete(), "{text}\n{}", super::text(&found, &[], 3, false));
        let named = best.name.clone().unwrap_or_default();
        let proposal = best.proposal.as_ref().expect(&named).toml("their-own");
        let read = Dialect::from_toml(&proposal, "proposal").expect(&proposal);
        for body in &sent {
            let (ours, theirs) = (
                iso8583::Message::parse(&read, body).expect(&proposal),
                iso8583::Message::parse(&dialect, body).unwrap(),
            );
            for de in [2, 3, 4, 7, 11, 41, 49] {
                let value = |message: &iso8583::Message<'_>| {
                    message.field(de).map(|value| crate::exchange::plain(&value))
                };
                assert_eq!(value(&ours), value(&theirs), "{de} of {proposal}");
            }
        }
    }
}

#[test]
fn a_dialect_that_is_given_is_tried_too() {
    let text = "base = \"iso87-bcd\"\nname = \"ours\"\n[elements]\n22 = \"ans3\"\n";
    let dialect = Arc::new(Dialect::from_toml(text, "ours").unwrap());
    let framing = Framing::new("ascii4", false, b"", 4096).unwrap();
    let sent = stream(&framing, &bodies(&dialect));
    let known = vec![Known { name: "ours.toml".into(), dialect }];
    let found = diagnose(&[sent], known);
    assert_eq!(found.best().unwrap().name.as_deref(), Some("ours.toml"));
}

#[test]
fn a_recording_that_begins_inside_a_message_is_read_from_the_next_one() {
    let dialect = Dialect::shipped("iso87-bcd").unwrap();
    let framing = Framing::new("u16be", true, b"", 4096).unwrap();
    let mut sent = stream(&framing, &bodies(&dialect));
    sent.bytes.drain(..20);
    let found = diagnose(&[sent], vec![]);
    assert_eq!(found.framing.as_ref().unwrap().messages, 2, "{:?}", found.framing);
    assert!(found.framing.unwrap().skipped > 20);
}

#[test]
fn nothing_secret_is_shown_unless_asked_for() {
    let dialect = Dialect::shipped("iso87-bcd").unwrap();
    let framing = Framing::new("u16be", true, b"", 4096).unwrap();
    let streams = [stream(&framing, &bodies(&dialect))];
    let found = diagnose(&streams, vec![]);
    let shown = text(&found, &streams, 3, false);
    let pan = core::str::from_utf8(PAN).unwrap();
    assert!(!shown.contains(pan) && !shown.contains("1122334455667788"), "{shown}");
    assert!(shown.contains("941700******0009") && shown.contains("3 of 3 messages understood"));
    assert!(text(&found, &streams, 1, true).contains(pan));
}

#[test]
fn the_proposed_listener_has_the_port_that_was_connected_to() {
    let dialect = Dialect::shipped("iso87-bcd").unwrap();
    let framing = Framing::new("u16be", true, b"", 4096).unwrap();
    let mut sent = stream(&framing, &bodies(&dialect));
    for (service, bind) in [(None, "127.0.0.1:8583"), (Some("0.0.0.0:9712"), "127.0.0.1:9712")] {
        sent.service = service.map(|service| service.parse().unwrap());
        let streams = [sent.clone()];
        let told = text(&diagnose(&streams, vec![]), &streams, 0, false);
        assert!(told.contains(&format!("bind = \"{bind}\"")), "{told}");
    }
}

#[test]
fn noise_is_told_to_be_noise() {
    let noise: Vec<u8> =
        (0..4000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
    let streams = [Stream::new("noise".into(), noise)];
    let found = diagnose(&streams, vec![]);
    assert!(!found.is_complete());
    assert!(!text(&found, &streams, 1, false).is_empty());
}
