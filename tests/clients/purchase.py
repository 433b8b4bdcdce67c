"""A terminal written with somebody else's ISO 8583 library (pyiso8583): a purchase, an echo, a
repeat and a reversal over TCP. Prints one JSON line with what it heard; knows nothing of Tamga.

usage: purchase.py HOST PORT TERMINAL PAN EXPIRY AMOUNT_MINOR PIN_BLOCK_HEX MMDDhhmmss_UTC MMDDhhmmss_LOCAL
"""

import copy
import json
import socket
import struct
import sys

import iso8583
from iso8583.specs import default_ascii

spec = copy.deepcopy(default_ascii)
spec["h"]["max_len"] = 0
# BCD numbers, a binary bitmap and binary elements: what POS terminals of this kind send.
spec["t"]["data_enc"] = "b"
spec["p"]["data_enc"] = "b"
spec["1"]["data_enc"] = "b"
for number in ("3", "4", "7", "11", "12", "13", "14", "15", "18", "22", "23", "24", "25", "70", "90"):
    spec[number].update(data_enc="b", len_count="nibbles")
for number, length in (("52", 8), ("64", 8)):
    spec[number].update(data_enc="b", max_len=length)
# Numbers of an odd count of digits have a zero in front, to fill the last half byte.
for number, length in (("22", 4), ("23", 4), ("24", 4), ("70", 4)):
    spec[number]["max_len"] = length
for number in ("2", "32", "33"):
    spec[number].update(data_enc="b", len_enc="bcd", len_type=1, len_count="nibbles", left_pad="0")
for number in ("44", "54", "55"):
    spec[number].update(len_enc="bcd", len_type=2 if number in ("54", "55") else 1)


def exchange(connection, message):
    encoded, _ = iso8583.encode(message, spec)
    body = bytes.fromhex("6000010000") + bytes(encoded)
    connection.sendall(struct.pack(">H", len(body)) + body)
    length = struct.unpack(">H", connection.recv(2, socket.MSG_WAITALL))[0]
    frame = connection.recv(length, socket.MSG_WAITALL)
    answer, _ = iso8583.decode(frame[5:], spec)
    return answer, frame[:5].hex()


def main():
    host, port, terminal, pan, expiry, amount, pin_block, utc, local = sys.argv[1:]
    purchase = {
        "t": "0200", "2": pan, "3": "000000", "4": f"{int(amount):012}", "7": utc, "11": "000777",
        "12": local[4:], "13": local[:4], "14": expiry, "22": "0051", "25": "00", "32": "417001",
        "37": "PYCLIENT0001", "41": terminal, "42": "M1             ", "49": "417",
        "52": pin_block,
    }
    with socket.create_connection((host, int(port)), timeout=15) as connection:
        echo, tpdu = exchange(connection, {"t": "0800", "7": utc, "11": "000776", "70": "0301"})
        first, _ = exchange(connection, dict(purchase))
        again, _ = exchange(connection, dict(purchase, t="0201"))
        original = "0200" + "000777" + utc + "417001".zfill(11) + "0" * 11
        reversal = dict(purchase, t="0420", **{"11": "000778", "90": original})
        del reversal["52"]
        reversed_, _ = exchange(connection, reversal)
    heard = {"tpdu": tpdu, "echo": echo, "first": first, "again": again, "reversal": reversed_}
    print(json.dumps(heard))


main()
