//! Messages become requests: the same request, whatever the dialect and the edition.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use authorization::{CardNumber, PinFact, Request, SecurityFacts};
use common::{
    DIALECTS_1987, DIALECTS_1993, Desk, Fields, PAN, TERMINAL_KEY, body, dialects, fields, link,
    pin_block, purchase,
};
use interchange::Link;
use payment_types::{
    AcceptorId, AcquirerId, Amount, Currency, EntryMode, ExpiryDate, MerchantCategoryCode, Mti,
    Pan, PosConditionCode, ProcessingCode, Rrn, Stan, TerminalId, WireDateTime,
};
use security::SecurityModule;

fn expected(desk: &Desk) -> Request {
    let pan = Pan::from_ascii(PAN.as_bytes()).unwrap();
    let digest = desk.security.pan_digest(&pan);
    Request {
        mti: Mti::parse("0200").unwrap(),
        processing_code: ProcessingCode::from_number(0).unwrap(),
        card: Some(CardNumber { digest, masked: pan.masked(), leading: pan.leading() }),
        amount: Amount::new(50_000, Currency::KGS),
        cash_back: None,
        surcharge: None,
        sender_told: false,
        stan: Stan::new(7).unwrap(),
        rrn: Rrn::new(b"632710000007"),
        transmission: WireDateTime::from_number(1_123_040_000).unwrap(),
        local: WireDateTime::from_number(1_123_100_000).unwrap(),
        expiry: ExpiryDate::from_number(2912),
        entry_mode: EntryMode::from_number(51).unwrap(),
        condition: PosConditionCode(0),
        acquirer: AcquirerId(417_001),
        forwarding: AcquirerId(22),
        terminal: TerminalId::new(b"POS00001").unwrap(),
        acceptor: AcceptorId::new(b"M1").unwrap(),
        mcc: Some(MerchantCategoryCode(5411)),
        authorization_code: None,
        original: None,
        replacement: None,
        extra: None,
        facts: SecurityFacts::of_pin(PinFact::NotPresent),
    }
}

/// The purchase with some elements set, or taken out where the value is empty.
fn changed(link: &Link, changes: &[(u8, &str)]) -> Fields {
    let mut all = purchase(link.dialect());
    all.extend(fields(changes));
    all.retain(|_, value| !value.is_empty());
    all
}

fn request(desk: &Desk, link: &Link, mti: &str, changes: &[(u8, &str)]) -> Request {
    desk.request(link, &body(link.dialect(), mti, &changed(link, changes)))
}

#[test]
fn a_purchase_is_the_same_request_in_every_dialect() {
    let desk = Desk::new();
    for name in dialects() {
        let link = link(name);
        let mut expected = expected(&desk);
        if link.dialect().version() == 0 {
            expected.condition = PosConditionCode(2);
        }
        assert_eq!(request(&desk, &link, "0200", &[]), expected, "{name}");
        for mti in ["0100", "0101", "0120", "0121", "0201", "0220", "0221"] {
            expected.mti = Mti::parse(mti).unwrap();
            assert_eq!(request(&desk, &link, mti, &[]), expected, "{name} {mti}");
        }
    }
}

#[test]
fn the_card_may_be_in_track_2() {
    let desk = Desk::new();
    for name in dialects() {
        let link = link(name);
        let track = format!("{PAN}=29122011000000000");
        let whole = request(&desk, &link, "0200", &[(35, &track)]);
        let only = request(&desk, &link, "0200", &[(2, ""), (14, ""), (35, &track)]);
        assert_eq!(whole, only, "{name}");
        assert_eq!((only.card, only.expiry), (expected(&desk).card, ExpiryDate::from_number(2912)));
        let told = request(&desk, &link, "0200", &[(14, "2801"), (35, &track)]);
        assert_eq!(told.expiry, ExpiryDate::from_number(2801), "{name}: DE 14 wins");
        let none = format!("{PAN}==201");
        assert_eq!(request(&desk, &link, "0200", &[(14, ""), (35, &none)]).expiry, None);
    }
}

#[test]
fn what_may_be_absent() {
    let desk = Desk::new();
    for name in dialects() {
        let link = link(name);
        let absent = [13, 14, 18, 22, 24, 25, 26, 32, 33, 37, 42].map(|de| (de, ""));
        let request = request(&desk, &link, "0200", &absent);
        assert_eq!((request.rrn, request.expiry, request.mcc), (None, None, None), "{name}");
        assert_eq!((request.acquirer.0, request.forwarding.0), (0, 0), "{name}");
        assert_eq!(request.entry_mode, EntryMode::default(), "{name}");
        assert_eq!(request.acceptor, AcceptorId::default(), "{name}");
    }
}

