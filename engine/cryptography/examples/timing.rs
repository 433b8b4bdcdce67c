//! Whether the time some functions take tells what they were given: Welch's t-test over two classes
//! of input (after `dudect`: Reparaz, Balasch, Verbauwhede, 2017). Not a test of the test suite,
//! since a busy machine makes noise; run it alone:
//!
//!     cargo run --release -p cryptography --example timing
//!
//! Each function runs on inputs of a fixed and a varying class in random order; |t| above 4.5 says
//! that the classes take different times. One comparison that leaks on purpose shows that the
//! method sees one. What it means and what it cannot show is in `deploy/docs/checks.md`.

#![allow(clippy::print_stdout, clippy::expect_used, clippy::cast_precision_loss)]

use cryptography::ibm3624::{self, DecimalizationTable};
use cryptography::{CardValue, ClearKey, Mac, MacAlgorithm, MacKey, Padding, Pin, PinBlockFormat};
use cryptography::{TdesKey, card_value, mac, pin_block, pvv};
use payment_types::Pan;
use std::hint::black_box;
use std::time::Instant;

const SAMPLES: usize = 400_000;
/// Calls per sample, so that one sample is well above the clock's grain.
const CALLS: usize = 16;

/// A small generator of reproducible numbers (xorshift64*): what it makes is no secret.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn block(&mut self) -> [u8; 8] {
        self.next().to_be_bytes()
    }
}

/// Welch's t of the two classes, samples above a percentile cut off as dudect does.
fn welch(times: &[(bool, u64)]) -> f64 {
    let mut sorted: Vec<u64> = times.iter().map(|(_, time)| *time).collect();
    sorted.sort_unstable();
    let cut = sorted[sorted.len() * 9 / 10];
    let moments = |class: bool| {
        let of: Vec<f64> = times
            .iter()
            .filter(|(fixed, time)| *fixed == class && *time <= cut)
            .map(|(_, time)| *time as f64)
            .collect();
        let mean = of.iter().sum::<f64>() / of.len() as f64;
        let variance = of.iter().map(|time| (time - mean).powi(2)).sum::<f64>();
        (mean, variance / (of.len() - 1) as f64, of.len() as f64)
    };
    let ((a, va, na), (b, vb, nb)) = (moments(true), moments(false));
    (a - b) / (va / na + vb / nb).sqrt()
}

/// Measures a function on inputs that `fixed` and `varying` make.
fn measure<I, T>(
    name: &str,
    mut fixed: impl FnMut(&mut Numbers) -> I,
    mut varying: impl FnMut(&mut Numbers) -> I,
    mut work: impl FnMut(&I) -> T,
) {
    let mut numbers = Numbers(0x9E37_79B9_7F4A_7C15);
    let mut times = Vec::with_capacity(SAMPLES);
    for _ in 0..SAMPLES {
        let class = numbers.next() & 1 == 1;
        // Both are made, so that the caches have seen as much of either.
        let (one, other) = (fixed(&mut numbers), varying(&mut numbers));
        let input = if class { one } else { other };
        let start = Instant::now();
        for _ in 0..CALLS {
            black_box(work(black_box(&input)));
        }
        let time = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        times.push((class, time));
    }
    let t = welch(&times[SAMPLES / 10..]);
    let verdict = if t.abs() > 4.5 { "DIFFERENT" } else { "no difference seen" };
    println!("{name:<58} |t| = {:>8.2}  {verdict}", t.abs());
}

/// As compilers and people write it: ends at the first difference.
fn leaky(a: &[u8; 16], b: &[u8; 16]) -> bool {
    a.iter().zip(b).all(|(a, b)| black_box(a) == black_box(b))
}

fn pan() -> Pan {
    Pan::from_ascii(b"9417000000000009").expect("a card number")
}

fn key() -> TdesKey {
    let key = ClearKey::from_hex("0123456789ABCDEFFEDCBA9876543210").expect("a key");
    TdesKey::new(&key).expect("a key")
}

/// An ASCII digit of a number.
fn digit(number: u64) -> u8 {
    let [byte, ..] = (number >> 32).to_le_bytes();
    b'0' + byte % 10
}

