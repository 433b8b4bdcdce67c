//! The fuzz targets on random bytes and on damaged messages, seeded and bounded, so that every test
//! run has a little of them.

#![expect(clippy::unwrap_used, reason = "what cannot be unwrapped fails the test")]

use iso8583::{Dialect, Message, MessageBuilder, fuzzing};
use payment_types::Mti;

/// A small generator; the sequence depends on nothing but the seed.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(limit.max(1)).unwrap()).unwrap()
    }

    fn byte(&mut self) -> u8 {
        self.next().to_be_bytes()[0]
    }

    fn bytes(&mut self, longest: usize) -> Vec<u8> {
        (0..self.below(longest + 1)).map(|_| self.byte()).collect()
    }

    /// Changes, drops, doubles or inserts a few bytes.
    fn damage(&mut self, data: &mut Vec<u8>) {
        for _ in 0..self.below(4) {
            let at = self.below(data.len() + 1);
            match self.below(5) {
                0 => data.truncate(at),
                1 => data.insert(at, self.byte()),
                2 if at < data.len() => drop(data.remove(at)),
                3 if at < data.len() => data[at] ^= 1 << self.below(8),
                _ if at < data.len() => data[at] = self.byte(),
                _ => {}
            }
        }
    }
}

/// A message with some elements, valid in the dialect.
fn valid(dialect: &Dialect, random: &mut Random) -> Vec<u8> {
    let mut builder = MessageBuilder::new(dialect, Mti::parse("0200").unwrap());
    for format in dialect.elements() {
        if random.below(6) > 0 {
            continue;
        }
        let de = format.element();
        let longest = usize::try_from(format.max_length()).unwrap().min(60);
        let length = if format.is_variable() { random.below(longest + 1) } else { longest };
        let digits: Vec<u8> = (0..length).map(|_| b'0' + random.byte() % 10).collect();
        if builder.set_text(de, &digits).is_err() {
            let signed = [b"C".as_slice(), &digits[..length.saturating_sub(1)]].concat();
            let bytes: Vec<u8> = (0..length).map(|_| random.byte()).collect();
            if builder.set_text(de, &signed).is_err() {
                builder.set_binary(de, &bytes).unwrap();
            }
        }
    }
    let mut out = Vec::new();
    builder.write(&mut out).unwrap();
    out
}

#[test]
fn messages() {
    let mut random = Random(0x5EED_0001);
    for round in 0..6_000 {
        fuzzing::message(&random.bytes(80));
        let choice = u8::try_from(round % Dialect::SHIPPED.len()).unwrap();
        let dialect = Dialect::shipped(Dialect::SHIPPED[usize::from(choice)]).unwrap();
        let mut data = valid(&dialect, &mut random);
        if round % 4 > 0 {
            random.damage(&mut data);
        } else {
            assert!(Message::parse(&dialect, &data).is_ok(), "{choice}: {data:02x?}");
        }
        data.insert(0, choice);
        fuzzing::message(&data);
    }
}

#[test]
fn streams() {
    let mut random = Random(0x5EED_0002);
    for _ in 0..6_000 {
        fuzzing::framing(&random.bytes(60));
        // Lengths that are likely, so that frames come out.
        let mut data = vec![random.byte(), random.byte(), random.byte()];
        for _ in 0..random.below(4) {
            let body = random.bytes(30);
            let length = u8::try_from(body.len()).unwrap();
            match random.below(3) {
                0 => data.extend([0, length]),
                1 => data.extend(format!("{length:04}").bytes()),
                _ => data.extend([0, 0, 0, length]),
            }
            data.extend(body);
        }
        fuzzing::framing(&data);
    }
}

#[test]
fn dialect_files() {
    let mut random = Random(0x5EED_0003);
    let own = br#"
base = "iso87-bcd"
name = "x"
version = 1987
tertiary = "element-65"
[defaults]
numbers = "ebcdic"
odd = "right"
[elements]
48 = { format = "b..499 LLL", counts = "nibbles" }
60 = "n..7 LLLL"
65 = false
130 = { format = "n7", coding = "bcd", pad = "F", justify = "left", fill = "F" }
[elements.62]
format = "ans..999 LLL"
subfields = { by = "tlv", tag_digits = 2, length_digits = 2, parts = { 01 = "n..4" } }
"#;
    let compiled = Dialect::from_toml(core::str::from_utf8(own).unwrap(), "own");
    assert!(compiled.is_ok(), "{}", compiled.unwrap_err());
    for _ in 0..200 {
        fuzzing::dialect_file(&random.bytes(40));
        let mut data = own.to_vec();
        random.damage(&mut data);
        random.damage(&mut data);
        fuzzing::dialect_file(&data);
    }
}
