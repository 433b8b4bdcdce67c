//! What holds for any data: round trips, and that no input makes the reader fall over.

use emv::{Tag, TlvBuilder, TlvReader, fuzzing};
use proptest::prelude::*;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A data object to be written: a primitive value, or a template of others.
#[derive(Debug, Clone)]
enum Node {
    Value(Tag, Vec<u8>),
    Template(Tag, Vec<Node>),
}

fn tag(constructed: bool) -> impl Strategy<Value = Tag> {
    let one = any::<u8>().prop_map(u32::from);
    let two = any::<u16>().prop_map(u32::from);
    let three = any::<u32>().prop_map(|number| number & 0xFF_FFFF);
    prop_oneof![one, two, three, any::<u32>()]
        .prop_filter_map("not a tag", Tag::new)
        .prop_filter("not of the kind", move |tag| tag.is_constructed() == constructed)
}

fn node() -> impl Strategy<Value = Node> {
    let value = prop::collection::vec(any::<u8>(), 0..300);
    let leaf = (tag(false), value).prop_map(|(tag, value)| Node::Value(tag, value));
    leaf.prop_recursive(5, 24, 4, |inner| {
        (tag(true), prop::collection::vec(inner, 0..4))
            .prop_map(|(tag, children)| Node::Template(tag, children))
    })
}

fn write(builder: &mut TlvBuilder<'_>, nodes: &[Node]) -> Result<(), emv::BuildError> {
    for node in nodes {
        match node {
            Node::Value(tag, value) => builder.push(*tag, value)?,
            Node::Template(tag, children) => {
                builder.template(*tag, |inner| write(inner, children))?
            }
        };
    }
    Ok(())
}

fn assert_same(nodes: &[Node], reader: TlvReader<'_>) {
    let read: Vec<_> = reader.map_while(Result::ok).collect();
    assert_eq!(nodes.len(), read.len());
    for (node, tlv) in nodes.iter().zip(read) {
        match (node, tlv.children()) {
            (Node::Value(tag, value), None) => {
                assert_eq!((*tag, value.as_slice()), (tlv.tag, tlv.value));
            }
            (Node::Template(tag, inner), Some(children)) => {
                assert_eq!(*tag, tlv.tag);
                assert_same(inner, children);
            }
            _ => panic!("{tlv:?} read as another kind"),
        }
    }
}

proptest! {
    #[test]
    fn what_is_written_reads_back(nodes in prop::collection::vec(node(), 0..6)) {
        let mut out = Vec::new();
        write(&mut TlvBuilder::new(&mut out), &nodes).unwrap();
        assert_same(&nodes, TlvReader::new(&out));
        prop_assert!(TlvReader::new(&out).walk().all(|tlv| tlv.is_ok()));
    }

    #[test]
    fn padding_changes_nothing(
        nodes in prop::collection::vec(node(), 1..4),
        before in 0usize..4,
        after in prop_oneof![Just(0x00u8), Just(0xFF)],
        count in 0usize..4,
    ) {
        let mut out = vec![0; before];
        write(&mut TlvBuilder::new(&mut out), &nodes).unwrap();
        out.extend(std::iter::repeat_n(after, count));
        assert_same(&nodes, TlvReader::new(&out));
    }
}

/// Chip data of a test transaction, with a template in it.
const SAMPLE: &str = "9F2608CC473F4A4CE18D3A9F2701809F3602004195050000008000820219809F3403010002\
                      9F6E0420700000710E9F180411223344860584240000009F0607A0000000041010\
                      DFEE12020102";

#[test]
fn nothing_makes_the_reader_fall_over() {
    let sample = hex::decode(SAMPLE).unwrap();
    fuzzing::tlv(&sample);
    assert!(emv::IccData::parse(&sample).is_ok());
    let mut random = ChaCha8Rng::seed_from_u64(0x7A6D_6761);
    let mut data = Vec::new();
    for round in 0..60_000 {
        data.clear();
        if round % 3 == 0 {
            data.resize(random.random_range(0..80), 0);
            random.fill_bytes(&mut data);
        } else {
            data.extend_from_slice(&sample);
            for _ in 0..random.random_range(1..6) {
                mutate(&mut data, &mut random);
            }
        }
        fuzzing::tlv(&data);
    }
}

/// One of the changes that find the most: another byte, a byte more or less, the end cut off, a
/// piece of the data put elsewhere, a byte that means something to the encoding.
fn mutate(data: &mut Vec<u8>, random: &mut ChaCha8Rng) {
    if data.is_empty() {
        return;
    }
    let at = random.random_range(0..data.len());
    match random.random_range(0..6) {
        0 => data[at] = random.random(),
        1 => data[at] ^= 1 << random.random_range(0..8),
        2 => data.insert(at, random.random()),
        3 => data.truncate(at),
        4 => {
            let piece = data[at..].to_vec();
            data.splice(at..at, piece);
            data.truncate(600);
        }
        _ => {
            let telling = [0x00, 0x1F, 0x3F, 0x70, 0x7F, 0x80, 0x81, 0x82, 0x84, 0x9F, 0xFF];
            data[at] = telling[random.random_range(0..telling.len())];
        }
    }
}
