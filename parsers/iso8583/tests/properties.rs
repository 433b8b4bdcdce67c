//! Any values a dialect allows go through a message and come back the same; any bytes are refused or
//! read, never more.

#![expect(clippy::unwrap_used, reason = "what cannot be unwrapped fails the test")]

use iso8583::{Class, Dialect, FieldValue, Framing, Message, MessageBuilder, fuzzing};
use payment_types::Mti;
use proptest::collection::{btree_set, vec};
use proptest::prelude::*;
use std::sync::Arc;

type Fields = Vec<(u8, FieldValue)>;

/// A shipped dialect, and some of its elements with a value each that the format allows.
fn message() -> impl Strategy<Value = (Arc<Dialect>, Fields)> {
    (0..Dialect::SHIPPED.len()).prop_flat_map(|choice| {
        let dialect = Dialect::shipped(Dialect::SHIPPED[choice]).unwrap();
        (Just(Arc::clone(&dialect)), fields(dialect))
    })
}

/// The same, and other values to set.
fn message_and_changes() -> impl Strategy<Value = (Arc<Dialect>, Fields, Fields)> {
    (0..Dialect::SHIPPED.len()).prop_flat_map(|choice| {
        let dialect = Dialect::shipped(Dialect::SHIPPED[choice]).unwrap();
        (Just(Arc::clone(&dialect)), fields(Arc::clone(&dialect)), fields(dialect))
    })
}

fn fields(dialect: Arc<Dialect>) -> impl Strategy<Value = Fields> {
    (btree_set(2..=128_u8, 0..24), any::<u64>()).prop_map(move |(elements, seed)| {
        let mut seed = seed | 1;
        let mut random = || {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            seed
        };
        let mut fields = Vec::new();
        for de in elements {
            let Some(format) = dialect.element(de) else { continue };
            let max = u64::from(format.max_length());
            let length = if format.is_variable() { random() % (max.min(120) + 1) } else { max };
            let digit = |random: u64| char::from(b'0' + u8::try_from(random % 10).unwrap());
            let value = match format.class() {
                Class::Binary => {
                    let bytes = (0..length).map(|_| random().to_be_bytes()[0]);
                    FieldValue::Binary(bytes.collect())
                }
                Class::Numeric | Class::Track2 => {
                    FieldValue::Text((0..length).map(|_| digit(random())).collect())
                }
                Class::Signed => {
                    let sign = if random() % 2 == 0 { 'C' } else { 'D' };
                    let digits = (1..length).map(|_| digit(random()));
                    FieldValue::Text(std::iter::once(sign).chain(digits).collect())
                }
                Class::Text(_) => {
                    let character = |random: u64| u8::try_from(0x20 + random % 95).unwrap();
                    let text = (0..length).map(|_| char::from(character(random())));
                    FieldValue::Text(text.collect())
                }
            };
            fields.push((de, value));
        }
        fields
    })
}

fn build(dialect: &Dialect, fields: &[(u8, FieldValue)]) -> Vec<u8> {
    let mut builder = MessageBuilder::new(dialect, Mti::parse("0100").unwrap());
    // In any order: from the last to the first.
    for (de, value) in fields.iter().rev() {
        builder.set_field(*de, value).unwrap();
    }
    let mut out = Vec::new();
    builder.write(&mut out).unwrap();
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn values_come_back((dialect, fields) in message()) {
        let wire = build(&dialect, &fields);
        let message = Message::parse(&dialect, &wire).unwrap();
        prop_assert!(message.elements().eq(fields.iter().map(|(de, _)| *de)));
        let mut scratch = [0; 2048];
        for (de, value) in &fields {
            let found = message.field(*de);
            prop_assert_eq!(found.as_ref(), Some(value), "{}", de);
            let text = message.text(*de, &mut scratch).unwrap().unwrap();
            if let FieldValue::Text(value) = value {
                let padded = !dialect.element(*de).unwrap().is_variable();
                let value = if padded { value.trim_end_matches(' ') } else { value };
                prop_assert_eq!(text, value.as_bytes(), "{}", de);
                let class = dialect.element(*de).unwrap().class();
                let number = value.parse::<u64>().ok();
                let read = message.number(*de).unwrap().ok();
                if class == Class::Numeric {
                    prop_assert_eq!(read, number, "{}", de);
                }
            }
        }
    }

    #[test]
    fn a_copy_with_changes_is_as_built_anew(
        (dialect, fields, changes) in message_and_changes(),
        removed in btree_set(2..=128_u8, 0..6),
    ) {
        let wire = build(&dialect, &fields);
        let message = Message::parse(&dialect, &wire).unwrap();
        let mut builder = MessageBuilder::new(&dialect, message.mti());
        builder.copy_all(&message).unwrap();
        let mut all: std::collections::BTreeMap<u8, FieldValue> = fields.iter().cloned().collect();
        for (de, value) in &changes {
            builder.set_field(*de, value).unwrap();
            all.insert(*de, value.clone());
        }
        for de in &removed {
            builder.unset(*de);
            all.remove(de);
        }
        let mut out = Vec::new();
        builder.write(&mut out).unwrap();
        let fields: Vec<_> = all.into_iter().collect();
        prop_assert_eq!(out, build(&dialect, &fields));
    }

    #[test]
    fn one_wrong_byte_is_refused_or_read(
        (dialect, fields) in message(),
        at in any::<prop::sample::Index>(),
        byte: u8,
    ) {
        let mut wire = build(&dialect, &fields);
        let at = at.index(wire.len());
        wire[at] = byte;
        let choice = Dialect::SHIPPED.iter().position(|name| *name == dialect.name()).unwrap();
        wire.insert(0, u8::try_from(choice).unwrap());
        fuzzing::message(&wire);
    }

    #[test]
    fn frames_come_back(
        kind in prop::sample::select(Framing::KINDS.to_vec()),
        tpdu: bool,
        header in vec(any::<u8>(), 0..4),
        bodies in vec(vec(any::<u8>(), 1..200), 1..5),
        cut in 1..64_usize,
    ) {
        let framing = Framing::new(kind, tpdu, &header, Framing::DEFAULT_MAX).unwrap();
        let mut stream = Vec::new();
        for body in &bodies {
            framing.encode(None, body, &mut stream).unwrap();
        }
        let (mut buffer, mut found) = (bytes::BytesMut::new(), Vec::new());
        for piece in stream.chunks(cut) {
            buffer.extend_from_slice(piece);
            while let Some(frame) = framing.next_frame(&mut buffer).unwrap() {
                found.push(frame.body.to_vec());
            }
        }
        prop_assert_eq!(found, bodies);
    }
}