#[test]
fn one_of_both_times_is_enough() {
    let desk = Desk::new();
    for name in dialects() {
        let link = link(name);
        let local_only = request(&desk, &link, "0200", &[(7, "")]);
        assert_eq!(local_only.transmission, WireDateTime::default(), "{name}");
        assert_eq!(local_only.local.number(), 1_123_100_000, "{name}");
        let sent_only = request(&desk, &link, "0200", &[(12, ""), (13, "")]);
        assert_eq!(sent_only.local, WireDateTime::default(), "{name}");
        assert_eq!(sent_only.transmission.number(), 1_123_040_000, "{name}");
    }
    let half = request(&desk, &link("iso87-bcd"), "0200", &[(13, "")]);
    assert_eq!(half.local, WireDateTime::default(), "a time without a day");
}

#[test]
fn agt_4_the_cash_part_is_in_de_54() {
    let desk = Desk::new();
    for name in dialects() {
        let link = link(name);
        let cash = |text| request(&desk, &link, "0200", &[(3, "090000"), (54, text)]).cash_back;
        assert_eq!(cash("0040417D000000100000"), Some(100_000), "{name}");
        assert_eq!(cash("2040417C000000000050"), Some(50), "{name}");
        assert_eq!(cash("0001840C0000000000010040417D000000100000"), Some(100_000), "{name}");
        assert_eq!(cash("0002417C000000000001"), None, "{name}");
    }
}

#[test]
fn txn_2_a_reversal_names_its_original_and_what_stays() {
    let desk = Desk::new();
    let original = "020000000711230400000000041700100000000022";
    for name in DIALECTS_1987 {
        let link = link(name);
        let stays = "000000020000000000000000C00000000C00000000";
        let full = request(&desk, &link, "0400", &[(90, original)]);
        let named = full.original.unwrap();
        assert_eq!(named.to_string(), original, "{name}");
        assert_eq!((full.mti.to_string(), full.replacement), ("0400".into(), None), "{name}");
        let partial = request(&desk, &link, "0420", &[(90, original), (95, stays)]);
        assert_eq!((partial.amount.minor(), partial.replacement), (50_000, Some(20_000)), "{name}");
        // DE 95 means this only in a reversal.
        assert_eq!(request(&desk, &link, "0200", &[(95, "free text")]).replacement, None, "{name}");
    }
}

#[test]
fn txn_2_the_later_editions_say_it_otherwise() {
    let desk = Desk::new();
    for name in DIALECTS_1993 {
        let link = link(name);
        let named = (56, "120000000726112310000006417001");
        let amounts = "000000050000000000000000";
        let full = request(&desk, &link, "0420", &[named, (24, "400")]);
        assert_eq!((full.amount.minor(), full.replacement), (50_000, None), "{name}");
        let original = full.original.unwrap();
        assert_eq!((original.stan.number(), original.acquirer.0), (7, 417_001), "{name}");
        assert_eq!(original.transmission, WireDateTime::default(), "{name}");
        for (function, told, stays) in [
            ("401", "000000020000", Some(20_000)),
            ("401", "000000050000", Some(50_000)),
            ("400", "000000050000", None),
            ("400", "000000020000", None),
            ("", "000000020000", Some(20_000)),
            ("", "000000050000", None),
        ] {
            let changes = [named, (4, told), (30, amounts), (24, function)];
            let partial = request(&desk, &link, "0420", &changes);
            let found = (partial.amount.minor(), partial.replacement);
            assert_eq!(found, (50_000, stays), "{name} {function} {told}");
        }
        let purchase = request(&desk, &link, "0200", &[(30, amounts), (4, "000000000001")]);
        assert_eq!((purchase.amount.minor(), purchase.replacement), (1, None), "{name}");
    }
}

#[test]
fn txn_4_a_completion_carries_the_approval_code() {
    let desk = Desk::new();
    for name in dialects() {
        let link = link(name);
        let completion = request(&desk, &link, "0220", &[(38, "ABC123")]);
        assert_eq!(completion.authorization_code.unwrap().as_str(), "ABC123", "{name}");
    }
}

#[test]
fn inquiries_and_reversals_may_lack_an_amount() {
    let desk = Desk::new();
    for name in dialects() {
        let link = link(name);
        let bare = [(4, ""), (49, "")];
        let inquiry = request(&desk, &link, "0200", &[(3, "310000"), bare[0], bare[1]]);
        assert_eq!(inquiry.amount, Amount::new(0, Currency::KGS), "{name}");
        let dollars = request(&desk, &link, "0200", &[(3, "310000"), (4, ""), (49, "840")]);
        assert_eq!(dollars.amount, Amount::new(0, Currency::USD), "{name}");
        let reversal = request(&desk, &link, "0420", &[bare[0], bare[1], (2, ""), (14, "")]);
        assert_eq!((reversal.amount.minor(), reversal.card), (0, None), "{name}");
    }
}

