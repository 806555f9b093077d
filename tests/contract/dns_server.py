"""A DNS server for tests: answers A, SRV and TXT questions over UDP from a table (RFC 1035, RFC 2782)."""
import socket
import struct
import threading

TYPES = {"A": 1, "TXT": 16, "SRV": 33}


def name(text):
    return b"".join(bytes([len(label)]) + label.encode() for label in text.split(".") if label) + b"\0"


def read_name(packet, at):
    labels = []
    while packet[at]:
        labels.append(packet[at + 1:at + 1 + packet[at]].decode().lower())
        at += 1 + packet[at]
    return ".".join(labels), at + 1


def rdata(kind, value):
    if kind == "A":
        return socket.inet_aton(value)
    if kind == "SRV":
        port, target = value
        return struct.pack(">HHH", 0, 0, port) + name(target)
    return b"".join(bytes([len(part)]) + part.encode() for part in value)


class DnsServer:
    """Serves `records`, {(name, type): [value, ...]}; a port of its own is `port`."""

    def __init__(self, records, port=0):
        self.records = records
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", port))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                packet, client = self.socket.recvfrom(4096)
                self.socket.sendto(self.answer(packet), client)
            except OSError:
                return   # closed

    def answer(self, packet):
        asked, end = read_name(packet, 12)
        kind_code, = struct.unpack(">H", packet[end:end + 2])
        kind = next((k for k, code in TYPES.items() if code == kind_code), None)
        found = self.records.get((asked, kind), [])
        exists = any(owner == asked for owner, _ in self.records)
        flags = 0x8580 | (0 if exists else 3)   # an authoritative answer, or that there is no such name
        answers = b""
        for value in found:
            data = rdata(kind, value)
            answers += name(asked) + struct.pack(">HHIH", kind_code, 1, 60, len(data)) + data
        return packet[:2] + struct.pack(">HHHHH", flags, 1, len(found), 0, 0) + packet[12:end + 4] + answers

    def close(self):
        self.socket.close()
