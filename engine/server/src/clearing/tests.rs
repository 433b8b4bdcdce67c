//! What clearing files may hold, and what is said of those that are wrong.

use super::*;
use payment_types::BusinessDate;
use security::SoftwareModule;
use std::io::Cursor;

const HEADER: &str = "reference,card,type,amount,currency,date,rrn,auth_code,terminal,mcc";

fn today() -> BusinessDate {
    BusinessDate::parse("2026-11-23").unwrap()
}

fn lines(text: &str) -> Records {
    let security = SoftwareModule::ephemeral_for_tests();
    read(&Format::Csv, ("x.csv", 2, text.as_bytes()), today(), &security)
}

#[test]
fn a_record_says_what_a_message_says() {
    let text = format!(
        "{HEADER}\r\nA1,9417000000000016,cash,150.25,KGS,2026-11-20,RRN1,ABC123,ATM00001,6011\r\n\
         \r\nA2,9417000000000016,refund,3,KGS,2026-11-21,,,,\r\n"
    );
    let records = lines(&text);
    assert_eq!(records.refused, []);
    let [first, second] = &records.presentments[..] else { panic!("two records") };
    assert_eq!((first.line, second.line), (2, 4));
    let request = &first.request;
    assert_eq!((request.amount.minor(), request.processing_code.number()), (15_025, 10_000));
    assert_eq!(request.rrn.unwrap().as_str(), "RRN1");
    assert_eq!(request.authorization_code.unwrap().as_str(), "ABC123");
    assert_eq!((request.terminal.as_str(), request.mcc.unwrap().0), ("ATM00001", 6011));
    assert_eq!(request.card.unwrap().masked.as_str(), "941700******0016");
    assert_eq!((second.request.rrn, second.request.terminal.as_str()), (None, ""));
    assert_eq!(second.operation.to_string(), "2026-11-21");
}

#[test]
fn columns_stand_in_any_order_and_may_be_left_out() {
    let text = "date;currency;amount;type;card;reference\n\
                2026-11-20;KGS;1.00;purchase;9417000000000016;A1\n";
    let records = lines(text);
    assert_eq!((records.refused.len(), records.presentments.len()), (0, 1));
    for (header, wrong) in [
        ("reference,card,type,amount,currency", "date is missing"),
        ("reference,reference,card,type,amount,currency,date", "stands twice"),
        ("reference,card,type,amount,currency,date,note", "\"note\" is no column"),
        ("", "is no column"),
        ("9417000000000016,A", "\"941700******0016\" is no column"),
    ] {
        let records = lines(&format!("{header}\n"));
        assert!(records.refused[0].1.contains(wrong), "{header}: {:?}", records.refused);
    }
}

#[test]
fn what_is_wrong_is_told_by_line_and_column_and_shows_no_card_number() {
    let good = ["A1", "9417000000000016", "purchase", "1.00", "KGS", "2026-11-20", "", "", "", ""];
    for (column, value, wrong) in [
        (0, "", "reference: is missing"),
        (0, "A B", "reference: is not"),
        (0, "9417000000000016", "reference: holds a card number"),
        (0, "X-9417000000000024", "reference: holds a card number"),
        (1, "94170000000000X6", "card: "),
        (1, "123", "card: "),
        (2, "gift", "type: is none of purchase, cash, refund"),
        (3, "0.00", "amount: must be above zero"),
        (3, "1.234", "amount: "),
        (3, "-1.00", "amount: "),
        (3, "ten", "amount: "),
        (4, "XYZ", "currency: is no currency"),
        (5, "20.11.2026", "date: "),
        (5, "2026-02-30", "date: "),
        (6, "1234567890123", "rrn: is not 1 to 12 characters"),
        (7, "1234567", "auth_code: is not 1 to 6 characters"),
        (8, "123456789", "terminal: is not 1 to 8 characters"),
        (9, "12345", "mcc: is not four digits"),
    ] {
        let mut fields = good;
        fields[column] = value;
        let records = lines(&format!("{HEADER}\n{}\n", fields.join(",")));
        let [(line, why)] = &records.refused[..] else { panic!("{:?}", records.refused) };
        assert_eq!(*line, 2);
        assert!(why.starts_with(wrong), "{why}");
        assert!(!why.contains("94170000"), "{why}");
    }
    let records = lines(&format!("{HEADER}\nA1,9417000000000016\n"));
    assert_eq!(records.refused, [(2, "has 2 columns, the header has 10".to_owned())]);
}

