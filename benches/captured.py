#!/usr/bin/env python3
"""What a packet capture says of a load: the times of requests and their answers, worked out from the
bytes on the wire and the kernel's time stamps, by nothing of the load generator's code.

Knows the classic pcap format, Ethernet, IPv4, TCP, and messages behind two bytes of length.
"""

import struct
from collections import defaultdict


def packets(path):
    """(seconds, source port, destination port, sequence number, payload) of every TCP packet."""
    with open(path, "rb") as capture:
        head = capture.read(24)
        magic = struct.unpack("<I", head[:4])[0]
        unit = {0xA1B2C3D4: 1e-6, 0xA1B23C4D: 1e-9}[magic]
        if struct.unpack("<I", head[20:24])[0] != 1:
            raise SystemExit("the capture is not of an Ethernet link")
        while len(record := capture.read(16)) == 16:
            seconds, fraction, kept, length = struct.unpack("<IIII", record)
            data = capture.read(kept)
            if kept != length:
                raise SystemExit("a packet was cut short in the capture")
            if data[12:14] != b"\x08\x00" or data[23] != 6:
                continue
            ip = data[14:14 + struct.unpack(">H", data[16:18])[0]]
            tcp = ip[(ip[0] & 15) * 4:]
            source, target, sequence = struct.unpack(">HHI", tcp[:8])
            payload = tcp[(tcp[12] >> 4) * 4:]
            if payload:
                yield seconds + fraction * unit, source, target, sequence, payload


def frames(path, port):
    """For every connection to `port`: when each request was whole on the wire, and each answer."""
    streams = defaultdict(lambda: [None, b"", []])
    for at, source, target, sequence, payload in packets(path):
        key = (source, "asked") if target == port else (target, "answered")
        stream = streams[key]
        if stream[0] is None:
            stream[0] = sequence
        behind = (stream[0] - sequence) & 0xFFFFFFFF
        if behind >= 1 << 31:
            raise SystemExit("the capture has a hole: packets were dropped")
        if behind >= len(payload):
            continue                                  # sent again
        stream[0] = (sequence + len(payload)) & 0xFFFFFFFF
        buffer, at_byte = stream[1] + payload[behind:], 0
        while len(buffer) - at_byte >= 2:
            end = at_byte + 2 + struct.unpack_from(">H", buffer, at_byte)[0]
            if end > len(buffer):
                break
            stream[2].append(at)
            at_byte = end
        stream[1] = buffer[at_byte:]
    ports = {port for port, _ in streams}
    return {port: (streams[port, "asked"][2], streams[port, "answered"][2]) for port in ports}


def exchanges(path, port):
    """(asked, answered) in seconds, in the order of asking. The host answers in order."""
    pairs = []
    for asked, answered in frames(path, port).values():
        if len(answered) > len(asked):
            raise SystemExit("more answers than requests in the capture")
        pairs.extend(zip(asked, answered))
    return sorted(pairs)


def since_sent(pairs):
    """Milliseconds from a request's last byte to its answer's, sorted."""
    return sorted((answered - asked) * 1e3 for asked, answered in pairs)


def since_due(pairs, rate):
    """Milliseconds from when a request was due to its answer, sorted, where one was due every
    1/rate seconds: the schedule starts as late as lets none of them have left too early."""
    start = min(asked - number / rate for number, (asked, _) in enumerate(pairs))
    return sorted((answered - start - number / rate) * 1e3
                  for number, (_, answered) in enumerate(pairs))


def at(times, share):
    """The time that this share does not exceed (nearest rank)."""
    rank = -(-len(times) * share // 1)
    return times[min(len(times) - 1, max(0, int(rank) - 1))]