fn comparisons() {
    let secret = [7u8; 16];
    let noise = |numbers: &mut Numbers| {
        let mut all = [0; 16];
        all[..8].copy_from_slice(&numbers.block());
        all[8..].copy_from_slice(&numbers.block());
        all
    };
    measure(
        "(a comparison that leaks on purpose)",
        |numbers| {
            noise(numbers);
            secret
        },
        noise,
        |given| leaky(&secret, given),
    );
    let data = b"what a message says";
    let made: Mac = mac::mac(MacAlgorithm::Iso9797Alg3, Padding::One, MacKey::Tdes(&key()), data)
        .expect("a MAC");
    let right: [u8; 8] = made.as_bytes().try_into().expect("eight bytes");
    measure(
        "MAC compared: right, random",
        |numbers| {
            numbers.block();
            right
        },
        Numbers::block,
        |given| made.matches(given),
    );
    let value: CardValue = card_value::icvv(&key(), &pan(), *b"2912").expect("a value");
    let right: [u8; 3] = value.expose_digits().try_into().expect("three digits");
    let digits =
        |numbers: &mut Numbers| [numbers.next(), numbers.next(), numbers.next()].map(digit);
    measure(
        "CVV compared: right, random",
        |numbers| {
            digits(numbers);
            right
        },
        digits,
        |given| value.matches(given),
    );
}

fn pins() {
    let pan = pan();
    let pin = Pin::from_ascii(b"4739").expect("a PIN");
    for (format, name) in [
        (PinBlockFormat::Iso0, "PIN block 0 taken apart: good, random"),
        (PinBlockFormat::Iso1, "PIN block 1 taken apart: good, random"),
        (PinBlockFormat::Iso3, "PIN block 3 taken apart: good, random"),
    ] {
        let good = *pin_block::encode(format, &pin, &pan, &[0xA; 14]).expect("a block");
        measure(
            name,
            |numbers| {
                numbers.block();
                good
            },
            Numbers::block,
            |clear| pin_block::decode(format, clear, &pan),
        );
    }
    let field = *pin_block::pin_field_iso4(&pin, [5; 8]);
    let random = |numbers: &mut Numbers| {
        let mut all = [0; 16];
        all[..8].copy_from_slice(&numbers.block());
        all[8..].copy_from_slice(&numbers.block());
        all
    };
    measure(
        "PIN field 4 taken apart: good, random",
        |numbers| {
            random(numbers);
            field
        },
        random,
        pin_block::decode_pin_field_iso4,
    );
}

fn pin_references() {
    let pan = pan();
    let pin = Pin::from_ascii(b"4739").expect("a PIN");
    let pin_of = |numbers: &mut Numbers| {
        let digits = numbers.block().map(|byte| b'0' + byte % 10);
        Pin::from_ascii(&digits[..4]).expect("four digits")
    };
    let expected = pvv::pvv(&key(), 1, &pan, &pin).expose_digits();
    let the_block = key().encrypt(*pvv::input(1, &pan, &pin));
    measure(
        "PVV decimalized and compared: one block, random blocks",
        |numbers| {
            numbers.block();
            the_block
        },
        Numbers::block,
        |block| pvv::from_block(*block).ct_eq(&expected),
    );
    let table = DecimalizationTable::USUAL;
    let natural = ibm3624::natural_pin(&key(), &table, &[1, 2, 3, 4, 5, 6, 7, 8]);
    let offset = ibm3624::offset(&natural, &pin);
    measure(
        "IBM 3624 offset verified: right PIN, random PINs",
        |numbers| {
            drop(pin_of(numbers));
            Pin::from_ascii(b"4739").expect("a PIN")
        },
        pin_of,
        |given| ibm3624::verify(&natural, &offset, given),
    );
    measure(
        "IBM 3624 digits of a block: one block, random blocks",
        |numbers| {
            numbers.block();
            the_block
        },
        Numbers::block,
        |block| ibm3624::from_block(&table, *block),
    );
}

fn ciphers() {
    let key = key();
    measure(
        "triple DES (RustCrypto): one block, random blocks",
        |numbers| {
            numbers.block();
            [0x55; 8]
        },
        Numbers::block,
        |block| key.encrypt(*block),
    );
}

fn main() {
    println!("{SAMPLES} samples of {CALLS} calls each; |t| above 4.5 is a difference");
    comparisons();
    pins();
    pin_references();
    ciphers();
}