/// All parts of a file, as they are read on the other side.
fn cut(format: &Format, file: &[u8]) -> Result<Records, String> {
    let security = SoftwareModule::ephemeral_for_tests();
    let mut cutter = Cutter::new(Cursor::new(file), format.clone())?;
    let mut all = Records::default();
    while let Some(part) = cutter.part()? {
        let records = read(format, ("x", part.first, &part.bytes), today(), &security);
        all.presentments.extend(records.presentments);
        all.refused.extend(records.refused);
    }
    Ok(all)
}

#[test]
fn a_long_file_is_cut_between_records() {
    use std::fmt::Write;
    let mut text = format!("{HEADER}\n");
    let count = source::PART * 2 + 7;
    for number in 0..count {
        writeln!(text, "A{number},9417000000000016,purchase,1.00,KGS,2026-11-20,,,,").unwrap();
    }
    let records = cut(&Format::Csv, text.trim_end().as_bytes()).unwrap();
    assert_eq!(records.refused, []);
    let lines: Vec<u32> = records.presentments.iter().map(|record| record.line).collect();
    assert!(lines.iter().copied().eq(2..2 + count));
    let long = format!("{HEADER}\n{}", "x".repeat(5000));
    assert!(cut(&Format::Csv, long.as_bytes()).err().unwrap().contains("line 2: is longer"));
}

fn messages(mtis: &[&str]) -> (Format, Vec<u8>) {
    let dialect = iso8583::Dialect::shipped("iso87-bcd").unwrap();
    let framing = iso8583::Framing::new("u16be", false, &[], 8192).unwrap();
    let mut file = Vec::new();
    for mti in mtis {
        let mti = payment_types::Mti::parse(mti).unwrap();
        let mut builder = iso8583::MessageBuilder::new(&dialect, mti);
        for (de, value) in [
            (2, "9417000000000016"),
            (3, "000000"),
            (4, "000000010000"),
            (7, "1120101500"),
            (11, "000007"),
            (12, "161500"),
            (13, "1120"),
            (32, "417001"),
            (37, "632723000007"),
            (41, "POS00001"),
            (49, "417"),
        ] {
            builder.set_text(de, value.as_bytes()).unwrap();
        }
        let mut body = Vec::new();
        builder.write(&mut body).unwrap();
        framing.encode(None, &body, &mut file).unwrap();
    }
    (Format::iso(dialect, "u16be").unwrap(), file)
}

#[test]
fn messages_0220_and_0320_are_presentments() {
    let (format, file) = messages(&["0220", "0320"]);
    let records = cut(&format, &file).unwrap();
    assert_eq!(records.refused, []);
    let numbers: Vec<u32> = records.presentments.iter().map(|record| record.line).collect();
    assert_eq!(numbers, [1, 2]);
    let first = &records.presentments[0];
    assert_eq!(first.reference, "417001-POS00001-632723000007-000007-1120101500");
    assert_eq!(first.operation.to_string(), "2026-11-20");
    assert_eq!(first.request.mti, authorization::PRESENTMENT);
}

#[test]
fn other_messages_and_broken_files_are_refused_with_their_number() {
    let (format, file) = messages(&["0220", "0200"]);
    let records = cut(&format, &file).unwrap();
    assert_eq!(records.refused[0].0, 2);
    assert!(records.refused[0].1.contains("0200 is neither 0220 nor 0320"));
    let half = &file[..file.len() - 1];
    assert!(cut(&format, half).err().unwrap().contains("message 2: the file ends"));
    let records = cut(&format, &[0, 3, 1, 2, 3]).unwrap();
    assert_eq!(records.refused[0].0, 1);
    assert!(cut(&format, &[0, 0]).is_err(), "an empty frame");
}
