//! Packet captures, pcap and pcapng, as tcpdump, tshark and Wireshark write them.

use super::Stream;
use super::reassembly::Direction;
use crate::SimError;
use etherparse::{NetSlice, SlicedPacket, TransportSlice};
use pcap_file::DataLink;
use pcap_file::pcap::PcapReader;
use pcap_file::pcapng::{Block, PcapNgReader};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

/// Which of the two formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Pcap,
    PcapNg,
}

/// By the magic number.
pub(super) fn format_of(bytes: &[u8]) -> Option<Format> {
    match bytes {
        [0xA1, 0xB2, 0xC3, 0xD4, ..]
        | [0xD4, 0xC3, 0xB2, 0xA1, ..]
        | [0xA1, 0xB2, 0x3C, 0x4D, ..]
        | [0x4D, 0x3C, 0xB2, 0xA1, ..] => Some(Format::Pcap),
        [0x0A, 0x0D, 0x0D, 0x0A, ..] => Some(Format::PcapNg),
        _ => None,
    }
}

/// Both directions of every TCP connection that carried something, in the order they began.
pub(super) fn streams(format: Format, bytes: &[u8], path: &Path) -> Result<Vec<Stream>, SimError> {
    let mut capture = Capture::default();
    match format {
        Format::Pcap => pcap(bytes, &mut capture),
        Format::PcapNg => pcapng(bytes, &mut capture),
    }
    .map_err(|cause| SimError::Setting(format!("{}: {cause}", path.display())))?;
    let streams = capture.streams();
    if streams.is_empty() {
        let cause = format!("{}: no TCP connection carries anything", path.display());
        return Err(SimError::Setting(cause));
    }
    Ok(streams)
}

fn pcap(bytes: &[u8], capture: &mut Capture) -> Result<(), String> {
    let mut reader = PcapReader::new(bytes).map_err(|error| error.to_string())?;
    let link = reader.header().datalink;
    let mut number = 0_u64;
    while let Some(packet) = reader.next_packet() {
        number += 1;
        let packet = packet.map_err(|error| format!("packet {number}: {error}"))?;
        capture.packet(link, packet.timestamp, &packet.data);
    }
    Ok(())
}

fn pcapng(bytes: &[u8], capture: &mut Capture) -> Result<(), String> {
    let mut reader = PcapNgReader::new(bytes).map_err(|error| error.to_string())?;
    let mut links = Vec::new();
    let mut number = 0_u64;
    while let Some(block) = reader.next_block() {
        number += 1;
        match block.map_err(|error| format!("block {number}: {error}"))? {
            Block::SectionHeader(_) => links.clear(),
            Block::InterfaceDescription(interface) => links.push(interface.linktype),
            Block::EnhancedPacket(packet) => {
                let index = usize::try_from(packet.interface_id).unwrap_or(usize::MAX);
                let link = links.get(index).copied().unwrap_or(DataLink::ETHERNET);
                capture.packet(link, packet.timestamp, &packet.data);
            }
            Block::SimplePacket(packet) => {
                let link = links.first().copied().unwrap_or(DataLink::ETHERNET);
                capture.packet(link, Duration::ZERO, &packet.data);
            }
            _ => {}
        }
    }
    Ok(())
}

/// Connections as they are put together.
#[derive(Default)]
struct Capture {
    began: Option<Duration>,
    directions: BTreeMap<(SocketAddr, SocketAddr), (usize, Direction)>,
}

