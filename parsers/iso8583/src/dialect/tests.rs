//! Dialect files: the shipped ones load, and mistakes are named with their place.

use super::*;

#[test]
fn accepts_every_shipped_dialect() {
    for name in Dialect::SHIPPED {
        let text = Dialect::shipped_file(name).unwrap();
        match Dialect::from_toml(text, name) {
            Ok(dialect) => assert_eq!(dialect.name(), *name),
            Err(errors) => panic!("{errors}"),
        }
        assert!(Dialect::shipped(name).is_some());
    }
    assert!(Dialect::shipped("iso86").is_none());
}

/// The mistakes in a file, as it is told to a person.
fn mistakes(text: &str) -> String {
    Dialect::from_toml(text, "bank.toml").unwrap_err().to_string()
}

#[test]
fn accepts_a_file_that_builds_on_another() {
    let text =
        "base = \"iso87-bcd\"\nname = \"bank\"\n[elements]\n48 = \"b..999 LLL\"\n63 = false\n";
    let dialect = Dialect::from_toml(text, "bank.toml").unwrap();
    let base = Dialect::shipped("iso87-bcd").unwrap();
    assert_eq!((dialect.name(), dialect.version()), ("bank", 0));
    assert_eq!(dialect.element(48).unwrap().notation(), "b..999 LLL");
    assert_eq!(dialect.element(48).unwrap().name(), base.element(48).unwrap().name());
    assert!(dialect.element(63).is_none() && base.element(63).is_some());
    // What is not said is as in the base.
    for de in (2..=128).filter(|de| ![48, 63].contains(de)) {
        assert_eq!(dialect.element(de), base.element(de), "{de}");
    }
}

#[test]
fn shipped_dialects_differ_only_where_they_say() {
    let formats = |name| {
        let dialect = Dialect::shipped(name).unwrap();
        (2..=128).map(|de| dialect.element(de).map(|e| e.notation().to_owned())).collect::<Vec<_>>()
    };
    let ascii = formats("iso87-ascii");
    for name in ["iso87-bcd", "iso87-ebcdic", "iso87-ascii-binary-bitmap"] {
        let other = formats(name);
        let differ = (2..=128).filter(|de| ascii[de - 2] != other[de - 2]).collect::<Vec<_>>();
        assert_eq!(differ, if name.contains("bitmap") { vec![] } else { vec![55] }, "{name}");
    }
    assert_eq!(formats("iso93-ascii"), formats("iso93-bcd"));
}

#[test]
fn refuses_a_file_and_says_everything_at_once() {
    let text = r#"name = "bank"
version = 1988
mti = "hex"
colour = "red"

[defaults]
numbers = "binary"

[elements]
2 = "n..19"
3 = 6
4 = { format = "n12", coding = "raw" }
5 = { name = "no format" }
6 = { format = "b..300 LL", lengths = "binary" }
7 = { format = "n..100 LL" }
8 = { format = "n8", pad = "space", coding = "bcd" }
129 = "n3"
x = "n3"
9 = { format = "b..70000 LLLLL" }
10 = { format = "ans..10 LL", pad = "F" }
[elements.60]
format = "ans..99 LL"
subfields = { parts = { 1 = "n2" } }
[elements.61]
format = "ans..99 LL"
subfields = { by = "position", parts = { a = "n2" } }
[elements.62]
format = "ans..99 LL"
subfields = { by = "tlv", parts = { 01 = "n..2 LL", 02 = "x+n8" } }
"#;
    let said = mistakes(text);
    for expected in [
        "bank.toml:2: version: `1988` is not one of 1987, 1993, 2003",
        "bank.toml:3: mti: `hex` is not one of ascii, bcd, ebcdic",
        "bank.toml:4: colour: unknown key; known here: base, bitmap, mti, name, tertiary, version",
        "bank.toml:7: defaults.numbers: `binary` is not one of ascii, bcd, ebcdic",
        "bank.toml:10: elements.2.format: `n..19` needs the digits of its length prefix",
        "bank.toml:11: elements.3: expected a format",
        "bank.toml:12: elements.4.coding: `raw` is not one of ascii, bcd, ebcdic",
        "bank.toml:13: elements.5: has no format",
        "bank.toml:14: elements.6: its length prefix can say at most 255, not 300",
        "bank.toml:15: elements.7: its length prefix can say at most 99, not 100",
        "bank.toml:16: elements.8: packed digits cannot be padded with spaces",
        "bank.toml:17: elements.129: is not a data element",
        "bank.toml:18: elements.x: is not a data element",
        "bank.toml:19: elements.9: longer than any message",
        "bank.toml:20: elements.10: pad F is for fixed packed digits",
        "elements.60.subfields: does not say `by` what",
        "elements.61.subfields.parts.a: parts are numbered",
        "elements.62.subfields.parts.01.format: `n..2 LL` stands behind a tag",
        "elements.62.subfields.parts.02.format: x+n cannot stand behind a tag",
    ] {
        assert!(said.contains(expected), "{expected:?} is not in\n{said}");
    }
    assert_eq!(Dialect::from_toml(text, "bank.toml").unwrap_err().len(), 19, "{said}");
}

#[test]
fn refuses_what_is_not_toml_and_names_the_line() {
    let said = mistakes("name = \"bank\"\nversion = 1987\n[elements\n");
    assert!(said.contains("bank.toml:3: "), "{said}");
    assert!(mistakes("").contains("name: is missing"));
    assert!(
        mistakes("base = \"iso86\"").contains("base: `iso86` is not a shipped dialect (iso87-")
    );
}
