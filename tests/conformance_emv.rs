//! Chip data of real and generated transactions, decoded by another implementation, must come out
//! of ours the same; data that is no TLV must be refused; and the dictionary must know every tag.
//! No sample has turned out to be wrong itself.

use emv::{IccData, Tag, Tlv, TlvBuilder, TlvReader};
use serde_json::Value;
use tamga_tests::{conformance_json, list, text};

fn assert_matches(id: &str, expected: &Value, tlv: &Tlv<'_>) {
    assert_eq!(tlv.tag.to_string(), text(expected, "tag"), "{id}");
    assert_eq!(tlv.tag.is_constructed(), expected["constructed"] == true, "{id}: {tlv:?}");
    if !tlv.tag.is_constructed() {
        assert_eq!(expected["length"], tlv.value.len(), "{id}: {tlv:?}");
        assert_eq!(hex::encode_upper(tlv.value), text(expected, "value"), "{id}: {tlv:?}");
    }
}

#[test]
fn samples_read_as_the_other_implementation_reads_them() {
    let data = conformance_json("emv/de55.json");
    for sample in list(&data, "samples") {
        let id = text(sample, "id");
        let bytes = hex::decode(text(sample, "hex")).unwrap();
        let read: Vec<_> = TlvReader::new(&bytes)
            .walk()
            .collect::<Result<_, _>>()
            .unwrap_or_else(|error| panic!("{id}: {error}"));
        let expected = list(sample, "tlv");
        assert_eq!(sample["tag_count"], expected.len(), "{id}");
        assert_eq!(read.len(), expected.len(), "{id}");
        for (expected, tlv) in expected.iter().zip(&read) {
            assert_matches(id, expected, tlv);
        }
    }
}

#[test]
fn samples_are_written_as_they_were() {
    let data = conformance_json("emv/de55.json");
    let mut out = Vec::new();
    for sample in list(&data, "samples") {
        let bytes = hex::decode(text(sample, "hex")).unwrap();
        out.clear();
        for tlv in TlvReader::new(&bytes) {
            let tlv = tlv.unwrap();
            TlvBuilder::new(&mut out).push(tlv.tag, tlv.value).unwrap();
        }
        // Shorter only where the sample has padding or a length in a longer form than needed.
        let id = text(sample, "id");
        assert!(out == bytes || out.len() < bytes.len(), "{id}");
        let values = |bytes| TlvReader::new(bytes).map_while(Result::ok).map(|tlv| tlv.value);
        assert!(values(&out).eq(values(&bytes)), "{id}");
        assert_eq!(IccData::parse(&bytes).map(|data| data.bytes()), Ok(bytes.as_slice()));
    }
}

#[test]
fn chip_data_gives_the_values_of_its_tags() {
    let data = conformance_json("emv/de55.json");
    for sample in list(&data, "samples") {
        let id = text(sample, "id");
        let outside = list(sample, "tlv").iter().all(|element| element["constructed"] != true);
        if !outside {
            continue;
        }
        let bytes = hex::decode(text(sample, "hex")).unwrap();
        let icc = IccData::parse(&bytes).unwrap();
        let given = |tag: &str| {
            let element = list(sample, "tlv").iter().find(|element| element["tag"] == tag);
            element.map(|element| text(element, "value").to_owned())
        };
        assert_eq!(icc.atc().map(|atc| format!("{atc:04X}")), given("9F36"), "{id}");
        assert_eq!(icc.tvr().map(|tvr| hex::encode_upper(tvr.bytes())), given("95"), "{id}");
        assert_eq!(icc.cvm_results().is_some(), given("9F34").is_some(), "{id}");
        assert_eq!(icc.find(Tag::APPLICATION_CRYPTOGRAM).map(hex::encode_upper), given("9F26"));
    }
}

#[test]
fn broken_data_is_refused() {
    let data = conformance_json("emv/de55.json");
    for sample in list(&data, "negative") {
        let label = text(sample, "label");
        // Half a byte cannot reach the reader: hex text in a message is refused before it.
        if let Ok(bytes) = hex::decode(text(sample, "hex")) {
            let error = IccData::parse(&bytes).expect_err(label);
            assert!(error.offset <= bytes.len(), "{label}: {error}");
            assert!(TlvReader::new(&bytes).walk().any(|tlv| tlv.is_err()), "{label}");
        }
    }
}

#[test]
fn the_dictionary_has_every_tag() {
    let data = conformance_json("emv/tags.json");
    let tags = data["tags"].as_object().unwrap();
    for (number, given) in tags {
        let tag = Tag::new(u32::from_str_radix(number, 16).unwrap()).expect(number);
        let info = tag.info().expect(number);
        let (name, _) =
            text(given, "name").split_once(". Template").unwrap_or((text(given, "name"), ""));
        assert_eq!(info.name, name.trim_end_matches('.'), "{number}");
    }
    assert_eq!(Tag::dictionary().len(), tags.len());
}