#[test]
fn a_listener_may_assume_a_currency() {
    let desk = Desk::new();
    let link = link("iso87-bcd").with_default_currency(Currency::KGS);
    let silent = request(&desk, &link, "0200", &[(49, "")]);
    assert_eq!(silent.amount, Amount::new(50_000, Currency::KGS));
    assert_eq!(request(&desk, &link, "0200", &[(49, "840")]).amount.currency(), Currency::USD);
    let letters = request(&desk, &common::link("iso93-bcd"), "0200", &[(49, "EUR")]);
    assert_eq!(letters.amount.currency(), Currency::EUR);
}

#[test]
fn pin_2_a_block_becomes_a_fact() {
    let desk = Desk::new();
    let other_key = "89ABCDEF0123456776543210FEDCBA98";
    let stranger = "9417000000000025";
    for name in dialects() {
        let link = link(name);
        let fact = |terminal: &str, card: &str, block: &str, mti: &str| {
            let changes = [(41, terminal), (2, card), (52, block)];
            request(&desk, &link, mti, &changes).facts.pin
        };
        let right = pin_block("1234", PAN, TERMINAL_KEY);
        let wrong = pin_block("9999", PAN, TERMINAL_KEY);
        let garbled = pin_block("1234", PAN, other_key);
        let of_stranger = pin_block("1234", stranger, TERMINAL_KEY);
        for (terminal, card, block, expected) in [
            ("POS00001", PAN, &right, PinFact::OnlineVerified),
            ("POS00001", PAN, &wrong, PinFact::OnlineWrong),
            ("POS00001", PAN, &garbled, PinFact::Unverifiable),
            ("NOKEY001", PAN, &right, PinFact::Unverifiable),
            ("UNKNOWN1", PAN, &right, PinFact::Unverifiable),
            ("POS00001", stranger, &of_stranger, PinFact::Unverifiable),
        ] {
            assert_eq!(fact(terminal, card, block, "0200"), expected, "{name} {terminal}");
            assert_eq!(fact(terminal, card, block, "0100"), expected, "{name} {terminal}");
        }
        assert_eq!(fact("POS00001", PAN, &wrong, "0420"), PinFact::NotPresent, "{name}");
        // The block speaks before the chip.
        let both = [(52, wrong.as_str()), (55, "9F3403410302")];
        let fact = request(&desk, &link, "0200", &both).facts.pin;
        assert_eq!(fact, PinFact::OnlineWrong, "{name}");
    }
}

#[test]
fn ctl_6_a_word_about_a_pin_needs_the_chip_behind_it() {
    let desk = Desk::new();
    for name in DIALECTS_1987 {
        let link = link(name);
        for (mode, icc, expected) in [
            ("059", "", PinFact::NotPresent),
            ("051", "9F3403410302", PinFact::OfflineVerified),
            ("051", "9F3403410301", PinFact::NotPresent),
            ("901", "9F3403410302", PinFact::NotPresent),
            ("071", "9F3403010002", PinFact::DeviceVerified),
            ("071", "9F3403440302", PinFact::NotPresent),
        ] {
            let request = request(&desk, &link, "0200", &[(22, mode), (55, icc)]);
            assert_eq!(request.facts.pin, expected, "{name} {mode} {icc}");
        }
    }
    for name in DIALECTS_1993 {
        let link = link(name);
        for (mode, icc, expected) in [
            ("510101510040", "9F3403410302", PinFact::OfflineVerified),
            ("51010151304C", "", PinFact::NotPresent),
            ("510101M0004C", "9F3403010002", PinFact::DeviceVerified),
            ("510101A0004C", "9F6C020080", PinFact::DeviceVerified),
        ] {
            let request = request(&desk, &link, "0200", &[(22, mode), (55, icc)]);
            assert_eq!(request.facts.pin, expected, "{name} {mode} {icc}");
        }
    }
}

#[test]
fn the_version_digit_changes_nothing() {
    let desk = Desk::new();
    let link = link("iso93-bcd");
    let mut bytes = body(link.dialect(), "0200", &purchase(link.dialect()));
    let usual = desk.request(&link, &bytes);
    bytes[0] &= 0x0F;
    assert_eq!(desk.request(&link, &bytes), usual);
}

#[test]
fn pii_1_nothing_shows_the_card_number() {
    let desk = Desk::new();
    for name in dialects() {
        let link = link(name);
        let track = format!("{PAN}=29122011000000000");
        let whole = changed(&link, &[(35, &track), (52, &pin_block("1234", PAN, TERMINAL_KEY))]);
        let whole = body(link.dialect(), "0200", &whole);
        let broken = changed(&link, &[(35, &track), (54, "no amount")]);
        let broken = body(link.dialect(), "0200", &broken);
        for bytes in [whole, broken] {
            let shown = format!("{:?} {link:?}", desk.receive(&link, &bytes));
            assert!(!shown.contains(PAN) && !shown.contains("00000000000"), "{name}: {shown}");
        }
    }
}