impl Capture {
    /// Packets that are not TCP over IP are passed over: captures hold all kinds of things.
    fn packet(&mut self, link: DataLink, at: Duration, data: &[u8]) {
        let sliced = match link {
            DataLink::ETHERNET => SlicedPacket::from_ethernet(data),
            DataLink::LINUX_SLL => SlicedPacket::from_linux_sll(data),
            DataLink::RAW | DataLink::IPV4 | DataLink::IPV6 => SlicedPacket::from_ip(data),
            // Four bytes of address family stand before the IP header.
            DataLink::NULL | DataLink::LOOP => match data.get(4..) {
                Some(packet) => SlicedPacket::from_ip(packet),
                None => return,
            },
            _ => return,
        };
        let Ok(SlicedPacket { net: Some(net), transport: Some(TransportSlice::Tcp(tcp)), .. }) =
            sliced
        else {
            return;
        };
        let (from, to) = match &net {
            NetSlice::Ipv4(ip) => {
                (ip.header().source_addr().into(), ip.header().destination_addr().into())
            }
            NetSlice::Ipv6(ip) => {
                (ip.header().source_addr().into(), ip.header().destination_addr().into())
            }
            NetSlice::Arp(_) => return,
        };
        let ends =
            (SocketAddr::new(from, tcp.source_port()), SocketAddr::new(to, tcp.destination_port()));
        let began = *self.began.get_or_insert(at);
        let place = self.directions.len();
        let (_, direction) = self.directions.entry(ends).or_insert((place, Direction::default()));
        let since = at.saturating_sub(began);
        direction.segment(tcp.sequence_number(), tcp.syn(), since, tcp.payload());
    }

    fn streams(self) -> Vec<Stream> {
        let mut connections: BTreeMap<SocketAddr, usize> = BTreeMap::new();
        for (from, to) in self.directions.keys() {
            *connections.entry(*from).or_default() += 1;
            *connections.entry(*to).or_default() += 1;
        }
        // Many connect to one; with one connection only, services have the lower port.
        let rank = |end: &SocketAddr| {
            (connections.get(end).copied().unwrap_or(0), std::cmp::Reverse(end.port()))
        };
        let mut directions: Vec<_> = self.directions.into_iter().collect();
        directions.sort_by_key(|(_, (place, _))| *place);
        directions
            .into_iter()
            .map(|((from, to), (_, direction))| Stream {
                service: Some(if rank(&from) > rank(&to) { from } else { to }),
                ..direction.stream(format!("{from} to {to}"))
            })
            .filter(|stream| !stream.bytes.is_empty())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use etherparse::PacketBuilder;
    use pcap_file::pcap::{PcapPacket, PcapWriter};

    fn packet(ports: (u16, u16), sequence: u32, payload: &[u8]) -> Vec<u8> {
        let builder = PacketBuilder::ethernet2([1; 6], [2; 6])
            .ipv4([127, 0, 0, 1], [127, 0, 0, 1], 64)
            .tcp(ports.0, ports.1, sequence, 1024);
        let mut bytes = Vec::new();
        builder.write(&mut bytes, payload).unwrap();
        bytes
    }

    #[test]
    fn both_directions_of_a_connection_come_out_in_order() {
        let mut writer = PcapWriter::new(Vec::new()).unwrap();
        let packets = [
            packet((41_514, 8583), 101, b"lo"),
            packet((8583, 41_514), 500, b"hi"),
            packet((41_514, 8583), 99, b"he"),
            packet((41_514, 8583), 99, b"he"),
            vec![0; 20],
        ];
        for (data, second) in packets.iter().zip(10..) {
            let length = u32::try_from(data.len()).unwrap();
            let packet = PcapPacket::new(Duration::from_secs(second), length, data);
            writer.write_packet(&packet).unwrap();
        }
        let bytes = writer.into_writer();
        assert_eq!(format_of(&bytes), Some(Format::Pcap));
        let found = streams(Format::Pcap, &bytes, Path::new("x.pcap")).unwrap();
        assert!(found.iter().all(|stream| stream.service.unwrap().port() == 8583));
        let shown: Vec<_> = found.iter().map(|stream| (&*stream.name, &*stream.bytes)).collect();
        let there = ("127.0.0.1:41514 to 127.0.0.1:8583", &b"helo"[..]);
        assert_eq!(shown, [there, ("127.0.0.1:8583 to 127.0.0.1:41514", b"hi")]);
        let cut = bytes.get(..bytes.len() - 3).unwrap();
        let error = streams(Format::Pcap, cut, Path::new("x.pcap")).unwrap_err().to_string();
        assert!(error.starts_with("x.pcap: packet 5"), "{error}");
    }

    #[test]
    fn a_capture_of_nothing_says_so() {
        let bytes = PcapWriter::new(Vec::new()).unwrap().into_writer();
        let error = streams(Format::Pcap, &bytes, Path::new("x.pcap")).unwrap_err().to_string();
        assert_eq!(error, "x.pcap: no TCP connection carries anything");
        assert_eq!(format_of(b"0200"), None);
    }
}
