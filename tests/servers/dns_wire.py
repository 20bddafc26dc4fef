"""The few parts of DNS messages that a resolver for addresses needs: one question, and answers of A, AAAA and CNAME."""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass

TYPES = {1: "A", 5: "CNAME", 15: "MX", 16: "TXT", 28: "AAAA", 33: "SRV", 65: "HTTPS"}
CODES = {"noerror": 0, "formerr": 1, "servfail": 2, "nxdomain": 3, "refused": 5}
PLAIN_SIZE = 512
"""What fits into a datagram unless the query says more (EDNS)."""

_NUMBERS = {name: number for number, name in TYPES.items()}
_HEAD = struct.Struct("!6H")
_OPT = 41


@dataclass(frozen=True)
class Question:
    """A query, as far as it matters."""

    id: int
    name: str
    """In lower case, without the last dot."""
    qtype: str
    """`A`, `AAAA`, or as in `TYPE99`."""
    flags: int
    size: int
    """The largest datagram the client takes."""
    wire: bytes
    """The question section, to be given back as it came."""


@dataclass(frozen=True)
class Record:
    """A record of an answer."""

    name: str
    qtype: str
    data: str
    """An address, or the name a CNAME stands for."""


def parse(message: bytes) -> Question:
    """The one question of a query; `ValueError` for anything else."""
    if len(message) < _HEAD.size:
        raise ValueError("no head")
    id, flags, questions, answers, authorities, extras = _HEAD.unpack_from(message)
    if flags & 0x8000 or (questions, answers, authorities) != (1, 0, 0):
        raise ValueError(f"not one question: flags {flags:#06x}, {questions} questions, {answers} answers")
    name, at = _parse_name(message, _HEAD.size)
    if at + 4 > len(message):
        raise ValueError("a question cut short")
    qtype, _ = struct.unpack_from("!HH", message, at)
    at += 4
    size = _edns_size(message, at) if extras else PLAIN_SIZE
    return Question(id, name, TYPES.get(qtype, f"TYPE{qtype}"), flags, size, message[_HEAD.size : at])


def build(question: Question, code: str, records: list[Record], ttl: int, *, truncated: bool = False) -> bytes:
    """The answer to a question."""
    # An answer, authoritative, recursion available; whether it was desired is given back.
    flags = 0x8480 | (question.flags & 0x0100) | (0x0200 if truncated else 0) | CODES[code]
    sent = [] if truncated else records
    head = _HEAD.pack(question.id, flags, 1, len(sent), 0, 0)
    return head + question.wire + b"".join(_record(record, ttl) for record in sent)


def _parse_name(message: bytes, at: int) -> tuple[str, int]:
    labels: list[str] = []
    while True:
        if at >= len(message):
            raise ValueError("a name without end")
        length = message[at]
        at += 1
        if length > 63:
            raise ValueError("a compressed name in a question")
        if not length:
            return ".".join(labels).lower(), at
        labels.append(message[at : at + length].decode("ascii", "backslashreplace"))
        at += length


def _edns_size(message: bytes, at: int) -> int:
    if len(message) < at + 5 or message[at] != 0:
        return PLAIN_SIZE
    kind, size = struct.unpack_from("!HH", message, at + 1)
    return max(size, PLAIN_SIZE) if kind == _OPT else PLAIN_SIZE


def _record(record: Record, ttl: int) -> bytes:
    data = _name(record.data) if record.qtype == "CNAME" else ipaddress.ip_address(record.data).packed
    return _name(record.name) + struct.pack("!HHIH", _NUMBERS[record.qtype], 1, ttl, len(data)) + data


def _name(name: str) -> bytes:
    labels = [label.encode("ascii") for label in name.split(".")]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
